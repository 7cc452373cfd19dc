/* schema.c - see schema.h. One statement brings table and columns together, so that they are of one moment as far as
 * the server allows. */
#include "clickhouse/schema.h"

#include <stdio.h>
#include <stdlib.h>

#include "clickhouse/tsv.h"
#include "table/dedup.h"

enum { DESCRIPTION_MAX_BYTES = 16 << 20, WHAT_BYTES = 300, MAX_VIEWS = 64 };

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

static enum sluice_code split(struct sluice_target *target, struct sluice_str line, const char **fields,
                              size_t n_fields, struct sluice_error *err)
{
    struct sluice_str field;
    size_t n = 0;
    while (tsv_next_field(&line, &field)) {
        if (n == n_fields)
            return not_understood(target, err);
        enum sluice_code code = tsv_unescape(&target->arena, field, &fields[n++], err);
        if (code != SLUICE_OK)
            return code;
    }
    return n == n_fields ? SLUICE_OK : not_understood(target, err);
}

static bool read_default_kind(const char *text, enum sluice_default_kind *kind)
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
    if (!read_default_kind(fields[4], &column->default_kind))
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
        code = split(target, line, fields, N_FIELDS, err);
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

static enum sluice_code ask(struct sluice_ch_client *client, const char *sql, const char *database, const char *table,
                            struct sluice_buf *answer, struct sluice_error *err)
{
    char what[WHAT_BYTES];
    (void)snprintf(what, sizeof what, "read columns of \"%.120s.%.120s\"", database, table);
    const struct sluice_ch_pair params[] = {{"database", sluice_str_from(database)}, {"table", sluice_str_from(table)}};
    const struct sluice_ch_query query = {
        .sql = sql, .what = what, .params = params, .n_params = SLUICE_N_ELEMENTS(params)};
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
    enum sluice_code code = ask(client, description_sql, database, table, &answer, err);
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
    if (found) {
        code = sluice_target_read_engine(target, err);
    } else {
        /* A table that is being made can show its columns before itself; the caller may read again. */
        sluice_target_deinit(target);
        sluice_target_init(target);
    }
    if (code == SLUICE_OK)
        *exists = found;
    return code;
}

/* ---- what exactly-once delivery needs to know ---- */

/* Every line: kind and four more fields. Kind p: a default of MergeTree tables, r: of ReplicatedMergeTree tables: name,
 * value. Kind t: engine, engine_full, uuid, create_table_query. Kind v: database and name of a view that is fed. */
static const char dedup_sql[] =
    "SELECT 'p' AS kind, name AS a, value AS b, '' AS c, '' AS d FROM system.merge_tree_settings "
    "WHERE name LIKE '%replicated_deduplication_window%' "
    "UNION ALL "
    "SELECT 'r' AS kind, name AS a, value AS b, '' AS c, '' AS d FROM system.replicated_merge_tree_settings "
    "WHERE name LIKE '%replicated_deduplication_window%' "
    "UNION ALL "
    "SELECT 't' AS kind, engine AS a, engine_full AS b, toString(uuid) AS c, create_table_query AS d FROM "
    "system.tables "
    "WHERE database = {database:String} AND name = {table:String} "
    "UNION ALL "
    "SELECT 'v' AS kind, view.1 AS a, view.2 AS b, '' AS c, '' AS d FROM (SELECT arrayJoin(arrayZip("
    "dependencies_database, dependencies_table)) AS view FROM system.tables "
    "WHERE database = {database:String} AND name = {table:String}) FORMAT TabSeparated";

enum { N_DEDUP_FIELDS = 5 };

/* What the server said of one table; "" if it cannot be seen. */
struct table_facts {
    const char *engine;
    const char *engine_full;
    const char *uuid;
    const char *create_sql;
    struct sluice_dedup defaults[SLUICE_ENGINE_SHARED + 1]; /* by home */
};

static void read_default(const char *name, const char *value, enum sluice_engine_home home, struct table_facts *facts)
{
    struct sluice_dedup *dedup = &facts->defaults[home];
    if (strcmp(name, dedup_window_setting(home)) == 0)
        dedup->window = strtoll(value, NULL, 10);
    else if (strcmp(name, dedup_seconds_setting(home)) == 0)
        dedup->window_seconds = strtoll(value, NULL, 10);
}

static enum sluice_code add_view(struct sluice_target *target, const char *view_database, const char *name,
                                 struct sluice_error *err)
{
    if (target->n_views == MAX_VIEWS)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\" feeds more than %d materialized views; drop some of them, or set "
                                "delivery: at_least_once",
                                target->database, target->table, (int)MAX_VIEWS);
    target->views[target->n_views++] = (struct sluice_target_view){.database = view_database,
                                                                   .name = name,
                                                                   .create_sql = "",
                                                                   .target_database = "",
                                                                   .target_table = "",
                                                                   .engine = ""};
    return SLUICE_OK;
}

static enum sluice_code read_fact(struct sluice_target *target, const char *const fields[N_DEDUP_FIELDS],
                                  struct table_facts *facts, struct sluice_error *err)
{
    switch (fields[0][0]) {
    case 'p':
        read_default(fields[1], fields[2], SLUICE_ENGINE_LOCAL, facts);
        read_default(fields[1], fields[2], SLUICE_ENGINE_SHARED, facts);
        return SLUICE_OK;
    case 'r':
        read_default(fields[1], fields[2], SLUICE_ENGINE_REPLICATED, facts);
        return SLUICE_OK;
    case 't':
        facts->engine = fields[1];
        facts->engine_full = fields[2];
        facts->uuid = fields[3];
        facts->create_sql = fields[4];
        return SLUICE_OK;
    case 'v':
        return add_view(target, fields[1], fields[2], err);
    default:
        return not_understood(target, err);
    }
}

/* Adds the views that the table feeds to the target's. */
static enum sluice_code read_facts(struct sluice_ch_client *client, const char *database, const char *table,
                                   struct sluice_target *target, struct table_facts *facts, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, DESCRIPTION_MAX_BYTES, "views of a table");
    *facts = (struct table_facts){.engine = "", .engine_full = "", .uuid = "", .create_sql = ""};
    enum sluice_code code = ask(client, dedup_sql, database, table, &answer, err);
    struct sluice_str text = sluice_buf_str(&answer);
    struct sluice_str line;
    while (code == SLUICE_OK && tsv_next_line(&text, &line)) {
        const char *fields[N_DEDUP_FIELDS];
        code = split(target, line, fields, N_DEDUP_FIELDS, err);
        if (code == SLUICE_OK)
            code = read_fact(target, fields, facts, err);
    }
    return code;
}

static struct sluice_dedup effective_dedup(const struct table_facts *facts)
{
    struct sluice_dedup dedup = facts->defaults[sluice_engine_of(facts->engine).home];
    dedup_read_settings(facts->engine, facts->engine_full, &dedup);
    return dedup;
}

static enum sluice_code read_view(struct sluice_ch_client *client, struct sluice_target *target,
                                  struct sluice_target_view *view, struct sluice_error *err)
{
    struct table_facts facts;
    enum sluice_code code = read_facts(client, view->database, view->name, target, &facts, err);
    if (code != SLUICE_OK)
        return code;
    view->create_sql = facts.create_sql;
    code = dedup_read_view(&target->arena, view, facts.uuid, err);
    if (code != SLUICE_OK || *view->target_table == '\0')
        return code;
    code = read_facts(client, view->target_database, view->target_table, target, &facts, err);
    if (code != SLUICE_OK)
        return code;
    view->engine = facts.engine;
    view->dedup = effective_dedup(&facts);
    return SLUICE_OK;
}

enum sluice_code sluice_ch_read_dedup(struct sluice_ch_client *client, struct sluice_target *target,
                                      struct sluice_error *err)
{
    struct table_facts facts;
    target->n_views = 0;
    target->views = sluice_arena_alloc_array(&target->arena, MAX_VIEWS, sizeof *target->views, err);
    if (target->views == NULL)
        return err->code;
    enum sluice_code code = read_facts(client, target->database, target->table, target, &facts, err);
    if (code != SLUICE_OK)
        return code;
    target->dedup = effective_dedup(&facts);
    /* Behind a table that is not replicated every view is one too many, wherever it writes. */
    if (sluice_engine_of(target->engine).home == SLUICE_ENGINE_LOCAL)
        return SLUICE_OK;
    for (size_t i = 0; i < target->n_views && code == SLUICE_OK; i++)
        code = read_view(client, target, &target->views[i], err);
    return code;
}

/* Answered when it is done, on every replica that is there: rows for a new column may follow at once, wherever they are
 * sent. On a cluster a host that does not answer is an error, not a silent success. */
static const struct sluice_ch_pair ddl_settings[] = {
    {"alter_sync", {"2", 1}},
    {"mutations_sync", {"2", 1}},
    {"distributed_ddl_output_mode", {"throw", 5}},
    {"distributed_ddl_task_timeout", {"50", 2}},
};

enum sluice_code sluice_ch_run_ddl(struct sluice_ch_client *client, const char *what, const char *sql,
                                   struct sluice_error *err)
{
    const struct sluice_ch_query query = {
        .sql = sql, .what = what, .settings = ddl_settings, .n_settings = SLUICE_N_ELEMENTS(ddl_settings)};
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
