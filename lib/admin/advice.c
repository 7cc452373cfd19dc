/* advice.c - see advice.h. */
#include "admin/advice.h"

/* `offset` if the topic has it, else its oldest record. */
static int64_t within(const struct partition_facts *facts, int64_t offset)
{
    if (offset < 0)
        return -1;
    return offset >= facts->low && offset <= facts->high ? offset : facts->low;
}

int64_t advice_offset(const struct partition_facts *facts, const struct foresight *foresight)
{
    if (!facts->has_ends)
        return -1;
    switch (foresight->state) {
    case SLUICE_LEDGER_LOST:
    case SLUICE_LEDGER_BEHIND:
    case SLUICE_LEDGER_OTHER:
    case SLUICE_LEDGER_DAMAGED:
        return within(facts, facts->commit.offset);
    case SLUICE_LEDGER_OFFSET_LOST:
    case SLUICE_LEDGER_TOPIC_ANEW:
        return facts->low;
    case SLUICE_LEDGER_NOT_REBUILDABLE:
        return within(facts, foresight->row.hi + 1);
    case SLUICE_LEDGER_STARTING:
    case SLUICE_LEDGER_REPLAYING:
    case SLUICE_LEDGER_RUNNING:
    case SLUICE_LEDGER_CONTENDED:
    case SLUICE_LEDGER_ENDED:
    case SLUICE_N_LEDGER_STATES:
        return -1;
    }
    return -1;
}
