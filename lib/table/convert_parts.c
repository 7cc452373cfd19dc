/* convert_parts.c - arrays, maps and tuples; see convert.h.
 *
 * Each part has a conversion of its own. The number of parts stands in front of them and is known only behind the last
 * one: room for the longest one is left, and the parts are moved if it turns out shorter.
 */
#include "table/convert.h"

#include "table/items.h"

static const struct sluice_source_column untyped = {.name = "", .type = SLUICE_SOURCE_UNTYPED, .optional = true};
static const struct sluice_source_column real = {.name = "", .type = SLUICE_SOURCE_FLOAT64};
static const struct sluice_source_column index_of_vector = {.name = "", .type = SLUICE_SOURCE_UNTYPED};

/* In JSON a part takes two bytes at least, its comma included; in Avro one. */
static size_t most_parts(const struct sluice_value *value)
{
    return value->kind == SLUICE_VALUE_AVRO ? value->text.len : value->text.len / 2;
}

/* The parts lie at `at + reserved` up to `end`. */
static unsigned char *finish_list(unsigned char *at, size_t reserved, size_t n_parts, unsigned char *end)
{
    size_t needed = convert_leb128_size(n_parts);
    if (needed < reserved)
        memmove(at + needed, at + reserved, (size_t)(end - at) - reserved);
    convert_put_length(at, needed, n_parts);
    return end - (reserved - needed);
}

static unsigned char *put_empty(unsigned char *at)
{
    *at = 0;
    return at + 1;
}

static unsigned char *put_array(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    struct items items;
    struct sluice_value item;
    enum items_step step;
    size_t n_parts = 0;
    if (value->kind == SLUICE_VALUE_NULL)
        return put_empty(at);
    if (!items_open_array(&items, value))
        return convert_refuse(self, "value is not an array", err);
    size_t reserved = convert_leb128_size(most_parts(value));
    unsigned char *end = at + reserved;
    while ((step = items_next(&items, &item, err)) == ITEMS_ONE) {
        end = convert_put(&self->parts[0], &item, end, err);
        if (end == NULL)
            return NULL;
        n_parts++;
    }
    return step == ITEMS_BROKEN ? NULL : finish_list(at, reserved, n_parts, end);
}

static unsigned char *put_entries(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                  struct sluice_error *err)
{
    struct items items;
    struct sluice_value key;
    struct sluice_value entry;
    enum items_step step;
    size_t n_parts = 0;
    if (!items_open_map(&items, value))
        return convert_refuse(self, "value is not a map", err);
    size_t reserved = convert_leb128_size(most_parts(value));
    unsigned char *end = at + reserved;
    while ((step = items_next_entry(&items, &key, &entry, err)) == ITEMS_ONE) {
        end = convert_put(&self->parts[0], &key, end, err);
        if (end != NULL)
            end = convert_put(&self->parts[1], &entry, end, err);
        if (end == NULL)
            return NULL;
        n_parts++;
    }
    return step == ITEMS_BROKEN ? NULL : finish_list(at, reserved, n_parts, end);
}

static unsigned char *put_map(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                              struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_NULL)
        return put_empty(at);
    return put_entries(self, value, at, err);
}

static unsigned char *no_struct(const struct convert *self, enum items_step step, struct sluice_error *err)
{
    return step == ITEMS_END ? convert_refuse(self, "value is not a struct of the type expected", err) : NULL;
}

/* The dimensions are not kept: they are the column's in PostgreSQL. */
static unsigned char *put_sparse_vector(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                        struct sluice_error *err)
{
    static const char *const names[] = {"vector"};
    struct sluice_value vector;
    if (value->kind == SLUICE_VALUE_NULL)
        return put_empty(at);
    enum items_step step = items_find(value, names, 1, &vector, err);
    if (step != ITEMS_ONE)
        return no_struct(self, step, err);
    return put_entries(self, &vector, at, err);
}

static unsigned char *put_tuple(const struct convert *self, const struct sluice_value *values, unsigned char *at,
                                struct sluice_error *err)
{
    for (size_t i = 0; i < self->type.n_items && at != NULL; i++)
        at = convert_put(&self->parts[i], &values[i], at, err);
    return at;
}

/* ClickHouse has no NULL for the whole: its parts tell it. */
static unsigned char *put_null_tuple(const struct convert *self, unsigned char *at, struct sluice_error *err)
{
    for (size_t i = 0; i < self->type.n_items; i++) {
        if (!self->parts[i].type.nullable && !self->parts[i].takes_null)
            return convert_refuse(self, "value is null and the parts of the column are not Nullable", err);
    }
    for (size_t i = 0; i < self->type.n_items; i++)
        at = convert_zero(&self->parts[i], at);
    return at;
}

static unsigned char *put_point(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    static const char *const names[] = {"x", "y"};
    struct sluice_value xy[2];
    if (value->kind == SLUICE_VALUE_NULL)
        return put_null_tuple(self, at, err);
    enum items_step step = items_find(value, names, 2, xy, err);
    if (step != ITEMS_ONE)
        return no_struct(self, step, err);
    return put_tuple(self, xy, at, err);
}

enum { MAX_UNTYPED_ITEMS = 64 };

/* A bare object into a tuple with names: the column tells what to look for. */
static unsigned char *put_named_tuple(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                      struct sluice_error *err)
{
    struct sluice_value values[MAX_UNTYPED_ITEMS];
    if (value->kind == SLUICE_VALUE_NULL)
        return put_null_tuple(self, at, err);
    enum items_step step = items_find(value, self->type.item_names, self->type.n_items, values, err);
    if (step != ITEMS_ONE)
        return no_struct(self, step, err);
    return put_tuple(self, values, at, err);
}

/* The parts' conversions, and the room they need. out->fn is taken back if one of them has none. */
static enum sluice_code choose_parts(struct sluice_arena *arena, const struct sluice_source_column *const *sources,
                                     struct convert *out, struct sluice_error *err)
{
    size_t n = out->type.n_items;
    size_t room = 0;
    size_t growth = 1;
    size_t each = 0;
    struct convert *parts = sluice_arena_alloc_array(arena, n, sizeof *parts, err);
    if (parts == NULL)
        return err->code;
    for (size_t i = 0; i < n; i++) {
        enum sluice_code code = convert_choose_part(arena, sources[i], &out->type.items[i], out, &parts[i], err);
        if (code != SLUICE_OK)
            return code;
        if (parts[i].fn == NULL)
            out->fn = NULL;
        size_t most = parts[i].growth > parts[i].growth_parts ? parts[i].growth : parts[i].growth_parts;
        growth = most > growth ? most : growth;
        room += parts[i].part_room;
        each += parts[i].each_part;
        out->room += parts[i].room;
    }
    out->parts = parts;
    out->growth_parts = growth;
    /* A tuple holds each of its parts once. */
    out->each_part = each + (out->type.kind == SLUICE_TYPE_TUPLE ? 0 : room);
    out->part_room += out->type.kind == SLUICE_TYPE_TUPLE ? room : 0;
    return SLUICE_OK;
}

static enum sluice_code choose_array(struct sluice_arena *arena, const struct sluice_source_column *column,
                                     struct convert *out, struct sluice_error *err)
{
    const struct sluice_source_column *source = column->type == SLUICE_SOURCE_ARRAY     ? column->element
                                                : column->type == SLUICE_SOURCE_UNTYPED ? &untyped
                                                                                        : NULL;
    if (source == NULL)
        return SLUICE_OK;
    out->fn = put_array;
    return choose_parts(arena, &source, out, err);
}

static enum sluice_code choose_map(struct sluice_arena *arena, const struct sluice_source_column *column,
                                   struct convert *out, struct sluice_error *err)
{
    const struct sluice_source_column *sources[2] = {NULL, NULL};
    switch (column->type) {
    case SLUICE_SOURCE_MAP:
        out->fn = put_map;
        sources[0] = column->map_key;
        sources[1] = column->element;
        break;
    case SLUICE_SOURCE_SPARSE_VECTOR:
        out->fn = put_sparse_vector;
        sources[0] = &index_of_vector;
        sources[1] = &real;
        break;
    case SLUICE_SOURCE_UNTYPED:
        out->fn = put_map;
        sources[0] = sources[1] = &untyped;
        break;
    default:
        return SLUICE_OK;
    }
    if (sources[0] == NULL || sources[1] == NULL) {
        out->fn = NULL;
        return SLUICE_OK;
    }
    return choose_parts(arena, sources, out, err);
}

/* (x, y): without names, or with these. */
static bool is_point(const struct sluice_type *type)
{
    return type->n_items == 2 && (type->item_names == NULL ||
                                  (strcmp(type->item_names[0], "x") == 0 && strcmp(type->item_names[1], "y") == 0));
}

static enum sluice_code choose_tuple(struct sluice_arena *arena, const struct sluice_source_column *column,
                                     struct convert *out, struct sluice_error *err)
{
    const struct sluice_source_column *sources[MAX_UNTYPED_ITEMS];
    bool is_untyped = column->type == SLUICE_SOURCE_UNTYPED;
    bool is_source_point = column->type == SLUICE_SOURCE_POINT;
    convert_fn fn = NULL;
    if (out->type.n_items > MAX_UNTYPED_ITEMS)
        return SLUICE_OK;
    if ((is_source_point || is_untyped) && is_point(&out->type))
        fn = put_point;
    else if (is_untyped && out->type.item_names != NULL)
        fn = put_named_tuple;
    for (size_t i = 0; i < out->type.n_items; i++)
        sources[i] = is_source_point ? &real : &untyped;
    /* Also without a conversion: the type's zero needs its parts. */
    out->fn = fn;
    return choose_parts(arena, sources, out, err);
}

enum sluice_code convert_choose_parts(struct sluice_arena *arena, const struct sluice_source_column *column,
                                      struct convert *out, struct sluice_error *err)
{
    out->takes_null = true;
    switch (out->type.kind) {
    case SLUICE_TYPE_ARRAY:
        return choose_array(arena, column, out, err);
    case SLUICE_TYPE_MAP:
        return choose_map(arena, column, out, err);
    default:
        return choose_tuple(arena, column, out, err);
    }
}
