/* answer.h - what came back for one request: the headers that decide, and the text of a refusal.
 *
 * Fed line by line and piece by piece by the transport; pure otherwise. Untrusted: every part has a ceiling.
 * Facts: ClickHouse src/Server/HTTPHandler.cpp and documentation "HTTP interface"; the in-band exception block of
 * 25.11 and its predecessor are described in docs/clickhouse-http.md.
 */
#ifndef SLUICE_CLICKHOUSE_ANSWER_H
#define SLUICE_CLICKHOUSE_ANSWER_H

#include "base/buf.h"

struct answer {
    int status;           /* 0: no status line yet */
    int exception_code;   /* X-ClickHouse-Exception-Code; 0: none */
    bool from_clickhouse; /* any X-ClickHouse-* header */
    bool head_complete;   /* the empty line behind the headers came */
    bool framed;          /* the end of the body is told, not guessed from the end of the connection */
    bool has_written_rows;
    uint64_t written_rows;
    int keep_alive_s;          /* -1: not told */
    char tag[32];              /* X-ClickHouse-Exception-Tag; "" before 25.11 */
    struct sluice_buf refusal; /* body of anything but a good answer; what is beyond its ceiling is dropped */
    size_t n_body;             /* all body bytes, dropped ones too */
};

void answer_init(struct answer *answer);
void answer_deinit(struct answer *answer);
/* Forgets the former answer, keeps the memory. */
void answer_reset(struct answer *answer);

/* One header line as it came. A status line starts anew: after 100 Continue, or when a request was repeated on a fresh
 * connection. */
void answer_header(struct answer *answer, struct sluice_str line);
/* False for an answer that may lack its end. libcurl 7.88 reports one that breaks off among its headers as success. */
bool answer_is_complete(const struct answer *answer);
/* True when the body is the result of the statement; otherwise it belongs into `refusal`. */
bool answer_is_good(const struct answer *answer);
/* Keeps the beginning of a refusal. */
void answer_refusal(struct answer *answer, struct sluice_str piece);

/* Looks for the in-band exception block at the end of `body`; its message if there is one. */
bool answer_find_exception(const struct answer *answer, struct sluice_str body, struct sluice_str *message);

#endif
