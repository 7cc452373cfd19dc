/* compiler.h - the only place for compiler attributes. */
#ifndef SLUICE_BASE_COMPILER_H
#define SLUICE_BASE_COMPILER_H

#include <stddef.h>

#if defined(__GNUC__)
#define SLUICE_CLEANUP(f)  __attribute__((cleanup(f)))
#define SLUICE_LIKELY(x)   __builtin_expect(!!(x), 1)
#define SLUICE_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define SLUICE_NORETURN    __attribute__((noreturn))
#define SLUICE_UNUSED      __attribute__((unused))
#define SLUICE_NOINLINE    __attribute__((noinline)) /* keeps a rare case out of a hot function's frame */
#else
#error "GCC or clang is needed: ownership in this code base rests on the cleanup attribute"
#endif

/* SLUICE_AUTO(name): the variable is released by name_auto() when its scope ends. Declare name_auto with one of:
 *   SLUICE_DEFINE_AUTO(name, type, deinit)       struct type in the caller's storage, deinit(&x)
 *   SLUICE_DEFINE_AUTO_PTR(name, type, free_fn)  pointer, free_fn(x) accepts NULL */
#define SLUICE_AUTO(name) SLUICE_CLEANUP(name##_auto)
#define SLUICE_DEFINE_AUTO(name, type, deinit)                                                                         \
    SLUICE_UNUSED static inline void name##_auto(type *self)                                                           \
    {                                                                                                                  \
        deinit(self);                                                                                                  \
    }
#define SLUICE_DEFINE_AUTO_PTR(name, type, free_fn)                                                                    \
    SLUICE_UNUSED static inline void name##_auto(type **self)                                                          \
    {                                                                                                                  \
        free_fn(*self);                                                                                                \
    }

/* Hands a pointer over and leaves NULL behind, so that the cleanup of the old owner does nothing. */
static inline void *sluice_take_ptr(void *slot)
{
    void **pointer = slot;
    void *value = *pointer;
    *pointer = NULL;
    return value;
}
#define SLUICE_TAKE(p) sluice_take_ptr(&(p))

/* Ends the process where going on would corrupt data, in release builds too. */
SLUICE_NORETURN void sluice_bug(const char *file, int line, const char *what);
#define SLUICE_BUG(what) sluice_bug(__FILE__, __LINE__, (what))

#define SLUICE_N_ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#endif
