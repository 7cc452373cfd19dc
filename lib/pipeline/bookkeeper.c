/* bookkeeper.c - see bookkeeper.h. */
#include "pipeline/bookkeeper.h"

#include "base/clock.h"
#include "pipeline/job.h"

#include <pthread.h>
#include <stdlib.h>

/* So many rows take about a tenth of a second (docs/ledger.md); what is left over goes into the next round. */
enum { MAX_CALLS = 512 };

struct bookkeeper {
    struct bookkeeper_world world;
    struct ledger_job *jobs[MAX_CALLS];
    struct sluice_ledger_call calls[MAX_CALLS];
    struct sluice_ledger_counts counted;
    pthread_t thread;
};

static size_t collect(struct bookkeeper *b)
{
    size_t n = 0;
    struct sluice_link *link = sluice_queue_pop(b->world.calls, -1);
    while (link != NULL) {
        b->jobs[n] = (struct ledger_job *)SLUICE_ITEM(link, struct lane_item, link);
        b->calls[n] = b->jobs[n]->call;
        n++;
        link = n < MAX_CALLS ? sluice_queue_pop(b->world.calls, 0) : NULL;
    }
    return n;
}

static void count(struct bookkeeper *b, int64_t took_us)
{
    struct sluice_metrics *metrics = b->world.metrics;
    struct sluice_ledger_counts now = sluice_ledger_counts(b->world.ledger);
    sluice_metric_add(sluice_metrics_get(metrics, SLUICE_METRIC_LEDGER_WRITES), now.n_writes - b->counted.n_writes);
    sluice_metric_add(sluice_metrics_get(metrics, SLUICE_METRIC_LEDGER_STATEMENTS),
                      now.n_statements - b->counted.n_statements);
    sluice_metric_add(sluice_metrics_get(metrics, SLUICE_METRIC_LEDGER_CONFLICTS),
                      now.n_conflicts - b->counted.n_conflicts);
    sluice_metric_observe(sluice_metrics_get(metrics, SLUICE_METRIC_LEDGER_SECONDS), (double)took_us / 1e6);
    b->counted = now;
}

static void run(struct bookkeeper *b, size_t n)
{
    struct sluice_error err = {0};
    int64_t started_us = sluice_mono_us();
    enum sluice_code code = sluice_ledger_run(b->world.ledger, b->calls, n, &err);
    int64_t took_us = sluice_mono_us() - started_us;
    count(b, took_us);
    if (code == SLUICE_OK || err.action == SLUICE_RETRY)
        status_set_server(b->world.status, code == SLUICE_OK, err.text);
    for (size_t i = 0; i < n; i++) {
        struct job *job = &b->jobs[i]->job;
        b->jobs[i]->call = b->calls[i];
        b->jobs[i]->asked_us = started_us;
        job->code = code;
        job->error = err;
        job->took_us = took_us;
        sluice_queue_push(b->world.lane, &job->item.link);
    }
}

static void *bookkeeper_main(void *context)
{
    struct bookkeeper *b = context;
    size_t n = 0;
    while ((n = collect(b)) > 0)
        run(b, n);
    return NULL;
}

enum sluice_code bookkeeper_new(const struct bookkeeper_world *world, struct bookkeeper **out, struct sluice_error *err)
{
    struct bookkeeper *b = calloc(1, sizeof *b);
    if (b == NULL)
        return sluice_error_nomem(err, "the bookkeeper", sizeof *b);
    b->world = *world;
    if (pthread_create(&b->thread, NULL, bookkeeper_main, b) != 0) {
        free(b);
        return sluice_error_set(err, SLUICE_E_IO, SLUICE_STOP, "start the bookkeeper's thread: the system refuses");
    }
    *out = b;
    return SLUICE_OK;
}

void bookkeeper_join(struct bookkeeper *bookkeeper)
{
    if (bookkeeper == NULL)
        return;
    (void)pthread_join(bookkeeper->thread, NULL);
    free(bookkeeper);
}
