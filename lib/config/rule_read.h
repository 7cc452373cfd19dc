/* rule_read.h - from the tree of one rule, or one member of it, to checked values. */
#ifndef SLUICE_CONFIG_RULE_READ_H
#define SLUICE_CONFIG_RULE_READ_H

#include "config/rules.h"

enum { RULE_MAX_KEY = 400 };

/* Where reading is. */
struct rule_place {
    struct sluice_config *config;
    struct sluice_error *err;
    char key[RULE_MAX_KEY]; /* cut when longer */
    int line;
};

/* SLUICE_E_CONFIG: "PLACE: KEY: what". */
SLUICE_MUST_CHECK enum sluice_code rule_fail(struct rule_place *at, const char *format, ...) SLUICE_PRINTF(2, 3);

/* The place of a member, or of item `i` when the node has no name. */
struct rule_place rule_below(const struct rule_place *at, const struct config_node *node, size_t i);

/* A whole rule with its `match`. Errors: those of rule_fail(), SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code rule_read(struct rule_place *at, struct rule *rule, struct config_node *node);
/* One member of it, or of the defaults. */
SLUICE_MUST_CHECK enum sluice_code rule_read_member(struct rule_place *at, struct rule *rule, struct config_node *node);

#endif
