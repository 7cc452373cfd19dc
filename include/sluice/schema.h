/* schema.h - what would be made and changed in ClickHouse for the records that are in the topics. */
#ifndef SLUICE_SCHEMA_H
#define SLUICE_SCHEMA_H

#include <stdio.h>

#include "sluice/config.h"

/* Looks at the newest and the oldest records of each partition that kafka.topics matches, without a consumer group, and
 * prints the CREATE TABLE and ALTER TABLE that a worker would run; with `apply` runs them. As statements with a comment
 * before each, or with `json` as an array of objects. *n_failed counts records and tables that a worker would stop at,
 * printed as comments. Errors: those of Kafka and ClickHouse, SLUICE_E_NOMEM. Thread: main, before any other. */
SLUICE_MUST_CHECK enum sluice_code sluice_schema_ddl(const struct sluice_config *config, bool apply, FILE *out,
                                                     bool json, size_t *n_failed, struct sluice_error *err);

#endif
