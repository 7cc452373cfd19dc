/* options.h - the options of a client as the configuration gives them. */
#ifndef SLUICE_CLICKHOUSE_OPTIONS_H
#define SLUICE_CLICKHOUSE_OPTIONS_H

#include "clickhouse/client.h"
#include "sluice/config.h"

/* Texts are borrowed from the configuration. `abort` as in struct sluice_ch_options. */
struct sluice_ch_options sluice_ch_options_from(const struct sluice_config *config, const atomic_bool *abort);

#endif
