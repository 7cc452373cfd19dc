/* lookup.h - which rows of a batch does its target hold already?
 *
 * Asked before rows are sent a second time under another token. The batch afterwards holds only the rows that are
 * missing, in the order they had, so that the INSERT that follows is an ordinary one.
 * Target in the mode replace: a row counts as stored when the highest version under its sorting key, deleted rows
 * included, is at least its own. Mode log: when there is a row of its topic, partition, offset and version. The answer
 * is conclusive if nothing that may store rows of the batch is still under way. On a replicated table the replica that
 * answers is brought up to date first.
 * Owner: as client.h (sender).
 */
#ifndef SLUICE_CLICKHOUSE_LOOKUP_H
#define SLUICE_CLICKHOUSE_LOOKUP_H

#include "clickhouse/client.h"
#include "table/batch.h"

/* The records the batch was built from: all are of this partition, lo to hi inclusive. */
struct sluice_ch_range {
    const char *topic;
    int32_t partition;
    int64_t lo;
    int64_t hi;
    bool is_replay; /* the rows are of records that were replayed: each names its own place */
};

/* `batch` is sealed. Leaves out what is stored; *n_missing rows are left, 0 if nothing has to be sent. On an error the
 * batch is as before. May be called again. Errors: as sluice_ch_query(); SLUICE_E_SERVER when the answer is not
 * understood, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_drop_stored(struct sluice_ch_client *client, struct sluice_batch *batch,
                                                         const struct sluice_ch_range *range, size_t *n_missing,
                                                         struct sluice_error *err);

#endif
