/* Exactly-once delivery of one partition, through the lane and the ledger's machine: small cases, and random schedules
 * of many assignments with failures of every kind; see ranges_world.h for what must hold.
 *
 * test_pipeline_ranges [SEED [SCHEDULES]]: the seed is printed. The lane is a thread of its own, so a failure may take
 * some schedules to come back.
 */
#include "ranges_world.h"

#include "pipeline/ranges_internal.h"

#include "sluice/log.h"

static const int64_t patience_us = 20000000;

static const struct sluice_message_ops ops = {free_message, bench_has_header, bench_timestamp_ms, bench_find_header,
                                              bench_copy_headers};

static struct sluice_ledger_commit commit_at(int64_t offset, enum sluice_ledger_text_kind text)
{
    struct sluice_ledger_commit commit = {.offset = offset, .text = text};
    sluice_ledger_row_init(&commit.row);
    return commit;
}

/* What cases of their own need: a world with dead letters. */
static bool with_letters;

static void set_up(struct world *w, uint64_t seed, bool commits_apart, size_t max_rows)
{
    char rows[32];
    (void)snprintf(rows, sizeof rows, "batch.max_rows=%zu", max_rows);
    const char *const sets[] = {"name=test",
                                "kafka.bootstrap.servers=x:1",
                                "kafka.topics=[t]",
                                "clickhouse.url=[http://127.0.0.1:1]",
                                "clickhouse.database=d",
                                "delivery=exactly_once",
                                "on_offset_lost=earliest",
                                "batch.max_age=5ms",
                                "retry.initial=1ms",
                                "retry.max=2ms",
                                rows,
                                "on_bad_record=dead_letter",
                                "dead_letters.limit=1000000"};
    *w = (struct world){.random = seed | 1,
                        .calm = true,
                        .commits_apart = commits_apart,
                        .has_letters = with_letters,
                        .started_at = -1};
    w->deadline_us = sluice_mono_us() + patience_us;
    w->tokens = json_object();
    w->commit = commit_at(-1, SLUICE_LEDGER_TEXT_NONE);
    sluice_ledger_row_init(&w->row);
    for (size_t i = 0; i < N_RECORDS; i++)
        make_record(w, i);
    const struct lane_world world = {
        .ledger = &w->bench.ledger, .token_scope = "scope", .commits_apart = commits_apart, .ops = &ops};
    bench_set_up(&w->bench, world, sets, sizeof sets / sizeof sets[0] - (with_letters ? 0 : 2));
}

static void play_servers(struct world *w)
{
    const struct timespec pause = {.tv_nsec = 200000};
    play_bookkeeper(w);
    play_senders(w);
    play_postman(w);
    (void)nanosleep(&pause, NULL);
}

/* False: it takes too long. */
static bool play_without_reader(struct world *w)
{
    play_servers(w);
    return CHECK(sluice_mono_us() < w->deadline_us);
}

static bool play(struct world *w)
{
    play_reader(w);
    return play_without_reader(w);
}

static void play_to_the_end(void *context)
{
    play_reader(context);
    play_servers(context);
}

/* What is not stored of [first, end) need not be any more. */
static void give_records_up(struct world *w, int64_t first, int64_t end)
{
    for (int64_t i = first; i < end; i++)
        w->records[i].is_removed = w->records[i].is_removed || !is_settled(w, i);
}

/* Gives up everything that was ever read, and some more: so a start behind it can't store a record again. */
static int64_t skip_ahead(struct world *w)
{
    int64_t offset = w->highest + 1 + (int64_t)(next_random(&w->random) % 40);
    if (offset > N_RECORDS)
        offset = N_RECORDS;
    give_records_up(w, 0, offset);
    return offset;
}

/* What Kafka remembers when the partition is assigned. */
static void change_commit(struct world *w)
{
    if (!w->commits_apart) { /* it is the row, and there is none without an offset */
        w->exists = w->exists && w->row.next >= 0;
        w->commit = commit_at(-1, SLUICE_LEDGER_TEXT_NONE);
        if (w->exists)
            w->commit =
                (struct sluice_ledger_commit){.offset = w->row.next, .text = SLUICE_LEDGER_TEXT_ROW, .row = w->row};
    } else if (trouble(w, 10) && seen(w, OFFSET_LOST)) {
        w->commit = commit_at(-1, SLUICE_LEDGER_TEXT_NONE);
    } else if (trouble(w, 10) && seen(w, OFFSET_RESET)) {
        w->commit = commit_at(skip_ahead(w), SLUICE_LEDGER_TEXT_NONE);
    }
}

static void assign(struct world *w)
{
    struct sluice_error err;
    change_commit(w);
    const struct partition_start start = {.topic = "t", .offset = w->commit.offset, .commit = w->commit};
    CHECK_INT(partition_new(&start, &w->bench.status, &w->p, &err), SLUICE_OK);
    w->waits = seen(w, ASSIGNED);
    w->leaving = false;
    w->stopped = false;
    w->end_pushed = false;
    w->has_late_commit = false;
    bench_push(&w->bench, LANE_ATTACH, w->p, 0, NULL);
}

static void tear_down(struct world *w)
{
    w->calm = true;
    if (w->p != NULL)
        leave(w);
    while (w->p != NULL && play(w))
        continue;
    if (!CHECK(w->p == NULL))
        give_up(w);
    bench_stop(&w->bench, play_to_the_end, w);
    bench_tear_down(&w->bench);
    json_decref(w->tokens);
}

static void start(struct world *w)
{
    assign(w);
    while (w->waits && play(w))
        continue;
}

static void abandon(struct world *w)
{
    (void)seen(w, ABANDONED);
    leave(w);
    bench_push(&w->bench, LANE_ABANDON, w->p, 0, NULL);
    give_up(w);
}

static struct world world;

static void test_start_at_the_end_is_remembered(void)
{
    struct world *w = &world;
    set_up(w, 1, true, 1000);
    start(w);
    give_records_up(w, 0, N_RECORDS);
    w->next = N_RECORDS; /* as "latest" says */
    read_records(w, 1);
    while (w->commit.offset != N_RECORDS && play(w))
        continue;
    abandon(w);
    start(w);
    CHECK_INT(w->started_at, N_RECORDS);
    tear_down(w);
}

static void test_what_was_read_before_records_went_missing_is_delivered(void)
{
    struct world *w = &world;
    set_up(w, 2, true, 1000);
    start(w);
    read_records(w, 10);
    while (w->commit.offset != 10 && play(w))
        continue;
    read_records(w, 40);
    give_records_up(w, 50, 1000);
    w->earliest = 1000;
    read_records(w, 1);
    while (w->started_at != 1000 && play(w))
        continue;
    check_durable(w, 50);
    tear_down(w);
}

static void test_a_fenced_partition_decodes_nothing_more(void)
{
    struct world *w = &world;
    set_up(w, 3, true, 1000);
    start(w);
    read_records(w, 10);
    while (w->commit.offset != 10 && play(w))
        continue;
    take_row_away(w);
    read_records(w, 10);
    while (atomic_load(&w->p->status->ledger_state) != SLUICE_LEDGER_CONTENDED && play_without_reader(w))
        continue;
    read_records(w, 10); /* the reader has not heard of it yet */
    while (play_without_reader(w) && sluice_queue_length(lane_inbox(w->bench.lane)) > 0)
        continue;
    while (w->p != NULL && play(w))
        continue;
    tear_down(w);
    CHECK_INT(w->n_seen[FENCED], 1);
    for (size_t i = 10; i < 30; i++)
        CHECK(!w->records[i].is_stored);
}

static void test_an_offset_that_is_no_reset_any_more_ends_the_assignment(void)
{
    struct world *w = &world;
    set_up(w, 4, true, 1000);
    give_records_up(w, 0, 100);
    w->exists = true;
    w->row.epoch = 3;
    w->row.seq = 9;
    w->row.next = 100;
    w->commit = commit_at(50, SLUICE_LEDGER_TEXT_NONE);
    assign(w);
    w->commit = commit_at(50, SLUICE_LEDGER_TEXT_ROW); /* somebody honoured it meanwhile */
    w->commit.row.next = 50;
    w->commit.row.epoch = 4;
    while (w->p != NULL && play(w))
        continue;
    CHECK_INT(w->n_seen[OFFSET_READ], 1);
    CHECK_INT(w->n_seen[FENCED], 1);
    tear_down(w);
}

/* Letters that are not acknowledged hold their range back, and what is behind it; then each is left out, once. */
static void test_a_range_waits_for_its_letters(void)
{
    struct world *w = &world;
    int64_t offset = 0;
    with_letters = true;
    set_up(w, 6, true, 1000);
    start(w);
    read_records(w, 60);
    while (sluice_queue_length(&w->bench.letters) == 0 && CHECK(sluice_mono_us() < w->deadline_us)) {
        play_reader(w);
        play_bookkeeper(w);
        play_senders(w);
    }
    int64_t until_us = sluice_mono_us() + 50000;
    while (sluice_mono_us() < until_us) {
        play_reader(w);
        play_bookkeeper(w);
        play_senders(w);
    }
    CHECK(w->row.next <= 0);
    CHECK(w->commit.offset <= 0);
    CHECK(bench_post(&w->bench, false, &offset) != NULL);
    while (w->commit.offset != 60 && play(w))
        continue;
    for (int i = 0; i < 60; i++)
        CHECK_INT(w->records[i].is_lettered,
                  (w->records[i].is_bad || w->records[i].is_refused) && !w->records[i].is_compacted);
    tear_down(w);
    with_letters = false;
}

/* More than one row of the ledger can name: the range ends there. */
static void test_many_bad_records_end_a_range(void)
{
    struct world *w = &world;
    with_letters = true;
    set_up(w, 8, true, 100000);
    start(w);
    for (int i = 0; i < 10; i++)
        read_records(w, 100);
    while (w->commit.offset != 1000 && play(w))
        continue;
    check_durable(w, 1000);
    CHECK(w->n_seen[LETTERED] > 3 * SLUICE_LEDGER_MAX_SKIP / 2);
    tear_down(w);
    with_letters = false;
}

static bool is_complete(const struct world *w)
{
    for (size_t i = 0; i < N_RECORDS; i++) {
        if (!is_settled(w, (int64_t)i))
            return false;
    }
    return w->commits_apart ? w->commit.offset == N_RECORDS : w->row.next == N_RECORDS && w->row.hi == -1;
}

static void change_limits(struct world *w)
{
    struct lane_limits_item *item = calloc(1, sizeof *item);
    (void)seen(w, RELIMITED);
    item->item.kind = LANE_LIMITS;
    item->limits = lane_limits_from(w->bench.config);
    item->limits.max_rows = 1 + next_random(&w->random) % 30;
    sluice_queue_push(lane_inbox(w->bench.lane), &item->item.link);
}

static void one_step(struct world *w)
{
    uint64_t dice = w->calm ? UINT64_MAX : next_random(&w->random) % 1000;
    if (w->p == NULL)
        assign(w);
    if (w->calm && w->has_late_commit)
        take_commit(w, &w->late_commit);
    w->has_late_commit = w->has_late_commit && !w->calm;
    if (dice < 3)
        abandon(w);
    else if (dice < 8 || w->stopped)
        leave(w);
    else if (dice < 10)
        w->earliest = skip_ahead(w);
    else if (dice < 14)
        change_limits(w);
    if (w->p != NULL && !w->waits && !w->leaving && !w->stopped && chance(w, 30))
        read_records(w, 1 + next_random(&w->random) % 25);
}

static void print_seen(const struct world *w)
{
    static const char *const names[] = {"assigned",  "detached",    "abandoned",    "fenced",      "stopped",
                                        "gone",      "offset lost", "offset reset", "offset read", "late",
                                        "refused",   "reply lost",  "trapped",      "replanned",   "damaged",
                                        "relimited", "lettered",    "letter lost",  "probed"};
    for (size_t i = 0; i < N_EVENTS; i++)
        (void)fprintf(stderr, "%s%s %u", i > 0 ? ", " : "", names[i], w->n_seen[i]);
    (void)fprintf(stderr, "\n");
}

static void test_schedule(uint64_t seed)
{
    struct world *w = &world;
    with_letters = seed % 2 == 0;
    set_up(w, seed, seed % 3 != 0, 2 + seed / 7 % 20);
    int64_t calm_us = sluice_mono_us() + 1000000;
    w->calm = false;
    do {
        w->calm = w->calm || sluice_mono_us() > calm_us;
        one_step(w);
    } while (play(w) && !is_complete(w));
    CHECK(is_complete(w));
    tear_down(w);
    print_seen(w);
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : UINT64_C(20261121);
    uint64_t n_schedules = argc > 2 ? strtoull(argv[2], NULL, 0) : 10;
    json_object_seed(1);
    sluice_log_init(SLUICE_LOG_ERROR, SLUICE_LOG_LOGFMT, -1);
    test_start_at_the_end_is_remembered();
    test_what_was_read_before_records_went_missing_is_delivered();
    test_a_fenced_partition_decodes_nothing_more();
    test_an_offset_that_is_no_reset_any_more_ends_the_assignment();
    test_a_range_waits_for_its_letters();
    test_many_bad_records_end_a_range();
    for (uint64_t i = 0; i < n_schedules && check_n_failed == 0; i++) {
        test_schedule(seed + i * UINT64_C(0x9e3779b97f4a7c15));
        (void)fprintf(stderr, "schedule %" PRIu64 " of seed %" PRIu64 "%s\n", i, seed,
                      check_n_failed > 0 ? " failed" : "");
    }
    return check_result();
}
