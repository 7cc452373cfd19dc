/* utf8.h - UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Any thread. */
#ifndef SLUICE_JSON_UTF8_H
#define SLUICE_JSON_UTF8_H

#include "base/str.h"

/* The first byte that begins no well-formed sequence, or NULL. */
const char *utf8_find_bad(struct sluice_str text);

/* Writes a code point (up to U+10FFFF, no surrogate) to `out`: 1 to 4 bytes. Returns how many. */
size_t utf8_put(unsigned point, char *out);

#endif
