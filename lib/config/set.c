/* set.c - config_option_set(): from texts to a typed, checked field; see option.h. */
#include "config/option.h"

#include <inttypes.h>
#include <stdio.h>

#include "config/unit.h"

static enum sluice_code refuse(struct sluice_error *err, const char *shown, const char *what)
{
    if (shown == NULL)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "the value %s", what);
    return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "\"%.80s\" %s", shown, what);
}

static enum sluice_code check_range(const struct config_option *option, int64_t value, const char *shown,
                                    struct sluice_error *err)
{
    char range[80];
    char what[160];
    if (value >= option->min && value <= option->max)
        return SLUICE_OK;
    config_option_range(option, range, sizeof range);
    (void)snprintf(what, sizeof what, "is out of range; use %s", range);
    return refuse(err, shown, what);
}

static enum sluice_code set_number(const struct config_option *option, const char *text, const char *shown,
                                   int64_t *field, struct sluice_error *err)
{
    int64_t value = 0;
    char what[160];
    const char *problem = config_unit_parse(option->type, text, &value);
    if (problem != NULL) {
        (void)snprintf(what, sizeof what, "%s; %s", problem, config_unit_remedy(option->type));
        return refuse(err, shown, what);
    }
    enum sluice_code code = check_range(option, value, shown, err);
    if (code == SLUICE_OK)
        *field = value;
    return code;
}

static enum sluice_code set_enum(const struct config_option *option, const char *text, const char *shown, void *field,
                                 struct sluice_error *err)
{
    char names[160];
    char what[240];
    for (unsigned i = 0; i < option->n_names; i++) {
        if (strcmp(option->names[i], text) == 0) {
            memcpy(field, &i, sizeof i);
            return SLUICE_OK;
        }
    }
    config_option_names(option, names, sizeof names);
    (void)snprintf(what, sizeof what, "is not one of the values; use %s", names);
    return refuse(err, shown, what);
}

static enum sluice_code set_bool(const char *text, const char *shown, bool *field, struct sluice_error *err)
{
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return refuse(err, shown, "is neither true nor false; write one of these two");
    *field = text[0] == 't';
    return SLUICE_OK;
}

/* Control characters would end up in HTTP headers, statements and log lines. */
static enum sluice_code check_text(const char *text, const char *shown, struct sluice_error *err)
{
    for (const char *at = text; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return refuse(err, shown, "has a line break or another control character; take it out");
    return SLUICE_OK;
}

static enum sluice_code set_text(const struct config_option *option, const char *text, const char *shown,
                                 const char **field, struct sluice_arena *arena, struct sluice_error *err)
{
    size_t len = strlen(text);
    enum sluice_code code = check_text(text, shown, err);
    if (code != SLUICE_OK)
        return code;
    if (len < (size_t)option->min)
        return refuse(err, shown, "is empty; give a value");
    if (len > (size_t)option->max)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "the value has %zu bytes; use %" PRId64 " at most",
                                len, option->max);
    char *copy = sluice_arena_copy(arena, (struct sluice_str){text, len}, err);
    if (copy == NULL)
        return err->code;
    *field = copy;
    return SLUICE_OK;
}

static enum sluice_code set_list(const struct config_option *option, const char *const *items, size_t n_items,
                                 const char *shown, struct sluice_config_list *field, struct sluice_arena *arena,
                                 struct sluice_error *err)
{
    if (n_items < (size_t)option->min || n_items > (size_t)option->max)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "the list has %zu entries; give %" PRId64 " to %" PRId64, n_items, option->min,
                                option->max);
    if (n_items == 0) {
        *field = (struct sluice_config_list){0};
        return SLUICE_OK;
    }
    const char **copies = sluice_arena_alloc_array(arena, n_items, sizeof *copies, err);
    if (copies == NULL)
        return err->code;
    for (size_t i = 0; i < n_items; i++) {
        if (items[i][0] == '\0')
            return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "entry %zu of the list is empty; take it out",
                                    i + 1);
        enum sluice_code code = check_text(items[i], shown, err);
        if (code != SLUICE_OK)
            return code;
        copies[i] = sluice_arena_copy(arena, sluice_str_from(items[i]), err);
        if (copies[i] == NULL)
            return err->code;
    }
    *field = (struct sluice_config_list){copies, n_items};
    return SLUICE_OK;
}

enum sluice_code config_option_set(const struct config_option *option, struct sluice_config *config,
                                   const char *const *items, size_t n_items, const char *shown,
                                   struct sluice_arena *arena, struct sluice_error *err)
{
    void *field = (char *)config + option->offset;
    if (config_option_is_list(option))
        return set_list(option, items, n_items, shown, field, arena, err);
    if (n_items != 1)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "takes one value, not a list; write it without [ ]");
    switch (option->type) {
    case CONFIG_STRING:
    case CONFIG_SECRET:
        return set_text(option, items[0], shown, field, arena, err);
    case CONFIG_BOOL:
        return set_bool(items[0], shown, field, err);
    case CONFIG_INT:
    case CONFIG_BYTES:
    case CONFIG_DURATION:
        return set_number(option, items[0], shown, field, err);
    case CONFIG_ENUM:
        return set_enum(option, items[0], shown, field, err);
    case CONFIG_LIST:
    case CONFIG_URL_LIST:
        break;
    }
    SLUICE_BUG("type of an option");
}
