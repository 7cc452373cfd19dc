/* exchange.c - see exchange.h. */
#include "kafka/exchange.h"

#include "kafka/client.h"
#include "kafka/errors.h"
#include "kafka/produce.h"

#include <stdio.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 60000, POLL_MS = 100 };

struct sluice_exchange {
    rd_kafka_t *producer;
    bool has_begun;
};

static enum sluice_code set_options(rd_kafka_conf_t *conf, const struct sluice_config *config, struct sluice_error *err)
{
    char id[256];
    (void)snprintf(id, sizeof id, "sluice-%.200s-dlq", config->name);
    const struct kafka_option own[] = {
        {"bootstrap.servers", config->kafka_bootstrap_servers},
        {"client.id", "sluice"},
        {"transactional.id", id},
        {"transaction.timeout.ms", "60000"},
        {"message.max.bytes", "1000000000"},
        {"log_level", "2"},
    };
    enum sluice_code code = kafka_set_options(conf, own, SLUICE_N_ELEMENTS(own), err);
    for (size_t i = 0; i < config->n_kafka_properties && code == SLUICE_OK; i++) {
        const struct sluice_config_property *property = &config->kafka_properties[i];
        if (kafka_is_connection_option(property->key))
            code = kafka_set_option(conf, property->key, property->value, err);
    }
    return code;
}

/* Consumes `error`. */
static enum sluice_code fail(rd_kafka_error_t *error, const char *attempt, struct sluice_error *err)
{
    rd_kafka_resp_err_t what = rd_kafka_error_code(error);
    bool is_fenced = what == RD_KAFKA_RESP_ERR__FENCED || what == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
                     what == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
    (void)sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_RETRY, "%s: %s (%s)%s", attempt, rd_kafka_error_string(error),
                           rd_kafka_err2name(what),
                           is_fenced ? "; another sluice dlq of this pipeline runs, and its turn ended this one" : "");
    err->detail = what;
    rd_kafka_error_destroy(error);
    return SLUICE_E_KAFKA;
}

enum sluice_code sluice_exchange_open(const struct sluice_config *config, struct sluice_exchange **out,
                                      struct sluice_error *err)
{
    SLUICE_AUTO(sluice_exchange) struct sluice_exchange *exchange = calloc(1, sizeof *exchange);
    if (exchange == NULL)
        return sluice_error_nomem(err, "a transaction", sizeof *exchange);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code =
        kafka_client_new(RD_KAFKA_PRODUCER, conf, set_options(conf, config, err), &exchange->producer, err);
    if (code != SLUICE_OK)
        return code;
    rd_kafka_error_t *error = rd_kafka_init_transactions(exchange->producer, TIMEOUT_MS);
    if (error != NULL)
        return fail(error, "begin with transactions", err);
    *out = SLUICE_TAKE(exchange);
    return SLUICE_OK;
}

void sluice_exchange_free(struct sluice_exchange *exchange)
{
    if (exchange == NULL)
        return;
    if (exchange->has_begun) {
        rd_kafka_error_t *error = rd_kafka_abort_transaction(exchange->producer, TIMEOUT_MS);
        if (error != NULL) /* the broker gives it up after its time-out */
            rd_kafka_error_destroy(error);
    }
    if (exchange->producer != NULL)
        rd_kafka_destroy(exchange->producer);
    free(exchange);
}

static rd_kafka_resp_err_t produce(struct sluice_exchange *exchange, const struct sluice_exchange_record *record)
{
    rd_kafka_headers_t *headers =
        record->headers != NULL ? rd_kafka_headers_copy(record->headers) : rd_kafka_headers_new(0);
    rd_kafka_resp_err_t failed = kafka_produce(exchange->producer, &(struct kafka_outgoing){
                                                                       .topic = record->topic,
                                                                       .partition = record->partition,
                                                                       .key = record->key,
                                                                       .key_len = record->key_len,
                                                                       .value = record->value,
                                                                       .value_len = record->value_len,
                                                                       .copies_value = true,
                                                                       .headers = headers,
                                                                       .timestamp_ms = record->timestamp_ms,
                                                                   });
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        rd_kafka_headers_destroy(headers);
    return failed;
}

enum sluice_code sluice_exchange_put(struct sluice_exchange *exchange, const struct sluice_exchange_record *record,
                                     struct sluice_error *err)
{
    rd_kafka_error_t *error = exchange->has_begun ? NULL : rd_kafka_begin_transaction(exchange->producer);
    rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    enum sluice_code code = error != NULL ? fail(error, "begin a transaction", err) : SLUICE_OK;
    exchange->has_begun = exchange->has_begun || code == SLUICE_OK;
    while (code == SLUICE_OK && failed == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        failed = produce(exchange, record);
        (void)rd_kafka_poll(exchange->producer, failed == RD_KAFKA_RESP_ERR__QUEUE_FULL ? POLL_MS : 0);
    }
    if (record->headers != NULL)
        rd_kafka_headers_destroy(record->headers);
    if (code == SLUICE_OK && failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        code = kafka_error_from(err, failed, "write a record");
    return code == SLUICE_OK ? code : sluice_error_wrap(err, "topic \"%s\"", record->topic);
}

enum sluice_code sluice_exchange_commit(struct sluice_exchange *exchange, struct sluice_error *err)
{
    if (!exchange->has_begun)
        return SLUICE_OK;
    rd_kafka_error_t *error = rd_kafka_commit_transaction(exchange->producer, TIMEOUT_MS);
    if (error == NULL) {
        exchange->has_begun = false;
        return SLUICE_OK;
    }
    bool is_known = rd_kafka_error_txn_requires_abort(error) || rd_kafka_error_is_fatal(error);
    (void)fail(error, "commit the transaction", err);
    return sluice_error_wrap(err, is_known ? "nothing was done" : "whether it was done is not known; run it again");
}

enum sluice_code sluice_exchange_delete_before(struct sluice_exchange *exchange, const char *topic, int32_t partition,
                                               int64_t offset, struct sluice_error *err)
{
    char reason[128];
    SLUICE_AUTO(kafka_list) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    kafka_list_add(list, topic, partition, offset, NULL);
    rd_kafka_DeleteRecords_t *asked = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(exchange->producer);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(exchange->producer, RD_KAFKA_ADMIN_OP_DELETERECORDS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, TIMEOUT_MS, reason, sizeof reason);
    (void)rd_kafka_AdminOptions_set_operation_timeout(options, TIMEOUT_MS, reason, sizeof reason);
    rd_kafka_DeleteRecords(exchange->producer, &asked, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, TIMEOUT_MS);
    rd_kafka_resp_err_t failed = event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const rd_kafka_topic_partition_list_t *done =
            rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event));
        failed = done->cnt == 1 ? done->elems[0].err : RD_KAFKA_RESP_ERR__BAD_MSG;
    }
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(asked);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? SLUICE_OK : kafka_error_from(err, failed, "delete records");
}
