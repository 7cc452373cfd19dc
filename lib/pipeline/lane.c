/* lane.c - see lane.h: the loop, what comes in, and jobs that come back. */
#include "pipeline/letters.h"
#include "pipeline/ranges.h"
#include "pipeline/truncate.h"

#include "base/clock.h"
#include "sluice/log.h"

#include <stdlib.h>

/* How exactly the age of a batch and the time of a retry are kept. */
static const int64_t tick_us = 20000;
static const int64_t idle_tick_us = 1000000;

static void on_schema(struct lane *lane, struct schema *schema)
{
    if (schemas_returned(&lane->schemas, schema, lane->stopping))
        partitions_go_on(lane, &schema->job, schema->state == SCHEMA_READY);
    else
        job_delay(lane, &schema->job);
}

static void on_truncate(struct lane *lane, struct truncation *truncation)
{
    bool is_done = false;
    if (!truncate_returned(truncation, lane->stopping, &is_done)) {
        job_delay(lane, &truncation->job);
        return;
    }
    if (!is_done)
        truncate_forget(lane, truncation);
    partitions_go_on(lane, &truncation->job, is_done);
    if (!is_done)
        truncate_free(truncation);
}

static void on_plan(struct lane *lane, struct variant *variant)
{
    struct job *job = &variant->job;
    if (job->code != SLUICE_OK && job->error.action == SLUICE_RETRY && !lane->stopping) {
        job_delay(lane, job);
        return;
    }
    if (job->code == SLUICE_OK)
        job->code = catalog_planned(&lane->catalog, variant, &job->error);
    variant->state = job->code == SLUICE_OK ? VARIANT_READY : VARIANT_STALE;
    sluice_metric_set(sluice_metrics_get(lane->world.metrics, SLUICE_METRIC_TABLES_PLANNED),
                      (int64_t)lane->catalog.n_tables);
    partitions_go_on(lane, job, variant->state == VARIANT_READY);
}

static void on_ledger(struct lane *lane, struct ledger_job *job)
{
    struct partition *p = job->partition;
    ranges_ledger_returned(lane, job);
    partition_maybe_leave(lane, p);
}

static void on_job(struct lane *lane, struct job *job)
{
    lane->n_jobs_out--;
    job->n_attempts++;
    switch (job->kind) {
    case JOB_PLAN:
        on_plan(lane, (struct variant *)job);
        break;
    case JOB_SCHEMA:
        on_schema(lane, (struct schema *)job);
        break;
    case JOB_TRUNCATE:
        on_truncate(lane, (struct truncation *)job);
        break;
    case JOB_INSERT:
    case JOB_LOOKUP:
    case JOB_PROBE:
        flight_returned(lane, (struct flight *)job);
        break;
    case JOB_LEDGER:
        on_ledger(lane, (struct ledger_job *)job);
        break;
    case JOB_LETTER:
        letters_returned(lane, (struct letter *)job);
        break;
    case JOB_WAKE:
        SLUICE_BUG("a job that is never sent came back");
    }
}

static void send_due(struct lane *lane, int64_t now_us)
{
    for (struct job **at = &lane->delayed; *at != NULL;) {
        struct job *job = *at;
        if (job->due_us > now_us) {
            at = &job->next_delayed;
            continue;
        }
        *at = job->next_delayed;
        if (job->kind == JOB_WAKE) {
            ranges_woke(lane, job);
            at = &lane->delayed; /* what it led to may have changed the list */
        } else {
            job_send(lane, job);
        }
    }
}

/* Counts what was read and is not confirmed, and holds the partition while something of it is being tried again. The
 * batch of a flight that was sent belongs to its sender. */
static size_t look_at(struct lane *lane, struct partition *p)
{
    size_t n = 0;
    bool held = p->lane.waiting_for != NULL && p->lane.waiting_for->n_attempts > 0;
    if (p->lane.ranges != NULL)
        held = held || ranges_in_trouble(p);
    for (const struct letter *letter = p->lane.letters; letter != NULL; letter = letter->next)
        held = held || letter->job.n_attempts > 0;
    for (const struct flight *flight = p->lane.flights; flight != NULL; flight = flight->next) {
        if (flight->is_dropped)
            continue;
        n += flight->is_open ? sluice_batch_n_changes(flight->batch) : flight->n_changes;
        held = held || (p->lane.ranges == NULL && flight->job.n_attempts > 0);
    }
    atomic_store_explicit(&p->status->held, held, memory_order_relaxed);
    if (!held)
        status_set_waiting(lane->world.status, p->status, STATUS_LANE, "");
    else if (!atomic_load_explicit(&p->status->waits[STATUS_LANE], memory_order_relaxed))
        partition_tell_waiting(lane, p);
    return n;
}

/* Batches that are old enough go out; new durable offsets are announced. */
static void tick(struct lane *lane)
{
    int64_t now_us = sluice_mono_us();
    size_t n_buffered = 0;
    send_due(lane, now_us);
    for (struct partition *p = lane->partitions; p != NULL; p = p->lane.next) {
        if (p->lane.ranges != NULL)
            ranges_tick(lane, p, now_us);
        for (struct binding *binding = p->lane.ranges == NULL ? p->lane.bindings : NULL; binding != NULL;
             binding = binding->next) {
            if (binding->open != NULL && now_us - binding->open->opened_us >= lane->limits.max_age_us)
                flight_send(lane, binding->open);
        }
        partition_announce(lane, p);
        n_buffered += look_at(lane, p);
    }
    sluice_metric_set(sluice_metrics_get(lane->world.metrics, SLUICE_METRIC_BUFFERED_ROWS), (int64_t)n_buffered);
    /* What failed may have left with its partition; then nothing says any more that the server is in trouble. */
    if (lane->delayed == NULL && lane->n_jobs_out == 0)
        atomic_store(&lane->world.status->server_ok, true);
}

/* The item holds a reference: on attaching it becomes the lane's own, else it ends here. */
static void on_control(struct lane *lane, struct lane_control *control)
{
    struct partition *p = control->partition;
    enum lane_item_kind kind = control->item.kind;
    int64_t offset = control->offset;
    struct sluice_ledger_commit commit = control->commit;
    free(control);
    if (kind == LANE_ATTACH) {
        partition_attach(lane, p);
        return;
    }
    bool is_here = !p->lane.gone;
    if (kind == LANE_END && is_here)
        partition_end(lane, p, offset);
    else if (kind == LANE_SEEKED && is_here)
        ranges_seeked(p);
    else if (kind == LANE_OFFSET && is_here)
        ranges_offset_read(lane, p, &commit);
    else if (kind == LANE_COMMITTED && is_here)
        ranges_committed(lane, p);
    else if (kind == LANE_GONE && is_here)
        ranges_gone(lane, p, offset);
    else if (kind == LANE_DETACH)
        partition_detach(lane, p);
    else if (kind == LANE_ABANDON)
        partition_abandon(lane, p);
    if (!p->lane.gone) /* what it heard may have ended it */
        partition_maybe_leave(lane, p);
    partition_unref(p);
}

static void handle(struct lane *lane, struct lane_item *item)
{
    switch (item->kind) {
    case LANE_CHUNK:
        partition_take(lane, (struct chunk *)item);
        break;
    case LANE_ATTACH:
    case LANE_END:
    case LANE_DETACH:
    case LANE_ABANDON:
    case LANE_SEEKED:
    case LANE_OFFSET:
    case LANE_COMMITTED:
    case LANE_GONE:
        on_control(lane, (struct lane_control *)item);
        break;
    case LANE_JOB:
        on_job(lane, (struct job *)item);
        break;
    case LANE_LIMITS:
        lane->limits = ((struct lane_limits_item *)item)->limits;
        free(item);
        break;
    case LANE_STOP:
        lane->stopping = true;
        free(item);
        break;
    }
}

static void *lane_main(void *context)
{
    struct lane *lane = context;
    int64_t ticked_us = sluice_mono_us();
    while (!lane->stopping || lane->n_jobs_out > 0) {
        int64_t wait_us = lane->partitions != NULL || lane->delayed != NULL ? tick_us : idle_tick_us;
        struct sluice_link *link = sluice_queue_pop(&lane->inbox, wait_us);
        if (link != NULL)
            handle(lane, SLUICE_ITEM(link, struct lane_item, link));
        int64_t now_us = sluice_mono_us();
        if (now_us - ticked_us >= tick_us) {
            ticked_us = now_us;
            tick(lane);
        }
    }
    return NULL;
}

struct lane_limits lane_limits_from(const struct sluice_config *config)
{
    return (struct lane_limits){(size_t)config->batch_max_rows, (size_t)config->batch_max_bytes,
                                config->batch_max_age_us, config->batch_collapse};
}

enum sluice_code lane_new(const struct lane_world *world, struct lane **out, struct sluice_error *err)
{
    struct lane *lane = calloc(1, sizeof *lane);
    if (lane == NULL)
        return sluice_error_nomem(err, "a lane", sizeof *lane);
    lane->world = *world;
    lane->limits = lane_limits_from(world->config);
    lane->run_id = (uint64_t)sluice_wall_us();
    catalog_init(&lane->catalog, world->config);
    enum sluice_code code = sluice_decoder_new(&lane->decoder, err);
    if (code == SLUICE_OK)
        code = sluice_decoder_new(&lane->old_keys, err);
    if (code != SLUICE_OK) {
        sluice_decoder_free(lane->decoder);
        free(lane);
        return code;
    }
    sluice_queue_init(&lane->inbox);
    if (pthread_create(&lane->thread, NULL, lane_main, lane) != 0) {
        lane_free(lane);
        return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "start the lane's thread: the system refuses");
    }
    *out = lane;
    return SLUICE_OK;
}

struct sluice_queue *lane_inbox(struct lane *lane)
{
    return &lane->inbox;
}

void lane_join(struct lane *lane)
{
    (void)pthread_join(lane->thread, NULL);
}

void lane_free(struct lane *lane)
{
    if (lane == NULL)
        return;
    catalog_deinit(&lane->catalog);
    truncate_free_all(lane->truncations);
    schemas_deinit(&lane->schemas); /* after the plans made for their types */
    sluice_decoder_free(lane->decoder);
    sluice_decoder_free(lane->old_keys);
    sluice_queue_deinit(&lane->inbox);
    free(lane);
}
