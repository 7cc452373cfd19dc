/* snapshot_watch.h - how far the snapshot of one table is, by the connector's notifications. Pure.
 *
 * Source: Debezium 3.6, IncrementalSnapshotNotificationService and InitialSnapshotNotificationService, and observed
 * with 3.6.1. Notifications stand in the connector's one queue with the rows, so what they tell of was emitted before.
 *
 * Incremental: they carry the id of the signal, or that of a later signal whose tables joined the same snapshot, so
 * from the first one of ours on those of the connector count. Ours is over at the TABLE_SCAN_COMPLETED of the table,
 * unless the table is still listed another time: then an earlier signal had asked for it too, and its turn is before
 * ours. Blocking: they carry no id of ours. What counts is a run from STARTED to COMPLETED, begun after the signal was
 * sent, that reads our table; the last row is emitted just before COMPLETED.
 */
#ifndef SLUICE_ADMIN_SNAPSHOT_WATCH_H
#define SLUICE_ADMIN_SNAPSHOT_WATCH_H

#include "base/str.h"
#include "sluice/resnapshot.h"

/* One notification; texts that it lacks are empty. */
struct snapshot_notice {
    struct sluice_str id;
    struct sluice_str aggregate; /* aggregate_type */
    struct sluice_str type;      /* the rest is of additional_data */
    struct sluice_str connector; /* connector_name: the topic prefix */
    struct sluice_str tables;    /* data_collections: names, separated by commas */
    struct sluice_str current;   /* current_collection_in_progress */
    struct sluice_str scanned;   /* scanned_collection */
    struct sluice_str status;    /* of a table that was scanned */
    struct sluice_str rows;      /* total_rows_scanned, a number */
    struct sluice_str max_key;   /* maximum_key, and */
    struct sluice_str last_key;  /* last_processed_key: values separated by commas */
};

enum snapshot_stage {
    SNAPSHOT_ASKED,   /* nothing was heard */
    SNAPSHOT_RUNNING, /* the connector has taken the signal */
    SNAPSHOT_PAUSED,
    SNAPSHOT_OVER,   /* every row was emitted */
    SNAPSHOT_REFUSED /* it ended without the rows: `reason` */
};

struct snapshot_watch {
    enum sluice_snapshot_type type;
    const char *id;     /* of the signal */
    const char *prefix; /* of the connector's topics */
    const char *table;  /* "schema.table" */
    enum snapshot_stage stage;
    int64_t n_rows; /* OVER: rows that were read; changes took the place of some of them. -1: not told */
    char reason[256];
    /* INCREMENTAL, of a key of one whole number: the highest, where the first piece ended, where the last one did */
    bool has_keys;
    int64_t first_key, last_key, max_key;
    bool in_run;        /* BLOCKING: between STARTED and COMPLETED */
    bool run_is_others; /* and it reads other tables */
    bool run_is_ours;
};

/* False: it was about something else. */
bool snapshot_watch_take(struct snapshot_watch *watch, const struct snapshot_notice *notice);

/* How much of the key space is read, 0 to 1; negative: not known. */
double snapshot_watch_share(const struct snapshot_watch *watch);

#endif
