#include "request.h"

#include <string.h>
#include <strings.h>
#include <time.h>

enum {
    DATA_CHUNK = 512 << 10, /* what the engine gets at once: fewer, larger appends cost less */
    TEXT_MAX = 64 << 20,    /* a statement with its inline rows */
    INSPECT_MAX = 256 << 10 /* a server's max_query_size: INSERT's head must lie in here */
};

void request_init(struct request *r, const struct request_env *env)
{
    *r = (struct request){.env = env, .text = {.max = TEXT_MAX}, .data = {.max = DATA_CHUNK}};
}

static void fail(struct request *r)
{
    r->phase = REQUEST_DROP;
    if (r->inserting) {
        engine_insert_cancel(r->conn);
        r->inserting = false;
    }
    if (r->conn != NULL) {
        engine_give_back(r->env->engine, r->conn);
        r->conn = NULL;
    }
}

/* --- faults */

static double now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void wait_ms(struct request *r, unsigned ms)
{
    const struct timespec slice = {.tv_nsec = 5 * 1000 * 1000};
    for (double end = now_ms() + ms; now_ms() < end && !atomic_load(r->env->stopping);)
        (void)nanosleep(&slice, NULL);
}

/* Asks once per statement, before anything of it runs. False: it must not run. */
static bool pass_faults(struct request *r)
{
    if (r->env->faults == NULL)
        return true;
    r->fault = faults_pick(r->env->faults, sql_is_insert(r->shape.kind), r->text.data, r->text.len);
    switch (r->fault.kind) {
    case FAULT_DELAY:
        if (!r->fault.after)
            wait_ms(r, r->fault.ms);
        break;
    case FAULT_REFUSE:
        failure_made_up(&r->failure, r->fault.code, r->fault.name, r->fault.text);
        return false;
    case FAULT_CUT_BEFORE:
    case FAULT_STATUS:
    case FAULT_PROXY:
        return false;
    case FAULT_NONE:
    case FAULT_CUT_AFTER:
        break;
    }
    return true;
}

/* --- data of a streaming insert */

static bool begin_insert(struct request *r)
{
    r->conn = engine_take(r->env->engine, &r->settings, r->database, &r->failure);
    if (r->conn == NULL)
        return false;
    r->inserting = engine_insert_begin(r->conn, r->text.data, r->text.len, r->input_format, strlen(r->input_format),
                                       &r->params, &r->failure);
    return r->inserting;
}

static bool feed_insert(struct request *r, const char *bytes, size_t n)
{
    if (!r->inserting && !begin_insert(r))
        return false;
    if (engine_insert_feed(r->conn, bytes, n))
        return true;
    struct engine_result result;
    if (engine_insert_finish(r->conn, &result, &r->failure)) {
        engine_result_free(&result);
        failure_set(&r->failure, FAILURE_UNKNOWN_EXCEPTION, "The engine stopped reading the data of the insert");
    }
    r->inserting = false;
    return false;
}

static bool take_data(struct request *r, const char *bytes, size_t n)
{
    if (r->data.len + n > DATA_CHUNK) {
        if (r->data.len > 0 && !feed_insert(r, r->data.data, r->data.len))
            return false;
        r->data.len = 0;
        if (n >= DATA_CHUNK)
            return feed_insert(r, bytes, n);
    }
    if (buffer_append(&r->data, bytes, n))
        return true;
    failure_set(&r->failure, FAILURE_CANNOT_ALLOCATE_MEMORY, "Cannot allocate memory for the data of the insert");
    return false;
}

/* --- the text of the statement */

/* INSERT ... FORMAT: the text splits into the statement and the first data. */
static bool split_insert(struct request *r)
{
    if (r->read_only) {
        failure_set(&r->failure, FAILURE_READONLY, "Cannot insert into table in readonly mode: use POST");
        return false;
    }
    if (r->shape.format_len >= sizeof r->input_format) {
        failure_set(&r->failure, FAILURE_SYNTAX_ERROR, "Syntax error: the name of the format is too long");
        return false;
    }
    memcpy(r->input_format, r->shape.format, r->shape.format_len);
    r->input_format[r->shape.format_len] = '\0';
    size_t n = r->text.len - r->shape.data_at;
    struct buffer first = r->text;
    r->text = (struct buffer){.max = TEXT_MAX};
    r->phase = REQUEST_DATA;
    bool ok = buffer_append(&r->text, first.data, r->shape.sql_len);
    if (!ok)
        failure_set(&r->failure, FAILURE_CANNOT_ALLOCATE_MEMORY, "Cannot allocate memory for the statement");
    ok = ok && pass_faults(r) && take_data(r, first.data + r->shape.data_at, n);
    buffer_deinit(&first);
    return ok;
}

/* Rows of FORMAT Values are SQL and may hold {name:Type}, which the streaming call forgets after its start. */
static bool is_streamed(const struct request *r)
{
    bool values = r->shape.format_len == strlen("Values") && strncasecmp(r->shape.format, "Values", 6) == 0;
    return r->shape.kind == SQL_INSERT_FORMAT && !(values && r->params.n > 0);
}

static bool inspect(struct request *r, bool whole)
{
    r->inspected_bytes = r->text.len;
    r->shape = sql_inspect(r->text.data, r->text.len, whole);
    if (is_streamed(r))
        return split_insert(r);
    if (r->shape.kind != SQL_NEED_MORE || r->text.len > INSPECT_MAX)
        r->phase = REQUEST_COLLECT;
    return true;
}

static bool take_text(struct request *r, const char *bytes, size_t n)
{
    if (!buffer_append(&r->text, bytes, n)) {
        failure_set(&r->failure, FAILURE_QUERY_IS_TOO_LARGE,
                    "The statement is longer than %d bytes. Send rows as data of INSERT ... FORMAT", TEXT_MAX);
        return false;
    }
    /* Only when the text has doubled, so that a body of single bytes is not read again for each of them. */
    if (r->phase == REQUEST_TEXT && r->text.len >= r->inspected_bytes * 2)
        return inspect(r, false);
    return true;
}

static bool take(void *taker, const char *bytes, size_t n)
{
    struct request *r = taker;
    switch (r->phase) {
    case REQUEST_TEXT:
    case REQUEST_COLLECT:
        return take_text(r, bytes, n);
    case REQUEST_DATA:
        return take_data(r, bytes, n);
    case REQUEST_DROP:
        break;
    }
    return true;
}

/* --- the life of a request */

void request_start(struct request *r, const char *query, size_t query_len)
{
    r->decoder = decoder_new(r->encoding, r->native_frames, take, r, &r->failure);
    bool ok = r->decoder != NULL && r->failure.code == 0;
    if (ok && query_len > 0)
        ok = query_len < TEXT_MAX && buffer_append(&r->text, query, query_len) && take_text(r, "\n", 1);
    if (!ok)
        fail(r);
}

void request_body(struct request *r, const char *bytes, size_t n)
{
    r->body_bytes += n;
    if (r->phase != REQUEST_DROP && !decoder_feed(r->decoder, bytes, n, &r->failure))
        fail(r);
}

static bool check_statement(struct request *r)
{
    r->shape = sql_inspect_whole(r->text.data, r->text.len);
    if (r->shape.kind == SQL_EMPTY)
        failure_set(&r->failure, FAILURE_SYNTAX_ERROR, "Syntax error: Empty query");
    else if (r->shape.several_statements)
        failure_set(&r->failure, FAILURE_SYNTAX_ERROR, "Syntax error (Multi-statements are not allowed)");
    else if (r->shape.reads_input)
        failure_set(&r->failure, FAILURE_NOT_IMPLEMENTED,
                    "INSERT ... SELECT from input() is not supported by clickhouse-embedded: the engine would store "
                    "nothing. Send the rows as data of INSERT ... FORMAT");
    else if (r->shape.kind == SQL_SESSION && r->in_session)
        failure_set(&r->failure, FAILURE_NOT_IMPLEMENTED,
                    "Sessions are not supported by clickhouse-embedded: what SET, USE or CREATE TEMPORARY TABLE leaves "
                    "behind would be lost. Send settings and database with each request");
    if (r->shape.format != NULL && r->shape.format_len < sizeof r->format) {
        memcpy(r->format, r->shape.format, r->shape.format_len);
        r->format[r->shape.format_len] = '\0';
    }
    return r->failure.code == 0;
}

static bool run_statement(struct request *r)
{
    if (!check_statement(r) || !pass_faults(r))
        return false;
    r->conn = engine_take(r->env->engine, &r->settings, r->database, &r->failure);
    if (r->conn == NULL)
        return false;
    if (r->read_only && !engine_only_reads(r->conn, r->text.data, r->text.len)) {
        failure_set(&r->failure, FAILURE_READONLY, "Cannot execute query in readonly mode: use POST");
        return false;
    }
    r->has_result = engine_query(r->conn, r->text.data, r->text.len, r->format, strlen(r->format), &r->params,
                                 &r->result, &r->failure);
    if (r->shape.kind == SQL_SESSION)
        engine_spoil(r->conn);
    return r->has_result;
}

static bool finish_insert(struct request *r)
{
    if (!r->inserting && !begin_insert(r))
        return false;
    if (r->data.len > 0 && !feed_insert(r, r->data.data, r->data.len))
        return false;
    r->has_result = engine_insert_finish(r->conn, &r->result, &r->failure);
    r->inserting = false;
    return r->has_result;
}

void request_run(struct request *r)
{
    bool ok = r->phase != REQUEST_DROP && decoder_end(r->decoder, &r->failure);
    if (ok && r->phase == REQUEST_TEXT)
        ok = inspect(r, true);
    if (ok)
        ok = r->phase == REQUEST_DATA ? finish_insert(r) : run_statement(r);
    if (!ok)
        fail(r);
    if (r->conn != NULL) {
        engine_give_back(r->env->engine, r->conn);
        r->conn = NULL;
    }
    if (r->fault.kind == FAULT_DELAY && r->fault.after)
        wait_ms(r, r->fault.ms);
}

void request_deinit(struct request *r)
{
    fail(r);
    if (r->has_result)
        engine_result_free(&r->result);
    decoder_free(r->decoder);
    buffer_deinit(&r->text);
    buffer_deinit(&r->data);
    pairs_deinit(&r->settings);
    pairs_deinit(&r->params);
    failure_deinit(&r->failure);
}
