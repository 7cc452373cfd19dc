/* repair_plan.c - see repair_plan.h. */
#include "admin/repair_plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool has_row(const struct partition_facts *facts)
{
    return facts->exists && !facts->is_damaged;
}

/* The row, or the mark where it knows more: that of the last owner, and any where there is no row. */
static struct sluice_ledger_row known_row(const struct partition_facts *facts)
{
    const struct foresight foresight = foresee(facts);
    const struct sluice_ledger_commit *commit = &facts->commit;
    bool has_mark = commit->offset >= 0 && commit->text == SLUICE_LEDGER_TEXT_ROW && commit->row.next == commit->offset;
    if (foresight.start == SLUICE_LEDGER_FROM_COMMIT)
        return foresight.row;
    return !has_row(facts) && has_mark ? commit->row : facts->row;
}

static uint64_t after(uint64_t a, uint64_t b)
{
    return (a > b ? a : b) + 1;
}

static void add(struct repair_plan *plan, const char *format, ...) SLUICE_PRINTF(2, 3);
static void add(struct repair_plan *plan, const char *format, ...)
{
    size_t length = strlen(plan->effect);
    va_list args;
    if (length > 0 && length + 2 < sizeof plan->effect) {
        memcpy(plan->effect + length, "; ", 3);
        length += 2;
    }
    va_start(args, format);
    (void)vsnprintf(plan->effect + length, sizeof plan->effect - length, format, args);
    va_end(args);
}

static int64_t lower(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t higher(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* Stored: below known->next. Perhaps stored: known->next..known->hi. Not stored: everything above. */
static void tell_effect(struct repair_plan *plan, const struct sluice_ledger_row *known, bool row_is_lost, int64_t next)
{
    int64_t begin = known->next;
    int64_t end = higher(begin - 1, known->hi); /* the last one that may be stored */
    if (begin < 0) {
        add(plan,
            "the ledger knows of nothing that is stored; whatever the table holds of offsets from %" PRId64
            " on will be stored twice",
            next);
        plan->stores_twice = true;
        return;
    }
    if (next < begin)
        add(plan, "offsets %" PRId64 "-%" PRId64 " are stored and will be stored twice", next, begin - 1);
    if (next <= known->hi)
        add(plan, "offsets %" PRId64 "-%" PRId64 " may be stored already, and then will be stored twice",
            higher(next, begin), known->hi);
    if (known->hi >= 0 && next > begin)
        add(plan, "offsets %" PRId64 "-%" PRId64 " may be missing: whether they are stored is not found out", begin,
            lower(next - 1, known->hi));
    if (row_is_lost) {
        add(plan,
            "the range that was open when the row was lost is not known: offsets from %" PRId64
            " on may be stored already, and then will be stored twice, or be missing where they are passed over",
            begin);
        plan->stores_twice = true;
        return;
    }
    if (next > end + 1)
        add(plan, "offsets %" PRId64 "-%" PRId64 " will be missing: they are not stored and not read", end + 1,
            next - 1);
    plan->stores_twice = next < begin || next <= known->hi;
    if (plan->effect[0] == '\0')
        add(plan, "nothing is stored twice and nothing is missing");
}

void repair_plan_make(struct repair_plan *plan, const struct partition_facts *facts, int64_t next, uint64_t owner,
                      uint64_t resets)
{
    const struct sluice_ledger_row known = known_row(facts);
    bool has_mark = facts->commit.text == SLUICE_LEDGER_TEXT_ROW;
    *plan = (struct repair_plan){0};
    sluice_ledger_row_init(&plan->row);
    plan->row.epoch = after(facts->row.epoch, has_mark ? facts->commit.row.epoch : 0);
    plan->row.seq = after(facts->row.seq, has_mark ? facts->commit.row.seq : 0);
    plan->row.owner = owner;
    plan->row.resets = resets;
    plan->row.next = next;
    /* What is known of the source holds at that offset only: versions of later ones would beat what is read again. */
    if (next == known.next) {
        plan->row.source = known.source;
        plan->row.check = known.check;
    }
    const struct sluice_ledger_commit *commit = &facts->commit;
    bool is_lost = has_mark && (!has_row(facts) || commit->row.seq > facts->row.seq);
    tell_effect(plan, &known, is_lost, next);
}
