/* cityhash.h - CityHash128 of version 1.0.2, the checksum of ClickHouse's compressed frames (the public specification
 * moved on afterwards: later versions give other values). Checked against frames that the engine wrote itself. */
#ifndef CLICKHOUSE_EMBEDDED_CITYHASH_H
#define CLICKHOUSE_EMBEDDED_CITYHASH_H

#include <stddef.h>
#include <stdint.h>

struct city128 {
    uint64_t low;
    uint64_t high;
};

struct city128 cityhash128(const void *bytes, size_t len);

#endif
