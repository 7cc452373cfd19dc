/* consumer.c - see consumer.h. */
#include "kafka/consumer.h"

#include "base/clock.h"
#include "kafka/client.h"
#include "kafka/errors.h"
#include "sluice/log.h"

#include <inttypes.h>
#include <regex.h>
#include <stdlib.h>
#include <time.h>

/* A worker that died within a transaction on the group's offsets holds up the answer until the broker has ended it:
 * transaction.timeout.ms (group_offsets.c) and 10 s, in which brokers look for such transactions. */
enum { COMMITTED_TIMEOUT_MS = 30000, START_TIMEOUT_MS = 10000 };

struct sluice_consumer {
    rd_kafka_t *rk;
    struct sluice_consumer_handler handler;
    rd_kafka_topic_partition_list_t *subscription;
    int64_t start_without_commit; /* RD_KAFKA_OFFSET_BEGINNING or _END */
    struct sluice_error fatal;    /* set by the rebalance callback, reported by the next poll */
    bool has_fatal;
    bool starts_paused;
    bool has_dead; /* a partition of this assignment ended with an offset that is not there */
    struct sluice_kafka_membership *membership; /* as of the newest assignment */
    rd_kafka_topic_partition_list_t *oldest;    /* offsets of that assignment, negative once they are taken */
};

static void list_positions(const rd_kafka_topic_partition_list_t *list, struct sluice_kafka_position *out)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        out[i] = (struct sluice_kafka_position){p->topic, p->partition, p->offset, p->metadata};
    }
}

static rd_kafka_topic_partition_list_t *list_from(const struct sluice_kafka_position *positions, size_t n,
                                                  bool with_metadata)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
    for (size_t i = 0; i < n; i++)
        kafka_list_add(list, positions[i].topic, positions[i].partition, positions[i].offset,
                       with_metadata ? positions[i].metadata : NULL);
    return list;
}

/* Committed metadata is bytes with a length; the pipeline wants a C string. */
static void terminate_metadata(rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *p = &list->elems[i];
        if (p->metadata == NULL)
            continue;
        char *text = realloc(p->metadata, p->metadata_size + 1);
        if (text == NULL)
            continue; /* the old block stays; its text is then refused as not ours */
        text[p->metadata_size] = '\0';
        p->metadata = text;
    }
}

static bool is_cooperative(rd_kafka_t *rk)
{
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static enum sluice_code find_start(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *partitions,
                                   struct sluice_error *err)
{
    rd_kafka_resp_err_t failed = rd_kafka_committed(consumer->rk, partitions, COMMITTED_TIMEOUT_MS);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "read the group's committed offsets");
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *p = &partitions->elems[i];
        if (p->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error_from(err, p->err, "read the group's committed offset of a partition");
        if (p->offset < 0)
            p->offset = consumer->start_without_commit;
    }
    terminate_metadata(partitions);
    return SLUICE_OK;
}

/* In one request for all, while nothing is fetched: the broker answers a connection in order, so that behind a fetch
 * each question takes up to fetch.wait.max.ms. */
static void ask_oldest(struct sluice_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    if (consumer->oldest != NULL)
        rd_kafka_topic_partition_list_destroy(consumer->oldest);
    consumer->oldest = rd_kafka_topic_partition_list_copy(partitions);
    for (int i = 0; i < partitions->cnt; i++) /* what is asked for stands in place of a time, as in the protocol */
        consumer->oldest->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t failed = rd_kafka_offsets_for_times(consumer->rk, consumer->oldest, COMMITTED_TIMEOUT_MS);
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *p = &consumer->oldest->elems[i];
        if (failed != RD_KAFKA_RESP_ERR_NO_ERROR || p->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            p->offset = -1;
    }
}

static void give_assignment(struct sluice_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_error_t *error = NULL;
    if (is_cooperative(consumer->rk))
        error = rd_kafka_incremental_assign(consumer->rk, partitions);
    else
        (void)rd_kafka_assign(consumer->rk, partitions);
    if (error != NULL) {
        SLUICE_LOG(SLUICE_LOG_ERROR, "assign_failed", SLUICE_F_TEXT("reason", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    }
}

static void take_assignment(struct sluice_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_error_t *error = NULL;
    if (is_cooperative(consumer->rk))
        error = rd_kafka_incremental_unassign(consumer->rk, partitions);
    else
        (void)rd_kafka_assign(consumer->rk, NULL);
    if (error != NULL) {
        SLUICE_LOG(SLUICE_LOG_ERROR, "unassign_failed", SLUICE_F_TEXT("reason", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    }
}

/* Nobody knows yet where these partitions begin. Offset 0 is never fetched, and a later seek is sure to hold: while
 * librdkafka asks the broker what "beginning" or "end" is, a seek is accepted and then overridden by the answer (2.0.2,
 * seen as partitions that began at their end). They are paused first, as a committed offset that the topic does not
 * have would end fetching for good, though nobody may want to begin there. Asking for the position makes librdkafka
 * know partitions that it never had. */
static void assign_paused(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *partitions)
{
    (void)rd_kafka_position(consumer->rk, partitions);
    (void)rd_kafka_pause_partitions(consumer->rk, partitions);
    for (int i = 0; i < partitions->cnt; i++) {
        if (partitions->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            SLUICE_BUG("a partition can't be paused before it is assigned");
        partitions->elems[i].offset = 0;
    }
    give_assignment(consumer, partitions);
}

static void on_assigned(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *partitions)
{
    struct sluice_error err;
    struct sluice_kafka_position *positions = calloc((size_t)partitions->cnt + 1, sizeof *positions);
    struct sluice_kafka_membership *membership = sluice_kafka_membership_new(consumer->rk);
    sluice_kafka_membership_unref(consumer->membership);
    consumer->membership = membership;
    consumer->has_dead = false;
    if (positions == NULL || membership == NULL || find_start(consumer, partitions, &err) != SLUICE_OK) {
        if (positions == NULL || membership == NULL)
            (void)sluice_error_nomem(&err, "an assignment", (size_t)partitions->cnt * sizeof *positions);
        /* Without the committed offsets there is no right place to start from. Ending the process is what a scheduler
         * repairs; starting elsewhere is what nobody would notice. */
        consumer->fatal = err;
        consumer->has_fatal = true;
        free(positions);
        return;
    }
    list_positions(partitions, positions);
    if (consumer->starts_paused)
        ask_oldest(consumer, partitions);
    consumer->handler.assigned(consumer->handler.context, positions, (size_t)partitions->cnt);
    if (consumer->starts_paused) {
        assign_paused(consumer, partitions);
    } else {
        give_assignment(consumer, partitions);
        /* librdkafka 2.0.2 remembers across assignments that the application paused a partition; a new one begins
         * unpaused. */
        (void)rd_kafka_resume_partitions(consumer->rk, partitions);
    }
    free(positions);
}

static void tell_revoked(struct sluice_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions, bool lost)
{
    struct sluice_kafka_position *positions = calloc((size_t)partitions->cnt + 1, sizeof *positions);
    if (positions == NULL)
        SLUICE_BUG("no memory to give partitions back");
    list_positions(partitions, positions);
    consumer->handler.revoked(consumer->handler.context, positions, (size_t)partitions->cnt, lost);
    free(positions);
}

/* librdkafka 2.0.2 calls back with two assignments and no revocation between them when the group rebalances again while
 * the first one waits to be served (observed as topics appeared one after the other). The second one replaces the
 * first: without this its partitions would be there twice, and the first ones never end. */
static void revoke_replaced(struct sluice_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *replaced = NULL;
    if (is_cooperative(consumer->rk) || rd_kafka_assignment(consumer->rk, &replaced) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (replaced->cnt > 0)
        tell_revoked(consumer, replaced, true);
    rd_kafka_topic_partition_list_destroy(replaced);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *partitions,
                         void *opaque)
{
    struct sluice_consumer *consumer = opaque;
    (void)rk;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        revoke_replaced(consumer);
        on_assigned(consumer, partitions);
    } else {
        tell_revoked(consumer, partitions, rd_kafka_assignment_lost(consumer->rk) != 0);
        take_assignment(consumer, partitions);
    }
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
    const struct sluice_kafka_option own[] = {
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
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(own); i++) {
        enum sluice_code code = kafka_set_option(conf, own[i].key, own[i].value, err);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

static enum sluice_code set_extra_options(struct sluice_consumer *consumer, rd_kafka_conf_t *conf,
                                          const struct sluice_consumer_options *options, struct sluice_error *err)
{
    for (size_t i = 0; i < options->n_extra; i++) {
        const struct sluice_kafka_option *o = &options->extra[i];
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

static enum sluice_code create(struct sluice_consumer *consumer, const struct sluice_consumer_options *options,
                               struct sluice_error *err)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code = set_own_options(conf, options, err);
    if (code == SLUICE_OK)
        code = set_extra_options(consumer, conf, options, err);
    if (code != SLUICE_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    rd_kafka_conf_set_opaque(conf, consumer);
    rd_kafka_conf_set_log_cb(conf, kafka_on_log);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_offset_commit_cb(conf, on_committed);
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (consumer->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "start the Kafka client: %s", reason);
    }
    (void)rd_kafka_poll_set_consumer(consumer->rk);
    return SLUICE_OK;
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
    consumer->start_without_commit = RD_KAFKA_OFFSET_BEGINNING;
    enum sluice_code code = create(consumer, options, err);
    if (code != SLUICE_OK) {
        free(consumer);
        return code;
    }
    consumer->subscription = rd_kafka_topic_partition_list_new((int)options->n_topics);
    for (size_t i = 0; i < options->n_topics; i++)
        (void)rd_kafka_topic_partition_list_add(consumer->subscription, options->topics[i], RD_KAFKA_PARTITION_UA);
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

enum sluice_code sluice_consumer_ping(struct sluice_consumer *consumer, int timeout_ms, struct sluice_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_metadata(consumer->rk, 0, NULL, &metadata, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "reach a broker of kafka.bootstrap.servers");
    rd_kafka_metadata_destroy(metadata);
    return SLUICE_OK;
}

/* librdkafka matches a pattern with POSIX extended regular expressions, so the same library answers here. */
static enum sluice_code visit_matching(const char *pattern, const struct rd_kafka_metadata *metadata,
                                       sluice_topic_visit_fn visit, void *context, struct sluice_error *err)
{
    regex_t regex;
    bool is_regex = pattern[0] == '^';
    bool found = false;
    if (is_regex && regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "kafka.topics: \"%s\" is not a POSIX extended regular expression", pattern);
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        bool matches = is_regex ? regexec(&regex, topic->topic, 0, NULL, 0) == 0 : strcmp(pattern, topic->topic) == 0;
        if (!matches || topic->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        found = true;
        visit(context, topic->topic, topic->partition_cnt);
    }
    if (is_regex)
        regfree(&regex);
    else if (!found)
        visit(context, pattern, 0);
    return SLUICE_OK;
}

enum sluice_code sluice_consumer_visit_topics(struct sluice_consumer *consumer, int timeout_ms,
                                              sluice_topic_visit_fn visit, void *context, struct sluice_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_metadata(consumer->rk, 1, NULL, &metadata, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "list the topics");
    enum sluice_code code = SLUICE_OK;
    for (int i = 0; code == SLUICE_OK && i < consumer->subscription->cnt; i++)
        code = visit_matching(consumer->subscription->elems[i].topic, metadata, visit, context, err);
    rd_kafka_metadata_destroy(metadata);
    return code;
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

enum sluice_polled sluice_consumer_poll(struct sluice_consumer *consumer, int timeout_ms, rd_kafka_message_t **message,
                                        struct sluice_kafka_position *at, struct sluice_error *err)
{
    rd_kafka_message_t *event = rd_kafka_consumer_poll(consumer->rk, timeout_ms);
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

static void keep_assigned(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    if (rd_kafka_assignment(consumer->rk, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (int i = list->cnt - 1; i >= 0; i--) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        if (rd_kafka_topic_partition_list_find(assigned, p->topic, p->partition) == NULL)
            (void)rd_kafka_topic_partition_list_del_by_idx(list, i);
    }
    rd_kafka_topic_partition_list_destroy(assigned);
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
            keep_assigned(consumer, list);
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

int64_t sluice_consumer_end_offset(struct sluice_consumer *consumer, const char *topic, int32_t partition)
{
    int64_t low = -1;
    int64_t high = -1;
    if (rd_kafka_get_watermark_offsets(consumer->rk, topic, partition, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high >= 0 ? high : -1;
}

int64_t sluice_consumer_ask_end_offset(struct sluice_consumer *consumer, const char *topic, int32_t partition,
                                       int timeout_ms)
{
    int64_t low = -1;
    int64_t high = -1;
    rd_kafka_resp_err_t failed =
        rd_kafka_query_watermark_offsets(consumer->rk, topic, partition, &low, &high, timeout_ms);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? high : -1;
}

int64_t sluice_consumer_take_oldest(struct sluice_consumer *consumer, const char *topic, int32_t partition)
{
    rd_kafka_topic_partition_t *p =
        consumer->oldest != NULL ? rd_kafka_topic_partition_list_find(consumer->oldest, topic, partition) : NULL;
    int64_t offset = p != NULL && p->offset >= 0 ? p->offset : -1;
    if (p != NULL)
        p->offset = -1;
    return offset;
}

enum sluice_code sluice_consumer_start_offset(struct sluice_consumer *consumer, const char *topic, int32_t partition,
                                              int timeout_ms, int64_t *low, struct sluice_error *err)
{
    int64_t high = -1;
    rd_kafka_resp_err_t failed =
        rd_kafka_query_watermark_offsets(consumer->rk, topic, partition, low, &high, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "ask for the oldest offset of a partition");
    return SLUICE_OK;
}

enum sluice_code sluice_consumer_committed(struct sluice_consumer *consumer, const char *topic, int32_t partition,
                                           int timeout_ms, int64_t *offset, char *metadata, size_t metadata_size,
                                           struct sluice_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, partition);
    /* Stable offsets are asked for because of isolation.level, which is ours. */
    rd_kafka_resp_err_t failed = rd_kafka_committed(consumer->rk, list, timeout_ms);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        failed = p->err;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *offset = p->offset >= 0 ? p->offset : -1;
        kafka_copy_text(p, metadata, metadata_size);
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "read the group's committed offset of a partition");
    return SLUICE_OK;
}

struct sluice_kafka_membership *sluice_consumer_membership(struct sluice_consumer *consumer)
{
    return consumer->membership != NULL ? sluice_kafka_membership_ref(consumer->membership) : NULL;
}

enum sluice_code sluice_consumer_cluster_id(struct sluice_consumer *consumer, int timeout_ms,
                                            char out[SLUICE_KAFKA_CLUSTER_ID], struct sluice_error *err)
{
    char *id = rd_kafka_clusterid(consumer->rk, timeout_ms);
    size_t length = id != NULL ? strlen(id) : 0;
    bool fits = length > 0 && length < SLUICE_KAFKA_CLUSTER_ID;
    if (fits)
        memcpy(out, id, length + 1);
    rd_kafka_mem_free(consumer->rk, id);
    if (!fits)
        return sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_RETRY,
                                "ask for the id of the Kafka cluster: no broker of kafka.bootstrap.servers told one");
    return SLUICE_OK;
}

enum sluice_code sluice_consumer_visit_members(struct sluice_consumer *consumer, const char *group_id, int timeout_ms,
                                               sluice_member_visit_fn visit, void *context, struct sluice_error *err)
{
    const struct rd_kafka_group_list *groups = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_list_groups(consumer->rk, group_id, &groups, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR && groups != NULL)
        rd_kafka_group_list_destroy(groups); /* a part of the answer proves nothing */
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "list the members of the group");
    enum sluice_code code = SLUICE_OK;
    for (int i = 0; i < groups->group_cnt; i++) {
        const struct rd_kafka_group_info *group = &groups->groups[i];
        if (group->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            code = kafka_error_from(err, group->err, "list the members of the group");
        for (int j = 0; j < group->member_cnt; j++)
            visit(context, group->members[j].client_id, group->members[j].client_host);
    }
    rd_kafka_group_list_destroy(groups);
    return code;
}

static enum sluice_code find_broker(struct sluice_consumer *consumer, int timeout_ms, char id[16],
                                    struct sluice_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_metadata(consumer->rk, 0, NULL, &metadata, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "reach a broker of kafka.bootstrap.servers");
    (void)snprintf(id, 16, "%" PRId32, metadata->broker_cnt > 0 ? metadata->brokers[0].id : 0);
    rd_kafka_metadata_destroy(metadata);
    return SLUICE_OK;
}

static void copy_setting(const rd_kafka_ConfigResource_t *resource, const char *name, char *value, size_t value_size)
{
    size_t n = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);
    value[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *text = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0 && text != NULL)
            (void)snprintf(value, value_size, "%s", text);
    }
}

/* The answer to one resource, NULL with `err` set. Borrowed from the event. */
static const rd_kafka_ConfigResource_t *answered_resource(rd_kafka_event_t *event, struct sluice_error *err)
{
    size_t n = 0;
    rd_kafka_resp_err_t failed = event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    const rd_kafka_ConfigResource_t *resource = NULL;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const rd_kafka_ConfigResource_t **resources =
            rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
        resource = n > 0 ? resources[0] : NULL;
        failed = n > 0 ? rd_kafka_ConfigResource_error(resource) : RD_KAFKA_RESP_ERR__BAD_MSG;
    }
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        return resource;
    (void)kafka_error_from(err, failed, "ask for the brokers' configuration");
    return NULL;
}

enum sluice_code sluice_consumer_broker_setting(struct sluice_consumer *consumer, const char *name, int timeout_ms,
                                                char *value, size_t value_size, struct sluice_error *err)
{
    char id[16];
    enum sluice_code code = find_broker(consumer, timeout_ms, id, err);
    if (code != SLUICE_OK)
        return code;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(consumer->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
    char reason[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    rd_kafka_DescribeConfigs(consumer->rk, &asked, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    const rd_kafka_ConfigResource_t *resource = answered_resource(event, err);
    if (resource != NULL)
        copy_setting(resource, name, value, value_size);
    else
        code = err->code;
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return code;
}

void sluice_consumer_close(struct sluice_consumer *consumer)
{
    (void)rd_kafka_consumer_close(consumer->rk); /* fails only for a client that is no consumer */
}
