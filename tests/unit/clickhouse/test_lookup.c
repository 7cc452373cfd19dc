/* What a look-up sends, and what it makes of answers that are none. That it finds the rows shows in a real engine only
 * (test_lookup_live.c). */
#include "clickhouse/lookup.h"

#include "fixture.h"
#include "unit/table/table_support.h"

static const struct sluice_ch_range range = {"a'b\tc", 3, 100, 199, false};

static struct sluice_batch *make_batch(const char *engine, bool is_log, size_t n_rows)
{
    struct sluice_source_column columns[] = {{.name = "i'd", .type = SLUICE_SOURCE_INT32}};
    const struct sluice_shape shape = shape_of(columns, 1, 1);
    const struct sluice_plan_options options = {
        .is_log = is_log, .version_column = "_version", .deleted_column = "is_deleted"};
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    struct sluice_batch *batch = NULL;
    struct record row;
    bool full;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "`i'd`", "i'd", "LowCardinality(Int32)", "_op", "String", "_topic", "String", "_partition", "Int32",
           "_offset", "Int64");
    target.engine = engine;
    if (sluice_plan_new(&shape, &target, &options, &plan, &err) != SLUICE_OK ||
        sluice_batch_new(plan, 1000000, 1 << 28, &batch, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    for (size_t i = 0; i < n_rows; i++) {
        char id[24];
        (void)snprintf(id, sizeof id, "%zu", i);
        const struct sluice_record_place place = {range.topic, range.partition, range.lo + (int64_t)i};
        CHECK_INT(sluice_batch_append(batch, CHANGE(&row, 'c', "i'd", id), NULL, (struct sluice_version){1, 2}, &place,
                                      &full, &err),
                  SLUICE_OK);
    }
    CHECK_INT(sluice_batch_seal(batch, false, &err), SLUICE_OK);
    sluice_plan_unref(plan);
    return batch;
}

/* Requests behind the client's own question about the server, which is not asked for a query. */
static const struct http_stub_request *request(struct fixture *f, size_t i)
{
    const struct http_stub_request *found = http_stub_request(f->stub, i);
    if (!CHECK(found != NULL))
        exit(1);
    return found;
}

static size_t look_up(struct fixture *f, struct sluice_batch *batch, enum sluice_code code)
{
    size_t n_missing = 4711;
    f->err = (struct sluice_error){0};
    CHECK_INT(sluice_ch_drop_stored(f->client, batch, &range, &n_missing, &f->err), code);
    return n_missing;
}

static void test_keys(void)
{
    struct fixture f;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = make_batch("ReplacingMergeTree", false, 2);
    fixture_init(&f, 20000000);
    CHECK_INT(look_up(&f, batch, SLUICE_OK), 2);
    CHECK_INT(http_stub_n_requests(f.stub), 1);
    const struct http_stub_request *sent = request(&f, 0);
    CHECK_CONTAINS(sent->body, "WITH asked AS (SELECT * FROM format(RowBinary, '`sluice:n` UInt32, `i\\'d` Int32, "
                               "`sluice:version` UInt128', unhex('"
                               "00000000"
                               "00000000"
                               "02000000000000000100000000000000"
                               "01000000"
                               "01000000"
                               "02000000000000000100000000000000"
                               "')))");
    CHECK_CONTAINS(sent->body, "max(bitAnd(`_version`, bitNot(toUInt128(6)))) AS `sluice:stored` FROM `shop`.`orders` "
                               "WHERE (`i'd`) IN (SELECT `i'd` "
                               "FROM asked) GROUP BY `i'd`");
    CHECK_CONTAINS(sent->head, "final=0&");
    CHECK_CONTAINS(sent->head, "&result_overflow_mode=throw&");
    CHECK(strstr(sent->head, "select_sequential_consistency") == NULL);
    CHECK_CONTAINS(sent->head, "&max_query_size=");
    fixture_deinit(&f);
}

static void test_nothing_to_ask(void)
{
    struct fixture f;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = make_batch("ReplicatedReplacingMergeTree", false, 0);
    fixture_init(&f, 20000000);
    CHECK_INT(look_up(&f, batch, SLUICE_OK), 0);
    CHECK_INT(http_stub_n_requests(f.stub), 0);
    fixture_deinit(&f);
}

/* A row takes 24 bytes: 43,691 of them fill a statement. */
static void test_chunks(void)
{
    struct fixture f;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = make_batch("ReplacingMergeTree", false, 100000);
    fixture_init(&f, 60000000);
    CHECK_INT(look_up(&f, batch, SLUICE_OK), 100000);
    CHECK_INT(http_stub_n_requests(f.stub), 3);
    for (size_t i = 0; i < 3; i++)
        CHECK(request(&f, i)->n_body < (2 << 20) + 1024);
    fixture_deinit(&f);
}

static void test_offsets(void)
{
    struct fixture f;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = make_batch("MergeTree", true, 2);
    fixture_init(&f, 20000000);
    /* An offset far above: both rows are missing. */
    http_stub_push(f.stub, (struct http_stub_reply){.body = "\1\1\1\1\1\1\1\1\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2\2"});
    CHECK_INT(look_up(&f, batch, SLUICE_OK), 2);
    const struct http_stub_request *sent = request(&f, 0);
    CHECK_CONTAINS(sent->body,
                   "toUInt128(`_version`) FROM `shop`.`orders` WHERE `_topic` = {topic:String} AND `_partition` = "
                   "{partition:Int32} AND `_offset` >= {lo:Int64} AND `_offset` <= {hi:Int64}");
    CHECK_CONTAINS(sent->head, "&param_topic=a%27b%5Ctc&param_partition=3&param_lo=100&param_hi=199 ");
    fixture_deinit(&f);
}

/* The replica that answers is brought up to date first; a shared table is read as of now. */
static void test_replicated(void)
{
    struct fixture f;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *replicated = make_batch("ReplicatedMergeTree", true, 1);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *shared = make_batch("SharedReplacingMergeTree", false, 1);
    fixture_init(&f, 20000000);
    CHECK_INT(look_up(&f, replicated, SLUICE_OK), 1);
    CHECK_INT(http_stub_n_requests(f.stub), 2);
    CHECK_TEXT(request(&f, 0)->body, "SYSTEM SYNC REPLICA `shop`.`orders` LIGHTWEIGHT");
    CHECK_INT(look_up(&f, shared, SLUICE_OK), 1);
    CHECK_INT(http_stub_n_requests(f.stub), 3);
    CHECK_CONTAINS(request(&f, 2)->head, "select_sequential_consistency=1");
    /* If it cannot be, nothing is known. */
    http_stub_push(f.stub,
                   (struct http_stub_reply){.head = HTTP_STUB_HEAD("500 X") "X-ClickHouse-Exception-Code: 159\r\n"});
    CHECK_INT(look_up(&f, replicated, SLUICE_E_SERVER), 4711);
    CHECK_INT(http_stub_n_requests(f.stub), 4);
    CHECK_INT(sluice_batch_n_rows(replicated), 1);
    CHECK_CONTAINS(f.err.text, "look up rows in \"shop.orders\"");
    fixture_deinit(&f);
}

static void test_not_understood(void)
{
    static const struct {
        const char *engine;
        bool is_log;
        const char *body;
    } cases[] = {
        {"ReplacingMergeTree", false, "abc"},
        {"ReplacingMergeTree", false, "\1\1\1\1"}, /* a row that was not asked for */
        {"MergeTree", true, "\1\1\1\1"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct fixture f;
        SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = make_batch(cases[i].engine, cases[i].is_log, 3);
        fixture_init(&f, 20000000);
        http_stub_push(f.stub, (struct http_stub_reply){.body = cases[i].body});
        CHECK_INT(look_up(&f, batch, SLUICE_E_SERVER), 4711);
        CHECK_INT(f.err.action, SLUICE_STOP_PARTITION);
        CHECK_CONTAINS(f.err.text, "look up rows in \"shop.orders\": the server's answer is not understood");
        CHECK_INT(sluice_batch_n_rows(batch), 3);
        fixture_deinit(&f);
    }
}

/* The second statement fails: what the first one told is not used. */
static void test_failure_keeps_rows(void)
{
    struct fixture f;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = make_batch("ReplacingMergeTree", false, 60000);
    fixture_init(&f, 60000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = NULL});
    http_stub_push(f.stub,
                   (struct http_stub_reply){.head = HTTP_STUB_HEAD("500 X") "X-ClickHouse-Exception-Code: 241\r\n"});
    CHECK_INT(look_up(&f, batch, SLUICE_E_SERVER), 4711);
    CHECK_INT(f.err.action, SLUICE_RETRY);
    CHECK_INT(sluice_batch_n_rows(batch), 60000);
    fixture_deinit(&f);
}

int main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    test_keys();
    test_nothing_to_ask();
    test_chunks();
    test_offsets();
    test_replicated();
    test_not_understood();
    test_failure_keeps_rows();
    curl_global_cleanup();
    return check_result();
}
