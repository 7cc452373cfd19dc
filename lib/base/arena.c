/* arena.c - see arena.h. A list of blocks; each new block doubles up to 1 MiB. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdlib.h>

enum { FIRST_BLOCK = 4096, LARGEST_BLOCK = 1 << 20 };

struct arena_block {
    struct arena_block *next;
    size_t used;
    size_t capacity;
    alignas(max_align_t) unsigned char bytes[];
};

void sluice_arena_init(struct sluice_arena *arena, size_t max_bytes, const char *what)
{
    *arena = (struct sluice_arena){.max_bytes = max_bytes, .what = what};
}

void sluice_arena_deinit(struct sluice_arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->n_bytes = 0;
}

static struct arena_block *add_block(struct sluice_arena *arena, size_t n_bytes, struct sluice_error *err)
{
#ifdef SLUICE_ARENA_DEBUG
    size_t capacity = n_bytes;
#else
    size_t capacity = arena->blocks != NULL ? arena->blocks->capacity * 2 : FIRST_BLOCK;
    if (capacity > LARGEST_BLOCK)
        capacity = LARGEST_BLOCK;
    if (capacity < n_bytes)
        capacity = n_bytes;
#endif
    struct arena_block *block = calloc(1, sizeof *block + capacity);
    if (block == NULL) {
        (void)sluice_error_nomem(err, arena->what, capacity);
        return NULL;
    }
    block->capacity = capacity;
    block->next = arena->blocks;
    arena->blocks = block;
    return block;
}

void *sluice_arena_alloc(struct sluice_arena *arena, size_t n_bytes, struct sluice_error *err)
{
    if (n_bytes > arena->max_bytes - arena->n_bytes) {
        (void)sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION, "%s would grow beyond %zu bytes",
                               arena->what, arena->max_bytes);
        return NULL;
    }
    size_t rounded = (n_bytes + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    struct arena_block *block = arena->blocks;
#ifdef SLUICE_ARENA_DEBUG
    rounded = n_bytes > 0 ? n_bytes : 1;
    block = NULL;
#endif
    if (block == NULL || block->capacity - block->used < rounded) {
        block = add_block(arena, rounded, err);
        if (block == NULL)
            return NULL;
    }
    void *object = block->bytes + block->used;
    block->used += rounded;
    arena->n_bytes += n_bytes;
    return object;
}

void *sluice_arena_alloc_array(struct sluice_arena *arena, size_t n, size_t size, struct sluice_error *err)
{
    if (size != 0 && n > SIZE_MAX / 2 / size) {
        (void)sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION, "%s: %zu objects of %zu bytes are too many",
                               arena->what, n, size);
        return NULL;
    }
    return sluice_arena_alloc(arena, n * size, err);
}

char *sluice_arena_copy(struct sluice_arena *arena, struct sluice_str s, struct sluice_error *err)
{
    char *copy = sluice_arena_alloc(arena, s.len + 1, err);
    if (copy != NULL && s.len > 0)
        memcpy(copy, s.ptr, s.len);
    return copy;
}
