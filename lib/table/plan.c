/* plan.c - see plan.h. Checks come in the order in which a person would mend them: engine, columns, keys. */
#include "table/planning.h"

#include <stdio.h>
#include <stdlib.h>

#include "table/column_type.h"
#include "table/toast.h"
#include "table/transform.h"

enum {
    PLAN_MAX_BYTES = 64 << 20,
    ROW_MAX_ROOM = 64 << 20 /* beside the texts of its values; only FixedStrings of millions of bytes come near */
};

static const struct sluice_column_settings *column_settings(const struct sluice_plan_options *options,
                                                            const struct sluice_source_column *source)
{
    static const struct sluice_column_settings none = {
        .name = "", .rename = "", .type = "", .codec = "", .source_type = ""};
    return options->settings != NULL ? sluice_column_settings(options->settings, source->name) : &none;
}

/* The target's column that a field goes to. */
static const char *column_name(const struct sluice_plan_options *options, const struct sluice_source_column *source)
{
    const char *rename = column_settings(options, source)->rename;
    return *rename != '\0' ? rename : source->name;
}

/* The field that feeds a column of the target. */
static const struct sluice_source_column *find_source(const struct sluice_shape *shape,
                                                      const struct sluice_plan_options *options, const char *column)
{
    for (size_t i = 0; i < shape->n_columns; i++) {
        const struct sluice_source_column *source = &shape->columns[i];
        if (!column_settings(options, source)->exclude && strcmp(column_name(options, source), column) == 0)
            return source;
    }
    return NULL;
}

static bool is_unsigned(const struct sluice_target_column *column, unsigned bits)
{
    const struct sluice_type *type = column != NULL ? column->type : NULL;
    return type != NULL && type->kind == SLUICE_TYPE_INT && type->bits == bits && !type->is_signed && !type->nullable;
}

static bool is_bool(const struct sluice_target_column *column)
{
    return column != NULL && column->type != NULL && column->type->kind == SLUICE_TYPE_BOOL && !column->type->nullable;
}

static enum sluice_code check_log_engine(struct planning *p, enum sluice_engine_kind kind)
{
    if (kind != SLUICE_ENGINE_MERGE_TREE)
        return REFUSE(p, SLUICE_E_TABLE,
                      "the table's engine is %s, which does not keep every change; make it with ENGINE = MergeTree, or "
                      "set tables.mode: replace",
                      p->target->engine);
    p->version_column = p->options->version_column;
    p->deleted_column = p->options->deleted_column;
    return SLUICE_OK;
}

static enum sluice_code check_replace_engine(struct planning *p, enum sluice_engine_kind kind)
{
    const struct sluice_target *target = p->target;
    if (kind != SLUICE_ENGINE_REPLACING)
        return REFUSE(p, SLUICE_E_TABLE,
                      "the table's engine is %s; make it with ENGINE = ReplacingMergeTree(_version, is_deleted)%s",
                      target->engine, kind == SLUICE_ENGINE_MERGE_TREE ? ", or set tables.mode: log" : "");
    if (*target->version_column == '\0' || *target->deleted_column == '\0')
        return REFUSE(p, SLUICE_E_TABLE,
                      "the table's engine names no %s column; make the table with ENGINE = "
                      "ReplacingMergeTree(_version, is_deleted)",
                      *target->version_column == '\0' ? "version" : "deleted");
    p->version_column = target->version_column;
    p->deleted_column = target->deleted_column;
    return SLUICE_OK;
}

static enum sluice_code check_engine(struct planning *p)
{
    const enum sluice_engine_kind kind = sluice_engine_of(p->target->engine).kind;
    return p->options->is_log ? check_log_engine(p, kind) : check_replace_engine(p, kind);
}

static enum sluice_code plan_engine(struct planning *p)
{
    enum sluice_code code = check_engine(p);
    if (code != SLUICE_OK)
        return code;
    const struct sluice_target_column *version = sluice_target_find(p->target, p->version_column);
    bool is_narrow = p->options->may_be_narrow && !p->options->is_log && is_unsigned(version, 64);
    if (!is_narrow && !is_unsigned(version, 128))
        return REFUSE(p, SLUICE_E_TABLE, "the version column \"%s\" must be UInt128%s", p->version_column,
                      p->options->may_be_narrow ? " or UInt64" : "");
    p->plan->is_narrow = is_narrow;
    const struct sluice_target_column *deleted = sluice_target_find(p->target, p->deleted_column);
    if (!is_unsigned(deleted, 8) && !is_bool(deleted))
        return REFUSE(p, SLUICE_E_TABLE, "the deleted column \"%s\" must be UInt8", p->deleted_column);
    p->plan->is_log = p->options->is_log;
    p->plan->by_offset = p->options->is_log || planning_by_position(p);
    p->plan->home = sluice_engine_of(p->target->engine).home;
    return SLUICE_OK;
}

static bool is_computed(const struct sluice_target_column *column)
{
    return column->default_kind == SLUICE_DEFAULT_MATERIALIZED || column->default_kind == SLUICE_DEFAULT_ALIAS;
}

static enum sluice_code check_pair(struct planning *p, const struct sluice_source_column *source,
                                   const struct sluice_target_column *target)
{
    const char *name = column_name(p->options, source);
    if (metadata_find(name) != N_METADATA)
        return REFUSE(p, SLUICE_E_SHAPE,
                      "field \"%s\" has the name of a column that sluice fills itself; give it another one with rename "
                      "in a rule, or leave it out with exclude",
                      source->name);
    if (strcmp(name, p->version_column) == 0 || strcmp(name, p->deleted_column) == 0)
        return REFUSE(
            p, SLUICE_E_SHAPE,
            "field \"%s\" has the name of the table's own version or deleted column; make the table with other "
            "names for those (options columns.version, columns.deleted)",
            source->name);
    if (find_source(p->shape, p->options, name) != source)
        return REFUSE(
            p, SLUICE_E_CONFIG,
            "fields \"%s\" and \"%s\" both go to column \"%s\"; give one of them another name with rename in a "
            "rule, or leave it out with exclude",
            find_source(p->shape, p->options, name)->name, source->name, name);
    if (target == NULL)
        return REFUSE(p, SLUICE_E_SHAPE,
                      "field \"%s\" has no column; add the column \"%s\" to the table%s, or leave the field out with "
                      "exclude in a rule",
                      source->name, name, p->shape->typed ? " (tables.create: true does it)" : "");
    if (is_computed(target))
        return REFUSE(p, SLUICE_E_SHAPE,
                      "column \"%s\" is %s and cannot be written; rename it, or leave the field out with exclude in a "
                      "rule",
                      name, target->default_kind == SLUICE_DEFAULT_ALIAS ? "ALIAS" : "MATERIALIZED");
    if (target->type == NULL)
        return REFUSE(p, SLUICE_E_TYPE,
                      "column \"%s\": type %s is not written by this version; change the column's type", name,
                      target->type_text);
    return SLUICE_OK;
}

/* The conversion, or what the column's transform makes of the value. */
static enum sluice_code choose(struct planning *p, const struct sluice_source_column *source,
                               const struct sluice_type *type, const char *type_text, struct convert *out)
{
    struct sluice_arena *arena = &p->plan->arena;
    const struct sluice_column_settings *column = column_settings(p->options, source);
    if (!transform_is_set(column))
        return convert_choose(arena, source, type, type_text, column, out, p->err);
    enum sluice_code code = transform_choose(arena, p->options->settings, column, source, type, type_text, out, p->err);
    if (code == SLUICE_OK)
        return code;
    return sluice_error_wrap(p->err, "plan \"%s.%s\" into \"%s.%s\"", p->shape->schema, p->shape->table,
                             p->target->database, p->target->table);
}

/* A column of the key keeps its type when the source's becomes wider (no server changes it), so that values are checked
 * one by one. */
static enum sluice_code choose_for_key(struct planning *p, const struct sluice_source_column *source,
                                       const struct sluice_type *type, const char *type_text, struct convert *out)
{
    struct sluice_source_column any = *source;
    enum sluice_code code = choose(p, source, type, type_text, out);
    const bool is_integer = source->type == SLUICE_SOURCE_INT32 || source->type == SLUICE_SOURCE_INT64;
    if (code == SLUICE_OK && out->fn == NULL && is_integer && type->kind == SLUICE_TYPE_INT) {
        any.type = SLUICE_SOURCE_UNTYPED;
        code = choose(p, &any, type, type_text, out);
    }
    out->is_key = !p->options->is_log;
    /* The nearest float of two numbers may be the same one. */
    const bool is_decimal = source->type == SLUICE_SOURCE_DECIMAL || source->type == SLUICE_SOURCE_VARIABLE_DECIMAL;
    if (out->is_key && is_decimal && out->transform == NULL && type->kind == SLUICE_TYPE_FLOAT)
        out->fn = NULL;
    return code;
}

/* Whether NULL needs a column of its own, which has to be there. */
static enum sluice_code plan_companion(struct planning *p, const struct sluice_source_column *source,
                                       struct plan_column *out)
{
    char name[PLANNING_MAX_COMPANION_NAME];
    if (out->convert.type.nullable || !column_type_has_companion(source, column_settings(p->options, source)))
        return SLUICE_OK;
    (void)snprintf(name, sizeof name, "%s" COLUMN_TYPE_COMPANION_SUFFIX, out->column);
    const struct sluice_target_column *target = sluice_target_find(p->target, name);
    if (!is_unsigned(target, 8) || is_computed(target))
        return REFUSE(
            p, SLUICE_E_SHAPE,
            "column \"%s\" must be there and be UInt8, since null_composite: companion writes to it; run ALTER "
            "TABLE ... ADD COLUMN, or set null_composite: empty",
            name);
    out->is_companion = true;
    p->plan->room++;
    return SLUICE_OK;
}

static enum sluice_code plan_column(struct planning *p, const struct sluice_source_column *source,
                                    struct plan_column *out)
{
    struct sluice_arena *arena = &p->plan->arena;
    const struct sluice_column_settings *settings = column_settings(p->options, source);
    const struct sluice_target_column *target = sluice_target_find(p->target, column_name(p->options, source));
    out->key_position = PLAN_NO_KEY;
    out->is_key = source->is_key;
    out->name = sluice_str_from(source->name);
    out->name.ptr = sluice_arena_copy(arena, out->name, p->err);
    out->column = out->name.ptr;
    out->is_excluded = settings->exclude;
    if (out->name.ptr == NULL || out->is_excluded)
        return out->name.ptr != NULL ? SLUICE_OK : p->err->code;
    enum sluice_code code = check_pair(p, source, target);
    if (code != SLUICE_OK)
        return code;
    out->column = sluice_arena_copy(arena, sluice_str_from(target->name), p->err);
    out->toast = settings->toast;
    const char *type_text = sluice_arena_copy(arena, sluice_str_from(target->type_text), p->err);
    if (out->column == NULL || type_text == NULL)
        return p->err->code;
    code = source->is_key ? choose_for_key(p, source, target->type, type_text, &out->convert)
                          : choose(p, source, target->type, type_text, &out->convert);
    if (code != SLUICE_OK)
        return code;
    if (out->convert.fn == NULL)
        return REFUSE(p, SLUICE_E_TYPE,
                      "column \"%s\": %s is not written into %s, since values could change; change the column's type "
                      "with ALTER TABLE ... MODIFY COLUMN, or leave the field out with exclude in a rule",
                      target->name, sluice_source_type_name(source->type), target->type_text);
    toast_set_forms(out, source->type);
    if (p->options->settings != NULL)
        out->toast = sluice_column_settings(p->options->settings, source->name)->toast;
    struct sluice_plan *plan = p->plan;
    plan->room += out->convert.room;
    plan->grows = plan->grows || out->convert.growth > 1;
    plan->has_json = plan->has_json || out->convert.type.kind == SLUICE_TYPE_JSON;
    return plan_companion(p, source, out);
}

static enum sluice_code plan_columns(struct planning *p)
{
    struct sluice_plan *plan = p->plan;
    plan->columns = sluice_arena_alloc_array(&plan->arena, p->shape->n_columns, sizeof *plan->columns, p->err);
    if (plan->columns == NULL)
        return p->err->code;
    plan->n_columns = p->shape->n_columns;
    plan->room = PLAN_VERSION_BYTES + PLAN_DELETED_BYTES;
    enum sluice_code code = SLUICE_OK;
    uint32_t n_written = 0;
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++) {
        code = plan_column(p, &p->shape->columns[i], &plan->columns[i]);
        plan->columns[i].place = n_written;
        n_written += !plan->columns[i].is_excluded;
    }
    if (code == SLUICE_OK && plan->room > ROW_MAX_ROOM)
        return REFUSE(p, SLUICE_E_LIMIT, "one row may take %zu bytes; make the FixedString columns String", plan->room);
    return code;
}

static enum sluice_code plan_metadata(struct planning *p)
{
    struct sluice_plan *plan = p->plan;
    for (enum metadata_kind kind = METADATA_OP; kind < N_METADATA; kind++) {
        const struct sluice_target_column *column = sluice_target_find(p->target, metadata_name(kind));
        bool is_needed = p->options->is_log || (p->plan->by_offset && kind != METADATA_OP);
        if (column == NULL && is_needed)
            return REFUSE(p, SLUICE_E_TABLE,
                          "the table has no column \"%s\", which %s needs; run ALTER TABLE ... ADD COLUMN %s %s",
                          metadata_name(kind), p->options->is_log ? "tables.mode: log" : "no_key: position",
                          metadata_name(kind), metadata_made_type(kind));
        if (column == NULL)
            continue;
        if (is_computed(column) || !metadata_accepts(kind, column->type))
            return REFUSE(p, SLUICE_E_TYPE,
                          "column \"%s\" %s is one that sluice fills and must be %s; change its type, or rename it",
                          column->name, column->type_text, metadata_types(kind));
        const char *type_text = sluice_arena_copy(&plan->arena, sluice_str_from(column->type_text), p->err);
        if (type_text == NULL)
            return p->err->code;
        plan->metadata[plan->n_metadata++] = (struct metadata_column){kind, *column->type, type_text};
    }
    return SLUICE_OK;
}

static bool is_own(const struct planning *p, const char *name)
{
    return metadata_find(name) != N_METADATA || strcmp(name, p->version_column) == 0 ||
           strcmp(name, p->deleted_column) == 0;
}

static bool is_nullable(const struct sluice_target_column *column)
{
    /* An unknown type shows by its text whether it takes NULL. */
    return column->type != NULL ? column->type->nullable : strncmp(column->type_text, "Nullable(", 9) == 0;
}

/* "tags_is_null" beside "tags". */
static bool is_companion(const struct sluice_target *target, const char *name)
{
    const size_t n = strlen(name);
    const size_t n_suffix = sizeof COLUMN_TYPE_COMPANION_SUFFIX - 1;
    for (size_t i = 0; i < target->n_columns && n > n_suffix; i++) {
        const char *other = target->columns[i].name;
        if (strlen(other) == n - n_suffix && strncmp(other, name, n - n_suffix) == 0)
            return strcmp(name + n - n_suffix, COLUMN_TYPE_COMPANION_SUFFIX) == 0;
    }
    return false;
}

void sluice_plan_unfed(const struct sluice_shape *shape, const struct sluice_target *target,
                       const struct sluice_plan_options *options,
                       void (*tell)(void *context, const struct sluice_target_column *column), void *context)
{
    const struct planning p = {.shape = shape,
                               .target = target,
                               .options = options,
                               .version_column = options->is_log ? options->version_column : target->version_column,
                               .deleted_column = options->is_log ? options->deleted_column : target->deleted_column};
    for (size_t i = 0; i < target->n_columns; i++) {
        const struct sluice_target_column *column = &target->columns[i];
        if (column->default_kind == SLUICE_DEFAULT_NONE && find_source(shape, options, column->name) == NULL &&
            !is_own(&p, column->name) && !is_nullable(column) && !is_companion(target, column->name))
            tell(context, column);
    }
}

static enum sluice_code fill(struct planning *p)
{
    struct sluice_plan *plan = p->plan;
    if (p->options->settings != NULL) {
        plan->toast_missing = p->options->settings->toast_missing;
        plan->identity = p->options->settings->identity;
    }
    plan->source_schema = sluice_arena_copy(&plan->arena, sluice_str_from(p->shape->schema), p->err);
    plan->source_table = sluice_arena_copy(&plan->arena, sluice_str_from(p->shape->table), p->err);
    if (plan->source_schema == NULL || plan->source_table == NULL)
        return p->err->code;
    enum sluice_code code = toast_forms_of(&plan->arena, p->options->toast_placeholder, &plan->toast_forms, p->err);
    if (code == SLUICE_OK)
        code = plan_engine(p);
    if (code == SLUICE_OK)
        code = plan_columns(p);
    if (code == SLUICE_OK)
        code = plan_metadata(p);
    if (code == SLUICE_OK)
        code = planning_keys(p);
    if (code == SLUICE_OK)
        code = planning_texts(p);
    return code;
}

enum sluice_code sluice_plan_check_engine(const struct sluice_shape *shape, const struct sluice_target *target,
                                          const struct sluice_plan_options *options, struct sluice_error *err)
{
    struct planning p = {.shape = shape, .target = target, .options = options, .err = err};
    return check_engine(&p);
}

enum sluice_code sluice_plan_new(const struct sluice_shape *shape, const struct sluice_target *target,
                                 const struct sluice_plan_options *options, struct sluice_plan **out,
                                 struct sluice_error *err)
{
    struct sluice_plan *plan = calloc(1, sizeof *plan);
    if (plan == NULL)
        return sluice_error_nomem(err, "plan of a table", sizeof *plan);
    atomic_init(&plan->n_references, 1);
    sluice_arena_init(&plan->arena, PLAN_MAX_BYTES, "plan of a table");
    struct planning p = {.shape = shape,
                         .target = target,
                         .options = options,
                         .plan = plan,
                         .err = err,
                         .version_column = "",
                         .deleted_column = ""};
    enum sluice_code code = fill(&p);
    if (code == SLUICE_OK)
        *out = plan;
    else
        sluice_plan_unref(plan);
    return code;
}

struct sluice_plan *sluice_plan_ref(struct sluice_plan *plan)
{
    (void)atomic_fetch_add_explicit(&plan->n_references, 1, memory_order_relaxed);
    return plan;
}

void sluice_plan_unref(struct sluice_plan *plan)
{
    if (plan == NULL || atomic_fetch_sub_explicit(&plan->n_references, 1, memory_order_acq_rel) != 1)
        return;
    sluice_arena_deinit(&plan->arena);
    free(plan);
}

const char *sluice_plan_insert_sql(const struct sluice_plan *plan)
{
    return plan->insert_sql;
}

struct sluice_str sluice_plan_insert_header(const struct sluice_plan *plan)
{
    return plan->insert_header;
}

bool sluice_plan_is_by_offset(const struct sluice_plan *plan)
{
    return plan->by_offset;
}

bool sluice_plan_is_full(const struct sluice_plan *plan)
{
    return plan->identity == SLUICE_IDENTITY_FULL;
}

const char *sluice_plan_database(const struct sluice_plan *plan)
{
    return plan->database;
}

const char *sluice_plan_table(const struct sluice_plan *plan)
{
    return plan->table;
}
