/* The registry client against an HTTP stub: addresses, credentials, references, refusals. */
#include "registry/client.h"

#include <curl/curl.h>
#include <stdlib.h>

#include "support/check.h"
#include "support/http_stub.h"

#define JSON_HEAD(status) "HTTP/1.1 " status "\r\nContent-Type: application/vnd.schemaregistry.v1+json\r\n"

struct fixture {
    struct http_stub *stub;
    struct sluice_arena arena;
    struct sluice_registry *registry;
    struct registry_document document;
    struct sluice_error err;
};

static void fixture_init(struct fixture *f, const struct sluice_registry_options *options)
{
    *f = (struct fixture){.stub = http_stub_start()};
    const char *url = http_stub_url(f->stub);
    struct sluice_registry_options own = *options;
    if (own.n_urls == 0) {
        own.urls = &url;
        own.n_urls = 1;
    }
    own.request_timeout_us = 2000000;
    sluice_arena_init(&f->arena, 32 << 20, "a schema");
    CHECK_INT(sluice_registry_new(&own, &f->registry, &f->err), SLUICE_OK);
}

static void fixture_deinit(struct fixture *f)
{
    sluice_registry_free(f->registry);
    sluice_arena_deinit(&f->arena);
    http_stub_stop(f->stub);
}
SLUICE_DEFINE_AUTO(fixture, struct fixture, fixture_deinit)

static void push(struct fixture *f, const char *head, const char *body)
{
    http_stub_push(f->stub, (struct http_stub_reply){.head = head, .body = body});
}

static enum sluice_code fetch(struct fixture *f, struct registry_ref ref)
{
    return sluice_registry_fetch(f->registry, &ref, &f->arena, &f->document, &f->err);
}

static const struct sluice_registry_options plain = {0};
static const struct registry_ref id_7 = {.kind = REGISTRY_ID, .id = 7};

static void test_fetch(void)
{
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &plain);
    push(&f, JSON_HEAD("200 OK"), "{\"schema\":\"\\\"int\\\"\",\"id\":7,\"guid\":\"x\"}");
    CHECK_INT(fetch(&f, id_7), SLUICE_OK);
    CHECK_INT(f.document.type, REGISTRY_AVRO);
    CHECK(sluice_str_equal_z(f.document.text, "\"int\""));
    CHECK_INT(f.document.n_named, 0);
    const char *head = http_stub_request(f.stub, 0)->head;
    CHECK_CONTAINS(head, "GET /schemas/ids/7 HTTP/1.1\r\n");
    CHECK_CONTAINS(head, "Accept: application/vnd.schemaregistry.v1+json");
    CHECK(strstr(head, "Authorization") == NULL);

    push(&f, JSON_HEAD("200 OK"), "{\"schemaType\":\"JSON\",\"schema\":\"{}\"}");
    struct registry_ref guid = {.kind = REGISTRY_GUID};
    for (unsigned i = 0; i < sizeof guid.guid; i++)
        guid.guid[i] = (unsigned char)(i * 17);
    CHECK_INT(fetch(&f, guid), SLUICE_OK);
    CHECK_INT(f.document.type, REGISTRY_JSON_SCHEMA);
    CHECK_CONTAINS(http_stub_request(f.stub, 1)->head, "GET /schemas/guids/00112233-4455-6677-8899-aabbccddeeff HTTP");
}

static void test_credentials(void)
{
    static const char *const headers[] = {"target-sr-cluster: lsrc-1", "Confluent-Identity-Pool-Id: pool-2"};
    struct sluice_registry_options options = {.user = "us", .password = "pa:ss", .headers = headers, .n_headers = 2};
    SLUICE_AUTO(fixture) struct fixture basic;
    fixture_init(&basic, &options);
    push(&basic, JSON_HEAD("200 OK"), "{\"schema\":\"\"}");
    CHECK_INT(fetch(&basic, id_7), SLUICE_OK);
    const char *head = http_stub_request(basic.stub, 0)->head;
    CHECK_CONTAINS(head, "Authorization: Basic dXM6cGE6c3M=\r\n");
    CHECK_CONTAINS(head, "target-sr-cluster: lsrc-1\r\n");
    CHECK_CONTAINS(head, "Confluent-Identity-Pool-Id: pool-2\r\n");

    SLUICE_AUTO(fixture) struct fixture bearer;
    fixture_init(&bearer, &(struct sluice_registry_options){.token = "t0k"});
    push(&bearer, JSON_HEAD("200 OK"), "{\"schema\":\"\"}");
    CHECK_INT(fetch(&bearer, id_7), SLUICE_OK);
    CHECK_CONTAINS(http_stub_request(bearer.stub, 0)->head, "Authorization: Bearer t0k\r\n");
}

/* user:password of an address are sent, decoded, and are in no message. */
static void test_credentials_in_address(void)
{
    char url[128];
    const char *const urls[] = {url};
    struct http_stub *stub = http_stub_start();
    (void)snprintf(url, sizeof url, "http://al%%40ice:s%%3Acret@%s/", http_stub_url(stub) + strlen("http://"));
    const struct sluice_registry_options options = {.urls = urls, .n_urls = 1, .user = "other", .password = "x"};
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &options);
    http_stub_push(stub, (struct http_stub_reply){.head = JSON_HEAD("401 Unauthorized"),
                                                  .body = "{\"error_code\":401,\"message\":\"who are you\"}"});
    CHECK_INT(fetch(&f, id_7), SLUICE_E_REGISTRY);
    CHECK_CONTAINS(http_stub_request(stub, 0)->head, "Authorization: Basic YWxAaWNlOnM6Y3JldA==\r\n");
    CHECK_INT(f.err.action, SLUICE_STOP_PARTITION);
    CHECK_INT(f.err.detail, 401);
    CHECK_CONTAINS(f.err.text, "schema id 7: schema registry http://127.0.0.1:");
    CHECK_CONTAINS(f.err.text, "/schemas/ids/7 answered 401, who are you; check registry.user");
    CHECK(strstr(f.err.text, "cret") == NULL && strstr(f.err.text, "ice") == NULL);
    http_stub_stop(stub);
}

static void test_refusals(void)
{
    static const struct {
        const char *head;
        const char *body;
        enum sluice_code code;
        enum sluice_action action;
        const char *text;
    } cases[] = {
        {JSON_HEAD("404 Not Found"), "{\"error_code\":40403,\"message\":\"Schema not found\"}", SLUICE_E_REGISTRY,
         SLUICE_RETRY, "404, Schema not found; is registry.url"},
        {JSON_HEAD("403 Forbidden"), "no", SLUICE_E_REGISTRY, SLUICE_STOP_PARTITION, "what they may read"},
        {JSON_HEAD("429 Too Many Requests"), "", SLUICE_E_REGISTRY, SLUICE_RETRY, "429; it is asked again"},
        {JSON_HEAD("500 Internal Server Error"), "{\"error_code\":50001,\"message\":\"store\\nbroken\"}",
         SLUICE_E_REGISTRY, SLUICE_RETRY, "500, store broken"},
        {JSON_HEAD("503 Service Unavailable"), "", SLUICE_E_REGISTRY, SLUICE_RETRY, "503"},
        {JSON_HEAD("302 Found") "Location: http://127.0.0.1:1/\r\n", "", SLUICE_E_REGISTRY, SLUICE_STOP_PARTITION,
         "final address"},
        {JSON_HEAD("400 Bad Request"), "", SLUICE_E_REGISTRY, SLUICE_STOP_PARTITION, "check registry.url"},
        {JSON_HEAD("200 OK"), "<html>", SLUICE_E_SCHEMA, SLUICE_REJECT, "does registry.url lead"},
        {JSON_HEAD("200 OK"), "{\"schema\":7}", SLUICE_E_SCHEMA, SLUICE_REJECT, "does registry.url lead"},
        {JSON_HEAD("200 OK"), "{\"schema\":\"x\",\"schemaType\":\"PROTOBUF\"}", SLUICE_E_SCHEMA, SLUICE_REJECT,
         "of type PROTOBUF"},
    };
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &plain);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        push(&f, cases[i].head, cases[i].body);
        if (!CHECK_INT(fetch(&f, id_7), cases[i].code))
            continue;
        CHECK_INT(f.err.action, cases[i].action);
        CHECK_CONTAINS(f.err.text, cases[i].text);
    }
    CHECK_INT(http_stub_n_requests(f.stub), SLUICE_N_ELEMENTS(cases)); /* no redirect was followed */
}

static void test_broken_answers(void)
{
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &plain);
    http_stub_push(f.stub, (struct http_stub_reply){.act = HTTP_STUB_RESET});
    CHECK_INT(fetch(&f, id_7), SLUICE_E_REGISTRY);
    CHECK_INT(f.err.action, SLUICE_RETRY);
    http_stub_push(f.stub, (struct http_stub_reply){.act = HTTP_STUB_CUT,
                                                    .head = JSON_HEAD("200 OK"),
                                                    .body = "{\"schema\":\"\\\"int\\\"\"}",
                                                    .cut_after = 100});
    CHECK_INT(fetch(&f, id_7), SLUICE_E_REGISTRY);
    CHECK_INT(f.err.action, SLUICE_RETRY);

    char *huge = malloc(REGISTRY_MAX_ANSWER + 2);
    if (huge == NULL)
        abort();
    memset(huge, ' ', REGISTRY_MAX_ANSWER + 1);
    huge[REGISTRY_MAX_ANSWER + 1] = '\0';
    push(&f, JSON_HEAD("200 OK"), huge);
    CHECK_INT(fetch(&f, id_7), SLUICE_E_LIMIT);
    CHECK_CONTAINS(f.err.text, "check registry.url");
    free(huge);
}

static void test_addresses_in_turn(void)
{
    struct http_stub *other = http_stub_start();
    struct http_stub *gone = http_stub_start();
    char closed[64];
    (void)snprintf(closed, sizeof closed, "%s", http_stub_url(gone));
    http_stub_stop(gone);
    struct http_stub *first = http_stub_start();
    const char *const urls[] = {closed, http_stub_url(first), http_stub_url(other)};
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &(struct sluice_registry_options){.urls = urls, .n_urls = 3});
    http_stub_push(first, (struct http_stub_reply){.head = JSON_HEAD("503 Unavailable")});
    http_stub_push(other, (struct http_stub_reply){.head = JSON_HEAD("200 OK"), .body = "{\"schema\":\"\"}"});
    CHECK_INT(fetch(&f, id_7), SLUICE_OK);
    CHECK_INT(http_stub_n_requests(first), 1);
    CHECK_INT(http_stub_n_requests(other), 1);

    /* It stays with the one that answered; a 404 there is asked for elsewhere, and is what is told in the end. */
    http_stub_push(other, (struct http_stub_reply){.head = JSON_HEAD("404 Not Found")});
    http_stub_push(first, (struct http_stub_reply){.head = JSON_HEAD("503 Unavailable")});
    CHECK_INT(fetch(&f, id_7), SLUICE_E_REGISTRY);
    CHECK_INT(f.err.detail, 404);
    CHECK_INT(http_stub_n_requests(first), 2);
    CHECK_INT(http_stub_n_requests(other), 2);
    http_stub_stop(first);
    http_stub_stop(other);
}

static void test_references(void)
{
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &plain);
    push(&f, JSON_HEAD("200 OK"),
         "{\"schema\":\"top\",\"references\":[{\"name\":\"n.A\",\"subject\":\"a/b c\",\"version\":1},"
         "{\"name\":\"n.B\",\"subject\":\"b\",\"version\":2}]}");
    push(&f, JSON_HEAD("200 OK"),
         "{\"schema\":\"A\",\"references\":[{\"name\":\"n.B\",\"subject\":\"b\",\"version\":2}]}");
    push(&f, JSON_HEAD("200 OK"), "{\"schema\":\"B\"}");
    CHECK_INT(fetch(&f, id_7), SLUICE_OK);
    CHECK_CONTAINS(http_stub_request(f.stub, 1)->head, "GET /subjects/a%2Fb%20c/versions/1?deleted=true HTTP");
    CHECK_INT(http_stub_n_requests(f.stub), 3); /* each once */
    if (CHECK_INT(f.document.n_named, 2)) {
        CHECK(sluice_str_equal_z(f.document.named[0].text, "B"));
        CHECK_TEXT(f.document.named[1].name, "n.A");
        CHECK(sluice_str_equal_z(f.document.named[1].text, "A"));
    }
}

/* The reference and the schema that needs it are named. */
static void test_missing_reference(void)
{
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &plain);
    push(&f, JSON_HEAD("200 OK"),
         "{\"schema\":\"top\",\"references\":[{\"name\":\"n.A\",\"subject\":\"shop-A\",\"version\":3}]}");
    push(&f, JSON_HEAD("404 Not Found"), "{\"message\":\"no such subject\"}");
    CHECK_INT(fetch(&f, id_7), SLUICE_E_REGISTRY);
    CHECK_INT(f.err.detail, 404);
    CHECK_INT(f.err.action, SLUICE_RETRY);
    CHECK_CONTAINS(f.err.text, "schema id 7: version 3 of subject \"shop-A\": ");
}

/* A schema whose references never end. */
static void test_endless_references(void)
{
    static char bodies[REGISTRY_MAX_DEPTH + 2][160];
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &plain);
    for (int i = 0; i < REGISTRY_MAX_DEPTH + 2; i++) {
        (void)snprintf(bodies[i], sizeof bodies[i],
                       "{\"schema\":\"x\",\"references\":[{\"name\":\"n\",\"subject\":\"s\",\"version\":%d}]}", i + 1);
        push(&f, JSON_HEAD("200 OK"), bodies[i]);
    }
    CHECK_INT(fetch(&f, id_7), SLUICE_E_SCHEMA);
    CHECK_CONTAINS(f.err.text, "schema id 7: the schema refers to others more than");
    CHECK_INT(http_stub_n_requests(f.stub), REGISTRY_MAX_DEPTH + 1);
}

static void test_apicurio(void)
{
    char url[128];
    const char *const urls[] = {url};
    static const char head[] = "HTTP/1.1 200 OK\r\nX-Registry-ArtifactType: AVRO\r\n";
    struct http_stub *stub = http_stub_start();
    (void)snprintf(url, sizeof url, "%s/apis/ccompat/v7/", http_stub_url(stub));
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &(struct sluice_registry_options){.urls = urls, .n_urls = 1});
    http_stub_push(stub, (struct http_stub_reply){.head = head, .body = "\"long\""});
    CHECK_INT(fetch(&f, (struct registry_ref){.kind = REGISTRY_CONTENT_ID, .id = 3}), SLUICE_OK);
    CHECK(sluice_str_equal_z(f.document.text, "\"long\""));
    http_stub_push(stub, (struct http_stub_reply){.head = "HTTP/1.1 200 OK\r\nX-Registry-ArtifactType: PROTOBUF\r\n"});
    CHECK_INT(fetch(&f, (struct registry_ref){.kind = REGISTRY_GLOBAL_ID, .id = 4}), SLUICE_E_SCHEMA);
    CHECK_CONTAINS(http_stub_request(stub, 0)->head, "GET /apis/registry/v2/ids/contentIds/3?dereference=true HTTP");
    CHECK_CONTAINS(http_stub_request(stub, 1)->head, "GET /apis/registry/v2/ids/globalIds/4?dereference=true HTTP");

    /* The other way round; a stub of its own, for it has one connection at a time. */
    struct http_stub *v3 = http_stub_start();
    (void)snprintf(url, sizeof url, "%s/apis/registry/v3", http_stub_url(v3));
    SLUICE_AUTO(fixture) struct fixture core;
    fixture_init(&core, &(struct sluice_registry_options){.urls = urls, .n_urls = 1});
    http_stub_push(v3, (struct http_stub_reply){.head = head, .body = "\"long\""});
    CHECK_INT(fetch(&core, (struct registry_ref){.kind = REGISTRY_CONTENT_ID, .id = 3}), SLUICE_OK);
    http_stub_push(v3, (struct http_stub_reply){.head = JSON_HEAD("200 OK"), .body = "{\"schema\":\"\"}"});
    CHECK_INT(fetch(&core, id_7), SLUICE_OK);
    CHECK_CONTAINS(http_stub_request(v3, 0)->head, "GET /apis/registry/v3/ids/contentIds/3?");
    CHECK_CONTAINS(http_stub_request(v3, 1)->head, "GET /apis/ccompat/v7/schemas/ids/7 HTTP");
    http_stub_stop(v3);
    http_stub_stop(stub);

    SLUICE_AUTO(fixture) struct fixture wrong;
    fixture_init(&wrong, &plain);
    CHECK_INT(fetch(&wrong, (struct registry_ref){.kind = REGISTRY_CONTENT_ID, .id = 3}), SLUICE_E_REGISTRY);
    CHECK_INT(wrong.err.action, SLUICE_STOP_PARTITION);
    CHECK_CONTAINS(wrong.err.text, "apis/ccompat/v7");
}

static void test_tls(void)
{
    char url[128];
    const char *const urls[] = {url};
    struct http_stub *stub = http_stub_start();
    (void)snprintf(url, sizeof url, "https%s", http_stub_url(stub) + 4);
    SLUICE_AUTO(fixture) struct fixture bad_ca;
    fixture_init(&bad_ca, &(struct sluice_registry_options){.urls = urls, .n_urls = 1, .ca_file = "/nonexistent.pem"});
    CHECK_INT(fetch(&bad_ca, id_7), SLUICE_E_REGISTRY);
    CHECK_INT(bad_ca.err.action, SLUICE_STOP_PARTITION);
    CHECK_CONTAINS(bad_ca.err.text, "check registry.ca_file");
    SLUICE_AUTO(fixture) struct fixture bad_cert;
    fixture_init(&bad_cert,
                 &(struct sluice_registry_options){.urls = urls, .n_urls = 1, .cert_file = "/nonexistent.pem"});
    CHECK_INT(fetch(&bad_cert, id_7), SLUICE_E_REGISTRY);
    CHECK_INT(bad_cert.err.action, SLUICE_STOP_PARTITION);
    CHECK_CONTAINS(bad_cert.err.text, "check registry.cert_file");
    http_stub_stop(stub);
}

static void test_probe(void)
{
    const char *url = NULL;
    SLUICE_AUTO(fixture) struct fixture f;
    fixture_init(&f, &plain);
    push(&f, JSON_HEAD("200 OK"), "[\"AVRO\"]");
    CHECK_INT(sluice_registry_probe(f.registry, &url, &f.err), SLUICE_OK);
    CHECK_TEXT(url, http_stub_url(f.stub));
    push(&f, JSON_HEAD("404 Not Found"), "");
    CHECK_INT(sluice_registry_probe(f.registry, &url, &f.err), SLUICE_E_REGISTRY);
    CHECK_CONTAINS(http_stub_request(f.stub, 0)->head, "GET /schemas/types HTTP");
}

static void test_refused_options(void)
{
    static const char *const no_header[] = {"nothing"};
    static const char *const two_lines[] = {"a: b\r\nc: d"};
    const char *const urls[] = {"http://127.0.0.1:1"};
    static const char *const bad_url[] = {"http://127.0.0.1:port"};
    const struct sluice_registry_options cases[] = {
        {.n_urls = 0},
        {.urls = bad_url, .n_urls = 1},
        {.urls = urls, .n_urls = 1, .headers = no_header, .n_headers = 1},
        {.urls = urls, .n_urls = 1, .headers = two_lines, .n_headers = 1},
        {.urls = urls, .n_urls = 1, .token = "a\nb"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_registry *registry = NULL;
        struct sluice_error err;
        CHECK_INT(sluice_registry_new(&cases[i], &registry, &err), SLUICE_E_CONFIG);
        CHECK(registry == NULL);
    }
}

int main(void)
{
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    test_fetch();
    test_credentials();
    test_credentials_in_address();
    test_refusals();
    test_broken_answers();
    test_addresses_in_turn();
    test_references();
    test_missing_reference();
    test_endless_references();
    test_apicurio();
    test_tls();
    test_probe();
    test_refused_options();
    curl_global_cleanup();
    return check_result();
}
