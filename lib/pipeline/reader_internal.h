/* reader_internal.h - the reader's state, shared by reader.c (loop, pausing), assignment.c (partitions that come, stop,
 * start anew and go), commits.c (offsets), gauges.c (what is shown). Thread: reader, everywhere. */
#ifndef SLUICE_PIPELINE_READER_INTERNAL_H
#define SLUICE_PIPELINE_READER_INTERNAL_H

#include "pipeline/reader.h"

#include <pthread.h>

struct reader {
    struct reader_world world;
    struct sluice_queue *lane;
    const struct sluice_ledger *ledger; /* NULL in at-least-once delivery */
    struct sluice_consumer *consumer;
    struct partition *partitions;
    size_t n_partitions;
    struct chunk *chunk; /* being filled */
    struct partition *last;
    size_t raw_limit;
    bool raw_paused;               /* more messages wait for the lane than should */
    bool paused;                   /* that, or at the memory limit */
    size_t n_commits_open;         /* partitions whose commit has no answer yet */
    int64_t committed_us;          /* when it was sent */
    int64_t commit_after_us;       /* not before, after a refusal */
    int64_t ask_after_us;          /* questions to a broker that did not answer one: not before */
    struct sluice_error no_answer; /* why it did not */
    size_t n_asked;                /* turns about asking for the end of a partition that is not fetched */
    int64_t gauges_us;
    atomic_bool stop;
    atomic_bool restart;
    atomic_bool failed;
    struct sluice_error failure; /* written before `failed` */
    pthread_t thread;
};

/* reader.c */
struct sluice_kafka_position reader_position(const struct partition *p, int64_t offset, const char *metadata);
/* NULL if it is not ours. */
struct partition *reader_find(struct reader *reader, const char *topic, int32_t id);
/* A control item for the lane, or one that is sent at once. */
struct lane_control *reader_control_new(enum lane_item_kind kind, struct partition *p);
void reader_control(struct reader *reader, enum lane_item_kind kind, struct partition *p, int64_t offset);
/* The worker can't go on, for the reason told. */
void reader_fail(struct reader *reader, const struct sluice_error *err);
/* Hands the chunk that is being filled to the lane. */
void reader_push_chunk(struct reader *reader);

/* assignment.c: the consumer's handlers, and the life of a partition in the reader */
void assignment_on_assigned(void *context, const struct sluice_kafka_position *positions, size_t n);
void assignment_on_revoked(void *context, const struct sluice_kafka_position *positions, size_t n, bool lost);
void assignment_take_notices(struct reader *reader, int64_t timeout_us);
/* The partition can't go on, for a reason that the reader found. */
void assignment_stop(struct reader *reader, struct partition *p, const struct sluice_error *error);
/* The broker does not have the records that a partition should go on with. */
void assignment_lost(struct reader *reader, struct partition *p, const struct sluice_error *error);
/* Does what partitions wait for: the group's offset read again, another assignment. */
void assignment_tend(struct reader *reader);
/* Starts stopped partitions again, each as soon as the lane let it go. */
void assignment_restart_stopped(struct reader *reader);

/* commits.c */
/* The text beside a committed offset of `next`. */
void commits_text(const struct reader *reader, const struct sluice_ledger_row *mark, char text[SLUICE_LEDGER_TEXT]);
void commits_on_committed(void *context, const struct sluice_kafka_position *position, const char *error_text);
/* Sends what became durable, unless an answer is still due. */
void commits_send(struct reader *reader);
/* The same, waiting for the answer. */
void commits_send_now(struct reader *reader);

/* gauges.c: once a second */
void gauges_set(struct reader *reader);

#endif
