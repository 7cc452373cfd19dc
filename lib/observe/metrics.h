/* metrics.h - counters, gauges and histograms of one worker, rendered as Prometheus text.
 *
 * The families are fixed (families.def). A series is a family with label values; it is made on first use, under a lock,
 * and afterwards updated with atomics only. Getting a series never fails: past SLUICE_METRICS_MAX_SERIES per family, or
 * without memory, the family's series with all labels "other" is handed out.
 * A series pointer stays valid until the registry is freed, so a late update is harmless; after
 * sluice_metrics_remove_partition() it may be given to other labels, so forget it. Any thread.
 */
#ifndef SLUICE_OBSERVE_METRICS_H
#define SLUICE_OBSERVE_METRICS_H

#include "base/buf.h"

enum { SLUICE_METRICS_MAX_SERIES = 4096, SLUICE_METRICS_MAX_LABELS = 2, SLUICE_METRICS_MAX_VALUE = 255 };

enum sluice_family {
#define FAMILY(symbol, name, type, help, labels) SLUICE_METRIC_##symbol,
#include "observe/families.def"
#undef FAMILY
    SLUICE_N_FAMILIES
};

struct sluice_metrics; /* the registry */
struct sluice_metric;  /* one series */

SLUICE_MUST_CHECK enum sluice_code sluice_metrics_new(struct sluice_metrics **out, struct sluice_error *err);
void sluice_metrics_free(struct sluice_metrics *metrics);
SLUICE_DEFINE_AUTO_PTR(sluice_metrics, struct sluice_metrics, sluice_metrics_free)

/* The series, made if it is new. As many values as the family has labels; a value is cut at SLUICE_METRICS_MAX_VALUE
 * bytes. Takes the lock: get once, keep the pointer. */
struct sluice_metric *sluice_metrics_get(struct sluice_metrics *metrics, enum sluice_family family);
struct sluice_metric *sluice_metrics_get1(struct sluice_metrics *metrics, enum sluice_family family, const char *value);
struct sluice_metric *sluice_metrics_get2(struct sluice_metrics *metrics, enum sluice_family family, const char *value,
                                          const char *value2);
/* A family with the labels topic and partition. */
struct sluice_metric *sluice_metrics_get_partition(struct sluice_metrics *metrics, enum sluice_family family,
                                                   const char *topic, int32_t partition);
/* Takes the partition's series out of every such family. */
void sluice_metrics_remove_partition(struct sluice_metrics *metrics, const char *topic, int32_t partition);

/* Each belongs to one type of family (families.def); another one is a bug. */
void sluice_metric_add(struct sluice_metric *metric, uint64_t n);        /* COUNTER */
void sluice_metric_set(struct sluice_metric *metric, int64_t value);     /* GAUGE */
void sluice_metric_set_real(struct sluice_metric *metric, double value); /* GAUGE_REAL */
void sluice_metric_observe(struct sluice_metric *metric, double value);  /* SECONDS, ROWS */

/* The value of a counter or gauge, the number of observations of a histogram. */
double sluice_metric_value(const struct sluice_metric *metric);
/* The sum over all series of a family. */
double sluice_metrics_sum(struct sluice_metrics *metrics, enum sluice_family family);

/* Appends the text exposition format, version 0.0.4: every family with at least one series. */
SLUICE_MUST_CHECK enum sluice_code sluice_metrics_render(struct sluice_metrics *metrics, struct sluice_buf *out,
                                                         struct sluice_error *err);

#endif
