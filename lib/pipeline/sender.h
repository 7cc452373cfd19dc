/* sender.h - the threads that talk to ClickHouse: one connection each, one attempt per job, no decisions. */
#ifndef SLUICE_PIPELINE_SENDER_H
#define SLUICE_PIPELINE_SENDER_H

#include "base/queue.h"
#include "clickhouse/client.h"
#include "observe/metrics.h"
#include "pipeline/status.h"
#include "sluice/config.h"

struct sender;

/* All borrowed until sender_join(). */
struct sender_world {
    const struct sluice_config *config;
    struct sluice_queue *jobs; /* from the lane */
    struct sluice_queue *lane; /* where jobs go back to */
    struct sluice_metrics *metrics;
    struct sluice_status *status;
    const atomic_bool *abort; /* ends a running request soon */
};

/* Starts the thread. Errors: SLUICE_E_NOMEM, SLUICE_E_IO, those of sluice_ch_client_new(). */
SLUICE_MUST_CHECK enum sluice_code sender_new(const struct sender_world *world, struct sender **out,
                                              struct sluice_error *err);
/* Waits for the thread, which ends when `jobs` is closed and empty, and frees it. */
void sender_join(struct sender *sender);

#endif
