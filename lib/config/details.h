/* details.h - what a configuration knows about itself besides its values. */
#ifndef SLUICE_CONFIG_DETAILS_H
#define SLUICE_CONFIG_DETAILS_H

#include "config/option.h"

struct config_source {
    enum { CONFIG_FROM_DEFAULT, CONFIG_FROM_FILE, CONFIG_FROM_ARGUMENT } kind;
    int line; /* CONFIG_FROM_FILE */
};

struct sluice_config_details {
    struct sluice_arena arena; /* holds this struct's texts, and every text and list of the configuration */
    const char *path;          /* NULL: no file */
    const char *const *sets;
    size_t n_sets;
    struct config_source sources[CONFIG_N_OPTIONS];
    struct sluice_config_property *properties; /* what config->kafka_properties points to */
    struct config_source *property_sources;
    struct sluice_rules *rules; /* rules.h; on the arena but for the compiled expressions */
};

/* "sluice.yaml:12", "--set" or "default". Cut at `size`. */
void config_source_text(const struct sluice_config *config, struct config_source source, char *text, size_t size);

/* The rules across options, and the forms that a type alone does not give. Names both keys where two are at odds. */
SLUICE_MUST_CHECK enum sluice_code config_check(const struct sluice_config *config, struct sluice_error *err);

#endif
