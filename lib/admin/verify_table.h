/* verify_table.h - the comparison of one table: counts, sums of ranges, keys, and looks until each key is decided on.
 *
 * Memory: sums of at most three levels (38 MiB), 60,000 keys at a time (30 MiB), arenas with ceilings. Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_TABLE_H
#define SLUICE_ADMIN_VERIFY_TABLE_H

#include "admin/verify_keys.h"
#include "admin/verify_progress.h"
#include "admin/verify_result.h"
#include "admin/verify_target.h"
#include "admin/verify_wait.h"

/* Where the expected state is read from. */
struct verify_source {
    void *self;
    const char *reading; /* for the progress bar, static */
    /* One moment for what is read until the end; *lsn is its position, 0 if that is none of a log. */
    enum sluice_code (*begin)(void *self, uint64_t *lsn, struct sluice_error *err);
    void (*end)(void *self);
    enum sluice_code (*count)(void *self, const struct verify_plan *plan, const struct verify_where *where,
                              uint64_t *n_rows, struct sluice_error *err);
    /* Of that moment; or with `is_now` as it is now, with states. */
    enum sluice_code (*read)(void *self, const struct verify_plan *plan, const struct verify_where *where, bool is_now,
                             verify_row_fn visit, void *context, struct sluice_error *err);
    /* Waits until the target has everything that was read. */
    enum sluice_code (*wait)(void *self, struct verify_wait *wait, struct sluice_error *err);
};

struct verify_run {
    const struct sluice_config *config;
    const struct sluice_verify_options *options;
    struct sluice_ch_client *client;
    struct verify_postgres *postgres; /* NULL: the source is the topic */
    struct verify_source source;
    struct verify_wait wait;
    struct verify_progress progress;
};

/* Compares; result->plan is made already. Everything found is in the result. Errors: what kept it from comparing. */
SLUICE_MUST_CHECK enum sluice_code verify_table(struct verify_run *run, struct verify_result *result,
                                                struct sluice_error *err);

/* The table itself. `postgres` is borrowed. */
struct verify_source verify_source_postgres(struct verify_postgres *postgres);
struct verify_topic;
/* Its topic. */
struct verify_source verify_source_topic(struct verify_topic *topic);

/* ---- for verify_table.c, verify_looks.c and verify_topic.c ---- */

/* Rows of one side on their way into digests. */
struct verify_reading {
    struct verify_run *run;
    const struct verify_plan *plan;
    enum canon_side side;
    struct sluice_buf cells; /* canonical */
    uint64_t n_rows;         /* read of the present side, as far as the sample goes */
    struct verify_sums *sums;
    struct verify_keys *keys;
    bool keeps_cells;
    bool is_poll; /* rows are remembered, not seen */
};

void verify_reading_init(struct verify_reading *reading, struct verify_run *run, const struct verify_plan *plan);
void verify_reading_deinit(struct verify_reading *reading);

/* Digests. False in *taken: the key is not in the sample. */
SLUICE_MUST_CHECK enum sluice_code verify_digest_key(struct verify_reading *reading, const struct sluice_str *cells,
                                                     struct verify_digest *digest, bool *taken,
                                                     struct sluice_error *err);
/* After verify_digest_key() of the same row. */
SLUICE_MUST_CHECK enum sluice_code verify_digest_row(struct verify_reading *reading, const struct sluice_str *cells,
                                                     struct verify_digest *digest, struct sluice_error *err);

/* Looks at the keys, which are all PENDING, until each is decided on or time is up. */
SLUICE_MUST_CHECK enum sluice_code verify_looks(struct verify_reading *reading, struct verify_keys *keys,
                                                struct verify_result *result, struct sluice_error *err);

#endif
