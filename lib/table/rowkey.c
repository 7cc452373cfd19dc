/* rowkey.c - see rowkey.h. */
#include "table/rowkey.h"

#include <assert.h>

#include "table/ddl.h"

void rowkey_init(struct rowkey *key, const struct sluice_plan *plan)
{
    *key = (struct rowkey){.plan = plan};
    for (size_t i = 0; i < plan->n_columns; i++) {
        if (plan->columns[i].key_position == PLAN_NO_KEY)
            continue;
        key->columns[plan->columns[i].key_position] = i;
        key->n_walked = i + 1;
    }
}

enum sluice_code rowkey_append_names(const struct rowkey *key, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < key->plan->key.n_columns && code == SLUICE_OK; i++) {
        if (i > 0)
            code = sluice_buf_append_z(sql, ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, key->plan->columns[key->columns[i]].name.ptr, err);
    }
    return code;
}

static struct sluice_str without_low_cardinality(const struct convert *convert)
{
    static const char lead[] = "LowCardinality(";
    struct sluice_str text = sluice_str_from(convert->type_text);
    if (!convert->type.low_cardinality)
        return text;
    return (struct sluice_str){text.ptr + sizeof lead - 1, text.len - sizeof lead};
}

enum sluice_code rowkey_append_structure(const struct rowkey *key, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < key->plan->key.n_columns && code == SLUICE_OK; i++) {
        const struct plan_column *column = &key->plan->columns[key->columns[i]];
        if (i > 0)
            code = sluice_buf_append_z(sql, ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, column->name.ptr, err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_char(sql, ' ', err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_str(sql, without_low_cardinality(&column->convert), err);
    }
    return code;
}

/* Behind the value at `at`, its NULL mark included. */
static const char *skip_value(const struct convert *convert, const char *at)
{
    if (convert->type.nullable && *at++ != 0)
        return at;
    if (convert->type.kind == SLUICE_TYPE_FIXED_STRING)
        return at + convert->type.length;
    if (convert->type.kind != SLUICE_TYPE_STRING)
        return at + convert->width;
    size_t length = 0;
    unsigned char byte;
    unsigned shift = 0;
    do {
        byte = (unsigned char)*at++;
        length |= (size_t)(byte & 0x7f) << shift;
        shift += 7;
    } while ((byte & 0x80) != 0);
    return at + length;
}

enum sluice_code rowkey_append_row(const struct rowkey *key, struct sluice_str row, struct sluice_buf *out,
                                   struct sluice_error *err)
{
    const struct sluice_plan *plan = key->plan;
    struct sluice_str values[SORTKEY_MAX_COLUMNS];
    const char *at = row.ptr;
    for (size_t i = 0; i < key->n_walked; i++) {
        const struct plan_column *column = &plan->columns[i];
        const char *end = skip_value(&column->convert, at);
        if (column->key_position != PLAN_NO_KEY)
            values[column->key_position] = (struct sluice_str){at, (size_t)(end - at)};
        at = end;
    }
    assert(at <= row.ptr + row.len);
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < plan->key.n_columns && code == SLUICE_OK; i++)
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
