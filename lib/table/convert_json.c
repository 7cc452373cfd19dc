/* convert_json.c - composites as JSON text, and the column type JSON; see convert.h.
 *
 * JSON text stays as the converter wrote it. Avro's bytes become the same text: compact, members in the order of the
 * schema, bytes as base64, floats as Java prints them. Source: Kafka Connect's JsonConverter; Java's Double.toString()
 * since JDK 19, which writes the fewest digits that tell the number from its neighbours.
 */
#include "table/convert.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/base64.h"
#include "table/items.h"

/* Where text goes. What does not fit is left out and found at the end: a record of nulls takes no bytes in Avro, so its
 * text has no bound that its bytes could tell. */
struct text {
    unsigned char *at;
    unsigned char *end;
    bool is_cut;
};

static void add(struct text *text, const char *bytes, size_t n)
{
    if ((size_t)(text->end - text->at) < n) {
        text->is_cut = true;
        return;
    }
    memcpy(text->at, bytes, n);
    text->at += n;
}

static void add_z(struct text *text, const char *bytes_z)
{
    add(text, bytes_z, strlen(bytes_z));
}

static void add_escaped(struct text *text, char c)
{
    static const char from[] = "\"\\\b\f\n\r\t";
    static const char to[] = "\"\\bfnrt";
    char escape[8];
    const char *found = c != '\0' ? strchr(from, c) : NULL;
    if (found != NULL)
        (void)snprintf(escape, sizeof escape, "\\%c", to[found - from]);
    else
        (void)snprintf(escape, sizeof escape, "\\u%04X", (unsigned)(unsigned char)c);
    add_z(text, escape);
}

static void add_string(struct text *text, struct sluice_str s)
{
    add(text, "\"", 1);
    size_t done = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        add(text, s.ptr + done, i - done);
        add_escaped(text, s.ptr[i]);
        done = i + 1;
    }
    if (s.len > done)
        add(text, s.ptr + done, s.len - done);
    add(text, "\"", 1);
}

static void add_base64(struct text *text, struct sluice_str bytes)
{
    size_t n = base64_length(bytes.len);
    add(text, "\"", 1);
    if ((size_t)(text->end - text->at) < n) {
        text->is_cut = true;
        return;
    }
    base64_encode(bytes, (char *)text->at);
    text->at += n;
    add(text, "\"", 1);
}

/* The fewest digits, and the power of ten of the first one. Java prefers two to one where they come nearer: 4.9E-324.
 */
static int shortest_digits(double v, bool narrow, char digits[24])
{
    char written[40];
    for (int precision = 1; precision < 17; precision++) {
        (void)snprintf(written, sizeof written, "%.*e", precision, v);
        if (narrow ? strtof(written, NULL) == (float)v : strtod(written, NULL) == v)
            break;
    }
    char *e = strchr(written, 'e');
    int n = 0;
    for (const char *c = written; c < e; c++) {
        if (*c >= '0' && *c <= '9')
            digits[n++] = *c;
    }
    while (n > 1 && digits[n - 1] == '0')
        n--;
    digits[n] = '\0';
    return (int)strtol(e + 1, NULL, 10);
}

static void add_plain(struct text *text, const char *digits, int exponent)
{
    int n = (int)strlen(digits);
    if (exponent < 0) {
        add_z(text, "0.");
        for (int i = exponent + 1; i < 0; i++)
            add(text, "0", 1);
        add_z(text, digits);
        return;
    }
    for (int i = 0; i <= exponent; i++)
        add(text, i < n ? &digits[i] : "0", 1);
    add(text, ".", 1);
    add_z(text, exponent + 1 < n ? digits + exponent + 1 : "0");
}

static void add_real(struct text *text, double v, bool narrow)
{
    char digits[24];
    char tail[16];
    if (isnan(v) || isinf(v)) {
        add_z(text, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
        return;
    }
    if (signbit(v))
        add(text, "-", 1);
    v = fabs(v);
    if (v == 0) {
        add_z(text, "0.0");
        return;
    }
    int exponent = shortest_digits(v, narrow, digits);
    if (v >= 1e-3 && v < 1e7) {
        add_plain(text, digits, exponent);
        return;
    }
    add(text, digits, 1);
    add(text, ".", 1);
    add_z(text, digits[1] != '\0' ? digits + 1 : "0");
    (void)snprintf(tail, sizeof tail, "E%d", exponent);
    add_z(text, tail);
}

static bool add_value(struct text *text, const struct sluice_value *value, struct sluice_error *err);

static bool add_array(struct text *text, struct items *items, struct sluice_error *err)
{
    struct sluice_value item;
    enum items_step step;
    const char *separator = "[";
    while ((step = items_next(items, &item, err)) == ITEMS_ONE && !text->is_cut) {
        add(text, separator, 1);
        if (!add_value(text, &item, err))
            return false;
        separator = ",";
    }
    add_z(text, *separator == '[' ? "[]" : "]");
    return step != ITEMS_BROKEN;
}

/* An object, or pairs if the keys are no strings. */
static bool add_map(struct text *text, struct items *items, bool is_object, struct sluice_error *err)
{
    struct sluice_value key;
    struct sluice_value value;
    enum items_step step;
    bool is_first = true;
    add_z(text, is_object ? "{" : "[");
    while ((step = items_next_entry(items, &key, &value, err)) == ITEMS_ONE && !text->is_cut) {
        add_z(text, is_first ? "" : ",");
        add_z(text, is_object ? "" : "[");
        if (!add_value(text, &key, err))
            return false;
        add_z(text, is_object ? ":" : ",");
        if (!add_value(text, &value, err))
            return false;
        add_z(text, is_object ? "" : "]");
        is_first = false;
    }
    add_z(text, is_object ? "}" : "]");
    return step != ITEMS_BROKEN;
}

static bool add_struct(struct text *text, struct items *items, struct sluice_error *err)
{
    struct sluice_str name;
    struct sluice_value value;
    enum items_step step;
    const char *separator = "{";
    while ((step = items_next_member(items, &name, &value, err)) == ITEMS_ONE && !text->is_cut) {
        add(text, separator, 1);
        add_string(text, name);
        add(text, ":", 1);
        if (!add_value(text, &value, err))
            return false;
        separator = ",";
    }
    add_z(text, *separator == '{' ? "{}" : "}");
    return step != ITEMS_BROKEN;
}

static bool add_composite(struct text *text, const struct sluice_value *value, struct sluice_error *err)
{
    struct items items;
    if (items_open_array(&items, value))
        return add_array(text, &items, err);
    if (items_open_struct(&items, value))
        return add_struct(text, &items, err);
    bool is_object = avro_node_of(value)->kind == AVRO_MAP;
    return items_open_map(&items, value) && add_map(text, &items, is_object, err);
}

/* The depth is that of the Avro schema, which has a bound. */
static bool add_value(struct text *text, const struct sluice_value *value, struct sluice_error *err)
{
    char number[24];
    switch (value->kind) {
    case SLUICE_VALUE_NULL:
        add_z(text, "null");
        return true;
    case SLUICE_VALUE_TRUE:
    case SLUICE_VALUE_FALSE:
        add_z(text, value->kind == SLUICE_VALUE_TRUE ? "true" : "false");
        return true;
    case SLUICE_VALUE_INTEGER:
        (void)snprintf(number, sizeof number, "%" PRId64, value->integer);
        add_z(text, number);
        return true;
    case SLUICE_VALUE_FLOAT:
    case SLUICE_VALUE_DOUBLE:
        add_real(text, value->real, value->kind == SLUICE_VALUE_FLOAT);
        return true;
    case SLUICE_VALUE_STRING:
        add_string(text, value->text);
        return true;
    case SLUICE_VALUE_BYTES:
        add_base64(text, value->text);
        return true;
    case SLUICE_VALUE_AVRO:
        return add_composite(text, value, err);
    default:
        break;
    }
    (void)sluice_error_set(err, SLUICE_E_VALUE, SLUICE_REJECT, "a value inside of another is of an unknown kind");
    return false;
}

static unsigned char *put_avro(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    size_t room = self->part_room - 1 + value->text.len * self->growth_parts; /* NULL's byte stands in front */
    size_t reserved = convert_leb128_size(room);
    struct text text = {.at = at + reserved, .end = at + room};
    if (!add_value(&text, value, err))
        return NULL;
    if (text.is_cut)
        return convert_refuse(self, "text of the value is too long", err);
    return convert_finish_string(at, reserved, (size_t)(text.at - at) - reserved);
}

static unsigned char *put_composite_text(const struct convert *self, const struct sluice_value *value,
                                         unsigned char *at, struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_AVRO)
        return put_avro(self, value, at, err);
    if (value->kind != SLUICE_VALUE_OBJECT && value->kind != SLUICE_VALUE_ARRAY)
        return convert_refuse(self, "value is no array, map or struct", err);
    return convert_put_string(value->text, at);
}

static unsigned char *no_object(const struct convert *self, unsigned char *at, struct sluice_error *err)
{
    return convert_out_of_range(self, CONVERT_NOWHERE, "value is no object, and the column holds nothing else", at,
                                err);
}

/* json and jsonb: the text stands inside of a string. */
static unsigned char *put_json_object(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                      struct sluice_error *err)
{
    size_t reserved = convert_leb128_size(value->text.len);
    size_t length = value->text.len;
    char *text = (char *)at + reserved;
    if (convert_is_composite(value)) {
        bool is_array = value->kind == SLUICE_VALUE_ARRAY;
        return is_array ? no_object(self, at, err) : put_composite_text(self, value, at, err);
    }
    if (value->kind != SLUICE_VALUE_STRING && value->kind != SLUICE_VALUE_STRING_ESCAPED)
        return convert_refuse(self, "value is not a string", err);
    if (value->kind == SLUICE_VALUE_STRING_ESCAPED) {
        if (sluice_json_unescape(*value, text, &length, err) != SLUICE_OK)
            return NULL;
    } else if (length > 0) {
        memcpy(text, value->text.ptr, length);
    }
    size_t first = 0;
    while (first < length && (text[first] == ' ' || text[first] == '\n' || text[first] == '\t' || text[first] == '\r'))
        first++;
    if (first == length || text[first] != '{')
        return no_object(self, at, err);
    return convert_finish_string(at, reserved, length);
}

static bool is_composite(enum sluice_source_type source)
{
    switch (source) {
    case SLUICE_SOURCE_ARRAY:
    case SLUICE_SOURCE_MAP:
    case SLUICE_SOURCE_STRUCT:
    case SLUICE_SOURCE_POINT:
    case SLUICE_SOURCE_SPARSE_VECTOR:
        return true;
    default:
        return false;
    }
}

/* Bytes of the longest name that a struct inside of the column has. */
static size_t longest_name(const struct sluice_source_column *column)
{
    while (column->element != NULL)
        column = column->element;
    return column->type == SLUICE_SOURCE_STRUCT ? column->length : sizeof "dimensions";
}

enum { MOST_PER_BYTE = 32 /* a number's text, with what stands around it; an escape takes less */ };

void convert_choose_json(const struct sluice_source_column *column, struct convert *out)
{
    bool is_json = out->type.kind == SLUICE_TYPE_JSON;
    if (out->type.kind != SLUICE_TYPE_STRING && !is_json)
        return;
    if (is_composite(column->type) && !(is_json && column->type == SLUICE_SOURCE_ARRAY)) {
        out->fn = put_composite_text;
        out->growth_parts = MOST_PER_BYTE + longest_name(column);
    } else if (is_json && (column->type == SLUICE_SOURCE_JSON || column->type == SLUICE_SOURCE_UNTYPED)) {
        out->fn = put_json_object;
    }
}
