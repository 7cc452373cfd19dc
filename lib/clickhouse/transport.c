/* transport.c - see transport.h. SIGPIPE is ignored by the program: OpenSSL may raise it when a peer is gone. */
#include "clickhouse/transport.h"

#include <stdio.h>

#include "base/clock.h"

enum {
    UPLOAD_BUFFER_BYTES = 512 << 10,
    DOWNLOAD_BUFFER_BYTES = 128 << 10,
    CONNECT_TIMEOUT_MS = 5000,
    REQUEST_TIMEOUT_MS = 60000,
    TAIL_BYTES = 32 << 10, /* holds the server's exception block */
    /* Where the server does not tell; packaged configurations go down to 3 s. */
    IDLE_LIMIT_S = 1,
};

/* What the callbacks see of the request under way. */
struct exchange {
    struct transport *transport;
    const struct transport_request *request;
    struct transport_result *result;
};

static size_t on_read(char *out, size_t size, size_t n_items, void *ctx)
{
    struct exchange *exchange = ctx;
    size_t n = exchange->request->read(exchange->request->ctx, out, size * n_items);
    exchange->result->n_bytes_sent += n;
    return n;
}

static int on_seek(void *ctx, curl_off_t offset, int origin)
{
    struct exchange *exchange = ctx;
    if (offset != 0 || origin != SEEK_SET)
        return CURL_SEEKFUNC_CANTSEEK;
    if (exchange->result->n_bytes_sent > 0 && !exchange->request->allow_repeat)
        return CURL_SEEKFUNC_FAIL; /* ends the request with CURLE_SEND_FAIL_REWIND */
    exchange->request->rewind(exchange->request->ctx);
    exchange->result->n_bytes_sent = 0;
    return CURL_SEEKFUNC_OK;
}

static size_t on_header(char *line, size_t size, size_t n_items, void *ctx)
{
    struct exchange *exchange = ctx;
    size_t n = size * n_items;
    answer_header(&exchange->transport->answer, (struct sluice_str){line, n});
    return n;
}

/* The end of what came so far: an exception in mid-answer stands there. */
static enum sluice_code keep_tail(struct sluice_buf *tail, struct sluice_str piece, struct sluice_error *err)
{
    if (piece.len > TAIL_BYTES)
        piece = (struct sluice_str){piece.ptr + piece.len - TAIL_BYTES, TAIL_BYTES};
    if (tail->len + piece.len > 2 * (size_t)TAIL_BYTES) {
        memmove(tail->ptr, tail->ptr + tail->len - TAIL_BYTES, TAIL_BYTES);
        tail->len = TAIL_BYTES;
    }
    return sluice_buf_append_str(tail, piece, err);
}

static enum sluice_code take_piece(const struct transport_request *request, struct sluice_str piece,
                                   struct sluice_error *err)
{
    if (request->take == NULL)
        return sluice_buf_append_str(request->sink, piece, err);
    enum sluice_code code = keep_tail(request->sink, piece, err);
    return code == SLUICE_OK ? request->take(request->take_ctx, piece, err) : code;
}

static size_t on_body(char *piece, size_t size, size_t n_items, void *ctx)
{
    struct exchange *exchange = ctx;
    struct answer *answer = &exchange->transport->answer;
    struct sluice_buf *sink = exchange->request->sink;
    struct transport_result *result = exchange->result;
    size_t n = size * n_items;
    answer->n_body += n;
    if (sink == NULL || !answer_is_good(answer)) {
        answer_refusal(answer, (struct sluice_str){piece, n});
        return n;
    }
    result->sink_code = take_piece(exchange->request, (struct sluice_str){piece, n}, &result->sink_error);
    return result->sink_code == SLUICE_OK ? n : CURL_WRITEFUNC_ERROR;
}

static int on_progress(void *ctx, curl_off_t n_down, curl_off_t done_down, curl_off_t n_up, curl_off_t done_up)
{
    const struct exchange *exchange = ctx;
    (void)n_down;
    (void)done_down;
    (void)n_up;
    (void)done_up;
    return exchange->transport->abort != NULL && atomic_load(exchange->transport->abort) ? 1 : 0;
}

#define SET(option, value) (ok = ok && curl_easy_setopt(transport->handle, (option), (value)) == CURLE_OK)

static long milliseconds(int64_t us, long fallback)
{
    int64_t ms = us / 1000;
    if (us <= 0)
        return fallback;
    return ms < 1 ? 1 : ms > 86400000 ? 86400000 : (long)ms;
}

static bool set_fixed(struct transport *transport, const struct sluice_ch_options *options)
{
    bool ok = true;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* chunked bodies; one request per connection at a time */
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* a redirected POST is not the statement that was meant */
    SET(CURLOPT_NOPROXY, "*");       /* not even what the environment names */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (options->ca_file != NULL && options->ca_file[0] != '\0')
        SET(CURLOPT_CAINFO, options->ca_file);
    SET(CURLOPT_USERAGENT, options->product != NULL ? options->product : "sluice");
    SET(CURLOPT_TCP_NODELAY, 1L);
    SET(CURLOPT_TCP_KEEPALIVE, 1L);
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_MAXAGE_CONN, (long)IDLE_LIMIT_S);
    SET(CURLOPT_UPLOAD_BUFFERSIZE, (long)UPLOAD_BUFFER_BYTES);
    SET(CURLOPT_BUFFERSIZE, (long)DOWNLOAD_BUFFER_BYTES);
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options->connect_timeout_us, CONNECT_TIMEOUT_MS));
    SET(CURLOPT_TIMEOUT_MS, milliseconds(options->request_timeout_us, REQUEST_TIMEOUT_MS));
    SET(CURLOPT_ERRORBUFFER, transport->text);
    SET(CURLOPT_READFUNCTION, on_read);
    SET(CURLOPT_SEEKFUNCTION, on_seek);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_NOPROGRESS, 0L);
    return ok;
}

static bool add_header(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer != NULL)
        *list = longer;
    return longer != NULL;
}

/* A line break in a value would start a header of its own. */
static bool is_header_value(const char *value)
{
    for (; *value != '\0'; value++)
        if ((unsigned char)*value < 0x20 || *value == 0x7f)
            return false;
    return true;
}

static enum sluice_code add_credential(struct transport *transport, const char *name, const char *option,
                                       const char *value, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf line;
    sluice_buf_init(&line, 8192, option);
    if (value == NULL || value[0] == '\0')
        return SLUICE_OK;
    if (!is_header_value(value))
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "%s: holds a line break or another control character, which a header cannot carry",
                                option);
    enum sluice_code code = sluice_buf_printf(&line, err, "%s: %s", name, value);
    if (code != SLUICE_OK)
        return code;
    if (!add_header(&transport->text_headers, line.ptr) || !add_header(&transport->stream_headers, line.ptr))
        return sluice_error_nomem(err, "request headers", line.len);
    return SLUICE_OK;
}

static enum sluice_code add_headers(struct transport *transport, const struct sluice_ch_options *options,
                                    struct sluice_error *err)
{
    /* A password without a user is that of the server's default user. */
    bool default_user = (options->user == NULL || options->user[0] == '\0') && options->password != NULL &&
                        options->password[0] != '\0';
    /* No Expect: the server answers 100 at once anyway, and gives up keep-alive for it. No Accept-Encoding: errors stay
     * readable. libcurl's own Content-Type would call the body a form. */
    if (!add_header(&transport->text_headers, "Expect:") || !add_header(&transport->stream_headers, "Expect:") ||
        !add_header(&transport->text_headers, "Content-Type: text/plain; charset=utf-8") ||
        !add_header(&transport->stream_headers, "Content-Type: application/octet-stream") ||
        !add_header(&transport->stream_headers, "Transfer-Encoding: chunked"))
        return sluice_error_nomem(err, "request headers", 64);
    enum sluice_code code = add_credential(transport, "X-ClickHouse-User", "clickhouse.user",
                                           default_user ? "default" : options->user, err);
    if (code != SLUICE_OK)
        return code;
    return add_credential(transport, "X-ClickHouse-Key", "clickhouse.password", options->password, err);
}

enum sluice_code transport_init(struct transport *transport, const struct sluice_ch_options *options,
                                struct sluice_error *err)
{
    *transport = (struct transport){.abort = options->abort};
    answer_init(&transport->answer);
    enum sluice_code code = add_headers(transport, options, err);
    if (code != SLUICE_OK)
        return code;
    transport->handle = curl_easy_init();
    if (transport->handle == NULL || !set_fixed(transport, options))
        return sluice_error_nomem(err, "an HTTP client", UPLOAD_BUFFER_BYTES);
    return SLUICE_OK;
}

void transport_deinit(struct transport *transport)
{
    curl_easy_cleanup(transport->handle);
    curl_slist_free_all(transport->text_headers);
    curl_slist_free_all(transport->stream_headers);
    answer_deinit(&transport->answer);
    *transport = (struct transport){0};
}

static bool set_request(struct transport *transport, struct exchange *exchange)
{
    const struct transport_request *request = exchange->request;
    bool streams = request->read != NULL;
    bool ok = true;
    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_POST, 1L);
    SET(CURLOPT_POSTFIELDSIZE_LARGE, streams ? (curl_off_t)-1 : (curl_off_t)request->sql.len);
    SET(CURLOPT_POSTFIELDS, streams ? NULL : request->sql.ptr);
    SET(CURLOPT_HTTPHEADER, streams ? transport->stream_headers : transport->text_headers);
    SET(CURLOPT_READDATA, exchange);
    SET(CURLOPT_SEEKDATA, exchange);
    SET(CURLOPT_HEADERDATA, exchange);
    SET(CURLOPT_WRITEDATA, exchange);
    SET(CURLOPT_XFERINFODATA, exchange);
    return ok;
}

/* An idle connection is used again for less than the server's time minus one second, so that a request does not meet a
 * connection that the server is just closing. libcurl compares whole seconds: limit 1 means younger than 2 s. */
static void learn_keep_alive(struct transport *transport)
{
    bool ok = true;
    int told_s = transport->answer.keep_alive_s;
    if (told_s >= 0)
        SET(CURLOPT_MAXAGE_CONN, told_s > 2 ? (long)told_s - 2 : 0L);
    (void)ok; /* only a refused option could fail, and then the old limit stays */
}

void transport_perform(struct transport *transport, const struct transport_request *request,
                       struct transport_result *result)
{
    struct exchange exchange = {.transport = transport, .request = request, .result = result};
    int64_t start_us = sluice_mono_us();
    long n_request = 0;
    *result = (struct transport_result){.sink_code = SLUICE_OK};
    answer_reset(&transport->answer);
    transport->text[0] = '\0';
    if (request->rewind != NULL)
        request->rewind(request->ctx);
    result->code = set_request(transport, &exchange) ? curl_easy_perform(transport->handle) : CURLE_OUT_OF_MEMORY;
    if (result->code == CURLE_OK && !answer_is_complete(&transport->answer)) {
        result->code = CURLE_PARTIAL_FILE;
        (void)snprintf(transport->text, sizeof transport->text, "the answer ends among its headers, or has no length");
    }
    if (curl_easy_getinfo(transport->handle, CURLINFO_REQUEST_SIZE, &n_request) == CURLE_OK)
        result->nothing_sent = n_request == 0;
    result->took_us = sluice_mono_us() - start_us;
    learn_keep_alive(transport);
}
