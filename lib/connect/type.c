/* type.c - see type.h. */
#include "connect/type.h"

#include <string.h>

const struct connect_field *connect_find_field(const struct connect_type *type, const char *name_z)
{
    if (type == NULL || type->kind != CONNECT_STRUCT)
        return NULL;
    for (size_t i = 0; i < type->n_fields; i++) {
        if (strcmp(type->fields[i].name, name_z) == 0)
            return &type->fields[i];
    }
    return NULL;
}

static bool texts_equal(const char *a, const char *b)
{
    return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A struct with a meaning of its own; others are named after their table or topic. */
static bool is_semantic(const char *name)
{
    return name != NULL && strncmp(name, "io.debezium.", sizeof "io.debezium." - 1) == 0;
}

static bool names_equal(const struct connect_type *a, const struct connect_type *b)
{
    if (a->kind == CONNECT_STRUCT && !is_semantic(a->name) && !is_semantic(b->name))
        return true;
    return texts_equal(a->name, b->name);
}

static bool fields_equal(const struct connect_type *a, const struct connect_type *b)
{
    if (a->n_fields != b->n_fields)
        return false;
    for (size_t i = 0; i < a->n_fields; i++) {
        if (strcmp(a->fields[i].name, b->fields[i].name) != 0 ||
            !connect_type_equal(a->fields[i].type, b->fields[i].type))
            return false;
    }
    return true;
}

bool connect_type_equal(const struct connect_type *a, const struct connect_type *b)
{
    if (a == b)
        return true;
    if (a == NULL || b == NULL || a->kind != b->kind || a->optional != b->optional || a->scale != b->scale ||
        a->precision != b->precision || a->length != b->length || !texts_equal(a->source_type, b->source_type))
        return false;
    return names_equal(a, b) && connect_type_equal(a->keys, b->keys) && connect_type_equal(a->items, b->items) &&
           fields_equal(a, b);
}
