/* ranges.c - see ranges.h. */
#include "pipeline/ranges.h"

#include "base/clock.h"
#include "base/point.h"
#include "base/random.h"
#include "sluice/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

enum {
    MAX_REBUILT_ROWS = 1000000, /* what one statement held before may be more than batch.max_* allow today: the most */
    MAX_REBUILT_BYTES = 256 << 20, /* that they can be set to, and the plan may have grown */
    END_GRACE_US = 30000000        /* a broker that has just started may show an end that is too low */
};

/* All offsets from lo to hi: what one entry of the ledger stands for. */
struct range {
    struct job wake; /* back-off of the whole range */
    struct partition *partition;
    int64_t lo;
    int64_t hi;
    struct sluice_source_state after;
    struct sluice_ledger_check check;
    enum job_kind kind; /* of the jobs under way */
    size_t n_out;
    size_t n_missing; /* by the last look-up */
    size_t n_rows;    /* of a replay, and how many of them were stored already */
    size_t n_stored;
    bool failed;
    bool late;
    bool refused; /* and nothing that we can do will change that */
    bool is_replay;
    int64_t began_us;
    struct range *next;
};

struct ranges {
    struct sluice_ledger_machine machine;
    struct ledger_job call;
    bool calling;
    struct range *first; /* sealed, in order */
    struct range **last;
    bool under_way; /* `first` is with the machine */
    bool is_full;   /* what is open has reached batch.max_rows */
    bool gone;      /* the records to go on from are not there; nothing is taken until the machine decided */
    bool seeking;   /* what arrives was read before the reader moved to where to start */
    enum sluice_ledger_loss loss;
    int64_t restart_at;
    int64_t lo;         /* first offset that belongs to no range yet; -1: not known */
    int64_t since_us;   /* when something behind `lo` was seen first; 0: nothing is there */
    int64_t rebuild_hi; /* the range up to it is being read again; -1: none */
    int64_t short_us;   /* since when the partition ends inside of it; 0: it does not */
    int64_t confirmed_us;
    rd_kafka_message_t *kept; /* the last one taken */
    struct sluice_ledger_check check;
};

static void feed(struct lane *lane, struct partition *p, const struct sluice_ledger_event *event);

static bool is_over(const struct ranges *r)
{
    return r->machine.state >= SLUICE_LEDGER_CONTENDED;
}

static bool has_flights(const struct partition *p, const struct range *range)
{
    for (const struct flight *flight = p->lane.flights; flight != NULL; flight = flight->next) {
        if (flight->range == range)
            return true;
    }
    return false;
}

static void free_flights(struct lane *lane, struct partition *p, const struct range *range)
{
    for (struct flight *flight = p->lane.flights, *next = NULL; flight != NULL; flight = next) {
        next = flight->next;
        if (flight->range == range)
            flight_free(lane, flight);
    }
}

static void release_kept(struct lane *lane, struct ranges *r)
{
    if (r->kept != NULL)
        lane_drop_message(lane, r->kept);
    r->kept = NULL;
}

/* The record before `lo`, as the ledger remembers it. */
static struct sluice_ledger_check describe(struct lane *lane, const rd_kafka_message_t *message)
{
    uLong crc = crc32_z(0, message->key, message->key_len);
    return (struct sluice_ledger_check){message->offset, lane->world.ops->timestamp_ms(message),
                                        (uint32_t)crc32_z(crc, message->payload, message->len)};
}

static struct range *seal(struct lane *lane, struct partition *p, int64_t hi)
{
    struct ranges *r = p->lane.ranges;
    struct range *range = calloc(1, sizeof *range);
    if (range == NULL)
        SLUICE_BUG("no memory for a range");
    if (r->kept != NULL)
        r->check = describe(lane, r->kept);
    range->wake.kind = JOB_WAKE;
    range->partition = p;
    range->lo = r->lo;
    range->hi = hi;
    range->after = p->lane.state;
    range->check = r->check;
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

static void drop_open(struct lane *lane, struct partition *p)
{
    for (struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        if (binding->open != NULL)
            flight_free(lane, binding->open);
    }
}

/* Forgets ranges whose flights are all here. */
static void drop_ranges(struct lane *lane, struct partition *p)
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
        free_flights(lane, p, range);
        free(range);
    }
    r->last = at;
}

/* The story of a replay in one line. */
static void tell_replay(const struct partition *p, const struct range *range)
{
    const struct sluice_ledger_row *row = &p->lane.ranges->machine.written;
    SLUICE_LOG(SLUICE_LOG_INFO, "range_replayed", SLUICE_F_TEXT("topic", p->topic), SLUICE_F_I64("partition", p->id),
               SLUICE_F_I64("lo", range->lo), SLUICE_F_I64("hi", range->hi), SLUICE_F_U64("attempt", row->attempt),
               SLUICE_F_U64("rows", range->n_rows), SLUICE_F_U64("stored", range->n_stored),
               SLUICE_F_U64("missing", range->n_rows - range->n_stored),
               SLUICE_F_MS("took_ms", sluice_mono_us() - range->began_us));
}

static void give(struct lane *lane, struct partition *p, struct range *range, enum sluice_ledger_event_kind kind)
{
    const struct sluice_ledger_event event = {.kind = kind,
                                              .lo = range->lo,
                                              .hi = range->hi,
                                              .has_rows = has_flights(p, range),
                                              .source = range->after,
                                              .check = range->check};
    p->lane.ranges->under_way = true;
    feed(lane, p, &event);
}

/* Old enough, or nothing will be added. */
static bool is_due(const struct lane *lane, const struct partition *p, int64_t now_us)
{
    const struct ranges *r = p->lane.ranges;
    if (r->lo < 0 || p->lane.position <= r->lo || r->rebuild_hi >= 0)
        return false;
    return p->lane.detaching || p->lane.stopped || (r->since_us > 0 && now_us - r->since_us >= lane->limits.max_age_us);
}

/* The machine waits for a batch, or for the word that there is none. */
static void give_next(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    if (r->first == NULL && is_due(lane, p, sluice_mono_us()))
        (void)seal(lane, p, p->lane.position - 1);
    if (r->first != NULL) {
        give(lane, p, r->first, SLUICE_LEDGER_BATCH);
        return;
    }
    if (!sluice_ledger_machine_rests(&r->machine)) {
        feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_REST});
    } else if (r->gone) {
        feed(lane, p,
             &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_RECORDS_GONE,
                                           .loss = r->loss,
                                           .restart_at = r->restart_at,
                                           .resets = sluice_random_u64()});
    }
}

static void give_if_resting(struct lane *lane, struct partition *p)
{
    if (sluice_ledger_machine_rests(&p->lane.ranges->machine))
        give_next(lane, p);
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
            tell_replay(p, range);
        free_flights(lane, p, range);
        free(range);
    }
    partition_announce(lane, p);
    give_next(lane, p);
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
static void send_range(struct lane *lane, struct partition *p, enum job_kind kind)
{
    struct ranges *r = p->lane.ranges;
    struct range *range = r->first;
    range->kind = kind;
    range->failed = false;
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
        feed(lane, p,
             &(struct sluice_ledger_event){.kind =
                                               kind == JOB_INSERT ? SLUICE_LEDGER_INSERTED : SLUICE_LEDGER_LOOKED_UP});
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
    release_kept(lane, r);
    r->gone = false;
    r->seeking = true;
    r->lo = row->next;
    r->since_us = 0;
    r->short_us = 0;
    r->rebuild_hi = is_replay ? row->hi : -1;
    r->check = row->check;
    p->lane.position = row->next;
    p->lane.state = row->source;
    sluice_metric_add(sluice_metrics_get(lane->world.metrics, SLUICE_METRIC_LEDGER_REPLAYS), is_replay ? 1 : 0);
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
               SLUICE_F_I64("offset", m->row.next), SLUICE_F_I64("may_be_stored_up_to", m->gave_up_hi));
}

static void on_stop(struct lane *lane, struct partition *p)
{
    struct sluice_error err;
    const struct sluice_ledger_machine *m = &p->lane.ranges->machine;
    bool other = m->state == SLUICE_LEDGER_OTHER;
    int64_t offset = m->row.next >= 0 ? m->row.next : p->commit.offset;
    (void)sluice_error_set(&err, other ? SLUICE_E_UNSAFE : SLUICE_E_LEDGER, other ? SLUICE_STOP : SLUICE_STOP_PARTITION,
                           "%s: %s", sluice_ledger_state_label(m->state), sluice_ledger_state_remedy(m->state));
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
        send_range(lane, p, JOB_LOOKUP);
        break;
    case SLUICE_LEDGER_INSERT:
        SLUICE_POINT("after_open");
        send_range(lane, p, JOB_INSERT);
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

static void feed(struct lane *lane, struct partition *p, const struct sluice_ledger_event *event)
{
    struct sluice_ledger_action action;
    sluice_ledger_machine_step(&p->lane.ranges->machine, event, &action);
    atomic_store(&p->status->ledger_state, (int)p->lane.ranges->machine.state);
    perform(lane, p, &action);
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
    feed(lane, p,
         &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_ASSIGNED,
                                       .commit = p->commit,
                                       .owner = sluice_random_u64(),
                                       .resets = sluice_random_u64()});
}

void ranges_free(struct lane *lane, struct partition *p)
{
    drop_ranges(lane, p);
    release_kept(lane, p->lane.ranges);
    free(p->lane.ranges);
    p->lane.ranges = NULL;
}

static void rebuilt(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    struct range *range = seal(lane, p, r->rebuild_hi);
    if (p->lane.position <= range->hi)
        p->lane.position = range->hi + 1;
    range->is_replay = true;
    r->rebuild_hi = -1;
    give(lane, p, range, SLUICE_LEDGER_REBUILT);
}

static void set_gone(struct lane *lane, struct partition *p, enum sluice_ledger_loss loss, int64_t restart_at)
{
    struct ranges *r = p->lane.ranges;
    if (is_over(r) || r->gone)
        return;
    r->gone = true;
    r->loss = loss;
    r->restart_at = restart_at;
    if (r->rebuild_hi >= 0) {
        r->rebuild_hi = -1;
        drop_open(lane, p);
        feed(lane, p,
             &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_RECORDS_GONE,
                                           .loss = loss,
                                           .restart_at = restart_at,
                                           .resets = sluice_random_u64()});
        return;
    }
    give_if_resting(lane, p);
}

void ranges_gone(struct lane *lane, struct partition *p, int64_t restart_at)
{
    set_gone(lane, p, SLUICE_LEDGER_OUT_OF_RANGE, restart_at);
}

bool ranges_admit(struct lane *lane, struct partition *p, const rd_kafka_message_t *message)
{
    struct ranges *r = p->lane.ranges;
    if (SLUICE_UNLIKELY(r->gone || r->seeking || is_over(r)))
        return false;
    if (SLUICE_UNLIKELY(r->rebuild_hi >= 0 && message->offset > r->rebuild_hi))
        rebuilt(lane, p);
    if (SLUICE_UNLIKELY(message->offset < p->lane.position)) {
        struct sluice_ledger_check found = {-1, 0, 0};
        const struct sluice_ledger_check *known = &r->machine.row.check;
        if (message->offset != known->offset || known->offset != r->check.offset)
            return false;
        found = describe(lane, message);
        if (found.timestamp_ms != known->timestamp_ms || found.crc != known->crc)
            set_gone(lane, p, SLUICE_LEDGER_OTHER_RECORD,
                     lane->world.config->on_offset_lost == SLUICE_ON_OFFSET_LOST_EARLIEST ? 0 : -1);
        return false;
    }
    if (SLUICE_UNLIKELY(r->lo < 0))
        r->lo = message->offset;
    return true;
}

void ranges_took(struct lane *lane, struct partition *p, rd_kafka_message_t *message)
{
    struct ranges *r = p->lane.ranges;
    release_kept(lane, r);
    r->kept = message;
    if (SLUICE_UNLIKELY(r->rebuild_hi >= 0)) {
        if (message->offset == r->rebuild_hi)
            rebuilt(lane, p);
    } else if (SLUICE_UNLIKELY(r->is_full)) {
        (void)seal(lane, p, message->offset);
        give_if_resting(lane, p);
    }
}

void ranges_full(struct partition *p)
{
    p->lane.ranges->is_full = true;
}

bool ranges_cut(struct lane *lane, struct partition *p)
{
    if (p->lane.ranges->rebuild_hi >= 0)
        return false;
    (void)seal(lane, p, p->lane.position - 1);
    give_if_resting(lane, p);
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
    if (r->gone || r->seeking || is_over(r))
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
    if (is_over(r))
        return;
    if (r->since_us == 0 && r->lo >= 0 && p->lane.position > r->lo)
        r->since_us = now_us;
    if (r->rebuild_hi >= 0 && r->short_us > 0 && now_us - r->short_us > END_GRACE_US)
        set_gone(lane, p, SLUICE_LEDGER_OUT_OF_RANGE,
                 lane->world.config->on_offset_lost == SLUICE_ON_OFFSET_LOST_EARLIEST ? 0 : -1);
    else if (sluice_ledger_machine_rests(&r->machine) && (r->first != NULL || r->gone || is_due(lane, p, now_us)))
        give_next(lane, p);
}

static void answer(struct lane *lane, struct partition *p, struct range *range)
{
    if (range->kind == JOB_LOOKUP) {
        SLUICE_POINT("after_lookup");
        sluice_metric_add(sluice_metrics_get(lane->world.metrics, SLUICE_METRIC_LEDGER_ROWS_MISSING), range->n_missing);
        feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LOOKED_UP, .n_missing = range->n_missing});
        return;
    }
    SLUICE_POINT("after_ack");
    feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_INSERTED});
}

/* All jobs of the range are back. */
static void range_returned(struct lane *lane, struct partition *p, struct range *range)
{
    if (range->refused)
        return; /* the partition stopped; the range stays open in the ledger */
    if (range->failed)
        job_delay(lane, &range->wake);
    else if (range->late)
        feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_INSERT_FAILED});
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
    flight_count(lane, flight);
}

void ranges_flight_returned(struct lane *lane, struct flight *flight)
{
    struct partition *p = flight->partition;
    struct range *range = flight->range;
    range->n_out--;
    if (flight->job.code == SLUICE_OK) {
        note_success(lane, p, flight);
    } else if (flight->is_late) {
        range->late = true;
        flight->job.n_attempts = 0;
    } else if (flight_may_retry(&flight->job)) {
        range->failed = true;
        range->wake.code = flight->job.code;
        range->wake.error = flight->job.error;
    } else if (!range->refused) {
        range->refused = true;
        flight->binding->variant->state = VARIANT_STALE; /* what the plan took for granted may be what was refused */
        if (!p->lane.stopped && !is_over(p->lane.ranges))
            partition_stop(lane, p, range->lo, &flight->job.error);
    }
    if (range->n_out > 0)
        return;
    range->wake.n_attempts = range->failed ? range->wake.n_attempts + 1 : 0;
    if (is_over(p->lane.ranges))
        drop_ranges(lane, p);
    else
        range_returned(lane, p, range);
}

void ranges_woke(struct lane *lane, struct job *wake)
{
    struct range *range = (struct range *)wake;
    struct partition *p = range->partition;
    if (range->kind == JOB_LOOKUP)
        send_range(lane, p, JOB_LOOKUP);
    else
        feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_INSERT_FAILED, .was_sent = true});
}

void ranges_ledger_returned(struct lane *lane, struct ledger_job *job)
{
    struct partition *p = job->partition;
    struct ranges *r = p->lane.ranges;
    r->calling = false;
    if (is_over(r))
        return;
    if (p->lane.detaching && r->machine.state == SLUICE_LEDGER_STARTING) {
        feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LEAVE});
    } else if (job->job.code == SLUICE_OK) {
        job->job.n_attempts = 0;
        r->confirmed_us = sluice_mono_us() - job->job.took_us;
        feed(lane, p,
             &(struct sluice_ledger_event){
                 .kind = SLUICE_LEDGER_ROW_READ, .exists = job->call.exists, .row = job->call.row});
        if (r->first != NULL)
            give_if_resting(lane, p);
    } else if (job->job.error.action == SLUICE_RETRY) {
        r->calling = true;
        job_delay(lane, &job->job);
    } else if (!p->lane.stopped) {
        struct sluice_error err = job->job.error;
        partition_stop(lane, p, r->machine.row.next, &err);
    }
}

void ranges_seeked(struct partition *p)
{
    p->lane.ranges->seeking = false;
}

void ranges_offset_read(struct lane *lane, struct partition *p, const struct sluice_ledger_commit *commit)
{
    feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_OFFSET_READ, .commit = *commit});
}

void ranges_committed(struct lane *lane, struct partition *p)
{
    feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_COMMITTED});
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
        drop_open(lane, p);
        return;
    }
    give_if_resting(lane, p);
}

void ranges_detach(struct lane *lane, struct partition *p)
{
    struct ranges *r = p->lane.ranges;
    if (delivers(r)) {
        give_if_resting(lane, p);
        return;
    }
    drop_open(lane, p);
    if (!r->calling)
        feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LEAVE});
}

void ranges_abandon(struct lane *lane, struct partition *p)
{
    feed(lane, p, &(struct sluice_ledger_event){.kind = SLUICE_LEDGER_LEAVE});
    drop_open(lane, p);
    drop_ranges(lane, p);
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
    if (is_over(r) || p->lane.abandoned || (r->first != NULL && r->first->refused))
        return true;
    return sluice_ledger_machine_rests(&r->machine) && r->first == NULL && (r->lo < 0 || p->lane.position <= r->lo);
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
