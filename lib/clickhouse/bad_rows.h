/* bad_rows.h - which rows of a batch does the server refuse?
 *
 * Asked when it refused the batch for a value. Halves of it go to a table of the engine Null that is a copy of the
 * target: the same columns, defaults and constraints, and nothing is stored. Half of a refused part is refused again,
 * until the part is one row.
 * Owner: as client.h (sender).
 */
#ifndef SLUICE_CLICKHOUSE_BAD_ROWS_H
#define SLUICE_CLICKHOUSE_BAD_ROWS_H

#include "clickhouse/client.h"
#include "table/batch.h"

struct sluice_ch_bad_row {
    size_t arrival; /* its place among the rows of the batch, in order of arrival */
    struct sluice_version version;
    struct sluice_error error;
};

/* `batch` is sealed and stays as it is. `name` is that of the copy, in the target's database: no other probe uses it
 * meanwhile, one that was killed may have left it behind. Up to `max_rows` go to `rows`, in sending order; *n_rows is 0
 * when every row is taken. Errors: as sluice_ch_query(); SLUICE_E_LIMIT, SLUICE_STOP_PARTITION: more than max_rows. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_find_bad_rows(struct sluice_ch_client *client,
                                                           const struct sluice_batch *batch, const char *name,
                                                           struct sluice_ch_bad_row *rows, size_t max_rows,
                                                           size_t *n_rows, struct sluice_error *err);

#endif
