/* load.c - from a file and arguments to a checked configuration.
 *
 * Order: defaults, the file, then the arguments; the last one wins, and is remembered as the source of the value.
 */
#include "sluice/config.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "config/details.h"
#include "config/document.h"
#include "config/expand.h"
#include "config/kafka_keys.h"
#include "config/rules.h"

enum { MAX_CONFIG_BYTES = 64 << 20 };

SLUICE_DEFINE_AUTO_PTR(sluice_config, struct sluice_config, sluice_config_free)

void config_source_text(const struct sluice_config *config, struct config_source source, char *text, size_t size)
{
    switch (source.kind) {
    case CONFIG_FROM_DEFAULT:
        (void)snprintf(text, size, "default");
        return;
    case CONFIG_FROM_FILE:
        (void)snprintf(text, size, "%s:%d", config->details->path, source.line);
        return;
    case CONFIG_FROM_ARGUMENT:
        (void)snprintf(text, size, "--set");
        return;
    }
}

static enum sluice_code wrap(const struct sluice_config *config, struct config_source source, const char *key,
                             struct sluice_error *err)
{
    char place[200];
    config_source_text(config, source, place, sizeof place);
    return sluice_error_wrap(err, "%s: %s", place, key);
}

static enum sluice_code fail(struct sluice_error *err, const char *what)
{
    return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "%s", what);
}

static bool is_group(const char *key)
{
    size_t len = strlen(key);
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++)
        if (strncmp(config_options[i].key, key, len) == 0 && config_options[i].key[len] == '.')
            return true;
    return false;
}

static enum sluice_code unknown_key(const char *key, struct sluice_error *err)
{
    const char *nearest = config_option_nearest(key);
    if (is_group(key))
        return fail(err, "is a group of options, not one; write them below it, indented");
    if (nearest == NULL)
        return fail(err, "is not an option; see sluice config docs");
    return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "is not an option; did you mean %s?", nearest);
}

/* Every item with its ${...} replaced. */
static enum sluice_code expand_items(const struct config_entry *entry, struct sluice_arena *arena, const char ***out,
                                     struct sluice_error *err)
{
    const char **items = sluice_arena_alloc_array(arena, entry->n_items + 1, sizeof *items, err);
    if (items == NULL)
        return err->code;
    for (size_t i = 0; i < entry->n_items; i++) {
        enum sluice_code code = config_expand(entry->items[i], arena, &items[i], err);
        if (code != SLUICE_OK)
            return code;
    }
    *out = items;
    return SLUICE_OK;
}

static enum sluice_code set_option(struct sluice_config *config, const struct config_option *option,
                                   const struct config_entry *entry, struct config_source source,
                                   struct sluice_error *err)
{
    struct sluice_arena *arena = &config->details->arena;
    const char **items = NULL;
    if (entry->is_list && !config_option_is_list(option))
        return fail(err, "takes one value, not a list; write it without [ ]");
    enum sluice_code code = expand_items(entry, arena, &items, err);
    if (code != SLUICE_OK)
        return code;
    const char *shown = option->type == CONFIG_SECRET || entry->n_items != 1 ? NULL : entry->items[0];
    /* The empty text in the place of a list is the empty list: --set tables.source_types= */
    size_t n_items = config_option_is_list(option) && !entry->is_list && items[0][0] == '\0' ? 0 : entry->n_items;
    code = config_option_set(option, config, items, n_items, shown, arena, err);
    if (code == SLUICE_OK)
        config->details->sources[option - config_options] = source;
    return code;
}

static enum sluice_code refuse_property(const struct config_kafka_refusal *row, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "must not be set: %s; take it out", row->reason);
}

static enum sluice_code set_property(struct sluice_config *config, const char *key, const struct config_entry *entry,
                                     struct config_source source, struct sluice_error *err)
{
    struct sluice_config_details *details = config->details;
    const char **items = NULL;
    size_t at = 0;
    if (entry->is_list)
        return fail(err, "takes one value, not a list; separate several by commas");
    enum sluice_code code = expand_items(entry, &details->arena, &items, err);
    if (code != SLUICE_OK)
        return code;
    const struct config_kafka_refusal *refused = config_kafka_refused(key, items[0]);
    if (refused != NULL)
        return refuse_property(refused, err);
    while (at < config->n_kafka_properties && strcmp(details->properties[at].key, key) != 0)
        at++;
    details->properties[at] = (struct sluice_config_property){key, items[0], config_kafka_is_secret(key)};
    details->property_sources[at] = source;
    if (at == config->n_kafka_properties)
        config->n_kafka_properties++;
    return SLUICE_OK;
}

static enum sluice_code set_entry(struct sluice_config *config, const struct config_entry *entry,
                                  struct config_source source, struct sluice_error *err)
{
    const struct config_option *option = config_option_find(entry->key);
    bool property = option == NULL && strncmp(entry->key, "kafka.", 6) == 0 && entry->key[6] != '\0';
    enum sluice_code code = SLUICE_OK;
    if (entry->tree != NULL)
        return config_rules_set(config, entry, err);
    if (option == NULL && !property)
        code = unknown_key(entry->key, err);
    else if (entry->is_null)
        code = fail(err, "has no value; write \"\" for an empty text, or take the line out");
    else if (entry->is_nested)
        code = fail(err, "takes plain values only; take out what is nested or empty in its list");
    else if (property)
        code = set_property(config, entry->key + 6, entry, source, err);
    else
        code = set_option(config, option, entry, source, err);
    return code == SLUICE_OK ? code : wrap(config, source, entry->key, err);
}

/* A map on the way to an option is fine; one in the place of an option, or leading to none, is not. */
static enum sluice_code check_map(struct sluice_config *config, const struct config_entry *entry,
                                  struct config_source source, struct sluice_error *err)
{
    size_t len = strlen(entry->key);
    enum sluice_code code = SLUICE_OK;
    if (config_option_find(entry->key) != NULL)
        code = fail(err, "takes a value, not a map; indent what follows less");
    else if (entry->next == NULL || strncmp(entry->next->key, entry->key, len) != 0 || entry->next->key[len] != '.')
        code = fail(err, "holds nothing; fill it or take it out");
    return code == SLUICE_OK ? code : wrap(config, source, entry->key, err);
}

static enum sluice_code set_defaults(struct sluice_config *config, struct sluice_error *err)
{
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        const struct config_option *option = &config_options[i];
        size_t n_items = config_option_is_list(option) && option->preset[0] == '\0' ? 0 : 1;
        if ((option->flags & SLUICE_OPTION_REQUIRED) != 0)
            continue;
        enum sluice_code code =
            config_option_set(option, config, &option->preset, n_items, option->preset, &config->details->arena, err);
        if (code != SLUICE_OK)
            return sluice_error_wrap(err, "default of %s", option->key);
    }
    return SLUICE_OK;
}

static enum sluice_code read_document(struct sluice_config *config, struct config_entry **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf text = {0};
    sluice_buf_init(&text, CONFIG_MAX_FILE_BYTES, "the configuration file");
    if (config->details->path == NULL)
        return SLUICE_OK;
    enum sluice_code code = config_read_file(config->details->path, &text, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "configuration");
    struct sluice_str content = {sluice_buf_text(&text), text.len};
    return config_document_parse(content, config->details->path, &config->details->arena, out, err);
}

static enum sluice_code make_room(struct sluice_config *config, const struct config_entry *entries,
                                  struct sluice_error *err)
{
    struct sluice_config_details *details = config->details;
    size_t n = details->n_sets + 1;
    for (; entries != NULL; entries = entries->next)
        n++;
    details->properties = sluice_arena_alloc_array(&details->arena, n, sizeof *details->properties, err);
    if (details->properties == NULL)
        return err->code;
    details->property_sources = sluice_arena_alloc_array(&details->arena, n, sizeof *details->property_sources, err);
    if (details->property_sources == NULL)
        return err->code;
    config->kafka_properties = details->properties;
    return SLUICE_OK;
}

static enum sluice_code set_from_file(struct sluice_config *config, const struct config_entry *entries,
                                      struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (const struct config_entry *entry = entries; entry != NULL && code == SLUICE_OK; entry = entry->next) {
        struct config_source source = {CONFIG_FROM_FILE, entry->line};
        code = entry->is_map ? check_map(config, entry, source, err) : set_entry(config, entry, source, err);
    }
    return code;
}

static enum sluice_code set_from_arguments(struct sluice_config *config, struct sluice_error *err)
{
    const struct config_source source = {CONFIG_FROM_ARGUMENT, 0};
    for (size_t i = 0; i < config->details->n_sets; i++) {
        struct config_entry *entry = NULL;
        enum sluice_code code =
            config_document_argument(config->details->sets[i], &config->details->arena, &entry, err);
        if (code == SLUICE_OK)
            code = set_entry(config, entry, source, err);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

static enum sluice_code check_required(const struct sluice_config *config, struct sluice_error *err)
{
    const char *path = config->details->path;
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        const struct config_option *option = &config_options[i];
        if ((option->flags & SLUICE_OPTION_REQUIRED) == 0 || config->details->sources[i].kind != CONFIG_FROM_DEFAULT)
            continue;
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "%s: %s: is missing; %s, or give --set %s=%s",
                                path != NULL ? path : "no file", option->key,
                                path != NULL ? "add it to the file" : "name a file with -c", option->key,
                                option->preset);
    }
    return SLUICE_OK;
}

/* Copies what the configuration was loaded from, for the reload. */
static enum sluice_code remember_origin(struct sluice_config_details *details, const char *path,
                                        const char *const *sets, size_t n_sets, struct sluice_error *err)
{
    const char **copies = sluice_arena_alloc_array(&details->arena, n_sets + 1, sizeof *copies, err);
    if (copies == NULL)
        return err->code;
    for (size_t i = 0; i < n_sets; i++) {
        copies[i] = sluice_arena_copy(&details->arena, sluice_str_from(sets[i]), err);
        if (copies[i] == NULL)
            return err->code;
    }
    details->sets = copies;
    details->n_sets = n_sets;
    if (path == NULL)
        return SLUICE_OK;
    details->path = sluice_arena_copy(&details->arena, sluice_str_from(path), err);
    return details->path != NULL ? SLUICE_OK : err->code;
}

static enum sluice_code config_new(struct sluice_config **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_config) struct sluice_config *config = calloc(1, sizeof *config);
    if (config == NULL)
        return sluice_error_nomem(err, "the configuration", sizeof *config);
    config->details = calloc(1, sizeof *config->details);
    if (config->details == NULL)
        return sluice_error_nomem(err, "the configuration", sizeof *config->details);
    sluice_arena_init(&config->details->arena, MAX_CONFIG_BYTES, "the configuration");
    config->details->rules = sluice_arena_alloc(&config->details->arena, sizeof *config->details->rules, err);
    if (config->details->rules == NULL)
        return err->code;
    *out = SLUICE_TAKE(config);
    return SLUICE_OK;
}

/* A topic that belongs to the pipeline is called after it. */
static enum sluice_code name_topic(struct sluice_config *config, const char **topic, const char *ending,
                                   struct sluice_error *err)
{
    char name[SLUICE_TOPIC_SIZE];
    if ((*topic)[0] != '\0')
        return SLUICE_OK;
    (void)snprintf(name, sizeof name, "%.200s%s", config->name, ending);
    const char *copy = sluice_arena_copy(&config->details->arena, sluice_str_from(name), err);
    if (copy == NULL)
        return err->code;
    *topic = copy;
    return SLUICE_OK;
}

enum sluice_code sluice_config_load(const char *path, const char *const *sets, size_t n_sets,
                                    struct sluice_config **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_config) struct sluice_config *config = NULL;
    struct config_entry *entries = NULL;
    enum sluice_code code = config_new(&config, err);
    if (code == SLUICE_OK)
        code = remember_origin(config->details, path, sets, n_sets, err);
    if (code == SLUICE_OK)
        code = set_defaults(config, err);
    if (code == SLUICE_OK)
        code = read_document(config, &entries, err);
    if (code == SLUICE_OK)
        code = make_room(config, entries, err);
    if (code == SLUICE_OK)
        code = set_from_file(config, entries, err);
    if (code == SLUICE_OK)
        code = set_from_arguments(config, err);
    if (code == SLUICE_OK)
        code = check_required(config, err);
    if (code != SLUICE_OK)
        return code;
    if (config->kafka_group_id[0] == '\0')
        config->kafka_group_id = config->name;
    code = name_topic(config, &config->dead_letters_topic, ".dlq", err);
    if (code == SLUICE_OK)
        code = name_topic(config, &config->dead_letters_replay_topic, ".replay", err);
    if (code == SLUICE_OK)
        code = config_check(config, err);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(config);
    return code;
}

enum sluice_code sluice_config_reload(const struct sluice_config *current, struct sluice_config **out,
                                      struct sluice_error *err)
{
    return sluice_config_load(current->details->path, current->details->sets, current->details->n_sets, out, err);
}

static bool same_properties(const struct sluice_config *a, const struct sluice_config *b)
{
    if (a->n_kafka_properties != b->n_kafka_properties)
        return false;
    for (size_t i = 0; i < a->n_kafka_properties; i++) {
        const char *value = sluice_config_kafka_property(b, a->kafka_properties[i].key);
        if (value == NULL || strcmp(value, a->kafka_properties[i].value) != 0)
            return false;
    }
    return true;
}

const char *sluice_config_restart_key(const struct sluice_config *current, const struct sluice_config *next)
{
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++)
        if ((config_options[i].flags & SLUICE_OPTION_RELOADABLE) == 0 &&
            !config_option_equal(&config_options[i], current, next))
            return config_options[i].key;
    const char *rules = config_rules_difference(current->details->rules, next->details->rules);
    if (rules != NULL)
        return rules;
    return same_properties(current, next) ? NULL : "kafka.*";
}

void sluice_config_free(struct sluice_config *config)
{
    if (config == NULL)
        return;
    if (config->details != NULL) {
        config_rules_release(config->details->rules);
        sluice_arena_deinit(&config->details->arena);
    }
    free(config->details);
    free(config);
}

const char *sluice_config_kafka_property(const struct sluice_config *config, const char *key)
{
    for (size_t i = 0; i < config->n_kafka_properties; i++)
        if (strcmp(config->kafka_properties[i].key, key) == 0)
            return config->kafka_properties[i].value;
    return NULL;
}
