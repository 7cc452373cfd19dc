/* verify_progress.c - see verify_progress.h. */
#include "admin/verify_progress.h"

#include "base/clock.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

enum { SHOW_EVERY_US = 200000, LOOK_EVERY_ROWS = 1024, BAR = 20 };

void verify_progress_init(struct verify_progress *progress, FILE *out)
{
    *progress = (struct verify_progress){.out = out != NULL && isatty(fileno(out)) != 0 ? out : NULL};
}

void verify_progress_text(uint64_t done, uint64_t total, int64_t took_us, char *out, size_t size)
{
    double seconds = (double)(took_us > 0 ? took_us : 1) / 1e6;
    double rate = (double)done / seconds;
    if (total == 0 || done == 0) {
        (void)snprintf(out, size, "%.0f s", seconds);
        return;
    }
    if (done > total)
        done = total;
    uint64_t left_s = rate > 0 ? (uint64_t)((double)(total - done) / rate + 0.5) : 0;
    (void)snprintf(out, size, "%3" PRIu64 "%%  %.0f rows/s  %" PRIu64 ":%02" PRIu64 " left", done * 100 / total, rate,
                   left_s / 60, left_s % 60);
}

static void show(struct verify_progress *progress)
{
    char line[400];
    char text[120];
    char bar[BAR + 1];
    int64_t now_us = sluice_mono_us();
    if (progress->out == NULL || now_us - progress->shown_us < SHOW_EVERY_US)
        return;
    size_t n_full = progress->total > 0 ? (size_t)((double)progress->done / (double)progress->total * BAR) : 0;
    for (size_t i = 0; i < BAR; i++)
        bar[i] = i < n_full ? '#' : '.';
    bar[BAR] = '\0';
    progress->shown_us = now_us;
    verify_progress_text(progress->done, progress->total, now_us - progress->start_us, text, sizeof text);
    int n = snprintf(line, sizeof line, "%.80s  %s  %s%s%s%s", progress->table, progress->what,
                     progress->total > 0 ? "[" : "", progress->total > 0 ? bar : "", progress->total > 0 ? "]  " : "",
                     text);
    (void)fprintf(progress->out, "\r%-*s", (int)progress->width, line);
    (void)fflush(progress->out);
    progress->width = n > 0 ? (size_t)n : 0;
}

void verify_progress_begin(struct verify_progress *progress, const char *table, const char *what, uint64_t total)
{
    progress->table = table;
    progress->what = what;
    progress->total = total;
    progress->done = 0;
    progress->start_us = sluice_mono_us();
    show(progress);
}

void verify_progress_add(struct verify_progress *progress, uint64_t n_rows)
{
    progress->done += n_rows;
    if (progress->done % LOOK_EVERY_ROWS == 0)
        show(progress);
}

void verify_progress_tick(struct verify_progress *progress, const char *what)
{
    if (progress->what != what)
        verify_progress_begin(progress, progress->table, what, 0);
    show(progress);
}

void verify_progress_end(struct verify_progress *progress)
{
    if (progress->out != NULL && progress->width > 0)
        (void)fprintf(progress->out, "\r%*s\r", (int)progress->width, "");
    progress->width = 0;
}
