/* canon.c - see canon.h. Texts, numbers and bytes; times are in canon_time.c, composites in canon_nested.c. */
#include "admin/canon.h"

#include "base/base64.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_FLOAT_TEXT = 1400 }; /* a numeric written into a float has up to 1,233 characters */

/* ---- texts as they come ---- */

static char unescaped(char c)
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
    case 'v':
        return '\v';
    case '0':
        return '\0';
    default:
        return c;
    }
}

size_t canon_unescape(char *text, size_t len, bool *is_null)
{
    *is_null = len == 2 && text[0] == '\\' && text[1] == 'N';
    const char *first = len > 0 ? memchr(text, '\\', len) : NULL;
    if (first == NULL)
        return len;
    size_t n = (size_t)(first - text);
    for (size_t i = n; i < len; i++)
        text[n++] = text[i] == '\\' && i + 1 < len ? unescaped(text[++i]) : text[i];
    return n;
}

/* ---- numbers ---- */

/* The other spellings of what is no number, as PostgreSQL has them and as decimal.handling.mode=string sends them. */
static const char *special_number(struct sluice_str text)
{
    static const char *const names[][2] = {
        {"NaN", "NaN"},
        {"NAN", "NaN"},
        {"Infinity", "Infinity"},
        {"POSITIVE_INFINITY", "Infinity"},
        {"-Infinity", "-Infinity"},
        {"NEGATIVE_INFINITY", "-Infinity"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(names); i++)
        if (sluice_str_equal_z(text, names[i][0]))
            return names[i][1];
    return NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* 1.50 is 1.5, -0.00 is 0, $1,234.50 is 1234.5. */
static enum sluice_code append_number(struct sluice_str text, struct sluice_buf *out, bool *understood,
                                      struct sluice_error *err)
{
    const char *special = special_number(text);
    size_t begin = out->len;
    size_t point = SIZE_MAX; /* of the first digit behind the point */
    bool minus = false;
    bool has_digit = false;
    enum sluice_code code = special != NULL ? sluice_buf_append_z(out, special, err) : SLUICE_OK;
    *understood = special != NULL;
    if (special != NULL || code != SLUICE_OK)
        return code;
    code = sluice_buf_reserve(out, text.len + 2, err);
    if (code != SLUICE_OK)
        return code;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if ((c == '-' || c == '+') && i == 0) {
            minus = c == '-';
        } else if (c == '$' || c == ',') {
            continue;
        } else if (c == '.' && point == SIZE_MAX) {
            point = out->len + 1;
            out->ptr[out->len++] = c;
        } else if (is_digit(c)) {
            has_digit = true;
            if (c != '0' || out->len > begin) /* no zeros in front */
                out->ptr[out->len++] = c;
        } else {
            out->len = begin;
            return SLUICE_OK;
        }
    }
    *understood = has_digit;
    while (point != SIZE_MAX && out->len > begin && (out->ptr[out->len - 1] == '0' || out->ptr[out->len - 1] == '.')) {
        bool was_point = out->ptr[--out->len] == '.';
        if (was_point)
            break;
    }
    if (out->len == begin)
        return sluice_buf_append_char(out, '0', err);
    return minus ? sluice_buf_append_char(out, '-', err) : SLUICE_OK; /* behind, it is a spelling like any other */
}

bool canon_float_bits(struct sluice_str text, bool is_single, bool is_single_column, char out[24])
{
    char copy[MAX_FLOAT_TEXT];
    char *end = NULL;
    uint64_t bits = 0;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    double value = is_single || is_single_column ? (double)strtof(copy, &end) : strtod(copy, &end);
    if (end != copy + text.len)
        return false;
    if (isnan(value)) {
        (void)snprintf(out, 24, "nan");
        return true;
    }
    memcpy(&bits, &value, sizeof bits);
    (void)snprintf(out, 24, "%016" PRIx64, bits);
    return true;
}

/* ---- bytes ---- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum sluice_code append_hex(struct sluice_str text, struct sluice_buf *out, bool *understood,
                                   struct sluice_error *err)
{
    size_t begin = out->len;
    *understood = text.len % 2 == 0;
    enum sluice_code code = sluice_buf_reserve(out, text.len / 2, err);
    for (size_t i = 0; i + 1 < text.len && *understood && code == SLUICE_OK; i += 2) {
        int high = hex_digit(text.ptr[i]);
        int low = hex_digit(text.ptr[i + 1]);
        *understood = high >= 0 && low >= 0;
        out->ptr[out->len++] = (char)(unsigned char)((high & 15) << 4 | (low & 15));
    }
    if (!*understood)
        out->len = begin;
    return code;
}

static enum sluice_code append_base64(struct sluice_str text, struct sluice_buf *out, bool *understood,
                                      struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_reserve(out, text.len, err);
    if (code != SLUICE_OK)
        return code;
    *understood = text.len == 0 || base64_decode(text, (unsigned char *)out->ptr + out->len);
    out->len += *understood ? base64_size(text) : 0;
    return SLUICE_OK;
}

static enum sluice_code append_bytes(const struct canon *canon, enum canon_side side, struct sluice_str text,
                                     struct sluice_buf *out, bool *understood, struct sluice_error *err)
{
    *understood = true;
    if (side == CANON_SOURCE) {
        *understood = text.len >= 2 && text.ptr[0] == '\\' && text.ptr[1] == 'x';
        return *understood ? append_hex((struct sluice_str){text.ptr + 2, text.len - 2}, out, understood, err)
                           : SLUICE_OK;
    }
    if (canon->bin == SLUICE_BINARY_HEX)
        return append_hex(text, out, understood, err);
    if (canon->bin == SLUICE_BINARY_BASE64)
        return append_base64(text, out, understood, err);
    return sluice_buf_append_str(out, text, err);
}

/* As FixedString does it. */
static enum sluice_code fill_up(const struct canon *canon, size_t begin, struct sluice_buf *out,
                                struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    while (out->len - begin < canon->length && code == SLUICE_OK)
        code = sluice_buf_append_char(out, '\0', err);
    return code;
}

/* ---- others ---- */

static enum sluice_code append_bool(struct sluice_str text, struct sluice_buf *out, bool *understood,
                                    struct sluice_error *err)
{
    bool yes = sluice_str_equal_z(text, "t") || sluice_str_equal_z(text, "true") || sluice_str_equal_z(text, "1");
    bool no = sluice_str_equal_z(text, "f") || sluice_str_equal_z(text, "false") || sluice_str_equal_z(text, "0");
    *understood = yes || no;
    return *understood ? sluice_buf_append_char(out, yes ? '1' : '0', err) : SLUICE_OK;
}

static enum sluice_code append_float(const struct canon *canon, struct sluice_str text, struct sluice_buf *out,
                                     enum canon_side side, bool *understood, struct sluice_error *err)
{
    char bits[24];
    *understood = canon_float_bits(text, canon->is_single && side == CANON_SOURCE, canon->kind == CANON_FLOAT32, bits);
    return *understood ? sluice_buf_append_z(out, bits, err) : SLUICE_OK;
}

/* A mask is kept: it equals no address of ClickHouse, which has none. */
static enum sluice_code append_address(struct sluice_str text, struct sluice_buf *out, bool *understood,
                                       struct sluice_error *err)
{
    char copy[64];
    unsigned char bytes[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    *understood = text.len < sizeof copy;
    if (!*understood)
        return SLUICE_OK;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *understood = inet_pton(AF_INET, copy, bytes + 12) == 1 || inet_pton(AF_INET6, copy, bytes) == 1;
    return *understood ? sluice_buf_append(out, bytes, sizeof bytes, err) : SLUICE_OK;
}

static enum sluice_code append_spelling(const struct canon *canon, enum canon_side side, struct sluice_str text,
                                        struct sluice_buf *out, bool *understood, bool *is_null,
                                        struct sluice_error *err)
{
    *understood = true;
    *is_null = false;
    switch (canon->kind) {
    case CANON_TEXT:
        return sluice_buf_append_str(out, text, err);
    case CANON_BOOL:
        return append_bool(text, out, understood, err);
    case CANON_NUMBER:
        return append_number(text, out, understood, err);
    case CANON_FLOAT32:
    case CANON_FLOAT64:
        return append_float(canon, text, out, side, understood, err);
    case CANON_BYTES:
        return append_bytes(canon, side, text, out, understood, err);
    case CANON_ADDRESS:
        return append_address(text, out, understood, err);
    case CANON_MOMENT:
    case CANON_CLOCK:
    case CANON_ZONED_CLOCK:
    case CANON_DURATION:
    case CANON_PARTS:
        return canon_time(canon, side, text, out, understood, is_null, err);
    case CANON_POINT:
    case CANON_MAP:
    case CANON_ARRAY:
        return canon_nested(canon, side, text, out, understood, err);
    }
    SLUICE_BUG("a kind of cell without a spelling");
}

/* ---- cells ---- */

enum { HEAD_BYTES = 9 }; /* a mark and a length, so that no two rows share their bytes */

static void write_head(char *at, char mark, size_t len)
{
    at[0] = mark;
    for (size_t i = 0; i < 8; i++)
        at[1 + i] = (char)(unsigned char)((uint64_t)len >> (8 * i));
}

/* ClickHouse has no NULL of a composite (null_composite). */
static struct sluice_str empty_composite(const struct canon *canon)
{
    return canon->kind == CANON_ARRAY ? SLUICE_STR_LITERAL("{}")
           : canon->kind == CANON_MAP ? SLUICE_STR_LITERAL("")
                                      : SLUICE_STR_LITERAL("(NULL,NULL)");
}

enum sluice_code canon_append(const struct canon *canon, enum canon_side side, struct sluice_str text,
                              struct sluice_buf *out, struct sluice_error *err)
{
    bool understood = true;
    bool is_null = text.ptr == NULL;
    enum sluice_code code = sluice_buf_reserve(out, HEAD_BYTES, err);
    if (code != SLUICE_OK)
        return code;
    const size_t head = out->len;
    out->len += HEAD_BYTES;
    const size_t begin = out->len;
    if (is_null && side == CANON_SOURCE && canon->null_is_empty) {
        text = empty_composite(canon);
        is_null = false;
    }
    if (!is_null)
        code = append_spelling(canon, side, text, out, &understood, &is_null, err);
    if (code == SLUICE_OK && !understood && !is_null) {
        out->len = begin;
        code = sluice_buf_append_char(out, '?', err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_str(out, text, err);
    }
    if (code == SLUICE_OK && !is_null)
        code = fill_up(canon, begin, out, err);
    if (is_null)
        out->len = begin;
    if (code == SLUICE_OK)
        write_head(out->ptr + head, is_null ? 'N' : understood ? 'v' : '?', out->len - begin);
    return code;
}
