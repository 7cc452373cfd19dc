/* batch_detail.h - the inside of a batch, for the modules that settle it. */
#ifndef SLUICE_TABLE_BATCH_DETAIL_H
#define SLUICE_TABLE_BATCH_DETAIL_H

#include "base/buf.h"
#include "table/batch.h"
#include "table/plan_detail.h"

/* What a row is, as far as it matters to others. */
enum row_mark {
    ROW_CREATED = 1 << 0,    /* op c */
    ROW_DELETED = 1 << 1,    /* op d */
    ROW_BEGINS = 1 << 2,     /* the first one of its transaction in this batch */
    ROW_MOVED_AWAY = 1 << 3, /* the deleted half of a key change */
    ROW_MOVED_HERE = 1 << 4, /* the created half */
    ROW_UNCOMMITTED = 1 << 5 /* its source has told no COMMIT before it, so the position of one is that of the row */
};

/* What a row lacks. */
struct batch_tie {
    uint32_t row;
    uint32_t n_holes;
    size_t first_hole; /* in batch->holes */
    size_t old_key_at; /* in batch->old_keys; its columns as RowBinary */
    size_t old_key_len;
    int64_t offset; /* of its record, for errors */
};

/* The whole row that a deleted row of a table with REPLICA IDENTITY FULL means, in a transaction that has created rows
 * before it. */
struct batch_before {
    uint32_t row;
    size_t at; /* in batch->before_rows */
    size_t len;
};

struct sluice_batch {
    struct sluice_plan *plan;
    size_t max_rows;
    size_t max_bytes; /* header and rows */
    unsigned char *bytes;
    size_t n_used;
    size_t n_allocated;
    /* One per row, in order of arrival; starts has one more: the end of the last row. */
    uint32_t *starts;
    uint32_t *key_at; /* plan->key.n_columns per row; NULL while prefixes tell everything */
    uint8_t *marks;   /* enum row_mark */
    size_t n_rows;
    size_t rows_allocated;
    /* Rows in sending order once sealed. */
    struct sortkey_entry *entries;
    size_t n_sent;
    size_t sent_bytes;
    bool is_sealed;

    struct batch_tie *ties; /* in order of rows */
    size_t n_ties;
    size_t ties_allocated;
    uint32_t *holes; /* places of columns */
    size_t n_holes;
    size_t holes_allocated;
    struct sluice_buf old_keys;
    struct batch_before *befores; /* in order of rows */
    size_t n_befores;
    size_t befores_allocated;
    struct sluice_buf before_rows;
    uint64_t txid;         /* of the last row */
    bool tx_has_create;    /* as far as it was seen */
    bool is_continued;     /* the first transaction began in an earlier batch, and has created rows there */
    bool in_continued;     /* the last row still belongs to it */
    bool may_need_settled; /* a row depends on others */
    bool keeps_values;     /* of the deleted half of a key change, for the other half */
    bool moves_values;     /* it has such a half */
};

/* A column that may hold a placeholder which stands for the value before. */
bool batch_keeps(const struct plan_column *column);
/* Takes a row that is encoded already. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code batch_put(struct sluice_batch *batch, struct sluice_str row, uint8_t marks,
                                             struct sluice_error *err);
struct sluice_str batch_bytes(const struct sluice_batch *batch, uint32_t row);
/* The version lies in front of the last byte of a row. */
struct sluice_version batch_version(struct sluice_str row);

#endif
