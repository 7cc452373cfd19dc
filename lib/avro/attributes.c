/* attributes.c - see attributes.h. */
#include "avro/attributes.h"

#include <limits.h>
#include <stdlib.h>

#include "connect/default.h"

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static bool texts_equal(const char *a, const char *b)
{
    return a != NULL && strcmp(a, b) == 0;
}

/* A copy in the arena; NULL stays NULL. */
static enum sluice_code keep_text(struct sluice_arena *arena, const char *text, const char **out,
                                  struct sluice_error *err)
{
    if (text == NULL)
        return SLUICE_OK;
    *out = sluice_arena_copy(arena, sluice_str_from(text), err);
    return *out != NULL ? SLUICE_OK : err->code;
}

static int number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    json_int_t number = json_integer_value(value);
    return json_is_integer(value) && number >= 0 && number <= INT_MAX ? (int)number : CONNECT_UNTOLD;
}

/* Connect's parameters are texts. */
static int parameter_of(const json_t *parameters, const char *key)
{
    const char *text = text_of(parameters, key);
    char *end = NULL;
    if (text == NULL || *text == '\0')
        return CONNECT_UNTOLD;
    long number = strtol(text, &end, 10);
    return *end == '\0' && number >= 0 && number <= INT_MAX ? (int)number : CONNECT_UNTOLD;
}

static enum connect_kind kind_of(const struct avro_node *node, const json_t *attributes)
{
    const char *type = text_of(attributes, "connect.type");
    switch (node->kind) {
    case AVRO_BOOLEAN:
        return CONNECT_BOOLEAN;
    case AVRO_INT:
        return texts_equal(type, "int8") ? CONNECT_INT8 : texts_equal(type, "int16") ? CONNECT_INT16 : CONNECT_INT32;
    case AVRO_LONG:
        return CONNECT_INT64;
    case AVRO_FLOAT:
        return CONNECT_FLOAT32;
    case AVRO_DOUBLE:
        return CONNECT_FLOAT64;
    case AVRO_BYTES:
    case AVRO_FIXED:
        return CONNECT_BYTES;
    case AVRO_STRING:
    case AVRO_ENUM:
        return CONNECT_STRING;
    case AVRO_ARRAY:
        return node->is_entries ? CONNECT_MAP : CONNECT_ARRAY;
    case AVRO_MAP:
        return CONNECT_MAP;
    case AVRO_RECORD:
        return CONNECT_STRUCT;
    case AVRO_NULL:
    case AVRO_UNION:
        break;
    }
    SLUICE_BUG("this kind of schema has no type of its own");
}

/* What Connect calls the logical types of Avro; the finer ones are not Connect's, Debezium has names for them. */
static const char *logical_name(const struct avro_node *node, const json_t *attributes)
{
    static const struct {
        enum avro_kind kind;
        const char *logical;
        const char *name;
    } names[] = {
        {AVRO_BYTES, "decimal", "org.apache.kafka.connect.data.Decimal"},
        {AVRO_FIXED, "decimal", "org.apache.kafka.connect.data.Decimal"},
        {AVRO_INT, "date", "org.apache.kafka.connect.data.Date"},
        {AVRO_INT, "time-millis", "org.apache.kafka.connect.data.Time"},
        {AVRO_LONG, "timestamp-millis", "org.apache.kafka.connect.data.Timestamp"},
        {AVRO_LONG, "local-timestamp-millis", "org.apache.kafka.connect.data.Timestamp"},
        {AVRO_LONG, "time-micros", "io.debezium.time.MicroTime"},
        {AVRO_LONG, "timestamp-micros", "io.debezium.time.MicroTimestamp"},
        {AVRO_LONG, "local-timestamp-micros", "io.debezium.time.MicroTimestamp"},
        {AVRO_LONG, "timestamp-nanos", "io.debezium.time.NanoTimestamp"},
        {AVRO_LONG, "local-timestamp-nanos", "io.debezium.time.NanoTimestamp"},
        {AVRO_STRING, "uuid", "io.debezium.data.Uuid"},
    };
    const char *logical = text_of(attributes, "logicalType");
    for (size_t i = 0; logical != NULL && i < SLUICE_N_ELEMENTS(names); i++) {
        if (names[i].kind == node->kind && strcmp(names[i].logical, logical) == 0)
            return names[i].name;
    }
    return NULL;
}

/* Structs that have no name in Connect are called ConnectDefault, ConnectDefault2, .. in Avro. */
static const char *name_of(const struct avro_node *node, const json_t *attributes)
{
    static const char unnamed[] = "io.confluent.connect.avro.ConnectDefault";
    const char *name = text_of(attributes, "connect.name");
    if (name != NULL)
        return name;
    if (node->kind == AVRO_ENUM)
        return "io.debezium.data.Enum";
    if (node->kind == AVRO_RECORD)
        return strncmp(node->name, unnamed, sizeof unnamed - 1) != 0 ? node->name : NULL;
    return logical_name(node, attributes);
}

static void set_numbers(struct connect_type *type, const json_t *attributes)
{
    const json_t *parameters = json_object_get(attributes, "connect.parameters");
    type->scale = parameter_of(parameters, "scale");
    type->precision = parameter_of(parameters, "connect.decimal.precision");
    type->length = parameter_of(parameters, "length");
    /* The converters write 64 as the precision of the logical type where Connect's schema tells none, as for money;
     * with the parameters at hand there is no need to guess. */
    if (json_is_object(parameters) || !texts_equal(text_of(attributes, "logicalType"), "decimal"))
        return;
    type->precision = number_of(attributes, "precision");
    type->scale = number_of(attributes, "scale") == CONNECT_UNTOLD ? 0 : number_of(attributes, "scale");
}

static enum sluice_code set_fields(struct connect_type *type, const struct avro_node *node, struct sluice_arena *arena,
                                   struct sluice_error *err)
{
    struct connect_field *fields = sluice_arena_alloc_array(arena, node->n > 0 ? node->n : 1, sizeof fields[0], err);
    if (fields == NULL)
        return err->code;
    for (size_t i = 0; i < node->n; i++)
        fields[i] = (struct connect_field){node->fields[i].name, node->fields[i].node->type};
    type->fields = fields;
    type->n_fields = node->n;
    return SLUICE_OK;
}

static bool has_parts_without_type(const struct avro_node *node)
{
    if (node->kind == AVRO_NULL || (node->items != NULL && node->items->type == NULL))
        return true;
    for (size_t i = 0; node->kind == AVRO_RECORD && i < node->n; i++) {
        if (node->fields[i].node->type == NULL)
            return true;
    }
    return false;
}

static const struct connect_type string_type = {
    .kind = CONNECT_STRING, .scale = CONNECT_UNTOLD, .precision = CONNECT_UNTOLD, .length = CONNECT_UNTOLD};

/* Of a union a default is one of its first type. */
static enum sluice_code set_default(struct connect_type *type, const json_t *value, struct sluice_arena *arena,
                                    struct sluice_error *err)
{
    if (value == NULL)
        return SLUICE_OK;
    type->has_default = true;
    type->default_is_number = json_is_number(value);
    return type->kind == CONNECT_BYTES ? connect_default_bytes(arena, value, &type->default_text, err)
                                       : connect_default_text(arena, value, &type->default_text, err);
}

enum sluice_code attributes_apply(struct avro_node *node, const json_t *attributes, struct sluice_arena *arena,
                                  struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    if (has_parts_without_type(node))
        return SLUICE_OK;
    struct connect_type *type = sluice_arena_alloc(arena, sizeof *type, err);
    if (type == NULL)
        return err->code;
    type->kind = kind_of(node, attributes);
    set_numbers(type, attributes);
    if (node->kind == AVRO_ARRAY && node->is_entries) {
        type->keys = node->items->type->fields[0].type;
        type->items = node->items->type->fields[1].type;
    } else if (node->items != NULL) {
        type->keys = node->kind == AVRO_MAP ? &string_type : NULL;
        type->items = node->items->type;
    }
    if (node->kind == AVRO_RECORD)
        code = set_fields(type, node, arena, err);
    if (code == SLUICE_OK)
        code = set_default(type, json_object_get(attributes, "connect.default"), arena, err);
    if (code == SLUICE_OK)
        code = keep_text(arena, name_of(node, attributes), &type->name, err);
    if (code == SLUICE_OK)
        code = keep_text(arena,
                         text_of(json_object_get(attributes, "connect.parameters"), "__debezium.source.column.type"),
                         &type->source_type, err);
    if (code == SLUICE_OK)
        node->type = type;
    return code;
}

static enum sluice_code copy_type(struct avro_node *node, const struct connect_type *from, struct connect_type **out,
                                  struct sluice_arena *arena, struct sluice_error *err)
{
    struct connect_type *type = sluice_arena_alloc(arena, sizeof *type, err);
    if (type == NULL)
        return err->code;
    *type = *from;
    node->type = type;
    *out = type;
    return SLUICE_OK;
}

enum sluice_code attributes_apply_union(struct avro_node *node, struct sluice_arena *arena, struct sluice_error *err)
{
    struct connect_type *type = NULL;
    const struct avro_node *only = avro_without_null(node);
    if (only == node || only->type == NULL)
        return SLUICE_OK;
    enum sluice_code code = copy_type(node, only->type, &type, arena, err);
    if (code == SLUICE_OK)
        type->optional = node->n == 2;
    return code;
}

enum sluice_code attributes_add_default(struct avro_node *node, const json_t *value, struct sluice_arena *arena,
                                        struct sluice_error *err)
{
    struct connect_type *type = NULL;
    if (node->type == NULL)
        return SLUICE_OK;
    enum sluice_code code = copy_type(node, node->type, &type, arena, err);
    return code != SLUICE_OK ? code : set_default(type, value, arena, err);
}

bool attributes_is_entry(const struct avro_node *record, const json_t *attributes)
{
    const char *dot = strrchr(record->name, '.');
    const char *simple = dot != NULL ? dot + 1 : record->name;
    return record->n == 2 && strcmp(record->fields[0].name, "key") == 0 &&
           strcmp(record->fields[1].name, "value") == 0 &&
           (strcmp(simple, "MapEntry") == 0 || texts_equal(text_of(attributes, "connect.internal.type"), "MapEntry"));
}
