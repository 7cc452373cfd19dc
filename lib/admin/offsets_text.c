/* offsets_text.c - see offsets_text.h and sluice/offsets.h.
 *
 * Forms: Apache Kafka 4, tools/consumer/group/ConsumerGroupCommand with its OffsetsUtils,
 * common/utils/Utils.getDateTime, and java.time.Duration.parse. Where those misread a text (a fraction ".5" as 5 ms,
 * "+0530" as five hours, anything behind the end) it is read right or refused here.
 */
#include "admin/offsets_text.h"

#include "sluice/offsets.h"
#include "table/calendar.h"

#include <stdio.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Decimal digits and nothing else, after a minus if `is_signed`. */
static bool read_number(struct sluice_str text, bool is_signed, int64_t max, int64_t *out)
{
    bool negative = is_signed && text.len > 1 && text.ptr[0] == '-';
    int64_t value = 0;
    size_t i = negative ? 1 : 0;
    if (text.len == i)
        return false;
    for (; i < text.len; i++) {
        int digit = text.ptr[i] - '0';
        if (!is_digit(text.ptr[i]) || value > (max - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *out = negative ? -value : value;
    return true;
}

/* ---- scopes ---- */

/* What stands before the next `end`, which is taken off too. */
static struct sluice_str take_until(struct sluice_str *text, char end)
{
    const char *at = text->len > 0 ? memchr(text->ptr, end, text->len) : NULL;
    struct sluice_str part = {text->ptr, at != NULL ? (size_t)(at - text->ptr) : text->len};
    size_t n = at != NULL ? part.len + 1 : part.len;
    *text = (struct sluice_str){text->ptr + n, text->len - n};
    return part;
}

bool offsets_topic_next(const struct offsets_topic *topic, size_t *at, int32_t *partition)
{
    int64_t value = 0;
    struct sluice_str rest = {topic->partitions.ptr + *at, topic->partitions.len - *at};
    if (rest.len == 0 || !read_number(take_until(&rest, ','), false, INT32_MAX, &value))
        return false;
    *at = topic->partitions.len - rest.len;
    *partition = (int32_t)value;
    return true;
}

enum sluice_code offsets_topic_parse(const char *text, struct offsets_topic *out, struct sluice_error *err)
{
    struct sluice_str rest = sluice_str_from(text);
    struct offsets_topic topic = {.name = take_until(&rest, ':')};
    topic.partitions = rest;
    bool is_list = strchr(text, ':') != NULL;
    size_t at = 0;
    int32_t ignored;
    bool is_right = topic.name.len > 0 && is_list == (rest.len > 0);
    while (is_right && at < rest.len)
        is_right = offsets_topic_next(&topic, &at, &ignored) && !(at == rest.len && rest.ptr[rest.len - 1] == ',');
    if (!is_right)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "--topic takes a topic's name, or name:0,1 with some of its partitions, not \"%.100s\"",
                                text);
    *out = topic;
    return SLUICE_OK;
}

bool offsets_topic_has(const struct offsets_topic *topic, const char *name, int32_t partition)
{
    size_t at = 0;
    int32_t listed;
    if (!sluice_str_equal_z(topic->name, name))
        return false;
    while (offsets_topic_next(topic, &at, &listed))
        if (listed == partition)
            return true;
    return topic->partitions.len == 0;
}

/* ---- files ---- */

static struct sluice_str take_field(struct sluice_str *line)
{
    struct sluice_str field = take_until(line, ',');
    if (field.len >= 2 && field.ptr[0] == '"' && field.ptr[field.len - 1] == '"')
        field = (struct sluice_str){field.ptr + 1, field.len - 2};
    return field;
}

enum sluice_code offsets_line_take(struct sluice_str *text, struct offsets_line *out, bool *found,
                                   struct sluice_error *err)
{
    struct sluice_str fields[4];
    struct sluice_str line = {NULL, 0};
    size_t n = 0;
    int64_t partition = 0;
    int64_t offset = 0;
    while (line.len == 0 && text->len > 0) {
        line = take_until(text, '\n');
        if (line.len > 0 && line.ptr[line.len - 1] == '\r')
            line.len--;
    }
    *found = line.len > 0;
    if (!*found)
        return SLUICE_OK;
    const struct sluice_str whole = line;
    bool ends = line.ptr[line.len - 1] == ',';
    while (n < 4 && line.len > 0)
        fields[n++] = take_field(&line);
    if (n < 3 || line.len > 0 || ends || fields[n - 3].len == 0 ||
        !read_number(fields[n - 2], false, INT32_MAX, &partition) ||
        !read_number(fields[n - 1], false, INT64_MAX, &offset))
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "a line is neither topic,partition,offset nor group,topic,partition,offset: "
                                "\"%.*s\"",
                                SLUICE_STR_ARG(whole));
    *out = (struct offsets_line){n == 4 ? fields[0] : (struct sluice_str){NULL, 0}, fields[n - 3], (int32_t)partition,
                                 offset};
    return SLUICE_OK;
}

/* ---- times ---- */

/* "+01", "+0100" or "+01:00" at `at`, to the end of the text. */
static bool read_zone(const char *at, int64_t *seconds)
{
    int64_t hours = 0;
    int64_t minutes = 0;
    size_t n = strlen(at);
    if ((at[0] != '+' && at[0] != '-') || (n != 3 && n != 5 && !(n == 6 && at[3] == ':')) ||
        !read_number((struct sluice_str){at + 1, 2}, false, 23, &hours) ||
        (n > 3 && !read_number((struct sluice_str){at + n - 2, 2}, false, 59, &minutes)))
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (at[0] == '-' ? -1 : 1);
    return true;
}

static bool read_datetime(const char *text, int64_t *time_ms)
{
    enum { SECONDS = 19, MILLIS = 23 }; /* length with and without them */
    char plain[MILLIS + 2];
    struct calendar_instant instant;
    int64_t zone = 0;
    size_t n = strlen(text);
    if (n < SECONDS || text[4] != '-')
        return false;
    size_t length = text[SECONDS] == '.' ? MILLIS : SECONDS;
    if (n < length || (length == MILLIS && !is_digit(text[MILLIS - 1])))
        return false;
    memcpy(plain, text, length);
    plain[length] = 'Z';
    const char *behind = text + length;
    if (*behind != '\0' && strcmp(behind, "Z") != 0 && !read_zone(behind, &zone))
        return false;
    if (calendar_parse((struct sluice_str){plain, length + 1}, &instant) != CALENDAR_OK)
        return false;
    *time_ms = (instant.seconds - zone) * 1000 + instant.nanos / 1000000;
    return true;
}

enum sluice_code sluice_offsets_parse_datetime(const char *text, int64_t *time_ms, struct sluice_error *err)
{
    if (read_datetime(text, time_ms))
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "a time is YYYY-MM-DDTHH:MM:SS.sss, in UTC unless Z, +01, +0100 or +01:00 stands behind "
                            "it, not \"%.60s\"",
                            text);
}

/* ---- durations ---- */

struct part {
    int64_t value; /* of whole units */
    int64_t nanos; /* of a second's fraction, with the sign of the value */
    char unit;     /* upper case */
};

/* "-12H", "0.5S"; a comma is a point, as in java.time. */
static bool take_part(const char **at, struct part *out)
{
    const char *p = *at;
    bool negative = *p == '-';
    int64_t nanos = 0;
    int64_t unit = 1000000000;
    p += *p == '-' || *p == '+';
    const char *digits = p;
    while (is_digit(*p))
        p++;
    if (!read_number((struct sluice_str){digits, (size_t)(p - digits)}, false, INT64_MAX, &out->value))
        return false;
    bool has_fraction = *p == '.' || *p == ',';
    for (p += has_fraction; has_fraction && is_digit(*p) && unit > 1; p++) {
        unit /= 10;
        nanos += (*p - '0') * unit;
    }
    out->unit = (char)(*p >= 'a' && *p <= 'z' ? *p - 'a' + 'A' : *p);
    out->value = negative ? -out->value : out->value;
    out->nanos = negative ? -nanos : nanos;
    *at = p + (*p != '\0');
    return !has_fraction || out->unit == 'S';
}

/* The place of a unit within a duration and how many seconds it has; false if it is none, or not there. */
static bool find_unit(char unit, bool in_time, int *place, int64_t *seconds)
{
    static const struct {
        char unit;
        bool in_time;
        int64_t seconds;
    } units[] = {{'D', false, 86400}, {'H', true, 3600}, {'M', true, 60}, {'S', true, 1}};
    for (int i = 0; i < (int)SLUICE_N_ELEMENTS(units); i++) {
        if (units[i].unit != unit || units[i].in_time != in_time)
            continue;
        *place = i;
        *seconds = units[i].seconds;
        return true;
    }
    return false;
}

/* Adds up to this many seconds, so that milliseconds never overflow. */
static const int64_t MAX_SECONDS = INT64_MAX / 4000;

static bool read_parts(const char *at, int64_t *seconds, int64_t *nanos)
{
    bool in_time = false;
    bool is_empty = true; /* nothing yet, or nothing behind the T */
    int last = -1;
    *seconds = 0;
    *nanos = 0;
    while (*at != '\0') {
        struct part part = {0};
        int place = 0;
        int64_t unit = 0;
        if (!in_time && (*at == 'T' || *at == 't')) {
            in_time = is_empty = true;
            at++;
            continue;
        }
        if (!take_part(&at, &part) || !find_unit(part.unit, in_time, &place, &unit) || place <= last)
            return false;
        if (part.value > MAX_SECONDS / 4 / unit || part.value < -MAX_SECONDS / 4 / unit)
            return false;
        *seconds += part.value * unit;
        *nanos = part.nanos;
        last = place;
        is_empty = false;
    }
    return !is_empty;
}

enum sluice_code sluice_offsets_parse_duration(const char *text, int64_t *duration_ms, struct sluice_error *err)
{
    int64_t seconds = 0;
    int64_t nanos = 0;
    const char *at = text + (*text == '-' || *text == '+');
    int sign = *text == '-' ? -1 : 1;
    if ((*at != 'P' && *at != 'p') || !read_parts(at + 1, &seconds, &nanos))
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "a duration is PnDTnHnMnS with one part or more (P7D, PT1H30M, PT0.5S), not \"%.60s\"",
                                text);
    seconds *= sign;
    nanos *= sign;
    *duration_ms = seconds * 1000 + nanos / 1000000 + (nanos % 1000000 > 0);
    return SLUICE_OK;
}

int64_t sluice_offsets_time_before(int64_t now_ms, int64_t duration_ms)
{
    if (duration_ms < 0 && now_ms > INT64_MAX + duration_ms)
        return INT64_MAX;
    return duration_ms >= now_ms ? 0 : now_ms - duration_ms;
}

/* Up to eight hexadecimal digits; false if there is none, or more. */
static bool take_hex(const char **at, uint64_t *value)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    *value = 0;
    for (; **at != '\0' && n <= 8; (*at)++, n++) {
        char c = (char)(**at >= 'A' && **at <= 'F' ? **at - 'A' + 'a' : **at);
        const char *found = strchr(digits, c);
        if (found == NULL)
            break;
        *value = *value << 4 | (uint64_t)(found - digits);
    }
    return n >= 1 && n <= 8;
}

enum sluice_code sluice_offsets_parse_lsn(const char *text, uint64_t *lsn, struct sluice_error *err)
{
    const char *at = text;
    uint64_t high = 0;
    uint64_t low = 0;
    bool is_right = take_hex(&at, &high) && *at++ == '/' && take_hex(&at, &low) && *at == '\0';
    if (!is_right)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "a log position is 0/16B3748, as pg_current_wal_lsn() prints it, not \"%.60s\"", text);
    *lsn = high << 32 | low;
    return SLUICE_OK;
}
