/* bench_decode.c - what it costs to take one record apart.
 *
 * Prints nanoseconds per record, the best of several rounds: insert envelopes of about 719 bytes with 12 columns, in
 * the order in which Debezium 3.6 writes them, every number and text of another length, so that the branch predictor
 * does not learn the records by heart. Then the same behind an embedded schema of 3.4 KB that equals the hint, and
 * captured records in each encoding. Usage: bench_decode [records] [rounds]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "debezium/change.h"
#include "support/captured_avro.h"

enum { MAX_RECORD = 8192, SCHEMA_BYTES = 3300 };

struct corpus {
    char *bytes;
    struct sluice_str *records;
    size_t n_records;
    size_t n_bytes;
    size_t n_fields;                    /* of each row */
    const struct framed_schema *framed; /* NULL: JSON */
};

static uint64_t random_state = 1;

static uint64_t random_below(uint64_t n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state % n;
}

static const char *words(char *out, size_t n_least, size_t n_most)
{
    size_t n = n_least + random_below(n_most - n_least + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = i % 7 == 6 ? ' ' : (char)('a' + random_below(26));
    out[n] = '\0';
    return out;
}

/* A number of 1 to `digits` digits. */
static unsigned long long number(unsigned digits)
{
    uint64_t bound = 10;
    for (uint64_t n = random_below(digits); n > 0; n--)
        bound *= 10;
    return random_below(bound);
}

static int put_record(char *out, size_t capacity)
{
    char email[64];
    char note[96];
    char status[16];
    unsigned long long lsn = 24000000 + number(10);
    unsigned long long us = UINT64_C(1795256720000000) + number(9);
    return snprintf(
        out, capacity,
        "{\"before\":null,\"after\":{\"id\":%llu,\"customer_id\":%llu,\"status\":\"%s\",\"amount\":\"%s\","
        "\"currency\":\"EUR\",\"note\":\"%s\",\"email\":\"%s@example.org\",\"paid\":%s,\"quantity\":%llu,"
        "\"created_at\":%llu,\"updated_at\":\"2024-02-29T21:59:59.%06lluZ\",\"discount\":%llu.%llu},\"source\":{"
        "\"version\":\"3.6.1.Final\",\"connector\":\"postgresql\",\"name\":\"shop\",\"ts_ms\":%llu,"
        "\"snapshot\":\"false\",\"db\":\"shop\",\"sequence\":\"[\\\"%llu\\\",\\\"%llu\\\"]\",\"ts_us\":%llu,"
        "\"ts_ns\":%llu000,\"schema\":\"public\",\"table\":\"orders\",\"txId\":%llu,\"lsn\":%llu,\"xmin\":null,"
        "\"origin\":null,"
        "\"origin_lsn\":null},"
        "\"transaction\":null,\"op\":\"c\",\"ts_ms\":%llu,\"ts_us\":%llu,\"ts_ns\":%llu%03llu}",
        number(9), number(6), words(status, 4, 10), random_below(2) == 0 ? "MDk=" : "AJg9Ng==", words(note, 4, 60),
        words(email, 4, 20), random_below(2) == 0 ? "true" : "false", number(3), us,
        (unsigned long long)random_below(999999), number(3), number(2), us / 1000, lsn - 512, lsn, us, us, number(7),
        lsn, us / 1000 + 40, us + 40211, us + 40211, (unsigned long long)random_below(999));
}

/* As long as that of a table with 12 columns; only its length and its brackets matter here. */
static size_t make_schema(char *out)
{
    size_t n = (size_t)sprintf(out, "{\"type\":\"struct\",\"fields\":[");
    while (n < SCHEMA_BYTES)
        n += (size_t)sprintf(out + n, "{\"type\":\"int64\",\"optional\":true,\"field\":\"column_%zu\"},", n);
    return n + (size_t)sprintf(out + n, "{\"type\":\"string\"}],\"optional\":false}");
}

static void fill(struct corpus *corpus, size_t n_records, const char *schema_z)
{
    char record[MAX_RECORD / 2];
    corpus->bytes = malloc(n_records * MAX_RECORD);
    corpus->records = calloc(n_records, sizeof *corpus->records);
    if (corpus->bytes == NULL || corpus->records == NULL)
        abort();
    corpus->n_records = n_records;
    corpus->n_bytes = 0;
    for (size_t i = 0; i < n_records; i++) {
        char *at = corpus->bytes + corpus->n_bytes;
        (void)put_record(record, sizeof record);
        int n = schema_z == NULL ? snprintf(at, MAX_RECORD, "%s", record)
                                 : snprintf(at, MAX_RECORD, "{\"schema\":%s,\"payload\":%s}", schema_z, record);
        corpus->records[i] = (struct sluice_str){at, (size_t)n};
        corpus->n_bytes += (size_t)n;
    }
}

static double best_ns(struct sluice_decoder *decoder, const struct corpus *corpus, struct sluice_str hint,
                      size_t n_rounds)
{
    double best = 1e18;
    for (size_t round = 0; round < n_rounds; round++) {
        int64_t start = sluice_mono_us();
        for (size_t i = 0; i < corpus->n_records; i++) {
            struct sluice_change change;
            struct sluice_error err;
            enum sluice_code code =
                corpus->framed != NULL
                    ? framed_change_decode(decoder, corpus->framed, corpus->records[i], &change, &err)
                    : sluice_change_decode(decoder, corpus->records[i], hint, &change, &err);
            if (code != SLUICE_OK || change.n_fields != corpus->n_fields) {
                (void)fprintf(stderr, "record %zu: %s\n", i, err.text);
                abort();
            }
        }
        double ns = (double)(sluice_mono_us() - start) * 1000.0 / (double)corpus->n_records;
        best = ns < best ? ns : best;
    }
    return best;
}

static void measure(const char *name, struct sluice_decoder *decoder, const struct corpus *corpus,
                    struct sluice_str hint, size_t n_rounds)
{
    double ns = best_ns(decoder, corpus, hint, n_rounds);
    (void)printf("%s bytes_per_record=%.1f ns_per_record=%.1f\n", name,
                 (double)corpus->n_bytes / (double)corpus->n_records, ns);
}

static void measure_varied(const char *name, struct sluice_decoder *decoder, size_t n_records, size_t n_rounds,
                           const char *schema_z)
{
    struct corpus corpus = {.n_fields = 12};
    fill(&corpus, n_records, schema_z);
    measure(name, decoder, &corpus, schema_z == NULL ? (struct sluice_str){NULL, 0} : sluice_str_from(schema_z),
            n_rounds);
    free(corpus.records);
    free(corpus.bytes);
}

/* The captured records with this `op`, in turn, as often as fits in `n_records`. */
static void measure_captured(const char *case_z, char op, struct sluice_decoder *decoder, size_t n_records,
                             size_t n_rounds)
{
    char name[64];
    struct sluice_change change = {0};
    struct sluice_error err;
    struct sluice_str schema = {NULL, 0};
    struct corpus corpus = {.records = calloc(n_records, sizeof *corpus.records)};
    SLUICE_AUTO(captured) struct captured captured;
    captured_init(&captured, case_z, "values");
    for (size_t i = 0; corpus.records != NULL && corpus.n_records < n_records; i = (i + 1) % captured.n_records) {
        struct sluice_str record = captured.records[i];
        if (sluice_change_decode(decoder, record, schema, &change, &err) != SLUICE_OK || change.op != op)
            continue;
        schema = change.value_schema;
        corpus.n_fields = change.n_fields;
        corpus.n_bytes += record.len;
        corpus.records[corpus.n_records++] = record;
    }
    (void)snprintf(name, sizeof name, "%s op=%c", case_z, op);
    measure(name, decoder, &corpus, schema, n_rounds);
    free(corpus.records);
}

/* The same changes in Avro, their frames taken off. */
static void measure_avro(const char *case_z, char op, struct sluice_decoder *decoder, size_t n_records, size_t n_rounds)
{
    char name[64];
    struct sluice_change change = {0};
    struct sluice_error err;
    struct corpus corpus = {.records = calloc(n_records, sizeof *corpus.records)};
    SLUICE_AUTO(captured) struct captured captured;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, 16 << 20, "schemas");
    captured_avro_init(&captured, case_z, "values");
    corpus.framed = captured_avro_schema(case_z, "value.avsc", &arena);
    for (size_t i = 0; corpus.records != NULL && corpus.n_records < n_records; i = (i + 1) % captured.n_records) {
        if (captured.records[i].ptr == NULL)
            continue;
        struct sluice_str record = captured_avro_payload(captured.records[i]);
        if (framed_change_decode(decoder, corpus.framed, record, &change, &err) != SLUICE_OK || change.op != op)
            continue;
        corpus.n_fields = change.n_fields;
        corpus.n_bytes += record.len;
        corpus.records[corpus.n_records++] = record;
    }
    (void)snprintf(name, sizeof name, "%s-avro op=%c", case_z, op);
    measure(name, decoder, &corpus, (struct sluice_str){NULL, 0}, n_rounds);
    free(corpus.records);
}

int main(int argc, char **argv)
{
    static char schema[MAX_RECORD / 2];
    struct sluice_decoder *decoder;
    struct sluice_error err;
    size_t n_records = argc > 1 ? strtoul(argv[1], NULL, 10) : 1024;
    size_t n_rounds = argc > 2 ? strtoul(argv[2], NULL, 10) : 400;
    if (sluice_decoder_new(&decoder, &err) != SLUICE_OK)
        return 1;
    (void)make_schema(schema);
    measure_varied("plain", decoder, n_records, n_rounds, NULL);
    measure_varied("schema", decoder, n_records, n_rounds, schema);
    for (const char *op = "cud"; *op != '\0'; op++) {
        measure_captured("customers-json", *op, decoder, n_records, n_rounds);
        measure_captured("customers-json-schema", *op, decoder, n_records, n_rounds);
        measure_avro("customers", *op, decoder, n_records, n_rounds);
    }
    sluice_decoder_free(decoder);
    return 0;
}
