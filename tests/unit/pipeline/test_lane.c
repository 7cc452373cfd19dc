/* The lane against random schedules: batches that finish in any order, fail for a while or for good, bad records, plans
 * that come late, partitions that leave in the middle. The test plays reader and sender.
 *
 * What must hold: an offset is committable only when every row below it was confirmed; all rows before a bad record are
 * confirmed and none after it is sent; rows that depend on earlier ones come when those are confirmed; nothing is left
 * charged to the budget.
 *
 * test_lane [SEED [ROUNDS]]: the seed is printed, so that a failure can be had again.
 */
#include "lane_support.h"

#include "base/clock.h"

#include <jansson.h>

enum { N_TABLES = 3, MAX_RECORDS = 400, MAX_JOBS_HELD = 8 };

struct record {
    char text[EVENT_TEXT];
    char key[32];
    int table; /* -1: no row (a tombstone) */
    bool bad;
    bool confirmed;
    rd_kafka_message_t message;
};

struct world {
    uint64_t random;
    struct bench bench;
    struct partition *partition;
    struct record records[MAX_RECORDS];
    size_t n_records;
    size_t n_pushed;
    int64_t bad_offset;    /* -1: none */
    bool has_letters;      /* it becomes a dead letter */
    bool is_lettered;      /* which is acknowledged */
    int64_t failed_offset; /* first offset of the first insert that failed for good; INT64_MAX: none */
    bool is_shared;        /* all tables have one target */
    bool may_fail;
    bool may_wait; /* for rows of other partitions */
    bool all_tied; /* every batch has to ask for earlier rows */
    int64_t end;   /* at least n_records */
    bool end_pushed;
    struct job *held[MAX_JOBS_HELD];
    size_t n_held;
    int64_t committable;
    bool stopped;
    bool detached;
    size_t n_sent_after_bad;
};

static bool chance(struct world *w, unsigned percent)
{
    return next_random(&w->random) % 100 < percent;
}

static void release(rd_kafka_message_t *message)
{
    message->payload = NULL; /* a use after release is then a null pointer */
}

static const struct sluice_message_ops ops = {release, bench_has_header, bench_timestamp_ms, bench_find_header,
                                              bench_copy_headers};

static void make_message(struct world *w, size_t i)
{
    struct record *r = &w->records[i];
    (void)snprintf(r->key, sizeof r->key, "{\"id\":%zu}", i % 17);
    r->message = (rd_kafka_message_t){.partition = 0,
                                      .payload = r->table >= 0 || r->bad ? r->text : NULL,
                                      .len = strlen(r->text),
                                      .key = r->key,
                                      .key_len = strlen(r->key),
                                      .offset = (int64_t)i};
}

static void make_record(struct world *w, size_t i)
{
    struct record *r = &w->records[i];
    *r = (struct record){.table = (int)(next_random(&w->random) % N_TABLES)};
    if ((int64_t)i == w->bad_offset) {
        r->bad = true;
        (void)snprintf(r->text, sizeof r->text, "{\"before\":null,\"after\":{\"id\":");
    } else if (chance(w, 10)) {
        r->table = -1;
    } else {
        /* A delete behind a create in one transaction may depend on earlier rows: its batch waits for those before. */
        static const char *const ops_of_rows[] = {"c", "u", "d"};
        bench_format_event(r->text, i, i % 17, r->table, ops_of_rows[next_random(&w->random) % 3]);
    }
    make_message(w, i);
}

static void push_records(struct world *w)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    size_t n = 1 + next_random(&w->random) % 40;
    chunk->item.kind = LANE_CHUNK;
    chunk->partition = w->partition;
    while (chunk->n_messages < n && w->n_pushed < w->n_records)
        bench_add_message(&w->bench, chunk, &w->records[w->n_pushed++].message);
    sluice_queue_push(lane_inbox(w->bench.lane), &chunk->item.link);
}

/* Kafka's end of the partition may lie behind the last message: markers of transactions, aborted records. */
static void push_end(struct world *w)
{
    if (w->n_pushed == w->n_records && !w->end_pushed) {
        bench_push(&w->bench, LANE_END, w->partition, w->end, NULL);
        w->end_pushed = true;
    }
}

static bool is_for(const struct world *w, const struct flight *flight, const struct record *r)
{
    char name[8];
    (void)snprintf(name, sizeof name, "t%d", r->table);
    return r->table >= 0 && !r->bad && (w->is_shared || strcmp(name, flight->binding->table->settings->table) == 0);
}

static void confirm(struct world *w, const struct flight *flight)
{
    size_t n = 0;
    for (int64_t offset = flight->first; offset <= flight->last; offset++) {
        struct record *r = &w->records[offset];
        if (!is_for(w, flight, r))
            continue;
        CHECK(!r->confirmed);
        r->confirmed = true;
        n++;
        if (w->bad_offset >= 0 && !w->has_letters && offset >= w->bad_offset)
            w->n_sent_after_bad++;
    }
    CHECK_INT(sluice_batch_n_changes(flight->batch), n);
}

/* What the rows of such a batch mean depends on those before: they are asked for in the target. */
static void check_tied(const struct world *w, const struct flight *flight)
{
    bool all = true;
    for (int64_t i = 0; i < flight->first; i++)
        all = all && (w->records[i].confirmed || !is_for(w, flight, &w->records[i]));
    CHECK(all);
}

static void answer(struct world *w, struct job *job)
{
    job->code = SLUICE_OK;
    if (job->kind == JOB_INSERT)
        ((struct flight *)job)->waits = false;
    if (chance(w, 15)) {
        job->code = sluice_error_set(&job->error, SLUICE_E_HTTP, SLUICE_RETRY, "no answer");
        job->advice = SLUICE_CH_RETRY;
    } else if (job->kind == JOB_PLAN) {
        job->code = bench_make_plan((struct variant *)job, &job->error);
        CHECK_INT(job->code, SLUICE_OK);
    } else if (w->may_fail && chance(w, 10)) {
        struct flight *flight = (struct flight *)job;
        job->code = sluice_error_set(&job->error, SLUICE_E_SERVER, SLUICE_STOP_PARTITION, "server answered 60");
        job->advice = SLUICE_CH_STOP;
        if (flight->first < w->failed_offset)
            w->failed_offset = flight->first;
    } else if (w->may_wait && sluice_batch_is_tied(((struct flight *)job)->batch) && chance(w, 30)) {
        ((struct flight *)job)->waits = true;
        job->code = sluice_error_set(&job->error, SLUICE_E_TOAST, SLUICE_RETRY, "a row of another partition");
    } else {
        struct flight *flight = (struct flight *)job;
        if (sluice_batch_is_tied(flight->batch))
            check_tied(w, flight);
        else
            CHECK(!w->all_tied);
        if (!flight->is_sealed)
            CHECK_INT(sluice_batch_seal(flight->batch, chance(w, 50), &job->error), SLUICE_OK);
        flight->is_sealed = true;
        confirm(w, flight);
    }
    sluice_queue_push(lane_inbox(w->bench.lane), &job->item.link);
}

static void play_postman(struct world *w)
{
    int64_t offset = 0;
    bool is_sent = chance(w, 60);
    if (!chance(w, 30) || bench_post(&w->bench, is_sent, &offset) == NULL)
        return;
    CHECK_INT(offset, w->bad_offset);
    w->is_lettered = w->is_lettered || is_sent;
}

/* Holds some jobs back, answers them in any order. */
static void play_sender(struct world *w, int64_t wait_us)
{
    play_postman(w);
    struct sluice_link *link = w->n_held < MAX_JOBS_HELD ? sluice_queue_pop(&w->bench.jobs, wait_us) : NULL;
    if (link != NULL)
        w->held[w->n_held++] = (struct job *)SLUICE_ITEM(link, struct lane_item, link);
    if (w->n_held > 0 && (link == NULL || chance(w, 60))) {
        size_t i = next_random(&w->random) % w->n_held;
        struct job *job = w->held[i];
        w->held[i] = w->held[--w->n_held];
        answer(w, job);
    }
}

static void check_committable(struct world *w, int64_t offset)
{
    bool all = true;
    for (int64_t i = 0; i < offset && i < (int64_t)w->n_records && all; i++)
        all = w->records[i].table < 0 || w->records[i].confirmed || (i == w->bad_offset && w->is_lettered);
    CHECK(all);
    CHECK(offset >= w->committable || w->committable < 0);
    CHECK(offset <= w->failed_offset);
    if (w->bad_offset >= 0 && !w->is_lettered)
        CHECK(offset <= w->bad_offset);
    w->committable = offset;
}

static void play_reader(struct world *w)
{
    struct sluice_link *link = NULL;
    while ((link = sluice_queue_pop(&w->bench.notices, 0)) != NULL) {
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
    if ((w->bad_offset >= 0 && !w->has_letters) || w->failed_offset != INT64_MAX)
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
                                "retry.max=2ms",
                                w->has_letters ? "on_bad_record=dead_letter" : "on_bad_record=stop",
                                "tables.rules=[{match: '.*', table: all, shared: true}]"};
    const size_t n_sets = sizeof sets / sizeof sets[0] - (w->is_shared ? 0 : 1);
    bench_set_up(&w->bench, (struct lane_world){.ops = &ops}, sets, n_sets);
    CHECK_INT(partition_new(&start, &w->bench.status, &w->partition, &err), SLUICE_OK);
    bench_push(&w->bench, LANE_ATTACH, w->partition, 0, NULL);
}

static void play(void *context)
{
    play_sender(context, 500);
    play_reader(context);
}

static void tear_down(struct world *w)
{
    bench_stop(&w->bench, play, w);
    status_remove(&w->bench.status, w->partition->status);
    partition_unref(w->partition);
    bench_tear_down(&w->bench);
}

static void leave(struct world *w, bool abandon, int64_t deadline_us)
{
    atomic_store(&w->partition->leaving, true);
    bench_push(&w->bench, LANE_DETACH, w->partition, 0, NULL);
    if (abandon)
        bench_push(&w->bench, LANE_ABANDON, w->partition, 0, NULL);
    while ((abandon ? w->n_held > 0 || sluice_queue_length(&w->bench.jobs) > 0 : !w->detached) &&
           sluice_mono_us() < deadline_us) {
        play_sender(w, 500);
        play_reader(w);
    }
    if (!abandon)
        CHECK(w->detached);
}

/* Reading may begin amid a transaction that has rows of any table before. */
static void test_start_amid_a_transaction(void)
{
    static struct world room;
    struct world *w = &room;
    *w = (struct world){.random = 1, .committable = -1, .bad_offset = -1, .failed_offset = INT64_MAX, .all_tied = true};
    w->end = (int64_t)(w->n_records = N_TABLES);
    for (size_t i = 0; i < w->n_records; i++) {
        w->records[i].table = (int)i;
        bench_format_event(w->records[i].text, i, i, (int)i, "u");
        make_message(w, i);
    }
    set_up(w);
    int64_t deadline_us = sluice_mono_us() + INT64_C(10000000);
    while (!finished(w) && sluice_mono_us() < deadline_us) {
        if (w->n_pushed < w->n_records)
            push_records(w);
        play(w);
    }
    CHECK(finished(w));
    leave(w, false, deadline_us);
    tear_down(w);
}

static void one_round(uint64_t seed)
{
    static struct world w;
    w = (struct world){.random = seed, .committable = -1, .bad_offset = -1, .failed_offset = INT64_MAX};
    w.n_records = 1 + next_random(&w.random) % MAX_RECORDS;
    w.end = (int64_t)w.n_records + (int64_t)(next_random(&w.random) % 3);
    if (chance(&w, 40))
        w.bad_offset = (int64_t)(next_random(&w.random) % w.n_records);
    w.has_letters = w.bad_offset >= 0 && chance(&w, 50);
    w.may_fail = chance(&w, 25);
    w.may_wait = chance(&w, 25);
    w.is_shared = chance(&w, 30);
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
    if (!leave_early && w.bad_offset >= 0 && !w.has_letters && w.failed_offset == INT64_MAX && w.detached &&
        !w.may_wait)
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
    test_start_amid_a_transaction();
    for (uint64_t i = 0; i < rounds; i++) {
        int before = check_n_failed;
        one_round(seed + i * UINT64_C(0x9e3779b97f4a7c15));
        if (check_n_failed != before)
            (void)fprintf(stderr, "round %" PRIu64 " of seed %" PRIu64 " failed\n", i, seed);
    }
    (void)fprintf(stderr, "seed %" PRIu64 ", %" PRIu64 " rounds\n", seed, rounds);
    return check_result();
}
