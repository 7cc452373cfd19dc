/* errors.h - librdkafka's error codes in our words, translated in one place. */
#ifndef SLUICE_KAFKA_ERRORS_H
#define SLUICE_KAFKA_ERRORS_H

#include "base/error.h"

#include <librdkafka/rdkafka.h>

/* Fills err (code SLUICE_E_KAFKA, detail = the librdkafka code) and returns the code. `attempt` says what was tried:
 * "subscribe to kafka.topics". The action is SLUICE_RETRY where librdkafka or a later try may succeed, else
 * SLUICE_STOP. */
enum sluice_code kafka_error_from(struct sluice_error *err, rd_kafka_resp_err_t what, const char *attempt);

#endif
