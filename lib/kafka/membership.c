/* membership.c - see membership.h. */
#include "kafka/membership.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

struct sluice_kafka_membership {
    atomic_uint n_references;
    uint64_t id;
    rd_kafka_consumer_group_metadata_t *metadata;
};

static atomic_uint_fast64_t n_captured;

/* A member that the group put out has no id. Brokers take a transactional commit without member id and generation as
 * one of a client without a group, at any time, so such metadata must never be used. A second question is safe in this
 * order: the id could only go away between the two. */
static bool is_member(rd_kafka_t *rk)
{
    char *member_id = rd_kafka_memberid(rk);
    bool has_id = member_id != NULL && member_id[0] != '\0';
    rd_kafka_mem_free(rk, member_id);
    return has_id;
}

struct sluice_kafka_membership *sluice_kafka_membership_new(rd_kafka_t *rk)
{
    struct sluice_kafka_membership *membership = calloc(1, sizeof *membership);
    if (membership == NULL)
        return NULL;
    atomic_init(&membership->n_references, 1);
    membership->id = atomic_fetch_add(&n_captured, 1) + 1;
    membership->metadata = rd_kafka_consumer_group_metadata(rk);
    if (membership->metadata != NULL && !is_member(rk)) {
        rd_kafka_consumer_group_metadata_destroy(membership->metadata);
        membership->metadata = NULL;
    }
    return membership;
}

struct sluice_kafka_membership *sluice_kafka_membership_ref(struct sluice_kafka_membership *membership)
{
    (void)atomic_fetch_add(&membership->n_references, 1);
    return membership;
}

void sluice_kafka_membership_unref(struct sluice_kafka_membership *membership)
{
    if (membership == NULL || atomic_fetch_sub(&membership->n_references, 1) != 1)
        return;
    if (membership->metadata != NULL)
        rd_kafka_consumer_group_metadata_destroy(membership->metadata);
    free(membership);
}

uint64_t sluice_kafka_membership_id(const struct sluice_kafka_membership *membership)
{
    return membership->id;
}

const rd_kafka_consumer_group_metadata_t *
sluice_kafka_membership_metadata(const struct sluice_kafka_membership *membership)
{
    return membership->metadata;
}
