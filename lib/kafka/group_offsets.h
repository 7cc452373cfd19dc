/* group_offsets.h - a consumer group's committed offsets and the texts beside them, read and written beside the
 * consumer.
 *
 * Writes that carry a membership go in a transaction, which the broker refuses once the group has gone on without that
 * member; reads are stable: they wait for open transactions. So what was read after an assignment can't be changed by
 * any earlier owner any more.
 *
 * A write whose outcome is unclear must not land after a later read. So the next call first starts a new producer under
 * the same transactional id: that ends the transaction of the one before, and brokers refuse what is still on its way
 * from it (its epoch is over in the log of the group's offsets).
 *
 * Owner: one thread at a time.
 */
#ifndef SLUICE_KAFKA_GROUP_OFFSETS_H
#define SLUICE_KAFKA_GROUP_OFFSETS_H

#include "kafka/consumer.h"

struct sluice_group_offsets;

struct sluice_group_offsets_options {
    const char *bootstrap_servers;
    const char *group_id;
    const char *transactional_id;               /* of this object alone */
    const struct sluice_config_property *extra; /* only what concerns connections is used */
    size_t n_extra;
};

/* Connects nothing yet. Texts are copied. Errors: SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_group_offsets_new(const struct sluice_group_offsets_options *options,
                                                            struct sluice_group_offsets **out,
                                                            struct sluice_error *err);
void sluice_group_offsets_free(struct sluice_group_offsets *offsets); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(sluice_group_offsets, struct sluice_group_offsets, sluice_group_offsets_free)

/* Starts the producer if there is none or if what it wrote last is unclear; else does nothing. Errors: SLUICE_E_KAFKA,
 * SLUICE_E_CONFIG. */
SLUICE_MUST_CHECK enum sluice_code sluice_group_offsets_settle(struct sluice_group_offsets *offsets,
                                                               struct sluice_error *err);

/* Fills in offset (negative: none) and metadata of the partitions in `list`. Errors: SLUICE_E_KAFKA, also when a
 * transaction stays open for too long; those of settling, where something is unclear. */
SLUICE_MUST_CHECK enum sluice_code sluice_group_offsets_read(struct sluice_group_offsets *offsets,
                                                             rd_kafka_topic_partition_list_t *list,
                                                             struct sluice_error *err);

/* All there are, as committed last; does not wait for transactions. Takes ownership of *list: the caller. */
SLUICE_MUST_CHECK enum sluice_code sluice_group_offsets_read_all(struct sluice_group_offsets *offsets,
                                                                 rd_kafka_topic_partition_list_t **list,
                                                                 struct sluice_error *err);

/* One transaction: all or nothing. No offset may be negative. Errors: SLUICE_E_KAFKA; *refused: the broker refused the
 * membership, nothing was written. */
SLUICE_MUST_CHECK enum sluice_code sluice_group_offsets_write(struct sluice_group_offsets *offsets,
                                                              const rd_kafka_topic_partition_list_t *list,
                                                              const struct sluice_kafka_membership *membership,
                                                              bool *refused, struct sluice_error *err);

/* A plain commit, for which the group must have no members. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_group_offsets_set(struct sluice_group_offsets *offsets,
                                                            rd_kafka_topic_partition_list_t *list,
                                                            struct sluice_error *err);

#endif
