/* key.c - takes a record's key apart; see change.h. */
#include "debezium/change.h"

#include "debezium/decoder.h"
#include "debezium/text.h"

static enum sluice_code no_key(struct sluice_error *err, const char *what)
{
    return sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT,
                            "key of the record: %s; give the table a primary key, or the connector "
                            "message.key.columns, and leave the key to the connector (no ExtractField on it)",
                            what);
}

/* The two members of {"schema":..,"payload":..}, in either order. A table's own key columns of these names do not look
 * like it: the payload of a wrapper is an object or null, its schema too. */
static bool is_wrapper(const struct sluice_field *fields, size_t n, const struct sluice_value **schema,
                       const struct sluice_value **payload)
{
    if (n != 2)
        return false;
    bool schema_first = TEXT_IS(fields[0].name, "schema");
    const struct sluice_field *a = &fields[schema_first ? 0 : 1];
    const struct sluice_field *b = &fields[schema_first ? 1 : 0];
    *schema = &a->value;
    *payload = &b->value;
    return TEXT_IS(a->name, "schema") && TEXT_IS(b->name, "payload") &&
           (a->value.kind == SLUICE_VALUE_OBJECT || a->value.kind == SLUICE_VALUE_NULL) &&
           (b->value.kind == SLUICE_VALUE_OBJECT || b->value.kind == SLUICE_VALUE_NULL);
}

/* Keys have few fields, so that every pair can be looked at. */
static enum sluice_code check_unique(const struct sluice_key *key, struct sluice_error *err)
{
    for (size_t i = 0; i < key->n_fields; i++) {
        for (size_t k = i + 1; k < key->n_fields; k++) {
            if (sluice_str_equal(key->fields[i].name, key->fields[k].name))
                return sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT,
                                        "key of the record: field \"%.*s\" stands twice",
                                        SLUICE_STR_ARG(key->fields[i].name));
        }
    }
    return SLUICE_OK;
}

static enum sluice_code read_key(struct sluice_decoder *decoder, struct sluice_str text, struct sluice_key *out,
                                 struct sluice_error *err)
{
    struct sluice_json_cursor cursor;
    enum sluice_value_kind kind = SLUICE_VALUE_NULL;
    sluice_json_init(&cursor, text);
    cursor.is_header = decoder->is_header;
    enum sluice_code code = sluice_json_peek(&cursor, &kind, err);
    if (code == SLUICE_OK && kind != SLUICE_VALUE_OBJECT) {
        struct sluice_value ignored;
        code = sluice_json_value(&cursor, &ignored, err);
        if (code == SLUICE_OK)
            code = sluice_json_finish(&cursor, err);
        if (code == SLUICE_OK)
            return no_key(err, "it is JSON, but no object");
    }
    if (code == SLUICE_OK)
        code = fields_read(&cursor, &decoder->key_layout, decoder->key_fields, &out->n_fields, err);
    if (code == SLUICE_OK)
        code = sluice_json_finish(&cursor, err);
    return code == SLUICE_OK ? code : sluice_error_wrap(err, "key of the record");
}

static void remember_wrapper(struct key_wrapper *wrapper, struct sluice_str key, struct sluice_str schema,
                             struct sluice_str payload)
{
    wrapper->length = 0;
    if (payload.ptr < schema.ptr || (size_t)(payload.ptr - key.ptr) > sizeof wrapper->text)
        return;
    wrapper->length = (size_t)(payload.ptr - key.ptr);
    wrapper->schema_at = (size_t)(schema.ptr - key.ptr);
    wrapper->schema_len = schema.len;
    memcpy(wrapper->text, key.ptr, wrapper->length);
}

/* False: it is read the long way, which says what is wrong with it. */
static bool read_wrapped(struct sluice_decoder *decoder, struct sluice_str key, struct sluice_key *out)
{
    const struct key_wrapper *wrapper = &decoder->key_wrapper;
    struct sluice_json_cursor cursor;
    struct sluice_error ignored;
    if (wrapper->length == 0 || key.len <= wrapper->length || decoder->is_header ||
        memcmp(key.ptr, wrapper->text, wrapper->length) != 0)
        return false;
    sluice_json_init(&cursor, key);
    cursor.at += wrapper->length;
    if (*cursor.at != '{' ||
        fields_read(&cursor, &decoder->key_layout, decoder->key_fields, &out->n_fields, &ignored) != SLUICE_OK)
        return false;
    out->key_schema = (struct sluice_str){key.ptr + wrapper->schema_at, wrapper->schema_len};
    return json_quick_end(&cursor) && cursor.at == cursor.end;
}

static enum sluice_code read_any(struct sluice_decoder *decoder, struct sluice_str key, struct sluice_key *out,
                                 struct sluice_error *err)
{
    const struct sluice_value *schema = NULL;
    const struct sluice_value *payload = NULL;
    enum sluice_code code = read_key(decoder, key, out, err);
    if (code != SLUICE_OK || !is_wrapper(out->fields, out->n_fields, &schema, &payload))
        return code;
    if (schema->kind == SLUICE_VALUE_OBJECT) {
        out->key_schema = schema->text;
        remember_wrapper(&decoder->key_wrapper, key, schema->text, payload->text);
    }
    return read_key(decoder, payload->text, out, err);
}

enum sluice_code sluice_key_decode(struct sluice_decoder *decoder, struct sluice_str key, struct sluice_key *out,
                                   struct sluice_error *err)
{
    *out = (struct sluice_key){.fields = decoder->key_fields};
    if (key.ptr == NULL || key.len == 0)
        return no_key(err, "there is none");
    if (!read_wrapped(decoder, key, out)) {
        *out = (struct sluice_key){.fields = decoder->key_fields};
        enum sluice_code code = read_any(decoder, key, out, err);
        if (code != SLUICE_OK)
            return code;
    }
    return out->n_fields == 0 ? no_key(err, "it has no fields") : check_unique(out, err);
}

enum sluice_code sluice_key_decode_header(struct sluice_decoder *decoder, struct sluice_str key, struct sluice_key *out,
                                          struct sluice_error *err)
{
    decoder->is_header = true;
    enum sluice_code code = sluice_key_decode(decoder, key, out, err);
    decoder->is_header = false;
    return code;
}
