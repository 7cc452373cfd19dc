/* address.c - see address.h. */
#include "clickhouse/address.h"

enum sluice_code address_begin(struct sluice_buf *address, const char *base, struct sluice_error *err)
{
    size_t n_base = strlen(base);
    while (n_base > 0 && base[n_base - 1] == '/')
        n_base--;
    sluice_buf_clear(address);
    enum sluice_code code = sluice_buf_append(address, base, n_base, err);
    return code == SLUICE_OK ? sluice_buf_append_char(address, '/', err) : code;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
}

static enum sluice_code encode(struct sluice_buf *address, struct sluice_str value, struct sluice_error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; code == SLUICE_OK && i < value.len; i++) {
        unsigned char byte = (unsigned char)value.ptr[i];
        const char escaped[3] = {'%', digits[byte >> 4], digits[byte & 15]};
        code = is_unreserved(value.ptr[i]) ? sluice_buf_append_char(address, value.ptr[i], err)
                                           : sluice_buf_append(address, escaped, sizeof escaped, err);
    }
    return code;
}

static enum sluice_code add_name(struct sluice_buf *address, const char *prefix, const char *name,
                                 struct sluice_error *err)
{
    /* A base address has no query part, so the first question mark is ours. */
    bool first = memchr(address->ptr, '?', address->len) == NULL;
    return sluice_buf_printf(address, err, "%c%s%s=", first ? '?' : '&', prefix, name);
}

enum sluice_code address_add(struct sluice_buf *address, const char *prefix, const char *name, struct sluice_str value,
                             struct sluice_error *err)
{
    enum sluice_code code = add_name(address, prefix, name, err);
    return code == SLUICE_OK ? encode(address, value, err) : code;
}

static struct sluice_str tab_escape(const char *c)
{
    switch (*c) {
    case '\\':
        return SLUICE_STR_LITERAL("\\\\");
    case '\t':
        return SLUICE_STR_LITERAL("\\t");
    case '\n':
        return SLUICE_STR_LITERAL("\\n");
    case '\r':
        return SLUICE_STR_LITERAL("\\r");
    case '\b':
        return SLUICE_STR_LITERAL("\\b");
    case '\f':
        return SLUICE_STR_LITERAL("\\f");
    case '\0':
        return SLUICE_STR_LITERAL("\\0");
    default:
        return (struct sluice_str){c, 1};
    }
}

enum sluice_code address_add_param(struct sluice_buf *address, const char *name, struct sluice_str value,
                                   struct sluice_error *err)
{
    enum sluice_code code = add_name(address, "param_", name, err);
    for (size_t i = 0; code == SLUICE_OK && i < value.len; i++)
        code = encode(address, tab_escape(value.ptr + i), err);
    return code;
}
