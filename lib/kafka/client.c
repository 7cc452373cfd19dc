/* client.c - see client.h. */
#include "kafka/client.h"

#include "sluice/log.h"

#include <stdlib.h>
#include <string.h>

void kafka_list_free(rd_kafka_topic_partition_list_t *list)
{
    if (list != NULL)
        rd_kafka_topic_partition_list_destroy(list);
}

void kafka_list_add(rd_kafka_topic_partition_list_t *list, const char *topic, int32_t partition, int64_t offset,
                    const char *text)
{
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, partition);
    p->offset = offset;
    if (text == NULL)
        return;
    p->metadata_size = strlen(text);
    p->metadata = malloc(p->metadata_size + 1); /* freed with the list, by librdkafka */
    if (p->metadata == NULL)
        SLUICE_BUG("no memory for the text beside an offset");
    memcpy(p->metadata, text, p->metadata_size + 1);
}

void kafka_copy_text(const rd_kafka_topic_partition_t *partition, char *text, size_t text_size)
{
    size_t length = partition->metadata != NULL && partition->metadata_size < text_size ? partition->metadata_size : 0;
    if (length > 0)
        memcpy(text, partition->metadata, length);
    text[length] = '\0';
}

enum sluice_code kafka_set_option(rd_kafka_conf_t *conf, const char *key, const char *value, struct sluice_error *err)
{
    char reason[256];
    if (rd_kafka_conf_set(conf, key, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "kafka.%s: librdkafka refuses the value: %s", key,
                            reason);
}

enum sluice_code kafka_set_options(rd_kafka_conf_t *conf, const struct kafka_option *options, size_t n_options,
                                   struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < n_options && code == SLUICE_OK; i++)
        code = kafka_set_option(conf, options[i].key, options[i].value, err);
    return code;
}

bool kafka_is_connection_option(const char *key)
{
    static const char *const prefixes[] = {
        "security.",       "sasl.",     "ssl.",         "enable.ssl.", "enable.sasl.",      "broker.address.",
        "client.dns.",     "client.id", "connections.", "reconnect.",  "socket.connection", "socket.keepalive",
        "metadata.broker", "debug"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(prefixes); i++) {
        if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

/* What librdkafka says is worth a line of ours only from "warning" on; its own levels are syslog's. */
static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    if (level <= 4)
        SLUICE_LOG(SLUICE_LOG_WARN, "kafka_client", SLUICE_F_TEXT("facility", facility), SLUICE_F_TEXT("text", text));
    else
        SLUICE_LOG(SLUICE_LOG_DEBUG, "kafka_client", SLUICE_F_TEXT("facility", facility), SLUICE_F_TEXT("text", text));
}

enum sluice_code kafka_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, enum sluice_code code, rd_kafka_t **out,
                                  struct sluice_error *err)
{
    char reason[256];
    rd_kafka_conf_set_log_cb(conf, on_log);
    if (code == SLUICE_OK) {
        rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof reason);
        if (rk != NULL) {
            *out = rk;
            return SLUICE_OK;
        }
        code = sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "start a Kafka client: %s", reason);
    }
    rd_kafka_conf_destroy(conf);
    return code;
}
