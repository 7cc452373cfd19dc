/* base64.c - see base64.h. */
#include "base/base64.h"

/* Value of each character, and a bit above all values for characters that have none. */
enum { BAD = 0x40 };

static const unsigned char values[256] = {
    /* 0x00 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0x10 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0x20 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, 62,  BAD, BAD, BAD, 63,
    /* 0x30 */ 52,  53,  54,  55,  56,  57,  58,  59,  60,  61,  BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0x40 */ BAD, 0,   1,   2,   3,   4,   5,   6,   7,   8,   9,   10,  11,  12,  13,  14,
    /* 0x50 */ 15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25,  BAD, BAD, BAD, BAD, BAD,
    /* 0x60 */ BAD, 26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,
    /* 0x70 */ 41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51,  BAD, BAD, BAD, BAD, BAD,
    /* 0x80 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0x90 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0xa0 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0xb0 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0xc0 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0xd0 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0xe0 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    /* 0xf0 */ BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
};

static size_t padding(struct sluice_str text)
{
    if (text.len < 4 || text.ptr[text.len - 1] != '=')
        return 0;
    return text.ptr[text.len - 2] == '=' ? 2 : 1;
}

size_t base64_size(struct sluice_str text)
{
    return text.len / 4 * 3 - padding(text);
}

/* The last group of a padded text: two or three characters. */
static bool decode_last(const unsigned char *in, size_t n_padding, unsigned char *out)
{
    unsigned a = values[in[0]];
    unsigned b = values[in[1]];
    unsigned c = n_padding == 2 ? 0 : values[in[2]];
    if (((a | b | c) & BAD) != 0)
        return false;
    out[0] = (unsigned char)(a << 2 | b >> 4);
    if (n_padding == 2)
        return (b & 0x0f) == 0;
    out[1] = (unsigned char)(b << 4 | c >> 2);
    return (c & 0x03) == 0;
}

bool base64_decode(struct sluice_str text, unsigned char *out)
{
    if (text.len % 4 != 0)
        return false;
    size_t n_padding = padding(text);
    const unsigned char *in = (const unsigned char *)text.ptr;
    size_t n_whole = text.len / 4 - (n_padding > 0 ? 1 : 0);
    unsigned seen = 0;
    for (size_t i = 0; i < n_whole; i++, in += 4, out += 3) {
        unsigned a = values[in[0]];
        unsigned b = values[in[1]];
        unsigned c = values[in[2]];
        unsigned d = values[in[3]];
        seen |= a | b | c | d;
        out[0] = (unsigned char)(a << 2 | b >> 4);
        out[1] = (unsigned char)(b << 4 | c >> 2);
        out[2] = (unsigned char)(c << 6 | d);
    }
    if ((seen & BAD) != 0)
        return false;
    return n_padding == 0 || decode_last(in, n_padding, out);
}

size_t base64_length(size_t n_bytes)
{
    return (n_bytes + 2) / 3 * 4;
}

void base64_encode(struct sluice_str bytes, char *out)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = (const unsigned char *)bytes.ptr;
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
        unsigned group = (unsigned)in[i] << 16;
        group |= n > 1 ? (unsigned)in[i + 1] << 8 : 0;
        group |= n > 2 ? in[i + 2] : 0;
        *out++ = alphabet[group >> 18];
        *out++ = alphabet[group >> 12 & 63];
        *out++ = (char)(n > 1 ? alphabet[group >> 6 & 63] : '=');
        *out++ = (char)(n > 2 ? alphabet[group & 63] : '=');
    }
}
