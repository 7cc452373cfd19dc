/* decoder.h - what a decoder keeps: room for the fields of one row and one key, and what they are expected to be. */
#ifndef SLUICE_DEBEZIUM_DECODER_H
#define SLUICE_DEBEZIUM_DECODER_H

#include "debezium/fields.h"
#include "debezium/source_memory.h"

struct sluice_decoder {
    struct sluice_field fields[SLUICE_MAX_FIELDS];
    struct sluice_field key_fields[SLUICE_MAX_FIELDS];
    struct fields_layout layout;
    struct fields_layout key_layout;
    struct source_names names;
    struct source_memory source;
    const struct sluice_layout *expected; /* NULL: envelopes */
    bool is_header;                       /* the key being read stood in a header */
};

#endif
