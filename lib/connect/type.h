/* type.h - a Kafka Connect schema as a tree, whatever it was written in: the schema that JsonConverter embeds, an Avro
 * writer schema with its connect.* attributes, or a JSON Schema of Confluent's converter.
 *
 * Immutable once made; lives in the arena it was made in. Source: Kafka Connect's Schema interface; the names and
 * parameters are those of Debezium's documentation, "Data type mappings".
 */
#ifndef SLUICE_CONNECT_TYPE_H
#define SLUICE_CONNECT_TYPE_H

#include <stdbool.h>
#include <stddef.h>

enum connect_kind {
    CONNECT_BOOLEAN,
    CONNECT_INT8,
    CONNECT_INT16,
    CONNECT_INT32,
    CONNECT_INT64,
    CONNECT_FLOAT32,
    CONNECT_FLOAT64,
    CONNECT_STRING,
    CONNECT_BYTES,
    CONNECT_ARRAY,
    CONNECT_MAP,
    CONNECT_STRUCT
};

/* A number among the parameters that the schema does not tell. */
enum { CONNECT_UNTOLD = -1 };

struct connect_field;

struct connect_type {
    enum connect_kind kind;
    bool optional;
    bool has_default;
    bool default_is_number;             /* as JSON, where a text may look like one: base64 */
    const char *default_text;           /* a default that is a boolean, number, text or empty list, as JSON has it;
                                           without quotes and escapes. NULL without one, or for one of another kind */
    const char *name;                   /* semantic, e.g. "io.debezium.time.Date"; NULL for a plain type */
    int scale;                          /* parameters: "scale" */
    int precision;                      /* "connect.decimal.precision" */
    int length;                         /* "length", of io.debezium.data.Bits */
    const char *source_type;            /* "__debezium.source.column.type"; NULL if not told */
    const struct connect_type *keys;    /* MAP */
    const struct connect_type *items;   /* ARRAY: of its elements; MAP: of its values */
    const struct connect_field *fields; /* STRUCT, in order */
    size_t n_fields;
};

struct connect_field {
    const char *name;
    const struct connect_type *type;
};

/* The field of that name, or NULL; NULL too if `type` is no struct. */
const struct connect_field *connect_find_field(const struct connect_type *type, const char *name_z);

/* Do both mean the same? Structs that are named after a table or topic are compared by their fields alone. */
bool connect_type_equal(const struct connect_type *a, const struct connect_type *b);

#endif
