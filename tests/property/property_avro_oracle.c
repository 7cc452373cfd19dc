/* property_avro_oracle.c - see property_avro_oracle.h. */
#include "property_avro_oracle.h"

#include <avro.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct avro_oracle {
    avro_schema_t schema;
    avro_value_iface_t *iface;
};

struct text {
    char *at;
    size_t left;
};

struct avro_oracle *avro_oracle_new(const char *schema, size_t n_bytes)
{
    struct avro_oracle *oracle = calloc(1, sizeof *oracle);
    if (oracle == NULL)
        abort();
    if (avro_schema_from_json_length(schema, n_bytes, &oracle->schema) != 0) {
        free(oracle);
        return NULL;
    }
    oracle->iface = avro_generic_class_from_schema(oracle->schema);
    if (oracle->iface == NULL)
        abort();
    return oracle;
}

void avro_oracle_free(struct avro_oracle *oracle)
{
    if (oracle == NULL)
        return;
    avro_value_iface_decref(oracle->iface);
    avro_schema_decref(oracle->schema);
    free(oracle);
}

static bool put_char(struct text *text, char c)
{
    if (text->left < 2)
        return false;
    *text->at++ = c;
    *text->at = '\0';
    text->left--;
    return true;
}

static bool put_hex(struct text *text, const void *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    bool ok = put_char(text, 's');
    for (size_t i = 0; i < n && ok; i++) {
        unsigned char byte = ((const unsigned char *)bytes)[i];
        ok = put_char(text, digits[byte >> 4]) && put_char(text, digits[byte & 15]);
    }
    return ok;
}

static bool dump(const avro_value_t *value, struct text *text);

static bool put_bits(struct text *text, char kind, uint64_t bits)
{
    int n = snprintf(text->at, text->left, "%c%016" PRIx64, kind, bits);
    if (n < 0 || (size_t)n >= text->left)
        return false;
    text->at += n;
    text->left -= (size_t)n;
    return true;
}

static bool dump_number(const avro_value_t *value, avro_type_t type, struct text *text)
{
    int32_t i32 = 0;
    int64_t i64 = 0;
    float f = 0;
    double d = 0;
    uint64_t bits = 0;
    switch (type) {
    case AVRO_INT32:
        return avro_value_get_int(value, &i32) == 0 && put_bits(text, 'i', (uint64_t)(int64_t)i32);
    case AVRO_INT64:
        return avro_value_get_long(value, &i64) == 0 && put_bits(text, 'i', (uint64_t)i64);
    case AVRO_FLOAT:
        if (avro_value_get_float(value, &f) != 0)
            return false;
        d = (double)f;
        break;
    default:
        if (avro_value_get_double(value, &d) != 0)
            return false;
        break;
    }
    memcpy(&bits, &d, sizeof bits);
    return put_bits(text, 'r', bits);
}

static bool dump_bytes(const avro_value_t *value, avro_type_t type, struct text *text)
{
    const void *bytes = NULL;
    const char *string = NULL;
    size_t n = 0;
    int symbol = 0;
    switch (type) {
    case AVRO_STRING:
        return avro_value_get_string(value, &string, &n) == 0 && put_hex(text, string, n - 1); /* with its NUL */
    case AVRO_BYTES:
        return avro_value_get_bytes(value, &bytes, &n) == 0 && put_hex(text, bytes, n);
    case AVRO_FIXED:
        return avro_value_get_fixed(value, &bytes, &n) == 0 && put_hex(text, bytes, n);
    default:
        if (avro_value_get_enum(value, &symbol) != 0)
            return false;
        string = avro_schema_enum_get(avro_value_get_schema(value), symbol);
        return string != NULL && put_hex(text, string, strlen(string));
    }
}

static bool dump_parts(const avro_value_t *value, avro_type_t type, struct text *text)
{
    size_t n = 0;
    char open = type == AVRO_ARRAY ? '[' : type == AVRO_MAP ? '{' : '(';
    char close = type == AVRO_ARRAY ? ']' : type == AVRO_MAP ? '}' : ')';
    bool ok = avro_value_get_size(value, &n) == 0 && put_char(text, open);
    for (size_t i = 0; i < n && ok; i++) {
        avro_value_t part;
        const char *name = NULL;
        ok = avro_value_get_by_index(value, i, &part, &name) == 0;
        if (ok && type == AVRO_MAP)
            ok = put_hex(text, name, strlen(name)) && put_char(text, '=');
        ok = ok && dump(&part, text) && put_char(text, ',');
    }
    return ok && put_char(text, close);
}

static bool dump(const avro_value_t *value, struct text *text)
{
    avro_value_t branch;
    int truth = 0;
    avro_type_t type = avro_value_get_type(value);
    switch (type) {
    case AVRO_UNION:
        return avro_value_get_current_branch(value, &branch) == 0 && dump(&branch, text);
    case AVRO_NULL:
        return put_char(text, 'n');
    case AVRO_BOOLEAN:
        return avro_value_get_boolean(value, &truth) == 0 && put_char(text, truth ? 't' : 'f');
    case AVRO_INT32:
    case AVRO_INT64:
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return dump_number(value, type, text);
    case AVRO_STRING:
    case AVRO_BYTES:
    case AVRO_FIXED:
    case AVRO_ENUM:
        return dump_bytes(value, type, text);
    case AVRO_ARRAY:
    case AVRO_MAP:
    case AVRO_RECORD:
        return dump_parts(value, type, text);
    default:
        return false;
    }
}

bool avro_oracle_dump(struct avro_oracle *oracle, const char *bytes, size_t n_bytes, char *out, size_t capacity)
{
    avro_value_t value;
    struct text text = {out, capacity};
    avro_reader_t reader = avro_reader_memory(bytes, (int64_t)n_bytes);
    if (reader == NULL || avro_generic_value_new(oracle->iface, &value) != 0)
        abort();
    bool ok = avro_value_read(reader, &value) == 0 && dump(&value, &text);
    avro_value_decref(&value);
    avro_reader_free(reader);
    return ok;
}
