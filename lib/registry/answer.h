/* answer.h - what a registry answered, taken apart with jansson. Private to lib/registry. */
#ifndef SLUICE_REGISTRY_ANSWER_H
#define SLUICE_REGISTRY_ANSWER_H

#include <jansson.h>

#include "registry/client.h"

struct answer_schema {
    enum registry_type type;
    struct sluice_str text;   /* in the arena */
    const json_t *references; /* an array, borrowed from `root`; NULL without any */
    json_t *root;             /* owned */
};

void answer_schema_deinit(struct answer_schema *schema);
SLUICE_DEFINE_AUTO(answer_schema, struct answer_schema, answer_schema_deinit)

/* {"schema":"..","schemaType":..,"references":[..],..}. `where` names it in errors.
 * Errors: SLUICE_E_SCHEMA; SLUICE_E_LIMIT, SLUICE_E_NOMEM of the arena. */
SLUICE_MUST_CHECK enum sluice_code answer_read_schema(struct sluice_str body, const char *where,
                                                      struct sluice_arena *arena, struct answer_schema *out,
                                                      struct sluice_error *err);
/* A body that is the schema itself; `artifact_type` as Apicurio's header says it, "" counts as AVRO. */
SLUICE_MUST_CHECK enum sluice_code answer_take_bare(struct sluice_str body, const char *artifact_type,
                                                    const char *where, struct sluice_arena *arena,
                                                    struct answer_schema *out, struct sluice_error *err);
/* The member "message" of a refusal, "" if there is none; cut to fit. */
void answer_message(struct sluice_str body, char *out, size_t capacity);

#endif
