/* options.c - see options.h. */
#include "clickhouse/options.h"

struct sluice_ch_options sluice_ch_options_from(const struct sluice_config *config, const atomic_bool *abort)
{
    return (struct sluice_ch_options){
        .urls = config->clickhouse_url.items,
        .n_urls = config->clickhouse_url.n_items,
        .user = config->clickhouse_user,
        .password = config->clickhouse_password,
        .ca_file = config->clickhouse_ca_file,
        .product = "sluice/" SLUICE_VERSION,
        .connect_timeout_us = config->clickhouse_connect_timeout_us,
        .request_timeout_us = config->clickhouse_request_timeout_us,
        .abort = abort,
    };
}
