/* dedup.h - can a target table take part in exactly-once delivery?
 *
 * A range of records is sent again under its token after an unclear outcome, so the table has to remember tokens, and
 * nothing that hangs on the table may count rows a second time. Source: ClickHouse documentation, "MergeTree settings",
 * "Deduplicating inserts on retries", "CREATE VIEW".
 */
#ifndef SLUICE_TABLE_DEDUP_H
#define SLUICE_TABLE_DEDUP_H

#include "table/target.h"

/* The settings that hold the window of such an engine. The second one is "" where age does not count. */
const char *dedup_window_setting(enum sluice_engine_home home);
const char *dedup_seconds_setting(enum sluice_engine_home home);

/* Puts what engine_full's SETTINGS say over `dedup`, which holds the server's defaults. */
void dedup_read_settings(const char *engine_name, const char *engine_full, struct sluice_dedup *dedup);

/* Fills target_database and target_table of a view from its CREATE statement: what stands behind TO, else the inner
 * table, which is named by the view's uuid. "" if the statement is not understood. Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code dedup_read_view(struct sluice_arena *arena, struct sluice_target_view *view,
                                                   const char *uuid, struct sluice_error *err);

/* Looks at engine, window and views of a target. The table must remember `min_window` blocks at least; whether that is
 * enough for the rate of inserts is not asked here. Errors: SLUICE_E_UNSAFE, SLUICE_STOP_PARTITION: the text names
 * table, reason and remedy. */
SLUICE_MUST_CHECK enum sluice_code sluice_target_check_exactly_once(const struct sluice_target *target,
                                                                    int64_t min_window, struct sluice_error *err);

/* With several addresses (`n_servers`) every one must lead to the same rows and the same window, so the table must be
 * replicated or shared. Errors: as above. */
SLUICE_MUST_CHECK enum sluice_code sluice_target_check_servers(const struct sluice_target *target, size_t n_servers,
                                                               struct sluice_error *err);

#endif
