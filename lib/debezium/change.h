/* change.h - one Kafka record of a Debezium PostgreSQL connector, taken apart.
 *
 * Envelope and source block as Debezium 3.6 writes them (reference: connector documentation, "Data change events";
 * observed records in tests/data/). JSON with embedded schema ({"schema":..,"payload":..}) and without; the two are
 * told apart by members, never by configuration: a wrapper has exactly `schema` and `payload`, an envelope has `op` and
 * `source`. Unknown members are skipped.
 * Spans in a change are borrowed from the record's bytes: valid until the record is released or the decoder is used
 * for the next record, whichever is first. Thread: lane; a decoder belongs to one thread. No allocation per record.
 */
#ifndef SLUICE_DEBEZIUM_CHANGE_H
#define SLUICE_DEBEZIUM_CHANGE_H

#include "base/error.h"
#include "base/str.h"
#include "base/value.h"
#include "connect/type.h"
#include "json/cursor.h"

/* PostgreSQL allows 1600 columns in a table. */
enum { SLUICE_MAX_FIELDS = 1664 };

enum sluice_change_kind {
    SLUICE_CHANGE_ROW,         /* op c, u, d or r */
    SLUICE_CHANGE_TRUNCATE,    /* op t */
    SLUICE_CHANGE_TOMBSTONE,   /* null value (a real Kafka null, or the JSON text null): behind a delete, or a delete */
    SLUICE_CHANGE_MESSAGE,     /* op m, logical decoding message */
    SLUICE_CHANGE_HEARTBEAT,   /* {"ts_ms":..} and nothing else */
    SLUICE_CHANGE_TRANSACTION, /* {"status":"BEGIN"|"END","id":..,"event_count":..,"data_collections":..,"ts_ms":..} */
    SLUICE_CHANGE_NOTIFICATION /* {"id":..,"aggregate_type":..,"type":..,"additional_data":..,..} */
};

struct sluice_field {
    struct sluice_str name; /* as written, escapes included */
    struct sluice_value value;
};

/* The parts of `source` that are used. Strings are without escapes. */
struct sluice_source {
    struct sluice_str name; /* topic prefix */
    struct sluice_str db;
    struct sluice_str schema;
    struct sluice_str table;
    bool snapshot; /* read by query: anything except "false", null or absent */
    /* It is the text "false". The connector leaves it out instead (observed with Debezium 3.6.1): a converter wrote its
     * default in the place of null. */
    bool says_false;
    bool has_lsn;
    bool has_sequence0;
    bool has_sequence1;
    bool has_txid;
    uint64_t lsn;
    uint64_t sequence0; /* end of the last COMMIT before this event */
    uint64_t sequence1;
    uint64_t txid;
    int64_t ts_us; /* commit time (streamed) or time of the snapshot; from ts_us, else ts_ms * 1000; 0 if neither */
};

struct sluice_change {
    enum sluice_change_kind kind;
    char op; /* 'c' 'u' 'd' 'r' 't' 'm', 0 where there is none */
    struct sluice_source source;
    int64_t ts_ms; /* envelope clock of the connector, 0 if absent */

    /* Type of the row for records whose schema does not stand in them (Avro, JSON Schema), else NULL. Lives as long as
     * the process: two records with the same pointer have the same fields. */
    const struct connect_type *row_type;
    struct sluice_str value_schema; /* raw text of the embedded schema; empty without one */
    bool value_schema_is_hint;      /* it equals the hint given to decode, byte for byte */

    /* A record flattened by ExtractNewRecordState: a row without an envelope. The fields that the transform added are
     * not among `fields`, but among those of row_type and value_schema, which is then the row's own schema. */
    bool is_flattened;
    bool is_marked;           /* it has the field __deleted */
    bool is_null_text;        /* TOMBSTONE: the value was the JSON text null, or {"schema":..,"payload":null} */
    struct sluice_str prefix; /* of added fields; empty for an envelope */

    /* Row image: `after` for c, u, r; for d the fields of `before` (only its names may be trusted). In record order. */
    const struct sluice_field *fields;
    size_t n_fields;
    bool has_image; /* false: a delete without `before` */

    /* `before` was not null (c, u, r). Its text, whole object; empty if null. */
    struct sluice_str before;
};

struct sluice_key {
    const struct connect_type *type; /* as row_type of a change */
    struct sluice_str key_schema;    /* raw text; empty without embedded schema */
    const struct sluice_field *fields;
    size_t n_fields;
};

/* What the records of a topic look like (options records.*). */
struct sluice_layout {
    bool may_be_envelope;
    bool may_be_flattened;    /* both: told apart by added fields */
    struct sluice_str prefix; /* of added fields */
    struct sluice_str topic;  /* names the table of a flattened record that does not name it itself */
};

struct sluice_decoder;

SLUICE_MUST_CHECK enum sluice_code sluice_decoder_new(struct sluice_decoder **out, struct sluice_error *err);
void sluice_decoder_free(struct sluice_decoder *decoder);
SLUICE_DEFINE_AUTO_PTR(sluice_decoder, struct sluice_decoder, sluice_decoder_free)

/* Takes a record's value apart. `value.ptr` NULL is a tombstone. `schema_hint` is the embedded schema last seen on this
 * partition (empty if none): an equal one is skipped by comparison.
 * Errors (all SLUICE_REJECT): SLUICE_E_JSON broken text; SLUICE_E_ENVELOPE well-formed but no record of a Debezium
 * PostgreSQL connector; SLUICE_E_POSITION lsn or sequence not understood; SLUICE_E_LIMIT too many fields. The text
 * names the field and the remedy; the caller adds topic, partition and offset. *out is written in any case and means
 * nothing after an error. A name that stands twice among the fields of a row is not looked for (sluice_shape_new()
 * does). */
SLUICE_MUST_CHECK enum sluice_code sluice_change_decode(struct sluice_decoder *decoder, struct sluice_str value,
                                                        struct sluice_str schema_hint, struct sluice_change *out,
                                                        struct sluice_error *err);

/* What the next records look like; borrowed until the next call. Without it records are envelopes. */
void sluice_decoder_expect(struct sluice_decoder *decoder, const struct sluice_layout *layout);

/* A flattened row, of any encoding: takes the added fields out of `fields` (room may be reused) and makes of them op
 * and source of `change`, whose fields are then set. False, with nothing done: there are none and an envelope would be
 * possible. Errors: SLUICE_E_ENVELOPE, SLUICE_E_POSITION: SLUICE_REJECT. */
SLUICE_MUST_CHECK enum sluice_code sluice_change_flattened(const struct sluice_layout *layout,
                                                           struct sluice_field *fields, size_t n_fields,
                                                           struct sluice_change *change, bool *is_row,
                                                           struct sluice_error *err);
/* Is this the name of a field that the transform adds? */
bool sluice_is_added_field(struct sluice_str prefix, struct sluice_str name);
/* Name, schema and table from "name.schema.table": the last two parts are schema and table. Of a topic without dots the
 * table has its name, in schema public. */
void sluice_source_from_topic(struct sluice_str topic, struct sluice_source *source);

/* Takes a record's key apart (needed for deletes and for planning a table). Independent of the last decoded change:
 * both stay valid together. Errors: SLUICE_E_KEY (null or empty key, no object, no field, a field twice),
 * SLUICE_E_JSON, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code sluice_key_decode(struct sluice_decoder *decoder, struct sluice_str key,
                                                     struct sluice_key *out, struct sluice_error *err);
/* The same of the header __debezium.oldkey, in which SimpleHeaderConverter leaves control characters as they are. */
SLUICE_MUST_CHECK enum sluice_code sluice_key_decode_header(struct sluice_decoder *decoder, struct sluice_str key,
                                                            struct sluice_key *out, struct sluice_error *err);

#endif
