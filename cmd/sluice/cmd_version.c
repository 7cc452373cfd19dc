/* cmd_version.c - `sluice version`. */
#include "command.h"
#include "sluice/version.h"

static int run(const struct arguments *arguments)
{
    struct sluice_error err;
    return sluice_version_print(stdout, arguments->json, &err) == SLUICE_OK ? EXIT_DONE : complain(&err);
}

const struct command command_version = {
    .name = "version",
    .summary = "prints the versions of sluice and its libraries, and how it was built",
    .usage = "sluice version [--output table|json]\n"
             "\n"
             "Examples:\n"
             "  sluice version\n"
             "  sluice version --output json | jq -r .librdkafka\n",
    .takes = TAKES_OUTPUT,
    .run = run,
};
