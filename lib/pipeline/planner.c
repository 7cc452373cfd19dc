/* planner.c - see planner.h. */
#include "pipeline/planner.h"

#include "clickhouse/schema.h"
#include "sluice/log.h"
#include "table/ddl.h"
#include "table/dedup.h"
#include "table/lex.h"
#include "table/window.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { MAX_DDL_BYTES = 1 << 20, MAX_WHAT = 300, MAX_ENGINE = 100 };

/* One attempt at a target. */
struct planning {
    struct sluice_ch_client *client;
    const struct planner_task *task;
    const struct sluice_table_settings *settings;
    struct sluice_ddl_options ddl;
    struct sluice_target target;
    struct planner_found *found;
    struct sluice_error *err;
};

enum sluice_code planner_ddl_options(struct sluice_ch_client *client, const struct planner_task *task,
                                     struct sluice_ddl_options *out, struct sluice_error *err)
{
    struct sluice_ch_server server;
    enum sluice_code code = sluice_ch_probe(client, &server, err);
    if (code != SLUICE_OK)
        return code;
    *out = (struct sluice_ddl_options){
        .settings = task->settings,
        .source = task->source,
        .version_column = task->config->columns_version,
        .deleted_column = task->config->columns_deleted,
        .dedup_window = task->config->tables_dedup_window,
        .metadata = task->config->columns_metadata.items,
        .n_metadata = task->config->columns_metadata.n_items,
        .has_time64 = server.major > 25 || (server.major == 25 && server.minor >= 12),
    };
    return SLUICE_OK;
}

static enum sluice_code run_ddl(struct planning *p, const char *verb, const char *sql)
{
    char what[MAX_WHAT];
    (void)snprintf(what, sizeof what, "%s \"%.100s.%.100s\"", verb, p->settings->database, p->settings->table);
    return sluice_ch_run_ddl(p->client, what, sql, p->err);
}

static void log_ddl(const struct planning *p, const char *event, const char *sql)
{
    SLUICE_LOG(SLUICE_LOG_INFO, event, SLUICE_F_TEXT("database", p->settings->database),
               SLUICE_F_TEXT("table", p->settings->table), SLUICE_F_TEXT("statement", sql));
}

/* What would be refused once it is made. The rule may name a replicated or shared engine. */
static enum sluice_code check_before_made(struct planning *p)
{
    const struct sluice_config *config = p->task->config;
    const bool is_log = p->settings->mode == SLUICE_MODE_LOG;
    struct sluice_target made = {.database = p->settings->database,
                                 .table = p->settings->table,
                                 .engine = is_log ? "MergeTree" : "ReplacingMergeTree"};
    struct lex_call given;
    char name[MAX_ENGINE];
    if (lex_call(sluice_str_from(p->settings->engine), &given)) {
        (void)snprintf(name, sizeof name, "%.*s", SLUICE_STR_ARG(given.name));
        made.engine = name;
    }
    if (config->delivery != SLUICE_DELIVERY_EXACTLY_ONCE ||
        sluice_target_check_servers(&made, config->clickhouse_url.n_items, p->err) == SLUICE_OK)
        return SLUICE_OK;
    return sluice_error_wrap(p->err, "not made");
}

static enum sluice_code create_table(struct planning *p)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, MAX_DDL_BYTES, "the CREATE TABLE of a table");
    enum sluice_code code = check_before_made(p);
    if (code == SLUICE_OK)
        code = sluice_ddl_create(p->task->shape, &p->ddl, &sql, p->err);
    if (code != SLUICE_OK)
        return code;
    code = run_ddl(p, "create table", sluice_buf_text(&sql));
    /* TABLE_ALREADY_EXISTS in spite of IF NOT EXISTS: another worker makes it at this moment. What it is will be read.
     */
    if (code != SLUICE_OK && sluice_ch_client_failure(p->client)->server_code == 57)
        return SLUICE_OK;
    if (code == SLUICE_OK)
        log_ddl(p, "table_created", sluice_buf_text(&sql));
    return code;
}

/* The statement has a line of its own: an error's text is too short for it. */
static enum sluice_code missing(struct planning *p)
{
    const struct sluice_shape *shape = p->task->shape;
    if (p->task->must_exist)
        return sluice_error_set(
            p->err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
            "table \"%s.%s\" for source table \"%s.%s\" is gone, and sluice did not make it; make it "
            "again, then restart the worker or send it SIGHUP",
            p->settings->database, p->settings->table, shape->schema, shape->table);
    if (!shape->typed && !p->settings->infer)
        return sluice_error_set(p->err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\" for source table \"%s.%s\" does not exist and its records carry no "
                                "schema to make it from; create it, let the connector's converter write schemas "
                                "(schemas.enable=true) with tables.create: true, or set tables.infer: true",
                                p->settings->database, p->settings->table, shape->schema, shape->table);
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, MAX_DDL_BYTES, "the CREATE TABLE of a table");
    enum sluice_code code = sluice_ddl_create(shape, &p->ddl, &sql, p->err);
    if (code != SLUICE_OK)
        return code;
    SLUICE_LOG(SLUICE_LOG_ERROR, "table_missing", SLUICE_F_TEXT("table", p->settings->table),
               SLUICE_F_TEXT("statement", sluice_buf_text(&sql)));
    return sluice_error_set(p->err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
                            "table \"%s.%s\" for source table \"%s.%s\" does not exist and tables.create is false; run "
                            "the statement of the log line table_missing, or set tables.create: true",
                            p->settings->database, p->settings->table, shape->schema, shape->table);
}

/* Two source tables in one target would overwrite each other's rows. A worker's memory knows only the tables that it
 * met since its start; the comment tells the others too. Tables without our comment are their owner's decision. */
static enum sluice_code check_owner(const struct planner_task *task, const struct sluice_target *target,
                                    struct sluice_error *err)
{
    const size_t prefix = sizeof SLUICE_DDL_COMMENT - 1;
    if (task->settings->is_shared || !sluice_ddl_is_ours(target) || sluice_ddl_is_of(target, task->source))
        return SLUICE_OK;
    return sluice_error_set(
        err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
        "table \"%.80s.%.80s\" was made for source table \"%.140s\", and source table \"%.140s\" would be written to "
        "it "
        "too; name another target or set shared: true in a rule or, if the source was renamed, run ALTER TABLE ... "
        "MODIFY COMMENT '%s%.140s'",
        target->database, target->table, target->comment + prefix, task->source, SLUICE_DDL_COMMENT, task->source);
}

enum sluice_code planner_check_target(const struct planner_task *task, const struct sluice_target *target,
                                      struct sluice_error *err)
{
    const struct sluice_plan_options options = {.is_log = task->settings->mode == SLUICE_MODE_LOG,
                                                .version_column = task->config->columns_version,
                                                .deleted_column = task->config->columns_deleted};
    enum sluice_code code = check_owner(task, target, err);
    return code != SLUICE_OK ? code : sluice_plan_check_engine(task->shape, target, &options, err);
}

/* Rule 7 of docs/delivery.md at its lowest: one Kafka partition, one table partition, batches by age only. What fails
 * here fails for sure; `sluice check` knows more and is stricter. */
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

static enum sluice_code read_target(struct planning *p, bool *exists)
{
    sluice_target_deinit(&p->target);
    sluice_target_init(&p->target);
    return sluice_ch_read_target(p->client, p->settings->database, p->settings->table, &p->target, exists, p->err);
}

static enum sluice_code find_target(struct planning *p)
{
    bool exists = false;
    enum sluice_code code = read_target(p, &exists);
    if (code != SLUICE_OK || exists)
        return code;
    if (!p->settings->create || p->task->must_exist || !(p->task->shape->typed || p->settings->infer))
        return missing(p);
    p->found->is_changed = true;
    code = create_table(p);
    if (code == SLUICE_OK)
        code = read_target(p, &exists);
    if (code == SLUICE_OK && !exists)
        return sluice_error_set(p->err, SLUICE_E_TABLE, SLUICE_RETRY, "table \"%s.%s\" was made and is not visible yet",
                                p->settings->database, p->settings->table);
    return code;
}

/* ---- changes ---- */

static enum sluice_code alter(struct planning *p, const struct sluice_buf *sql)
{
    if (sql->len == 0)
        return SLUICE_OK;
    p->found->is_changed = true;
    enum sluice_code code = run_ddl(p, "alter table", sluice_buf_text(sql));
    if (code == SLUICE_OK)
        log_ddl(p, "table_altered", sluice_buf_text(sql));
    return code;
}

/* Another worker may do the same at this moment: what counts is what is read afterwards. */
static enum sluice_code check_changed(struct planning *p)
{
    bool exists = false;
    SLUICE_AUTO(sluice_ddl_changes) struct sluice_ddl_changes left = {0};
    enum sluice_code code = read_target(p, &exists);
    if (code == SLUICE_OK && exists)
        code = sluice_ddl_compare(p->task->shape, &p->target, &p->ddl, &left, p->err);
    if (code == SLUICE_OK && (!exists || left.n_added > 0))
        return sluice_error_set(p->err, SLUICE_E_TABLE, SLUICE_RETRY,
                                "table \"%s.%s\" was altered and its new columns are not visible yet",
                                p->settings->database, p->settings->table);
    return code;
}

/* A read of the table's columns on every replica of the cluster; a column that one of them lacks is waited for. */
static enum sluice_code check_replicas(struct planning *p)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf answer;
    sluice_buf_init(&answer, MAX_WHAT, "the answer of a cluster");
    const struct sluice_ch_pair params[] = {{"cluster", sluice_str_from(p->settings->cluster)},
                                            {"database", sluice_str_from(p->settings->database)},
                                            {"table", sluice_str_from(p->settings->table)}};
    const struct sluice_ch_query query = {
        .sql =
            "SELECT uniqExact(hosts) <= 1 FROM (SELECT name, type, count() AS hosts FROM clusterAllReplicas({cluster:"
            "String}, system.columns) WHERE database = {database:String} AND table = {table:String} GROUP BY name, "
            "type) FORMAT TabSeparated",
        .what = "read the table's columns on all replicas",
        .params = params,
        .n_params = SLUICE_N_ELEMENTS(params)};
    enum sluice_code code = sluice_ch_query(p->client, &query, &answer, p->err);
    if (code == SLUICE_OK && strcmp(sluice_buf_text(&answer), "1\n") != 0)
        return sluice_error_set(p->err, SLUICE_E_TABLE, SLUICE_RETRY,
                                "the columns of table \"%s.%s\" are not the same on all replicas of cluster \"%s\" yet",
                                p->settings->database, p->settings->table, p->settings->cluster);
    return code;
}

/* What the source computed for the rows that it had, no record tells. */
static void warn_of_unfilled(const struct planning *p, const struct sluice_buf *columns)
{
    if (columns->len > 0)
        SLUICE_LOG(SLUICE_LOG_WARN, "column_not_filled", SLUICE_F_TEXT("database", p->settings->database),
                   SLUICE_F_TEXT("table", p->settings->table), SLUICE_F_TEXT("columns", sluice_buf_text(columns)),
                   SLUICE_F_TEXT("error",
                                 "the records do not tell what the source has in these columns of earlier rows, which "
                                 "hold NULL, a zero or the DEFAULT here; take an incremental snapshot of the table"));
}

static enum sluice_code change_target(struct planning *p)
{
    SLUICE_AUTO(sluice_ddl_changes) struct sluice_ddl_changes changes = {0};
    enum sluice_code code = sluice_ddl_compare(p->task->shape, &p->target, &p->ddl, &changes, p->err);
    if (code != SLUICE_OK || changes.n_added + changes.n_modified == 0)
        return code;
    code = alter(p, &changes.add);
    if (code == SLUICE_OK)
        warn_of_unfilled(p, &changes.unfilled);
    if (code == SLUICE_OK)
        code = alter(p, &changes.modify);
    if (code == SLUICE_OK && *p->settings->cluster != '\0')
        code = check_replicas(p);
    return code != SLUICE_OK ? code : check_changed(p);
}

/* CREATE OR REPLACE VIEW would take the place of a table too, and its rows would be gone. */
static enum sluice_code check_view(struct planning *p)
{
    bool exists = false;
    SLUICE_AUTO(sluice_target) struct sluice_target view;
    SLUICE_AUTO(sluice_buf) struct sluice_buf name;
    sluice_target_init(&view);
    sluice_buf_init(&name, MAX_DDL_BYTES, "the name of a view");
    enum sluice_code code = sluice_buf_printf(&name, p->err, "%s" SLUICE_DDL_VIEW_SUFFIX, p->settings->table);
    if (code == SLUICE_OK)
        code = sluice_ch_read_target(p->client, p->settings->database, sluice_buf_text(&name), &view, &exists, p->err);
    if (code != SLUICE_OK || !exists || strcmp(view.engine, "View") == 0)
        return code;
    return sluice_error_set(
        p->err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
        "table \"%.100s.%.100s\": its view would replace \"%.120s\", which is a table (engine %.60s); "
        "set view: false in the rule, or give one of the two tables another name",
        p->settings->database, p->settings->table, sluice_buf_text(&name), view.engine);
}

/* A view keeps the columns that its table had. */
static enum sluice_code make_view(struct planning *p)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, MAX_DDL_BYTES, "the CREATE VIEW of a table");
    if (!p->settings->view || p->settings->mode == SLUICE_MODE_LOG)
        return SLUICE_OK;
    enum sluice_code code = check_view(p);
    if (code == SLUICE_OK)
        code = sluice_ddl_view(&p->target, &p->ddl, &sql, p->err);
    return code != SLUICE_OK ? code : run_ddl(p, "create the view of the present rows of", sluice_buf_text(&sql));
}

static void tell_unfed(void *context, const struct sluice_target_column *column)
{
    const struct planning *p = context;
    SLUICE_LOG(SLUICE_LOG_WARN, "column_without_field", SLUICE_F_TEXT("database", p->settings->database),
               SLUICE_F_TEXT("table", p->settings->table), SLUICE_F_TEXT("column", column->name),
               SLUICE_F_TEXT("type", column->type_text),
               SLUICE_F_TEXT("then", "rows get the type's zero; give it a DEFAULT, make it Nullable, or drop it"));
}

static bool has_narrow_versions(const struct sluice_config *config)
{
    return config->version_mode == SLUICE_VERSION_LSN ||
           (config->version_mode == SLUICE_VERSION_OFFSET && config->version_generation == 0);
}

static enum sluice_code plan_target(struct planning *p, struct sluice_plan **out)
{
    const struct sluice_plan_options options = {.is_log = p->settings->mode == SLUICE_MODE_LOG,
                                                .version_column = p->task->config->columns_version,
                                                .deleted_column = p->task->config->columns_deleted,
                                                .settings = p->settings,
                                                .may_be_narrow = has_narrow_versions(p->task->config),
                                                .toast_placeholder = p->task->config->toast_placeholder};
    enum sluice_code code = sluice_plan_new(p->task->shape, &p->target, &options, out, p->err);
    if (code == SLUICE_OK)
        sluice_plan_unfed(p->task->shape, &p->target, &options, tell_unfed, p);
    return code;
}

enum sluice_code planner_plan(struct sluice_ch_client *client, const struct planner_task *task,
                              struct planner_found *found, struct sluice_plan **out, struct sluice_error *err)
{
    struct planning p = {.client = client, .task = task, .settings = task->settings, .found = found, .err = err};
    sluice_target_init(&p.target);
    enum sluice_code code = planner_ddl_options(client, task, &p.ddl, err);
    if (code == SLUICE_OK)
        code = find_target(&p);
    if (code == SLUICE_OK)
        code = planner_check_target(task, &p.target, err);
    if (code == SLUICE_OK)
        code = change_target(&p);
    if (code == SLUICE_OK && task->config->delivery == SLUICE_DELIVERY_EXACTLY_ONCE)
        code = check_delivery(client, task->config, &p.target, err);
    if (code == SLUICE_OK)
        code = plan_target(&p, out);
    if (code == SLUICE_OK && (code = make_view(&p)) != SLUICE_OK) {
        sluice_plan_unref(*out);
        *out = NULL;
    }
    if (code == SLUICE_OK)
        found->is_ours = sluice_ddl_is_ours(&p.target);
    sluice_target_deinit(&p.target);
    return code;
}
