/* avro_record.c - see avro_record.h. One pass over the record: `after` and `source` are taken apart on the way; of
 * `before` only the place is kept, for deletes. */
#include "debezium/avro_record.h"

#include "debezium/avro_source.h"
#include "debezium/refusal.h"
#include "debezium/source.h"
#include "debezium/text.h"

_Static_assert((int)AVRO_MAX_FIELDS <= (int)SLUICE_MAX_FIELDS, "a record of Avro fits the room for fields");

#define BIT(member) (1U << (member))

enum {
    ENVELOPE = BIT(AVRO_SOURCE) | BIT(AVRO_OP),
    TRANSACTION = BIT(AVRO_STATUS) | BIT(AVRO_ID) | BIT(AVRO_EVENT_COUNT) | BIT(AVRO_DATA_COLLECTIONS),
    NOTIFICATION = BIT(AVRO_ID) | BIT(AVRO_TYPE) | BIT(AVRO_AGGREGATE_TYPE) | BIT(AVRO_ADDITIONAL_DATA)
};

static const struct {
    const char *name;
    enum avro_member member;
} known[] = {
    {"before", AVRO_BEFORE},
    {"after", AVRO_AFTER},
    {"source", AVRO_SOURCE},
    {"op", AVRO_OP},
    {"ts_ms", AVRO_TS_MS},
    {"id", AVRO_ID},
    {"status", AVRO_STATUS},
    {"event_count", AVRO_EVENT_COUNT},
    {"data_collections", AVRO_DATA_COLLECTIONS},
    {"type", AVRO_TYPE},
    {"aggregate_type", AVRO_AGGREGATE_TYPE},
    {"additional_data", AVRO_ADDITIONAL_DATA},
};

/* --- what the schema says ------------------------------------------------------------------------------------------
 */

static enum avro_member find_member(struct sluice_str name)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(known); i++) {
        if (sluice_str_equal_z(name, known[i].name))
            return known[i].member;
    }
    return AVRO_OTHER;
}

static const struct avro_node *record_in(const struct avro_node *node)
{
    const struct avro_node *only = avro_without_null(node);
    return only->kind == AVRO_RECORD ? only : NULL;
}

static enum sluice_code find_source_members(struct avro_record *record, struct sluice_arena *arena,
                                            struct sluice_error *err)
{
    const struct avro_node *source = record->source;
    unsigned char *members = sluice_arena_alloc(arena, source->n + 1, err);
    if (members == NULL)
        return err->code;
    for (size_t i = 0; i < source->n; i++)
        members[i] = (unsigned char)avro_source_find(source->fields[i].name_str);
    record->source_members = members;
    return SLUICE_OK;
}

static enum sluice_code find_members(struct avro_record *record, struct sluice_arena *arena, struct sluice_error *err)
{
    const struct avro_node *root = record->root;
    unsigned char *members = sluice_arena_alloc(arena, root->n + 1, err);
    if (members == NULL)
        return err->code;
    for (size_t i = 0; i < root->n; i++) {
        enum avro_member member = find_member(root->fields[i].name_str);
        members[i] = (unsigned char)member;
        record->seen |= BIT(member);
        if (member == AVRO_AFTER)
            record->row = record_in(root->fields[i].node);
        if (member == AVRO_SOURCE)
            record->source = record_in(root->fields[i].node);
    }
    record->members = members;
    return record->source == NULL ? SLUICE_OK : find_source_members(record, arena, err);
}

enum sluice_code avro_record_new(const struct avro_node *root, struct sluice_arena *arena,
                                 const struct avro_record **out, struct sluice_error *err)
{
    struct avro_record *record = sluice_arena_alloc(arena, sizeof *record, err);
    if (record == NULL)
        return err->code;
    record->root = root;
    if (root->kind == AVRO_RECORD && find_members(record, arena, err) != SLUICE_OK)
        return err->code;
    *out = record;
    return SLUICE_OK;
}

/* --- one record ----------------------------------------------------------------------------------------------------
 */

/* What one pass over a record leaves behind. */
struct found {
    struct sluice_value before;
    struct sluice_value op;
    struct sluice_value status;
    struct sluice_value ts_ms;
    bool has_after;
};

static enum sluice_code read_fields(struct avro_reader *reader, const struct avro_node *row,
                                    struct sluice_field *fields, struct sluice_error *err)
{
    for (size_t i = 0; i < row->n; i++) {
        const struct avro_field *field = &row->fields[i];
        fields[i].name = field->name_str;
        enum sluice_code code = avro_read_value(reader, field->node, &fields[i].value, err);
        if (SLUICE_UNLIKELY(code != SLUICE_OK))
            return sluice_error_wrap(err, "field \"%s\"", field->name);
    }
    return SLUICE_OK;
}

static enum sluice_code read_after(struct avro_reader *reader, const struct avro_node *node,
                                   struct sluice_decoder *decoder, struct sluice_change *change, struct found *found,
                                   struct sluice_error *err)
{
    const struct avro_node *branch = NULL;
    enum sluice_code code = avro_enter(reader, node, &branch, err);
    if (code != SLUICE_OK || branch->kind == AVRO_NULL)
        return code;
    if (branch->kind != AVRO_RECORD)
        return field_error(err, SLUICE_E_ENVELOPE, "after", "a record or null is expected");
    found->has_after = true;
    change->fields = decoder->fields;
    change->n_fields = branch->n;
    change->has_image = true;
    return read_fields(reader, branch, decoder->fields, err);
}

static enum sluice_code read_source(struct avro_reader *reader, const struct avro_record *record,
                                    const struct avro_node *node, struct sluice_decoder *decoder,
                                    struct sluice_change *change, struct sluice_error *err)
{
    const struct avro_node *branch = NULL;
    enum sluice_code code = avro_enter(reader, node, &branch, err);
    if (code == SLUICE_OK && branch != record->source)
        return field_error(err, SLUICE_E_ENVELOPE, "source", "a record is expected");
    if (code != SLUICE_OK)
        return code;
    return avro_source_read(reader, branch, record->source_members, &decoder->source, &change->source, err);
}

static enum sluice_code read_member(struct avro_reader *reader, const struct avro_record *record, size_t i,
                                    struct sluice_decoder *decoder, struct sluice_change *change, struct found *found,
                                    struct sluice_error *err)
{
    struct sluice_value ignored;
    const struct avro_node *node = record->root->fields[i].node;
    bool is_envelope = (record->seen & ENVELOPE) == ENVELOPE;
    switch ((enum avro_member)record->members[i]) {
    case AVRO_AFTER:
        if (is_envelope)
            return read_after(reader, node, decoder, change, found, err);
        break;
    case AVRO_SOURCE:
        if (is_envelope && record->source != NULL)
            return read_source(reader, record, node, decoder, change, err);
        break;
    case AVRO_BEFORE:
        return avro_read_value(reader, node, &found->before, err);
    case AVRO_OP:
        return avro_read_value(reader, node, &found->op, err);
    case AVRO_STATUS:
        return avro_read_value(reader, node, &found->status, err);
    case AVRO_TS_MS:
        return avro_read_value(reader, node, &found->ts_ms, err);
    default:
        break;
    }
    return avro_read_value(reader, node, &ignored, err);
}

/* --- kinds, as change.c tells them apart ----------------------------------------------------------------------------
 */

static enum sluice_code not_an_envelope(const struct avro_record *record, struct sluice_error *err)
{
    const char *found = "without \"op\" and \"source\"";
    if ((record->seen & ENVELOPE) == ENVELOPE)
        found = "with a \"source\" that is no record";
    else if ((record->seen & ENVELOPE) == BIT(AVRO_OP))
        found = "with \"op\" and without \"source\"";
    else if ((record->seen & ENVELOPE) == BIT(AVRO_SOURCE))
        found = "with \"source\" and without \"op\"";
    return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                            "no change envelope of Debezium: found Avro record \"%.200s\" %s; " REFUSAL_IF_FLATTENED,
                            record->root->name, found);
}

static bool is_transaction(const struct avro_record *record, const struct found *found)
{
    return (record->seen & TRANSACTION) == TRANSACTION && found->status.kind == SLUICE_VALUE_STRING &&
           (TEXT_IS(found->status.text, "BEGIN") || TEXT_IS(found->status.text, "END"));
}

static enum sluice_code take_time(const struct sluice_value *value, int64_t *out, struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (value->kind != SLUICE_VALUE_INTEGER || value->integer < 0)
        return field_error(err, SLUICE_E_ENVELOPE, "ts_ms", "a time is expected");
    *out = value->integer;
    return SLUICE_OK;
}

static enum sluice_code classify_other(const struct avro_record *record, const struct found *found,
                                       struct sluice_change *change, struct sluice_error *err)
{
    if ((record->seen & NOTIFICATION) == NOTIFICATION)
        change->kind = SLUICE_CHANGE_NOTIFICATION;
    else if (is_transaction(record, found))
        change->kind = SLUICE_CHANGE_TRANSACTION;
    else if (record->root->n == 1 && found->ts_ms.kind == SLUICE_VALUE_INTEGER)
        change->kind = SLUICE_CHANGE_HEARTBEAT;
    else
        return not_an_envelope(record, err);
    return take_time(&found->ts_ms, &change->ts_ms, err);
}

/* The fields of a delete are those of `before`; only their names may be trusted. */
static enum sluice_code read_delete(const struct found *found, struct sluice_decoder *decoder,
                                    struct sluice_change *change, struct sluice_error *err)
{
    change->fields = decoder->fields;
    change->n_fields = 0;
    change->has_image = found->before.kind == SLUICE_VALUE_AVRO;
    if (!change->has_image)
        return SLUICE_OK;
    const struct avro_node *row = avro_node_of(&found->before);
    struct avro_reader reader = avro_reader_of(found->before.text);
    change->n_fields = row->n;
    return read_fields(&reader, row, decoder->fields, err);
}

static enum sluice_code no_type(const struct avro_record *record, struct sluice_error *err)
{
    const struct avro_node *row = record->row;
    for (size_t i = 0; row != NULL && i < row->n; i++) {
        if (row->fields[i].node->type == NULL)
            return sluice_error_set(err, SLUICE_E_SCHEMA, SLUICE_REJECT,
                                    "field \"%s\": its Avro type is null alone or a union of several types, which no "
                                    "column can hold; write the records with Kafka Connect's Avro converter",
                                    row->fields[i].name);
    }
    return field_error(err, SLUICE_E_ENVELOPE, "after", "its schema is expected to be a record or null");
}

static enum sluice_code classify_row(const struct avro_record *record, const struct found *found,
                                     struct sluice_decoder *decoder, struct sluice_change *change,
                                     struct sluice_error *err)
{
    change->kind = SLUICE_CHANGE_ROW;
    if (record->row == NULL || record->row->type == NULL)
        return no_type(record, err);
    change->row_type = record->row->type;
    if (found->before.kind == SLUICE_VALUE_AVRO && avro_node_of(&found->before)->kind == AVRO_RECORD)
        change->before = found->before.text;
    else if (found->before.kind != SLUICE_VALUE_NULL)
        return field_error(err, SLUICE_E_ENVELOPE, "before", "a record or null is expected");
    if (change->op == 'd')
        return read_delete(found, decoder, change, err);
    if (!found->has_after)
        return field_error(err, SLUICE_E_ENVELOPE, "after", "a row is expected, found none");
    return SLUICE_OK;
}

static enum sluice_code classify(const struct avro_record *record, const struct found *found,
                                 struct sluice_decoder *decoder, struct sluice_change *change, struct sluice_error *err)
{
    if ((record->seen & ENVELOPE) != ENVELOPE)
        return classify_other(record, found, change, err);
    if (record->source == NULL)
        return not_an_envelope(record, err);
    if (found->op.kind != SLUICE_VALUE_STRING || found->op.text.len != 1)
        return refuse_op(err);
    change->op = found->op.text.ptr[0];
    enum sluice_code code = take_time(&found->ts_ms, &change->ts_ms, err);
    if (code == SLUICE_OK && change->op != 'm')
        code = source_check_identity(&change->source, err);
    if (code != SLUICE_OK)
        return code;
    switch (change->op) {
    case 'c':
    case 'u':
    case 'd':
    case 'r':
        return classify_row(record, found, decoder, change, err);
    case 't':
        change->kind = SLUICE_CHANGE_TRUNCATE;
        return SLUICE_OK;
    case 'm':
        change->kind = SLUICE_CHANGE_MESSAGE;
        return SLUICE_OK;
    default:
        return refuse_op(err);
    }
}

/* The value as a whole is null: [null, record] as a schema, or "null" alone. */
static bool is_null_datum(const struct avro_node *root, struct sluice_str payload)
{
    struct avro_reader reader = avro_reader_of(payload);
    struct sluice_value value;
    struct sluice_error ignored;
    return root->kind != AVRO_RECORD && avro_read_value(&reader, root, &value, &ignored) == SLUICE_OK &&
           value.kind == SLUICE_VALUE_NULL && avro_finish(&reader, &ignored) == SLUICE_OK;
}

/* A row without an envelope: the record's own fields. `err` keeps what was wrong with it as an envelope. */
static enum sluice_code read_flattened(const struct avro_record *record, struct sluice_decoder *decoder,
                                       struct sluice_str payload, struct sluice_change *out, struct sluice_error *err)
{
    struct sluice_error other;
    bool is_row = false;
    struct avro_reader reader = avro_reader_of(payload);
    *out = (struct sluice_change){.kind = SLUICE_CHANGE_TOMBSTONE};
    if (record->root->type == NULL)
        return err->code;
    enum sluice_code code = read_fields(&reader, record->root, decoder->fields, &other);
    if (code == SLUICE_OK)
        code = avro_finish(&reader, &other);
    if (code == SLUICE_OK)
        code = sluice_change_flattened(decoder->expected, decoder->fields, record->root->n, out, &is_row, &other);
    if (code == SLUICE_OK && !is_row)
        return err->code;
    if (code != SLUICE_OK)
        *err = other;
    out->row_type = record->root->type;
    return code;
}

enum sluice_code avro_record_change(const struct avro_record *record, struct sluice_decoder *decoder,
                                    struct sluice_str payload, struct sluice_change *out, struct sluice_error *err)
{
    struct found found = {.before = {.kind = SLUICE_VALUE_NULL},
                          .op = {.kind = SLUICE_VALUE_NULL},
                          .status = {.kind = SLUICE_VALUE_NULL},
                          .ts_ms = {.kind = SLUICE_VALUE_NULL}};
    struct avro_reader reader = avro_reader_of(payload);
    enum sluice_code code = SLUICE_OK;
    *out = (struct sluice_change){.kind = SLUICE_CHANGE_TOMBSTONE};
    if (record->root->kind != AVRO_RECORD) {
        if (is_null_datum(record->root, payload))
            return SLUICE_OK;
        return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                                "no change envelope of Debezium: the value is Avro, but no record; leave the topic out "
                                "of kafka.topics");
    }
    for (size_t i = 0; i < record->root->n && code == SLUICE_OK; i++)
        code = read_member(&reader, record, i, decoder, out, &found, err);
    if (code == SLUICE_OK)
        code = avro_finish(&reader, err);
    if (code == SLUICE_OK)
        code = classify(record, &found, decoder, out, err);
    if (SLUICE_LIKELY(decoder->expected == NULL || !decoder->expected->may_be_flattened))
        return code;
    if (code == SLUICE_E_ENVELOPE || code == SLUICE_E_POSITION)
        return read_flattened(record, decoder, payload, out, err);
    bool is_envelope = out->kind == SLUICE_CHANGE_ROW || out->kind == SLUICE_CHANGE_TRUNCATE;
    if (code == SLUICE_OK && is_envelope && !decoder->expected->may_be_envelope)
        return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                                "the record is an envelope, though records.layout or records.flattened_topics says "
                                "that the topic's records are flattened; take the topic out of it");
    return code;
}

static enum sluice_code no_key(const char *what, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT,
                            "key of the record: %s; give the table a primary key, or the connector "
                            "message.key.columns, and leave the key to the connector (no ExtractField on it)",
                            what);
}

enum sluice_code avro_record_key(const struct avro_record *record, struct sluice_decoder *decoder,
                                 struct sluice_str payload, struct sluice_key *out, struct sluice_error *err)
{
    struct avro_reader reader = avro_reader_of(payload);
    const struct avro_node *root = record->root;
    *out = (struct sluice_key){.fields = decoder->key_fields};
    if (root->kind != AVRO_RECORD || root->type == NULL)
        return no_key("it is Avro, but no record of plain types", err);
    if (root->n == 0)
        return no_key("it has no fields", err);
    enum sluice_code code = read_fields(&reader, root, decoder->key_fields, err);
    if (code == SLUICE_OK)
        code = avro_finish(&reader, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "key of the record");
    out->type = root->type;
    out->n_fields = root->n;
    return SLUICE_OK;
}
