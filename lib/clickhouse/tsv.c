/* tsv.c - see tsv.h. Source: ClickHouse documentation, "TabSeparated", section on escaping. */
#include "clickhouse/tsv.h"

bool tsv_next_line(struct sluice_str *text, struct sluice_str *line)
{
    if (text->len == 0)
        return false;
    const char *end = memchr(text->ptr, '\n', text->len);
    size_t n_line = end != NULL ? (size_t)(end - text->ptr) : text->len;
    size_t n_taken = end != NULL ? n_line + 1 : n_line;
    *line = (struct sluice_str){text->ptr, n_line};
    *text = (struct sluice_str){text->ptr + n_taken, text->len - n_taken};
    return true;
}

bool tsv_next_field(struct sluice_str *line, struct sluice_str *field)
{
    if (line->ptr == NULL)
        return false;
    const char *end = line->len > 0 ? memchr(line->ptr, '\t', line->len) : NULL;
    if (end == NULL) {
        *field = *line;
        *line = (struct sluice_str){0};
        return true;
    }
    size_t n_field = (size_t)(end - line->ptr);
    *field = (struct sluice_str){line->ptr, n_field};
    *line = (struct sluice_str){line->ptr + n_field + 1, line->len - n_field - 1};
    return true;
}

static char unescaped(char c)
{
    switch (c) {
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case '0':
        return '\0';
    default:
        return c; /* backslash, quote, and whatever the server may add */
    }
}

enum sluice_code tsv_unescape(struct sluice_arena *arena, struct sluice_str field, const char **out,
                              struct sluice_error *err)
{
    char *copy = sluice_arena_alloc(arena, field.len + 1, err);
    if (copy == NULL)
        return err->code;
    size_t n = 0;
    for (size_t i = 0; i < field.len; i++) {
        if (field.ptr[i] == '\\' && i + 1 < field.len)
            copy[n++] = unescaped(field.ptr[++i]);
        else
            copy[n++] = field.ptr[i];
    }
    *out = copy;
    return SLUICE_OK;
}
