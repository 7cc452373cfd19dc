/* rules.h - tables.defaults and tables.rules, parsed; see sluice/rules.h for what they mean. */
#ifndef SLUICE_CONFIG_RULES_H
#define SLUICE_CONFIG_RULES_H

#include <regex.h>

#include "base/arena.h"
#include "config/details.h"
#include "config/document.h"
#include "config/rule_field.h"

enum {
    RULE_MAX_GROUPS = 10,     /* \0 is not used, \1 to \9 are */
    RULE_MAX_TEXT = 16 << 10, /* bytes of one text, before and after its captures are put in */
    RULE_MAX_PATTERN = 1000,  /* bytes of an expression */
    RULE_MAX_REPETITIONS = 1000,
    RULE_MAX_SOURCE_NAME = 1000 /* bytes of name.schema.table; PostgreSQL's names have 63 at most */
};

/* What was written for one row of rules.def. */
struct rule_value {
    bool is_set;
    unsigned number;                /* BOOL, ENUM */
    const char *text;               /* NAME, SQL */
    struct sluice_config_list list; /* SQL_LIST, SQL_MAP */
};

struct rule_column {
    const char *name;
    struct rule_value values[N_COLUMN_FIELDS];
    enum sluice_transform transform;
    struct rule_column *next;
};

struct rule {
    const char *key;     /* "tables.rules[3]", for errors */
    const char *pattern; /* of `match` */
    regex_t match;
    bool is_compiled;
    size_t n_groups;
    struct rule_value values[N_RULE_FIELDS];
    struct rule_column *columns;
};

struct sluice_rules {
    struct rule defaults;
    struct rule *rules;
    size_t n_rules;
    const struct config_node *defaults_tree; /* a map; its members may come from different places */
    const struct config_node *rules_tree;    /* a list; NULL: not given */
};

/* Takes in what one entry or argument says: the value of tables.rules replaces an earlier one, members of
 * tables.defaults are set one by one. The tree is changed: its texts become expanded. Errors: "PLACE: KEY: what". */
SLUICE_MUST_CHECK enum sluice_code config_rules_set(struct sluice_config *config, const struct config_entry *entry,
                                                    struct sluice_error *err);
/* Releases what the arena does not hold. NULL does nothing. */
void config_rules_release(struct sluice_rules *rules);
/* The first of tables.defaults and tables.rules that differs, or NULL. */
const char *config_rules_difference(const struct sluice_rules *a, const struct sluice_rules *b);
/* True when a rule uses a transform that needs transforms.key. */
bool config_rules_need_key(const struct sluice_rules *rules);

#endif
