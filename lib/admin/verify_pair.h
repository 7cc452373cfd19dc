/* verify_pair.h - which column of PostgreSQL can be compared with which column of ClickHouse, and how.
 *
 * A pair that is not known here is named in the report as not compared, never taken for equal. Pure. Thread: any. */
#ifndef SLUICE_ADMIN_VERIFY_PAIR_H
#define SLUICE_ADMIN_VERIFY_PAIR_H

#include "admin/canon.h"
#include "base/arena.h"
#include "table/source_type.h"
#include "table/type.h"

/* A column as PostgreSQL's catalogue has it; domains are their base types. */
struct pair_source {
    const char *type; /* pg_type.typname; of the elements where it is an array */
    char kind;        /* pg_type.typtype of that: b, e (enum), r (range), c, ... */
    bool is_array;
    int modifier;                 /* atttypmod, -1 for none */
    enum sluice_source_type sent; /* what the records hold, as far as they tell: UNTYPED */
};

/* Fills `canon`; *reason is NULL then, else it says why the pair can't be compared. Parts are made in the arena.
 * Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code pair_choose(struct sluice_arena *arena, const struct pair_source *source,
                                               const struct sluice_type *target,
                                               const struct sluice_column_settings *settings, struct canon *canon,
                                               const char **reason, struct sluice_error *err);

/* Appends what ClickHouse is to select for the column, so that TabSeparated has the text that canon.h reads. */
SLUICE_MUST_CHECK enum sluice_code pair_expression(const struct canon *canon, const struct sluice_type *target,
                                                   const char *column, struct sluice_buf *sql,
                                                   struct sluice_error *err);

#endif
