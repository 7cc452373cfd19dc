/* rowkey.c - see rowkey.h. */
#include "table/rowkey.h"

#include <assert.h>

#include "table/ddl.h"
#include "table/layout.h"

static void add(struct rowkey *key, size_t column)
{
    key->columns[key->n_columns++] = column;
    if (column >= key->n_walked)
        key->n_walked = column + 1;
}

/* A table without a source key is sorted by columns of metadata. */
static void add_place(struct rowkey *key)
{
    const struct sluice_plan *plan = key->plan;
    for (size_t i = 0; i < plan->n_metadata; i++) {
        if (plan->metadata[i].kind != METADATA_OP)
            add(key, plan->n_columns + i);
    }
}

void rowkey_init(struct rowkey *key, const struct sluice_plan *plan)
{
    *key = (struct rowkey){.plan = plan};
    if (plan->by_offset) {
        add_place(key);
        return;
    }
    for (size_t i = 0; i < plan->n_columns; i++) {
        if (plan->columns[i].key_position == PLAN_NO_KEY)
            continue;
        key->columns[plan->columns[i].key_position] = i;
        key->n_walked = i + 1;
    }
    key->n_columns = plan->key.n_columns;
}

void rowkey_init_source(struct rowkey *key, const struct sluice_plan *plan)
{
    *key = (struct rowkey){.plan = plan};
    for (size_t i = 0; i < plan->n_columns; i++) {
        if (plan->columns[i].is_key)
            add(key, i);
    }
}

static const char *name_of(const struct sluice_plan *plan, size_t column)
{
    return column < plan->n_columns ? plan->columns[column].column
                                    : metadata_name(plan->metadata[column - plan->n_columns].kind);
}

enum sluice_code rowkey_append_names(const struct rowkey *key, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < key->n_columns && code == SLUICE_OK; i++) {
        if (i > 0)
            code = sluice_buf_append_z(sql, ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, name_of(key->plan, key->columns[i]), err);
    }
    return code;
}

static struct sluice_str without_low_cardinality(const struct sluice_plan *plan, size_t column)
{
    static const char lead[] = "LowCardinality(";
    bool is_field = column < plan->n_columns;
    const struct metadata_column *metadata = is_field ? NULL : &plan->metadata[column - plan->n_columns];
    struct sluice_str text = sluice_str_from(is_field ? plan->columns[column].convert.type_text : metadata->type_text);
    if (!(is_field ? plan->columns[column].convert.type.low_cardinality : metadata->type.low_cardinality))
        return text;
    return (struct sluice_str){text.ptr + sizeof lead - 1, text.len - sizeof lead};
}

enum sluice_code rowkey_append_structure(const struct rowkey *key, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < key->n_columns && code == SLUICE_OK; i++) {
        if (i > 0)
            code = sluice_buf_append_z(sql, ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, name_of(key->plan, key->columns[i]), err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_char(sql, ' ', err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_str(sql, without_low_cardinality(key->plan, key->columns[i]), err);
    }
    return code;
}

static const unsigned char *skip(const struct sluice_plan *plan, size_t column, const unsigned char *at,
                                 const unsigned char *end)
{
    return column < plan->n_columns ? layout_skip_column(&plan->columns[column], at, end)
                                    : layout_skip(&plan->metadata[column - plan->n_columns].type, at, end);
}

enum sluice_code rowkey_append_row(const struct rowkey *key, struct sluice_str row, struct sluice_buf *out,
                                   struct sluice_error *err)
{
    struct sluice_str values[SORTKEY_MAX_COLUMNS];
    const unsigned char *at = (const unsigned char *)row.ptr;
    const unsigned char *end = at + row.len;
    for (size_t i = 0; i < key->n_walked; i++) {
        const unsigned char *next = skip(key->plan, i, at, end);
        if (next == NULL)
            SLUICE_BUG("a row does not end where its columns do");
        for (size_t k = 0; k < key->n_columns; k++) {
            if (key->columns[k] == i)
                values[k] = (struct sluice_str){(const char *)at, (size_t)(next - at)};
        }
        at = next;
    }
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < key->n_columns && code == SLUICE_OK; i++)
        code = sluice_buf_append_str(out, values[i], err);
    if (code == SLUICE_OK)
        code = sluice_buf_append(out, rowkey_version(row), PLAN_VERSION_BYTES, err);
    return code;
}

const char *rowkey_version(struct sluice_str row)
{
    return row.ptr + row.len - PLAN_DELETED_BYTES - PLAN_VERSION_BYTES;
}

int64_t rowkey_offset(const struct sluice_plan *plan, struct sluice_str row)
{
    assert(plan->n_metadata > 0 && plan->metadata[plan->n_metadata - 1].kind == METADATA_OFFSET);
    size_t width = plan->metadata[plan->n_metadata - 1].type.bits / 8;
    const char *at = rowkey_version(row) - width;
    uint64_t value = 0;
    for (unsigned i = 0; i < sizeof value; i++)
        value |= (uint64_t)(unsigned char)at[i] << (8 * i);
    return (int64_t)value;
}
