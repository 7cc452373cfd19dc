/* reader.h - the consumer thread: polls Kafka, hands messages to the lane in chunks, commits what the lane reports
 * durable, and answers rebalances.
 *
 * It never waits for ClickHouse. Back-pressure is pausing: when the memory budget or its share for raw messages is used
 * up, all partitions are paused and polling goes on; below the lower mark they are resumed.
 */
#ifndef SLUICE_PIPELINE_READER_H
#define SLUICE_PIPELINE_READER_H

#include "kafka/consumer.h"
#include "ledger/ledger.h"
#include "pipeline/lane.h"

struct reader;

/* All borrowed until reader_free(). */
struct reader_world {
    const struct sluice_config *config;
    struct sluice_queue *notices;
    struct sluice_budget *budget;
    struct sluice_metrics *metrics;
    struct sluice_status *status;
    _Atomic size_t *raw_bytes;
};

/* A consumer as the configuration asks for it. Errors: those of sluice_consumer_new(). */
SLUICE_MUST_CHECK enum sluice_code reader_consumer_new(const struct sluice_config *config,
                                                       const struct sluice_consumer_handler *handler,
                                                       struct sluice_consumer **out, struct sluice_error *err);

/* Makes the Kafka client; no thread yet. Errors: those of sluice_consumer_new(). */
SLUICE_MUST_CHECK enum sluice_code reader_new(const struct reader_world *world, struct reader **out,
                                              struct sluice_error *err);
/* Before reader_start(): is any broker there? Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code reader_ping(struct reader *reader, int timeout_ms, struct sluice_error *err);
/* Before reader_start(): sluice_consumer_cluster_id(). */
SLUICE_MUST_CHECK enum sluice_code reader_cluster_id(struct reader *reader, int timeout_ms,
                                                     char out[SLUICE_KAFKA_CLUSTER_ID], struct sluice_error *err);
/* Joins the group and starts the thread. `lane`: the lane's inbox; `ledger`: NULL in at-least-once delivery, used for
 * its kind and path only; both borrowed until reader_free(). Errors: SLUICE_E_KAFKA, SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code reader_start(struct reader *reader, struct sluice_queue *lane,
                                                const struct sluice_ledger *ledger, struct sluice_error *err);

/* Any thread: starts stopped partitions again where they stopped. */
void reader_restart_stopped(struct reader *reader);
/* Any thread: drain, commit, leave the group, end the thread. */
void reader_stop(struct reader *reader);
/* The thread ended by itself, on an error that *err then holds. */
bool reader_failed(struct reader *reader, struct sluice_error *err);
void reader_join(struct reader *reader);
void reader_free(struct reader *reader);

#endif
