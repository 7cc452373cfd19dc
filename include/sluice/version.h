/* version.h - what this binary is made of. */
#ifndef SLUICE_VERSION_H
#define SLUICE_VERSION_H

#include <stdio.h>

#include "sluice/error.h"

/* Version, libraries with the versions loaded at run time, build type and sanitizers, as a table or as JSON. */
SLUICE_MUST_CHECK enum sluice_code sluice_version_print(FILE *out, bool json, struct sluice_error *err);

#endif
