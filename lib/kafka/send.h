/* send.h - one record for one partition, and the broker's confirmation. For commands: a worker writes no records. */
#ifndef SLUICE_KAFKA_SEND_H
#define SLUICE_KAFKA_SEND_H

#include "base/error.h"
#include "base/str.h"
#include "sluice/config.h"

/* Waits until every replica in sync has the record, `timeout_ms` at most; sent once; key and value have 1 MiB at most.
 * After an error it may be there all the same. Of the options, the servers and what concerns connections are used.
 * Errors: SLUICE_E_CONFIG, SLUICE_E_KAFKA. Thread: any. */
SLUICE_MUST_CHECK enum sluice_code sluice_kafka_send(const struct sluice_config *config, const char *topic,
                                                     int32_t partition, struct sluice_str key, struct sluice_str value,
                                                     int timeout_ms, struct sluice_error *err);

#endif
