/* verify_avro.c - see verify_avro.h. */
#include "verify_avro.h"

#include <avro.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32 };

struct verify_avro {
    avro_schema_t schema;
    avro_value_iface_t *iface;
    avro_value_t value;
    avro_reader_t reader;
    json_t *types; /* Connect's form */
};

/* ---- types ---- */

static json_t *type_of(const json_t *schema, json_t *named, int depth);

static bool is_type(const json_t *schema, const char *name)
{
    return json_is_string(schema) && strcmp(json_string_value(schema), name) == 0;
}

static json_t *simple(const char *name)
{
    static const char *const types[][2] = {{"boolean", "boolean"}, {"int", "int32"},     {"long", "int64"},
                                           {"float", "float"},     {"double", "double"}, {"bytes", "bytes"},
                                           {"fixed", "bytes"},     {"string", "string"}, {"enum", "string"}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(types[i][0], name) == 0)
            return json_pack("{s:s}", "type", types[i][1]);
    return NULL;
}

/* Of ["null", T] the type is T; what else a union may be is not of Connect. */
static json_t *union_type(const json_t *schema, json_t *named, int depth)
{
    const json_t *inner = NULL;
    for (size_t i = 0; i < json_array_size(schema); i++) {
        const json_t *branch = json_array_get(schema, i);
        if (is_type(branch, "null"))
            continue;
        if (inner != NULL)
            return NULL;
        inner = branch;
    }
    return inner != NULL ? type_of(inner, named, depth) : NULL;
}

static json_t *record_type(const json_t *schema, json_t *named, int depth)
{
    json_t *fields = json_array();
    json_t *made = json_pack("{s:s, s:o}", "type", "struct", "fields", fields);
    const json_t *listed = json_object_get(schema, "fields");
    for (size_t i = 0; i < json_array_size(listed); i++) {
        const json_t *field = json_array_get(listed, i);
        json_t *type = type_of(json_object_get(field, "type"), named, depth);
        if (type == NULL ||
            json_object_set_new(type, "field", json_string(json_string_value(json_object_get(field, "name")))) != 0) {
            json_decref(type);
            json_decref(made);
            return NULL;
        }
        (void)json_array_append_new(fields, type);
    }
    return made;
}

static json_t *container_type(const json_t *schema, const char *kind, json_t *named, int depth)
{
    bool is_map = strcmp(kind, "map") == 0;
    json_t *part = type_of(json_object_get(schema, is_map ? "values" : "items"), named, depth);
    return part != NULL ? json_pack("{s:s, s:o}", "type", is_map ? "map" : "array", is_map ? "values" : "items", part)
                        : NULL;
}

static void remember(json_t *named, const json_t *schema, json_t *type)
{
    char full[512];
    const char *name = json_string_value(json_object_get(schema, "name"));
    const char *space = json_string_value(json_object_get(schema, "namespace"));
    if (name == NULL)
        return;
    (void)snprintf(full, sizeof full, "%s%s%s", space != NULL ? space : "", space != NULL ? "." : "", name);
    (void)json_object_set(named, full, type);
    (void)json_object_set(named, name, type); /* as it is referred to within its namespace */
}

static json_t *object_type(const json_t *schema, json_t *named, int depth)
{
    const json_t *kind = json_object_get(schema, "type");
    if (!json_is_string(kind)) /* {"type": {"type": ...}} */
        return type_of(kind, named, depth);
    const char *text = json_string_value(kind);
    json_t *type = strcmp(text, "record") == 0                              ? record_type(schema, named, depth)
                   : strcmp(text, "array") == 0 || strcmp(text, "map") == 0 ? container_type(schema, text, named, depth)
                                                                            : type_of(kind, named, depth);
    if (type == NULL)
        return NULL;
    json_t *name = json_object_get(schema, "connect.name");
    json_t *parameters = json_object_get(schema, "connect.parameters");
    json_t *logical = json_object_get(schema, "logicalType");
    if (json_is_string(name))
        (void)json_object_set(type, "name", name);
    else if (is_type(logical, "decimal"))
        (void)json_object_set_new(type, "name", json_string("org.apache.kafka.connect.data.Decimal"));
    if (json_is_object(parameters))
        (void)json_object_set(type, "parameters", parameters);
    else if (json_is_integer(json_object_get(schema, "scale")))
        (void)json_object_set_new(
            type, "parameters",
            json_pack("{s:o}", "scale",
                      json_sprintf("%lld", (long long)json_integer_value(json_object_get(schema, "scale")))));
    remember(named, schema, type);
    return type;
}

/* Each use has an object of its own: a field's name is put into it. */
static json_t *type_of(const json_t *schema, json_t *named, int depth)
{
    if (depth > MAX_DEPTH || schema == NULL)
        return NULL;
    if (json_is_array(schema))
        return union_type(schema, named, depth + 1);
    if (json_is_object(schema))
        return object_type(schema, named, depth + 1);
    const char *name = json_string_value(schema);
    json_t *known = name != NULL ? json_object_get(named, name) : NULL;
    if (known != NULL)
        return json_copy(known);
    return name != NULL ? simple(name) : NULL;
}

/* ---- values ---- */

static json_t *bytes_json(const void *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *at = bytes;
    char *text = malloc((len + 2) / 3 * 4 + 1);
    size_t n = 0;
    if (text == NULL)
        return NULL;
    for (size_t i = 0; i < len; i += 3) {
        unsigned group = (unsigned)at[i] << 16;
        group |= i + 1 < len ? (unsigned)at[i + 1] << 8 : 0;
        group |= i + 2 < len ? (unsigned)at[i + 2] : 0;
        text[n++] = digits[group >> 18];
        text[n++] = digits[group >> 12 & 63];
        text[n++] = digits[group >> 6 & 63];
        text[n++] = digits[group & 63];
    }
    for (size_t i = len % 3; i > 0 && i < 3; i++)
        text[n - (3 - i)] = '=';
    json_t *made = json_stringn(text, n);
    free(text);
    return made;
}

static json_t *real_json(double value)
{
    if (isnan(value))
        return json_string("NaN");
    if (isinf(value))
        return json_string(value > 0 ? "Infinity" : "-Infinity");
    return json_real(value);
}

static json_t *value_json(const avro_value_t *value, int depth);

static json_t *record_json(const avro_value_t *value, int depth)
{
    size_t n = 0;
    json_t *made = json_object();
    if (avro_value_get_size(value, &n) != 0)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        avro_value_t field;
        const char *name = NULL;
        if (avro_value_get_by_index(value, i, &field, &name) != 0 ||
            json_object_set_new(made, name, value_json(&field, depth)) != 0) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static json_t *array_json(const avro_value_t *value, bool is_map, int depth)
{
    size_t n = 0;
    json_t *made = is_map ? json_object() : json_array();
    if (avro_value_get_size(value, &n) != 0)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        avro_value_t part;
        const char *key = NULL;
        int failed = avro_value_get_by_index(value, i, &part, &key);
        json_t *json = failed == 0 ? value_json(&part, depth) : NULL;
        if (json == NULL || (is_map ? json_object_set_new(made, key, json) : json_array_append_new(made, json)) != 0) {
            json_decref(made);
            return NULL;
        }
    }
    return made;
}

static json_t *text_json(const avro_value_t *value)
{
    const char *text = NULL;
    size_t size = 0; /* with its terminator */
    return avro_value_get_string(value, &text, &size) == 0 && size > 0 ? json_stringn(text, size - 1) : NULL;
}

static json_t *enum_json(const avro_value_t *value)
{
    int number = 0;
    if (avro_value_get_enum(value, &number) != 0)
        return NULL;
    return json_string(avro_schema_enum_get(avro_value_get_schema(value), number));
}

static json_t *blob_json(const avro_value_t *value, bool is_fixed)
{
    const void *bytes = NULL;
    size_t size = 0;
    int failed = is_fixed ? avro_value_get_fixed(value, &bytes, &size) : avro_value_get_bytes(value, &bytes, &size);
    return failed == 0 ? bytes_json(bytes, size) : NULL;
}

static json_t *number_json(const avro_value_t *value, avro_type_t type)
{
    int small = 0;
    int64_t large = 0;
    float single = 0;
    double wide = 0;
    switch (type) {
    case AVRO_BOOLEAN:
        return avro_value_get_boolean(value, &small) == 0 ? json_boolean(small) : NULL;
    case AVRO_INT32:
        return avro_value_get_int(value, &small) == 0 ? json_integer(small) : NULL;
    case AVRO_INT64:
        return avro_value_get_long(value, &large) == 0 ? json_integer(large) : NULL;
    case AVRO_FLOAT:
        return avro_value_get_float(value, &single) == 0 ? real_json((double)single) : NULL;
    default:
        return avro_value_get_double(value, &wide) == 0 ? real_json(wide) : NULL;
    }
}

static json_t *value_json(const avro_value_t *value, int depth)
{
    avro_value_t branch;
    avro_type_t type = avro_value_get_type(value);
    if (depth > MAX_DEPTH)
        return NULL;
    switch (type) {
    case AVRO_NULL:
        return json_null();
    case AVRO_STRING:
        return text_json(value);
    case AVRO_ENUM:
        return enum_json(value);
    case AVRO_BYTES:
    case AVRO_FIXED:
        return blob_json(value, type == AVRO_FIXED);
    case AVRO_BOOLEAN:
    case AVRO_INT32:
    case AVRO_INT64:
    case AVRO_FLOAT:
    case AVRO_DOUBLE:
        return number_json(value, type);
    case AVRO_UNION:
        return avro_value_get_current_branch(value, &branch) == 0 ? value_json(&branch, depth + 1) : NULL;
    case AVRO_RECORD:
        return record_json(value, depth + 1);
    case AVRO_ARRAY:
    case AVRO_MAP:
        return array_json(value, type == AVRO_MAP, depth + 1);
    default:
        return NULL;
    }
}

/* ---- life ---- */

void verify_avro_free(struct verify_avro *avro)
{
    if (avro == NULL)
        return;
    if (avro->value.iface != NULL)
        avro_value_decref(&avro->value);
    if (avro->iface != NULL)
        avro_value_iface_decref(avro->iface);
    if (avro->schema != NULL)
        (void)avro_schema_decref(avro->schema);
    if (avro->reader != NULL)
        avro_reader_free(avro->reader);
    json_decref(avro->types);
    free(avro);
}

static bool compile(struct verify_avro *avro, const char *json, size_t len)
{
    if (avro_schema_from_json_length(json, len, &avro->schema) != 0)
        return false;
    avro->iface = avro_generic_class_from_schema(avro->schema);
    if (avro->iface == NULL || avro_generic_value_new(avro->iface, &avro->value) != 0)
        return false;
    avro->reader = avro_reader_memory("", 0);
    return avro->reader != NULL;
}

struct verify_avro *verify_avro_new(const char *json, size_t len, char *reason, size_t reason_size)
{
    struct verify_avro *avro = calloc(1, sizeof *avro);
    if (avro == NULL || !compile(avro, json, len)) {
        (void)snprintf(reason, reason_size, "%s", avro_strerror());
        verify_avro_free(avro);
        return NULL;
    }
    json_t *root = json_loadb(json, len, JSON_DECODE_ANY, NULL);
    json_t *named = json_object();
    avro->types = type_of(root, named, 0);
    json_decref(named);
    json_decref(root);
    return avro;
}

const json_t *verify_avro_schema(const struct verify_avro *avro)
{
    return avro->types;
}

json_t *verify_avro_read(struct verify_avro *avro, const char *bytes, size_t len)
{
    avro_reader_memory_set_source(avro->reader, bytes, (int64_t)len);
    if (avro_value_reset(&avro->value) != 0 || avro_value_read(avro->reader, &avro->value) != 0)
        return NULL;
    return value_json(&avro->value, 0);
}
