/* option.h - the rows of options.def as data, and the values that they describe. Read-only, any thread. */
#ifndef SLUICE_CONFIG_OPTION_H
#define SLUICE_CONFIG_OPTION_H

#include "base/arena.h"
#include "sluice/config.h"

/* MASKED: of the items of a list, credentials are not shown. */
enum { SLUICE_OPTION_REQUIRED = 1, SLUICE_OPTION_RELOADABLE = 2, SLUICE_OPTION_MASKED = 4 };

enum config_type {
    CONFIG_STRING,
    CONFIG_SECRET,
    CONFIG_URL_LIST,
    CONFIG_LIST,
    CONFIG_BOOL,
    CONFIG_INT,
    CONFIG_BYTES,
    CONFIG_DURATION,
    CONFIG_ENUM
};

/* Positions in config_options, in the order of the rows. */
enum config_id {
#define OPT(key, type, field, default_, min, max, flags, text) CONFIG_ID_##field,
#include "sluice/options.def"
#undef OPT
    CONFIG_N_OPTIONS
};

struct config_option {
    const char *key;
    enum config_type type;
    size_t offset;      /* of the field in struct sluice_config */
    const char *preset; /* the default; the example of a required option */
    int64_t min;
    int64_t max;
    unsigned flags;
    const char *text;
    const char *const *names; /* of an ENUM, by value; else NULL */
    size_t n_names;
};

extern const struct config_option config_options[CONFIG_N_OPTIONS];

/* NULL when there is none of that name. */
const struct config_option *config_option_find(const char *key);
/* The known key that `key` was probably meant to be, or NULL. */
const char *config_option_nearest(const char *key);
static inline bool config_option_is_list(const struct config_option *option)
{
    return option->type == CONFIG_LIST || option->type == CONFIG_URL_LIST;
}

/* Words for a reader: "duration", "list of text". */
const char *config_type_word(enum config_type type);
/* "1ms to 60s", "at_least_once, exactly_once", or "" when everything is allowed. Cut at `size`. */
void config_option_range(const struct config_option *option, char *text, size_t size);

/* The names of an ENUM, separated by commas. Cut at `size`. */
void config_option_names(const struct config_option *option, char *text, size_t size);

/* Writes the value into its field. Texts are copied to `arena`. `shown` is what an error may quote of the value: the
 * text before expansion, or NULL for nothing. Errors (SLUICE_E_CONFIG) say "what; remedy" without the key. */
SLUICE_MUST_CHECK enum sluice_code config_option_set(const struct config_option *option, struct sluice_config *config,
                                                     const char *const *items, size_t n_items, const char *shown,
                                                     struct sluice_arena *arena, struct sluice_error *err);
/* The field as it would be written in a file; NULL for lists. Numbers and durations use `text`, of 32 bytes or more. */
const char *config_option_format(const struct config_option *option, const struct sluice_config *config, char *text,
                                 size_t size);
/* The field of a list. */
const struct sluice_config_list *config_option_items(const struct config_option *option,
                                                     const struct sluice_config *config);
bool config_option_equal(const struct config_option *option, const struct sluice_config *a,
                         const struct sluice_config *b);

#endif
