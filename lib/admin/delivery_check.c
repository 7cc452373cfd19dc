/* delivery_check.c - see delivery_check.h. */
#include "admin/delivery_check.h"

#include "admin/ledger_view.h"
#include "clickhouse/schema.h"
#include "ledger/choose.h"
#include "table/dedup.h"
#include "table/window.h"

#include <inttypes.h>
#include <stdlib.h>

static void check_metadata_limit(struct report *report, struct sluice_consumer *consumer, int timeout_ms)
{
    enum { LONGEST_MARK = SLUICE_LEDGER_TEXT - 1 };
    static const char name[] = "offset.metadata.max.bytes";
    char value[32];
    struct sluice_error err;
    if (sluice_consumer_broker_setting(consumer, name, timeout_ms, value, sizeof value, &err) != SLUICE_OK) {
        report_line(report, REPORT_WARN, name, "%s; make sure that it is %d or more on every broker", err.text,
                    LONGEST_MARK);
        return;
    }
    if (value[0] != '\0' && strtol(value, NULL, 10) < LONGEST_MARK)
        report_line(report, REPORT_FAIL, name,
                    "%s on the broker, and the ledger's mark beside an offset takes up to %d bytes; set it to 4096",
                    value, LONGEST_MARK);
    else
        report_line(report, REPORT_OK, name, "%s, of which the mark beside an offset takes up to %d",
                    value[0] != '\0' ? value : "not limited", LONGEST_MARK);
}

/* What a worker would not go on with if it started now. */
static void check_states(struct report *report, const struct sluice_config *config)
{
    const struct sluice_ledger_selection all = {NULL, -1};
    struct sluice_error err;
    struct ledger_view view;
    size_t n_stopped = 0;
    if (ledger_view_read(&view, config, SLUICE_LEDGER_TO_LOOK, &all, &err) != SLUICE_OK) {
        if (err.code != SLUICE_E_USAGE) /* there is no partition yet */
            report_error(report, "ledger states", &err);
        ledger_view_deinit(&view);
        return;
    }
    for (int state = 0; state < SLUICE_N_LEDGER_STATES; state++) {
        size_t n;
        const struct ledger_entry *first = ledger_view_stopped(&view, (enum sluice_ledger_state)state, &n);
        n_stopped += n;
        if (first != NULL)
            report_line(report, REPORT_FAIL, "ledger states", "%s: topic \"%s\" partition %" PRId32 ", %zu in all: %s",
                        sluice_ledger_state_label(first->foresight.state), first->topic, first->partition, n,
                        sluice_ledger_state_remedy(first->foresight.state));
    }
    if (n_stopped == 0)
        report_line(report, REPORT_OK, "ledger states", "none of %zu partition%s would be stopped", view.n_entries,
                    view.n_entries == 1 ? "" : "s");
    ledger_view_deinit(&view);
}

void delivery_check_ledger(struct report *report, const struct sluice_config *config, struct sluice_consumer *consumer,
                           int timeout_ms)
{
    char cluster[SLUICE_KAFKA_CLUSTER_ID];
    char reason[SLUICE_LEDGER_REASON];
    struct sluice_error err;
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = NULL;
    if (sluice_consumer_cluster_id(consumer, timeout_ms, cluster, &err) != SLUICE_OK ||
        sluice_ledger_open(config, cluster, SLUICE_LEDGER_TO_WRITE, NULL, &ledger, reason, &err) != SLUICE_OK) {
        report_error(report, "ledger", &err);
    } else {
        report_line(report, REPORT_OK, "ledger", "%s; it can be written and read", reason);
        check_states(report, config);
    }
    check_metadata_limit(report, consumer, timeout_ms);
}

/* --- targets ------------------------------------------------------------------------------------------------------ */

static bool has_partition_key(const struct sluice_target *target)
{
    for (size_t i = 0; i < target->n_columns; i++)
        if (target->columns[i].in_partition_key)
            return true;
    return false;
}

/* One insert takes a block of each table partition that it touches: changes touch old rows as well, so all may be. */
static enum sluice_code count_partitions(struct sluice_ch_client *client, const struct sluice_target *target,
                                         int64_t *n, struct sluice_error *err)
{
    enum { MAX_ANSWER = 64 };
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    const struct sluice_ch_pair names[] = {{"db", sluice_str_from(target->database)},
                                           {"table", sluice_str_from(target->table)}};
    const struct sluice_ch_query query = {
        .sql = "SELECT uniqExact(partition_id) FROM system.parts WHERE active AND database = {db:String} AND table = "
               "{table:String} FORMAT TabSeparated",
        .what = "count the partitions of a table",
        .params = names,
        .n_params = SLUICE_N_ELEMENTS(names),
    };
    sluice_buf_init(&answer, MAX_ANSWER, "the number of partitions");
    *n = 1;
    if (!has_partition_key(target))
        return SLUICE_OK;
    enum sluice_code code = sluice_ch_query(client, &query, &answer, err);
    if (code != SLUICE_OK)
        return code;
    int64_t counted = strtoll(sluice_buf_text(&answer), NULL, 10);
    *n = counted > 1 ? counted : 1;
    return SLUICE_OK;
}

static void check_window(struct report *report, const struct sluice_config *config, struct sluice_ch_client *client,
                         const struct sluice_target *target, int n_partitions, const char *subject)
{
    char text[480];
    struct sluice_error err;
    struct window_facts facts = window_facts_from(config, &target->dedup);
    facts.n_kafka_partitions = n_partitions;
    if (count_partitions(client, target, &facts.n_table_partitions, &err) != SLUICE_OK) {
        report_error(report, subject, &err);
        return;
    }
    const struct window_reckoning reckoning = window_reckon(&facts);
    window_text(&facts, &reckoning, text, sizeof text);
    if (reckoning.is_enough)
        report_line(report, REPORT_OK, subject, "%s", text);
    else
        report_line(report, REPORT_FAIL, subject, "%s. Run ALTER TABLE `%s`.`%s` MODIFY SETTING %s = %" PRId64 "%s%s%s",
                    text, target->database, target->table, dedup_window_setting(sluice_engine_of(target->engine).home),
                    reckoning.enough_blocks,
                    facts.keeps_us > 0 ? ", replicated_deduplication_window_seconds = 604800" : "",
                    reckoning.to_raise[0] != '\0' ? ", or raise " : "", reckoning.to_raise);
}

void delivery_check_target(struct report *report, const struct sluice_config *config, struct sluice_ch_client *client,
                           struct sluice_target *target, int n_partitions)
{
    char subject[96];
    struct sluice_error err;
    (void)snprintf(subject, sizeof subject, "exactly once %s", target->table);
    if (sluice_target_check_servers(target, config->clickhouse_url.n_items, &err) != SLUICE_OK ||
        sluice_ch_read_dedup(client, target, &err) != SLUICE_OK ||
        sluice_target_check_exactly_once(target, config->tables_dedup_window, &err) != SLUICE_OK) {
        report_error(report, subject, &err);
        return;
    }
    check_window(report, config, client, target, n_partitions, subject);
}
