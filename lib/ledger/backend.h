/* backend.h - what a ledger backend gives to ledger.c. Private to lib/ledger. */
#ifndef SLUICE_LEDGER_BACKEND_H
#define SLUICE_LEDGER_BACKEND_H

#include "ledger/ledger.h"

struct ledger_backend {
    enum sluice_ledger_kind kind;
    /* As the functions of ledger.h; n_calls is never 0, the results are empty on entry. `path` may be left out: "-". */
    enum sluice_code (*run)(struct sluice_ledger *ledger, struct sluice_ledger_call *calls, size_t n_calls,
                            struct sluice_error *err);
    enum sluice_code (*prepare)(struct sluice_ledger *ledger, struct sluice_error *err);
    enum sluice_code (*look)(struct sluice_ledger *ledger, struct sluice_error *err);
    enum sluice_code (*visit)(struct sluice_ledger *ledger, sluice_ledger_visit_fn visit, void *context,
                              struct sluice_error *err);
    const char *(*path)(const struct sluice_ledger *ledger);
    void (*free)(struct sluice_ledger *ledger); /* never NULL; half-built too */
};

/* First member of the struct of each backend. A backend counts statements; ledger.c counts the rest. */
struct sluice_ledger {
    const struct ledger_backend *backend;
    struct sluice_ledger_counts counts;
};

#endif
