/* line.h - one log line being put together in a fixed buffer; what does not fit is left out, and the line says so. */
#ifndef SLUICE_OBSERVE_LINE_H
#define SLUICE_OBSERVE_LINE_H

#include "sluice/log.h"

struct log_line {
    enum sluice_log_format format;
    size_t len;
    bool cut; /* a field was left out, or a text shortened */
    char bytes[SLUICE_LOG_MAX_LINE];
};

void log_line_begin(struct log_line *line, enum sluice_log_format format);
void log_line_field(struct log_line *line, const struct sluice_log_field *field);
/* Adds `cut=true` if need be, and the line break. */
void log_line_end(struct log_line *line);

#endif
