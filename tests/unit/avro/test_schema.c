/* Avro schemas: names, unions, what they mean to Connect, and what is refused. */
#include "avro/schema.h"

#include <stdlib.h>

#include "support/check.h"

struct compiled {
    struct sluice_arena arena;
    const struct avro_node *node;
    struct sluice_error err;
    enum sluice_code code;
};

static void compiled_deinit(struct compiled *c)
{
    sluice_arena_deinit(&c->arena);
}
SLUICE_DEFINE_AUTO(compiled, struct compiled, compiled_deinit)

static void compile_with(struct compiled *c, const char *text_z, const struct sluice_str *named, size_t n_named)
{
    *c = (struct compiled){.code = SLUICE_OK};
    sluice_arena_init(&c->arena, 8 << 20, "a schema");
    c->code = avro_schema_compile(sluice_str_from(text_z), named, n_named, &c->arena, &c->node, &c->err);
}

static void compile(struct compiled *c, const char *text_z)
{
    compile_with(c, text_z, NULL, 0);
}

static const struct connect_type *type_of(const char *text_z, struct compiled *c)
{
    compile(c, text_z);
    if (c->code != SLUICE_OK)
        (void)fprintf(stderr, "%s: %s\n", text_z, c->err.text);
    return c->code == SLUICE_OK ? c->node->type : NULL;
}

static void test_primitives(void)
{
    static const struct {
        const char *schema;
        enum avro_kind kind;
        enum connect_kind connect;
        const char *name;
        bool optional;
    } cases[] = {
        {"\"boolean\"", AVRO_BOOLEAN, CONNECT_BOOLEAN, NULL, false},
        {"\"int\"", AVRO_INT, CONNECT_INT32, NULL, false},
        {"{\"type\":\"int\",\"connect.type\":\"int16\"}", AVRO_INT, CONNECT_INT16, NULL, false},
        {"{\"type\":\"int\",\"connect.type\":\"int8\"}", AVRO_INT, CONNECT_INT8, NULL, false},
        {"\"long\"", AVRO_LONG, CONNECT_INT64, NULL, false},
        {"\"float\"", AVRO_FLOAT, CONNECT_FLOAT32, NULL, false},
        {"\"double\"", AVRO_DOUBLE, CONNECT_FLOAT64, NULL, false},
        {"\"bytes\"", AVRO_BYTES, CONNECT_BYTES, NULL, false},
        {"\"string\"", AVRO_STRING, CONNECT_STRING, NULL, false},
        {"{\"type\":{\"type\":\"string\"}}", AVRO_STRING, CONNECT_STRING, NULL, false},
        {"[\"null\",\"long\"]", AVRO_UNION, CONNECT_INT64, NULL, true},
        {"[\"long\",\"null\"]", AVRO_UNION, CONNECT_INT64, NULL, true},
        {"[\"long\"]", AVRO_UNION, CONNECT_INT64, NULL, false},
        {"{\"type\":\"int\",\"logicalType\":\"date\"}", AVRO_INT, CONNECT_INT32, "org.apache.kafka.connect.data.Date",
         false},
        {"{\"type\":\"int\",\"logicalType\":\"time-millis\"}", AVRO_INT, CONNECT_INT32,
         "org.apache.kafka.connect.data.Time", false},
        {"{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}", AVRO_LONG, CONNECT_INT64,
         "org.apache.kafka.connect.data.Timestamp", false},
        {"{\"type\":\"long\",\"logicalType\":\"timestamp-micros\"}", AVRO_LONG, CONNECT_INT64,
         "io.debezium.time.MicroTimestamp", false},
        {"{\"type\":\"string\",\"logicalType\":\"date\"}", AVRO_STRING, CONNECT_STRING, NULL, false},
        {"{\"type\":\"long\",\"connect.version\":1,\"connect.name\":\"io.debezium.time.MicroTimestamp\"}", AVRO_LONG,
         CONNECT_INT64, "io.debezium.time.MicroTimestamp", false},
        {"{\"type\":\"enum\",\"name\":\"E\",\"symbols\":[\"A\"]}", AVRO_ENUM, CONNECT_STRING, "io.debezium.data.Enum",
         false},
        {"{\"type\":\"fixed\",\"name\":\"F\",\"size\":4}", AVRO_FIXED, CONNECT_BYTES, NULL, false},
        {"{\"type\":\"array\",\"items\":[\"null\",\"int\"]}", AVRO_ARRAY, CONNECT_ARRAY, NULL, false},
        {"{\"type\":\"map\",\"values\":\"int\"}", AVRO_MAP, CONNECT_MAP, NULL, false},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(compiled) struct compiled c;
        const struct connect_type *type = type_of(cases[i].schema, &c);
        if (!CHECK(type != NULL))
            continue;
        CHECK_INT(c.node->kind, cases[i].kind);
        CHECK_INT(type->kind, cases[i].connect);
        CHECK_INT(type->optional, cases[i].optional);
        CHECK((type->name == NULL) == (cases[i].name == NULL));
        if (type->name != NULL && cases[i].name != NULL)
            CHECK_TEXT(type->name, cases[i].name);
    }
}

static void test_numbers(void)
{
    SLUICE_AUTO(compiled) struct compiled with;
    const struct connect_type *type = type_of(
        "{\"type\":\"bytes\",\"scale\":2,\"precision\":64,\"connect.version\":1,\"connect.parameters\":{\"scale\":"
        "\"2\",\"__debezium.source.column.type\":\"MONEY\"},\"connect.name\":"
        "\"org.apache.kafka.connect.data.Decimal\",\"logicalType\":\"decimal\"}",
        &with);
    CHECK_INT(type->scale, 2);
    CHECK_INT(type->precision, CONNECT_UNTOLD); /* of money; 64 is the converter's guess */
    CHECK_TEXT(type->source_type, "MONEY");

    SLUICE_AUTO(compiled) struct compiled without;
    type = type_of("{\"type\":\"bytes\",\"scale\":3,\"precision\":12,\"logicalType\":\"decimal\"}", &without);
    CHECK_TEXT(type->name, "org.apache.kafka.connect.data.Decimal");
    CHECK_INT(type->scale, 3);
    CHECK_INT(type->precision, 12);

    SLUICE_AUTO(compiled) struct compiled bits;
    type = type_of("[\"null\",{\"type\":\"bytes\",\"connect.parameters\":{\"length\":\"5\",\"scale\":\"x\"},"
                   "\"connect.name\":\"io.debezium.data.Bits\"}]",
                   &bits);
    CHECK_INT(type->length, 5);
    CHECK_INT(type->scale, CONNECT_UNTOLD);
    CHECK(type->optional);
}

static const char envelope[] =
    "{\"type\":\"record\",\"name\":\"Envelope\",\"namespace\":\"shop.public.t\",\"fields\":["
    "{\"name\":\"before\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Value\",\"fields\":["
    "{\"name\":\"id\",\"type\":\"int\"},"
    "{\"name\":\"n\",\"type\":[{\"type\":\"int\",\"connect.default\":5,\"connect.type\":\"int16\"},\"null\"],"
    "\"default\":5},"
    "{\"name\":\"p\",\"type\":[\"null\",{\"type\":\"record\",\"name\":\"Point\",\"namespace\":\"io.debezium.data."
    "geometry\","
    "\"fields\":[{\"name\":\"x\",\"type\":\"double\"},{\"name\":\"y\",\"type\":\"double\"}],"
    "\"connect.name\":\"io.debezium.data.geometry.Point\"}],\"default\":null},"
    "{\"name\":\"q\",\"type\":[\"null\",\"io.debezium.data.geometry.Point\"],\"default\":null}],"
    "\"connect.name\":\"shop.public.t.Value\"}],\"default\":null},"
    "{\"name\":\"after\",\"type\":[\"null\",\"Value\"],\"default\":null},"
    "{\"name\":\"op\",\"type\":\"string\"}],\"connect.name\":\"shop.public.t.Envelope\"}";

static const struct avro_node *field_of(const struct avro_node *node, const char *name_z)
{
    for (size_t i = 0; i < node->n; i++) {
        if (strcmp(node->fields[i].name, name_z) == 0)
            return avro_without_null(node->fields[i].node);
    }
    return NULL;
}

static void test_named_types(void)
{
    SLUICE_AUTO(compiled) struct compiled c;
    compile(&c, envelope);
    if (!CHECK_INT(c.code, SLUICE_OK)) {
        (void)fprintf(stderr, "%s\n", c.err.text);
        return;
    }
    CHECK_TEXT(c.node->name, "shop.public.t.Envelope");
    const struct avro_node *before = field_of(c.node, "before");
    const struct avro_node *after = field_of(c.node, "after");
    CHECK_TEXT(after->name, "shop.public.t.Value");
    CHECK(before->fields == after->fields);
    CHECK(before->type == after->type); /* a reference has the very type of the definition */
    CHECK_INT(after->type->n_fields, 4);
    CHECK_TEXT(after->type->fields[2].type->name, "io.debezium.data.geometry.Point");
    CHECK(connect_type_equal(after->type->fields[2].type, after->type->fields[3].type));
    const struct connect_type *n = after->type->fields[1].type;
    CHECK_INT(n->kind, CONNECT_INT16);
    CHECK(n->optional && n->has_default);
    CHECK_TEXT(n->default_text, "5");
    CHECK(!after->type->fields[0].type->has_default);
    CHECK_INT(c.node->min_bytes, 3);
}

static void test_maps(void)
{
    SLUICE_AUTO(compiled) struct compiled entries;
    const struct connect_type *type =
        type_of("{\"type\":\"array\",\"items\":{\"type\":\"record\",\"name\":\"MapEntry\",\"namespace\":"
                "\"io.confluent.connect.avro\",\"fields\":[{\"name\":\"key\",\"type\":{\"type\":\"int\","
                "\"connect.type\":\"int16\"}},{\"name\":\"value\",\"type\":\"double\"}]}}",
                &entries);
    CHECK_INT(type->kind, CONNECT_MAP);
    CHECK_INT(type->keys->kind, CONNECT_INT16);
    CHECK_INT(type->items->kind, CONNECT_FLOAT64);
    CHECK(entries.node->is_entries);

    /* Named maps have a record of their own name; here its second use. */
    SLUICE_AUTO(compiled) struct compiled named;
    type = type_of(
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":{\"type\":\"array\",\"items\":{"
        "\"type\":\"record\",\"name\":\"my.Pairs\",\"connect.internal.type\":\"MapEntry\",\"fields\":[{\"name\":"
        "\"key\",\"type\":\"long\"},{\"name\":\"value\",\"type\":\"int\"}]}}},"
        "{\"name\":\"b\",\"type\":{\"type\":\"array\",\"items\":\"my.Pairs\"}}]}",
        &named);
    CHECK_INT(type->fields[1].type->kind, CONNECT_MAP);
    CHECK_INT(type->fields[1].type->keys->kind, CONNECT_INT64);

    SLUICE_AUTO(compiled) struct compiled map;
    type = type_of("{\"type\":\"map\",\"values\":[\"null\",\"string\"]}", &map);
    CHECK_INT(type->keys->kind, CONNECT_STRING);
    CHECK(type->items->optional);
}

static void test_without_connect_type(void)
{
    static const char *const schemas[] = {
        "\"null\"",
        "[\"null\"]",
        "[\"int\",\"string\"]",
        "[\"null\",\"int\",\"string\"]",
        "{\"type\":\"array\",\"items\":[\"int\",\"string\"]}",
        "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"int\",\"string\"]}]}",
        "[\"null\",{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"null\"}]}]",
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(schemas); i++) {
        SLUICE_AUTO(compiled) struct compiled c;
        compile(&c, schemas[i]);
        CHECK_INT(c.code, SLUICE_OK);
        CHECK(c.node->type == NULL);
    }
}

/* The default of a bytea column may hold a zero byte; Avro writes it as a character. */
static void test_default_bytes(void)
{
    static const struct {
        const char *written;
        const char *base64; /* NULL: these are no bytes */
    } cases[] = {{"\\u0000", "AA=="}, {"a\\u0080\\u00ff", "YYD/"}, {"", ""}, {"\\u0100", NULL}, {"\\u20ac", NULL}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        char text[200];
        SLUICE_AUTO(compiled) struct compiled c;
        (void)snprintf(text, sizeof text,
                       "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"b\",\"type\":[\"bytes\",\"null\"],"
                       "\"default\":\"%s\"}]}",
                       cases[i].written);
        compile(&c, text);
        CHECK_INT(c.code, SLUICE_OK);
        CHECK(c.node->type->fields[0].type->has_default);
        if (cases[i].base64 != NULL)
            CHECK_TEXT(c.node->type->fields[0].type->default_text, cases[i].base64);
        else
            CHECK(c.node->type->fields[0].type->default_text == NULL);
    }
}

static void test_references(void)
{
    const struct sluice_str texts[] = {
        sluice_str_from("{\"type\":\"record\",\"name\":\"a.A\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"}]}"),
        sluice_str_from("{\"type\":\"record\",\"name\":\"b.B\",\"fields\":[{\"name\":\"a\",\"type\":\"a.A\"}]}"),
    };
    SLUICE_AUTO(compiled) struct compiled c;
    compile_with(&c, "[\"null\",\"b.B\"]", texts, 2);
    CHECK_INT(c.code, SLUICE_OK);
    CHECK_INT(avro_without_null(c.node)->type->fields[0].type->fields[0].type->kind, CONNECT_INT32);
    SLUICE_AUTO(compiled) struct compiled wrong;
    compile_with(&wrong, "\"b.B\"", texts + 1, 1);
    CHECK_INT(wrong.code, SLUICE_E_SCHEMA);
    CHECK_CONTAINS(wrong.err.text, "\"a.A\"");
}

static void test_refused(void)
{
    static const struct {
        const char *schema;
        enum sluice_code code;
        const char *text;
    } cases[] = {
        {"", SLUICE_E_JSON, "no JSON"},
        {"{\"type\":\"int\",\"type\":\"int\"}", SLUICE_E_JSON, "no JSON"},
        {"7", SLUICE_E_SCHEMA, "neither a name"},
        {"{}", SLUICE_E_SCHEMA, "neither a name"},
        {"\"integer\"", SLUICE_E_SCHEMA, "\"integer\""},
        {"[]", SLUICE_E_SCHEMA, "union"},
        {"[[\"int\"]]", SLUICE_E_SCHEMA, "a union stands in a union"},
        {"{\"type\":\"record\",\"name\":\"r\"}", SLUICE_E_SCHEMA, "no list"},
        {"{\"type\":\"record\",\"name\":\"1r\",\"fields\":[]}", SLUICE_E_SCHEMA, "no name of a type"},
        {"{\"type\":\"record\",\"name\":\"a..r\",\"fields\":[]}", SLUICE_E_SCHEMA, "no name of a type"},
        {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a b\",\"type\":\"int\"}]}", SLUICE_E_SCHEMA,
         "no name of a field"},
        {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"int\"},{\"name\":\"a\",\"type\":"
         "\"int\"}]}",
         SLUICE_E_SCHEMA, "twice"},
        {"{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",\"r\"]}]}",
         SLUICE_E_SCHEMA, "contains itself"},
        {"[{\"type\":\"fixed\",\"name\":\"f\",\"size\":1},{\"type\":\"fixed\",\"name\":\"f\",\"size\":1}]",
         SLUICE_E_SCHEMA, "defines type \"f\" twice"},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":-1}", SLUICE_E_SCHEMA, "no size"},
        {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[]}", SLUICE_E_SCHEMA, "no list"},
        {"{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[1]}", SLUICE_E_SCHEMA, "no text"},
        {"{\"type\":\"array\",\"items\":\"null\"}", SLUICE_E_SCHEMA, "take no bytes"},
        {"{\"type\":\"array\",\"items\":{\"type\":\"fixed\",\"name\":\"f\",\"size\":0}}", SLUICE_E_SCHEMA,
         "take no bytes"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(compiled) struct compiled c;
        compile(&c, cases[i].schema);
        if (!CHECK_INT(c.code, cases[i].code))
            (void)fprintf(stderr, "    of %s\n", cases[i].schema);
        else
            CHECK_CONTAINS(c.err.text, cases[i].text);
    }
}

/* Levels of arrays around an int, and records that double each other: both are cheap to write and dear to read. */
static void test_bounds(void)
{
    char text[16384];
    size_t n = 0;
    for (size_t i = 0; i < AVRO_MAX_DEPTH; i++)
        n += (size_t)sprintf(text + n, "{\"type\":\"array\",\"items\":");
    n += (size_t)sprintf(text + n, "\"int\"");
    memset(text + n, '}', AVRO_MAX_DEPTH);
    text[n + AVRO_MAX_DEPTH] = '\0';
    SLUICE_AUTO(compiled) struct compiled deep;
    compile(&deep, text);
    CHECK_INT(deep.code, SLUICE_E_SCHEMA);
    CHECK_CONTAINS(deep.err.text, "levels deep");

    n = (size_t)sprintf(text, "[{\"type\":\"record\",\"name\":\"r0\",\"fields\":[]}");
    for (unsigned i = 1; i < 40; i++)
        n += (size_t)sprintf(text + n,
                             ",{\"type\":\"record\",\"name\":\"r%u\",\"fields\":[{\"name\":\"a\",\"type\":\"r%u\"},"
                             "{\"name\":\"b\",\"type\":\"r%u\"}]}",
                             i, i - 1, i - 1);
    (void)sprintf(text + n, "]");
    SLUICE_AUTO(compiled) struct compiled wide;
    compile(&wide, text);
    CHECK_INT(wide.code, SLUICE_E_SCHEMA);
    CHECK_CONTAINS(wide.err.text, "values in one record");

    SLUICE_AUTO(sluice_arena) struct sluice_arena small;
    struct sluice_error err;
    const struct avro_node *node = NULL;
    sluice_arena_init(&small, 64, "a schema");
    CHECK_INT(avro_schema_compile(sluice_str_from(envelope), NULL, 0, &small, &node, &err), SLUICE_E_LIMIT);
}

int main(void)
{
    test_primitives();
    test_numbers();
    test_named_types();
    test_maps();
    test_without_connect_type();
    test_default_bytes();
    test_references();
    test_refused();
    test_bounds();
    return check_result();
}
