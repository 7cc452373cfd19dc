/* bookkeeper.h - the thread that talks to the ledger.
 *
 * It takes all calls that wait and carries them out together, so there is one statement at a time for each worker,
 * however many partitions it owns. It decides nothing and never waits for anything but the answer. */
#ifndef SLUICE_PIPELINE_BOOKKEEPER_H
#define SLUICE_PIPELINE_BOOKKEEPER_H

#include "base/queue.h"
#include "ledger/ledger.h"
#include "observe/metrics.h"
#include "pipeline/status.h"

struct bookkeeper;

/* All borrowed until bookkeeper_join(). */
struct bookkeeper_world {
    struct sluice_ledger *ledger;
    struct sluice_queue *calls; /* JOB_LEDGER, from the lane */
    struct sluice_queue *lane;  /* where they go back to */
    struct sluice_metrics *metrics;
    struct sluice_status *status;
};

/* Starts the thread. Errors: SLUICE_E_NOMEM, SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code bookkeeper_new(const struct bookkeeper_world *world, struct bookkeeper **out,
                                                  struct sluice_error *err);
/* Waits for the thread, which ends when `calls` is closed and empty, and frees it. NULL does nothing. */
void bookkeeper_join(struct bookkeeper *bookkeeper);

#endif
