/* cmd_resnapshot.c - `sluice resnapshot`: a table is read from its source again. */
#include <string.h>

#include "command.h"
#include "sluice/resnapshot.h"

enum { WHERE, TYPE, SURROGATE_KEY, SIGNAL, POSTGRES, POSTGRES_FILE, TIMEOUT, DRY_RUN, EXECUTE };

#define DEFAULT_TIMEOUT "60s"

static int reject(const char *text)
{
    (void)fprintf(stderr, "sluice resnapshot: %s; see sluice resnapshot --help\n", text);
    return EXIT_USAGE;
}

/* True for the first word, or where the option was not given; false with `*second` for the second. */
static bool read_choice(const char *given, const char *first, const char *second, bool *is_second)
{
    *is_second = given != NULL && strcmp(given, second) == 0;
    return given == NULL || *is_second || strcmp(given, first) == 0;
}

/* What is wrong with the arguments, NULL if nothing. */
static const char *read_arguments(const struct arguments *arguments, struct sluice_resnapshot *out)
{
    bool is_blocking = false;
    *out = (struct sluice_resnapshot){.table = arguments->operand,
                                      .where = arguments->own[WHERE],
                                      .surrogate_key = arguments->own[SURROGATE_KEY],
                                      .execute = arguments->own[EXECUTE] != NULL,
                                      .json = arguments->json};
    if (!read_choice(arguments->own[TYPE], "incremental", "blocking", &is_blocking))
        return "--type takes incremental or blocking";
    if (!read_choice(arguments->own[SIGNAL], "topic", "table", &out->by_table))
        return "--signal takes topic or table";
    if (out->where != NULL && out->where[strspn(out->where, " \t\n")] == '\0')
        return "--where is empty";
    if (arguments->own[DRY_RUN] != NULL && out->execute)
        return "--dry-run and --execute exclude each other";
    out->type = is_blocking ? SLUICE_SNAPSHOT_BLOCKING : SLUICE_SNAPSHOT_INCREMENTAL;
    return NULL;
}

static int run(const struct arguments *arguments)
{
    struct sluice_config *config = NULL;
    struct sluice_resnapshot how;
    char postgres[MAX_POSTGRES];
    struct sluice_error err;
    bool timed_out = false;
    int exit_code = EXIT_DONE;
    const char *wrong = read_arguments(arguments, &how);
    const char *timeout = arguments->own[TIMEOUT] != NULL ? arguments->own[TIMEOUT] : DEFAULT_TIMEOUT;
    if (wrong != NULL)
        return reject(wrong);
    if (sluice_resnapshot_parse_timeout(timeout, &how.timeout_us, &err) != SLUICE_OK)
        return complain(&err);
    if (!read_postgres(&command_resnapshot, arguments->own[POSTGRES], arguments->own[POSTGRES_FILE], postgres))
        return EXIT_USAGE;
    how.postgres = postgres;
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    if (sluice_resnapshot(config, &how, stdout, stderr, &timed_out, &err) != SLUICE_OK)
        exit_code = complain(&err);
    sluice_config_free(config);
    return timed_out ? EXIT_TIMED_OUT : exit_code;
}

const struct command command_resnapshot = {
    .name = "resnapshot",
    .summary = "has a table read from its source again, and waits until the last row is visible",
    .usage =
        "sluice resnapshot TABLE -c FILE [--where CONDITION] [--type incremental|blocking]\n"
        "                  [--surrogate-key COLUMN] [--signal topic|table]\n"
        "                  [--postgres CONNECTION | --postgres-file FILE] [--timeout 60s] [--execute]\n"
        "                  [--output table|json]\n"
        "\n"
        "Asks Debezium for a snapshot of one table and follows it, until the group has committed the last row that "
        "was\n"
        "read. The workers go on. Rows come back with their newest state; rows that the source does not have any more\n"
        "are not removed. For a table that was truncated or made anew in ClickHouse, and for a backfill.\n"
        "\n"
        "  TABLE              its topic, or what stands behind a dot of it: shop.public.orders, public.orders\n"
        "  --where CONDITION  only these rows, as SQL of the source: \"created_at >= '2026-11-01'\"\n"
        "  --type TYPE        incremental (default): in pieces between the changes, by key. blocking: at once, while\n"
        "                     the connector does not stream; for tables without a key\n"
        "  --surrogate-key C  an incremental snapshot reads by this unique column instead of the key\n"
        "  --signal CHANNEL   topic (default): a record in connector.signal_topic. table: a row in\n"
        "                     connector.signal_table\n"
        "  --postgres TEXT    for --signal table: the source's database as libpq takes it, "
        "postgresql://user@host/shop;\n"
        "                     better in the environment (SLUICE_POSTGRES) or in a file when it holds a password\n"
        "  --postgres-file F  its first line is the connection string\n"
        "  --timeout D        gives up when nothing is heard of connector or worker for so long (60s); what was asked\n"
        "                     for goes on by itself\n"
        "  --dry-run          shows what would be done, and nothing else (default)\n"
        "  --execute          does it\n"
        "\n"
        "The connector needs signal.enabled.channels with kafka and signal.kafka.topic (or signal.data.collection for\n"
        "--signal table), notification.enabled.channels with sink and notification.sink.topic.name, and for "
        "incremental\n"
        "snapshots signal.data.collection or read.only=true. The configuration needs connector.notification_topic.\n"
        "\n"
        "Exit codes: 0 done, 1 the connector refused or something failed, 2 wrong usage or a table that can't be read\n"
        "this way, 5 nothing was heard for the time of --timeout.\n"
        "\n"
        "Examples:\n"
        "  sluice resnapshot public.orders -c sluice.yaml\n"
        "  sluice resnapshot public.orders -c sluice.yaml --execute\n"
        "  sluice resnapshot public.orders -c sluice.yaml --where \"id between 1000 and 2000\" --execute\n"
        "  sluice resnapshot public.events -c sluice.yaml --type blocking --timeout 10m --execute --output json\n",
    .word = "TABLE",
    .takes = TAKES_CONFIG | TAKES_OUTPUT,
    .options = {[WHERE] = {"--where", NULL, true, false},
                [TYPE] = {"--type", NULL, true, false},
                [SURROGATE_KEY] = {"--surrogate-key", NULL, true, false},
                [SIGNAL] = {"--signal", NULL, true, false},
                [POSTGRES] = {"--postgres", NULL, true, false},
                [POSTGRES_FILE] = {"--postgres-file", NULL, true, false},
                [TIMEOUT] = {"--timeout", NULL, true, false},
                [DRY_RUN] = {"--dry-run", NULL, false, false},
                [EXECUTE] = {"--execute", NULL, false, false}},
    .run = run,
};
