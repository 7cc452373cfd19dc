/* utf8.c - see utf8.h. */
#include "json/utf8.h"

/* The range of the second byte; the others are 0x80 to 0xbf. */
struct range {
    unsigned char low;
    unsigned char high;
};

static struct range second_byte(unsigned char lead)
{
    switch (lead) {
    case 0xe0:
        return (struct range){0xa0, 0xbf}; /* below: overlong */
    case 0xed:
        return (struct range){0x80, 0x9f}; /* above: surrogates */
    case 0xf0:
        return (struct range){0x90, 0xbf}; /* below: overlong */
    case 0xf4:
        return (struct range){0x80, 0x8f}; /* above: beyond U+10FFFF */
    default:
        return (struct range){0x80, 0xbf};
    }
}

/* The length of the sequence that begins here, 0 if none does. */
static size_t sequence_length(const unsigned char *at, size_t n_left)
{
    if (at[0] < 0xc2 || at[0] > 0xf4)
        return 0;
    size_t n = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
    struct range range = second_byte(at[0]);
    if (n > n_left || at[1] < range.low || at[1] > range.high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

const char *utf8_find_bad(struct sluice_str text)
{
    size_t i = 0;
    while (i < text.len) {
        const unsigned char *at = (const unsigned char *)text.ptr + i;
        size_t n = *at < 0x80 ? 1 : sequence_length(at, text.len - i);
        if (n == 0)
            return text.ptr + i;
        i += n;
    }
    return NULL;
}

size_t utf8_put(unsigned point, char *out)
{
    if (point < 0x80) {
        out[0] = (char)point;
        return 1;
    }
    if (point < 0x800) {
        out[0] = (char)(0xc0 | point >> 6);
        out[1] = (char)(0x80 | (point & 0x3f));
        return 2;
    }
    if (point < 0x10000) {
        out[0] = (char)(0xe0 | point >> 12);
        out[1] = (char)(0x80 | (point >> 6 & 0x3f));
        out[2] = (char)(0x80 | (point & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | point >> 18);
    out[1] = (char)(0x80 | (point >> 12 & 0x3f));
    out[2] = (char)(0x80 | (point >> 6 & 0x3f));
    out[3] = (char)(0x80 | (point & 0x3f));
    return 4;
}
