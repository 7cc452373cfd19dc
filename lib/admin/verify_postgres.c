/* verify_postgres.c - see verify_postgres.h. Two sessions: one holds the snapshot, the other one looks at what is now.
 */
#include "admin/verify_postgres.h"

#include <errno.h>
#include <inttypes.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

struct verify_postgres {
    PGconn *held; /* has the snapshot, while there is one */
    PGconn *now;
    bool in_snapshot;
};

SLUICE_DEFINE_AUTO_PTR(result, PGresult, PQclear)

/* What the texts of canon.h rest on; and that a name of a table means what it says. */
static const char session_sql[] =
    "SET timezone = 'UTC'; SET datestyle = 'ISO, MDY'; SET intervalstyle = 'postgres'; SET bytea_output = 'hex'; "
    "SET extra_float_digits = 3; SET lc_monetary = 'C'; SET standard_conforming_strings = on; "
    "SET default_transaction_read_only = on; SET search_path = pg_catalog; SET statement_timeout = 0";

/* libpq's texts name host, user and database, never a password. */
static enum sluice_code failed(PGconn *connection, const char *what, struct sluice_error *err)
{
    char text[400];
    size_t n = 0;
    for (const char *at = PQerrorMessage(connection); *at != '\0' && n + 1 < sizeof text; at++)
        text[n++] = *at == '\n' || *at == '\r' || *at == '\t' ? ' ' : *at;
    while (n > 0 && text[n - 1] == ' ')
        n--;
    text[n] = '\0';
    return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "PostgreSQL: %s: %s", what, n > 0 ? text : "no answer");
}

static enum sluice_code ask(PGconn *connection, const char *what, const char *sql, int n_params,
                            const char *const *params, PGresult **out, struct sluice_error *err)
{
    SLUICE_AUTO(result)
    PGresult *result =
        n_params > 0 ? PQexecParams(connection, sql, n_params, NULL, params, NULL, NULL, 0) : PQexec(connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return failed(connection, what, err);
    *out = SLUICE_TAKE(result);
    return SLUICE_OK;
}

static enum sluice_code run(PGconn *connection, const char *what, const char *sql, struct sluice_error *err)
{
    SLUICE_AUTO(result) PGresult *result = NULL;
    return ask(connection, what, sql, 0, NULL, &result, err);
}

/* ---- sessions ---- */

/* What libpq says about a string that it does not understand may quote a part of it, a password maybe. */
static enum sluice_code check_conninfo(const char *conninfo, struct sluice_error *err)
{
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(conninfo, &message);
    bool is_good = options != NULL;
    PQconninfoFree(options);
    PQfreemem(message);
    return is_good ? SLUICE_OK
                   : sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                      "PostgreSQL's connection string is not understood; write it as "
                                      "postgresql://user@host:5432/database, or host=... dbname=... user=...");
}

static enum sluice_code open_session(const char *conninfo, PGconn **out, struct sluice_error *err)
{
    static const char *const names[] = {"dbname", "fallback_application_name", "client_encoding", NULL};
    const char *const values[] = {conninfo, "sluice verify", "UTF8", NULL};
    *out = PQconnectdbParams(names, values, 1);
    if (PQstatus(*out) != CONNECTION_OK)
        return failed(*out, "connect", err);
    return run(*out, "set the session up", session_sql, err);
}

static enum sluice_code refuse_standby(PGconn *connection, struct sluice_error *err)
{
    SLUICE_AUTO(result) PGresult *result = NULL;
    enum sluice_code code = ask(connection, "ask for its role", "SELECT pg_is_in_recovery()", 0, NULL, &result, err);
    if (code == SLUICE_OK && PQgetvalue(result, 0, 0)[0] == 't')
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "PostgreSQL is a standby, which can't tell how far the connector has read; connect to "
                                "the primary");
    return code;
}

enum sluice_code verify_postgres_new(const char *conninfo, struct verify_postgres **out, struct sluice_error *err)
{
    enum sluice_code code = check_conninfo(conninfo, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_AUTO(verify_postgres) struct verify_postgres *postgres = calloc(1, sizeof *postgres);
    if (postgres == NULL)
        return sluice_error_nomem(err, "a session of PostgreSQL", sizeof *postgres);
    code = open_session(conninfo, &postgres->held, err);
    if (code == SLUICE_OK)
        code = open_session(conninfo, &postgres->now, err);
    if (code == SLUICE_OK)
        code = refuse_standby(postgres->now, err);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(postgres);
    return code;
}

void verify_postgres_free(struct verify_postgres *postgres)
{
    if (postgres == NULL)
        return;
    PQfinish(postgres->held);
    PQfinish(postgres->now);
    free(postgres);
}

const char *verify_postgres_database(const struct verify_postgres *postgres)
{
    return PQdb(postgres->now);
}

/* ---- columns ---- */

/* A domain counts as its base type, with the base's modifier where it has none of its own. */
static const char columns_sql[] =
    "WITH RECURSIVE base AS ("
    "SELECT a.attnum, a.attname, a.atttypid AS type, a.atttypmod AS modifier, format_type(a.atttypid, a.atttypmod) AS "
    "shown FROM pg_attribute a WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped "
    "UNION ALL SELECT b.attnum, b.attname, t.typbasetype, t.typtypmod, b.shown FROM base b JOIN pg_type t ON t.oid = "
    "b.type WHERE t.typtype = 'd') "
    "SELECT b.attname, b.shown, coalesce(e.typname, t.typname), coalesce(e.typtype, t.typtype), e.oid IS NOT NULL, "
    "b.modifier FROM base b JOIN pg_type t ON t.oid = b.type LEFT JOIN pg_type e ON t.typcategory = 'A' AND e.oid = "
    "t.typelem WHERE t.typtype <> 'd' ORDER BY b.attnum";

static enum sluice_source_type sent_as(const struct sluice_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->n_columns; i++)
        if (strcmp(shape->columns[i].name, name) == 0)
            return shape->columns[i].type;
    return SLUICE_SOURCE_UNTYPED;
}

static enum sluice_code copy_columns(const PGresult *result, const struct sluice_shape *shape,
                                     struct sluice_arena *arena, struct verify_source_column *columns,
                                     struct sluice_error *err)
{
    for (int i = 0; i < PQntuples(result); i++) {
        struct verify_source_column *column = &columns[i];
        column->name = sluice_arena_copy(arena, sluice_str_from(PQgetvalue(result, i, 0)), err);
        if (column->name == NULL)
            return err->code;
        column->shown = sluice_arena_copy(arena, sluice_str_from(PQgetvalue(result, i, 1)), err);
        if (column->shown == NULL)
            return err->code;
        column->pair.type = sluice_arena_copy(arena, sluice_str_from(PQgetvalue(result, i, 2)), err);
        if (column->pair.type == NULL)
            return err->code;
        column->pair.kind = PQgetvalue(result, i, 3)[0];
        column->pair.is_array = PQgetvalue(result, i, 4)[0] == 't';
        column->pair.modifier = (int)strtol(PQgetvalue(result, i, 5), NULL, 10);
        column->pair.sent = sent_as(shape, column->name);
    }
    return SLUICE_OK;
}

static enum sluice_code find_table(struct verify_postgres *postgres, const struct sluice_shape *shape, char oid[24],
                                   struct sluice_error *err)
{
    const char *const params[] = {shape->schema, shape->table};
    SLUICE_AUTO(result) PGresult *result = NULL;
    enum sluice_code code = ask(
        postgres->now, "look for the table",
        "SELECT c.oid, c.relkind, has_table_privilege(c.oid, 'SELECT'), c.relrowsecurity AND "
        "row_security_active(c.oid) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = "
        "$1 AND c.relname = $2",
        2, params, &result, err);
    if (code != SLUICE_OK)
        return code;
    const char *why = NULL;
    if (PQntuples(result) == 0)
        why = "PostgreSQL has no such table; is it the right database?";
    else if (PQgetvalue(result, 0, 1)[0] != 'r' && PQgetvalue(result, 0, 1)[0] != 'p')
        why = "at the source it is no ordinary table";
    else if (PQgetvalue(result, 0, 2)[0] != 't')
        why = "this user may not read it at the source: GRANT SELECT";
    else if (PQgetvalue(result, 0, 3)[0] == 't')
        why = "row security hides rows from this user at the source: use one with BYPASSRLS";
    if (why != NULL)
        return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP, "table \"%s.%s\" can't be compared: %s",
                                shape->schema, shape->table, why);
    (void)snprintf(oid, 24, "%s", PQgetvalue(result, 0, 0));
    return SLUICE_OK;
}

enum sluice_code verify_postgres_describe(struct verify_postgres *postgres, const struct sluice_shape *shape,
                                          struct sluice_arena *arena, struct verify_source_column **columns,
                                          size_t *n_columns, struct sluice_error *err)
{
    char oid[24];
    const char *const params[] = {oid};
    SLUICE_AUTO(result) PGresult *result = NULL;
    enum sluice_code code = find_table(postgres, shape, oid, err);
    if (code == SLUICE_OK)
        code = ask(postgres->now, "read the table's columns", columns_sql, 1, params, &result, err);
    if (code != SLUICE_OK)
        return code;
    size_t n = (size_t)PQntuples(result);
    struct verify_source_column *made = sluice_arena_alloc_array(arena, n + 1, sizeof *made, err);
    if (made == NULL)
        return err->code;
    code = copy_columns(result, shape, arena, made, err);
    *columns = made;
    *n_columns = n;
    return code;
}

/* ---- positions ---- */

/* "16/B374D848" */
static uint64_t read_lsn(const char *text)
{
    char *end = NULL;
    uint64_t high = strtoull(text, &end, 16);
    return *end == '/' ? high << 32 | strtoull(end + 1, NULL, 16) : 0;
}

static enum sluice_code position_of(PGconn *connection, uint64_t *lsn, struct sluice_error *err)
{
    SLUICE_AUTO(result) PGresult *result = NULL;
    enum sluice_code code =
        ask(connection, "ask for the end of its log", "SELECT pg_current_wal_insert_lsn()", 0, NULL, &result, err);
    if (code == SLUICE_OK)
        *lsn = read_lsn(PQgetvalue(result, 0, 0));
    return code;
}

/* The snapshot is the one of the transaction's first statement, and that asks for the position after it was taken. */
enum sluice_code verify_postgres_begin(struct verify_postgres *postgres, uint64_t *lsn, struct sluice_error *err)
{
    enum sluice_code code =
        run(postgres->held, "begin", "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", err);
    if (code != SLUICE_OK)
        return code;
    postgres->in_snapshot = true;
    return position_of(postgres->held, lsn, err);
}

void verify_postgres_end(struct verify_postgres *postgres)
{
    if (postgres->in_snapshot)
        PQclear(PQexec(postgres->held, "ROLLBACK")); /* it wrote nothing */
    postgres->in_snapshot = false;
}

/* Reading may prune pages, and those records are written to disk only with the next commit: nobody waits for them, and
 * the connector does not get them. A commit that can be seen is on disk, or will be within three times wal_writer_delay
 * (PostgreSQL documentation, "Asynchronous Commit"); so what is not by then holds no commit. */
enum sluice_code verify_postgres_position(struct verify_postgres *postgres, uint64_t *lsn, struct sluice_error *err)
{
    SLUICE_AUTO(result) PGresult *result = NULL;
    enum sluice_code code = position_of(postgres->now, lsn, err);
    if (code == SLUICE_OK)
        code =
            ask(postgres->now, "ask for the flushed end of its log",
                "SELECT pg_sleep(5 * setting::float8 / 1000), pg_current_wal_flush_lsn() FROM pg_settings WHERE name = "
                "'wal_writer_delay' AND pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn()",
                0, NULL, &result, err);
    if (code != SLUICE_OK || PQntuples(result) == 0)
        return code;
    const uint64_t flushed = read_lsn(PQgetvalue(result, 0, 1));
    *lsn = flushed < *lsn ? flushed : *lsn;
    return SLUICE_OK;
}

/* ---- rows ---- */

enum sluice_code verify_postgres_count(struct verify_postgres *postgres, const struct verify_plan *plan,
                                       const struct verify_where *where, uint64_t *n_rows, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    SLUICE_AUTO(result) PGresult *result = NULL;
    sluice_buf_init(&sql, VERIFY_SQL_BYTES, "a SELECT");
    enum sluice_code code = verify_plan_source_count_sql(plan, where, &sql, err);
    if (code == SLUICE_OK)
        code = ask(postgres->held, "count the rows", sluice_buf_text(&sql), 0, NULL, &result, err);
    if (code == SLUICE_OK)
        *n_rows = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    return code;
}

bool verify_split(char *line, size_t len, struct sluice_str *fields, size_t n)
{
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (at > len)
            return false;
        const char *tab = len > at ? memchr(line + at, '\t', len - at) : NULL;
        size_t length = tab != NULL ? (size_t)(tab - (line + at)) : len - at;
        bool is_null = false;
        size_t unescaped = canon_unescape(line + at, length, &is_null);
        fields[i] = is_null ? (struct sluice_str){0} : (struct sluice_str){line + at, unescaped};
        at += length + 1;
    }
    return at == len + 1;
}

static enum sluice_code take_line(const struct verify_plan *plan, char *line, int len, verify_row_fn visit,
                                  void *context, struct sluice_error *err)
{
    struct sluice_str fields[VERIFY_MAX_COLUMNS + 1];
    size_t n = (size_t)len;
    if (n > 0 && line[n - 1] == '\n')
        n--;
    if (!verify_split(line, n, fields, plan->n_columns + 1))
        return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP,
                                "PostgreSQL: read table \"%s.%s\": a row has other "
                                "columns than were asked for",
                                plan->schema, plan->table);
    return visit(context, fields[0], fields + 1, err);
}

/* The session can't be used for anything else before all was read; after an error of `visit` the statement is ended. */
static void drain(PGconn *connection)
{
    char *line = NULL;
    PGcancel *cancel = PQgetCancel(connection);
    char ignored[256];
    if (cancel != NULL)
        (void)PQcancel(cancel, ignored, sizeof ignored);
    PQfreeCancel(cancel);
    while (PQgetCopyData(connection, &line, 0) > 0)
        PQfreemem(line);
    for (PGresult *result = PQgetResult(connection); result != NULL; result = PQgetResult(connection))
        PQclear(result);
}

static enum sluice_code copy_rows(PGconn *connection, const struct verify_plan *plan, verify_row_fn visit,
                                  void *context, struct sluice_error *err)
{
    char *line = NULL;
    int n = 0;
    while ((n = PQgetCopyData(connection, &line, 0)) > 0) {
        enum sluice_code code = take_line(plan, line, n, visit, context, err);
        PQfreemem(line);
        if (code != SLUICE_OK) {
            drain(connection);
            return code;
        }
    }
    SLUICE_AUTO(result) PGresult *result = PQgetResult(connection);
    if (n == -2 || PQresultStatus(result) != PGRES_COMMAND_OK)
        return failed(connection, "read the table", err);
    PQclear(PQgetResult(connection)); /* NULL: no more of them */
    return SLUICE_OK;
}

enum sluice_code verify_postgres_read(struct verify_postgres *postgres, const struct verify_plan *plan,
                                      const struct verify_where *where, bool is_now, verify_row_fn visit, void *context,
                                      struct sluice_error *err)
{
    PGconn *connection = is_now ? postgres->now : postgres->held;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, VERIFY_SQL_BYTES, "a SELECT");
    enum sluice_code code = verify_plan_source_sql(plan, where, is_now, &sql, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_AUTO(result) PGresult *result = PQexec(connection, sluice_buf_text(&sql));
    if (PQresultStatus(result) != PGRES_COPY_OUT)
        return failed(connection, "read the table", err);
    return copy_rows(connection, plan, visit, context, err);
}

/* ---- the connector's slot ---- */

static const char slot_sql[] =
    "SELECT s.slot_name, s.active, s.confirmed_flush_lsn, s.confirmed_flush_lsn >= $1::pg_lsn, r.sent_lsn IS NOT NULL, "
    "coalesce(r.sent_lsn >= $1::pg_lsn, false), ($1::pg_lsn - s.confirmed_flush_lsn)::bigint "
    "FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid "
    "WHERE s.slot_type = 'logical' AND s.database = current_database() AND NOT s.temporary "
    "AND s.confirmed_flush_lsn IS NOT NULL AND ($2::text IS NULL OR s.slot_name = $2::text)";

enum sluice_code verify_postgres_slot(struct verify_postgres *postgres, const char *name, uint64_t lsn,
                                      struct verify_slot *slot, struct sluice_error *err)
{
    char position[32];
    const char *const params[] = {position, name};
    SLUICE_AUTO(result) PGresult *result = NULL;
    (void)snprintf(position, sizeof position, "%" PRIX64 "/%" PRIX64, lsn >> 32, lsn & UINT32_MAX);
    enum sluice_code code = ask(postgres->now, "look at the replication slots", slot_sql, 2, params, &result, err);
    if (code != SLUICE_OK)
        return code;
    if (PQntuples(result) == 0)
        return sluice_error_set(
            err, SLUICE_E_CONFIG, SLUICE_STOP,
            "database \"%.64s\" has no %slogical replication slot%s%.64s%s, so it can't be told how "
            "far the connector has read; connect to the database that it reads%s",
            verify_postgres_database(postgres), name != NULL ? "" : "permanent ", name != NULL ? " \"" : "",
            name != NULL ? name : "", name != NULL ? "\"" : "", name != NULL ? ", or name its slot with --slot" : "");
    if (PQntuples(result) > 1)
        return sluice_error_set(
            err, SLUICE_E_CONFIG, SLUICE_STOP,
            "database \"%.64s\" has %d logical replication slots, \"%.64s\" and \"%.64s\" among them; "
            "name the connector's with --slot",
            verify_postgres_database(postgres), PQntuples(result), PQgetvalue(result, 0, 0), PQgetvalue(result, 1, 0));
    *slot = (struct verify_slot){.is_active = PQgetvalue(result, 0, 1)[0] == 't',
                                 .flushed = read_lsn(PQgetvalue(result, 0, 2)),
                                 .is_flushed = PQgetvalue(result, 0, 3)[0] == 't',
                                 .has_sent = PQgetvalue(result, 0, 4)[0] == 't',
                                 .is_sent = PQgetvalue(result, 0, 5)[0] == 't',
                                 .lag_bytes = strtoll(PQgetvalue(result, 0, 6), NULL, 10)};
    (void)snprintf(slot->name, sizeof slot->name, "%s", PQgetvalue(result, 0, 0));
    return SLUICE_OK;
}
