/* verify_cells.c - see verify_cells.h. */
#include "admin/verify_cells.h"

#include "admin/verify_spell.h"

#include <stdlib.h>

enum { MAX_TEXT = 64 << 20 };

/* ---- columns ---- */

static const char *type_name(enum sluice_source_type type, char *kind)
{
    *kind = 'b';
    switch (type) {
    case SLUICE_SOURCE_BOOLEAN:
        return "bool";
    case SLUICE_SOURCE_INT8:
    case SLUICE_SOURCE_INT16:
        return "int2";
    case SLUICE_SOURCE_INT32:
        return "int4";
    case SLUICE_SOURCE_INT64:
    case SLUICE_SOURCE_DURATION:
        return "int8";
    case SLUICE_SOURCE_FLOAT32:
        return "float4";
    case SLUICE_SOURCE_FLOAT64:
        return "float8";
    case SLUICE_SOURCE_DECIMAL:
    case SLUICE_SOURCE_VARIABLE_DECIMAL:
        return "numeric";
    case SLUICE_SOURCE_STRING:
    case SLUICE_SOURCE_INTERVAL:
    case SLUICE_SOURCE_ENUM:
        return "text";
    case SLUICE_SOURCE_UUID:
        return "uuid";
    case SLUICE_SOURCE_JSON:
        return "jsonb";
    case SLUICE_SOURCE_BYTES:
        return "bytea";
    case SLUICE_SOURCE_BITS:
        return "varbit";
    case SLUICE_SOURCE_DATE:
    case SLUICE_SOURCE_ISO_DATE:
        return "date";
    case SLUICE_SOURCE_TIME_MS:
    case SLUICE_SOURCE_TIME_US:
    case SLUICE_SOURCE_TIME_NS:
    case SLUICE_SOURCE_ISO_TIME:
        return "time";
    case SLUICE_SOURCE_TIMESTAMP_MS:
    case SLUICE_SOURCE_TIMESTAMP_US:
    case SLUICE_SOURCE_TIMESTAMP_NS:
    case SLUICE_SOURCE_ZONED_TIMESTAMP:
    case SLUICE_SOURCE_ISO_TIMESTAMP:
        return "timestamp";
    case SLUICE_SOURCE_ZONED_TIME:
        return "timetz";
    case SLUICE_SOURCE_POINT:
        return "point";
    case SLUICE_SOURCE_MAP:
        return "hstore";
    default:
        *kind = 'c'; /* nothing to compare it with */
        return "record";
    }
}

/* inet is a text to the connector. */
static bool is_address(const struct sluice_type *target)
{
    return target != NULL && (target->kind == SLUICE_TYPE_IPV4 || target->kind == SLUICE_TYPE_IPV6);
}

static void describe(const struct sluice_source_column *column, const struct sluice_type *target,
                     struct verify_source_column *out)
{
    const struct spell_type type = spell_type_from(column, target);
    const struct sluice_source_column *element = column->element;
    bool is_array = column->type == SLUICE_SOURCE_ARRAY && element != NULL;
    out->name = column->name;
    out->shown = sluice_source_type_name(column->type);
    out->pair.is_array = is_array;
    out->pair.modifier = -1;
    out->pair.sent = SLUICE_SOURCE_UNTYPED;
    out->pair.type = type_name(is_array ? element->type : type.type, &out->pair.kind);
    if (type.type == SLUICE_SOURCE_STRING && is_address(target))
        out->pair.type = "inet";
}

enum sluice_code verify_cells_describe(const struct sluice_shape *shape, const struct sluice_target *target,
                                       const struct sluice_table_settings *settings, struct sluice_arena *arena,
                                       struct verify_source_column **columns, size_t *n_columns,
                                       struct sluice_error *err)
{
    struct verify_source_column *made = sluice_arena_alloc_array(arena, shape->n_columns + 1, sizeof *made, err);
    if (made == NULL)
        return err->code;
    for (size_t i = 0; i < shape->n_columns; i++) {
        const struct sluice_column_settings *own = sluice_column_settings(settings, shape->columns[i].name);
        const struct sluice_target_column *column =
            sluice_target_find(target, own->rename[0] != '\0' ? own->rename : shape->columns[i].name);
        describe(&shape->columns[i], column != NULL ? column->type : NULL, &made[i]);
    }
    *columns = made;
    *n_columns = shape->n_columns;
    return SLUICE_OK;
}

/* ---- one record ---- */

static enum sluice_code not_understood(const struct verify_cells *cells, size_t column, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_VALUE, SLUICE_STOP,
                            "field \"%s\": its value is none of its type; compare with --source postgres",
                            cells->plan->columns[column].source);
}

/* Appends the cell's text; its place is noted. */
static enum sluice_code spell_cell(struct verify_cells *cells, size_t column, json_t *struct_value,
                                   const json_t *schema, enum spelled *spelled, struct sluice_error *err)
{
    const char *name = cells->plan->columns[column].source;
    const json_t *field = verify_field_schema(schema, name);
    const struct spell_type type = field != NULL
                                       ? spell_type_of(field)
                                       : spell_type_from(cells->shape_columns[column], cells->target_types[column]);
    cells->begins[column] = cells->text.len;
    enum sluice_code code = spell(json_object_get(struct_value, name), &type, &cells->text, spelled, err);
    if (code == SLUICE_OK && *spelled == SPELLED_NOT)
        code = not_understood(cells, column, err);
    cells->cells[column].len = cells->text.len - cells->begins[column];
    return code;
}

/* The buffer may have moved while it grew. */
static void point_cells(struct verify_cells *cells, size_t first, size_t end, const enum spelled *spelled)
{
    for (size_t i = first; i < end; i++) {
        bool is_value = spelled[i] == SPELLED_VALUE;
        cells->cells[i] = (struct sluice_str){is_value ? sluice_buf_text(&cells->text) + cells->begins[i] : NULL,
                                              is_value ? cells->cells[i].len : 0};
    }
}

enum sluice_code verify_cells_key(struct verify_cells *cells, const rd_kafka_message_t *message, bool *has_key,
                                  struct sluice_error *err)
{
    SLUICE_AUTO(verify_part) struct verify_part part = {0};
    enum spelled spelled[VERIFY_MAX_COLUMNS];
    *has_key = false;
    enum sluice_code code = verify_records_key(cells->records, message, &part, err);
    if (code != SLUICE_OK || part.payload == NULL || json_is_null(part.payload))
        return code;
    sluice_buf_clear(&cells->text);
    for (size_t i = 0; i < cells->plan->n_key && code == SLUICE_OK; i++)
        code = spell_cell(cells, i, part.payload, part.schema, &spelled[i], err);
    if (code != SLUICE_OK)
        return code;
    point_cells(cells, 0, cells->plan->n_key, spelled);
    *has_key = true;
    return SLUICE_OK;
}

static enum sluice_code check_source(const struct verify_cells *cells, const json_t *envelope, struct sluice_error *err)
{
    const json_t *source = json_object_get(envelope, "source");
    const char *schema = json_string_value(json_object_get(source, "schema"));
    const char *table = json_string_value(json_object_get(source, "table"));
    if (schema == NULL || table == NULL || json_object_get(envelope, "op") == NULL)
        return sluice_error_set(
            err, SLUICE_E_UNSUPPORTED, SLUICE_STOP,
            "it is no change envelope, which a comparison with the topic needs; compare with --source "
            "postgres");
    if (strcmp(schema, cells->plan->schema) != 0 || strcmp(table, cells->plan->table) != 0)
        return sluice_error_set(err, SLUICE_E_UNSUPPORTED, SLUICE_STOP,
                                "it is of table \"%.100s.%.100s\", so the topic holds several; compare with --source "
                                "postgres",
                                schema, table);
    return SLUICE_OK;
}

enum sluice_code verify_cells_row(struct verify_cells *cells, const rd_kafka_message_t *message, bool *is_live,
                                  struct sluice_error *err)
{
    const struct verify_plan *plan = cells->plan;
    SLUICE_AUTO(verify_part) struct verify_part part = {0};
    enum spelled spelled[VERIFY_MAX_COLUMNS];
    *is_live = false;
    enum sluice_code code = verify_records_value(cells->records, message, &part, err);
    if (code == SLUICE_OK)
        code = check_source(cells, part.payload, err);
    if (code != SLUICE_OK)
        return code;
    json_t *after = json_object_get(part.payload, "after");
    *is_live = json_is_object(after);
    sluice_buf_clear(&cells->text);
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK && *is_live; i++) {
        code = spell_cell(cells, i, after, verify_field_schema(part.schema, "after"), &spelled[i], err);
        cells->known[i] = spelled[i] != SPELLED_UNCHANGED;
    }
    if (code == SLUICE_OK && *is_live)
        point_cells(cells, 0, plan->n_columns, spelled);
    return code;
}

/* ---- life ---- */

static void find_columns(struct verify_cells *cells, const struct sluice_shape *shape,
                         const struct sluice_target *target)
{
    for (size_t i = 0; i < cells->plan->n_columns; i++) {
        const struct sluice_target_column *column = sluice_target_find(target, cells->plan->columns[i].target);
        cells->target_types[i] = column != NULL ? column->type : NULL;
        for (size_t k = 0; k < shape->n_columns; k++)
            if (strcmp(shape->columns[k].name, cells->plan->columns[i].source) == 0)
                cells->shape_columns[i] = &shape->columns[k];
    }
}

enum sluice_code verify_cells_init(struct verify_cells *cells, const struct sluice_config *config,
                                   const struct verify_plan *plan, const struct sluice_shape *shape,
                                   const struct sluice_target *target, struct sluice_error *err)
{
    const size_t n = plan->n_columns;
    *cells = (struct verify_cells){.plan = plan,
                                   .shape_columns = calloc(n, sizeof *cells->shape_columns),
                                   .target_types = calloc(n, sizeof *cells->target_types),
                                   .cells = calloc(n, sizeof *cells->cells),
                                   .begins = calloc(n, sizeof *cells->begins),
                                   .known = calloc(n, sizeof *cells->known)};
    sluice_buf_init(&cells->text, MAX_TEXT, "a row of a topic");
    if (cells->shape_columns == NULL || cells->target_types == NULL || cells->cells == NULL || cells->begins == NULL ||
        cells->known == NULL)
        return sluice_error_nomem(err, "the cells of a record", n * sizeof *cells->cells);
    find_columns(cells, shape, target);
    return verify_records_new(config, &cells->records, err);
}

void verify_cells_deinit(struct verify_cells *cells)
{
    free(cells->shape_columns);
    free(cells->target_types);
    free(cells->cells);
    free(cells->begins);
    free(cells->known);
    sluice_buf_deinit(&cells->text);
    verify_records_free(cells->records);
    *cells = (struct verify_cells){0};
}
