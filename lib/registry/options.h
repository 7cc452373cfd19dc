/* options.h - how a schema registry is reached. */
#ifndef SLUICE_REGISTRY_OPTIONS_H
#define SLUICE_REGISTRY_OPTIONS_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/config.h"

/* Texts are borrowed as long as the client lives; an empty one is the same as NULL. */
struct sluice_registry_options {
    const char *const *urls; /* base addresses, tried in turn; may hold user:password */
    size_t n_urls;
    const char *user; /* Basic, for addresses without a user of their own */
    const char *password;
    const char *token; /* Bearer, instead of user and password */
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *const *headers; /* "Name: value" */
    size_t n_headers;
    const char *product; /* User-Agent */
    int64_t connect_timeout_us;
    int64_t request_timeout_us;
    const atomic_bool *abort; /* ends a running request soon; may be NULL */
};

struct sluice_registry_options sluice_registry_options_from(const struct sluice_config *config,
                                                            const atomic_bool *abort);

#endif
