/* settle_sharing.c - rows that have one key for a while: within a transaction, where the key is deferred. */
#include "sluice/rules.h"
#include "table/layout.h"
#include "table/settle_walk.h"

/* Does the row of version `a`, of the target or of the batch, belong to the transaction of the row? What a connector
 * sends again may lie behind other transactions, so the order of rows does not tell. Before the first COMMIT that the
 * connector sees, the commit position of each change is its own, or the snapshot's where that is higher. */
static bool same_commit(struct sluice_version a, const struct looked_at *x)
{
    const uint64_t change_mask = (UINT64_C(1) << 56) - 1;
    const uint64_t commit_a = a.high << 8 | a.low >> 56;
    const uint64_t commit_x = x->version.high << 8 | x->version.low >> 56;
    return commit_a == commit_x ||
           ((x->marks & ROW_UNCOMMITTED) != 0 && commit_a >= (a.low & change_mask & ~UINT64_C(7)));
}

bool walk_is_again(const struct looked_at *x, struct image image)
{
    return image.is_known && settle_same_event(image.version, x->version);
}

/* Where it may live in several places it is not `last` if it lives: what ended elsewhere has the same version. */
struct image walk_row_before(const struct walk *walk, const struct looked_at *x)
{
    const struct key_state *state = x->state;
    if (state->first_life == SETTLE_NONE)
        return state->last;
    const struct image life = walk->settle->lives[state->first_life].image;
    return walk_is_again(x, state->last) && !walk_is_again(x, life) ? state->last : life;
}

unsigned walk_pending_before(const struct walk *walk, const struct looked_at *x)
{
    const struct image last = walk_row_before(walk, x);
    if (!last.is_known || !same_commit(last.version, x))
        return 0;
    return (unsigned)(last.version.low >> PENDING_SHIFT) & PENDING_MAX;
}

/* Do the rows hold the same, apart from the key that both have? */
static bool same_values(const struct walk *walk, struct sluice_str before, struct image image)
{
    const struct sluice_plan *plan = walk->plan;
    const struct sluice_str bytes = walk_bytes(walk, image);
    layout_find(plan, before, walk->starts);
    layout_find(plan, bytes, walk->source_starts);
    for (size_t i = 0; i < plan->n_columns; i++) {
        const struct plan_column *column = &plan->columns[i];
        /* The server writes a JSON text anew. */
        const bool is_rewritten = image.is_held && column->convert.type.kind == SLUICE_TYPE_JSON;
        if (!column->is_key && !is_rewritten &&
            !sluice_str_equal(layout_column(before, walk->starts, i), layout_column(bytes, walk->source_starts, i)))
            return false;
    }
    return true;
}

bool walk_is_full(const struct walk *walk)
{
    return walk->plan->identity == SLUICE_IDENTITY_FULL;
}

bool walk_has_values(const struct walk *walk, struct image image)
{
    return image.is_known && (!image.is_held || walk->settle->wants_all);
}

/* In a shared target the row may live there for another topic, which deletes it; only a key change tells that it is of
 * this one. */
unsigned walk_pending_after_create(const struct walk *walk, const struct looked_at *x)
{
    const struct image last = walk_row_before(walk, x);
    const bool is_shared = walk->settle->source[0] == '\0';
    if (!last.is_known || last.is_deleted || (is_shared && last.is_held && (x->marks & ROW_MOVED_HERE) == 0))
        return 0;
    const unsigned n_pending = walk_pending_before(walk, x);
    if (!walk_is_full(walk))
        return n_pending + 1;
    if (n_pending > 0)
        return PENDING_MAX + 1;
    return walk_has_values(walk, last) && same_values(walk, x->bytes, last) ? PENDING_EQUAL : PENDING_OTHER;
}

/* Only among rows of one transaction it is the question. */
enum meant walk_meant(const struct walk *walk, const struct looked_at *x, struct image last)
{
    struct sluice_str before;
    if (!walk_has_values(walk, last) || last.is_deleted || !same_commit(last.version, x) || walk_is_again(x, last) ||
        !settle_find_before(walk->settle, x->row, &before))
        return MEANT_UNTOLD;
    return same_values(walk, before, last) ? MEANT_LAST : MEANT_OLDER;
}

enum sluice_code walk_too_many(const struct walk *walk)
{
    return sluice_error_set(
        walk->err, SLUICE_E_KEY, SLUICE_STOP_PARTITION,
        "table \"%s.%s\": one transaction replaces more than %d rows of one key before it deletes one "
        "of them, which can't be followed; repeat the table's snapshot behind this transaction",
        walk->plan->source_schema, walk->plan->source_table, walk_is_full(walk) ? 1 : PENDING_MAX);
}

enum sluice_code walk_not_followed(const struct walk *walk, const char *what)
{
    return sluice_error_set(walk->err, SLUICE_E_KEY, SLUICE_STOP_PARTITION,
                            "table \"%s.%s\": one transaction gives several rows the same key and %s, which can't be "
                            "followed; repeat the table's snapshot behind this transaction",
                            walk->plan->source_schema, walk->plan->source_table, what);
}
