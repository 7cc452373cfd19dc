/* generate.c - what a reader sees of the options: `config docs`, `config sample` and the list of --help. */
#include <stdio.h>

#include "config/kafka_keys.h"
#include "config/option.h"
#include "config/output.h"
#include "config/rules_text.h"

enum { WIDTH = 100, MAX_RANGE = 200 };

static const char intro[] =
    "# Configuration\n"
    "\n"
    "<!-- Made by `sluice config docs` from include/sluice/options.def and rules.def; do not edit. -->\n"
    "\n"
    "One YAML file, named with `-c`; JSON is accepted too. `--set key=value` on the command line wins over the\n"
    "file, the last one of several wins, and its value is read as YAML: `--set kafka.topics=[orders,customers]`.\n"
    "\n"
    "- Keys may be nested or dotted: `kafka: {bootstrap.servers: x}` is `kafka.bootstrap.servers: x`.\n"
    "- An unknown key, a key given twice, an anchor or an alias is refused.\n"
    "- In values `${VARIABLE}` is an environment variable and `${file:/path}` the content of a file without its\n"
    "  last line break; `$$` is a dollar sign. A variable or file that is missing is an error. Nothing else is read\n"
    "  from the environment.\n"
    "- Sizes need a unit, `KiB`, `MiB` or `GiB`; durations `ms`, `s`, `m` or `h`.\n"
    "- `sluice config show` prints the effective values and where each comes from; secrets are masked.\n"
    "- Options marked *reload* take effect on SIGHUP; the others need a restart.\n"
    "- [sluice.sample.yaml](../schemas/sluice.sample.yaml) is a file with every option,\n"
    "  [config.schema.json](../schemas/config.schema.json) the JSON Schema for editors.\n";

static const char passthrough[] =
    "\n"
    "## Properties of librdkafka\n"
    "\n"
    "Any other key under `kafka.` goes to librdkafka under the name behind the dot, for example\n"
    "`kafka.security.protocol` or `kafka.sasl.password`. Passwords, secrets, tokens and private keys among them are\n"
    "masked wherever they are shown. `kafka.auto.offset.reset` is `earliest` unless set. These are refused, because\n"
    "delivery rests on them:\n"
    "\n"
    "| Property | Allowed value | Reason |\n"
    "|---|---|---|\n";

/* The part of the key in front of the first dot, as a length; 0 for a key of its own. */
static size_t group_length(const char *key)
{
    const char *dot = strchr(key, '.');
    return dot != NULL ? (size_t)(dot - key) : 0;
}

static bool same_group(const char *a, const char *b)
{
    size_t n = group_length(a);
    return n == group_length(b) && strncmp(a, b, n) == 0;
}

static bool begins_group(size_t i)
{
    return i == 0 || !same_group(config_options[i - 1].key, config_options[i].key);
}

static bool ends_tables(size_t i)
{
    return strncmp(config_options[i].key, "tables.", 7) == 0 &&
           (i + 1 == CONFIG_N_OPTIONS || !same_group(config_options[i].key, config_options[i + 1].key));
}

static void print_escaped(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|' || *text == '<')
            (void)fputc('\\', out);
        (void)fputc(*text, out);
    }
}

static void docs_default(FILE *out, const struct config_option *option)
{
    if ((option->flags & SLUICE_OPTION_REQUIRED) != 0)
        (void)fprintf(out, "required");
    else if (option->preset[0] == '\0')
        (void)fprintf(out, "empty");
    else
        (void)fprintf(out, "`%s`", option->preset);
}

static void docs_row(FILE *out, const struct config_option *option)
{
    char range[MAX_RANGE];
    config_option_range(option, range, sizeof range);
    (void)fprintf(out, "| `%s` | %s", option->key, config_type_word(option->type));
    if (range[0] != '\0')
        (void)fprintf(out, "%s%s", option->type == CONFIG_ENUM ? " " : ", ", range);
    (void)fprintf(out, " | ");
    docs_default(out, option);
    (void)fprintf(out, " | ");
    print_escaped(out, option->text);
    (void)fprintf(out, "%s |\n", (option->flags & SLUICE_OPTION_RELOADABLE) != 0 ? " *reload*" : "");
}

enum sluice_code sluice_config_docs(FILE *out, struct sluice_error *err)
{
    (void)fputs(intro, out);
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        const char *key = config_options[i].key;
        size_t n = group_length(key) > 0 ? group_length(key) : strlen(key);
        if (begins_group(i) && (group_length(key) > 0 || i == 0 || group_length(config_options[i - 1].key) > 0))
            (void)fprintf(out,
                          "\n## %.*s\n\n| Option | Type and range | Default | What it changes |\n|---|---|---|---|\n",
                          (int)n, key);
        docs_row(out, &config_options[i]);
        if (ends_tables(i)) {
            (void)fprintf(out, "| `" CONFIG_DEFAULTS_KEY "` | map | empty | %s See below. |\n", config_defaults_text);
            (void)fprintf(out, "| `" CONFIG_RULES_KEY "` | list of maps | empty | %s See below. |\n",
                          config_rules_text);
        }
    }
    config_rules_docs(out);
    (void)fputs(passthrough, out);
    for (unsigned i = 0; i < config_n_kafka_refusals; i++) {
        const struct config_kafka_refusal *row = &config_kafka_refusals[i];
        (void)fprintf(out, "| `kafka.%s` | %s | %s |\n", row->key, row->allowed != NULL ? row->allowed : "none",
                      row->reason);
    }
    return config_output_end(out, err);
}

enum sluice_code sluice_config_help(FILE *out, struct sluice_error *err)
{
    char range[MAX_RANGE];
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        const struct config_option *option = &config_options[i];
        bool required = (option->flags & SLUICE_OPTION_REQUIRED) != 0;
        config_option_range(option, range, sizeof range);
        (void)fprintf(out, "  %s (%s%s%s; %s%s)\n", option->key, config_type_word(option->type),
                      range[0] != '\0' ? " " : "", range, required ? "required" : "default ",
                      required                    ? ""
                      : option->preset[0] == '\0' ? "empty"
                                                  : option->preset);
        config_output_wrapped(out, option->text, "      ", WIDTH);
        if (ends_tables(i)) {
            (void)fputs("  " CONFIG_DEFAULTS_KEY " (map; default empty)\n", out);
            config_output_wrapped(out, config_defaults_text, "      ", WIDTH);
            (void)fputs("  " CONFIG_RULES_KEY " (list of maps; default empty)\n", out);
            config_output_wrapped(out, config_rules_text, "      ", WIDTH);
        }
    }
    return config_output_end(out, err);
}

/* Single quotes keep everything, but a quote has to be doubled; no preset holds one. Plain words need none. */
static void sample_value(FILE *out, const struct config_option *option)
{
    bool text = option->type == CONFIG_STRING || option->type == CONFIG_SECRET || config_option_is_list(option);
    if (config_option_is_list(option) && option->preset[0] == '\0')
        (void)fputs("[]", out);
    else if (config_option_is_list(option))
        (void)fprintf(out, "['%s']", option->preset);
    else if (text)
        (void)fprintf(out, "'%s'", option->preset);
    else
        (void)fputs(option->preset, out);
}

static bool group_is_active(size_t first)
{
    for (size_t i = first; i < CONFIG_N_OPTIONS && same_group(config_options[first].key, config_options[i].key); i++)
        if ((config_options[i].flags & SLUICE_OPTION_REQUIRED) != 0)
            return true;
    return false;
}

static void sample_option(FILE *out, const struct config_option *option, bool nested)
{
    const char *indent = nested ? "  " : "";
    const char *name = nested ? option->key + group_length(option->key) + 1 : option->key;
    bool required = (option->flags & SLUICE_OPTION_REQUIRED) != 0;
    config_output_wrapped(out, option->text, nested ? "  # " : "# ", WIDTH);
    (void)fprintf(out, "%s%s%s: ", indent, required ? "" : "#", name);
    sample_value(out, option);
    (void)fputc('\n', out);
}

enum sluice_code sluice_config_sample(FILE *out, struct sluice_error *err)
{
    (void)fputs("# Every option of sluice. Those without a # are required; the others show their defaults.\n"
                "# Made by `sluice config sample` from include/sluice/options.def and rules.def.\n",
                out);
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        size_t n = group_length(config_options[i].key);
        if (n > 0 && begins_group(i))
            (void)fprintf(out, "\n%s%.*s:\n", group_is_active(i) ? "" : "#", (int)n, config_options[i].key);
        else
            (void)fputc('\n', out);
        sample_option(out, &config_options[i], n > 0);
        if (ends_tables(i))
            config_rules_sample(out);
    }
    return config_output_end(out, err);
}
