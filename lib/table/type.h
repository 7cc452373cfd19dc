/* type.h - ClickHouse type texts as system.columns prints them, parsed. Types this version can write, nothing else.
 *
 * Source: ClickHouse documentation, "Data types"; canonical spelling as engine 26.7 prints it.
 */
#ifndef SLUICE_TABLE_TYPE_H
#define SLUICE_TABLE_TYPE_H

#include "base/arena.h"

enum sluice_type_kind {
    SLUICE_TYPE_BOOL,
    SLUICE_TYPE_INT,     /* `bits` 8..256, `is_signed` */
    SLUICE_TYPE_FLOAT,   /* `bits` 32 or 64 */
    SLUICE_TYPE_DECIMAL, /* `precision`, `scale`; `bits` 32, 64, 128, 256 */
    SLUICE_TYPE_STRING,
    SLUICE_TYPE_FIXED_STRING, /* `length` */
    SLUICE_TYPE_UUID,
    SLUICE_TYPE_DATE,
    SLUICE_TYPE_DATE32,
    SLUICE_TYPE_DATETIME,   /* seconds */
    SLUICE_TYPE_DATETIME64, /* `precision` = ticks of 10^-precision seconds */
    SLUICE_TYPE_TIME,       /* seconds */
    SLUICE_TYPE_TIME64,     /* `precision` as above */
    SLUICE_TYPE_ENUM,       /* `bits` 8 or 16; `labels` */
    SLUICE_TYPE_IPV4,
    SLUICE_TYPE_IPV6,
    SLUICE_TYPE_JSON,  /* written as its text, which the INSERT must ask for */
    SLUICE_TYPE_ARRAY, /* `items[0]` */
    SLUICE_TYPE_MAP,   /* `items[0]` to `items[1]` */
    SLUICE_TYPE_TUPLE  /* `items`, `item_names`; Point is one of two */
};

struct sluice_enum_label {
    struct sluice_str name; /* unescaped */
    int16_t value;
};

struct sluice_type {
    enum sluice_type_kind kind;
    bool nullable;        /* Nullable(T), or LowCardinality(Nullable(T)) */
    bool low_cardinality; /* written like the type inside */
    bool is_signed;
    unsigned bits;
    unsigned precision;
    unsigned scale;
    size_t length;
    const struct sluice_enum_label *labels;
    size_t n_labels;
    const struct sluice_type *items; /* parts of ARRAY, MAP, TUPLE */
    const char *const *item_names;   /* TUPLE; NULL if they have none */
    size_t n_items;
};

static inline bool sluice_type_is_composite(const struct sluice_type *type)
{
    return type->kind == SLUICE_TYPE_ARRAY || type->kind == SLUICE_TYPE_MAP || type->kind == SLUICE_TYPE_TUPLE;
}

/* Parses `text` into the arena. *out is NULL (with SLUICE_OK) for a well-formed type that this version does not write:
 * Variant, Dynamic, AggregateFunction, ... Errors: SLUICE_E_TYPE when the text is not understood at all,
 * SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_type_parse(struct sluice_arena *arena, struct sluice_str text,
                                                     const struct sluice_type **out, struct sluice_error *err);

#endif
