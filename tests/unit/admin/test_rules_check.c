/* What `sluice check` says of rules, given the source tables whose records it saw. */
#include "admin/rules_check.h"

#include <stdlib.h>

#include "debezium/change.h"
#include "unit/config/load_text.h"

static void add_table(struct catalog *catalog, const char *table, const char *after)
{
    char text[1024];
    struct sluice_error err;
    struct sluice_change change;
    struct sluice_key key;
    struct variant *variant = NULL;
    bool is_new = false;
    const struct sluice_str no_hint = {NULL, 0};
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *decoder = NULL;
    (void)snprintf(text, sizeof text,
                   "{\"before\":null,\"after\":%s,\"source\":{\"connector\":\"postgresql\",\"name\":\"shop\",\"db\":"
                   "\"d\",\"schema\":\"public\",\"table\":\"%s\",\"lsn\":16},\"op\":\"c\"}",
                   after, table);
    if (!CHECK_INT(sluice_decoder_new(&decoder, &err), SLUICE_OK) ||
        !CHECK_INT(sluice_change_decode(decoder, sluice_str_from(text), no_hint, &change, &err), SLUICE_OK) ||
        !CHECK_INT(sluice_key_decode(decoder, SLUICE_STR_LITERAL("{\"id\":1}"), &key, &err), SLUICE_OK) ||
        !CHECK_INT(catalog_find(catalog, &change, &key, &variant, &is_new, &err), SLUICE_OK))
        (void)fprintf(stderr, "    %s\n", err.text);
}

/* The report as text, which the caller frees. Tables orders (two shapes) and items, unless there are none. */
static char *report_of(const char *rules, bool has_tables)
{
    char *text = NULL;
    size_t n = 0;
    struct report report;
    struct catalog catalog;
    struct sluice_config *config = load_line(rules);
    FILE *out = open_memstream(&text, &n);
    if (!CHECK(config != NULL) || out == NULL) {
        (void)fprintf(stderr, "    %s\n", load_err.text);
        exit(1);
    }
    catalog_init(&catalog, config);
    if (has_tables) {
        add_table(&catalog, "orders", "{\"id\":1,\"email\":\"e\"}");
        add_table(&catalog, "orders", "{\"id\":1,\"email\":\"e\",\"phone\":\"p\"}");
        add_table(&catalog, "items", "{\"id\":1,\"name\":\"n\"}");
    }
    report_begin(&report, out, false);
    rules_check_tables(&report, &catalog);
    CHECK_INT(report_end(&report), 0);
    (void)fclose(out);
    catalog_deinit(&catalog);
    sluice_config_free(config);
    return text;
}

static void test_rules(void)
{
    static const struct {
        const char *rules;
        const char *part; /* of the only line */
    } cases[] = {
        {"[{match: public}]", "ok    tables.rules             1, each of which takes a source table\n"},
        {"[{match: orders, transforms: {email: hash, phone: mask}}, {match: items, columns: {name: {rename: n}}}]",
         "ok    tables.rules             2, each"},
        {"[{match: public, transforms: {email: drop}, columns: {name: {exclude: true}}}]", "ok    tables.rules"},
        {"[{match: orders}, {match: '\\.custmers$'}]",
         "warn  tables.rules[1]          takes none of the 2 source tables in the records looked at: its match "
         "\"\\.custmers$\" fits none, or a rule before it takes them"},
        {"[{match: public}, {match: orders}]", "warn  tables.rules[1]          takes none of the 2 source tables"},
        {"[{match: orders, transforms: {emial: hash, name: mask}}]",
         "warn  tables.rules[0]          no source table that it takes has a column \"emial\" (did you mean "
         "\"email\"?), \"name\"; correct"},
        {"[{match: items, columns: {email: {rename: e}}}]", "has a column \"email\"; correct the name"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        char line[400];
        (void)snprintf(line, sizeof line, "tables.rules: %s", cases[i].rules);
        char *text = report_of(line, true);
        CHECK_CONTAINS(text, cases[i].part);
        CHECK(strchr(text, '\n') == text + strlen(text) - 1);
        free(text);
    }
}

static void test_nothing_to_say(void)
{
    char *text = report_of("tables.rules: [{match: nothing}]", false);
    CHECK_TEXT(text, "");
    free(text);
}

/* Only as many names as a line holds. */
static void test_many_columns(void)
{
    char rules[2000] = "tables.rules: [{match: items, transforms: {";
    size_t n = strlen(rules);
    for (int i = 0; i < 40; i++)
        n += (size_t)snprintf(rules + n, sizeof rules - n, "%sa_long_name_of_a_column_%d: drop", i > 0 ? ", " : "", i);
    (void)snprintf(rules + n, sizeof rules - n, "}}]");
    char *text = report_of(rules, true);
    CHECK_CONTAINS(text, "\"a_long_name_of_a_column_9\"");
    CHECK_CONTAINS(text, "; correct the name\n");
    CHECK(strlen(text) < 700);
    free(text);
}

static void test_types(void)
{
    char *text = NULL;
    size_t n = 0;
    struct report report;
    struct sluice_config *config =
        load_line("tables.source_types: [a.b.c=array(date), a.b.d=decimal(2), a.b.e=array(dat), a.b.f=timestamp]");
    FILE *out = open_memstream(&text, &n);
    if (!CHECK(config != NULL) || out == NULL)
        exit(1);
    report_begin(&report, out, false);
    rules_check_types(&report, config);
    CHECK_INT(report_end(&report), 2);
    (void)fclose(out);
    CHECK_CONTAINS(text, "fail  tables.source_types      \"a.b.e=array(dat)\": there is no type \"array(dat)\"; docs/");
    CHECK_CONTAINS(text, "\"a.b.f=timestamp\"");
    CHECK(strstr(text, "a.b.c") == NULL && strstr(text, "a.b.d") == NULL);
    free(text);
    sluice_config_free(config);
}

int main(void)
{
    test_types();
    test_rules();
    test_nothing_to_say();
    test_many_columns();
    return check_result();
}
