/* ddl_column.c - see ddl_column.h. */
#include "table/ddl_column.h"

#include "table/ddl_default.h"
#include "table/metadata.h"

#define SHARE_OFFSETS "share_nested_offsets"

enum { MAX_NAME_BYTES = 4096, MAX_TYPE_BYTES = 8192 };

const char *ddl_column_name(const struct sluice_source_column *column, const struct sluice_table_settings *settings)
{
    const struct sluice_column_settings *set = sluice_column_settings(settings, column->name);
    return *set->rename != '\0' ? set->rename : column->name;
}

bool ddl_column_is_excluded(const struct sluice_source_column *column, const struct sluice_table_settings *settings)
{
    return sluice_column_settings(settings, column->name)->exclude;
}

bool ddl_column_sorts(const struct sluice_source_column *column, const struct sluice_table_settings *settings)
{
    const char *name = ddl_column_name(column, settings);
    for (size_t i = 0; i < settings->order_by.n_items; i++) {
        if (strcmp(settings->order_by.items[i], name) == 0)
            return true;
    }
    return column->is_key;
}

/* Another field that a rule's rename sends to the same column; NULL: none. */
static const struct sluice_source_column *same_column(const struct sluice_shape *shape,
                                                      const struct sluice_source_column *column,
                                                      const struct sluice_table_settings *settings)
{
    const char *name = ddl_column_name(column, settings);
    for (size_t i = 0; i < shape->n_columns; i++) {
        const struct sluice_source_column *other = &shape->columns[i];
        if (other != column && !ddl_column_is_excluded(other, settings) &&
            strcmp(ddl_column_name(other, settings), name) == 0)
            return other;
    }
    return NULL;
}

/* As its values made it look, where the records carry no types. */
static struct sluice_source_column as_made(const struct sluice_source_column *column,
                                           const struct sluice_ddl_options *options)
{
    struct sluice_source_column made = *column;
    if (made.type == SLUICE_SOURCE_UNTYPED && options->settings->infer)
        made.type = made.inferred;
    made.is_key = ddl_column_sorts(column, options->settings);
    return made;
}

enum sluice_code ddl_column_type(const struct sluice_source_column *column, const struct sluice_ddl_options *options,
                                 struct sluice_buf *sql, struct sluice_error *err)
{
    const struct sluice_source_column made = as_made(column, options);
    const struct column_type_options type = {.has_time64 = options->has_time64,
                                             .settings = sluice_column_settings(options->settings, column->name)};
    return column_type_append(&made, &type, sql, err);
}

/* ---- parts of a Nested ---- */

/* What stands before the first dot; empty where the server sees no two parts in the name. */
static struct sluice_str nested_name(const char *name)
{
    const char *dot = strchr(name, '.');
    const bool has_parts = dot != NULL && dot != name && dot[1] != '\0';
    return (struct sluice_str){name, has_parts ? (size_t)(dot - name) : 0};
}

enum list_kind { LIST_NONE, LIST_ARRAY, LIST_MAP };

static enum sluice_code list_kind_of(const struct sluice_source_column *column,
                                     const struct sluice_ddl_options *options, enum list_kind *kind,
                                     struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf type;
    sluice_buf_init(&type, MAX_TYPE_BYTES, "the type of a column");
    enum sluice_code code = ddl_column_type(column, options, &type, err);
    const struct sluice_str text = sluice_buf_str(&type);
    *kind = LIST_NONE;
    if (code == SLUICE_OK && text.len > 0 && strncmp(text.ptr, "Array(", strlen("Array(")) == 0)
        *kind = LIST_ARRAY;
    else if (code == SLUICE_OK && text.len > 0 && strncmp(text.ptr, "Map(", strlen("Map(")) == 0)
        *kind = LIST_MAP;
    return code;
}

/* As servers do without the setting share_nested_offsets = 0 (observed with 26.7): arrays `n.a` and `n.b` must be of
 * one length in every row, maps share a file, and a column `n` stands in their way. */
static bool is_one_nested(struct sluice_str nested, enum list_kind kind, const char *other, enum list_kind other_kind)
{
    if (sluice_str_equal_z(nested, other))
        return kind == LIST_ARRAY || other_kind != LIST_NONE;
    return other_kind != LIST_NONE && sluice_str_equal(nested, nested_name(other));
}

static bool keeps_offsets_apart(const struct sluice_table_settings *settings)
{
    for (size_t i = 0; i < settings->settings.n_items; i++) {
        if (strncmp(settings->settings.items[i], SHARE_OFFSETS, strlen(SHARE_OFFSETS)) == 0)
            return true;
    }
    return false;
}

static enum sluice_code check_nested(const struct sluice_shape *shape, const struct sluice_source_column *column,
                                     const struct sluice_ddl_options *options, struct sluice_error *err)
{
    const struct sluice_table_settings *settings = options->settings;
    const struct sluice_str nested = nested_name(ddl_column_name(column, settings));
    enum list_kind kind = LIST_NONE;
    enum list_kind other_kind = LIST_NONE;
    if (nested.len == 0 || keeps_offsets_apart(settings))
        return SLUICE_OK;
    enum sluice_code code = list_kind_of(column, options, &kind, err);
    for (size_t i = 0; i < shape->n_columns && code == SLUICE_OK && kind != LIST_NONE; i++) {
        const struct sluice_source_column *other = &shape->columns[i];
        if (other == column || ddl_column_is_excluded(other, settings))
            continue;
        code = list_kind_of(other, options, &other_kind, err);
        if (code == SLUICE_OK && is_one_nested(nested, kind, ddl_column_name(other, settings), other_kind))
            return sluice_error_set(err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                                    "table \"%s.%s\": ClickHouse would take columns \"%s\" and \"%s\" for parts of one "
                                    "Nested, whose arrays are all of one length; give them names without a common part "
                                    "before a dot, with rename in a rule, or, where the server has it, set "
                                    "settings: { " SHARE_OFFSETS ": 0 } in the rule",
                                    shape->schema, shape->table, ddl_column_name(column, settings),
                                    ddl_column_name(other, settings));
    }
    return code;
}

enum sluice_code ddl_column_check(const struct sluice_shape *shape, const struct sluice_source_column *column,
                                  const struct sluice_ddl_options *options, struct sluice_error *err)
{
    const char *name = ddl_column_name(column, options->settings);
    const struct sluice_source_column *other = same_column(shape, column, options->settings);
    bool is_version = strcmp(name, options->version_column) == 0;
    if (ddl_column_is_excluded(column, options->settings)) {
        if (!column->is_key || options->settings->mode == SLUICE_MODE_LOG)
            return SLUICE_OK;
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\": column \"%s\" is of the key, so a rule must not leave it out",
                                shape->schema, shape->table, column->name);
    }
    if (other != NULL)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\": fields \"%s\" and \"%s\" both go to column \"%s\"; give one of them "
                                "another name with rename in a rule, or leave it out with exclude",
                                shape->schema, shape->table, column->name, other->name, name);
    if (metadata_find(name) != N_METADATA)
        return sluice_error_set(err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\": field \"%s\" has the name of a column that sluice fills itself; give "
                                "it another one with rename in a rule, or leave it out with exclude",
                                shape->schema, shape->table, column->name);
    if (is_version || strcmp(name, options->deleted_column) == 0)
        return sluice_error_set(err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\": field \"%s\" has the name of the column that sluice adds; choose "
                                "another one with the option columns.%s, or rename the field in a rule",
                                shape->schema, shape->table, column->name, is_version ? "version" : "deleted");
    return check_nested(shape, column, options, err);
}

/* Where the target's values are the source's. */
static bool takes_default(const struct sluice_source_column *column, const struct sluice_table_settings *settings)
{
    const struct sluice_column_settings *set = sluice_column_settings(settings, column->name);
    /* Raw bytes are no default of a column of digits. */
    if (column->type == SLUICE_SOURCE_BYTES && set->binary != SLUICE_BINARY_RAW)
        return false;
    return !column->is_key && set->transform == SLUICE_TRANSFORM_NONE && *set->type == '\0';
}

enum sluice_code ddl_column_append(const struct sluice_source_column *column, const struct sluice_ddl_options *options,
                                   struct sluice_buf *sql, struct sluice_error *err)
{
    const struct sluice_column_settings *set = sluice_column_settings(options->settings, column->name);
    enum sluice_code code = sluice_ddl_quote_name(sql, ddl_column_name(column, options->settings), err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, ' ', err);
    if (code == SLUICE_OK)
        code = ddl_column_type(column, options, sql, err);
    if (code == SLUICE_OK && takes_default(column, options->settings))
        code = ddl_default_append(column, sql, err);
    if (code == SLUICE_OK && *set->codec != '\0')
        code = sluice_buf_printf(sql, err, " CODEC(%s)", set->codec);
    return code;
}

bool ddl_column_fills_rows(const struct sluice_source_column *column, const struct sluice_table_settings *settings)
{
    return column->has_default ? takes_default(column, settings) && ddl_default_is_known(column) : column->optional;
}

enum sluice_code ddl_companion_append(const struct sluice_source_column *column,
                                      const struct sluice_table_settings *settings, struct sluice_buf *sql,
                                      struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf name;
    sluice_buf_init(&name, MAX_NAME_BYTES, "the name of a column");
    enum sluice_code code =
        sluice_buf_printf(&name, err, "%s" COLUMN_TYPE_COMPANION_SUFFIX, ddl_column_name(column, settings));
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, sluice_buf_text(&name), err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(sql, " UInt8", err);
}
