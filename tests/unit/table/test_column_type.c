/* The column made for each source type: required, optional, as a key; arrays, maps; servers without Time64. */
#include "table/column_type.h"

#include "support/check.h"

static const struct sluice_source_column text = {.name = "", .type = SLUICE_SOURCE_STRING, .optional = true};
static const struct sluice_source_column plain_text = {.name = "", .type = SLUICE_SOURCE_STRING};
static const struct sluice_source_column label = {.name = "", .type = SLUICE_SOURCE_ENUM};
static const struct sluice_source_column number = {
    .name = "", .type = SLUICE_SOURCE_DECIMAL, .optional = true, .precision = 90, .scale = 2};
static const struct sluice_source_column texts = {
    .name = "", .type = SLUICE_SOURCE_ARRAY, .optional = true, .element = &text};

struct type_case {
    struct sluice_source_column column;
    const char *required;
    const char *optional;
};

#define SIMPLE(source, made)                                                                                           \
    {                                                                                                                  \
        {.type = (source)}, made, "Nullable(" made ")"                                                                 \
    }

static const struct type_case cases[] = {
    SIMPLE(SLUICE_SOURCE_BOOLEAN, "Bool"),
    SIMPLE(SLUICE_SOURCE_INT8, "Int8"),
    SIMPLE(SLUICE_SOURCE_INT16, "Int16"),
    SIMPLE(SLUICE_SOURCE_INT32, "Int32"),
    SIMPLE(SLUICE_SOURCE_INT64, "Int64"),
    SIMPLE(SLUICE_SOURCE_FLOAT32, "Float32"),
    SIMPLE(SLUICE_SOURCE_FLOAT64, "Float64"),
    {{.type = SLUICE_SOURCE_DECIMAL, .precision = 10, .scale = 2}, "Decimal(10, 2)", "Nullable(Decimal(10, 2))"},
    {{.type = SLUICE_SOURCE_DECIMAL, .scale = 2}, "Decimal(19, 2)", "Nullable(Decimal(19, 2))"}, /* money */
    {{.type = SLUICE_SOURCE_DECIMAL, .precision = 2, .scale = 5}, "Decimal(5, 5)", "Nullable(Decimal(5, 5))"},
    {{.type = SLUICE_SOURCE_DECIMAL, .precision = 76, .scale = 38}, "Decimal(76, 38)", "Nullable(Decimal(76, 38))"},
    {{.type = SLUICE_SOURCE_DECIMAL, .precision = 77, .scale = 38}, "String", "Nullable(String)"},
    SIMPLE(SLUICE_SOURCE_VARIABLE_DECIMAL, "String"),
    SIMPLE(SLUICE_SOURCE_STRING, "String"),
    SIMPLE(SLUICE_SOURCE_UUID, "UUID"),
    SIMPLE(SLUICE_SOURCE_JSON, "String"),
    {{.type = SLUICE_SOURCE_ENUM}, "LowCardinality(String)", "LowCardinality(Nullable(String))"},
    SIMPLE(SLUICE_SOURCE_BYTES, "String"),
    SIMPLE(SLUICE_SOURCE_BITS, "String"),
    SIMPLE(SLUICE_SOURCE_DATE, "Date32"),
    SIMPLE(SLUICE_SOURCE_TIME_MS, "Time64(6)"),
    SIMPLE(SLUICE_SOURCE_TIME_US, "Time64(6)"),
    SIMPLE(SLUICE_SOURCE_TIME_NS, "Time64(9)"),
    SIMPLE(SLUICE_SOURCE_TIMESTAMP_MS, "DateTime64(3, 'UTC')"),
    SIMPLE(SLUICE_SOURCE_TIMESTAMP_US, "DateTime64(6, 'UTC')"),
    SIMPLE(SLUICE_SOURCE_TIMESTAMP_NS, "DateTime64(9, 'UTC')"),
    SIMPLE(SLUICE_SOURCE_ZONED_TIMESTAMP, "DateTime64(6, 'UTC')"),
    SIMPLE(SLUICE_SOURCE_ZONED_TIME, "String"),
    SIMPLE(SLUICE_SOURCE_ISO_DATE, "Date32"),
    SIMPLE(SLUICE_SOURCE_ISO_TIME, "Time64(6)"),
    SIMPLE(SLUICE_SOURCE_ISO_TIMESTAMP, "DateTime64(6, 'UTC')"),
    SIMPLE(SLUICE_SOURCE_DURATION, "Int64"),
    SIMPLE(SLUICE_SOURCE_INTERVAL, "String"),
    {{.type = SLUICE_SOURCE_POINT}, "Point", "Tuple(x Nullable(Float64), y Nullable(Float64))"},
    SIMPLE(SLUICE_SOURCE_GEOMETRY, "String"),
    {{.type = SLUICE_SOURCE_SPARSE_VECTOR}, "Map(UInt16, Float64)", "Map(UInt16, Float64)"},
    SIMPLE(SLUICE_SOURCE_STRUCT, "String"),
    {{.type = SLUICE_SOURCE_ARRAY, .element = &text}, "Array(Nullable(String))", "Array(Nullable(String))"},
    {{.type = SLUICE_SOURCE_ARRAY, .element = &plain_text}, "Array(String)", "Array(String)"},
    {{.type = SLUICE_SOURCE_ARRAY, .element = &label},
     "Array(LowCardinality(String))",
     "Array(LowCardinality(String))"},
    {{.type = SLUICE_SOURCE_ARRAY, .element = &number}, "Array(Nullable(String))", "Array(Nullable(String))"},
    {{.type = SLUICE_SOURCE_ARRAY, .element = &texts},
     "Array(Array(Nullable(String)))",
     "Array(Array(Nullable(String)))"},
    {{.type = SLUICE_SOURCE_MAP, .element = &text, .map_key = &plain_text},
     "Map(String, Nullable(String))",
     "Map(String, Nullable(String))"},
};

static void check_made(struct sluice_source_column column, const struct column_type_options *options, const char *want)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf out;
    struct sluice_error err = {0};
    sluice_buf_init(&out, 1024, "a type");
    CHECK_INT(column_type_append(&column, options, &out, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&out), want);
}

/* In a sorting key stands no composite: its JSON text does. */
static bool is_text_as_key(enum sluice_source_type type)
{
    return type == SLUICE_SOURCE_POINT || type == SLUICE_SOURCE_SPARSE_VECTOR || type == SLUICE_SOURCE_ARRAY ||
           type == SLUICE_SOURCE_MAP;
}

static void test_types(void)
{
    const struct column_type_options options = {.has_time64 = true};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_source_column column = cases[i].column;
        column.name = "c";
        check_made(column, &options, cases[i].required);
        column.optional = true;
        check_made(column, &options, cases[i].optional);
        column.is_key = true;
        check_made(column, &options, is_text_as_key(column.type) ? "String" : cases[i].required);
    }
}

static void test_old_server(void)
{
    static const enum sluice_source_type times[] = {SLUICE_SOURCE_TIME_MS, SLUICE_SOURCE_TIME_US, SLUICE_SOURCE_TIME_NS,
                                                    SLUICE_SOURCE_ISO_TIME};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(times); i++)
        check_made((struct sluice_source_column){.name = "t", .type = times[i]}, &(struct column_type_options){0},
                   "String");
}

static void test_settings(void)
{
    struct sluice_column_settings settings = {.type = "Decimal(38, 4)",
                                              .null_composite = SLUICE_NULL_COMPOSITE_COMPANION};
    struct sluice_source_column column = {.name = "c", .type = SLUICE_SOURCE_STRING, .optional = true};
    const struct column_type_options options = {.settings = &settings};
    check_made(column, &options, "Decimal(38, 4)");
    CHECK(!column_type_has_companion(&column, &settings));
    column.type = SLUICE_SOURCE_ARRAY;
    column.element = &text;
    CHECK(column_type_has_companion(&column, &settings));
    CHECK(!column_type_has_companion(&column, NULL));
    settings.null_composite = SLUICE_NULL_COMPOSITE_EMPTY;
    CHECK(!column_type_has_companion(&column, &settings));
    settings.null_composite = SLUICE_NULL_COMPOSITE_COMPANION;
    column.optional = false;
    CHECK(!column_type_has_companion(&column, &settings));
}

static void test_untyped(void)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf out;
    struct sluice_error err = {0};
    const struct sluice_source_column column = {.name = "c", .type = SLUICE_SOURCE_UNTYPED};
    sluice_buf_init(&out, 1024, "a type");
    CHECK_INT(column_type_append(&column, &(struct column_type_options){0}, &out, &err), SLUICE_E_SHAPE);
    CHECK_CONTAINS(err.text, "column \"c\"");
}

int main(void)
{
    test_types();
    test_old_server();
    test_settings();
    test_untyped();
    return check_result();
}
