/* window.h - does a table's deduplication window last as long as an insert may be repeated? Pure.
 *
 * Rule 7 of docs/delivery.md: an insert of a worker that has lost its partition is harmless as long as the window still
 * holds the token. From the ledger's last confirmation to the end of such an insert pass at most the session time-out,
 * the send limit and the request time-out. The window counts blocks, so what is known of their rate decides.
 */
#ifndef SLUICE_TABLE_WINDOW_H
#define SLUICE_TABLE_WINDOW_H

#include "sluice/config.h"
#include "table/target.h"

struct window_facts {
    int64_t n_blocks;           /* the window */
    int64_t keeps_us;           /* its age limit (Replicated, Shared); 0: none */
    int64_t n_kafka_partitions; /* that write to the table; the workers share them, so their number does not matter */
    int64_t n_table_partitions; /* that one insert may touch; at least 1 */
    int64_t batch_max_age_us;
    int64_t batch_max_rows; /* 0: leave batches that are full before their age out of the reckoning */
    int64_t session_timeout_us;
    int64_t request_timeout_us;
    int64_t send_limit_us;
};

/* The most rows per second that are reckoned with for one table, over all workers. */
enum { WINDOW_ROWS_PER_S = 1000000 };

struct window_reckoning {
    double inserts_per_s;
    double lasts_s;
    double needed_s;
    int64_t enough_blocks; /* the window that would do */
    const char *to_raise;  /* the options that make inserts rarer, where that helps: "batch.max_rows"; else "" */
    bool is_enough;
};

/* With one partition on either side. */
struct window_facts window_facts_from(const struct sluice_config *config, const struct sluice_dedup *dedup);

struct window_reckoning window_reckon(const struct window_facts *facts);
/* The reckoning in one line, for a person. */
void window_text(const struct window_facts *facts, const struct window_reckoning *reckoning, char *text, size_t size);

#endif
