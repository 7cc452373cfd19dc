/* nearest.h - which known name a mistyped one was probably meant to be. */
#ifndef SLUICE_NEAREST_H
#define SLUICE_NEAREST_H

#include <stddef.h>

/* The one of `n` names with the smallest edit distance to `word`, or NULL when none is near enough to be a slip: one
 * edit, and one more for every five letters. A swap of neighbours counts as one. Words past 128 bytes have none. */
const char *sluice_nearest(const char *word, const char *const *names, size_t n);

#endif
