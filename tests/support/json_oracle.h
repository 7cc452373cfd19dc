/* json_oracle.h - what the project's own JSON reader found, compared with what jansson finds in the same text. */
#ifndef SLUICE_TESTS_JSON_ORACLE_H
#define SLUICE_TESTS_JSON_ORACLE_H

#include <jansson.h>
#include <stdlib.h>

#include "debezium/change.h"

SLUICE_DEFINE_AUTO_PTR(json, json_t, json_decref)

/* `flags` beside those that every use has. A text without bytes is no document. */
static inline json_t *oracle_load(struct sluice_str text, size_t flags, json_error_t *error)
{
    return json_loadb(text.ptr, text.len, flags | JSON_DECODE_ANY | JSON_ALLOW_NUL, error);
}

/* The content of a string in memory of its own, NULL if it has half of a surrogate pair. */
static inline char *oracle_unescape(struct sluice_str text, size_t *n)
{
    struct sluice_error err;
    char *out = malloc(text.len > 0 ? text.len : 1);
    if (out == NULL)
        abort();
    if (sluice_json_unescape((struct sluice_value){.text = text, .kind = SLUICE_VALUE_STRING_ESCAPED}, out, n, &err) ==
        SLUICE_OK)
        return out;
    free(out);
    return NULL;
}

static inline bool oracle_string_equal(struct sluice_str text, const json_t *want)
{
    size_t n = 0;
    char *plain = oracle_unescape(text, &n);
    bool equal = plain != NULL && json_is_string(want) && n == json_string_length(want) &&
                 memcmp(plain, json_string_value(want), n) == 0;
    free(plain);
    return equal;
}

static inline bool oracle_number_equal(struct sluice_value value, const json_t *want)
{
    struct sluice_error err;
    int64_t number = 0;
    char text_z[512];
    if (json_is_integer(want))
        return sluice_json_int64(value, &number, &err) == SLUICE_OK && number == json_integer_value(want);
    (void)snprintf(text_z, sizeof text_z, "%.*s", (int)value.text.len, value.text.ptr);
    return json_is_real(want) && strtod(text_z, NULL) == json_real_value(want);
}

static inline bool oracle_value_equal(struct sluice_value value, const json_t *want)
{
    switch (value.kind) {
    case SLUICE_VALUE_NULL:
        return json_is_null(want);
    case SLUICE_VALUE_TRUE:
        return json_is_true(want);
    case SLUICE_VALUE_FALSE:
        return json_is_false(want);
    case SLUICE_VALUE_NUMBER:
        return oracle_number_equal(value, want);
    case SLUICE_VALUE_STRING:
        return memchr(value.text.ptr, '\\', value.text.len) == NULL && oracle_string_equal(value.text, want);
    case SLUICE_VALUE_STRING_ESCAPED:
        return memchr(value.text.ptr, '\\', value.text.len) != NULL && oracle_string_equal(value.text, want);
    default: {
        SLUICE_AUTO(json) json_t *got = oracle_load(value.text, 0, NULL);
        return got != NULL && json_equal(got, want);
    }
    }
}

/* Same names with same values in the same order. `want` was loaded without names that stand twice. */
static inline bool oracle_fields_equal(const struct sluice_field *fields, size_t n_fields, json_t *want)
{
    const char *name_z = NULL;
    json_t *value = NULL;
    size_t i = 0;
    if (!json_is_object(want) || json_object_size(want) != n_fields)
        return false;
    json_object_foreach(want, name_z, value)
    {
        json_t *name = json_string_nocheck(name_z);
        bool equal = oracle_string_equal(fields[i].name, name) && oracle_value_equal(fields[i].value, value);
        json_decref(name);
        if (!equal)
            return false;
        i++;
    }
    return true;
}

static inline bool oracle_unsigned_equal(bool has, uint64_t got, const json_t *want)
{
    return has ? json_is_integer(want) && got == (uint64_t)json_integer_value(want) : !json_is_integer(want);
}

static inline bool oracle_sequence_equal(const struct sluice_source *source, const json_t *text)
{
    if (!json_is_string(text))
        return !source->has_sequence0 && !source->has_sequence1;
    SLUICE_AUTO(json)
    json_t *want = oracle_load((struct sluice_str){json_string_value(text), json_string_length(text)}, 0, NULL);
    const bool has[] = {source->has_sequence0, source->has_sequence1};
    const uint64_t got[] = {source->sequence0, source->sequence1};
    if (json_array_size(want) != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const char *part_z = json_string_value(json_array_get(want, i));
        if ((part_z != NULL) != has[i] || (has[i] && got[i] != strtoull(part_z, NULL, 10)))
            return false;
    }
    return true;
}

static inline bool oracle_name_equal(struct sluice_str got, const json_t *want)
{
    return json_is_string(want) ? oracle_string_equal(got, want) : got.len == 0;
}

/* The name of the first part of `source` that differs, or NULL. */
static inline const char *oracle_source_difference(const struct sluice_source *got, const json_t *want)
{
    const json_t *snapshot = json_object_get(want, "snapshot");
    const json_t *ts_us = json_object_get(want, "ts_us");
    const json_t *ts_ms = json_object_get(want, "ts_ms");
    bool is_snapshot =
        json_is_true(snapshot) || (json_is_string(snapshot) && strcmp(json_string_value(snapshot), "false") != 0);
    int64_t time_us = json_integer_value(ts_us) != 0 ? json_integer_value(ts_us) : json_integer_value(ts_ms) * 1000;
    if (!oracle_name_equal(got->name, json_object_get(want, "name")))
        return "source.name";
    if (!oracle_name_equal(got->db, json_object_get(want, "db")))
        return "source.db";
    if (!oracle_name_equal(got->schema, json_object_get(want, "schema")))
        return "source.schema";
    if (!oracle_name_equal(got->table, json_object_get(want, "table")))
        return "source.table";
    if (!oracle_unsigned_equal(got->has_lsn, got->lsn, json_object_get(want, "lsn")))
        return "source.lsn";
    if (!oracle_unsigned_equal(got->has_txid, got->txid, json_object_get(want, "txId")))
        return "source.txId";
    if (!oracle_sequence_equal(got, json_object_get(want, "sequence")))
        return "source.sequence";
    if (got->snapshot != is_snapshot)
        return "source.snapshot";
    return got->ts_us == time_us ? NULL : "source.ts_us";
}

/* The name of the first part of a row event that differs from what jansson sees in the record, or NULL. */
static inline const char *oracle_row_difference(const struct sluice_change *got, const json_t *root)
{
    const json_t *schema = json_object_get(root, "schema");
    const json_t *want = json_object_get(root, "payload") != NULL ? json_object_get(root, "payload") : root;
    const char *op_z = json_string_value(json_object_get(want, "op"));
    json_t *before = json_object_get(want, "before");
    json_t *image = got->op == 'd' ? before : json_object_get(want, "after");
    if (got->kind != SLUICE_CHANGE_ROW || op_z == NULL || got->op != op_z[0])
        return "op";
    if (got->ts_ms != json_integer_value(json_object_get(want, "ts_ms")))
        return "ts_ms";
    if (json_is_object(schema) !=
        (got->value_schema.len > 0 &&
         oracle_value_equal((struct sluice_value){.text = got->value_schema, .kind = SLUICE_VALUE_OBJECT}, schema)))
        return "schema";
    if (json_is_object(before) !=
        (got->before.len > 0 &&
         oracle_value_equal((struct sluice_value){.text = got->before, .kind = SLUICE_VALUE_OBJECT}, before)))
        return "before";
    if (got->has_image != json_is_object(image) ||
        (got->has_image && !oracle_fields_equal(got->fields, got->n_fields, image)))
        return "row image";
    return oracle_source_difference(&got->source, json_object_get(want, "source"));
}

#endif
