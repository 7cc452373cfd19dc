/* The built program: what it prints where, and its exit codes. */
#include <stdlib.h>
#include <sys/wait.h>

#include "support/check.h"

static char output[1 << 18];

/* Exit code of the program with these arguments; what it printed is in `output`. */
static int run(const char *arguments)
{
    char command[1024];
    (void)snprintf(command, sizeof command, "exec 2>&1; %s %s", SLUICE_PROGRAM, arguments);
    FILE *pipe = popen(command, "r"); /* NOLINT(cert-env33-c): the words are those of this file */
    if (pipe == NULL)
        abort();
    size_t n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = '\0';
    int status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The page that is installed is what the program prints. */
static void test_manual_page(void)
{
    static char kept[sizeof output];
    FILE *file = fopen(SLUICE_SOURCE_DIR "/docs/man/sluice.1", "r");
    if (!CHECK(file != NULL))
        return;
    size_t n = fread(kept, 1, sizeof kept - 1, file);
    kept[n] = '\0';
    (void)fclose(file);
    CHECK_INT(run("man"), 0);
    if (!CHECK(strcmp(kept, output) == 0))
        (void)fprintf(stderr, "    rewrite it with\n    sluice man > docs/man/sluice.1\n");
}

/* One line of the examples, as far as the program reads it, with a configuration that is not there: what is wrong with
 * it must be that, or nothing. False: the line is none. */
static bool try_example(const char *line, size_t length)
{
    char words[512] = "";
    const char *name = "  sluice ";
    const char *file = "sluice.yaml";
    size_t n = strcspn(line, "|>\n");
    if (length <= strlen(name) || strncmp(line, name, strlen(name)) != 0)
        return false;
    (void)snprintf(words, sizeof words, "%.*s", (int)(n - strlen(name)), line + strlen(name));
    for (char *at = words; (at = strstr(at, file)) != NULL; at++)
        memcpy(at, "/not/there/", strlen(file));
    int code = run(words);
    if (!CHECK(code == 0 || (code == 2 && strstr(output, "\"/not/there/\" can't be read") != NULL)))
        (void)fprintf(stderr, "    sluice %s\n    %s\n", words, output);
    return true;
}

static void test_examples(const char *command)
{
    char words[64];
    size_t n = 0;
    (void)snprintf(words, sizeof words, "%s --help", command);
    CHECK_INT(run(words), 0);
    char *help = strdup(output);
    const char *line = help != NULL ? strstr(help, "\nExamples:\n") : NULL;
    if (line != NULL)
        line++;
    for (; line != NULL && *line != '\0'; line += strcspn(line, "\n") + (line[strcspn(line, "\n")] == '\n'))
        n += try_example(line, strcspn(line, "\n")) ? 1 : 0;
    if (!CHECK(n > 0))
        (void)fprintf(stderr, "    sluice %s has no examples\n", words);
    free(help);
}

/* Each command that --help lists. */
static void test_each_command(void)
{
    size_t n = 0;
    CHECK_INT(run("--help"), 0);
    char *help = strdup(output);
    const char *line = help != NULL ? strstr(help, "\n  ") : NULL;
    test_examples("");
    while (line != NULL && strncmp(line, "\n  ", 3) == 0) {
        char name[32];
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(line + 3, " "), line + 3);
        test_examples(name);
        n++;
        line = strchr(line + 1, '\n');
    }
    CHECK(n >= 9);
    free(help);
}

int main(void)
{
    static const struct {
        const char *arguments;
        int exit_code;
        const char *output;
    } cases[] = {
        {"", 2, "sluice COMMAND [-c FILE]"},
        {"--help", 0, "sluice run -c sluice.yaml"},
        {"-h", 0, "Examples:"},
        {"--version", 0, "librdkafka "},
        {"version --output json", 0, "\"sanitizers\": \""},
        {"version extra", 2, "unexpected word \"extra\""},
        {"version --set a=b", 2, "unknown option \"--set\""},
        {"vesrion", 2, "unknown command \"vesrion\"; did you mean version?"},
        {"nothing", 2, "unknown command \"nothing\"; see sluice --help"},
        {"config", 2, "a word is missing behind \"config\""},
        {"config --help", 0, "sluice config sample > sluice.yaml"},
        {"config show --help", 0, "Examples:"},
        {"config sohw", 2, "unknown word \"sohw\"; did you mean show?"},
        {"config show --ouptut json", 2, "unknown option \"--ouptut\"; did you mean --output?"},
        {"config show --output xml", 2, "--output takes table or json, not \"xml\""},
        {"config show -c", 2, "a value is missing behind \"-c\""},
        {"config show -c a -c b", 2, "a second configuration file \"b\""},
        {"config show --help=1", 2, "no value belongs to \"--help\""},
        {"config show -c /nowhere", 2, "sluice: configuration: file \"/nowhere\" can't be read"},
        {"config show", 2, "no file: name: is missing"},
        {"config show -c " SLUICE_SOURCE_DIR "/schemas/sluice.sample.yaml --set senders=0", 2,
         "sluice: --set: senders: \"0\" is out of range; use 1 to 64"},
        {"config show -c " SLUICE_SOURCE_DIR "/schemas/sluice.sample.yaml --set=senders=7", 0, "senders "},
        {"config show --config=" SLUICE_SOURCE_DIR "/schemas/sluice.sample.yaml --output=json", 0, "\"senders\": {"},
        {"config options", 0, "batch.max_rows (whole number 1 to 1000000; default 65536)"},
        {"config schema", 0, "https://json-schema.org/draft/2020-12/schema"},
        {"config docs", 0, "# Configuration"},
        {"config sample", 0, "bootstrap.servers: 'localhost:9092'"},
        {"run --help", 0, "SIGTERM and SIGINT"},
        {"run", 2, "no file: name: is missing; name a file with -c"},
        {"run --output json", 2, "unknown option \"--output\""},
        {"check --help", 0, "sluice check -c sluice.yaml --output json"},
        {"check --set name=x", 2, "kafka.bootstrap.servers: is missing"},
        {"ledger --help", 0, "sluice ledger repair -c sluice.yaml --all --from-group"},
        {"ledger", 2, "a word is missing behind \"ledger\""},
        {"ledger shwo", 2, "unknown word \"shwo\"; did you mean show?"},
        {"ledger show", 2, "no file: name: is missing"},
        {"ledger show --yes", 2, "it does not go with this word: \"--yes\""},
        {"ledger show --topic a --topic b", 2, "given twice: \"--topic\""},
        {"ledger show --topic", 2, "a value is missing behind \"--topic\""},
        {"ledger show --partition 1", 2, "--partition needs --topic"},
        {"ledger show --topic a --partition x", 2, "--partition takes a number"},
        {"ledger show --partition=-1 --topic=a", 2, "--partition takes a number"},
        {"ledger repair --form-group", 2, "unknown option \"--form-group\"; did you mean --from-group?"},
        {"ledger repair --yes=1", 2, "no value belongs to \"--yes\""},
        {"ledger repair --from-group", 2, "repair takes --topic, with --partition or without, or --all"},
        {"ledger repair --from-group --all --topic a", 2, "repair takes --topic"},
        {"ledger repair --all", 2, "repair takes one of --to-offset, --from-group and --as-advised"},
        {"ledger repair --all --to-offset 1 --from-group", 2, "repair takes one of"},
        {"ledger repair --all --as-advised --from-group", 2, "repair takes one of"},
        {"ledger repair --all --as-advised", 2, "no file: name: is missing"},
        {"ledger repair --all --to-offset -1", 2, "--to-offset takes a number, earliest or latest"},
        {"ledger repair --all --to-offset 99999999999999999999", 2, "--to-offset takes a number"},
        {"ledger repair --all --from-group --output json", 2, "--output json does not go with repair"},
        {"ledger repair --all --from-group --dry-run", 2, "no file: name: is missing"},
        {"offsets --help", 0, "sluice offsets import -c sluice.yaml --from-file before.csv --execute"},
        {"offsets", 2, "a word is missing behind \"offsets\""},
        {"offsets list", 2, "no file: name: is missing"},
        {"offsets list --topic a --topic b:0,1", 2, "no file: name: is missing"},
        {"offsets list --execute", 2, "go with reset and import"},
        {"offsets list --to-latest", 2, "it does not go with this word: \"--to-latest\""},
        {"offsets export --output json", 2, "export prints CSV"},
        {"offsets reset --all-topics", 2, "exactly one of --to-earliest"},
        {"offsets reset --all-topics --to-latest --shift-by 1", 2, "exactly one of"},
        {"offsets reset --to-latest --to-latest", 2, "given twice: \"--to-latest\""},
        {"offsets reset --to-latest", 2, "either --topic, also several times, or --all-topics"},
        {"offsets reset --to-latest --all-topics --topic t", 2, "either --topic"},
        {"offsets reset --from-file a --topic t", 2, "--from-file names the partitions itself"},
        {"offsets reset --topic t --to-latest --dry-run --execute", 2, "exclude each other"},
        {"offsets reset --topic t --to-latest --export --output json", 2, "--export prints CSV"},
        {"offsets reset --topic t --to-offset latest", 2, "--to-offset takes a number"},
        {"offsets reset --topic t --to-offset -", 2, "--to-offset takes a number"},
        {"offsets reset --topic t --to-offset 99999999999999999999", 2, "--to-offset takes a number"},
        {"offsets reset --topic t --shift-by 1.5", 2, "--shift-by takes a number"},
        {"offsets reset --topic t --shift-by -7", 2, "no file: name: is missing"},
        {"offsets reset --topic t --to-datetime 2026-11-21", 2, "a time is YYYY-MM-DDTHH:MM:SS.sss"},
        {"offsets reset --topic t --by-duration 2h", 2, "a duration is PnDTnHnMnS"},
        {"offsets reset --topic t --to-lsn 16B3748", 2, "a log position is 0/16B3748"},
        {"offsets reset --topic t --to-source-time now", 2, "a time is YYYY"},
        {"offsets reset --topic t --to-lsn 0/16B3748", 2, "no file: name: is missing"},
        {"offsets import", 2, "import takes --from-file"},
        {"offsets import --from-file a", 2, "no file: name: is missing"},
        {"resnapshot --help", 0, "sluice resnapshot public.orders -c sluice.yaml --execute"},
        {"resnapshot", 2, "a word is missing: \"TABLE\""},
        {"resnapshot a b", 2, "unexpected word \"b\""},
        {"resnapshot a --type all", 2, "--type takes incremental or blocking"},
        {"resnapshot a --signal file", 2, "--signal takes topic or table"},
        {"resnapshot a --where ' '", 2, "--where is empty"},
        {"resnapshot a --dry-run --execute", 2, "exclude each other"},
        {"resnapshot a --timeout 60", 2, "--timeout \"60\""},
        {"resnapshot a --timeout 10ms", 2, "a second is the least"},
        {"resnapshot a --postgres x --postgres-file y", 2, "exclude each other"},
        {"resnapshot a --postgres-file /nowhere", 2, "--postgres-file \"/nowhere\": No such file"},
        {"resnapshot a --tiemout 10s", 2, "unknown option \"--tiemout\"; did you mean --timeout?"},
        {"resnapshot a --type blocking --where 'x = 1' --timeout 5m", 2, "no file: name: is missing"},
        {"man --output json", 2, "unknown option \"--output\""},
        {"--help", 0, "  3  unsafe to go on"},
        {"config docs > /dev/full", 1, "write the output"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (!CHECK_INT(run(cases[i].arguments), cases[i].exit_code) || !CHECK_CONTAINS(output, cases[i].output))
            (void)fprintf(stderr, "    sluice %s\n", cases[i].arguments);
    }
    test_manual_page();
    test_each_command();
    return check_result();
}
