/* cmd_man.c - `sluice man`: the manual page. */
#include "command.h"
#include "sluice/man.h"

enum { MAX_COMMANDS = 32 };

static int run(const struct arguments *arguments)
{
    struct sluice_error err;
    struct sluice_man_command texts[MAX_COMMANDS];
    size_t n = 0;
    (void)arguments;
    for (; commands[n] != NULL && n < MAX_COMMANDS; n++)
        texts[n] = (struct sluice_man_command){commands[n]->name, commands[n]->summary, commands[n]->usage};
    return sluice_man_print(stdout, texts, n, exit_codes, n_exit_codes, &err) == SLUICE_OK ? EXIT_DONE : complain(&err);
}

const struct command command_man = {
    .name = "man",
    .summary = "prints the manual page, for man",
    .usage = "sluice man\n"
             "\n"
             "Made of the texts of --help and the options of the configuration file. It is installed as sluice(1).\n"
             "\n"
             "Examples:\n"
             "  sluice man | man -l -\n"
             "  sluice man > sluice.1\n",
    .run = run,
};
