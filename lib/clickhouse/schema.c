/* schema.c - see schema.h. One statement brings table and columns together, so that they are of one moment as far as
 * the server allows. */
#include "clickhouse/schema.h"

#include <stdio.h>

#include "clickhouse/tsv.h"

enum { DESCRIPTION_MAX_BYTES = 16 << 20, WHAT_BYTES = 300 };

/* Every line: kind, position and five more fields. Kind t: uuid, engine, engine_full, sorting_key, comment.
 * Kind c: name, type, default_kind, is_in_sorting_key, is_in_partition_key. */
static const char description_sql[] =
    "SELECT kind, position, a, b, c, d, e FROM ("
    "SELECT 't' AS kind, toUInt64(0) AS position, toString(uuid) AS a, engine AS b, engine_full AS c, sorting_key AS "
    "d, "
    "comment AS e FROM system.tables WHERE database = {database:String} AND name = {table:String} "
    "UNION ALL "
    "SELECT 'c' AS kind, toUInt64(position) AS position, name AS a, type AS b, default_kind AS c, "
    "toString(is_in_sorting_key) AS d, toString(is_in_partition_key) AS e FROM system.columns "
    "WHERE database = {database:String} AND table = {table:String}"
    ") ORDER BY kind DESC, position FORMAT TabSeparated";

enum { N_FIELDS = 7 };

static enum sluice_code not_understood(const struct sluice_target *target, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_SERVER, SLUICE_STOP_PARTITION,
                            "read columns of \"%s.%s\": the server's answer is not understood; check its version",
                            target->database, target->table);
}

static enum sluice_code split(struct sluice_target *target, struct sluice_str line, const char *fields[N_FIELDS],
                              struct sluice_error *err)
{
    struct sluice_str field;
    size_t n = 0;
    while (tsv_next_field(&line, &field)) {
        if (n == N_FIELDS)
            return not_understood(target, err);
        enum sluice_code code = tsv_unescape(&target->arena, field, &fields[n++], err);
        if (code != SLUICE_OK)
            return code;
    }
    return n == N_FIELDS ? SLUICE_OK : not_understood(target, err);
}

static bool read_default(const char *text, enum sluice_default_kind *kind)
{
    static const struct {
        const char *text;
        enum sluice_default_kind kind;
    } kinds[] = {
        {"", SLUICE_DEFAULT_NONE},
        {"DEFAULT", SLUICE_DEFAULT_EXPRESSION},
        {"MATERIALIZED", SLUICE_DEFAULT_MATERIALIZED},
        {"ALIAS", SLUICE_DEFAULT_ALIAS},
        {"EPHEMERAL", SLUICE_DEFAULT_EPHEMERAL},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(kinds); i++) {
        if (strcmp(text, kinds[i].text) == 0) {
            *kind = kinds[i].kind;
            return true;
        }
    }
    return false;
}

static enum sluice_code read_column(struct sluice_target *target, const char *const fields[N_FIELDS],
                                    struct sluice_error *err)
{
    struct sluice_target_column *column = &target->columns[target->n_columns];
    column->name = fields[2];
    column->type_text = fields[3];
    column->in_sorting_key = strcmp(fields[5], "1") == 0;
    column->in_partition_key = strcmp(fields[6], "1") == 0;
    if (!read_default(fields[4], &column->default_kind))
        return not_understood(target, err);
    enum sluice_code code = sluice_type_parse(&target->arena, sluice_str_from(column->type_text), &column->type, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "column \"%s\" of \"%s.%s\"", column->name, target->database, target->table);
    target->n_columns++;
    return SLUICE_OK;
}

static void read_table(struct sluice_target *target, const char *const fields[N_FIELDS])
{
    target->uuid = fields[2];
    target->engine = fields[3];
    target->engine_full = fields[4];
    target->sorting_key = fields[5];
    target->comment = fields[6];
}

static enum sluice_code make_columns(struct sluice_target *target, struct sluice_str text, struct sluice_error *err)
{
    struct sluice_str line;
    size_t n_lines = 0;
    while (tsv_next_line(&text, &line))
        n_lines++;
    /* One line is the table's; without lines an array of one keeps the allocation simple. */
    target->columns = sluice_arena_alloc_array(&target->arena, n_lines + 1, sizeof *target->columns, err);
    return target->columns != NULL ? SLUICE_OK : err->code;
}

static enum sluice_code read_answer(struct sluice_target *target, struct sluice_str text, struct sluice_error *err)
{
    struct sluice_str line;
    enum sluice_code code = make_columns(target, text, err);
    while (code == SLUICE_OK && tsv_next_line(&text, &line)) {
        const char *fields[N_FIELDS];
        code = split(target, line, fields, err);
        if (code != SLUICE_OK)
            return code;
        if (strcmp(fields[0], "t") == 0)
            read_table(target, fields);
        else
            code = read_column(target, fields, err);
    }
    return code;
}

static enum sluice_code name_target(struct sluice_target *target, const char *database, const char *table,
                                    struct sluice_error *err)
{
    target->database = sluice_arena_copy(&target->arena, sluice_str_from(database), err);
    if (target->database == NULL)
        return err->code;
    target->table = sluice_arena_copy(&target->arena, sluice_str_from(table), err);
    return target->table != NULL ? SLUICE_OK : err->code;
}

static enum sluice_code ask(struct sluice_ch_client *client, const char *database, const char *table,
                            struct sluice_buf *answer, struct sluice_error *err)
{
    char what[WHAT_BYTES];
    (void)snprintf(what, sizeof what, "read columns of \"%.120s.%.120s\"", database, table);
    const struct sluice_ch_pair params[] = {{"database", sluice_str_from(database)}, {"table", sluice_str_from(table)}};
    const struct sluice_ch_query query = {
        .sql = description_sql, .what = what, .params = params, .n_params = SLUICE_N_ELEMENTS(params)};
    return sluice_ch_query(client, &query, answer, err);
}

/* UNKNOWN_TABLE and UNKNOWN_DATABASE: it was dropped while the server looked. */
static bool is_gone(const struct sluice_ch_client *client)
{
    int server_code = sluice_ch_client_failure(client)->server_code;
    return server_code == 60 || server_code == 81;
}

enum sluice_code sluice_ch_read_target(struct sluice_ch_client *client, const char *database, const char *table,
                                       struct sluice_target *target, bool *exists, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, DESCRIPTION_MAX_BYTES, "description of a table");
    enum sluice_code code = ask(client, database, table, &answer, err);
    if (code != SLUICE_OK && is_gone(client)) {
        *exists = false;
        return SLUICE_OK;
    }
    if (code == SLUICE_OK)
        code = name_target(target, database, table, err);
    if (code == SLUICE_OK)
        code = read_answer(target, sluice_buf_str(&answer), err);
    if (code != SLUICE_OK)
        return code;
    bool found = target->engine != NULL && target->n_columns > 0;
    if (found)
        code = sluice_target_read_engine(target, err);
    if (code == SLUICE_OK)
        *exists = found;
    return code;
}

enum sluice_code sluice_ch_run_ddl(struct sluice_ch_client *client, const char *what, const char *sql,
                                   struct sluice_error *err)
{
    const struct sluice_ch_query query = {.sql = sql, .what = what};
    return sluice_ch_query(client, &query, NULL, err);
}

enum sluice_code sluice_ch_database_exists(struct sluice_ch_client *client, const char *database, bool *exists,
                                           struct sluice_error *err)
{
    char what[WHAT_BYTES];
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, 64, "answer on a database");
    (void)snprintf(what, sizeof what, "look for database \"%.120s\"", database);
    const struct sluice_ch_pair params[] = {{"database", sluice_str_from(database)}};
    const struct sluice_ch_query query = {
        .sql = "SELECT count() FROM system.databases WHERE name = {database:String} FORMAT TabSeparated",
        .what = what,
        .params = params,
        .n_params = SLUICE_N_ELEMENTS(params)};
    enum sluice_code code = sluice_ch_query(client, &query, &answer, err);
    if (code == SLUICE_OK)
        *exists = strcmp(sluice_buf_text(&answer), "1\n") == 0;
    return code;
}
