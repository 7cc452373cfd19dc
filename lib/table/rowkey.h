/* rowkey.h - what tells one row of a sealed batch from another in the target: the values of its sorting key and its
 * version, or the offset of its record. Read back out of the encoded row, so that rows carry nothing for it.
 */
#ifndef SLUICE_TABLE_ROWKEY_H
#define SLUICE_TABLE_ROWKEY_H

#include "base/buf.h"
#include "table/plan_detail.h"

struct rowkey {
    const struct sluice_plan *plan;
    size_t columns[SORTKEY_MAX_COLUMNS]; /* of the plan, then of its metadata; in the order of the key */
    size_t n_columns;
    size_t n_walked; /* columns of a row up to the last one of the key */
};

/* The key by which the target is sorted. The plan is borrowed while `key` is used. */
void rowkey_init(struct rowkey *key, const struct sluice_plan *plan);
/* The key of the source, in the order of the row. */
void rowkey_init_source(struct rowkey *key, const struct sluice_plan *plan);

/* Appends "`id`, `at`". */
SLUICE_MUST_CHECK enum sluice_code rowkey_append_names(const struct rowkey *key, struct sluice_buf *sql,
                                                       struct sluice_error *err);
/* Appends "`id` Int64, `at` DateTime64(6, 'UTC')": the columns as a table function takes them. Without LowCardinality,
 * which is stored only and refused there for numbers. */
SLUICE_MUST_CHECK enum sluice_code rowkey_append_structure(const struct rowkey *key, struct sluice_buf *sql,
                                                           struct sluice_error *err);
/* Appends the key's values and the version of a row, as RowBinary. */
SLUICE_MUST_CHECK enum sluice_code rowkey_append_row(const struct rowkey *key, struct sluice_str row,
                                                     struct sluice_buf *out, struct sluice_error *err);

/* The version of a row: PLAN_VERSION_BYTES, little-endian. */
const char *rowkey_version(struct sluice_str row);
/* The offset of a row of the mode log. */
int64_t rowkey_offset(const struct sluice_plan *plan, struct sluice_str row);

#endif
