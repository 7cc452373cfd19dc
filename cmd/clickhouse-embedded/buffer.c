#include "buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool buffer_reserve(struct buffer *b, size_t more)
{
    if (more > b->max || b->len > b->max - more)
        return false;
    size_t need = b->len + more;
    if (need <= b->capacity)
        return true;
    size_t capacity = b->capacity == 0 ? 256 : b->capacity;
    while (capacity < need)
        capacity = capacity > b->max / 2 ? b->max : capacity * 2;
    char *data = realloc(b->data, capacity);
    if (data == NULL)
        return false;
    b->data = data;
    b->capacity = capacity;
    return true;
}

bool buffer_append(struct buffer *b, const void *bytes, size_t n)
{
    if (!buffer_reserve(b, n))
        return false;
    if (n > 0)
        memcpy(b->data + b->len, bytes, n);
    b->len += n;
    return true;
}

bool buffer_text(struct buffer *b, const char *text_z)
{
    return buffer_append(b, text_z, strlen(text_z));
}

bool buffer_format(struct buffer *b, const char *format_z, ...)
{
    va_list args;
    va_start(args, format_z);
    int n = vsnprintf(NULL, 0, format_z, args);
    va_end(args);
    if (n < 0 || !buffer_reserve(b, (size_t)n + 1))
        return false;
    va_start(args, format_z);
    (void)vsnprintf(b->data + b->len, (size_t)n + 1, format_z, args);
    va_end(args);
    b->len += (size_t)n;
    return true;
}

bool buffer_sql_literal(struct buffer *b, const char *text_z)
{
    bool ok = buffer_append(b, "'", 1);
    for (const char *c = text_z; *c != '\0' && ok; c++) {
        if (*c == '\'' || *c == '\\')
            ok = buffer_append(b, "\\", 1);
        ok = ok && buffer_append(b, c, 1);
    }
    return ok && buffer_append(b, "'", 1);
}

bool buffer_json_string(struct buffer *b, const char *text_z)
{
    bool ok = buffer_append(b, "\"", 1);
    for (const char *c = text_z; *c != '\0' && ok; c++) {
        if (*c == '"' || *c == '\\')
            ok = buffer_append(b, "\\", 1) && buffer_append(b, c, 1);
        else if ((unsigned char)*c < 0x20)
            ok = buffer_format(b, "\\u%04x", (unsigned)(unsigned char)*c);
        else
            ok = buffer_append(b, c, 1);
    }
    return ok && buffer_append(b, "\"", 1);
}

void buffer_deinit(struct buffer *b)
{
    free(b->data);
    b->data = NULL;
    b->len = 0;
    b->capacity = 0;
}
