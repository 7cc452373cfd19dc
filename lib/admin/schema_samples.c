/* schema_samples.c - see schema_samples.h. */
#include "admin/schema_samples.h"

#include "admin/record_reader.h"
#include "kafka/samples.h"
#include "pipeline/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_EACH = 20, TIMEOUT_MS = 10000, MAX_TOPICS = 10000 };

struct topic {
    char *name;
    int n_partitions;
};

struct reading {
    const struct sluice_config *config;
    struct schema_samples *samples;
    struct record_reader *records;
    struct topic *topics;
    size_t n_topics;
};

/* ---- records ---- */

static enum sluice_code take(struct reading *r, const rd_kafka_message_t *message, struct sluice_error *err)
{
    struct sluice_change change;
    struct sluice_key key;
    struct variant *variant = NULL;
    bool is_new;
    enum sluice_code code = record_reader_value(r->records, message, &change, err);
    /* A delete of a record without schema shows its key alone. */
    if (code != SLUICE_OK || change.kind != SLUICE_CHANGE_ROW || !change.has_image ||
        (change.op == 'd' && change.row_type == NULL && change.value_schema.len == 0))
        return code;
    code = record_reader_key(r->records, message, &key, err);
    return code != SLUICE_OK ? code : catalog_find(&r->samples->catalog, &change, &key, &variant, &is_new, err);
}

static bool visit(void *context, const rd_kafka_message_t *message)
{
    struct reading *r = context;
    struct sluice_error err;
    char what[512];
    if (take(r, message, &err) == SLUICE_OK)
        return true;
    (void)snprintf(what, sizeof what, "topic \"%.300s\" partition %" PRId32 " offset %" PRId64,
                   rd_kafka_topic_name(message->rkt), message->partition, message->offset);
    r->samples->n_failed++;
    r->samples->tell(r->samples->context, what, err.text);
    return true;
}

/* ---- topics ---- */

static void add_topic(void *context, const char *name, int n_partitions)
{
    struct reading *r = context;
    if (r->n_topics == MAX_TOPICS)
        return;
    char *copy = strdup(name);
    if (copy == NULL)
        SLUICE_BUG("no memory for a topic's name");
    r->topics[r->n_topics++] = (struct topic){copy, n_partitions};
}

static enum sluice_code list_topics(struct reading *r, struct sluice_error *err)
{
    struct sluice_consumer *consumer = NULL;
    r->topics = calloc(MAX_TOPICS, sizeof *r->topics);
    if (r->topics == NULL)
        return sluice_error_nomem(err, "a list of topics", MAX_TOPICS * sizeof *r->topics);
    enum sluice_code code = reader_consumer_new(r->config, &sluice_consumer_no_handler, &consumer, err);
    if (code == SLUICE_OK)
        code = sluice_consumer_visit_topics(consumer, TIMEOUT_MS, add_topic, r, err);
    sluice_consumer_free(consumer);
    return code;
}

static enum sluice_code read_topics(struct reading *r, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_samples) struct sluice_samples *samples = NULL;
    enum sluice_code code = sluice_samples_new(r->config, &samples, err);
    for (size_t i = 0; i < r->n_topics && code == SLUICE_OK; i++) {
        record_reader_begin(r->records, r->topics[i].name);
        for (int p = 0; p < r->topics[i].n_partitions && code == SLUICE_OK; p++)
            code = sluice_samples_visit(samples, r->topics[i].name, p, N_EACH, N_EACH, TIMEOUT_MS, visit, r, err);
        if (code != SLUICE_OK)
            (void)sluice_error_wrap(err, "topic \"%s\"", r->topics[i].name);
    }
    return code;
}

static void free_reading(struct reading *r)
{
    for (size_t i = 0; i < r->n_topics; i++)
        free(r->topics[i].name);
    free(r->topics);
}

enum sluice_code schema_samples_read(struct schema_samples *samples, const struct sluice_config *config,
                                     struct sluice_error *err)
{
    struct reading r = {.config = config, .samples = samples};
    catalog_init(&samples->catalog, config);
    enum sluice_code code = record_reader_new(config, &samples->records, err);
    r.records = samples->records;
    if (code == SLUICE_OK)
        code = list_topics(&r, err);
    if (code == SLUICE_OK)
        code = read_topics(&r, err);
    free_reading(&r);
    return code;
}

void schema_samples_deinit(struct schema_samples *samples)
{
    catalog_deinit(&samples->catalog);
    record_reader_free(samples->records);
    samples->records = NULL;
}
