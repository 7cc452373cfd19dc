/* point.c - see point.h. */
#include "base/point.h"

#ifdef SLUICE_TEST_POINTS

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

void sluice_point(const char *name)
{
    static atomic_ulong n_passed;
    const char *asked = getenv("SLUICE_KILL_AT"); // NOLINT(concurrency-mt-unsafe): nobody sets the environment
    size_t len = strlen(name);
    if (asked == NULL || strncmp(asked, name, len) != 0 || asked[len] != ':')
        return;
    if (atomic_fetch_add(&n_passed, 1) + 1 == strtoul(asked + len + 1, NULL, 10))
        (void)raise(SIGKILL);
}

#endif
