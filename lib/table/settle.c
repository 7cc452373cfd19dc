/* settle.c - see settle.h: what has to be known, and the target's answers. */
#include "table/settle_detail.h"

#include <assert.h>
#include <stdlib.h>

#include "base/random.h"
#include "table/layout.h"
#include "table/row.h"

enum { KEYS_MAX_BYTES = 512 << 20, FIRST_GROWN = 64, NUMBER_BYTES = 4 };
static const size_t held_max_bytes = (size_t)1 << 30;
static const struct sluice_version highest = {UINT64_MAX, UINT64_MAX};

enum sluice_code settle_grow(void **array, size_t n, size_t *n_allocated, size_t size, struct sluice_error *err)
{
    if (n < *n_allocated)
        return SLUICE_OK;
    size_t wanted = *n_allocated > 0 ? *n_allocated * 2 : FIRST_GROWN;
    void *grown = wanted < SETTLE_NONE ? realloc(*array, wanted * size) : NULL;
    if (grown == NULL)
        return sluice_error_nomem(err, "settling a batch", wanted * size);
    *array = grown;
    *n_allocated = wanted;
    return SLUICE_OK;
}

uint32_t settle_hole(const struct settle *settle, const struct batch_tie *tie, size_t i)
{
    return settle->column_at[settle->batch->holes[tie->first_hole + i]];
}

const struct batch_tie *settle_tie(const struct settle *settle, uint32_t row)
{
    const struct sluice_batch *batch = settle->batch;
    size_t low = 0;
    size_t high = batch->n_ties;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (batch->ties[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    return low < batch->n_ties && batch->ties[low].row == row ? &batch->ties[low] : NULL;
}

bool settle_find_before(const struct settle *settle, uint32_t row, struct sluice_str *before)
{
    const struct sluice_batch *batch = settle->batch;
    size_t low = 0;
    size_t high = batch->n_befores;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (batch->befores[middle].row < row)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == batch->n_befores || batch->befores[low].row != row)
        return false;
    const struct batch_before *found = &batch->befores[low];
    *before = (struct sluice_str){batch->before_rows.ptr + found->at, found->len};
    return true;
}

/* --- order ---------------------------------------------------------------------------------------------------------
 */

static bool is_above(const struct settle *settle, uint32_t a, uint32_t b)
{
    return settle_is_above(batch_version(batch_bytes(settle->batch, a)), batch_version(batch_bytes(settle->batch, b)));
}

/* By version; stable. Rows come in order unless the connector has sent some again. */
static enum sluice_code order_rows(struct settle *settle, struct sluice_error *err)
{
    uint32_t *order = settle->order;
    size_t n = settle->n_rows;
    bool sorted = true;
    for (size_t i = 0; i < n; i++) {
        order[i] = (uint32_t)i;
        sorted = sorted && (i == 0 || !is_above(settle, (uint32_t)(i - 1), (uint32_t)i));
    }
    if (sorted)
        return SLUICE_OK;
    uint32_t *scratch = malloc(n * sizeof *scratch);
    if (scratch == NULL)
        return sluice_error_nomem(err, "settling a batch", n * sizeof *scratch);
    for (size_t width = 1; width < n; width *= 2) {
        for (size_t at = 0; at < n; at += 2 * width) {
            size_t middle = n - at < width ? n : at + width;
            size_t end = n - at < 2 * width ? n : at + 2 * width;
            size_t left = at;
            size_t right = middle;
            for (size_t out = at; out < end; out++) {
                bool take_right = right < end && (left == middle || is_above(settle, order[left], order[right]));
                scratch[out] = take_right ? order[right++] : order[left++];
            }
        }
        memcpy(order, scratch, n * sizeof *order);
    }
    free(scratch);
    return SLUICE_OK;
}

static void count_transactions(struct settle *settle)
{
    uint32_t n = 0;
    for (size_t i = 0; i < settle->n_rows; i++) {
        if (i > 0 && (settle->batch->marks[i] & ROW_BEGINS) != 0)
            n++;
        settle->transaction[i] = n;
    }
    /* The last one, and one that the connector breaks off to send earlier ones again. */
    for (size_t i = settle->n_rows; i-- > 0;) {
        const bool is_end = i + 1 == settle->n_rows || settle->transaction[i] != settle->transaction[i + 1];
        settle->goes_on[i] = is_end ? i + 1 == settle->n_rows || is_above(settle, (uint32_t)i, (uint32_t)(i + 1))
                                    : settle->goes_on[i + 1];
    }
}

/* --- keys ----------------------------------------------------------------------------------------------------------
 */

static uint64_t hash_key(const struct settle *settle, struct sluice_str key)
{
    uint64_t hash = sluice_str_hash(key) ^ settle->seed;
    hash *= UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

static enum sluice_code find_state(struct settle *settle, struct sluice_str key, uint32_t *out,
                                   struct sluice_error *err)
{
    size_t slot = hash_key(settle, key) & (settle->n_slots - 1);
    for (; settle->slots[slot] != SETTLE_NONE; slot = (slot + 1) & (settle->n_slots - 1)) {
        if (sluice_str_equal(settle->states[settle->slots[slot]].key, key)) {
            *out = settle->slots[slot];
            return SLUICE_OK;
        }
    }
    void *states = settle->states;
    enum sluice_code code =
        settle_grow(&states, settle->n_states, &settle->states_allocated, sizeof *settle->states, err);
    settle->states = states;
    if (code != SLUICE_OK)
        return code;
    char *copy = sluice_arena_copy(&settle->keys, key, err);
    if (copy == NULL)
        return err->code;
    settle->states[settle->n_states] = (struct key_state){.key = {copy, key.len},
                                                          .ask = SETTLE_NONE,
                                                          .last_row = SETTLE_NONE,
                                                          .created_in = SETTLE_NONE,
                                                          .first_held = SETTLE_NONE,
                                                          .first_life = SETTLE_NONE};
    *out = settle->slots[slot] = (uint32_t)settle->n_states++;
    return SLUICE_OK;
}

static enum sluice_code key_of(const struct settle *settle, struct sluice_str row, struct sluice_buf *key,
                               struct sluice_error *err)
{
    const struct sluice_plan *plan = settle->plan;
    const unsigned char *at = (const unsigned char *)row.ptr;
    const unsigned char *end = at + row.len;
    enum sluice_code code = SLUICE_OK;
    sluice_buf_clear(key);
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++) {
        const unsigned char *next = layout_skip_column(&plan->columns[i], at, end);
        if (next == NULL)
            SLUICE_BUG("a row does not end where its columns do");
        if (plan->columns[i].is_key)
            code = sluice_buf_append(key, at, (size_t)(next - at), err);
        at = next;
    }
    return code;
}

/* --- what has to be asked ------------------------------------------------------------------------------------------
 */

static enum sluice_code ask(struct settle *settle, uint32_t state_index, struct sluice_version bound,
                            struct sluice_error *err)
{
    struct key_state *state = &settle->states[state_index];
    bound = settle->plan->is_log ? settle_with_pending(bound, PENDING_MAX) : highest;
    if (state->ask != SETTLE_NONE) {
        if (settle_is_above(state->bound, bound))
            state->bound = bound;
        return SLUICE_OK;
    }
    void *asks = settle->asks;
    enum sluice_code code = settle_grow(&asks, settle->n_asks, &settle->asks_allocated, sizeof *settle->asks, err);
    settle->asks = asks;
    if (code != SLUICE_OK)
        return code;
    state->ask = (uint32_t)settle->n_asks;
    state->bound = bound;
    settle->asks[settle->n_asks++] = state_index;
    return SLUICE_OK;
}

static enum sluice_code look_at_tie(struct settle *settle, uint32_t row, const struct batch_tie *tie, uint8_t marks,
                                    struct sluice_version version, struct sluice_error *err)
{
    struct key_state *state = &settle->states[settle->state_of[row]];
    for (size_t i = 0; i < tie->n_holes; i++)
        settle->wanted[settle_hole(settle, tie, i)] = true;
    /* Where the connector has sent older rows again, the one before may be in the target. */
    const bool has_row_before = state->last_row != SETTLE_NONE && state->last_row < row;
    if ((marks & ROW_MOVED_HERE) == 0)
        return has_row_before ? SLUICE_OK : ask(settle, settle->state_of[row], version, err);
    uint32_t old = 0;
    const struct sluice_str key = {settle->batch->old_keys.ptr + tie->old_key_at, tie->old_key_len};
    enum sluice_code code = find_state(settle, key, &old, err);
    if (code != SLUICE_OK)
        return code;
    settle->old_state[tie - settle->batch->ties] = old;
    settle->moved[settle->n_moved++] = (uint32_t)(tie - settle->batch->ties);
    return ask(settle, settle->state_of[row], version, err);
}

/* A create and a delete of one key in one transaction: did the key live before? Between batches those rows matter that
 * come after one that may have replaced a living row. */
static bool counts(const struct settle *settle, const struct key_state *state, uint32_t row, uint8_t marks)
{
    const struct sluice_batch *batch = settle->batch;
    uint32_t transaction = settle->transaction[row];
    if (settle->plan->is_log)
        return false;
    return ((marks & ROW_DELETED) != 0 && state->created_in == transaction) ||
           (batch->is_continued && transaction == 0);
}

/* May the row have replaced a living one, of which a later batch hears? */
static bool may_replace(const struct settle *settle, uint32_t row, uint8_t marks)
{
    return settle->goes_on[row] && !settle->plan->is_log && (marks & ROW_CREATED) != 0 &&
           ((marks & ROW_MOVED_HERE) != 0 || settle->plan->identity == SLUICE_IDENTITY_FULL);
}

static void want_all(struct settle *settle)
{
    for (size_t i = 0; i < settle->plan->n_columns; i++)
        settle->wanted[i] = !settle->plan->columns[i].is_excluded;
    settle->wants_all = true;
}

static enum sluice_code look_at_row(struct settle *settle, size_t i, struct sluice_buf *key, struct sluice_error *err)
{
    const uint32_t row = settle->order[i];
    const struct batch_tie *half = NULL;
    const struct sluice_str bytes = batch_bytes(settle->batch, row);
    const struct sluice_version version = batch_version(bytes);
    const uint8_t marks = settle->batch->marks[row];
    const struct batch_tie *tie = settle_tie(settle, row);
    enum sluice_code code = key_of(settle, bytes, key, err);
    if (code == SLUICE_OK)
        code = find_state(settle, sluice_buf_str(key), &settle->state_of[row], err);
    if (code == SLUICE_OK && tie != NULL)
        code = look_at_tie(settle, row, tie, marks, version, err);
    if (code != SLUICE_OK)
        return code;
    struct key_state *state = &settle->states[settle->state_of[row]];
    const bool counted = counts(settle, state, row, marks) || may_replace(settle, row, marks);
    /* The connector has sent the row before it again: what was between the two is in the target. */
    const bool is_apart = !settle->plan->is_log && state->last_row != SETTLE_NONE && state->last_row > row;
    bool is_lacked = settle_is_lacked(settle, i, &half);
    if (counted || is_apart)
        want_all(settle);
    settle->is_needed = settle->is_needed || tie != NULL || counted || settle->has_places || is_lacked;
    if (settle->has_places || is_lacked || counted || is_apart)
        code = ask(settle, settle->state_of[row], version, err);
    if (state->last_row == SETTLE_NONE ||
        settle_is_above(version, batch_version(batch_bytes(settle->batch, state->last_row))))
        state->last_row = row;
    if ((marks & ROW_CREATED) != 0)
        state->created_in = settle->transaction[row];
    return code;
}

static enum sluice_code look_at_rows(struct settle *settle, struct sluice_error *err)
{
    const struct sluice_plan *plan = settle->plan;
    SLUICE_AUTO(sluice_buf) struct sluice_buf key;
    sluice_buf_init(&key, KEYS_MAX_BYTES, "a key");
    for (size_t i = 0; i < plan->n_columns; i++) {
        const struct plan_column *column = &plan->columns[i];
        settle->wanted[i] = column->is_key || column->key_position != PLAN_NO_KEY ||
                            (settle->batch->keeps_values && batch_keeps(column));
    }
    enum sluice_code code = order_rows(settle, err);
    count_transactions(settle);
    for (size_t i = 0; i < settle->n_rows && code == SLUICE_OK; i++)
        code = look_at_row(settle, i, &key, err);
    return code;
}

/* --- life ----------------------------------------------------------------------------------------------------------
 */

static enum sluice_code allocate(struct settle *settle, struct sluice_error *err)
{
    const size_t n = settle->n_rows;
    for (settle->n_slots = 64; settle->n_slots < 4 * (n + settle->batch->n_ties); settle->n_slots *= 2)
        ;
    settle->order = malloc(n * sizeof *settle->order);
    settle->transaction = malloc(n * sizeof *settle->transaction);
    settle->goes_on = malloc(n * sizeof *settle->goes_on);
    settle->state_of = malloc(n * sizeof *settle->state_of);
    settle->old_state = malloc((settle->batch->n_ties + 1) * sizeof *settle->old_state);
    settle->first_aside = malloc((settle->batch->n_ties + 1) * sizeof *settle->first_aside);
    settle->moved = malloc((settle->batch->n_ties + 1) * sizeof *settle->moved);
    settle->wanted = calloc(settle->plan->n_columns, sizeof *settle->wanted);
    settle->column_at = malloc(settle->plan->n_columns * sizeof *settle->column_at);
    settle->slots = malloc(settle->n_slots * sizeof *settle->slots);
    if (settle->order == NULL || settle->transaction == NULL || settle->state_of == NULL || settle->old_state == NULL ||
        settle->wanted == NULL || settle->slots == NULL || settle->first_aside == NULL || settle->moved == NULL ||
        settle->column_at == NULL || settle->goes_on == NULL)
        return sluice_error_nomem(err, "settling a batch", n * sizeof *settle->order);
    memset(settle->old_state, 0xff, (settle->batch->n_ties + 1) * sizeof *settle->old_state);
    memset(settle->first_aside, 0xff, (settle->batch->n_ties + 1) * sizeof *settle->first_aside);
    memset(settle->slots, 0xff, settle->n_slots * sizeof *settle->slots);
    for (uint32_t i = 0; i < settle->plan->n_columns; i++) {
        if (!settle->plan->columns[i].is_excluded)
            settle->column_at[settle->plan->columns[i].place] = i;
    }
    return SLUICE_OK;
}

enum sluice_code settle_new(const struct sluice_batch *batch, const char *source, struct settle **out,
                            struct sluice_error *err)
{
    *out = NULL;
    if (!sluice_batch_is_tied(batch) || batch->n_rows == 0)
        return SLUICE_OK;
    struct settle *settle = calloc(1, sizeof *settle);
    if (settle == NULL)
        return sluice_error_nomem(err, "settling a batch", sizeof *settle);
    settle->batch = batch;
    settle->plan = batch->plan;
    settle->source = source;
    settle->n_rows = batch->n_rows;
    settle->seed = sluice_random_u64();
    settle->has_places = batch->plan->n_extra_sort > 0;
    sluice_arena_init(&settle->keys, KEYS_MAX_BYTES, "keys of a batch");
    sluice_buf_init(&settle->held_bytes, held_max_bytes, "earlier rows");
    sluice_buf_init(&settle->put_aside, held_max_bytes, "values to put aside");
    enum sluice_code code = allocate(settle, err);
    if (code == SLUICE_OK)
        code = look_at_rows(settle, err);
    if (code != SLUICE_OK) {
        settle_free(settle);
        return code;
    }
    if (settle->is_needed)
        *out = settle;
    else
        settle_free(settle);
    return SLUICE_OK;
}

void settle_free(struct settle *settle)
{
    if (settle == NULL)
        return;
    free(settle->order);
    free(settle->transaction);
    free(settle->goes_on);
    free(settle->state_of);
    free(settle->old_state);
    free(settle->first_aside);
    free(settle->moved);
    free(settle->asides);
    free(settle->wanted);
    free(settle->column_at);
    free(settle->states);
    free(settle->slots);
    free(settle->asks);
    free(settle->held);
    free(settle->lives);
    sluice_arena_deinit(&settle->keys);
    sluice_buf_deinit(&settle->held_bytes);
    sluice_buf_deinit(&settle->put_aside);
    free(settle);
}

size_t settle_n_asks(const struct settle *settle)
{
    return settle->n_asks;
}

struct settle_ask settle_ask(const struct settle *settle, size_t i)
{
    const struct key_state *state = &settle->states[settle->asks[i]];
    return (struct settle_ask){state->key, state->bound};
}

bool settle_wants(const struct settle *settle, size_t column)
{
    return settle->wanted[column];
}

/* --- answers -------------------------------------------------------------------------------------------------------
 */

enum sluice_code settle_not_understood(const struct settle *settle, const char *what, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_SERVER, SLUICE_STOP_PARTITION,
                            "look up %s \"%s.%s\": the server's answer is not understood; was the table "
                            "changed meanwhile?",
                            what, settle->plan->database, settle->plan->table);
}

static enum sluice_code not_understood(const struct settle *settle, struct sluice_error *err)
{
    return settle_not_understood(settle, "earlier rows in", err);
}

/* Metadata, version and deleted mark. */
static const unsigned char *skip_tail(const struct sluice_plan *plan, const unsigned char *at, const unsigned char *end)
{
    for (size_t i = 0; i < plan->n_metadata && at != NULL; i++)
        at = layout_skip(&plan->metadata[i].type, at, end);
    if (at == NULL || (size_t)(end - at) < PLAN_VERSION_BYTES + PLAN_DELETED_BYTES)
        return NULL;
    return at + PLAN_VERSION_BYTES + PLAN_DELETED_BYTES;
}

static enum sluice_code append_nothing(struct settle *settle, const struct plan_column *column,
                                       struct sluice_error *err)
{
    struct sluice_buf *bytes = &settle->held_bytes;
    enum sluice_code code = sluice_buf_reserve(bytes, column->convert.room + 16, err);
    if (code != SLUICE_OK)
        return code;
    unsigned char *at = (unsigned char *)bytes->ptr + bytes->len;
    bytes->len += (size_t)(row_put_nothing(column, at) - at);
    return SLUICE_OK;
}

/* Appends the row at *at to held_bytes, in the layout of the plan. */
static enum sluice_code take_row(struct settle *settle, const unsigned char **at, const unsigned char *end,
                                 struct sluice_error *err)
{
    const struct sluice_plan *plan = settle->plan;
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++) {
        if (!settle->wanted[i]) {
            if (!plan->columns[i].is_excluded)
                code = append_nothing(settle, &plan->columns[i], err);
            continue;
        }
        const unsigned char *next = layout_skip_column(&plan->columns[i], *at, end);
        if (next == NULL)
            return not_understood(settle, err);
        code = sluice_buf_append(&settle->held_bytes, *at, (size_t)(next - *at), err);
        *at = next;
    }
    const unsigned char *next = code == SLUICE_OK ? skip_tail(plan, *at, end) : NULL;
    if (code != SLUICE_OK)
        return code;
    if (next == NULL)
        return not_understood(settle, err);
    code = sluice_buf_append(&settle->held_bytes, *at, (size_t)(next - *at), err);
    *at = next;
    return code;
}

/* Into the list of its key, ascending by version. */
static void link_held(struct settle *settle, struct key_state *state, uint32_t index)
{
    uint32_t *at = &state->first_held;
    while (*at != SETTLE_NONE && !settle_is_above(settle->held[*at].version, settle->held[index].version))
        at = &settle->held[*at].next;
    settle->held[index].next = *at;
    *at = index;
}

static enum sluice_code take_held(struct settle *settle, uint32_t ask_number, size_t start, struct sluice_error *err)
{
    void *held = settle->held;
    enum sluice_code code = settle_grow(&held, settle->n_held, &settle->held_allocated, sizeof *settle->held, err);
    settle->held = held;
    if (code != SLUICE_OK)
        return code;
    const struct sluice_str row = {settle->held_bytes.ptr + start, settle->held_bytes.len - start};
    settle->held[settle->n_held] = (struct held){.at = start,
                                                 .len = row.len,
                                                 .version = batch_version(row),
                                                 .is_deleted = row.ptr[row.len - 1] != 0,
                                                 .next = SETTLE_NONE};
    struct key_state *state = &settle->states[settle->asks[ask_number]];
    if (settle_is_above(settle->held[settle->n_held].version, state->newest))
        state->newest = settle->held[settle->n_held].version;
    link_held(settle, state, (uint32_t)settle->n_held++);
    return SLUICE_OK;
}

enum sluice_code settle_answer(struct settle *settle, struct sluice_str answer, struct sluice_error *err)
{
    const unsigned char *at = (const unsigned char *)answer.ptr;
    const unsigned char *end = at + answer.len;
    enum sluice_code code = SLUICE_OK;
    while (at < end && code == SLUICE_OK) {
        size_t start = settle->held_bytes.len;
        if ((size_t)(end - at) < NUMBER_BYTES)
            return not_understood(settle, err);
        uint32_t number = (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
        if (number >= settle->n_asks)
            return not_understood(settle, err);
        at += NUMBER_BYTES;
        code = take_row(settle, &at, end, err);
        if (code == SLUICE_OK)
            code = take_held(settle, number, start, err);
    }
    return code;
}
