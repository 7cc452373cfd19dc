/* cmd_ledger.c - `sluice ledger show|repair`: the state of exactly-once delivery. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "sluice/ledger.h"

enum { TOPIC, PARTITION, ALL, TO_OFFSET, FROM_GROUP, AS_ADVISED, YES, DRY_RUN };

static int reject(const char *text)
{
    (void)fprintf(stderr, "sluice ledger: %s; see sluice ledger --help\n", text);
    return EXIT_USAGE;
}

static bool read_number(const char *text, int64_t max, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value > max)
        return false;
    *out = value;
    return true;
}

static bool read_selection(const struct arguments *arguments, struct sluice_ledger_selection *out)
{
    int64_t partition = -1;
    if (arguments->own[PARTITION] != NULL && !read_number(arguments->own[PARTITION], INT32_MAX, &partition))
        return false;
    *out = (struct sluice_ledger_selection){arguments->own[TOPIC], (int32_t)partition};
    return true;
}

static bool read_target(const char *text, struct sluice_ledger_repair *out)
{
    if (text == NULL)
        out->to = SLUICE_REPAIR_FROM_GROUP;
    else if (strcmp(text, "earliest") == 0)
        out->to = SLUICE_REPAIR_TO_EARLIEST;
    else if (strcmp(text, "latest") == 0)
        out->to = SLUICE_REPAIR_TO_LATEST;
    else
        return read_number(text, INT64_MAX, &out->offset);
    return true;
}

/* What is wrong with the arguments, NULL if nothing. */
static const char *read_repair(const struct arguments *arguments, struct sluice_ledger_repair *out)
{
    *out =
        (struct sluice_ledger_repair){.dry_run = arguments->own[DRY_RUN] != NULL, .yes = arguments->own[YES] != NULL};
    if ((arguments->own[TOPIC] == NULL) == (arguments->own[ALL] == NULL))
        return "repair takes --topic, with --partition or without, or --all";
    if ((arguments->own[TO_OFFSET] != NULL) + (arguments->own[FROM_GROUP] != NULL) +
            (arguments->own[AS_ADVISED] != NULL) !=
        1)
        return "repair takes one of --to-offset, --from-group and --as-advised";
    if (arguments->own[AS_ADVISED] != NULL)
        out->to = SLUICE_REPAIR_AS_ADVISED;
    else if (!read_target(arguments->own[TO_OFFSET], out))
        return "--to-offset takes a number, earliest or latest";
    if (arguments->json)
        return "--output json does not go with repair";
    return NULL;
}

static int repair(const struct sluice_config *config, const struct sluice_ledger_repair *how)
{
    struct sluice_error err;
    bool done = false;
    if (sluice_ledger_repair(config, how, stdin, stdout, &done, &err) != SLUICE_OK)
        return complain(&err);
    return done ? EXIT_DONE : EXIT_FAILED;
}

static int show(const struct sluice_config *config, const struct sluice_ledger_selection *selection, bool json)
{
    struct sluice_error err;
    return sluice_ledger_show(config, selection, stdout, json, &err) == SLUICE_OK ? EXIT_DONE : complain(&err);
}

static int run(const struct arguments *arguments)
{
    struct sluice_config *config = NULL;
    struct sluice_ledger_selection selection;
    struct sluice_ledger_repair how = {0};
    int exit_code = EXIT_DONE;
    bool is_repair = strcmp(arguments->operand, "repair") == 0;
    if (!read_selection(arguments, &selection))
        return reject("--partition takes a number");
    if (selection.partition >= 0 && selection.topic == NULL)
        return reject("--partition needs --topic");
    const char *wrong = is_repair ? read_repair(arguments, &how) : NULL;
    if (wrong != NULL)
        return reject(wrong);
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    how.selection = selection;
    exit_code = is_repair ? repair(config, &how) : show(config, &selection, arguments->json);
    sluice_config_free(config);
    return exit_code;
}

const struct command command_ledger = {
    .name = "ledger",
    .summary = "shows the state of exactly-once delivery, or sets a partition anew that can't go on",
    .usage =
        "sluice ledger show -c FILE [--topic T [--partition P]] [--output table|json]\n"
        "sluice ledger repair -c FILE (--topic T [--partition P] | --all) \n"
        "                     (--to-offset N | --from-group | --as-advised) [--dry-run] [--yes]\n"
        "\n"
        "  show    each partition: next offset, open range, what the group has committed and whether its mark agrees,\n"
        "          and what a worker that starts now would do; the remedy where it would stop\n"
        "  repair  writes a new row: next offset as told, no open range; then commits that offset. Shows first what\n"
        "          may be stored twice or be missing because of it, and asks. The workers must be stopped.\n"
        "\n"
        "  --topic T        partitions of this topic\n"
        "  --partition P    this one only\n"
        "  --all            every partition (repair)\n"
        "  --to-offset N    begin at offset N; also earliest and latest\n"
        "  --from-group     begin at the offset that the group has committed\n"
        "  --as-advised     only the partitions that a start would stop, each as show advises for its state\n"
        "  --dry-run        shows what would be written, and nothing else\n"
        "  --yes            asks nothing\n"
        "\n"
        "Exit codes: 0 done, 1 failed or answered with no, 2 wrong usage, 3 unsafe: the group has members.\n"
        "\n"
        "Examples:\n"
        "  sluice ledger show -c sluice.yaml\n"
        "  sluice ledger show -c sluice.yaml --output json | jq '.[] | select(.remedy != \"\")'\n"
        "  sluice ledger repair -c sluice.yaml --topic shop.public.orders --partition 0 --to-offset 1200 --dry-run\n"
        "  sluice ledger repair -c sluice.yaml --all --as-advised\n"
        "  sluice ledger repair -c sluice.yaml --all --from-group\n",
    .operands = {"show", "repair", NULL},
    .takes = TAKES_CONFIG | TAKES_OUTPUT,
    .options = {{"--topic", NULL, true, false},
                {"--partition", NULL, true, false},
                {"--all", "repair", false, false},
                {"--to-offset", "repair", true, false},
                {"--from-group", "repair", false, false},
                {"--as-advised", "repair", false, false},
                {"--yes", "repair", false, false},
                {"--dry-run", "repair", false, false}},
    .run = run,
};
