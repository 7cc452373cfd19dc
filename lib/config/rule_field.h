/* rule_field.h - the rows of rules.def as data. Read-only, any thread. */
#ifndef SLUICE_CONFIG_RULE_FIELD_H
#define SLUICE_CONFIG_RULE_FIELD_H

#include "sluice/rules.h"

enum rule_type {
    RULE_TYPE_NAME,     /* text, captures as they are */
    RULE_TYPE_SQL,      /* text, captures only where they mean nothing in SQL */
    RULE_TYPE_SQL_LIST, /* struct sluice_config_list */
    RULE_TYPE_SQL_MAP,  /* the same, "name = value" */
    RULE_TYPE_BOOL,
    RULE_TYPE_ENUM,
    RULE_TYPE_MATCH,
    RULE_TYPE_TRANSFORMS,
    RULE_TYPE_COLUMNS
};

enum { RULE_IN_DEFAULTS = 1 };

struct rule_field {
    const char *name;
    enum rule_type type;
    size_t offset; /* in struct sluice_table_settings or sluice_column_settings */
    const char *preset;
    unsigned flags;
    const char *text;
    const char *const *names; /* of an ENUM, by value; else NULL */
    size_t n_names;
};

enum {
#define RULE(name, type, names, field, preset, flags, text) +1
    N_RULE_FIELDS = 0
#include "sluice/rules.def"
    ,
#define COLUMN(name, type, names, field, preset, text) +1
    N_COLUMN_FIELDS = 0
#include "sluice/rules.def"
};

extern const struct rule_field rule_fields[N_RULE_FIELDS];
extern const struct rule_field column_fields[N_COLUMN_FIELDS];
extern const char *const rule_transform_names[SLUICE_N_TRANSFORM];

/* NULL when there is none of that name. */
const struct rule_field *rule_field_find(const struct rule_field *fields, size_t n, const char *name);
const char *rule_field_nearest(const struct rule_field *fields, size_t n, const char *name);
/* The one of `names` that `text` is, or `n`. */
size_t rule_name_find(const char *const *names, size_t n, const char *text);
/* Separated by commas. Cut at `size`. */
void rule_names_text(const char *const *names, size_t n, char *text, size_t size);

#endif
