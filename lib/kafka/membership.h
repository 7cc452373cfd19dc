/* membership.h - who a member of the consumer group was at the moment a partition was assigned to it.
 *
 * An offset that is committed in a transaction carries it, and the broker refuses it once the group has gone on to the
 * next generation, or the member was replaced: that is the fence of the Kafka ledger. What was captured never changes
 * (librdkafka copies it when asked). Immutable and counted; any thread.
 */
#ifndef SLUICE_KAFKA_MEMBERSHIP_H
#define SLUICE_KAFKA_MEMBERSHIP_H

#include "base/compiler.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

struct sluice_kafka_membership;

/* Captures what this consumer is now; NULL without memory. Thread: consumer, within the rebalance callback: there the
 * group can't go on to another generation before the callback is over. */
struct sluice_kafka_membership *sluice_kafka_membership_new(rd_kafka_t *rk);
struct sluice_kafka_membership *sluice_kafka_membership_ref(struct sluice_kafka_membership *membership);
void sluice_kafka_membership_unref(struct sluice_kafka_membership *membership); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(sluice_kafka_membership, struct sluice_kafka_membership, sluice_kafka_membership_unref)

/* Different for each one that was captured by this process. */
uint64_t sluice_kafka_membership_id(const struct sluice_kafka_membership *membership);
/* For rd_kafka_send_offsets_to_transaction(). NULL when the member had been put out of the group already: nothing may
 * be written in its name. */
const rd_kafka_consumer_group_metadata_t *
sluice_kafka_membership_metadata(const struct sluice_kafka_membership *membership);

#endif
