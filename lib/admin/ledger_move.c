/* ledger_move.c - see ledger_move.h. */
#include "admin/ledger_move.h"

#include "base/point.h"

#include <inttypes.h>

static enum sluice_code write_row(const struct ledger_view *view, const struct ledger_entry *entry,
                                  const struct sluice_ledger_row *row, struct sluice_error *err)
{
    struct sluice_ledger_call call = {.topic = entry->topic,
                                      .partition = entry->partition,
                                      .is_write = true,
                                      .expected_exists = entry->facts.exists,
                                      .expected = entry->facts.row,
                                      .wanted = *row};
    enum sluice_code code = sluice_ledger_run(view->ledger, &call, 1, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err, "write the ledger's row of topic \"%s\" partition %" PRId32, entry->topic,
                                 entry->partition);
    if (!call.exists || call.is_damaged || !sluice_ledger_row_equal(&call.row, &call.wanted))
        return sluice_error_set(err, SLUICE_E_LEDGER, SLUICE_STOP,
                                "topic \"%s\" partition %" PRId32 ": the row was changed meanwhile, so a worker runs; "
                                "stop it and repeat the command",
                                entry->topic, entry->partition);
    return SLUICE_OK;
}

enum sluice_code ledger_move_commit(const struct ledger_view *view, const struct ledger_entry *entry, int64_t offset,
                                    const char *text, struct sluice_error *err)
{
    const struct sluice_kafka_position position = {entry->topic, entry->partition, offset, text};
    enum sluice_code code = sluice_consumer_commit_now(view->consumer, &position, 1, err);
    if (code != SLUICE_OK)
        return sluice_error_wrap(err,
                                 "commit offset %" PRId64 " of topic \"%s\" partition %" PRId32 " (repeat the command)",
                                 offset, entry->topic, entry->partition);
    return SLUICE_OK;
}

enum sluice_code ledger_move(const struct ledger_view *view, const struct ledger_entry *entry,
                             const struct sluice_ledger_row *row, struct sluice_error *err)
{
    char text[SLUICE_LEDGER_TEXT];
    enum sluice_code code = SLUICE_OK;
    if (entry->facts.kind != SLUICE_LEDGER_KAFKA)
        code = write_row(view, entry, row, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_POINT("before_move_commit");
    sluice_ledger_row_format(row, entry->facts.kind, sluice_ledger_path(view->ledger), text);
    return ledger_move_commit(view, entry, row->next, text, err);
}
