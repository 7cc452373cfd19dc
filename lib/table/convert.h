/* convert.h - how one field's value becomes the RowBinary bytes of one column, whatever it was encoded in.
 *
 * A conversion is chosen once per pair of types, when the table is planned; only pairs that never change a value are
 * offered. What depends on the value - ranges, digits, labels, syntax - is checked for each value, because the server
 * checks nothing in binary formats. What is out of range goes by the column's on_out_of_range. Immutable once chosen.
 * Source of the encodings: ClickHouse documentation, "RowBinary"; of the values: Debezium documentation, "Data type
 * mappings", Kafka Connect's JsonConverter, and Confluent's AvroConverter.
 */
#ifndef SLUICE_TABLE_CONVERT_H
#define SLUICE_TABLE_CONVERT_H

#include "base/bytes.h"
#include "base/compiler.h"
#include "base/error.h"
#include "base/value.h"
#include "sluice/rules.h"
#include "table/source_type.h"
#include "table/type.h"
#include "json/cursor.h"

struct convert;

/* Writes a value at `at` and returns the end of what it wrote, or NULL with `err` set (SLUICE_E_VALUE, SLUICE_E_JSON,
 * SLUICE_E_AVRO; SLUICE_REJECT; the text names types, not the value). The value is not null unless convert->takes_null.
 * A pointer instead of a code, since this is the innermost call of the hot path. The room behind `at` is at least
 * convert_room(); all of it may be scribbled on. In front of `at` stands the byte 0 if the type is Nullable: it becomes
 * 1 where a value out of range becomes NULL. */
typedef unsigned char *(*convert_fn)(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                     struct sluice_error *err);

/* What every value needs comes first, in one cache line. */
struct convert {
    convert_fn fn; /* NULL: the pair has no exact conversion */
    size_t width;  /* bytes of a value of fixed width */
    /* Meaning depends on fn; see convert_number.c and convert_time.c. */
    int64_t min;
    int64_t max;
    int64_t factor;
    int64_t divisor;
    struct sluice_type type; /* labels sorted by name */
    enum sluice_source_type source;
    bool is_key;     /* of the source's key: different values must stay different */
    bool takes_null; /* arrays, maps, tuples: null becomes the empty one */
    enum sluice_range range;
    enum sluice_binary binary;
    unsigned source_scale;
    unsigned scale_up;
    unsigned length;                   /* of bits */
    const struct convert *parts;       /* of ARRAY, MAP and TUPLE, as type.items */
    const struct transform *transform; /* fn replaces the value (transform.h); else NULL */
    const char *type_text;             /* for errors */
    /* A value takes at most `room` bytes and `growth` for each byte of its text. If it is an array or a struct:
     * `growth_parts` for each byte and `each_part` for each of its parts, at any depth. */
    size_t room;
    size_t growth;
    size_t growth_parts;
    size_t each_part;
    size_t part_room; /* as room, for a value inside of another, without what may be scribbled on */
};

/* Chooses the conversion of `column` into `type`; out->fn stays NULL if there is none. Text is borrowed, labels and
 * parts are made in the arena. `settings` may be NULL: nothing is set. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT. */
SLUICE_MUST_CHECK enum sluice_code convert_choose(struct sluice_arena *arena, const struct sluice_source_column *column,
                                                  const struct sluice_type *type, const char *type_text,
                                                  const struct sluice_column_settings *settings, struct convert *out,
                                                  struct sluice_error *err);

/* Parts of convert_choose(), each in its own file: set out->fn and its parameters if the pair is theirs. */
void convert_choose_number(const struct sluice_source_column *column, struct convert *out);
void convert_choose_text(const struct sluice_source_column *column, struct convert *out);
void convert_choose_bytes(const struct sluice_source_column *column, struct convert *out);
void convert_choose_time(const struct sluice_source_column *column, struct convert *out);
void convert_choose_struct(const struct sluice_source_column *column, struct convert *out);
void convert_choose_json(const struct sluice_source_column *column, struct convert *out);
/* Calls back for the parts. */
SLUICE_MUST_CHECK enum sluice_code convert_choose_parts(struct sluice_arena *arena,
                                                        const struct sluice_source_column *column, struct convert *out,
                                                        struct sluice_error *err);
/* convert_choose() for a part of a column: with the settings of the whole. */
SLUICE_MUST_CHECK enum sluice_code convert_choose_part(struct sluice_arena *arena,
                                                       const struct sluice_source_column *column,
                                                       const struct sluice_type *type, const struct convert *whole,
                                                       struct convert *out, struct sluice_error *err);

enum { CONVERT_COMPOSITES = 1 << SLUICE_VALUE_ARRAY | 1 << SLUICE_VALUE_OBJECT | 1 << SLUICE_VALUE_AVRO };

static inline bool convert_is_composite(const struct sluice_value *value)
{
    return ((unsigned)CONVERT_COMPOSITES >> value->kind & 1) != 0;
}

/* The same for an array or a struct, whose parts are counted. */
size_t convert_room_of_parts(const struct convert *self, const struct sluice_value *value);

/* The most bytes that fn may touch for this value. */
static inline size_t convert_room(const struct convert *self, const struct sluice_value *value)
{
    return convert_is_composite(value) ? convert_room_of_parts(self, value)
                                       : self->room + value->text.len * self->growth;
}

/* The value of a column that a deleted row does not know: NULL, else the type's zero (for an enum its smallest value,
 * as the server's default is). Needs convert->room bytes. */
unsigned char *convert_zero(const struct convert *self, unsigned char *at);

/* The label of that name, or NULL. */
const struct sluice_enum_label *convert_find_label(const struct convert *self, struct sluice_str name);

/* Fails with SLUICE_E_VALUE: "REASON (column type TYPE)". Returns NULL. */
unsigned char *convert_refuse(const struct convert *self, const char *reason, struct sluice_error *err);

/* Where a value lies that its column can't hold. */
enum convert_side {
    CONVERT_BELOW,
    CONVERT_ABOVE,
    CONVERT_NOWHERE /* no value of the column is near, as of NaN */
};

/* What becomes of such a value: NULL, the column's first or last value, or an error that names on_out_of_range. As
 * convert_fn otherwise. */
unsigned char *convert_out_of_range(const struct convert *self, enum convert_side side, const char *reason,
                                    unsigned char *at, struct sluice_error *err);

/* The same of an infinity, which stays apart from all other values of a key also when it is clamped. */
unsigned char *convert_infinite(const struct convert *self, enum convert_side side, const char *reason,
                                unsigned char *at, struct sluice_error *err);

/* Whether `range` is clamp and may be: in a column of the key it would make rows of different keys the same. */
static inline bool convert_may_clamp(const struct convert *self)
{
    return self->range == SLUICE_RANGE_CLAMP && !self->is_key;
}

/* Parts of convert_out_of_range(): the first or last value of the column; NULL if the type has none. */
unsigned char *convert_put_limit(const struct convert *self, enum convert_side side, unsigned char *at);
unsigned char *convert_put_number_limit(const struct convert *self, bool above, unsigned char *at);
unsigned char *convert_put_time_limit(const struct convert *self, bool above, unsigned char *at);

/* Values that became NULL or another one since the process began. Thread: any. */
uint64_t sluice_convert_n_nulled(void);
uint64_t sluice_convert_n_clamped(void);
void convert_count_clamped(void);

bool convert_read_int64_text(struct sluice_str text, int64_t *out);

/* An integer of 64 bits; false for anything else. */
static inline bool convert_read_int64(const struct sluice_value *value, int64_t *out)
{
    if (SLUICE_LIKELY(value->kind == SLUICE_VALUE_NUMBER))
        return convert_read_int64_text(value->text, out);
    *out = value->integer;
    return value->kind == SLUICE_VALUE_INTEGER;
}

/* A String: length as unsigned LEB128, then the bytes. */
unsigned char *convert_put_string(struct sluice_str text, unsigned char *at);

/* Bytes of a length as LEB128; and the length in exactly that many. */
size_t convert_leb128_size(size_t n);
void convert_put_length(unsigned char *at, size_t n_bytes, size_t length);

/* A String whose bytes lie at `at + reserved` already: moves them to behind their length. */
unsigned char *convert_finish_string(unsigned char *at, size_t reserved, size_t length);

/* Eight bytes, little-endian. */
static inline void convert_put_64(unsigned char *at, uint64_t value)
{
    sluice_store_64(at, value);
}

/* A two's complement integer of `width` bytes, 1 to 32; scribbles on up to eight. */
static inline unsigned char *convert_put_int(unsigned char *at, int64_t value, size_t width)
{
    convert_put_64(at, (uint64_t)value);
    if (width > 8)
        memset(at + 8, value < 0 ? 0xff : 0, width - 8);
    return at + width;
}

/* A value with its Nullable byte, null included. */
static inline unsigned char *convert_put(const struct convert *self, const struct sluice_value *value,
                                         unsigned char *at, struct sluice_error *err)
{
    bool is_null = value->kind == SLUICE_VALUE_NULL;
    if (self->type.nullable) {
        *at++ = is_null;
        if (is_null)
            return at;
    } else if (SLUICE_UNLIKELY(is_null && !self->takes_null)) {
        return convert_refuse(self, "value is null and the column is not Nullable", err);
    }
    return self->fn(self, value, at, err);
}

#endif
