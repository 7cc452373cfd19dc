/* reader.c - see reader.h. */
#include "pipeline/reader.h"

#include "base/clock.h"
#include "sluice/log.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

enum {
    POLL_MS = 20,                 /* longest wait for a message, so how late a notice may be seen */
    COMMIT_TIMEOUT_US = 10000000, /* after this a commit without an answer counts as lost */
    COMMIT_AGAIN_US = 1000000,
    ASK_END_MS = 200,
    GAUGES_US = 1000000,
    RAW_LIMIT_BYTES = 16 << 20, /* more does not make it faster: the lane has work for some ten milliseconds */
    HIGH_PERCENT = 90,          /* of memory.limit: pause above, resume below the low mark */
    LOW_PERCENT = 60
};

struct reader {
    struct reader_world world;
    struct sluice_consumer *consumer;
    struct partition *partitions;
    size_t n_partitions;
    struct chunk *chunk; /* being filled */
    struct partition *last;
    size_t raw_limit;
    bool paused;
    size_t n_commits_open;   /* partitions whose commit has no answer yet */
    int64_t committed_us;    /* when it was sent */
    int64_t commit_after_us; /* not before, after a refusal */
    size_t n_asked;          /* turns about asking for the end of a partition that is not fetched */
    int64_t gauges_us;
    atomic_bool stop;
    atomic_bool restart;
    atomic_bool failed;
    struct sluice_error failure; /* written before `failed` */
    pthread_t thread;
};

static struct sluice_kafka_position position_of(const struct partition *p, int64_t offset, const char *metadata)
{
    return (struct sluice_kafka_position){p->topic, p->id, offset, metadata};
}

static struct partition *find_partition(struct reader *reader, const char *topic, int32_t id)
{
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        if (p->id == id && strcmp(p->topic, topic) == 0)
            return p;
    }
    return NULL;
}

static void control_at(struct reader *reader, enum lane_item_kind kind, struct partition *p, int64_t offset)
{
    struct lane_control *item = calloc(1, sizeof *item);
    if (item == NULL)
        SLUICE_BUG("no memory for a control item");
    item->item.kind = kind;
    item->partition = partition_ref(p);
    item->offset = offset;
    sluice_queue_push(reader->world.lane, &item->item.link);
}

static void control(struct reader *reader, enum lane_item_kind kind, struct partition *p)
{
    control_at(reader, kind, p, 0);
}

static void push_chunk(struct reader *reader)
{
    if (reader->chunk == NULL)
        return;
    sluice_queue_push(reader->world.lane, &reader->chunk->item.link);
    reader->chunk = NULL;
}

/* --- assignment ------------------------------------------------------------------------------------------------- */

static void add_partition(struct reader *reader, const struct sluice_kafka_position *position)
{
    struct sluice_error err;
    struct sluice_source_state state = {0};
    struct partition *p = NULL;
    bool known = sluice_source_state_parse(&state, position->metadata);
    if (partition_new(position->topic, position->partition, position->offset, &state, reader->world.status, &p, &err) !=
        SLUICE_OK)
        SLUICE_BUG("no memory for an assigned partition");
    p->reader.next_offset = position->offset;
    p->reader.next = reader->partitions;
    reader->partitions = p;
    reader->n_partitions++;
    control(reader, LANE_ATTACH, p);
    SLUICE_LOG(SLUICE_LOG_INFO, "partition_assigned", SLUICE_F_TEXT("topic", p->topic),
               SLUICE_F_I64("partition", p->id), SLUICE_F_I64("offset", position->offset),
               SLUICE_F_BOOL("source_state", known));
}

static void on_assigned(void *context, const struct sluice_kafka_position *positions, size_t n)
{
    struct reader *reader = context;
    for (size_t i = 0; i < n; i++)
        add_partition(reader, &positions[i]);
    atomic_store(&reader->world.status->joined, true);
    sluice_metric_add(sluice_metrics_get(reader->world.metrics, SLUICE_METRIC_REBALANCES), 1);
}

/* The reader's part of a partition ends; the lane's may go on for a while. */
static void remove_partition(struct reader *reader, struct partition *p)
{
    for (struct partition **at = &reader->partitions; *at != NULL; at = &(*at)->reader.next) {
        if (*at == p) {
            *at = p->reader.next;
            break;
        }
    }
    p->reader.gone = true;
    reader->n_partitions--;
    if (reader->last == p)
        reader->last = NULL;
    sluice_metrics_remove_partition(reader->world.metrics, p->topic, p->id);
    status_remove(reader->world.status, p->status);
    partition_unref(p);
}

static void stop_partition(struct reader *reader, struct partition *p, const struct sluice_error *error)
{
    struct sluice_kafka_position at = position_of(p, 0, NULL);
    p->reader.stopped = true;
    sluice_consumer_pause(reader->consumer, &at, 1);
    if (error->code == SLUICE_E_KAFKA_OFFSET) { /* found by the reader itself; the lane logs its own */
        struct sluice_error err = *error;
        (void)sluice_error_wrap(&err, "topic \"%s\" partition %" PRId32, p->topic, p->id);
        status_set_error(reader->world.status, p->status, err.text);
        (void)atomic_fetch_add(&reader->world.status->n_stopped_ever, 1);
        SLUICE_LOG(SLUICE_LOG_ERROR, "partition_stopped", SLUICE_F_TEXT("topic", p->topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_ERROR(&err));
    }
}

/* Like a new assignment of the same partition: the lane forgets it, then gets it anew at the durable offset. */
static void restart_partition(struct reader *reader, struct partition *p)
{
    struct sluice_error err;
    char text[SLUICE_SOURCE_STATE_TEXT];
    sluice_source_state_format(&p->reader.state, text);
    char *topic = p->topic;
    struct sluice_kafka_position at = {topic, p->id, p->reader.committable, text};
    if (at.offset >= 0 && sluice_consumer_seek(reader->consumer, &at, &err) != SLUICE_OK) {
        SLUICE_LOG(SLUICE_LOG_WARN, "restart_failed", SLUICE_F_ERROR(&err), SLUICE_F_TEXT("topic", topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_TEXT("then", "it stays stopped; send SIGHUP again"));
        return;
    }
    add_partition(reader, &at);
    sluice_consumer_resume(reader->consumer, &at, 1);
    remove_partition(reader, p);
}

/* A notice about a partition that the reader has already given up has nothing to say any more. */
static void on_notice(struct reader *reader, struct notice *notice)
{
    struct partition *p = notice->partition;
    if (p->reader.gone) {
        partition_unref(p);
        free(notice);
        return;
    }
    if (notice->offset >= 0 && notice->offset != p->reader.committable) {
        p->reader.committable = notice->offset;
        p->reader.state = notice->state;
        p->reader.has_committable = true;
    }
    if (notice->kind == NOTICE_STOPPED)
        stop_partition(reader, p, &notice->error);
    else if (notice->kind == NOTICE_DETACHED)
        p->reader.detached = true;
    if (p->reader.detached && p->reader.restart && !p->reader.revoked)
        restart_partition(reader, p);
    partition_unref(p);
    free(notice);
}

static void take_notices(struct reader *reader, int64_t timeout_us)
{
    struct sluice_link *link = sluice_queue_pop(reader->world.notices, timeout_us);
    for (; link != NULL; link = sluice_queue_pop(reader->world.notices, 0))
        on_notice(reader, SLUICE_ITEM(link, struct notice, link));
}

/* --- commits ---------------------------------------------------------------------------------------------------- */

struct commit_list {
    struct sluice_kafka_position *positions;
    char (*texts)[SLUICE_SOURCE_STATE_TEXT];
    size_t n;
};

static void collect_commits(struct reader *reader, struct commit_list *list)
{
    *list = (struct commit_list){calloc(reader->n_partitions + 1, sizeof *list->positions),
                                 calloc(reader->n_partitions + 1, sizeof *list->texts), 0};
    if (list->positions == NULL || list->texts == NULL)
        return; /* the next turn tries again */
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        if (!p->reader.has_committable)
            continue;
        p->reader.has_committable = false;
        sluice_source_state_format(&p->reader.state, list->texts[list->n]);
        list->positions[list->n] = position_of(p, p->reader.committable, list->texts[list->n]);
        list->n++;
    }
}

static void free_commits(struct commit_list *list)
{
    free(list->positions);
    free(list->texts);
}

static void commit_soon(struct reader *reader)
{
    int64_t now_us = sluice_mono_us();
    if (now_us < reader->commit_after_us ||
        (reader->n_commits_open > 0 && now_us - reader->committed_us < COMMIT_TIMEOUT_US))
        return;
    struct commit_list list;
    collect_commits(reader, &list);
    reader->n_commits_open = list.n;
    reader->committed_us = now_us;
    if (list.n > 0)
        sluice_consumer_commit(reader->consumer, list.positions, list.n);
    free_commits(&list);
}

static void on_committed(void *context, const struct sluice_kafka_position *position, const char *error_text)
{
    struct reader *reader = context;
    struct partition *p = find_partition(reader, position->topic, position->partition);
    if (reader->n_commits_open > 0)
        reader->n_commits_open--;
    if (error_text == NULL && p != NULL) {
        atomic_store(&p->status->committed, position->offset);
    } else if (error_text != NULL) {
        SLUICE_LOG(SLUICE_LOG_WARN, "commit_failed", SLUICE_F_TEXT("topic", position->topic),
                   SLUICE_F_I64("partition", position->partition), SLUICE_F_I64("offset", position->offset),
                   SLUICE_F_TEXT("error", error_text), SLUICE_F_TEXT("then", "committed again in a second"));
        reader->commit_after_us = sluice_mono_us() + COMMIT_AGAIN_US;
        if (p != NULL && p->reader.committable >= 0)
            p->reader.has_committable = true;
    }
}

static void commit_now(struct reader *reader)
{
    struct sluice_error err;
    struct commit_list list;
    collect_commits(reader, &list);
    if (list.n > 0 && sluice_consumer_commit_now(reader->consumer, list.positions, list.n, &err) != SLUICE_OK)
        SLUICE_LOG(SLUICE_LOG_WARN, "commit_failed", SLUICE_F_ERROR(&err),
                   SLUICE_F_TEXT("then", "the next owner stores the same rows again, under the same versions"));
    else
        for (size_t i = 0; i < list.n; i++)
            on_committed(reader, &list.positions[i], NULL);
    free_commits(&list);
}

/* --- giving partitions back --------------------------------------------------------------------------------------- */

static bool revoked_detached(const struct reader *reader)
{
    for (const struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        if (p->reader.revoked && !p->reader.detached)
            return false;
    }
    return true;
}

static void start_leaving(struct reader *reader, struct partition *p)
{
    atomic_store(&p->leaving, true);
    control(reader, LANE_DETACH, p);
}

/* Waits until the lane has finished with the leaving partitions, for the drain time at most; then abandons the rest. */
static void wait_detached(struct reader *reader, int64_t limit_us)
{
    int64_t deadline_us = sluice_mono_us() + limit_us;
    for (;;) {
        take_notices(reader, 0);
        int64_t left_us = deadline_us - sluice_mono_us();
        atomic_store(&reader->world.status->polled_mono_us, sluice_mono_us());
        if (revoked_detached(reader) || left_us <= 0)
            return;
        take_notices(reader, left_us < POLL_MS * 1000 ? left_us : POLL_MS * 1000);
    }
}

static void drop_revoked(struct reader *reader)
{
    for (struct partition *p = reader->partitions, *next = NULL; p != NULL; p = next) {
        next = p->reader.next;
        if (!p->reader.revoked)
            continue;
        if (!p->reader.detached) {
            SLUICE_LOG(SLUICE_LOG_WARN, "partition_abandoned", SLUICE_F_TEXT("topic", p->topic),
                       SLUICE_F_I64("partition", p->id),
                       SLUICE_F_TEXT("then", "rows not yet confirmed are read again by the next owner"));
            control(reader, LANE_ABANDON, p);
        }
        remove_partition(reader, p);
    }
}

static void on_revoked(void *context, const struct sluice_kafka_position *positions, size_t n, bool lost)
{
    struct reader *reader = context;
    push_chunk(reader);
    for (size_t i = 0; i < n; i++) {
        struct partition *p = find_partition(reader, positions[i].topic, positions[i].partition);
        if (p == NULL || p->reader.revoked)
            continue;
        p->reader.revoked = true;
        if (!atomic_load(&p->leaving)) /* else it was about to start anew */
            start_leaving(reader, p);
        SLUICE_LOG(SLUICE_LOG_INFO, "partition_revoked", SLUICE_F_TEXT("topic", p->topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_BOOL("lost", lost));
    }
    wait_detached(reader, lost ? 0 : reader->world.config->drain_timeout_us);
    if (!lost)
        commit_now(reader);
    drop_revoked(reader);
    if (lost)
        atomic_store(&reader->world.status->joined, false);
    sluice_metric_add(sluice_metrics_get(reader->world.metrics, SLUICE_METRIC_REBALANCES), 1);
}

/* --- starting stopped partitions again ------------------------------------------------------------------------------
 */

/* The lane drops what is left of each and reports it detached; on_notice() then starts it anew. */
static void restart_stopped(struct reader *reader)
{
    for (struct partition *p = reader->partitions, *next = NULL; p != NULL; p = next) {
        next = p->reader.next;
        if (!p->reader.stopped)
            continue;
        p->reader.restart = true;
        if (p->reader.detached)
            restart_partition(reader, p);
        else if (!atomic_load(&p->leaving))
            start_leaving(reader, p);
    }
}

/* --- the loop ------------------------------------------------------------------------------------------------------
 */

static bool over_limit(const struct reader *reader, bool was_paused)
{
    size_t raw = atomic_load_explicit(reader->world.raw_bytes, memory_order_relaxed);
    size_t raw_limit = was_paused ? reader->raw_limit / 2 : reader->raw_limit;
    return raw > raw_limit || sluice_budget_over(reader->world.budget, was_paused ? LOW_PERCENT : HIGH_PERCENT);
}

/* Pausing throws away what librdkafka prefetched, hence the distance between the two marks. */
static void adjust_pausing(struct reader *reader)
{
    reader->paused = over_limit(reader, reader->paused);
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        bool pause = reader->paused || atomic_load_explicit(&p->held, memory_order_relaxed);
        if (p->reader.stopped || pause == p->reader.paused)
            continue;
        struct sluice_kafka_position at = position_of(p, p->reader.next_offset, NULL);
        p->reader.paused = pause;
        atomic_store(&p->status->paused, pause);
        if (pause)
            sluice_consumer_pause(reader->consumer, &at, 1);
        else
            sluice_consumer_resume(reader->consumer, &at, 1);
    }
}

static void take_message(struct reader *reader, rd_kafka_message_t *message)
{
    const char *topic = rd_kafka_topic_name(message->rkt);
    struct partition *p = reader->last;
    if (p == NULL || p->id != message->partition || strcmp(p->topic, topic) != 0) {
        p = find_partition(reader, topic, message->partition);
        reader->last = p;
    }
    if (p == NULL || p->reader.stopped || atomic_load_explicit(&p->leaving, memory_order_relaxed)) {
        rd_kafka_message_destroy(message);
        return;
    }
    if (reader->chunk != NULL && (reader->chunk->partition != p || reader->chunk->n_messages == CHUNK_MESSAGES))
        push_chunk(reader);
    if (reader->chunk == NULL) {
        reader->chunk = malloc(sizeof *reader->chunk);
        if (reader->chunk == NULL)
            SLUICE_BUG("no memory for a chunk of messages");
        reader->chunk->item.kind = LANE_CHUNK;
        reader->chunk->partition = p;
        reader->chunk->n_messages = 0;
        reader->chunk->n_done = 0;
    }
    p->reader.next_offset = message->offset + 1;
    size_t cost = message_cost(message);
    sluice_budget_charge(reader->world.budget, cost);
    (void)atomic_fetch_add_explicit(reader->world.raw_bytes, cost, memory_order_relaxed);
    reader->chunk->messages[reader->chunk->n_messages++] = message;
}

static void fail(struct reader *reader, const struct sluice_error *err)
{
    if (atomic_load(&reader->failed)) /* main may be reading it */
        return;
    reader->failure = *err;
    atomic_store(&reader->failed, true);
    atomic_store(&reader->stop, true);
}

/* One message or event; false when nothing was there. */
static bool poll_once(struct reader *reader, int timeout_ms)
{
    rd_kafka_message_t *message = NULL;
    struct sluice_kafka_position at = {0};
    struct sluice_error err;
    struct partition *p = NULL;
    switch (sluice_consumer_poll(reader->consumer, timeout_ms, &message, &at, &err)) {
    case SLUICE_POLLED_MESSAGE:
        take_message(reader, message);
        return true;
    case SLUICE_POLLED_IDLE:
        return false;
    case SLUICE_POLLED_END:
        p = find_partition(reader, at.topic, at.partition);
        if (p != NULL && !p->reader.stopped && !atomic_load_explicit(&p->leaving, memory_order_relaxed)) {
            push_chunk(reader); /* the lane must see the messages before it */
            control_at(reader, LANE_END, p, at.offset);
        }
        return true;
    case SLUICE_POLLED_PARTITION_ERROR:
        p = find_partition(reader, at.topic, at.partition);
        if (p != NULL && !p->reader.stopped)
            stop_partition(reader, p, &err);
        return true;
    case SLUICE_POLLED_WARNING:
        SLUICE_LOG(SLUICE_LOG_WARN, "kafka", SLUICE_F_ERROR(&err),
                   SLUICE_F_TEXT("then", "the client retries by itself"));
        return true;
    case SLUICE_POLLED_FATAL:
        fail(reader, &err);
        return true;
    }
    return false;
}

static void poll_many(struct reader *reader)
{
    /* The first call may wait; the following ones drain what is there, one message at a time, up to a chunk, so that
     * notices and pausing are looked at often enough. */
    if (!poll_once(reader, POLL_MS))
        return;
    for (int i = 1; i < CHUNK_MESSAGES && poll_once(reader, 0); i++) {
    }
    push_chunk(reader);
}

/* The end of a partition is learned from fetching it. Of those that are not fetched one is asked for at a time, so that
 * their lag goes on to be true. */
static void ask_one_end(struct reader *reader)
{
    size_t n = 0;
    for (const struct partition *p = reader->partitions; p != NULL; p = p->reader.next)
        n += p->reader.paused || p->reader.stopped ? 1 : 0;
    if (n == 0)
        return;
    size_t turn = reader->n_asked++ % n;
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        if (!p->reader.paused && !p->reader.stopped)
            continue;
        if (turn-- > 0)
            continue;
        int64_t end = sluice_consumer_ask_end_offset(reader->consumer, p->topic, p->id, ASK_END_MS);
        if (end >= 0)
            p->reader.asked_end = end;
        return;
    }
}

static int64_t end_of(struct reader *reader, const struct partition *p)
{
    int64_t end = sluice_consumer_end_offset(reader->consumer, p->topic, p->id);
    return end > p->reader.asked_end ? end : p->reader.asked_end;
}

static void set_gauges(struct reader *reader)
{
    struct sluice_metrics *metrics = reader->world.metrics;
    int64_t n_stopped = 0;
    int64_t now_us = sluice_wall_us();
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        struct partition_status *s = p->status;
        int64_t end = end_of(reader, p);
        atomic_store(&s->end, end);
        int64_t lag = status_lag(s);
        int64_t record_us = atomic_load(&s->record_wall_us);
        double lag_s = lag > 0 && record_us > 0 ? (double)(now_us - record_us) / 1e6 : 0;
        n_stopped += p->reader.stopped ? 1 : 0;
        sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LAG_RECORDS, p->topic, p->id), lag);
        sluice_metric_set_real(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LAG_SECONDS, p->topic, p->id),
                               lag_s);
        sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_POSITION_OFFSET, p->topic, p->id),
                          atomic_load(&s->position));
        sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_DURABLE_OFFSET, p->topic, p->id),
                          atomic_load(&s->durable));
        sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_COMMITTED_OFFSET, p->topic, p->id),
                          atomic_load(&s->committed));
    }
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_ASSIGNED_PARTITIONS), (int64_t)reader->n_partitions);
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_STOPPED_PARTITIONS), n_stopped);
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_PAUSED_PARTITIONS),
                      reader->paused ? (int64_t)reader->n_partitions - n_stopped : 0);
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_BUFFERED_BYTES),
                      (int64_t)sluice_budget_used(reader->world.budget));
}

static void *reader_main(void *context)
{
    struct reader *reader = context;
    while (!atomic_load(&reader->stop)) {
        poll_many(reader);
        take_notices(reader, 0);
        commit_soon(reader);
        adjust_pausing(reader);
        if (atomic_exchange(&reader->restart, false))
            restart_stopped(reader);
        int64_t now_us = sluice_mono_us();
        atomic_store(&reader->world.status->polled_mono_us, now_us);
        if (now_us - reader->gauges_us >= GAUGES_US) {
            reader->gauges_us = now_us;
            ask_one_end(reader);
            set_gauges(reader);
        }
    }
    atomic_store(&reader->world.status->draining, true);
    sluice_consumer_close(reader->consumer);
    return NULL;
}

enum sluice_code reader_consumer_new(const struct sluice_config *config, const struct sluice_consumer_handler *handler,
                                     struct sluice_consumer **out, struct sluice_error *err)
{
    struct sluice_kafka_option *extra = calloc(config->n_kafka_properties + 1, sizeof *extra);
    if (extra == NULL)
        return sluice_error_nomem(err, "the Kafka options", config->n_kafka_properties * sizeof *extra);
    for (size_t i = 0; i < config->n_kafka_properties; i++)
        extra[i] = (struct sluice_kafka_option){config->kafka_properties[i].key, config->kafka_properties[i].value};
    const struct sluice_consumer_options options = {
        .bootstrap_servers = config->kafka_bootstrap_servers,
        .group_id = config->kafka_group_id[0] != '\0' ? config->kafka_group_id : config->name,
        .topics = config->kafka_topics.items,
        .n_topics = config->kafka_topics.n_items,
        .extra = extra,
        .n_extra = config->n_kafka_properties,
    };
    enum sluice_code code = sluice_consumer_new(&options, handler, out, err);
    free(extra);
    return code;
}

enum sluice_code reader_new(const struct reader_world *world, struct reader **out, struct sluice_error *err)
{
    struct reader *reader = calloc(1, sizeof *reader);
    if (reader == NULL)
        return sluice_error_nomem(err, "the reader", sizeof *reader);
    reader->world = *world;
    /* A quarter for raw messages leaves the rest to batches, which are what waits when ClickHouse is slow. */
    reader->raw_limit = (size_t)world->config->memory_limit_bytes / 4;
    if (reader->raw_limit > RAW_LIMIT_BYTES)
        reader->raw_limit = RAW_LIMIT_BYTES;
    const struct sluice_consumer_handler handler = {reader, on_assigned, on_revoked, on_committed};
    enum sluice_code code = reader_consumer_new(world->config, &handler, &reader->consumer, err);
    if (code != SLUICE_OK) {
        free(reader);
        return code;
    }
    *out = reader;
    return SLUICE_OK;
}

enum sluice_code reader_ping(struct reader *reader, int timeout_ms, struct sluice_error *err)
{
    return sluice_consumer_ping(reader->consumer, timeout_ms, err);
}

enum sluice_code reader_start(struct reader *reader, struct sluice_error *err)
{
    enum sluice_code code = sluice_consumer_subscribe(reader->consumer, err);
    if (code != SLUICE_OK)
        return code;
    if (pthread_create(&reader->thread, NULL, reader_main, reader) != 0)
        return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "start the reader's thread: the system refuses");
    return SLUICE_OK;
}

void reader_restart_stopped(struct reader *reader)
{
    atomic_store(&reader->restart, true);
}

void reader_stop(struct reader *reader)
{
    atomic_store(&reader->stop, true);
}

bool reader_failed(struct reader *reader, struct sluice_error *err)
{
    if (!atomic_load(&reader->failed))
        return false;
    *err = reader->failure;
    return true;
}

void reader_join(struct reader *reader)
{
    (void)pthread_join(reader->thread, NULL);
}

void reader_free(struct reader *reader)
{
    if (reader == NULL)
        return;
    take_notices(reader, 0); /* what the lane said after the last partition was given back */
    sluice_consumer_free(reader->consumer);
    free(reader);
}
