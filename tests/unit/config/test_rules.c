/* Rules for tables: what a source table gets, and what is refused with which words. */
#include "base/compiler.h"
#include "load_text.h"
#include "sluice/rules.h"

#define HEAD  "name: shop\nkafka: {bootstrap.servers: b, topics: a}\nclickhouse: {url: 'http://h', database: shop}\n"
#define RULES HEAD "tables:\n  rules:\n"

static struct sluice_config *load(const char *text)
{
    struct sluice_config *config = load_text(text);
    if (!CHECK(config != NULL)) {
        (void)fprintf(stderr, "    %s\n", load_err.text);
        exit(1);
    }
    return config;
}

static struct sluice_table_settings *settings_of(const struct sluice_config *config, const char *schema,
                                                 const char *table)
{
    struct sluice_table_settings *settings = NULL;
    struct sluice_error err;
    if (!CHECK_INT(sluice_table_settings_new(config, "shop", schema, table, &settings, &err), SLUICE_OK)) {
        (void)fprintf(stderr, "    %s\n", err.text);
        exit(1);
    }
    return settings;
}

static void test_built_in(void)
{
    struct sluice_config *config =
        load(HEAD "tables.source_types: [inv.orders.a=json, inv.orders.b.c=uuid, x.y.z=int16]\n");
    struct sluice_table_settings *settings = settings_of(config, "inv", "orders");
    CHECK_TEXT(settings->database, "shop");
    CHECK_TEXT(settings->table, "orders");
    CHECK_TEXT(settings->engine, "");
    CHECK(settings->create && settings->widen && !settings->infer && !settings->view && !settings->is_shared);
    CHECK_INT(settings->mode, SLUICE_MODE_REPLACE);
    CHECK_INT(settings->truncate, SLUICE_TRUNCATE_IGNORE);
    CHECK_INT(settings->any.toast, SLUICE_TOAST_KEEP);
    CHECK_INT(settings->order_by.n_items, 0);
    CHECK_INT(settings->n_columns, 2);
    CHECK_TEXT(sluice_column_settings(settings, "a")->source_type, "json");
    CHECK_TEXT(sluice_column_settings(settings, "b.c")->source_type, "uuid");
    CHECK(sluice_column_settings(settings, "other") == &settings->any);
    CHECK_TEXT(settings->any.rename, "");
    sluice_table_settings_free(settings);
    sluice_config_free(config);
    sluice_table_settings_free(NULL);
}

/* A rule tells types too; the option wins. */
static void test_source_types(void)
{
    struct sluice_config *config = load(HEAD "tables:\n"
                                             "  source_types: inv.orders.a=json\n"
                                             "  rules: [{match: orders, columns: {a: {source_type: uuid}, b: "
                                             "{source_type: array(date)}}}]\n");
    struct sluice_table_settings *settings = settings_of(config, "inv", "orders");
    CHECK_TEXT(sluice_column_settings(settings, "a")->source_type, "json");
    CHECK_TEXT(sluice_column_settings(settings, "b")->source_type, "array(date)");
    sluice_table_settings_free(settings);
    sluice_config_free(config);
}

static const char all[] =
    HEAD "tables:\n"
         "  mode: log\n"
         "  source_types: inventory.orders.name=json\n"
         "  defaults: { truncate: stop, toast: null, cluster: main, database: other, settings: {a: 1} }\n"
         "  rules:\n"
         "    - match: '^shop\\.inventory\\.(orders)(_x)?$'\n"
         "      database: ${SLUICE_TEST_DB}\n"
         "      table: 'x_\\1\\2'\n"
         "      shared: true\n"
         "      mode: replace\n"
         "      cluster: ''\n"
         "      engine: ReplicatedReplacingMergeTree('/clickhouse/{shard}/\\1', '{replica}')\n"
         "      order_by: [id, lower(name)]\n"
         "      primary_key: id\n"
         "      partition_by: toYYYYMM(created_at)\n"
         "      settings: { index_granularity: 4096, storage_policy: it's, b: true, c: \"'x'\" }\n"
         "      indexes: ['i_name name TYPE bloom_filter GRANULARITY 1']\n"
         "      projections: ['p_by_name (SELECT * ORDER BY name)']\n"
         "      transforms: { email: hash, ssn: drop }\n"
         "      columns:\n"
         "        name: { rename: 'title_\\1', type: String, codec: ZSTD(3), on_out_of_range: clamp, toast: keep }\n"
         "        a.b: { exclude: true }\n"
         "    - { match: orders, table: second }\n";

static void check_orders(const struct sluice_table_settings *settings)
{
    CHECK_TEXT(settings->database, "from_env");
    CHECK_TEXT(settings->table, "x_orders");
    CHECK(settings->is_shared);
    CHECK_INT(settings->mode, SLUICE_MODE_REPLACE);
    CHECK_INT(settings->truncate, SLUICE_TRUNCATE_STOP);
    CHECK_TEXT(settings->cluster, "");
    CHECK_TEXT(settings->engine, "ReplicatedReplacingMergeTree('/clickhouse/{shard}/orders', '{replica}')");
    CHECK_INT(settings->order_by.n_items, 2);
    CHECK_TEXT(settings->order_by.items[1], "lower(name)");
    CHECK_INT(settings->primary_key.n_items, 1);
    CHECK_INT(settings->settings.n_items, 4);
    CHECK_TEXT(settings->settings.items[0], "index_granularity = 4096");
    CHECK_TEXT(settings->settings.items[1], "storage_policy = 'it\\'s'");
    CHECK_TEXT(settings->settings.items[2], "b = true");
    CHECK_TEXT(settings->settings.items[3], "c = 'x'");
    CHECK_TEXT(settings->indexes.items[0], "i_name name TYPE bloom_filter GRANULARITY 1");
    CHECK_TEXT(settings->projections.items[0], "p_by_name (SELECT * ORDER BY name)");
}

static void check_columns(const struct sluice_table_settings *settings)
{
    const struct sluice_column_settings *name = sluice_column_settings(settings, "name");
    CHECK_INT(settings->n_columns, 4);
    CHECK_TEXT(name->rename, "title_orders");
    CHECK_TEXT(name->type, "String");
    CHECK_TEXT(name->codec, "ZSTD(3)");
    CHECK_TEXT(name->source_type, "json");
    CHECK_INT(name->on_out_of_range, SLUICE_RANGE_CLAMP);
    CHECK_INT(name->toast, SLUICE_TOAST_KEEP);
    CHECK_INT(name->transform, SLUICE_TRANSFORM_NONE);
    CHECK_INT(sluice_column_settings(settings, "email")->transform, SLUICE_TRANSFORM_HASH);
    CHECK_INT(sluice_column_settings(settings, "email")->toast, SLUICE_TOAST_NULL);
    CHECK_INT(sluice_column_settings(settings, "ssn")->transform, SLUICE_TRANSFORM_DROP);
    CHECK(sluice_column_settings(settings, "ssn")->exclude);
    CHECK(sluice_column_settings(settings, "a.b")->exclude);
    CHECK(!sluice_column_settings(settings, "email")->exclude);
}

static void test_all(void)
{
    (void)setenv("SLUICE_TEST_DB", "from_env", 1);
    struct sluice_config *config = load(all);
    struct sluice_table_settings *settings = settings_of(config, "inventory", "orders");
    check_orders(settings);
    check_columns(settings);
    CHECK_INT(settings->rule, 0);
    sluice_table_settings_free(settings);

    settings = settings_of(config, "other", "my_orders_x");
    CHECK_INT(settings->rule, 1);
    CHECK_TEXT(settings->table, "second");
    CHECK_TEXT(settings->database, "other");
    CHECK_TEXT(settings->cluster, "main");
    CHECK_TEXT(settings->settings.items[0], "a = 1");
    CHECK_INT(settings->mode, SLUICE_MODE_LOG);
    CHECK_INT(settings->any.toast, SLUICE_TOAST_NULL);
    sluice_table_settings_free(settings);

    settings = settings_of(config, "inventory", "things");
    CHECK(settings->rule == SLUICE_NO_RULE);
    CHECK_TEXT(settings->table, "things");
    CHECK_INT(settings->truncate, SLUICE_TRUNCATE_STOP);
    sluice_table_settings_free(settings);
    sluice_config_free(config);
}

static void test_as_written(void)
{
    static const char *const columns[] = {"email", "ssn", "name", "a.b"};
    struct sluice_config *config = load(all);
    struct sluice_config *without = load(HEAD);
    CHECK_INT(sluice_rules_count(config), 2);
    CHECK_TEXT(sluice_rule_key(config, 1), "tables.rules[1]");
    CHECK_TEXT(sluice_rule_match(config, 1), "orders");
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(columns); i++)
        CHECK_TEXT(sluice_rule_column(config, 0, i), columns[i]);
    CHECK(sluice_rule_column(config, 0, SLUICE_N_ELEMENTS(columns)) == NULL);
    CHECK(sluice_rule_column(config, 1, 0) == NULL);
    CHECK_INT(sluice_rules_count(without), 0);
    sluice_config_free(without);
    sluice_config_free(config);
}

/* Names of source tables are somebody else's: they must not become part of a statement. */
static void test_captures(void)
{
    struct sluice_config *config =
        load(RULES "    - {match: '\\.([^.]*)$', table: '\\1', comment: '\\1', engine: \"X('\\\\1')\"}\n");
    struct sluice_table_settings *settings = settings_of(config, "s",
                                                         "Gr\xc3\xb6\xc3\x9f"
                                                         "e 1-2");
    struct sluice_error err;
    CHECK_TEXT(settings->engine, "X('Gr\xc3\xb6\xc3\x9f"
                                 "e 1-2')");
    sluice_table_settings_free(settings);
    settings = NULL;
    static const char *const hostile[] = {"a'b", "a\"b", "a`b", "a\\b", "a--b", "a(b", "a;b", "a/b", "a\nb"};
    for (size_t i = 0; i < sizeof hostile / sizeof hostile[0]; i++) {
        CHECK_INT(sluice_table_settings_new(config, "shop", "s", hostile[i], &settings, &err), SLUICE_E_CONFIG);
        CHECK_INT(err.action, SLUICE_STOP_PARTITION);
        CHECK_CONTAINS(err.text, "tables.rules[0].engine: \\1 stands for \"");
    }
    char name[1100];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK_INT(sluice_table_settings_new(config, "shop", "s", name, &settings, &err), SLUICE_E_CONFIG);
    CHECK_CONTAINS(err.text, "have more than 1000 bytes together");
    sluice_config_free(config);

    config = load(RULES "    - {match: '\\.([^.]*)$', table: 'a\\1', comment: '\\1\\\\\\0'}\n");
    settings = settings_of(config, "s", "a'b");
    CHECK_TEXT(settings->table, "aa'b");
    CHECK_TEXT(settings->comment, "a'b\\\\\\0");
    sluice_table_settings_free(settings);
    sluice_config_free(config);
}

static void test_arguments(void)
{
    const char *const sets[] = {"tables.rules=[{match: o, table: t1}]", "tables.defaults={truncate: stop, toast: fail}",
                                "tables.defaults.toast=null", "tables.rules=[{match: o, table: t2}]"};
    static const char text[] =
        RULES "    - {match: o, table: t0}\n  defaults.truncate: apply\n  defaults: {no_key: position}\n";
    struct sluice_config *config = load_bytes(text, strlen(text), sets, 4);
    if (!CHECK(config != NULL))
        return;
    struct sluice_table_settings *settings = settings_of(config, "s", "o");
    CHECK_TEXT(settings->table, "t2");
    CHECK_INT(settings->truncate, SLUICE_TRUNCATE_STOP);
    CHECK_INT(settings->any.toast, SLUICE_TOAST_NULL);
    CHECK_INT(settings->no_key, SLUICE_NO_KEY_POSITION);
    sluice_table_settings_free(settings);
    sluice_config_free(config);
    static const char *const empty[] = {"tables.rules=[]", "tables.defaults={}"};
    for (size_t i = 0; i < 2; i++)
        sluice_config_free(load_set(empty[i]));
    CHECK_TEXT(load_err.text, "");
}

static void test_errors(void)
{
    static const char *const cases[][2] = {
        {"tables.rules: [{mach: x}]", "4: tables.rules[0].mach: is not a setting; did you mean match?"},
        {"tables.rules: [{table: x}]", "4: tables.rules[0]: has no match; add the expression that its tables fit"},
        {"tables.rules: [{match: x, tabel: y}]", "4: tables.rules[0].tabel: is not a setting; did you mean table?"},
        {"tables.rules: [{match: x, nothing: y}]",
         "4: tables.rules[0].nothing: is not a setting; see sluice config docs"},
        {"tables.rules: [{match: x, truncate: stopp}]",
         "4: tables.rules[0].truncate: \"stopp\" is none of ignore, apply, stop; did you mean stop?"},
        {"tables.rules: [{match: x, truncate: null}]",
         "4: tables.rules[0].truncate: has no value; write \"\" for an empty text, or take the line out"},
        {"tables.rules: [{match: x, toast: perhaps}]",
         "4: tables.rules[0].toast: \"perhaps\" is not one of the values; use keep, null, fail"},
        {"tables.rules: [{match: x, toast: ~}]",
         "4: tables.rules[0].toast: has no value; write \"\" for an empty text, or take the line out"},
        {"tables.rules:\n- match: x\n  create: yes",
         "6: tables.rules[0].create: \"yes\" is neither true nor false; write one of these two"},
        {"tables.rules:\n- match: x\n- match: '('",
         "6: tables.rules[1].match: \"(\" is not a regular expression: Unmatched ( or \\(; correct it"},
        {"tables.rules: [{match: '(x{30}){2,40}'}]",
         "4: tables.rules[0].match: \"(x{30}){2,40}\" has more than 1000 bytes, or repeats something more than 1000 "
         "times; make it simpler"},
        {"tables.rules: [{match: 'x{1001}'}]", "4: tables.rules[0].match: \"x{1001}\" has more than 1000 bytes, or "
                                               "repeats something more than 1000 times; make "
                                               "it simpler"},
        {"tables.rules: [{match: ''}]",
         "4: tables.rules[0].match: is empty and would fit every table; write .* for that"},
        {"tables.rules: [{match: '(x)', table: '\\2'}]",
         "4: tables.rules[0].table: names \\2, and match has 1 group in ( ); correct one of them"},
        {"tables.rules: [{match: x, order_by: [a, '\\1']}]",
         "4: tables.rules[0].order_by[1]: names \\1, and match has 0 groups in ( ); correct one of them"},
        {"tables.rules: [{match: x, columns: {a.b: {rename: '\\1'}}}]",
         "4: tables.rules[0].columns.a.b.rename: names \\1, and match has 0 groups in ( ); correct one of them"},
        {"tables.rules: [{match: x, columns: {a: {codek: y}}}]",
         "4: tables.rules[0].columns.a.codek: is not a setting; did you mean codec?"},
        {"tables.rules: [{match: x, columns: {a: {transform: hash}}}]",
         "4: tables.rules[0].columns.a.transform: is not a setting of a column; put it below transforms of the rule"},
        {"tables.rules: [{match: x, columns: {a: b}}]",
         "4: tables.rules[0].columns.a: takes a map of settings; write it as {rename: x}"},
        {"tables.rules: [{match: x, columns: [a]}]",
         "4: tables.rules[0].columns: takes a map; write it as column: {rename: x}"},
        {"tables.rules: [{match: x, transforms: [a]}]",
         "4: tables.rules[0].transforms: takes a map; write it as column: transform"},
        {"tables.rules: [{match: x, transforms: {a: hsah}}]",
         "4: tables.rules[0].transforms.a: \"hsah\" is none of none, drop, mask, hash, hmac, tokenize; did you mean "
         "hash?"},
        {"tables.rules: [{match: x, transforms: {a: hash}, columns: {a: {exclude: true}}}]",
         "4: tables.rules[0]: column \"a\" is excluded and has the transform hash; keep one of them"},
        {"tables.rules: [{match: x, settings: [a]}]",
         "4: tables.rules[0].settings: takes a map; write it as name: value"},
        {"tables.rules: [{match: x, settings: {a b: 1}}]",
         "4: tables.rules[0].settings.a b: is not the name of a setting; use letters, digits and _"},
        {"tables.rules: [{match: x, order_by: {a: b}}]", "4: tables.rules[0].order_by: takes a list, not a map"},
        {"tables.rules: [{match: x, order_by: [[a]]}]",
         "4: tables.rules[0].order_by[0]: takes one value, not a list; write it without [ ]"},
        {"tables.rules: [{match: x, order_by: ['']}]", "4: tables.rules[0].order_by[0]: is empty; take it out"},
        {"tables.rules: [{match: x, comment: \"a\\nb\"}]",
         "4: tables.rules[0].comment: has a line break or another control character; take it out"},
        {"tables.rules: [{match: x, table: '${SLUICE_TEST_MISSING}'}]",
         "4: tables.rules[0].table: environment variable \"SLUICE_TEST_MISSING\" is not set; set it"},
        {"tables.rules: [{match: x, match: y}]", "4: tables.rules: \"match\" is given twice; keep one of them"},
        {"tables.rules: [{match: x, [a]: y}]", "4: tables.rules: a key must be a plain name"},
        {"tables.rules: [{match: x, '': y}]", "4: tables.rules: a key is empty; give it a name"},
        {"tables.rules: [x]", "4: tables.rules[0]: takes a map; write it as {match: ..., table: ...}"},
        {"tables.rules: x", "4: tables.rules: takes a list of rules; begin each with a -"},
        {"tables.rules: [[[[[[[[[x]]]]]]]]]", "4: tables.rules: is nested too deeply; 8 levels are allowed"},
        {"tables.rules: [*a]", "4: aliases are not supported; write the value out"},
        {"tables.defaults: x", "4: tables.defaults: takes a map; write it as {truncate: stop}"},
        {"tables.defaults: {table: x}",
         "4: tables.defaults.table: is a setting of a single rule; put it below tables.rules"},
        {"tables.defaults: {database: '\\1'}",
         "4: tables.defaults.database: names \\1, and defaults have no match; put it into a rule"},
        {"tables.defaults.tost: keep", "4: tables.defaults.tost: is not a setting; did you mean toast?"},
        {"tables.defaults.toast: keep\ntables.defaults: {toast: fail}",
         "5: tables.defaults.toast: is already given in line 4; keep one of them"},
        {"tables.rules: [{match: x, transforms: {a: hmac}}]",
         "default: transforms.key: is missing, and tables.rules use hmac or tokenize; set it, for example "
         "${file:/path}"},
        {"transforms.key: short", "4: transforms.key: has 5 bytes; use a random key of 16 bytes or more"},
        {"transforms.key_id: 'a:b'",
         "4: transforms.key_id: \"a:b\" has other characters than letters, digits, _ and -; take them out"},
        {"toast.placeholder: 'ä'",
         "4: toast.placeholder: holds other characters than those of ASCII without quotes and backslash; give the "
         "connector another unavailable.value.placeholder"},
        {"toast.placeholder: 'a\"b'",
         "4: toast.placeholder: holds other characters than those of ASCII without quotes and backslash; give the "
         "connector another unavailable.value.placeholder"},
    };
    (void)unsetenv("SLUICE_TEST_MISSING");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sluice_config *config = load_line(cases[i][0]);
        const char *text = strncmp(load_err.text, "sluice.yaml:", 12) == 0 ? load_err.text + 12 : load_err.text;
        CHECK(config == NULL);
        CHECK_INT(load_err.code, SLUICE_E_CONFIG);
        CHECK_TEXT(text, cases[i][1]);
        sluice_config_free(config);
    }
    CHECK(load_set("tables.rules=[{match: x, tabel: y}]") == NULL);
    CHECK_TEXT(load_err.text, "--set: tables.rules[0].tabel: is not a setting; did you mean table?");
}

static void test_limits(void)
{
    size_t n = 1 << 20;
    char *text = malloc(n);
    if (text == NULL)
        abort();
    size_t len = (size_t)snprintf(text, n, "tables.rules: [");
    for (int i = 0; i < 10001; i++)
        len += (size_t)snprintf(text + len, n - len, "a,");
    (void)snprintf(text + len, n - len, "]\n");
    CHECK(load_text(text) == NULL);
    CHECK_CONTAINS(load_err.text, "the file has too many entries; 10000 are allowed");
    free(text);
}

static void expect_difference(const char *a, const char *b, const char *key)
{
    struct sluice_config *left = load(a);
    struct sluice_config *right = load(b);
    const char *found = sluice_config_restart_key(left, right);
    if (key == NULL)
        CHECK(found == NULL);
    else
        CHECK_TEXT(found != NULL ? found : "none", key);
    sluice_config_free(left);
    sluice_config_free(right);
}

static void test_difference(void)
{
    expect_difference(RULES "    - {match: x, order_by: [a]}\n", RULES "    - match: x\n      order_by:\n      - a\n",
                      NULL);
    expect_difference(RULES "    - {match: x, order_by: [a]}\n", RULES "    - {match: x, order_by: [b]}\n",
                      "tables.rules");
    expect_difference(RULES "    - {match: x, order_by: [a]}\n", RULES "    - {match: x, order_by: [a, b]}\n",
                      "tables.rules");
    expect_difference(HEAD, RULES "    - {match: x}\n", "tables.rules");
    expect_difference(HEAD "tables.defaults: {toast: fail}\n", HEAD "tables.defaults: {toast: keep}\n",
                      "tables.defaults");
    expect_difference(HEAD "tables.defaults: {toast: fail}\n", HEAD "tables.defaults.toast: fail\n", NULL);
}

int main(void)
{
    test_built_in();
    test_source_types();
    test_all();
    test_as_written();
    test_captures();
    test_arguments();
    test_errors();
    test_limits();
    test_difference();
    return check_result();
}
