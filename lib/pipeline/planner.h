/* planner.h - finds, makes or changes the target of a source table, and plans its rows. Thread: sender. */
#ifndef SLUICE_PIPELINE_PLANNER_H
#define SLUICE_PIPELINE_PLANNER_H

#include "clickhouse/client.h"
#include "sluice/config.h"
#include "table/ddl.h"
#include "table/plan.h"

/* What is to be planned. Borrowed for the call. */
struct planner_task {
    const struct sluice_config *config;
    const struct sluice_table_settings *settings;
    const struct sluice_shape *shape;
    const char *source; /* "name/db/schema.table"; a table that sluice made tells its own in its comment */
    bool must_exist;    /* the target was there before and is not ours to make: if it is gone, somebody else acts */
};

/* What was found out about the target. */
struct planner_found {
    bool is_ours;    /* sluice made it */
    bool is_changed; /* one of the attempts made or changed it: plans made before are stale */
};

/* Options of the statements for the task's target, as the server's version has them. Errors: as sluice_ch_probe(). */
SLUICE_MUST_CHECK enum sluice_code planner_ddl_options(struct sluice_ch_client *client, const struct planner_task *task,
                                                       struct sluice_ddl_options *out, struct sluice_error *err);
/* What is refused before anything of a target is changed: an engine that takes no versions, and rows of two source
 * tables in one target where no rule allows that. */
SLUICE_MUST_CHECK enum sluice_code planner_check_target(const struct planner_task *task,
                                                        const struct sluice_target *target, struct sluice_error *err);

/* One attempt: reads the target; with tables.create makes it if it is missing, and adds the columns that it lacks; with
 * tables.widen makes those wider that sluice made. *found is zero before the first attempt. Errors: those of the
 * ClickHouse client (SLUICE_RETRY where a later attempt may succeed), SLUICE_E_TABLE (missing, or made for another
 * source), SLUICE_E_UNSAFE (exactly_once, and the table is not fit for it), those of sluice_plan_new() and
 * sluice_ddl_create().
 */
SLUICE_MUST_CHECK enum sluice_code planner_plan(struct sluice_ch_client *client, const struct planner_task *task,
                                                struct planner_found *found, struct sluice_plan **out,
                                                struct sluice_error *err);

#endif
