/* ranges_world.h - one partition in exactly-once delivery with everything around it played: topic, reader, bookkeeper,
 * ledger, senders, and a table that stores what it is given and remembers tokens. While the world is calm nothing
 * fails.
 *
 * What must hold at any time: no record is stored twice, and below every offset that is announced or written to the
 * ledger each record is stored, or a later one of its row.
 */
#ifndef SLUICE_TESTS_RANGES_WORLD_H
#define SLUICE_TESTS_RANGES_WORLD_H

#include "lane_support.h"

#include "base/clock.h"

#include <jansson.h>
#include <time.h>

enum { N_RECORDS = 1500, N_TABLES = 2, N_IDS = 40, MAX_HELD = 64 };

/* What happened, to see what a schedule was worth. */
enum event {
    ASSIGNED,
    DETACHED,
    ABANDONED,
    FENCED,
    STOPPED,
    GONE,
    OFFSET_LOST,
    OFFSET_RESET, /* by an operator */
    OFFSET_READ,
    LATE,
    REFUSED,
    REPLY_LOST,
    TRAPPED,   /* the token is known, the rows are not there, or some of them */
    REPLANNED, /* an insert is refused for its schema */
    DAMAGED,   /* a record arrives that can't be read */
    RELIMITED,
    LETTERED,    /* a dead letter was acknowledged */
    LETTER_LOST, /* one was not */
    PROBED,
    N_EVENTS
};

struct record {
    char text[EVENT_TEXT];
    char key[32];
    int table; /* -1: no row (a tombstone) */
    int id;
    bool is_compacted;
    bool is_removed; /* by retention, before it was stored */
    bool is_stored;
    bool is_bad; /* it always is refused */
    bool is_lettered;
    bool is_refused; /* the server refuses its row */
};

struct world {
    struct bench bench;
    uint64_t random;
    bool calm;
    bool commits_apart;
    bool has_letters; /* on_bad_record: dead_letter */
    int64_t deadline_us;
    unsigned n_seen[N_EVENTS];
    struct record records[N_RECORDS];
    int64_t earliest;                /* records below are not in the topic any more */
    json_t *tokens;                  /* an object, as a set */
    int64_t newest[N_TABLES][N_IDS]; /* offset behind the highest record of the row that is stored */
    bool exists;                     /* the ledger's row */
    struct sluice_ledger_row row;
    struct sluice_ledger_commit commit; /* Kafka's */
    struct job *held[MAX_HELD];         /* by senders */
    size_t n_held;
    struct partition *p; /* the assignment; NULL: none */
    int64_t next;        /* to read */
    int64_t highest;     /* next offset never read before */
    int64_t started_at;
    bool waits; /* for NOTICE_START */
    bool has_late_commit;
    struct notice late_commit; /* one that failed, sent again once nothing does */
    bool leaving;
    bool stopped;
    bool end_pushed;
};

static inline bool chance(struct world *w, unsigned percent)
{
    return next_random(&w->random) % 100 < percent;
}

static inline bool trouble(struct world *w, unsigned percent)
{
    return !w->calm && chance(w, percent);
}

static inline bool seen(struct world *w, enum event event)
{
    w->n_seen[event]++;
    return true;
}

static inline void free_message(rd_kafka_message_t *message)
{
    free(message);
}

static inline void make_record(struct world *w, size_t i)
{
    struct record *r = &w->records[i];
    static const char *const ops[] = {"c", "u", "d"};
    r->table = chance(w, 15) ? -1 : (int)(next_random(&w->random) % N_TABLES);
    r->is_compacted = i % 11 == 5;
    r->id = (int)(next_random(&w->random) % N_IDS);
    (void)snprintf(r->key, sizeof r->key, "{\"id\":%d}", r->id);
    const char *op = ops[next_random(&w->random) % 3];
    r->is_bad = w->has_letters && i % 9 == 4;
    r->is_refused = w->has_letters && i % 27 == 7;
    bench_format_event(r->text, i, r->is_bad && i % 2 == 0 ? SIZE_MAX : (size_t)r->id, r->table, op);
    if (r->is_bad && i % 2 == 0)
        (void)snprintf(r->key, sizeof r->key, "{\"id\":%zu}", SIZE_MAX);
}

/* Stored as it must be, or lost by the topic and not by us. */
static inline bool is_settled(const struct world *w, int64_t offset)
{
    const struct record *r = &w->records[offset];
    return r->is_stored || r->is_lettered || r->is_removed || r->is_compacted || r->table < 0 ||
           w->newest[r->table][r->id] > offset;
}

static inline void check_durable(const struct world *w, int64_t offset)
{
    bool all = true;
    for (int64_t i = 0; i < offset && i < N_RECORDS && all; i++)
        all = is_settled(w, i);
    CHECK(all);
}

static inline rd_kafka_message_t *read_message(struct world *w, int64_t offset)
{
    struct record *r = &w->records[offset];
    rd_kafka_message_t *message = calloc(1, sizeof *message);
    message->payload = r->table < 0 ? NULL : r->text;
    message->len = r->table < 0 ? 0 : strlen(r->text);
    message->key = r->key;
    message->key_len = strlen(r->key);
    message->offset = offset;
    if (r->is_bad && offset % 2 == 1)
        message->len /= 2;
    /* One that is only compared stays as it is: else it would be another one. Nor may one change that is left out: the
     * last record of a range says that it is the same range. */
    else if (!w->has_letters && r->table >= 0 && offset >= w->started_at && trouble(w, 1) && chance(w, 30) &&
             seen(w, DAMAGED))
        message->len /= 2;
    return message;
}

/* The reader takes up to `n` records, finds that they are gone, or that it is at the end. */
static inline void read_records(struct world *w, size_t n)
{
    if (w->next < w->earliest) {
        bench_push(&w->bench, LANE_GONE, w->p, w->earliest, NULL);
        w->waits = seen(w, GONE);
        return;
    }
    if (w->next >= N_RECORDS) {
        if (!w->end_pushed)
            bench_push(&w->bench, LANE_END, w->p, N_RECORDS, NULL);
        w->end_pushed = true;
        return;
    }
    struct chunk *chunk = calloc(1, sizeof *chunk);
    chunk->item.kind = LANE_CHUNK;
    chunk->partition = w->p;
    for (; n > 0 && w->next < N_RECORDS; n--, w->next++) {
        if (!w->records[w->next].is_compacted)
            bench_add_message(&w->bench, chunk, read_message(w, w->next));
    }
    if (w->next > w->highest)
        w->highest = w->next;
    if (chunk->n_messages > 0)
        sluice_queue_push(lane_inbox(w->bench.lane), &chunk->item.link);
    else
        free(chunk);
}

/* The record that the row is of, by its position in the log. */
static inline int64_t offset_of(const struct sluice_batch *batch, size_t i)
{
    const struct sluice_str row = sluice_batch_row(batch, i);
    uint64_t low = 0;
    memcpy(&low, row.ptr + row.len - 17, sizeof low);
    return (int64_t)((low & UINT64_C(0xffffffffffffff)) - 16) / 8;
}

static inline bool is_new_token(struct world *w, const struct flight *flight)
{
    char key[TOKEN_SIZE + 64];
    (void)snprintf(key, sizeof key, "%s %s", flight->binding->table->settings->table, flight->token);
    return json_object_get(w->tokens, key) == NULL && json_object_set_new(w->tokens, key, json_true()) == 0;
}

/* Does the open range say that it is without this record? */
static inline bool is_left_out(const struct sluice_ledger_row *row, int64_t offset)
{
    for (uint32_t i = 0; i < row->skip.n; i++) {
        if (row->skip.offsets[i] == offset)
            return true;
    }
    return false;
}

/* `part`: of those with even or odd ids, 2: all. */
static inline void store(struct world *w, const struct flight *flight, int part)
{
    for (size_t i = 0; i < sluice_batch_n_rows(flight->batch); i++) {
        const int64_t offset = offset_of(flight->batch, i);
        struct record *r = &w->records[offset];
        if (part < 2 && r->id % 2 != part)
            continue;
        CHECK(!is_left_out(&w->row, offset));
        if (!CHECK(!r->is_stored))
            (void)fprintf(stderr, "    record %" PRId64 " is stored twice\n", offset);
        r->is_stored = true;
        if (w->newest[r->table][r->id] <= offset)
            w->newest[r->table][r->id] = offset + 1;
    }
}

static inline void fail(struct job *job, const char *why)
{
    job->code = sluice_error_set(&job->error, SLUICE_E_HTTP, SLUICE_RETRY, "%s", why);
    job->advice = SLUICE_CH_RETRY;
}

static inline bool is_stored(const struct world *w, int64_t offset)
{
    const struct record *r = &w->records[offset];
    return w->newest[r->table][r->id] > offset;
}

static inline void look_up(const struct world *w, struct flight *flight)
{
    size_t n = sluice_batch_n_rows(flight->batch);
    bool *held = calloc(n + 1, sizeof *held);
    for (size_t i = 0; i < n; i++)
        held[i] = is_stored(w, offset_of(flight->batch, i));
    flight->n_asked = n;
    sluice_batch_leave_out(flight->batch, held);
    flight->n_missing = sluice_batch_n_rows(flight->batch);
    free(held);
}

static inline bool has_refused(const struct world *w, const struct flight *flight)
{
    for (size_t i = 0; i < sluice_batch_n_rows(flight->batch); i++) {
        if (w->records[offset_of(flight->batch, i)].is_refused)
            return true;
    }
    return false;
}

/* What probe_run() does. */
static inline void probe(struct world *w, struct flight *flight)
{
    size_t n = sluice_batch_n_changes(flight->batch);
    bool *refused = calloc(n + 1, sizeof *refused);
    (void)seen(w, PROBED);
    flight->bad = calloc(n + 1, sizeof *flight->bad);
    flight->n_bad = 0;
    for (size_t i = 0; i < sluice_batch_n_rows(flight->batch); i++) {
        size_t arrival = sluice_batch_arrival(flight->batch, i);
        if (!w->records[offset_of(flight->batch, i)].is_refused)
            continue;
        CHECK_INT(flight->first + flight->places[arrival], offset_of(flight->batch, i));
        refused[arrival] = true;
        flight->bad[flight->n_bad] = (struct sluice_ch_bad_row){.arrival = arrival};
        (void)sluice_error_set(&flight->bad[flight->n_bad++].error, SLUICE_E_SERVER, SLUICE_REJECT, "a constraint");
    }
    CHECK(flight->n_bad > 0);
    CHECK_INT(sluice_batch_refuse(flight->batch, refused, flight->collapse, &flight->job.error), SLUICE_OK);
    CHECK(!has_refused(w, flight));
    free(refused);
}

static inline void insert(struct world *w, struct flight *flight)
{
    struct job *job = &flight->job;
    if (has_refused(w, flight)) {
        job->code = sluice_error_set(&job->error, SLUICE_E_SERVER, SLUICE_REJECT, "refused for a value");
        job->advice = SLUICE_CH_BAD_ROW;
        return;
    }
    if (trouble(w, 2) && seen(w, REFUSED)) {
        job->code = sluice_error_set(&job->error, SLUICE_E_SERVER, SLUICE_STOP_PARTITION, "refused");
        job->advice = SLUICE_CH_STOP;
        return;
    }
    if (trouble(w, 2) && seen(w, REPLANNED)) {
        job->code = sluice_error_set(&job->error, SLUICE_E_SERVER, SLUICE_STOP_PARTITION, "refused for its schema");
        job->advice = SLUICE_CH_REREAD_SCHEMA;
        return;
    }
    if (is_new_token(w, flight)) {
        if (trouble(w, 4) && seen(w, TRAPPED)) {
            if (chance(w, 50))
                store(w, flight, (int)(next_random(&w->random) % 2));
            fail(job, "killed between token and parts");
            return;
        }
        store(w, flight, 2);
    }
    if (trouble(w, 10) && seen(w, REPLY_LOST))
        fail(job, "reply lost");
}

static inline void do_flight(struct world *w, struct flight *flight)
{
    struct job *job = &flight->job;
    if (job->kind == JOB_INSERT && trouble(w, 6) && seen(w, LATE)) {
        flight->is_late = true;
        job->code = sluice_error_set(&job->error, SLUICE_E_CANCELLED, SLUICE_RETRY, "too late");
        return;
    }
    if (!flight->is_sealed)
        CHECK_INT(sluice_batch_seal(flight->batch, false, &job->error), SLUICE_OK);
    flight->is_sealed = true;
    if (trouble(w, 6))
        fail(job, "not carried out");
    else if (job->kind == JOB_PROBE)
        probe(w, flight);
    else if (job->kind == JOB_LOOKUP)
        look_up(w, flight);
    else
        insert(w, flight);
}

static inline void answer(struct world *w, struct job *job)
{
    job->code = SLUICE_OK;
    if (job->kind != JOB_PLAN)
        do_flight(w, (struct flight *)job);
    else if (trouble(w, 10))
        fail(job, "no answer");
    else
        job->code = bench_make_plan((struct variant *)job, &job->error);
    sluice_queue_push(lane_inbox(w->bench.lane), &job->item.link);
}

/* Holds some jobs back, answers them in any order. */
static inline void play_senders(struct world *w)
{
    struct sluice_link *link = NULL;
    while (w->n_held < MAX_HELD && (link = sluice_queue_pop(&w->bench.jobs, 0)) != NULL)
        w->held[w->n_held++] = (struct job *)SLUICE_ITEM(link, struct lane_item, link);
    while (w->n_held > 0 && chance(w, 60)) {
        size_t i = next_random(&w->random) % w->n_held;
        struct job *job = w->held[i];
        w->held[i] = w->held[--w->n_held];
        answer(w, job);
    }
}

/* Somebody else acquired the row, and did nothing. */
static inline void take_row_away(struct world *w)
{
    w->row.epoch++;
    w->row.owner = next_random(&w->random);
    w->row.seq++;
}

static inline void compare_and_set(struct world *w, const struct sluice_ledger_call *call)
{
    bool same = call->expected.epoch == w->row.epoch && call->expected.owner == w->row.owner &&
                call->expected.seq == w->row.seq;
    if (call->expected_exists != w->exists || (w->exists && !same))
        return;
    check_durable(w, call->wanted.next);
    for (uint32_t i = 0; i < call->wanted.skip.n; i++)
        CHECK(w->records[call->wanted.skip.offsets[i]].is_lettered);
    w->exists = true;
    w->row = call->wanted;
}

static inline void play_bookkeeper(struct world *w)
{
    struct sluice_link *link = NULL;
    while (chance(w, 70) && (link = sluice_queue_pop(&w->bench.ledger, 0)) != NULL) {
        struct job *job = (struct job *)SLUICE_ITEM(link, struct lane_item, link);
        struct ledger_job *ledger_job = (struct ledger_job *)job;
        ledger_job->asked_us = sluice_mono_us();
        job->code = SLUICE_OK;
        if (w->exists && trouble(w, 2))
            take_row_away(w);
        bool is_done = !trouble(w, 5);
        if (is_done && ledger_job->call.is_write)
            compare_and_set(w, &ledger_job->call);
        if (!is_done || trouble(w, 4))
            fail(job, is_done ? "reply lost" : "not carried out");
        ledger_job->call.exists = w->exists;
        ledger_job->call.row = w->row;
        sluice_queue_push(lane_inbox(w->bench.lane), &job->item.link);
    }
}

static inline void play_postman(struct world *w)
{
    while (chance(w, 60)) {
        int64_t offset = 0;
        bool is_sent = !trouble(w, 20);
        if (bench_post(&w->bench, is_sent, &offset) == NULL)
            return;
        (void)seen(w, is_sent ? LETTERED : LETTER_LOST);
        w->records[offset].is_lettered = w->records[offset].is_lettered || is_sent;
    }
}

static inline void take_commit(struct world *w, const struct notice *notice)
{
    check_durable(w, notice->offset);
    if (w->commits_apart && notice->offset >= 0) {
        w->commit.offset = notice->offset;
        w->commit.text = SLUICE_LEDGER_TEXT_ROW;
        w->commit.row = notice->mark;
    }
}

/* The record before the first one is read too if it is there: it shows whether the topic is the same. */
static inline void start_reading(struct world *w, const struct notice *notice)
{
    int64_t known = notice->mark.check.offset;
    w->started_at = notice->offset;
    w->next = notice->offset >= 0 ? notice->offset : w->earliest;
    if (known >= w->earliest && known < notice->offset && chance(w, 80))
        w->next = known;
    w->waits = false;
    w->end_pushed = false;
    bench_push(&w->bench, LANE_SEEKED, w->p, 0, NULL);
}

static inline void leave(struct world *w)
{
    atomic_store(&w->p->leaving, true);
    if (!w->leaving)
        bench_push(&w->bench, LANE_DETACH, w->p, 0, NULL);
    w->leaving = true;
}

static inline void give_up(struct world *w)
{
    status_remove(&w->bench.status, w->p->status);
    partition_unref(w->p);
    w->p = NULL;
}

static inline void take_notice(struct world *w, const struct notice *notice)
{
    switch (notice->kind) {
    case NOTICE_COMMITTABLE:
        w->late_commit = *notice;
        w->has_late_commit = trouble(w, 30);
        if (!w->has_late_commit)
            take_commit(w, notice);
        break;
    case NOTICE_COMMIT:
        take_commit(w, notice);
        bench_push(&w->bench, LANE_COMMITTED, w->p, 0, NULL);
        break;
    case NOTICE_READ_OFFSET:
        (void)seen(w, OFFSET_READ);
        bench_push(&w->bench, LANE_OFFSET, w->p, 0, &w->commit);
        break;
    case NOTICE_START:
        start_reading(w, notice);
        break;
    case NOTICE_STOPPED:
        w->stopped = seen(w, STOPPED);
        if (notice->error.code == SLUICE_E_SERVER || notice->error.code == SLUICE_E_LEDGER)
            CHECK_CONTAINS(notice->error.text, "refused");
        break;
    case NOTICE_AGAIN:
        leave(w);
        break;
    case NOTICE_FENCED:
        (void)seen(w, FENCED);
        leave(w);
        give_up(w);
        break;
    case NOTICE_DETACHED:
        (void)seen(w, DETACHED);
        take_commit(w, notice);
        give_up(w);
        break;
    }
}

static inline void play_reader(struct world *w)
{
    struct sluice_link *link = NULL;
    while ((link = sluice_queue_pop(&w->bench.notices, 0)) != NULL) {
        struct notice *notice = SLUICE_ITEM(link, struct notice, link);
        if (notice->partition == w->p) /* else a late word of an assignment that was given up */
            take_notice(w, notice);
        partition_unref(notice->partition);
        free(notice);
    }
}

#endif
