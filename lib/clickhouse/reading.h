/* reading.h - settings of a SELECT whose answer has to be whole: what a profile may set to cut it short or to hide
 * rows. Any thread. */
#ifndef SLUICE_CLICKHOUSE_READING_H
#define SLUICE_CLICKHOUSE_READING_H

#include "clickhouse/client.h"

enum { READING_N_SETTINGS = 12 };

/* Static texts. */
void reading_settings(struct sluice_ch_pair out[READING_N_SETTINGS]);

#endif
