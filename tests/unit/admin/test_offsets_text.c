/* Scopes, CSV lines, times and durations as Kafka's own tool reads them. */
#include "admin/offsets_text.h"

#include "sluice/offsets.h"

#include "support/check.h"

static void test_topics(void)
{
    static const char *const wrong[] = {"",    ":",    ":0",    "t:",     "t:0,",         "t:,0",
                                        "t:a", "t:-1", "t:0:1", "t:0,,1", "t:99999999999"};
    struct sluice_error err;
    struct offsets_topic topic;
    CHECK_INT(offsets_topic_parse("shop.public.orders", &topic, &err), SLUICE_OK);
    CHECK(offsets_topic_has(&topic, "shop.public.orders", 7));
    CHECK(!offsets_topic_has(&topic, "shop.public.order", 7));
    CHECK_INT(offsets_topic_parse("t:0,12,2147483647", &topic, &err), SLUICE_OK);
    CHECK(offsets_topic_has(&topic, "t", 0) && offsets_topic_has(&topic, "t", 12));
    CHECK(offsets_topic_has(&topic, "t", INT32_MAX));
    CHECK(!offsets_topic_has(&topic, "t", 1) && !offsets_topic_has(&topic, "u", 0));
    size_t at = 0;
    int32_t partition = -1;
    CHECK(offsets_topic_next(&topic, &at, &partition) && partition == 0);
    CHECK(offsets_topic_next(&topic, &at, &partition) && partition == 12);
    CHECK(offsets_topic_next(&topic, &at, &partition) && partition == INT32_MAX);
    CHECK(!offsets_topic_next(&topic, &at, &partition));
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(wrong); i++) {
        if (!CHECK_INT(offsets_topic_parse(wrong[i], &topic, &err), SLUICE_E_USAGE))
            (void)fprintf(stderr, "    topic \"%s\"\n", wrong[i]);
    }
}

static void test_lines(void)
{
    struct sluice_error err;
    struct offsets_line line;
    bool found = false;
    struct sluice_str text = sluice_str_from("t,0,5\r\n\n\"a.long.name\",11,9223372036854775807\ngroup,t,2,0");
    CHECK_INT(offsets_line_take(&text, &line, &found, &err), SLUICE_OK);
    CHECK(found && line.group.len == 0 && sluice_str_equal_z(line.topic, "t"));
    CHECK(line.partition == 0 && line.offset == 5);
    CHECK_INT(offsets_line_take(&text, &line, &found, &err), SLUICE_OK);
    CHECK(found && sluice_str_equal_z(line.topic, "a.long.name"));
    CHECK(line.partition == 11 && line.offset == INT64_MAX);
    CHECK_INT(offsets_line_take(&text, &line, &found, &err), SLUICE_OK);
    CHECK(found && sluice_str_equal_z(line.group, "group") && sluice_str_equal_z(line.topic, "t"));
    CHECK(line.partition == 2 && line.offset == 0);
    CHECK_INT(offsets_line_take(&text, &line, &found, &err), SLUICE_OK);
    CHECK(!found);
}

static void test_wrong_lines(void)
{
    static const char *const wrong[] = {"t",      "t,0",    "t,0,",     "t,0,x",   "t,0,-1", "t,-1,0",
                                        ",0,1",   "t,0,1,", "t,x,y,1",  "t,0,1.5", "t 0 1",  "a,b,0,1,2",
                                        "t,0,1 ", "g,,0,1", "\"\",0,1", ",",       "t;0;1",  "t,0,9223372036854775808"};
    struct sluice_error err;
    struct offsets_line line;
    bool found;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(wrong); i++) {
        struct sluice_str text = sluice_str_from(wrong[i]);
        if (!CHECK_INT(offsets_line_take(&text, &line, &found, &err), SLUICE_E_USAGE))
            (void)fprintf(stderr, "    line \"%s\"\n", wrong[i]);
        CHECK_CONTAINS(err.text, wrong[i]);
    }
}

static void test_datetimes(void)
{
    static const struct {
        const char *text;
        int64_t ms; /* negative: refused */
    } cases[] = {
        {"1970-01-01T00:00:00.000", 0},
        {"2020-11-10T16:51:38.198", 1605027098198},
        {"2020-11-10T16:51:38.198Z", 1605027098198},
        {"2020-11-10T16:51:38.198+08", 1604998298198},
        {"2020-11-10T16:51:38.198+0800", 1604998298198},
        {"2020-11-10T16:51:38.198+08:00", 1604998298198},
        {"2020-11-10T16:51:38.198-0530", 1605046898198},
        {"2020-11-10T16:51:38", 1605027098000},
        {"2020-11-10T16:51:38Z", 1605027098000},
        {"2020-11-10T16:51:38+08:00", 1604998298000},
        {"2024-02-29T23:59:59.999", 1709251199999},
        {"", -1},
        {"2020-11-10", -1},
        {"2020-11-10 16:51:38.198", -1},
        {"2020-11-10T16:51", -1},
        {"2020-11-10T16:51:38.1", -1}, /* Kafka's tool takes it for one millisecond */
        {"2020-11-10T16:51:38.1984", -1},
        {"2020-11-10T16:51:38.198+8", -1},
        {"2020-11-10T16:51:38.198+24:00", -1},
        {"2020-11-10T16:51:38.198ZZ", -1},
        {"2020-11-10T16:51:38.198 Z", -1},
        {"2023-02-29T00:00:00.000", -1},
        {"2020-13-10T00:00:00.000", -1},
        {"2020-11-10T24:00:00.000", -1},
        {"+2020-11-10T16:51:38.198", -1},
        {"1605027098198", -1},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_error err;
        int64_t ms = -1;
        enum sluice_code code = sluice_offsets_parse_datetime(cases[i].text, &ms, &err);
        if (!CHECK_INT(ms, cases[i].ms) || !CHECK_INT(code, cases[i].ms < 0 ? SLUICE_E_USAGE : SLUICE_OK))
            (void)fprintf(stderr, "    datetime \"%s\"\n", cases[i].text);
    }
}

static void test_durations(void)
{
    static const struct {
        const char *text;
        int64_t ms;
    } cases[] = {
        {"PT0S", 0},
        {"PT1S", 1000},
        {"PT15M", 900000},
        {"PT10H", 36000000},
        {"P2D", 172800000},
        {"P2DT3H4M", 183840000},
        {"P1DT2H3M4.005S", 93784005},
        {"PT0.5S", 500},
        {"PT0,5S", 500},
        {"PT5.S", 5000},
        {"PT0.0000001S", 1},
        {"pt1h", 3600000},
        {"PT-6H3M", -21420000},
        {"-PT6H3M", -21780000},
        {"-PT-6H+3M", 21420000},
        {"PT-0.5S", -500},
        {"-PT0.0000001S", 0},
        {"P-1D", -86400000},
        {"+P1D", 86400000},
    };
    static const char *const wrong[] = {"",
                                        "P",
                                        "PT",
                                        "P1",
                                        "1D",
                                        "P1DT",
                                        "P1H",
                                        "PT1D",
                                        "P1W",
                                        "P1Y",
                                        "PT1S1M",
                                        "PT1H1H",
                                        "PT.5S",
                                        "PT1.5M",
                                        "PT1S ",
                                        " PT1S",
                                        "PT--1S",
                                        "P1D1D",
                                        "PTT1S",
                                        "PT1",
                                        "PT99999999999999999999S",
                                        "P9999999999999999D",
                                        "PT0.1234567891S",
                                        "P 1D"};
    struct sluice_error err;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        int64_t ms = INT64_MIN;
        CHECK_INT(sluice_offsets_parse_duration(cases[i].text, &ms, &err), SLUICE_OK);
        if (!CHECK_INT(ms, cases[i].ms))
            (void)fprintf(stderr, "    duration \"%s\"\n", cases[i].text);
    }
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(wrong); i++) {
        int64_t ms;
        if (!CHECK_INT(sluice_offsets_parse_duration(wrong[i], &ms, &err), SLUICE_E_USAGE))
            (void)fprintf(stderr, "    duration \"%s\"\n", wrong[i]);
    }
}

static void test_times(void)
{
    CHECK_INT(sluice_offsets_time_before(5000, 1000), 4000);
    CHECK_INT(sluice_offsets_time_before(5000, -1000), 6000);
    CHECK_INT(sluice_offsets_time_before(5000, 5001), 0);
    CHECK_INT(sluice_offsets_time_before(5000, INT64_MAX), 0);
    CHECK_INT(sluice_offsets_time_before(5000, -INT64_MAX), INT64_MAX);
    CHECK_INT(sluice_offsets_time_before(5000, 5000 - INT64_MAX), INT64_MAX);
}

static void test_lsns(void)
{
    static const char *const wrong[] = {"",      "/",    "0/",          "/1",          "0/1/2", "0/g",
                                        "0x1/2", "0 /1", "0/123456789", "123456789/0", "0/-1",  "0/1 "};
    struct sluice_error err;
    uint64_t lsn = 0;
    CHECK_INT(sluice_offsets_parse_lsn("0/16B3748", &lsn, &err), SLUICE_OK);
    CHECK(lsn == 0x16B3748);
    CHECK_INT(sluice_offsets_parse_lsn("FFFFFFFF/fffffffe", &lsn, &err), SLUICE_OK);
    CHECK(lsn == UINT64_MAX - 1);
    CHECK_INT(sluice_offsets_parse_lsn("1A/0", &lsn, &err), SLUICE_OK);
    CHECK(lsn == UINT64_C(0x1A00000000));
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(wrong); i++) {
        if (!CHECK_INT(sluice_offsets_parse_lsn(wrong[i], &lsn, &err), SLUICE_E_USAGE))
            (void)fprintf(stderr, "    lsn \"%s\"\n", wrong[i]);
    }
}

int main(void)
{
    test_topics();
    test_lines();
    test_wrong_lines();
    test_datetimes();
    test_durations();
    test_times();
    test_lsns();
    return check_result();
}
