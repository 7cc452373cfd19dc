/* truncate.c - see truncate.h. */
#include "clickhouse/truncate.h"

#include <inttypes.h>
#include <stdio.h>

#include "clickhouse/schema.h"
#include "table/ddl.h"

enum { SQL_MAX_BYTES = 64 * 1024, ANSWER_MAX_BYTES = 4096, HEX_BYTES = 33, WHAT_BYTES = 320, UNKNOWN_TABLE = 60 };

static void describe(char what[WHAT_BYTES], const char *verb, const struct sluice_ch_emptied *emptied)
{
    (void)snprintf(what, WHAT_BYTES, "%s \"%.120s.%.120s\"", verb, emptied->database, emptied->table);
}

static enum sluice_code append_table(struct sluice_buf *sql, const char *database, const char *table,
                                     struct sluice_error *err)
{
    enum sluice_code code = sluice_ddl_quote_name(sql, database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_name(sql, table, err);
}

/* 'database.table', 'source' */
static enum sluice_code append_names(struct sluice_buf *sql, const struct sluice_ch_emptied *emptied,
                                     const char *between, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf target;
    sluice_buf_init(&target, SQL_MAX_BYTES, "name of a table");
    enum sluice_code code = sluice_buf_printf(&target, err, "%s.%s", emptied->database, emptied->table);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_text(sql, sluice_buf_str(&target), err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, between, err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_text(sql, sluice_str_from(emptied->source), err);
}

/* UInt128 as an expression: literals end at 64 bits. */
static enum sluice_code append_version(struct sluice_buf *sql, struct sluice_version version, struct sluice_error *err)
{
    return sluice_buf_printf(sql, err, "bitOr(bitShiftLeft(toUInt128(%" PRIu64 "), 64), toUInt128(%" PRIu64 "))",
                             version.high, version.low);
}

static bool read_hex(struct sluice_str text, struct sluice_version *out)
{
    uint64_t parts[2] = {0, 0};
    if (text.len != HEX_BYTES || text.ptr[HEX_BYTES - 1] != '\n')
        return false;
    for (size_t i = 0; i < HEX_BYTES - 1; i++) {
        char c = text.ptr[i];
        uint64_t digit = c >= '0' && c <= '9'   ? (uint64_t)(c - '0')
                         : c >= 'A' && c <= 'F' ? (uint64_t)(c - 'A' + 10)
                                                : 16;
        if (digit > 15)
            return false;
        parts[i / 16] = parts[i / 16] << 4 | digit;
    }
    *out = (struct sluice_version){parts[0], parts[1]};
    return true;
}

enum sluice_code sluice_ch_truncated_at(struct sluice_ch_client *client, const struct sluice_ch_emptied *emptied,
                                        struct sluice_version *out, struct sluice_error *err)
{
    char what[WHAT_BYTES];
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&sql, SQL_MAX_BYTES, "question for a TRUNCATE");
    sluice_buf_init(&answer, ANSWER_MAX_BYTES, "answer about a TRUNCATE");
    describe(what, "look for a TRUNCATE of", emptied);
    /* hex() shows a UInt128 with all its digits; an empty aggregate is 0. */
    enum sluice_code code = sluice_buf_append_z(&sql, "SELECT leftPad(hex(max(truncated_at)), 32, '0') FROM ", err);
    if (code == SLUICE_OK)
        code = append_table(&sql, emptied->home, SLUICE_TRUNCATES_TABLE, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&sql, " WHERE target = ", err);
    if (code == SLUICE_OK)
        code = append_names(&sql, emptied, " AND source = ", err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&sql, " FORMAT TSV", err);
    if (code != SLUICE_OK)
        return code;
    const struct sluice_ch_query query = {.sql = sluice_buf_text(&sql), .what = what};
    code = sluice_ch_query(client, &query, &answer, err);
    if (code != SLUICE_OK && sluice_ch_client_failure(client)->server_code == UNKNOWN_TABLE) {
        *out = (struct sluice_version){0, 0}; /* nothing was ever emptied */
        return SLUICE_OK;
    }
    if (code == SLUICE_OK && !read_hex(sluice_buf_str(&answer), out))
        return sluice_error_set(err, SLUICE_E_SERVER, SLUICE_STOP_PARTITION,
                                "%s: the server's answer is not understood; check its version", what);
    return code;
}

/* All columns are kept: the sorting key and PARTITION BY may use any of them. FINAL shows the newest row of each key,
 * so a key that was written again since is left alone. The inner SELECT is needed: WHERE would take the new version for
 * the column. */
static enum sluice_code write_delete(struct sluice_buf *sql, const struct sluice_target *target,
                                     const struct sluice_ch_emptied *emptied, struct sluice_version version,
                                     struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf at;
    SLUICE_AUTO(sluice_buf) struct sluice_buf names;
    sluice_buf_init(&at, SQL_MAX_BYTES, "version of a TRUNCATE");
    sluice_buf_init(&names, SQL_MAX_BYTES, "names of columns");
    SLUICE_AUTO(sluice_buf) struct sluice_buf table;
    SLUICE_AUTO(sluice_buf) struct sluice_buf deleted;
    sluice_buf_init(&table, SQL_MAX_BYTES, "name of a table");
    sluice_buf_init(&deleted, SQL_MAX_BYTES, "name of a column");
    enum sluice_code code = append_version(&at, version, err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(&names, target->version_column, err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(&deleted, target->deleted_column, err);
    if (code == SLUICE_OK)
        code = append_table(&table, emptied->database, emptied->table, err);
    return code != SLUICE_OK
               ? code
               : sluice_buf_printf(
                     sql, err,
                     "INSERT INTO %s SELECT * REPLACE (%s AS %s, 1 AS %s) FROM (SELECT * FROM %s FINAL WHERE %s < %s)",
                     sluice_buf_text(&table), sluice_buf_text(&at), sluice_buf_text(&names), sluice_buf_text(&deleted),
                     sluice_buf_text(&table), sluice_buf_text(&names), sluice_buf_text(&at));
}

enum sluice_code sluice_ch_delete_older(struct sluice_ch_client *client, const struct sluice_ch_emptied *emptied,
                                        struct sluice_version version, struct sluice_error *err)
{
    char what[WHAT_BYTES];
    bool exists = false;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_target_init(&target);
    sluice_buf_init(&sql, SQL_MAX_BYTES, "deleting the rows before a TRUNCATE");
    describe(what, "delete the rows before a TRUNCATE in", emptied);
    enum sluice_code code = sluice_ch_read_target(client, emptied->database, emptied->table, &target, &exists, err);
    if (code != SLUICE_OK || !exists)
        return code;
    if (*target.version_column == '\0' || *target.deleted_column == '\0')
        return sluice_error_set(
            err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
            "%s: the table's engine names no version and deleted column; set truncate: ignore for it", what);
    code = write_delete(&sql, &target, emptied, version, err);
    if (code != SLUICE_OK)
        return code;
    /* Without tokens the server compares blocks by content, and would leave out one that it has seen. */
    static const struct sluice_ch_pair settings[] = {
        {"insert_deduplicate", {"0", 1}},
        {"max_partitions_per_insert_block", {"0", 1}},
        {"do_not_merge_across_partitions_select_final", {"0", 1}},
        {"optimize_move_to_prewhere_if_final", {"0", 1}},
    };
    const struct sluice_ch_query query = {
        .sql = sluice_buf_text(&sql), .what = what, .settings = settings, .n_settings = SLUICE_N_ELEMENTS(settings)};
    return sluice_ch_query(client, &query, NULL, err);
}

static enum sluice_code make_table(struct sluice_ch_client *client, const char *home, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, SQL_MAX_BYTES, "CREATE TABLE " SLUICE_TRUNCATES_TABLE);
    enum sluice_code code = sluice_buf_append_z(&sql, "CREATE TABLE IF NOT EXISTS ", err);
    if (code == SLUICE_OK)
        code = append_table(&sql, home, SLUICE_TRUNCATES_TABLE, err);
    if (code == SLUICE_OK)
        code =
            sluice_buf_append_z(&sql,
                                " (target String, source String, truncated_at UInt128, seen_at DateTime DEFAULT now()) "
                                "ENGINE = ReplacingMergeTree(truncated_at) ORDER BY (target, source) "
                                "SETTINGS fsync_after_insert = 1 COMMENT 'sluice: rows below truncated_at are deleted'",
                                err);
    return code != SLUICE_OK
               ? code
               : sluice_ch_run_ddl(client, "create table \"" SLUICE_TRUNCATES_TABLE "\"", sluice_buf_text(&sql), err);
}

static enum sluice_code remember(struct sluice_ch_client *client, const struct sluice_ch_emptied *emptied,
                                 struct sluice_version version, struct sluice_error *err)
{
    char what[WHAT_BYTES];
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, SQL_MAX_BYTES, "remembering a TRUNCATE");
    describe(what, "remember a TRUNCATE of", emptied);
    enum sluice_code code = sluice_buf_append_z(&sql, "INSERT INTO ", err);
    if (code == SLUICE_OK)
        code = append_table(&sql, emptied->home, SLUICE_TRUNCATES_TABLE, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&sql, " (target, source, truncated_at) SELECT ", err);
    if (code == SLUICE_OK)
        code = append_names(&sql, emptied, ", ", err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&sql, ", ", err);
    if (code == SLUICE_OK)
        code = append_version(&sql, version, err);
    if (code != SLUICE_OK)
        return code;
    /* A block that the server takes for a repeated one would be a mark that is not there. */
    static const struct sluice_ch_pair settings[] = {{"insert_deduplicate", {"0", 1}}, {"async_insert", {"0", 1}}};
    const struct sluice_ch_query query = {
        .sql = sluice_buf_text(&sql), .what = what, .settings = settings, .n_settings = SLUICE_N_ELEMENTS(settings)};
    return sluice_ch_query(client, &query, NULL, err);
}

enum sluice_code sluice_ch_truncate(struct sluice_ch_client *client, const struct sluice_ch_emptied *emptied,
                                    struct sluice_version version, struct sluice_error *err)
{
    enum sluice_code code = make_table(client, emptied->home, err);
    if (code == SLUICE_OK)
        code = remember(client, emptied, version, err);
    return code != SLUICE_OK ? code : sluice_ch_delete_older(client, emptied, version, err);
}
