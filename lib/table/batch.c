/* batch.c - see batch.h. Rows lie behind each other in one buffer in the order they came; sorting moves only the index.
 * Buffers grow by doubling, so that a batch of few rows costs little. */
#include "table/batch.h"

#include <assert.h>
#include <stdlib.h>

#include "table/row.h"

enum { FIRST_BYTES = 64 * 1024, FIRST_ROWS = 512 };

struct sluice_batch {
    struct sluice_plan *plan;
    size_t max_rows;
    size_t max_bytes; /* header and rows */
    unsigned char *bytes;
    size_t n_used;
    size_t n_allocated;
    /* One per row, in order of arrival; starts has one more: the end of the last row. */
    uint32_t *starts;
    uint32_t *key_at; /* plan->key.n_columns per row; NULL while prefixes tell everything */
    size_t n_rows;
    size_t rows_allocated;
    /* Rows in sending order once sealed. */
    struct sortkey_entry *entries;
    size_t n_sent;
    size_t sent_bytes;
    bool is_sealed;
};

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
    free(batch->entries);
    sluice_plan_unref(batch->plan);
    free(batch);
}

static bool same_insert(const struct sluice_plan *a, const struct sluice_plan *b)
{
    return a->insert_header.len == b->insert_header.len &&
           memcmp(a->insert_header.ptr, b->insert_header.ptr, a->insert_header.len) == 0 &&
           strcmp(a->insert_sql, b->insert_sql) == 0 && a->n_key == b->n_key && a->n_extra_sort == b->n_extra_sort &&
           a->key.n_columns == b->key.n_columns && a->home == b->home;
}

bool sluice_batch_change_plan(struct sluice_batch *batch, struct sluice_plan *plan)
{
    if (plan == batch->plan)
        return true;
    if (!same_insert(batch->plan, plan))
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

static void take_row(struct sluice_batch *batch, size_t n_bytes, const uint32_t *key_at)
{
    const struct sortkey *key = &batch->plan->key;
    size_t row = batch->n_rows;
    uint64_t prefix = key->n_columns > 0 ? sortkey_prefix(key, batch->bytes + batch->n_used, key_at) : 0;
    batch->entries[row] = (struct sortkey_entry){prefix, (uint32_t)row};
    if (!key->is_exact)
        memcpy(batch->key_at + row * key->n_columns, key_at, key->n_columns * sizeof *key_at);
    batch->n_used += n_bytes;
    batch->n_rows++;
    batch->starts[batch->n_rows] = (uint32_t)batch->n_used;
}

enum sluice_code sluice_batch_append(struct sluice_batch *batch, const struct sluice_change *change,
                                     const struct sluice_key *key, struct sluice_version version,
                                     const struct sluice_record_place *place, bool *full, struct sluice_error *err)
{
    uint32_t key_at[SORTKEY_MAX_COLUMNS];
    const struct sluice_plan *plan = batch->plan;
    assert(!batch->is_sealed);
    *full = false;
    if (batch->n_rows == batch->max_rows)
        return full_error(batch, full, err);
    size_t room = row_room(plan, change, key, place);
    enum sluice_code code = SLUICE_OK;
    if (batch->n_allocated - batch->n_used < room)
        code = grow_bytes(batch, room, err);
    if (code == SLUICE_OK && batch->n_rows == batch->rows_allocated)
        code = grow_rows(batch, err);
    if (code != SLUICE_OK)
        return code;
    unsigned char *start = batch->bytes + batch->n_used;
    const unsigned char *end = row_encode(plan, change, key, version, place, start, key_at, err);
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
    take_row(batch, n_bytes, key_at);
    return SLUICE_OK;
}

/* The version lies in front of the last byte of a row. */
static struct sluice_version version_of(const struct sluice_batch *batch, uint32_t row)
{
    const unsigned char *at = batch->bytes + batch->starts[row + 1] - PLAN_DELETED_BYTES - PLAN_VERSION_BYTES;
    struct sluice_version version = {0};
    for (unsigned i = 0; i < 8; i++) {
        version.low |= (uint64_t)at[i] << (8 * i);
        version.high |= (uint64_t)at[8 + i] << (8 * i);
    }
    return version;
}

static bool is_older(struct sluice_version a, struct sluice_version b)
{
    return a.high != b.high ? a.high < b.high : a.low < b.low;
}

/* Of rows with one key, which stand together, the highest version stays; of equal versions the last, as on the server.
 */
static void collapse_versions(struct sluice_batch *batch, const struct sortkey_rows *rows)
{
    struct sortkey_entry *entries = batch->entries;
    size_t n_kept = 0;
    for (size_t i = 0; i < batch->n_rows; i++) {
        if (n_kept == 0 || !sortkey_equal(&batch->plan->key, rows, entries[n_kept - 1], entries[i]))
            entries[n_kept++] = entries[i];
        else if (!is_older(version_of(batch, entries[i].row), version_of(batch, entries[n_kept - 1].row)))
            entries[n_kept - 1] = entries[i];
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
    if (n > 0) {
        struct sortkey_entry *scratch = malloc(n * sizeof *scratch);
        if (scratch == NULL)
            return sluice_error_nomem(err, "sorting a batch", n * sizeof *scratch);
        sortkey_sort(&batch->plan->key, &rows, batch->entries, scratch, n);
        free(scratch);
    }
    batch->n_sent = n;
    batch->sent_bytes = batch->n_used;
    if (collapse && !batch->plan->is_log) {
        collapse_versions(batch, &rows);
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

struct sluice_str sluice_batch_row(const struct sluice_batch *batch, size_t i)
{
    assert(batch->is_sealed && i < batch->n_sent);
    uint32_t row = batch->entries[i].row;
    return (struct sluice_str){(const char *)batch->bytes + batch->starts[row],
                               batch->starts[row + 1] - batch->starts[row]};
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
    return batch->plan->insert_header.len + (batch->is_sealed ? batch->sent_bytes : batch->n_used);
}

size_t sluice_batch_memory(const struct sluice_batch *batch)
{
    size_t per_row = sizeof *batch->starts + sizeof *batch->entries;
    if (batch->key_at != NULL)
        per_row += batch->plan->key.n_columns * sizeof *batch->key_at;
    return sizeof *batch + batch->n_allocated + batch->rows_allocated * per_row;
}

const struct sluice_plan *sluice_batch_plan(const struct sluice_batch *batch)
{
    return batch->plan;
}

void sluice_batch_read_init(struct sluice_batch_reader *reader, const struct sluice_batch *batch)
{
    assert(batch->is_sealed);
    *reader = (struct sluice_batch_reader){.batch = batch};
}

/* What the reader gives next, as far as it lies in one piece. */
static struct sluice_str next_piece(const struct sluice_batch_reader *reader)
{
    const struct sluice_batch *batch = reader->batch;
    struct sluice_str whole = batch->plan->insert_header;
    if (reader->in_rows)
        whole = sluice_batch_row(batch, reader->row);
    return (struct sluice_str){whole.ptr + reader->position, whole.len - reader->position};
}

size_t sluice_batch_read(struct sluice_batch_reader *reader, char *out, size_t capacity)
{
    size_t n = 0;
    while (n < capacity && (!reader->in_rows || reader->row < reader->batch->n_sent)) {
        struct sluice_str piece = next_piece(reader);
        size_t take = piece.len < capacity - n ? piece.len : capacity - n;
        memcpy(out + n, piece.ptr, take);
        n += take;
        reader->position += take;
        if (take < piece.len)
            break;
        reader->position = 0;
        if (reader->in_rows)
            reader->row++;
        reader->in_rows = true;
    }
    return n;
}
