/* avro_record.h - how the records of one Avro schema are taken apart: which field is what, found out once.
 *
 * Private to lib/debezium. Immutable once made, lives in the arena of the schema.
 */
#ifndef SLUICE_DEBEZIUM_AVRO_RECORD_H
#define SLUICE_DEBEZIUM_AVRO_RECORD_H

#include "avro/reader.h"
#include "debezium/change.h"
#include "debezium/decoder.h"

/* What a field of the record is; of `source` see avro_source.h. */
enum avro_member {
    AVRO_OTHER,
    AVRO_BEFORE,
    AVRO_AFTER,
    AVRO_SOURCE,
    AVRO_OP,
    AVRO_TS_MS,
    AVRO_ID,
    AVRO_STATUS,
    AVRO_EVENT_COUNT,
    AVRO_DATA_COLLECTIONS,
    AVRO_TYPE,
    AVRO_AGGREGATE_TYPE,
    AVRO_ADDITIONAL_DATA
};

struct avro_record {
    const struct avro_node *root;
    const unsigned char *members;        /* enum avro_member, one per field of a RECORD */
    const unsigned char *source_members; /* enum avro_source_member, one per field of `source`; NULL without it */
    const struct avro_node *source;      /* RECORD, or NULL */
    const struct avro_node *row;         /* of `after`: a RECORD, or NULL */
    unsigned seen;                       /* 1 << enum avro_member */
};

/* Errors: SLUICE_E_LIMIT, SLUICE_E_NOMEM. What the schema lacks is said when a record of it is met. */
SLUICE_MUST_CHECK enum sluice_code avro_record_new(const struct avro_node *root, struct sluice_arena *arena,
                                                   const struct avro_record **out, struct sluice_error *err);

/* The same as sluice_change_decode() and sluice_key_decode(), with SLUICE_E_AVRO for bytes that are none of the schema,
 * and SLUICE_E_SCHEMA for a row that has no type in Connect's terms. */
SLUICE_MUST_CHECK enum sluice_code avro_record_change(const struct avro_record *record, struct sluice_decoder *decoder,
                                                      struct sluice_str payload, struct sluice_change *out,
                                                      struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code avro_record_key(const struct avro_record *record, struct sluice_decoder *decoder,
                                                   struct sluice_str payload, struct sluice_key *out,
                                                   struct sluice_error *err);

#endif
