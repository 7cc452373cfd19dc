/* request.h - one statement over HTTP: its parameters, its body as it arrives, and what the engine made of it.
 *
 * Data of INSERT ... FORMAT goes to the engine while the body arrives, in pieces of DATA_CHUNK; a body that fits into
 * one piece takes an engine connection only when it is complete. A request that is freed before request_run() cancels
 * its insert: a cut body never commits what is still open. Thread: the one that serves the HTTP connection.
 */
#ifndef CLICKHOUSE_EMBEDDED_REQUEST_H
#define CLICKHOUSE_EMBEDDED_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buffer.h"
#include "decode.h"
#include "engine.h"
#include "failure.h"
#include "faults.h"
#include "pairs.h"
#include "sql.h"

struct request_env {
    struct engine *engine;
    struct faults *faults; /* NULL without --faults */
    atomic_bool *stopping; /* ends a delay early */
};

enum request_phase {
    REQUEST_TEXT,    /* the statement is not known yet */
    REQUEST_DATA,    /* what comes is data for the engine */
    REQUEST_COLLECT, /* what comes belongs to the statement's text */
    REQUEST_DROP     /* what comes is thrown away: refused, or to be cut */
};

struct request {
    const struct request_env *env;
    /* filled by the caller before request_start() */
    struct pairs settings;
    struct pairs params;
    char database[256];
    char format[64]; /* default format, in the end the format of the answer */
    bool read_only;
    bool in_session;
    bool native_frames;
    char encoding[32]; /* Content-Encoding, "" for none */
    /* results */
    struct failure failure;
    struct engine_result result;
    bool has_result;
    struct fault fault;
    uint64_t body_bytes;
    /* inner state */
    enum request_phase phase;
    struct buffer text;
    size_t inspected_bytes;
    struct sql_shape shape; /* valid once the phase is not REQUEST_TEXT; format lies in input_format */
    char input_format[64];
    struct buffer data;
    struct decoder *decoder;
    struct engine_conn *conn;
    bool inserting;
};

void request_init(struct request *r, const struct request_env *env);
/* Takes the text of the URL's `query`. Failures stay in r->failure, the body is then dropped. */
void request_start(struct request *r, const char *query, size_t query_len);
void request_body(struct request *r, const char *bytes, size_t n);
/* The body is complete. Afterwards either failure.code or has_result is set, unless a fault kept it from running. */
void request_run(struct request *r);
void request_deinit(struct request *r);

#endif
