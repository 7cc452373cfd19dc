/* repair_plan.h - the row that a repair writes, and what it means for the rows in the table. Pure. */
#ifndef SLUICE_ADMIN_REPAIR_PLAN_H
#define SLUICE_ADMIN_REPAIR_PLAN_H

#include "admin/foresight.h"

enum { REPAIR_EFFECT = 480 };

/* What `stores_twice` means for the tables. */
#define REPAIR_STORES_TWICE                                                                                            \
    "Stored twice: copies in a ReplacingMergeTree table are one row under FINAL; a table of tables.mode log shows "    \
    "both."

struct repair_plan {
    struct sluice_ledger_row row; /* to be written in place of facts->row, and as the mark of the committed offset */
    char effect[REPAIR_EFFECT];   /* what may be stored twice, or be missing; never empty */
    bool stores_twice;
};

/* `owner` and `resets` are random and new. Epoch and seq go past the row's and the mark's, so that whoever owned the
 * partition is fenced, and no mark is ahead of the row. */
void repair_plan_make(struct repair_plan *plan, const struct partition_facts *facts, int64_t next, uint64_t owner,
                      uint64_t resets);

#endif
