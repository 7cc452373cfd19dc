/* ddl_column.c - see ddl_column.h. */
#include "table/ddl_column.h"

#include <stdlib.h>

#include "table/base64.h"
#include "table/metadata.h"
#include "table/wide.h"

enum { MAX_DEFAULT_BYTES = 4096, MAX_DECIMAL_BYTES = 32 };

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

enum sluice_code ddl_column_check(const struct sluice_shape *shape, const struct sluice_source_column *column,
                                  const struct sluice_ddl_options *options, struct sluice_error *err)
{
    const char *name = ddl_column_name(column, options->settings);
    bool is_version = strcmp(name, options->version_column) == 0;
    if (ddl_column_is_excluded(column, options->settings)) {
        if (!column->is_key || options->settings->mode == SLUICE_MODE_LOG)
            return SLUICE_OK;
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\": column \"%s\" is of the key, so a rule must not leave it out",
                                shape->schema, shape->table, column->name);
    }
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
    return SLUICE_OK;
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

/* ---- defaults ---- */

static bool is_number(const char *text)
{
    char *end;
    (void)strtod(text, &end);
    return end != text && *end == '\0' && strspn(text, "+-0123456789.eE") == strlen(text);
}

static bool is_integer(const char *text)
{
    size_t sign = *text == '-';
    return text[sign] != '\0' && strspn(text + sign, "0123456789") == strlen(text + sign);
}

/* Decimals come as base64 of the unscaled number, or as a JSON number, which also looks like base64 at times. */
static bool decimal_text(const struct sluice_source_column *column, char text[WIDE_MAX_TEXT])
{
    const struct sluice_str written = sluice_str_from(column->default_text);
    unsigned char bytes[MAX_DECIMAL_BYTES];
    struct wide w;
    if (written.len == 0 || base64_size(written) > sizeof bytes || column->scale > WIDE_MAX_SCALE)
        return false;
    if (!base64_decode(written, bytes) || !wide_from_bytes(&w, bytes, base64_size(written)))
        return false;
    text[wide_text(&w, column->scale, text)] = '\0';
    return true;
}

static enum sluice_code append_decimal(const struct sluice_source_column *column, struct sluice_buf *sql,
                                       struct sluice_error *err)
{
    char text[WIDE_MAX_TEXT + 1];
    if (is_number(column->default_text) && strchr(column->default_text, '.') != NULL)
        return sluice_buf_printf(sql, err, " DEFAULT '%s'", column->default_text);
    return decimal_text(column, text) ? sluice_buf_printf(sql, err, " DEFAULT '%s'", text) : SLUICE_OK;
}

static enum sluice_code append_ticks(const struct sluice_source_column *column, const char *function,
                                     struct sluice_buf *sql, struct sluice_error *err)
{
    if (!is_integer(column->default_text))
        return SLUICE_OK;
    return sluice_buf_printf(sql, err, " DEFAULT fromUnixTimestamp64%s(%s, 'UTC')", function, column->default_text);
}

static enum sluice_code append_text(const struct sluice_source_column *column, struct sluice_buf *sql,
                                    struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, " DEFAULT ", err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_text(sql, sluice_str_from(column->default_text), err);
}

/* The rows that are there get no event when a column is added with a default; they have it all the same. What is no
 * constant (now(), nextval()) the connector does not tell, or tells as a zero. */
static enum sluice_code append_default(const struct sluice_source_column *column, struct sluice_buf *sql,
                                       struct sluice_error *err)
{
    const char *text = column->default_text;
    if (text == NULL || strlen(text) > MAX_DEFAULT_BYTES)
        return SLUICE_OK;
    switch (column->type) {
    case SLUICE_SOURCE_BOOLEAN:
        return sluice_buf_printf(sql, err, " DEFAULT %s", strcmp(text, "true") == 0 ? "true" : "false");
    case SLUICE_SOURCE_INT8:
    case SLUICE_SOURCE_INT16:
    case SLUICE_SOURCE_INT32:
    case SLUICE_SOURCE_INT64:
    case SLUICE_SOURCE_DURATION:
        return is_integer(text) ? sluice_buf_printf(sql, err, " DEFAULT %s", text) : SLUICE_OK;
    case SLUICE_SOURCE_FLOAT32:
    case SLUICE_SOURCE_FLOAT64:
        return is_number(text) ? sluice_buf_printf(sql, err, " DEFAULT %s", text) : SLUICE_OK;
    case SLUICE_SOURCE_DECIMAL:
        return append_decimal(column, sql, err);
    case SLUICE_SOURCE_STRING:
    case SLUICE_SOURCE_UUID:
    case SLUICE_SOURCE_JSON:
    case SLUICE_SOURCE_ENUM:
        return append_text(column, sql, err);
    case SLUICE_SOURCE_DATE:
        return is_integer(text) ? sluice_buf_printf(sql, err, " DEFAULT toDate32('1970-01-01') + %s", text) : SLUICE_OK;
    case SLUICE_SOURCE_TIMESTAMP_MS:
        return append_ticks(column, "Milli", sql, err);
    case SLUICE_SOURCE_TIMESTAMP_US:
        return append_ticks(column, "Micro", sql, err);
    case SLUICE_SOURCE_TIMESTAMP_NS:
        return append_ticks(column, "Nano", sql, err);
    default:
        return SLUICE_OK;
    }
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
    if (code == SLUICE_OK && !column->is_key && set->transform == SLUICE_TRANSFORM_NONE && *set->type == '\0')
        code = append_default(column, sql, err);
    if (code == SLUICE_OK && *set->codec != '\0')
        code = sluice_buf_printf(sql, err, " CODEC(%s)", set->codec);
    return code;
}

enum sluice_code ddl_companion_append(const struct sluice_source_column *column,
                                      const struct sluice_table_settings *settings, struct sluice_buf *sql,
                                      struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf name;
    sluice_buf_init(&name, MAX_DEFAULT_BYTES, "the name of a column");
    enum sluice_code code =
        sluice_buf_printf(&name, err, "%s" COLUMN_TYPE_COMPANION_SUFFIX, ddl_column_name(column, settings));
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, sluice_buf_text(&name), err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(sql, " UInt8", err);
}
