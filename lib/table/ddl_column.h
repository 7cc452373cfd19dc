/* ddl_column.h - one column of a table that sluice makes, as DDL: name, type, default, codec. Private to lib/table. */
#ifndef SLUICE_TABLE_DDL_COLUMN_H
#define SLUICE_TABLE_DDL_COLUMN_H

#include "table/column_type.h"
#include "table/ddl.h"

/* Appends the type of the column made for a field of the shape. */
SLUICE_MUST_CHECK enum sluice_code ddl_column_type(const struct sluice_source_column *column,
                                                   const struct sluice_ddl_options *options, struct sluice_buf *sql,
                                                   struct sluice_error *err);
/* Appends "`name` Type DEFAULT ... CODEC(...)". */
SLUICE_MUST_CHECK enum sluice_code ddl_column_append(const struct sluice_source_column *column,
                                                     const struct sluice_ddl_options *options, struct sluice_buf *sql,
                                                     struct sluice_error *err);

/* When it is added, do the rows that are there get what the source has in them? */
bool ddl_column_fills_rows(const struct sluice_source_column *column, const struct sluice_table_settings *settings);

/* Appends "`name_is_null` UInt8". */
SLUICE_MUST_CHECK enum sluice_code ddl_companion_append(const struct sluice_source_column *column,
                                                        const struct sluice_table_settings *settings,
                                                        struct sluice_buf *sql, struct sluice_error *err);

/* The name of the target column: the field's, or that of a rule. */
const char *ddl_column_name(const struct sluice_source_column *column, const struct sluice_table_settings *settings);
/* Is the field left out? */
bool ddl_column_is_excluded(const struct sluice_source_column *column, const struct sluice_table_settings *settings);
/* Are rows sorted by the column made? Then it can't be Nullable. */
bool ddl_column_sorts(const struct sluice_source_column *column, const struct sluice_table_settings *settings);
/* Refuses names that sluice needs itself, and key columns that are left out. */
SLUICE_MUST_CHECK enum sluice_code ddl_column_check(const struct sluice_shape *shape,
                                                    const struct sluice_source_column *column,
                                                    const struct sluice_ddl_options *options, struct sluice_error *err);

#endif
