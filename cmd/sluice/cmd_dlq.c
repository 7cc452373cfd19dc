/* cmd_dlq.c - `sluice dlq list|show|replay|purge`: the dead letters of the pipeline. */
#include <string.h>

#include "command.h"
#include "sluice/dlq.h"
#include "sluice/offsets.h"

enum { AT, TABLE, REASON, FROM, TO, ALL, DRY_RUN, EXECUTE };

static int reject(const char *text)
{
    (void)fprintf(stderr, "sluice dlq: %s; see sluice dlq --help\n", text);
    return EXIT_USAGE;
}

static bool is_word(const struct arguments *arguments, const char *word)
{
    return strcmp(arguments->operand, word) == 0;
}

/* False: the complaint was printed. */
static bool read_time(const char *text, int64_t *out)
{
    struct sluice_error err;
    *out = -1;
    if (text == NULL || sluice_offsets_parse_datetime(text, out, &err) == SLUICE_OK)
        return true;
    (void)complain(&err);
    return false;
}

static const char *check(const struct arguments *arguments)
{
    const bool writes = is_word(arguments, "replay") || is_word(arguments, "purge");
    const bool is_narrowed = arguments->n_repeated > 0 || arguments->own[TABLE] != NULL ||
                             arguments->own[REASON] != NULL || arguments->own[FROM] != NULL ||
                             arguments->own[TO] != NULL;
    if (!writes && (arguments->own[DRY_RUN] != NULL || arguments->own[EXECUTE] != NULL))
        return "--dry-run and --execute go with replay and purge";
    if (arguments->own[DRY_RUN] != NULL && arguments->own[EXECUTE] != NULL)
        return "--dry-run and --execute exclude each other";
    if (writes && !is_narrowed && arguments->own[ALL] == NULL)
        return "say which ones: --at, --table, --reason, --from, --to, or --all";
    return NULL;
}

static int run(const struct arguments *arguments)
{
    struct sluice_config *config = NULL;
    struct sluice_error err;
    int exit_code = EXIT_DONE;
    const bool execute = arguments->own[EXECUTE] != NULL;
    const char *wrong = check(arguments);
    /* A second replay of the same letter is a second row in a table of the mode log. */
    struct sluice_dlq_filter filter = {.table = arguments->own[TABLE],
                                       .reason = arguments->own[REASON],
                                       .places = arguments->repeated,
                                       .n_places = arguments->n_repeated,
                                       .with_done = arguments->own[ALL] != NULL && !is_word(arguments, "replay")};
    if (wrong != NULL)
        return reject(wrong);
    if (!read_time(arguments->own[FROM], &filter.from_ms) || !read_time(arguments->own[TO], &filter.to_ms))
        return EXIT_USAGE;
    if (is_word(arguments, "show") && filter.n_places > 0)
        filter.with_done = true;
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    enum sluice_code code =
        is_word(arguments, "list")     ? sluice_dlq_list(config, &filter, stdout, arguments->json, &err)
        : is_word(arguments, "show")   ? sluice_dlq_show(config, &filter, stdout, arguments->json, &err)
        : is_word(arguments, "replay") ? sluice_dlq_replay(config, &filter, execute, stdout, arguments->json, &err)
                                       : sluice_dlq_purge(config, &filter, execute, stdout, arguments->json, &err);
    if (code != SLUICE_OK)
        exit_code = complain(&err);
    sluice_config_free(config);
    return exit_code;
}

const struct command command_dlq = {
    .name = "dlq",
    .summary = "dead letters: lists and shows them, gives them back to the workers, removes them",
    .usage =
        "sluice dlq list -c FILE [WHICH] [--all] [--output table|json]\n"
        "sluice dlq show -c FILE [WHICH] [--all] [--output table|json]\n"
        "sluice dlq replay -c FILE WHICH [--execute] [--output table|json]\n"
        "sluice dlq purge -c FILE WHICH [--execute] [--output table|json]\n"
        "\n"
        "  list    the open dead letters: the record's place, its table, why and when it was refused\n"
        "  show    the same with the record, and what can be done about it\n"
        "  replay  gives their records back to the workers, through the pipeline's replay topic, after the cause is\n"
        "          removed; each is stored once, with the version that it would have had. What is refused again is an\n"
        "          open dead letter again. The topics of the source are not written to.\n"
        "  purge   removes them. A replay can't bring them back.\n"
        "\n"
        "replay and purge show what they would do, and do it with --execute only. Workers may run meanwhile.\n"
        "\n"
        "WHICH, everything that is told must fit; for replay and purge at least one:\n"
        "  --at TOPIC:PARTITION:OFFSET  the record at this place; may be given several times\n"
        "  --table NAME                 of this source table: orders, public.orders or shop.public.orders\n"
        "  --reason CODE                refused for this: value, server, json, avro, envelope, toast, limit\n"
        "  --from T, --to T             refused at or after, before: 2026-11-21T13:20:05, in UTC unless Z or +01:00\n"
        "                               stands behind it\n"
        "  --all                        every one; with list, show and purge also those that were replayed\n"
        "\n"
        "  --dry-run                    shows what would be done, and nothing else (default)\n"
        "  --execute                    does it\n"
        "\n"
        "A command that is killed has done everything or nothing; run it again. A second one that is started "
        "meanwhile\n"
        "ends the first.\n"
        "\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage or no such dead letter, 3 unsafe: no worker would read it.\n"
        "\n"
        "Examples:\n"
        "  sluice dlq list -c sluice.yaml\n"
        "  sluice dlq show -c sluice.yaml --at shop.public.orders:0:1234\n"
        "  sluice dlq replay -c sluice.yaml --table orders --reason value --execute\n"
        "  sluice dlq purge -c sluice.yaml --to 2026-11-01T00:00:00 --all --execute\n",
    .operands = {"list", "show", "replay", "purge", NULL},
    .takes = TAKES_CONFIG | TAKES_OUTPUT,
    .options = {[AT] = {"--at", NULL, true, true},
                [TABLE] = {"--table", NULL, true, false},
                [REASON] = {"--reason", NULL, true, false},
                [FROM] = {"--from", NULL, true, false},
                [TO] = {"--to", NULL, true, false},
                [ALL] = {"--all", NULL, false, false},
                [DRY_RUN] = {"--dry-run", NULL, false, false},
                [EXECUTE] = {"--execute", NULL, false, false}},
    .run = run,
};
