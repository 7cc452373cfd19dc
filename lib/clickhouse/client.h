/* client.h - ClickHouse over HTTP: one client is one libcurl handle with one kept-alive connection.
 *
 * A call makes one attempt. Who calls decides about the next one, from err->action and sluice_ch_client_failure();
 * after a transport failure the next attempt goes to the next address of the list. What the server is and which
 * settings it knows is asked once per address, before the first statement there, and again after a transport failure.
 * No default database is sent: a statement names its own, so that a missing one is an answer and not a failed request.
 *
 * Owner: one thread at a time (sender). Only the abort flag may be touched from outside. curl_global_init() is the
 * program's. Facts: ClickHouse documentation "HTTP interface"; docs/clickhouse-http.md names the measured ones.
 */
#ifndef SLUICE_CLICKHOUSE_CLIENT_H
#define SLUICE_CLICKHOUSE_CLIENT_H

#include <stdatomic.h>

#include "base/buf.h"
#include "clickhouse/errors.h"
#include "clickhouse/server.h"

struct sluice_ch_client;

struct sluice_ch_options {
    const char *const *urls; /* http://host:port or https://host:port, tried in turn; at least one, no user in them */
    size_t n_urls;
    const char *user;           /* NULL or "": none is sent, the server takes its default user */
    const char *password;       /* sent as a header only; NULL or "": none */
    const char *ca_file;        /* PEM for https; NULL or "": the system's */
    const char *product;        /* User-Agent, e.g. "sluice/0.1.0"; NULL: "sluice" */
    int64_t connect_timeout_us; /* 0: 5 s */
    int64_t request_timeout_us; /* whole request, body included; 0: 60 s */
    const atomic_bool *abort;   /* borrowed for the client's life; once true, a running request ends within about a
                                   second and every later one at once, with SLUICE_E_CANCELLED. NULL: never */
};

/* Copies the options; no I/O. Errors: SLUICE_E_CONFIG (an address, the CA file), SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_client_new(const struct sluice_ch_options *options,
                                                        struct sluice_ch_client **out, struct sluice_error *err);
void sluice_ch_client_free(struct sluice_ch_client *client); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(sluice_ch_client, struct sluice_ch_client, sluice_ch_client_free)

/* The address that the next attempt goes to. Borrowed until the next call. */
const char *sluice_ch_client_url(const struct sluice_ch_client *client);

/* How the last call on this client failed; all zero after a success. Borrowed until the next call. */
struct sluice_ch_failure {
    enum sluice_ch_advice advice;
    bool unknown_outcome; /* the statement may have taken effect, or may still */
    bool keeper_conflict; /* a compare-and-set on a KeeperMap table found another value */
    int server_code;      /* 0: the server named none */
    int http_status;      /* 0: no answer */
    int curl_code;        /* 0: the transport did its part */
};
const struct sluice_ch_failure *sluice_ch_client_failure(const struct sluice_ch_client *client);

struct sluice_ch_pair {
    const char *name_z;
    struct sluice_str value;
};

/* A SELECT, DDL or mutation. Sent as POST with the SQL in the body; the server answers only when it is done. */
struct sluice_ch_query {
    const char *sql;
    const char *what;                    /* for the error text: `create table "shop.orders"` */
    const struct sluice_ch_pair *params; /* fill {name:Type}; any bytes, escaped here */
    size_t n_params;
    const struct sluice_ch_pair *settings; /* sent as they are, known to the server or not */
    size_t n_settings;
    const char *query_id; /* NULL: the server makes one */
};

/* Appends the answer to `answer`; NULL where none is wanted. Errors: SLUICE_E_LIMIT (answer beyond its ceiling; a
 * SELECT has then no effect, for anything else the outcome is unknown), SLUICE_E_SERVER (detail = server code),
 * SLUICE_E_HTTP (detail = CURLcode or HTTP status), SLUICE_E_CANCELLED. `answer` may hold a part of an answer after an
 * error. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_query(struct sluice_ch_client *client, const struct sluice_ch_query *query,
                                                   struct sluice_buf *answer, struct sluice_error *err);

/* Takes the next bytes of an answer; an error ends the request. */
typedef enum sluice_code (*sluice_ch_take_fn)(void *ctx, struct sluice_str piece, struct sluice_error *err);

/* A SELECT whose answer is handed on as it comes and kept nowhere, so that it may be of any size. The server begins to
 * answer before it knows that it will succeed: what was taken counts only when this returns SLUICE_OK. Errors: as
 * sluice_ch_query(), and those of `take`. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_stream(struct sluice_ch_client *client,
                                                    const struct sluice_ch_query *query, sluice_ch_take_fn take,
                                                    void *ctx, struct sluice_error *err);

/* The body of an INSERT. `read` copies up to `capacity` bytes (never 0) and returns 0 at the end only; `rewind` starts
 * again at the first byte and is called before each attempt. */
typedef size_t (*sluice_ch_read_fn)(void *ctx, char *out, size_t capacity);
typedef void (*sluice_ch_rewind_fn)(void *ctx);

struct sluice_ch_insert {
    const char *sql;    /* INSERT INTO "db"."table" (...) FORMAT ..., goes into the address; at most 256 KiB */
    const char *target; /* db.table, for error texts */
    size_t n_rows;
    sluice_ch_read_fn read;
    sluice_ch_rewind_fn rewind;
    void *ctx;
    const char *query_id;                  /* new for each attempt; NULL: the server makes one */
    const char *token;                     /* insert_deduplication_token; NULL: none */
    const struct sluice_ch_pair *settings; /* beside the pinned ones, e.g. insert_quorum; sent as they are */
    size_t n_settings;
    /* libcurl sends a request again by itself when a kept-alive connection dies before the first byte of the answer.
     * After that a 200 is the answer to a token that was sent before, which proves nothing on a table that is not
     * replicated. So a body of which anything may have gone out is not repeated, the outcome is reported as unknown;
     * unless this is true, for at-least-once delivery. */
    bool allow_repeat;
};

struct sluice_ch_insert_result {
    bool has_written_rows;
    uint64_t written_rows; /* of X-ClickHouse-Summary; materialized views count in. A deduplicated insert: see docs */
    uint64_t n_bytes_sent;
    int64_t took_us;
};

/* SLUICE_OK only if the transport finished, the status is 200, no exception header came, the body is empty and the
 * written rows, where told, are not fewer than n_rows. Errors: as sluice_ch_query(). With failure.unknown_outcome the
 * rows may be stored, or may still be stored later. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_insert(struct sluice_ch_client *client,
                                                    const struct sluice_ch_insert *insert,
                                                    struct sluice_ch_insert_result *result, struct sluice_error *err);

/* What the server at the current address is: from memory, else asked. Errors: as sluice_ch_query(). */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_probe(struct sluice_ch_client *client, struct sluice_ch_server *server,
                                                   struct sluice_error *err);

#endif
