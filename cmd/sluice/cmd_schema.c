/* cmd_schema.c - `sluice schema ddl`: what would be made and changed in ClickHouse. */
#include "command.h"
#include "sluice/schema.h"

enum { APPLY };

static int run(const struct arguments *arguments)
{
    struct sluice_config *config = NULL;
    struct sluice_error err;
    size_t n_failed = 0;
    int exit_code = EXIT_DONE;
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    if (sluice_schema_ddl(config, arguments->own[APPLY] != NULL, stdout, arguments->json, &n_failed, &err) != SLUICE_OK)
        exit_code = complain(&err);
    else if (n_failed > 0)
        exit_code = EXIT_FAILED;
    sluice_config_free(config);
    return exit_code;
}

const struct command command_schema = {
    .name = "schema",
    .summary = "prints the CREATE TABLE and ALTER TABLE that the records in the topics need, or runs them",
    .usage = "sluice schema ddl -c FILE [--set KEY=VALUE]... [--apply] [--output table|json]\n"
             "\n"
             "Reads the newest and the oldest records of each partition, as a consumer without a group: nothing is\n"
             "committed. Prints the statements that a worker would run for them; what is refused stands in comments.\n"
             "\n"
             "  --apply    runs the statements too\n"
             "\n"
             "Exit codes: 0 done, 1 failed, or a record or table was refused, 2 wrong usage.\n"
             "\n"
             "Examples:\n"
             "  sluice schema ddl -c sluice.yaml\n"
             "  sluice schema ddl -c sluice.yaml --output json | jq -r '.[].statement'\n"
             "  sluice schema ddl -c sluice.yaml --apply\n",
    .operands = {"ddl", NULL},
    .takes = TAKES_CONFIG | TAKES_OUTPUT,
    .options = {{"--apply", NULL, false, false}},
    .run = run,
};
