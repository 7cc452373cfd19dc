/* previous.h - asks the target for the earlier rows that the rows of a batch depend on (table/settle.h).
 *
 * Conclusive for what was acknowledged before, and on a replicated table after the replica that answers was brought up
 * to date. Owner: as client.h (sender).
 */
#ifndef SLUICE_CLICKHOUSE_PREVIOUS_H
#define SLUICE_CLICKHOUSE_PREVIOUS_H

#include "clickhouse/client.h"
#include "table/settle.h"

/* Asks everything that `settle` wants to know, in as few statements as the keys fit into, and hands the answers over.
 * Errors: as sluice_ch_query() and settle_answer(). */
SLUICE_MUST_CHECK enum sluice_code sluice_ch_ask_previous(struct sluice_ch_client *client,
                                                          const struct sluice_plan *plan, struct settle *settle,
                                                          struct sluice_error *err);

#endif
