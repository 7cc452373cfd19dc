/* cmd_offsets.c - `sluice offsets list|reset|export|import`: the group's offsets, as kafka-consumer-groups has them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "command.h"
#include "sluice/offsets.h"

enum {
    TOPIC,
    ALL_TOPICS,
    TO_EARLIEST,
    TO_LATEST,
    TO_CURRENT,
    TO_OFFSET,
    SHIFT_BY,
    TO_DATETIME,
    BY_DURATION,
    TO_LSN,
    TO_SOURCE_TIME,
    FROM_FILE,
    DRY_RUN,
    EXECUTE,
    EXPORT
};

static int reject(const char *text)
{
    (void)fprintf(stderr, "sluice offsets: %s; see sluice offsets --help\n", text);
    return EXIT_USAGE;
}

static bool is_word(const struct arguments *arguments, const char *word)
{
    return strcmp(arguments->operand, word) == 0;
}

static bool read_number(const char *text, int64_t *out)
{
    char *end = NULL;
    bool has_digit = (text[0] >= '0' && text[0] <= '9') || text[0] == '-' || text[0] == '+';
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!has_digit || *end != '\0' || errno != 0 || end == text)
        return false;
    *out = value;
    return true;
}

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now); /* can't fail for this clock */
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* True if the text was understood, or there was none to understand; else the complaint was printed. */
static bool read_value(const struct arguments *arguments, int option, struct sluice_offsets_reset *out)
{
    struct sluice_error err;
    int64_t duration_ms = 0;
    const char *text = arguments->own[option];
    if (option == TO_OFFSET || option == SHIFT_BY) {
        if (read_number(text, &out->number))
            return true;
        (void)reject(option == TO_OFFSET ? "--to-offset takes a number" : "--shift-by takes a number");
        return false;
    }
    enum sluice_code code = SLUICE_OK;
    if (option == TO_LSN)
        code = sluice_offsets_parse_lsn(text, &out->lsn, &err);
    if (option == TO_DATETIME || option == TO_SOURCE_TIME)
        code = sluice_offsets_parse_datetime(text, &out->time_ms, &err);
    if (option == BY_DURATION)
        code = sluice_offsets_parse_duration(text, &duration_ms, &err);
    if (code != SLUICE_OK)
        (void)complain(&err);
    else if (option == BY_DURATION)
        out->time_ms = sluice_offsets_time_before(now_ms(), duration_ms);
    return code == SLUICE_OK;
}

/* The one way to tell where to; -1 if there is none, or more than one. */
static int find_way(const struct arguments *arguments)
{
    int found = -1;
    for (int i = TO_EARLIEST; i <= FROM_FILE; i++) {
        if (arguments->own[i] != NULL && found >= 0)
            return -1;
        if (arguments->own[i] != NULL)
            found = i;
    }
    return found;
}

/* What is wrong with the arguments of reset and import, NULL if nothing. */
static const char *check_reset(const struct arguments *arguments, int way)
{
    bool has_topic = arguments->own[TOPIC] != NULL;
    bool has_all = arguments->own[ALL_TOPICS] != NULL;
    if (is_word(arguments, "import") && way != FROM_FILE)
        return "import takes --from-file";
    if (way < 0)
        return "reset takes exactly one of --to-earliest --to-latest --to-current --to-offset --shift-by "
               "--to-datetime --by-duration --to-lsn --to-source-time --from-file";
    if (way == FROM_FILE && (has_topic || has_all))
        return "--from-file names the partitions itself; leave out --topic and --all-topics";
    if (way != FROM_FILE && has_topic == has_all)
        return "reset takes either --topic, also several times, or --all-topics";
    if (arguments->own[DRY_RUN] != NULL && arguments->own[EXECUTE] != NULL)
        return "--dry-run and --execute exclude each other";
    if (arguments->own[EXPORT] != NULL && arguments->json)
        return "--export prints CSV; leave out --output json";
    return NULL;
}

static int reset(const struct arguments *arguments)
{
    static const enum sluice_offsets_to ways[] = {
        [TO_EARLIEST] = SLUICE_OFFSETS_TO_EARLIEST,
        [TO_LATEST] = SLUICE_OFFSETS_TO_LATEST,
        [TO_CURRENT] = SLUICE_OFFSETS_TO_CURRENT,
        [TO_OFFSET] = SLUICE_OFFSETS_TO_OFFSET,
        [SHIFT_BY] = SLUICE_OFFSETS_SHIFT_BY,
        [TO_DATETIME] = SLUICE_OFFSETS_TO_TIME,
        [BY_DURATION] = SLUICE_OFFSETS_TO_TIME,
        [TO_LSN] = SLUICE_OFFSETS_TO_LSN,
        [TO_SOURCE_TIME] = SLUICE_OFFSETS_TO_SOURCE_TIME,
        [FROM_FILE] = SLUICE_OFFSETS_FROM_FILE,
    };
    int way = find_way(arguments);
    int exit_code = EXIT_DONE;
    struct sluice_config *config = NULL;
    struct sluice_error err;
    const char *wrong = check_reset(arguments, way);
    if (wrong != NULL)
        return reject(wrong);
    struct sluice_offsets_reset how = {.scope = {arguments->repeated, arguments->n_repeated},
                                       .to = ways[way],
                                       .file = arguments->own[FROM_FILE],
                                       .execute = arguments->own[EXECUTE] != NULL,
                                       .format = arguments->own[EXPORT] != NULL ? SLUICE_OFFSETS_CSV
                                                 : arguments->json              ? SLUICE_OFFSETS_JSON
                                                                                : SLUICE_OFFSETS_TABLE};
    if (!read_value(arguments, way, &how))
        return EXIT_USAGE;
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    if (sluice_offsets_reset(config, &how, stdout, stderr, &err) != SLUICE_OK)
        exit_code = complain(&err);
    sluice_config_free(config);
    return exit_code;
}

static int list(const struct arguments *arguments)
{
    const struct sluice_offsets_scope scope = {arguments->repeated, arguments->n_repeated};
    enum sluice_offsets_format format = arguments->json ? SLUICE_OFFSETS_JSON : SLUICE_OFFSETS_TABLE;
    struct sluice_config *config = NULL;
    struct sluice_error err;
    int exit_code = EXIT_DONE;
    if (arguments->own[FROM_FILE] != NULL || arguments->own[DRY_RUN] != NULL || arguments->own[EXECUTE] != NULL)
        return reject("--from-file, --dry-run and --execute go with reset and import");
    if (is_word(arguments, "export") && arguments->json)
        return reject("export prints CSV; leave out --output json");
    if (is_word(arguments, "export"))
        format = SLUICE_OFFSETS_CSV;
    if (!load_config(arguments, &config, &exit_code))
        return exit_code;
    if (sluice_offsets_list(config, &scope, stdout, format, &err) != SLUICE_OK)
        exit_code = complain(&err);
    sluice_config_free(config);
    return exit_code;
}

static int run(const struct arguments *arguments)
{
    bool writes = is_word(arguments, "reset") || is_word(arguments, "import");
    return writes ? reset(arguments) : list(arguments);
}

const struct command command_offsets = {
    .name = "offsets",
    .summary = "lists the group's offsets, or sets them anew as kafka-consumer-groups does, together with the ledger",
    .usage =
        "sluice offsets list -c FILE [--topic NAME[:0,1]]... [--output table|json]\n"
        "sluice offsets export -c FILE [--topic NAME[:0,1]]... > offsets.csv\n"
        "sluice offsets reset -c FILE (--topic NAME[:0,1]... | --all-topics) WHERE [--execute] [--export]\n"
        "                     [--output table|json]\n"
        "sluice offsets import -c FILE --from-file CSV [--execute] [--output table|json]\n"
        "\n"
        "  list    each partition: what the group has committed, the end, the lag, where the ledger stands, the "
        "member\n"
        "  export  topic,partition,offset of what is committed; kafka-consumer-groups --from-file reads it too\n"
        "  reset   shows for each partition the current and the new offset, the difference, and what that means for "
        "the\n"
        "          rows in the tables; writes with --execute only. The workers must be stopped.\n"
        "  import  the same as reset --from-file\n"
        "\n"
        "Which partitions:\n"
        "  --topic NAME[:0,1]  all of this topic, or these; may be given several times\n"
        "  --all-topics        all of the pipeline for which the group has committed an offset\n"
        "\n"
        "WHERE is exactly one of:\n"
        "  --to-earliest       the oldest record there is\n"
        "  --to-latest         the end\n"
        "  --to-current        where it is now; the end where nothing is committed\n"
        "  --to-offset N       this offset\n"
        "  --shift-by N        so many further, or back with a minus\n"
        "  --to-datetime T     the first record of Kafka at or after T: 2026-11-21T13:20:05.000, in UTC unless Z, "
        "+01,\n"
        "                      +0100 or +01:00 stands behind it; the end where there is none\n"
        "  --by-duration D     the same for so long ago: P7D, PT1H30M, PT0.5S\n"
        "  --to-lsn 0/16B3748  so that every record of a transaction that was committed at this position of the "
        "source's\n"
        "                      log or later is included; the end where there is none\n"
        "  --to-source-time T  the same for transactions that were committed at T or later\n"
        "  --from-file CSV     lines of topic,partition,offset, or group,topic,partition,offset: then those of this "
        "group\n"
        "Numbers beyond the range of a partition are moved to its nearest end, with a warning.\n"
        "A topic has its records only roughly in the order of the source's commits, so --to-lsn and --to-source-time\n"
        "may begin some records too early, never too late, as long as the clocks of source and Kafka differ by less "
        "than a minute.\n"
        "\n"
        "  --dry-run           shows what would be done, and nothing else (default)\n"
        "  --execute           does it\n"
        "  --export            prints topic,partition,offset of the new offsets instead of the table\n"
        "\n"
        "In exactly-once delivery each partition's row in the ledger is written first, then the offset is committed. "
        "A\n"
        "command that is killed leaves each partition at its old or at its new offset; run it again (--shift-by: see\n"
        "first with list where each one is).\n"
        "\n"
        "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 unsafe: the group has members, nothing was written.\n"
        "\n"
        "Examples:\n"
        "  sluice offsets list -c sluice.yaml\n"
        "  sluice offsets reset -c sluice.yaml --topic shop.public.orders:0,1 --to-earliest\n"
        "  sluice offsets reset -c sluice.yaml --all-topics --by-duration PT2H --execute\n"
        "  sluice offsets export -c sluice.yaml > before.csv\n"
        "  sluice offsets import -c sluice.yaml --from-file before.csv --execute\n",
    .operands = {"list", "reset", "export", "import", NULL},
    .takes = TAKES_CONFIG | TAKES_OUTPUT,
    .options = {[TOPIC] = {"--topic", NULL, true, true},
                [ALL_TOPICS] = {"--all-topics", "reset", false, false},
                [TO_EARLIEST] = {"--to-earliest", "reset", false, false},
                [TO_LATEST] = {"--to-latest", "reset", false, false},
                [TO_CURRENT] = {"--to-current", "reset", false, false},
                [TO_OFFSET] = {"--to-offset", "reset", true, false},
                [SHIFT_BY] = {"--shift-by", "reset", true, false},
                [TO_DATETIME] = {"--to-datetime", "reset", true, false},
                [BY_DURATION] = {"--by-duration", "reset", true, false},
                [TO_LSN] = {"--to-lsn", "reset", true, false},
                [TO_SOURCE_TIME] = {"--to-source-time", "reset", true, false},
                [FROM_FILE] = {"--from-file", NULL, true, false},
                [DRY_RUN] = {"--dry-run", NULL, false, false},
                [EXECUTE] = {"--execute", NULL, false, false},
                [EXPORT] = {"--export", "reset", false, false}},
    .run = run,
};
