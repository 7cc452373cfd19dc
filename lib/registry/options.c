/* options.c - see options.h. */
#include "registry/options.h"

struct sluice_registry_options sluice_registry_options_from(const struct sluice_config *config,
                                                            const atomic_bool *abort)
{
    return (struct sluice_registry_options){
        .urls = config->registry_url.items,
        .n_urls = config->registry_url.n_items,
        .user = config->registry_user,
        .password = config->registry_password,
        .token = config->registry_token,
        .ca_file = config->registry_ca_file,
        .cert_file = config->registry_cert_file,
        .key_file = config->registry_key_file,
        .headers = config->registry_headers.items,
        .n_headers = config->registry_headers.n_items,
        .product = "sluice/" SLUICE_VERSION,
        .connect_timeout_us = config->registry_timeout_us,
        .request_timeout_us = config->registry_timeout_us,
        .abort = abort,
    };
}
