/* INSERT against the HTTP stub: what counts as stored, and what each kind of failure is reported as. */
#include "clickhouse/client.h"

#include "fixture.h"

#define EXCEPTION_HEAD(status, code) HTTP_STUB_HEAD(status) "X-ClickHouse-Exception-Code: " code "\r\n"

static enum sluice_code insert(struct fixture *fixture, struct fixture_body *body,
                               struct sluice_ch_insert_result *result)
{
    struct sluice_ch_insert request = fixture_insert(body);
    fixture->err = (struct sluice_error){0};
    return sluice_ch_insert(fixture->client, &request, result, &fixture->err);
}

static const struct http_stub_request *last_request(struct fixture *fixture)
{
    return http_stub_request(fixture->stub, http_stub_n_requests(fixture->stub) - 1);
}

static void check_body(struct fixture *f, size_t n_bytes)
{
    const struct http_stub_request *request = last_request(f);
    size_t n_different = 0;
    CHECK(request->complete);
    CHECK_INT(request->n_body, n_bytes);
    for (size_t i = 0; i < request->n_body; i++)
        n_different += request->body[i] != fixture_byte(i);
    CHECK_INT(n_different, 0);
}

static void test_stored(void)
{
    struct fixture f;
    struct fixture_body body = {.n_bytes = 3 << 20};
    struct sluice_ch_insert_result result = {0};
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){
                               .head = HTTP_STUB_HEAD("200 OK") "X-ClickHouse-Summary: {\"written_rows\":\"7\"}\r\n"});
    CHECK_INT(insert(&f, &body, &result), SLUICE_OK);
    CHECK(result.has_written_rows);
    CHECK_INT(result.written_rows, 7);
    CHECK_INT(result.n_bytes_sent, 3 << 20);
    CHECK(result.took_us > 0);
    check_body(&f, body.n_bytes);
    CHECK_INT(sluice_ch_client_failure(f.client)->server_code, 0);
    fixture_deinit(&f);
}

static void test_request_head(void)
{
    struct fixture f;
    struct fixture_body body = {.n_bytes = 10};
    struct sluice_ch_insert_result result;
    fixture_init(&f, 20000000);
    CHECK_INT(insert(&f, &body, &result), SLUICE_OK);
    const char *head = last_request(&f)->head;
    CHECK_CONTAINS(head, "POST /?query=INSERT%20INTO%20%60shop%60.%60orders%60%20%28%60id%60%29%20FORMAT%20");
    CHECK_CONTAINS(head, "&query_id=attempt-1");
    CHECK_CONTAINS(head, "&insert_deduplication_token=shop%3Aorders%3A0%3A100-106");
    CHECK_CONTAINS(head, "\r\nTransfer-Encoding: chunked\r\n");
    CHECK_CONTAINS(head, "\r\nX-ClickHouse-User: writer\r\n");
    CHECK_CONTAINS(head, "\r\nX-ClickHouse-Key: " FIXTURE_PASSWORD "\r\n");
    CHECK_CONTAINS(head, "\r\nUser-Agent: sluice/test\r\n");
    CHECK(strstr(head, "Expect") == NULL);
    CHECK(strstr(head, "Accept-Encoding") == NULL);
    CHECK(strstr(head, "form-urlencoded") == NULL);
    /* Nothing secret before the headers. */
    CHECK(strstr(head, FIXTURE_PASSWORD) > strstr(head, " HTTP/1.1\r\n"));
    /* The pinned settings, but only those that the probe found. */
    CHECK_CONTAINS(head, "&async_insert=0");
    CHECK_CONTAINS(head, "&deduplicate_insert=enable");
    CHECK_CONTAINS(head, "&max_insert_block_size=1048449");
    CHECK(strstr(head, "insert_deduplicate=") == NULL);
    CHECK(strstr(head, "optimize_on_insert") == NULL);
    fixture_deinit(&f);
}

static const struct {
    const char *name;
    struct http_stub_reply reply;
    enum sluice_code code;
    enum sluice_action action;
    long detail;
    enum sluice_ch_advice advice;
    bool unknown_outcome;
    const char *text;
} failures[] = {
    {"1: answer cut in its body",
     {.act = HTTP_STUB_CUT,
      .body = "12345",
      .cut_after = sizeof(HTTP_STUB_HEAD("200 OK") "Content-Length: 5\r\n\r\n12") - 1},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     CURLE_PARTIAL_FILE,
     SLUICE_CH_RETRY,
     true,
     "PARTIAL_FILE"},
    {"1: answer cut in its headers",
     {.act = HTTP_STUB_CUT, .cut_after = 30},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     CURLE_PARTIAL_FILE,
     SLUICE_CH_RETRY,
     true,
     "ends among its headers"},
    {"1: the same behind the first ClickHouse header",
     {.act = HTTP_STUB_CUT, .cut_after = 60},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     CURLE_PARTIAL_FILE,
     SLUICE_CH_RETRY,
     true,
     "ends among its headers"},
    {"1: no length, end of the connection as end of the body",
     {.act = HTTP_STUB_CUT, .head = HTTP_STUB_HEAD("200 OK"), .cut_after = sizeof(HTTP_STUB_HEAD("200 OK")) - 1},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     CURLE_PARTIAL_FILE,
     SLUICE_CH_RETRY,
     true,
     "ends among its headers"},
    {"2: another status",
     {.head = EXCEPTION_HEAD("500 Internal Server Error", "241"),
      .body =
          "Code: 241. DB::Exception: Memory limit (total) exceeded: would use 9 GiB. (MEMORY_LIMIT_EXCEEDED)\nmore"},
     SLUICE_E_SERVER,
     SLUICE_RETRY,
     241,
     SLUICE_CH_RETRY_SLOW,
     false,
     "insert into \"shop.orders\" (7 rows): server answered 241 MEMORY_LIMIT_EXCEEDED: Memory limit (total) exceeded"},
    {"2: no code header, but a code in the text",
     {.head = HTTP_STUB_HEAD("404 Not Found"), .body = "Code: 60. DB::Exception: Table"},
     SLUICE_E_SERVER,
     SLUICE_RETRY,
     60,
     SLUICE_CH_RETRY_SLOW,
     false,
     "answered 60 UNKNOWN_TABLE: Table; "},
    {"2: no code at all",
     {.head = HTTP_STUB_HEAD("404 Not Found"), .body = "There is no handle /x"},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     404,
     SLUICE_CH_RETRY_SLOW,
     true,
     "check the path of clickhouse.url"},
    {"3: 200 with an exception header",
     {.head = EXCEPTION_HEAD("200 OK", "209")},
     SLUICE_E_SERVER,
     SLUICE_RETRY,
     209,
     SLUICE_CH_RETRY,
     true,
     "answered 209 SOCKET_TIMEOUT"},
    {"3: the same with a code that says not stored",
     {.head = EXCEPTION_HEAD("200 OK", "241")},
     SLUICE_E_SERVER,
     SLUICE_RETRY,
     241,
     SLUICE_CH_RETRY_SLOW,
     true,
     "answered 241"},
    {"4: marker before 25.11",
     {.body = "__exception__\r\nCode: 252. DB::Exception: Too many parts (3000)"},
     SLUICE_E_SERVER,
     SLUICE_RETRY,
     252,
     SLUICE_CH_RETRY_SLOW,
     true,
     "Too many parts"},
    {"4: marker since 25.11",
     {.head = HTTP_STUB_HEAD("200 OK") "X-ClickHouse-Exception-Tag: abcdefghijklmnop\r\n",
      .body = "\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 16. DB::Exception: No such column x\n1 "
              "abcdefghijklmnop\r\n__exception__\r\n"},
     SLUICE_E_SERVER,
     SLUICE_STOP_PARTITION,
     16,
     SLUICE_CH_REREAD_SCHEMA,
     true,
     "No such column x"},
    {"4: marker and broken chunks, as 25.11 ends such an answer",
     {.act = HTTP_STUB_CLOSE_AFTER,
      .head = HTTP_STUB_HEAD("200 OK") "X-ClickHouse-Exception-Tag: abcdefghijklmnop\r\nTransfer-Encoding: chunked\r\n",
      .body = "44\r\n\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 159. DB::Exception: Timeout\n\r\n"},
     SLUICE_E_SERVER,
     SLUICE_RETRY,
     159,
     SLUICE_CH_RETRY,
     true,
     "TIMEOUT_EXCEEDED"},
    {"4: a body that means nothing",
     {.body = "1\n"},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     200,
     SLUICE_CH_RETRY,
     true,
     "a body where a stored INSERT has none"},
    {"fewer rows written",
     {.head = HTTP_STUB_HEAD("200 OK") "X-ClickHouse-Summary: {\"written_rows\":\"6\"}\r\n"},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     200,
     SLUICE_CH_RETRY,
     true,
     "fewer rows written than sent"},
    {"a 200 that is not ClickHouse's",
     {.head = "HTTP/1.1 200 OK\r\nServer: nginx\r\n"},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     200,
     SLUICE_CH_RETRY_SLOW,
     true,
     "not from ClickHouse"},
    {"a proxy",
     {.head = "HTTP/1.1 503 Service Unavailable\r\nServer: haproxy\r\n", .body = "<html>" FIXTURE_PASSWORD},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     503,
     SLUICE_CH_RETRY,
     true,
     "something in front of it"},
    {"a redirect",
     {.head = "HTTP/1.1 307 Moved\r\nLocation: http://127.0.0.1:1/\r\n"},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     307,
     SLUICE_CH_RETRY_SLOW,
     true,
     "check clickhouse.url"},
    {"reset instead of an answer",
     {.act = HTTP_STUB_RESET},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     CURLE_SEND_FAIL_REWIND,
     SLUICE_CH_RETRY,
     true,
     "SEND_FAIL_REWIND"},
    {"not HTTP",
     {.head = "SSH-2.0-OpenSSH_9.2\r\n"},
     SLUICE_E_HTTP,
     SLUICE_RETRY,
     -1,
     SLUICE_CH_RETRY_SLOW,
     true,
     "http://127.0.0.1"},
    {"a row-level error keeps the row to itself",
     {.head = EXCEPTION_HEAD("400 Bad Request", "469"),
      .body =
          "Code: 469. DB::Exception: Constraint `c` is violated. Column values: x = rosebud. (VIOLATED_CONSTRAINT)"},
     SLUICE_E_SERVER,
     SLUICE_STOP_PARTITION,
     469,
     SLUICE_CH_BAD_ROW,
     false,
     "answered 469 VIOLATED_CONSTRAINT; a row violates"},
    {"a password in the answer is masked",
     {.head = EXCEPTION_HEAD("403 Forbidden", "516"),
      .body = "Code: 516. DB::Exception: writer: key '" FIXTURE_PASSWORD "' is wrong. (AUTHENTICATION_FAILED)"},
     SLUICE_E_SERVER,
     SLUICE_RETRY,
     516,
     SLUICE_CH_RETRY_SLOW,
     false,
     "key '***' is wrong"},
    {"a code from the future",
     {.head = EXCEPTION_HEAD("500 Internal Server Error", "4242"), .body = "Code: 4242. DB::Exception: z"},
     SLUICE_E_SERVER,
     SLUICE_RETRY,
     4242,
     SLUICE_CH_RETRY_SLOW,
     true,
     "answered 4242"},
};

static void test_failures(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(failures); i++) {
        struct fixture f;
        struct fixture_body body = {.n_bytes = 100000};
        struct sluice_ch_insert_result result = {.written_rows = 99};
        (void)fprintf(stderr, "- %s\n", failures[i].name);
        fixture_init(&f, 20000000);
        http_stub_push(f.stub, failures[i].reply);
        CHECK_INT(insert(&f, &body, &result), failures[i].code);
        CHECK_INT(f.err.code, failures[i].code);
        CHECK_INT(f.err.action, failures[i].action);
        if (failures[i].detail >= 0)
            CHECK_INT(f.err.detail, failures[i].detail);
        CHECK_INT(sluice_ch_client_failure(f.client)->advice, failures[i].advice);
        CHECK_INT(sluice_ch_client_failure(f.client)->unknown_outcome, failures[i].unknown_outcome);
        CHECK_CONTAINS(f.err.text, "insert into \"shop.orders\" (7 rows)");
        CHECK_CONTAINS(f.err.text, failures[i].text);
        CHECK(strstr(f.err.text, FIXTURE_PASSWORD) == NULL && strstr(f.err.text, "rosebud") == NULL);
        CHECK_INT(result.written_rows, 99);
        /* The next attempt works, whatever the state of the connection. */
        CHECK_INT(insert(&f, &body, &result), SLUICE_OK);
        CHECK_INT(last_request(&f)->n_body, 100000);
        fixture_deinit(&f);
    }
}

static void test_body_cut_on_its_way(void)
{
    struct fixture f;
    struct fixture_body small = {.n_bytes = 10};
    struct fixture_body body = {.n_bytes = 20 << 20};
    struct sluice_ch_insert_result result;
    fixture_init(&f, 20000000);
    CHECK_INT(insert(&f, &small, &result), SLUICE_OK);
    http_stub_push(f.stub, (struct http_stub_reply){.act = HTTP_STUB_RESET_EARLY, .cut_after = 1 << 20});
    CHECK_INT(insert(&f, &body, &result), SLUICE_E_HTTP);
    CHECK_INT(f.err.action, SLUICE_RETRY);
    CHECK(sluice_ch_client_failure(f.client)->unknown_outcome);
    fixture_deinit(&f);
}

static void test_late_answer(void)
{
    struct fixture f;
    struct fixture_body body = {.n_bytes = 10};
    struct sluice_ch_insert_result result;
    fixture_init(&f, 300000);
    http_stub_push(f.stub, (struct http_stub_reply){.delay_ms = 60000});
    CHECK_INT(insert(&f, &body, &result), SLUICE_E_HTTP);
    CHECK_INT(f.err.detail, CURLE_OPERATION_TIMEDOUT);
    CHECK_CONTAINS(f.err.text, "OPERATION_TIMEDOUT");
    CHECK_CONTAINS(f.err.text, "clickhouse.request_timeout");
    CHECK(sluice_ch_client_failure(f.client)->unknown_outcome);
    fixture_deinit(&f);
}

/* A kept-alive connection that dies without one byte of an answer: repeated by itself only where that is allowed. */
static void test_dead_connection(void)
{
    struct fixture f;
    struct fixture_body body = {.n_bytes = 2 << 20};
    struct sluice_ch_insert_result result;
    struct sluice_ch_insert request = fixture_insert(&body);
    fixture_init(&f, 20000000);
    CHECK_INT(insert(&f, &body, &result), SLUICE_OK);
    http_stub_push(f.stub, (struct http_stub_reply){.act = HTTP_STUB_RESET});
    size_t n_before = http_stub_n_requests(f.stub);
    CHECK_INT(insert(&f, &body, &result), SLUICE_E_HTTP);
    CHECK_INT(http_stub_n_requests(f.stub), n_before + 1);
    CHECK(sluice_ch_client_failure(f.client)->unknown_outcome);
    CHECK_INT(insert(&f, &body, &result), SLUICE_OK);

    request.allow_repeat = true;
    body.n_rewinds = 0;
    http_stub_push(f.stub, (struct http_stub_reply){.act = HTTP_STUB_RESET});
    n_before = http_stub_n_requests(f.stub);
    int n_connections = http_stub_n_connections(f.stub);
    CHECK_INT(sluice_ch_insert(f.client, &request, &result, &f.err), SLUICE_OK);
    CHECK_INT(http_stub_n_requests(f.stub), n_before + 2);
    CHECK_INT(http_stub_n_connections(f.stub), n_connections + 1);
    CHECK_INT(body.n_rewinds, 2);
    CHECK_INT(result.n_bytes_sent, body.n_bytes);
    check_body(&f, body.n_bytes);
    fixture_deinit(&f);
}

/* Closed in silence while nothing was under way: every time a new connection, nothing is reported. */
static void test_idle_close(void)
{
    struct fixture f;
    struct fixture_body body = {.n_bytes = 1000};
    struct sluice_ch_insert_result result;
    fixture_init(&f, 20000000);
    for (int i = 1; i <= 10; i++) {
        http_stub_push(f.stub, (struct http_stub_reply){.act = HTTP_STUB_CLOSE_AFTER});
        CHECK_INT(insert(&f, &body, &result), SLUICE_OK);
        check_body(&f, 1000);
        http_stub_wait_closed(f.stub, i);
    }
    CHECK_INT(http_stub_n_connections(f.stub), 10);
    fixture_deinit(&f);
}

static void test_unknown_setting(void)
{
    struct fixture f;
    struct fixture_body body = {.n_bytes = 10};
    struct sluice_ch_insert_result result;
    struct http_stub_reply refusal = {.head = EXCEPTION_HEAD("404 Not Found", "115"),
                                      .body = "Code: 115. DB::Exception: Unknown setting 'deduplicate_insert'"};
    fixture_init(&f, 20000000);
    /* Just probed: nothing would change, a person must look. */
    http_stub_push(f.stub, refusal);
    CHECK_INT(insert(&f, &body, &result), SLUICE_E_SERVER);
    CHECK_INT(f.err.action, SLUICE_STOP_PARTITION);
    /* Probed long ago: the server was replaced by an older one; ask again and send again. */
    http_stub_push(f.stub, refusal);
    CHECK_INT(insert(&f, &body, &result), SLUICE_E_SERVER);
    CHECK_INT(f.err.action, SLUICE_RETRY);
    CHECK_INT(sluice_ch_client_failure(f.client)->advice, SLUICE_CH_RETRY);
    http_stub_always(f.stub, "system.settings",
                     "version\t23.8.1.1\nsetting\tmax_insert_block_size\nsetting\tinsert_deduplicate\n");
    CHECK_INT(insert(&f, &body, &result), SLUICE_OK);
    CHECK_CONTAINS(last_request(&f)->head, "&insert_deduplicate=1");
    CHECK(strstr(last_request(&f)->head, "deduplicate_insert=") == NULL);
    fixture_deinit(&f);
}

static void test_long_statement(void)
{
    struct fixture f;
    struct fixture_body body = {.n_bytes = 10};
    struct sluice_ch_insert_result result;
    struct sluice_ch_insert request = fixture_insert(&body);
    static char sql[300 << 10];
    fixture_init(&f, 20000000);
    memset(sql, ' ', sizeof sql - 1);
    request.sql = sql;
    CHECK_INT(sluice_ch_insert(f.client, &request, &result, &f.err), SLUICE_E_LIMIT);
    CHECK_CONTAINS(f.err.text, "shop.orders");
    /* 200 KiB of ordinary column names still fit the address. */
    for (size_t i = 0; i < 200 << 10; i++)
        sql[i] = (char)('a' + i % 26);
    sql[200 << 10] = '\0';
    CHECK_INT(sluice_ch_insert(f.client, &request, &result, &f.err), SLUICE_OK);
    fixture_deinit(&f);
}

int main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    test_stored();
    test_request_head();
    test_failures();
    test_body_cut_on_its_way();
    test_late_answer();
    test_dead_connection();
    test_idle_close();
    test_unknown_setting();
    test_long_statement();
    curl_global_cleanup();
    return check_result();
}
