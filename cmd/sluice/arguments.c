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

/* N_OPTIONS when there is none. `*value` is what stands behind = in the same word, or NULL. */
static size_t find_option(const struct command *command, const char *word, const char **value)
{
    size_t n_name = strcspn(word, "=");
    *value = word[n_name] == '=' ? word + n_name + 1 : NULL;
    for (size_t i = 0; i < N_OPTIONS; i++) {
        const struct option *option = &options[i];
        bool named = strlen(option->name) == n_name && strncmp(option->name, word, n_name) == 0;
        if (!named && (option->alias == NULL || strcmp(option->alias, word) != 0))
            continue;
        return (option->needs & command->takes) == option->needs ? i : N_OPTIONS;
    }
    return N_OPTIONS;
}

static bool reject_option(const struct command *command, const char *word)
{
    const char *known[N_OPTIONS];
    size_t n = 0;
    for (size_t i = 0; i < N_OPTIONS; i++)
        if ((options[i].needs & command->takes) == options[i].needs)
            known[n++] = options[i].name;
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

static bool take_operand(const struct command *command, const char *word, struct arguments *out)
{
    size_t n = 0;
    while (n < sizeof command->operands / sizeof command->operands[0] && command->operands[n] != NULL)
        n++;
    if (n == 0 || out->operand != NULL)
        return reject(command, "unexpected word", word, NULL);
    for (size_t i = 0; i < n; i++)
        if (strcmp(command->operands[i], word) == 0)
            out->operand = command->operands[i];
    return out->operand != NULL || reject(command, "unknown word", word, sluice_nearest(word, command->operands, n));
}

bool arguments_parse(const struct command *command, int n, char *const *words, struct arguments *out)
{
    *out = (struct arguments){0};
    for (int i = 0; i < n; i++) {
        const char *value = NULL;
        if (words[i][0] != '-') {
            if (!take_operand(command, words[i], out))
                return false;
            continue;
        }
        size_t option = find_option(command, words[i], &value);
        if (option == N_OPTIONS)
            return reject_option(command, words[i]);
        if (!options[option].has_value) {
            if (value != NULL)
                return reject(command, "no value belongs to", options[option].name, NULL);
            out->help = true;
            return true;
        }
        if (value == NULL && i + 1 == n)
            return reject(command, "a value is missing behind", words[i], NULL);
        if (!take_value(command, option, value != NULL ? value : words[++i], out))
            return false;
    }
    if (command->operands[0] != NULL && out->operand == NULL)
        return reject(command, "a word is missing behind", command->name, NULL);
    return true;
}

int complain(const struct sluice_error *err)
{
    (void)fprintf(stderr, "sluice: %s\n", err->text);
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
