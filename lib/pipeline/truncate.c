/* truncate.c - see truncate.h. */
#include "pipeline/truncate.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "pipeline/lane_internal.h"
#include "sluice/log.h"

void truncate_free(struct truncation *truncation)
{
    free(truncation->source);
    free(truncation->database);
    free(truncation->table);
    free(truncation);
}

void truncate_free_all(struct truncation *first)
{
    while (first != NULL) {
        struct truncation *next = first->next;
        truncate_free(first);
        first = next;
    }
}

static void tell(const struct lane *lane, const struct partition *p, const struct sluice_change *change,
                 const char *policy)
{
    sluice_metric_add(sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_TRUNCATES, policy), 1);
    SLUICE_LOG(SLUICE_LOG_WARN, "truncate", SLUICE_F_STR("schema", change->source.schema),
               SLUICE_F_STR("table", change->source.table), SLUICE_F_TEXT("topic", p->topic),
               SLUICE_F_I64("partition", p->id), SLUICE_F_TEXT("policy", policy));
}

static enum sluice_code refuse(const struct sluice_change *change, const char *why, struct sluice_error *err)
{
    return sluice_error_set(
        err, SLUICE_E_TRUNCATE, SLUICE_REJECT,
        "source table \"%.*s.%.*s\" was truncated, %s; delete its rows in ClickHouse, then move the "
        "group's offset past this record",
        SLUICE_STR_ARG(change->source.schema), SLUICE_STR_ARG(change->source.table), why);
}

/* Why a TRUNCATE can't be applied, or NULL. */
static const char *why_not(const struct lane *lane, const struct partition *p, const struct sluice_change *change,
                           const struct sluice_table_settings *settings)
{
    if (settings->is_shared)
        return "and its target holds rows of other source tables too (shared: true)";
    if (settings->mode == SLUICE_MODE_LOG)
        return "and a history of changes keeps its rows (mode: log)";
    if (lane->world.config->version_mode != SLUICE_VERSION_LOG_POSITION)
        return "and only versions of log positions have an order across partitions (version.mode: log_position)";
    if (sluice_source_state_generation(&p->lane.state, &change->source) > 0)
        return "and the source's history went back before, so its position can't be compared in other partitions";
    return NULL;
}

static struct truncation **find(struct lane *lane, const char *source, struct sluice_version version)
{
    struct truncation **at = &lane->truncations;
    while (*at != NULL && (strcmp((*at)->source, source) != 0 || (*at)->version.high != version.high ||
                           (*at)->version.low != version.low))
        at = &(*at)->next;
    return at;
}

static enum sluice_code start(struct lane *lane, const char *source, const struct sluice_table_settings *settings,
                              struct sluice_version version, struct truncation **out, struct sluice_error *err)
{
    struct truncation *truncation = calloc(1, sizeof *truncation);
    if (truncation == NULL)
        return sluice_error_nomem(err, "a TRUNCATE", sizeof *truncation);
    truncation->source = strdup(source);
    truncation->database = strdup(settings->database);
    truncation->table = strdup(settings->table);
    if (truncation->source == NULL || truncation->database == NULL || truncation->table == NULL) {
        truncate_free(truncation);
        return sluice_error_nomem(err, "a TRUNCATE", sizeof *truncation);
    }
    truncation->job.item.kind = LANE_JOB;
    truncation->job.kind = JOB_TRUNCATE;
    truncation->version = version;
    truncation->next = lane->truncations;
    lane->truncations = truncation;
    job_send(lane, &truncation->job);
    *out = truncation;
    return SLUICE_OK;
}

/* Found, so this is the second look at the record. */
static void look_again(struct lane *lane, struct partition *p, const struct sluice_change *change,
                       struct truncation **at, struct truncation **out)
{
    struct truncation *truncation = *at;
    if (!truncation->is_done) {
        *out = truncation;
        return;
    }
    *at = truncation->next;
    truncate_free(truncation);
    tell(lane, p, change, "apply");
}

static enum sluice_code apply(struct lane *lane, struct partition *p, const struct sluice_change *change,
                              const struct sluice_table_settings *settings, struct truncation **out,
                              struct sluice_error *err)
{
    const struct sluice_config *config = lane->world.config;
    const struct sluice_version_rules rules = {config->version_mode, config->version_on_new_history,
                                               config->version_clock_slack_us, (uint64_t)config->version_generation};
    struct sluice_source_state state = p->lane.state;
    struct sluice_version version;
    SLUICE_AUTO(sluice_buf) struct sluice_buf source;
    sluice_buf_init(&source, 4096, "the name of a source table");
    enum sluice_code code =
        sluice_source_state_version(&state, &change->source, change->op, false, &rules, &version, err);
    if (code == SLUICE_OK && version.high >> 48 != 0)
        return refuse(change, "and the source's history went back before it", err);
    if (code == SLUICE_OK)
        code = sluice_buf_printf(&source, err, "%.*s/%.*s/%.*s.%.*s", SLUICE_STR_ARG(change->source.name),
                                 SLUICE_STR_ARG(change->source.db), SLUICE_STR_ARG(change->source.schema),
                                 SLUICE_STR_ARG(change->source.table));
    if (code != SLUICE_OK)
        return code;
    struct truncation **at = find(lane, sluice_buf_text(&source), version);
    if (*at == NULL)
        return start(lane, sluice_buf_text(&source), settings, version, out, err);
    look_again(lane, p, change, at, out);
    if (*out == NULL)
        p->lane.state = state;
    return SLUICE_OK;
}

static enum sluice_code read_settings(const struct lane *lane, const struct sluice_source *source,
                                      struct sluice_table_settings **out, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf names;
    sluice_buf_init(&names, 4096, "the name of a source table");
    enum sluice_code code = sluice_buf_printf(&names, err, "%.*s%c%.*s%c%.*s", SLUICE_STR_ARG(source->name), '\0',
                                              SLUICE_STR_ARG(source->schema), '\0', SLUICE_STR_ARG(source->table));
    if (code != SLUICE_OK)
        return code;
    const char *name = sluice_buf_text(&names);
    const char *schema = name + source->name.len + 1;
    return sluice_table_settings_new(lane->world.config, name, schema, schema + source->schema.len + 1, out, err);
}

enum sluice_code truncate_take(struct lane *lane, struct partition *p, const struct sluice_change *change,
                               struct truncation **out, struct sluice_error *err)
{
    struct sluice_table_settings *settings = NULL;
    *out = NULL;
    enum sluice_code code = read_settings(lane, &change->source, &settings, err);
    if (code != SLUICE_OK)
        return code;
    enum sluice_truncate policy = settings->truncate;
    const char *obstacle = policy == SLUICE_TRUNCATE_APPLY ? why_not(lane, p, change, settings) : NULL;
    if (policy == SLUICE_TRUNCATE_STOP)
        code = refuse(change, "and the option truncate: stop is set for it", err);
    else if (obstacle != NULL)
        code = refuse(change, obstacle, err);
    else if (policy == SLUICE_TRUNCATE_APPLY)
        code = apply(lane, p, change, settings, out, err);
    else
        tell(lane, p, change, "ignore");
    sluice_table_settings_free(settings);
    return code;
}

void truncate_forget(struct lane *lane, const struct truncation *truncation)
{
    for (struct truncation **at = &lane->truncations; *at != NULL; at = &(*at)->next) {
        if (*at == truncation) {
            *at = truncation->next;
            break;
        }
    }
}

bool truncate_returned(struct truncation *truncation, bool is_stopping, bool *is_done)
{
    const struct job *job = &truncation->job;
    if (job->code != SLUICE_OK && job->error.action == SLUICE_RETRY && !is_stopping)
        return false;
    truncation->is_done = job->code == SLUICE_OK;
    *is_done = truncation->is_done;
    return true;
}

static bool is_applied(const struct flight *flight)
{
    const struct sluice_table_settings *settings = flight->binding->table->settings;
    return settings->truncate == SLUICE_TRUNCATE_APPLY && settings->mode == SLUICE_MODE_REPLACE;
}

static struct sluice_ch_emptied emptied_of(const struct flight *flight, const struct sluice_config *config)
{
    const struct sluice_plan *plan = sluice_batch_plan(flight->batch);
    return (struct sluice_ch_emptied){config->clickhouse_database, sluice_plan_database(plan), sluice_plan_table(plan),
                                      flight->binding->table->source};
}

enum sluice_code truncate_run(struct truncation *truncation, const struct sluice_config *config,
                              struct sluice_ch_client *client, struct sluice_error *err)
{
    const struct sluice_ch_emptied emptied = {config->clickhouse_database, truncation->database, truncation->table,
                                              truncation->source};
    return sluice_ch_truncate(client, &emptied, truncation->version, err);
}

enum sluice_code truncate_find(const struct flight *flight, const struct sluice_config *config,
                               struct sluice_ch_client *client, struct sluice_version *out, struct sluice_error *err)
{
    *out = (struct sluice_version){0, 0};
    if (!is_applied(flight))
        return SLUICE_OK;
    const struct sluice_ch_emptied emptied = emptied_of(flight, config);
    return sluice_ch_truncated_at(client, &emptied, out, err);
}

enum sluice_code truncate_before_insert(struct flight *flight, const struct sluice_config *config,
                                        struct sluice_ch_client *client, struct sluice_error *err)
{
    struct sluice_version version = {0, 0};
    if (!is_applied(flight) || flight->looked_for_truncate)
        return SLUICE_OK; /* a body that was sent before is not changed */
    const struct sluice_ch_emptied emptied = emptied_of(flight, config);
    enum sluice_code code = sluice_ch_truncated_at(client, &emptied, &version, err);
    if (code != SLUICE_OK)
        return code;
    flight->looked_for_truncate = true;
    sluice_batch_delete_older(flight->batch, version);
    /* Of rows that a former owner sent nobody knows what they said. */
    if (!flight->may_be_sent)
        flight->deleted_below = version;
    return SLUICE_OK;
}

enum sluice_code truncate_after_insert(const struct flight *flight, const struct sluice_config *config,
                                       struct sluice_ch_client *client, struct sluice_error *err)
{
    struct sluice_version version = {0, 0};
    const struct sluice_version known = flight->deleted_below;
    if (!is_applied(flight))
        return SLUICE_OK;
    const struct sluice_ch_emptied emptied = emptied_of(flight, config);
    enum sluice_code code = truncate_find(flight, config, client, &version, err);
    if (code != SLUICE_OK)
        return code;
    bool rose = version.high != known.high ? version.high > known.high : version.low > known.low;
    if (!rose || !sluice_batch_has_older(flight->batch, version))
        return SLUICE_OK;
    return sluice_ch_delete_older(client, &emptied, version, err);
}
