#include "frames.h"

#include <lz4.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "cityhash.h"

enum { CHECKSUM = 16, METHOD_NONE = 0x02, METHOD_LZ4 = 0x82, METHOD_ZSTD = 0x90 };

static size_t le32(const char *p)
{
    const unsigned char *u = (const unsigned char *)p;
    return (size_t)u[0] | (size_t)u[1] << 8 | (size_t)u[2] << 16 | (size_t)u[3] << 24;
}

static uint64_t le64(const char *p)
{
    return (uint64_t)le32(p) | (uint64_t)le32(p + 4) << 32;
}

static bool ensure(char **memory, size_t *capacity, size_t need, struct failure *f)
{
    if (need <= *capacity)
        return true;
    char *grown = realloc(*memory, need);
    if (grown == NULL) {
        failure_set(f, FAILURE_CANNOT_ALLOCATE_MEMORY, "Cannot allocate %zu bytes for a compressed frame", need);
        return false;
    }
    *memory = grown;
    *capacity = need;
    return true;
}

/* Whole length of the frame whose header is here; 0 with *f set when the header cannot be right. */
static size_t frame_length(struct frames *fr, struct failure *f)
{
    size_t compressed = le32(fr->frame + CHECKSUM + 1);
    size_t plain = le32(fr->frame + CHECKSUM + 5);
    int method = (unsigned char)fr->frame[CHECKSUM];
    if (method != METHOD_NONE && method != METHOD_LZ4 && method != METHOD_ZSTD) {
        failure_set(f, FAILURE_UNKNOWN_COMPRESSION_METHOD, "Unknown codec family code: %d", method);
        return 0;
    }
    if (fr->method != 0 && fr->method != method) {
        failure_set(f, FAILURE_CANNOT_DECOMPRESS,
                    "Data compressed with different methods, given method byte 0x%x, previous method byte 0x%x", method,
                    fr->method);
        return 0;
    }
    if (compressed < FRAME_HEADER - CHECKSUM || compressed > FRAME_MAX || plain > FRAME_MAX) {
        failure_set(f, FAILURE_TOO_LARGE_SIZE_COMPRESSED,
                    "Impossible sizes in the header of a compressed frame: %zu compressed, %zu uncompressed (at most "
                    "%d). Most likely corrupted data",
                    compressed, plain, FRAME_MAX);
        return 0;
    }
    fr->method = method;
    return CHECKSUM + compressed;
}

static bool check_sum(const struct frames *fr, size_t length, struct failure *f)
{
    struct city128 sum = cityhash128(fr->frame + CHECKSUM, length - CHECKSUM);
    if (sum.low == le64(fr->frame) && sum.high == le64(fr->frame + 8))
        return true;
    failure_set(f, FAILURE_CHECKSUM_DOESNT_MATCH,
                "Checksum doesn't match: corrupted data. Reference: %016llx%016llx. Actual: %016llx%016llx. Size of "
                "compressed block: %zu",
                (unsigned long long)le64(fr->frame + 8), (unsigned long long)le64(fr->frame),
                (unsigned long long)sum.high, (unsigned long long)sum.low, length - CHECKSUM);
    return false;
}

static bool expand(struct frames *fr, size_t length, decode_sink sink, void *taker, struct failure *f)
{
    const char *payload = fr->frame + FRAME_HEADER;
    size_t n = length - FRAME_HEADER;
    size_t plain = le32(fr->frame + CHECKSUM + 5);
    if (fr->method == METHOD_NONE && n == plain)
        return sink(taker, payload, n);
    if (!ensure(&fr->plain, &fr->plain_capacity, plain, f))
        return false;
    bool ok = false;
    if (fr->method == METHOD_LZ4)
        ok = LZ4_decompress_safe(payload, fr->plain, (int)n, (int)plain) == (int)plain;
    else if (fr->method == METHOD_ZSTD)
        ok = ZSTD_decompress(fr->plain, plain, payload, n) == plain;
    if (!ok) {
        failure_set(f, FAILURE_CANNOT_DECOMPRESS, "Cannot decompress a frame of %zu bytes to %zu bytes", n, plain);
        return false;
    }
    return sink(taker, fr->plain, plain);
}

bool frames_feed(struct frames *fr, const char *bytes, size_t n, decode_sink sink, void *taker, struct failure *f)
{
    while (n > 0) {
        size_t want = fr->length == 0 ? FRAME_HEADER : fr->length;
        if (!ensure(&fr->frame, &fr->frame_capacity, want, f))
            return false;
        size_t take = want - fr->len < n ? want - fr->len : n;
        memcpy(fr->frame + fr->len, bytes, take);
        fr->len += take;
        bytes += take;
        n -= take;
        if (fr->len < want)
            return true;
        if (fr->length == 0 && (fr->length = frame_length(fr, f)) == 0)
            return false;
        if (fr->len < fr->length)
            continue;
        if (!check_sum(fr, fr->length, f) || !expand(fr, fr->length, sink, taker, f))
            return false;
        fr->len = 0;
        fr->length = 0;
    }
    return true;
}

bool frames_end(const struct frames *fr, struct failure *f)
{
    if (fr->len == 0)
        return true;
    failure_set(f, FAILURE_CANNOT_READ_ALL_DATA, "Cannot read all data: the body ends inside a compressed frame");
    return false;
}

void frames_deinit(struct frames *fr)
{
    free(fr->frame);
    free(fr->plain);
    *fr = (struct frames){0};
}
