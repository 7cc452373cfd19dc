/* property_ledger_events.c - what happens to the world; see property_ledger_world.h. */
#include "property_ledger_world.h"

#include <inttypes.h>

/* ---- the group ---- */

/* Everybody who belonged to the group before is of an older generation. What is on its way to a Kafka ledger is
 * settled. */
static void next_generation(struct world *w)
{
    for (; !w->commits_apart && w->n_writes > 0; w->n_writes--)
        if (world_choose(w, 2) == 1 && world_write_row(w, &w->writes[w->n_writes - 1]))
            w->seen[SEEN_LATE_WRITE]++;
    if (!w->commits_apart && w->row.next < 0)
        w->row_exists = false;
    w->generation++;
}

void event_assign(struct world *w, int owner)
{
    if (w->n_resets >= MAX_RESETS - 16)
        return;
    next_generation(w);
    w->seen[SEEN_TAKE_OVER] += w->member >= 0 && w->member != owner;
    for (int i = 0; i < N_OWNERS && !w->limit_is_long; i++)
        w->owners[i].is_fresh = false;
    w->member = owner;
    w->owners[owner].generation = w->generation;
    TELL(w, "the partition is assigned to owner %d, generation %u", owner, w->generation);
    owner_assign(w, owner);
}

/* The group is empty: members are gone, or were silent for too long and live on. */
static void empty_group(struct world *w)
{
    if (w->member >= 0 && (!w->faults[FAULT_ZOMBIE] || world_choose(w, 2) == 0)) {
        TELL(w, "owner %d dies", w->member);
        owner_end(w, w->member);
    }
    w->member = -1;
    next_generation(w);
    w->emptied = w->generation;
    TELL(w, "the group is empty");
}

static void end_all(struct world *w)
{
    for (int i = 0; i < N_OWNERS; i++)
        if (w->owners[i].is_alive)
            owner_end(w, i);
    TELL(w, "all owners die");
    world_drop_late(w);
    next_generation(w);
    w->emptied = w->generation;
}

/* ---- owners ---- */

static void rebalance(struct world *w, int to)
{
    int from = w->member;
    if (from >= 0 && from != to && !(w->faults[FAULT_ZOMBIE] && world_choose(w, 2) == 1)) {
        TELL(w, "owner %d hears that it loses the partition", from);
        owner_leave(w, from);
    }
    event_assign(w, to);
}

void event_crash(struct world *w, int owner)
{
    if (!w->owners[owner].is_alive)
        return;
    TELL(w, "owner %d dies", owner);
    owner_end(w, owner);
}

static void sleep_or_wake(struct world *w, int owner)
{
    struct owner *o = &w->owners[owner];
    o->is_asleep = o->is_alive && !o->is_asleep;
    o->is_fresh = o->is_fresh && w->limit_is_long;
    if (o->is_alive)
        TELL(w, "owner %d %s", owner, o->is_asleep ? "is stopped" : "goes on");
}

static void zombie_learns(struct world *w, int owner)
{
    if (!w->owners[owner].is_alive || w->member == owner)
        return;
    TELL(w, "owner %d hears that the partition is not its", owner);
    owner_leave(w, owner);
}

/* ---- operators ---- */

static void forget_row_of_kafka(struct world *w)
{
    if (!w->commits_apart)
        w->row_exists = false;
}

void event_reset(struct world *w)
{
    struct sluice_ledger_commit *c = &w->offset.commit;
    int64_t to = w->topic.start + world_choose(w, (unsigned)(w->topic.end - w->topic.start + 1));
    unsigned text = world_choose(w, 4);
    empty_group(w);
    if (text == 3 && c->text == SLUICE_LEDGER_TEXT_ROW && c->row.next != to && (w->commits_apart || to > 0)) {
        c->offset = to; /* a tool that copies the mark */
    } else {
        *c = (struct sluice_ledger_commit){.offset = to};
        sluice_ledger_row_init(&c->row);
        c->text = text == 2 ? SLUICE_LEDGER_TEXT_SOURCE : SLUICE_LEDGER_TEXT_NONE;
    }
    w->offset.id = ++w->last_offset_id;
    c->row.owner = w->offset.id; /* of no meaning to the machine; says which reset it honours */
    w->offset.by_operator = true;
    w->offset.honoured = false;
    forget_row_of_kafka(w);
    TELL(w, "an operator resets the offset to %" PRId64, to);
}

static void offset_expires(struct world *w)
{
    if (w->has_happened[FAULT_RESTORED]) /* together they hide that the ledger is old */
        return;
    empty_group(w);
    w->offset = (struct group_offset){.id = ++w->last_offset_id, .commit = {.offset = -1}};
    forget_row_of_kafka(w);
    TELL(w, "the group's offset expires");
}

/* ---- records ---- */

static void append(struct world *w)
{
    if (w->topic.end == MAX_END)
        return;
    TELL(w, "offset %" PRId64 " is appended", w->topic.end);
    w->topic.end++;
}

/* A new topic is recognised by old offsets, so those stay. */
static void compact(struct world *w)
{
    if (w->has_happened[FAULT_ANEW])
        return;
    offsets_t bit = (offsets_t)1 << world_choose(w, (unsigned)w->topic.end);
    w->topic.records &= ~bit;
    w->compacted |= bit;
    TELL(w, "compaction removes %#" PRIx32, bit);
}

/* A column is widened, a constraint dropped: what was refused is not any more. */
static void repair(struct world *w)
{
    w->refused &= (offsets_t)world_choose(w, 1U << MAX_END);
    w->unreadable &= (offsets_t)world_choose(w, 1U << MAX_END);
    TELL(w, "refused now: %#" PRIx32 ", unreadable: %#" PRIx32, w->refused, w->unreadable);
}

static void retention(struct world *w)
{
    if (w->has_happened[FAULT_ANEW])
        return;
    w->topic.start += world_choose(w, (unsigned)(w->topic.end - w->topic.start + 1));
    w->topic.records &= ~offsets_between(0, w->topic.start);
    w->has_happened[FAULT_RETENTION] = true;
    TELL(w, "retention: the topic begins at %" PRId64, w->topic.start);
}

/* Other records under the same offsets. There is something to recognise it by: the records that the row and the mark
 * remember are there again and differ. */
static void make_topic_anew(struct world *w)
{
    struct topic *t = &w->topic;
    const struct sluice_ledger_row *mark =
        w->offset.commit.text == SLUICE_LEDGER_TEXT_ROW ? &w->offset.commit.row : NULL;
    int64_t end = 2 + world_choose(w, MAX_END - 4);
    offsets_t known = 0;
    if ((w->row_exists && w->row.check.offset < 0) || (mark != NULL && mark->check.offset < 0))
        return;
    if (w->row_exists)
        known |= (offsets_t)1 << w->row.check.offset;
    if (mark != NULL)
        known |= (offsets_t)1 << mark->check.offset;
    end_all(w);
    t->made++;
    t->start = 0;
    t->end = end;
    t->records = offsets_between(0, MAX_END) & ~((offsets_t)world_choose(w, 1u << MAX_END) & ~known);
    w->compacted = 0;
    w->lettered = 0;
    w->present[0] = 0;
    w->present[1] = 0;
    w->has_happened[FAULT_ANEW] = true;
    TELL(w, "the topic is made anew, offsets 0 to %" PRId64, end - 1);
    if (world_choose(w, 2) == 1)
        offset_expires(w);
}

/* ---- the ledger ---- */

/* An owner that is just making the first row, and does not know that it made it, would make it again as it was. */
static void lose_ledger(struct world *w)
{
    if (!w->row_exists || !w->commits_apart)
        return;
    for (int i = 0; i < N_OWNERS; i++)
        if (w->owners[i].todo.kind == SLUICE_LEDGER_WRITE && !w->owners[i].todo.expected_exists)
            event_crash(w, i);
    w->row_exists = false;
    w->n_writes = 0;
    w->has_happened[FAULT_LOST] = true;
    TELL(w, "the ledger loses its row");
}

/* An older copy, which the mark in Kafka gives away. */
static void restore_ledger(struct world *w)
{
    const struct sluice_ledger_commit *c = &w->offset.commit;
    if (!w->commits_apart || w->n_copies == 0 || w->offset.by_operator || c->offset < 0)
        return;
    const struct sluice_ledger_row *copy = &w->copies[world_choose(w, (unsigned)w->n_copies)];
    if (c->row.seq <= copy->seq && c->row.epoch <= copy->epoch)
        return;
    end_all(w);
    w->row = *copy;
    w->row_exists = true;
    w->has_happened[FAULT_RESTORED] = true;
    TELL(w, "an old copy of the ledger is restored: seq=%" PRIu64, w->row.seq);
}

/* ---- a schedule ---- */

enum { APPEND = N_FAULTS, REBALANCE };

static void carry_out(struct world *w, unsigned event)
{
    int owner = (int)world_choose(w, N_OWNERS);
    switch (event) {
    case APPEND:
        append(w);
        break;
    case REBALANCE:
        rebalance(w, owner);
        break;
    case FAULT_CRASH:
        event_crash(w, owner);
        break;
    case FAULT_ZOMBIE:
        zombie_learns(w, owner);
        break;
    case FAULT_SLEEP:
        sleep_or_wake(w, owner);
        break;
    case FAULT_RESET:
        event_reset(w);
        break;
    case FAULT_COMPACTION:
        compact(w);
        break;
    case FAULT_EXPIRY:
        offset_expires(w);
        break;
    case FAULT_BAD:
        repair(w);
        break;
    case FAULT_RETENTION:
        retention(w);
        break;
    case FAULT_ANEW:
        make_topic_anew(w);
        break;
    case FAULT_LOST:
        lose_ledger(w);
        break;
    default:
        restore_ledger(w);
        break;
    }
}

/* One of those that this schedule has. */
void event_happen(struct world *w)
{
    unsigned events[N_FAULTS + 5] = {APPEND, REBALANCE, REBALANCE, REBALANCE, REBALANCE};
    unsigned n = 5;
    for (unsigned fault = FAULT_CRASH; fault < N_FAULTS; fault++)
        if (w->faults[fault])
            events[n++] = fault;
    carry_out(w, events[world_choose(w, n)]);
}
