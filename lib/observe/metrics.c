/* metrics.c - see metrics.h.
 *
 * A series, once made, is freed with the registry only. That is what lets the owners update it without a lock: a series
 * taken out is merely retired, and given to the next new labels of its family. Values are 64 bits: a count, an int64_t,
 * or the bits of a double. The lock guards the lists and the label values.
 */
#include "observe/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "observe/series.h"

/* The formatter takes the braces for blocks. */
/* clang-format off */
#define LABELS0       0, {NULL, NULL}
#define LABELS1(a)    1, {(a), NULL}
#define LABELS2(a, b) 2, {(a), (b)}
/* clang-format on */
const struct metric_family metric_families[SLUICE_N_FAMILIES] = {
#define FAMILY(symbol, name, type, help, labels)                                                                       \
    [SLUICE_METRIC_##symbol] = {"sluice_" name, METRIC_##type, help, labels},
#include "observe/families.def"
#undef FAMILY
};

static const struct metric_bounds seconds_bounds = {
    19, {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 5, 10, 30, 60, 300}};
static const struct metric_bounds rows_bounds = {11, {1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576}};

static void metric_free(struct sluice_metric *metric)
{
    if (metric == NULL)
        return;
    for (size_t i = 0; i < SLUICE_METRICS_MAX_LABELS; i++)
        free(metric->labels[i]);
    free(metric->histogram);
    free(metric);
}
SLUICE_DEFINE_AUTO_PTR(metric, struct sluice_metric, metric_free)

/* At most SLUICE_METRICS_MAX_VALUE bytes, on the heap. */
static char *copy_label(const char *value)
{
    size_t len = strnlen(value, SLUICE_METRICS_MAX_VALUE);
    char *copy = malloc(len + 1);
    if (copy == NULL)
        return NULL;
    memcpy(copy, value, len);
    copy[len] = '\0';
    return copy;
}

static bool set_labels(struct sluice_metric *metric, const char *const *values)
{
    char *copies[SLUICE_METRICS_MAX_LABELS] = {NULL};
    for (size_t i = 0; i < metric->family->n_labels; i++) {
        copies[i] = copy_label(values[i]);
        if (copies[i] == NULL) {
            free(copies[0]); /* the second failed, if any was made */
            return false;
        }
    }
    for (size_t i = 0; i < SLUICE_METRICS_MAX_LABELS; i++) {
        free(metric->labels[i]);
        metric->labels[i] = copies[i];
    }
    return true;
}

static struct sluice_metric *metric_new(const struct metric_family *family, const char *const *values)
{
    SLUICE_AUTO(metric) struct sluice_metric *metric = calloc(1, sizeof *metric);
    if (metric == NULL)
        return NULL;
    metric->family = family;
    if (metric_is_histogram(family)) {
        metric->histogram = calloc(1, sizeof *metric->histogram);
        if (metric->histogram == NULL)
            return NULL;
    }
    return set_labels(metric, values) ? SLUICE_TAKE(metric) : NULL;
}

static void append(struct series_list *list, struct sluice_metric *metric)
{
    *list->last = metric;
    list->last = &metric->next;
    list->n_series++;
}

static uint64_t hash_of(const struct metric_family *family, const char *const *values)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < family->n_labels; i++)
        hash =
            hash * 31 + sluice_str_hash((struct sluice_str){values[i], strnlen(values[i], SLUICE_METRICS_MAX_VALUE)});
    return hash;
}

static bool has_labels(const struct sluice_metric *metric, const char *const *values)
{
    for (size_t i = 0; i < metric->family->n_labels; i++)
        if (strncmp(metric->labels[i], values[i], SLUICE_METRICS_MAX_VALUE) != 0)
            return false;
    return true;
}

static void reset(struct sluice_metric *metric)
{
    atomic_store(&metric->value, 0);
    for (size_t i = 0; metric->histogram != NULL && i <= METRIC_MAX_BOUNDS; i++)
        atomic_store(&metric->histogram->buckets[i], 0);
    if (metric->histogram != NULL)
        atomic_store(&metric->histogram->sum_bits, 0);
}

/* The series of these labels, or NULL; `*retired` becomes one that may be used anew, if there is any. */
static struct sluice_metric *find(const struct series_list *list, uint64_t hash, const char *const *values,
                                  struct sluice_metric **retired)
{
    for (struct sluice_metric *metric = list->first; metric != NULL; metric = metric->next) {
        if (metric->retired)
            *retired = metric;
        else if (metric->hash == hash && has_labels(metric, values))
            return metric;
    }
    return NULL;
}

static struct sluice_metric *get_locked(struct series_list *list, const struct metric_family *family,
                                        const char *const *values)
{
    uint64_t hash = hash_of(family, values);
    struct sluice_metric *retired = NULL;
    struct sluice_metric *metric = find(list, hash, values, &retired);
    if (metric != NULL)
        return metric;
    if (retired != NULL && set_labels(retired, values)) {
        reset(retired);
        retired->hash = hash;
        retired->retired = false;
        return retired;
    }
    if (list->n_series < SLUICE_METRICS_MAX_SERIES)
        metric = metric_new(family, values);
    if (metric == NULL) {
        list->other_used = true;
        return list->other;
    }
    metric->hash = hash;
    append(list, metric);
    return metric;
}

static struct sluice_metric *get(struct sluice_metrics *metrics, enum sluice_family family, unsigned n_labels,
                                 const char *const *values)
{
    if ((unsigned)family >= SLUICE_N_FAMILIES || metric_families[family].n_labels != n_labels)
        SLUICE_BUG("metric with the wrong number of labels");
    (void)pthread_mutex_lock(&metrics->lock);
    struct sluice_metric *metric = get_locked(&metrics->lists[family], &metric_families[family], values);
    (void)pthread_mutex_unlock(&metrics->lock);
    return metric;
}

/* Families without labels are there from the start, so that a rate can be taken over their first increment. */
static bool fill(struct sluice_metrics *metrics)
{
    static const char *const other[] = {"other", "other"};
    for (size_t i = 0; i < SLUICE_N_FAMILIES; i++) {
        struct series_list *list = &metrics->lists[i];
        list->last = &list->first;
        list->other = metric_new(&metric_families[i], other);
        if (list->other == NULL)
            return false;
        if (metric_families[i].n_labels > 0)
            continue;
        struct sluice_metric *metric = metric_new(&metric_families[i], NULL);
        if (metric == NULL)
            return false;
        append(list, metric);
    }
    return true;
}

enum sluice_code sluice_metrics_new(struct sluice_metrics **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_metrics) struct sluice_metrics *metrics = calloc(1, sizeof *metrics);
    if (metrics == NULL)
        return sluice_error_nomem(err, "the metrics", sizeof *metrics);
    if (pthread_mutex_init(&metrics->lock, NULL) != 0)
        SLUICE_BUG("mutex of the metrics");
    if (!fill(metrics))
        return sluice_error_nomem(err, "the metrics", sizeof(struct sluice_metric));
    sluice_metric_set(sluice_metrics_get1(metrics, SLUICE_METRIC_BUILD_INFO, SLUICE_VERSION), 1);
    *out = SLUICE_TAKE(metrics);
    return SLUICE_OK;
}

void sluice_metrics_free(struct sluice_metrics *metrics)
{
    if (metrics == NULL)
        return;
    for (size_t i = 0; i < SLUICE_N_FAMILIES; i++) {
        struct sluice_metric *metric = metrics->lists[i].first;
        while (metric != NULL) {
            struct sluice_metric *next = metric->next;
            metric_free(metric);
            metric = next;
        }
        metric_free(metrics->lists[i].other);
    }
    (void)pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

struct sluice_metric *sluice_metrics_get(struct sluice_metrics *metrics, enum sluice_family family)
{
    return get(metrics, family, 0, NULL);
}

struct sluice_metric *sluice_metrics_get1(struct sluice_metrics *metrics, enum sluice_family family, const char *value)
{
    return get(metrics, family, 1, (const char *const[]){value});
}

struct sluice_metric *sluice_metrics_get2(struct sluice_metrics *metrics, enum sluice_family family, const char *value,
                                          const char *value2)
{
    return get(metrics, family, 2, (const char *const[]){value, value2});
}

struct sluice_metric *sluice_metrics_get_partition(struct sluice_metrics *metrics, enum sluice_family family,
                                                   const char *topic, int32_t partition)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%" PRId32, partition);
    return sluice_metrics_get2(metrics, family, topic, number);
}

static bool is_per_partition(const struct metric_family *family)
{
    return family->n_labels == 2 && strcmp(family->labels[0], "topic") == 0 &&
           strcmp(family->labels[1], "partition") == 0;
}

void sluice_metrics_remove_partition(struct sluice_metrics *metrics, const char *topic, int32_t partition)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%" PRId32, partition);
    const char *const values[] = {topic, number};
    (void)pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < SLUICE_N_FAMILIES; i++) {
        struct sluice_metric *retired = NULL;
        if (!is_per_partition(&metric_families[i]))
            continue;
        struct sluice_metric *metric = find(&metrics->lists[i], hash_of(&metric_families[i], values), values, &retired);
        if (metric != NULL)
            metric->retired = true;
    }
    (void)pthread_mutex_unlock(&metrics->lock);
}

static void require(bool right)
{
    if (!right)
        SLUICE_BUG("metric updated as another type than its family's");
}

void sluice_metric_add(struct sluice_metric *metric, uint64_t n)
{
    require(metric->family->type == METRIC_COUNTER);
    atomic_fetch_add_explicit(&metric->value, n, memory_order_relaxed);
}

void sluice_metric_set(struct sluice_metric *metric, int64_t value)
{
    require(metric->family->type == METRIC_GAUGE);
    atomic_store_explicit(&metric->value, (uint64_t)value, memory_order_relaxed);
}

void sluice_metric_set_real(struct sluice_metric *metric, double value)
{
    require(metric->family->type == METRIC_GAUGE_REAL);
    atomic_store_explicit(&metric->value, metric_bits_of(value), memory_order_relaxed);
}

const struct metric_bounds *metric_bounds_of(const struct metric_family *family)
{
    return family->type == METRIC_SECONDS ? &seconds_bounds : &rows_bounds;
}

void sluice_metric_observe(struct sluice_metric *metric, double value)
{
    require(metric_is_histogram(metric->family));
    const struct metric_bounds *bounds = metric_bounds_of(metric->family);
    struct metric_histogram *histogram = metric->histogram;
    size_t i = 0;
    while (i < bounds->n && value > bounds->le[i])
        i++;
    atomic_fetch_add_explicit(&histogram->buckets[i], 1, memory_order_relaxed);
    uint64_t before = atomic_load_explicit(&histogram->sum_bits, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&histogram->sum_bits, &before,
                                                  metric_bits_of(metric_double_of(before) + value),
                                                  memory_order_relaxed, memory_order_relaxed))
        ;
}

static uint64_t observations(const struct metric_histogram *histogram)
{
    uint64_t n = 0;
    for (size_t i = 0; i <= METRIC_MAX_BOUNDS; i++)
        n += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
    return n;
}

double sluice_metric_value(const struct sluice_metric *metric)
{
    uint64_t value = atomic_load_explicit(&metric->value, memory_order_relaxed);
    if (metric_is_histogram(metric->family))
        return (double)observations(metric->histogram);
    if (metric->family->type == METRIC_GAUGE_REAL)
        return metric_double_of(value);
    return metric->family->type == METRIC_GAUGE ? (double)(int64_t)value : (double)value;
}

double sluice_metrics_sum(struct sluice_metrics *metrics, enum sluice_family family)
{
    double sum = 0;
    (void)pthread_mutex_lock(&metrics->lock);
    const struct series_list *list = &metrics->lists[family];
    for (const struct sluice_metric *metric = list->first; metric != NULL; metric = metric->next)
        sum += metric->retired ? 0 : sluice_metric_value(metric);
    sum += list->other_used ? sluice_metric_value(list->other) : 0;
    (void)pthread_mutex_unlock(&metrics->lock);
    return sum;
}
