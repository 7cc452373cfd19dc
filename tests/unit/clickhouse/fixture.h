/* fixture.h - a stub, a client of it, and a body to insert, for the tests of this area. */
#ifndef SLUICE_TESTS_CLICKHOUSE_FIXTURE_H
#define SLUICE_TESTS_CLICKHOUSE_FIXTURE_H

#include <curl/curl.h>
#include <stdlib.h>

#include "clickhouse/client.h"
#include "support/check.h"
#include "support/http_stub.h"

#define FIXTURE_PASSWORD "very-secret-word"
#define FIXTURE_PROBE                                                                                                  \
    "version\t26.7.2.1\ntimezone\tUTC\nsetting\tasync_insert\nsetting\tmax_insert_block_size\n"                        \
    "setting\tdeduplicate_insert\n"

struct fixture {
    struct http_stub *stub;
    struct sluice_ch_client *client;
    struct sluice_error err;
    atomic_bool abort;
};

static inline struct sluice_ch_client *fixture_client(struct fixture *fixture, const char *const *urls, size_t n_urls,
                                                      int64_t request_timeout_us)
{
    const struct sluice_ch_options options = {.urls = urls,
                                              .n_urls = n_urls,
                                              .user = "writer",
                                              .password = FIXTURE_PASSWORD,
                                              .product = "sluice/test",
                                              .connect_timeout_us = 2000000,
                                              .request_timeout_us = request_timeout_us,
                                              .abort = &fixture->abort};
    struct sluice_ch_client *client = NULL;
    if (sluice_ch_client_new(&options, &client, &fixture->err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", fixture->err.text);
        exit(1);
    }
    return client;
}

static inline void fixture_init(struct fixture *fixture, int64_t request_timeout_us)
{
    *fixture = (struct fixture){0};
    fixture->stub = http_stub_start();
    if (fixture->stub == NULL)
        exit(1);
    http_stub_always(fixture->stub, "system.settings", FIXTURE_PROBE);
    const char *url = http_stub_url(fixture->stub);
    fixture->client = fixture_client(fixture, &url, 1, request_timeout_us);
}

static inline void fixture_deinit(struct fixture *fixture)
{
    sluice_ch_client_free(fixture->client);
    http_stub_stop(fixture->stub);
}

/* A body of `n_bytes` that differs at every place, read in odd pieces. */
struct fixture_body {
    size_t n_bytes;
    size_t at;
    int n_rewinds;
};

static inline char fixture_byte(size_t at)
{
    return (char)((at * 2654435761U) >> 16);
}

static inline size_t fixture_read(void *ctx, char *out, size_t capacity)
{
    struct fixture_body *body = ctx;
    size_t n = body->n_bytes - body->at;
    n = n < capacity ? n : capacity;
    n = n > 1000003 ? 1000003 : n;
    for (size_t i = 0; i < n; i++)
        out[i] = fixture_byte(body->at + i);
    body->at += n;
    return n;
}

static inline void fixture_rewind(void *ctx)
{
    struct fixture_body *body = ctx;
    body->at = 0;
    body->n_rewinds++;
}

static inline struct sluice_ch_insert fixture_insert(struct fixture_body *body)
{
    return (struct sluice_ch_insert){.sql = "INSERT INTO `shop`.`orders` (`id`) FORMAT RowBinaryWithNamesAndTypes",
                                     .target = "shop.orders",
                                     .n_rows = 7,
                                     .read = fixture_read,
                                     .rewind = fixture_rewind,
                                     .ctx = body,
                                     .query_id = "attempt-1",
                                     .token = "shop:orders:0:100-106"};
}

#endif
