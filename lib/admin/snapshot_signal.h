/* snapshot_signal.h - how Debezium is asked for a snapshot. Pure.
 *
 * Source: Debezium documentation 3.6, "Sending signals to a Debezium connector", type execute-snapshot. A signal has an
 * id, a type and data; through Kafka they are one JSON object whose data is an object, in a signalling table three
 * columns. `data-collections` are regular expressions over "schema.table", and names where none matches. A filter is a
 * condition for an incremental snapshot and a whole SELECT for a blocking one.
 */
#ifndef SLUICE_ADMIN_SNAPSHOT_SIGNAL_H
#define SLUICE_ADMIN_SNAPSHOT_SIGNAL_H

#include "base/buf.h"
#include "sluice/resnapshot.h"

#define SNAPSHOT_SIGNAL_TYPE "execute-snapshot"

struct snapshot_signal {
    const char *id;
    const char *schema;
    const char *table;
    enum sluice_snapshot_type type;
    const char *where;         /* NULL: every row */
    const char *surrogate_key; /* NULL: none */
};

/* SLUICE_E_USAGE for names that would be read as a regular expression, or cut at a dot, on the other side: a snapshot
 * of another table, or one that ignores its condition. */
SLUICE_MUST_CHECK enum sluice_code snapshot_signal_check(const struct snapshot_signal *signal,
                                                         struct sluice_error *err);
/* The third column, and the whole record. They are appended. Errors: SLUICE_E_NOMEM, SLUICE_E_LIMIT, SLUICE_E_USAGE (a
 * condition that is not UTF-8). */
SLUICE_MUST_CHECK enum sluice_code snapshot_signal_data(const struct snapshot_signal *signal, struct sluice_buf *out,
                                                        struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code snapshot_signal_record(const struct snapshot_signal *signal, struct sluice_buf *out,
                                                          struct sluice_error *err);

#endif
