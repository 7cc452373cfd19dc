/* rules_text.h - the rows of rules.def, and what a configuration has below tables.defaults and tables.rules, for a
 * reader: the parts of docs, help, sample, schema and show that are about rules. */
#ifndef SLUICE_CONFIG_RULES_TEXT_H
#define SLUICE_CONFIG_RULES_TEXT_H

#include <jansson.h>
#include <stdio.h>

#include "config/details.h"
#include "config/document.h"

/* The two keys, for the tables of options. */
extern const char config_defaults_text[];
extern const char config_rules_text[];

void config_rules_docs(FILE *out);
void config_rules_sample(FILE *out);
/* Objects for $defs; NULL without memory. */
json_t *config_defaults_schema(void);
json_t *config_rules_schema(void);

/* Calls `row` for each value below the two keys, in order, with its whole key: a scalar, or a list of scalars, or
 * something empty. False as soon as `row` returns false. */
typedef bool (*config_rules_row)(void *context, const char *key, const struct config_node *value,
                                 struct config_source source);
bool config_rules_each(const struct sluice_config *config, config_rules_row row, void *context);

#endif
