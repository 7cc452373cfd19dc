/* server.c - one thread per HTTP connection (libmicrohttpd), which also runs the statement; the pool of engine
 * connections limits how many run at a time.
 */
#include "server.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "params.h"
#include "request.h"

enum {
    CONNECTION_MEMORY = 2 << 20, /* holds the longest URI of a server (1 MiB) and gives bodies a large read buffer */
    MEMORY_STEP = 256 << 10,
    IDLE_SECONDS = 30,
    REQUESTS_PER_CONNECTION = 10000,
    STOP_SECONDS = 10,
    RUNNING_MAX = 4096
};

struct server {
    struct MHD_Daemon *daemon;
    struct request_env env;
    struct server_options options;
    atomic_bool stopping;
    atomic_uint n_exchanges;
    char host_name[256];
    pthread_mutex_t lock;             /* guards what follows */
    const char *running[RUNNING_MAX]; /* query ids; owned by their exchanges */
    size_t n_running;
};

enum target { TARGET_STATEMENT, TARGET_OK, TARGET_FAULTS, TARGET_UNKNOWN };

/* One HTTP request and its answer. */
struct exchange {
    struct server *server;
    enum target target;
    const char *method;
    char url[128];
    struct request request;
    char query_id[256];
    bool registered;
    struct timespec begun;
};

static double elapsed_ns(const struct exchange *x)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)(now.tv_sec - x->begun.tv_sec) * 1e9 + (double)(now.tv_nsec - x->begun.tv_nsec);
}

/* --- query ids */

static void random_bytes(unsigned char *to, size_t n)
{
    if (getrandom(to, n, 0) < 0)
        memset(to, 0, n); /* does not happen: up to 256 bytes are never refused once the kernel has started */
}

static void make_query_id(char *to, size_t size)
{
    unsigned char b[16];
    random_bytes(b, sizeof b);
    (void)snprintf(to, size, "%02x%02x%02x%02x-%02x%02x-4%x%02x-a%x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
                   b[3], b[4], b[5], b[6] & 15u, b[7], b[8] & 15u, b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static bool register_query(struct exchange *x)
{
    struct server *s = x->server;
    bool is_new = true;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_running && is_new; i++)
        is_new = strcmp(s->running[i], x->query_id) != 0;
    if (is_new && s->n_running < RUNNING_MAX) {
        s->running[s->n_running++] = x->query_id;
        x->registered = true;
    }
    pthread_mutex_unlock(&s->lock);
    return is_new;
}

static void unregister_query(struct exchange *x)
{
    struct server *s = x->server;
    if (!x->registered)
        return;
    pthread_mutex_lock(&s->lock);
    for (size_t i = 0; i < s->n_running; i++) {
        if (s->running[i] == x->query_id) {
            s->running[i] = s->running[--s->n_running];
            break;
        }
    }
    pthread_mutex_unlock(&s->lock);
    x->registered = false;
}

/* --- answers */

static void add_clickhouse_headers(struct MHD_Response *response, const struct exchange *x)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz";
    unsigned char random[16];
    char tag[17];
    char keep_alive[64];
    random_bytes(random, sizeof random);
    for (size_t i = 0; i < 16; i++)
        tag[i] = letters[random[i] % 26];
    tag[16] = '\0';
    (void)snprintf(keep_alive, sizeof keep_alive, "timeout=%d, max=%d", IDLE_SECONDS, REQUESTS_PER_CONNECTION);
    (void)MHD_add_response_header(response, "Keep-Alive", keep_alive);
    (void)MHD_add_response_header(response, "X-ClickHouse-Server-Display-Name", x->server->host_name);
    (void)MHD_add_response_header(response, "X-ClickHouse-Timezone", engine_timezone(x->server->env.engine));
    (void)MHD_add_response_header(response, "X-ClickHouse-Exception-Tag", tag);
    if (x->query_id[0] != '\0')
        (void)MHD_add_response_header(response, "X-ClickHouse-Query-Id", x->query_id);
}

static void add_summary(struct MHD_Response *response, const struct exchange *x)
{
    const struct engine_result *r = &x->request.result;
    char text[512];
    (void)snprintf(
        text, sizeof text,
        "{\"read_rows\":\"%llu\",\"read_bytes\":\"%llu\",\"written_rows\":\"%llu\",\"written_bytes\":\"%llu\","
        "\"total_rows_to_read\":\"0\",\"result_rows\":\"%llu\",\"result_bytes\":\"%llu\",\"elapsed_ns\":\"%.0f\"}",
        (unsigned long long)r->read_rows, (unsigned long long)r->read_bytes, (unsigned long long)r->written_rows,
        (unsigned long long)r->written_bytes, (unsigned long long)r->result_rows, (unsigned long long)r->result_bytes,
        elapsed_ns(x));
    (void)MHD_add_response_header(response, "X-ClickHouse-Summary", text);
}

static const char *content_type(const char *format)
{
    static const struct {
        const char *format;
        const char *type;
    } known[] = {{"TabSeparated", "text/tab-separated-values; charset=UTF-8"},
                 {"TSV", "text/tab-separated-values; charset=UTF-8"},
                 {"CSV", "text/csv; charset=UTF-8; header=absent"},
                 {"CSVWithNames", "text/csv; charset=UTF-8; header=present"},
                 {"JSON", "application/json; charset=UTF-8"},
                 {"JSONCompact", "application/json; charset=UTF-8"},
                 {"JSONEachRow", "application/x-ndjson; charset=UTF-8"},
                 {"RowBinary", "application/octet-stream"},
                 {"Native", "application/octet-stream"}};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcasecmp(known[i].format, format) == 0)
            return known[i].type;
    return "text/plain; charset=UTF-8";
}

static void log_line(const struct exchange *x, unsigned status)
{
    const struct request *r = &x->request;
    if (!x->server->options.log)
        return;
    (void)fprintf(stderr,
                  "request method=%s path=%s status=%u code=%d query_id=%s body_bytes=%llu read_rows=%llu "
                  "written_rows=%llu took_ms=%.3f\n",
                  x->method, x->url, status, r->failure.code, x->query_id, (unsigned long long)r->body_bytes,
                  (unsigned long long)r->result.read_rows, (unsigned long long)r->result.written_rows,
                  elapsed_ns(x) / 1e6);
}

static enum MHD_Result send_response(struct MHD_Connection *mhd, const struct exchange *x, unsigned status,
                                     struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result queued = MHD_queue_response(mhd, status, response);
    MHD_destroy_response(response);
    log_line(x, status);
    return queued;
}

static struct MHD_Response *text_response(const char *text_z)
{
    char *copy = strdup(text_z);
    if (copy == NULL)
        return NULL;
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(copy), copy, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(copy);
    else
        (void)MHD_add_response_header(response, "Content-Type", "text/plain; charset=UTF-8");
    return response;
}

static enum MHD_Result send_text(struct MHD_Connection *mhd, const struct exchange *x, unsigned status,
                                 const char *text_z)
{
    struct MHD_Response *response = text_response(text_z);
    if (response != NULL)
        add_clickhouse_headers(response, x);
    return send_response(mhd, x, status, response);
}

static void add_exception_code(struct MHD_Response *response, int code)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", code);
    (void)MHD_add_response_header(response, "X-ClickHouse-Exception-Code", text);
}

static enum MHD_Result send_failure(struct MHD_Connection *mhd, const struct exchange *x)
{
    const struct failure *f = &x->request.failure;
    struct buffer text = {.max = 2 << 20};
    if (!buffer_format(&text, "%s\n", f->text == NULL ? "Code: 173. DB::Exception: out of memory" : f->text))
        return MHD_NO;
    struct MHD_Response *response = text_response(text.data);
    buffer_deinit(&text);
    if (response != NULL) {
        add_clickhouse_headers(response, x);
        add_exception_code(response, f->code);
    }
    return send_response(mhd, x, failure_http_status(f->code), response);
}

static void free_result(void *memory)
{
    struct engine_result result = {.memory = memory};
    engine_result_free(&result);
}

static char *unconst(const char *data)
{
    union {
        const char *in;
        char *out;
    } u = {.in = data};
    return u.out; /* libmicrohttpd's interface lacks the const; it only reads */
}

static enum MHD_Result send_result(struct MHD_Connection *mhd, struct exchange *x)
{
    struct request *r = &x->request;
    struct MHD_Response *response = MHD_create_response_from_buffer_with_free_callback_cls(
        r->result.len, unconst(r->result.len == 0 ? "" : r->result.data), free_result, r->result.memory);
    if (response == NULL)
        return MHD_NO;
    r->has_result = false; /* the response owns its memory now */
    add_clickhouse_headers(response, x);
    add_summary(response, x);
    (void)MHD_add_response_header(response, "X-ClickHouse-Format", r->format);
    (void)MHD_add_response_header(response, "Content-Type", content_type(r->format));
    return send_response(mhd, x, MHD_HTTP_OK, response);
}

/* --- the fault switches */

static enum MHD_Result collect_pair(void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    struct pairs *p = cls;
    return pairs_put(p, name, value == NULL ? "" : value) ? MHD_YES : MHD_NO;
}

/* The engine knows the names of its codes. */
static void name_code(struct server *s, struct fault *fault)
{
    struct failure ignored = {0};
    struct pairs none = {0};
    struct engine_result result;
    char sql[64];
    (void)snprintf(sql, sizeof sql, "SELECT errorCodeToName(%d)", fault->code);
    (void)snprintf(fault->name, sizeof fault->name, "UNKNOWN_EXCEPTION");
    struct engine_conn *c = engine_take(s->env.engine, &none, "", &ignored);
    if (c != NULL && engine_query(c, sql, strlen(sql), "TSVRaw", strlen("TSVRaw"), &none, &result, &ignored)) {
        if (result.len > 1)
            (void)snprintf(fault->name, sizeof fault->name, "%.*s", (int)(result.len - 1), result.data);
        engine_result_free(&result);
    }
    if (c != NULL)
        engine_give_back(s->env.engine, c);
    failure_deinit(&ignored);
}

static enum MHD_Result serve_faults(struct MHD_Connection *mhd, const struct exchange *x)
{
    struct server *s = x->server;
    struct pairs options = {0};
    struct buffer json = {.max = 1 << 20};
    struct fault fault;
    const char *problem = NULL;
    (void)MHD_get_connection_values(mhd, MHD_GET_ARGUMENT_KIND, collect_pair, &options);
    if (strcmp(x->method, "DELETE") == 0) {
        faults_clear(s->env.faults);
    } else if (strcmp(x->method, "POST") == 0) {
        if (fault_parse(&fault, &options, &problem)) {
            name_code(s, &fault);
            if (!faults_add(s->env.faults, &fault))
                problem = "there are too many faults: DELETE /_fault clears them";
        }
    }
    bool ok = problem == NULL ? faults_describe(s->env.faults, &json) : buffer_format(&json, "%s\n", problem);
    ok = ok && buffer_append(&json, "", 1);
    enum MHD_Result sent =
        ok ? send_text(mhd, x, problem == NULL ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST, json.data) : MHD_NO;
    buffer_deinit(&json);
    pairs_deinit(&options);
    return sent;
}

/* --- one exchange */

static enum target find_target(const struct server *s, const char *url, bool has_query, const char *method)
{
    if (strcmp(url, "/ping") == 0 || strcmp(url, "/replicas_status") == 0)
        return TARGET_OK;
    if (strcmp(url, "/_fault") == 0 && s->env.faults != NULL)
        return TARGET_FAULTS;
    if (strcmp(url, "/") != 0 && strcmp(url, "/query") != 0)
        return TARGET_UNKNOWN;
    bool reads = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    return reads && !has_query ? TARGET_OK : TARGET_STATEMENT;
}

static struct exchange *exchange_new(struct server *s, struct MHD_Connection *mhd, const char *url, const char *method)
{
    struct exchange *x = calloc(1, sizeof *x);
    if (x == NULL)
        return NULL;
    atomic_fetch_add(&s->n_exchanges, 1);
    x->server = s;
    x->method = method;
    (void)clock_gettime(CLOCK_MONOTONIC, &x->begun);
    (void)snprintf(x->url, sizeof x->url, "%s", url);
    request_init(&x->request, &s->env);
    struct params_query query = {0};
    bool has_query = params_find_query(mhd, &query);
    x->target = find_target(s, url, has_query, method);
    if (x->target != TARGET_STATEMENT)
        return x;
    x->request.read_only = strcmp(method, "POST") != 0 && strcmp(method, "PUT") != 0;
    params_read(mhd, &x->request, x->query_id, sizeof x->query_id);
    if (x->query_id[0] == '\0')
        make_query_id(x->query_id, sizeof x->query_id);
    if (!register_query(x))
        failure_set(&x->request.failure, FAILURE_QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING,
                    "Query with id = %s is already running", x->query_id);
    request_start(&x->request, query.text, query.len);
    return x;
}

static enum MHD_Result serve_statement(struct MHD_Connection *mhd, struct exchange *x)
{
    struct request *r = &x->request;
    request_run(r);
    unregister_query(x);
    if (r->fault.kind == FAULT_CUT_BEFORE || r->fault.kind == FAULT_CUT_AFTER) {
        log_line(x, 0);
        return MHD_NO; /* libmicrohttpd closes the connection without a byte */
    }
    if (r->fault.kind == FAULT_PROXY)
        return send_response(mhd, x, r->fault.status,
                             text_response("<html><body>answer of a made-up proxy</body></html>\n"));
    if (r->fault.kind == FAULT_STATUS) {
        struct MHD_Response *response = text_response("");
        if (response != NULL) {
            add_clickhouse_headers(response, x);
            add_exception_code(response, r->fault.code);
        }
        return send_response(mhd, x, MHD_HTTP_OK, response);
    }
    return r->has_result ? send_result(mhd, x) : send_failure(mhd, x);
}

static enum MHD_Result answer(struct MHD_Connection *mhd, struct exchange *x)
{
    switch (x->target) {
    case TARGET_STATEMENT:
        return serve_statement(mhd, x);
    case TARGET_OK:
        return send_text(mhd, x, MHD_HTTP_OK, "Ok.\n");
    case TARGET_FAULTS:
        return serve_faults(mhd, x);
    case TARGET_UNKNOWN:
        break;
    }
    return send_text(mhd, x, MHD_HTTP_NOT_FOUND,
                     "There is no handle for this path. Use / or /ping for health checks.\n");
}

static enum MHD_Result handle(void *cls, struct MHD_Connection *mhd, const char *url, const char *method,
                              const char *version, const char *upload_data, size_t *upload_data_size, void **con_cls)
{
    (void)version;
    struct exchange *x = *con_cls;
    if (x == NULL) {
        *con_cls = exchange_new(cls, mhd, url, method);
        return *con_cls == NULL ? MHD_NO : MHD_YES;
    }
    if (*upload_data_size > 0) {
        if (x->target == TARGET_STATEMENT)
            request_body(&x->request, upload_data, *upload_data_size);
        *upload_data_size = 0;
        return MHD_YES;
    }
    return answer(mhd, x);
}

static void completed(void *cls, struct MHD_Connection *mhd, void **con_cls, enum MHD_RequestTerminationCode code)
{
    (void)cls;
    (void)mhd;
    (void)code;
    struct exchange *x = *con_cls;
    if (x == NULL)
        return;
    unregister_query(x);
    request_deinit(&x->request); /* a body that was cut ends here: the open insert is cancelled */
    atomic_fetch_sub(&x->server->n_exchanges, 1);
    free(x);
    *con_cls = NULL;
}

/* --- start and end */

static struct server *fail_start(struct server *s, char *problem, size_t size, const char *text)
{
    (void)snprintf(problem, size, "%s", text);
    if (s != NULL) {
        faults_free(s->env.faults);
        pthread_mutex_destroy(&s->lock);
    }
    free(s);
    return NULL;
}

struct server *server_start(struct engine *engine, const struct server_options *options, char *problem, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(options->port)};
    struct server *s = calloc(1, sizeof *s);
    if (s == NULL)
        return fail_start(s, problem, size, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    s->options = *options;
    s->env = (struct request_env){.engine = engine, .stopping = &s->stopping};
    if (inet_pton(AF_INET, options->host_z, &address.sin_addr) != 1)
        return fail_start(s, problem, size, "--listen needs an IPv4 address");
    if (options->faults && (s->env.faults = faults_new()) == NULL)
        return fail_start(s, problem, size, "out of memory");
    if (gethostname(s->host_name, sizeof s->host_name - 1) != 0)
        (void)snprintf(s->host_name, sizeof s->host_name, "localhost");
    s->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_POLL | MHD_USE_ITC, options->port,
        NULL, NULL, handle, s, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_MEMORY_INCREMENT,
        (size_t)MEMORY_STEP, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_END);
    if (s->daemon == NULL)
        return fail_start(s, problem, size, "cannot listen on this address: it is in use or not of this machine");
    return s;
}

uint16_t server_port(const struct server *s)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info == NULL ? s->options.port : info->port;
}

/* MHD_stop_daemon() cuts every connection, so running statements are waited for first, STOP_SECONDS at most. */
void server_stop(struct server *s)
{
    const struct timespec slice = {.tv_nsec = 5 * 1000 * 1000};
    MHD_socket listening = MHD_quiesce_daemon(s->daemon);
    atomic_store(&s->stopping, true);
    for (int slices = STOP_SECONDS * 200; slices > 0 && atomic_load(&s->n_exchanges) > 0; slices--)
        (void)nanosleep(&slice, NULL);
    MHD_stop_daemon(s->daemon);
    if (listening != MHD_INVALID_SOCKET)
        (void)close(listening);
    faults_free(s->env.faults);
    pthread_mutex_destroy(&s->lock);
    free(s);
}
