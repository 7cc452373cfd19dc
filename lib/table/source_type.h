/* source_type.h - what a field of a record holds: the semantic types of Debezium's PostgreSQL connector.
 *
 * Source: Debezium documentation, "Data type mappings" of the PostgreSQL connector, for Connect types and names.
 */
#ifndef SLUICE_TABLE_SOURCE_TYPE_H
#define SLUICE_TABLE_SOURCE_TYPE_H

#include "base/arena.h"
#include "base/error.h"
#include "connect/type.h"

/* The second column is what tables.source_types accepts and what errors print. */
#define SLUICE_SOURCE_TYPES(X)                                                                                         \
    X(SLUICE_SOURCE_UNTYPED, "untyped") /* schemaless: the target column decides */                                    \
    X(SLUICE_SOURCE_BOOLEAN, "boolean")                                                                                \
    X(SLUICE_SOURCE_INT8, "int8")                                                                                      \
    X(SLUICE_SOURCE_INT16, "int16")                                                                                    \
    X(SLUICE_SOURCE_INT32, "int32")                                                                                    \
    X(SLUICE_SOURCE_INT64, "int64")                                                                                    \
    X(SLUICE_SOURCE_FLOAT32, "float32")                                                                                \
    X(SLUICE_SOURCE_FLOAT64, "float64")                                                                                \
    X(SLUICE_SOURCE_DECIMAL, "decimal")                   /* bytes of the unscaled integer, or a JSON number */        \
    X(SLUICE_SOURCE_VARIABLE_DECIMAL, "variable_decimal") /* {scale, value}: each value has a scale of its own */      \
    X(SLUICE_SOURCE_STRING, "string")                                                                                  \
    X(SLUICE_SOURCE_UUID, "uuid")                                                                                      \
    X(SLUICE_SOURCE_JSON, "json") /* JSON text inside a string */                                                      \
    X(SLUICE_SOURCE_ENUM, "enum")                                                                                      \
    X(SLUICE_SOURCE_BYTES, "bytes") /* base64 in JSON */                                                               \
    X(SLUICE_SOURCE_BITS, "bits")   /* bytes, little-endian, without the high zeros */                                 \
    X(SLUICE_SOURCE_DATE, "date")   /* days since 1970-01-01 */                                                        \
    X(SLUICE_SOURCE_TIME_MS, "time_ms")                                                                                \
    X(SLUICE_SOURCE_TIME_US, "time_us")                                                                                \
    X(SLUICE_SOURCE_TIME_NS, "time_ns")                                                                                \
    X(SLUICE_SOURCE_TIMESTAMP_MS, "timestamp_ms")                                                                      \
    X(SLUICE_SOURCE_TIMESTAMP_US, "timestamp_us")                                                                      \
    X(SLUICE_SOURCE_TIMESTAMP_NS, "timestamp_ns")                                                                      \
    X(SLUICE_SOURCE_ZONED_TIMESTAMP, "zoned_timestamp") /* "2020-04-01T11:51:02.000000Z" */                            \
    X(SLUICE_SOURCE_ZONED_TIME, "zoned_time")           /* "11:51:30.123Z" */                                          \
    X(SLUICE_SOURCE_ISO_DATE, "iso_date")               /* "2017-09-15Z" */                                            \
    X(SLUICE_SOURCE_ISO_TIME, "iso_time")               /* "04:05:11.789Z" */                                          \
    X(SLUICE_SOURCE_ISO_TIMESTAMP, "iso_timestamp")     /* "2019-07-09T02:28:57.123456Z" */                            \
    X(SLUICE_SOURCE_DURATION, "duration")               /* microseconds */                                             \
    X(SLUICE_SOURCE_INTERVAL, "interval")               /* "P1Y2M3DT4H5M6.78S" */                                      \
    X(SLUICE_SOURCE_POINT, "point")                     /* {x, y, wkb, srid} */                                        \
    X(SLUICE_SOURCE_GEOMETRY, "geometry")               /* {wkb, srid} */                                              \
    X(SLUICE_SOURCE_SPARSE_VECTOR, "sparse_vector")     /* {dimensions, vector} */                                     \
    X(SLUICE_SOURCE_ARRAY, "array")                     /* of `element` */                                             \
    X(SLUICE_SOURCE_MAP, "map")                         /* of `map_key` to `element` */                                \
    X(SLUICE_SOURCE_STRUCT, "struct")                   /* any other struct */

enum sluice_source_type {
#define SLUICE_SOURCE_TYPE_ENUM(symbol, name) symbol,
    SLUICE_SOURCE_TYPES(SLUICE_SOURCE_TYPE_ENUM)
#undef SLUICE_SOURCE_TYPE_ENUM
        SLUICE_N_SOURCE_TYPES
};

/* Scale of a decimal that only a hint names: the target's scale is taken. */
enum { SLUICE_SCALE_UNTOLD = 0xffff };

struct sluice_source_column {
    const char *name; /* "" for a part of another column */
    enum sluice_source_type type;
    bool optional;
    bool is_key;
    unsigned scale;                             /* DECIMAL */
    unsigned precision;                         /* DECIMAL; 0: not told (money: 19) */
    unsigned length;                            /* BITS: digits that a value is filled up to; 0: not told, or none */
    const struct sluice_source_column *element; /* ARRAY: of its elements; MAP: of its values; else NULL */
    const struct sluice_source_column *map_key; /* MAP */
    bool has_default;
    bool default_is_number;
    const char *default_text;         /* connect_type's; NULL without one */
    enum sluice_source_type inferred; /* UNTYPED: what the first value looked like, for tables.infer */
};

/* Static text, e.g. "timestamp_us". And back; SLUICE_N_SOURCE_TYPES if unknown. */
const char *sluice_source_type_name(enum sluice_source_type type);
enum sluice_source_type sluice_source_type_find(struct sluice_str name);

/* Fills everything of *out but name and is_key from a schema. Parts are made in the arena. *unsupported names the
 * schema (or, if it has no name, the Connect type) when it is not written; it is NULL otherwise. A name that is not
 * known is no obstacle on a string or a struct, whose text says what it says; on anything else it may mean any unit.
 * Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code source_type_of(struct sluice_arena *arena, const struct connect_type *type,
                                                  struct sluice_source_column *out, const char **unsupported,
                                                  struct sluice_error *err);

/* The same from a hint: a type's name; decimal(SCALE), bits(LENGTH), array(HINT), map(HINT) tell more, and the parts
 * of a plain array or map are untyped. *known is false if the text is none. */
SLUICE_MUST_CHECK enum sluice_code source_type_hint(struct sluice_arena *arena, struct sluice_str text,
                                                    struct sluice_source_column *out, bool *known,
                                                    struct sluice_error *err);

/* Do both hold the same (names and keys aside)? */
bool source_type_equal(const struct sluice_source_column *a, const struct sluice_source_column *b);

#endif
