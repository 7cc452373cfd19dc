/* plan.h - how records of one source table become rows of one target table.
 *
 * A plan pairs each field of the shape with a column of the target and fixes the conversion. Everything that can be
 * refused once is refused here, by name: a field the target lacks, an unknown type, a pair of types without an exact
 * conversion, a NULL-able key. What depends on the value is checked per value by row.h. Immutable after creation,
 * shared by reference count (lane, batches in flight).
 */
#ifndef SLUICE_TABLE_PLAN_H
#define SLUICE_TABLE_PLAN_H

#include "sluice/rules.h"
#include "table/shape.h"
#include "table/target.h"

struct sluice_plan;

struct sluice_plan_options {
    /* false: the target holds the present rows, in a ReplacingMergeTree that names its own version and deleted column.
     * true: it holds every change, in a plain MergeTree with all columns of metadata.h and the two named here. */
    bool is_log;
    const char *version_column;                   /* "_version" */
    const char *deleted_column;                   /* "is_deleted" */
    const struct sluice_table_settings *settings; /* NULL: nothing is set for the table */
    /* Versions fit 64 bits (version.mode lsn, and offset without a generation), so that of a ReplacingMergeTree may be
     * a UInt64 column. */
    bool may_be_narrow;
    const char *toast_placeholder; /* the connector's unavailable.value.placeholder; NULL: the usual one */
};

/* The target's engine alone, before anything of the table is changed. Errors: SLUICE_E_TABLE, as sluice_plan_new(). */
SLUICE_MUST_CHECK enum sluice_code sluice_plan_check_engine(const struct sluice_shape *shape,
                                                            const struct sluice_target *target,
                                                            const struct sluice_plan_options *options,
                                                            struct sluice_error *err);

/* Borrows shape, target and options for the call only. The version column of the target must be UInt128 (see
 * options), the deleted column UInt8 or Bool. A column that no field feeds gets its default, NULL or the type's zero
 * from the server. Errors: SLUICE_E_TYPE, SLUICE_E_SHAPE (a field without a column), SLUICE_E_TABLE (engine, version or
 * deleted column); all SLUICE_STOP_PARTITION, text names table, column, both types and the remedy. */
SLUICE_MUST_CHECK enum sluice_code sluice_plan_new(const struct sluice_shape *shape, const struct sluice_target *target,
                                                   const struct sluice_plan_options *options, struct sluice_plan **out,
                                                   struct sluice_error *err);
struct sluice_plan *sluice_plan_ref(struct sluice_plan *plan);
void sluice_plan_unref(struct sluice_plan *plan); /* NULL does nothing */

/* INSERT INTO `db`.`table` (`a`, ...) FORMAT RowBinaryWithNamesAndTypes */
const char *sluice_plan_insert_sql(const struct sluice_plan *plan);
/* The format's header: count, names, types. */
struct sluice_str sluice_plan_insert_header(const struct sluice_plan *plan);
/* Is a row known by the place of its record? Do its records come with the whole row as it was, for sure? */
bool sluice_plan_is_by_offset(const struct sluice_plan *plan);
bool sluice_plan_is_full(const struct sluice_plan *plan);
const char *sluice_plan_database(const struct sluice_plan *plan);
const char *sluice_plan_table(const struct sluice_plan *plan);

/* Calls `tell` for each column of the target that no field of the shape feeds, that can't be NULL and has no default:
 * rows get its type's zero. */
void sluice_plan_unfed(const struct sluice_shape *shape, const struct sluice_target *target,
                       const struct sluice_plan_options *options,
                       void (*tell)(void *context, const struct sluice_target_column *column), void *context);

#endif
