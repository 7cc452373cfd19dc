/* Every option: its type's errors, the ends of its range, and that its default is one of its values. */
#include "config/option.h"

#include <stdlib.h>

#include "load_text.h"

static struct sluice_arena arena;
static struct sluice_error err;

static const char *set(const struct config_option *option, struct sluice_config *config, const char *value)
{
    err.text[0] = '\0';
    enum sluice_code code = config_option_set(option, config, &value, 1, value, &arena, &err);
    CHECK_INT(code, err.text[0] == '\0' ? SLUICE_OK : SLUICE_E_CONFIG);
    return err.text;
}

static const struct config_option *find(const char *key)
{
    const struct config_option *option = config_option_find(key);
    if (!CHECK(option != NULL))
        abort();
    return option;
}

static void test_presets(void)
{
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        struct sluice_config config = {0};
        char text[32];
        const struct config_option *option = &config_options[i];
        CHECK(option->text[0] != '\0');
        if (config_option_is_list(option) && option->preset[0] == '\0')
            continue;
        if (!CHECK_TEXT(set(option, &config, option->preset), ""))
            (void)fprintf(stderr, "    %s\n", option->key);
        if (option->type == CONFIG_ENUM || option->type == CONFIG_STRING || option->type == CONFIG_BYTES)
            CHECK_TEXT(config_option_format(option, &config, text, sizeof text), option->preset);
    }
}

/* One below and one above each numeric range is refused, the ends are taken and come back as written. */
static void check_ends(const struct config_option *option, int64_t step, const char *unit)
{
    struct sluice_config config = {0};
    char text[64];
    const int64_t ends[] = {option->min, option->max};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(text, sizeof text, "%" PRId64 "%s", ends[i] / step, unit);
        CHECK_TEXT(set(option, &config, text), "");
        (void)snprintf(text, sizeof text, "%" PRId64 "%s", ends[i] / step + (i == 0 ? -1 : 1), unit);
        CHECK_CONTAINS(set(option, &config, text), "is out of range; use ");
        CHECK_CONTAINS(err.text, text);
    }
}

static void test_ranges(void)
{
    unsigned n = 0;
    for (size_t i = 0; i < CONFIG_N_OPTIONS; i++) {
        const struct config_option *option = &config_options[i];
        n++;
        if (option->type == CONFIG_INT)
            check_ends(option, 1, "");
        else if (option->type == CONFIG_BYTES)
            check_ends(option, 1024, "KiB");
        else if (option->type == CONFIG_DURATION)
            check_ends(option, 1000, "ms");
        else
            n--;
    }
    CHECK_INT(n, 19);
}

static void test_refusals(void)
{
    static const struct {
        const char *key;
        const char *value;
        const char *error;
    } cases[] = {
        {"batch.max_rows", "", "\"\" is not a whole number; write digits only"},
        {"batch.max_rows", "12x", "\"12x\" is not a whole number; write digits only"},
        {"batch.max_rows", "1.5", "\"1.5\" is not a whole number; write digits only"},
        {"batch.max_rows", "99999999999999999999", "\"99999999999999999999\" is out of range; use 1 to 1000000"},
        {"batch.max_rows", "-9223372036854775809", "\"-9223372036854775809\" is out of range; use 1 to 1000000"},
        {"batch.max_bytes", "16777216", "\"16777216\" has no unit; write for example 64KiB, 16MiB or 1GiB"},
        {"batch.max_bytes", "16MB", "\"16MB\" has an unknown unit; write for example 64KiB, 16MiB or 1GiB"},
        {"batch.max_bytes", "16 MiB", "\"16 MiB\" has an unknown unit; write for example 64KiB, 16MiB or 1GiB"},
        {"batch.max_bytes", "MiB", "\"MiB\" is not a size; write for example 64KiB, 16MiB or 1GiB"},
        {"batch.max_bytes", "9999999999999GiB", "\"9999999999999GiB\" is out of range; use 64KiB to 100MiB"},
        {"batch.max_age", "1000", "\"1000\" has no unit; write for example 250ms, 5s, 1m or 1h"},
        {"batch.max_age", "1d", "\"1d\" has an unknown unit; write for example 250ms, 5s, 1m or 1h"},
        {"batch.max_age", "soon", "\"soon\" is not a duration; write for example 250ms, 5s, 1m or 1h"},
        {"batch.max_age", "-1s", "\"-1s\" is out of range; use 1ms to 1m"},
        {"drain.timeout", "-1ms", "\"-1ms\" is out of range; use 0s to 1h"},
        {"batch.collapse", "yes", "\"yes\" is neither true nor false; write one of these two"},
        {"log.level", "trace", "\"trace\" is not one of the values; use error, warn, info, debug"},
        {"format", "xml", "\"xml\" is not one of the values; use auto, json, avro"},
        {"on_bad_record", "skip", "\"skip\" is not one of the values; use stop, dead_letter"},
        {"clickhouse.database", "", "\"\" is empty; give a value"},
        {"clickhouse.user", "a\nb", "\"a\nb\" has a line break or another control character; take it out"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_config config = {0};
        CHECK_TEXT(set(find(cases[i].key), &config, cases[i].value), cases[i].error);
    }
}

static void test_values(void)
{
    struct sluice_config config = {0};
    (void)set(find("batch.max_bytes"), &config, "64MiB");
    CHECK_INT(config.batch_max_bytes, 64 << 20);
    (void)set(find("memory.limit"), &config, "2GiB");
    CHECK_INT(config.memory_limit_bytes, INT64_C(2) << 30);
    (void)set(find("batch.max_age"), &config, "250ms");
    CHECK_INT(config.batch_max_age_us, 250000);
    (void)set(find("clickhouse.request_timeout"), &config, "2m");
    CHECK_INT(config.clickhouse_request_timeout_us, 120000000);
    (void)set(find("log.level"), &config, "debug");
    CHECK_INT(config.log_level, SLUICE_LOG_DEBUG);
    (void)set(find("batch.collapse"), &config, "true");
    CHECK(config.batch_collapse);
    (void)set(find("clickhouse.password"), &config, "p w");
    CHECK_TEXT(config.clickhouse_password, "p w");
}

static void test_lists(void)
{
    struct sluice_config config = {0};
    const char *const items[] = {"a", "", "b"};
    const struct config_option *topics = find("kafka.topics");
    CHECK_INT(config_option_set(topics, &config, items, 0, NULL, &arena, &err), SLUICE_E_CONFIG);
    CHECK_TEXT(err.text, "the list has 0 entries; give 1 to 1000");
    CHECK_INT(config_option_set(topics, &config, items, 3, NULL, &arena, &err), SLUICE_E_CONFIG);
    CHECK_TEXT(err.text, "entry 2 of the list is empty; take it out");
    CHECK_INT(config_option_set(topics, &config, items, 1, NULL, &arena, &err), SLUICE_OK);
    CHECK_INT(config.kafka_topics.n_items, 1);
    CHECK_INT(config_option_set(find("senders"), &config, items, 3, NULL, &arena, &err), SLUICE_E_CONFIG);
    CHECK_TEXT(err.text, "takes one value, not a list; write it without [ ]");
}

static void test_length(void)
{
    char name[300];
    struct sluice_config config = {0};
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK_TEXT(set(find("name"), &config, name), "the value has 299 bytes; use 200 at most");
}

int main(void)
{
    sluice_arena_init(&arena, 1 << 20, "the test");
    test_presets();
    test_ranges();
    test_refusals();
    test_values();
    test_lists();
    test_length();
    sluice_arena_deinit(&arena);
    return check_result();
}
