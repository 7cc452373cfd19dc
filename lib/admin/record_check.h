/* record_check.h - is the record before a partition's position still the one that was read? Thread: main. */
#ifndef SLUICE_ADMIN_RECORD_CHECK_H
#define SLUICE_ADMIN_RECORD_CHECK_H

#include "kafka/samples.h"
#include "ledger/row.h"

/* True if there is a record at check->offset, and another one. What can't be read, or compaction has removed, differs
 * from nothing: a worker does not stop for it either. */
bool record_check_differs(struct sluice_samples *samples, const char *topic, int32_t partition,
                          const struct sluice_ledger_check *check, int timeout_ms);

#endif
