/* ledger_move.h - a partition is set to another offset: its row and the group's commit. Thread: main. */
#ifndef SLUICE_ADMIN_LEDGER_MOVE_H
#define SLUICE_ADMIN_LEDGER_MOVE_H

#include "admin/ledger_view.h"

/* The order is that of rule 2 in docs/delivery.md: first the ledger, by compare-and-set, then the commit of the same
 * offset with the mark. Ended in between, what the group has committed is not ahead of the row, so the row counts and
 * the move is done; but an offset that somebody set without our mark before, and no worker has seen since, counts as it
 * does without the move. In the Kafka ledger the commit is the row.
 *
 * `row`: repair_plan_make() of the entry's facts. Errors: SLUICE_E_LEDGER (somebody else changed the row meanwhile),
 * those of ledger and Kafka. */
SLUICE_MUST_CHECK enum sluice_code ledger_move(const struct ledger_view *view, const struct ledger_entry *entry,
                                               const struct sluice_ledger_row *row, struct sluice_error *err);

/* Without a ledger: the commit alone, with `text` beside it. Errors: those of Kafka. */
SLUICE_MUST_CHECK enum sluice_code ledger_move_commit(const struct ledger_view *view, const struct ledger_entry *entry,
                                                      int64_t offset, const char *text, struct sluice_error *err);

#endif
