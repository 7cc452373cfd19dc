/* client.h - what consumer.c and group_offsets.c share: lists, options, log lines. Private to lib/kafka and lib/ledger.
 */
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

/* Errors: SLUICE_E_CONFIG. */
SLUICE_MUST_CHECK enum sluice_code kafka_set_option(rd_kafka_conf_t *conf, const char *key, const char *value,
                                                    struct sluice_error *err);

/* Is it about how brokers are reached, so that every client of ours needs it? */
bool kafka_is_connection_option(const char *key);

/* For rd_kafka_conf_set_log_cb(). Any thread. */
void kafka_on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);

#endif
