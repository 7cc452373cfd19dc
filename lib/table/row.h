/* row.h - encodes one change as one RowBinary row of a plan. The hot path: no allocation, each field looked at once. */
#ifndef SLUICE_TABLE_ROW_H
#define SLUICE_TABLE_ROW_H

#include "debezium/change.h"
#include "debezium/version.h"
#include "table/plan_detail.h"

/* The most bytes that row_encode() may touch for this change. */
size_t row_room(const struct sluice_plan *plan, const struct sluice_change *change, const struct sluice_key *key,
                const struct sluice_record_place *place);

/* Places of columns for which the record holds the placeholder of an unchanged TOAST value and whose policy is keep;
 * the row has their type's NULL or zero. `places` has room for plan->n_columns. */
struct row_holes {
    uint32_t *places;
    size_t n;
};

/* Writes the row at `at` and the offsets of its key columns to key_at[plan->key.n_columns]. Returns its end, or NULL
 * with err set; codes as sluice_batch_append(). `holes` is NULL for records whose values are all data: a row that was
 * read or created, and a deleted one. */
unsigned char *row_encode(const struct sluice_plan *plan, const struct sluice_change *change,
                          const struct sluice_key *key, struct sluice_version version,
                          const struct sluice_record_place *place, unsigned char *at, uint32_t *key_at,
                          struct row_holes *holes, struct sluice_error *err);

/* Writes the columns of the source's key alone, in the order of the row; room and result as above. */
size_t row_key_room(const struct sluice_plan *plan, const struct sluice_key *key);
unsigned char *row_put_key(const struct sluice_plan *plan, const struct sluice_key *key, unsigned char *at,
                           struct sluice_error *err);
/* NULL, or the type's zero where there is none; touches up to column->convert.room + 1 bytes. */
unsigned char *row_put_nothing(const struct plan_column *column, unsigned char *at);

#endif
