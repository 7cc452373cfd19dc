/* sender.c - see sender.h. */
#include "pipeline/sender.h"

#include "base/clock.h"
#include "base/point.h"
#include "clickhouse/lookup.h"
#include "clickhouse/moved.h"
#include "clickhouse/options.h"
#include "clickhouse/previous.h"
#include "pipeline/catalog.h"
#include "pipeline/partition.h"
#include "pipeline/planner.h"
#include "pipeline/probe.h"
#include "pipeline/schemas.h"
#include "pipeline/truncate.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

struct sender {
    struct sender_world world;
    struct sluice_ch_client *client;
    struct sluice_registry *registry; /* NULL without registry.url */
    struct sluice_metric *insert_seconds;
    pthread_t thread;
};

static size_t read_batch(void *ctx, char *out, size_t capacity)
{
    size_t n = sluice_batch_read(ctx, out, capacity);
    SLUICE_POINT("during_insert");
    return n;
}

static void rewind_batch(void *ctx)
{
    struct sluice_batch_reader *reader = ctx;
    sluice_batch_read_init(reader, reader->batch);
}

/* `took_us` negative: nothing was asked. */
static void count_settled(struct sender *sender, int64_t took_us, const struct settle_counts *counts, bool waits)
{
    struct sluice_metrics *metrics = sender->world.metrics;
    if (took_us >= 0) {
        sluice_metric_add(sluice_metrics_get(metrics, SLUICE_METRIC_PREVIOUS_LOOKUPS), 1);
        sluice_metric_observe(sluice_metrics_get(metrics, SLUICE_METRIC_PREVIOUS_LOOKUP_SECONDS),
                              (double)took_us / 1e6);
    }
    if (waits) {
        sluice_metric_add(sluice_metrics_get(metrics, SLUICE_METRIC_PREVIOUS_WAITS), 1);
        return;
    }
    sluice_metric_add(sluice_metrics_get(metrics, SLUICE_METRIC_TOAST_VALUES), counts->n_filled);
    sluice_metric_add(sluice_metrics_get(metrics, SLUICE_METRIC_MOVED_ROWS), counts->n_moved);
}

/* Where the values of key changes stand. Only versions of log positions let their halves find each other. */
static enum sluice_code ask_moved(struct sender *sender, struct flight *flight, const struct sluice_ch_moved *moved,
                                  struct settle *settle, struct sluice_error *err)
{
    struct sluice_version truncated;
    if (settle_n_moved(settle) == 0 || sender->world.config->version_mode != SLUICE_VERSION_LOG_POSITION)
        return SLUICE_OK;
    enum sluice_code code = sluice_ch_ask_moved(sender->client, moved, settle, err);
    if (code == SLUICE_OK)
        code = truncate_find(flight, sender->world.config, sender->client, &truncated, err);
    if (code == SLUICE_OK)
        settle_set_truncated(settle, truncated);
    return code;
}

/* What was put aside already by an attempt that had to wait is not sent again. */
static enum sluice_code put_aside(struct sender *sender, struct flight *flight, const struct sluice_ch_moved *moved,
                                  const struct settle *settle, struct sluice_error *err)
{
    size_t n_values = 0;
    const struct sluice_str values = settle_aside(settle, &n_values);
    const uint32_t crc = (uint32_t)crc32_z(0, (const unsigned char *)values.ptr, values.len);
    if (n_values == 0 || (n_values == flight->n_put_aside && crc == flight->crc_put_aside))
        return SLUICE_OK;
    enum sluice_code code = sluice_ch_put_aside(sender->client, moved, values, n_values, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_POINT("after_put_aside");
    flight->n_put_aside = n_values;
    flight->crc_put_aside = crc;
    return SLUICE_OK;
}

/* Takes its rows out of their dependence on earlier ones. What others may wait for is stored first, also when it has to
 * wait itself: so no two partitions wait for each other. */
static enum sluice_code settle(struct sender *sender, struct flight *flight, struct sluice_error *err)
{
    SLUICE_AUTO(settle) struct settle *settle = NULL;
    struct sluice_batch *settled = NULL;
    struct settle_counts counts;
    struct sluice_error failure;
    /* A batch for a target that source tables share may hold rows of any of them; their keys are one. */
    const struct table *table = flight->binding->table;
    const struct sluice_ch_moved moved = {sender->world.config->clickhouse_database,
                                          table->settings->is_shared ? "" : table->source,
                                          sluice_batch_plan(flight->batch)};
    enum sluice_code code = settle_new(flight->batch, moved.source, &settle, err);
    flight->is_settled = code == SLUICE_OK && settle == NULL;
    if (code != SLUICE_OK || settle == NULL)
        return code;
    int64_t started_us = sluice_mono_us();
    code = sluice_ch_ask_previous(sender->client, moved.plan, settle, err);
    if (code == SLUICE_OK)
        code = ask_moved(sender, flight, &moved, settle, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_POINT("after_previous");
    bool wait_over = sender->world.config->toast_wait_us == 0 ||
                     (flight->waits_since_us > 0 &&
                      sluice_mono_us() - flight->waits_since_us >= sender->world.config->toast_wait_us);
    enum sluice_code finished = settle_finish(settle, wait_over, &settled, &counts, &failure);
    code = put_aside(sender, flight, &moved, settle, err);
    if (code != SLUICE_OK) {
        sluice_batch_free(settled);
        return code;
    }
    if (finished != SLUICE_OK) {
        *err = failure;
        code = finished;
    }
    flight->waits = code == SLUICE_E_TOAST && err->action == SLUICE_RETRY;
    if (flight->waits && flight->waits_since_us == 0)
        flight->waits_since_us = started_us;
    count_settled(sender, settle_n_asks(settle) > 0 ? sluice_mono_us() - started_us : -1, &counts, flight->waits);
    if (code != SLUICE_OK)
        return code;
    sluice_batch_free(flight->batch);
    flight->batch = settled;
    flight->is_replaced = true;
    flight->is_settled = true;
    return SLUICE_OK;
}

static enum sluice_code seal(struct sender *sender, struct flight *flight, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    flight->waits = false;
    if (!flight->is_settled)
        code = settle(sender, flight, err);
    if (code == SLUICE_OK && !flight->is_sealed)
        code = sluice_batch_seal(flight->batch, flight->collapse, err);
    flight->is_sealed = flight->is_sealed || code == SLUICE_OK;
    return code;
}

/* The ledger's word is too old to begin a request with it. */
static bool is_late(const struct flight *flight)
{
    return flight->token != NULL && sluice_mono_us() > flight->send_before_us;
}

static enum sluice_code drop_stored(struct sender *sender, struct flight *flight, struct sluice_error *err)
{
    const struct sluice_ch_range range = {flight->partition->topic, flight->partition->id, flight->first, flight->last,
                                          flight->partition->is_replay};
    return sluice_ch_drop_stored(sender->client, flight->batch, &range, &flight->n_missing, err);
}

/* A record of the replay topic may be stored: its dead letter was written before its range was opened, whoever opened
 * the range found it good. Only a table of the mode log would show it twice. */
static enum sluice_code leave_out_stored(struct sender *sender, struct flight *flight, struct sluice_error *err)
{
    if (SLUICE_LIKELY(!flight->partition->is_replay) || flight->is_looked_up ||
        !sluice_plan_is_by_offset(sluice_batch_plan(flight->batch)))
        return SLUICE_OK;
    enum sluice_code code = drop_stored(sender, flight, err);
    flight->is_looked_up = code == SLUICE_OK;
    return code;
}

static enum sluice_code insert(struct sender *sender, struct flight *flight, struct sluice_error *err)
{
    char id[320];
    char target[512];
    struct sluice_batch_reader reader;
    struct sluice_ch_insert_result result;
    enum sluice_code code = seal(sender, flight, err);
    if (code == SLUICE_OK)
        code = leave_out_stored(sender, flight, err);
    if (code != SLUICE_OK)
        return code;
    if (sluice_batch_n_rows(flight->batch) == 0)
        return SLUICE_OK; /* all its rows deleted what was not there */
    code = truncate_before_insert(flight, sender->world.config, sender->client, err);
    if (code != SLUICE_OK)
        return code;
    flight->is_late = is_late(flight);
    if (flight->is_late)
        return sluice_error_set(err, SLUICE_E_CANCELLED, SLUICE_RETRY,
                                "the ledger was asked longer ago than send_limit; it is asked again before the insert");
    const struct sluice_plan *plan = sluice_batch_plan(flight->batch);
    /* At least once: the token is new for every attempt. Under an old one a plain MergeTree may answer 200 and store
     * nothing: it registers the token before the part is in place, and a kill in between leaves one without the other.
     * Rows that are stored twice are one row to ReplacingMergeTree. */
    (void)snprintf(id, sizeof id, "sluice-%s-%" PRIx64 "-%" PRIu64 "-%u", sender->world.config->name, flight->run_id,
                   flight->number, flight->job.n_attempts);
    (void)snprintf(target, sizeof target, "%s.%s", sluice_plan_database(plan), sluice_plan_table(plan));
    sluice_batch_read_init(&reader, flight->batch);
    const struct sluice_ch_insert request = {
        .sql = sluice_plan_insert_sql(plan),
        .target = target,
        .n_rows = sluice_batch_n_rows(flight->batch),
        .read = read_batch,
        .rewind = rewind_batch,
        .ctx = &reader,
        .query_id = id,
        .token = flight->token != NULL ? flight->token : id,
    };
    code = sluice_ch_insert(sender->client, &request, &result, err);
    return code != SLUICE_OK ? code : truncate_after_insert(flight, sender->world.config, sender->client, err);
}

/* Leaves out of the batch what the target holds already. */
static enum sluice_code look_up(struct sender *sender, struct flight *flight, struct sluice_error *err)
{
    enum sluice_code code = seal(sender, flight, err);
    if (code != SLUICE_OK)
        return code;
    flight->n_asked = sluice_batch_n_rows(flight->batch);
    flight->may_be_sent = flight->may_be_sent || !flight->looked_for_truncate;
    code = drop_stored(sender, flight, err);
    /* Otherwise an insert follows, which looks itself. */
    if (code == SLUICE_OK && flight->n_missing == 0)
        code = truncate_after_insert(flight, sender->world.config, sender->client, err);
    return code;
}

static void run(struct sender *sender, struct job *job)
{
    int64_t started_us = sluice_mono_us();
    if (job->kind == JOB_INSERT) {
        job->code = insert(sender, (struct flight *)job, &job->error);
    } else if (job->kind == JOB_LOOKUP) {
        job->code = look_up(sender, (struct flight *)job, &job->error);
    } else if (job->kind == JOB_PROBE) {
        job->code = probe_run((struct flight *)job, sender->world.config, sender->client, &job->error);
    } else if (job->kind == JOB_TRUNCATE) {
        job->code = truncate_run((struct truncation *)job, sender->world.config, sender->client, &job->error);
    } else if (job->kind == JOB_SCHEMA) {
        job->code = schema_fetch((struct schema *)job, sender->registry, &job->error);
    } else {
        struct variant *variant = (struct variant *)job;
        const struct table *table = variant->table;
        const struct planner_task task = {.config = sender->world.config,
                                          .settings = table->settings,
                                          .shape = variant->shape,
                                          .source = table->source,
                                          .must_exist = variant->must_exist};
        job->code = planner_plan(sender->client, &task, &variant->found, &variant->plan, &job->error);
    }
    job->took_us = sluice_mono_us() - started_us;
    job->advice = sluice_ch_client_failure(sender->client)->advice;
    if ((job->kind == JOB_INSERT || job->kind == JOB_LOOKUP) && ((struct flight *)job)->waits)
        return; /* the server is well */
    if (job->kind == JOB_INSERT && ((struct flight *)job)->is_late)
        return; /* nothing was sent, so nothing is known about the server */
    if (job->kind == JOB_SCHEMA)
        return; /* it is the registry that works or does not */
    if (job->kind == JOB_INSERT)
        sluice_metric_observe(sender->insert_seconds, (double)job->took_us / 1e6);
    /* What will be tried again is the server's condition, not the job's: not ready until something works. */
    if (job->code == SLUICE_OK || job->error.action == SLUICE_RETRY)
        status_set_server(sender->world.status, job->code == SLUICE_OK, job->error.text);
}

static void *sender_main(void *context)
{
    struct sender *sender = context;
    struct sluice_link *link = NULL;
    while ((link = sluice_queue_pop(sender->world.jobs, -1)) != NULL) {
        struct job *job = (struct job *)SLUICE_ITEM(link, struct lane_item, link);
        run(sender, job);
        sluice_queue_push(sender->world.lane, link);
    }
    return NULL;
}

enum sluice_code sender_new(const struct sender_world *world, struct sender **out, struct sluice_error *err)
{
    const struct sluice_ch_options options = sluice_ch_options_from(world->config, world->abort);
    const struct sluice_registry_options registry = sluice_registry_options_from(world->config, world->abort);
    struct sender *sender = calloc(1, sizeof *sender);
    if (sender == NULL)
        return sluice_error_nomem(err, "a sender", sizeof *sender);
    sender->world = *world;
    sender->insert_seconds = sluice_metrics_get(world->metrics, SLUICE_METRIC_INSERT_SECONDS);
    enum sluice_code code = sluice_ch_client_new(&options, &sender->client, err);
    if (code == SLUICE_OK && registry.n_urls > 0)
        code = sluice_registry_new(&registry, &sender->registry, err);
    if (code == SLUICE_OK && pthread_create(&sender->thread, NULL, sender_main, sender) != 0)
        code = sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "start a sender's thread: the system refuses");
    if (code != SLUICE_OK) {
        sluice_registry_free(sender->registry);
        sluice_ch_client_free(sender->client);
        free(sender);
        return code;
    }
    *out = sender;
    return SLUICE_OK;
}

void sender_join(struct sender *sender)
{
    if (sender == NULL)
        return;
    (void)pthread_join(sender->thread, NULL);
    sluice_registry_free(sender->registry);
    sluice_ch_client_free(sender->client);
    free(sender);
}
