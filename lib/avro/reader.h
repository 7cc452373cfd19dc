/* reader.h - reads Avro's binary encoding, one value at a time, out of bytes that nobody vouches for.
 *
 * No allocation, no copies: a value's text points into the bytes (an enum's into its schema). A composite is walked
 * over once when it is met, so that its end is known; whoever needs its parts walks again:
 *
 *     struct avro_walk walk;
 *     avro_walk_init(&walk, &value);                       value.kind is SLUICE_VALUE_AVRO
 *     for (;;) {
 *         code = avro_walk_item(&walk, &more, &item, err);  items of an array, in order
 *         if (code != SLUICE_OK || !more) break;
 *         ...
 *     }
 *
 * What a value is: null NULL; boolean TRUE, FALSE; int, long INTEGER; float FLOAT; double DOUBLE; bytes, fixed BYTES;
 * string, enum STRING; array, map, record AVRO, with the node of that (never of a union) in value.node. A union is its
 * branch's value.
 * Errors: SLUICE_E_AVRO, SLUICE_REJECT: the bytes end too early, or are none of this schema.
 * Source: Apache Avro 1.11 specification, "Binary Encoding".
 */
#ifndef SLUICE_AVRO_READER_H
#define SLUICE_AVRO_READER_H

#include "avro/schema.h"
#include "base/value.h"

struct avro_reader {
    const unsigned char *at;
    const unsigned char *end;
};

static inline void avro_reader_init(struct avro_reader *reader, struct sluice_str bytes)
{
    reader->at = (const unsigned char *)bytes.ptr;
    reader->end = bytes.len > 0 ? reader->at + bytes.len : reader->at;
}

static inline struct avro_reader avro_reader_of(struct sluice_str bytes)
{
    struct avro_reader reader;
    avro_reader_init(&reader, bytes);
    return reader;
}

/* One value of `node`; *out and the reader's place mean nothing after an error. */
SLUICE_MUST_CHECK enum sluice_code avro_read_value(struct avro_reader *reader, const struct avro_node *node,
                                                   struct sluice_value *out, struct sluice_error *err);
/* Passes one value of `node` over; it is checked all the same. */
SLUICE_MUST_CHECK enum sluice_code avro_skip_value(struct avro_reader *reader, const struct avro_node *node,
                                                   struct sluice_error *err);
/* A long alone. */
SLUICE_MUST_CHECK enum sluice_code avro_read_long(struct avro_reader *reader, int64_t *out, struct sluice_error *err);
/* Which branch of a union the value is of, so that it can be read as that; any other node is its own branch. */
SLUICE_MUST_CHECK enum sluice_code avro_enter(struct avro_reader *reader, const struct avro_node *node,
                                              const struct avro_node **branch, struct sluice_error *err);
/* Nothing may be left. */
SLUICE_MUST_CHECK enum sluice_code avro_finish(const struct avro_reader *reader, struct sluice_error *err);

struct avro_walk {
    struct avro_reader reader;
    const struct avro_node *node;
    uint64_t n_left; /* items left in the block, ARRAY and MAP */
    size_t i;        /* of the next field, RECORD */
    bool ended;
};

/* `value` is of kind SLUICE_VALUE_AVRO; its bytes are borrowed by the walk. */
void avro_walk_init(struct avro_walk *walk, const struct sluice_value *value);
/* The node of such a value: an ARRAY, MAP or RECORD. */
static inline const struct avro_node *avro_node_of(const struct sluice_value *value)
{
    return value->node;
}

/* The next item of an ARRAY; *more is false behind the last one. */
SLUICE_MUST_CHECK enum sluice_code avro_walk_item(struct avro_walk *walk, bool *more, struct sluice_value *item,
                                                  struct sluice_error *err);
/* The next entry of a MAP, or of an ARRAY with is_entries. */
SLUICE_MUST_CHECK enum sluice_code avro_walk_entry(struct avro_walk *walk, bool *more, struct sluice_value *key,
                                                   struct sluice_value *value, struct sluice_error *err);
/* The next field of a RECORD. */
SLUICE_MUST_CHECK enum sluice_code avro_walk_field(struct avro_walk *walk, bool *more, const struct avro_field **field,
                                                   struct sluice_value *value, struct sluice_error *err);

#endif
