/* plan_detail.h - the inside of a plan, for the modules that run it. */
#ifndef SLUICE_TABLE_PLAN_DETAIL_H
#define SLUICE_TABLE_PLAN_DETAIL_H

#include <stdatomic.h>

#include "sluice/rules.h"
#include "table/convert.h"
#include "table/metadata.h"
#include "table/plan.h"
#include "table/sortkey.h"

enum { PLAN_NO_KEY = -1 };

struct plan_column {
    struct sluice_str name; /* of the field, without JSON escapes */
    const char *column;     /* of the target: the field's name, unless a rule renames it */
    struct convert convert;
    int key_position;  /* in the sorting key, or PLAN_NO_KEY */
    bool is_key;       /* of the source's key */
    bool is_excluded;  /* has its place among the fields and is not written; `convert` is empty */
    uint32_t place;    /* among those that are written: the same in all plans with the same INSERT */
    bool is_companion; /* a UInt8 behind the value, 1 for NULL, is written too: the column "<column>_is_null" */
    /* The forms of Debezium's placeholder for unchanged TOAST that a field of this type can take (toast.h). */
    bool toast_text;
    bool toast_base64;
    bool toast_composite;
    enum sluice_toast toast; /* what such a placeholder becomes */
};

/* Columns of the INSERT: one for each field in record order that is not excluded, with its companion behind it, then
 * those of metadata, then version (16 bytes), then deleted (one byte). Where every record has a row of its own
 * (by_offset), the sorting key is empty: rows stay in the order they came. */
struct sluice_plan {
    _Atomic unsigned n_references;
    struct sluice_arena arena;
    const char *source_schema; /* for errors */
    const char *source_table;
    const char *database;
    const char *table;
    struct plan_column *columns;
    size_t n_columns;
    size_t n_key;        /* columns of the source's key */
    size_t n_extra_sort; /* columns of the sorting key that are not in the source's key: a row can change its place */
    struct metadata_column metadata[N_METADATA];
    size_t n_metadata;
    bool is_log;
    bool by_offset; /* the mode log, or a table without a key: a row is known by _topic, _partition and _offset */
    enum sluice_toast_missing toast_missing;
    const struct toast_forms *toast_forms; /* what the connector writes for an unchanged TOAST value */
    enum sluice_identity identity;
    enum sluice_engine_home home;
    const char *version_column;
    bool is_narrow; /* it is UInt64: only the low half of a version is sent */
    const char *deleted_column;
    struct sortkey key;
    /* A row takes at most `room` and the length of its values' texts; more if there are arrays or structs among them,
     * or a column `grows` (convert.h). */
    size_t room;
    bool grows;
    bool has_json; /* a column of type JSON, written as its text */
    const char *insert_sql;
    struct sluice_str insert_header;
};

enum { PLAN_VERSION_BYTES = 16, PLAN_DELETED_BYTES = 1 };

#endif
