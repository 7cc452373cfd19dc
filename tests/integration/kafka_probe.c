/* kafka_probe.c - one member of a consumer group that does what it is told, for test_kafka_client.py.
 *
 *   kafka_probe BOOTSTRAP GROUP PIPELINE TOPIC [paused] [KEY=VALUE...]
 *
 * Reads one command per line and answers with lines that end with "ok" or "error TEXT":
 *
 *   join                      subscribes
 *   await N                   polls until N partitions are assigned
 *   poll MS                   polls that long; messages and rebalances are printed
 *   take N                    polls until N messages came
 *   resume OFFSET [P...]      sluice_consumer_resume() of these partitions (all that are assigned)
 *   commit P OFFSET TEXT      plain commit, waits
 *   committed P               offset and text
 *   low P                     oldest offset
 *   cluster                   id of the cluster
 *   keep NAME                 keeps the newest membership under a name, one character
 *   begin NAME P OFFSET TEXT  a transaction with the kept membership, up to but without its commit
 *   end                       commits it
 *
 * and of the ledger, with rows that count on from those it saw last ("row P EPOCH OWNER SEQ NEXT HI", "none P", a "!"
 * behind them for a write that was not tried):
 *
 *   prepare, visit            as in ledger.h
 *   rows NAME [P...]          reads (all that are assigned)
 *   take-over NAME [P...]     writes epoch + 1 and this process as owner
 *   write NAME NEXT HI [P...] writes
 *   loop NAME P               writes NEXT + 1 again and again; ends with an error or when the row is another one's
 *
 * NAME: a membership that was kept; "-" for none.
 */
#include "kafka/consumer.h"
#include "ledger/ledger.h"

#include "base/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { MAX_PARTITIONS = 1024, LINE = 8192, MEMBERSHIPS = 128, TIMEOUT_MS = 30000 };

static struct {
    const char *topic;
    const char *bootstrap;
    struct sluice_consumer *consumer;
    bool is_assigned[MAX_PARTITIONS];
    size_t n_assigned;
    size_t n_messages;
    struct sluice_kafka_membership *kept[MEMBERSHIPS];
    rd_kafka_t *producer;
    struct sluice_ledger *ledger;
    struct sluice_ledger_call calls[MAX_PARTITIONS]; /* with the rows as seen last */
    struct sluice_ledger_call chosen[MAX_PARTITIONS];
    size_t n_chosen;
} probe;

static void on_assigned(void *context, const struct sluice_kafka_position *positions, size_t n)
{
    (void)context;
    for (size_t i = 0; i < n; i++) {
        probe.is_assigned[positions[i].partition] = true;
        probe.n_assigned++;
        (void)printf("assigned %" PRId32 " %" PRId64 " %s\n", positions[i].partition, positions[i].offset,
                     positions[i].metadata != NULL ? positions[i].metadata : "");
    }
}

static void on_revoked(void *context, const struct sluice_kafka_position *partitions, size_t n, bool lost)
{
    (void)context;
    for (size_t i = 0; i < n; i++)
        probe.is_assigned[partitions[i].partition] = false;
    probe.n_assigned -= n;
    (void)printf("revoked %zu %s\n", n, lost ? "lost" : "given");
}

static void on_committed(void *context, const struct sluice_kafka_position *position, const char *error_text)
{
    (void)context;
    (void)position;
    (void)error_text;
}

static bool say(enum sluice_code code, const struct sluice_error *err)
{
    if (code != SLUICE_OK)
        (void)printf("error %s\n", err->text);
    else
        (void)printf("ok\n");
    return code == SLUICE_OK;
}

/* False when the consumer can't go on. */
static bool poll_once(int timeout_ms, struct sluice_error *err)
{
    rd_kafka_message_t *message = NULL;
    struct sluice_kafka_position at;
    switch (sluice_consumer_poll(probe.consumer, timeout_ms, &message, &at, err)) {
    case SLUICE_POLLED_MESSAGE:
        probe.n_messages++;
        (void)printf("message %" PRId32 " %" PRId64 "\n", message->partition, message->offset);
        rd_kafka_message_destroy(message);
        return true;
    case SLUICE_POLLED_PARTITION_ERROR:
    case SLUICE_POLLED_FATAL:
        return false;
    case SLUICE_POLLED_WARNING:
        (void)printf("warning %s\n", err->text);
        return true;
    case SLUICE_POLLED_IDLE:
    case SLUICE_POLLED_END:
        break;
    }
    return true;
}

enum goal { GOAL_TIME, GOAL_ASSIGNED, GOAL_MESSAGES };

static enum sluice_code poll_until(enum goal goal, long count, struct sluice_error *err)
{
    int64_t deadline_us = sluice_mono_us() + (goal == GOAL_TIME ? count : TIMEOUT_MS) * 1000;
    probe.n_messages = 0;
    while (sluice_mono_us() < deadline_us) {
        if (!poll_once(10, err))
            return err->code;
        if ((goal == GOAL_ASSIGNED && probe.n_assigned == (size_t)count) ||
            (goal == GOAL_MESSAGES && probe.n_messages >= (size_t)count))
            return SLUICE_OK;
    }
    if (goal == GOAL_TIME)
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_STOP, "waited in vain: %zu assigned, %zu messages",
                            probe.n_assigned, probe.n_messages);
}

static void resume(char *rest)
{
    struct sluice_kafka_position *positions = calloc(MAX_PARTITIONS, sizeof *positions);
    char *end = rest;
    int64_t offset = strtoll(rest, &end, 10);
    size_t n = 0;
    if (positions == NULL)
        abort();
    bool all = *end == '\0';
    while (*end != '\0')
        positions[n++] = (struct sluice_kafka_position){probe.topic, (int32_t)strtol(end, &end, 10), offset, NULL};
    for (int32_t p = 0; all && p < MAX_PARTITIONS; p++) {
        if (probe.is_assigned[p])
            positions[n++] = (struct sluice_kafka_position){probe.topic, p, offset, NULL};
    }
    int64_t began_us = sluice_mono_us();
    sluice_consumer_resume(probe.consumer, positions, n);
    (void)printf("took_us %" PRId64 "\nok\n", sluice_mono_us() - began_us);
    free(positions);
}

static enum sluice_code transaction_error(rd_kafka_error_t *error, const char *what, struct sluice_error *err)
{
    if (error == NULL)
        return SLUICE_OK;
    (void)sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_STOP, "%s: %s%s%s", what, rd_kafka_error_name(error),
                           rd_kafka_error_is_fatal(error) ? " fatal" : "",
                           rd_kafka_error_txn_requires_abort(error) ? " abortable" : "");
    rd_kafka_error_destroy(error);
    return err->code;
}

static void set(rd_kafka_conf_t *conf, const char *key, const char *value)
{
    char reason[256];
    if (rd_kafka_conf_set(conf, key, value, reason, sizeof reason) != RD_KAFKA_CONF_OK)
        abort();
}

static enum sluice_code start_producer(struct sluice_error *err)
{
    char id[64];
    char reason[256];
    if (probe.producer != NULL)
        return SLUICE_OK;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    (void)snprintf(id, sizeof id, "probe-%" PRId64, sluice_wall_us());
    set(conf, "bootstrap.servers", probe.bootstrap);
    set(conf, "transactional.id", id);
    set(conf, "transaction.timeout.ms", "5000");
    probe.producer = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (probe.producer == NULL)
        abort();
    return transaction_error(rd_kafka_init_transactions(probe.producer, TIMEOUT_MS), "init", err);
}

static enum sluice_code begin(const char *rest, struct sluice_error *err)
{
    char name = rest[0];
    char *end = NULL;
    int32_t partition = (int32_t)strtol(rest + 1, &end, 10);
    int64_t offset = strtoll(end, &end, 10);
    const char *text = end + 1;
    enum sluice_code code = start_producer(err);
    if (code == SLUICE_OK)
        code = transaction_error(rd_kafka_begin_transaction(probe.producer), "begin", err);
    if (code != SLUICE_OK)
        return code;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, probe.topic, partition);
    p->offset = offset;
    p->metadata_size = strlen(text);
    p->metadata = malloc(p->metadata_size + 1);
    if (p->metadata == NULL)
        abort();
    memcpy(p->metadata, text, p->metadata_size + 1);
    code = transaction_error(rd_kafka_send_offsets_to_transaction(
                                 probe.producer, list,
                                 sluice_kafka_membership_metadata(probe.kept[(unsigned char)name % MEMBERSHIPS]),
                                 TIMEOUT_MS),
                             "send", err);
    rd_kafka_topic_partition_list_destroy(list);
    if (code != SLUICE_OK) {
        struct sluice_error second;
        if (transaction_error(rd_kafka_abort_transaction(probe.producer, TIMEOUT_MS), "abort", &second) != SLUICE_OK)
            (void)printf("warning %s\n", second.text);
    }
    return code;
}

static enum sluice_code commit(char *rest, struct sluice_error *err)
{
    char *end = NULL;
    struct sluice_kafka_position position = {.topic = probe.topic};
    position.partition = (int32_t)strtol(rest, &end, 10);
    position.offset = strtoll(end, &end, 10);
    position.metadata = *end == ' ' ? end + 1 : NULL;
    return sluice_consumer_commit_now(probe.consumer, &position, 1, err);
}

static enum sluice_code committed(const char *rest, struct sluice_error *err)
{
    char text[LINE];
    int64_t offset = 0;
    int64_t began_us = sluice_mono_us();
    enum sluice_code code = sluice_consumer_committed(probe.consumer, probe.topic, (int32_t)strtol(rest, NULL, 10),
                                                      TIMEOUT_MS, &offset, text, sizeof text, err);
    (void)printf("took_us %" PRId64 "\n", sluice_mono_us() - began_us);
    if (code == SLUICE_OK)
        (void)printf("committed %" PRId64 " %s\n", offset, text);
    return code;
}

static void keep(const char *rest)
{
    struct sluice_kafka_membership **slot = &probe.kept[(unsigned char)rest[0] % MEMBERSHIPS];
    sluice_kafka_membership_unref(*slot);
    *slot = sluice_consumer_membership(probe.consumer);
}

/* ---- ledger ---- */

static void choose(const char *rest, const char *name)
{
    char *end = NULL;
    const struct sluice_kafka_membership *membership =
        name[0] == '-' ? NULL : probe.kept[(unsigned char)name[0] % MEMBERSHIPS];
    long partition = strtol(rest, &end, 10);
    probe.n_chosen = 0;
    for (int32_t p = 0; end == rest && p < MAX_PARTITIONS; p++) {
        if (probe.is_assigned[p])
            probe.chosen[probe.n_chosen++].partition = p;
    }
    for (; end != rest; partition = strtol(rest, &end, 10)) {
        probe.chosen[probe.n_chosen++].partition = (int32_t)partition;
        rest = end;
    }
    for (size_t i = 0; i < probe.n_chosen; i++) {
        struct sluice_ledger_call *call = &probe.chosen[i];
        const struct sluice_ledger_call *known = &probe.calls[call->partition];
        *call = (struct sluice_ledger_call){.topic = probe.topic,
                                            .partition = call->partition,
                                            .membership = membership,
                                            .expected_exists = known->exists,
                                            .expected = known->row,
                                            .wanted = known->row};
        if (!known->exists)
            sluice_ledger_row_init(&call->wanted);
        call->wanted.seq++;
    }
}

static enum sluice_code call_ledger(bool is_write, struct sluice_error *err)
{
    int64_t began_us = sluice_mono_us();
    for (size_t i = 0; i < probe.n_chosen; i++)
        probe.chosen[i].is_write = is_write;
    enum sluice_code code = sluice_ledger_run(probe.ledger, probe.chosen, probe.n_chosen, err);
    (void)printf("took_us %" PRId64 "\n", sluice_mono_us() - began_us);
    for (size_t i = 0; code == SLUICE_OK && i < probe.n_chosen; i++)
        probe.calls[probe.chosen[i].partition] = probe.chosen[i];
    return code;
}

static void print_row(int32_t partition, const struct sluice_ledger_row *row, const char *behind)
{
    (void)printf("row %" PRId32 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRId64 " %" PRId64 "%s\n", partition,
                 row->epoch, row->owner, row->seq, row->next, row->hi, behind);
}

static void print_found(void *context, const struct sluice_ledger_found *found)
{
    print_row(found->partition, &found->row, context);
}

static void print_calls(void)
{
    for (size_t i = 0; i < probe.n_chosen; i++) {
        struct sluice_ledger_call *call = &probe.chosen[i];
        char behind[3] = " !";
        behind[call->conflict ? 2 : 0] = '\0';
        if (call->exists)
            print_row(call->partition, &call->row, behind);
        else
            (void)printf("none %" PRId32 "%s\n", call->partition, behind);
    }
}

static enum sluice_code write_loop(struct sluice_error *err)
{
    for (;;) {
        struct sluice_ledger_call *call = &probe.chosen[0];
        call->expected_exists = true;
        call->expected = probe.calls[call->partition].row;
        call->wanted = call->expected;
        call->wanted.seq++;
        call->wanted.next++;
        call->is_write = true;
        (void)printf("tries %" PRIu64 "\n", call->wanted.seq);
        (void)fflush(stdout);
        enum sluice_code code = sluice_ledger_run(probe.ledger, call, 1, err);
        if (code != SLUICE_OK)
            return code;
        if (!call->exists || call->row.owner != (uint64_t)getpid())
            return sluice_error_set(err, SLUICE_E_LEDGER, SLUICE_STOP, "the row is another one's");
        probe.calls[call->partition] = *call;
    }
}

static enum sluice_code run_ledger(const char *verb, char *rest, struct sluice_error *err)
{
    const char *name = rest;
    char *after = rest + strcspn(rest, " ");
    enum sluice_code code = SLUICE_OK;
    char none[1] = "";
    if (strcmp(verb, "prepare") == 0)
        return sluice_ledger_prepare(probe.ledger, err);
    if (strcmp(verb, "visit") == 0)
        return sluice_ledger_visit(probe.ledger, print_found, none, err);
    if (strcmp(verb, "rows") == 0) {
        choose(after, name);
        code = call_ledger(false, err);
    } else if (strcmp(verb, "take-over") == 0) {
        choose(after, name);
        for (size_t i = 0; i < probe.n_chosen; i++) {
            probe.chosen[i].wanted.epoch++;
            probe.chosen[i].wanted.owner = (uint64_t)getpid();
        }
        code = call_ledger(true, err);
    } else if (strcmp(verb, "write") == 0) {
        int64_t next = strtoll(after, &after, 10);
        int64_t hi = strtoll(after, &after, 10);
        choose(after, name);
        for (size_t i = 0; i < probe.n_chosen; i++) {
            probe.chosen[i].wanted.next = next;
            probe.chosen[i].wanted.hi = hi;
        }
        code = call_ledger(true, err);
    } else if (strcmp(verb, "loop") == 0) {
        choose(after, name);
        return write_loop(err);
    } else {
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "unknown command");
    }
    if (code == SLUICE_OK)
        print_calls();
    return code;
}

static enum sluice_code run(const char *verb, char *rest, struct sluice_error *err)
{
    char cluster[SLUICE_KAFKA_CLUSTER_ID];
    int64_t low = -1;
    enum sluice_code code = SLUICE_OK;
    if (strcmp(verb, "join") == 0)
        return sluice_consumer_subscribe(probe.consumer, err);
    if (strcmp(verb, "await") == 0)
        return poll_until(GOAL_ASSIGNED, strtol(rest, NULL, 10), err);
    if (strcmp(verb, "poll") == 0)
        return poll_until(GOAL_TIME, strtol(rest, NULL, 10), err);
    if (strcmp(verb, "take") == 0)
        return poll_until(GOAL_MESSAGES, strtol(rest, NULL, 10), err);
    if (strcmp(verb, "commit") == 0)
        return commit(rest, err);
    if (strcmp(verb, "committed") == 0)
        return committed(rest, err);
    if (strcmp(verb, "begin") == 0)
        return begin(rest, err);
    if (strcmp(verb, "end") == 0)
        return transaction_error(rd_kafka_commit_transaction(probe.producer, TIMEOUT_MS), "commit", err);
    if (strcmp(verb, "low") == 0) {
        code = sluice_consumer_start_offset(probe.consumer, probe.topic, (int32_t)strtol(rest, NULL, 10), TIMEOUT_MS,
                                            &low, err);
        (void)printf("low %" PRId64 "\n", low);
        return code;
    }
    if (strcmp(verb, "cluster") == 0) {
        code = sluice_consumer_cluster_id(probe.consumer, TIMEOUT_MS, cluster, err);
        (void)printf("cluster %s\n", code == SLUICE_OK ? cluster : "");
        return code;
    }
    if (strcmp(verb, "keep") == 0) {
        keep(rest);
        return SLUICE_OK;
    }
    return run_ledger(verb, rest, err);
}

static void obey(void)
{
    static char line[LINE];
    struct sluice_error err = {0};
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *rest = line + strcspn(line, " ");
        if (*rest == ' ')
            *rest++ = '\0';
        if (strcmp(line, "resume") == 0)
            resume(rest);
        else
            (void)say(run(line, rest, &err), &err);
        (void)fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    static struct sluice_config_property extra[32];
    struct sluice_error err = {0};
    if (argc < 5)
        return 2;
    probe.bootstrap = argv[1];
    probe.topic = argv[4];
    struct sluice_consumer_options options = {
        .bootstrap_servers = argv[1], .group_id = argv[2], .topics = &probe.topic, .n_topics = 1, .extra = extra};
    for (int i = 5; i < argc; i++) {
        char *equals = strchr(argv[i], '=');
        if (equals == NULL) {
            options.starts_paused = true;
            continue;
        }
        *equals = '\0';
        extra[options.n_extra++] = (struct sluice_config_property){.key = argv[i], .value = equals + 1};
    }
    const struct sluice_consumer_handler handler = {NULL, on_assigned, on_revoked, on_committed};
    if (sluice_consumer_new(&options, &handler, &probe.consumer, &err) != SLUICE_OK)
        return say(err.code, &err) ? 0 : 1;
    const struct sluice_kafka_ledger_options ledger = {.bootstrap_servers = argv[1],
                                                       .group_id = argv[2],
                                                       .pipeline = argv[3],
                                                       .extra = extra,
                                                       .n_extra = options.n_extra};
    if (sluice_ledger_new_kafka(&ledger, &probe.ledger, &err) != SLUICE_OK)
        return say(err.code, &err) ? 0 : 1;
    obey();
    sluice_ledger_free(probe.ledger);
    sluice_consumer_close(probe.consumer);
    sluice_consumer_free(probe.consumer);
    for (size_t i = 0; i < MEMBERSHIPS; i++)
        sluice_kafka_membership_unref(probe.kept[i]);
    if (probe.producer != NULL)
        rd_kafka_destroy(probe.producer);
    return 0;
}
