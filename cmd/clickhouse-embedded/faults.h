/* faults.h - misbehaviour on demand, for tests of clients (--faults; see /_fault in server.c).
 * Thread: any. */
#ifndef CLICKHOUSE_EMBEDDED_FAULTS_H
#define CLICKHOUSE_EMBEDDED_FAULTS_H

#include <stdbool.h>
#include <stddef.h>

#include "buffer.h"
#include "pairs.h"

enum fault_kind {
    FAULT_NONE,
    FAULT_DELAY,      /* answer late: `ms` before the statement runs, or after it (when=after) */
    FAULT_CUT_BEFORE, /* take the body, close the connection, run nothing */
    FAULT_CUT_AFTER,  /* run the statement, close the connection without an answer */
    FAULT_REFUSE,     /* answer with `code` and `text`, run nothing */
    FAULT_STATUS,     /* 200 with X-ClickHouse-Exception-Code and no body, run nothing */
    FAULT_PROXY       /* `status` without any ClickHouse header, run nothing */
};

struct fault {
    enum fault_kind kind;
    bool after;
    bool any_statement; /* every statement that contains `match`, not only inserts */
    unsigned ms;
    int code;
    unsigned status;
    unsigned long skip; /* statements to let pass first */
    unsigned long left; /* statements still to hit */
    unsigned long hits;
    char name[64]; /* of `code` */
    char text[256];
    char match[256]; /* "" matches everything */
};

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *fs);

/* Reads kind, count, skip, ms, when, code, text, status, match. False: *problem says what is wrong. `name_z` is the
 * name of the code. */
bool fault_parse(struct fault *fault, const struct pairs *options, const char **problem);
bool faults_add(struct faults *fs, const struct fault *fault);
void faults_clear(struct faults *fs);
/* The first fault that wants this statement, counted as hit; kind FAULT_NONE when there is none. */
struct fault faults_pick(struct faults *fs, bool insert, const char *sql, size_t sql_len);
/* The list as JSON: {"faults": [{"kind": ..., "left": ..., "hits": ...}]} */
bool faults_describe(struct faults *fs, struct buffer *json);

#endif
