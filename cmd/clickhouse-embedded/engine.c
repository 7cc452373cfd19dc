/* engine.c - settings reach a statement by SET before it, and leave by SET name = DEFAULT before the next one.
 *
 * A SETTINGS clause appended to the text was ruled out: in CREATE TABLE it means the table, before VALUES and FORMAT it
 * stands in the middle, SYSTEM and USE take none. SET costs about 0.15 ms and works for every statement. Each
 * connection remembers what was SET, so that a client that repeats its settings pays for the ones that changed.
 */
#include "engine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "buffer.h"
#include "chdb.h"

enum { SET_MAX = 1 << 20, CONNS_MAX = 256 };

struct engine_conn {
    struct engine *engine;
    chdb_connection *handle;
    struct pairs applied; /* what SET gave this session; a setting not here has its default */
    char *database;       /* what USE gave it */
    bool spoiled;
    chdb_insert_stream stream;
    bool feed_failed;
};

struct engine {
    char *argv[3];
    char version[64];
    char timezone[64];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t came_back;
    struct engine_conn *conns[CONNS_MAX];
    struct engine_conn *idle[CONNS_MAX]; /* a stack: the last one used is the warmest */
    unsigned n_conns;
    unsigned n_idle;
};

static bool run(struct engine_conn *c, const char *sql_z, struct failure *f)
{
    struct pairs none = {0};
    struct engine_result result;
    bool ok = engine_query(c, sql_z, strlen(sql_z), "TabSeparated", strlen("TabSeparated"), &none, &result, f);
    if (ok)
        engine_result_free(&result);
    return ok;
}

/* --- one connection */

/* Opens the new session before the old one goes: the engine ends with its last connection and starts badly again. */
static bool reopen(struct engine_conn *c, struct failure *f)
{
    chdb_connection *handle = chdb_connect(3, c->engine->argv);
    if (handle == NULL) {
        failure_set(f, FAILURE_UNKNOWN_EXCEPTION, "The engine gave no connection to %s", c->engine->argv[1]);
        return false;
    }
    if (c->handle != NULL)
        chdb_close_conn(c->handle);
    c->handle = handle;
    pairs_deinit(&c->applied);
    free(c->database);
    c->database = NULL;
    c->spoiled = false;
    /* clickhouse-local's habit of reading "SELEC 1" as an expression; a server answers with a syntax error. */
    return run(c, "SET implicit_select = 0", f);
}

static bool same_place(const struct pairs *p, size_t i, const char *name_z)
{
    return i < p->n && strcmp(p->names[i], name_z) == 0;
}

/* How many settings of the session the request does not want. */
static unsigned count_foreign(const struct engine_conn *c, const struct pairs *settings)
{
    unsigned n = 0;
    for (size_t i = 0; i < c->applied.n; i++)
        if (!same_place(settings, i, c->applied.names[i]) && pairs_find(settings, c->applied.names[i]) == NULL)
            n++;
    return n;
}

static bool drop_foreign(struct engine_conn *c, const struct pairs *settings, struct failure *f)
{
    struct buffer sql = {.max = SET_MAX};
    bool ok = true;
    const char *comma = "SET ";
    for (size_t i = 0; i < c->applied.n && ok; i++) {
        if (pairs_find(settings, c->applied.names[i]) != NULL)
            continue;
        ok = buffer_format(&sql, "%s%s = DEFAULT", comma, c->applied.names[i]);
        comma = ", ";
    }
    ok = ok && buffer_append(&sql, "", 1) && run(c, sql.data, f);
    buffer_deinit(&sql);
    return ok;
}

/* `all`: also those whose value is unchanged. */
static bool set_values(struct engine_conn *c, const struct pairs *settings, bool all, struct failure *f)
{
    struct buffer sql = {.max = SET_MAX};
    bool ok = true;
    const char *comma = "SET ";
    for (size_t i = 0; i < settings->n && ok; i++) {
        const char *now = all ? NULL : pairs_find(&c->applied, settings->names[i]);
        if (now != NULL && strcmp(now, settings->values[i]) == 0)
            continue;
        ok = buffer_text(&sql, comma) && buffer_text(&sql, settings->names[i]) && buffer_text(&sql, " = ") &&
             buffer_sql_literal(&sql, settings->values[i]);
        comma = ", ";
    }
    if (!ok)
        failure_set(f, FAILURE_QUERY_IS_TOO_LARGE, "The settings of the request are too long");
    else if (sql.len > 0)
        ok = buffer_append(&sql, "", 1) && run(c, sql.data, f);
    buffer_deinit(&sql);
    return ok;
}

static bool use_database(struct engine_conn *c, const char *database_z, struct failure *f)
{
    const char *wanted = database_z[0] == '\0' ? "default" : database_z;
    const char *now = c->database == NULL ? "default" : c->database;
    if (strcmp(wanted, now) == 0)
        return true;
    struct buffer sql = {.max = SET_MAX};
    bool ok = buffer_text(&sql, "USE `");
    for (const char *p = wanted; *p != '\0' && ok; p++)
        ok = (*p != '`' && *p != '\\') || buffer_append(&sql, "\\", 1) ? buffer_append(&sql, p, 1) : false;
    ok = ok && buffer_append(&sql, "`", 2) && run(c, sql.data, f);
    buffer_deinit(&sql);
    if (!ok)
        return false;
    free(c->database);
    c->database = strdup(wanted);
    c->spoiled = c->spoiled || c->database == NULL;
    return true;
}

/* DEFAULT of an alias (max_insert_block_size_rows) also resets the setting it stands for, so that after any reset all
 * values are set again. */
static bool apply(struct engine_conn *c, const struct pairs *settings, const char *database_z, struct failure *f)
{
    bool foreign = count_foreign(c, settings) > 0;
    if (foreign && !drop_foreign(c, settings, f))
        return false;
    if (!set_values(c, settings, foreign, f))
        return false;
    if (foreign)
        pairs_deinit(&c->applied);
    c->spoiled = c->spoiled || !pairs_copy(&c->applied, settings);
    return use_database(c, database_z, f);
}

/* --- the pool */

static struct engine_conn *pop_best(struct engine *e, const struct pairs *settings)
{
    unsigned best = e->n_idle - 1;
    unsigned best_foreign = count_foreign(e->idle[best], settings);
    for (unsigned i = best; i-- > 0 && best_foreign > 0;) {
        unsigned foreign = count_foreign(e->idle[i], settings);
        if (foreign < best_foreign) {
            best = i;
            best_foreign = foreign;
        }
    }
    struct engine_conn *c = e->idle[best];
    memmove(&e->idle[best], &e->idle[best + 1], (e->n_idle - best - 1) * sizeof e->idle[0]);
    e->n_idle--;
    return c;
}

struct engine_conn *engine_take(struct engine *e, const struct pairs *settings, const char *database_z,
                                struct failure *f)
{
    pthread_mutex_lock(&e->lock);
    while (e->n_idle == 0)
        pthread_cond_wait(&e->came_back, &e->lock);
    struct engine_conn *c = pop_best(e, settings);
    pthread_mutex_unlock(&e->lock);
    if (c->spoiled && !reopen(c, f)) {
        engine_give_back(e, c);
        return NULL;
    }
    /* A session may refuse to change: readonly=1 of an earlier request stays until the session ends. */
    struct failure first = {0};
    bool ok = apply(c, settings, database_z, &first);
    if (!ok)
        ok = reopen(c, f) && apply(c, settings, database_z, f);
    failure_deinit(&first);
    if (ok)
        return c;
    engine_spoil(c);
    engine_give_back(e, c);
    return NULL;
}

void engine_give_back(struct engine *e, struct engine_conn *c)
{
    if (c->spoiled) {
        struct failure ignored = {0}; /* the next taker tries again and reports it */
        c->spoiled = !reopen(c, &ignored);
        failure_deinit(&ignored);
    }
    pthread_mutex_lock(&e->lock);
    e->idle[e->n_idle++] = c;
    pthread_cond_signal(&e->came_back);
    pthread_mutex_unlock(&e->lock);
}

void engine_spoil(struct engine_conn *c)
{
    c->spoiled = true;
}

/* --- start and end */

static bool ask(struct engine_conn *c, const char *sql_z, char *answer, size_t size, struct failure *f)
{
    struct pairs none = {0};
    struct engine_result r;
    if (!engine_query(c, sql_z, strlen(sql_z), "TabSeparatedRaw", strlen("TabSeparatedRaw"), &none, &r, f))
        return false;
    size_t n = r.len > 0 && r.data[r.len - 1] == '\n' ? r.len - 1 : r.len;
    n = n < size ? n : size - 1;
    if (n > 0)
        memcpy(answer, r.data, n);
    answer[n] = '\0';
    engine_result_free(&r);
    return true;
}

static bool write_empty_config(const char *file_z)
{
    FILE *file = fopen(file_z, "we");
    if (file == NULL)
        return false;
    bool ok = fputs("<clickhouse/>\n", file) != EOF;
    return fclose(file) == 0 && ok;
}

static bool build_arguments(struct engine *e, const char *path_z, const char *config_z, struct failure *f)
{
    struct buffer path = {.max = 1 << 16};
    struct buffer config = {.max = 1 << 16};
    bool ok = buffer_format(&path, "--path=%s", path_z) && buffer_append(&path, "", 1) &&
              (config_z != NULL ? buffer_format(&config, "--config-file=%s", config_z)
                                : buffer_format(&config, "--config-file=%s/clickhouse-embedded.xml", path_z)) &&
              buffer_append(&config, "", 1);
    e->argv[1] = path.data;
    e->argv[2] = config.data;
    if (!ok) {
        failure_set(f, FAILURE_CANNOT_ALLOCATE_MEMORY, "Cannot build the engine's arguments");
        return false;
    }
    (void)mkdir(path_z, 0777); /* may be there; if it cannot be made, the engine says so */
    if (config_z == NULL && !write_empty_config(e->argv[2] + strlen("--config-file="))) {
        failure_set(f, FAILURE_BAD_ARGUMENTS, "Cannot write into the folder %s", path_z);
        return false;
    }
    return true;
}

static bool open_all(struct engine *e, unsigned n_conns, struct failure *f)
{
    for (e->n_conns = 0; e->n_conns < n_conns; e->n_conns++) {
        struct engine_conn *c = calloc(1, sizeof *c);
        if (c == NULL) {
            failure_set(f, FAILURE_CANNOT_ALLOCATE_MEMORY, "Cannot allocate a connection");
            return false;
        }
        c->engine = e;
        e->conns[e->n_conns] = c;
        if (!reopen(c, f)) {
            e->n_conns++;
            return false;
        }
        e->idle[e->n_idle++] = c;
    }
    return ask(e->conns[0], "SELECT version()", e->version, sizeof e->version, f) &&
           ask(e->conns[0], "SELECT timezone()", e->timezone, sizeof e->timezone, f);
}

struct engine *engine_new(const char *path_z, const char *config_z, unsigned n_conns, struct failure *f)
{
    static char program[] = "clickhouse-embedded";
    struct engine *e = calloc(1, sizeof *e);
    if (e == NULL || n_conns == 0 || n_conns > CONNS_MAX) {
        failure_set(f, FAILURE_BAD_ARGUMENTS, "The number of engine connections must be from 1 to %d", CONNS_MAX);
        free(e);
        return NULL;
    }
    pthread_mutex_init(&e->lock, NULL);
    pthread_cond_init(&e->came_back, NULL);
    e->argv[0] = program;
    chdb_set_signal_handlers_enabled(0);
    if (build_arguments(e, path_z, config_z, f) && open_all(e, n_conns, f))
        return e;
    engine_free(e);
    return NULL;
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    for (unsigned i = 0; i < e->n_conns; i++) {
        if (e->conns[i]->handle != NULL)
            chdb_close_conn(e->conns[i]->handle);
        pairs_deinit(&e->conns[i]->applied);
        free(e->conns[i]->database);
        free(e->conns[i]);
    }
    pthread_cond_destroy(&e->came_back);
    pthread_mutex_destroy(&e->lock);
    free(e->argv[1]);
    free(e->argv[2]);
    free(e);
}

const char *engine_version(const struct engine *e)
{
    return e->version;
}

const char *engine_timezone(const struct engine *e)
{
    return e->timezone;
}

/* --- statements */

struct bound {
    const char *names[PAIRS_MAX];
    const char *values[PAIRS_MAX];
    size_t name_lens[PAIRS_MAX];
    size_t value_lens[PAIRS_MAX];
};

static void bind_params(struct bound *b, const struct pairs *params)
{
    for (size_t i = 0; i < params->n; i++) {
        b->names[i] = params->names[i];
        b->values[i] = params->values[i];
        b->name_lens[i] = strlen(params->names[i]);
        b->value_lens[i] = strlen(params->values[i]);
    }
}

static bool take_result(chdb_result *r, struct engine_result *result, struct failure *f)
{
    const char *error = chdb_result_error(r);
    if (error != NULL) {
        failure_from_engine(f, error);
        chdb_destroy_query_result(r);
        return false;
    }
    *result = (struct engine_result){.data = chdb_result_buffer(r),
                                     .len = chdb_result_length(r),
                                     .read_rows = chdb_result_storage_rows_read(r),
                                     .read_bytes = chdb_result_storage_bytes_read(r),
                                     .written_rows = chdb_result_rows_written(r),
                                     .written_bytes = chdb_result_bytes_written(r),
                                     .result_rows = chdb_result_rows_read(r),
                                     .result_bytes = chdb_result_bytes_read(r),
                                     .memory = r};
    return true;
}

bool engine_query(struct engine_conn *c, const char *sql, size_t sql_len, const char *format, size_t format_len,
                  const struct pairs *params, struct engine_result *result, struct failure *f)
{
    struct bound b;
    bind_params(&b, params);
    chdb_result *r = chdb_query_with_params_n(*c->handle, sql, sql_len, format, format_len, b.names, b.name_lens,
                                              b.values, b.value_lens, params->n);
    return take_result(r, result, f);
}

void engine_result_free(struct engine_result *result)
{
    chdb_destroy_query_result(result->memory);
    *result = (struct engine_result){0};
}

bool engine_only_reads(struct engine_conn *c, const char *sql, size_t sql_len)
{
    chdb_query_analysis_v1 analysis = {.struct_size = sizeof analysis};
    if (chdb_classify_query_n(*c->handle, sql, sql_len, NULL, 0, &analysis) != 0)
        return false;
    return analysis.statement_count == 0 || analysis.query_class == CHDB_QUERY_READ_ONLY;
}

bool engine_insert_begin(struct engine_conn *c, const char *sql, size_t sql_len, const char *format, size_t format_len,
                         const struct pairs *params, struct failure *f)
{
    struct bound b;
    bind_params(&b, params);
    chdb_insert_stream stream = chdb_stream_insert_with_params_n(*c->handle, sql, sql_len, format, format_len, b.names,
                                                                 b.name_lens, b.values, b.value_lens, params->n);
    const char *error = chdb_stream_insert_error(stream);
    if (error != NULL) {
        failure_from_engine(f, error);
        chdb_destroy_insert_stream(stream);
        return false;
    }
    c->stream = stream;
    c->feed_failed = false;
    return true;
}

bool engine_insert_feed(struct engine_conn *c, const void *bytes, size_t n)
{
    c->feed_failed = c->feed_failed || chdb_stream_append(c->stream, bytes, n) != 0;
    return !c->feed_failed;
}

bool engine_insert_finish(struct engine_conn *c, struct engine_result *result, struct failure *f)
{
    bool ok = take_result(chdb_stream_done(c->stream), result, f);
    chdb_destroy_insert_stream(c->stream);
    c->stream = NULL;
    return ok;
}

void engine_insert_cancel(struct engine_conn *c)
{
    chdb_stream_cancel_insert(c->stream);
    chdb_destroy_insert_stream(c->stream);
    c->stream = NULL;
}
