/* scan.h - the inner loops of the cursor, inline: where a run of bytes ends, and the shapes of value that are nearly
 * all there is. For use in lib/ where a record is taken apart member by member; everything else takes cursor.h.
 *
 * 16 bytes at a time where SSE2 is there (every x86-64), else byte by byte; both ways find the same places, and no byte
 * at or behind `end` is read. SLUICE_JSON_PORTABLE chooses the second way, so that tests run it on x86-64 too.
 * The quick functions return false with nothing consumed whenever a text is not of their kind; the cursor's functions
 * then take it, or say what is wrong with it. So there is one place that decides what is valid.
 */
#ifndef SLUICE_JSON_SCAN_H
#define SLUICE_JSON_SCAN_H

#include "json/cursor.h"

#if defined(__SSE2__) && !defined(SLUICE_JSON_PORTABLE)
#define JSON_SCAN_SSE2
#include <emmintrin.h>
#endif

#ifdef JSON_SCAN_SSE2
static inline __m128i json_load16(const char *at)
{
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}
#endif

/* The first byte at or after `at` that ends a run of plain string content: a quote, a backslash, a control character;
 * `end` if there is none. *ascii is cleared if a byte above 0x7f stands before it. */
static inline const char *json_find_string_special(const char *at, const char *end, bool *ascii)
{
#ifdef JSON_SCAN_SSE2
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i backslash = _mm_set1_epi8('\\');
    const __m128i last_control = _mm_set1_epi8(0x1f);
    while (end - at >= 16) {
        __m128i bytes = json_load16(at);
        __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, last_control), bytes);
        __m128i special =
            _mm_or_si128(control, _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, backslash)));
        unsigned mask = (unsigned)_mm_movemask_epi8(special);
        unsigned high = (unsigned)_mm_movemask_epi8(bytes);
        if (SLUICE_LIKELY(mask != 0)) {
            /* mask & -mask is the first special byte alone; below it are the bytes in front of it. */
            if (SLUICE_UNLIKELY((high & ((mask & (0U - mask)) - 1)) != 0))
                *ascii = false;
            return at + __builtin_ctz(mask);
        }
        if (high != 0)
            *ascii = false;
        at += 16;
    }
#endif
    for (; at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20; at++) {
        if ((unsigned char)*at > 0x7f)
            *ascii = false;
    }
    return at;
}

/* The first quote or bracket at or after `at`, or `end`. '{' and '[' differ in one bit only, 0x20; so do '}' and ']'.
 */
static inline const char *json_find_structure(const char *at, const char *end)
{
#ifdef JSON_SCAN_SSE2
    const __m128i quote = _mm_set1_epi8('"');
    const __m128i bit = _mm_set1_epi8(0x20);
    const __m128i open = _mm_set1_epi8('{');
    const __m128i close = _mm_set1_epi8('}');
    while (end - at >= 16) {
        __m128i bytes = json_load16(at);
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

static inline bool json_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The first byte at or after `at` that is no digit, or `end`. */
static inline const char *json_find_no_digit(const char *at, const char *end)
{
#ifdef JSON_SCAN_SSE2
    while (end - at >= 16) {
        /* As unsigned bytes, digits are those that stay below 10 less '0'. */
        __m128i less = _mm_sub_epi8(json_load16(at), _mm_set1_epi8('0'));
        __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(less, _mm_set1_epi8(9)), less);
        unsigned mask = ~(unsigned)_mm_movemask_epi8(digit) & 0xffffU;
        if (mask != 0)
            return at + __builtin_ctz(mask);
        at += 16;
    }
#endif
    while (at < end && json_is_digit(*at))
        at++;
    return at;
}

/* A string without escapes and bytes above 0x7f, an integer, true, false or null, with no space before it. */
static inline bool json_quick_value(struct sluice_json_cursor *cursor, struct sluice_value *value)
{
    const char *at = cursor->at;
    const char *end = cursor->end;
    if (at == end)
        return false;
    if (*at == '"') {
        bool ascii = true;
        const char *close = json_find_string_special(at + 1, end, &ascii);
        if (close == end || *close != '"' || !ascii)
            return false;
        *value = (struct sluice_value){.text = {at + 1, (size_t)(close - at - 1)}, .kind = SLUICE_VALUE_STRING};
        cursor->at = close + 1;
        return true;
    }
    if (json_is_digit(*at) || *at == '-') {
        const char *digits = *at == '-' ? at + 1 : at;
        const char *stop = json_find_no_digit(digits, end);
        if (stop == digits || stop == end || *stop == '.' || *stop == 'e' || *stop == 'E' ||
            (*digits == '0' && stop != digits + 1))
            return false;
        *value = (struct sluice_value){.text = {at, (size_t)(stop - at)}, .kind = SLUICE_VALUE_NUMBER};
        cursor->at = stop;
        return true;
    }
    size_t n = *at == 'f' ? 5 : 4;
    if ((size_t)(end - at) < n)
        return false;
    if (memcmp(at, "null", 4) == 0)
        value->kind = SLUICE_VALUE_NULL;
    else if (memcmp(at, "true", 4) == 0)
        value->kind = SLUICE_VALUE_TRUE;
    else if (n == 5 && memcmp(at, "false", 5) == 0)
        value->kind = SLUICE_VALUE_FALSE;
    else
        return false;
    value->text = (struct sluice_str){at, n};
    cursor->at = at + n;
    return true;
}

/* A member's name that is likely to come next, as it stands in compact JSON: "name": with quotes and colon. */
enum { JSON_EXPECTED_MAX = 32 };
struct json_expected {
    char text[JSON_EXPECTED_MAX]; /* 0 behind `length` */
    uint32_t ignore;              /* a bit per byte of `text` that is not compared; all bits: nothing is expected */
    uint32_t length;
};

#define JSON_EXPECTED(name)                                                                                            \
    {                                                                                                                  \
        "\"" name "\":", 0U - (1U << (sizeof(name) + 2)), sizeof(name) + 2                                             \
    }

/* `name` as it stands in the text. A name that is too long is not expected. */
static inline void json_expect(struct json_expected *expected, struct sluice_str name)
{
    if (name.len + 3 >= JSON_EXPECTED_MAX) {
        expected->ignore = UINT32_MAX;
        return;
    }
    expected->text[0] = '"';
    memcpy(expected->text + 1, name.ptr, name.len);
    memcpy(expected->text + 1 + name.len, "\":", 2);
    expected->length = (uint32_t)name.len + 3;
    expected->ignore = 0U - (1U << expected->length);
}

static inline bool json_is_expected(const struct json_expected *expected, struct sluice_str name)
{
    return expected->length == name.len + 3 && memcmp(expected->text + 1, name.ptr, name.len) == 0;
}

/* `end` is no nearer than the length of what is expected. */
static inline bool json_stands_here(const struct json_expected *expected, const char *at, const char *end)
{
#ifdef JSON_SCAN_SSE2
    if (SLUICE_LIKELY(end - at >= JSON_EXPECTED_MAX)) {
        __m128i low = _mm_cmpeq_epi8(json_load16(at), json_load16(expected->text));
        __m128i high = _mm_cmpeq_epi8(json_load16(at + 16), json_load16(expected->text + 16));
        uint32_t equal = (uint32_t)_mm_movemask_epi8(low) | (uint32_t)_mm_movemask_epi8(high) << 16;
        return (equal | expected->ignore) == UINT32_MAX;
    }
#else
    (void)end;
#endif
    return memcmp(at, expected->text, expected->length) == 0;
}

/* Consumes the end of an object. */
static inline bool json_quick_end(struct sluice_json_cursor *cursor)
{
    if (cursor->at == cursor->end || *cursor->at != '}')
        return false;
    cursor->at++;
    return true;
}

/* Consumes the comma before the next member (not before the first one), its name and its colon if it is the expected
 * one in compact JSON. */
static inline bool json_quick_member(struct sluice_json_cursor *cursor, bool *first,
                                     const struct json_expected *expected, struct sluice_str *name)
{
    const char *at = cursor->at;
    if (cursor->end - at <= (ptrdiff_t)expected->length || expected->ignore == UINT32_MAX)
        return false;
    if (!*first && *at++ != ',')
        return false;
    if (!json_stands_here(expected, at, cursor->end))
        return false;
    *first = false;
    *name = (struct sluice_str){at + 1, expected->length - 3};
    cursor->at = at + expected->length;
    return true;
}

#endif
