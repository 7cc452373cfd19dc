/* expand.h - ${VARIABLE} and ${file:/path} in values.
 *
 * $$ is a dollar sign; a $ before anything but { and $ stays as it is, so that regular expressions need no care. What
 * was put in is not expanded again. A missing variable or file is an error, never the empty text. One line break at the
 * end of a file is cut. Ceiling: CONFIG_MAX_VALUE bytes.
 */
#ifndef SLUICE_CONFIG_EXPAND_H
#define SLUICE_CONFIG_EXPAND_H

#include "base/arena.h"

enum { CONFIG_MAX_VALUE = 64 * 1024 };

/* `*out` is on the arena, or `text` itself when nothing was to do. Errors: SLUICE_E_CONFIG without the key. */
SLUICE_MUST_CHECK enum sluice_code config_expand(const char *text, struct sluice_arena *arena, const char **out,
                                                 struct sluice_error *err);
/* The whole file, at most `buf->max` bytes. Errors: SLUICE_E_CONFIG naming it. */
struct sluice_buf;
SLUICE_MUST_CHECK enum sluice_code config_read_file(const char *path, struct sluice_buf *buf, struct sluice_error *err);

#endif
