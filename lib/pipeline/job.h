/* job.h - work that a lane gives to a sender, and gets back with its result. Private to lib/pipeline.
 *
 * A job is one attempt. Whether and when it is tried again is the lane's decision, so a sender never sleeps and one bad
 * table can't hold the others up. The job is part of the object it works on; while it is out, the sender owns that
 * object, apart from what is immutable.
 */
#ifndef SLUICE_PIPELINE_JOB_H
#define SLUICE_PIPELINE_JOB_H

#include "base/backoff.h"
#include "clickhouse/bad_rows.h"
#include "clickhouse/errors.h"
#include "kafka/letters.h"
#include "ledger/ledger.h"
#include "pipeline/messages.h"
#include "table/batch.h"

enum job_kind {
    JOB_INSERT,   /* struct flight, to a sender */
    JOB_LOOKUP,   /* struct flight, to a sender: which of its rows does the target hold? */
    JOB_PROBE,    /* struct flight, to a sender: which of its rows does the server refuse? They are taken out */
    JOB_PLAN,     /* struct variant, to a sender */
    JOB_SCHEMA,   /* struct schema, to a sender */
    JOB_TRUNCATE, /* struct truncation, to a sender */
    JOB_LEDGER,   /* struct ledger_job, to the bookkeeper */
    JOB_LETTER,   /* struct letter, to the postman */
    JOB_WAKE      /* struct range: goes to nobody, only waits for its time */
};

struct job {
    struct lane_item item;
    enum job_kind kind;
    enum sluice_code code; /* result of the attempt */
    struct sluice_error error;
    enum sluice_ch_advice advice; /* of a failed insert */
    int64_t took_us;
    unsigned n_attempts;
    struct sluice_backoff backoff;
    int64_t due_us; /* monotonic; not before this time */
    struct job *next_delayed;
};

/* A call of the ledger about one partition. */
struct ledger_job {
    struct job job;
    struct partition *partition;
    struct sluice_ledger_call call;
    int64_t asked_us; /* monotonic; the answer is from after this time */
};

/* A refused record on its way to the dead-letter topic. Nothing from its offset on counts as durable before it is
 * there.
 */
struct letter {
    struct job job;
    struct partition *partition; /* referenced */
    int64_t offset;
    struct sluice_source_state before; /* the source state before its record */
    enum sluice_code reason;
    struct sluice_letter content; /* owns what it points to */
    size_t n_charged;
    bool wants_record; /* the postman reads its record, of which the row alone is left */
    bool keeps_record; /* and takes key, value and headers */
    bool is_out;       /* the postman's */
    bool is_dropped;   /* its partition has gone on without it */
    struct letter *next;
};

enum { TOKEN_SIZE = 640 };

/* Rows of one table from one partition, from the first appended row until ClickHouse confirmed them. */
struct flight {
    struct job job;
    struct partition *partition;
    struct binding *binding;
    struct sluice_batch *batch;
    bool is_open; /* still taking rows */
    bool is_sealed;
    uint64_t run_id; /* of this process */
    uint64_t number; /* counts the batches of this process; part of the insert's query id and token */
    bool is_dropped; /* a failed insert: the rows are given up, their offsets must not be committed */
    bool collapse;
    bool is_held_back;      /* not at a sender: it depends on rows that earlier flights hold */
    bool is_settled;        /* its rows depend on nothing any more */
    bool waits;             /* the attempt ended because a row of another partition is not stored yet */
    int64_t waits_since_us; /* monotonic; since its first attempt that ended so, 0: none did */
    bool moves_values;      /* later rows of its target have to wait for it, see sluice_batch_moves_values() */
    size_t n_put_aside;     /* values that the last attempt has put aside */
    uint32_t crc_put_aside;
    int64_t first; /* offsets of its first and last row */
    int64_t last;
    struct sluice_source_state before; /* the source state before `first` */
    int64_t opened_us;
    int64_t oldest_commit_us; /* oldest commit time of its streamed rows, 0 if none */
    uint64_t highest_lsn;
    size_t n_changes; /* rows it took, once it is sent */
    size_t n_charged; /* bytes this flight holds of the budget */
    /* Exactly-once delivery only; see ranges.h. */
    struct range *range;    /* NULL while it is open */
    char *token;            /* NULL: a token of its own for every attempt */
    int64_t send_before_us; /* monotonic; a sender that comes later sends nothing and says so in is_late */
    bool is_late;
    bool is_stored;  /* proved: nothing is left to do for it */
    bool is_counted; /* its rows are in the metrics, which don't count what is sent once more */
    /* Where bad records become dead letters: the offsets of its rows in order of arrival, counted from `first`. NULL,
     * or fewer than rows: they are not known. */
    uint32_t *places;
    size_t n_places;
    size_t places_allocated;
    bool is_replaced;              /* its batch is another one, with rows that were added */
    struct sluice_ch_bad_row *bad; /* result of JOB_PROBE */
    size_t n_bad;
    bool is_looked_up; /* of replayed records: what is stored already was left out */
    size_t n_asked;    /* result of JOB_LOOKUP: rows asked about, and those that the target does not hold */
    size_t n_missing;
    /* Of a table whose TRUNCATEs are applied; see truncate.h. */
    bool looked_for_truncate;
    bool may_be_sent;                    /* by a former owner, with rows that were not marked */
    struct sluice_version deleted_below; /* rows of older versions were sent as deleted */
    struct flight *prev;
    struct flight *next;
};

#endif
