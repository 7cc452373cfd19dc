/* frame.h - how a record's key or value says which schema of a registry it was written with.
 *
 *   in front of the data   0x00 and the schema's id, 4 bytes; 0x01 and its GUID, 16 bytes (Confluent)
 *   in a header            __key_schema_id, __value_schema_id: the same bytes (Confluent, 8.0 and newer)
 *                          apicurio.key.globalId, .contentId, apicurio.value.globalId, .contentId: 8 bytes, with
 *                          apicurio.value.encoding BINARY (Apicurio, observed with 2.6.13)
 *
 * All numbers are big-endian. With a header the payload is bare. Sources: Confluent documentation, "Wire format";
 * Apicurio Registry documentation, "Kafka client serializers/deserializers".
 */
#ifndef SLUICE_DEBEZIUM_FRAME_H
#define SLUICE_DEBEZIUM_FRAME_H

#include "base/error.h"
#include "base/str.h"
#include "registry/client.h"

enum frame_side { FRAME_KEY, FRAME_VALUE };

struct frame {
    bool is_framed;
    bool in_header;
    struct registry_ref ref;
    struct sluice_str payload; /* all bytes if it is not framed */
};

/* The value of a record's header; false without one. */
typedef bool (*frame_header_fn)(const void *record, const char *name, struct sluice_str *value);

/* Looks at the first bytes only. Errors: SLUICE_E_AVRO, SLUICE_REJECT: it begins like a frame and is none. */
SLUICE_MUST_CHECK enum sluice_code frame_read(struct sluice_str bytes, struct frame *out, struct sluice_error *err);
/* Looks at the record's headers only. Errors: as above. */
SLUICE_MUST_CHECK enum sluice_code frame_read_headers(frame_header_fn find, const void *record, enum frame_side side,
                                                      struct sluice_str bytes, struct frame *out,
                                                      struct sluice_error *err);

#endif
