/* verify_sums.h - which ranges of hashed keys differ between two unordered streams of rows, in bounded memory.
 *
 * Each row has two 128-bit digests, of its key and of all its cells. Rows fall into buckets by bits of the key's
 * digest; a bucket keeps for each side the number of its rows and the sum of their digests, which does not depend on
 * the order. Equal sums and numbers mean equal rows (but for one chance in 2^128). A further level takes other bits of
 * the keys in those buckets that differ, and so narrows down to a few rows however large the table is. Pure. Thread:
 * one at a time. */
#ifndef SLUICE_ADMIN_VERIFY_SUMS_H
#define SLUICE_ADMIN_VERIFY_SUMS_H

#include "admin/canon.h"

enum { VERIFY_DIGEST = 16, VERIFY_MAX_LEVELS = 3 };

struct verify_digest {
    unsigned char key[VERIFY_DIGEST];
    unsigned char row[VERIFY_DIGEST];
};

struct verify_level; /* one level's sums, and then which of its buckets are wanted */

struct verify_sums {
    struct verify_level *levels[VERIFY_MAX_LEVELS];
    size_t n_levels;
};

void verify_sums_deinit(struct verify_sums *sums); /* legal on a zeroed object and twice */
SLUICE_DEFINE_AUTO(verify_sums, struct verify_sums, verify_sums_deinit)

/* Opens a further level for about so many rows. Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code verify_sums_open(struct verify_sums *sums, uint64_t n_rows,
                                                    struct sluice_error *err);
/* True if the levels before the newest one want the key. */
bool verify_sums_takes(const struct verify_sums *sums, const unsigned char key[VERIFY_DIGEST]);
/* Adds such a row to the newest level. */
void verify_sums_add(struct verify_sums *sums, enum canon_side side, const struct verify_digest *digest);
/* Ends the newest level: its buckets that differ are wanted from now on. How many rows are in them, on the side that
 * has more. 0 means that all is equal. */
uint64_t verify_sums_close(struct verify_sums *sums, size_t *n_differ, size_t *n_buckets);
/* Of the buckets of the newest level that are wanted, takes so many that they hold about `max_rows` rows, at least one;
 * the others wait. False when none is left. */
bool verify_sums_pick(struct verify_sums *sums, uint64_t max_rows);
/* True if pick would find more. */
bool verify_sums_has_more(const struct verify_sums *sums);
/* True if all levels want the key; of the newest one, what was picked. */
bool verify_sums_want(const struct verify_sums *sums, const unsigned char key[VERIFY_DIGEST]);

#endif
