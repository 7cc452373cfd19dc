/* line.c - see line.h. Whatever the bytes of a text, the line is one line of valid UTF-8, and as JSON one valid object:
 * bytes that are not UTF-8 become U+FFFD, control characters are escaped. */
#include "observe/line.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    RESERVED = 32,        /* for the end of the line */
    MAX_TEXT_BYTES = 1024 /* of one field, before escaping */
};

/* False, with nothing added, when it does not fit. */
static bool put(struct log_line *line, const char *bytes, size_t n)
{
    if (n > sizeof line->bytes - RESERVED - line->len)
        return false;
    memcpy(line->bytes + line->len, bytes, n);
    line->len += n;
    return true;
}

static bool put_z(struct log_line *line, const char *text_z)
{
    return put(line, text_z, strlen(text_z));
}

/* Length of the UTF-8 character at `text` (Unicode 15, table 3-7), 0 when it is none. */
static size_t utf8_length(const unsigned char *text, size_t len)
{
    unsigned char c = text[0];
    size_t n = c < 0x80 ? 1 : c >= 0xc2 && c <= 0xdf ? 2 : c >= 0xe0 && c <= 0xef ? 3 : c >= 0xf0 && c <= 0xf4 ? 4 : 0;
    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 0;
    if ((c == 0xe0 && text[1] < 0xa0) || (c == 0xed && text[1] > 0x9f) || (c == 0xf0 && text[1] < 0x90) ||
        (c == 0xf4 && text[1] > 0x8f))
        return 0;
    return n;
}

/* The escape of an ASCII character that needs one, or NULL. */
static const char *escape_of(unsigned char c, char small[8])
{
    switch (c) {
    case '"':
        return "\\\"";
    case '\\':
        return "\\\\";
    case '\n':
        return "\\n";
    case '\r':
        return "\\r";
    case '\t':
        return "\\t";
    default:
        if (c >= 0x20 && c != 0x7f)
            return NULL;
        (void)snprintf(small, 8, "\\u%04x", (unsigned)c);
        return small;
    }
}

static bool put_quoted(struct log_line *line, const char *text, size_t len)
{
    char small[8];
    const unsigned char *at = (const unsigned char *)text;
    const unsigned char *end = at + len;
    bool ok = put_z(line, "\"");
    while (ok && at < end) {
        size_t n = utf8_length(at, (size_t)(end - at));
        const char *escape = n == 1 ? escape_of(*at, small) : NULL;
        if (n == 0)
            ok = put_z(line, "\xef\xbf\xbd");
        else
            ok = escape != NULL ? put_z(line, escape) : put(line, (const char *)at, n);
        at += n > 0 ? n : 1;
    }
    return ok && put_z(line, "\"");
}

static bool is_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= 0x20 || c >= 0x7f || c == '"' || c == '=' || c == '\\')
            return false;
    }
    return len > 0;
}

static bool put_text(struct log_line *line, const char *text, size_t len)
{
    if (len > MAX_TEXT_BYTES) {
        len = MAX_TEXT_BYTES;
        while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80) /* not in the middle of a character */
            len--;
        line->cut = true;
    }
    if (line->format == SLUICE_LOG_LOGFMT && is_plain(text, len))
        return put(line, text, len);
    return put_quoted(line, text, len);
}

static bool put_number(struct log_line *line, const struct sluice_log_field *field)
{
    char text[64];
    switch (field->kind) {
    case SLUICE_LOG_KIND_I64:
        (void)snprintf(text, sizeof text, "%" PRId64, field->value.i64);
        break;
    case SLUICE_LOG_KIND_U64:
        (void)snprintf(text, sizeof text, "%" PRIu64, field->value.u64);
        break;
    case SLUICE_LOG_KIND_MS: {
        const char *sign = field->value.i64 < 0 ? "-" : "";
        uint64_t us = field->value.i64 < 0 ? 0 - (uint64_t)field->value.i64 : (uint64_t)field->value.i64;
        if (us % 1000 == 0)
            (void)snprintf(text, sizeof text, "%s%" PRIu64, sign, us / 1000);
        else
            (void)snprintf(text, sizeof text, "%s%" PRIu64 ".%03" PRIu64, sign, us / 1000, us % 1000);
        break;
    }
    default:
        if (!isfinite(field->value.number)) /* JSON has no such numbers */
            return put_z(line, line->format == SLUICE_LOG_JSON ? "null" : isnan(field->value.number) ? "NaN" : "Inf");
        (void)snprintf(text, sizeof text, "%.9g", field->value.number);
        break;
    }
    return put_z(line, text);
}

static bool put_value(struct log_line *line, const struct sluice_log_field *field)
{
    switch (field->kind) {
    case SLUICE_LOG_KIND_TEXT:
        return put_text(line, field->value.text, field->len);
    case SLUICE_LOG_KIND_BOOL:
        return put_z(line, field->value.flag ? "true" : "false");
    default:
        return put_number(line, field);
    }
}

static bool put_name(struct log_line *line, const char *name)
{
    if (line->format == SLUICE_LOG_LOGFMT)
        return (line->len == 0 || put_z(line, " ")) && put_z(line, name) && put_z(line, "=");
    return put_z(line, line->len > 1 ? ",\"" : "\"") && put_z(line, name) && put_z(line, "\":");
}

void log_line_begin(struct log_line *line, enum sluice_log_format format)
{
    line->format = format;
    line->len = 0;
    line->cut = false;
    if (format == SLUICE_LOG_JSON)
        (void)put_z(line, "{"); /* an empty line has room */
}

void log_line_field(struct log_line *line, const struct sluice_log_field *field)
{
    size_t before = line->len;
    if (put_name(line, field->name) && put_value(line, field))
        return;
    line->len = before;
    line->cut = true;
}

void log_line_end(struct log_line *line)
{
    const char *cut = line->format == SLUICE_LOG_JSON ? ",\"cut\":true" : " cut=true";
    const char *end = line->format == SLUICE_LOG_JSON ? "}\n" : "\n";
    if (line->cut) {
        memcpy(line->bytes + line->len, cut, strlen(cut));
        line->len += strlen(cut);
    }
    memcpy(line->bytes + line->len, end, strlen(end));
    line->len += strlen(end);
}
