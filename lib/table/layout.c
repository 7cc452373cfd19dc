/* layout.c - see layout.h. */
#include "table/layout.h"

/* An unsigned LEB128 that counts things still to come in front of `end`; false if it is cut or too large for that. */
static bool read_count(const unsigned char **at, const unsigned char *end, size_t *out)
{
    size_t count = 0;
    for (unsigned shift = 0; *at < end && shift < 63; shift += 7) {
        const unsigned char byte = *(*at)++;
        count |= (size_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *out = count;
            return true;
        }
    }
    return false;
}

static const unsigned char *advance(const unsigned char *at, const unsigned char *end, size_t n)
{
    return n <= (size_t)(end - at) ? at + n : NULL;
}

/* `n` times the parts of the type, one behind the other. The count is not trusted: each value takes at least a byte of
 * what is there, except those of a tuple without parts. */
static const unsigned char *skip_parts(const struct sluice_type *type, size_t n, const unsigned char *at,
                                       const unsigned char *end)
{
    if (type->n_items == 0)
        return at;
    for (size_t i = 0; i < n && at != NULL; i++) {
        for (size_t part = 0; part < type->n_items && at != NULL; part++)
            at = layout_skip(&type->items[part], at, end);
    }
    return at;
}

const unsigned char *layout_skip(const struct sluice_type *type, const unsigned char *at, const unsigned char *end)
{
    size_t count = 0;
    if (type->nullable) {
        if (at == end)
            return NULL;
        if (*at++ != 0)
            return at;
    }
    switch (type->kind) {
    case SLUICE_TYPE_STRING:
    case SLUICE_TYPE_JSON:
        return read_count(&at, end, &count) ? advance(at, end, count) : NULL;
    case SLUICE_TYPE_FIXED_STRING:
        return advance(at, end, type->length);
    case SLUICE_TYPE_ARRAY:
    case SLUICE_TYPE_MAP:
        return read_count(&at, end, &count) ? skip_parts(type, count, at, end) : NULL;
    case SLUICE_TYPE_TUPLE:
        return skip_parts(type, 1, at, end);
    case SLUICE_TYPE_BOOL:
    case SLUICE_TYPE_INT:
    case SLUICE_TYPE_FLOAT:
    case SLUICE_TYPE_DECIMAL:
    case SLUICE_TYPE_UUID:
    case SLUICE_TYPE_DATE:
    case SLUICE_TYPE_DATE32:
    case SLUICE_TYPE_DATETIME:
    case SLUICE_TYPE_DATETIME64:
    case SLUICE_TYPE_TIME:
    case SLUICE_TYPE_TIME64:
    case SLUICE_TYPE_IPV4:
    case SLUICE_TYPE_IPV6:
    case SLUICE_TYPE_ENUM:
        break;
    }
    return advance(at, end, type->bits / 8);
}

const unsigned char *layout_skip_column(const struct plan_column *column, const unsigned char *at,
                                        const unsigned char *end)
{
    if (column->is_excluded)
        return at;
    at = layout_skip(&column->convert.type, at, end);
    return at != NULL && column->is_companion ? advance(at, end, 1) : at;
}

void layout_find(const struct sluice_plan *plan, struct sluice_str row, uint32_t *starts)
{
    const unsigned char *start = (const unsigned char *)row.ptr;
    const unsigned char *end = start + row.len;
    const unsigned char *at = start;
    for (size_t i = 0; i < plan->n_columns; i++) {
        starts[i] = (uint32_t)(at - start);
        at = layout_skip_column(&plan->columns[i], at, end);
        if (at == NULL)
            SLUICE_BUG("a row does not end where its columns do");
    }
    starts[plan->n_columns] = (uint32_t)(at - start);
}
