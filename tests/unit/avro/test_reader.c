/* Avro's binary encoding: every kind of value, blocks of both forms, and what is no Avro. */
#include "avro/reader.h"

#include <stdlib.h>

#include "support/check.h"
#include "support/exact.h"

struct schema {
    struct sluice_arena arena;
    const struct avro_node *node;
};

static void schema_init(struct schema *schema, const char *text_z)
{
    struct sluice_error err;
    sluice_arena_init(&schema->arena, 1 << 20, "a schema");
    if (avro_schema_compile(sluice_str_from(text_z), NULL, 0, &schema->arena, &schema->node, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s: %s\n", text_z, err.text);
        abort();
    }
}

static void schema_deinit(struct schema *schema)
{
    sluice_arena_deinit(&schema->arena);
}
SLUICE_DEFINE_AUTO(schema, struct schema, schema_deinit)

/* In tables, and in expressions. */
#define ROW(literal)                                                                                                   \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }
#define BYTES(literal) ((struct sluice_str)ROW(literal))

static enum sluice_code read_all(const char *schema_z, struct sluice_str bytes, struct sluice_value *out,
                                 struct sluice_error *err)
{
    SLUICE_AUTO(schema) struct schema schema;
    schema_init(&schema, schema_z);
    struct avro_reader reader = avro_reader_of(bytes);
    enum sluice_code code = avro_read_value(&reader, schema.node, out, err);
    return code != SLUICE_OK ? code : avro_finish(&reader, err);
}

static void test_scalars(void)
{
    static const struct {
        const char *schema;
        struct sluice_str bytes;
        enum sluice_value_kind kind;
        int64_t integer;
        double real;
        const char *text;
    } cases[] = {
        {"\"null\"", ROW(""), SLUICE_VALUE_NULL, 0, 0, NULL},
        {"\"boolean\"", ROW("\x00"), SLUICE_VALUE_FALSE, 0, 0, NULL},
        {"\"boolean\"", ROW("\x01"), SLUICE_VALUE_TRUE, 0, 0, NULL},
        {"\"int\"", ROW("\x00"), SLUICE_VALUE_INTEGER, 0, 0, NULL},
        {"\"int\"", ROW("\x01"), SLUICE_VALUE_INTEGER, -1, 0, NULL},
        {"\"int\"", ROW("\x7f"), SLUICE_VALUE_INTEGER, -64, 0, NULL},
        {"\"int\"", ROW("\x80\x01"), SLUICE_VALUE_INTEGER, 64, 0, NULL},
        {"\"int\"", ROW("\xfe\xff\xff\xff\x0f"), SLUICE_VALUE_INTEGER, INT32_MAX, 0, NULL},
        {"\"int\"", ROW("\xff\xff\xff\xff\x0f"), SLUICE_VALUE_INTEGER, INT32_MIN, 0, NULL},
        {"\"long\"", ROW("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), SLUICE_VALUE_INTEGER, INT64_MAX, 0, NULL},
        {"\"long\"", ROW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), SLUICE_VALUE_INTEGER, INT64_MIN, 0, NULL},
        {"\"float\"", ROW("\x00\x00\xc0\x3f"), SLUICE_VALUE_FLOAT, 0, 1.5, NULL},
        {"\"double\"", ROW("\x00\x00\x00\x00\x00\x00\x02\xc0"), SLUICE_VALUE_DOUBLE, 0, -2.25, NULL},
        {"\"string\"",
         ROW("\x06"
             "abc"),
         SLUICE_VALUE_STRING, 0, 0, "abc"},
        {"\"bytes\"", ROW("\x04\xff\x01"), SLUICE_VALUE_BYTES, 0, 0, "\xff\x01"},
        {"\"string\"", ROW("\x00"), SLUICE_VALUE_STRING, 0, 0, ""},
        {"{\"type\":\"fixed\",\"name\":\"f\",\"size\":3}", ROW("xyz"), SLUICE_VALUE_BYTES, 0, 0, "xyz"},
        {"[\"null\",\"int\"]", ROW("\x00"), SLUICE_VALUE_NULL, 0, 0, NULL},
        {"[\"null\",\"int\"]", ROW("\x02\x06"), SLUICE_VALUE_INTEGER, 3, 0, NULL},
        {"[\"int\",\"null\"]", ROW("\x00\x06"), SLUICE_VALUE_INTEGER, 3, 0, NULL},
        {"[\"int\",\"null\"]", ROW("\x02"), SLUICE_VALUE_NULL, 0, 0, NULL},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_value value;
        struct sluice_error err;
        if (!CHECK_INT(read_all(cases[i].schema, cases[i].bytes, &value, &err), SLUICE_OK)) {
            (void)fprintf(stderr, "    case %zu: %s\n", i, err.text);
            continue;
        }
        CHECK_INT(value.kind, cases[i].kind);
        if (value.kind == SLUICE_VALUE_INTEGER)
            CHECK_INT(value.integer, cases[i].integer);
        if (value.kind == SLUICE_VALUE_FLOAT || value.kind == SLUICE_VALUE_DOUBLE)
            CHECK(value.real == cases[i].real);
        const char *text = cases[i].text != NULL ? cases[i].text : "";
        CHECK_BYTES(value.text.ptr, value.text.len, text, strlen(text));
    }
}

static void test_enum(void)
{
    SLUICE_AUTO(schema) struct schema schema;
    schema_init(&schema, "{\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\",\"BC\"]}");
    struct sluice_value value;
    struct sluice_error err;
    struct avro_reader reader = avro_reader_of(BYTES("\x02"));
    CHECK_INT(avro_read_value(&reader, schema.node, &value, &err), SLUICE_OK);
    CHECK_INT(value.kind, SLUICE_VALUE_STRING);
    CHECK(sluice_str_equal_z(value.text, "BC"));
    reader = avro_reader_of(BYTES("\x04"));
    CHECK_INT(avro_read_value(&reader, schema.node, &value, &err), SLUICE_E_AVRO);
}

/* Sums the numbers of an array that is followed by the string "x". */
static void check_array(struct sluice_str bytes, size_t n, int64_t sum)
{
    SLUICE_AUTO(schema) struct schema schema;
    schema_init(&schema, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":[\"null\",{\"type\":"
                         "\"array\",\"items\":[\"null\",\"int\"]}]},{\"name\":\"s\",\"type\":\"string\"}]}");
    struct sluice_value value;
    struct sluice_value item;
    struct sluice_error err;
    struct avro_walk walk;
    bool more = true;
    size_t n_seen = 0;
    struct avro_reader reader = avro_reader_of(bytes);
    CHECK_INT(avro_read_value(&reader, schema.node->fields[0].node, &value, &err), SLUICE_OK);
    CHECK_INT(value.kind, SLUICE_VALUE_AVRO);
    CHECK_INT(avro_node_of(&value)->kind, AVRO_ARRAY);
    avro_walk_init(&walk, &value);
    while (CHECK_INT(avro_walk_item(&walk, &more, &item, &err), SLUICE_OK) && more) {
        n_seen++;
        sum -= item.kind == SLUICE_VALUE_INTEGER ? item.integer : 1000;
    }
    CHECK_INT(n_seen, n);
    CHECK_INT(sum, 0);
    CHECK_INT(avro_walk_item(&walk, &more, &item, &err), SLUICE_OK); /* the end stays the end */
    CHECK(!more);
    CHECK_INT(avro_read_value(&reader, schema.node->fields[1].node, &value, &err), SLUICE_OK);
    CHECK(sluice_str_equal_z(value.text, "x"));
    CHECK_INT(avro_finish(&reader, &err), SLUICE_OK);
}

static void test_arrays(void)
{
    check_array(BYTES("\x02\x00\x02x"), 0, 0);
    check_array(BYTES("\x02\x04\x02\x02\x02\x04\x00\x02x"), 2, 3);                        /* one block */
    check_array(BYTES("\x02\x02\x02\x02\x04\x00\x02\x06\x00\x02x"), 3, 1004);             /* two, with a null */
    check_array(BYTES("\x02\x03\x08\x02\x02\x02\x04\x00\x02x"), 2, 3);                    /* -2, 4 bytes */
    check_array(BYTES("\x02\x01\x04\x02\x02\x02\x02\x04\x01\x02\x00\x00\x02x"), 3, 1003); /* both forms */
}

static void test_maps(void)
{
    SLUICE_AUTO(schema) struct schema schema;
    schema_init(&schema, "[{\"type\":\"map\",\"values\":[\"null\",\"string\"]},{\"type\":\"array\",\"items\":{\"type\":"
                         "\"record\",\"name\":\"MapEntry\",\"fields\":[{\"name\":\"key\",\"type\":\"int\"},{\"name\":"
                         "\"value\",\"type\":\"string\"}]}}]");
    static const struct sluice_str maps[] = {ROW("\x00\x04\x02"
                                                 "a\x02\x02"
                                                 "1\x02"
                                                 "b\x00\x00"),
                                             ROW("\x02\x04\x02\x02"
                                                 "1\x04\x02"
                                                 "2\x00")};
    for (size_t i = 0; i < 2; i++) {
        struct sluice_value value;
        struct sluice_value key;
        struct sluice_value item;
        struct sluice_error err;
        struct avro_walk walk;
        bool more = false;
        struct avro_reader reader = avro_reader_of(maps[i]);
        CHECK_INT(avro_read_value(&reader, schema.node, &value, &err), SLUICE_OK);
        CHECK_INT(avro_finish(&reader, &err), SLUICE_OK);
        avro_walk_init(&walk, &value);
        CHECK_INT(avro_walk_entry(&walk, &more, &key, &item, &err), SLUICE_OK);
        CHECK(more && sluice_str_equal_z(item.text, "1"));
        CHECK(i == 0 ? sluice_str_equal_z(key.text, "a") : key.kind == SLUICE_VALUE_INTEGER && key.integer == 1);
        CHECK_INT(avro_walk_entry(&walk, &more, &key, &item, &err), SLUICE_OK);
        CHECK(more && item.kind == (i == 0 ? SLUICE_VALUE_NULL : SLUICE_VALUE_STRING));
        CHECK_INT(avro_walk_entry(&walk, &more, &key, &item, &err), SLUICE_OK);
        CHECK(!more);
    }
}

static void test_records(void)
{
    SLUICE_AUTO(schema) struct schema schema;
    schema_init(&schema, "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"x\",\"type\":\"int\"},{\"name\":"
                         "\"in\",\"type\":{\"type\":\"record\",\"name\":\"s\",\"fields\":[{\"name\":\"y\",\"type\":"
                         "\"string\"}]}}]}");
    struct sluice_value value;
    struct sluice_error err;
    struct avro_walk walk;
    const struct avro_field *field = NULL;
    bool more = false;
    struct avro_reader reader = avro_reader_of(BYTES("\x0e\x02z"));
    CHECK_INT(avro_read_value(&reader, schema.node, &value, &err), SLUICE_OK);
    avro_walk_init(&walk, &value);
    CHECK_INT(avro_walk_field(&walk, &more, &field, &value, &err), SLUICE_OK);
    CHECK(more && value.integer == 7);
    CHECK_TEXT(field->name, "x");
    CHECK_INT(avro_walk_field(&walk, &more, &field, &value, &err), SLUICE_OK);
    CHECK(more && value.kind == SLUICE_VALUE_AVRO && avro_node_of(&value)->kind == AVRO_RECORD);
    struct avro_walk inner;
    avro_walk_init(&inner, &value);
    CHECK_INT(avro_walk_field(&inner, &more, &field, &value, &err), SLUICE_OK);
    CHECK(sluice_str_equal_z(value.text, "z"));
    CHECK_INT(avro_walk_field(&walk, &more, &field, &value, &err), SLUICE_OK);
    CHECK(!more);
}

static void test_refused(void)
{
    static const char array[] = "{\"type\":\"array\",\"items\":\"int\"}";
    static const char map[] = "{\"type\":\"map\",\"values\":\"null\"}";
    static const struct {
        const char *schema;
        struct sluice_str bytes;
        const char *text;
    } cases[] = {
        {"\"boolean\"", ROW("\x02"), "for a boolean"},
        {"\"int\"", ROW("\x80\x80\x80\x80\x10"), "32 bits"},
        {"\"long\"", ROW("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x02"), "too many bytes"},
        {"\"long\"", ROW("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), "too many bytes"},
        {"\"string\"", ROW("\x01"), "negative length"},
        {"\"string\"", ROW("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "ends in the middle"},
        {"[\"null\",\"int\"]", ROW("\x04"), "branch 2 of 2"},
        {"[\"null\",\"int\"]", ROW("\x01"), "branch -1"},
        {"\"int\"", ROW("\x02\x02"), "1 bytes are left"},
        {array, ROW("\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00"), "more elements"},
        {array, ROW("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x02\x00"), "more elements"},
        {array, ROW("\x01\x03\x02\x00"), "impossible size"},
        {array, ROW("\x01\x40\x02\x00"), "impossible size"},
        {array, ROW("\x03\x02\x02\x02\x00"), "another size"},
        {map,
         ROW("\x06\x02"
             "a\x00"),
         "ends in the middle"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_value value;
        struct sluice_error err;
        if (!CHECK_INT(read_all(cases[i].schema, cases[i].bytes, &value, &err), SLUICE_E_AVRO))
            (void)fprintf(stderr, "    case %zu\n", i);
        else
            CHECK_CONTAINS(err.text, cases[i].text);
    }
}

/* A record of every kind, cut at every byte: an error each time, and not one byte too far is read. */
static void test_truncation(void)
{
    SLUICE_AUTO(schema) struct schema schema;
    schema_init(&schema,
                "{\"type\":\"record\",\"name\":\"r\",\"fields\":[{\"name\":\"a\",\"type\":\"boolean\"},{\"name\":\"b\","
                "\"type\":\"long\"},{\"name\":\"c\",\"type\":\"float\"},{\"name\":\"d\",\"type\":\"double\"},{\"name\":"
                "\"e\",\"type\":\"string\"},{\"name\":\"f\",\"type\":{\"type\":\"fixed\",\"name\":\"f\",\"size\":2}},{"
                "\"name\":\"g\",\"type\":[\"null\",\"bytes\"]},{\"name\":\"h\",\"type\":{\"type\":\"array\",\"items\":"
                "\"int\"}},{\"name\":\"i\",\"type\":{\"type\":\"map\",\"values\":\"int\"}},{\"name\":\"j\",\"type\":{"
                "\"type\":\"enum\",\"name\":\"e\",\"symbols\":[\"A\"]}}]}");
    static const char whole[] = "\x01\x80\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04xyzz\x02\x02"
                                "b\x03\x04\x02\x04\x00\x02\x02k\x02\x00\x00";
    struct sluice_value value;
    struct sluice_error err;
    for (size_t n = 0; n < sizeof whole; n++) {
        struct sluice_str exact = exact_copy((struct sluice_str){whole, n});
        struct avro_reader reader = avro_reader_of(exact);
        enum sluice_code code = avro_read_value(&reader, schema.node, &value, &err);
        CHECK_INT(code, n == sizeof whole - 1 ? SLUICE_OK : SLUICE_E_AVRO);
        exact_free(exact);
    }
}

int main(void)
{
    test_scalars();
    test_enum();
    test_arrays();
    test_maps();
    test_records();
    test_refused();
    test_truncation();
    return check_result();
}
