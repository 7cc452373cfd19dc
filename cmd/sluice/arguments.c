/* arguments.c - the command line behind the command's name; see command.h. */
#include "command.h"

#include <string.h>

#include "sluice/nearest.h"

struct option {
    const char *name;
    const char *alias; /* or NULL */
    unsigned needs;    /* TAKES_... that the command must have, 0: always there */
    bool has_value;
};

static const struct option options[] = {
    {"--help", "-h", 0, false},
    {"--config", "-c", TAKES_CONFIG, true},
    {"--set", NULL, TAKES_CONFIG, true},
    {"--output", NULL, TAKES_OUTPUT, true},
};
enum { HELP, CONFIG, SET, OUTPUT, N_OPTIONS };

static bool reject(const struct command *command, const char *what, const char *word, const char *nearest)
{
    (void)fprintf(stderr, "sluice %s: %s \"%s\"", command->name, what, word);
    if (nearest != NULL)
        (void)fprintf(stderr, "; did you mean %s?\n", nearest);
    else
        (void)fprintf(stderr, "; see sluice %s --help\n", command->name);
    return false;
}

static bool is_named(const char *name, const char *word, size_t n_word)
{
    return strlen(name) == n_word && strncmp(name, word, n_word) == 0;
}

/* N_OPTIONS when there is none. `*value` is what stands behind = in the same word, or NULL. */
static size_t find_option(const struct command *command, const char *word, const char **value)
{
    size_t n_name = strcspn(word, "=");
    *value = word[n_name] == '=' ? word + n_name + 1 : NULL;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *option = &options[i];
        if (!is_named(option->name, word, n_name) && (option->alias == NULL || strcmp(option->alias, word) != 0))
            continue;
        return (option->needs & command->takes) == option->needs ? i : N_OPTIONS;
    }
    return N_OPTIONS;
}

/* The same among the options of this command alone; MAX_OWN_OPTIONS when there is none. */
static size_t find_own(const struct command *command, const char *word)
{
    for (size_t i = 0; i < MAX_OWN_OPTIONS && command->options[i].name != NULL; i++)
        if (is_named(command->options[i].name, word, strcspn(word, "=")))
            return i;
    return MAX_OWN_OPTIONS;
}

static bool reject_option(const struct command *command, const char *word)
{
    const char *known[N_OPTIONS + MAX_OWN_OPTIONS];
    size_t n = 0;
    for (size_t i = 0; i < N_OPTIONS; i++)
        if ((options[i].needs & command->takes) == options[i].needs)
            known[n++] = options[i].name;
    for (size_t i = 0; i < MAX_OWN_OPTIONS && command->options[i].name != NULL; i++)
        known[n++] = command->options[i].name;
    return reject(command, "unknown option", word, sluice_nearest(word, known, n));
}

static bool take_value(const struct command *command, size_t option, const char *value, struct arguments *out)
{
    if (option == CONFIG) {
        if (out->config_path != NULL)
            return reject(command, "a second configuration file", value, NULL);
        out->config_path = value;
        return true;
    }
    if (option == SET) {
        if (out->n_sets == MAX_SETS)
            return reject(command, "too many --set, at", value, NULL);
        out->sets[out->n_sets++] = value;
        return true;
    }
    out->json = strcmp(value, "json") == 0;
    return out->json || strcmp(value, "table") == 0 ||
           reject(command, "--output takes table or json, not", value, NULL);
}

/* `*value` is what stands behind = in the word, or NULL; on true what the option takes. `*at` moves on to a value that
 * is a word of its own. */
static bool find_value(const struct command *command, int n, char *const *words, int *at, const char **value)
{
    if (*value != NULL)
        return true;
    if (*at + 1 == n)
        return reject(command, "a value is missing behind", words[*at], NULL);
    *value = words[++*at];
    return true;
}

static bool take_operand(const struct command *command, const char *word, struct arguments *out)
{
    size_t n = 0;
    if (command->word != NULL && out->operand == NULL) {
        out->operand = word;
        return true;
    }
    while (n < sizeof command->operands / sizeof command->operands[0] && command->operands[n] != NULL)
        n++;
    if (n == 0 || out->operand != NULL)
        return reject(command, "unexpected word", word, NULL);
    for (size_t i = 0; i < n; i++)
        if (strcmp(command->operands[i], word) == 0)
            out->operand = command->operands[i];
    return out->operand != NULL || reject(command, "unknown word", word, sluice_nearest(word, command->operands, n));
}

static bool take_own(const struct command *command, size_t own, int n, char *const *words, int *at, const char *value,
                     struct arguments *out)
{
    const struct command_option *option = &command->options[own];
    if (out->own[own] != NULL && !option->repeats)
        return reject(command, "given twice:", option->name, NULL);
    if (option->repeats && out->n_repeated == MAX_SETS)
        return reject(command, "given too often:", option->name, NULL);
    if (!option->has_value && value != NULL)
        return reject(command, "no value belongs to", option->name, NULL);
    if (option->has_value && !find_value(command, n, words, at, &value))
        return false;
    out->own[own] = option->has_value ? value : option->name;
    if (option->repeats)
        out->repeated[out->n_repeated++] = value;
    return true;
}

static bool take_option(const struct command *command, int n, char *const *words, int *at, struct arguments *out)
{
    const char *value = NULL;
    size_t option = find_option(command, words[*at], &value);
    size_t own = find_own(command, words[*at]);
    if (own < MAX_OWN_OPTIONS)
        return take_own(command, own, n, words, at, value, out);
    if (option == N_OPTIONS)
        return reject_option(command, words[*at]);
    if (options[option].has_value)
        return find_value(command, n, words, at, &value) && take_value(command, option, value, out);
    if (value != NULL)
        return reject(command, "no value belongs to", options[option].name, NULL);
    out->help = true;
    return true;
}

/* What can be told only when all words were seen. */
static bool check_operand(const struct command *command, const struct arguments *arguments)
{
    if (command->operands[0] != NULL && arguments->operand == NULL)
        return reject(command, "a word is missing behind", command->name, NULL);
    if (command->word != NULL && arguments->operand == NULL)
        return reject(command, "a word is missing:", command->word, NULL);
    for (size_t i = 0; i < MAX_OWN_OPTIONS; i++) {
        const struct command_option *option = &command->options[i];
        if (arguments->own[i] != NULL && option->operand != NULL && strcmp(option->operand, arguments->operand) != 0)
            return reject(command, "it does not go with this word:", option->name, NULL);
    }
    return true;
}

bool arguments_parse(const struct command *command, int n, char *const *words, struct arguments *out)
{
    *out = (struct arguments){0};
    for (int i = 0; i < n && !out->help; i++) {
        bool taken =
            words[i][0] == '-' ? take_option(command, n, words, &i, out) : take_operand(command, words[i], out);
        if (!taken)
            return false;
    }
    return out->help || check_operand(command, out);
}

int complain(const struct sluice_error *err)
{
    (void)fprintf(stderr, "sluice: %s\n", err->text);
    if (err->code == SLUICE_E_UNSAFE)
        return EXIT_UNSAFE;
    return err->code == SLUICE_E_CONFIG || err->code == SLUICE_E_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

bool load_config(const struct arguments *arguments, struct sluice_config **out, int *exit_code)
{
    struct sluice_error err;
    if (sluice_config_load(arguments->config_path, arguments->sets, arguments->n_sets, out, &err) == SLUICE_OK)
        return true;
    *exit_code = complain(&err);
    return false;
}
