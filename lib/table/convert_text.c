/* convert_text.c - strings, bytes, uuids and enum labels; see convert.h. */
#include "table/convert.h"

#include "table/base64.h"

static bool is_string(const struct sluice_value *value)
{
    return value->kind == SLUICE_VALUE_STRING || value->kind == SLUICE_VALUE_STRING_ESCAPED;
}

static size_t leb128_size(size_t n)
{
    size_t size = 1;
    while (n >= 0x80) {
        n >>= 7;
        size++;
    }
    return size;
}

/* The length in front of a String, in exactly leb128_size() bytes. */
static void put_length(unsigned char *at, size_t n_bytes, size_t length)
{
    for (size_t i = 0; i < n_bytes; i++, length >>= 7)
        at[i] = (unsigned char)((length & 0x7f) | (i + 1 < n_bytes ? 0x80 : 0));
}

/* The length in front is only known once the escapes are gone; it may need fewer bytes than the raw text's. */
static unsigned char *put_escaped(const struct sluice_value *value, unsigned char *at, struct sluice_error *err)
{
    size_t reserved = leb128_size(value->text.len);
    size_t length;
    if (sluice_json_unescape(*value, (char *)at + reserved, &length, err) != SLUICE_OK)
        return NULL;
    size_t needed = leb128_size(length);
    if (needed < reserved)
        memmove(at + needed, at + reserved, length);
    put_length(at, needed, length);
    return at + needed + length;
}

static unsigned char *put_text(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    if (SLUICE_LIKELY(value->kind == SLUICE_VALUE_STRING))
        return convert_put_string(value->text, at);
    if (value->kind == SLUICE_VALUE_STRING_ESCAPED)
        return put_escaped(value, at, err);
    return convert_refuse(self, "value is not a string; name the field's type with the option tables.source_types",
                          err);
}

/* The bytes behind the text, at `at`; base64 for bytes, else without escapes. At most value->text.len of them. */
static bool read_raw(const struct convert *self, const struct sluice_value *value, unsigned char *at, size_t *length,
                     struct sluice_error *err)
{
    if (!is_string(value)) {
        (void)convert_refuse(self, "value is not a string", err);
        return false;
    }
    if (self->source == SLUICE_SOURCE_BYTES) {
        *length = base64_size(value->text);
        if (value->kind == SLUICE_VALUE_STRING && base64_decode(value->text, at))
            return true;
        (void)convert_refuse(self, "value is not base64", err);
        return false;
    }
    if (value->kind == SLUICE_VALUE_STRING_ESCAPED)
        return sluice_json_unescape(*value, (char *)at, length, err) == SLUICE_OK;
    memcpy(at, value->text.ptr, value->text.len);
    *length = value->text.len;
    return true;
}

static unsigned char *put_bytes(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    if (value->kind != SLUICE_VALUE_STRING)
        return convert_refuse(self, "value is not base64", err);
    size_t length = base64_size(value->text);
    size_t prefix = leb128_size(length);
    if (!base64_decode(value->text, at + prefix))
        return convert_refuse(self, "value is not base64", err);
    put_length(at, prefix, length);
    return at + prefix + length;
}

static unsigned char *put_fixed_string(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                       struct sluice_error *err)
{
    size_t length;
    if (!read_raw(self, value, at, &length, err))
        return NULL;
    if (length > self->type.length)
        return convert_refuse(self, "text is too long", err);
    memset(at + length, 0, self->type.length - length);
    return at + self->type.length;
}

static unsigned char *put_enum(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    size_t length;
    if (!read_raw(self, value, at, &length, err))
        return NULL;
    const struct sluice_enum_label *label = convert_find_label(self, (struct sluice_str){(const char *)at, length});
    if (label == NULL)
        return convert_refuse(self, "text is not one of the labels", err);
    return convert_put_int(at, label->value, self->width);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11": two halves of eight bytes, each written backwards. */
static bool read_uuid(struct sluice_str text, unsigned char *at)
{
    size_t n = 0;
    if (text.len != 36)
        return false;
    for (size_t i = 0; i < 36;) {
        if (i == 8 || i == 13 || i == 18 || i == 23) {
            if (text.ptr[i++] != '-')
                return false;
            continue;
        }
        int high = hex_value(text.ptr[i]);
        int low = hex_value(text.ptr[i + 1]);
        if (high < 0 || low < 0)
            return false;
        at[n ^ 7] = (unsigned char)(high * 16 + low);
        n++;
        i += 2;
    }
    return true;
}

static unsigned char *put_uuid(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    if (value->kind != SLUICE_VALUE_STRING || !read_uuid(value->text, at))
        return convert_refuse(self, "value is not a UUID", err);
    return at + 16;
}

static bool is_textual(enum sluice_source_type source)
{
    switch (source) {
    case SLUICE_SOURCE_STRING:
    case SLUICE_SOURCE_UUID:
    case SLUICE_SOURCE_JSON:
    case SLUICE_SOURCE_ENUM:
    case SLUICE_SOURCE_UNTYPED:
        return true;
    default:
        return false;
    }
}

void convert_choose_text(const struct sluice_source_column *column, struct convert *out)
{
    enum sluice_source_type source = column->type;
    bool textual = is_textual(source);
    switch (out->type.kind) {
    case SLUICE_TYPE_STRING:
        if (textual || source == SLUICE_SOURCE_ZONED_TIMESTAMP)
            out->fn = put_text;
        else if (source == SLUICE_SOURCE_BYTES)
            out->fn = put_bytes;
        break;
    case SLUICE_TYPE_FIXED_STRING:
        if (textual || source == SLUICE_SOURCE_BYTES)
            out->fn = put_fixed_string;
        break;
    case SLUICE_TYPE_ENUM:
        if (source == SLUICE_SOURCE_ENUM || source == SLUICE_SOURCE_STRING || source == SLUICE_SOURCE_UNTYPED)
            out->fn = put_enum;
        break;
    case SLUICE_TYPE_UUID:
        if (source == SLUICE_SOURCE_UUID || source == SLUICE_SOURCE_UNTYPED)
            out->fn = put_uuid;
        break;
    case SLUICE_TYPE_BOOL:
    case SLUICE_TYPE_INT:
    case SLUICE_TYPE_FLOAT:
    case SLUICE_TYPE_DECIMAL:
    case SLUICE_TYPE_DATE:
    case SLUICE_TYPE_DATE32:
    case SLUICE_TYPE_DATETIME:
    case SLUICE_TYPE_DATETIME64:
        break;
    }
}
