/* property_ledger_batch.c - what an owner does with records: reads, sends, looks up; see property_ledger_world.h. */
#include "property_ledger_world.h"

#include <inttypes.h>

/* ---- records ---- */

int64_t batch_position(const struct world *w, const struct owner *o)
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
    TELL(w, "owner %d: %s", owner_number(w, o),
         loss == SLUICE_LEDGER_OTHER_RECORD ? "the record is another one" : "the offset is out of range");
    owner_feed(w, o, &event);
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

static offsets_t skipped(const struct sluice_ledger_skip *skip)
{
    offsets_t found = 0;
    for (uint32_t i = 0; i < skip->n; i++)
        found |= (offsets_t)1 << skip->offsets[i];
    return found;
}

static void set_skip(struct sluice_ledger_skip *skip, offsets_t offsets)
{
    skip->n = 0;
    for (int64_t at = 0; at < MAX_END; at++)
        if ((offsets >> at & 1) != 0)
            skip->offsets[skip->n++] = at;
}

/* What of the records is left out: those of a range that is read again as its row says, of others the unreadable ones,
 * once their dead letters are acknowledged. */
static offsets_t leave_out(struct world *w, const struct owner *o, offsets_t all, struct sluice_ledger_event *event)
{
    const struct sluice_ledger_skip *known = &o->machine.row.skip;
    offsets_t bad = all & w->unreadable;
    if (event->kind != SLUICE_LEDGER_REBUILT) {
        w->lettered |= bad;
        set_skip(&event->skip, bad);
        return bad;
    }
    if ((bad & ~skipped(known)) != 0)
        world_broken(w, "a range was opened with a record that can't be read");
    w->seen[SEEN_SKIP] += known->n > 0;
    return skipped(known);
}

/* Offsets from the position to `hi`, into the event. */
static void fill_batch(struct world *w, struct owner *o, int64_t hi, struct sluice_ledger_event *event)
{
    const struct topic *t = &w->topic;
    offsets_t all = offsets_between(batch_position(w, o), hi + 1) & t->records;
    offsets_t left_out = leave_out(w, o, all, event);
    o->made = t->made;
    for (unsigned table = 0; table < w->n_tables; table++) {
        o->batch[table] = all & t->rows[table] & ~left_out;
        o->left[table] = o->batch[table];
        o->is_stored[table] = o->batch[table] == 0;
        event->has_rows = event->has_rows || o->batch[table] != 0;
    }
    event->lo = batch_position(w, o);
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

void batch_start(struct world *w, struct owner *o)
{
    o->todo.kind = SLUICE_LEDGER_WAIT;
    w->seen[SEEN_FROM_COMMIT] += o->machine.start == SLUICE_LEDGER_FROM_COMMIT;
    check_source(w, o);
    if (is_out_of_range(w, batch_position(w, o)))
        records_gone(w, o, SLUICE_LEDGER_OUT_OF_RANGE);
    else if (is_other_record(w, &o->machine.row.check))
        records_gone(w, o, SLUICE_LEDGER_OTHER_RECORD);
}

void batch_rebuild(struct world *w, struct owner *o)
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
        owner_feed(w, o, &event);
    }
}

/* What comes next after DONE, or while the machine rests. */
void batch_consume(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_BATCH};
    int64_t at = batch_position(w, o);
    bool rests = sluice_ledger_machine_rests(&o->machine);
    bool has_more = !is_out_of_range(w, at) && at < w->topic.end;
    if (rests && is_out_of_range(w, at)) {
        records_gone(w, o, SLUICE_LEDGER_OUT_OF_RANGE);
    } else if (rests && !has_more) {
        if (o->owes_commit)
            o->owes_commit = !owner_commit(w, o);
    } else if (!has_more || (!rests && world_choose(w, 4) == 3)) {
        event.kind = SLUICE_LEDGER_REST;
        owner_feed(w, o, &event);
    } else {
        fill_batch(w, o, w->topic.end - 1 - world_choose(w, (unsigned)(w->topic.end - at)), &event);
        TELL(w, "owner %d has offsets %" PRId64 " to %" PRId64, owner_number(w, o), event.lo, event.hi);
        owner_feed(w, o, &event);
    }
}

void batch_done(struct world *w, struct owner *o)
{
    if (w->commits_apart)
        o->owes_commit = !owner_commit(w, o);
    batch_consume(w, o);
}

/* ---- inserts ---- */

void batch_look_up(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_LOOKED_UP};
    if (world_fault(w, FAULT_INSERT, 1) > 0) {
        TELL(w, "owner %d: the look-up fails", owner_number(w, o));
        return;
    }
    for (unsigned table = 0; table < w->n_tables; table++) {
        if (o->is_stored[table] && !w->trusts_nobody)
            continue;
        o->left[table] = o->batch[table] & ~w->present[table];
        o->is_stored[table] = o->left[table] == 0;
        for (offsets_t left = o->left[table]; left != 0; left &= left - 1)
            event.n_missing++;
    }
    TELL(w, "owner %d looks up: %zu rows are missing", owner_number(w, o), event.n_missing);
    owner_feed(w, o, &event);
}

static void send_request(struct world *w, struct owner *o, unsigned table)
{
    unsigned fate = w->n_requests == MAX_REQUESTS ? 1 : world_fault(w, FAULT_LATE, 2);
    o->sending[table] = fate == 0 ? SENDING_WAITS : SENDING_FAILED;
    TELL(w, "owner %d sends rows %#" PRIx32 " to table %u, token %" PRId64 "-%" PRId64 ":%" PRIu32 ":%" PRIu64 "%s",
         owner_number(w, o), o->left[table], table, o->machine.row.next, o->machine.row.hi, o->machine.row.attempt,
         o->machine.row.resets,
         fate == 0   ? ""
         : fate == 1 ? ", which never arrives"
                     : ", and gives up");
    if (fate == 1)
        return;
    w->requests[w->n_requests++] = (struct request){.owner = fate == 0 ? owner_number(w, o) : -1,
                                                    .table = table,
                                                    .made = o->made,
                                                    .token = target_token(w, &o->machine.row),
                                                    .rows = o->left[table]};
}

/* True when one is to be waited for; it then went on a little, or the owner gave it up. */
static bool wait_for_requests(struct world *w, struct owner *o)
{
    for (size_t i = 0; i < w->n_requests; i++) {
        if (w->requests[i].owner != owner_number(w, o))
            continue;
        if (world_fault(w, FAULT_LATE, 1) > 0) {
            TELL(w, "owner %d: time out", owner_number(w, o));
            o->sending[w->requests[i].table] = SENDING_FAILED;
            w->requests[i].owner = -1;
        } else {
            (void)target_step(w, i);
        }
        return true;
    }
    return false;
}

/* Each table's insert has to begin within the send limit. */
static void begin_insert(struct world *w, struct owner *o)
{
    target_check_send(w, o);
    o->has_sent = true;
    for (unsigned table = 0; table < w->n_tables; table++) {
        o->sending[table] = SENDING_NOT;
        if (o->is_stored[table])
            continue;
        if (o->is_fresh && world_fault(w, FAULT_INSERT, 1) == 0) {
            send_request(w, o, table);
        } else {
            o->sending[table] = SENDING_LATE;
            TELL(w, "owner %d: too late for table %u", owner_number(w, o), table);
        }
    }
}

/* The rows that the tables refused, in the batch no more. Their letters may be all that is ever heard of them. */
static offsets_t find_bad(struct world *w, struct owner *o)
{
    offsets_t bad = 0;
    for (unsigned table = 0; table < w->n_tables; table++)
        if (o->sending[table] == SENDING_BAD)
            bad |= o->left[table] & w->refused;
    for (unsigned table = 0; table < w->n_tables && bad != 0; table++) {
        o->batch[table] &= ~bad;
        o->left[table] &= ~bad;
        o->is_stored[table] = o->is_stored[table] || o->left[table] == 0;
    }
    w->lettered |= bad;
    return bad;
}

void batch_insert(struct world *w, struct owner *o)
{
    struct sluice_ledger_event event = {.kind = SLUICE_LEDGER_INSERTED};
    if (!o->has_sent) {
        begin_insert(w, o);
        return;
    }
    if (wait_for_requests(w, o))
        return;
    for (unsigned table = 0; table < w->n_tables; table++) {
        bool has_failed = o->sending[table] == SENDING_FAILED || o->sending[table] == SENDING_BAD;
        if (has_failed || o->sending[table] == SENDING_LATE)
            event.kind = SLUICE_LEDGER_INSERT_FAILED;
        event.was_sent = event.was_sent || has_failed;
    }
    offsets_t bad = find_bad(w, o);
    if (bad != 0) {
        w->seen[SEEN_BAD_ROW]++;
        event.kind = SLUICE_LEDGER_BAD_ROWS;
        set_skip(&event.skip, skipped(&o->machine.row.skip) | bad);
        TELL(w, "owner %d leaves out %#" PRIx32, owner_number(w, o), bad);
    }
    owner_feed(w, o, &event);
}
