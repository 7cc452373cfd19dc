/* cmd_run.c - `sluice run`: the worker. */
#include "command.h"
#include "sluice/run.h"

static int run(const struct arguments *arguments)
{
    struct sluice_config *config = NULL;
    struct sluice_error err;
    int exit_code = EXIT_DONE;
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    if (sluice_run(config, &exit_code, &err) != SLUICE_OK) {
        int told = complain(&err);
        exit_code = exit_code != EXIT_DONE ? exit_code : told;
    }
    sluice_config_free(config);
    return exit_code;
}

const struct command command_run = {
    .name = "run",
    .summary = "the worker: consumes change events and inserts them until it is told to stop",
    .usage =
        "sluice run -c FILE [--set KEY=VALUE]...\n"
        "\n"
        "  -c, --config FILE  configuration, YAML or JSON\n"
        "  --set KEY=VALUE    an option that wins over the file; may be given again\n"
        "\n"
        "SIGTERM and SIGINT stop it: what is in flight is finished (drain.timeout), offsets are committed, the group\n"
        "is left; a second signal ends it at once. SIGHUP reads the file again and takes over reloadable options.\n"
        "Exit codes: 0 stopped as asked, 1 failed or a partition was stopped, 2 wrong usage or configuration, 3 "
        "unsafe\n"
        "to go on.\n"
        "\n"
        "Examples:\n"
        "  sluice run -c sluice.yaml\n"
        "  sluice run -c sluice.yaml --set log.level=debug --set batch.max_age=200ms\n",
    .takes = TAKES_CONFIG,
    .run = run,
};
