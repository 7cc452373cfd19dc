/* digits.h - decimal digits, eight at a time. No byte outside of the text is read. */
#ifndef SLUICE_BASE_DIGITS_H
#define SLUICE_BASE_DIGITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

enum { DIGITS_MAX = 19 }; /* as many always fit 64 bits */

/* Eight bytes, the first one lowest; a digit becomes its value, any other byte is above 9. */
static inline uint64_t digits_load(const char *at)
{
    return sluice_load_64(at) ^ UINT64_C(0x3030303030303030);
}

/* The highest bit of each byte above 9; bits above the lowest one that is set may be wrong. */
static inline uint64_t digits_foreign(uint64_t v)
{
    return (v | (v + UINT64_C(0x7676767676767676))) & UINT64_C(0x8080808080808080);
}

/* The number that eight values spell: pairs, then pairs of pairs, then both halves. */
static inline uint64_t digits_join(uint64_t v)
{
    v = v * 10 + (v >> 8);
    return ((v & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064) +
            (v >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001)) >>
           32;
}

static inline uint64_t digits_power(size_t n)
{
    static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    return powers[n];
}

/* The number that `n` bytes (1 to DIGITS_MAX) spell; false if one of them is no digit. */
static inline bool sluice_digits_read(const char *at, size_t n, uint64_t *out)
{
    uint64_t number = 0;
    uint64_t foreign = 0;
    if (n < 8) {
        for (size_t i = 0; i < n; i++) {
            unsigned digit = (unsigned)(unsigned char)at[i] - '0';
            if (digit > 9)
                return false;
            number = number * 10 + digit;
        }
        *out = number;
        return true;
    }
    for (; n >= 8; at += 8, n -= 8) {
        uint64_t v = digits_load(at);
        foreign |= digits_foreign(v);
        number = number * digits_power(8) + digits_join(v);
    }
    if (n > 0) { /* the last eight again, without those that are read already */
        uint64_t v = digits_load(at + n - 8);
        foreign |= digits_foreign(v);
        number = number * digits_power(n) + digits_join(v & UINT64_MAX << 8 * (8 - n));
    }
    *out = number;
    return foreign == 0;
}

/* How many digits the text begins with. *out is their number if there are no more than DIGITS_MAX. */
static inline size_t sluice_digits_scan(const char *at, const char *end, uint64_t *out)
{
    const char *start = at;
    uint64_t number = 0;
    while (end - at >= 8) {
        uint64_t v = digits_load(at);
        uint64_t foreign = digits_foreign(v);
        if (foreign != 0) {
            size_t n = (size_t)__builtin_ctzll(foreign) / 8;
            if (n > 0)
                number = number * digits_power(n) + digits_join(v << 8 * (8 - n));
            *out = number;
            return (size_t)(at - start) + n;
        }
        number = number * digits_power(8) + digits_join(v);
        at += 8;
    }
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    *out = number;
    return (size_t)(at - start);
}

#endif
