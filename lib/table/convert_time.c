/* convert_time.c - dates and timestamps; see convert.h.
 *
 * `min` and `max` bound the value in the source's unit, `factor` and `divisor` take it to the target's. The ranges are
 * those that every supported server version shows unchanged: Date32 and DateTime64 from 1900 to 2299 (servers before
 * 26.7 clamp beyond), DateTime64(9) up to where its 64 bits end, Date and DateTime what their width holds, and text
 * the years 1 to 9999.
 */
#include "table/convert.h"

#include <inttypes.h>
#include <stdio.h>

#include "table/calendar.h"

#define SECONDS_1900 INT64_C(-2208988800)
#define SECONDS_2300 INT64_C(10413792000)

#define SECONDS_YEAR_1     INT64_C(-62135596800)
#define SECONDS_YEAR_10000 INT64_C(253402300800)

enum { DAYS_1900 = -25567, DAYS_2300 = 120530 };

/* PostgreSQL's infinities as Debezium writes them (Debezium source, PostgresValueConverter and pgjdbc's constants). The
 * two forms of a date are of stream and snapshot; the latter may shift by a day with the JVM's zone. */
static const char *infinity_of_date(int64_t days)
{
    if (days == -2147472692 || (days >= -622191235 && days <= -622191233))
        return "infinity";
    if (days == -2147472691 || (days >= -625821273 && days <= -625821271))
        return "-infinity";
    return NULL;
}

static const char *infinity_of_ticks(int64_t ticks)
{
    if (ticks == INT64_C(9223372036825200000) || ticks == INT64_C(9223372036825200) || ticks == INT64_MAX)
        return "infinity";
    if (ticks == INT64_C(-9223372036832400000) || ticks == INT64_C(-9223372036832400) || ticks == INT64_MIN)
        return "-infinity";
    return NULL;
}

static unsigned char *refuse_range(const struct convert *self, const char *infinity, struct sluice_error *err)
{
    if (infinity == NULL)
        return convert_refuse(self, "time is out of the range of the column", err);
    (void)sluice_error_set(err, SLUICE_E_VALUE, SLUICE_REJECT,
                           "\"%s\" is out of the range of the column (column type %s)", infinity, self->type_text);
    return NULL;
}

static int64_t power_of_ten(unsigned n)
{
    int64_t power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

static unsigned char *put_date(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    int64_t days;
    if (!convert_read_int64(value, &days))
        return convert_refuse(self, "value is not a date in days", err);
    if (days < self->min || days > self->max)
        return refuse_range(self, infinity_of_date(days), err);
    return convert_put_int(at, days, self->width);
}

static unsigned char *put_ticks(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    int64_t ticks;
    if (SLUICE_UNLIKELY(!convert_read_int64(value, &ticks))) {
        bool is_number = value->kind == SLUICE_VALUE_NUMBER;
        return is_number ? refuse_range(self, NULL, err) : convert_refuse(self, "value is not a time in ticks", err);
    }
    if (SLUICE_UNLIKELY(ticks < self->min || ticks > self->max))
        return refuse_range(self, infinity_of_ticks(ticks), err);
    if (self->divisor > 1) {
        if (ticks % self->divisor != 0)
            return convert_refuse(self, "time has more digits of a second than the column keeps", err);
        ticks /= self->divisor;
    }
    return convert_put_int(at, ticks * self->factor, self->width);
}

/* "2024-02-29 21:59:59.123456", with the digits of the source's unit; `divisor` is ticks per second, `factor` their
 * digits. */
static unsigned char *put_timestamp_text(const struct convert *self, const struct sluice_value *value,
                                         unsigned char *at, struct sluice_error *err)
{
    char text[64];
    int64_t ticks;
    if (!convert_read_int64(value, &ticks))
        return convert_refuse(self, "value is not a time in ticks", err);
    if (ticks < self->min || ticks > self->max)
        return refuse_range(self, infinity_of_ticks(ticks), err);
    int64_t fraction = ticks % self->divisor;
    int64_t seconds = ticks / self->divisor;
    if (fraction < 0) {
        fraction += self->divisor;
        seconds--;
    }
    int64_t clock = seconds % 86400 < 0 ? seconds % 86400 + 86400 : seconds % 86400;
    const struct calendar_date date = calendar_date((seconds - clock) / 86400);
    int n =
        snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d.%0*" PRId64, (int)date.year, date.month, date.day,
                 (int)(clock / 3600), (int)(clock / 60 % 60), (int)(clock % 60), (int)self->factor, fraction);
    return convert_put_string((struct sluice_str){text, (size_t)n}, at);
}

static unsigned char *put_instant(const struct convert *self, struct calendar_instant instant, unsigned char *at,
                                  struct sluice_error *err)
{
    bool narrow = self->type.kind == SLUICE_TYPE_DATETIME;
    int64_t per_second = power_of_ten(self->type.precision);
    int64_t unit = 1000000000 / per_second;
    int64_t first = narrow ? 0 : SECONDS_1900;
    int64_t last = narrow ? (int64_t)UINT32_MAX : SECONDS_2300 - 1;
    int64_t fraction = instant.nanos / unit;
    if (instant.seconds < first || instant.seconds > last || instant.seconds > INT64_MAX / per_second ||
        (instant.seconds > 0 && fraction > INT64_MAX - instant.seconds * per_second))
        return refuse_range(self, NULL, err);
    if (instant.nanos % unit != 0)
        return convert_refuse(self, "time has more digits of a second than the column keeps", err);
    return convert_put_int(at, instant.seconds * per_second + fraction, self->width);
}

static unsigned char *put_zoned(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    struct calendar_instant instant;
    if (value->kind != SLUICE_VALUE_STRING)
        return convert_refuse(
            self, "value is not a timestamp text; name the field's type with the option tables.source_types", err);
    if (sluice_str_equal_z(value->text, "infinity") || sluice_str_equal_z(value->text, "-infinity"))
        return refuse_range(self, value->text.ptr[0] == '-' ? "-infinity" : "infinity", err);
    switch (calendar_parse(value->text, &instant)) {
    case CALENDAR_MALFORMED:
        return convert_refuse(self, "value is not a timestamp text", err);
    case CALENDAR_FAR:
        return refuse_range(self, NULL, err);
    case CALENDAR_OK:
        break;
    }
    return put_instant(self, instant, at, err);
}

/* Schemaless: a number counts ticks of the column, which only is what Debezium writes for 3, 6 and 9 digits. */
static unsigned char *put_untyped(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                  struct sluice_error *err)
{
    if (value->kind != SLUICE_VALUE_NUMBER)
        return put_zoned(self, value, at, err);
    if (self->factor == 0)
        return convert_refuse(
            self, "the unit of a number is not known; name the field's type with the option tables.source_types", err);
    return put_ticks(self, value, at, err);
}

/* From ticks of 10^-digits seconds into the target's. */
static void choose_ticks(unsigned digits, struct convert *out)
{
    unsigned precision = out->type.precision; /* 0 for DateTime */
    int64_t per_second = power_of_ten(digits);
    bool narrow = out->type.kind == SLUICE_TYPE_DATETIME;
    int64_t after_last = narrow ? (int64_t)UINT32_MAX + 1 : SECONDS_2300;
    out->fn = put_ticks;
    out->factor = precision > digits ? power_of_ten(precision - digits) : 1;
    out->divisor = precision < digits ? power_of_ten(digits - precision) : 1;
    out->min = narrow ? 0 : SECONDS_1900 * per_second;
    out->max = after_last > INT64_MAX / per_second ? INT64_MAX : after_last * per_second - 1;
    if (out->max > INT64_MAX / out->factor)
        out->max = INT64_MAX / out->factor;
    /* INT64_MAX nanoseconds is how Debezium writes infinity, not an instant. */
    if (digits == 9 && out->max == INT64_MAX)
        out->max--;
}

static void choose_timestamp_text(unsigned digits, struct convert *out)
{
    int64_t per_second = power_of_ten(digits);
    out->fn = put_timestamp_text;
    out->factor = digits;
    out->divisor = per_second;
    /* The ends of 64 bits are how Debezium writes infinite nanoseconds. */
    out->min = SECONDS_YEAR_1 < INT64_MIN / per_second ? INT64_MIN + 1 : SECONDS_YEAR_1 * per_second;
    out->max = SECONDS_YEAR_10000 > INT64_MAX / per_second ? INT64_MAX - 1 : SECONDS_YEAR_10000 * per_second - 1;
}

static void choose_date(enum sluice_source_type source, struct convert *out)
{
    bool narrow = out->type.kind == SLUICE_TYPE_DATE;
    if (source != SLUICE_SOURCE_DATE && source != SLUICE_SOURCE_UNTYPED)
        return;
    out->fn = put_date;
    out->min = narrow ? 0 : DAYS_1900;
    out->max = narrow ? UINT16_MAX : DAYS_2300 - 1;
}

/* Digits of a second in the unit of a timestamp; 0 for other sources. */
static unsigned digits_of(enum sluice_source_type source)
{
    switch (source) {
    case SLUICE_SOURCE_TIMESTAMP_MS:
        return 3;
    case SLUICE_SOURCE_TIMESTAMP_US:
        return 6;
    case SLUICE_SOURCE_TIMESTAMP_NS:
        return 9;
    default:
        return 0;
    }
}

static void choose_timestamp(enum sluice_source_type source, struct convert *out)
{
    unsigned precision = out->type.precision;
    if (digits_of(source) != 0) {
        choose_ticks(digits_of(source), out);
    } else if (source == SLUICE_SOURCE_ZONED_TIMESTAMP) {
        out->fn = put_zoned;
    } else if (source == SLUICE_SOURCE_UNTYPED) {
        if (precision == 3 || precision == 6 || precision == 9)
            choose_ticks(precision, out);
        out->fn = put_untyped;
    }
}

void convert_choose_time(const struct sluice_source_column *column, struct convert *out)
{
    switch (out->type.kind) {
    case SLUICE_TYPE_DATE:
    case SLUICE_TYPE_DATE32:
        choose_date(column->type, out);
        break;
    case SLUICE_TYPE_DATETIME:
    case SLUICE_TYPE_DATETIME64:
        choose_timestamp(column->type, out);
        break;
    case SLUICE_TYPE_STRING:
        if (digits_of(column->type) != 0)
            choose_timestamp_text(digits_of(column->type), out);
        break;
    case SLUICE_TYPE_BOOL:
    case SLUICE_TYPE_INT:
    case SLUICE_TYPE_FLOAT:
    case SLUICE_TYPE_DECIMAL:
    case SLUICE_TYPE_FIXED_STRING:
    case SLUICE_TYPE_UUID:
    case SLUICE_TYPE_ENUM:
        break;
    }
}
