/* calendar.h - days and instants of the proleptic Gregorian calendar, UTC, without libc's time zones. */
#ifndef SLUICE_TABLE_CALENDAR_H
#define SLUICE_TABLE_CALENDAR_H

#include "base/str.h"

/* Days since 1970-01-01. Any year; month 1..12 and day 1..31 are the caller's to check. */
int64_t calendar_days(int64_t year, unsigned month, unsigned day);

struct calendar_date {
    int64_t year;
    unsigned month;
    unsigned day;
};

/* The other way round. */
struct calendar_date calendar_date(int64_t days);

struct calendar_instant {
    int64_t seconds; /* since 1970-01-01T00:00:00Z */
    uint32_t nanos;  /* 0..999999999, always forward */
};

enum calendar_reading {
    CALENDAR_OK,
    CALENDAR_MALFORMED,
    CALENDAR_FAR /* well-formed with a year beyond 9999 or before 1 */
};

/* "2020-04-01T11:51:02.000000Z" with 0 to 9 digits of fraction, as io.debezium.time.ZonedTimestamp writes it. */
enum calendar_reading calendar_parse(struct sluice_str text, struct calendar_instant *out);

/* "2017-09-15Z", as io.debezium.time.IsoDate writes it: any year of up to nine digits, days since 1970-01-01. */
bool calendar_parse_date(struct sluice_str text, int64_t *days);

/* "04:05:11.789Z" with 0 to 9 digits of fraction, as io.debezium.time.IsoTime writes it: the time since midnight. */
bool calendar_parse_time(struct sluice_str text, struct calendar_instant *out);

#endif
