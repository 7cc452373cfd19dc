/* resnapshot.h - a table is read from its source again: Debezium is asked for a snapshot while it streams, and what it
 * writes is followed until the last row of it is visible in ClickHouse.
 *
 * Thread: main, before any other thread.
 */
#ifndef SLUICE_RESNAPSHOT_H
#define SLUICE_RESNAPSHOT_H

#include "sluice/config.h"

enum sluice_snapshot_type {
    SLUICE_SNAPSHOT_INCREMENTAL, /* in pieces between the changes, by key */
    SLUICE_SNAPSHOT_BLOCKING     /* at once; the connector does not stream meanwhile */
};

struct sluice_resnapshot {
    const char *table; /* a topic of the pipeline, or the end of its name behind a dot: "public.orders" */
    enum sluice_snapshot_type type;
    const char *where;         /* rows, as a condition in SQL; NULL: all */
    const char *surrogate_key; /* INCREMENTAL: a column to read by instead of the key; NULL: the key */
    bool by_table;             /* the signal goes into connector.signal_table, not to connector.signal_topic */
    const char *postgres;      /* the source's database, as libpq takes it; by_table only */
    int64_t timeout_us;        /* the longest time without any news */
    bool execute;              /* false: shows what would be done */
    bool json;
};

/* "90s", "5m": what the longest time without news may be. Errors: SLUICE_E_USAGE. */
SLUICE_MUST_CHECK enum sluice_code sluice_resnapshot_parse_timeout(const char *text, int64_t *timeout_us,
                                                                   struct sluice_error *err);

/* Prints what will be done and, with `execute`, does it; progress goes to `log`. `*timed_out`: the error is that
 * nothing was heard of connector or worker for timeout_us; a snapshot that was asked for goes on by itself. Errors:
 * SLUICE_E_USAGE (no such table, a table without a key, topics that are not there; nothing was asked for),
 * SLUICE_E_CONFIG, SLUICE_E_UNSUPPORTED (the connector refused or gave up), those of Kafka and PostgreSQL. */
SLUICE_MUST_CHECK enum sluice_code sluice_resnapshot(const struct sluice_config *config,
                                                     const struct sluice_resnapshot *how, FILE *out, FILE *log,
                                                     bool *timed_out, struct sluice_error *err);

#endif
