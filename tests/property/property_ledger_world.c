/* property_ledger_world.c - choices, the ledger and the group's offset; see property_ledger_world.h. */
#include "property_ledger_world.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* ---- choices ---- */

unsigned world_choose(struct world *w, unsigned n)
{
    struct choices *c = w->choices;
    unsigned value = 0;
    if (c->is_replay) {
        value = c->at < c->n ? c->list[c->at] % n : 0;
        c->at++;
        return value;
    }
    if (c->n == MAX_CHOICES)
        return 0;
    value = c->draw(n);
    c->list[c->n++] = (uint16_t)value;
    return value;
}

unsigned world_fault(struct world *w, enum fault fault, unsigned n)
{
    if (!w->faults[fault])
        return 0;
    unsigned value = world_choose(w, w->calm + n);
    return value < w->calm ? 0 : value - w->calm + 1;
}

void world_tell(struct world *w, const char *format, ...)
{
    char line[256];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)fprintf(stderr, "%4u  %s\n", ++w->n_told, line);
}

void world_broken(struct world *w, const char *violation)
{
    if (w->violation == NULL)
        w->violation = violation;
    TELL(w, "BROKEN: %s", violation);
}

offsets_t offsets_between(int64_t from, int64_t to)
{
    offsets_t below_to = to <= 0 ? 0 : ((offsets_t)1 << to) - 1;
    offsets_t below_from = from <= 0 ? 0 : ((offsets_t)1 << from) - 1;
    return below_to & ~below_from;
}

uint64_t world_draw_resets(struct world *w)
{
    struct incarnation *drawn = &w->incarnations[w->n_resets];
    *drawn = (struct incarnation){.start = -1};
    return ++w->n_resets;
}

/* ---- the beginning ---- */

static void make_topic(struct world *w)
{
    struct topic *t = &w->topic;
    t->end = 3 + world_choose(w, MAX_END - 5);
    for (int64_t at = 0; at < MAX_END; at++) {
        offsets_t bit = (offsets_t)1 << at;
        unsigned kind = world_choose(w, 8); /* 6: a gap; 7: a record without rows */
        t->records |= kind == 6 ? 0 : bit;
        t->second_part |= world_choose(w, 2) == 1 ? bit : 0;
        for (unsigned table = 0; table < w->n_tables; table++)
            if (kind < 6 && (table == 0 || kind < 4))
                t->rows[table] |= bit;
    }
    t->made = 1;
}

static void choose_faults(struct world *w)
{
    static const unsigned calm[] = {6, 3, 12, 30};
    w->calm = calm[world_choose(w, 4)];
    for (unsigned fault = 0; fault < N_FAULTS; fault++)
        w->faults[fault] = fault < FAULT_RETENTION ? world_choose(w, 2) == 1 : world_choose(w, 6) == 5;
}

void world_init(struct world *w)
{
    size_t n_head = offsetof(struct world, commits_apart);
    memset((char *)w + n_head, 0, offsetof(struct world, writes) - n_head);
    memset(w->present, 0, sizeof w->present);
    w->n_tokens = 0;
    w->n_resets = 0;
    w->n_told = 0;
    w->violation = NULL;
    w->commits_apart = world_choose(w, 3) < 2;
    if (w->mutant != NULL && w->mutant->only_apart)
        w->commits_apart = true;
    w->is_restless = world_choose(w, 2) == 1;
    w->limit_is_long = world_choose(w, 2) == 1;
    w->goes_to_earliest = world_choose(w, 2) == 1;
    w->trusts_nobody = world_choose(w, 2) == 1;
    w->n_tables = 1 + world_choose(w, N_TABLES);
    make_topic(w);
    choose_faults(w);
    if (w->faults[FAULT_BAD]) {
        w->refused = (offsets_t)(world_choose(w, 1U << MAX_END) & world_choose(w, 1U << MAX_END));
        w->unreadable = (offsets_t)(world_choose(w, 1U << MAX_END) & world_choose(w, 1U << MAX_END));
    }
    w->member = -1;
    w->offset.commit.offset = -1;
    w->generation = 1;
    TELL(w, "ledger %s, %u tables, offsets 0 to %" PRId64 ", on_offset_lost %s",
         w->commits_apart ? "keeper_map" : "kafka", w->n_tables, w->topic.end - 1,
         w->goes_to_earliest ? "earliest" : "stop");
}

/* ---- the ledger ---- */

void world_read_row(const struct world *w, const struct owner *o, struct sluice_ledger_event *event)
{
    bool is_hidden = !w->commits_apart && w->row.next < 0 && o->generation != w->generation;
    event->kind = SLUICE_LEDGER_ROW_READ;
    event->exists = w->row_exists && !is_hidden;
    if (event->exists)
        event->row = w->row;
}

/* Properties of every row that comes to stand in the ledger. */
static void check_row(struct world *w, uint64_t reset_id)
{
    const struct sluice_ledger_row *row = &w->row;
    struct incarnation *now = &w->incarnations[row->resets - 1];
    if (now->made == 0) { /* the first row that has it */
        now->made = w->topic.made;
        now->start = row->next;
        now->reset_id = reset_id;
    }
    if (now->start < 0 && row->hi >= 0)
        now->start = row->next;
    if (row->next >= 0)
        target_check_durable(w, row->resets, row->next);
}

static void honour(struct world *w, uint64_t reset_id)
{
    if (reset_id != 0 && reset_id == w->offset.id) {
        w->offset.honoured = true;
        w->seen[SEEN_RESET]++;
    }
}

static bool finds_expected(const struct world *w, const struct late_write *write)
{
    const struct sluice_ledger_action *a = &write->action;
    if (!w->commits_apart)
        return write->generation == w->generation;
    if (!a->expected_exists || !w->row_exists)
        return a->expected_exists == w->row_exists;
    return a->expected.epoch == w->row.epoch && a->expected.owner == w->row.owner && a->expected.seq == w->row.seq;
}

bool world_write_row(struct world *w, const struct late_write *write)
{
    const struct sluice_ledger_row *wanted = &write->action.wanted;
    if (!finds_expected(w, write)) {
        TELL(w, "  ledger: the write of owner %d is refused", write->owner);
        return false;
    }
    if (!write->action.expected_exists && write->saw_mark)
        world_broken(w, "a lost ledger was taken for a first start");
    if (w->row_exists && w->n_copies < MAX_COPIES)
        w->copies[w->n_copies++] = w->row;
    w->row = *wanted;
    w->row_exists = true;
    TELL(w,
         "  ledger: owner %d wrote epoch=%" PRIu64 " seq=%" PRIu64 " resets=%" PRIu64 " next=%" PRId64 " hi=%" PRId64
         " attempt=%" PRIu32,
         write->owner, wanted->epoch, wanted->seq, wanted->resets, wanted->next, wanted->hi, wanted->attempt);
    honour(w, write->reset_id);
    check_row(w, write->reset_id);
    if (!w->commits_apart && wanted->next >= 0)
        world_set_offset(w, wanted->next, wanted);
    return true;
}

/* ---- the group's offset ---- */

void world_set_offset(struct world *w, int64_t offset, const struct sluice_ledger_row *row)
{
    if (w->offset.by_operator && !w->offset.honoured)
        world_broken(w, "an operator's reset is lost: an offset took its place and nobody honoured it");
    w->offset = (struct group_offset){.id = ++w->last_offset_id};
    w->offset.commit.offset = offset;
    w->offset.commit.text = SLUICE_LEDGER_TEXT_ROW;
    w->offset.commit.row = *row;
}

bool world_commit(struct world *w, const struct late_commit *commit)
{
    const struct sluice_ledger_row *mark = &commit->row;
    if (commit->generation <= w->emptied || mark->next < 0) {
        TELL(w, "  kafka: the commit of %" PRId64 " is refused", mark->next);
        return false;
    }
    world_set_offset(w, mark->next, mark);
    TELL(w, "  kafka: offset %" PRId64 " committed, mark epoch=%" PRIu64 " seq=%" PRIu64 " resets=%" PRIu64, mark->next,
         mark->epoch, mark->seq, mark->resets);
    if (w->row_exists && mark->resets == w->row.resets && mark->epoch == w->row.epoch) /* as the next owner trusts it */
        target_check_durable(w, mark->resets, mark->next);
    return true;
}

/* ---- what is on its way ---- */

void world_drop_late(struct world *w)
{
    w->n_writes = 0;
    w->n_commits = 0;
}

static void step_late_write(struct world *w, size_t at)
{
    struct late_write write = w->writes[at];
    w->writes[at] = w->writes[--w->n_writes];
    TELL(w, "a late ledger write of owner %d arrives", write.owner);
    if (world_write_row(w, &write))
        w->seen[SEEN_LATE_WRITE]++;
}

static void step_late_commit(struct world *w, size_t at)
{
    struct late_commit commit = w->commits[at];
    w->commits[at] = w->commits[--w->n_commits];
    TELL(w, "a late commit arrives");
    if (world_commit(w, &commit))
        w->seen[SEEN_LATE_COMMIT]++;
}

void world_step_late(struct world *w)
{
    size_t n = w->n_requests + w->n_writes + w->n_commits;
    if (n == 0)
        return;
    size_t at = world_choose(w, (unsigned)n);
    if (at < w->n_requests)
        (void)target_step(w, at);
    else if (at < w->n_requests + w->n_writes)
        step_late_write(w, at - w->n_requests);
    else
        step_late_commit(w, at - w->n_requests - w->n_writes);
}
