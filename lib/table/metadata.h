/* metadata.h - the columns that tell where a row came from: _op, _topic, _partition, _offset.
 *
 * A target that has a column of such a name gets it filled, in deleted rows too. In a row they stand behind the fields,
 * in the order of the enum, so that the offset lies at a fixed distance from the row's end.
 */
#ifndef SLUICE_TABLE_METADATA_H
#define SLUICE_TABLE_METADATA_H

#include "table/place.h"
#include "table/type.h"

enum metadata_kind { METADATA_OP, METADATA_TOPIC, METADATA_PARTITION, METADATA_OFFSET, N_METADATA };

struct metadata_column {
    enum metadata_kind kind;
    struct sluice_type type;
    const char *type_text;
};

/* "_op" and so on, static text. And back; N_METADATA if it is none of them. */
const char *metadata_name(enum metadata_kind kind);
enum metadata_kind metadata_find(const char *name_z);

/* The type of such a column in tables that sluice makes. */
const char *metadata_made_type(enum metadata_kind kind);
/* The types that are written, for a person. */
const char *metadata_types(enum metadata_kind kind);
/* True if the column's type holds every value. NULL: a type that this version does not know. */
bool metadata_accepts(enum metadata_kind kind, const struct sluice_type *type);

/* The most bytes that metadata_put() touches. */
size_t metadata_room(const struct metadata_column *column, const struct sluice_record_place *place);
/* Writes the value as RowBinary; returns its end. */
unsigned char *metadata_put(const struct metadata_column *column, const struct sluice_record_place *place, char op,
                            unsigned char *at);

#endif
