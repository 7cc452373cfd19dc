/* default.c - see default.h. */
#include "connect/default.h"

#include <stdlib.h>

#include "base/base64.h"

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
