/* canon_time.c - dates, timestamps, times of day and intervals; see canon.h.
 *
 * A moment is a day and a microsecond of the day, so that every date of PostgreSQL (4713 BC to 5874897 AD) fits. What
 * the target has behind the microsecond is kept as digits. */
#include "admin/canon.h"

#include <inttypes.h>
#include <stdio.h>

#define DAY_US   INT64_C(86400000000)
#define MONTH_US INT64_C(2629800000000) /* 365.25 / 12 days, as interval.handling.mode=numeric counts */

enum { BEYOND_ALL_DAYS = 1 << 30, MAX_NUMBER = 1000000000 };

/* Reads through a text. */
struct scan {
    struct sluice_str rest;
    bool ok;
};

static bool scan_char(struct scan *scan, char c)
{
    if (scan->rest.len == 0 || scan->rest.ptr[0] != c)
        return false;
    scan->rest.ptr++;
    scan->rest.len--;
    return true;
}

static bool scan_word(struct scan *scan, const char *word)
{
    size_t n = strlen(word);
    if (scan->rest.len < n || memcmp(scan->rest.ptr, word, n) != 0)
        return false;
    scan->rest.ptr += n;
    scan->rest.len -= n;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static int64_t scan_number(struct scan *scan)
{
    int64_t number = 0;
    size_t n = 0;
    for (; n < scan->rest.len && is_digit(scan->rest.ptr[n]); n++) {
        number = number * 10 + (scan->rest.ptr[n] - '0');
        scan->ok = scan->ok && number <= INT64_C(100000000000000000);
        if (!scan->ok)
            return 0;
    }
    scan->ok = scan->ok && n > 0;
    scan->rest.ptr += n;
    scan->rest.len -= n;
    return number;
}

static void expect(struct scan *scan, char c)
{
    scan->ok = scan_char(scan, c) && scan->ok;
}

/* A fraction of a second: microseconds, and what stands behind them without zeros at its end. */
struct fraction {
    int64_t us;
    struct sluice_str finer;
};

static struct fraction scan_fraction(struct scan *scan)
{
    struct fraction fraction = {0};
    size_t n = 0;
    if (!scan_char(scan, '.'))
        return fraction;
    for (; n < scan->rest.len && is_digit(scan->rest.ptr[n]); n++)
        if (n < 6)
            fraction.us = fraction.us * 10 + (scan->rest.ptr[n] - '0');
    for (size_t i = n; i < 6; i++)
        fraction.us *= 10;
    scan->ok = scan->ok && n > 0;
    if (n > 6)
        fraction.finer = (struct sluice_str){scan->rest.ptr + 6, n - 6};
    while (fraction.finer.len > 0 && fraction.finer.ptr[fraction.finer.len - 1] == '0')
        fraction.finer.len--;
    scan->rest.ptr += n;
    scan->rest.len -= n;
    return fraction;
}

/* hours:minutes[:seconds[.fraction]] in microseconds. */
static int64_t scan_clock(struct scan *scan, struct sluice_str *finer)
{
    int64_t hours = scan_number(scan);
    expect(scan, ':');
    int64_t minutes = scan_number(scan);
    int64_t seconds = scan_char(scan, ':') ? scan_number(scan) : 0;
    struct fraction fraction = scan_fraction(scan);
    *finer = fraction.finer;
    scan->ok = scan->ok && hours < MAX_NUMBER && minutes < 60 && seconds <= 60;
    return scan->ok ? ((hours * 60 + minutes) * 60 + seconds) * 1000000 + fraction.us : 0;
}

/* Z, +05, -05:30 or nothing, in microseconds. */
static int64_t scan_zone(struct scan *scan)
{
    bool minus = scan->rest.len > 0 && scan->rest.ptr[0] == '-';
    if (scan_char(scan, 'Z') || (!scan_char(scan, '+') && !scan_char(scan, '-')))
        return 0;
    int64_t hours = scan_number(scan);
    int64_t minutes = scan_char(scan, ':') ? scan_number(scan) : 0;
    int64_t seconds = scan_char(scan, ':') ? scan_number(scan) : 0;
    scan->ok = scan->ok && hours < 100 && minutes < 60 && seconds < 60;
    return ((hours * 60 + minutes) * 60 + seconds) * (minus ? -1000000 : 1000000);
}

/* Proleptic Gregorian; year 0 is 1 BC. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2 ? 1 : 0;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static struct canon_moment shift(struct canon_moment moment, int64_t us)
{
    moment.us += us;
    while (moment.us < 0) {
        moment.us += DAY_US;
        moment.day--;
    }
    while (moment.us >= DAY_US) {
        moment.us -= DAY_US;
        moment.day++;
    }
    return moment;
}

static bool scan_moment(struct sluice_str text, struct canon_moment *moment, struct sluice_str *finer)
{
    struct scan scan = {text, true};
    if (sluice_str_equal_z(text, "infinity") || sluice_str_equal_z(text, "-infinity")) {
        *moment = (struct canon_moment){text.ptr[0] == '-' ? -BEYOND_ALL_DAYS : BEYOND_ALL_DAYS, 0};
        return true;
    }
    int64_t year = scan_number(&scan);
    expect(&scan, '-');
    int64_t month = scan_number(&scan);
    expect(&scan, '-');
    int64_t day = scan_number(&scan);
    int64_t us = 0;
    /* " BC" of a date begins with a blank too. */
    bool has_clock =
        scan.rest.len > 1 && is_digit(scan.rest.ptr[1]) && (scan_char(&scan, ' ') || scan_char(&scan, 'T'));
    if (has_clock)
        us = scan_clock(&scan, finer);
    us -= scan_zone(&scan);
    if (scan_word(&scan, " BC"))
        year = 1 - year;
    if (!scan.ok || scan.rest.len > 0 || month < 1 || month > 12 || day < 1 || day > 31 || year > 10000000)
        return false;
    *moment = shift((struct canon_moment){days_of(year, month, day), 0}, us);
    return true;
}

static int compare(const struct canon_moment *a, const struct canon_moment *b)
{
    int order = (a->day > b->day) - (a->day < b->day);
    return order != 0 ? order : (a->us > b->us) - (a->us < b->us);
}

/* Microseconds in the target's last digit. */
static int64_t unit_of(unsigned digits)
{
    int64_t unit = 1;
    for (unsigned i = digits; i < 6; i++)
        unit *= 10;
    return unit;
}

/* What the column and on_out_of_range make of the source's value. */
static void level(const struct canon *canon, struct canon_moment *moment, bool *is_null)
{
    bool is_low = canon->has_range && compare(moment, &canon->first) < 0;
    bool is_high = canon->has_range && compare(moment, &canon->last) > 0;
    int64_t unit = unit_of(canon->digits);
    bool is_finer = moment->us % unit != 0;
    if (canon->policy == SLUICE_RANGE_NULL && (is_low || is_high || is_finer))
        *is_null = true;
    if (canon->policy != SLUICE_RANGE_CLAMP)
        return;
    if (is_low || is_high)
        *moment = is_low ? canon->first : canon->last;
    moment->us -= moment->us % unit;
}

static enum sluice_code append_moment(const struct canon *canon, enum canon_side side, struct sluice_str text,
                                      struct sluice_buf *out, bool *understood, bool *is_null, struct sluice_error *err)
{
    struct canon_moment moment;
    struct sluice_str finer = {"", 0};
    *understood = scan_moment(text, &moment, &finer);
    if (!*understood)
        return SLUICE_OK;
    if (side == CANON_SOURCE)
        level(canon, &moment, is_null);
    return sluice_buf_printf(out, err, "%" PRId64 ":%" PRId64 ".%.*s", moment.day, moment.us, SLUICE_STR_ARG(finer));
}

static enum sluice_code append_clock(const struct canon *canon, enum canon_side side, struct sluice_str text,
                                     struct sluice_buf *out, bool *understood, struct sluice_error *err)
{
    struct scan scan = {text, true};
    struct sluice_str finer = {"", 0};
    bool is_count = side == CANON_TARGET && memchr(text.ptr, ':', text.len) == NULL; /* a column of integers */
    int64_t us = is_count ? scan_number(&scan) : scan_clock(&scan, &finer);
    if (canon->kind == CANON_ZONED_CLOCK) {
        us -= scan_zone(&scan);
        us = ((us % DAY_US) + DAY_US) % DAY_US;
    }
    (void)scan_char(&scan, 'Z'); /* IsoTime */
    *understood = scan.ok && scan.rest.len == 0;
    return *understood ? sluice_buf_printf(out, err, "%" PRId64 ".%.*s", us, SLUICE_STR_ARG(finer)) : SLUICE_OK;
}

/* ---- intervals ---- */

struct interval {
    int64_t months;
    int64_t days;
    int64_t us;
};

static int64_t scan_signed(struct scan *scan, bool *minus)
{
    *minus = scan->rest.len > 0 && scan->rest.ptr[0] == '-';
    if (!scan_char(scan, '-'))
        (void)scan_char(scan, '+');
    int64_t number = scan_number(scan);
    return *minus ? -number : number;
}

/* "1 year 2 mons -3 days +04:05:06.78"; without anything "00:00:00". */
static bool scan_interval(struct sluice_str text, struct interval *interval)
{
    struct scan scan = {text, true};
    *interval = (struct interval){0};
    while (scan.ok && scan.rest.len > 0) {
        struct scan before = scan;
        struct sluice_str finer = {"", 0};
        bool minus;
        int64_t number = scan_signed(&scan, &minus);
        if (scan_word(&scan, " years") || scan_word(&scan, " year")) {
            interval->months += number * 12;
        } else if (scan_word(&scan, " mons") || scan_word(&scan, " mon")) {
            interval->months += number;
        } else if (scan_word(&scan, " days") || scan_word(&scan, " day")) {
            interval->days += number;
        } else {
            scan = before;
            if (!scan_char(&scan, '-'))
                (void)scan_char(&scan, '+');
            int64_t us = scan_clock(&scan, &finer);
            interval->us = minus ? -us : us;
            return scan.ok && scan.rest.len == 0;
        }
        scan.ok = scan.ok && number > -MAX_NUMBER * INT64_C(10) && number < MAX_NUMBER * INT64_C(10);
        if (scan.rest.len > 0)
            expect(&scan, ' ');
    }
    return scan.ok && text.len > 0;
}

/* "P1Y2M3DT4H5M6.78S" */
static bool scan_iso_interval(struct sluice_str text, struct interval *interval)
{
    struct scan scan = {text, true};
    bool in_clock = false;
    *interval = (struct interval){0};
    expect(&scan, 'P');
    while (scan.ok && scan.rest.len > 0) {
        bool minus;
        in_clock = scan_char(&scan, 'T') || in_clock;
        int64_t number = scan_signed(&scan, &minus);
        struct fraction fraction = scan_fraction(&scan);
        scan.ok = scan.ok && number > -MAX_NUMBER * INT64_C(10) && number < MAX_NUMBER * INT64_C(10);
        if (!scan.ok)
            break;
        if (!in_clock && scan_char(&scan, 'Y'))
            interval->months += number * 12;
        else if (!in_clock && scan_char(&scan, 'M'))
            interval->months += number;
        else if (!in_clock && scan_char(&scan, 'D'))
            interval->days += number;
        else if (in_clock && scan_char(&scan, 'H'))
            interval->us += number * 3600000000;
        else if (in_clock && scan_char(&scan, 'M'))
            interval->us += number * 60000000;
        else if (in_clock && scan_char(&scan, 'S'))
            interval->us += number * 1000000 + (minus ? -fraction.us : fraction.us);
        else
            scan.ok = false;
    }
    return scan.ok && text.len > 1;
}

static enum sluice_code append_interval(const struct canon *canon, enum canon_side side, struct sluice_str text,
                                        struct sluice_buf *out, bool *understood, struct sluice_error *err)
{
    struct interval parts;
    if (canon->kind == CANON_DURATION && side == CANON_TARGET) {
        struct scan scan = {text, true};
        (void)scan_char(&scan, '-');
        while (scan.rest.len > 0 && is_digit(scan.rest.ptr[0])) {
            scan.rest.ptr++;
            scan.rest.len--;
        }
        *understood = scan.rest.len == 0;
        return *understood ? sluice_buf_append_str(out, text, err) : SLUICE_OK;
    }
    *understood = side == CANON_SOURCE ? scan_interval(text, &parts) : scan_iso_interval(text, &parts);
    if (!*understood)
        return SLUICE_OK;
    if (canon->kind == CANON_PARTS)
        return sluice_buf_printf(out, err, "%" PRId64 "/%" PRId64 "/%" PRId64, parts.months, parts.days, parts.us);
    /* Beyond 64 bits the connector's own number is none (docs/types.md). */
    int64_t months = parts.months;
    int64_t days = parts.days;
    *understood = months > -3000000 && months < 3000000 && days > -100000000 && days < 100000000;
    return *understood ? sluice_buf_printf(out, err, "%" PRId64, months * MONTH_US + days * DAY_US + parts.us)
                       : SLUICE_OK;
}

enum sluice_code canon_time(const struct canon *canon, enum canon_side side, struct sluice_str text,
                            struct sluice_buf *out, bool *understood, bool *is_null, struct sluice_error *err)
{
    switch (canon->kind) {
    case CANON_MOMENT:
        return append_moment(canon, side, text, out, understood, is_null, err);
    case CANON_CLOCK:
    case CANON_ZONED_CLOCK:
        return append_clock(canon, side, text, out, understood, err);
    default:
        return append_interval(canon, side, text, out, understood, err);
    }
}
