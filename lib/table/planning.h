/* planning.h - a plan while it is made: plan.c pairs fields and columns, plan_keys.c looks at the keys of the target,
 * plan_texts.c writes the INSERT. Private to these. */
#ifndef SLUICE_TABLE_PLANNING_H
#define SLUICE_TABLE_PLANNING_H

#include "table/plan_detail.h"

enum { PLANNING_MAX_COMPANION_NAME = 1024 }; /* names of columns are shorter by far */

/* What is known while a plan is made. */
struct planning {
    const struct sluice_shape *shape;
    const struct sluice_target *target;
    const struct sluice_plan_options *options;
    struct sluice_plan *plan;
    struct sluice_error *err;
    const char *version_column;
    const char *deleted_column;
};

/* An error that names source table and target. */
#define REFUSE(p, code, ...)                                                                                           \
    (sluice_error_set((p)->err, (code), SLUICE_STOP_PARTITION, __VA_ARGS__),                                           \
     sluice_error_wrap((p)->err, "plan \"%s.%s\" into \"%s.%s\"", (p)->shape->schema, (p)->shape->table,               \
                       (p)->target->database, (p)->target->table))

/* Rows are known by their place in Kafka, as the source table has no key and a rule allows that. */
static inline bool planning_by_position(const struct planning *p)
{
    const struct sluice_table_settings *settings = p->options->settings;
    return p->shape->n_key == 0 && settings != NULL && settings->no_key == SLUICE_NO_KEY_POSITION;
}

/* Fields and columns are paired: what the sorting key and the partition key of the target mean for them.
 * Errors: SLUICE_E_TABLE, SLUICE_E_KEY, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code planning_keys(struct planning *p);
/* The INSERT and its header, and the names that stand in them. Errors: SLUICE_E_LIMIT, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code planning_texts(struct planning *p);

#endif
