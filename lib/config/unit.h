/* unit.h - whole numbers, sizes and durations as texts: "65536", "16MiB", "250ms". */
#ifndef SLUICE_CONFIG_UNIT_H
#define SLUICE_CONFIG_UNIT_H

#include "config/option.h"

/* `type` is CONFIG_INT, CONFIG_BYTES (bytes) or CONFIG_DURATION (microseconds). NULL, or what is wrong with the text.
 * A value too large for 64 bits becomes INT64_MAX, for the range check to refuse. */
const char *config_unit_parse(enum config_type type, const char *text, int64_t *value);
/* How to write it. */
const char *config_unit_remedy(enum config_type type);
/* In the largest unit that leaves no rest. `size` 32 is always enough. */
void config_unit_format(enum config_type type, int64_t value, char *text, size_t size);

#endif
