/* ledger_view.h - the partitions of a pipeline as ledger and group have them, read once. Thread: main. */
#ifndef SLUICE_ADMIN_LEDGER_VIEW_H
#define SLUICE_ADMIN_LEDGER_VIEW_H

#include "admin/foresight.h"
#include "base/arena.h"
#include "kafka/consumer.h"
#include "ledger/choose.h"
#include "sluice/ledger.h"

struct ledger_entry {
    const char *topic;
    int32_t partition;
    bool has_topic;   /* Kafka has the partition, and kafka.topics matches it */
    const char *text; /* beside the committed offset, "" if there is none */
    struct partition_facts facts;
    int64_t written_ms;         /* the row; 0 if not known */
    struct foresight foresight; /* nothing without a ledger */
};

struct ledger_view {
    struct sluice_consumer *consumer; /* not a member of the group */
    struct sluice_ledger *ledger;     /* NULL in at-least-once delivery: then the entries say what Kafka says */
    const char *group_id;
    char reason[384]; /* which ledger and why */
    struct sluice_arena arena;
    struct ledger_entry *entries; /* by topic and partition */
    size_t n_entries;
    size_t max_entries;
    bool is_compared; /* records were compared with what was read; not for so many partitions that it takes long */
};

enum { LEDGER_VIEW_TIMEOUT_MS = 10000 };

/* Which partitions are taken. */
struct ledger_filter {
    bool (*takes)(const void *context, const char *topic, int32_t partition);
    const void *context;
};

/* `view` need not be initialised; deinit it whatever the outcome. The committed offsets are read before the rows, as a
 * worker does it: a row read first could look older than a commit that came after it. Without a ledger there is nothing
 * to see: SLUICE_E_CONFIG. */
SLUICE_MUST_CHECK enum sluice_code ledger_view_read(struct ledger_view *view, const struct sluice_config *config,
                                                    enum sluice_ledger_use use,
                                                    const struct sluice_ledger_selection *selection,
                                                    struct sluice_error *err);
/* The same with any filter, also without a ledger, and also if there is none. */
SLUICE_MUST_CHECK enum sluice_code
ledger_view_read_filtered(struct ledger_view *view, const struct sluice_config *config, enum sluice_ledger_use use,
                          const struct ledger_filter *filter, struct sluice_error *err);
void ledger_view_deinit(struct ledger_view *view);
SLUICE_DEFINE_AUTO(ledger_view, struct ledger_view, ledger_view_deinit)

/* Everything below it is stored, as far as ledger and mark know: the mark of the last owner may be ahead of the row.
 * -1: not known. */
int64_t ledger_view_next(const struct ledger_entry *entry);

/* How many partitions a worker would stop in that state, and the first of them; NULL if none. */
const struct ledger_entry *ledger_view_stopped(const struct ledger_view *view, enum sluice_ledger_state state,
                                               size_t *n);

/* SLUICE_E_UNSAFE, with "client (host), client (host)", while the group has members: one that owns a partition would go
 * on from the row of before. */
SLUICE_MUST_CHECK enum sluice_code ledger_view_refuse_members(const struct ledger_view *view, struct sluice_error *err);

/* "2026-11-21 13:20:05" UTC, "" for 0. */
void ledger_view_time(int64_t wall_ms, char text[32]);

#endif
