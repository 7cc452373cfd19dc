/* decode.h - undoes the compression of a request body while it arrives: Content-Encoding (gzip, deflate, lz4, zstd)
 * and, inside it, ClickHouse's own frames (decompress=1). Memory is bounded: 256 KiB and, for frames, two times
 * FRAME_MAX.
 */
#ifndef CLICKHOUSE_EMBEDDED_DECODE_H
#define CLICKHOUSE_EMBEDDED_DECODE_H

#include <stdbool.h>
#include <stddef.h>

#include "failure.h"

/* Takes decoded bytes; false stops the decoder (the taker knows why). */
typedef bool (*decode_sink)(void *taker, const char *bytes, size_t n);

struct decoder;

/* encoding_z: value of Content-Encoding or NULL. NULL, with *f set, when the encoding is not known. */
struct decoder *decoder_new(const char *encoding_z, bool native_frames, decode_sink sink, void *taker,
                            struct failure *f);
/* False: *f is set, or the taker stopped. */
bool decoder_feed(struct decoder *d, const char *bytes, size_t n, struct failure *f);
/* The body is complete: false with *f set when it ends inside a stream or frame. */
bool decoder_end(struct decoder *d, struct failure *f);
void decoder_free(struct decoder *d);

#endif
