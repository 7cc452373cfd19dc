/* ddl.h - the CREATE TABLE for a source table whose target is missing. */
#ifndef SLUICE_TABLE_DDL_H
#define SLUICE_TABLE_DDL_H

#include "base/buf.h"
#include "table/shape.h"

/* What the comment of a table made by sluice begins with; the source follows. */
#define SLUICE_DDL_COMMENT "sluice: "

struct sluice_ddl_options {
    const char *database;
    const char *table;
    const char *source;          /* whose table this is, "name/db/schema.table"; kept in the table's comment */
    const char *version_column;  /* "_version" */
    const char *deleted_column;  /* "is_deleted" */
    bool is_log;                 /* tables.mode: log */
    int64_t dedup_window;        /* blocks */
    const char *const *metadata; /* names of metadata columns to add; the mode log has all four */
    size_t n_metadata;
};

/* Appends `CREATE TABLE IF NOT EXISTS ... ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY (key) SETTINGS
 * non_replicated_deduplication_window = ..., ... COMMENT 'sluice: source'` to `sql`; in the mode log the engine is
 * MergeTree and the order that of the records in Kafka, so that a range of offsets is read through the primary index.
 * Optional columns are Nullable, key columns never. Errors: SLUICE_E_SHAPE (untyped shape: no schema to make a table
 * from; a source column has the name of a metadata column, naming the option), SLUICE_E_TYPE, SLUICE_E_KEY (no key
 * columns), SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_create(const struct sluice_shape *shape,
                                                     const struct sluice_ddl_options *options, struct sluice_buf *sql,
                                                     struct sluice_error *err);

/* Appends a name in backquotes, or a text in single quotes, escaped for ClickHouse. */
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_quote_name(struct sluice_buf *sql, const char *name_z,
                                                         struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_quote_text(struct sluice_buf *sql, struct sluice_str text,
                                                         struct sluice_error *err);

#endif
