/* assignment.c - partitions of the reader: assigned, stopped, started anew, given back; see reader.h.
 *
 * A partition leaves in two steps: the lane is told, finishes what is open and reports; then the reader forgets it. On
 * revocation the reader waits for that, up to drain.timeout; what is not finished then is abandoned and read again by
 * the next owner.
 */
#include "pipeline/reader_internal.h"

#include "base/clock.h"
#include "base/point.h"
#include "base/random.h"
#include "sluice/log.h"

#include <stdlib.h>

/* How long one look at the notices takes while partitions are drained. */
static const int64_t turn_us = 20000;

enum {
    ASK_TIMEOUT_MS = 2000, /* for one question to the group's coordinator */
    AGAIN_US = 1000000
};

/* What the group committed, read as the lane understands it. */
static struct sluice_ledger_commit read_commit(const struct reader *reader, int64_t offset, const char *metadata)
{
    struct sluice_ledger_commit commit = {.offset = offset};
    enum sluice_ledger_kind kind = SLUICE_N_LEDGER_KINDS;
    char path[SLUICE_LEDGER_PATH];
    commit.text = sluice_ledger_row_parse(&commit.row, &kind, path, metadata);
    commit.is_other =
        commit.text == SLUICE_LEDGER_TEXT_ROW && reader->ledger != NULL &&
        (kind != sluice_ledger_kind(reader->ledger) || strcmp(path, sluice_ledger_path(reader->ledger)) != 0);
    return commit;
}

static void add_partition(struct reader *reader, const char *topic, int32_t id, int64_t offset,
                          const struct sluice_ledger_commit *commit)
{
    struct sluice_error err;
    struct partition *p = NULL;
    SLUICE_AUTO(sluice_kafka_membership)
    struct sluice_kafka_membership *member = NULL;
    if (reader->ledger != NULL)
        member = sluice_consumer_membership(reader->consumer);
    const struct partition_start start = {topic, id, offset, *commit, member};
    if (partition_new(&start, reader->world.status, &p, &err) != SLUICE_OK)
        SLUICE_BUG("no memory for an assigned partition");
    p->reader.waits = reader->ledger != NULL;
    p->reader.paused = p->reader.waits;
    p->reader.next = reader->partitions;
    reader->partitions = p;
    reader->n_partitions++;
    reader_control(reader, LANE_ATTACH, p, 0);
    SLUICE_LOG(SLUICE_LOG_INFO, "partition_assigned", SLUICE_F_TEXT("topic", p->topic),
               SLUICE_F_I64("partition", p->id), SLUICE_F_I64("offset", offset),
               SLUICE_F_BOOL("source_state", commit->text != SLUICE_LEDGER_TEXT_NONE));
}

void assignment_on_assigned(void *context, const struct sluice_kafka_position *positions, size_t n)
{
    struct reader *reader = context;
    for (size_t i = 0; i < n; i++) {
        const struct sluice_kafka_position *at = &positions[i];
        struct sluice_ledger_commit commit = read_commit(reader, at->offset, at->metadata);
        add_partition(reader, at->topic, at->partition, at->offset, &commit);
    }
    atomic_store(&reader->world.status->joined, true);
    sluice_metric_add(sluice_metrics_get(reader->world.metrics, SLUICE_METRIC_REBALANCES), 1);
}

/* The reader's part of a partition ends; the lane's may go on for a while. */
static void remove_partition(struct reader *reader, struct partition *p)
{
    for (struct partition **at = &reader->partitions; *at != NULL; at = &(*at)->reader.next) {
        if (*at == p) {
            *at = p->reader.next;
            break;
        }
    }
    p->reader.gone = true;
    reader->n_partitions--;
    if (reader->last == p)
        reader->last = NULL;
    sluice_metrics_remove_partition(reader->world.metrics, p->topic, p->id);
    status_remove(reader->world.status, p->status);
    partition_unref(p);
}

void assignment_stop(struct reader *reader, struct partition *p, const struct sluice_error *error)
{
    struct sluice_kafka_position at = reader_position(p, 0, NULL);
    p->reader.stopped = true;
    p->reader.paused = true;
    sluice_consumer_pause(reader->consumer, &at, 1);
    if (error->action == SLUICE_STOP)
        reader_fail(reader, error);
    if (error->code == SLUICE_E_KAFKA_OFFSET) { /* found by the reader itself; the lane logs its own */
        struct sluice_error err = *error;
        (void)sluice_error_wrap(&err, "topic \"%s\" partition %" PRId32, p->topic, p->id);
        status_set_error(reader->world.status, p->status, err.text);
        (void)atomic_fetch_add(&reader->world.status->n_stopped_ever, 1);
        SLUICE_LOG(SLUICE_LOG_ERROR, "partition_stopped", SLUICE_F_TEXT("topic", p->topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_ERROR(&err));
    }
}

/* Like a new assignment of the same partition: the lane forgets it, then gets it anew at the durable offset. */
static void restart_partition(struct reader *reader, struct partition *p)
{
    struct sluice_error err;
    char text[SLUICE_LEDGER_TEXT];
    commits_text(reader, &p->reader.mark, text);
    struct sluice_kafka_position at = {p->topic, p->id, p->reader.committable, text};
    if (at.offset >= 0 && sluice_consumer_seek(reader->consumer, &at, &err) != SLUICE_OK) {
        SLUICE_LOG(SLUICE_LOG_WARN, "restart_failed", SLUICE_F_ERROR(&err), SLUICE_F_TEXT("topic", p->topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_TEXT("then", "it stays stopped; send SIGHUP again"));
        return;
    }
    struct sluice_ledger_commit commit = read_commit(reader, at.offset, text);
    add_partition(reader, at.topic, at.partition, at.offset, &commit);
    sluice_consumer_resume(reader->consumer, &at, 1);
    remove_partition(reader, p);
}

/* Questions wait for their answer. After one without, the others of many partitions would wait as long, one after the
 * other, and the group would lose this member. */
static void no_answer(struct reader *reader, const struct sluice_error *why)
{
    reader->no_answer = *why;
    reader->ask_after_us = sluice_mono_us() + AGAIN_US;
    atomic_store(&reader->world.status->polled_mono_us, sluice_mono_us());
}

static void tell_waiting(struct reader *reader, struct partition *p)
{
    status_set_waiting(reader->world.status, p->status, STATUS_READER, reader->no_answer.text);
}

static void tell_answered(struct reader *reader, struct partition *p)
{
    status_set_waiting(reader->world.status, p->status, STATUS_READER, "");
}

/* -1 without an answer. */
static int64_t ask_oldest(struct reader *reader, const struct partition *p)
{
    struct sluice_error err;
    int64_t oldest = sluice_consumer_take_oldest(reader->consumer, p->topic, p->id);
    if (oldest >= 0 || sluice_mono_us() < reader->ask_after_us)
        return oldest;
    if (sluice_consumer_start_offset(reader->consumer, p->topic, p->id, ASK_TIMEOUT_MS, &oldest, &err) == SLUICE_OK)
        return oldest;
    no_answer(reader, &err);
    return -1;
}

/* The group's offset as it stands now, which in exactly-once delivery decides together with the ledger's row. */
static bool ask_commit(struct reader *reader, struct partition *p, struct sluice_ledger_commit *commit)
{
    struct sluice_error err;
    int64_t offset = -1;
    char text[SLUICE_LEDGER_TEXT];
    if (sluice_mono_us() < reader->ask_after_us) {
        tell_waiting(reader, p);
        return false;
    }
    if (sluice_consumer_committed(reader->consumer, p->topic, p->id, ASK_TIMEOUT_MS, &offset, text, sizeof text,
                                  &err) != SLUICE_OK) {
        no_answer(reader, &err);
        tell_waiting(reader, p);
        SLUICE_LOG(SLUICE_LOG_WARN, "offset_not_read", SLUICE_F_TEXT("topic", p->topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_ERROR(&err));
        return false;
    }
    tell_answered(reader, p);
    *commit = read_commit(reader, offset, text);
    return true;
}

static void assign_again(struct reader *reader, struct partition *p)
{
    struct sluice_ledger_commit commit;
    struct sluice_kafka_position at = reader_position(p, 0, NULL);
    if (!ask_commit(reader, p, &commit)) {
        p->reader.again_us = sluice_mono_us() + AGAIN_US;
        return;
    }
    sluice_consumer_pause(reader->consumer, &at, 1);
    add_partition(reader, p->topic, p->id, commit.offset >= 0 ? commit.offset : p->reader.assigned_at, &commit);
    remove_partition(reader, p);
}

/* Paused, so that it begins with a seek that is sure to hold, or, where librdkafka gave it up, with a new assignment.
 */
static void hold(struct reader *reader, struct partition *p)
{
    struct sluice_kafka_position at = reader_position(p, 0, NULL);
    p->reader.paused = true;
    sluice_consumer_pause(reader->consumer, &at, 1);
}

/* Paused until the lane knows where to begin instead. */
static void tell_gone(struct reader *reader, struct partition *p, int64_t oldest)
{
    bool restarts = reader->world.config->on_offset_lost == SLUICE_ON_OFFSET_LOST_EARLIEST;
    SLUICE_LOG(SLUICE_LOG_WARN, "records_gone", SLUICE_F_TEXT("topic", p->topic), SLUICE_F_I64("partition", p->id),
               SLUICE_F_I64("offset", p->reader.next_offset), SLUICE_F_I64("oldest", oldest));
    p->reader.waits = true;
    hold(reader, p);
    reader_push_chunk(reader);
    reader_control(reader, LANE_GONE, p, restarts ? oldest : -1);
}

void assignment_lost(struct reader *reader, struct partition *p, const struct sluice_error *error)
{
    struct sluice_error err = *error;
    (void)sluice_error_wrap(&err, "topic \"%s\" partition %" PRId32, p->topic, p->id);
    SLUICE_LOG(SLUICE_LOG_WARN, "kafka", SLUICE_F_ERROR(&err));
    int64_t oldest = ask_oldest(reader, p);
    tell_gone(reader, p, oldest >= 0 ? oldest : 0); /* if that is not there either, it is found out in the same way */
}

/* The lane knows where to begin. The record before that is wanted too, to be compared with what the ledger says of it.
 * Asked for an offset that is not there, librdkafka gives the partition up until the next assignment, so the oldest one
 * is asked for first. */
static void try_start(struct reader *reader, struct partition *p)
{
    int64_t offset = p->reader.start_offset;
    int64_t oldest = -1;
    p->reader.next_offset = offset;
    p->reader.wants_start = false;
    if (offset >= 0) {
        oldest = p->reader.revoked ? -1 : ask_oldest(reader, p);
        if (oldest < 0) { /* asked again: starting without a look could take another topic for the same one */
            p->reader.wants_start = true;
            if (!p->reader.revoked)
                tell_waiting(reader, p);
            return;
        }
        if (oldest > offset) {
            tell_gone(reader, p, oldest);
            return;
        }
        if (p->reader.start_check >= oldest && p->reader.start_check < offset)
            p->reader.next_offset = p->reader.start_check;
    }
    tell_answered(reader, p);
    p->reader.waits = false;
    reader_push_chunk(reader);
    hold(reader, p); /* resuming moves it */
    reader_control(reader, LANE_SEEKED, p, 0);
}

static void on_start(struct reader *reader, struct partition *p, const struct notice *notice)
{
    p->reader.start_offset = notice->offset;
    p->reader.start_check = notice->mark.check.offset;
    p->reader.waits = true;
    try_start(reader, p);
}

void assignment_tend(struct reader *reader)
{
    int64_t now_us = sluice_mono_us();
    for (struct partition *p = reader->partitions, *next = NULL; p != NULL; p = next) {
        struct lane_control *item = NULL;
        struct sluice_ledger_commit commit;
        next = p->reader.next;
        if (p->reader.again_us > 0 && now_us >= p->reader.again_us && !p->reader.revoked)
            assign_again(reader, p);
        else if (p->reader.wants_start && now_us >= reader->ask_after_us)
            try_start(reader, p);
        else if (p->reader.wants_offset && now_us >= p->reader.ask_after_us) {
            if (!ask_commit(reader, p, &commit)) {
                p->reader.ask_after_us = now_us + AGAIN_US;
                continue;
            }
            p->reader.wants_offset = false;
            item = reader_control_new(LANE_OFFSET, p);
            item->commit = commit;
            sluice_queue_push(reader->lane, &item->item.link);
        }
    }
}

/* Different workers wait for different times, so that one of them wins. */
static int64_t contend_us(void)
{
    return AGAIN_US / 4 + (int64_t)(sluice_random_u64() % (AGAIN_US / 2));
}

static void take_durable(struct reader *reader, struct partition *p, const struct notice *notice)
{
    bool is_commit = notice->kind == NOTICE_COMMIT;
    if (notice->offset < 0 || notice->kind == NOTICE_START || notice->kind == NOTICE_FENCED)
        return;
    if (notice->offset != p->reader.committable || is_commit) {
        p->reader.committable = notice->offset;
        p->reader.mark = notice->mark;
        p->reader.has_committable = reader->ledger == NULL || sluice_ledger_kind(reader->ledger) != SLUICE_LEDGER_KAFKA;
        p->reader.wants_confirm = is_commit;
        if (!p->reader.has_committable) /* the ledger's row is the commit */
            atomic_store(&p->status->committed, notice->offset);
    }
}

static void start_leaving(struct reader *reader, struct partition *p)
{
    atomic_store(&p->leaving, true);
    reader_control(reader, LANE_DETACH, p, 0);
}

/* A notice about a partition that the reader has already given up has nothing to say any more. */
static void on_notice(struct reader *reader, struct notice *notice)
{
    struct partition *p = notice->partition;
    if (p->reader.gone) {
        partition_unref(p);
        free(notice);
        return;
    }
    take_durable(reader, p, notice);
    if (notice->kind == NOTICE_STOPPED) {
        assignment_stop(reader, p, &notice->error);
    } else if (notice->kind == NOTICE_START) {
        on_start(reader, p, notice);
    } else if (notice->kind == NOTICE_READ_OFFSET) {
        p->reader.wants_offset = true;
    } else if (notice->kind == NOTICE_DETACHED) {
        p->reader.detached = true;
        if (p->reader.restart && reader->ledger != NULL)
            p->reader.again_us = sluice_mono_us();
    } else if (notice->kind == NOTICE_AGAIN) {
        p->reader.restart = true;
        p->reader.waits = true;
        hold(reader, p);
        reader_push_chunk(reader);
        if (!atomic_load(&p->leaving))
            start_leaving(reader, p);
    } else if (notice->kind == NOTICE_FENCED) {
        p->reader.detached = true;
        p->reader.waits = true;
        p->reader.again_us = sluice_mono_us() + contend_us();
        reader_push_chunk(reader);
        if (!atomic_load(&p->leaving)) /* chunks hold no reference: the item behind the last one does */
            start_leaving(reader, p);
    }
    if (p->reader.detached && p->reader.restart && !p->reader.revoked && reader->ledger == NULL)
        restart_partition(reader, p);
    partition_unref(p);
    free(notice);
}

void assignment_take_notices(struct reader *reader, int64_t timeout_us)
{
    struct sluice_link *link = sluice_queue_pop(reader->world.notices, timeout_us);
    for (; link != NULL; link = sluice_queue_pop(reader->world.notices, 0))
        on_notice(reader, SLUICE_ITEM(link, struct notice, link));
}

static bool revoked_detached(const struct reader *reader)
{
    for (const struct partition *p = reader->partitions; p != NULL; p = p->reader.next) {
        if (p->reader.revoked && !p->reader.detached)
            return false;
    }
    return true;
}

/* Waits until the lane has finished with the leaving partitions, for the drain time at most; then abandons the rest. */
static void wait_detached(struct reader *reader, int64_t limit_us)
{
    int64_t deadline_us = sluice_mono_us() + limit_us;
    for (;;) {
        assignment_take_notices(reader, 0);
        int64_t left_us = deadline_us - sluice_mono_us();
        atomic_store(&reader->world.status->polled_mono_us, sluice_mono_us());
        if (revoked_detached(reader) || left_us <= 0)
            return;
        assignment_take_notices(reader, left_us < turn_us ? left_us : turn_us);
    }
}

static void drop_revoked(struct reader *reader)
{
    for (struct partition *p = reader->partitions, *next = NULL; p != NULL; p = next) {
        next = p->reader.next;
        if (!p->reader.revoked)
            continue;
        if (!p->reader.detached) {
            SLUICE_LOG(SLUICE_LOG_WARN, "partition_abandoned", SLUICE_F_TEXT("topic", p->topic),
                       SLUICE_F_I64("partition", p->id),
                       SLUICE_F_TEXT("then", "rows not yet confirmed are read again by the next owner"));
            reader_control(reader, LANE_ABANDON, p, 0);
        }
        remove_partition(reader, p);
    }
}

void assignment_on_revoked(void *context, const struct sluice_kafka_position *positions, size_t n, bool lost)
{
    struct reader *reader = context;
    reader_push_chunk(reader);
    for (size_t i = 0; i < n; i++) {
        struct partition *p = reader_find(reader, positions[i].topic, positions[i].partition);
        if (p == NULL || p->reader.revoked)
            continue;
        p->reader.revoked = true;
        if (!atomic_load(&p->leaving) && !p->reader.detached) /* else it was about to start anew */
            start_leaving(reader, p);
        SLUICE_LOG(SLUICE_LOG_INFO, "partition_revoked", SLUICE_F_TEXT("topic", p->topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_BOOL("lost", lost));
    }
    if (n > 0)
        SLUICE_POINT("during_rebalance");
    wait_detached(reader, lost ? 0 : reader->world.config->drain_timeout_us);
    if (!lost)
        commits_send_now(reader);
    drop_revoked(reader);
    if (lost)
        atomic_store(&reader->world.status->joined, false);
    sluice_metric_add(sluice_metrics_get(reader->world.metrics, SLUICE_METRIC_REBALANCES), 1);
}

/* The lane drops what is left of each and reports it detached; on_notice() then starts it anew. */
void assignment_restart_stopped(struct reader *reader)
{
    for (struct partition *p = reader->partitions, *next = NULL; p != NULL; p = next) {
        next = p->reader.next;
        if (!p->reader.stopped)
            continue;
        p->reader.restart = true;
        if (p->reader.detached && reader->ledger != NULL)
            p->reader.again_us = sluice_mono_us();
        else if (p->reader.detached)
            restart_partition(reader, p);
        else if (!atomic_load(&p->leaving))
            start_leaving(reader, p);
    }
}
