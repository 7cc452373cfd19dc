/* The HTTP port through a real socket. */
#include "observe/http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "support/check.h"

static struct sluice_metrics *metrics;
static struct sluice_error err;
static char answer[1 << 20];

struct state {
    bool live;
    bool ready;
    bool broken;
};

static enum sluice_code livez(void *ctx, bool *ok, struct sluice_buf *text, struct sluice_error *error)
{
    const struct state *state = ctx;
    *ok = state->live;
    return sluice_buf_append_z(text, *ok ? "works\n" : "consumer stuck\n", error);
}

static enum sluice_code readyz(void *ctx, bool *ok, struct sluice_buf *text, struct sluice_error *error)
{
    const struct state *state = ctx;
    *ok = state->ready;
    return sluice_buf_append_z(text, *ok ? "ready\n" : "not joined\n", error);
}

static enum sluice_code status(void *ctx, struct sluice_buf *json, struct sluice_error *error)
{
    const struct state *state = ctx;
    if (state->broken)
        return sluice_error_set(error, SLUICE_E_LIMIT, SLUICE_STOP, "too many partitions");
    return sluice_buf_append_z(json, "{\"name\": \"shop\"}", error);
}

static int connect_to(uint16_t port)
{
    const struct timeval limit = {20, 0};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

/* Sends the bytes; the whole answer until the server closes, or the empty text. */
static const char *exchange(uint16_t port, const char *request, size_t n_request)
{
    size_t n = 0;
    int fd = connect_to(port);
    (void)send(fd, request, n_request, MSG_NOSIGNAL);
    (void)shutdown(fd, SHUT_WR); /* or the server waits for the rest of what is no request */
    for (;;) {
        ssize_t got = recv(fd, answer + n, sizeof answer - 1 - n, 0);
        if (got <= 0)
            break;
        n += (size_t)got;
    }
    answer[n] = '\0';
    (void)close(fd);
    return answer;
}

static const char *ask(uint16_t port, const char *method, const char *path)
{
    char request[512];
    int n = snprintf(request, sizeof request, "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", method, path);
    return exchange(port, request, (size_t)n);
}

static void test_paths(uint16_t port, struct state *state)
{
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_ASSIGNED_PARTITIONS), 3);
    CHECK_CONTAINS(ask(port, "GET", "/metrics"), "HTTP/1.1 200 OK\r\n");
    CHECK_CONTAINS(answer, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    CHECK_CONTAINS(answer, "\nsluice_assigned_partitions 3\n");
    CHECK_CONTAINS(ask(port, "GET", "/"), "/readyz ");
    CHECK_CONTAINS(ask(port, "GET", "/livez"), "HTTP/1.1 200 OK\r\n");
    CHECK_CONTAINS(answer, "\r\n\r\nworks\n");
    CHECK_CONTAINS(ask(port, "GET", "/readyz"), "HTTP/1.1 503 ");
    CHECK_CONTAINS(answer, "\r\n\r\nnot joined\n");
    state->ready = true;
    CHECK_CONTAINS(ask(port, "GET", "/readyz?verbose=1"), "HTTP/1.1 200 OK\r\n");
    state->live = false;
    CHECK_CONTAINS(ask(port, "GET", "/livez"), "HTTP/1.1 503 ");
    CHECK_CONTAINS(ask(port, "GET", "/status"), "Content-Type: application/json\r\n");
    CHECK_CONTAINS(answer, "\r\n\r\n{\"name\": \"shop\"}");
    state->broken = true;
    CHECK_CONTAINS(ask(port, "GET", "/status"), "HTTP/1.1 500 ");
    CHECK_CONTAINS(answer, "\r\n\r\ntoo many partitions");
    CHECK_CONTAINS(ask(port, "GET", "/nothing"), "HTTP/1.1 404 ");
    CHECK_CONTAINS(ask(port, "GET", "/metrics/"), "HTTP/1.1 404 ");
}

static void test_methods(uint16_t port)
{
    static const char post[] =
        "POST /status HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello";
    CHECK_CONTAINS(ask(port, "HEAD", "/livez"), "HTTP/1.1 ");
    CHECK(strstr(answer, "consumer stuck") == NULL);
    CHECK_CONTAINS(ask(port, "DELETE", "/metrics"), "HTTP/1.1 405 ");
    CHECK_CONTAINS(answer, "Allow: GET, HEAD\r\n");
    CHECK_CONTAINS(exchange(port, post, sizeof post - 1), "HTTP/1.1 405 ");
}

/* What is too large or no HTTP at all is refused, and the port goes on answering. */
static void test_hostile(uint16_t port)
{
    enum { N_HEADER = 64 * 1024 };
    char *request = malloc(N_HEADER + 100);
    if (request == NULL)
        abort();
    int n = snprintf(request, 100, "GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX: ");
    memset(request + n, 'a', N_HEADER);
    memcpy(request + n + N_HEADER - 4, "\r\n\r\n", 4);
    CHECK(strstr(exchange(port, request, (size_t)n + N_HEADER), " 200 ") == NULL);
    free(request);
    CHECK(strstr(exchange(port, "\0\xff\x16\x03\r\n\r\n", 8), " 200 ") == NULL);
    int idle[20];
    for (size_t i = 0; i < 20; i++)
        idle[i] = connect_to(port);
    for (size_t i = 0; i < 20; i++)
        (void)close(idle[i]);
    /* The server notices the closed ones in its own time. */
    bool answered = false;
    for (int i = 0; i < 200 && !answered; i++)
        answered = strstr(ask(port, "GET", "/"), "HTTP/1.1 200 OK\r\n") != NULL;
    CHECK(answered);
}

static void test_start_errors(uint16_t taken)
{
    static const char *const wrong[] = {"", "127.0.0.1", ":9577", "127.0.0.1:", "no such host:1", "127.0.0.1:http"};
    const struct sluice_http_handlers none = {0};
    struct sluice_http *http = NULL;
    char listen_text[32];
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(wrong); i++) {
        CHECK_INT(sluice_http_start(wrong[i], metrics, &none, &http, &err), SLUICE_E_CONFIG);
        CHECK_CONTAINS(err.text, "http.listen");
    }
    (void)snprintf(listen_text, sizeof listen_text, "127.0.0.1:%u", (unsigned)taken);
    CHECK_INT(sluice_http_start(listen_text, metrics, &none, &http, &err), SLUICE_E_IO);
    CHECK_CONTAINS(err.text, "can't be bound: Address already in use; take another port or end its user");
    CHECK(http == NULL);
}

static void test_without_handlers(void)
{
    const struct sluice_http_handlers none = {0};
    struct sluice_http *http = NULL;
    if (!CHECK_INT(sluice_http_start("localhost:0", metrics, &none, &http, &err), SLUICE_OK))
        return;
    uint16_t port = sluice_http_port(http);
    CHECK(port != 0);
    sluice_http_free(http);
    CHECK_INT(sluice_http_start("127.0.0.1:0", metrics, &none, &http, &err), SLUICE_OK);
    CHECK_CONTAINS(ask(sluice_http_port(http), "GET", "/livez"), "\r\n\r\nok\n");
    CHECK_CONTAINS(ask(sluice_http_port(http), "GET", "/status"), "HTTP/1.1 404 ");
    sluice_http_free(http);
    http = NULL;
    if (sluice_http_start("[::1]:0", metrics, &none, &http, &err) == SLUICE_OK) /* a host without IPv6 refuses */
        CHECK(sluice_http_port(http) != 0);
    sluice_http_free(http);
}

int main(void)
{
    struct state state = {.live = true};
    const struct sluice_http_handlers handlers = {livez, readyz, status, &state};
    struct sluice_http *http = NULL;
    if (sluice_metrics_new(&metrics, &err) != SLUICE_OK ||
        sluice_http_start("127.0.0.1:0", metrics, &handlers, &http, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    uint16_t port = sluice_http_port(http);
    CHECK(port != 0);
    test_paths(port, &state);
    test_methods(port);
    test_hostile(port);
    test_start_errors(port);
    sluice_http_free(http);
    sluice_http_free(NULL);
    test_without_handlers();
    sluice_metrics_free(metrics);
    return check_result();
}
