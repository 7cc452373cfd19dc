/* snapshot_insert.c - see snapshot_insert.h. */
#include "admin/snapshot_insert.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STATEMENT = 1024 };

/* libpq's texts end with a line break, and may have several. */
static void first_line(const char *text, char out[256])
{
    (void)snprintf(out, 256, "%.*s", (int)strcspn(text, "\n"), text);
}

static enum sluice_code refused(struct sluice_error *err, const char *attempt, const char *text)
{
    char reason[256];
    first_line(text, reason);
    return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "%s: %s", attempt, reason);
}

static enum sluice_code make_statement(PGconn *connection, const char *table, char statement[STATEMENT],
                                       struct sluice_error *err)
{
    const char *dot = strchr(table, '.');
    if (dot == NULL || dot == table || dot[1] == '\0')
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "connector.signal_table \"%s\": it is written as schema.table", table);
    char *schema_quoted = PQescapeIdentifier(connection, table, (size_t)(dot - table));
    char *table_quoted = PQescapeIdentifier(connection, dot + 1, strlen(dot + 1));
    enum sluice_code code = SLUICE_OK;
    if (schema_quoted == NULL || table_quoted == NULL)
        code = refused(err, "quote the name of the signalling table", PQerrorMessage(connection));
    else
        (void)snprintf(statement, STATEMENT, "INSERT INTO %s.%s VALUES ($1, $2, $3)", schema_quoted, table_quoted);
    PQfreemem(schema_quoted);
    PQfreemem(table_quoted);
    return code;
}

static enum sluice_code insert(PGconn *connection, const char *table, const char *const values[3],
                               struct sluice_error *err)
{
    char statement[STATEMENT];
    if (PQstatus(connection) != CONNECTION_OK)
        return refused(err, "connect to PostgreSQL", PQerrorMessage(connection));
    enum sluice_code code = make_statement(connection, table, statement, err);
    if (code != SLUICE_OK)
        return code;
    PGresult *result = PQexecParams(connection, statement, 3, NULL, values, NULL, NULL, 0);
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        code = refused(err, "insert a signal into the signalling table", PQresultErrorMessage(result));
    PQclear(result);
    return code == SLUICE_OK ? code : sluice_error_wrap(err, "connector.signal_table \"%s\"", table);
}

enum sluice_code snapshot_insert(const char *url, const char *table, const char *id, const char *type, const char *data,
                                 struct sluice_error *err)
{
    static const char *const keys[] = {"dbname", "connect_timeout", "fallback_application_name", NULL};
    const char *const parameters[] = {url, "10", "sluice resnapshot", NULL};
    const char *const values[] = {id, type, data};
    PGconn *connection = PQconnectdbParams(keys, parameters, 1);
    if (connection == NULL)
        return sluice_error_nomem(err, "a connection to PostgreSQL", 0);
    enum sluice_code code = insert(connection, table, values, err);
    PQfinish(connection);
    return code;
}
