/* toast.c - see toast.h. */
#include "table/toast.h"

#include <openssl/evp.h>
#include <stdio.h>

#include "base/base64.h"

#define TEXT   TOAST_PLACEHOLDER
#define BASE64 "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ=="
#define UUID   "b68a35a7-17ad-35b3-af2a-ae46edb4545a" /* the name-based UUID of TEXT */
#define NUMBERS                                                                                                        \
    "[95,95,100,101,98,101,122,105,117,109,95,117,110,97,118,97,105,108,97,98,108,101,95,118,97,108,117,101]"
#define FORM(text)                                                                                                     \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }

static const struct toast_forms usual = {
    .shortest = sizeof TEXT - 1,
    .first = {'_', 'X'},
    .text = FORM(TEXT),
    .base64 = FORM(BASE64),
    .uuid = FORM(UUID),
    .entry = FORM("{\"" TEXT "\":\"" TEXT "\"}"),
    .escaped_entry = FORM("{\\\"" TEXT "\\\":\\\"" TEXT "\\\"}"),
    .arrays = {FORM("[\"" TEXT "\"]"), FORM("[\"" BASE64 "\"]"), FORM("[\"" UUID "\"]"), FORM(NUMBERS)},
};

/* --- the forms of another text -------------------------------------------------------------------------------------
 */

enum { MAX_FORM = 512, UUID_LENGTH = 36, MD5_BYTES = 16 };

/* A form while it is written, and the first failure. */
struct writing {
    struct sluice_arena *arena;
    struct sluice_error *err;
    enum sluice_code code;
};

static struct sluice_str keep(struct writing *w, const char *form_z)
{
    const struct sluice_str form = sluice_str_from(form_z);
    const char *copy = w->code == SLUICE_OK ? sluice_arena_copy(w->arena, form, w->err) : NULL;
    if (copy == NULL)
        w->code = w->err->code;
    return (struct sluice_str){copy, copy != NULL ? form.len : 0};
}

static struct sluice_str keep_within(struct writing *w, const char *before, struct sluice_str text, const char *after)
{
    char form[MAX_FORM];
    const int n = snprintf(form, sizeof form, "%s%.*s%s", before, SLUICE_STR_ARG(text), after);
    if (n < 0 || (size_t)n >= sizeof form)
        SLUICE_BUG("a placeholder is longer than the option allows");
    return keep(w, form);
}

static struct sluice_str keep_base64(struct writing *w, struct sluice_str text)
{
    char form[MAX_FORM] = "";
    base64_encode(text, form);
    return keep(w, form);
}

/* Java's UUID.nameUUIDFromBytes(): RFC 4122, version 3, without a name space. */
static struct sluice_str keep_uuid(struct writing *w, struct sluice_str text)
{
    char form[UUID_LENGTH + 1];
    unsigned char md5[EVP_MAX_MD_SIZE] = {0};
    if (w->code == SLUICE_OK && EVP_Digest(text.ptr, text.len, md5, NULL, EVP_md5(), NULL) != 1)
        w->code =
            sluice_error_set(w->err, SLUICE_E_UNSUPPORTED, SLUICE_STOP,
                             "libcrypto refuses MD5, of which the connector makes the placeholder of uuid[]; allow "
                             "it, or leave the connector its own placeholder and toast.placeholder unset");
    md5[6] = (unsigned char)((md5[6] & 0x0f) | 0x30);
    md5[8] = (unsigned char)((md5[8] & 0x3f) | 0x80);
    size_t n = 0;
    for (size_t i = 0; i < MD5_BYTES; i++) {
        const char *dash = i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "";
        n += (size_t)snprintf(form + n, sizeof form - n, "%s%02x", dash, md5[i]);
    }
    return keep(w, form);
}

static struct sluice_str keep_numbers(struct writing *w, struct sluice_str text)
{
    char form[MAX_FORM];
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += (size_t)snprintf(form + n, sizeof form - n, "%c%d", i == 0 ? '[' : ',', text.ptr[i]);
    (void)snprintf(form + n, sizeof form - n, "]");
    return keep(w, form);
}

enum sluice_code toast_forms_of(struct sluice_arena *arena, const char *placeholder, const struct toast_forms **out,
                                struct sluice_error *err)
{
    struct writing w = {.arena = arena, .err = err, .code = SLUICE_OK};
    if (placeholder == NULL || strcmp(placeholder, TEXT) == 0) {
        *out = &usual;
        return SLUICE_OK;
    }
    struct toast_forms *forms = sluice_arena_alloc(arena, sizeof *forms, err);
    if (forms == NULL)
        return err->code;
    const struct sluice_str text = forms->text = keep(&w, placeholder);
    if (w.code != SLUICE_OK)
        return w.code;
    if (text.len == 0 || text.len > TOAST_PLACEHOLDER_MAX)
        SLUICE_BUG("a placeholder of a length that the configuration refuses");
    char middle[MAX_FORM];
    forms->base64 = keep_base64(&w, text);
    forms->uuid = keep_uuid(&w, text);
    (void)snprintf(middle, sizeof middle, "\":\"%.*s\"}", SLUICE_STR_ARG(text));
    forms->entry = keep_within(&w, "{\"", text, middle);
    (void)snprintf(middle, sizeof middle, "\\\":\\\"%.*s\\\"}", SLUICE_STR_ARG(text));
    forms->escaped_entry = keep_within(&w, "{\\\"", text, middle);
    forms->arrays[0] = keep_within(&w, "[\"", text, "\"]");
    forms->arrays[1] = keep_within(&w, "[\"", forms->base64, "\"]");
    forms->arrays[2] = keep_within(&w, "[\"", forms->uuid, "\"]");
    forms->arrays[3] = keep_numbers(&w, text);
    if (w.code != SLUICE_OK)
        return w.code;
    forms->shortest = text.len < UUID_LENGTH ? text.len : UUID_LENGTH;
    forms->first[0] = text.ptr[0];
    forms->first[1] = forms->base64.ptr[0];
    *out = forms;
    return SLUICE_OK;
}

/* --- Avro: blocks of elements, each behind the index of its union where elements may be null -----------------------
 */

enum { MAX_INDEX = 2 }; /* 0 or 1, as a zigzag varint */

static bool take(struct sluice_str *rest, const char *bytes, size_t n)
{
    if (rest->len < n || memcmp(rest->ptr, bytes, n) != 0)
        return false;
    *rest = (struct sluice_str){rest->ptr + n, rest->len - n};
    return true;
}

static bool take_index(struct sluice_str *rest)
{
    if (rest->len == 0 || ((unsigned char)rest->ptr[0] != 0 && (unsigned char)rest->ptr[0] != MAX_INDEX))
        return false;
    *rest = (struct sluice_str){rest->ptr + 1, rest->len - 1};
    return true;
}

static bool take_text(struct sluice_str *rest, struct sluice_str wanted)
{
    const char length = (char)(2 * wanted.len); /* zigzag; TOAST_PLACEHOLDER_MAX is below 64 */
    return take(rest, &length, 1) && take(rest, wanted.ptr, wanted.len);
}

static bool is_avro_array(struct sluice_str rest, struct sluice_str element, bool indexed)
{
    return take(&rest, "\x02", 1) && (!indexed || take_index(&rest)) && take_text(&rest, element) &&
           take(&rest, "\x00", 1) && rest.len == 0;
}

static bool is_avro_numbers(struct sluice_str rest, struct sluice_str text, bool indexed)
{
    const char n = (char)(2 * text.len);
    if (!take(&rest, &n, 1))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const unsigned number = 2U * (unsigned char)text.ptr[i];
        const char small = (char)number;
        const char large[2] = {(char)(number | 0x80), (char)(number >> 7)};
        if (indexed && !take_index(&rest))
            return false;
        if (!(number < 0x80 ? take(&rest, &small, 1) : take(&rest, large, 2)))
            return false;
    }
    return take(&rest, "\x00", 1) && rest.len == 0;
}

static bool is_avro_entry(struct sluice_str rest, struct sluice_str text, bool indexed)
{
    return take(&rest, "\x02", 1) && take_text(&rest, text) && (!indexed || take_index(&rest)) &&
           take_text(&rest, text) && take(&rest, "\x00", 1) && rest.len == 0;
}

static bool is_avro(const struct toast_forms *forms, struct sluice_str bytes)
{
    for (int indexed = 0; indexed <= 1; indexed++) {
        if (is_avro_array(bytes, forms->text, indexed) || is_avro_array(bytes, forms->uuid, indexed) ||
            is_avro_numbers(bytes, forms->text, indexed) || is_avro_entry(bytes, forms->text, indexed))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------------------------------------------------------ */

static bool is_array(const struct toast_forms *forms, struct sluice_str value)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(forms->arrays); i++) {
        if (sluice_str_equal(value, forms->arrays[i]))
            return true;
    }
    return false;
}

void toast_set_forms(struct plan_column *column, enum sluice_source_type type)
{
    bool untyped = type == SLUICE_SOURCE_UNTYPED;
    column->toast_text = untyped || type == SLUICE_SOURCE_STRING || type == SLUICE_SOURCE_JSON ||
                         type == SLUICE_SOURCE_ENUM || type == SLUICE_SOURCE_UUID;
    column->toast_base64 = untyped || type == SLUICE_SOURCE_BYTES;
    column->toast_composite = untyped || type == SLUICE_SOURCE_ARRAY || type == SLUICE_SOURCE_MAP;
}

bool toast_is_possible(const struct plan_column *column)
{
    return column->toast_text || column->toast_base64 || column->toast_composite;
}

bool toast_matches(const struct toast_forms *forms, const struct plan_column *column, const struct sluice_value *value)
{
    switch (value->kind) {
    case SLUICE_VALUE_STRING:
        return (column->toast_text &&
                (sluice_str_equal(value->text, forms->text) || sluice_str_equal(value->text, forms->entry))) ||
               (column->toast_base64 && sluice_str_equal(value->text, forms->base64));
    case SLUICE_VALUE_STRING_ESCAPED:
        return column->toast_text && sluice_str_equal(value->text, forms->escaped_entry);
    case SLUICE_VALUE_BYTES:
        return column->toast_base64 && sluice_str_equal(value->text, forms->text);
    case SLUICE_VALUE_ARRAY:
        return column->toast_composite && is_array(forms, value->text);
    case SLUICE_VALUE_OBJECT:
        return column->toast_composite && sluice_str_equal(value->text, forms->entry);
    case SLUICE_VALUE_AVRO:
        return column->toast_composite && is_avro(forms, value->text);
    case SLUICE_VALUE_NULL:
    case SLUICE_VALUE_TRUE:
    case SLUICE_VALUE_FALSE:
    case SLUICE_VALUE_NUMBER:
    case SLUICE_VALUE_INTEGER:
    case SLUICE_VALUE_FLOAT:
    case SLUICE_VALUE_DOUBLE:
        break;
    }
    return false;
}
