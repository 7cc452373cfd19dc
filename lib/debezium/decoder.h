/* decoder.h - what a decoder keeps: room for the fields of one row and one key, and what they are expected to be. */
#ifndef SLUICE_DEBEZIUM_DECODER_H
#define SLUICE_DEBEZIUM_DECODER_H

#include "debezium/fields.h"
#include "debezium/source_memory.h"

/* The beginning of the last key that stood in a wrapper, schema first, up to its payload: that of the next one is the
 * same as long as the table is. A guess only, as in source_memory.h. */
enum { KEY_MAX_WRAPPER = 1024 };
struct key_wrapper {
    size_t length; /* 0: none */
    size_t schema_at;
    size_t schema_len;
    char text[KEY_MAX_WRAPPER];
};

struct sluice_decoder {
    struct sluice_field fields[SLUICE_MAX_FIELDS];
    struct sluice_field key_fields[SLUICE_MAX_FIELDS];
    struct fields_layout layout;
    struct fields_layout key_layout;
    struct source_names names;
    struct key_wrapper key_wrapper;
    struct source_memory source;
    const struct sluice_layout *expected; /* NULL: envelopes */
    bool is_header;                       /* the key being read stood in a header */
};

#endif
