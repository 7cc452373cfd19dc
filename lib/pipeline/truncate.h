/* truncate.h - TRUNCATE of a source table: policy, and the job that deletes its rows. Private to lib/pipeline.
 *
 * The record waits until the job is acknowledged, so no offset moves past it before; whatever is done again after a
 * crash is the same again. What other partitions insert meanwhile is deleted by who inserts it (clickhouse/truncate.h).
 * Thread: lane; truncate_run() and the two checks of an insert: sender.
 */
#ifndef SLUICE_PIPELINE_TRUNCATE_H
#define SLUICE_PIPELINE_TRUNCATE_H

#include "clickhouse/truncate.h"
#include "pipeline/job.h"
#include "sluice/rules.h"

struct lane;

/* One TRUNCATE; kept by the lane until the record that waits for it was taken. */
struct truncation {
    struct job job;
    char *source; /* as struct table has it */
    char *database;
    char *table;
    struct sluice_version version;
    bool is_done;
    struct truncation *next;
};

/* What is to be done about the record: nothing, wait for (*out)->job, or an error. The first call for a record starts
 * the job, a later one finds it done and forgets it. Errors: SLUICE_E_TRUNCATE: SLUICE_REJECT; those of
 * sluice_source_state_version(), sluice_table_settings_new(). */
SLUICE_MUST_CHECK enum sluice_code truncate_take(struct lane *lane, struct partition *p,
                                                 const struct sluice_change *change, struct truncation **out,
                                                 struct sluice_error *err);
/* The job is back. False: it is tried again. */
bool truncate_returned(struct truncation *truncation, bool is_stopping, bool *is_done);
/* Takes it from the lane's list: what failed begins anew with the next record. */
void truncate_forget(struct lane *lane, const struct truncation *truncation);
void truncate_free(struct truncation *truncation);
void truncate_free_all(struct truncation *first);
SLUICE_MUST_CHECK enum sluice_code truncate_run(struct truncation *truncation, const struct sluice_config *config,
                                                struct sluice_ch_client *client, struct sluice_error *err);
/* The version below which the rows of the flight's table are deleted; zero if none are. */
SLUICE_MUST_CHECK enum sluice_code truncate_find(const struct flight *flight, const struct sluice_config *config,
                                                 struct sluice_ch_client *client, struct sluice_version *out,
                                                 struct sluice_error *err);
/* Before the first attempt at an insert: rows from before a TRUNCATE are marked as deleted. And behind it: those that
 * it could not know of are deleted. Both do nothing for a table whose TRUNCATEs are not applied. */
SLUICE_MUST_CHECK enum sluice_code truncate_before_insert(struct flight *flight, const struct sluice_config *config,
                                                          struct sluice_ch_client *client, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code truncate_after_insert(const struct flight *flight,
                                                         const struct sluice_config *config,
                                                         struct sluice_ch_client *client, struct sluice_error *err);

#endif
