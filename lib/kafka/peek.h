/* peek.h - the last records of a topic, looked at without joining a group or moving an offset. */
#ifndef SLUICE_KAFKA_PEEK_H
#define SLUICE_KAFKA_PEEK_H

#include "kafka/consumer.h"

/* Called for each record, borrowed for the call. */
typedef void (*kafka_peek_fn)(void *context, const rd_kafka_message_t *message);

/* Shows the last `n_last` offsets of each partition (of which transactions, compaction and markers may leave fewer
 * records), partition by partition in order of offsets. Of the options, servers, group and what concerns connections
 * is used. Waits at most `timeout_ms` for all of them together. Errors: SLUICE_E_KAFKA, SLUICE_E_CONFIG,
 * SLUICE_E_NOMEM.
 */
SLUICE_MUST_CHECK enum sluice_code kafka_peek(const struct sluice_consumer_options *options, const char *topic,
                                              int n_partitions, int64_t n_last, int timeout_ms, kafka_peek_fn visit,
                                              void *context, struct sluice_error *err);

#endif
