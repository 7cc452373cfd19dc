/* pairs.h - a short list of names with values: settings, query parameters. */
#ifndef CLICKHOUSE_EMBEDDED_PAIRS_H
#define CLICKHOUSE_EMBEDDED_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

enum { PAIRS_MAX = 256 };

struct pairs {
    char **names;
    char **values;
    size_t n;
};

/* Copies both; a name that is there already gets the new value. False: no memory or more than PAIRS_MAX. */
bool pairs_put(struct pairs *p, const char *name_z, const char *value_z);
/* NULL when there is no such name. */
const char *pairs_find(const struct pairs *p, const char *name_z);
bool pairs_copy(struct pairs *to, const struct pairs *from);
void pairs_deinit(struct pairs *p);

#endif
