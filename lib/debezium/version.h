/* version.h - the row version that orders all changes of one key: generation:16 | commit:56 | change:56.
 *
 * As a UInt128 it follows Debezium's emission order per key, which plain `source.lsn` does not (a transaction begun
 * before the snapshot and committed after it, deferred unique keys). Why each part: docs/architecture.md.
 */
#ifndef SLUICE_DEBEZIUM_VERSION_H
#define SLUICE_DEBEZIUM_VERSION_H

#include <stdint.h>

struct sluice_version {
    uint64_t high; /* generation << 48 | commit >> 8 */
    uint64_t low;  /* commit << 56 | change */
};

#endif
