/* calendar.c - see calendar.h. */
#include "table/calendar.h"

int64_t calendar_days(int64_t year, unsigned month, unsigned day)
{
    /* Years that begin in March, in eras of 400 of them: leap days then come at the end of a year. */
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

struct calendar_date calendar_date(int64_t days)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * day_of_year + 2) / 153; /* from March on */
    return (struct calendar_date){.year = year_of_era + era * 400 + (month >= 10 ? 1 : 0),
                                  .month = (unsigned)(month < 10 ? month + 3 : month - 9),
                                  .day = (unsigned)(day_of_year - (153 * month + 2) / 5 + 1)};
}

static unsigned days_in_month(int64_t year, unsigned month)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/* Reads exactly two digits; a value beyond every field if they are none. */
static unsigned two_digits(const char *at)
{
    unsigned high = (unsigned)(at[0] - '0');
    unsigned low = (unsigned)(at[1] - '0');
    return high > 9 || low > 9 ? 100 : high * 10 + low;
}

/* "[+-]Y{4,9}": java.time writes more than four digits with a sign. */
static inline bool read_year(const char **at, const char *end, int64_t *year)
{
    bool negative = *at < end && **at == '-';
    if (*at < end && (**at == '-' || **at == '+'))
        (*at)++;
    size_t n = 0;
    *year = 0;
    for (; *at < end && **at >= '0' && **at <= '9' && n < 10; (*at)++, n++)
        *year = *year * 10 + (**at - '0');
    if (negative)
        *year = -*year;
    return n >= 4 && n < 10;
}

/* ".123" up to nine digits, then 'Z' and nothing else. */
static inline bool read_fraction(const char *at, const char *end, uint32_t *nanos)
{
    uint32_t value = 0;
    uint32_t unit = 1000000000;
    if (at < end && *at == '.') {
        at++;
        for (; at < end && *at >= '0' && *at <= '9' && unit > 1; at++) {
            value = value * 10 + (uint32_t)(*at - '0');
            unit /= 10;
        }
    }
    *nanos = value * unit;
    return end - at == 1 && *at == 'Z';
}

/* "-MM-DD" behind the year. */
static inline bool read_month_and_day(const char *at, int64_t year, unsigned *month, unsigned *day)
{
    *month = two_digits(at + 1);
    *day = two_digits(at + 4);
    return at[0] == '-' && at[3] == '-' && *month >= 1 && *month <= 12 && *day >= 1 &&
           *day <= days_in_month(year, *month);
}

/* "HH:MM:SS", a fraction and 'Z', and nothing else. */
static inline bool read_clock(const char *at, const char *end, struct calendar_instant *out)
{
    if (end - at < 9 || at[2] != ':' || at[5] != ':')
        return false;
    unsigned hour = two_digits(at);
    unsigned minute = two_digits(at + 3);
    unsigned second = two_digits(at + 6);
    out->seconds = (int64_t)hour * 3600 + (int64_t)minute * 60 + second;
    return hour <= 23 && minute <= 59 && second <= 59 && read_fraction(at + 8, end, &out->nanos);
}

enum calendar_reading calendar_parse(struct sluice_str text, struct calendar_instant *out)
{
    const char *at = text.ptr;
    const char *end = at + text.len;
    int64_t year;
    unsigned month;
    unsigned day;
    struct calendar_instant clock;
    if (text.len == 0 || !read_year(&at, end, &year) || end - at < 16 || at[6] != 'T' ||
        !read_month_and_day(at, year, &month, &day) || !read_clock(at + 7, end, &clock))
        return CALENDAR_MALFORMED;
    if (year < 1 || year > 9999)
        return CALENDAR_FAR;
    *out = (struct calendar_instant){calendar_days(year, month, day) * 86400 + clock.seconds, clock.nanos};
    return CALENDAR_OK;
}

bool calendar_parse_date(struct sluice_str text, int64_t *days)
{
    const char *at = text.ptr;
    const char *end = at + text.len;
    int64_t year;
    unsigned month;
    unsigned day;
    if (text.len == 0 || !read_year(&at, end, &year) || end - at != 7 || at[6] != 'Z' ||
        !read_month_and_day(at, year, &month, &day))
        return false;
    *days = calendar_days(year, month, day);
    return true;
}

bool calendar_parse_time(struct sluice_str text, struct calendar_instant *out)
{
    return text.len > 0 && read_clock(text.ptr, text.ptr + text.len, out);
}
