/* Instants against libc's gmtime_r, and every form that is refused. */
#include "table/calendar.h"

#include <stdlib.h>
#include <time.h>

#include "table_support.h"

static const int64_t year_1 = INT64_C(-62135596800);
static const int64_t year_10000 = INT64_C(253402300800);

static void check_instant(int64_t seconds)
{
    char text[64];
    struct tm parts;
    time_t clock = (time_t)seconds;
    struct calendar_instant instant = {0};
    if (!CHECK(gmtime_r(&clock, &parts) != NULL))
        return;
    (void)snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.000001Z", parts.tm_year + 1900, parts.tm_mon + 1,
                   parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
    CHECK_INT(calendar_parse(sluice_str_from(text), &instant), CALENDAR_OK);
    CHECK_INT(instant.seconds, seconds);
    CHECK_INT(instant.nanos, 1000);
}

static void test_against_libc(uint64_t seed)
{
    check_instant(year_1);
    check_instant(year_10000 - 1);
    check_instant(0);
    check_instant(-1);
    for (int64_t days = -800000; days < 800000; days += 97) {
        if (days * 86400 >= year_1)
            check_instant(days * 86400 + (int64_t)(random_next(&seed) % 86400));
    }
}

static void test_days(void)
{
    CHECK_INT(calendar_days(1970, 1, 1), 0);
    CHECK_INT(calendar_days(1900, 1, 1), -25567);
    CHECK_INT(calendar_days(2299, 12, 31), 120529);
    CHECK_INT(calendar_days(2000, 3, 1), 11017);
    CHECK_INT(calendar_days(1, 1, 1), -719162);
    CHECK_INT(calendar_days(-43, 3, 15), -735160); /* 44 BC, as Debezium streams it */
}

static void test_dates(void)
{
    for (int64_t days = -1000000; days < 3000000; days += 61) {
        const struct calendar_date date = calendar_date(days);
        if (calendar_days(date.year, date.month, date.day) != days || date.month < 1 || date.month > 12 ||
            date.day < 1 || date.day > 31)
            CHECK_INT(days, INT64_MIN);
    }
    const struct calendar_date leap = calendar_date(11016);
    CHECK(leap.year == 2000 && leap.month == 2 && leap.day == 29);
    const struct calendar_date before = calendar_date(-719163);
    CHECK(before.year == 0 && before.month == 12 && before.day == 31);
}

static void test_forms(void)
{
    static const struct {
        const char *text;
        enum calendar_reading want;
        uint32_t nanos;
    } cases[] = {
        {"2020-04-01T11:51:02Z", CALENDAR_OK, 0},
        {"2020-04-01T11:51:02.1Z", CALENDAR_OK, 100000000},
        {"2020-04-01T11:51:02.123Z", CALENDAR_OK, 123000000},
        {"2020-04-01T11:51:02.123456Z", CALENDAR_OK, 123456000},
        {"2020-04-01T11:51:02.123456789Z", CALENDAR_OK, 123456789},
        {"2020-02-29T00:00:00Z", CALENDAR_OK, 0},
        {"+21016-11-04T06:51:30.123456Z", CALENDAR_FAR, 0},
        {"+294276-12-31T23:59:59.999999Z", CALENDAR_FAR, 0},
        {"-0043-03-15T00:00:00Z", CALENDAR_FAR, 0},
        {"0000-12-31T00:00:00Z", CALENDAR_FAR, 0},
        {"", CALENDAR_MALFORMED, 0},
        {"infinity", CALENDAR_MALFORMED, 0},
        {"2020-04-01", CALENDAR_MALFORMED, 0},
        {"2020-04-01T11:51:02", CALENDAR_MALFORMED, 0},
        {"2020-04-01T11:51:02.1234567891Z", CALENDAR_MALFORMED, 0},
        {"2020-04-01T11:51:02+02:00", CALENDAR_MALFORMED, 0},
        {"2020-04-01T11:51:02ZZ", CALENDAR_MALFORMED, 0},
        {"2020-04-01 11:51:02Z", CALENDAR_MALFORMED, 0},
        {"2021-02-29T00:00:00Z", CALENDAR_MALFORMED, 0},
        {"1900-02-29T00:00:00Z", CALENDAR_MALFORMED, 0},
        {"2020-13-01T00:00:00Z", CALENDAR_MALFORMED, 0},
        {"2020-00-01T00:00:00Z", CALENDAR_MALFORMED, 0},
        {"2020-04-31T00:00:00Z", CALENDAR_MALFORMED, 0},
        {"2020-04-00T00:00:00Z", CALENDAR_MALFORMED, 0},
        {"2020-04-01T24:00:00Z", CALENDAR_MALFORMED, 0},
        {"2020-04-01T11:60:00Z", CALENDAR_MALFORMED, 0},
        {"2020-04-01T11:51:60Z", CALENDAR_MALFORMED, 0},
        {"2020-04-01T1x:51:00Z", CALENDAR_MALFORMED, 0},
        {"020-04-01T11:51:02Z", CALENDAR_MALFORMED, 0},
        {"12345678901-04-01T11:51:02Z", CALENDAR_MALFORMED, 0},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct calendar_instant instant = {0};
        if (!CHECK_INT(calendar_parse(sluice_str_from(cases[i].text), &instant), cases[i].want))
            (void)fprintf(stderr, "    text \"%s\"\n", cases[i].text);
        CHECK_INT(instant.nanos, cases[i].nanos);
    }
}

/* Cut at every byte, in an allocation of exactly that size. */
static void test_truncated(void)
{
    static const char text[] = "2020-04-01T11:51:02.123456Z";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        struct calendar_instant instant;
        char *exact = malloc(n > 0 ? n : 1);
        if (!CHECK(exact != NULL))
            return;
        memcpy(exact, text, n);
        CHECK_INT(calendar_parse((struct sluice_str){exact, n}, &instant), CALENDAR_MALFORMED);
        free(exact);
    }
}

int main(int argc, char **argv)
{
    test_against_libc(random_seed(argc, argv));
    test_days();
    test_dates();
    test_forms();
    test_truncated();
    return check_result();
}
