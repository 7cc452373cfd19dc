/* ledger.c - see ledger.h. Passes on to the backend and counts what came out. */
#include "ledger/backend.h"

static void clear_result(struct sluice_ledger_call *call)
{
    call->exists = false;
    call->is_damaged = false;
    call->conflict = false;
    call->written_ms = 0;
    sluice_ledger_row_init(&call->row);
}

static bool is_written(const struct sluice_ledger_call *call)
{
    return call->is_write && call->exists && !call->is_damaged && sluice_ledger_row_equal(&call->row, &call->wanted);
}

enum sluice_code sluice_ledger_run(struct sluice_ledger *ledger, struct sluice_ledger_call *calls, size_t n_calls,
                                   struct sluice_error *err)
{
    for (size_t i = 0; i < n_calls; i++)
        clear_result(&calls[i]);
    if (n_calls == 0)
        return SLUICE_OK;
    enum sluice_code code = ledger->backend->run(ledger, calls, n_calls, err);
    if (code != SLUICE_OK)
        return code;
    for (size_t i = 0; i < n_calls; i++) {
        ledger->counts.n_writes += is_written(&calls[i]) ? 1 : 0;
        ledger->counts.n_conflicts += calls[i].conflict ? 1 : 0;
    }
    return SLUICE_OK;
}

enum sluice_code sluice_ledger_prepare(struct sluice_ledger *ledger, struct sluice_error *err)
{
    return ledger->backend->prepare(ledger, err);
}

enum sluice_code sluice_ledger_look(struct sluice_ledger *ledger, struct sluice_error *err)
{
    return ledger->backend->look(ledger, err);
}

enum sluice_code sluice_ledger_visit(struct sluice_ledger *ledger, sluice_ledger_visit_fn visit, void *context,
                                     struct sluice_error *err)
{
    return ledger->backend->visit(ledger, visit, context, err);
}

enum sluice_ledger_kind sluice_ledger_kind(const struct sluice_ledger *ledger)
{
    return ledger->backend->kind;
}

const char *sluice_ledger_path(const struct sluice_ledger *ledger)
{
    return ledger->backend->path != NULL ? ledger->backend->path(ledger) : "-";
}

struct sluice_ledger_counts sluice_ledger_counts(const struct sluice_ledger *ledger)
{
    return ledger->counts;
}

void sluice_ledger_free(struct sluice_ledger *ledger)
{
    if (ledger != NULL)
        ledger->backend->free(ledger);
}
