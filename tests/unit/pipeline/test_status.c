/* What /status and /readyz say while something is tried again: why it failed, and nothing once it goes on. The test
 * plays reader and sender. */
#include "lane_support.h"

#include "base/clock.h"

enum { N_TRIES = 2, WAIT_US = 10000000 };

struct world {
    struct bench bench;
    struct partition *partition;
    rd_kafka_message_t message;
    char text[EVENT_TEXT];
    char key[16];
};

static void release(rd_kafka_message_t *message)
{
    message->payload = NULL;
}

static const struct sluice_message_ops ops = {release, bench_has_header, bench_timestamp_ms, bench_find_header,
                                              bench_copy_headers};

static void push_record(struct world *w)
{
    struct chunk *chunk = calloc(1, sizeof *chunk);
    bench_format_event(w->text, 0, 1, 0, "c");
    (void)snprintf(w->key, sizeof w->key, "{\"id\":1}");
    w->message =
        (rd_kafka_message_t){.payload = w->text, .len = strlen(w->text), .key = w->key, .key_len = strlen(w->key)};
    chunk->item.kind = LANE_CHUNK;
    chunk->partition = w->partition;
    bench_add_message(&w->bench, chunk, &w->message);
    sluice_queue_push(lane_inbox(w->bench.lane), &chunk->item.link);
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
                                "batch.max_age=5ms",
                                "retry.initial=100ms",
                                "retry.max=100ms"};
    bench_set_up(&w->bench, (struct lane_world){.ops = &ops}, sets, sizeof sets / sizeof sets[0]);
    atomic_store(&w->bench.status.joined, true);
    atomic_store(&w->bench.status.server_ok, true);
    CHECK_INT(partition_new(&start, &w->bench.status, &w->partition, &err), SLUICE_OK);
    bench_push(&w->bench, LANE_ATTACH, w->partition, 0, NULL);
}

static void play_reader(void *context)
{
    struct world *w = context;
    struct sluice_link *link = NULL;
    while ((link = sluice_queue_pop(&w->bench.notices, 0)) != NULL) {
        struct notice *notice = SLUICE_ITEM(link, struct notice, link);
        partition_unref(notice->partition);
        free(notice);
    }
}

static void tear_down(struct world *w)
{
    bench_push(&w->bench, LANE_DETACH, w->partition, 0, NULL);
    bench_stop(&w->bench, play_reader, w);
    status_remove(&w->bench.status, w->partition->status);
    partition_unref(w->partition);
    bench_tear_down(&w->bench);
}

static bool is_ready(struct world *w, struct sluice_buf *json, struct sluice_buf *ready)
{
    bool ok = false;
    struct sluice_error err;
    sluice_buf_clear(json);
    sluice_buf_clear(ready);
    CHECK_INT(status_json(&w->bench.status, json, &err), SLUICE_OK);
    CHECK_INT(status_ready(&w->bench.status, &ok, ready, &err), SLUICE_OK);
    return ok;
}

/* Until both answers hold `why`, or, if it is NULL, none is given any more. */
static void check_told(struct world *w, const char *why)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf json;
    SLUICE_AUTO(sluice_buf) struct sluice_buf ready;
    const int64_t deadline_us = sluice_mono_us() + WAIT_US;
    bool told = false;
    sluice_buf_init(&json, 1 << 16, "the answer of /status");
    sluice_buf_init(&ready, 1 << 16, "the answer of /readyz");
    while (!told && sluice_mono_us() < deadline_us) {
        bool ok = is_ready(w, &json, &ready);
        const char *wanted = why != NULL ? why : "\"error\":\"\"";
        told = ok == (why == NULL) && strstr(sluice_buf_text(&json), wanted) != NULL;
    }
    CHECK(told);
    if (why != NULL) {
        CHECK_CONTAINS(sluice_buf_text(&ready), "waiting: topic \"t\" partition 0: ");
        CHECK_CONTAINS(sluice_buf_text(&ready), why);
    } else {
        CHECK_TEXT(sluice_buf_text(&ready), "ok\n");
    }
}

static struct job *next_job(struct world *w, enum job_kind kind)
{
    struct sluice_link *link = sluice_queue_pop(&w->bench.jobs, WAIT_US);
    CHECK(link != NULL);
    struct job *job = (struct job *)SLUICE_ITEM(link, struct lane_item, link);
    CHECK_INT(job->kind, kind);
    return job;
}

/* The job fails a few times, each time for another reason, then works. */
static void play_sender(struct world *w, enum job_kind kind)
{
    struct job *job = NULL;
    for (int i = 0; i < N_TRIES; i++) {
        char why[64];
        (void)snprintf(why, sizeof why, "no answer number %d of job %d", i, (int)kind);
        job = next_job(w, kind);
        job->code = sluice_error_set(&job->error, SLUICE_E_HTTP, SLUICE_RETRY, "%s", why);
        job->advice = SLUICE_CH_RETRY;
        sluice_queue_push(lane_inbox(w->bench.lane), &job->item.link);
        check_told(w, why);
    }
    job = next_job(w, kind);
    job->code = SLUICE_OK;
    if (kind == JOB_PLAN)
        job->code = bench_make_plan((struct variant *)job, &job->error);
    else
        job->code = sluice_batch_seal(((struct flight *)job)->batch, true, &job->error);
    CHECK_INT(job->code, SLUICE_OK);
    sluice_queue_push(lane_inbox(w->bench.lane), &job->item.link);
    check_told(w, NULL);
}

static void test_what_the_lane_waits_for(void)
{
    static struct world w;
    set_up(&w);
    check_told(&w, NULL);
    push_record(&w);
    play_sender(&w, JOB_PLAN);
    play_sender(&w, JOB_INSERT);
    tear_down(&w);
}

static void test_what_the_reader_waits_for(void)
{
    static struct world w;
    set_up(&w);
    status_set_waiting(&w.bench.status, w.partition->status, STATUS_READER, "the broker knows no such topic");
    check_told(&w, "the broker knows no such topic");
    status_set_waiting(&w.bench.status, w.partition->status, STATUS_READER, "");
    check_told(&w, NULL);
    tear_down(&w);
}

/* What an operator has to act on stands in front of what is only waited for. */
static void test_a_stop_counts_first(void)
{
    static struct world w;
    SLUICE_AUTO(sluice_buf) struct sluice_buf json;
    SLUICE_AUTO(sluice_buf) struct sluice_buf ready;
    sluice_buf_init(&json, 1 << 16, "the answer of /status");
    sluice_buf_init(&ready, 1 << 16, "the answer of /readyz");
    set_up(&w);
    status_set_waiting(&w.bench.status, w.partition->status, STATUS_READER, "no broker");
    status_set_error(&w.bench.status, w.partition->status, "bad record");
    CHECK(!is_ready(&w, &json, &ready));
    CHECK_CONTAINS(sluice_buf_text(&json), "\"error\":\"bad record\"");
    CHECK_TEXT(sluice_buf_text(&ready), "stopped: bad record\n");
    tear_down(&w);
}

int main(void)
{
    test_what_the_lane_waits_for();
    test_what_the_reader_waits_for();
    test_a_stop_counts_first();
    return check_result();
}
