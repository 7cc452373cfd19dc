/* consumer.c - see consumer.h: life, polling, where to read, commits. */
#include "kafka/consumer_internal.h"

#include "base/buf.h"
#include "base/clock.h"
#include "kafka/client.h"
#include "kafka/errors.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { START_TIMEOUT_MS = 10000, MAX_EXCLUDED_TEXT = 4096 };

static rd_kafka_topic_partition_list_t *list_from(const struct sluice_kafka_position *positions, size_t n,
                                                  bool with_metadata)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        kafka_list_add(list, positions[i].topic, positions[i].partition, positions[i].offset,
                       with_metadata ? positions[i].metadata : NULL);
    return list;
}

static void on_committed(rd_kafka_t *rk, rd_kafka_resp_err_t failed, rd_kafka_topic_partition_list_t *offsets,
                         void *opaque)
{
    struct sluice_consumer *consumer = opaque;
    (void)rk;
    for (int i = 0; offsets != NULL && i < offsets->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &offsets->elems[i];
        rd_kafka_resp_err_t reason = p->err != RD_KAFKA_RESP_ERR_NO_ERROR ? p->err : failed;
        const struct sluice_kafka_position position = {p->topic, p->partition, p->offset, NULL};
        consumer->handler.committed(consumer->handler.context, &position,
                                    reason == RD_KAFKA_RESP_ERR_NO_ERROR ? NULL : rd_kafka_err2str(reason));
    }
}

/* What delivery, memory and latency rest on; `extra` may override only what config allows to pass. */
static enum sluice_code set_own_options(rd_kafka_conf_t *conf, const struct sluice_consumer_options *options,
                                        struct sluice_error *err)
{
    const bool cooperative = rd_kafka_version() >= 0x020a0000 && !options->starts_paused;
    const struct kafka_option own[] = {
        {"bootstrap.servers", options->bootstrap_servers},
        {"group.id", options->group_id},
        {"client.id", "sluice"},
        {"topic.metadata.refresh.interval.ms", "30000"},
        {"partition.assignment.strategy", cooperative ? "cooperative-sticky" : "roundrobin"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", "error"},
        /* Markers of transactions and aborted records are no messages: only this tells that they were passed. */
        {"enable.partition.eof", "true"},
        {"isolation.level", "read_committed"},
        /* The consumer thread empties this queue at once; a small one bounds what librdkafka holds by itself. */
        {"queued.max.messages.kbytes", "16384"},
        {"fetch.max.bytes", "16777216"},
        {"socket.nagle.disable", "true"},
        {"log_level", "4"},
    };
    return kafka_set_options(conf, own, SLUICE_N_ELEMENTS(own), err);
}

static enum sluice_code set_extra_options(struct sluice_consumer *consumer, rd_kafka_conf_t *conf,
                                          const struct sluice_consumer_options *options, struct sluice_error *err)
{
    for (size_t i = 0; i < options->n_extra; i++) {
        const struct sluice_config_property *o = &options->extra[i];
        if (strcmp(o->key, "auto.offset.reset") == 0) {
            if (strcmp(o->value, "earliest") != 0 && strcmp(o->value, "latest") != 0)
                return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                        "kafka.auto.offset.reset: \"%s\" is neither earliest nor latest", o->value);
            consumer->start_without_commit =
                strcmp(o->value, "latest") == 0 ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
            continue;
        }
        enum sluice_code code = kafka_set_option(conf, o->key, o->value, err);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

/* As regular expressions, with commas between them: to this client such topics do not exist. */
static enum sluice_code exclude_topics(rd_kafka_conf_t *conf, const struct sluice_consumer_options *options,
                                       struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf list;
    sluice_buf_init(&list, MAX_EXCLUDED_TEXT, "the topics that are not read");
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < options->n_excluded && code == SLUICE_OK; i++) {
        code = sluice_buf_append_z(&list, i > 0 ? ",^" : "^", err);
        for (const char *at = options->excluded[i]; *at != '\0' && code == SLUICE_OK; at++)
            code = *at == '.' ? sluice_buf_append_z(&list, "[.]", err) : sluice_buf_append_char(&list, *at, err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_z(&list, "$", err);
    }
    return code == SLUICE_OK && list.len > 0 ? kafka_set_option(conf, "topic.blacklist", sluice_buf_text(&list), err)
                                             : code;
}

static enum sluice_code create(struct sluice_consumer *consumer, const struct sluice_consumer_options *options,
                               struct sluice_error *err)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code = set_own_options(conf, options, err);
    if (code == SLUICE_OK)
        code = set_extra_options(consumer, conf, options, err);
    if (code == SLUICE_OK)
        code = exclude_topics(conf, options, err);
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_rebalance_cb(conf, consumer_on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_committed);
    code = kafka_client_new(RD_KAFKA_CONSUMER, conf, code, &consumer->rk, err);
    if (code == SLUICE_OK)
        (void)rd_kafka_poll_set_consumer(consumer->rk);
    return code;
}

enum sluice_code sluice_consumer_new(const struct sluice_consumer_options *options,
                                     const struct sluice_consumer_handler *handler, struct sluice_consumer **out,
                                     struct sluice_error *err)
{
    struct sluice_consumer *consumer = calloc(1, sizeof *consumer);
    if (consumer == NULL)
        return sluice_error_nomem(err, "the consumer", sizeof *consumer);
    consumer->handler = *handler;
    consumer->starts_paused = options->starts_paused;
    memcpy(consumer->excluded, options->excluded, sizeof consumer->excluded);
    consumer->n_excluded = options->n_excluded;
    consumer->start_without_commit = RD_KAFKA_OFFSET_BEGINNING;
    enum sluice_code code = create(consumer, options, err);
    if (code != SLUICE_OK) {
        free(consumer);
        return code;
    }
    consumer->subscription = rd_kafka_topic_partition_list_new((int)options->n_topics);
    for (size_t i = 0; i < options->n_topics; i++)
        (void)rd_kafka_topic_partition_list_add(consumer->subscription, options->topics[i], RD_KAFKA_PARTITION_UA);
    if (options->own_topic != NULL)
        (void)rd_kafka_topic_partition_list_add(consumer->subscription, options->own_topic, RD_KAFKA_PARTITION_UA);
    *out = consumer;
    return SLUICE_OK;
}

void sluice_consumer_free(struct sluice_consumer *consumer)
{
    if (consumer == NULL)
        return;
    rd_kafka_topic_partition_list_destroy(consumer->subscription);
    sluice_kafka_membership_unref(consumer->membership);
    if (consumer->oldest != NULL)
        rd_kafka_topic_partition_list_destroy(consumer->oldest);
    rd_kafka_destroy(consumer->rk);
    free(consumer);
}

enum sluice_code sluice_consumer_subscribe(struct sluice_consumer *consumer, struct sluice_error *err)
{
    rd_kafka_resp_err_t failed = rd_kafka_subscribe(consumer->rk, consumer->subscription);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "subscribe to kafka.topics");
    return SLUICE_OK;
}

static enum sluice_polled polled_error(struct sluice_consumer *consumer, rd_kafka_message_t *event,
                                       struct sluice_kafka_position *at, struct sluice_error *err)
{
    rd_kafka_resp_err_t what = event->err;
    enum sluice_polled outcome = SLUICE_POLLED_WARNING;
    char fatal_reason[256];

    if (what == RD_KAFKA_RESP_ERR__FATAL) {
        (void)rd_kafka_fatal_error(consumer->rk, fatal_reason, sizeof fatal_reason);
        (void)sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_STOP, "the Kafka client gave up: %s", fatal_reason);
        outcome = SLUICE_POLLED_FATAL;
    } else if (what == RD_KAFKA_RESP_ERR__PARTITION_EOF && event->rkt != NULL) {
        *at = (struct sluice_kafka_position){rd_kafka_topic_name(event->rkt), event->partition, event->offset, NULL};
        outcome = SLUICE_POLLED_END;
    } else if (what == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET && event->rkt != NULL) {
        consumer->has_dead = true;
        *at = (struct sluice_kafka_position){rd_kafka_topic_name(event->rkt), event->partition, event->offset, NULL};
        (void)sluice_error_set(
            err, SLUICE_E_KAFKA_OFFSET, SLUICE_STOP_PARTITION,
            "the committed offset %" PRId64 " is no longer in the topic (retention, or the topic was made anew); "
            "changes may be lost: take a new snapshot of its tables, then move the group's offset with "
            "kafka-consumer-groups --reset-offsets while no worker runs",
            event->offset);
        outcome = SLUICE_POLLED_PARTITION_ERROR;
    } else {
        (void)kafka_error_from(err, what, "consume");
    }
    rd_kafka_message_destroy(event);
    return outcome;
}

/* All partitions go back and come again, through the handler. */
static void join_again(struct sluice_consumer *consumer)
{
    struct sluice_error err;
    consumer->has_dead = false;
    (void)rd_kafka_unsubscribe(consumer->rk); /* queues it; fails only for a client that is no consumer */
    if (sluice_consumer_subscribe(consumer, &err) == SLUICE_OK)
        return;
    consumer->fatal = err;
    consumer->has_fatal = true;
}

enum sluice_polled sluice_consumer_poll(struct sluice_consumer *consumer, int timeout_ms, rd_kafka_message_t **message,
                                        struct sluice_kafka_position *at, struct sluice_error *err)
{
    rd_kafka_message_t *event = rd_kafka_consumer_poll(consumer->rk, timeout_ms);
    if (SLUICE_UNLIKELY(consumer->wants_to_join)) {
        consumer->wants_to_join = false;
        join_again(consumer);
    }
    if (SLUICE_UNLIKELY(consumer->has_fatal)) {
        if (event != NULL)
            rd_kafka_message_destroy(event);
        *err = consumer->fatal;
        return SLUICE_POLLED_FATAL;
    }
    if (event == NULL)
        return SLUICE_POLLED_IDLE;
    if (SLUICE_UNLIKELY(event->err != RD_KAFKA_RESP_ERR_NO_ERROR))
        return polled_error(consumer, event, at, err);
    *message = event;
    return SLUICE_POLLED_MESSAGE;
}

void sluice_consumer_pause(struct sluice_consumer *consumer, const struct sluice_kafka_position *partitions, size_t n)
{
    rd_kafka_topic_partition_list_t *list = list_from(partitions, n, false);
    (void)rd_kafka_pause_partitions(consumer->rk, list); /* fails only per partition, for one that is not assigned */
    rd_kafka_topic_partition_list_destroy(list);
}

/* A broker's thread that has nothing to fetch sleeps for a second, and resuming does not wake it (librdkafka 2.0.2,
 * seen with debug=fetch: RESUME at .328, "is fetchable" at .224 of the next second; at full speed nine tenths of the
 * time were lost so). A seek does, and to the offset where fetching goes on anyway it changes nothing else. Once no
 * such gap shows without it, it can go. */
static void wake_fetchers(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    /* Time-out 0: not waited for; a partition that is given back meanwhile refuses, which is right. */
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer->rk, list, 0);
    if (error != NULL)
        rd_kafka_error_destroy(error);
}

/* An assigned partition whose fetcher was not started yet refuses to seek, and would then begin where it was assigned:
 * librdkafka starts fetchers behind the assignment, later still when some of the assignment before are being stopped.
 * Leaves in `list` what has to be asked again. Thousands: see sluice_consumer_seek(). */
static void keep_refused(rd_kafka_topic_partition_list_t *list)
{
    for (int i = list->cnt - 1; i >= 0; i--) {
        rd_kafka_resp_err_t failed = list->elems[i].err;
        bool again = failed == RD_KAFKA_RESP_ERR__STATE || failed == RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS ||
                     failed == RD_KAFKA_RESP_ERR__TIMED_OUT || failed == RD_KAFKA_RESP_ERR__IN_PROGRESS;
        if (!again)
            (void)rd_kafka_topic_partition_list_del_by_idx(list, i);
    }
}

/* Nothing is polled meanwhile, so what a fetcher that began elsewhere may have brought is older than the seek that is
 * accepted, and is dropped. A partition whose offset was not there refuses for good: librdkafka 2.0.2 starts it again
 * only with an assignment. Any other that never starts ends the process: beginning elsewhere is what nobody would
 * notice. */
static void seek_surely(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    const struct timespec pause = {.tv_nsec = 2000000};
    int64_t deadline_us = sluice_mono_us() + (int64_t)START_TIMEOUT_MS * 1000;
    const int wait_ms = rd_kafka_version() < 0x02010000 ? 1000 * 1000 : 1000;
    for (;;) {
        rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer->rk, list, wait_ms);
        if (error != NULL)
            rd_kafka_error_destroy(error); /* the partitions say it too */
        keep_refused(list);
        if (list->cnt > 0)
            consumer_keep_assigned(consumer, list);
        if (list->cnt == 0)
            return;
        if (consumer->has_dead || sluice_mono_us() >= deadline_us)
            break;
        (void)nanosleep(&pause, NULL);
    }
    if (consumer->has_dead) {
        join_again(consumer);
        return;
    }
    consumer->has_fatal = true;
    (void)kafka_error_from(&consumer->fatal, list->elems[0].err, "begin a partition at its offset");
    consumer->fatal.action = SLUICE_STOP;
}

void sluice_consumer_resume(struct sluice_consumer *consumer, const struct sluice_kafka_position *partitions, size_t n)
{
    rd_kafka_topic_partition_list_t *list = list_from(partitions, n, false);
    (void)rd_kafka_resume_partitions(consumer->rk, list); /* as above */
    for (int i = list->cnt - 1; i >= 0; i--) {
        if (list->elems[i].offset >= 0)
            continue;
        if (consumer->starts_paused)
            list->elems[i].offset = consumer->start_without_commit;
        else
            (void)rd_kafka_topic_partition_list_del_by_idx(list, i);
    }
    if (list->cnt > 0 && consumer->starts_paused)
        seek_surely(consumer, list);
    else if (list->cnt > 0)
        wake_fetchers(consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
}

enum sluice_code sluice_consumer_seek(struct sluice_consumer *consumer, const struct sluice_kafka_position *position,
                                      struct sluice_error *err)
{
    rd_kafka_topic_partition_list_t *list = list_from(position, 1, false);
    /* Time-out 0: the seek is queued in front of what is asked next. Waiting would rest on a time-out that librdkafka
     * before 2.1.0 takes for a thousandth of what it says. */
    rd_kafka_error_t *error = rd_kafka_seek_partitions(consumer->rk, list, 0);
    rd_kafka_resp_err_t failed = error != NULL ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error != NULL)
        rd_kafka_error_destroy(error);
    rd_kafka_topic_partition_list_destroy(list);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? SLUICE_OK : kafka_error_from(err, failed, "seek");
}

static rd_kafka_resp_err_t commit(struct sluice_consumer *consumer, const struct sluice_kafka_position *positions,
                                  size_t n, bool wait)
{
    rd_kafka_topic_partition_list_t *list = list_from(positions, n, true);
    rd_kafka_resp_err_t failed = rd_kafka_commit(consumer->rk, list, wait ? 0 : 1);
    rd_kafka_topic_partition_list_destroy(list);
    return failed;
}

void sluice_consumer_commit(struct sluice_consumer *consumer, const struct sluice_kafka_position *positions, size_t n)
{
    rd_kafka_resp_err_t failed = commit(consumer, positions, n, false);
    for (size_t i = 0; failed != RD_KAFKA_RESP_ERR_NO_ERROR && i < n; i++)
        consumer->handler.committed(consumer->handler.context, &positions[i], rd_kafka_err2str(failed));
}

enum sluice_code sluice_consumer_commit_now(struct sluice_consumer *consumer,
                                            const struct sluice_kafka_position *positions, size_t n,
                                            struct sluice_error *err)
{
    rd_kafka_resp_err_t failed = commit(consumer, positions, n, true);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? SLUICE_OK : kafka_error_from(err, failed, "commit offsets");
}

void sluice_consumer_close(struct sluice_consumer *consumer)
{
    (void)rd_kafka_consumer_close(consumer->rk); /* fails only for a client that is no consumer */
}
