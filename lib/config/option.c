/* option.c - see option.h. Fields are reached by their offset; the type of the row says what lies there. */
#include "config/option.h"

#include <stdio.h>

#include "config/document.h"
#include "config/unit.h"
#include "sluice/nearest.h"

#define NAME_TEXT(symbol, name) (name),
static const char *const names_delivery[] = {SLUICE_DELIVERY_NAMES(NAME_TEXT)};
static const char *const names_format[] = {SLUICE_FORMAT_NAMES(NAME_TEXT)};
static const char *const names_dead_letters_payload[] = {SLUICE_DEAD_LETTERS_PAYLOAD_NAMES(NAME_TEXT)};
static const char *const names_on_bad_record[] = {SLUICE_ON_BAD_RECORD_NAMES(NAME_TEXT)};
static const char *const names_ledger_choice[] = {SLUICE_LEDGER_CHOICE_NAMES(NAME_TEXT)};
static const char *const names_on_offset_lost[] = {SLUICE_ON_OFFSET_LOST_NAMES(NAME_TEXT)};
static const char *const names_tables_mode[] = {SLUICE_TABLES_MODE_NAMES(NAME_TEXT)};
static const char *const names_records_layout[] = {SLUICE_RECORDS_LAYOUT_NAMES(NAME_TEXT)};
static const char *const names_version_mode[] = {SLUICE_VERSION_MODE_NAMES(NAME_TEXT)};
static const char *const names_version_on_new_history[] = {SLUICE_VERSION_ON_NEW_HISTORY_NAMES(NAME_TEXT)};
static const char *const names_log_level[] = {SLUICE_LOG_LEVEL_NAMES(NAME_TEXT)};
static const char *const names_log_format[] = {SLUICE_LOG_FORMAT_NAMES(NAME_TEXT)};

#define NO_NAMES              NULL, 0
#define NAMES_STRING(field)   NO_NAMES
#define NAMES_SECRET(field)   NO_NAMES
#define NAMES_URL_LIST(field) NO_NAMES
#define NAMES_LIST(field)     NO_NAMES
#define NAMES_BOOL(field)     NO_NAMES
#define NAMES_INT(field)      NO_NAMES
#define NAMES_BYTES(field)    NO_NAMES
#define NAMES_DURATION(field) NO_NAMES
#define NAMES_ENUM(field)     names_##field, SLUICE_N_ELEMENTS(names_##field)

const struct config_option config_options[CONFIG_N_OPTIONS] = {
#define OPT(key, type, field, preset, min, max, flags, text)                                                           \
    {(key),  CONFIG_##type,      offsetof(struct sluice_config, field), (preset), (min), (max), (flags),               \
     (text), NAMES_##type(field)},
#include "sluice/options.def"
#undef OPT
};

static const char *const keys[] = {
#define OPT(key, type, field, preset, min, max, flags, text) (key),
#include "sluice/options.def"
#undef OPT
    CONFIG_DEFAULTS_KEY,
    CONFIG_RULES_KEY,
};

/* Enumerations are stored through an unsigned int. */
_Static_assert(sizeof(enum sluice_delivery) == sizeof(unsigned), "enum of another size");
_Static_assert(sizeof(enum sluice_log_level) == sizeof(unsigned), "enum of another size");

const struct config_option *config_option_find(const char *key)
{
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++)
        if (strcmp(config_options[i].key, key) == 0)
            return &config_options[i];
    return NULL;
}

const char *config_option_nearest(const char *key)
{
    return sluice_nearest(key, keys, SLUICE_N_ELEMENTS(keys));
}

const char *config_type_word(enum config_type type)
{
    switch (type) {
    case CONFIG_STRING:
        return "text";
    case CONFIG_SECRET:
        return "secret text";
    case CONFIG_URL_LIST:
        return "address or list of addresses";
    case CONFIG_LIST:
        return "text or list of texts";
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_INT:
        return "whole number";
    case CONFIG_BYTES:
        return "size";
    case CONFIG_DURATION:
        return "duration";
    case CONFIG_ENUM:
        return "one of";
    }
    SLUICE_BUG("type of an option");
}

void config_option_names(const struct config_option *option, char *text, size_t size)
{
    size_t len = 0;
    text[0] = '\0';
    for (size_t i = 0; i < option->n_names && len < size; i++) {
        int n = snprintf(text + len, size - len, "%s%s", i > 0 ? ", " : "", option->names[i]);
        len += n > 0 ? (size_t)n : 0;
    }
}

void config_option_range(const struct config_option *option, char *text, size_t size)
{
    char low[32];
    char high[32];
    text[0] = '\0';
    if (option->type == CONFIG_ENUM) {
        config_option_names(option, text, size);
    } else if (option->type == CONFIG_INT || option->type == CONFIG_BYTES || option->type == CONFIG_DURATION) {
        config_unit_format(option->type, option->min, low, sizeof low);
        config_unit_format(option->type, option->max, high, sizeof high);
        (void)snprintf(text, size, "%s to %s", low, high);
    }
}

static int64_t number_of(const struct config_option *option, const struct sluice_config *config)
{
    int64_t value;
    memcpy(&value, (const char *)config + option->offset, sizeof value);
    return value;
}

static const char *text_of(const struct config_option *option, const struct sluice_config *config)
{
    const char *value;
    memcpy(&value, (const char *)config + option->offset, sizeof value);
    return value;
}

static bool bool_of(const struct config_option *option, const struct sluice_config *config)
{
    bool value;
    memcpy(&value, (const char *)config + option->offset, sizeof value);
    return value;
}

static const char *name_of(const struct config_option *option, const struct sluice_config *config)
{
    unsigned value;
    memcpy(&value, (const char *)config + option->offset, sizeof value);
    return option->names[value];
}

const char *config_option_format(const struct config_option *option, const struct sluice_config *config, char *text,
                                 size_t size)
{
    switch (option->type) {
    case CONFIG_STRING:
    case CONFIG_SECRET:
        return text_of(option, config);
    case CONFIG_BOOL:
        return bool_of(option, config) ? "true" : "false";
    case CONFIG_INT:
    case CONFIG_BYTES:
    case CONFIG_DURATION:
        config_unit_format(option->type, number_of(option, config), text, size);
        return text;
    case CONFIG_ENUM:
        return name_of(option, config);
    case CONFIG_LIST:
    case CONFIG_URL_LIST:
        break;
    }
    return NULL;
}

const struct sluice_config_list *config_option_items(const struct config_option *option,
                                                     const struct sluice_config *config)
{
    const void *field = (const char *)config + option->offset;
    return field;
}

static bool lists_equal(const struct sluice_config_list *a, const struct sluice_config_list *b)
{
    if (a->n_items != b->n_items)
        return false;
    for (size_t i = 0; i < a->n_items; i++)
        if (strcmp(a->items[i], b->items[i]) != 0)
            return false;
    return true;
}

bool config_option_equal(const struct config_option *option, const struct sluice_config *a,
                         const struct sluice_config *b)
{
    char text_a[32];
    char text_b[32];
    if (config_option_is_list(option))
        return lists_equal(config_option_items(option, a), config_option_items(option, b));
    return strcmp(config_option_format(option, a, text_a, sizeof text_a),
                  config_option_format(option, b, text_b, sizeof text_b)) == 0;
}
