/* assignment.c - partitions of the reader: assigned, stopped, started anew, given back; see reader.h.
 *
 * A partition leaves in two steps: the lane is told, finishes what is open and reports; then the reader forgets it. On
 * revocation the reader waits for that, up to drain.timeout; what is not finished then is abandoned and read again by
 * the next owner.
 */
#include "pipeline/reader_internal.h"

#include "base/clock.h"
#include "sluice/log.h"

#include <stdlib.h>

/* How long one look at the notices takes while partitions are drained. */
static const int64_t turn_us = 20000;

static void add_partition(struct reader *reader, const struct sluice_kafka_position *position)
{
    struct sluice_error err;
    struct sluice_source_state state = {0};
    struct partition *p = NULL;
    bool known = sluice_source_state_parse(&state, position->metadata);
    if (partition_new(position->topic, position->partition, position->offset, &state, reader->world.status, &p, &err) !=
        SLUICE_OK)
        SLUICE_BUG("no memory for an assigned partition");
    p->reader.next_offset = position->offset;
    p->reader.next = reader->partitions;
    reader->partitions = p;
    reader->n_partitions++;
    reader_control(reader, LANE_ATTACH, p, 0);
    SLUICE_LOG(SLUICE_LOG_INFO, "partition_assigned", SLUICE_F_TEXT("topic", p->topic),
               SLUICE_F_I64("partition", p->id), SLUICE_F_I64("offset", position->offset),
               SLUICE_F_BOOL("source_state", known));
}

void assignment_on_assigned(void *context, const struct sluice_kafka_position *positions, size_t n)
{
    struct reader *reader = context;
    for (size_t i = 0; i < n; i++)
        add_partition(reader, &positions[i]);
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
    sluice_consumer_pause(reader->consumer, &at, 1);
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
    char text[SLUICE_SOURCE_STATE_TEXT];
    sluice_source_state_format(&p->reader.state, text);
    char *topic = p->topic;
    struct sluice_kafka_position at = {topic, p->id, p->reader.committable, text};
    if (at.offset >= 0 && sluice_consumer_seek(reader->consumer, &at, &err) != SLUICE_OK) {
        SLUICE_LOG(SLUICE_LOG_WARN, "restart_failed", SLUICE_F_ERROR(&err), SLUICE_F_TEXT("topic", topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_TEXT("then", "it stays stopped; send SIGHUP again"));
        return;
    }
    add_partition(reader, &at);
    sluice_consumer_resume(reader->consumer, &at, 1);
    remove_partition(reader, p);
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
    if (notice->offset >= 0 && notice->offset != p->reader.committable) {
        p->reader.committable = notice->offset;
        p->reader.state = notice->state;
        p->reader.has_committable = true;
    }
    if (notice->kind == NOTICE_STOPPED)
        assignment_stop(reader, p, &notice->error);
    else if (notice->kind == NOTICE_DETACHED)
        p->reader.detached = true;
    if (p->reader.detached && p->reader.restart && !p->reader.revoked)
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

static void start_leaving(struct reader *reader, struct partition *p)
{
    atomic_store(&p->leaving, true);
    reader_control(reader, LANE_DETACH, p, 0);
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
        if (!atomic_load(&p->leaving)) /* else it was about to start anew */
            start_leaving(reader, p);
        SLUICE_LOG(SLUICE_LOG_INFO, "partition_revoked", SLUICE_F_TEXT("topic", p->topic),
                   SLUICE_F_I64("partition", p->id), SLUICE_F_BOOL("lost", lost));
    }
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
        if (p->reader.detached)
            restart_partition(reader, p);
        else if (!atomic_load(&p->leaving))
            start_leaving(reader, p);
    }
}
