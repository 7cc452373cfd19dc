/* buf.c - see buf.h. Grows by doubling up to the ceiling. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

void sluice_buf_init(struct sluice_buf *buf, size_t max_bytes, const char *what)
{
    *buf = (struct sluice_buf){.max = max_bytes, .what = what};
}

void sluice_buf_deinit(struct sluice_buf *buf)
{
    free(buf->ptr);
    buf->ptr = NULL;
    buf->len = 0;
    buf->capacity = 0;
}

enum sluice_code sluice_buf_reserve(struct sluice_buf *buf, size_t n_bytes, struct sluice_error *err)
{
    if (SLUICE_UNLIKELY(n_bytes > buf->max - buf->len))
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION, "%s would grow beyond %zu bytes", buf->what,
                                buf->max);
    if (n_bytes < buf->capacity - buf->len)
        return SLUICE_OK;
    size_t needed = buf->len + n_bytes + 1;
    size_t capacity = buf->capacity > 0 ? buf->capacity : FIRST_CAPACITY;
    while (capacity < needed)
        capacity = capacity > buf->max / 2 ? buf->max + 1 : capacity * 2;
    char *grown = realloc(buf->ptr, capacity);
    if (grown == NULL)
        return sluice_error_nomem(err, buf->what, capacity);
    buf->ptr = grown;
    buf->capacity = capacity;
    return SLUICE_OK;
}

enum sluice_code sluice_buf_append(struct sluice_buf *buf, const void *bytes, size_t n_bytes, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_reserve(buf, n_bytes, err);
    if (code != SLUICE_OK)
        return code;
    if (n_bytes > 0)
        memcpy(buf->ptr + buf->len, bytes, n_bytes);
    buf->len += n_bytes;
    buf->ptr[buf->len] = '\0';
    return SLUICE_OK;
}

enum sluice_code sluice_buf_append_str(struct sluice_buf *buf, struct sluice_str s, struct sluice_error *err)
{
    return sluice_buf_append(buf, s.ptr, s.len, err);
}

enum sluice_code sluice_buf_append_z(struct sluice_buf *buf, const char *text_z, struct sluice_error *err)
{
    return sluice_buf_append(buf, text_z, strlen(text_z), err);
}

enum sluice_code sluice_buf_append_char(struct sluice_buf *buf, char c, struct sluice_error *err)
{
    return sluice_buf_append(buf, &c, 1, err);
}

enum sluice_code sluice_buf_printf(struct sluice_buf *buf, struct sluice_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int needed = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (needed < 0)
        SLUICE_BUG("format of sluice_buf_printf");
    enum sluice_code code = sluice_buf_reserve(buf, (size_t)needed, err);
    if (code != SLUICE_OK)
        return code;
    va_start(args, format);
    (void)vsnprintf(buf->ptr + buf->len, (size_t)needed + 1, format, args);
    va_end(args);
    buf->len += (size_t)needed;
    return SLUICE_OK;
}

enum sluice_code sluice_buf_append_leb128(struct sluice_buf *buf, uint64_t value, struct sluice_error *err)
{
    unsigned char bytes[10];
    size_t n = 0;
    do {
        unsigned char low = (unsigned char)(value & 0x7f);
        value >>= 7;
        bytes[n++] = value != 0 ? (unsigned char)(low | 0x80) : low;
    } while (value != 0);
    return sluice_buf_append(buf, bytes, n, err);
}
