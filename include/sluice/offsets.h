/* offsets.h - a consumer group's offsets for a person: listed, exported, and set anew with the options of Kafka's own
 * kafka-consumer-groups. In exactly-once delivery the ledger moves with them.
 *
 * Thread: main, before any other thread.
 */
#ifndef SLUICE_OFFSETS_H
#define SLUICE_OFFSETS_H

#include "sluice/config.h"

enum sluice_offsets_format { SLUICE_OFFSETS_TABLE, SLUICE_OFFSETS_JSON, SLUICE_OFFSETS_CSV };

/* Which partitions of the pipeline. */
struct sluice_offsets_scope {
    const char *const *topics; /* "name" or "name:0,1" */
    size_t n_topics;           /* 0: every partition; of a reset: those that have a position */
};

enum sluice_offsets_to {
    SLUICE_OFFSETS_TO_EARLIEST,
    SLUICE_OFFSETS_TO_LATEST,
    SLUICE_OFFSETS_TO_CURRENT, /* what is committed, else where the ledger stands, else the end */
    SLUICE_OFFSETS_TO_OFFSET,
    SLUICE_OFFSETS_SHIFT_BY,
    SLUICE_OFFSETS_TO_TIME, /* of Kafka's records */
    SLUICE_OFFSETS_TO_LSN,
    SLUICE_OFFSETS_TO_SOURCE_TIME, /* of the source's transactions */
    SLUICE_OFFSETS_FROM_FILE
};

struct sluice_offsets_reset {
    struct sluice_offsets_scope scope; /* FROM_FILE: the file's */
    enum sluice_offsets_to to;
    int64_t number;   /* TO_OFFSET, SHIFT_BY */
    uint64_t lsn;     /* TO_LSN */
    int64_t time_ms;  /* TO_TIME, TO_SOURCE_TIME: since 1970-01-01 UTC */
    const char *file; /* FROM_FILE */
    bool execute;     /* false: shows what would be done */
    enum sluice_offsets_format format;
};

/* "2026-11-21T13:20:05.000", with Z, +01, +0100 or +01:00 behind it for another zone than UTC; the milliseconds may be
 * left out. Errors: SLUICE_E_USAGE. */
SLUICE_MUST_CHECK enum sluice_code sluice_offsets_parse_datetime(const char *text, int64_t *time_ms,
                                                                 struct sluice_error *err);
/* An ISO-8601 duration of days, hours, minutes and seconds as java.time.Duration reads it ("P1DT2H", "PT-5M",
 * "PT0.5S"), rounded up to the millisecond. Errors: SLUICE_E_USAGE. */
SLUICE_MUST_CHECK enum sluice_code sluice_offsets_parse_duration(const char *text, int64_t *duration_ms,
                                                                 struct sluice_error *err);

/* A log position as PostgreSQL writes it, "0/16B3748". Errors: SLUICE_E_USAGE. */
SLUICE_MUST_CHECK enum sluice_code sluice_offsets_parse_lsn(const char *text, uint64_t *lsn, struct sluice_error *err);
/* That long before `now_ms`; nothing is before 1970, and a negative duration leads into the future. */
int64_t sluice_offsets_time_before(int64_t now_ms, int64_t duration_ms);

/* Prints group, topic, partition, committed offset, end, lag, the ledger's next offset, and the member that has the
 * partition. CSV: topic, partition and committed offset of the partitions that have one. Errors: SLUICE_E_USAGE (no
 * such topic or partition), those of Kafka and ClickHouse, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_offsets_list(const struct sluice_config *config,
                                                       const struct sluice_offsets_scope *scope, FILE *out,
                                                       enum sluice_offsets_format format, struct sluice_error *err);

/* Prints the plan and, with `execute`, carries it out: first the ledger's row by compare-and-set, then the commit, one
 * partition after the other. Warnings go to `log`. Errors: SLUICE_E_UNSAFE while the group has members (named; the
 * plan is printed, nothing is written), SLUICE_E_LEDGER when a row was changed by somebody else meanwhile,
 * SLUICE_E_IO (the file), else as sluice_offsets_list(). */
SLUICE_MUST_CHECK enum sluice_code sluice_offsets_reset(const struct sluice_config *config,
                                                        const struct sluice_offsets_reset *reset, FILE *out, FILE *log,
                                                        struct sluice_error *err);

#endif
