/* convert_number.c - booleans, integers, floats and decimals; see convert.h.
 *
 * Most values fit 64 bits: `min` and `max` bound what the short path may write (for decimals: before the multiplication
 * by `factor`), and everything else goes through `struct wide`.
 */
#include "table/convert.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "table/wide.h"

enum { MAX_NUMBER_TEXT = 1400, MAX_INTEGER_TEXT = 20 };

/* The text of a decimal: a byte of it holds less than three digits; a small number has the scale's zeros. */
enum { DECIMAL_GROWTH = 3, MORE_THAN_SCALE = 4 };

static const int64_t powers[] = {1,
                                 10,
                                 100,
                                 1000,
                                 10000,
                                 100000,
                                 1000000,
                                 10000000,
                                 100000000,
                                 1000000000,
                                 10000000000,
                                 100000000000,
                                 1000000000000,
                                 10000000000000,
                                 100000000000000,
                                 1000000000000000,
                                 10000000000000000,
                                 100000000000000000,
                                 1000000000000000000};

static bool is_boolean(const struct sluice_value *value)
{
    return value->kind == SLUICE_VALUE_TRUE || value->kind == SLUICE_VALUE_FALSE;
}

static unsigned char *put_boolean(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                  struct sluice_error *err)
{
    if (!is_boolean(value))
        return convert_refuse(self, "value is not true or false", err);
    return convert_put_int(at, value->kind == SLUICE_VALUE_TRUE, self->width);
}

/* Digits with at most a sign: "1.0" and "1e3" are no integers. */
static bool is_integer(const struct sluice_value *value)
{
    if (value->kind == SLUICE_VALUE_INTEGER)
        return true;
    size_t start = value->text.len > 0 && value->text.ptr[0] == '-' ? 1 : 0;
    for (size_t i = start; i < value->text.len; i++) {
        if (value->text.ptr[i] < '0' || value->text.ptr[i] > '9')
            return false;
    }
    return value->kind == SLUICE_VALUE_NUMBER && value->text.len > start;
}

/* Integers beyond 64 bits, and what is no integer at all. */
static unsigned char *put_long_integer(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                       struct sluice_error *err)
{
    struct wide w;
    int64_t v;
    if (self->source == SLUICE_SOURCE_UNTYPED && is_boolean(value))
        return put_boolean(self, value, at, err);
    if (!is_integer(value))
        return convert_refuse(self, "value is not an integer", err);
    /* What fits 64 bits came here because it is outside the bounds. */
    if (convert_read_int64(value, &v) || self->width < 8 || wide_from_number(&w, value->text, 0) != WIDE_OK ||
        !wide_fits(&w, self->type.bits, self->type.is_signed)) {
        bool below = value->kind == SLUICE_VALUE_INTEGER ? v < 0 : value->text.ptr[0] == '-';
        return convert_out_of_range(self, below ? CONVERT_BELOW : CONVERT_ABOVE, "integer is out of range", at, err);
    }
    return wide_put(&w, self->type.bits, at);
}

static unsigned char *put_integer(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                  struct sluice_error *err)
{
    int64_t v;
    if (SLUICE_UNLIKELY(!convert_read_int64(value, &v) || v < self->min || v > self->max))
        return put_long_integer(self, value, at, err);
    return convert_put_int(at, v, self->width);
}

static unsigned char *put_integer_text(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                       struct sluice_error *err)
{
    char text[24];
    int64_t v;
    if (!convert_read_int64(value, &v))
        return convert_refuse(self, "value is not an integer", err);
    if (value->kind == SLUICE_VALUE_NUMBER)
        return convert_put_string(value->text, at);
    int n = snprintf(text, sizeof text, "%" PRId64, v);
    return convert_put_string((struct sluice_str){text, (size_t)n}, at);
}

static unsigned char *put_float_bits(const struct convert *self, double v, unsigned char *at)
{
    if (self->width == 4) {
        float narrow = (float)v;
        uint32_t bits;
        memcpy(&bits, &narrow, sizeof bits);
        return convert_put_int(at, (int64_t)bits, 4);
    }
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    convert_put_64(at, bits);
    return at + 8;
}

/* A number of few digits is exactly mantissa * 10^exponent of two exact doubles, and one operation rounds correctly
 * (Clinger's short path). False when the text is not that simple. */
static bool read_short_double(struct sluice_str text, double *out)
{
    const char *at = text.ptr;
    const char *end = at + text.len;
    bool negative = at < end && *at == '-';
    uint64_t mantissa = 0;
    int n_fraction = -1; /* digits behind the point; -1 before it */
    at += negative;
    if (text.len > 17 || at == end || *at == '.')
        return false;
    for (; at < end; at++) {
        unsigned digit = (unsigned)(unsigned char)*at - '0';
        if (digit <= 9) {
            mantissa = mantissa * 10 + digit;
            n_fraction += n_fraction >= 0;
        } else if (*at == '.' && n_fraction < 0) {
            n_fraction = 0;
        } else {
            return false;
        }
    }
    if (mantissa > (UINT64_C(1) << 53))
        return false;
    double v = (double)mantissa;
    if (n_fraction > 0)
        v /= (double)powers[n_fraction];
    *out = negative ? -v : v;
    return true;
}

/* strtod() wants a terminator, which a span of a record has not. Correctly rounded for the width that was asked for. */
static bool read_double(struct sluice_str text, bool narrow, double *out)
{
    char copy[MAX_NUMBER_TEXT];
    char *end;
    if (!narrow && read_short_double(text, out))
        return true;
    if (text.len == 0 || text.len >= sizeof copy)
        return false;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    *out = narrow ? (double)strtof(copy, &end) : strtod(copy, &end);
    return end == copy + text.len;
}

/* "NaN", "Infinity", "-Infinity": how JsonConverter writes what JSON has no number for. */
static bool read_special(struct sluice_str text, double *out)
{
    if (sluice_str_equal_z(text, "NaN"))
        *out = (double)NAN;
    else if (sluice_str_equal_z(text, "Infinity"))
        *out = (double)INFINITY;
    else if (sluice_str_equal_z(text, "-Infinity"))
        *out = -(double)INFINITY;
    else
        return false;
    return true;
}

/* Avro's own floats; those of 32 bits are exact in 64. */
static bool is_real(const struct sluice_value *value)
{
    return value->kind == SLUICE_VALUE_DOUBLE || value->kind == SLUICE_VALUE_FLOAT;
}

/* False if it is no number; infinite if it is beyond the type. */
static bool read_float(const struct convert *self, const struct sluice_value *value, double *out,
                       struct sluice_error *err)
{
    /* A real's text is the shortest one for 32 bits: read as such also when it goes into Float64. */
    bool narrow = self->width == 4 || self->source == SLUICE_SOURCE_FLOAT32;
    if (value->kind != SLUICE_VALUE_NUMBER || !read_double(value->text, narrow, out)) {
        (void)convert_refuse(self, "value is not a number", err);
        return false;
    }
    return true;
}

static unsigned char *put_finite(const struct convert *self, double v, unsigned char *at, struct sluice_error *err)
{
    if (SLUICE_UNLIKELY(isinf(v)))
        return convert_out_of_range(self, v < 0 ? CONVERT_BELOW : CONVERT_ABOVE, "number is too large", at, err);
    return put_float_bits(self, v, at);
}

static unsigned char *put_float(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    double v;
    if (is_real(value))
        return put_float_bits(self, value->real, at);
    if (value->kind == SLUICE_VALUE_STRING && read_special(value->text, &v))
        return put_float_bits(self, v, at);
    return read_float(self, value, &v, err) ? put_finite(self, v, at, err) : NULL;
}

/* Digits of a JSON number from the first that is not 0 to the last. */
static size_t count_digits(struct sluice_str text)
{
    size_t n = 0;
    size_t n_significant = 0;
    for (size_t i = 0; i < text.len && text.ptr[i] != 'e' && text.ptr[i] != 'E'; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            continue;
        n += n > 0 || text.ptr[i] != '0';
        if (text.ptr[i] != '0')
            n_significant = n;
    }
    return n_significant;
}

/* Has the float just the digits of the text? Java before 19 writes some with one more than needed: 2^-25 is
 * 2.98023223876953125E-8. */
static bool has_digits(struct sluice_str text, size_t n_digits, double v)
{
    char shown[64];
    size_t at = 0;
    if (n_digits > 40)
        return false;
    (void)snprintf(shown, sizeof shown, "%.*e", (int)n_digits - 1, fabs(v));
    for (size_t i = 0, n = 0; i < text.len && n < n_digits; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9' || (n == 0 && text.ptr[i] == '0'))
            continue;
        at += shown[at] == '.';
        if (text.ptr[i] != shown[at++])
            return false;
        n++;
    }
    return true;
}

/* Nothing says that the source is a float of this width: it may be a bigint or a numeric, and those must not be rounded
 * unseen. Every float of the width comes through, as its shortest text has no more than 17 (9) digits. */
static bool keeps_number(const struct convert *self, const struct sluice_value *value, double v)
{
    char exact[DBL_MAX_10_EXP + 3]; /* sign, digits, NUL */
    size_t n_digits = count_digits(value->text);
    if (v == 0)
        return n_digits == 0;
    if (!is_integer(value))
        return n_digits <= (self->width == 4 ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG) ||
               has_digits(value->text, n_digits, v);
    if (value->text.len <= (self->width == 4 ? FLT_DIG : DBL_DIG))
        return true;
    int n = snprintf(exact, sizeof exact, "%.0f", v);
    return n > 0 && sluice_str_equal(value->text, (struct sluice_str){exact, (size_t)n});
}

static unsigned char *put_float_of_untyped(const struct convert *self, const struct sluice_value *value,
                                           unsigned char *at, struct sluice_error *err)
{
    double v;
    if (value->kind != SLUICE_VALUE_NUMBER)
        return put_float(self, value, at, err);
    if (!read_float(self, value, &v, err))
        return NULL;
    if (!isinf(v) && !keeps_number(self, value, v))
        return convert_refuse(self, "number has more digits than its type keeps", err);
    return put_finite(self, v, at, err);
}

static unsigned char *put_float_of_integer(const struct convert *self, const struct sluice_value *value,
                                           unsigned char *at, struct sluice_error *err)
{
    int64_t v;
    if (!convert_read_int64(value, &v) || v < self->min || v > self->max)
        return convert_refuse(self, "value is not an integer of its type", err);
    return put_float_bits(self, (double)v, at);
}

/* The unscaled integer of a decimal as Avro holds it. */
static bool read_unscaled_bytes(const struct convert *self, struct sluice_str bytes, struct wide *w,
                                struct sluice_error *err)
{
    if (bytes.len > 0 && wide_from_bytes(w, (const unsigned char *)bytes.ptr, bytes.len))
        return true;
    (void)convert_refuse(self, bytes.len == 0 ? "decimal has no bytes" : "decimal has too many digits", err);
    return false;
}

/* The same as JsonConverter writes it. False with err set if it is no base64, or longer than any decimal. */
static bool read_unscaled(const struct convert *self, struct sluice_str text, struct wide *w, struct sluice_error *err)
{
    unsigned char bytes[sizeof w->limbs];
    size_t n_bytes = base64_size(text);
    if (text.len == 0) { /* even zero has a byte */
        (void)convert_refuse(self, "decimal is neither a number nor base64", err);
        return false;
    }
    if (n_bytes > sizeof bytes) {
        (void)convert_refuse(self, "decimal has too many digits", err);
        return false;
    }
    if (!base64_decode(text, bytes)) {
        (void)convert_refuse(self, "decimal is neither a number nor base64", err);
        return false;
    }
    if (!wide_from_bytes(w, bytes, n_bytes)) {
        (void)convert_refuse(self, "decimal has too many digits", err);
        return false;
    }
    return true;
}

/* The value as an integer of the source's scale (untyped: of the target's). */
static bool read_decimal(const struct convert *self, const struct sluice_value *value, struct wide *w,
                         struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_STRING)
        return read_unscaled(self, value->text, w, err);
    if (value->kind == SLUICE_VALUE_BYTES)
        return read_unscaled_bytes(self, value->text, w, err);
    const char *reason = "decimal is neither a number nor base64";
    if (value->kind == SLUICE_VALUE_NUMBER) {
        switch (wide_from_number(w, value->text, self->source_scale)) {
        case WIDE_OK:
            return true;
        case WIDE_INEXACT:
            reason = "number has more digits after the point than its type keeps";
            break;
        case WIDE_TOO_LONG:
            reason = "decimal has too many digits";
            break;
        case WIDE_NOT_A_NUMBER:
            break;
        }
    }
    (void)convert_refuse(self, reason, err);
    return false;
}

static unsigned char *put_wide_decimal(const struct convert *self, struct wide *w, unsigned char *at,
                                       struct sluice_error *err)
{
    if (!wide_scale_up(w, self->scale_up) || !wide_has_digits(w, self->type.precision))
        return convert_out_of_range(self, w->negative ? CONVERT_BELOW : CONVERT_ABOVE, "decimal has too many digits",
                                    at, err);
    return wide_put(w, self->type.bits, at);
}

static int64_t unscaled_of(const unsigned char *bytes, size_t n_bytes)
{
    uint64_t v = (bytes[0] & 0x80) != 0 ? UINT64_MAX : 0;
    for (size_t i = 0; i < n_bytes; i++)
        v = v << 8 | bytes[i];
    return (int64_t)v;
}

/* An unscaled integer of up to eight bytes; false when it is longer or no base64. */
static bool read_short_unscaled(struct sluice_str text, int64_t *out)
{
    unsigned char bytes[12];
    if (text.len == 0 || text.len > 12)
        return false;
    size_t n_bytes = base64_size(text);
    if (n_bytes > 8 || !base64_decode(text, bytes))
        return false;
    *out = unscaled_of(bytes, n_bytes);
    return true;
}

static bool read_short_decimal(const struct sluice_value *value, int64_t *out)
{
    if (SLUICE_LIKELY(value->kind == SLUICE_VALUE_STRING))
        return read_short_unscaled(value->text, out);
    if (value->kind != SLUICE_VALUE_BYTES || value->text.len == 0 || value->text.len > 8)
        return false;
    *out = unscaled_of((const unsigned char *)value->text.ptr, value->text.len);
    return true;
}

static unsigned char *put_decimal(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                  struct sluice_error *err)
{
    int64_t v;
    if (SLUICE_LIKELY(read_short_decimal(value, &v) && v >= self->min && v <= self->max))
        return convert_put_int(at, v * self->factor, self->width);
    struct wide w;
    if (!read_decimal(self, value, &w, err))
        return NULL;
    return put_wide_decimal(self, &w, at, err);
}

/* Nothing tells how texts are meant: "1234" is a number as decimal.handling.mode=string writes it, and base64 of
 * another one as the mode precise does. */
static unsigned char *put_decimal_of_untyped(const struct convert *self, const struct sluice_value *value,
                                             unsigned char *at, struct sluice_error *err)
{
    struct wide w;
    if (value->kind == SLUICE_VALUE_STRING && wide_from_number(&w, value->text, 0) != WIDE_NOT_A_NUMBER)
        return convert_refuse(
            self,
            "value is a text that is a number and may be base64 of another one; name the field's type, "
            "decimal or string, with the option tables.source_types",
            err);
    return put_decimal(self, value, at, err);
}

static unsigned char *put_decimal_of_integer(const struct convert *self, const struct sluice_value *value,
                                             unsigned char *at, struct sluice_error *err)
{
    int64_t v;
    if (!convert_read_int64(value, &v))
        return convert_refuse(self, "value is not an integer", err);
    if (SLUICE_LIKELY(v >= self->min && v <= self->max))
        return convert_put_int(at, v * self->factor, self->width);
    struct wide w;
    char text[24];
    int n = snprintf(text, sizeof text, "%" PRId64, v);
    if (wide_from_number(&w, (struct sluice_str){text, (size_t)n}, 0) != WIDE_OK)
        return convert_refuse(self, "value is not an integer", err);
    return put_wide_decimal(self, &w, at, err);
}

/* numeric in the mode string: plain digits, or what Java calls the values that have none. */
static unsigned char *put_decimal_of_text(const struct convert *self, const struct sluice_value *value,
                                          unsigned char *at, struct sluice_error *err)
{
    struct wide w;
    if (value->kind != SLUICE_VALUE_STRING)
        return convert_refuse(self, "value is not a decimal's text", err);
    switch (wide_from_number(&w, value->text, self->type.scale)) {
    case WIDE_OK:
        return put_wide_decimal(self, &w, at, err);
    case WIDE_INEXACT:
        return convert_refuse(self, "number has more digits after the point than its type keeps", err);
    case WIDE_TOO_LONG:
        return convert_out_of_range(self, value->text.ptr[0] == '-' ? CONVERT_BELOW : CONVERT_ABOVE,
                                    "decimal has too many digits", at, err);
    case WIDE_NOT_A_NUMBER:
        break;
    }
    if (sluice_str_equal_z(value->text, "NAN"))
        return convert_out_of_range(self, CONVERT_NOWHERE, "NaN is no decimal", at, err);
    if (sluice_str_equal_z(value->text, "POSITIVE_INFINITY"))
        return convert_out_of_range(self, CONVERT_ABOVE, "infinity is no decimal", at, err);
    if (sluice_str_equal_z(value->text, "NEGATIVE_INFINITY"))
        return convert_out_of_range(self, CONVERT_BELOW, "-infinity is no decimal", at, err);
    return convert_refuse(self, "value is not a decimal's text", err);
}

static unsigned char *put_decimal_text(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                       struct sluice_error *err)
{
    char text[WIDE_MAX_TEXT];
    struct wide w;
    if (!read_decimal(self, value, &w, err))
        return NULL;
    const struct sluice_str plain = {text, wide_text(&w, self->source_scale, text)};
    /* Only an exponent gets beyond it ("1e1200"), and the connector writes none that is positive. */
    if (plain.len > DECIMAL_GROWTH * value->text.len + self->source_scale + MORE_THAN_SCALE)
        return convert_refuse(self, "decimal has too many digits", err);
    return convert_put_string(plain, at);
}

static unsigned char *put_float_of_decimal(const struct convert *self, const struct sluice_value *value,
                                           unsigned char *at, struct sluice_error *err)
{
    char text[WIDE_MAX_TEXT];
    struct wide w;
    double v;
    if (!read_decimal(self, value, &w, err))
        return NULL;
    struct sluice_str plain = {text, wide_text(&w, self->source_scale, text)};
    if (!read_double(plain, self->width == 4, &v))
        return convert_refuse(self, "decimal has too many digits", err);
    return put_finite(self, v, at, err);
}

/* Bits of a typed integer, 0 for other sources. */
static unsigned integer_bits(enum sluice_source_type source)
{
    switch (source) {
    case SLUICE_SOURCE_INT8:
        return 8;
    case SLUICE_SOURCE_INT16:
        return 16;
    case SLUICE_SOURCE_INT32:
        return 32;
    case SLUICE_SOURCE_INT64:
    case SLUICE_SOURCE_DURATION:
        return 64;
    default:
        return 0;
    }
}

static void choose_integer(enum sluice_source_type source, struct convert *out)
{
    unsigned bits = out->type.bits;
    if (source == SLUICE_SOURCE_BOOLEAN) {
        out->fn = put_boolean;
    } else if (source == SLUICE_SOURCE_UNTYPED || (integer_bits(source) != 0 && integer_bits(source) <= bits)) {
        out->fn = put_integer;
        unsigned value_bits = out->type.is_signed ? bits - 1 : bits;
        out->max = value_bits < 63 ? (INT64_C(1) << value_bits) - 1 : INT64_MAX;
        out->min = out->type.is_signed ? -out->max - 1 : 0;
    }
}

static void choose_float(enum sluice_source_type source, struct convert *out)
{
    bool narrow = out->type.bits == 32;
    unsigned bits = integer_bits(source);
    if (source == SLUICE_SOURCE_UNTYPED) {
        out->fn = put_float_of_untyped;
    } else if (source == SLUICE_SOURCE_FLOAT32 || (source == SLUICE_SOURCE_FLOAT64 && !narrow)) {
        out->fn = put_float;
    } else if (source == SLUICE_SOURCE_DECIMAL) {
        out->fn = put_float_of_decimal;
    } else if (bits == 8 || bits == 16 || (bits == 32 && !narrow)) {
        out->fn = put_float_of_integer;
        out->max = (INT64_C(1) << (bits - 1)) - 1;
        out->min = -out->max - 1;
    }
}

/* Bounds of an unscaled value that may be multiplied by 10^scale_up in 64 bits and stays within the precision. */
static void bound_decimal(struct convert *out)
{
    unsigned precision = out->type.precision;
    unsigned digits = precision > out->scale_up ? precision - out->scale_up : 0;
    bool is_short = out->scale_up < SLUICE_N_ELEMENTS(powers);
    out->factor = is_short ? powers[out->scale_up] : 0;
    out->max = is_short ? INT64_MAX / out->factor : 0;
    if (digits < SLUICE_N_ELEMENTS(powers) && powers[digits] - 1 < out->max)
        out->max = powers[digits] - 1;
    out->min = -out->max;
}

static void choose_decimal(const struct sluice_source_column *column, struct convert *out)
{
    unsigned scale = out->type.scale;
    /* Schemaless, also with the hint "decimal": nothing tells the source's scale but the target. */
    if (column->type == SLUICE_SOURCE_UNTYPED ||
        (column->type == SLUICE_SOURCE_DECIMAL && column->scale == SLUICE_SCALE_UNTOLD)) {
        out->fn = column->type == SLUICE_SOURCE_UNTYPED ? put_decimal_of_untyped : put_decimal;
        out->source_scale = scale;
    } else if (column->type == SLUICE_SOURCE_DECIMAL && column->scale <= scale) {
        out->fn = put_decimal;
        out->scale_up = scale - column->scale;
    } else if (integer_bits(column->type) != 0) {
        out->fn = put_decimal_of_integer;
        out->scale_up = scale;
    } else if (column->type == SLUICE_SOURCE_STRING) {
        out->fn = put_decimal_of_text;
    }
    bound_decimal(out);
}

void convert_choose_number(const struct sluice_source_column *column, struct convert *out)
{
    bool scale_told = column->type == SLUICE_SOURCE_DECIMAL && column->scale != SLUICE_SCALE_UNTOLD;
    switch (out->type.kind) {
    case SLUICE_TYPE_BOOL:
        if (column->type == SLUICE_SOURCE_BOOLEAN || column->type == SLUICE_SOURCE_UNTYPED)
            out->fn = put_boolean;
        break;
    case SLUICE_TYPE_INT:
        choose_integer(column->type, out);
        break;
    case SLUICE_TYPE_FLOAT:
        if (column->type != SLUICE_SOURCE_DECIMAL || scale_told)
            choose_float(column->type, out);
        break;
    case SLUICE_TYPE_DECIMAL:
        choose_decimal(column, out);
        break;
    case SLUICE_TYPE_STRING:
        if (integer_bits(column->type) != 0) {
            out->fn = put_integer_text;
            out->part_room += MAX_INTEGER_TEXT;
        }
        if (scale_told) {
            out->fn = put_decimal_text;
            out->room += WIDE_MAX_TEXT;
            out->part_room += column->scale + MORE_THAN_SCALE;
            out->growth = DECIMAL_GROWTH;
        }
        break;
    default:
        break;
    }
}

/* Two's complement, little-endian. */
static unsigned char *put_integer_limit(const struct convert *self, bool above, unsigned char *at)
{
    memset(at, above ? 0xff : 0, self->width);
    if (self->type.is_signed)
        at[self->width - 1] = above ? 0x7f : 0x80;
    return at + self->width;
}

static unsigned char *put_decimal_limit(const struct convert *self, bool above, unsigned char *at)
{
    char digits[80];
    struct wide w;
    memset(digits, '9', sizeof digits);
    if (wide_from_number(&w, (struct sluice_str){digits, self->type.precision}, 0) != WIDE_OK)
        return NULL;
    w.negative = !above;
    return wide_put(&w, self->type.bits, at);
}

unsigned char *convert_put_number_limit(const struct convert *self, bool above, unsigned char *at)
{
    double largest = self->width == 4 ? (double)FLT_MAX : DBL_MAX;
    if (self->type.kind == SLUICE_TYPE_INT)
        return put_integer_limit(self, above, at);
    if (self->type.kind == SLUICE_TYPE_DECIMAL)
        return put_decimal_limit(self, above, at);
    return put_float_bits(self, above ? largest : -largest, at);
}
