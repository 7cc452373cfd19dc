/* plan.c - see plan.h. Checks come in the order in which a person would mend them: engine, columns, keys. */
#include "table/plan_detail.h"

#include <stdlib.h>

#include "base/buf.h"
#include "table/ddl.h"
#include "table/lex.h"
#include "table/transform.h"

enum {
    PLAN_MAX_BYTES = 64 << 20,
    INSERT_MAX_BYTES = 1 << 20, /* what the server takes as one URI */
    HEADER_MAX_BYTES = 64 << 20,
    ROW_MAX_ROOM = 64 << 20 /* beside the texts of its values; only FixedStrings of millions of bytes come near */
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

static const struct sluice_source_column *find_source(const struct sluice_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->n_columns; i++) {
        if (strcmp(shape->columns[i].name, name) == 0)
            return &shape->columns[i];
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
    const struct sluice_engine engine = sluice_engine_of(p->target->engine);
    enum sluice_code code =
        p->options->is_log ? check_log_engine(p, engine.kind) : check_replace_engine(p, engine.kind);
    if (code != SLUICE_OK)
        return code;
    if (!is_unsigned(find_target(p->target, p->version_column), 128))
        return REFUSE(p, SLUICE_E_TABLE, "the version column \"%s\" must be UInt128", p->version_column);
    const struct sluice_target_column *deleted = find_target(p->target, p->deleted_column);
    if (!is_unsigned(deleted, 8) && !is_bool(deleted))
        return REFUSE(p, SLUICE_E_TABLE, "the deleted column \"%s\" must be UInt8", p->deleted_column);
    p->plan->is_log = p->options->is_log;
    p->plan->by_offset = p->options->is_log;
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
    if (metadata_find(source->name) != N_METADATA)
        return REFUSE(p, SLUICE_E_SHAPE,
                      "field \"%s\" has the name of a column that sluice fills itself; rename the field with a "
                      "transform of the connector, or leave it out with column.exclude.list",
                      source->name);
    if (strcmp(source->name, p->version_column) == 0 || strcmp(source->name, p->deleted_column) == 0)
        return REFUSE(
            p, SLUICE_E_SHAPE,
            "field \"%s\" has the name of the table's own version or deleted column; make the table with other "
            "names for those (options columns.version, columns.deleted)",
            source->name);
    if (target == NULL)
        return REFUSE(p, SLUICE_E_SHAPE,
                      "field \"%s\" has no column; add the column to the table, or leave the field out with the "
                      "connector's column.exclude.list",
                      source->name);
    if (is_computed(target))
        return REFUSE(p, SLUICE_E_SHAPE,
                      "column \"%s\" is %s and cannot be written; rename it, or leave the field out with the "
                      "connector's column.exclude.list",
                      source->name, target->default_kind == SLUICE_DEFAULT_ALIAS ? "ALIAS" : "MATERIALIZED");
    if (target->type == NULL)
        return REFUSE(p, SLUICE_E_TYPE,
                      "column \"%s\": type %s is not written by this version; change the column's type", source->name,
                      target->type_text);
    return SLUICE_OK;
}

/* The conversion, or what the column's transform makes of the value. */
static enum sluice_code choose(struct planning *p, const struct sluice_source_column *source,
                               const struct sluice_type *type, const char *type_text, struct convert *out)
{
    struct sluice_arena *arena = &p->plan->arena;
    const struct sluice_table_settings *table = p->options->settings;
    const struct sluice_column_settings *column = table != NULL ? sluice_column_settings(table, source->name) : NULL;
    if (column == NULL || !transform_is_set(column))
        return convert_choose(arena, source, type, type_text, column, out, p->err);
    enum sluice_code code = transform_choose(arena, table, column, source, type, type_text, out, p->err);
    if (code == SLUICE_OK)
        return code;
    return sluice_error_wrap(p->err, "plan \"%s.%s\" into \"%s.%s\"", p->shape->schema, p->shape->table,
                             p->target->database, p->target->table);
}

static enum sluice_code plan_column(struct planning *p, const struct sluice_source_column *source,
                                    struct plan_column *out)
{
    struct sluice_arena *arena = &p->plan->arena;
    const struct sluice_target_column *target = find_target(p->target, source->name);
    enum sluice_code code = check_pair(p, source, target);
    if (code != SLUICE_OK)
        return code;
    out->key_position = PLAN_NO_KEY;
    out->is_key = source->is_key;
    out->name = sluice_str_from(source->name);
    out->name.ptr = sluice_arena_copy(arena, out->name, p->err);
    out->column = out->name.ptr;
    const char *type_text = sluice_arena_copy(arena, sluice_str_from(target->type_text), p->err);
    if (out->name.ptr == NULL || type_text == NULL)
        return p->err->code;
    code = choose(p, source, target->type, type_text, &out->convert);
    if (code != SLUICE_OK)
        return code;
    if (out->convert.fn == NULL)
        return REFUSE(p, SLUICE_E_TYPE,
                      "column \"%s\": %s is not written into %s, since values could change; change the column's type",
                      source->name, sluice_source_type_name(source->type), target->type_text);
    bool textual = source->type == SLUICE_SOURCE_STRING || source->type == SLUICE_SOURCE_JSON ||
                   source->type == SLUICE_SOURCE_ENUM || source->type == SLUICE_SOURCE_UUID;
    out->toast_text = textual || source->type == SLUICE_SOURCE_UNTYPED;
    out->toast_base64 = source->type == SLUICE_SOURCE_BYTES || source->type == SLUICE_SOURCE_UNTYPED;
    struct sluice_plan *plan = p->plan;
    plan->room += out->convert.room;
    plan->growth = out->convert.growth > plan->growth ? out->convert.growth : plan->growth;
    plan->growth_parts =
        out->convert.growth_parts > plan->growth_parts ? out->convert.growth_parts : plan->growth_parts;
    plan->has_json = plan->has_json || out->convert.type.kind == SLUICE_TYPE_JSON;
    return SLUICE_OK;
}

static enum sluice_code plan_columns(struct planning *p)
{
    struct sluice_plan *plan = p->plan;
    plan->columns = sluice_arena_alloc_array(&plan->arena, p->shape->n_columns, sizeof *plan->columns, p->err);
    if (plan->columns == NULL)
        return p->err->code;
    plan->n_columns = p->shape->n_columns;
    plan->room = PLAN_VERSION_BYTES + PLAN_DELETED_BYTES;
    plan->growth = plan->growth_parts = 1;
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
        if (column == NULL && p->options->is_log)
            return REFUSE(p, SLUICE_E_TABLE,
                          "the table has no column \"%s\", which tables.mode: log needs; run ALTER TABLE ... ADD "
                          "COLUMN %s %s",
                          metadata_name(kind), metadata_name(kind), metadata_made_type(kind));
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

/* Columns that no field feeds must be able to do without. */
static enum sluice_code check_unfed(struct planning *p)
{
    for (size_t i = 0; i < p->target->n_columns; i++) {
        const struct sluice_target_column *column = &p->target->columns[i];
        if (column->default_kind != SLUICE_DEFAULT_NONE || find_source(p->shape, column->name) != NULL ||
            metadata_find(column->name) != N_METADATA || strcmp(column->name, p->version_column) == 0 ||
            strcmp(column->name, p->deleted_column) == 0)
            continue;
        /* An unknown type shows by its text whether it takes NULL. */
        bool nullable = column->type != NULL ? column->type->nullable : strncmp(column->type_text, "Nullable(", 9) == 0;
        if (!nullable)
            return REFUSE(
                p, SLUICE_E_SHAPE,
                "column \"%s\" %s gets no value from any field; give it a DEFAULT, make it Nullable, or drop it",
                column->name, column->type_text);
    }
    return SLUICE_OK;
}

/* One column of the sorting key, in order. Each must be a field of the source key: else the deleted row of a key, which
 * holds nothing else, would not meet its row. */
static enum sluice_code plan_key_column(struct planning *p, const char *name)
{
    struct sluice_plan *plan = p->plan;
    struct plan_column *column = NULL;
    for (size_t i = 0; i < plan->n_columns && column == NULL; i++) {
        if (sluice_str_equal_z(plan->columns[i].name, name))
            column = &plan->columns[i];
    }
    if (column == NULL)
        return REFUSE(
            p, SLUICE_E_TABLE,
            "sorting key column \"%s\" gets no value from any field, so that different rows would replace each "
            "other; make the table with ORDER BY the source's key columns",
            name);
    if (!find_source(p->shape, name)->is_key)
        return REFUSE(p, SLUICE_E_TABLE,
                      "sorting key column \"%s\" is not in the source's key, so that a deleted row could not find its "
                      "row; make the table with ORDER BY the source's key columns",
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

static enum sluice_code plan_keys(struct planning *p)
{
    if (p->shape->n_key == 0)
        return REFUSE(p, SLUICE_E_KEY,
                      "the records have no key; give the source table a primary key, or name key columns with the "
                      "connector's message.key.columns");
    p->plan->n_key = p->shape->n_key;
    /* Where every change has a row of its own, no sorting key can make rows replace each other. */
    p->plan->key.is_exact = true;
    if (p->options->is_log)
        return SLUICE_OK;
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
    for (size_t i = 0; i < p->target->n_columns; i++) {
        const struct sluice_target_column *column = &p->target->columns[i];
        const struct sluice_source_column *source = find_source(p->shape, column->name);
        if (column->in_partition_key && (source == NULL || !source->is_key))
            return REFUSE(p, SLUICE_E_TABLE,
                          "partition key column \"%s\" is not in the source's key, so that versions of one row would "
                          "never meet; make the table without PARTITION BY, or partition by key columns",
                          column->name);
    }
    return SLUICE_OK;
}

enum { N_OWN = N_METADATA + 2 };

/* The columns behind those of the fields, in order. */
static size_t own_columns(const struct planning *p, const char *names[N_OWN])
{
    size_t n = 0;
    for (size_t i = 0; i < p->plan->n_metadata; i++)
        names[n++] = metadata_name(p->plan->metadata[i].kind);
    names[n++] = p->version_column;
    names[n++] = p->deleted_column;
    return n;
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
    for (size_t i = 0; i < p->plan->n_columns && code == SLUICE_OK; i++) {
        code = sluice_buf_append_z(sql, i == 0 ? " (" : ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, p->plan->columns[i].name.ptr, err);
    }
    const char *own[N_OWN];
    size_t n_own = own_columns(p, own);
    for (size_t i = 0; i < n_own && code == SLUICE_OK; i++) {
        code = sluice_buf_append_z(sql, ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, own[i], err);
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
    const struct sluice_plan *plan = p->plan;
    const char *own[N_OWN];
    size_t n_own = own_columns(p, own);
    enum sluice_code code = sluice_buf_append_leb128(header, plan->n_columns + n_own, p->err);
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++)
        code = append_string(header, plan->columns[i].name.ptr, p->err);
    for (size_t i = 0; i < n_own && code == SLUICE_OK; i++)
        code = append_string(header, own[i], p->err);
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++)
        code = append_string(header, plan->columns[i].convert.type_text, p->err);
    for (size_t i = 0; i < n_own && code == SLUICE_OK; i++)
        code = append_string(header, find_target(p->target, own[i])->type_text, p->err);
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
    plan->source_schema = sluice_arena_copy(&plan->arena, sluice_str_from(p->shape->schema), p->err);
    plan->source_table = sluice_arena_copy(&plan->arena, sluice_str_from(p->shape->table), p->err);
    if (plan->source_schema == NULL || plan->source_table == NULL)
        return p->err->code;
    enum sluice_code code = check_engine(p);
    if (code == SLUICE_OK)
        code = plan_columns(p);
    if (code == SLUICE_OK)
        code = plan_metadata(p);
    if (code == SLUICE_OK)
        code = check_unfed(p);
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

const char *sluice_plan_database(const struct sluice_plan *plan)
{
    return plan->database;
}

const char *sluice_plan_table(const struct sluice_plan *plan)
{
    return plan->table;
}
