/* settle_detail.h - shared by settle.c (what has to be known), settle_walk.c (what follows from it) and settle_moved.c
 * (values on their way from one half of a key change to the other). */
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
    uint32_t last_row;            /* while the batch is looked through: the first one of its version */
    uint32_t created_in;          /* transaction of its last created row while the batch is looked through */
    uint32_t first_held;          /* not looked at yet */
    struct sluice_version newest; /* of the target; zero: it has none */
    struct image last;            /* the row as it is now */
    struct image replaced;        /* by its last created row, which its transaction may delete before it deletes this */
    struct image moved;           /* the row that was moved away last */
    struct sluice_version moved_at;
    uint32_t first_life;
};

/* A value that was put aside. */
struct aside {
    uint32_t column;
    uint32_t next; /* of the same tie */
    size_t at;     /* in settle->held_bytes */
    size_t len;
};

struct settle {
    const struct sluice_batch *batch;
    const struct sluice_plan *plan;
    const char *source;
    uint32_t *order;       /* rows by version */
    uint32_t *transaction; /* of each row, counted */
    bool *goes_on;         /* of each row: its transaction may have more rows, of later versions, than are here */
    uint32_t *state_of;    /* of each row */
    uint32_t *old_state;   /* of each tie; SETTLE_NONE */
    uint32_t *first_aside; /* of each tie; SETTLE_NONE */
    uint32_t *moved;       /* ties of created halves */
    size_t n_moved;
    uint32_t *column_at; /* columns by their place, as holes tell them */
    bool *wanted;        /* columns */
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
    struct aside *asides;
    size_t n_asides;
    size_t asides_allocated;
    struct sluice_buf put_aside; /* as settle_aside() gives it */
    size_t n_put_aside;
    struct sluice_version truncated;
    bool is_needed;
    bool wants_all;  /* columns */
    bool has_places; /* the target's sorting key holds more than the source's key */
};

/* The column of the i-th hole of a row. */
uint32_t settle_hole(const struct settle *settle, const struct batch_tie *tie, size_t i);
/* The tie of a row, or NULL. */
const struct batch_tie *settle_tie(const struct settle *settle, uint32_t row);
/* The row that a deleted row means, if it is known. */
bool settle_find_before(const struct settle *settle, uint32_t row, struct sluice_str *before);
/* Does the created half of a key change lack values of its deleted half, the i-th row in order? It may not be in the
 * batch, then *half is NULL. */
bool settle_is_lacked(const struct settle *settle, size_t i, const struct batch_tie **half);
/* Puts the values aside that are lacked, from `values`, the row that the deleted half ends. `starts`: room for those of
 * a row. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code settle_put_aside(struct settle *settle, struct sluice_str key,
                                                    struct sluice_version version, const struct batch_tie *half,
                                                    struct sluice_str values, uint32_t *starts,
                                                    struct sluice_error *err);
/* Was every value that the row lacks put aside? And the one of a column. */
bool settle_has_asides(const struct settle *settle, const struct batch_tie *tie);
struct sluice_str settle_find_aside(const struct settle *settle, const struct batch_tie *tie, uint32_t column);
enum sluice_code settle_not_understood(const struct settle *settle, const char *what, struct sluice_error *err);
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

/* The deleted half of a key change stands one version below the created one. */
static inline struct sluice_version settle_below(struct sluice_version version)
{
    version.low--;
    return version;
}

static inline bool settle_same_event(struct sluice_version a, struct sluice_version b)
{
    return a.high == b.high && (a.low | PENDING_MASK) == (b.low | PENDING_MASK);
}

#endif
