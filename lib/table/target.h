/* target.h - a ClickHouse table as system.tables and system.columns describe it.
 *
 * Filled by lib/clickhouse from the server, or by tests. Immutable once filled. All text lives in the arena.
 */
#ifndef SLUICE_TABLE_TARGET_H
#define SLUICE_TABLE_TARGET_H

#include "base/arena.h"
#include "table/type.h"

enum sluice_default_kind {
    SLUICE_DEFAULT_NONE,
    SLUICE_DEFAULT_EXPRESSION,   /* DEFAULT: may be left out of an INSERT */
    SLUICE_DEFAULT_MATERIALIZED, /* must be left out */
    SLUICE_DEFAULT_ALIAS,        /* must be left out */
    SLUICE_DEFAULT_EPHEMERAL     /* may be left out */
};

struct sluice_target_column {
    const char *name;
    const char *type_text;
    const struct sluice_type *type; /* NULL if the text is of a type this version does not know */
    enum sluice_default_kind default_kind;
    bool in_sorting_key;
    bool in_partition_key;
};

/* How long the server remembers the tokens of inserts. */
struct sluice_dedup {
    int64_t window;         /* blocks; 0: not at all */
    int64_t window_seconds; /* 0: whatever their age */
};

/* A materialized view that gets the rows of every insert, directly or through another view. */
struct sluice_target_view {
    const char *database;
    const char *name;
    const char *create_sql; /* "" if the view cannot be seen */
    const char *target_database;
    const char *target_table; /* where it writes to; "" if that is not known */
    const char *engine;       /* of that; "" if it cannot be seen */
    struct sluice_dedup dedup;
};

struct sluice_target {
    struct sluice_arena arena;
    const char *database;
    const char *table;
    const char *uuid;
    const char *engine;                   /* ReplacingMergeTree, ReplicatedReplacingMergeTree, ... */
    const char *engine_full;              /* with parameters and SETTINGS */
    const char *sorting_key;              /* expression text, e.g. "id" or "a, toDate(b)" */
    const char *comment;                  /* "sluice: SOURCE" on tables that sluice made; "" if none */
    const char *version_column;           /* from engine_full: first parameter that is no path or replica; "" if none */
    const char *deleted_column;           /* second one; "" if none */
    struct sluice_target_column *columns; /* in position order */
    size_t n_columns;
    /* Read on their own, for exactly-once delivery only. */
    struct sluice_dedup dedup;
    struct sluice_target_view *views;
    size_t n_views;
};

enum sluice_engine_kind {
    SLUICE_ENGINE_MERGE_TREE, /* keeps every row */
    SLUICE_ENGINE_REPLACING,
    SLUICE_ENGINE_MERGING, /* Summing, Aggregating, Collapsing and the like: rows change when parts are merged */
    SLUICE_ENGINE_OTHER    /* no MergeTree at all */
};
enum sluice_engine_home { SLUICE_ENGINE_LOCAL, SLUICE_ENGINE_REPLICATED, SLUICE_ENGINE_SHARED };

struct sluice_engine {
    enum sluice_engine_kind kind;
    enum sluice_engine_home home;
};

/* What an engine's name says: [Replicated|Shared][Replacing|...]MergeTree. */
struct sluice_engine sluice_engine_of(const char *name_z);

void sluice_target_init(struct sluice_target *target);
void sluice_target_deinit(struct sluice_target *target);
SLUICE_DEFINE_AUTO(sluice_target, struct sluice_target, sluice_target_deinit)
/* NULL if the table has no such column. */
const struct sluice_target_column *sluice_target_find(const struct sluice_target *target, const char *column_z);

/* Reads version and deleted column out of engine and engine_full (Replicated* have path and replica first; both may be
 * left out). Sets both fields, to "" where there is none. Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_target_read_engine(struct sluice_target *target, struct sluice_error *err);

#endif
