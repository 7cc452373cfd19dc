/* escape.h - the escapes inside a JSON string (RFC 8259, section 7). */
#ifndef SLUICE_JSON_ESCAPE_H
#define SLUICE_JSON_ESCAPE_H

#include <stddef.h>

/* `at` stands on a backslash. The length of the escape, 2 or 6; 0 if it is none. */
size_t escape_length(const char *at, const char *end);

#endif
