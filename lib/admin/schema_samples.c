/* schema_samples.c - see schema_samples.h. */
#include "admin/schema_samples.h"

#include "debezium/frame.h"
#include "debezium/framed.h"
#include "kafka/message.h"
#include "kafka/samples.h"
#include "pipeline/lane_internal.h"
#include "pipeline/reader.h"
#include "registry/options.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { N_EACH = 20, TIMEOUT_MS = 10000, SCHEMA_BYTES = 64 << 20, MAX_TOPICS = 10000 };

/* A schema of a registry. */
struct fetched {
    struct registry_ref ref;
    struct sluice_arena arena;
    const struct framed_schema *schema;
    struct fetched *next;
};

struct topic {
    char *name;
    int n_partitions;
};

struct reading {
    const struct sluice_config *config;
    struct schema_samples *samples;
    struct sluice_decoder *decoder;
    struct sluice_registry *registry; /* NULL without registry.url */
    struct fetched *fetched;
    struct topic *topics;
    size_t n_topics;
    struct sluice_layout layout; /* of the present topic */
    struct sluice_field key_fields[LANE_KEY_FIELDS];
};

/* ---- schemas of a registry ---- */

static enum sluice_code fetch(struct reading *r, const struct registry_ref *ref, const struct framed_schema **out,
                              struct sluice_error *err)
{
    char text[REGISTRY_REF_TEXT];
    struct registry_document document;
    SLUICE_AUTO(sluice_arena) struct sluice_arena texts;
    sluice_arena_init(&texts, SCHEMA_BYTES, "a schema's text");
    for (const struct fetched *known = r->fetched; known != NULL; known = known->next) {
        if (registry_ref_equal(&known->ref, ref)) {
            *out = known->schema;
            return SLUICE_OK;
        }
    }
    registry_ref_text(ref, text);
    if (r->registry == NULL)
        return sluice_error_set(err, SLUICE_E_REGISTRY, SLUICE_STOP_PARTITION,
                                "the record names schema %s of a schema registry; set registry.url", text);
    struct fetched *fetched = calloc(1, sizeof *fetched);
    if (fetched == NULL)
        return sluice_error_nomem(err, "a schema", sizeof *fetched);
    fetched->ref = *ref;
    sluice_arena_init(&fetched->arena, SCHEMA_BYTES, "a compiled schema");
    enum sluice_code code = sluice_registry_fetch(r->registry, ref, &texts, &document, err);
    if (code == SLUICE_OK && framed_schema_new(&document, &fetched->arena, &fetched->schema, err) != SLUICE_OK)
        code = sluice_error_wrap(err, "schema %s", text);
    if (code != SLUICE_OK) {
        sluice_arena_deinit(&fetched->arena);
        free(fetched);
        return code;
    }
    fetched->next = r->fetched;
    r->fetched = fetched;
    *out = fetched->schema;
    return SLUICE_OK;
}

static bool find_header(const void *record, const char *name, struct sluice_str *value)
{
    return sluice_kafka_message_ops.find_header(record, name, value);
}

/* *schema is NULL for plain JSON. */
static enum sluice_code read_frame(struct reading *r, const rd_kafka_message_t *message, enum frame_side side,
                                   struct sluice_str bytes, struct sluice_str *payload,
                                   const struct framed_schema **schema, struct sluice_error *err)
{
    struct frame frame = {.payload = bytes};
    enum sluice_code code = SLUICE_OK;
    *schema = NULL;
    *payload = bytes;
    if (r->config->format == SLUICE_FORMAT_JSON || bytes.ptr == NULL)
        return SLUICE_OK;
    code = frame_read_headers(find_header, message, side, bytes, &frame, err);
    if (code == SLUICE_OK && !frame.is_framed)
        code = frame_read(bytes, &frame, err);
    if (code != SLUICE_OK || !frame.is_framed)
        return code;
    *payload = frame.payload;
    return fetch(r, &frame.ref, schema, err);
}

/* ---- records ---- */

static enum sluice_code read_key(struct reading *r, const rd_kafka_message_t *message, struct sluice_key *key,
                                 struct sluice_error *err)
{
    const struct sluice_str bytes = {message->key, message->key_len};
    const struct framed_schema *schema;
    struct sluice_str payload;
    struct sluice_str identifier;
    *key = (struct sluice_key){0};
    if (message->key == NULL) /* a table without a key */
        return SLUICE_OK;
    enum sluice_code code = read_frame(r, message, FRAME_KEY, bytes, &payload, &schema, err);
    if (code == SLUICE_OK)
        code = schema != NULL ? framed_key_decode(r->decoder, schema, payload, key, err)
                              : sluice_key_decode(r->decoder, payload, key, err);
    return code != SLUICE_OK ? code : layout_clean_key(r->config, key, r->key_fields, &identifier, err);
}

static enum sluice_code read_value(struct reading *r, const rd_kafka_message_t *message, struct sluice_change *change,
                                   struct sluice_error *err)
{
    const struct sluice_str bytes = {message->payload, message->len};
    const struct sluice_str no_hint = {NULL, 0};
    const struct framed_schema *schema;
    struct sluice_str payload;
    sluice_decoder_expect(r->decoder, &r->layout);
    enum sluice_code code = read_frame(r, message, FRAME_VALUE, bytes, &payload, &schema, err);
    if (code != SLUICE_OK)
        return code;
    return schema != NULL ? framed_change_decode(r->decoder, schema, payload, change, err)
                          : sluice_change_decode(r->decoder, payload, no_hint, change, err);
}

static enum sluice_code take(struct reading *r, const rd_kafka_message_t *message, struct sluice_error *err)
{
    struct sluice_change change;
    struct sluice_key key;
    struct variant *variant = NULL;
    bool is_new;
    enum sluice_code code = read_value(r, message, &change, err);
    /* A delete of a record without schema shows its key alone. */
    if (code != SLUICE_OK || change.kind != SLUICE_CHANGE_ROW || !change.has_image ||
        (change.op == 'd' && change.row_type == NULL && change.value_schema.len == 0))
        return code;
    code = read_key(r, message, &key, err);
    return code != SLUICE_OK ? code : catalog_find(&r->samples->catalog, &change, &key, &variant, &is_new, err);
}

static void visit(void *context, const rd_kafka_message_t *message)
{
    struct reading *r = context;
    struct sluice_error err;
    char what[512];
    if (take(r, message, &err) == SLUICE_OK)
        return;
    (void)snprintf(what, sizeof what, "topic \"%.300s\" partition %" PRId32 " offset %" PRId64,
                   rd_kafka_topic_name(message->rkt), message->partition, message->offset);
    r->samples->n_failed++;
    r->samples->tell(r->samples->context, what, err.text);
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
        r->layout = layout_of_topic(r->config, r->topics[i].name);
        for (int p = 0; p < r->topics[i].n_partitions && code == SLUICE_OK; p++)
            code = sluice_samples_visit(samples, r->topics[i].name, p, N_EACH, N_EACH, TIMEOUT_MS, visit, r, err);
        if (code != SLUICE_OK)
            (void)sluice_error_wrap(err, "topic \"%s\"", r->topics[i].name);
    }
    return code;
}

static void free_reading(struct reading *r)
{
    while (r->fetched != NULL) {
        struct fetched *fetched = r->fetched;
        r->fetched = fetched->next;
        sluice_arena_deinit(&fetched->arena);
        free(fetched);
    }
    for (size_t i = 0; i < r->n_topics; i++)
        free(r->topics[i].name);
    free(r->topics);
    sluice_registry_free(r->registry);
    sluice_decoder_free(r->decoder);
}

enum sluice_code schema_samples_read(struct schema_samples *samples, const struct sluice_config *config,
                                     struct sluice_error *err)
{
    struct reading r = {.config = config, .samples = samples};
    const struct sluice_registry_options registry = sluice_registry_options_from(config, NULL);
    catalog_init(&samples->catalog, config);
    enum sluice_code code = sluice_decoder_new(&r.decoder, err);
    if (code == SLUICE_OK && config->registry_url.n_items > 0)
        code = sluice_registry_new(&registry, &r.registry, err);
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
}
