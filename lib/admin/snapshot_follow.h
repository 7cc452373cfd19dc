/* snapshot_follow.h - follows a snapshot from the signal to the last row that is visible in ClickHouse.
 *
 * Rows and notifications come from one producer, in this order, but lie in different partitions, perhaps on different
 * brokers: a notification may be readable before a row that was sent ahead of it. So the rows count as complete when as
 * many were read as the connector says; where changes have taken the place of some (an incremental snapshot leaves out
 * what a change has overtaken), what there is `grace_us` after the last notification counts. A row is visible when the
 * group has committed an offset behind it. Thread: main.
 */
#ifndef SLUICE_ADMIN_SNAPSHOT_FOLLOW_H
#define SLUICE_ADMIN_SNAPSHOT_FOLLOW_H

#include "admin/progress.h"
#include "admin/snapshot_table.h"
#include "admin/snapshot_watch.h"

struct snapshot_part {
    int64_t position; /* the next record to read */
    int64_t last_row; /* of the snapshot; -1: none */
    int64_t target;   /* what must be committed; -1: nothing */
    int64_t committed;
};

struct snapshot_follow {
    struct sluice_consumer *consumer; /* all borrowed */
    struct sluice_samples *samples;
    struct record_reader *records;
    const struct snapshot_table *table;
    const char *group_id;
    const char *notices; /* the topic */
    struct snapshot_watch watch;
    struct progress progress;
    int64_t timeout_us;
    int64_t grace_us;
    int n_notice_parts;
    int64_t *notice_positions;
    struct snapshot_part *parts; /* one for each of the table's partitions */
    int64_t n_rows;              /* read rows seen in the topic */
    int64_t begun_us, news_us, over_us;
    int64_t rows_us; /* the time in which n_rows were read */
};

/* Notes where all topics end now: before the signal is sent. Deinit it whatever the outcome. Errors: SLUICE_E_KAFKA,
 * SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code snapshot_follow_begin(struct snapshot_follow *follow, struct sluice_error *err);
/* After the signal. Errors: SLUICE_E_UNSUPPORTED (the connector refused or gave up), SLUICE_E_KAFKA; `*timed_out` with
 * SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code snapshot_follow_run(struct snapshot_follow *follow, bool *timed_out,
                                                       struct sluice_error *err);
void snapshot_follow_deinit(struct snapshot_follow *follow);

#endif
