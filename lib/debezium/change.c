/* change.c - see change.h. One pass over the record: `after` and `source` are taken apart on the way, of everything
 * else only the place is kept until it is known what kind of record this is. */
#include "debezium/change.h"

#include <stdlib.h>

#include "debezium/decoder.h"
#include "debezium/refusal.h"
#include "debezium/text.h"
#include "json/scan.h"

/* A bit per member by which the records of a connector are told apart; a second one of the same name is refused. */
enum member {
    HAS_BEFORE = 1 << 0,
    HAS_AFTER = 1 << 1,
    HAS_SOURCE = 1 << 2,
    HAS_OP = 1 << 3,
    HAS_TS_MS = 1 << 4,
    HAS_SCHEMA = 1 << 5,
    HAS_PAYLOAD = 1 << 6,
    HAS_ID = 1 << 7,                /* transaction record, notification */
    HAS_STATUS = 1 << 8,            /* transaction record */
    HAS_EVENT_COUNT = 1 << 9,       /* transaction record */
    HAS_DATA_COLLECTIONS = 1 << 10, /* transaction record */
    HAS_TYPE = 1 << 11,             /* notification */
    HAS_AGGREGATE_TYPE = 1 << 12,   /* notification */
    HAS_ADDITIONAL_DATA = 1 << 13   /* notification */
};

enum {
    ENVELOPE = HAS_SOURCE | HAS_OP,
    WRAPPER = HAS_SCHEMA | HAS_PAYLOAD,
    TRANSACTION = HAS_STATUS | HAS_ID | HAS_EVENT_COUNT | HAS_DATA_COLLECTIONS,
    NOTIFICATION = HAS_ID | HAS_TYPE | HAS_AGGREGATE_TYPE | HAS_ADDITIONAL_DATA
};

/* One object while it is read: the record, or the payload inside its wrapper. */
struct record {
    struct sluice_decoder *decoder;
    struct sluice_str schema_hint;
    struct sluice_change *change;
    struct sluice_value before;
    struct sluice_value op;
    struct sluice_value status;
    struct sluice_value ts_ms;
    enum sluice_value_kind after_kind;
    enum sluice_value_kind source_kind;
    unsigned seen; /* enum member */
    size_t n_members;
    bool is_null; /* `payload` of the wrapper is null */
};

/* An envelope's members come first, in the order of Debezium 3.6. Any other is read as well, only not as fast. */
static const struct known_member {
    struct json_expected name;
    unsigned bit;
} known[] = {
    {JSON_EXPECTED("before"), HAS_BEFORE},
    {JSON_EXPECTED("after"), HAS_AFTER},
    {JSON_EXPECTED("source"), HAS_SOURCE},
    {JSON_EXPECTED("transaction"), 0},
    {JSON_EXPECTED("op"), HAS_OP},
    {JSON_EXPECTED("ts_ms"), HAS_TS_MS},
    {JSON_EXPECTED("ts_us"), 0},
    {JSON_EXPECTED("ts_ns"), 0},
    {JSON_EXPECTED("schema"), HAS_SCHEMA},
    {JSON_EXPECTED("payload"), HAS_PAYLOAD},
    {JSON_EXPECTED("id"), HAS_ID},
    {JSON_EXPECTED("status"), HAS_STATUS},
    {JSON_EXPECTED("event_count"), HAS_EVENT_COUNT},
    {JSON_EXPECTED("data_collections"), HAS_DATA_COLLECTIONS},
    {JSON_EXPECTED("type"), HAS_TYPE},
    {JSON_EXPECTED("aggregate_type"), HAS_AGGREGATE_TYPE},
    {JSON_EXPECTED("additional_data"), HAS_ADDITIONAL_DATA},
};
enum { N_KNOWN = SLUICE_N_ELEMENTS(known) };

enum sluice_code sluice_decoder_new(struct sluice_decoder **out, struct sluice_error *err)
{
    struct sluice_decoder *decoder = calloc(1, sizeof *decoder);
    if (decoder == NULL)
        return sluice_error_nomem(err, "a record decoder", sizeof *decoder);
    *out = decoder;
    return SLUICE_OK;
}

void sluice_decoder_free(struct sluice_decoder *decoder)
{
    free(decoder);
}

/* The place of a member in `known`, N_KNOWN if it is not there. */
static size_t find_known(struct sluice_str name)
{
    size_t i = 0;
    while (i < N_KNOWN && !json_is_expected(&known[i].name, name))
        i++;
    return i;
}

/* --- reading ----------------------------------------------------------------------------------------------------- */

static enum sluice_code take_value(struct sluice_json_cursor *cursor, struct sluice_value *value,
                                   struct sluice_error *err)
{
    return json_quick_value(cursor, value) ? SLUICE_OK : sluice_json_value(cursor, value, err);
}

static enum sluice_code read_after(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    struct sluice_value ignored;
    enum sluice_code code = sluice_json_peek(cursor, &record->after_kind, err);
    if (code != SLUICE_OK)
        return code;
    if (record->after_kind != SLUICE_VALUE_OBJECT)
        return sluice_json_value(cursor, &ignored, err);
    change->fields = record->decoder->fields;
    change->has_image = true;
    return fields_read(cursor, &record->decoder->layout, record->decoder->fields, &change->n_fields, err);
}

static enum sluice_code read_source(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    struct sluice_value ignored;
    enum sluice_code code = sluice_json_peek(cursor, &record->source_kind, err);
    if (code != SLUICE_OK)
        return code;
    if (record->source_kind != SLUICE_VALUE_OBJECT)
        return sluice_json_value(cursor, &ignored, err);
    return source_read(cursor, &record->decoder->source, &record->decoder->names, &record->change->source, err);
}

static enum sluice_code read_schema(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    struct sluice_json_cursor behind = *cursor;
    struct sluice_value value;
    if (record->schema_hint.len > 0 && sluice_json_skip_equal(&behind, record->schema_hint) && behind.at < behind.end &&
        (*behind.at == ',' || *behind.at == '}')) {
        change->value_schema = (struct sluice_str){cursor->at, record->schema_hint.len};
        change->value_schema_is_hint = true;
        *cursor = behind;
        return SLUICE_OK;
    }
    enum sluice_code code = sluice_json_value(cursor, &value, err);
    if (code == SLUICE_OK && value.kind == SLUICE_VALUE_OBJECT)
        change->value_schema = value.text;
    return code;
}

static enum sluice_code read_member(struct record *record, unsigned member, struct sluice_json_cursor *cursor,
                                    struct sluice_error *err)
{
    struct sluice_value ignored;
    switch (member) {
    case HAS_AFTER:
        return read_after(record, cursor, err);
    case HAS_SOURCE:
        return read_source(record, cursor, err);
    case HAS_BEFORE:
        return take_value(cursor, &record->before, err);
    case HAS_OP:
        return take_value(cursor, &record->op, err);
    case HAS_STATUS:
        return take_value(cursor, &record->status, err);
    case HAS_TS_MS:
        return take_value(cursor, &record->ts_ms, err);
    default:
        return take_value(cursor, &ignored, err);
    }
}

static enum sluice_code note_member(struct record *record, unsigned member, struct sluice_str name,
                                    struct sluice_error *err)
{
    if (SLUICE_UNLIKELY((record->seen & member) != 0))
        return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT, "member \"%.*s\" stands twice",
                                SLUICE_STR_ARG(name));
    record->seen |= member;
    record->n_members++;
    return SLUICE_OK;
}

/* The members of an object that is no wrapper; the cursor stands behind its '{'. */
static enum sluice_code read_members(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    bool first = true;
    size_t i = 0;
    for (;;) {
        struct sluice_str name;
        unsigned member = 0;
        if (SLUICE_LIKELY(i < N_KNOWN && json_quick_member(cursor, &first, &known[i].name, &name))) {
            member = known[i++].bit;
        } else {
            bool more = false;
            if (json_quick_end(cursor))
                return SLUICE_OK;
            enum sluice_code code = sluice_json_next_member(cursor, &first, &more, &name, err);
            if (code != SLUICE_OK || !more)
                return code;
            size_t found = find_known(name);
            if (found < N_KNOWN) {
                member = known[found].bit;
                i = found + 1;
            }
        }
        enum sluice_code code = note_member(record, member, name, err);
        if (code == SLUICE_OK)
            code = read_member(record, member, cursor, err);
        if (code != SLUICE_OK)
            return code;
    }
}

/* `payload` of a wrapper becomes the record. */
static enum sluice_code read_payload(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    struct sluice_value ignored;
    enum sluice_value_kind kind = SLUICE_VALUE_NULL;
    enum sluice_code code = sluice_json_peek(cursor, &kind, err);
    if (code != SLUICE_OK)
        return code;
    if (kind == SLUICE_VALUE_OBJECT) {
        code = sluice_json_enter_object(cursor, err);
        return code != SLUICE_OK ? code : read_members(record, cursor, err);
    }
    code = sluice_json_value(cursor, &ignored, err);
    if (code == SLUICE_OK && kind != SLUICE_VALUE_NULL)
        return field_error(err, SLUICE_E_ENVELOPE, "payload",
                           "an object or null is expected beside \"schema\"; leave the topic out of kafka.topics");
    record->is_null = true;
    return code;
}

static unsigned wrapper_member(struct sluice_str name)
{
    return TEXT_IS(name, "schema") ? HAS_SCHEMA : TEXT_IS(name, "payload") ? HAS_PAYLOAD : 0U;
}

static enum sluice_code not_a_wrapper(struct sluice_str name, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                            "no change envelope of Debezium: found member \"%.*s\" in an object that begins like "
                            "{\"schema\":..,\"payload\":..}; " REFUSAL_IF_FLATTENED,
                            SLUICE_STR_ARG(name));
}

/* {"schema":..,"payload":..} in either order. The cursor stands behind its '{'. */
static enum sluice_code read_wrapper(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    unsigned seen = 0;
    bool first = true;
    bool more = false;
    for (;;) {
        struct sluice_str name;
        enum sluice_code code = sluice_json_next_member(cursor, &first, &more, &name, err);
        if (code != SLUICE_OK)
            return code;
        if (!more)
            break;
        unsigned member = wrapper_member(name);
        if (member == 0 || (seen & member) != 0)
            return not_a_wrapper(name, err);
        seen |= member;
        code = member == HAS_SCHEMA ? read_schema(record, cursor, err) : read_payload(record, cursor, err);
        if (code != SLUICE_OK)
            return code;
    }
    return seen == WRAPPER
               ? SLUICE_OK
               : sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                                  "no change envelope of Debezium: found \"%s\" alone; " REFUSAL_IF_FLATTENED,
                                  seen == HAS_SCHEMA ? "schema" : "payload");
}

static enum sluice_code read_object(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    bool first = true;
    bool more = false;
    struct sluice_str name = {NULL, 0};
    enum sluice_code code = sluice_json_enter_object(cursor, err);
    if (code != SLUICE_OK)
        return code;
    struct sluice_json_cursor probe = *cursor;
    if (!json_quick_member(&probe, &first, &known[0].name, &name))
        code = sluice_json_next_member(&probe, &first, &more, &name, err);
    if (code == SLUICE_OK && more && wrapper_member(name) != 0)
        return read_wrapper(record, cursor, err);
    return code != SLUICE_OK ? code : read_members(record, cursor, err);
}

/* --- kinds -------------------------------------------------------------------------------------------------------- */

static enum sluice_code not_an_envelope(const struct record *record, struct sluice_error *err)
{
    const char *found = "an object without \"op\" and \"source\"";
    if (record->n_members == 0)
        found = "an empty object";
    else if ((record->seen & ENVELOPE) == ENVELOPE)
        found = "a \"source\" that is no object";
    else if ((record->seen & ENVELOPE) == HAS_OP)
        found = "an object with \"op\" and without \"source\"";
    else if ((record->seen & ENVELOPE) == HAS_SOURCE)
        found = "an object with \"source\" and without \"op\"";
    return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                            "no change envelope of Debezium: found %s; " REFUSAL_IF_FLATTENED, found);
}

static bool is_transaction(const struct record *record)
{
    return (record->seen & TRANSACTION) == TRANSACTION && record->status.kind == SLUICE_VALUE_STRING &&
           (TEXT_IS(record->status.text, "BEGIN") || TEXT_IS(record->status.text, "END"));
}

/* Records of these kinds are skipped, so each must be recognised beyond doubt: a flattened row of a table with columns
 * such as `id` and `status` must not pass for one of them. */
static enum sluice_code classify_other(const struct record *record, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    if (record->is_null)
        change->kind = SLUICE_CHANGE_TOMBSTONE;
    else if ((record->seen & NOTIFICATION) == NOTIFICATION)
        change->kind = SLUICE_CHANGE_NOTIFICATION;
    else if (is_transaction(record))
        change->kind = SLUICE_CHANGE_TRANSACTION;
    else if (record->n_members == 1 && record->seen == HAS_TS_MS && record->ts_ms.kind == SLUICE_VALUE_NUMBER)
        change->kind = SLUICE_CHANGE_HEARTBEAT;
    else
        return not_an_envelope(record, err);
    return time_read(&record->ts_ms, "ts_ms", 1, &change->ts_ms, err);
}

/* The fields of a delete are those of `before`; only their names may be trusted. */
static enum sluice_code read_delete(struct record *record, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    struct sluice_json_cursor cursor;
    change->fields = record->decoder->fields;
    change->n_fields = 0;
    change->has_image = change->before.len > 0;
    if (!change->has_image)
        return SLUICE_OK;
    sluice_json_init(&cursor, change->before);
    enum sluice_code code =
        fields_read(&cursor, &record->decoder->layout, record->decoder->fields, &change->n_fields, err);
    return code == SLUICE_OK ? code : sluice_error_wrap(err, "field \"before\"");
}

static enum sluice_code classify_row(struct record *record, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    change->kind = SLUICE_CHANGE_ROW;
    if (record->before.kind == SLUICE_VALUE_OBJECT)
        change->before = record->before.text;
    else if (record->before.kind != SLUICE_VALUE_NULL)
        return field_error(err, SLUICE_E_ENVELOPE, "before", "an object or null is expected");
    if (record->after_kind != SLUICE_VALUE_OBJECT && record->after_kind != SLUICE_VALUE_NULL)
        return field_error(err, SLUICE_E_ENVELOPE, "after", "an object or null is expected");
    if (change->op == 'd')
        return read_delete(record, err);
    if (!change->has_image)
        return field_error(err, SLUICE_E_ENVELOPE, "after", "a row is expected, found none");
    return SLUICE_OK;
}

static enum sluice_code classify(struct record *record, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    if ((record->seen & ENVELOPE) != ENVELOPE)
        return classify_other(record, err);
    if (record->source_kind != SLUICE_VALUE_OBJECT)
        return not_an_envelope(record, err);
    if (record->op.kind != SLUICE_VALUE_STRING || record->op.text.len != 1)
        return refuse_op(err);
    change->op = record->op.text.ptr[0];
    enum sluice_code code = time_read(&record->ts_ms, "ts_ms", 1, &change->ts_ms, err);
    if (code == SLUICE_OK && change->op != 'm')
        code = source_check_identity(&change->source, err);
    if (code != SLUICE_OK)
        return code;
    switch (change->op) {
    case 'c':
    case 'u':
    case 'd':
    case 'r':
        return classify_row(record, err);
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

/* A value that is no object: null is a tombstone. */
static enum sluice_code read_scalar(struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    struct sluice_value value;
    enum sluice_code code = sluice_json_value(cursor, &value, err);
    if (code == SLUICE_OK)
        code = sluice_json_finish(cursor, err);
    if (code == SLUICE_OK && value.kind != SLUICE_VALUE_NULL)
        return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                                "no change envelope of Debezium: the value is JSON, but no object; leave the topic "
                                "out of kafka.topics");
    return code;
}

void sluice_decoder_expect(struct sluice_decoder *decoder, const struct sluice_layout *layout)
{
    decoder->expected = layout;
}

/* The row of a flattened record: the object itself, or the payload of its wrapper. */
static enum sluice_code read_row(struct record *record, struct sluice_str row, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    struct sluice_json_cursor cursor;
    bool is_row = false;
    size_t n_fields = 0;
    sluice_json_init(&cursor, row);
    enum sluice_code code = fields_read(&cursor, &record->decoder->layout, record->decoder->fields, &n_fields, err);
    if (code == SLUICE_OK)
        code =
            sluice_change_flattened(record->decoder->expected, record->decoder->fields, n_fields, change, &is_row, err);
    return code != SLUICE_OK || is_row ? code : not_an_envelope(record, err);
}

/* The row of {"schema":..,"payload":..}, empty if the object is no such wrapper but a row with columns of these names:
 * of a row neither is an object, JSON being a text and `schema` no geometry. */
static enum sluice_code find_payload(struct record *record, struct sluice_str value, struct sluice_str *row,
                                     struct sluice_error *err)
{
    bool first = true;
    bool more = true;
    struct sluice_str name;
    struct sluice_value payload = {.kind = SLUICE_VALUE_NULL};
    struct sluice_json_cursor cursor;
    sluice_json_init(&cursor, value);
    enum sluice_code code = sluice_json_enter_object(&cursor, err);
    while (code == SLUICE_OK) {
        code = sluice_json_next_member(&cursor, &first, &more, &name, err);
        if (code != SLUICE_OK || !more)
            break;
        unsigned member = wrapper_member(name);
        if (member == 0)
            return SLUICE_OK;
        code = member == HAS_SCHEMA ? read_schema(record, &cursor, err) : sluice_json_value(&cursor, &payload, err);
    }
    if (code == SLUICE_OK && record->change->value_schema.len > 0 && payload.kind == SLUICE_VALUE_OBJECT)
        *row = payload.text;
    return code;
}

/* A record that may be flattened, and is not seen to be anything else. */
static enum sluice_code read_flattened(struct record *record, struct sluice_str value, struct sluice_error *err)
{
    struct sluice_str row = {NULL, 0};
    *record->change = (struct sluice_change){.kind = SLUICE_CHANGE_TOMBSTONE};
    enum sluice_code code = find_payload(record, value, &row, err);
    if (code == SLUICE_OK && row.len == 0) {
        *record->change = (struct sluice_change){.kind = SLUICE_CHANGE_TOMBSTONE};
        row = value;
    }
    return code != SLUICE_OK ? code : read_row(record, row, err);
}

static bool passes_through(const struct sluice_change *change)
{
    return change->kind == SLUICE_CHANGE_MESSAGE || change->kind == SLUICE_CHANGE_HEARTBEAT ||
           change->kind == SLUICE_CHANGE_TRANSACTION || change->kind == SLUICE_CHANGE_NOTIFICATION;
}

static enum sluice_code read_record(struct record *record, struct sluice_str value, struct sluice_error *err)
{
    struct sluice_json_cursor cursor;
    enum sluice_value_kind kind = SLUICE_VALUE_NULL;
    sluice_json_init(&cursor, value);
    enum sluice_code code = sluice_json_peek(&cursor, &kind, err);
    if (code == SLUICE_OK && kind != SLUICE_VALUE_OBJECT) {
        record->change->is_null_text = true;
        return read_scalar(&cursor, err);
    }
    if (code == SLUICE_OK)
        code = read_object(record, &cursor, err);
    if (code == SLUICE_OK)
        code = sluice_json_finish(&cursor, err);
    if (code == SLUICE_OK)
        code = classify(record, err);
    record->change->is_null_text = record->is_null;
    return code;
}

enum sluice_code sluice_change_decode(struct sluice_decoder *decoder, struct sluice_str value,
                                      struct sluice_str schema_hint, struct sluice_change *out,
                                      struct sluice_error *err)
{
    struct record record = {.decoder = decoder, .schema_hint = schema_hint, .change = out};
    const struct sluice_layout *expected = decoder->expected;
    *out = (struct sluice_change){.kind = SLUICE_CHANGE_TOMBSTONE};
    if (value.ptr == NULL)
        return SLUICE_OK;
    enum sluice_code code = read_record(&record, value, err);
    if (SLUICE_LIKELY(expected == NULL || !expected->may_be_flattened))
        return code;
    if (out->is_null_text)
        out->prefix = expected->prefix;
    /* Heartbeats and the like pass the transform as they are. */
    if (code == SLUICE_OK && (expected->may_be_envelope || passes_through(out) || out->is_null_text))
        return code;
    if (code == SLUICE_OK)
        return sluice_error_set(
            err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
            "the record is an envelope, though records.layout or records.flattened_topics says that "
            "the topic's records are flattened; take the topic out of it");
    if (code != SLUICE_E_ENVELOPE && code != SLUICE_E_POSITION)
        return code;
    struct record row = {.decoder = decoder, .schema_hint = schema_hint, .change = out};
    struct sluice_error other;
    enum sluice_code flattened = read_flattened(&row, value, &other);
    if (flattened == SLUICE_E_ENVELOPE && !out->is_flattened)
        return code; /* what was wrong with it as an envelope says more */
    if (flattened != SLUICE_OK)
        *err = other;
    return flattened;
}
