/* ddl_default.h - the DEFAULT of a column that sluice makes. Private to lib/table.
 *
 * Rows that are there get no event when a column is added with a default, and at the source they have it all the same.
 * What is no constant (now(), nextval()) the connector does not tell, or tells as a zero.
 */
#ifndef SLUICE_TABLE_DDL_DEFAULT_H
#define SLUICE_TABLE_DDL_DEFAULT_H

#include "base/buf.h"
#include "table/source_type.h"

/* Appends " DEFAULT ...", or nothing if the schema tells none that can be written. */
SLUICE_MUST_CHECK enum sluice_code ddl_default_append(const struct sluice_source_column *column, struct sluice_buf *sql,
                                                      struct sluice_error *err);
/* Would it append one, and is that what the source has? A zero that stands for a time may be a function's. */
bool ddl_default_is_known(const struct sluice_source_column *column);

#endif
