/* render.c - sluice_metrics_render(): Prometheus text exposition format 0.0.4.
 *
 * The lock of the registry is held while the text is put together (memory only), so that labels do not change under it.
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "observe/series.h"

static const char *type_name(enum metric_type type)
{
    switch (type) {
    case METRIC_COUNTER:
        return "counter";
    case METRIC_GAUGE:
    case METRIC_GAUGE_REAL:
        return "gauge";
    case METRIC_SECONDS:
    case METRIC_ROWS:
        return "histogram";
    }
    SLUICE_BUG("type of a metric");
}

/* Backslash, quote and line break are escaped. Other bytes stay: the values come from UTF-8 texts. */
static enum sluice_code put_label(struct sluice_buf *out, const char *name, const char *value, bool first,
                                  struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_printf(out, err, "%s%s=\"", first ? "{" : ",", name);
    for (; *value != '\0' && code == SLUICE_OK; value++) {
        if (*value == '\n')
            code = sluice_buf_append_z(out, "\\n", err);
        else if (*value == '\\' || *value == '"')
            code = sluice_buf_printf(out, err, "\\%c", *value);
        else
            code = sluice_buf_append_char(out, *value, err);
    }
    return code == SLUICE_OK ? sluice_buf_append_char(out, '"', err) : code;
}

/* name{labels} and a space; `le` is the label of a bucket, or NULL. */
static enum sluice_code put_name(struct sluice_buf *out, const struct sluice_metric *metric, const char *suffix,
                                 const char *le, struct sluice_error *err)
{
    const struct metric_family *family = metric->family;
    enum sluice_code code = sluice_buf_printf(out, err, "%s%s", family->name, suffix);
    for (size_t i = 0; i < family->n_labels && code == SLUICE_OK; i++)
        code = put_label(out, family->labels[i], metric->labels[i], i == 0, err);
    if (le != NULL && code == SLUICE_OK)
        code = put_label(out, "le", le, family->n_labels == 0, err);
    if (code != SLUICE_OK)
        return code;
    return sluice_buf_append_z(out, family->n_labels > 0 || le != NULL ? "} " : " ", err);
}

static void format_double(double value, char *text, size_t size)
{
    if (isfinite(value))
        (void)snprintf(text, size, "%.15g", value);
    else
        (void)snprintf(text, size, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
}

static enum sluice_code put_histogram(struct sluice_buf *out, const struct sluice_metric *metric,
                                      struct sluice_error *err)
{
    char number[40];
    uint64_t n = 0;
    const struct metric_bounds *bounds = metric_bounds_of(metric->family);
    for (size_t i = 0; i <= bounds->n; i++) {
        n += atomic_load_explicit(&metric->histogram->buckets[i], memory_order_relaxed);
        format_double(i < bounds->n ? bounds->le[i] : (double)INFINITY, number, sizeof number);
        enum sluice_code code = put_name(out, metric, "_bucket", number, err);
        if (code == SLUICE_OK)
            code = sluice_buf_printf(out, err, "%" PRIu64 "\n", n);
        if (code != SLUICE_OK)
            return code;
    }
    double sum = metric_double_of(atomic_load_explicit(&metric->histogram->sum_bits, memory_order_relaxed));
    format_double(sum, number, sizeof number);
    enum sluice_code code = put_name(out, metric, "_sum", NULL, err);
    if (code == SLUICE_OK)
        code = sluice_buf_printf(out, err, "%s\n", number);
    if (code == SLUICE_OK)
        code = put_name(out, metric, "_count", NULL, err);
    return code == SLUICE_OK ? sluice_buf_printf(out, err, "%" PRIu64 "\n", n) : code;
}

static enum sluice_code put_series(struct sluice_buf *out, const struct sluice_metric *metric, struct sluice_error *err)
{
    char number[40];
    uint64_t value = atomic_load_explicit(&metric->value, memory_order_relaxed);
    if (metric_is_histogram(metric->family))
        return put_histogram(out, metric, err);
    if (metric->family->type == METRIC_GAUGE_REAL)
        format_double(metric_double_of(value), number, sizeof number);
    else if (metric->family->type == METRIC_GAUGE)
        (void)snprintf(number, sizeof number, "%" PRId64, (int64_t)value);
    else
        (void)snprintf(number, sizeof number, "%" PRIu64, value);
    enum sluice_code code = put_name(out, metric, "", NULL, err);
    return code == SLUICE_OK ? sluice_buf_printf(out, err, "%s\n", number) : code;
}

static enum sluice_code put_family(struct sluice_buf *out, const struct metric_family *family,
                                   const struct series_list *list, struct sluice_error *err)
{
    bool head = false;
    enum sluice_code code = SLUICE_OK;
    for (const struct sluice_metric *metric = list->first;; metric = metric->next) {
        bool last = metric == NULL;
        if (last && !list->other_used)
            return code;
        if (last)
            metric = list->other;
        if (metric->retired)
            continue;
        if (!head)
            code = sluice_buf_printf(out, err, "# HELP %s %s\n# TYPE %s %s\n", family->name, family->help, family->name,
                                     type_name(family->type));
        head = true;
        if (code == SLUICE_OK)
            code = put_series(out, metric, err);
        if (code != SLUICE_OK || last)
            return code;
    }
}

enum sluice_code sluice_metrics_render(struct sluice_metrics *metrics, struct sluice_buf *out, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    (void)pthread_mutex_lock(&metrics->lock);
    for (size_t i = 0; i < SLUICE_N_FAMILIES && code == SLUICE_OK; i++)
        code = put_family(out, &metric_families[i], &metrics->lists[i], err);
    (void)pthread_mutex_unlock(&metrics->lock);
    return code;
}
