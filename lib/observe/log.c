/* log.c - see sluice/log.h. One state for the process, as there is one stderr.
 *
 * Level and format are atomics. The lock guards the limiter's table only and is not held across write().
 */
#include "sluice/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "observe/line.h"

enum { MAX_LIMITED_EVENTS = 128 };

struct limited_event {
    const char *event; /* static text */
    enum sluice_log_level level;
    int64_t window_start_us;
    unsigned n_in_window;
    uint64_t n_suppressed;
};

static _Atomic int current_level = SLUICE_LOG_INFO;
static _Atomic int current_format = SLUICE_LOG_LOGFMT;
static _Atomic int current_fd = STDERR_FILENO;

static pthread_mutex_t limiter_lock = PTHREAD_MUTEX_INITIALIZER;
static struct limited_event limited[MAX_LIMITED_EVENTS];
static size_t n_limited;

static const char *const level_names[] = {
#define LEVEL_NAME(symbol, name) [symbol] = (name),
    SLUICE_LOG_LEVEL_NAMES(LEVEL_NAME)};

static void field_text(struct log_line *line, const char *name, const char *text)
{
    const struct sluice_log_field field = sluice_log_text(name, text);
    log_line_field(line, &field);
}

static void timestamp(char *text, size_t size)
{
    char seconds[24];
    struct tm parts;
    int64_t now_us = sluice_wall_us();
    time_t now = (time_t)(now_us / 1000000);
    if (gmtime_r(&now, &parts) == NULL || strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts) == 0)
        SLUICE_BUG("wall clock out of range");
    (void)snprintf(text, size, "%s.%06dZ", seconds, (int)(now_us % 1000000));
}

static void write_line(enum sluice_log_level level, const char *event, const struct sluice_log_field *fields,
                       size_t n_fields, uint64_t n_suppressed)
{
    char ts[40];
    struct log_line line;
    const struct sluice_log_field suppressed = SLUICE_F_U64("suppressed", n_suppressed);
    timestamp(ts, sizeof ts);
    log_line_begin(&line, (enum sluice_log_format)current_format);
    field_text(&line, "ts", ts);
    field_text(&line, "level", level_names[level]);
    field_text(&line, "event", event);
    if (n_suppressed > 0)
        log_line_field(&line, &suppressed);
    for (size_t i = 0; i < n_fields; i++)
        log_line_field(&line, &fields[i]);
    log_line_end(&line);
    ssize_t written = write(current_fd, line.bytes, line.len);
    (void)written; /* where would one report that the log can't be written? */
}

/* The row of the event, or NULL when the table is full: then the event is not limited. Under the lock. */
static struct limited_event *find_event(const char *event)
{
    for (size_t i = 0; i < n_limited; i++)
        if (strcmp(limited[i].event, event) == 0)
            return &limited[i];
    if (n_limited == MAX_LIMITED_EVENTS)
        return NULL;
    limited[n_limited] = (struct limited_event){.event = event, .window_start_us = sluice_mono_us()};
    return &limited[n_limited++];
}

/* Whether the line may go out; then also how many before it did not. */
static bool pass_limiter(enum sluice_log_level level, const char *event, uint64_t *n_suppressed)
{
    bool passes = true;
    *n_suppressed = 0;
    if (level > SLUICE_LOG_WARN)
        return true;
    (void)pthread_mutex_lock(&limiter_lock);
    struct limited_event *row = find_event(event);
    if (row != NULL) {
        int64_t now_us = sluice_mono_us();
        if (now_us - row->window_start_us >= SLUICE_LOG_WINDOW_US) {
            row->window_start_us = now_us;
            row->n_in_window = 0;
        }
        row->level = level;
        passes = row->n_in_window < SLUICE_LOG_BURST;
        if (passes) {
            row->n_in_window++;
            *n_suppressed = row->n_suppressed;
            row->n_suppressed = 0;
        } else {
            row->n_suppressed++;
        }
    }
    (void)pthread_mutex_unlock(&limiter_lock);
    return passes;
}

struct sluice_log_field sluice_log_text(const char *name, const char *text_z)
{
    return SLUICE_F_BYTES(name, text_z != NULL ? text_z : "", text_z != NULL ? strlen(text_z) : 0);
}

void sluice_log_event(enum sluice_log_level level, const char *event)
{
    if (sluice_log_enabled(level))
        sluice_log_write(level, event, NULL, 0);
}

bool sluice_log_enabled(enum sluice_log_level level)
{
    return (int)level <= atomic_load_explicit(&current_level, memory_order_relaxed);
}

void sluice_log_write(enum sluice_log_level level, const char *event, const struct sluice_log_field *fields,
                      size_t n_fields)
{
    uint64_t n_suppressed = 0;
    if (pass_limiter(level, event, &n_suppressed))
        write_line(level, event, fields, n_fields, n_suppressed);
}

void sluice_log_init(enum sluice_log_level level, enum sluice_log_format format, int fd)
{
    current_level = (int)level;
    current_format = (int)format;
    current_fd = fd;
    (void)pthread_mutex_lock(&limiter_lock);
    n_limited = 0;
    (void)pthread_mutex_unlock(&limiter_lock);
}

void sluice_log_set_level(enum sluice_log_level level)
{
    current_level = (int)level;
}

void sluice_log_finish(void)
{
    struct limited_event rest[MAX_LIMITED_EVENTS];
    size_t n_rest = 0;
    (void)pthread_mutex_lock(&limiter_lock);
    for (size_t i = 0; i < n_limited; i++) {
        if (limited[i].n_suppressed > 0)
            rest[n_rest++] = limited[i];
        limited[i].n_suppressed = 0;
    }
    (void)pthread_mutex_unlock(&limiter_lock);
    for (size_t i = 0; i < n_rest; i++)
        write_line(rest[i].level, rest[i].event, NULL, 0, rest[i].n_suppressed);
}
