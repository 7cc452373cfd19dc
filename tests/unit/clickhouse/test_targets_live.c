/* Targets in a real engine: made by several workers at once, in both modes, and fit for exactly once or not. */
#include <pthread.h>

#include "live.h"
#include "pipeline/planner.h"
#include "table/dedup.h"
#include "unit/table/table_support.h"

enum { WINDOW = 10000 };

static struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT64, .is_key = true},
                                                {.name = "v", .type = SLUICE_SOURCE_STRING, .optional = true}};
static const size_t key[] = {0};
static const struct sluice_shape shape = {
    .schema = "public", .table = "orders", .typed = true, .columns = columns, .n_columns = 2, .key = key, .n_key = 1};

static struct sluice_config *load(const char *set)
{
    char database_set[96];
    struct sluice_config *config = NULL;
    (void)snprintf(database_set, sizeof database_set, "clickhouse.database=%s", database);
    const char *const sets[] = {"kafka.bootstrap.servers=127.0.0.1:1",
                                "kafka.topics=t",
                                "clickhouse.url=http://127.0.0.1:1",
                                "name=n",
                                "delivery=exactly_once",
                                database_set,
                                set};
    if (!CHECK_INT(sluice_config_load(NULL, sets, SLUICE_N_ELEMENTS(sets), &config, &why), SLUICE_OK)) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    return config;
}

static enum sluice_code plan_with(struct sluice_ch_client *with, const struct sluice_config *config, const char *table,
                                  struct sluice_plan **out, struct sluice_error *err)
{
    struct planner_found found = {0};
    struct sluice_table_settings *settings = NULL;
    enum sluice_code code = sluice_table_settings_new(config, "made", "public", table, &settings, err);
    if (code != SLUICE_OK)
        return code;
    const struct planner_task task = {
        .config = config, .settings = settings, .shape = &shape, .source = "made/shop/public.orders"};
    code = planner_plan(with, &task, &found, out, err);
    sluice_table_settings_free(settings);
    return code;
}

static enum sluice_code plan_table(const char *table, const char *set, struct sluice_plan **out)
{
    struct sluice_config *config = load(set);
    why = (struct sluice_error){0};
    enum sluice_code code = plan_with(client, config, table, out, &why);
    sluice_config_free(config);
    return code;
}

static bool check_planned(const char *table, const char *set)
{
    struct sluice_plan *plan = NULL;
    bool ok = CHECK_INT(plan_table(table, set, &plan), SLUICE_OK);
    if (!ok)
        (void)fprintf(stderr, "    %s: %s\n", table, why.text);
    sluice_plan_unref(plan);
    return ok;
}

static void check_refused(const char *table, const char *set, enum sluice_code code, const char *text)
{
    struct sluice_plan *plan = NULL;
    CHECK_INT(plan_table(table, set, &plan), code);
    CHECK_INT(why.action, SLUICE_STOP_PARTITION);
    CHECK_CONTAINS(why.text, text);
    sluice_plan_unref(plan);
}

/* ---- made tables ---- */

static void test_made(void)
{
    struct sluice_target target;
    bool exists = false;
    check_planned("made", "tables.mode=replace");
    check_planned("made", "tables.mode=replace"); /* found the second time */
    check_refused("made", "tables.mode=log", SLUICE_E_TABLE, "set tables.mode: replace");
    check_planned("made_log", "tables.mode=log");
    check_planned("made_log", "tables.mode=log");
    check_refused("made_log", "tables.mode=replace", SLUICE_E_TABLE, "set tables.mode: log");
    check_planned("made_places", "columns.metadata=[_offset, _topic]");
    check_refused("made", "tables.dedup_window=20000", SLUICE_E_UNSAFE,
                  "MODIFY SETTING non_replicated_deduplication_window = 20000");
    sluice_target_init(&target);
    CHECK_INT(sluice_ch_read_target(client, database, "made_log", &target, &exists, &why), SLUICE_OK);
    CHECK_TEXT(target.sorting_key, "_topic, _partition, _offset");
    CHECK_TEXT(target.engine, "MergeTree");
    CHECK_INT(target.n_columns, 8);
    sluice_target_deinit(&target);
    sluice_target_init(&target);
    CHECK_INT(sluice_ch_read_target(client, database, "made_places", &target, &exists, &why), SLUICE_OK);
    CHECK_INT(target.n_columns, 6);
    sluice_target_deinit(&target);
}

/* ---- several workers at once ---- */

enum { N_WORKERS = 6, N_TABLES = 12 };

struct worker {
    pthread_t thread;
    struct sluice_ch_client *client;
    struct sluice_config *config;
    pthread_barrier_t *barrier;
    struct sluice_plan *plans[N_TABLES];
    enum sluice_code code;
    struct sluice_error err;
};

static void *work(void *context)
{
    struct worker *worker = context;
    for (int i = 0; i < N_TABLES; i++) {
        char table[32];
        (void)snprintf(table, sizeof table, "shared_%d", i);
        (void)pthread_barrier_wait(worker->barrier); /* by those that failed too: the others wait for them */
        if (worker->code == SLUICE_OK)
            worker->code = plan_with(worker->client, worker->config, table, &worker->plans[i], &worker->err);
    }
    return NULL;
}

static void test_workers(const char *set)
{
    pthread_barrier_t barrier;
    static struct worker workers[N_WORKERS];
    (void)pthread_barrier_init(&barrier, NULL, N_WORKERS);
    for (int i = 0; i < N_WORKERS; i++) {
        workers[i] = (struct worker){.client = connect_client(), .config = load(set), .barrier = &barrier};
        if (!CHECK_INT(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0))
            exit(1);
    }
    for (int i = 0; i < N_WORKERS; i++) {
        struct worker *worker = &workers[i];
        (void)pthread_join(worker->thread, NULL);
        if (!CHECK_INT(worker->code, SLUICE_OK))
            (void)fprintf(stderr, "    %s\n", worker->err.text);
        for (int table = 0; table < N_TABLES && worker->code == SLUICE_OK; table++) {
            CHECK_TEXT(sluice_plan_insert_sql(worker->plans[table]), sluice_plan_insert_sql(workers[0].plans[table]));
        }
        sluice_ch_client_free(worker->client);
        sluice_config_free(worker->config);
    }
    for (int i = 0; i < N_WORKERS; i++) {
        for (int table = 0; table < N_TABLES; table++)
            sluice_plan_unref(workers[i].plans[table]);
    }
    (void)pthread_barrier_destroy(&barrier);
}

/* ---- fit for exactly once ---- */

static enum sluice_code check_target(const char *table)
{
    bool exists = false;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    why = (struct sluice_error){0};
    if (!CHECK_INT(sluice_ch_read_target(client, database, table, &target, &exists, &why), SLUICE_OK) ||
        !CHECK(exists) || !CHECK_INT(sluice_ch_read_dedup(client, &target, &why), SLUICE_OK)) {
        (void)fprintf(stderr, "    %s\n", why.text);
        return SLUICE_OK;
    }
    return sluice_target_check_exactly_once(&target, WINDOW, &why);
}

/* The remedies in the texts are run as they stand. */
static void run_remedy(const char *from)
{
    char sql[400];
    const char *start = strstr(why.text, from);
    if (!CHECK(start != NULL))
        return;
    (void)snprintf(sql, sizeof sql, "%.*s", (int)strcspn(start, ","), start);
    CHECK_INT(run_sql(sql), SLUICE_OK);
}

static void test_window(void)
{
    CHECK_INT(run_sql("CREATE TABLE @.plain (k Int64) ENGINE = MergeTree ORDER BY k"), SLUICE_OK);
    CHECK_INT(check_target("plain"), SLUICE_E_UNSAFE);
    CHECK_CONTAINS(why.text, "remembers the tokens of the last 0 blocks");
    run_remedy("ALTER TABLE");
    CHECK_INT(check_target("plain"), SLUICE_OK);
    CHECK_INT(run_sql("ALTER TABLE @.plain MODIFY SETTING non_replicated_deduplication_window = 9999"), SLUICE_OK);
    CHECK_INT(check_target("plain"), SLUICE_E_UNSAFE);
    CHECK_INT(run_sql("ALTER TABLE @.plain RESET SETTING non_replicated_deduplication_window"), SLUICE_OK);
    CHECK_INT(check_target("plain"), SLUICE_E_UNSAFE);
}

static void test_views(void)
{
    CHECK_INT(run_sql("CREATE TABLE @.source (k Int64) ENGINE = MergeTree ORDER BY k SETTINGS "
                      "non_replicated_deduplication_window = 10000"),
              SLUICE_OK);
    CHECK_INT(run_sql("CREATE TABLE @.sums (k Int64) ENGINE = SummingMergeTree ORDER BY k SETTINGS "
                      "non_replicated_deduplication_window = 10000"),
              SLUICE_OK);
    CHECK_INT(check_target("source"), SLUICE_OK);
    CHECK_INT(run_sql("CREATE MATERIALIZED VIEW @.fresh REFRESH EVERY 1 YEAR TO @.sums AS SELECT k FROM @.source"),
              SLUICE_OK);
    CHECK_INT(run_sql("CREATE VIEW @.seen AS SELECT k FROM @.source"), SLUICE_OK);
    CHECK_INT(check_target("source"), SLUICE_OK);
    CHECK_INT(run_sql("CREATE MATERIALIZED VIEW @.`fed view` TO @.sums AS SELECT k FROM @.source"), SLUICE_OK);
    CHECK_INT(check_target("source"), SLUICE_E_UNSAFE);
    CHECK_CONTAINS(why.text, "materialized view");
    CHECK_CONTAINS(why.text, "REFRESH EVERY");
    run_remedy("DROP VIEW");
    CHECK_INT(check_target("source"), SLUICE_OK);
}

static void test_engines(void)
{
    CHECK_INT(run_sql("CREATE TABLE @.nothing (k Int64) ENGINE = Null"), SLUICE_OK);
    CHECK_INT(run_sql("CREATE TABLE @.buffer (k Int64) ENGINE = Buffer(@, source, 1, 1, 1, 1, 1, 1, 1)"), SLUICE_OK);
    CHECK_INT(run_sql("CREATE TABLE @.log_engine (k Int64) ENGINE = Log"), SLUICE_OK);
    static const char *const tables[] = {"nothing", "buffer", "log_engine"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(tables); i++) {
        CHECK_INT(check_target(tables[i]), SLUICE_E_UNSAFE);
        CHECK_CONTAINS(why.text, "does not remember the tokens");
    }
}

int main(int argc, char **argv)
{
    int status = live_begin(argc, argv);
    if (status != 0)
        return status;
    CHECK_INT(run_sql("CREATE DATABASE @"), SLUICE_OK);
    test_made();
    test_workers("tables.mode=replace");
    CHECK_INT(run_sql("DROP DATABASE @"), SLUICE_OK);
    CHECK_INT(run_sql("CREATE DATABASE @"), SLUICE_OK);
    test_workers("tables.mode=log");
    test_window();
    test_views();
    test_engines();
    return live_end();
}
