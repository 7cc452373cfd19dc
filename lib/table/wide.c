/* wide.c - see wide.h. */
#include "table/wide.h"

static void trim(struct wide *w)
{
    while (w->n_limbs > 0 && w->limbs[w->n_limbs - 1] == 0)
        w->n_limbs--;
    if (w->n_limbs == 0)
        w->negative = false;
}

/* w = w * factor + addend, on the magnitude. */
static bool multiply_add(struct wide *w, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (size_t i = 0; i < w->n_limbs; i++) {
        carry += (uint64_t)w->limbs[i] * factor;
        w->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry == 0)
        return true;
    if (w->n_limbs == WIDE_LIMBS)
        return false;
    w->limbs[w->n_limbs++] = (uint32_t)carry;
    return true;
}

bool wide_from_bytes(struct wide *w, const unsigned char *bytes, size_t n_bytes)
{
    bool negative = n_bytes > 0 && (bytes[0] & 0x80) != 0;
    unsigned char extension = negative ? 0xff : 0;
    while (n_bytes > 0 && bytes[0] == extension) {
        bytes++;
        n_bytes--;
    }
    if (n_bytes >= sizeof w->limbs)
        return false;
    /* The last limb holds at least one byte of sign extension, so that the magnitude of -2^k has room. */
    w->n_limbs = n_bytes / 4 + 1;
    w->negative = negative;
    uint32_t carry = negative ? 1 : 0;
    for (size_t limb = 0; limb < w->n_limbs; limb++) {
        uint32_t value = 0;
        for (size_t i = 0; i < 4; i++) {
            size_t at = limb * 4 + i;
            unsigned char byte = at < n_bytes ? bytes[n_bytes - 1 - at] : extension;
            value |= (uint32_t)byte << (8 * i);
        }
        if (negative) {
            value = ~value + carry;
            carry = carry != 0 && value == 0 ? 1 : 0;
        }
        w->limbs[limb] = value;
    }
    trim(w);
    return true;
}

bool wide_scale_up(struct wide *w, unsigned n)
{
    if (w->n_limbs == 0)
        return true;
    for (; n >= 9; n -= 9) {
        if (!multiply_add(w, UINT32_C(1000000000), 0))
            return false;
    }
    for (; n > 0; n--) {
        if (!multiply_add(w, 10, 0))
            return false;
    }
    return true;
}

bool wide_scale_down(struct wide *w, unsigned n)
{
    for (; n > 0 && w->n_limbs > 0; n--) {
        uint64_t rest = 0;
        for (size_t i = w->n_limbs; i-- > 0;) {
            rest = rest << 32 | w->limbs[i];
            w->limbs[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        if (rest != 0)
            return false;
        trim(w);
    }
    return true;
}

/* A JSON number taken apart: digits before and after the point, exponent. */
struct number {
    struct sluice_str integer;
    struct sluice_str fraction;
    long exponent;
    bool negative;
};

static struct sluice_str take_digits(const char **at, const char *end)
{
    const char *start = *at;
    while (*at < end && **at >= '0' && **at <= '9')
        (*at)++;
    return (struct sluice_str){start, (size_t)(*at - start)};
}

static bool take_exponent(const char *at, const char *end, long *out)
{
    bool negative = at < end && *at == '-';
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    struct sluice_str digits = take_digits(&at, end);
    long value = 0;
    for (size_t i = 0; i < digits.len && value < 1000000; i++)
        value = value * 10 + (digits.ptr[i] - '0');
    *out = negative ? -value : value;
    return digits.len > 0 && at == end;
}

static bool read_number(struct sluice_str text, struct number *n)
{
    const char *at = text.ptr;
    const char *end = at + text.len;
    *n = (struct number){0};
    if (at < end && *at == '-') {
        n->negative = true;
        at++;
    }
    n->integer = take_digits(&at, end);
    if (n->integer.len == 0)
        return false;
    if (at < end && *at == '.') {
        at++;
        n->fraction = take_digits(&at, end);
        if (n->fraction.len == 0)
            return false;
    }
    if (at < end && (*at == 'e' || *at == 'E'))
        return take_exponent(at + 1, end, &n->exponent);
    return at == end;
}

static bool add_digits(struct wide *w, const char *digits, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!multiply_add(w, 10, (uint32_t)(digits[i] - '0')))
            return false;
    }
    return true;
}

enum wide_reading wide_from_number(struct wide *w, struct sluice_str text, unsigned scale)
{
    struct number n;
    w->n_limbs = 0;
    w->negative = false;
    if (!read_number(text, &n))
        return WIDE_NOT_A_NUMBER;
    /* The value is the digits without a point times 10^shift; zeros at the end may go, other digits may not. */
    long shift = n.exponent + (long)scale;
    size_t keep_integer = n.integer.len;
    size_t keep_fraction = n.fraction.len;
    while (keep_fraction > 0 && n.fraction.ptr[keep_fraction - 1] == '0')
        keep_fraction--;
    shift -= (long)keep_fraction;
    while (keep_fraction == 0 && keep_integer > 0 && n.integer.ptr[keep_integer - 1] == '0') {
        keep_integer--;
        shift++;
    }
    if (!add_digits(w, n.integer.ptr, keep_integer) || !add_digits(w, n.fraction.ptr, keep_fraction))
        return WIDE_TOO_LONG;
    if (w->n_limbs == 0)
        return WIDE_OK;
    if (shift < 0)
        return WIDE_INEXACT;
    if (shift > 32L * WIDE_LIMBS || !wide_scale_up(w, (unsigned)shift))
        return WIDE_TOO_LONG;
    w->negative = n.negative;
    return WIDE_OK;
}

bool wide_has_digits(const struct wide *w, unsigned n)
{
    struct wide limit = {.limbs = {1}, .n_limbs = 1};
    if (!wide_scale_up(&limit, n))
        return true; /* the limit is beyond everything a wide can hold */
    if (w->n_limbs != limit.n_limbs)
        return w->n_limbs < limit.n_limbs;
    for (size_t i = w->n_limbs; i-- > 0;) {
        if (w->limbs[i] != limit.limbs[i])
            return w->limbs[i] < limit.limbs[i];
    }
    return false;
}

static bool is_power_of_two(const struct wide *w, unsigned bit)
{
    for (size_t i = 0; i < w->n_limbs; i++) {
        uint32_t want = i == bit / 32 ? UINT32_C(1) << (bit % 32) : 0;
        if (w->limbs[i] != want)
            return false;
    }
    return w->n_limbs == bit / 32 + 1;
}

bool wide_fits(const struct wide *w, unsigned bits, bool is_signed)
{
    if (w->n_limbs == 0)
        return true;
    unsigned used = (unsigned)(w->n_limbs - 1) * 32;
    for (uint32_t top = w->limbs[w->n_limbs - 1]; top != 0; top >>= 1)
        used++;
    if (!is_signed)
        return !w->negative && used <= bits;
    return used <= bits - 1 || (w->negative && is_power_of_two(w, bits - 1));
}

unsigned char *wide_put(const struct wide *w, unsigned bits, unsigned char *out)
{
    uint32_t carry = 1;
    for (size_t limb = 0; limb < bits / 32; limb++) {
        uint32_t value = limb < w->n_limbs ? w->limbs[limb] : 0;
        if (w->negative) {
            value = ~value + carry;
            carry = carry != 0 && value == 0 ? 1 : 0;
        }
        for (unsigned i = 0; i < 4; i++)
            *out++ = (unsigned char)(value >> (8 * i));
    }
    return out;
}

/* The magnitude's digits, least significant first. */
static size_t digits_backwards(struct wide w, char *out)
{
    size_t n = 0;
    while (w.n_limbs > 0) {
        uint64_t rest = 0;
        for (size_t i = w.n_limbs; i-- > 0;) {
            rest = rest << 32 | w.limbs[i];
            w.limbs[i] = (uint32_t)(rest / 1000000000);
            rest %= 1000000000;
        }
        trim(&w);
        for (int i = 0; i < 9 && (rest != 0 || w.n_limbs > 0); i++) {
            out[n++] = (char)('0' + rest % 10);
            rest /= 10;
        }
    }
    return n;
}

size_t wide_text(const struct wide *w, unsigned scale, char *out)
{
    char backwards[WIDE_MAX_TEXT];
    size_t n_digits = digits_backwards(*w, backwards);
    size_t n = 0;
    while (n_digits <= scale) /* at least one digit before the point */
        backwards[n_digits++] = '0';
    if (w->negative)
        out[n++] = '-';
    while (n_digits > 0) {
        if (n_digits == scale)
            out[n++] = '.';
        out[n++] = backwards[--n_digits];
    }
    return n;
}
