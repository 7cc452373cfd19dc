/* man.h - the manual page: the texts of --help and the table of options as roff. Thread: any. */
#ifndef SLUICE_MAN_H
#define SLUICE_MAN_H

#include <stddef.h>
#include <stdio.h>

#include "sluice/error.h"

struct sluice_man_command {
    const char *name;
    const char *summary;
    const char *usage; /* what --help prints */
};

struct sluice_man_exit {
    int code;
    const char *meaning;
};

/* Macros of man(7), for groff and mandoc. Errors: SLUICE_E_IO. */
SLUICE_MUST_CHECK enum sluice_code sluice_man_print(FILE *out, const struct sluice_man_command *commands,
                                                    size_t n_commands, const struct sluice_man_exit *exits,
                                                    size_t n_exits, struct sluice_error *err);

#endif
