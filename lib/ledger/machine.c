/* machine.c - see machine.h. Rules by number: docs/delivery.md. */
#include "ledger/machine.h"

#include "base/compiler.h"

#define STATE_LABEL(symbol, label) (label),
static const char *const labels[] = {SLUICE_LEDGER_STATES(STATE_LABEL)};

const char *sluice_ledger_state_label(enum sluice_ledger_state state)
{
    return labels[state];
}

const char *sluice_ledger_state_remedy(enum sluice_ledger_state state)
{
    switch (state) {
    case SLUICE_LEDGER_LOST:
        return "the ledger has no row of this partition though the group's offset was committed with it (rows are kept "
               "by the pipeline's name: was it changed?); restore the ledger, or accept what is stored: stop the "
               "workers and run sluice ledger repair, or move the group's "
               "offset with any Kafka tool";
    case SLUICE_LEDGER_BEHIND:
        return "the ledger is older than the group's committed offset, as after a restore of Keeper; restore a newer "
               "ledger, or stop the workers and run sluice ledger repair, or move the group's offset with any Kafka "
               "tool";
    case SLUICE_LEDGER_OTHER:
        return "the group's offsets were committed with another ledger; start with the options ledger and "
               "clickhouse.ledger_path of before, or change over with the workers stopped: sluice ledger repair --all "
               "--from-group, or move the group's offset with any Kafka tool";
    case SLUICE_LEDGER_OFFSET_LOST:
        return "the topic does not have the offset to go on from (retention, or a topic made anew); choose another one "
               "with any Kafka tool or sluice ledger repair, or set on_offset_lost: earliest";
    case SLUICE_LEDGER_TOPIC_ANEW:
        return "the topic holds other records than those that were read, so it was made anew; move the group's offset "
               "to where to begin with any Kafka tool or sluice ledger repair, or set on_offset_lost: earliest";
    case SLUICE_LEDGER_NOT_REBUILDABLE:
        return "records of the range that was being stored are gone from the topic, so whether all its rows are stored "
               "can't be found out; compare the table with its source, then move the group's offset with any Kafka "
               "tool or sluice ledger repair, or set on_offset_lost: earliest";
    case SLUICE_LEDGER_DAMAGED:
        return "the ledger's row of this partition is not what a worker writes there, so somebody edited it; stop the "
               "workers and run sluice ledger repair, which shows what it means and writes the row anew";
    case SLUICE_LEDGER_STARTING:
    case SLUICE_LEDGER_REPLAYING:
    case SLUICE_LEDGER_RUNNING:
    case SLUICE_LEDGER_CONTENDED:
    case SLUICE_LEDGER_ENDED:
    case SLUICE_N_LEDGER_STATES:
        return "";
    }
    return "";
}

void sluice_ledger_machine_init(struct sluice_ledger_machine *machine, bool commits_apart)
{
    *machine = (struct sluice_ledger_machine){.commits_apart = commits_apart, .state = SLUICE_LEDGER_STARTING};
    sluice_ledger_row_init(&machine->row);
    sluice_ledger_row_init(&machine->written);
}

bool sluice_ledger_machine_rests(const struct sluice_ledger_machine *machine)
{
    return machine->step == STEP_RESTING;
}

static const struct sluice_ledger_check no_check = {.offset = -1};

typedef struct sluice_ledger_machine machine_t;
typedef struct sluice_ledger_action action_t;
typedef struct sluice_ledger_event event_t;

static void act(machine_t *m, enum sluice_ledger_step step, action_t *action, enum sluice_ledger_action_kind kind)
{
    m->step = step;
    action->kind = kind;
}

static void stop(machine_t *m, enum sluice_ledger_state state, action_t *action)
{
    m->state = state;
    act(m, STEP_OVER, action, SLUICE_LEDGER_STOP);
}

/* Somebody else has the row. What is under way may still end well, but it is not ours to go on. */
static void yield_to_other(machine_t *m, action_t *action)
{
    m->state = SLUICE_LEDGER_CONTENDED;
    act(m, STEP_OVER, action, SLUICE_LEDGER_ASSIGN_AGAIN);
}

/* A write is repeated as it was, for ever: of several copies on their way only one can find what it expects. */
static void write_again(machine_t *m, enum sluice_ledger_step step, action_t *action)
{
    *action = m->writing;
    act(m, step, action, SLUICE_LEDGER_WRITE);
}

static void write_row(machine_t *m, enum sluice_ledger_step step, const struct sluice_ledger_row *wanted,
                      action_t *action)
{
    m->writing = (action_t){.expected_exists = m->exists, .expected = m->written, .wanted = *wanted};
    m->writing.wanted.seq = m->written.seq + 1;
    write_again(m, step, action);
}

/* Rule 2. The committed offset that counts as an operator's wish: one without our mark, or with a mark that was copied
 * to another offset. */
static bool is_reset(const struct sluice_ledger_commit *commit)
{
    return commit->offset >= 0 && (commit->text != SLUICE_LEDGER_TEXT_ROW || commit->row.next != commit->offset);
}

/* `source`: what is known of the source at `next`; the records there may be any, so there is nothing to check. */
static void begin_at(machine_t *m, int64_t next, uint64_t resets, const struct sluice_source_state *source,
                     struct sluice_ledger_row *wanted)
{
    m->start = SLUICE_LEDGER_FROM_RESET;
    m->may_be_stored = wanted->hi >= 0;
    m->gave_up_hi = wanted->hi;
    m->gave_up_next = wanted->next;
    m->commit_before_start = m->commits_apart;
    wanted->resets = resets;
    wanted->next = next;
    wanted->hi = -1;
    wanted->attempt = 0;
    wanted->check = no_check;
    wanted->last = no_check;
    wanted->skip.n = 0;
    wanted->source = *source;
}

/* The mark of the owner before us tells how far it came after its last write. Marks of earlier owners are late commits:
 * what they say may rest on an answer to a token that somebody else had used. */
static void follow_mark(machine_t *m, struct sluice_ledger_row *wanted)
{
    const struct sluice_ledger_row *mark = &m->commit.row;
    int64_t known = wanted->hi >= 0 ? wanted->hi : wanted->next;
    if (mark->resets != wanted->resets || mark->epoch != wanted->epoch || m->commit.offset <= known)
        return;
    m->start = SLUICE_LEDGER_FROM_COMMIT;
    wanted->next = m->commit.offset;
    wanted->hi = -1;
    wanted->attempt = 0;
    wanted->check = mark->check;
    wanted->last = no_check;
    wanted->skip.n = 0;
    wanted->source = mark->source;
}

static bool is_behind(const struct sluice_ledger_row *row, const struct sluice_ledger_row *mark)
{
    return mark->seq > row->seq || mark->epoch > row->epoch;
}

/* Does the mark in Kafka say what the row says? It may have expired, or stand at a late commit: without new records
 * nothing else would set that right. Or somebody has honoured a reset in the row and not committed it yet: an insert
 * before that commit would let the next owner honour the reset once more. An open range was opened behind such a
 * commit. */
static bool is_committed(const struct sluice_ledger_commit *commit, const struct sluice_ledger_row *row)
{
    if (row->next < 0 || row->hi >= 0)
        return true;
    return commit->offset == row->next && commit->text == SLUICE_LEDGER_TEXT_ROW && commit->row.resets == row->resets;
}

/* The row as it was read decides, together with the committed offset, what the row becomes; the write that acquires it
 * carries the decision, so both hold or neither does. */
static void acquire(machine_t *m, action_t *action)
{
    const struct sluice_ledger_commit *commit = &m->commit;
    struct sluice_ledger_row wanted = m->written;
    bool has_mark = commit->offset >= 0 && commit->text == SLUICE_LEDGER_TEXT_ROW && !is_reset(commit);
    m->start = m->exists ? SLUICE_LEDGER_FROM_ROW : SLUICE_LEDGER_FROM_NOTHING;
    if (commit->is_other) {
        stop(m, SLUICE_LEDGER_OTHER, action);
        return;
    }
    if (!m->commits_apart && !m->exists && has_mark) { /* the row is the commit, so it changed between two reads */
        yield_to_other(m, action);
        return;
    }
    if (has_mark && !m->exists) {
        stop(m, SLUICE_LEDGER_LOST, action);
        return;
    }
    if (m->commits_apart && has_mark && is_behind(&m->written, &commit->row)) {
        stop(m, SLUICE_LEDGER_BEHIND, action);
        return;
    }
    if (!m->exists)
        wanted.resets = m->resets;
    if (is_reset(commit) && (m->commits_apart || !m->exists))
        begin_at(m, commit->offset, m->resets, &commit->row.source, &wanted);
    else if (has_mark && m->commits_apart)
        follow_mark(m, &wanted);
    if (m->commits_apart && !is_committed(commit, &wanted))
        m->commit_before_start = true;
    wanted.epoch = m->written.epoch + 1;
    wanted.owner = m->owner;
    write_row(m, STEP_ACQUIRING, &wanted, action);
}

/* Rule 2. The offset that was read at the assignment may be old by now: somebody took over, honoured the same reset and
 * stored rows, and honouring it again would store them twice. Nobody stores anything for a reset before it has written
 * the row and then committed. So a reset that still stands after the row was read is not honoured by anybody, unless
 * the row has changed since, which the write finds out. Marks need no such care: the row says all that they may say. */
static void on_started(machine_t *m, action_t *action)
{
    if (m->commits_apart && !m->commit.is_other && is_reset(&m->commit))
        act(m, STEP_READING_OFFSET, action, SLUICE_LEDGER_READ_OFFSET);
    else
        acquire(m, action);
}

static void on_offset_read(machine_t *m, const event_t *event, action_t *action)
{
    m->commit = event->commit;
    if (is_reset(&m->commit))
        acquire(m, action);
    else
        yield_to_other(m, action);
}

static void start_consuming(machine_t *m, action_t *action)
{
    if (m->row.hi >= 0) {
        m->state = SLUICE_LEDGER_REPLAYING;
        act(m, STEP_REBUILDING, action, SLUICE_LEDGER_REBUILD);
        return;
    }
    m->state = SLUICE_LEDGER_RUNNING;
    act(m, STEP_RESTING, action, SLUICE_LEDGER_START);
}

static void on_acquired(machine_t *m, action_t *action)
{
    if (m->commit_before_start) {
        m->commit_before_start = false;
        act(m, STEP_COMMITTING, action, SLUICE_LEDGER_COMMIT);
        return;
    }
    start_consuming(m, action);
}

/* The batch is durable. */
static void finish(machine_t *m, int64_t next, action_t *action)
{
    m->state = SLUICE_LEDGER_RUNNING;
    m->row.next = next;
    m->is_unsettled = m->is_unsettled || m->row.hi >= 0;
    m->row.hi = -1;
    m->row.attempt = 0;
    m->row.source = m->source_after;
    m->row.check = m->check_after;
    m->row.last = no_check;
    m->row.skip.n = 0;
    act(m, STEP_DONE, action, SLUICE_LEDGER_DONE);
}

static void on_written(machine_t *m, action_t *action)
{
    enum sluice_ledger_step step = m->step;
    m->written = m->writing.wanted;
    m->exists = true;
    m->row = m->written;
    if (step == STEP_ACQUIRING) {
        on_acquired(m, action);
    } else if (step == STEP_OPENING) { /* nobody can have used the token before */
        m->token_was_sent = false;
        m->token_is_used = false;
        act(m, STEP_INSERTING, action, SLUICE_LEDGER_INSERT);
    } else if (step == STEP_SKIPPING) { /* what was refused went out under this token */
        m->token_was_sent = true;
        act(m, STEP_INSERTING, action, SLUICE_LEDGER_INSERT);
    } else {
        act(m, STEP_DONE, action, SLUICE_LEDGER_DONE);
    }
}

/* Not there though it was: for a ledger of its own a loss; where the row stands beside Kafka's offset, somebody moved
 * that. */
static void on_vanished(machine_t *m, action_t *action)
{
    if (m->commits_apart && m->step != STEP_ACQUIRING)
        stop(m, SLUICE_LEDGER_LOST, action);
    else
        yield_to_other(m, action);
}

static bool is_row(bool exists_a, const struct sluice_ledger_row *a, bool exists_b, const struct sluice_ledger_row *b)
{
    return exists_a == exists_b && (!exists_a || sluice_ledger_row_equal(a, b));
}

/* The row was read and is as we wrote it. */
static void on_ours(machine_t *m, action_t *action)
{
    if (m->step == STEP_CONFIRMING) {
        act(m, STEP_INSERTING, action, SLUICE_LEDGER_INSERT);
        return;
    }
    m->is_unsettled = false;
    act(m, STEP_RESTING, action, SLUICE_LEDGER_WAIT);
}

static bool waits_for_row(const machine_t *m)
{
    return m->step == STEP_READING || m->step == STEP_CONFIRMING || m->step == STEP_SETTLING ||
           m->step == STEP_ACQUIRING || m->step == STEP_OPENING || m->step == STEP_SKIPPING || m->step == STEP_CLOSING;
}

static void on_row(machine_t *m, const event_t *event, action_t *action)
{
    if (event->is_damaged) {
        stop(m, SLUICE_LEDGER_DAMAGED, action);
    } else if (m->step == STEP_READING) {
        m->exists = event->exists;
        if (event->exists)
            m->written = event->row;
        on_started(m, action);
    } else if (m->step == STEP_CONFIRMING || m->step == STEP_SETTLING) {
        if (is_row(event->exists, &event->row, m->exists, &m->written))
            on_ours(m, action);
        else if (!event->exists)
            on_vanished(m, action);
        else
            yield_to_other(m, action);
    } else {
        if (is_row(event->exists, &event->row, true, &m->writing.wanted))
            on_written(m, action);
        else if (is_row(event->exists, &event->row, m->exists, &m->written))
            write_again(m, m->step, action);
        else if (!event->exists)
            on_vanished(m, action);
        else
            yield_to_other(m, action);
    }
}

/* Rules 4 and 9. */
static void on_batch(machine_t *m, const event_t *event, action_t *action)
{
    struct sluice_ledger_row wanted = m->row;
    m->source_after = event->source;
    m->check_after = event->check;
    if (wanted.next < 0)
        wanted.next = event->lo;
    m->row.next = wanted.next;
    if (event->has_rows) {
        wanted.hi = event->hi;
        wanted.attempt = 0;
        wanted.last = event->check;
        wanted.skip = event->skip;
        write_row(m, STEP_OPENING, &wanted, action);
    } else if (m->commits_apart) {
        finish(m, event->hi + 1, action);
    } else {
        wanted.next = event->hi + 1;
        wanted.hi = -1;
        wanted.source = event->source;
        wanted.check = event->check;
        write_row(m, STEP_CLOSING, &wanted, action);
    }
}

/* An acknowledgement is worth nothing if somebody took the row over meanwhile and used the token for a request that
 * stored nothing. The next write finds that out; without one, the row is read once before the partition rests. */
static void on_rest(machine_t *m, action_t *action)
{
    if (!m->commits_apart && (m->written.hi >= 0 || m->written.next != m->row.next))
        write_row(m, STEP_CLOSING, &m->row, action);
    else if (m->commits_apart && m->is_unsettled)
        act(m, STEP_SETTLING, action, SLUICE_LEDGER_READ);
    else
        act(m, STEP_RESTING, action, SLUICE_LEDGER_WAIT);
}

static void on_records_gone(machine_t *m, const event_t *event, action_t *action)
{
    struct sluice_ledger_row wanted = m->row;
    if (event->restart_at < 0) {
        if (event->loss == SLUICE_LEDGER_OTHER_RECORD)
            stop(m, SLUICE_LEDGER_TOPIC_ANEW, action);
        else
            stop(m, m->step == STEP_REBUILDING ? SLUICE_LEDGER_NOT_REBUILDABLE : SLUICE_LEDGER_OFFSET_LOST, action);
        return;
    }
    m->state = SLUICE_LEDGER_STARTING;
    begin_at(m, event->restart_at, event->resets, &m->row.source, &wanted);
    write_row(m, STEP_ACQUIRING, &wanted, action);
}

/* Is the last record of the range another one than when it was opened? Compaction may have removed it since; then there
 * is nothing to compare. */
static bool is_other_range(const struct sluice_ledger_check *last, const struct sluice_ledger_check *found)
{
    if (last->offset < 0 || found->offset < last->offset)
        return false;
    return found->offset > last->offset || found->timestamp_ms != last->timestamp_ms || found->crc != last->crc;
}

static void on_rebuilt(machine_t *m, const event_t *event, action_t *action)
{
    if (is_other_range(&m->row.last, &event->check)) {
        on_records_gone(m, event, action);
        return;
    }
    m->source_after = event->source;
    m->check_after = event->check;
    m->token_was_sent = true;
    m->token_is_used = false;
    if (event->has_rows)
        act(m, STEP_LOOKING, action, SLUICE_LEDGER_LOOKUP);
    else
        finish(m, m->row.hi + 1, action);
}

/* Rule 5: only the first answer to a token that nobody sent before proves anything. */
static void on_inserted(machine_t *m, action_t *action)
{
    if (!m->token_was_sent) {
        finish(m, m->row.hi + 1, action);
        return;
    }
    m->token_is_used = true;
    act(m, STEP_LOOKING, action, SLUICE_LEDGER_LOOKUP);
}

/* Rule 6: the range, its attempt and so its token stay. Whoever replays the range must leave out the same rows: one
 * that the table takes later has its dead letter. */
static void on_bad_rows(machine_t *m, const event_t *event, action_t *action)
{
    struct sluice_ledger_row wanted = m->written;
    wanted.skip = event->skip;
    write_row(m, STEP_SKIPPING, &wanted, action);
}

static void on_looked_up(machine_t *m, size_t n_missing, action_t *action)
{
    struct sluice_ledger_row wanted = m->written;
    if (n_missing == 0) {
        finish(m, m->row.hi + 1, action);
    } else if (m->token_is_used) {
        wanted.attempt++;
        write_row(m, STEP_OPENING, &wanted, action);
    } else {
        act(m, STEP_INSERTING, action, SLUICE_LEDGER_INSERT);
    }
}

/* Is this the event that the machine waits for? Any other is a late answer and means nothing. */
static bool is_due(const machine_t *m, enum sluice_ledger_event_kind kind)
{
    switch (kind) {
    case SLUICE_LEDGER_ASSIGNED:
        return m->step == STEP_NEW;
    case SLUICE_LEDGER_ROW_READ:
        return waits_for_row(m);
    case SLUICE_LEDGER_OFFSET_READ:
        return m->step == STEP_READING_OFFSET;
    case SLUICE_LEDGER_COMMITTED:
        return m->step == STEP_COMMITTING;
    case SLUICE_LEDGER_REBUILT:
        return m->step == STEP_REBUILDING;
    case SLUICE_LEDGER_BATCH:
        return m->step == STEP_RESTING || m->step == STEP_DONE;
    case SLUICE_LEDGER_REST:
        return m->step == STEP_DONE;
    case SLUICE_LEDGER_INSERTED:
    case SLUICE_LEDGER_BAD_ROWS:
    case SLUICE_LEDGER_INSERT_FAILED:
        return m->step == STEP_INSERTING;
    case SLUICE_LEDGER_LOOKED_UP:
        return m->step == STEP_LOOKING;
    case SLUICE_LEDGER_RECORDS_GONE:
        return m->step == STEP_RESTING || m->step == STEP_REBUILDING;
    case SLUICE_LEDGER_LEAVE:
        return true;
    }
    return false;
}

void sluice_ledger_machine_step(struct sluice_ledger_machine *machine, const struct sluice_ledger_event *event,
                                struct sluice_ledger_action *action)
{
    machine_t *m = machine;
    *action = (action_t){.kind = SLUICE_LEDGER_WAIT};
    if (m->step == STEP_OVER || !is_due(m, event->kind))
        return;
    switch (event->kind) {
    case SLUICE_LEDGER_ASSIGNED:
        m->commit = event->commit;
        m->owner = event->owner;
        m->resets = event->resets;
        act(m, STEP_READING, action, SLUICE_LEDGER_READ);
        break;
    case SLUICE_LEDGER_ROW_READ:
        on_row(m, event, action);
        break;
    case SLUICE_LEDGER_OFFSET_READ:
        on_offset_read(m, event, action);
        break;
    case SLUICE_LEDGER_COMMITTED:
        start_consuming(m, action);
        break;
    case SLUICE_LEDGER_REBUILT:
        on_rebuilt(m, event, action);
        break;
    case SLUICE_LEDGER_BATCH:
        on_batch(m, event, action);
        break;
    case SLUICE_LEDGER_REST:
        on_rest(m, action);
        break;
    case SLUICE_LEDGER_INSERTED:
        on_inserted(m, action);
        break;
    case SLUICE_LEDGER_BAD_ROWS:
        on_bad_rows(m, event, action);
        break;
    case SLUICE_LEDGER_INSERT_FAILED:
        m->token_was_sent = m->token_was_sent || event->was_sent;
        act(m, STEP_CONFIRMING, action, SLUICE_LEDGER_READ);
        break;
    case SLUICE_LEDGER_LOOKED_UP:
        on_looked_up(m, event->n_missing, action);
        break;
    case SLUICE_LEDGER_RECORDS_GONE:
        on_records_gone(m, event, action);
        break;
    case SLUICE_LEDGER_LEAVE:
        m->state = SLUICE_LEDGER_ENDED;
        m->step = STEP_OVER;
        break;
    }
}
