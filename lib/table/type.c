/* type.c - see type.h. One level of the text is taken apart at a time, down to MAX_DEPTH levels. */
#include "table/type.h"

#include "table/lex.h"

enum { MAX_DEPTH = 12, MAX_FIXED_STRING = 1 << 24, MAX_ITEMS = 1024 };

/* What one text turned out to be. */
enum reading {
    READING_KNOWN,
    READING_OTHER,     /* well-formed, not written by this version */
    READING_MALFORMED, /* not understood */
    READING_FAILED     /* err is set */
};

struct simple_type {
    const char *name;
    struct sluice_type type;
};

static const struct simple_type simple_types[] = {
    {"Bool", {.kind = SLUICE_TYPE_BOOL, .bits = 8}},
    {"Int8", {.kind = SLUICE_TYPE_INT, .bits = 8, .is_signed = true}},
    {"Int16", {.kind = SLUICE_TYPE_INT, .bits = 16, .is_signed = true}},
    {"Int32", {.kind = SLUICE_TYPE_INT, .bits = 32, .is_signed = true}},
    {"Int64", {.kind = SLUICE_TYPE_INT, .bits = 64, .is_signed = true}},
    {"Int128", {.kind = SLUICE_TYPE_INT, .bits = 128, .is_signed = true}},
    {"Int256", {.kind = SLUICE_TYPE_INT, .bits = 256, .is_signed = true}},
    {"UInt8", {.kind = SLUICE_TYPE_INT, .bits = 8}},
    {"UInt16", {.kind = SLUICE_TYPE_INT, .bits = 16}},
    {"UInt32", {.kind = SLUICE_TYPE_INT, .bits = 32}},
    {"UInt64", {.kind = SLUICE_TYPE_INT, .bits = 64}},
    {"UInt128", {.kind = SLUICE_TYPE_INT, .bits = 128}},
    {"UInt256", {.kind = SLUICE_TYPE_INT, .bits = 256}},
    {"Float32", {.kind = SLUICE_TYPE_FLOAT, .bits = 32}},
    {"Float64", {.kind = SLUICE_TYPE_FLOAT, .bits = 64}},
    {"String", {.kind = SLUICE_TYPE_STRING}},
    {"UUID", {.kind = SLUICE_TYPE_UUID, .bits = 128}},
    {"Date", {.kind = SLUICE_TYPE_DATE, .bits = 16}},
    {"Date32", {.kind = SLUICE_TYPE_DATE32, .bits = 32}},
    {"Time", {.kind = SLUICE_TYPE_TIME, .bits = 32, .is_signed = true}},
    {"IPv4", {.kind = SLUICE_TYPE_IPV4, .bits = 32}},
    {"IPv6", {.kind = SLUICE_TYPE_IPV6, .bits = 128}},
    {"Point",
     {.kind = SLUICE_TYPE_TUPLE,
      .items = (const struct sluice_type[]){{.kind = SLUICE_TYPE_FLOAT, .bits = 64},
                                            {.kind = SLUICE_TYPE_FLOAT, .bits = 64}},
      .n_items = 2}},
};

static unsigned decimal_bits(unsigned precision)
{
    if (precision <= 9)
        return 32;
    if (precision <= 18)
        return 64;
    return precision <= 38 ? 128 : 256;
}

/* Decimal(P), Decimal(P, S), and Decimal32(S) .. Decimal256(S) with `precision` given. */
static enum reading read_decimal(struct sluice_str arguments, unsigned precision, struct sluice_type *type)
{
    struct sluice_str item;
    unsigned long value;
    bool ok = true;
    unsigned long scale = 0;
    if (!lex_next(&arguments, &item, &ok) || !lex_unsigned(item, 76, &value))
        return READING_MALFORMED;
    if (precision != 0) {
        scale = value;
    } else {
        precision = (unsigned)value;
        if (lex_next(&arguments, &item, &ok) && !lex_unsigned(item, 76, &scale))
            return READING_MALFORMED;
    }
    if (!ok || arguments.len != 0 || precision == 0 || scale > precision)
        return READING_MALFORMED;
    *type = (struct sluice_type){.kind = SLUICE_TYPE_DECIMAL,
                                 .is_signed = true,
                                 .bits = decimal_bits(precision),
                                 .precision = precision,
                                 .scale = (unsigned)scale};
    return READING_KNOWN;
}

/* DateTime, DateTime('tz'), DateTime64(p), DateTime64(p, 'tz'). The zone only matters for text. */
static enum reading read_date_time(const struct lex_call *call, bool is_64, struct sluice_type *type)
{
    struct sluice_str arguments = call->arguments;
    struct sluice_str item;
    unsigned long precision = 0;
    bool ok = true;
    if (is_64 && (!lex_next(&arguments, &item, &ok) || !lex_unsigned(item, 9, &precision)))
        return READING_MALFORMED;
    if (lex_next(&arguments, &item, &ok) && item.ptr[0] != '\'')
        return READING_MALFORMED;
    if (!ok || arguments.len != 0)
        return READING_MALFORMED;
    *type = (struct sluice_type){.kind = is_64 ? SLUICE_TYPE_DATETIME64 : SLUICE_TYPE_DATETIME,
                                 .is_signed = is_64,
                                 .bits = is_64 ? 64 : 32,
                                 .precision = (unsigned)precision};
    return READING_KNOWN;
}

static enum reading read_time64(struct sluice_str argument, struct sluice_type *type)
{
    unsigned long precision;
    if (!lex_unsigned(argument, 9, &precision))
        return READING_MALFORMED;
    *type = (struct sluice_type){
        .kind = SLUICE_TYPE_TIME64, .is_signed = true, .bits = 64, .precision = (unsigned)precision};
    return READING_KNOWN;
}

static enum reading read_fixed_string(struct sluice_str argument, struct sluice_type *type)
{
    unsigned long length;
    if (!lex_unsigned(argument, MAX_FIXED_STRING, &length) || length == 0)
        return READING_MALFORMED;
    *type = (struct sluice_type){.kind = SLUICE_TYPE_FIXED_STRING, .length = length};
    return READING_KNOWN;
}

/* `'label' = number` */
static enum reading read_label(struct sluice_arena *arena, struct sluice_str item, unsigned bits,
                               struct sluice_enum_label *label, struct sluice_error *err)
{
    bool is_word = false;
    size_t length = item.ptr[0] == '\'' ? lex_quoted_length(item) : 0;
    if (length == 0)
        return READING_MALFORMED;
    if (lex_unquote(arena, (struct sluice_str){item.ptr, length}, '\'', &label->name, &is_word, err) != SLUICE_OK)
        return READING_FAILED;
    struct sluice_str number = {item.ptr + length, item.len - length};
    bool seen_equals = false;
    while (number.len > 0 && (number.ptr[0] == ' ' || (number.ptr[0] == '=' && !seen_equals))) {
        seen_equals = seen_equals || number.ptr[0] == '=';
        number = (struct sluice_str){number.ptr + 1, number.len - 1};
    }
    bool negative = number.len > 0 && number.ptr[0] == '-';
    if (negative)
        number = (struct sluice_str){number.ptr + 1, number.len - 1};
    unsigned long limit = 1UL << (bits - 1);
    unsigned long value;
    if (!seen_equals || !lex_unsigned(number, negative ? limit : limit - 1, &value))
        return READING_MALFORMED;
    label->value = (int16_t)(negative ? -(long)value : (long)value);
    return READING_KNOWN;
}

static enum reading read_enum(struct sluice_arena *arena, struct sluice_str arguments, unsigned bits,
                              struct sluice_type *type, struct sluice_error *err)
{
    struct sluice_str rest = arguments;
    struct sluice_str item;
    size_t n_labels = 0;
    bool ok = true;
    while (lex_next(&rest, &item, &ok))
        n_labels++;
    if (!ok || n_labels == 0)
        return READING_MALFORMED;
    struct sluice_enum_label *labels = sluice_arena_alloc_array(arena, n_labels, sizeof *labels, err);
    if (labels == NULL)
        return READING_FAILED;
    for (size_t i = 0; i < n_labels; i++) {
        if (!lex_next(&arguments, &item, &ok))
            return READING_MALFORMED;
        enum reading reading = read_label(arena, item, bits, &labels[i], err);
        if (reading != READING_KNOWN)
            return reading;
    }
    *type = (struct sluice_type){
        .kind = SLUICE_TYPE_ENUM, .is_signed = true, .bits = bits, .labels = labels, .n_labels = n_labels};
    return READING_KNOWN;
}

static enum reading read_type(struct sluice_arena *arena, struct sluice_str text, unsigned depth,
                              struct sluice_type *type, struct sluice_error *err);

/* SimpleAggregateFunction(f, T) is stored and written as T. */
static enum reading read_aggregate(struct sluice_arena *arena, struct sluice_str arguments, unsigned depth,
                                   struct sluice_type *type, struct sluice_error *err)
{
    struct sluice_str item;
    bool ok = true;
    if (!lex_next(&arguments, &item, &ok) || !lex_next(&arguments, &item, &ok))
        return READING_MALFORMED;
    if (arguments.len != 0)
        return READING_OTHER;
    return read_type(arena, item, depth + 1, type, err);
}

static enum reading read_wrapped(struct sluice_arena *arena, const struct lex_call *call, unsigned depth,
                                 struct sluice_type *type, struct sluice_error *err)
{
    enum reading reading = read_type(arena, call->arguments, depth + 1, type, err);
    if (reading != READING_KNOWN)
        return reading;
    if (sluice_str_equal_z(call->name, "LowCardinality")) {
        if (type->low_cardinality)
            return READING_MALFORMED;
        type->low_cardinality = true;
        return READING_KNOWN;
    }
    /* None of these exists in ClickHouse; a Nullable tuple does. */
    if (type->nullable || type->low_cardinality || type->kind == SLUICE_TYPE_ARRAY || type->kind == SLUICE_TYPE_MAP)
        return READING_MALFORMED;
    type->nullable = true;
    return READING_KNOWN;
}

/* Bytes of the word in front. */
static size_t word_length(struct sluice_str text)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] != ' ' && text.ptr[n] != '(')
        n++;
    return n;
}

/* "name Type", "`a name` Type" or "Type"; *name is NULL for the last. What follows is left in *item. */
static enum reading read_item_name(struct sluice_arena *arena, struct sluice_str *item, const char **name,
                                   struct sluice_error *err)
{
    size_t length = item->ptr[0] == '`' ? lex_quoted_length(*item) : word_length(*item);
    struct sluice_str unquoted;
    bool is_identifier = false;
    *name = NULL;
    if (length == 0 || length == item->len || item->ptr[length] != ' ')
        return item->ptr[0] == '`' ? READING_MALFORMED : READING_KNOWN;
    if (lex_identifier(arena, (struct sluice_str){item->ptr, length}, &unquoted, &is_identifier, err) != SLUICE_OK)
        return READING_FAILED;
    if (!is_identifier)
        return READING_MALFORMED;
    *name = unquoted.ptr;
    *item = (struct sluice_str){item->ptr + length + 1, item->len - length - 1};
    return READING_KNOWN;
}

/* The parts of Tuple, Map and Array, or of Nested. All of them or none are named. */
static enum reading read_items(struct sluice_arena *arena, struct sluice_str arguments, unsigned depth,
                               struct sluice_type *type, struct sluice_error *err)
{
    struct sluice_str rest = arguments;
    struct sluice_str item;
    size_t n = 0;
    size_t n_named = 0;
    bool ok = true;
    while (lex_next(&rest, &item, &ok))
        n++;
    if (!ok || n == 0 || n > MAX_ITEMS)
        return READING_MALFORMED;
    struct sluice_type *items = sluice_arena_alloc_array(arena, n, sizeof *items, err);
    const char **names = sluice_arena_alloc_array(arena, n, sizeof *names, err);
    if (items == NULL || names == NULL)
        return READING_FAILED;
    for (size_t i = 0; i < n && lex_next(&arguments, &item, &ok); i++) {
        enum reading reading = read_item_name(arena, &item, &names[i], err);
        if (reading == READING_KNOWN)
            reading = read_type(arena, item, depth + 1, &items[i], err);
        if (reading != READING_KNOWN)
            return reading;
        n_named += names[i] != NULL;
    }
    type->items = items;
    type->n_items = n;
    type->item_names = n_named == n ? names : NULL;
    return n_named == 0 || n_named == n ? READING_KNOWN : READING_MALFORMED;
}

static enum reading read_composite(struct sluice_arena *arena, const struct lex_call *call, unsigned depth,
                                   enum sluice_type_kind kind, struct sluice_type *type, struct sluice_error *err)
{
    *type = (struct sluice_type){.kind = kind};
    if (call->arguments.len == 0)
        return kind == SLUICE_TYPE_TUPLE ? READING_OTHER : READING_MALFORMED;
    enum reading reading = read_items(arena, call->arguments, depth, type, err);
    size_t n = kind == SLUICE_TYPE_ARRAY ? 1 : kind == SLUICE_TYPE_MAP ? 2 : type->n_items;
    if (reading == READING_KNOWN && (n != type->n_items || (kind != SLUICE_TYPE_TUPLE && type->item_names != NULL)))
        return READING_MALFORMED;
    return reading;
}

/* A table made with flatten_nested = 0 has such columns: Array(Tuple(...)) by another name. */
static enum reading read_nested(struct sluice_arena *arena, const struct lex_call *call, unsigned depth,
                                struct sluice_type *type, struct sluice_error *err)
{
    struct sluice_type *tuple = sluice_arena_alloc(arena, sizeof *tuple, err);
    if (tuple == NULL)
        return READING_FAILED;
    *type = (struct sluice_type){.kind = SLUICE_TYPE_ARRAY, .items = tuple, .n_items = 1};
    return read_composite(arena, call, depth, SLUICE_TYPE_TUPLE, tuple, err);
}

static enum reading read_known(struct sluice_arena *arena, const struct lex_call *call, unsigned depth,
                               struct sluice_type *type, struct sluice_error *err)
{
    static const struct {
        const char *name;
        unsigned precision;
    } decimals[] = {{"Decimal", 0}, {"Decimal32", 9}, {"Decimal64", 18}, {"Decimal128", 38}, {"Decimal256", 76}};

    for (size_t i = 0; i < SLUICE_N_ELEMENTS(simple_types); i++) {
        if (sluice_str_equal_z(call->name, simple_types[i].name)) {
            *type = simple_types[i].type;
            return call->has_arguments ? READING_MALFORMED : READING_KNOWN;
        }
    }
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(decimals); i++) {
        if (sluice_str_equal_z(call->name, decimals[i].name))
            return read_decimal(call->arguments, decimals[i].precision, type);
    }
    if (sluice_str_equal_z(call->name, "DateTime"))
        return read_date_time(call, false, type);
    if (sluice_str_equal_z(call->name, "DateTime64"))
        return read_date_time(call, true, type);
    if (sluice_str_equal_z(call->name, "Time64"))
        return read_time64(call->arguments, type);
    if (sluice_str_equal_z(call->name, "FixedString"))
        return read_fixed_string(call->arguments, type);
    if (sluice_str_equal_z(call->name, "Enum8"))
        return read_enum(arena, call->arguments, 8, type, err);
    if (sluice_str_equal_z(call->name, "Enum16"))
        return read_enum(arena, call->arguments, 16, type, err);
    if (sluice_str_equal_z(call->name, "Nullable") || sluice_str_equal_z(call->name, "LowCardinality"))
        return read_wrapped(arena, call, depth, type, err);
    if (sluice_str_equal_z(call->name, "Array"))
        return read_composite(arena, call, depth, SLUICE_TYPE_ARRAY, type, err);
    if (sluice_str_equal_z(call->name, "Map"))
        return read_composite(arena, call, depth, SLUICE_TYPE_MAP, type, err);
    if (sluice_str_equal_z(call->name, "Tuple"))
        return read_composite(arena, call, depth, SLUICE_TYPE_TUPLE, type, err);
    if (sluice_str_equal_z(call->name, "Nested"))
        return read_nested(arena, call, depth, type, err);
    if (sluice_str_equal_z(call->name, "JSON")) {
        *type = (struct sluice_type){.kind = SLUICE_TYPE_JSON};
        return READING_KNOWN;
    }
    if (sluice_str_equal_z(call->name, "SimpleAggregateFunction"))
        return read_aggregate(arena, call->arguments, depth, type, err);
    return READING_OTHER;
}

static enum reading read_type(struct sluice_arena *arena, struct sluice_str text, unsigned depth,
                              struct sluice_type *type, struct sluice_error *err)
{
    struct lex_call call;
    if (depth > MAX_DEPTH || text.len == 0 || !lex_call(text, &call) || call.rest.len != 0)
        return READING_MALFORMED;
    return read_known(arena, &call, depth, type, err);
}

enum sluice_code sluice_type_parse(struct sluice_arena *arena, struct sluice_str text, const struct sluice_type **out,
                                   struct sluice_error *err)
{
    struct sluice_type read = {0};
    switch (read_type(arena, text, 0, &read, err)) {
    case READING_FAILED:
        return err->code;
    case READING_MALFORMED:
        return sluice_error_set(err, SLUICE_E_TYPE, SLUICE_STOP_PARTITION, "column type \"%.*s\" is not understood",
                                SLUICE_STR_ARG(text));
    case READING_OTHER:
        *out = NULL;
        return SLUICE_OK;
    case READING_KNOWN:
        break;
    }
    struct sluice_type *type = sluice_arena_alloc(arena, sizeof *type, err);
    if (type == NULL)
        return err->code;
    *type = read;
    *out = type;
    return SLUICE_OK;
}
