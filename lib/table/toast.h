/* toast.h - the connector's placeholder for a TOAST value that an update left alone.
 *
 * PostgreSQL does not send such a value; unless it knows the old row (REPLICA IDENTITY FULL), Debezium writes the text
 * __debezium_unavailable_value in its place, or that of unavailable.value.placeholder, in the shape of the column's
 * type. Source: Debezium documentation, "Toasted values"; forms as observed with Debezium 3.6.1, JsonConverter and
 * Avro. Other types become null, which can't be told from a NULL. Values are compared whole: a text that holds the
 * placeholder as a part is data.
 */
#ifndef SLUICE_TABLE_TOAST_H
#define SLUICE_TABLE_TOAST_H

#include "table/plan_detail.h"

#define TOAST_PLACEHOLDER "__debezium_unavailable_value"
enum { TOAST_PLACEHOLDER_MAX = 63 }; /* its length takes one byte in Avro */

/* One text in every form. Immutable. */
struct toast_forms {
    size_t shortest; /* no form has fewer bytes */
    char first[2];   /* of `text` and `base64`; all others begin with a bracket, or are Avro */
    struct sluice_str text;
    struct sluice_str base64;
    struct sluice_str uuid;
    struct sluice_str entry; /* of a map, and of hstore as JSON text */
    struct sluice_str escaped_entry;
    struct sluice_str arrays[4]; /* in JSON: of texts, of bytes, of uuids, and of the text's bytes as numbers */
};

/* The forms of a placeholder of 1 to TOAST_PLACEHOLDER_MAX characters of ASCII that JSON does not escape; NULL:
 * of the usual one. Made in the arena. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT, SLUICE_E_UNSUPPORTED. */
SLUICE_MUST_CHECK enum sluice_code toast_forms_of(struct sluice_arena *arena, const char *placeholder,
                                                  const struct toast_forms **out, struct sluice_error *err);

/* Notes which forms a field of this type can take. */
void toast_set_forms(struct plan_column *column, enum sluice_source_type type);
/* Can a field of this column be a placeholder at all? */
bool toast_is_possible(const struct plan_column *column);
/* Does the value begin as one does? Nearly all say no. */
static inline bool toast_may_match(const struct toast_forms *forms, const struct sluice_value *value)
{
    if (value->text.len < forms->shortest)
        return false;
    const char first = value->text.ptr[0];
    return first == forms->first[0] || first == forms->first[1] || first == '{' || first == '[' ||
           value->kind == SLUICE_VALUE_AVRO;
}
/* Is the value of an update one? */
bool toast_matches(const struct toast_forms *forms, const struct plan_column *column, const struct sluice_value *value);

#endif
