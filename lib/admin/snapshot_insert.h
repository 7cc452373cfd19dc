/* snapshot_insert.h - a signal for Debezium through its table in PostgreSQL. Thread: main. */
#ifndef SLUICE_ADMIN_SNAPSHOT_INSERT_H
#define SLUICE_ADMIN_SNAPSHOT_INSERT_H

#include "base/error.h"

/* Inserts (id, type, data) into `table` ("schema.table"), whatever its three columns are called; `url` is what libpq
 * takes. All NUL-terminated. Errors: SLUICE_E_CONFIG (the table's name), SLUICE_E_IO (PostgreSQL does not answer, or
 * refuses). */
SLUICE_MUST_CHECK enum sluice_code snapshot_insert(const char *url, const char *table, const char *id, const char *type,
                                                   const char *data, struct sluice_error *err);

#endif
