/* toast.h - the connector's placeholder for a TOAST value that an update left alone.
 *
 * PostgreSQL does not send such a value; unless it knows the old row (REPLICA IDENTITY FULL), Debezium writes the text
 * __debezium_unavailable_value in its place, in the shape of the column's type. Source: Debezium documentation,
 * "Toasted values"; forms as observed with Debezium 3.6.1, JsonConverter and Avro. Other types become null, which can't
 * be told from a NULL. Values are compared whole: a text that holds the placeholder as a part is data.
 */
#ifndef SLUICE_TABLE_TOAST_H
#define SLUICE_TABLE_TOAST_H

#include "table/plan_detail.h"

enum { TOAST_SHORTEST = 28 };

/* Notes which forms a field of this type can take. */
void toast_set_forms(struct plan_column *column, enum sluice_source_type type);
/* Can a field of this column be a placeholder at all? */
bool toast_is_possible(const struct plan_column *column);
/* Does the value begin as one does? Nearly all say no. */
static inline bool toast_may_match(const struct sluice_value *value)
{
    if (value->text.len < TOAST_SHORTEST)
        return false;
    const char first = value->text.ptr[0];
    return first == '_' || first == 'X' || first == '{' || first == '[' || value->kind == SLUICE_VALUE_AVRO;
}
/* Is the value of an update one? */
bool toast_matches(const struct plan_column *column, const struct sluice_value *value);

#endif
