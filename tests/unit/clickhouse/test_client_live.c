/* The client against a real engine; with clickhouse-embedded its faults are played too. */
#include "clickhouse/tsv.h"
#include "live.h"
#include "support/faults.h"

static char target_name[96];

/* ---- rows ---- */

/* RowBinaryWithNamesAndTypes of (id Int64, name String) with `n` rows from `first` on. */
struct rows {
    struct sluice_buf bytes;
    size_t at;
};

static size_t rows_read(void *ctx, char *out, size_t capacity)
{
    struct rows *rows = ctx;
    size_t n = rows->bytes.len - rows->at;
    n = n < capacity ? n : capacity;
    memcpy(out, rows->bytes.ptr + rows->at, n);
    rows->at += n;
    return n;
}

static void rows_rewind(void *ctx)
{
    struct rows *rows = ctx;
    rows->at = 0;
}

static void add_string(struct sluice_buf *buf, const char *text)
{
    CHECK_INT(sluice_buf_append_leb128(buf, strlen(text), &why), SLUICE_OK);
    CHECK_INT(sluice_buf_append_z(buf, text, &why), SLUICE_OK);
}

static void rows_init(struct rows *rows, const char *id_type, int64_t first, size_t n)
{
    *rows = (struct rows){0};
    sluice_buf_init(&rows->bytes, 16 << 20, "rows");
    CHECK_INT(sluice_buf_append_leb128(&rows->bytes, 2, &why), SLUICE_OK);
    add_string(&rows->bytes, "id");
    add_string(&rows->bytes, "name");
    add_string(&rows->bytes, id_type);
    add_string(&rows->bytes, "String");
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; code == SLUICE_OK && i < n; i++) {
        int64_t id = first + (int64_t)i;
        code = sluice_buf_append(&rows->bytes, &id, sizeof id, &why);
        if (code == SLUICE_OK)
            code = sluice_buf_append(&rows->bytes, "\003abc", 4, &why);
    }
    CHECK_INT(code, SLUICE_OK);
}

static struct sluice_ch_insert_result result;

static enum sluice_code insert_into(const char *table, struct rows *rows, size_t n_rows, const char *token)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql, "INSERT INTO `%s`.`%s` (`id`, `name`) FORMAT RowBinaryWithNamesAndTypes", database,
                   table);
    (void)snprintf(target_name, sizeof target_name, "%s.%s", database, table);
    const struct sluice_ch_insert insert = {.sql = sql,
                                            .target = target_name,
                                            .n_rows = n_rows,
                                            .read = rows_read,
                                            .rewind = rows_rewind,
                                            .ctx = rows,
                                            .token = token};
    return sluice_ch_insert(client, &insert, &result, &why);
}

static enum sluice_code insert(int64_t first, size_t n, const char *token)
{
    struct rows rows;
    rows_init(&rows, "Int64", first, n);
    enum sluice_code code = insert_into("t", &rows, n, token);
    sluice_buf_deinit(&rows.bytes);
    return code;
}

static enum sluice_code run(const char *format, const char *name)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql, "%s `%s`%s", format, database, name);
    return sluice_ch_run_ddl(client, "prepare", sql, &why);
}

/* ---- tests ---- */

static void test_tables(void)
{
    bool exists = true;
    struct sluice_ch_server server;
    CHECK_INT(sluice_ch_probe(client, &server, &why), SLUICE_OK);
    (void)fprintf(stderr, "%s at %s, %d pinned settings known\n", server.version, url,
                  __builtin_popcountll(server.known));
    CHECK(server.major >= 23);
    CHECK(sluice_ch_server_knows(&server, "async_insert"));
    CHECK_INT(sluice_ch_database_exists(client, database, &exists, &why), SLUICE_OK);
    CHECK(!exists);
    CHECK_INT(run("CREATE DATABASE", ""), SLUICE_OK);
    CHECK_INT(sluice_ch_database_exists(client, database, &exists, &why), SLUICE_OK);
    CHECK(exists);
    CHECK_INT(run("CREATE TABLE", ".t (id Int64, name String) ENGINE = MergeTree ORDER BY id SETTINGS "
                                  "non_replicated_deduplication_window = 100"),
              SLUICE_OK);
    CHECK_INT(run("CREATE TABLE", ".t (id Int64) ENGINE = MergeTree ORDER BY id"), SLUICE_E_SERVER);
    CHECK_INT(why.detail, 57);
}

static void test_description(void)
{
    bool exists = true;
    SLUICE_AUTO(sluice_target) struct sluice_target none;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&none);
    sluice_target_init(&target);
    CHECK_INT(sluice_ch_read_target(client, database, "nothing here", &none, &exists, &why), SLUICE_OK);
    CHECK(!exists);
    CHECK_INT(run("CREATE TABLE",
                  ".`o\\`dd\\n` (id Int64, `a\\tb` Nullable(Decimal(20, 4)) DEFAULT 1, at DateTime64(6, 'UTC'), "
                  "kind Enum8('a\\'b' = 1, 'c,d)' = -2), any Variant(String, UInt8), m Int8 MATERIALIZED 1, "
                  "_version UInt128, is_deleted UInt8) ENGINE = ReplacingMergeTree(_version, is_deleted) "
                  "PARTITION BY toYYYYMM(at) ORDER BY (id, at)"),
              SLUICE_OK);
    CHECK_INT(sluice_ch_read_target(client, database, "o`dd\n", &target, &exists, &why), SLUICE_OK);
    if (!CHECK(exists && target.n_columns == 8))
        return;
    CHECK_TEXT(target.engine, "ReplacingMergeTree");
    CHECK_TEXT(target.version_column, "_version");
    CHECK_TEXT(target.deleted_column, "is_deleted");
    CHECK_TEXT(target.sorting_key, "id, at");
    CHECK_INT(strlen(target.uuid), 36);
    CHECK_TEXT(target.columns[1].name, "a\tb");
    CHECK_INT(target.columns[1].default_kind, SLUICE_DEFAULT_EXPRESSION);
    CHECK(target.columns[1].type != NULL && target.columns[1].type->nullable);
    CHECK(target.columns[2].in_sorting_key && target.columns[2].in_partition_key);
    CHECK(target.columns[3].type != NULL && target.columns[3].type->n_labels == 2);
    CHECK(target.columns[4].type == NULL);
    CHECK_INT(target.columns[5].default_kind, SLUICE_DEFAULT_MATERIALIZED);
}

static void test_inserts(void)
{
    CHECK_INT(insert(0, 3, "a"), SLUICE_OK);
    CHECK(result.has_written_rows);
    CHECK_INT(result.written_rows, 3);
    CHECK_INT(count("t"), 3);
    /* A deduplicated insert answers as the first one did, written rows included. */
    CHECK_INT(insert(0, 3, "a"), SLUICE_OK);
    CHECK(result.has_written_rows);
    CHECK_INT(result.written_rows, 3);
    CHECK_INT(count("t"), 3);
    CHECK_INT(insert(0, 3, "b"), SLUICE_OK);
    CHECK_INT(count("t"), 6);
    CHECK_INT(insert(100, 200000, "large"), SLUICE_OK);
    CHECK_INT(count("t"), 200006);
}

static void test_refusals(void)
{
    struct rows rows;
    rows_init(&rows, "Int32", 0, 2);
    CHECK_INT(insert_into("t", &rows, 2, "c"), SLUICE_E_SERVER);
    CHECK_INT(sluice_ch_client_failure(client)->advice, SLUICE_CH_REREAD_SCHEMA);
    CHECK_INT(why.detail, 117);
    sluice_buf_deinit(&rows.bytes);
    rows_init(&rows, "Int64", 0, 2);
    rows.bytes.len -= 3;
    CHECK_INT(insert_into("t", &rows, 2, "d"), SLUICE_E_SERVER);
    CHECK_INT(sluice_ch_client_failure(client)->advice, SLUICE_CH_REREAD_SCHEMA);
    rows.bytes.len += 3;
    CHECK_INT(insert_into("absent", &rows, 2, "e"), SLUICE_E_SERVER);
    CHECK_INT(why.detail, 60);
    CHECK_INT(why.action, SLUICE_RETRY);
    (void)fprintf(stderr, "%s\n", why.text);
    sluice_buf_deinit(&rows.bytes);
    CHECK_INT(count("t"), 200006);
    CHECK_INT(run("CREATE TABLE",
                  ".positive (id Int64, name String, CONSTRAINT c CHECK id > 0) ENGINE = MergeTree ORDER BY id"),
              SLUICE_OK);
    rows_init(&rows, "Int64", -77123, 1);
    CHECK_INT(insert_into("positive", &rows, 1, NULL), SLUICE_E_SERVER);
    CHECK_INT(sluice_ch_client_failure(client)->advice, SLUICE_CH_BAD_ROW);
    CHECK(strstr(why.text, "77123") == NULL);
    sluice_buf_deinit(&rows.bytes);
}

static void test_parameters(void)
{
    char bytes[255];
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_arena_init(&arena, 65536, "test");
    sluice_buf_init(&answer, 65536, "answer");
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)(i + 1);
    const struct sluice_ch_pair params[] = {{"k", {bytes, sizeof bytes}}, {"n", SLUICE_STR_LITERAL("-5")}};
    const struct sluice_ch_query query = {
        .sql = "SELECT {k:String}, {n:Int64} FORMAT TabSeparated", .what = "echo", .params = params, .n_params = 2};
    if (!CHECK_INT(sluice_ch_query(client, &query, &answer, &why), SLUICE_OK)) {
        (void)fprintf(stderr, "%s\n", why.text);
        return;
    }
    struct sluice_str text = sluice_buf_str(&answer);
    struct sluice_str line;
    struct sluice_str field = {0};
    const char *got = "";
    CHECK(tsv_next_line(&text, &line) && tsv_next_field(&line, &field));
    CHECK_INT(tsv_unescape(&arena, field, &got, &why), SLUICE_OK);
    CHECK_BYTES(got, strlen(got), bytes, sizeof bytes);
    CHECK(tsv_next_field(&line, &field) && sluice_str_equal_z(field, "-5"));
}

/* ---- clickhouse-embedded's faults ---- */

static void test_faults(void)
{
    static const struct {
        const char *fault;
        enum sluice_code code;
        bool stored;
        bool unknown_outcome;
    } cases[] = {
        {"kind=cut_before", SLUICE_E_HTTP, false, true},         {"kind=cut_after", SLUICE_E_HTTP, true, true},
        {"kind=refuse&code=241", SLUICE_E_SERVER, false, false}, {"kind=status&code=209", SLUICE_E_SERVER, false, true},
        {"kind=proxy&status=502", SLUICE_E_HTTP, false, true},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        char token[32];
        (void)snprintf(token, sizeof token, "fault-%zu", i);
        long before = count("t");
        play_fault(url, cases[i].fault);
        CHECK_INT(insert(0, 2, token), cases[i].code);
        (void)fprintf(stderr, "- %s\n  %s\n", cases[i].fault, why.text);
        CHECK_INT(why.action, SLUICE_RETRY);
        CHECK_INT(sluice_ch_client_failure(client)->unknown_outcome, cases[i].unknown_outcome);
        if (cases[i].stored)
            CHECK_INT(count("t"), before + 2);
        /* Same bytes, same token: stored once, whatever happened to the first attempt. */
        CHECK_INT(insert(0, 2, token), SLUICE_OK);
        CHECK_INT(count("t"), before + 2);
    }
}

int main(int argc, char **argv)
{
    int status = live_begin(argc, argv);
    if (status != 0)
        return status;
    test_tables();
    test_description();
    test_inserts();
    test_refusals();
    test_parameters();
    if (url == own_url)
        test_faults();
    return live_end();
}
