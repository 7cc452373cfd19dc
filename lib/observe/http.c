/* http.c - see http.h. libmicrohttpd with one internal polling thread.
 *
 * Ceilings: 16 connections, 16 KiB per connection, 10 s idle, 8 MiB for an answer. The answer is built whole before it
 * is sent, so no lock is held while a slow client reads.
 */
#include "observe/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { MAX_CONNECTIONS = 16, MAX_CONNECTION_BYTES = 16 * 1024, IDLE_S = 10, MAX_ANSWER_BYTES = 8 << 20 };

struct sluice_http {
    struct MHD_Daemon *daemon;
    struct sluice_metrics *metrics;
    struct sluice_http_handlers handlers;
    uint16_t port;
};

SLUICE_DEFINE_AUTO_PTR(sluice_http, struct sluice_http, sluice_http_free)

struct answer {
    unsigned status;
    const char *type;
    struct sluice_buf *body;
};

static const char pointer[] = "sluice\n"
                              "/metrics  Prometheus metrics\n"
                              "/livez    200 while the process works\n"
                              "/readyz   200 while it can do its job\n"
                              "/status   state of the worker as JSON\n";

static enum sluice_code probe(enum sluice_code (*handler)(void *, bool *, struct sluice_buf *, struct sluice_error *),
                              void *ctx, struct answer *answer, struct sluice_error *err)
{
    bool ok = true;
    enum sluice_code code =
        handler != NULL ? handler(ctx, &ok, answer->body, err) : sluice_buf_append_z(answer->body, "ok\n", err);
    answer->status = ok ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE;
    return code;
}

static enum sluice_code not_found(struct answer *answer, struct sluice_error *err)
{
    answer->status = MHD_HTTP_NOT_FOUND;
    return sluice_buf_append_z(answer->body, "not found; / lists what there is\n", err);
}

static enum sluice_code fill(struct sluice_http *http, const char *path, struct answer *answer,
                             struct sluice_error *err)
{
    const struct sluice_http_handlers *handlers = &http->handlers;
    if (strcmp(path, "/") == 0)
        return sluice_buf_append_z(answer->body, pointer, err);
    if (strcmp(path, "/metrics") == 0) {
        answer->type = "text/plain; version=0.0.4; charset=utf-8";
        return sluice_metrics_render(http->metrics, answer->body, err);
    }
    if (strcmp(path, "/livez") == 0)
        return probe(handlers->livez, handlers->ctx, answer, err);
    if (strcmp(path, "/readyz") == 0)
        return probe(handlers->readyz, handlers->ctx, answer, err);
    if (strcmp(path, "/status") == 0 && handlers->status != NULL) {
        answer->type = "application/json";
        return handlers->status(handlers->ctx, answer->body, err);
    }
    return not_found(answer, err);
}

/* The body is copied by libmicrohttpd. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, unsigned status, const char *type,
                                   const char *body, size_t n_body)
{
    /* The parameter is a plain void * only because the other modes take ownership. */
    union {
        const char *given;
        void *wanted;
    } bytes = {.given = body};
    struct MHD_Response *response = MHD_create_response_from_buffer(n_body, bytes.wanted, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result result = MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    if (result == MHD_YES && status == MHD_HTTP_METHOD_NOT_ALLOWED)
        result = MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (result == MHD_YES)
        result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls)
{
    static const char refused[] = "only GET and HEAD\n";
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf body = {0};
    struct answer answer = {MHD_HTTP_OK, "text/plain; charset=utf-8", &body};
    (void)version;
    (void)upload_data;
    (void)upload_data_size;
    (void)con_cls;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return send_answer(connection, MHD_HTTP_METHOD_NOT_ALLOWED, answer.type, refused, sizeof refused - 1);
    sluice_buf_init(&body, MAX_ANSWER_BYTES, "the HTTP answer");
    if (fill(cls, url, &answer, &err) != SLUICE_OK)
        return send_answer(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "text/plain; charset=utf-8", err.text,
                           strlen(err.text));
    return send_answer(connection, answer.status, answer.type, sluice_buf_text(&body), body.len);
}

/* Cuts "host:port" or "[v6]:port" into its two parts, `host` without brackets. */
static bool split_address(const char *listen_text, char *host, size_t n_host, const char **port)
{
    const char *colon = strrchr(listen_text, ':');
    const char *from = listen_text;
    if (colon == NULL || colon == listen_text || colon[1] == '\0')
        return false;
    size_t len = (size_t)(colon - listen_text);
    if (from[0] == '[' && from[len - 1] == ']' && len > 2) {
        from++;
        len -= 2;
    }
    if (len >= n_host)
        return false;
    memcpy(host, from, len);
    host[len] = '\0';
    *port = colon + 1;
    return true;
}

static enum sluice_code resolve(const char *listen_text, struct addrinfo **out, struct sluice_error *err)
{
    char host[256];
    const char *port = NULL;
    const struct addrinfo hints = {
        .ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (!split_address(listen_text, host, sizeof host, &port))
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "http.listen \"%.80s\" is not host:port; write for example 127.0.0.1:9577",
                                listen_text);
    int failed = getaddrinfo(host, port, &hints, out);
    if (failed != 0)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "http.listen \"%.80s\" is not an address of this host: %s; write for example "
                                "127.0.0.1:9577",
                                listen_text, gai_strerror(failed));
    return SLUICE_OK;
}

static struct MHD_Daemon *start_daemon(struct sluice_http *http, const struct addrinfo *address)
{
    unsigned flags = MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ITC;
    if (address->ai_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(flags, 0, NULL, NULL, handle, http, MHD_OPTION_SOCK_ADDR, address->ai_addr,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                            (size_t)MAX_CONNECTION_BYTES, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_S,
                            MHD_OPTION_END);
}

enum sluice_code sluice_http_start(const char *listen, struct sluice_metrics *metrics,
                                   const struct sluice_http_handlers *handlers, struct sluice_http **out,
                                   struct sluice_error *err)
{
    struct addrinfo *address = NULL;
    SLUICE_AUTO(sluice_http) struct sluice_http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return sluice_error_nomem(err, "the HTTP port", sizeof *http);
    http->metrics = metrics;
    http->handlers = *handlers;
    enum sluice_code code = resolve(listen, &address, err);
    if (code != SLUICE_OK)
        return code;
    errno = 0;
    http->daemon = start_daemon(http, address);
    int error = errno;
    freeaddrinfo(address);
    const union MHD_DaemonInfo *info =
        http->daemon != NULL ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_BIND_PORT) : NULL;
    if (info == NULL) {
        (void)sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP,
                               "http.listen \"%.80s\" can't be bound: %s; take another port or end its user", listen,
                               error != 0 ? strerror(error) : "no reason given");
        err->detail = error;
        return err->code;
    }
    http->port = info->port;
    *out = SLUICE_TAKE(http);
    return SLUICE_OK;
}

uint16_t sluice_http_port(const struct sluice_http *http)
{
    return http->port;
}

void sluice_http_free(struct sluice_http *http)
{
    if (http == NULL)
        return;
    if (http->daemon != NULL)
        MHD_stop_daemon(http->daemon);
    free(http);
}
