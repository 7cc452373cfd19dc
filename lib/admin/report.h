/* report.h - the lines of a check: what was looked at, how it stands, what to do. One style for all commands that
 * check. Thread: main. */
#ifndef SLUICE_ADMIN_REPORT_H
#define SLUICE_ADMIN_REPORT_H

#include "base/error.h"

#include <stdio.h>

enum report_level { REPORT_OK, REPORT_WARN, REPORT_FAIL };

struct report {
    FILE *out;
    bool json; /* one JSON object per line of the report, in an array */
    size_t n_lines;
    int n_failed;
};

void report_begin(struct report *report, FILE *out, bool json);
/* `subject` is short ("clickhouse.url"); the text says what was found and, unless ok, the remedy. */
void report_line(struct report *report, enum report_level level, const char *subject, const char *format, ...)
    SLUICE_PRINTF(4, 5);
/* A failure that comes as an error. */
void report_error(struct report *report, const char *subject, const struct sluice_error *err);
/* Returns the number of failed lines. */
int report_end(struct report *report);

#endif
