/* verify_sums.c - see verify_sums.h. */
#include "admin/verify_sums.h"

#include <stdlib.h>

enum { MIN_BUCKETS = 1 << 10, MAX_BUCKETS = 1 << 18, ROWS_PER_BUCKET = 8 };

struct sum {
    uint64_t n_rows;
    uint64_t low;
    uint64_t high;
};

enum state { EQUAL, WAITING, PICKED, DONE };

struct verify_level {
    size_t n_buckets;    /* a power of two */
    struct sum *sums[2]; /* by side */
    unsigned char *states;
};

static uint32_t load(const unsigned char *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t load_long(const unsigned char *at)
{
    return (uint64_t)load(at) | (uint64_t)load(at + 4) << 32;
}

/* Each level looks at bits of its own. */
static size_t bucket_of(const struct verify_sums *sums, size_t level, const unsigned char *key)
{
    return load(key + 4 * level) & (sums->levels[level]->n_buckets - 1);
}

static void level_free(struct verify_level *level)
{
    if (level == NULL)
        return;
    free(level->sums[CANON_SOURCE]);
    free(level->sums[CANON_TARGET]);
    free(level->states);
    free(level);
}

void verify_sums_deinit(struct verify_sums *sums)
{
    for (size_t i = 0; i < VERIFY_MAX_LEVELS; i++)
        level_free(sums->levels[i]);
    *sums = (struct verify_sums){0};
}

enum sluice_code verify_sums_open(struct verify_sums *sums, uint64_t n_rows, struct sluice_error *err)
{
    size_t n_buckets = MIN_BUCKETS;
    struct verify_level *level = calloc(1, sizeof *level);
    if (sums->n_levels == VERIFY_MAX_LEVELS)
        SLUICE_BUG("more levels of sums than a key's digest has bits for");
    while (n_buckets < MAX_BUCKETS && n_buckets * ROWS_PER_BUCKET < n_rows)
        n_buckets *= 2;
    if (level == NULL)
        return sluice_error_nomem(err, "sums of rows", sizeof *level);
    sums->levels[sums->n_levels++] = level;
    level->n_buckets = n_buckets;
    level->sums[CANON_SOURCE] = calloc(n_buckets, sizeof(struct sum));
    level->sums[CANON_TARGET] = calloc(n_buckets, sizeof(struct sum));
    level->states = calloc(n_buckets, 1);
    if (level->sums[CANON_SOURCE] == NULL || level->sums[CANON_TARGET] == NULL || level->states == NULL)
        return sluice_error_nomem(err, "sums of rows", n_buckets * sizeof(struct sum));
    return SLUICE_OK;
}

static bool wants(const struct verify_sums *sums, size_t n_levels, const unsigned char *key)
{
    for (size_t i = 0; i < n_levels; i++) {
        unsigned char state = sums->levels[i]->states[bucket_of(sums, i, key)];
        bool is_last = i + 1 == sums->n_levels;
        if (state == EQUAL || (is_last && state != PICKED))
            return false;
    }
    return true;
}

bool verify_sums_want(const struct verify_sums *sums, const unsigned char key[VERIFY_DIGEST])
{
    return wants(sums, sums->n_levels, key);
}

bool verify_sums_takes(const struct verify_sums *sums, const unsigned char key[VERIFY_DIGEST])
{
    return wants(sums, sums->n_levels - 1, key);
}

void verify_sums_add(struct verify_sums *sums, enum canon_side side, const struct verify_digest *digest)
{
    size_t last = sums->n_levels - 1;
    struct sum *sum = &sums->levels[last]->sums[side][bucket_of(sums, last, digest->key)];
    uint64_t low = load_long(digest->row);
    sum->n_rows++;
    sum->low += low;
    sum->high += load_long(digest->row + 8) + (sum->low < low ? 1 : 0);
}

uint64_t verify_sums_close(struct verify_sums *sums, size_t *n_differ, size_t *n_buckets)
{
    struct verify_level *level = sums->levels[sums->n_levels - 1];
    uint64_t n_rows = 0;
    *n_differ = 0;
    *n_buckets = level->n_buckets;
    for (size_t i = 0; i < level->n_buckets; i++) {
        const struct sum *source = &level->sums[CANON_SOURCE][i];
        const struct sum *target = &level->sums[CANON_TARGET][i];
        if (source->n_rows == target->n_rows && source->low == target->low && source->high == target->high)
            continue;
        level->states[i] = WAITING;
        (*n_differ)++;
        n_rows += source->n_rows > target->n_rows ? source->n_rows : target->n_rows;
    }
    return n_rows;
}

bool verify_sums_pick(struct verify_sums *sums, uint64_t max_rows)
{
    struct verify_level *level = sums->levels[sums->n_levels - 1];
    uint64_t n_rows = 0;
    bool has_any = false;
    for (size_t i = 0; i < level->n_buckets; i++) {
        uint64_t n = level->sums[CANON_SOURCE][i].n_rows + level->sums[CANON_TARGET][i].n_rows;
        if (level->states[i] == PICKED)
            level->states[i] = DONE;
        if (level->states[i] != WAITING || (has_any && n_rows + n > max_rows))
            continue;
        level->states[i] = PICKED;
        n_rows += n;
        has_any = true;
    }
    return has_any;
}

bool verify_sums_has_more(const struct verify_sums *sums)
{
    const struct verify_level *level = sums->levels[sums->n_levels - 1];
    return memchr(level->states, WAITING, level->n_buckets) != NULL;
}
