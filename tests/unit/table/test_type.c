/* Type texts as system.columns prints them. */
#include "table/type.h"

#include "support/check.h"

static const struct sluice_type *parse(struct sluice_arena *arena, const char *text, enum sluice_code *code)
{
    struct sluice_error err = {0};
    const struct sluice_type *type = NULL;
    *code = sluice_type_parse(arena, sluice_str_from(text), &type, &err);
    if (*code != SLUICE_OK)
        CHECK_CONTAINS(err.text, "is not understood");
    return type;
}

struct known_case {
    const char *text;
    struct sluice_type want;
};

static void test_known(void)
{
    static const struct known_case cases[] = {
        {"Bool", {.kind = SLUICE_TYPE_BOOL, .bits = 8}},
        {"Int8", {.kind = SLUICE_TYPE_INT, .bits = 8, .is_signed = true}},
        {"UInt8", {.kind = SLUICE_TYPE_INT, .bits = 8}},
        {"Int256", {.kind = SLUICE_TYPE_INT, .bits = 256, .is_signed = true}},
        {"UInt128", {.kind = SLUICE_TYPE_INT, .bits = 128}},
        {"Float32", {.kind = SLUICE_TYPE_FLOAT, .bits = 32}},
        {"Float64", {.kind = SLUICE_TYPE_FLOAT, .bits = 64}},
        {"String", {.kind = SLUICE_TYPE_STRING}},
        {"UUID", {.kind = SLUICE_TYPE_UUID, .bits = 128}},
        {"Date", {.kind = SLUICE_TYPE_DATE, .bits = 16}},
        {"Date32", {.kind = SLUICE_TYPE_DATE32, .bits = 32}},
        {"DateTime", {.kind = SLUICE_TYPE_DATETIME, .bits = 32}},
        {"DateTime('Europe/Berlin')", {.kind = SLUICE_TYPE_DATETIME, .bits = 32}},
        {"DateTime64(6, 'UTC')", {.kind = SLUICE_TYPE_DATETIME64, .is_signed = true, .bits = 64, .precision = 6}},
        {"DateTime64(9)", {.kind = SLUICE_TYPE_DATETIME64, .is_signed = true, .bits = 64, .precision = 9}},
        {"FixedString(16)", {.kind = SLUICE_TYPE_FIXED_STRING, .length = 16}},
        {"Decimal(10, 2)", {.kind = SLUICE_TYPE_DECIMAL, .is_signed = true, .bits = 64, .precision = 10, .scale = 2}},
        {"Decimal(9,9)", {.kind = SLUICE_TYPE_DECIMAL, .is_signed = true, .bits = 32, .precision = 9, .scale = 9}},
        {"Decimal(38, 10)",
         {.kind = SLUICE_TYPE_DECIMAL, .is_signed = true, .bits = 128, .precision = 38, .scale = 10}},
        {"Decimal(76, 0)", {.kind = SLUICE_TYPE_DECIMAL, .is_signed = true, .bits = 256, .precision = 76}},
        {"Decimal(5)", {.kind = SLUICE_TYPE_DECIMAL, .is_signed = true, .bits = 32, .precision = 5}},
        {"Decimal64(4)", {.kind = SLUICE_TYPE_DECIMAL, .is_signed = true, .bits = 64, .precision = 18, .scale = 4}},
        {"Nullable(Int32)", {.kind = SLUICE_TYPE_INT, .bits = 32, .is_signed = true, .nullable = true}},
        {"LowCardinality(String)", {.kind = SLUICE_TYPE_STRING, .low_cardinality = true}},
        {"LowCardinality(Nullable(String))", {.kind = SLUICE_TYPE_STRING, .low_cardinality = true, .nullable = true}},
        {"SimpleAggregateFunction(sum, Int64)", {.kind = SLUICE_TYPE_INT, .bits = 64, .is_signed = true}},
        {"SimpleAggregateFunction(anyLast, Nullable(DateTime64(3, 'UTC')))",
         {.kind = SLUICE_TYPE_DATETIME64, .is_signed = true, .bits = 64, .precision = 3, .nullable = true}},
        {" Nullable( UUID ) ", {.kind = SLUICE_TYPE_UUID, .bits = 128, .nullable = true}},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        enum sluice_code code;
        sluice_arena_init(&arena, 1 << 20, "test");
        const struct sluice_type *type = parse(&arena, cases[i].text, &code);
        if (!CHECK(code == SLUICE_OK && type != NULL)) {
            (void)fprintf(stderr, "    type %s\n", cases[i].text);
            continue;
        }
        CHECK_INT(type->kind, cases[i].want.kind);
        CHECK_INT(type->bits, cases[i].want.bits);
        CHECK_INT(type->is_signed, cases[i].want.is_signed);
        CHECK_INT(type->nullable, cases[i].want.nullable);
        CHECK_INT(type->low_cardinality, cases[i].want.low_cardinality);
        CHECK_INT(type->precision, cases[i].want.precision);
        CHECK_INT(type->scale, cases[i].want.scale);
        CHECK_INT(type->length, cases[i].want.length);
    }
}

static void test_enum(void)
{
    static const char text[] =
        "Enum8('plain' = 1, 'it\\'s' = -128, 'a, b' = 2, 'x=(' = 3, 'tab\\t' = 4, '' = 0, 'q''q' = 127)";
    static const struct {
        const char *name;
        int value;
    } want[] = {{"plain", 1}, {"it's", -128}, {"a, b", 2}, {"x=(", 3}, {"tab\t", 4}, {"", 0}, {"q'q", 127}};
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    enum sluice_code code;
    sluice_arena_init(&arena, 1 << 20, "test");
    const struct sluice_type *type = parse(&arena, text, &code);
    if (!CHECK(code == SLUICE_OK && type != NULL))
        return;
    CHECK_INT(type->kind, SLUICE_TYPE_ENUM);
    CHECK_INT(type->bits, 8);
    if (!CHECK_INT(type->n_labels, SLUICE_N_ELEMENTS(want)))
        return;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(want); i++) {
        CHECK(sluice_str_equal_z(type->labels[i].name, want[i].name));
        CHECK_INT(type->labels[i].value, want[i].value);
    }
    type = parse(&arena, "Nullable(Enum16('a' = -32768, 'b' = 32767))", &code);
    CHECK(code == SLUICE_OK && type != NULL && type->nullable && type->bits == 16 && type->labels[1].value == 32767);
}

/* Types of parts, and the younger ones. */
static void test_composite(void)
{
    static const struct {
        const char *text;
        enum sluice_type_kind kind;
        bool nullable;
        size_t n_items;
        enum sluice_type_kind first, last; /* of the parts */
    } cases[] = {
        {"Array(String)", SLUICE_TYPE_ARRAY, false, 1, SLUICE_TYPE_STRING, SLUICE_TYPE_STRING},
        {"Array(Nullable(Decimal(10, 2)))", SLUICE_TYPE_ARRAY, false, 1, SLUICE_TYPE_DECIMAL, SLUICE_TYPE_DECIMAL},
        {"Map(String, UInt64)", SLUICE_TYPE_MAP, false, 2, SLUICE_TYPE_STRING, SLUICE_TYPE_INT},
        {"Tuple(a Int32, `b c` String)", SLUICE_TYPE_TUPLE, false, 2, SLUICE_TYPE_INT, SLUICE_TYPE_STRING},
        {"Nested(a UInt8, b String)", SLUICE_TYPE_ARRAY, false, 1, SLUICE_TYPE_TUPLE, SLUICE_TYPE_TUPLE},
        {"Point", SLUICE_TYPE_TUPLE, false, 2, SLUICE_TYPE_FLOAT, SLUICE_TYPE_FLOAT},
        {"JSON", SLUICE_TYPE_JSON, false, 0, 0, 0},
        {"JSON(max_dynamic_paths=8, SKIP path)", SLUICE_TYPE_JSON, false, 0, 0, 0},
        {"Nullable(IPv4)", SLUICE_TYPE_IPV4, true, 0, 0, 0},
        {"LowCardinality(IPv4)", SLUICE_TYPE_IPV4, false, 0, 0, 0},
        {"IPv6", SLUICE_TYPE_IPV6, false, 0, 0, 0},
        {"Time64(6)", SLUICE_TYPE_TIME64, false, 0, 0, 0},
    };
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    enum sluice_code code;
    sluice_arena_init(&arena, 1 << 20, "test");
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        const struct sluice_type *type = parse(&arena, cases[i].text, &code);
        if (!CHECK(code == SLUICE_OK && type != NULL) || !CHECK_INT(type->kind, cases[i].kind) ||
            !CHECK_INT(type->nullable, cases[i].nullable) || !CHECK_INT(type->n_items, cases[i].n_items) ||
            (type->n_items > 0 && (!CHECK_INT(type->items[0].kind, cases[i].first) ||
                                   !CHECK_INT(type->items[type->n_items - 1].kind, cases[i].last))))
            (void)fprintf(stderr, "    type %s\n", cases[i].text);
    }
}

static void test_others(void)
{
    static const char *const others[] = {
        "AggregateFunction(uniq, UInt64)",
        "Dynamic(max_types=3)",
        "Variant(String, Array(UInt8))",
        "IntervalDay",
        "BFloat16",
    };
    static const char *const malformed[] = {
        "",
        "(",
        "Int32(",
        "Int32)",
        "Int32 Int32",
        "Int32(5)",
        "Decimal(77, 0)",
        "Decimal(0, 0)",
        "Decimal(5, 6)",
        "Decimal()",
        "Decimal",
        "Decimal(5, 2, 1)",
        "Decimal(5,)",
        "Decimal(-5, 2)",
        "DateTime64",
        "DateTime64(10)",
        "DateTime64('UTC')",
        "DateTime(UTC)",
        "DateTime('UTC', 3)",
        "FixedString(0)",
        "FixedString(99999999999999999999)",
        "FixedString",
        "Enum8()",
        "Enum8('a')",
        "Enum8('a' = 128)",
        "Enum8('a' = -129)",
        "Enum16('a' = 32768)",
        "Enum8('a = 1)",
        "Enum8('a' == 1)",
        "Enum8('a' = )",
        "Nullable()",
        "Nullable(Nullable(Int8))",
        "Nullable(LowCardinality(String))",
        "LowCardinality(LowCardinality(String))",
        "SimpleAggregateFunction(sum)",
        "Array(Int32",
        "Array('Int32)",
        "Nullable(Int32",
        "1nt",
    };
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    enum sluice_code code;
    sluice_arena_init(&arena, 1 << 20, "test");
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(others); i++) {
        const struct sluice_type *type = parse(&arena, others[i], &code);
        if (!CHECK(code == SLUICE_OK && type == NULL))
            (void)fprintf(stderr, "    type %s\n", others[i]);
    }
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(malformed); i++) {
        (void)parse(&arena, malformed[i], &code);
        if (!CHECK_INT(code, SLUICE_E_TYPE))
            (void)fprintf(stderr, "    type %s\n", malformed[i]);
    }
}

/* Every text cut short is refused or another type, and never read past its end. */
static void test_truncated(void)
{
    static const char text[] = "LowCardinality(Nullable(Enum8('a\\'b' = 1, 'c,d' = -2)))";
    for (size_t n = 0; n < sizeof text - 1; n++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        struct sluice_error err = {0};
        const struct sluice_type *type = NULL;
        char exact[sizeof text];
        sluice_arena_init(&arena, 1 << 20, "test");
        memcpy(exact, text, n);
        memset(exact + n, ')', sizeof exact - n);
        enum sluice_code code = sluice_type_parse(&arena, (struct sluice_str){exact, n}, &type, &err);
        /* "L", "Lo", ... are names of types that could exist. */
        CHECK(n > 0 && n < strlen("LowCardinality") ? code == SLUICE_OK && type == NULL : code == SLUICE_E_TYPE);
    }
}

/* Nesting is bounded, whatever the text. */
static void test_depth(void)
{
    static const char open[] = "LowCardinality(";
    enum { DEPTH = 5000, N_OPEN = sizeof open - 1 };
    static char text[DEPTH * (N_OPEN + 1) + 1];
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    enum sluice_code code;
    for (size_t i = 0; i < DEPTH; i++)
        memcpy(text + i * N_OPEN, open, N_OPEN);
    memset(text + (size_t)DEPTH * N_OPEN, ')', DEPTH);
    sluice_arena_init(&arena, 1 << 20, "test");
    (void)parse(&arena, text, &code);
    CHECK_INT(code, SLUICE_E_TYPE);
}

int main(void)
{
    test_known();
    test_enum();
    test_composite();
    test_others();
    test_truncated();
    test_depth();
    return check_result();
}
