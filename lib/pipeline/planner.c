/* planner.c - see planner.h. */
#include "pipeline/planner.h"

#include "clickhouse/schema.h"
#include "sluice/log.h"
#include "table/ddl.h"
#include "table/dedup.h"
#include "table/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DDL_BYTES = 1 << 20 };

static enum sluice_code write_ddl(const struct sluice_config *config, const struct sluice_shape *shape,
                                  const char *table, const char *source, struct sluice_buf *sql,
                                  struct sluice_error *err)
{
    const struct sluice_ddl_options options = {.database = config->clickhouse_database,
                                               .table = table,
                                               .source = source,
                                               .version_column = config->columns_version,
                                               .deleted_column = config->columns_deleted,
                                               .is_log = config->tables_mode == SLUICE_MODE_LOG,
                                               .dedup_window = config->tables_dedup_window,
                                               .metadata = config->columns_metadata.items,
                                               .n_metadata = config->columns_metadata.n_items};
    sluice_buf_init(sql, MAX_DDL_BYTES, "the CREATE TABLE of a table");
    return sluice_ddl_create(shape, &options, sql, err);
}

static enum sluice_code create_table(struct sluice_ch_client *client, const struct sluice_config *config,
                                     const struct sluice_shape *shape, const char *table, const char *source,
                                     struct sluice_error *err)
{
    char what[256];
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql = {0};
    if (config->delivery == SLUICE_DELIVERY_EXACTLY_ONCE) { /* before it is made and refused */
        const struct sluice_target made = {
            .database = config->clickhouse_database, .table = table, .engine = "MergeTree"};
        if (sluice_target_check_servers(&made, config->clickhouse_url.n_items, err) != SLUICE_OK)
            return sluice_error_wrap(err, "not made");
    }
    (void)snprintf(what, sizeof what, "create table \"%s.%s\"", config->clickhouse_database, table);
    enum sluice_code code = write_ddl(config, shape, table, source, &sql, err);
    if (code != SLUICE_OK)
        return code;
    code = sluice_ch_run_ddl(client, what, sluice_buf_text(&sql), err);
    /* TABLE_ALREADY_EXISTS in spite of IF NOT EXISTS: another worker makes it at this moment. What it is will be read.
     */
    if (code != SLUICE_OK && sluice_ch_client_failure(client)->server_code == 57)
        return SLUICE_OK;
    if (code == SLUICE_OK)
        SLUICE_LOG(SLUICE_LOG_INFO, "table_created", SLUICE_F_TEXT("database", config->clickhouse_database),
                   SLUICE_F_TEXT("table", table));
    return code;
}

/* The statement has a line of its own: an error's text is too short for it. */
static enum sluice_code missing(const struct sluice_config *config, const struct sluice_shape *shape, const char *table,
                                const char *source, struct sluice_error *err)
{
    if (!shape->typed)
        return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\" for source table \"%s.%s\" does not exist and its records carry no "
                                "schema to make it from; create it, or let the connector's converter write schemas "
                                "(schemas.enable=true) with tables.create: true",
                                config->clickhouse_database, table, shape->schema, shape->table);
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql = {0};
    enum sluice_code code = write_ddl(config, shape, table, source, &sql, err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_LOG(SLUICE_LOG_ERROR, "table_missing", SLUICE_F_TEXT("table", table),
               SLUICE_F_TEXT("statement", sluice_buf_text(&sql)));
    return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
                            "table \"%s.%s\" for source table \"%s.%s\" does not exist and tables.create is false; run "
                            "the statement of the log line table_missing, or set tables.create: true",
                            config->clickhouse_database, table, shape->schema, shape->table);
}

/* Two source tables in one target would overwrite each other's rows. A worker's memory knows only the tables that it
 * met since its start; the comment tells the others too. Tables without our comment are their owner's decision. */
static enum sluice_code check_owner(const struct sluice_target *target, const char *source, struct sluice_error *err)
{
    const size_t prefix = sizeof SLUICE_DDL_COMMENT - 1;
    if (strncmp(target->comment, SLUICE_DDL_COMMENT, prefix) != 0 || strcmp(target->comment + prefix, source) == 0)
        return SLUICE_OK;
    return sluice_error_set(
        err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
        "table \"%.80s.%.80s\" was made for source table \"%.140s\", and source table \"%.140s\" would "
        "be written to it too; run a pipeline with a database of its own for one of them or, if the "
        "source was renamed, run ALTER TABLE ... MODIFY COMMENT '%s%.140s'",
        target->database, target->table, target->comment + prefix, source, SLUICE_DDL_COMMENT, source);
}

/* Rule 7 at its lowest: one Kafka partition, one table partition, batches by age only. What fails here fails for sure;
 * `sluice check` knows more and is stricter. */
static enum sluice_code check_window(const struct sluice_config *config, const struct sluice_target *target,
                                     struct sluice_error *err)
{
    struct window_facts facts = window_facts_from(config, &target->dedup);
    facts.batch_max_rows = 0;
    const struct window_reckoning reckoning = window_reckon(&facts);
    if (reckoning.is_enough)
        return SLUICE_OK;
    return sluice_error_set(
        err, SLUICE_E_UNSAFE, SLUICE_STOP_PARTITION,
        "table \"%.80s.%.80s\": its deduplication window lasts %.0f s and an insert may be repeated for %.0f s; run "
        "ALTER "
        "TABLE `%.80s`.`%.80s` MODIFY SETTING %s = %" PRId64 "; sluice check reckons it out and names what else helps",
        target->database, target->table, reckoning.lasts_s, reckoning.needed_s, target->database, target->table,
        dedup_window_setting(sluice_engine_of(target->engine).home), reckoning.enough_blocks);
}

static enum sluice_code check_delivery(struct sluice_ch_client *client, const struct sluice_config *config,
                                       struct sluice_target *target, struct sluice_error *err)
{
    enum sluice_code code = sluice_ch_read_dedup(client, target, err);
    if (code == SLUICE_OK)
        code = sluice_target_check_servers(target, config->clickhouse_url.n_items, err);
    if (code == SLUICE_OK)
        code = sluice_target_check_exactly_once(target, config->tables_dedup_window, err);
    return code != SLUICE_OK ? code : check_window(config, target, err);
}

enum sluice_code planner_plan(struct sluice_ch_client *client, const struct sluice_config *config,
                              const struct sluice_shape *shape, const char *table, const char *source,
                              struct sluice_plan **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    bool exists = false;
    sluice_target_init(&target);
    enum sluice_code code = sluice_ch_read_target(client, config->clickhouse_database, table, &target, &exists, err);
    if (code == SLUICE_OK && !exists) {
        if (!config->tables_create || !shape->typed)
            return missing(config, shape, table, source, err);
        code = create_table(client, config, shape, table, source, err);
        if (code == SLUICE_OK)
            code = sluice_ch_read_target(client, config->clickhouse_database, table, &target, &exists, err);
        if (code == SLUICE_OK && !exists)
            return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_RETRY,
                                    "table \"%s.%s\" was made and is not visible yet", config->clickhouse_database,
                                    table);
    }
    if (code == SLUICE_OK)
        code = check_owner(&target, source, err);
    if (code == SLUICE_OK && config->delivery == SLUICE_DELIVERY_EXACTLY_ONCE)
        code = check_delivery(client, config, &target, err);
    const struct sluice_plan_options options = {.is_log = config->tables_mode == SLUICE_MODE_LOG,
                                                .version_column = config->columns_version,
                                                .deleted_column = config->columns_deleted};
    return code != SLUICE_OK ? code : sluice_plan_new(shape, &target, &options, out, err);
}
