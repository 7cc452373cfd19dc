/* error.h - the public error object plus the helpers that only the library uses. */
#ifndef SLUICE_BASE_ERROR_H
#define SLUICE_BASE_ERROR_H

#include "base/compiler.h"
#include "sluice/error.h"

/* The one way to report a failed allocation of `n_bytes` for `what`. */
enum sluice_code sluice_error_nomem(struct sluice_error *err, const char *what, size_t n_bytes);

#endif
