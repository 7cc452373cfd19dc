/* verify_keys.c - see verify_keys.h. */
#include "admin/verify_keys.h"

#include <stdlib.h>

enum { LITERAL_BYTES = 24 << 20, CELL_BYTES = 16 << 20, PAST_BYTES = 8 << 20 };

static void begin_cells(struct verify_keys *keys)
{
    sluice_arena_deinit(&keys->cells);
    sluice_arena_init(&keys->cells, CELL_BYTES, "cells of rows that differ");
    sluice_arena_deinit(&keys->past);
    sluice_arena_init(&keys->past, PAST_BYTES, "former states of rows that differ");
}

enum sluice_code verify_keys_init(struct verify_keys *keys, size_t max_keys, struct sluice_error *err)
{
    size_t n_slots = 64;
    while (n_slots < 2 * max_keys)
        n_slots *= 2;
    *keys = (struct verify_keys){.n_slots = n_slots, .max_keys = max_keys};
    sluice_arena_init(&keys->literals, LITERAL_BYTES, "keys of rows that differ");
    begin_cells(keys);
    keys->slots = calloc(n_slots, sizeof *keys->slots);
    return keys->slots != NULL ? SLUICE_OK
                               : sluice_error_nomem(err, "keys that may differ", n_slots * sizeof *keys->slots);
}

void verify_keys_deinit(struct verify_keys *keys)
{
    free(keys->slots);
    sluice_arena_deinit(&keys->literals);
    sluice_arena_deinit(&keys->cells);
    sluice_arena_deinit(&keys->past);
    *keys = (struct verify_keys){0};
}

/* The slot of the key, or the empty one where it would be. There is always one: at most half of them are used. */
static struct verify_key *slot_of(const struct verify_keys *keys, const unsigned char key[VERIFY_DIGEST])
{
    size_t at = 0;
    memcpy(&at, key, sizeof at);
    for (at &= keys->n_slots - 1; keys->slots[at].is_used; at = (at + 1) & (keys->n_slots - 1))
        if (memcmp(keys->slots[at].key, key, VERIFY_DIGEST) == 0)
            break;
    return &keys->slots[at];
}

struct verify_key *verify_keys_find(const struct verify_keys *keys, const unsigned char key[VERIFY_DIGEST])
{
    struct verify_key *slot = slot_of(keys, key);
    return slot->is_used ? slot : NULL;
}

struct verify_key *verify_keys_add(struct verify_keys *keys, const unsigned char key[VERIFY_DIGEST])
{
    struct verify_key *slot = slot_of(keys, key);
    if (slot->is_used)
        return slot;
    if (keys->n_keys == keys->max_keys)
        return NULL;
    *slot = (struct verify_key){.is_used = true};
    memcpy(slot->key, key, VERIFY_DIGEST);
    keys->n_keys++;
    return slot;
}

enum sluice_code verify_keys_drop_decided(struct verify_keys *keys, struct sluice_error *err)
{
    struct verify_key *old = keys->slots;
    struct verify_key *slots = calloc(keys->n_slots, sizeof *slots);
    if (slots == NULL)
        return sluice_error_nomem(err, "keys that may differ", keys->n_slots * sizeof *slots);
    keys->slots = slots;
    keys->n_keys = 0;
    for (size_t i = 0; i < keys->n_slots; i++) {
        if (!old[i].is_used || old[i].verdict != VERIFY_PENDING)
            continue;
        *slot_of(keys, old[i].key) = old[i];
        keys->n_keys++;
    }
    free(old);
    return SLUICE_OK;
}

void verify_keys_begin_look(struct verify_keys *keys)
{
    begin_cells(keys);
    for (size_t i = 0; i < keys->n_slots; i++) {
        struct verify_key *key = &keys->slots[i];
        if (!key->is_used)
            continue;
        for (size_t side = 0; side < 2; side++) {
            key->before[side] = key->now[side];
            key->now[side] = (struct verify_seen){0};
            key->cells[side] = NULL;
        }
        key->past = NULL;
    }
}

static bool same_row(const struct verify_seen *a, const struct verify_seen *b)
{
    return a->n_rows == b->n_rows && (a->n_rows == 0 || memcmp(a->row, b->row, VERIFY_DIGEST) == 0);
}

static bool same_version(const struct verify_seen *a, const struct verify_seen *b)
{
    return same_row(a, b) && (a->n_rows == 0 || memcmp(a->state, b->state, VERIFY_DIGEST) == 0);
}

static void add(unsigned char sum[VERIFY_DIGEST], const unsigned char part[VERIFY_DIGEST])
{
    unsigned carry = 0;
    for (size_t i = 0; i < VERIFY_DIGEST; i++) {
        carry += (unsigned)sum[i] + part[i];
        sum[i] = (unsigned char)carry;
        carry >>= 8;
    }
}

/* Sums, as several rows of one key come in any order. */
void verify_seen_add(struct verify_seen *seen, const struct verify_digest *digest,
                     const unsigned char state[VERIFY_DIGEST])
{
    seen->n_rows++;
    add(seen->row, digest->row);
    add(seen->state, state);
}

void verify_key_remember(struct verify_keys *keys, struct verify_key *key, const struct verify_seen *seen)
{
    struct sluice_error ignored;
    const struct verify_seen *newest = key->past != NULL ? &key->past->seen : &key->now[CANON_SOURCE];
    if (same_row(newest, seen))
        return;
    struct verify_past *past = sluice_arena_alloc(&keys->past, sizeof *past, &ignored);
    if (past == NULL)
        return;
    *past = (struct verify_past){key->past, *seen};
    key->past = past;
}

enum verify_verdict verify_key_judge(const struct verify_key *key, bool has_before)
{
    if (same_row(&key->now[CANON_SOURCE], &key->now[CANON_TARGET]))
        return VERIFY_EQUAL;
    for (const struct verify_past *past = key->past; past != NULL; past = past->next)
        if (same_row(&past->seen, &key->now[CANON_TARGET]))
            return VERIFY_EQUAL;
    bool is_certain = has_before && same_version(&key->now[CANON_SOURCE], &key->before[CANON_SOURCE]) &&
                      same_version(&key->now[CANON_TARGET], &key->before[CANON_TARGET]);
    return is_certain ? VERIFY_DIFFERENT : VERIFY_PENDING;
}
