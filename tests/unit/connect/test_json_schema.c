/* JSON Schemas of Confluent's converter: types, order of fields, optional values, references, and what is refused. */
#include "connect/json_schema.h"

#include <stdlib.h>

#include "support/check.h"

struct read {
    struct sluice_arena arena;
    const struct connect_type *type;
    struct sluice_error err;
    enum sluice_code code;
};

static void read_deinit(struct read *r)
{
    sluice_arena_deinit(&r->arena);
}
SLUICE_DEFINE_AUTO(read, struct read, read_deinit)

static void read_schema(struct read *r, const char *text_z, const struct connect_named_schema *named, size_t n)
{
    *r = (struct read){.type = NULL};
    sluice_arena_init(&r->arena, 64 << 20, "a schema");
    r->code = connect_json_schema_read(sluice_str_from(text_z), named, n, &r->arena, &r->type, &r->err);
}

static void test_scalars(void)
{
    static const struct {
        const char *schema;
        enum connect_kind kind;
        bool optional;
        const char *name;
    } cases[] = {
        {"{\"type\":\"boolean\"}", CONNECT_BOOLEAN, false, NULL},
        {"{\"type\":\"integer\",\"connect.type\":\"int8\"}", CONNECT_INT8, false, NULL},
        {"{\"type\":\"integer\",\"connect.type\":\"int16\"}", CONNECT_INT16, false, NULL},
        {"{\"type\":\"integer\",\"connect.type\":\"int32\",\"title\":\"io.debezium.time.Date\",\"connect.version\":1}",
         CONNECT_INT32, false, "io.debezium.time.Date"},
        {"{\"type\":\"integer\",\"connect.type\":\"int64\"}", CONNECT_INT64, false, NULL},
        {"{\"type\":\"integer\"}", CONNECT_INT64, false, NULL},
        {"{\"type\":\"number\",\"connect.type\":\"float32\"}", CONNECT_FLOAT32, false, NULL},
        {"{\"type\":\"number\"}", CONNECT_FLOAT64, false, NULL},
        {"{\"type\":\"string\"}", CONNECT_STRING, false, NULL},
        {"{\"enum\":[\"a\",\"b\"]}", CONNECT_STRING, false, NULL},
        {"{\"type\":\"string\",\"connect.type\":\"bytes\"}", CONNECT_BYTES, false, NULL},
        {"{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"string\"}]}", CONNECT_STRING, true, NULL},
        {"{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]}", CONNECT_STRING, true, NULL},
        {"{\"type\":[\"null\",\"integer\"]}", CONNECT_INT64, true, NULL},
        {"{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", CONNECT_ARRAY, false, NULL},
        {"{\"type\":\"object\",\"properties\":{}}", CONNECT_STRUCT, false, NULL},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(read) struct read r;
        read_schema(&r, cases[i].schema, NULL, 0);
        if (!CHECK_INT(r.code, SLUICE_OK)) {
            (void)fprintf(stderr, "    %s: %s\n", cases[i].schema, r.err.text);
            continue;
        }
        CHECK_INT(r.type->kind, cases[i].kind);
        CHECK_INT(r.type->optional, cases[i].optional);
        CHECK((r.type->name == NULL) == (cases[i].name == NULL));
        if (r.type->name != NULL && cases[i].name != NULL)
            CHECK_TEXT(r.type->name, cases[i].name);
    }
}

static void test_decimal(void)
{
    SLUICE_AUTO(read) struct read r;
    read_schema(
        &r,
        "{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"number\",\"title\":\"org.apache.kafka.connect.data.Decimal\","
        "\"connect.version\":1,\"connect.type\":\"bytes\",\"connect.parameters\":{\"scale\":\"2\","
        "\"connect.decimal.precision\":\"10\",\"__debezium.source.column.type\":\"NUMERIC\"}}]}",
        NULL, 0);
    CHECK_INT(r.code, SLUICE_OK);
    CHECK_INT(r.type->kind, CONNECT_BYTES);
    CHECK(r.type->optional);
    CHECK_INT(r.type->scale, 2);
    CHECK_INT(r.type->precision, 10);
    CHECK_INT(r.type->length, CONNECT_UNTOLD);
    CHECK_TEXT(r.type->source_type, "NUMERIC");
}

static void test_fields(void)
{
    SLUICE_AUTO(read) struct read r;
    read_schema(
        &r,
        "{\"type\":\"object\",\"properties\":{\"b\":{\"type\":\"string\",\"connect.index\":1,\"default\":\"x\"},"
        "\"a\":{\"connect.index\":0,\"oneOf\":[{\"type\":\"null\"},{\"type\":\"integer\"}]},"
        "\"c d\":{\"type\":\"boolean\",\"connect.index\":2}}}",
        NULL, 0);
    CHECK_INT(r.code, SLUICE_OK);
    if (!CHECK_INT(r.type->n_fields, 3))
        return;
    CHECK_TEXT(r.type->fields[0].name, "a");
    CHECK(r.type->fields[0].type->optional && !r.type->fields[0].type->has_default);
    CHECK_TEXT(r.type->fields[1].name, "b");
    CHECK(r.type->fields[1].type->has_default);
    CHECK_TEXT(r.type->fields[1].type->default_text, "x");
    CHECK(!r.type->fields[1].type->default_is_number);
    CHECK_TEXT(r.type->fields[2].name, "c d");
}

/* Numbers of any length, as they are written. */
static void test_numbers(void)
{
    SLUICE_AUTO(read) struct read r;
    read_schema(&r,
                "{\"type\":\"object\",\"properties\":{\"default\":{\"type\":\"number\", \"default\" : "
                "123456789012345678901234567890.10 },"
                "\"s\":{\"type\":\"string\",\"default\":\"\\\"default\\\":1\"},"
                "\"o\":{\"oneOf\":[{\"type\":\"null\"},{\"type\":\"integer\"}],\"default\":-5}}}",
                NULL, 0);
    CHECK_INT(r.code, SLUICE_OK);
    if (!CHECK_INT(r.type->n_fields, 3))
        return;
    CHECK_TEXT(r.type->fields[0].type->default_text, "123456789012345678901234567890.10");
    CHECK(r.type->fields[0].type->default_is_number);
    CHECK_TEXT(r.type->fields[1].type->default_text, "\"default\":1");
    CHECK(!r.type->fields[1].type->default_is_number);
    CHECK_TEXT(r.type->fields[2].type->default_text, "-5");
}

static void test_maps(void)
{
    SLUICE_AUTO(read) struct read object;
    read_schema(
        &object,
        "{\"type\":\"object\",\"connect.type\":\"map\",\"additionalProperties\":{\"oneOf\":[{\"type\":\"null\"},{"
        "\"type\":\"string\"}]}}",
        NULL, 0);
    CHECK_INT(object.type->kind, CONNECT_MAP);
    CHECK_INT(object.type->keys->kind, CONNECT_STRING);
    CHECK(object.type->items->optional);
    SLUICE_AUTO(read) struct read entries;
    read_schema(&entries,
                "{\"type\":\"array\",\"connect.type\":\"map\",\"items\":{\"type\":\"object\",\"properties\":{\"key\":{"
                "\"type\":\"integer\",\"connect.type\":\"int16\",\"connect.index\":0},\"value\":{\"type\":\"number\","
                "\"connect.type\":\"float64\",\"connect.index\":1}}}}",
                NULL, 0);
    CHECK_INT(entries.type->kind, CONNECT_MAP);
    CHECK_INT(entries.type->keys->kind, CONNECT_INT16);
    CHECK_INT(entries.type->items->kind, CONNECT_FLOAT64);
}

static void test_references(void)
{
    const struct connect_named_schema named[] = {
        {"point.json", sluice_str_from("{\"type\":\"object\",\"properties\":{\"x\":{\"$ref\":\"#/$defs/num\"}},"
                                       "\"$defs\":{\"num\":{\"type\":\"number\"}}}")}};
    SLUICE_AUTO(read) struct read r;
    read_schema(&r,
                "{\"type\":\"object\",\"properties\":{\"p\":{\"$ref\":\"point.json\"},\"q\":{\"$ref\":"
                "\"#/definitions/Name\"}},\"definitions\":{\"Name\":{\"type\":\"string\"}}}",
                named, 1);
    CHECK_INT(r.code, SLUICE_OK);
    CHECK_INT(r.type->fields[0].type->fields[0].type->kind, CONNECT_FLOAT64);
    CHECK_INT(r.type->fields[1].type->kind, CONNECT_STRING);
}

static void test_refused(void)
{
    static const struct {
        const char *schema;
        enum sluice_code code;
        const char *text;
    } cases[] = {
        {"{", SLUICE_E_JSON, "no JSON"},
        {"{}", SLUICE_E_SCHEMA, "no type of Kafka Connect"},
        {"{\"type\":\"null\"}", SLUICE_E_SCHEMA, "no type of Kafka Connect"},
        {"{\"type\":\"integer\",\"connect.type\":\"int7\"}", SLUICE_E_SCHEMA, "int7"},
        {"{\"type\":[\"string\",\"integer\"]}", SLUICE_E_SCHEMA, "no type of Kafka Connect"},
        {"{\"oneOf\":[{\"type\":\"string\"},{\"type\":\"integer\"}]}", SLUICE_E_SCHEMA, "several types"},
        {"{\"type\":\"array\"}", SLUICE_E_SCHEMA, "no type of Kafka Connect"},
        {"{\"$ref\":\"#/definitions/X\"}", SLUICE_E_SCHEMA, "#/definitions/X"},
        {"{\"$ref\":\"x.json\"}", SLUICE_E_SCHEMA, "x.json"},
        {"{\"$ref\":\"#\"}", SLUICE_E_SCHEMA, "does it refer to itself"},
        {"{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\"},\"b\":{\"$ref\":\"#\"}}}", SLUICE_E_SCHEMA,
         "does it refer to itself"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(read) struct read r;
        read_schema(&r, cases[i].schema, NULL, 0);
        if (!CHECK_INT(r.code, cases[i].code))
            (void)fprintf(stderr, "    %s\n", cases[i].schema);
        else
            CHECK_CONTAINS(r.err.text, cases[i].text);
    }
}

int main(void)
{
    test_scalars();
    test_decimal();
    test_fields();
    test_numbers();
    test_maps();
    test_references();
    test_refused();
    return check_result();
}
