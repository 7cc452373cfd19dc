/* verify_keys.h - keys that may differ, and when that is certain though both tables go on changing.
 *
 * A key is looked at again and again. One look: 1. its row is read from the source; 2. it is waited until everything
 * that the source had then is in the target; 3. its row is read from the target. Equal in one look: done, the target
 * has what the source had. A difference is certain when two looks in turn find
 *  - the same row version at the source (xmin and ctid), or none both times, and
 *  - the same row version at the target (_version), or none both times, and
 *  - that they differ.
 * For: the source's row did not change between the two looks at the source, and the target was read in between, with
 * all that came before. A row that was inserted and deleted again between the looks can leave no trace at the source;
 * but its row in the target would have to be gone by the second look, which waited for the delete. So a row that
 * changes is never reported, and one that does not change is reported as soon as it was looked at twice. The target may
 * also have what the source had at any time since the look began, so rows that change all the time are read from the
 * source again and again while it is waited. What changes in every look and never agrees stays undecided and is named
 * as such. Owner: one thread. */
#ifndef SLUICE_ADMIN_VERIFY_KEYS_H
#define SLUICE_ADMIN_VERIFY_KEYS_H

#include "admin/verify_sums.h"
#include "base/arena.h"

/* One side of one look. */
struct verify_seen {
    uint32_t n_rows;                    /* more than one is a fault of its own */
    unsigned char row[VERIFY_DIGEST];   /* of all cells */
    unsigned char state[VERIFY_DIGEST]; /* of the row's version */
};

/* A row that the source had at some time of the present look; n_rows 0: none. */
struct verify_past {
    struct verify_past *next;
    struct verify_seen seen;
};

enum verify_verdict { VERIFY_PENDING, VERIFY_EQUAL, VERIFY_DIFFERENT };

struct verify_key {
    unsigned char key[VERIFY_DIGEST];
    struct verify_seen now[2];         /* by side */
    struct verify_seen before[2];      /* of the look before */
    const struct sluice_str *literals; /* texts of the key's columns, where a server may be asked for them; or NULL */
    const struct sluice_str *cells[2]; /* of the present look, where they are kept; NULL */
    struct verify_past *past;          /* newest first */
    enum verify_verdict verdict;
    bool is_used; /* the slot has a key */
};

struct verify_keys {
    struct verify_key *slots; /* an open hash table */
    size_t n_slots;           /* a power of two */
    size_t max_keys;
    size_t n_keys;
    struct sluice_arena literals;
    struct sluice_arena cells; /* of one look */
    struct sluice_arena past;  /* of one look */
};

/* Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code verify_keys_init(struct verify_keys *keys, size_t max_keys,
                                                    struct sluice_error *err);
void verify_keys_deinit(struct verify_keys *keys); /* legal on a zeroed object and twice */
SLUICE_DEFINE_AUTO(verify_keys, struct verify_keys, verify_keys_deinit)

/* The key's entry; NULL if there is none. */
struct verify_key *verify_keys_find(const struct verify_keys *keys, const unsigned char key[VERIFY_DIGEST]);
/* The same, made if need be; NULL when there are max_keys already. */
struct verify_key *verify_keys_add(struct verify_keys *keys, const unsigned char key[VERIFY_DIGEST]);
/* Takes out what is not PENDING; entries move. Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code verify_keys_drop_decided(struct verify_keys *keys, struct sluice_error *err);
/* Begins a look: what was now is before. */
void verify_keys_begin_look(struct verify_keys *keys);
/* Takes a row of the present look. */
void verify_seen_add(struct verify_seen *seen, const struct verify_digest *digest,
                     const unsigned char state[VERIFY_DIGEST]);
/* Remembers what the source has in the midst of a look. Best effort: without memory it is forgotten. */
void verify_key_remember(struct verify_keys *keys, struct verify_key *key, const struct verify_seen *seen);

/* What the looks say; `has_before`: there was one before. */
enum verify_verdict verify_key_judge(const struct verify_key *key, bool has_before);

#endif
