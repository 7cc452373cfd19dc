/* ranges_internal.h - shared by ranges.c (records become ranges; a partition's life), ranges_machine.c (what the
 * ledger's machine wants done) and ranges_results.c (what became of it). Thread: lane, everywhere. */
#ifndef SLUICE_PIPELINE_RANGES_INTERNAL_H
#define SLUICE_PIPELINE_RANGES_INTERNAL_H

#include "pipeline/ranges.h"

/* All offsets from lo to hi: what one entry of the ledger stands for. */
struct range {
    struct job wake; /* back-off of the whole range */
    struct partition *partition;
    int64_t lo;
    int64_t hi;
    struct sluice_source_state after;
    struct sluice_ledger_check check;
    struct sluice_ledger_skip skip;
    enum job_kind kind; /* of the jobs under way */
    size_t n_out;
    size_t n_missing; /* by the last look-up */
    size_t n_rows;    /* of a replay, and how many of them were stored already */
    size_t n_stored;
    bool failed;
    bool waits; /* for a row of another partition */
    bool late;
    bool refused; /* and nothing that we can do will change that */
    bool is_replay;
    bool is_probed; /* rows were taken out; their letters are on the way, and the ledger does not know yet */
    int64_t began_us;
    struct range *next;
};

struct ranges {
    struct sluice_ledger_machine machine;
    struct ledger_job call;
    bool calling;
    struct range *first; /* sealed, in order */
    struct range **last;
    bool under_way; /* `first` is with the machine */
    bool is_full;   /* what is open has reached batch.max_rows */
    bool gone;      /* the records to go on from are not there; nothing is taken until the machine decided */
    bool seeking;   /* what arrives was read before the reader moved to where to start */
    enum sluice_ledger_loss loss;
    int64_t restart_at;
    int64_t lo;         /* first offset that belongs to no range yet; -1: not known */
    int64_t since_us;   /* when something behind `lo` was seen first; 0: nothing is there */
    int64_t rebuild_hi; /* the range up to it is being read again; -1: none */
    int64_t short_us;   /* since when the partition ends inside of it; 0: it does not */
    int64_t confirmed_us;
    struct sluice_ledger_skip skip; /* from `lo` on */
    rd_kafka_message_t *kept;       /* the last one taken */
    struct sluice_ledger_check check;
};

/* The machine has ended the assignment. */
static inline bool ranges_over(const struct ranges *r)
{
    return r->machine.state >= SLUICE_LEDGER_CONTENDED;
}

/* Where to begin when the topic holds other records than it did: its beginning, or nowhere (-1). */
static inline int64_t ranges_restart_at(const struct lane *lane)
{
    return lane->world.config->on_offset_lost == SLUICE_ON_OFFSET_LOST_EARLIEST ? 0 : -1;
}

/* ranges.c */
/* From now on the range up to `hi` is read again; -1: none is. */
void ranges_set_rebuild(struct partition *p, int64_t hi);
/* Makes one range of everything that was read since the last one, up to `hi`. */
struct range *ranges_seal(struct lane *lane, struct partition *p, int64_t hi);
void ranges_free_flights(struct lane *lane, struct partition *p, const struct range *range);
void ranges_drop_open(struct lane *lane, struct partition *p);
/* Forgets ranges whose flights are all here. */
void ranges_drop_sealed(struct lane *lane, struct partition *p);
void ranges_release_kept(struct lane *lane, struct ranges *r);

/* ranges_results.c */
/* Once the letters of a probed range are acknowledged: it goes on without their rows. */
void ranges_leave_out(struct lane *lane, struct partition *p, struct range *range);

/* ranges_machine.c */
void ranges_feed(struct lane *lane, struct partition *p, const struct sluice_ledger_event *event);
/* Tells the machine about the range, as a new one or as the one that was to be rebuilt. */
void ranges_give(struct lane *lane, struct partition *p, struct range *range, enum sluice_ledger_event_kind kind);
/* The machine waits for a batch, or for the word that there is none. */
void ranges_give_next(struct lane *lane, struct partition *p);
void ranges_give_if_resting(struct lane *lane, struct partition *p);
/* The first offset has become known, and nothing remembers it yet. */
bool ranges_must_begin(const struct ranges *r);
/* What was read is old enough to be sealed, or nothing will be added. */
bool ranges_due(const struct lane *lane, const struct partition *p, int64_t now_us);
/* Sends what is not known to be stored, as JOB_INSERT or JOB_LOOKUP. */
void ranges_send(struct lane *lane, struct partition *p, enum job_kind kind);

#endif
