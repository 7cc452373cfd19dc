/* From the signal to the last visible row, on the mock cluster of librdkafka: notifications and rows are written before
 * the follower looks, each test in topics of its own. */
#include "admin/snapshot_follow.h"

#include "base/clock.h"
#include "kafka/send.h"
#include "pipeline/reader.h"

#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

#include "support/check.h"

#define ADDITIONAL "\"connector_name\":\"shop\",\"data_collections\":\"public.a\""

enum { GRACE_US = 1000000, PARTITIONS = 2, TIMEOUT_MS = 10000 };

static rd_kafka_mock_cluster_t *cluster;
static struct sluice_config *config;
static struct sluice_error err;

/* What one test works with. */
struct stage {
    struct snapshot_table table;
    char notices[64];
    struct sluice_consumer *consumer;
    struct sluice_samples *samples;
    struct record_reader *records;
    struct snapshot_follow follow;
};

static void must(enum sluice_code code)
{
    if (code == SLUICE_OK)
        return;
    (void)fprintf(stderr, "%s\n", err.text);
    abort();
}

static void begin(struct stage *s, const char *name, int64_t timeout_us)
{
    FILE *log = fopen("/dev/null", "w");
    *s = (struct stage){.table = {.n_partitions = PARTITIONS, .prefix = "shop", .schema = "public", .table = "a"}};
    (void)snprintf(s->table.topic, sizeof s->table.topic, "shop.public.%s", name);
    (void)snprintf(s->notices, sizeof s->notices, "notices.%s", name);
    (void)rd_kafka_mock_topic_create(cluster, s->table.topic, PARTITIONS, 1);
    (void)rd_kafka_mock_topic_create(cluster, s->notices, 1, 1);
    must(reader_consumer_new(config, &sluice_consumer_no_handler, &s->consumer, &err));
    must(sluice_samples_new(config, &s->samples, &err));
    must(record_reader_new(config, &s->records, &err));
    s->follow = (struct snapshot_follow){.consumer = s->consumer,
                                         .samples = s->samples,
                                         .records = s->records,
                                         .table = &s->table,
                                         .group_id = config->kafka_group_id,
                                         .notices = s->notices,
                                         .watch = {.type = SLUICE_SNAPSHOT_INCREMENTAL,
                                                   .id = "ours",
                                                   .prefix = "shop",
                                                   .table = "public.a",
                                                   .n_rows = -1},
                                         .timeout_us = timeout_us,
                                         .grace_us = GRACE_US};
    progress_init(&s->follow.progress, log);
    must(snapshot_follow_begin(&s->follow, &err));
}

static void end(struct stage *s)
{
    (void)fclose(s->follow.progress.out);
    snapshot_follow_deinit(&s->follow);
    record_reader_free(s->records);
    sluice_samples_free(s->samples);
    sluice_consumer_free(s->consumer);
}

static void notify(const struct stage *s, const char *type, const char *additional)
{
    char value[512];
    (void)snprintf(
        value, sizeof value,
        "{\"id\":\"ours\",\"aggregate_type\":\"Incremental Snapshot\",\"type\":\"%s\",\"additional_data\":{" ADDITIONAL
        "%s},\"timestamp\":1}",
        type, additional);
    must(sluice_kafka_send(config, s->notices, 0, SLUICE_STR_LITERAL("{\"id\":\"ours\"}"), sluice_str_from(value),
                           TIMEOUT_MS, &err));
}

static void write_row(const struct stage *s, int32_t partition, char op)
{
    char value[512];
    (void)snprintf(
        value, sizeof value,
        "{\"before\":null,\"after\":{\"id\":1},\"source\":{\"connector\":\"postgresql\",\"name\":\"shop\",\"db\":\"d\","
        "\"schema\":\"public\","
        "\"table\":\"a\",\"snapshot\":\"incremental\",\"lsn\":1,\"sequence\":\"[\\\"1\\\",\\\"1\\\"]\",\"ts_ms\":1},"
        "\"op\":\"%c\",\"ts_ms\":1}",
        op);
    must(sluice_kafka_send(config, s->table.topic, partition, SLUICE_STR_LITERAL("{\"id\":1}"), sluice_str_from(value),
                           TIMEOUT_MS, &err));
}

static void commit(const struct stage *s, int32_t partition, int64_t offset)
{
    const struct sluice_kafka_position position = {s->table.topic, partition, offset, NULL};
    must(sluice_consumer_commit_now(s->consumer, &position, 1, &err));
}

static enum sluice_code follow(struct stage *s, bool *timed_out)
{
    err = (struct sluice_error){0};
    return snapshot_follow_run(&s->follow, timed_out, &err);
}

/* As many rows as were read: the changes behind the last one need not be committed. */
static void test_every_row(void)
{
    struct stage s;
    bool timed_out = false;
    begin(&s, "every", 5000000);
    notify(&s, "STARTED", "");
    write_row(&s, 0, 'r');
    write_row(&s, 1, 'r');
    write_row(&s, 1, 'u');
    notify(&s, "TABLE_SCAN_COMPLETED",
           ",\"scanned_collection\":\"public.a\",\"status\":\"SUCCEEDED\",\"total_rows_scanned\":\"2\"");
    commit(&s, 0, 1);
    commit(&s, 1, 1);
    CHECK_INT(follow(&s, &timed_out), SLUICE_OK);
    CHECK_TEXT(err.text, "");
    CHECK_INT(s.follow.n_rows, 2);
    end(&s);
}

/* One of three was overtaken by a change: everything there is has to be visible. */
static void test_overtaken_row(void)
{
    struct stage s;
    bool timed_out = false;
    begin(&s, "overtaken", 7000000);
    notify(&s, "STARTED", "");
    write_row(&s, 0, 'r');
    write_row(&s, 1, 'u');
    notify(&s, "TABLE_SCAN_COMPLETED",
           ",\"scanned_collection\":\"public.a\",\"status\":\"SUCCEEDED\",\"total_rows_scanned\":\"2\"");
    commit(&s, 0, 1);
    commit(&s, 1, 1);
    int64_t begun_us = sluice_mono_us();
    CHECK_INT(follow(&s, &timed_out), SLUICE_OK);
    CHECK(sluice_mono_us() - begun_us >= GRACE_US);
    CHECK_INT(s.follow.n_rows, 1);
    CHECK_INT(s.follow.parts[1].target, 1);
    end(&s);
}

static void test_no_row(void)
{
    struct stage s;
    bool timed_out = false;
    begin(&s, "none", 5000000);
    notify(&s, "TABLE_SCAN_COMPLETED", ",\"scanned_collection\":\"public.a\",\"status\":\"EMPTY\"");
    CHECK_INT(follow(&s, &timed_out), SLUICE_OK);
    end(&s);
}

static void test_refused(void)
{
    struct stage s;
    bool timed_out = false;
    begin(&s, "refused", 5000000);
    notify(&s, "STARTED", "");
    notify(&s, "TABLE_SCAN_COMPLETED", ",\"scanned_collection\":\"public.a\",\"status\":\"SQL_EXCEPTION\"");
    CHECK_INT(follow(&s, &timed_out), SLUICE_E_UNSUPPORTED);
    CHECK_CONTAINS(err.text, "is --where right");
    CHECK(!timed_out);
    end(&s);
}

/* Nobody answers; the connector stops in the middle; no worker commits. */
static void test_silence(void)
{
    static const struct {
        const char *name;
        int n_notices;
        const char *text;
    } cases[] = {{"nobody", 0, "did not answer within 1 s"},
                 {"middle", 1, "nothing was heard of the connector"},
                 {"worker", 2, "has 1 records to go; does a worker run?"}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct stage s;
        bool timed_out = false;
        begin(&s, cases[i].name, 1000000);
        if (cases[i].n_notices > 0)
            notify(&s, "STARTED", "");
        if (cases[i].n_notices > 0)
            write_row(&s, 0, 'r');
        if (cases[i].n_notices > 1)
            notify(&s, "TABLE_SCAN_COMPLETED",
                   ",\"scanned_collection\":\"public.a\",\"status\":\"SUCCEEDED\",\"total_rows_scanned\":\"1\"");
        CHECK_INT(follow(&s, &timed_out), SLUICE_E_KAFKA);
        CHECK(timed_out);
        CHECK_CONTAINS(err.text, cases[i].text);
        end(&s);
    }
}

int main(void)
{
    char reason[256];
    char servers[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)rd_kafka_conf_set(conf, "log_level", "2", reason, sizeof reason); /* it warns that it has no servers */
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    cluster = rd_kafka_mock_cluster_new(rk, 1);
    (void)snprintf(servers, sizeof servers, "kafka.bootstrap.servers=%s", rd_kafka_mock_cluster_bootstraps(cluster));
    const char *const sets[] = {"name=shop", servers, "kafka.topics=['^shop']", "clickhouse.url=http://localhost:1",
                                "clickhouse.database=shop"};
    must(sluice_config_load(NULL, sets, SLUICE_N_ELEMENTS(sets), &config, &err));
    test_every_row();
    test_no_row();
    test_refused();
    test_silence();
    test_overtaken_row();
    sluice_config_free(config);
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(rk);
    return check_result();
}
