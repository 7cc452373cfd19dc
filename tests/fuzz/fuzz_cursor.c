/* Any bytes: the cursor yields values or an error, and every value lies inside the text. libFuzzer hands the bytes over
 * in an allocation of exactly their size. */
#include <stdlib.h>

#include "json/cursor.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_inside(const struct sluice_json_cursor *cursor, struct sluice_str part)
{
    if (part.ptr < cursor->start || part.ptr > cursor->at || part.len > (size_t)(cursor->at - part.ptr))
        SLUICE_BUG("a value outside of what was read");
}

static void use_value(struct sluice_value value)
{
    struct sluice_error err;
    int64_t number = 0;
    size_t n = 0;
    (void)!sluice_json_int64(value, &number, &err); /* any verdict will do */
    if (value.kind != SLUICE_VALUE_STRING && value.kind != SLUICE_VALUE_STRING_ESCAPED)
        return;
    char *out = malloc(value.text.len > 0 ? value.text.len : 1);
    if (out == NULL)
        abort();
    enum sluice_code code = sluice_json_unescape(value, out, &n, &err);
    if (code == SLUICE_OK && n > value.text.len)
        SLUICE_BUG("longer without its escapes");
    if (value.kind == SLUICE_VALUE_STRING && (code != SLUICE_OK || n != value.text.len))
        SLUICE_BUG("a string without escapes that has some");
    free(out);
}

/* Enters objects; all else is taken whole. */
static bool walk(struct sluice_json_cursor *cursor, unsigned depth)
{
    enum sluice_value_kind kind = SLUICE_VALUE_NULL;
    struct sluice_value value;
    struct sluice_error err;
    bool first = true;
    bool more = true;
    if (sluice_json_peek(cursor, &kind, &err) != SLUICE_OK)
        return false;
    if (kind != SLUICE_VALUE_OBJECT || depth == 0) {
        if (sluice_json_value(cursor, &value, &err) != SLUICE_OK)
            return false;
        check_inside(cursor, value.text);
        use_value(value);
        return true;
    }
    bool good = sluice_json_enter_object(cursor, &err) == SLUICE_OK;
    while (good) {
        struct sluice_str name;
        good = sluice_json_next_member(cursor, &first, &more, &name, &err) == SLUICE_OK;
        if (!good || !more)
            break;
        check_inside(cursor, name);
        good = walk(cursor, depth - 1);
    }
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sluice_str text = {(const char *)data, size};
    struct sluice_json_cursor cursor;
    struct sluice_json_cursor whole;
    struct sluice_value value;
    struct sluice_error err;
    sluice_json_init(&cursor, text);
    bool walked = walk(&cursor, 60) && sluice_json_finish(&cursor, &err) == SLUICE_OK;
    sluice_json_init(&whole, text);
    bool taken = sluice_json_value(&whole, &value, &err) == SLUICE_OK && sluice_json_finish(&whole, &err) == SLUICE_OK;
    if (walked && !taken)
        SLUICE_BUG("walked through, but not taken whole");
    return 0;
}
