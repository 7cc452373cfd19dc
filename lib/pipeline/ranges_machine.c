/* ranges_machine.c - carries out what the ledger's machine wants done. */
#include "pipeline/ranges_internal.h"

#include "base/clock.h"
#include "base/point.h"
#include "base/random.h"
#include "pipeline/letters.h"
#include "sluice/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static bool has_flights(const struct partition *p, const struct range *range)
{
    for (const struct flight *flight = p->lane.flights; flight != NULL; flight = flight->next) {
        if (flight->range == range)
            return true;
    }
    return false;
}

/* The story of a replay in one line. */
static void tell_replay(struct lane *lane, const struct partition *p, const struct range *range)
{
    const struct sluice_ledger_row *row = &p->lane.ranges->machine.written;
    sluice_metric_add(sluice_metrics_get(lane->world.metrics, SLUICE_METRIC_LEDGER_REPLAYS), 1);
    SLUICE_LOG(SLUICE_LOG_INFO, "range_replayed", SLUICE_F_TEXT("topic", p->topic), SLUICE_F_I64("partition", p->id),
               SLUICE_F_I64("lo", range->lo), SLUICE_F_I64("hi", range->hi), SLUICE_F_U64("attempt", row->attempt),
               SLUICE_F_U64("rows", range->n_rows), SLUICE_F_U64("stored", range->n_stored),
               SLUICE_F_U64("missing", range->n_rows - range->n_stored),
               SLUICE_F_MS("took_ms", sluice_mono_us() - range->began_us));
}

void ranges_give(struct lane *lane, struct partition *p, struct range *range, enum sluice_ledger_event_kind kind)
{
    const struct sluice_ledger_event event = {.kind = kind,
                                              .lo = range->lo,
                                              .hi = range->hi,
                                              .has_rows = has_flights(p, range),
                                              .source = range->after,
                                              .loss = SLUICE_LEDGER_OTHER_RECORD,
                                              .restart_at = ranges_restart_at(lane),
                                              .resets = sluice_random_u64(),
                                              .check = range->check,
                                              .skip = range->skip};
    p->lane.ranges->under_way = true;
    ranges_feed(lane, p, &event);
}

/* Old enough, or nothing will be added. */
bool ranges_due(const struct lane *lane, const struct partition *p, int64_t now_us)
{
    const struct ranges *r = p->lane.ranges;
    if (r->lo < 0 || p->lane.position <= r->lo || r->rebuild_hi >= 0)
        return false;
    return p->lane.detaching || p->lane.stopped || r->gone ||
           (r->since_us > 0 && now_us - r->since_us >= lane->limits.max_age_us);
}

/* The machine waits for a batch, or for the word that there is none. */
bool ranges_must_begin(const struct ranges *r)
{
    return r->machine.row.next < 0 && r->lo >= 0;
}

/* An empty batch before the first one: from now on a restart begins here, also where the start was "latest". */
static void begin(struct lane *lane, struct partition *p)
{
    const struct ranges *r = p->lane.ranges;
    int64_t lo = r->first != NULL ? r->first->lo : r->lo;
    ranges_feed(lane, p,
                &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_BATCH,
                                              .lo = lo,
                                              .hi = lo - 1,
                                              .source = r->machine.row.source,
                                              .check = {.offset = -1}});
}

void ranges_give_next(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    if (ranges_must_begin(r)) {
        begin(lane, p);
        return;
    }
    if (r->first == NULL && ranges_due(lane, p, sluice_mono_us()))
        (void)ranges_seal(lane, p, p->lane.position - 1);
    /* Rule 6: a range is opened, and so committed, only when its dead letters are there. */
    if (r->first != NULL && !letters_are_due(p, r->first->hi)) {
        ranges_give(lane, p, r->first, SLUICE_LEDGER_BATCH);
        return;
    }
    if (!sluice_ledger_machine_rests(&r->machine)) {
        ranges_feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_REST});
    } else if (r->gone && r->first == NULL) {
        ranges_feed(lane, p,
                    &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_RECORDS_GONE,
                                                  .loss = r->loss,
                                                  .restart_at = r->restart_at,
                                                  .resets = sluice_random_u64()});
    }
}

void ranges_give_if_resting(struct lane *lane, struct partition *p)
{
    if (sluice_ledger_machine_rests(&p->lane.ranges->machine))
        ranges_give_next(lane, p);
}

static void on_done(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    struct range *range = r->under_way ? r->first : NULL;
    if (range != NULL) {
        r->under_way = false;
        r->first = range->next;
        if (r->first == NULL)
            r->last = &r->first;
        if (range->is_replay)
            tell_replay(lane, p, range);
        ranges_free_flights(lane, p, range);
        free(range);
    }
    partition_announce(lane, p);
    ranges_give_next(lane, p);
}

static char *make_token(const struct lane *lane, const struct partition *p)
{
    const struct sluice_ledger_row *row = &p->lane.ranges->machine.row;
    char *token = malloc(TOKEN_SIZE);
    if (token == NULL)
        SLUICE_BUG("no memory for a token");
    (void)snprintf(token, TOKEN_SIZE, "%s:%s:%" PRId32 ":%" PRId64 "-%" PRId64 ":%" PRIu32 ":%" PRIx64,
                   lane->world.token_scope, p->topic, p->id, row->next, row->hi, row->attempt, row->resets);
    return token;
}

/* Sends what is not known to be stored. */
void ranges_send(struct lane *lane, struct partition *p, enum job_kind kind)
{
    struct ranges *r = p->lane.ranges;
    struct range *range = r->first;
    range->kind = kind;
    range->failed = false;
    range->waits = false;
    range->late = false;
    range->n_missing = 0;
    for (struct flight *flight = p->lane.flights; flight != NULL; flight = flight->next) {
        if (flight->range != range || flight->is_stored)
            continue;
        flight->job.kind = kind;
        flight->is_late = false;
        flight->send_before_us = r->confirmed_us + lane->world.config->send_limit_us;
        if (kind == JOB_INSERT) {
            free(flight->token);
            flight->token = make_token(lane, p);
        }
        range->n_out++;
        job_send(lane, &flight->job);
    }
    if (range->n_out == 0)
        ranges_feed(lane, p,
                    &(struct sluice_ledger_event){.kind = kind == JOB_INSERT ? SLUICE_LEDGER_INSERTED
                                                                             : SLUICE_LEDGER_LOOKED_UP});
}

static void call_ledger(struct lane *lane, struct partition *p, const struct sluice_ledger_action *action)
{
    struct ranges *r = p->lane.ranges;
    r->call.job = (struct job){.item.kind = LANE_JOB, .kind = JOB_LEDGER};
    r->call.partition = p;
    r->call.call = (struct sluice_ledger_call){
        .topic = p->topic,
        .partition = p->id,
        .membership = p->member,
        .is_write = action->kind == SLUICE_LEDGER_WRITE,
        .expected_exists = action->expected_exists,
        .expected = action->expected,
        .wanted = action->wanted,
    };
    r->calling = true;
    if (action->kind == SLUICE_LEDGER_WRITE && action->wanted.attempt > 0)
        SLUICE_POINT("before_attempt");
    job_send(lane, &r->call.job);
}

static const char *start_label(enum sluice_ledger_start start)
{
    static const char *const names[] = {"ledger", "commit", "reset", "nothing"};
    return names[start];
}

/* Consumption begins at the machine's row, to be read again up to its `hi` or to go on for good. */
static void start(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    const struct sluice_ledger_row *row = &r->machine.row;
    bool is_replay = row->hi >= 0;
    SLUICE_POINT("after_acquire");
    ranges_drop_open(lane, p); /* of a range that turned out to be another one */
    ranges_drop_sealed(lane, p);
    r->under_way = false;
    ranges_release_kept(lane, r);
    r->gone = false;
    r->seeking = true;
    r->skip.n = 0;
    r->lo = row->next;
    r->since_us = 0;
    r->short_us = 0;
    ranges_set_rebuild(p, is_replay ? row->hi : -1);
    r->check = row->check;
    p->lane.position = row->next;
    p->lane.state = row->source;
    p->lane.transaction.is_known = false;
    SLUICE_LOG(SLUICE_LOG_INFO, "partition_started", SLUICE_F_TEXT("topic", p->topic), SLUICE_F_I64("partition", p->id),
               SLUICE_F_I64("offset", row->next), SLUICE_F_TEXT("from", start_label(r->machine.start)),
               SLUICE_F_I64("replay_to", row->hi), SLUICE_F_U64("epoch", row->epoch));
    partition_announce(lane, p);
    partition_notify(lane, p, NOTICE_START, NULL);
}

static void tell_reset(struct lane *lane, const struct partition *p)
{
    const struct sluice_ledger_machine *m = &p->lane.ranges->machine;
    sluice_metric_add(sluice_metrics_get(lane->world.metrics, SLUICE_METRIC_LEDGER_RESETS), 1);
    SLUICE_LOG(SLUICE_LOG_WARN, "offset_reset", SLUICE_F_TEXT("topic", p->topic), SLUICE_F_I64("partition", p->id),
               SLUICE_F_I64("offset", m->row.next), SLUICE_F_I64("stored_below", m->gave_up_next),
               SLUICE_F_I64("may_be_stored_up_to", m->gave_up_hi));
}

static void on_stop(struct lane *lane, struct partition *p)
{
    struct sluice_error err;
    const struct sluice_ledger_machine *m = &p->lane.ranges->machine;
    bool other = m->state == SLUICE_LEDGER_OTHER;
    char range[64] = "";
    if (m->row.hi >= 0)
        (void)snprintf(range, sizeof range, " (offsets %" PRId64 " to %" PRId64 ")", m->row.next, m->row.hi);
    int64_t offset = m->row.next >= 0 ? m->row.next : p->commit.offset;
    (void)sluice_error_set(&err, other ? SLUICE_E_UNSAFE : SLUICE_E_LEDGER, other ? SLUICE_STOP : SLUICE_STOP_PARTITION,
                           "%s%s: %s", sluice_ledger_state_label(m->state), range,
                           sluice_ledger_state_remedy(m->state));
    partition_stop(lane, p, offset, &err);
}

static void on_fenced(struct lane *lane, struct partition *p)
{
    sluice_metric_add(sluice_metrics_get(lane->world.metrics, SLUICE_METRIC_LEDGER_FENCED), 1);
    SLUICE_LOG(SLUICE_LOG_WARN, "partition_fenced", SLUICE_F_TEXT("topic", p->topic), SLUICE_F_I64("partition", p->id),
               SLUICE_F_I64("offset", p->lane.ranges->machine.row.next),
               SLUICE_F_TEXT("then", "what is not confirmed is dropped; the row's owner goes on with it"));
    p->lane.fenced = true;
    lane_drop_partition(lane, p);
}

static void perform(struct lane *lane, struct partition *p, const struct sluice_ledger_action *action)
{
    switch (action->kind) {
    case SLUICE_LEDGER_WAIT:
        break;
    case SLUICE_LEDGER_READ:
    case SLUICE_LEDGER_WRITE:
        call_ledger(lane, p, action);
        break;
    case SLUICE_LEDGER_READ_OFFSET:
        partition_notify(lane, p, NOTICE_READ_OFFSET, NULL);
        break;
    case SLUICE_LEDGER_COMMIT:
        SLUICE_POINT("after_acquire");
        partition_notify(lane, p, NOTICE_COMMIT, NULL);
        break;
    case SLUICE_LEDGER_START:
    case SLUICE_LEDGER_REBUILD:
        if (p->lane.ranges->machine.start == SLUICE_LEDGER_FROM_RESET)
            tell_reset(lane, p);
        start(lane, p);
        break;
    case SLUICE_LEDGER_LOOKUP:
        ranges_send(lane, p, JOB_LOOKUP);
        break;
    case SLUICE_LEDGER_INSERT:
        SLUICE_POINT("after_open");
        ranges_send(lane, p, JOB_INSERT);
        break;
    case SLUICE_LEDGER_DONE:
        on_done(lane, p);
        break;
    case SLUICE_LEDGER_ASSIGN_AGAIN:
        on_fenced(lane, p);
        break;
    case SLUICE_LEDGER_STOP:
        on_stop(lane, p);
        break;
    }
}

void ranges_feed(struct lane *lane, struct partition *p, const struct sluice_ledger_event *event)
{
    struct sluice_ledger_action action;
    sluice_ledger_machine_step(&p->lane.ranges->machine, event, &action);
    atomic_store(&p->status->ledger_state, (int)p->lane.ranges->machine.state);
    perform(lane, p, &action);
}
