/* verify_target.c - see verify_target.h. */
#include "admin/verify_target.h"

#include "clickhouse/reading.h"
#include "table/ddl.h"

#include <stdio.h>
#include <stdlib.h>

enum { MAX_LINE = 64 << 20, WHAT_BYTES = 300 };

/* What would change the texts that canon.h reads, or which rows FINAL shows. */
static const struct {
    const char *name;
    const char *value;
} pinned[] = {
    {"date_time_output_format", "simple"},
    {"format_tsv_null_representation", "\\N"},
    {"bool_true_representation", "true"},
    {"bool_false_representation", "false"},
    {"output_format_tsv_crlf_end_of_line", "0"},
    {"output_format_decimal_trailing_zeros", "0"},
    {"do_not_merge_across_partitions_select_final", "0"},
    {"optimize_move_to_prewhere_if_final", "0"},
};
enum { N_SETTINGS = READING_N_SETTINGS + SLUICE_N_ELEMENTS(pinned) + 2 };

struct settings {
    struct sluice_ch_pair pairs[N_SETTINGS];
    size_t n;
    char size[24];
};

static void fill_settings(struct settings *settings, const struct verify_plan *plan, const struct sluice_buf *sql)
{
    settings->n = READING_N_SETTINGS;
    reading_settings(settings->pairs);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(pinned); i++)
        settings->pairs[settings->n++] = (struct sluice_ch_pair){pinned[i].name, sluice_str_from(pinned[i].value)};
    (void)snprintf(settings->size, sizeof settings->size, "%zu", sql->len + 1024);
    settings->pairs[settings->n++] = (struct sluice_ch_pair){"max_query_size", sluice_str_from(settings->size)};
    if (plan->home == SLUICE_ENGINE_SHARED)
        settings->pairs[settings->n++] =
            (struct sluice_ch_pair){"select_sequential_consistency", SLUICE_STR_LITERAL("1")};
}

static void name_work(char what[WHAT_BYTES], const char *verb, const struct verify_plan *plan)
{
    (void)snprintf(what, WHAT_BYTES, "%s \"%.120s.%.120s\"", verb, plan->database, plan->target);
}

/* LIGHTWEIGHT waits for parts to come, not for merges. */
enum sluice_code verify_target_sync(struct sluice_ch_client *client, const struct verify_plan *plan,
                                    struct sluice_error *err)
{
    char what[WHAT_BYTES];
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 8192, "a statement");
    if (plan->home != SLUICE_ENGINE_REPLICATED)
        return SLUICE_OK;
    name_work(what, "wait for the replica of", plan);
    enum sluice_code code = sluice_buf_append_z(&sql, "SYSTEM SYNC REPLICA ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(&sql, plan->database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(&sql, '.', err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(&sql, plan->target, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&sql, " LIGHTWEIGHT", err);
    const struct sluice_ch_query query = {.sql = sluice_buf_text(&sql), .what = what};
    return code == SLUICE_OK ? sluice_ch_query(client, &query, NULL, err) : code;
}

enum sluice_code verify_target_count(struct sluice_ch_client *client, const struct verify_plan *plan,
                                     const struct verify_where *where, uint64_t *n_rows, struct sluice_error *err)
{
    char what[WHAT_BYTES];
    struct settings settings;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&sql, VERIFY_SQL_BYTES, "a SELECT");
    sluice_buf_init(&answer, 4096, "a number of rows");
    enum sluice_code code = verify_plan_target_count_sql(plan, where, &sql, err);
    if (code != SLUICE_OK)
        return code;
    name_work(what, "count the rows of", plan);
    fill_settings(&settings, plan, &sql);
    const struct sluice_ch_query query = {
        .sql = sluice_buf_text(&sql), .what = what, .settings = settings.pairs, .n_settings = settings.n};
    code = sluice_ch_query(client, &query, &answer, err);
    if (code == SLUICE_OK)
        *n_rows = strtoull(sluice_buf_text(&answer), NULL, 10);
    return code;
}

/* ---- the stream of rows ---- */

struct lines {
    const struct verify_plan *plan;
    verify_row_fn visit;
    void *context;
    const char *what;
    struct sluice_buf line; /* the beginning of one whose end is still to come, or a copy that may be changed */
};

static enum sluice_code take_line(struct lines *lines, struct sluice_error *err)
{
    struct sluice_str fields[VERIFY_MAX_COLUMNS + 1];
    /* An empty row has tabs at least, unless nothing but an empty text is selected; and the key always is. */
    if (!verify_split(lines->line.ptr, lines->line.len, fields, lines->plan->n_columns + 1))
        return sluice_error_set(err, SLUICE_E_SERVER, SLUICE_STOP,
                                "%s: the server's answer is not understood; check its version", lines->what);
    enum sluice_code code = lines->visit(lines->context, fields[0], fields + 1, err);
    sluice_buf_clear(&lines->line);
    return code;
}

static enum sluice_code take_piece(void *context, struct sluice_str piece, struct sluice_error *err)
{
    struct lines *lines = context;
    enum sluice_code code = SLUICE_OK;
    while (piece.len > 0 && code == SLUICE_OK) {
        const char *end = memchr(piece.ptr, '\n', piece.len);
        size_t n = end != NULL ? (size_t)(end - piece.ptr) : piece.len;
        code = sluice_buf_append(&lines->line, piece.ptr, n, err);
        if (code == SLUICE_OK && end != NULL)
            code = take_line(lines, err);
        n += end != NULL ? 1 : 0;
        piece.ptr += n;
        piece.len -= n;
    }
    return code;
}

enum sluice_code verify_target_read(struct sluice_ch_client *client, const struct verify_plan *plan,
                                    const struct verify_where *where, bool with_state, verify_row_fn visit,
                                    void *context, struct sluice_error *err)
{
    char what[WHAT_BYTES];
    struct settings settings;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    struct lines lines = {.plan = plan, .visit = visit, .context = context, .what = what};
    sluice_buf_init(&sql, VERIFY_SQL_BYTES, "a SELECT");
    sluice_buf_init(&lines.line, MAX_LINE, "a row of ClickHouse");
    enum sluice_code code = verify_plan_target_sql(plan, where, with_state, &sql, err);
    if (code != SLUICE_OK)
        return code;
    name_work(what, "read the rows of", plan);
    fill_settings(&settings, plan, &sql);
    const struct sluice_ch_query query = {
        .sql = sluice_buf_text(&sql), .what = what, .settings = settings.pairs, .n_settings = settings.n};
    code = sluice_ch_stream(client, &query, take_piece, &lines, err);
    if (code == SLUICE_OK && lines.line.len > 0)
        code = sluice_error_set(err, SLUICE_E_SERVER, SLUICE_STOP, "%s: the answer breaks off in a row", what);
    sluice_buf_deinit(&lines.line);
    return code;
}
