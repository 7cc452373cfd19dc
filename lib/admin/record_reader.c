/* record_reader.c - see record_reader.h. */
#include "admin/record_reader.h"

#include "debezium/frame.h"
#include "debezium/framed.h"
#include "kafka/message.h"
#include "registry/options.h"

#include <stdlib.h>

enum { SCHEMA_BYTES = 64 << 20 };

/* A schema of a registry. */
struct fetched {
    struct registry_ref ref;
    struct sluice_arena arena;
    const struct framed_schema *schema;
    struct fetched *next;
};

struct record_reader {
    const struct sluice_config *config;
    struct sluice_decoder *decoder;
    struct sluice_registry *registry; /* NULL without registry.url */
    struct fetched *fetched;
    struct sluice_layout layout; /* of the present topic */
    struct sluice_field key_fields[LANE_KEY_FIELDS];
};

/* ---- schemas of a registry ---- */

static enum sluice_code fetch(struct record_reader *r, const struct registry_ref *ref, const struct framed_schema **out,
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
static enum sluice_code read_frame(struct record_reader *r, const rd_kafka_message_t *message, enum frame_side side,
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

enum sluice_code record_reader_key(struct record_reader *r, const rd_kafka_message_t *message, struct sluice_key *key,
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

enum sluice_code record_reader_value(struct record_reader *r, const rd_kafka_message_t *message,
                                     struct sluice_change *change, struct sluice_error *err)
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

enum sluice_code record_reader_struct(struct record_reader *r, const rd_kafka_message_t *message,
                                      struct sluice_key *fields, struct sluice_error *err)
{
    const struct sluice_str bytes = {message->payload, message->len};
    const struct framed_schema *schema;
    struct sluice_str payload;
    *fields = (struct sluice_key){0};
    if (message->payload == NULL)
        return SLUICE_OK;
    enum sluice_code code = read_frame(r, message, FRAME_VALUE, bytes, &payload, &schema, err);
    if (code != SLUICE_OK)
        return code;
    return schema != NULL ? framed_key_decode(r->decoder, schema, payload, fields, err)
                          : sluice_key_decode(r->decoder, payload, fields, err);
}

/* ---- life ---- */

void record_reader_free(struct record_reader *r)
{
    if (r == NULL)
        return;
    while (r->fetched != NULL) {
        struct fetched *fetched = r->fetched;
        r->fetched = fetched->next;
        sluice_arena_deinit(&fetched->arena);
        free(fetched);
    }
    sluice_registry_free(r->registry);
    sluice_decoder_free(r->decoder);
    free(r);
}

enum sluice_code record_reader_new(const struct sluice_config *config, struct record_reader **out,
                                   struct sluice_error *err)
{
    SLUICE_AUTO(record_reader) struct record_reader *r = calloc(1, sizeof *r);
    const struct sluice_registry_options registry = sluice_registry_options_from(config, NULL);
    if (r == NULL)
        return sluice_error_nomem(err, "a reader of records", sizeof *r);
    r->config = config;
    enum sluice_code code = sluice_decoder_new(&r->decoder, err);
    if (code == SLUICE_OK && config->registry_url.n_items > 0)
        code = sluice_registry_new(&registry, &r->registry, err);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(r);
    return code;
}

void record_reader_begin(struct record_reader *r, const char *topic)
{
    r->layout = layout_of_topic(r->config, topic);
}
