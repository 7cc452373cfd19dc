/* planner.h - finds or makes the target of a source table and plans its rows. Thread: sender. */
#ifndef SLUICE_PIPELINE_PLANNER_H
#define SLUICE_PIPELINE_PLANNER_H

#include "clickhouse/client.h"
#include "sluice/config.h"
#include "table/plan.h"

/* One attempt: reads `table` of clickhouse.database; with tables.create makes it first if it is missing and the shape
 * has types. `source` is the source table's identity, "name/db/schema.table"; a table that sluice made tells its own in
 * its comment. Errors: those of the ClickHouse client (SLUICE_RETRY where a later attempt may succeed), SLUICE_E_TABLE
 * (missing, or made for another source), SLUICE_E_UNSAFE (exactly_once, and the table is not fit for it), those of
 * sluice_plan_new() and sluice_ddl_create(). */
SLUICE_MUST_CHECK enum sluice_code planner_plan(struct sluice_ch_client *client, const struct sluice_config *config,
                                                const struct sluice_shape *shape, const char *table, const char *source,
                                                struct sluice_plan **out, struct sluice_error *err);

#endif
