/* lane.h - the thread that turns records into batches.
 *
 * It owns the decoder, the table catalog, and of every partition the bindings, open batches and source state. It
 * decodes and encodes only: whatever needs the network is a job for a sender, and a partition that waits for one keeps
 * its chunks aside while the others go on. It decides about the result of every job: done, again later, or stop.
 *
 * What it guarantees: an offset is announced as committable only when every row from an offset below it was confirmed
 * by ClickHouse; rows of a bad record and after it are never sent, those before it always.
 */
#ifndef SLUICE_PIPELINE_LANE_H
#define SLUICE_PIPELINE_LANE_H

#include "base/budget.h"
#include "kafka/message.h"
#include "observe/metrics.h"
#include "pipeline/catalog.h"
#include "pipeline/messages.h"
#include "pipeline/partition.h"
#include "pipeline/status.h"
#include "sluice/config.h"

struct lane;

/* All borrowed until lane_free(). */
struct lane_world {
    const struct sluice_config *config;
    struct sluice_queue *jobs;    /* to the senders */
    struct sluice_queue *ledger;  /* to the bookkeeper; NULL: at-least-once delivery */
    const char *token_scope;      /* what tokens begin with: "sluice:PIPELINE:CLUSTER" */
    bool commits_apart;           /* of the ledger: Kafka gets commits beside it */
    struct sluice_queue *letters; /* to the postman; NULL: bad records stop their partition */
    struct sluice_queue *notices; /* to the reader */
    struct sluice_budget *budget;
    struct sluice_metrics *metrics;
    struct sluice_status *status;
    const struct sluice_message_ops *ops;
    _Atomic size_t *raw_bytes; /* bytes of messages between reader and lane */
};

/* The batch limits that a configuration asks for. */
struct lane_limits lane_limits_from(const struct sluice_config *config);

/* Starts the thread. Errors: SLUICE_E_NOMEM, SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code lane_new(const struct lane_world *world, struct lane **out,
                                            struct sluice_error *err);
/* Where the reader and the senders push their items. */
struct sluice_queue *lane_inbox(struct lane *lane);
/* Waits for the thread: push LANE_STOP before; it ends when every job is back. */
void lane_join(struct lane *lane);
void lane_free(struct lane *lane);

#endif
