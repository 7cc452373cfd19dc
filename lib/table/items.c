/* items.c - see items.h. */
#include "table/items.h"

static bool open_avro(struct items *items, const struct sluice_value *value, enum avro_kind kind, bool is_entries)
{
    const struct avro_node *node = avro_node_of(value);
    items->is_avro = true;
    avro_walk_init(&items->avro, value);
    return node->kind == kind && node->is_entries == is_entries;
}

static bool open_json(struct items *items, const struct sluice_value *value, bool is_object)
{
    struct sluice_error ignored;
    items->is_avro = false;
    items->is_object = is_object;
    items->first = true;
    sluice_json_init(&items->json, value->text);
    return (is_object ? sluice_json_enter_object(&items->json, &ignored)
                      : sluice_json_enter_array(&items->json, &ignored)) == SLUICE_OK;
}

bool items_open_array(struct items *items, const struct sluice_value *value)
{
    if (value->kind == SLUICE_VALUE_AVRO)
        return open_avro(items, value, AVRO_ARRAY, false);
    return value->kind == SLUICE_VALUE_ARRAY && open_json(items, value, false);
}

bool items_open_map(struct items *items, const struct sluice_value *value)
{
    if (value->kind == SLUICE_VALUE_AVRO)
        return open_avro(items, value, AVRO_MAP, false) || open_avro(items, value, AVRO_ARRAY, true);
    bool is_object = value->kind == SLUICE_VALUE_OBJECT;
    return (is_object || value->kind == SLUICE_VALUE_ARRAY) && open_json(items, value, is_object);
}

bool items_open_struct(struct items *items, const struct sluice_value *value)
{
    if (value->kind == SLUICE_VALUE_AVRO)
        return open_avro(items, value, AVRO_RECORD, false);
    return value->kind == SLUICE_VALUE_OBJECT && open_json(items, value, true);
}

static enum items_step step_of(enum sluice_code code, bool more)
{
    if (code != SLUICE_OK)
        return ITEMS_BROKEN;
    return more ? ITEMS_ONE : ITEMS_END;
}

static enum items_step next_json_item(struct sluice_json_cursor *json, bool *first, struct sluice_value *item,
                                      struct sluice_error *err)
{
    bool more = false;
    enum sluice_code code = sluice_json_next_item(json, first, &more, err);
    if (code == SLUICE_OK && more)
        code = sluice_json_value(json, item, err);
    return step_of(code, more);
}

enum items_step items_next(struct items *items, struct sluice_value *item, struct sluice_error *err)
{
    bool more = false;
    if (!items->is_avro)
        return next_json_item(&items->json, &items->first, item, err);
    enum sluice_code code = avro_walk_item(&items->avro, &more, item, err);
    return step_of(code, more);
}

static enum items_step next_json_member(struct items *items, struct sluice_str *name, struct sluice_value *value,
                                        struct sluice_error *err)
{
    bool more = false;
    enum sluice_code code = sluice_json_next_member(&items->json, &items->first, &more, name, err);
    if (code == SLUICE_OK && more)
        code = sluice_json_value(&items->json, value, err);
    return step_of(code, more);
}

static enum items_step broken_pair(struct sluice_error *err)
{
    (void)sluice_error_set(err, SLUICE_E_JSON, SLUICE_REJECT, "an entry of a map is no pair of key and value");
    return ITEMS_BROKEN;
}

/* [[key, value], ...]: how JsonConverter writes a map whose keys are not strings. */
static enum items_step next_json_pair(struct items *items, struct sluice_value *key, struct sluice_value *value,
                                      struct sluice_error *err)
{
    struct sluice_value pair;
    struct sluice_value rest;
    struct items inner;
    enum items_step step = next_json_item(&items->json, &items->first, &pair, err);
    if (step != ITEMS_ONE)
        return step;
    if (!items_open_array(&inner, &pair))
        return broken_pair(err);
    step = items_next(&inner, key, err);
    if (step == ITEMS_ONE)
        step = items_next(&inner, value, err);
    if (step == ITEMS_ONE)
        step = items_next(&inner, &rest, err) == ITEMS_END ? ITEMS_ONE : ITEMS_END;
    return step == ITEMS_END ? broken_pair(err) : step;
}

enum items_step items_next_entry(struct items *items, struct sluice_value *key, struct sluice_value *value,
                                 struct sluice_error *err)
{
    bool more = false;
    if (items->is_avro) {
        enum sluice_code code = avro_walk_entry(&items->avro, &more, key, value, err);
        return step_of(code, more);
    }
    if (!items->is_object)
        return next_json_pair(items, key, value, err);
    struct sluice_str name;
    enum items_step step = next_json_member(items, &name, value, err);
    if (step == ITEMS_ONE) {
        bool escaped = name.len > 0 && memchr(name.ptr, '\\', name.len) != NULL;
        *key = (struct sluice_value){.text = name, .kind = escaped ? SLUICE_VALUE_STRING_ESCAPED : SLUICE_VALUE_STRING};
    }
    return step;
}

enum items_step items_next_member(struct items *items, struct sluice_str *name, struct sluice_value *value,
                                  struct sluice_error *err)
{
    bool more = false;
    const struct avro_field *field = NULL;
    if (!items->is_avro)
        return next_json_member(items, name, value, err);
    enum sluice_code code = avro_walk_field(&items->avro, &more, &field, value, err);
    if (code == SLUICE_OK && more)
        *name = field->name_str;
    return step_of(code, more);
}

enum items_step items_find(const struct sluice_value *value, const char *const *names, size_t n,
                           struct sluice_value *out, struct sluice_error *err)
{
    struct items items;
    struct sluice_str name;
    struct sluice_value member;
    enum items_step step;
    for (size_t i = 0; i < n; i++)
        out[i] = (struct sluice_value){.kind = SLUICE_VALUE_NULL};
    if (!items_open_struct(&items, value))
        return ITEMS_END;
    while ((step = items_next_member(&items, &name, &member, err)) == ITEMS_ONE) {
        for (size_t i = 0; i < n; i++) {
            if (sluice_str_equal_z(name, names[i]))
                out[i] = member;
        }
    }
    return step == ITEMS_END ? ITEMS_ONE : step;
}
