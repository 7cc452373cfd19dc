/* Which types are compared how, what ClickHouse is asked for, and what is named as not compared. */
#include "admin/verify_pair.h"

#include "support/check.h"

static const struct sluice_column_settings plain = {
    .name = "", .rename = "", .type = "", .codec = "", .source_type = ""};

struct chosen {
    struct canon canon;
    const char *reason;
    char expression[200];
};

static struct chosen choose(const char *type, char kind, bool is_array, const char *target,
                            const struct sluice_column_settings *settings)
{
    struct chosen chosen = {0};
    struct sluice_error err;
    const struct sluice_type *parsed = NULL;
    const struct pair_source source = {.type = type, .kind = kind, .is_array = is_array, .modifier = 1};
    static struct sluice_arena arena;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 1000, "an expression");
    sluice_arena_deinit(&arena);
    sluice_arena_init(&arena, 1 << 20, "types");
    CHECK_INT(sluice_type_parse(&arena, sluice_str_from(target), &parsed, &err), SLUICE_OK);
    CHECK_INT(pair_choose(&arena, &source, parsed, settings, &chosen.canon, &chosen.reason, &err), SLUICE_OK);
    if (chosen.reason == NULL) {
        CHECK_INT(pair_expression(&chosen.canon, parsed, "c", &sql, &err), SLUICE_OK);
        (void)snprintf(chosen.expression, sizeof chosen.expression, "%s", sluice_buf_text(&sql));
    }
    if (parsed == NULL)
        sluice_arena_deinit(&arena);
    return chosen;
}

static void test_pairs(void)
{
    static const struct {
        const char *type;
        char kind;
        bool is_array;
        const char *target;
        enum canon_kind canon;
        const char *expression;
    } cases[] = {
        {"bool", 'b', false, "Bool", CANON_BOOL, "`c`"},
        {"bit", 'b', false, "Bool", CANON_BOOL, "`c`"},
        {"int4", 'b', false, "Nullable(Int32)", CANON_NUMBER, "`c`"},
        {"int8", 'b', false, "String", CANON_NUMBER, "`c`"},
        {"int4", 'b', false, "Float64", CANON_FLOAT64, "`c`"},
        {"float4", 'b', false, "Float32", CANON_FLOAT32, "`c`"},
        {"numeric", 'b', false, "Decimal(10, 2)", CANON_NUMBER, "`c`"},
        {"money", 'b', false, "Decimal(19, 2)", CANON_NUMBER, "`c`"},
        {"text", 'b', false, "LowCardinality(Nullable(String))", CANON_TEXT, "`c`"},
        {"mood", 'e', false, "Enum8('ok' = 1)", CANON_TEXT, "`c`"},
        {"int4range", 'r', false, "String", CANON_TEXT, "`c`"},
        {"uuid", 'b', false, "UUID", CANON_TEXT, "`c`"},
        {"bytea", 'b', false, "String", CANON_BYTES, "`c`"},
        {"inet", 'b', false, "IPv6", CANON_ADDRESS, "`c`"},
        {"inet", 'b', false, "String", CANON_TEXT, "`c`"},
        {"date", 'b', false, "Date32", CANON_MOMENT, "`c`"},
        {"timestamp", 'b', false, "Nullable(DateTime64(6, 'UTC'))", CANON_MOMENT, "toTimeZone(`c`, 'UTC')"},
        {"timestamptz", 'b', false, "DateTime", CANON_MOMENT, "toTimeZone(`c`, 'UTC')"},
        {"timetz", 'b', false, "String", CANON_ZONED_CLOCK, "`c`"},
        {"time", 'b', false, "Time64(6)", CANON_CLOCK, "`c`"},
        {"interval", 'b', false, "Int64", CANON_DURATION, "`c`"},
        {"interval", 'b', false, "String", CANON_PARTS, "`c`"},
        {"hstore", 'b', false, "Map(String, Nullable(String))", CANON_MAP, "toJSONString(`c`)"},
        {"hstore", 'b', false, "String", CANON_MAP, "`c`"},
        {"point", 'b', false, "Tuple(x Nullable(Float64), y Nullable(Float64))", CANON_POINT, "`c`"},
        {"int4", 'b', true, "Array(Nullable(Int32))", CANON_ARRAY, "toJSONString(arrayMap(x -> toString(x), `c`))"},
        {"bytea", 'b', true, "Array(Nullable(String))", CANON_ARRAY, "toJSONString(arrayMap(x -> hex(x), `c`))"},
        {"timestamp", 'b', true, "Array(Nullable(DateTime64(6, 'UTC')))", CANON_ARRAY,
         "toJSONString(arrayMap(x -> toString(toTimeZone(x, 'UTC')), `c`))"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        const struct chosen chosen = choose(cases[i].type, cases[i].kind, cases[i].is_array, cases[i].target, &plain);
        if (!CHECK(chosen.reason == NULL)) {
            (void)fprintf(stderr, "    %s and %s: %s\n", cases[i].type, cases[i].target, chosen.reason);
            continue;
        }
        CHECK_INT(chosen.canon.kind, cases[i].canon);
        CHECK_TEXT(chosen.expression, cases[i].expression);
    }
}

static void test_not_compared(void)
{
    static const struct {
        const char *type;
        char kind;
        bool is_array;
        const char *target;
    } cases[] = {
        {"jsonb", 'b', false, "JSON"},      {"box", 'b', false, "String"},
        {"pair", 'c', false, "String"},     {"int4", 'b', false, "Date32"},
        {"float8", 'b', false, "Float32"},  {"float8", 'b', false, "String"},
        {"int4", 'b', true, "String"},      {"text", 'b', false, "Array(String)"},
        {"timestamp", 'b', false, "Int64"}, {"vector", 'b', false, "Array(Float64)"},
        {"uuid", 'b', false, "Int128"},     {"int4", 'b', false, "Dynamic"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        const struct chosen chosen = choose(cases[i].type, cases[i].kind, cases[i].is_array, cases[i].target, &plain);
        if (!CHECK(chosen.reason != NULL))
            (void)fprintf(stderr, "    %s and %s\n", cases[i].type, cases[i].target);
    }
}

static void test_settings(void)
{
    struct sluice_column_settings settings = plain;
    settings.on_out_of_range = SLUICE_RANGE_CLAMP;
    CHECK(choose("int8", 'b', false, "Int32", &settings).reason != NULL);
    CHECK(choose("int8", 'b', false, "Int64", &settings).reason == NULL);
    CHECK(choose("text", 'b', false, "FixedString(4)", &settings).reason != NULL);
    const struct chosen moment = choose("timestamp", 'b', false, "DateTime64(3)", &settings);
    CHECK(moment.reason == NULL && moment.canon.has_range && moment.canon.digits == 3);
    CHECK_INT(moment.canon.last.us, INT64_C(86399999000));
    settings = plain;
    settings.transform = SLUICE_TRANSFORM_HASH;
    CHECK_CONTAINS(choose("text", 'b', false, "String", &settings).reason, "transform");
    settings = plain;
    settings.binary = SLUICE_BINARY_HEX;
    CHECK_INT(choose("bytea", 'b', false, "String", &settings).canon.bin, SLUICE_BINARY_HEX);
    CHECK(choose("bytea", 'b', true, "Array(String)", &settings).reason != NULL);
}

int main(void)
{
    test_pairs();
    test_not_compared();
    test_settings();
    return check_result();
}
