/* source.h - the `source` object of an envelope: which table, and where in the log. */
#ifndef SLUICE_DEBEZIUM_SOURCE_H
#define SLUICE_DEBEZIUM_SOURCE_H

#include "debezium/change.h"

/* Positions above this do not fit the 56 bits that a row version has for them (debezium/version.h). A log reaches it
 * after 64 PiB. */
#define SOURCE_MAX_POSITION ((UINT64_C(1) << 56) - 1)

/* Names that JSON writes with escapes, without them. PostgreSQL's have 63 bytes. */
struct source_names {
    char bytes[4096];
    size_t n;
};

struct source_memory;

/* Reads the object under the cursor; members in any order, unknown ones skipped. `source` is zeroed by the caller, and
 * points into the record and into `names`, which is emptied first.
 * Errors: SLUICE_E_JSON; SLUICE_E_ENVELOPE (not written by a PostgreSQL connector, a member twice or of the wrong type,
 * a name with a zero byte or too long); SLUICE_E_POSITION. */
SLUICE_MUST_CHECK enum sluice_code source_read(struct sluice_json_cursor *cursor, struct source_memory *memory,
                                               struct source_names *names, struct sluice_source *source,
                                               struct sluice_error *err);

/* What either encoding asks of `connector`, of a position in the log, and of the names in a record of a row.
 * Errors: SLUICE_E_ENVELOPE, of the position SLUICE_E_POSITION. */
SLUICE_MUST_CHECK enum sluice_code source_take_connector(const struct sluice_value *value, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code source_take_lsn(const struct sluice_value *value, struct sluice_source *source,
                                                   struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code source_take_txid(const struct sluice_value *value, struct sluice_source *source,
                                                    struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code source_check_identity(const struct sluice_source *source, struct sluice_error *err);

/* The field `sequence`, a JSON array inside a text: with its escapes as JSON has it, or plain as Avro has it.
 * Errors: SLUICE_E_POSITION. */
SLUICE_MUST_CHECK enum sluice_code source_take_sequence(const struct sluice_value *value, struct sluice_source *source,
                                                        struct sluice_error *err);

#endif
