/* check.c - see check.h. */
#include "ledger/check.h"

#include <zlib.h>

struct sluice_ledger_check sluice_ledger_check_of(int64_t offset, int64_t timestamp_ms, struct sluice_str key,
                                                  struct sluice_str value)
{
    uLong crc = crc32_z(0, (const unsigned char *)key.ptr, key.len);
    return (struct sluice_ledger_check){offset, timestamp_ms,
                                        (uint32_t)crc32_z(crc, (const unsigned char *)value.ptr, value.len)};
}

bool sluice_ledger_check_equal(const struct sluice_ledger_check *a, const struct sluice_ledger_check *b)
{
    return a->offset == b->offset && a->timestamp_ms == b->timestamp_ms && a->crc == b->crc;
}
