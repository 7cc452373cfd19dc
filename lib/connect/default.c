/* default.c - see default.h. */
#include "connect/default.h"

#include <stdlib.h>

#include "base/base64.h"

/* Where connect_default_keep_numbers() puts a default that is a number. */
#define NUMBER_KEY "default number"

static enum sluice_code keep(struct sluice_arena *arena, struct sluice_str text, const char **out,
                             struct sluice_error *err)
{
    const char *copy = sluice_arena_copy(arena, text, err);
    if (copy == NULL)
        return err->code;
    *out = copy;
    return SLUICE_OK;
}

enum sluice_code connect_default_text(struct sluice_arena *arena, const json_t *value, const char **out,
                                      struct sluice_error *err)
{
    if (json_is_string(value))
        return keep(arena, (struct sluice_str){json_string_value(value), json_string_length(value)}, out, err);
    if (json_is_array(value) && json_array_size(value) == 0)
        return keep(arena, sluice_str_from("[]"), out, err);
    if (!json_is_boolean(value) && !json_is_number(value))
        return SLUICE_OK;
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    if (text == NULL)
        return sluice_error_nomem(err, "a default", 0);
    enum sluice_code code = keep(arena, sluice_str_from(text), out, err);
    free(text);
    return code;
}

/* UTF-8 of U+0000 to U+00FF into bytes; false if there is another character. */
static bool take_bytes(struct sluice_str text, unsigned char *bytes, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char first = (unsigned char)text.ptr[i];
        if (first >= 0x80) {
            if ((first & 0xfe) != 0xc2 || ++i == text.len) /* 110000xx 10xxxxxx */
                return false;
            first = (unsigned char)((first & 3u) << 6 | ((unsigned char)text.ptr[i] & 0x3fu));
        }
        bytes[(*n)++] = first;
    }
    return true;
}

enum sluice_code connect_default_bytes(struct sluice_arena *arena, const json_t *value, const char **out,
                                       struct sluice_error *err)
{
    const struct sluice_str text = {json_string_value(value), json_string_length(value)};
    size_t n = 0;
    if (!json_is_string(value))
        return SLUICE_OK;
    unsigned char *bytes = sluice_arena_alloc(arena, text.len + 1, err);
    if (bytes == NULL)
        return err->code;
    if (!take_bytes(text, bytes, &n))
        return SLUICE_OK;
    char *made = sluice_arena_alloc(arena, base64_length(n) + 1, err);
    if (made == NULL)
        return err->code;
    base64_encode((struct sluice_str){(const char *)bytes, n}, made);
    made[base64_length(n)] = '\0';
    *out = made;
    return SLUICE_OK;
}

enum sluice_code connect_default_read(struct sluice_arena *arena, const json_t *schema, struct connect_type *type,
                                      struct sluice_error *err)
{
    const json_t *number = json_object_get(schema, NUMBER_KEY);
    const json_t *value = number != NULL ? number : json_object_get(schema, "default");
    if (value == NULL || json_is_null(value))
        return SLUICE_OK;
    type->has_default = true;
    type->default_is_number = number != NULL;
    return connect_default_text(arena, value, &type->default_text, err);
}

static size_t skip_space(struct sluice_str text, size_t at)
{
    while (at < text.len && strchr(" \t\r\n", text.ptr[at]) != NULL && text.ptr[at] != '\0')
        at++;
    return at;
}

/* Where the number of a default ends whose key ends at `at`, a quote; `at` if there is none. *start: its begin. */
static size_t number_behind(struct sluice_str text, size_t at, size_t *start)
{
    size_t end = skip_space(text, at + 1);
    if (end >= text.len || text.ptr[end] != ':')
        return at;
    *start = end = skip_space(text, end + 1);
    while (end < text.len && strchr("+-.0123456789eE", text.ptr[end]) != NULL && text.ptr[end] != '\0')
        end++;
    return end > *start ? end : at;
}

enum sluice_code connect_default_keep_numbers(struct sluice_str text, struct sluice_buf *out, struct sluice_error *err)
{
    static const char key[] = "\"default";
    const size_t n_key = sizeof key - 1;
    enum sluice_code code = SLUICE_OK;
    size_t done = 0;
    for (size_t i = 0; i < text.len && code == SLUICE_OK; i++) {
        const size_t start = i;
        size_t number = 0;
        if (text.ptr[i] != '"')
            continue;
        for (i++; i < text.len && text.ptr[i] != '"'; i++)
            i += text.ptr[i] == '\\';
        if (i >= text.len || i - start != n_key || memcmp(text.ptr + start, key, n_key) != 0)
            continue;
        const size_t end = number_behind(text, i, &number);
        if (end == i)
            continue;
        code = sluice_buf_append(out, text.ptr + done, start - done, err);
        if (code == SLUICE_OK)
            code = sluice_buf_printf(out, err, "\"" NUMBER_KEY "\":\"%.*s\"", (int)(end - number), text.ptr + number);
        done = end;
        i = end - 1;
    }
    return code == SLUICE_OK ? sluice_buf_append(out, text.ptr + done, text.len - done, err) : code;
}
