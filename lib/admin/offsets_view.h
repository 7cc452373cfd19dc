/* offsets_view.h - the partitions that a command of `sluice offsets` is about. Thread: main. */
#ifndef SLUICE_ADMIN_OFFSETS_VIEW_H
#define SLUICE_ADMIN_OFFSETS_VIEW_H

#include "admin/ledger_view.h"
#include "admin/offsets_text.h"
#include "sluice/offsets.h"

/* What the scope of a command names, each of its topics parsed. */
struct offsets_scope {
    struct offsets_topic *topics;
    size_t n_topics; /* 0: all */
};

/* Deinit it whatever the outcome. Errors: SLUICE_E_USAGE, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code
offsets_scope_init(struct offsets_scope *scope, const struct sluice_offsets_scope *asked, struct sluice_error *err);
void offsets_scope_deinit(struct offsets_scope *scope);
SLUICE_DEFINE_AUTO(offsets_scope, struct offsets_scope, offsets_scope_deinit)

/* ledger_view_read_filtered() with this scope. Errors: also SLUICE_E_USAGE for a topic or partition that is named and
 * not there. */
SLUICE_MUST_CHECK enum sluice_code offsets_view_read(struct ledger_view *view, const struct sluice_config *config,
                                                     enum sluice_ledger_use use, const struct offsets_scope *scope,
                                                     struct sluice_error *err);
/* One of them; NULL if it is not among the view's, or not in Kafka. */
const struct ledger_entry *offsets_view_find(const struct ledger_view *view, struct sluice_str topic,
                                             int32_t partition);

#endif
