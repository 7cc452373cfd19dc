/* client.h - what the clients of consumer.c, samples.c and group_offsets.c share: lists, options, log lines. Private to
 * lib/kafka and lib/ledger. */
#ifndef SLUICE_KAFKA_CLIENT_H
#define SLUICE_KAFKA_CLIENT_H

#include "base/error.h"

#include <librdkafka/rdkafka.h>

/* librdkafka's own takes no NULL. */
void kafka_list_free(rd_kafka_topic_partition_list_t *list);
SLUICE_DEFINE_AUTO_PTR(kafka_list, rd_kafka_topic_partition_list_t, kafka_list_free)

/* Adds one partition, with a copy of `text` beside the offset; NULL for none. Without memory the process ends, as
 * within librdkafka: an offset that lost its text would read as one that an operator set. */
void kafka_list_add(rd_kafka_topic_partition_list_t *list, const char *topic, int32_t partition, int64_t offset,
                    const char *text);

/* Copies the text beside an offset as a C string; "" if there is none or if it does not fit. */
void kafka_copy_text(const rd_kafka_topic_partition_t *partition, char *text, size_t text_size);

struct kafka_option {
    const char *key; /* librdkafka's name */
    const char *value;
};

/* Errors: SLUICE_E_CONFIG. */
SLUICE_MUST_CHECK enum sluice_code kafka_set_option(rd_kafka_conf_t *conf, const char *key, const char *value,
                                                    struct sluice_error *err);

/* The same for several, up to the first that is refused. */
SLUICE_MUST_CHECK enum sluice_code kafka_set_options(rd_kafka_conf_t *conf, const struct kafka_option *options,
                                                     size_t n_options, struct sluice_error *err);

/* Is it about how brokers are reached, so that every client of ours needs it? */
bool kafka_is_connection_option(const char *key);

/* Starts a client whose log lines become ours. Takes `conf`; `code` is the outcome of filling it, and nothing is
 * started unless that is SLUICE_OK. Errors: `code`, SLUICE_E_CONFIG. */
SLUICE_MUST_CHECK enum sluice_code kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, enum sluice_code code,
                                                    rd_kafka_t **out, struct sluice_error *err);

#endif
