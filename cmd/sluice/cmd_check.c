/* cmd_check.c - `sluice check`: is everything there that a worker needs? */
#include "command.h"
#include "sluice/check.h"

static int run(const struct arguments *arguments)
{
    struct sluice_config *config = NULL;
    int exit_code = EXIT_DONE;
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    if (sluice_check(config, stdout, arguments->json) > 0)
        exit_code = EXIT_FAILED;
    sluice_config_free(config);
    return exit_code;
}

const struct command command_check = {
    .name = "check",
    .summary = "looks at configuration, brokers, topics, server and tables, and prints a line for each",
    .usage = "sluice check -c FILE [--set KEY=VALUE]... [--output table|json]\n"
             "\n"
             "Each line says ok, warn or fail, with the remedy. Nothing is changed. Exit code 1 on any fail.\n"
             "\n"
             "Examples:\n"
             "  sluice check -c sluice.yaml\n"
             "  sluice check -c sluice.yaml --output json\n",
    .takes = TAKES_CONFIG | TAKES_OUTPUT,
    .run = run,
};
