/* convert_text.c - strings, uuids, addresses and enum labels; see convert.h. */
#include "table/convert.h"

#include <arpa/inet.h>

static bool is_string(const struct sluice_value *value)
{
    return value->kind == SLUICE_VALUE_STRING || value->kind == SLUICE_VALUE_STRING_ESCAPED;
}

/* The length in front is only known once the escapes are gone; it may need fewer bytes than the raw text's. */
static unsigned char *put_escaped(const struct sluice_value *value, unsigned char *at, struct sluice_error *err)
{
    size_t reserved = convert_leb128_size(value->text.len);
    size_t length;
    if (sluice_json_unescape(*value, (char *)at + reserved, &length, err) != SLUICE_OK)
        return NULL;
    return convert_finish_string(at, reserved, length);
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

/* The text without escapes, at `at`. At most value->text.len bytes. */
static bool read_text(const struct convert *self, const struct sluice_value *value, unsigned char *at, size_t *length,
                      struct sluice_error *err)
{
    if (!is_string(value)) {
        (void)convert_refuse(self, "value is not a string", err);
        return false;
    }
    if (value->kind == SLUICE_VALUE_STRING_ESCAPED)
        return sluice_json_unescape(*value, (char *)at, length, err) == SLUICE_OK;
    if (value->text.len > 0)
        memcpy(at, value->text.ptr, value->text.len);
    *length = value->text.len;
    return true;
}

/* As much of a text as `max` bytes hold without cutting a character. */
static size_t cut_at_character(const unsigned char *text, size_t max)
{
    size_t n = max;
    while (n > 0 && (text[n] & 0xc0) == 0x80)
        n--;
    return n;
}

static unsigned char *put_fixed_string(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                       struct sluice_error *err)
{
    size_t length;
    if (!read_text(self, value, at, &length, err))
        return NULL;
    if (length > self->type.length) {
        if (!convert_may_clamp(self))
            return convert_out_of_range(self, CONVERT_ABOVE, "text is too long", at, err);
        convert_count_clamped();
        length = cut_at_character(at, self->type.length);
    }
    memset(at + length, 0, self->type.length - length);
    return at + self->type.length;
}

static unsigned char *put_enum(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    size_t length;
    if (!read_text(self, value, at, &length, err))
        return NULL;
    const struct sluice_enum_label *label = convert_find_label(self, (struct sluice_str){(const char *)at, length});
    if (label == NULL)
        return convert_refuse(
            self, "text is not one of the labels; add it to the column with ALTER TABLE .. MODIFY COLUMN", err);
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

/* inet without a mask: the server's text of a host address. */
static unsigned char *put_address(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                  struct sluice_error *err)
{
    char text[INET6_ADDRSTRLEN];
    struct in_addr four;
    if (value->kind == SLUICE_VALUE_STRING && value->text.len < sizeof text &&
        memchr(value->text.ptr, '/', value->text.len) == NULL) {
        memcpy(text, value->text.ptr, value->text.len);
        text[value->text.len] = '\0';
        bool is_four = inet_pton(AF_INET, text, &four) == 1;
        if (is_four && self->type.kind == SLUICE_TYPE_IPV4)
            return convert_put_int(at, (int64_t)ntohl(four.s_addr), 4);
        if (is_four) { /* ::ffff:a.b.c.d */
            memset(at, 0, 10);
            memset(at + 10, 0xff, 2);
            memcpy(at + 12, &four.s_addr, 4);
            return at + 16;
        }
        if (self->type.kind == SLUICE_TYPE_IPV6 && inet_pton(AF_INET6, text, at) == 1)
            return at + 16;
    }
    return convert_refuse(self, "value is no address of this kind (a network has a mask, which the column can't keep)",
                          err);
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

/* What arrives as a text of its own kind and is kept as it arrives. */
static bool is_kept_text(enum sluice_source_type source)
{
    switch (source) {
    case SLUICE_SOURCE_ZONED_TIMESTAMP:
    case SLUICE_SOURCE_ZONED_TIME:
    case SLUICE_SOURCE_ISO_DATE:
    case SLUICE_SOURCE_ISO_TIME:
    case SLUICE_SOURCE_ISO_TIMESTAMP:
    case SLUICE_SOURCE_INTERVAL:
        return true;
    default:
        return is_textual(source);
    }
}

void convert_choose_text(const struct sluice_source_column *column, struct convert *out)
{
    enum sluice_source_type source = column->type;
    bool is_untyped = source == SLUICE_SOURCE_UNTYPED;
    switch (out->type.kind) {
    case SLUICE_TYPE_STRING:
        if (is_kept_text(source))
            out->fn = put_text;
        break;
    case SLUICE_TYPE_FIXED_STRING:
        if (is_textual(source))
            out->fn = put_fixed_string;
        break;
    case SLUICE_TYPE_ENUM:
        if (source == SLUICE_SOURCE_ENUM || source == SLUICE_SOURCE_STRING || is_untyped)
            out->fn = put_enum;
        break;
    case SLUICE_TYPE_UUID:
        if (source == SLUICE_SOURCE_UUID || is_untyped)
            out->fn = put_uuid;
        break;
    case SLUICE_TYPE_IPV4:
    case SLUICE_TYPE_IPV6:
        if (source == SLUICE_SOURCE_STRING || is_untyped)
            out->fn = put_address;
        break;
    default:
        break;
    }
}
