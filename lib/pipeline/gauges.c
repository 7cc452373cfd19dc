/* gauges.c - lag, offsets and counts of partitions, for /metrics and /status. */
#include "pipeline/reader_internal.h"

#include "base/clock.h"
#include "table/convert.h"

enum { ASK_TIMEOUT_MS = 200 };

/* The end of a partition is learned from fetching it. Of those that are not fetched one is asked for at a time, so that
 * their lag goes on to be true. */
static void ask_one_end(struct reader *reader)
{
    size_t n = 0;
    for (const struct partition *p = reader->partitions; p != NULL; p = p->reader.next)
        n += p->reader.paused || p->reader.stopped ? 1 : 0;
    if (n == 0)
        return;
    size_t turn = reader->n_asked++ % n;
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        if (!p->reader.paused && !p->reader.stopped)
            continue;
        if (turn-- > 0)
            continue;
        int64_t end = sluice_consumer_ask_end_offset(reader->consumer, p->topic, p->id, ASK_TIMEOUT_MS);
        if (end >= 0)
            p->reader.asked_end = end;
        return;
    }
}

static int64_t end_of(struct reader *reader, const struct partition *p)
{
    int64_t end = sluice_consumer_end_offset(reader->consumer, p->topic, p->id);
    return end > p->reader.asked_end ? end : p->reader.asked_end;
}

/* The conversions count for the whole process. */
static void count_out_of_range(struct sluice_metrics *metrics, const char *policy, uint64_t n)
{
    struct sluice_metric *metric = sluice_metrics_get1(metrics, SLUICE_METRIC_OUT_OF_RANGE_VALUES, policy);
    double seen = sluice_metric_value(metric);
    if ((double)n > seen)
        sluice_metric_add(metric, n - (uint64_t)seen);
}

void gauges_set(struct reader *reader)
{
    struct sluice_metrics *metrics = reader->world.metrics;
    int64_t n_stopped = 0;
    int64_t n_paused = 0;
    int64_t now_us = sluice_wall_us();
    ask_one_end(reader);
    for (struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        struct partition_status *s = p->status;
        int64_t end = end_of(reader, p);
        atomic_store(&s->end, end);
        int64_t lag = status_lag(s);
        int64_t record_us = atomic_load(&s->record_wall_us);
        double lag_s = lag > 0 && record_us > 0 ? (double)(now_us - record_us) / 1e6 : 0;
        n_stopped += p->reader.stopped ? 1 : 0;
        n_paused += p->reader.paused && !p->reader.stopped ? 1 : 0;
        if (reader->ledger != NULL)
            sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LEDGER_STATE, p->topic, p->id),
                              atomic_load(&s->ledger_state));
        sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LAG_RECORDS, p->topic, p->id), lag);
        sluice_metric_set_real(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LAG_SECONDS, p->topic, p->id),
                               lag_s);
        sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_POSITION_OFFSET, p->topic, p->id),
                          atomic_load(&s->position));
        sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_DURABLE_OFFSET, p->topic, p->id),
                          atomic_load(&s->durable));
        sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_COMMITTED_OFFSET, p->topic, p->id),
                          atomic_load(&s->committed));
    }
    count_out_of_range(metrics, "clamp", sluice_convert_n_clamped());
    count_out_of_range(metrics, "null", sluice_convert_n_nulled());
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_ASSIGNED_PARTITIONS), (int64_t)reader->n_partitions);
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_STOPPED_PARTITIONS), n_stopped);
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_PAUSED_PARTITIONS), n_paused);
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_BUFFERED_BYTES),
                      (int64_t)sluice_budget_used(reader->world.budget));
}
