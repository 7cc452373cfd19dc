/* ledger.h - the state of exactly-once delivery for a person: shown, and set anew where a partition can't go on.
 *
 * Both ask the same machine that drives a worker what it would do, so they never say something else. Thread: main,
 * before any other thread.
 */
#ifndef SLUICE_LEDGER_H
#define SLUICE_LEDGER_H

#include "sluice/config.h"

/* Which partitions. */
struct sluice_ledger_selection {
    const char *topic; /* NULL: all */
    int32_t partition; /* negative: all of the topic */
};

/* Prints each partition: where it stands in the ledger, what the group has committed, what a worker that starts now
 * would do, and the remedy where that is nothing. Changes nothing; only a table of the ledger that is missing is made.
 * Errors: SLUICE_E_USAGE (nothing selected), SLUICE_E_UNSAFE, those of ClickHouse and Kafka, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_show(const struct sluice_config *config,
                                                      const struct sluice_ledger_selection *selection, FILE *out,
                                                      bool json, struct sluice_error *err);

enum sluice_repair_to {
    SLUICE_REPAIR_TO_OFFSET,
    SLUICE_REPAIR_TO_EARLIEST,
    SLUICE_REPAIR_TO_LATEST,
    SLUICE_REPAIR_FROM_GROUP,
    SLUICE_REPAIR_AS_ADVISED /* those that a start would stop, by their states */
};

struct sluice_ledger_repair {
    struct sluice_ledger_selection selection;
    enum sluice_repair_to to;
    int64_t offset; /* SLUICE_REPAIR_TO_OFFSET */
    bool dry_run;   /* shows what would be written */
    bool yes;       /* asks nothing */
};

/* Writes new rows: next offset as told, no open range, a new `resets`, so that no token of before counts; then commits
 * the offset with the mark. Shows the plan first, with what may be stored twice or be missing because of it, and reads
 * the answer from `in`. `*done`: false when the answer was no. Errors: SLUICE_E_UNSAFE while the group has members
 * (named), SLUICE_E_LEDGER when a row was changed by somebody else meanwhile, else as sluice_ledger_show(). */
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_repair(const struct sluice_config *config,
                                                        const struct sluice_ledger_repair *repair, FILE *in, FILE *out,
                                                        bool *done, struct sluice_error *err);

#endif
