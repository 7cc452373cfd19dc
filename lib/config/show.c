/* show.c - `sluice config show`: the effective values and their sources, secrets masked. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "config/details.h"
#include "config/output.h"
#include "config/rules_text.h"

#define MASK "***"

enum { MAX_SHOWN = 4 << 20 };

/* What is shown of a secret: whether there is one. */
static const char *mask(const char *value)
{
    return value[0] != '\0' ? MASK : "";
}

enum { MAX_SHOWN_ITEM = 1024 };

/* "http://user:password@host" without the part before the @; "Name: value" without the value. */
static const char *shown_item(const struct config_option *option, const char *item, char out[MAX_SHOWN_ITEM])
{
    const char *scheme = strstr(item, "://");
    const char *at = strrchr(item, '@');
    const char *colon = strchr(item, ':');
    if ((option->flags & SLUICE_OPTION_MASKED) == 0 || colon == NULL || (scheme != NULL && at == NULL))
        return item;
    if (scheme != NULL)
        (void)snprintf(out, MAX_SHOWN_ITEM, "%.*s" MASK "%s", (int)(scheme + 3 - item), item, at);
    else
        (void)snprintf(out, MAX_SHOWN_ITEM, "%.*s: " MASK, (int)(colon - item), item);
    return out;
}

static enum sluice_code list_text(const struct config_option *option, const struct sluice_config_list *list,
                                  struct sluice_buf *text, struct sluice_error *err)
{
    char item[MAX_SHOWN_ITEM];
    sluice_buf_clear(text);
    for (size_t i = 0; i < list->n_items; i++) {
        enum sluice_code code =
            sluice_buf_printf(text, err, "%s%s", i > 0 ? ", " : "", shown_item(option, list->items[i], item));
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

/* The value of an option as one line; borrowed until the next call. */
static enum sluice_code value_text(const struct sluice_config *config, const struct config_option *option,
                                   struct sluice_buf *text, const char **out, struct sluice_error *err)
{
    char number[32];
    if (config_option_is_list(option)) {
        enum sluice_code code = list_text(option, config_option_items(option, config), text, err);
        *out = sluice_buf_text(text);
        return code;
    }
    const char *value = config_option_format(option, config, number, sizeof number);
    if (option->type == CONFIG_SECRET)
        value = mask(value);
    sluice_buf_clear(text);
    enum sluice_code code = sluice_buf_append_z(text, value, err);
    *out = sluice_buf_text(text);
    return code;
}

static void print_row(FILE *out, const char *key, const char *value, const char *source)
{
    (void)fprintf(out, "%-40s %-40s %s\n", key, value[0] != '\0' ? value : "\"\"", source);
}

struct table_rows {
    const struct sluice_config *config;
    FILE *out;
    struct sluice_buf *text;
    struct sluice_error *err;
};

/* A value below tables.defaults or tables.rules as one line. */
static bool print_rule_row(void *context, const char *key, const struct config_node *value, struct config_source source)
{
    const struct table_rows *rows = context;
    char place[200];
    sluice_buf_clear(rows->text);
    enum sluice_code code = SLUICE_OK;
    if (value->kind == CONFIG_NODE_SCALAR)
        code = sluice_buf_append_z(rows->text, value->text, rows->err);
    else if (value->first == NULL)
        code = sluice_buf_append_z(rows->text, value->kind == CONFIG_NODE_MAP ? "{}" : "[]", rows->err);
    for (const struct config_node *item = value->first; item != NULL && code == SLUICE_OK; item = item->next)
        code = sluice_buf_printf(rows->text, rows->err, "%s%s", item != value->first ? ", " : "", item->text);
    if (code != SLUICE_OK)
        return false;
    config_source_text(rows->config, source, place, sizeof place);
    print_row(rows->out, key, sluice_buf_text(rows->text), place);
    return true;
}

static enum sluice_code show_table(const struct sluice_config *config, FILE *out, struct sluice_error *err)
{
    char source[200];
    char key[256];
    SLUICE_AUTO(sluice_buf) struct sluice_buf text = {0};
    sluice_buf_init(&text, MAX_SHOWN, "the text of a value");
    print_row(out, "OPTION", "VALUE", "SOURCE");
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        const char *value = NULL;
        enum sluice_code code = value_text(config, &config_options[i], &text, &value, err);
        if (code != SLUICE_OK)
            return code;
        config_source_text(config, config->details->sources[i], source, sizeof source);
        print_row(out, config_options[i].key, value, source);
    }
    struct table_rows rows = {config, out, &text, err};
    if (!config_rules_each(config, print_rule_row, &rows))
        return err->code;
    for (size_t i = 0; i < config->n_kafka_properties; i++) {
        const struct sluice_config_property *property = &config->kafka_properties[i];
        config_source_text(config, config->details->property_sources[i], source, sizeof source);
        (void)snprintf(key, sizeof key, "kafka.%s", property->key);
        print_row(out, key, property->secret ? mask(property->value) : property->value, source);
    }
    return config_output_end(out, err);
}

static json_t *list_json(const struct config_option *option, const struct sluice_config_list *list)
{
    char item[MAX_SHOWN_ITEM];
    json_t *items = json_array();
    for (size_t i = 0; i < list->n_items; i++)
        if (json_array_append_new(items, json_string(shown_item(option, list->items[i], item))) != 0) {
            json_decref(items);
            return NULL;
        }
    return items;
}

/* Numbers and truth values as such, sizes and durations with their unit. NULL without memory. */
static json_t *value_json(const struct sluice_config *config, const struct config_option *option)
{
    char number[32];
    if (config_option_is_list(option))
        return list_json(option, config_option_items(option, config));
    const char *value = config_option_format(option, config, number, sizeof number);
    if (option->type == CONFIG_BOOL)
        return json_boolean(value[0] == 't');
    if (option->type == CONFIG_INT)
        return json_integer(strtoll(value, NULL, 10));
    return json_string(option->type == CONFIG_SECRET ? mask(value) : value);
}

/* Takes `value`. False without memory, or for a text that is not UTF-8. */
static bool add_json(json_t *root, const struct sluice_config *config, const char *key, json_t *value,
                     struct config_source source)
{
    char text[200];
    config_source_text(config, source, text, sizeof text);
    json_t *row = json_pack("{s:o, s:s}", "value", value, "source", text);
    return row != NULL && json_object_set_new(root, key, row) == 0;
}

struct json_rows {
    json_t *root;
    const struct sluice_config *config;
};

static bool add_rule_row(void *context, const char *key, const struct config_node *value, struct config_source source)
{
    const struct json_rows *rows = context;
    if (value->kind == CONFIG_NODE_SCALAR)
        return add_json(rows->root, rows->config, key, json_string(value->text), source);
    if (value->kind == CONFIG_NODE_MAP)
        return add_json(rows->root, rows->config, key, json_object(), source);
    json_t *items = json_array();
    for (const struct config_node *item = value->first; item != NULL; item = item->next)
        if (json_array_append_new(items, json_string(item->text)) != 0) {
            json_decref(items);
            return false;
        }
    return add_json(rows->root, rows->config, key, items, source);
}

static bool fill_json(json_t *root, const struct sluice_config *config)
{
    char key[256];
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++)
        if (!add_json(root, config, config_options[i].key, value_json(config, &config_options[i]),
                      config->details->sources[i]))
            return false;
    struct json_rows rows = {root, config};
    if (!config_rules_each(config, add_rule_row, &rows))
        return false;
    for (size_t i = 0; i < config->n_kafka_properties; i++) {
        const struct sluice_config_property *property = &config->kafka_properties[i];
        (void)snprintf(key, sizeof key, "kafka.%s", property->key);
        const char *value = property->secret ? mask(property->value) : property->value;
        if (!add_json(root, config, key, json_string(value), config->details->property_sources[i]))
            return false;
    }
    return true;
}

static enum sluice_code show_json(const struct sluice_config *config, FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(json) json_t *root = json_object();
    if (root == NULL || !fill_json(root, config))
        return sluice_error_set(err, SLUICE_E_NOMEM, SLUICE_STOP,
                                "show the configuration: out of memory, or a value from a variable is not UTF-8");
    return config_output_json(root, out, err);
}

enum sluice_code sluice_config_show(const struct sluice_config *config, FILE *out, bool json, struct sluice_error *err)
{
    return json ? show_json(config, out, err) : show_table(config, out, err);
}
