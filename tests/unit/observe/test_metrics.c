/* The registry: values, labels, caps, removal, and the text that Prometheus reads. */
#include "observe/metrics.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "ledger/machine.h"
#include "support/check.h"

static struct sluice_metrics *metrics;

static void restart(void)
{
    struct sluice_error err;
    sluice_metrics_free(metrics);
    if (sluice_metrics_new(&metrics, &err) != SLUICE_OK)
        abort();
}

static struct sluice_buf rendered;

/* Borrowed until the next call. */
static const char *render(void)
{
    struct sluice_error err;
    sluice_buf_deinit(&rendered);
    sluice_buf_init(&rendered, 8 << 20, "the test");
    CHECK_INT(sluice_metrics_render(metrics, &rendered, &err), SLUICE_OK);
    return sluice_buf_text(&rendered);
}

static void test_values(void)
{
    restart();
    struct sluice_metric *consumed = sluice_metrics_get1(metrics, SLUICE_METRIC_RECORDS_CONSUMED, "orders");
    sluice_metric_add(consumed, 2);
    sluice_metric_add(consumed, 3);
    CHECK(sluice_metrics_get1(metrics, SLUICE_METRIC_RECORDS_CONSUMED, "orders") == consumed);
    sluice_metric_add(sluice_metrics_get1(metrics, SLUICE_METRIC_RECORDS_CONSUMED, "items"), 1);
    sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_POSITION_OFFSET, "orders", 7), INT64_MAX);
    sluice_metric_set_real(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LAG_SECONDS, "orders", 7), 0.25);
    sluice_metric_set(sluice_metrics_get(metrics, SLUICE_METRIC_BUFFERED_BYTES), -1);
    CHECK_INT(sluice_metric_value(consumed), 5);
    CHECK_INT(sluice_metrics_sum(metrics, SLUICE_METRIC_RECORDS_CONSUMED), 6);
    const char *text = render();
    CHECK_CONTAINS(text, "# HELP sluice_records_consumed_total Kafka records read.\n"
                         "# TYPE sluice_records_consumed_total counter\n"
                         "sluice_records_consumed_total{topic=\"orders\"} 5\n"
                         "sluice_records_consumed_total{topic=\"items\"} 1\n");
    CHECK_CONTAINS(text, "# TYPE sluice_position_offset gauge\n"
                         "sluice_position_offset{topic=\"orders\",partition=\"7\"} 9223372036854775807\n");
    CHECK_CONTAINS(text, "sluice_lag_seconds{topic=\"orders\",partition=\"7\"} 0.25\n");
    CHECK_CONTAINS(text, "\nsluice_buffered_bytes -1\n");
    CHECK_CONTAINS(text, "\nsluice_rebalances_total 0\n"); /* without labels: there from the start */
    CHECK_CONTAINS(text, "\nsluice_build_info{version=\"");
    CHECK(strstr(text, "sluice_errors_total") == NULL); /* with labels: not before the first one */
    CHECK(strstr(text, "=\"other\"") == NULL);
}

static void test_special_numbers(void)
{
    restart();
    struct sluice_metric *lag = sluice_metrics_get_partition(metrics, SLUICE_METRIC_LAG_SECONDS, "t", 0);
    sluice_metric_set_real(lag, (double)NAN);
    CHECK_CONTAINS(render(), "sluice_lag_seconds{topic=\"t\",partition=\"0\"} NaN\n");
    sluice_metric_set_real(lag, -HUGE_VAL);
    CHECK_CONTAINS(render(), "} -Inf\n");
}

static void test_escaping(void)
{
    char value[400];
    restart();
    sluice_metric_add(sluice_metrics_get1(metrics, SLUICE_METRIC_ROWS_INSERTED, "a\"b\\c\nd"), 1);
    CHECK_CONTAINS(render(), "sluice_rows_inserted_total{table=\"a\\\"b\\\\c\\nd\"} 1\n");
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    struct sluice_metric *cut = sluice_metrics_get1(metrics, SLUICE_METRIC_ROWS_INSERTED, value);
    CHECK(sluice_metrics_get1(metrics, SLUICE_METRIC_ROWS_INSERTED, value) == cut);
    value[SLUICE_METRICS_MAX_VALUE] = '\0';
    CHECK(sluice_metrics_get1(metrics, SLUICE_METRIC_ROWS_INSERTED, value) == cut);
}

static void test_histogram(void)
{
    restart();
    struct sluice_metric *rows = sluice_metrics_get(metrics, SLUICE_METRIC_BATCH_ROWS);
    CHECK_CONTAINS(render(), "sluice_batch_rows_count 0\n");
    static const double values[] = {0, 1, 1.5, 4, 1048576, 1048577, 1e9};
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++)
        sluice_metric_observe(rows, values[i]);
    const char *text = render();
    CHECK_CONTAINS(text, "# TYPE sluice_batch_rows histogram\n"
                         "sluice_batch_rows_bucket{le=\"1\"} 2\n"
                         "sluice_batch_rows_bucket{le=\"4\"} 4\n"
                         "sluice_batch_rows_bucket{le=\"16\"} 4\n");
    CHECK_CONTAINS(text, "sluice_batch_rows_bucket{le=\"1048576\"} 5\n"
                         "sluice_batch_rows_bucket{le=\"+Inf\"} 7\n"
                         "sluice_batch_rows_sum 1002097159.5\n"
                         "sluice_batch_rows_count 7\n");
    CHECK_INT(sluice_metric_value(rows), 7);
    sluice_metric_observe(sluice_metrics_get(metrics, SLUICE_METRIC_INSERT_SECONDS), 0.003);
    CHECK_CONTAINS(render(), "sluice_insert_seconds_bucket{le=\"0.0025\"} 0\n"
                             "sluice_insert_seconds_bucket{le=\"0.005\"} 1\n");
}

static void test_cap(void)
{
    char name[32];
    restart();
    for (int i = 0; i < SLUICE_METRICS_MAX_SERIES; i++) {
        (void)snprintf(name, sizeof name, "t%d", i);
        sluice_metric_add(sluice_metrics_get1(metrics, SLUICE_METRIC_INSERTS, name), 1);
    }
    CHECK(strstr(render(), "sluice_inserts_total{table=\"other\"}") == NULL);
    struct sluice_metric *other = sluice_metrics_get1(metrics, SLUICE_METRIC_INSERTS, "one more");
    CHECK(sluice_metrics_get1(metrics, SLUICE_METRIC_INSERTS, "and another") == other);
    sluice_metric_add(other, 2);
    const char *text = render();
    CHECK_CONTAINS(text, "sluice_inserts_total{table=\"t4095\"} 1\n");
    CHECK_CONTAINS(text, "sluice_inserts_total{table=\"other\"} 2\n");
    CHECK(strstr(text, "one more") == NULL);
    CHECK_INT(sluice_metrics_sum(metrics, SLUICE_METRIC_INSERTS), SLUICE_METRICS_MAX_SERIES + 2);
}

static void test_removal(void)
{
    restart();
    struct sluice_metric *first = sluice_metrics_get_partition(metrics, SLUICE_METRIC_DURABLE_OFFSET, "a", 1);
    sluice_metric_set(first, 10);
    sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LAG_RECORDS, "a", 1), 11);
    sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LAG_RECORDS, "a", 2), 12);
    sluice_metrics_remove_partition(metrics, "a", 1);
    sluice_metrics_remove_partition(metrics, "a", 1);
    sluice_metrics_remove_partition(metrics, "unknown", 1);
    sluice_metric_set(first, 99); /* late, and harmless */
    const char *text = render();
    CHECK(strstr(text, "partition=\"1\"") == NULL);
    CHECK(strstr(text, "sluice_durable_offset") == NULL);
    CHECK_CONTAINS(text, "sluice_lag_records{topic=\"a\",partition=\"2\"} 12\n");
    CHECK_INT(sluice_metrics_sum(metrics, SLUICE_METRIC_LAG_RECORDS), 12);
    /* The place is taken by the next partition, from 0. */
    CHECK(sluice_metrics_get_partition(metrics, SLUICE_METRIC_DURABLE_OFFSET, "b", 3) == first);
    CHECK_CONTAINS(render(), "sluice_durable_offset{topic=\"b\",partition=\"3\"} 0\n");
    for (int32_t i = 0; i < 3 * SLUICE_METRICS_MAX_SERIES; i++) {
        (void)sluice_metrics_get_partition(metrics, SLUICE_METRIC_DURABLE_OFFSET, "turn", i);
        sluice_metrics_remove_partition(metrics, "turn", i);
    }
    CHECK(strstr(render(), "=\"other\"") == NULL);
}

/* The numbers that the help text gives are those of the enum. */
static void test_ledger_states(void)
{
#define STATE_NUMBER(symbol, label) {(symbol), (label)},
    static const struct {
        int number;
        const char *label;
    } states[] = {SLUICE_LEDGER_STATES(STATE_NUMBER)};
#undef STATE_NUMBER
    char text[64];
    restart();
    sluice_metric_set(sluice_metrics_get_partition(metrics, SLUICE_METRIC_LEDGER_STATE, "a", 1), SLUICE_LEDGER_RUNNING);
    const char *help = strstr(render(), "# HELP sluice_ledger_state ");
    if (!CHECK(help != NULL))
        return;
    for (size_t i = 0; i < sizeof states / sizeof states[0]; i++) {
        (void)snprintf(text, sizeof text, "%d %s%c", states[i].number, states[i].label,
                       i + 1 < sizeof states / sizeof states[0] ? ',' : '.');
        CHECK_CONTAINS(help, text);
    }
    CHECK_CONTAINS(help, "sluice_ledger_state{topic=\"a\",partition=\"1\"} 2\n");
    (void)snprintf(text, sizeof text, "%d to %d need a person", SLUICE_LEDGER_LOST, SLUICE_LEDGER_DAMAGED);
    CHECK_CONTAINS(help, text);
}

static void test_ceiling(void)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf out = {0};
    restart();
    for (size_t max = 0; max < 400; max++) {
        sluice_buf_deinit(&out);
        sluice_buf_init(&out, max, "the test");
        CHECK_INT(sluice_metrics_render(metrics, &out, &err), SLUICE_E_LIMIT);
    }
}

enum { N_THREADS = 4, N_UPDATES = 20000 };

static void *update(void *arg)
{
    const int *number = arg;
    char name[16];
    (void)snprintf(name, sizeof name, "t%d", *number % 2);
    struct sluice_metric *counter = sluice_metrics_get1(metrics, SLUICE_METRIC_INSERTS, name);
    struct sluice_metric *histogram = sluice_metrics_get(metrics, SLUICE_METRIC_BATCH_ROWS);
    for (int i = 0; i < N_UPDATES; i++) {
        sluice_metric_add(counter, 1);
        sluice_metric_observe(histogram, 2);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[N_THREADS];
    int numbers[N_THREADS];
    restart();
    for (int i = 0; i < N_THREADS; i++) {
        numbers[i] = i;
        if (pthread_create(&threads[i], NULL, update, &numbers[i]) != 0)
            abort();
    }
    for (int i = 0; i < 20; i++)
        CHECK_CONTAINS(render(), "sluice_batch_rows_count ");
    for (int i = 0; i < N_THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK_INT(sluice_metrics_sum(metrics, SLUICE_METRIC_INSERTS), N_THREADS * N_UPDATES);
    CHECK_CONTAINS(render(), "sluice_batch_rows_sum 160000\n");
}

int main(void)
{
    test_values();
    test_special_numbers();
    test_escaping();
    test_histogram();
    test_cap();
    test_removal();
    test_ledger_states();
    test_ceiling();
    test_threads();
    sluice_metrics_free(metrics);
    sluice_metrics_free(NULL);
    sluice_buf_deinit(&rendered);
    return check_result();
}
