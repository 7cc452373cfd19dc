/* convert.c - see convert.h: the choice and what all conversions share. */
#include "table/convert.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/digits.h"

/* Null byte, a LEB128 length, the widest fixed value and the scribbling of convert_put_64(). */
enum { ROOM_ALWAYS = 1 + 10 + 32 + 8 };

/* Null byte, and a length of 32 bits beyond the one that a value had before. */
enum { PART_ROOM = 1 + 4 };

unsigned char *convert_refuse(const struct convert *self, const char *reason, struct sluice_error *err)
{
    (void)sluice_error_set(err, SLUICE_E_VALUE, SLUICE_REJECT, "%s (column type %s)", reason, self->type_text);
    return NULL;
}

static _Atomic uint64_t n_nulled;
static _Atomic uint64_t n_clamped;

uint64_t sluice_convert_n_nulled(void)
{
    return atomic_load_explicit(&n_nulled, memory_order_relaxed);
}

uint64_t sluice_convert_n_clamped(void)
{
    return atomic_load_explicit(&n_clamped, memory_order_relaxed);
}

void convert_count_clamped(void)
{
    (void)atomic_fetch_add_explicit(&n_clamped, 1, memory_order_relaxed);
}

unsigned char *convert_put_limit(const struct convert *self, enum convert_side side, unsigned char *at)
{
    switch (self->type.kind) {
    case SLUICE_TYPE_INT:
    case SLUICE_TYPE_DECIMAL:
    case SLUICE_TYPE_FLOAT:
        return convert_put_number_limit(self, side == CONVERT_ABOVE, at);
    case SLUICE_TYPE_DATE:
    case SLUICE_TYPE_DATE32:
    case SLUICE_TYPE_DATETIME:
    case SLUICE_TYPE_DATETIME64:
    case SLUICE_TYPE_TIME:
    case SLUICE_TYPE_TIME64:
    case SLUICE_TYPE_STRING:
        return convert_put_time_limit(self, side == CONVERT_ABOVE, at);
    default:
        return NULL;
    }
}

static unsigned char *out_of_range(const struct convert *self, enum convert_side side, bool may_clamp,
                                   const char *reason, unsigned char *at, struct sluice_error *err)
{
    if (self->range == SLUICE_RANGE_NULL && self->type.nullable) {
        (void)atomic_fetch_add_explicit(&n_nulled, 1, memory_order_relaxed);
        at[-1] = 1;
        return at;
    }
    if (may_clamp && side != CONVERT_NOWHERE) {
        unsigned char *end = convert_put_limit(self, side, at);
        if (end != NULL) {
            convert_count_clamped();
            return end;
        }
    }
    const char *remedy = self->range == SLUICE_RANGE_NULL ? "on_out_of_range is null, the column not Nullable"
                         : may_clamp                      ? "on_out_of_range: clamp has no value near"
                         : self->is_key ? "in a column of the key it must not become another one; make the column wider"
                                        : "on_out_of_range of the column may be clamp or null";
    (void)sluice_error_set(err, SLUICE_E_VALUE, SLUICE_REJECT, "%s (column type %s); %s", reason, self->type_text,
                           remedy);
    return NULL;
}

unsigned char *convert_out_of_range(const struct convert *self, enum convert_side side, const char *reason,
                                    unsigned char *at, struct sluice_error *err)
{
    return out_of_range(self, side, convert_may_clamp(self), reason, at, err);
}

unsigned char *convert_infinite(const struct convert *self, enum convert_side side, const char *reason,
                                unsigned char *at, struct sluice_error *err)
{
    return out_of_range(self, side, self->range == SLUICE_RANGE_CLAMP, reason, at, err);
}

bool convert_read_int64_text(struct sluice_str text, int64_t *out)
{
    bool negative = text.len > 0 && *text.ptr == '-';
    size_t n = text.len - (negative ? 1 : 0);
    uint64_t magnitude = 0;
    if (n == 0 || n > DIGITS_MAX || !sluice_digits_read(text.ptr + (negative ? 1 : 0), n, &magnitude) ||
        magnitude > (uint64_t)INT64_MAX + (negative ? 1 : 0))
        return false;
    *out = (int64_t)(negative ? 0 - magnitude : magnitude);
    return true;
}

unsigned char *convert_put_string(struct sluice_str text, unsigned char *at)
{
    size_t rest = text.len;
    while (rest >= 0x80) {
        *at++ = (unsigned char)(rest | 0x80);
        rest >>= 7;
    }
    *at++ = (unsigned char)rest;
    if (text.len > 0)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

size_t convert_leb128_size(size_t n)
{
    size_t size = 1;
    while (n >= 0x80) {
        n >>= 7;
        size++;
    }
    return size;
}

void convert_put_length(unsigned char *at, size_t n_bytes, size_t length)
{
    for (size_t i = 0; i < n_bytes; i++, length >>= 7)
        at[i] = (unsigned char)((length & 0x7f) | (i + 1 < n_bytes ? 0x80 : 0));
}

unsigned char *convert_finish_string(unsigned char *at, size_t reserved, size_t length)
{
    size_t needed = convert_leb128_size(length);
    if (needed < reserved)
        memmove(at + needed, at + reserved, length);
    convert_put_length(at, needed, length);
    return at + needed + length;
}

static int compare_names(struct sluice_str a, struct sluice_str b)
{
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return a.len > 0 ? memcmp(a.ptr, b.ptr, a.len) : 0;
}

static int compare_labels(const void *a, const void *b)
{
    const struct sluice_enum_label *left = a;
    const struct sluice_enum_label *right = b;
    return compare_names(left->name, right->name);
}

const struct sluice_enum_label *convert_find_label(const struct convert *self, struct sluice_str name)
{
    struct sluice_enum_label wanted = {.name = name};
    return bsearch(&wanted, self->type.labels, self->type.n_labels, sizeof wanted, compare_labels);
}

/* Labels in the order that convert_find_label() searches, with their names, in the arena. */
static enum sluice_code copy_labels(struct sluice_arena *arena, struct sluice_type *type, struct sluice_error *err)
{
    struct sluice_enum_label *labels = sluice_arena_alloc_array(arena, type->n_labels, sizeof *labels, err);
    if (labels == NULL)
        return err->code;
    for (size_t i = 0; i < type->n_labels; i++) {
        labels[i] = type->labels[i];
        labels[i].name.ptr = sluice_arena_copy(arena, type->labels[i].name, err);
        if (labels[i].name.ptr == NULL)
            return err->code;
    }
    qsort(labels, type->n_labels, sizeof *labels, compare_labels);
    type->labels = labels;
    return SLUICE_OK;
}

/* The parts of a composite type with theirs, in the arena: a plan outlives the target that the type was read from.
 * Labels of parts are copied where they are used. As deep as the type's text was nested, which its parser bounds. */
static enum sluice_code copy_items(struct sluice_arena *arena, struct sluice_type *type, struct sluice_error *err)
{
    if (type->n_items == 0)
        return SLUICE_OK;
    struct sluice_type *items = sluice_arena_alloc_array(arena, type->n_items, sizeof *items, err);
    if (items == NULL)
        return err->code;
    const char **names = NULL;
    if (type->item_names != NULL) {
        names = sluice_arena_alloc_array(arena, type->n_items, sizeof *names, err);
        if (names == NULL)
            return err->code;
    }
    for (size_t i = 0; i < type->n_items; i++) {
        items[i] = type->items[i];
        if (names != NULL && (names[i] = sluice_arena_copy(arena, sluice_str_from(type->item_names[i]), err)) == NULL)
            return err->code;
        enum sluice_code code = copy_items(arena, &items[i], err);
        if (code != SLUICE_OK)
            return code;
    }
    type->items = items;
    type->item_names = names;
    return SLUICE_OK;
}

static enum sluice_code choose(struct sluice_arena *arena, const struct sluice_source_column *column,
                               struct convert *out, struct sluice_error *err)
{
    if (out->type.n_labels > 0) {
        enum sluice_code code = copy_labels(arena, &out->type, err);
        if (code != SLUICE_OK)
            return code;
    }
    if (sluice_type_is_composite(&out->type))
        return convert_choose_parts(arena, column, out, err);
    convert_choose_number(column, out);
    convert_choose_text(column, out);
    convert_choose_bytes(column, out);
    convert_choose_time(column, out);
    convert_choose_struct(column, out);
    convert_choose_json(column, out);
    return SLUICE_OK;
}

/* What holds for every pair; a chooser raises it. */
static struct convert prepared(const struct sluice_source_column *column, const struct sluice_type *type,
                               const char *type_text)
{
    return (struct convert){.source = column->type,
                            .type = *type,
                            .type_text = type_text,
                            .width = type->bits / 8,
                            .room = ROOM_ALWAYS + type->length,
                            .growth = 1,
                            .growth_parts = 1,
                            .part_room = PART_ROOM + type->bits / 8 + type->length,
                            .source_scale = column->scale,
                            .length = column->length};
}

enum sluice_code convert_choose(struct sluice_arena *arena, const struct sluice_source_column *column,
                                const struct sluice_type *type, const char *type_text,
                                const struct sluice_column_settings *settings, struct convert *out,
                                struct sluice_error *err)
{
    *out = prepared(column, type, type_text);
    if (settings != NULL) {
        out->range = settings->on_out_of_range;
        out->binary = settings->binary;
    }
    enum sluice_code code = copy_items(arena, &out->type, err);
    return code == SLUICE_OK ? choose(arena, column, out, err) : code;
}

enum sluice_code convert_choose_part(struct sluice_arena *arena, const struct sluice_source_column *column,
                                     const struct sluice_type *type, const struct convert *whole, struct convert *out,
                                     struct sluice_error *err)
{
    *out = prepared(column, type, whole->type_text);
    out->range = whole->range;
    out->binary = whole->binary;
    return choose(arena, column, out, err);
}

size_t convert_room_of_parts(const struct convert *self, const struct sluice_value *value)
{
    size_t n_parts = value->text.len; /* Avro: a part takes a byte at least */
    if (value->kind != SLUICE_VALUE_AVRO && self->each_part > 0) {
        /* JSON: one of these stands before each; those inside of texts are too many, which does no harm. */
        n_parts = 0;
        for (size_t i = 0; i < value->text.len; i++) {
            const char c = value->text.ptr[i];
            n_parts += c == '[' || c == ',' || c == ':' || c == '{';
        }
    }
    return self->room + value->text.len * self->growth_parts + n_parts * self->each_part;
}

static int16_t smallest_label(const struct convert *self)
{
    int16_t smallest = INT16_MAX;
    for (size_t i = 0; i < self->type.n_labels; i++) {
        if (self->type.labels[i].value < smallest)
            smallest = self->type.labels[i].value;
    }
    return smallest;
}

unsigned char *convert_zero(const struct convert *self, unsigned char *at)
{
    if (self->type.nullable) {
        *at = 1;
        return at + 1;
    }
    switch (self->type.kind) {
    case SLUICE_TYPE_STRING:
        *at = 0;
        return at + 1;
    case SLUICE_TYPE_FIXED_STRING:
        memset(at, 0, self->type.length);
        return at + self->type.length;
    case SLUICE_TYPE_ENUM:
        return convert_put_int(at, smallest_label(self), self->width);
    case SLUICE_TYPE_ARRAY:
    case SLUICE_TYPE_MAP:
        *at = 0;
        return at + 1;
    case SLUICE_TYPE_TUPLE:
        for (size_t i = 0; i < self->type.n_items; i++)
            at = convert_zero(&self->parts[i], at);
        return at;
    case SLUICE_TYPE_JSON:
        return convert_put_string(SLUICE_STR_LITERAL("{}"), at);
    case SLUICE_TYPE_TIME:
    case SLUICE_TYPE_TIME64:
    case SLUICE_TYPE_IPV4:
    case SLUICE_TYPE_IPV6:
    case SLUICE_TYPE_BOOL:
    case SLUICE_TYPE_INT:
    case SLUICE_TYPE_FLOAT:
    case SLUICE_TYPE_DECIMAL:
    case SLUICE_TYPE_UUID:
    case SLUICE_TYPE_DATE:
    case SLUICE_TYPE_DATE32:
    case SLUICE_TYPE_DATETIME:
    case SLUICE_TYPE_DATETIME64:
        break;
    }
    return convert_put_int(at, 0, self->width);
}
