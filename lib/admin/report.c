/* report.c - see report.h. */
#include "admin/report.h"

#include <jansson.h>
#include <stdarg.h>

static const char *const level_names[] = {"ok", "warn", "fail"};

void report_begin(struct report *report, FILE *out, bool json)
{
    *report = (struct report){.out = out, .json = json};
    if (json)
        (void)fputs("[", out);
}

static void write_json(struct report *report, enum report_level level, const char *subject, const char *text)
{
    json_t *line = json_pack("{s:s, s:s, s:s}", "status", level_names[level], "subject", subject, "text", text);
    if (line == NULL) /* a text that is not UTF-8, or no memory; the level still counts */
        line = json_pack("{s:s, s:s}", "status", level_names[level], "text", "this line can't be shown as JSON");
    (void)fputs(report->n_lines > 0 ? ",\n " : "\n ", report->out);
    (void)json_dumpf(line, report->out, JSON_COMPACT);
    json_decref(line);
}

void report_line(struct report *report, enum report_level level, const char *subject, const char *format, ...)
{
    char text[768];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (report->json)
        write_json(report, level, subject, text);
    else
        (void)fprintf(report->out, "%-5s %-24s %s\n", level_names[level], subject, text);
    report->n_lines++;
    report->n_failed += level == REPORT_FAIL ? 1 : 0;
}

void report_error(struct report *report, const char *subject, const struct sluice_error *err)
{
    report_line(report, REPORT_FAIL, subject, "%s", err->text);
}

int report_end(struct report *report)
{
    if (report->json)
        (void)fputs("\n]\n", report->out);
    return report->n_failed;
}
