/* convert_struct.c - structs that have a meaning of their own: decimals with their scale, and geometry; see convert.h.
 *
 * Source: Debezium documentation, "VariableScaleDecimal" and "PostGIS types"; PostGIS documentation, "ST_AsEWKB", for
 * the flag and place of the SRID.
 */
#include "table/convert.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "table/items.h"
#include "table/wide.h"

static unsigned char *no_struct(const struct convert *self, enum items_step step, struct sluice_error *err)
{
    return step == ITEMS_END ? convert_refuse(self, "value is not a struct of the type expected", err) : NULL;
}

/* Bytes of a member: base64 in JSON. False if they are none, or more than `max`. */
static bool member_bytes(const struct sluice_value *value, unsigned char *out, size_t max, size_t *size)
{
    if (value->kind == SLUICE_VALUE_BYTES) {
        *size = value->text.len;
        if (*size > max)
            return false;
        if (*size > 0)
            memcpy(out, value->text.ptr, *size);
        return true;
    }
    *size = base64_size(value->text);
    return value->kind == SLUICE_VALUE_STRING && *size <= max && base64_decode(value->text, out);
}

/* {"scale": 4, "value": "AYr3"} */
static bool read_variable(const struct convert *self, const struct sluice_value *value, struct wide *w, unsigned *scale,
                          struct sluice_error *err)
{
    static const char *const names[] = {"scale", "value"};
    unsigned char bytes[sizeof w->limbs];
    struct sluice_value members[2];
    size_t size;
    int64_t wanted;
    enum items_step step = items_find(value, names, 2, members, err);
    if (step != ITEMS_ONE) {
        (void)no_struct(self, step, err);
        return false;
    }
    if (!convert_read_int64(&members[0], &wanted)) {
        (void)convert_refuse(self, "value is no decimal with its scale", err);
        return false;
    }
    if (wanted < 0 || wanted > WIDE_MAX_SCALE || !member_bytes(&members[1], bytes, sizeof bytes, &size) || size == 0 ||
        !wide_from_bytes(w, bytes, size)) {
        (void)convert_refuse(self, "decimal has too many digits, or is no number", err);
        return false;
    }
    *scale = (unsigned)wanted;
    return true;
}

static unsigned char *put_variable_text(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                        struct sluice_error *err)
{
    char text[WIDE_MAX_TEXT];
    struct wide w;
    unsigned scale;
    if (!read_variable(self, value, &w, &scale, err))
        return NULL;
    return convert_put_string((struct sluice_str){text, wide_text(&w, scale, text)}, at);
}

static unsigned char *put_variable_decimal(const struct convert *self, const struct sluice_value *value,
                                           unsigned char *at, struct sluice_error *err)
{
    struct wide w;
    unsigned scale;
    if (!read_variable(self, value, &w, &scale, err))
        return NULL;
    if (scale > self->type.scale && !wide_scale_down(&w, scale - self->type.scale))
        return convert_refuse(self, "number has more digits after the point than its type keeps", err);
    unsigned up = scale < self->type.scale ? self->type.scale - scale : 0;
    if (!wide_scale_up(&w, up) || !wide_has_digits(&w, self->type.precision))
        return convert_out_of_range(self, w.negative ? CONVERT_BELOW : CONVERT_ABOVE, "decimal has too many digits", at,
                                    err);
    return wide_put(&w, self->type.bits, at);
}

static unsigned char *put_variable_float(const struct convert *self, const struct sluice_value *value,
                                         unsigned char *at, struct sluice_error *err)
{
    char text[WIDE_MAX_TEXT + 1];
    struct wide w;
    unsigned scale;
    if (!read_variable(self, value, &w, &scale, err))
        return NULL;
    text[wide_text(&w, scale, text)] = '\0';
    double real = self->width == 4 ? (double)strtof(text, NULL) : strtod(text, NULL);
    if (isinf(real))
        return convert_out_of_range(self, w.negative ? CONVERT_BELOW : CONVERT_ABOVE, "number is too large", at, err);
    float narrow = (float)real;
    uint64_t bits = 0;
    if (self->width == 4)
        memcpy(&bits, &narrow, sizeof narrow);
    else
        memcpy(&bits, &real, sizeof real);
    return convert_put_int(at, (int64_t)bits, self->width);
}

enum { EWKB_HEADER = 5, EWKB_SRID = 4 };
#define EWKB_HAS_SRID UINT32_C(0x20000000)

static uint32_t load_32(const unsigned char *at, bool little)
{
    uint32_t v = 0;
    for (unsigned i = 0; i < 4; i++)
        v |= (uint32_t)at[i] << 8 * (little ? i : 3 - i);
    return v;
}

static void store_32(unsigned char *at, bool little, uint32_t v)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (unsigned char)(v >> 8 * (little ? i : 3 - i));
}

/* Puts the SRID into WKB that stands at `wkb` and has room for it, unless it is there already. Returns the new size. */
static size_t add_srid(unsigned char *wkb, size_t size, int64_t srid)
{
    bool little = wkb[0] == 1;
    uint32_t type = load_32(wkb + 1, little);
    if ((type & EWKB_HAS_SRID) != 0)
        return size;
    memmove(wkb + EWKB_HEADER + EWKB_SRID, wkb + EWKB_HEADER, size - EWKB_HEADER);
    store_32(wkb + 1, little, type | EWKB_HAS_SRID);
    store_32(wkb + EWKB_HEADER, little, (uint32_t)srid);
    return size + EWKB_SRID;
}

/* Hexadecimal EWKB in capitals, as PostGIS prints a geometry. */
static unsigned char *put_geometry(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                   struct sluice_error *err)
{
    static const char digits[] = "0123456789ABCDEF";
    static const char *const names[] = {"wkb", "srid"};
    struct sluice_value members[2];
    size_t size;
    int64_t srid;
    enum items_step step = items_find(value, names, 2, members, err);
    if (step != ITEMS_ONE)
        return no_struct(self, step, err);
    /* The bytes lie in front of the digits' end, so that reading stays ahead of writing. */
    size_t most = members[0].text.len + EWKB_SRID;
    unsigned char *bytes = at + sizeof(uint64_t) + 2 + most;
    if (!member_bytes(&members[0], bytes, most, &size) || size < EWKB_HEADER || bytes[0] > 1)
        return convert_refuse(self, "value is no WKB", err);
    if (convert_read_int64(&members[1], &srid) && srid != 0)
        size = add_srid(bytes, size, srid);
    size_t prefix = convert_leb128_size(2 * size);
    convert_put_length(at, prefix, 2 * size);
    at += prefix;
    for (size_t i = 0; i < size; i++) {
        unsigned byte = bytes[i];
        *at++ = (unsigned char)digits[byte >> 4];
        *at++ = (unsigned char)digits[byte & 15];
    }
    return at;
}

static void choose_variable(struct convert *out)
{
    switch (out->type.kind) {
    case SLUICE_TYPE_STRING:
        out->fn = put_variable_text;
        out->room += WIDE_MAX_TEXT;
        out->part_room += WIDE_MAX_TEXT;
        break;
    case SLUICE_TYPE_DECIMAL:
        out->fn = put_variable_decimal;
        break;
    case SLUICE_TYPE_FLOAT:
        out->fn = put_variable_float;
        break;
    default:
        break;
    }
}

void convert_choose_struct(const struct sluice_source_column *column, struct convert *out)
{
    if (column->type == SLUICE_SOURCE_VARIABLE_DECIMAL) {
        choose_variable(out);
    } else if (column->type == SLUICE_SOURCE_GEOMETRY && out->type.kind == SLUICE_TYPE_STRING) {
        out->fn = put_geometry;
        out->growth_parts = 3;
        out->part_room += 3 * (EWKB_SRID + sizeof(uint64_t));
    }
}
