/* verify_progress.h - one line on a terminal: what is done, how much of it, rows per second, the time left. Thread:
 * main. */
#ifndef SLUICE_ADMIN_VERIFY_PROGRESS_H
#define SLUICE_ADMIN_VERIFY_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct verify_progress {
    FILE *out; /* NULL: nothing is shown */
    const char *table;
    const char *what;
    uint64_t done;
    uint64_t total; /* 0: not known */
    int64_t start_us;
    int64_t shown_us;
    size_t width; /* of the line that stands there */
};

/* `out` is looked at: a line is shown only on a terminal. */
void verify_progress_init(struct verify_progress *progress, FILE *out);
/* `what` is static text. */
void verify_progress_begin(struct verify_progress *progress, const char *table, const char *what, uint64_t total);
void verify_progress_add(struct verify_progress *progress, uint64_t n_rows);
/* The same without rows: time goes by. */
void verify_progress_tick(struct verify_progress *progress, const char *what);
/* Takes the line away. */
void verify_progress_end(struct verify_progress *progress);

/* "62%  312000 rows/s  0:12 left" */
void verify_progress_text(uint64_t done, uint64_t total, int64_t took_us, char *out, size_t size);

#endif
