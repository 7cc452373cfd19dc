/* The files made from the options table are what the table gives today, and the sample is a legal configuration. */
#include <stdlib.h>

#include "load_text.h"

static char *read_all(const char *path)
{
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    char *text = calloc(1, 1 << 20);
    if (text == NULL || fread(text, 1, (1 << 20) - 1, file) == 0)
        text[0] = '\0';
    (void)fclose(file);
    return text;
}

static void compare(const char *name, const char *command, enum sluice_code (*print)(FILE *, struct sluice_error *))
{
    char path[512];
    char *made = NULL;
    size_t n_made = 0;
    struct sluice_error err;
    FILE *out = open_memstream(&made, &n_made);
    if (out == NULL)
        abort();
    CHECK_INT(print(out, &err), SLUICE_OK);
    (void)fclose(out);
    (void)snprintf(path, sizeof path, "%s/%s", SLUICE_SOURCE_DIR, name);
    char *kept = read_all(path);
    if (!CHECK(kept != NULL && strcmp(kept, made) == 0))
        (void)fprintf(stderr, "    %s differs from the options table; rewrite it with\n    sluice config %s > %s\n",
                      name, command, name);
    free(kept);
    free(made);
}

static void test_sample(void)
{
    struct sluice_error err;
    struct sluice_config *config = NULL;
    CHECK_INT(sluice_config_load(SLUICE_SOURCE_DIR "/schemas/sluice.sample.yaml", NULL, 0, &config, &err), SLUICE_OK);
    CHECK(config != NULL && config->batch_max_rows == 65536);
    sluice_config_free(config);
}

/* Taking every # off in front of an option gives the same values: the defaults shown are the defaults. */
static void test_sample_defaults(void)
{
    char *text = read_all(SLUICE_SOURCE_DIR "/schemas/sluice.sample.yaml");
    char *to = text;
    if (!CHECK(text != NULL))
        return;
    for (const char *from = text; *from != '\0'; from++)
        if (*from != '#' || from[1] == ' ')
            *to++ = *from;
    *to = '\0';
    struct sluice_config *all = load_text(text);
    struct sluice_config *few = load_text(MINIMUM);
    CHECK_TEXT(load_err.text, "");
    if (CHECK(all != NULL && few != NULL)) {
        CHECK_INT(all->batch_max_rows, few->batch_max_rows);
        CHECK_TEXT(sluice_config_restart_key(few, all), "kafka.topics");
    }
    sluice_config_free(all);
    sluice_config_free(few);
    free(text);
}

static void show(struct sluice_config *config, bool json, char **text)
{
    size_t n = 0;
    struct sluice_error err;
    FILE *out = open_memstream(text, &n);
    if (out == NULL)
        abort();
    CHECK_INT(sluice_config_show(config, out, json, &err), SLUICE_OK);
    (void)fclose(out);
}

static void test_show(void)
{
    static const char *const sets[] = {"senders=5"};
    static const char text[] =
        MINIMUM "clickhouse.password: hidden1\nkafka.sasl.password: hidden2\n"
                "tables.source_types: [a.b.c=json, a.b.d=uuid, a.b.e=array(bits(12))]\n"
                "registry.url: ['http://hidden3:hidden4@r:8081/x', 'http://r2']\nregistry.headers: ['X-Key: hidden5']\n"
                "tables.defaults.toast: null\n"
                "tables.rules:\n- {match: '^x$', order_by: [a, b], transforms: {}}\n"
                "- match: y\n  columns:\n    p.q: {rename: r}\n";
    char *table = NULL;
    char *json = NULL;
    struct sluice_config *config = load_bytes(text, strlen(text), sets, 1);
    if (!CHECK(config != NULL))
        return;
    show(config, false, &table);
    show(config, true, &json);
    CHECK(strstr(table, "hidden") == NULL);
    CHECK(strstr(json, "hidden") == NULL);
    CHECK_CONTAINS(table, "clickhouse.password                      ***  ");
    CHECK_CONTAINS(table, "kafka.sasl.password                      ***  ");
    CHECK_CONTAINS(table, "http://***@r:8081/x, http://r2 ");
    CHECK_CONTAINS(table, "X-Key: *** ");
    CHECK_CONTAINS(json, "\"http://***@r:8081/x\"");
    CHECK_CONTAINS(table, "a.b.c=json, a.b.d=uuid, a.b.e=array(bits(12)) ");
    CHECK_CONTAINS(table, "senders                                  5                                        --set\n");
    CHECK_CONTAINS(table,
                   "batch.max_age                            1s                                       default\n");
    CHECK_CONTAINS(table, "sluice.yaml:4\n");
    CHECK_CONTAINS(table, "tables.defaults.toast                    null ");
    CHECK_CONTAINS(table, "tables.rules[0].order_by                 a, b ");
    CHECK_CONTAINS(table, "tables.rules[0].transforms               {} ");
    CHECK_CONTAINS(table, "tables.rules[1].columns.p.q.rename       r ");
    CHECK_CONTAINS(table, "sluice.yaml:12\n");
    CHECK_CONTAINS(json, "\"tables.rules[0].order_by\": {\n    \"value\": [\n      \"a\",\n      \"b\"\n    ],");
    CHECK_CONTAINS(json, "\"tables.rules[0].transforms\": {\n    \"value\": {},");
    CHECK_CONTAINS(json, "\"senders\": {\n    \"value\": 5,\n    \"source\": \"--set\"\n  }");
    CHECK_CONTAINS(json, "\"kafka.sasl.password\": {\n    \"value\": \"***\"");
    CHECK_CONTAINS(json, "\"batch.collapse\": {\n    \"value\": true");
    free(table);
    free(json);
    sluice_config_free(config);
}

static void test_full_disk(void)
{
    struct sluice_error err;
    FILE *full = fopen("/dev/full", "w");
    if (full == NULL)
        return;
    CHECK_INT(sluice_config_docs(full, &err), SLUICE_E_IO);
    (void)fclose(full);
}

int main(void)
{
    compare("docs/configuration.md", "docs", sluice_config_docs);
    compare("schemas/config.schema.json", "schema", sluice_config_schema);
    compare("schemas/sluice.sample.yaml", "sample", sluice_config_sample);
    test_sample();
    test_sample_defaults();
    test_show();
    test_full_disk();
    return check_result();
}
