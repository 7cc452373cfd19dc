/* http_stub.h - an HTTP server for tests that does what it is told: answers late, cuts, repeats, refuses.
 *
 * One thread, one connection at a time, on a free loopback port. Requests are answered from a script, in order; after
 * its end every request gets the default answer: 200 with ClickHouse headers and an empty body. What was received is
 * kept and may be read while no request is under way.
 */
#ifndef SLUICE_TESTS_HTTP_STUB_H
#define SLUICE_TESTS_HTTP_STUB_H

#include <stdbool.h>
#include <stddef.h>

enum http_stub_act {
    HTTP_STUB_ANSWER,      /* head and body, the connection stays */
    HTTP_STUB_CLOSE_AFTER, /* the same, then closes without having said so */
    HTTP_STUB_CUT,         /* the first `cut_after` bytes of the answer, then closes */
    HTTP_STUB_RESET,       /* reads the request, sends RST instead of an answer */
    HTTP_STUB_RESET_EARLY  /* reads `cut_after` bytes of the request, then sends RST */
};

struct http_stub_reply {
    enum http_stub_act act;
    const char *head; /* status line and headers, each with CR LF; NULL: the default. Content-Length is put behind,
                         unless it says Transfer-Encoding */
    const char *body; /* NULL: empty */
    size_t cut_after;
    int delay_ms; /* before the answer; ended early by http_stub_stop() */
};

/* What was received: head with request line and headers, body with the chunked framing taken off. */
struct http_stub_request {
    char *head;
    char *body;
    size_t n_body;
    bool complete;
    int connection; /* 1 for the first that was accepted */
};

#define HTTP_STUB_HEAD(status)                                                                                         \
    "HTTP/1.1 " status "\r\nX-ClickHouse-Query-Id: q\r\nX-ClickHouse-Server-Display-Name: stub\r\n"

struct http_stub;

/* NULL on failure, with a line on stderr. */
struct http_stub *http_stub_start(void);
void http_stub_stop(struct http_stub *stub); /* NULL does nothing */

/* http://127.0.0.1:PORT, borrowed until stop. */
const char *http_stub_url(const struct http_stub *stub);
/* Appends to the script; texts are borrowed until they were sent. */
void http_stub_push(struct http_stub *stub, struct http_stub_reply reply);
/* A body for every request whose own body contains `part`; such requests do not use the script up. NULL: none. */
void http_stub_always(struct http_stub *stub, const char *part, const char *body);

size_t http_stub_n_requests(struct http_stub *stub);
int http_stub_n_connections(struct http_stub *stub);
/* Returns when the stub has closed `n` connections in all. */
void http_stub_wait_closed(struct http_stub *stub, int n);
/* Borrowed until stop; NULL if there is none at that index. */
const struct http_stub_request *http_stub_request(struct http_stub *stub, size_t index);

#endif
