/* delivery_check.h - the lines of `sluice check` about exactly-once delivery. Thread: main. */
#ifndef SLUICE_ADMIN_DELIVERY_CHECK_H
#define SLUICE_ADMIN_DELIVERY_CHECK_H

#include "admin/report.h"
#include "clickhouse/client.h"
#include "kafka/consumer.h"
#include "sluice/config.h"
#include "table/target.h"

/* Which ledger is used and why, that it can be written, which partitions a worker would stop, and that the
 * brokers keep texts as long as its rows. Makes the
 * ledger's table if it is missing. */
void delivery_check_ledger(struct report *report, const struct sluice_config *config, struct sluice_consumer *consumer,
                           int timeout_ms);

/* Whether a table that is there can take part: engine, views, several servers, and the window against the time in which
 * an insert may be repeated. `n_partitions`: of the topic that feeds it. */
void delivery_check_target(struct report *report, const struct sluice_config *config, struct sluice_ch_client *client,
                           struct sluice_target *target, int n_partitions);

#endif
