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

static int number_of(const struct world *w, const struct owner *o)
{
    return (int)(o - w->owners);
}

static void feed(struct world *w, struct owner *o, struct sluice_ledger_event *event)
{
    if (w->mutant != NULL && w->mutant->before != NULL)
        w->mutant->before(w, o, event);
    sluice_ledger_machine_step(&o->machine, event, &o->todo);
    o->has_written = false;
    o->has_sent = false;
    if (w->mutant != NULL && w->mutant->after != NULL)
        w->mutant->after(w, o, event);
    TELL(w, "  owner %d: %s (%s)", number_of(w, o), action_names[o->todo.kind],
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
    feed(w, &w->owners[owner], &event);
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
    TELL(w, "owner %d reads the committed offset: %" PRId64 "%s", number_of(w, o), event.commit.offset,
         o->offset_by_operator ? " (an operator's)" : "");
    feed(w, o, &event);
}

static void reread_offset(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_OFFSET_READ};
    uint64_t before = o->offset_id;
    read_offset(w, o, &event);
    w->seen[SEEN_RESET_GONE] += before != o->offset_id;
    feed(w, o, &event);
}

/* True when Kafka confirmed it. */
static bool commit(struct world *w, struct owner *o)
{
    struct late_commit sent = {.generation = o->generation, .row = o->machine.row};
    unsigned fate = world_fault(w, FAULT_COMMIT, 3); /* 1: gets lost; 2: late; 3: the answer gets lost */
    if (number_of(w, o) != w->member && world_choose(w, 2) == 1)
        fate = 1;
    if (fate == 2 && w->n_commits < MAX_LATE)
        w->commits[w->n_commits++] = sent;
    if (fate == 1 || fate == 2) {
        TELL(w, "owner %d: the commit of %" PRId64 " is %s", number_of(w, o), sent.row.next,
             fate == 1 ? "lost" : "late");
        return false;
    }
    return world_commit(w, &sent) && fate == 0;
}

static void commit_wanted(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_COMMITTED};
    if (commit(w, o))
        feed(w, o, &event);
}

/* ---- the ledger ---- */

static void read_row(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {0};
    if (world_fault(w, FAULT_LEDGER, 1) > 0) {
        TELL(w, "owner %d: reading the row fails", number_of(w, o));
        return;
    }
    world_read_row(w, o, &event);
    o->is_fresh = true;
    TELL(w, "owner %d reads the row: %s seq=%" PRIu64, number_of(w, o), event.exists ? "there" : "none", event.row.seq);
    feed(w, o, &event);
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
    struct late_write write = {.owner = number_of(w, o), .generation = o->generation, .action = o->todo};
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

/* ---- records ---- */

static int64_t position(const struct world *w, const struct owner *o)
{
    return o->machine.row.next < 0 ? w->topic.start : o->machine.row.next;
}

static void records_gone(struct world *w, struct owner *o, enum sluice_ledger_loss loss)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_RECORDS_GONE, .loss = loss};
    event.restart_at = w->goes_to_earliest ? w->topic.start : -1;
    event.resets = world_draw_resets(w);
    o->restarts = true;
    w->seen[SEEN_RESTART] += w->goes_to_earliest;
    TELL(w, "owner %d: %s", number_of(w, o),
         loss == SLUICE_LEDGER_OTHER_RECORD ? "the record is another one" : "the offset is out of range");
    feed(w, o, &event);
}

static bool is_out_of_range(const struct world *w, int64_t offset)
{
    return offset < w->topic.start || offset > w->topic.end;
}

/* Looks at the record that the row remembers, if the topic has it. */
static bool is_other_record(const struct world *w, const struct sluice_ledger_check *check)
{
    return check->offset >= 0 && check->timestamp_ms != w->topic.made &&
           (w->topic.records & offsets_between(check->offset, check->offset + 1)) != 0;
}

/* A replay must begin with what was known of the source before the range. */
static void check_source(struct world *w, const struct owner *o)
{
    const struct sluice_ledger_row *row = &o->machine.row;
    if (row->next != w->incarnations[row->resets - 1].start && row->next >= 0 &&
        row->source.sources[0].commit != (uint64_t)row->next)
        world_broken(w, "the state of the source is not that of the offset");
}

/* Offsets from the position to `hi`, into the event. */
static void fill_batch(struct world *w, struct owner *o, int64_t hi, struct sluice_ledger_event *event)
{
    const struct topic *t = &w->topic;
    offsets_t all = offsets_between(position(w, o), hi + 1) & t->records;
    o->made = t->made;
    for (unsigned table = 0; table < w->n_tables; table++) {
        o->batch[table] = all & t->rows[table];
        o->left[table] = o->batch[table];
        o->sending[table] = SENDING_NOT;
        event->has_rows = event->has_rows || o->batch[table] != 0;
    }
    event->lo = position(w, o);
    event->hi = hi;
    event->check = o->machine.row.check;
    for (int64_t at = hi; at >= 0 && all != 0; at--)
        if ((all >> at & 1) != 0) {
            event->check = (struct sluice_ledger_check){.offset = at, .timestamp_ms = t->made};
            break;
        }
    event->source.n_sources = 1;
    event->source.sources[0].commit = (uint64_t)(hi + 1);
}

static void start(struct world *w, struct owner *o)
{
    o->todo.kind = SLUICE_LEDGER_WAIT;
    w->seen[SEEN_FROM_COMMIT] += o->machine.start == SLUICE_LEDGER_FROM_COMMIT;
    check_source(w, o);
    if (is_out_of_range(w, position(w, o)))
        records_gone(w, o, SLUICE_LEDGER_OUT_OF_RANGE);
    else if (is_other_record(w, &o->machine.row.check))
        records_gone(w, o, SLUICE_LEDGER_OTHER_RECORD);
}

static void rebuild(struct world *w, struct owner *o)
{
    const struct sluice_ledger_row *row = &o->machine.row;
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_REBUILT};
    check_source(w, o);
    if (is_out_of_range(w, row->next) || row->hi >= w->topic.end) {
        records_gone(w, o, SLUICE_LEDGER_OUT_OF_RANGE);
    } else if (is_other_record(w, &row->check)) {
        records_gone(w, o, SLUICE_LEDGER_OTHER_RECORD);
    } else {
        w->seen[SEEN_REPLAY]++;
        w->seen[SEEN_COMPACTED] += (w->compacted & offsets_between(row->next, row->hi + 1)) != 0;
        fill_batch(w, o, row->hi, &event);
        feed(w, o, &event);
    }
}

/* What comes next after DONE, or while the machine rests. */
static void consume(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_BATCH};
    int64_t at = position(w, o);
    bool rests = sluice_ledger_machine_rests(&o->machine);
    bool has_more = !is_out_of_range(w, at) && at < w->topic.end;
    if (rests && is_out_of_range(w, at)) {
        records_gone(w, o, SLUICE_LEDGER_OUT_OF_RANGE);
    } else if (rests && !has_more) {
        if (o->owes_commit)
            o->owes_commit = !commit(w, o);
    } else if (!has_more || (!rests && world_choose(w, 4) == 3)) {
        event.kind = SLUICE_LEDGER_REST;
        feed(w, o, &event);
    } else {
        fill_batch(w, o, w->topic.end - 1 - world_choose(w, (unsigned)(w->topic.end - at)), &event);
        TELL(w, "owner %d has offsets %" PRId64 " to %" PRId64, number_of(w, o), event.lo, event.hi);
        feed(w, o, &event);
    }
}

static void done(struct world *w, struct owner *o)
{
    if (w->commits_apart)
        o->owes_commit = !commit(w, o);
    consume(w, o);
}

/* ---- inserts ---- */

static void look_up(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_LOOKED_UP};
    if (world_fault(w, FAULT_INSERT, 1) > 0) {
        TELL(w, "owner %d: the look-up fails", number_of(w, o));
        return;
    }
    for (unsigned table = 0; table < w->n_tables; table++) {
        o->left[table] = o->batch[table] & ~w->present[table];
        o->sending[table] = SENDING_NOT;
        for (offsets_t left = o->left[table]; left != 0; left &= left - 1)
            event.n_missing++;
    }
    TELL(w, "owner %d looks up: %zu rows are missing", number_of(w, o), event.n_missing);
    feed(w, o, &event);
}

static void send_request(struct world *w, struct owner *o, unsigned table)
{
    unsigned fate = w->n_requests == MAX_REQUESTS ? 1 : world_fault(w, FAULT_LATE, 2);
    o->sending[table] = fate == 0 ? SENDING_WAITS : SENDING_FAILED;
    TELL(w, "owner %d sends rows %#" PRIx32 " to table %u, token %" PRId64 "-%" PRId64 ":%" PRIu32 ":%" PRIu64 "%s",
         number_of(w, o), o->left[table], table, o->machine.row.next, o->machine.row.hi, o->machine.row.attempt,
         o->machine.row.resets,
         fate == 0   ? ""
         : fate == 1 ? ", which never arrives"
                     : ", and gives up");
    if (fate == 1)
        return;
    w->requests[w->n_requests++] = (struct request){.owner = fate == 0 ? number_of(w, o) : -1,
                                                    .table = table,
                                                    .made = o->made,
                                                    .token = target_token(w, &o->machine.row),
                                                    .rows = o->left[table]};
}

/* True when one is to be waited for; it then went on a little, or the owner gave it up. */
static bool wait_for_requests(struct world *w, struct owner *o)
{
    for (size_t i = 0; i < w->n_requests; i++) {
        if (w->requests[i].owner != number_of(w, o))
            continue;
        if (world_fault(w, FAULT_LATE, 1) > 0) {
            TELL(w, "owner %d: time out", number_of(w, o));
            o->sending[w->requests[i].table] = SENDING_FAILED;
            w->requests[i].owner = -1;
        } else {
            (void)target_step(w, i);
        }
        return true;
    }
    return false;
}

static void begin_insert(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_INSERT_FAILED};
    if (!o->is_fresh || world_fault(w, FAULT_INSERT, 1) > 0) {
        TELL(w, "owner %d: the row was confirmed too long ago", number_of(w, o));
        feed(w, o, &event);
        return;
    }
    target_check_send(w, o);
    o->has_sent = true;
    for (unsigned table = 0; table < w->n_tables; table++)
        if (o->left[table] != 0 && (o->sending[table] != SENDING_ACKED || w->sends_acked_again))
            send_request(w, o, table);
}

static void insert(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_INSERTED, .was_sent = true};
    if (!o->has_sent) {
        begin_insert(w, o);
        return;
    }
    if (wait_for_requests(w, o))
        return;
    for (unsigned table = 0; table < w->n_tables; table++)
        if (o->left[table] != 0 && o->sending[table] != SENDING_ACKED)
            event.kind = SLUICE_LEDGER_INSERT_FAILED;
    feed(w, o, &event);
}

/* ---- one step ---- */

static void assign_again(struct world *w, struct owner *o)
{
    if (w->n_resets < MAX_RESETS - 16)
        owner_assign(w, number_of(w, o));
    else
        owner_end(w, number_of(w, o));
}

static void carry_out(struct world *w, struct owner *o)
{
    switch (o->todo.kind) {
    case SLUICE_LEDGER_WAIT:
        consume(w, o);
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
        start(w, o);
        break;
    case SLUICE_LEDGER_REBUILD:
        rebuild(w, o);
        break;
    case SLUICE_LEDGER_LOOKUP:
        look_up(w, o);
        break;
    case SLUICE_LEDGER_INSERT:
        insert(w, o);
        break;
    case SLUICE_LEDGER_DONE:
        done(w, o);
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
           position(w, o) == w->topic.end && !o->owes_commit;
}
