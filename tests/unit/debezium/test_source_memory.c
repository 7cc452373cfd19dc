/* What a decoder remembers of the last `source`, and of the wrapper of the last key, never shows: after any record it
 * reads any other as a new decoder does. Every pair of texts that differ in one value, every cut of one, and every byte
 * of a record of Avro in another way. */
#include "debezium/source_memory.h"

#include "support/captured_avro.h"
#include "support/check.h"
#include "support/exact.h"

enum { TEXT = 1024, N_VALUES = 12 };

/* In place of each "@", one after the other. */
static const char record[] =
    "{\"before\":null,\"after\":{\"id\":1},\"source\":{\"version\":\"3.6.1.Final\",\"connector\":@,\"name\":\"shop\","
    "\"ts_ms\":@,\"snapshot\":@,\"db\":\"shop\",\"sequence\":@,\"ts_us\":@,\"ts_ns\":@,\"schema\":\"public\","
    "\"table\":@,\"txId\":@,\"lsn\":@,\"xmin\":@@},\"transaction\":null,\"op\":\"u\",\"ts_ms\":@}";

static const char *const usual[N_VALUES] = {"\"postgresql\"",
                                            "1795256720433",
                                            "\"false\"",
                                            "\"[null,\\\"617\\\"]\"",
                                            "1795256720433157",
                                            "1795256720433157000",
                                            "\"customers\"",
                                            "894",
                                            "61793936",
                                            "null",
                                            "",
                                            "5"};

static const struct {
    size_t at;
    const char *values[14];
} others[] = {
    {0, {"\"mysql\"", "null", "\"postgresqL\""}},
    {1, {"0", "1", "null", "-1", "01", "1.5", "9223372036854775807", "99999999999999999999", "\"5\"", " 7", "9 "}},
    {2, {"\"true\"", "\"first\"", "null", "false", "true"}},
    {3,
     {"\"[\\\"1\\\",\\\"2\\\"]\"", "\"[\\\"11\\\",\\\"2\\\"]\"", "\"[\\\"1\\\",null]\"", "\"[null,null]\"",
      "\"[null, \\\"617\\\"]\"", "\"[null,\\\"0617\\\"]\"", "\"[null,\\\"72057594037927936\\\"]\"", "null",
      "\"[null,\\\"\\\"]\"", "\"[null,617]\"", "\"[null,\\\"617\\\"\"", "\"[null,\\\"61793936123456789012\\\"]\""}},
    {4, {"0", "1", "null", "-1", "01", "1.5", "9223372036854775807", "9223372036854775808", "\"5\"", "1e5"}},
    {5, {"0", "1", "null", "-1", "01", "1.5", "17952567204331570001795256720433157000", "\"5\"", "1e5", "1."}},
    {6, {"\"orders\"", "\"customer\"", "\"\"", "null", "\"a\\u0062\""}},
    {7, {"0", "4294967295", "9223372036854775807", "9223372036854775808", "null", "-1", "894.0", "0894"}},
    {8, {"0", "72057594037927935", "72057594037927936", "null", "-1", "6179393e1", "06"}},
    {9, {"5", "\"\""}},
    {10, {",\"more\":[1,\"}\"]", ",\"lsn\":1", ",\"txId\":894", ",\"ts_ns\":5", ",\"sequence\":null", ",", "}"}},
};

static struct sluice_str write_record(char out[TEXT], size_t at, const char *value)
{
    size_t n = 0;
    size_t hole = 0;
    for (const char *in = record; *in != '\0'; in++) {
        if (*in != '@') {
            out[n++] = *in;
            continue;
        }
        const char *filling = hole == at ? value : usual[hole];
        memcpy(out + n, filling, strlen(filling));
        n += strlen(filling);
        hole++;
    }
    CHECK_INT(hole, N_VALUES);
    return (struct sluice_str){out, n};
}

static bool names_equal(struct sluice_str a, struct sluice_str b)
{
    return a.len == b.len && (a.len == 0 || a.ptr == b.ptr); /* both lie in the record */
}

static void check_same(const struct sluice_source *a, const struct sluice_source *b)
{
    /* A name without its escapes lies in the decoder. */
    CHECK(sluice_str_equal(a->name, b->name) && sluice_str_equal(a->db, b->db) &&
          sluice_str_equal(a->schema, b->schema) && sluice_str_equal(a->table, b->table));
    CHECK(a->snapshot == b->snapshot && a->says_false == b->says_false && a->has_lsn == b->has_lsn &&
          a->has_sequence0 == b->has_sequence0 && a->has_sequence1 == b->has_sequence1 && a->has_txid == b->has_txid);
    CHECK(a->lsn == b->lsn && a->sequence0 == b->sequence0 && a->sequence1 == b->sequence1 && a->txid == b->txid &&
          a->ts_us == b->ts_us);
}

/* `schema` NULL: JSON. */
static enum sluice_code decode(struct sluice_decoder *decoder, const struct framed_schema *schema,
                               struct sluice_str bytes, struct sluice_change *change, struct sluice_error *err)
{
    static const struct sluice_str no_hint = {NULL, 0};
    return schema != NULL ? framed_change_decode(decoder, schema, bytes, change, err)
                          : sluice_change_decode(decoder, bytes, no_hint, change, err);
}

static void check_decode(struct sluice_decoder *used, const struct framed_schema *schema, struct sluice_str bytes)
{
    struct sluice_error err = {0};
    struct sluice_error fresh_err = {0};
    struct sluice_change change;
    struct sluice_change fresh_change;
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *fresh = NULL;
    if (!CHECK_INT(sluice_decoder_new(&fresh, &err), SLUICE_OK))
        return;
    struct sluice_str exact = exact_copy(bytes);
    enum sluice_code code = decode(fresh, schema, exact, &fresh_change, &fresh_err);
    if (!CHECK_INT(decode(used, schema, exact, &change, &err), code))
        (void)fprintf(stderr, "    %.*s\n", (int)bytes.len, bytes.ptr);
    else if (code == SLUICE_OK)
        check_same(&change.source, &fresh_change.source);
    else
        CHECK_TEXT(err.text, fresh_err.text);
    exact_free(exact);
}

static void check_read(struct sluice_decoder *used, struct sluice_str text)
{
    check_decode(used, NULL, text);
}

/* Until it is what is remembered. */
static void check_learn(struct sluice_decoder *used, struct sluice_str text)
{
    for (int i = 0; i <= SOURCE_PATIENCE; i++)
        check_read(used, text);
}

static void test_pairs(struct sluice_decoder *decoder)
{
    char usual_text[TEXT];
    char text[TEXT];
    char before[TEXT];
    const struct sluice_str plain = write_record(usual_text, 0, usual[0]);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(others); i++) {
        for (size_t k = 0; others[i].values[k] != NULL; k++) {
            check_learn(decoder, plain);
            check_read(decoder, write_record(text, others[i].at, others[i].values[k]));
            for (size_t m = 0; others[i].values[m] != NULL; m++) {
                check_learn(decoder, write_record(before, others[i].at, others[i].values[m]));
                check_read(decoder, write_record(text, others[i].at, others[i].values[k]));
            }
            check_read(decoder, plain);
        }
    }
}

static void test_cuts(struct sluice_decoder *decoder)
{
    char text[TEXT];
    const struct sluice_str plain = write_record(text, 0, usual[0]);
    for (size_t n = 0; n < plain.len; n++) {
        check_learn(decoder, plain);
        check_read(decoder, (struct sluice_str){plain.ptr, n});
    }
}

static void test_avro(struct sluice_decoder *decoder)
{
    static const unsigned char changes[] = {0x01, 0x02, 0x04, 0x40, 0x80, 0xff};
    unsigned char changed[TEXT];
    SLUICE_AUTO(captured) struct captured captured;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 16 << 20, "schemas");
    captured_avro_init(&captured, "customers", "values");
    const struct framed_schema *schema = captured_avro_schema("customers", "value.avsc", &arena);
    const struct sluice_str bytes = captured_avro_payload(captured.records[captured.n_records / 2]);
    if (!CHECK(captured.records[captured.n_records / 2].ptr != NULL && bytes.len < TEXT))
        return;
    for (size_t i = 0; i < bytes.len; i++) {
        for (size_t k = 0; k < sizeof changes; k++) {
            memcpy(changed, bytes.ptr, bytes.len);
            changed[i] ^= changes[k];
            for (int n = 0; n <= SOURCE_PATIENCE; n++)
                check_decode(decoder, schema, bytes);
            check_decode(decoder, schema, (struct sluice_str){(const char *)changed, bytes.len});
        }
        check_decode(decoder, schema, bytes);
        check_decode(decoder, schema, (struct sluice_str){bytes.ptr, i});
    }
}

static void check_key(struct sluice_decoder *used, const char *text_z)
{
    struct sluice_error err = {0};
    struct sluice_error fresh_err = {0};
    struct sluice_key key;
    struct sluice_key fresh_key;
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *fresh = NULL;
    if (!CHECK_INT(sluice_decoder_new(&fresh, &err), SLUICE_OK))
        return;
    struct sluice_str text = exact_copy(sluice_str_from(text_z));
    enum sluice_code code = sluice_key_decode(fresh, text, &fresh_key, &fresh_err);
    if (!CHECK_INT(sluice_key_decode(used, text, &key, &err), code))
        (void)fprintf(stderr, "    %s\n", text_z);
    else if (code != SLUICE_OK)
        CHECK_TEXT(err.text, fresh_err.text);
    else if (CHECK_INT(key.n_fields, fresh_key.n_fields) && CHECK(names_equal(key.key_schema, fresh_key.key_schema))) {
        for (size_t i = 0; i < key.n_fields; i++)
            CHECK(names_equal(key.fields[i].name, fresh_key.fields[i].name) &&
                  names_equal(key.fields[i].value.text, fresh_key.fields[i].value.text) &&
                  key.fields[i].value.kind == fresh_key.fields[i].value.kind);
    }
    exact_free(text);
}

static void test_keys(struct sluice_decoder *decoder)
{
    static const char *const keys[] = {
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":1}}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":22,\"b\":null}}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":1} }",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":1},\"more\":1}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":1}} ",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":1}}x",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":1}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":01}}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{\"id\":1,\"id\":1}}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":{}}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":null}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":7}",
        "{\"schema\":{\"type\":\"struct\"},\"payload\":",
        "{\"schema\":{\"type\":\"record\"},\"payload\":{\"id\":1}}",
        "{\"schema\":null,\"payload\":{\"id\":1}}",
        "{\"payload\":{\"id\":1},\"schema\":{\"type\":\"struct\"}}",
        "{ \"schema\" : {\"type\":\"struct\"} , \"payload\" : {\"id\":1}}",
        "{\"id\":1}",
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(keys); i++) {
        for (size_t k = 0; k < SLUICE_N_ELEMENTS(keys); k++) {
            check_key(decoder, keys[i]);
            check_key(decoder, keys[k]);
        }
    }
}

int main(void)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *decoder = NULL;
    if (!CHECK_INT(sluice_decoder_new(&decoder, &err), SLUICE_OK))
        return check_result();
    test_pairs(decoder);
    test_cuts(decoder);
    test_avro(decoder);
    test_keys(decoder);
    return check_result();
}
