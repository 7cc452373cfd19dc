/* metadata.c - see metadata.h. */
#include "table/metadata.h"

#include "table/convert.h"

/* A text's length as LEB128, at most. */
enum { MAX_LENGTH_BYTES = 10 };

static const struct {
    const char *name;
    const char *made_type;
    const char *types;
    unsigned min_bits; /* of an integer; 0: a text */
} kinds[N_METADATA] = {
    [METADATA_OP] = {"_op", "LowCardinality(String)", "String, LowCardinality(String) or FixedString(1)", 0},
    [METADATA_TOPIC] = {"_topic", "LowCardinality(String)", "String or LowCardinality(String)", 0},
    [METADATA_PARTITION] = {"_partition", "Int32", "Int32 or a wider integer", 32},
    [METADATA_OFFSET] = {"_offset", "Int64", "Int64 or UInt64, or a wider integer", 64},
};

const char *metadata_name(enum metadata_kind kind)
{
    return kinds[kind].name;
}

enum metadata_kind metadata_find(const char *name_z)
{
    enum metadata_kind kind = METADATA_OP;
    while (kind < N_METADATA && strcmp(kinds[kind].name, name_z) != 0)
        kind++;
    return kind;
}

const char *metadata_made_type(enum metadata_kind kind)
{
    return kinds[kind].made_type;
}

const char *metadata_types(enum metadata_kind kind)
{
    return kinds[kind].types;
}

bool metadata_accepts(enum metadata_kind kind, const struct sluice_type *type)
{
    if (type == NULL || type->nullable)
        return false;
    if (kinds[kind].min_bits > 0)
        return type->kind == SLUICE_TYPE_INT && type->bits >= kinds[kind].min_bits;
    return type->kind == SLUICE_TYPE_STRING ||
           (kind == METADATA_OP && type->kind == SLUICE_TYPE_FIXED_STRING && type->length == 1);
}

size_t metadata_room(const struct metadata_column *column, const struct sluice_record_place *place)
{
    if (column->kind == METADATA_TOPIC)
        return MAX_LENGTH_BYTES + strlen(place->topic);
    /* Writing an integer scribbles on eight bytes. */
    return column->type.kind == SLUICE_TYPE_INT ? column->type.bits / 8 + sizeof(uint64_t) : 2;
}

unsigned char *metadata_put(const struct metadata_column *column, const struct sluice_record_place *place, char op,
                            unsigned char *at)
{
    const struct sluice_type *type = &column->type;
    switch (column->kind) {
    case METADATA_TOPIC:
        return convert_put_string(sluice_str_from(place->topic), at);
    case METADATA_PARTITION:
        return convert_put_int(at, place->partition, type->bits / 8);
    case METADATA_OFFSET:
        return convert_put_int(at, place->offset, type->bits / 8);
    case METADATA_OP:
    case N_METADATA:
    default:
        break;
    }
    if (type->kind == SLUICE_TYPE_STRING)
        *at++ = 1;
    *at = (unsigned char)op;
    return at + 1;
}
