/* origin.h - where a record of the replay topic came from: it counts as the record that it was, at its first place.
 *
 * `sluice dlq replay` copies dead letters there with what their headers say. Such a record has the version that it had,
 * or would have had, at its first place; the partition's own memory of its sources is neither used nor changed. Thread:
 * lane. Private to lib/pipeline.
 */
#ifndef SLUICE_PIPELINE_ORIGIN_H
#define SLUICE_PIPELINE_ORIGIN_H

#include "config/details.h"
#include "debezium/change.h"
#include "debezium/source_state.h"
#include "kafka/message.h"

struct origin {
    char topic[SLUICE_TOPIC_SIZE];
    int32_t partition;
    int64_t offset;
    bool has_version;
    struct sluice_version version;
    struct sluice_source_state state; /* before the record */
};

/* Errors: SLUICE_E_ENVELOPE, SLUICE_STOP_PARTITION: the headers are not those of a dead letter. */
SLUICE_MUST_CHECK enum sluice_code origin_read(const struct sluice_message_ops *ops, const rd_kafka_message_t *message,
                                               struct origin *out, struct sluice_error *err);

#endif
