/* What stands for a value: known answers, the same for every spelling of the value, and what is refused.
 *
 * The answers for hmac and tokenize were computed with Python's hmac and base64 modules.
 */
#include "table/transform.h"

#include "table/row.h"
#include "table_support.h"

static const struct sluice_table_settings table = {.transforms_key = "0123456789abcdef-key", .transforms_key_id = "k1"};

struct transformed {
    struct sluice_arena arena;
    struct convert convert;
    unsigned char bytes[4096];
    const unsigned char *end; /* NULL: refused */
    struct sluice_error err;
};

static enum sluice_code choose(struct transformed *t, enum sluice_transform kind,
                               const struct sluice_source_column *column, const char *type_text)
{
    const struct sluice_column_settings settings = {.name = column->name, .transform = kind};
    const struct sluice_type *type = NULL;
    *t = (struct transformed){0};
    sluice_arena_init(&t->arena, 1 << 20, "a test");
    if (!CHECK_INT(sluice_type_parse(&t->arena, sluice_str_from(type_text), &type, &t->err), SLUICE_OK) ||
        !CHECK(type != NULL))
        exit(1);
    return transform_choose(&t->arena, &table, &settings, column, type, type_text, &t->convert, &t->err);
}

static void put(struct transformed *t, enum sluice_transform kind, enum sluice_source_type source, const char *json,
                const char *type_text)
{
    const struct sluice_source_column column = {.name = "c", .type = source};
    const struct sluice_value value = json_of(json);
    if (!CHECK_INT(choose(t, kind, &column, type_text), SLUICE_OK)) {
        (void)fprintf(stderr, "    %s\n", t->err.text);
        exit(1);
    }
    t->end = t->convert.fn(&t->convert, &value, t->bytes, &t->err);
    CHECK(t->end == NULL || (size_t)(t->end - t->bytes) <= convert_room(&t->convert, &value));
}

/* Of a String column whose length takes one byte. */
static void expect_text(enum sluice_transform kind, enum sluice_source_type source, const char *json, const char *want)
{
    struct transformed t;
    char got[300] = "refused";
    put(&t, kind, source, json, "String");
    if (CHECK(t.end != NULL) && CHECK_INT(t.bytes[0], t.end - t.bytes - 1))
        (void)snprintf(got, sizeof got, "%.*s", (int)t.bytes[0], (const char *)t.bytes + 1);
    CHECK_TEXT(got, want);
    sluice_arena_deinit(&t.arena);
}

static void test_known_answers(void)
{
    static const char *const cases[][4] = {
        {"\"anna@example.com\"", "f7d54c22dda5b1780276601cd005909b70543fc4a6ba72d735b4cb9bbb611f01",
         "k1:15bcb8717c6f8ecb76752e03bbc80702a60a6650efc350d81f3d26c194ed1e71",
         "cx7ith7quyzozehik6wv5dwy2e@example.com"},
        {"\"+49 30 123456\"", "1be9c27dc12c09d4f61557c07f3214f15b88a7315c6fcb356b7dc18e6c9670f0",
         "k1:eb2548266d560e72ff6eca0ebc451213b0823d68805eaf8d05c863d9cb01fed3", "tkfhfyae32kc6tbmdv3cbhscje"},
        {"\"\"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
         "k1:942eddd2266f86edc87930cc7bf27dcad3ac45fbdc02f0c334f04e47cde34b46", "7eq6s5k5eqvc6piw4zvay4rpse"},
        {"\"\xc3\xa9\\\"\\n\"", "2dab93ffc7657d94250d32f70ebdb043125ed339682329b0a5a933fd2ca87559",
         "k1:182c2ee39340d780e3f9a5aae9b8f35a1aa551320911b4b4308dbd269d10dc46", "7vvvnbeafml7wso6szh7xjl4fe"},
        {"\"\\u00e9\\u0022\\u000a\"", "2dab93ffc7657d94250d32f70ebdb043125ed339682329b0a5a933fd2ca87559",
         "k1:182c2ee39340d780e3f9a5aae9b8f35a1aa551320911b4b4308dbd269d10dc46", "7vvvnbeafml7wso6szh7xjl4fe"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        expect_text(SLUICE_TRANSFORM_HASH, SLUICE_SOURCE_STRING, cases[i][0], cases[i][1]);
        expect_text(SLUICE_TRANSFORM_HMAC, SLUICE_SOURCE_STRING, cases[i][0], cases[i][2]);
        expect_text(SLUICE_TRANSFORM_TOKENIZE, SLUICE_SOURCE_STRING, cases[i][0], cases[i][3]);
        expect_text(SLUICE_TRANSFORM_TOKENIZE, SLUICE_SOURCE_UNTYPED, cases[i][0], cases[i][3]);
    }
    /* base64 of "anna@example.com" */
    expect_text(SLUICE_TRANSFORM_HASH, SLUICE_SOURCE_BYTES, "\"YW5uYUBleGFtcGxlLmNvbQ==\"", cases[0][1]);
}

/* Whether the text behind the last @ is shown. */
static void test_domains(void)
{
    static const char *const shown[] = {"a@b.de",       "a b@x.example.com",  "\\\"a@b\\\"@c.org",
                                        "a@1.xn--p1ai", "a@b.m\xc3\xbcnchen", "a@x-y.co"};
    static const char *const hidden[] = {"secret@localhost", "a@b.de.",  "a@.de", "@b.de", "a@b..de",  "a@b.d",
                                         "a@b.de x",         "a@123.45", "a@",    "a",     "a@b_c.de", "a@b.de>",
                                         "a@[1.2.3.4]"};
    struct transformed t;
    char json[400];
    for (size_t i = 0; i < sizeof shown / sizeof shown[0]; i++) {
        (void)snprintf(json, sizeof json, "\"%s\"", shown[i]);
        put(&t, SLUICE_TRANSFORM_TOKENIZE, SLUICE_SOURCE_STRING, json, "String");
        CHECK_INT(t.bytes[0], 26 + strlen(strrchr(shown[i], '@')));
        CHECK_INT(memcmp(t.bytes + 27, strrchr(shown[i], '@'), strlen(strrchr(shown[i], '@'))), 0);
        sluice_arena_deinit(&t.arena);
    }
    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        (void)snprintf(json, sizeof json, "\"%s\"", hidden[i]);
        put(&t, SLUICE_TRANSFORM_TOKENIZE, SLUICE_SOURCE_STRING, json, "String");
        CHECK_INT(t.bytes[0], 26);
        sluice_arena_deinit(&t.arena);
    }
    /* 255 bytes are a domain, 256 are not. */
    for (size_t n = 255; n <= 256; n++) {
        memset(json, 'x', sizeof json);
        memcpy(json, "\"a@", 3);
        memcpy(json + 3 + n - 3, ".de\"", 5);
        put(&t, SLUICE_TRANSFORM_TOKENIZE, SLUICE_SOURCE_STRING, json, "String");
        CHECK_INT(t.end - t.bytes, n == 255 ? 2 + 26 + 1 + 255 : 1 + 26);
        sluice_arena_deinit(&t.arena);
    }
}

static void expect_bytes(enum sluice_transform kind, enum sluice_source_type source, const char *json,
                         const char *type_text, const void *want, size_t n_want)
{
    struct transformed t;
    put(&t, kind, source, json, type_text);
    if (CHECK(t.end != NULL))
        CHECK_BYTES(t.bytes, (size_t)(t.end - t.bytes), want, n_want);
    sluice_arena_deinit(&t.arena);
}

static void test_mask(void)
{
    const enum sluice_transform mask = SLUICE_TRANSFORM_MASK;
    expect_bytes(mask, SLUICE_SOURCE_STRING, "\"secret\"", "String", "\4****", 5);
    expect_bytes(mask, SLUICE_SOURCE_STRING, "\"s\"", "Nullable(String)", "\4****", 5);
    expect_bytes(mask, SLUICE_SOURCE_STRING, "\"s\"", "FixedString(6)", "****\0\0", 6);
    expect_bytes(mask, SLUICE_SOURCE_STRING, "\"s\"", "FixedString(3)", "\0\0\0", 3);
    expect_bytes(mask, SLUICE_SOURCE_INT32, "77", "Nullable(Int32)", "\0\0\0\0", 4);
    expect_bytes(mask, SLUICE_SOURCE_INT32, "77", "Int64", "\0\0\0\0\0\0\0\0", 8);
    expect_bytes(mask, SLUICE_SOURCE_ENUM, "\"x\"", "Enum8('a' = -3, 'x' = 4)", "\xfd", 1);
}

static void test_fixed_string(void)
{
    static const char want[] = "f7d54c22dda5b1780276601cd005909b70543fc4a6ba72d735b4cb9bbb611f01";
    expect_bytes(SLUICE_TRANSFORM_HASH, SLUICE_SOURCE_STRING, "\"anna@example.com\"", "FixedString(64)", want, 64);
    expect_bytes(SLUICE_TRANSFORM_HASH, SLUICE_SOURCE_STRING, "\"anna@example.com\"", "FixedString(65)", want, 65);
    struct transformed t;
    put(&t, SLUICE_TRANSFORM_TOKENIZE, SLUICE_SOURCE_STRING, "\"anna@example.com\"", "FixedString(30)");
    CHECK(t.end == NULL);
    CHECK_INT(t.err.code, SLUICE_E_VALUE);
    CHECK_CONTAINS(t.err.text, "the transformed text is too long; make the column String");
    sluice_arena_deinit(&t.arena);
}

static void expect_refusal(enum sluice_transform kind, const struct sluice_source_column *column, const char *type,
                           const char *want)
{
    struct transformed t;
    CHECK_INT(choose(&t, kind, column, type), SLUICE_E_TYPE);
    CHECK_INT(t.err.action, SLUICE_STOP_PARTITION);
    CHECK_TEXT(t.err.text, want);
    sluice_arena_deinit(&t.arena);
}

static void test_refusals(void)
{
    const struct sluice_source_column text = {.name = "c", .type = SLUICE_SOURCE_STRING};
    const struct sluice_source_column key = {.name = "c", .type = SLUICE_SOURCE_STRING, .is_key = true};
    const struct sluice_source_column boolean = {.name = "c", .type = SLUICE_SOURCE_BOOLEAN};
    expect_refusal(SLUICE_TRANSFORM_HASH, &text, "Int32",
                   "column \"c\" with the transform hash: it gives texts, which the target column does not hold; make "
                   "the column String");
    expect_refusal(SLUICE_TRANSFORM_HASH, &text, "FixedString(63)",
                   "column \"c\" with the transform hash: its texts are longer than the target column; make the column "
                   "String");
    expect_refusal(SLUICE_TRANSFORM_HMAC, &text, "FixedString(66)",
                   "column \"c\" with the transform hmac: its texts are longer than the target column; make the column "
                   "String");
    expect_refusal(SLUICE_TRANSFORM_TOKENIZE, &text, "FixedString(25)",
                   "column \"c\" with the transform tokenize: its texts are longer than the target column; make the "
                   "column String");
    expect_refusal(
        SLUICE_TRANSFORM_MASK, &key, "String",
        "column \"c\" with the transform mask: it would make rows of different keys the same; use hash, hmac "
        "or tokenize for a column of the source's key");
    expect_refusal(SLUICE_TRANSFORM_HASH, &boolean, "String",
                   "column \"c\" with the transform hash: values of its type have no text; cast the column at the "
                   "source, or use mask or drop");
}

/* A value that is no text where one is due is refused, and not by showing it. */
static void test_wrong_value(void)
{
    struct transformed t;
    put(&t, SLUICE_TRANSFORM_HASH, SLUICE_SOURCE_STRING, "[4711]", "String");
    CHECK(t.end == NULL);
    CHECK_INT(t.err.action, SLUICE_REJECT);
    CHECK(strstr(t.err.text, "4711") == NULL);
    sluice_arena_deinit(&t.arena);
}

static struct sluice_value integer_of(int64_t number)
{
    return (struct sluice_value){.kind = SLUICE_VALUE_INTEGER, .integer = number};
}

static struct sluice_value bytes_of(const char *text_z)
{
    return (struct sluice_value){.kind = SLUICE_VALUE_BYTES, .text = sluice_str_from(text_z)};
}

/* The same value as JSON, and as Avro, and the text that both stand for. */
static void test_encodings(void)
{
    const struct {
        struct sluice_source_column column;
        const char *json;
        struct sluice_value avro;
        const char *text;
    } cases[] = {
        {{.type = SLUICE_SOURCE_INT16}, "-12", integer_of(-12), "-12"},
        {{.type = SLUICE_SOURCE_INT32}, "0", integer_of(0), "0"},
        {{.type = SLUICE_SOURCE_INT64}, "9223372036854775807", integer_of(INT64_MAX), "9223372036854775807"},
        {{.type = SLUICE_SOURCE_DECIMAL, .scale = 2, .precision = 10}, "\"ZA==\"", bytes_of("\x64"), "1"},
        {{.type = SLUICE_SOURCE_DECIMAL, .scale = 0, .precision = 10}, "\"AQ==\"", bytes_of("\x01"), "1"},
        {{.type = SLUICE_SOURCE_DECIMAL, .scale = 0, .precision = 10}, "\"ZA==\"", bytes_of("\x64"), "100"},
        {{.type = SLUICE_SOURCE_DECIMAL, .scale = 4, .precision = 10}, "\"/5w=\"", bytes_of("\xff\x9c"), "-0.01"},
        {{.type = SLUICE_SOURCE_BYTES}, "\"YW5uYQ==\"", bytes_of("anna"), "anna"},
        {{.type = SLUICE_SOURCE_STRING},
         "\"an\\u006ea@b.de\"",
         {.kind = SLUICE_VALUE_STRING, .text = SLUICE_STR_LITERAL("anna@b.de")},
         "anna@b.de"},
    };
    const enum sluice_transform kinds[] = {SLUICE_TRANSFORM_HASH, SLUICE_TRANSFORM_HMAC, SLUICE_TRANSFORM_TOKENIZE};
    for (size_t i = 0; i < 3 * (sizeof cases / sizeof cases[0]); i++) {
        struct sluice_source_column column = cases[i / 3].column;
        const struct sluice_source_column text = {.name = "c", .type = SLUICE_SOURCE_STRING};
        const struct sluice_value values[] = {
            json_of(cases[i / 3].json),
            cases[i / 3].avro,
            {.kind = SLUICE_VALUE_STRING, .text = sluice_str_from(cases[i / 3].text)},
        };
        struct transformed t[3];
        column.name = "c";
        for (size_t j = 0; j < 3; j++) {
            CHECK_INT(choose(&t[j], kinds[i % 3], j < 2 ? &column : &text, "String"), SLUICE_OK);
            t[j].end = t[j].convert.fn(&t[j].convert, &values[j], t[j].bytes, &t[j].err);
            if (!CHECK(t[j].end != NULL))
                exit(1);
            CHECK((size_t)(t[j].end - t[j].bytes) <= convert_room(&t[j].convert, &values[j]));
        }
        for (size_t j = 0; j < 2; j++)
            if (!CHECK_BYTES(t[j].bytes, (size_t)(t[j].end - t[j].bytes), t[2].bytes, (size_t)(t[2].end - t[2].bytes)))
                (void)fprintf(stderr, "    %s as %s\n", cases[i / 3].text, j == 0 ? "JSON" : "Avro");
        for (size_t j = 0; j < 3; j++)
            sluice_arena_deinit(&t[j].arena);
    }
}

/* However JSON spells a text, the result is that of the text itself. */
static void test_spellings(uint64_t seed)
{
    static const enum sluice_transform kinds[] = {SLUICE_TRANSFORM_HASH, SLUICE_TRANSFORM_HMAC,
                                                  SLUICE_TRANSFORM_TOKENIZE};
    for (int i = 0; i < 500; i++) {
        char plain[80] = "\"";
        char escaped[400] = "\"";
        size_t n_plain = 1;
        size_t n_escaped = 1;
        size_t n = random_next(&seed) % 40;
        for (size_t j = 0; j < n; j++) {
            char c = "abcxyz09 @.+-_"[random_next(&seed) % 14];
            plain[n_plain++] = c;
            bool escape = random_next(&seed) % 3 == 0 || j + 1 == n;
            n_escaped +=
                (size_t)snprintf(escaped + n_escaped, sizeof escaped - n_escaped, escape ? "\\u%04x" : "%c", c);
        }
        (void)snprintf(plain + n_plain, sizeof plain - n_plain, "\"");
        (void)snprintf(escaped + n_escaped, sizeof escaped - n_escaped, "\"");
        struct transformed a;
        struct transformed b;
        put(&a, kinds[i % 3], SLUICE_SOURCE_STRING, plain, "String");
        put(&b, kinds[i % 3], SLUICE_SOURCE_STRING, escaped, "String");
        if (CHECK(a.end != NULL && b.end != NULL))
            CHECK_BYTES(a.bytes, (size_t)(a.end - a.bytes), b.bytes, (size_t)(b.end - b.bytes));
        sluice_arena_deinit(&a.arena);
        sluice_arena_deinit(&b.arena);
    }
}

/* ---- rows ---- */

static struct sluice_column_settings columns_of_rows[] = {
    {.name = "phone", .rename = "", .transform = SLUICE_TRANSFORM_TOKENIZE, .toast = SLUICE_TOAST_FAIL},
    {.name = "email", .rename = "", .transform = SLUICE_TRANSFORM_HMAC, .toast = SLUICE_TOAST_FAIL},
};
static const struct sluice_table_settings settings_of_rows = {.database = "shop",
                                                              .table = "orders",
                                                              .transforms_key = "0123456789abcdef-key",
                                                              .transforms_key_id = "k1",
                                                              .any = {.name = "", .rename = ""},
                                                              .columns = columns_of_rows,
                                                              .n_columns = 2};

static enum sluice_code plan_rows(const char *sorting_key, struct sluice_plan **out, struct sluice_error *err)
{
    struct sluice_source_column columns[] = {{.name = "phone", .type = SLUICE_SOURCE_STRING},
                                             {.name = "email", .type = SLUICE_SOURCE_STRING, .optional = true}};
    const struct sluice_shape shape = shape_of(columns, 2, 1);
    const struct sluice_plan_options options = {
        .version_column = "_version", .deleted_column = "is_deleted", .settings = &settings_of_rows};
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, sorting_key, "phone", "String", "email", "Nullable(String)");
    return sluice_plan_new(&shape, &target, &options, out, err);
}

struct row {
    unsigned char bytes[2048];
    size_t n_bytes; /* 0: refused */
    struct sluice_error err;
};

static void encode(const struct sluice_plan *plan, const struct sluice_change *change, const struct sluice_key *key,
                   struct row *row)
{
    const struct sluice_record_place place = {.topic = "t"};
    const struct sluice_version version = {0};
    uint32_t key_at[4];
    uint32_t columns[2];
    struct row_holes holes = {.places = columns};
    if (!CHECK(row_room(plan, change, key, &place) <= sizeof row->bytes))
        exit(1);
    const unsigned char *end = row_encode(plan, change, key, version, &place, row->bytes, key_at,
                                          change->op == 'u' ? &holes : NULL, &row->err);
    row->n_bytes = end != NULL ? (size_t)(end - row->bytes) : 0;
}

/* A deleted row is found under the same key as the row that was inserted and changed. */
static void test_rows(void)
{
    struct sluice_plan *plan = NULL;
    struct sluice_error err;
    struct record change;
    struct record key;
    struct row row;
    if (!CHECK_INT(plan_rows("phone", &plan, &err), SLUICE_OK))
        exit(1);
    static const char token[] = "\x1atkfhfyae32kc6tbmdv3cbhscje";
    static const char ops[] = {'r', 'c', 'u'};
    for (size_t i = 0; i < sizeof ops; i++) {
        encode(plan, CHANGE(&change, ops[i], "phone", "\"+49 30 123456\"", "email", "null"),
               KEY(&key, "phone", "\"\\u002b49 30 123456\""), &row);
        if (CHECK_INT(row.n_bytes, 27 + 1 + 17)) {
            CHECK_BYTES(row.bytes, 27, token, 27);
            CHECK_INT(row.bytes[27], 1); /* NULL stays NULL */
        }
    }
    encode(plan, CHANGE(&change, 'd', "phone", "\"\"", "email", "null"), KEY(&key, "phone", "\"\\u002b49 30 123456\""),
           &row);
    if (CHECK_INT(row.n_bytes, 27 + 1 + 17))
        CHECK_BYTES(row.bytes, 27, token, 27);
    encode(plan, CHANGE(&change, 'c', "phone", "\"\"", "email", "\"anna@example.com\""), NULL, &row);
    if (CHECK_INT(row.n_bytes, 27 + 2 + 67 + 17))
        CHECK_BYTES(row.bytes + 29, 67, "k1:15bcb8717c6f8ecb76752e03bbc80702a60a6650efc350d81f3d26c194ed1e71", 67);
    sluice_plan_unref(plan);
}

/* The placeholder of a large value that did not change is no value. */
static void test_placeholder(void)
{
    struct sluice_plan *plan = NULL;
    struct sluice_error err;
    struct record change;
    struct record key;
    struct row row;
    if (!CHECK_INT(plan_rows("phone", &plan, &err), SLUICE_OK))
        exit(1);
    encode(plan, CHANGE(&change, 'u', "phone", "\"1\"", "email", "\"__debezium_unavailable_value\""),
           KEY(&key, "phone", "\"1\""), &row);
    CHECK_INT(row.n_bytes, 0);
    CHECK_INT(row.err.code, SLUICE_E_TOAST);
    sluice_plan_unref(plan);
}

static void test_masked_keys(void)
{
    struct sluice_plan *plan = NULL;
    struct sluice_error err;
    columns_of_rows[0].transform = SLUICE_TRANSFORM_MASK;
    CHECK_INT(plan_rows("phone", &plan, &err), SLUICE_E_TYPE);
    CHECK_CONTAINS(err.text,
                   "plan \"public.orders\" into \"shop.orders\": column \"phone\" with the transform mask: it "
                   "would make rows of different keys the same");
    columns_of_rows[0].transform = SLUICE_TRANSFORM_TOKENIZE;
    columns_of_rows[1].transform = SLUICE_TRANSFORM_MASK;
    CHECK(plan_rows("phone, email", &plan, &err) != SLUICE_OK);
    CHECK_CONTAINS(err.text, "sorting key column \"email\"");
    columns_of_rows[1].transform = SLUICE_TRANSFORM_HMAC;
}

int main(int argc, char **argv)
{
    uint64_t seed = random_seed(argc, argv);
    test_known_answers();
    test_domains();
    test_mask();
    test_fixed_string();
    test_refusals();
    test_wrong_value();
    test_encodings();
    test_spellings(seed);
    test_rows();
    test_placeholder();
    test_masked_keys();
    return check_result();
}
