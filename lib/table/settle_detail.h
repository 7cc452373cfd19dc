/* settle_detail.h - shared by settle.c (what has to be known) and settle_walk.c (what follows from it). */
#ifndef SLUICE_TABLE_SETTLE_DETAIL_H
#define SLUICE_TABLE_SETTLE_DETAIL_H

#include "table/batch_detail.h"
#include "table/settle.h"

#define SETTLE_NONE UINT32_MAX

/* A row that was there at some point: of the target, or one that was already put out. */
struct image {
    bool is_known;
    bool is_held; /* of the target */
    bool is_deleted;
    uint32_t at; /* index of the held row, or row of the new batch */
    struct sluice_version version;
};

/* A row that lives, in a table where a key may live in several places. */
struct life {
    struct image image;
    uint32_t next;
};

/* A row of the target. */
struct held {
    size_t at; /* in settle->held_bytes */
    size_t len;
    struct sluice_version version;
    bool is_deleted;
    uint32_t next; /* of the same key, ascending by version */
};

/* One key of the source. */
struct key_state {
    struct sluice_str key;
    uint32_t ask; /* its number; SETTLE_NONE */
    struct sluice_version bound;
    bool has_rows;        /* in this batch */
    uint32_t created_in;  /* transaction of its last created row while the batch is looked through */
    uint32_t first_held;  /* not looked at yet */
    struct image last;    /* the row as it is now */
    uint32_t transaction; /* of `last` */
    uint32_t first_life;
};

struct settle {
    const struct sluice_batch *batch;
    const struct sluice_plan *plan;
    uint32_t *order;       /* rows by version */
    uint32_t *transaction; /* of each row, counted */
    uint32_t *state_of;    /* of each row */
    uint32_t *old_state;   /* of each tie; SETTLE_NONE */
    bool *wanted;          /* columns */
    size_t n_rows;
    struct key_state *states;
    size_t n_states;
    size_t states_allocated;
    uint32_t *slots; /* hash table of states; SETTLE_NONE: free */
    size_t n_slots;
    uint64_t seed;
    struct sluice_arena keys;
    uint32_t *asks; /* states */
    size_t n_asks;
    size_t asks_allocated;
    struct held *held;
    size_t n_held;
    size_t held_allocated;
    struct sluice_buf held_bytes; /* rows of the plan; columns that are not wanted are empty */
    struct life *lives;
    size_t n_lives;
    size_t lives_allocated;
    bool is_needed;
    bool wants_all;  /* columns */
    bool has_places; /* the target's sorting key holds more than the source's key */
};

/* The tie of a row, or NULL. */
const struct batch_tie *settle_tie(const struct settle *settle, uint32_t row);
/* Room for one more element; *array may move. */
SLUICE_MUST_CHECK enum sluice_code settle_grow(void **array, size_t n, size_t *n_allocated, size_t size,
                                               struct sluice_error *err);

static inline bool settle_is_above(struct sluice_version a, struct sluice_version b)
{
    return a.high != b.high ? a.high > b.high : a.low > b.low;
}

static inline struct sluice_version settle_with_pending(struct sluice_version version, unsigned n_pending)
{
    version.low = (version.low & ~(uint64_t)PENDING_MASK) | (uint64_t)n_pending << PENDING_SHIFT;
    return version;
}

static inline bool settle_same_event(struct sluice_version a, struct sluice_version b)
{
    return a.high == b.high && (a.low | PENDING_MASK) == (b.low | PENDING_MASK);
}

#endif
