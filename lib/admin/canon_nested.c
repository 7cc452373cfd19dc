/* canon_nested.c - arrays, hstore and points; see canon.h. The target's arrays and maps come as JSON, read with
 * jansson.
 */
#include "admin/canon.h"

#include "config/output.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_PART = 64 << 20 };

struct parts {
    const struct canon *canon;
    enum canon_side side;
    struct sluice_buf *out;
};

static enum sluice_code append_part(struct parts *parts, struct sluice_str text, struct sluice_error *err)
{
    return canon_append(parts->canon->element, parts->side, text, parts->out, err);
}

/* ---- PostgreSQL's own forms ---- */

/* Up to the closing quote of what begins behind an opening one; escapes are undone into `out`. */
static bool read_quoted(struct sluice_str *rest, struct sluice_buf *out, struct sluice_error *err)
{
    while (rest->len > 0) {
        char c = rest->ptr[0];
        if (c == '\\' && rest->len > 1) {
            rest->ptr++;
            rest->len--;
            c = rest->ptr[0];
        } else if (c == '"') {
            rest->ptr++;
            rest->len--;
            return true;
        }
        rest->ptr++;
        rest->len--;
        if (sluice_buf_append_char(out, c, err) != SLUICE_OK)
            return false;
    }
    return false;
}

static bool read_bare(struct sluice_str *rest, struct sluice_buf *out, struct sluice_error *err)
{
    size_t n = 0;
    while (n < rest->len && rest->ptr[n] != ',' && rest->ptr[n] != '{') {
        if (rest->ptr[n] == '\\' && n + 1 < rest->len)
            n++;
        if (sluice_buf_append_char(out, rest->ptr[n], err) != SLUICE_OK)
            return false;
        n++;
    }
    bool is_nested = n < rest->len && rest->ptr[n] == '{';
    rest->ptr += n;
    rest->len -= n;
    return !is_nested;
}

/* {1,NULL,"a b"}; one with bounds or of several dimensions is not understood. */
static enum sluice_code append_source_array(struct parts *parts, struct sluice_str text, bool *understood,
                                            struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf part;
    sluice_buf_init(&part, MAX_PART, "an element of an array");
    *understood = text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}';
    if (!*understood)
        return SLUICE_OK;
    struct sluice_str rest = {text.ptr + 1, text.len - 2};
    enum sluice_code code = SLUICE_OK;
    while (rest.len > 0 && code == SLUICE_OK && *understood) {
        bool is_quoted = rest.ptr[0] == '"';
        bool is_null =
            !is_quoted && rest.len >= 4 && memcmp(rest.ptr, "NULL", 4) == 0 && (rest.len == 4 || rest.ptr[4] == ',');
        sluice_buf_clear(&part);
        if (is_quoted) {
            rest.ptr++;
            rest.len--;
        }
        err->code = SLUICE_OK;
        *understood = is_quoted ? read_quoted(&rest, &part, err) : read_bare(&rest, &part, err);
        if (!*understood)
            return err->code;
        code = append_part(
            parts, is_null ? (struct sluice_str){0} : (struct sluice_str){sluice_buf_text(&part), part.len}, err);
        if (rest.len == 0)
            break;
        *understood = rest.ptr[0] == ',' && rest.len > 1;
        rest.ptr++;
        rest.len--;
    }
    return code;
}

/* ---- hstore ---- */

static void skip(struct sluice_str *rest, const char *characters)
{
    while (rest->len > 0 && rest->ptr[0] != '\0' && strchr(characters, rest->ptr[0]) != NULL) {
        rest->ptr++;
        rest->len--;
    }
}

static bool read_text(struct sluice_str *rest, struct sluice_buf *out, struct sluice_error *err)
{
    if (rest->len == 0 || rest->ptr[0] != '"')
        return false;
    rest->ptr++;
    rest->len--;
    return read_quoted(rest, out, err);
}

/* One of "key"=>"value", "key"=>NULL. */
static bool read_pair(struct sluice_str *rest, json_t *object, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf key;
    SLUICE_AUTO(sluice_buf) struct sluice_buf value;
    sluice_buf_init(&key, MAX_PART, "a key of an hstore");
    sluice_buf_init(&value, MAX_PART, "a value of an hstore");
    if (!read_text(rest, &key, err))
        return false;
    skip(rest, "=> ");
    if (rest->len >= 4 && memcmp(rest->ptr, "NULL", 4) == 0) {
        rest->ptr += 4;
        rest->len -= 4;
        return json_object_set_new(object, sluice_buf_text(&key), json_null()) == 0;
    }
    return read_text(rest, &value, err) &&
           json_object_set_new(object, sluice_buf_text(&key), json_stringn(sluice_buf_text(&value), value.len)) == 0;
}

static json_t *read_hstore(struct sluice_str text, struct sluice_error *err)
{
    SLUICE_AUTO(json) json_t *object = json_object();
    for (skip(&text, ", "); text.len > 0; skip(&text, ", "))
        if (!read_pair(&text, object, err))
            return NULL;
    return SLUICE_TAKE(object);
}

static int take_json(const char *bytes, size_t n, void *context)
{
    struct parts *parts = context;
    struct sluice_error ignored;
    return sluice_buf_append(parts->out, bytes, n, &ignored) == SLUICE_OK ? 0 : -1;
}

static enum sluice_code append_map(struct parts *parts, struct sluice_str text, bool *understood,
                                   struct sluice_error *err)
{
    err->code = SLUICE_OK;
    SLUICE_AUTO(json)
    json_t *object = parts->side == CANON_SOURCE ? read_hstore(text, err) : json_loadb(text.ptr, text.len, 0, NULL);
    *understood = json_is_object(object);
    if (!*understood)
        return SLUICE_OK;
    if (json_dump_callback(object, take_json, parts, JSON_SORT_KEYS | JSON_COMPACT) != 0)
        return sluice_error_nomem(err, "an hstore", text.len);
    return SLUICE_OK;
}

/* ---- the target's arrays ---- */

static enum sluice_code append_target_array(struct parts *parts, struct sluice_str text, bool *understood,
                                            struct sluice_error *err)
{
    SLUICE_AUTO(json) json_t *array = json_loadb(text.ptr, text.len, JSON_ALLOW_NUL, NULL);
    enum sluice_code code = SLUICE_OK;
    *understood = json_is_array(array);
    for (size_t i = 0; i < json_array_size(array) && code == SLUICE_OK && *understood; i++) {
        const json_t *part = json_array_get(array, i);
        *understood = json_is_string(part) || json_is_null(part);
        if (*understood)
            code = append_part(parts, (struct sluice_str){json_string_value(part), json_string_length(part)}, err);
    }
    return code;
}

static enum sluice_code append_array(struct parts *parts, struct sluice_str text, bool *understood,
                                     struct sluice_error *err)
{
    return parts->side == CANON_SOURCE ? append_source_array(parts, text, understood, err)
                                       : append_target_array(parts, text, understood, err);
}

/* ---- points ---- */

/* (1.5,-2) on both sides; (NULL,NULL) is the target's point that is NULL. */
static enum sluice_code append_point(struct sluice_str text, struct sluice_buf *out, bool *understood,
                                     struct sluice_error *err)
{
    char x[24];
    char y[24];
    const char *comma = text.len > 0 ? memchr(text.ptr, ',', text.len) : NULL;
    *understood = comma != NULL && text.ptr[0] == '(' && text.ptr[text.len - 1] == ')';
    if (!*understood)
        return SLUICE_OK;
    if (sluice_str_equal_z(text, "(NULL,NULL)"))
        return sluice_buf_append_z(out, "NULL", err);
    const struct sluice_str first = {text.ptr + 1, (size_t)(comma - text.ptr) - 1};
    const struct sluice_str second = {comma + 1, text.len - (size_t)(comma - text.ptr) - 2};
    *understood = canon_float_bits(first, false, false, x) && canon_float_bits(second, false, false, y);
    return *understood ? sluice_buf_printf(out, err, "%s,%s", x, y) : SLUICE_OK;
}

enum sluice_code canon_nested(const struct canon *canon, enum canon_side side, struct sluice_str text,
                              struct sluice_buf *out, bool *understood, struct sluice_error *err)
{
    struct parts parts = {.canon = canon, .side = side, .out = out};
    if (canon->kind == CANON_POINT)
        return append_point(text, out, understood, err);
    return canon->kind == CANON_MAP ? append_map(&parts, text, understood, err)
                                    : append_array(&parts, text, understood, err);
}
