/* cursor.c - see cursor.h.
 *
 * Strings and containers are scanned 16 bytes at a time where SSE2 is there (every x86-64), else byte by byte; both
 * ways accept the same texts. A scalar and every string is checked against the grammar in full. A container that is
 * taken whole is checked for strings, balance and kind of its brackets only: what is inside is checked when it is
 * entered.
 */
#include "json/cursor.h"

#if defined(__SSE2__) && !defined(SLUICE_JSON_PORTABLE)
#include <emmintrin.h>
#endif

enum { MAX_DEPTH = 64 }; /* one bit each in the stack of brackets */

static enum sluice_code broken(const struct sluice_json_cursor *cursor, const char *what, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_JSON, SLUICE_REJECT, "byte %td of the text: %s", cursor->at - cursor->start,
                            what);
}

void sluice_json_init(struct sluice_json_cursor *cursor, struct sluice_str text)
{
    *cursor = (struct sluice_json_cursor){text.ptr, text.ptr, text.ptr + text.len};
}

static void skip_space(struct sluice_json_cursor *cursor)
{
    while (cursor->at < cursor->end &&
           (*cursor->at == ' ' || *cursor->at == '\n' || *cursor->at == '\r' || *cursor->at == '\t'))
        cursor->at++;
}

/* The first byte at or after `at` that ends a run of plain string content: a quote, a backslash, a control character.
 */
static const char *find_string_special(const char *at, const char *end)
{
#if defined(__SSE2__) && !defined(SLUICE_JSON_PORTABLE)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
        __m128i special =
            _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask != 0)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20)
        at++;
    return at;
}

/* The first quote or bracket at or after `at`. '{' and '[' differ by one bit, so do '}' and ']', from 0x20. */
static const char *find_structure(const char *at, const char *end)
{
#if defined(__SSE2__) && !defined(SLUICE_JSON_PORTABLE)
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i bit = _mm_set1_epi8(0x20);
    const __m128i open = _mm_set1_epi8('{');
    const __m128i close = _mm_set1_epi8('}');
    while (end - at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)at);
        __m128i folded = _mm_or_si128(bytes, bit);
        __m128i special = _mm_or_si128(_mm_cmpeq_epi8(bytes, quote),
                                       _mm_or_si128(_mm_cmpeq_epi8(folded, open), _mm_cmpeq_epi8(folded, close)));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        if (mask != 0)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (at < end && *at != '"' && *at != '{' && *at != '}' && *at != '[' && *at != ']')
        at++;
    return at;
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* at[0] is a backslash. The length of the escape, 0 if it is none. */
static size_t escape_length(const char *at, const char *end)
{
    if (end - at < 2)
        return 0;
    switch (at[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        return 2;
    case 'u':
        return end - at >= 6 && is_hex(at[2]) && is_hex(at[3]) && is_hex(at[4]) && is_hex(at[5]) ? 6 : 0;
    default:
        return 0;
    }
}

/* The cursor stands behind the opening quote; afterwards behind the closing one. */
static enum sluice_code take_string(struct sluice_json_cursor *cursor, struct sluice_str *content, bool *escaped,
                                    struct sluice_error *err)
{
    const char *start = cursor->at;
    *escaped = false;
    for (;;) {
        cursor->at = find_string_special(cursor->at, cursor->end);
        if (cursor->at == cursor->end)
            return broken(cursor, "a string without its closing quote", err);
        if (*cursor->at == '"') {
            *content = (struct sluice_str){start, (size_t)(cursor->at - start)};
            cursor->at++;
            return SLUICE_OK;
        }
        if (*cursor->at != '\\')
            return broken(cursor, "a control character inside a string", err);
        size_t n = escape_length(cursor->at, cursor->end);
        if (n == 0)
            return broken(cursor, "a backslash that begins no escape", err);
        *escaped = true;
        cursor->at += n;
    }
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
        cursor->at = find_structure(cursor->at, cursor->end);
        if (cursor->at == cursor->end)
            return broken(cursor, "an object or array that is not closed", err);
        char c = *cursor->at;
        if (c == '"') {
            cursor->at++;
            enum sluice_code code = take_string(cursor, &ignored, &escaped, err);
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
    while (cursor->at < cursor->end && *cursor->at >= '0' && *cursor->at <= '9')
        cursor->at++;
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

enum sluice_code sluice_json_peek(struct sluice_json_cursor *cursor, enum sluice_json_kind *kind,
                                  struct sluice_error *err)
{
    skip_space(cursor);
    if (cursor->at == cursor->end)
        return broken(cursor, "the text ends where a value should stand", err);
    switch (*cursor->at) {
    case '"':
        *kind = SLUICE_JSON_STRING;
        return SLUICE_OK;
    case '{':
        *kind = SLUICE_JSON_OBJECT;
        return SLUICE_OK;
    case '[':
        *kind = SLUICE_JSON_ARRAY;
        return SLUICE_OK;
    case 'n':
        *kind = SLUICE_JSON_NULL;
        return SLUICE_OK;
    case 't':
        *kind = SLUICE_JSON_TRUE;
        return SLUICE_OK;
    case 'f':
        *kind = SLUICE_JSON_FALSE;
        return SLUICE_OK;
    default:
        if (*cursor->at != '-' && (*cursor->at < '0' || *cursor->at > '9'))
            return broken(cursor, "no value begins with this character", err);
        *kind = SLUICE_JSON_NUMBER;
        return SLUICE_OK;
    }
}

enum sluice_code sluice_json_value(struct sluice_json_cursor *cursor, struct sluice_json_value *value,
                                   struct sluice_error *err)
{
    enum sluice_json_kind kind = SLUICE_JSON_NULL;
    bool escaped = false;
    enum sluice_code code = sluice_json_peek(cursor, &kind, err);
    if (code != SLUICE_OK)
        return code;
    switch (kind) {
    case SLUICE_JSON_STRING:
    case SLUICE_JSON_STRING_ESCAPED:
        cursor->at++;
        code = take_string(cursor, &value->text, &escaped, err);
        kind = escaped ? SLUICE_JSON_STRING_ESCAPED : SLUICE_JSON_STRING;
        break;
    case SLUICE_JSON_NUMBER:
        code = take_number(cursor, &value->text, err);
        break;
    case SLUICE_JSON_OBJECT:
    case SLUICE_JSON_ARRAY:
        code = take_container(cursor, &value->text, err);
        break;
    case SLUICE_JSON_NULL:
        code = take_word(cursor, SLUICE_STR_LITERAL("null"), &value->text, err);
        break;
    case SLUICE_JSON_TRUE:
        code = take_word(cursor, SLUICE_STR_LITERAL("true"), &value->text, err);
        break;
    case SLUICE_JSON_FALSE:
        code = take_word(cursor, SLUICE_STR_LITERAL("false"), &value->text, err);
        break;
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

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static unsigned four_hex(const char *at)
{
    return hex_value(at[0]) << 12 | hex_value(at[1]) << 8 | hex_value(at[2]) << 4 | hex_value(at[3]);
}

static size_t put_utf8(unsigned point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}

/* at stands on "\u" of a checked escape. Returns the length read, 0 for half a surrogate pair. */
static size_t unescape_unicode(const char *at, const char *end, char *out, size_t *n_out)
{
    unsigned point = four_hex(at + 2);
    size_t n = 6;
    if (point >= 0xd800 && point <= 0xdfff) {
        if (point > 0xdbff || escape_length(at + 6, end) != 6 || at[6] != '\\')
            return 0;
        unsigned low = four_hex(at + 8);
        if (low < 0xdc00 || low > 0xdfff)
            return 0;
        point = 0x10000 + ((point - 0xd800) << 10) + (low - 0xdc00);
        n = 12;
    }
    *n_out += put_utf8(point, out);
    return n;
}

static char short_escape(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return c;
    }
}

enum sluice_code sluice_json_unescape(struct sluice_json_value value, char *out, size_t *n_out,
                                      struct sluice_error *err)
{
    const char *at = value.text.ptr;
    const char *end = at + value.text.len;
    size_t n = 0;
    while (at < end) {
        if (*at != '\\') {
            out[n++] = *at++;
            continue;
        }
        size_t length = escape_length(at, end);
        if (length == 2)
            out[n++] = short_escape(at[1]);
        else if (length == 6)
            length = unescape_unicode(at, end, out + n, &n);
        if (length == 0)
            return sluice_error_set(err, SLUICE_E_JSON, SLUICE_REJECT,
                                    "byte %td of the string: an escape that is none, or half of a surrogate pair",
                                    at - value.text.ptr);
        at += length;
    }
    *n_out = n;
    return SLUICE_OK;
}

enum sluice_code sluice_json_int64(struct sluice_json_value value, int64_t *out, struct sluice_error *err)
{
    const char *at = value.text.ptr;
    const char *end = at + value.text.len;
    bool negative = value.kind == SLUICE_JSON_NUMBER && *at == '-';
    uint64_t limit = negative ? UINT64_C(1) << 63 : INT64_MAX;
    uint64_t number = 0;
    at += negative ? 1 : 0;
    bool good = value.kind == SLUICE_JSON_NUMBER && at < end;
    for (; good && at < end; at++) {
        uint64_t digit = (uint64_t)(unsigned char)*at - '0';
        good = digit <= 9 && number <= (limit - digit) / 10;
        number = number * 10 + digit;
    }
    if (!good)
        return sluice_error_set(err, SLUICE_E_VALUE, SLUICE_REJECT, "not an integer of 64 bits");
    *out = negative ? (int64_t)(0 - number) : (int64_t)number;
    return SLUICE_OK;
}
