/* sql.h - what kind of statement a text is, and where the data of an INSERT begins.
 *
 * This is no parser: it knows ClickHouse's tokens (quotes, comments, heredocs) and just enough of INSERT's grammar.
 * What a statement means, and whether it is right, only the engine decides.
 */
#ifndef CLICKHOUSE_EMBEDDED_SQL_H
#define CLICKHOUSE_EMBEDDED_SQL_H

#include <stdbool.h>
#include <stddef.h>

enum sql_kind {
    SQL_NEED_MORE, /* the decision lies in bytes that are not here yet */
    SQL_EMPTY,
    SQL_INSERT_FORMAT, /* INSERT ... FORMAT X, data follows */
    SQL_INSERT_VALUES, /* INSERT ... VALUES, rows follow as SQL text */
    SQL_INSERT_SELECT,
    SQL_SESSION, /* SET, USE, CREATE TEMPORARY: lives on in the connection */
    SQL_OTHER
};

struct sql_shape {
    enum sql_kind kind;
    size_t sql_len; /* SQL_INSERT_FORMAT: bytes before the word FORMAT */
    const char
        *format; /* SQL_INSERT_FORMAT: its format. Others, after sql_inspect_whole(): the FORMAT clause, or NULL */
    size_t format_len;
    size_t data_at;          /* SQL_INSERT_FORMAT: first byte of the data */
    bool reads_input;        /* INSERT ... SELECT ... FROM input(...) */
    bool several_statements; /* only after sql_inspect_whole() */
};

/* Looks at the beginning of a request. `whole`: no byte follows; then the answer is never SQL_NEED_MORE. */
struct sql_shape sql_inspect(const char *text, size_t len, bool whole);

/* Looks at a statement without streamed data from its first to its last token. */
struct sql_shape sql_inspect_whole(const char *text, size_t len);

bool sql_is_insert(enum sql_kind kind);

#endif
