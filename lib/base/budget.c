/* budget.c - see budget.h. */
#include "base/budget.h"

#include "base/compiler.h"

void sluice_budget_init(struct sluice_budget *budget, size_t limit_bytes)
{
    budget->limit = limit_bytes;
    atomic_init(&budget->used, 0);
    atomic_init(&budget->peak, 0);
}

void sluice_budget_charge(struct sluice_budget *budget, size_t n_bytes)
{
    size_t now = atomic_fetch_add_explicit(&budget->used, n_bytes, memory_order_relaxed) + n_bytes;
    size_t peak = atomic_load_explicit(&budget->peak, memory_order_relaxed);
    while (now > peak && !atomic_compare_exchange_weak_explicit(&budget->peak, &peak, now, memory_order_relaxed,
                                                                memory_order_relaxed)) {
    }
}

void sluice_budget_release(struct sluice_budget *budget, size_t n_bytes)
{
    size_t before = atomic_fetch_sub_explicit(&budget->used, n_bytes, memory_order_relaxed);
    if (before < n_bytes)
        SLUICE_BUG("more bytes released than charged");
}

size_t sluice_budget_used(const struct sluice_budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}

bool sluice_budget_over(const struct sluice_budget *budget, unsigned percent)
{
    return sluice_budget_used(budget) > budget->limit / 100 * percent;
}
