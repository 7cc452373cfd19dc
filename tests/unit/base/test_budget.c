/* Charges from several threads add up, and the mark is where the percentage says. */
#include "base/budget.h"

#include "support/check.h"

#include <pthread.h>

static void *charge_and_release(void *context)
{
    struct sluice_budget *budget = context;
    for (size_t i = 0; i < 10000; i++) {
        sluice_budget_charge(budget, i);
        sluice_budget_release(budget, i);
    }
    sluice_budget_charge(budget, 7);
    return NULL;
}

int main(void)
{
    struct sluice_budget budget;
    pthread_t threads[4];
    sluice_budget_init(&budget, 1000);
    for (int i = 0; i < 4; i++)
        CHECK_INT(pthread_create(&threads[i], NULL, charge_and_release, &budget), 0);
    for (int i = 0; i < 4; i++)
        (void)pthread_join(threads[i], NULL);
    CHECK_INT(sluice_budget_used(&budget), 28);
    CHECK(atomic_load(&budget.peak) >= 9999);

    sluice_budget_charge(&budget, 872);
    CHECK(!sluice_budget_over(&budget, 90));
    sluice_budget_charge(&budget, 1);
    CHECK(sluice_budget_over(&budget, 90));
    sluice_budget_release(&budget, 901);
    CHECK_INT(sluice_budget_used(&budget), 0);
    return check_result();
}
