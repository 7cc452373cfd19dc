/* clock.h - the two clocks. Monotonic time orders and times things inside the process; wall time is only shown. */
#ifndef SLUICE_BASE_CLOCK_H
#define SLUICE_BASE_CLOCK_H

#include <stdint.h>

/* Microseconds of CLOCK_MONOTONIC. Any thread. */
int64_t sluice_mono_us(void);
/* Microseconds since 1970-01-01 UTC. Any thread. */
int64_t sluice_wall_us(void);

#endif
