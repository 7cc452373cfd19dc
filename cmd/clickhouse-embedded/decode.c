/* decode.c - one stage per Content-Encoding, then the frames. A stream that ends early is an error: the statement must
 * not run on half of its data. */
#define ZLIB_CONST /* zlib.h: input by pointer to const */
#include "decode.h"

#include <lz4frame.h>
#include <stdlib.h>
#include <strings.h>
#include <zlib.h>
#include <zstd.h>

#include "frames.h"

enum { OUTPUT = 256 << 10 };
enum encoding { ENCODING_NONE, ENCODING_ZLIB, ENCODING_LZ4, ENCODING_ZSTD };

struct decoder {
    enum encoding encoding;
    bool native;
    bool begun; /* bytes came since the last end of a stream */
    z_stream zlib;
    LZ4F_dctx *lz4;
    ZSTD_DStream *zstd;
    char *output;
    struct frames frames;
    decode_sink sink;
    void *taker;
};

static bool open_stage(struct decoder *d, const char *encoding_z, struct failure *f)
{
    bool ok = false;
    if (encoding_z == NULL || encoding_z[0] == '\0' || strcasecmp(encoding_z, "identity") == 0)
        return true;
    if (strcasecmp(encoding_z, "gzip") == 0 || strcasecmp(encoding_z, "deflate") == 0) {
        ok = inflateInit2(&d->zlib, strcasecmp(encoding_z, "gzip") == 0 ? 15 + 16 : 15) == Z_OK;
        d->encoding = ok ? ENCODING_ZLIB : ENCODING_NONE;
    } else if (strcasecmp(encoding_z, "lz4") == 0) {
        d->encoding = ENCODING_LZ4;
        ok = !LZ4F_isError(LZ4F_createDecompressionContext(&d->lz4, LZ4F_VERSION));
    } else if (strcasecmp(encoding_z, "zstd") == 0) {
        d->encoding = ENCODING_ZSTD;
        d->zstd = ZSTD_createDStream();
        ok = d->zstd != NULL;
    } else {
        failure_set(f, FAILURE_NOT_IMPLEMENTED,
                    "Content-Encoding %s is not supported by clickhouse-embedded: send gzip, deflate, lz4 or zstd",
                    encoding_z);
        return false;
    }
    d->output = ok ? malloc(OUTPUT) : NULL;
    if (d->output == NULL)
        failure_set(f, FAILURE_CANNOT_ALLOCATE_MEMORY, "Cannot start decompression of Content-Encoding %s", encoding_z);
    return d->output != NULL;
}

struct decoder *decoder_new(const char *encoding_z, bool native_frames, decode_sink sink, void *taker,
                            struct failure *f)
{
    struct decoder *d = calloc(1, sizeof *d);
    if (d == NULL) {
        failure_set(f, FAILURE_CANNOT_ALLOCATE_MEMORY, "Cannot allocate a decoder");
        return NULL;
    }
    d->native = native_frames;
    d->sink = sink;
    d->taker = taker;
    if (open_stage(d, encoding_z, f))
        return d;
    decoder_free(d);
    return NULL;
}

static bool pass_on(struct decoder *d, const char *bytes, size_t n, struct failure *f)
{
    if (n == 0)
        return true;
    if (d->native)
        return frames_feed(&d->frames, bytes, n, d->sink, d->taker, f);
    return d->sink(d->taker, bytes, n);
}

static bool feed_zlib(struct decoder *d, const char *bytes, size_t n, struct failure *f)
{
    d->zlib.next_in = (const Bytef *)bytes;
    d->zlib.avail_in = (uInt)n;
    int result = Z_OK;
    do {
        d->begun = true;
        d->zlib.next_out = (Bytef *)d->output;
        d->zlib.avail_out = OUTPUT;
        result = inflate(&d->zlib, Z_NO_FLUSH);
        if (result != Z_OK && result != Z_STREAM_END && result != Z_BUF_ERROR) {
            failure_set(f, FAILURE_ZLIB_INFLATE_FAILED, "inflate failed: %s",
                        d->zlib.msg == NULL ? zError(result) : d->zlib.msg);
            return false;
        }
        if (!pass_on(d, d->output, OUTPUT - d->zlib.avail_out, f))
            return false;
        if (result == Z_STREAM_END) {
            d->begun = false; /* another member may follow */
            (void)inflateReset(&d->zlib);
        }
    } while (d->zlib.avail_in > 0 || (d->zlib.avail_out == 0 && result == Z_OK));
    return true;
}

static bool feed_lz4(struct decoder *d, const char *bytes, size_t n, struct failure *f)
{
    size_t produced;
    do {
        size_t consumed = n;
        produced = OUTPUT;
        size_t hint = LZ4F_decompress(d->lz4, d->output, &produced, bytes, &consumed, NULL);
        if (LZ4F_isError(hint)) {
            failure_set(f, FAILURE_LZ4_DECODER_FAILED, "LZ4 decompression failed: %s", LZ4F_getErrorName(hint));
            return false;
        }
        d->begun = hint != 0;
        bytes += consumed;
        n -= consumed;
        if (!pass_on(d, d->output, produced, f))
            return false;
    } while (n > 0 || produced == OUTPUT);
    return true;
}

static bool feed_zstd(struct decoder *d, const char *bytes, size_t n, struct failure *f)
{
    ZSTD_inBuffer in = {.src = bytes, .size = n};
    ZSTD_outBuffer out;
    do {
        out = (ZSTD_outBuffer){.dst = d->output, .size = OUTPUT};
        size_t hint = ZSTD_decompressStream(d->zstd, &out, &in);
        if (ZSTD_isError(hint)) {
            failure_set(f, FAILURE_ZSTD_DECODER_FAILED, "ZSTD decompression failed: %s", ZSTD_getErrorName(hint));
            return false;
        }
        d->begun = hint != 0;
        if (!pass_on(d, d->output, out.pos, f))
            return false;
    } while (in.pos < in.size || out.pos == out.size);
    return true;
}

bool decoder_feed(struct decoder *d, const char *bytes, size_t n, struct failure *f)
{
    switch (d->encoding) {
    case ENCODING_ZLIB:
        return feed_zlib(d, bytes, n, f);
    case ENCODING_LZ4:
        return feed_lz4(d, bytes, n, f);
    case ENCODING_ZSTD:
        return feed_zstd(d, bytes, n, f);
    case ENCODING_NONE:
        break;
    }
    return pass_on(d, bytes, n, f);
}

bool decoder_end(struct decoder *d, struct failure *f)
{
    if (d->begun) {
        failure_set(f, FAILURE_UNEXPECTED_END_OF_FILE,
                    "Unexpected end of file: the body ends inside a compressed stream");
        return false;
    }
    return frames_end(&d->frames, f);
}

void decoder_free(struct decoder *d)
{
    if (d == NULL)
        return;
    if (d->encoding == ENCODING_ZLIB)
        (void)inflateEnd(&d->zlib);
    (void)LZ4F_freeDecompressionContext(d->lz4);
    (void)ZSTD_freeDStream(d->zstd);
    frames_deinit(&d->frames);
    free(d->output);
    free(d);
}
