/* rule_read.c - see rule_read.h. */
#include "config/rule_read.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/expand.h"
#include "sluice/nearest.h"

enum sluice_code rule_fail(struct rule_place *at, const char *format, ...)
{
    char what[400];
    char source[300];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    config_source_text(at->config,
                       (struct config_source){at->line > 0 ? CONFIG_FROM_FILE : CONFIG_FROM_ARGUMENT, at->line}, source,
                       sizeof source);
    return sluice_error_set(at->err, SLUICE_E_CONFIG, SLUICE_STOP, "%s: %s: %s", source, at->key, what);
}

struct rule_place rule_below(const struct rule_place *at, const struct config_node *node, size_t i)
{
    struct rule_place inner = {at->config, at->err, "", node->line};
    if (node->key[0] != '\0')
        (void)snprintf(inner.key, sizeof inner.key, "%.250s.%.140s", at->key, node->key);
    else
        (void)snprintf(inner.key, sizeof inner.key, "%.350s[%zu]", at->key, i);
    return inner;
}

static enum sluice_code unknown_member(struct rule_place *at, const struct rule_field *fields, size_t n,
                                       const char *name)
{
    const char *nearest = rule_field_nearest(fields, n, name);
    if (nearest != NULL)
        return rule_fail(at, "is not a setting; did you mean %s?", nearest);
    return rule_fail(at, "is not a setting; see sluice config docs");
}

/* One plain text. Expanded in place, so that it is shown as it is used. */
static enum sluice_code scalar(struct rule_place *at, struct config_node *node, const char **out)
{
    if (node->kind != CONFIG_NODE_SCALAR)
        return rule_fail(at, "takes one value, not a %s",
                         node->kind == CONFIG_NODE_MAP ? "map" : "list; write it without [ ]");
    if (node->is_null)
        return rule_fail(at, "has no value; write \"\" for an empty text, or take the line out");
    enum sluice_code code = config_expand(node->text, &at->config->details->arena, &node->text, at->err);
    if (code != SLUICE_OK) {
        char reason[300];
        (void)snprintf(reason, sizeof reason, "%.290s", at->err->text);
        return code == SLUICE_E_CONFIG ? rule_fail(at, "%s", reason) : code;
    }
    for (const char *c = node->text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return rule_fail(at, "has a line break or another control character; take it out");
    if (strlen(node->text) > RULE_MAX_TEXT)
        return rule_fail(at, "has %zu bytes; use %d at most", strlen(node->text), (int)RULE_MAX_TEXT);
    *out = node->text;
    return SLUICE_OK;
}

/* A text that may hold \1 to \9, of which the expression must have as many groups. */
static enum sluice_code replacement(struct rule_place *at, const struct rule *rule, struct config_node *node,
                                    const char **out)
{
    enum sluice_code code = scalar(at, node, out);
    for (const char *c = *out; code == SLUICE_OK && *c != '\0'; c++) {
        if (c[0] != '\\' || c[1] < '1' || c[1] > '9')
            continue;
        if (!rule->is_compiled)
            return rule_fail(at, "names \\%c, and defaults have no match; put it into a rule", c[1]);
        if ((size_t)(c[1] - '0') > rule->n_groups)
            return rule_fail(at, "names \\%c, and match has %zu group%s in ( ); correct one of them", c[1],
                             rule->n_groups, rule->n_groups == 1 ? "" : "s");
    }
    return code;
}

static enum sluice_code read_bool(struct rule_place *at, struct config_node *node, unsigned *out)
{
    const char *text = NULL;
    enum sluice_code code = scalar(at, node, &text);
    if (code != SLUICE_OK)
        return code;
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return rule_fail(at, "\"%.80s\" is neither true nor false; write one of these two", text);
    *out = text[0] == 't';
    return SLUICE_OK;
}

/* null without quotes is a name here, not the absence of one. */
static enum sluice_code read_name(struct rule_place *at, struct config_node *node, const char *const *names, size_t n,
                                  unsigned *out)
{
    char known[200];
    const char *text = NULL;
    if (node->kind == CONFIG_NODE_SCALAR && node->is_null && strcmp(node->text, "null") == 0 &&
        rule_name_find(names, n, "null") < n)
        node->is_null = false;
    enum sluice_code code = scalar(at, node, &text);
    if (code != SLUICE_OK)
        return code;
    size_t found = rule_name_find(names, n, text);
    if (found < n) {
        *out = (unsigned)found;
        return SLUICE_OK;
    }
    const char *nearest = sluice_nearest(text, names, n);
    rule_names_text(names, n, known, sizeof known);
    return nearest != NULL ? rule_fail(at, "\"%.80s\" is none of %s; did you mean %s?", text, known, nearest)
                           : rule_fail(at, "\"%.80s\" is not one of the values; use %s", text, known);
}

static bool is_setting_name(const char *name)
{
    if (isdigit((unsigned char)name[0]))
        return false;
    for (; *name != '\0'; name++)
        if (!isalnum((unsigned char)*name) && *name != '_')
            return false;
    return true;
}

/* Numbers, true, false and what has its quotes already stay; other texts are put in quotes. */
static enum sluice_code setting_text(struct rule_place *at, const char *name, const char *value, const char **out)
{
    char text[2 * 1024 + CONFIG_MAX_KEY];
    bool bare = strcmp(value, "true") == 0 || strcmp(value, "false") == 0 || value[0] == '\'' ||
                (value[0] != '\0' && value[strspn(value, "0123456789.-")] == '\0');
    if (!is_setting_name(name))
        return rule_fail(at, "is not the name of a setting; use letters, digits and _");
    if (strlen(value) > 900)
        return rule_fail(at, "has %zu bytes; use 900 at most", strlen(value));
    int n = snprintf(text, sizeof text, "%.190s = %s", name, bare ? value : "'");
    size_t len = n > 0 ? (size_t)n : 0;
    for (; !bare && *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\')
            text[len++] = '\\';
        text[len++] = *value;
    }
    if (!bare)
        text[len++] = '\'';
    *out = sluice_arena_copy(&at->config->details->arena, (struct sluice_str){text, len}, at->err);
    return *out != NULL ? SLUICE_OK : at->err->code;
}

static enum sluice_code list_item(struct rule_place *at, const struct rule *rule, bool is_map, struct config_node *node,
                                  const char **out)
{
    const char *text = NULL;
    enum sluice_code code = replacement(at, rule, node, &text);
    if (code != SLUICE_OK)
        return code;
    if (text[0] == '\0')
        return rule_fail(at, "is empty; take it out");
    *out = text;
    return is_map ? setting_text(at, node->key, text, out) : SLUICE_OK;
}

/* A list of texts, or one text in its place; a map of texts. */
static enum sluice_code read_list(struct rule_place *at, const struct rule *rule, bool is_map, struct config_node *node,
                                  struct sluice_config_list *out)
{
    size_t n = 0;
    struct config_node *first = node->kind == CONFIG_NODE_SCALAR ? node : node->first;
    if (is_map != (node->kind == CONFIG_NODE_MAP))
        return rule_fail(at, is_map ? "takes a map; write it as name: value" : "takes a list, not a map");
    for (const struct config_node *item = first; item != NULL && first != node; item = item->next)
        n++;
    n = first == node ? 1 : n;
    const char **items = sluice_arena_alloc_array(&at->config->details->arena, n + 1, sizeof *items, at->err);
    if (items == NULL)
        return at->err->code;
    for (size_t i = 0; i < n; i++, first = first->next) {
        struct rule_place inner = first == node ? *at : rule_below(at, first, i);
        enum sluice_code code = list_item(&inner, rule, is_map, first, &items[i]);
        if (code != SLUICE_OK)
            return code;
    }
    *out = (struct sluice_config_list){n > 0 ? items : NULL, n};
    return SLUICE_OK;
}

static enum sluice_code read_value(struct rule_place *at, const struct rule *rule, const struct rule_field *field,
                                   struct config_node *node, struct rule_value *out)
{
    out->is_set = true;
    switch (field->type) {
    case RULE_TYPE_NAME:
    case RULE_TYPE_SQL:
        return replacement(at, rule, node, &out->text);
    case RULE_TYPE_SQL_LIST:
    case RULE_TYPE_SQL_MAP:
        return read_list(at, rule, field->type == RULE_TYPE_SQL_MAP, node, &out->list);
    case RULE_TYPE_BOOL:
        return read_bool(at, node, &out->number);
    case RULE_TYPE_ENUM:
        return read_name(at, node, field->names, field->n_names, &out->number);
    case RULE_TYPE_MATCH:
    case RULE_TYPE_TRANSFORMS:
    case RULE_TYPE_COLUMNS:
        break;
    }
    SLUICE_BUG("type of a rule's member");
}

static struct rule_column *column_of(struct rule_place *at, struct rule *rule, const char *name)
{
    struct rule_column **last = &rule->columns;
    for (; *last != NULL; last = &(*last)->next)
        if (strcmp((*last)->name, name) == 0)
            return *last;
    *last = sluice_arena_alloc(&at->config->details->arena, sizeof **last, at->err);
    if (*last != NULL)
        (*last)->name = name;
    return *last;
}

static enum sluice_code read_transforms(struct rule_place *at, struct rule *rule, struct config_node *node)
{
    if (node->kind != CONFIG_NODE_MAP)
        return rule_fail(at, "takes a map; write it as column: transform");
    for (struct config_node *member = node->first; member != NULL; member = member->next) {
        unsigned number = 0;
        struct rule_place inner = rule_below(at, member, 0);
        struct rule_column *column = column_of(&inner, rule, member->key);
        if (column == NULL)
            return at->err->code;
        enum sluice_code code = read_name(&inner, member, rule_transform_names, SLUICE_N_TRANSFORM, &number);
        if (code != SLUICE_OK)
            return code;
        column->transform = (enum sluice_transform)number;
    }
    return SLUICE_OK;
}

static enum sluice_code read_column(struct rule_place *at, struct rule *rule, struct config_node *node)
{
    struct rule_column *column = column_of(at, rule, node->key);
    if (column == NULL)
        return at->err->code;
    if (node->kind != CONFIG_NODE_MAP)
        return rule_fail(at, "takes a map of settings; write it as {rename: x}");
    for (struct config_node *member = node->first; member != NULL; member = member->next) {
        struct rule_place inner = rule_below(at, member, 0);
        const struct rule_field *field = rule_field_find(column_fields, N_COLUMN_FIELDS, member->key);
        if (field == NULL)
            return strcmp(member->key, "transform") == 0
                       ? rule_fail(&inner, "is not a setting of a column; put it below transforms of the rule")
                       : unknown_member(&inner, column_fields, N_COLUMN_FIELDS, member->key);
        enum sluice_code code = read_value(&inner, rule, field, member, &column->values[field - column_fields]);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

static enum sluice_code read_columns(struct rule_place *at, struct rule *rule, struct config_node *node)
{
    if (node->kind != CONFIG_NODE_MAP)
        return rule_fail(at, "takes a map; write it as column: {rename: x}");
    for (struct config_node *member = node->first; member != NULL; member = member->next) {
        struct rule_place inner = rule_below(at, member, 0);
        enum sluice_code code = read_column(&inner, rule, member);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

enum sluice_code rule_read_member(struct rule_place *at, struct rule *rule, struct config_node *node)
{
    const struct rule_field *field = rule_field_find(rule_fields, N_RULE_FIELDS, node->key);
    if (field == NULL)
        return unknown_member(at, rule_fields, N_RULE_FIELDS, node->key);
    switch (field->type) {
    case RULE_TYPE_MATCH:
        return SLUICE_OK; /* read_match() */
    case RULE_TYPE_TRANSFORMS:
        return read_transforms(at, rule, node);
    case RULE_TYPE_COLUMNS:
        return read_columns(at, rule, node);
    default:
        return read_value(at, rule, field, node, &rule->values[field - rule_fields]);
    }
}

/* How often the expression repeats something by number, all {m,n} of it multiplied: regcomp() writes repetitions out.
 */
static size_t repetitions(const char *pattern)
{
    size_t product = 1;
    for (const char *c = strchr(pattern, '{'); c != NULL && product <= RULE_MAX_REPETITIONS; c = strchr(c + 1, '{')) {
        char *end = NULL;
        unsigned long most = strtoul(c + 1, &end, 10);
        unsigned long upper = *end == ',' ? strtoul(end + 1, NULL, 10) : 0;
        most = upper > most ? upper : most;
        product *= most > RULE_MAX_REPETITIONS ? RULE_MAX_REPETITIONS + 1 : most > 0 ? most : 1;
    }
    return product;
}

static enum sluice_code compile(struct rule_place *at, struct rule *rule, const char *pattern)
{
    char reason[120];
    if (strlen(pattern) > RULE_MAX_PATTERN || repetitions(pattern) > RULE_MAX_REPETITIONS)
        return rule_fail(at,
                         "\"%.80s\" has more than %d bytes, or repeats something more than %d times; make it simpler",
                         pattern, (int)RULE_MAX_PATTERN, (int)RULE_MAX_REPETITIONS);
    int failed = regcomp(&rule->match, pattern, REG_EXTENDED);
    if (failed != 0) {
        (void)regerror(failed, &rule->match, reason, sizeof reason);
        return rule_fail(at, "\"%.80s\" is not a regular expression: %s; correct it", pattern, reason);
    }
    rule->pattern = pattern;
    rule->is_compiled = true;
    rule->n_groups = rule->match.re_nsub;
    return SLUICE_OK;
}

static enum sluice_code read_match(struct rule_place *at, struct rule *rule, struct config_node *node)
{
    for (struct config_node *member = node->first; member != NULL; member = member->next) {
        const char *pattern = NULL;
        struct rule_place inner = rule_below(at, member, 0);
        if (strcmp(member->key, "match") != 0)
            continue;
        enum sluice_code code = scalar(&inner, member, &pattern);
        if (code == SLUICE_OK && pattern[0] == '\0')
            return rule_fail(&inner, "is empty and would fit every table; write .* for that");
        return code == SLUICE_OK ? compile(&inner, rule, pattern) : code;
    }
    return rule_fail(at, "has no match; add the expression that its tables fit");
}

static enum sluice_code check_columns(struct rule_place *at, const struct rule *rule)
{
    for (const struct rule_column *column = rule->columns; column != NULL; column = column->next) {
        for (size_t i = 0; i < N_COLUMN_FIELDS; i++) {
            bool excluded = strcmp(column_fields[i].name, "exclude") == 0 && column->values[i].number != 0;
            if (excluded && column->transform != SLUICE_TRANSFORM_NONE && column->transform != SLUICE_TRANSFORM_DROP)
                return rule_fail(at, "column \"%.80s\" is excluded and has the transform %s; keep one of them",
                                 column->name, rule_transform_names[column->transform]);
        }
    }
    return SLUICE_OK;
}

/* Before anything else, so that a misspelt match is not told to be missing. */
static enum sluice_code check_members(struct rule_place *at, const struct config_node *node)
{
    for (const struct config_node *member = node->first; member != NULL; member = member->next) {
        struct rule_place inner = rule_below(at, member, 0);
        if (rule_field_find(rule_fields, N_RULE_FIELDS, member->key) == NULL)
            return unknown_member(&inner, rule_fields, N_RULE_FIELDS, member->key);
    }
    return SLUICE_OK;
}

enum sluice_code rule_read(struct rule_place *at, struct rule *rule, struct config_node *node)
{
    rule->key = sluice_arena_copy(&at->config->details->arena, sluice_str_from(at->key), at->err);
    if (rule->key == NULL)
        return at->err->code;
    if (node->kind != CONFIG_NODE_MAP)
        return rule_fail(at, "takes a map; write it as {match: ..., table: ...}");
    enum sluice_code code = check_members(at, node);
    if (code == SLUICE_OK)
        code = read_match(at, rule, node);
    for (struct config_node *member = node->first; member != NULL && code == SLUICE_OK; member = member->next) {
        struct rule_place inner = rule_below(at, member, 0);
        code = rule_read_member(&inner, rule, member);
    }
    return code == SLUICE_OK ? check_columns(at, rule) : code;
}
