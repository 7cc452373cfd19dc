/* plan_keys.c - what makes two rows of the target the same row: its sorting key and partition key; see planning.h. */
#include "table/planning.h"

#include "table/ddl.h"
#include "table/lex.h"
#include "table/transform.h"

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

enum sluice_code planning_keys(struct planning *p)
{
    if (p->shape->n_key == 0 && !planning_by_position(p))
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
