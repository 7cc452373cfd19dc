/* settle_support.h - the plan that the tests of settling share. */
#ifndef SLUICE_TESTS_SETTLE_SUPPORT_H
#define SLUICE_TESTS_SETTLE_SUPPORT_H

#include "table_support.h"

#include "table/plan_detail.h"

/* id Int32 (the source's key), place Int32, tx Nullable(String); sorted by id, with `has_places` by id and place. */
static inline struct sluice_plan *settle_plan(bool has_places)
{
    struct sluice_source_column columns[] = {
        {.name = "id", .type = SLUICE_SOURCE_INT32},
        {.name = "place", .type = SLUICE_SOURCE_INT32},
        {.name = "tx", .type = SLUICE_SOURCE_STRING, .optional = true},
    };
    const struct sluice_shape shape = shape_of(columns, SLUICE_N_ELEMENTS(columns), 1);
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "id", "Int32", "place", "Int32", "tx", "Nullable(String)");
    if (sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    if (has_places) {
        plan->columns[1].key_position = (int)plan->key.n_columns;
        sortkey_add(&plan->key, &plan->columns[1].convert.type);
        plan->n_extra_sort = 1;
    }
    return plan;
}

#endif
