/* The offset that a reset gives to a partition. */
#include "admin/offsets_plan.h"

#include "support/check.h"

enum { LOW = 100, HIGH = 200, NONE = -1 };

static const struct {
    enum sluice_offsets_to to;
    int64_t number;
    int64_t committed;
    int64_t found;
    int64_t next;
    enum offsets_clamp clamp;
    const char *warning; /* a part of it; NULL: none */
} cases[] = {
    {SLUICE_OFFSETS_TO_EARLIEST, 0, 150, 0, LOW, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_TO_LATEST, 0, NONE, 0, HIGH, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_TO_CURRENT, 0, 150, 0, 150, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_TO_CURRENT, 0, NONE, 0, HIGH, OFFSETS_AS_ASKED, "no offset is committed; the end, 200, is taken"},
    {SLUICE_OFFSETS_TO_CURRENT, 0, 50, 0, 50, OFFSETS_AS_ASKED, "50 is not in the topic, which holds 100 to 200"},
    {SLUICE_OFFSETS_TO_CURRENT, 0, 201, 0, 201, OFFSETS_AS_ASKED, "201 is not in the topic"},
    {SLUICE_OFFSETS_TO_OFFSET, 100, NONE, 0, 100, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_TO_OFFSET, 200, 150, 0, 200, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_TO_OFFSET, 201, 150, 0, 200, OFFSETS_LOWERED, "offset 201 is higher than the latest; 200"},
    {SLUICE_OFFSETS_TO_OFFSET, 99, 150, 0, 100, OFFSETS_RAISED, "offset 99 is lower than the earliest; 100"},
    {SLUICE_OFFSETS_TO_OFFSET, -5, 150, 0, 100, OFFSETS_RAISED, "offset -5 is lower"},
    {SLUICE_OFFSETS_SHIFT_BY, -7, 150, 0, 143, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_SHIFT_BY, 0, 150, 0, 150, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_SHIFT_BY, 50, 150, 0, 200, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_SHIFT_BY, 51, 150, 0, 200, OFFSETS_LOWERED, "offset 201"},
    {SLUICE_OFFSETS_SHIFT_BY, -51, 150, 0, 100, OFFSETS_RAISED, "offset 99"},
    {SLUICE_OFFSETS_SHIFT_BY, INT64_MAX, 150, 0, 200, OFFSETS_LOWERED, "offset 9223372036854775807"},
    {SLUICE_OFFSETS_SHIFT_BY, INT64_MIN, 150, 0, 100, OFFSETS_RAISED, "offset -9223372036854775658"},
    {SLUICE_OFFSETS_TO_TIME, 0, 150, 170, 170, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_TO_TIME, 0, 150, NONE, HIGH, OFFSETS_AS_ASKED, "no record is at or after that time; the end, 200"},
    {SLUICE_OFFSETS_TO_LSN, 0, 150, 170, 170, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_TO_LSN, 0, 150, NONE, HIGH, OFFSETS_AS_ASKED, "no record is at or after that position; the end"},
    {SLUICE_OFFSETS_TO_SOURCE_TIME, 0, 150, NONE, HIGH, OFFSETS_AS_ASKED, "no record is at or after that time"},
    {SLUICE_OFFSETS_FROM_FILE, 0, 150, 120, 120, OFFSETS_AS_ASKED, NULL},
    {SLUICE_OFFSETS_FROM_FILE, 0, NONE, 0, 100, OFFSETS_RAISED, "offset 0 is lower"},
    {SLUICE_OFFSETS_FROM_FILE, 0, NONE, 900, 200, OFFSETS_LOWERED, "offset 900 is higher"},
};

static void test_steps(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_error err;
        struct offsets_step step;
        char text[OFFSETS_WARNING];
        const struct offsets_facts facts = {.topic = "t",
                                            .partition = 3,
                                            .committed = cases[i].committed,
                                            .has_ends = true,
                                            .low = LOW,
                                            .high = HIGH,
                                            .found = cases[i].found};
        bool ok = CHECK_INT(offsets_plan_step(cases[i].to, cases[i].number, &facts, &step, &err), SLUICE_OK);
        ok = ok && CHECK_INT(step.next, cases[i].next) && CHECK_INT(step.clamp, cases[i].clamp);
        offsets_plan_warning(cases[i].to, &facts, &step, text);
        ok = ok && (cases[i].warning == NULL ? CHECK_TEXT(text, "") : CHECK_CONTAINS(text, cases[i].warning));
        if (!ok)
            (void)fprintf(stderr, "    case %zu\n", i);
    }
}

static void test_refusals(void)
{
    struct sluice_error err;
    struct offsets_step step;
    struct offsets_facts facts = {.topic = "t", .partition = 3, .committed = NONE, .has_ends = true, .high = 9};
    CHECK_INT(offsets_plan_step(SLUICE_OFFSETS_SHIFT_BY, -1, &facts, &step, &err), SLUICE_E_USAGE);
    CHECK_CONTAINS(err.text, "topic \"t\" partition 3: the group has committed no offset");
    facts.has_ends = false;
    facts.committed = 5;
    CHECK_INT(offsets_plan_step(SLUICE_OFFSETS_TO_EARLIEST, 0, &facts, &step, &err), SLUICE_E_KAFKA);
    CHECK_CONTAINS(err.text, "it has no leader");
}

static void test_labels(void)
{
    CHECK_TEXT(offsets_clamp_label(OFFSETS_AS_ASKED), "no");
    CHECK_TEXT(offsets_clamp_label(OFFSETS_RAISED), "earliest");
    CHECK_TEXT(offsets_clamp_label(OFFSETS_LOWERED), "latest");
}

int main(void)
{
    test_steps();
    test_refusals();
    test_labels();
    return check_result();
}
