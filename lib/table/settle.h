/* settle.h - makes the rows of a batch independent of earlier ones. Why and when: docs/events.md, "Rows that depend on
 * earlier rows".
 *
 * First settle_new() finds out what has to be known of which keys; then the caller asks the target (settle_ask(),
 * settle_wants()) and what was put aside (settle_moved()), and hands the answers over; then settle_finish() makes a new
 * batch in which every row stands for itself, and tells what has to be put aside before that is stored
 * (settle_aside()). No I/O in here. Rows are looked at in the order of their versions, a key at a time.
 * Owner: sender. Memory: about 100 bytes for each row and key of the batch, and the answers.
 */
#ifndef SLUICE_TABLE_SETTLE_H
#define SLUICE_TABLE_SETTLE_H

#include "table/batch.h"
#include "table/plan_detail.h"

struct settle;

/* Bits of a row's version that tell how many rows of this key the transaction has replaced and not deleted yet; an lsn
 * leaves them free. What the target holds decides them, so two attempts at one event may set them differently: versions
 * that differ in nothing else are of the same event.
 * With REPLICA IDENTITY FULL, where a deleted row tells which one it is: none, one that differs from the row, or one
 * that is equal to it. */
enum {
    PENDING_SHIFT = 1,
    PENDING_MAX = 3,
    PENDING_MASK = PENDING_MAX << PENDING_SHIFT,
    PENDING_OTHER = 1,
    PENDING_EQUAL = 2
};

/* Rows of `key` (the columns of the source's key as RowBinary, in the plan's order) are asked for: of each sorting key
 * the row with the highest version up to `bound`; if there is none, the lowest above. Only in the mode log there is a
 * bound: elsewhere merges may take any row but the newest, so no other is sure to be the one before ours. */
struct settle_ask {
    struct sluice_str key;
    struct sluice_version bound;
};

/* Values are asked for that the deleted half of a key change, of this key and log position, has put aside. */
struct settle_moved {
    struct sluice_str key;
    struct sluice_version version;
};

struct settle_counts {
    size_t n_filled;  /* values that the records did not hold */
    size_t n_moved;   /* deleted rows under other sorting keys */
    size_t n_shifted; /* rows that live on though their key was deleted */
};

/* `batch` is not sealed, stays as it is, and is borrowed, as is the name of its source table, "name/db/schema.table",
 * or
 * "" where its target is shared.
 * *out is NULL if no row needs another one. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code settle_new(const struct sluice_batch *batch, const char *source, struct settle **out,
                                              struct sluice_error *err);
void settle_free(struct settle *settle); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(settle, struct settle, settle_free)

size_t settle_n_asks(const struct settle *settle); /* 0: nothing has to be asked */
struct settle_ask settle_ask(const struct settle *settle, size_t i);
/* Is the value of this column of the plan needed? Those of the sorting key and of the source's key always are. */
bool settle_wants(const struct settle *settle, size_t column);

/* Rows of the target as RowBinary: number of the ask (UInt32), the wanted columns in the plan's order and types, those
 * of metadata, version, deleted. May be called for several answers. Errors: SLUICE_E_SERVER (not understood),
 * SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code settle_answer(struct settle *settle, struct sluice_str answer,
                                                 struct sluice_error *err);

size_t settle_n_moved(const struct settle *settle); /* 0: nothing has to be asked */
struct settle_moved settle_moved(const struct settle *settle, size_t i);
/* Values that were put aside as RowBinary: number (UInt32), column, type, value (String each). May be called for
 * several answers. Errors: as settle_answer(). */
SLUICE_MUST_CHECK enum sluice_code settle_moved_answer(struct settle *settle, struct sluice_str answer,
                                                       struct sluice_error *err);
/* A TRUNCATE deletes rows of versions below this one: nobody asks for the values they lack. */
void settle_set_truncated(struct settle *settle, struct sluice_version version);

/* What has to be stored before the settled batch is, and before other batches can go on that wait, so also when
 * settle_finish() has failed: RowBinary rows of target ("database.table"), source, key (String each), version
 * (UInt128: its log position), column, type, value (String each). Borrowed until settle_free(). */
struct sluice_str settle_aside(const struct settle *settle, size_t *n_values);

/* The settled batch, not sealed. Errors: SLUICE_E_TOAST with SLUICE_RETRY: a row waits for one of another partition and
 * `wait_over` is false; SLUICE_E_TOAST: a value is not known (names table, column, offset); SLUICE_E_KEY: more rows of
 * one key are pending than can be told; SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code settle_finish(struct settle *settle, bool wait_over, struct sluice_batch **out,
                                                 struct settle_counts *counts, struct sluice_error *err);

#endif
