/* json_schema.c - see json_schema.h. The text is read with jansson, which keeps the order of members. */
#include "connect/json_schema.h"

#include <limits.h>
#include <stdlib.h>

#include <jansson.h>

#include "connect/default.h"

enum { MAX_DEPTH = 64, MAX_TYPES = 100000, MAX_FIELDS = 1664, MAX_DOCUMENTS = 128, MAX_BYTES = 256 << 20 };

struct document {
    const char *name; /* NULL: the schema itself */
    json_t *root;
};

struct reading {
    struct sluice_arena *arena;
    struct document documents[MAX_DOCUMENTS];
    size_t n_documents;
    size_t n_types;
};

/* Where a part stands: references in it are resolved there. */
struct place {
    const json_t *root;
    unsigned depth;
};

#define refuse(err, ...) sluice_error_set(err, SLUICE_E_SCHEMA, SLUICE_REJECT, __VA_ARGS__)

static enum sluice_code read_type(struct reading *r, const json_t *json, struct place place, struct connect_type **out,
                                  struct sluice_error *err);

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool texts_equal(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

static int parameter_of(const json_t *json, const char *key)
{
    const char *text = text_of(json_object_get(json, "connect.parameters"), key);
    char *end = NULL;
    if (text == NULL || *text == '\0')
        return CONNECT_UNTOLD;
    long number = strtol(text, &end, 10);
    return *end == '\0' && number >= 0 && number <= INT_MAX ? (int)number : CONNECT_UNTOLD;
}

static enum sluice_code keep_text(struct reading *r, const char *text, const char **out, struct sluice_error *err)
{
    if (text == NULL)
        return SLUICE_OK;
    *out = sluice_arena_copy(r->arena, sluice_str_from(text), err);
    return *out != NULL ? SLUICE_OK : err->code;
}

/* --- references ----------------------------------------------------------------------------------------------------
 */

static const json_t *find_document(const struct reading *r, const char *name)
{
    for (size_t i = 0; i < r->n_documents; i++) {
        if (r->documents[i].name != NULL && strcmp(r->documents[i].name, name) == 0)
            return r->documents[i].root;
    }
    return NULL;
}

/* "#", "#/definitions/Name", "#/$defs/Name", "other.json". */
static enum sluice_code resolve(const struct reading *r, const char *ref, struct place *place, const json_t **out,
                                struct sluice_error *err)
{
    static const char *const homes[] = {"definitions", "$defs"};
    *out = NULL;
    if (strcmp(ref, "#") == 0)
        *out = place->root;
    else if (ref[0] != '#')
        *out = place->root = find_document(r, ref);
    for (size_t i = 0; *out == NULL && ref[0] == '#' && i < SLUICE_N_ELEMENTS(homes); i++) {
        size_t n = strlen(homes[i]);
        if (strncmp(ref, "#/", 2) == 0 && strncmp(ref + 2, homes[i], n) == 0 && ref[2 + n] == '/')
            *out = json_object_get(json_object_get(place->root, homes[i]), ref + 3 + n);
    }
    return *out != NULL ? SLUICE_OK : refuse(err, "the JSON Schema refers to \"%.200s\", which is not there", ref);
}

/* --- types ---------------------------------------------------------------------------------------------------------
 */

static bool is_null_schema(const json_t *json)
{
    return texts_equal(text_of(json, "type"), "null");
}

/* The part of oneOf or anyOf that is not null; NULL unless there is exactly one. */
static const json_t *without_null(const json_t *parts, bool *optional)
{
    const json_t *only = NULL;
    for (size_t i = 0; i < json_array_size(parts); i++) {
        const json_t *part = json_array_get(parts, i);
        if (is_null_schema(part)) {
            *optional = true;
            continue;
        }
        if (only != NULL)
            return NULL;
        only = part;
    }
    return only;
}

/* {"type":["null","integer"]}, as people write it. */
static const char *type_name(const json_t *json, bool *optional)
{
    const json_t *type = json_object_get(json, "type");
    const char *name = json_string_value(type);
    for (size_t i = 0; i < json_array_size(type); i++) {
        const char *part = json_string_value(json_array_get(type, i));
        if (texts_equal(part, "null"))
            *optional = true;
        else if (name == NULL)
            name = part;
        else
            return NULL;
    }
    if (name == NULL && json_object_get(json, "enum") != NULL)
        return "string";
    return name;
}

static bool scalar_kind(const char *name, const char *connect, enum connect_kind *out)
{
    static const struct {
        const char *name;
        const char *connect; /* NULL: none */
        enum connect_kind kind;
    } kinds[] = {
        {"boolean", NULL, CONNECT_BOOLEAN},     {"integer", "int8", CONNECT_INT8},
        {"integer", "int16", CONNECT_INT16},    {"integer", "int32", CONNECT_INT32},
        {"integer", "int64", CONNECT_INT64},    {"integer", NULL, CONNECT_INT64},
        {"number", "float32", CONNECT_FLOAT32}, {"number", "float64", CONNECT_FLOAT64},
        {"number", NULL, CONNECT_FLOAT64},      {"number", "bytes", CONNECT_BYTES},
        {"number", "int8", CONNECT_INT8},       {"number", "int16", CONNECT_INT16},
        {"number", "int32", CONNECT_INT32},     {"number", "int64", CONNECT_INT64},
        {"string", "bytes", CONNECT_BYTES},     {"string", NULL, CONNECT_STRING},
    };
    for (size_t i = 0; name != NULL && i < SLUICE_N_ELEMENTS(kinds); i++) {
        bool same = kinds[i].connect == NULL ? connect == NULL : texts_equal(connect, kinds[i].connect);
        if (strcmp(kinds[i].name, name) == 0 && same) {
            *out = kinds[i].kind;
            return true;
        }
    }
    return false;
}

struct property {
    const char *name;
    const json_t *json;
    json_int_t index;
};

static int compare_properties(const void *a, const void *b)
{
    const struct property *left = a;
    const struct property *right = b;
    return left->index < right->index ? -1 : left->index > right->index;
}

static enum sluice_code read_fields(struct reading *r, const json_t *json, struct place place,
                                    struct connect_type *type, struct sluice_error *err)
{
    size_t n = 0;
    const char *name = NULL;
    json_t *value = NULL;
    json_t *properties = json_object_get(json, "properties");
    size_t n_fields = json_object_size(properties);
    if (n_fields > MAX_FIELDS)
        return refuse(err, "the JSON Schema has an object of more than %d properties", MAX_FIELDS);
    struct property *list = sluice_arena_alloc_array(r->arena, n_fields + 1, sizeof *list, err);
    struct connect_field *fields = sluice_arena_alloc_array(r->arena, n_fields + 1, sizeof *fields, err);
    if (list == NULL || fields == NULL)
        return err->code;
    json_object_foreach(properties, name, value)
    {
        const json_t *index = json_object_get(value, "connect.index");
        list[n] = (struct property){name, value, index != NULL ? json_integer_value(index) : (json_int_t)n};
        n++;
    }
    qsort(list, n, sizeof *list, compare_properties);
    for (size_t i = 0; i < n; i++) {
        struct connect_type *field = NULL;
        enum sluice_code code = read_type(r, list[i].json, place, &field, err);
        if (code == SLUICE_OK)
            code = keep_text(r, list[i].name, &fields[i].name, err);
        if (code != SLUICE_OK)
            return code;
        fields[i].type = field;
    }
    type->kind = CONNECT_STRUCT;
    type->fields = fields;
    type->n_fields = n;
    return SLUICE_OK;
}

static enum sluice_code read_map(struct reading *r, const json_t *keys, const json_t *values, struct place place,
                                 struct connect_type *type, struct sluice_error *err)
{
    struct connect_type *key = NULL;
    struct connect_type *item = NULL;
    json_t *string = keys == NULL ? json_pack("{s:s}", "type", "string") : NULL;
    enum sluice_code code = read_type(r, keys != NULL ? keys : string, place, &key, err);
    json_decref(string);
    if (code == SLUICE_OK)
        code = read_type(r, values, place, &item, err);
    type->kind = CONNECT_MAP;
    type->keys = key;
    type->items = item;
    return code;
}

static enum sluice_code read_array(struct reading *r, const json_t *json, struct place place, bool is_map,
                                   struct connect_type *type, struct sluice_error *err)
{
    struct connect_type *item = NULL;
    const json_t *items = json_object_get(json, "items");
    const json_t *entry = json_object_get(items, "properties");
    if (is_map && json_object_get(entry, "key") != NULL && json_object_get(entry, "value") != NULL)
        return read_map(r, json_object_get(entry, "key"), json_object_get(entry, "value"), place, type, err);
    enum sluice_code code = read_type(r, items, place, &item, err);
    type->kind = CONNECT_ARRAY;
    type->items = item;
    return code;
}

static enum sluice_code read_plain(struct reading *r, const json_t *json, struct place place, struct connect_type *type,
                                   struct sluice_error *err)
{
    const char *name = type_name(json, &type->optional);
    const char *connect = text_of(json, "connect.type");
    bool is_map = texts_equal(connect, "map");
    if (texts_equal(name, "array"))
        return read_array(r, json, place, is_map, type, err);
    if (texts_equal(name, "object") && is_map)
        return read_map(r, NULL, json_object_get(json, "additionalProperties"), place, type, err);
    if (texts_equal(name, "object"))
        return read_fields(r, json, place, type, err);
    if (scalar_kind(name, connect, &type->kind))
        return SLUICE_OK;
    return refuse(err,
                  "the JSON Schema has a part of type \"%.80s\" (connect.type \"%.80s\"), which is no type of Kafka "
                  "Connect",
                  name != NULL ? name : "", connect != NULL ? connect : "");
}

static enum sluice_code set_attributes(struct reading *r, const json_t *json, struct connect_type *type,
                                       struct sluice_error *err)
{
    type->scale = parameter_of(json, "scale");
    type->precision = parameter_of(json, "connect.decimal.precision");
    type->length = parameter_of(json, "length");
    enum sluice_code code = connect_default_read(r->arena, json, type, err);
    if (code == SLUICE_OK)
        code = keep_text(r, text_of(json, "title"), &type->name, err);
    if (code != SLUICE_OK)
        return code;
    return keep_text(r, text_of(json_object_get(json, "connect.parameters"), "__debezium.source.column.type"),
                     &type->source_type, err);
}

static enum sluice_code read_type(struct reading *r, const json_t *json, struct place place, struct connect_type **out,
                                  struct sluice_error *err)
{
    const char *ref = text_of(json, "$ref");
    const json_t *parts = json_object_get(json, "oneOf");
    if (++place.depth > MAX_DEPTH || ++r->n_types > MAX_TYPES)
        return refuse(err,
                      "the JSON Schema is nested more than %d levels deep, or has more than %d types; does it refer "
                      "to itself?",
                      MAX_DEPTH, MAX_TYPES);
    if (parts == NULL)
        parts = json_object_get(json, "anyOf");
    if (ref != NULL) {
        enum sluice_code code = resolve(r, ref, &place, &json, err);
        return code != SLUICE_OK ? code : read_type(r, json, place, out, err);
    }
    if (parts != NULL) {
        bool optional = false;
        const json_t *only = without_null(parts, &optional);
        if (only == NULL)
            return refuse(err, "the JSON Schema has a choice of several types, which no column can hold");
        enum sluice_code code = read_type(r, only, place, out, err);
        if (code != SLUICE_OK)
            return code;
        (*out)->optional = optional || (*out)->optional;
        return connect_default_read(r->arena, json, *out, err);
    }
    struct connect_type *type = sluice_arena_alloc(r->arena, sizeof *type, err);
    if (type == NULL)
        return err->code;
    *out = type;
    enum sluice_code code = read_plain(r, json, place, type, err);
    return code != SLUICE_OK ? code : set_attributes(r, json, type, err);
}

static enum sluice_code load(struct reading *r, const char *name, struct sluice_str text, struct sluice_error *err)
{
    json_error_t why;
    if (r->n_documents == MAX_DOCUMENTS)
        return refuse(err, "the JSON Schema refers to more than %d others", MAX_DOCUMENTS - 1);
    SLUICE_AUTO(sluice_buf) struct sluice_buf kept;
    sluice_buf_init(&kept, MAX_BYTES, "a JSON Schema");
    enum sluice_code code = connect_default_keep_numbers(text, &kept, err);
    if (code != SLUICE_OK)
        return code;
    json_t *root = json_loadb(kept.ptr, kept.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    if (root == NULL)
        return sluice_error_set(err, SLUICE_E_JSON, SLUICE_REJECT, "the JSON Schema is no JSON: %s at byte %d",
                                why.text, why.position);
    r->documents[r->n_documents++] = (struct document){name, root};
    return SLUICE_OK;
}

enum sluice_code connect_json_schema_read(struct sluice_str text, const struct connect_named_schema *named,
                                          size_t n_named, struct sluice_arena *arena, const struct connect_type **out,
                                          struct sluice_error *err)
{
    struct reading reading = {.arena = arena};
    struct connect_type *type = NULL;
    enum sluice_code code = load(&reading, NULL, text, err);
    for (size_t i = 0; i < n_named && code == SLUICE_OK; i++)
        code = load(&reading, named[i].name, named[i].text, err);
    if (code == SLUICE_OK)
        code = read_type(&reading, reading.documents[0].root, (struct place){reading.documents[0].root, 0}, &type, err);
    for (size_t i = 0; i < reading.n_documents; i++)
        json_decref(reading.documents[i].root);
    if (code == SLUICE_OK)
        *out = type;
    return code;
}
