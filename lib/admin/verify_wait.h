/* verify_wait.h - waits until everything that the source had at a position of its log is visible in ClickHouse.
 *
 * 1. From the source into Kafka: the connector's slot is confirmed up to the position, which Debezium does once Connect
 *    has recorded its offsets, after Kafka acknowledged every record before. A source at rest writes no record that
 *    could move it; then it is enough that PostgreSQL has sent the connector everything up to there
 *    (pg_stat_replication) and a settling time has passed since. A slot that nobody reads proves nothing, and is waited
 *    for: it is made before the connector's first snapshot, whose rows it does not cover.
 * 2. From Kafka into ClickHouse: the group has committed what the ends of all its partitions were after that; a worker
 *    commits only what is stored.
 * Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_WAIT_H
#define SLUICE_ADMIN_VERIFY_WAIT_H

#include "admin/verify_postgres.h"
#include "kafka/consumer.h"

struct verify_wait {
    const struct sluice_config *config;
    struct verify_postgres *postgres; /* NULL: only verify_wait_for_group() is called */
    const char *slot;                 /* NULL: the only one */
    int64_t settle_us;
    int64_t deadline_us;              /* monotonic; beyond it SLUICE_E_LIMIT says what was waited for */
    struct sluice_consumer *consumer; /* made at first use */
    uint64_t reached;                 /* the highest position that it was waited for */
    /* Called several times a second while it waits: `what` is static, one of a few. */
    void (*tick)(void *context, const char *what);
    void *context;
};

void verify_wait_deinit(struct verify_wait *wait);
/* Errors: SLUICE_E_LIMIT (not within the time), those of Kafka and of verify_postgres_slot(). */
SLUICE_MUST_CHECK enum sluice_code verify_wait_for(struct verify_wait *wait, uint64_t lsn, struct sluice_error *err);
/* The second part alone: what is in Kafka now. */
SLUICE_MUST_CHECK enum sluice_code verify_wait_for_group(struct verify_wait *wait, struct sluice_error *err);

#endif
