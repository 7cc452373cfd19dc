/* ranges.c - see ranges.h: records become ranges, and the life of a partition. */
#include "pipeline/ranges_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "ledger/check.h"
#include "pipeline/letters.h"

#include <stdlib.h>

enum {
    MAX_REBUILT_ROWS = 1000000, /* what one statement held before may be more than batch.max_* allow today: the most */
    MAX_REBUILT_BYTES = 256 << 20, /* that they can be set to, and the plan may have grown */
    END_GRACE_US = 30000000        /* a broker that has just started may show an end that is too low */
};

void ranges_free_flights(struct lane *lane, struct partition *p, const struct range *range)
{
    for (struct flight *flight = p->lane.flights, *next = NULL; flight != NULL; flight = next) {
        next = flight->next;
        if (flight->range == range)
            flight_free(lane, flight);
    }
}

void ranges_release_kept(struct lane *lane, struct ranges *r)
{
    if (r->kept != NULL)
        lane_drop_message(lane, r->kept);
    r->kept = NULL;
}

/* The record before `lo`, as the ledger remembers it. */
static struct sluice_ledger_check describe(struct lane *lane, const rd_kafka_message_t *message)
{
    const struct sluice_str key = {message->key, message->key_len};
    const struct sluice_str value = {message->payload, message->len};
    return sluice_ledger_check_of(message->offset, lane->world.ops->timestamp_ms(message), key, value);
}

struct range *ranges_seal(struct lane *lane, struct partition *p, int64_t hi)
{
    struct ranges *r = p->lane.ranges;
    struct range *range = calloc(1, sizeof *range);
    if (range == NULL)
        SLUICE_BUG("no memory for a range");
    if (r->kept != NULL)
        r->check = describe(lane, r->kept);
    ranges_release_kept(lane, r); /* it holds the whole response of the broker that it came in */
    range->wake.kind = JOB_WAKE;
    range->partition = p;
    range->lo = r->lo;
    range->hi = hi;
    range->after = p->lane.state;
    range->check = r->check;
    range->skip = r->skip;
    r->skip.n = 0;
    range->began_us = sluice_mono_us();
    for (struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        struct flight *flight = binding->open;
        if (flight != NULL && flight_close(lane, flight))
            flight->range = range;
    }
    *r->last = range;
    r->last = &range->next;
    r->lo = hi + 1;
    r->since_us = 0;
    r->is_full = false;
    return range;
}

void ranges_drop_open(struct lane *lane, struct partition *p)
{
    for (struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        if (binding->open != NULL)
            flight_free(lane, binding->open);
    }
}

/* Forgets ranges whose flights are all here. */
void ranges_drop_sealed(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    struct range **at = &r->first;
    while (*at != NULL) {
        struct range *range = *at;
        if (range->n_out > 0) {
            at = &range->next;
            continue;
        }
        *at = range->next;
        ranges_free_flights(lane, p, range);
        free(range);
    }
    r->last = at;
}

void ranges_set_rebuild(struct partition *p, int64_t hi)
{
    const struct sluice_ledger_skip *skip = &p->lane.ranges->machine.row.skip;
    p->lane.ranges->rebuild_hi = hi;
    p->lane.skip = hi >= 0 && skip->n > 0 ? skip : NULL;
    atomic_store_explicit(&p->status->rebuilding, hi >= 0, memory_order_relaxed);
}

void ranges_attach(struct lane *lane, struct partition *p)
{
    struct ranges *r = calloc(1, sizeof *r);
    if (r == NULL)
        SLUICE_BUG("no memory for a partition's ranges");
    sluice_ledger_machine_init(&r->machine, lane->world.commits_apart);
    r->last = &r->first;
    r->lo = -1;
    r->rebuild_hi = -1;
    r->check.offset = -1;
    p->lane.ranges = r;
    p->lane.position = -1;
    p->lane.announced = -1;
    ranges_feed(lane, p,
                &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_ASSIGNED,
                                              .commit = p->commit,
                                              .owner = sluice_random_u64(),
                                              .resets = sluice_random_u64()});
}

void ranges_free(struct lane *lane, struct partition *p)
{
    ranges_drop_open(lane, p);
    ranges_drop_sealed(lane, p);
    ranges_release_kept(lane, p->lane.ranges);
    free(p->lane.ranges);
    p->lane.ranges = NULL;
}

static void rebuilt(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    struct range *range = ranges_seal(lane, p, r->rebuild_hi);
    if (p->lane.position <= range->hi)
        p->lane.position = range->hi + 1;
    range->is_replay = true;
    range->skip = r->machine.row.skip;
    ranges_set_rebuild(p, -1);
    ranges_give(lane, p, range, SLUICE_LEDGER_REBUILT);
}

static void set_gone(struct lane *lane, struct partition *p, enum sluice_ledger_loss loss, int64_t restart_at)
{
    struct ranges *r = p->lane.ranges;
    if (ranges_over(r) || r->gone)
        return;
    r->gone = true;
    r->loss = loss;
    r->restart_at = restart_at;
    if (r->rebuild_hi >= 0) {
        ranges_set_rebuild(p, -1);
        ranges_drop_open(lane, p);
        ranges_feed(lane, p,
                    &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_RECORDS_GONE,
                                                  .loss = loss,
                                                  .restart_at = restart_at,
                                                  .resets = sluice_random_u64()});
        return;
    }
    ranges_give_if_resting(lane, p);
}

void ranges_gone(struct lane *lane, struct partition *p, int64_t restart_at)
{
    set_gone(lane, p, SLUICE_LEDGER_OUT_OF_RANGE, restart_at);
}

bool ranges_admit(struct lane *lane, struct partition *p, const rd_kafka_message_t *message)
{
    struct ranges *r = p->lane.ranges;
    if (SLUICE_UNLIKELY(r->gone || r->seeking || ranges_over(r)))
        return false;
    if (SLUICE_UNLIKELY(r->rebuild_hi >= 0 && message->offset > r->rebuild_hi))
        rebuilt(lane, p);
    if (SLUICE_UNLIKELY(message->offset < p->lane.position)) {
        struct sluice_ledger_check found = {-1, 0, 0};
        const struct sluice_ledger_check *known = &r->machine.row.check;
        if (message->offset != known->offset || known->offset != r->check.offset)
            return false;
        found = describe(lane, message);
        if (!sluice_ledger_check_equal(&found, known))
            set_gone(lane, p, SLUICE_LEDGER_OTHER_RECORD, ranges_restart_at(lane));
        return false;
    }
    if (SLUICE_UNLIKELY(r->lo < 0))
        r->lo = message->offset;
    return true;
}

void ranges_took(struct lane *lane, struct partition *p, rd_kafka_message_t *message)
{
    struct ranges *r = p->lane.ranges;
    ranges_release_kept(lane, r);
    r->kept = message;
    if (SLUICE_UNLIKELY(r->rebuild_hi >= 0)) {
        r->short_us = 0;
        if (message->offset == r->rebuild_hi)
            rebuilt(lane, p);
    } else if (SLUICE_UNLIKELY(r->is_full)) {
        (void)ranges_seal(lane, p, message->offset);
        ranges_give_if_resting(lane, p);
    }
}

bool ranges_skip(struct partition *p, int64_t offset)
{
    struct ranges *r = p->lane.ranges;
    if (r->rebuild_hi >= 0)
        return false;
    r->skip.offsets[r->skip.n++] = offset;
    /* The other half is for what the server refuses. */
    r->is_full = r->is_full || r->skip.n >= SLUICE_LEDGER_MAX_SKIP / 2;
    return true;
}

void ranges_go_on(struct lane *lane, struct partition *p)
{
    struct range *range = p->lane.ranges->first;
    if (range == NULL || ranges_over(p->lane.ranges))
        return;
    if (range->is_probed && range->n_out == 0 && !range->refused)
        ranges_leave_out(lane, p, range);
    else
        ranges_give_if_resting(lane, p);
}

void ranges_full(struct partition *p)
{
    p->lane.ranges->is_full = true;
}

bool ranges_cut(struct lane *lane, struct partition *p)
{
    if (p->lane.ranges->rebuild_hi >= 0)
        return false;
    (void)ranges_seal(lane, p, p->lane.position - 1);
    ranges_give_if_resting(lane, p);
    return true;
}

struct lane_limits ranges_limits(const struct lane *lane, const struct partition *p)
{
    struct lane_limits limits = lane->limits;
    if (p->lane.ranges != NULL && p->lane.ranges->rebuild_hi >= 0) {
        limits.max_rows = MAX_REBUILT_ROWS;
        limits.max_bytes = MAX_REBUILT_BYTES;
    }
    return limits;
}

void ranges_reached(struct lane *lane, struct partition *p, int64_t end)
{
    struct ranges *r = p->lane.ranges;
    if (r->gone || r->seeking || ranges_over(r))
        return;
    if (p->lane.position < end)
        p->lane.position = end;
    if (r->lo < 0)
        r->lo = end;
    if (r->rebuild_hi < 0)
        return;
    if (end > r->rebuild_hi)
        rebuilt(lane, p);
    else if (r->short_us == 0)
        r->short_us = sluice_mono_us();
}

void ranges_tick(struct lane *lane, struct partition *p, int64_t now_us)
{
    struct ranges *r = p->lane.ranges;
    if (ranges_over(r))
        return;
    if (r->since_us == 0 && r->lo >= 0 && p->lane.position > r->lo)
        r->since_us = now_us;
    if (r->rebuild_hi >= 0 && r->short_us > 0 && now_us - r->short_us > END_GRACE_US)
        set_gone(lane, p, SLUICE_LEDGER_OUT_OF_RANGE, ranges_restart_at(lane));
    else if (sluice_ledger_machine_rests(&r->machine) &&
             (r->first != NULL || r->gone || ranges_must_begin(r) || ranges_due(lane, p, now_us)))
        ranges_give_next(lane, p);
}

/* True while what was read can still be delivered. */
static bool delivers(const struct ranges *r)
{
    return r->machine.state == SLUICE_LEDGER_RUNNING ||
           (r->machine.state == SLUICE_LEDGER_REPLAYING && r->rebuild_hi < 0);
}

void ranges_stop(struct lane *lane, struct partition *p)
{
    if (!delivers(p->lane.ranges)) {
        ranges_drop_open(lane, p);
        return;
    }
    ranges_give_if_resting(lane, p);
}

void ranges_detach(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    if (delivers(r)) {
        ranges_give_if_resting(lane, p);
        return;
    }
    ranges_drop_open(lane, p);
    if (!r->calling)
        ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LEAVE});
}

void ranges_abandon(struct lane *lane, struct partition *p)
{
    ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LEAVE});
    ranges_drop_open(lane, p);
    ranges_drop_sealed(lane, p);
}

bool ranges_finished(const struct partition *p)
{
    const struct ranges *r = p->lane.ranges;
    if (r->calling)
        return false;
    for (const struct range *range = r->first; range != NULL; range = range->next) {
        if (range->n_out > 0)
            return false;
    }
    if (ranges_over(r) || p->lane.abandoned || (r->first != NULL && r->first->refused))
        return true;
    return sluice_ledger_machine_rests(&r->machine) && r->first == NULL && (r->lo < 0 || p->lane.position <= r->lo);
}

bool ranges_only_waits(const struct partition *p)
{
    const struct ranges *r = p->lane.ranges;
    return !r->calling && r->first != NULL && r->first->waits && r->first->n_out == 0 && !ranges_over(r);
}

bool ranges_in_trouble(const struct partition *p)
{
    const struct ranges *r = p->lane.ranges;
    return (r->calling && r->call.job.n_attempts > 0) || (r->first != NULL && r->first->wake.n_attempts > 0);
}

int64_t ranges_durable(const struct partition *p, struct sluice_ledger_row *mark)
{
    const struct sluice_ledger_machine *m = &p->lane.ranges->machine;
    *mark = m->row;
    mark->hi = -1;
    mark->attempt = 0;
    mark->last = (struct sluice_ledger_check){.offset = -1};
    mark->skip.n = 0;
    return m->row.next;
}

struct partition *ranges_partition(const struct job *job)
{
    return job->kind == JOB_WAKE ? ((const struct range *)job)->partition : ((const struct ledger_job *)job)->partition;
}

void ranges_drop_job(struct job *job)
{
    if (job->kind == JOB_LEDGER)
        ((struct ledger_job *)job)->partition->lane.ranges->calling = false;
}
