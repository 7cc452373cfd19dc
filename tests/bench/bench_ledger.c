/* What the KeeperMap ledger costs: bench_ledger URL [SECONDS [READY]]
 *
 * For 1, 64, 512 and 10000 partitions that are ready together (in statements of at most 256): the first acquisition,
 * later acquisitions, the writes that open a range, and reading alone. A call of the ledger is the write of all
 * partitions in one statement and the reading of all in another one; times are of whole calls. READY: only this many
 * partitions, to see several workers at once. */
#include "ledger/ledger.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"

enum { MAX_PARTITIONS = 10000, MAX_SAMPLES = 100000 };

static struct sluice_error err;
static int64_t samples[MAX_SAMPLES];

static void fail(const char *what)
{
    (void)fprintf(stderr, "%s: %s\n", what, err.text);
    exit(1);
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a;
    int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void read_row(struct sluice_ledger_call *call)
{
    call->is_write = false;
}

static void write_row(struct sluice_ledger_call *call)
{
    call->is_write = true;
    call->expected_exists = call->exists;
    call->expected = call->row;
    call->wanted = call->row;
    call->wanted.seq++;
}

static void acquire(struct sluice_ledger_call *call)
{
    write_row(call);
    call->wanted.epoch++;
    call->wanted.owner = sluice_random_u64();
    call->wanted.resets = call->exists ? call->row.resets : sluice_random_u64();
}

/* Numbers as long as in real life. */
static void open_range(struct sluice_ledger_call *call)
{
    write_row(call);
    call->wanted.next = call->row.hi < 0 ? INT64_C(1200000000) : call->row.hi + 1;
    call->wanted.hi = call->wanted.next + 65535;
    call->wanted.check = (struct sluice_ledger_check){call->wanted.next - 1, INT64_C(1790000000123), 0x9af39af3};
    call->wanted.source.n_sources = 1;
    call->wanted.source.sources[0] = (struct sluice_source_position){UINT64_C(0x9f2c419f2c419f2c), 0x16b3748123,
                                                                     0x16b3700123, INT64_C(1790000000123456), 0};
}

typedef void (*change_fn)(struct sluice_ledger_call *call);

/* Calls for `seconds`, at least once; at most `max` times. */
static void measure(struct sluice_ledger *ledger, const char *what, change_fn change, struct sluice_ledger_call *calls,
                    size_t n, double seconds, size_t max)
{
    uint64_t n_statements = sluice_ledger_counts(ledger).n_statements;
    int64_t start_us = sluice_mono_us();
    size_t n_samples = 0;
    do {
        for (size_t i = 0; i < n; i++)
            change(&calls[i]);
        int64_t from_us = sluice_mono_us();
        if (sluice_ledger_run(ledger, calls, n, &err) != SLUICE_OK)
            fail(what);
        samples[n_samples++] = sluice_mono_us() - from_us;
        for (size_t i = 0; i < n; i++)
            if (calls[i].is_write && !sluice_ledger_row_equal(&calls[i].row, &calls[i].wanted)) {
                (void)snprintf(err.text, sizeof err.text, "a row is not what was written");
                fail(what);
            }
    } while (n_samples < max && (double)(sluice_mono_us() - start_us) < seconds * 1e6);
    double took = (double)(sluice_mono_us() - start_us) / 1e6;
    n_statements = sluice_ledger_counts(ledger).n_statements - n_statements;
    qsort(samples, n_samples, sizeof *samples, compare);
    int64_t median_us = samples[n_samples / 2];
    int64_t p99_us = samples[n_samples * 99 / 100];
    (void)printf("%5zu  %-18s %8zu %10.1f %12.1f %10.2f %10.2f %12.0f\n", n, what, n_samples, (double)n_samples / took,
                 (double)n_statements / took, (double)median_us / 1e3, (double)p99_us / 1e3,
                 (double)(n_samples * n) / took);
}

static struct sluice_ledger *open_ledger(const char *url)
{
    char path[64];
    struct sluice_ledger *ledger = NULL;
    const char *urls[] = {url};
    const struct sluice_ch_options client = {.urls = urls, .n_urls = 1};
    (void)snprintf(path, sizeof path, "/sluice_bench_%ld", (long)getpid());
    const struct sluice_keeper_map_options options = {.client = &client,
                                                      .database = "default",
                                                      .table = path + 1,
                                                      .path = path,
                                                      .pipeline = "shop",
                                                      .cluster = "5L6g3nShT-eMCtK--X86sw"};
    if (sluice_ledger_new_keeper_map(&options, &ledger, &err) != SLUICE_OK ||
        sluice_ledger_prepare(ledger, &err) != SLUICE_OK)
        fail("open the ledger");
    return ledger;
}

static void drop_table(const char *url)
{
    char sql[128];
    const char *urls[] = {url};
    const struct sluice_ch_options options = {.urls = urls, .n_urls = 1};
    struct sluice_ch_client *client = NULL;
    (void)snprintf(sql, sizeof sql, "DROP TABLE default.sluice_bench_%ld SYNC", (long)getpid());
    const struct sluice_ch_query query = {.sql = sql, .what = "drop the ledger"};
    if (sluice_ch_client_new(&options, &client, &err) != SLUICE_OK ||
        sluice_ch_query(client, &query, NULL, &err) != SLUICE_OK)
        fail("drop the ledger");
    sluice_ch_client_free(client);
}

int main(int argc, char **argv)
{
    static const size_t sizes[] = {1, 64, 512, 10000};
    static struct sluice_ledger_call calls[MAX_PARTITIONS];
    if (argc < 2 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        (void)fprintf(stderr, "usage: bench_ledger URL [SECONDS [READY]]\n");
        return 2;
    }
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 5;
    size_t only = argc > 3 ? strtoul(argv[3], NULL, 10) : 0;
    struct sluice_ledger *ledger = open_ledger(argv[1]);
    (void)printf("%5s  %-18s %8s %10s %12s %10s %10s %12s\n", "ready", "what", "calls", "calls/s", "statements/s",
                 "median ms", "p99 ms", "partitions/s");
    for (size_t s = 0; s < SLUICE_N_ELEMENTS(sizes); s++) {
        static const char *const topics[] = {"shop.public.customers", "shop.public.orders", "shop.public.order_lines",
                                             "shop.public.invoices"};
        if (only != 0 && only != sizes[s])
            continue;
        for (size_t i = 0; i < sizes[s]; i++)
            calls[i] = (struct sluice_ledger_call){.topic = topics[s], .partition = (int32_t)i};
        if (sluice_ledger_run(ledger, calls, sizes[s], &err) != SLUICE_OK)
            fail("read");
        measure(ledger, "first acquisition", acquire, calls, sizes[s], 0, 1);
        measure(ledger, "acquisition", acquire, calls, sizes[s], seconds, MAX_SAMPLES);
        measure(ledger, "open a range", open_range, calls, sizes[s], seconds, MAX_SAMPLES);
        measure(ledger, "read", read_row, calls, sizes[s], seconds, MAX_SAMPLES);
    }
    sluice_ledger_free(ledger);
    drop_table(argv[1]);
    curl_global_cleanup();
    return 0;
}
