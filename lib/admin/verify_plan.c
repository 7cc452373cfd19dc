/* verify_plan.c - see verify_plan.h. The SELECTs are in verify_sql.c. */
#include "admin/verify_plan.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

enum { PLAN_BYTES = 16 << 20 };

static enum sluice_code refuse(const struct verify_facts *facts, struct sluice_error *err, const char *reason)
{
    return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP, "table \"%s.%s\" can't be compared: %s",
                            facts->shape->schema, facts->shape->table, reason);
}

/* ---- what is compared ---- */

static const struct verify_source_column *find_source(const struct verify_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->n_columns; i++)
        if (strcmp(facts->columns[i].name, name) == 0)
            return &facts->columns[i];
    return NULL;
}

static const char *target_name(const struct sluice_column_settings *settings, const char *source)
{
    return settings->rename[0] != '\0' ? settings->rename : source;
}

static enum sluice_code copy_text(struct verify_plan *plan, const char *text, const char **out,
                                  struct sluice_error *err)
{
    *out = sluice_arena_copy(&plan->arena, sluice_str_from(text), err);
    return *out != NULL ? SLUICE_OK : err->code;
}

static enum sluice_code leave_out(struct verify_plan *plan, const char *column, const char *reason,
                                  struct sluice_error *err)
{
    struct verify_left_out *entry = &plan->left_out[plan->n_left_out];
    enum sluice_code code = copy_text(plan, column, &entry->column, err);
    if (code == SLUICE_OK)
        code = copy_text(plan, reason, &entry->reason, err);
    plan->n_left_out += code == SLUICE_OK ? 1 : 0;
    return code;
}

static enum verify_literal literal_of(const struct pair_source *pair, const struct sluice_type *target)
{
    static const char *const integers[] = {"int2", "int4", "int8"};
    if (pair->is_array || pair->kind != 'b')
        return VERIFY_NO_LITERAL;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(integers); i++)
        if (strcmp(pair->type, integers[i]) == 0 && target->kind == SLUICE_TYPE_INT && target->bits <= 64)
            return VERIFY_NUMBER;
    bool is_text =
        (strcmp(pair->type, "text") == 0 || strcmp(pair->type, "varchar") == 0) && target->kind == SLUICE_TYPE_STRING;
    bool is_uuid = strcmp(pair->type, "uuid") == 0 && target->kind == SLUICE_TYPE_UUID;
    return is_text || is_uuid ? VERIFY_TEXT : VERIFY_NO_LITERAL;
}

static enum sluice_code make_expression(struct verify_plan *plan, struct verify_column *column,
                                        const struct sluice_type *type, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, VERIFY_SQL_BYTES, "a column of a SELECT");
    enum sluice_code code = pair_expression(&column->canon, type, column->target, &sql, err);
    return code == SLUICE_OK ? copy_text(plan, sluice_buf_text(&sql), &column->expression, err) : code;
}

/* Adds the pair, or says in the plan why not. */
static enum sluice_code add_column(struct verify_plan *plan, const struct verify_facts *facts,
                                   const struct verify_source_column *source, bool is_key, struct sluice_error *err)
{
    const struct sluice_column_settings *settings = sluice_column_settings(facts->settings, source->name);
    const char *name = target_name(settings, source->name);
    const struct sluice_target_column *target = sluice_target_find(facts->target, name);
    struct verify_column *column = &plan->columns[plan->n_columns];
    const char *reason = NULL;
    char text[512];
    *column = (struct verify_column){0};
    if (settings->exclude)
        return leave_out(plan, source->name, "left out by its rule", err);
    if (target == NULL)
        return leave_out(plan, source->name, "the target has no such column", err);
    enum sluice_code code =
        pair_choose(&plan->arena, &source->pair, target->type, settings, &column->canon, &reason, err);
    if (code != SLUICE_OK)
        return code;
    if (reason != NULL) {
        (void)snprintf(text, sizeof text, "%s (%.120s and %.200s)", reason, source->shown, target->type_text);
        return leave_out(plan, source->name, text, err);
    }
    code = copy_text(plan, source->name, &column->source, err);
    if (code == SLUICE_OK)
        code = copy_text(plan, name, &column->target, err);
    if (code == SLUICE_OK)
        code = make_expression(plan, column, target->type, err);
    column->literal = is_key ? literal_of(&source->pair, target->type) : VERIFY_NO_LITERAL;
    plan->n_columns += code == SLUICE_OK ? 1 : 0;
    return code;
}

static bool is_key_column(const struct sluice_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->n_key; i++)
        if (strcmp(shape->columns[shape->key[i]].name, name) == 0)
            return true;
    return false;
}

static enum sluice_code add_key(struct verify_plan *plan, const struct verify_facts *facts, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    plan->has_literals = true;
    for (size_t i = 0; i < facts->shape->n_key && code == SLUICE_OK; i++) {
        const char *name = facts->shape->columns[facts->shape->key[i]].name;
        const struct verify_source_column *source = find_source(facts, name);
        if (source == NULL)
            return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP,
                                    "table \"%s.%s\" can't be compared: its records have the key column \"%s\", which "
                                    "PostgreSQL's table has not",
                                    facts->shape->schema, facts->shape->table, name);
        code = add_column(plan, facts, source, true, err);
        if (code == SLUICE_OK && plan->n_columns != i + 1)
            return sluice_error_set(err, SLUICE_E_TYPE, SLUICE_STOP,
                                    "table \"%s.%s\" can't be compared: key column \"%s\": %s", facts->shape->schema,
                                    facts->shape->table, name, plan->left_out[plan->n_left_out - 1].reason);
        plan->has_literals = plan->has_literals && plan->columns[i].literal != VERIFY_NO_LITERAL;
    }
    plan->n_key = plan->n_columns;
    return code;
}

static enum sluice_code add_values(struct verify_plan *plan, const struct verify_facts *facts, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < facts->n_columns && code == SLUICE_OK; i++)
        if (!is_key_column(facts->shape, facts->columns[i].name))
            code = add_column(plan, facts, &facts->columns[i], false, err);
    return code;
}

/* ---- what the target has alone ---- */

static bool is_own_column(const struct verify_plan *plan, const char *name)
{
    static const char *const metadata[] = {"_topic", "_partition", "_offset", "_op", "_source_ts", "_ingested_at"};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(metadata); i++)
        if (strcmp(metadata[i], name) == 0)
            return true;
    return strcmp(plan->version_column, name) == 0 || strcmp(plan->deleted_column, name) == 0;
}

static bool is_paired(const struct verify_plan *plan, const struct verify_facts *facts, const char *name)
{
    for (size_t i = 0; i < plan->n_columns; i++)
        if (strcmp(plan->columns[i].target, name) == 0)
            return true;
    for (size_t i = 0; i < facts->n_columns; i++) {
        const char *source = facts->columns[i].name;
        if (strcmp(target_name(sluice_column_settings(facts->settings, source), source), name) == 0)
            return true; /* named as left out already */
    }
    return false;
}

static enum sluice_code name_others(struct verify_plan *plan, const struct verify_facts *facts,
                                    struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < facts->target->n_columns && code == SLUICE_OK; i++) {
        const struct sluice_target_column *column = &facts->target->columns[i];
        bool is_made = column->default_kind == SLUICE_DEFAULT_MATERIALIZED ||
                       column->default_kind == SLUICE_DEFAULT_ALIAS || column->default_kind == SLUICE_DEFAULT_EPHEMERAL;
        if (!is_made && !is_own_column(plan, column->name) && !is_paired(plan, facts, column->name))
            code = leave_out(plan, column->name, "the source has no such column", err);
    }
    return code;
}

/* ---- the plan ---- */

static enum sluice_code check_table(const struct verify_facts *facts, struct sluice_error *err)
{
    if (facts->settings->mode == SLUICE_MODE_LOG)
        return refuse(facts, err, "tables.mode is log, so the target holds every change and no state");
    if (facts->settings->is_shared)
        return refuse(facts, err, "its target is shared with other source tables, whose rows can't be told apart");
    if (facts->shape->n_key == 0)
        return refuse(facts, err, "its records have no key");
    if (facts->n_columns > VERIFY_MAX_COLUMNS || facts->target->n_columns > VERIFY_MAX_COLUMNS)
        return refuse(facts, err, "it has more than 2000 columns");
    if (sluice_engine_of(facts->target->engine).kind != SLUICE_ENGINE_REPLACING)
        return refuse(facts, err, "the target's engine is no ReplacingMergeTree, so FINAL has no meaning for it");
    return SLUICE_OK;
}

static const char *own_column(const struct sluice_target *target, const char *told, const char *configured)
{
    if (told != NULL && told[0] != '\0')
        return told;
    return sluice_target_find(target, configured) != NULL ? configured : "";
}

static enum sluice_code name_all(struct verify_plan *plan, const struct verify_facts *facts, struct sluice_error *err)
{
    const struct sluice_target *target = facts->target;
    const struct {
        const char *text;
        const char **out;
    } names[] = {
        {facts->shape->schema, &plan->schema},
        {facts->shape->table, &plan->table},
        {target->database, &plan->database},
        {target->table, &plan->target},
        {own_column(target, target->version_column, facts->config->columns_version), &plan->version_column},
        {own_column(target, target->deleted_column, facts->config->columns_deleted), &plan->deleted_column},
    };
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(names) && code == SLUICE_OK; i++)
        code = copy_text(plan, names[i].text, names[i].out, err);
    return code;
}

static enum sluice_code fill(struct verify_plan *plan, const struct verify_facts *facts, struct sluice_error *err)
{
    const size_t n_all = facts->n_columns + facts->target->n_columns + 1;
    plan->home = sluice_engine_of(facts->target->engine).home;
    plan->columns = sluice_arena_alloc_array(&plan->arena, facts->n_columns + 1, sizeof *plan->columns, err);
    if (plan->columns == NULL)
        return err->code;
    plan->left_out = sluice_arena_alloc_array(&plan->arena, n_all, sizeof *plan->left_out, err);
    if (plan->left_out == NULL)
        return err->code;
    enum sluice_code code = name_all(plan, facts, err);
    if (code == SLUICE_OK)
        code = add_key(plan, facts, err);
    if (code == SLUICE_OK)
        code = add_values(plan, facts, err);
    return code == SLUICE_OK ? name_others(plan, facts, err) : code;
}

enum sluice_code verify_plan_new(const struct verify_facts *facts, struct verify_plan **out, struct sluice_error *err)
{
    enum sluice_code code = check_table(facts, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_AUTO(verify_plan) struct verify_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        return sluice_error_nomem(err, "a comparison", sizeof *plan);
    sluice_arena_init(&plan->arena, PLAN_BYTES, "the columns of a comparison");
    code = fill(plan, facts, err);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(plan);
    return code;
}

void verify_plan_free(struct verify_plan *plan)
{
    if (plan == NULL)
        return;
    sluice_arena_deinit(&plan->arena);
    free(plan);
}
