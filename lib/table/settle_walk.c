/* settle_walk.c - what follows from the rows that are known: one pass over the rows in the order of their versions.
 *
 * For each key the walk knows the row as it is at that point, be it of the target or of the batch. Rows of the target
 * join in where their version stands; they are not put out again. */
#include "table/settle_walk.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "sluice/rules.h"
#include "table/layout.h"
#include "table/row.h"

enum { OUT_MAX = INT32_MAX };

/* --- rows of the target ----------------------------------------------------------------------------------------------
 */

static enum sluice_code join(struct walk *walk, struct key_state *state, uint32_t index)
{
    const struct image image = walk_held(walk, index);
    state->last = image;
    state->replaced.is_known = false;
    if (!walk->settle->has_places)
        return SLUICE_OK;
    if (image.is_deleted) {
        walk_forget_place(walk, state, image);
        return SLUICE_OK;
    }
    enum sluice_code code = walk_end_lives(walk, state, image, walk_bytes(walk, image));
    return code != SLUICE_OK ? code : walk_begin_life(walk, state, image);
}

/* Those up to this version. */
static enum sluice_code join_up_to(struct walk *walk, struct key_state *state, struct sluice_version bound)
{
    enum sluice_code code = SLUICE_OK;
    bound = settle_with_pending(bound, PENDING_MAX);
    while (code == SLUICE_OK && state->first_held != SETTLE_NONE &&
           !settle_is_above(walk->settle->held[state->first_held].version, bound)) {
        uint32_t index = state->first_held;
        state->first_held = walk->settle->held[index].next;
        code = join(walk, state, index);
    }
    return code;
}

/* --- one row
 * ----------------------------------------------------------------------------------------------------------- */

static bool is_truncated(const struct walk *walk, const struct looked_at *x)
{
    return settle_is_above(walk->settle->truncated, x->version);
}

static bool waits(const struct walk *walk, const struct looked_at *x)
{
    return (x->marks & ROW_MOVED_HERE) != 0 && !walk->wait_over;
}

static enum sluice_code missing(const struct walk *walk, const struct looked_at *x)
{
    const uint32_t column = settle_hole(walk->settle, x->tie, 0);
    const struct sluice_plan *plan = walk->plan;
    if (waits(walk, x))
        return sluice_error_set(walk->err, SLUICE_E_TOAST, SLUICE_RETRY,
                                "table \"%s.%s\", offset %" PRId64
                                ": the deleted half of a key change, which knows the "
                                "unchanged TOAST values, was not read yet",
                                plan->source_schema, plan->source_table, x->tie->offset);
    return sluice_error_set(
        walk->err, SLUICE_E_TOAST, SLUICE_STOP_PARTITION,
        "table \"%s.%s\", field \"%.*s\", offset %" PRId64 ": the record leaves an unchanged TOAST "
        "value out, and the target has no earlier row with it; set toast_missing: null, which stores "
        "NULL until the value changes, and restart; REPLICA IDENTITY FULL prevents such records",
        plan->source_schema, plan->source_table, SLUICE_STR_ARG(plan->columns[column].name), x->tie->offset);
}

/* The row that lives under the key. Where it may live in several places it is not `last`: what ended elsewhere has the
 * same version. */
static struct image living(const struct walk *walk, const struct key_state *state)
{
    if (state->first_life != SETTLE_NONE)
        return walk->settle->lives[state->first_life].image;
    if (state->last.is_known && !state->last.is_deleted)
        return state->last;
    return (struct image){.is_known = false};
}

/* The row that has the values of a created half: the one that the deleted half has ended in this batch, or the row
 * itself, from an earlier attempt. */
static struct image find_moved(const struct walk *walk, const struct looked_at *x)
{
    const struct settle *settle = walk->settle;
    const struct key_state *old = &settle->states[settle->old_state[x->tie - settle->batch->ties]];
    if (old->moved.is_known && settle_same_event(old->moved_at, settle_below(x->version)))
        return old->moved;
    const struct image own = walk_row_before(walk, x);
    /* What it has ended in another place has its version too. */
    if (walk_is_again(x, own) && (!own.is_deleted || walk_same_place(walk, x->bytes, walk_bytes(walk, own))))
        return own;
    return (struct image){.is_known = false};
}

/* Where the values of the holes are: in a row, or put aside; else not known. */
static struct image find_values(const struct walk *walk, const struct looked_at *x, bool *is_aside)
{
    const bool is_moved = (x->marks & ROW_MOVED_HERE) != 0;
    struct image found = is_moved ? find_moved(walk, x) : living(walk, x->state);
    *is_aside = is_moved && !found.is_known && settle_has_asides(walk->settle, x->tie);
    /* A newer row of the target is as good: ours loses against it. */
    if (!found.is_known && !*is_aside && x->state->first_held != SETTLE_NONE)
        return walk_held(walk, x->state->first_held);
    return found;
}

/* The row with its holes filled, in walk->row. */
static enum sluice_code fill_holes(struct walk *walk, const struct looked_at *x)
{
    const struct sluice_plan *plan = walk->plan;
    enum sluice_code code = SLUICE_OK;
    bool is_aside = false;
    const struct image source = find_values(walk, x, &is_aside);
    const bool is_known = source.is_known || is_aside;
    if (!is_known && !is_truncated(walk, x) && (plan->toast_missing == SLUICE_TOAST_MISSING_STOP || waits(walk, x)))
        return missing(walk, x);
    sluice_buf_clear(&walk->row);
    if (!is_known)
        return sluice_buf_append_str(&walk->row, x->bytes, walk->err);
    const struct sluice_str values = is_aside ? x->bytes : walk_bytes(walk, source);
    size_t n = 0;
    layout_find(plan, x->bytes, walk->starts);
    layout_find(plan, values, walk->source_starts);
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++) {
        bool is_hole = n < x->tie->n_holes && settle_hole(walk->settle, x->tie, n) == i;
        struct sluice_str bytes = layout_column(x->bytes, walk->starts, i);
        if (is_hole)
            bytes = is_aside ? settle_find_aside(walk->settle, x->tie, (uint32_t)i)
                             : layout_column(values, walk->source_starts, i);
        n += is_hole;
        code = sluice_buf_append_str(&walk->row, bytes, walk->err);
    }
    walk->counts->n_filled += n;
    return code != SLUICE_OK
               ? code
               : sluice_buf_append_str(&walk->row, walk_tail(x->bytes, walk->starts, plan->n_columns), walk->err);
}

/* The row in walk->row becomes the one that lives under the key. */
static enum sluice_code put_living(struct walk *walk, struct key_state *state)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf mover;
    sluice_buf_init(&mover, WALK_ROW_MAX_BYTES, "a row");
    enum sluice_code code = SLUICE_OK;
    if (walk->settle->has_places)
        code = sluice_buf_append_str(&mover, sluice_buf_str(&walk->row), walk->err);
    if (code == SLUICE_OK)
        code = walk_put(walk);
    if (code != SLUICE_OK)
        return code;
    state->last = walk_newest(walk);
    if (!walk->settle->has_places)
        return SLUICE_OK;
    const struct image image = state->last;
    code = walk_end_lives(walk, state, image, sluice_buf_str(&mover));
    return code != SLUICE_OK ? code : walk_begin_life(walk, state, image);
}

static enum sluice_code walk_living(struct walk *walk, const struct looked_at *x)
{
    struct key_state *state = x->state;
    const struct image before = walk_row_before(walk, x);
    unsigned n_pending = walk_pending_before(walk, x);
    if ((x->marks & ROW_CREATED) != 0) {
        const bool is_new = !walk_is_again(x, before) && !walk->plan->is_log;
        if (is_new)
            n_pending = walk_pending_after_create(walk, x);
        state->replaced = is_new && n_pending > 0 ? before : (struct image){.is_known = false};
    }
    if (n_pending > PENDING_MAX)
        return walk_too_many(walk);
    if (walk_is_full(walk) && n_pending > 0 && (x->marks & ROW_CREATED) == 0 && !walk_is_again(x, before))
        return walk_not_followed(walk, "updates one of them before it deletes one");
    enum sluice_code code = SLUICE_OK;
    if (x->tie != NULL) {
        code = fill_holes(walk, x);
    } else {
        sluice_buf_clear(&walk->row);
        code = sluice_buf_append_str(&walk->row, x->bytes, walk->err);
    }
    if (code != SLUICE_OK)
        return code;
    walk_set_tail(&walk->row, settle_with_pending(x->version, n_pending), false);
    return put_living(walk, state);
}

/* The deleted row means an older row of its key: the one that took its place lives on, stored again. */
static enum sluice_code live_on(struct walk *walk, const struct looked_at *x, unsigned n_pending)
{
    struct key_state *state = x->state;
    const struct image last = walk_row_before(walk, x);
    if (last.is_held && !walk->settle->wants_all)
        return walk_too_many(walk);
    sluice_buf_clear(&walk->row);
    enum sluice_code code = sluice_buf_append_str(&walk->row, walk_bytes(walk, last), walk->err);
    if (code != SLUICE_OK)
        return code;
    walk_set_tail(&walk->row, settle_with_pending(x->version, n_pending), false);
    code = walk_put(walk);
    if (code != SLUICE_OK)
        return code;
    walk->counts->n_shifted++;
    state->last = walk_newest(walk);
    if (state->first_life != SETTLE_NONE) /* it took the place of every other */
        walk->settle->lives[state->first_life].image = state->last;
    return SLUICE_OK;
}

/* The values of the row that a key change ends, for its other half. Not when the target holds this event or a later one
 * of its key: then an earlier attempt has put them aside, and the row that is known need not be the one that was ended.
 */
static enum sluice_code move_away(struct walk *walk, const struct looked_at *x)
{
    const struct batch_tie *half = NULL;
    const struct image image = living(walk, x->state);
    const struct sluice_version event = settle_with_pending(x->version, 0);
    if (!image.is_known || !settle_is_lacked(walk->settle, x->at, &half) ||
        !settle_is_above(event, settle_with_pending(x->state->newest, 0)))
        return SLUICE_OK;
    x->state->moved = image;
    x->state->moved_at = x->version;
    return settle_put_aside(walk->settle, x->state->key, x->version, half, walk_bytes(walk, image), walk->source_starts,
                            walk->err);
}

static enum sluice_code end_places(struct walk *walk, const struct looked_at *x)
{
    const size_t n_before = walk->out->n_rows;
    enum sluice_code code = walk_end_lives(walk, x->state, (struct image){.is_known = false}, x->bytes);
    if (code != SLUICE_OK)
        return code;
    if (walk->out->n_rows > n_before)
        x->state->last = walk_newest(walk);
    else if (!x->state->last.is_deleted)
        x->state->last.is_known = false;
    return SLUICE_OK;
}

/* The deleted row means the row that was created last, so the one that it had replaced lives. */
static enum sluice_code live_again(struct walk *walk, const struct looked_at *x)
{
    const struct image replaced = x->state->replaced;
    if (!walk_has_values(walk, replaced))
        return walk_not_followed(walk, "deletes the newest of them in a later batch");
    sluice_buf_clear(&walk->row);
    enum sluice_code code = sluice_buf_append_str(&walk->row, walk_bytes(walk, replaced), walk->err);
    if (code != SLUICE_OK)
        return code;
    walk_set_tail(&walk->row, settle_with_pending(x->version, 0), false);
    walk->counts->n_shifted++;
    return put_living(walk, x->state);
}

/* Of several rows of a key in one transaction. Of equal ones either may go. */
static enum sluice_code delete_one(struct walk *walk, const struct looked_at *x, struct image last, unsigned n_pending)
{
    if (!walk_is_full(walk))
        return live_on(walk, x, n_pending - 1);
    if (n_pending != PENDING_EQUAL && walk_meant(walk, x, last) == MEANT_LAST)
        return live_again(walk, x);
    return live_on(walk, x, 0);
}

/* May its transaction have replaced a row that lived without that it was counted? An earlier batch may not have known
 * that it was there, and in a shared target it may have been another table's. */
static bool is_uncounted(const struct walk *walk, const struct looked_at *x)
{
    const struct settle *settle = walk->settle;
    return (settle->batch->is_continued && settle->transaction[x->row] == 0) || settle->source[0] == '\0';
}

static enum sluice_code walk_deleted(struct walk *walk, const struct looked_at *x)
{
    struct key_state *state = x->state;
    unsigned n_pending = walk_pending_before(walk, x);
    const struct image last = walk_row_before(walk, x);
    if (walk_is_again(x, last) && !last.is_deleted)
        return last.is_held ? SLUICE_OK : live_on(walk, x, n_pending);
    if (!walk_is_again(x, last) && n_pending > 0 && !last.is_deleted)
        return delete_one(walk, x, last, n_pending);
    if (is_uncounted(walk, x) && walk_meant(walk, x, last) == MEANT_OLDER)
        return live_on(walk, x, 0);
    enum sluice_code code = move_away(walk, x);
    if (code != SLUICE_OK)
        return code;
    if (walk->settle->has_places)
        return end_places(walk, x);
    sluice_buf_clear(&walk->row);
    code = sluice_buf_append_str(&walk->row, x->bytes, walk->err);
    if (code == SLUICE_OK)
        code = walk_put(walk);
    if (code != SLUICE_OK)
        return code;
    state->last = walk_newest(walk);
    return SLUICE_OK;
}

static enum sluice_code walk_row(struct walk *walk, size_t at)
{
    struct settle *settle = walk->settle;
    const uint32_t row = settle->order[at];
    const struct sluice_str bytes = batch_bytes(settle->batch, row);
    const struct looked_at x = {.at = at,
                                .row = row,
                                .bytes = bytes,
                                .version = batch_version(bytes),
                                .marks = settle->batch->marks[row],
                                .tie = settle_tie(settle, row),
                                .state = &settle->states[settle->state_of[row]]};
    enum sluice_code code = join_up_to(walk, x.state, x.version);
    if (code != SLUICE_OK)
        return code;
    return (x.marks & ROW_DELETED) != 0 ? walk_deleted(walk, &x) : walk_living(walk, &x);
}

static enum sluice_code join_rest(struct walk *walk)
{
    const struct sluice_version end = {UINT64_MAX, UINT64_MAX};
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < walk->settle->n_states && code == SLUICE_OK; i++)
        code = join_up_to(walk, &walk->settle->states[i], end);
    return code;
}

enum sluice_code settle_finish(struct settle *settle, bool wait_over, struct sluice_batch **out,
                               struct settle_counts *counts, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_batch) struct sluice_batch *made = NULL;
    const size_t n_starts = settle->plan->n_columns + 1;
    *counts = (struct settle_counts){0};
    enum sluice_code code = sluice_batch_new(settle->batch->plan, OUT_MAX, OUT_MAX, &made, err);
    if (code != SLUICE_OK)
        return code;
    struct walk walk = {.settle = settle,
                        .plan = settle->plan,
                        .out = made,
                        .counts = counts,
                        .starts = malloc(n_starts * sizeof *walk.starts),
                        .source_starts = malloc(n_starts * sizeof *walk.source_starts),
                        .wait_over = wait_over,
                        .err = err};
    sluice_buf_init(&walk.row, WALK_ROW_MAX_BYTES, "a row");
    if (walk.starts == NULL || walk.source_starts == NULL)
        code = sluice_error_nomem(err, "settling a batch", n_starts * sizeof *walk.starts);
    for (size_t i = 0; i < settle->n_rows && code == SLUICE_OK; i++)
        code = walk_row(&walk, i);
    if (code == SLUICE_OK && settle->has_places)
        code = join_rest(&walk);
    free(walk.starts);
    free(walk.source_starts);
    sluice_buf_deinit(&walk.row);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(made);
    return code;
}
