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
        {"\"type\":\"int8\"", SLUICE_SOURCE_INT8, 0, 0},
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
        {"\"type\":\"int32\",\"name\":\"io.debezium.time.Time\"", SLUICE_SOURCE_TIME_MS, 0, 0},
        {"\"type\":\"int32\",\"name\":\"org.apache.kafka.connect.data.Time\"", SLUICE_SOURCE_TIME_MS, 0, 0},
        {"\"type\":\"int64\",\"name\":\"io.debezium.time.MicroTime\"", SLUICE_SOURCE_TIME_US, 0, 0},
        {"\"type\":\"int64\",\"name\":\"io.debezium.time.NanoTime\"", SLUICE_SOURCE_TIME_NS, 0, 0},
        {"\"type\":\"int64\",\"name\":\"io.debezium.time.MicroDuration\"", SLUICE_SOURCE_DURATION, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.Interval\"", SLUICE_SOURCE_INTERVAL, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.ZonedTime\"", SLUICE_SOURCE_ZONED_TIME, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.IsoDate\"", SLUICE_SOURCE_ISO_DATE, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.IsoTime\"", SLUICE_SOURCE_ISO_TIME, 0, 0},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.IsoTimestamp\"", SLUICE_SOURCE_ISO_TIMESTAMP, 0, 0},
        {"\"type\":\"string\",\"name\":\"com.example.Unheard\"", SLUICE_SOURCE_STRING, 0, 0},
        {"\"type\":\"struct\",\"name\":\"com.example.Unheard\"", SLUICE_SOURCE_STRUCT, 0, 0},
        {"\"type\":\"struct\",\"name\":\"io.debezium.data.VariableScaleDecimal\"", SLUICE_SOURCE_VARIABLE_DECIMAL, 0,
         0},
        {"\"type\":\"struct\",\"name\":\"io.debezium.data.SparseDoubleVector\"", SLUICE_SOURCE_SPARSE_VECTOR, 0, 0},
        {"\"type\":\"struct\",\"name\":\"io.debezium.data.geometry.Point\"", SLUICE_SOURCE_POINT, 0, 0},
        {"\"type\":\"struct\",\"name\":\"io.debezium.data.geometry.Geometry\"", SLUICE_SOURCE_GEOMETRY, 0, 0},
        {"\"type\":\"struct\",\"name\":\"io.debezium.data.geometry.Geography\"", SLUICE_SOURCE_GEOMETRY, 0, 0},
        {"\"type\":\"struct\",\"name\":\"io.debezium.data.geometry.Circle\"", SLUICE_SOURCE_STRUCT, 0, 0},
        {"\"type\":\"struct\"", SLUICE_SOURCE_STRUCT, 0, 0},
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
        {"\"type\":\"int64\",\"name\":\"com.example.Unheard\"", "com.example.Unheard"},
        {"\"type\":\"bytes\",\"name\":\"com.example.Unheard\"", "com.example.Unheard"},
        {"\"type\":\"array\",\"name\":\"com.example.Unheard\",\"items\":{\"type\":\"int32\"}", "com.example.Unheard"},
        {"\"type\":\"array\",\"items\":{\"type\":\"int32\",\"name\":\"com.example.Unheard\"}", "com.example.Unheard"},
        {"\"type\":\"map\",\"keys\":{\"type\":\"string\",\"optional\":true},\"values\":{\"type\":\"string\"}", "map"},
        {"\"type\":\"string\",\"name\":\"io.debezium.time.Date\"", "io.debezium.time.Date"},
        {"\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\"",
         "org.apache.kafka.connect.data.Decimal"},
        {"\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"2046\"}",
         "org.apache.kafka.connect.data.Decimal"},
        {"\"type\":\"bytes\",\"name\":\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"-2\"}",
         "org.apache.kafka.connect.data.Decimal"},
        {"\"type\":5", "is no type of Kafka Connect"},
        {"\"type\":\"array\"", "is no type of Kafka Connect"},
        {"\"type\":\"int128\"", "\"int128\""},
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
        CHECK_CONTAINS(err.text, "table \"public.orders\": ");
        CHECK_CONTAINS(err.text, "field \"v\"");
        CHECK_CONTAINS(err.text, "column.exclude.list");
    }
}

/* What arrays and maps hold, and the parameters of bits. */
static void test_parts(void)
{
    SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
    struct sluice_error err = {0};
    CHECK_INT(
        make(ENVELOPE(
                 ID
                 ",{\"type\":\"array\",\"items\":{\"type\":\"bytes\",\"optional\":true,\"name\":"
                 "\"org.apache.kafka.connect.data.Decimal\",\"parameters\":{\"scale\":\"3\"}},\"field\":\"a\"},"
                 "{\"type\":\"map\",\"keys\":{\"type\":\"string\"},\"values\":{\"type\":\"string\",\"optional\":true},"
                 "\"field\":\"m\"},"
                 "{\"type\":\"bytes\",\"name\":\"io.debezium.data.Bits\",\"parameters\":{\"length\":\"12\"},"
                 "\"field\":\"b\"},"
                 "{\"type\":\"bytes\",\"name\":\"io.debezium.data.Bits\",\"parameters\":{\"length\":\"2147483647\"},"
                 "\"field\":\"c\"},"
                 "{\"type\":\"bytes\",\"name\":\"io.debezium.data.Bits\",\"parameters\":{\"length\":\"12\","
                 "\"__debezium.source.column.type\":\"VARBIT\"},\"field\":\"d\"},"
                 "{\"type\":\"array\",\"items\":{\"type\":\"float\"},\"name\":\"io.debezium.data.FloatVector\","
                 "\"field\":\"v\"}"),
             NULL, 0, &shape, &err),
        SLUICE_OK);
    if (shape == NULL)
        return;
    const struct sluice_source_column *c = shape->columns;
    CHECK(c[1].type == SLUICE_SOURCE_ARRAY && c[1].element->type == SLUICE_SOURCE_DECIMAL);
    CHECK(c[1].element->scale == 3 && c[1].element->optional);
    CHECK(c[2].type == SLUICE_SOURCE_MAP && c[2].map_key->type == SLUICE_SOURCE_STRING && !c[2].map_key->optional);
    CHECK(c[2].element->type == SLUICE_SOURCE_STRING && c[2].element->optional);
    CHECK(c[3].type == SLUICE_SOURCE_BITS && c[3].length == 12 && c[4].length == 0 && c[5].length == 0);
    CHECK(c[6].element->type == SLUICE_SOURCE_FLOAT32 && !c[6].element->optional);
}

/* Avro and JSON Schema bring the tree themselves. */
static void test_row_type(void)
{
    static const struct connect_type id = {.kind = CONNECT_INT32};
    static const struct connect_type at = {
        .kind = CONNECT_INT64, .optional = true, .name = "io.debezium.time.MicroTime"};
    static const struct connect_field fields[] = {{"id", &id}, {"v", &at}};
    static const struct connect_type row = {.kind = CONNECT_STRUCT, .fields = fields, .n_fields = 2};
    SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
    struct sluice_error err = {0};
    struct record record;
    struct record key;
    (void)CHANGE(&record, 'c', "id", "1", "v", "2");
    record.change.row_type = &row;
    CHECK_INT(sluice_shape_new(&record.change, KEY(&key, "id", "1"), NULL, 0, &shape, &err), SLUICE_OK);
    if (shape == NULL)
        return;
    CHECK(shape->typed && shape->n_columns == 2);
    CHECK(shape->columns[1].type == SLUICE_SOURCE_TIME_US && shape->columns[1].optional);
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
        {"{\"type\":\"struct\",\"fields\":[{\"field\":\"after\",\"type\":\"struct\",\"fields\":[]}]}", SLUICE_E_SHAPE},
        {"{\"type\":\"struct\",\"fields\":[{\"field\":\"after\",\"type\":\"struct\",\"fields\":7}]}", SLUICE_E_SHAPE},
        {"{\"type\":\"struct\",\"fields\":[{\"field\":\"after\",\"type\":\"struct\",\"fields\":[{\"type\":\"int32\"}]}]"
         "}",
         SLUICE_E_SHAPE},
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

/* source_type of a rule's column: for records without schema only. */
static void test_rules(void)
{
    struct sluice_column_settings columns[] = {{.name = "v", .source_type = "array(date)"},
                                               {.name = "id", .source_type = ""},
                                               {.name = "elsewhere", .source_type = "json"}};
    const struct sluice_table_settings settings = {.columns = columns, .n_columns = SLUICE_N_ELEMENTS(columns)};
    SLUICE_AUTO(sluice_shape) struct sluice_shape *bare = NULL;
    SLUICE_AUTO(sluice_shape) struct sluice_shape *typed = NULL;
    struct sluice_error err = {0};
    CHECK_INT(make("", NULL, 0, &bare, &err), SLUICE_OK);
    CHECK_INT(make(ENVELOPE(ID ",{\"type\":\"string\",\"field\":\"v\"}"), NULL, 0, &typed, &err), SLUICE_OK);
    if (bare == NULL || typed == NULL)
        return;
    CHECK_INT(sluice_shape_apply_rules(bare, &settings, &err), SLUICE_OK);
    CHECK_INT(bare->columns[0].type, SLUICE_SOURCE_UNTYPED);
    CHECK(bare->columns[1].type == SLUICE_SOURCE_ARRAY && bare->columns[1].element->type == SLUICE_SOURCE_DATE);
    CHECK_INT(sluice_shape_apply_rules(typed, &settings, &err), SLUICE_OK);
    CHECK_INT(typed->columns[1].type, SLUICE_SOURCE_STRING);
    columns[0].source_type = "numbers";
    CHECK_INT(sluice_shape_apply_rules(bare, &settings, &err), SLUICE_E_CONFIG);
    CHECK_CONTAINS(err.text, "field \"v\": no type \"numbers\"");
}

static void test_hints_refused(void)
{
    static const struct {
        const char *hint;
        bool typed;
        const char *want;
    } cases[] = {
        {"public.orders.v=json", true, "field \"v\" has its type from the record's schema"},
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
    for (int variant = 0; variant < 11; variant++) {
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
        static const struct sluice_source_column element = {.name = ""};
        if (variant == 9)
            b[1].element = &element;
        if (variant == 10)
            b[1].length = 7;
        CHECK_INT(sluice_shape_equal(&one, &two), variant == 0);
    }
}

static void test_type_names(void)
{
    for (int i = 0; i < SLUICE_N_SOURCE_TYPES; i++)
        CHECK_INT(sluice_source_type_find(sluice_str_from(sluice_source_type_name((enum sluice_source_type)i))), i);
    CHECK_INT(sluice_source_type_find(SLUICE_STR_LITERAL("int")), SLUICE_N_SOURCE_TYPES);
}

static void test_hints(void)
{
    static const struct {
        const char *hint;
        const char *want; /* type:scale:length:element:key; NULL if it is none */
    } cases[] = {
        {"time_us", "time_us:0:0::"},
        {"decimal", "decimal:65535:0::"},
        {"decimal(4)", "decimal:4:0::"},
        {"bits(12)", "bits:0:12::"},
        {"array", "array:0:0:untyped:"},
        {"array(decimal(2))", "array:0:0:decimal:"},
        {"map(int64)", "map:0:0:int64:string"},
        {"integer", NULL},
        {"decimal(x)", NULL},
        {"decimal(1001)", NULL},
        {"time_us(6)", NULL},
        {"array(nothing)", NULL},
        {"array(array(array(array(array(int8)))))", NULL},
        {"array(int8", NULL},
        {"", NULL},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        struct sluice_source_column column = {.name = "v"};
        struct sluice_error err = {0};
        bool known = false;
        char got[128] = "";
        sluice_arena_init(&arena, 1 << 16, "test");
        CHECK_INT(source_type_hint(&arena, sluice_str_from(cases[i].hint), &column, &known, &err), SLUICE_OK);
        if (!CHECK_INT(known, cases[i].want != NULL) || !known)
            continue;
        (void)snprintf(got, sizeof got, "%s:%u:%u:%s:%s", sluice_source_type_name(column.type), column.scale,
                       column.length, column.element != NULL ? sluice_source_type_name(column.element->type) : "",
                       column.map_key != NULL ? sluice_source_type_name(column.map_key->type) : "");
        CHECK_TEXT(got, cases[i].want);
    }
}

/* Numbers keep all their digits, and their being numbers; nothing else of the schema changes. */
static void test_defaults(void)
{
    static const struct {
        const char *schema;
        const char *text;
        bool is_number;
    } cases[] = {
        {"\"type\":\"int64\",\"default\":-9223372036854775808", "-9223372036854775808", true},
        {"\"type\":\"double\",\"default\" : 1.5E-7 ", "1.5E-7", true},
        {"\"type\":\"bytes\",\"default\":99999999999999999999.5", "99999999999999999999.5", true},
        {"\"type\":\"bytes\",\"default\":\"1234\"", "1234", false},
        {"\"type\":\"boolean\",\"default\":false", "false", false},
        {"\"type\":\"string\",\"default\":\"\\\"default\\\":7\"", "\"default\":7", false},
        {"\"type\":\"string\",\"default\":null", NULL, false},
        {"\"type\":\"string\",\"doc\":\"default\"", NULL, false},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        char schema[2048];
        struct sluice_error err = {0};
        SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
        (void)snprintf(schema, sizeof schema, ENVELOPE(ID ",{%s,\"optional\":true,\"field\":\"v\"}"), cases[i].schema,
                       cases[i].schema);
        if (!CHECK_INT(make(schema, NULL, 0, &shape, &err), SLUICE_OK)) {
            (void)fprintf(stderr, "    %s: %s\n", cases[i].schema, err.text);
            continue;
        }
        const struct sluice_source_column *column = &shape->columns[1];
        CHECK(column->default_is_number == cases[i].is_number);
        if (CHECK((column->default_text == NULL) == (cases[i].text == NULL)) && cases[i].text != NULL)
            CHECK_TEXT(column->default_text, cases[i].text);
    }
}

int main(void)
{
    test_mapping();
    test_unsupported();
    test_parts();
    test_row_type();
    test_broken_schema();
    test_names_only();
    test_rules();
    test_hints_refused();
    test_keys_refused();
    test_equality();
    test_type_names();
    test_hints();
    test_defaults();
    return check_result();
}
