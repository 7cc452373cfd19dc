/* foresight.c - see foresight.h. */
#include "admin/foresight.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* The answer to an action of the start, as the facts give it; false for what comes after the start. */
static bool answer(const struct partition_facts *facts, const struct sluice_ledger_action *action,
                   struct sluice_ledger_event *event)
{
    *event = (struct sluice_ledger_event){.commit = facts->commit};
    if (action->kind == SLUICE_LEDGER_READ) {
        event->kind = SLUICE_LEDGER_ROW_READ;
        event->exists = facts->exists;
        event->is_damaged = facts->is_damaged;
        event->row = facts->row;
    } else if (action->kind == SLUICE_LEDGER_WRITE) {
        event->kind = SLUICE_LEDGER_ROW_READ;
        event->exists = true;
        event->row = action->wanted;
    } else if (action->kind == SLUICE_LEDGER_READ_OFFSET) {
        event->kind = SLUICE_LEDGER_OFFSET_READ;
    } else if (action->kind == SLUICE_LEDGER_COMMIT) {
        event->kind = SLUICE_LEDGER_COMMITTED;
    } else {
        return false;
    }
    return true;
}

static enum sluice_ledger_action_kind play(struct sluice_ledger_machine *machine, const struct partition_facts *facts,
                                           struct sluice_ledger_event event)
{
    struct sluice_ledger_action action;
    do
        sluice_ledger_machine_step(machine, &event, &action);
    while (answer(facts, &action, &event));
    return action.kind;
}

/* The machine learns of missing records when it consumes; here the ends of the partition tell. */
static bool are_records_gone(const struct sluice_ledger_row *row, const struct partition_facts *facts)
{
    if (!facts->has_ends || row->next < 0)
        return false;
    return row->next < facts->low || row->next > facts->high || (row->hi >= 0 && row->hi >= facts->high);
}

struct foresight foresee(const struct partition_facts *facts)
{
    struct sluice_ledger_machine machine;
    const struct sluice_ledger_event assigned = {
        .kind = SLUICE_LEDGER_ASSIGNED, .commit = facts->commit, .owner = 1, .resets = 1};
    const struct sluice_ledger_event gone = {.kind = SLUICE_LEDGER_RECORDS_GONE,
                                             .loss = facts->is_other_topic ? SLUICE_LEDGER_OTHER_RECORD
                                                                           : SLUICE_LEDGER_OUT_OF_RANGE,
                                             .restart_at = facts->from_earliest ? facts->low : -1,
                                             .resets = 2};
    sluice_ledger_machine_init(&machine, facts->kind != SLUICE_LEDGER_KAFKA);
    enum sluice_ledger_action_kind end = play(&machine, facts, assigned);
    if ((end == SLUICE_LEDGER_START || end == SLUICE_LEDGER_REBUILD) &&
        (facts->is_other_topic || are_records_gone(&machine.row, facts)))
        (void)play(&machine, facts, gone);
    return (struct foresight){machine.state, machine.start, machine.row, machine.may_be_stored, machine.gave_up_hi};
}

bool foresight_is_stop(const struct foresight *foresight)
{
    return sluice_ledger_state_remedy(foresight->state)[0] != '\0';
}

void foresight_text(const struct foresight *foresight, char text[FORESIGHT_TEXT])
{
    const struct sluice_ledger_row *row = &foresight->row;
    if (foresight_is_stop(foresight))
        (void)snprintf(text, FORESIGHT_TEXT, "stops: %s", sluice_ledger_state_label(foresight->state));
    else if (foresight->state == SLUICE_LEDGER_REPLAYING)
        (void)snprintf(text, FORESIGHT_TEXT, "replays %" PRId64 "-%" PRId64, row->next, row->hi);
    else if (foresight->state != SLUICE_LEDGER_RUNNING)
        (void)snprintf(text, FORESIGHT_TEXT, "looks again");
    else if (row->next < 0)
        (void)snprintf(text, FORESIGHT_TEXT, "begins at auto.offset.reset");
    else if (foresight->start == SLUICE_LEDGER_FROM_RESET)
        (void)snprintf(text, FORESIGHT_TEXT, "begins at %" PRId64 ", not where it was", row->next);
    else
        (void)snprintf(text, FORESIGHT_TEXT, "goes on at %" PRId64, row->next);
}

struct sluice_ledger_commit commit_from(enum sluice_ledger_kind kind, const char *path, int64_t offset,
                                        const char *metadata)
{
    struct sluice_ledger_commit commit = {.offset = offset >= 0 ? offset : -1};
    enum sluice_ledger_kind mark_kind = kind;
    char mark_path[SLUICE_LEDGER_PATH] = "";
    commit.text = sluice_ledger_row_parse(&commit.row, &mark_kind, mark_path, offset >= 0 ? metadata : NULL);
    commit.is_other = commit.text == SLUICE_LEDGER_TEXT_ROW && (mark_kind != kind || strcmp(mark_path, path) != 0);
    return commit;
}

const char *commit_mark(const struct partition_facts *facts)
{
    const struct sluice_ledger_commit *commit = &facts->commit;
    if (commit->offset < 0)
        return "none";
    if (commit->is_other)
        return "other ledger";
    if (commit->text == SLUICE_LEDGER_TEXT_SOURCE)
        return "source";
    if (commit->text != SLUICE_LEDGER_TEXT_ROW || commit->row.next != commit->offset)
        return "not ours";
    bool is_older = facts->exists && !facts->is_damaged &&
                    (commit->row.resets != facts->row.resets ||
                     (commit->row.epoch < facts->row.epoch && commit->offset != facts->row.next));
    return is_older ? "older" : "ours";
}
