/* batch.c - see batch.h. Rows lie behind each other in one buffer in the order they came; sorting moves only the index.
 * Buffers grow by doubling, so that a batch of few rows costs little. */
#include "table/batch_detail.h"

#include <assert.h>
#include <stdlib.h>

#include "table/layout.h"
#include "table/row.h"
#include "table/toast.h"

enum { FIRST_BYTES = 64 * 1024, FIRST_ROWS = 512, FIRST_TIES = 64, OLD_KEYS_MAX_BYTES = 128 << 20 };
static const size_t before_rows_max_bytes = (size_t)1 << 30;

static bool can_hold_unknown(const struct sluice_plan *plan)
{
    for (size_t i = 0; i < plan->n_columns; i++) {
        if (batch_keeps(&plan->columns[i]))
            return true;
    }
    return false;
}

enum sluice_code sluice_batch_new(struct sluice_plan *plan, size_t max_rows, size_t max_bytes,
                                  struct sluice_batch **out, struct sluice_error *err)
{
    assert(max_rows > 0 && max_bytes > 0);
    struct sluice_batch *batch = calloc(1, sizeof *batch);
    if (batch == NULL)
        return sluice_error_nomem(err, "batch", sizeof *batch);
    batch->plan = sluice_plan_ref(plan);
    /* Offsets have 32 bits. */
    batch->max_rows = max_rows < INT32_MAX ? max_rows : INT32_MAX;
    batch->max_bytes = max_bytes < INT32_MAX ? max_bytes : INT32_MAX;
    batch->keeps_values = plan->identity != SLUICE_IDENTITY_FULL && can_hold_unknown(plan);
    sluice_buf_init(&batch->old_keys, OLD_KEYS_MAX_BYTES, "old keys of a batch");
    sluice_buf_init(&batch->before_rows, before_rows_max_bytes, "deleted rows of a batch");
    *out = batch;
    return SLUICE_OK;
}

void sluice_batch_free(struct sluice_batch *batch)
{
    if (batch == NULL)
        return;
    free(batch->bytes);
    free(batch->starts);
    free(batch->key_at);
    free(batch->marks);
    free(batch->entries);
    free(batch->ties);
    free(batch->holes);
    sluice_buf_deinit(&batch->old_keys);
    free(batch->befores);
    sluice_buf_deinit(&batch->before_rows);
    sluice_plan_unref(batch->plan);
    free(batch);
}

static bool same_insert(const struct sluice_plan *a, const struct sluice_plan *b)
{
    return a->insert_header.len == b->insert_header.len &&
           memcmp(a->insert_header.ptr, b->insert_header.ptr, a->insert_header.len) == 0 &&
           strcmp(a->insert_sql, b->insert_sql) == 0 && a->n_key == b->n_key && a->n_extra_sort == b->n_extra_sort &&
           a->key.n_columns == b->key.n_columns && a->home == b->home && a->identity == b->identity;
}

static const struct plan_column *next_written(const struct sluice_plan *plan, size_t *at)
{
    while (*at < plan->n_columns && plan->columns[*at].is_excluded)
        (*at)++;
    return *at < plan->n_columns ? &plan->columns[(*at)++] : NULL;
}

/* Do the columns of one INSERT mean the same to rows that depend on others? */
static bool same_columns(const struct sluice_plan *a, const struct sluice_plan *b)
{
    size_t i = 0;
    size_t j = 0;
    for (;;) {
        const struct plan_column *one = next_written(a, &i);
        const struct plan_column *other = next_written(b, &j);
        if (one == NULL || other == NULL)
            return one == other;
        if (one->is_key != other->is_key || batch_keeps(one) != batch_keeps(other))
            return false;
    }
}

bool sluice_batch_change_plan(struct sluice_batch *batch, struct sluice_plan *plan)
{
    if (plan == batch->plan)
        return true;
    /* By the plans alone: a range that is read again has to be one batch again. */
    if (!same_insert(batch->plan, plan) || !same_columns(batch->plan, plan))
        return false;
    sluice_plan_unref(batch->plan);
    batch->plan = sluice_plan_ref(plan);
    return true;
}

static enum sluice_code grow_bytes(struct sluice_batch *batch, size_t room, struct sluice_error *err)
{
    size_t needed = batch->n_used + room;
    size_t doubled = batch->n_allocated > 0 ? batch->n_allocated * 2 : FIRST_BYTES;
    /* Doubling ends at the batch's ceiling; a row may need a little more, since its room is an estimate from above. */
    size_t n = doubled < batch->max_bytes ? doubled : batch->max_bytes;
    if (n < needed)
        n = needed;
    unsigned char *grown = realloc(batch->bytes, n);
    if (grown == NULL)
        return sluice_error_nomem(err, "rows of a batch", n);
    batch->bytes = grown;
    batch->n_allocated = n;
    return SLUICE_OK;
}

static enum sluice_code grow_array(void **array, size_t n, size_t size, struct sluice_error *err)
{
    void *grown = realloc(*array, n * size);
    if (grown == NULL)
        return sluice_error_nomem(err, "row index of a batch", n * size);
    *array = grown;
    return SLUICE_OK;
}

static enum sluice_code grow_rows(struct sluice_batch *batch, struct sluice_error *err)
{
    size_t n = batch->rows_allocated > 0 ? batch->rows_allocated * 2 : FIRST_ROWS;
    if (n > batch->max_rows)
        n = batch->max_rows;
    void *starts = batch->starts;
    enum sluice_code code = grow_array(&starts, n + 1, sizeof *batch->starts, err);
    batch->starts = starts;
    void *entries = batch->entries;
    if (code == SLUICE_OK)
        code = grow_array(&entries, n, sizeof *batch->entries, err);
    batch->entries = entries;
    void *marks = batch->marks;
    if (code == SLUICE_OK)
        code = grow_array(&marks, n, sizeof *batch->marks, err);
    batch->marks = marks;
    void *key_at = batch->key_at;
    if (code == SLUICE_OK && !batch->plan->key.is_exact)
        code = grow_array(&key_at, n * batch->plan->key.n_columns, sizeof *batch->key_at, err);
    batch->key_at = key_at;
    if (code != SLUICE_OK)
        return code;
    batch->starts[batch->n_rows] = (uint32_t)batch->n_used;
    batch->rows_allocated = n;
    return SLUICE_OK;
}

static enum sluice_code full_error(const struct sluice_batch *batch, bool *full, struct sluice_error *err)
{
    *full = true;
    return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_RETRY, "batch for \"%s.%s\" is full", batch->plan->database,
                            batch->plan->table);
}

static void take_row(struct sluice_batch *batch, size_t n_bytes, const uint32_t *key_at, uint8_t marks)
{
    const struct sortkey *key = &batch->plan->key;
    size_t row = batch->n_rows;
    uint64_t prefix = key->n_columns > 0 ? sortkey_prefix(key, batch->bytes + batch->n_used, key_at) : 0;
    batch->entries[row] = (struct sortkey_entry){prefix, (uint32_t)row};
    batch->marks[row] = marks;
    if (!key->is_exact)
        memcpy(batch->key_at + row * key->n_columns, key_at, key->n_columns * sizeof *key_at);
    batch->n_used += n_bytes;
    batch->n_rows++;
    batch->starts[batch->n_rows] = (uint32_t)batch->n_used;
}

static enum sluice_code grow(struct sluice_batch *batch, size_t room, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    if (batch->n_allocated - batch->n_used < room)
        code = grow_bytes(batch, room, err);
    if (code == SLUICE_OK && batch->n_rows == batch->rows_allocated)
        code = grow_rows(batch, err);
    return code;
}

static inline enum sluice_code make_room(struct sluice_batch *batch, size_t room, struct sluice_error *err)
{
    bool has_room = batch->n_allocated - batch->n_used >= room && batch->n_rows < batch->rows_allocated;
    return SLUICE_LIKELY(has_room) ? SLUICE_OK : grow(batch, room, err);
}

/* What is appended, and what becomes of it. */
struct appending {
    const struct sluice_change *change;
    const struct sluice_key *key;
    struct sluice_version version;
    const struct sluice_record_place *place;
    struct row_holes *holes; /* NULL: every value is data */
    uint8_t marks;
};

static enum sluice_code append_row(struct sluice_batch *batch, const struct appending *a, bool *full,
                                   struct sluice_error *err)
{
    uint32_t key_at[SORTKEY_MAX_COLUMNS];
    const struct sluice_plan *plan = batch->plan;
    assert(!batch->is_sealed);
    *full = false;
    if (batch->n_rows == batch->max_rows)
        return full_error(batch, full, err);
    enum sluice_code code = make_room(batch, row_room(plan, a->change, a->key, a->place), err);
    if (code != SLUICE_OK)
        return code;
    unsigned char *start = batch->bytes + batch->n_used;
    const unsigned char *end = row_encode(plan, a->change, a->key, a->version, a->place, start, key_at, a->holes, err);
    if (SLUICE_UNLIKELY(end == NULL))
        return err->code;
    size_t n_bytes = (size_t)(end - start);
    if (SLUICE_UNLIKELY(plan->insert_header.len + batch->n_used + n_bytes > batch->max_bytes)) {
        if (batch->n_rows > 0)
            return full_error(batch, full, err);
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_REJECT,
                                "table \"%s.%s\": one row of %zu bytes is larger than a batch; raise batch.max_bytes",
                                plan->source_schema, plan->source_table, n_bytes);
    }
    take_row(batch, n_bytes, key_at, a->marks);
    return SLUICE_OK;
}

/* --- rows that depend on others ------------------------------------------------------------------------------------
 */

/* For the last row. It counts once everything of it is there. */
static enum sluice_code add_tie(struct sluice_batch *batch, size_t n_holes, int64_t offset, struct batch_tie **out,
                                struct sluice_error *err)
{
    if (batch->n_ties == batch->ties_allocated) {
        size_t n = batch->ties_allocated > 0 ? batch->ties_allocated * 2 : FIRST_TIES;
        void *grown = batch->ties;
        enum sluice_code code = grow_array(&grown, n, sizeof *batch->ties, err);
        if (code != SLUICE_OK)
            return code;
        batch->ties = grown;
        batch->ties_allocated = n;
    }
    *out = &batch->ties[batch->n_ties];
    **out = (struct batch_tie){.row = (uint32_t)batch->n_rows - 1,
                               .n_holes = (uint32_t)n_holes,
                               .first_hole = batch->n_holes,
                               .old_key_at = batch->old_keys.len,
                               .offset = offset};
    return SLUICE_OK;
}

/* Room for the holes of one more row. */
static enum sluice_code make_holes(struct sluice_batch *batch, struct row_holes *holes, struct sluice_error *err)
{
    size_t needed = batch->n_holes + batch->plan->n_columns;
    if (needed > batch->holes_allocated) {
        void *grown = batch->holes;
        enum sluice_code code = grow_array(&grown, 2 * needed, sizeof *batch->holes, err);
        if (code != SLUICE_OK)
            return code;
        batch->holes = grown;
        batch->holes_allocated = 2 * needed;
    }
    *holes = (struct row_holes){batch->holes + batch->n_holes, 0};
    return SLUICE_OK;
}

static enum sluice_code keep_old_key(struct sluice_batch *batch, const struct sluice_key *old_key,
                                     struct batch_tie *tie, struct sluice_error *err)
{
    unsigned char *end = NULL;
    enum sluice_code code = sluice_buf_reserve(&batch->old_keys, row_key_room(batch->plan, old_key), err);
    if (code != SLUICE_OK)
        return code;
    unsigned char *at = (unsigned char *)batch->old_keys.ptr + batch->old_keys.len;
    end = row_put_key(batch->plan, old_key, at, err);
    if (end == NULL)
        return err->code;
    tie->old_key_len = (size_t)(end - at);
    return SLUICE_OK;
}

/* A row's transaction has created rows, as far as it was seen. */
static bool follows_created(const struct sluice_batch *batch, unsigned marks)
{
    const bool is_other = (marks & ROW_BEGINS) != 0 && batch->n_rows > 0;
    return !is_other && (batch->tx_has_create || batch->in_continued);
}

/* The row that is deleted, in front of the row itself: where its key was deferred, its values alone tell which row of
 * that key it is. What of it can't be encoded tells nothing. */
static enum sluice_code keep_before(struct sluice_batch *batch, const struct appending *a, struct sluice_error *err)
{
    uint32_t key_at[SORTKEY_MAX_COLUMNS];
    struct sluice_error ignored;
    struct sluice_change before = *a->change;
    before.op = 'u';
    void *grown = batch->befores;
    enum sluice_code code = SLUICE_OK;
    if (batch->n_befores == batch->befores_allocated) {
        const size_t n = batch->befores_allocated > 0 ? batch->befores_allocated * 2 : FIRST_TIES;
        code = grow_array(&grown, n, sizeof *batch->befores, err);
        batch->befores = grown;
        batch->befores_allocated = code == SLUICE_OK ? n : batch->befores_allocated;
    }
    if (code == SLUICE_OK)
        code = sluice_buf_reserve(&batch->before_rows, row_room(batch->plan, &before, NULL, a->place), err);
    if (code != SLUICE_OK)
        return code;
    unsigned char *at = (unsigned char *)batch->before_rows.ptr + batch->before_rows.len;
    const unsigned char *end = row_encode(batch->plan, &before, NULL, a->version, a->place, at, key_at, NULL, &ignored);
    if (end == NULL)
        return SLUICE_OK;
    batch->befores[batch->n_befores++] =
        (struct batch_before){(uint32_t)batch->n_rows, batch->before_rows.len, (size_t)(end - at)};
    batch->before_rows.len += (size_t)(end - at);
    return SLUICE_OK;
}

/* Which of the rows it means, only its values tell. */
static enum sluice_code refuse_without_key(const struct sluice_plan *plan, struct sluice_error *err)
{
    return sluice_error_set(
        err, SLUICE_E_KEY, SLUICE_REJECT,
        "table \"%s.%s\" has no key, so that the row that was updated or deleted can't be told from "
        "others; give the table a primary key, or the connector message.key.columns",
        plan->source_schema, plan->source_table);
}

static uint8_t marks_of(const struct sluice_batch *batch, const struct sluice_change *change,
                        const struct sluice_row_ties *ties)
{
    unsigned marks = 0;
    if (change->op == 'c' && ties->txid != 0) /* only in a transaction it matters what is created */
        marks |= ROW_CREATED;
    else if (change->op == 'd')
        marks |= ROW_DELETED;
    if (ties->moved_away)
        marks |= ROW_MOVED_AWAY;
    if (ties->moved_from != NULL)
        marks |= ROW_MOVED_HERE;
    if (ties->txid == 0 || ties->txid != batch->txid)
        marks |= ROW_BEGINS;
    if (!change->source.has_sequence0)
        marks |= ROW_UNCOMMITTED;
    return (uint8_t)marks;
}

/* With REPLICA IDENTITY FULL keys may be deferred: then what a transaction has created may have replaced a row, which
 * it deletes in a later batch. */
static bool may_defer_keys(const struct sluice_batch *batch)
{
    return batch->plan->identity == SLUICE_IDENTITY_FULL && batch->tx_has_create;
}

static bool is_older(struct sluice_version a, struct sluice_version b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* Does the connector send earlier rows again behind the last one, whose transaction it ends later? */
static bool is_broken_off(const struct sluice_batch *batch)
{
    const uint32_t last = (uint32_t)batch->n_rows - 1;
    return is_older(batch_version(batch_bytes(batch, last)), batch_version(batch_bytes(batch, last - 1)));
}

static void note_row(struct sluice_batch *batch, const struct sluice_row_ties *ties, unsigned marks)
{
    const struct sluice_plan *plan = batch->plan;
    if (batch->keeps_values && (marks & ROW_MOVED_AWAY) != 0)
        batch->may_need_settled = batch->moves_values = true;
    if (plan->by_offset)
        return;
    if ((marks & ROW_BEGINS) != 0 && batch->n_rows > 1) {
        batch->may_need_settled = batch->may_need_settled || (may_defer_keys(batch) && is_broken_off(batch));
        batch->tx_has_create = false;
        batch->in_continued = false;
    }
    batch->txid = ties->txid;
    if ((marks & ROW_CREATED) != 0)
        batch->tx_has_create = true;
    batch->may_need_settled = batch->may_need_settled || plan->n_extra_sort > 0 || batch->in_continued ||
                              ((marks & ROW_DELETED) != 0 && batch->tx_has_create) || (marks & ROW_MOVED_HERE) != 0;
}

enum sluice_code sluice_batch_append_tied(struct sluice_batch *batch, const struct sluice_change *change,
                                          const struct sluice_key *key, struct sluice_version version,
                                          const struct sluice_record_place *place, const struct sluice_row_ties *ties,
                                          bool *full, struct sluice_error *err)
{
    const struct sluice_plan *plan = batch->plan;
    struct row_holes holes = {NULL, 0};
    struct batch_tie *tie = NULL;
    struct appending a = {.change = change, .key = key, .version = version, .place = place};
    *full = false;
    if (plan->by_offset && !plan->is_log && (change->op == 'u' || change->op == 'd'))
        return refuse_without_key(plan, err);
    a.marks = marks_of(batch, change, ties);
    const size_t n_befores = batch->n_befores;
    const size_t before_rows_len = batch->before_rows.len;
    bool may_have_holes = change->op == 'u' || ties->moved_from != NULL;
    enum sluice_code code = SLUICE_OK;
    if (may_have_holes) {
        a.holes = &holes;
        code = make_holes(batch, &holes, err);
    }
    if (code == SLUICE_OK && change->op == 'd' && change->has_image && plan->identity == SLUICE_IDENTITY_FULL &&
        !plan->by_offset && ties->txid != 0 && follows_created(batch, a.marks))
        code = keep_before(batch, &a, err);
    if (code == SLUICE_OK)
        code = append_row(batch, &a, full, err);
    if (code != SLUICE_OK) {
        batch->n_befores = n_befores;
        batch->before_rows.len = before_rows_len;
        return code;
    }
    if (holes.n > 0) {
        code = add_tie(batch, holes.n, place->offset, &tie, err);
        if (code == SLUICE_OK && ties->moved_from != NULL)
            code = keep_old_key(batch, ties->moved_from, tie, err);
        if (code != SLUICE_OK) {
            batch->n_rows--;
            batch->n_used = batch->starts[batch->n_rows];
            return code;
        }
        batch->n_holes += holes.n;
        batch->n_ties++;
        batch->old_keys.len += tie->old_key_len;
        batch->may_need_settled = true;
    }
    note_row(batch, ties, a.marks);
    return SLUICE_OK;
}

enum sluice_code sluice_batch_append(struct sluice_batch *batch, const struct sluice_change *change,
                                     const struct sluice_key *key, struct sluice_version version,
                                     const struct sluice_record_place *place, bool *full, struct sluice_error *err)
{
    const struct sluice_row_ties none = {0};
    return sluice_batch_append_tied(batch, change, key, version, place, &none, full, err);
}

void sluice_batch_continues(struct sluice_batch *batch)
{
    batch->is_continued = true;
    batch->in_continued = true;
}

bool sluice_batch_is_tied(const struct sluice_batch *batch)
{
    return batch->may_need_settled || may_defer_keys(batch);
}

bool sluice_batch_moves_values(const struct sluice_batch *batch)
{
    return batch->moves_values;
}

/* Where the key's columns lie in an encoded row. */
static void find_key(const struct sluice_plan *plan, struct sluice_str row, uint32_t key_at[SORTKEY_MAX_COLUMNS])
{
    const unsigned char *start = (const unsigned char *)row.ptr;
    const unsigned char *at = start;
    for (size_t i = 0; i < plan->n_columns; i++) {
        if (plan->columns[i].key_position != PLAN_NO_KEY)
            key_at[plan->columns[i].key_position] = (uint32_t)(at - start);
        at = layout_skip_column(&plan->columns[i], at, start + row.len);
        if (at == NULL)
            SLUICE_BUG("a row does not end where its columns do");
    }
}

enum sluice_code batch_put(struct sluice_batch *batch, struct sluice_str row, uint8_t marks, struct sluice_error *err)
{
    const struct sluice_plan *plan = batch->plan;
    uint32_t key_at[SORTKEY_MAX_COLUMNS] = {0};
    if (batch->n_rows == batch->max_rows || batch->n_used + row.len > batch->max_bytes)
        return sluice_error_set(
            err, SLUICE_E_LIMIT, SLUICE_STOP_PARTITION,
            "table \"%s.%s\": the rows of one batch are too many once what they depend on is added; "
            "lower batch.max_rows and batch.max_bytes",
            plan->source_schema, plan->source_table);
    enum sluice_code code = make_room(batch, row.len, err);
    if (code != SLUICE_OK)
        return code;
    find_key(plan, row, key_at);
    memcpy(batch->bytes + batch->n_used, row.ptr, row.len);
    take_row(batch, row.len, key_at, marks);
    return SLUICE_OK;
}

bool batch_keeps(const struct plan_column *column)
{
    return !column->is_excluded && !column->is_key && column->toast == SLUICE_TOAST_KEEP && toast_is_possible(column);
}

struct sluice_str batch_bytes(const struct sluice_batch *batch, uint32_t row)
{
    return (struct sluice_str){(const char *)batch->bytes + batch->starts[row],
                               batch->starts[row + 1] - batch->starts[row]};
}

struct sluice_version batch_version(struct sluice_str row)
{
    const unsigned char *at = (const unsigned char *)row.ptr + row.len - PLAN_DELETED_BYTES - PLAN_VERSION_BYTES;
    struct sluice_version version = {0};
    for (unsigned i = 0; i < 8; i++) {
        version.low |= (uint64_t)at[i] << (8 * i);
        version.high |= (uint64_t)at[8 + i] << (8 * i);
    }
    return version;
}

static struct sluice_version version_of(const struct sluice_batch *batch, uint32_t row)
{
    return batch_version(batch_bytes(batch, row));
}

/* Of rows with one key, which stand together, the highest version stays; of equal versions the last, as on the server.
 */
static void collapse_versions(struct sluice_batch *batch, const struct sortkey_rows *rows, size_t n)
{
    struct sortkey_entry *entries = batch->entries;
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++) {
        const struct sortkey_entry entry = entries[i];
        if (n_kept == 0 || !sortkey_equal(&batch->plan->key, rows, entries[n_kept - 1], entry))
            entries[n_kept++] = entry;
        else if (!is_older(version_of(batch, entry.row), version_of(batch, entries[n_kept - 1].row)))
            entries[n_kept - 1] = entry;
    }
    batch->n_sent = n_kept;
}

static void count_bytes(struct sluice_batch *batch)
{
    batch->sent_bytes = 0;
    for (size_t i = 0; i < batch->n_sent; i++) {
        uint32_t row = batch->entries[i].row;
        batch->sent_bytes += batch->starts[row + 1] - batch->starts[row];
    }
}

enum sluice_code sluice_batch_seal(struct sluice_batch *batch, bool collapse, struct sluice_error *err)
{
    const struct sortkey_rows rows = {batch->bytes, batch->starts, batch->key_at};
    size_t n = batch->n_rows;
    assert(!batch->is_sealed);
    if (batch->n_ties > 0)
        SLUICE_BUG("rows with unknown values are settled before they are sealed");
    if (n > 0) {
        struct sortkey_entry *scratch = malloc(n * sizeof *scratch);
        if (scratch == NULL)
            return sluice_error_nomem(err, "sorting a batch", n * sizeof *scratch);
        sortkey_sort(&batch->plan->key, &rows, batch->entries, scratch, n);
        free(scratch);
    }
    batch->n_sent = n;
    batch->sent_bytes = batch->n_used;
    if (collapse && !batch->plan->by_offset) {
        collapse_versions(batch, &rows, n);
        count_bytes(batch);
    }
    batch->is_sealed = true;
    return SLUICE_OK;
}

void sluice_batch_leave_out(struct sluice_batch *batch, const bool *left_out)
{
    size_t n_kept = 0;
    assert(batch->is_sealed);
    for (size_t i = 0; i < batch->n_sent; i++) {
        if (!left_out[i])
            batch->entries[n_kept++] = batch->entries[i];
    }
    batch->n_sent = n_kept;
    count_bytes(batch);
}

struct sluice_version sluice_batch_version(const struct sluice_batch *batch, size_t i)
{
    return batch_version(sluice_batch_row(batch, i));
}

size_t sluice_batch_arrival(const struct sluice_batch *batch, size_t i)
{
    assert(batch->is_sealed && i < batch->n_sent);
    return batch->entries[i].row;
}

/* The entry as it was when the row was appended: collapsing gives up those of the rows that it leaves out. */
static struct sortkey_entry entry_of(const struct sluice_batch *batch, uint32_t row)
{
    uint32_t key_at[SORTKEY_MAX_COLUMNS] = {0};
    struct sluice_str bytes = batch_bytes(batch, row);
    if (batch->plan->key.n_columns == 0)
        return (struct sortkey_entry){0, row};
    find_key(batch->plan, bytes, key_at);
    return (struct sortkey_entry){sortkey_prefix(&batch->plan->key, (const unsigned char *)bytes.ptr, key_at), row};
}

/* Marks what is sent without the refused rows: 1 for a row that was sent, 2 for one that has the key of a refused row.
 */
static void choose_rows(const struct sluice_batch *batch, const bool *refused, bool collapse, uint8_t *chosen)
{
    const struct sortkey_rows rows = {batch->bytes, batch->starts, batch->key_at};
    for (size_t i = 0; i < batch->n_sent; i++)
        chosen[batch->entries[i].row] = !refused[batch->entries[i].row];
    for (uint32_t bad = 0; bad < batch->n_rows && collapse; bad++) {
        const struct sortkey_entry entry = refused[bad] ? entry_of(batch, bad) : (struct sortkey_entry){0, 0};
        for (uint32_t row = 0; refused[bad] && row < batch->n_rows; row++) {
            if (!refused[row] && chosen[row] == 0 &&
                sortkey_equal(&batch->plan->key, &rows, entry, entry_of(batch, row)))
                chosen[row] = 2;
        }
    }
}

enum sluice_code sluice_batch_refuse(struct sluice_batch *batch, const bool *refused, bool collapse,
                                     struct sluice_error *err)
{
    const struct sortkey_rows rows = {batch->bytes, batch->starts, batch->key_at};
    size_t n = batch->n_rows;
    collapse = collapse && !batch->plan->by_offset;
    uint8_t *chosen = calloc(n + 1, sizeof *chosen);
    struct sortkey_entry *scratch = malloc((n + 1) * sizeof *scratch);
    assert(batch->is_sealed);
    if (chosen == NULL || scratch == NULL) {
        free(chosen);
        free(scratch);
        return sluice_error_nomem(err, "a batch without its bad rows", n * sizeof *scratch);
    }
    choose_rows(batch, refused, collapse, chosen);
    batch->n_sent = 0;
    for (uint32_t row = 0; row < n; row++) {
        if (chosen[row] != 0)
            batch->entries[batch->n_sent++] = entry_of(batch, row);
    }
    sortkey_sort(&batch->plan->key, &rows, batch->entries, scratch, batch->n_sent);
    if (collapse)
        collapse_versions(batch, &rows, batch->n_sent);
    count_bytes(batch);
    free(chosen);
    free(scratch);
    return SLUICE_OK;
}

void sluice_batch_delete_older(struct sluice_batch *batch, struct sluice_version version)
{
    for (size_t i = 0; i < batch->n_rows; i++) {
        if (is_older(batch_version(batch_bytes(batch, (uint32_t)i)), version))
            batch->bytes[batch->starts[i + 1] - PLAN_DELETED_BYTES] = 1;
    }
}

bool sluice_batch_has_older(const struct sluice_batch *batch, struct sluice_version version)
{
    for (size_t i = 0; i < batch->n_rows; i++) {
        if (is_older(batch_version(batch_bytes(batch, (uint32_t)i)), version))
            return true;
    }
    return false;
}

struct sluice_str sluice_batch_row(const struct sluice_batch *batch, size_t i)
{
    assert(batch->is_sealed && i < batch->n_sent);
    return batch_bytes(batch, batch->entries[i].row);
}

size_t sluice_batch_n_rows(const struct sluice_batch *batch)
{
    return batch->is_sealed ? batch->n_sent : batch->n_rows;
}

size_t sluice_batch_n_changes(const struct sluice_batch *batch)
{
    return batch->n_rows;
}

size_t sluice_batch_n_bytes(const struct sluice_batch *batch)
{
    size_t n_left_out = batch->plan->is_narrow ? sluice_batch_n_rows(batch) * (PLAN_VERSION_BYTES / 2) : 0;
    return batch->plan->insert_header.len + (batch->is_sealed ? batch->sent_bytes : batch->n_used) - n_left_out;
}

size_t sluice_batch_memory(const struct sluice_batch *batch)
{
    size_t per_row = sizeof *batch->starts + sizeof *batch->entries + sizeof *batch->marks;
    if (batch->key_at != NULL)
        per_row += batch->plan->key.n_columns * sizeof *batch->key_at;
    return sizeof *batch + batch->n_allocated + batch->rows_allocated * per_row +
           batch->ties_allocated * sizeof *batch->ties + batch->holes_allocated * sizeof *batch->holes +
           batch->old_keys.capacity + batch->befores_allocated * sizeof *batch->befores + batch->before_rows.capacity;
}

const struct sluice_plan *sluice_batch_plan(const struct sluice_batch *batch)
{
    return batch->plan;
}

void sluice_batch_read_init(struct sluice_batch_reader *reader, const struct sluice_batch *batch)
{
    assert(batch->is_sealed);
    *reader = (struct sluice_batch_reader){.batch = batch, .end = batch->n_sent};
}

void sluice_batch_read_part(struct sluice_batch_reader *reader, const struct sluice_batch *batch, size_t first,
                            size_t end)
{
    assert(batch->is_sealed && first <= end && end <= batch->n_sent);
    *reader = (struct sluice_batch_reader){.batch = batch, .row = first, .end = end};
}

/* A row without the upper half of its version, from the position in that. */
static struct sluice_str narrow_piece(struct sluice_str row, size_t position)
{
    const size_t half = PLAN_VERSION_BYTES / 2;
    const size_t low_end = row.len - PLAN_DELETED_BYTES - half;
    if (position < low_end)
        return (struct sluice_str){row.ptr + position, low_end - position};
    return (struct sluice_str){row.ptr + position + half, row.len - half - position};
}

static bool has_second_piece(const struct sluice_batch_reader *reader)
{
    const struct sluice_batch *batch = reader->batch;
    return reader->in_rows && batch->plan->is_narrow &&
           reader->position < sluice_batch_row(batch, reader->row).len - PLAN_VERSION_BYTES / 2;
}

/* What the reader gives next, as far as it lies in one piece. */
static struct sluice_str next_piece(const struct sluice_batch_reader *reader)
{
    const struct sluice_batch *batch = reader->batch;
    struct sluice_str whole = batch->plan->insert_header;
    if (reader->in_rows)
        whole = sluice_batch_row(batch, reader->row);
    if (reader->in_rows && batch->plan->is_narrow)
        return narrow_piece(whole, reader->position);
    return (struct sluice_str){whole.ptr + reader->position, whole.len - reader->position};
}

size_t sluice_batch_read(struct sluice_batch_reader *reader, char *out, size_t capacity)
{
    size_t n = 0;
    while (n < capacity && (!reader->in_rows || reader->row < reader->end)) {
        struct sluice_str piece = next_piece(reader);
        size_t take = piece.len < capacity - n ? piece.len : capacity - n;
        memcpy(out + n, piece.ptr, take);
        n += take;
        reader->position += take;
        if (take < piece.len)
            break;
        if (has_second_piece(reader))
            continue;
        reader->position = 0;
        if (reader->in_rows)
            reader->row++;
        reader->in_rows = true;
    }
    return n;
}
