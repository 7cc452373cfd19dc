/* arena.h - memory that lives and dies with one owner (a batch, a table plan).
 *
 * Objects are never freed singly, only all together by deinit. In sanitizer
 * builds (SLUICE_ARENA_DEBUG) every object is an allocation of its own, so that an overrun or a use after the end is
 * seen. Owner: one thread at a time. Ceiling: `max_bytes` given at init.
 */
#ifndef SLUICE_BASE_ARENA_H
#define SLUICE_BASE_ARENA_H

#include "base/error.h"
#include "base/str.h"

struct arena_block;

struct sluice_arena {
    struct arena_block *blocks; /* newest first */
    size_t n_bytes;             /* handed out */
    size_t max_bytes;
    const char *what; /* names the arena in errors, static text */
};

void sluice_arena_init(struct sluice_arena *arena, size_t max_bytes, const char *what);
/* Legal on a zeroed arena and twice. */
void sluice_arena_deinit(struct sluice_arena *arena);
SLUICE_DEFINE_AUTO(sluice_arena, struct sluice_arena, sluice_arena_deinit)

/* Zeroed bytes aligned for any type; NULL with `err` set (SLUICE_E_LIMIT, SLUICE_E_NOMEM). Borrowed until deinit. */
SLUICE_MUST_CHECK void *sluice_arena_alloc(struct sluice_arena *arena, size_t n_bytes, struct sluice_error *err);
/* The same for an array; the product is checked for overflow. */
SLUICE_MUST_CHECK void *sluice_arena_alloc_array(struct sluice_arena *arena, size_t n, size_t size,
                                                 struct sluice_error *err);
/* A NUL-terminated copy. */
SLUICE_MUST_CHECK char *sluice_arena_copy(struct sluice_arena *arena, struct sluice_str s, struct sluice_error *err);

#endif
