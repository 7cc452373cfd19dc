/* embedded.h - the schema that JsonConverter embeds in a record, as a connect_type.
 *
 * Source: Kafka Connect's JsonConverter (schemas.enable=true). For planning only: a text that was seen before is never
 * read again.
 */
#ifndef SLUICE_CONNECT_EMBEDDED_H
#define SLUICE_CONNECT_EMBEDDED_H

#include "base/arena.h"
#include "connect/type.h"

/* Makes the tree of `text` in the arena. With `member_z` ("after") only the tree of that field of the struct is made;
 * *out is NULL if it has none of that name. Errors, all SLUICE_STOP_PARTITION: SLUICE_E_JSON (no JSON), SLUICE_E_TYPE
 * (no Connect type, named by its field), SLUICE_E_SHAPE (a field without a name), SLUICE_E_LIMIT (nested too deep, too
 * many fields), SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code connect_embedded_read(struct sluice_arena *arena, struct sluice_str text,
                                                         const char *member_z, const struct connect_type **out,
                                                         struct sluice_error *err);

#endif
