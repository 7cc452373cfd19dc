/* client.c - see client.h. transport.h moves the bytes, answer.h reads what came back; here it is decided what a call
 * reports. */
#include "clickhouse/client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "clickhouse/address.h"
#include "clickhouse/transport.h"

enum {
    SQL_MAX_BYTES = 256 << 10, /* the server's max_query_size */
    PROBE_MAX_BYTES = 64 << 10,
    EXCERPT_BYTES = 200, /* of the server's text */
    WHAT_BYTES = 200,
    MASK_MIN_BYTES = 4, /* a shorter password would blank out half of every text */
};

struct place {
    char *url;
    bool probed;
    struct sluice_ch_server server;
};

struct sluice_ch_client {
    struct place *places;
    size_t n_places;
    size_t at; /* the next attempt goes to places[at] */
    char *password;
    struct transport transport;
    struct sluice_buf address;
    struct sluice_ch_failure failure;
};

/* ---- creation ---- */

static enum sluice_code check_url(const char *url, struct sluice_error *err)
{
    const char *rest = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
    if (rest == NULL || rest[0] == '\0' || rest[0] == '/')
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "clickhouse.url \"%.80s\": write it as http://host:port or https://host:port",
                                strchr(url, '@') == NULL ? url : "...");
    if (strpbrk(rest, "@?# \t\r\n") != NULL)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "clickhouse.url: an address may hold neither user, query nor blanks; name the user in "
                                "clickhouse.user and clickhouse.password");
    return SLUICE_OK;
}

static enum sluice_code copy_text(const char *text, char **out, struct sluice_error *err)
{
    *out = strdup(text);
    return *out != NULL ? SLUICE_OK : sluice_error_nomem(err, "options of a ClickHouse client", strlen(text) + 1);
}

static enum sluice_code copy_places(struct sluice_ch_client *client, const struct sluice_ch_options *options,
                                    struct sluice_error *err)
{
    if (options->n_urls == 0)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "clickhouse.url: no address is given");
    client->places = calloc(options->n_urls, sizeof *client->places);
    if (client->places == NULL)
        return sluice_error_nomem(err, "addresses of ClickHouse", options->n_urls * sizeof *client->places);
    client->n_places = options->n_urls;
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; code == SLUICE_OK && i < options->n_urls; i++) {
        code = check_url(options->urls[i], err);
        if (code == SLUICE_OK)
            code = copy_text(options->urls[i], &client->places[i].url, err);
    }
    return code;
}

static enum sluice_code client_init(struct sluice_ch_client *client, const struct sluice_ch_options *options,
                                    struct sluice_error *err)
{
    sluice_buf_init(&client->address, ADDRESS_MAX_BYTES, "address of a request to ClickHouse");
    if (options->ca_file != NULL && options->ca_file[0] != '\0' && access(options->ca_file, R_OK) != 0)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "clickhouse.ca_file \"%.200s\": the file is missing or cannot be read",
                                options->ca_file);
    enum sluice_code code = copy_places(client, options, err);
    if (code == SLUICE_OK)
        code = copy_text(options->password != NULL ? options->password : "", &client->password, err);
    return code == SLUICE_OK ? transport_init(&client->transport, options, err) : code;
}

enum sluice_code sluice_ch_client_new(const struct sluice_ch_options *options, struct sluice_ch_client **out,
                                      struct sluice_error *err)
{
    SLUICE_AUTO(sluice_ch_client) struct sluice_ch_client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return sluice_error_nomem(err, "a ClickHouse client", sizeof *client);
    enum sluice_code code = client_init(client, options, err);
    if (code != SLUICE_OK)
        return code;
    *out = SLUICE_TAKE(client);
    return SLUICE_OK;
}

void sluice_ch_client_free(struct sluice_ch_client *client)
{
    if (client == NULL)
        return;
    for (size_t i = 0; i < client->n_places; i++)
        free(client->places[i].url);
    free(client->places);
    free(client->password);
    transport_deinit(&client->transport);
    sluice_buf_deinit(&client->address);
    free(client);
}

const char *sluice_ch_client_url(const struct sluice_ch_client *client)
{
    return client->places[client->at].url;
}

const struct sluice_ch_failure *sluice_ch_client_failure(const struct sluice_ch_client *client)
{
    return &client->failure;
}

/* ---- failures ---- */

static enum sluice_action action_of(enum sluice_ch_advice advice)
{
    return advice == SLUICE_CH_RETRY || advice == SLUICE_CH_RETRY_SLOW ? SLUICE_RETRY : SLUICE_STOP_PARTITION;
}

static bool is_at(struct sluice_str text, size_t at, const char *part)
{
    size_t n_part = strlen(part);
    return at + n_part <= text.len && memcmp(text.ptr + at, part, n_part) == 0;
}

/* First line of the server's text without its "Code: N. DB::Exception: ", its version and without anything secret. */
static void write_excerpt(const struct sluice_ch_client *client, struct sluice_str text, char *out, size_t capacity)
{
    static const char lead[] = "DB::Exception: ";
    size_t n_password = strlen(client->password);
    size_t n = 0;
    size_t i = 0;
    for (size_t at = 0; at < 32 && at < text.len; at++)
        if (is_at(text, at, lead))
            i = at + sizeof lead - 1;
    while (i < text.len && text.ptr[i] != '\n' && text.ptr[i] != '\r' && n + 4 < capacity) {
        if (is_at(text, i, " (version "))
            break; /* the end of every message */
        if (n_password >= MASK_MIN_BYTES && is_at(text, i, client->password)) {
            memcpy(out + n, "***", 3);
            n += 3;
            i += n_password;
            continue;
        }
        unsigned char byte = (unsigned char)text.ptr[i++];
        out[n++] = byte < 0x20 || byte == 0x7f ? ' ' : (char)byte;
    }
    out[n] = '\0';
}

/* The server named a code. `late`: after it had begun to answer 200, or on a connection that broke. */
static enum sluice_code server_failed(struct sluice_ch_client *client, const char *what, int server_code,
                                      struct sluice_str text, bool late, struct sluice_error *err)
{
    const struct sluice_ch_reason *reason = sluice_ch_reason_find(server_code, text);
    char excerpt[EXCERPT_BYTES] = "";
    client->failure = (struct sluice_ch_failure){
        .advice = reason->advice,
        .unknown_outcome = reason->unknown_outcome || late,
        .keeper_conflict = sluice_ch_is_keeper_conflict(server_code, text),
        .server_code = server_code,
        .http_status = client->transport.answer.status,
    };
    if (!reason->quotes_values)
        write_excerpt(client, text, excerpt, sizeof excerpt);
    sluice_error_set(err, SLUICE_E_SERVER, action_of(reason->advice), "%s: server answered %d %s%s%s; %s", what,
                     server_code, reason->name, excerpt[0] != '\0' ? ": " : "", excerpt, reason->reason);
    err->detail = server_code;
    return err->code;
}

/* A complete HTTP answer that proves nothing. */
static enum sluice_code answer_failed(struct sluice_ch_client *client, const char *what, enum sluice_ch_advice advice,
                                      const char *why, struct sluice_error *err)
{
    const struct answer *answer = &client->transport.answer;
    client->failure =
        (struct sluice_ch_failure){.advice = advice, .unknown_outcome = true, .http_status = answer->status};
    sluice_error_set(err, SLUICE_E_HTTP, action_of(advice), "%s: HTTP status %d from %.100s: %s", what, answer->status,
                     sluice_ch_client_url(client), why);
    err->detail = answer->status;
    return err->code;
}

/* The connection of this place is gone or worth nothing: whoever answers next may be another version. */
static void leave_place(struct sluice_ch_client *client)
{
    client->places[client->at].probed = false;
    client->at = (client->at + 1) % client->n_places;
}

static enum sluice_code transport_failed(struct sluice_ch_client *client, const char *what,
                                         const struct transport_result *result, struct sluice_error *err)
{
    const struct sluice_ch_reason *reason = sluice_ch_curl_reason((int)result->code);
    bool cancelled = result->code == CURLE_ABORTED_BY_CALLBACK;
    /* There libcurl speaks of its callbacks only. */
    const char *detail = cancelled || result->code == CURLE_SEND_FAIL_REWIND ? "" : client->transport.text;
    client->failure = (struct sluice_ch_failure){
        .advice = reason->advice,
        .unknown_outcome = reason->unknown_outcome && !result->nothing_sent,
        .http_status = client->transport.answer.status,
        .curl_code = (int)result->code,
    };
    sluice_error_set(err, cancelled ? SLUICE_E_CANCELLED : SLUICE_E_HTTP, action_of(reason->advice),
                     "%s at %.100s: %s%s%.120s; %s", what, sluice_ch_client_url(client), reason->name,
                     detail[0] != '\0' ? ": " : "", detail, reason->reason);
    err->detail = (long)result->code;
    if (!cancelled)
        leave_place(client);
    return err->code;
}

/* A status other than 200, or an answer without any header of ClickHouse. */
static enum sluice_code refused(struct sluice_ch_client *client, const char *what, struct sluice_error *err)
{
    const struct answer *answer = &client->transport.answer;
    struct sluice_str text = sluice_buf_str(&answer->refusal);
    int server_code = answer->exception_code != 0 ? answer->exception_code : sluice_ch_code_of_text(text);
    if (server_code != 0)
        return server_failed(client, what, server_code, text, answer->status == 200, err);
    enum sluice_code code;
    if (answer->from_clickhouse)
        code =
            answer_failed(client, what, SLUICE_CH_RETRY_SLOW, "no error code; check the path of clickhouse.url", err);
    else if (answer->status >= 500)
        code =
            answer_failed(client, what, SLUICE_CH_RETRY, "not from ClickHouse but from something in front of it", err);
    else
        code = answer_failed(client, what, SLUICE_CH_RETRY_SLOW, "not from ClickHouse; check clickhouse.url", err);
    leave_place(client);
    return code;
}

static bool find_exception(const struct answer *answer, const struct sluice_buf *sink, int *server_code,
                           struct sluice_str *message)
{
    if (!answer_find_exception(answer, sluice_buf_str(sink != NULL ? sink : &answer->refusal), message))
        return false;
    *server_code = sluice_ch_code_of_text(*message);
    if (*server_code == 0)
        *server_code = 1002;
    return true;
}

static enum sluice_code judge(struct sluice_ch_client *client, const char *what,
                              const struct transport_request *request, const struct transport_result *result,
                              struct sluice_error *err)
{
    const struct answer *answer = &client->transport.answer;
    struct sluice_str message;
    int server_code;
    /* Who takes rows stumbles over an exception among them. */
    bool is_exception = request->take != NULL && find_exception(answer, request->sink, &server_code, &message);
    if (result->sink_code != SLUICE_OK && !is_exception) {
        client->failure = (struct sluice_ch_failure){.advice = SLUICE_CH_STOP,
                                                     .unknown_outcome = true,
                                                     .http_status = answer->status,
                                                     .curl_code = (int)result->code};
        *err = result->sink_error;
        return sluice_error_wrap(err, "%s", what);
    }
    bool broken = result->code != CURLE_OK;
    if (broken && !(answer->exception_code != 0 || find_exception(answer, request->sink, &server_code, &message)))
        return transport_failed(client, what, result, err);
    if (broken)
        client->places[client->at].probed = false;
    if (!answer_is_good(answer))
        return refused(client, what, err);
    if (find_exception(answer, request->sink, &server_code, &message))
        return server_failed(client, what, server_code, message, true, err);
    return SLUICE_OK;
}

static enum sluice_code perform(struct sluice_ch_client *client, const char *what,
                                const struct transport_request *request, struct transport_result *result,
                                struct sluice_error *err)
{
    const atomic_bool *abort_flag = client->transport.abort;
    client->failure = (struct sluice_ch_failure){0};
    if (abort_flag != NULL && atomic_load(abort_flag)) {
        client->failure.curl_code = CURLE_ABORTED_BY_CALLBACK;
        return sluice_error_set(err, SLUICE_E_CANCELLED, SLUICE_RETRY, "%s: not started, the worker stops", what);
    }
    transport_perform(&client->transport, request, result);
    return judge(client, what, request, result, err);
}

/* ---- requests ---- */

static enum sluice_code add_pairs(struct sluice_ch_client *client, const struct sluice_ch_pair *pairs, size_t n_pairs,
                                  struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; code == SLUICE_OK && i < n_pairs; i++)
        code = address_add(&client->address, "", pairs[i].name_z, pairs[i].value, err);
    return code;
}

static enum sluice_code add_text(struct sluice_ch_client *client, const char *name, const char *value_z,
                                 struct sluice_error *err)
{
    return value_z != NULL ? address_add(&client->address, "", name, sluice_str_from(value_z), err) : SLUICE_OK;
}

static enum sluice_code query_address(struct sluice_ch_client *client, const struct sluice_ch_query *query, bool waits,
                                      struct sluice_error *err)
{
    enum sluice_code code = address_begin(&client->address, sluice_ch_client_url(client), err);
    if (code == SLUICE_OK && waits)
        code = add_text(client, "wait_end_of_query", "1", err);
    if (code == SLUICE_OK)
        code = add_text(client, "async_insert", "0", err);
    if (code == SLUICE_OK)
        code = add_text(client, "query_id", query->query_id, err);
    if (code == SLUICE_OK)
        code = add_pairs(client, query->settings, query->n_settings, err);
    for (size_t i = 0; code == SLUICE_OK && i < query->n_params; i++)
        code = address_add_param(&client->address, query->params[i].name_z, query->params[i].value, err);
    return code;
}

/* A request that cannot be built was not sent; the text names what it was for. */
static enum sluice_code not_built(struct sluice_ch_client *client, const char *what, struct sluice_error *err)
{
    client->failure = (struct sluice_ch_failure){.advice = SLUICE_CH_STOP};
    return sluice_error_wrap(err, "%s", what);
}

enum sluice_code sluice_ch_query(struct sluice_ch_client *client, const struct sluice_ch_query *query,
                                 struct sluice_buf *answer, struct sluice_error *err)
{
    const char *what = query->what != NULL ? query->what : "query";
    struct transport_result result;
    if (query_address(client, query, true, err) != SLUICE_OK)
        return not_built(client, what, err);
    struct transport_request request = {.url = client->address.ptr, .sql = sluice_str_from(query->sql), .sink = answer};
    return perform(client, what, &request, &result, err);
}

enum sluice_code sluice_ch_stream(struct sluice_ch_client *client, const struct sluice_ch_query *query,
                                  sluice_ch_take_fn take, void *ctx, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf tail;
    struct transport_result result;
    sluice_buf_init(&tail, 128 << 10, "end of an answer");
    if (query_address(client, query, false, err) != SLUICE_OK)
        return not_built(client, query->what, err);
    const struct transport_request request = {
        .url = client->address.ptr, .sql = sluice_str_from(query->sql), .sink = &tail, .take = take, .take_ctx = ctx};
    return perform(client, query->what, &request, &result, err);
}

static enum sluice_code parse_server(struct sluice_ch_client *client, struct place *place,
                                     const struct sluice_buf *answer, struct sluice_error *err)
{
    enum sluice_code code = sluice_ch_server_parse(&place->server, sluice_buf_str(answer), err);
    place->probed = code == SLUICE_OK;
    if (code != SLUICE_OK)
        client->failure = (struct sluice_ch_failure){.advice = SLUICE_CH_STOP, .http_status = 200};
    return code;
}

enum sluice_code sluice_ch_probe(struct sluice_ch_client *client, struct sluice_ch_server *server,
                                 struct sluice_error *err)
{
    struct place *place = &client->places[client->at];
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&sql, PROBE_MAX_BYTES, "probe of a ClickHouse server");
    sluice_buf_init(&answer, PROBE_MAX_BYTES, "answer to the probe of a ClickHouse server");
    if (!place->probed) {
        enum sluice_code code = sluice_ch_server_sql(&sql, err);
        if (code != SLUICE_OK)
            return code;
        const struct sluice_ch_query query = {.sql = sql.ptr, .what = "ask for version and settings"};
        code = sluice_ch_query(client, &query, &answer, err);
        if (code == SLUICE_OK)
            code = parse_server(client, place, &answer, err);
        if (code != SLUICE_OK)
            return code;
    }
    *server = place->server;
    return SLUICE_OK;
}

static enum sluice_code insert_address(struct sluice_ch_client *client, const struct sluice_ch_insert *insert,
                                       const struct sluice_ch_server *server, struct sluice_error *err)
{
    size_t n_settings;
    const struct sluice_ch_setting *settings = sluice_ch_pinned(&n_settings);
    if (strlen(insert->sql) > SQL_MAX_BYTES)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION,
                                "the statement has %zu bytes, ClickHouse takes %d: shorten the column names or leave "
                                "columns out",
                                strlen(insert->sql), SQL_MAX_BYTES);
    enum sluice_code code = address_begin(&client->address, sluice_ch_client_url(client), err);
    if (code == SLUICE_OK)
        code = add_text(client, "query", insert->sql, err);
    if (code == SLUICE_OK)
        code = add_text(client, "query_id", insert->query_id, err);
    for (size_t i = 0; code == SLUICE_OK && i < n_settings; i++)
        if ((server->known >> i & 1) != 0)
            code = add_text(client, settings[i].name, settings[i].value, err);
    if (code == SLUICE_OK)
        code = add_text(client, "insert_deduplication_token", insert->token, err);
    return code == SLUICE_OK ? add_pairs(client, insert->settings, insert->n_settings, err) : code;
}

/* What is left after the transport and the headers said yes. */
static enum sluice_code check_stored(struct sluice_ch_client *client, const char *what,
                                     const struct sluice_ch_insert *insert, struct sluice_error *err)
{
    const struct answer *answer = &client->transport.answer;
    if (answer->n_body > 0)
        return answer_failed(client, what, SLUICE_CH_RETRY, "a body where a stored INSERT has none", err);
    if (answer->has_written_rows && answer->written_rows < insert->n_rows)
        return answer_failed(client, what, SLUICE_CH_RETRY, "fewer rows written than sent", err);
    return SLUICE_OK;
}

/* A server that was replaced by another version while the connection slept does not know what its predecessor did:
 * ask anew and send again, once. */
static void forget_settings(struct sluice_ch_client *client, bool probed_before, struct sluice_error *err)
{
    if (client->failure.server_code != 115 || !probed_before)
        return;
    client->places[client->at].probed = false;
    client->failure.advice = SLUICE_CH_RETRY;
    err->action = SLUICE_RETRY;
}

enum sluice_code sluice_ch_insert(struct sluice_ch_client *client, const struct sluice_ch_insert *insert,
                                  struct sluice_ch_insert_result *result, struct sluice_error *err)
{
    struct sluice_ch_server server;
    struct transport_result sent;
    char what[WHAT_BYTES];
    (void)snprintf(what, sizeof what, "insert into \"%.140s\" (%zu rows)", insert->target, insert->n_rows);
    bool probed_before = client->places[client->at].probed;
    if (sluice_ch_probe(client, &server, err) != SLUICE_OK) {
        client->failure.unknown_outcome = false; /* nothing but a question was sent */
        return sluice_error_wrap(err, "%s", what);
    }
    if (insert_address(client, insert, &server, err) != SLUICE_OK)
        return not_built(client, what, err);
    const struct transport_request request = {.url = client->address.ptr,
                                              .read = insert->read,
                                              .rewind = insert->rewind,
                                              .ctx = insert->ctx,
                                              .allow_repeat = insert->allow_repeat};
    enum sluice_code code = perform(client, what, &request, &sent, err);
    if (code == SLUICE_OK)
        code = check_stored(client, what, insert, err);
    if (code != SLUICE_OK) {
        forget_settings(client, probed_before, err);
        return code;
    }
    *result = (struct sluice_ch_insert_result){.has_written_rows = client->transport.answer.has_written_rows,
                                               .written_rows = client->transport.answer.written_rows,
                                               .n_bytes_sent = sent.n_bytes_sent,
                                               .took_us = sent.took_us};
    return SLUICE_OK;
}
