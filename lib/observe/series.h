/* series.h - what a registry is made of; shared by metrics.c, which makes and updates series, and render.c. */
#ifndef SLUICE_OBSERVE_SERIES_H
#define SLUICE_OBSERVE_SERIES_H

#include <pthread.h>
#include <stdatomic.h>

#include "observe/metrics.h"

enum { METRIC_MAX_BOUNDS = 20 };

enum metric_type { METRIC_COUNTER, METRIC_GAUGE, METRIC_GAUGE_REAL, METRIC_SECONDS, METRIC_ROWS };

struct metric_family {
    const char *name; /* with the prefix */
    enum metric_type type;
    const char *help;
    unsigned n_labels;
    const char *labels[SLUICE_METRICS_MAX_LABELS];
};

extern const struct metric_family metric_families[SLUICE_N_FAMILIES];

/* Upper bounds of the buckets; one more for everything above follows. */
struct metric_bounds {
    size_t n;
    double le[METRIC_MAX_BOUNDS];
};
struct metric_histogram {
    _Atomic uint64_t buckets[METRIC_MAX_BOUNDS + 1]; /* not cumulative */
    _Atomic uint64_t sum_bits;
};

struct sluice_metric {
    const struct metric_family *family;
    _Atomic uint64_t value;
    struct metric_histogram *histogram;      /* METRIC_SECONDS and METRIC_ROWS, else NULL */
    char *labels[SLUICE_METRICS_MAX_LABELS]; /* guarded by the lock */
    uint64_t hash;
    bool retired;
    struct sluice_metric *next;
};

struct series_list {
    struct sluice_metric *first; /* in the order of making */
    struct sluice_metric **last;
    size_t n_series;
    struct sluice_metric *other; /* handed out when no more can be made; listed once it was */
    bool other_used;
};

struct sluice_metrics {
    pthread_mutex_t lock;
    struct series_list lists[SLUICE_N_FAMILIES];
};

static inline bool metric_is_histogram(const struct metric_family *family)
{
    return family->type == METRIC_SECONDS || family->type == METRIC_ROWS;
}
const struct metric_bounds *metric_bounds_of(const struct metric_family *family);

static inline uint64_t metric_bits_of(double number)
{
    uint64_t bits;
    memcpy(&bits, &number, sizeof bits);
    return bits;
}

static inline double metric_double_of(uint64_t bits)
{
    double number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

#endif
