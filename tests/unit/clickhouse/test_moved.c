/* What is sent to store and to find moved values. That they are found shows on a real engine only
 * (tests/integration/test_toast.py). */
#include "clickhouse/moved.h"

#include "clickhouse/previous.h"
#include "fixture.h"
#include "unit/table/table_support.h"

#define REFUSED(code) HTTP_STUB_HEAD("500 X") "X-ClickHouse-Exception-Code: " code "\r\n"

struct world {
    struct fixture f;
    struct sluice_plan *plan;
    struct sluice_batch *batch;
    struct settle *settle;
    struct sluice_ch_moved moved;
};

/* A row of the key 1 that was moved away and one that came from the key 3, of a key change each. */
static void append(struct world *w)
{
    const struct sluice_record_place place = {"t", 0, 0};
    struct record row;
    struct record key;
    struct sluice_error err;
    bool full;
    CHECK_INT(sluice_batch_append_tied(w->batch, CHANGE(&row, 'd', "id", "1", "tx", "null"), KEY(&key, "id", "1"),
                                       (struct sluice_version){1, 8}, &place,
                                       &(struct sluice_row_ties){.moved_away = true}, &full, &err),
              SLUICE_OK);
    CHECK_INT(sluice_batch_append_tied(w->batch, CHANGE(&row, 'c', "id", "2", "tx", "\"__debezium_unavailable_value\""),
                                       NULL, (struct sluice_version){1, 17}, &place,
                                       &(struct sluice_row_ties){.moved_from = KEY(&key, "id", "3")}, &full, &err),
              SLUICE_OK);
}

static void world_init(struct world *w)
{
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT32},
                                             {.name = "tx", .type = SLUICE_SOURCE_STRING}};
    const struct sluice_shape shape = shape_of(columns, 2, 1);
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "id", "Int32", "tx", "String");
    *w = (struct world){0};
    fixture_init(&w->f, 20000000);
    if (sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &w->plan, &err) != SLUICE_OK ||
        sluice_batch_new(w->plan, 1000, 1 << 20, &w->batch, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    append(w);
    if (settle_new(w->batch, "it's", &w->settle, &err) != SLUICE_OK || w->settle == NULL)
        exit(1);
    w->moved = (struct sluice_ch_moved){"ho`me", "it's", w->plan};
}

static void world_deinit(struct world *w)
{
    settle_free(w->settle);
    sluice_batch_free(w->batch);
    sluice_plan_unref(w->plan);
    fixture_deinit(&w->f);
}

static const struct http_stub_request *request(struct world *w, size_t i)
{
    const struct http_stub_request *found = http_stub_request(w->f.stub, i);
    if (!CHECK(found != NULL))
        exit(1);
    return found;
}

static void test_question(void)
{
    struct world w;
    world_init(&w);
    CHECK_INT(sluice_ch_ask_moved(w.f.client, &w.moved, w.settle, &w.f.err), SLUICE_OK);
    CHECK_INT(http_stub_n_requests(w.f.stub), 1);
    CHECK_TEXT(
        request(&w, 0)->body,
        "WITH asked AS (SELECT * FROM format(RowBinary, '`sluice:n` UInt32, key String, version UInt128', "
        "unhex('00000000040300000010000000000000000000000000000000'))) SELECT `sluice:n`, `column`, `type`, "
        "`value` FROM (SELECT key, version, `column`, `type`, `value` FROM `ho\\`me`.`sluice_moved` WHERE "
        "target = 'shop.orders' AND source = 'it\\'s' AND (version, key) IN (SELECT version, key FROM asked)) "
        "AS held INNER JOIN asked USING (version, key) LIMIT 1 BY `sluice:n`, `column`, `type` FORMAT RowBinary");
    CHECK_CONTAINS(request(&w, 0)->head, "&result_overflow_mode=throw&");
    world_deinit(&w);
}

/* Of each key the newest row: it tells whether the deleted half is stored. */
static void test_previous(void)
{
    struct world w;
    world_init(&w);
    CHECK_INT(sluice_ch_ask_previous(w.f.client, w.plan, w.settle, &w.f.err), SLUICE_OK);
    CHECK_CONTAINS(request(&w, 0)->body, "unhex('0000000001000000ffffffffffffffffffffffffffffffff"
                                         "0100000002000000ffffffffffffffffffffffffffffffff')");
    world_deinit(&w);
}

/* Nothing was ever put aside; any other failure is one. */
static void test_question_fails(void)
{
    struct world w;
    world_init(&w);
    http_stub_push(w.f.stub, (struct http_stub_reply){.head = REFUSED("60")});
    CHECK_INT(sluice_ch_ask_moved(w.f.client, &w.moved, w.settle, &w.f.err), SLUICE_OK);
    http_stub_push(w.f.stub, (struct http_stub_reply){.head = REFUSED("241")});
    CHECK_INT(sluice_ch_ask_moved(w.f.client, &w.moved, w.settle, &w.f.err), SLUICE_E_SERVER);
    CHECK_INT(w.f.err.action, SLUICE_RETRY);
    http_stub_push(w.f.stub, (struct http_stub_reply){.head = REFUSED("497")});
    CHECK_INT(sluice_ch_ask_moved(w.f.client, &w.moved, w.settle, &w.f.err), SLUICE_E_SERVER);
    CHECK_CONTAINS(w.f.err.text, "GRANT SELECT, INSERT, CREATE TABLE ON ho`me.sluice_moved");
    http_stub_push(w.f.stub, (struct http_stub_reply){.body = "abc"});
    CHECK_INT(sluice_ch_ask_moved(w.f.client, &w.moved, w.settle, &w.f.err), SLUICE_E_SERVER);
    CHECK_INT(w.f.err.action, SLUICE_STOP_PARTITION);
    CHECK_CONTAINS(w.f.err.text, "moved values of \"shop.orders\"");
    world_deinit(&w);
}

/* The table is made when the first value needs it. */
static void test_put_aside(void)
{
    static const struct sluice_str values = {"some rows", 9};
    struct world w;
    world_init(&w);
    http_stub_push(w.f.stub, (struct http_stub_reply){.head = REFUSED("60")});
    CHECK_INT(sluice_ch_put_aside(w.f.client, &w.moved, values, 1, &w.f.err), SLUICE_OK);
    const size_t n = http_stub_n_requests(w.f.stub);
    CHECK_CONTAINS(request(&w, n - 2)->body,
                   "CREATE TABLE IF NOT EXISTS `ho\\`me`.`sluice_moved` (target String, source "
                   "String, version UInt128, key String, `column` String, `type` String, "
                   "`value` String, at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree "
                   "ORDER BY (target, source, version, key, `column`, `type`) TTL at + "
                   "INTERVAL 7 DAY");
    for (size_t i = n - 3; i < n; i += 2) {
        CHECK_INT(request(&w, i)->n_body, values.len);
        CHECK_CONTAINS(request(&w, i)->body, "some rows");
        CHECK_CONTAINS(request(&w, i)->head, "sluice_moved");
    }
    world_deinit(&w);
}

static void test_put_aside_fails(void)
{
    static const struct sluice_str values = {"some rows", 9};
    struct world w;
    world_init(&w);
    CHECK_INT(sluice_ch_put_aside(w.f.client, &w.moved, values, 1, &w.f.err), SLUICE_OK);
    http_stub_push(w.f.stub, (struct http_stub_reply){.head = REFUSED("60")});
    http_stub_push(w.f.stub, (struct http_stub_reply){.head = REFUSED("497")});
    CHECK_INT(sluice_ch_put_aside(w.f.client, &w.moved, values, 1, &w.f.err), SLUICE_E_SERVER);
    CHECK_INT(w.f.err.action, SLUICE_RETRY);
    CHECK_CONTAINS(w.f.err.text, "GRANT SELECT, INSERT, CREATE TABLE ON ho`me.sluice_moved");
    CHECK_CONTAINS(w.f.err.text, "create table \"sluice_moved\"");
    http_stub_push(w.f.stub, (struct http_stub_reply){.head = REFUSED("241")});
    CHECK_INT(sluice_ch_put_aside(w.f.client, &w.moved, values, 1, &w.f.err), SLUICE_E_SERVER);
    CHECK_INT(w.f.err.action, SLUICE_RETRY);
    world_deinit(&w);
}

int main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    test_question();
    test_previous();
    test_question_fails();
    test_put_aside();
    test_put_aside_fails();
    curl_global_cleanup();
    return check_result();
}
