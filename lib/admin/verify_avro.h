/* verify_avro.h - records in Avro, read by avro-c, as JSON of the form that JsonConverter writes.
 *
 * The independent reader of a comparison: nothing of lib/avro takes part. Bytes become base64, NaN and the infinities
 * texts, a union its branch. Compiled apart, since avro-c's headers have the names of those in lib/avro. Thread: one at
 * a time (avro-c keeps its error text for the whole process). */
#ifndef SLUICE_ADMIN_VERIFY_AVRO_H
#define SLUICE_ADMIN_VERIFY_AVRO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct verify_avro;

/* Compiles a schema. NULL if avro-c refuses it; its text is in `reason`. */
struct verify_avro *verify_avro_new(const char *json, size_t len, char *reason, size_t reason_size);
void verify_avro_free(struct verify_avro *avro); /* NULL does nothing */
/* The types as Connect's JSON schemas have them (type, name, parameters, fields, items), from the attributes that
 * Avro's converters write. NULL if they are not understood. Borrowed. */
const json_t *verify_avro_schema(const struct verify_avro *avro);
/* The value; NULL if the bytes are none of this schema. The caller's. */
json_t *verify_avro_read(struct verify_avro *avro, const char *bytes, size_t len);

#endif
