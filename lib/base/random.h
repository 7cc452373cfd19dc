/* random.h - numbers that nobody else draws: owners, resets. */
#ifndef SLUICE_BASE_RANDOM_H
#define SLUICE_BASE_RANDOM_H

#include <stdint.h>

/* 64 bits from the kernel, never 0. Any thread. */
uint64_t sluice_random_u64(void);

#endif
