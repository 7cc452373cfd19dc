/* The lane against random schedules: batches that finish in any order, fail for a while or for good, bad records, plans
 * that come late, partitions that leave in the middle. The test plays reader and sender.
 *
 * What must hold: an offset is committable only when every row below it was confirmed; all rows before a bad record are
 * confirmed and none after it is sent; nothing is left charged to the budget.
 *
 * test_lane [SEED [ROUNDS]]: the seed is printed, so that a failure can be had again.
 */
#include "pipeline/lane.h"

#include "base/clock.h"
#include "support/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_TABLES = 3, MAX_RECORDS = 400, MAX_JOBS_HELD = 8 };

struct record {
    char text[700];
    char key[32];
    int table; /* -1: no row (a tombstone) */
    bool bad;
    bool confirmed;
    rd_kafka_message_t message;
};

struct world {
    uint64_t random;
    struct sluice_config *config;
    struct sluice_budget budget;
    struct sluice_status status;
    struct sluice_metrics *metrics;
    struct sluice_queue jobs;
    struct sluice_queue notices;
    _Atomic size_t raw_bytes;
    struct lane *lane;
    struct partition *partition;
    struct record records[MAX_RECORDS];
    size_t n_records;
    size_t n_pushed;
    int64_t bad_offset;    /* -1: none */
    int64_t failed_offset; /* first offset of the first insert that failed for good; INT64_MAX: none */
    bool may_fail;
    int64_t end; /* at least n_records */
    bool end_pushed;
    struct job *held[MAX_JOBS_HELD];
    size_t n_held;
    int64_t committable;
    bool stopped;
    bool detached;
    atomic_bool joined;
    size_t n_sent_after_bad;
};

static uint64_t next_random(struct world *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

static bool chance(struct world *w, unsigned percent)
{
    return next_random(w) % 100 < percent;
}

static void release(rd_kafka_message_t *message)
{
    message->payload = NULL; /* a use after release is then a null pointer */
}

static bool has_header(const rd_kafka_message_t *message, const char *name)
{
    (void)message;
    (void)name;
    return false;
}

static int64_t timestamp_ms(const rd_kafka_message_t *message)
{
    return 1000 + message->offset;
}

static const struct sluice_message_ops ops = {release, has_header, timestamp_ms};

static void make_record(struct world *w, size_t i)
{
    struct record *r = &w->records[i];
    *r = (struct record){.table = (int)(next_random(w) % N_TABLES)};
    (void)snprintf(r->key, sizeof r->key, "{\"id\":%zu}", i % 17);
    if ((int64_t)i == w->bad_offset) {
        r->bad = true;
        (void)snprintf(r->text, sizeof r->text, "{\"before\":null,\"after\":{\"id\":");
    } else if (chance(w, 10)) {
        r->table = -1;
    } else {
        (void)snprintf(
            r->text, sizeof r->text,
            "{\"before\":null,\"after\":{\"id\":%zu,\"v\":\"value %zu\"},\"source\":{\"version\":\"3.6.1.Final\","
            "\"connector\":\"postgresql\",\"name\":\"shop\",\"ts_ms\":%zu,\"snapshot\":\"false\",\"db\":\"shop\","
            "\"sequence\":\"[\\\"%zu\\\",\\\"%zu\\\"]\",\"ts_us\":%zu,\"ts_ns\":%zu,\"schema\":\"s\",\"table\":"
            "\"t%d\",\"txId\":%zu,\"lsn\":%zu,\"xmin\":null},\"transaction\":null,\"op\":\"%s\",\"ts_ms\":1}",
            i % 17, i, i, i * 8 + 8, i * 8 + 16, i * 1000, i * 1000000, r->table, i, i * 8 + 16,
            chance(w, 50) ? "u" : "c");
    }
    r->message = (rd_kafka_message_t){.partition = 0,
                                      .payload = r->table >= 0 || r->bad ? r->text : NULL,
                                      .len = strlen(r->text),
                                      .key = r->key,
                                      .key_len = strlen(r->key),
                                      .offset = (int64_t)i};
}

static void push_records(struct world *w)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    size_t n = 1 + next_random(w) % 40;
    chunk->item.kind = LANE_CHUNK;
    chunk->partition = w->partition;
    while (chunk->n_messages < n && w->n_pushed < w->n_records) {
        rd_kafka_message_t *message = &w->records[w->n_pushed++].message;
        sluice_budget_charge(&w->budget, message_cost(message));
        (void)atomic_fetch_add(&w->raw_bytes, message_cost(message));
        chunk->messages[chunk->n_messages++] = message;
    }
    sluice_queue_push(lane_inbox(w->lane), &chunk->item.link);
}

static void push_control_at(struct world *w, enum lane_item_kind kind, struct partition *partition, int64_t offset)
{
    struct lane_control *item = calloc(1, sizeof *item);
    item->item.kind = kind;
    item->partition = partition_ref(partition);
    item->offset = offset;
    sluice_queue_push(lane_inbox(w->lane), &item->item.link);
}

static void push_control(struct world *w, enum lane_item_kind kind, struct partition *partition)
{
    push_control_at(w, kind, partition, 0);
}

/* Kafka's end of the partition may lie behind the last message: markers of transactions, aborted records. */
static void push_end(struct world *w)
{
    if (w->n_pushed == w->n_records && !w->end_pushed) {
        push_control_at(w, LANE_END, w->partition, w->end);
        w->end_pushed = true;
    }
}

static enum sluice_code make_plan(struct variant *variant, struct sluice_error *err)
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
    target.table = variant->table->target;
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

static void confirm(struct world *w, const struct flight *flight)
{
    size_t n = 0;
    for (int64_t offset = flight->first; offset <= flight->last; offset++) {
        struct record *r = &w->records[offset];
        char name[8];
        (void)snprintf(name, sizeof name, "t%d", r->table);
        if (r->table < 0 || r->bad || strcmp(name, flight->binding->table->target) != 0)
            continue;
        CHECK(!r->confirmed);
        r->confirmed = true;
        n++;
        if (w->bad_offset >= 0 && offset >= w->bad_offset)
            w->n_sent_after_bad++;
    }
    CHECK_INT(sluice_batch_n_changes(flight->batch), n);
}

static void answer(struct world *w, struct job *job)
{
    job->code = SLUICE_OK;
    if (chance(w, 15)) {
        job->code = sluice_error_set(&job->error, SLUICE_E_HTTP, SLUICE_RETRY, "no answer");
        job->advice = SLUICE_CH_RETRY;
    } else if (job->kind == JOB_PLAN) {
        job->code = make_plan((struct variant *)job, &job->error);
        CHECK_INT(job->code, SLUICE_OK);
    } else if (w->may_fail && chance(w, 10)) {
        struct flight *flight = (struct flight *)job;
        job->code = sluice_error_set(&job->error, SLUICE_E_SERVER, SLUICE_STOP_PARTITION, "server answered 60");
        job->advice = SLUICE_CH_STOP;
        if (flight->first < w->failed_offset)
            w->failed_offset = flight->first;
    } else {
        struct flight *flight = (struct flight *)job;
        if (!flight->is_sealed)
            CHECK_INT(sluice_batch_seal(flight->batch, chance(w, 50), &job->error), SLUICE_OK);
        flight->is_sealed = true;
        confirm(w, flight);
    }
    sluice_queue_push(lane_inbox(w->lane), &job->item.link);
}

/* Holds some jobs back, answers them in any order. */
static void play_sender(struct world *w, int64_t wait_us)
{
    struct sluice_link *link = w->n_held < MAX_JOBS_HELD ? sluice_queue_pop(&w->jobs, wait_us) : NULL;
    if (link != NULL)
        w->held[w->n_held++] = (struct job *)SLUICE_ITEM(link, struct lane_item, link);
    if (w->n_held > 0 && (link == NULL || chance(w, 60))) {
        size_t i = next_random(w) % w->n_held;
        struct job *job = w->held[i];
        w->held[i] = w->held[--w->n_held];
        answer(w, job);
    }
}

static void check_committable(struct world *w, int64_t offset)
{
    bool all = true;
    for (int64_t i = 0; i < offset && i < (int64_t)w->n_records && all; i++)
        all = w->records[i].table < 0 || w->records[i].confirmed;
    CHECK(all);
    CHECK(offset >= w->committable || w->committable < 0);
    CHECK(offset <= w->failed_offset);
    if (w->bad_offset >= 0)
        CHECK(offset <= w->bad_offset);
    w->committable = offset;
}

static void play_reader(struct world *w)
{
    struct sluice_link *link = NULL;
    while ((link = sluice_queue_pop(&w->notices, 0)) != NULL) {
        struct notice *notice = SLUICE_ITEM(link, struct notice, link);
        if (notice->offset >= 0)
            check_committable(w, notice->offset);
        if (notice->kind == NOTICE_STOPPED)
            w->stopped = true;
        if (notice->kind == NOTICE_DETACHED)
            w->detached = true;
        partition_unref(notice->partition);
        free(notice);
    }
}

static bool finished(const struct world *w)
{
    if (w->bad_offset >= 0 || w->failed_offset != INT64_MAX)
        return w->stopped && w->n_held == 0;
    return w->committable == w->end;
}

static void set_up(struct world *w)
{
    struct sluice_error err;
    const struct partition_start start = {.topic = "t"};
    const char *const sets[] = {"name=test",
                                "kafka.bootstrap.servers=x:1",
                                "kafka.topics=[t]",
                                "clickhouse.url=[http://127.0.0.1:1]",
                                "clickhouse.database=d",
                                "batch.max_rows=7",
                                "batch.max_age=5ms",
                                "retry.initial=1ms",
                                "retry.max=2ms"};
    if (!CHECK_INT(sluice_config_load(NULL, sets, sizeof sets / sizeof sets[0], &w->config, &err), SLUICE_OK)) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    sluice_budget_init(&w->budget, (size_t)w->config->memory_limit_bytes);
    status_init(&w->status, "test", &w->budget);
    CHECK_INT(sluice_metrics_new(&w->metrics, &err), SLUICE_OK);
    sluice_queue_init(&w->jobs);
    sluice_queue_init(&w->notices);
    const struct lane_world world = {.config = w->config,
                                     .jobs = &w->jobs,
                                     .notices = &w->notices,
                                     .budget = &w->budget,
                                     .metrics = w->metrics,
                                     .status = &w->status,
                                     .ops = &ops,
                                     .raw_bytes = &w->raw_bytes};
    CHECK_INT(lane_new(&world, &w->lane, &err), SLUICE_OK);
    CHECK_INT(partition_new(&start, &w->status, &w->partition, &err), SLUICE_OK);
    push_control(w, LANE_ATTACH, w->partition);
}

static void *join_lane(void *context)
{
    struct world *w = context;
    lane_join(w->lane);
    atomic_store(&w->joined, true);
    return NULL;
}

static void tear_down(struct world *w)
{
    pthread_t joiner;
    struct lane_item *stop = calloc(1, sizeof *stop);
    stop->kind = LANE_STOP;
    sluice_queue_push(lane_inbox(w->lane), &stop->link);
    CHECK_INT(pthread_create(&joiner, NULL, join_lane, w), 0);
    while (!atomic_load(&w->joined)) /* it ends when every job is back */
        play_sender(w, 500);
    (void)pthread_join(joiner, NULL);
    play_reader(w);
    CHECK_INT(sluice_budget_used(&w->budget), 0);
    CHECK_INT(atomic_load(&w->raw_bytes), 0);
    status_remove(&w->status, w->partition->status);
    partition_unref(w->partition);
    lane_free(w->lane);
    sluice_metrics_free(w->metrics);
    status_deinit(&w->status);
    sluice_queue_deinit(&w->jobs);
    sluice_queue_deinit(&w->notices);
    sluice_config_free(w->config);
}

static void leave(struct world *w, bool abandon, int64_t deadline_us)
{
    atomic_store(&w->partition->leaving, true);
    push_control(w, LANE_DETACH, w->partition);
    if (abandon)
        push_control(w, LANE_ABANDON, w->partition);
    while ((abandon ? w->n_held > 0 || sluice_queue_length(&w->jobs) > 0 : !w->detached) &&
           sluice_mono_us() < deadline_us) {
        play_sender(w, 500);
        play_reader(w);
    }
    if (!abandon)
        CHECK(w->detached);
}

static void one_round(uint64_t seed)
{
    static struct world w;
    w = (struct world){.random = seed, .committable = -1, .bad_offset = -1, .failed_offset = INT64_MAX};
    w.n_records = 1 + next_random(&w) % MAX_RECORDS;
    w.end = (int64_t)w.n_records + (int64_t)(next_random(&w) % 3);
    if (chance(&w, 40))
        w.bad_offset = (int64_t)(next_random(&w) % w.n_records);
    w.may_fail = chance(&w, 25);
    for (size_t i = 0; i < w.n_records; i++)
        make_record(&w, i);
    set_up(&w);
    bool leave_early = chance(&w, 30);
    int64_t deadline_us = sluice_mono_us() + INT64_C(60000000);
    while (!finished(&w) && sluice_mono_us() < deadline_us) {
        if (w.n_pushed < w.n_records && chance(&w, 50))
            push_records(&w);
        push_end(&w);
        play_sender(&w, 500);
        play_reader(&w);
        if (leave_early && w.n_pushed > w.n_records / 2)
            break;
    }
    if (!leave_early)
        CHECK(finished(&w));
    leave(&w, chance(&w, 20), deadline_us);
    if (!leave_early && w.bad_offset >= 0 && w.failed_offset == INT64_MAX && w.detached)
        CHECK_INT(w.committable < 0 ? 0 : w.committable, w.bad_offset);
    CHECK_INT(w.n_sent_after_bad, 0);
    tear_down(&w);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : UINT64_C(20260301);
    uint64_t rounds = argc > 2 ? strtoull(argv[2], NULL, 0) : 60;
    json_object_seed(1);
    sluice_log_init(SLUICE_LOG_ERROR, SLUICE_LOG_LOGFMT, -1);
    for (uint64_t i = 0; i < rounds; i++) {
        int before = check_n_failed;
        one_round(seed + i * UINT64_C(0x9e3779b97f4a7c15));
        if (check_n_failed != before)
            (void)fprintf(stderr, "round %" PRIu64 " of seed %" PRIu64 " failed\n", i, seed);
    }
    (void)fprintf(stderr, "seed %" PRIu64 ", %" PRIu64 " rounds\n", seed, rounds);
    return check_result();
}
