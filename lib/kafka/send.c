/* send.c - see send.h. */
#include "kafka/send.h"

#include "base/buf.h"
#include "kafka/client.h"
#include "kafka/errors.h"
#include "kafka/produce.h"

#include <stdio.h>

enum { MARGIN_MS = 1000, MAX_BYTES = 1 << 20 };

static enum sluice_code set_options(rd_kafka_conf_t *conf, const struct sluice_config *config, int timeout_ms,
                                    struct sluice_error *err)
{
    char timeout[16];
    (void)snprintf(timeout, sizeof timeout, "%d", timeout_ms);
    const struct kafka_option own[] = {{"bootstrap.servers", config->kafka_bootstrap_servers},
                                       {"enable.idempotence", "true"},
                                       {"linger.ms", "0"},
                                       {"delivery.timeout.ms", timeout}};
    enum sluice_code code = kafka_set_options(conf, own, SLUICE_N_ELEMENTS(own), err);
    for (size_t i = 0; i < config->n_kafka_properties && code == SLUICE_OK; i++) {
        const struct sluice_config_property *property = &config->kafka_properties[i];
        if (kafka_is_connection_option(property->key))
            code = kafka_set_option(conf, property->key, property->value, err);
    }
    return code;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    rd_kafka_resp_err_t *outcome = opaque;
    (void)rk;
    *outcome = message->err;
}

static enum sluice_code send_and_wait(rd_kafka_t *rk, const rd_kafka_resp_err_t *outcome, const char *topic,
                                      int32_t partition, const struct sluice_buf *key, const struct sluice_buf *value,
                                      int timeout_ms, struct sluice_error *err)
{
    rd_kafka_resp_err_t failed = kafka_produce(rk, &(struct kafka_outgoing){
                                                       .topic = topic,
                                                       .partition = partition,
                                                       .key = key->ptr,
                                                       .key_len = key->len,
                                                       .value = value->ptr,
                                                       .value_len = value->len,
                                                       .copies_value = true,
                                                   });
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        failed = rd_kafka_flush(rk, timeout_ms + MARGIN_MS);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        failed = *outcome;
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? SLUICE_OK : kafka_error_from(err, failed, "write a record");
}

enum sluice_code sluice_kafka_send(const struct sluice_config *config, const char *topic, int32_t partition,
                                   struct sluice_str key, struct sluice_str value, int timeout_ms,
                                   struct sluice_error *err)
{
    rd_kafka_t *rk = NULL;
    rd_kafka_resp_err_t outcome = RD_KAFKA_RESP_ERR__TIMED_OUT; /* until the broker has answered */
    SLUICE_AUTO(sluice_buf) struct sluice_buf key_copy;
    SLUICE_AUTO(sluice_buf) struct sluice_buf value_copy;
    sluice_buf_init(&key_copy, MAX_BYTES, "a record's key");
    sluice_buf_init(&value_copy, MAX_BYTES, "a record's value");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code = set_options(conf, config, timeout_ms, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_str(&key_copy, key, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_str(&value_copy, value, err);
    rd_kafka_conf_set_opaque(conf, &outcome);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    code = kafka_client_new(RD_KAFKA_PRODUCER, conf, code, &rk, err);
    if (code != SLUICE_OK)
        return code;
    code = send_and_wait(rk, &outcome, topic, partition, &key_copy, &value_copy, timeout_ms, err);
    rd_kafka_destroy(rk);
    return code == SLUICE_OK ? code : sluice_error_wrap(err, "topic \"%s\"", topic);
}
