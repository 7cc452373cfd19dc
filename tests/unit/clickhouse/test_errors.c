/* Every code the sink has to expect has a row with the advice it is meant to have. */
#include "clickhouse/errors.h"

#include <curl/curl.h>

#include "support/check.h"

#define RETRY  SLUICE_CH_RETRY
#define SLOW   SLUICE_CH_RETRY_SLOW
#define REREAD SLUICE_CH_REREAD_SCHEMA
#define ROW    SLUICE_CH_BAD_ROW
#define STOP   SLUICE_CH_STOP

static const struct {
    int codes[13]; /* ended by 0 */
    enum sluice_ch_advice advice;
    bool unknown_outcome;
} expected[] = {
    {{3, 40, 202, 203, 242, 439, 517}, RETRY, false},
    {{6, 26, 27, 38, 41, 72, 69, 407, 128, 131, 321}, ROW, false},
    {{376, 467, 469}, ROW, false},
    {{8, 10, 16, 20, 44, 47, 32, 33, 53, 70, 117, 349}, REREAD, false},
    {{36, 48, 62, 73, 115, 164, 195, 452, 229, 290}, STOP, false},
    {{344, 455, 456, 457, 524, 395}, STOP, false},
    {{60, 81, 218, 192, 193, 194, 497, 516, 201, 241, 173}, SLOW, false},
    {{243, 252, 354, 271, 89, 373}, SLOW, false},
    {{49}, SLOW, true},
    {{107, 425, 159, 160, 198, 209, 210, 279, 216, 225, 999}, RETRY, true},
    {{236, 394, 735, 285, 286, 319, 341, 389, 1000, 1001, 1002}, RETRY, true},
};

static void test_advice(void)
{
    char text[64];
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(expected); i++) {
        for (size_t k = 0; k < SLUICE_N_ELEMENTS(expected[i].codes) && expected[i].codes[k] != 0; k++) {
            int code = expected[i].codes[k];
            const struct sluice_ch_reason *reason = sluice_ch_reason_find(code, SLUICE_STR_LITERAL(""));
            (void)snprintf(text, sizeof text, "code %d", code);
            check_int(reason->code, code, __FILE__, __LINE__, text);
            check_int(reason->advice, expected[i].advice, __FILE__, __LINE__, text);
            check_int(reason->unknown_outcome, expected[i].unknown_outcome, __FILE__, __LINE__, text);
            check_report(reason->name[0] >= 'A' && reason->reason[0] != '\0', __FILE__, __LINE__, text);
        }
    }
}

/* Binary search needs the order; a row out of place would not be found. */
static void test_order(void)
{
    int n_found = 0;
    for (int code = 1; code < 2000; code++) {
        const struct sluice_ch_reason *reason = sluice_ch_reason_find(code, SLUICE_STR_LITERAL(""));
        CHECK(reason->code == code || reason->code == 0);
        n_found += reason->code == code;
        /* What may quote a row's values is exactly what is about rows or parameters. */
        if (reason->advice == ROW)
            CHECK(reason->quotes_values);
    }
    CHECK_INT(n_found, 122);
    int n_curl = 0;
    for (int code = 1; code < 200; code++)
        n_curl += sluice_ch_curl_reason(code)->code == code;
    CHECK_INT(n_curl, 22);
}

static void test_unlisted(void)
{
    const struct sluice_ch_reason *reason = sluice_ch_reason_find(98765, SLUICE_STR_LITERAL("x"));
    CHECK_INT(reason->code, 0);
    CHECK_INT(reason->advice, SLOW);
    CHECK(reason->unknown_outcome && reason->quotes_values);
    CHECK_INT(sluice_ch_curl_reason(4711)->advice, RETRY);
    CHECK(sluice_ch_curl_reason(4711)->unknown_outcome);
}

static void test_two_causes(void)
{
    struct sluice_str parts =
        SLUICE_STR_LITERAL("Code: 252. DB::Exception: Too many parts (3001 with average size ...)");
    struct sluice_str partitions =
        SLUICE_STR_LITERAL("Code: 252. DB::Exception: Too many partitions for single INSERT block (more than 100).");
    CHECK_INT(sluice_ch_reason_find(252, parts)->advice, SLOW);
    CHECK_INT(sluice_ch_reason_find(252, partitions)->advice, STOP);
    static const char *const json[] = {
        "Code: 117. DB::Exception: Cannot insert data into JSON column: Duplicate path found during parsing JSON "
        "object: a.",
        "Code: 117. DB::Exception: Cannot parse JSON object here: {\"a\":1e400}: (at row 1)"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(json); i++) {
        CHECK_INT(sluice_ch_reason_find(117, sluice_str_from(json[i]))->advice, ROW);
        CHECK(sluice_ch_reason_find(117, sluice_str_from(json[i]))->quotes_values);
    }
    const struct sluice_str unread = SLUICE_STR_LITERAL("Code: 117. DB::Exception: Not all data was read");
    CHECK_INT(sluice_ch_reason_find(117, unread)->advice, REREAD);
    static const char *const conflicts[] = {"Coordination error: Node exists", "(Bad version)", "No node, path /a"};
    static const char *const outages[] = {"Connection loss", "Session expired", "Operation timeout", ""};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(conflicts); i++) {
        CHECK(sluice_ch_is_keeper_conflict(999, sluice_str_from(conflicts[i])));
        CHECK(!sluice_ch_reason_find(999, sluice_str_from(conflicts[i]))->unknown_outcome);
        CHECK(!sluice_ch_is_keeper_conflict(225, sluice_str_from(conflicts[i])));
    }
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(outages); i++) {
        CHECK(!sluice_ch_is_keeper_conflict(999, sluice_str_from(outages[i])));
        CHECK(sluice_ch_reason_find(999, sluice_str_from(outages[i]))->unknown_outcome);
    }
}

static void test_code_of_text(void)
{
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"Code: 241. DB::Exception: x", 241},
        {"Code: 1.", 1},
        {"Code: 241", 0},
        {"Code: . x", 0},
        {" Code: 241. x", 0},
        {"", 0},
        {"Code: ", 0},
        {"Code: 99999999999999999999. x", 0},
        {"<html>Code: 5. ", 0},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++)
        CHECK_INT(sluice_ch_code_of_text(sluice_str_from(cases[i].text)), cases[i].code);
}

static void test_transport(void)
{
    static const int nothing_sent[] = {CURLE_COULDNT_RESOLVE_HOST, CURLE_COULDNT_CONNECT, CURLE_SSL_CONNECT_ERROR,
                                       CURLE_PEER_FAILED_VERIFICATION};
    static const int unknown[] = {CURLE_OPERATION_TIMEDOUT, CURLE_GOT_NOTHING,  CURLE_SEND_ERROR,
                                  CURLE_RECV_ERROR,         CURLE_PARTIAL_FILE, CURLE_SEND_FAIL_REWIND};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(nothing_sent); i++)
        CHECK(!sluice_ch_curl_reason(nothing_sent[i])->unknown_outcome);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(unknown); i++) {
        CHECK(sluice_ch_curl_reason(unknown[i])->unknown_outcome);
        CHECK_INT(sluice_ch_curl_reason(unknown[i])->advice, RETRY);
    }
}

int main(void)
{
    test_advice();
    test_order();
    test_unlisted();
    test_two_causes();
    test_code_of_text();
    test_transport();
    return check_result();
}
