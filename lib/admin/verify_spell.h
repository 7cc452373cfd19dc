/* verify_spell.h - a value of a record, as JsonConverter writes it, in the text that PostgreSQL's COPY has for it.
 *
 * So that canon.h reads the source's side of a topic as it reads that of a table. Types: Debezium documentation, "Data
 * type mappings" of the PostgreSQL connector. Nothing of lib/table's conversions takes part. Thread: any. */
#ifndef SLUICE_ADMIN_VERIFY_SPELL_H
#define SLUICE_ADMIN_VERIFY_SPELL_H

#include "base/buf.h"
#include "table/source_type.h"
#include "table/type.h"

#include <jansson.h>

/* What a value means: from the record's schema, or from what is known of the column where the record has none. */
struct spell_type {
    enum sluice_source_type type;
    unsigned scale;                            /* DECIMAL */
    unsigned length;                           /* BITS; 0: from the first 1 on */
    const json_t *element;                     /* ARRAY: schema of its elements; NULL: from `column` */
    const struct sluice_source_column *column; /* without schemas; NULL */
};

/* Of a field of a Connect schema ({"type": .., "name": .., "parameters": ..}). */
struct spell_type spell_type_of(const json_t *schema);
/* Of a column that only hints or the target's type tell of. */
struct spell_type spell_type_from(const struct sluice_source_column *column, const struct sluice_type *target);

enum spelled { SPELLED_VALUE, SPELLED_NULL, SPELLED_UNCHANGED, SPELLED_NOT };

/* Appends the text. UNCHANGED: the connector's placeholder for a TOAST value; NOT: not understood. Errors:
 * SLUICE_E_NOMEM, SLUICE_E_LIMIT of the buffer. */
SLUICE_MUST_CHECK enum sluice_code spell(json_t *value, const struct spell_type *type, struct sluice_buf *out,
                                         enum spelled *spelled, struct sluice_error *err);

#endif
