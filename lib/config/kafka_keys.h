/* kafka_keys.h - which librdkafka properties a configuration may set, and which are secrets. */
#ifndef SLUICE_CONFIG_KAFKA_KEYS_H
#define SLUICE_CONFIG_KAFKA_KEYS_H

#include <stdbool.h>

struct config_kafka_refusal {
    const char *key;     /* without "kafka." */
    const char *allowed; /* the one value that may be set, or NULL */
    const char *reason;
};

extern const struct config_kafka_refusal config_kafka_refusals[];
extern const unsigned config_n_kafka_refusals;

/* NULL when the property may have the value; else the row that says why not. */
const struct config_kafka_refusal *config_kafka_refused(const char *key, const char *value);
bool config_kafka_is_secret(const char *key);

#endif
