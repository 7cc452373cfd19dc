/* flattened.c - rows that ExtractNewRecordState made of envelopes; see change.h.
 *
 * Source: Debezium documentation, "New Record State Extraction": `add.fields` names fields of the envelope, or of its
 * struct `source` with the prefix "source." (a dot becomes "_"); a plain name is looked for in both. `__deleted` is a
 * text. */
#include "debezium/change.h"

#include <string.h>

#include "debezium/source.h"
#include "debezium/text.h"

#define TEXT(literal)                                                                                                  \
    {                                                                                                                  \
        (literal), sizeof(literal) - 1                                                                                 \
    }

/* What may be added without being renamed. A name in front of which "source_" may stand is marked. */
static const struct added {
    struct sluice_str name;
    bool in_source;
} known[] = {
    {TEXT("op"), false},
    {TEXT("deleted"), false},
    {TEXT("lsn"), true},
    {TEXT("sequence"), true},
    {TEXT("schema"), true},
    {TEXT("table"), true},
    {TEXT("name"), true},
    {TEXT("db"), true},
    {TEXT("ts_ms"), true},
    {TEXT("ts_us"), true},
    {TEXT("ts_ns"), true},
    {TEXT("txId"), true},
    {TEXT("snapshot"), true},
    {TEXT("version"), true},
    {TEXT("connector"), true},
    {TEXT("xmin"), true},
    {TEXT("origin"), true},
    {TEXT("origin_lsn"), true},
    {TEXT("transaction"), false},
    {TEXT("transaction_id"), false},
    {TEXT("transaction_total_order"), false},
    {TEXT("transaction_data_collection_order"), false},
};

static const struct sluice_str in_source = TEXT("source_");

static bool starts_with(struct sluice_str text, struct sluice_str start)
{
    return text.len >= start.len && memcmp(text.ptr, start.ptr, start.len) == 0;
}

/* The part of `name` behind the prefix, and behind "source_" if that stands there. False: it is not an added field. */
static bool split_name(struct sluice_str prefix, struct sluice_str name, struct sluice_str *rest, bool *is_source)
{
    if (prefix.len == 0 || !starts_with(name, prefix))
        return false;
    *rest = (struct sluice_str){name.ptr + prefix.len, name.len - prefix.len};
    *is_source = starts_with(*rest, in_source);
    if (*is_source)
        *rest = (struct sluice_str){rest->ptr + in_source.len, rest->len - in_source.len};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(known); i++) {
        if (sluice_str_equal(known[i].name, *rest))
            return !*is_source || known[i].in_source;
    }
    return false;
}

bool sluice_is_added_field(struct sluice_str prefix, struct sluice_str name)
{
    struct sluice_str rest;
    bool is_source;
    return split_name(prefix, name, &rest, &is_source);
}

static enum sluice_code bad_field(struct sluice_str name, const char *what, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT, "field \"%.*s\" of a flattened record: %s",
                            SLUICE_STR_ARG(name), what);
}

static enum sluice_code read_number(const struct sluice_field *field, uint64_t max, uint64_t *out, bool *has,
                                    struct sluice_error *err)
{
    int64_t number = 0;
    const struct sluice_value *value = &field->value;
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (value->kind == SLUICE_VALUE_INTEGER)
        number = value->integer;
    else if (sluice_json_int64(*value, &number, err) != SLUICE_OK)
        number = -1;
    if (number < 0 || (uint64_t)number > max)
        return bad_field(field->name, "a number from 0 on is expected", err);
    *out = (uint64_t)number;
    *has = true;
    return SLUICE_OK;
}

static enum sluice_code read_time(const struct sluice_field *field, int64_t scale, int64_t *out,
                                  struct sluice_error *err)
{
    uint64_t number = 0;
    bool has = false;
    enum sluice_code code = read_number(field, (uint64_t)(INT64_MAX / scale), &number, &has, err);
    if (code == SLUICE_OK && has)
        *out = (int64_t)number * scale;
    return code;
}

static enum sluice_code read_text(const struct sluice_field *field, struct sluice_str *out, struct sluice_error *err)
{
    if (field->value.kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (field->value.kind != SLUICE_VALUE_STRING)
        return bad_field(field->name, "a text without special characters is expected", err);
    *out = field->value.text;
    return SLUICE_OK;
}

/* __deleted is the text "true" or "false"; a Cast transform makes booleans of them. */
static enum sluice_code read_deleted(const struct sluice_field *field, bool *deleted, struct sluice_error *err)
{
    const struct sluice_value *value = &field->value;
    const bool is_text = value->kind == SLUICE_VALUE_STRING;
    *deleted = value->kind == SLUICE_VALUE_TRUE || (is_text && TEXT_IS(value->text, "true"));
    if (*deleted || value->kind == SLUICE_VALUE_FALSE || value->kind == SLUICE_VALUE_NULL ||
        (is_text && TEXT_IS(value->text, "false")))
        return SLUICE_OK;
    return bad_field(field->name, "\"true\" or \"false\" is expected", err);
}

static enum sluice_code read_op(const struct sluice_field *field, char *op, struct sluice_error *err)
{
    struct sluice_str text = {NULL, 0};
    enum sluice_code code = read_text(field, &text, err);
    if (code != SLUICE_OK || text.len == 0)
        return code;
    if (text.len != 1 || strchr("cudr", text.ptr[0]) == NULL)
        return bad_field(field->name, "one of \"c\", \"u\", \"d\", \"r\" is expected", err);
    *op = text.ptr[0];
    return SLUICE_OK;
}

/* What the row says about itself. */
struct found {
    int64_t source_ms; /* of source.ts_ms, in us */
    bool is_deleted;
};

static enum sluice_code take_place(struct sluice_str name, const struct sluice_field *field,
                                   struct sluice_source *source, struct sluice_error *err)
{
    if (TEXT_IS(name, "lsn"))
        return read_number(field, SOURCE_MAX_POSITION, &source->lsn, &source->has_lsn, err);
    if (TEXT_IS(name, "sequence"))
        return source_take_sequence(&field->value, source, err);
    if (TEXT_IS(name, "txId"))
        return read_number(field, INT64_MAX, &source->txid, &source->has_txid, err);
    if (TEXT_IS(name, "schema"))
        return read_text(field, &source->schema, err);
    if (TEXT_IS(name, "table"))
        return read_text(field, &source->table, err);
    if (TEXT_IS(name, "name"))
        return read_text(field, &source->name, err);
    if (TEXT_IS(name, "db"))
        return read_text(field, &source->db, err);
    if (TEXT_IS(name, "snapshot"))
        source->snapshot = field->value.kind == SLUICE_VALUE_STRING && !TEXT_IS(field->value.text, "false");
    return SLUICE_OK;
}

static enum sluice_code take_field(struct sluice_str name, bool is_source, const struct sluice_field *field,
                                   struct sluice_change *change, struct found *found, struct sluice_error *err)
{
    if (TEXT_IS(name, "op"))
        return read_op(field, &change->op, err);
    if (TEXT_IS(name, "deleted")) {
        change->is_marked = true;
        return read_deleted(field, &found->is_deleted, err);
    }
    if (TEXT_IS(name, "ts_us"))
        return is_source ? read_time(field, 1, &change->source.ts_us, err) : SLUICE_OK;
    if (TEXT_IS(name, "ts_ms"))
        return is_source ? read_time(field, 1000, &found->source_ms, err) : read_time(field, 1, &change->ts_ms, err);
    return take_place(name, field, &change->source, err);
}

void sluice_source_from_topic(struct sluice_str topic, struct sluice_source *source)
{
    size_t dots[2] = {0, 0}; /* of the last two dots, counted from the end */
    size_t n = 0;
    for (size_t i = topic.len; i > 0 && n < 2; i--) {
        if (topic.ptr[i - 1] == '.')
            dots[n++] = i - 1;
    }
    source->name = topic;
    source->schema = SLUICE_STR_LITERAL("public");
    source->table = topic;
    if (n == 0)
        return;
    source->table = (struct sluice_str){topic.ptr + dots[0] + 1, topic.len - dots[0] - 1};
    source->name = (struct sluice_str){topic.ptr, n == 2 ? dots[1] : dots[0]};
    if (n == 2)
        source->schema = (struct sluice_str){topic.ptr + dots[1] + 1, dots[0] - dots[1] - 1};
}

/* What the record does not say is in the topic's name. */
static void complete_identity(struct sluice_str topic, struct sluice_source *source)
{
    struct sluice_source by_topic = {0};
    sluice_source_from_topic(topic, &by_topic);
    if (source->name.len == 0)
        source->name = by_topic.name;
    if (source->schema.len == 0)
        source->schema = by_topic.schema;
    if (source->table.len == 0)
        source->table = by_topic.table;
}

enum sluice_code sluice_change_flattened(const struct sluice_layout *layout, struct sluice_field *fields,
                                         size_t n_fields, struct sluice_change *change, bool *is_row,
                                         struct sluice_error *err)
{
    struct found found = {0};
    size_t n_kept = 0;
    *is_row = !layout->may_be_envelope;
    for (size_t i = 0; i < n_fields && !*is_row; i++)
        *is_row = sluice_is_added_field(layout->prefix, fields[i].name);
    if (!*is_row)
        return SLUICE_OK;
    change->kind = SLUICE_CHANGE_ROW;
    change->is_flattened = true;
    change->prefix = layout->prefix;
    change->op = 0;
    for (size_t i = 0; i < n_fields; i++) {
        struct sluice_str rest;
        bool is_source = false;
        if (!split_name(layout->prefix, fields[i].name, &rest, &is_source)) {
            fields[n_kept++] = fields[i];
            continue;
        }
        enum sluice_code code = take_field(rest, is_source, &fields[i], change, &found, err);
        if (code != SLUICE_OK)
            return code;
    }
    change->fields = fields;
    change->n_fields = n_kept;
    change->has_image = true;
    if (found.is_deleted)
        change->op = 'd';
    else if (change->op == 0)
        change->op = 'u'; /* an upsert */
    if (!change->source.has_lsn && change->source.has_sequence1 && change->op != 'r') {
        change->source.lsn = change->source.sequence1;
        change->source.has_lsn = true;
    }
    if (change->source.ts_us == 0)
        change->source.ts_us = found.source_ms;
    complete_identity(layout->topic, &change->source);
    return SLUICE_OK;
}
