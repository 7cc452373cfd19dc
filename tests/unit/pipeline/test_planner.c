/* Whose table a target is: two source tables must not share one, whatever a worker remembers. */
#include "pipeline/planner.h"

#include "unit/clickhouse/fixture.h"

#define SOURCE "made/shop/public.orders"

/* A description whose table has this comment, escaped for TabSeparated. */
#define DESCRIPTION(comment)                                                                                           \
    "t\t0\t6f1c0c4e-0000-0000-0000-000000000001\tReplacingMergeTree\tReplacingMergeTree(_version, is_deleted) "        \
    "ORDER BY id\tid\t" comment "\n"                                                                                   \
    "c\t1\tid\tInt64\t\t1\t0\n"                                                                                        \
    "c\t2\t_version\tUInt128\t\t0\t0\n"                                                                                \
    "c\t3\tis_deleted\tUInt8\t\t0\t0\n"

static struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT64, .is_key = true}};
static const size_t key[] = {0};
static const struct sluice_shape shape = {
    .schema = "public", .table = "orders", .typed = true, .columns = columns, .n_columns = 1, .key = key, .n_key = 1};

static const char *delivery = "at_least_once";
static const char *max_age = "1s";
static const char *urls = "http://127.0.0.1:1";
static const char *engine = "";

static struct sluice_config *load(struct sluice_error *err)
{
    char delivery_set[64];
    char age_set[64];
    char urls_set[128];
    char defaults_set[128];
    (void)snprintf(delivery_set, sizeof delivery_set, "delivery=%s", delivery);
    (void)snprintf(age_set, sizeof age_set, "batch.max_age=%s", max_age);
    (void)snprintf(urls_set, sizeof urls_set, "clickhouse.url=%s", urls);
    (void)snprintf(defaults_set, sizeof defaults_set, "tables.defaults={engine: \"%s\"}", engine);
    const char *const sets[] = {"kafka.bootstrap.servers=127.0.0.1:1",
                                "kafka.topics=t",
                                urls_set,
                                defaults_set,
                                "clickhouse.database=shop",
                                "name=n",
                                delivery_set,
                                age_set};
    struct sluice_config *config = NULL;
    if (!CHECK_INT(sluice_config_load(NULL, sets, SLUICE_N_ELEMENTS(sets), &config, err), SLUICE_OK))
        exit(1);
    return config;
}

static enum sluice_code plan(struct fixture *f, struct sluice_plan **out)
{
    struct sluice_config *config = load(&f->err);
    struct sluice_table_settings *settings = NULL;
    struct planner_found found = {0};
    if (!CHECK_INT(sluice_table_settings_new(config, "made", "public", "orders", &settings, &f->err), SLUICE_OK))
        exit(1);
    f->err = (struct sluice_error){0};
    const struct planner_task task = {.config = config, .settings = settings, .shape = &shape, .source = SOURCE};
    enum sluice_code code = planner_plan(f->client, &task, &found, out, &f->err);
    sluice_table_settings_free(settings);
    sluice_config_free(config);
    return code;
}

static void test_existing(void)
{
    static const struct {
        const char *body;
        bool ours;
    } cases[] = {
        {DESCRIPTION("sluice: " SOURCE), true},
        {DESCRIPTION(""), true},
        {DESCRIPTION("orders of the shop"), true},
        {DESCRIPTION("not sluice: made/shop/other.orders"), true},
        {DESCRIPTION("sluice: made/shop/other.orders"), false},
        {DESCRIPTION("sluice: " SOURCE "2"), false},
        {DESCRIPTION("sluice: "), false},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct fixture f;
        struct sluice_plan *made = NULL;
        fixture_init(&f, 20000000);
        http_stub_push(f.stub, (struct http_stub_reply){.body = cases[i].body});
        CHECK_INT(plan(&f, &made), cases[i].ours ? SLUICE_OK : SLUICE_E_TABLE);
        CHECK_INT(made != NULL, cases[i].ours);
        sluice_plan_unref(made);
        fixture_deinit(&f);
    }
}

static void test_refusal_names_both(void)
{
    struct fixture f;
    struct sluice_plan *made = NULL;
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = DESCRIPTION("sluice: made/shop/it\\'s.orders")});
    CHECK_INT(plan(&f, &made), SLUICE_E_TABLE);
    CHECK_INT(f.err.action, SLUICE_STOP_PARTITION);
    CHECK_CONTAINS(f.err.text, "\"shop.orders\" was made for source table \"made/shop/it's.orders\"");
    CHECK_CONTAINS(f.err.text, "\"" SOURCE "\" would be written to it too");
    CHECK_CONTAINS(f.err.text, "name another target or set shared: true");
    CHECK_CONTAINS(f.err.text, "MODIFY COMMENT 'sluice: " SOURCE "'");
    fixture_deinit(&f);
}

/* Another worker made the table between our look and our CREATE TABLE IF NOT EXISTS: its comment counts. */
static void test_made_by_another_worker(void)
{
    struct fixture f;
    struct sluice_plan *made = NULL;
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = NULL});
    http_stub_push(f.stub, (struct http_stub_reply){.body = NULL});
    http_stub_push(f.stub, (struct http_stub_reply){.body = DESCRIPTION("sluice: made/shop/other.orders")});
    CHECK_INT(plan(&f, &made), SLUICE_E_TABLE);
    CHECK_CONTAINS(f.err.text, "other.orders");
    fixture_deinit(&f);
}

/* The server says that the table exists, in spite of IF NOT EXISTS: another worker is making it. */
static void test_made_at_the_same_moment(void)
{
    struct fixture f;
    struct sluice_plan *made = NULL;
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = NULL});
    http_stub_push(f.stub,
                   (struct http_stub_reply){.head = HTTP_STUB_HEAD("500 X") "X-ClickHouse-Exception-Code: 57\r\n"});
    http_stub_push(f.stub, (struct http_stub_reply){.body = DESCRIPTION("sluice: " SOURCE)});
    CHECK_INT(plan(&f, &made), SLUICE_OK);
    sluice_plan_unref(made);
    fixture_deinit(&f);
}

#define FACTS(window)                                                                                                  \
    "p\tnon_replicated_deduplication_window\t0\t\t\n"                                                                  \
    "t\tReplacingMergeTree\tReplacingMergeTree(_version, is_deleted) ORDER BY id SETTINGS "                            \
    "non_replicated_deduplication_window = " window "\t\t\n"

/* Asked for exactly once only; a table that is not fit stops the partition and names the remedy. */
static void test_exactly_once(void)
{
    static const struct {
        const char *facts;
        const char *max_age;
        enum sluice_code code;
    } cases[] = {{FACTS("10000"), "1s", SLUICE_OK},
                 {FACTS("9999"), "1s", SLUICE_E_UNSAFE},
                 {FACTS("10000"), "1ms", SLUICE_E_UNSAFE}, /* lasts 10 s, and an insert may be repeated for 115 s */
                 {FACTS("10000") "v\tshop\tsums\t\t\n", "1s", SLUICE_E_UNSAFE}};
    delivery = "exactly_once";
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct fixture f;
        struct sluice_plan *made = NULL;
        fixture_init(&f, 20000000);
        max_age = cases[i].max_age;
        http_stub_push(f.stub, (struct http_stub_reply){.body = DESCRIPTION("")});
        http_stub_push(f.stub, (struct http_stub_reply){.body = cases[i].facts});
        CHECK_INT(plan(&f, &made), cases[i].code);
        CHECK_INT(http_stub_n_requests(f.stub), 3); /* what server it is, the table, its window */
        sluice_plan_unref(made);
        fixture_deinit(&f);
    }
    delivery = "at_least_once";
    max_age = "1s";
}

/* Of several servers each would have rows of its own, unless the engine of the rule shares them. What is refused is
 * not made. */
static void test_several_servers(void)
{
    static const struct {
        const char *engine;
        bool made;
    } cases[] = {{"", false},
                 {"ReplacingMergeTree", false},
                 {"ReplacingMergeTree(_version, is_deleted)", false},
                 {"ReplicatedReplacingMergeTree", true},
                 {"ReplicatedReplacingMergeTree('/tables/{table}', '{replica}')", true},
                 {"SharedReplacingMergeTree", true}};
    delivery = "exactly_once";
    urls = "[http://127.0.0.1:1, http://127.0.0.1:2]";
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct fixture f;
        struct sluice_plan *made = NULL;
        fixture_init(&f, 20000000);
        engine = cases[i].engine;
        http_stub_push(f.stub, (struct http_stub_reply){.body = ""});
        http_stub_push(f.stub, (struct http_stub_reply){.head = HTTP_STUB_HEAD("500 X") "X-ClickHouse-Exception-Code: "
                                                                                        "48\r\n"});
        CHECK_INT(plan(&f, &made), cases[i].made ? SLUICE_E_SERVER : SLUICE_E_UNSAFE);
        size_t n_requests = http_stub_n_requests(f.stub);
        CHECK_INT(n_requests, cases[i].made ? 3 : 2); /* what server it is, the table, and its making */
        if (cases[i].made && n_requests == 3)
            CHECK_CONTAINS(http_stub_request(f.stub, 2)->body, "ReplacingMergeTree(");
        else
            CHECK_CONTAINS(f.err.text, "not made: table \"shop.orders\" is not replicated");
        sluice_plan_unref(made);
        fixture_deinit(&f);
    }
    delivery = "at_least_once";
    urls = "http://127.0.0.1:1";
    engine = "";
}

/* A view and its kind can't be altered either; what is told is the engine. */
static void test_no_table(void)
{
    struct fixture f;
    struct sluice_plan *made = NULL;
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = "t\t0\t6f1c0c4e-0000-0000-0000-000000000001\tView\t\t\t\n"
                                                            "c\t1\tother\tInt64\t\t0\t0\n"});
    CHECK_INT(plan(&f, &made), SLUICE_E_TABLE);
    CHECK_INT(f.err.action, SLUICE_STOP_PARTITION);
    CHECK_CONTAINS(f.err.text, "the table's engine is View; make it with ENGINE = ReplacingMergeTree(");
    CHECK_INT(http_stub_n_requests(f.stub), 2); /* what server it is, the table; nothing is altered */
    fixture_deinit(&f);
}

int main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    test_existing();
    test_refusal_names_both();
    test_made_by_another_worker();
    test_made_at_the_same_moment();
    test_exactly_once();
    test_several_servers();
    test_no_table();
    curl_global_cleanup();
    return check_result();
}
