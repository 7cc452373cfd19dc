/* run.c - the worker as a whole: what is checked before it starts, the order of starting and ending, signals.
 *
 * Start: budget, status, metrics, HTTP port, ClickHouse probe, Kafka probe, senders, lane, reader. End: the reader
 * drains and leaves the group, then the lane ends when every job is back, then the senders. Thread: main.
 */
#include "sluice/run.h"

#include "base/budget.h"
#include "base/clock.h"
#include "clickhouse/options.h"
#include "clickhouse/schema.h"
#include "ledger/choose.h"
#include "observe/http.h"
#include "observe/metrics.h"
#include "pipeline/bookkeeper.h"
#include "pipeline/lane.h"
#include "pipeline/postman.h"
#include "pipeline/reader.h"
#include "pipeline/sender.h"
#include "sluice/log.h"

#include <curl/curl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { PROBE_WAIT_MS = 500, MAKE_TOPIC_MS = 10000, MAX_SENDERS = 64 };

struct worker {
    const struct sluice_config *config;
    struct sluice_config *reloaded; /* what SIGHUP brought; NULL before */
    struct sluice_budget budget;
    struct sluice_status status;
    struct sluice_metrics *metrics;
    struct sluice_http *http;
    struct sluice_queue jobs;
    struct sluice_queue ledger_calls;
    struct sluice_queue letters;
    struct sluice_queue notices;
    struct sluice_ledger *ledger; /* NULL in at-least-once delivery */
    struct bookkeeper *bookkeeper;
    struct sluice_letters *letter_producer; /* NULL: bad records stop their partition */
    struct postman *postman;
    char *token_scope;
    _Atomic size_t raw_bytes;
    atomic_bool abort;
    struct sender *senders[MAX_SENDERS];
    size_t n_senders;
    struct lane *lane;
    struct reader *reader;
    sigset_t signals;
};

static enum sluice_code livez(void *ctx, bool *ok, struct sluice_buf *text, struct sluice_error *err)
{
    return status_live(&((struct worker *)ctx)->status, ok, text, err);
}

static enum sluice_code readyz(void *ctx, bool *ok, struct sluice_buf *text, struct sluice_error *err)
{
    return status_ready(&((struct worker *)ctx)->status, ok, text, err);
}

static enum sluice_code status(void *ctx, struct sluice_buf *json, struct sluice_error *err)
{
    return status_json(&((struct worker *)ctx)->status, json, err);
}

/* Blocked before any thread starts, so that only main takes them, with sigtimedwait(). */
static void block_signals(struct worker *worker)
{
    (void)sigemptyset(&worker->signals);
    (void)sigaddset(&worker->signals, SIGTERM);
    (void)sigaddset(&worker->signals, SIGINT);
    (void)sigaddset(&worker->signals, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &worker->signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

/* The signal that arrived within the time, 0 if none. */
static int next_signal(const struct worker *worker, int64_t timeout_ms)
{
    const struct timespec timeout = {timeout_ms / 1000, (timeout_ms % 1000) * 1000000};
    int signal_number = sigtimedwait(&worker->signals, NULL, &timeout);
    return signal_number > 0 ? signal_number : 0;
}

static enum sluice_code start_http(struct worker *worker, struct sluice_error *err)
{
    const struct sluice_http_handlers handlers = {livez, readyz, status, worker};
    if (worker->config->http_listen[0] == '\0')
        return SLUICE_OK;
    enum sluice_code code =
        sluice_http_start(worker->config->http_listen, worker->metrics, &handlers, &worker->http, err);
    if (code == SLUICE_OK)
        SLUICE_LOG(SLUICE_LOG_INFO, "http_listening", SLUICE_F_TEXT("listen", worker->config->http_listen),
                   SLUICE_F_U64("port", sluice_http_port(worker->http)));
    return code;
}

static enum sluice_code look_at_clickhouse(struct worker *worker, struct sluice_ch_client *client,
                                           struct sluice_error *err)
{
    struct sluice_ch_server server;
    bool exists = false;
    enum sluice_code code = sluice_ch_probe(client, &server, err);
    if (code == SLUICE_OK)
        code = sluice_ch_database_exists(client, worker->config->clickhouse_database, &exists, err);
    if (code != SLUICE_OK)
        return code;
    if (!exists)
        return sluice_error_set(
            err, SLUICE_E_TABLE, SLUICE_STOP,
            "database \"%s\" (clickhouse.database) does not exist at %s; create it: CREATE DATABASE %s",
            worker->config->clickhouse_database, sluice_ch_client_url(client), worker->config->clickhouse_database);
    atomic_store(&worker->status.server_ok, true);
    SLUICE_LOG(SLUICE_LOG_INFO, "clickhouse_ready", SLUICE_F_TEXT("url", sluice_ch_client_url(client)),
               SLUICE_F_TEXT("version", server.version));
    return SLUICE_OK;
}

/* Tries until it works, the error is one that waiting can't cure, start.timeout is over, or a signal ends the wait. */
static enum sluice_code wait_for_clickhouse(struct worker *worker, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_ch_client) struct sluice_ch_client *client = NULL;
    const struct sluice_ch_options options = sluice_ch_options_from(worker->config, &worker->abort);
    int64_t deadline_us = sluice_mono_us() + worker->config->start_timeout_us;
    enum sluice_code code = sluice_ch_client_new(&options, &client, err);
    if (code != SLUICE_OK)
        return code;
    for (;;) {
        code = look_at_clickhouse(worker, client, err);
        if (code == SLUICE_OK || err->action != SLUICE_RETRY ||
            sluice_ch_client_failure(client)->advice == SLUICE_CH_RETRY_SLOW)
            return code;
        if (sluice_mono_us() > deadline_us)
            return sluice_error_wrap(err, "no answer within start.timeout");
        SLUICE_LOG(SLUICE_LOG_WARN, "clickhouse_not_ready", SLUICE_F_ERROR(err),
                   SLUICE_F_MS("retrying_in_ms", PROBE_WAIT_MS * 1000));
        int signal_number = next_signal(worker, PROBE_WAIT_MS);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return sluice_error_wrap(err, "ended by a signal before ClickHouse answered");
    }
}

static enum sluice_code wait_for_kafka(struct worker *worker, struct sluice_error *err)
{
    int64_t deadline_us = sluice_mono_us() + worker->config->start_timeout_us;
    for (;;) {
        enum sluice_code code = reader_ping(worker->reader, PROBE_WAIT_MS, err);
        if (code == SLUICE_OK || err->action != SLUICE_RETRY)
            return code;
        if (sluice_mono_us() > deadline_us)
            return sluice_error_wrap(err, "no answer within start.timeout");
        int signal_number = next_signal(worker, 0);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return sluice_error_wrap(err, "ended by a signal before Kafka answered");
    }
}

static enum sluice_code start_senders(struct worker *worker, struct sluice_error *err)
{
    const struct sender_world world = {worker->config,  &worker->jobs,   lane_inbox(worker->lane),
                                       worker->metrics, &worker->status, &worker->abort};
    while (worker->n_senders < (size_t)worker->config->senders && worker->n_senders < MAX_SENDERS) {
        enum sluice_code code = sender_new(&world, &worker->senders[worker->n_senders], err);
        if (code != SLUICE_OK)
            return code;
        worker->n_senders++;
    }
    return SLUICE_OK;
}

static enum sluice_code try_ledger(struct worker *worker, char reason[SLUICE_LEDGER_REASON], struct sluice_error *err)
{
    char cluster[SLUICE_KAFKA_CLUSTER_ID];
    enum sluice_code code = reader_cluster_id(worker->reader, PROBE_WAIT_MS, cluster, err);
    if (code == SLUICE_OK)
        code = sluice_ledger_open(worker->config, cluster, SLUICE_LEDGER_TO_WRITE, &worker->abort, &worker->ledger,
                                  reason, err);
    if (code != SLUICE_OK)
        return code;
    size_t n = strlen(worker->config->name) + sizeof cluster + sizeof "sluice::";
    worker->token_scope = malloc(n);
    if (worker->token_scope == NULL)
        return sluice_error_nomem(err, "what tokens begin with", n);
    (void)snprintf(worker->token_scope, n, "sluice:%s:%s", worker->config->name, cluster);
    return SLUICE_OK;
}

/* Opens the ledger; waits for a server whose Keeper is not there yet. */
static enum sluice_code open_ledger(struct worker *worker, struct sluice_error *err)
{
    char reason[SLUICE_LEDGER_REASON];
    int64_t deadline_us = sluice_mono_us() + worker->config->start_timeout_us;
    for (;;) {
        enum sluice_code code = try_ledger(worker, reason, err);
        if (code == SLUICE_OK) {
            SLUICE_LOG(SLUICE_LOG_INFO, "ledger_ready",
                       SLUICE_F_TEXT("kind", sluice_ledger_kind_label(sluice_ledger_kind(worker->ledger))),
                       SLUICE_F_TEXT("path", sluice_ledger_path(worker->ledger)), SLUICE_F_TEXT("reason", reason));
            return SLUICE_OK;
        }
        if (err->action != SLUICE_RETRY)
            return code;
        if (sluice_mono_us() > deadline_us)
            return sluice_error_wrap(err, "no ledger within start.timeout");
        SLUICE_LOG(SLUICE_LOG_WARN, "ledger_not_ready", SLUICE_F_ERROR(err),
                   SLUICE_F_MS("retrying_in_ms", PROBE_WAIT_MS * 1000));
        int signal_number = next_signal(worker, PROBE_WAIT_MS);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return sluice_error_wrap(err, "ended by a signal before the ledger answered");
    }
}

/* The topic is there before the first dead letter: a broker need not make topics by itself. */
static enum sluice_code open_dead_letters(struct worker *worker, struct sluice_error *err)
{
    int64_t deadline_us = sluice_mono_us() + worker->config->start_timeout_us;
    enum sluice_code code = sluice_letters_new(worker->config, &worker->letter_producer, err);
    while (code == SLUICE_OK) {
        code =
            sluice_letters_make_topic(worker->letter_producer, worker->config->dead_letters_topic, MAKE_TOPIC_MS, err);
        if (code == SLUICE_OK)
            code = sluice_letters_make_topic(worker->letter_producer, worker->config->dead_letters_replay_topic,
                                             MAKE_TOPIC_MS, err);
        if (code == SLUICE_OK || err->action != SLUICE_RETRY)
            return code;
        if (sluice_mono_us() > deadline_us)
            return sluice_error_wrap(err, "no dead-letter topic within start.timeout");
        int signal_number = next_signal(worker, PROBE_WAIT_MS);
        if (signal_number == SIGTERM || signal_number == SIGINT)
            return sluice_error_wrap(err, "ended by a signal before the dead-letter topic was there");
        code = SLUICE_OK;
    }
    return code;
}

static enum sluice_code start_postman(struct worker *worker, struct sluice_error *err)
{
    const struct postman_world world = {worker->config, worker->letter_producer, &worker->letters,
                                        lane_inbox(worker->lane), &worker->abort};
    return postman_new(&world, &worker->postman, err);
}

static enum sluice_code start_lane(struct worker *worker, struct sluice_error *err)
{
    const struct lane_world lane = {
        .config = worker->config,
        .jobs = &worker->jobs,
        .ledger = worker->ledger != NULL ? &worker->ledger_calls : NULL,
        .token_scope = worker->token_scope,
        .commits_apart = worker->ledger != NULL && sluice_ledger_kind(worker->ledger) != SLUICE_LEDGER_KAFKA,
        .letters = worker->letter_producer != NULL ? &worker->letters : NULL,
        .notices = &worker->notices,
        .budget = &worker->budget,
        .metrics = worker->metrics,
        .status = &worker->status,
        .ops = &sluice_kafka_message_ops,
        .raw_bytes = &worker->raw_bytes,
    };
    enum sluice_code code = lane_new(&lane, &worker->lane, err);
    if (code == SLUICE_OK && worker->letter_producer != NULL)
        code = start_postman(worker, err);
    if (code != SLUICE_OK || worker->ledger == NULL)
        return code;
    const struct bookkeeper_world bookkeeper = {worker->ledger, &worker->ledger_calls, lane_inbox(worker->lane),
                                                worker->metrics, &worker->status};
    return bookkeeper_new(&bookkeeper, &worker->bookkeeper, err);
}

static enum sluice_code start(struct worker *worker, struct sluice_error *err)
{
    const struct sluice_config *config = worker->config;
    enum sluice_code code = sluice_metrics_new(&worker->metrics, err);
    if (code != SLUICE_OK)
        return code;
    sluice_metric_set(sluice_metrics_get(worker->metrics, SLUICE_METRIC_MEMORY_LIMIT_BYTES),
                      config->memory_limit_bytes);
    sluice_metric_set(sluice_metrics_get1(worker->metrics, SLUICE_METRIC_BUILD_INFO, SLUICE_VERSION), 1);
    const struct reader_world reader = {config,          &worker->notices, &worker->budget,
                                        worker->metrics, &worker->status,  &worker->raw_bytes};
    code = reader_new(&reader, &worker->reader, err);
    if (code == SLUICE_OK)
        code = start_http(worker, err);
    if (code == SLUICE_OK)
        code = wait_for_clickhouse(worker, err);
    if (code == SLUICE_OK)
        code = wait_for_kafka(worker, err);
    if (code == SLUICE_OK && config->on_bad_record == SLUICE_ON_BAD_RECORD_DEAD_LETTER)
        code = open_dead_letters(worker, err);
    if (code == SLUICE_OK && config->delivery == SLUICE_DELIVERY_EXACTLY_ONCE)
        code = open_ledger(worker, err);
    if (code == SLUICE_OK)
        code = start_lane(worker, err);
    if (code == SLUICE_OK)
        code = start_senders(worker, err);
    return code;
}

static void reload(struct worker *worker)
{
    struct sluice_error err;
    struct sluice_config *next = NULL;
    const struct sluice_config *current = worker->reloaded != NULL ? worker->reloaded : worker->config;
    if (sluice_config_reload(current, &next, &err) != SLUICE_OK) {
        SLUICE_LOG(SLUICE_LOG_ERROR, "reload_failed", SLUICE_F_ERROR(&err),
                   SLUICE_F_TEXT("then", "the options stay as they were"));
    } else {
        const char *restart_key = sluice_config_restart_key(worker->config, next);
        struct lane_limits_item *item = calloc(1, sizeof *item);
        if (item == NULL)
            SLUICE_BUG("no memory for new limits");
        item->item.kind = LANE_LIMITS;
        item->limits = lane_limits_from(next);
        sluice_queue_push(lane_inbox(worker->lane), &item->item.link);
        sluice_log_set_level(next->log_level);
        sluice_config_free(worker->reloaded);
        worker->reloaded = next;
        SLUICE_LOG(SLUICE_LOG_INFO, "reloaded", SLUICE_F_TEXT("needs_restart", restart_key != NULL ? restart_key : ""));
    }
    reader_restart_stopped(worker->reader);
}

/* Until a signal or the reader ends it. */
static void wait_for_end(struct worker *worker, struct sluice_error *err, bool *failed)
{
    for (;;) {
        int signal_number = next_signal(worker, 200);
        if (signal_number == SIGHUP)
            reload(worker);
        if (signal_number == SIGTERM || signal_number == SIGINT) {
            SLUICE_LOG(SLUICE_LOG_INFO, "stopping", SLUICE_F_TEXT("signal", signal_number == SIGTERM ? "TERM" : "INT"));
            return;
        }
        if (reader_failed(worker->reader, err)) {
            *failed = true;
            return;
        }
    }
}

/* A second signal ends the process at once: whoever sends it does not want to wait for the drain. */
static void *second_signal(void *context)
{
    const struct worker *worker = context;
    for (;;) {
        int signal_number = next_signal(worker, 1000);
        if (signal_number == SIGTERM || signal_number == SIGINT) {
            sluice_log_event(SLUICE_LOG_WARN, "stopped_without_drain");
            _exit(1);
        }
    }
}

static void end(struct worker *worker)
{
    /* With the reader gone nobody waits for a result: jobs still out are ended. */
    atomic_store(&worker->abort, true);
    if (worker->lane != NULL) {
        struct lane_item *stop = calloc(1, sizeof *stop);
        if (stop == NULL)
            SLUICE_BUG("no memory to end the lane");
        stop->kind = LANE_STOP;
        sluice_queue_push(lane_inbox(worker->lane), &stop->link);
        lane_join(worker->lane);
    }
    sluice_queue_close(&worker->jobs);
    sluice_queue_close(&worker->ledger_calls);
    sluice_queue_close(&worker->letters);
    bookkeeper_join(worker->bookkeeper);
    postman_join(worker->postman);
    for (size_t i = 0; i < worker->n_senders; i++)
        sender_join(worker->senders[i]);
    reader_free(worker->reader);
    lane_free(worker->lane);
    sluice_ledger_free(worker->ledger);
    sluice_letters_free(worker->letter_producer);
    free(worker->token_scope);
    sluice_http_free(worker->http);
    sluice_metrics_free(worker->metrics);
    status_deinit(&worker->status);
    sluice_queue_deinit(&worker->jobs);
    sluice_queue_deinit(&worker->ledger_calls);
    sluice_queue_deinit(&worker->letters);
    sluice_queue_deinit(&worker->notices);
    sluice_config_free(worker->reloaded);
}

static enum sluice_code serve(struct worker *worker, struct sluice_error *err)
{
    pthread_t guard;
    bool failed = false;
    enum sluice_code code = reader_start(worker->reader, lane_inbox(worker->lane), worker->ledger, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_LOG(SLUICE_LOG_INFO, "started", SLUICE_F_TEXT("name", worker->config->name),
               SLUICE_F_TEXT("version", SLUICE_VERSION));
    wait_for_end(worker, err, &failed);
    reader_stop(worker->reader);
    if (pthread_create(&guard, NULL, second_signal, worker) == 0)
        (void)pthread_detach(guard);
    reader_join(worker->reader);
    return failed ? err->code : SLUICE_OK;
}

enum sluice_code sluice_run(const struct sluice_config *config, int *exit_code, struct sluice_error *err)
{
    static struct worker worker; /* static: the thread that waits for a second signal may outlive this call */
    worker = (struct worker){.config = config};
    sluice_log_init(config->log_level, config->log_format, STDERR_FILENO);
    block_signals(&worker);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    json_object_seed(0);
    sluice_budget_init(&worker.budget, (size_t)config->memory_limit_bytes);
    status_init(&worker.status, config->name, &worker.budget);
    sluice_queue_init(&worker.jobs);
    sluice_queue_init(&worker.ledger_calls);
    sluice_queue_init(&worker.letters);
    sluice_queue_init(&worker.notices);

    enum sluice_code code = start(&worker, err);
    if (code == SLUICE_OK)
        code = serve(&worker, err);
    uint64_t n_stopped = atomic_load(&worker.status.n_stopped_ever);
    end(&worker);
    curl_global_cleanup();
    *exit_code = code == SLUICE_E_CONFIG ? 2 : code == SLUICE_E_UNSAFE ? 3 : code != SLUICE_OK || n_stopped > 0 ? 1 : 0;
    SLUICE_LOG(SLUICE_LOG_INFO, "ended", SLUICE_F_I64("exit_code", *exit_code),
               SLUICE_F_U64("stopped_partitions", n_stopped));
    sluice_log_finish();
    return code;
}
