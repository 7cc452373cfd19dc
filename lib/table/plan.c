/* plan.c - see plan.h. Checks come in the order in which a person would mend them: engine, columns, keys. */
#include "table/plan_detail.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "table/column_type.h"
#include "table/ddl.h"
#include "table/lex.h"
#include "table/toast.h"
#include "table/transform.h"

enum {
    PLAN_MAX_BYTES = 64 << 20,
    INSERT_MAX_BYTES = 1 << 20, /* what the server takes as one URI */
    HEADER_MAX_BYTES = 64 << 20,
    MAX_COMPANION_NAME = 1024, /* names of columns are shorter by far */
    ROW_MAX_ROOM = 64 << 20    /* beside the texts of its values; only FixedStrings of millions of bytes come near */
};

/* What is known while a plan is made. */
struct planning {
    const struct sluice_shape *shape;
    const struct sluice_target *target;
    const struct sluice_plan_options *options;
    struct sluice_plan *plan;
    struct sluice_error *err;
    const char *version_column;
    const char *deleted_column;
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

#define REFUSE(p, code, ...)                                                                                           \
    (sluice_error_set((p)->err, (code), SLUICE_STOP_PARTITION, __VA_ARGS__),                                           \
     sluice_error_wrap((p)->err, "plan \"%s.%s\" into \"%s.%s\"", (p)->shape->schema, (p)->shape->table,               \
                       (p)->target->database, (p)->target->table))

static const struct sluice_target_column *find_target(const struct sluice_target *target, const char *name)
{
    for (size_t i = 0; i < target->n_columns; i++) {
        if (strcmp(target->columns[i].name, name) == 0)
            return &target->columns[i];
    }
    return NULL;
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

static bool has_position_key(const struct planning *p)
{
    const struct sluice_table_settings *settings = p->options->settings;
    return p->shape->n_key == 0 && settings != NULL && settings->no_key == SLUICE_NO_KEY_POSITION;
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
    const struct sluice_engine engine = sluice_engine_of(p->target->engine);
    enum sluice_code code =
        p->options->is_log ? check_log_engine(p, engine.kind) : check_replace_engine(p, engine.kind);
    if (code != SLUICE_OK)
        return code;
    const struct sluice_target_column *version = find_target(p->target, p->version_column);
    bool is_narrow = p->options->may_be_narrow && !p->options->is_log && is_unsigned(version, 64);
    if (!is_narrow && !is_unsigned(version, 128))
        return REFUSE(p, SLUICE_E_TABLE, "the version column \"%s\" must be UInt128%s", p->version_column,
                      p->options->may_be_narrow ? " or UInt64" : "");
    p->plan->is_narrow = is_narrow;
    const struct sluice_target_column *deleted = find_target(p->target, p->deleted_column);
    if (!is_unsigned(deleted, 8) && !is_bool(deleted))
        return REFUSE(p, SLUICE_E_TABLE, "the deleted column \"%s\" must be UInt8", p->deleted_column);
    p->plan->is_log = p->options->is_log;
    p->plan->by_offset = p->options->is_log || has_position_key(p);
    p->plan->home = engine.home;
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

/* Whether NULL needs a column of its own, which has to be there. */
static enum sluice_code plan_companion(struct planning *p, const struct sluice_source_column *source,
                                       struct plan_column *out)
{
    char name[MAX_COMPANION_NAME];
    if (out->convert.type.nullable || !column_type_has_companion(source, column_settings(p->options, source)))
        return SLUICE_OK;
    (void)snprintf(name, sizeof name, "%s" COLUMN_TYPE_COMPANION_SUFFIX, out->column);
    const struct sluice_target_column *target = find_target(p->target, name);
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
    const struct sluice_target_column *target = find_target(p->target, column_name(p->options, source));
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
    code = choose(p, source, target->type, type_text, &out->convert);
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
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++)
        code = plan_column(p, &p->shape->columns[i], &plan->columns[i]);
    if (code == SLUICE_OK && plan->room > ROW_MAX_ROOM)
        return REFUSE(p, SLUICE_E_LIMIT, "one row may take %zu bytes; make the FixedString columns String", plan->room);
    return code;
}

static enum sluice_code plan_metadata(struct planning *p)
{
    struct sluice_plan *plan = p->plan;
    for (enum metadata_kind kind = METADATA_OP; kind < N_METADATA; kind++) {
        const struct sluice_target_column *column = find_target(p->target, metadata_name(kind));
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

/* A table that sluice made is ordered by the source's key and by what a rule names. Anything else in its order is a key
 * that the source had before. */
static bool was_key(const struct planning *p, const char *name)
{
    if (!sluice_ddl_is_ours(p->target))
        return false;
    for (size_t i = 0; p->options->settings != NULL && i < p->options->settings->order_by.n_items; i++) {
        if (strcmp(p->options->settings->order_by.items[i], name) == 0)
            return false;
    }
    return true;
}

static struct plan_column *find_planned(const struct planning *p, const char *column)
{
    for (size_t i = 0; i < p->plan->n_columns; i++) {
        if (!p->plan->columns[i].is_excluded && strcmp(p->plan->columns[i].column, column) == 0)
            return &p->plan->columns[i];
    }
    return NULL;
}

/* One column of the sorting key, in order. What is not in the source's key can change from one version of a row to the
 * next, so a plan tells how many of these there are. */
static enum sluice_code plan_key_column(struct planning *p, const char *name)
{
    struct sluice_plan *plan = p->plan;
    struct plan_column *column = find_planned(p, name);
    if (column == NULL)
        return REFUSE(
            p, SLUICE_E_TABLE,
            "sorting key column \"%s\" gets no value from any field, so that different rows would replace each "
            "other; make the table with ORDER BY the source's key columns",
            name);
    if (!column->is_key && was_key(p, name))
        return REFUSE(p, SLUICE_E_TABLE,
                      "sorting key column \"%s\" is not in the source's key any more, so that rows would not replace "
                      "those that are stored; make a new table, or drop this one, and load it with a snapshot",
                      name);
    if (!transform_keeps_apart(column->convert.transform))
        return REFUSE(
            p, SLUICE_E_TABLE,
            "sorting key column \"%s\" has the transform mask, which makes different rows replace each other; "
            "use hash, hmac or tokenize",
            name);
    if (column->convert.type.nullable)
        return REFUSE(p, SLUICE_E_TABLE, "sorting key column \"%s\" is Nullable; make it %s", name, "not Nullable");
    if (sluice_type_is_composite(&column->convert.type) || column->convert.type.kind == SLUICE_TYPE_JSON)
        return REFUSE(p, SLUICE_E_TABLE, "sorting key column \"%s\" is %s; make it String", name,
                      column->convert.type_text);
    if (column->key_position != PLAN_NO_KEY || plan->key.n_columns == SORTKEY_MAX_COLUMNS)
        return REFUSE(p, SLUICE_E_TABLE, "the sorting key names column \"%s\" twice, or more than %d columns", name,
                      (int)SORTKEY_MAX_COLUMNS);
    column->key_position = (int)plan->key.n_columns;
    plan->n_extra_sort += !column->is_key;
    sortkey_add(&plan->key, &column->convert.type);
    return SLUICE_OK;
}

static bool is_list(struct sluice_str text)
{
    struct sluice_str item;
    bool ok = true;
    while (lex_next(&text, &item, &ok))
        ;
    return ok;
}

/* ClickHouse 26.7 prints `ORDER BY (id)` as "(id)", older ones as "id". Takes off what encloses the whole list; the
 * inside of "(a) + (b)" is none. */
static struct sluice_str without_parentheses(struct sluice_str list)
{
    while (list.len > 2 && list.ptr[0] == '(' && list.ptr[list.len - 1] == ')') {
        const struct sluice_str inside = {list.ptr + 1, list.len - 2};
        if (!is_list(inside))
            break;
        list = inside;
    }
    return list;
}

static enum sluice_code plan_sorting_key(struct planning *p)
{
    struct sluice_str rest = without_parentheses(sluice_str_from(p->target->sorting_key));
    struct sluice_str item;
    bool ok = true;
    while (lex_next(&rest, &item, &ok)) {
        struct sluice_str name;
        bool is_identifier;
        enum sluice_code code =
            lex_identifier(&p->plan->arena, without_parentheses(item), &name, &is_identifier, p->err);
        if (code != SLUICE_OK)
            return code;
        if (!is_identifier)
            return REFUSE(
                p, SLUICE_E_TABLE,
                "the sorting key holds the expression \"%.*s\"; make the table with ORDER BY the source's key "
                "columns",
                SLUICE_STR_ARG(item));
        code = plan_key_column(p, name.ptr);
        if (code != SLUICE_OK)
            return code;
    }
    if (!ok)
        return REFUSE(p, SLUICE_E_TABLE, "the sorting key \"%s\" is not understood", p->target->sorting_key);
    return SLUICE_OK;
}

/* Rows that are known by their place in Kafka alone have to be stored by it. */
static enum sluice_code check_position_order(struct planning *p)
{
    static const enum metadata_kind order[] = {METADATA_TOPIC, METADATA_PARTITION, METADATA_OFFSET};
    struct sluice_str rest = without_parentheses(sluice_str_from(p->target->sorting_key));
    struct sluice_str item;
    bool ok = true;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(order) && ok; i++)
        ok = lex_next(&rest, &item, &ok) && sluice_str_equal_z(item, metadata_name(order[i]));
    if (!ok || rest.len > 0)
        return REFUSE(p, SLUICE_E_TABLE,
                      "the source table has no key and the sorting key is (%s); make the table with ORDER BY (_topic, "
                      "_partition, _offset)",
                      p->target->sorting_key);
    return SLUICE_OK;
}

/* Versions of one row that land in different table partitions never meet. Where the row moves to another place of the
 * order it is deleted at the old one, so columns of the sorting key are as good as those of the source's key. */
static enum sluice_code check_partition_key(struct planning *p)
{
    for (size_t i = 0; i < p->target->n_columns; i++) {
        const struct sluice_target_column *column = &p->target->columns[i];
        const struct plan_column *planned = find_planned(p, column->name);
        if (column->in_partition_key && (planned == NULL || planned->key_position == PLAN_NO_KEY))
            return REFUSE(p, SLUICE_E_TABLE,
                          "partition key column \"%s\" is not in the sorting key, so that versions of one row would "
                          "never meet; make the table without PARTITION BY, or partition by columns of the sorting key",
                          column->name);
    }
    return SLUICE_OK;
}

static enum sluice_code plan_keys(struct planning *p)
{
    if (p->shape->n_key == 0 && !has_position_key(p))
        return REFUSE(p, SLUICE_E_KEY,
                      "the records have no key; give the source table a primary key, name key columns with the "
                      "connector's message.key.columns, or set no_key: position in a rule");
    p->plan->n_key = p->shape->n_key;
    /* Where every change has a row of its own, no sorting key can make rows replace each other. */
    p->plan->key.is_exact = true;
    if (p->options->is_log)
        return SLUICE_OK;
    if (p->plan->by_offset)
        return check_position_order(p);
    enum sluice_code code = plan_sorting_key(p);
    if (code != SLUICE_OK)
        return code;
    for (size_t i = 0; i < p->plan->n_columns; i++) {
        if (p->shape->columns[i].is_key && p->plan->columns[i].key_position == PLAN_NO_KEY)
            return REFUSE(p, SLUICE_E_TABLE,
                          "key column \"%s\" is not in the sorting key (%s), so that different rows would replace each "
                          "other; make the table with ORDER BY the source's key columns",
                          p->shape->columns[i].name, p->target->sorting_key);
    }
    return check_partition_key(p);
}

/* The columns of the INSERT: those of the fields with their companions, then our own. */
static enum sluice_code insert_columns(struct planning *p, const char *const **out, size_t *n_out)
{
    struct sluice_arena *arena = &p->plan->arena;
    const char **names =
        sluice_arena_alloc_array(arena, 2 * p->plan->n_columns + N_METADATA + 2, sizeof *names, p->err);
    size_t n = 0;
    if (names == NULL)
        return p->err->code;
    for (size_t i = 0; i < p->plan->n_columns; i++) {
        const struct plan_column *column = &p->plan->columns[i];
        char companion[MAX_COMPANION_NAME];
        if (column->is_excluded)
            continue;
        names[n++] = column->column;
        if (!column->is_companion)
            continue;
        (void)snprintf(companion, sizeof companion, "%s" COLUMN_TYPE_COMPANION_SUFFIX, column->column);
        names[n++] = find_target(p->target, companion)->name;
    }
    for (size_t i = 0; i < p->plan->n_metadata; i++)
        names[n++] = metadata_name(p->plan->metadata[i].kind);
    names[n++] = p->version_column;
    names[n++] = p->deleted_column;
    *out = names;
    *n_out = n;
    return SLUICE_OK;
}

static enum sluice_code append_insert(struct planning *p, struct sluice_buf *sql)
{
    struct sluice_error *err = p->err;
    enum sluice_code code = sluice_buf_append_z(sql, "INSERT INTO ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, p->target->database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, p->target->table, err);
    const char *const *names = NULL;
    size_t n_names = 0;
    if (code == SLUICE_OK)
        code = insert_columns(p, &names, &n_names);
    for (size_t i = 0; i < n_names && code == SLUICE_OK; i++) {
        code = sluice_buf_append_z(sql, i == 0 ? " (" : ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, names[i], err);
    }
    /* The columns' own binary form is of paths; servers that know the type know the setting. */
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(
            sql, p->plan->has_json ? ") SETTINGS input_format_binary_read_json_as_string = 1" : ")", err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, " FORMAT RowBinaryWithNamesAndTypes", err);
    return code;
}

static enum sluice_code append_string(struct sluice_buf *buf, const char *text_z, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_leb128(buf, strlen(text_z), err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(buf, text_z, err);
}

static enum sluice_code append_header(struct planning *p, struct sluice_buf *header)
{
    const char *const *names;
    size_t n_names;
    enum sluice_code code = insert_columns(p, &names, &n_names);
    if (code == SLUICE_OK)
        code = sluice_buf_append_leb128(header, n_names, p->err);
    for (size_t i = 0; i < n_names && code == SLUICE_OK; i++)
        code = append_string(header, names[i], p->err);
    for (size_t i = 0; i < n_names && code == SLUICE_OK; i++)
        code = append_string(header, find_target(p->target, names[i])->type_text, p->err);
    return code;
}

static enum sluice_code plan_texts(struct planning *p)
{
    struct sluice_plan *plan = p->plan;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf header = {0};
    sluice_buf_init(&sql, INSERT_MAX_BYTES, "text of an INSERT");
    sluice_buf_init(&header, HEADER_MAX_BYTES, "header of an INSERT");
    enum sluice_code code = append_insert(p, &sql);
    if (code == SLUICE_OK)
        code = append_header(p, &header);
    if (code != SLUICE_OK)
        return code;
    const struct {
        const char **slot;
        struct sluice_str text;
    } copies[] = {
        {&plan->insert_sql, sluice_buf_str(&sql)},
        {&plan->insert_header.ptr, sluice_buf_str(&header)},
        {&plan->database, sluice_str_from(p->target->database)},
        {&plan->table, sluice_str_from(p->target->table)},
        {&plan->version_column, sluice_str_from(p->version_column)},
        {&plan->deleted_column, sluice_str_from(p->deleted_column)},
    };
    plan->insert_header.len = header.len;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(copies); i++) {
        *copies[i].slot = sluice_arena_copy(&plan->arena, copies[i].text, p->err);
        if (*copies[i].slot == NULL)
            return p->err->code;
    }
    return SLUICE_OK;
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
    if (p->options->settings != NULL) {
        plan->toast_missing = p->options->settings->toast_missing;
        plan->identity = p->options->settings->identity;
    }
    enum sluice_code code = check_engine(p);
    if (code == SLUICE_OK)
        code = plan_columns(p);
    if (code == SLUICE_OK)
        code = plan_metadata(p);
    if (code == SLUICE_OK)
        code = plan_keys(p);
    if (code == SLUICE_OK)
        code = plan_texts(p);
    return code;
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
