/* avro_source.h - the record `source` of an envelope in Avro. Private to lib/debezium. */
#ifndef SLUICE_DEBEZIUM_AVRO_SOURCE_H
#define SLUICE_DEBEZIUM_AVRO_SOURCE_H

#include "avro/reader.h"
#include "debezium/change.h"

struct source_memory;

enum avro_source_member {
    AVRO_SOURCE_OTHER,
    AVRO_SOURCE_CONNECTOR,
    AVRO_SOURCE_NAME,
    AVRO_SOURCE_TS_MS,
    AVRO_SOURCE_SNAPSHOT,
    AVRO_SOURCE_DB,
    AVRO_SOURCE_SEQUENCE,
    AVRO_SOURCE_TS_US,
    AVRO_SOURCE_SCHEMA,
    AVRO_SOURCE_TABLE,
    AVRO_SOURCE_TXID,
    AVRO_SOURCE_LSN
};

enum avro_source_member avro_source_find(struct sluice_str name);

/* Reads the record under the reader; `members` is one per field of `node`, `source` is zeroed by the caller.
 * Errors: as source_read(), with SLUICE_E_AVRO for bytes that are none of the schema. */
SLUICE_MUST_CHECK enum sluice_code avro_source_read(struct avro_reader *reader, const struct avro_node *node,
                                                    const unsigned char *members, struct source_memory *memory,
                                                    struct sluice_source *source, struct sluice_error *err);

#endif
