/* budget.h - the bytes in flight, charged before they are held and released by their owner.
 *
 * One budget for the whole worker (`memory.limit`). Charging never fails and never waits: whoever charges looks at
 * sluice_budget_over() and stops taking in more (the consumer pauses its partitions), so the overshoot is bounded by
 * what was already on its way. Any thread, no lock.
 */
#ifndef SLUICE_BASE_BUDGET_H
#define SLUICE_BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct sluice_budget {
    size_t limit;
    _Atomic size_t used;
    _Atomic size_t peak;
};

void sluice_budget_init(struct sluice_budget *budget, size_t limit_bytes);
void sluice_budget_charge(struct sluice_budget *budget, size_t n_bytes);
/* Releasing more than was charged is a bug and ends the process. */
void sluice_budget_release(struct sluice_budget *budget, size_t n_bytes);
size_t sluice_budget_used(const struct sluice_budget *budget);
/* True when more than `percent` of the limit is in use. */
bool sluice_budget_over(const struct sluice_budget *budget, unsigned percent);

#endif
