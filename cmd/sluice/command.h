/* command.h - the subcommands of sluice, one file each, and what they share. */
#ifndef SLUICE_CMD_COMMAND_H
#define SLUICE_CMD_COMMAND_H

#include "sluice/config.h"
#include "sluice/man.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_UNSAFE = 3, EXIT_DIFFERS = 4, EXIT_TIMED_OUT = 5 };

/* Which of the common options a command takes. --help is always there. */
enum { TAKES_CONFIG = 1, TAKES_OUTPUT = 2 };

enum { MAX_SETS = 1000, MAX_OWN_OPTIONS = 16 };

/* An option that only one command has. */
struct command_option {
    const char *name;    /* "--topic"; NULL ends the list */
    const char *operand; /* the word that it belongs to ("repair"); NULL: to each of the command's */
    bool has_value;
    bool repeats; /* it may be given several times; one option of a command at most */
};

struct arguments {
    const char *config_path; /* -c; NULL when not given */
    const char *sets[MAX_SETS];
    size_t n_sets;
    bool json; /* --output json */
    bool help;
    const char *operand; /* the word behind the command ("show"), or NULL */
    /* In the order of command->options: the value, the option's name where it takes none, NULL when not given. */
    const char *own[MAX_OWN_OPTIONS];
    const char *repeated[MAX_SETS]; /* all values of the option that repeats; `own` has the last one */
    size_t n_repeated;
};

struct command {
    const char *name;
    const char *summary;
    const char *usage;       /* printed by --help, examples included */
    const char *operands[6]; /* words it takes, NULL at the end; none: it takes no word */
    const char *word;        /* what its one free word is ("TABLE"), instead of operands; NULL: it takes none */
    unsigned takes;
    struct command_option options[MAX_OWN_OPTIONS + 1];
    /* Returns the exit code. */
    int (*run)(const struct arguments *arguments);
};

/* In the order of --help; NULL ends the list. */
extern const struct command *const commands[];

/* What each exit code means, for --help and the manual page. */
extern const struct sluice_man_exit exit_codes[];
extern const size_t n_exit_codes;

extern const struct command command_run;
extern const struct command command_check;
extern const struct command command_config;
extern const struct command command_dlq;
extern const struct command command_ledger;
extern const struct command command_man;
extern const struct command command_offsets;
extern const struct command command_resnapshot;
extern const struct command command_schema;
extern const struct command command_verify;
extern const struct command command_version;

/* Reads what follows the command's name. On false the complaint was printed. */
bool arguments_parse(const struct command *command, int n, char *const *words, struct arguments *out);
/* The source's database as libpq takes it: `given` (--postgres), the first line of the file `path` (--postgres-file),
 * or SLUICE_POSTGRES; "" without any. On false the complaint was printed. */
enum { MAX_POSTGRES = 8192 };
bool read_postgres(const struct command *command, const char *given, const char *path, char text[MAX_POSTGRES]);
/* "sluice: TEXT" on stderr; returns the exit code that belongs to the error. */
int complain(const struct sluice_error *err);
/* Loads the configuration named by the arguments. On failure the complaint was printed and `*exit_code` set. */
bool load_config(const struct arguments *arguments, struct sluice_config **out, int *exit_code);

#endif
