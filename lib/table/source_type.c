/* source_type.c - see source_type.h. */
#include "table/source_type.h"

#include "table/lex.h"

enum {
    /* PostgreSQL allows numeric scales up to 1000; the connector shows negative ones as nonsense above that. */
    MAX_SCALE = 1000,
    /* bit varying without a length has the greatest int. PostgreSQL's longest declared one: */
    MAX_BITS = 83886080,
    MAX_HINT_DEPTH = 4,
    MAX_NAME = 1024
};

static const char *const type_names[] = {
#define SOURCE_TYPE_NAME(symbol, name) [symbol] = (name),
    SLUICE_SOURCE_TYPES(SOURCE_TYPE_NAME)
#undef SOURCE_TYPE_NAME
};

const char *sluice_source_type_name(enum sluice_source_type type)
{
    return (unsigned)type < SLUICE_N_SOURCE_TYPES ? type_names[type] : "unknown";
}

enum sluice_source_type sluice_source_type_find(struct sluice_str name)
{
    for (size_t i = 0; i < SLUICE_N_SOURCE_TYPES; i++) {
        if (sluice_str_equal_z(name, type_names[i]))
            return (enum sluice_source_type)i;
    }
    return SLUICE_N_SOURCE_TYPES;
}

struct mapping {
    enum connect_kind kind;
    const char *name; /* NULL for a plain type */
    enum sluice_source_type source;
};

static const struct mapping mappings[] = {
    {CONNECT_BOOLEAN, NULL, SLUICE_SOURCE_BOOLEAN},
    {CONNECT_INT8, NULL, SLUICE_SOURCE_INT8},
    {CONNECT_INT16, NULL, SLUICE_SOURCE_INT16},
    {CONNECT_INT32, NULL, SLUICE_SOURCE_INT32},
    {CONNECT_INT64, NULL, SLUICE_SOURCE_INT64},
    {CONNECT_FLOAT32, NULL, SLUICE_SOURCE_FLOAT32},
    {CONNECT_FLOAT64, NULL, SLUICE_SOURCE_FLOAT64},
    {CONNECT_STRING, NULL, SLUICE_SOURCE_STRING},
    {CONNECT_BYTES, NULL, SLUICE_SOURCE_BYTES},
    {CONNECT_ARRAY, NULL, SLUICE_SOURCE_ARRAY},
    {CONNECT_MAP, NULL, SLUICE_SOURCE_MAP},
    {CONNECT_STRUCT, NULL, SLUICE_SOURCE_STRUCT},
    {CONNECT_BYTES, "org.apache.kafka.connect.data.Decimal", SLUICE_SOURCE_DECIMAL},
    {CONNECT_BYTES, "io.debezium.data.Bits", SLUICE_SOURCE_BITS},
    {CONNECT_STRING, "io.debezium.data.Uuid", SLUICE_SOURCE_UUID},
    {CONNECT_STRING, "io.debezium.data.Json", SLUICE_SOURCE_JSON},
    {CONNECT_STRING, "io.debezium.data.Enum", SLUICE_SOURCE_ENUM},
    {CONNECT_STRING, "io.debezium.time.ZonedTimestamp", SLUICE_SOURCE_ZONED_TIMESTAMP},
    {CONNECT_STRING, "io.debezium.time.ZonedTime", SLUICE_SOURCE_ZONED_TIME},
    {CONNECT_STRING, "io.debezium.time.IsoDate", SLUICE_SOURCE_ISO_DATE},
    {CONNECT_STRING, "io.debezium.time.IsoTime", SLUICE_SOURCE_ISO_TIME},
    {CONNECT_STRING, "io.debezium.time.IsoTimestamp", SLUICE_SOURCE_ISO_TIMESTAMP},
    {CONNECT_STRING, "io.debezium.time.Interval", SLUICE_SOURCE_INTERVAL},
    {CONNECT_INT32, "io.debezium.time.Date", SLUICE_SOURCE_DATE},
    {CONNECT_INT32, "org.apache.kafka.connect.data.Date", SLUICE_SOURCE_DATE},
    {CONNECT_INT32, "io.debezium.time.Time", SLUICE_SOURCE_TIME_MS},
    {CONNECT_INT32, "org.apache.kafka.connect.data.Time", SLUICE_SOURCE_TIME_MS},
    {CONNECT_INT64, "io.debezium.time.MicroTime", SLUICE_SOURCE_TIME_US},
    {CONNECT_INT64, "io.debezium.time.NanoTime", SLUICE_SOURCE_TIME_NS},
    {CONNECT_INT64, "io.debezium.time.Timestamp", SLUICE_SOURCE_TIMESTAMP_MS},
    {CONNECT_INT64, "org.apache.kafka.connect.data.Timestamp", SLUICE_SOURCE_TIMESTAMP_MS},
    {CONNECT_INT64, "io.debezium.time.MicroTimestamp", SLUICE_SOURCE_TIMESTAMP_US},
    {CONNECT_INT64, "io.debezium.time.NanoTimestamp", SLUICE_SOURCE_TIMESTAMP_NS},
    {CONNECT_INT64, "io.debezium.time.MicroDuration", SLUICE_SOURCE_DURATION},
    {CONNECT_ARRAY, "io.debezium.data.DoubleVector", SLUICE_SOURCE_ARRAY},
    {CONNECT_ARRAY, "io.debezium.data.FloatVector", SLUICE_SOURCE_ARRAY},
    {CONNECT_STRUCT, "io.debezium.data.VariableScaleDecimal", SLUICE_SOURCE_VARIABLE_DECIMAL},
    {CONNECT_STRUCT, "io.debezium.data.SparseDoubleVector", SLUICE_SOURCE_SPARSE_VECTOR},
    {CONNECT_STRUCT, "io.debezium.data.geometry.Point", SLUICE_SOURCE_POINT},
    {CONNECT_STRUCT, "io.debezium.data.geometry.Geometry", SLUICE_SOURCE_GEOMETRY},
    {CONNECT_STRUCT, "io.debezium.data.geometry.Geography", SLUICE_SOURCE_GEOMETRY},
};

/* Whether `name` is one of ours, on whatever Connect type. */
static bool is_known_name(const char *name)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(mappings); i++) {
        if (mappings[i].name != NULL && strcmp(mappings[i].name, name) == 0)
            return true;
    }
    return false;
}

static bool find_source(const struct connect_type *type, enum sluice_source_type *out)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(mappings); i++) {
        const struct mapping *m = &mappings[i];
        bool same_name = m->name == NULL ? type->name == NULL : type->name != NULL && strcmp(m->name, type->name) == 0;
        if (same_name && m->kind == type->kind) {
            *out = m->source;
            return true;
        }
    }
    if (is_known_name(type->name))
        return false;
    *out = type->kind == CONNECT_STRING ? SLUICE_SOURCE_STRING : SLUICE_SOURCE_STRUCT;
    return type->kind == CONNECT_STRING || type->kind == CONNECT_STRUCT;
}

static const char *plain_name(enum connect_kind kind)
{
    static const char *const names[] = {"boolean", "int8",   "int16", "int32", "int64", "float",
                                        "double",  "string", "bytes", "array", "map",   "struct"};
    return names[kind];
}

static bool read_decimal(const struct connect_type *type, struct sluice_source_column *out)
{
    if (type->scale < 0 || type->scale > MAX_SCALE)
        return false;
    out->scale = (unsigned)type->scale;
    out->precision = type->precision > 0 && type->precision <= MAX_SCALE ? (unsigned)type->precision : 0;
    return true;
}

/* Only bit(n) is filled up: what bit varying(n) held before its zeros were cut off is not told, unless the connector
 * propagates the column's type. */
static void read_bits(const struct connect_type *type, struct sluice_source_column *out)
{
    bool varies = type->source_type != NULL &&
                  (strcmp(type->source_type, "VARBIT") == 0 || strncmp(type->source_type, "BIT VARYING", 11) == 0);
    out->length = type->length > 0 && type->length <= MAX_BITS && !varies ? (unsigned)type->length : 0;
}

/* Of all structs inside, so that the length of the value's JSON text has a bound. */
static unsigned longest_name(const struct connect_type *type)
{
    unsigned longest = 0;
    for (size_t i = 0; i < type->n_fields; i++) {
        size_t own = strlen(type->fields[i].name);
        unsigned inner = longest_name(type->fields[i].type);
        longest = own > longest && own <= MAX_NAME ? (unsigned)own : longest;
        longest = inner > longest ? inner : longest;
    }
    if (type->items != NULL) {
        unsigned inner = longest_name(type->items);
        longest = inner > longest ? inner : longest;
    }
    return longest;
}

static enum sluice_code make_part(struct sluice_arena *arena, const struct connect_type *type,
                                  const struct sluice_source_column **out, const char **unsupported,
                                  struct sluice_error *err)
{
    struct sluice_source_column *part = sluice_arena_alloc(arena, sizeof *part, err);
    if (part == NULL)
        return err->code;
    part->name = "";
    *out = part;
    return source_type_of(arena, type, part, unsupported, err);
}

static bool can_be_map_key(const struct sluice_source_column *key)
{
    switch (key->type) {
    case SLUICE_SOURCE_STRING:
    case SLUICE_SOURCE_INT8:
    case SLUICE_SOURCE_INT16:
    case SLUICE_SOURCE_INT32:
    case SLUICE_SOURCE_INT64:
        return !key->optional;
    default:
        return false;
    }
}

static enum sluice_code make_parts(struct sluice_arena *arena, const struct connect_type *type,
                                   struct sluice_source_column *out, const char **unsupported, struct sluice_error *err)
{
    enum sluice_code code = make_part(arena, type->items, &out->element, unsupported, err);
    if (code != SLUICE_OK || *unsupported != NULL || out->type == SLUICE_SOURCE_ARRAY)
        return code;
    code = make_part(arena, type->keys, &out->map_key, unsupported, err);
    if (code == SLUICE_OK && *unsupported == NULL && !can_be_map_key(out->map_key))
        *unsupported = plain_name(type->kind);
    return code;
}

enum sluice_code source_type_of(struct sluice_arena *arena, const struct connect_type *type,
                                struct sluice_source_column *out, const char **unsupported, struct sluice_error *err)
{
    *unsupported = type->name != NULL ? type->name : plain_name(type->kind);
    out->optional = type->optional;
    if (!find_source(type, &out->type))
        return SLUICE_OK;
    if (out->type == SLUICE_SOURCE_DECIMAL && !read_decimal(type, out))
        return SLUICE_OK;
    if (out->type == SLUICE_SOURCE_BITS)
        read_bits(type, out);
    if (out->type == SLUICE_SOURCE_STRUCT)
        out->length = longest_name(type);
    *unsupported = NULL;
    if (out->type == SLUICE_SOURCE_ARRAY || out->type == SLUICE_SOURCE_MAP)
        return make_parts(arena, type, out, unsupported, err);
    return SLUICE_OK;
}

static enum sluice_code read_hint(struct sluice_arena *arena, struct sluice_str text, unsigned depth,
                                  struct sluice_source_column *out, bool *known, struct sluice_error *err);

/* Without a text, a part whose type the target column decides. */
static enum sluice_code hint_part(struct sluice_arena *arena, struct sluice_str text, unsigned depth,
                                  const struct sluice_source_column **out, bool *known, struct sluice_error *err)
{
    struct sluice_source_column *part = sluice_arena_alloc(arena, sizeof *part, err);
    if (part == NULL)
        return err->code;
    *part = (struct sluice_source_column){.name = "", .optional = true};
    *out = part;
    return text.len > 0 ? read_hint(arena, text, depth + 1, part, known, err) : SLUICE_OK;
}

static enum sluice_code hint_parts(struct sluice_arena *arena, struct sluice_str argument, unsigned depth,
                                   struct sluice_source_column *out, bool *known, struct sluice_error *err)
{
    enum sluice_code code = hint_part(arena, argument, depth, &out->element, known, err);
    if (code == SLUICE_OK && out->type == SLUICE_SOURCE_MAP)
        code = hint_part(arena, SLUICE_STR_LITERAL("string"), depth, &out->map_key, known, err);
    return code;
}

static enum sluice_code read_hint(struct sluice_arena *arena, struct sluice_str text, unsigned depth,
                                  struct sluice_source_column *out, bool *known, struct sluice_error *err)
{
    struct lex_call call;
    unsigned long number = 0;
    *known = depth <= MAX_HINT_DEPTH && lex_call(text, &call) && call.rest.len == 0 &&
             (out->type = sluice_source_type_find(call.name)) != SLUICE_N_SOURCE_TYPES;
    if (!*known)
        return SLUICE_OK;
    if (out->type == SLUICE_SOURCE_ARRAY || out->type == SLUICE_SOURCE_MAP)
        return hint_parts(arena, call.has_arguments ? call.arguments : (struct sluice_str){0}, depth, out, known, err);
    if (out->type == SLUICE_SOURCE_DECIMAL) {
        *known = !call.has_arguments || lex_unsigned(call.arguments, MAX_SCALE, &number);
        out->scale = call.has_arguments ? (unsigned)number : SLUICE_SCALE_UNTOLD;
    } else if (out->type == SLUICE_SOURCE_BITS) {
        *known = !call.has_arguments || lex_unsigned(call.arguments, MAX_BITS, &number);
        out->length = (unsigned)number;
    } else {
        *known = !call.has_arguments;
    }
    return SLUICE_OK;
}

enum sluice_code source_type_hint(struct sluice_arena *arena, struct sluice_str text, struct sluice_source_column *out,
                                  bool *known, struct sluice_error *err)
{
    return read_hint(arena, text, 0, out, known, err);
}

static bool parts_equal(const struct sluice_source_column *a, const struct sluice_source_column *b)
{
    return a == b || (a != NULL && b != NULL && source_type_equal(a, b));
}

bool source_type_equal(const struct sluice_source_column *a, const struct sluice_source_column *b)
{
    return a->type == b->type && a->optional == b->optional && a->scale == b->scale && a->precision == b->precision &&
           a->length == b->length && parts_equal(a->element, b->element) && parts_equal(a->map_key, b->map_key);
}
