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

static struct sluice_config *load(struct sluice_error *err)
{
    static const char *const sets[] = {"kafka.bootstrap.servers=127.0.0.1:1", "kafka.topics=t",
                                       "clickhouse.url=http://127.0.0.1:1", "clickhouse.database=shop", "name=n"};
    struct sluice_config *config = NULL;
    if (!CHECK_INT(sluice_config_load(NULL, sets, SLUICE_N_ELEMENTS(sets), &config, err), SLUICE_OK))
        exit(1);
    return config;
}

static enum sluice_code plan(struct fixture *f, struct sluice_plan **out)
{
    struct sluice_config *config = load(&f->err);
    f->err = (struct sluice_error){0};
    enum sluice_code code = planner_plan(f->client, config, &shape, "orders", SOURCE, out, &f->err);
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
    CHECK_CONTAINS(f.err.text, "a database of its own");
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

int main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    test_existing();
    test_refusal_names_both();
    test_made_by_another_worker();
    curl_global_cleanup();
    return check_result();
}
