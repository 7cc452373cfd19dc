/* backoff.h - how long to wait before the next attempt: capped exponential with decorrelated jitter.
 *
 * next = uniform(initial, min(max, 3 * last)). Pure: no clock, no sleep; the seed decides the sequence, so that two
 * workers with different seeds do not come back in step. Owner: whoever declares it.
 */
#ifndef SLUICE_BASE_BACKOFF_H
#define SLUICE_BASE_BACKOFF_H

#include <stdint.h>

struct sluice_backoff {
    int64_t initial_us;
    int64_t max_us;
    int64_t last_us; /* 0: no wait was handed out since the last success */
    uint64_t state;
};

/* `initial_us` at least 1; a `max_us` below it counts as equal to it. */
void sluice_backoff_init(struct sluice_backoff *backoff, int64_t initial_us, int64_t max_us, uint64_t seed);
/* The wait before the next attempt, initial_us to max_us; the first one is initial_us. */
int64_t sluice_backoff_next(struct sluice_backoff *backoff);

#endif
