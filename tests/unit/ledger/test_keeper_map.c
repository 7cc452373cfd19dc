/* The KeeperMap ledger against a server that says what a real one says only when it is set up wrongly. */
#include "ledger/ledger.h"

#include <curl/curl.h>

#include "support/check.h"
#include "support/http_stub.h"

#define REFUSAL(number)                                                                                                \
    "HTTP/1.1 500 Internal Server Error\r\nX-ClickHouse-Query-Id: q\r\nX-ClickHouse-Exception-Code: " number "\r\n"

static struct http_stub *stub;
static struct sluice_error err;

static enum sluice_code make(const char *path, const char *user, struct sluice_ledger **out)
{
    const char *const urls[] = {http_stub_url(stub)};
    const struct sluice_ch_options client = {.urls = urls, .n_urls = 1, .user = user};
    const struct sluice_keeper_map_options options = {.client = &client,
                                                      .database = "shop",
                                                      .table = "sluice_ledger",
                                                      .path = path,
                                                      .pipeline = "shop",
                                                      .cluster = "c"};
    return sluice_ledger_new_keeper_map(&options, out, &err);
}

static struct sluice_ledger *start(void)
{
    struct sluice_ledger *ledger = NULL;
    stub = http_stub_start();
    CHECK(stub != NULL);
    CHECK_INT(make("/sluice_shop", "loader", &ledger), SLUICE_OK);
    return ledger;
}

static void stop(struct sluice_ledger *ledger)
{
    sluice_ledger_free(ledger);
    http_stub_stop(stub);
}

static void test_paths(void)
{
    struct sluice_ledger *ledger = NULL;
    char path[SLUICE_LEDGER_PATH + 1];
    stub = http_stub_start();
    memset(path, 'p', sizeof path);
    path[SLUICE_LEDGER_PATH] = '\0';
    CHECK_INT(make(path, NULL, &ledger), SLUICE_E_CONFIG);
    CHECK_CONTAINS(err.text, "clickhouse.ledger_path");
    CHECK_INT(make("", NULL, &ledger), SLUICE_E_CONFIG);
    CHECK_INT(make("/with space", NULL, &ledger), SLUICE_E_CONFIG);
    path[SLUICE_LEDGER_PATH - 1] = '\0';
    CHECK_INT(make(path, NULL, &ledger), SLUICE_OK);
    CHECK_TEXT(sluice_ledger_path(ledger), path);
    CHECK_INT(sluice_ledger_kind(ledger), SLUICE_LEDGER_KEEPER_MAP);
    stop(ledger);
}

/* A server that takes every write compares nothing. */
static void test_not_strict(void)
{
    struct sluice_ledger *ledger = start();
    http_stub_always(stub, "system.tables", "KeeperMap('/sluice_shop') PRIMARY KEY k\n");
    CHECK_INT(sluice_ledger_prepare(ledger, &err), SLUICE_E_UNSAFE);
    CHECK_INT(err.action, SLUICE_STOP);
    CHECK_CONTAINS(err.text, "keeper_map_strict_mode");
    size_t n = http_stub_n_requests(stub);
    CHECK_INT(n, 5); /* create, engine, insert, insert, delete */
    CHECK_INT(sluice_ledger_counts(ledger).n_statements, n);
    for (size_t i = 0; i < n; i++) {
        const struct http_stub_request *request = http_stub_request(stub, i);
        CHECK_CONTAINS(request->head, "keeper_map_strict_mode=1");
        CHECK_CONTAINS(request->head, "insert_keeper_max_retries=0");
        CHECK_CONTAINS(request->head, "&keeper_max_retries=0");
        CHECK_CONTAINS(request->head, "async_insert=0");
        CHECK_CONTAINS(request->head, "max_query_size=16777216");
    }
    CHECK_CONTAINS(http_stub_request(stub, n - 1)->body, "DELETE WHERE k = '/probe/");
    stop(ledger);
}

static void check_prepare(const char *head, const char *body, const char *part)
{
    struct sluice_ledger *ledger = start();
    http_stub_push(stub, (struct http_stub_reply){.head = head, .body = body});
    CHECK_INT(sluice_ledger_prepare(ledger, &err), SLUICE_E_SERVER);
    CHECK_INT(err.action, SLUICE_STOP);
    CHECK_CONTAINS(err.text, part);
    CHECK_INT(http_stub_n_requests(stub), 1);
    stop(ledger);
}

static void test_what_to_configure(void)
{
    check_prepare(REFUSAL("36"), "Code: 36. DB::Exception: KeeperMap is disabled because ... (BAD_ARGUMENTS)",
                  "keeper_map_path_prefix");
    CHECK_INT(err.detail, 36);
    check_prepare(REFUSAL("139"), "Code: 139. DB::Exception: No Keeper (NO_ELEMENTS_IN_CONFIG)", "ledger: kafka");
    check_prepare(REFUSAL("497"), "Code: 497. DB::Exception: loader: Not enough privileges. (ACCESS_DENIED)",
                  "GRANT CREATE TABLE, SELECT, INSERT, ALTER UPDATE, ALTER DELETE ON `shop`.`sluice_ledger` TO "
                  "`loader`");
    CHECK_INT(err.detail, 497);
}

static void test_another_engine(void)
{
    static const char *const engines[] = {"MergeTree ORDER BY k\n", "KeeperMap('/sluice_shop2') PRIMARY KEY k\n",
                                          "KeeperMap('/sluice_sho') PRIMARY KEY k\n"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(engines); i++) {
        struct sluice_ledger *ledger = start();
        http_stub_always(stub, "system.tables", engines[i]);
        CHECK_INT(sluice_ledger_prepare(ledger, &err), SLUICE_E_LEDGER);
        CHECK_CONTAINS(err.text, "clickhouse.ledger_table");
        CHECK_INT(http_stub_n_requests(stub), 2);
        CHECK_INT(sluice_ledger_look(ledger, &err), SLUICE_E_LEDGER);
        CHECK_INT(http_stub_n_requests(stub), 3);
        stop(ledger);
    }
}

/* Who only looks sends one question; a table that is missing is made, and a trial row is never written. */
static void test_look(void)
{
    struct sluice_ledger *ledger = start();
    http_stub_always(stub, "system.tables", "KeeperMap('/sluice_shop') PRIMARY KEY k\n");
    CHECK_INT(sluice_ledger_look(ledger, &err), SLUICE_OK);
    CHECK_INT(http_stub_n_requests(stub), 1);
    stop(ledger);
    ledger = start();
    http_stub_always(stub, "system.tables", "");
    CHECK_INT(sluice_ledger_look(ledger, &err), SLUICE_E_LEDGER);
    CHECK_CONTAINS(err.text, "GRANT SHOW TABLES");
    CHECK_INT(err.action, SLUICE_RETRY);
    CHECK_INT(http_stub_n_requests(stub), 3);
    CHECK_CONTAINS(http_stub_request(stub, 1)->body, "CREATE TABLE IF NOT EXISTS");
    stop(ledger);
}

static void test_missing_table(void)
{
    struct sluice_ledger *ledger = start();
    struct sluice_ledger_call call = {.topic = "t", .exists = true};
    http_stub_push(stub, (struct http_stub_reply){.head = REFUSAL("60"), .body = "Code: 60. DB::Exception: none"});
    CHECK_INT(sluice_ledger_run(ledger, &call, 1, &err), SLUICE_OK);
    CHECK(!call.exists);
    CHECK_INT(http_stub_n_requests(stub), 3);
    CHECK_CONTAINS(http_stub_request(stub, 1)->body, "CREATE TABLE IF NOT EXISTS");
    CHECK_TEXT(http_stub_request(stub, 2)->body, http_stub_request(stub, 0)->body);
    stop(ledger);
}

#define GOOD_STATE                                                                                                     \
    "sluice2 keeper_map /sluice_shop epoch=1 owner=2 seq=3 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 " \
    "sluice1"
#define GOOD_LINE(partition) "shop/c/t/" partition "\t1\t2\t3\t" GOOD_STATE "\t5\n"

/* No list of rows at all. */
static void test_strange_answers(void)
{
    static const char *const answers[] = {
        "shop/c/t/0\n",
        "shop/c/t/0\t1\t2\t3\t" GOOD_STATE "\n",
        "shop/c/t/0\t1\t\\N\t3\t" GOOD_STATE "\t5\n",
        "shop/c/t/0\t1\t2\t99999999999999999999\t" GOOD_STATE "\t5\n",
        "shop/c/t/0\t1\t2\t3\t" GOOD_STATE "\t-5\n",
    };
    struct sluice_ledger_call call = {.topic = "t"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(answers); i++) {
        struct sluice_ledger *ledger = start();
        http_stub_always(stub, "SELECT k", answers[i]);
        if (!CHECK_INT(sluice_ledger_run(ledger, &call, 1, &err), SLUICE_E_LEDGER))
            (void)fprintf(stderr, "    %s", answers[i]);
        CHECK_INT(err.action, SLUICE_STOP);
        CHECK_CONTAINS(err.text, "shop.sluice_ledger");
        stop(ledger);
    }
}

static void count_damaged(void *context, const struct sluice_ledger_found *found)
{
    size_t *n = context;
    CHECK_INT(found->is_damaged, found->partition == 0);
    CHECK_INT(found->row.seq, found->is_damaged && found->row.seq == 4 ? 4 : 3);
    ++*n;
}

/* A row that a person edited is one partition's trouble: those beside it are read, and a write may replace it. */
static void test_damaged_row(void)
{
    static const char *const lines[] = {
        "shop/c/t/0\t1\t2\t3\tgarbage\t5\n",
        "shop/c/t/0\t1\t2\t3\t\t5\n",
        "shop/c/t/0\t1\t2\t4\t" GOOD_STATE "\t5\n",
        "shop/c/t/0\t1\t2\t3\tsluice2 kafka - epoch=1 owner=2 seq=3 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 "
        "last=-1:0:0 "
        "sluice1\t5\n",
        "shop/c/t/0\t1\t2\t3\tsluice2 keeper_map /other epoch=1 owner=2 seq=3 resets=0 next=-1 hi=-1 attempt=0 "
        "check=-1:0:0 last=-1:0:0 sluice1\t5\n",
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(lines); i++) {
        struct sluice_ledger *ledger = start();
        struct sluice_ledger_call calls[] = {{.topic = "t"}, {.topic = "t", .partition = 1}};
        char answer[2048];
        size_t n = 0;
        (void)snprintf(answer, sizeof answer, "%s%s", lines[i], GOOD_LINE("1"));
        http_stub_always(stub, "SELECT k", answer);
        if (!CHECK_INT(sluice_ledger_run(ledger, calls, 2, &err), SLUICE_OK))
            (void)fprintf(stderr, "    %s", err.text);
        CHECK(calls[0].exists && calls[0].is_damaged);
        CHECK(calls[0].row.epoch == 1 && calls[0].row.owner == 2 && calls[0].row.next == -1);
        CHECK(calls[1].exists && !calls[1].is_damaged && calls[1].row.seq == 3);
        CHECK_INT(sluice_ledger_visit(ledger, count_damaged, &n, &err), SLUICE_OK);
        CHECK_INT(n, 2);
        stop(ledger);
    }
}

static void test_other_rows(void)
{
    struct sluice_ledger_call call = {.topic = "t"};
    struct sluice_ledger *ledger = start();
    http_stub_always(stub, "SELECT k",
                     "shop/c/t/0\t1\t2\t3\t" GOOD_STATE "\t5\nshop/c/u/0\t1\t2\t3\t" GOOD_STATE "\t5\n");
    CHECK_INT(sluice_ledger_run(ledger, &call, 1, &err), SLUICE_OK);
    CHECK(call.exists && call.written_ms == 5 && call.row.seq == 3);
    stop(ledger);
}

/* Not carried out, and not because of a row: the caller's to try again, without a second statement. */
static void test_known_failure(void)
{
    struct sluice_ledger *ledger = start();
    struct sluice_ledger_call call = {.topic = "t", .is_write = true};
    http_stub_push(stub, (struct http_stub_reply){.head = REFUSAL("202"), .body = "Code: 202. DB::Exception: busy"});
    CHECK_INT(sluice_ledger_run(ledger, &call, 1, &err), SLUICE_E_SERVER);
    CHECK_INT(err.action, SLUICE_RETRY);
    CHECK_INT(http_stub_n_requests(stub), 1);
    http_stub_push(stub, (struct http_stub_reply){.head = REFUSAL("62"), .body = "Code: 62. DB::Exception: syntax"});
    CHECK_INT(sluice_ledger_run(ledger, &call, 1, &err), SLUICE_E_SERVER);
    CHECK_INT(err.action, SLUICE_STOP);
    stop(ledger);
}

int main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    test_paths();
    test_not_strict();
    test_what_to_configure();
    test_another_engine();
    test_look();
    test_missing_table();
    test_strange_answers();
    test_damaged_row();
    test_other_rows();
    test_known_failure();
    curl_global_cleanup();
    return check_result();
}
