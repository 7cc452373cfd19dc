/* property_ledger_owner.c - carries out what the machine says, as lib/pipeline does; see property_ledger_world.h.
 *
 * One call is one step: others may act between any two. What can fail is repeated by the same rules: a ledger read, a
 * commit that the machine waits for and a look-up until they succeed, a write as the machine says after the read.
 */
#include "property_ledger_world.h"

#include <inttypes.h>

static const char *const action_names[] = {
    [SLUICE_LEDGER_WAIT] = "WAIT",       [SLUICE_LEDGER_READ] = "READ",
    [SLUICE_LEDGER_WRITE] = "WRITE",     [SLUICE_LEDGER_READ_OFFSET] = "READ_OFFSET",
    [SLUICE_LEDGER_COMMIT] = "COMMIT",   [SLUICE_LEDGER_START] = "START",
    [SLUICE_LEDGER_REBUILD] = "REBUILD", [SLUICE_LEDGER_LOOKUP] = "LOOKUP",
    [SLUICE_LEDGER_INSERT] = "INSERT",   [SLUICE_LEDGER_DONE] = "DONE",
    [SLUICE_LEDGER_STOP] = "STOP",       [SLUICE_LEDGER_ASSIGN_AGAIN] = "ASSIGN_AGAIN"};

int owner_number(const struct world *w, const struct owner *o)
{
    return (int)(o - w->owners);
}

void owner_feed(struct world *w, struct owner *o, struct sluice_ledger_event *event)
{
    if (w->mutant != NULL && w->mutant->before != NULL)
        w->mutant->before(w, o, event);
    sluice_ledger_machine_step(&o->machine, event, &o->todo);
    o->has_written = false;
    o->has_sent = false;
    if (w->mutant != NULL && w->mutant->after != NULL)
        w->mutant->after(w, o, event);
    TELL(w, "  owner %d: %s (%s)", owner_number(w, o), action_names[o->todo.kind],
         sluice_ledger_state_label(o->machine.state));
    w->seen[SEEN_OLD_MARK] += event->kind == SLUICE_LEDGER_ROW_READ && o->todo.kind == SLUICE_LEDGER_WRITE &&
                              o->offset_has_mark && event->row.epoch != o->machine.commit.row.epoch;
    w->seen[SEEN_CONFLICT] += o->todo.kind == SLUICE_LEDGER_ASSIGN_AGAIN;
    w->seen[SEEN_STOP] += o->todo.kind == SLUICE_LEDGER_STOP;
}

/* ---- what is on its way belongs to nobody any more ---- */

static void forget_requests(struct world *w, int owner)
{
    for (size_t i = 0; i < w->n_requests; i++)
        if (w->requests[i].owner == owner)
            w->requests[i].owner = -1;
}

void owner_assign(struct world *w, int owner)
{
    struct owner *o = &w->owners[owner];
    unsigned generation = o->generation;
    forget_requests(w, owner);
    *o = (struct owner){.is_alive = true, .generation = generation};
    sluice_ledger_machine_init(&o->machine, w->commits_apart);
}

void owner_end(struct world *w, int owner)
{
    forget_requests(w, owner);
    w->owners[owner].is_alive = false;
    if (w->member == owner)
        w->member = -1;
}

void owner_leave(struct world *w, int owner)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_LEAVE};
    owner_feed(w, &w->owners[owner], &event);
    owner_end(w, owner);
}

/* ---- Kafka's offset ---- */

static void read_offset(struct world *w, struct owner *o, struct sluice_ledger_event *event)
{
    event->commit = w->offset.commit;
    o->offset_id = w->offset.id;
    o->offset_by_operator = w->offset.by_operator;
    o->offset_has_mark = w->offset.commit.offset >= 0 && !w->offset.by_operator;
}

static void begin(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_ASSIGNED};
    event.resets = world_draw_resets(w);
    event.owner = event.resets; /* as good as any other unique number */
    read_offset(w, o, &event);
    o->knows_offset = true;
    TELL(w, "owner %d reads the committed offset: %" PRId64 "%s", owner_number(w, o), event.commit.offset,
         o->offset_by_operator ? " (an operator's)" : "");
    owner_feed(w, o, &event);
}

static void reread_offset(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_OFFSET_READ};
    uint64_t before = o->offset_id;
    read_offset(w, o, &event);
    w->seen[SEEN_RESET_GONE] += before != o->offset_id;
    owner_feed(w, o, &event);
}

/* True when Kafka confirmed it. */
bool owner_commit(struct world *w, struct owner *o)
{
    struct late_commit sent = {.generation = o->generation, .row = o->machine.row};
    unsigned fate = world_fault(w, FAULT_COMMIT, 3); /* 1: gets lost; 2: late; 3: the answer gets lost */
    if (owner_number(w, o) != w->member && world_choose(w, 2) == 1)
        fate = 1;
    if (fate == 2 && w->n_commits < MAX_LATE)
        w->commits[w->n_commits++] = sent;
    if (fate == 1 || fate == 2) {
        TELL(w, "owner %d: the commit of %" PRId64 " is %s", owner_number(w, o), sent.row.next,
             fate == 1 ? "lost" : "late");
        return false;
    }
    return world_commit(w, &sent) && fate == 0;
}

static void commit_wanted(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_COMMITTED};
    if (owner_commit(w, o))
        owner_feed(w, o, &event);
}

/* ---- the ledger ---- */

static void read_row(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {0};
    if (world_fault(w, FAULT_LEDGER, 1) > 0) {
        TELL(w, "owner %d: reading the row fails", owner_number(w, o));
        return;
    }
    world_read_row(w, o, &event);
    o->is_fresh = true;
    TELL(w, "owner %d reads the row: %s seq=%" PRIu64, owner_number(w, o), event.exists ? "there" : "none",
         event.row.seq);
    owner_feed(w, o, &event);
}

static void drop_own_writes(struct world *w, int owner)
{
    for (size_t i = w->n_writes; i-- > 0;)
        if (w->writes[i].owner == owner)
            w->writes[i] = w->writes[--w->n_writes];
}

static void write_row(struct world *w, struct owner *o)
{
    const struct sluice_ledger_machine *m = &o->machine;
    struct late_write write = {.owner = owner_number(w, o), .generation = o->generation, .action = o->todo};
    write.saw_mark = o->offset_has_mark;
    unsigned fate = world_fault(w, FAULT_LEDGER, 2);
    if (m->state == SLUICE_LEDGER_STARTING && m->start == SLUICE_LEDGER_FROM_RESET && !o->restarts)
        write.reset_id = m->commit.row.owner;
    if (!w->commits_apart)
        drop_own_writes(w, write.owner);
    o->has_written = true;
    if (fate == 0)
        w->seen[SEEN_ATTEMPT] += world_write_row(w, &write) && write.action.wanted.attempt > 0;
    else if (fate == 2 && w->n_writes < MAX_LATE)
        w->writes[w->n_writes++] = write;
    if (fate > 0)
        TELL(w, "owner %d: the write is %s", write.owner, fate == 1 ? "lost" : "late");
}

/* ---- one step ---- */

static void assign_again(struct world *w, struct owner *o)
{
    if (w->n_resets < MAX_RESETS - 16)
        owner_assign(w, owner_number(w, o));
    else
        owner_end(w, owner_number(w, o));
}

static void carry_out(struct world *w, struct owner *o)
{
    switch (o->todo.kind) {
    case SLUICE_LEDGER_WAIT:
        batch_consume(w, o);
        break;
    case SLUICE_LEDGER_READ:
        read_row(w, o);
        break;
    case SLUICE_LEDGER_WRITE:
        if (o->has_written)
            read_row(w, o);
        else
            write_row(w, o);
        break;
    case SLUICE_LEDGER_READ_OFFSET:
        reread_offset(w, o);
        break;
    case SLUICE_LEDGER_COMMIT:
        commit_wanted(w, o);
        break;
    case SLUICE_LEDGER_START:
        batch_start(w, o);
        break;
    case SLUICE_LEDGER_REBUILD:
        batch_rebuild(w, o);
        break;
    case SLUICE_LEDGER_LOOKUP:
        batch_look_up(w, o);
        break;
    case SLUICE_LEDGER_INSERT:
        batch_insert(w, o);
        break;
    case SLUICE_LEDGER_DONE:
        batch_done(w, o);
        break;
    case SLUICE_LEDGER_ASSIGN_AGAIN:
        assign_again(w, o);
        break;
    case SLUICE_LEDGER_STOP:
        break;
    }
}

void owner_step(struct world *w, int owner)
{
    struct owner *o = &w->owners[owner];
    if (!o->is_alive || o->is_asleep)
        return;
    if (o->knows_offset)
        carry_out(w, o);
    else
        begin(w, o);
}

bool owner_is_done(const struct world *w, int owner)
{
    const struct owner *o = &w->owners[owner];
    return o->todo.kind == SLUICE_LEDGER_WAIT && sluice_ledger_machine_rests(&o->machine) &&
           batch_position(w, o) == w->topic.end && !o->owes_commit;
}
