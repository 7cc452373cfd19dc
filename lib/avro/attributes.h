/* attributes.h - what a schema means to Kafka Connect, from the attributes that its Avro converters leave in it.
 *
 * Confluent's and Apicurio's converters write connect.name, connect.type, connect.parameters and connect.default on the
 * part of a schema that is no union, unless connect.meta.data is false; what is left then is logicalType and the names
 * of records. Private to lib/avro.
 */
#ifndef SLUICE_AVRO_ATTRIBUTES_H
#define SLUICE_AVRO_ATTRIBUTES_H

#include <jansson.h>

#include "avro/schema.h"

/* Sets node->type of a node that is no union; everything else of it is there. `attributes` is the object that it was
 * spelled as, NULL for a bare name. Errors: SLUICE_E_LIMIT, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code attributes_apply(struct avro_node *node, const json_t *attributes,
                                                    struct sluice_arena *arena, struct sluice_error *err);
/* The same for a union, from the types of its branches. */
SLUICE_MUST_CHECK enum sluice_code attributes_apply_union(struct avro_node *node, struct sluice_arena *arena,
                                                          struct sluice_error *err);
/* Notes that a field has this default: node->type becomes a copy that says so. */
SLUICE_MUST_CHECK enum sluice_code attributes_add_default(struct avro_node *node, const json_t *value,
                                                          struct sluice_arena *arena, struct sluice_error *err);
/* Is this record how an entry of a map with keys of any type is written? */
bool attributes_is_entry(const struct avro_node *record, const json_t *attributes);

#endif
