/* schema.c - `sluice config schema`: JSON Schema (draft 2020-12) of the configuration file, for editors.
 *
 * It knows the two usual spellings, `group: {rest: x}` and `group.rest: x`. A value may always hold ${...} instead, so
 * every type also allows a text with one in it. Rules across options are left to `sluice check`.
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "config/kafka_keys.h"
#include "config/option.h"
#include "config/output.h"
#include "config/rules_text.h"

#define EXPANDED "\\$\\{"

static json_t *type_number(const struct config_option *option)
{
    return json_pack("{s:[{s:s, s:I, s:I}, {s:s, s:s}]}", "anyOf", "type", "integer", "minimum",
                     (json_int_t)option->min, "maximum", (json_int_t)option->max, "type", "string", "pattern",
                     EXPANDED);
}

static json_t *type_list(const struct config_option *option)
{
    const char *pattern = option->type == CONFIG_URL_LIST ? "^https?://|" EXPANDED : ".";
    return json_pack("{s:[{s:s, s:s}, {s:s, s:I, s:I, s:{s:s, s:s}}]}", "anyOf", "type", "string", "pattern", pattern,
                     "type", "array", "minItems", (json_int_t)option->min, "maxItems", (json_int_t)option->max, "items",
                     "type", "string", "pattern", pattern);
}

static json_t *type_enum(const struct config_option *option)
{
    json_t *names = json_array();
    for (size_t i = 0; i < option->n_names; i++)
        if (json_array_append_new(names, json_string(option->names[i])) != 0) {
            json_decref(names);
            return NULL;
        }
    return json_pack("{s:[{s:o}, {s:s, s:s}]}", "anyOf", "enum", names, "type", "string", "pattern", EXPANDED);
}

/* A new object, NULL without memory. */
static json_t *type_of(const struct config_option *option)
{
    switch (option->type) {
    case CONFIG_STRING:
    case CONFIG_SECRET:
        return json_pack("{s:s, s:I, s:I}", "type", "string", "minLength", (json_int_t)option->min, "maxLength",
                         (json_int_t)option->max);
    case CONFIG_BOOL:
        return json_pack("{s:[{s:s}, {s:s, s:s}]}", "anyOf", "type", "boolean", "type", "string", "pattern",
                         "^(true|false)$|" EXPANDED);
    case CONFIG_INT:
        return type_number(option);
    case CONFIG_BYTES:
        return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9]+(KiB|MiB|GiB)$|" EXPANDED);
    case CONFIG_DURATION:
        return json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9]+(ms|s|m|h)$|" EXPANDED);
    case CONFIG_ENUM:
        return type_enum(option);
    case CONFIG_LIST:
    case CONFIG_URL_LIST:
        return type_list(option);
    }
    SLUICE_BUG("type of an option");
}

static json_t *preset_json(const struct config_option *option)
{
    if (config_option_is_list(option) && option->preset[0] == '\0')
        return json_array();
    if (option->type == CONFIG_BOOL)
        return json_boolean(option->preset[0] == 't');
    if (option->type == CONFIG_INT)
        return json_integer(strtoll(option->preset, NULL, 10));
    return json_string(option->preset);
}

static bool add_definition(json_t *defs, const struct config_option *option)
{
    bool required = (option->flags & SLUICE_OPTION_REQUIRED) != 0;
    json_t *definition = json_pack("{s:s}", "description", option->text);
    if (definition == NULL || json_object_set_new(defs, option->key, definition) != 0)
        return false;
    json_t *type = type_of(option);
    int failed = type == NULL ? -1 : json_object_update(definition, type);
    json_decref(type);
    if (failed != 0)
        return false;
    return required || json_object_set_new(definition, "default", preset_json(option)) == 0;
}

/* The object below properties[group], made on first use. Borrowed. */
static json_t *group_of(json_t *properties, const char *group)
{
    json_t *found = json_object_get(properties, group);
    if (found == NULL) {
        json_t *made = json_pack("{s:s, s:{}, s:b}", "type", "object", "properties", "additionalProperties", 0);
        if (made == NULL || json_object_set_new(properties, group, made) != 0)
            return NULL;
        found = made;
    }
    return json_object_get(found, "properties");
}

static json_t *reference(const char *key)
{
    char target[128];
    (void)snprintf(target, sizeof target, "#/$defs/%s", key);
    return json_pack("{s:s}", "$ref", target);
}

/* Under its dotted name, and below its group. */
static bool add_property(json_t *properties, const char *key, json_t *value)
{
    char group[64];
    const char *dot = strchr(key, '.');
    bool ok = json_object_set(properties, key, value) == 0;
    if (dot != NULL && ok) {
        (void)snprintf(group, sizeof group, "%.*s", (int)(dot - key), key);
        json_t *below = group_of(properties, group);
        ok = below != NULL && json_object_set(below, dot + 1, value) == 0;
    }
    json_decref(value);
    return ok;
}

static bool add_required(json_t *rules, const char *key)
{
    const char *dot = strchr(key, '.');
    if (dot == NULL)
        return json_array_append_new(rules, json_pack("{s:[s]}", "required", key)) == 0;
    json_t *rule = json_pack("{s:[{s:[s]}, {s:[s%], s:{s%:{s:[s]}}}]}", "anyOf", "required", key, "required", key,
                             (size_t)(dot - key), "properties", key, (size_t)(dot - key), "required", dot + 1);
    return rule != NULL && json_array_append_new(rules, rule) == 0;
}

static bool add_options(json_t *root)
{
    json_t *defs = json_object_get(root, "$defs");
    json_t *properties = json_object_get(root, "properties");
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        const struct config_option *option = &config_options[i];
        json_t *ref = reference(option->key);
        if (ref == NULL || !add_definition(defs, option) || !add_property(properties, option->key, ref))
            return false;
        if ((option->flags & SLUICE_OPTION_REQUIRED) != 0 && !add_required(json_object_get(root, "allOf"), option->key))
            return false;
    }
    return true;
}

static bool add_rules(json_t *root)
{
    json_t *defs = json_object_get(root, "$defs");
    json_t *properties = json_object_get(root, "properties");
    static const char *const keys[] = {CONFIG_DEFAULTS_KEY, CONFIG_RULES_KEY};
    json_t *(*const made[])(void) = {config_defaults_schema, config_rules_schema};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(keys); i++) {
        json_t *ref = reference(keys[i]);
        if (ref == NULL || json_object_set_new(defs, keys[i], made[i]()) != 0 ||
            !add_property(properties, keys[i], ref))
            return false;
    }
    return true;
}

static json_t *refusal(const struct config_kafka_refusal *row)
{
    if (row->allowed == NULL)
        return json_pack("{s:{}, s:s}", "not", "description", row->reason);
    if (strcmp(row->allowed, "false") == 0)
        return json_pack("{s:[b, s], s:s}", "enum", 0, row->allowed, "description", row->reason);
    return json_pack("{s:[s], s:s}", "enum", row->allowed, "description", row->reason);
}

/* Other keys of kafka are librdkafka's: one plain value each. */
static bool add_passthrough(json_t *root)
{
    char key[128];
    json_t *properties = json_object_get(root, "properties");
    for (unsigned i = 0; i < config_n_kafka_refusals; i++) {
        json_t *value = refusal(&config_kafka_refusals[i]);
        (void)snprintf(key, sizeof key, "kafka.%s", config_kafka_refusals[i].key);
        if (value == NULL || !add_property(properties, key, value))
            return false;
    }
    json_t *plain = json_pack("{s:[s, s, s]}", "type", "string", "number", "boolean");
    return json_object_set(json_object_get(properties, "kafka"), "additionalProperties", plain) == 0 &&
           json_object_set_new(json_object_get(root, "patternProperties"), "^kafka\\.(?!topics$)", plain) == 0;
}

enum sluice_code sluice_config_schema(FILE *out, struct sluice_error *err)
{
    SLUICE_AUTO(json)
    json_t *root =
        json_pack("{s:s, s:s, s:s, s:s, s:b, s:{}, s:{}, s:[], s:{}}", "$schema",
                  "https://json-schema.org/draft/2020-12/schema", "title", "sluice configuration", "$comment",
                  "Made by `sluice config schema` from include/sluice/options.def and rules.def; do not edit.", "type",
                  "object", "additionalProperties", 0, "properties", "patternProperties", "allOf", "$defs");
    if (root == NULL || !add_options(root) || !add_rules(root) || !add_passthrough(root))
        return sluice_error_nomem(err, "the JSON Schema", 0);
    return config_output_json(root, out, err);
}
