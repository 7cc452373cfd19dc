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
    bool has_topic; /* Kafka has the partition, and kafka.topics matches it */
    struct partition_facts facts;
    int64_t written_ms; /* the row; 0 if not known */
    struct foresight foresight;
};

struct ledger_view {
    struct sluice_consumer *consumer; /* not a member of the group */
    struct sluice_ledger *ledger;
    const char *group_id;
    char reason[384]; /* which ledger and why */
    struct sluice_arena arena;
    struct ledger_entry *entries; /* by topic and partition */
    size_t n_entries;
    size_t max_entries;
};

enum { LEDGER_VIEW_TIMEOUT_MS = 10000 };

/* `view` need not be initialised; deinit it whatever the outcome. The committed offsets are read before the rows, as a
 * worker does it: a row read first could look older than a commit that came after it. */
SLUICE_MUST_CHECK enum sluice_code ledger_view_read(struct ledger_view *view, const struct sluice_config *config,
                                                    enum sluice_ledger_use use,
                                                    const struct sluice_ledger_selection *selection,
                                                    struct sluice_error *err);
void ledger_view_deinit(struct ledger_view *view);
SLUICE_DEFINE_AUTO(ledger_view, struct ledger_view, ledger_view_deinit)

/* How many partitions a worker would stop in that state, and the first of them; NULL if none. */
const struct ledger_entry *ledger_view_stopped(const struct ledger_view *view, enum sluice_ledger_state state,
                                               size_t *n);

/* "client (host), client (host)" of the group's members; "" if there is none. */
SLUICE_MUST_CHECK enum sluice_code ledger_view_members(const struct ledger_view *view, char *text, size_t size,
                                                       struct sluice_error *err);

/* "2026-11-21 13:20:05" UTC, "" for 0. */
void ledger_view_time(int64_t wall_ms, char text[32]);

#endif
