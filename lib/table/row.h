/* row.h - encodes one change as one RowBinary row of a plan. The hot path: no allocation, each field looked at once. */
#ifndef SLUICE_TABLE_ROW_H
#define SLUICE_TABLE_ROW_H

#include "debezium/change.h"
#include "debezium/version.h"
#include "table/plan_detail.h"

/* The most bytes that row_encode() may touch for this change. */
size_t row_room(const struct sluice_plan *plan, const struct sluice_change *change, const struct sluice_key *key,
                const struct sluice_record_place *place);

/* Writes the row at `at` and the offsets of its key columns to key_at[plan->key.n_columns]. Returns its end, or NULL
 * with err set; codes as sluice_batch_append(). */
unsigned char *row_encode(const struct sluice_plan *plan, const struct sluice_change *change,
                          const struct sluice_key *key, struct sluice_version version,
                          const struct sluice_record_place *place, unsigned char *at, uint32_t *key_at,
                          struct sluice_error *err);

#endif
