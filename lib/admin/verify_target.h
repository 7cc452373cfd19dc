/* verify_target.h - the rows of a target as FINAL shows them, streamed out of ClickHouse. Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_TARGET_H
#define SLUICE_ADMIN_VERIFY_TARGET_H

#include "admin/verify_postgres.h"
#include "clickhouse/client.h"

/* On a replicated table waits for what other replicas took. Errors: as sluice_ch_query(). */
SLUICE_MUST_CHECK enum sluice_code verify_target_sync(struct sluice_ch_client *client, const struct verify_plan *plan,
                                                      struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code verify_target_count(struct sluice_ch_client *client, const struct verify_plan *plan,
                                                       const struct verify_where *where, uint64_t *n_rows,
                                                       struct sluice_error *err);
/* As verify_postgres_read(). Errors: as sluice_ch_stream(), SLUICE_E_SERVER (an answer that is not understood). */
SLUICE_MUST_CHECK enum sluice_code verify_target_read(struct sluice_ch_client *client, const struct verify_plan *plan,
                                                      const struct verify_where *where, bool with_state,
                                                      verify_row_fn visit, void *context, struct sluice_error *err);

#endif
