/* property_avro_oracle.h - what avro-c's generic reader makes of Avro data, as a text. Its header has names that ours
 * has too, so the two meet only here. */
#ifndef SLUICE_TESTS_PROPERTY_AVRO_ORACLE_H
#define SLUICE_TESTS_PROPERTY_AVRO_ORACLE_H

#include <stdbool.h>
#include <stddef.h>

/* A schema of avro-c, NULL if it refuses the text. */
struct avro_oracle;
struct avro_oracle *avro_oracle_new(const char *schema, size_t n_bytes);
void avro_oracle_free(struct avro_oracle *oracle);

/* Writes the datum: n t f; i and decimal digits; r and the bits of a float or double; s and hexadecimal digits for
 * string, bytes, fixed and enum; [..] of an array, {key=value..} of a map, (..) of a record, each part with a comma
 * behind it. False if avro-c refuses the bytes or the room is not enough;
 * whether all of them were used it does not tell. */
bool avro_oracle_dump(struct avro_oracle *oracle, const char *bytes, size_t n_bytes, char *out, size_t capacity);

#endif
