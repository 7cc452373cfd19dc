/* The KeeperMap ledger against a real engine with a real Keeper. Run by test_ledger_keeper_map.py:
 *   ledger_probe URL check             everything that one process can show; URL must have fault switches
 *   ledger_probe URL outage            says "ready"; after a line on stdin Keeper must be away, after the next one back
 *   ledger_probe URL rival NAME N      acquires N partitions in the database NAME at once, prints how many it got
 */
#include "ledger/ledger.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "clickhouse/tsv.h"
#include "support/check.h"
#include "support/faults.h"

enum { MAX_CALLS = 1300, N_ROUNDS = 25, N_RACED = 24 };

static const char *url;
static char database[64];
static const char path[] = "/sluice_probe";
static struct sluice_error err;

/* ---- SQL beside the ledger ---- */

static struct sluice_ch_options client_options(void)
{
    static const char *urls[1];
    urls[0] = url;
    return (struct sluice_ch_options){.urls = urls, .n_urls = 1, .request_timeout_us = 60 * INT64_C(1000000)};
}

/* {database:Identifier} and {table:Identifier} stand for ours. */
static bool ask(const char *sql, const char *table, struct sluice_buf *answer)
{
    SLUICE_AUTO(sluice_ch_client) struct sluice_ch_client *client = NULL;
    struct sluice_ch_options options = client_options();
    const struct sluice_ch_pair names[] = {{"database", sluice_str_from(database)}, {"table", sluice_str_from(table)}};
    const struct sluice_ch_query query = {.sql = sql, .what = "test", .params = names, .n_params = 2};
    bool ok = CHECK_INT(sluice_ch_client_new(&options, &client, &err), SLUICE_OK) &&
              CHECK_INT(sluice_ch_query(client, &query, answer, &err), SLUICE_OK);
    if (!ok)
        (void)fprintf(stderr, "    %s\n    %s\n", sql, err.text);
    return ok;
}

static void execute(const char *sql, const char *table)
{
    (void)ask(sql, table, NULL);
}

static long count_rows(const char *table)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, 4096, "answer");
    bool ok = ask("SELECT count() FROM {database:Identifier}.{table:Identifier}", table, &answer);
    return ok ? strtol(sluice_buf_text(&answer), NULL, 10) : -1;
}

/* ---- ledgers and calls ---- */

static struct sluice_ledger *make_ledger(const char *table, const char *at, const char *pipeline)
{
    struct sluice_ledger *ledger = NULL;
    struct sluice_ch_options client = client_options();
    const struct sluice_keeper_map_options options = {.client = &client,
                                                      .database = database,
                                                      .table = table,
                                                      .path = at,
                                                      .pipeline = pipeline,
                                                      .cluster = "5L6g3nShT-eMCtK--X86sw"};
    if (!CHECK_INT(sluice_ledger_new_keeper_map(&options, &ledger, &err), SLUICE_OK)) {
        (void)fprintf(stderr, "    %s\n", err.text);
        exit(1);
    }
    return ledger;
}

static struct sluice_ledger *make_prepared(const char *table, const char *at)
{
    struct sluice_ledger *ledger = make_ledger(table, at, "shop");
    if (!CHECK_INT(sluice_ledger_prepare(ledger, &err), SLUICE_OK))
        (void)fprintf(stderr, "    %s\n", err.text);
    return ledger;
}

/* A table and a path of its own for each test. */
static struct sluice_ledger *make_fresh(const char *table)
{
    char at[SLUICE_LEDGER_PATH];
    (void)snprintf(at, sizeof at, "/%.40s_%.40s", database, table);
    return make_prepared(table, at);
}

static void init_calls(struct sluice_ledger_call *calls, size_t n, const char *topic)
{
    for (size_t i = 0; i < n; i++) {
        calls[i] = (struct sluice_ledger_call){.topic = topic, .partition = (int32_t)i};
        sluice_ledger_row_init(&calls[i].row);
    }
}

/* Makes a write of what was read last: the next acquisition by `owner`. */
static void acquire(struct sluice_ledger_call *call, uint64_t owner)
{
    call->is_write = true;
    call->expected_exists = call->exists;
    call->expected = call->row;
    call->wanted = call->row;
    call->wanted.epoch++;
    call->wanted.seq++;
    call->wanted.owner = owner;
}

/* The same for a range of 1000 offsets that follows the last one. */
static void open_range(struct sluice_ledger_call *call)
{
    call->is_write = true;
    call->expected_exists = true;
    call->expected = call->row;
    call->wanted = call->row;
    call->wanted.seq++;
    call->wanted.next = call->row.hi + 1;
    call->wanted.hi = call->wanted.next + 999;
}

static bool run(struct sluice_ledger *ledger, struct sluice_ledger_call *calls, size_t n)
{
    bool ok = CHECK_INT(sluice_ledger_run(ledger, calls, n, &err), SLUICE_OK);
    if (!ok)
        (void)fprintf(stderr, "    %s\n", err.text);
    return ok;
}

static bool is_ours(const struct sluice_ledger_call *call)
{
    return call->exists && sluice_ledger_row_equal(&call->row, &call->wanted);
}

static size_t count_ours(const struct sluice_ledger_call *calls, size_t n)
{
    size_t n_ours = 0;
    for (size_t i = 0; i < n; i++)
        n_ours += is_ours(&calls[i]) ? 1 : 0;
    return n_ours;
}

static size_t count_conflicts(const struct sluice_ledger_call *calls, size_t n)
{
    size_t n_conflicts = 0;
    for (size_t i = 0; i < n; i++)
        n_conflicts += calls[i].conflict ? 1 : 0;
    return n_conflicts;
}

/* ---- preparing ---- */

static void *prepare_thread(void *context)
{
    struct sluice_error own;
    enum sluice_code code = sluice_ledger_prepare(context, &own);
    if (code != SLUICE_OK)
        (void)fprintf(stderr, "    %s\n", own.text);
    return code == SLUICE_OK ? context : NULL;
}

static void test_prepare(void)
{
    struct sluice_ledger *ledgers[4];
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        ledgers[i] = make_ledger("prepared", path, "shop");
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, prepare_thread, ledgers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        CHECK_INT(pthread_join(threads[i], &result), 0);
        CHECK(result != NULL);
        CHECK_TEXT(sluice_ledger_path(ledgers[i]), path);
        sluice_ledger_free(ledgers[i]);
    }
    CHECK_INT(count_rows("prepared"), 0); /* the trial rows are gone */
}

static void check_refused(const char *table, const char *at, enum sluice_code code, const char *part)
{
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_ledger(table, at, "shop");
    CHECK_INT(sluice_ledger_prepare(ledger, &err), code);
    CHECK_INT(err.action, SLUICE_STOP);
    CHECK_CONTAINS(err.text, part);
    (void)fprintf(stderr, "- %s\n", err.text);
}

static void test_prepare_refuses(void)
{
    execute("CREATE TABLE {database:Identifier}.{table:Identifier} (k String) ENGINE = MergeTree ORDER BY k",
            "other_engine");
    check_refused("other_engine", path, SLUICE_E_LEDGER, "MergeTree");
    char at[SLUICE_LEDGER_PATH];
    char sql[256];
    (void)snprintf(at, sizeof at, "/%.40s_other_columns", database);
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE {database:Identifier}.{table:Identifier} (k String) ENGINE = KeeperMap('%s') "
                   "PRIMARY KEY k",
                   at);
    execute(sql, "other_columns");
    check_refused("other_columns", "/elsewhere", SLUICE_E_LEDGER, "clickhouse.ledger_path");
    check_refused("another_name", at, SLUICE_E_SERVER, "clickhouse.ledger_path");
    CHECK_INT(err.detail, 36);
}

/* ---- rows ---- */

static void test_life_of_a_row(void)
{
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("life");
    struct sluice_ledger_call call;
    struct sluice_ledger_call late;
    init_calls(&call, 1, "shop.public.orders");
    CHECK(run(ledger, &call, 1));
    CHECK(!call.exists);
    acquire(&call, UINT64_MAX); /* a number that no signed type holds */
    int64_t before_ms = sluice_wall_us() / 1000;
    CHECK(run(ledger, &call, 1));
    CHECK(is_ours(&call));
    CHECK(call.written_ms >= before_ms - 1000 && call.written_ms <= sluice_wall_us() / 1000 + 1000);
    late = call;
    open_range(&call);
    call.wanted.source = (struct sluice_source_state){
        .sources = {{.id = 1, .commit = 2, .snapshot_lsn = 3, .ts_us = -4}}, .n_sources = 1};
    call.wanted.check = (struct sluice_ledger_check){-1, -5, UINT32_MAX};
    CHECK(run(ledger, &call, 1));
    CHECK(is_ours(&call));
    open_range(&call);
    CHECK(run(ledger, &call, 1));
    CHECK(is_ours(&call));
    CHECK_INT(call.row.seq, 3);
    /* Written from what is no longer true: refused, and told what is. */
    open_range(&late);
    CHECK(run(ledger, &late, 1));
    CHECK(late.conflict && !is_ours(&late));
    CHECK(sluice_ledger_row_equal(&late.row, &call.row));
    /* The same for a row that is not there as one had thought, one way or the other. */
    late.expected_exists = false;
    CHECK(run(ledger, &late, 1));
    CHECK(late.conflict && late.exists);
    late.partition = 99;
    late.expected_exists = true;
    CHECK(run(ledger, &late, 1));
    CHECK(!late.exists);
    CHECK_INT(sluice_ledger_counts(ledger).n_writes, 3);
    CHECK_INT(sluice_ledger_counts(ledger).n_conflicts, 2);
}

static void test_hostile_names(void)
{
    static const char topic[] = "it's\\a \"topic\"\t`x`\n";
    char at[SLUICE_LEDGER_PATH];
    (void)snprintf(at, sizeof at, "/%.40s_h'o\\s\"t", database);
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_ledger("h`o'st\\ile", at, "sh'op\\");
    if (!CHECK_INT(sluice_ledger_prepare(ledger, &err), SLUICE_OK))
        (void)fprintf(stderr, "    %s\n", err.text);
    struct sluice_ledger_call calls[2];
    init_calls(calls, 2, topic);
    for (int i = 0; i < 3; i++) {
        acquire(&calls[0], 7);
        acquire(&calls[1], 8);
        CHECK(run(ledger, calls, 2));
        CHECK_INT(count_ours(calls, 2), 2);
    }
}

/* One of sixteen was taken: the others are written, in a bounded number of statements. */
static void test_one_of_many_lost(void)
{
    enum { N = 16, LOST = 5 };
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("lost");
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *thief = make_fresh("lost");
    struct sluice_ledger_call calls[N];
    struct sluice_ledger_call stolen;
    init_calls(calls, N, "t");
    init_calls(&stolen, 1, "t");
    stolen.partition = LOST;
    for (int round = 0; round < 3; round++) { /* the first one inserts */
        CHECK(run(ledger, calls, N));
        CHECK(run(thief, &stolen, 1));
        acquire(&stolen, 66);
        CHECK(run(thief, &stolen, 1));
        CHECK(is_ours(&stolen));
        for (size_t i = 0; i < N; i++)
            acquire(&calls[i], 7);
        uint64_t before = sluice_ledger_counts(ledger).n_statements;
        CHECK(run(ledger, calls, N));
        CHECK_INT(sluice_ledger_counts(ledger).n_statements - before, 4); /* refused, read, written, read */
        CHECK_INT(count_ours(calls, N), N - 1);
        CHECK_INT(count_conflicts(calls, N), 1);
        CHECK(calls[LOST].conflict && calls[LOST].row.owner == 66);
        stolen = (struct sluice_ledger_call){.topic = "t", .partition = LOST};
        for (size_t i = 0; i < N; i++)
            calls[i].is_write = false;
    }
}

/* ---- races ---- */

struct racer {
    struct sluice_ledger *ledger;
    uint64_t owner;
    uint64_t wins[N_RACED];
    bool failed;
};

static void *race_thread(void *context)
{
    struct racer *racer = context;
    struct sluice_ledger_call calls[N_RACED];
    struct sluice_error own;
    init_calls(calls, N_RACED, "raced");
    for (int round = 0; round < N_ROUNDS && !racer->failed; round++) {
        for (size_t i = 0; i < N_RACED; i++)
            acquire(&calls[i], racer->owner);
        racer->failed = sluice_ledger_run(racer->ledger, calls, N_RACED, &own) != SLUICE_OK;
        for (size_t i = 0; i < N_RACED; i++)
            racer->wins[i] += is_ours(&calls[i]) ? 1 : 0;
    }
    if (racer->failed)
        (void)fprintf(stderr, "    %s\n", own.text);
    return NULL;
}

/* Three owners write the same rows as fast as they can; every write that one of them found in the ledger counts, and
 * none is lost or counted twice. (What is overwritten between a write and its reading counts for nobody.) */
static void test_race(void)
{
    enum { N = 3 };
    struct racer racers[N] = {0};
    pthread_t threads[N];
    struct sluice_ledger_call calls[N_RACED];
    size_t n_wins = 0;
    size_t n_steps = 0;
    for (size_t i = 0; i < N; i++)
        racers[i] = (struct racer){.ledger = make_fresh("raced"), .owner = i + 1};
    for (size_t i = 0; i < N; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, race_thread, &racers[i]), 0);
    for (size_t i = 0; i < N; i++)
        CHECK_INT(pthread_join(threads[i], NULL), 0);
    init_calls(calls, N_RACED, "raced");
    CHECK(run(racers[0].ledger, calls, N_RACED));
    for (size_t i = 0; i < N_RACED; i++) {
        uint64_t wins = 0;
        for (size_t r = 0; r < N; r++)
            wins += racers[r].wins[i];
        CHECK(calls[i].exists && calls[i].row.epoch == calls[i].row.seq);
        CHECK(wins <= calls[i].row.seq);
        CHECK(calls[i].row.seq <= (uint64_t)N * N_ROUNDS);
        n_wins += wins;
        n_steps += calls[i].row.seq;
    }
    for (size_t r = 0; r < N; r++) {
        CHECK(!racers[r].failed);
        sluice_ledger_free(racers[r].ledger);
    }
    CHECK(n_wins > 0);
    (void)fprintf(stderr, "- race: %zu writes, %zu seen by their writer\n", n_steps, n_wins);
}

/* Two owners that both expect the same: exactly one gets each row, in the first round by inserts, then by updates. */
struct duel {
    struct sluice_ledger *ledger;
    struct sluice_ledger_call calls[N_RACED];
    pthread_barrier_t *start;
    bool failed;
};

static void *duel_thread(void *context)
{
    struct duel *duel = context;
    struct sluice_error own;
    (void)pthread_barrier_wait(duel->start);
    duel->failed = sluice_ledger_run(duel->ledger, duel->calls, N_RACED, &own) != SLUICE_OK;
    if (duel->failed)
        (void)fprintf(stderr, "    %s\n", own.text);
    return NULL;
}

static void test_duel(void)
{
    static struct duel duels[2];
    pthread_barrier_t start;
    pthread_t threads[2];
    size_t wins[2] = {0, 0};
    CHECK_INT(pthread_barrier_init(&start, NULL, 2), 0);
    for (size_t i = 0; i < 2; i++) {
        duels[i] = (struct duel){.ledger = make_fresh("duel"), .start = &start};
        init_calls(duels[i].calls, N_RACED, "duel");
    }
    for (int round = 0; round < N_ROUNDS; round++) {
        for (size_t i = 0; i < 2; i++) {
            for (size_t c = 0; c < N_RACED; c++)
                duels[i].calls[c].is_write = false;
            CHECK(run(duels[i].ledger, duels[i].calls, N_RACED));
            for (size_t c = 0; c < N_RACED; c++)
                acquire(&duels[i].calls[c], i + 1);
        }
        for (size_t i = 0; i < 2; i++)
            CHECK_INT(pthread_create(&threads[i], NULL, duel_thread, &duels[i]), 0);
        for (size_t i = 0; i < 2; i++)
            CHECK_INT(pthread_join(threads[i], NULL), 0);
        for (size_t c = 0; c < N_RACED; c++) {
            CHECK_INT(duels[0].calls[c].conflict + duels[1].calls[c].conflict, 1);
            wins[0] += duels[0].calls[c].conflict ? 0 : 1;
            wins[1] += duels[1].calls[c].conflict ? 0 : 1;
        }
    }
    CHECK_INT(wins[0] + wins[1], (size_t)N_ROUNDS * N_RACED);
    (void)fprintf(stderr, "- duel: %zu to %zu\n", wins[0], wins[1]);
    for (size_t i = 0; i < 2; i++) {
        CHECK(!duels[i].failed);
        sluice_ledger_free(duels[i].ledger);
    }
    CHECK_INT(pthread_barrier_destroy(&start), 0);
}

/* ---- many ---- */

/* More than one statement takes, under the longest names and with the longest rows. */
static void test_many(void)
{
    static struct sluice_ledger_call calls[MAX_CALLS];
    char topic[250];
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("many");
    memset(topic, 't', sizeof topic - 1);
    topic[sizeof topic - 1] = '\0';
    init_calls(calls, MAX_CALLS, topic);
    for (size_t i = 0; i < MAX_CALLS; i++) {
        acquire(&calls[i], UINT64_MAX - i);
        calls[i].wanted.next = INT64_MAX / 2;
        calls[i].wanted.hi = INT64_MAX - 1000;
        calls[i].wanted.resets = UINT64_MAX;
        calls[i].wanted.attempt = UINT32_MAX;
        calls[i].wanted.check = (struct sluice_ledger_check){INT64_MAX, INT64_MIN, UINT32_MAX};
        calls[i].wanted.source.n_sources = SLUICE_MAX_SOURCES;
        for (size_t s = 0; s < SLUICE_MAX_SOURCES; s++)
            calls[i].wanted.source.sources[s] =
                (struct sluice_source_position){UINT64_MAX, UINT64_MAX, UINT64_MAX, -1, 0};
    }
    CHECK(run(ledger, calls, MAX_CALLS));
    CHECK_INT(count_ours(calls, MAX_CALLS), MAX_CALLS);
    for (size_t i = 0; i < MAX_CALLS; i++)
        acquire(&calls[i], i + 1);
    CHECK(run(ledger, calls, MAX_CALLS));
    CHECK_INT(count_ours(calls, MAX_CALLS), MAX_CALLS);
    CHECK(sluice_ledger_counts(ledger).n_statements < 40);
}

/* ---- visits ---- */

static int64_t sum_of_partitions;

static void add_row(void *context, const struct sluice_ledger_found *found)
{
    size_t *n = context;
    ++*n;
    sum_of_partitions += found->partition;
    CHECK_TEXT(found->topic, "t");
    CHECK_INT(found->row.owner, 7);
    CHECK(found->written_ms > 0);
}

static void test_visit(void)
{
    enum { N = 20 };
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("visited");
    SLUICE_AUTO(sluice_ledger)
    struct sluice_ledger *other = make_ledger("visited", sluice_ledger_path(ledger), "shop2");
    struct sluice_ledger_call calls[N];
    size_t n_rows = 0;
    init_calls(calls, N, "t");
    for (size_t i = 0; i < N; i++)
        acquire(&calls[i], 7);
    CHECK(run(ledger, calls, N));
    init_calls(calls, 3, "u");
    for (size_t i = 0; i < 3; i++)
        acquire(&calls[i], 8);
    CHECK(run(other, calls, 3));
    /* A cluster whose id goes on where ours ends. */
    execute("INSERT INTO {database:Identifier}.{table:Identifier} SELECT replaceOne(k, '--X86sw/', '--X86sw/x/'), "
            "epoch, owner, seq, state, written_at "
            "FROM {database:Identifier}.{table:Identifier} WHERE k LIKE '%/t/3'",
            "visited");
    CHECK_INT(count_rows("visited"), N + 4);
    CHECK_INT(sluice_ledger_visit(ledger, add_row, &n_rows, &err), SLUICE_OK);
    CHECK_INT(n_rows, N);
    CHECK_INT(sum_of_partitions, N * (N - 1) / 2);
}

/* One row of two was changed by hand. */
static void check_damaged(struct sluice_ledger *ledger, const char *change)
{
    struct sluice_ledger_call calls[] = {{.topic = "t", .partition = 3}, {.topic = "t", .partition = 4}};
    size_t n_rows = 0;
    execute(change, "damaged");
    CHECK_INT(sluice_ledger_run(ledger, calls, 2, &err), SLUICE_OK);
    CHECK(calls[0].exists && calls[0].is_damaged && !calls[1].is_damaged);
    CHECK_INT(sluice_ledger_visit(ledger, add_row, &n_rows, &err), SLUICE_OK);
    CHECK_INT(n_rows, 2);
    /* A write finds it by what it compares. */
    calls[0].is_write = true;
    calls[0].expected_exists = true;
    calls[0].expected = calls[0].row;
    calls[0].wanted = calls[1].row;
    calls[0].wanted.seq = calls[0].row.seq + 1;
    CHECK_INT(sluice_ledger_run(ledger, calls, 1, &err), SLUICE_OK);
    CHECK(is_ours(&calls[0]) && !calls[0].is_damaged);
}

static void test_damaged(void)
{
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("damaged");
    struct sluice_ledger_call calls[2];
    init_calls(calls, 2, "t");
    for (int32_t i = 0; i < 2; i++) {
        calls[i].partition = 3 + i;
        acquire(&calls[i], 7);
    }
    CHECK(run(ledger, calls, 2));
    check_damaged(ledger, "ALTER TABLE {database:Identifier}.{table:Identifier} UPDATE seq = 9 WHERE k LIKE '%/t/3'");
    check_damaged(ledger, "ALTER TABLE {database:Identifier}.{table:Identifier} UPDATE state = "
                          "replaceOne(state, 'next=-1', 'next=12x') WHERE k LIKE '%/t/3'");
    check_damaged(ledger, "ALTER TABLE {database:Identifier}.{table:Identifier} UPDATE state = replaceOne(state, "
                          "'next=-1', 'next=-1\\0') WHERE k LIKE '%/t/3'");
    check_damaged(ledger,
                  "ALTER TABLE {database:Identifier}.{table:Identifier} UPDATE state = '' WHERE k LIKE '%/t/3'");
    check_damaged(ledger, "ALTER TABLE {database:Identifier}.{table:Identifier} UPDATE state = repeat('x', 200000) "
                          "WHERE k LIKE '%/t/3'");
}

/* ---- faults ---- */

/* The write or its answer is lost: what is read afterwards tells. */
static void test_lost_replies(void)
{
    static const struct {
        const char *fault;
        bool happened; /* at least; libcurl may send a statement again */
    } cases[] = {
        {"kind=cut_after&match=UPDATE", true},
        {"kind=cut_before&match=UPDATE&count=2", false},
        {"kind=status&code=209&match=UPDATE", false},
        {"kind=cut_after&match=UPDATE&count=2", true},
    };
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("cut");
    struct sluice_ledger_call calls[4];
    init_calls(calls, 4, "t");
    for (size_t i = 0; i < 4; i++)
        acquire(&calls[i], 7);
    play_fault(url, "kind=cut_after&match=INSERT%20INTO");
    CHECK(run(ledger, calls, 4));
    CHECK_INT(count_ours(calls, 4), 4);
    CHECK_INT(count_conflicts(calls, 4), 0);
    for (size_t c = 0; c < SLUICE_N_ELEMENTS(cases); c++) {
        for (size_t i = 0; i < 4; i++)
            open_range(&calls[i]);
        play_fault(url, cases[c].fault);
        if (!CHECK(run(ledger, calls, 4)))
            (void)fprintf(stderr, "    %s\n", cases[c].fault);
        CHECK_INT(count_conflicts(calls, 4), 0);
        if (!CHECK_INT(count_ours(calls, 4), cases[c].happened ? 4 : 0))
            (void)fprintf(stderr, "    %s\n", cases[c].fault);
        /* The same again: done, whatever happened before. */
        CHECK(run(ledger, calls, 4));
        CHECK_INT(count_ours(calls, 4), 4);
    }
}

/* A reading that fails is an error of the call; nothing is known then. */
static void test_lost_reading(void)
{
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("unread");
    struct sluice_ledger_call call;
    init_calls(&call, 1, "t");
    acquire(&call, 7);
    play_fault(url, "kind=cut_before&match=SELECT%20k&count=3");
    CHECK_INT(sluice_ledger_run(ledger, &call, 1, &err), SLUICE_E_HTTP);
    CHECK_INT(err.action, SLUICE_RETRY);
    call.is_write = false;
    enum sluice_code code = SLUICE_E_HTTP;
    for (int i = 0; i < 3 && code != SLUICE_OK; i++)
        code = sluice_ledger_run(ledger, &call, 1, &err);
    CHECK_INT(code, SLUICE_OK);
    CHECK(is_ours(&call));
    play_fault(url, "kind=refuse&code=202&match=UPDATE");
    open_range(&call);
    CHECK_INT(sluice_ledger_run(ledger, &call, 1, &err), SLUICE_E_SERVER);
    CHECK_INT(err.action, SLUICE_RETRY);
    CHECK_INT(err.detail, 202);
}

static void test_dropped(void)
{
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("dropped");
    struct sluice_ledger_call call;
    init_calls(&call, 1, "t");
    acquire(&call, 7);
    CHECK(run(ledger, &call, 1));
    CHECK(call.exists);
    execute("DROP TABLE {database:Identifier}.{table:Identifier} SYNC", "dropped");
    open_range(&call);
    CHECK(run(ledger, &call, 1));
    CHECK(!call.exists);
    CHECK_INT(count_rows("dropped"), 0);
}

static int check_all(void)
{
    (void)snprintf(database, sizeof database, "sluice_ledger_%ld", (long)getpid());
    if (!ask("CREATE DATABASE {database:Identifier}", "", NULL))
        return 1;
    test_prepare();
    test_prepare_refuses();
    test_life_of_a_row();
    test_hostile_names();
    test_one_of_many_lost();
    test_race();
    test_duel();
    test_many();
    test_visit();
    test_damaged();
    test_lost_replies();
    test_lost_reading();
    test_dropped();
    execute("DROP DATABASE {database:Identifier} SYNC", "");
    return check_result();
}

/* ---- with another process ---- */

/* Waits for the test to do its part. */
static void say(const char *word)
{
    char line[16];
    (void)printf("%s\n", word);
    (void)fflush(stdout);
    if (fgets(line, sizeof line, stdin) == NULL)
        exit(1);
}

/* Keeper goes away and comes back: no call lies, and the row is what was written or what was there before. */
static int outage(void)
{
    struct sluice_ledger_call call;
    enum sluice_code code = SLUICE_E_HTTP;
    (void)snprintf(database, sizeof database, "default");
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("outage");
    init_calls(&call, 1, "t");
    CHECK(run(ledger, &call, 1));
    acquire(&call, 7);
    CHECK(run(ledger, &call, 1));
    CHECK(is_ours(&call));
    say("ready");
    struct sluice_ledger_call lost = call;
    open_range(&lost);
    CHECK(sluice_ledger_run(ledger, &lost, 1, &err) != SLUICE_OK);
    CHECK_INT(err.action, SLUICE_RETRY);
    (void)fprintf(stderr, "- %s\n", err.text);
    say("refused");
    struct sluice_ledger_call again = {.topic = "t", .partition = 0};
    int64_t deadline_us = sluice_mono_us() + INT64_C(60000000);
    while (code != SLUICE_OK && sluice_mono_us() < deadline_us)
        code = sluice_ledger_run(ledger, &again, 1, &err);
    CHECK_INT(code, SLUICE_OK);
    CHECK(again.exists);
    CHECK(sluice_ledger_row_equal(&again.row, &lost.wanted) || sluice_ledger_row_equal(&again.row, &lost.expected));
    open_range(&again);
    CHECK(run(ledger, &again, 1));
    CHECK(is_ours(&again));
    execute("DROP TABLE {database:Identifier}.{table:Identifier} SYNC", "outage");
    return check_result();
}

static int rival(const char *name, size_t n)
{
    static struct sluice_ledger_call calls[MAX_CALLS];
    (void)snprintf(database, sizeof database, "%s", name);
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = make_fresh("rivals");
    n = n < MAX_CALLS ? n : MAX_CALLS;
    init_calls(calls, n, "t");
    for (size_t i = 0; i < n; i++)
        acquire(&calls[i], (uint64_t)getpid());
    say("ready");
    CHECK(run(ledger, calls, n));
    (void)printf("%zu %zu\n", count_ours(calls, n), count_conflicts(calls, n));
    return check_result();
}

int main(int argc, char **argv)
{
    int result = 2;
    if (argc < 3 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 2;
    url = argv[1];
    if (strcmp(argv[2], "check") == 0)
        result = check_all();
    else if (strcmp(argv[2], "outage") == 0)
        result = outage();
    else if (strcmp(argv[2], "rival") == 0 && argc == 5)
        result = rival(argv[3], strtoul(argv[4], NULL, 10));
    curl_global_cleanup();
    return result;
}
