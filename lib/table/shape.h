/* shape.h - the columns of a source table as its records show them: names, and types where a schema tells.
 *
 * Two origins: the schema of the record (typed), be it embedded or a registry's, or the bare field names of a
 * schemaless record, whose types the target table and the option tables.source_types decide. Immutable once made.
 */
#ifndef SLUICE_TABLE_SHAPE_H
#define SLUICE_TABLE_SHAPE_H

#include "base/arena.h"
#include "debezium/change.h"
#include "sluice/rules.h"
#include "table/source_type.h"

struct sluice_shape {
    struct sluice_arena arena;
    const char *schema; /* source schema and table, unescaped */
    const char *table;
    bool typed;                           /* from a schema */
    struct sluice_source_column *columns; /* in record order */
    size_t n_columns;
    const size_t *key; /* indexes into columns, in key order */
    size_t n_key;
};

/* hints: entries of tables.source_types, "schema.table.column=type", checked by config_check(); may be NULL with 0. */
SLUICE_MUST_CHECK enum sluice_code sluice_shape_new(const struct sluice_change *change, const struct sluice_key *key,
                                                    const char *const *hints, size_t n_hints, struct sluice_shape **out,
                                                    struct sluice_error *err);
/* The source types that rules name (`source_type` of a column), in a shape that has none of its own; others have them
 * from the records, and nothing is done. Errors: SLUICE_E_CONFIG (no such type), SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_shape_apply_rules(struct sluice_shape *shape,
                                                            const struct sluice_table_settings *settings,
                                                            struct sluice_error *err);
void sluice_shape_free(struct sluice_shape *shape);
SLUICE_DEFINE_AUTO_PTR(sluice_shape, struct sluice_shape, sluice_shape_free)

/* Same names, types and optionality in the same order, and the same key: records of both can share a plan. */
bool sluice_shape_equal(const struct sluice_shape *a, const struct sluice_shape *b);

#endif
