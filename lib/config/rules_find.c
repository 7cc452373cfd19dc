/* rules_find.c - the settings of one source table: the first rule that fits, then the defaults, then what is built in.
 *
 * Captures come from the names of source tables, which whoever may make tables there chooses. In texts that become part
 * of a statement as they are, a capture may therefore hold nothing that has a meaning in SQL.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "config/rules.h"

enum { MAX_SETTINGS_BYTES = 64 << 20 };

struct finding {
    const struct sluice_config *config;
    const struct rule *rule; /* NULL: none fits */
    const char *name;        /* name.schema.table */
    regmatch_t groups[RULE_MAX_GROUPS];
    struct sluice_arena *arena;
    struct sluice_error *err;
};

struct settings_object {
    struct sluice_table_settings settings; /* first: the address of both is the same */
    struct sluice_arena arena;
};

static bool is_harmless(struct sluice_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x80 && !isalnum(c) && strchr("_. -", c) == NULL)
            return false;
        if (c == '-' && i > 0 && text.ptr[i - 1] == '-')
            return false;
    }
    return true;
}

static enum sluice_code put_capture(const struct finding *f, const struct rule_field *field, unsigned group,
                                    struct sluice_buf *text)
{
    const regmatch_t *match = &f->groups[group];
    if (match->rm_so < 0)
        return SLUICE_OK; /* an alternative that was not taken */
    struct sluice_str capture = {f->name + match->rm_so, (size_t)(match->rm_eo - match->rm_so)};
    if (field->type != RULE_TYPE_NAME && !is_harmless(capture))
        return sluice_error_set(f->err, SLUICE_E_CONFIG, SLUICE_STOP_PARTITION,
                                "%s.%s: \\%u stands for \"%.*s\" of source table \"%s\", which has a character that "
                                "means something in SQL; write a rule of its own for that table",
                                f->rule->key, field->name, group, SLUICE_STR_ARG(capture), f->name);
    return sluice_buf_append_str(text, capture, f->err);
}

/* The text with \1 to \9 replaced. */
static enum sluice_code expand(const struct finding *f, const struct rule_field *field, const char *from,
                               const char **out)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf text = {0};
    sluice_buf_init(&text, RULE_MAX_TEXT, "a text of tables.rules");
    enum sluice_code code = SLUICE_OK;
    while (*from != '\0' && code == SLUICE_OK) {
        bool is_group = from[0] == '\\' && from[1] >= '1' && from[1] <= '9';
        size_t plain = 1 + strcspn(from + 1, "\\");
        code = is_group ? put_capture(f, field, (unsigned)(from[1] - '0'), &text)
                        : sluice_buf_append(&text, from, plain, f->err);
        from += is_group ? 2 : plain;
    }
    if (code != SLUICE_OK)
        return code;
    *out = sluice_arena_copy(f->arena, sluice_buf_str(&text), f->err);
    return *out != NULL ? SLUICE_OK : f->err->code;
}

static enum sluice_code expand_list(const struct finding *f, const struct rule_field *field,
                                    const struct sluice_config_list *from, struct sluice_config_list *out)
{
    const char **items = sluice_arena_alloc_array(f->arena, from->n_items + 1, sizeof *items, f->err);
    if (items == NULL)
        return f->err->code;
    for (size_t i = 0; i < from->n_items; i++) {
        enum sluice_code code = expand(f, field, from->items[i], &items[i]);
        if (code != SLUICE_OK)
            return code;
    }
    *out = (struct sluice_config_list){from->n_items > 0 ? items : NULL, from->n_items};
    return SLUICE_OK;
}

/* Writes the value into the field of `object`. */
static enum sluice_code put_value(const struct finding *f, const struct rule_field *field,
                                  const struct rule_value *value, void *object)
{
    void *at = (char *)object + field->offset;
    bool flag = value->number != 0;
    switch (field->type) {
    case RULE_TYPE_NAME:
    case RULE_TYPE_SQL: {
        const char *text = NULL;
        enum sluice_code code = expand(f, field, value->text, &text);
        memcpy(at, &text, sizeof text);
        return code;
    }
    case RULE_TYPE_SQL_LIST:
    case RULE_TYPE_SQL_MAP:
        return expand_list(f, field, &value->list, at);
    case RULE_TYPE_BOOL:
        memcpy(at, &flag, sizeof flag);
        return SLUICE_OK;
    case RULE_TYPE_ENUM:
        memcpy(at, &value->number, sizeof value->number);
        return SLUICE_OK;
    case RULE_TYPE_MATCH:
    case RULE_TYPE_TRANSFORMS:
    case RULE_TYPE_COLUMNS:
        break;
    }
    return SLUICE_OK;
}

static void put_built_in(const struct finding *f, struct sluice_table_settings *out)
{
    static const struct sluice_column_settings any = {
        .name = "", .rename = "", .type = "", .codec = "", .source_type = ""};
    out->database = "";
    out->table = "";
    out->cluster = "";
    out->engine = "";
    out->partition_by = "";
    out->comment = "";
    out->create = f->config->tables_create;
    out->widen = f->config->tables_widen;
    out->infer = f->config->tables_infer;
    out->mode = f->config->tables_mode;
    out->transforms_key = f->config->transforms_key;
    out->transforms_key_id = f->config->transforms_key_id;
    out->any = any;
}

static enum sluice_code put_table(const struct finding *f, const char *table_z, struct sluice_table_settings *out)
{
    const struct rule_value *defaults = f->config->details->rules->defaults.values;
    put_built_in(f, out);
    for (size_t i = 0; i < N_RULE_FIELDS; i++) {
        const struct rule_value *value =
            f->rule != NULL && f->rule->values[i].is_set ? &f->rule->values[i] : &defaults[i];
        enum sluice_code code = value->is_set ? put_value(f, &rule_fields[i], value, out) : SLUICE_OK;
        if (code != SLUICE_OK)
            return code;
    }
    const char *table = out->table[0] != '\0' ? out->table : table_z;
    const char *database = out->database[0] != '\0' ? out->database : f->config->clickhouse_database;
    out->table = sluice_arena_copy(f->arena, sluice_str_from(table), f->err);
    if (out->table == NULL)
        return f->err->code;
    out->database = sluice_arena_copy(f->arena, sluice_str_from(database), f->err);
    return out->database != NULL ? SLUICE_OK : f->err->code;
}

static enum sluice_code put_column(const struct finding *f, const struct rule_column *column,
                                   const struct sluice_table_settings *settings, struct sluice_column_settings *out)
{
    *out = settings->any;
    out->name = sluice_arena_copy(f->arena, sluice_str_from(column->name), f->err);
    if (out->name == NULL)
        return f->err->code;
    for (size_t i = 0; i < N_COLUMN_FIELDS; i++) {
        enum sluice_code code =
            column->values[i].is_set ? put_value(f, &column_fields[i], &column->values[i], out) : SLUICE_OK;
        if (code != SLUICE_OK)
            return code;
    }
    out->transform = column->transform;
    out->exclude = out->exclude || column->transform == SLUICE_TRANSFORM_DROP;
    return SLUICE_OK;
}

/* "schema.table.column=type": the column and its type when the entry is of this table. */
static bool source_type_of(const char *entry, const char *schema_z, const char *table_z, struct sluice_str *column,
                           const char **type)
{
    size_t n_schema = strlen(schema_z);
    size_t n_table = strlen(table_z);
    const char *equals = strrchr(entry, '=');
    if (strncmp(entry, schema_z, n_schema) != 0 || entry[n_schema] != '.')
        return false;
    entry += n_schema + 1;
    if (strncmp(entry, table_z, n_table) != 0 || entry[n_table] != '.')
        return false;
    *column = (struct sluice_str){entry + n_table + 1, (size_t)(equals - entry) - n_table - 1};
    *type = equals + 1;
    return true;
}

static enum sluice_code put_source_type(const struct finding *f, struct sluice_str column, const char *type,
                                        struct sluice_table_settings *settings)
{
    size_t i = 0;
    while (i < settings->n_columns && !sluice_str_equal_z(column, settings->columns[i].name))
        i++;
    struct sluice_column_settings *out = &settings->columns[i];
    if (i == settings->n_columns) {
        *out = settings->any;
        out->name = sluice_arena_copy(f->arena, column, f->err);
        if (out->name == NULL)
            return f->err->code;
        settings->n_columns++;
    }
    out->source_type = sluice_arena_copy(f->arena, sluice_str_from(type), f->err);
    return out->source_type != NULL ? SLUICE_OK : f->err->code;
}

static enum sluice_code put_columns(const struct finding *f, const char *schema_z, const char *table_z,
                                    struct sluice_table_settings *settings)
{
    const struct sluice_config_list *types = &f->config->tables_source_types;
    const struct rule_column *first = f->rule != NULL ? f->rule->columns : NULL;
    size_t n = types->n_items;
    for (const struct rule_column *column = first; column != NULL; column = column->next)
        n++;
    settings->columns = sluice_arena_alloc_array(f->arena, n + 1, sizeof *settings->columns, f->err);
    if (settings->columns == NULL)
        return f->err->code;
    enum sluice_code code = SLUICE_OK;
    for (const struct rule_column *column = first; column != NULL && code == SLUICE_OK; column = column->next)
        code = put_column(f, column, settings, &settings->columns[settings->n_columns++]);
    for (size_t i = 0; i < types->n_items && code == SLUICE_OK; i++) {
        struct sluice_str column;
        const char *type;
        if (source_type_of(types->items[i], schema_z, table_z, &column, &type))
            code = put_source_type(f, column, type, settings);
    }
    return code;
}

static const struct rule *find_rule(const struct sluice_rules *rules, struct finding *f)
{
    for (size_t i = 0; i < rules->n_rules; i++)
        if (regexec(&rules->rules[i].match, f->name, RULE_MAX_GROUPS, f->groups, 0) == 0)
            return &rules->rules[i];
    return NULL;
}

enum sluice_code sluice_table_settings_new(const struct sluice_config *config, const char *name_z, const char *schema_z,
                                           const char *table_z, struct sluice_table_settings **out,
                                           struct sluice_error *err)
{
    char name[RULE_MAX_SOURCE_NAME];
    int n = snprintf(name, sizeof name, "%s.%s.%s", name_z, schema_z, table_z);
    if (n < 0 || (size_t)n >= sizeof name)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP_PARTITION,
                                "source table \"%.60s...\": name, schema and table have more than %d bytes together",
                                name, (int)RULE_MAX_SOURCE_NAME);
    struct settings_object *object = calloc(1, sizeof *object);
    if (object == NULL)
        return sluice_error_nomem(err, "the settings of a table", sizeof *object);
    sluice_arena_init(&object->arena, MAX_SETTINGS_BYTES, "the settings of a table");
    struct finding f = {.config = config, .name = name, .arena = &object->arena, .err = err};
    f.rule = find_rule(config->details->rules, &f);
    object->settings.rule = f.rule != NULL ? (size_t)(f.rule - config->details->rules->rules) : SLUICE_NO_RULE;
    enum sluice_code code = put_table(&f, table_z, &object->settings);
    if (code == SLUICE_OK)
        code = put_columns(&f, schema_z, table_z, &object->settings);
    if (code != SLUICE_OK) {
        sluice_table_settings_free(&object->settings);
        return code;
    }
    *out = &object->settings;
    return SLUICE_OK;
}

void sluice_table_settings_free(struct sluice_table_settings *settings)
{
    struct settings_object *object = (struct settings_object *)(void *)settings;
    if (object == NULL)
        return;
    sluice_arena_deinit(&object->arena);
    free(object);
}

size_t sluice_rules_count(const struct sluice_config *config)
{
    return config->details->rules->n_rules;
}

const char *sluice_rule_key(const struct sluice_config *config, size_t rule)
{
    return config->details->rules->rules[rule].key;
}

const char *sluice_rule_match(const struct sluice_config *config, size_t rule)
{
    return config->details->rules->rules[rule].pattern;
}

const char *sluice_rule_column(const struct sluice_config *config, size_t rule, size_t i)
{
    const struct rule_column *column = config->details->rules->rules[rule].columns;
    while (column != NULL && i-- > 0)
        column = column->next;
    return column != NULL ? column->name : NULL;
}

const struct sluice_column_settings *sluice_column_settings(const struct sluice_table_settings *settings,
                                                            const char *column_z)
{
    for (size_t i = 0; i < settings->n_columns; i++)
        if (strcmp(settings->columns[i].name, column_z) == 0)
            return &settings->columns[i];
    return &settings->any;
}
