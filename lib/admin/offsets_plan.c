/* offsets_plan.c - see offsets_plan.h. */
#include "admin/offsets_plan.h"

#include <inttypes.h>
#include <stdio.h>

const char *offsets_clamp_label(enum offsets_clamp clamp)
{
    static const char *const labels[] = {"no", "earliest", "latest"};
    return labels[clamp];
}

static struct offsets_step clamped(const struct offsets_facts *facts, int64_t asked)
{
    struct offsets_step step = {.asked = asked, .next = asked};
    if (asked > facts->high) {
        step.next = facts->high;
        step.clamp = OFFSETS_LOWERED;
    } else if (asked < facts->low) {
        step.next = facts->low;
        step.clamp = OFFSETS_RAISED;
    }
    return step;
}

static struct offsets_step exactly(int64_t offset)
{
    return (struct offsets_step){.asked = offset, .next = offset};
}

static struct offsets_step or_end(const struct offsets_facts *facts, int64_t offset)
{
    struct offsets_step step = exactly(offset >= 0 ? offset : facts->high);
    step.is_end_instead = offset < 0;
    return step;
}

/* An offset is never negative, so only the sum with a positive number can be too large. */
static int64_t shifted(int64_t offset, int64_t by)
{
    return by > 0 && offset > INT64_MAX - by ? INT64_MAX : offset + by;
}

enum sluice_code offsets_plan_step(enum sluice_offsets_to to, int64_t number, const struct offsets_facts *facts,
                                   struct offsets_step *out, struct sluice_error *err)
{
    if (!facts->has_ends)
        return sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_RETRY,
                                "topic \"%s\" partition %" PRId32 ": no broker tells which offsets it holds (it has "
                                "no leader); wait for the broker, or select other partitions",
                                facts->topic, facts->partition);
    if (to == SLUICE_OFFSETS_SHIFT_BY && facts->committed < 0)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "topic \"%s\" partition %" PRId32 ": the group has committed no offset that could be "
                                "shifted; take --to-offset, or select other partitions",
                                facts->topic, facts->partition);
    switch (to) {
    case SLUICE_OFFSETS_TO_EARLIEST:
        *out = exactly(facts->low);
        break;
    case SLUICE_OFFSETS_TO_LATEST:
        *out = exactly(facts->high);
        break;
    case SLUICE_OFFSETS_TO_CURRENT:
        *out = or_end(facts, facts->committed);
        break;
    case SLUICE_OFFSETS_TO_OFFSET:
        *out = clamped(facts, number);
        break;
    case SLUICE_OFFSETS_SHIFT_BY:
        *out = clamped(facts, shifted(facts->committed, number));
        break;
    case SLUICE_OFFSETS_TO_TIME:
    case SLUICE_OFFSETS_TO_LSN:
    case SLUICE_OFFSETS_TO_SOURCE_TIME:
        *out = or_end(facts, facts->found);
        break;
    case SLUICE_OFFSETS_FROM_FILE:
        *out = clamped(facts, facts->found);
        break;
    }
    return SLUICE_OK;
}

void offsets_plan_warning(enum sluice_offsets_to to, const struct offsets_facts *facts, const struct offsets_step *step,
                          char text[OFFSETS_WARNING])
{
    text[0] = '\0';
    if (step->clamp == OFFSETS_LOWERED)
        (void)snprintf(text, OFFSETS_WARNING,
                       "offset %" PRId64 " is higher than the latest; %" PRId64 " is taken instead", step->asked,
                       step->next);
    else if (step->clamp == OFFSETS_RAISED)
        (void)snprintf(text, OFFSETS_WARNING,
                       "offset %" PRId64 " is lower than the earliest; %" PRId64 " is taken instead", step->asked,
                       step->next);
    else if (step->is_end_instead)
        (void)snprintf(text, OFFSETS_WARNING, "%s; the end, %" PRId64 ", is taken",
                       to == SLUICE_OFFSETS_TO_CURRENT ? "no offset is committed"
                       : to == SLUICE_OFFSETS_TO_LSN   ? "no record is at or after that position"
                                                       : "no record is at or after that time",
                       step->next);
    else if (step->next < facts->low || step->next > facts->high)
        (void)snprintf(text, OFFSETS_WARNING,
                       "the committed offset %" PRId64 " is not in the topic, which holds %" PRId64 " to %" PRId64,
                       step->next, facts->low, facts->high);
}
