/* registry_check.h - the line of `sluice check` about the schema registry. Thread: main. */
#ifndef SLUICE_ADMIN_REGISTRY_CHECK_H
#define SLUICE_ADMIN_REGISTRY_CHECK_H

#include "admin/report.h"
#include "sluice/config.h"

/* Whether a registry answers at each address of registry.url, with the credentials that are set. Nothing without it. */
void registry_check(struct report *report, const struct sluice_config *config);

#endif
