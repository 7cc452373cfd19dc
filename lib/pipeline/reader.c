/* reader.c - see reader.h: the loop, and when to pause. */
#include "pipeline/reader_internal.h"

#include "base/clock.h"
#include "sluice/log.h"

#include <stdlib.h>

enum {
    POLL_MS = 20, /* longest wait for a message, so how late a notice may be seen */
    GAUGES_US = 1000000,
    RAW_LIMIT_BYTES = 16 << 20, /* more does not make it faster: the lane has work for some ten milliseconds */
    HIGH_PERCENT = 90,          /* of memory.limit: pause above, resume below the low mark */
    LOW_PERCENT = 60
};

struct sluice_kafka_position reader_position(const struct partition *p, int64_t offset, const char *metadata)
{
    return (struct sluice_kafka_position){p->topic, p->id, offset, metadata};
}

struct partition *reader_find(struct reader *reader, const char *topic, int32_t id)
{
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        if (p->id == id && strcmp(p->topic, topic) == 0)
            return p;
    }
    return NULL;
}

struct lane_control *reader_control_new(enum lane_item_kind kind, struct partition *p)
{
    struct lane_control *item = calloc(1, sizeof *item);
    if (item == NULL)
        SLUICE_BUG("no memory for a control item");
    item->item.kind = kind;
    item->partition = partition_ref(p);
    return item;
}

void reader_control(struct reader *reader, enum lane_item_kind kind, struct partition *p, int64_t offset)
{
    struct lane_control *item = reader_control_new(kind, p);
    item->offset = offset;
    sluice_queue_push(reader->lane, &item->item.link);
}

void reader_push_chunk(struct reader *reader)
{
    if (reader->chunk == NULL)
        return;
    sluice_queue_push(reader->lane, &reader->chunk->item.link);
    reader->chunk = NULL;
}

static void look_at_limits(struct reader *reader)
{
    size_t raw = atomic_load_explicit(reader->world.raw_bytes, memory_order_relaxed);
    reader->raw_paused = raw > (reader->raw_paused ? reader->raw_limit / 2 : reader->raw_limit);
    reader->paused =
        reader->raw_paused || sluice_budget_over(reader->world.budget, reader->paused ? LOW_PERCENT : HIGH_PERCENT);
}

/* It reads a range of the ledger again, and goes on with it. */
static bool is_rebuilding(const struct partition *p)
{
    return !p->reader.stopped && atomic_load_explicit(&p->status->rebuilding, memory_order_relaxed);
}

/* All partitions at the memory limit; by itself one of which something is being tried again, so that a table in trouble
 * does not fill the memory that the others need. Pausing throws away what librdkafka prefetched, hence the distance
 * between the two marks. A range that is read again frees nothing before its last record has come, so one of these is
 * let through at the memory limit; not when messages wait for the lane, which takes them sooner or later. */
static void adjust_pausing(struct reader *reader)
{
    bool let_through = false;
    look_at_limits(reader);
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        bool held = p->reader.waits || atomic_load_explicit(&p->status->held, memory_order_relaxed);
        bool passes = !let_through && !held && is_rebuilding(p);
        bool pause = held || reader->raw_paused || (reader->paused && !passes);
        let_through = let_through || passes;
        if (p->reader.stopped || pause == p->reader.paused)
            continue;
        struct sluice_kafka_position at = reader_position(p, p->reader.next_offset, NULL);
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
        p = reader_find(reader, topic, message->partition);
        reader->last = p;
    }
    if (p == NULL || p->reader.stopped || p->reader.waits || atomic_load_explicit(&p->leaving, memory_order_relaxed)) {
        rd_kafka_message_destroy(message);
        return;
    }
    if (reader->chunk != NULL && (reader->chunk->partition != p || reader->chunk->n_messages == CHUNK_MESSAGES))
        reader_push_chunk(reader);
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

void reader_fail(struct reader *reader, const struct sluice_error *err)
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
        p = reader_find(reader, at.topic, at.partition);
        if (p != NULL && !p->reader.stopped && !p->reader.waits &&
            !atomic_load_explicit(&p->leaving, memory_order_relaxed)) {
            reader_push_chunk(reader); /* the lane must see the messages before it */
            reader_control(reader, LANE_END, p, at.offset);
        }
        return true;
    case SLUICE_POLLED_PARTITION_ERROR:
        p = reader_find(reader, at.topic, at.partition);
        if (p != NULL && !p->reader.stopped && reader->ledger != NULL && err.code == SLUICE_E_KAFKA_OFFSET)
            assignment_lost(reader, p, &err);
        else if (p != NULL && !p->reader.stopped)
            assignment_stop(reader, p, &err);
        return true;
    case SLUICE_POLLED_WARNING:
        SLUICE_LOG(SLUICE_LOG_WARN, "kafka", SLUICE_F_ERROR(&err),
                   SLUICE_F_TEXT("then", "the client retries by itself"));
        return true;
    case SLUICE_POLLED_FATAL:
        reader_fail(reader, &err);
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
    reader_push_chunk(reader);
}

static void *reader_main(void *context)
{
    struct reader *reader = context;
    while (!atomic_load(&reader->stop)) {
        poll_many(reader);
        assignment_take_notices(reader, 0);
        commits_send(reader);
        assignment_tend(reader);
        adjust_pausing(reader);
        if (atomic_exchange(&reader->restart, false))
            assignment_restart_stopped(reader);
        int64_t now_us = sluice_mono_us();
        atomic_store(&reader->world.status->polled_mono_us, now_us);
        if (now_us - reader->gauges_us >= GAUGES_US) {
            reader->gauges_us = now_us;
            gauges_set(reader);
        }
    }
    atomic_store(&reader->world.status->draining, true);
    sluice_consumer_close(reader->consumer);
    return NULL;
}

static enum sluice_code new_consumer(const struct sluice_config *config, const struct sluice_consumer_handler *handler,
                                     bool is_worker, struct sluice_consumer **out, struct sluice_error *err)
{
    const bool replays = config->on_bad_record == SLUICE_ON_BAD_RECORD_DEAD_LETTER;
    const struct sluice_consumer_options options = {
        .bootstrap_servers = config->kafka_bootstrap_servers,
        .group_id = config->kafka_group_id,
        .topics = config->kafka_topics.items,
        .n_topics = config->kafka_topics.n_items,
        .own_topic = replays && is_worker ? config->dead_letters_replay_topic : NULL,
        .excluded = {config->dead_letters_topic, config->dead_letters_replay_topic},
        .n_excluded = replays ? 1 : 2,
        .extra = config->kafka_properties,
        .n_extra = config->n_kafka_properties,
        .starts_paused = config->delivery == SLUICE_DELIVERY_EXACTLY_ONCE,
    };
    return sluice_consumer_new(&options, handler, out, err);
}

enum sluice_code reader_consumer_new(const struct sluice_config *config, const struct sluice_consumer_handler *handler,
                                     struct sluice_consumer **out, struct sluice_error *err)
{
    return new_consumer(config, handler, false, out, err);
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
    const struct sluice_consumer_handler handler = {reader, assignment_on_assigned, assignment_on_revoked,
                                                    commits_on_committed};
    enum sluice_code code = new_consumer(world->config, &handler, true, &reader->consumer, err);
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

enum sluice_code reader_cluster_id(struct reader *reader, int timeout_ms, char out[SLUICE_KAFKA_CLUSTER_ID],
                                   struct sluice_error *err)
{
    return sluice_consumer_cluster_id(reader->consumer, timeout_ms, out, err);
}

enum sluice_code reader_start(struct reader *reader, struct sluice_queue *lane, const struct sluice_ledger *ledger,
                              struct sluice_error *err)
{
    reader->lane = lane;
    reader->ledger = ledger;
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
    assignment_take_notices(reader, 0); /* what the lane said after the last partition was given back */
    sluice_consumer_free(reader->consumer);
    free(reader);
}
