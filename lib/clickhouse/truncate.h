/* truncate.h - deleting what a TRUNCATE of the source emptied, by version and without a mutation.
 *
 * A TRUNCATE has no order in Kafka against the rows of other partitions. So it is remembered: a row of the table
 * sluice_truncates says, for a target and a source table, below which version every row is deleted. It is written
 * first; then the rows of older versions get a deleted row at that version. Whoever inserts rows looks at the mark
 * before, and again behind the insert: rows that slipped in between are deleted by the same statement. Every step may
 * be repeated.
 *
 * Owner: as client.h (sender).
 */
#ifndef SLUICE_CLICKHOUSE_TRUNCATE_H
#define SLUICE_CLICKHOUSE_TRUNCATE_H

#include "clickhouse/client.h"
#include "debezium/version.h"

#define SLUICE_TRUNCATES_TABLE "sluice_truncates"

/* Which target of which source table. `home` is the database that holds sluice_truncates. */
struct sluice_ch_emptied {
    const char *home;
    const char *database;
    const char *table;
    const char *source; /* "name/db/schema.table" */
};

/* The version below which rows are deleted; zero if the source table was never emptied. Errors: as sluice_ch_query();
 * SLUICE_E_SERVER when the answer is not understood. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_truncated_at(struct sluice_ch_client *client,
                                                          const struct sluice_ch_emptied *emptied,
                                                          struct sluice_version *out, struct sluice_error *err);
/* Deletes the rows of older versions. A target that does not exist has none. Errors: those of sluice_ch_read_target(),
 * and SLUICE_E_TABLE for a target without a version and a deleted column. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_delete_older(struct sluice_ch_client *client,
                                                          const struct sluice_ch_emptied *emptied,
                                                          struct sluice_version version, struct sluice_error *err);
/* Remembers the TRUNCATE, then deletes. Errors: as above. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_truncate(struct sluice_ch_client *client,
                                                      const struct sluice_ch_emptied *emptied,
                                                      struct sluice_version version, struct sluice_error *err);

#endif
