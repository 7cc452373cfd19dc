/* schema_ddl.c - `sluice schema ddl`; see sluice/schema.h. */
#include "sluice/schema.h"

#include "admin/schema_samples.h"
#include "clickhouse/options.h"
#include "clickhouse/schema.h"

#include <curl/curl.h>
#include <jansson.h>
#include <stdlib.h>

enum { MAX_DDL_BYTES = 1 << 20 };

struct showing {
    const struct sluice_config *config;
    struct sluice_ch_client *client;
    FILE *out;
    json_t *list; /* NULL: as text */
    bool apply;
    size_t n_failed;
};

static void add_json(const struct showing *s, json_t *object)
{
    if (object == NULL || json_array_append_new(s->list, object) != 0)
        SLUICE_BUG("no memory for a line of JSON");
}

static void tell(void *context, const char *what, const char *reason)
{
    const struct showing *s = context;
    if (s->list != NULL)
        add_json(s, json_pack("{s:s, s:s}", "refused", what, "error", reason));
    else
        (void)fprintf(s->out, "-- refused: %s: %s\n", what, reason);
}

static void refuse(struct showing *s, const struct table *table, const struct sluice_error *err)
{
    s->n_failed++;
    tell(s, table->source, err->text);
}

static void show(const struct showing *s, const struct table *table, const struct sluice_buf *sql)
{
    if (sql->len == 0)
        return;
    if (s->list != NULL)
        add_json(s, json_pack("{s:s, s:s, s:s, s:s, s:b}", "source", table->source, "database",
                              table->settings->database, "table", table->settings->table, "statement",
                              sluice_buf_text(sql), "applied", (int)s->apply));
    else
        (void)fprintf(s->out, "-- %s\n%s;\n", table->source, sluice_buf_text(sql));
}

/* The view is made anew with each change of the table. */
static enum sluice_code show_view(const struct showing *s, const struct table *table,
                                  const struct sluice_target *target, const struct sluice_ddl_options *options,
                                  struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, MAX_DDL_BYTES, "the CREATE VIEW of a table");
    if (!table->settings->view || table->settings->mode == SLUICE_MODE_LOG)
        return SLUICE_OK;
    enum sluice_code code = sluice_ddl_view(target, options, &sql, err);
    if (code == SLUICE_OK)
        show(s, table, &sql);
    return code;
}

/* What the table lacks as it is, or as it would be after the statements that were shown already. */
static enum sluice_code show_variant(struct showing *s, const struct planner_task *task, const struct table *table,
                                     struct sluice_target *target, bool *exists, struct sluice_error *err)
{
    struct sluice_ddl_options options;
    SLUICE_AUTO(sluice_ddl_changes) struct sluice_ddl_changes changes = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, MAX_DDL_BYTES, "the CREATE TABLE of a table");
    enum sluice_code code = planner_ddl_options(s->client, task, &options, err);
    if (code != SLUICE_OK)
        return code;
    if (!*exists) {
        code = sluice_ddl_create(task->shape, &options, &sql, err);
        if (code == SLUICE_OK)
            code = sluice_ddl_imagine(task->shape, &options, target, err);
        *exists = code == SLUICE_OK;
        if (code == SLUICE_OK)
            show(s, table, &sql);
        return code == SLUICE_OK ? show_view(s, table, target, &options, err) : code;
    }
    code = target->uuid == NULL ? SLUICE_OK : planner_check_target(task, target, err); /* NULL: imagined */
    if (code == SLUICE_OK)
        code = sluice_ddl_compare(task->shape, target, &options, &changes, err);
    if (code != SLUICE_OK)
        return code;
    show(s, table, &changes.add);
    show(s, table, &changes.modify);
    return changes.n_added + changes.n_modified > 0 ? show_view(s, table, target, &options, err) : SLUICE_OK;
}

static enum sluice_code apply_variant(struct showing *s, const struct planner_task *task, struct sluice_error *err)
{
    struct planner_found found = {0};
    struct sluice_plan *plan = NULL;
    enum sluice_code code = planner_plan(s->client, task, &found, &plan, err);
    sluice_plan_unref(plan);
    return code;
}

static enum sluice_code read_target(struct showing *s, const struct table *table, struct sluice_target *target,
                                    bool *exists, struct sluice_error *err)
{
    sluice_target_deinit(target);
    sluice_target_init(target);
    *exists = false;
    return sluice_ch_read_target(s->client, table->settings->database, table->settings->table, target, exists, err);
}

/* The newest shape first: it makes the table, and older ones add what they have beside it. */
static enum sluice_code show_variants(struct showing *s, const struct table *table, struct sluice_target *target,
                                      bool *exists, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (const struct variant *v = table->variants; v != NULL && code == SLUICE_OK; v = v->next) {
        const struct planner_task task = {
            .config = s->config, .settings = table->settings, .shape = v->shape, .source = table->source};
        code = show_variant(s, &task, table, target, exists, err);
        if (code == SLUICE_OK && s->apply)
            code = apply_variant(s, &task, err);
        if (code == SLUICE_OK && s->apply)
            code = read_target(s, table, target, exists, err);
    }
    return code;
}

static void show_table(struct showing *s, const struct table *table)
{
    struct sluice_error err;
    bool exists = false;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    enum sluice_code code = read_target(s, table, &target, &exists, &err);
    if (code == SLUICE_OK)
        code = show_variants(s, table, &target, &exists, &err);
    if (code != SLUICE_OK)
        refuse(s, table, &err);
}

static enum sluice_code show_all(struct showing *s, struct sluice_error *err)
{
    struct schema_samples samples = {.tell = tell, .context = s};
    const struct sluice_ch_options options = sluice_ch_options_from(s->config, NULL);
    struct sluice_ch_server server;
    enum sluice_code code = sluice_ch_client_new(&options, &s->client, err);
    if (code == SLUICE_OK)
        code = sluice_ch_probe(s->client, &server, err);
    if (code != SLUICE_OK)
        return code;
    code = schema_samples_read(&samples, s->config, err);
    for (const struct table *table = samples.catalog.tables; table != NULL && code == SLUICE_OK; table = table->next)
        show_table(s, table);
    s->n_failed += samples.n_failed;
    schema_samples_deinit(&samples);
    return code;
}

enum sluice_code sluice_schema_ddl(const struct sluice_config *config, bool apply, FILE *out, bool json,
                                   size_t *n_failed, struct sluice_error *err)
{
    struct showing s = {.config = config, .out = out, .apply = apply};
    if (json) {
        s.list = json_array();
        if (s.list == NULL)
            return sluice_error_nomem(err, "a list of statements", 0);
    }
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    enum sluice_code code = show_all(&s, err);
    sluice_ch_client_free(s.client);
    curl_global_cleanup();
    if (code == SLUICE_OK && json) {
        (void)json_dumpf(s.list, out, JSON_INDENT(2));
        (void)fputc('\n', out);
    }
    json_decref(s.list);
    *n_failed = s.n_failed;
    return code;
}
