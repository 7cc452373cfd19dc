/* embedded.c - see embedded.h. */
#include "connect/embedded.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>

#include "base/buf.h"
#include "connect/default.h"

enum { MAX_DEPTH = 16, MAX_FIELDS = 1664, MAX_BYTES = 256 << 20 };

SLUICE_DEFINE_AUTO_PTR(json, json_t, json_decref)

static const char *const kind_names[] = {
    [CONNECT_BOOLEAN] = "boolean", [CONNECT_INT8] = "int8",     [CONNECT_INT16] = "int16",
    [CONNECT_INT32] = "int32",     [CONNECT_INT64] = "int64",   [CONNECT_FLOAT32] = "float",
    [CONNECT_FLOAT64] = "double",  [CONNECT_STRING] = "string", [CONNECT_BYTES] = "bytes",
    [CONNECT_ARRAY] = "array",     [CONNECT_MAP] = "map",       [CONNECT_STRUCT] = "struct",
};

struct reading {
    struct sluice_arena *arena;
    struct sluice_error *err;
};

#define REFUSE(reading, code, ...) sluice_error_set((reading)->err, (code), SLUICE_STOP_PARTITION, __VA_ARGS__)

static bool find_kind(const char *name, enum connect_kind *out)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(kind_names); i++) {
        if (strcmp(kind_names[i], name) == 0) {
            *out = (enum connect_kind)i;
            return true;
        }
    }
    return false;
}

/* Parameters are always texts. Also a negative number is told: it is for the reader of the tree to refuse. */
static int read_number(const json_t *parameters, const char *name)
{
    const char *text = json_string_value(json_object_get(parameters, name));
    char *end;
    if (text == NULL || (*text != '-' && (*text < '0' || *text > '9')))
        return CONNECT_UNTOLD;
    long value = strtol(text, &end, 10);
    if (*end != '\0' || value > INT_MAX || value < INT_MIN)
        return CONNECT_UNTOLD;
    return (int)value;
}

static enum sluice_code copy_text(struct reading *r, const json_t *text, const char **out)
{
    *out = NULL;
    if (!json_is_string(text))
        return SLUICE_OK;
    *out = sluice_arena_copy(r->arena, sluice_str_from(json_string_value(text)), r->err);
    return *out != NULL ? SLUICE_OK : r->err->code;
}

static enum sluice_code read_type(struct reading *r, const json_t *schema, unsigned depth,
                                  const struct connect_type **out);

static enum sluice_code read_field(struct reading *r, const json_t *schema, unsigned depth, struct connect_field *out)
{
    enum sluice_code code = copy_text(r, json_object_get(schema, "field"), &out->name);
    if (code != SLUICE_OK)
        return code;
    if (out->name == NULL)
        return REFUSE(r, SLUICE_E_SHAPE, "the embedded schema has a field without a name");
    code = read_type(r, schema, depth, &out->type);
    if (code == SLUICE_E_TYPE)
        return sluice_error_wrap(r->err, "field \"%s\"", out->name);
    return code;
}

static enum sluice_code read_fields(struct reading *r, const json_t *fields, unsigned depth, struct connect_type *type)
{
    size_t n = json_array_size(fields);
    if (n > MAX_FIELDS)
        return REFUSE(r, SLUICE_E_LIMIT, "%zu fields, at most %d are supported", n, (int)MAX_FIELDS);
    if (n == 0)
        return SLUICE_OK;
    struct connect_field *made = sluice_arena_alloc_array(r->arena, n, sizeof *made, r->err);
    if (made == NULL)
        return r->err->code;
    for (size_t i = 0; i < n; i++) {
        enum sluice_code code = read_field(r, json_array_get(fields, i), depth + 1, &made[i]);
        if (code != SLUICE_OK)
            return code;
    }
    type->fields = made;
    type->n_fields = n;
    return SLUICE_OK;
}

static enum sluice_code read_parts(struct reading *r, const json_t *schema, unsigned depth, struct connect_type *type)
{
    enum sluice_code code = SLUICE_OK;
    if (type->kind == CONNECT_STRUCT)
        return read_fields(r, json_object_get(schema, "fields"), depth, type);
    if (type->kind == CONNECT_ARRAY)
        return read_type(r, json_object_get(schema, "items"), depth + 1, &type->items);
    if (type->kind == CONNECT_MAP) {
        code = read_type(r, json_object_get(schema, "keys"), depth + 1, &type->keys);
        if (code == SLUICE_OK)
            code = read_type(r, json_object_get(schema, "values"), depth + 1, &type->items);
    }
    return code;
}

static enum sluice_code read_type(struct reading *r, const json_t *schema, unsigned depth,
                                  const struct connect_type **out)
{
    const json_t *parameters = json_object_get(schema, "parameters");
    const char *kind = json_string_value(json_object_get(schema, "type"));
    if (depth > MAX_DEPTH)
        return REFUSE(r, SLUICE_E_LIMIT, "the embedded schema is nested deeper than %d levels", (int)MAX_DEPTH);
    struct connect_type *type = sluice_arena_alloc(r->arena, sizeof *type, r->err);
    if (type == NULL)
        return r->err->code;
    *type = (struct connect_type){.optional = json_is_true(json_object_get(schema, "optional")),
                                  .scale = read_number(parameters, "scale"),
                                  .precision = read_number(parameters, "connect.decimal.precision"),
                                  .length = read_number(parameters, "length")};
    if (kind == NULL || !find_kind(kind, &type->kind))
        return REFUSE(r, SLUICE_E_TYPE,
                      "\"%s\" is no type of Kafka Connect; leave the column out with the connector's "
                      "column.exclude.list",
                      kind != NULL ? kind : "");
    enum sluice_code code = copy_text(r, json_object_get(schema, "name"), &type->name);
    if (code == SLUICE_OK)
        code = copy_text(r, json_object_get(parameters, "__debezium.source.column.type"), &type->source_type);
    if (code == SLUICE_OK)
        code = connect_default_read(r->arena, schema, type, r->err);
    if (code == SLUICE_OK)
        code = read_parts(r, schema, depth, type);
    *out = type;
    return code;
}

static const json_t *find_member(const json_t *schema, const char *name_z)
{
    size_t i;
    json_t *member;
    const char *kind = json_string_value(json_object_get(schema, "type"));
    if (kind == NULL || strcmp(kind, kind_names[CONNECT_STRUCT]) != 0)
        return NULL; /* as read_parts() has it: fields of anything else mean nothing */
    json_array_foreach(json_object_get(schema, "fields"), i, member)
    {
        const char *name = json_string_value(json_object_get(member, "field"));
        if (name != NULL && strcmp(name, name_z) == 0)
            return member;
    }
    return NULL;
}

enum sluice_code connect_embedded_read(struct sluice_arena *arena, struct sluice_str text, const char *member_z,
                                       const struct connect_type **out, struct sluice_error *err)
{
    struct reading r = {.arena = arena, .err = err};
    json_error_t jerr;
    *out = NULL;
    SLUICE_AUTO(sluice_buf) struct sluice_buf kept;
    sluice_buf_init(&kept, MAX_BYTES, "the embedded schema");
    enum sluice_code code = connect_default_keep_numbers(text, &kept, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_AUTO(json) json_t *schema = json_loadb(kept.ptr, kept.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &jerr);
    if (schema == NULL)
        return REFUSE(&r, SLUICE_E_JSON, "the embedded schema is not valid JSON: %s", jerr.text);
    const json_t *wanted = member_z != NULL ? find_member(schema, member_z) : schema;
    return wanted != NULL ? read_type(&r, wanted, 0, out) : SLUICE_OK;
}
