/* buf.h - a growing byte buffer with a ceiling.
 *
 * Created with the largest size it may ever take; reaching it is SLUICE_E_LIMIT, not a larger buffer. `ptr` is always
 * NUL-terminated behind `len` once something was appended (the terminator does not count). Owner: whoever declares it.
 */
#ifndef SLUICE_BASE_BUF_H
#define SLUICE_BASE_BUF_H

#include "base/error.h"
#include "base/str.h"

struct sluice_buf {
    char *ptr; /* NULL until the first append */
    size_t len;
    size_t capacity;  /* allocated, terminator included */
    size_t max;       /* ceiling of len */
    const char *what; /* names the buffer in errors, static text */
};

/* `max_bytes` is the ceiling of the content. Allocates nothing. */
void sluice_buf_init(struct sluice_buf *buf, size_t max_bytes, const char *what);
/* Releases the memory; legal on a zeroed buffer and twice. */
void sluice_buf_deinit(struct sluice_buf *buf);
SLUICE_DEFINE_AUTO(sluice_buf, struct sluice_buf, sluice_buf_deinit)

static inline void sluice_buf_clear(struct sluice_buf *buf)
{
    buf->len = 0;
}
static inline struct sluice_str sluice_buf_str(const struct sluice_buf *buf)
{
    return (struct sluice_str){buf->ptr, buf->len};
}
/* The content as a C string; "" when nothing was appended yet. Borrowed until the next change. */
static inline const char *sluice_buf_text(const struct sluice_buf *buf)
{
    return buf->len > 0 ? buf->ptr : "";
}

/* Makes room for `n_bytes` more; afterwards that many may be written at ptr + len by hand. */
SLUICE_MUST_CHECK enum sluice_code sluice_buf_reserve(struct sluice_buf *buf, size_t n_bytes, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_buf_append(struct sluice_buf *buf, const void *bytes, size_t n_bytes,
                                                     struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_buf_append_str(struct sluice_buf *buf, struct sluice_str s,
                                                         struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_buf_append_z(struct sluice_buf *buf, const char *text_z,
                                                       struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_buf_append_char(struct sluice_buf *buf, char c, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code sluice_buf_printf(struct sluice_buf *buf, struct sluice_error *err,
                                                     const char *format, ...) SLUICE_PRINTF(3, 4);
/* Unsigned LEB128, as ClickHouse writes string lengths and counts. */
SLUICE_MUST_CHECK enum sluice_code sluice_buf_append_leb128(struct sluice_buf *buf, uint64_t value,
                                                            struct sluice_error *err);

#endif
