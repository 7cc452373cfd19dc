/* log.h - one event per line on stderr, as logfmt or JSON, with typed fields.
 *
 *   SLUICE_LOG(SLUICE_LOG_INFO, "batch_sent", SLUICE_F_TEXT("table", table), SLUICE_F_U64("rows", n_rows));
 *   ts=2026-03-01T12:00:00.123456Z level=info event=batch_sent table=orders rows=4096
 *
 * The level is checked before the fields are evaluated. Lines are cut at SLUICE_LOG_MAX_LINE bytes and go out in one
 * write(), so lines of several threads do not mix. Warnings and errors are limited per event name: past
 * SLUICE_LOG_BURST lines in SLUICE_LOG_WINDOW_US the rest is counted, and the count stands as `suppressed` in the next
 * line of that event. Any thread.
 */
#ifndef SLUICE_LOG_H
#define SLUICE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SLUICE_LOG_MAX_LINE = 4096, SLUICE_LOG_BURST = 10, SLUICE_LOG_WINDOW_US = 10 * 1000 * 1000 };

/* X(symbol, name). Ordered: a level shows itself and everything above it. */
#define SLUICE_LOG_LEVEL_NAMES(X)                                                                                      \
    X(SLUICE_LOG_ERROR, "error")                                                                                       \
    X(SLUICE_LOG_WARN, "warn")                                                                                         \
    X(SLUICE_LOG_INFO, "info")                                                                                         \
    X(SLUICE_LOG_DEBUG, "debug")
#define SLUICE_LOG_FORMAT_NAMES(X)                                                                                     \
    X(SLUICE_LOG_LOGFMT, "logfmt")                                                                                     \
    X(SLUICE_LOG_JSON, "json")

#define SLUICE_NAME_ENUM(symbol, name) symbol,
enum sluice_log_level { SLUICE_LOG_LEVEL_NAMES(SLUICE_NAME_ENUM) SLUICE_N_LOG_LEVELS };
enum sluice_log_format { SLUICE_LOG_FORMAT_NAMES(SLUICE_NAME_ENUM) SLUICE_N_LOG_FORMATS };

enum sluice_log_kind {
    SLUICE_LOG_KIND_TEXT, /* bytes, escaped when written */
    SLUICE_LOG_KIND_I64,
    SLUICE_LOG_KIND_U64,
    SLUICE_LOG_KIND_DOUBLE,
    SLUICE_LOG_KIND_BOOL,
    SLUICE_LOG_KIND_MS /* microseconds, shown in milliseconds */
};

struct sluice_log_field {
    const char *name; /* letters, digits and _ ; static text */
    enum sluice_log_kind kind;
    size_t len; /* of `text` */
    union {
        const char *text; /* NULL is shown as an empty text */
        int64_t i64;
        uint64_t u64;
        double number;
        bool flag;
    } value;
};

/* Fields. SLUICE_F_STR takes a struct sluice_str, SLUICE_F_ERROR a struct sluice_error * and stands for two fields. */
/* The formatter takes the compound literals for blocks. */
/* clang-format off */
#define SLUICE_F_TEXT(name_, z) sluice_log_text((name_), (z))
#define SLUICE_F_BYTES(name_, ptr_, len_) \
    (struct sluice_log_field){.name = (name_), .kind = SLUICE_LOG_KIND_TEXT, .len = (len_), .value.text = (ptr_)}
#define SLUICE_F_STR(name_, str_) SLUICE_F_BYTES((name_), (str_).ptr, (str_).len)
#define SLUICE_F_I64(name_, v) \
    (struct sluice_log_field){.name = (name_), .kind = SLUICE_LOG_KIND_I64, .value.i64 = (v)}
#define SLUICE_F_U64(name_, v) \
    (struct sluice_log_field){.name = (name_), .kind = SLUICE_LOG_KIND_U64, .value.u64 = (v)}
#define SLUICE_F_DOUBLE(name_, v) \
    (struct sluice_log_field){.name = (name_), .kind = SLUICE_LOG_KIND_DOUBLE, .value.number = (v)}
#define SLUICE_F_BOOL(name_, v) \
    (struct sluice_log_field){.name = (name_), .kind = SLUICE_LOG_KIND_BOOL, .value.flag = (v)}
/* SLUICE_F_MS("took_ms", took_us): the name carries the unit that is shown. */
#define SLUICE_F_MS(name_, us) \
    (struct sluice_log_field){.name = (name_), .kind = SLUICE_LOG_KIND_MS, .value.i64 = (us)}
#define SLUICE_F_ERROR(err) \
    SLUICE_F_TEXT("code", sluice_code_label((err)->code)), SLUICE_F_TEXT("error", (err)->text)
/* clang-format on */

struct sluice_log_field sluice_log_text(const char *name, const char *text_z);

/* At least one field; events without fields go through sluice_log_event(). `event` is static text. */
#define SLUICE_LOG(level, event, ...)                                                                                  \
    do {                                                                                                               \
        if (sluice_log_enabled(level)) {                                                                               \
            const struct sluice_log_field sluice_log_fields[] = {__VA_ARGS__};                                         \
            sluice_log_write((level), (event), sluice_log_fields,                                                      \
                             sizeof sluice_log_fields / sizeof sluice_log_fields[0]);                                  \
        }                                                                                                              \
    } while (0)
void sluice_log_event(enum sluice_log_level level, const char *event);

bool sluice_log_enabled(enum sluice_log_level level);
void sluice_log_write(enum sluice_log_level level, const char *event, const struct sluice_log_field *fields,
                      size_t n_fields);

/* Before the first thread; without it: info, logfmt, stderr. `fd` stays the caller's. Forgets what was suppressed. */
void sluice_log_init(enum sluice_log_level level, enum sluice_log_format format, int fd);
/* Any thread, at any time. */
void sluice_log_set_level(enum sluice_log_level level);
/* Writes the counts of lines suppressed and not told yet. At the end of the process. */
void sluice_log_finish(void);

#endif
