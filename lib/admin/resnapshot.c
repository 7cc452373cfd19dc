/* resnapshot.c - `sluice resnapshot`; see sluice/resnapshot.h. */
#include "sluice/resnapshot.h"

#include "admin/snapshot_follow.h"
#include "admin/snapshot_insert.h"
#include "admin/snapshot_signal.h"
#include "base/clock.h"
#include "base/random.h"
#include "config/option.h"
#include "config/output.h"
#include "config/unit.h"
#include "kafka/send.h"
#include "pipeline/reader.h"

#include <curl/curl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { GRACE_US = 5000000, SIGNAL_BYTES = 64 << 10, NAME = 2 * SNAPSHOT_NAME + 8 };

struct resnapshot {
    const struct sluice_config *config;
    const struct sluice_resnapshot *how;
    struct sluice_consumer *consumer;
    struct sluice_samples *samples;
    struct record_reader *records;
    struct snapshot_table table;
    char id[32];
    char name[NAME];         /* schema.table */
    char signal_topic[NAME]; /* by topic */
    size_t n_members;
    double seconds; /* from the signal to the end */
};

enum sluice_code sluice_resnapshot_parse_timeout(const char *text, int64_t *timeout_us, struct sluice_error *err)
{
    const char *wrong = config_unit_parse(CONFIG_DURATION, text, timeout_us);
    if (wrong == NULL && *timeout_us >= 1000000)
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP, "--timeout \"%s\": %s; %s", text,
                            wrong != NULL ? wrong : "a second is the least", config_unit_remedy(CONFIG_DURATION));
}

/* ---- what is asked for, and may it be ---- */

static struct snapshot_signal signal_of(const struct resnapshot *r)
{
    return (struct snapshot_signal){.id = r->id,
                                    .schema = r->table.schema,
                                    .table = r->table.table,
                                    .type = r->how->type,
                                    .where = r->how->where,
                                    .surrogate_key = r->how->surrogate_key};
}

static enum sluice_code check_topic(struct resnapshot *r, const char *topic, const char *option, const char *remedy,
                                    struct sluice_error *err)
{
    int n = 0;
    enum sluice_code code = sluice_samples_partitions(r->samples, topic, SNAPSHOT_TIMEOUT_MS, &n, err);
    if (code != SLUICE_OK || n > 0)
        return code;
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP, "topic \"%s\" (%s) is not there; %s", topic, option,
                            remedy);
}

static enum sluice_code check_signal_topic(struct resnapshot *r, struct sluice_error *err)
{
    bool is_read = false;
    enum sluice_code code =
        check_topic(r, r->signal_topic, "connector.signal_topic",
                    "make it with one partition, and set signal.kafka.topic of the connector to it, with kafka among "
                    "signal.enabled.channels; or take --signal table",
                    err);
    if (code == SLUICE_OK)
        code = snapshot_topic_is_read(r->consumer, r->signal_topic, &is_read, err);
    if (code != SLUICE_OK || !is_read)
        return code;
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "kafka.topics matches the signal topic \"%s\", so the worker would stop at the signal, "
                            "which is no change; exclude it",
                            r->signal_topic);
}

static enum sluice_code check_channel(struct resnapshot *r, struct sluice_error *err)
{
    const struct sluice_config *config = r->config;
    if (config->connector_notification_topic[0] == '\0')
        return sluice_error_set(
            err, SLUICE_E_CONFIG, SLUICE_STOP,
            "connector.notification_topic is not set, and without the connector's notifications nobody can tell when a "
            "snapshot is over; set it, and for the connector notification.enabled.channels: sink and "
            "notification.sink.topic.name");
    if (r->how->by_table && (config->connector_signal_table[0] == '\0' || r->how->postgres[0] == '\0'))
        return sluice_error_set(
            err, SLUICE_E_CONFIG, SLUICE_STOP,
            "--signal table needs connector.signal_table, and the source's database with --postgres, "
            "--postgres-file or in SLUICE_POSTGRES");
    enum sluice_code code =
        check_topic(r, config->connector_notification_topic, "connector.notification_topic",
                    "set notification.enabled.channels: sink and notification.sink.topic.name of the connector, and "
                    "make the topic if the connector has had nothing to tell yet",
                    err);
    return code == SLUICE_OK && !r->how->by_table ? check_signal_topic(r, err) : code;
}

static enum sluice_code check_table(const struct resnapshot *r, struct sluice_error *err)
{
    const struct snapshot_signal signal = signal_of(r);
    if (r->how->surrogate_key != NULL && r->how->type == SLUICE_SNAPSHOT_BLOCKING)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "--surrogate-key is for incremental snapshots; a blocking one reads without a key");
    if (!r->table.has_key && r->how->type == SLUICE_SNAPSHOT_INCREMENTAL && r->how->surrogate_key == NULL)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "table \"%s\" has no key (its records have none), which an incremental snapshot needs; "
                                "take --type blocking, or --surrogate-key with a unique column",
                                r->name);
    return snapshot_signal_check(&signal, err);
}

static void count_member(void *context, const char *client_id, const char *host)
{
    (void)client_id;
    (void)host;
    ++*(size_t *)context;
}

static enum sluice_code prepare(struct resnapshot *r, struct sluice_error *err)
{
    enum sluice_code code = reader_consumer_new(r->config, &sluice_consumer_no_handler, &r->consumer, err);
    if (code == SLUICE_OK)
        code = sluice_consumer_ping(r->consumer, SNAPSHOT_TIMEOUT_MS, err);
    if (code == SLUICE_OK)
        code = sluice_samples_new(r->config, &r->samples, err);
    if (code == SLUICE_OK)
        code = record_reader_new(r->config, &r->records, err);
    if (code == SLUICE_OK)
        code = snapshot_table_find(r->consumer, r->samples, r->records, r->how->table, &r->table, err);
    if (code != SLUICE_OK)
        return code;
    const char *topic = r->config->connector_signal_topic;
    (void)snprintf(r->name, sizeof r->name, "%s.%s", r->table.schema, r->table.table);
    (void)snprintf(r->signal_topic, sizeof r->signal_topic, "%s%s", topic[0] != '\0' ? topic : r->table.prefix,
                   topic[0] != '\0' ? "" : "-signal");
    (void)snprintf(r->id, sizeof r->id, "sluice-%016" PRIx64, sluice_random_u64());
    code = check_table(r, err);
    if (code == SLUICE_OK)
        code = check_channel(r, err);
    if (code == SLUICE_OK)
        code = sluice_consumer_visit_members(r->consumer, r->config->kafka_group_id, SNAPSHOT_TIMEOUT_MS, count_member,
                                             &r->n_members, err);
    return code;
}

/* ---- saying it ---- */

static void print_plan(const struct resnapshot *r, FILE *out)
{
    const struct snapshot_table *table = &r->table;
    const bool is_blocking = r->how->type == SLUICE_SNAPSHOT_BLOCKING;
    (void)fprintf(out, "table:         %s, of connector \"%s\"\n", r->name, table->prefix);
    (void)fprintf(out, "topic:         %s, %d partition%s%s\n", table->topic, table->n_partitions,
                  table->n_partitions == 1 ? "" : "s",
                  table->has_record ? "" : "; it is empty, the names are taken from its own");
    (void)fprintf(out, "snapshot:      %s, %s%s\n", is_blocking ? "blocking" : "incremental",
                  r->how->where != NULL ? "rows where " : "every row", r->how->where != NULL ? r->how->where : "");
    if (r->how->by_table)
        (void)fprintf(out, "signal:        a row in %s\n", r->config->connector_signal_table);
    else
        (void)fprintf(out, "signal:        a record in %s, key %s\n", r->signal_topic, table->prefix);
    (void)fprintf(out, "notifications: %s\n", r->config->connector_notification_topic);
    (void)fprintf(out, "group:         %s, %zu member%s%s\n\n", r->config->kafka_group_id, r->n_members,
                  r->n_members == 1 ? "" : "s",
                  r->n_members == 0 ? "; start a worker, else nothing becomes visible" : "");
    (void)fprintf(out, "%s",
                  is_blocking ? "The connector stops streaming while it reads: changes of all its tables wait.\n"
                              : "The connector goes on streaming while it reads, piece by piece.\n");
    (void)fprintf(out, "What is read is stored as the newest version of its row, and changes that follow win over it.\n"
                       "Rows that the source does not have any more are not removed.\n");
}

static json_t *result_json(const struct resnapshot *r, const struct snapshot_follow *follow, const char *outcome)
{
    const struct sluice_resnapshot *how = r->how;
    bool was_asked = strcmp(outcome, "planned") != 0;
    return json_pack("{s:s, s:s, s:s, s:i, s:s, s:s?, s:s, s:s, s:s?, s:s, s:I, s:o, s:f, s:s}", "table", r->name,
                     "connector", r->table.prefix, "topic", r->table.topic, "partitions", r->table.n_partitions, "type",
                     how->type == SLUICE_SNAPSHOT_BLOCKING ? "blocking" : "incremental", "where", how->where,
                     "signal_channel", how->by_table ? "table" : "topic", "signal_place",
                     how->by_table ? r->config->connector_signal_table : r->signal_topic, "signal_id",
                     was_asked ? r->id : NULL, "notification_topic", r->config->connector_notification_topic,
                     "rows_read", (json_int_t)follow->n_rows, "rows_scanned",
                     follow->watch.n_rows >= 0 ? json_integer((json_int_t)follow->watch.n_rows) : json_null(),
                     "seconds", r->seconds, "outcome", outcome);
}

static enum sluice_code print_json(const struct resnapshot *r, const struct snapshot_follow *follow,
                                   const char *outcome, FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(json) json_t *result = result_json(r, follow, outcome);
    if (result == NULL)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP, "--where is not UTF-8");
    return config_output_json(result, out, err);
}

static void print_done(const struct resnapshot *r, const struct snapshot_follow *follow, FILE *out)
{
    (void)fprintf(out, "%" PRId64 " rows were read in %.1f s and are visible in ClickHouse after %.1f s\n",
                  follow->n_rows, (double)follow->rows_us / 1e6, r->seconds);
    if (follow->watch.n_rows > follow->n_rows)
        (void)fprintf(out, "%" PRId64 " more were overtaken by changes, which are stored instead\n",
                      follow->watch.n_rows - follow->n_rows);
}

/* ---- doing it ---- */

static enum sluice_code send_signal(const struct resnapshot *r, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    const struct snapshot_signal signal = signal_of(r);
    sluice_buf_init(&text, SIGNAL_BYTES, "a signal");
    enum sluice_code code =
        r->how->by_table ? snapshot_signal_data(&signal, &text, err) : snapshot_signal_record(&signal, &text, err);
    if (code != SLUICE_OK || !r->how->by_table)
        return code != SLUICE_OK ? code
                                 : sluice_kafka_send(r->config, r->signal_topic, 0, sluice_str_from(r->table.prefix),
                                                     sluice_buf_str(&text), SNAPSHOT_TIMEOUT_MS, err);
    code = sluice_buf_append_char(&text, '\0', err);
    return code != SLUICE_OK ? code
                             : snapshot_insert(r->how->postgres, r->config->connector_signal_table, r->id,
                                               SNAPSHOT_SIGNAL_TYPE, text.ptr, err);
}

static enum sluice_code carry_out(struct resnapshot *r, struct snapshot_follow *follow, bool *timed_out,
                                  struct sluice_error *err)
{
    char line[96];
    enum sluice_code code = snapshot_follow_begin(follow, err);
    int64_t begun_us = sluice_mono_us();
    if (code == SLUICE_OK)
        code = send_signal(r, err);
    if (code != SLUICE_OK)
        return code;
    (void)snprintf(line, sizeof line, "the snapshot is asked for (signal %s)", r->id);
    progress_tell(&follow->progress, line);
    code = snapshot_follow_run(follow, timed_out, err);
    r->seconds = (double)(sluice_mono_us() - begun_us) / 1e6;
    return code;
}

static enum sluice_code run(struct resnapshot *r, struct snapshot_follow *follow, FILE *out, bool *timed_out,
                            struct sluice_error *err)
{
    struct sluice_error ignored;
    if (!r->how->json)
        print_plan(r, out);
    if (!r->how->execute && !r->how->json)
        (void)fprintf(out, "\nNothing was asked for; --execute does it.\n");
    if (!r->how->execute)
        return r->how->json ? print_json(r, follow, "planned", out, err) : config_output_end(out, err);
    (void)fputs(r->how->json ? "" : "\n", out);
    (void)fflush(out); /* before what goes to the log */
    enum sluice_code code = carry_out(r, follow, timed_out, err);
    const char *outcome = code == SLUICE_OK ? "done" : *timed_out ? "timed_out" : "failed";
    if (r->how->json) {
        enum sluice_code printed = print_json(r, follow, outcome, out, code == SLUICE_OK ? err : &ignored);
        return code == SLUICE_OK ? printed : code;
    }
    if (code == SLUICE_OK)
        print_done(r, follow, out);
    return code == SLUICE_OK ? config_output_end(out, err) : code;
}

enum sluice_code sluice_resnapshot(const struct sluice_config *config, const struct sluice_resnapshot *how, FILE *out,
                                   FILE *log, bool *timed_out, struct sluice_error *err)
{
    struct resnapshot r = {.config = config, .how = how};
    *timed_out = false;
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    enum sluice_code code = prepare(&r, err);
    struct snapshot_follow follow = {
        .consumer = r.consumer,
        .samples = r.samples,
        .records = r.records,
        .table = &r.table,
        .group_id = config->kafka_group_id,
        .notices = config->connector_notification_topic,
        .watch = {.type = how->type, .id = r.id, .prefix = r.table.prefix, .table = r.name, .n_rows = -1},
        .timeout_us = how->timeout_us,
        .grace_us = GRACE_US};
    progress_init(&follow.progress, log);
    if (code == SLUICE_OK)
        code = run(&r, &follow, out, timed_out, err);
    snapshot_follow_deinit(&follow);
    record_reader_free(r.records);
    sluice_samples_free(r.samples);
    sluice_consumer_free(r.consumer);
    curl_global_cleanup();
    return code;
}
