/* moved.c - see moved.h. A created half of a key change comes within its transaction's time in the log, so that it is
 * read days later only where its partition stood still: seven days are as long as Kafka keeps records by default. */
#include "clickhouse/moved.h"

#include <stdio.h>

#include "clickhouse/question.h"
#include "clickhouse/schema.h"
#include "table/ddl.h"

enum { SQL_MAX_BYTES = 64 * 1024, UNKNOWN_TABLE = 60, ACCESS_DENIED = 497 };

static enum sluice_code append_home(struct sluice_buf *sql, const struct sluice_ch_moved *moved,
                                    struct sluice_error *err)
{
    enum sluice_code code = sluice_ddl_quote_name(sql, moved->home, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_name(sql, SLUICE_MOVED_TABLE, err);
}

/* 'database.table', then 'source' */
static enum sluice_code append_names(struct sluice_buf *sql, const struct sluice_ch_moved *moved, const char *between,
                                     struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf target;
    sluice_buf_init(&target, SQL_MAX_BYTES, "name of a table");
    enum sluice_code code =
        sluice_buf_printf(&target, err, "%s.%s", sluice_plan_database(moved->plan), sluice_plan_table(moved->plan));
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_text(sql, sluice_buf_str(&target), err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, between, err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_text(sql, sluice_str_from(moved->source), err);
}

static bool failed_with(const struct sluice_ch_client *client, enum sluice_code code, int server_code)
{
    return code != SLUICE_OK && sluice_ch_client_failure(client)->server_code == server_code;
}

static enum sluice_code name_right(const struct sluice_ch_client *client, const struct sluice_ch_moved *moved,
                                   enum sluice_code code, struct sluice_error *err)
{
    if (!failed_with(client, code, ACCESS_DENIED))
        return code;
    return sluice_error_wrap(err, "GRANT SELECT, INSERT, CREATE TABLE ON %s." SLUICE_MOVED_TABLE " is needed",
                             moved->home);
}

/* --- asking --- */

/* Number, key and version from `first` on, as many as a chunk takes; *end is behind the last one. */
static enum sluice_code fill_values(struct question *question, const struct settle *settle, size_t first, size_t *end,
                                    struct sluice_error *err)
{
    struct sluice_buf *values = &question->values;
    enum sluice_code code = SLUICE_OK;
    size_t i = first;
    sluice_buf_clear(values);
    for (; code == SLUICE_OK && i < settle_n_moved(settle) && values->len < QUESTION_CHUNK_BYTES; i++) {
        const struct settle_moved asked = settle_moved(settle, i);
        unsigned char bytes[PLAN_VERSION_BYTES] = {(unsigned char)i, (unsigned char)(i >> 8), (unsigned char)(i >> 16),
                                                   (unsigned char)(i >> 24)};
        code = sluice_buf_append(values, bytes, sizeof(uint32_t), err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_leb128(values, asked.key.len, err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_str(values, asked.key, err);
        convert_put_64(bytes, asked.version.low);
        convert_put_64(bytes + 8, asked.version.high);
        if (code == SLUICE_OK)
            code = sluice_buf_append(values, bytes, sizeof bytes, err);
    }
    *end = i;
    return code;
}

/* Of values that were stored twice and not merged yet, any is as good; of two types both. */
static enum sluice_code write_question(struct question *question, const struct sluice_ch_moved *moved,
                                       struct sluice_error *err)
{
    const struct sluice_str structure = SLUICE_STR_LITERAL("`sluice:n` UInt32, key String, version UInt128");
    struct sluice_buf *sql = &question->sql;
    sluice_buf_clear(sql);
    enum sluice_code code = question_append_asked(question, structure, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql,
                                   " SELECT `sluice:n`, `column`, `type`, `value` FROM (SELECT key, version, `column`, "
                                   "`type`, `value` FROM ",
                                   err);
    if (code == SLUICE_OK)
        code = append_home(sql, moved, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, " WHERE target = ", err);
    if (code == SLUICE_OK)
        code = append_names(sql, moved, " AND source = ", err);
    return code != SLUICE_OK
               ? code
               : sluice_buf_append_z(sql,
                                     " AND (version, key) IN (SELECT version, key FROM asked)) AS held INNER JOIN "
                                     "asked USING (version, key) LIMIT 1 BY `sluice:n`, `column`, `type` FORMAT "
                                     "RowBinary",
                                     err);
}

enum sluice_code sluice_ch_ask_moved(struct sluice_ch_client *client, const struct sluice_ch_moved *moved,
                                     struct settle *settle, struct sluice_error *err)
{
    struct question question;
    if (settle_n_moved(settle) == 0)
        return SLUICE_OK;
    enum sluice_code code = question_init(&question, client, moved->plan, "look up moved values of", err);
    for (size_t first = 0, end = 0; code == SLUICE_OK && first < settle_n_moved(settle); first = end) {
        code = fill_values(&question, settle, first, &end, err);
        if (code == SLUICE_OK)
            code = write_question(&question, moved, err);
        if (code != SLUICE_OK)
            break;
        code = question_ask(&question, NULL, 0, err);
        if (failed_with(client, code, UNKNOWN_TABLE)) {
            code = SLUICE_OK; /* nothing was ever put aside */
            break;
        }
        code = name_right(client, moved, code, err);
        if (code == SLUICE_OK)
            code = settle_moved_answer(settle, sluice_buf_str(&question.answer), err);
    }
    question_deinit(&question);
    return code;
}

/* --- storing --- */

static enum sluice_code make_table(struct sluice_ch_client *client, const struct sluice_ch_moved *moved,
                                   struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, SQL_MAX_BYTES, "CREATE TABLE " SLUICE_MOVED_TABLE);
    enum sluice_code code = sluice_buf_append_z(&sql, "CREATE TABLE IF NOT EXISTS ", err);
    if (code == SLUICE_OK)
        code = append_home(&sql, moved, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(
            &sql,
            " (target String, source String, version UInt128, key String, `column` String, `type` String, `value` "
            "String, at DateTime DEFAULT now()) ENGINE = ReplacingMergeTree ORDER BY (target, source, version, key, "
            "`column`, `type`) TTL at + INTERVAL 7 DAY SETTINGS fsync_after_insert = 1 COMMENT 'sluice: unchanged "
            "values of rows whose key changes, for the row under the new key'",
            err);
    return code != SLUICE_OK
               ? code
               : sluice_ch_run_ddl(client, "create table \"" SLUICE_MOVED_TABLE "\"", sluice_buf_text(&sql), err);
}

struct values_reader {
    struct sluice_str values;
    size_t at;
};

static size_t read_values(void *ctx, char *out, size_t capacity)
{
    struct values_reader *reader = ctx;
    const size_t n_left = reader->values.len - reader->at;
    const size_t n = n_left < capacity ? n_left : capacity;
    memcpy(out, reader->values.ptr + reader->at, n);
    reader->at += n;
    return n;
}

static void rewind_values(void *ctx)
{
    struct values_reader *reader = ctx;
    reader->at = 0;
}

static enum sluice_code write_insert(struct sluice_buf *sql, const struct sluice_ch_moved *moved,
                                     struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, "INSERT INTO ", err);
    if (code == SLUICE_OK)
        code = append_home(sql, moved, err);
    return code != SLUICE_OK
               ? code
               : sluice_buf_append_z(sql, " (target, source, key, version, `column`, `type`, `value`) FORMAT RowBinary",
                                     err);
}

enum sluice_code sluice_ch_put_aside(struct sluice_ch_client *client, const struct sluice_ch_moved *moved,
                                     struct sluice_str values, size_t n_values, struct sluice_error *err)
{
    struct values_reader reader = {values, 0};
    struct sluice_ch_insert_result result;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, SQL_MAX_BYTES, "INSERT INTO " SLUICE_MOVED_TABLE);
    enum sluice_code code = write_insert(&sql, moved, err);
    if (code != SLUICE_OK)
        return code;
    const struct sluice_ch_insert request = {.sql = sluice_buf_text(&sql),
                                             .target = SLUICE_MOVED_TABLE,
                                             .n_rows = n_values,
                                             .read = read_values,
                                             .rewind = rewind_values,
                                             .ctx = &reader,
                                             .allow_repeat = true};
    code = sluice_ch_insert(client, &request, &result, err);
    if (failed_with(client, code, UNKNOWN_TABLE)) {
        code = make_table(client, moved, err);
        if (code == SLUICE_OK)
            code = sluice_ch_insert(client, &request, &result, err);
    }
    return name_right(client, moved, code, err);
}
