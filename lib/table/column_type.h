/* column_type.h - the type of the column that is made for a field: one that holds every value the field can have.
 *
 * Source of the type names: ClickHouse documentation, "Data types".
 */
#ifndef SLUICE_TABLE_COLUMN_TYPE_H
#define SLUICE_TABLE_COLUMN_TYPE_H

#include "base/buf.h"
#include "sluice/rules.h"
#include "table/source_type.h"

struct column_type_options {
    bool has_time64;                               /* the server has Time64 by default: 25.12 and later */
    const struct sluice_column_settings *settings; /* of the column; NULL: nothing is set */
};

/* Appends the type, e.g. "Nullable(Decimal(10, 2))"; settings->type as it stands if that is set; String
 * under a transform that makes texts. Optional fields are Nullable, key columns never; ClickHouse has no NULL for
 * arrays and maps. Errors: SLUICE_E_SHAPE for an untyped column; those of the buffer. */
SLUICE_MUST_CHECK enum sluice_code column_type_append(const struct sluice_source_column *column,
                                                      const struct column_type_options *options, struct sluice_buf *out,
                                                      struct sluice_error *err);

/* NULL of the column can't be written as NULL, and null_composite: companion is set: a column
 * "<name>" COLUMN_TYPE_COMPANION_SUFFIX "UInt8" is made too. */
bool column_type_has_companion(const struct sluice_source_column *column,
                               const struct sluice_column_settings *settings);
#define COLUMN_TYPE_COMPANION_SUFFIX "_is_null"

#endif
