/* verify_record.c - see verify_record.h. */
#include "admin/verify_record.h"

#include "admin/verify_avro.h"
#include "base/arena.h"
#include "debezium/frame.h"
#include "kafka/message.h"
#include "registry/options.h"

#include <stdlib.h>

enum { SCHEMA_BYTES = 64 << 20 };

struct fetched {
    struct registry_ref ref;
    struct verify_avro *avro;
    struct fetched *next;
};

/* A record's beginning up to its payload, {"schema":{..},"payload": and the schema in it: nearly all records of a topic
 * share it, and it is several times as long as the payload. */
struct head {
    char *text; /* NULL: none */
    size_t len;
    json_t *schema;
};

struct verify_records {
    struct head heads[2]; /* by side */
    const struct sluice_config *config;
    struct sluice_registry *registry; /* NULL without registry.url */
    struct fetched *fetched;
};

void verify_records_free(struct verify_records *records)
{
    if (records == NULL)
        return;
    while (records->fetched != NULL) {
        struct fetched *fetched = records->fetched;
        records->fetched = fetched->next;
        verify_avro_free(fetched->avro);
        free(fetched);
    }
    for (size_t side = 0; side < SLUICE_N_ELEMENTS(records->heads); side++) {
        free(records->heads[side].text);
        json_decref(records->heads[side].schema);
    }
    sluice_registry_free(records->registry);
    free(records);
}

enum sluice_code verify_records_new(const struct sluice_config *config, struct verify_records **out,
                                    struct sluice_error *err)
{
    SLUICE_AUTO(verify_records) struct verify_records *records = calloc(1, sizeof *records);
    const struct sluice_registry_options registry = sluice_registry_options_from(config, NULL);
    enum sluice_code code = SLUICE_OK;
    if (records == NULL)
        return sluice_error_nomem(err, "a reader of records", sizeof *records);
    records->config = config;
    if (config->registry_url.n_items > 0)
        code = sluice_registry_new(&registry, &records->registry, err);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(records);
    return code;
}

void verify_part_deinit(struct verify_part *part)
{
    json_decref(part->root);
    json_decref(part->kept);
    *part = (struct verify_part){0};
}

/* ---- schemas of a registry ---- */

static enum sluice_code compile(struct fetched *fetched, const struct registry_document *document,
                                struct sluice_error *err)
{
    char reason[200] = "";
    char ref[REGISTRY_REF_TEXT];
    registry_ref_text(&fetched->ref, ref);
    if (document->type != REGISTRY_AVRO || document->n_named > 0)
        return sluice_error_set(err, SLUICE_E_UNSUPPORTED, SLUICE_STOP,
                                "schema %s is %s, which can't be compared from a topic; compare with --source postgres",
                                ref, document->type != REGISTRY_AVRO ? "no Avro" : "in several parts");
    fetched->avro = verify_avro_new(document->text.ptr, document->text.len, reason, sizeof reason);
    if (fetched->avro == NULL)
        return sluice_error_set(err, SLUICE_E_AVRO, SLUICE_STOP, "schema %s: %s", ref, reason);
    return SLUICE_OK;
}

static enum sluice_code fetch(struct verify_records *records, const struct registry_ref *ref, struct verify_avro **out,
                              struct sluice_error *err)
{
    struct registry_document document;
    SLUICE_AUTO(sluice_arena) struct sluice_arena texts;
    sluice_arena_init(&texts, SCHEMA_BYTES, "a schema's text");
    for (const struct fetched *known = records->fetched; known != NULL; known = known->next) {
        if (registry_ref_equal(&known->ref, ref)) {
            *out = known->avro;
            return SLUICE_OK;
        }
    }
    if (records->registry == NULL)
        return sluice_error_set(err, SLUICE_E_REGISTRY, SLUICE_STOP,
                                "the record names a schema of a registry; set registry.url");
    struct fetched *fetched = calloc(1, sizeof *fetched);
    if (fetched == NULL)
        return sluice_error_nomem(err, "a schema", sizeof *fetched);
    fetched->ref = *ref;
    enum sluice_code code = sluice_registry_fetch(records->registry, ref, &texts, &document, err);
    if (code == SLUICE_OK)
        code = compile(fetched, &document, err);
    if (code != SLUICE_OK) {
        free(fetched);
        return code;
    }
    fetched->next = records->fetched;
    records->fetched = fetched;
    *out = fetched->avro;
    return SLUICE_OK;
}

/* ---- records ---- */

static bool find_header(const void *record, const char *name, struct sluice_str *value)
{
    return sluice_kafka_message_ops.find_header(record, name, value);
}

/* {"schema": .., "payload": ..}, and nothing else in it. */
static void unwrap(struct verify_part *part)
{
    json_t *payload = json_object_get(part->root, "payload");
    json_t *schema = json_object_get(part->root, "schema");
    bool is_wrapped = json_object_size(part->root) == 2 && payload != NULL && schema != NULL;
    part->payload = is_wrapped ? payload : part->root;
    part->schema = is_wrapped && json_is_object(schema) ? schema : NULL;
}

/* The length of such a beginning, 0 if there is none. */
static size_t head_length(struct sluice_str bytes)
{
    static const char opening[] = "{\"schema\":{";
    static const char payload[] = ",\"payload\":";
    const size_t n_opening = sizeof opening - 1;
    const size_t n_payload = sizeof payload - 1;
    size_t depth = 1;
    bool in_text = false;
    if (bytes.len < n_opening || memcmp(bytes.ptr, opening, n_opening) != 0)
        return 0;
    for (size_t i = n_opening; i < bytes.len; i++) {
        char c = bytes.ptr[i];
        if (in_text && c == '\\')
            i++;
        else if (c == '"')
            in_text = !in_text;
        else if (!in_text && (c == '{' || c == '}'))
            depth += c == '{' ? 1 : (size_t)-1;
        if (depth > 0)
            continue;
        bool has_payload = bytes.len - i > n_payload + 1 && memcmp(bytes.ptr + i + 1, payload, n_payload) == 0;
        return has_payload ? i + 1 + n_payload : 0;
    }
    return 0;
}

/* The payload behind a beginning that is known; false if this record has another one, or anything behind its payload.
 */
static bool read_behind_head(const struct head *head, struct sluice_str bytes, struct verify_part *part)
{
    json_error_t reason;
    if (head->text == NULL || bytes.len <= head->len + 1 || memcmp(bytes.ptr, head->text, head->len) != 0 ||
        bytes.ptr[bytes.len - 1] != '}')
        return false;
    part->root =
        json_loadb(bytes.ptr + head->len, bytes.len - head->len - 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, &reason);
    if (part->root == NULL)
        return false;
    part->payload = part->root;
    part->kept = json_incref(head->schema);
    part->schema = head->schema;
    return true;
}

/* Best effort: without memory every record is read whole. */
static void keep_head(struct head *head, struct sluice_str bytes, const struct verify_part *part)
{
    size_t n = part->schema != NULL ? head_length(bytes) : 0;
    char *text = n > 0 ? malloc(n) : NULL;
    if (text == NULL)
        return;
    memcpy(text, bytes.ptr, n);
    free(head->text);
    json_decref(head->schema);
    *head = (struct head){text, n, json_incref(json_object_get(part->root, "schema"))};
}

static enum sluice_code read_json(struct head *head, struct sluice_str bytes, struct verify_part *part,
                                  struct sluice_error *err)
{
    json_error_t reason;
    if (read_behind_head(head, bytes, part))
        return SLUICE_OK;
    part->root = json_loadb(bytes.ptr, bytes.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &reason);
    if (part->root == NULL)
        return sluice_error_set(err, SLUICE_E_JSON, SLUICE_STOP, "not understood as JSON at byte %d", reason.position);
    unwrap(part);
    keep_head(head, bytes, part);
    return SLUICE_OK;
}

static enum sluice_code read_avro(struct verify_records *records, const struct frame *frame, struct verify_part *part,
                                  struct sluice_error *err)
{
    struct verify_avro *avro = NULL;
    enum sluice_code code = fetch(records, &frame->ref, &avro, err);
    if (code != SLUICE_OK)
        return code;
    part->root = verify_avro_read(avro, frame->payload.ptr, frame->payload.len);
    if (part->root == NULL)
        return sluice_error_set(err, SLUICE_E_AVRO, SLUICE_STOP, "not understood as Avro of its schema");
    part->payload = part->root;
    part->schema = verify_avro_schema(avro);
    return SLUICE_OK;
}

static enum sluice_code read_part(struct verify_records *records, const rd_kafka_message_t *message,
                                  enum frame_side side, struct sluice_str bytes, struct verify_part *part,
                                  struct sluice_error *err)
{
    struct frame frame = {.payload = bytes};
    enum sluice_code code = SLUICE_OK;
    *part = (struct verify_part){0};
    if (bytes.ptr == NULL)
        return SLUICE_OK;
    if (records->config->format != SLUICE_FORMAT_JSON) {
        code = frame_read_headers(find_header, message, side, bytes, &frame, err);
        if (code == SLUICE_OK && !frame.is_framed)
            code = frame_read(bytes, &frame, err);
    }
    if (code != SLUICE_OK)
        return code;
    return frame.is_framed ? read_avro(records, &frame, part, err) : read_json(&records->heads[side], bytes, part, err);
}

enum sluice_code verify_records_key(struct verify_records *records, const rd_kafka_message_t *message,
                                    struct verify_part *part, struct sluice_error *err)
{
    return read_part(records, message, FRAME_KEY, (struct sluice_str){message->key, message->key_len}, part, err);
}

enum sluice_code verify_records_value(struct verify_records *records, const rd_kafka_message_t *message,
                                      struct verify_part *part, struct sluice_error *err)
{
    return read_part(records, message, FRAME_VALUE, (struct sluice_str){message->payload, message->len}, part, err);
}

const json_t *verify_field_schema(const json_t *schema, const char *name)
{
    const json_t *fields = json_object_get(schema, "fields");
    for (size_t i = 0; i < json_array_size(fields); i++) {
        const json_t *field = json_array_get(fields, i);
        const char *text = json_string_value(json_object_get(field, "field"));
        if (text != NULL && strcmp(text, name) == 0)
            return field;
    }
    return NULL;
}
