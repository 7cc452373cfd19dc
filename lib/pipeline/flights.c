/* flights.c - batches from the first row to the confirmation, and what is done about each result. */
#include "pipeline/probe.h"
#include "pipeline/ranges.h"

#include "base/clock.h"
#include "sluice/log.h"

#include <inttypes.h>
#include <stdlib.h>

/* Attempts with the same bytes at an insert that the server refuses for its schema: a replica may lag behind an ALTER.
 * And at one whose table is gone: it may be in the middle of being exchanged. Then it is planned anew. */
enum { SCHEMA_ATTEMPTS = 2, GONE_ATTEMPTS = 4 };
enum { UNKNOWN_TABLE = 60, TABLE_IS_DROPPED = 218 };

static void link_flight(struct partition *p, struct flight *flight)
{
    flight->prev = p->lane.last_flight;
    if (flight->prev != NULL)
        flight->prev->next = flight;
    else
        p->lane.flights = flight;
    p->lane.last_flight = flight;
}

static void unlink_flight(struct partition *p, struct flight *flight)
{
    if (flight->prev != NULL)
        flight->prev->next = flight->next;
    else
        p->lane.flights = flight->next;
    if (flight->next != NULL)
        flight->next->prev = flight->prev;
    else
        p->lane.last_flight = flight->prev;
}

enum sluice_code flight_open(struct lane *lane, struct partition *p, struct binding *binding, int64_t offset,
                             struct flight **out, struct sluice_error *err)
{
    struct lane_limits limits = ranges_limits(lane, p);
    struct flight *flight = calloc(1, sizeof *flight);
    if (flight == NULL)
        return sluice_error_nomem(err, "a batch", sizeof *flight);
    enum sluice_code code = sluice_batch_new(binding->plan, limits.max_rows, limits.max_bytes, &flight->batch, err);
    if (code != SLUICE_OK) {
        free(flight);
        return code;
    }
    binding->n_flights++;
    flight->job.item.kind = LANE_JOB;
    flight->job.kind = JOB_INSERT;
    flight->partition = p;
    flight->binding = binding;
    flight->is_open = true;
    flight->first = offset;
    flight->last = offset - 1;
    flight->before = p->lane.state;
    flight->opened_us = sluice_mono_us();
    link_flight(p, flight);
    flight_charge(lane, flight);
    *out = flight;
    return SLUICE_OK;
}

void flight_charge(struct lane *lane, struct flight *flight)
{
    size_t now = sluice_batch_memory(flight->batch) + flight->places_allocated * sizeof *flight->places;
    if (SLUICE_LIKELY(now == flight->n_charged))
        return;
    if (now > flight->n_charged)
        sluice_budget_charge(lane->world.budget, now - flight->n_charged);
    else
        sluice_budget_release(lane->world.budget, flight->n_charged - now);
    flight->n_charged = now;
}

void flight_move(struct flight *flight, struct binding *binding)
{
    flight->binding->open = NULL;
    flight->binding->n_flights--;
    flight->binding = binding;
    binding->open = flight;
    binding->n_flights++;
}

void flight_free(struct lane *lane, struct flight *flight)
{
    if (flight->binding->open == flight)
        flight->binding->open = NULL;
    flight->binding->n_flights--;
    unlink_flight(flight->partition, flight);
    sluice_budget_release(lane->world.budget, flight->n_charged);
    sluice_batch_free(flight->batch);
    free(flight->token);
    free(flight->places);
    free(flight->bad);
    free(flight);
}

void job_send(struct lane *lane, struct job *job)
{
    lane->n_jobs_out++;
    if (job->kind == JOB_LETTER)
        ((struct letter *)job)->is_out = true;
    struct sluice_queue *queue = job->kind == JOB_LEDGER   ? lane->world.ledger
                                 : job->kind == JOB_LETTER ? lane->world.letters
                                                           : lane->world.jobs;
    sluice_queue_push(queue, &job->item.link);
}

void job_delay(struct lane *lane, struct job *job)
{
    const struct sluice_config *config = lane->world.config;
    if (job->n_attempts <= 1)
        sluice_backoff_init(&job->backoff, config->retry_initial_us, config->retry_max_us,
                            lane->run_id ^ (uint64_t)sluice_mono_us());
    int64_t wait_us = sluice_backoff_next(&job->backoff);
    job->due_us = sluice_mono_us() + wait_us;
    job->next_delayed = lane->delayed;
    lane->delayed = job;
    sluice_metric_add(sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_RETRIES, sluice_code_label(job->code)), 1);
    SLUICE_LOG(SLUICE_LOG_WARN, "retry", SLUICE_F_ERROR(&job->error), SLUICE_F_U64("tries", job->n_attempts),
               SLUICE_F_MS("retrying_in_ms", wait_us));
    partitions_tell_waiting(lane, job);
}

bool flight_close(struct lane *lane, struct flight *flight)
{
    flight->is_open = false;
    flight->binding->open = NULL;
    if (sluice_batch_n_changes(flight->batch) == 0) {
        flight_free(lane, flight);
        return false;
    }
    flight->collapse = lane->limits.collapse;
    flight->run_id = lane->run_id;
    flight->number = ++lane->n_flights;
    flight->n_changes = sluice_batch_n_changes(flight->batch);
    flight->moves_values = sluice_batch_moves_values(flight->batch);
    return true;
}

/* Rows of several source tables may go into one target, and into one batch. */
static bool same_target(const struct flight *a, const struct flight *b)
{
    const struct sluice_table_settings *one = a->binding->table->settings;
    const struct sluice_table_settings *other = b->binding->table->settings;
    return one == other || (strcmp(one->table, other->table) == 0 && strcmp(one->database, other->database) == 0);
}

/* Does an earlier flight of its target hold rows that have to be confirmed first? Those that its own depend on; and
 * deleted halves of key changes: what they put aside is not there any more once later rows of their keys are. */
static bool has_to_wait(const struct flight *flight)
{
    const bool is_tied = flight->batch != NULL && sluice_batch_is_tied(flight->batch);
    for (const struct flight *other = flight->prev; other != NULL; other = other->prev) {
        if ((is_tied || other->moves_values) && same_target(other, flight))
            return true;
    }
    return false;
}

/* Is a flight given up that its rows come after? On their own they could hide what that one has to put aside. */
static bool is_behind_dropped(const struct flight *flight)
{
    for (const struct flight *other = flight->prev; other != NULL; other = other->prev) {
        if (other->is_dropped && same_target(other, flight))
            return true;
    }
    return false;
}

void flight_send(struct lane *lane, struct flight *flight)
{
    if (!flight_close(lane, flight))
        return;
    if (is_behind_dropped(flight)) {
        flight_free(lane, flight);
        return;
    }
    flight->is_held_back = has_to_wait(flight);
    if (!flight->is_held_back)
        job_send(lane, &flight->job);
}

/* A flight was confirmed: those that waited for it go. */
static void send_held_back(struct lane *lane, struct partition *p)
{
    for (struct flight *flight = p->lane.flights; flight != NULL; flight = flight->next) {
        if (!flight->is_held_back || has_to_wait(flight))
            continue;
        flight->is_held_back = false;
        job_send(lane, &flight->job);
    }
}

void flights_drop_held_back(struct lane *lane, struct partition *p)
{
    for (struct flight *flight = p->lane.flights, *next = NULL; flight != NULL; flight = next) {
        next = flight->next;
        if (flight->is_held_back)
            flight_free(lane, flight);
    }
}

void flights_send_all(struct lane *lane, struct partition *p)
{
    for (struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        if (binding->open != NULL)
            flight_send(lane, binding->open);
    }
}

int64_t partition_durable(const struct partition *p, struct sluice_ledger_row *mark)
{
    const struct flight *oldest = p->lane.flights;
    if (p->lane.ranges != NULL)
        return ranges_durable(p, mark);
    sluice_ledger_row_init(mark);
    const struct letter *letter = p->lane.letters;
    if (letter != NULL && (oldest == NULL || letter->offset < oldest->first)) {
        mark->source = letter->before;
        return letter->offset;
    }
    mark->source = oldest != NULL ? oldest->before : p->lane.state;
    return oldest != NULL ? oldest->first : p->lane.position;
}

void flight_count(struct lane *lane, struct flight *flight)
{
    struct sluice_metrics *metrics = lane->world.metrics;
    size_t n_rows = sluice_batch_n_rows(flight->batch);
    size_t n_changes = sluice_batch_n_changes(flight->batch);
    sluice_metric_add(flight->binding->rows, n_rows);
    sluice_metric_add(flight->binding->bytes, sluice_batch_n_bytes(flight->batch));
    sluice_metric_add(flight->binding->inserts, 1);
    flight->binding->table->n_refusals = 0;
    sluice_metric_observe(sluice_metrics_get(metrics, SLUICE_METRIC_BATCH_ROWS), (double)n_rows);
    sluice_metric_add(sluice_metrics_get(metrics, SLUICE_METRIC_COLLAPSED_ROWS), n_changes - n_rows);
    if (flight->oldest_commit_us > 0)
        sluice_metric_observe(sluice_metrics_get(metrics, SLUICE_METRIC_COMMIT_TO_VISIBLE_SECONDS),
                              (double)(sluice_wall_us() - flight->oldest_commit_us) / 1e6);
    (void)atomic_fetch_add(&lane->world.status->n_rows, n_rows);
    if (flight->highest_lsn > atomic_load(&flight->partition->status->lsn))
        atomic_store(&flight->partition->status->lsn, flight->highest_lsn);
    if ((double)flight->highest_lsn > sluice_metric_value(flight->binding->lsn))
        sluice_metric_set(flight->binding->lsn, (int64_t)flight->highest_lsn);
    SLUICE_LOG(SLUICE_LOG_DEBUG, "batch_sent", SLUICE_F_TEXT("table", flight->binding->table->settings->table),
               SLUICE_F_TEXT("topic", flight->partition->topic), SLUICE_F_I64("partition", flight->partition->id),
               SLUICE_F_I64("first", flight->first), SLUICE_F_I64("last", flight->last), SLUICE_F_U64("rows", n_rows),
               SLUICE_F_U64("bytes", sluice_batch_n_bytes(flight->batch)), SLUICE_F_MS("took_ms", flight->job.took_us),
               SLUICE_F_U64("tries", flight->job.n_attempts));
}

static bool is_gone(const struct job *job)
{
    return job->error.code == SLUICE_E_SERVER &&
           (job->error.detail == UNKNOWN_TABLE || job->error.detail == TABLE_IS_DROPPED);
}

bool flight_may_retry(const struct job *job)
{
    if (is_gone(job))
        return job->n_attempts < GONE_ATTEMPTS;
    if (job->error.action == SLUICE_RETRY)
        return true;
    return job->advice == SLUICE_CH_REREAD_SCHEMA && job->n_attempts < SCHEMA_ATTEMPTS;
}

bool flight_may_plan_again(struct lane *lane, struct flight *flight)
{
    const struct job *job = &flight->job;
    bool may = catalog_plan_again(&lane->catalog, flight->binding->variant);
    return may && (is_gone(job) || job->advice == SLUICE_CH_REREAD_SCHEMA);
}

void flight_drop(struct lane *lane, struct flight *flight)
{
    flight->is_dropped = true;
    sluice_budget_release(lane->world.budget, flight->n_charged);
    flight->n_charged = 0;
    sluice_batch_free(flight->batch);
    flight->batch = NULL;
    /* What waits for it must not be stored without it. What stands before it still will be, and so will what is of
     * other targets: later rows of those may depend on it. */
    for (struct flight *other = flight->next, *next = NULL; other != NULL; other = next) {
        next = other->next;
        if (other->is_held_back && same_target(other, flight))
            flight_free(lane, other);
    }
}

/* The rows of this flight can't be stored. */
static void give_up(struct lane *lane, struct flight *flight)
{
    struct partition *p = flight->partition;
    bool again = flight_may_plan_again(lane, flight);
    flight_drop(lane, flight);
    if (p->lane.stopped)
        return;
    if (again)
        partition_again(lane, p, &flight->job.error);
    else
        partition_stop(lane, p, flight->first, &flight->job.error);
}

/* What the server takes of it goes out again. */
static void after_probe(struct lane *lane, struct flight *flight)
{
    if (probe_write_letters(lane, flight, &flight->job.error) != SLUICE_OK) {
        give_up(lane, flight);
        return;
    }
    flight->job.kind = JOB_INSERT;
    job_send(lane, &flight->job);
}

void flight_returned(struct lane *lane, struct flight *flight)
{
    struct partition *p = flight->partition;
    flight_charge(lane, flight);
    if (flight->range != NULL) {
        ranges_flight_returned(lane, flight);
        partition_maybe_leave(lane, p);
        return;
    }
    if (flight->job.kind == JOB_PROBE && flight->job.code == SLUICE_OK && !p->lane.abandoned) {
        after_probe(lane, flight);
    } else if (probe_may_help(lane, flight) && !p->lane.abandoned) {
        probe_send(lane, flight);
        return;
    } else if (flight->job.code == SLUICE_OK) {
        flight_count(lane, flight);
        flight_free(lane, flight);
        send_held_back(lane, p);
    } else if (p->lane.abandoned) {
        flight_free(lane, flight);
    } else if (p->lane.detaching && flight->waits) {
        flight_drop(lane, flight);
    } else if (flight_may_retry(&flight->job)) {
        job_delay(lane, &flight->job);
        return;
    } else {
        give_up(lane, flight);
    }
    partition_announce(lane, p);
    partition_maybe_leave(lane, p);
}
