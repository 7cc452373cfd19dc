/* Any bytes behind the options that every configuration needs. What is accepted can be shown, is equal to itself, and
 * gives settings of any table or an error. */
#include <stdlib.h>
#include <unistd.h>

#include "base/compiler.h"
#include "sluice/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char needed[] = "name: n\nkafka.bootstrap.servers: b\nkafka.topics: t\nclickhouse.url: http://h\n"
                             "clickhouse.database: d\n";

/* A file of this process, written anew for each input. */
static const char *write_input(const uint8_t *data, size_t size)
{
    static char path[64];
    if (path[0] == '\0')
        (void)snprintf(path, sizeof path, "/dev/shm/sluice-fuzz-config-%ld", (long)getpid());
    FILE *file = fopen(path, "w");
    if (file == NULL)
        abort();
    (void)fwrite(needed, 1, sizeof needed - 1, file);
    (void)fwrite(data, 1, size, file);
    (void)fclose(file);
    return path;
}

static void check_show(const struct sluice_config *config, bool json)
{
    struct sluice_error err;
    char *text = NULL;
    size_t n = 0;
    FILE *out = open_memstream(&text, &n);
    if (out == NULL)
        abort();
    enum sluice_code code = sluice_config_show(config, out, json, &err);
    (void)fclose(out);
    free(text);
    if (code != SLUICE_OK && !json)
        SLUICE_BUG("a configuration that can't be shown");
}

static void check_settings(const struct sluice_config *config, const char *schema, const char *table)
{
    struct sluice_table_settings *settings = NULL;
    struct sluice_error err;
    if (sluice_table_settings_new(config, "n", schema, table, &settings, &err) != SLUICE_OK)
        return;
    if (settings->table[0] == '\0' && table[0] != '\0')
        SLUICE_BUG("a target without a name");
    if (sluice_column_settings(settings, "email") == NULL)
        SLUICE_BUG("a column without settings");
    sluice_table_settings_free(settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *path = write_input(data, size);
    struct sluice_config *config = NULL;
    struct sluice_error err;
    enum sluice_code code = sluice_config_load(path, NULL, 0, &config, &err);
    (void)unlink(path);
    if (code != SLUICE_OK)
        return 0;
    if (sluice_config_restart_key(config, config) != NULL)
        SLUICE_BUG("a configuration that differs from itself");
    check_show(config, false);
    check_show(config, true);
    check_settings(config, "inventory", "orders");
    check_settings(config, "a'b", "c\"d`e\\f(g--h");
    check_settings(config, "", "");
    sluice_config_free(config);
    return 0;
}
