/* verify_pair.c - see verify_pair.h. The pairs are those of docs/types.md. */
#include "admin/verify_pair.h"

#include "table/ddl.h"

#include <stdio.h>

static const char *const no_pair = "no comparison of these two types";

/* What PostgreSQL's types are to a comparison. */
enum family {
    OTHER,
    BOOLEAN,
    BIT,
    INTEGER,
    SINGLE,
    DOUBLE,
    NUMERIC,
    TEXT,
    INET,
    UUID,
    JSON,
    BYTES,
    DATE,
    STAMP,
    CLOCK,
    ZONED_CLOCK,
    INTERVAL,
    HSTORE,
    POINT
};

static const struct {
    const char *name;
    enum family family;
} families[] = {
    {"bool", BOOLEAN},    {"bit", BIT},           {"varbit", TEXT},   {"int2", INTEGER},       {"int4", INTEGER},
    {"int8", INTEGER},    {"oid", INTEGER},       {"float4", SINGLE}, {"float8", DOUBLE},      {"numeric", NUMERIC},
    {"money", NUMERIC},   {"text", TEXT},         {"varchar", TEXT},  {"bpchar", TEXT},        {"char", TEXT},
    {"name", TEXT},       {"citext", TEXT},       {"xml", TEXT},      {"ltree", TEXT},         {"tsvector", TEXT},
    {"cidr", TEXT},       {"macaddr", TEXT},      {"macaddr8", TEXT}, {"isbn", TEXT},          {"isbn13", TEXT},
    {"issn", TEXT},       {"ean13", TEXT},        {"geometry", TEXT}, {"geography", TEXT},     {"inet", INET},
    {"uuid", UUID},       {"json", JSON},         {"jsonb", JSON},    {"bytea", BYTES},        {"date", DATE},
    {"timestamp", STAMP}, {"timestamptz", STAMP}, {"time", CLOCK},    {"timetz", ZONED_CLOCK}, {"interval", INTERVAL},
    {"hstore", HSTORE},   {"point", POINT},
};

static enum family family_of(const struct pair_source *source)
{
    if (source->kind == 'e' || source->kind == 'r')
        return TEXT;
    if (source->kind != 'b')
        return OTHER;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(families); i++)
        if (strcmp(families[i].name, source->type) == 0)
            return families[i].family;
    return OTHER;
}

static bool is_string(const struct sluice_type *target)
{
    return target->kind == SLUICE_TYPE_STRING || target->kind == SLUICE_TYPE_FIXED_STRING;
}

/* ---- ranges of the target's times (docs/types.md, "Out of range") ---- */

#define LAST_US (INT64_C(86400000000) - 1)

/* The last tick of a column with that many digits within a second, at most `us` into its day. */
static struct canon_moment last_tick(int64_t day, int64_t us, unsigned digits)
{
    int64_t unit = 1;
    for (unsigned i = digits; i < 6; i++)
        unit *= 10;
    return (struct canon_moment){day, us - us % unit};
}

static void set_range(struct canon *canon, const struct sluice_type *target)
{
    enum { DAY_1900 = -25567, DAY_2299 = 120529, DAY_2149 = 65535, DAY_2106 = 49710, DAY_2262 = 106751 };
    unsigned digits = target->kind == SLUICE_TYPE_DATETIME64 ? target->precision : 0;
    canon->has_range = true;
    canon->first = (struct canon_moment){DAY_1900, 0};
    canon->digits = digits;
    switch (target->kind) {
    case SLUICE_TYPE_DATE:
        canon->first.day = 0;
        canon->last = (struct canon_moment){DAY_2149, 0};
        return;
    case SLUICE_TYPE_DATE32:
        canon->last = (struct canon_moment){DAY_2299, 0};
        return;
    case SLUICE_TYPE_DATETIME:
        canon->first.day = 0;
        canon->last = (struct canon_moment){DAY_2106, INT64_C(23295000000)}; /* 06:28:15 */
        return;
    default:
        canon->last = digits < 9 ? last_tick(DAY_2299, LAST_US, digits)
                                 : (struct canon_moment){DAY_2262, INT64_C(85636854775)}; /* 23:47:16.854775 */
        return;
    }
}

/* ---- one family each; NULL, or why not ---- */

static const char *choose_number(const struct pair_source *source, enum family family, const struct sluice_type *target,
                                 struct canon *canon)
{
    bool is_lossless = family == INTEGER || family == NUMERIC;
    canon->is_single = family == SINGLE;
    (void)source;
    switch (target->kind) {
    case SLUICE_TYPE_INT:
    case SLUICE_TYPE_DECIMAL:
    case SLUICE_TYPE_STRING:
        canon->kind = CANON_NUMBER;
        return is_lossless ? NULL : no_pair;
    case SLUICE_TYPE_FLOAT:
        canon->kind = target->bits == 32 ? CANON_FLOAT32 : CANON_FLOAT64;
        return target->bits == 32 && family == DOUBLE ? no_pair : NULL;
    default:
        return no_pair;
    }
}

static const char *choose_text(const struct sluice_type *target, struct canon *canon)
{
    canon->kind = CANON_TEXT;
    canon->length = target->kind == SLUICE_TYPE_FIXED_STRING ? target->length : 0;
    return is_string(target) || target->kind == SLUICE_TYPE_ENUM ? NULL : no_pair;
}

static const char *choose_bytes(const struct pair_source *source, const struct sluice_type *target,
                                const struct sluice_column_settings *settings, struct canon *canon)
{
    canon->kind = CANON_BYTES;
    canon->bin = settings->binary;
    canon->length = target->kind == SLUICE_TYPE_FIXED_STRING ? target->length : 0;
    if (source->sent == SLUICE_SOURCE_STRING)
        return "the connector sends these bytes as a text of its own (binary.handling.mode)";
    return is_string(target) ? NULL : no_pair;
}

static const char *choose_moment(const struct sluice_type *target, enum sluice_range policy, struct canon *canon)
{
    canon->kind = CANON_MOMENT;
    canon->digits = 9;
    switch (target->kind) {
    case SLUICE_TYPE_STRING:
        return policy == SLUICE_RANGE_REJECT ? NULL : "on_out_of_range of a text";
    case SLUICE_TYPE_DATE:
    case SLUICE_TYPE_DATE32:
    case SLUICE_TYPE_DATETIME:
    case SLUICE_TYPE_DATETIME64:
        set_range(canon, target);
        return NULL;
    default:
        return no_pair;
    }
}

static const char *choose_clock(const struct sluice_type *target, struct canon *canon)
{
    canon->kind = CANON_CLOCK;
    canon->digits = 9;
    return target->kind == SLUICE_TYPE_TIME || target->kind == SLUICE_TYPE_TIME64 ||
                   target->kind == SLUICE_TYPE_STRING || target->kind == SLUICE_TYPE_INT
               ? NULL
               : no_pair;
}

static const char *choose_interval(const struct sluice_type *target, struct canon *canon)
{
    canon->kind = target->kind == SLUICE_TYPE_INT ? CANON_DURATION : CANON_PARTS;
    return target->kind == SLUICE_TYPE_INT || target->kind == SLUICE_TYPE_STRING ? NULL : no_pair;
}

static const char *choose_scalar(const struct pair_source *source, const struct sluice_type *target,
                                 const struct sluice_column_settings *settings, struct canon *canon)
{
    enum family family = family_of(source);
    switch (family) {
    case BOOLEAN:
        canon->kind = CANON_BOOL;
        return target->kind == SLUICE_TYPE_BOOL || target->kind == SLUICE_TYPE_INT ? NULL : no_pair;
    case BIT:
        if (target->kind == SLUICE_TYPE_STRING)
            return choose_text(target, canon);
        canon->kind = CANON_BOOL;
        return source->modifier == 1 && (target->kind == SLUICE_TYPE_BOOL || target->kind == SLUICE_TYPE_INT) ? NULL
                                                                                                              : no_pair;
    case INTEGER:
    case SINGLE:
    case DOUBLE:
    case NUMERIC:
        return choose_number(source, family, target, canon);
    case INET:
        canon->kind = CANON_ADDRESS;
        return target->kind == SLUICE_TYPE_IPV4 || target->kind == SLUICE_TYPE_IPV6 ? NULL : choose_text(target, canon);
    case UUID:
        canon->kind = CANON_TEXT;
        return target->kind == SLUICE_TYPE_UUID ? NULL : choose_text(target, canon);
    case TEXT:
    case JSON:
        return choose_text(target, canon);
    case BYTES:
        return choose_bytes(source, target, settings, canon);
    case DATE:
    case STAMP:
        return choose_moment(target, settings->on_out_of_range, canon);
    case CLOCK:
        return choose_clock(target, canon);
    case ZONED_CLOCK:
        canon->kind = CANON_ZONED_CLOCK;
        canon->digits = 9;
        return target->kind == SLUICE_TYPE_STRING ? NULL : no_pair;
    case INTERVAL:
        return choose_interval(target, canon);
    case HSTORE:
        canon->kind = CANON_MAP;
        canon->null_is_empty = target->kind == SLUICE_TYPE_MAP;
        return target->kind == SLUICE_TYPE_STRING || target->kind == SLUICE_TYPE_MAP ? NULL : no_pair;
    case POINT:
        canon->kind = CANON_POINT;
        canon->null_is_empty = true;
        return target->kind == SLUICE_TYPE_TUPLE && target->n_items == 2 && !target->nullable ? NULL : no_pair;
    case OTHER:
        break;
    }
    return no_pair;
}

/* Where a policy other than reject writes something else than the source has, only times know what. */
static const char *check_policy(const struct pair_source *source, const struct sluice_type *target,
                                const struct sluice_column_settings *settings, const struct canon *canon)
{
    enum family family = family_of(source);
    if (settings->on_out_of_range == SLUICE_RANGE_REJECT || canon->kind == CANON_MOMENT)
        return NULL;
    bool may_change = (canon->kind == CANON_NUMBER && target->kind == SLUICE_TYPE_INT &&
                       (family == NUMERIC || !target->is_signed || target->bits < 64)) ||
                      (canon->kind == CANON_NUMBER && target->kind == SLUICE_TYPE_DECIMAL) ||
                      target->kind == SLUICE_TYPE_FIXED_STRING || target->kind == SLUICE_TYPE_TIME ||
                      target->kind == SLUICE_TYPE_TIME64 || (target->kind == SLUICE_TYPE_FLOAT && family == NUMERIC);
    return may_change ? "on_out_of_range may have changed values of this type" : NULL;
}

enum sluice_code pair_choose(struct sluice_arena *arena, const struct pair_source *source,
                             const struct sluice_type *target, const struct sluice_column_settings *settings,
                             struct canon *canon, const char **reason, struct sluice_error *err)
{
    *canon = (struct canon){.policy = settings->on_out_of_range, .digits = 9};
    *reason = no_pair;
    if (settings->transform != SLUICE_TRANSFORM_NONE) {
        *reason = "a transform of its rule changes its values";
        return SLUICE_OK;
    }
    if (target == NULL || (source->is_array && target->kind != SLUICE_TYPE_ARRAY))
        return SLUICE_OK;
    const struct sluice_type *inner = source->is_array ? &target->items[0] : target;
    struct pair_source element = *source;
    if (source->is_array)
        element.sent = SLUICE_SOURCE_UNTYPED;
    struct canon *made = canon;
    if (source->is_array) {
        made = sluice_arena_alloc(arena, sizeof *made, err);
        if (made == NULL)
            return err->code;
        *made = *canon;
        *canon = (struct canon){.kind = CANON_ARRAY, .null_is_empty = true, .element = made};
    }
    *reason = choose_scalar(&element, inner, settings, made);
    if (*reason == NULL && source->is_array && made->kind == CANON_BYTES) {
        *reason = settings->binary == SLUICE_BINARY_RAW ? NULL : "elements with `binary` of a rule";
        made->bin = SLUICE_BINARY_HEX; /* as pair_expression() asks for them */
    }
    if (*reason == NULL)
        *reason = check_policy(&element, inner, settings, made);
    return SLUICE_OK;
}

/* ---- what ClickHouse selects ---- */

static bool is_stamp(const struct sluice_type *target)
{
    return target->kind == SLUICE_TYPE_DATETIME || target->kind == SLUICE_TYPE_DATETIME64;
}

/* JSON takes no bytes that are not UTF-8, so those go as hexadecimal digits. */
static const char *element_format(const struct canon *canon, const struct sluice_type *target)
{
    if (canon->kind == CANON_BYTES)
        return "hex(x)";
    return is_stamp(target) ? "toString(toTimeZone(x, 'UTC'))" : "toString(x)";
}

enum sluice_code pair_expression(const struct canon *canon, const struct sluice_type *target, const char *column,
                                 struct sluice_buf *sql, struct sluice_error *err)
{
    const char *before = "";
    const char *behind = "";
    enum sluice_code code = SLUICE_OK;
    if (canon->kind == CANON_ARRAY) {
        code = sluice_buf_printf(sql, err, "toJSONString(arrayMap(x -> %s, ",
                                 element_format(canon->element, &target->items[0]));
        behind = "))";
    } else if (canon->kind == CANON_MAP && target->kind == SLUICE_TYPE_MAP) {
        before = "toJSONString(";
        behind = ")";
    } else if (is_stamp(target)) {
        before = "toTimeZone(";
        behind = ", 'UTC')";
    }
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, before, err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, column, err);
    return code == SLUICE_OK ? sluice_buf_append_z(sql, behind, err) : code;
}
