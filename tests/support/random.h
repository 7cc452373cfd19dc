/* random.h - numbers for property tests: printed seed, the same sequence for the same seed. */
#ifndef SLUICE_TESTS_RANDOM_H
#define SLUICE_TESTS_RANDOM_H

#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

static uint64_t random_state = 1;

/* argv[1] is the seed, argv[2] the number of cases; without them another seed each time. */
static inline size_t random_start(int argc, char **argv, size_t n_cases)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : (uint64_t)sluice_mono_us();
    (void)fprintf(stderr, "seed %" PRIu64 "\n", seed);
    random_state = (seed | 1) * UINT64_C(0x9e3779b97f4a7c15);
    return argc > 2 ? strtoul(argv[2], NULL, 10) : n_cases;
}

static inline uint64_t random_bits(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state * UINT64_C(0x2545f4914f6cdd1d);
}

/* 0 to n - 1. */
static inline size_t random_below(size_t n)
{
    return (size_t)((random_bits() >> 32) % n);
}

/* A text that may be changed in place, with room to grow. */
struct random_text {
    size_t len;
    char bytes[16384];
};

/* One small change of the kinds that break JSON: a byte of the grammar written over, put in or taken out, a bit turned,
 * a piece repeated, the end cut off. */
static inline void random_mutate(struct random_text *text)
{
    static const char grammar[] =
        "{}[]\",:\\ \n0123456789-+.eEu/bfnrtalsx\x00\x1f\x7f\x80\xbf\xc3\xe2\xed\xa0\xf0\xf4\xff";
    size_t at = text->len > 0 ? random_below(text->len) : 0;
    char byte = grammar[random_below(sizeof grammar - 1)];
    size_t n = 1;
    switch (random_below(6)) {
    case 0:
        text->len = text->len > 0 && random_below(8) == 0 ? at : text->len;
        break;
    case 1:
        text->bytes[at] = (char)(text->bytes[at] ^ 1 << random_below(8));
        break;
    case 2:
        n = random_below(4) == 0 ? 1 + random_below(24) : 1;
        n = n < text->len - at ? n : text->len - at;
        memmove(text->bytes + at, text->bytes + at + n, text->len - at - n);
        text->len -= n;
        break;
    case 3:
        n = 1 + random_below(24);
        if (n > text->len - at || text->len + n > sizeof text->bytes)
            break;
        memmove(text->bytes + at + n, text->bytes + at, text->len - at);
        text->len += n;
        break;
    case 4:
        if (text->len == sizeof text->bytes)
            break;
        memmove(text->bytes + at + 1, text->bytes + at, text->len - at);
        text->bytes[at] = byte;
        text->len++;
        break;
    default:
        text->bytes[at] = byte;
        break;
    }
}

#endif
