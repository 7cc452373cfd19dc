/* http.c - see http.h. */
#include "registry/http.h"

#include <stdio.h>
#include <strings.h>

#include "registry/client.h"

enum { DEFAULT_TIMEOUT_MS = 10000 };

static size_t on_body(char *piece, size_t size, size_t n_items, void *ctx)
{
    struct http *http = ctx;
    struct sluice_error ignored;
    size_t n = size * n_items;
    return sluice_buf_append(&http->body, piece, n, &ignored) == SLUICE_OK ? n : CURL_WRITEFUNC_ERROR;
}

static size_t on_header(char *line, size_t size, size_t n_items, void *ctx)
{
    static const char name[] = "x-registry-artifacttype:";
    struct http *http = ctx;
    size_t n = size * n_items;
    if (n < sizeof name || strncasecmp(line, name, sizeof name - 1) != 0)
        return n;
    const char *value = line + sizeof name - 1;
    const char *end = line + n;
    while (value < end && *value == ' ')
        value++;
    while (end > value && (unsigned char)end[-1] <= ' ')
        end--;
    (void)snprintf(http->artifact_type, sizeof http->artifact_type, "%.*s", (int)(end - value), value);
    return n;
}

static int on_progress(void *ctx, curl_off_t n_down, curl_off_t done_down, curl_off_t n_up, curl_off_t done_up)
{
    const struct http *http = ctx;
    (void)n_down;
    (void)done_down;
    (void)n_up;
    (void)done_up;
    return http->abort != NULL && atomic_load(http->abort) ? 1 : 0;
}

#define SET(option, value) (ok = ok && curl_easy_setopt(http->handle, (option), (value)) == CURLE_OK)

static long milliseconds(int64_t us)
{
    int64_t ms = us / 1000;
    if (us <= 0)
        return DEFAULT_TIMEOUT_MS;
    return ms < 1 ? 1 : ms > 3600000 ? 3600000 : (long)ms;
}

static bool is_given(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static bool set_fixed(struct http *http, const struct sluice_registry_options *options)
{
    bool ok = true;
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* credentials go nowhere but where they were meant for */
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    if (is_given(options->ca_file))
        SET(CURLOPT_CAINFO, options->ca_file);
    if (is_given(options->cert_file))
        SET(CURLOPT_SSLCERT, options->cert_file);
    if (is_given(options->key_file))
        SET(CURLOPT_SSLKEY, options->key_file);
    SET(CURLOPT_USERAGENT, is_given(options->product) ? options->product : "sluice");
    SET(CURLOPT_MAXCONNECTS, 1L);
    SET(CURLOPT_CONNECTTIMEOUT_MS, milliseconds(options->connect_timeout_us));
    SET(CURLOPT_TIMEOUT_MS, milliseconds(options->request_timeout_us));
    SET(CURLOPT_ERRORBUFFER, http->text);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, http);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, http);
    SET(CURLOPT_XFERINFOFUNCTION, on_progress);
    SET(CURLOPT_XFERINFODATA, http);
    SET(CURLOPT_NOPROGRESS, 0L);
    SET(CURLOPT_HTTPHEADER, http->headers);
    return ok;
}

static bool add_header(struct http *http, const char *line)
{
    struct curl_slist *longer = curl_slist_append(http->headers, line);
    if (longer != NULL)
        http->headers = longer;
    return longer != NULL;
}

/* A line break in a value would start a header of its own. */
static bool is_header_line(const char *line)
{
    for (; *line != '\0'; line++)
        if ((unsigned char)*line < 0x20 || *line == 0x7f)
            return false;
    return true;
}

static enum sluice_code add_token(struct http *http, const char *token, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf line;
    sluice_buf_init(&line, 16384, "registry.token");
    if (!is_given(token))
        return SLUICE_OK;
    if (!is_header_line(token))
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "registry.token: holds a line break or another control character, which a header "
                                "cannot carry");
    enum sluice_code code = sluice_buf_printf(&line, err, "Authorization: Bearer %s", token);
    if (code == SLUICE_OK && !add_header(http, line.ptr))
        return sluice_error_nomem(err, "request headers", line.len);
    return code;
}

static enum sluice_code add_headers(struct http *http, const struct sluice_registry_options *options,
                                    struct sluice_error *err)
{
    if (!add_header(http, "Accept: application/vnd.schemaregistry.v1+json, application/json, */*;q=0.1"))
        return sluice_error_nomem(err, "request headers", 64);
    for (size_t i = 0; i < options->n_headers; i++) {
        if (!is_header_line(options->headers[i]) || strchr(options->headers[i], ':') == NULL)
            return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                    "registry.headers: entry %zu is no header; write it as \"Name: value\"", i + 1);
        if (!add_header(http, options->headers[i]))
            return sluice_error_nomem(err, "request headers", strlen(options->headers[i]));
    }
    return add_token(http, options->token, err);
}

enum sluice_code http_init(struct http *http, const struct sluice_registry_options *options, struct sluice_error *err)
{
    *http = (struct http){.abort = options->abort};
    sluice_buf_init(&http->body, REGISTRY_MAX_ANSWER, "an answer of the schema registry");
    enum sluice_code code = add_headers(http, options, err);
    if (code != SLUICE_OK)
        return code;
    http->handle = curl_easy_init();
    if (http->handle == NULL || !set_fixed(http, options))
        return sluice_error_nomem(err, "an HTTP client", 1);
    return SLUICE_OK;
}

void http_deinit(struct http *http)
{
    curl_easy_cleanup(http->handle);
    curl_slist_free_all(http->headers);
    sluice_buf_deinit(&http->body);
    *http = (struct http){0};
}

static enum sluice_code stop_tls(const struct http *http, const char *url, const char *remedy, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_REGISTRY, SLUICE_STOP_PARTITION, "schema registry %.200s: %.200s; %s", url,
                            http->text, remedy);
}

/* In TLS 1.3 a server refuses a client without certificate only after the handshake, when the answer is read. */
static bool ended_by_server(const char *url, CURLcode why)
{
    return strncmp(url, "https:", 6) == 0 &&
           (why == CURLE_RECV_ERROR || why == CURLE_SEND_ERROR || why == CURLE_SSL_CONNECT_ERROR);
}

static enum sluice_code failed(const struct http *http, const char *url, CURLcode why, struct sluice_error *err)
{
    switch (why) {
    case CURLE_ABORTED_BY_CALLBACK:
        return sluice_error_set(err, SLUICE_E_CANCELLED, SLUICE_RETRY, "the worker stops");
    case CURLE_OUT_OF_MEMORY:
        return sluice_error_nomem(err, "a request to the schema registry", 1);
    case CURLE_WRITE_ERROR:
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION,
                                "schema registry %.200s: its answer is longer than %d bytes, so it is no schema of a "
                                "table; check registry.url",
                                url, REGISTRY_MAX_ANSWER);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
        return stop_tls(http, url, "check registry.ca_file and the name in the address", err);
    case CURLE_SSL_CERTPROBLEM:
        return stop_tls(http, url, "check registry.cert_file and registry.key_file", err);
    default:
        return sluice_error_set(
            err, SLUICE_E_REGISTRY, SLUICE_RETRY, "schema registry %.200s: %.200s%s", url,
            http->text[0] != '\0' ? http->text : curl_easy_strerror(why),
            ended_by_server(url, why) ? "; if it wants to see a client certificate, set registry.cert_file" : "");
    }
}

enum sluice_code http_get(struct http *http, const struct http_target *target, struct sluice_error *err)
{
    bool ok = true;
    sluice_buf_clear(&http->body);
    http->status = 0;
    http->artifact_type[0] = '\0';
    http->text[0] = '\0';
    SET(CURLOPT_URL, target->url);
    SET(CURLOPT_HTTPAUTH, target->user != NULL ? CURLAUTH_BASIC : CURLAUTH_NONE);
    SET(CURLOPT_USERNAME, target->user);
    SET(CURLOPT_PASSWORD, target->password);
    CURLcode why = ok ? curl_easy_perform(http->handle) : CURLE_OUT_OF_MEMORY;
    if (why == CURLE_OK)
        why = curl_easy_getinfo(http->handle, CURLINFO_RESPONSE_CODE, &http->status);
    return why == CURLE_OK ? SLUICE_OK : failed(http, target->url, why, err);
}
