/* check.h - what is remembered of a record, so that a topic made anew under its name is noticed. Pure. */
#ifndef SLUICE_LEDGER_CHECK_H
#define SLUICE_LEDGER_CHECK_H

#include "base/str.h"
#include "ledger/row.h"

struct sluice_ledger_check sluice_ledger_check_of(int64_t offset, int64_t timestamp_ms, struct sluice_str key,
                                                  struct sluice_str value);
/* Of two at one offset: are they of one record? */
bool sluice_ledger_check_equal(const struct sluice_ledger_check *a, const struct sluice_ledger_check *b);

#endif
