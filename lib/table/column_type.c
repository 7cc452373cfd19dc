/* column_type.c - see column_type.h. */
#include "table/column_type.h"

#include "table/transform.h"

enum {
    MAX_DECIMAL_DIGITS = 76,
    MONEY_DIGITS = 19 /* money comes without a precision; PostgreSQL stores it in 64 bits */
};

static const char *const made_types[SLUICE_N_SOURCE_TYPES] = {
    [SLUICE_SOURCE_UNTYPED] = NULL,
    [SLUICE_SOURCE_BOOLEAN] = "Bool",
    [SLUICE_SOURCE_INT8] = "Int8",
    [SLUICE_SOURCE_INT16] = "Int16",
    [SLUICE_SOURCE_INT32] = "Int32",
    [SLUICE_SOURCE_INT64] = "Int64",
    [SLUICE_SOURCE_FLOAT32] = "Float32",
    [SLUICE_SOURCE_FLOAT64] = "Float64",
    [SLUICE_SOURCE_DECIMAL] = NULL,              /* append_decimal() */
    [SLUICE_SOURCE_VARIABLE_DECIMAL] = "String", /* the scale is each value's own */
    [SLUICE_SOURCE_STRING] = "String",
    [SLUICE_SOURCE_UUID] = "UUID",
    [SLUICE_SOURCE_JSON] = "String",
    [SLUICE_SOURCE_ENUM] = NULL, /* append_enum() */
    [SLUICE_SOURCE_BYTES] = "String",
    [SLUICE_SOURCE_BITS] = "String",
    [SLUICE_SOURCE_DATE] = "Date32",
    [SLUICE_SOURCE_TIME_MS] = "Time64(6)",
    [SLUICE_SOURCE_TIME_US] = "Time64(6)",
    [SLUICE_SOURCE_TIME_NS] = "Time64(9)",
    [SLUICE_SOURCE_TIMESTAMP_MS] = "DateTime64(3, 'UTC')",
    [SLUICE_SOURCE_TIMESTAMP_US] = "DateTime64(6, 'UTC')",
    [SLUICE_SOURCE_TIMESTAMP_NS] = "DateTime64(9, 'UTC')",
    [SLUICE_SOURCE_ZONED_TIMESTAMP] = "DateTime64(6, 'UTC')",
    [SLUICE_SOURCE_ZONED_TIME] = "String",
    [SLUICE_SOURCE_ISO_DATE] = "Date32",
    [SLUICE_SOURCE_ISO_TIME] = "Time64(6)",
    [SLUICE_SOURCE_ISO_TIMESTAMP] = "DateTime64(6, 'UTC')",
    [SLUICE_SOURCE_DURATION] = "Int64",
    [SLUICE_SOURCE_INTERVAL] = "String",
    [SLUICE_SOURCE_POINT] = NULL, /* append_point() */
    [SLUICE_SOURCE_GEOMETRY] = "String",
    [SLUICE_SOURCE_SPARSE_VECTOR] = "Map(UInt16, Float64)",
    [SLUICE_SOURCE_ARRAY] = NULL, /* append_array() */
    [SLUICE_SOURCE_MAP] = NULL,   /* append_map() */
    [SLUICE_SOURCE_STRUCT] = "String",
};

/* How a part of a type is written. */
struct making {
    const struct column_type_options *options;
    struct sluice_buf *out;
    struct sluice_error *err;
};

static enum sluice_code append_type(const struct making *m, const struct sluice_source_column *column, bool nullable);

static enum sluice_code append_plain(const struct making *m, const char *type, bool nullable)
{
    return sluice_buf_printf(m->out, m->err, nullable ? "Nullable(%s)" : "%s", type);
}

static enum sluice_code append_decimal(const struct making *m, const struct sluice_source_column *column, bool nullable)
{
    unsigned precision = column->precision == 0 ? MONEY_DIGITS : column->precision;
    if (precision < column->scale) /* numeric(2,5) holds 0.00099: five digits after the point */
        precision = column->scale;
    if (precision > MAX_DECIMAL_DIGITS)
        return append_plain(m, "String", nullable);
    return sluice_buf_printf(m->out, m->err, nullable ? "Nullable(Decimal(%u, %u))" : "Decimal(%u, %u)", precision,
                             column->scale);
}

static enum sluice_code append_enum(const struct making *m, bool nullable)
{
    return sluice_buf_append_z(m->out, nullable ? "LowCardinality(Nullable(String))" : "LowCardinality(String)",
                               m->err);
}

/* Not every supported server takes Nullable(Point), nor a Nullable tuple. */
static enum sluice_code append_point(const struct making *m, bool nullable)
{
    return sluice_buf_append_z(m->out, nullable ? "Tuple(x Nullable(Float64), y Nullable(Float64))" : "Point", m->err);
}

static enum sluice_code append_array(const struct making *m, const struct sluice_source_column *column)
{
    enum sluice_code code = sluice_buf_append_z(m->out, "Array(", m->err);
    if (code == SLUICE_OK)
        code = append_type(m, column->element, column->element->optional);
    return code != SLUICE_OK ? code : sluice_buf_append_char(m->out, ')', m->err);
}

static enum sluice_code append_map(const struct making *m, const struct sluice_source_column *column)
{
    enum sluice_code code = sluice_buf_append_z(m->out, "Map(", m->err);
    if (code == SLUICE_OK)
        code = append_type(m, column->map_key, false);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(m->out, ", ", m->err);
    if (code == SLUICE_OK)
        code = append_type(m, column->element, column->element->optional);
    return code != SLUICE_OK ? code : sluice_buf_append_char(m->out, ')', m->err);
}

static bool is_time(enum sluice_source_type type)
{
    return type == SLUICE_SOURCE_TIME_MS || type == SLUICE_SOURCE_TIME_US || type == SLUICE_SOURCE_TIME_NS ||
           type == SLUICE_SOURCE_ISO_TIME;
}

static enum sluice_code append_type(const struct making *m, const struct sluice_source_column *column, bool nullable)
{
    switch (column->type) {
    case SLUICE_SOURCE_DECIMAL:
        return append_decimal(m, column, nullable);
    case SLUICE_SOURCE_ENUM:
        return append_enum(m, nullable);
    case SLUICE_SOURCE_POINT:
        return append_point(m, nullable);
    case SLUICE_SOURCE_ARRAY:
        return append_array(m, column);
    case SLUICE_SOURCE_MAP:
        return append_map(m, column);
    case SLUICE_SOURCE_SPARSE_VECTOR:
        return append_plain(m, made_types[column->type], false);
    case SLUICE_SOURCE_UNTYPED:
        return sluice_error_set(m->err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                                "the records do not tell the type of the column");
    default:
        if (is_time(column->type) && !m->options->has_time64)
            return append_plain(m, "String", nullable);
        return append_plain(m, made_types[column->type], nullable);
    }
}

static bool is_composite(enum sluice_source_type type)
{
    return type == SLUICE_SOURCE_ARRAY || type == SLUICE_SOURCE_MAP || type == SLUICE_SOURCE_POINT ||
           type == SLUICE_SOURCE_SPARSE_VECTOR;
}

enum sluice_code column_type_append(const struct sluice_source_column *column,
                                    const struct column_type_options *options, struct sluice_buf *out,
                                    struct sluice_error *err)
{
    const struct making m = {.options = options, .out = out, .err = err};
    if (options->settings != NULL && options->settings->type != NULL && options->settings->type[0] != '\0')
        return sluice_buf_append_z(out, options->settings->type, err);
    if (transform_makes_text(options->settings))
        return append_plain(&m, "String", column->optional && !column->is_key);
    if (column->is_key && is_composite(column->type)) /* its JSON text: rows are sorted and compared by it */
        return append_plain(&m, "String", false);
    enum sluice_code code = append_type(&m, column, column->optional && !column->is_key);
    return code != SLUICE_OK ? sluice_error_wrap(err, "column \"%s\"", column->name) : code;
}

bool column_type_has_companion(const struct sluice_source_column *column, const struct sluice_column_settings *settings)
{
    if (settings == NULL || settings->null_composite != SLUICE_NULL_COMPOSITE_COMPANION || !column->optional ||
        column->is_key)
        return false;
    return is_composite(column->type) && column->type != SLUICE_SOURCE_POINT;
}
