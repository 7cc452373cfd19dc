/* http.h - the operator's HTTP port: /metrics, /livez, /readyz, /status, and / which lists them.
 *
 * GET and HEAD only, everything else is 405, other paths 404. A thread of its own (libmicrohttpd's) answers one request
 * at a time; the callbacks run on it, so they may only read atomics and take short locks. Few connections, small
 * requests, short time-outs: it is for probes and scrapers.
 */
#ifndef SLUICE_OBSERVE_HTTP_H
#define SLUICE_OBSERVE_HTTP_H

#include "base/buf.h"
#include "observe/metrics.h"

struct sluice_http;

/* `text` and `json` are empty buffers with a ceiling; a callback that fails answers 500 with the error's text. */
struct sluice_http_handlers {
    /* 200 when *ok, else 503; `text` is the body and says why. NULL members are legal: always ok. */
    enum sluice_code (*livez)(void *ctx, bool *ok, struct sluice_buf *text, struct sluice_error *err);
    enum sluice_code (*readyz)(void *ctx, bool *ok, struct sluice_buf *text, struct sluice_error *err);
    /* The whole JSON document of /status. NULL: 404. */
    enum sluice_code (*status)(void *ctx, struct sluice_buf *json, struct sluice_error *err);
    void *ctx;
};

/* `listen` is the option http.listen, not empty: "host:port", "[v6]:port"; host a numeric address or "localhost".
 * `metrics` and the context of `handlers` are borrowed until free.
 * Errors: SLUICE_E_CONFIG for an address that is not one, SLUICE_E_IO when it can't be bound, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_http_start(const char *listen, struct sluice_metrics *metrics,
                                                     const struct sluice_http_handlers *handlers,
                                                     struct sluice_http **out, struct sluice_error *err);
/* The bound port, also when port 0 was asked for. */
uint16_t sluice_http_port(const struct sluice_http *http);
/* Ends the thread and closes all connections. NULL does nothing. */
void sluice_http_free(struct sluice_http *http);

#endif
