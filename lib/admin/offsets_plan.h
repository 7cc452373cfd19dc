/* offsets_plan.h - the offset that a reset gives to one partition, from what was asked and what the broker says. Pure.
 *
 * The same as Kafka's own tool (Apache Kafka 4, OffsetsUtils): an offset that is asked for by number is moved into the
 * range of the partition, with a warning; the committed one stays what it is. */
#ifndef SLUICE_ADMIN_OFFSETS_PLAN_H
#define SLUICE_ADMIN_OFFSETS_PLAN_H

#include "base/error.h"
#include "sluice/offsets.h"

enum offsets_clamp { OFFSETS_AS_ASKED, OFFSETS_RAISED /* to the earliest */, OFFSETS_LOWERED /* to the latest */ };
const char *offsets_clamp_label(enum offsets_clamp clamp); /* "no", "earliest", "latest" */

/* What is known of one partition. */
struct offsets_facts {
    const char *topic;
    int32_t partition;
    int64_t committed; /* negative: none */
    bool has_ends;     /* low and high are known */
    int64_t low;
    int64_t high;
    int64_t found; /* TO_TIME, TO_LSN, TO_SOURCE_TIME: where it is, negative: nowhere. FROM_FILE: the line's offset */
};

struct offsets_step {
    int64_t asked; /* before it was moved into the range */
    int64_t next;
    enum offsets_clamp clamp;
    bool is_end_instead; /* nothing is at or after the time, or nothing is committed: the end was taken */
};

/* Errors: SLUICE_E_USAGE (no committed offset to shift), SLUICE_E_KAFKA (no broker tells the range). */
SLUICE_MUST_CHECK enum sluice_code offsets_plan_step(enum sluice_offsets_to to, int64_t number,
                                                     const struct offsets_facts *facts, struct offsets_step *out,
                                                     struct sluice_error *err);

enum { OFFSETS_WARNING = 160 };
/* Why the offset is not what was asked for; "" where it is. */
void offsets_plan_warning(enum sluice_offsets_to to, const struct offsets_facts *facts, const struct offsets_step *step,
                          char text[OFFSETS_WARNING]);

#endif
