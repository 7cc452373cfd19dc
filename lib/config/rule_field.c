/* rule_field.c - see rule_field.h. */
#include "config/rule_field.h"

#include <stdio.h>
#include <string.h>

#include "base/compiler.h"
#include "sluice/nearest.h"

#define NAME_TEXT(symbol, name) (name),
static const char *const names_TABLES_MODE[] = {SLUICE_TABLES_MODE_NAMES(NAME_TEXT)};
static const char *const names_TRUNCATE[] = {SLUICE_TRUNCATE_NAMES(NAME_TEXT)};
static const char *const names_TOAST[] = {SLUICE_TOAST_NAMES(NAME_TEXT)};
static const char *const names_TOAST_MISSING[] = {SLUICE_TOAST_MISSING_NAMES(NAME_TEXT)};
static const char *const names_RANGE[] = {SLUICE_RANGE_NAMES(NAME_TEXT)};
static const char *const names_NULL_COMPOSITE[] = {SLUICE_NULL_COMPOSITE_NAMES(NAME_TEXT)};
static const char *const names_NO_KEY[] = {SLUICE_NO_KEY_NAMES(NAME_TEXT)};
static const char *const names_BINARY[] = {SLUICE_BINARY_NAMES(NAME_TEXT)};
static const char *const names_IDENTITY[] = {SLUICE_IDENTITY_NAMES(NAME_TEXT)};
const char *const rule_transform_names[SLUICE_N_TRANSFORM] = {SLUICE_TRANSFORM_NAMES(NAME_TEXT)};

#define ROW_NAMES_NONE           NULL, 0
#define ROW_NAMES(names)         names_##names, SLUICE_N_ELEMENTS(names_##names)
#define ROW_NAMES_TABLES_MODE    ROW_NAMES(TABLES_MODE)
#define ROW_NAMES_TRUNCATE       ROW_NAMES(TRUNCATE)
#define ROW_NAMES_TOAST          ROW_NAMES(TOAST)
#define ROW_NAMES_TOAST_MISSING  ROW_NAMES(TOAST_MISSING)
#define ROW_NAMES_RANGE          ROW_NAMES(RANGE)
#define ROW_NAMES_NULL_COMPOSITE ROW_NAMES(NULL_COMPOSITE)
#define ROW_NAMES_NO_KEY         ROW_NAMES(NO_KEY)
#define ROW_NAMES_BINARY         ROW_NAMES(BINARY)
#define ROW_NAMES_IDENTITY       ROW_NAMES(IDENTITY)

const struct rule_field rule_fields[N_RULE_FIELDS] = {
#define RULE(name, type, names, field, preset, flags, text)                                                            \
    {(name), RULE_TYPE_##type, offsetof(struct sluice_table_settings, field), (preset), (flags),                       \
     (text), ROW_NAMES_##names},
#include "sluice/rules.def"
};

const struct rule_field column_fields[N_COLUMN_FIELDS] = {
#define COLUMN(name, type, names, field, preset, text)                                                                 \
    {(name), RULE_TYPE_##type, offsetof(struct sluice_column_settings, field), (preset), 0, (text), ROW_NAMES_##names},
#include "sluice/rules.def"
};

/* Enumerations are stored through an unsigned int. */
_Static_assert(sizeof(enum sluice_truncate) == sizeof(unsigned), "enum of another size");
_Static_assert(sizeof(enum sluice_tables_mode) == sizeof(unsigned), "enum of another size");

const struct rule_field *rule_field_find(const struct rule_field *fields, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

const char *rule_field_nearest(const struct rule_field *fields, size_t n, const char *name)
{
    const char *names[N_RULE_FIELDS + N_COLUMN_FIELDS];
    for (size_t i = 0; i < n; i++)
        names[i] = fields[i].name;
    return sluice_nearest(name, names, n);
}

size_t rule_name_find(const char *const *names, size_t n, const char *text)
{
    size_t i = 0;
    while (i < n && strcmp(names[i], text) != 0)
        i++;
    return i;
}

void rule_names_text(const char *const *names, size_t n, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < n && len < size; i++) {
        int written = snprintf(text + len, size - len, "%s%s", i > 0 ? ", " : "", names[i]);
        len += written > 0 ? (size_t)written : 0;
    }
}
