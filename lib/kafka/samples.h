/* samples.h - some records of a partition, read without a group: nothing is committed and nobody's position moves. */
#ifndef SLUICE_KAFKA_SAMPLES_H
#define SLUICE_KAFKA_SAMPLES_H

#include "base/error.h"
#include "sluice/config.h"

#include <librdkafka/rdkafka.h>

struct sluice_samples;

/* Of the options, the servers and what concerns connections are used. Connects nothing yet. Errors: SLUICE_E_CONFIG,
 * SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_samples_new(const struct sluice_config *config, struct sluice_samples **out,
                                                      struct sluice_error *err);
void sluice_samples_free(struct sluice_samples *samples); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(sluice_samples, struct sluice_samples, sluice_samples_free)

/* The message is borrowed for the call. False: enough of them. */
typedef bool (*sluice_sample_fn)(void *context, const rd_kafka_message_t *message);

/* The first `n_first` offsets of the partition, then the last `n_last` as far as they are others; transactions,
 * compaction and markers may leave fewer records of them. `timeout_ms` is for each answer of the broker. Errors:
 * SLUICE_E_KAFKA. Thread: one at a time. */
SLUICE_MUST_CHECK enum sluice_code sluice_samples_visit(struct sluice_samples *samples, const char *topic,
                                                        int32_t partition, int64_t n_first, int64_t n_last,
                                                        int timeout_ms, sluice_sample_fn visit, void *context,
                                                        struct sluice_error *err);

/* Every record from offset `first` up to `last`, as far as there are any; both are within the partition. */
SLUICE_MUST_CHECK enum sluice_code sluice_samples_scan(struct sluice_samples *samples, const char *topic,
                                                       int32_t partition, int64_t first, int64_t last, int timeout_ms,
                                                       sluice_sample_fn visit, void *context, struct sluice_error *err);

/* How many partitions the topic has; 0: there is no such topic. Nothing is made. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_samples_partitions(struct sluice_samples *samples, const char *topic,
                                                             int timeout_ms, int *n, struct sluice_error *err);
/* The offset behind the newest record that a reader of committed records may see. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_samples_end(struct sluice_samples *samples, const char *topic,
                                                      int32_t partition, int timeout_ms, int64_t *end,
                                                      struct sluice_error *err);
/* The offsets of the oldest record and behind the newest. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_samples_ends(struct sluice_samples *samples, const char *topic,
                                                       int32_t partition, int timeout_ms, int64_t *low, int64_t *high,
                                                       struct sluice_error *err);

#endif
