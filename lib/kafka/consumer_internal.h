/* consumer_internal.h - the consumer's state, shared by consumer.c (life, polling, where to read, commits), rebalance.c
 * (partitions that come and go) and questions.c (what the cluster is asked). Thread: as consumer.h. */
#ifndef SLUICE_KAFKA_CONSUMER_INTERNAL_H
#define SLUICE_KAFKA_CONSUMER_INTERNAL_H

#include "kafka/consumer.h"

struct sluice_consumer {
    rd_kafka_t *rk;
    struct sluice_consumer_handler handler;
    rd_kafka_topic_partition_list_t *subscription;
    const char *excluded[SLUICE_MAX_EXCLUDED]; /* borrowed from the options */
    size_t n_excluded;
    int64_t start_without_commit; /* RD_KAFKA_OFFSET_BEGINNING or _END */
    struct sluice_error fatal;    /* set by the rebalance callback, reported by the next poll */
    bool has_fatal;
    bool wants_to_join; /* an assignment was refused: the next poll joins the group again */
    bool has_refused;   /* ever: so partitions may be revoked that the handler never had */
    bool starts_paused;
    bool has_dead; /* a partition of this assignment ended with an offset that is not there */
    struct sluice_kafka_membership *membership; /* as of the newest assignment */
    rd_kafka_topic_partition_list_t *oldest;    /* offsets of that assignment, negative once they are taken */
};

/* rebalance.c: for rd_kafka_conf_set_rebalance_cb(), with the consumer as opaque. */
void consumer_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *partitions,
                           void *opaque);
/* Takes those out of the list that are not assigned. */
void consumer_keep_assigned(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *list);

#endif
