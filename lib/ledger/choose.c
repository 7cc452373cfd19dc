/* choose.c - see choose.h.
 *
 * Which codes mean that a server has no KeeperMap (measured on 26.7): 36 without keeper_map_path_prefix, and in a
 * database of engine Ordinary; 139 with the prefix but without a Keeper section; 56 where the engine was left out of
 * the build. 36 also means that the path is used by a table with other columns, which must not lead to another ledger:
 * so after a 36 a table on a path of its own is made and dropped, which that cause can't hinder. */
#include "ledger/choose.h"

#include "base/clock.h"
#include "clickhouse/options.h"

#include <inttypes.h>
#include <stdio.h>

enum { BAD_ARGUMENTS = 36, UNKNOWN_STORAGE = 56, NO_ELEMENTS_IN_CONFIG = 139 };

/* --- is there a KeeperMap? ---------------------------------------------------------------------------------------- */

static enum sluice_code try_table(const struct sluice_config *config, struct sluice_ch_client *client,
                                  struct sluice_error *err)
{
    char name[64];
    char sql[256];
    (void)snprintf(name, sizeof name, "sluice_probe_%" PRIx64, (uint64_t)sluice_wall_us());
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE {db:Identifier}.%s (k String, v String) ENGINE = KeeperMap('/%s') PRIMARY KEY k", name,
                   name);
    const struct sluice_ch_pair db = {"db", sluice_str_from(config->clickhouse_database)};
    const struct sluice_ch_query create = {
        .sql = sql, .what = "try the KeeperMap engine", .params = &db, .n_params = 1};
    enum sluice_code code = sluice_ch_query(client, &create, NULL, err);
    if (code != SLUICE_OK)
        return code;
    (void)snprintf(sql, sizeof sql, "DROP TABLE {db:Identifier}.%s SYNC", name);
    const struct sluice_ch_query drop = {
        .sql = sql, .what = "drop the table that tried the KeeperMap engine", .params = &db, .n_params = 1};
    return sluice_ch_query(client, &drop, NULL, err);
}

static enum sluice_code is_offered(const struct sluice_config *config, const atomic_bool *abort, bool *offered,
                                   struct sluice_error *err)
{
    SLUICE_AUTO(sluice_ch_client) struct sluice_ch_client *client = NULL;
    const struct sluice_ch_options options = sluice_ch_options_from(config, abort);
    enum sluice_code code = sluice_ch_client_new(&options, &client, err);
    if (code != SLUICE_OK)
        return code;
    code = try_table(config, client, err);
    if (code != SLUICE_OK && (code != SLUICE_E_SERVER || err->detail != BAD_ARGUMENTS))
        return code;
    *offered = code == SLUICE_OK;
    return SLUICE_OK;
}

/* `failure` is what preparing a KeeperMap ledger failed with. */
static enum sluice_code find_out(const struct sluice_config *config, const atomic_bool *abort,
                                 const struct sluice_error *failure, bool *offered, struct sluice_error *err)
{
    *offered = true;
    if (failure->code != SLUICE_E_SERVER)
        return SLUICE_OK;
    if (failure->detail == BAD_ARGUMENTS)
        return is_offered(config, abort, offered, err);
    *offered = failure->detail != UNKNOWN_STORAGE && failure->detail != NO_ELEMENTS_IN_CONFIG;
    return SLUICE_OK;
}

/* --- the two -------------------------------------------------------------------------------------------------------*/

static enum sluice_code make_ready(struct sluice_ledger *ledger, enum sluice_ledger_use use, struct sluice_error *err)
{
    return use == SLUICE_LEDGER_TO_WRITE ? sluice_ledger_prepare(ledger, err) : sluice_ledger_look(ledger, err);
}

static enum sluice_code open_keeper_map(const struct sluice_config *config, const char *cluster_id,
                                        enum sluice_ledger_use use, const atomic_bool *abort,
                                        struct sluice_ledger **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = NULL;
    const struct sluice_ch_options client = sluice_ch_options_from(config, abort);
    const struct sluice_keeper_map_options options = {
        .client = &client,
        .database = config->clickhouse_database,
        .table = config->clickhouse_ledger_table,
        .path = config->clickhouse_ledger_path,
        .pipeline = config->name,
        .cluster = cluster_id,
    };
    enum sluice_code code = sluice_ledger_new_keeper_map(&options, &ledger, err);
    if (code != SLUICE_OK)
        return code;
    /* After an address that does not answer the client goes on to the next one. */
    for (size_t i = 0; i < client.n_urls; i++) {
        code = make_ready(ledger, use, err);
        if (code == SLUICE_OK || err->action != SLUICE_RETRY)
            break;
    }
    if (code != SLUICE_OK)
        return code;
    *out = SLUICE_TAKE(ledger);
    return SLUICE_OK;
}

static enum sluice_code open_kafka(const struct sluice_config *config, enum sluice_ledger_use use,
                                   struct sluice_ledger **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_ledger) struct sluice_ledger *ledger = NULL;
    const struct sluice_kafka_ledger_options options = {
        .bootstrap_servers = config->kafka_bootstrap_servers,
        .group_id = config->kafka_group_id,
        .pipeline = config->name,
        .extra = config->kafka_properties,
        .n_extra = config->n_kafka_properties,
    };
    enum sluice_code code = sluice_ledger_new_kafka(&options, &ledger, err);
    if (code == SLUICE_OK)
        code = make_ready(ledger, use, err);
    if (code != SLUICE_OK)
        return code;
    *out = SLUICE_TAKE(ledger);
    return SLUICE_OK;
}

/* The server has no KeeperMap, for the reason in `failure`. */
static enum sluice_code without_keeper_map(const struct sluice_config *config, enum sluice_ledger_use use,
                                           const struct sluice_error *failure, struct sluice_ledger **out,
                                           char reason[SLUICE_LEDGER_REASON], struct sluice_error *err)
{
    long server_code = failure->detail;
    if (config->ledger_choice == SLUICE_USE_KEEPER_MAP)
        return sluice_error_set(err, SLUICE_E_UNSAFE, SLUICE_STOP,
                                "ledger is keeper_map, and the server at %s does not offer it (code %ld); give it "
                                "keeper_map_path_prefix and a Keeper, or set ledger: kafka",
                                config->clickhouse_url.items[0], server_code);
    enum sluice_code code = open_kafka(config, use, out, err);
    if (code == SLUICE_OK)
        (void)snprintf(
            reason, SLUICE_LEDGER_REASON,
            "kafka, in the metadata of the committed offsets: the server does not offer KeeperMap (code %ld)",
            server_code);
    return code;
}

enum sluice_code sluice_ledger_open(const struct sluice_config *config, const char *cluster_id,
                                    enum sluice_ledger_use use, const atomic_bool *abort, struct sluice_ledger **out,
                                    char reason[SLUICE_LEDGER_REASON], struct sluice_error *err)
{
    struct sluice_error failure;
    bool offered = false;
    if (config->ledger_choice == SLUICE_USE_KAFKA) {
        enum sluice_code code = open_kafka(config, use, out, err);
        if (code == SLUICE_OK)
            (void)snprintf(reason, SLUICE_LEDGER_REASON,
                           "kafka, in the metadata of the committed offsets: option ledger");
        return code;
    }
    if (open_keeper_map(config, cluster_id, use, abort, out, &failure) == SLUICE_OK) {
        (void)snprintf(reason, SLUICE_LEDGER_REASON, "keeper_map, table \"%s.%s\" on path \"%s\": %s",
                       config->clickhouse_database, config->clickhouse_ledger_table, sluice_ledger_path(*out),
                       config->ledger_choice == SLUICE_USE_AUTO ? "the server offers it" : "option ledger");
        return SLUICE_OK;
    }
    enum sluice_code code = find_out(config, abort, &failure, &offered, err);
    if (code != SLUICE_OK)
        return code;
    if (offered) {
        *err = failure;
        return err->code;
    }
    return without_keeper_map(config, use, &failure, out, reason, err);
}
