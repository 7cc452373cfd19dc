/* http_stub.c - see http_stub.h. */
#include "support/http_stub.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MAX_REPLIES = 64, MAX_REQUESTS = 256, INPUT_BYTES = 64 << 20 };

struct http_stub {
    pthread_t thread;
    int listener;
    int wake[2]; /* a byte in it ends everything */
    char url[64];
    pthread_mutex_t lock; /* guards all below */
    struct http_stub_reply replies[MAX_REPLIES];
    size_t n_replies;
    size_t next_reply;
    struct http_stub_request requests[MAX_REQUESTS];
    size_t n_requests;
    int n_connections;
    int n_closed;
    pthread_cond_t closed; /* n_closed grew */
    const char *always_part;
    const char *always_body;
};

/* Bytes of the connection that were read and not yet used. */
struct input {
    int fd;
    int wake;
    char *bytes;
    size_t n;
    size_t capacity;
    size_t n_total;
    size_t stop_at; /* read no more than this in all */
};

/* False when the peer closed, the stub stops, or stop_at is reached. */
static bool input_more(struct input *input)
{
    struct pollfd fds[2] = {{.fd = input->fd, .events = POLLIN}, {.fd = input->wake, .events = POLLIN}};
    if (input->n_total >= input->stop_at)
        return false;
    if (input->n == input->capacity) {
        input->capacity = input->capacity > 0 ? input->capacity * 2 : 65536;
        if (input->capacity > INPUT_BYTES)
            return false;
        input->bytes = realloc(input->bytes, input->capacity);
        if (input->bytes == NULL)
            abort();
    }
    if (poll(fds, 2, -1) < 0 || fds[1].revents != 0)
        return false;
    size_t room = input->capacity - input->n;
    if (room > input->stop_at - input->n_total)
        room = input->stop_at - input->n_total;
    ssize_t n = recv(input->fd, input->bytes + input->n, room, 0);
    if (n <= 0)
        return false;
    input->n += (size_t)n;
    input->n_total += (size_t)n;
    return true;
}

static void input_drop(struct input *input, size_t n)
{
    memmove(input->bytes, input->bytes + n, input->n - n);
    input->n -= n;
}

/* Takes the bytes up to and with `end` as a new C string; NULL when the connection ends before. */
static char *take_until(struct input *input, const char *end)
{
    size_t n_end = strlen(end);
    for (size_t i = 0;; i++) {
        while (i + n_end > input->n)
            if (!input_more(input))
                return NULL;
        if (memcmp(input->bytes + i, end, n_end) != 0)
            continue;
        char *text = calloc(1, i + n_end + 1);
        if (text == NULL)
            abort();
        memcpy(text, input->bytes, i + n_end);
        input_drop(input, i + n_end);
        return text;
    }
}

static bool take_bytes(struct input *input, size_t n, struct http_stub_request *request)
{
    while (input->n < n)
        if (!input_more(input))
            return false;
    request->body = realloc(request->body, request->n_body + n + 1);
    if (request->body == NULL)
        abort();
    memcpy(request->body + request->n_body, input->bytes, n);
    request->n_body += n;
    request->body[request->n_body] = '\0';
    input_drop(input, n);
    return true;
}

static bool take_chunks(struct input *input, struct http_stub_request *request)
{
    for (;;) {
        char *line = take_until(input, "\r\n");
        if (line == NULL)
            return false;
        size_t n = strtoul(line, NULL, 16);
        free(line);
        if (n > 0 && !take_bytes(input, n, request))
            return false;
        line = take_until(input, "\r\n");
        free(line);
        if (line == NULL)
            return false;
        if (n == 0)
            return true;
    }
}

static const char *find_header(const char *head, const char *name)
{
    size_t n_name = strlen(name);
    for (const char *at = strstr(head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n"))
        if (strncasecmp(at + 2, name, n_name) == 0)
            return at + 2 + n_name;
    return NULL;
}

/* False when the connection ended; what had come is in `request` then. */
static bool read_request(struct input *input, struct http_stub_request *request)
{
    request->head = take_until(input, "\r\n\r\n");
    if (request->head == NULL)
        return false;
    const char *length = find_header(request->head, "Content-Length:");
    if (find_header(request->head, "Transfer-Encoding: chunked") != NULL)
        request->complete = take_chunks(input, request);
    else
        request->complete = length == NULL || take_bytes(input, strtoul(length, NULL, 10), request);
    return request->complete;
}

static void send_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(fd, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        bytes += sent;
        n -= (size_t)sent;
    }
}

static void send_answer(int fd, const struct http_stub_reply *reply)
{
    const char *head = reply->head != NULL ? reply->head : HTTP_STUB_HEAD("200 OK");
    const char *body = reply->body != NULL ? reply->body : "";
    size_t capacity = strlen(head) + strlen(body) + 64;
    char *text = malloc(capacity);
    if (text == NULL)
        abort();
    int n = strstr(head, "Transfer-Encoding") != NULL
                ? snprintf(text, capacity, "%s\r\n%s", head, body)
                : snprintf(text, capacity, "%sContent-Length: %zu\r\n\r\n%s", head, strlen(body), body);
    size_t n_send = (size_t)n;
    if (reply->act == HTTP_STUB_CUT && reply->cut_after < n_send)
        n_send = reply->cut_after;
    send_all(fd, text, n_send);
    free(text);
}

static void reset(int fd)
{
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

static struct http_stub_reply peek_reply(struct http_stub *stub)
{
    pthread_mutex_lock(&stub->lock);
    struct http_stub_reply reply = {0};
    if (stub->next_reply < stub->n_replies)
        reply = stub->replies[stub->next_reply];
    pthread_mutex_unlock(&stub->lock);
    return reply;
}

/* Keeps the request and decides about the answer. */
static struct http_stub_reply take_reply(struct http_stub *stub, struct http_stub_request *request)
{
    struct http_stub_reply reply = {0};
    pthread_mutex_lock(&stub->lock);
    bool always =
        stub->always_part != NULL && request->body != NULL && strstr(request->body, stub->always_part) != NULL;
    if (always)
        reply.body = stub->always_body;
    else if (stub->next_reply < stub->n_replies)
        reply = stub->replies[stub->next_reply++];
    if (stub->n_requests < MAX_REQUESTS)
        stub->requests[stub->n_requests++] = *request;
    else
        abort();
    pthread_mutex_unlock(&stub->lock);
    return reply;
}

static bool wait_ms(const struct http_stub *stub, int ms)
{
    struct pollfd wake = {.fd = stub->wake[0], .events = POLLIN};
    return ms <= 0 || poll(&wake, 1, ms) == 0;
}

/* One request and its answer. False when the connection is at its end. */
static bool serve_one(struct http_stub *stub, struct input *input, int connection)
{
    struct http_stub_request request = {.connection = connection};
    input->n_total = 0;
    input->stop_at = 1;
    if (input->n == 0 && !input_more(input))
        return false; /* idle connection closed by the peer */
    struct http_stub_reply next = peek_reply(stub);
    input->stop_at = next.act == HTTP_STUB_RESET_EARLY ? next.cut_after : INPUT_BYTES;
    bool complete = read_request(input, &request);
    struct http_stub_reply reply = take_reply(stub, &request);
    if (!complete || reply.act == HTTP_STUB_RESET) {
        reset(input->fd);
        return false;
    }
    if (!wait_ms(stub, reply.delay_ms))
        return false;
    send_answer(input->fd, &reply);
    return reply.act == HTTP_STUB_ANSWER;
}

static void serve_connection(struct http_stub *stub, int fd, int connection)
{
    struct input input = {.fd = fd, .wake = stub->wake[0]};
    while (serve_one(stub, &input, connection))
        continue;
    free(input.bytes);
    (void)close(fd);
    pthread_mutex_lock(&stub->lock);
    stub->n_closed++;
    pthread_cond_signal(&stub->closed);
    pthread_mutex_unlock(&stub->lock);
}

static void *run(void *ctx)
{
    struct http_stub *stub = ctx;
    for (;;) {
        struct pollfd fds[2] = {{.fd = stub->listener, .events = POLLIN}, {.fd = stub->wake[0], .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 || fds[1].revents != 0)
            return NULL;
        int fd = accept(stub->listener, NULL, NULL);
        if (fd < 0)
            continue;
        pthread_mutex_lock(&stub->lock);
        int connection = ++stub->n_connections;
        pthread_mutex_unlock(&stub->lock);
        serve_connection(stub, fd, connection);
    }
}

static bool open_listener(struct http_stub *stub)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t n_address = sizeof address;
    stub->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (stub->listener < 0 || bind(stub->listener, (struct sockaddr *)&address, n_address) != 0 ||
        listen(stub->listener, 16) != 0 || getsockname(stub->listener, (struct sockaddr *)&address, &n_address) != 0)
        return false;
    (void)snprintf(stub->url, sizeof stub->url, "http://127.0.0.1:%u", (unsigned)ntohs(address.sin_port));
    return pipe(stub->wake) == 0;
}

struct http_stub *http_stub_start(void)
{
    struct http_stub *stub = calloc(1, sizeof *stub);
    if (stub == NULL || !open_listener(stub) || pthread_mutex_init(&stub->lock, NULL) != 0 ||
        pthread_cond_init(&stub->closed, NULL) != 0 || pthread_create(&stub->thread, NULL, run, stub) != 0) {
        (void)fprintf(stderr, "http stub: %s\n", strerror(errno));
        free(stub);
        return NULL;
    }
    return stub;
}

void http_stub_stop(struct http_stub *stub)
{
    if (stub == NULL)
        return;
    (void)!write(stub->wake[1], "x", 1);
    pthread_join(stub->thread, NULL);
    for (size_t i = 0; i < stub->n_requests; i++) {
        free(stub->requests[i].head);
        free(stub->requests[i].body);
    }
    (void)close(stub->listener);
    (void)close(stub->wake[0]);
    (void)close(stub->wake[1]);
    pthread_cond_destroy(&stub->closed);
    pthread_mutex_destroy(&stub->lock);
    free(stub);
}

const char *http_stub_url(const struct http_stub *stub)
{
    return stub->url;
}

void http_stub_push(struct http_stub *stub, struct http_stub_reply reply)
{
    pthread_mutex_lock(&stub->lock);
    if (stub->n_replies == MAX_REPLIES)
        abort();
    stub->replies[stub->n_replies++] = reply;
    pthread_mutex_unlock(&stub->lock);
}

void http_stub_always(struct http_stub *stub, const char *part, const char *body)
{
    pthread_mutex_lock(&stub->lock);
    stub->always_part = part;
    stub->always_body = body;
    pthread_mutex_unlock(&stub->lock);
}

size_t http_stub_n_requests(struct http_stub *stub)
{
    pthread_mutex_lock(&stub->lock);
    size_t n = stub->n_requests;
    pthread_mutex_unlock(&stub->lock);
    return n;
}

int http_stub_n_connections(struct http_stub *stub)
{
    pthread_mutex_lock(&stub->lock);
    int n = stub->n_connections;
    pthread_mutex_unlock(&stub->lock);
    return n;
}

void http_stub_wait_closed(struct http_stub *stub, int n)
{
    pthread_mutex_lock(&stub->lock);
    while (stub->n_closed < n)
        pthread_cond_wait(&stub->closed, &stub->lock);
    pthread_mutex_unlock(&stub->lock);
}

const struct http_stub_request *http_stub_request(struct http_stub *stub, size_t index)
{
    pthread_mutex_lock(&stub->lock);
    const struct http_stub_request *request = index < stub->n_requests ? &stub->requests[index] : NULL;
    pthread_mutex_unlock(&stub->lock);
    return request;
}
