/* Shapes from embedded schemas, from bare names, with hints; and every type that is refused by name. */
#include "table_support.h"

#define ENVELOPE(fields)                                                                                               \
    "{\"type\":\"struct\",\"fields\":[{\"type\":\"struct\",\"fields\":[" fields                                        \
    "],\"optional\":true,\"name\":\"shop.public.orders.Value\",\"field\":\"before\"},"                                 \
    "{\"type\":\"struct\",\"fields\":[" fields                                                                         \
    "],\"optional\":true,\"name\":\"shop.public.orders.Value\",\"field\":\"after\"},"                                  \
    "{\"type\":\"string\",\"optional\":false,\"field\":\"op\"}],"                                                      \
    "\"optional\":false,\"name\":\"shop.public.orders.Envelope\",\"version\":2}"

#define ID "{\"type\":\"int32\",\"optional\":false,\"field\":\"id\"}"

static enum sluice_code make(const char *schema, const char *const *hints, size_t n_hints, struct sluice_shape **out,
                             struct sluice_error *err)
{
    struct record row;
    struct record key;
    (void)CHANGE(&row, 'c', "id", "1", "v", "2");
    row.change.value_schema = sluice_str_from(schema);
    return sluice_shape_new(&row.change, KEY(&key, "id", "1"), hints, n_hints, out, err);
}

struct mapping_case {
    const char *schema; /* of one field, without `optional` and `field` */
    enum sluice_source_type want;
    unsigned scale;
    unsigned precision;
};

static void test_mapping(void)
{
    static const struct mapping_case cases[] = {
        {"\"type\":\"boolean\"", SLUICE_SOURCE_BOOLEAN, 0, 0},
        {"\"type\":\"int8\"", SLUICE_SOURCE_INT16, 0, 0},
        {"\"type\":\"int16\"", SLUICE_SOURCE_INT16, 0, 0},
        {"\"type\":\"int32\"", SLUICE_SOURCE_INT32, 0, 0},
        {"\"type\":\"int64\"", SLUICE_SOURCE_INT64, 0, 0},
        {"\"type\":\"float\"", SLUICE_SOURCE_FLOAT32, 0, 0},
        {"\"type\":\"double\"", SLUICE_SOURCE_FLOAT64, 0, 0},
        {"\"type\":\"string\"", SLUICE_SOURCE_STRING, 0, 0},
        {"\"type\":\"bytes\"", SLUICE_SOURCE_BYTES, 0, 0},
        {"\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"version\":1,\"parameters\":{"
         "\"scale\":\"2\",\"connect.decimal.precision\":\"10\"}",
         SLUICE_SOURCE_DECIMAL, 2, 10},
        {"\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"2\"}",
         SLUICE_SOURCE_DECIMAL, 2, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.data.Uuid\"", SLUICE_SOURCE_UUID, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.data.Json\"", SLUICE_SOURCE_JSON, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.data.Enum\",\"parameters\":{\"allowed\":\"a,b\"}",
         SLUICE_SOURCE_ENUM, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.data.Xml\"", SLUICE_SOURCE_STRING, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.data.Ltree\"", SLUICE_SOURCE_STRING, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.data.Tsvector\"", SLUICE_SOURCE_STRING, 0, 0},
        {"\"type\":\"int32\",\"name\":\"io.debezium.time.Date\"", SLUICE_SOURCE_DATE, 0, 0},
        {"\"type\":\"int32\",\"name\":\"org.apache.kafka.connect.data.Date\"", SLUICE_SOURCE_DATE, 0, 0},
        {"\"type\":\"int64\",\"name\":\"io.debezium.time.Timestamp\"", SLUICE_SOURCE_TIMESTAMP_MS, 0, 0},
        {"\"type\":\"int64\",\"name\":\"org.apache.kafka.connect.data.Timestamp\"", SLUICE_SOURCE_TIMESTAMP_MS, 0, 0},
        {"\"type\":\"int64\",\"name\":\"io.debezium.time.MicroTimestamp\"", SLUICE_SOURCE_TIMESTAMP_US, 0, 0},
        {"\"type\":\"int64\",\"name\":\"io.debezium.time.NanoTimestamp\"", SLUICE_SOURCE_TIMESTAMP_NS, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.ZonedTimestamp\"", SLUICE_SOURCE_ZONED_TIMESTAMP, 0, 0},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
        struct sluice_error err = {0};
        char schema[2048];
        char field[512];
        (void)snprintf(field, sizeof field, ID ",{%s,\"optional\":%s,\"field\":\"v\"}", cases[i].schema,
                       i % 2 == 0 ? "true" : "false");
        (void)snprintf(schema, sizeof schema,
                       "{\"type\":\"struct\",\"fields\":[{\"type\":\"struct\",\"fields\":[%s],\"field\":\"after\"}]}",
                       field);
        if (!CHECK_INT(make(schema, NULL, 0, &shape, &err), SLUICE_OK)) {
            (void)fprintf(stderr, "    %s: %s\n", cases[i].schema, err.text);
            continue;
        }
        CHECK(shape->typed);
        CHECK_INT(shape->n_columns, 2);
        CHECK_TEXT(shape->columns[1].name, "v");
        CHECK_INT(shape->columns[1].type, cases[i].want);
        CHECK_INT(shape->columns[1].optional, i % 2 == 0);
        CHECK_INT(shape->columns[1].scale, cases[i].scale);
        CHECK_INT(shape->columns[1].precision, cases[i].precision);
        CHECK(shape->columns[0].is_key && !shape->columns[1].is_key && shape->n_key == 1 && shape->key[0] == 0);
    }
}

static void test_unsupported(void)
{
    static const struct {
        const char *schema;
        const char *named;
    } cases[] = {
        {"\"type\":\"int32\",\"name\":\"io.debezium.time.Time\"", "io.debezium.time.Time"},
        {"\"type\":\"int64\",\"name\":\"io.debezium.time.MicroTime\"", "io.debezium.time.MicroTime"},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.ZonedTime\"", "io.debezium.time.ZonedTime"},
        {"\"type\":\"int64\",\"name\":\"io.debezium.time.MicroDuration\"", "io.debezium.time.MicroDuration"},
        {"\"type\":\"bytes\",\"name\":\"io.debezium.data.Bits\"", "io.debezium.data.Bits"},
        {"\"type\":\"struct\",\"name\":\"io.debezium.data.VariableScaleDecimal\"",
         "io.debezium.data.VariableScaleDecimal"},
        {"\"type\":\"array\",\"items\":{\"type\":\"int32\"}", "array"},
        {"\"type\":\"map\"", "map"},
        {"\"type\":\"struct\"", "struct"},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.Date\"", "io.debezium.time.Date"},
        {"\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\"",
         "org.apache.kafka.connect.data.Decimal"},
        {"\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"2046\"}",
         "org.apache.kafka.connect.data.Decimal"},
        {"\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"-2\"}",
         "org.apache.kafka.connect.data.Decimal"},
        {"\"type\":5", "(no type)"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
        struct sluice_error err = {0};
        char schema[2048];
        (void)snprintf(schema, sizeof schema,
                       "{\"type\":\"struct\",\"fields\":[{\"type\":\"struct\",\"fields\":[" ID
                       ",{%s,\"optional\":true,\"field\":\"v\"}],\"field\":\"after\"}]}",
                       cases[i].schema);
        CHECK_INT(make(schema, NULL, 0, &shape, &err), SLUICE_E_TYPE);
        CHECK_INT(err.action, SLUICE_STOP_PARTITION);
        CHECK_CONTAINS(err.text, cases[i].named);
        CHECK_CONTAINS(err.text, "table \"public.orders\": field \"v\"");
        CHECK_CONTAINS(err.text, "column.exclude.list");
    }
}

static void test_broken_schema(void)
{
    static const struct {
        const char *schema;
        enum sluice_code want;
    } cases[] = {
        {"{", SLUICE_E_JSON},
        {"[]", SLUICE_E_SHAPE},
        {"{\"type\":\"struct\"}", SLUICE_E_SHAPE},
        {"{\"type\":\"struct\",\"fields\":[{\"field\":\"before\",\"fields\":[]}]}", SLUICE_E_SHAPE},
        {"{\"type\":\"struct\",\"fields\":[{\"field\":\"after\",\"fields\":[]}]}", SLUICE_E_SHAPE},
        {"{\"type\":\"struct\",\"fields\":[{\"field\":\"after\",\"fields\":7}]}", SLUICE_E_SHAPE},
        {"{\"type\":\"struct\",\"fields\":[{\"field\":\"after\",\"fields\":[{\"type\":\"int32\"}]}]}", SLUICE_E_SHAPE},
        {ENVELOPE(ID "," ID), SLUICE_E_SHAPE},
        {ENVELOPE("{\"type\":\"int32\",\"optional\":true,\"field\":\"v\"}"), SLUICE_E_KEY},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
        struct sluice_error err = {0};
        if (!CHECK_INT(make(cases[i].schema, NULL, 0, &shape, &err), cases[i].want))
            (void)fprintf(stderr, "    %s\n", err.text);
        CHECK_CONTAINS(err.text, "public.orders");
    }
}

static void test_names_only(void)
{
    SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
    SLUICE_AUTO(sluice_shape) struct sluice_shape *same = NULL;
    SLUICE_AUTO(sluice_shape) struct sluice_shape *other = NULL;
    struct sluice_error err = {0};
    struct record row;
    struct record key;
    static const char *const hints[] = {"public.orders.v=timestamp_us", "public.orders2.v=json",
                                        "public.orders.d=decimal"};
    (void)CHANGE(&row, 'c', "a\\\"b", "1", "v", "2", "k", "3", "d", "4");
    (void)KEY(&key, "k", "3", "a\\\"b", "1");
    CHECK_INT(sluice_shape_new(&row.change, &key.key, hints, 3, &shape, &err), SLUICE_OK);
    CHECK_INT(sluice_shape_new(&row.change, &key.key, hints, 3, &same, &err), SLUICE_OK);
    CHECK_INT(sluice_shape_new(&row.change, &key.key, NULL, 0, &other, &err), SLUICE_OK);
    if (shape == NULL || same == NULL || other == NULL)
        return;
    CHECK(!shape->typed);
    CHECK_TEXT(shape->schema, "public");
    CHECK_TEXT(shape->table, "orders");
    CHECK_TEXT(shape->columns[0].name, "a\"b");
    CHECK_INT(shape->columns[0].type, SLUICE_SOURCE_UNTYPED);
    CHECK_INT(shape->columns[1].type, SLUICE_SOURCE_TIMESTAMP_US);
    CHECK_INT(shape->columns[3].type, SLUICE_SOURCE_DECIMAL);
    CHECK_INT(shape->columns[3].scale, SLUICE_SCALE_UNTOLD);
    CHECK(shape->n_key == 2 && shape->key[0] == 2 && shape->key[1] == 0);
    CHECK(sluice_shape_equal(shape, same));
    CHECK(!sluice_shape_equal(shape, other));
}

static void test_hints_refused(void)
{
    static const struct {
        const char *hint;
        bool typed;
        const char *want;
    } cases[] = {
        {"public.orders.v=json", true, "field \"v\" has its type from the embedded schema"},
        {"public.orders.w=json", false, "no field is called \"w\""},
        {"public.orders.v=integer", false, "no type \"integer\""},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
        struct sluice_error err = {0};
        const char *schema = cases[i].typed ? ENVELOPE(ID ",{\"type\":\"string\",\"field\":\"v\"}") : "";
        CHECK_INT(make(schema, &cases[i].hint, 1, &shape, &err), SLUICE_E_CONFIG);
        CHECK_CONTAINS(err.text, "tables.source_types");
        CHECK_CONTAINS(err.text, cases[i].want);
    }
}

static void test_keys_refused(void)
{
    struct record row;
    struct record key;
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
    (void)CHANGE(&row, 'c', "id", "1");
    CHECK_INT(sluice_shape_new(&row.change, KEY(&key, "id", "1", "id", "1"), NULL, 0, &shape, &err), SLUICE_E_KEY);
    CHECK_CONTAINS(err.text, "names column \"id\" twice");
    CHECK_INT(sluice_shape_new(&row.change, KEY(&key, "hidden", "1"), NULL, 0, &shape, &err), SLUICE_E_KEY);
    CHECK_CONTAINS(err.text, "key column \"hidden\"");
    row.change.n_fields = 0;
    CHECK_INT(sluice_shape_new(&row.change, KEY(&key, "id", "1"), NULL, 0, &shape, &err), SLUICE_E_SHAPE);
    /* Without a key a shape exists; what needs one refuses it later. */
    (void)CHANGE(&row, 'c', "id", "1");
    CHECK_INT(sluice_shape_new(&row.change, NULL, NULL, 0, &shape, &err), SLUICE_OK);
    CHECK(shape != NULL && shape->n_key == 0);
}

static void test_equality(void)
{
    struct sluice_source_column a[] = {{.name = "id", .type = SLUICE_SOURCE_INT32}, {.name = "v"}};
    const struct sluice_shape one = shape_of(a, 2, 1);
    for (int variant = 0; variant < 9; variant++) {
        struct sluice_source_column b[] = {a[0], a[1]};
        struct sluice_shape two = shape_of(b, 2, 1);
        if (variant == 1)
            b[1].name = "w";
        if (variant == 2)
            b[1].type = SLUICE_SOURCE_JSON;
        if (variant == 3)
            b[1].optional = true;
        if (variant == 4)
            b[1].scale = 1;
        if (variant == 5)
            two.n_columns = 1;
        if (variant == 6)
            two.table = "other";
        if (variant == 7)
            two.typed = false;
        if (variant == 8)
            two.n_key = 0;
        CHECK_INT(sluice_shape_equal(&one, &two), variant == 0);
    }
}

static void test_type_names(void)
{
    for (int i = 0; i < SLUICE_N_SOURCE_TYPES; i++)
        CHECK_INT(sluice_source_type_find(sluice_str_from(sluice_source_type_name((enum sluice_source_type)i))), i);
    CHECK_INT(sluice_source_type_find(SLUICE_STR_LITERAL("int")), SLUICE_N_SOURCE_TYPES);
}

int main(void)
{
    test_mapping();
    test_unsupported();
    test_broken_schema();
    test_names_only();
    test_hints_refused();
    test_keys_refused();
    test_equality();
    test_type_names();
    return check_result();
}
