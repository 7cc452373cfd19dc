/* verify_cells.h - the key and the row of a record as texts, in the order of a plan's columns. Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_CELLS_H
#define SLUICE_ADMIN_VERIFY_CELLS_H

#include "admin/verify_plan.h"
#include "admin/verify_record.h"

/* The columns as the records have them, for a plan. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code
verify_cells_describe(const struct sluice_shape *shape, const struct sluice_target *target,
                      const struct sluice_table_settings *settings, struct sluice_arena *arena,
                      struct verify_source_column **columns, size_t *n_columns, struct sluice_error *err);

struct verify_cells {
    const struct verify_plan *plan;
    struct verify_records *records;
    const struct sluice_source_column **shape_columns; /* by column of the plan */
    const struct sluice_type **target_types;
    struct sluice_buf text;   /* of the present record */
    struct sluice_str *cells; /* in it; ptr NULL: NULL */
    size_t *begins;
    bool *known; /* false: the record left an unchanged TOAST value out */
};

/* Borrows everything but what it makes. `cells` need not be initialised; deinit it whatever the outcome. */
SLUICE_MUST_CHECK enum sluice_code verify_cells_init(struct verify_cells *cells, const struct sluice_config *config,
                                                     const struct verify_plan *plan, const struct sluice_shape *shape,
                                                     const struct sluice_target *target, struct sluice_error *err);
void verify_cells_deinit(struct verify_cells *cells);

/* The first n_key cells. *has_key false: the record has none. Errors: those of verify_records_key(), SLUICE_E_VALUE. */
SLUICE_MUST_CHECK enum sluice_code verify_cells_key(struct verify_cells *cells, const rd_kafka_message_t *message,
                                                    bool *has_key, struct sluice_error *err);
/* All cells, and which of them are known. *is_live false: it is a delete. Errors: those of verify_records_value(),
 * SLUICE_E_VALUE, SLUICE_E_UNSUPPORTED (no envelope, or one of another table). */
SLUICE_MUST_CHECK enum sluice_code verify_cells_row(struct verify_cells *cells, const rd_kafka_message_t *message,
                                                    bool *is_live, struct sluice_error *err);

#endif
