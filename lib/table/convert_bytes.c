/* convert_bytes.c - bytea and bit strings; see convert.h.
 *
 * Source of the bits' form: Debezium documentation, "io.debezium.data.Bits": the digits as an integer, little-endian,
 * without its high zero bytes.
 */
#include "table/convert.h"

#include "base/base64.h"

static unsigned char *no_bytes(const struct convert *self, struct sluice_error *err)
{
    return convert_refuse(self, "value is not base64", err);
}

/* Bytes of a JSON or an Avro value, at most; its text is base64 in JSON. */
static bool bytes_size(const struct sluice_value *value, size_t *size)
{
    if (value->kind != SLUICE_VALUE_STRING && value->kind != SLUICE_VALUE_BYTES)
        return false;
    *size = value->kind == SLUICE_VALUE_STRING ? base64_size(value->text) : value->text.len;
    return true;
}

static bool read_bytes(const struct sluice_value *value, unsigned char *at)
{
    if (value->kind == SLUICE_VALUE_STRING)
        return base64_decode(value->text, at);
    if (value->text.len > 0)
        memcpy(at, value->text.ptr, value->text.len);
    return true;
}

static unsigned char *put_bytes(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    size_t size;
    if (!bytes_size(value, &size))
        return no_bytes(self, err);
    size_t prefix = convert_leb128_size(size);
    if (!read_bytes(value, at + prefix))
        return no_bytes(self, err);
    convert_put_length(at, prefix, size);
    return at + prefix + size;
}

/* In front of the hex digits that replace them, so that reading stays ahead of writing. */
static unsigned char *put_hex(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                              struct sluice_error *err)
{
    static const char digits[] = "0123456789abcdef";
    size_t size;
    if (!bytes_size(value, &size))
        return no_bytes(self, err);
    size_t prefix = convert_leb128_size(2 * size);
    unsigned char *bytes = at + prefix + size;
    if (!read_bytes(value, bytes))
        return no_bytes(self, err);
    convert_put_length(at, prefix, 2 * size);
    at += prefix;
    for (size_t i = 0; i < size; i++) {
        unsigned byte = bytes[i];
        *at++ = (unsigned char)digits[byte >> 4];
        *at++ = (unsigned char)digits[byte & 15];
    }
    return at;
}

static unsigned char *put_base64(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                 struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_STRING) /* checked by decoding it, over what is overwritten at once */
        return base64_decode(value->text, at) ? convert_put_string(value->text, at) : no_bytes(self, err);
    if (value->kind != SLUICE_VALUE_BYTES)
        return no_bytes(self, err);
    size_t length = base64_length(value->text.len);
    size_t prefix = convert_leb128_size(length);
    convert_put_length(at, prefix, length);
    base64_encode(value->text, (char *)at + prefix);
    return at + prefix + length;
}

static unsigned char *put_fixed_bytes(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                      struct sluice_error *err)
{
    size_t size;
    if (!bytes_size(value, &size) || !read_bytes(value, at))
        return no_bytes(self, err);
    if (size > self->type.length) {
        if (!convert_may_clamp(self))
            return convert_out_of_range(self, CONVERT_ABOVE, "text is too long", at, err);
        convert_count_clamped();
        size = self->type.length;
    }
    if (self->is_key && size < self->type.length) /* '\\x01' and '\\x0100' are two keys */
        return convert_refuse(self, "bytes of the key are fewer than the column's, and zeros would be added", err);
    memset(at + size, 0, self->type.length - size);
    return at + self->type.length;
}

/* Digits of a bit string; `length` fills up what the connector cut off. False if there are more of them. */
static bool count_digits(const struct convert *self, const unsigned char *bytes, size_t size, size_t *n)
{
    size_t last = size;
    while (last > 0 && bytes[last - 1] == 0)
        last--;
    size_t significant = last * 8;
    for (unsigned bit = 0x80; last > 0 && (bytes[last - 1] & bit) == 0; bit >>= 1)
        significant--;
    *n = self->length > 0 ? self->length : significant;
    return significant <= *n;
}

static unsigned char *put_bits(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    size_t size;
    size_t n;
    if (!bytes_size(value, &size))
        return no_bytes(self, err);
    /* Behind everything that will be written. */
    unsigned char *bytes = at + sizeof(uint64_t) + self->length + 8 * size;
    if (!read_bytes(value, bytes))
        return no_bytes(self, err);
    if (!count_digits(self, bytes, size, &n))
        return convert_refuse(self, "bit string is longer than its type", err);
    size_t prefix = convert_leb128_size(n);
    convert_put_length(at, prefix, n);
    at += prefix;
    for (size_t i = n; i-- > 0;) {
        unsigned byte = i / 8 < size ? bytes[i / 8] : 0;
        *at++ = (byte >> (i % 8) & 1) != 0 ? '1' : '0';
    }
    return at;
}

static void choose_string(struct convert *out)
{
    switch (out->binary) {
    case SLUICE_BINARY_HEX:
        out->fn = put_hex;
        out->growth = 3;
        break;
    case SLUICE_BINARY_BASE64:
        out->fn = put_base64;
        out->growth = 2;
        out->part_room += 4;
        break;
    default:
        out->fn = put_bytes;
        break;
    }
}

static void choose_bits(struct convert *out)
{
    out->fn = put_bits;
    out->room += out->length;
    out->part_room += out->length + sizeof(uint64_t);
    out->growth = 9;
}

void convert_choose_bytes(const struct sluice_source_column *column, struct convert *out)
{
    bool is_bytes = column->type == SLUICE_SOURCE_BYTES;
    if (out->type.kind == SLUICE_TYPE_STRING && is_bytes)
        choose_string(out);
    else if (out->type.kind == SLUICE_TYPE_STRING && column->type == SLUICE_SOURCE_BITS)
        choose_bits(out);
    else if (out->type.kind == SLUICE_TYPE_FIXED_STRING && is_bytes)
        out->fn = put_fixed_bytes;
}
