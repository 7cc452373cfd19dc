/* exchange.h - records written to several topics of a pipeline in one transaction, by one process at a time.
 *
 * The transactional id is that of the pipeline: who opens an exchange ends every other one, and what that had not
 * committed never happened. Read what is decided upon after opening. Thread: one at a time.
 */
#ifndef SLUICE_KAFKA_EXCHANGE_H
#define SLUICE_KAFKA_EXCHANGE_H

#include "base/error.h"
#include "sluice/config.h"

#include <librdkafka/rdkafka.h>

struct sluice_exchange;

/* Waits until nothing of an earlier one is open. Errors: SLUICE_E_KAFKA, SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_exchange_open(const struct sluice_config *config,
                                                        struct sluice_exchange **out, struct sluice_error *err);
void sluice_exchange_free(struct sluice_exchange *exchange); /* what is not committed is given up; NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(sluice_exchange, struct sluice_exchange, sluice_exchange_free)

struct sluice_exchange_record {
    const char *topic;
    int32_t partition;
    void *key; /* copied, as the value; NULL: none */
    size_t key_len;
    void *value;
    size_t value_len;
    rd_kafka_headers_t *headers; /* taken, whatever the outcome; NULL: none */
    int64_t timestamp_ms;        /* negative: now */
};

/* The first one begins the transaction. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_exchange_put(struct sluice_exchange *exchange,
                                                       const struct sluice_exchange_record *record,
                                                       struct sluice_error *err);
/* Errors: SLUICE_E_KAFKA: nothing of it happened, or (the text says so) it is not known. */
SLUICE_MUST_CHECK enum sluice_code sluice_exchange_commit(struct sluice_exchange *exchange, struct sluice_error *err);

/* Removes the records of a partition below `offset`. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_exchange_delete_before(struct sluice_exchange *exchange, const char *topic,
                                                                 int32_t partition, int64_t offset,
                                                                 struct sluice_error *err);

#endif
