/* property_ledger_schedule.c - one whole schedule, and the properties of its end; see property_ledger_world.h. */
#include "property_ledger_world.h"

enum { MAX_STEPS = 160, CALM_STEPS = 600 };

static void another_turn(struct world *w)
{
    int alive[N_OWNERS];
    unsigned n = 0;
    for (int i = 0; i < N_OWNERS; i++)
        if (w->owners[i].is_alive)
            alive[n++] = i;
    if (n > 0)
        owner_step(w, alive[world_choose(w, n)]);
}

/* The owner whose turn it is; another one, which may be a zombie; what is on its way; or an event. */
static void step(struct world *w)
{
    unsigned kind = world_choose(w, 24);
    if (kind >= 22)
        event_happen(w);
    else if (kind >= 20)
        world_step_late(w);
    else if (kind >= (w->is_restless ? 8 : 16))
        another_turn(w);
    else if (w->member >= 0)
        owner_step(w, w->member);
    else
        event_assign(w, (int)world_choose(w, N_OWNERS));
}

/* ---- the end ---- */

static void settle(struct world *w)
{
    for (unsigned fault = 0; fault < N_FAULTS; fault++)
        w->faults[fault] = false;
    TELL(w, "faults end");
    while (w->n_requests + w->n_writes + w->n_commits > 0 && world_choose(w, 4) != 3)
        world_step_late(w);
    for (size_t i = 0; i < w->n_requests;)
        if (w->requests[i].owner < 0)
            w->requests[i] = w->requests[--w->n_requests];
        else
            i++;
    world_drop_late(w);
}

static int survivor(struct world *w)
{
    int stays = world_choose(w, 2) == 1 ? w->member : -1;
    for (int i = 0; i < N_OWNERS; i++) {
        w->owners[i].is_asleep = false;
        if (i != stays)
            event_crash(w, i);
    }
    if (stays < 0) {
        stays = 0;
        event_assign(w, stays);
    }
    return stays;
}

static bool is_justified(const struct world *w, enum sluice_ledger_state state)
{
    const bool *had = w->has_happened;
    switch (state) {
    case SLUICE_LEDGER_LOST:
        return had[FAULT_LOST];
    case SLUICE_LEDGER_BEHIND:
        return had[FAULT_LOST] || had[FAULT_RESTORED];
    case SLUICE_LEDGER_OFFSET_LOST:
    case SLUICE_LEDGER_NOT_REBUILDABLE:
        return (had[FAULT_RETENTION] || had[FAULT_ANEW]) && !w->goes_to_earliest;
    case SLUICE_LEDGER_TOPIC_ANEW:
        return had[FAULT_ANEW] && !w->goes_to_earliest;
    default:
        return false;
    }
}

/* True when everything is stored and committed; false when the owner stopped. */
static bool run_calm(struct world *w, int owner)
{
    const struct owner *o = &w->owners[owner];
    for (unsigned n = 0; n < CALM_STEPS && w->violation == NULL; n++) {
        if (owner_is_done(w, owner))
            return true;
        if (o->todo.kind == SLUICE_LEDGER_STOP && o->knows_offset)
            return false;
        owner_step(w, owner);
    }
    world_broken(w, "the end is never reached");
    return true;
}

static void check_end(struct world *w, int owner, bool owner_stays)
{
    const struct sluice_ledger_row *row = &w->owners[owner].machine.row;
    const struct sluice_ledger_commit *c = &w->offset.commit;
    if (row->next < 0)
        return; /* there was nothing to read */
    target_check_durable(w, row->resets, w->topic.end);
    if (w->offset.by_operator)
        world_broken(w, "the operator's reset is not honoured");
    bool was_late = w->commits_apart && owner_stays; /* another commit may have arrived behind its last one */
    if (!was_late && (c->offset != w->topic.end || (!w->commits_apart && w->row.hi >= 0)))
        world_broken(w, "the committed offset is not at the end");
}

static void end_calmly(struct world *w)
{
    settle(w);
    unsigned generation = w->generation;
    int owner = survivor(w);
    bool owner_stays = w->generation == generation;
    bool is_done = run_calm(w, owner);
    if (!is_done && w->violation == NULL) {
        if (!is_justified(w, w->owners[owner].machine.state))
            world_broken(w, "a stop that nothing justifies");
        owner_end(w, owner);
        event_reset(w);
        event_assign(w, owner);
        if (!run_calm(w, owner))
            world_broken(w, "an operator's reset does not end the stop");
    }
    if (w->violation == NULL)
        check_end(w, owner, owner_stays);
}

void world_run(struct world *w)
{
    world_init(w);
    unsigned n_steps = world_choose(w, MAX_STEPS);
    for (unsigned n = 0; n < n_steps && w->violation == NULL; n++)
        step(w);
    if (w->violation == NULL)
        end_calmly(w);
}
