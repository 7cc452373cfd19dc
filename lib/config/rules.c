/* rules.c - see rules.h. */
#include "config/rules.h"

#include <stdio.h>

#include "config/rule_read.h"

static void release_rules(struct sluice_rules *rules)
{
    for (size_t i = 0; i < rules->n_rules; i++)
        if (rules->rules[i].is_compiled)
            regfree(&rules->rules[i].match);
    rules->n_rules = 0;
}

static enum sluice_code set_rules(struct rule_place *at, struct sluice_rules *rules, struct config_node *tree)
{
    size_t n = 0;
    if (tree->kind != CONFIG_NODE_LIST)
        return rule_fail(at, "takes a list of rules; begin each with a -");
    for (const struct config_node *node = tree->first; node != NULL; node = node->next)
        n++;
    release_rules(rules);
    rules->rules = sluice_arena_alloc_array(&at->config->details->arena, n + 1, sizeof *rules->rules, at->err);
    if (rules->rules == NULL)
        return at->err->code;
    rules->rules_tree = tree;
    for (struct config_node *node = tree->first; node != NULL; node = node->next) {
        struct rule_place inner = rule_below(at, node, rules->n_rules);
        enum sluice_code code = rule_read(&inner, &rules->rules[rules->n_rules++], node);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

/* Puts a member in the place of an earlier one of the same name, which must not be of the same file. */
static enum sluice_code replace_member(struct rule_place *at, struct sluice_rules *rules,
                                       const struct config_node *member)
{
    struct sluice_arena *arena = &at->config->details->arena;
    struct config_node *tree = sluice_arena_alloc(arena, sizeof *tree, at->err);
    struct config_node **last = tree != NULL ? &tree->first : NULL;
    if (tree == NULL)
        return at->err->code;
    tree->kind = CONFIG_NODE_MAP;
    tree->key = "";
    const struct config_node *old = rules->defaults_tree != NULL ? rules->defaults_tree->first : NULL;
    for (const struct config_node *node = old;; node = node->next) {
        if (node != NULL && strcmp(node->key, member->key) == 0) {
            if (node->line > 0 && member->line > 0)
                return rule_fail(at, "is already given in line %d; keep one of them", node->line);
            continue;
        }
        *last = sluice_arena_alloc(arena, sizeof **last, at->err);
        if (*last == NULL)
            return at->err->code;
        **last = node != NULL ? *node : *member;
        (*last)->next = NULL;
        last = &(*last)->next;
        if (node == NULL)
            break;
    }
    rules->defaults_tree = tree;
    return SLUICE_OK;
}

static enum sluice_code set_default(struct rule_place *at, struct sluice_rules *rules, struct config_node *node)
{
    const struct rule_field *field = rule_field_find(rule_fields, N_RULE_FIELDS, node->key);
    if (field != NULL && (field->flags & RULE_IN_DEFAULTS) == 0)
        return rule_fail(at, "is a setting of a single rule; put it below tables.rules");
    enum sluice_code code = rule_read_member(at, &rules->defaults, node);
    return code == SLUICE_OK ? replace_member(at, rules, node) : code;
}

static enum sluice_code set_defaults(struct rule_place *at, struct sluice_rules *rules, struct config_node *tree)
{
    if (tree->kind != CONFIG_NODE_MAP)
        return rule_fail(at, "takes a map; write it as {truncate: stop}");
    for (struct config_node *node = tree->first; node != NULL; node = node->next) {
        struct rule_place inner = rule_below(at, node, 0);
        enum sluice_code code = set_default(&inner, rules, node);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

enum sluice_code config_rules_set(struct sluice_config *config, const struct config_entry *entry,
                                  struct sluice_error *err)
{
    static const size_t n_defaults = sizeof CONFIG_DEFAULTS_KEY - 1;
    struct sluice_rules *rules = config->details->rules;
    struct rule_place at = {config, err, "", entry->line};
    (void)snprintf(at.key, sizeof at.key, "%.300s", entry->key);
    if (strcmp(entry->key, CONFIG_RULES_KEY) == 0)
        return set_rules(&at, rules, entry->tree);
    if (strcmp(entry->key, CONFIG_DEFAULTS_KEY) == 0)
        return set_defaults(&at, rules, entry->tree);
    entry->tree->key = entry->key + n_defaults + 1;
    entry->tree->line = entry->line;
    return set_default(&at, rules, entry->tree);
}

void config_rules_release(struct sluice_rules *rules)
{
    if (rules != NULL)
        release_rules(rules);
}

static bool same_nodes(const struct config_node *a, const struct config_node *b)
{
    for (; a != NULL && b != NULL; a = a->next, b = b->next) {
        if (a->kind != b->kind || strcmp(a->key, b->key) != 0)
            return false;
        if (a->kind == CONFIG_NODE_SCALAR ? strcmp(a->text, b->text) != 0 : !same_nodes(a->first, b->first))
            return false;
    }
    return a == NULL && b == NULL;
}

const char *config_rules_difference(const struct sluice_rules *a, const struct sluice_rules *b)
{
    if (!same_nodes(a->defaults_tree, b->defaults_tree))
        return CONFIG_DEFAULTS_KEY;
    return same_nodes(a->rules_tree, b->rules_tree) ? NULL : CONFIG_RULES_KEY;
}

bool sluice_config_has_transforms(const struct sluice_config *config)
{
    const struct sluice_rules *rules = config->details->rules;
    for (size_t i = 0; i < rules->n_rules; i++)
        for (const struct rule_column *column = rules->rules[i].columns; column != NULL; column = column->next)
            if (column->transform != SLUICE_TRANSFORM_NONE)
                return true;
    return false;
}

bool config_rules_need_key(const struct sluice_rules *rules)
{
    for (size_t i = 0; i < rules->n_rules; i++)
        for (const struct rule_column *column = rules->rules[i].columns; column != NULL; column = column->next)
            if (column->transform == SLUICE_TRANSFORM_HMAC || column->transform == SLUICE_TRANSFORM_TOKENIZE)
                return true;
    return false;
}
