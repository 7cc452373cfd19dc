/* framed.h - records whose schema is in a registry: Avro, or JSON with JSON Schema.
 *
 * A schema is compiled once and immutable; it lives in the arena it is given, which for schemas of the pipeline is as
 * long as the process, because types of rows point into it (change.h).
 */
#ifndef SLUICE_DEBEZIUM_FRAMED_H
#define SLUICE_DEBEZIUM_FRAMED_H

#include "debezium/change.h"
#include "registry/client.h"

struct framed_schema;

/* Errors: those of avro_schema_compile() and connect_json_schema_read(). Any thread. */
SLUICE_MUST_CHECK enum sluice_code framed_schema_new(const struct registry_document *document,
                                                     struct sluice_arena *arena, const struct framed_schema **out,
                                                     struct sluice_error *err);

/* As sluice_change_decode() and sluice_key_decode(), with `payload` behind its frame; row_type and type of the key are
 * set. Further errors: SLUICE_E_AVRO, SLUICE_E_SCHEMA: SLUICE_REJECT. */
SLUICE_MUST_CHECK enum sluice_code framed_change_decode(struct sluice_decoder *decoder,
                                                        const struct framed_schema *schema, struct sluice_str payload,
                                                        struct sluice_change *out, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code framed_key_decode(struct sluice_decoder *decoder, const struct framed_schema *schema,
                                                     struct sluice_str payload, struct sluice_key *out,
                                                     struct sluice_error *err);

#endif
