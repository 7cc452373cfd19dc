/* convert.h - how one field's JSON value becomes the RowBinary bytes of one column.
 *
 * A conversion is chosen once per pair of types, when the table is planned; only pairs that never change a value are
 * offered. What depends on the value - ranges, digits, labels, syntax - is checked for each value,
 * because the server checks nothing in binary formats. Immutable once chosen. Source of the encodings: ClickHouse
 * documentation, "RowBinary"; of the values: Debezium documentation, "Data type mappings", and Kafka Connect's
 * JsonConverter.
 */
#ifndef SLUICE_TABLE_CONVERT_H
#define SLUICE_TABLE_CONVERT_H

#include "base/error.h"
#include "table/shape.h"
#include "table/type.h"
#include "json/cursor.h"

struct convert;

/* Writes a value that is not null at `at` and returns the end of what it wrote, or NULL with `err` set (SLUICE_E_VALUE,
 * SLUICE_E_JSON; SLUICE_REJECT; the text names types, not the value). A pointer instead of a code, since this is the
 * innermost call of the hot path. The room behind `at` is at least convert->room + value->text.len bytes; all of it
 * may be scribbled on. */
typedef unsigned char *(*convert_fn)(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                     struct sluice_error *err);

struct convert {
    convert_fn fn; /* NULL: the pair has no exact conversion */
    enum sluice_source_type source;
    struct sluice_type type; /* labels sorted by convert_order_label() */
    const char *type_text;   /* for errors */
    size_t width;            /* bytes of a value of fixed width */
    size_t room;             /* see convert_fn */
    /* Meaning depends on fn; see convert_number.c and convert_time.c. */
    int64_t min;
    int64_t max;
    int64_t factor;
    int64_t divisor;
    unsigned source_scale;
    unsigned scale_up;
    const struct transform *transform; /* fn replaces the value (transform.h); else NULL */
};

/* Chooses the conversion of `column` into `type`; out->fn stays NULL if there is none. Text is borrowed, labels are
 * copied into the arena. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code convert_choose(struct sluice_arena *arena, const struct sluice_source_column *column,
                                                  const struct sluice_type *type, const char *type_text,
                                                  struct convert *out, struct sluice_error *err);

/* Parts of convert_choose(), each in its own file: set out->fn and its parameters if the pair is theirs. */
void convert_choose_number(const struct sluice_source_column *column, struct convert *out);
void convert_choose_text(const struct sluice_source_column *column, struct convert *out);
void convert_choose_time(const struct sluice_source_column *column, struct convert *out);

/* The value of a column that a deleted row does not know: NULL, else the type's zero (for an enum its smallest value,
 * as the server's default is). Needs convert->room bytes. */
unsigned char *convert_zero(const struct convert *self, unsigned char *at);

/* The label of that name, or NULL. */
const struct sluice_enum_label *convert_find_label(const struct convert *self, struct sluice_str name);

/* Fails with SLUICE_E_VALUE: "REASON (column type TYPE)". Returns NULL. */
unsigned char *convert_refuse(const struct convert *self, const char *reason, struct sluice_error *err);

/* A JSON integer of 64 bits; false for anything else. */
bool convert_read_int64(const struct sluice_value *value, int64_t *out);

/* A String: length as unsigned LEB128, then the bytes. */
unsigned char *convert_put_string(struct sluice_str text, unsigned char *at);

/* Eight bytes, little-endian. */
static inline void convert_put_64(unsigned char *at, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++)
        at[i] = (unsigned char)(value >> (8 * i));
}

/* A two's complement integer of `width` bytes, 1 to 32; scribbles on up to eight. */
static inline unsigned char *convert_put_int(unsigned char *at, int64_t value, size_t width)
{
    convert_put_64(at, (uint64_t)value);
    if (width > 8)
        memset(at + 8, value < 0 ? 0xff : 0, width - 8);
    return at + width;
}

#endif
