/* chdb.h - the part of libchdb's C interface that this program calls.
 *
 * The package brings no header, so these declarations are ours. They were checked by calling each function of
 * engine 26.7.2.1 (chdb 3.4.0); docker/local/setup compares the names with the library's symbols.
 *
 * Engine and storage: one path per process, opened by the first connection. Connections may be used from any thread,
 * one statement at a time each; statements on different connections run in parallel.
 */
#ifndef CLICKHOUSE_EMBEDDED_CHDB_H
#define CLICKHOUSE_EMBEDDED_CHDB_H

#include <stddef.h>
#include <stdint.h>

typedef struct chdb_connection_ *chdb_connection;
typedef struct chdb_result_ chdb_result;
typedef struct chdb_insert_stream_ *chdb_insert_stream;

/* What a statement would do; only CHDB_QUERY_READ_ONLY changes nothing. */
enum chdb_query_class {
    CHDB_QUERY_READ_ONLY = 0,
    CHDB_QUERY_MUTATING = 1,
    CHDB_QUERY_MUTATING_GLOBAL = 2,
    CHDB_QUERY_CONTROL = 3,
    CHDB_QUERY_UNKNOWN = 4
};

typedef struct chdb_query_analysis_v1 {
    uint32_t struct_size; /* set by the caller */
    uint32_t statement_count;
    uint32_t flags;
    uint32_t query_class; /* enum chdb_query_class */
} chdb_query_analysis_v1;

/* 0 switches the library's handlers of SIGSEGV and friends off; before the first connection. */
void chdb_set_signal_handlers_enabled(int enabled);

/* Arguments as of a command line: argv[0] is ignored, `--path=DIR`, `--config-file=FILE`, `--SETTING=VALUE`.
 * NULL on failure. The last close ends the engine. */
chdb_connection *chdb_connect(int argc, char **argv);
void chdb_close_conn(chdb_connection *conn);

/* SQL and format need no NUL at their end. Parameter values of {name:Type} are in tab-escaped text form. The result is
 * never NULL here; chdb_result_error() tells. Several statements separated by ';' would all run. */
chdb_result *chdb_query_with_params_n(chdb_connection conn, const char *sql, size_t sql_len, const char *format,
                                      size_t format_len, const char *const *names, const size_t *name_lens,
                                      const char *const *values, const size_t *value_lens, size_t n_params);
void chdb_destroy_query_result(chdb_result *result);

char *chdb_result_buffer(chdb_result *result);
size_t chdb_result_length(chdb_result *result);
uint64_t chdb_result_rows_read(chdb_result *result);  /* rows of the result set */
uint64_t chdb_result_bytes_read(chdb_result *result); /* bytes of the result set */
uint64_t chdb_result_storage_rows_read(chdb_result *result);
uint64_t chdb_result_storage_bytes_read(chdb_result *result);
uint64_t chdb_result_rows_written(chdb_result *result);
uint64_t chdb_result_bytes_written(chdb_result *result);
const char *chdb_result_error(chdb_result *result); /* NULL when it went well */

/* Streaming insert: SQL without FORMAT and data. The handle is never NULL; ask for the error. Until the handle is
 * destroyed the connection takes no other statement. append copies and may block; it returns 0 on success.
 * done commits; cancel drops what has not been written yet. Neither frees the handle. */
chdb_insert_stream chdb_stream_insert_with_params_n(chdb_connection conn, const char *sql, size_t sql_len,
                                                    const char *format, size_t format_len, const char *const *names,
                                                    const size_t *name_lens, const char *const *values,
                                                    const size_t *value_lens, size_t n_params);
int chdb_stream_append(chdb_insert_stream stream, const void *data, size_t len);
chdb_result *chdb_stream_done(chdb_insert_stream stream);
void chdb_stream_cancel_insert(chdb_insert_stream stream);
const char *chdb_stream_insert_error(chdb_insert_stream stream);
void chdb_destroy_insert_stream(chdb_insert_stream stream);

/* Parses without running. Text that does not parse has a statement_count of 0. Returns 0 on success. */
int chdb_classify_query_n(chdb_connection conn, const char *sql, size_t sql_len, const char *target_database,
                          size_t target_database_len, chdb_query_analysis_v1 *analysis);

#endif
