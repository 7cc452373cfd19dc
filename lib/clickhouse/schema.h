/* schema.h - the tables as the server describes them, and making them.
 *
 * Owner: as client.h (sender). A missing database or table is an outcome, not an error.
 */
#ifndef SLUICE_CLICKHOUSE_SCHEMA_H
#define SLUICE_CLICKHOUSE_SCHEMA_H

#include "clickhouse/client.h"
#include "table/target.h"

/* `target` is initialised and empty; filled when *exists becomes true. A column of a type this version does not write
 * has type NULL. Errors: as sluice_ch_query(); SLUICE_E_SERVER when the answer is not understood, SLUICE_E_TYPE,
 * SLUICE_E_LIMIT (description beyond 16 MiB), SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_read_target(struct sluice_ch_client *client, const char *database,
                                                         const char *table, struct sluice_target *target, bool *exists,
                                                         struct sluice_error *err);

/* Reads what sluice_target_check_exactly_once() looks at into a target that sluice_ch_read_target() filled: its window
 * (from its own settings, else the server's default) and the materialized views that its inserts feed. Errors: as
 * sluice_ch_read_target(); SLUICE_E_LIMIT for more than 64 views. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_read_dedup(struct sluice_ch_client *client, struct sluice_target *target,
                                                        struct sluice_error *err);

/* Runs one CREATE, ALTER or other DDL statement, to its end on all replicas. `what` for the error text: `create table
 * "shop.orders"`. */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_run_ddl(struct sluice_ch_client *client, const char *what, const char *sql,
                                                     struct sluice_error *err);

SLUICE_MUST_CHECK enum sluice_code sluice_ch_database_exists(struct sluice_ch_client *client, const char *database,
                                                             bool *exists, struct sluice_error *err);

#endif
