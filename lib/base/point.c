/* point.c - see point.h. */
#include "base/point.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void act(const char *asked, const char *name, atomic_ulong *n_passed, int number)
{
    size_t len = strlen(name);
    if (asked == NULL || strncmp(asked, name, len) != 0 || asked[len] != ':')
        return;
    if (atomic_fetch_add(n_passed, 1) + 1 == strtoul(asked + len + 1, NULL, 10))
        (void)raise(number);
}

void sluice_point(const char *name)
{
    static atomic_ulong n_to_kill;
    static atomic_ulong n_to_stop;
    act(getenv("SLUICE_KILL_AT"), name, &n_to_kill, SIGKILL); // NOLINT(concurrency-mt-unsafe): nobody sets the
    act(getenv("SLUICE_STOP_AT"), name, &n_to_stop, SIGSTOP); // NOLINT(concurrency-mt-unsafe): environment
}
