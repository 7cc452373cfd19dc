/* settle_places.c - rows of tables where a key may live under several sorting keys: all but the newest get a deleted
 * row. */
#include "table/layout.h"
#include "table/row.h"
#include "table/settle_walk.h"

bool walk_same_place(const struct walk *walk, struct sluice_str a, struct sluice_str b)
{
    layout_find(walk->plan, a, walk->starts);
    layout_find(walk->plan, b, walk->source_starts);
    for (size_t i = 0; i < walk->plan->n_columns; i++) {
        if (walk->plan->columns[i].key_position != PLAN_NO_KEY &&
            !sluice_str_equal(layout_column(a, walk->starts, i), layout_column(b, walk->source_starts, i)))
            return false;
    }
    return true;
}

static enum sluice_code append_nothing(struct walk *walk, const struct plan_column *column)
{
    enum sluice_code code = sluice_buf_reserve(&walk->row, column->convert.room + 16, walk->err);
    if (code != SLUICE_OK || column->is_excluded)
        return code;
    unsigned char *at = (unsigned char *)walk->row.ptr + walk->row.len;
    walk->row.len += (size_t)(row_put_nothing(column, at) - at);
    return SLUICE_OK;
}

/* A deleted row in the place of `image`, with the version and the metadata of the row that ends it. */
static enum sluice_code put_end(struct walk *walk, struct image image, struct sluice_str mover)
{
    const struct sluice_plan *plan = walk->plan;
    enum sluice_code code = SLUICE_OK;
    layout_find(plan, mover, walk->starts);
    const struct sluice_str tail = walk_tail(mover, walk->starts, plan->n_columns);
    const struct sluice_str source = walk_bytes(walk, image);
    layout_find(plan, source, walk->source_starts);
    sluice_buf_clear(&walk->row);
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++) {
        const struct plan_column *column = &plan->columns[i];
        if (column->is_key || column->key_position != PLAN_NO_KEY)
            code = sluice_buf_append_str(&walk->row, layout_column(source, walk->source_starts, i), walk->err);
        else
            code = append_nothing(walk, column);
    }
    if (code == SLUICE_OK)
        code = sluice_buf_append_str(&walk->row, tail, walk->err);
    if (code != SLUICE_OK)
        return code;
    walk_set_tail(&walk->row, batch_version(mover), true);
    walk->counts->n_moved++;
    return walk_put(walk);
}

/* `mover` may lie in the new batch, whose bytes move: so it is copied. */
enum sluice_code walk_end_lives(struct walk *walk, struct key_state *state, struct image mover,
                                struct sluice_str mover_bytes)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf copy;
    sluice_buf_init(&copy, WALK_ROW_MAX_BYTES, "a row");
    enum sluice_code code = SLUICE_OK;
    if (state->first_life != SETTLE_NONE)
        code = sluice_buf_append_str(&copy, mover_bytes, walk->err);
    uint32_t *at = &state->first_life;
    while (*at != SETTLE_NONE && code == SLUICE_OK) {
        struct life *life = &walk->settle->lives[*at];
        bool same = mover.is_known && walk_same_place(walk, walk_bytes(walk, life->image), sluice_buf_str(&copy));
        *at = life->next; /* lives on in `mover`, or ends */
        if (!same)
            code = put_end(walk, life->image, sluice_buf_str(&copy));
    }
    return code;
}

enum sluice_code walk_begin_life(struct walk *walk, struct key_state *state, struct image image)
{
    struct settle *settle = walk->settle;
    void *lives = settle->lives;
    enum sluice_code code =
        settle_grow(&lives, settle->n_lives, &settle->lives_allocated, sizeof *settle->lives, walk->err);
    settle->lives = lives;
    if (code != SLUICE_OK)
        return code;
    settle->lives[settle->n_lives] = (struct life){image, state->first_life};
    state->first_life = (uint32_t)settle->n_lives++;
    return SLUICE_OK;
}

void walk_forget_place(struct walk *walk, struct key_state *state, struct image image)
{
    for (uint32_t *at = &state->first_life; *at != SETTLE_NONE;) {
        struct life *life = &walk->settle->lives[*at];
        if (walk_same_place(walk, walk_bytes(walk, life->image), walk_bytes(walk, image)))
            *at = life->next;
        else
            at = &life->next;
    }
}
