/* lane_partitions.c - the life of partitions inside a lane: from being attached over their chunks to leaving. */
#include "pipeline/letters.h"
#include "pipeline/ranges.h"

#include "sluice/log.h"

#include <inttypes.h>
#include <stdlib.h>

void lane_drop_message(struct lane *lane, rd_kafka_message_t *message)
{
    size_t cost = message_cost(message);
    lane->world.ops->release(message);
    sluice_budget_release(lane->world.budget, cost);
    (void)atomic_fetch_sub(lane->world.raw_bytes, cost);
}

static void drop_chunk(struct lane *lane, struct chunk *chunk)
{
    for (size_t i = chunk->n_done; i < chunk->n_messages; i++)
        lane_drop_message(lane, chunk->messages[i]);
    free(chunk);
}

static void drop_pending(struct lane *lane, struct partition *p)
{
    while (p->lane.pending != NULL) {
        struct chunk *chunk = p->lane.pending;
        p->lane.pending = chunk->next;
        drop_chunk(lane, chunk);
    }
    p->lane.last_pending = &p->lane.pending;
    p->lane.end = 0;
}

void partition_notify(struct lane *lane, struct partition *p, enum notice_kind kind, const struct sluice_error *error)
{
    struct notice *notice = calloc(1, sizeof *notice);
    if (notice == NULL)
        SLUICE_BUG("no memory for a notice to the reader");
    notice->kind = kind;
    notice->partition = partition_ref(p);
    notice->offset = partition_durable(p, &notice->mark);
    if (error != NULL)
        notice->error = *error;
    sluice_queue_push(lane->world.notices, &notice->link);
}

void partition_announce(struct lane *lane, struct partition *p)
{
    struct sluice_ledger_row mark;
    int64_t durable = partition_durable(p, &mark);
    atomic_store(&p->status->position, p->lane.position);
    if (durable < 0 || durable == p->lane.announced || p->lane.abandoned)
        return;
    p->lane.announced = durable;
    atomic_store(&p->status->durable, durable);
    partition_notify(lane, p, NOTICE_COMMITTABLE, NULL);
}

void partition_stop(struct lane *lane, struct partition *p, int64_t offset, struct sluice_error *err)
{
    (void)sluice_error_wrap(err, "topic \"%s\" partition %" PRId32 " offset %" PRId64, p->topic, p->id, offset);
    p->lane.stopped = true;
    if (p->lane.ranges == NULL)
        flights_send_all(lane, p);
    drop_pending(lane, p);
    p->lane.waiting_for = NULL;
    status_set_error(lane->world.status, p->status, err->text);
    (void)atomic_fetch_add(&lane->world.status->n_stopped_ever, 1);
    sluice_metric_add(sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_ERRORS, sluice_code_label(err->code)), 1);
    SLUICE_LOG(SLUICE_LOG_ERROR, "partition_stopped", SLUICE_F_TEXT("topic", p->topic),
               SLUICE_F_I64("partition", p->id), SLUICE_F_I64("offset", offset), SLUICE_F_ERROR(err));
    partition_notify(lane, p, NOTICE_STOPPED, err);
    if (p->lane.ranges != NULL)
        ranges_stop(lane, p);
}

void partition_again(struct lane *lane, struct partition *p, const struct sluice_error *why)
{
    p->lane.stopped = true;
    if (p->lane.ranges == NULL)
        flights_send_all(lane, p);
    drop_pending(lane, p);
    p->lane.waiting_for = NULL;
    SLUICE_LOG(SLUICE_LOG_WARN, "partition_restarts", SLUICE_F_TEXT("topic", p->topic),
               SLUICE_F_I64("partition", p->id), SLUICE_F_ERROR(why),
               SLUICE_F_TEXT("then", "the table is read again and the records that are not stored planned anew"));
    partition_notify(lane, p, NOTICE_AGAIN, NULL);
    if (p->lane.ranges != NULL)
        ranges_stop(lane, p);
}

static void forget_partition(struct lane *lane, struct partition *p)
{
    for (struct partition **at = &lane->partitions; *at != NULL; at = &(*at)->lane.next) {
        if (*at == p) {
            *at = p->lane.next;
            break;
        }
    }
    letters_drop(lane, p);
    if (p->lane.ranges != NULL) /* before the bindings, which its batches look at */
        ranges_free(lane, p);
    while (p->lane.bindings != NULL) {
        struct binding *binding = p->lane.bindings;
        p->lane.bindings = binding->next;
        binding_free(binding);
    }
    p->lane.gone = true;
    partition_unref(p);
}

/* A flight that is neither at a sender nor waiting for its next try. */
static void drop_dead_flights(struct lane *lane, struct partition *p)
{
    for (struct flight *flight = p->lane.flights, *next = NULL; flight != NULL; flight = next) {
        next = flight->next;
        if (flight->is_dropped)
            flight_free(lane, flight);
    }
}

static bool has_live_flights(const struct partition *p)
{
    for (const struct flight *flight = p->lane.flights; flight != NULL; flight = flight->next) {
        if (!flight->is_dropped)
            return true;
    }
    return false;
}

/* Letters that are left behind are written again, by whoever reads their records next. */
static bool waits_for_letters(const struct partition *p)
{
    return p->lane.letters != NULL && p->lane.detaching && !p->lane.abandoned;
}

void partition_maybe_leave(struct lane *lane, struct partition *p)
{
    bool leaves = p->lane.detaching || p->lane.abandoned || p->lane.fenced;
    /* What its range waits for may be in a partition that leaves too, and would not come. The next owner asks again. */
    if (p->lane.detaching && !p->lane.gone && p->lane.ranges != NULL && ranges_only_waits(p))
        lane_drop_partition(lane, p);
    if (!leaves || p->lane.gone ||
        (p->lane.ranges != NULL ? !ranges_finished(p) : has_live_flights(p) || waits_for_letters(p)))
        return;
    if (!p->lane.abandoned)
        partition_notify(lane, p, p->lane.fenced ? NOTICE_FENCED : NOTICE_DETACHED, NULL);
    drop_dead_flights(lane, p);
    forget_partition(lane, p);
}

/* Takes the chunk's messages until its end, or until the partition has to wait; then the chunk is put aside. */
static void take_chunk(struct lane *lane, struct chunk *chunk)
{
    struct partition *p = chunk->partition;
    uint64_t n_bytes = 0;
    size_t n_before = chunk->n_done;
    int64_t timestamp_ms = 0;
    enum taken taken = TAKEN;
    while (chunk->n_done < chunk->n_messages && taken == TAKEN) {
        rd_kafka_message_t *message = chunk->messages[chunk->n_done];
        if (p->lane.stopped || atomic_load_explicit(&p->leaving, memory_order_relaxed))
            break;
        /* A seek or a resume may hand a record out twice; it must not be counted or stored twice. */
        bool admitted = p->lane.ranges != NULL ? ranges_admit(lane, p, message) : message->offset >= p->lane.position;
        if (admitted)
            taken = record_take(lane, p, message);
        if (taken != TAKEN)
            break;
        n_bytes += message->len + message->key_len;
        timestamp_ms = chunk->n_done + 1 == chunk->n_messages ? lane->world.ops->timestamp_ms(message) : 0;
        chunk->n_done++;
        if (admitted && p->lane.ranges != NULL)
            ranges_took(lane, p, message);
        else
            lane_drop_message(lane, message);
    }
    size_t n_taken = chunk->n_done - n_before;
    sluice_metric_add(p->lane.records, n_taken);
    sluice_metric_add(p->lane.bytes, n_bytes);
    (void)atomic_fetch_add(&lane->world.status->n_records, n_taken);
    if (timestamp_ms > 0)
        atomic_store(&p->status->record_wall_us, timestamp_ms * 1000);
    atomic_store(&p->status->position, p->lane.position);
    if (taken == TAKEN_WAIT) {
        chunk->next = p->lane.pending;
        if (p->lane.pending == NULL)
            p->lane.last_pending = &chunk->next;
        p->lane.pending = chunk;
        return;
    }
    drop_chunk(lane, chunk);
}

void partition_take(struct lane *lane, struct chunk *chunk)
{
    struct partition *p = chunk->partition;
    if (p->lane.gone) { /* it was fenced, and the reader did not know yet */
        drop_chunk(lane, chunk);
        return;
    }
    if (p->lane.waiting_for == NULL) {
        take_chunk(lane, chunk);
        return;
    }
    chunk->next = NULL;
    *p->lane.last_pending = chunk;
    p->lane.last_pending = &chunk->next;
}

/* Behind the last message there may be offsets without one: markers of transactions, aborted records. They are passed
 * once everything before them is decoded; a partition that leaves or stopped drops messages, so it stays where it is.
 */
static void reach_end(struct lane *lane, struct partition *p)
{
    if (p->lane.pending != NULL || p->lane.stopped || atomic_load(&p->leaving) || p->lane.end == 0)
        return;
    if (p->lane.ranges != NULL)
        ranges_reached(lane, p, p->lane.end);
    else if (p->lane.end > p->lane.position)
        p->lane.position = p->lane.end;
    p->lane.end = 0;
}

static void take_pending(struct lane *lane, struct partition *p)
{
    while (p->lane.pending != NULL && p->lane.waiting_for == NULL) {
        struct chunk *chunk = p->lane.pending;
        p->lane.pending = chunk->next;
        if (p->lane.pending == NULL)
            p->lane.last_pending = &p->lane.pending;
        take_chunk(lane, chunk);
    }
    reach_end(lane, p);
}

void partition_end(struct lane *lane, struct partition *p, int64_t offset)
{
    p->lane.end = offset;
    reach_end(lane, p);
}

void partition_attach(struct lane *lane, struct partition *p)
{
    p->lane.records = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_RECORDS_CONSUMED, p->topic);
    p->lane.bytes = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_BYTES_CONSUMED, p->topic);
    p->lane.layout = layout_of_topic(lane->world.config, p->topic);
    p->is_replay = strcmp(p->topic, lane->world.config->dead_letters_replay_topic) == 0;
    p->lane.next = lane->partitions;
    lane->partitions = p;
    if (lane->world.ledger != NULL)
        ranges_attach(lane, p);
}

/* NULL: the job is of no single partition. */
static const struct partition *partition_of(const struct job *job)
{
    switch (job->kind) {
    case JOB_INSERT:
    case JOB_LOOKUP:
    case JOB_PROBE:
        return ((const struct flight *)job)->partition;
    case JOB_LETTER:
        return ((const struct letter *)job)->partition;
    case JOB_LEDGER:
    case JOB_WAKE:
        return ranges_partition(job);
    case JOB_PLAN:
    case JOB_SCHEMA:
    case JOB_TRUNCATE:
        break;
    }
    return NULL;
}

/* Jobs of the partition that wait for another try will not get one. */
static void drop_delayed(struct lane *lane, const struct partition *p)
{
    for (struct job **at = &lane->delayed; *at != NULL;) {
        struct job *job = *at;
        if (partition_of(job) != p || job->kind == JOB_LETTER) {
            at = &job->next_delayed;
            continue;
        }
        *at = job->next_delayed;
        if (p->lane.ranges != NULL)
            ranges_drop_job(job);
        else
            flight_free(lane, (struct flight *)job);
    }
}

/* What such a flight waits for may be in a partition that leaves too, and would not come. The next owner asks again. */
static void drop_waiting(struct lane *lane, const struct partition *p)
{
    for (struct job **at = &lane->delayed; *at != NULL;) {
        struct job *job = *at;
        if (partition_of(job) != p || job->kind == JOB_LETTER || !((struct flight *)job)->waits) {
            at = &job->next_delayed;
            continue;
        }
        *at = job->next_delayed;
        flight_drop(lane, (struct flight *)job);
    }
}

void partition_detach(struct lane *lane, struct partition *p)
{
    if (p->lane.gone) /* it was fenced; the report crossed with this item */
        return;
    drop_pending(lane, p);
    p->lane.waiting_for = NULL;
    p->lane.detaching = true;
    if (p->lane.ranges != NULL) {
        ranges_detach(lane, p);
    } else {
        drop_waiting(lane, p);
        flights_send_all(lane, p);
    }
    partition_maybe_leave(lane, p);
}

void lane_drop_partition(struct lane *lane, struct partition *p)
{
    drop_pending(lane, p);
    p->lane.waiting_for = NULL;
    drop_delayed(lane, p);
    letters_drop(lane, p);
    if (p->lane.ranges != NULL) {
        ranges_abandon(lane, p);
        return;
    }
    for (struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        if (binding->open != NULL)
            flight_free(lane, binding->open);
    }
    flights_drop_held_back(lane, p);
}

void partition_abandon(struct lane *lane, struct partition *p)
{
    if (p->lane.gone) /* it left in time after all; the report crossed with this item */
        return;
    p->lane.abandoned = true;
    lane_drop_partition(lane, p);
    partition_maybe_leave(lane, p);
}

void partitions_tell_waiting(struct lane *lane, const struct job *job)
{
    const struct partition *of = partition_of(job);
    for (struct partition *p = lane->partitions; p != NULL; p = p->lane.next) {
        if (p == of || p->lane.waiting_for == job)
            status_set_waiting(lane->world.status, p->status, STATUS_LANE, job->error.text);
    }
}

void partition_tell_waiting(struct lane *lane, struct partition *p)
{
    for (const struct job *job = lane->delayed; job != NULL; job = job->next_delayed) {
        if (job == p->lane.waiting_for)
            status_set_waiting(lane->world.status, p->status, STATUS_LANE, job->error.text);
    }
}

/* The partitions that wait for this job go on, or stop with its error at the record they wait with. */
void partitions_go_on(struct lane *lane, const struct job *job, bool is_ready)
{
    for (struct partition *p = lane->partitions, *next = NULL; p != NULL; p = next) {
        next = p->lane.next;
        if (p->lane.waiting_for != job)
            continue;
        p->lane.waiting_for = NULL;
        if (is_ready) {
            take_pending(lane, p);
        } else if (p->lane.pending != NULL) {
            struct sluice_error err = job->error;
            partition_stop(lane, p, p->lane.pending->messages[p->lane.pending->n_done]->offset, &err);
        }
    }
}
