/* message.h - what the pipeline asks of a Kafka message beyond its plain fields.
 *
 * A table of functions, so that tests can drive the pipeline with messages of their own: librdkafka's are handles into
 * its buffers and can't be made by hand.
 */
#ifndef SLUICE_KAFKA_MESSAGE_H
#define SLUICE_KAFKA_MESSAGE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct sluice_message_ops {
    void (*release)(rd_kafka_message_t *message); /* any thread */
    bool (*has_header)(const rd_kafka_message_t *message, const char *name);
    int64_t (*timestamp_ms)(const rd_kafka_message_t *message); /* producer's or broker's time, -1 if none */
    /* The value of the last header of that name, borrowed from the message; false without one. */
    bool (*find_header)(const rd_kafka_message_t *message, const char *name, struct sluice_str *value);
    /* All headers, for the caller to destroy; never NULL. */
    rd_kafka_headers_t *(*copy_headers)(const rd_kafka_message_t *message);
};

/* For messages of librdkafka. */
extern const struct sluice_message_ops sluice_kafka_message_ops;

#endif
