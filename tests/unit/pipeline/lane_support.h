/* lane_support.h - what tests of the lane share: a lane with its queues and without network, change events, a plan. */
#ifndef SLUICE_TESTS_LANE_SUPPORT_H
#define SLUICE_TESTS_LANE_SUPPORT_H

#include "pipeline/lane.h"

#include "support/check.h"

#include <stdlib.h>

enum { EVENT_TEXT = 700 };

struct bench {
    struct sluice_config *config;
    struct sluice_budget budget;
    struct sluice_status status;
    struct sluice_metrics *metrics;
    struct sluice_queue jobs;
    struct sluice_queue ledger;
    struct sluice_queue letters;
    struct sluice_queue notices;
    _Atomic size_t raw_bytes;
    struct lane *lane;
    atomic_bool joined;
};

static inline uint64_t next_random(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static inline bool bench_has_header(const rd_kafka_message_t *message, const char *name)
{
    (void)message;
    (void)name;
    return false;
}

static inline bool bench_find_header(const rd_kafka_message_t *message, const char *name, struct sluice_str *value)
{
    (void)message;
    (void)name;
    (void)value;
    return false;
}

static inline rd_kafka_headers_t *bench_copy_headers(const rd_kafka_message_t *message)
{
    (void)message;
    return rd_kafka_headers_new(8);
}

static inline int64_t bench_timestamp_ms(const rd_kafka_message_t *message)
{
    return 1000 + message->offset;
}

/* A change of row `id` of the table "t<table>"; `i` makes it later than those with a smaller one. Four are one
 * transaction. */
static inline void bench_format_event(char text[EVENT_TEXT], size_t i, size_t id, int table, const char *op)
{
    char row[64];
    const bool is_delete = strcmp(op, "d") == 0;
    (void)snprintf(row, sizeof row, "{\"id\":%zu,\"v\":\"value %zu\"}", id, i);
    (void)snprintf(text, EVENT_TEXT,
                   "{\"before\":%s,\"after\":%s,\"source\":{\"version\":"
                   "\"3.6.1.Final\",\"connector\":\"postgresql\",\"name\":\"shop\",\"ts_ms\":%zu,\"snapshot\":"
                   "\"false\",\"db\":\"shop\",\"sequence\":\"[\\\"%zu\\\",\\\"%zu\\\"]\",\"ts_us\":%zu,\"ts_ns\":%zu,"
                   "\"schema\":\"s\",\"table\":\"t%d\",\"txId\":%zu,\"lsn\":%zu,\"xmin\":null},\"transaction\":null,"
                   "\"op\":\"%s\",\"ts_ms\":1}",
                   is_delete ? row : "null", is_delete ? "null" : row, i, i * 8 + 8, i * 8 + 16, i * 1000, i * 1000000,
                   table, i / 4 + 1, i * 8 + 16, op);
}

/* `world` says what kind of delivery it is; the rest of it is filled here. */
static inline void bench_set_up(struct bench *b, struct lane_world world, const char *const *sets, size_t n_sets)
{
    struct sluice_error err;
    if (!CHECK_INT(sluice_config_load(NULL, sets, n_sets, &b->config, &err), SLUICE_OK)) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    sluice_budget_init(&b->budget, (size_t)b->config->memory_limit_bytes);
    status_init(&b->status, "test", &b->budget);
    CHECK_INT(sluice_metrics_new(&b->metrics, &err), SLUICE_OK);
    sluice_queue_init(&b->jobs);
    sluice_queue_init(&b->ledger);
    sluice_queue_init(&b->letters);
    sluice_queue_init(&b->notices);
    world.config = b->config;
    world.jobs = &b->jobs;
    world.letters = b->config->on_bad_record == SLUICE_ON_BAD_RECORD_DEAD_LETTER ? &b->letters : NULL;
    world.notices = &b->notices;
    world.budget = &b->budget;
    world.metrics = b->metrics;
    world.status = &b->status;
    world.raw_bytes = &b->raw_bytes;
    CHECK_INT(lane_new(&world, &b->lane, &err), SLUICE_OK);
}

static inline void bench_push(struct bench *b, enum lane_item_kind kind, struct partition *partition, int64_t offset,
                              const struct sluice_ledger_commit *commit)
{
    struct lane_control *item = calloc(1, sizeof *item);
    item->item.kind = kind;
    item->partition = partition_ref(partition);
    item->offset = offset;
    if (commit != NULL)
        item->commit = *commit;
    sluice_queue_push(lane_inbox(b->lane), &item->item.link);
}

static inline void bench_add_message(struct bench *b, struct chunk *chunk, rd_kafka_message_t *message)
{
    sluice_budget_charge(&b->budget, message_cost(message));
    (void)atomic_fetch_add(&b->raw_bytes, message_cost(message));
    chunk->messages[chunk->n_messages++] = message;
}

static inline enum sluice_code bench_make_plan(struct variant *variant, struct sluice_error *err)
{
    static const char *const names[] = {"id", "v", "_version", "is_deleted"};
    static const char *const types[] = {"Int64", "Nullable(String)", "UInt128", "UInt8"};
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    struct sluice_target_column columns[4];
    sluice_target_init(&target);
    for (size_t i = 0; i < 4; i++) {
        columns[i] = (struct sluice_target_column){.name = names[i], .type_text = types[i], .in_sorting_key = i == 0};
        enum sluice_code code = sluice_type_parse(&target.arena, sluice_str_from(types[i]), &columns[i].type, err);
        if (code != SLUICE_OK)
            return code;
    }
    target.database = "d";
    target.table = variant->table->settings->table;
    target.uuid = "";
    target.engine = "ReplacingMergeTree";
    target.engine_full = "ReplacingMergeTree(_version, is_deleted) ORDER BY id";
    target.sorting_key = "id";
    target.version_column = "_version";
    target.deleted_column = "is_deleted";
    target.columns = columns;
    target.n_columns = 4;
    return sluice_plan_new(variant->shape, &target, &(struct sluice_plan_options){0}, &variant->plan, err);
}

/* Answers the letter that waits longest, if there is one: Kafka has it, or not. NULL: there is none. */
static inline const struct letter *bench_post(struct bench *b, bool is_sent, int64_t *offset)
{
    struct sluice_link *link = sluice_queue_pop(&b->letters, 0);
    if (link == NULL)
        return NULL;
    struct letter *letter = (struct letter *)SLUICE_ITEM(link, struct lane_item, link);
    *offset = letter->offset;
    letter->content.is_sent = is_sent;
    letter->job.code = SLUICE_OK;
    if (!is_sent)
        letter->job.code = sluice_error_set(&letter->job.error, SLUICE_E_KAFKA, SLUICE_RETRY, "no broker");
    sluice_queue_push(lane_inbox(b->lane), link);
    return letter;
}

static inline void *bench_join(void *context)
{
    struct bench *b = context;
    lane_join(b->lane);
    atomic_store(&b->joined, true);
    return NULL;
}

/* Ends the lane, which needs its jobs back for that: `play` answers them. Nothing may be left charged. */
static inline void bench_stop(struct bench *b, void (*play)(void *context), void *context)
{
    pthread_t joiner;
    struct lane_item *stop = calloc(1, sizeof *stop);
    stop->kind = LANE_STOP;
    sluice_queue_push(lane_inbox(b->lane), &stop->link);
    CHECK_INT(pthread_create(&joiner, NULL, bench_join, b), 0);
    while (!atomic_load(&b->joined))
        play(context);
    (void)pthread_join(joiner, NULL);
    play(context);
    CHECK_INT(sluice_budget_used(&b->budget), 0);
    CHECK_INT(atomic_load(&b->raw_bytes), 0);
}

static inline void bench_tear_down(struct bench *b)
{
    lane_free(b->lane);
    sluice_metrics_free(b->metrics);
    status_deinit(&b->status);
    sluice_queue_deinit(&b->jobs);
    sluice_queue_deinit(&b->ledger);
    sluice_queue_deinit(&b->letters);
    sluice_queue_deinit(&b->notices);
    sluice_config_free(b->config);
}

#endif
