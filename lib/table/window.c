/* window.c - see window.h. */
#include "table/window.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static double seconds(int64_t us)
{
    return (double)us / 1e6;
}

struct window_facts window_facts_from(const struct sluice_config *config, const struct sluice_dedup *dedup)
{
    const char *session_ms = sluice_config_kafka_property(config, "session.timeout.ms");
    return (struct window_facts){
        .n_blocks = dedup->window,
        .keeps_us = dedup->window_seconds * 1000000,
        .n_kafka_partitions = 1,
        .n_table_partitions = 1,
        .batch_max_age_us = config->batch_max_age_us,
        .batch_max_rows = config->batch_max_rows,
        .session_timeout_us = (session_ms != NULL ? strtoll(session_ms, NULL, 10) : 45000) * 1000, /* librdkafka's */
        .request_timeout_us = config->clickhouse_request_timeout_us,
        .send_limit_us = config->send_limit_us,
    };
}

/* By itself an option can do away with its own share of the inserts. `aged` and `full`: blocks in the time needed. */
static const char *option_to_raise(double aged, double full, double n_blocks)
{
    if (aged + full <= n_blocks)
        return "";
    if (aged > n_blocks && full > n_blocks)
        return "batch.max_age and batch.max_rows";
    return aged > n_blocks || (full <= n_blocks && aged >= full) ? "batch.max_age" : "batch.max_rows";
}

/* A Kafka partition has one range under way, and a range ends when it is max_age old or a batch of it is full. */
struct window_reckoning window_reckon(const struct window_facts *facts)
{
    struct window_reckoning r = {0};
    double aged = (double)facts->n_kafka_partitions / seconds(facts->batch_max_age_us);
    double full = facts->batch_max_rows > 0 ? (double)WINDOW_ROWS_PER_S / (double)facts->batch_max_rows : 0;
    r.inserts_per_s = aged + full;
    double blocks_per_s = r.inserts_per_s * (double)facts->n_table_partitions;
    r.needed_s =
        seconds(facts->session_timeout_us) + seconds(facts->send_limit_us) + seconds(facts->request_timeout_us);
    r.lasts_s = (double)facts->n_blocks / blocks_per_s;
    bool is_kept = facts->keeps_us == 0 || seconds(facts->keeps_us) >= r.needed_s;
    if (facts->keeps_us > 0 && seconds(facts->keeps_us) < r.lasts_s)
        r.lasts_s = seconds(facts->keeps_us);
    r.enough_blocks = (int64_t)ceil(r.needed_s * blocks_per_s);
    double per_insert = r.needed_s * (double)facts->n_table_partitions;
    r.to_raise = option_to_raise(aged * per_insert, full * per_insert, (double)facts->n_blocks);
    r.is_enough = facts->n_blocks >= r.enough_blocks && is_kept;
    return r;
}

void window_text(const struct window_facts *facts, const struct window_reckoning *r, char *text, size_t size)
{
    (void)snprintf(text, size,
                   "window of %" PRId64 " blocks / (%.1f inserts/s x %" PRId64 " table partition%s) = %.0f s; needed: "
                   "session.timeout.ms %.0f s + send_limit %.0f s + request_timeout %.0f s = %.0f s. Inserts: %" PRId64
                   " Kafka partition%s every %.3g s, and full ones at %d rows/s",
                   facts->n_blocks, r->inserts_per_s, facts->n_table_partitions,
                   facts->n_table_partitions == 1 ? "" : "s", r->lasts_s, seconds(facts->session_timeout_us),
                   seconds(facts->send_limit_us), seconds(facts->request_timeout_us), r->needed_s,
                   facts->n_kafka_partitions, facts->n_kafka_partitions == 1 ? "" : "s",
                   seconds(facts->batch_max_age_us), WINDOW_ROWS_PER_S);
}
