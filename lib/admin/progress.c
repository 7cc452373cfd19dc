/* progress.c - see progress.h. */
#include "admin/progress.h"

#include "admin/grid.h"

#include <inttypes.h>
#include <string.h>

enum { EVERY_US = 10000000, BAR = 24, US_PER_S = 1000000 };

/* "1234567" as "1,234,567": to be read at a glance. */
static void format_count(int64_t count, char text[32])
{
    char digits[24];
    size_t n = (size_t)snprintf(digits, sizeof digits, "%" PRId64, count);
    size_t at = 0;
    for (size_t i = 0; i < n; i++) {
        if (i > 0 && digits[i - 1] != '-' && (n - i) % 3 == 0)
            text[at++] = ',';
        text[at++] = digits[i];
    }
    text[at] = '\0';
}

static void append(char text[PROGRESS_TEXT], size_t limit, const char *part)
{
    size_t length = strlen(text);
    if (length + strlen(part) <= limit)
        memcpy(text + length, part, strlen(part) + 1);
}

static void append_bar(char text[PROGRESS_TEXT], size_t limit, double share)
{
    char bar[BAR + 4] = " [";
    size_t full = (size_t)(share * BAR);
    memset(bar + 2, '#', full);
    memset(bar + 2 + full, '.', BAR - full);
    memcpy(bar + 2 + BAR, "]", 2);
    append(text, limit, bar);
}

static void append_left(char text[PROGRESS_TEXT], size_t limit, const struct progress_facts *facts)
{
    char part[64];
    if (facts->share <= 0.005 || facts->elapsed_us <= 0)
        return;
    double left_s = (double)facts->elapsed_us / US_PER_S * (1 - facts->share) / facts->share;
    int64_t seconds = left_s < 3.6e6 ? (int64_t)left_s : 3600000;
    if (seconds >= 3600)
        (void)snprintf(part, sizeof part, "  %" PRId64 " h %02d min left", seconds / 3600, (int)(seconds / 60 % 60));
    else
        (void)snprintf(part, sizeof part, "  %d:%02d left", (int)(seconds / 60), (int)(seconds % 60));
    append(text, limit, part);
}

void progress_format(const struct progress_facts *facts, size_t width, char text[PROGRESS_TEXT])
{
    char count[32];
    char part[96];
    const size_t limit = width > 0 && width < PROGRESS_TEXT ? width : PROGRESS_TEXT - 1;
    text[0] = '\0';
    append(text, limit, facts->what);
    if (facts->share >= 0 && width > 0)
        append_bar(text, limit, facts->share);
    if (facts->share >= 0) {
        (void)snprintf(part, sizeof part, " %3d %%", (int)(facts->share * 100));
        append(text, limit, part);
    }
    if (facts->unit == NULL)
        return;
    format_count(facts->count, count);
    (void)snprintf(part, sizeof part, "  %s %s", count, facts->unit);
    append(text, limit, part);
    if (facts->elapsed_us >= US_PER_S / 2) {
        format_count((int64_t)((double)facts->count * US_PER_S / (double)facts->elapsed_us), count);
        (void)snprintf(part, sizeof part, "  %s %s/s", count, facts->unit);
        append(text, limit, part);
    }
    append_left(text, limit, facts);
}

void progress_init(struct progress *progress, FILE *out)
{
    size_t width = grid_terminal_width(out);
    /* The last column stays free: some terminals begin a new line there. */
    *progress = (struct progress){.out = out, .width = width > 1 ? width - 1 : 0, .shown_us = -EVERY_US};
}

void progress_show(struct progress *progress, int64_t now_us, const struct progress_facts *facts)
{
    char text[PROGRESS_TEXT];
    if (progress->width == 0 && now_us - progress->shown_us < EVERY_US)
        return;
    progress->shown_us = now_us;
    progress_format(facts, progress->width, text);
    if (progress->width > 0)
        (void)fprintf(progress->out, "\r%-*s", (int)progress->width, text);
    else
        (void)fprintf(progress->out, "%s\n", text);
    (void)fflush(progress->out);
    progress->is_shown = progress->width > 0;
}

void progress_end(struct progress *progress)
{
    if (progress->is_shown)
        (void)fprintf(progress->out, "\r%*s\r", (int)progress->width, "");
    progress->is_shown = false;
    (void)fflush(progress->out);
}

void progress_tell(struct progress *progress, const char *text)
{
    progress_end(progress);
    (void)fprintf(progress->out, "%s\n", text);
    (void)fflush(progress->out);
}
