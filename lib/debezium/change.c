/* change.c - see change.h. One pass over the record; `after` and `source` are taken apart on the way. */
#include "debezium/change.h"

#include <inttypes.h>
#include <stdlib.h>

struct sluice_decoder {
    struct sluice_field fields[SLUICE_MAX_FIELDS];
    struct sluice_field key_fields[SLUICE_MAX_FIELDS];
};

/* Members by which the records of a connector are told apart. */
enum member {
    HAS_BEFORE = 1 << 0,
    HAS_AFTER = 1 << 1,
    HAS_SOURCE = 1 << 2,
    HAS_OP = 1 << 3,
    HAS_TS_MS = 1 << 4,
    HAS_SCHEMA = 1 << 5,
    HAS_PAYLOAD = 1 << 6,
    HAS_STATUS = 1 << 7,         /* transaction record */
    HAS_ID = 1 << 8,             /* transaction record, notification */
    HAS_AGGREGATE_TYPE = 1 << 9, /* notification */
    HAS_TYPE = 1 << 10,          /* notification */
    HAS_MESSAGE = 1 << 11        /* logical decoding message */
};

/* A record while it is read. */
struct record {
    struct sluice_decoder *decoder;
    struct sluice_str schema_hint;
    struct sluice_change *change;
    struct sluice_json_value before; /* NULL kind when absent */
    struct sluice_str connector;
    unsigned seen; /* enum member, of the envelope (inside a wrapper: of the payload) */
    unsigned n_members;
    bool is_null; /* payload null */
};

enum sluice_code sluice_decoder_new(struct sluice_decoder **out, struct sluice_error *err)
{
    struct sluice_decoder *decoder = malloc(sizeof *decoder);
    if (decoder == NULL)
        return sluice_error_nomem(err, "a record decoder", sizeof *decoder);
    *out = decoder;
    return SLUICE_OK;
}

void sluice_decoder_free(struct sluice_decoder *decoder)
{
    free(decoder);
}

#define NAME_IS(name, text) ((name).len == sizeof(text) - 1 && memcmp((name).ptr, (text), sizeof(text) - 1) == 0)

/* Which member of a record this is; 0 for one that is not used. */
static unsigned find_member(struct sluice_str name)
{
    switch (name.len) {
    case 2:
        return NAME_IS(name, "op") ? HAS_OP : NAME_IS(name, "id") ? HAS_ID : 0U;
    case 4:
        return NAME_IS(name, "type") ? HAS_TYPE : 0U;
    case 5:
        return NAME_IS(name, "after") ? HAS_AFTER : NAME_IS(name, "ts_ms") ? HAS_TS_MS : 0U;
    case 6:
        return NAME_IS(name, "before")   ? HAS_BEFORE
               : NAME_IS(name, "source") ? HAS_SOURCE
               : NAME_IS(name, "schema") ? HAS_SCHEMA
               : NAME_IS(name, "status") ? HAS_STATUS
                                         : 0U;
    case 7:
        return NAME_IS(name, "payload") ? HAS_PAYLOAD : NAME_IS(name, "message") ? HAS_MESSAGE : 0U;
    case 14:
        return NAME_IS(name, "aggregate_type") ? HAS_AGGREGATE_TYPE : 0U;
    default:
        return 0;
    }
}

static enum sluice_code field_error(struct sluice_error *err, enum sluice_code code, const char *field,
                                    const char *what)
{
    return sluice_error_set(err, code, SLUICE_REJECT, "field \"%s\": %s", field, what);
}

static enum sluice_code read_fields(struct sluice_json_cursor *cursor, struct sluice_field *fields, size_t *n_fields,
                                    struct sluice_error *err)
{
    bool first = true;
    bool more = false;
    size_t n = 0;
    enum sluice_code code = sluice_json_enter_object(cursor, err);
    while (code == SLUICE_OK) {
        struct sluice_str name;
        code = sluice_json_next_member(cursor, &first, &more, &name, err);
        if (code != SLUICE_OK || !more)
            break;
        if (n == SLUICE_MAX_FIELDS)
            return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_REJECT, "a row of more than %d fields",
                                    SLUICE_MAX_FIELDS);
        fields[n].name = name;
        code = sluice_json_value(cursor, &fields[n].value, err);
        n++;
    }
    *n_fields = n;
    return code;
}

/* --- source ------------------------------------------------------------------------------------------------------- */

static enum sluice_code read_name(const struct sluice_json_value *value, const char *field, struct sluice_str *out,
                                  struct sluice_error *err)
{
    if (value->kind == SLUICE_JSON_NULL)
        return SLUICE_OK;
    if (value->kind == SLUICE_JSON_STRING_ESCAPED)
        return field_error(err, SLUICE_E_ENVELOPE, field,
                           "a name with a quote, a backslash or a control character is not supported; leave the table "
                           "out with the connector's table.exclude.list");
    if (value->kind != SLUICE_JSON_STRING)
        return field_error(err, SLUICE_E_ENVELOPE, field, "a text is expected");
    *out = value->text;
    return SLUICE_OK;
}

static enum sluice_code read_unsigned(const struct sluice_json_value *value, const char *field, uint64_t *out,
                                      bool *has, struct sluice_error *err)
{
    int64_t number = 0;
    if (value->kind == SLUICE_JSON_NULL)
        return SLUICE_OK;
    if (sluice_json_int64(*value, &number, err) != SLUICE_OK || number < 0)
        return field_error(err, SLUICE_E_POSITION, field, "a log position or transaction id is expected");
    *out = (uint64_t)number;
    *has = true;
    return SLUICE_OK;
}

static enum sluice_code read_time(const struct sluice_json_value *value, const char *field, int64_t scale, int64_t *out,
                                  struct sluice_error *err)
{
    int64_t number = 0;
    if (value->kind == SLUICE_JSON_NULL)
        return SLUICE_OK;
    if (sluice_json_int64(*value, &number, err) != SLUICE_OK || number < 0 || number > INT64_MAX / scale)
        return field_error(err, SLUICE_E_ENVELOPE, field, "a time is expected");
    *out = number * scale;
    return SLUICE_OK;
}

/* "\"24023119\"" or "null" inside the escaped text of `sequence`. False if it is neither. */
static bool read_sequence_part(const char **at, const char *end, uint64_t *number, bool *has)
{
    const char *p = *at;
    uint64_t n = 0;
    if (end - p >= 4 && memcmp(p, "null", 4) == 0) {
        *at = p + 4;
        return true;
    }
    if (end - p < 5 || p[0] != '\\' || p[1] != '"')
        return false;
    const char *digits = p + 2;
    for (p = digits; p < end && *p >= '0' && *p <= '9'; p++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*p - '0');
    }
    if (p == digits || end - p < 2 || p[0] != '\\' || p[1] != '"')
        return false;
    *number = n;
    *has = true;
    *at = p + 2;
    return true;
}

/* A JSON array inside a string: "[\"24023119\",\"24023128\"]", either part may be null. */
static enum sluice_code read_sequence(const struct sluice_json_value *value, struct sluice_source *source,
                                      struct sluice_error *err)
{
    if (value->kind == SLUICE_JSON_NULL)
        return SLUICE_OK;
    const char *at = value->text.ptr;
    const char *end = at + value->text.len;
    bool good = (value->kind == SLUICE_JSON_STRING || value->kind == SLUICE_JSON_STRING_ESCAPED) && at < end &&
                *at++ == '[' && read_sequence_part(&at, end, &source->sequence0, &source->has_sequence0) && at < end &&
                *at++ == ',' && read_sequence_part(&at, end, &source->sequence1, &source->has_sequence1) &&
                end - at == 1 && *at == ']';
    return good ? SLUICE_OK
                : field_error(err, SLUICE_E_POSITION, "source.sequence",
                              "an array of two log positions inside a text is expected");
}

static enum sluice_code read_snapshot(const struct sluice_json_value *value, bool *snapshot, struct sluice_error *err)
{
    switch (value->kind) {
    case SLUICE_JSON_NULL:
    case SLUICE_JSON_FALSE:
        *snapshot = false;
        return SLUICE_OK;
    case SLUICE_JSON_TRUE:
        *snapshot = true;
        return SLUICE_OK;
    case SLUICE_JSON_STRING:
        *snapshot = !NAME_IS(value->text, "false");
        return SLUICE_OK;
    default:
        return field_error(err, SLUICE_E_ENVELOPE, "source.snapshot",
                           "a text such as \"true\" or \"false\" is expected");
    }
}

/* Bits of the members of `source` that are used; a second one of the same name is refused. */
enum source_member {
    SOURCE_NAME = 1 << 0,
    SOURCE_DB = 1 << 1,
    SOURCE_SCHEMA = 1 << 2,
    SOURCE_TABLE = 1 << 3,
    SOURCE_LSN = 1 << 4,
    SOURCE_SEQUENCE = 1 << 5,
    SOURCE_TXID = 1 << 6,
    SOURCE_TS_US = 1 << 7,
    SOURCE_TS_MS = 1 << 8,
    SOURCE_SNAPSHOT = 1 << 9,
    SOURCE_CONNECTOR = 1 << 10
};

static unsigned find_source_member(struct sluice_str name)
{
    switch (name.len) {
    case 2:
        return NAME_IS(name, "db") ? SOURCE_DB : 0U;
    case 3:
        return NAME_IS(name, "lsn") ? SOURCE_LSN : 0U;
    case 4:
        return NAME_IS(name, "name") ? SOURCE_NAME : NAME_IS(name, "txId") ? SOURCE_TXID : 0U;
    case 5:
        return NAME_IS(name, "table")   ? SOURCE_TABLE
               : NAME_IS(name, "ts_us") ? SOURCE_TS_US
               : NAME_IS(name, "ts_ms") ? SOURCE_TS_MS
                                        : 0U;
    case 6:
        return NAME_IS(name, "schema") ? SOURCE_SCHEMA : 0U;
    case 8:
        return NAME_IS(name, "snapshot") ? SOURCE_SNAPSHOT : NAME_IS(name, "sequence") ? SOURCE_SEQUENCE : 0U;
    case 9:
        return NAME_IS(name, "connector") ? SOURCE_CONNECTOR : 0U;
    default:
        return 0;
    }
}

static enum sluice_code read_source_member(struct record *record, unsigned member,
                                           const struct sluice_json_value *value, int64_t *ts_ms_us,
                                           struct sluice_error *err)
{
    struct sluice_source *source = &record->change->source;
    switch (member) {
    case SOURCE_NAME:
        return read_name(value, "source.name", &source->name, err);
    case SOURCE_DB:
        return read_name(value, "source.db", &source->db, err);
    case SOURCE_SCHEMA:
        return read_name(value, "source.schema", &source->schema, err);
    case SOURCE_TABLE:
        return read_name(value, "source.table", &source->table, err);
    case SOURCE_CONNECTOR:
        return read_name(value, "source.connector", &record->connector, err);
    case SOURCE_LSN:
        return read_unsigned(value, "source.lsn", &source->lsn, &source->has_lsn, err);
    case SOURCE_TXID:
        return read_unsigned(value, "source.txId", &source->txid, &source->has_txid, err);
    case SOURCE_SEQUENCE:
        return read_sequence(value, source, err);
    case SOURCE_SNAPSHOT:
        return read_snapshot(value, &source->snapshot, err);
    case SOURCE_TS_US:
        return read_time(value, "source.ts_us", 1, &source->ts_us, err);
    case SOURCE_TS_MS:
        return read_time(value, "source.ts_ms", 1000, ts_ms_us, err);
    default:
        return SLUICE_OK;
    }
}

static enum sluice_code read_source(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    bool first = true;
    bool more = false;
    unsigned seen = 0;
    int64_t ts_ms_us = 0;
    enum sluice_code code = sluice_json_enter_object(cursor, err);
    while (code == SLUICE_OK) {
        struct sluice_str name;
        struct sluice_json_value value;
        code = sluice_json_next_member(cursor, &first, &more, &name, err);
        if (code != SLUICE_OK || !more)
            break;
        code = sluice_json_value(cursor, &value, err);
        unsigned member = find_source_member(name);
        if (code == SLUICE_OK && (seen & member) != 0)
            return field_error(err, SLUICE_E_ENVELOPE, "source", "a member stands twice");
        seen |= member;
        if (code == SLUICE_OK)
            code = read_source_member(record, member, &value, &ts_ms_us, err);
    }
    if (record->change->source.ts_us == 0)
        record->change->source.ts_us = ts_ms_us;
    return code;
}

/* --- envelope -------------------------------------------------------------------------------------------------------
 */

static enum sluice_code read_after(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    enum sluice_json_kind kind = SLUICE_JSON_NULL;
    struct sluice_json_value ignored;
    enum sluice_code code = sluice_json_peek(cursor, &kind, err);
    if (code != SLUICE_OK)
        return code;
    if (kind != SLUICE_JSON_OBJECT) {
        code = sluice_json_value(cursor, &ignored, err);
        if (code == SLUICE_OK && kind != SLUICE_JSON_NULL)
            return field_error(err, SLUICE_E_ENVELOPE, "after", "an object or null is expected");
        return code;
    }
    change->fields = record->decoder->fields;
    change->has_image = true;
    return read_fields(cursor, record->decoder->fields, &change->n_fields, err);
}

static enum sluice_code read_op(struct record *record, const struct sluice_json_value *value, struct sluice_error *err)
{
    if (value->kind != SLUICE_JSON_STRING || value->text.len != 1)
        return field_error(err, SLUICE_E_ENVELOPE, "op", "one of c, u, d, r, t, m is expected");
    record->change->op = value->text.ptr[0];
    return SLUICE_OK;
}

static enum sluice_code read_member(struct record *record, unsigned member, struct sluice_json_cursor *cursor,
                                    struct sluice_error *err)
{
    struct sluice_json_value value;
    enum sluice_json_kind kind = SLUICE_JSON_NULL;
    if (member == HAS_AFTER)
        return read_after(record, cursor, err);
    enum sluice_code code = sluice_json_peek(cursor, &kind, err);
    if (code != SLUICE_OK)
        return code;
    if (member == HAS_SOURCE && kind == SLUICE_JSON_OBJECT)
        return read_source(record, cursor, err);
    code = sluice_json_value(cursor, &value, err);
    if (code != SLUICE_OK)
        return code;
    if (member == HAS_BEFORE)
        record->before = value;
    else if (member == HAS_OP)
        return read_op(record, &value, err);
    else if (member == HAS_TS_MS)
        return read_time(&value, "ts_ms", 1, &record->change->ts_ms, err);
    return SLUICE_OK;
}

static enum sluice_code read_envelope(struct record *record, struct sluice_json_cursor *cursor,
                                      struct sluice_error *err);

static enum sluice_code read_schema(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    struct sluice_json_cursor behind = *cursor;
    struct sluice_json_value value;
    if (record->schema_hint.len > 0 && sluice_json_skip_equal(&behind, record->schema_hint) && behind.at < behind.end &&
        (*behind.at == ',' || *behind.at == '}')) {
        change->value_schema = (struct sluice_str){cursor->at, record->schema_hint.len};
        change->value_schema_is_hint = true;
        *cursor = behind;
        return SLUICE_OK;
    }
    enum sluice_code code = sluice_json_value(cursor, &value, err);
    if (code == SLUICE_OK && value.kind == SLUICE_JSON_OBJECT)
        change->value_schema = value.text;
    return code;
}

/* The members of a wrapper and of an envelope are told apart by name; classify() looks whether the set makes sense. */
static enum sluice_code read_top_member(struct record *record, unsigned member, struct sluice_json_cursor *cursor,
                                        struct record *payload, struct sluice_error *err)
{
    enum sluice_json_kind kind = SLUICE_JSON_NULL;
    if (member == HAS_SCHEMA)
        return read_schema(record, cursor, err);
    if (member != HAS_PAYLOAD)
        return read_member(record, member, cursor, err);
    enum sluice_code code = sluice_json_peek(cursor, &kind, err);
    if (code != SLUICE_OK)
        return code;
    payload->is_null = kind == SLUICE_JSON_NULL;
    if (kind == SLUICE_JSON_OBJECT)
        return read_envelope(payload, cursor, err);
    return read_member(record, member, cursor, err);
}

static enum sluice_code read_envelope(struct record *record, struct sluice_json_cursor *cursor,
                                      struct sluice_error *err)
{
    bool first = true;
    bool more = false;
    enum sluice_code code = sluice_json_enter_object(cursor, err);
    while (code == SLUICE_OK) {
        struct sluice_str name;
        code = sluice_json_next_member(cursor, &first, &more, &name, err);
        if (code != SLUICE_OK || !more)
            break;
        unsigned member = find_member(name);
        if ((record->seen & member) != 0)
            return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT, "member \"%.*s\" stands twice",
                                    SLUICE_STR_ARG(name));
        record->seen |= member;
        record->n_members++;
        code = read_member(record, member, cursor, err);
    }
    return code;
}

static enum sluice_code read_top(struct record *record, struct sluice_json_cursor *cursor, struct sluice_error *err)
{
    bool first = true;
    bool more = false;
    struct record payload = *record;
    enum sluice_code code = sluice_json_enter_object(cursor, err);
    while (code == SLUICE_OK) {
        struct sluice_str name;
        code = sluice_json_next_member(cursor, &first, &more, &name, err);
        if (code != SLUICE_OK || !more)
            break;
        unsigned member = find_member(name);
        if ((record->seen & member) != 0)
            return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT, "member \"%.*s\" stands twice",
                                    SLUICE_STR_ARG(name));
        record->seen |= member;
        record->n_members++;
        code = read_top_member(record, member, cursor, &payload, err);
    }
    if (code == SLUICE_OK && record->n_members == 2 && record->seen == (HAS_SCHEMA | HAS_PAYLOAD))
        *record = payload;
    return code;
}

/* --- kinds ----------------------------------------------------------------------------------------------------------
 */

static enum sluice_code not_an_envelope(const struct record *record, struct sluice_error *err)
{
    const char *found = "an object without \"op\" and \"source\"";
    const char *remedy = "leave the topic out of kafka.topics";
    if ((record->seen & (HAS_SCHEMA | HAS_PAYLOAD)) == (HAS_SCHEMA | HAS_PAYLOAD))
        found = "\"schema\" and \"payload\" beside other members";
    else if ((record->seen & (HAS_OP | HAS_SOURCE)) == HAS_OP)
        found = "an object with \"op\" and without \"source\"";
    else if ((record->seen & (HAS_OP | HAS_SOURCE)) == 0 && record->n_members > 0)
        remedy = "if the connector flattens its records (transform ExtractNewRecordState), remove the transform, which "
                 "this version does not support; else leave the topic out of kafka.topics";
    return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT, "no change envelope of Debezium: found %s; %s",
                            found, remedy);
}

static enum sluice_code classify_other(const struct record *record, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    const unsigned notification = HAS_ID | HAS_AGGREGATE_TYPE | HAS_TYPE;
    if (record->is_null)
        change->kind = SLUICE_CHANGE_TOMBSTONE;
    else if ((record->seen & notification) == notification)
        change->kind = SLUICE_CHANGE_NOTIFICATION;
    else if ((record->seen & (HAS_STATUS | HAS_ID)) == (HAS_STATUS | HAS_ID))
        change->kind = SLUICE_CHANGE_TRANSACTION;
    else if (record->seen == HAS_TS_MS && record->n_members == 1)
        change->kind = SLUICE_CHANGE_HEARTBEAT;
    else
        return not_an_envelope(record, err);
    return SLUICE_OK;
}

static enum sluice_code check_identity(const struct record *record, struct sluice_error *err)
{
    const struct sluice_source *source = &record->change->source;
    if (record->connector.len > 0 && !NAME_IS(record->connector, "postgresql"))
        return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                                "field \"source.connector\": \"%.*s\" is not supported, only postgresql is; leave the "
                                "topic out of kafka.topics",
                                SLUICE_STR_ARG(record->connector));
    if (source->table.len == 0)
        return field_error(err, SLUICE_E_ENVELOPE, "source.table", "the record does not name its table");
    if (source->name.len == 0)
        return field_error(err, SLUICE_E_ENVELOPE, "source.name", "the record does not name its connector");
    return SLUICE_OK;
}

/* The fields of a delete are those of `before`; only their names may be trusted. */
static enum sluice_code read_delete(struct record *record, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    struct sluice_json_cursor cursor;
    change->has_image = false;
    change->n_fields = 0;
    if (record->before.kind != SLUICE_JSON_OBJECT)
        return SLUICE_OK;
    sluice_json_init(&cursor, record->before.text);
    change->fields = record->decoder->fields;
    change->has_image = true;
    enum sluice_code code = read_fields(&cursor, record->decoder->fields, &change->n_fields, err);
    return code == SLUICE_OK ? code : sluice_error_wrap(err, "field \"before\"");
}

static enum sluice_code classify_row(struct record *record, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    change->kind = SLUICE_CHANGE_ROW;
    if (record->before.kind == SLUICE_JSON_OBJECT)
        change->before = record->before.text;
    else if (record->before.kind != SLUICE_JSON_NULL)
        return field_error(err, SLUICE_E_ENVELOPE, "before", "an object or null is expected");
    if (change->op == 'd')
        return read_delete(record, err);
    if (!change->has_image)
        return field_error(err, SLUICE_E_ENVELOPE, "after", "a row is expected, found none");
    return SLUICE_OK;
}

static enum sluice_code classify(struct record *record, struct sluice_error *err)
{
    struct sluice_change *change = record->change;
    if ((record->seen & (HAS_OP | HAS_SOURCE)) != (HAS_OP | HAS_SOURCE))
        return classify_other(record, err);
    enum sluice_code code = SLUICE_OK;
    switch (change->op) {
    case 'c':
    case 'u':
    case 'd':
    case 'r':
        code = check_identity(record, err);
        return code != SLUICE_OK ? code : classify_row(record, err);
    case 't':
        change->kind = SLUICE_CHANGE_TRUNCATE;
        return check_identity(record, err);
    case 'm':
        change->kind = SLUICE_CHANGE_MESSAGE;
        return SLUICE_OK;
    default:
        return field_error(err, SLUICE_E_ENVELOPE, "op", "one of c, u, d, r, t, m is expected");
    }
}

enum sluice_code sluice_change_decode(struct sluice_decoder *decoder, struct sluice_str value,
                                      struct sluice_str schema_hint, struct sluice_change *out,
                                      struct sluice_error *err)
{
    struct sluice_json_cursor cursor;
    enum sluice_json_kind kind = SLUICE_JSON_NULL;
    *out = (struct sluice_change){.kind = SLUICE_CHANGE_TOMBSTONE};
    if (value.ptr == NULL)
        return SLUICE_OK;
    struct record record = {.decoder = decoder, .schema_hint = schema_hint, .change = out};
    sluice_json_init(&cursor, value);
    enum sluice_code code = sluice_json_peek(&cursor, &kind, err);
    if (code == SLUICE_OK && kind == SLUICE_JSON_NULL) {
        struct sluice_json_value ignored;
        code = sluice_json_value(&cursor, &ignored, err);
        return code != SLUICE_OK ? code : sluice_json_finish(&cursor, err);
    }
    if (code == SLUICE_OK && kind != SLUICE_JSON_OBJECT)
        return sluice_error_set(
            err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
            "no change envelope of Debezium: the value is JSON, but no object; leave the topic out of "
            "kafka.topics");
    if (code == SLUICE_OK)
        code = read_top(&record, &cursor, err);
    if (code == SLUICE_OK)
        code = sluice_json_finish(&cursor, err);
    return code != SLUICE_OK ? code : classify(&record, err);
}

/* --- key -------------------------------------------------------------------------------------------------------------
 */

static bool is_wrapper(const struct sluice_field *fields, size_t n, const struct sluice_field **schema,
                       const struct sluice_field **payload)
{
    if (n != 2)
        return false;
    const bool schema_first = NAME_IS(fields[0].name, "schema");
    *schema = &fields[schema_first ? 0 : 1];
    *payload = &fields[schema_first ? 1 : 0];
    return NAME_IS((*schema)->name, "schema") && NAME_IS((*payload)->name, "payload") &&
           (*schema)->value.kind == SLUICE_JSON_OBJECT;
}

enum sluice_code sluice_key_decode(struct sluice_decoder *decoder, struct sluice_str key, struct sluice_key *out,
                                   struct sluice_error *err)
{
    struct sluice_json_cursor cursor;
    struct sluice_field *fields = decoder->key_fields;
    const struct sluice_field *schema = NULL;
    const struct sluice_field *payload = NULL;
    size_t n = 0;
    *out = (struct sluice_key){.fields = fields};
    if (key.ptr == NULL || key.len == 0)
        return sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT,
                                "the record has no key; give the table a primary key, or the connector "
                                "message.key.columns");
    sluice_json_init(&cursor, key);
    enum sluice_code code = read_fields(&cursor, fields, &n, err);
    if (code == SLUICE_OK)
        code = sluice_json_finish(&cursor, err);
    if (code == SLUICE_OK && is_wrapper(fields, n, &schema, &payload)) {
        out->key_schema = schema->value.text;
        struct sluice_str inner = payload->value.text;
        sluice_json_init(&cursor, inner);
        code = read_fields(&cursor, fields, &n, err);
    }
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "key of the record");
    if (n == 0)
        return sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT, "key of the record: it has no fields");
    out->n_fields = n;
    return SLUICE_OK;
}
