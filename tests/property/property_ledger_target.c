/* property_ledger_target.c - the tables: physical rows and registered tokens; see property_ledger_world.h. */
#include "property_ledger_world.h"

#include <inttypes.h>
#include <stdlib.h>

size_t target_token(struct world *w, const struct sluice_ledger_row *row)
{
    for (size_t i = 0; i < w->n_tokens; i++) {
        const struct token *t = &w->tokens[i];
        if (t->lo == row->next && t->hi == row->hi && t->attempt == row->attempt && t->resets == row->resets)
            return i;
    }
    if (w->n_tokens == MAX_TOKENS)
        abort();
    w->tokens[w->n_tokens] =
        (struct token){.lo = row->next, .hi = row->hi, .attempt = row->attempt, .resets = row->resets};
    return w->n_tokens++;
}

/* Properties of an insert that leaves an owner. */
void target_check_send(struct world *w, const struct owner *o)
{
    struct incarnation *now = &w->incarnations[o->machine.row.resets - 1];
    now->is_used = true;
    if (now->made != o->made)
        world_broken(w, "rows of two topics under the same resets");
    if (now->reset_id == 0)
        return;
    if (now->reset_id == w->offset.id)
        world_broken(w, "an insert before the commit that honours the reset");
    for (size_t i = 0; i < w->n_resets; i++) {
        const struct incarnation *other = &w->incarnations[i];
        if (other != now && other->is_used && other->reset_id == now->reset_id)
            world_broken(w, "a reset was honoured twice");
    }
}

static void store(struct world *w, const struct request *r, uint64_t resets, offsets_t rows)
{
    struct incarnation *now = &w->incarnations[resets - 1];
    if ((now->stored[r->table] & rows) != 0)
        world_broken(w, "a row is stored twice");
    now->stored[r->table] |= rows;
    if (r->made == w->topic.made)
        w->present[r->table] |= rows;
    if (r->owner < 0)
        w->seen[SEEN_LATE_INSERT]++;
}

/* Under the lock of the table's parts: the token is registered and the rows are put in place, or not. */
static bool commit_part(struct world *w, const struct request *r, offsets_t rows)
{
    struct token *token = &w->tokens[r->token];
    bool *registered = &token->registered[r->table][r->part];
    if (rows == 0)
        return true;
    if (*registered) {
        bool is_stored = (rows & ~w->incarnations[token->resets - 1].stored[r->table]) == 0;
        w->seen[r->owner < 0 ? SEEN_LATE_REFUSED : SEEN_EMPTY_200] += r->owner < 0 || !is_stored;
        TELL(w, "  table %u part %u: the token is used, nothing is stored", r->table, r->part);
        return true;
    }
    if (world_fault(w, FAULT_INSERT, 1) > 0) {
        TELL(w, "  table %u part %u: refused", r->table, r->part);
        return false;
    }
    *registered = true;
    if (world_fault(w, FAULT_TRAP, 1) > 0) {
        w->seen[SEEN_TRAP]++;
        TELL(w, "  table %u part %u: the token is registered, the rows are not stored", r->table, r->part);
        return false;
    }
    TELL(w, "  table %u part %u: rows %#" PRIx32 " are stored", r->table, r->part, rows);
    store(w, r, token->resets, rows);
    return true;
}

static void answer(struct world *w, const struct request *r, enum sending outcome)
{
    if (r->owner < 0)
        return;
    struct owner *o = &w->owners[r->owner];
    if (world_fault(w, FAULT_INSERT, 1) > 0) {
        TELL(w, "  table %u: the answer to owner %d is lost", r->table, r->owner);
        outcome = SENDING_FAILED;
    }
    o->sending[r->table] = outcome;
    o->is_stored[r->table] = outcome == SENDING_ACKED && !w->trusts_nobody && !o->machine.token_was_sent;
}

bool target_step(struct world *w, size_t request)
{
    struct request *r = &w->requests[request];
    offsets_t second = w->topic.second_part;
    if (r->part == 0 && (r->rows & w->refused) != 0) { /* the block is looked at before its token */
        TELL(w, "  table %u: rows %#" PRIx32 " are refused", r->table, r->rows & w->refused);
        answer(w, r, SENDING_BAD);
        *r = w->requests[--w->n_requests];
        return true;
    }
    bool goes_on = commit_part(w, r, r->part == 0 ? r->rows & ~second : r->rows & second);
    if (goes_on && ++r->part < N_PARTS)
        return false;
    answer(w, r, goes_on ? SENDING_ACKED : SENDING_FAILED);
    *r = w->requests[--w->n_requests];
    return true;
}

/* Everything below `next` that the topic still has is in every table. */
void target_check_durable(struct world *w, uint64_t resets, int64_t next)
{
    const struct incarnation *now = &w->incarnations[resets - 1];
    if (now->made != w->topic.made)
        return;
    offsets_t below = offsets_between(now->start, next) & w->topic.records & ~w->lettered;
    for (unsigned table = 0; table < w->n_tables; table++)
        if ((below & w->topic.rows[table] & ~w->present[table]) != 0)
            world_broken(w, "a row is missing that counts as stored");
}
