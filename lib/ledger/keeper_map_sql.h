/* keeper_map_sql.h - the statements of the KeeperMap ledger.
 *
 * The table: k (pipeline/cluster/topic/partition), epoch, owner, seq, state (the row's text, row.h), written_at (the
 * server's time). The three numbers stand in the text too; as columns they are what a write compares, and what a person
 * can ask for. All names and values are quoted here. Any thread.
 */
#ifndef SLUICE_LEDGER_KEEPER_MAP_SQL_H
#define SLUICE_LEDGER_KEEPER_MAP_SQL_H

#include "ledger/ledger.h"

struct keeper_map_place {
    const char *database;
    const char *table;
    const char *path;
};

/* One call of a run and the key of its row. */
struct keeper_map_entry {
    const char *key;
    struct sluice_ledger_call *call;
    bool refused; /* its write was, at least once */
};

/* CREATE TABLE IF NOT EXISTS. */
SLUICE_MUST_CHECK enum sluice_code keeper_map_sql_create(struct sluice_buf *sql, const struct keeper_map_place *place,
                                                         struct sluice_error *err);
/* One INSERT for all; in strict mode it fails as a whole when one of the keys exists. */
SLUICE_MUST_CHECK enum sluice_code keeper_map_sql_insert(struct sluice_buf *sql, const struct keeper_map_place *place,
                                                         struct keeper_map_entry *const *entries, size_t n,
                                                         struct sluice_error *err);
/* One ALTER TABLE ... UPDATE for all: every row becomes call->wanted. Fails as a whole with 395 when the epoch, owner
 * or seq of one of them is not that of call->expected; keys that don't exist are passed over. */
SLUICE_MUST_CHECK enum sluice_code keeper_map_sql_update(struct sluice_buf *sql, const struct keeper_map_place *place,
                                                         struct keeper_map_entry *const *entries, size_t n,
                                                         struct sluice_error *err);
/* Columns of both: k, epoch, owner, seq, state, milliseconds of written_at; TabSeparated. The second one reads every
 * row whose key begins with `prefix`. */
SLUICE_MUST_CHECK enum sluice_code keeper_map_sql_select(struct sluice_buf *sql, const struct keeper_map_place *place,
                                                         struct keeper_map_entry *const *entries, size_t n,
                                                         struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code keeper_map_sql_select_all(struct sluice_buf *sql,
                                                             const struct keeper_map_place *place, const char *prefix,
                                                             struct sluice_error *err);
/* One line and field: engine_full of the table as it is. */
SLUICE_MUST_CHECK enum sluice_code keeper_map_sql_engine(struct sluice_buf *sql, const struct keeper_map_place *place,
                                                         struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code keeper_map_sql_delete(struct sluice_buf *sql, const struct keeper_map_place *place,
                                                         const char *key, struct sluice_error *err);

#endif
