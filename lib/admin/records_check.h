/* records_check.h - what the last records of a topic tell `sluice check` about the connector's settings. */
#ifndef SLUICE_ADMIN_RECORDS_CHECK_H
#define SLUICE_ADMIN_RECORDS_CHECK_H

#include "admin/report.h"
#include "sluice/config.h"

/* Looks at a few records of each partition. A warning if the converter replaces NULL by defaults, with the names of the
 * fields that have one where the records carry a schema; nothing otherwise. */
void records_check_topic(struct report *report, const struct sluice_config *config, const char *topic, int n_partitions,
                         int timeout_ms);

#endif
