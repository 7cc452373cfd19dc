/* messages.h - what the threads of a worker send each other. Private to lib/pipeline.
 *
 *   reader  --(chunk, attach, end, detach, ..)-->  lane  --(job)-->  sender
 *   reader  <--(notice)--                          lane  <--(job)--  sender
 *
 * Each item is owned by the thread that holds it; pushing it hands it over. Queues are unbounded lists: what bounds
 * them is the memory budget, which is charged for every message before it is pushed.
 */
#ifndef SLUICE_PIPELINE_MESSAGES_H
#define SLUICE_PIPELINE_MESSAGES_H

#include "base/error.h"
#include "base/queue.h"
#include "ledger/machine.h"

#include <librdkafka/rdkafka.h>

struct partition;

enum lane_item_kind {
    LANE_CHUNK,     /* messages of one partition, in order */
    LANE_ATTACH,    /* a partition is ours; its chunks follow */
    LANE_END,       /* everything below `offset` was pushed, what is missing there are no messages */
    LANE_DETACH,    /* no more chunks; send what is open, then report NOTICE_DETACHED */
    LANE_ABANDON,   /* nobody waits for this partition any more; forget it without a report */
    LANE_SEEKED,    /* messages from the offset of NOTICE_START on follow */
    LANE_OFFSET,    /* answer to NOTICE_READ_OFFSET: `commit` */
    LANE_COMMITTED, /* the commit that NOTICE_COMMIT asked for was confirmed */
    LANE_GONE,      /* the broker does not have the records to go on from; `offset`: where to begin instead, or -1 */
    LANE_JOB,       /* a job came back from a sender */
    LANE_LIMITS,    /* new batch limits */
    LANE_STOP       /* the last item: end the thread */
};

struct lane_item {
    struct sluice_link link;
    enum lane_item_kind kind;
};

/* Rarely sent; allocated by the reader, freed by the lane. */
struct lane_control {
    struct lane_item item;
    struct partition *partition;        /* referenced */
    int64_t offset;                     /* LANE_END, LANE_GONE */
    struct sluice_ledger_commit commit; /* LANE_OFFSET */
};

struct lane_limits {
    size_t max_rows;
    size_t max_bytes;
    int64_t max_age_us;
    bool collapse;
};

struct lane_limits_item {
    struct lane_item item;
    struct lane_limits limits;
};

enum { CHUNK_MESSAGES = 512 };

struct chunk {
    struct lane_item item;
    struct partition *partition;
    struct chunk *next; /* in the partition's list of chunks that wait for a table plan */
    size_t n_messages;
    size_t n_done;
    rd_kafka_message_t *messages[CHUNK_MESSAGES];
};

/* What one message counts against the budget: payload, key, and librdkafka's own bookkeeping around it. */
enum { MESSAGE_OVERHEAD = 320 };
static inline size_t message_cost(const rd_kafka_message_t *message)
{
    return message->len + message->key_len + MESSAGE_OVERHEAD;
}

enum notice_kind {
    NOTICE_COMMITTABLE, /* everything below `offset` is durable; `mark` goes with the commit */
    NOTICE_COMMIT,      /* the same, and LANE_COMMITTED is waited for */
    NOTICE_READ_OFFSET, /* LANE_OFFSET is waited for: the group's offset as it stands now */
    NOTICE_START,       /* messages from `offset` on are wanted, and the one of mark.check before it (exactly once) */
    NOTICE_STOPPED,     /* the lane takes nothing more of this partition; `error` says why */
    NOTICE_AGAIN,       /* the lane takes nothing more of this assignment; it is to start anew where it is durable */
    NOTICE_FENCED,  /* another worker owns its ledger row; if it is still ours here, assign it again after a while */
    NOTICE_DETACHED /* nothing of this partition is left; `offset` and `mark` as for COMMITTABLE */
};

struct notice {
    struct sluice_link link;
    enum notice_kind kind;
    struct partition *partition;   /* referenced: the reader may have given the partition up meanwhile */
    int64_t offset;                /* negative: none */
    struct sluice_ledger_row mark; /* at-least-once delivery uses its source only */
    struct sluice_error error;
};

#endif
