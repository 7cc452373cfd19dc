/* Reading a table's description from answers as engine 26.7 gives them. */
#include "clickhouse/schema.h"

#include "fixture.h"

#define TABLE_LINE                                                                                                     \
    "t\t0\t6f1c0c4e-0000-0000-0000-000000000001\tReplacingMergeTree\tReplacingMergeTree(_version, is_deleted) "        \
    "PARTITION BY toYYYYMM(at) ORDER BY (id, at) SETTINGS non_replicated_deduplication_window = 100\tid, at\tsluice: " \
    "a/b/c.o\\'d\n"

static enum sluice_code read_target(struct fixture *f, const char *body, struct sluice_target *target, bool *exists)
{
    http_stub_push(f->stub, (struct http_stub_reply){.body = body});
    f->err = (struct sluice_error){0};
    return sluice_ch_read_target(f->client, "shop", "or\tders", target, exists, &f->err);
}

static void test_table(void)
{
    struct fixture f;
    bool exists = false;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    fixture_init(&f, 20000000);
    CHECK_INT(read_target(&f,
                          TABLE_LINE "c\t1\tid\tInt64\t\t1\t0\n"
                                     "c\t2\tod\\td\tNullable(String)\tDEFAULT\t0\t0\n"
                                     "c\t3\tat\tDateTime64(6, \\'UTC\\')\t\t1\t1\n"
                                     "c\t4\tm\tInt32\tMATERIALIZED\t0\t0\n"
                                     "c\t5\ta\tInt32\tALIAS\t0\t0\n"
                                     "c\t6\te\tInt32\tEPHEMERAL\t0\t0\n"
                                     "c\t7\tlist\tVariant(String, UInt8)\t\t0\t0\n"
                                     "c\t8\t_version\tUInt128\t\t0\t0\n"
                                     "c\t9\tis_deleted\tUInt8\t\t0\t0\n",
                          &target, &exists),
              SLUICE_OK);
    CHECK(exists);
    CHECK_TEXT(target.database, "shop");
    CHECK_TEXT(target.table, "or\tders");
    CHECK_TEXT(target.uuid, "6f1c0c4e-0000-0000-0000-000000000001");
    CHECK_TEXT(target.engine, "ReplacingMergeTree");
    CHECK_TEXT(target.sorting_key, "id, at");
    CHECK_TEXT(target.comment, "sluice: a/b/c.o'd");
    CHECK_TEXT(target.version_column, "_version");
    CHECK_TEXT(target.deleted_column, "is_deleted");
    CHECK_CONTAINS(target.engine_full, "non_replicated_deduplication_window = 100");
    CHECK_INT(target.n_columns, 9);
    static const struct {
        const char *name;
        enum sluice_default_kind kind;
        bool sorting, partition, known;
    } want[] = {
        {"id", SLUICE_DEFAULT_NONE, true, false, true},
        {"od\td", SLUICE_DEFAULT_EXPRESSION, false, false, true},
        {"at", SLUICE_DEFAULT_NONE, true, true, true},
        {"m", SLUICE_DEFAULT_MATERIALIZED, false, false, true},
        {"a", SLUICE_DEFAULT_ALIAS, false, false, true},
        {"e", SLUICE_DEFAULT_EPHEMERAL, false, false, true},
        {"list", SLUICE_DEFAULT_NONE, false, false, false},
        {"_version", SLUICE_DEFAULT_NONE, false, false, true},
        {"is_deleted", SLUICE_DEFAULT_NONE, false, false, true},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(want) && i < target.n_columns; i++) {
        CHECK_TEXT(target.columns[i].name, want[i].name);
        CHECK_INT(target.columns[i].default_kind, want[i].kind);
        CHECK_INT(target.columns[i].in_sorting_key, want[i].sorting);
        CHECK_INT(target.columns[i].in_partition_key, want[i].partition);
        CHECK_INT(target.columns[i].type != NULL, want[i].known);
    }
    CHECK(target.columns[2].type->kind == SLUICE_TYPE_DATETIME64 && target.columns[2].type->precision == 6);
    CHECK_CONTAINS(http_stub_request(f.stub, 0)->head, "&param_database=shop&param_table=or%5Ctders ");
    fixture_deinit(&f);
}

static void test_missing(void)
{
    static const struct http_stub_reply replies[] = {
        {.body = NULL},
        {.head = HTTP_STUB_HEAD("404 Not Found") "X-ClickHouse-Exception-Code: 60\r\n"},
        {.head = HTTP_STUB_HEAD("404 Not Found") "X-ClickHouse-Exception-Code: 81\r\n"},
        {.body = TABLE_LINE},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(replies); i++) {
        struct fixture f;
        bool exists = true;
        SLUICE_AUTO(sluice_target) struct sluice_target target;
        sluice_target_init(&target);
        fixture_init(&f, 20000000);
        http_stub_push(f.stub, replies[i]);
        CHECK_INT(sluice_ch_read_target(f.client, "shop", "x", &target, &exists, &f.err), SLUICE_OK);
        CHECK(!exists);
        fixture_deinit(&f);
    }
}

/* The server looks at tables first and at columns then: of a table that is made in between it shows columns alone. */
static void test_half_made(void)
{
    struct fixture f;
    bool exists = true;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    fixture_init(&f, 20000000);
    CHECK_INT(read_target(&f, "c\t1\tid\tInt64\t\t1\t0\nc\t2\tv\tInt64\t\t0\t0\n", &target, &exists), SLUICE_OK);
    CHECK(!exists);
    CHECK_INT(target.n_columns, 0);
    CHECK_INT(read_target(&f, TABLE_LINE "c\t1\tid\tInt64\t\t1\t0\n", &target, &exists), SLUICE_OK);
    CHECK(exists);
    CHECK_INT(target.n_columns, 1);
    fixture_deinit(&f);
}

static void test_not_understood(void)
{
    static const char *const bodies[] = {"hello\n", TABLE_LINE "c\t1\tid\tInt64\t\t1\n",
                                         TABLE_LINE "c\t1\tid\tInt64\t\t1\t0\textra\n",
                                         TABLE_LINE "c\t1\tid\tInt64\tNEWKIND\t1\t0\n", "\n"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(bodies); i++) {
        struct fixture f;
        bool exists = false;
        SLUICE_AUTO(sluice_target) struct sluice_target target;
        sluice_target_init(&target);
        fixture_init(&f, 20000000);
        CHECK_INT(read_target(&f, bodies[i], &target, &exists), SLUICE_E_SERVER);
        CHECK(!exists);
        CHECK_CONTAINS(f.err.text, "shop.or\tders");
        fixture_deinit(&f);
    }
}

static void test_failure_is_not_absence(void)
{
    struct fixture f;
    bool exists = true;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){
                               .head = HTTP_STUB_HEAD("403 Forbidden") "X-ClickHouse-Exception-Code: 497\r\n"});
    CHECK_INT(sluice_ch_read_target(f.client, "shop", "orders", &target, &exists, &f.err), SLUICE_E_SERVER);
    CHECK(exists);
    CHECK_CONTAINS(f.err.text, "read columns of \"shop.orders\": server answered 497 ACCESS_DENIED");
    fixture_deinit(&f);
}

/* ---- windows and views ---- */

#define DEFAULTS                                                                                                       \
    "p\tnon_replicated_deduplication_window\t0\t\t\np\treplicated_deduplication_window\t11\t\t\n"                      \
    "p\treplicated_deduplication_window_seconds\t12\t\t\nr\tnon_replicated_deduplication_window\t0\t\t\n"              \
    "r\treplicated_deduplication_window\t21\t\t\nr\treplicated_deduplication_window_seconds\t22\t\t\n"

static void check_dedup(const char *engine, const char *const *bodies, int64_t window, int64_t seconds,
                        struct sluice_target *target)
{
    struct fixture f;
    size_t n = 0;
    fixture_init(&f, 20000000);
    for (; bodies[n] != NULL; n++)
        http_stub_push(f.stub, (struct http_stub_reply){.body = bodies[n]});
    sluice_target_init(target);
    target->database = "shop";
    target->table = "or\tders";
    target->engine = engine;
    CHECK_INT(sluice_ch_read_dedup(f.client, target, &f.err), SLUICE_OK);
    CHECK_INT(http_stub_n_requests(f.stub), n);
    CHECK_INT(target->dedup.window, window);
    CHECK_INT(target->dedup.window_seconds, seconds);
    CHECK_CONTAINS(http_stub_request(f.stub, 0)->head, "&param_database=shop&param_table=or%5Ctders ");
    fixture_deinit(&f);
}

#define BODIES(...)                     ((const char *const[]){__VA_ARGS__, NULL})
#define TABLE(engine, settings, create) "t\t" engine "\t" engine " ORDER BY k" settings "\tUUID\t" create "\n"

static void test_windows(void)
{
    static const struct {
        const char *engine;
        const char *body;
        int64_t window, seconds;
    } cases[] = {
        {"MergeTree", DEFAULTS TABLE("MergeTree", "", ""), 0, 0},
        {"MergeTree", DEFAULTS TABLE("MergeTree", " SETTINGS a = 1, non_replicated_deduplication_window = 100", ""),
         100, 0},
        {"SharedMergeTree", DEFAULTS TABLE("SharedMergeTree", "", ""), 11, 12},
        {"ReplicatedMergeTree", DEFAULTS TABLE("ReplicatedMergeTree", "", ""), 21, 22},
        {"ReplicatedMergeTree",
         DEFAULTS TABLE("ReplicatedMergeTree", " SETTINGS replicated_deduplication_window_seconds = 7", ""), 21, 7},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_target target;
        check_dedup(cases[i].engine, BODIES(cases[i].body), cases[i].window, cases[i].seconds, &target);
        CHECK_INT(target.n_views, 0);
        sluice_target_deinit(&target);
    }
}

/* Behind a table that is not replicated a view's name is enough. */
static void test_view_of_local_table(void)
{
    struct sluice_target target;
    check_dedup("MergeTree", BODIES(DEFAULTS TABLE("MergeTree", "", "") "v\tshop\to\\'dd\t\t\n"), 0, 0, &target);
    CHECK_INT(target.n_views, 1);
    CHECK_TEXT(target.views[0].name, "o'dd");
    sluice_target_deinit(&target);
}

/* A view, its target, the view that this one feeds, whose target is not to be seen, and a view that is not either. */
static void test_views_of_replicated_table(void)
{
    struct sluice_target target;
    check_dedup(
        "ReplicatedMergeTree",
        BODIES(DEFAULTS TABLE("ReplicatedMergeTree", "", "") "v\tshop\tv1\t\t\nv\tshop\tv2\t\t\n",
               DEFAULTS TABLE("MaterializedView", "", "CREATE MATERIALIZED VIEW shop.v1 TO other.sums AS SELECT"),
               DEFAULTS TABLE("ReplicatedSummingMergeTree", " SETTINGS replicated_deduplication_window = 5",
                              "") "v\tother\tv3\t\t\n",
               DEFAULTS, DEFAULTS TABLE("MaterializedView", "", "CREATE MATERIALIZED VIEW other.v3 ENGINE = X"),
               DEFAULTS),
        21, 22, &target);
    if (CHECK_INT(target.n_views, 3)) {
        CHECK_TEXT(target.views[0].target_database, "other");
        CHECK_TEXT(target.views[0].target_table, "sums");
        CHECK_TEXT(target.views[0].engine, "ReplicatedSummingMergeTree");
        CHECK_INT(target.views[0].dedup.window, 5);
        CHECK_TEXT(target.views[1].name, "v2");
        CHECK_TEXT(target.views[1].engine, "");
        CHECK_TEXT(target.views[2].name, "v3");
        CHECK_TEXT(target.views[2].target_table, ".inner_id.UUID");
        CHECK_TEXT(target.views[2].engine, "");
    }
    sluice_target_deinit(&target);
}

static void test_dedup_not_understood(void)
{
    static const char *const bodies[] = {"hello\n", "x\ta\tb\tc\td\n", "p\ta\n", "\n"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(bodies); i++) {
        struct fixture f;
        SLUICE_AUTO(sluice_target) struct sluice_target target;
        sluice_target_init(&target);
        target.database = "shop";
        target.table = "orders";
        target.engine = "MergeTree";
        fixture_init(&f, 20000000);
        http_stub_push(f.stub, (struct http_stub_reply){.body = bodies[i]});
        CHECK_INT(sluice_ch_read_dedup(f.client, &target, &f.err), SLUICE_E_SERVER);
        CHECK_CONTAINS(f.err.text, "shop.orders");
        fixture_deinit(&f);
    }
}

static void test_too_many_views(void)
{
    static char body[64 * 1024];
    struct fixture f;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    target.database = "shop";
    target.table = "orders";
    target.engine = "MergeTree";
    for (size_t n = 0, i = 0; i < 65; i++)
        n += (size_t)snprintf(body + n, sizeof body - n, "v\tshop\tv%zu\t\t\n", i);
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = body});
    CHECK_INT(sluice_ch_read_dedup(f.client, &target, &f.err), SLUICE_E_LIMIT);
    CHECK_CONTAINS(f.err.text, "more than 64 materialized views");
    fixture_deinit(&f);
}

static void test_databases_and_ddl(void)
{
    struct fixture f;
    bool exists = false;
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = "1\n"});
    CHECK_INT(sluice_ch_database_exists(f.client, "shop", &exists, &f.err), SLUICE_OK);
    CHECK(exists);
    http_stub_push(f.stub, (struct http_stub_reply){.body = "0\n"});
    CHECK_INT(sluice_ch_database_exists(f.client, "shop", &exists, &f.err), SLUICE_OK);
    CHECK(!exists);
    CHECK_INT(sluice_ch_run_ddl(f.client, "create table \"shop.a\"", "CREATE TABLE shop.a (x Int8)", &f.err),
              SLUICE_OK);
    http_stub_push(f.stub,
                   (struct http_stub_reply){.head = HTTP_STUB_HEAD("500 X") "X-ClickHouse-Exception-Code: 57\r\n",
                                            .body = "Code: 57. DB::Exception: Table shop.a already exists."});
    CHECK_INT(sluice_ch_run_ddl(f.client, "create table \"shop.a\"", "CREATE TABLE shop.a (x Int8)", &f.err),
              SLUICE_E_SERVER);
    CHECK_CONTAINS(f.err.text,
                   "create table \"shop.a\": server answered 57 TABLE_ALREADY_EXISTS: Table shop.a already");
    fixture_deinit(&f);
}

int main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    test_table();
    test_missing();
    test_half_made();
    test_not_understood();
    test_failure_is_not_absence();
    test_windows();
    test_view_of_local_table();
    test_views_of_replicated_table();
    test_dedup_not_understood();
    test_too_many_views();
    test_databases_and_ddl();
    curl_global_cleanup();
    return check_result();
}
