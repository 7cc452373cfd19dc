/* exact.h - bytes in an allocation of exactly their size, so that a sanitizer sees a read of one byte too far. */
#ifndef SLUICE_TESTS_EXACT_H
#define SLUICE_TESTS_EXACT_H

#include <stdlib.h>

#include "base/str.h"

/* Release with exact_free(). */
static inline struct sluice_str exact_copy(struct sluice_str bytes)
{
    char *copy = malloc(bytes.len > 0 ? bytes.len : 1);
    if (copy == NULL)
        abort();
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    /* An empty text has no readable byte either: it points behind the only one. */
    return (struct sluice_str){bytes.len > 0 ? copy : copy + 1, bytes.len};
}

static inline void exact_free(struct sluice_str bytes)
{
    const char *start = bytes.len > 0 ? bytes.ptr : bytes.ptr - 1;
    void *copy = NULL;
    memcpy(&copy, &start, sizeof copy); /* it was writable when it was allocated */
    free(copy);
}

#endif
