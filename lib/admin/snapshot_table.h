/* snapshot_table.h - which table of the source a person means, found among the pipeline's topics. Thread: main. */
#ifndef SLUICE_ADMIN_SNAPSHOT_TABLE_H
#define SLUICE_ADMIN_SNAPSHOT_TABLE_H

#include "admin/record_reader.h"
#include "kafka/consumer.h"
#include "kafka/samples.h"

enum { SNAPSHOT_NAME = 256, SNAPSHOT_TIMEOUT_MS = 10000 };

struct snapshot_table {
    char topic[SNAPSHOT_NAME];
    int n_partitions;
    char prefix[SNAPSHOT_NAME]; /* topic.prefix of the connector */
    char schema[SNAPSHOT_NAME];
    char table[SNAPSHOT_NAME];
    bool has_record; /* false: the names are taken from the topic's */
    bool has_key;    /* of its records; true if there is none */
};

/* `wanted` is the name of a topic of the pipeline, or what stands behind a dot of exactly one. The names are those of
 * its newest records. Errors: SLUICE_E_USAGE (no such topic, several, one that holds several tables), SLUICE_E_KAFKA,
 * those of decoding. */
SLUICE_MUST_CHECK enum sluice_code snapshot_table_find(struct sluice_consumer *consumer, struct sluice_samples *samples,
                                                       struct record_reader *records, const char *wanted,
                                                       struct snapshot_table *out, struct sluice_error *err);

/* Does the pipeline itself read that topic? Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code snapshot_topic_is_read(struct sluice_consumer *consumer, const char *topic,
                                                          bool *is_read, struct sluice_error *err);

#endif
