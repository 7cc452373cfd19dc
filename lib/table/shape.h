/* shape.h - the columns of a source table as its records show them: names, and types where a schema tells.
 *
 * Two origins: the embedded schema of JSON records (typed), or the bare field names of a schemaless record, whose types
 * the target table and the option tables.source_types decide. Immutable once made.
 */
#ifndef SLUICE_TABLE_SHAPE_H
#define SLUICE_TABLE_SHAPE_H

#include "base/arena.h"
#include "debezium/change.h"

/* What a field holds, by Connect type and schema name (Debezium documentation, "Data type mappings"). The names in the
 * second column are what tables.source_types accepts and what errors print. */
#define SLUICE_SOURCE_TYPES(X)                                                                                         \
    X(SLUICE_SOURCE_UNTYPED, "untyped") /* schemaless: the target column decides */                                    \
    X(SLUICE_SOURCE_BOOLEAN, "boolean")                                                                                \
    X(SLUICE_SOURCE_INT16, "int16")                                                                                    \
    X(SLUICE_SOURCE_INT32, "int32")                                                                                    \
    X(SLUICE_SOURCE_INT64, "int64")                                                                                    \
    X(SLUICE_SOURCE_FLOAT32, "float32")                                                                                \
    X(SLUICE_SOURCE_FLOAT64, "float64")                                                                                \
    X(SLUICE_SOURCE_DECIMAL, "decimal") /* base64 of the unscaled integer, or a JSON number */                         \
    X(SLUICE_SOURCE_STRING, "string")                                                                                  \
    X(SLUICE_SOURCE_UUID, "uuid")                                                                                      \
    X(SLUICE_SOURCE_JSON, "json")                                                                                      \
    X(SLUICE_SOURCE_ENUM, "enum")                                                                                      \
    X(SLUICE_SOURCE_BYTES, "bytes") /* base64 */                                                                       \
    X(SLUICE_SOURCE_DATE, "date")   /* days since 1970-01-01 */                                                        \
    X(SLUICE_SOURCE_TIMESTAMP_MS, "timestamp_ms")                                                                      \
    X(SLUICE_SOURCE_TIMESTAMP_US, "timestamp_us")                                                                      \
    X(SLUICE_SOURCE_TIMESTAMP_NS, "timestamp_ns")                                                                      \
    X(SLUICE_SOURCE_ZONED_TIMESTAMP, "zoned_timestamp") /* "2020-04-01T11:51:02.000000Z" */

enum sluice_source_type {
#define SLUICE_SOURCE_TYPE_ENUM(symbol, name) symbol,
    SLUICE_SOURCE_TYPES(SLUICE_SOURCE_TYPE_ENUM)
#undef SLUICE_SOURCE_TYPE_ENUM
        SLUICE_N_SOURCE_TYPES
};

/* Scale of a decimal that only the option tables.source_types names: the target's scale is taken. */
enum { SLUICE_SCALE_UNTOLD = 0xffff };

struct sluice_source_column {
    const char *name;
    enum sluice_source_type type;
    bool optional;
    bool is_key;
    unsigned scale;     /* SLUICE_SOURCE_DECIMAL */
    unsigned precision; /* 0: not told (money: 19) */
};

struct sluice_shape {
    struct sluice_arena arena;
    const char *schema; /* source schema and table, unescaped */
    const char *table;
    bool typed;                           /* from an embedded schema */
    struct sluice_source_column *columns; /* in record order */
    size_t n_columns;
    const size_t *key; /* indexes into columns, in key order */
    size_t n_key;
};

/* hints: entries of tables.source_types, "schema.table.column=type", checked by config_check(); may be NULL with 0. */
SLUICE_MUST_CHECK enum sluice_code sluice_shape_new(const struct sluice_change *change, const struct sluice_key *key,
                                                    const char *const *hints, size_t n_hints, struct sluice_shape **out,
                                                    struct sluice_error *err);
void sluice_shape_free(struct sluice_shape *shape);
SLUICE_DEFINE_AUTO_PTR(sluice_shape, struct sluice_shape, sluice_shape_free)

/* Same names, types and optionality in the same order, and the same key: records of both can share a plan. */
bool sluice_shape_equal(const struct sluice_shape *a, const struct sluice_shape *b);

/* Static text, e.g. "timestamp_us". And back; SLUICE_N_SOURCE_TYPES if unknown. */
const char *sluice_source_type_name(enum sluice_source_type type);
enum sluice_source_type sluice_source_type_find(struct sluice_str name);

#endif
