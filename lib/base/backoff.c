/* backoff.c - see backoff.h. */
#include "base/backoff.h"

#include <assert.h>

/* splitmix64: any seed will do, zero included. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void sluice_backoff_init(struct sluice_backoff *backoff, int64_t initial_us, int64_t max_us, uint64_t seed)
{
    assert(initial_us > 0);
    *backoff = (struct sluice_backoff){
        .initial_us = initial_us, .max_us = max_us > initial_us ? max_us : initial_us, .state = seed};
}

int64_t sluice_backoff_next(struct sluice_backoff *backoff)
{
    if (backoff->last_us == 0) {
        backoff->last_us = backoff->initial_us;
        return backoff->last_us;
    }
    /* Where 3 * last would pass the ceiling the range ends there, so that the waits still differ between workers. */
    int64_t high = backoff->last_us > backoff->max_us / 3 ? backoff->max_us : backoff->last_us * 3;
    uint64_t span = (uint64_t)(high - backoff->initial_us) + 1;
    backoff->last_us = backoff->initial_us + (int64_t)(next_random(&backoff->state) % span);
    return backoff->last_us;
}
