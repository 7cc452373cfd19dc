/* source_search.h - the offset of a partition from which every record at or after a place of the source is included.
 * Pure: the partition is asked through a few calls.
 *
 * A partition follows the order of the source's commits only roughly: a connector that starts again writes some records
 * once more, a snapshot stands before or between. So a bisection alone could stop behind the first copy of a record.
 * What holds is that no record is written before its transaction was committed: its time in Kafka is not before its
 * time in the source, but for the difference of two clocks. So the records from that time on are read one by one.
 *
 * A record's position (lsn) is within its transaction, whose COMMIT has a higher one that the record does not tell; the
 * records of the next transaction tell it (sequence, first element). So for a log position the transaction before the
 * first one that is known to reach it is included: its COMMIT may. (Debezium documentation, PostgreSQL connector, "Data
 * change events"; observed with Debezium 3.6.1.) */
#ifndef SLUICE_ADMIN_SOURCE_SEARCH_H
#define SLUICE_ADMIN_SOURCE_SEARCH_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct source_place {
    bool is_lsn;
    uint64_t lsn;
    int64_t time_us; /* else */
};

/* A record of a table. */
struct source_record {
    int64_t offset;
    uint64_t position; /* the highest one it tells */
    uint64_t commit;   /* end of the last COMMIT before its transaction; 0 if it does not tell */
    int64_t time_us;   /* of its transaction; 0 if it does not tell */
};

/* False: enough of them. */
typedef bool (*source_record_fn)(void *context, const struct source_record *record);

struct source_partition {
    void *context;
    int64_t low;
    int64_t high;
    /* The records from `first` to `last` in turn. */
    enum sluice_code (*scan)(void *context, int64_t first, int64_t last, source_record_fn visit, void *visitor,
                             struct sluice_error *err);
    /* The first record that Kafka has of that time or later; -1: none. */
    enum sluice_code (*at_time)(void *context, int64_t time_ms, int64_t *offset, struct sluice_error *err);
};

enum { SOURCE_CLOCKS_MS = 60000 }; /* how far the clocks of source and Kafka may differ */

/* *offset: -1 when no record is at or after the place. Errors: those of the calls. */
SLUICE_MUST_CHECK enum sluice_code source_search(const struct source_partition *partition,
                                                 const struct source_place *place, int64_t *offset,
                                                 struct sluice_error *err);

#endif
