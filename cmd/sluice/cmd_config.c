/* cmd_config.c - `sluice config show|docs|schema|sample`. */
#include <string.h>

#include "command.h"

static int show(const struct arguments *arguments, struct sluice_error *err, enum sluice_code *code)
{
    struct sluice_config *config = NULL;
    int exit_code = EXIT_DONE;
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    *code = sluice_config_show(config, stdout, arguments->json, err);
    sluice_config_free(config);
    return EXIT_DONE;
}

static int run(const struct arguments *arguments)
{
    struct sluice_error err;
    enum sluice_code code = SLUICE_OK;
    int exit_code = EXIT_DONE;
    if (strcmp(arguments->operand, "show") == 0)
        exit_code = show(arguments, &err, &code);
    else if (strcmp(arguments->operand, "docs") == 0)
        code = sluice_config_docs(stdout, &err);
    else if (strcmp(arguments->operand, "schema") == 0)
        code = sluice_config_schema(stdout, &err);
    else if (strcmp(arguments->operand, "sample") == 0)
        code = sluice_config_sample(stdout, &err);
    else
        code = sluice_config_help(stdout, &err);
    return code == SLUICE_OK ? exit_code : complain(&err);
}

const struct command command_config = {
    .name = "config",
    .summary = "prints the effective configuration, the reference, the JSON Schema, or a sample file",
    .usage = "sluice config show [-c FILE] [--set KEY=VALUE]... [--output table|json]\n"
             "sluice config options|docs|schema|sample\n"
             "\n"
             "  show     every option with its value and where it comes from; secrets are masked\n"
             "  options  every option with its default, as plain text\n"
             "  docs     the same as a page of Markdown\n"
             "  schema   JSON Schema of the file, for editors\n"
             "  sample   a file with every option\n"
             "\n"
             "Examples:\n"
             "  sluice config sample > sluice.yaml\n"
             "  sluice config show -c sluice.yaml --set log.level=debug\n"
             "  sluice config show -c sluice.yaml --output json | jq '.\"batch.max_rows\"'\n",
    .operands = {"show", "options", "docs", "schema", "sample", NULL},
    .takes = TAKES_CONFIG | TAKES_OUTPUT,
    .run = run,
};
