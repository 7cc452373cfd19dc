/* fields.h - the members of one JSON object as a list: a row image, or a key. */
#ifndef SLUICE_DEBEZIUM_FIELDS_H
#define SLUICE_DEBEZIUM_FIELDS_H

#include "debezium/change.h"
#include "json/scan.h"

/* The names of the last object that was read, by which those of the next one are recognised without looking for their
 * ends: the rows of a table have the same fields in the same order. It is a guess only; a name that differs is read the
 * long way, and is the guess for next time. */
struct fields_layout {
    struct json_expected names[SLUICE_MAX_FIELDS];
    size_t n_names;
};

/* Reads the object under the cursor into `fields` (room for SLUICE_MAX_FIELDS). `n_fields` is set on success.
 * Errors: SLUICE_E_JSON, SLUICE_E_LIMIT. A name that stands twice is not looked for: whoever plans the table does. */
SLUICE_MUST_CHECK enum sluice_code fields_read(struct sluice_json_cursor *cursor, struct fields_layout *layout,
                                               struct sluice_field *fields, size_t *n_fields, struct sluice_error *err);

#endif
