/* Cells of both servers in one spelling: equal values, different values, and what a column's type or policy makes of
 * them. */
#include "admin/canon.h"

#include "support/check.h"

enum { MAX_TEXT = 2000 };

static struct sluice_str text_of(const char *text)
{
    return text != NULL ? sluice_str_from(text) : (struct sluice_str){0};
}

/* True if the source's cell and the target's have the same spelling. */
static bool same(const struct canon *canon, const char *source, const char *target)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf one;
    SLUICE_AUTO(sluice_buf) struct sluice_buf other;
    sluice_buf_init(&one, MAX_TEXT, "one");
    sluice_buf_init(&other, MAX_TEXT, "other");
    CHECK_INT(canon_append(canon, CANON_SOURCE, text_of(source), &one, &err), SLUICE_OK);
    CHECK_INT(canon_append(canon, CANON_TARGET, text_of(target), &other, &err), SLUICE_OK);
    return sluice_str_equal(sluice_buf_str(&one), sluice_buf_str(&other));
}

struct pair {
    const char *source;
    const char *target;
    bool equal;
};

static void check_pairs(const struct canon *canon, const struct pair *pairs, size_t n, const char *what)
{
    for (size_t i = 0; i < n; i++) {
        if (CHECK(same(canon, pairs[i].source, pairs[i].target) == pairs[i].equal))
            continue;
        (void)fprintf(stderr, "    %s: %s and %s\n", what, pairs[i].source != NULL ? pairs[i].source : "NULL",
                      pairs[i].target != NULL ? pairs[i].target : "NULL");
    }
}
#define PAIRS(canon, pairs) check_pairs(&(canon), pairs, SLUICE_N_ELEMENTS(pairs), #pairs)

static void test_texts(void)
{
    const struct canon text = {.kind = CANON_TEXT};
    const struct canon fixed = {.kind = CANON_TEXT, .length = 4};
    const struct pair texts[] = {{"a", "a", true},   {"", "", true},    {"a", "a ", false}, {"", NULL, false},
                                 {NULL, NULL, true}, {NULL, "", false}, {"a", "A", false},  {"?a", "?a", true}};
    PAIRS(text, texts);
    CHECK(same(&fixed, "abcd", "abcd"));
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf one;
    SLUICE_AUTO(sluice_buf) struct sluice_buf other;
    sluice_buf_init(&one, MAX_TEXT, "one");
    sluice_buf_init(&other, MAX_TEXT, "other");
    CHECK_INT(canon_append(&fixed, CANON_SOURCE, sluice_str_from("ab"), &one, &err), SLUICE_OK);
    CHECK_INT(canon_append(&fixed, CANON_TARGET, (struct sluice_str){"ab\0\0", 4}, &other, &err), SLUICE_OK);
    CHECK(sluice_str_equal(sluice_buf_str(&one), sluice_buf_str(&other)));
}

static void test_booleans(void)
{
    const struct canon canon = {.kind = CANON_BOOL};
    const struct pair booleans[] = {{"t", "true", true},  {"f", "false", true}, {"t", "1", true},
                                    {"f", "0", true},     {"1", "true", true},  {"t", "false", false},
                                    {"f", "true", false}, {"t", "2", false},    {NULL, "false", false}};
    PAIRS(canon, booleans);
}

static void test_numbers(void)
{
    const struct canon canon = {.kind = CANON_NUMBER};
    const struct pair numbers[] = {
        {"1", "1", true},
        {"1.50", "1.5", true},
        {"-0.00", "0", true},
        {"0.05", "0.05", true},
        {"0.50", "0.05", false},
        {"10", "1", false},
        {"100", "1", false},
        {"1", "-1", false},
        {"007", "7", true},
        {"-$1,234.50", "-1234.5", true},
        {"1.0000000000000000000000000000000000001", "1", false},
        {"99999999999999999999999999999999999999", "99999999999999999999999999999999999998", false},
        {"NaN", "NaN", true},
        {"NaN", "NAN", true},
        {"Infinity", "POSITIVE_INFINITY", true},
        {"-Infinity", "POSITIVE_INFINITY", false},
        {"NaN", NULL, false},
        {"0", "", false},
        {"1", "1x", false},
        {"1.", "1", true},
        {"12", "1.2", false},
    };
    PAIRS(canon, numbers);
}

static void test_floats(void)
{
    const struct canon single = {.kind = CANON_FLOAT32};
    const struct canon wide = {.kind = CANON_FLOAT64};
    const struct canon widened = {.kind = CANON_FLOAT64, .is_single = true};
    const struct pair doubles[] = {{"0.1", "0.1", true},
                                   {"1e+15", "1000000000000000", true},
                                   {"5e-324", "5e-324", true},
                                   {"NaN", "nan", true},
                                   {"Infinity", "inf", true},
                                   {"-Infinity", "inf", false},
                                   {"0.1", "0.10000000000000002", false},
                                   {"0", "-0", false},
                                   {"1", "", false}};
    const struct pair singles[] = {
        {"0.1", "0.1", true}, {"3.4028235e+38", "3.4028235e38", true}, {"0.1", "0.2", false}};
    const struct pair both[] = {{"0.1", "0.10000000149011612", true}, {"0.1", "0.1", false}};
    PAIRS(wide, doubles);
    PAIRS(single, singles);
    PAIRS(widened, both);
}

static void test_bytes(void)
{
    const struct canon raw = {.kind = CANON_BYTES, .bin = SLUICE_BINARY_RAW};
    const struct canon hex = {.kind = CANON_BYTES, .bin = SLUICE_BINARY_HEX};
    const struct canon base64 = {.kind = CANON_BYTES, .bin = SLUICE_BINARY_BASE64};
    const struct pair raws[] = {{"\\x616263", "abc", true}, {"\\x", "", true}, {"\\x6162", "abc", false}};
    const struct pair hexes[] = {
        {"\\x00ff", "00ff", true}, {"\\x00ff", "00FF", true}, {"\\x00ff", "00fe", false}, {"\\x00ff", "00f", false}};
    const struct pair base64s[] = {
        {"\\x616263", "YWJj", true}, {"\\x", "", true}, {"\\x616263", "YWJk", false}, {"\\x616263", "YWJ", false}};
    PAIRS(raw, raws);
    PAIRS(hex, hexes);
    PAIRS(base64, base64s);
}

static void test_moments(void)
{
    const struct canon canon = {.kind = CANON_MOMENT, .digits = 6};
    const struct pair moments[] = {
        {"2024-02-29", "2024-02-29", true},
        {"2024-02-29 12:34:56.5", "2024-02-29 12:34:56.500000", true},
        {"2024-02-29 12:34:56.5+00", "2024-02-29 12:34:56.500000", true},
        {"2024-02-29 12:34:56", "2024-02-29T12:34:56.000000Z", true},
        {"2024-02-29 12:34:56+00", "2024-02-29T14:34:56+02:00", true},
        {"1969-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999", true},
        {"1969-12-31 23:59:59.999999", "1970-01-01 00:00:00.000000", false},
        {"2024-02-29 12:34:56.5", "2024-02-29 12:34:56.500000001", false},
        {"2024-02-29 12:34:56.5", "2024-02-29 12:34:56.500000000", true},
        {"0044-03-15 BC", "0044-03-15", false},
        {"294276-12-31 23:59:59.999999", "294276-12-31 23:59:59.999999", true},
        {"infinity", "2299-12-31", false},
        {"2024-02-29", "2024-02-28", false},
        {"2024-02-29", "", false},
    };
    PAIRS(canon, moments);
}

static void test_ranges(void)
{
    struct canon canon = {.kind = CANON_MOMENT,
                          .digits = 3,
                          .has_range = true,
                          .first = {-25567, 0},
                          .last = {120529, INT64_C(86399999000)},
                          .policy = SLUICE_RANGE_CLAMP};
    const struct pair clamped[] = {
        {"infinity", "2299-12-31 23:59:59.999", true},
        {"-infinity", "1900-01-01 00:00:00.000", true},
        {"0044-03-15 00:00:00 BC", "1900-01-01 00:00:00.000", true},
        {"5000-01-01 00:00:00", "2299-12-31 23:59:59.999", true},
        {"2024-01-01 00:00:00.123456", "2024-01-01 00:00:00.123", true},
        {"1969-12-31 23:59:59.123456", "1969-12-31 23:59:59.123", true},
        {"5000-01-01 00:00:00", NULL, false},
    };
    const struct pair nulled[] = {{"infinity", NULL, true},
                                  {"2024-01-01 00:00:00.123456", NULL, true},
                                  {"2024-01-01 00:00:00.123", NULL, false},
                                  {"2024-01-01 00:00:00.123", "2024-01-01 00:00:00.123", true}};
    const struct pair rejected[] = {{"infinity", "2299-12-31 23:59:59.999", false}, {"infinity", NULL, false}};
    PAIRS(canon, clamped);
    canon.policy = SLUICE_RANGE_NULL;
    PAIRS(canon, nulled);
    canon.policy = SLUICE_RANGE_REJECT;
    PAIRS(canon, rejected);
}

static void test_clocks(void)
{
    const struct canon clock = {.kind = CANON_CLOCK, .digits = 9};
    const struct canon zoned = {.kind = CANON_ZONED_CLOCK, .digits = 9};
    const struct pair clocks[] = {{"12:00:00.5", "12:00:00.500000", true}, {"24:00:00", "24:00:00.000000", true},
                                  {"00:00:01", "1000000", true},           {"12:00:00", "12:00:01", false},
                                  {"12:00:00", "12:00:00Z", true},         {"12:00:00", "noon", false}};
    const struct pair zones[] = {{"12:00:00+02", "10:00:00Z", true},
                                 {"00:30:00+01", "23:30:00Z", true},
                                 {"12:00:00.5-05:30", "17:30:00.5Z", true},
                                 {"12:00:00+02", "12:00:00Z", false}};
    PAIRS(clock, clocks);
    PAIRS(zoned, zones);
}

static void test_intervals(void)
{
    const struct canon count = {.kind = CANON_DURATION};
    const struct canon parts = {.kind = CANON_PARTS};
    const struct pair counts[] = {{"00:00:00", "0", true},
                                  {"1 day", "86400000000", true},
                                  {"-1 days +00:00:01", "-86399000000", true},
                                  {"1 mon", "2629800000000", true},
                                  {"1 year 2 mons 3 days 04:05:06.78", "37091106780000", true},
                                  {"-00:00:00.5", "-500000", true},
                                  {"1 day", "86400000001", false}};
    const struct pair isos[] = {{"1 year 2 mons 3 days 04:05:06.78", "P1Y2M3DT4H5M6.78S", true},
                                {"1 year 2 mons 3 days 04:05:06.78", "P1Y2M4DT4H5M6.78S", false},
                                {"-00:00:00.5", "P0Y0M0DT0H0M-0.5S", true},
                                {"00:00:00", "P0Y0M0DT0H0M0S", true}};
    PAIRS(count, counts);
    PAIRS(parts, isos);
}

static void test_addresses(void)
{
    const struct canon canon = {.kind = CANON_ADDRESS};
    const struct pair addresses[] = {{"10.0.0.1", "10.0.0.1", true},
                                     {"10.0.0.1", "::ffff:10.0.0.1", true},
                                     {"2001:db8::1", "2001:db8:0:0::1", true},
                                     {"10.0.0.1/24", "10.0.0.1", false},
                                     {"10.0.0.1", "10.0.0.2", false}};
    PAIRS(canon, addresses);
}

static void test_composites(void)
{
    const struct canon number = {.kind = CANON_NUMBER};
    const struct canon text = {.kind = CANON_TEXT};
    const struct canon numbers = {.kind = CANON_ARRAY, .element = &number, .null_is_empty = true};
    const struct canon texts = {.kind = CANON_ARRAY, .element = &text, .null_is_empty = true};
    const struct canon hstore = {.kind = CANON_MAP};
    const struct canon point = {.kind = CANON_POINT, .null_is_empty = true};
    const struct pair number_arrays[] = {{"{1,2,NULL}", "[\"1\",\"2\",null]", true},
                                         {"{}", "[]", true},
                                         {NULL, "[]", true},
                                         {"{1,2}", "[\"12\"]", false},
                                         {"{1,2}", "[\"2\",\"1\"]", false},
                                         {"{{1},{2}}", "[\"1\",\"2\"]", false},
                                         {"{1}", "broken", false}};
    const struct pair text_arrays[] = {
        {"{\"a,b\",\"q\\\"\\\\\",\"NULL\",NULL,\"\"}", "[\"a,b\",\"q\\\"\\\\\",\"NULL\",null,\"\"]", true},
        {"{a}", "[\"b\"]", false},
        {"{NULL}", "[\"NULL\"]", false},
        {"{ab,c}", "[\"a\",\"bc\"]", false}};
    const struct pair maps[] = {{"\"b\"=>\"1\", \"a\"=>NULL", "{\"a\":null,\"b\":\"1\"}", true},
                                {"\"\"=>\"\"", "{\"\":\"\"}", true},
                                {"", "{}", true},
                                {"\"q\\\"\"=>\"\\\\\"", "{\"q\\\"\":\"\\\\\"}", true},
                                {"\"a\"=>\"1\"", "{\"a\":\"2\"}", false},
                                {"\"a\"=>\"1\"", "{\"a\":\"1\",\"b\":\"1\"}", false}};
    const struct pair points[] = {{"(1.5,-2)", "(1.5,-2)", true},
                                  {"(1e+15,0)", "(1000000000000000,0)", true},
                                  {NULL, "(NULL,NULL)", true},
                                  {"(1,2)", "(2,1)", false},
                                  {"(1,2)", "(NULL,NULL)", false}};
    PAIRS(numbers, number_arrays);
    PAIRS(texts, text_arrays);
    PAIRS(hstore, maps);
    PAIRS(point, points);
}

/* Cells side by side never read like others: each has its length in front. */
static void test_rows(void)
{
    const struct canon canon = {.kind = CANON_TEXT};
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf one;
    SLUICE_AUTO(sluice_buf) struct sluice_buf other;
    sluice_buf_init(&one, MAX_TEXT, "one");
    sluice_buf_init(&other, MAX_TEXT, "other");
    const char *const first[] = {"ab", "c"};
    const char *const second[] = {"a", "bc"};
    for (size_t i = 0; i < 2; i++) {
        CHECK_INT(canon_append(&canon, CANON_SOURCE, sluice_str_from(first[i]), &one, &err), SLUICE_OK);
        CHECK_INT(canon_append(&canon, CANON_SOURCE, sluice_str_from(second[i]), &other, &err), SLUICE_OK);
    }
    CHECK(!sluice_str_equal(sluice_buf_str(&one), sluice_buf_str(&other)));
}

static void test_unescape(void)
{
    static const struct {
        const char *text;
        const char *want;
        bool is_null;
    } cases[] = {{"plain", "plain", false},
                 {"\\N", "N", true},
                 {"a\\tb\\nc\\\\", "a\tb\nc\\", false},
                 {"\\'", "'", false},
                 {"\\\\N", "\\N", false},
                 {"", "", false},
                 {"\\v\\b\\f\\r", "\v\b\f\r", false},
                 {"end\\", "end\\", false}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        char text[64];
        bool is_null = false;
        (void)snprintf(text, sizeof text, "%s", cases[i].text);
        size_t n = canon_unescape(text, strlen(text), &is_null);
        CHECK_BYTES(text, n, cases[i].want, strlen(cases[i].want));
        CHECK_INT(is_null, cases[i].is_null);
    }
}

int main(void)
{
    test_texts();
    test_booleans();
    test_numbers();
    test_floats();
    test_bytes();
    test_moments();
    test_ranges();
    test_clocks();
    test_intervals();
    test_addresses();
    test_composites();
    test_rows();
    test_unescape();
    return check_result();
}
