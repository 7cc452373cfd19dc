/* registry_check.c - see registry_check.h. */
#include "admin/registry_check.h"

#include "registry/client.h"

void registry_check(struct report *report, const struct sluice_config *config)
{
    struct sluice_error err;
    const char *url = NULL;
    const struct sluice_registry_options options = sluice_registry_options_from(config, NULL);
    SLUICE_AUTO(sluice_registry) struct sluice_registry *registry = NULL;
    if (options.n_urls == 0)
        return;
    if (sluice_registry_new(&options, &registry, &err) != SLUICE_OK ||
        sluice_registry_probe(registry, &url, &err) != SLUICE_OK)
        report_error(report, "registry.url", &err);
    else
        report_line(report, REPORT_OK, "registry.url", "%s answers", url);
}
