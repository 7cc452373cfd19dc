/* engine.h - libchdb behind a pool of connections.
 *
 * A connection is a session of the engine: one statement at a time, and what SET and USE changed stays. The pool hands
 * out connections with exactly the settings and the database that a request asked for, whatever ran on them before.
 * Thread: any. A connection belongs to the thread that took it until it is given back.
 */
#ifndef CLICKHOUSE_EMBEDDED_ENGINE_H
#define CLICKHOUSE_EMBEDDED_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "failure.h"
#include "pairs.h"

struct engine;
struct engine_conn;

/* What a statement did. `memory` owns `data` until engine_result_free(). */
struct engine_result {
    const char *data;
    size_t len;
    uint64_t read_rows, read_bytes, written_rows, written_bytes, result_rows, result_bytes;
    void *memory;
};

/* config_z NULL: an empty configuration, so that none of clickhouse-local's default places is searched. */
struct engine *engine_new(const char *path_z, const char *config_z, unsigned n_conns, struct failure *f);
/* Every connection must be back. */
void engine_free(struct engine *e);
const char *engine_version(const struct engine *e);
const char *engine_timezone(const struct engine *e);

/* Waits for a free connection, then gives it these settings and this database (""= the default one). NULL: *f is set,
 * by the engine (code 115 for an unknown setting, 81 for an unknown database). */
struct engine_conn *engine_take(struct engine *e, const struct pairs *settings, const char *database_z,
                                struct failure *f);
void engine_give_back(struct engine *e, struct engine_conn *c);
/* The session holds something no diff of settings can undo: give_back opens a new one in its place. */
void engine_spoil(struct engine_conn *c);

/* params: {name:Type} values in tab-escaped text form. False: *f is set. */
bool engine_query(struct engine_conn *c, const char *sql, size_t sql_len, const char *format, size_t format_len,
                  const struct pairs *params, struct engine_result *result, struct failure *f);
void engine_result_free(struct engine_result *result);
/* Whether the statement only reads; one that does not parse counts as reading, the engine will refuse it by itself. */
bool engine_only_reads(struct engine_conn *c, const char *sql, size_t sql_len);

/* A streaming insert on this connection: begin, feed any number of times, then finish (commits) or cancel. After a
 * failed begin there is no stream; after a failed feed, finish reports why. */
bool engine_insert_begin(struct engine_conn *c, const char *sql, size_t sql_len, const char *format, size_t format_len,
                         const struct pairs *params, struct failure *f);
bool engine_insert_feed(struct engine_conn *c, const void *bytes, size_t n);
bool engine_insert_finish(struct engine_conn *c, struct engine_result *result, struct failure *f);
void engine_insert_cancel(struct engine_conn *c);

#endif
