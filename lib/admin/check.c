/* check.c - `sluice check`: everything a worker needs, looked at before it runs; see sluice/check.h.
 *
 * It changes nothing: no target is made, no group is joined; only the ledger's table is made if it is missing, because
 * nothing but a write shows that it can be written. Of the records only a few are looked at, for what would go wrong
 * silently (records_check.h, rules_check.h); the worker refuses the rest by name.
 */
#include "sluice/check.h"

#include "admin/delivery_check.h"
#include "admin/records_check.h"
#include "admin/registry_check.h"
#include "admin/report.h"
#include "admin/rules_check.h"
#include "base/buf.h"
#include "clickhouse/options.h"
#include "clickhouse/schema.h"
#include "kafka/consumer.h"
#include "kafka/samples.h"
#include "pipeline/reader.h"

#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 10000, MAX_ANSWER = 4096 };

struct check {
    const struct sluice_config *config;
    struct report report;
    struct sluice_ch_client *client;
    bool server_answers;
    bool database_exists;
    size_t n_topics;
};

/* --- ClickHouse --------------------------------------------------------------------------------------------------- */

static void check_grant(struct check *check, const char *privilege)
{
    char sql[512];
    char subject[64];
    struct sluice_error err;
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, MAX_ANSWER, "the answer to CHECK GRANT");
    (void)snprintf(sql, sizeof sql, "CHECK GRANT %s ON `%s`.*", privilege, check->config->clickhouse_database);
    (void)snprintf(subject, sizeof subject, "grant %s", privilege);
    const struct sluice_ch_query query = {.sql = sql, .what = "check a grant"};
    if (sluice_ch_query(check->client, &query, &answer, &err) != SLUICE_OK) {
        report_line(&check->report, REPORT_WARN, subject,
                    "this server can't tell (CHECK GRANT came with 24.11); make sure "
                    "that the user has it on database \"%s\"",
                    check->config->clickhouse_database);
        return;
    }
    if (answer.len > 0 && answer.ptr[0] == '1')
        report_line(&check->report, REPORT_OK, subject, "on database \"%s\"", check->config->clickhouse_database);
    else
        report_line(&check->report, REPORT_FAIL, subject, "missing; run: GRANT %s ON `%s`.* TO %s", privilege,
                    check->config->clickhouse_database, check->config->clickhouse_user);
}

static void check_grants(struct check *check)
{
    static const char *const always[] = {"SELECT", "INSERT"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(always); i++)
        check_grant(check, always[i]);
    if (check->config->tables_create)
        check_grant(check, "CREATE TABLE");
}

static void check_settings(struct check *check, const struct sluice_ch_server *server)
{
    /* Without these two an INSERT may be acknowledged before it is stored, or store fewer columns than were sent. */
    static const char *const needed[] = {"async_insert", "input_format_skip_unknown_fields"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(needed); i++) {
        if (!sluice_ch_server_knows(server, needed[i]))
            report_line(&check->report, REPORT_FAIL, "clickhouse settings",
                        "the server does not know \"%s\"; ClickHouse 23.8 or newer is needed", needed[i]);
    }
    if (server->major < 23 || (server->major == 23 && server->minor < 8))
        report_line(&check->report, REPORT_FAIL, "clickhouse version", "%s is too old; 23.8 or newer is needed",
                    server->version);
    else
        report_line(&check->report, REPORT_OK, "clickhouse version", "%s", server->version);
}

/* The first address that answers will do, as for a worker; one that does not is worth a line. */
static enum sluice_code find_server(struct check *check, struct sluice_ch_server *server, struct sluice_error *err)
{
    const struct sluice_ch_options options = sluice_ch_options_from(check->config, NULL);
    enum sluice_code code = sluice_ch_client_new(&options, &check->client, err);
    for (size_t i = 1; code == SLUICE_OK; i++) {
        code = sluice_ch_probe(check->client, server, err);
        if (code == SLUICE_OK || err->action != SLUICE_RETRY || i >= options.n_urls)
            return code;
        report_line(&check->report, REPORT_WARN, "clickhouse.url", "%s; trying the next address", err->text);
        code = SLUICE_OK;
    }
    return code;
}

static void check_clickhouse(struct check *check)
{
    struct sluice_error err;
    struct sluice_ch_server server;
    if (find_server(check, &server, &err) != SLUICE_OK) {
        report_error(&check->report, "clickhouse.url", &err);
        return;
    }
    check->server_answers = true;
    report_line(&check->report, REPORT_OK, "clickhouse.url", "%s answers", sluice_ch_client_url(check->client));
    check_settings(check, &server);
    if (sluice_ch_database_exists(check->client, check->config->clickhouse_database, &check->database_exists, &err) !=
        SLUICE_OK) {
        report_error(&check->report, "clickhouse.database", &err);
        return;
    }
    if (!check->database_exists) {
        report_line(&check->report, REPORT_FAIL, "clickhouse.database",
                    "\"%s\" does not exist; run: CREATE DATABASE `%s`", check->config->clickhouse_database,
                    check->config->clickhouse_database);
        return;
    }
    report_line(&check->report, REPORT_OK, "clickhouse.database", "\"%s\" exists", check->config->clickhouse_database);
    check_grants(check);
}

/* --- target tables --------------------------------------------------------------------------------------------------
 */

static void check_replace_target(struct check *check, const char *subject, const struct sluice_target *target)
{
    const struct sluice_target_column *version = sluice_target_find(target, target->version_column);
    const struct sluice_target_column *deleted = sluice_target_find(target, target->deleted_column);
    if (sluice_engine_of(target->engine).kind != SLUICE_ENGINE_REPLACING)
        report_line(&check->report, REPORT_FAIL, subject,
                    "engine %s can't hold versions of a row; make it a ReplacingMergeTree(%s, %s)", target->engine,
                    check->config->columns_version, check->config->columns_deleted);
    else if (version == NULL || strcmp(version->type_text, "UInt128") != 0)
        report_line(&check->report, REPORT_FAIL, subject,
                    "the engine needs a version column of type UInt128, ReplacingMergeTree(%s, %s)",
                    check->config->columns_version, check->config->columns_deleted);
    else if (deleted == NULL)
        report_line(&check->report, REPORT_FAIL, subject,
                    "the engine has no deleted column, so deletes could not be stored; make it ReplacingMergeTree(%s, "
                    "%s)",
                    target->version_column, check->config->columns_deleted);
    else
        report_line(&check->report, REPORT_OK, subject, "%s(%s, %s)", target->engine, target->version_column,
                    target->deleted_column);
}

static void check_log_target(struct check *check, const char *subject, const struct sluice_target *target)
{
    const char *const names[] = {
        check->config->columns_version, check->config->columns_deleted, "_op", "_topic", "_partition", "_offset"};
    if (sluice_engine_of(target->engine).kind != SLUICE_ENGINE_MERGE_TREE) {
        report_line(&check->report, REPORT_FAIL, subject,
                    "engine %s does not keep every change; tables.mode is log, so make it a MergeTree", target->engine);
        return;
    }
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(names); i++) {
        if (sluice_target_find(target, names[i]) != NULL)
            continue;
        report_line(&check->report, REPORT_FAIL, subject,
                    "has no column \"%s\", which tables.mode: log needs; add it with ALTER TABLE ... ADD COLUMN",
                    names[i]);
        return;
    }
    report_line(&check->report, REPORT_OK, subject, "%s, a row for each change", target->engine);
}

static void check_target(struct check *check, const char *subject, struct sluice_target *target, int n_partitions)
{
    if (check->config->tables_mode == SLUICE_MODE_LOG)
        check_log_target(check, subject, target);
    else
        check_replace_target(check, subject, target);
    if (check->config->delivery == SLUICE_DELIVERY_EXACTLY_ONCE)
        delivery_check_target(&check->report, check->config, check->client, target, n_partitions);
}

/* The table is named by the records (`source.table`); Debezium's default topic name ends with it. */
static void check_topic_table(struct check *check, const char *topic, int n_partitions)
{
    struct sluice_error err;
    char subject[96];
    bool exists = false;
    const char *dot = strrchr(topic, '.');
    const char *table = dot != NULL ? dot + 1 : topic;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    (void)snprintf(subject, sizeof subject, "table %s", table);
    if (sluice_ch_read_target(check->client, check->config->clickhouse_database, table, &target, &exists, &err) !=
        SLUICE_OK)
        report_error(&check->report, subject, &err);
    else if (exists)
        check_target(check, subject, &target, n_partitions);
    else if (check->config->tables_create)
        report_line(&check->report, REPORT_OK, subject, "is made from the first record, if that carries a schema");
    else
        report_line(&check->report, REPORT_WARN, subject,
                    "does not exist, and tables.create is false; create it before "
                    "its first record arrives");
}

/* --- Kafka ----------------------------------------------------------------------------------------------------------
 */

static void visit_topic(void *context, const char *topic, int n_partitions)
{
    struct check *check = context;
    char subject[280];
    if (strcmp(topic, check->config->dead_letters_replay_topic) == 0)
        return; /* a pattern matches it; it has records of any table */
    (void)snprintf(subject, sizeof subject, "topic %s", topic);
    if (n_partitions == 0) {
        report_line(&check->report, REPORT_FAIL, subject, "does not exist; create it or correct kafka.topics");
        return;
    }
    check->n_topics++;
    report_line(&check->report, REPORT_OK, subject, "%d partition%s", n_partitions, n_partitions == 1 ? "" : "s");
    records_check_topic(&check->report, check->config, topic, n_partitions, TIMEOUT_MS);
    if (check->database_exists)
        check_topic_table(check, topic, n_partitions);
}

static void check_own_topic(struct check *check, struct sluice_samples *samples, const char *subject, const char *topic)
{
    struct sluice_error err;
    int n_partitions = 0;
    if (sluice_samples_partitions(samples, topic, TIMEOUT_MS, &n_partitions, &err) != SLUICE_OK)
        report_error(&check->report, subject, &err);
    else if (n_partitions == 0)
        report_line(
            &check->report, REPORT_WARN, subject,
            "\"%s\" does not exist yet; the worker makes it if it may (Create on the topic), else make it with one "
            "partition and retention.ms=-1",
            topic);
    else
        report_line(&check->report, REPORT_OK, subject, "\"%s\", %d partition%s", topic, n_partitions,
                    n_partitions == 1 ? "" : "s");
}

static void check_dead_letters(struct check *check)
{
    const struct sluice_config *config = check->config;
    struct sluice_samples *samples = NULL;
    struct sluice_error err;
    if (config->on_bad_record != SLUICE_ON_BAD_RECORD_DEAD_LETTER)
        return;
    if (sluice_samples_new(config, &samples, &err) != SLUICE_OK) {
        report_error(&check->report, "dead_letters.topic", &err);
        return;
    }
    check_own_topic(check, samples, "dead_letters.topic", config->dead_letters_topic);
    check_own_topic(check, samples, "dead_letters.replay_topic", config->dead_letters_replay_topic);
    sluice_samples_free(samples);
}

static void check_kafka(struct check *check)
{
    struct sluice_consumer *consumer = NULL;
    struct sluice_error err;
    if (reader_consumer_new(check->config, &sluice_consumer_no_handler, &consumer, &err) != SLUICE_OK) {
        report_error(&check->report, "kafka", &err);
        return;
    }
    if (sluice_consumer_ping(consumer, TIMEOUT_MS, &err) != SLUICE_OK) {
        report_error(&check->report, "kafka.bootstrap.servers", &err);
    } else {
        report_line(&check->report, REPORT_OK, "kafka.bootstrap.servers", "%s answers",
                    check->config->kafka_bootstrap_servers);
        if (sluice_consumer_visit_topics(consumer, TIMEOUT_MS, visit_topic, check, &err) != SLUICE_OK)
            report_error(&check->report, "kafka.topics", &err);
        else if (check->n_topics == 0)
            report_line(&check->report, REPORT_WARN, "kafka.topics",
                        "no topic matches yet; topics that appear later are "
                        "taken in within kafka.topic.metadata.refresh.interval.ms");
        else
            rules_check(&check->report, check->config);
        check_dead_letters(check);
        if (check->config->delivery == SLUICE_DELIVERY_EXACTLY_ONCE)
            delivery_check_ledger(&check->report, check->config, consumer, TIMEOUT_MS);
    }
    sluice_consumer_free(consumer);
}

int sluice_check(const struct sluice_config *config, FILE *out, bool json)
{
    struct check check = {.config = config};
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    report_begin(&check.report, out, json);
    report_line(&check.report, REPORT_OK, "config", "pipeline \"%s\", %s", config->name,
                config->delivery == SLUICE_DELIVERY_EXACTLY_ONCE
                    ? "exactly once: each change is stored once"
                    : "at least once: rows may be written again after a crash and are one row under FINAL");
    rules_check_types(&check.report, config);
    check_clickhouse(&check);
    check_kafka(&check);
    registry_check(&check.report, config);
    sluice_ch_client_free(check.client);
    curl_global_cleanup();
    return report_end(&check.report);
}
