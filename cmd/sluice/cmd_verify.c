/* cmd_verify.c - `sluice verify`: does ClickHouse have what the source has? */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "sluice/verify.h"

enum { TABLE, SOURCE, POSTGRES, POSTGRES_FILE, SLOT, SAMPLE, LIMIT, TIMEOUT, SETTLE };

enum { MAX_LIMIT = 100000 };

static int reject(const char *text)
{
    (void)fprintf(stderr, "sluice verify: %s; see sluice verify --help\n", text);
    return EXIT_USAGE;
}

/* "30s", "5m", "250ms"; a bare number is refused. */
static bool read_duration(const char *text, int64_t *us)
{
    static const struct {
        const char *unit;
        int64_t us;
    } units[] = {{"ms", 1000}, {"s", 1000000}, {"m", 60000000}, {"h", INT64_C(3600000000)}};
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || errno != 0 || value > 1000000)
        return false;
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0) {
            *us = value * units[i].us;
            return true;
        }
    }
    return false;
}

static bool read_limit(const char *text, size_t *limit)
{
    char *end = NULL;
    errno = 0;
    unsigned long long value = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || value == 0 || value > MAX_LIMIT)
        return false;
    *limit = (size_t)value;
    return true;
}

/* What is wrong with the arguments, NULL if nothing. */
static const char *read_options(const struct arguments *arguments, struct sluice_verify_options *out)
{
    const char *const *own = arguments->own;
    *out = (struct sluice_verify_options){.tables = arguments->repeated,
                                          .n_tables = arguments->n_repeated,
                                          .slot = own[SLOT],
                                          .share = 1,
                                          .limit = 100,
                                          .timeout_us = INT64_C(300000000),
                                          .settle_us = INT64_C(10000000),
                                          .json = arguments->json};
    bool is_topic = own[SOURCE] != NULL && strcmp(own[SOURCE], "topic") == 0;
    if (own[SOURCE] != NULL && !is_topic && strcmp(own[SOURCE], "postgres") != 0)
        return "--source takes postgres or topic";
    if (is_topic && (own[POSTGRES] != NULL || own[POSTGRES_FILE] != NULL || own[SLOT] != NULL || own[SETTLE] != NULL))
        return "--postgres, --postgres-file, --slot and --settle go with --source postgres";
    if (own[POSTGRES] != NULL && own[POSTGRES_FILE] != NULL)
        return "--postgres and --postgres-file exclude each other";
    if (own[SAMPLE] != NULL && !sluice_verify_parse_share(own[SAMPLE], &out->share))
        return "--sample takes a share of the keys above 0 and up to 100, as 5%";
    if (own[LIMIT] != NULL && !read_limit(own[LIMIT], &out->limit))
        return "--limit takes a number from 1 to 100000";
    if (own[TIMEOUT] != NULL && !read_duration(own[TIMEOUT], &out->timeout_us))
        return "--timeout takes a duration, as 30s or 5m";
    if (own[SETTLE] != NULL && !read_duration(own[SETTLE], &out->settle_us))
        return "--settle takes a duration, as 10s or 1m";
    return NULL;
}

static int verify(const struct sluice_config *config, const struct sluice_verify_options *options)
{
    static const int outcomes[] = {[SLUICE_VERIFY_EQUAL] = EXIT_DONE,
                                   [SLUICE_VERIFY_UNDECIDED] = EXIT_FAILED,
                                   [SLUICE_VERIFY_DIFFERENT] = EXIT_DIFFERS};
    enum sluice_verify_outcome outcome = SLUICE_VERIFY_UNDECIDED;
    struct sluice_error err;
    return sluice_verify(config, options, stdout, stderr, &outcome, &err) == SLUICE_OK ? outcomes[outcome]
                                                                                       : complain(&err);
}

static int verify_with_postgres(const struct arguments *arguments, const struct sluice_config *config,
                                const struct sluice_verify_options *options)
{
    char conninfo[MAX_POSTGRES];
    struct sluice_verify_options with_source = *options;
    if (!read_postgres(&command_verify, arguments->own[POSTGRES], arguments->own[POSTGRES_FILE], conninfo))
        return EXIT_USAGE;
    if (conninfo[0] == '\0')
        return reject("name the source's database with --postgres, --postgres-file or in SLUICE_POSTGRES");
    with_source.postgres = conninfo;
    return verify(config, &with_source);
}

static int run(const struct arguments *arguments)
{
    const char *source = arguments->own[SOURCE];
    struct sluice_config *config = NULL;
    struct sluice_verify_options options;
    int exit_code = EXIT_DONE;
    const char *wrong = read_options(arguments, &options);
    if (wrong != NULL)
        return reject(wrong);
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    exit_code = source != NULL && strcmp(source, "topic") == 0 ? verify(config, &options)
                                                               : verify_with_postgres(arguments, config, &options);
    sluice_config_free(config);
    return exit_code;
}

const struct command command_verify = {
    .name = "verify",
    .summary = "compares the source's tables with ClickHouse, cell by cell, and names what differs",
    .usage =
        "sluice verify -c FILE (--postgres CONNECTION | --postgres-file FILE) [--table NAME]... [--sample 5%]\n"
        "              [--limit N] [--timeout 5m] [--settle 10s] [--slot NAME] [--output table|json]\n"
        "sluice verify -c FILE --source topic [--table NAME]... [--sample 5%] [--limit N] [--timeout 5m]\n"
        "              [--output table|json]\n"
        "\n"
        "Reads each table in PostgreSQL, or its state as the topic tells it, and its target in ClickHouse (FINAL): "
        "first\n"
        "the numbers of rows, then sums of hashed key ranges, which are narrowed down to the keys and cells that "
        "differ.\n"
        "Nothing is written anywhere.\n"
        "It may run while rows change: a key that seems to differ is looked at again, after everything that the\n"
        "source had was stored, and is reported only if it still differs and did not change meanwhile.\n"
        "\n"
        "  --table NAME          one of the source's tables, as orders, public.orders or shop.public.orders; may be\n"
        "                        given several times; without it all that the topics tell of\n"
        "  --postgres TEXT       connection string of libpq: postgresql://user@host/database, or host=... dbname=...\n"
        "                        It is the database that the connector reads, at the primary. Better in the "
        "environment\n"
        "                        (SLUICE_POSTGRES) or a file when it holds a password; PGPASSFILE counts, too\n"
        "  --postgres-file FILE  its first line is the connection string\n"
        "  --source postgres     compares with the table itself; the default\n"
        "  --source topic        compares with the last record of each key, from the oldest record of the topic on\n"
        "  --sample 5%           only this share of the keys, always the same ones\n"
        "  --limit N             shows so many differing keys of a table, and stops looking for more (100)\n"
        "  --timeout 5m          how long to wait for what is under way from the source, for each table\n"
        "  --settle 10s          a source at rest confirms nothing: so long after PostgreSQL has sent the connector\n"
        "                        everything, it counts as read\n"
        "  --slot NAME           replication slot of the connector, where the database has several\n"
        "\n"
        "Columns that can't be compared are named in the report, with the reason. Rows of the report: missing (not in\n"
        "ClickHouse), ghost (not at the source), changed (cells differ), repeated (several live rows of one key),\n"
        "undecided (changed in every look, or the worker has not caught up in time).\n"
        "The user needs SELECT on the tables; pg_monitor, where the source is at rest for minutes.\n"
        "\n"
        "Exit codes: 0 all tables are equal, 1 a table could not be compared or decided on, 2 wrong usage, 4 rows "
        "differ.\n"
        "\n"
        "Examples:\n"
        "  sluice verify -c sluice.yaml --postgres-file /run/secrets/source\n"
        "  sluice verify -c sluice.yaml --postgres postgresql://reader@db/shop --table orders --table customers\n"
        "  sluice verify -c sluice.yaml --source topic --table orders\n"
        "  SLUICE_POSTGRES='host=db dbname=shop user=reader' sluice verify -c sluice.yaml --sample 1% --output json\n",
    .takes = TAKES_CONFIG | TAKES_OUTPUT,
    .options = {[TABLE] = {"--table", NULL, true, true},
                [SOURCE] = {"--source", NULL, true, false},
                [POSTGRES] = {"--postgres", NULL, true, false},
                [POSTGRES_FILE] = {"--postgres-file", NULL, true, false},
                [SLOT] = {"--slot", NULL, true, false},
                [SAMPLE] = {"--sample", NULL, true, false},
                [LIMIT] = {"--limit", NULL, true, false},
                [TIMEOUT] = {"--timeout", NULL, true, false},
                [SETTLE] = {"--settle", NULL, true, false}},
    .run = run,
};
