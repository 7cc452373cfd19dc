/* json_schema.h - a JSON Schema of Confluent's JSON Schema converter, as a connect_type.
 *
 *   {"type":"object","title":"..Value","properties":{
 *     "id":{"type":"integer","connect.type":"int32","connect.index":0},
 *     "price":{"connect.index":1,"oneOf":[{"type":"null"},
 *              {"type":"number","title":"org.apache.kafka.connect.data.Decimal","connect.type":"bytes",
 *               "connect.parameters":{"scale":"2"}}]}}}
 *
 * Fields are ordered by connect.index, those without one by their place in the text. A map is an object with
 * connect.type "map" and additionalProperties, or an array of {key, value} with connect.type "map". {"$ref"} leads to
 * "#", to definitions and $defs, or to a schema of another name. Source: Confluent documentation, "JSON Schema
 * Serializer and Deserializer", and Kafka Connect's types.
 */
#ifndef SLUICE_CONNECT_JSON_SCHEMA_H
#define SLUICE_CONNECT_JSON_SCHEMA_H

#include "base/arena.h"
#include "base/str.h"
#include "connect/type.h"

/* A schema that others may refer to. */
struct connect_named_schema {
    const char *name;
    struct sluice_str text;
};

/* Makes the tree in the arena. Errors (SLUICE_REJECT): SLUICE_E_JSON no JSON; SLUICE_E_SCHEMA nothing that Connect has
 * a type for, or a schema beyond 64 levels or 100,000 types; SLUICE_E_LIMIT, SLUICE_E_NOMEM of the arena. */
SLUICE_MUST_CHECK enum sluice_code connect_json_schema_read(struct sluice_str text,
                                                            const struct connect_named_schema *named, size_t n_named,
                                                            struct sluice_arena *arena, const struct connect_type **out,
                                                            struct sluice_error *err);

#endif
