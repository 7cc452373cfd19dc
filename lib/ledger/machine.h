/* machine.h - what the owner of one partition does next: a pure function of its state and one event.
 *
 * No I/O, no clock, no allocation, no randomness of its own: whoever drives it (lib/pipeline, or a property test with a
 * simulated world) carries out the one action that each event yields and reports the outcome as the next event. Between
 * the two at most one action is under way. The rules are those of docs/delivery.md:
 *
 *   - a range of offsets is written to the ledger before the first of its rows is sent, and its rows go under a token
 *     that names the range, the attempt and `resets`;
 *   - only the first answer to a token that nobody sent before proves that rows are stored. After anything else the
 * rows are sent again under the same token until that is acknowledged, which makes sure that no earlier request under
 * it can still store anything; then the target is asked which rows it holds, and the missing ones go under a new
 *     attempt, written first;
 *   - every write is a compare-and-set on (epoch, owner, seq); a row that reads as somebody else's ends the assignment.
 *
 * Thread: any, one at a time.
 */
#ifndef SLUICE_LEDGER_MACHINE_H
#define SLUICE_LEDGER_MACHINE_H

#include "ledger/row.h"

/* X(symbol, label). Where a partition stands, as metrics and `sluice ledger show` name it. */
#define SLUICE_LEDGER_STATES(X)                                                                                        \
    X(SLUICE_LEDGER_STARTING, "starting")                                                                              \
    X(SLUICE_LEDGER_REPLAYING, "replaying")                                                                            \
    X(SLUICE_LEDGER_RUNNING, "running")                                                                                \
    X(SLUICE_LEDGER_CONTENDED, "contended")                   /* somebody else took the row */                         \
    X(SLUICE_LEDGER_LOST, "ledger_lost")                      /* Kafka has our mark, the ledger no row */              \
    X(SLUICE_LEDGER_BEHIND, "ledger_behind")                  /* Kafka has a mark of a later write than the ledger */  \
    X(SLUICE_LEDGER_OTHER, "other_ledger")                    /* the mark names another ledger */                      \
    X(SLUICE_LEDGER_OFFSET_LOST, "offset_out_of_range")       /* the records at `next` are gone */                     \
    X(SLUICE_LEDGER_TOPIC_ANEW, "topic_made_anew")            /* the record before `next` is another one */            \
    X(SLUICE_LEDGER_NOT_REBUILDABLE, "range_not_rebuildable") /* records of the open range are gone */                 \
    X(SLUICE_LEDGER_DAMAGED, "row_damaged")                   /* the row is not what a worker writes */                \
    X(SLUICE_LEDGER_ENDED, "ended")

enum sluice_ledger_state {
#define SLUICE_LEDGER_STATE_ENUM(symbol, label) symbol,
    SLUICE_LEDGER_STATES(SLUICE_LEDGER_STATE_ENUM)
#undef SLUICE_LEDGER_STATE_ENUM
        SLUICE_N_LEDGER_STATES
};
const char *sluice_ledger_state_label(enum sluice_ledger_state state);
/* What an operator does about a state that needs one; "" for the others. */
const char *sluice_ledger_state_remedy(enum sluice_ledger_state state);

/* The offset the group has committed, as read when the partition was assigned. */
struct sluice_ledger_commit {
    int64_t offset; /* negative: none */
    enum sluice_ledger_text_kind text;
    bool is_other;                /* text is a row of another ledger than ours */
    struct sluice_ledger_row row; /* what its text says */
};

/* Why records can't be had. */
enum sluice_ledger_loss {
    SLUICE_LEDGER_OUT_OF_RANGE, /* the broker does not have the offset */
    SLUICE_LEDGER_OTHER_RECORD  /* the record at row.check.offset is not the one that was read */
};

enum sluice_ledger_event_kind {
    SLUICE_LEDGER_ASSIGNED,    /* the first one: commit, owner, resets */
    SLUICE_LEDGER_ROW_READ,    /* answer to READ and WRITE: exists, is_damaged, row. After a WRITE it was read behind
                                  the write */
    SLUICE_LEDGER_OFFSET_READ, /* answer to READ_OFFSET: commit */
    SLUICE_LEDGER_COMMITTED,   /* answer to COMMIT: Kafka confirmed it */
    SLUICE_LEDGER_REBUILT,     /* answer to REBUILD: has_rows, source, check; and as RECORDS_GONE, with
                                  loss OTHER_RECORD, in case that the range turns out to be another one */
    SLUICE_LEDGER_BATCH, /* lo, hi (lo - 1 if it is empty), has_rows, source, check, skip; answer to DONE, or when the
                            machine rests */
    SLUICE_LEDGER_REST,  /* answer to DONE, instead of a BATCH: there is nothing more for now */
    SLUICE_LEDGER_INSERTED, /* answer to INSERT: every insert was acknowledged */
    SLUICE_LEDGER_BAD_ROWS, /* answer to INSERT: the server refused rows, whose dead letters are acknowledged; they are
                               left out from now on: skip, of the whole range */
    SLUICE_LEDGER_INSERT_FAILED, /* answer to INSERT: one was not, and it is time to try again: was_sent */
    SLUICE_LEDGER_LOOKED_UP,     /* answer to LOOKUP: n_missing */
    SLUICE_LEDGER_RECORDS_GONE,  /* answer to REBUILD, or when the machine rests: loss, restart_at, resets */
    SLUICE_LEDGER_LEAVE          /* the partition is not ours any more; every later event is ignored */
};

struct sluice_ledger_event {
    enum sluice_ledger_event_kind kind;
    struct sluice_ledger_commit commit;
    uint64_t owner;  /* random, new for each assignment */
    uint64_t resets; /* random, new for each event that carries it */
    bool exists;
    bool is_damaged; /* what is there can't be read: row says nothing */
    struct sluice_ledger_row row;
    int64_t lo; /* first offset of the batch; counts only while row.next is not known, it is row.next otherwise */
    int64_t hi;
    bool has_rows;
    bool was_sent; /* false: surely nothing left this process, e.g. because the row was confirmed too long ago */
    struct sluice_source_state source; /* after the batch */
    struct sluice_ledger_check check;  /* last record of the batch, or before it if it has none */
    struct sluice_ledger_skip skip;    /* of the batch: its dead letters, all acknowledged */
    size_t n_missing;
    enum sluice_ledger_loss loss;
    int64_t restart_at; /* option on_offset_lost: earliest: the offset to go on from; negative: stop */
};

enum sluice_ledger_action_kind {
    SLUICE_LEDGER_WAIT,        /* nothing to do until the next event */
    SLUICE_LEDGER_READ,        /* read the row; yields ROW_READ */
    SLUICE_LEDGER_WRITE,       /* if the row is still `expected` (does not exist, if !expected_exists) make it `wanted`;
                                  then read it; yields ROW_READ, however the write went */
    SLUICE_LEDGER_READ_OFFSET, /* read the group's committed offset again; yields OFFSET_READ */
    SLUICE_LEDGER_COMMIT,      /* commit machine->row.next with machine->row as its mark; repeat until confirmed */
    SLUICE_LEDGER_START,       /* consume from machine->row.next on (negative: from the group's starting point), source
                                  state machine->row.source, looking at machine->row.check; batches may come */
    SLUICE_LEDGER_REBUILD,     /* consume exactly machine->row.next .. machine->row.hi again */
    SLUICE_LEDGER_LOOKUP,      /* leave out of the batch the rows that the targets hold already */
    SLUICE_LEDGER_INSERT,      /* send what is left of the batch, under machine->row.attempt */
    SLUICE_LEDGER_DONE,        /* machine->row.next is durable: commit it if the ledger wants commits; give the next
                                  BATCH or REST. After a REBUILD consumption goes on behind it */
    SLUICE_LEDGER_ASSIGN_AGAIN, /* fenced: forget everything of the partition; if it is still ours, read the group's
                                   offset again and start a new machine after a while */
    SLUICE_LEDGER_STOP          /* machine->state says why; a person has to act */
};

struct sluice_ledger_action {
    enum sluice_ledger_action_kind kind;
    bool expected_exists;
    struct sluice_ledger_row expected;
    struct sluice_ledger_row wanted;
};

/* What the last decision at the start was, for the log. */
enum sluice_ledger_start {
    SLUICE_LEDGER_FROM_ROW,    /* the ledger's row */
    SLUICE_LEDGER_FROM_COMMIT, /* the commit of the owner before us, which is ahead of the row */
    SLUICE_LEDGER_FROM_RESET,  /* an operator moved the group's offset */
    SLUICE_LEDGER_FROM_NOTHING /* neither a row nor an offset */
};

enum sluice_ledger_step { /* private to machine.c */
                          STEP_NEW,
                          STEP_READING,
                          STEP_READING_OFFSET,
                          STEP_ACQUIRING,
                          STEP_COMMITTING,
                          STEP_REBUILDING,
                          STEP_RESTING,
                          STEP_OPENING,
                          STEP_INSERTING,
                          STEP_CONFIRMING,
                          STEP_SETTLING,
                          STEP_SKIPPING,
                          STEP_LOOKING,
                          STEP_DONE,
                          STEP_CLOSING,
                          STEP_OVER
};

struct sluice_ledger_machine {
    bool commits_apart; /* true: the ledger is not Kafka's, so Kafka gets commits beside it */
    enum sluice_ledger_state state;
    enum sluice_ledger_start start;
    struct sluice_ledger_row row;     /* as confirmed last, with `next` and what belongs to it as known since */
    struct sluice_ledger_row written; /* as it stands in the ledger: what the next write expects */
    bool exists;
    bool may_be_stored;   /* the start gave up an open range: its rows may be stored */
    int64_t gave_up_hi;   /* its last offset; -1: there was none */
    int64_t gave_up_next; /* below it everything was stored before the start went elsewhere */

    enum sluice_ledger_step step; /* the rest is private to machine.c */
    struct sluice_ledger_commit commit;
    uint64_t owner;
    uint64_t resets;
    struct sluice_ledger_action writing;
    bool commit_before_start;
    bool token_was_sent; /* somebody may have sent something under the token of this attempt */
    bool token_is_used;  /* and a later request under it was acknowledged: nothing under it can still be stored */
    bool is_unsettled;   /* rows were acknowledged since the row was found ours last */
    struct sluice_source_state source_after;
    struct sluice_ledger_check check_after;
};

/* True while it takes a BATCH, RECORDS_GONE or LEAVE and waits for nothing else. */
bool sluice_ledger_machine_rests(const struct sluice_ledger_machine *machine);
void sluice_ledger_machine_init(struct sluice_ledger_machine *machine, bool commits_apart);
void sluice_ledger_machine_step(struct sluice_ledger_machine *machine, const struct sluice_ledger_event *event,
                                struct sluice_ledger_action *action);

#endif
