/* frames.h - ClickHouse's compressed frames: 16 bytes CityHash128 of all that follows, 1 byte method, 4 bytes
 * compressed size with this 9-byte header, 4 bytes uncompressed size, payload (little-endian). Source: C interface of
 * ClickHouse, Compression/CompressedReadBufferBase.cpp; one method per body, as a server's HTTP handler demands. */
#ifndef CLICKHOUSE_EMBEDDED_FRAMES_H
#define CLICKHOUSE_EMBEDDED_FRAMES_H

#include <stdbool.h>
#include <stddef.h>

#include "decode.h"

enum { FRAME_HEADER = 25, FRAME_MAX = 128 << 20 };

struct frames {
    char *frame; /* header and payload as they arrive */
    size_t frame_capacity;
    size_t len;
    size_t length; /* of the whole frame; 0 until its header is here */
    char *plain;
    size_t plain_capacity;
    int method; /* of the first frame, 0 before it */
};

bool frames_feed(struct frames *fr, const char *bytes, size_t n, decode_sink sink, void *taker, struct failure *f);
bool frames_end(const struct frames *fr, struct failure *f);
void frames_deinit(struct frames *fr);

#endif
