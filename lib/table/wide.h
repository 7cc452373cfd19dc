/* wide.h - integers wider than 64 bits, for decimals and Int128 to UInt256 (the paths that 64 bits cannot take).
 *
 * Sign and magnitude in limbs of 32 bits, least significant first, so that plain C arithmetic suffices. The capacity
 * holds PostgreSQL's longest declared numeric (1,000 digits). No allocation.
 */
#ifndef SLUICE_TABLE_WIDE_H
#define SLUICE_TABLE_WIDE_H

#include "base/str.h"

enum {
    WIDE_LIMBS = 128,
    /* Longest text of wide_text(): sign, "0.", 1,234 digits or as many zeros as the scale asks for. */
    WIDE_MAX_SCALE = 1000,
    WIDE_MAX_TEXT = 1280 + WIDE_MAX_SCALE
};

struct wide {
    uint32_t limbs[WIDE_LIMBS];
    size_t n_limbs; /* without leading zeros; 0 is the number zero */
    bool negative;  /* never for zero */
};

enum wide_reading {
    WIDE_OK,
    WIDE_NOT_A_NUMBER, /* not a JSON number */
    WIDE_INEXACT,      /* has more digits after the point than the scale keeps */
    WIDE_TOO_LONG      /* beyond WIDE_LIMBS */
};

/* From big-endian two's complement of any length (0 bytes: zero); false if it does not fit. */
bool wide_from_bytes(struct wide *w, const unsigned char *bytes, size_t n_bytes);

/* From a JSON number, multiplied by 10^scale; never goes through a float. */
enum wide_reading wide_from_number(struct wide *w, struct sluice_str text, unsigned scale);

/* w *= 10^n; false if it does not fit. */
bool wide_scale_up(struct wide *w, unsigned n);

/* w /= 10^n; false, and nothing certain in w, if digits other than 0 would be lost. */
bool wide_scale_down(struct wide *w, unsigned n);

/* |w| < 10^n */
bool wide_has_digits(const struct wide *w, unsigned n);

/* Fits an integer of `bits` bits. */
bool wide_fits(const struct wide *w, unsigned bits, bool is_signed);

/* Two's complement, little-endian, bits / 8 bytes; the value must fit. Returns the end. */
unsigned char *wide_put(const struct wide *w, unsigned bits, unsigned char *out);

/* w / 10^scale in plain notation with exactly `scale` digits after the point. `out` holds WIDE_MAX_TEXT; returns the
 * length. scale <= WIDE_MAX_SCALE. */
size_t wide_text(const struct wide *w, unsigned scale, char *out);

#endif
