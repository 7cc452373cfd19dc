/* keeper_map_internal.h - what the files of the KeeperMap ledger share. */
#ifndef SLUICE_LEDGER_KEEPER_MAP_INTERNAL_H
#define SLUICE_LEDGER_KEEPER_MAP_INTERNAL_H

#include "ledger/backend.h"
#include "ledger/keeper_map_sql.h"

struct keeper_map {
    struct sluice_ledger ledger; /* first: what the caller holds */
    struct sluice_ch_client *client;
    char *database;
    char *table;
    char *path;
    char *prefix; /* "pipeline/cluster/", with which every key begins */
    char *user;   /* for the text of a missing grant */
    struct keeper_map_place place;
    struct sluice_buf sql;
    struct sluice_buf answer;
};

/* One attempt with map->sql; the answer, if any, is in map->answer. A table that is missing is made first: an empty
 * ledger is a state with a name, and the next address of the list may not have the table yet. */
SLUICE_MUST_CHECK enum sluice_code keeper_map_query(struct keeper_map *map, const char *what, struct sluice_error *err);
/* True if the failure of the last query says that a row was not the expected one. */
bool keeper_map_conflict(const struct keeper_map *map);

SLUICE_MUST_CHECK enum sluice_code keeper_map_make_table(struct keeper_map *map, struct sluice_error *err);
/* Fills the results of the calls; `entries` are sorted by key and fit into one statement. */
SLUICE_MUST_CHECK enum sluice_code keeper_map_read(struct keeper_map *map, struct keeper_map_entry *const *entries,
                                                   size_t n, struct sluice_error *err);

/* sluice_ledger_visit(). */
SLUICE_MUST_CHECK enum sluice_code keeper_map_visit(struct sluice_ledger *ledger, sluice_ledger_visit_fn visit,
                                                    void *context, struct sluice_error *err);

/* sluice_ledger_look() and sluice_ledger_prepare() (keeper_map_prepare.c). */
SLUICE_MUST_CHECK enum sluice_code keeper_map_look(struct sluice_ledger *ledger, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code keeper_map_prepare(struct sluice_ledger *ledger, struct sluice_error *err);

#endif
