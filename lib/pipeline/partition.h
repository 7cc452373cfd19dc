/* partition.h - one assignment of one Kafka partition, from the moment it is ours until its last batch came back.
 *
 * Shared by the reader (assignment, pausing, commits) and the lane (decoding, batches); each field names its owner. It
 * lives until both dropped their reference. A new assignment of the same partition is a new object, so late results of
 * an earlier one can never be mistaken for its own. Private to lib/pipeline.
 */
#ifndef SLUICE_PIPELINE_PARTITION_H
#define SLUICE_PIPELINE_PARTITION_H

#include "kafka/consumer.h"
#include "ledger/machine.h"
#include "pipeline/messages.h"
#include "pipeline/status.h"

#include <stdatomic.h>

struct flight;
struct binding;
struct ranges;
struct schema;
struct letter;
struct job;

/* How a record's key or value named its schema (schemas.h). */
struct partition_encoding {
    bool is_known;
    bool in_header;
    struct schema *schema; /* NULL: it is plain JSON */
};

/* What is known of a partition when it is assigned. */
struct partition_start {
    const char *topic;
    int32_t id;
    int64_t offset;                         /* may be a logical one (negative) */
    struct sluice_ledger_commit commit;     /* the committed offset and what stands beside it */
    struct sluice_kafka_membership *member; /* referenced by the partition; NULL in at-least-once delivery */
};

/* The last transaction that a row of the partition was in, of whatever table: several may share a target, and their
 * rows a batch. */
struct last_transaction {
    bool is_known; /* false where reading starts: the rows before are not known */
    uint64_t id;
    bool has_created;
    bool has_moved;
};

struct partition {
    char *topic;
    int32_t id;
    bool is_replay;                     /* of dead_letters.replay_topic: set by the lane when it is attached */
    struct partition_status *status;    /* referenced; what /status shows */
    struct sluice_ledger_commit commit; /* as of the assignment */
    struct sluice_kafka_membership *member;
    atomic_int n_refs;

    /* Set by the reader, read by the lane: chunks still in the queue are dropped instead of decoded. */
    atomic_bool leaving;

    struct { /* owner: reader */
        bool stopped;
        bool paused;          /* as librdkafka was told last */
        bool revoked;         /* goes back to the group as soon as the lane has finished with it */
        bool restart;         /* starts anew as soon as the lane has finished with it */
        bool detached;        /* the lane has finished with it */
        bool gone;            /* no longer in the reader's list */
        bool has_committable; /* `committable` was not sent to Kafka yet */
        bool wants_confirm;   /* the lane waits for the commit of `committable` */
        bool wants_offset;    /* the lane waits for the group's offset */
        int64_t ask_after_us; /* not before, after a question without an answer */
        int64_t assigned_at;  /* where it was assigned, a logical offset if nothing was committed */
        bool wants_start;     /* the oldest offset has to be known before start_offset can be gone to */
        int64_t start_offset; /* of the last NOTICE_START */
        int64_t start_check;  /* and the record to look at before it; -1: none */
        bool waits;           /* for NOTICE_START; paused until then */
        int64_t again_us;     /* monotonic; assigned again not before this time. 0: not to be */
        int64_t committable;
        int64_t next_offset; /* of the message to take next; negative while it is a logical offset */
        int64_t asked_end;   /* end of the partition as the broker told when it was asked; -1 before */
        struct sluice_ledger_row mark;
        struct partition *next;
    } reader;

    struct {               /* owner: lane */
        int64_t position;  /* next offset to decode; -1 before the first message when it starts at a logical offset */
        int64_t announced; /* last offset given in a NOTICE_COMMITTABLE */
        struct sluice_source_state state; /* after everything below `position` */
        struct sluice_layout layout;      /* of the topic's records */
        struct last_transaction transaction;
        struct flight *flights; /* open and under way, by first offset */
        struct flight *last_flight;
        struct letter *letters; /* not acknowledged, by offset */
        /* Offsets of a range that is read again whose records were dead-lettered; NULL: there are none. */
        const struct sluice_ledger_skip *skip;
        struct binding *bindings;
        struct binding *current;               /* of the last record */
        const struct job *waiting_for;         /* a plan or a schema */
        struct partition_encoding encoding[2]; /* by enum frame_side, of the last record */
        struct sluice_metric *records;
        struct sluice_metric *bytes;
        struct chunk *pending; /* chunks that wait for a plan, oldest first */
        struct chunk **last_pending;
        int64_t end; /* end of the partition behind the pending chunks, 0 if not seen */
        bool stopped;
        bool detaching;
        bool abandoned;
        bool fenced;           /* ends, and is assigned anew */
        bool gone;             /* no longer in the lane's list */
        struct ranges *ranges; /* NULL in at-least-once delivery */
        struct partition *next;
    } lane;
};

/* Takes one reference for the caller; status is created with it. */
SLUICE_MUST_CHECK enum sluice_code partition_new(const struct partition_start *start, struct sluice_status *status,
                                                 struct partition **out, struct sluice_error *err);
struct partition *partition_ref(struct partition *partition);
void partition_unref(struct partition *partition);

#endif
