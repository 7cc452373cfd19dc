/* progress.h - one line that tells how far something is: a bar on a terminal, a line now and then in a file.
 *
 * On a terminal the line is written over itself and is never wider than it. Thread: main.
 */
#ifndef SLUICE_ADMIN_PROGRESS_H
#define SLUICE_ADMIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct progress {
    FILE *out;
    size_t width; /* of the terminal, 0 where it is none */
    int64_t shown_us;
    bool is_shown; /* a line stands there that has no end yet */
};

struct progress_facts {
    const char *what; /* "reading" */
    double share;     /* 0 to 1; negative: not known */
    int64_t count;
    const char *unit;   /* "rows"; NULL: there is nothing to count yet */
    int64_t elapsed_us; /* in which `count` came together; 0: no rate is shown */
};

void progress_init(struct progress *progress, FILE *out);
/* In a file no more than a line in ten seconds. */
void progress_show(struct progress *progress, int64_t now_us, const struct progress_facts *facts);
/* A line of its own, behind which the next progress goes on. */
void progress_tell(struct progress *progress, const char *text);
/* Takes the line away. */
void progress_end(struct progress *progress);

enum { PROGRESS_TEXT = 256 };
/* The line, at most `width` bytes and PROGRESS_TEXT - 1; without the bar where width is 0. Pure. */
void progress_format(const struct progress_facts *facts, size_t width, char text[PROGRESS_TEXT]);

#endif
