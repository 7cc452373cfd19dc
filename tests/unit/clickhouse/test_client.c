/* Queries, connections, addresses and the abort flag, against the HTTP stub. */
#include "clickhouse/client.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "fixture.h"

static enum sluice_code query(struct fixture *fixture, const char *sql, struct sluice_buf *answer)
{
    const struct sluice_ch_query request = {.sql = sql, .what = "ask \"something\""};
    fixture->err = (struct sluice_error){0};
    return sluice_ch_query(fixture->client, &request, answer, &fixture->err);
}

static void pause_ms(long ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    (void)nanosleep(&time, NULL);
}

static void test_query(void)
{
    struct fixture f;
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, 1000, "answer");
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = "1\t2\n"});
    const struct sluice_ch_pair params[] = {{"k", SLUICE_STR_LITERAL("a\tb")}};
    const struct sluice_ch_pair settings[] = {{"keeper_map_strict_mode", SLUICE_STR_LITERAL("1")}};
    const struct sluice_ch_query request = {.sql = "SELECT {k:String}",
                                            .what = "look",
                                            .params = params,
                                            .n_params = 1,
                                            .settings = settings,
                                            .n_settings = 1,
                                            .query_id = "q-1"};
    CHECK_INT(sluice_buf_append_z(&answer, "before|", &f.err), SLUICE_OK);
    CHECK_INT(sluice_ch_query(f.client, &request, &answer, &f.err), SLUICE_OK);
    CHECK_TEXT(answer.ptr, "before|1\t2\n");
    const struct http_stub_request *sent = http_stub_request(f.stub, 0);
    CHECK_BYTES(sent->body, sent->n_body, "SELECT {k:String}", 17);
    CHECK_CONTAINS(sent->head,
                   "POST /?wait_end_of_query=1&async_insert=0&query_id=q-1&keeper_map_strict_mode=1&param_k=a%5Ctb ");
    CHECK_CONTAINS(sent->head, "\r\nContent-Length: 17\r\n");
    CHECK(strstr(sent->head, "database=") == NULL);
    fixture_deinit(&f);
}

struct taken {
    size_t n_bytes;
    size_t n_pieces;
    size_t max; /* beyond it the taker fails */
    char last;
};

static enum sluice_code take(void *context, struct sluice_str piece, struct sluice_error *err)
{
    struct taken *taken = context;
    taken->n_bytes += piece.len;
    taken->n_pieces++;
    taken->last = piece.ptr[piece.len - 1];
    return taken->n_bytes <= taken->max ? SLUICE_OK
                                        : sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP, "more than was wanted");
}

/* An answer of any size goes through; an exception at its end is found though nothing of it is kept. */
static void test_stream(void)
{
    enum { LONG = 300000 };
    struct fixture f;
    char *body = malloc(LONG + 200);
    struct taken taken = {.max = SIZE_MAX};
    const struct sluice_ch_query request = {.sql = "SELECT", .what = "read \"rows\""};
    memset(body, 'x', LONG);
    body[LONG] = '\0';
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = body});
    CHECK_INT(sluice_ch_stream(f.client, &request, take, &taken, &f.err), SLUICE_OK);
    CHECK_INT(taken.n_bytes, LONG);
    CHECK(taken.n_pieces > 1 && taken.last == 'x');
    CHECK(strstr(http_stub_request(f.stub, 0)->head, "wait_end_of_query") == NULL);
    taken = (struct taken){.max = 1000};
    http_stub_push(f.stub, (struct http_stub_reply){.body = body});
    CHECK_INT(sluice_ch_stream(f.client, &request, take, &taken, &f.err), SLUICE_E_LIMIT);
    CHECK_TEXT(f.err.text, "read \"rows\": more than was wanted");
    taken = (struct taken){.max = SIZE_MAX};
    (void)snprintf(body + LONG, 200, "\n__exception__\r\nCode: 241. DB::Exception: no memory");
    http_stub_push(f.stub, (struct http_stub_reply){.body = body});
    CHECK_INT(sluice_ch_stream(f.client, &request, take, &taken, &f.err), SLUICE_E_SERVER);
    CHECK_CONTAINS(f.err.text, "read \"rows\": server answered 241");
    taken = (struct taken){.max = LONG}; /* the taker stumbles over the exception: the server's reason is told */
    http_stub_push(f.stub, (struct http_stub_reply){.body = body});
    CHECK_INT(sluice_ch_stream(f.client, &request, take, &taken, &f.err), SLUICE_E_SERVER);
    taken = (struct taken){.max = SIZE_MAX};
    http_stub_push(f.stub, (struct http_stub_reply){.act = HTTP_STUB_CUT, .body = body, .cut_after = 100000});
    CHECK_INT(sluice_ch_stream(f.client, &request, take, &taken, &f.err), SLUICE_E_HTTP);
    fixture_deinit(&f);
    free(body);
}

static void test_query_failures(void)
{
    struct fixture f;
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, 10, "small answer");
    fixture_init(&f, 20000000);
    http_stub_push(f.stub, (struct http_stub_reply){.body = "0123456789X"});
    CHECK_INT(query(&f, "SELECT 1", &answer), SLUICE_E_LIMIT);
    CHECK_CONTAINS(f.err.text, "ask \"something\": small answer would grow beyond 10 bytes");
    sluice_buf_clear(&answer);
    http_stub_push(f.stub,
                   (struct http_stub_reply){
                       .head = HTTP_STUB_HEAD("500 Internal Server Error") "X-ClickHouse-Exception-Code: 999\r\n",
                       .body = "Code: 999. Coordination::Exception: Bad version"});
    CHECK_INT(query(&f, "ALTER TABLE s UPDATE x = 1 WHERE k = 1", &answer), SLUICE_E_SERVER);
    CHECK(sluice_ch_client_failure(f.client)->keeper_conflict);
    CHECK(!sluice_ch_client_failure(f.client)->unknown_outcome);
    CHECK_INT(answer.len, 0);
    http_stub_push(
        f.stub, (struct http_stub_reply){.head = HTTP_STUB_HEAD("404 Not Found") "X-ClickHouse-Exception-Code: 457\r\n",
                                         .body = "Code: 457. DB::Exception: Value rosebud cannot be parsed"});
    CHECK_INT(query(&f, "SELECT 1", &answer), SLUICE_E_SERVER);
    CHECK(strstr(f.err.text, "rosebud") == NULL);
    /* An exception after the first rows. */
    http_stub_push(f.stub, (struct http_stub_reply){.body = "1\n__exception__\r\nCode: 241. x"});
    sluice_buf_deinit(&answer);
    sluice_buf_init(&answer, 1000, "answer");
    CHECK_INT(query(&f, "SELECT 1", &answer), SLUICE_E_SERVER);
    CHECK_INT(f.err.detail, 241);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_OK);
    CHECK_INT(sluice_ch_client_failure(f.client)->server_code, 0);
    fixture_deinit(&f);
}

static void test_keep_alive(void)
{
    struct fixture f;
    fixture_init(&f, 20000000);
    for (int i = 0; i < 20; i++)
        CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_OK);
    CHECK_INT(http_stub_n_connections(f.stub), 1);
    /* "timeout=2": used again within the same second only, never close to the server's limit. */
    http_stub_push(f.stub, (struct http_stub_reply){.head = HTTP_STUB_HEAD("200 OK") "Keep-Alive: timeout=2\r\n"});
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_OK);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_OK);
    CHECK_INT(http_stub_n_connections(f.stub), 1);
    pause_ms(1100);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_OK);
    CHECK_INT(http_stub_n_connections(f.stub), 2);
    /* With a long time the same pause keeps it. */
    http_stub_push(f.stub, (struct http_stub_reply){.head = HTTP_STUB_HEAD("200 OK") "Keep-Alive: timeout=60\r\n"});
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_OK);
    pause_ms(1100);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_OK);
    CHECK_INT(http_stub_n_connections(f.stub), 2);
    fixture_deinit(&f);
}

static void test_addresses_in_turn(void)
{
    struct fixture f;
    fixture_init(&f, 20000000);
    struct http_stub *second = http_stub_start();
    http_stub_always(second, "system.settings", "version\t23.8.1.1\nsetting\tmax_insert_block_size\n");
    const char *const urls[] = {"http://127.0.0.1:1", http_stub_url(f.stub), http_stub_url(second)};
    sluice_ch_client_free(f.client);
    f.client = fixture_client(&f, urls, 3, 20000000);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_E_HTTP);
    CHECK_INT(f.err.action, SLUICE_RETRY);
    CHECK_CONTAINS(f.err.text, "at http://127.0.0.1:1: COULDNT_CONNECT");
    CHECK(!sluice_ch_client_failure(f.client)->unknown_outcome);
    CHECK_TEXT(sluice_ch_client_url(f.client), urls[1]);
    /* Stays where it works, a refusal included. */
    http_stub_push(f.stub,
                   (struct http_stub_reply){.head = HTTP_STUB_HEAD("500 X") "X-ClickHouse-Exception-Code: 241\r\n"});
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_E_SERVER);
    CHECK_TEXT(sluice_ch_client_url(f.client), urls[1]);
    struct sluice_ch_server server;
    CHECK_INT(sluice_ch_probe(f.client, &server, &f.err), SLUICE_OK);
    CHECK_INT(server.major, 26);
    http_stub_push(f.stub, (struct http_stub_reply){.act = HTTP_STUB_CUT, .cut_after = 30});
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_E_HTTP);
    CHECK_TEXT(sluice_ch_client_url(f.client), urls[2]);
    CHECK_INT(sluice_ch_probe(f.client, &server, &f.err), SLUICE_OK);
    CHECK_INT(server.major, 23);
    CHECK(!sluice_ch_server_knows(&server, "async_insert"));
    http_stub_push(second, (struct http_stub_reply){.head = "HTTP/1.1 502 Bad Gateway\r\n"});
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_E_HTTP);
    CHECK_TEXT(sluice_ch_client_url(f.client), urls[0]);
    fixture_deinit(&f);
    http_stub_stop(second);
}

static void test_probe_once(void)
{
    struct fixture f;
    struct sluice_ch_server server;
    fixture_init(&f, 20000000);
    for (int i = 0; i < 3; i++)
        CHECK_INT(sluice_ch_probe(f.client, &server, &f.err), SLUICE_OK);
    CHECK_INT(http_stub_n_requests(f.stub), 1);
    CHECK_TEXT(server.version, "26.7.2.1");
    /* What answers is not a ClickHouse server, or not one that can be asked. */
    http_stub_always(f.stub, "system.settings", "hello");
    const char *url = http_stub_url(f.stub);
    sluice_ch_client_free(f.client);
    f.client = fixture_client(&f, &url, 1, 20000000);
    CHECK_INT(sluice_ch_probe(f.client, &server, &f.err), SLUICE_E_SERVER);
    CHECK_INT(sluice_ch_client_failure(f.client)->advice, SLUICE_CH_STOP);
    struct fixture_body body = {.n_bytes = 10};
    struct sluice_ch_insert insert = fixture_insert(&body);
    struct sluice_ch_insert_result result;
    CHECK_INT(sluice_ch_insert(f.client, &insert, &result, &f.err), SLUICE_E_SERVER);
    CHECK_INT(body.n_rewinds, 0);
    fixture_deinit(&f);
}

static void *raise_flag(void *ctx)
{
    atomic_bool *flag = ctx;
    pause_ms(200);
    atomic_store(flag, true);
    return NULL;
}

static void test_abort(void)
{
    struct fixture f;
    pthread_t thread;
    fixture_init(&f, 60000000);
    http_stub_push(f.stub, (struct http_stub_reply){.delay_ms = 60000});
    int64_t start_us = sluice_mono_us();
    CHECK_INT(pthread_create(&thread, NULL, raise_flag, &f.abort), 0);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_E_CANCELLED);
    CHECK(sluice_mono_us() - start_us < 5000000);
    CHECK(sluice_ch_client_failure(f.client)->unknown_outcome);
    (void)pthread_join(thread, NULL);
    size_t n_before = http_stub_n_requests(f.stub);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_E_CANCELLED);
    CHECK(!sluice_ch_client_failure(f.client)->unknown_outcome);
    CHECK_INT(http_stub_n_requests(f.stub), n_before);
    fixture_deinit(&f);
}

static void test_options(void)
{
    static const char *const bad_urls[] = {"",          "localhost:8123",          "ftp://h",          "http://",
                                           "http:///x", "http://u:rosebud@h:8123", "http://h/?user=x", "http://h h"};
    struct sluice_error err = {0};
    struct sluice_ch_client *client = NULL;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(bad_urls); i++) {
        const struct sluice_ch_options options = {.urls = &bad_urls[i], .n_urls = 1};
        CHECK_INT(sluice_ch_client_new(&options, &client, &err), SLUICE_E_CONFIG);
        CHECK_CONTAINS(err.text, "clickhouse.url");
        CHECK(strstr(err.text, "rosebud") == NULL);
    }
    static const char *const good[] = {"http://h:8123"};
    const struct sluice_ch_options cases[] = {
        {.urls = good, .n_urls = 0},
        {.urls = good, .n_urls = 1, .ca_file = "/nonexistent/ca.pem"},
        {.urls = good, .n_urls = 1, .password = "rosebud\r\nX-Other: 1"},
        {.urls = good, .n_urls = 1, .user = "a\nb"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        CHECK_INT(sluice_ch_client_new(&cases[i], &client, &err), SLUICE_E_CONFIG);
        CHECK_CONTAINS(err.text, "clickhouse.");
        CHECK(strstr(err.text, "rosebud") == NULL);
    }
    CHECK(client == NULL);
    sluice_ch_client_free(NULL);
}

/* A proxy in the environment is not asked, and a plain server behind https is refused before anything is sent. */
static void test_proxy_and_tls(void)
{
    struct fixture f;
    char url[64];
    (void)setenv("http_proxy", "http://127.0.0.1:1", 1);
    (void)setenv("ALL_PROXY", "http://127.0.0.1:1", 1);
    fixture_init(&f, 5000000);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_OK);
    (void)unsetenv("http_proxy");
    (void)unsetenv("ALL_PROXY");
    (void)snprintf(url, sizeof url, "https%s", http_stub_url(f.stub) + 4);
    const char *const urls[] = {url};
    sluice_ch_client_free(f.client);
    f.client = fixture_client(&f, urls, 1, 500000);
    CHECK_INT(query(&f, "SELECT 1", NULL), SLUICE_E_HTTP);
    CHECK(!sluice_ch_client_failure(f.client)->unknown_outcome);
    fixture_deinit(&f);
}

int main(void)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return 1;
    test_query();
    test_stream();
    test_query_failures();
    test_keep_alive();
    test_addresses_in_turn();
    test_probe_once();
    test_abort();
    test_options();
    test_proxy_and_tls();
    curl_global_cleanup();
    return check_result();
}
