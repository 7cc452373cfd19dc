/* rules_text.c - see rules_text.h. */
#include "config/rules_text.h"

#include "config/output.h"
#include "config/rules.h"

enum { WIDTH = 100, MAX_NAMES = 200, MAX_SHOWN_KEY = 600 };

#define EXPANDED "\\$\\{"

const char config_defaults_text[] = "Settings of all source tables; a rule overrides them one by one.";
const char config_rules_text[] =
    "Settings of single source tables. The first rule whose match fits a table is the one that counts.";

static const char *type_word(enum rule_type type)
{
    switch (type) {
    case RULE_TYPE_NAME:
    case RULE_TYPE_SQL:
        return "text";
    case RULE_TYPE_SQL_LIST:
        return "text or list of texts";
    case RULE_TYPE_SQL_MAP:
        return "map of texts";
    case RULE_TYPE_BOOL:
        return "true or false";
    case RULE_TYPE_ENUM:
        return "one of ";
    case RULE_TYPE_MATCH:
        return "regular expression";
    case RULE_TYPE_TRANSFORMS:
        return "map, each one of ";
    case RULE_TYPE_COLUMNS:
        return "map of maps";
    }
    SLUICE_BUG("type of a rule's member");
}

static void names_of(const struct rule_field *field, char *text, size_t size)
{
    text[0] = '\0';
    if (field->type == RULE_TYPE_TRANSFORMS)
        rule_names_text(rule_transform_names, SLUICE_N_TRANSFORM, text, size);
    else if (field->type == RULE_TYPE_ENUM)
        rule_names_text(field->names, field->n_names, text, size);
}

static void docs_rows(FILE *out, const struct rule_field *fields, size_t n)
{
    char names[MAX_NAMES];
    for (size_t i = 0; i < n; i++) {
        const struct rule_field *field = &fields[i];
        bool is_option = strchr(field->preset, '.') != NULL;
        names_of(field, names, sizeof names);
        (void)fprintf(out, "| `%s`%s | %s%s | ", field->name,
                      (field->flags & RULE_IN_DEFAULTS) != 0 ? " *defaults*" : "", type_word(field->type), names);
        if (field->type == RULE_TYPE_MATCH)
            (void)fputs("required", out);
        else if (field->preset[0] == '\0')
            (void)fputs(field->type == RULE_TYPE_ENUM ? "the table's" : "empty", out);
        else
            (void)fprintf(out, is_option ? "of `%s`" : "`%s`", field->preset);
        (void)fprintf(out, " | %s |\n", field->text);
    }
}

void config_rules_docs(FILE *out)
{
    (void)fputs(
        "\n## Rules for tables\n"
        "\n"
        "Members of a rule in `tables.rules`. Those marked *defaults* may stand in `tables.defaults` too, where\n"
        "they hold for every table. Texts may hold `\\1` to `\\9`, what the groups of `match` found; in texts that\n"
        "become part of a statement as they are, these may hold letters, digits, spaces and `_ . -` only.\n"
        "[tables.md](tables.md) has examples.\n"
        "\n"
        "| Member | Type and values | Default | What it changes |\n|---|---|---|---|\n",
        out);
    docs_rows(out, rule_fields, N_RULE_FIELDS);
    (void)fputs("\nMembers of one column, below `columns` of a rule:\n"
                "\n"
                "| Member | Type and values | Default | What it changes |\n|---|---|---|---|\n",
                out);
    docs_rows(out, column_fields, N_COLUMN_FIELDS);
}

/* A legal value that changes nothing. */
static void sample_value(FILE *out, const struct rule_field *field)
{
    switch (field->type) {
    case RULE_TYPE_MATCH:
        (void)fputs("'^shop\\.inventory\\.(.+)$'", out);
        return;
    case RULE_TYPE_SQL_LIST:
        (void)fputs("[]", out);
        return;
    case RULE_TYPE_SQL_MAP:
    case RULE_TYPE_TRANSFORMS:
    case RULE_TYPE_COLUMNS:
        (void)fputs("{}", out);
        return;
    default:
        break;
    }
    const struct config_option *option = config_option_find(field->preset);
    if (field->type == RULE_TYPE_NAME || field->type == RULE_TYPE_SQL)
        (void)fputs("''", out);
    else
        (void)fputs(option != NULL ? option->preset : field->preset, out);
}

static void sample_members(FILE *out, bool defaults)
{
    for (size_t i = 0; i < N_RULE_FIELDS; i++) {
        const struct rule_field *field = &rule_fields[i];
        if (defaults && (field->flags & RULE_IN_DEFAULTS) == 0)
            continue;
        (void)fprintf(out, "%s%s: ", !defaults && i == 0 ? "    #- " : defaults ? "    #" : "      #", field->name);
        sample_value(out, field);
        (void)fputc('\n', out);
    }
}

void config_rules_sample(FILE *out)
{
    (void)fputc('\n', out);
    config_output_wrapped(out, config_defaults_text, "  # ", WIDTH);
    (void)fputs("  #defaults:\n", out);
    sample_members(out, true);
    (void)fputc('\n', out);
    config_output_wrapped(out, config_rules_text, "  # ", WIDTH);
    (void)fputs("  #rules:\n", out);
    sample_members(out, false);
}

/* The names as a schema; NULL without memory. */
static json_t *schema_names(const char *const *names, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        /* YAML reads a bare null as no text. */
        json_t *name = strcmp(names[i], "null") == 0 ? json_null() : json_string(names[i]);
        if (json_array_append_new(list, name) != 0 ||
            (json_is_null(name) && json_array_append_new(list, json_string(names[i])) != 0)) {
            json_decref(list);
            return NULL;
        }
    }
    return json_pack("{s:[{s:o}, {s:s, s:s}]}", "anyOf", "enum", list, "type", "string", "pattern", EXPANDED);
}

static json_t *schema_fields(const struct rule_field *fields, size_t n, unsigned flags);

static json_t *schema_type(const struct rule_field *field)
{
    switch (field->type) {
    case RULE_TYPE_NAME:
    case RULE_TYPE_SQL:
        return json_pack("{s:s}", "type", "string");
    case RULE_TYPE_MATCH:
        return json_pack("{s:s, s:i}", "type", "string", "minLength", 1);
    case RULE_TYPE_SQL_LIST:
        return json_pack("{s:[{s:s}, {s:s, s:{s:s}}]}", "anyOf", "type", "string", "type", "array", "items", "type",
                         "string");
    case RULE_TYPE_SQL_MAP:
        return json_pack("{s:s, s:{s:[s, s, s]}}", "type", "object", "additionalProperties", "type", "string", "number",
                         "boolean");
    case RULE_TYPE_BOOL:
        return json_pack("{s:[{s:s}, {s:s, s:s}]}", "anyOf", "type", "boolean", "type", "string", "pattern",
                         "^(true|false)$|" EXPANDED);
    case RULE_TYPE_ENUM:
        return schema_names(field->names, field->n_names);
    case RULE_TYPE_TRANSFORMS:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         schema_names(rule_transform_names, SLUICE_N_TRANSFORM));
    case RULE_TYPE_COLUMNS:
        return json_pack("{s:s, s:o}", "type", "object", "additionalProperties",
                         schema_fields(column_fields, N_COLUMN_FIELDS, 0));
    }
    SLUICE_BUG("type of a rule's member");
}

/* An object with the members whose flags hold `flags`. */
static json_t *schema_fields(const struct rule_field *fields, size_t n, unsigned flags)
{
    json_t *properties = json_object();
    for (size_t i = 0; i < n; i++) {
        if ((fields[i].flags & flags) != flags)
            continue;
        json_t *type = schema_type(&fields[i]);
        if (type == NULL || json_object_set_new(type, "description", json_string(fields[i].text)) != 0 ||
            json_object_set(properties, fields[i].name, type) != 0) {
            json_decref(type);
            json_decref(properties);
            return NULL;
        }
        json_decref(type);
    }
    return json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties, "additionalProperties", 0);
}

json_t *config_defaults_schema(void)
{
    json_t *schema = schema_fields(rule_fields, N_RULE_FIELDS, RULE_IN_DEFAULTS);
    (void)json_object_set_new(schema, "description", json_string(config_defaults_text));
    return schema;
}

json_t *config_rules_schema(void)
{
    json_t *rule = schema_fields(rule_fields, N_RULE_FIELDS, 0);
    (void)json_object_set_new(rule, "required", json_pack("[s]", "match"));
    return json_pack("{s:s, s:o, s:s}", "type", "array", "items", rule, "description", config_rules_text);
}

/* What is handed on while the trees are walked. */
struct walk {
    config_rules_row row;
    void *context;
};

static bool is_leaf(const struct config_node *node)
{
    return node->first == NULL || (node->kind == CONFIG_NODE_LIST && node->first->kind == CONFIG_NODE_SCALAR);
}

static bool walk_node(const struct walk *walk, const struct config_node *node, const char *key)
{
    char inner[MAX_SHOWN_KEY];
    size_t i = 0;
    if (is_leaf(node))
        return walk->row(walk->context, key, node,
                         (struct config_source){node->line > 0 ? CONFIG_FROM_FILE : CONFIG_FROM_ARGUMENT, node->line});
    for (const struct config_node *child = node->first; child != NULL; child = child->next) {
        if (node->kind == CONFIG_NODE_MAP)
            (void)snprintf(inner, sizeof inner, "%.300s.%s", key, child->key);
        else
            (void)snprintf(inner, sizeof inner, "%.300s[%zu]", key, i++);
        if (!walk_node(walk, child, inner))
            return false;
    }
    return true;
}

bool config_rules_each(const struct sluice_config *config, config_rules_row row, void *context)
{
    static const struct config_node no_defaults = {.kind = CONFIG_NODE_MAP};
    static const struct config_node no_rules = {.kind = CONFIG_NODE_LIST};
    static const struct config_source nowhere = {CONFIG_FROM_DEFAULT, 0};
    const struct sluice_rules *rules = config->details->rules;
    const struct walk walk = {row, context};
    bool ok = rules->defaults_tree != NULL ? walk_node(&walk, rules->defaults_tree, CONFIG_DEFAULTS_KEY)
                                           : row(context, CONFIG_DEFAULTS_KEY, &no_defaults, nowhere);
    if (!ok)
        return false;
    return rules->rules_tree != NULL ? walk_node(&walk, rules->rules_tree, CONFIG_RULES_KEY)
                                     : row(context, CONFIG_RULES_KEY, &no_rules, nowhere);
}
