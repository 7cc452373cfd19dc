/* default.h - the default of a column, as a schema tells it. Only constants are told: what the source computed for the
 * rows that were there is not known here. Lives in the schema's arena.
 */
#ifndef SLUICE_CONNECT_DEFAULT_H
#define SLUICE_CONNECT_DEFAULT_H

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "connect/type.h"

/* Appends the JSON of a schema with `"default number":"1"` in place of `"default":1`: jansson would round the number,
 * or refuse the whole for its size. Errors: as sluice_buf_append(). */
SLUICE_MUST_CHECK enum sluice_code connect_default_keep_numbers(struct sluice_str text, struct sluice_buf *out,
                                                                struct sluice_error *err);
/* Sets the default of `type` from the object of its schema, read from such JSON. Errors: SLUICE_E_NOMEM,
 * SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code connect_default_read(struct sluice_arena *arena, const json_t *schema,
                                                        struct connect_type *type, struct sluice_error *err);

/* For connect_type.default_text. *out stays as it is for what is no boolean, number, text or empty list. Errors:
 * SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code connect_default_text(struct sluice_arena *arena, const json_t *value,
                                                        const char **out, struct sluice_error *err);

/* The same of bytes that stand in a text, each as the character of its number (Avro specification, "Complex Types,
 * Records"); *out is base64, as JSON records have it, and stays as it is if a character is none of these. */
SLUICE_MUST_CHECK enum sluice_code connect_default_bytes(struct sluice_arena *arena, const json_t *value,
                                                         const char **out, struct sluice_error *err);

#endif
