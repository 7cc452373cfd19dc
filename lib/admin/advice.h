/* advice.h - where a partition that a worker would stop should go on, by its state. Pure.
 *
 * What the ledger can't tell any more, the group's offset can (ledger_lost, ledger_behind, other_ledger, row_damaged);
 * where records are gone, the oldest that is left; behind a range that can't be rebuilt, the offset behind it. */
#ifndef SLUICE_ADMIN_ADVICE_H
#define SLUICE_ADMIN_ADVICE_H

#include "admin/foresight.h"

/* -1: the partition would not stop, or nothing is known that could be advised. */
int64_t advice_offset(const struct partition_facts *facts, const struct foresight *foresight);

#endif
