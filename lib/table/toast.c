/* toast.c - see toast.h. */
#include "table/toast.h"

#define TEXT   "__debezium_unavailable_value"
#define BASE64 "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="
#define UUID   "b68a35a7-17ad-35b3-af2a-ae46edb4545a" /* the name-based UUID of TEXT */
#define NUMBERS                                                                                                        \
    "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]"
#define FORM(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static const struct sluice_str text = FORM(TEXT);
static const struct sluice_str base64 = FORM(BASE64);
static const struct sluice_str entry = FORM("{\"" TEXT "\":\"" TEXT "\"}");
static const struct sluice_str escaped_entry = FORM("{\\\"" TEXT "\\\":\\\"" TEXT "\\\"}");
static const struct sluice_str arrays[] = {FORM("[\"" TEXT "\"]"), FORM("[\"" BASE64 "\"]"), FORM("[\"" UUID "\"]"),
                                           FORM(NUMBERS)};

/* --- Avro: blocks of elements, each behind the index of its union where elements may be null -----------------------
 */

enum { MAX_INDEX = 2 }; /* 0 or 1, as a zigzag varint */

static bool take(struct sluice_str *rest, const char *bytes, size_t n)
{
    if (rest->len < n || memcmp(rest->ptr, bytes, n) != 0)
        return false;
    *rest = (struct sluice_str){rest->ptr + n, rest->len - n};
    return true;
}

static bool take_index(struct sluice_str *rest)
{
    if (rest->len == 0 || ((unsigned char)rest->ptr[0] != 0 && (unsigned char)rest->ptr[0] != MAX_INDEX))
        return false;
    *rest = (struct sluice_str){rest->ptr + 1, rest->len - 1};
    return true;
}

static bool take_text(struct sluice_str *rest, struct sluice_str wanted)
{
    const char length = (char)(2 * wanted.len); /* zigzag; below 64 */
    return take(rest, &length, 1) && take(rest, wanted.ptr, wanted.len);
}

static bool is_avro_array(struct sluice_str rest, struct sluice_str element, bool indexed)
{
    return take(&rest, "\x02", 1) && (!indexed || take_index(&rest)) && take_text(&rest, element) &&
           take(&rest, "\x00", 1) && rest.len == 0;
}

static bool is_avro_numbers(struct sluice_str rest, bool indexed)
{
    if (!take(&rest, "\x38", 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const unsigned number = 2U * (unsigned char)text.ptr[i];
        const char small = (char)number;
        const char large[2] = {(char)(number | 0x80), (char)(number >> 7)};
        if (indexed && !take_index(&rest))
            return false;
        if (!(number < 0x80 ? take(&rest, &small, 1) : take(&rest, large, 2)))
            return false;
    }
    return take(&rest, "\x00", 1) && rest.len == 0;
}

static bool is_avro_entry(struct sluice_str rest, bool indexed)
{
    return take(&rest, "\x02", 1) && take_text(&rest, text) && (!indexed || take_index(&rest)) &&
           take_text(&rest, text) && take(&rest, "\x00", 1) && rest.len == 0;
}

static bool is_avro(struct sluice_str bytes)
{
    static const struct sluice_str uuid = FORM(UUID);
    for (int indexed = 0; indexed <= 1; indexed++) {
        if (is_avro_array(bytes, text, indexed) || is_avro_array(bytes, uuid, indexed) ||
            is_avro_numbers(bytes, indexed) || is_avro_entry(bytes, indexed))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static bool is_array(struct sluice_str value)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(arrays); i++) {
        if (sluice_str_equal(value, arrays[i]))
            return true;
    }
    return false;
}

void toast_set_forms(struct plan_column *column, enum sluice_source_type type)
{
    bool untyped = type == SLUICE_SOURCE_UNTYPED;
    column->toast_text = untyped || type == SLUICE_SOURCE_STRING || type == SLUICE_SOURCE_JSON ||
                         type == SLUICE_SOURCE_ENUM || type == SLUICE_SOURCE_UUID;
    column->toast_base64 = untyped || type == SLUICE_SOURCE_BYTES;
    column->toast_composite = untyped || type == SLUICE_SOURCE_ARRAY || type == SLUICE_SOURCE_MAP;
}

bool toast_is_possible(const struct plan_column *column)
{
    return column->toast_text || column->toast_base64 || column->toast_composite;
}

bool toast_matches(const struct plan_column *column, const struct sluice_value *value)
{
    switch (value->kind) {
    case SLUICE_VALUE_STRING:
        return (column->toast_text && (sluice_str_equal(value->text, text) || sluice_str_equal(value->text, entry))) ||
               (column->toast_base64 && sluice_str_equal(value->text, base64));
    case SLUICE_VALUE_STRING_ESCAPED:
        return column->toast_text && sluice_str_equal(value->text, escaped_entry);
    case SLUICE_VALUE_BYTES:
        return column->toast_base64 && sluice_str_equal(value->text, text);
    case SLUICE_VALUE_ARRAY:
        return column->toast_composite && is_array(value->text);
    case SLUICE_VALUE_OBJECT:
        return column->toast_composite && sluice_str_equal(value->text, entry);
    case SLUICE_VALUE_AVRO:
        return column->toast_composite && is_avro(value->text);
    case SLUICE_VALUE_NULL:
    case SLUICE_VALUE_TRUE:
    case SLUICE_VALUE_FALSE:
    case SLUICE_VALUE_NUMBER:
    case SLUICE_VALUE_INTEGER:
    case SLUICE_VALUE_FLOAT:
    case SLUICE_VALUE_DOUBLE:
        break;
    }
    return false;
}
