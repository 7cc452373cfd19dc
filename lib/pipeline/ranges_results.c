/* ranges_results.c - what became of inserts, look-ups, calls of the ledger and questions to Kafka. */
#include "pipeline/probe.h"
#include "pipeline/ranges_internal.h"

#include "base/clock.h"
#include "base/point.h"

#include <inttypes.h>
#include <string.h>

static void answer(struct lane *lane, struct partition *p, struct range *range)
{
    if (range->kind == JOB_LOOKUP) {
        SLUICE_POINT("after_lookup");
        sluice_metric_add(sluice_metrics_get(lane->world.metrics, SLUICE_METRIC_LEDGER_ROWS_MISSING), range->n_missing);
        ranges_feed(lane, p,
                    &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LOOKED_UP, .n_missing = range->n_missing});
        return;
    }
    SLUICE_POINT("after_ack");
    ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_INSERTED});
}

static void add_skip(struct sluice_ledger_skip *skip, int64_t offset)
{
    uint32_t at = skip->n;
    while (at > 0 && skip->offsets[at - 1] > offset)
        at--;
    if (at > 0 && skip->offsets[at - 1] == offset)
        return; /* of another table's row of the same record */
    memmove(&skip->offsets[at + 1], &skip->offsets[at], (skip->n - at) * sizeof *skip->offsets);
    skip->offsets[at] = offset;
    skip->n++;
}

/* Rule 6: first the dead letters, then the ledger, then the rows without theirs. */
void ranges_leave_out(struct lane *lane, struct partition *p, struct range *range)
{
    if (letters_are_due(p, range->hi))
        return;
    SLUICE_POINT("after_probe");
    range->is_probed = false;
    ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_BAD_ROWS, .skip = range->skip});
}

/* Its rows were found, and are out of the batch. */
static enum sluice_code probed(struct lane *lane, struct flight *flight, struct sluice_error *err)
{
    struct range *range = flight->range;
    range->is_probed = true;
    if (range->skip.n + flight->n_bad > SLUICE_LEDGER_MAX_SKIP)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION,
                                "more than %d bad records from offset %" PRId64 " to %" PRId64
                                ", so this is not about single records; the last one: %.300s",
                                (int)SLUICE_LEDGER_MAX_SKIP, range->lo, range->hi, flight->bad[0].error.text);
    for (size_t i = 0; i < flight->n_bad; i++)
        add_skip(&range->skip, flight->first + flight->places[flight->bad[i].arrival]);
    return probe_write_letters(lane, flight, err);
}

/* All jobs of the range are back. */
static void range_returned(struct lane *lane, struct partition *p, struct range *range)
{
    if (range->refused)
        return; /* the partition stopped; the range stays open in the ledger */
    if (range->is_probed)
        ranges_leave_out(lane, p, range);
    else if (range->failed || range->waits)
        job_delay(lane, &range->wake);
    else if (range->late)
        ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_INSERT_FAILED});
    else
        answer(lane, p, range);
}

static void note_success(struct lane *lane, struct partition *p, struct flight *flight)
{
    struct range *range = flight->range;
    flight->job.n_attempts = 0;
    if (flight->job.kind == JOB_LOOKUP) {
        range->n_missing += flight->n_missing;
        flight->is_stored = flight->n_missing == 0;
        if (!p->lane.ranges->machine.token_is_used) {
            range->n_rows += flight->n_asked;
            range->n_stored += flight->n_asked - flight->n_missing;
        }
        return;
    }
    flight->is_stored = !p->lane.ranges->machine.token_was_sent;
    if (!flight->is_counted)
        flight_count(lane, flight);
    flight->is_counted = true;
}

/* Nothing that is tried with these bytes will help. */
static void refuse(struct lane *lane, struct partition *p, struct flight *flight)
{
    bool again = flight_may_plan_again(lane, flight);
    if (p->lane.stopped || ranges_over(p->lane.ranges))
        return;
    if (again)
        partition_again(lane, p, &flight->job.error);
    else
        partition_stop(lane, p, flight->range->lo, &flight->job.error);
}

void ranges_flight_returned(struct lane *lane, struct flight *flight)
{
    struct partition *p = flight->partition;
    struct range *range = flight->range;
    range->n_out--;
    if (probe_may_help(lane, flight) && !ranges_over(p->lane.ranges)) {
        range->n_out++;
        probe_send(lane, flight);
        return;
    }
    if (flight->job.kind == JOB_PROBE && flight->job.code == SLUICE_OK && !ranges_over(p->lane.ranges))
        flight->job.code = probed(lane, flight, &flight->job.error);
    if (flight->job.kind == JOB_PROBE && flight->job.code == SLUICE_OK) {
        flight->job.n_attempts = 0;
    } else if (flight->job.code == SLUICE_OK) {
        note_success(lane, p, flight);
    } else if (flight->is_late) {
        range->late = true;
        flight->job.n_attempts = 0;
    } else if (flight->waits && flight->job.error.action == SLUICE_RETRY) {
        range->waits = true;
        flight->job.n_attempts = 0;
        range->wake.code = flight->job.code;
        range->wake.error = flight->job.error;
    } else if (flight_may_retry(&flight->job)) {
        range->failed = true;
        range->wake.code = flight->job.code;
        range->wake.error = flight->job.error;
    } else if (!range->refused) {
        range->refused = true;
        refuse(lane, p, flight);
    }
    if (range->n_out > 0)
        return;
    range->wake.n_attempts = range->failed || range->waits ? range->wake.n_attempts + 1 : 0;
    if (ranges_over(p->lane.ranges))
        ranges_drop_sealed(lane, p);
    else
        range_returned(lane, p, range);
}

void ranges_woke(struct lane *lane, struct job *wake)
{
    struct range *range = (struct range *)wake;
    struct partition *p = range->partition;
    if (range->kind == JOB_LOOKUP)
        ranges_send(lane, p, JOB_LOOKUP);
    else
        ranges_feed(lane, p,
                    &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_INSERT_FAILED, .was_sent = range->failed});
}

void ranges_ledger_returned(struct lane *lane, struct ledger_job *job)
{
    struct partition *p = job->partition;
    struct ranges *r = p->lane.ranges;
    r->calling = false;
    if (ranges_over(r))
        return;
    if (p->lane.detaching && r->machine.state == SLUICE_LEDGER_STARTING) {
        ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LEAVE});
    } else if (job->job.code == SLUICE_OK) {
        job->job.n_attempts = 0;
        r->confirmed_us = job->asked_us;
        ranges_feed(lane, p,
                    &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_ROW_READ,
                                                  .exists = job->call.exists,
                                                  .is_damaged = job->call.is_damaged,
                                                  .row = job->call.row});
        if (r->first != NULL)
            ranges_give_if_resting(lane, p);
    } else if (job->job.error.action == SLUICE_RETRY) {
        r->calling = true;
        job_delay(lane, &job->job);
    } else if (!p->lane.stopped) {
        struct sluice_error err = job->job.error;
        partition_stop(lane, p, r->machine.row.next, &err);
        ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LEAVE});
    }
}

void ranges_seeked(struct partition *p)
{
    p->lane.ranges->seeking = false;
}

void ranges_offset_read(struct lane *lane, struct partition *p, const struct sluice_ledger_commit *commit)
{
    ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_OFFSET_READ, .commit = *commit});
}

void ranges_committed(struct lane *lane, struct partition *p)
{
    ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_COMMITTED});
}
