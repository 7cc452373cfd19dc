/* shape.c - see shape.h. */
#include "table/shape.h"

#include <stdlib.h>

#include "connect/embedded.h"

enum { SHAPE_MAX_BYTES = 4 << 20 };

/* All errors of this module end the same way. */
#define REFUSE(shape, err, code, ...)                                                                                  \
    (sluice_error_set((err), (code), SLUICE_STOP_PARTITION, __VA_ARGS__),                                              \
     sluice_error_wrap((err), "table \"%s.%s\"", (shape)->schema, (shape)->table))

/* A name as it stands in the record, without its JSON escapes. */
static enum sluice_code copy_name(struct sluice_shape *shape, struct sluice_str written, const char **out,
                                  struct sluice_error *err)
{
    char *name = sluice_arena_copy(&shape->arena, written, err);
    if (name == NULL)
        return err->code;
    if (written.len > 0 && memchr(written.ptr, '\\', written.len) != NULL) {
        struct sluice_value value = {.text = written, .kind = SLUICE_VALUE_STRING_ESCAPED};
        size_t length;
        enum sluice_code code = sluice_json_unescape(value, name, &length, err);
        if (code != SLUICE_OK)
            return code;
        name[length] = '\0';
        if (strlen(name) != length)
            return REFUSE(shape, err, SLUICE_E_SHAPE, "a field's name holds a NUL character");
    }
    *out = name;
    return SLUICE_OK;
}

static enum sluice_code alloc_columns(struct sluice_shape *shape, size_t n, struct sluice_error *err)
{
    if (n == 0)
        return REFUSE(shape, err, SLUICE_E_SHAPE,
                      "the record shows no fields to plan the table from; give the table a primary key, or the "
                      "connector message.key.columns");
    if (n > SLUICE_MAX_FIELDS)
        return REFUSE(shape, err, SLUICE_E_LIMIT, "%zu fields, at most %d are supported", n, (int)SLUICE_MAX_FIELDS);
    shape->columns = sluice_arena_alloc_array(&shape->arena, n, sizeof *shape->columns, err);
    if (shape->columns == NULL)
        return err->code;
    shape->n_columns = n;
    return SLUICE_OK;
}

static enum sluice_code read_typed_field(struct sluice_shape *shape, const struct connect_field *field,
                                         struct sluice_source_column *column, struct sluice_error *err)
{
    const char *unsupported;
    column->name = field->name;
    enum sluice_code code = source_type_of(&shape->arena, field->type, column, &unsupported, err);
    column->has_default = field->type->has_default;
    column->default_text = field->type->default_text;
    column->default_is_number = field->type->default_is_number;
    if (code == SLUICE_OK && unsupported != NULL)
        return REFUSE(shape, err, SLUICE_E_TYPE,
                      "field \"%s\": type \"%s\" is not supported by this version; leave the column out with the "
                      "connector's column.exclude.list, or wait for a version that supports it",
                      field->name, unsupported);
    return code;
}

/* The schema of a flattened record has the fields that the transform added among the columns. */
static size_t count_columns(const struct connect_type *type, struct sluice_str added_prefix)
{
    size_t n = 0;
    for (size_t i = 0; i < type->n_fields; i++)
        n += !sluice_is_added_field(added_prefix, sluice_str_from(type->fields[i].name));
    return n;
}

static enum sluice_code read_type(struct sluice_shape *shape, const struct connect_type *type,
                                  const struct sluice_change *change, struct sluice_error *err)
{
    struct sluice_str added_prefix = change->is_flattened ? change->prefix : (struct sluice_str){NULL, 0};
    if (type == NULL || type->kind != CONNECT_STRUCT)
        return REFUSE(shape, err, SLUICE_E_SHAPE, "the schema has no struct \"after\"");
    enum sluice_code code = alloc_columns(shape, count_columns(type, added_prefix), err);
    size_t n = 0;
    for (size_t i = 0; i < type->n_fields && code == SLUICE_OK; i++) {
        if (!sluice_is_added_field(added_prefix, sluice_str_from(type->fields[i].name)))
            code = read_typed_field(shape, &type->fields[i], &shape->columns[n++], err);
    }
    return code;
}

static enum sluice_code read_embedded(struct sluice_shape *shape, const struct sluice_change *change,
                                      struct sluice_error *err)
{
    const struct connect_type *type;
    enum sluice_code code =
        connect_embedded_read(&shape->arena, change->value_schema, change->is_flattened ? NULL : "after", &type, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "table \"%s.%s\"", shape->schema, shape->table);
    return read_type(shape, type, change, err);
}

/* What can't be told, as from null, is a text: it holds anything. */
static enum sluice_source_type infer(struct sluice_value value)
{
    switch (value.kind) {
    case SLUICE_VALUE_TRUE:
    case SLUICE_VALUE_FALSE:
        return SLUICE_SOURCE_BOOLEAN;
    case SLUICE_VALUE_NUMBER:
        return memchr(value.text.ptr, '.', value.text.len) != NULL ||
                       memchr(value.text.ptr, 'e', value.text.len) != NULL ||
                       memchr(value.text.ptr, 'E', value.text.len) != NULL
                   ? SLUICE_SOURCE_FLOAT64
                   : SLUICE_SOURCE_INT64;
    default:
        return SLUICE_SOURCE_STRING;
    }
}

static enum sluice_code read_names(struct sluice_shape *shape, const struct sluice_change *change,
                                   struct sluice_error *err)
{
    enum sluice_code code = alloc_columns(shape, change->n_fields, err);
    for (size_t i = 0; i < shape->n_columns && code == SLUICE_OK; i++) {
        shape->columns[i] = (struct sluice_source_column){.optional = true, .inferred = infer(change->fields[i].value)};
        code = copy_name(shape, change->fields[i].name, &shape->columns[i].name, err);
    }
    return code;
}

static struct sluice_source_column *find_column(const struct sluice_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->n_columns; i++) {
        if (strcmp(shape->columns[i].name, name) == 0)
            return &shape->columns[i];
    }
    return NULL;
}

static enum sluice_code check_unique(const struct sluice_shape *shape, struct sluice_error *err)
{
    for (size_t i = 0; i < shape->n_columns; i++) {
        if (find_column(shape, shape->columns[i].name) != &shape->columns[i])
            return REFUSE(shape, err, SLUICE_E_SHAPE, "two fields are called \"%s\"", shape->columns[i].name);
    }
    return SLUICE_OK;
}

static enum sluice_code read_key(struct sluice_shape *shape, const struct sluice_key *key, struct sluice_error *err)
{
    size_t *indexes = sluice_arena_alloc_array(&shape->arena, key->n_fields, sizeof *indexes, err);
    if (indexes == NULL)
        return err->code;
    for (size_t i = 0; i < key->n_fields; i++) {
        const char *name;
        enum sluice_code code = copy_name(shape, key->fields[i].name, &name, err);
        if (code != SLUICE_OK)
            return code;
        struct sluice_source_column *column = find_column(shape, name);
        if (column == NULL)
            return REFUSE(shape, err, SLUICE_E_KEY,
                          "key column \"%s\" is not among the row's fields; take it out of the connector's "
                          "column.exclude.list",
                          name);
        if (column->is_key)
            return REFUSE(shape, err, SLUICE_E_KEY, "the key names column \"%s\" twice", name);
        column->is_key = true;
        indexes[i] = (size_t)(column - shape->columns);
    }
    shape->key = indexes;
    shape->n_key = key->n_fields;
    return SLUICE_OK;
}

/* The column part of "schema.table.column=type" if the hint is of this table. */
static bool hint_column(const struct sluice_shape *shape, struct sluice_str left, struct sluice_str *column)
{
    size_t n_schema = strlen(shape->schema);
    size_t n_table = strlen(shape->table);
    size_t skip = n_schema + 1 + n_table + 1;
    if (left.len <= skip || memcmp(left.ptr, shape->schema, n_schema) != 0 || left.ptr[n_schema] != '.' ||
        memcmp(left.ptr + n_schema + 1, shape->table, n_table) != 0 || left.ptr[skip - 1] != '.')
        return false;
    *column = (struct sluice_str){left.ptr + skip, left.len - skip};
    return true;
}

/* `is_whole`: the record shows every field of its table. */
static enum sluice_code apply_hint(struct sluice_shape *shape, const char *hint, bool is_whole,
                                   struct sluice_error *err)
{
    const char *equals = strrchr(hint, '=');
    struct sluice_str name;
    if (equals == NULL || !hint_column(shape, (struct sluice_str){hint, (size_t)(equals - hint)}, &name))
        return SLUICE_OK;
    struct sluice_source_column *column = NULL;
    for (size_t i = 0; i < shape->n_columns && column == NULL; i++) {
        if (sluice_str_equal_z(name, shape->columns[i].name))
            column = &shape->columns[i];
    }
    if (column == NULL && !is_whole)
        return SLUICE_OK;
    if (column == NULL)
        return REFUSE(shape, err, SLUICE_E_CONFIG, "option tables.source_types: no field is called \"%.*s\"",
                      SLUICE_STR_ARG(name));
    if (shape->typed)
        return REFUSE(
            shape, err, SLUICE_E_CONFIG,
            "option tables.source_types: field \"%s\" has its type from the record's schema; take the entry out",
            column->name);
    bool known;
    enum sluice_code code = source_type_hint(&shape->arena, sluice_str_from(equals + 1), column, &known, err);
    if (code == SLUICE_OK && !known)
        return REFUSE(shape, err, SLUICE_E_CONFIG, "option tables.source_types: field \"%s\": no type \"%s\"",
                      column->name, equals + 1);
    return code;
}

static enum sluice_code fill(struct sluice_shape *shape, const struct sluice_change *change,
                             const struct sluice_key *key, const char *const *hints, size_t n_hints,
                             struct sluice_error *err)
{
    shape->schema = sluice_arena_copy(&shape->arena, change->source.schema, err);
    if (shape->schema == NULL)
        return err->code;
    shape->table = sluice_arena_copy(&shape->arena, change->source.table, err);
    if (shape->table == NULL)
        return err->code;
    shape->typed = change->row_type != NULL || change->value_schema.len > 0;
    enum sluice_code code = change->row_type != NULL       ? read_type(shape, change->row_type, change, err)
                            : change->value_schema.len > 0 ? read_embedded(shape, change, err)
                                                           : read_names(shape, change, err);
    if (code == SLUICE_OK)
        code = check_unique(shape, err);
    for (size_t i = 0; i < n_hints && code == SLUICE_OK; i++)
        code = apply_hint(shape, hints[i], shape->typed || change->has_image, err);
    if (code == SLUICE_OK && key != NULL)
        code = read_key(shape, key, err);
    return code;
}

enum sluice_code sluice_shape_new(const struct sluice_change *change, const struct sluice_key *key,
                                  const char *const *hints, size_t n_hints, struct sluice_shape **out,
                                  struct sluice_error *err)
{
    SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = calloc(1, sizeof *shape);
    if (shape == NULL)
        return sluice_error_nomem(err, "shape of a table", sizeof *shape);
    sluice_arena_init(&shape->arena, SHAPE_MAX_BYTES, "shape of a table");
    enum sluice_code code = fill(shape, change, key, hints, n_hints, err);
    if (code != SLUICE_OK)
        return code;
    *out = SLUICE_TAKE(shape);
    return SLUICE_OK;
}

enum sluice_code sluice_shape_apply_rules(struct sluice_shape *shape, const struct sluice_table_settings *settings,
                                          struct sluice_error *err)
{
    for (size_t i = 0; i < settings->n_columns && !shape->typed; i++) {
        const struct sluice_column_settings *rule = &settings->columns[i];
        struct sluice_source_column *column = find_column(shape, rule->name);
        bool known = true;
        if (rule->source_type[0] == '\0' || column == NULL)
            continue;
        enum sluice_code code =
            source_type_hint(&shape->arena, sluice_str_from(rule->source_type), column, &known, err);
        if (code == SLUICE_OK && !known)
            return REFUSE(shape, err, SLUICE_E_CONFIG, "the rule's source_type of field \"%s\": no type \"%s\"",
                          rule->name, rule->source_type);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

void sluice_shape_free(struct sluice_shape *shape)
{
    if (shape == NULL)
        return;
    sluice_arena_deinit(&shape->arena);
    free(shape);
}

static bool columns_equal(const struct sluice_source_column *a, const struct sluice_source_column *b)
{
    return strcmp(a->name, b->name) == 0 && a->is_key == b->is_key && source_type_equal(a, b);
}

bool sluice_shape_equal(const struct sluice_shape *a, const struct sluice_shape *b)
{
    if (a->typed != b->typed || a->n_columns != b->n_columns || a->n_key != b->n_key ||
        strcmp(a->schema, b->schema) != 0 || strcmp(a->table, b->table) != 0)
        return false;
    for (size_t i = 0; i < a->n_columns; i++) {
        if (!columns_equal(&a->columns[i], &b->columns[i]))
            return false;
    }
    for (size_t i = 0; i < a->n_key; i++) {
        if (a->key[i] != b->key[i])
            return false;
    }
    return true;
}
