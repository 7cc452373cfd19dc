/* From a text to a configuration: spellings, sources, expansion, arguments, and what is refused with which words. */
#include "config/document.h"
#include "load_text.h"

static void expect_error(struct sluice_config *config, const char *text)
{
    CHECK(config == NULL);
    CHECK_INT(load_err.code, SLUICE_E_CONFIG);
    CHECK_INT(load_err.action, SLUICE_STOP);
    CHECK_TEXT(load_err.text, text);
    sluice_config_free(config);
}

static struct sluice_config *expect_config(struct sluice_config *config)
{
    if (!CHECK(config != NULL)) {
        (void)fprintf(stderr, "    %s\n", load_err.text);
        exit(1);
    }
    return config;
}

static void test_spellings(void)
{
    static const char *const texts[] = {
        MINIMUM,
        "name: shop\nkafka.bootstrap.servers: localhost:9092\nkafka.topics: [a]\n"
        "clickhouse.url: [http://localhost:8123]\nclickhouse.database: shop\n",
        "{\"name\": \"shop\", \"kafka\": {\"bootstrap\": {\"servers\": \"localhost:9092\"}, \"topics\": [\"a\"]},\n"
        " \"clickhouse\": {\"url\": \"http://localhost:8123\", \"database\": \"shop\"}}",
        "name: shop\nkafka:\n  bootstrap.servers: \"localhost:9092\"\n  topics:\n  - a\nclickhouse.database: shop\n"
        "clickhouse:\n  url: 'http://localhost:8123'\n",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct sluice_config *config = expect_config(load_text(texts[i]));
        CHECK_TEXT(config->name, "shop");
        CHECK_TEXT(config->kafka_bootstrap_servers, "localhost:9092");
        CHECK_INT(config->kafka_topics.n_items, 1);
        CHECK_TEXT(config->kafka_topics.items[0], "a");
        CHECK_TEXT(config->clickhouse_url.items[0], "http://localhost:8123");
        CHECK_TEXT(config->clickhouse_database, "shop");
        CHECK_TEXT(config->kafka_group_id, "shop");
        CHECK_INT(config->batch_max_rows, 65536);
        CHECK_INT(config->n_kafka_properties, 0);
        sluice_config_free(config);
    }
}

static void test_line_errors(void)
{
    static const char *const cases[][2] = {
        {"batch.max_row: 5", "sluice.yaml:4: batch.max_row: is not an option; did you mean batch.max_rows?"},
        {"batch: {max_rowz: 5}", "sluice.yaml:4: batch.max_rowz: is not an option; did you mean batch.max_rows?"},
        {"tables: {rulez: [a]}", "sluice.yaml:4: tables.rulez: is not an option; did you mean tables.rules?"},
        {"something.else: 1", "sluice.yaml:4: something.else: is not an option; see sluice config docs"},
        {"batch:", "sluice.yaml:4: batch: is a group of options, not one; write them below it, indented"},
        {"batch: {}", "sluice.yaml:4: batch: holds nothing; fill it or take it out"},
        {"senders: {a: 1}", "sluice.yaml:4: senders: takes a value, not a map; indent what follows less"},
        {"senders:", "sluice.yaml:4: senders: has no value; write \"\" for an empty text, or take the line out"},
        {"senders: [1]", "sluice.yaml:4: senders: takes one value, not a list; write it without [ ]"},
        {"senders: 0", "sluice.yaml:4: senders: \"0\" is out of range; use 1 to 64"},
        {"name: other", "sluice.yaml:4: name: is already given in line 1; keep one of them"},
        {"kafka.topics: b", "sluice.yaml:4: kafka.topics: is already given in line 2; keep one of them"},
        {"kafka: {group.id: b}", "sluice.yaml:4: kafka: is already given in line 2; keep one of them"},
        {"log.level: &a info", "sluice.yaml:4: anchors and tags are not supported; put the value in quotes"},
        {"log.level: *a", "sluice.yaml:4: aliases are not supported; write the value out"},
        {"log.level: !!str info", "sluice.yaml:4: anchors and tags are not supported; put the value in quotes"},
        {"log.level: \"in\\0fo\"", "sluice.yaml:4: log.level: the value holds a NUL byte; take it out"},
        {"? [a]\n: b", "sluice.yaml:4: a key must be a plain name"},
        {"'': b", "sluice.yaml:4: a key is empty; give it a name"},
        {"---\nsenders: 2", "sluice.yaml:4: a second document; one is allowed in a file"},
        {"senders: [", "sluice.yaml:5: not valid YAML: did not find expected node content"},
        {"kafka.retries: [1]", "sluice.yaml:4: kafka.retries: takes one value, not a list; separate several by commas"},
        {"tables.source_types: [[a]]",
         "sluice.yaml:4: tables.source_types: takes plain values only; take out what is nested or empty in its list"},
        {"tables.source_types: [~]",
         "sluice.yaml:4: tables.source_types: takes plain values only; take out what is nested or empty in its list"},
        {"clickhouse.ledger_path: sluice", "sluice.yaml:4: clickhouse.ledger_path: \"sluice\" is not a path in Keeper; "
                                           "write it like /sluice_shop, without "
                                           "spaces and quotes"},
        {"clickhouse.ledger_path: /a/",
         "sluice.yaml:4: clickhouse.ledger_path: \"/a/\" is not a path in Keeper; write it like /sluice_shop, without "
         "spaces and quotes"},
        {"clickhouse.ledger_path: /a//b", "sluice.yaml:4: clickhouse.ledger_path: \"/a//b\" is not a path in Keeper; "
                                          "write it like /sluice_shop, without "
                                          "spaces and quotes"},
        {"columns.metadata: [_op, _key]",
         "sluice.yaml:4: columns.metadata: \"_key\" is none of _op, _topic, _partition and _offset"},
        {"columns.metadata: [_op, _op]", "sluice.yaml:4: columns.metadata: \"_op\" is given twice; keep one"},
        {"columns.version: _offset",
         "sluice.yaml:4: columns.version: is the name of a column with another meaning; rename it"},
        {"columns.deleted: _op",
         "sluice.yaml:4: columns.deleted: is the name of a column with another meaning; rename it"},
        {"columns: {version: x, deleted: x}",
         "sluice.yaml:4: columns.version: is the same name as columns.deleted; rename one of them"},
        {"retry: {initial: 2s, max: 1s}",
         "sluice.yaml:4: retry.initial: is longer than retry.max; lower it or raise retry.max"},
        {"memory.limit: 16MiB", "default: batch.max_bytes: is more than half of memory.limit (16777216 of 16777216 "
                                "bytes); lower it or raise memory.limit"},
        {"http.listen: 9577",
         "sluice.yaml:4: http.listen: \"9577\" is not host:port; write for example 127.0.0.1:9577"},
        {"http.listen: 'a:70000'",
         "sluice.yaml:4: http.listen: \"a:70000\" is not host:port; write for example 127.0.0.1:9577"},
        {"tables.source_types: a.b=int16",
         "sluice.yaml:4: tables.source_types: \"a.b=int16\" is not schema.table.column=type; write it like "
         "inventory.orders.created_at=timestamp_us"},
        {"tables.source_types: [a.b.c=int16, a.b.c=int16]",
         "sluice.yaml:4: tables.source_types: \"a.b.c=int16\" is given twice; keep one"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_error(load_line(cases[i][0]), cases[i][1]);
}

static void test_whole_files(void)
{
    expect_error(load_text("- a\n"), "sluice.yaml:1: the file must hold options as key: value");
    expect_error(load_text(""), "sluice.yaml: name: is missing; add it to the file, or give --set name=shop");
    expect_error(load_text("name: a\nkafka.topics: b\n"),
                 "sluice.yaml: kafka.bootstrap.servers: is missing; add it to the file, or give --set "
                 "kafka.bootstrap.servers=localhost:9092");
    expect_error(load_text("name: a b\nkafka: {bootstrap.servers: b, topics: c}\n"
                           "clickhouse: {url: 'http://h', database: d}\n"),
                 "sluice.yaml:1: name: \"a b\" has other characters than letters, digits, and . _ -; take them out");
    expect_error(load_text("a: {b: {c: {d: {e: {f: {g: {h: {i: 1}}}}}}}}"),
                 "sluice.yaml:1: a.b.c.d.e.f.g.h: is nested too deeply; 8 levels are allowed");
}

/* The address or the pattern in the place of the minimum's. */
static void test_forms(void)
{
    static const char *const cases[][2] = {
        {"kafka.topics=\"^(\"", "is not a regular expression"},
        {"kafka.topics=\"a b\"", "is not a topic name; begin it with ^ if it is a regular expression"},
        {"kafka.topics=[a,b,a]", "--set: kafka.topics: \"a\" is given twice; keep one"},
        {"clickhouse.url=localhost:8123", "does not begin with http:// or https://"},
        {"clickhouse.url=http://u:hidden@h:8123", "an address holds a user or password; use clickhouse.user"},
        {"clickhouse.url=http://h?x=1", "has more than host, port and path"},
        {"clickhouse.url=http://:8123", "has no valid host and port"},
        {"clickhouse.url=http://h:x", "has no valid host and port"},
        {"registry.url=u:hidden@h:8081", "address 1 does not begin with http:// or https://"},
        {"registry.url=[http://h, 'http://u:hidden@h:x']", "address 2 is not like http://host:8081"},
        {"registry.headers=hidden", "entry 1 is no header"},
        {"registry.key_file=k", "is of no use without registry.cert_file"},
        {"format=avro", "is avro, and registry.url is not set"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sluice_config *config = load_set(cases[i][0]);
        CHECK(config == NULL);
        CHECK_CONTAINS(load_err.text, cases[i][1]);
        CHECK(strstr(load_err.text, "hidden") == NULL);
        sluice_config_free(config);
    }
    static const char *const legal[] = {"clickhouse.url=https://h/base",  "clickhouse.url=\"http://[::1]:8123\"",
                                        "kafka.topics='^shop\\.[a-z]+$'", "http.listen=",
                                        "http.listen=\"[::1]:0\"",        "tables.source_types=",
                                        "tables.source_types=[]",         "registry.url=\"https://u:p%40@h:8081/x\""};
    for (size_t i = 0; i < sizeof legal / sizeof legal[0]; i++)
        sluice_config_free(expect_config(load_set(legal[i])));
}

static void test_arguments(void)
{
    const char *const sets[] = {"batch.max_rows=10",  "batch.max_rows=20",  "kafka.topics=[x, '^y']", "http.listen=",
                                "kafka.client.id=c1", "kafka.client.id=c2", "senders=\"3\""};
    struct sluice_config *config =
        expect_config(load_bytes(MINIMUM "senders: 1\n", strlen(MINIMUM "senders: 1\n"), sets, 7));
    CHECK_INT(config->batch_max_rows, 20);
    CHECK_INT(config->kafka_topics.n_items, 2);
    CHECK_TEXT(config->kafka_topics.items[1], "^y");
    CHECK_TEXT(config->http_listen, "");
    CHECK_INT(config->senders, 3);
    CHECK_INT(config->n_kafka_properties, 1);
    CHECK_TEXT(sluice_config_kafka_property(config, "client.id"), "c2");
    CHECK(sluice_config_kafka_property(config, "client.rack") == NULL);
    sluice_config_free(config);

    expect_error(load_set("senders"), "--set: \"senders\" is not key=value; write it so");
    expect_error(load_set("=x"), "--set: \"=x\" is not key=value; write it so");
    expect_error(load_set("sendres=1"), "--set: sendres: is not an option; did you mean senders?");
    expect_error(load_set("senders={a: 1}"),
                 "--set: senders: takes a value or a list, not a map; set each key by its own --set");
    expect_error(load_set("senders=~"),
                 "--set: senders: has no value; write \"\" for an empty text, or take the line out");
}

static void test_no_file(void)
{
    const char *const sets[] = {"name=n", "kafka.bootstrap.servers=b", "kafka.topics=t", "clickhouse.url=http://h",
                                "clickhouse.database=d"};
    struct sluice_config *config = NULL;
    CHECK_INT(sluice_config_load(NULL, sets, 5, &config, &load_err), SLUICE_OK);
    sluice_config_free(config);
    config = NULL;
    CHECK_INT(sluice_config_load(NULL, sets, 4, &config, &load_err), SLUICE_E_CONFIG);
    CHECK_TEXT(load_err.text, "no file: clickhouse.database: is missing; name a file with -c, or give --set "
                              "clickhouse.database=shop");
    CHECK_INT(sluice_config_load("/nowhere/sluice.yaml", NULL, 0, &config, &load_err), SLUICE_E_CONFIG);
    CHECK_CONTAINS(load_err.text, "configuration: file \"/nowhere/sluice.yaml\" can't be read: No such file");
    CHECK_INT(sluice_config_load("/tmp", NULL, 0, &config, &load_err), SLUICE_E_CONFIG);
    CHECK_CONTAINS(load_err.text, "can't be read: Is a directory");
}

static void test_expansion(void)
{
    char secret[] = "/tmp/sluice-secret-XXXXXX";
    char line[200];
    int fd = mkstemp(secret);
    CHECK(fd >= 0);
    (void)close(fd);
    write_file(secret, "s3cret$x\n", 9);
    (void)setenv("SLUICE_TEST_USER", "u${x}", 1);
    (void)unsetenv("SLUICE_TEST_MISSING");
    (void)snprintf(line, sizeof line,
                   "clickhouse.password: ${file:%s}\nclickhouse.user: a$$b-${SLUICE_TEST_USER}-$c$\n", secret);
    struct sluice_config *config =
        expect_config(load_text("name: shop\nkafka: {bootstrap.servers: b, topics: '^a$'}\nclickhouse.url: "
                                "http://h\nclickhouse.database: d\n"));
    CHECK_TEXT(config->kafka_topics.items[0], "^a$");
    sluice_config_free(config);

    config = expect_config(load_line(line));
    CHECK_TEXT(config->clickhouse_password, "s3cret$x");
    CHECK_TEXT(config->clickhouse_user, "a$b-u${x}-$c$");
    sluice_config_free(config);

    (void)setenv("SLUICE_TEST_ROWS", "77", 1);
    config = expect_config(load_line("batch.max_rows: ${SLUICE_TEST_ROWS}"));
    CHECK_INT(config->batch_max_rows, 77);
    sluice_config_free(config);
    write_file(secret, "a\0b", 3);
    CHECK(load_line(line) == NULL);
    CHECK_CONTAINS(load_err.text, "holds a NUL byte; it must be text");
    (void)unlink(secret);

    expect_error(load_line("clickhouse.user: ${SLUICE_TEST_MISSING}"),
                 "sluice.yaml:4: clickhouse.user: environment variable \"SLUICE_TEST_MISSING\" is not set; set it");
    expect_error(load_line("clickhouse.user: ${file:/nowhere/x}"),
                 "sluice.yaml:4: clickhouse.user: file \"/nowhere/x\" can't be read: No such file or directory");
    expect_error(load_line("clickhouse.user: ${file:x}"),
                 "sluice.yaml:4: clickhouse.user: \"${file:x}\" is not an absolute path; begin it with /");
    expect_error(load_line("clickhouse.user: ${1x}"), "sluice.yaml:4: clickhouse.user: \"${1x}\" is neither a variable "
                                                      "nor file:/path; write $$ for a dollar sign");
    expect_error(load_line("clickhouse.user: a${b"),
                 "sluice.yaml:4: clickhouse.user: a ${ has no closing }; add it, or write $$ for a dollar sign");
    /* What stood in the file is quoted, not what a variable held. */
    (void)setenv("SLUICE_TEST_ROWS", "hidden", 1);
    expect_error(load_line("batch.max_rows: ${SLUICE_TEST_ROWS}"),
                 "sluice.yaml:4: batch.max_rows: \"${SLUICE_TEST_ROWS}\" is not a whole number; write digits only");
}

static void test_kafka_properties(void)
{
    struct sluice_config *config = expect_config(load_text(
        "name: shop\nclickhouse: {url: 'http://h', database: d}\nkafka:\n  bootstrap.servers: b\n  topics: [a]\n"
        "  group.id: g\n  security.protocol: sasl_ssl\n  sasl: {password: hunter2, username: u}\n"
        "  enable.auto.commit: false\n  isolation.level: read_committed\n"));
    CHECK_TEXT(config->kafka_group_id, "g");
    CHECK_INT(config->n_kafka_properties, 5);
    CHECK_TEXT(config->kafka_properties[0].key, "security.protocol");
    CHECK_TEXT(config->kafka_properties[0].value, "sasl_ssl");
    CHECK(!config->kafka_properties[0].secret);
    CHECK_TEXT(config->kafka_properties[1].key, "sasl.password");
    CHECK(config->kafka_properties[1].secret);
    sluice_config_free(config);

    expect_error(load_line("kafka.enable.auto.commit: true"),
                 "sluice.yaml:4: kafka.enable.auto.commit: must not be set: sluice commits an offset when ClickHouse "
                 "confirmed its rows, and nothing else may; take it out");
    static const char *const refused[] = {
        "enable.auto.offset.store=true", "auto.commit.interval.ms=5", "isolation.level=read_uncommitted",
        "enable.partition.eof=true",     "group.protocol=consumer",   "partition.assignment.strategy=range",
        "metadata.broker.list=b"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        char set[80];
        (void)snprintf(set, sizeof set, "kafka.%s", refused[i]);
        CHECK(load_set(set) == NULL);
        CHECK_CONTAINS(load_err.text, "must not be set: ");
    }
}

static void test_limits(void)
{
    size_t n = CONFIG_MAX_FILE_BYTES + 1;
    char *text = malloc(n);
    if (text == NULL)
        abort();
    memset(text, '#', n);
    CHECK(load_bytes(text, n, NULL, 0) == NULL);
    CHECK_CONTAINS(load_err.text, "is larger than 1048576 bytes; make it smaller");
    size_t len = 0;
    for (int i = 0; i <= CONFIG_MAX_ENTRIES; i++)
        len += (size_t)snprintf(text + len, n - len, "kafka.x%d: 1\n", i);
    CHECK(load_bytes(text, len, NULL, 0) == NULL);
    CHECK_CONTAINS(load_err.text, "the file has too many keys");
    len = (size_t)snprintf(text, n, "tables.source_types: [");
    for (int i = 0; i <= CONFIG_MAX_ITEMS; i++)
        len += (size_t)snprintf(text + len, n - len, "a.b.c%d=json,", i);
    len += (size_t)snprintf(text + len, n - len, "]\n");
    CHECK(load_bytes(text, len, NULL, 0) == NULL);
    CHECK_CONTAINS(load_err.text, "the file has too many list entries");
    memset(text, '[', 100000);
    CHECK(load_bytes(text, 100000, NULL, 0) == NULL);
    memset(text, 'k', 300);
    memcpy(text + 300, ": 1\n", 4);
    CHECK(load_bytes(text, 304, NULL, 0) == NULL);
    CHECK_CONTAINS(load_err.text, "a key is longer than 200 bytes; shorten it");
    free(text);
}

/* Cut at every byte, the file is refused or loads; nothing is read behind its end. */
static void test_truncation(void)
{
    static const char text[] = MINIMUM "batch: {max_rows: 5, max_age: \"2s\"}\ntables.source_types:\n- 'a.b.c=json'\n";
    for (size_t n = 0; n < sizeof text; n++) {
        struct sluice_config *config = load_bytes(text, n, NULL, 0);
        CHECK((config != NULL) == (load_err.text[0] == '\0'));
        sluice_config_free(config);
    }
}

static void test_reload(void)
{
    char path[] = "/tmp/sluice-reload-XXXXXX";
    int fd = mkstemp(path);
    struct sluice_config *first = NULL;
    struct sluice_config *second = NULL;
    const char *const sets[] = {"senders=4"};
    CHECK(fd >= 0);
    (void)close(fd);
    write_file(path, MINIMUM, strlen(MINIMUM));
    CHECK_INT(sluice_config_load(path, sets, 1, &first, &load_err), SLUICE_OK);
    write_file(path, MINIMUM "batch.max_rows: 9\n", strlen(MINIMUM "batch.max_rows: 9\n"));
    CHECK_INT(sluice_config_reload(first, &second, &load_err), SLUICE_OK);
    CHECK_INT(second->batch_max_rows, 9);
    CHECK_INT(second->senders, 4);
    CHECK(sluice_config_restart_key(first, second) == NULL);
    sluice_config_free(second);
    write_file(path, MINIMUM "kafka.client.id: x\n", strlen(MINIMUM "kafka.client.id: x\n"));
    CHECK_INT(sluice_config_reload(first, &second, &load_err), SLUICE_OK);
    CHECK_TEXT(sluice_config_restart_key(first, second), "kafka.*");
    sluice_config_free(second);
    write_file(path, MINIMUM "memory.limit: 64MiB\n", strlen(MINIMUM "memory.limit: 64MiB\n"));
    CHECK_INT(sluice_config_reload(first, &second, &load_err), SLUICE_OK);
    CHECK_TEXT(sluice_config_restart_key(first, second), "memory.limit");
    sluice_config_free(second);
    sluice_config_free(first);
    (void)unlink(path);
}

int main(void)
{
    test_spellings();
    test_line_errors();
    test_whole_files();
    test_forms();
    test_arguments();
    test_no_file();
    test_expansion();
    test_kafka_properties();
    test_limits();
    test_truncation();
    test_reload();
    sluice_config_free(NULL);
    return check_result();
}
