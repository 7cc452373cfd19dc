/* ddl_changes.c - what a target lacks for the records of a shape; see ddl.h. */
#include <stdio.h>

#include "table/ddl_column.h"

enum { MAX_DDL_BYTES = 1 << 20, MAX_TYPE_BYTES = 4096, MAX_DECIMAL_DIGITS = 76 };

struct comparing {
    const struct sluice_shape *shape;
    const struct sluice_target *target;
    const struct sluice_ddl_options *options;
    struct sluice_ddl_changes *changes;
    struct sluice_error *err;
};

void sluice_ddl_changes_deinit(struct sluice_ddl_changes *changes)
{
    sluice_buf_deinit(&changes->add);
    sluice_buf_deinit(&changes->modify);
    sluice_buf_deinit(&changes->unfilled);
}

/* "ALTER TABLE ... ", or the comma behind the clause before. */
static enum sluice_code begin_clause(struct comparing *c, struct sluice_buf *sql)
{
    const struct sluice_table_settings *settings = c->options->settings;
    if (sql->len > 0)
        return sluice_buf_append_z(sql, ", ", c->err);
    enum sluice_code code = sluice_buf_append_z(sql, "ALTER TABLE ", c->err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, c->target->database, c->err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', c->err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, c->target->table, c->err);
    if (code == SLUICE_OK && *settings->cluster != '\0')
        code = sluice_buf_append_z(sql, " ON CLUSTER ", c->err);
    if (code == SLUICE_OK && *settings->cluster != '\0')
        code = sluice_ddl_quote_name(sql, settings->cluster, c->err);
    return code != SLUICE_OK ? code : sluice_buf_append_char(sql, ' ', c->err);
}

/* ---- columns that are missing ---- */

/* The target's column of the field before this one, or NULL. */
static const char *find_place(const struct comparing *c, size_t i)
{
    while (i-- > 0) {
        const struct sluice_source_column *column = &c->shape->columns[i];
        if (!ddl_column_is_excluded(column, c->options->settings))
            return ddl_column_name(column, c->options->settings);
    }
    return NULL;
}

static enum sluice_code begin_add(struct comparing *c)
{
    enum sluice_code code = begin_clause(c, &c->changes->add);
    c->changes->n_added++;
    return code != SLUICE_OK ? code : sluice_buf_append_z(&c->changes->add, "ADD COLUMN IF NOT EXISTS ", c->err);
}

static enum sluice_code note_unfilled(struct comparing *c, const struct sluice_source_column *column)
{
    if (!c->shape->typed || ddl_column_fills_rows(column, c->options->settings))
        return SLUICE_OK;
    return sluice_buf_printf(&c->changes->unfilled, c->err, "%s%s", c->changes->unfilled.len > 0 ? ", " : "",
                             ddl_column_name(column, c->options->settings));
}

static enum sluice_code add_column(struct comparing *c, size_t i)
{
    const struct sluice_source_column *column = &c->shape->columns[i];
    const char *place = find_place(c, i);
    enum sluice_code code = ddl_column_check(c->shape, column, c->options, c->err);
    if (code == SLUICE_OK)
        code = begin_add(c);
    if (code == SLUICE_OK)
        code = ddl_column_append(column, c->options, &c->changes->add, c->err);
    if (code == SLUICE_OK)
        code = note_unfilled(c, column);
    if (code != SLUICE_OK || place == NULL)
        return code;
    code = sluice_buf_append_z(&c->changes->add, " AFTER ", c->err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_name(&c->changes->add, place, c->err);
}

static enum sluice_code add_companion(struct comparing *c, const struct sluice_source_column *column)
{
    char name[MAX_TYPE_BYTES];
    (void)snprintf(name, sizeof name, "%s" COLUMN_TYPE_COMPANION_SUFFIX, ddl_column_name(column, c->options->settings));
    if (sluice_target_find(c->target, name) != NULL)
        return SLUICE_OK;
    enum sluice_code code = begin_add(c);
    return code != SLUICE_OK ? code : ddl_companion_append(column, c->options->settings, &c->changes->add, c->err);
}

/* ---- types that are too narrow ---- */

/* The inside of Nullable(...) or LowCardinality(...). */
static struct sluice_str inside(struct sluice_str text, const char *wrapper)
{
    size_t n = strlen(wrapper);
    if (text.len > n + 2 && memcmp(text.ptr, wrapper, n) == 0 && text.ptr[n] == '(')
        return (struct sluice_str){text.ptr + n + 1, text.len - n - 2};
    return text;
}

static unsigned max_of(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static struct sluice_str wider_of(const struct sluice_type *have, const struct sluice_type *want,
                                  struct sluice_str want_text, char buffer[MAX_TYPE_BYTES]);

/* Of arrays, by their elements. */
static struct sluice_str wider_array(const struct sluice_type *have, const struct sluice_type *want,
                                     struct sluice_str want_text, char buffer[MAX_TYPE_BYTES])
{
    char element[MAX_TYPE_BYTES];
    const struct sluice_str none = {NULL, 0};
    const struct sluice_str text = inside(inside(want_text, "Array"), "Nullable");
    const struct sluice_str wider = wider_of(&have->items[0], &want->items[0], text, element);
    const bool nullable = have->items[0].nullable || want->items[0].nullable;
    if (wider.len == 0 || have->items[0].low_cardinality)
        return none;
    int n = snprintf(buffer, MAX_TYPE_BYTES, "Array(%s%.*s%s)", nullable ? "Nullable(" : "", SLUICE_STR_ARG(wider),
                     nullable ? ")" : "");
    return (struct sluice_str){buffer, (size_t)n};
}

/* The text of what holds both types, without Nullable; empty if that is the first one, or none. */
static struct sluice_str wider_of(const struct sluice_type *have, const struct sluice_type *want,
                                  struct sluice_str want_text, char buffer[MAX_TYPE_BYTES])
{
    const struct sluice_str none = {NULL, 0};
    if (have->kind != want->kind)
        return none;
    switch (have->kind) {
    case SLUICE_TYPE_INT:
        return want->is_signed && want->bits > have->bits ? want_text : none;
    case SLUICE_TYPE_FLOAT:
        return want->bits > have->bits ? want_text : none;
    case SLUICE_TYPE_DATETIME64:
        return want->precision > have->precision ? want_text : none;
    case SLUICE_TYPE_DECIMAL: {
        unsigned scale = max_of(have->scale, want->scale);
        unsigned whole = max_of(have->precision - have->scale, want->precision - want->scale);
        if (whole + scale > MAX_DECIMAL_DIGITS || (scale == have->scale && whole == have->precision - have->scale))
            return none;
        int n = snprintf(buffer, MAX_TYPE_BYTES, "Decimal(%u, %u)", whole + scale, scale);
        return (struct sluice_str){buffer, (size_t)n};
    }
    case SLUICE_TYPE_ARRAY:
        return wider_array(have, want, want_text, buffer);
    case SLUICE_TYPE_TUPLE: /* a point's parts hold its NULL */
        return have->n_items == 2 && want->n_items == 2 && !have->items[0].nullable && want->items[0].nullable
                   ? want_text
                   : none;
    default:
        return none;
    }
}

static enum sluice_code modify_column(struct comparing *c, const struct sluice_target_column *have,
                                      struct sluice_str base, bool nullable)
{
    struct sluice_buf *sql = &c->changes->modify;
    bool low = have->type->low_cardinality;
    enum sluice_code code = begin_clause(c, sql);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, "MODIFY COLUMN ", c->err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, have->name, c->err);
    c->changes->n_modified++;
    return code != SLUICE_OK ? code
                             : sluice_buf_printf(sql, c->err, " %s%s%.*s%s%s", low ? "LowCardinality(" : "",
                                                 nullable ? "Nullable(" : "", SLUICE_STR_ARG(base), nullable ? ")" : "",
                                                 low ? ")" : "");
}

static bool may_widen(const struct comparing *c, const struct sluice_source_column *column,
                      const struct sluice_target_column *have)
{
    const struct sluice_column_settings *set = sluice_column_settings(c->options->settings, column->name);
    return c->options->settings->widen && sluice_ddl_is_ours(c->target) && *set->type == '\0' && have->type != NULL &&
           !have->in_sorting_key && !have->in_partition_key && have->default_kind <= SLUICE_DEFAULT_EXPRESSION &&
           (column->type != SLUICE_SOURCE_UNTYPED || c->options->settings->infer);
}

static enum sluice_code widen_column(struct comparing *c, const struct sluice_source_column *column,
                                     const struct sluice_target_column *have)
{
    char buffer[MAX_TYPE_BYTES];
    const struct sluice_type *want = NULL;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    sluice_arena_init(&arena, MAX_DDL_BYTES, "the type of a column");
    sluice_buf_init(&text, MAX_TYPE_BYTES, "the type of a column");
    enum sluice_code code = ddl_column_type(column, c->options, &text, c->err);
    if (code == SLUICE_OK)
        code = sluice_type_parse(&arena, sluice_buf_str(&text), &want, c->err);
    if (code != SLUICE_OK || want == NULL)
        return code;
    const struct sluice_str want_text = inside(inside(sluice_buf_str(&text), "LowCardinality"), "Nullable");
    const struct sluice_str have_text = inside(inside(sluice_str_from(have->type_text), "LowCardinality"), "Nullable");
    const struct sluice_str wider = wider_of(have->type, want, want_text, buffer);
    bool nullable = have->type->nullable || (want->nullable && !sluice_type_is_composite(have->type));
    if (wider.len == 0 && nullable == have->type->nullable)
        return SLUICE_OK;
    return modify_column(c, have, wider.len > 0 ? wider : have_text, nullable);
}

/* ---- all of it ---- */

static enum sluice_code compare_column(struct comparing *c, size_t i)
{
    const struct sluice_source_column *column = &c->shape->columns[i];
    const struct sluice_table_settings *settings = c->options->settings;
    const struct sluice_target_column *have = sluice_target_find(c->target, ddl_column_name(column, settings));
    bool can_add = settings->create && (column->type != SLUICE_SOURCE_UNTYPED || settings->infer);
    enum sluice_code code = SLUICE_OK;
    if (have == NULL && can_add)
        code = add_column(c, i);
    else if (have != NULL && may_widen(c, column, have))
        code = widen_column(c, column, have);
    if (code == SLUICE_OK && can_add &&
        column_type_has_companion(column, sluice_column_settings(settings, column->name)))
        code = add_companion(c, column);
    return code;
}

enum sluice_code sluice_ddl_compare(const struct sluice_shape *shape, const struct sluice_target *target,
                                    const struct sluice_ddl_options *options, struct sluice_ddl_changes *changes,
                                    struct sluice_error *err)
{
    struct comparing c = {shape, target, options, changes, err};
    *changes = (struct sluice_ddl_changes){0};
    sluice_buf_init(&changes->add, MAX_DDL_BYTES, "an ALTER TABLE");
    sluice_buf_init(&changes->modify, MAX_DDL_BYTES, "an ALTER TABLE");
    sluice_buf_init(&changes->unfilled, MAX_DDL_BYTES, "names of columns");
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < shape->n_columns && code == SLUICE_OK; i++) {
        if (!ddl_column_is_excluded(&shape->columns[i], options->settings))
            code = compare_column(&c, i);
    }
    return code;
}

enum sluice_code sluice_ddl_imagine(const struct sluice_shape *shape, const struct sluice_ddl_options *options,
                                    struct sluice_target *target, struct sluice_error *err)
{
    const struct sluice_table_settings *settings = options->settings;
    struct sluice_arena *arena = &target->arena;
    target->database = settings->database;
    target->table = settings->table;
    target->comment = SLUICE_DDL_COMMENT;
    target->version_column = options->version_column;
    target->deleted_column = options->deleted_column;
    target->columns = sluice_arena_alloc_array(arena, shape->n_columns + 1, sizeof *target->columns, err);
    if (target->columns == NULL)
        return err->code;
    for (size_t i = 0; i < shape->n_columns; i++) {
        const struct sluice_source_column *column = &shape->columns[i];
        struct sluice_target_column *made = &target->columns[target->n_columns];
        SLUICE_AUTO(sluice_buf) struct sluice_buf type;
        sluice_buf_init(&type, MAX_TYPE_BYTES, "the type of a column");
        if (ddl_column_is_excluded(column, settings))
            continue;
        enum sluice_code code = ddl_column_type(column, options, &type, err);
        if (code != SLUICE_OK)
            return code;
        made->name = ddl_column_name(column, settings);
        made->type_text = sluice_arena_copy(arena, sluice_buf_str(&type), err);
        if (made->type_text == NULL)
            return err->code;
        code = sluice_type_parse(arena, sluice_buf_str(&type), &made->type, err);
        if (code != SLUICE_OK)
            return code;
        made->in_sorting_key = ddl_column_sorts(column, settings);
        target->n_columns++;
    }
    return SLUICE_OK;
}
