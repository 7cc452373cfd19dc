/* connect.h - the source type behind a Kafka Connect schema, as JsonConverter embeds it.
 *
 * Source: Debezium PostgreSQL connector documentation, "Data type mappings"; Kafka Connect's JsonConverter for the
 * form.
 */
#ifndef SLUICE_TABLE_CONNECT_H
#define SLUICE_TABLE_CONNECT_H

#include <jansson.h>

#include "base/error.h"
#include "table/shape.h"

/* Finds the `fields` of the member `field` ("after") of an envelope's schema; NULL if the schema has no such struct. */
json_t *connect_member_fields(const json_t *schema, const char *field_z);

/* Fills type, optional, scale and precision of `column` from one field's schema. *unsupported names the schema (or, if
 * it has none, the type) when this version does not write it; it is NULL otherwise. Borrowed from `schema`. */
void connect_read_field(const json_t *schema, struct sluice_source_column *column, const char **unsupported);

#endif
