/* man.c - see sluice/man.h. */
#include "sluice/man.h"

#include "config/kafka_keys.h"
#include "config/option.h"
#include "config/output.h"
#include "config/rules_text.h"

enum { MAX_RANGE = 200 };

/* Backslashes and what would be a request at the start of a line are taken literally; a minus stays one that can be
 * copied. */
static void print_text(FILE *out, const char *text)
{
    bool starts = true;
    for (; *text != '\0'; text++) {
        if (starts && (*text == '.' || *text == '\''))
            (void)fputs("\\&", out);
        if (*text == '\\')
            (void)fputs("\\e", out);
        else if (*text == '-')
            (void)fputs("\\-", out);
        else
            (void)fputc(*text, out);
        starts = *text == '\n';
    }
}

static void print_item(FILE *out, const char *title, const char *more, const char *text)
{
    (void)fputs(".TP\n\\fB", out);
    print_text(out, title);
    (void)fputs("\\fR", out);
    print_text(out, more);
    (void)fputc('\n', out);
    print_text(out, text);
    (void)fputc('\n', out);
}

static void print_option(FILE *out, const struct config_option *option)
{
    char range[MAX_RANGE];
    char more[MAX_RANGE + 160];
    bool required = (option->flags & SLUICE_OPTION_REQUIRED) != 0;
    config_option_range(option, range, sizeof range);
    (void)snprintf(more, sizeof more, " (%s%s%s; %s%s%s)", config_type_word(option->type), range[0] != '\0' ? " " : "",
                   range, required ? "required" : "default ",
                   required                    ? ""
                   : option->preset[0] == '\0' ? "empty"
                                               : option->preset,
                   (option->flags & SLUICE_OPTION_RELOADABLE) != 0 ? "; SIGHUP reloads it" : "");
    print_item(out, option->key, more, option->text);
}

static void print_options(FILE *out)
{
    (void)fputs(".SH CONFIGURATION\n"
                "One YAML file, named with \\fB\\-c\\fR; \\fB\\-\\-set\\fR \\fIKEY=VALUE\\fR wins over it. "
                "${VARIABLE} and ${file:/path} are expanded in values.\n",
                out);
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++)
        print_option(out, &config_options[i]);
    print_item(out, CONFIG_DEFAULTS_KEY, " (map; default empty)", config_defaults_text);
    print_item(out, CONFIG_RULES_KEY, " (list of maps; default empty)", config_rules_text);
    (void)fputs(".PP\nAny other key under \\fBkafka.\\fR goes to librdkafka under the name behind the dot.\n", out);
}

static void print_command(FILE *out, const struct sluice_man_command *command)
{
    (void)fputs(".SS sluice ", out);
    print_text(out, command->name);
    (void)fputc('\n', out);
    print_text(out, command->summary);
    (void)fputs(".\n.PP\n.nf\n", out);
    print_text(out, command->usage);
    (void)fputs(".fi\n", out);
}

enum sluice_code sluice_man_print(FILE *out, const struct sluice_man_command *commands, size_t n_commands,
                                  const struct sluice_man_exit *exits, size_t n_exits, struct sluice_error *err)
{
    (void)fputs(".\\\" Made by `sluice man` from the texts of --help and include/sluice/options.def; do not edit.\n"
                ".TH SLUICE 1 \"\" sluice \"User Commands\"\n"
                ".SH NAME\n"
                "sluice \\- Debezium change events of PostgreSQL tables from Kafka to ClickHouse\n"
                ".SH SYNOPSIS\n"
                "\\fBsluice\\fR \\fICOMMAND\\fR [\\fB\\-c\\fR \\fIFILE\\fR] [\\fB\\-\\-set\\fR \\fIKEY=VALUE\\fR]... "
                "[\\fB\\-\\-output\\fR table|json]\n"
                ".PP\n\\fBsluice\\fR \\fICOMMAND\\fR \\fB\\-\\-help\\fR\n"
                ".SH COMMANDS\n",
                out);
    for (size_t i = 0; i < n_commands; i++)
        print_command(out, &commands[i]);
    (void)fputs(".SH EXIT STATUS\n", out);
    for (size_t i = 0; i < n_exits; i++) {
        char code[16];
        (void)snprintf(code, sizeof code, "%d", exits[i].code);
        print_item(out, code, "", exits[i].meaning);
    }
    print_options(out);
    return config_output_end(out, err);
}
