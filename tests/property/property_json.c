/* The cursor and jansson agree on random JSON and on what is left of it after a few changes: on whether it is JSON, and
 * on every value in it. The walk enters every object and array.
 *
 * Where the two differ on purpose, the walk follows jansson:
 * - half of a surrogate pair is an error for the cursor only when the string is written without its escapes;
 * - jansson refuses a NUL in a name, the cursor has no reason to.
 * jansson (2.14) passes over a NUL byte behind a number or word; no JSON has one, so the cursor alone is asked there.
 * Where jansson has a limit of its own (integers beyond 64 bits, reals beyond double), or the cursor (64 levels), the
 * case is left out.
 */
#include "support/check.h"
#include "support/exact.h"
#include "support/json_oracle.h"
#include "support/random.h"

enum { N_CASES = 40000 };

/* --- random documents --------------------------------------------------------------------------------------------- */

static void put(struct random_text *text, const char *bytes, size_t n)
{
    if (text->len + n <= sizeof text->bytes) {
        memcpy(text->bytes + text->len, bytes, n);
        text->len += n;
    }
}

static void put_z(struct random_text *text, const char *bytes_z)
{
    put(text, bytes_z, strlen(bytes_z));
}

static void put_space(struct random_text *text)
{
    static const char *const spaces[] = {" ", "\n", "\r\n", "\t", "                    "};
    if (random_below(8) == 0)
        put_z(text, spaces[random_below(SLUICE_N_ELEMENTS(spaces))]);
}

static void put_string(struct random_text *text)
{
    static const char *const pieces[] = {"a",
                                         "xyz",
                                         "plain text of some length",
                                         "\\n",
                                         "\\\"",
                                         "\\\\",
                                         "\\/",
                                         "\\u0041",
                                         "\\uD83D\\uDE42",
                                         "\\u0000",
                                         "\xc3\xa9",
                                         "\xe2\x82\xac",
                                         "\xf0\x9f\x99\x82",
                                         "{[",
                                         "]}:,",
                                         "0123456789abcdef",
                                         "\x7f"};
    put_z(text, "\"");
    for (size_t n = random_below(6); n > 0; n--)
        put_z(text, pieces[random_below(SLUICE_N_ELEMENTS(pieces))]);
    put_z(text, "\"");
}

static void put_digits(struct random_text *text, size_t n)
{
    for (; n > 0; n--)
        put(text, &"0123456789"[random_below(10)], 1);
}

static void put_number(struct random_text *text)
{
    put_z(text, random_below(3) == 0 ? "-" : "");
    if (random_below(8) == 0) {
        put_z(text, "0");
    } else {
        put(text, &"123456789"[random_below(9)], 1);
        put_digits(text, random_below(18));
    }
    if (random_below(4) == 0) {
        put_z(text, ".");
        put_digits(text, 1 + random_below(20));
    }
    if (random_below(4) == 0) {
        static const char *const exponents[] = {"e", "E", "e+", "E-"};
        put_z(text, exponents[random_below(4)]);
        put_digits(text, 1 + random_below(2));
    }
}

static void put_value(struct random_text *text, unsigned depth);

/* The names differ: jansson keeps one member per name. */
static void put_container(struct random_text *text, unsigned depth, bool is_object)
{
    put_z(text, is_object ? "{" : "[");
    for (size_t i = 0, n = random_below(5); i < n; i++) {
        char name_z[64];
        put_space(text);
        put_z(text, i > 0 ? "," : "");
        put_space(text);
        if (is_object) {
            (void)snprintf(name_z, sizeof name_z, "\"%zu%.*s\"", i, (int)random_below(27),
                           "abcdefghijklmnopqrstuvwxyz");
            put_z(text, name_z);
            put_space(text);
            put_z(text, ":");
        }
        put_value(text, depth + 1);
    }
    put_space(text);
    put_z(text, is_object ? "}" : "]");
}

static void put_value(struct random_text *text, unsigned depth)
{
    static const char *const words[] = {"null", "true", "false"};
    size_t kind = random_below(depth < 5 ? 8 : 5);
    put_space(text);
    if (kind < 2)
        put_string(text);
    else if (kind < 4)
        put_number(text);
    else if (kind == 4)
        put_z(text, words[random_below(3)]);
    else
        put_container(text, depth, kind < 7);
}

/* --- the walk ----------------------------------------------------------------------------------------------------- */

/* Walks the value under the cursor; false if it is no JSON. `want` is what jansson has in this place, NULL if jansson
 * says that the document is no JSON. *equal is cleared at the first value that differs. */
static bool walk(struct sluice_json_cursor *cursor, const json_t *want, bool *equal);

static bool walk_name(struct sluice_str name, const json_t *object, const json_t **value)
{
    size_t n = 0;
    char *plain = oracle_unescape(name, &n);
    bool good = plain != NULL && (n == 0 || memchr(plain, '\0', n) == NULL);
    char key_z[1024];
    if (good) {
        (void)snprintf(key_z, sizeof key_z, "%.*s", (int)n, plain);
        *value = json_object_get(object, key_z);
    }
    free(plain);
    return good;
}

static bool walk_object(struct sluice_json_cursor *cursor, const json_t *want, bool *equal)
{
    bool first = true;
    bool more = false;
    size_t n = 0;
    struct sluice_str name;
    struct sluice_error err;
    if (sluice_json_enter_object(cursor, &err) != SLUICE_OK)
        return false;
    for (;; n++) {
        const json_t *value = NULL;
        if (sluice_json_next_member(cursor, &first, &more, &name, &err) != SLUICE_OK)
            return false;
        if (!more)
            break;
        if (!walk_name(name, want, &value) || !walk(cursor, value, equal))
            return false;
    }
    *equal = *equal && json_is_object(want) && json_object_size(want) == n;
    return true;
}

static void skip_space(struct sluice_json_cursor *cursor)
{
    while (cursor->at < cursor->end && memchr(" \t\r\n", *cursor->at, 4) != NULL)
        cursor->at++;
}

/* The cursor takes arrays whole; the commas are looked at here. */
static bool walk_array(struct sluice_json_cursor *cursor, const json_t *want, bool *equal)
{
    size_t n = 0;
    cursor->at++;
    skip_space(cursor);
    if (cursor->at < cursor->end && *cursor->at == ']') {
        cursor->at++;
        *equal = *equal && json_is_array(want) && json_array_size(want) == 0;
        return true;
    }
    for (;; n++) {
        if (!walk(cursor, json_array_get(want, n), equal))
            return false;
        skip_space(cursor);
        if (cursor->at == cursor->end || (*cursor->at != ',' && *cursor->at != ']'))
            return false;
        if (*cursor->at++ == ']')
            break;
    }
    *equal = *equal && json_is_array(want) && json_array_size(want) == n + 1;
    return true;
}

static bool walk(struct sluice_json_cursor *cursor, const json_t *want, bool *equal)
{
    enum sluice_value_kind kind = SLUICE_VALUE_NULL;
    struct sluice_value value;
    struct sluice_error err;
    if (sluice_json_peek(cursor, &kind, &err) != SLUICE_OK)
        return false;
    if (kind == SLUICE_VALUE_OBJECT)
        return walk_object(cursor, want, equal);
    if (kind == SLUICE_VALUE_ARRAY)
        return walk_array(cursor, want, equal);
    if (sluice_json_value(cursor, &value, &err) != SLUICE_OK)
        return false;
    if (value.kind == SLUICE_VALUE_STRING_ESCAPED) {
        size_t n = 0;
        char *plain = oracle_unescape(value.text, &n);
        free(plain);
        if (plain == NULL)
            return false;
    }
    *equal = *equal && want != NULL && oracle_value_equal(value, want);
    return true;
}

/* --- the properties ----------------------------------------------------------------------------------------------- */

static void show(const char *what, struct sluice_str text)
{
    (void)fprintf(stderr, "    %s: %.*s\n", what, (int)text.len, text.ptr);
}

/* What the walk accepts is also a value that can be taken whole, from its first byte to its last. */
static void check_whole(struct sluice_str text)
{
    struct sluice_json_cursor cursor;
    struct sluice_value value = {.text = {NULL, 0}, .kind = SLUICE_VALUE_NULL};
    struct sluice_error err;
    sluice_json_init(&cursor, text);
    bool taken = sluice_json_value(&cursor, &value, &err) == SLUICE_OK;
    bool is_string = value.kind == SLUICE_VALUE_STRING || value.kind == SLUICE_VALUE_STRING_ESCAPED;
    if (!CHECK(taken) || !CHECK(cursor.at == value.text.ptr + value.text.len + (is_string ? 1 : 0)) ||
        !CHECK(sluice_json_finish(&cursor, &err) == SLUICE_OK))
        show("not taken whole", text);
}

/* True if the case was comparable. */
static bool check_document(struct sluice_str document, bool must_be_json, size_t *n_accepted)
{
    struct sluice_str text = exact_copy(document);
    struct sluice_json_cursor cursor;
    struct sluice_error err;
    json_error_t jansson;
    bool equal = true;
    bool has_nul = text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
    json_t *want = has_nul ? NULL : oracle_load(text, JSON_REJECT_DUPLICATES, &jansson);
    enum json_error_code reason = want == NULL && !has_nul ? json_error_code(&jansson) : json_error_unknown;
    bool comparable = want != NULL || (reason != json_error_numeric_overflow && reason != json_error_stack_overflow &&
                                       reason != json_error_duplicate_key);
    sluice_json_init(&cursor, text);
    bool good = walk(&cursor, want, &equal) && sluice_json_finish(&cursor, &err) == SLUICE_OK;
    if (comparable && (!CHECK(good == (want != NULL)) || (good && !CHECK(equal))))
        show(want != NULL ? "jansson accepts" : has_nul ? "has a NUL" : jansson.text, text);
    if (good)
        check_whole(text);
    if (must_be_json)
        CHECK(want != NULL);
    *n_accepted += comparable && good ? 1 : 0;
    json_decref(want);
    exact_free(text);
    return comparable;
}

int main(int argc, char **argv)
{
    static struct random_text text;
    size_t n_cases = random_start(argc, argv, N_CASES);
    size_t n_compared = 0;
    size_t n_accepted = 0;
    for (size_t i = 0; i < n_cases && check_n_failed < 10; i++) {
        text.len = 0;
        put_value(&text, random_below(4) == 0 ? 5 : 0);
        /* A document that filled its room may have lost a piece. */
        bool whole = text.len < sizeof text.bytes - 64;
        n_compared += check_document((struct sluice_str){text.bytes, text.len}, whole, &n_accepted);
        for (size_t n = 1 + random_below(3); n > 0; n--)
            random_mutate(&text);
        n_compared += check_document((struct sluice_str){text.bytes, text.len}, false, &n_accepted);
    }
    (void)fprintf(stderr, "%zu documents, %zu compared, %zu of them JSON\n", 2 * n_cases, n_compared, n_accepted);
    /* Both answers were given often enough to mean something. */
    CHECK(n_compared > n_cases && n_accepted > n_cases && n_compared - n_accepted > n_cases / 4);
    return check_result();
}
