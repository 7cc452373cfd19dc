/* verify.c - `sluice verify`; see sluice/verify.h. Finds the tables by the records in the topics, as a worker would. */
#include "sluice/verify.h"

#include "admin/schema_samples.h"
#include "admin/verify_cells.h"
#include "admin/verify_table.h"
#include "admin/verify_topic.h"
#include "base/clock.h"
#include "clickhouse/options.h"
#include "clickhouse/schema.h"

#include <curl/curl.h>
#include <stdlib.h>

enum { SOURCE_NAME = 400, DESCRIPTION_BYTES = 16 << 20 };
#define READ_TIMEOUT_US INT64_C(86400000000)

struct found {
    struct verify_run *run;
    struct schema_samples samples;
    struct verify_result *results;
    struct verify_result **end;
    char refused[256]; /* the first record that could not be read */
};

bool sluice_verify_parse_share(const char *text, double *share)
{
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9' || strspn(text, "0123456789.%") != strlen(text))
        return false;
    double percent = strtod(text, &end);
    bool is_good = (*end == '\0' || strcmp(end, "%") == 0) && percent > 0 && percent <= 100;
    if (is_good)
        *share = percent / 100;
    return is_good;
}

/* ---- which tables ---- */

static void tell(void *context, const char *what, const char *reason)
{
    struct found *found = context;
    if (found->refused[0] == '\0')
        (void)snprintf(found->refused, sizeof found->refused, "%s: %.120s", what, reason);
}

/* The name before the first slash of "name/db/schema.table", and the database behind it. */
static struct sluice_str source_part(const struct table *table, size_t which)
{
    struct sluice_str rest = sluice_str_from(table->source);
    for (size_t i = 0;; i++) {
        const char *slash = rest.len > 0 ? memchr(rest.ptr, '/', rest.len) : NULL;
        size_t n = slash != NULL ? (size_t)(slash - rest.ptr) : rest.len;
        if (i == which || slash == NULL)
            return (struct sluice_str){rest.ptr, n};
        rest.ptr += n + 1;
        rest.len -= n + 1;
    }
}

static void name_table(const struct table *table, char out[SOURCE_NAME])
{
    const struct sluice_shape *shape = table->variants->shape;
    (void)snprintf(out, SOURCE_NAME, "%.*s.%.120s.%.120s", SLUICE_STR_ARG(source_part(table, 0)), shape->schema,
                   shape->table);
}

/* "table", "schema.table" or "name.schema.table". */
static bool is_meant(const struct table *table, const char *wanted)
{
    char name[SOURCE_NAME];
    name_table(table, name);
    size_t n_name = strlen(name);
    size_t n_wanted = strlen(wanted);
    return n_wanted <= n_name && strcmp(name + n_name - n_wanted, wanted) == 0 &&
           (n_wanted == n_name || name[n_name - n_wanted - 1] == '.');
}

static bool is_chosen(const struct sluice_verify_options *options, const struct table *table)
{
    for (size_t i = 0; i < options->n_tables; i++)
        if (is_meant(table, options->tables[i]))
            return true;
    return options->n_tables == 0;
}

static enum sluice_code no_tables(const struct found *found, struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "the topics tell of no table: kafka.topics matches none with records%s%s",
                            found->refused[0] != '\0' ? ", or they can't be read: " : "", found->refused);
}

static enum sluice_code unknown_table(const struct found *found, const char *wanted, struct sluice_error *err)
{
    char names[480] = "";
    size_t n = 0;
    for (const struct table *t = found->samples.catalog.tables; t != NULL; t = t->next) {
        char name[SOURCE_NAME];
        name_table(t, name);
        int more = snprintf(names + n, sizeof names - n, "%s%s", n > 0 ? ", " : "", name);
        if (more < 0 || n + (size_t)more >= sizeof names) {
            (void)snprintf(names + (n < sizeof names - 5 ? n : sizeof names - 5), 5, " ...");
            break;
        }
        n += (size_t)more;
    }
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "no records of a table \"%.120s\" are in the topics; there are %s", wanted, names);
}

static enum sluice_code check_names(const struct found *found, struct sluice_error *err)
{
    const struct sluice_verify_options *options = found->run->options;
    if (found->samples.catalog.tables == NULL)
        return no_tables(found, err);
    for (size_t i = 0; i < options->n_tables; i++) {
        bool is_known = false;
        for (const struct table *t = found->samples.catalog.tables; t != NULL && !is_known; t = t->next)
            is_known = is_meant(t, options->tables[i]);
        if (!is_known)
            return unknown_table(found, options->tables[i], err);
    }
    return SLUICE_OK;
}

/* ---- one table ---- */

static enum sluice_code check_database(const struct found *found, const struct table *table, struct sluice_error *err)
{
    struct sluice_str told = source_part(table, 1);
    const char *connected = verify_postgres_database(found->run->postgres);
    if (told.len == 0 || sluice_str_equal_z(told, connected))
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP,
                            "its records come from database \"%.*s\", but PostgreSQL's connection is to \"%s\"",
                            SLUICE_STR_ARG(told), connected);
}

static enum sluice_code read_target(const struct found *found, const struct table *table, struct sluice_target *target,
                                    struct sluice_error *err)
{
    bool exists = false;
    enum sluice_code code = sluice_ch_read_target(found->run->client, table->settings->database, table->settings->table,
                                                  target, &exists, err);
    if (code == SLUICE_OK && !exists)
        return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP, "ClickHouse has no table \"%s.%s\"",
                                table->settings->database, table->settings->table);
    return code;
}

/* What is compared with what; the columns of the source are those of the table, or those of its records. */
static enum sluice_code plan_table(const struct found *found, const struct table *table,
                                   const struct sluice_target *target, struct verify_plan **plan,
                                   struct sluice_error *err)
{
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const struct verify_run *run = found->run;
    struct verify_source_column *columns = NULL;
    struct verify_facts facts = {
        .config = run->config, .settings = table->settings, .shape = table->variants->shape, .target = target};
    sluice_arena_init(&arena, DESCRIPTION_BYTES, "the columns of a table");
    enum sluice_code code =
        run->postgres != NULL
            ? verify_postgres_describe(run->postgres, facts.shape, &arena, &columns, &facts.n_columns, err)
            : verify_cells_describe(facts.shape, target, table->settings, &arena, &columns, &facts.n_columns, err);
    facts.columns = columns;
    if (code == SLUICE_OK)
        code = verify_plan_new(&facts, plan, err);
    if (code == SLUICE_OK && run->postgres == NULL)
        (*plan)->has_literals = false; /* a topic can't be asked for keys */
    return code;
}

static enum sluice_code compare_with_topic(struct found *found, const struct table *table,
                                           const struct sluice_target *target, struct verify_result *result,
                                           struct sluice_error *err)
{
    SLUICE_AUTO(verify_topic) struct verify_topic *topic = NULL;
    const struct verify_topic_options options = {.run = found->run,
                                                 .plan = result->plan,
                                                 .shape = table->variants->shape,
                                                 .settings = table->settings,
                                                 .target = target};
    enum sluice_code code = verify_topic_new(&options, &topic, err);
    found->run->source = verify_source_topic(topic);
    return code == SLUICE_OK ? verify_table(found->run, result, err) : code;
}

static enum sluice_code compare(struct found *found, const struct table *table, struct verify_result *result,
                                struct sluice_error *err)
{
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    struct verify_run *run = found->run;
    sluice_target_init(&target);
    enum sluice_code code = run->postgres != NULL ? check_database(found, table, err) : SLUICE_OK;
    if (code == SLUICE_OK)
        code = read_target(found, table, &target, err);
    if (code == SLUICE_OK)
        code = plan_table(found, table, &target, &result->plan, err);
    if (code != SLUICE_OK)
        return code;
    if (run->postgres == NULL)
        return compare_with_topic(found, table, &target, result, err);
    run->source = verify_source_postgres(run->postgres);
    return verify_table(run, result, err);
}

/* What keeps one table from being compared is told in its line; the others go on. */
static enum sluice_code compare_table(struct found *found, const struct table *table, struct sluice_error *err)
{
    char name[SOURCE_NAME];
    struct sluice_error why;
    struct verify_result *result = NULL;
    name_table(table, name);
    enum sluice_code code = verify_result_new(name, &result, err);
    if (code != SLUICE_OK)
        return code;
    *found->end = result;
    found->end = &result->next;
    code = compare(found, table, result, &why);
    if (code != SLUICE_OK) {
        result->outcome = verify_result_found(result) > 0 ? VERIFY_IS_DIFFERENT : VERIFY_IS_FAILED;
        (void)snprintf(result->reason, sizeof result->reason, "%s", why.text);
    }
    return SLUICE_OK;
}

static enum sluice_code compare_tables(struct found *found, struct sluice_error *err)
{
    enum sluice_code code = check_names(found, err);
    for (const struct table *t = found->samples.catalog.tables; t != NULL && code == SLUICE_OK; t = t->next)
        if (is_chosen(found->run->options, t))
            code = compare_table(found, t, err);
    return code;
}

/* ---- the whole ---- */

static enum sluice_verify_outcome worst(const struct verify_result *results)
{
    enum sluice_verify_outcome outcome = SLUICE_VERIFY_EQUAL;
    for (const struct verify_result *r = results; r != NULL; r = r->next) {
        if (r->outcome == VERIFY_IS_DIFFERENT)
            return SLUICE_VERIFY_DIFFERENT;
        if (r->outcome != VERIFY_IS_EQUAL)
            outcome = SLUICE_VERIFY_UNDECIDED;
    }
    return outcome;
}

static enum sluice_code open_both(struct verify_run *run, struct sluice_error *err)
{
    struct sluice_ch_options options = sluice_ch_options_from(run->config, NULL);
    struct sluice_ch_server server;
    options.request_timeout_us = READ_TIMEOUT_US; /* of a whole table */
    enum sluice_code code =
        run->options->postgres != NULL ? verify_postgres_new(run->options->postgres, &run->postgres, err) : SLUICE_OK;
    if (code == SLUICE_OK)
        code = sluice_ch_client_new(&options, &run->client, err);
    return code == SLUICE_OK ? sluice_ch_probe(run->client, &server, err) : code;
}

enum sluice_code sluice_verify(const struct sluice_config *config, const struct sluice_verify_options *options,
                               FILE *out, FILE *log, enum sluice_verify_outcome *outcome, struct sluice_error *err)
{
    struct verify_run run = {.config = config, .options = options};
    struct found found = {.run = &run};
    found.samples = (struct schema_samples){.tell = tell, .context = &found};
    found.end = &found.results;
    run.wait = (struct verify_wait){.config = config, .slot = options->slot, .settle_us = options->settle_us};
    verify_progress_init(&run.progress, log);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    enum sluice_code code = open_both(&run, err);
    run.wait.postgres = run.postgres;
    if (code == SLUICE_OK) {
        code = schema_samples_read(&found.samples, config, err);
        if (code == SLUICE_OK)
            code = compare_tables(&found, err);
        schema_samples_deinit(&found.samples);
    }
    verify_wait_deinit(&run.wait);
    verify_postgres_free(run.postgres);
    sluice_ch_client_free(run.client);
    curl_global_cleanup();
    if (code == SLUICE_OK)
        code = verify_report(found.results, out, options->json, err);
    *outcome = worst(found.results);
    verify_result_free(found.results);
    return code;
}
