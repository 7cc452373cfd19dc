/* verify_postgres.h - the source's table itself, read through libpq: the independent side of a comparison.
 *
 * Reads only: every session is read-only, and nothing is written, locked against writers, or kept at the source.
 * Connection strings and passwords appear in no text. Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_POSTGRES_H
#define SLUICE_ADMIN_VERIFY_POSTGRES_H

#include "admin/verify_plan.h"

struct verify_postgres;

/* Connects. Errors: SLUICE_E_CONFIG (the string is not understood, or a standby: it has no slot to compare by),
 * SLUICE_E_IO (refused; what the server says is in the text). */
SLUICE_MUST_CHECK enum sluice_code verify_postgres_new(const char *conninfo, struct verify_postgres **out,
                                                       struct sluice_error *err);
void verify_postgres_free(struct verify_postgres *postgres); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(verify_postgres, struct verify_postgres, verify_postgres_free)

const char *verify_postgres_database(const struct verify_postgres *postgres);

/* The table's columns, made in the arena; `shape` tells what the records hold. Errors: SLUICE_E_TABLE (no such table,
 * no ordinary one, not readable), SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code
verify_postgres_describe(struct verify_postgres *postgres, const struct sluice_shape *shape, struct sluice_arena *arena,
                         struct verify_source_column **columns, size_t *n_columns, struct sluice_error *err);

/* One moment for all that is read until the end: *lsn is behind every commit that is seen. Errors: SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code verify_postgres_begin(struct verify_postgres *postgres, uint64_t *lsn,
                                                         struct sluice_error *err);
void verify_postgres_end(struct verify_postgres *postgres);

/* A position behind every commit that could be seen before. Errors: SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code verify_postgres_position(struct verify_postgres *postgres, uint64_t *lsn,
                                                            struct sluice_error *err);

/* Called for each row: its state ("" if not asked for) and a text for each column of the plan, ptr NULL for NULL. They
 * may be changed, and are gone after the call. */
typedef enum sluice_code (*verify_row_fn)(void *context, struct sluice_str state, const struct sluice_str *cells,
                                          struct sluice_error *err);

SLUICE_MUST_CHECK enum sluice_code verify_postgres_count(struct verify_postgres *postgres,
                                                         const struct verify_plan *plan,
                                                         const struct verify_where *where, uint64_t *n_rows,
                                                         struct sluice_error *err);
/* Of the snapshot, without states; or as it is now, with them. Errors: SLUICE_E_IO, SLUICE_E_LIMIT, those of `visit`.
 */
SLUICE_MUST_CHECK enum sluice_code verify_postgres_read(struct verify_postgres *postgres,
                                                        const struct verify_plan *plan,
                                                        const struct verify_where *where, bool is_now,
                                                        verify_row_fn visit, void *context, struct sluice_error *err);

/* How far the connector's replication slot is. */
struct verify_slot {
    char name[64];
    bool is_active;
    bool is_flushed;   /* the connector has everything up to the position in Kafka, and said so */
    bool is_sent;      /* everything up to the position was sent to it */
    bool has_sent;     /* false: this user may not see that */
    uint64_t flushed;  /* where the slot is */
    int64_t lag_bytes; /* from there to the position */
};
/* `name` NULL: the only logical slot of this database. Errors: SLUICE_E_CONFIG (none, several, no such slot),
 * SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code verify_postgres_slot(struct verify_postgres *postgres, const char *name,
                                                        uint64_t lsn, struct verify_slot *slot,
                                                        struct sluice_error *err);

/* Splits a line of COPY or TabSeparated, which is changed, into `n` fields; false if there are more or fewer. */
bool verify_split(char *line, size_t len, struct sluice_str *fields, size_t n);

#endif
