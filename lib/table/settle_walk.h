/* settle_walk.h - the walk over the rows of a batch, shared by settle_walk.c (one row after the other), settle_places.c
 * (where a key may live in several places) and settle_sharing.c (several rows with one key). */
#ifndef SLUICE_TABLE_SETTLE_WALK_H
#define SLUICE_TABLE_SETTLE_WALK_H

#include "table/settle_detail.h"

enum { WALK_ROW_MAX_BYTES = 512 << 20 };

struct walk {
    struct settle *settle;
    const struct sluice_plan *plan;
    struct sluice_batch *out;
    struct settle_counts *counts;
    struct sluice_buf row; /* the row being made */
    uint32_t *starts;      /* of the row's columns, and of the one it takes values from */
    uint32_t *source_starts;
    bool wait_over;
    struct sluice_error *err;
};

/* The row of the batch that is looked at. */
struct looked_at {
    size_t at; /* in settle->order */
    uint32_t row;
    struct sluice_str bytes;
    struct sluice_version version;
    uint8_t marks;
    const struct batch_tie *tie;
    struct key_state *state;
};

/* Which row of its key a deleted row means. */
enum meant {
    MEANT_UNTOLD,
    MEANT_LAST,
    MEANT_OLDER /* one that a created row of the transaction has replaced; `last` lives on */
};

static inline struct sluice_str walk_bytes(const struct walk *walk, struct image image)
{
    if (!image.is_held)
        return batch_bytes(walk->out, image.at);
    const struct held *held = &walk->settle->held[image.at];
    return (struct sluice_str){walk->settle->held_bytes.ptr + held->at, held->len};
}

static inline struct image walk_held(const struct walk *walk, uint32_t index)
{
    const struct held *held = &walk->settle->held[index];
    return (struct image){
        .is_known = true, .is_held = true, .is_deleted = held->is_deleted, .at = index, .version = held->version};
}

/* The row just put out. */
static inline struct image walk_newest(const struct walk *walk)
{
    const uint32_t row = (uint32_t)(walk->out->n_rows - 1);
    const struct sluice_str bytes = batch_bytes(walk->out, row);
    return (struct image){
        .is_known = true, .is_deleted = bytes.ptr[bytes.len - 1] != 0, .at = row, .version = batch_version(bytes)};
}

static inline void walk_set_tail(struct sluice_buf *row, struct sluice_version version, bool deleted)
{
    unsigned char *at = (unsigned char *)row->ptr + row->len - PLAN_DELETED_BYTES - PLAN_VERSION_BYTES;
    convert_put_64(at, version.low);
    convert_put_64(at + 8, version.high);
    at[PLAN_VERSION_BYTES] = deleted;
}

static inline struct sluice_str walk_tail(struct sluice_str row, const uint32_t *starts, size_t n_columns)
{
    return (struct sluice_str){row.ptr + starts[n_columns], row.len - starts[n_columns]};
}

static inline enum sluice_code walk_put(struct walk *walk)
{
    return batch_put(walk->out, sluice_buf_str(&walk->row), 0, walk->err);
}

/* --- places: tables where a key may live under several sorting keys */

/* May use walk->starts and walk->source_starts, as all of these. */
bool walk_same_place(const struct walk *walk, struct sluice_str a, struct sluice_str b);
/* Every life of the key ends with `mover`, except in the mover's own place if it lives. */
SLUICE_MUST_CHECK enum sluice_code walk_end_lives(struct walk *walk, struct key_state *state, struct image mover,
                                                  struct sluice_str mover_bytes);
SLUICE_MUST_CHECK enum sluice_code walk_begin_life(struct walk *walk, struct key_state *state, struct image image);
/* A deleted row of the target: nothing lives in its place any more. */
void walk_forget_place(struct walk *walk, struct key_state *state, struct image image);

/* --- several rows with one key, within a transaction */

/* Was it stored by an earlier attempt, or sent again by the connector? */
bool walk_is_again(const struct looked_at *x, struct image image);
/* The row under the key when this one comes, or this one itself. */
struct image walk_row_before(const struct walk *walk, const struct looked_at *x);
/* Rows of this key that its transaction has replaced and not deleted yet, when the row comes: as the bits of a version
 * tell it (settle.h). */
unsigned walk_pending_before(const struct walk *walk, const struct looked_at *x);
/* The same, once a created row is there too: does it replace one that its transaction deletes later? Above PENDING_MAX:
 * too many. */
unsigned walk_pending_after_create(const struct walk *walk, const struct looked_at *x);
bool walk_is_full(const struct walk *walk); /* REPLICA IDENTITY FULL: deleted rows are known */
bool walk_has_values(const struct walk *walk, struct image image);
enum meant walk_meant(const struct walk *walk, const struct looked_at *x, struct image last);
enum sluice_code walk_too_many(const struct walk *walk);
/* `what`: the transaction does to them. */
enum sluice_code walk_not_followed(const struct walk *walk, const char *what);

#endif
