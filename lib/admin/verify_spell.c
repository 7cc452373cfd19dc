/* verify_spell.c - see verify_spell.h. */
#include "admin/verify_spell.h"

#include "base/base64.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define SECOND_NS INT64_C(1000000000)
#define DAY_NS_S  INT64_C(86400)

static const char placeholder[] = "__debezium_unavailable_value";
static const char placeholder_base64[] = "X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==";
static const char placeholder_uuid[] = "b68a35a7-17ad-35b3-af2a-ae46edb4545a";
static const char placeholder_entry[] = "{\"__debezium_unavailable_value\":\"__debezium_unavailable_value\"}";

/* ---- types ---- */

static const struct {
    const char *name;
    enum sluice_source_type type;
} names[] = {
    {"io.debezium.time.Date", SLUICE_SOURCE_DATE},
    {"org.apache.kafka.connect.data.Date", SLUICE_SOURCE_DATE},
    {"io.debezium.time.Time", SLUICE_SOURCE_TIME_MS},
    {"org.apache.kafka.connect.data.Time", SLUICE_SOURCE_TIME_MS},
    {"io.debezium.time.MicroTime", SLUICE_SOURCE_TIME_US},
    {"io.debezium.time.NanoTime", SLUICE_SOURCE_TIME_NS},
    {"io.debezium.time.Timestamp", SLUICE_SOURCE_TIMESTAMP_MS},
    {"org.apache.kafka.connect.data.Timestamp", SLUICE_SOURCE_TIMESTAMP_MS},
    {"io.debezium.time.MicroTimestamp", SLUICE_SOURCE_TIMESTAMP_US},
    {"io.debezium.time.NanoTimestamp", SLUICE_SOURCE_TIMESTAMP_NS},
    {"io.debezium.time.ZonedTimestamp", SLUICE_SOURCE_ZONED_TIMESTAMP},
    {"io.debezium.time.ZonedTime", SLUICE_SOURCE_ZONED_TIME},
    {"io.debezium.time.IsoDate", SLUICE_SOURCE_ISO_DATE},
    {"io.debezium.time.IsoTime", SLUICE_SOURCE_ISO_TIME},
    {"io.debezium.time.IsoTimestamp", SLUICE_SOURCE_ISO_TIMESTAMP},
    {"io.debezium.time.MicroDuration", SLUICE_SOURCE_DURATION},
    {"io.debezium.time.Interval", SLUICE_SOURCE_INTERVAL},
    {"org.apache.kafka.connect.data.Decimal", SLUICE_SOURCE_DECIMAL},
    {"io.debezium.data.VariableScaleDecimal", SLUICE_SOURCE_VARIABLE_DECIMAL},
    {"io.debezium.data.Uuid", SLUICE_SOURCE_UUID},
    {"io.debezium.data.Json", SLUICE_SOURCE_JSON},
    {"io.debezium.data.Enum", SLUICE_SOURCE_ENUM},
    {"io.debezium.data.Bits", SLUICE_SOURCE_BITS},
    {"io.debezium.data.geometry.Point", SLUICE_SOURCE_POINT},
    {"io.debezium.data.geometry.Geometry", SLUICE_SOURCE_GEOMETRY},
    {"io.debezium.data.geometry.Geography", SLUICE_SOURCE_GEOMETRY},
    {"boolean", SLUICE_SOURCE_BOOLEAN},
    {"int8", SLUICE_SOURCE_INT8},
    {"int16", SLUICE_SOURCE_INT16},
    {"int32", SLUICE_SOURCE_INT32},
    {"int64", SLUICE_SOURCE_INT64},
    {"float", SLUICE_SOURCE_FLOAT32},
    {"float32", SLUICE_SOURCE_FLOAT32},
    {"double", SLUICE_SOURCE_FLOAT64},
    {"float64", SLUICE_SOURCE_FLOAT64},
    {"string", SLUICE_SOURCE_STRING},
    {"bytes", SLUICE_SOURCE_BYTES},
    {"array", SLUICE_SOURCE_ARRAY},
    {"map", SLUICE_SOURCE_MAP},
    {"struct", SLUICE_SOURCE_STRUCT},
};

static bool find_name(const char *name, enum sluice_source_type *type)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(names) && name != NULL; i++) {
        if (strcmp(names[i].name, name) == 0) {
            *type = names[i].type;
            return true;
        }
    }
    return false;
}

static unsigned parameter(const json_t *schema, const char *name)
{
    const char *text = json_string_value(json_object_get(json_object_get(schema, "parameters"), name));
    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0;
}

struct spell_type spell_type_of(const json_t *schema)
{
    struct spell_type type = {.type = SLUICE_SOURCE_UNTYPED};
    enum { UNBOUNDED = 1 << 30 };
    const char *name = json_string_value(json_object_get(schema, "name"));
    if (!find_name(name, &type.type))
        (void)find_name(json_string_value(json_object_get(schema, "type")), &type.type);
    type.scale = parameter(schema, "scale");
    type.length = parameter(schema, "length");
    if (type.length >= UNBOUNDED)
        type.length = 0;
    type.element = json_object_get(schema, "items");
    return type;
}

static enum sluice_source_type type_by_target(const struct sluice_type *target)
{
    switch (target->kind) {
    case SLUICE_TYPE_BOOL:
        return SLUICE_SOURCE_BOOLEAN;
    case SLUICE_TYPE_INT:
        return SLUICE_SOURCE_INT64;
    case SLUICE_TYPE_FLOAT:
        return SLUICE_SOURCE_FLOAT64;
    case SLUICE_TYPE_STRING:
    case SLUICE_TYPE_FIXED_STRING:
    case SLUICE_TYPE_ENUM:
        return SLUICE_SOURCE_STRING;
    case SLUICE_TYPE_UUID:
        return SLUICE_SOURCE_UUID;
    case SLUICE_TYPE_DATETIME64:
        return target->precision == 3   ? SLUICE_SOURCE_TIMESTAMP_MS
               : target->precision == 6 ? SLUICE_SOURCE_TIMESTAMP_US
               : target->precision == 9 ? SLUICE_SOURCE_TIMESTAMP_NS
                                        : SLUICE_SOURCE_UNTYPED;
    default:
        return SLUICE_SOURCE_UNTYPED;
    }
}

struct spell_type spell_type_from(const struct sluice_source_column *column, const struct sluice_type *target)
{
    struct spell_type type = {
        .type = column->type, .scale = column->scale, .length = column->length, .column = column->element};
    if (type.type == SLUICE_SOURCE_UNTYPED && target != NULL)
        type.type = type_by_target(target);
    if (type.scale == SLUICE_SCALE_UNTOLD)
        type.scale = target != NULL ? target->scale : 0;
    return type;
}

/* ---- the placeholder ---- */

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

static bool is_placeholder_array(const json_t *value)
{
    const json_t *only = json_array_get(value, 0);
    if (json_array_size(value) == 1)
        return is_text(only, placeholder) || is_text(only, placeholder_base64) || is_text(only, placeholder_uuid);
    if (json_array_size(value) != sizeof placeholder - 1)
        return false;
    for (size_t i = 0; i < sizeof placeholder - 1; i++)
        if (!json_is_integer(json_array_get(value, i)) ||
            json_integer_value(json_array_get(value, i)) != placeholder[i])
            return false;
    return true;
}

static bool is_placeholder(const json_t *value, enum sluice_source_type type)
{
    switch (type) {
    case SLUICE_SOURCE_BYTES:
        return is_text(value, placeholder_base64) || is_text(value, placeholder);
    case SLUICE_SOURCE_ARRAY:
        return is_placeholder_array(value);
    case SLUICE_SOURCE_MAP:
        return json_object_size(value) == 1 && is_text(json_object_get(value, placeholder), placeholder);
    default:
        return is_text(value, placeholder) || is_text(value, placeholder_entry);
    }
}

/* ---- times ---- */

static int64_t floor_of(int64_t value, int64_t divisor)
{
    return value / divisor - (value % divisor < 0 ? 1 : 0);
}

/* Proleptic Gregorian, from days since 1970-01-01. */
static void date_of(int64_t days, int64_t *year, int64_t *month, int64_t *day)
{
    days += 719468;
    int64_t era = floor_of(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted = (5 * of_year + 2) / 153;
    *day = of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

static enum sluice_code append_moment(int64_t days, int64_t second, int64_t nanos, bool has_clock,
                                      struct sluice_buf *out, struct sluice_error *err)
{
    int64_t year = 0;
    int64_t month = 0;
    int64_t day = 0;
    date_of(days, &year, &month, &day);
    enum sluice_code code =
        sluice_buf_printf(out, err, "%04" PRId64 "-%02" PRId64 "-%02" PRId64, year > 0 ? year : 1 - year, month, day);
    if (code == SLUICE_OK && has_clock)
        code = sluice_buf_printf(out, err, " %02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%09" PRId64, second / 3600,
                                 second / 60 % 60, second % 60, nanos);
    return code == SLUICE_OK && year <= 0 ? sluice_buf_append_z(out, " BC", err) : code;
}

/* Ticks of 1/per_second seconds. */
static enum sluice_code append_stamp(int64_t ticks, int64_t per_second, struct sluice_buf *out,
                                     struct sluice_error *err)
{
    int64_t seconds = floor_of(ticks, per_second);
    int64_t nanos = (ticks - seconds * per_second) * (SECOND_NS / per_second);
    int64_t days = floor_of(seconds, DAY_NS_S);
    return append_moment(days, seconds - days * DAY_NS_S, nanos, true, out, err);
}

static enum sluice_code append_clock(int64_t ticks, int64_t per_second, struct sluice_buf *out,
                                     struct sluice_error *err)
{
    int64_t seconds = ticks / per_second;
    int64_t nanos = ticks % per_second * (SECOND_NS / per_second);
    return sluice_buf_printf(out, err, "%02" PRId64 ":%02" PRId64 ":%02" PRId64 ".%09" PRId64, seconds / 3600,
                             seconds / 60 % 60, seconds % 60, nanos);
}

static int64_t per_second_of(enum sluice_source_type type)
{
    bool is_ms = type == SLUICE_SOURCE_TIME_MS || type == SLUICE_SOURCE_TIMESTAMP_MS;
    bool is_ns = type == SLUICE_SOURCE_TIME_NS || type == SLUICE_SOURCE_TIMESTAMP_NS;
    return is_ms ? 1000 : is_ns ? SECOND_NS : 1000000;
}

static enum sluice_code append_time(const json_t *value, enum sluice_source_type type, struct sluice_buf *out,
                                    bool *understood, struct sluice_error *err)
{
    int64_t ticks = json_integer_value(value);
    bool is_clock = type == SLUICE_SOURCE_TIME_MS || type == SLUICE_SOURCE_TIME_US || type == SLUICE_SOURCE_TIME_NS;
    if (json_is_string(value)) /* a text where only the target's type is known */
        return sluice_buf_append_z(out, json_string_value(value), err);
    *understood = json_is_integer(value) && (!is_clock || ticks >= 0);
    if (!*understood)
        return SLUICE_OK;
    if (type == SLUICE_SOURCE_DATE)
        return append_moment(ticks, 0, 0, false, out, err);
    return is_clock ? append_clock(ticks, per_second_of(type), out, err)
                    : append_stamp(ticks, per_second_of(type), out, err);
}

/* ---- bytes and decimals ---- */

static enum sluice_code decode(const json_t *value, struct sluice_buf *out, bool *understood, struct sluice_error *err)
{
    const struct sluice_str text = {json_string_value(value), json_string_length(value)};
    *understood = json_is_string(value);
    if (!*understood || text.len == 0)
        return SLUICE_OK;
    enum sluice_code code = sluice_buf_reserve(out, base64_size(text), err);
    if (code != SLUICE_OK)
        return code;
    *understood = base64_decode(text, (unsigned char *)out->ptr + out->len);
    out->len += *understood ? base64_size(text) : 0;
    return SLUICE_OK;
}

static enum sluice_code append_hex(const struct sluice_buf *bytes, struct sluice_buf *out, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(out, "\\x", err);
    for (size_t i = 0; i < bytes->len && code == SLUICE_OK; i++)
        code = sluice_buf_printf(out, err, "%02x", (unsigned char)bytes->ptr[i]);
    return code;
}

/* The lowest bit first in the last byte of the text: bytes are little-endian. */
static enum sluice_code append_bits(const struct sluice_buf *bytes, unsigned length, struct sluice_buf *out,
                                    struct sluice_error *err)
{
    size_t n = length;
    for (size_t i = bytes->len * 8; i > 0 && n == 0; i--)
        if (((unsigned char)bytes->ptr[(i - 1) / 8] >> ((i - 1) % 8) & 1) != 0)
            n = i;
    enum sluice_code code = SLUICE_OK;
    for (size_t i = n; i > 0 && code == SLUICE_OK; i--) {
        size_t at = (i - 1) / 8;
        bool is_set = at < bytes->len && ((unsigned char)bytes->ptr[at] >> ((i - 1) % 8) & 1) != 0;
        code = sluice_buf_append_char(out, is_set ? '1' : '0', err);
    }
    return code;
}

/* A big-endian number in two's complement, with `scale` digits behind the point. */
static enum sluice_code append_decimal(const struct sluice_buf *bytes, int64_t scale, struct sluice_buf *out,
                                       bool *understood, struct sluice_error *err)
{
    enum { MAX_BYTES = 600, MAX_DIGITS = 1500 };
    unsigned char number[MAX_BYTES];
    char digits[MAX_DIGITS]; /* the last one first */
    size_t n = bytes->len;
    size_t n_digits = 0;
    *understood = n > 0 && n <= MAX_BYTES && scale >= 0 && scale < 1100;
    if (!*understood)
        return SLUICE_OK;
    memcpy(number, bytes->ptr, n);
    bool minus = (number[0] & 0x80) != 0;
    unsigned carry = 1;
    for (size_t i = n; i > 0 && minus; i--) {
        carry += (unsigned char)~number[i - 1];
        number[i - 1] = (unsigned char)carry;
        carry >>= 8;
    }
    for (size_t first = 0; first < n && n_digits < MAX_DIGITS;) {
        unsigned rest = 0;
        for (size_t i = first; i < n; i++) {
            unsigned part = rest << 8 | number[i];
            number[i] = (unsigned char)(part / 10);
            rest = part % 10;
        }
        digits[n_digits++] = (char)('0' + rest);
        while (first < n && number[first] == 0)
            first++;
    }
    while (n_digits <= (size_t)scale && n_digits < MAX_DIGITS)
        digits[n_digits++] = '0';
    enum sluice_code code = minus ? sluice_buf_append_char(out, '-', err) : SLUICE_OK;
    for (size_t i = n_digits; i > 0 && code == SLUICE_OK; i--) {
        code = sluice_buf_append_char(out, digits[i - 1], err);
        if (code == SLUICE_OK && i - 1 == (size_t)scale && scale > 0)
            code = sluice_buf_append_char(out, '.', err);
    }
    return code;
}

static enum sluice_code append_blob(const json_t *value, const struct spell_type *type, struct sluice_buf *out,
                                    bool *understood, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf bytes;
    sluice_buf_init(&bytes, out->max, "bytes of a record");
    bool is_variable = type->type == SLUICE_SOURCE_VARIABLE_DECIMAL;
    const json_t *blob = is_variable ? json_object_get(value, "value") : value;
    int64_t scale = is_variable ? json_integer_value(json_object_get(value, "scale")) : (int64_t)type->scale;
    enum sluice_code code = decode(blob, &bytes, understood, err);
    if (code != SLUICE_OK || !*understood)
        return code;
    if (type->type == SLUICE_SOURCE_BYTES)
        return append_hex(&bytes, out, err);
    if (type->type == SLUICE_SOURCE_BITS)
        return append_bits(&bytes, type->length, out, err);
    return append_decimal(&bytes, scale, out, understood, err);
}

/* ---- others ---- */

static enum sluice_code append_number(const json_t *value, struct sluice_buf *out, bool *understood,
                                      struct sluice_error *err)
{
    if (json_is_integer(value))
        return sluice_buf_printf(out, err, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    if (json_is_real(value))
        return sluice_buf_printf(out, err, "%.17g", json_real_value(value));
    *understood = json_is_string(value); /* NaN, the infinities */
    return *understood ? sluice_buf_append_z(out, json_string_value(value), err) : SLUICE_OK;
}

static enum sluice_code append_quoted(struct sluice_str text, struct sluice_buf *out, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_char(out, '"', err);
    for (size_t i = 0; i < text.len && code == SLUICE_OK; i++) {
        if (text.ptr[i] == '"' || text.ptr[i] == '\\')
            code = sluice_buf_append_char(out, '\\', err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_char(out, text.ptr[i], err);
    }
    return code == SLUICE_OK ? sluice_buf_append_char(out, '"', err) : code;
}

static enum sluice_code append_array(json_t *value, const struct spell_type *type, struct sluice_buf *out,
                                     bool *understood, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf part;
    const struct spell_type element = type->element != NULL  ? spell_type_of(type->element)
                                      : type->column != NULL ? spell_type_from(type->column, NULL)
                                                             : (struct spell_type){.type = SLUICE_SOURCE_UNTYPED};
    enum sluice_code code = sluice_buf_append_char(out, '{', err);
    sluice_buf_init(&part, out->max, "an element of a record's array");
    *understood = json_is_array(value) && element.type != SLUICE_SOURCE_ARRAY;
    for (size_t i = 0; i < json_array_size(value) && code == SLUICE_OK && *understood; i++) {
        enum spelled spelled = SPELLED_NOT;
        sluice_buf_clear(&part);
        code = spell(json_array_get(value, i), &element, &part, &spelled, err);
        *understood = spelled == SPELLED_VALUE || spelled == SPELLED_NULL;
        if (code == SLUICE_OK && i > 0)
            code = sluice_buf_append_char(out, ',', err);
        if (code == SLUICE_OK)
            code = spelled == SPELLED_NULL ? sluice_buf_append_z(out, "NULL", err)
                                           : append_quoted(sluice_buf_str(&part), out, err);
    }
    return code == SLUICE_OK ? sluice_buf_append_char(out, '}', err) : code;
}

static enum sluice_code append_map(json_t *value, struct sluice_buf *out, bool *understood, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    const char *key = NULL;
    json_t *part = NULL;
    bool is_first = true;
    *understood = json_is_object(value);
    json_object_foreach(value, key, part)
    {
        if (code == SLUICE_OK && !is_first)
            code = sluice_buf_append_z(out, ", ", err);
        is_first = false;
        if (code == SLUICE_OK)
            code = append_quoted(sluice_str_from(key), out, err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_z(out, "=>", err);
        if (code == SLUICE_OK)
            code =
                json_is_null(part)
                    ? sluice_buf_append_z(out, "NULL", err)
                    : append_quoted((struct sluice_str){json_string_value(part), json_string_length(part)}, out, err);
    }
    return code;
}

/* hstore in the mode json is a text with such an object. */
static enum sluice_code append_text(const json_t *value, struct sluice_buf *out, bool *understood,
                                    struct sluice_error *err)
{
    *understood = json_is_string(value);
    return sluice_buf_append(out, *understood ? json_string_value(value) : "", json_string_length(value), err);
}

static enum sluice_code append_point(const json_t *value, struct sluice_buf *out, bool *understood,
                                     struct sluice_error *err)
{
    const json_t *x = json_object_get(value, "x");
    const json_t *y = json_object_get(value, "y");
    enum sluice_code code = sluice_buf_append_char(out, '(', err);
    *understood = x != NULL && y != NULL;
    if (code == SLUICE_OK && *understood)
        code = append_number(x, out, understood, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(out, ',', err);
    if (code == SLUICE_OK && *understood)
        code = append_number(y, out, understood, err);
    return code == SLUICE_OK ? sluice_buf_append_char(out, ')', err) : code;
}

static enum sluice_code append_value(json_t *value, const struct spell_type *type, struct sluice_buf *out,
                                     bool *understood, struct sluice_error *err)
{
    switch (type->type) {
    case SLUICE_SOURCE_BOOLEAN:
        *understood = json_is_boolean(value);
        return sluice_buf_append_char(out, json_is_true(value) ? 't' : 'f', err);
    case SLUICE_SOURCE_INT8:
    case SLUICE_SOURCE_INT16:
    case SLUICE_SOURCE_INT32:
    case SLUICE_SOURCE_INT64:
    case SLUICE_SOURCE_DURATION:
    case SLUICE_SOURCE_FLOAT32:
    case SLUICE_SOURCE_FLOAT64:
        return append_number(value, out, understood, err);
    case SLUICE_SOURCE_DECIMAL:
    case SLUICE_SOURCE_VARIABLE_DECIMAL:
    case SLUICE_SOURCE_BYTES:
    case SLUICE_SOURCE_BITS:
        return append_blob(value, type, out, understood, err);
    case SLUICE_SOURCE_STRING:
    case SLUICE_SOURCE_UUID:
    case SLUICE_SOURCE_JSON:
    case SLUICE_SOURCE_ENUM:
    case SLUICE_SOURCE_ZONED_TIMESTAMP:
    case SLUICE_SOURCE_ZONED_TIME:
    case SLUICE_SOURCE_ISO_DATE:
    case SLUICE_SOURCE_ISO_TIME:
    case SLUICE_SOURCE_ISO_TIMESTAMP:
    case SLUICE_SOURCE_INTERVAL:
        return append_text(value, out, understood, err);
    case SLUICE_SOURCE_DATE:
    case SLUICE_SOURCE_TIME_MS:
    case SLUICE_SOURCE_TIME_US:
    case SLUICE_SOURCE_TIME_NS:
    case SLUICE_SOURCE_TIMESTAMP_MS:
    case SLUICE_SOURCE_TIMESTAMP_US:
    case SLUICE_SOURCE_TIMESTAMP_NS:
        return append_time(value, type->type, out, understood, err);
    case SLUICE_SOURCE_ARRAY:
        return append_array(value, type, out, understood, err);
    case SLUICE_SOURCE_MAP:
        return append_map(value, out, understood, err);
    case SLUICE_SOURCE_POINT:
        return append_point(value, out, understood, err);
    default:
        *understood = false;
        return SLUICE_OK;
    }
}

enum sluice_code spell(json_t *value, const struct spell_type *type, struct sluice_buf *out, enum spelled *spelled,
                       struct sluice_error *err)
{
    bool understood = true;
    *spelled = SPELLED_NULL;
    if (value == NULL || json_is_null(value))
        return SLUICE_OK;
    *spelled = SPELLED_UNCHANGED;
    if (is_placeholder(value, type->type))
        return SLUICE_OK;
    enum sluice_code code = append_value(value, type, out, &understood, err);
    *spelled = understood ? SPELLED_VALUE : SPELLED_NOT;
    return code;
}
