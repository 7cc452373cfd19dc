/* convert_time.c - dates, times of day and timestamps; see convert.h.
 *
 * `min` and `max` bound the value in the source's unit, `factor` and `divisor` take it to the target's. The ranges are
 * those that every supported server version shows unchanged: Date32 and DateTime64 from 1900 to 2299 (servers before
 * 26.7 clamp beyond), DateTime64(9) up to where its 64 bits end, Date and DateTime what their width holds, Time and
 * Time64 a thousand hours, and text the years 1 to 9999.
 */
#include "table/convert.h"

#include <inttypes.h>
#include <stdio.h>

#include "table/calendar.h"

#define SECONDS_1900 INT64_C(-2208988800)
#define SECONDS_2300 INT64_C(10413792000)

#define SECONDS_YEAR_1     INT64_C(-62135596800)
#define SECONDS_YEAR_10000 INT64_C(253402300800)

/* 4714-11-24 BC, where PostgreSQL's timestamps begin, in microseconds. */
#define MICROS_FIRST INT64_C(-210866803200000000)

enum { DAYS_1900 = -25567, DAYS_2300 = 120530, SECONDS_1000_HOURS = 3600000, SECONDS_DAY = 86400 };

/* PostgreSQL's infinities as Debezium writes them (Debezium source, PostgresValueConverter and pgjdbc's constants): 1,
 * -1, or 0 for a finite value. The two forms of a date are of stream and snapshot; the latter may shift by a day with
 * the JVM's zone. */
static int infinity_of_date(int64_t days)
{
    if (days == -2147472692 || (days >= -622191235 && days <= -622191233))
        return 1;
    return days == -2147472691 || (days >= -625821273 && days <= -625821271) ? -1 : 0;
}

static int infinity_of_ticks(int64_t ticks)
{
    if (ticks == INT64_C(9223372036825200000) || ticks == INT64_C(9223372036825200) || ticks == INT64_MAX)
        return 1;
    return ticks == INT64_C(-9223372036832400000) || ticks == INT64_C(-9223372036832400) || ticks == INT64_MIN ? -1 : 0;
}

static unsigned char *far_away(const struct convert *self, enum convert_side side, int infinity, unsigned char *at,
                               struct sluice_error *err)
{
    if (infinity > 0)
        return convert_infinite(self, CONVERT_ABOVE, "\"infinity\" is out of the range of the column", at, err);
    if (infinity < 0)
        return convert_infinite(self, CONVERT_BELOW, "\"-infinity\" is out of the range of the column", at, err);
    return convert_out_of_range(self, side, "time is out of the range of the column", at, err);
}

/* Microseconds before PostgreSQL's first timestamp are ones behind the year 294246 that overflowed in the connector
 * (observed with Debezium 3.6.1). */
static unsigned char *far_ticks(const struct convert *self, int64_t ticks, unsigned char *at, struct sluice_error *err)
{
    bool overflowed = self->source == SLUICE_SOURCE_TIMESTAMP_US && ticks < MICROS_FIRST;
    return far_away(self, ticks < self->min && !overflowed ? CONVERT_BELOW : CONVERT_ABOVE, infinity_of_ticks(ticks),
                    at, err);
}

/* False if the rest of a second is lost and must not be. */
static bool may_cut(const struct convert *self)
{
    if (!convert_may_clamp(self))
        return false;
    convert_count_clamped();
    return true;
}

static unsigned char *too_fine(const struct convert *self, unsigned char *at, struct sluice_error *err)
{
    return convert_out_of_range(self, CONVERT_NOWHERE, "time has more digits of a second than the column keeps", at,
                                err);
}

static int64_t power_of_ten(unsigned n)
{
    int64_t power = 1;
    while (n-- > 0)
        power *= 10;
    return power;
}

static unsigned char *put_days(const struct convert *self, int64_t days, unsigned char *at, struct sluice_error *err)
{
    if (SLUICE_UNLIKELY(days < self->min || days > self->max))
        return far_away(self, days < self->min ? CONVERT_BELOW : CONVERT_ABOVE, infinity_of_date(days), at, err);
    return convert_put_int(at, days, self->width);
}

static unsigned char *put_date(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    int64_t days;
    if (!convert_read_int64(value, &days))
        return convert_refuse(self, "value is not a date in days", err);
    return put_days(self, days, at, err);
}

static unsigned char *put_iso_date(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                   struct sluice_error *err)
{
    int64_t days;
    if (value->kind != SLUICE_VALUE_STRING || !calendar_parse_date(value->text, &days))
        return convert_refuse(self, "value is not a date's text", err);
    return put_days(self, days, at, err);
}

static unsigned char *put_untyped_date(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                       struct sluice_error *err)
{
    return value->kind == SLUICE_VALUE_STRING ? put_iso_date(self, value, at, err) : put_date(self, value, at, err);
}

static unsigned char *no_ticks(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                               struct sluice_error *err)
{
    if (value->kind != SLUICE_VALUE_NUMBER)
        return convert_refuse(self, "value is not a time in ticks", err);
    return far_away(self, value->text.ptr[0] == '-' ? CONVERT_BELOW : CONVERT_ABOVE, 0, at, err);
}

static int64_t floor_of(int64_t ticks, int64_t divisor)
{
    int64_t whole = ticks / divisor;
    return ticks % divisor < 0 ? whole - 1 : whole;
}

static unsigned char *put_ticks(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    int64_t ticks;
    if (SLUICE_UNLIKELY(!convert_read_int64(value, &ticks)))
        return no_ticks(self, value, at, err);
    if (SLUICE_UNLIKELY(ticks < self->min || ticks > self->max))
        return far_ticks(self, ticks, at, err);
    if (self->divisor > 1) {
        if (ticks % self->divisor != 0 && !may_cut(self))
            return too_fine(self, at, err);
        ticks = floor_of(ticks, self->divisor);
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
        return far_ticks(self, ticks, at, err);
    int64_t seconds = floor_of(ticks, self->divisor);
    int64_t fraction = ticks % self->divisor;
    fraction += fraction < 0 ? self->divisor : 0;
    int64_t clock = seconds - floor_of(seconds, SECONDS_DAY) * SECONDS_DAY;
    const struct calendar_date date = calendar_date(floor_of(seconds, SECONDS_DAY));
    int n =
        snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d:%02d.%0*" PRId64, (int)date.year, date.month, date.day,
                 (int)(clock / 3600), (int)(clock / 60 % 60), (int)(clock % 60), (int)self->factor, fraction);
    return convert_put_string((struct sluice_str){text, (size_t)n}, at);
}

/* "24:00:00.000000": PostgreSQL's time of day includes it. */
static unsigned char *put_time_text(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                    struct sluice_error *err)
{
    char text[64];
    int64_t ticks;
    if (!convert_read_int64(value, &ticks))
        return convert_refuse(self, "value is not a time in ticks", err);
    if (ticks < self->min || ticks > self->max)
        return convert_refuse(self, "value is no time of day", err);
    int64_t seconds = ticks / self->divisor;
    int n = snprintf(text, sizeof text, "%02d:%02d:%02d.%0*" PRId64, (int)(seconds / 3600), (int)(seconds / 60 % 60),
                     (int)(seconds % 60), (int)self->factor, ticks % self->divisor);
    return convert_put_string((struct sluice_str){text, (size_t)n}, at);
}

/* The first and the last second of a column's type. */
static int64_t first_second(enum sluice_type_kind kind)
{
    if (kind == SLUICE_TYPE_DATETIME)
        return 0;
    return kind == SLUICE_TYPE_DATETIME64 ? SECONDS_1900 : 1 - SECONDS_1000_HOURS;
}

static int64_t last_second(enum sluice_type_kind kind)
{
    if (kind == SLUICE_TYPE_DATETIME)
        return (int64_t)UINT32_MAX;
    return kind == SLUICE_TYPE_DATETIME64 ? SECONDS_2300 - 1 : SECONDS_1000_HOURS - 1;
}

static unsigned char *put_instant(const struct convert *self, struct calendar_instant instant, unsigned char *at,
                                  struct sluice_error *err)
{
    int64_t per_second = power_of_ten(self->type.precision);
    int64_t unit = 1000000000 / per_second;
    int64_t last = last_second(self->type.kind);
    int64_t fraction = instant.nanos / unit;
    if (instant.seconds < first_second(self->type.kind))
        return far_away(self, CONVERT_BELOW, 0, at, err);
    if (instant.seconds > last || instant.seconds > INT64_MAX / per_second ||
        (instant.seconds > 0 && fraction > INT64_MAX - instant.seconds * per_second))
        return far_away(self, CONVERT_ABOVE, 0, at, err);
    if (instant.nanos % unit != 0 && !may_cut(self))
        return too_fine(self, at, err);
    return convert_put_int(at, instant.seconds * per_second + fraction, self->width);
}

/* timestamptz, and timestamp in the mode isostring; both have ways of their own to write the infinities. */
static int infinity_of_text(struct sluice_str text)
{
    if (sluice_str_equal_z(text, "infinity") || sluice_str_equal_z(text, "+294247-01-10T04:00:25.2Z"))
        return 1;
    return sluice_str_equal_z(text, "-infinity") || sluice_str_equal_z(text, "-290308-12-21T19:59:27.6Z") ? -1 : 0;
}

static unsigned char *put_zoned(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                struct sluice_error *err)
{
    struct calendar_instant instant;
    if (value->kind != SLUICE_VALUE_STRING)
        return convert_refuse(
            self, "value is not a timestamp text; name the field's type with the option tables.source_types", err);
    switch (calendar_parse(value->text, &instant)) {
    case CALENDAR_OK:
        return put_instant(self, instant, at, err);
    case CALENDAR_FAR:
        return far_away(self, value->text.ptr[0] == '+' ? CONVERT_ABOVE : CONVERT_BELOW, infinity_of_text(value->text),
                        at, err);
    case CALENDAR_MALFORMED:
        break;
    }
    int infinity = infinity_of_text(value->text);
    return infinity != 0 ? far_away(self, CONVERT_NOWHERE, infinity, at, err)
                         : convert_refuse(self, "value is not a timestamp text", err);
}

static unsigned char *put_iso_time(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                   struct sluice_error *err)
{
    struct calendar_instant clock;
    if (value->kind != SLUICE_VALUE_STRING || !calendar_parse_time(value->text, &clock))
        return convert_refuse(self, "value is not a time's text", err);
    return put_instant(self, clock, at, err);
}

/* Schemaless: a number counts ticks of the column, which only is what Debezium writes for 3, 6 and 9 digits. */
static unsigned char *put_untyped(const struct convert *self, const struct sluice_value *value, unsigned char *at,
                                  struct sluice_error *err)
{
    bool is_clock = self->type.kind == SLUICE_TYPE_TIME || self->type.kind == SLUICE_TYPE_TIME64;
    if (value->kind != SLUICE_VALUE_NUMBER)
        return is_clock ? put_iso_time(self, value, at, err) : put_zoned(self, value, at, err);
    if (self->factor == 0)
        return convert_refuse(
            self, "the unit of a number is not known; name the field's type with the option tables.source_types", err);
    return put_ticks(self, value, at, err);
}

static void scale_ticks(unsigned digits, unsigned precision, struct convert *out)
{
    out->factor = precision > digits ? power_of_ten(precision - digits) : 1;
    out->divisor = precision < digits ? power_of_ten(digits - precision) : 1;
}

/* From ticks of 10^-digits seconds into the target's. */
static void choose_ticks(unsigned digits, struct convert *out)
{
    int64_t per_second = power_of_ten(digits);
    int64_t after_last = last_second(out->type.kind) + 1;
    out->fn = put_ticks;
    scale_ticks(digits, out->type.precision, out); /* 0 for DateTime and Time */
    out->min = first_second(out->type.kind) * per_second;
    out->max = after_last > INT64_MAX / per_second ? INT64_MAX : after_last * per_second - 1;
    if (out->max > INT64_MAX / out->factor)
        out->max = INT64_MAX / out->factor;
    /* INT64_MAX nanoseconds is how Debezium writes infinity, not an instant. */
    if (digits == 9 && out->max == INT64_MAX)
        out->max--;
}

enum { MAX_TIME_TEXT = 32 };

static void choose_timestamp_text(unsigned digits, struct convert *out)
{
    int64_t per_second = power_of_ten(digits);
    out->fn = put_timestamp_text;
    out->part_room += MAX_TIME_TEXT;
    out->factor = digits;
    out->divisor = per_second;
    /* The ends of 64 bits are how Debezium writes infinite nanoseconds. */
    out->min = SECONDS_YEAR_1 < INT64_MIN / per_second ? INT64_MIN + 1 : SECONDS_YEAR_1 * per_second;
    out->max = SECONDS_YEAR_10000 > INT64_MAX / per_second ? INT64_MAX - 1 : SECONDS_YEAR_10000 * per_second - 1;
}

static void choose_time_text(unsigned digits, struct convert *out)
{
    out->fn = put_time_text;
    out->part_room += MAX_TIME_TEXT;
    out->factor = digits;
    out->divisor = power_of_ten(digits);
    out->min = 0;
    out->max = SECONDS_DAY * out->divisor;
}

/* Microseconds, whatever the unit of the source. */
static void choose_time_number(unsigned digits, struct convert *out)
{
    out->fn = put_ticks;
    scale_ticks(digits, 6, out);
    out->min = 0;
    out->max = SECONDS_DAY * power_of_ten(digits);
}

static void choose_date(enum sluice_source_type source, struct convert *out)
{
    bool narrow = out->type.kind == SLUICE_TYPE_DATE;
    if (source == SLUICE_SOURCE_DATE)
        out->fn = put_date;
    else if (source == SLUICE_SOURCE_ISO_DATE)
        out->fn = put_iso_date;
    else if (source == SLUICE_SOURCE_UNTYPED)
        out->fn = put_untyped_date;
    out->min = narrow ? 0 : DAYS_1900;
    out->max = narrow ? UINT16_MAX : DAYS_2300 - 1;
}

/* Digits of a second in the unit of a timestamp; 0 for other sources. */
static unsigned timestamp_digits(enum sluice_source_type source)
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

static unsigned time_digits(enum sluice_source_type source)
{
    switch (source) {
    case SLUICE_SOURCE_TIME_MS:
        return 3;
    case SLUICE_SOURCE_TIME_US:
        return 6;
    case SLUICE_SOURCE_TIME_NS:
        return 9;
    default:
        return 0;
    }
}

static void choose_untyped(struct convert *out)
{
    unsigned precision = out->type.precision;
    if (precision == 3 || precision == 6 || precision == 9)
        choose_ticks(precision, out);
    out->fn = put_untyped;
}

static void choose_timestamp(enum sluice_source_type source, struct convert *out)
{
    if (timestamp_digits(source) != 0)
        choose_ticks(timestamp_digits(source), out);
    else if (source == SLUICE_SOURCE_ZONED_TIMESTAMP || source == SLUICE_SOURCE_ISO_TIMESTAMP)
        out->fn = put_zoned;
    else if (source == SLUICE_SOURCE_UNTYPED)
        choose_untyped(out);
}

static void choose_time(enum sluice_source_type source, struct convert *out)
{
    if (time_digits(source) != 0)
        choose_ticks(time_digits(source), out);
    else if (source == SLUICE_SOURCE_ISO_TIME)
        out->fn = put_iso_time;
    else if (source == SLUICE_SOURCE_UNTYPED)
        choose_untyped(out);
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
    case SLUICE_TYPE_TIME:
    case SLUICE_TYPE_TIME64:
        choose_time(column->type, out);
        break;
    case SLUICE_TYPE_STRING:
        if (timestamp_digits(column->type) != 0)
            choose_timestamp_text(timestamp_digits(column->type), out);
        else if (time_digits(column->type) != 0)
            choose_time_text(time_digits(column->type), out);
        break;
    case SLUICE_TYPE_INT:
        if (time_digits(column->type) != 0 && out->type.bits >= 64)
            choose_time_number(time_digits(column->type), out);
        break;
    default:
        break;
    }
}

static unsigned char *put_text_limit(const struct convert *self, bool above, unsigned char *at)
{
    static const char first[] = "0001-01-01 00:00:00.000000000";
    static const char last[] = "9999-12-31 23:59:59.999999999";
    size_t n = sizeof "0001-01-01 00:00:00." - 1 + timestamp_digits(self->source);
    if (timestamp_digits(self->source) == 0)
        return NULL;
    return convert_put_string((struct sluice_str){above ? last : first, n}, at);
}

unsigned char *convert_put_time_limit(const struct convert *self, bool above, unsigned char *at)
{
    enum sluice_type_kind kind = self->type.kind;
    int64_t per_second = power_of_ten(self->type.precision);
    int64_t limit;
    if (kind == SLUICE_TYPE_STRING)
        return put_text_limit(self, above, at);
    if (kind == SLUICE_TYPE_DATE || kind == SLUICE_TYPE_DATE32)
        limit = above ? self->max : self->min;
    else if (!above)
        limit = first_second(kind) * per_second;
    else if (last_second(kind) >= INT64_MAX / per_second)
        limit = INT64_MAX;
    else
        limit = (last_second(kind) + 1) * per_second - 1;
    return convert_put_int(at, limit, self->width);
}
