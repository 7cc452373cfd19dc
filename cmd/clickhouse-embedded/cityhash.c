#include "cityhash.h"

#include <string.h>

static const uint64_t K0 = UINT64_C(0xc3a5c85c97cb3127);
static const uint64_t K1 = UINT64_C(0xb492b66fbe98f273);
static const uint64_t K2 = UINT64_C(0x9ae16a3b2f90404f);
static const uint64_t K3 = UINT64_C(0xc949d7c7509e6557);

/* The running state of the long form: two pairs and three words. */
struct state {
    struct city128 v, w;
    uint64_t x, y, z;
};

static uint64_t word(const unsigned char *p)
{
    uint64_t value;
    memcpy(&value, p, sizeof value); /* the hash is defined on little-endian words; so is every machine of libchdb */
    return value;
}

static uint64_t half_word(const unsigned char *p)
{
    uint32_t value;
    memcpy(&value, p, sizeof value);
    return value;
}

static uint64_t rotate(uint64_t value, unsigned by)
{
    return by == 0 ? value : (value >> by) | (value << (64 - by));
}

static uint64_t shift_mix(uint64_t value)
{
    return value ^ (value >> 47);
}

static uint64_t mix_pair(uint64_t u, uint64_t v)
{
    const uint64_t multiplier = UINT64_C(0x9ddfea08eb382d69);
    uint64_t a = shift_mix((u ^ v) * multiplier);
    uint64_t b = shift_mix((v ^ a) * multiplier);
    return b * multiplier;
}

static uint64_t hash_short(const unsigned char *s, size_t len)
{
    if (len > 8) {
        uint64_t last = word(s + len - 8);
        return mix_pair(word(s), rotate(last + len, (unsigned)len)) ^ last;
    }
    if (len >= 4)
        return mix_pair(len + (half_word(s) << 3), half_word(s + len - 4));
    if (len > 0) {
        uint32_t y = s[0] + ((uint32_t)s[len >> 1] << 8);
        uint32_t z = (uint32_t)len + ((uint32_t)s[len - 1] << 2);
        return shift_mix(y * K2 ^ z * K3) * K2;
    }
    return K2;
}

static struct city128 weak32(const unsigned char *s, uint64_t a, uint64_t b)
{
    a += word(s);
    b = rotate(b + a + word(s + 24), 21);
    uint64_t before = a;
    a += word(s + 8) + word(s + 16);
    b += rotate(a, 44);
    return (struct city128){.low = a + word(s + 24), .high = b + before};
}

/* Rests shorter than 128 bytes. */
static struct city128 murmur(const unsigned char *s, size_t len, struct city128 seed)
{
    uint64_t a = seed.low;
    uint64_t b = seed.high;
    uint64_t c, d;
    if (len <= 16) {
        a = shift_mix(a * K1) * K1;
        c = b * K1 + hash_short(s, len);
        d = shift_mix(a + (len >= 8 ? word(s) : c));
    } else {
        c = mix_pair(word(s + len - 8) + K1, a);
        d = mix_pair(b + len, c + word(s + len - 16));
        a += d;
        for (size_t at = 0; at + 16 < len; at += 16) {
            a = (a ^ shift_mix(word(s + at) * K1) * K1) * K1;
            b ^= a;
            c = (c ^ shift_mix(word(s + at + 8) * K1) * K1) * K1;
            d ^= c;
        }
    }
    a = mix_pair(a, c);
    b = mix_pair(d, b);
    return (struct city128){.low = a ^ b, .high = mix_pair(b, a)};
}

static void mix64(struct state *t, const unsigned char *s)
{
    uint64_t x = rotate(t->x + t->y + t->v.low + word(s + 16), 37) * K1 ^ t->w.high;
    t->y = rotate(t->y + t->v.high + word(s + 48), 42) * K1 ^ t->v.low;
    uint64_t z = rotate(t->z ^ t->w.low, 33);
    t->v = weak32(s, t->v.high * K1, x + t->w.low);
    t->w = weak32(s + 32, z + t->w.high, t->y);
    t->x = z; /* x and z change places */
    t->z = x;
}

static struct city128 hash_seeded(const unsigned char *s, size_t len, struct city128 seed)
{
    if (len < 128)
        return murmur(s, len, seed);
    struct state t = {.x = seed.low, .y = seed.high, .z = len * K1};
    t.v.low = rotate(t.y ^ K1, 49) * K1 + word(s);
    t.v.high = rotate(t.v.low, 42) * K1 + word(s + 8);
    t.w.low = rotate(t.y + t.z, 35) * K1 + t.x;
    t.w.high = rotate(t.x + word(s + 88), 53) * K1;
    for (; len >= 128; s += 128, len -= 128) {
        mix64(&t, s);
        mix64(&t, s + 64);
    }
    t.y += rotate(t.w.low, 37) * K0 + t.z;
    t.x += rotate(t.v.low + t.z, 49) * K0;
    /* What is left is read in pieces of 32 from the end; the last one reaches back over bytes already mixed in. */
    for (size_t done = 32; done < len + 32; done += 32) {
        const unsigned char *piece = s + len - done;
        t.y = rotate(t.y - t.x, 42) * K0 + t.v.high;
        t.w.low += word(piece + 16);
        t.x = rotate(t.x, 49) * K0 + t.w.low;
        t.w.low += t.v.low;
        t.v = weak32(piece, t.v.low, t.v.high);
    }
    uint64_t x = mix_pair(t.x, t.v.low);
    uint64_t y = mix_pair(t.y, t.w.low);
    return (struct city128){.low = mix_pair(x + t.v.high, t.w.high) + y, .high = mix_pair(x + t.w.high, y + t.v.high)};
}

struct city128 cityhash128(const void *bytes, size_t len)
{
    const unsigned char *s = bytes;
    if (len >= 16)
        return hash_seeded(s + 16, len - 16, (struct city128){.low = word(s) ^ K3, .high = word(s + 8)});
    if (len >= 8)
        return hash_seeded(s, 0, (struct city128){.low = word(s) ^ (len * K0), .high = word(s + len - 8) ^ K1});
    return hash_seeded(s, len, (struct city128){.low = K0, .high = K1});
}
