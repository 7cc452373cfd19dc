#include "pairs.h"

#include <stdlib.h>
#include <string.h>

static size_t position(const struct pairs *p, const char *name_z)
{
    size_t i = 0;
    while (i < p->n && strcmp(p->names[i], name_z) != 0)
        i++;
    return i;
}

static bool make_room(struct pairs *p)
{
    if (p->names == NULL)
        p->names = calloc(PAIRS_MAX, sizeof *p->names);
    if (p->values == NULL)
        p->values = calloc(PAIRS_MAX, sizeof *p->values);
    return p->names != NULL && p->values != NULL;
}

bool pairs_put(struct pairs *p, const char *name_z, const char *value_z)
{
    size_t at = position(p, name_z);
    if (at == PAIRS_MAX || !make_room(p))
        return false;
    char *value = strdup(value_z);
    char *name = at < p->n ? p->names[at] : strdup(name_z);
    if (value == NULL || name == NULL) {
        free(value);
        if (at == p->n)
            free(name);
        return false;
    }
    free(p->values[at]);
    p->values[at] = value;
    p->names[at] = name;
    if (at == p->n)
        p->n++;
    return true;
}

const char *pairs_find(const struct pairs *p, const char *name_z)
{
    size_t at = position(p, name_z);
    return at < p->n ? p->values[at] : NULL;
}

bool pairs_copy(struct pairs *to, const struct pairs *from)
{
    bool ok = true;
    for (size_t i = 0; i < from->n && ok; i++)
        ok = pairs_put(to, from->names[i], from->values[i]);
    return ok;
}

void pairs_deinit(struct pairs *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->names[i]);
        free(p->values[i]);
    }
    free(p->names);
    free(p->values);
    *p = (struct pairs){0};
}
