/* property_ledger_mutants.c - what has to go wrong when a rule is left out; see property_ledger_world.h.
 *
 * A mutant changes the event before, or the machine and its action after a step. Those that say what they expect of a
 * ledger beside Kafka run with that one alone.
 */
#include "property_ledger_world.h"

#include "base/compiler.h"

typedef struct world world_t;
typedef struct owner owner_t;
typedef struct sluice_ledger_event event_t;

/* Carries on as if the action that is due had been answered by `event`. */
static void answer(owner_t *o, const event_t *event)
{
    sluice_ledger_machine_step(&o->machine, event, &o->todo);
}

static void trust_every_200(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_INSERTED)
        o->machine.token_was_sent = false;
}

static void trust_200_after_failure(world_t *w, owner_t *o, const event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_INSERT_FAILED)
        o->machine.token_was_sent = false;
}

/* What was refused before may still arrive, once the table takes it. */
static void trust_200_after_bad_rows(world_t *w, owner_t *o, const event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_ROW_READ && o->todo.kind == SLUICE_LEDGER_INSERT && o->machine.row.skip.n > 0)
        o->machine.token_was_sent = false;
}

static void forget_what_is_left_out(world_t *w, owner_t *o, const event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_ROW_READ && o->todo.kind == SLUICE_LEDGER_REBUILD)
        o->machine.row.skip.n = 0;
}

static void trust_200_in_replay(world_t *w, owner_t *o, const event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_REBUILT)
        o->machine.token_was_sent = false;
}

static void look_up_nothing(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    (void)o;
    if (event->kind == SLUICE_LEDGER_LOOKED_UP)
        event->n_missing = 0;
}

/* The look-up before the token is acknowledged again decides: what is still on its way may come after it. */
static void new_attempt_before_200(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_LOOKED_UP)
        o->machine.token_is_used = true;
}

static void new_token_on_retry(world_t *w, owner_t *o, const event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_ROW_READ && o->machine.token_was_sent && o->todo.kind == SLUICE_LEDGER_INSERT)
        o->machine.row.attempt += 16;
}

static void trust_old_marks(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_ROW_READ && o->todo.kind == SLUICE_LEDGER_READ)
        o->machine.commit.row.epoch = event->row.epoch;
}

/* A foreign row is taken for ours, so the owner goes on. */
static void ignore_foreign_row(world_t *w, owner_t *o, event_t *event)
{
    const struct sluice_ledger_machine *m = &o->machine;
    (void)w;
    if (event->kind != SLUICE_LEDGER_ROW_READ || m->state == SLUICE_LEDGER_STARTING)
        return;
    event->exists = true;
    event->row = o->todo.kind == SLUICE_LEDGER_WRITE ? m->writing.wanted : m->written;
}

static void keep_resets(world_t *w, owner_t *o, const event_t *event)
{
    (void)w;
    (void)event;
    if (o->todo.kind == SLUICE_LEDGER_WRITE && o->todo.expected_exists) {
        o->todo.wanted.resets = o->todo.expected.resets;
        o->machine.writing.wanted.resets = o->todo.expected.resets;
    }
}

/* The write that opens a range is sent, and its outcome not waited for. */
static void insert_before_confirmed(world_t *w, owner_t *o, const event_t *event)
{
    event_t confirmed = {.kind = SLUICE_LEDGER_ROW_READ, .exists = true};
    if (event->kind != SLUICE_LEDGER_BATCH || o->todo.kind != SLUICE_LEDGER_WRITE || w->n_writes == MAX_LATE)
        return;
    w->writes[w->n_writes++] =
        (struct late_write){.owner = (int)(o - w->owners), .generation = o->generation, .action = o->todo};
    confirmed.row = o->machine.writing.wanted;
    answer(o, &confirmed);
}

static void commit_before_insert(world_t *w, owner_t *o, const event_t *event)
{
    struct late_commit early = {.generation = o->generation, .row = o->machine.row};
    (void)event;
    early.row.next = o->machine.row.hi + 1;
    early.row.hi = -1;
    if (o->todo.kind == SLUICE_LEDGER_INSERT)
        (void)world_commit(w, &early);
}

static void close_without_replay(world_t *w, owner_t *o, const event_t *event)
{
    struct sluice_ledger_action *a = &o->todo;
    (void)w;
    if (event->kind != SLUICE_LEDGER_ROW_READ || a->kind != SLUICE_LEDGER_WRITE || a->wanted.hi < 0 ||
        o->machine.state != SLUICE_LEDGER_STARTING)
        return;
    a->wanted.next = a->wanted.hi + 1;
    a->wanted.hi = -1;
    o->machine.writing = *a;
}

static void start_before_commit(world_t *w, owner_t *o, const event_t *event)
{
    event_t committed = {.kind = SLUICE_LEDGER_COMMITTED};
    (void)w;
    (void)event;
    if (o->todo.kind == SLUICE_LEDGER_COMMIT)
        answer(o, &committed);
}

static void ignore_resets(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    (void)o;
    if (event->kind == SLUICE_LEDGER_ASSIGNED && event->commit.text != SLUICE_LEDGER_TEXT_ROW)
        event->commit.offset = -1;
}

/* The reset is the one that was read before the row. */
static void trust_old_reset(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_OFFSET_READ)
        event->commit = o->machine.commit;
}

static void ignore_lost_ledger(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_ROW_READ && !event->exists && o->todo.kind == SLUICE_LEDGER_READ &&
        o->machine.commit.text == SLUICE_LEDGER_TEXT_ROW)
        o->machine.commit.offset = -1;
}

static void ignore_old_ledger(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_ROW_READ && event->exists && o->todo.kind == SLUICE_LEDGER_READ) {
        o->machine.commit.row.seq = 0;
        o->machine.commit.row.epoch = 0;
    }
}

static void source_after_range(world_t *w, owner_t *o, const event_t *event)
{
    (void)w;
    if (event->kind != SLUICE_LEDGER_BATCH || o->todo.kind != SLUICE_LEDGER_WRITE)
        return;
    o->todo.wanted.source = event->source;
    o->machine.writing.wanted.source = event->source;
}

static void never_close(world_t *w, owner_t *o, event_t *event)
{
    (void)w;
    if (event->kind == SLUICE_LEDGER_REST)
        o->machine.commits_apart = true; /* a Kafka ledger closes its last range when there is nothing more */
}

const struct mutant mutants[] = {
    {"every 200 is trusted", false, trust_every_200, NULL},
    {"a 200 after a failed insert is trusted", false, NULL, trust_200_after_failure},
    {"a 200 after refused rows is trusted", false, NULL, trust_200_after_bad_rows},
    {"a replay forgets what was left out", false, NULL, forget_what_is_left_out},
    {"a 200 in a replay is trusted", false, NULL, trust_200_in_replay},
    {"the look-up is left out", false, look_up_nothing, NULL},
    {"a new attempt before the old token is used up", false, new_attempt_before_200, NULL},
    {"every retry has a new token", false, NULL, new_token_on_retry},
    {"a mark of any epoch is trusted", true, trust_old_marks, NULL},
    {"a foreign row is ignored", false, ignore_foreign_row, NULL},
    {"a reset keeps resets", false, NULL, keep_resets},
    {"the insert does not wait for the ledger", false, NULL, insert_before_confirmed},
    {"the commit does not wait for the insert", true, NULL, commit_before_insert},
    {"an open range is closed without replay", false, NULL, close_without_replay},
    {"the insert does not wait for the commit of a reset", true, NULL, start_before_commit},
    {"resets are ignored", true, ignore_resets, NULL},
    {"a reset is not read again", true, trust_old_reset, NULL},
    {"a lost ledger is ignored", true, ignore_lost_ledger, NULL},
    {"an old ledger is ignored", true, ignore_old_ledger, NULL},
    {"the state of the source is that after the range", false, NULL, source_after_range},
    {"the last range stays open", false, never_close, NULL},
};
const size_t n_mutants = SLUICE_N_ELEMENTS(mutants);
