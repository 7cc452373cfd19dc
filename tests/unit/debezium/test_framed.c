/* Records whose schema is in a registry: frames, what the real connector wrote in Avro against what it wrote of the
 * same changes in JSON, kinds and refusals by example. Each payload is in an allocation of exactly its size. */
#include "debezium/framed.h"

#include <inttypes.h>
#include <math.h>

#include "connect/embedded.h"
#include "debezium/frame.h"
#include "support/captured_avro.h"
#include "support/check.h"
#include "support/exact.h"
#include "json/cursor.h"

#define ROW(literal)                                                                                                   \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }
#define BYTES(literal) ((struct sluice_str)ROW(literal))

static struct sluice_decoder *decoder;

/* --- frames --------------------------------------------------------------------------------------------------------
 */

static void test_prefix(void)
{
    static const struct {
        struct sluice_str bytes;
        enum sluice_code code;
        bool is_framed;
        const char *text; /* of the reference, or of the error */
        size_t n_payload;
    } cases[] = {
        {ROW("\x00\x00\x00\x01\x02xyz"), SLUICE_OK, true, "id 258", 3},
        {ROW("\x00\xff\xff\xff\xff"), SLUICE_OK, true, "id 4294967295", 0},
        {ROW("\x01\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xffz"), SLUICE_OK, true,
         "guid 00112233-4455-6677-8899-aabbccddeeff", 1},
        {ROW("{}"), SLUICE_OK, false, NULL, 2},
        {ROW("\x02"), SLUICE_OK, false, NULL, 1},
        {ROW(""), SLUICE_OK, false, NULL, 0},
        {ROW("\x00\x00\x00\x01"), SLUICE_E_AVRO, false, "cut off", 0},
        {ROW("\x01\x00\x00\x01\x00\x00"), SLUICE_E_AVRO, false, "cut off", 0},
        {ROW("\x00\x00\x00\x00\x00\x00\x00\x00\x07\x02"), SLUICE_E_AVRO, false, "as-confluent=true", 0},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct frame frame;
        struct sluice_error err;
        char text[REGISTRY_REF_TEXT];
        if (!CHECK_INT(frame_read(cases[i].bytes, &frame, &err), cases[i].code))
            continue;
        if (cases[i].code != SLUICE_OK) {
            CHECK_CONTAINS(err.text, cases[i].text);
            continue;
        }
        CHECK_INT(frame.is_framed, cases[i].is_framed);
        CHECK_INT(frame.payload.len, cases[i].n_payload);
        registry_ref_text(&frame.ref, text);
        if (cases[i].is_framed)
            CHECK_TEXT(text, cases[i].text);
    }
}

struct header {
    const char *name; /* NULL behind the last */
    struct sluice_str value;
};

static bool find_header(const void *record, const char *name, struct sluice_str *value)
{
    for (const struct header *header = record; header->name != NULL; header++) {
        if (strcmp(header->name, name) == 0) {
            *value = header->value;
            return true;
        }
    }
    return false;
}

static void test_headers(void)
{
    static const struct {
        struct header headers[3];
        enum frame_side side;
        enum sluice_code code;
        const char *text; /* NULL: not framed */
    } cases[] = {
        {{{"x", ROW("1")}}, FRAME_VALUE, SLUICE_OK, NULL},
        {{{"__value_schema_id", ROW("\x01\x00\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff")}},
         FRAME_VALUE,
         SLUICE_OK,
         "guid 00112233-4455-6677-8899-aabbccddeeff"},
        {{{"__key_schema_id", ROW("\x00\x00\x00\x00\x09")}}, FRAME_KEY, SLUICE_OK, "id 9"},
        {{{"__key_schema_id", ROW("\x00\x00\x00\x00\x09")}}, FRAME_VALUE, SLUICE_OK, NULL},
        {{{"__value_schema_id", ROW("\x02\x00")}}, FRAME_VALUE, SLUICE_E_AVRO, "begins with neither 0 nor 1"},
        {{{"__value_schema_id", ROW("")}}, FRAME_VALUE, SLUICE_E_AVRO, "no schema id"},
        {{{"__value_schema_id", ROW("\x00\x00\x00\x00\x09z")}}, FRAME_VALUE, SLUICE_E_AVRO, "6 bytes, not 5"},
        /* As Apicurio's converter writes them with headers.enabled=true. */
        {{{"apicurio.value.contentId", ROW("\x00\x00\x00\x00\x00\x00\x00\x04")},
          {"apicurio.value.encoding", ROW("BINARY")}},
         FRAME_VALUE,
         SLUICE_OK,
         "contentId 4"},
        {{{"apicurio.key.globalId", ROW("\x00\x00\x00\x01\x00\x00\x00\x05")}, {"apicurio.key.encoding", ROW("BINARY")}},
         FRAME_KEY,
         SLUICE_OK,
         "globalId 4294967301"},
        {{{"apicurio.value.globalId", ROW("\x00\x00\x00\x05")}}, FRAME_VALUE, SLUICE_E_AVRO, "4 bytes, not 8"},
        {{{"apicurio.value.globalId", ROW("\x00\x00\x00\x00\x00\x00\x00\x05")},
          {"apicurio.value.encoding", ROW("JSON")}},
         FRAME_VALUE,
         SLUICE_E_AVRO,
         "is \"JSON\""},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct frame frame;
        struct sluice_error err;
        char text[REGISTRY_REF_TEXT];
        if (!CHECK_INT(
                frame_read_headers(find_header, cases[i].headers, cases[i].side, BYTES("\x00\x02"), &frame, &err),
                cases[i].code))
            continue;
        if (cases[i].code != SLUICE_OK) {
            CHECK_CONTAINS(err.text, cases[i].text);
            continue;
        }
        CHECK_INT(frame.is_framed, cases[i].text != NULL);
        CHECK_INT(frame.in_header, cases[i].text != NULL);
        CHECK_INT(frame.payload.len, 2);
        registry_ref_text(&frame.ref, text);
        if (cases[i].text != NULL)
            CHECK_TEXT(text, cases[i].text);
    }
}

/* --- the same changes in Avro and in JSON ---------------------------------------------------------------------------
 */

static size_t unbase64(struct sluice_str text, unsigned char *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] != '='; i++) {
        const char *digit = strchr(digits, text.ptr[i]);
        if (digit == NULL)
            abort();
        bits = bits << 6 | (uint32_t)(digit - digits);
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            out[n++] = (unsigned char)(bits >> n_bits);
        }
    }
    return n;
}

static bool numbers_agree(const struct sluice_value *avro, const struct sluice_value *json)
{
    char text[64];
    (void)snprintf(text, sizeof text, "%.*s", SLUICE_STR_ARG(json->text));
    if (avro->kind == SLUICE_VALUE_INTEGER)
        return strtoll(text, NULL, 10) == avro->integer;
    double number = strtod(text, NULL); /* "NaN" and "-Infinity" are texts in JSON */
    if (avro->kind == SLUICE_VALUE_FLOAT)
        number = (double)(float)number;
    return number == avro->real || (isnan(number) && isnan(avro->real));
}

static bool texts_agree(const struct sluice_value *avro, const struct sluice_value *json)
{
    char plain[4096];
    size_t n = 0;
    struct sluice_error err;
    if (json->kind == SLUICE_VALUE_STRING)
        return sluice_str_equal(avro->text, json->text);
    return sluice_json_unescape(*json, plain, &n, &err) == SLUICE_OK &&
           sluice_str_equal(avro->text, (struct sluice_str){plain, n});
}

static bool values_agree(const struct sluice_value *avro, const struct sluice_value *json)
{
    unsigned char bytes[4096];
    switch (avro->kind) {
    case SLUICE_VALUE_NULL:
    case SLUICE_VALUE_TRUE:
    case SLUICE_VALUE_FALSE:
        return avro->kind == json->kind;
    case SLUICE_VALUE_INTEGER:
    case SLUICE_VALUE_FLOAT:
    case SLUICE_VALUE_DOUBLE:
        return json->kind != SLUICE_VALUE_NULL && numbers_agree(avro, json);
    case SLUICE_VALUE_STRING:
        return texts_agree(avro, json);
    case SLUICE_VALUE_BYTES:
        return sluice_str_equal(avro->text, (struct sluice_str){(const char *)bytes, unbase64(json->text, bytes)});
    case SLUICE_VALUE_AVRO: /* VariableScaleDecimal */
        return json->kind == SLUICE_VALUE_OBJECT;
    default:
        return false;
    }
}

static void compare_fields(const struct sluice_field *avro, size_t n_avro, const struct sluice_field *json,
                           size_t n_json)
{
    if (!CHECK_INT(n_avro, n_json))
        return;
    for (size_t i = 0; i < n_avro; i++) {
        CHECK(sluice_str_equal(avro[i].name, json[i].name));
        if (!CHECK(values_agree(&avro[i].value, &json[i].value)))
            (void)fprintf(stderr, "    field %.*s: JSON %.*s\n", SLUICE_STR_ARG(json[i].name),
                          SLUICE_STR_ARG(json[i].value.text));
    }
}

static void compare_types(const struct connect_type *type, struct sluice_str embedded)
{
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const struct connect_type *want = NULL;
    struct sluice_error err;
    sluice_arena_init(&arena, 4 << 20, "a schema");
    CHECK_INT(connect_embedded_read(&arena, embedded, "after", &want, &err), SLUICE_OK);
    if (!CHECK_INT(type->n_fields, want->n_fields))
        return;
    for (size_t i = 0; i < type->n_fields; i++) {
        CHECK_TEXT(type->fields[i].name, want->fields[i].name);
        if (!CHECK(connect_type_equal(type->fields[i].type, want->fields[i].type)))
            (void)fprintf(stderr, "    type of %s\n", want->fields[i].name);
    }
}

static void compare_changes(const struct framed_schema *schema, struct sluice_decoder *other, struct sluice_str avro,
                            struct sluice_str json)
{
    struct sluice_change got;
    struct sluice_change want;
    struct sluice_error err;
    struct sluice_str exact = exact_copy(captured_avro_payload(avro));
    if (!CHECK_INT(framed_change_decode(decoder, schema, exact, &got, &err), SLUICE_OK))
        (void)fprintf(stderr, "    %s\n", err.text);
    CHECK_INT(sluice_change_decode(other, json, (struct sluice_str){NULL, 0}, &want, &err), SLUICE_OK);
    CHECK_INT(got.kind, want.kind);
    CHECK_INT(got.op, want.op);
    CHECK(sluice_str_equal(got.source.name, want.source.name));
    CHECK(sluice_str_equal(got.source.db, want.source.db));
    CHECK(sluice_str_equal(got.source.schema, want.source.schema));
    CHECK(sluice_str_equal(got.source.table, want.source.table));
    CHECK_INT(got.source.snapshot, want.source.snapshot);
    CHECK_INT(got.source.says_false, want.source.says_false);
    CHECK_INT(got.source.has_lsn, want.source.has_lsn);
    CHECK_INT(got.source.has_txid, want.source.has_txid);
    CHECK_INT(got.source.has_sequence1, want.source.has_sequence1);
    CHECK(got.source.lsn > 0 && got.source.sequence1 > 0 && got.source.ts_us > 0 && got.ts_ms > 0);
    CHECK_INT(got.has_image, want.has_image);
    CHECK_INT(got.before.len > 0, want.before.len > 0);
    compare_fields(got.fields, got.n_fields, want.fields, want.n_fields);
    compare_types(got.row_type, want.value_schema);
    exact_free(exact);
}

static void compare_keys(const struct framed_schema *schema, struct sluice_decoder *other, struct sluice_str avro,
                         struct sluice_str json)
{
    struct sluice_key got;
    struct sluice_key want;
    struct sluice_error err;
    CHECK_INT(framed_key_decode(decoder, schema, captured_avro_payload(avro), &got, &err), SLUICE_OK);
    CHECK_INT(sluice_key_decode(other, json, &want, &err), SLUICE_OK);
    compare_fields(got.fields, got.n_fields, want.fields, want.n_fields);
    CHECK_INT(got.type->n_fields, got.n_fields);
}

static void test_captured(const char *case_z)
{
    char json_case[64];
    struct sluice_error err;
    struct sluice_decoder *other = NULL;
    SLUICE_AUTO(captured) struct captured avro;
    SLUICE_AUTO(captured) struct captured json;
    SLUICE_AUTO(captured) struct captured avro_keys;
    SLUICE_AUTO(captured) struct captured json_keys;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 4 << 20, "schemas");
    (void)snprintf(json_case, sizeof json_case, "%s-json-schema", case_z);
    captured_avro_init(&avro, case_z, "values");
    captured_avro_init(&avro_keys, case_z, "keys");
    captured_init(&json, json_case, "values");
    captured_init(&json_keys, json_case, "keys");
    const struct framed_schema *value = captured_avro_schema(case_z, "value.avsc", &arena);
    const struct framed_schema *key = captured_avro_schema(case_z, "key.avsc", &arena);
    if (sluice_decoder_new(&other, &err) != SLUICE_OK)
        abort();
    CHECK_INT(avro.n_records, json.n_records);
    for (size_t i = 0; i < avro.n_records && i < json.n_records; i++) {
        CHECK_INT(avro.records[i].ptr == NULL, json.records[i].ptr == NULL);
        if (avro.records[i].ptr != NULL)
            compare_changes(value, other, avro.records[i], json.records[i]);
        compare_keys(key, other, avro_keys.records[i], json_keys.records[i]);
    }
    sluice_decoder_free(other);
}

/* Cut anywhere, a record is an error and nothing behind its end is read. */
static void test_captured_cut(const char *case_z)
{
    struct sluice_change change;
    struct sluice_error err;
    SLUICE_AUTO(captured) struct captured values;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 4 << 20, "schemas");
    captured_avro_init(&values, case_z, "values");
    const struct framed_schema *schema = captured_avro_schema(case_z, "value.avsc", &arena);
    for (size_t i = 0; i < values.n_records; i++) {
        struct sluice_str whole = values.records[i];
        if (whole.ptr == NULL)
            continue;
        whole = captured_avro_payload(whole);
        for (size_t n = 0; n < whole.len; n++) {
            struct sluice_str exact = exact_copy((struct sluice_str){whole.ptr, n});
            CHECK_INT(framed_change_decode(decoder, schema, exact, &change, &err), SLUICE_E_AVRO);
            exact_free(exact);
        }
    }
}

/* --- kinds and refusals ---------------------------------------------------------------------------------------------
 */

#define FIELD(name, type)  "{\"name\":\"" name "\",\"type\":" type "}"
#define RECORD(name, list) "{\"type\":\"record\",\"name\":\"" name "\",\"fields\":[" list "]}"
#define TEXT               "\"string\""
#define LONG               "\"long\""
#define SOURCE                                                                                                         \
    RECORD("s", FIELD("connector", TEXT) "," FIELD("name", TEXT) "," FIELD("schema", TEXT) "," FIELD(                  \
                    "table", TEXT) "," FIELD("lsn", LONG) "," FIELD("sequence", TEXT))
#define ENVELOPE(row)                                                                                                  \
    RECORD("e", FIELD("before", "[\"null\"," row "]") "," FIELD("after", "[\"null\",\"r\"]") "," FIELD(                \
                    "source", SOURCE) "," FIELD("op", TEXT) "," FIELD("ts_ms", LONG))
#define PLAIN    ENVELOPE(RECORD("r", FIELD("id", "\"int\"")))
#define POSTGRES "\x14postgresql\x02p\x02s\x02t\x10\x14[null,\"8\"]"
#define IMAGE    "\x02\x0e"
#define TAIL(op) "\x02" op "\x0a"
#define TRANSACTION                                                                                                    \
    RECORD("t", FIELD("status", TEXT) "," FIELD("id", TEXT) "," FIELD("event_count", "[\"null\",\"long\"]") "," FIELD( \
                    "data_collections", "[\"null\"," LONG "]") "," FIELD("ts_ms", LONG))

static enum sluice_code decode(const char *schema_z, struct sluice_str payload, struct sluice_change *change,
                               struct sluice_arena *arena, struct sluice_error *err)
{
    const struct framed_schema *schema = NULL;
    const struct registry_document document = {.type = REGISTRY_AVRO, .text = sluice_str_from(schema_z)};
    sluice_arena_init(arena, 1 << 20, "a schema");
    enum sluice_code code = framed_schema_new(&document, arena, &schema, err);
    return code != SLUICE_OK ? code : framed_change_decode(decoder, schema, payload, change, err);
}

static void test_kinds(void)
{
    static const struct {
        const char *schema;
        struct sluice_str payload;
        enum sluice_change_kind kind;
        char op;
    } cases[] = {
        {PLAIN, ROW("\x00" IMAGE POSTGRES TAIL("c")), SLUICE_CHANGE_ROW, 'c'},
        {PLAIN, ROW("\x00" IMAGE POSTGRES TAIL("r")), SLUICE_CHANGE_ROW, 'r'},
        {PLAIN, ROW(IMAGE IMAGE POSTGRES TAIL("u")), SLUICE_CHANGE_ROW, 'u'},
        {PLAIN, ROW(IMAGE "\x00" POSTGRES TAIL("d")), SLUICE_CHANGE_ROW, 'd'},
        {PLAIN, ROW("\x00\x00" POSTGRES TAIL("d")), SLUICE_CHANGE_ROW, 'd'},
        {PLAIN, ROW("\x00\x00" POSTGRES TAIL("t")), SLUICE_CHANGE_TRUNCATE, 't'},
        {RECORD("m", FIELD("op", TEXT) "," FIELD("source", SOURCE) "," FIELD("ts_ms", LONG)),
         ROW("\x02m\x14postgresql\x02p\x00\x00\x10\x14[null,\"8\"]\x0a"), SLUICE_CHANGE_MESSAGE, 'm'},
        {RECORD("h", FIELD("ts_ms", LONG)), ROW("\x0a"), SLUICE_CHANGE_HEARTBEAT, 0},
        {TRANSACTION,
         ROW("\x0a"
             "BEGIN\x02x\x00\x00\x0a"),
         SLUICE_CHANGE_TRANSACTION, 0},
        {TRANSACTION,
         ROW("\x06"
             "END\x02x\x02\x02\x02\x02\x0a"),
         SLUICE_CHANGE_TRANSACTION, 0},
        {RECORD("n", FIELD("id", TEXT) "," FIELD("aggregate_type", TEXT) "," FIELD("type", TEXT) "," FIELD(
                         "additional_data", "{\"type\":\"map\",\"values\":\"string\"}")),
         ROW("\x02i\x02g\x02t\x00"), SLUICE_CHANGE_NOTIFICATION, 0},
        {"[\"null\"," PLAIN "]", ROW("\x00"), SLUICE_CHANGE_TOMBSTONE, 0},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_change change;
        struct sluice_error err;
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        if (!CHECK_INT(decode(cases[i].schema, cases[i].payload, &change, &arena, &err), SLUICE_OK)) {
            (void)fprintf(stderr, "    case %zu: %s\n", i, err.text);
            continue;
        }
        CHECK_INT(change.kind, cases[i].kind);
        CHECK_INT(change.op, cases[i].op);
        if (change.kind != SLUICE_CHANGE_ROW)
            continue;
        CHECK_INT(change.row_type->n_fields, 1);
        CHECK_INT(change.n_fields, change.has_image ? 1 : 0);
        CHECK(!change.has_image || change.fields[0].value.integer == 7);
        CHECK(!change.source.has_sequence0 && change.source.sequence1 == 8 && change.source.lsn == 8);
        CHECK_INT(change.ts_ms, 5);
    }
}

static void test_refusals(void)
{
    static const struct {
        const char *schema;
        struct sluice_str payload;
        enum sluice_code code;
        const char *text;
    } cases[] = {
        {"\"int\"", ROW("\x02"), SLUICE_E_ENVELOPE, "no record"},
        {RECORD("h", FIELD("a", LONG)), ROW("\x0a"), SLUICE_E_ENVELOPE, "found Avro record \"h\" without \"op\""},
        {RECORD("h", FIELD("op", LONG)), ROW("\x0a"), SLUICE_E_ENVELOPE, "with \"op\" and without"},
        {RECORD("h", FIELD("op", TEXT) "," FIELD("source", TEXT)),
         ROW("\x02"
             "c\x02x"),
         SLUICE_E_ENVELOPE, "\"source\" that is no record"},
        {TRANSACTION, ROW("\x02X\x02x\x00\x00\x0a"), SLUICE_E_ENVELOPE, "without \"op\""},
        {PLAIN, ROW("\x00" IMAGE POSTGRES TAIL("x")), SLUICE_E_ENVELOPE, "field \"op\""},
        {PLAIN, ROW("\x00\x00" POSTGRES TAIL("c")), SLUICE_E_ENVELOPE, "field \"after\": a row is expected"},
        {PLAIN, ROW("\x00" IMAGE "\x0amysql\x02p\x02s\x02t\x10\x14[null,\"8\"]" TAIL("c")), SLUICE_E_ENVELOPE,
         "connector \"mysql\""},
        {PLAIN, ROW("\x00" IMAGE "\x14postgresql\x02p\x02s\x02\0\x10\x14[null,\"8\"]" TAIL("c")), SLUICE_E_ENVELOPE,
         "source.table"},
        {PLAIN, ROW("\x00" IMAGE "\x14postgresql\x02p\x02s\x00\x10\x14[null,\"8\"]" TAIL("c")), SLUICE_E_ENVELOPE,
         "does not name its table"},
        {PLAIN, ROW("\x00" IMAGE "\x14postgresql\x02p\x02s\x02t\x11\x14[null,\"8\"]" TAIL("c")), SLUICE_E_POSITION,
         "source.lsn"},
        {PLAIN, ROW("\x00" IMAGE "\x14postgresql\x02p\x02s\x02t\x10\x14[null,\"x\"]" TAIL("c")), SLUICE_E_POSITION,
         "source.sequence"},
        {PLAIN, ROW("\x00" IMAGE POSTGRES TAIL("c") "\x00"), SLUICE_E_AVRO, "1 bytes are left"},
        {PLAIN, ROW("\x00\x04\x0e" POSTGRES TAIL("c")), SLUICE_E_AVRO, "branch 2 of 2"},
        {ENVELOPE(RECORD("r", FIELD("id", "[\"int\",\"string\"]"))), ROW("\x00\x02\x00\x0e" POSTGRES TAIL("c")),
         SLUICE_E_SCHEMA, "field \"id\": its Avro type"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_change change;
        struct sluice_error err;
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        if (!CHECK_INT(decode(cases[i].schema, cases[i].payload, &change, &arena, &err), cases[i].code)) {
            (void)fprintf(stderr, "    case %zu: %s\n", i, err.text);
            continue;
        }
        CHECK_CONTAINS(err.text, cases[i].text);
        CHECK_INT(err.action, SLUICE_REJECT);
    }
}

/* Rows of ExtractNewRecordState: what the transform added is no column. */
static void test_flattened(void)
{
    static const char row[] = RECORD("r", FIELD("id", LONG) "," FIELD("__op", "[\"null\",\"string\"]") "," FIELD(
                                              "__lsn", "[\"null\",\"long\"]") "," FIELD("name", TEXT));
    const struct sluice_layout both = {
        .may_be_envelope = true, .may_be_flattened = true, .prefix = BYTES("__"), .topic = BYTES("p.s.t")};
    const struct sluice_layout only = {.may_be_flattened = true, .prefix = BYTES("__"), .topic = BYTES("p.s.t")};
    struct sluice_change change;
    struct sluice_error err;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    SLUICE_AUTO(sluice_arena) struct sluice_arena other;
    SLUICE_AUTO(sluice_arena) struct sluice_arena envelope;
    sluice_decoder_expect(decoder, &both);
    CHECK_INT(decode(row, BYTES("\x0e\x02\x02u\x02\x10\x02x"), &change, &arena, &err), SLUICE_OK);
    CHECK(change.kind == SLUICE_CHANGE_ROW && change.is_flattened && change.op == 'u' && change.source.lsn == 8);
    CHECK_INT(change.n_fields, 2);
    CHECK(sluice_str_equal_z(change.fields[1].name, "name"));
    CHECK_INT(change.row_type->n_fields, 4);
    CHECK_INT(decode(RECORD("r", FIELD("id", LONG)), BYTES("\x0e"), &change, &other, &err), SLUICE_E_ENVELOPE);
    CHECK_CONTAINS(err.text, "found Avro record \"r\"");
    sluice_decoder_expect(decoder, &only);
    CHECK_INT(decode(PLAIN, BYTES("\x00" IMAGE POSTGRES TAIL("c")), &change, &envelope, &err), SLUICE_E_ENVELOPE);
    CHECK_CONTAINS(err.text, "the record is an envelope, though");
    sluice_decoder_expect(decoder, NULL);
}

static void test_keys(void)
{
    static const struct {
        const char *schema;
        enum sluice_code code;
    } cases[] = {
        {RECORD("k", FIELD("a", LONG)), SLUICE_OK},
        {LONG, SLUICE_E_KEY},
        {RECORD("k", ""), SLUICE_E_KEY},
        {RECORD("k", FIELD("a", "[\"long\",\"string\"]")), SLUICE_E_KEY},
        {RECORD("k", FIELD("a", LONG) "," FIELD("b", LONG)), SLUICE_E_AVRO},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_key key;
        struct sluice_error err;
        const struct framed_schema *schema = NULL;
        const struct registry_document document = {.type = REGISTRY_AVRO, .text = sluice_str_from(cases[i].schema)};
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        sluice_arena_init(&arena, 1 << 20, "a schema");
        CHECK_INT(framed_schema_new(&document, &arena, &schema, &err), SLUICE_OK);
        CHECK_INT(framed_key_decode(decoder, schema, BYTES("\x06"), &key, &err), cases[i].code);
    }
}

/* --- JSON with JSON Schema ------------------------------------------------------------------------------------------
 */

static void test_json_schema(void)
{
    static const char text[] =
        "{\"type\":\"object\",\"title\":\"shop.public.t.Envelope\",\"properties\":{\"before\":{\"connect.index\":0,"
        "\"oneOf\":[{\"type\":\"null\"},{\"type\":\"object\",\"title\":\"Value\",\"properties\":{\"id\":{\"type\":"
        "\"integer\",\"connect.type\":\"int32\",\"connect.index\":0}}}]},\"after\":{\"connect.index\":1,\"oneOf\":[{"
        "\"type\":\"null\"},{\"type\":\"object\",\"title\":\"Value\",\"properties\":{\"id\":{\"type\":\"integer\","
        "\"connect.type\":\"int32\",\"connect.index\":0}}}]}}}";
    static const char record[] = "{\"before\":null,\"after\":{\"id\":7},\"source\":{\"connector\":\"postgresql\","
                                 "\"name\":\"p\",\"schema\":\"s\","
                                 "\"table\":\"t\",\"lsn\":8},\"op\":\"c\",\"ts_ms\":5}";
    struct sluice_change change;
    struct sluice_key key;
    struct sluice_error err;
    const struct framed_schema *schema = NULL;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 1 << 20, "a schema");
    struct registry_document document = {.type = REGISTRY_JSON_SCHEMA, .text = sluice_str_from(text)};
    CHECK_INT(framed_schema_new(&document, &arena, &schema, &err), SLUICE_OK);
    CHECK_INT(framed_change_decode(decoder, schema, sluice_str_from(record), &change, &err), SLUICE_OK);
    CHECK_INT(change.row_type->fields[0].type->kind, CONNECT_INT32);
    CHECK_INT(change.fields[0].value.kind, SLUICE_VALUE_NUMBER);

    document.text = BYTES("{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"}}}");
    CHECK_INT(framed_schema_new(&document, &arena, &schema, &err), SLUICE_OK);
    CHECK_INT(framed_change_decode(decoder, schema, sluice_str_from(record), &change, &err), SLUICE_E_SCHEMA);
    CHECK_INT(framed_key_decode(decoder, schema, BYTES("{\"id\":\"x\"}"), &key, &err), SLUICE_OK);
    CHECK_INT(key.type->fields[0].type->kind, CONNECT_STRING);
}

int main(void)
{
    struct sluice_error err;
    if (sluice_decoder_new(&decoder, &err) != SLUICE_OK)
        abort();
    test_prefix();
    test_headers();
    test_captured("customers");
    test_captured("types");
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(captured_avro_cases); i++)
        test_captured_cut(captured_avro_cases[i]);
    test_kinds();
    test_refusals();
    test_flattened();
    test_keys();
    test_json_schema();
    sluice_decoder_free(decoder);
    return check_result();
}
