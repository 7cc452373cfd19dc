/* The headers of dead letters: what the record had, what is said about it, and where it was first. */
#include "kafka/letters.h"

#include "support/check.h"

static void add(rd_kafka_headers_t *headers, const char *name, const char *value)
{
    CHECK_INT(rd_kafka_header_add(headers, name, -1, value, -1), RD_KAFKA_RESP_ERR_NO_ERROR);
}

static rd_kafka_headers_t *ours(const char *topic, const char *offset)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    add(headers, "__sluice.topic", topic);
    add(headers, "__sluice.partition", "0");
    add(headers, "__sluice.offset", offset);
    add(headers, "__sluice.state", "sluice1");
    add(headers, "__sluice.code", "value");
    return headers;
}

static void check_header(const rd_kafka_headers_t *headers, const char *name, const char *want)
{
    char text[64] = "";
    size_t n = 0;
    const void *value = NULL;
    size_t size = 0;
    CHECK_INT(sluice_letter_header(headers, name, text, sizeof text), want != NULL);
    CHECK_TEXT(text, want != NULL ? want : "");
    while (rd_kafka_header_get(headers, n, name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR)
        n++;
    CHECK_INT(n, want != NULL);
}

static void test_first_letter(void)
{
    rd_kafka_headers_t *record = rd_kafka_headers_new(4);
    add(record, "trace", "abc");
    add(record, "__sluice.code", "made up");
    rd_kafka_headers_t *headers = sluice_letter_headers(record, true, ours("t", "17"));
    check_header(headers, "trace", "abc");
    check_header(headers, "__sluice.code", "value");
    check_header(headers, "__sluice.topic", "t");
    check_header(headers, "__sluice.offset", "17");
    check_header(headers, "__sluice.attempt", "1");
    rd_kafka_headers_destroy(headers);
    headers = sluice_letter_headers(record, false, ours("t", "17"));
    check_header(headers, "trace", NULL);
    check_header(headers, "__sluice.code", "value");
    rd_kafka_headers_destroy(headers);
    headers = sluice_letter_headers(NULL, true, ours("t", "17"));
    check_header(headers, "__sluice.attempt", "1");
    rd_kafka_headers_destroy(headers);
    rd_kafka_headers_destroy(record);
}

/* A record of the replay topic stays the one of its first place, whether its own headers are kept or not. */
static void test_letter_of_a_replayed_record(void)
{
    for (int keep = 0; keep < 2; keep++) {
        rd_kafka_headers_t *record = ours("shop.orders", "17");
        add(record, "__sluice.version", "99");
        add(record, "__sluice.attempt", "2");
        add(record, "trace", "abc");
        rd_kafka_headers_t *headers = sluice_letter_headers(record, keep, ours("shop.replay", "3"));
        check_header(headers, "__sluice.topic", "shop.orders");
        check_header(headers, "__sluice.offset", "17");
        check_header(headers, "__sluice.version", "99");
        check_header(headers, "__sluice.attempt", "3");
        check_header(headers, "trace", keep ? "abc" : NULL);
        rd_kafka_headers_destroy(headers);
        rd_kafka_headers_destroy(record);
    }
}

static void test_text_that_does_not_fit(void)
{
    char text[4] = "";
    rd_kafka_headers_t *headers = rd_kafka_headers_new(1);
    add(headers, "a", "1234");
    add(headers, "b", "123");
    CHECK(!sluice_letter_header(headers, "a", text, sizeof text));
    CHECK(sluice_letter_header(headers, "b", text, sizeof text));
    CHECK_TEXT(text, "123");
    CHECK(!sluice_letter_header(NULL, "b", text, sizeof text));
    rd_kafka_headers_destroy(headers);
}

int main(void)
{
    test_first_letter();
    test_letter_of_a_replayed_record();
    test_text_that_does_not_fit();
    return check_result();
}
