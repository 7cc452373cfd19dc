/* str.h - bytes that are not a C string: Kafka payloads, JSON spans, names inside a payload.
 *
 * `ptr` is borrowed, need not be NUL-terminated, and may be NULL only with `len` 0.
 */
#ifndef SLUICE_BASE_STR_H
#define SLUICE_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sluice_str {
    const char *ptr;
    size_t len;
};

/* For printf's "%.*s": SLUICE_STR_ARG(s). */
#define SLUICE_STR_ARG(s)        (int)((s).len > 256 ? 256 : (s).len), ((s).ptr != NULL ? (s).ptr : "")
#define SLUICE_STR_LITERAL(text) ((struct sluice_str){(text), sizeof(text) - 1})

static inline struct sluice_str sluice_str_from(const char *text_z)
{
    return (struct sluice_str){text_z, strlen(text_z)};
}

static inline bool sluice_str_equal(struct sluice_str a, struct sluice_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool sluice_str_equal_z(struct sluice_str a, const char *text_z)
{
    return sluice_str_equal(a, sluice_str_from(text_z));
}

/* FNV-1a, for small tables of names; not for input that an attacker may choose to collide in large tables. */
static inline uint64_t sluice_str_hash(struct sluice_str s)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < s.len; i++) {
        hash ^= (unsigned char)s.ptr[i];
        hash *= UINT64_C(1099511628211);
    }
    return hash;
}

#endif
