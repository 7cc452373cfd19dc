/* transform.c - see transform.h. */
#include "table/transform.h"

#include <stdio.h>

#include "base/digest.h"

enum {
    HEX_BYTES = 2 * DIGEST_BYTES,
    TOKEN_BITS = 128,
    TOKEN_BYTES = (TOKEN_BITS + 4) / 5,
    MAX_KEY_ID = 32,
    MAX_DOMAIN = 255, /* RFC 1035, 2.3.4 */
    MAX_RESULT = TOKEN_BYTES + 1 + MAX_DOMAIN
};

struct transform {
    enum sluice_transform kind;
    struct convert text; /* of the value into a String */
    bool is_decimal;
    struct sluice_hmac_key key;
    struct sluice_str prefix;
    struct sluice_str constant; /* mask: the bytes of every value */
};

static const char hex_digits[] = "0123456789abcdef";
static const char base32_digits[] = "abcdefghijklmnopqrstuvwxyz234567";

bool transform_is_set(const struct sluice_column_settings *settings)
{
    return settings->transform == SLUICE_TRANSFORM_MASK || transform_makes_text(settings);
}

bool transform_makes_text(const struct sluice_column_settings *settings)
{
    if (settings == NULL)
        return false;
    return settings->transform == SLUICE_TRANSFORM_HASH || settings->transform == SLUICE_TRANSFORM_HMAC ||
           settings->transform == SLUICE_TRANSFORM_TOKENIZE;
}

bool transform_keeps_apart(const struct transform *transform)
{
    return transform == NULL || transform->kind != SLUICE_TRANSFORM_MASK;
}

/* Without a sign of zero, without zeros behind the last other digit, and without a point that nothing follows. */
static struct sluice_str shorten_decimal(struct sluice_str text)
{
    if (memchr(text.ptr, '.', text.len) != NULL) {
        while (text.ptr[text.len - 1] == '0')
            text.len--;
        text.len -= text.ptr[text.len - 1] == '.';
    }
    if (sluice_str_equal_z(text, "-0"))
        text = (struct sluice_str){text.ptr + 1, 1};
    return text;
}

/* The text of the value, which is written at `at`. */
static bool read_text(const struct transform *self, const struct sluice_value *value, unsigned char *at,
                      struct sluice_str *out, struct sluice_error *err)
{
    const unsigned char *end = self->text.fn(&self->text, value, at, err);
    if (end == NULL)
        return false;
    while ((*at & 0x80) != 0)
        at++;
    at++;
    *out = (struct sluice_str){(const char *)at, (size_t)(end - at)};
    if (self->is_decimal && out->len > 0)
        *out = shorten_decimal(*out);
    return true;
}

static size_t put_hex(const unsigned char *digest, char *out)
{
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        out[2 * i] = hex_digits[digest[i] >> 4];
        out[2 * i + 1] = hex_digits[digest[i] & 15];
    }
    return HEX_BYTES;
}

static size_t put_base32(const unsigned char *digest, char *out)
{
    unsigned bits = 0;
    unsigned n_bits = 0;
    size_t n = 0;
    for (size_t i = 0; i < TOKEN_BITS / 8; i++) {
        bits = bits << 8 | digest[i];
        for (n_bits += 8; n_bits >= 5; n_bits -= 5)
            out[n++] = base32_digits[bits >> (n_bits - 5) & 31];
        bits &= (1u << n_bits) - 1;
    }
    out[n++] = base32_digits[bits << (5 - n_bits) & 31];
    return n;
}

static bool is_letter(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c >= 0x80;
}

/* "@domain" of an e-mail address, else empty. Strict on purpose: what is not surely a domain must not be shown. It has
 * labels of letters, digits and hyphens, at least two of them, and the last one begins with a letter. */
static struct sluice_str domain_of(struct sluice_str text)
{
    const struct sluice_str none = {"", 0};
    size_t at = text.len;
    size_t label = 0;
    size_t n_dots = 0;
    while (at > 0 && text.ptr[at - 1] != '@')
        at--;
    if (at < 2 || text.len - at > MAX_DOMAIN)
        return none;
    for (size_t i = at, begin = at; i <= text.len; i++) {
        unsigned char c = i < text.len ? (unsigned char)text.ptr[i] : '.';
        if (c == '.') {
            if (i == begin)
                return none;
            label = begin;
            begin = i + 1;
            n_dots += i < text.len;
        } else if (!is_letter(c) && c != '-' && (c < '0' || c > '9')) {
            return none;
        }
    }
    if (n_dots == 0 || text.len - label < 2 || !is_letter((unsigned char)text.ptr[label]))
        return none;
    return (struct sluice_str){text.ptr + at - 1, text.len - at + 1};
}

/* Writes what stands for the text; 0 with `err` set when it fails. */
static size_t make(const struct transform *self, struct sluice_str text, char out[MAX_RESULT], struct sluice_error *err)
{
    unsigned char digest[DIGEST_BYTES];
    enum sluice_code code = self->kind == SLUICE_TRANSFORM_HASH ? sluice_sha256(text, digest, err)
                                                                : sluice_hmac(&self->key, text, digest, err);
    if (code != SLUICE_OK)
        return 0;
    if (self->kind == SLUICE_TRANSFORM_TOKENIZE) {
        struct sluice_str domain = domain_of(text);
        size_t n = put_base32(digest, out);
        memcpy(out + n, domain.ptr, domain.len);
        return n + domain.len;
    }
    memcpy(out, self->prefix.ptr, self->prefix.len);
    return self->prefix.len + put_hex(digest, out + self->prefix.len);
}

static unsigned char *put_made(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    char made[MAX_RESULT];
    struct sluice_str text;
    if (!read_text(self->transform, value, at, &text, err))
        return NULL;
    size_t n = make(self->transform, text, made, err);
    if (n == 0)
        return NULL;
    if (self->type.kind == SLUICE_TYPE_STRING)
        return convert_put_string((struct sluice_str){made, n}, at);
    if (n > self->type.length)
        return convert_refuse(self, "the transformed text is too long; make the column String", err);
    memcpy(at, made, n);
    memset(at + n, 0, self->type.length - n);
    return at + self->type.length;
}

static unsigned char *put_constant(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                   struct sluice_error *err)
{
    const struct sluice_str *constant = &self->transform->constant;
    (void)value;
    (void)err;
    memcpy(at, constant->ptr, constant->len);
    return at + constant->len;
}

/* What is known while a transform is chosen. */
struct choosing {
    struct sluice_arena *arena;
    const struct sluice_table_settings *table;
    const struct sluice_column_settings *settings;
    const struct sluice_source_column *column;
    struct convert *out;
    struct transform *transform;
    struct sluice_error *err;
};

static enum sluice_code refuse(const struct choosing *c, const char *what)
{
    static const char *const names[] = {"none", "drop", "mask", "hash", "hmac", "tokenize"};
    return sluice_error_set(c->err, SLUICE_E_TYPE, SLUICE_STOP_PARTITION, "column \"%s\" with the transform %s: %s",
                            c->column->name, names[c->settings->transform], what);
}

/* Four asterisks, or the type's zero where they are no value. */
static enum sluice_code choose_mask(const struct choosing *c)
{
    static const char stars[] = "****";
    struct convert plain = *c->out;
    plain.type.nullable = false;
    if (c->column->is_key)
        return refuse(c, "it would make rows of different keys the same; use hash, hmac or tokenize for a column of "
                         "the source's key");
    unsigned char *bytes = sluice_arena_alloc(c->arena, plain.room + sizeof stars, c->err);
    if (bytes == NULL)
        return c->err->code;
    unsigned char *end = convert_zero(&plain, bytes);
    if (plain.type.kind == SLUICE_TYPE_STRING)
        end = convert_put_string(SLUICE_STR_LITERAL(stars), bytes);
    else if (plain.type.kind == SLUICE_TYPE_FIXED_STRING && plain.type.length >= sizeof stars - 1)
        memcpy(bytes, stars, sizeof stars - 1);
    c->transform->constant = (struct sluice_str){(const char *)bytes, (size_t)(end - bytes)};
    c->out->fn = put_constant;
    return SLUICE_OK;
}

static enum sluice_code choose_key(const struct choosing *c)
{
    static const char purpose[] = "sluice tokenize";
    struct transform *transform = c->transform;
    unsigned char derived[DIGEST_BYTES];
    enum sluice_code code = sluice_hmac_key_init(&transform->key, sluice_str_from(c->table->transforms_key), c->err);
    if (code != SLUICE_OK || transform->kind != SLUICE_TRANSFORM_TOKENIZE)
        return code;
    /* A key of its own: a token must not be the beginning of the hmac of the same value. */
    code = sluice_hmac(&transform->key, SLUICE_STR_LITERAL(purpose), derived, c->err);
    if (code != SLUICE_OK)
        return code;
    return sluice_hmac_key_init(&transform->key, (struct sluice_str){(const char *)derived, sizeof derived}, c->err);
}

static enum sluice_code choose_prefix(const struct choosing *c)
{
    char prefix[MAX_KEY_ID + 2];
    int n = snprintf(prefix, sizeof prefix, "%s:", c->table->transforms_key_id);
    if (n < 0 || (size_t)n >= sizeof prefix)
        return refuse(c, "transforms.key_id is too long; shorten it");
    c->transform->prefix = (struct sluice_str){prefix, (size_t)n};
    c->transform->prefix.ptr = sluice_arena_copy(c->arena, c->transform->prefix, c->err);
    return c->transform->prefix.ptr != NULL ? SLUICE_OK : c->err->code;
}

static enum sluice_code choose_text(const struct choosing *c)
{
    static const struct sluice_type string = {.kind = SLUICE_TYPE_STRING};
    const struct sluice_type *type = &c->out->type;
    size_t least = c->transform->kind == SLUICE_TRANSFORM_TOKENIZE ? TOKEN_BYTES : c->transform->prefix.len + HEX_BYTES;
    if (type->kind != SLUICE_TYPE_STRING && type->kind != SLUICE_TYPE_FIXED_STRING)
        return refuse(c, "it gives texts, which the target column does not hold; make the column String");
    if (type->kind == SLUICE_TYPE_FIXED_STRING && type->length < least)
        return refuse(c, "its texts are longer than the target column; make the column String");
    enum sluice_code code = convert_choose(c->arena, c->column, &string, "String", NULL, &c->transform->text, c->err);
    if (code != SLUICE_OK)
        return code;
    if (c->transform->text.fn == NULL)
        return refuse(c, "values of its type have no text; cast the column at the source, or use mask or drop");
    c->transform->is_decimal =
        c->column->type == SLUICE_SOURCE_DECIMAL || c->column->type == SLUICE_SOURCE_VARIABLE_DECIMAL;
    c->out->fn = put_made;
    c->out->room += c->transform->text.room + MAX_RESULT;
    c->out->growth = c->transform->text.growth;
    c->out->growth_parts = c->transform->text.growth_parts;
    c->out->each_part = c->transform->text.each_part;
    return SLUICE_OK;
}

enum sluice_code transform_choose(struct sluice_arena *arena, const struct sluice_table_settings *table,
                                  const struct sluice_column_settings *settings,
                                  const struct sluice_source_column *column, const struct sluice_type *type,
                                  const char *type_text, struct convert *out, struct sluice_error *err)
{
    struct choosing c = {arena, table, settings, column, out, NULL, err};
    c.transform = sluice_arena_alloc(arena, sizeof *c.transform, err);
    if (c.transform == NULL)
        return err->code;
    c.transform->kind = settings->transform;
    c.transform->prefix = SLUICE_STR_LITERAL("");
    enum sluice_code code = convert_choose(arena, column, type, type_text, settings, out, err);
    if (code != SLUICE_OK)
        return code;
    out->transform = c.transform;
    if (settings->transform == SLUICE_TRANSFORM_MASK)
        return choose_mask(&c);
    if (settings->transform != SLUICE_TRANSFORM_HASH)
        code = choose_key(&c);
    if (code == SLUICE_OK && settings->transform == SLUICE_TRANSFORM_HMAC)
        code = choose_prefix(&c);
    return code == SLUICE_OK ? choose_text(&c) : code;
}
