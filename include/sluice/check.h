/* check.h - looks at everything a worker needs before it is started, and prints a line each. */
#ifndef SLUICE_CHECK_H
#define SLUICE_CHECK_H

#include "sluice/config.h"

/* Prints the lines (ok, warn or fail, with the remedy) as a table or as JSON. Returns the number of failed lines. */
int sluice_check(const struct sluice_config *config, FILE *out, bool json);

#endif
