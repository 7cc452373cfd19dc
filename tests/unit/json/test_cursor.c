/* The grammar of RFC 8259 point by point. Every text lies in an allocation of exactly its size, so that a byte read
 * behind its end is seen, and is tried behind 0 to 33 spaces, so that each of its bytes comes to stand at each place of
 * a 16-byte block and in the rest behind the last block. */
#include "json/cursor.h"

#include <stdlib.h>

#include "support/check.h"

enum { MAX_SHIFT = 33 };

struct text {
    char *ptr;
    size_t len;
};

static struct text shifted(const char *bytes, size_t n, size_t shift)
{
    struct text text = {malloc(n + shift + (n + shift == 0)), n + shift};
    if (text.ptr == NULL)
        abort();
    memset(text.ptr, ' ', shift);
    if (n > 0)
        memcpy(text.ptr + shift, bytes, n);
    return text;
}

/* The whole text is one value. */
static enum sluice_code parse_one(struct text text, struct sluice_value *value, struct sluice_error *err)
{
    struct sluice_json_cursor cursor;
    sluice_json_init(&cursor, (struct sluice_str){text.ptr, text.len});
    enum sluice_code code = sluice_json_value(&cursor, value, err);
    return code != SLUICE_OK ? code : sluice_json_finish(&cursor, err);
}

struct good {
    const char *text;
    enum sluice_value_kind kind;
    const char *content; /* NULL: the text itself */
};

static const struct good good[] = {
    {"null", SLUICE_VALUE_NULL, NULL},
    {"true", SLUICE_VALUE_TRUE, NULL},
    {"false", SLUICE_VALUE_FALSE, NULL},
    {"0", SLUICE_VALUE_NUMBER, NULL},
    {"-0", SLUICE_VALUE_NUMBER, NULL},
    {"7", SLUICE_VALUE_NUMBER, NULL},
    {"-12", SLUICE_VALUE_NUMBER, NULL},
    {"1234567890123456", SLUICE_VALUE_NUMBER, NULL},
    {"9223372036854775807", SLUICE_VALUE_NUMBER, NULL},
    {"123456789012345678901234567890123456789", SLUICE_VALUE_NUMBER, NULL},
    {"0.5", SLUICE_VALUE_NUMBER, NULL},
    {"-1.25", SLUICE_VALUE_NUMBER, NULL},
    {"1e5", SLUICE_VALUE_NUMBER, NULL},
    {"1E+5", SLUICE_VALUE_NUMBER, NULL},
    {"1.0E-10", SLUICE_VALUE_NUMBER, NULL},
    {"0e0", SLUICE_VALUE_NUMBER, NULL},
    {"\"\"", SLUICE_VALUE_STRING, ""},
    {"\"a\"", SLUICE_VALUE_STRING, "a"},
    {"\"fourteen bytes\"", SLUICE_VALUE_STRING, "fourteen bytes"},
    {"\"fifteen bytes..\"", SLUICE_VALUE_STRING, "fifteen bytes.."},
    {"\"sixteen bytes...\"", SLUICE_VALUE_STRING, "sixteen bytes..."},
    {"\"a string that takes more than two blocks of sixteen\"", SLUICE_VALUE_STRING,
     "a string that takes more than two blocks of sixteen"},
    {"\"/ {}[],: \x7f\"", SLUICE_VALUE_STRING, "/ {}[],: \x7f"},
    {"\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", SLUICE_VALUE_STRING, "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
    {"\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
     SLUICE_VALUE_STRING,
     "\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"},
    {"\"\\\"\"", SLUICE_VALUE_STRING_ESCAPED, "\\\""},
    {"\"\\\\\"", SLUICE_VALUE_STRING_ESCAPED, "\\\\"},
    {"\"\\\\\\\"x\"", SLUICE_VALUE_STRING_ESCAPED, "\\\\\\\"x"},
    {"\"\\/\\b\\f\\n\\r\\t\"", SLUICE_VALUE_STRING_ESCAPED, "\\/\\b\\f\\n\\r\\t"},
    {"\"\\u00e4\\uD83D\\uDE00\\u0000\"", SLUICE_VALUE_STRING_ESCAPED, "\\u00e4\\uD83D\\uDE00\\u0000"},
    {"\"\xc3\xa4\\n\"", SLUICE_VALUE_STRING_ESCAPED, "\xc3\xa4\\n"},
    {"{}", SLUICE_VALUE_OBJECT, NULL},
    {"[]", SLUICE_VALUE_ARRAY, NULL},
    {"[ ]", SLUICE_VALUE_ARRAY, NULL},
    {"[1,[2,{\"a\":[]}],\"]\"]", SLUICE_VALUE_ARRAY, NULL},
    {"{\"a\":\"}\",\"b\":{\"c\":\"\\\"}\"}}", SLUICE_VALUE_OBJECT, NULL},
    {"{\"a long enough object\":\"with {[ and ]} inside\",\"array\":[true,false,null]}", SLUICE_VALUE_OBJECT, NULL},
};

static void test_good(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(good); i++) {
        const char *content = good[i].content != NULL ? good[i].content : good[i].text;
        for (size_t shift = 0; shift <= MAX_SHIFT; shift++) {
            struct text text = shifted(good[i].text, strlen(good[i].text), shift);
            struct sluice_value value;
            struct sluice_error err;
            if (!CHECK_INT(parse_one(text, &value, &err), SLUICE_OK)) {
                (void)fprintf(stderr, "    of %s: %s\n", good[i].text, err.text);
            } else {
                CHECK_INT(value.kind, good[i].kind);
                CHECK_BYTES(value.text.ptr, value.text.len, content, strlen(content));
            }
            free(text.ptr);
        }
    }
}

/* Whatever is left of a text that ends early is an error, except for numbers. */
static void test_truncated(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(good); i++) {
        if (good[i].kind == SLUICE_VALUE_NUMBER)
            continue;
        for (size_t n = 0; n < strlen(good[i].text); n++) {
            struct text text = shifted(good[i].text, n, 0);
            struct sluice_value value;
            struct sluice_error err;
            if (!CHECK_INT(parse_one(text, &value, &err), SLUICE_E_JSON))
                (void)fprintf(stderr, "    of the first %zu bytes of %s\n", n, good[i].text);
            free(text.ptr);
        }
    }
}

struct bad {
    const char *text;
    const char *why;
};

static const struct bad bad[] = {
    {"", "the text ends where a value should stand"},
    {"nul", "neither null, true nor false"},
    {"nulL", "neither null, true nor false"},
    {"nullx", "something stands behind the end"},
    {"tru", "neither null, true nor false"},
    {"truE", "neither null, true nor false"},
    {"falsE", "neither null, true nor false"},
    {"True", "no value begins with this character"},
    {"NaN", "no value begins with this character"},
    {"Infinity", "no value begins with this character"},
    {"-Infinity", "a number that is not one"},
    {"-", "a number that is not one"},
    {"+1", "no value begins with this character"},
    {".5", "no value begins with this character"},
    {"01", "a number that is not one"},
    {"-01", "a number that is not one"},
    {"00", "a number that is not one"},
    {"1.", "a number that is not one"},
    {"1.e5", "a number that is not one"},
    {"1e", "a number that is not one"},
    {"1e+", "a number that is not one"},
    {"1.5e-", "a number that is not one"},
    {"0x10", "something stands behind the end"},
    {"1 2", "something stands behind the end"},
    {"1.2.3", "something stands behind the end"},
    {"\"a", "a string without its closing quote"},
    {"\"a\\\"", "a string without its closing quote"},
    {"\"\\", "a backslash that begins no escape"},
    {"\"\\x\"", "a backslash that begins no escape"},
    {"\"\\U0041\"", "a backslash that begins no escape"},
    {"\"\\u12\"", "a backslash that begins no escape"},
    {"\"\\u12g4\"", "a backslash that begins no escape"},
    {"\"\\u", "a backslash that begins no escape"},
    {"\"a\nb\"", "a control character inside a string"},
    {"\"a\" \"b\"", "something stands behind the end"},
    {"'a'", "no value begins with this character"},
    {"\"\x80\"", "not UTF-8"},
    {"\"\xbf\"", "not UTF-8"},
    {"\"\xc0\x80\"", "not UTF-8"},
    {"\"\xc1\xbf\"", "not UTF-8"},
    {"\"\xc3\"", "not UTF-8"},
    {"\"\xc3(\"", "not UTF-8"},
    {"\"\xe0\x9f\xbf\"", "not UTF-8"},
    {"\"\xe2\x82\"", "not UTF-8"},
    {"\"\xe2\x28\xa1\"", "not UTF-8"},
    {"\"\xed\xa0\x80\"", "not UTF-8"},
    {"\"\xed\xbf\xbf\"", "not UTF-8"},
    {"\"\xf0\x8f\xbf\xbf\"", "not UTF-8"},
    {"\"\xf0\x9f\x98\"", "not UTF-8"},
    {"\"\xf4\x90\x80\x80\"", "not UTF-8"},
    {"\"\xf5\x80\x80\x80\"", "not UTF-8"},
    {"\"\xff\"", "not UTF-8"},
    {"\"sixteen plain ones, then \xe2\x82\"", "not UTF-8"},
    {"\xef\xbb\xbf{}", "no value begins with this character"},
    {"\f1", "no value begins with this character"},
    {"[1,2", "an object or array that is not closed"},
    {"{\"a\":1", "an object or array that is not closed"},
    {"[}", "a closing bracket of the wrong kind"},
    {"{\"a\":[1}]", "a closing bracket of the wrong kind"},
    {"[\"\t\"]", "a control character inside a string"},
    {"[\"\\x\"]", "a backslash that begins no escape"},
    {"]", "no value begins with this character"},
    {"[]]", "something stands behind the end"},
    {",", "no value begins with this character"},
};

static void test_bad(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(bad); i++) {
        for (size_t shift = 0; shift <= MAX_SHIFT; shift++) {
            struct text text = shifted(bad[i].text, strlen(bad[i].text), shift);
            struct sluice_value value;
            struct sluice_error err = {0};
            if (!CHECK_INT(parse_one(text, &value, &err), SLUICE_E_JSON))
                (void)fprintf(stderr, "    of %s\n", bad[i].text);
            else
                CHECK_CONTAINS(err.text, bad[i].why);
            CHECK_INT(err.action, SLUICE_REJECT);
            free(text.ptr);
        }
    }
}

/* All of them, the NUL byte too, at every place of a block. */
static void test_control_characters(void)
{
    for (unsigned char c = 0; c < 0x20; c++) {
        for (size_t shift = 0; shift <= MAX_SHIFT; shift++) {
            char bytes[] = {'"', 'a', (char)c, 'b', '"'};
            struct text text = shifted(bytes, sizeof bytes, shift);
            struct sluice_value value;
            struct sluice_error err = {0};
            char where[32];
            CHECK_INT(parse_one(text, &value, &err), SLUICE_E_JSON);
            (void)snprintf(where, sizeof where, "byte %zu of the text", shift + 2);
            CHECK_CONTAINS(err.text, where);
            free(text.ptr);
        }
    }
}

static void test_depth(void)
{
    for (size_t depth = 1; depth <= 80; depth++) {
        char bytes[200];
        for (size_t i = 0; i < depth; i++) {
            bytes[i] = i % 3 == 0 ? '[' : '{';
            bytes[2 * depth - 1 - i] = i % 3 == 0 ? ']' : '}';
        }
        struct text text = shifted(bytes, 2 * depth, 0);
        struct sluice_value value;
        struct sluice_error err = {0};
        CHECK_INT(parse_one(text, &value, &err), depth <= 64 ? SLUICE_OK : SLUICE_E_JSON);
        if (depth > 64)
            CHECK_CONTAINS(err.text, "nested deeper than 64 levels");
        free(text.ptr);
    }
}

/* Writes the members of an object as "name=value;", or the error. */
static void walk(struct text text, char *out, size_t capacity)
{
    struct sluice_json_cursor cursor;
    struct sluice_error err = {0};
    bool first = true;
    bool more = true;
    size_t n = 0;
    sluice_json_init(&cursor, (struct sluice_str){text.ptr, text.len});
    enum sluice_code code = sluice_json_enter_object(&cursor, &err);
    while (code == SLUICE_OK) {
        struct sluice_str name;
        struct sluice_value value;
        code = sluice_json_next_member(&cursor, &first, &more, &name, &err);
        if (code != SLUICE_OK || !more)
            break;
        code = sluice_json_value(&cursor, &value, &err);
        if (code == SLUICE_OK)
            n +=
                (size_t)snprintf(out + n, capacity - n, "%.*s=%.*s;", SLUICE_STR_ARG(name), SLUICE_STR_ARG(value.text));
    }
    if (code == SLUICE_OK)
        code = sluice_json_finish(&cursor, &err);
    if (code != SLUICE_OK)
        (void)snprintf(out + n, capacity - n, "! %s", err.text);
    else
        out[n] = '\0';
}

static void test_objects(void)
{
    static const struct bad cases[] = {
        {"{}", ""},
        {" { } ", ""},
        {"{\"a\":1}", "a=1;"},
        {"{\"\":\"\"}", "=;"},
        {"{\"a\":1,\"b\":[1,2],\"c\":{\"d\":2},\"e\":\"x\"}", "a=1;b=[1,2];c={\"d\":2};e=x;"},
        {"\t{ \"a\"\r\n : 1 , \"b\" : null }\n", "a=1;b=null;"},
        {"{\"a\\\"b\":1,\"\xc3\xa4\":2}", "a\\\"b=1;\xc3\xa4=2;"},
        {"{\"a\":1,\"a\":2}", "a=1;a=2;"},
        {"[]", "! byte 0 of the text: an object should begin here"},
        {"", "! byte 0 of the text: an object should begin here"},
        {"{", "! byte 1 of the text: a member's name should stand here"},
        {"{,}", "! byte 1 of the text: a member's name should stand here"},
        {"{a:1}", "! byte 1 of the text: a member's name should stand here"},
        {"{1:1}", "! byte 1 of the text: a member's name should stand here"},
        {"{\"a\":1,}", "a=1;! byte 7 of the text: a member's name should stand here"},
        {"{\"a\":1,,\"b\":1}", "a=1;! byte 7 of the text: a member's name should stand here"},
        {"{\"a\" 1}", "! byte 5 of the text: a colon should stand here"},
        {"{\"a\"", "! byte 4 of the text: a colon should stand here"},
        {"{\"a\":}", "! byte 5 of the text: no value begins with this character"},
        {"{\"a\":", "! byte 5 of the text: the text ends where a value should stand"},
        {"{\"a\":1 \"b\":2}", "a=1;! byte 7 of the text: a comma or the end of the object should stand here"},
        {"{\"a\":1", "a=1;! byte 6 of the text: a comma or the end of the object should stand here"},
        {"{\"a\":1]", "a=1;! byte 6 of the text: a comma or the end of the object should stand here"},
        {"{\"a\":1x}", "a=1;! byte 6 of the text: a comma or the end of the object should stand here"},
        {"{\"a", "! byte 3 of the text: a string without its closing quote"},
        {"{\"\xff\":1}", "! byte 2 of the text: bytes inside a string that are not UTF-8"},
        {"{} x", "! byte 3 of the text: something stands behind the end of the value"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct text text = shifted(cases[i].text, strlen(cases[i].text), 0);
        char out[512];
        walk(text, out, sizeof out);
        CHECK_TEXT(out, cases[i].why);
        free(text.ptr);
    }
}

static void test_peek(void)
{
    static const struct good cases[] = {
        {" null", SLUICE_VALUE_NULL, NULL}, {"true", SLUICE_VALUE_TRUE, NULL},  {"false", SLUICE_VALUE_FALSE, NULL},
        {"-1", SLUICE_VALUE_NUMBER, NULL},  {"9", SLUICE_VALUE_NUMBER, NULL},   {"\"\\n\"", SLUICE_VALUE_STRING, NULL},
        {"{}", SLUICE_VALUE_OBJECT, NULL},  {"\n[]", SLUICE_VALUE_ARRAY, NULL},
    };
    struct sluice_json_cursor cursor;
    struct sluice_value value;
    enum sluice_value_kind kind;
    struct sluice_error err;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        sluice_json_init(&cursor, sluice_str_from(cases[i].text));
        CHECK_INT(sluice_json_peek(&cursor, &kind, &err), SLUICE_OK);
        CHECK_INT(kind, cases[i].kind);
        CHECK_INT(sluice_json_value(&cursor, &value, &err), SLUICE_OK); /* nothing was consumed */
    }
    sluice_json_init(&cursor, (struct sluice_str){NULL, 0});
    CHECK_INT(sluice_json_peek(&cursor, &kind, &err), SLUICE_E_JSON);
}

static void test_skip_equal(void)
{
    struct sluice_json_cursor cursor;
    sluice_json_init(&cursor, SLUICE_STR_LITERAL("{\"a\":1},2"));
    CHECK(!sluice_json_skip_equal(&cursor, SLUICE_STR_LITERAL("{\"b\"")));
    CHECK(!sluice_json_skip_equal(&cursor, SLUICE_STR_LITERAL("{\"a\":1},2,")));
    CHECK(sluice_json_skip_equal(&cursor, SLUICE_STR_LITERAL("{\"a\":1}")));
    CHECK_INT(cursor.at - cursor.start, 7);
    CHECK(sluice_json_skip_equal(&cursor, SLUICE_STR_LITERAL(",2")));
    CHECK(!sluice_json_skip_equal(&cursor, SLUICE_STR_LITERAL("2")));
}

static void test_int64(void)
{
    static const struct {
        const char *text;
        bool good;
        int64_t number;
    } cases[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"7", true, 7},
        {"-7", true, -7},
        {"12345678", true, 12345678},
        {"123456789", true, 123456789},
        {"1795256730870663", true, 1795256730870663},
        {"-1795256730870663", true, -1795256730870663},
        {"1795256730870663000", true, 1795256730870663000},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775807", true, -INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"9999999999999999999", false, 0},
        {"18446744073709551616", false, 0},
        {"10000000000000000000", false, 0},
        {"100000000000000000000000000", false, 0},
        {"1.0", false, 0},
        {"1e3", false, 0},
        {"\"5\"", false, 0},
        {"null", false, 0},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct text text = shifted(cases[i].text, strlen(cases[i].text), 0);
        struct sluice_value value;
        struct sluice_error err;
        int64_t number = 0;
        CHECK_INT(parse_one(text, &value, &err), SLUICE_OK);
        if (!CHECK_INT(sluice_json_int64(value, &number, &err), cases[i].good ? SLUICE_OK : SLUICE_E_VALUE))
            (void)fprintf(stderr, "    of %s\n", cases[i].text);
        CHECK_INT(number, cases[i].number);
        free(text.ptr);
    }
}

/* Every power of ten and its neighbours, against the C library. */
static void test_int64_lengths(void)
{
    for (int64_t power = 1; power > 0 && power <= INT64_MAX / 10; power *= 10) {
        for (int64_t number = power - 1; number <= power + 1; number++) {
            for (int sign = -1; sign <= 1; sign += 2) {
                char bytes[32];
                int64_t got = 0;
                struct sluice_error err;
                int n = snprintf(bytes, sizeof bytes, "%" PRId64, sign * number);
                struct sluice_value value = {.text = {bytes, (size_t)n}, .kind = SLUICE_VALUE_NUMBER};
                CHECK_INT(sluice_json_int64(value, &got, &err), SLUICE_OK);
                CHECK_INT(got, sign * number);
            }
        }
    }
}

static void test_unescape(void)
{
    static const struct {
        const char *text; /* between the quotes */
        const char *want; /* NULL: refused */
        size_t n_want;
    } cases[] = {
        {"", "", 0},
        {"plain", "plain", 5},
        {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", 8},
        {"a\\nb\\nc", "a\nb\nc", 5},
        {"\\u0041\\u00e4\\u20AC", "A\xc3\xa4\xe2\x82\xac", 6},
        {"\\u007f\\u0080\\u07ff\\u0800\\uffff", "\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf", 11},
        {"\\ud83d\\ude00!", "\xf0\x9f\x98\x80!", 5},
        {"\\uD800\\uDC00\\uDBFF\\uDFFF", "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", 8},
        {"a\\u0000b", "a\0b", 3},
        {"\xc3\xa4\\t\xc3\xa4", "\xc3\xa4\t\xc3\xa4", 5},
        {"\\ud83d", NULL, 0},
        {"\\ude00", NULL, 0},
        {"\\ud83d\\ud83d", NULL, 0},
        {"\\ud83d\\u0041", NULL, 0},
        {"\\ud83dx\\ude00", NULL, 0},
        {"\\ud83d\\n12345", NULL, 0},
        {"\\ud83dxude00", NULL, 0},
        {"\\x", NULL, 0},
        {"\\u12", NULL, 0},
        {"a\\", NULL, 0},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct text text = shifted(cases[i].text, strlen(cases[i].text), 0);
        struct text out = shifted("", 0, text.len); /* exactly the room that is promised to do */
        struct sluice_value value = {.text = {text.ptr, text.len}, .kind = SLUICE_VALUE_STRING_ESCAPED};
        struct sluice_error err;
        size_t n = 0;
        enum sluice_code code = sluice_json_unescape(value, out.ptr, &n, &err);
        if (!CHECK_INT(code, cases[i].want != NULL ? SLUICE_OK : SLUICE_E_JSON))
            (void)fprintf(stderr, "    of %s\n", cases[i].text);
        if (code == SLUICE_OK)
            CHECK_BYTES(out.ptr, n, cases[i].want, cases[i].n_want);
        free(text.ptr);
        free(out.ptr);
    }
}

int main(void)
{
    test_good();
    test_truncated();
    test_bad();
    test_control_characters();
    test_depth();
    test_objects();
    test_peek();
    test_skip_equal();
    test_int64();
    test_int64_lengths();
    test_unescape();
    return check_result();
}
