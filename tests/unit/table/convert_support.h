/* convert_support.h - types from their texts, and one value put by a converter. */
#ifndef SLUICE_TESTS_CONVERT_SUPPORT_H
#define SLUICE_TESTS_CONVERT_SUPPORT_H

#include "table/convert.h"
#include "table_support.h"

/* NULL, and a line that says so, if the text is no type that is known. */
static inline const struct sluice_type *type_of(struct sluice_arena *arena, const char *text)
{
    struct sluice_error err = {0};
    const struct sluice_type *type = NULL;
    if (sluice_type_parse(arena, sluice_str_from(text), &type, &err) != SLUICE_OK || type == NULL)
        (void)fprintf(stderr, "    type %s\n", text);
    return type;
}

/* Puts the value with `put`, which is convert_put or the converter's own function. `wanted` is hexadecimal, or an error
 * text that begins with '!'; the error is in `err`. Text and room lie in allocations of their exact size, so that a
 * byte too many is seen. */
static inline bool check_put(const struct convert *convert, convert_fn put, const struct sluice_value *from,
                             const char *wanted, struct sluice_error *err)
{
    unsigned char want[256];
    struct sluice_value value = *from;
    unsigned char *at = malloc(convert_room(convert, &value));
    char *text = malloc(value.text.len > 0 ? value.text.len : 1);
    if (at == NULL || text == NULL)
        abort();
    if (value.text.len > 0)
        memcpy(text, value.text.ptr, value.text.len);
    value.text.ptr = text;
    const unsigned char *end = put(convert, &value, at, err);
    bool ok = *wanted == '!'
                  ? CHECK(end == NULL) && CHECK_CONTAINS(err->text, wanted + 1) && CHECK_INT(err->action, SLUICE_REJECT)
                  : CHECK(end != NULL) && CHECK_BYTES(at, (size_t)(end - at), want, bytes_of_hex(wanted, want));
    if (!ok)
        (void)fprintf(stderr, "    %s\n", err->text);
    free(at);
    free(text);
    return ok;
}

#endif
