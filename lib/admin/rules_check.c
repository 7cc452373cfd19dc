/* rules_check.c - see rules_check.h. A rule that is misspelt changes nothing, so nothing else tells of it: its columns
 * are written as they are, which matters where it was to mask them. */
#include "admin/rules_check.h"

#include <stdlib.h>

#include "admin/schema_samples.h"
#include "base/buf.h"
#include "sluice/nearest.h"

enum { MAX_NAMES = 500, MAX_REASON = 300, MAX_TYPE_BYTES = 4 << 20 };

/* ---- columns ---- */

/* The next table that the rule takes and whose columns are known, from `table` on; NULL when there is none. */
static const struct table *next_table(const struct table *table, size_t rule)
{
    while (table != NULL && (table->settings->rule != rule || table->variants == NULL))
        table = table->next;
    return table;
}

static bool has_column(const struct sluice_shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->n_columns; i++)
        if (strcmp(shape->columns[i].name, name) == 0)
            return true;
    return false;
}

static bool is_somewhere(const struct table *first, size_t rule, const char *name)
{
    for (const struct table *table = first; table != NULL; table = next_table(table->next, rule))
        for (const struct variant *variant = table->variants; variant != NULL; variant = variant->next)
            if (has_column(variant->shape, name))
                return true;
    return false;
}

/* Of the columns that the newest records of one table have; NULL if none is near. */
static const char *nearest_column(const struct sluice_shape *shape, const char *name)
{
    const char **names = calloc(shape->n_columns + 1, sizeof *names);
    if (names == NULL)
        return NULL;
    for (size_t i = 0; i < shape->n_columns; i++)
        names[i] = shape->columns[i].name;
    const char *nearest = sluice_nearest(name, names, shape->n_columns);
    free(names);
    return nearest;
}

static enum sluice_code add_name(struct sluice_buf *names, const char *name, const char *nearest,
                                 struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_printf(names, err, "%s\"%.100s\"", names->len > 0 ? ", " : "", name);
    return code != SLUICE_OK || nearest == NULL ? code
                                                : sluice_buf_printf(names, err, " (did you mean \"%.100s\"?)", nearest);
}

/* False, with a line, if there are columns that no table of the rule has. */
static bool check_columns(struct report *report, const struct catalog *catalog, size_t rule)
{
    struct sluice_error ignored;
    SLUICE_AUTO(sluice_buf) struct sluice_buf unknown;
    const struct table *first = next_table(catalog->tables, rule);
    sluice_buf_init(&unknown, MAX_NAMES, "the names of columns");
    for (size_t i = 0; first != NULL; i++) {
        const char *name = sluice_rule_column(catalog->config, rule, i);
        if (name == NULL)
            break;
        if (!is_somewhere(first, rule, name) &&
            add_name(&unknown, name, nearest_column(first->variants->shape, name), &ignored) != SLUICE_OK)
            break; /* enough of them */
    }
    if (unknown.len == 0)
        return true;
    report_line(report, REPORT_WARN, sluice_rule_key(catalog->config, rule),
                "no source table that it takes has a column %s; correct the name", sluice_buf_text(&unknown));
    return false;
}

/* ---- tables ---- */

static bool takes_some(const struct catalog *catalog, size_t rule)
{
    const struct table *table = catalog->tables;
    while (table != NULL && table->settings->rule != rule)
        table = table->next;
    return table != NULL;
}

void rules_check_tables(struct report *report, const struct catalog *catalog)
{
    const size_t n_rules = sluice_rules_count(catalog->config);
    bool good = true;
    if (catalog->n_tables == 0)
        return;
    for (size_t rule = 0; rule < n_rules; rule++) {
        if (takes_some(catalog, rule)) {
            good = check_columns(report, catalog, rule) && good;
            continue;
        }
        good = false;
        report_line(report, REPORT_WARN, sluice_rule_key(catalog->config, rule),
                    "takes none of the %zu source tables in the records looked at: its match \"%.200s\" fits none, or "
                    "a rule before it takes them; correct it, or leave it for tables that are still to come",
                    catalog->n_tables, sluice_rule_match(catalog->config, rule));
    }
    if (good)
        report_line(report, REPORT_OK, "tables.rules", "%zu, each of which takes a source table", n_rules);
}

/* ---- types ---- */

void rules_check_types(struct report *report, const struct sluice_config *config)
{
    const struct sluice_config_list *types = &config->tables_source_types;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, MAX_TYPE_BYTES, "the types of columns");
    for (size_t i = 0; i < types->n_items; i++) {
        struct sluice_error err;
        struct sluice_source_column column = {.name = ""};
        const char *type = strrchr(types->items[i], '=') + 1; /* there, else the configuration is not loaded */
        bool is_known = false;
        if (source_type_hint(&arena, sluice_str_from(type), &column, &is_known, &err) != SLUICE_OK)
            report_line(report, REPORT_FAIL, "tables.source_types", "%s", err.text);
        else if (!is_known)
            report_line(report, REPORT_FAIL, "tables.source_types",
                        "\"%.200s\": there is no type \"%.60s\"; docs/types.md lists them", types->items[i], type);
    }
}

/* ---- records ---- */

struct unread {
    char first[MAX_REASON];
};

static void note(void *context, const char *what, const char *reason)
{
    struct unread *unread = context;
    if (unread->first[0] == '\0')
        (void)snprintf(unread->first, sizeof unread->first, "%s: %s", what, reason);
}

void rules_check(struct report *report, const struct sluice_config *config)
{
    struct sluice_error err;
    struct unread unread = {""};
    struct schema_samples samples = {.tell = note, .context = &unread};
    if (sluice_rules_count(config) == 0)
        return;
    enum sluice_code code = schema_samples_read(&samples, config, &err);
    if (code != SLUICE_OK)
        report_line(report, REPORT_WARN, "tables.rules", "%s; they are not compared with the source tables", err.text);
    else if (samples.n_failed > 0)
        report_line(report, REPORT_WARN, "tables.rules",
                    "%zu of the records looked at can't be read, so that source tables may be missing (%s)",
                    samples.n_failed, unread.first);
    if (code == SLUICE_OK)
        rules_check_tables(report, &samples.catalog);
    schema_samples_deinit(&samples);
}
