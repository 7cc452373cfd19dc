/* transport.h - one libcurl handle that makes one POST at a time over one kept-alive connection.
 *
 * Knows HTTP and nothing of ClickHouse but what answer.h reads. Owner: the client, one thread at a time.
 */
#ifndef SLUICE_CLICKHOUSE_TRANSPORT_H
#define SLUICE_CLICKHOUSE_TRANSPORT_H

#include <curl/curl.h>

#include "clickhouse/answer.h"
#include "clickhouse/client.h"

struct transport {
    CURL *handle;
    struct curl_slist *text_headers;   /* body is SQL */
    struct curl_slist *stream_headers; /* body is rows, chunked */
    const atomic_bool *abort;
    struct answer answer;       /* of the last request */
    char text[CURL_ERROR_SIZE]; /* libcurl's account of the last failure, "" if none */
};

/* One request. Either `sql`, or `read` with `rewind`. */
struct transport_request {
    const char *url;
    struct sluice_str sql;
    sluice_ch_read_fn read;
    sluice_ch_rewind_fn rewind;
    void *ctx;
    bool allow_repeat;       /* as in struct sluice_ch_insert */
    struct sluice_buf *sink; /* takes the body of a good answer; NULL: it goes where refusals go */
    sluice_ch_take_fn take;  /* takes it instead, `sink` then has its end only; NULL: none */
    void *take_ctx;
};

struct transport_result {
    CURLcode code;
    enum sluice_code sink_code; /* why the sink refused, with `sink_error`; SLUICE_OK */
    struct sluice_error sink_error;
    bool nothing_sent; /* not one byte of the request left */
    uint64_t n_bytes_sent;
    int64_t took_us;
};

/* Legal on a zeroed transport afterwards: transport_deinit(). Errors: SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code transport_init(struct transport *transport, const struct sluice_ch_options *options,
                                                  struct sluice_error *err);
void transport_deinit(struct transport *transport);

void transport_perform(struct transport *transport, const struct transport_request *request,
                       struct transport_result *result);

#endif
