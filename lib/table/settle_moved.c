/* settle_moved.c - values on their way from the deleted half of a key change to the created one, which lies in another
 * partition: what is put aside for it, and what becomes of it there.
 *
 * A value goes as the bytes that its column takes, with the type beside it. Of two types that differ in Nullable alone
 * the bytes differ in one; of others nothing is known. */
#include "table/settle_detail.h"

#include <assert.h>

#include "table/layout.h"

enum { NUMBER_BYTES = 4, TEXT_BYTES_MAX = 64 << 10 };
static const char nullable[] = "Nullable(";
static const char null_mark[] = ", UInt8"; /* behind the type of a column whose NULLs stand in one of their own */

/* By its log position alone an event is known in every partition: generations are counted in each, and where the
 * connector has not seen a COMMIT yet, the commit position depends on what else was read there. */
static struct sluice_version position_of(struct sluice_version version)
{
    return (struct sluice_version){0, settle_with_pending(version, 0).low & ((UINT64_C(1) << 56) - 1)};
}

/* Those that follow in the order of versions, behind the events that the connector has sent again. */
bool settle_is_lacked(const struct settle *settle, size_t i, const struct batch_tie **half)
{
    const struct sluice_batch *batch = settle->batch;
    const struct sluice_version version = batch_version(batch_bytes(batch, settle->order[i]));
    *half = NULL;
    if (!batch->keeps_values || (batch->marks[settle->order[i]] & ROW_MOVED_AWAY) == 0)
        return false;
    for (i++; i < settle->n_rows; i++) {
        const uint32_t row = settle->order[i];
        const struct sluice_version next = batch_version(batch_bytes(batch, row));
        if (next.high == version.high && next.low == version.low)
            continue;
        if (next.high != version.high || next.low != version.low + 1 || (batch->marks[row] & ROW_MOVED_HERE) == 0)
            break;
        *half = settle_tie(settle, row);
        return *half != NULL;
    }
    return true;
}

/* --- what is put aside ---------------------------------------------------------------------------------------------
 */

static enum sluice_code append_text(struct sluice_buf *out, struct sluice_str text, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_leb128(out, text.len, err);
    return code != SLUICE_OK ? code : sluice_buf_append_str(out, text, err);
}

static enum sluice_code append_version(struct sluice_buf *out, struct sluice_version version, struct sluice_error *err)
{
    unsigned char bytes[PLAN_VERSION_BYTES];
    convert_put_64(bytes, version.low);
    convert_put_64(bytes + 8, version.high);
    return sluice_buf_append(out, bytes, sizeof bytes, err);
}

static enum sluice_code append_names(struct sluice_buf *out, const struct settle *settle, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf target;
    sluice_buf_init(&target, TEXT_BYTES_MAX, "name of a table");
    enum sluice_code code = sluice_buf_printf(&target, err, "%s.%s", settle->plan->database, settle->plan->table);
    if (code == SLUICE_OK)
        code = append_text(out, sluice_buf_str(&target), err);
    return code != SLUICE_OK ? code : append_text(out, sluice_str_from(settle->source), err);
}

static enum sluice_code append_type(struct sluice_buf *out, const struct plan_column *column, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf type;
    sluice_buf_init(&type, TEXT_BYTES_MAX, "type of a column");
    enum sluice_code code =
        sluice_buf_printf(&type, err, "%s%s", column->convert.type_text, column->is_companion ? null_mark : "");
    return code != SLUICE_OK ? code : append_text(out, sluice_buf_str(&type), err);
}

static bool is_hole(const struct settle *settle, const struct batch_tie *tie, size_t column)
{
    for (size_t i = 0; i < tie->n_holes; i++) {
        if (settle_hole(settle, tie, i) == column)
            return true;
    }
    return false;
}

enum sluice_code settle_put_aside(struct settle *settle, struct sluice_str key, struct sluice_version version,
                                  const struct batch_tie *half, struct sluice_str values, uint32_t *starts,
                                  struct sluice_error *err)
{
    const struct sluice_plan *plan = settle->plan;
    struct sluice_buf *out = &settle->put_aside;
    enum sluice_code code = SLUICE_OK;
    layout_find(plan, values, starts);
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++) {
        const struct plan_column *column = &plan->columns[i];
        if (!batch_keeps(column) || (half != NULL && !is_hole(settle, half, i)))
            continue;
        code = append_names(out, settle, err);
        if (code == SLUICE_OK)
            code = append_text(out, key, err);
        if (code == SLUICE_OK)
            code = append_version(out, position_of(version), err);
        if (code == SLUICE_OK)
            code = append_text(out, sluice_str_from(column->column), err);
        if (code == SLUICE_OK)
            code = append_type(out, column, err);
        if (code == SLUICE_OK)
            code = append_text(out, layout_column(values, starts, i), err);
        settle->n_put_aside++;
    }
    return code;
}

struct sluice_str settle_aside(const struct settle *settle, size_t *n_values)
{
    *n_values = settle->n_put_aside;
    return sluice_buf_str(&settle->put_aside);
}

/* --- what was put aside --------------------------------------------------------------------------------------------
 */

size_t settle_n_moved(const struct settle *settle)
{
    return settle->n_moved;
}

struct settle_moved settle_moved(const struct settle *settle, size_t i)
{
    const uint32_t tie = settle->moved[i];
    const uint32_t row = settle->batch->ties[tie].row;
    const struct sluice_version version = batch_version(batch_bytes(settle->batch, row));
    return (struct settle_moved){settle->states[settle->old_state[tie]].key, position_of(settle_below(version))};
}

void settle_set_truncated(struct settle *settle, struct sluice_version version)
{
    settle->truncated = version;
}

static bool read_text(const unsigned char **at, const unsigned char *end, struct sluice_str *out)
{
    static const struct sluice_type string = {.kind = SLUICE_TYPE_STRING};
    const unsigned char *start = *at;
    const unsigned char *next = layout_skip(&string, start, end);
    if (next == NULL)
        return false;
    while ((*start++ & 0x80) != 0)
        ;
    *out = (struct sluice_str){(const char *)start, (size_t)(next - start)};
    *at = next;
    return true;
}

/* Is `whole` "Nullable(" `inner` ")"? */
static bool is_nullable_of(struct sluice_str whole, struct sluice_str inner)
{
    const size_t n = sizeof nullable - 1;
    return whole.len == n + inner.len + 1 && memcmp(whole.ptr, nullable, n) == 0 &&
           memcmp(whole.ptr + n, inner.ptr, inner.len) == 0 && whole.ptr[whole.len - 1] == ')';
}

static bool same_type(const struct plan_column *column, struct sluice_str type)
{
    const struct sluice_str own = sluice_str_from(column->convert.type_text);
    const struct sluice_str companion = sluice_str_from(null_mark);
    if (!column->is_companion)
        return sluice_str_equal(own, type);
    return type.len == own.len + companion.len && memcmp(type.ptr, own.ptr, own.len) == 0 &&
           memcmp(type.ptr + own.len, companion.ptr, companion.len) == 0;
}

/* `before` and `value` are the bytes that the column takes. */
static enum sluice_code take_value(struct settle *settle, uint32_t tie, uint32_t column, struct sluice_str before,
                                   struct sluice_str value, struct sluice_error *err)
{
    const unsigned char *start = NULL;
    void *asides = settle->asides;
    enum sluice_code code =
        settle_grow(&asides, settle->n_asides, &settle->asides_allocated, sizeof *settle->asides, err);
    settle->asides = asides;
    const size_t at = settle->held_bytes.len;
    if (code == SLUICE_OK)
        code = sluice_buf_append_str(&settle->held_bytes, before, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_str(&settle->held_bytes, value, err);
    if (code != SLUICE_OK)
        return code;
    const size_t len = settle->held_bytes.len - at;
    start = (const unsigned char *)settle->held_bytes.ptr + at;
    if (layout_skip_column(&settle->plan->columns[column], start, start + len) != start + len)
        return settle_not_understood(settle, "moved values of", err);
    settle->asides[settle->n_asides] = (struct aside){column, settle->first_aside[tie], at, len};
    settle->first_aside[tie] = (uint32_t)settle->n_asides++;
    return SLUICE_OK;
}

/* A column that is not there, or has another type by now, is left out. */
static enum sluice_code take_column(struct settle *settle, uint32_t tie, struct sluice_str name, struct sluice_str type,
                                    struct sluice_str value, struct sluice_error *err)
{
    static const struct sluice_str nothing = {"", 0};
    static const struct sluice_str not_null = {"", 1};
    const struct sluice_plan *plan = settle->plan;
    for (uint32_t i = 0; i < plan->n_columns; i++) {
        const struct plan_column *column = &plan->columns[i];
        if (column->is_excluded || !sluice_str_equal(sluice_str_from(column->column), name))
            continue;
        const struct sluice_str own = sluice_str_from(column->convert.type_text);
        if (same_type(column, type))
            return take_value(settle, tie, i, nothing, value, err);
        if (!column->is_companion && is_nullable_of(own, type))
            return take_value(settle, tie, i, not_null, value, err);
        if (!column->is_companion && is_nullable_of(type, own) && value.len > 1 && value.ptr[0] == 0)
            return take_value(settle, tie, i, nothing, (struct sluice_str){value.ptr + 1, value.len - 1}, err);
    }
    return SLUICE_OK;
}

enum sluice_code settle_moved_answer(struct settle *settle, struct sluice_str answer, struct sluice_error *err)
{
    const unsigned char *at = (const unsigned char *)answer.ptr;
    const unsigned char *end = at + answer.len;
    enum sluice_code code = SLUICE_OK;
    while (at < end && code == SLUICE_OK) {
        struct sluice_str texts[3]; /* column, type, value */
        if ((size_t)(end - at) < NUMBER_BYTES)
            return settle_not_understood(settle, "moved values of", err);
        uint32_t number = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        at += NUMBER_BYTES;
        if (number >= settle->n_moved || !read_text(&at, end, &texts[0]) || !read_text(&at, end, &texts[1]) ||
            !read_text(&at, end, &texts[2]))
            return settle_not_understood(settle, "moved values of", err);
        code = take_column(settle, settle->moved[number], texts[0], texts[1], texts[2], err);
    }
    return code;
}

static const struct aside *find_aside(const struct settle *settle, const struct batch_tie *tie, uint32_t column)
{
    uint32_t at = settle->first_aside[tie - settle->batch->ties];
    while (at != SETTLE_NONE && settle->asides[at].column != column)
        at = settle->asides[at].next;
    return at != SETTLE_NONE ? &settle->asides[at] : NULL;
}

bool settle_has_asides(const struct settle *settle, const struct batch_tie *tie)
{
    for (size_t i = 0; i < tie->n_holes; i++) {
        if (find_aside(settle, tie, settle_hole(settle, tie, i)) == NULL)
            return false;
    }
    return true;
}

struct sluice_str settle_find_aside(const struct settle *settle, const struct batch_tie *tie, uint32_t column)
{
    const struct aside *aside = find_aside(settle, tie, column);
    assert(aside != NULL);
    return (struct sluice_str){settle->held_bytes.ptr + aside->at, aside->len};
}
