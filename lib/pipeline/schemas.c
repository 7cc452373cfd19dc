/* schemas.c - see schemas.h. */
#include "pipeline/schemas.h"

#include <stdlib.h>

#include "base/clock.h"
#include "debezium/frame.h"
#include "pipeline/lane_internal.h"

enum {
    DOCUMENT_MAX_BYTES = 32 << 20, /* a schema's text with all that it refers to */
    SCHEMA_MAX_BYTES = 32 << 20    /* compiled */
};

/* A schema that the registry does not know may reach it, or the follower that was asked, a moment later. */
static const int64_t missing_us = 10000000;

/* --- the schemas ---------------------------------------------------------------------------------------------------
 */

static void schema_free(struct schema *schema)
{
    sluice_arena_deinit(&schema->arena);
    free(schema);
}

void schemas_deinit(struct schemas *schemas)
{
    for (size_t i = 0; i < SCHEMAS_BUCKETS; i++) {
        while (schemas->buckets[i] != NULL) {
            struct schema *schema = schemas->buckets[i];
            schemas->buckets[i] = schema->next;
            schema_free(schema);
        }
    }
}

static size_t bucket_of(const struct registry_ref *ref)
{
    uint64_t mixed = ref->id + (uint64_t)ref->kind;
    for (size_t i = 0; ref->kind == REGISTRY_GUID && i < sizeof ref->guid; i++)
        mixed = mixed * 31 + ref->guid[i];
    return (size_t)((mixed * UINT64_C(0x9e3779b97f4a7c15)) >> 32) % SCHEMAS_BUCKETS;
}

static enum sluice_code add(struct schemas *schemas, const struct registry_ref *ref, struct schema **out,
                            struct sluice_error *err)
{
    if (schemas->n_schemas == SCHEMAS_MAX || schemas->n_bytes >= SCHEMAS_MAX_BYTES)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION,
                                "records named %zu schemas of %zu bytes, more than are kept; restart the worker, and "
                                "find out why the connector registers so many",
                                schemas->n_schemas, schemas->n_bytes);
    struct schema *schema = calloc(1, sizeof *schema);
    if (schema == NULL)
        return sluice_error_nomem(err, "a schema", sizeof *schema);
    schema->job.item.kind = LANE_JOB;
    schema->job.kind = JOB_SCHEMA;
    schema->ref = *ref;
    schema->state = SCHEMA_FAILED;
    struct schema **bucket = &schemas->buckets[bucket_of(ref)];
    schema->next = *bucket;
    *bucket = schema;
    schemas->n_schemas++;
    *out = schema;
    return SLUICE_OK;
}

static struct schema *find(const struct schemas *schemas, const struct registry_ref *ref)
{
    struct schema *schema = schemas->buckets[bucket_of(ref)];
    while (schema != NULL && !registry_ref_equal(&schema->ref, ref))
        schema = schema->next;
    return schema;
}

static enum sluice_code no_registry(const struct registry_ref *ref, struct sluice_error *err)
{
    char text[REGISTRY_REF_TEXT];
    registry_ref_text(ref, text);
    return sluice_error_set(err, SLUICE_E_REGISTRY, SLUICE_STOP_PARTITION,
                            "the record names schema %s of a schema registry; set registry.url to the one that the "
                            "connector writes to",
                            text);
}

/* Leaves p->lane.waiting_for set while the schema is being fetched. */
static enum sluice_code need(struct lane *lane, struct partition *p, const struct registry_ref *ref,
                             struct schema **out, struct sluice_error *err)
{
    struct schema *schema = find(&lane->schemas, ref);
    enum sluice_code code = SLUICE_OK;
    if (lane->world.config->registry_url.n_items == 0)
        return no_registry(ref, err);
    if (schema == NULL)
        code = add(&lane->schemas, ref, &schema, err);
    if (code != SLUICE_OK)
        return code;
    *out = schema;
    if (schema->state == SCHEMA_READY)
        return SLUICE_OK;
    p->lane.waiting_for = &schema->job;
    if (schema->state == SCHEMA_FAILED) {
        schema->state = SCHEMA_FETCHING;
        schema->asked_us = sluice_mono_us();
        schema->job.n_attempts = 0;
        job_send(lane, &schema->job);
    }
    return SLUICE_OK;
}

bool schemas_returned(struct schemas *schemas, struct schema *schema, bool stopping)
{
    struct job *job = &schema->job;
    if (job->code == SLUICE_OK) {
        schema->state = SCHEMA_READY;
        schemas->n_bytes += schema->arena.n_bytes;
        return true;
    }
    bool is_missing = job->code == SLUICE_E_REGISTRY && job->error.detail == 404;
    bool may_come = !is_missing || sluice_mono_us() - schema->asked_us < missing_us;
    if (job->error.action == SLUICE_RETRY && may_come && !stopping)
        return false;
    schema->state = SCHEMA_FAILED;
    return true;
}

enum sluice_code schema_fetch(struct schema *schema, struct sluice_registry *registry, struct sluice_error *err)
{
    char text[REGISTRY_REF_TEXT];
    struct registry_document document;
    SLUICE_AUTO(sluice_arena) struct sluice_arena texts;
    sluice_arena_init(&texts, DOCUMENT_MAX_BYTES, "a schema's text");
    sluice_arena_deinit(&schema->arena); /* of an earlier attempt */
    sluice_arena_init(&schema->arena, SCHEMA_MAX_BYTES, "a compiled schema");
    enum sluice_code code = sluice_registry_fetch(registry, &schema->ref, &texts, &document, err);
    if (code != SLUICE_OK)
        return code;
    code = framed_schema_new(&document, &schema->arena, &schema->compiled, err);
    if (code == SLUICE_OK)
        return SLUICE_OK;
    registry_ref_text(&schema->ref, text);
    return sluice_error_wrap(err, "schema %s", text);
}

/* --- frames --------------------------------------------------------------------------------------------------------
 */

/* A message for frame.h, which knows no Kafka. */
struct message_headers {
    const struct sluice_message_ops *ops;
    const rd_kafka_message_t *message;
};

static bool find_header(const void *record, const char *name, struct sluice_str *value)
{
    const struct message_headers *headers = record;
    return headers->ops->find_header(headers->message, name, value);
}

/* What a JSON text may begin with. */
static bool begins_json(struct sluice_str bytes)
{
    static const char starts[] = "{[\"-0123456789tfn \t\r\n";
    return bytes.len == 0 || memchr(starts, bytes.ptr[0], sizeof starts - 1) != NULL;
}

static enum sluice_code read_headers(const struct lane *lane, const rd_kafka_message_t *message, enum frame_side side,
                                     struct frame *frame, struct sluice_error *err)
{
    struct frame found;
    const struct message_headers headers = {lane->world.ops, message};
    enum sluice_code code = frame_read_headers(find_header, &headers, side, frame->payload, &found, err);
    if (code == SLUICE_OK && found.is_framed)
        *frame = found;
    return code;
}

/* Headers count before the first bytes, which may look like a frame by chance; but looking at them costs more than all
 * the rest of a record. So they are looked at for the first record of a partition, for all that follow one with an id
 * in them, and wherever the first bytes tell anything but what they told of the record before. */
static enum sluice_code read_frame(const struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                                   enum frame_side side, struct frame *frame, struct sluice_error *err)
{
    struct partition_encoding *known = &p->lane.encoding[side];
    struct frame prefix;
    struct sluice_error prefix_error;
    struct sluice_str bytes = side == FRAME_KEY ? (struct sluice_str){message->key, message->key_len}
                                                : (struct sluice_str){message->payload, message->len};
    enum sluice_code prefix_code = frame_read(bytes, &prefix, &prefix_error);
    bool as_before = prefix_code == SLUICE_OK && known->is_known && !known->in_header &&
                     (prefix.is_framed ? known->schema != NULL && registry_ref_equal(&prefix.ref, &known->schema->ref)
                                       : known->schema == NULL && begins_json(bytes));
    *frame = (struct frame){.payload = bytes};
    if (!as_before) {
        enum sluice_code code = read_headers(lane, message, side, frame, err);
        if (code != SLUICE_OK)
            return code;
        known->in_header = frame->in_header;
        if (frame->is_framed)
            return SLUICE_OK;
    }
    if (prefix_code != SLUICE_OK)
        *err = prefix_error;
    else
        *frame = prefix;
    return prefix_code;
}

static enum sluice_code not_framed(const struct lane *lane, struct sluice_str bytes, const char *what,
                                   struct sluice_error *err)
{
    bool only_framed = lane->world.config->format == SLUICE_FORMAT_AVRO;
    if (!only_framed && begins_json(bytes))
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_AVRO, SLUICE_REJECT,
                            "the %s begins with byte 0x%02x and names no schema, neither there nor in a header: it is "
                            "%s; let the converter write JSON, or Avro with Confluent's framing",
                            what, bytes.len > 0 ? (unsigned)(unsigned char)bytes.ptr[0] : 0,
                            only_framed ? "not what format: avro wants" : "neither JSON nor Avro of a registry");
}

/* Plain JSON behind plain JSON: nearly always an object. */
static bool goes_on_as_json(const struct partition_encoding *known, struct sluice_str bytes)
{
    return known->is_known && !known->in_header && known->schema == NULL && bytes.len > 0 && bytes.ptr[0] == '{';
}

/* The schema of a framed record; NULL if it is plain JSON, or not there yet (p->lane.waiting_for). */
static enum sluice_code find_schema(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                                    enum frame_side side, struct frame *frame, const struct framed_schema **out,
                                    struct sluice_error *err)
{
    struct partition_encoding *known = &p->lane.encoding[side];
    struct schema *schema = NULL;
    const char *what = side == FRAME_KEY ? "key" : "value";
    *out = NULL;
    if (SLUICE_LIKELY(goes_on_as_json(known, frame->payload)))
        return SLUICE_OK;
    enum sluice_code code = read_frame(lane, p, message, side, frame, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "%s of the record", what);
    if (!frame->is_framed) {
        code = not_framed(lane, frame->payload, what, err);
    } else if (known->schema != NULL && registry_ref_equal(&known->schema->ref, &frame->ref)) {
        schema = known->schema;
    } else {
        code = need(lane, p, &frame->ref, &schema, err);
    }
    if (code != SLUICE_OK || p->lane.waiting_for != NULL)
        return code;
    known->is_known = true;
    known->schema = schema;
    *out = schema != NULL ? schema->compiled : NULL;
    return SLUICE_OK;
}

/* A record that does not fit its schema may come from a connector with another registry, where the id means another
 * schema. */
static enum sluice_code name_schema(const struct partition *p, enum frame_side side, enum sluice_code code,
                                    struct sluice_error *err)
{
    char text[REGISTRY_REF_TEXT];
    if (SLUICE_LIKELY(code != SLUICE_E_SCHEMA && code != SLUICE_E_AVRO && code != SLUICE_E_ENVELOPE))
        return code;
    registry_ref_text(&p->lane.encoding[side].schema->ref, text);
    return sluice_error_wrap(err, "%s of the record, schema %s", side == FRAME_KEY ? "key" : "value", text);
}

enum sluice_code schemas_decode_value(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                                      struct sluice_str hint, struct sluice_change *out, struct sluice_error *err)
{
    const struct framed_schema *schema = NULL;
    struct frame frame = {.payload = {message->payload, message->len}};
    if (lane->world.config->format != SLUICE_FORMAT_JSON && message->payload != NULL) {
        enum sluice_code code = find_schema(lane, p, message, FRAME_VALUE, &frame, &schema, err);
        if (code != SLUICE_OK || p->lane.waiting_for != NULL)
            return code;
    }
    if (schema == NULL)
        return sluice_change_decode(lane->decoder, frame.payload, hint, out, err);
    return name_schema(p, FRAME_VALUE, framed_change_decode(lane->decoder, schema, frame.payload, out, err), err);
}

enum sluice_code schemas_decode_key(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                                    struct sluice_key *out, struct sluice_error *err)
{
    const struct framed_schema *schema = NULL;
    struct frame frame = {.payload = {message->key, message->key_len}};
    if (lane->world.config->format != SLUICE_FORMAT_JSON && message->key != NULL) {
        enum sluice_code code = find_schema(lane, p, message, FRAME_KEY, &frame, &schema, err);
        if (code != SLUICE_OK || p->lane.waiting_for != NULL)
            return code;
    }
    if (schema == NULL)
        return sluice_key_decode(lane->decoder, frame.payload, out, err);
    return name_schema(p, FRAME_KEY, framed_key_decode(lane->decoder, schema, frame.payload, out, err), err);
}
