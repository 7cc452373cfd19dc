/* The row that a repair writes, and what is said about the rows in the table. */
#include "admin/repair_plan.h"

#include <stdlib.h>

#include "support/check.h"

enum { OWNER = 77, RESETS = 88 };

static struct partition_facts facts_of(bool exists, int64_t next, int64_t hi)
{
    struct partition_facts facts = {.exists = exists, .commit = {.offset = -1}};
    sluice_ledger_row_init(&facts.row);
    facts.row.next = next;
    facts.row.hi = hi;
    if (exists) {
        facts.row.epoch = 3;
        facts.row.seq = 9;
        facts.row.resets = 5;
        facts.row.attempt = hi >= 0 ? 2 : 0;
        facts.row.check.offset = next - 1;
    }
    return facts;
}

static void set_mark(struct partition_facts *facts, int64_t offset, uint64_t epoch, uint64_t seq)
{
    char text[SLUICE_LEDGER_TEXT];
    struct sluice_ledger_row mark;
    sluice_ledger_row_init(&mark);
    mark.next = offset;
    mark.epoch = epoch;
    mark.seq = seq;
    mark.resets = 5;
    mark.check.offset = offset - 1;
    sluice_ledger_row_format(&mark, SLUICE_LEDGER_KEEPER_MAP, "/p", text);
    facts->commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/p", offset, text);
}

static void test_effects(void)
{
    static const struct {
        int64_t next; /* of the row */
        int64_t hi;
        int64_t to;
        bool twice;
        const char *effect;
    } cases[] = {
        {100, -1, 100, false, "nothing is stored twice and nothing is missing"},
        {100, -1, 40, true, "offsets 40-99 are stored and will be stored twice"},
        {100, -1, 150, false, "offsets 100-149 will be missing: they are not stored and not read"},
        {100, 159, 100, true, "offsets 100-159 may be stored already, and then will be stored twice"},
        {100, 159, 40, true,
         "offsets 40-99 are stored and will be stored twice; offsets 100-159 may be stored already, and then will be "
         "stored twice"},
        {100, 159, 120, true,
         "offsets 120-159 may be stored already, and then will be stored twice; offsets 100-119 may be missing: "
         "whether "
         "they are stored is not found out"},
        {100, 159, 160, false, "offsets 100-159 may be missing: whether they are stored is not found out"},
        {100, 159, 200, false,
         "offsets 100-159 may be missing: whether they are stored is not found out; offsets 160-199 will be missing: "
         "they are not stored and not read"},
        {0, -1, 0, false, "nothing is stored twice and nothing is missing"},
        {-1, -1, 40, true,
         "the ledger knows of nothing that is stored; whatever the table holds of offsets from 40 on will be stored "
         "twice"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct repair_plan plan;
        const struct partition_facts facts = facts_of(true, cases[i].next, cases[i].hi);
        repair_plan_make(&plan, &facts, cases[i].to, OWNER, RESETS);
        CHECK_TEXT(plan.effect, cases[i].effect);
        CHECK_INT(plan.stores_twice, cases[i].twice);
    }
}

static void test_row(void)
{
    struct repair_plan plan;
    struct partition_facts facts = facts_of(true, 100, 159);
    repair_plan_make(&plan, &facts, 160, OWNER, RESETS);
    CHECK_INT(plan.row.epoch, 4);
    CHECK_INT(plan.row.seq, 10);
    CHECK_INT(plan.row.owner, OWNER);
    CHECK_INT(plan.row.resets, RESETS);
    CHECK_INT(plan.row.next, 160);
    CHECK_INT(plan.row.hi, -1);
    CHECK_INT(plan.row.attempt, 0);
    CHECK_INT(plan.row.check.offset, -1);
    repair_plan_make(&plan, &facts, 100, OWNER, RESETS);
    CHECK_INT(plan.row.check.offset, 99); /* the same place: what is known of it stays */
}

/* The mark of the last owner tells that the open range was acknowledged. */
static void test_mark_ahead(void)
{
    struct repair_plan plan;
    struct partition_facts facts = facts_of(true, 100, 159);
    set_mark(&facts, 160, 3, 9);
    repair_plan_make(&plan, &facts, 160, OWNER, RESETS);
    CHECK_TEXT(plan.effect, "nothing is stored twice and nothing is missing");
    CHECK_INT(plan.row.check.offset, 159);
}

/* Lost and behind: the mark is what is known, and no mark may be ahead of the new row. */
static void test_lost(void)
{
    struct repair_plan plan;
    struct partition_facts facts = facts_of(false, -1, -1);
    set_mark(&facts, 160, 6, 30);
    repair_plan_make(&plan, &facts, 160, OWNER, RESETS);
    CHECK_CONTAINS(plan.effect, "the range that was open when the row was lost is not known: offsets from 160 on may");
    CHECK(plan.stores_twice);
    CHECK_INT(plan.row.epoch, 7);
    CHECK_INT(plan.row.seq, 31);
    facts = facts_of(true, 100, -1);
    set_mark(&facts, 160, 6, 30);
    repair_plan_make(&plan, &facts, 160, OWNER, RESETS);
    CHECK_INT(plan.row.epoch, 7);
    CHECK_INT(plan.row.seq, 31);
}

/* The mark says what the row can't; epoch and seq go past both. */
static void test_damaged(void)
{
    struct repair_plan plan;
    struct partition_facts facts = facts_of(true, -1, -1);
    facts.is_damaged = true;
    repair_plan_make(&plan, &facts, 40, OWNER, RESETS);
    CHECK_CONTAINS(plan.effect, "the ledger knows of nothing that is stored");
    CHECK_INT(plan.row.epoch, 4);
    set_mark(&facts, 160, 6, 30);
    repair_plan_make(&plan, &facts, 160, OWNER, RESETS);
    CHECK_CONTAINS(plan.effect, "the range that was open when the row was lost is not known: offsets from 160 on");
    CHECK_INT(plan.row.epoch, 7);
    CHECK_INT(plan.row.seq, 31);
    CHECK_INT(plan.row.check.offset, 159);
}

/* After the repair and its commit a worker goes on, whatever stood there before; also if the commit was never made. */
static void test_start_afterwards(void)
{
    static const bool exists[] = {true, true, false};
    static const int64_t hi[] = {-1, 159, -1};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(exists); i++) {
        struct repair_plan plan;
        struct foresight foresight;
        char text[SLUICE_LEDGER_TEXT];
        struct partition_facts facts = facts_of(exists[i], exists[i] ? 100 : -1, hi[i]);
        set_mark(&facts, 160, 6, 30);
        repair_plan_make(&plan, &facts, 120, OWNER, RESETS);
        facts.exists = true;
        facts.row = plan.row;
        foresight = foresee(&facts);
        CHECK_INT(foresight.state, SLUICE_LEDGER_RUNNING);
        CHECK_INT(foresight.row.next, 120);
        sluice_ledger_row_format(&plan.row, SLUICE_LEDGER_KEEPER_MAP, "/p", text);
        facts.commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/p", 120, text);
        foresight = foresee(&facts);
        CHECK_INT(foresight.state, SLUICE_LEDGER_RUNNING);
        CHECK_INT(foresight.start, SLUICE_LEDGER_FROM_ROW);
        CHECK_INT(foresight.row.next, 120);
        CHECK_TEXT(commit_mark(&facts), "ours");
    }
}

int main(void)
{
    test_effects();
    test_row();
    test_mark_ahead();
    test_lost();
    test_damaged();
    test_start_afterwards();
    return check_result();
}
