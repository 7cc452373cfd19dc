/* kafka_keys.c - see kafka_keys.h. Names: CONFIGURATION.md of librdkafka 2.0 and later. */
#include "config/kafka_keys.h"

#include <stddef.h>
#include <string.h>

#include "base/compiler.h"

#define WE_COMMIT "sluice commits an offset when ClickHouse confirmed its rows, and nothing else may"

const struct config_kafka_refusal config_kafka_refusals[] = {
    {"enable.auto.commit", "false", WE_COMMIT},
    {"auto.commit.enable", "false", WE_COMMIT},
    {"auto.commit.interval.ms", NULL, WE_COMMIT},
    {"enable.auto.offset.store", "false", WE_COMMIT},
    {"offset.store.method", "broker", WE_COMMIT},
    {"offset.store.path", NULL, WE_COMMIT},
    {"offset.store.sync.interval.ms", NULL, WE_COMMIT},
    {"isolation.level", "read_committed", "aborted transactions would reach the tables"},
    {"enable.partition.eof", NULL, "the worker needs it to see that a partition was read to its end"},
    {"group.protocol", "classic", "the hand-over of partitions rests on the classic protocol"},
    {"partition.assignment.strategy", NULL, "sluice chooses it by the version of librdkafka"},
    {"topic.blacklist", NULL,
     "sluice keeps its own topics out of the subscription with it; write kafka.topics accordingly"},
    {"metadata.broker.list", NULL, "it is another name of bootstrap.servers; set kafka.bootstrap.servers"},
};
const unsigned config_n_kafka_refusals = SLUICE_N_ELEMENTS(config_kafka_refusals);

const struct config_kafka_refusal *config_kafka_refused(const char *key, const char *value)
{
    for (unsigned i = 0; i < config_n_kafka_refusals; i++) {
        const struct config_kafka_refusal *row = &config_kafka_refusals[i];
        if (strcmp(row->key, key) == 0)
            return row->allowed != NULL && strcmp(row->allowed, value) == 0 ? NULL : row;
    }
    return NULL;
}

bool config_kafka_is_secret(const char *key)
{
    static const char *const parts[] = {
        "password", "secret", "key.pem", "token", "oauthbearer.config", "oauthbearer.assertion"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(parts); i++)
        if (strstr(key, parts[i]) != NULL && strcmp(key, "sasl.oauthbearer.token.endpoint.url") != 0)
            return true;
    return false;
}
