/* client.c - see client.h. */
#include "registry/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "registry/answer.h"
#include "registry/http.h"

enum { MAX_URLS = 64, MAX_PATH = 2048 };

/* One base address, its parts told apart once. */
struct address {
    char *base;     /* of the Confluent API, without user, password and trailing slash */
    char *core;     /* of Apicurio's own API, or NULL where the address does not look like Apicurio's */
    char *user;     /* NULL: none */
    char *password; /* "" without one */
};

struct sluice_registry {
    struct http http;
    struct address addresses[MAX_URLS];
    size_t n_addresses;
    size_t current; /* the one that answered last */
};

void registry_ref_text(const struct registry_ref *ref, char out[REGISTRY_REF_TEXT])
{
    static const char *const names[] = {"id", "guid", "globalId", "contentId"};
    int n = snprintf(out, REGISTRY_REF_TEXT, "%s ", names[ref->kind]);
    if (ref->kind != REGISTRY_GUID) {
        (void)snprintf(out + n, REGISTRY_REF_TEXT - (size_t)n, "%" PRIu64, ref->id);
        return;
    }
    for (size_t i = 0; i < sizeof ref->guid; i++) {
        bool dash = i == 4 || i == 6 || i == 8 || i == 10;
        n += snprintf(out + n, REGISTRY_REF_TEXT - (size_t)n, "%s%02x", dash ? "-" : "", ref->guid[i]);
    }
}

/* --- addresses -----------------------------------------------------------------------------------------------------
 */

static void address_deinit(struct address *address)
{
    free(address->base);
    free(address->core);
    free(address->user);
    free(address->password);
    *address = (struct address){NULL, NULL, NULL, NULL};
}

static char *joined(const char *a, size_t n_a, const char *b)
{
    size_t n_b = strlen(b) + 1;
    char *text = malloc(n_a + n_b);
    if (text == NULL)
        return NULL;
    memcpy(text, a, n_a);
    memcpy(text + n_a, b, n_b);
    return text;
}

/* A part of the address in memory of its own; NULL: there is none, or no memory for it (*ok). */
static char *part_of(CURLU *url, CURLUPart part, unsigned flags, bool *ok)
{
    char *theirs = NULL;
    CURLUcode code = curl_url_get(url, part, &theirs, flags);
    char *ours = code == CURLUE_OK ? strdup(theirs) : NULL;
    *ok = *ok && (code == CURLUE_NO_USER || code == CURLUE_NO_PASSWORD || ours != NULL);
    curl_free(theirs);
    return ours;
}

/* Apicurio has its own API beside the compatible one: .../apis/registry/v2 and .../apis/ccompat/v7. Either may be
 * given. */
static bool split_apicurio(struct address *address)
{
    const char *apis = strstr(address->base, "/apis/");
    if (apis == NULL)
        return true;
    size_t n_root = (size_t)(apis - address->base);
    if (strncmp(apis, "/apis/registry/", 15) == 0) {
        address->core = address->base;
        address->base = joined(address->core, n_root, "/apis/ccompat/v7");
        return address->base != NULL;
    }
    address->core = joined(address->base, n_root, "/apis/registry/v2");
    return address->core != NULL;
}

static enum sluice_code address_init(struct address *address, const char *text,
                                     const struct sluice_registry_options *options, struct sluice_error *err)
{
    bool ok = true;
    CURLU *url = curl_url();
    if (url == NULL || curl_url_set(url, CURLUPART_URL, text, 0) != CURLUE_OK) {
        curl_url_cleanup(url);
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "registry.url: an address is not understood; write it as http://host:8081");
    }
    address->user = part_of(url, CURLUPART_USER, CURLU_URLDECODE, &ok);
    address->password = part_of(url, CURLUPART_PASSWORD, CURLU_URLDECODE, &ok);
    ok = ok && curl_url_set(url, CURLUPART_USER, NULL, 0) == CURLUE_OK &&
         curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK;
    address->base = part_of(url, CURLUPART_URL, 0, &ok);
    curl_url_cleanup(url);
    if (ok && address->user == NULL && options->user != NULL && options->user[0] != '\0') {
        address->user = strdup(options->user);
        address->password = options->password != NULL ? strdup(options->password) : NULL;
    }
    if (ok && address->user != NULL && address->password == NULL)
        address->password = strdup("");
    if (!ok || address->base == NULL || (address->user != NULL && address->password == NULL))
        return sluice_error_nomem(err, "an address of the schema registry", strlen(text));
    size_t n = strlen(address->base);
    while (n > 0 && address->base[n - 1] == '/')
        address->base[--n] = '\0';
    return split_apicurio(address) ? SLUICE_OK : sluice_error_nomem(err, "an address of the schema registry", n);
}

enum sluice_code sluice_registry_new(const struct sluice_registry_options *options, struct sluice_registry **out,
                                     struct sluice_error *err)
{
    SLUICE_AUTO(sluice_registry) struct sluice_registry *registry = calloc(1, sizeof *registry);
    if (registry == NULL)
        return sluice_error_nomem(err, "a registry client", sizeof *registry);
    if (options->n_urls == 0 || options->n_urls > MAX_URLS)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "registry.url: 1 to %d addresses are expected",
                                MAX_URLS);
    enum sluice_code code = http_init(&registry->http, options, err);
    for (size_t i = 0; i < options->n_urls && code == SLUICE_OK; i++) {
        registry->n_addresses = i + 1;
        code = address_init(&registry->addresses[i], options->urls[i], options, err);
    }
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(registry);
    return code;
}

void sluice_registry_free(struct sluice_registry *registry)
{
    if (registry == NULL)
        return;
    for (size_t i = 0; i < registry->n_addresses; i++)
        address_deinit(&registry->addresses[i]);
    http_deinit(&registry->http);
    free(registry);
}

/* --- one request ---------------------------------------------------------------------------------------------------
 */

/* What is asked for: a path below the base of one of the two APIs. */
struct question {
    bool core;
    char path[MAX_PATH];
    char what[160]; /* for errors */
};

static enum sluice_code refused(const struct http *http, const char *url, const char *what, struct sluice_error *err)
{
    char message[200];
    enum sluice_action action = SLUICE_STOP_PARTITION;
    const char *remedy = "check registry.url";
    long status = http->status;
    answer_message(sluice_buf_str(&http->body), message, sizeof message);
    if (status == 404) {
        action = SLUICE_RETRY;
        remedy = "is registry.url the registry that the connector writes to? In a registry without storage of its own, "
                 "schemas are gone after a restart";
    } else if (status == 401 || status == 403) {
        remedy = "check registry.user and registry.password, or registry.token, and what they may read";
    } else if (status == 429 || status >= 500) {
        action = SLUICE_RETRY;
        remedy = "it is asked again";
    } else if (status >= 300 && status < 400) {
        remedy = "it redirects, which is not followed; put the final address into registry.url";
    }
    (void)sluice_error_set(err, SLUICE_E_REGISTRY, action, "%s: schema registry %.200s answered %ld%s%s; %s", what, url,
                           status, message[0] != '\0' ? ", " : "", message, remedy);
    err->detail = status;
    return err->code;
}

static enum sluice_code ask_one(struct sluice_registry *registry, const struct address *address,
                                const struct question *question, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf url;
    sluice_buf_init(&url, 16384, "an address of the schema registry");
    if (question->core && address->core == NULL)
        return sluice_error_set(err, SLUICE_E_REGISTRY, SLUICE_STOP_PARTITION,
                                "%s: such ids are Apicurio's, and %.200s does not look like its address; write "
                                "registry.url as http://HOST:PORT/apis/ccompat/v7",
                                question->what, address->base);
    enum sluice_code code =
        sluice_buf_printf(&url, err, "%s%s", question->core ? address->core : address->base, question->path);
    const struct http_target target = {url.ptr, address->user, address->password};
    if (code == SLUICE_OK)
        code = http_get(&registry->http, &target, err);
    if (code != SLUICE_OK)
        return err->code == SLUICE_E_REGISTRY ? sluice_error_wrap(err, "%s", question->what) : code;
    return registry->http.status == 200 ? SLUICE_OK : refused(&registry->http, url.ptr, question->what, err);
}

/* A refusal that another address would not repeat is worth asking there; of several failures the one that says most is
 * told: an answer rather than silence. */
static enum sluice_code ask(struct sluice_registry *registry, const struct question *question, struct sluice_error *err)
{
    struct sluice_error first = {.code = SLUICE_OK};
    for (size_t i = 0; i < registry->n_addresses; i++) {
        size_t at = (registry->current + i) % registry->n_addresses;
        enum sluice_code code = ask_one(registry, &registry->addresses[at], question, err);
        if (code == SLUICE_OK) {
            registry->current = at;
            return SLUICE_OK;
        }
        if (code != SLUICE_E_REGISTRY)
            return code;
        if (first.code == SLUICE_OK || (first.detail == 0 && err->detail != 0))
            first = *err;
    }
    *err = first;
    return err->code;
}

/* --- documents -----------------------------------------------------------------------------------------------------
 */

/* References are collected so that each stands behind what it uses. */
struct collection {
    struct sluice_registry *registry;
    struct sluice_arena *arena;
    struct registry_named named[REGISTRY_MAX_REFERENCES];
    struct reference {
        const char *subject; /* NULL: of a reference that is still being read */
        json_int_t version;
    } seen[REGISTRY_MAX_REFERENCES];
    size_t n_named;
    size_t n_seen;
};

static enum sluice_code collect(struct collection *c, const json_t *references, unsigned depth,
                                struct sluice_error *err);

static enum sluice_code ask_version(struct collection *c, const char *subject, json_int_t version,
                                    struct question *question, struct sluice_error *err)
{
    char *escaped = curl_easy_escape(c->registry->http.handle, subject, 0);
    if (escaped == NULL)
        return sluice_error_nomem(err, "the name of a subject", strlen(subject));
    int n = snprintf(question->path, sizeof question->path,
                     "/subjects/%s/versions/%" JSON_INTEGER_FORMAT "?deleted=true", escaped, version);
    curl_free(escaped);
    (void)snprintf(question->what, sizeof question->what, "version %" JSON_INTEGER_FORMAT " of subject \"%.80s\"",
                   version, subject);
    if (n < 0 || (size_t)n >= sizeof question->path)
        return sluice_error_set(err, SLUICE_E_SCHEMA, SLUICE_REJECT, "%s: its name is too long", question->what);
    return ask(c->registry, question, err);
}

static bool is_seen(const struct collection *c, const char *subject, json_int_t version)
{
    for (size_t i = 0; i < c->n_seen; i++) {
        if (c->seen[i].version == version && strcmp(c->seen[i].subject, subject) == 0)
            return true;
    }
    return false;
}

static enum sluice_code collect_one(struct collection *c, const json_t *reference, unsigned depth,
                                    struct sluice_error *err)
{
    struct question question = {.core = false};
    const char *name = json_string_value(json_object_get(reference, "name"));
    const char *subject = json_string_value(json_object_get(reference, "subject"));
    json_int_t version = json_integer_value(json_object_get(reference, "version"));
    if (name == NULL || subject == NULL || version < 1)
        return sluice_error_set(err, SLUICE_E_SCHEMA, SLUICE_REJECT,
                                "a reference of the schema does not tell name, subject and version");
    if (is_seen(c, subject, version))
        return SLUICE_OK;
    if (depth == REGISTRY_MAX_DEPTH || c->n_seen == REGISTRY_MAX_REFERENCES)
        return sluice_error_set(err, SLUICE_E_SCHEMA, SLUICE_REJECT,
                                "the schema refers to others more than %d levels deep, or to more than %d",
                                REGISTRY_MAX_DEPTH, REGISTRY_MAX_REFERENCES);
    const char *kept_name = sluice_arena_copy(c->arena, sluice_str_from(name), err);
    const char *kept_subject = sluice_arena_copy(c->arena, sluice_str_from(subject), err);
    if (kept_name == NULL || kept_subject == NULL)
        return err->code;
    c->seen[c->n_seen++] = (struct reference){kept_subject, version};
    enum sluice_code code = ask_version(c, subject, version, &question, err);
    SLUICE_AUTO(answer_schema) struct answer_schema answer = {.root = NULL};
    if (code == SLUICE_OK)
        code = answer_read_schema(sluice_buf_str(&c->registry->http.body), question.what, c->arena, &answer, err);
    if (code == SLUICE_OK)
        code = collect(c, answer.references, depth + 1, err);
    if (code == SLUICE_OK)
        c->named[c->n_named++] = (struct registry_named){kept_name, answer.text};
    return code;
}

static enum sluice_code collect(struct collection *c, const json_t *references, unsigned depth,
                                struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < json_array_size(references) && code == SLUICE_OK; i++)
        code = collect_one(c, json_array_get(references, i), depth, err);
    return code;
}

static enum sluice_code collect_all(struct sluice_registry *registry, const json_t *references,
                                    struct sluice_arena *arena, struct registry_document *out, struct sluice_error *err)
{
    if (json_array_size(references) == 0)
        return SLUICE_OK;
    struct collection *c = sluice_arena_alloc(arena, sizeof *c, err);
    if (c == NULL)
        return err->code;
    c->registry = registry;
    c->arena = arena;
    enum sluice_code code = collect(c, references, 0, err);
    out->named = c->named;
    out->n_named = c->n_named;
    return code;
}

static void question_from(const struct registry_ref *ref, struct question *question)
{
    char text[REGISTRY_REF_TEXT];
    registry_ref_text(ref, text);
    (void)snprintf(question->what, sizeof question->what, "schema %s", text);
    const char *value = strchr(text, ' ') + 1;
    switch (ref->kind) {
    case REGISTRY_ID:
        (void)snprintf(question->path, sizeof question->path, "/schemas/ids/%s", value);
        return;
    case REGISTRY_GUID:
        (void)snprintf(question->path, sizeof question->path, "/schemas/guids/%s", value);
        return;
    case REGISTRY_GLOBAL_ID:
        (void)snprintf(question->path, sizeof question->path, "/ids/globalIds/%s?dereference=true", value);
        break;
    case REGISTRY_CONTENT_ID:
        (void)snprintf(question->path, sizeof question->path, "/ids/contentIds/%s?dereference=true", value);
        break;
    }
    question->core = true;
}

enum sluice_code sluice_registry_fetch(struct sluice_registry *registry, const struct registry_ref *ref,
                                       struct sluice_arena *arena, struct registry_document *out,
                                       struct sluice_error *err)
{
    struct question question = {.core = false};
    SLUICE_AUTO(answer_schema) struct answer_schema answer = {.root = NULL};
    question_from(ref, &question);
    enum sluice_code code = ask(registry, &question, err);
    if (code != SLUICE_OK)
        return code;
    const struct sluice_str body = sluice_buf_str(&registry->http.body);
    code = question.core ? answer_take_bare(body, registry->http.artifact_type, question.what, arena, &answer, err)
                         : answer_read_schema(body, question.what, arena, &answer, err);
    struct registry_document document = {.type = answer.type, .text = answer.text};
    if (code != SLUICE_OK)
        return code;
    code = collect_all(registry, answer.references, arena, &document, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "%s", question.what);
    *out = document;
    return SLUICE_OK;
}

enum sluice_code sluice_registry_probe(struct sluice_registry *registry, const char **url, struct sluice_error *err)
{
    static const struct question question = {.path = "/schemas/types", .what = "types of schemas"};
    for (size_t i = 0; i < registry->n_addresses; i++) {
        *url = registry->addresses[i].base;
        enum sluice_code code = ask_one(registry, &registry->addresses[i], &question, err);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}
