/* main.c - finds the subcommand, gives it its arguments, and ends with its exit code. */
#include <string.h>

#include "command.h"
#include "sluice/nearest.h"

const struct command *const commands[] = {&command_run,        &command_check, &command_offsets, &command_ledger,
                                          &command_resnapshot, &command_dlq,   &command_verify,  &command_config,
                                          &command_schema,     &command_man,   &command_version, NULL};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] - 1 };

const struct sluice_man_exit exit_codes[] = {
    {EXIT_DONE, "done"},
    {EXIT_FAILED, "failed, or what was looked for is not well: a check that fails, a partition that was stopped"},
    {EXIT_USAGE, "wrong usage or configuration; nothing was done"},
    {EXIT_UNSAFE, "unsafe to go on, for the reason that is named; nothing was done"},
    {EXIT_DIFFERS, "the source and ClickHouse differ"},
    {EXIT_TIMED_OUT,
     "nothing was heard of connector or worker for the time given; what was asked for may still happen"},
};
const size_t n_exit_codes = sizeof exit_codes / sizeof exit_codes[0];

static void print_help(FILE *out)
{
    (void)fprintf(out, "sluice brings Debezium change events of PostgreSQL tables from Kafka to ClickHouse.\n\n"
                       "sluice COMMAND [-c FILE] [--set KEY=VALUE]... [--output table|json]\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        (void)fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
    (void)fprintf(out, "\nExit codes:\n");
    for (size_t i = 0; i < n_exit_codes; i++)
        (void)fprintf(out, "  %d  %s\n", exit_codes[i].code, exit_codes[i].meaning);
    (void)fprintf(out, "\nsluice COMMAND --help tells more about each, sluice man everything.\n\n"
                       "Examples:\n"
                       "  sluice config sample > sluice.yaml\n"
                       "  sluice check -c sluice.yaml\n"
                       "  sluice run -c sluice.yaml\n");
}

static const struct command *find_command(const char *name)
{
    const char *names[N_COMMANDS];
    for (size_t i = 0; i < N_COMMANDS; i++) {
        names[i] = commands[i]->name;
        if (strcmp(names[i], name) == 0)
            return commands[i];
    }
    const char *nearest = sluice_nearest(name, names, N_COMMANDS);
    if (nearest != NULL)
        (void)fprintf(stderr, "sluice: unknown command \"%s\"; did you mean %s?\n", name, nearest);
    else
        (void)fprintf(stderr, "sluice: unknown command \"%s\"; see sluice --help\n", name);
    return NULL;
}

int main(int argc, char **argv)
{
    struct arguments arguments;
    if (argc < 2) {
        print_help(stderr);
        return EXIT_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return EXIT_DONE;
    }
    const struct command *command = find_command(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
    if (command == NULL || !arguments_parse(command, argc - 2, argv + 2, &arguments))
        return EXIT_USAGE;
    if (arguments.help) {
        (void)fputs(command->usage, stdout);
        return EXIT_DONE;
    }
    return command->run(&arguments);
}
