/* load_text.h - loads a configuration from a text, through a file named sluice.yaml in a new folder. */
#ifndef SLUICE_TESTS_LOAD_TEXT_H
#define SLUICE_TESTS_LOAD_TEXT_H

#include <stdlib.h>
#include <unistd.h>

#include "sluice/config.h"
#include "support/check.h"

/* What every configuration needs. */
#define MINIMUM                                                                                                        \
    "name: shop\n"                                                                                                     \
    "kafka: {bootstrap.servers: 'localhost:9092', topics: a}\n"                                                        \
    "clickhouse: {url: 'http://localhost:8123', database: shop}\n"

static struct sluice_error load_err;

static inline void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(bytes, 1, n, file) != n || fclose(file) != 0)
        abort();
}

/* NULL with load_err set, whose text has the folder cut off, so that it begins with "sluice.yaml:". */
static inline struct sluice_config *load_bytes(const void *bytes, size_t n, const char *const *sets, size_t n_sets)
{
    char folder[] = "/tmp/sluice-config-XXXXXX";
    char path[64];
    struct sluice_config *config = NULL;
    memset(&load_err, 0, sizeof load_err);
    if (mkdtemp(folder) == NULL)
        abort();
    (void)snprintf(path, sizeof path, "%s/sluice.yaml", folder);
    write_file(path, bytes, n);
    if (sluice_config_load(path, sets, n_sets, &config, &load_err) != SLUICE_OK) {
        size_t n_folder = strlen(folder) + 1;
        if (strncmp(load_err.text, folder, n_folder - 1) == 0)
            memmove(load_err.text, load_err.text + n_folder, strlen(load_err.text + n_folder) + 1);
    }
    (void)unlink(path);
    (void)rmdir(folder);
    return config;
}

static inline struct sluice_config *load_text(const char *text)
{
    return load_bytes(text, strlen(text), NULL, 0);
}

/* Loads the minimum with one line more. */
static inline struct sluice_config *load_line(const char *line)
{
    char text[4096];
    (void)snprintf(text, sizeof text, "%s%s\n", MINIMUM, line);
    return load_text(text);
}

/* Loads the minimum with `--set`. */
static inline struct sluice_config *load_set(const char *set)
{
    return load_bytes(MINIMUM, strlen(MINIMUM), &set, 1);
}

#endif
