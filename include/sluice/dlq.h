/* dlq.h - the dead letters of a pipeline for a person: listed, shown, given back to the workers, removed.
 *
 * A dead letter is known by the place of its record: topic, partition, offset. Of several about one place the newest
 * counts. What became of it stands in the dead-letter topic too, as a marker behind it, so that it is open, replayed or
 * purged for everybody. Thread: main, before any other thread.
 */
#ifndef SLUICE_DLQ_H
#define SLUICE_DLQ_H

#include "sluice/config.h"

/* Which dead letters: those that fit everything that is told. */
struct sluice_dlq_filter {
    int64_t from_ms;           /* refused at or after; negative: from the beginning */
    int64_t to_ms;             /* refused before; negative: until now */
    const char *table;         /* "orders", "public.orders" or "shop.public.orders"; NULL: any, also none known */
    const char *reason;        /* the error's code ("value"); NULL: any */
    const char *const *places; /* "topic:partition:offset" */
    size_t n_places;           /* 0: any */
    bool with_done;            /* those that were replayed as well */
};

/* Errors of all: SLUICE_E_USAGE (a place that is none), SLUICE_E_KAFKA, SLUICE_E_LIMIT (too many to hold), SLUICE_E_IO.
 */
SLUICE_MUST_CHECK enum sluice_code sluice_dlq_list(const struct sluice_config *config,
                                                   const struct sluice_dlq_filter *filter, FILE *out, bool json,
                                                   struct sluice_error *err);
/* Each with its record and what can be done about it. SLUICE_E_USAGE: there is none. */
SLUICE_MUST_CHECK enum sluice_code sluice_dlq_show(const struct sluice_config *config,
                                                   const struct sluice_dlq_filter *filter, FILE *out, bool json,
                                                   struct sluice_error *err);
/* With `execute` copies their records to dead_letters.replay_topic, all of them and their markers in one transaction,
 * so that each place is replayed once, however often and by whomever this is run. Those without a record are left out,
 * and told. SLUICE_E_UNSAFE: no worker of this configuration reads the replay topic. */
SLUICE_MUST_CHECK enum sluice_code sluice_dlq_replay(const struct sluice_config *config,
                                                     const struct sluice_dlq_filter *filter, bool execute, FILE *out,
                                                     bool json, struct sluice_error *err);
/* With `execute` marks them as purged, and deletes from the topic what stands before the first one that is not. */
SLUICE_MUST_CHECK enum sluice_code sluice_dlq_purge(const struct sluice_config *config,
                                                    const struct sluice_dlq_filter *filter, bool execute, FILE *out,
                                                    bool json, struct sluice_error *err);

#endif
