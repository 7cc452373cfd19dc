/* schema.h - an Avro schema, compiled for reading the data that was written with it.
 *
 * A tree of nodes: names are resolved, unions keep the writer's order, the schema's text is not needed afterwards.
 * Named types are spelled out once and may be used many times, so nodes are shared. Immutable once made; lives in the
 * arena of its schema, which for schemas of the pipeline is as long as the process. Thread: any. Source: Apache
 * Avro 1.11 specification, "Schema Declaration" and "Names"; the connect.* attributes as Confluent's and Apicurio's
 * Avro converters write them (captured in tests/data/debezium/avro).
 *
 * Bounds: AVRO_MAX_DEPTH levels, AVRO_MAX_FIELDS fields of a record, AVRO_MAX_WEIGHT values in one datum without arrays
 * and maps. A type that contains itself is refused, so is an array whose elements take no bytes: what is read in
 * one go is bounded by the schema and the bytes that are there, never by a number among them.
 */
#ifndef SLUICE_AVRO_SCHEMA_H
#define SLUICE_AVRO_SCHEMA_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "connect/type.h"

enum { AVRO_MAX_DEPTH = 64, AVRO_MAX_FIELDS = 1664, AVRO_MAX_WEIGHT = 1 << 20 };

enum avro_kind {
    AVRO_NULL,
    AVRO_BOOLEAN,
    AVRO_INT,
    AVRO_LONG,
    AVRO_FLOAT,
    AVRO_DOUBLE,
    AVRO_BYTES,
    AVRO_STRING,
    AVRO_ENUM,
    AVRO_FIXED,
    AVRO_ARRAY,
    AVRO_MAP,
    AVRO_RECORD,
    AVRO_UNION
};

struct avro_node;

struct avro_field {
    const char *name;
    struct sluice_str name_str; /* the same */
    const struct avro_node *node;
};

struct avro_node {
    enum avro_kind kind;
    const char *name; /* full name of RECORD, ENUM, FIXED; else NULL */
    /* The type in Connect's terms; NULL where it has none: null alone, a union of several types, and what holds one of
     * them. Of [null, T] and [T, null] it is T's, optional. */
    const struct connect_type *type;
    const struct avro_node *items;           /* ARRAY: of its elements; MAP: of its values */
    const struct avro_field *fields;         /* RECORD */
    const struct avro_node *const *branches; /* UNION, in the writer's order; none of them is a union */
    const struct sluice_str *symbols;        /* ENUM */
    size_t n;                                /* of fields, branches or symbols */
    size_t size;                             /* FIXED: bytes */
    size_t min_bytes;                        /* fewest bytes that a datum takes */
    size_t weight;                           /* most values in a datum, those inside of arrays and maps counted once */
    bool is_entries; /* RECORD {key, value}, an entry of a map with keys of any type; ARRAY of such: the map */
};

/* Compiles `text`. `named` are texts of schemas whose named types it may use, each of which may use those before it.
 * Everything is made in `arena`. Errors (SLUICE_REJECT): SLUICE_E_JSON no JSON; SLUICE_E_SCHEMA no Avro schema, or one
 * beyond the bounds; SLUICE_E_LIMIT, SLUICE_E_NOMEM of the arena. */
SLUICE_MUST_CHECK enum sluice_code avro_schema_compile(struct sluice_str text, const struct sluice_str *named,
                                                       size_t n_named, struct sluice_arena *arena,
                                                       const struct avro_node **out, struct sluice_error *err);

/* Of [null, T] and [T, null] T, of [T] T; any other node itself. */
const struct avro_node *avro_without_null(const struct avro_node *node);

#endif
