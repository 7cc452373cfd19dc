/* rules_check.h - the part of `sluice check` that compares tables.rules with the source tables there are. */
#ifndef SLUICE_ADMIN_RULES_CHECK_H
#define SLUICE_ADMIN_RULES_CHECK_H

#include "admin/report.h"
#include "pipeline/catalog.h"

/* Looks at some records of each partition, if there are rules. Warnings for rules that take no source table and for
 * columns that no table has; nothing where no table is seen. */
void rules_check(struct report *report, const struct sluice_config *config);
/* Failures for types that tables.source_types names and that do not exist. */
void rules_check_types(struct report *report, const struct sluice_config *config);
/* rules_check() of tables that were met. */
void rules_check_tables(struct report *report, const struct catalog *catalog);

#endif
