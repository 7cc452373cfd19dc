/* clock.c - see clock.h. */
#include "base/clock.h"

#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec now;
    (void)clock_gettime(id, &now); /* cannot fail for these two clocks */
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t sluice_mono_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

int64_t sluice_wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}
