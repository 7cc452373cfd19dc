/* ddl.h - the statements that make the target of a source table, and bring it to the columns of its records.
 *
 * Source of the grammar: ClickHouse documentation, "CREATE TABLE", "ALTER TABLE ... COLUMN", "CREATE VIEW".
 */
#ifndef SLUICE_TABLE_DDL_H
#define SLUICE_TABLE_DDL_H

#include "base/buf.h"
#include "sluice/rules.h"
#include "table/shape.h"
#include "table/target.h"

/* What the comment of a table made by sluice begins with; the source follows, then a line of the rule's comment. */
#define SLUICE_DDL_COMMENT "sluice: "

/* What follows the table's name in the name of its view. */
#define SLUICE_DDL_VIEW_SUFFIX "_current"

struct sluice_ddl_options {
    const struct sluice_table_settings *settings;
    const char *source;          /* whose table this is, "name/db/schema.table"; kept in the table's comment */
    const char *version_column;  /* "_version" */
    const char *deleted_column;  /* "is_deleted" */
    int64_t dedup_window;        /* blocks */
    const char *const *metadata; /* names of metadata columns to add; the mode log has all four */
    size_t n_metadata;
    bool has_time64; /* the server has Time64 by default: 25.12 and later */
};

/* Appends `CREATE TABLE IF NOT EXISTS ... ENGINE = ReplacingMergeTree(_version, is_deleted) ORDER BY (key) SETTINGS
 * non_replicated_deduplication_window = ..., ... COMMENT 'sluice: source'` to `sql`; in the mode log the engine is
 * MergeTree and the order that of the records in Kafka, so that a range of offsets is read through the primary index.
 * Rows of a table without a key are ordered the same way where no_key says so. Optional columns are Nullable, columns
 * of the sorting key never. A column with a constant default at the source has it here too. Errors: SLUICE_E_SHAPE
 * (no types to make a table from; a column has the name of a metadata column, naming the option), SLUICE_E_TYPE,
 * SLUICE_E_KEY (no key columns), SLUICE_E_TABLE (engine or ORDER BY of the rule can't hold the rows), SLUICE_E_LIMIT.
 */
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_create(const struct sluice_shape *shape,
                                                     const struct sluice_ddl_options *options, struct sluice_buf *sql,
                                                     struct sluice_error *err);

/* Appends `CREATE OR REPLACE VIEW <table>_current AS SELECT * EXCEPT (...) FROM ... FINAL`. */
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_view(const struct sluice_target *target,
                                                   const struct sluice_ddl_options *options, struct sluice_buf *sql,
                                                   struct sluice_error *err);

/* What a target lacks for the records of a shape. Each text is one statement, or empty. */
struct sluice_ddl_changes {
    struct sluice_buf add;      /* columns that are missing; for every table, if tables.create */
    struct sluice_buf modify;   /* types that are too narrow; for tables that sluice made, if tables.widen */
    struct sluice_buf unfilled; /* names of added columns, by commas: rows that are there lack the source's values */
    size_t n_added;
    size_t n_modified;
};
void sluice_ddl_changes_deinit(struct sluice_ddl_changes *changes);
SLUICE_DEFINE_AUTO(sluice_ddl_changes, struct sluice_ddl_changes, sluice_ddl_changes_deinit)

/* Initialises and fills *changes. A type becomes wider only: integers and floats of more bits, decimals of more digits
 * on either side, times of finer ticks, and Nullable. Columns of the sorting and the partition key, and those whose
 * type a rule names, stay as they are. Errors: as sluice_ddl_create(). */
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_compare(const struct sluice_shape *shape,
                                                      const struct sluice_target *target,
                                                      const struct sluice_ddl_options *options,
                                                      struct sluice_ddl_changes *changes, struct sluice_error *err);

/* Fills an empty target as the CREATE TABLE of a shape would make it, as far as sluice_ddl_compare() looks at it. */
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_imagine(const struct sluice_shape *shape,
                                                      const struct sluice_ddl_options *options,
                                                      struct sluice_target *target, struct sluice_error *err);

/* Did sluice make it? And for this source? */
bool sluice_ddl_is_ours(const struct sluice_target *target);
bool sluice_ddl_is_of(const struct sluice_target *target, const char *source);

/* Appends a name in backquotes, or a text in single quotes, escaped for ClickHouse. */
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_quote_name(struct sluice_buf *sql, const char *name_z,
                                                         struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_ddl_quote_text(struct sluice_buf *sql, struct sluice_str text,
                                                         struct sluice_error *err);

#endif
