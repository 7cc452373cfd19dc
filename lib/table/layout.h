/* layout.h - where the columns of an encoded row lie. Rows carry no index; what needs one walks the row.
 *
 * Bytes of our own encoding and bytes that the server sent are walked alike, so nothing is read beyond `end`.
 * Source: ClickHouse documentation, "RowBinary".
 */
#ifndef SLUICE_TABLE_LAYOUT_H
#define SLUICE_TABLE_LAYOUT_H

#include "table/plan_detail.h"

/* Behind the value of this type at `at`; NULL if it does not end before `end`. */
const unsigned char *layout_skip(const struct sluice_type *type, const unsigned char *at, const unsigned char *end);

/* Behind the bytes of a column: nothing for an excluded one, the value and its companion for others. NULL as above. */
const unsigned char *layout_skip_column(const struct plan_column *column, const unsigned char *at,
                                        const unsigned char *end);

/* Where each column begins, relative to the row: starts[plan->n_columns], and behind the last one where the metadata
 * begins. The row is one of our own. */
void layout_find(const struct sluice_plan *plan, struct sluice_str row, uint32_t *starts);

/* The bytes of a column by that index. */
static inline struct sluice_str layout_column(struct sluice_str row, const uint32_t *starts, size_t column)
{
    return (struct sluice_str){row.ptr + starts[column], starts[column + 1] - starts[column]};
}

#endif
