/* cursor.c - see cursor.h.
 *
 * A scalar and every string is checked against the grammar in full, UTF-8 included. A container that is taken whole is
 * checked for its strings, and for balance and kind of its brackets only: what is inside is checked when it is entered.
 */
#include "json/cursor.h"

#include "base/digits.h"
#include "json/escape.h"
#include "json/scan.h"
#include "json/utf8.h"

enum { MAX_DEPTH = 64 }; /* one bit each in the stack of brackets */

static enum sluice_code broken(const struct sluice_json_cursor *cursor, const char *what, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_JSON, SLUICE_REJECT, "byte %td of the text: %s", cursor->at - cursor->start,
                            what);
}

void sluice_json_init(struct sluice_json_cursor *cursor, struct sluice_str text)
{
    const char *start = text.ptr != NULL ? text.ptr : "";
    *cursor = (struct sluice_json_cursor){start, start, start + text.len, false};
}

static void skip_space(struct sluice_json_cursor *cursor)
{
    /* Mostly there is none, and nothing else below a space either. */
    while (cursor->at < cursor->end && (unsigned char)*cursor->at <= ' ' &&
           (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\r' || *cursor->at == '\t'))
        cursor->at++;
}

/* The cursor stands behind the opening quote; afterwards behind the closing one. Whether bytes above 0x7f are UTF-8 is
 * left to the caller. */
static enum sluice_code scan_string(struct sluice_json_cursor *cursor, struct sluice_str *content, bool *escaped,
                                    bool *ascii, struct sluice_error *err)
{
    const char *start = cursor->at;
    *escaped = false;
    *ascii = true;
    for (;;) {
        cursor->at = json_find_string_special(cursor->at, cursor->end, ascii);
        if (cursor->at == cursor->end)
            return broken(cursor, "a string without its closing quote", err);
        if (*cursor->at == '"') {
            *content = (struct sluice_str){start, (size_t)(cursor->at - start)};
            cursor->at++;
            return SLUICE_OK;
        }
        if (*cursor->at != '\\') {
            if (!cursor->is_header)
                return broken(cursor, "a control character inside a string", err);
            cursor->at++;
            continue;
        }
        size_t n = escape_length(cursor->at, cursor->end);
        if (n == 0)
            return broken(cursor, "a backslash that begins no escape", err);
        *escaped = true;
        cursor->at += n;
    }
}

static enum sluice_code take_string(struct sluice_json_cursor *cursor, struct sluice_str *content, bool *escaped,
                                    struct sluice_error *err)
{
    bool ascii = true;
    enum sluice_code code = scan_string(cursor, content, escaped, &ascii, err);
    if (code != SLUICE_OK || ascii)
        return code;
    const char *bad = utf8_find_bad(*content);
    if (bad == NULL)
        return SLUICE_OK;
    cursor->at = bad;
    return broken(cursor, "bytes inside a string that are not UTF-8", err);
}

/* The cursor stands on the opening bracket; afterwards behind the one that closes it. */
static enum sluice_code take_container(struct sluice_json_cursor *cursor, struct sluice_str *text,
                                       struct sluice_error *err)
{
    const char *start = cursor->at;
    uint64_t objects = 0; /* bit per open bracket, innermost lowest: 1 is an object */
    unsigned depth = 0;
    do {
        struct sluice_str ignored;
        bool escaped = false;
        bool ascii = true;
        cursor->at = json_find_structure(cursor->at, cursor->end);
        if (cursor->at == cursor->end)
            return broken(cursor, "an object or array that is not closed", err);
        char c = *cursor->at;
        if (c == '"') {
            cursor->at++;
            enum sluice_code code = scan_string(cursor, &ignored, &escaped, &ascii, err);
            if (code != SLUICE_OK)
                return code;
            continue;
        }
        if (c == '{' || c == '[') {
            if (depth == MAX_DEPTH)
                return broken(cursor, "nested deeper than 64 levels", err);
            objects = objects << 1 | (c == '{' ? 1 : 0);
            depth++;
        } else {
            if ((objects & 1) != (c == '}' ? 1U : 0U))
                return broken(cursor, "a closing bracket of the wrong kind", err);
            objects >>= 1;
            depth--;
        }
        cursor->at++;
    } while (depth > 0);
    *text = (struct sluice_str){start, (size_t)(cursor->at - start)};
    return SLUICE_OK;
}

static void skip_digits(struct sluice_json_cursor *cursor)
{
    cursor->at = json_find_no_digit(cursor->at, cursor->end);
}

static bool take_char(struct sluice_json_cursor *cursor, char c)
{
    if (cursor->at == cursor->end || *cursor->at != c)
        return false;
    cursor->at++;
    return true;
}

static enum sluice_code take_number(struct sluice_json_cursor *cursor, struct sluice_str *text,
                                    struct sluice_error *err)
{
    const char *start = cursor->at;
    (void)take_char(cursor, '-');
    const char *digits = cursor->at;
    skip_digits(cursor);
    bool good = cursor->at > digits && (*digits != '0' || cursor->at == digits + 1);
    if (good && take_char(cursor, '.')) {
        digits = cursor->at;
        skip_digits(cursor);
        good = cursor->at > digits;
    }
    if (good && cursor->at < cursor->end && (*cursor->at == 'e' || *cursor->at == 'E')) {
        cursor->at++;
        if (!take_char(cursor, '+'))
            (void)take_char(cursor, '-');
        digits = cursor->at;
        skip_digits(cursor);
        good = cursor->at > digits;
    }
    if (!good)
        return broken(cursor, "a number that is not one", err);
    *text = (struct sluice_str){start, (size_t)(cursor->at - start)};
    return SLUICE_OK;
}

static enum sluice_code take_word(struct sluice_json_cursor *cursor, struct sluice_str word, struct sluice_str *text,
                                  struct sluice_error *err)
{
    if ((size_t)(cursor->end - cursor->at) < word.len || memcmp(cursor->at, word.ptr, word.len) != 0)
        return broken(cursor, "neither null, true nor false", err);
    *text = (struct sluice_str){cursor->at, word.len};
    cursor->at += word.len;
    return SLUICE_OK;
}

enum sluice_code sluice_json_peek(struct sluice_json_cursor *cursor, enum sluice_value_kind *kind,
                                  struct sluice_error *err)
{
    skip_space(cursor);
    if (cursor->at == cursor->end)
        return broken(cursor, "the text ends where a value should stand", err);
    switch (*cursor->at) {
    case '"':
        *kind = SLUICE_VALUE_STRING;
        return SLUICE_OK;
    case '{':
        *kind = SLUICE_VALUE_OBJECT;
        return SLUICE_OK;
    case '[':
        *kind = SLUICE_VALUE_ARRAY;
        return SLUICE_OK;
    case 'n':
        *kind = SLUICE_VALUE_NULL;
        return SLUICE_OK;
    case 't':
        *kind = SLUICE_VALUE_TRUE;
        return SLUICE_OK;
    case 'f':
        *kind = SLUICE_VALUE_FALSE;
        return SLUICE_OK;
    default:
        if (*cursor->at != '-' && (*cursor->at < '0' || *cursor->at > '9'))
            return broken(cursor, "no value begins with this character", err);
        *kind = SLUICE_VALUE_NUMBER;
        return SLUICE_OK;
    }
}

/* Also one that something follows: what must not stand behind a value is refused there. */
static bool take_no_number(struct sluice_json_cursor *cursor, struct sluice_value *value)
{
    static const struct sluice_str words[] = {
        {"NaN", sizeof "NaN" - 1}, {"Infinity", sizeof "Infinity" - 1}, {"-Infinity", sizeof "-Infinity" - 1}};
    skip_space(cursor);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(words); i++) {
        if ((size_t)(cursor->end - cursor->at) < words[i].len || memcmp(cursor->at, words[i].ptr, words[i].len) != 0)
            continue;
        *value = (struct sluice_value){.text = {cursor->at, words[i].len}, .kind = SLUICE_VALUE_STRING};
        cursor->at += words[i].len;
        return true;
    }
    return false;
}

enum sluice_code sluice_json_value(struct sluice_json_cursor *cursor, struct sluice_value *value,
                                   struct sluice_error *err)
{
    enum sluice_value_kind kind = SLUICE_VALUE_NULL;
    bool escaped = false;
    if (SLUICE_UNLIKELY(cursor->is_header) && take_no_number(cursor, value))
        return SLUICE_OK;
    enum sluice_code code = sluice_json_peek(cursor, &kind, err);
    if (code != SLUICE_OK)
        return code;
    switch (kind) {
    case SLUICE_VALUE_STRING:
    case SLUICE_VALUE_STRING_ESCAPED:
        cursor->at++;
        code = take_string(cursor, &value->text, &escaped, err);
        kind = escaped ? SLUICE_VALUE_STRING_ESCAPED : SLUICE_VALUE_STRING;
        break;
    case SLUICE_VALUE_NUMBER:
        code = take_number(cursor, &value->text, err);
        break;
    case SLUICE_VALUE_OBJECT:
    case SLUICE_VALUE_ARRAY:
        code = take_container(cursor, &value->text, err);
        break;
    case SLUICE_VALUE_NULL:
        code = take_word(cursor, SLUICE_STR_LITERAL("null"), &value->text, err);
        break;
    case SLUICE_VALUE_TRUE:
        code = take_word(cursor, SLUICE_STR_LITERAL("true"), &value->text, err);
        break;
    case SLUICE_VALUE_FALSE:
        code = take_word(cursor, SLUICE_STR_LITERAL("false"), &value->text, err);
        break;
    default:
        SLUICE_BUG("no other kind begins a JSON value");
    }
    value->kind = kind;
    return code;
}

enum sluice_code sluice_json_enter_object(struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    skip_space(cursor);
    if (!take_char(cursor, '{'))
        return broken(cursor, "an object should begin here", err);
    return SLUICE_OK;
}

enum sluice_code sluice_json_next_member(struct sluice_json_cursor *cursor, bool *first, bool *more,
                                         struct sluice_str *name, struct sluice_error *err)
{
    bool escaped = false;
    skip_space(cursor);
    if (take_char(cursor, '}')) {
        *more = false;
        return SLUICE_OK;
    }
    if (!*first) {
        if (!take_char(cursor, ','))
            return broken(cursor, "a comma or the end of the object should stand here", err);
        skip_space(cursor);
    }
    *first = false;
    if (!take_char(cursor, '"'))
        return broken(cursor, "a member's name should stand here", err);
    enum sluice_code code = take_string(cursor, name, &escaped, err);
    if (code != SLUICE_OK)
        return code;
    skip_space(cursor);
    if (!take_char(cursor, ':'))
        return broken(cursor, "a colon should stand here", err);
    *more = true;
    return SLUICE_OK;
}

enum sluice_code sluice_json_enter_array(struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    skip_space(cursor);
    if (!take_char(cursor, '['))
        return broken(cursor, "an array should begin here", err);
    return SLUICE_OK;
}

enum sluice_code sluice_json_next_item(struct sluice_json_cursor *cursor, bool *first, bool *more,
                                       struct sluice_error *err)
{
    skip_space(cursor);
    /* "[1,]" is none: behind a comma an item must stand, which the caller finds missing. */
    *more = !take_char(cursor, ']');
    if (*more && !*first && !take_char(cursor, ','))
        return broken(cursor, "a comma or the end of the array should stand here", err);
    *first = false;
    return SLUICE_OK;
}

bool sluice_json_skip_equal(struct sluice_json_cursor *cursor, struct sluice_str expected)
{
    if ((size_t)(cursor->end - cursor->at) < expected.len || memcmp(cursor->at, expected.ptr, expected.len) != 0)
        return false;
    cursor->at += expected.len;
    return true;
}

enum sluice_code sluice_json_finish(struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    skip_space(cursor);
    return cursor->at == cursor->end ? SLUICE_OK : broken(cursor, "something stands behind the end of the value", err);
}

enum sluice_code sluice_json_int64(struct sluice_value value, int64_t *out, struct sluice_error *err)
{
    const char *at = value.text.ptr;
    size_t n = value.text.len;
    bool negative = n > 0 && *at == '-';
    at += negative ? 1 : 0;
    n -= negative ? 1 : 0;
    uint64_t number = 0;
    if (value.kind != SLUICE_VALUE_NUMBER || n == 0 || n > DIGITS_MAX || !sluice_digits_read(at, n, &number) ||
        number > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return sluice_error_set(err, SLUICE_E_VALUE, SLUICE_REJECT, "not an integer of 64 bits");
    *out = negative ? (int64_t)(0 - number) : (int64_t)number;
    return SLUICE_OK;
}
