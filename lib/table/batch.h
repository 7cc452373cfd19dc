/* batch.h - encoded rows of one plan on their way to one INSERT.
 *
 * Rows are appended in record order as RowBinary, sealed once (sorted by the target's sorting key, stable; with
 * `collapse`, of several versions of one key only the highest stays), then read out in that order as often as the
 * INSERT has to be sent. Appending is bounded by max_bytes; the row that would not fit is reported as not taken and
 * belongs into the next batch.
 * Owner: lane until handed over, then the sender, then lane again. No lock.
 */
#ifndef SLUICE_TABLE_BATCH_H
#define SLUICE_TABLE_BATCH_H

#include "debezium/change.h"
#include "debezium/version.h"
#include "table/place.h"
#include "table/plan.h"

struct sluice_batch;

/* What ties a row to its transaction and to other rows. */
struct sluice_row_ties {
    uint64_t txid;                       /* 0: in no transaction */
    bool moved_away;                     /* op d: the deleted half of a key change */
    const struct sluice_key *moved_from; /* op c: the created half; its old key. NULL: none */
};

/* Takes a reference on the plan. */
SLUICE_MUST_CHECK enum sluice_code sluice_batch_new(struct sluice_plan *plan, size_t max_rows, size_t max_bytes,
                                                    struct sluice_batch **out, struct sluice_error *err);
void sluice_batch_free(struct sluice_batch *batch);
SLUICE_DEFINE_AUTO_PTR(sluice_batch, struct sluice_batch, sluice_batch_free)

/* From now on rows are encoded by another plan, with the same INSERT. False, and nothing is changed, if it differs. */
bool sluice_batch_change_plan(struct sluice_batch *batch, struct sluice_plan *plan);

/* Encodes one change (op c, u, r: its fields; op d: the key, the rest NULL or zero, deleted = 1), with the place of its
 * record where the target has columns for that. `key` is needed for op d, else NULL. On any error the batch is as
 * before.
 * Errors: SLUICE_E_LIMIT with *full = true: batch is full, seal it and append to a new one (a row larger than an empty
 * batch's max_bytes: SLUICE_E_LIMIT with *full = false, SLUICE_REJECT); SLUICE_E_VALUE, SLUICE_E_TOAST, SLUICE_E_KEY:
 * SLUICE_REJECT, naming the field; SLUICE_E_SHAPE: the record's fields are not the plan's (added, missing). */
SLUICE_MUST_CHECK enum sluice_code sluice_batch_append(struct sluice_batch *batch, const struct sluice_change *change,
                                                       const struct sluice_key *key, struct sluice_version version,
                                                       const struct sluice_record_place *place, bool *full,
                                                       struct sluice_error *err);

/* The same for a row with ties. A row that depends on others, for a placeholder of an unchanged TOAST value (toast.h)
 * or for what it means to others, is noted; a batch with such rows has to be settled (settle.h) before it is sealed.
 * Errors: SLUICE_E_KEY too, when the old key is not that of the table. */
SLUICE_MUST_CHECK enum sluice_code
sluice_batch_append_tied(struct sluice_batch *batch, const struct sluice_change *change, const struct sluice_key *key,
                         struct sluice_version version, const struct sluice_record_place *place,
                         const struct sluice_row_ties *ties, bool *full, struct sluice_error *err);
/* The first rows belong to a transaction of which an earlier batch has created rows. */
void sluice_batch_continues(struct sluice_batch *batch);
/* False: no row depends on others. */
bool sluice_batch_is_tied(const struct sluice_batch *batch);
/* Values have to be put aside (settle.h) before a later row of their key is stored. */
bool sluice_batch_moves_values(const struct sluice_batch *batch);

/* Ends appending: sorts and, if `collapse`, keeps the highest version of each key. In the mode log rows stay in the
 * order they came, and all of them. Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_batch_seal(struct sluice_batch *batch, bool collapse,
                                                     struct sluice_error *err);

/* Leaves rows of a sealed batch out of what is sent: left_out[i] for the i-th of sluice_batch_n_rows() rows, in sending
 * order. May be called again. */
void sluice_batch_leave_out(struct sluice_batch *batch, const bool *left_out);
/* The place in order of arrival of the i-th row of a sealed batch. */
size_t sluice_batch_arrival(const struct sluice_batch *batch, size_t i);
struct sluice_version sluice_batch_version(const struct sluice_batch *batch, size_t i);
/* Takes rows out of a sealed batch for good: refused[i] for the i-th row in order of arrival. `collapse` as it was
 * sealed with: what was not sent because one of them was the newest of its key is sent now. Errors: SLUICE_E_NOMEM,
 * with the batch as before. */
SLUICE_MUST_CHECK enum sluice_code sluice_batch_refuse(struct sluice_batch *batch, const bool *refused, bool collapse,
                                                       struct sluice_error *err);
/* Marks the rows of versions below `version` as deleted. Before anything of the batch was sent. */
void sluice_batch_delete_older(struct sluice_batch *batch, struct sluice_version version);
/* Was a row of such a version appended, sent or not? */
bool sluice_batch_has_older(const struct sluice_batch *batch, struct sluice_version version);
/* The bytes of the i-th row of a sealed batch, in sending order. */
struct sluice_str sluice_batch_row(const struct sluice_batch *batch, size_t i);

size_t sluice_batch_n_rows(const struct sluice_batch *batch);    /* rows that will be sent */
size_t sluice_batch_n_changes(const struct sluice_batch *batch); /* rows appended */
size_t sluice_batch_n_bytes(const struct sluice_batch *batch);   /* encoded rows, header included, as sent */
size_t sluice_batch_memory(const struct sluice_batch *batch);    /* bytes the batch holds, for the budget */
const struct sluice_plan *sluice_batch_plan(const struct sluice_batch *batch);

/* Reading a sealed batch: header, then rows in order, in pieces of the reader's choice. */
struct sluice_batch_reader {
    const struct sluice_batch *batch;
    size_t row;      /* next row, counted in sending order */
    size_t end;      /* the row behind the last one */
    size_t position; /* bytes of the header or of that row already given */
    bool in_rows;
};
void sluice_batch_read_init(struct sluice_batch_reader *reader, const struct sluice_batch *batch);
/* Only the rows first .. end - 1, behind the header. */
void sluice_batch_read_part(struct sluice_batch_reader *reader, const struct sluice_batch *batch, size_t first,
                            size_t end);
/* Copies up to `capacity` bytes to `out`; 0 at the end. */
size_t sluice_batch_read(struct sluice_batch_reader *reader, char *out, size_t capacity);

#endif
