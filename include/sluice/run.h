/* run.h - the worker: consumes, inserts and commits until it is told to stop. */
#ifndef SLUICE_RUN_H
#define SLUICE_RUN_H

#include "sluice/config.h"

/* Blocks until SIGTERM or SIGINT, then drains. `exit_code` is the process's: 0 drained, 1 a partition was stopped or
 * the worker failed, 3 unsafe to go on. Thread: main, before any other thread. */
SLUICE_MUST_CHECK enum sluice_code sluice_run(const struct sluice_config *config, int *exit_code,
                                              struct sluice_error *err);

#endif
