/* The records in tests/data/envelopes/<case>/: `value` and `key` as they stood in Kafka (no file: null) are taken apart
 * and written down as text, which has to be that of `expected`. A new case needs no change here.
 * `test_debezium_envelopes --rewrite` writes `expected` anew, for a person to look through. */
#include <dirent.h>
#include <stdlib.h>

#include "base/buf.h"
#include "debezium/change.h"
#include "support/check.h"

enum { MAX_FILE = 1 << 16 };

static const char *const kind_names[] = {
    [SLUICE_CHANGE_ROW] = "row",
    [SLUICE_CHANGE_TRUNCATE] = "truncate",
    [SLUICE_CHANGE_TOMBSTONE] = "tombstone",
    [SLUICE_CHANGE_MESSAGE] = "message",
    [SLUICE_CHANGE_HEARTBEAT] = "heartbeat",
    [SLUICE_CHANGE_TRANSACTION] = "transaction",
    [SLUICE_CHANGE_NOTIFICATION] = "notification",
};

static const char *const value_kinds[] = {
    [SLUICE_VALUE_NULL] = "null",     [SLUICE_VALUE_TRUE] = "true",
    [SLUICE_VALUE_FALSE] = "false",   [SLUICE_VALUE_NUMBER] = "number",
    [SLUICE_VALUE_STRING] = "string", [SLUICE_VALUE_STRING_ESCAPED] = "escaped string",
    [SLUICE_VALUE_OBJECT] = "object", [SLUICE_VALUE_ARRAY] = "array",
};

/* Appends; the buffers here are large enough by far, and a test that runs out of memory may end. */
#define PRINT(buf, ...)                                                                                                \
    do {                                                                                                               \
        struct sluice_error print_err;                                                                                 \
        if (sluice_buf_printf((buf), &print_err, __VA_ARGS__) != SLUICE_OK)                                            \
            abort();                                                                                                   \
    } while (0)

static void release(char **bytes)
{
    free(*bytes);
}
SLUICE_DEFINE_AUTO(bytes, char *, release)

/* The file, in memory of exactly its size that *owner frees; ptr NULL if there is none. */
static struct sluice_str load(const char *case_z, const char *file_z, char **owner)
{
    static char bytes[MAX_FILE];
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/envelopes/%s/%s", SLUICE_TEST_DATA, case_z, file_z);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return (struct sluice_str){NULL, 0};
    size_t n = fread(bytes, 1, sizeof bytes, file);
    char *copy = malloc(n > 0 ? n : 1);
    if (fclose(file) != 0 || n == sizeof bytes || copy == NULL)
        abort();
    memcpy(copy, bytes, n);
    *owner = copy;
    return (struct sluice_str){copy, n};
}

static void print_fields(struct sluice_buf *out, const char *title, const struct sluice_field *fields, size_t n)
{
    PRINT(out, "%s\n", title);
    for (size_t i = 0; i < n; i++)
        PRINT(out, "  %.*s: %s %.*s\n", SLUICE_STR_ARG(fields[i].name), value_kinds[fields[i].value.kind],
              SLUICE_STR_ARG(fields[i].value.text));
}

static void print_optional(struct sluice_buf *out, const char *name, bool has, uint64_t number)
{
    if (has)
        PRINT(out, "%s %" PRIu64 "\n", name, number);
}

static void print_source(struct sluice_buf *out, const struct sluice_source *source)
{
    PRINT(out, "source name \"%.*s\" db \"%.*s\" schema \"%.*s\" table \"%.*s\"\n", SLUICE_STR_ARG(source->name),
          SLUICE_STR_ARG(source->db), SLUICE_STR_ARG(source->schema), SLUICE_STR_ARG(source->table));
    PRINT(out, "snapshot %s\n", source->snapshot ? "yes" : "no");
    print_optional(out, "lsn", source->has_lsn, source->lsn);
    print_optional(out, "sequence0", source->has_sequence0, source->sequence0);
    print_optional(out, "sequence1", source->has_sequence1, source->sequence1);
    print_optional(out, "txid", source->has_txid, source->txid);
    PRINT(out, "source ts_us %" PRId64 "\n", source->ts_us);
}

static void print_change(struct sluice_buf *out, const struct sluice_change *change)
{
    PRINT(out, "kind %s\n", kind_names[change->kind]);
    if (change->op != 0) {
        PRINT(out, "op %c\n", change->op);
        print_source(out, &change->source);
    }
    PRINT(out, "ts_ms %" PRId64 "\n", change->ts_ms);
    if (change->value_schema.len > 0)
        PRINT(out, "schema of %zu bytes\n", change->value_schema.len);
    if (change->before.len > 0)
        PRINT(out, "before %.*s\n", SLUICE_STR_ARG(change->before));
    if (change->has_image)
        print_fields(out, "fields", change->fields, change->n_fields);
}

static void describe(struct sluice_decoder *decoder, const char *case_z, struct sluice_buf *out)
{
    struct sluice_change change;
    struct sluice_key key;
    struct sluice_error err;
    SLUICE_AUTO(bytes) char *value_bytes = NULL;
    SLUICE_AUTO(bytes) char *key_bytes = NULL;
    struct sluice_str value_text = load(case_z, "value", &value_bytes);
    struct sluice_str key_text = load(case_z, "key", &key_bytes);
    if (sluice_change_decode(decoder, value_text, (struct sluice_str){NULL, 0}, &change, &err) == SLUICE_OK)
        print_change(out, &change);
    else
        PRINT(out, "error %s\n%s\n", sluice_code_label(err.code), err.text);
    if (sluice_key_decode(decoder, key_text, &key, &err) == SLUICE_OK)
        print_fields(out, "key", key.fields, key.n_fields);
    else
        PRINT(out, "key: error %s\n%s\n", sluice_code_label(err.code), err.text);
}

static void rewrite(const char *case_z, const struct sluice_buf *text)
{
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/envelopes/%s/expected", SLUICE_TEST_DATA, case_z);
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(text->ptr, 1, text->len, file) != text->len || fclose(file) != 0)
        abort();
}

static void run_case(struct sluice_decoder *decoder, const char *case_z, bool rewrites)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf got;
    sluice_buf_init(&got, MAX_FILE, "description of a record");
    describe(decoder, case_z, &got);
    if (rewrites) {
        rewrite(case_z, &got);
        return;
    }
    SLUICE_AUTO(bytes) char *expected_bytes = NULL;
    SLUICE_AUTO(bytes) char *origin_bytes = NULL;
    struct sluice_str expected = load(case_z, "expected", &expected_bytes);
    struct sluice_str origin = load(case_z, "ORIGIN", &origin_bytes);
    if (!CHECK(expected.ptr != NULL) || !CHECK(origin.ptr != NULL) ||
        !CHECK(sluice_str_equal(sluice_buf_str(&got), expected)))
        (void)fprintf(stderr, "    case %s, got:\n%s\n", case_z, sluice_buf_text(&got));
}

int main(int argc, char **argv)
{
    struct sluice_decoder *decoder;
    struct sluice_error err;
    bool rewrites = argc > 1 && strcmp(argv[1], "--rewrite") == 0;
    DIR *cases = opendir(SLUICE_TEST_DATA "/envelopes");
    if (cases == NULL || sluice_decoder_new(&decoder, &err) != SLUICE_OK)
        return 1;
    for (const struct dirent *entry; (entry = readdir(cases)) != NULL;) {
        if (entry->d_name[0] != '.')
            run_case(decoder, entry->d_name, rewrites);
    }
    (void)closedir(cases);
    sluice_decoder_free(decoder);
    return rewrites ? 0 : check_result();
}
