/* choose.h - opens the ledger on which a pipeline's options and its server decide, ready for use.
 *
 * `sluice run`, `sluice check` and `sluice ledger` all come here, so that they never disagree about which one it is.
 * Thread: any, one at a time; curl_global_init() is the program's.
 */
#ifndef SLUICE_LEDGER_CHOOSE_H
#define SLUICE_LEDGER_CHOOSE_H

#include "ledger/ledger.h"
#include "sluice/config.h"

enum { SLUICE_LEDGER_REASON = 384 };

enum sluice_ledger_use { SLUICE_LEDGER_TO_LOOK, SLUICE_LEDGER_TO_WRITE };

/* One attempt: option ledger, and for `auto` a KeeperMap if the server offers it, else Kafka. A server that can't be
 * reached, or whose Keeper can't, is an error and never a reason to take the other ledger. The table is made if it is
 * missing; to write, the ledger is tried out with a row of its own (sluice_ledger_prepare()).
 * `cluster_id`: sluice_consumer_cluster_id(). `abort`: ends a running request, NULL: never. `reason` on success: which
 * one and why, for a person. Errors: SLUICE_RETRY where a later attempt may succeed; else SLUICE_STOP, with
 * SLUICE_E_UNSAFE where the server does not have what the option asks for: without it there is no exactly once. */
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_open(const struct sluice_config *config, const char *cluster_id,
                                                      enum sluice_ledger_use use, const atomic_bool *abort,
                                                      struct sluice_ledger **out, char reason[SLUICE_LEDGER_REASON],
                                                      struct sluice_error *err);

#endif
