/* letters.c - see letters.h. */
#include "kafka/letters.h"

#include "kafka/client.h"
#include "kafka/errors.h"
#include "kafka/produce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than a broker's restart; then the letter counts as failed, and is tried again with everything else that it
 * holds up. */
#define SEND_TIMEOUT_MS "30000"
enum { POLL_MS = 100 };

struct sluice_letters {
    const struct sluice_config *config;
    rd_kafka_t *producer; /* NULL: none yet, or the last one gave up */
    size_t n_waiting;
};

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct sluice_letters *letters = opaque;
    struct sluice_letter *letter = message->_private;
    (void)rk;
    letter->failed = message->err;
    letter->is_sent = message->err == RD_KAFKA_RESP_ERR_NO_ERROR;
    letters->n_waiting--;
}

static enum sluice_code set_options(const struct sluice_config *config, rd_kafka_conf_t *conf, struct sluice_error *err)
{
    const struct kafka_option own[] = {
        {"bootstrap.servers", config->kafka_bootstrap_servers},
        {"client.id", "sluice"},
        {"enable.idempotence", "true"},
        {"acks", "all"},
        {"message.timeout.ms", SEND_TIMEOUT_MS},
        /* What the topic takes, the broker decides. */
        {"message.max.bytes", "1000000000"},
        {"linger.ms", "0"},
        {"socket.nagle.disable", "true"},
        {"log_level", "3"},
    };
    enum sluice_code code = kafka_set_options(conf, own, SLUICE_N_ELEMENTS(own), err);
    for (size_t i = 0; i < config->n_kafka_properties && code == SLUICE_OK; i++) {
        const struct sluice_config_property *property = &config->kafka_properties[i];
        if (kafka_is_connection_option(property->key))
            code = kafka_set_option(conf, property->key, property->value, err);
    }
    return code;
}

static enum sluice_code start_producer(struct sluice_letters *letters, struct sluice_error *err)
{
    if (letters->producer != NULL)
        return SLUICE_OK;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code = set_options(letters->config, conf, err);
    rd_kafka_conf_set_opaque(conf, letters);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    return kafka_client_new(RD_KAFKA_PRODUCER, conf, code, &letters->producer, err);
}

enum sluice_code sluice_letters_new(const struct sluice_config *config, struct sluice_letters **out,
                                    struct sluice_error *err)
{
    struct sluice_letters *letters = calloc(1, sizeof *letters);
    if (letters == NULL)
        return sluice_error_nomem(err, "the producer of dead letters", sizeof *letters);
    letters->config = config;
    enum sluice_code code = start_producer(letters, err);
    if (code != SLUICE_OK) {
        free(letters);
        return code;
    }
    *out = letters;
    return SLUICE_OK;
}

void sluice_letters_free(struct sluice_letters *letters)
{
    if (letters == NULL)
        return;
    if (letters->producer != NULL)
        rd_kafka_destroy(letters->producer);
    free(letters);
}

/* ---- the topic ---- */

static bool topic_exists(struct sluice_letters *letters, const char *topic, int timeout_ms)
{
    const struct rd_kafka_metadata *metadata = NULL;
    bool found = false;
    if (rd_kafka_metadata(letters->producer, 1, NULL, &metadata, timeout_ms) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    for (int i = 0; i < metadata->topic_cnt; i++)
        found = found || strcmp(metadata->topics[i].topic, topic) == 0;
    rd_kafka_metadata_destroy(metadata);
    return found;
}

static rd_kafka_resp_err_t outcome_of(rd_kafka_event_t *event)
{
    size_t n = 0;
    if (event == NULL)
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_resp_err_t failed = rd_kafka_event_error(event);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failed;
    const rd_kafka_topic_result_t **results =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &n);
    return n == 1 ? rd_kafka_topic_result_error(results[0]) : RD_KAFKA_RESP_ERR__BAD_MSG;
}

static rd_kafka_resp_err_t create_topic(struct sluice_letters *letters, const char *name, int timeout_ms)
{
    char reason[256];
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(name, 1, -1, reason, sizeof reason);
    if (topic == NULL)
        return RD_KAFKA_RESP_ERR__INVALID_ARG;
    /* Letters carry the times of their records: with the broker's retention, old ones would be gone at once. */
    (void)rd_kafka_NewTopic_set_config(topic, "retention.ms", "-1");
    (void)rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    rd_kafka_queue_t *queue = rd_kafka_queue_new(letters->producer);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(letters->producer, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    (void)rd_kafka_AdminOptions_set_operation_timeout(options, timeout_ms, reason, sizeof reason);
    rd_kafka_CreateTopics(letters->producer, &topic, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    rd_kafka_resp_err_t failed = outcome_of(event);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return failed;
}

static bool may_pass(rd_kafka_resp_err_t what)
{
    struct sluice_error err;
    (void)kafka_error_from(&err, what, "");
    return err.action == SLUICE_RETRY && what != RD_KAFKA_RESP_ERR_POLICY_VIOLATION &&
           what != RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
}

enum sluice_code sluice_letters_make_topic(struct sluice_letters *letters, const char *topic, int timeout_ms,
                                           struct sluice_error *err)
{
    enum sluice_code code = start_producer(letters, err);
    if (code != SLUICE_OK || topic_exists(letters, topic, timeout_ms))
        return code;
    rd_kafka_resp_err_t failed = create_topic(letters, topic, timeout_ms);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR || failed == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return SLUICE_OK;
    (void)sluice_error_set(err, SLUICE_E_KAFKA, may_pass(failed) ? SLUICE_RETRY : SLUICE_STOP,
                           "make the topic \"%s\": %s (%s); grant Create on it to this user, or make it with one "
                           "partition and retention.ms=-1",
                           topic, rd_kafka_err2str(failed), rd_kafka_err2name(failed));
    err->detail = failed;
    return SLUICE_E_KAFKA;
}

/* ---- headers ---- */

bool sluice_letter_header(const rd_kafka_headers_t *headers, const char *name, char *text, size_t size)
{
    const void *value = NULL;
    size_t length = 0;
    if (headers == NULL || rd_kafka_header_get_last(headers, name, &value, &length) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        value == NULL || length >= size)
        return false;
    memcpy(text, value, length);
    text[length] = '\0';
    return true;
}

static bool is_ours(const char *name)
{
    static const char prefix[] = "__sluice.";
    return strncmp(name, prefix, sizeof prefix - 1) == 0;
}

static void keep_first_place(const rd_kafka_headers_t *record, rd_kafka_headers_t *headers)
{
    static const char *const names[] = {"__sluice.topic", "__sluice.partition", "__sluice.offset", "__sluice.state",
                                        "__sluice.version"};
    char attempt[24] = "0";
    char text[SLUICE_LETTER_TEXT];
    bool is_replayed = sluice_letter_header(record, names[0], text, sizeof text);
    for (size_t i = 0; is_replayed && i < SLUICE_N_ELEMENTS(names); i++) {
        if (!sluice_letter_header(record, names[i], text, sizeof text))
            continue;
        (void)rd_kafka_header_remove(headers, names[i]); /* it may not be there */
        (void)rd_kafka_header_add(headers, names[i], -1, text, -1);
    }
    if (is_replayed)
        (void)sluice_letter_header(record, "__sluice.attempt", attempt, sizeof attempt);
    (void)snprintf(text, sizeof text, "%ld", strtol(attempt, NULL, 10) + 1);
    (void)rd_kafka_header_add(headers, "__sluice.attempt", -1, text, -1);
}

rd_kafka_headers_t *sluice_letter_headers(const rd_kafka_headers_t *record, bool keep, rd_kafka_headers_t *ours)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(0);
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    for (size_t i = 0; record != NULL && keep &&
                       rd_kafka_header_get_all(record, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
         i++)
        if (!is_ours(name))
            (void)rd_kafka_header_add(headers, name, -1, value, (ssize_t)size);
    for (size_t i = 0; rd_kafka_header_get_all(ours, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++)
        (void)rd_kafka_header_add(headers, name, -1, value, (ssize_t)size);
    keep_first_place(record, headers);
    rd_kafka_headers_destroy(ours);
    return headers;
}

/* ---- sending ---- */

static enum sluice_code letter_error(const struct sluice_letters *letters, rd_kafka_resp_err_t failed,
                                     struct sluice_error *err)
{
    const char *remedy = "is the broker up?";
    if (failed == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        remedy = "raise max.message.bytes of the topic";
    else if (failed == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        remedy = "grant Write and Describe on the topic to this user";
    else if (failed == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART || failed == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC)
        remedy = "make the topic with one partition and retention.ms=-1, or start the worker again, which makes it";
    (void)sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_RETRY, "write to the dead-letter topic \"%s\": %s (%s); %s",
                           letters->config->dead_letters_topic, rd_kafka_err2str(failed), rd_kafka_err2name(failed),
                           remedy);
    err->detail = failed;
    return SLUICE_E_KAFKA;
}

static void produce(struct sluice_letters *letters, struct sluice_letter *letter)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_copy(letter->headers);
    letter->failed = kafka_produce(letters->producer, &(struct kafka_outgoing){
                                                          .topic = letters->config->dead_letters_topic,
                                                          .partition = RD_KAFKA_PARTITION_UA,
                                                          .key = letter->key,
                                                          .key_len = letter->key_len,
                                                          .value = letter->value,
                                                          .value_len = letter->value_len,
                                                          .headers = headers,
                                                          .timestamp_ms = letter->timestamp_ms,
                                                          .opaque = letter,
                                                      });
    if (letter->failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        letters->n_waiting++;
    else
        rd_kafka_headers_destroy(headers);
}

/* Every letter has its answer afterwards. */
static void wait_for_answers(struct sluice_letters *letters, const atomic_bool *abort)
{
    bool is_given_up = false;
    while (letters->n_waiting > 0) {
        if (!is_given_up && atomic_load(abort)) {
            is_given_up = true;
            (void)rd_kafka_purge(letters->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        }
        (void)rd_kafka_poll(letters->producer, POLL_MS);
    }
}

/* After a fatal error the producer takes nothing more. */
static void drop_dead_producer(struct sluice_letters *letters)
{
    char reason[8];
    if (rd_kafka_fatal_error(letters->producer, reason, sizeof reason) == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    rd_kafka_destroy(letters->producer);
    letters->producer = NULL;
}

enum sluice_code sluice_letters_send(struct sluice_letters *letters, struct sluice_letter *const *list, size_t n_list,
                                     const atomic_bool *abort, struct sluice_error *err)
{
    rd_kafka_resp_err_t failed = RD_KAFKA_RESP_ERR_NO_ERROR;
    enum sluice_code code = start_producer(letters, err);
    if (code != SLUICE_OK) {
        err->action = SLUICE_RETRY;
        return code;
    }
    for (size_t i = 0; i < n_list; i++) {
        if (!list[i]->is_sent)
            produce(letters, list[i]);
    }
    wait_for_answers(letters, abort);
    for (size_t i = 0; i < n_list; i++) {
        if (!list[i]->is_sent)
            failed = list[i]->failed;
    }
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        return SLUICE_OK;
    drop_dead_producer(letters);
    if (atomic_load(abort))
        return sluice_error_set(err, SLUICE_E_CANCELLED, SLUICE_RETRY, "given up at the end of the worker");
    return letter_error(letters, failed, err);
}
