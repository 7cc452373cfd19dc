/* verify.h - does ClickHouse have what the source has? Compares tables cell by cell, on a live system too.
 *
 * The expected values are read from PostgreSQL itself, through libpq, and brought into a common spelling by code of
 * their own; nothing of the worker's conversions takes part. Thread: main, before any other thread.
 */
#ifndef SLUICE_VERIFY_H
#define SLUICE_VERIFY_H

#include "sluice/config.h"

struct sluice_verify_options {
    const char *const *tables; /* "table", "schema.table" or "name.schema.table" of the source; 0: all */
    size_t n_tables;
    const char *postgres; /* libpq's connection string; never shown. NULL: the source is the topic */
    const char *slot;     /* the connector's replication slot; NULL: the only one of the database */
    double share;         /* of the keys, above 0; 1: all */
    size_t limit;         /* differing keys shown for each table */
    int64_t timeout_us;   /* for what may still be under way, for each table */
    int64_t settle_us;    /* after PostgreSQL has sent the connector everything, where it confirms nothing */
    bool json;
};

enum sluice_verify_outcome {
    SLUICE_VERIFY_EQUAL,
    SLUICE_VERIFY_UNDECIDED, /* some keys could not be decided on, or a table could not be compared */
    SLUICE_VERIFY_DIFFERENT
};

/* "12.5%", "12.5" or "1%", above 0 and up to 100. False if it is none. */
bool sluice_verify_parse_share(const char *text, double *share);

/* Prints the report to `out`; a progress bar to `log` where that is a terminal. *outcome is the worst of all tables; a
 * table that can't be compared is a line of the report. Errors: SLUICE_E_USAGE (no such table among those of the
 * topics), SLUICE_E_CONFIG, those of Kafka, ClickHouse and PostgreSQL before the first table, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_verify(const struct sluice_config *config,
                                                 const struct sluice_verify_options *options, FILE *out, FILE *log,
                                                 enum sluice_verify_outcome *outcome, struct sluice_error *err);

#endif
