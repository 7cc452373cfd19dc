/* escape.c - see escape.h; and sluice_json_unescape() of cursor.h. */
#include "json/escape.h"

#include "json/cursor.h"
#include "json/utf8.h"

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

size_t escape_length(const char *at, const char *end)
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

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

static unsigned four_hex(const char *at)
{
    return hex_value(at[0]) << 12 | hex_value(at[1]) << 8 | hex_value(at[2]) << 4 | hex_value(at[3]);
}

/* `at` stands on the "\u" of an escape that is whole. The length read, 12 for a surrogate pair, 0 for half of one. */
static size_t read_unicode(const char *at, const char *end, unsigned *point)
{
    *point = four_hex(at + 2);
    if (*point < 0xd800 || *point > 0xdfff)
        return 6;
    if (*point > 0xdbff || end - at < 12 || at[6] != '\\' || escape_length(at + 6, end) != 6)
        return 0;
    unsigned low = four_hex(at + 8);
    if (low < 0xdc00 || low > 0xdfff)
        return 0;
    *point = 0x10000 + ((*point - 0xd800) << 10) + (low - 0xdc00);
    return 12;
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

enum sluice_code sluice_json_unescape(struct sluice_value value, char *out, size_t *n_out, struct sluice_error *err)
{
    const char *at = value.text.ptr;
    const char *end = at + value.text.len;
    char *to = out;
    while (at < end) {
        const char *plain = memchr(at, '\\', (size_t)(end - at));
        size_t n_plain = (size_t)((plain != NULL ? plain : end) - at);
        memcpy(to, at, n_plain);
        at += n_plain;
        to += n_plain;
        if (plain == NULL)
            break;
        unsigned point = 0;
        size_t length = escape_length(at, end);
        if (length == 2)
            *to++ = short_escape(at[1]);
        else if (length == 6 && (length = read_unicode(at, end, &point)) != 0)
            to += utf8_put(point, to);
        if (length == 0)
            return sluice_error_set(err, SLUICE_E_JSON, SLUICE_REJECT,
                                    "byte %td of the string: an escape that is none, or half of a surrogate pair",
                                    at - value.text.ptr);
        at += length;
    }
    *n_out = (size_t)(to - out);
    return SLUICE_OK;
}
