/* group_offsets.c - see group_offsets.h. */
#include "kafka/group_offsets.h"

#include "base/point.h"
#include "kafka/client.h"
#include "kafka/errors.h"

#include <stdlib.h>

/* A transaction takes some milliseconds, so 5 s are a broker's restart; a worker that dies within one holds up the next
 * owner's read that long and up to 10 s more (transaction.abort.timed.out.transaction.cleanup.interval.ms). */
#define TRANSACTION_TIMEOUT_MS "5000"
/* A commit is answered before the broker has written its markers, some milliseconds later. Until then it refuses to
 * read what the transaction wrote, and to begin the next one. librdkafka asks again after this time (by itself: 100).
 */
#define RETRY_MS "5"
enum { TIMEOUT_MS = 10000 };

struct pair {
    char *key;
    char *value;
};

struct sluice_group_offsets {
    struct pair *options; /* of both clients */
    size_t n_options;
    char *group_id;
    char *transactional_id;
    rd_kafka_t *reader;   /* a consumer that never subscribes */
    rd_kafka_t *producer; /* NULL: none yet */
    bool is_unclear;      /* what the producer sent last may still land */
};

/* ---- clients ---- */

static void on_error(rd_kafka_t *rk, int what, const char *reason, void *opaque)
{
    struct sluice_group_offsets *offsets = opaque;
    (void)rk;
    (void)what;
    (void)reason;
    offsets->is_unclear = true;
}

static enum sluice_code set_options(const struct sluice_group_offsets *offsets, rd_kafka_conf_t *conf,
                                    const struct kafka_option *own, size_t n_own, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; code == SLUICE_OK && i < offsets->n_options; i++)
        code = kafka_set_option(conf, offsets->options[i].key, offsets->options[i].value, err);
    return code == SLUICE_OK ? kafka_set_options(conf, own, n_own, err) : code;
}

static enum sluice_code start_reader(struct sluice_group_offsets *offsets, struct sluice_error *err)
{
    const struct kafka_option own[] = {
        {"group.id", offsets->group_id},
        /* This asks for stable offsets. */
        {"isolation.level", "read_committed"},
        {"enable.auto.commit", "false"},
        {"socket.nagle.disable", "true"},
        /* Of consumers too, though librdkafka 2.0.2 warns that it is a producer's; level 3 keeps that line out. */
        {"retry.backoff.ms", RETRY_MS},
        {"log_level", "3"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code = set_options(offsets, conf, own, SLUICE_N_ELEMENTS(own), err);
    return kafka_client_new(RD_KAFKA_CONSUMER, conf, code, &offsets->reader, err);
}

static enum sluice_code start_producer(struct sluice_group_offsets *offsets, struct sluice_error *err)
{
    const struct kafka_option own[] = {
        {"transactional.id", offsets->transactional_id},
        {"transaction.timeout.ms", TRANSACTION_TIMEOUT_MS},
        {"socket.nagle.disable", "true"},
        {"retry.backoff.ms", RETRY_MS},
        {"log_level", "2"},
    };
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code = set_options(offsets, conf, own, SLUICE_N_ELEMENTS(own), err);
    rd_kafka_conf_set_opaque(conf, offsets);
    rd_kafka_conf_set_error_cb(conf, on_error);
    return kafka_client_new(RD_KAFKA_PRODUCER, conf, code, &offsets->producer, err);
}

static bool copy_options(struct sluice_group_offsets *offsets, const struct sluice_group_offsets_options *options)
{
    offsets->options = calloc(options->n_extra + 1, sizeof *offsets->options);
    if (offsets->options == NULL)
        return false;
    offsets->options[offsets->n_options++] =
        (struct pair){strdup("bootstrap.servers"), strdup(options->bootstrap_servers)};
    for (size_t i = 0; i < options->n_extra; i++) {
        if (kafka_is_connection_option(options->extra[i].key))
            offsets->options[offsets->n_options++] =
                (struct pair){strdup(options->extra[i].key), strdup(options->extra[i].value)};
    }
    for (size_t i = 0; i < offsets->n_options; i++) {
        if (offsets->options[i].key == NULL || offsets->options[i].value == NULL)
            return false;
    }
    offsets->group_id = strdup(options->group_id);
    offsets->transactional_id = strdup(options->transactional_id);
    return offsets->group_id != NULL && offsets->transactional_id != NULL;
}

enum sluice_code sluice_group_offsets_new(const struct sluice_group_offsets_options *options,
                                          struct sluice_group_offsets **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_group_offsets) struct sluice_group_offsets *offsets = calloc(1, sizeof *offsets);
    if (offsets == NULL || !copy_options(offsets, options))
        return sluice_error_nomem(err, "the client of the offsets", sizeof *offsets);
    enum sluice_code code = start_reader(offsets, err);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(offsets);
    return code;
}

void sluice_group_offsets_free(struct sluice_group_offsets *offsets)
{
    if (offsets == NULL)
        return;
    if (offsets->producer != NULL)
        rd_kafka_destroy(offsets->producer);
    if (offsets->reader != NULL)
        rd_kafka_destroy(offsets->reader);
    for (size_t i = 0; i < offsets->n_options; i++) {
        free(offsets->options[i].key);
        free(offsets->options[i].value);
    }
    free(offsets->options);
    free(offsets->group_id);
    free(offsets->transactional_id);
    free(offsets);
}

/* ---- transactions ---- */

/* Consumes `error`. A fatal one is the producer's alone: the next one may succeed. */
static enum sluice_code transaction_error(const struct sluice_group_offsets *offsets, rd_kafka_error_t *error,
                                          const char *attempt, struct sluice_error *err)
{
    char reason[8];
    rd_kafka_resp_err_t what = rd_kafka_error_code(error);
    rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(offsets->producer, reason, sizeof reason);
    rd_kafka_error_destroy(error);
    if (what == RD_KAFKA_RESP_ERR__FATAL && fatal != RD_KAFKA_RESP_ERR_NO_ERROR)
        what = fatal;
    enum sluice_code code = kafka_error_from(err, what, attempt);
    if (what == RD_KAFKA_RESP_ERR__FATAL)
        err->action = SLUICE_RETRY;
    return code;
}

enum sluice_code sluice_group_offsets_settle(struct sluice_group_offsets *offsets, struct sluice_error *err)
{
    if (offsets->producer != NULL && !offsets->is_unclear)
        return SLUICE_OK;
    if (offsets->producer != NULL)
        rd_kafka_destroy(offsets->producer);
    offsets->producer = NULL;
    enum sluice_code code = start_producer(offsets, err);
    if (code != SLUICE_OK)
        return code;
    rd_kafka_error_t *error = rd_kafka_init_transactions(offsets->producer, TIMEOUT_MS);
    offsets->is_unclear = error != NULL;
    return error == NULL ? SLUICE_OK : transaction_error(offsets, error, "begin with transactions", err);
}

static bool is_refusal(rd_kafka_resp_err_t what)
{
    return what == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION || what == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID ||
           what == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

/* A refused membership will be refused for ever, however late a copy of the request arrives, so ending the transaction
 * is all there is to do. After anything else an unanswered request may be on its way. */
static enum sluice_code send_failed(struct sluice_group_offsets *offsets, rd_kafka_error_t *error, bool *refused,
                                    struct sluice_error *err)
{
    *refused = is_refusal(rd_kafka_error_code(error));
    enum sluice_code code = transaction_error(offsets, error, "write to the group's offsets", err);
    offsets->is_unclear = true;
    if (!*refused)
        return code;
    rd_kafka_error_t *second = rd_kafka_abort_transaction(offsets->producer, TIMEOUT_MS);
    offsets->is_unclear = second != NULL;
    if (second != NULL)
        rd_kafka_error_destroy(second);
    return code;
}

static enum sluice_code transact(struct sluice_group_offsets *offsets, const rd_kafka_topic_partition_list_t *list,
                                 const rd_kafka_consumer_group_metadata_t *member, bool *refused,
                                 struct sluice_error *err)
{
    rd_kafka_error_t *error = rd_kafka_begin_transaction(offsets->producer);
    if (error != NULL) {
        offsets->is_unclear = true;
        return transaction_error(offsets, error, "begin a transaction", err);
    }
    error = rd_kafka_send_offsets_to_transaction(offsets->producer, list, member, TIMEOUT_MS);
    if (error != NULL)
        return send_failed(offsets, error, refused, err);
    SLUICE_POINT("group_offsets_sent");
    error = rd_kafka_commit_transaction(offsets->producer, TIMEOUT_MS);
    if (error != NULL) {
        offsets->is_unclear = true;
        return transaction_error(offsets, error, "commit a transaction on the group's offsets", err);
    }
    return SLUICE_OK;
}

/* librdkafka sends a request again when a connection breaks, so that a copy may be on its way though the transaction
 * ended well. on_error() hears of that. */
enum sluice_code sluice_group_offsets_write(struct sluice_group_offsets *offsets,
                                            const rd_kafka_topic_partition_list_t *list,
                                            const struct sluice_kafka_membership *membership, bool *refused,
                                            struct sluice_error *err)
{
    const rd_kafka_consumer_group_metadata_t *member = sluice_kafka_membership_metadata(membership);
    *refused = member == NULL;
    if (member == NULL)
        return kafka_error_from(err, RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, "write to the group's offsets");
    enum sluice_code code = sluice_group_offsets_settle(offsets, err);
    if (code != SLUICE_OK)
        return code;
    code = transact(offsets, list, member, refused, err);
    (void)rd_kafka_poll(offsets->producer, 0);
    return code;
}

enum sluice_code sluice_group_offsets_set(struct sluice_group_offsets *offsets, rd_kafka_topic_partition_list_t *list,
                                          struct sluice_error *err)
{
    rd_kafka_resp_err_t failed = rd_kafka_commit(offsets->reader, list, 0);
    for (int i = 0; failed == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        failed = list->elems[i].err;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        return SLUICE_OK;
    enum sluice_code code = kafka_error_from(err, failed, "set the group's offsets");
    if (is_refusal(failed))
        (void)sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_STOP,
                               "set the group's offsets: the group \"%s\" has members; stop the workers first, a "
                               "dead one counts until kafka.session.timeout.ms is over",
                               offsets->group_id);
    return code;
}

/* ---- reading ---- */

enum sluice_code sluice_group_offsets_read(struct sluice_group_offsets *offsets, rd_kafka_topic_partition_list_t *list,
                                           struct sluice_error *err)
{
    if (offsets->is_unclear) {
        enum sluice_code code = sluice_group_offsets_settle(offsets, err);
        if (code != SLUICE_OK)
            return code;
    }
    rd_kafka_resp_err_t failed = rd_kafka_committed(offsets->reader, list, TIMEOUT_MS);
    for (int i = 0; failed == RD_KAFKA_RESP_ERR_NO_ERROR && i < list->cnt; i++)
        failed = list->elems[i].err;
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "read the group's committed offsets");
    return SLUICE_OK;
}

static enum sluice_code list_from_event(rd_kafka_event_t *event, rd_kafka_topic_partition_list_t **list,
                                        struct sluice_error *err)
{
    size_t n = 0;
    const char *attempt = "list the group's committed offsets";
    if (event == NULL)
        return kafka_error_from(err, RD_KAFKA_RESP_ERR__TIMED_OUT, attempt);
    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, rd_kafka_event_error(event), attempt);
    const rd_kafka_group_result_t **groups =
        rd_kafka_ListConsumerGroupOffsets_result_groups(rd_kafka_event_ListConsumerGroupOffsets_result(event), &n);
    const rd_kafka_error_t *error = n == 1 ? rd_kafka_group_result_error(groups[0]) : NULL;
    if (error != NULL || n != 1)
        return kafka_error_from(err, error != NULL ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR__BAD_MSG, attempt);
    *list = rd_kafka_topic_partition_list_copy(rd_kafka_group_result_partitions(groups[0]));
    return SLUICE_OK;
}

enum sluice_code sluice_group_offsets_read_all(struct sluice_group_offsets *offsets,
                                               rd_kafka_topic_partition_list_t **list, struct sluice_error *err)
{
    rd_kafka_queue_t *answers = rd_kafka_queue_new(offsets->reader);
    rd_kafka_ListConsumerGroupOffsets_t *ask = rd_kafka_ListConsumerGroupOffsets_new(offsets->group_id, NULL);
    rd_kafka_ListConsumerGroupOffsets(offsets->reader, &ask, 1, NULL, answers);
    rd_kafka_event_t *event = rd_kafka_queue_poll(answers, TIMEOUT_MS);
    enum sluice_code code = list_from_event(event, list, err);
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_ListConsumerGroupOffsets_destroy(ask);
    rd_kafka_queue_destroy(answers);
    return code;
}
