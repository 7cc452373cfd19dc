/* ddl_default.c - see ddl_default.h. */
#include "table/ddl_default.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/base64.h"
#include "table/calendar.h"
#include "table/ddl.h"
#include "table/wide.h"

enum { MAX_DEFAULT_BYTES = 4096, MAX_DECIMAL_BYTES = 32, SECONDS_OF_DAY = 86400 };

enum { FIRST_DAY = -25567, LAST_DAY = 120529 }; /* 1900-01-01 and 2299-12-31 */

static bool is_number(const char *text)
{
    char *end;
    (void)strtod(text, &end);
    return end != text && *end == '\0' && strspn(text, "+-0123456789.eE") == strlen(text);
}

static bool is_integer(const char *text)
{
    size_t sign = *text == '-';
    return text[sign] != '\0' && strspn(text + sign, "0123456789") == strlen(text + sign);
}

/* Decimals come as base64 of the unscaled number, or as a JSON number, which may look like base64. */
static bool decimal_text(const struct sluice_source_column *column, char text[WIDE_MAX_TEXT])
{
    const struct sluice_str written = sluice_str_from(column->default_text);
    unsigned char bytes[MAX_DECIMAL_BYTES];
    struct wide w;
    if (written.len == 0 || column->scale > WIDE_MAX_SCALE)
        return false;
    if (column->default_is_number) {
        if (wide_from_number(&w, written, column->scale) != WIDE_OK)
            return false;
    } else if (base64_size(written) > sizeof bytes || !base64_decode(written, bytes) ||
               !wide_from_bytes(&w, bytes, base64_size(written))) {
        return false;
    }
    text[wide_text(&w, column->scale, text)] = '\0';
    return true;
}

static enum sluice_code append_decimal(const struct sluice_source_column *column, struct sluice_buf *sql,
                                       struct sluice_error *err)
{
    char text[WIDE_MAX_TEXT + 1];
    return decimal_text(column, text) ? sluice_buf_printf(sql, err, " DEFAULT '%s'", text) : SLUICE_OK;
}

/* A day, or ticks of 1 / `per_day` of one, that the column shows unchanged: 1900 to 2299. "infinity" is none. */
static bool is_in_range(const char *text, int64_t per_day)
{
    char *end;
    errno = 0;
    const int64_t ticks = strtoll(text, &end, 10);
    return is_integer(text) && errno == 0 && ticks != INT64_MAX && ticks >= FIRST_DAY * per_day &&
           ticks / per_day <= LAST_DAY;
}

static enum sluice_code append_ticks(const struct sluice_source_column *column, const char *function,
                                     int64_t per_second, struct sluice_buf *sql, struct sluice_error *err)
{
    if (!is_in_range(column->default_text, SECONDS_OF_DAY * per_second))
        return SLUICE_OK;
    return sluice_buf_printf(sql, err, " DEFAULT fromUnixTimestamp64%s(%s, 'UTC')", function, column->default_text);
}

/* Up to 24:00:00, with as many digits as text columns get. */
static enum sluice_code append_time(const struct sluice_source_column *column, unsigned digits, struct sluice_buf *sql,
                                    struct sluice_error *err)
{
    const int64_t ticks_per_s = digits == 3 ? 1000 : digits == 6 ? 1000000 : 1000000000;
    const int64_t ticks = is_integer(column->default_text) ? strtoll(column->default_text, NULL, 10) : -1;
    const int64_t s = ticks / ticks_per_s;
    if (ticks < 0 || s > SECONDS_OF_DAY)
        return SLUICE_OK;
    return sluice_buf_printf(sql, err, " DEFAULT '%02d:%02d:%02d.%0*" PRId64 "'", (int)(s / 3600), (int)(s / 60 % 60),
                             (int)(s % 60), (int)digits, ticks % ticks_per_s);
}

static enum sluice_code append_instant(const struct sluice_source_column *column, struct sluice_buf *sql,
                                       struct sluice_error *err)
{
    struct calendar_instant instant;
    if (calendar_parse(sluice_str_from(column->default_text), &instant) != CALENDAR_OK ||
        instant.seconds < (int64_t)FIRST_DAY * SECONDS_OF_DAY ||
        instant.seconds >= (LAST_DAY + INT64_C(1)) * SECONDS_OF_DAY)
        return SLUICE_OK;
    return sluice_buf_printf(sql, err, " DEFAULT parseDateTime64BestEffort('%s', 6, 'UTC')", column->default_text);
}

static enum sluice_code append_bytes(const struct sluice_source_column *column, struct sluice_buf *sql,
                                     struct sluice_error *err)
{
    unsigned char bytes[MAX_DEFAULT_BYTES];
    const struct sluice_str written = sluice_str_from(column->default_text);
    if (base64_size(written) > sizeof bytes || !base64_decode(written, bytes))
        return SLUICE_OK;
    enum sluice_code code = sluice_buf_append_z(sql, " DEFAULT unhex('", err);
    for (size_t i = 0; i < base64_size(written) && code == SLUICE_OK; i++)
        code = sluice_buf_printf(sql, err, "%02X", bytes[i]);
    return code != SLUICE_OK ? code : sluice_buf_append_z(sql, "')", err);
}

static enum sluice_code append_text(const struct sluice_source_column *column, struct sluice_buf *sql,
                                    struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, " DEFAULT ", err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_text(sql, sluice_str_from(column->default_text), err);
}

enum sluice_code ddl_default_append(const struct sluice_source_column *column, struct sluice_buf *sql,
                                    struct sluice_error *err)
{
    const char *text = column->default_text;
    if (text == NULL || strlen(text) > MAX_DEFAULT_BYTES)
        return SLUICE_OK;
    switch (column->type) {
    case SLUICE_SOURCE_BOOLEAN:
        return sluice_buf_printf(sql, err, " DEFAULT %s", strcmp(text, "true") == 0 ? "true" : "false");
    case SLUICE_SOURCE_INT8:
    case SLUICE_SOURCE_INT16:
    case SLUICE_SOURCE_INT32:
    case SLUICE_SOURCE_INT64:
    case SLUICE_SOURCE_DURATION:
        return is_integer(text) ? sluice_buf_printf(sql, err, " DEFAULT %s", text) : SLUICE_OK;
    case SLUICE_SOURCE_FLOAT32:
    case SLUICE_SOURCE_FLOAT64:
        return is_number(text) ? sluice_buf_printf(sql, err, " DEFAULT %s", text) : SLUICE_OK;
    case SLUICE_SOURCE_DECIMAL:
        return append_decimal(column, sql, err);
    case SLUICE_SOURCE_STRING:
    case SLUICE_SOURCE_UUID:
    case SLUICE_SOURCE_JSON:
    case SLUICE_SOURCE_ENUM:
    case SLUICE_SOURCE_ZONED_TIME:
    case SLUICE_SOURCE_INTERVAL:
        return append_text(column, sql, err);
    case SLUICE_SOURCE_BYTES:
        return append_bytes(column, sql, err);
    case SLUICE_SOURCE_TIME_MS:
        return append_time(column, 3, sql, err);
    case SLUICE_SOURCE_TIME_US:
        return append_time(column, 6, sql, err);
    case SLUICE_SOURCE_TIME_NS:
        return append_time(column, 9, sql, err);
    case SLUICE_SOURCE_ZONED_TIMESTAMP:
    case SLUICE_SOURCE_ISO_TIMESTAMP:
        return append_instant(column, sql, err);
    case SLUICE_SOURCE_DATE:
        return is_in_range(text, 1) ? sluice_buf_printf(sql, err, " DEFAULT toDate32('1970-01-01') + %s", text)
                                    : SLUICE_OK;
    case SLUICE_SOURCE_TIMESTAMP_MS:
        return append_ticks(column, "Milli", 1000, sql, err);
    case SLUICE_SOURCE_TIMESTAMP_US:
        return append_ticks(column, "Micro", 1000000, sql, err);
    case SLUICE_SOURCE_TIMESTAMP_NS:
        return append_ticks(column, "Nano", 1000000000, sql, err);
    case SLUICE_SOURCE_ARRAY:
        return strcmp(text, "[]") == 0 ? sluice_buf_append_z(sql, " DEFAULT []", err) : SLUICE_OK;
    default:
        return SLUICE_OK;
    }
}

/* 0, 00:00:00Z, 1970-01-01T00:00:00Z. */
static bool says_zero(const char *text)
{
    if (strncmp(text, "1970-01-01", 10) == 0)
        text += 10;
    return strspn(text, "0:.TZ") == strlen(text);
}

bool ddl_default_is_known(const struct sluice_source_column *column)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 8 * MAX_DEFAULT_BYTES, "a default");
    if (column->type >= SLUICE_SOURCE_DATE && column->type <= SLUICE_SOURCE_ISO_TIMESTAMP &&
        column->default_text != NULL && says_zero(column->default_text))
        return false;
    return ddl_default_append(column, &sql, &err) == SLUICE_OK && sql.len > 0;
}
