/* moved.h - values that the deleted half of a key change puts aside for the created one, which may lie in another
 * partition (table/settle.h, docs/events.md).
 *
 * They stand in the table sluice_moved: a row for each value, told by target, source table, old key and the version of
 * the deleted half. They are stored before that half is, so whoever finds it gone finds them. Storing them again
 * changes nothing. The table is made when the first value needs it; its rows go after seven days.
 *
 * Owner: as client.h (sender).
 */
#ifndef SLUICE_CLICKHOUSE_MOVED_H
#define SLUICE_CLICKHOUSE_MOVED_H

#include "clickhouse/client.h"
#include "table/settle.h"

#define SLUICE_MOVED_TABLE "sluice_moved"

/* Of which source table. `home` is the database that holds sluice_moved. */
struct sluice_ch_moved {
    const char *home;
    const char *source; /* "name/db/schema.table" */
    const struct sluice_plan *plan;
};

/* Asks everything that settle_moved() wants to know, in as few statements as the keys fit into, and hands the answers
 * over. Without the table nothing was put aside. Errors: as sluice_ch_query() and settle_moved_answer(). */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_ask_moved(struct sluice_ch_client *client,
                                                       const struct sluice_ch_moved *moved, struct settle *settle,
                                                       struct sluice_error *err);

/* Stores `values`, as settle_aside() gives them. Errors: as sluice_ch_insert(); for a missing right the text names it.
 */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_put_aside(struct sluice_ch_client *client,
                                                       const struct sluice_ch_moved *moved, struct sluice_str values,
                                                       size_t n_values, struct sluice_error *err);

#endif
