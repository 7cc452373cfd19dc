/* Where each state is advised to go on. */
#include "admin/advice.h"

#include "base/compiler.h"
#include "support/check.h"

enum { LOW = 50, HIGH = 200 };

static const struct {
    enum sluice_ledger_state state;
    int64_t committed;
    int64_t hi;
    int64_t offset;
} cases[] = {
    {SLUICE_LEDGER_STARTING, 100, -1, -1},
    {SLUICE_LEDGER_REPLAYING, 100, 159, -1},
    {SLUICE_LEDGER_RUNNING, 100, -1, -1},
    {SLUICE_LEDGER_CONTENDED, 100, -1, -1},
    {SLUICE_LEDGER_ENDED, 100, -1, -1},
    {SLUICE_LEDGER_LOST, 100, -1, 100},
    {SLUICE_LEDGER_LOST, -1, -1, -1},
    {SLUICE_LEDGER_BEHIND, 200, -1, 200},
    {SLUICE_LEDGER_BEHIND, 201, -1, LOW},
    {SLUICE_LEDGER_OTHER, 50, -1, 50},
    {SLUICE_LEDGER_OTHER, 49, -1, LOW},
    {SLUICE_LEDGER_DAMAGED, 60, -1, 60},
    {SLUICE_LEDGER_DAMAGED, -1, -1, -1},
    {SLUICE_LEDGER_OFFSET_LOST, 20, -1, LOW},
    {SLUICE_LEDGER_TOPIC_ANEW, 100, -1, LOW},
    {SLUICE_LEDGER_TOPIC_ANEW, 100, 159, LOW},
    {SLUICE_LEDGER_NOT_REBUILDABLE, 40, 59, 60},
    {SLUICE_LEDGER_NOT_REBUILDABLE, 40, 199, 200},
    {SLUICE_LEDGER_NOT_REBUILDABLE, 40, 300, LOW},
    {SLUICE_LEDGER_NOT_REBUILDABLE, 20, 30, LOW},
};

int main(void)
{
    bool seen[SLUICE_N_LEDGER_STATES] = {false};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct partition_facts facts = {
            .commit = {.offset = cases[i].committed}, .has_ends = true, .low = LOW, .high = HIGH};
        struct foresight foresight = {.state = cases[i].state};
        sluice_ledger_row_init(&foresight.row);
        foresight.row.hi = cases[i].hi;
        if (!CHECK_INT(advice_offset(&facts, &foresight), cases[i].offset))
            (void)fprintf(stderr, "    %s\n", sluice_ledger_state_label(cases[i].state));
        facts.has_ends = false;
        CHECK_INT(advice_offset(&facts, &foresight), -1);
        seen[cases[i].state] = true;
    }
    for (int state = 0; state < SLUICE_N_LEDGER_STATES; state++)
        CHECK(seen[state]);
    return check_result();
}
