/* Headers and in-band exceptions, as servers send them and as nobody should. */
#include "clickhouse/answer.h"

#include "support/check.h"

static void feed(struct answer *answer, const char *const *lines)
{
    for (; *lines != NULL; lines++)
        answer_header(answer, sluice_str_from(*lines));
}

static void test_headers(void)
{
    struct answer answer;
    answer_init(&answer);
    feed(&answer, (const char *const[]){
                      "HTTP/1.1 200 OK\r\n", "x-clickhouse-query-id: q\r\n", "Keep-Alive: timeout=10, max=9999\r\n",
                      "X-ClickHouse-Exception-Tag: abcdefghijklmnop\r\n",
                      "X-ClickHouse-Summary: {\"read_rows\":\"0\",\"written_rows\":\"4096\"}\r\n", "\r\n", NULL});
    CHECK_INT(answer.status, 200);
    CHECK(answer_is_good(&answer));
    CHECK_INT(answer.keep_alive_s, 10);
    CHECK_TEXT(answer.tag, "abcdefghijklmnop");
    CHECK(answer.has_written_rows);
    CHECK_INT(answer.written_rows, 4096);
    /* A second answer forgets all of the first. */
    feed(&answer, (const char *const[]){"HTTP/1.1 500 Internal Server Error\r\n", "Connection: close\r\n", NULL});
    CHECK_INT(answer.status, 500);
    CHECK(!answer.from_clickhouse && !answer.has_written_rows && answer.tag[0] == '\0' && answer.keep_alive_s == -1);
    answer_deinit(&answer);
}

static void test_not_good(void)
{
    static const char *const bad[][4] = {
        {"HTTP/1.1 200 OK\r\n", "X-ClickHouse-Exception-Code: 209\r\n", NULL},
        {"HTTP/1.1 200 OK\r\n", "X-ClickHouse-Exception-Code:\r\n", NULL},
        {"HTTP/1.1 200 OK\r\n", "X-ClickHouse-Exception-Code: what\r\n", NULL},
        {"HTTP/1.1 200 OK\r\n", "Server: nginx\r\n", NULL},
        {"HTTP/1.1 204 No Content\r\n", "X-ClickHouse-Query-Id: q\r\n", NULL},
        {"HTTP/1.1\r\n", "X-ClickHouse-Query-Id: q\r\n", NULL},
        {"X-ClickHouse-Query-Id: q\r\n", NULL},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(bad); i++) {
        struct answer answer;
        answer_init(&answer);
        feed(&answer, bad[i]);
        CHECK(!answer_is_good(&answer));
        answer_deinit(&answer);
    }
}

static void test_odd_headers(void)
{
    struct answer answer;
    answer_init(&answer);
    feed(&answer, (const char *const[]){"HTTP/1.1 200 OK\r\n", ":\r\n", "\r\n", "no colon", "",
                                        "X-ClickHouse-Summary: {\"written_rows\":17}\r\n",
                                        "X-ClickHouse-Summary: [1\r\n", "X-ClickHouse-Summary:\r\n",
                                        "X-ClickHouse-Exception-Tag: 0123456789012345678901234567890123456789\r\n",
                                        "Keep-Alive: timeout=\r\n", "Keep-Alive: timeout=99999999999999\r\n", NULL});
    CHECK(!answer.has_written_rows);
    CHECK_INT(strlen(answer.tag), sizeof answer.tag - 1);
    CHECK(answer.keep_alive_s > 0);
    answer_deinit(&answer);
}

static void test_refusal_is_bounded(void)
{
    struct answer answer;
    char piece[8192];
    memset(piece, 'x', sizeof piece);
    answer_init(&answer);
    for (int i = 0; i < 100; i++)
        answer_refusal(&answer, (struct sluice_str){piece, sizeof piece});
    CHECK_INT(answer.refusal.len, 65536);
    answer_deinit(&answer);
}

static void test_completeness(void)
{
    static const char *const whole[][5] = {
        {"HTTP/1.1 200 OK\r\n", "Content-Length: 0\r\n", "\r\n", NULL},
        {"HTTP/1.1 100 Continue\r\n", "\r\n", "HTTP/1.1 200 OK\r\n", NULL},
        {"HTTP/1.1 200 OK\r\n", "transfer-encoding: chunked\r\n", "\r\n", NULL},
        {"HTTP/1.1 200 OK\r\n", "Content-Length: 0\r\n", NULL},
        {"HTTP/1.1 200 OK\r\n", "\r\n", NULL},
    };
    static const bool want[] = {true, false, true, false, false};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(whole); i++) {
        struct answer answer;
        answer_init(&answer);
        feed(&answer, whole[i]);
        CHECK_INT(answer_is_complete(&answer), want[i]);
        answer_deinit(&answer);
    }
}

static void test_markers(void)
{
    struct answer old = {0};
    struct answer new = {.tag = "abcdefghijklmnop"};
    struct sluice_str message;
    struct sluice_str before = SLUICE_STR_LITERAL("1\t2\n__exception__\r\nCode: 241. DB::Exception: memory");
    CHECK(answer_find_exception(&old, before, &message));
    CHECK(sluice_str_equal_z(message, "Code: 241. DB::Exception: memory"));
    struct sluice_str after =
        SLUICE_STR_LITERAL("1\t2\n\r\n__exception__\r\nabcdefghijklmnop\r\nCode: 241. DB::Exception: "
                           "memory\n33 abcdefghijklmnop\r\n__exception__\r\n");
    CHECK(answer_find_exception(&new, after, &message));
    CHECK(message.len > 9 && memcmp(message.ptr, "Code: 241", 9) == 0);
    /* With a tag, the word alone is data. */
    CHECK(!answer_find_exception(&new, SLUICE_STR_LITERAL("__exception__\r\nCode: 1. x"), &message));
    CHECK(!answer_find_exception(&old, SLUICE_STR_LITERAL("__exception__\\r\\n"), &message));
    CHECK(!answer_find_exception(&old, SLUICE_STR_LITERAL("__exception__"), &message));
    CHECK(!answer_find_exception(&old, (struct sluice_str){0}, &message));
}

int main(void)
{
    test_headers();
    test_not_good();
    test_odd_headers();
    test_refusal_is_bounded();
    test_completeness();
    test_markers();
    return check_result();
}
