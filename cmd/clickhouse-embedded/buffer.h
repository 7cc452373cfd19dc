/* buffer.h - a growing byte buffer with a ceiling. Zeroed storage with `max` set is an empty buffer. */
#ifndef CLICKHOUSE_EMBEDDED_BUFFER_H
#define CLICKHOUSE_EMBEDDED_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

struct buffer {
    char *data;
    size_t len;
    size_t capacity;
    size_t max; /* bytes; append fails beyond it */
};

/* Makes room for `more` bytes after len. False when that passes the ceiling or memory is out. */
bool buffer_reserve(struct buffer *b, size_t more);
bool buffer_append(struct buffer *b, const void *bytes, size_t n);
bool buffer_text(struct buffer *b, const char *text_z);
bool buffer_format(struct buffer *b, const char *format_z, ...) __attribute__((format(printf, 2, 3)));
/* Appends a string literal of SQL: quotes around it, backslash escapes inside. */
bool buffer_sql_literal(struct buffer *b, const char *text_z);
/* Appends a JSON string with its quotes. */
bool buffer_json_string(struct buffer *b, const char *text_z);
void buffer_deinit(struct buffer *b);

#endif
