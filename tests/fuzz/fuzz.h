/* fuzz.h - what the fuzz targets share. libFuzzer hands each input over in an allocation of exactly its size. */
#ifndef SLUICE_TESTS_FUZZ_H
#define SLUICE_TESTS_FUZZ_H

#include <stdint.h>
#include <stdlib.h>

#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A NUL-terminated copy, exact too. Release with free(). */
static inline char *fuzz_text(struct sluice_str bytes)
{
    char *text = malloc(bytes.len + 1);
    if (text == NULL)
        abort();
    if (bytes.len > 0)
        memcpy(text, bytes.ptr, bytes.len);
    text[bytes.len] = '\0';
    return text;
}

/* An input of several parts: takes the next one off `rest`. They end with the byte 0xff, which no UTF-8 text holds; the
 * last one may hold it. */
static inline struct sluice_str fuzz_part(struct sluice_str *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, 0xff, rest->len) : NULL;
    struct sluice_str part = *rest;
    if (end == NULL) {
        *rest = (struct sluice_str){NULL, 0};
        return part;
    }
    part.len = (size_t)(end - rest->ptr);
    *rest = (struct sluice_str){end + 1, rest->len - part.len - 1};
    return part;
}

#endif
