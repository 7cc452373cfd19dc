/* bad_rows.c - see bad_rows.h. */
#include "clickhouse/bad_rows.h"

#include "base/point.h"
#include "table/ddl.h"

#include <stdio.h>

enum { SQL_MAX_BYTES = 256 * 1024, WHAT_BYTES = 400 };

/* Rows first .. end - 1 of the batch, in sending order. */
struct part {
    struct sluice_batch_reader reader;
    const struct sluice_batch *batch;
    size_t first;
    size_t end;
};

struct search {
    struct sluice_ch_client *client;
    const struct sluice_batch *batch;
    const char *name;
    const char *sql;
    struct sluice_ch_bad_row *rows;
    size_t max_rows;
    size_t n_rows;
};

static void rewind_part(void *context)
{
    struct part *part = context;
    sluice_batch_read_part(&part->reader, part->batch, part->first, part->end);
}

static size_t read_part(void *context, char *out, size_t capacity)
{
    struct part *part = context;
    return sluice_batch_read(&part->reader, out, capacity);
}

static enum sluice_code append_table(struct sluice_buf *sql, const char *database, const char *table,
                                     struct sluice_error *err)
{
    enum sluice_code code = sluice_ddl_quote_name(sql, database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_name(sql, table, err);
}

static enum sluice_code run(const struct search *search, const char *before, const char *after, const char *verb,
                            struct sluice_error *err)
{
    const struct sluice_plan *plan = sluice_batch_plan(search->batch);
    char what[WHAT_BYTES];
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, SQL_MAX_BYTES, "statement for probing");
    (void)snprintf(what, sizeof what, "%s \"%.120s.%.60s\" for probing", verb, sluice_plan_database(plan),
                   search->name);
    enum sluice_code code = sluice_buf_append_z(&sql, before, err);
    if (code == SLUICE_OK)
        code = append_table(&sql, sluice_plan_database(plan), search->name, err);
    if (code == SLUICE_OK && after[0] != '\0')
        code = sluice_buf_append_z(&sql, " AS ", err);
    if (code == SLUICE_OK && after[0] != '\0')
        code = append_table(&sql, sluice_plan_database(plan), sluice_plan_table(plan), err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&sql, after, err);
    if (code != SLUICE_OK)
        return code;
    const struct sluice_ch_query query = {.sql = sluice_buf_text(&sql), .what = what};
    return sluice_ch_query(search->client, &query, NULL, err);
}

/* The plan's INSERT, into the copy. */
static enum sluice_code make_insert(const struct search *search, struct sluice_buf *sql, struct sluice_error *err)
{
    const struct sluice_plan *plan = sluice_batch_plan(search->batch);
    SLUICE_AUTO(sluice_buf) struct sluice_buf head;
    sluice_buf_init(&head, SQL_MAX_BYTES, "head of an INSERT");
    enum sluice_code code = sluice_buf_append_z(&head, "INSERT INTO ", err);
    if (code == SLUICE_OK)
        code = append_table(&head, sluice_plan_database(plan), sluice_plan_table(plan), err);
    if (code != SLUICE_OK)
        return code;
    const char *whole = sluice_plan_insert_sql(plan);
    if (strncmp(whole, sluice_buf_text(&head), head.len) != 0)
        SLUICE_BUG("an INSERT does not begin with its table");
    code = sluice_buf_append_z(sql, "INSERT INTO ", err);
    if (code == SLUICE_OK)
        code = append_table(sql, sluice_plan_database(plan), search->name, err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(sql, whole + head.len, err);
}

static enum sluice_code send_part(const struct search *search, size_t first, size_t end, struct sluice_error *err)
{
    struct part part = {.batch = search->batch, .first = first, .end = end};
    struct sluice_ch_insert_result result;
    char target[WHAT_BYTES];
    const struct sluice_plan *plan = sluice_batch_plan(search->batch);
    (void)snprintf(target, sizeof target, "%.150s.%.150s", sluice_plan_database(plan), sluice_plan_table(plan));
    rewind_part(&part);
    const struct sluice_ch_insert insert = {.sql = search->sql,
                                            .target = target,
                                            .n_rows = end - first,
                                            .read = read_part,
                                            .rewind = rewind_part,
                                            .ctx = &part,
                                            .allow_repeat = true};
    enum sluice_code code = sluice_ch_insert(search->client, &insert, &result, err);
    SLUICE_POINT("during_probe");
    return code;
}

static enum sluice_code note(struct search *search, size_t row, const struct sluice_error *why,
                             struct sluice_error *err)
{
    if (search->n_rows == search->max_rows)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION,
                                "more than %zu rows of one batch are refused, so this is not about single rows; the "
                                "last one: %.300s",
                                search->max_rows, why->text);
    search->rows[search->n_rows++] = (struct sluice_ch_bad_row){sluice_batch_arrival(search->batch, row),
                                                                sluice_batch_version(search->batch, row), *why};
    return SLUICE_OK;
}

/* Depth: as often as the number of rows can be halved. */
static enum sluice_code search_part(struct search *search, size_t first, size_t end, struct sluice_error *err)
{
    struct sluice_error why;
    if (first == end || send_part(search, first, end, &why) == SLUICE_OK)
        return SLUICE_OK;
    if (sluice_ch_client_failure(search->client)->advice != SLUICE_CH_BAD_ROW) {
        *err = why;
        return why.code;
    }
    if (end - first == 1)
        return note(search, first, &why, err);
    size_t middle = first + (end - first) / 2;
    enum sluice_code code = search_part(search, first, middle, err);         // NOLINT(misc-no-recursion): halves
    return code != SLUICE_OK ? code : search_part(search, middle, end, err); // NOLINT(misc-no-recursion): halves
}

enum sluice_code sluice_ch_find_bad_rows(struct sluice_ch_client *client, const struct sluice_batch *batch,
                                         const char *name, struct sluice_ch_bad_row *rows, size_t max_rows,
                                         size_t *n_rows, struct sluice_error *err)
{
    struct search search = {.client = client, .batch = batch, .name = name, .rows = rows, .max_rows = max_rows};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, SQL_MAX_BYTES, "an INSERT for probing");
    enum sluice_code code = make_insert(&search, &sql, err);
    if (code == SLUICE_OK)
        code = run(&search, "DROP TABLE IF EXISTS ", "", "drop", err);
    if (code == SLUICE_OK)
        code = run(&search, "CREATE TABLE ", " ENGINE = Null", "create", err);
    if (code != SLUICE_OK)
        return code;
    search.sql = sluice_buf_text(&sql);
    code = search_part(&search, 0, sluice_batch_n_rows(batch), err);
    *n_rows = search.n_rows;
    if (code != SLUICE_OK)
        return code; /* how it failed is what the client remembers of its last call; the next probe drops the copy */
    return run(&search, "DROP TABLE IF EXISTS ", "", "drop", err);
}
