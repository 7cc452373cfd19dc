/* Rows of ExtractNewRecordState, by example: what is an added field, what is told apart from what. */
#include "debezium/change.h"

#include "support/check.h"
#include "support/exact.h"

#define ADDED                                                                                                          \
    "\"__op\":\"u\",\"__lsn\":200,\"__sequence\":\"[\\\"100\\\",\\\"200\\\"]\",\"__table\":\"t\",\"__schema\":\"s\","  \
    "\"__db\":\"d\",\"__source_ts_ms\":7,\"__name\":\"shop\""
#define SCHEMA "{\"type\":\"struct\",\"fields\":[{\"type\":\"int32\",\"field\":\"id\"}]}"

static struct sluice_decoder *decoder;
static struct sluice_layout layout;

static enum sluice_code decode(const char *text_z, struct sluice_change *change, struct sluice_error *err)
{
    static struct sluice_str kept = {NULL, 0};
    if (kept.ptr != NULL)
        exact_free(kept);
    kept = exact_copy(sluice_str_from(text_z));
    *err = (struct sluice_error){0};
    sluice_decoder_expect(decoder, &layout);
    return sluice_change_decode(decoder, kept, (struct sluice_str){NULL, 0}, change, err);
}

static struct sluice_change decode_good(const char *text_z)
{
    struct sluice_change change = {0};
    struct sluice_error err;
    if (!CHECK_INT(decode(text_z, &change, &err), SLUICE_OK))
        (void)fprintf(stderr, "    %s\n    %s\n", text_z, err.text);
    return change;
}

static void check_bad(const char *text_z, enum sluice_code code, const char *part)
{
    struct sluice_change change;
    struct sluice_error err;
    CHECK_INT(decode(text_z, &change, &err), code);
    CHECK_CONTAINS(err.text, part);
}

static void check_str(struct sluice_str got, const char *want_z)
{
    CHECK_BYTES(got.ptr, got.len, want_z, strlen(want_z));
}

static void expect(bool may_be_envelope, bool may_be_flattened)
{
    layout = (struct sluice_layout){may_be_envelope, may_be_flattened, SLUICE_STR_LITERAL("__"),
                                    SLUICE_STR_LITERAL("pre.fix.sch.tab")};
}

static void check_row(const char *text_z)
{
    struct sluice_change change = decode_good(text_z);
    CHECK_INT(change.kind, SLUICE_CHANGE_ROW);
    CHECK(change.is_flattened && change.has_image && !change.is_marked);
    CHECK_INT(change.op, 'u');
    CHECK_INT(change.n_fields, 2);
    check_str(change.fields[0].name, "id");
    check_str(change.fields[1].name, "__mine");
    CHECK_INT(change.source.lsn, 200);
    CHECK_INT(change.source.sequence0, 100);
    CHECK_INT(change.source.ts_us, 7000);
    check_str(change.source.table, "t");
    check_str(change.source.schema, "s");
    check_str(change.source.name, "shop");
    check_str(change.source.db, "d");
}

static void test_case_38_rows(void)
{
    expect(true, true);
    check_row("{\"id\":1,\"__mine\":2," ADDED "}");
    check_row("{" ADDED ",\"id\":1,\"__mine\":2}");
    check_row("{\"schema\":" SCHEMA ",\"payload\":{\"id\":1,\"__mine\":2," ADDED "}}");
    struct sluice_change change = decode_good("{\"id\":1,\"__deleted\":\"false\"}");
    CHECK(change.is_marked);
    CHECK_INT(change.op, 'u');
    CHECK(!change.source.has_lsn);
    check_str(change.source.name, "pre.fix");
    check_str(change.source.schema, "sch");
    check_str(change.source.table, "tab");
}

static void test_case_38_deletes(void)
{
    expect(true, true);
    struct sluice_change change = decode_good("{\"id\":1,\"v\":\"\",\"__deleted\":\"true\"}");
    CHECK(change.is_marked && change.has_image);
    CHECK_INT(change.op, 'd');
    CHECK_INT(change.n_fields, 2);
    CHECK_INT(decode_good("{\"id\":1,\"__op\":\"d\"}").op, 'd');
    CHECK_INT(decode_good("{\"id\":1,\"__op\":\"c\",\"__deleted\":true}").op, 'd');
    CHECK_INT(decode_good("{\"id\":1,\"__op\":\"c\",\"__deleted\":false}").op, 'c');
    CHECK_INT(decode_good("{\"id\":1,\"__op\":\"c\",\"__deleted\":null}").op, 'c');
    check_bad("{\"id\":1,\"__op\":\"c\",\"__deleted\":\"True\"}", SLUICE_E_ENVELOPE, "__deleted");
    check_bad("{\"id\":1,\"__op\":\"c\",\"__deleted\":1}", SLUICE_E_ENVELOPE, "\"true\" or \"false\" is expected");
    static const char *const nulls[] = {"null", "{\"schema\":" SCHEMA ",\"payload\":null}",
                                        "{\"schema\":null,\"payload\":null}"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(nulls); i++) {
        change = decode_good(nulls[i]);
        CHECK_INT(change.kind, SLUICE_CHANGE_TOMBSTONE);
        CHECK(change.is_null_text);
    }
}

/* Columns with the names of an envelope's parts, in every layout. */
static void test_case_38_columns_like_members(void)
{
    static const char row[] = "{\"id\":1,\"op\":\"c\",\"source\":\"web\",\"schema\":\"x\",\"payload\":\"{}\","
                              "\"before\":null,\"after\":5,\"ts_ms\":3,\"__op\":\"c\"}";
    for (int auto_mode = 0; auto_mode < 2; auto_mode++) {
        expect(auto_mode == 1, true);
        struct sluice_change change = decode_good(row);
        CHECK_INT(change.n_fields, 8);
        CHECK_INT(change.op, 'c');
        change = decode_good("{\"schema\":\"x\",\"payload\":\"y\",\"__op\":\"r\"}");
        CHECK_INT(change.n_fields, 2);
        CHECK_INT(change.op, 'r');
    }
    expect(false, true);
    struct sluice_change change = decode_good("{\"op\":\"c\",\"source\":{\"x\":1.0,\"y\":2.0}}");
    CHECK_INT(change.n_fields, 2);
    CHECK_INT(decode_good("{\"schema\":\"a\",\"payload\":\"b\"}").n_fields, 2);
    CHECK_INT(decode_good("{\"ts_ms\":5}").kind, SLUICE_CHANGE_HEARTBEAT);
}

static void test_refusals(void)
{
    static const char envelope[] =
        "{\"before\":null,\"after\":{\"id\":1},\"source\":{\"connector\":\"postgresql\",\"name\":\"n\",\"db\":\"d\","
        "\"schema\":\"s\",\"table\":\"t\"},\"op\":\"c\",\"ts_ms\":1}";
    expect(true, true);
    check_bad("{\"id\":1}", SLUICE_E_ENVELOPE, "records.layout: flattened");
    CHECK(!decode_good(envelope).is_flattened);
    check_bad("{\"id\":1,\"__lsn\":-1}", SLUICE_E_ENVELOPE, "__lsn");
    check_bad("{\"id\":1,\"__op\":\"t\"}", SLUICE_E_ENVELOPE, "__op");
    check_bad("{\"id\":1,\"__sequence\":\"[1]\"}", SLUICE_E_POSITION, "sequence");
    check_bad("{\"id\":1,\"__sequence\":\"[\"1\",\"2\"]\"}", SLUICE_E_JSON, "");
    check_bad("{\"id\":1,\"__op\":\"c\"", SLUICE_E_JSON, "");
    expect(false, true);
    check_bad(envelope, SLUICE_E_ENVELOPE, "is an envelope");
    expect(true, false);
    check_bad("{\"id\":1,\"__op\":\"c\"}", SLUICE_E_ENVELOPE, "no change envelope");
}

static void test_topics(void)
{
    static const char *const cases[][4] = {{"a.b.c.d", "a.b", "c", "d"},
                                           {"a.c.d", "a", "c", "d"},
                                           {"a.d", "a", "public", "d"},
                                           {"orders", "orders", "public", "orders"}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_source source = {0};
        sluice_source_from_topic(sluice_str_from(cases[i][0]), &source);
        check_str(source.name, cases[i][1]);
        check_str(source.schema, cases[i][2]);
        check_str(source.table, cases[i][3]);
    }
}

int main(void)
{
    struct sluice_error err;
    if (sluice_decoder_new(&decoder, &err) != SLUICE_OK)
        return 1;
    test_case_38_rows();
    test_case_38_deletes();
    test_case_38_columns_like_members();
    test_refusals();
    test_topics();
    sluice_decoder_free(decoder);
    return check_result();
}
