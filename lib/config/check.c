/* check.c - config_check(): the rules across options, and the forms that a type alone does not give. */
#include <ctype.h>
#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#include "config/rules.h"

/* "FILE:LINE: KEY: what; remedy" */
#define FAIL(config, field, err, ...)                                                                                  \
    (sluice_error_set((err), SLUICE_E_CONFIG, SLUICE_STOP, __VA_ARGS__), at_option((config), CONFIG_ID_##field, (err)))

static enum sluice_code at_option(const struct sluice_config *config, enum config_id id, struct sluice_error *err)
{
    char place[200];
    config_source_text(config, config->details->sources[id], place, sizeof place);
    return sluice_error_wrap(err, "%s: %s", place, config_options[id].key);
}

static bool is_legal_name(const char *text, size_t max)
{
    for (const char *at = text; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && strchr("._-", *at) == NULL)
            return false;
    return text[0] != '\0' && strlen(text) <= max && strcmp(text, ".") != 0 && strcmp(text, "..") != 0;
}

static enum sluice_code check_name(const struct sluice_config *config, struct sluice_error *err)
{
    if (is_legal_name(config->name, 200))
        return SLUICE_OK;
    return FAIL(config, name, err, "\"%.80s\" has other characters than letters, digits, and . _ -; take them out",
                config->name);
}

static enum sluice_code check_pattern(const struct sluice_config *config, const char *pattern, struct sluice_error *err)
{
    char reason[120];
    regex_t compiled;
    int failed = regcomp(&compiled, pattern, REG_EXTENDED | REG_NOSUB);
    if (failed == 0) {
        regfree(&compiled);
        return SLUICE_OK;
    }
    (void)regerror(failed, &compiled, reason, sizeof reason);
    return FAIL(config, kafka_topics, err, "\"%.80s\" is not a regular expression: %s; correct it", pattern, reason);
}

static enum sluice_code check_flattened_topics(const struct sluice_config *config, struct sluice_error *err)
{
    const struct sluice_config_list *listed = &config->records_flattened_topics;
    for (size_t i = 0; i < listed->n_items; i++) {
        regex_t compiled;
        if (listed->items[i][0] != '^')
            continue;
        if (regcomp(&compiled, listed->items[i], REG_EXTENDED | REG_NOSUB) != 0)
            return FAIL(config, records_flattened_topics, err, "\"%.80s\" is not a regular expression; correct it",
                        listed->items[i]);
        regfree(&compiled);
    }
    return SLUICE_OK;
}

static int compare_texts(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

/* The first text that stands in the list twice, or NULL. */
static enum sluice_code find_twice(const struct sluice_config *config, const struct sluice_config_list *list,
                                   const char **out, struct sluice_error *err)
{
    *out = NULL;
    if (list->n_items < 2)
        return SLUICE_OK;
    const char **sorted = sluice_arena_alloc_array(&config->details->arena, list->n_items, sizeof *sorted, err);
    if (sorted == NULL)
        return err->code;
    for (size_t i = 0; i < list->n_items; i++)
        sorted[i] = list->items[i];
    qsort(sorted, list->n_items, sizeof *sorted, compare_texts);
    for (size_t i = 1; i < list->n_items && *out == NULL; i++)
        if (strcmp(sorted[i - 1], sorted[i]) == 0)
            *out = sorted[i];
    return SLUICE_OK;
}

/* Names: Kafka's Topic.validate(); 249 bytes because of the file names of the log. */
static enum sluice_code check_topics(const struct sluice_config *config, struct sluice_error *err)
{
    const char *twice = NULL;
    enum sluice_code code = find_twice(config, &config->kafka_topics, &twice, err);
    for (size_t i = 0; i < config->kafka_topics.n_items && code == SLUICE_OK; i++) {
        const char *topic = config->kafka_topics.items[i];
        if (topic[0] == '^')
            code = check_pattern(config, topic, err);
        else if (!is_legal_name(topic, 249))
            code = FAIL(config, kafka_topics, err,
                        "\"%.80s\" is not a topic name; begin it with ^ if it is a regular expression", topic);
    }
    if (code == SLUICE_OK && twice != NULL)
        return FAIL(config, kafka_topics, err, "\"%.80s\" is given twice; keep one", twice);
    return code;
}

/* The worker would read its own refusals. */
static enum sluice_code check_dead_letters(const struct sluice_config *config, struct sluice_error *err)
{
    if (!is_legal_name(config->dead_letters_topic, SLUICE_TOPIC_SIZE - 1))
        return FAIL(config, dead_letters_topic, err, "\"%.80s\" is not a topic name; use letters, digits, and . _ -",
                    config->dead_letters_topic);
    if (!is_legal_name(config->dead_letters_replay_topic, SLUICE_TOPIC_SIZE - 1))
        return FAIL(config, dead_letters_replay_topic, err,
                    "\"%.80s\" is not a topic name; use letters, digits, and . _ -", config->dead_letters_replay_topic);
    if (strcmp(config->dead_letters_topic, config->dead_letters_replay_topic) == 0)
        return FAIL(config, dead_letters_replay_topic, err, "is dead_letters.topic as well; rename one of them");
    for (size_t i = 0; i < config->kafka_topics.n_items; i++) {
        if (strcmp(config->kafka_topics.items[i], config->dead_letters_replay_topic) == 0)
            return FAIL(config, dead_letters_replay_topic, err,
                        "\"%.80s\" stands in kafka.topics as well; take it out there",
                        config->dead_letters_replay_topic);
        if (strcmp(config->kafka_topics.items[i], config->dead_letters_topic) == 0)
            return FAIL(config, dead_letters_topic, err, "\"%.80s\" stands in kafka.topics as well; take it out there",
                        config->dead_letters_topic);
    }
    return SLUICE_OK;
}

static bool is_port(const char *text, size_t len)
{
    long port = 0;
    if (len == 0 || len > 5)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        port = port * 10 + (text[i] - '0');
    }
    return port <= 65535;
}

/* host, host:port, [v6] or [v6]:port, of `len` bytes. */
static bool is_authority(const char *text, size_t len, bool needs_port)
{
    size_t n_host = 0;
    if (len > 0 && text[0] == '[') {
        while (n_host < len && text[n_host] != ']')
            n_host++;
        if (n_host < 3 || n_host == len)
            return false;
        n_host++;
    } else {
        while (n_host < len && text[n_host] != ':')
            n_host++;
    }
    if (n_host == 0)
        return false;
    if (n_host == len)
        return !needs_port;
    return text[n_host] == ':' && is_port(text + n_host + 1, len - n_host - 1);
}

/* The address is not quoted where it may hold a password. */
static enum sluice_code check_url(const struct sluice_config *config, const char *url, struct sluice_error *err)
{
    const char *host = strncmp(url, "http://", 7) == 0 ? url + 7 : strncmp(url, "https://", 8) == 0 ? url + 8 : NULL;
    if (strchr(url, '@') != NULL)
        return FAIL(config, clickhouse_url, err,
                    "an address holds a user or password; use clickhouse.user and clickhouse.password");
    if (host == NULL)
        return FAIL(config, clickhouse_url, err, "\"%.80s\" does not begin with http:// or https://; put it in front",
                    url);
    if (strpbrk(url, "?# ") != NULL)
        return FAIL(config, clickhouse_url, err, "\"%.80s\" has more than host, port and path; take out ? and #", url);
    if (!is_authority(host, strcspn(host, "/"), false))
        return FAIL(config, clickhouse_url, err, "\"%.80s\" has no valid host and port; write http://host:8123", url);
    return SLUICE_OK;
}

static enum sluice_code check_urls(const struct sluice_config *config, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < config->clickhouse_url.n_items && code == SLUICE_OK; i++)
        code = check_url(config, config->clickhouse_url.items[i], err);
    return code;
}

/* No address is quoted: it may hold a password. */
static enum sluice_code check_registry(const struct sluice_config *config, struct sluice_error *err)
{
    for (size_t i = 0; i < config->registry_url.n_items; i++) {
        const char *url = config->registry_url.items[i];
        const char *scheme = strstr(url, "://");
        const char *at = strrchr(url, '@');
        const char *host = at != NULL ? at + 1 : scheme != NULL ? scheme + 3 : url;
        if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
            return FAIL(config, registry_url, err, "address %zu does not begin with http:// or https://", i + 1);
        if (strpbrk(url, "?# ") != NULL || !is_authority(host, strcspn(host, "/"), false))
            return FAIL(config, registry_url, err,
                        "address %zu is not like http://host:8081 or http://user:pass@host:8081", i + 1);
        if (at != NULL && config->registry_token[0] != '\0')
            return FAIL(config, registry_token, err, "an address of registry.url holds a user as well; keep one");
    }
    for (size_t i = 0; i < config->registry_headers.n_items; i++)
        if (strcspn(config->registry_headers.items[i], ":") == strlen(config->registry_headers.items[i]))
            return FAIL(config, registry_headers, err, "entry %zu is no header; write it as \"Name: value\"", i + 1);
    if (config->registry_token[0] != '\0' && config->registry_user[0] != '\0')
        return FAIL(config, registry_token, err, "is set beside registry.user; keep one of them");
    if (config->registry_key_file[0] != '\0' && config->registry_cert_file[0] == '\0')
        return FAIL(config, registry_key_file, err, "is of no use without registry.cert_file; set that too");
    if (config->format == SLUICE_FORMAT_AVRO && config->registry_url.n_items == 0)
        return FAIL(config, format, err, "is avro, and registry.url is not set; set it");
    return SLUICE_OK;
}

/* schema.table.column=type; which types there are is known above (lib/table). Names may hold points themselves. */
static bool is_source_type(const char *text)
{
    const char *equals = strrchr(text, '=');
    const char *first = strchr(text, '.');
    if (equals == NULL || equals[1] == '\0' || first == NULL || first == text || first > equals)
        return false;
    const char *last = equals - 1;
    while (last > first && *last != '.')
        last--;
    if (last <= first + 1 || last + 1 == equals)
        return false;
    for (const char *at = equals + 1; *at != '\0'; at++)
        if (!islower((unsigned char)*at) && !isdigit((unsigned char)*at) && strchr("_()", *at) == NULL)
            return false;
    return true;
}

static enum sluice_code check_source_types(const struct sluice_config *config, struct sluice_error *err)
{
    const char *twice = NULL;
    enum sluice_code code = find_twice(config, &config->tables_source_types, &twice, err);
    if (code == SLUICE_OK && twice != NULL)
        return FAIL(config, tables_source_types, err, "\"%.80s\" is given twice; keep one", twice);
    for (size_t i = 0; i < config->tables_source_types.n_items && code == SLUICE_OK; i++)
        if (!is_source_type(config->tables_source_types.items[i]))
            code = FAIL(
                config, tables_source_types, err,
                "\"%.80s\" is not schema.table.column=type; write it like inventory.orders.created_at=timestamp_us",
                config->tables_source_types.items[i]);
    return code;
}

static enum sluice_code check_listen(const struct sluice_config *config, struct sluice_error *err)
{
    if (config->http_listen[0] == '\0' || is_authority(config->http_listen, strlen(config->http_listen), true))
        return SLUICE_OK;
    return FAIL(config, http_listen, err, "\"%.80s\" is not host:port; write for example 127.0.0.1:9577",
                config->http_listen);
}

/* As Keeper takes it: names between single slashes. */
static bool is_keeper_path(const char *path)
{
    size_t len = strlen(path);
    return path[0] == '/' && len > 1 && path[len - 1] != '/' && strstr(path, "//") == NULL &&
           strpbrk(path, " '\\") == NULL;
}

static enum sluice_code check_ledger(const struct sluice_config *config, struct sluice_error *err)
{
    const char *path = config->clickhouse_ledger_path;
    if (!is_keeper_path(path))
        return FAIL(config, clickhouse_ledger_path, err,
                    "\"%.80s\" is not a path in Keeper; write it like /sluice_shop, without spaces and quotes", path);
    return SLUICE_OK;
}

static enum sluice_code check_metadata(const struct sluice_config *config, struct sluice_error *err)
{
    static const char *const names[] = {"_op", "_topic", "_partition", "_offset"};
    const char *twice = NULL;
    enum sluice_code code = find_twice(config, &config->columns_metadata, &twice, err);
    if (code == SLUICE_OK && twice != NULL)
        return FAIL(config, columns_metadata, err, "\"%.80s\" is given twice; keep one", twice);
    for (size_t i = 0; i < config->columns_metadata.n_items && code == SLUICE_OK; i++) {
        bool is_known = false;
        for (size_t j = 0; j < SLUICE_N_ELEMENTS(names); j++)
            is_known = is_known || strcmp(config->columns_metadata.items[i], names[j]) == 0;
        if (!is_known)
            code = FAIL(config, columns_metadata, err, "\"%.80s\" is none of _op, _topic, _partition and _offset",
                        config->columns_metadata.items[i]);
    }
    for (size_t j = 0; j < SLUICE_N_ELEMENTS(names) && code == SLUICE_OK; j++) {
        if (strcmp(config->columns_version, names[j]) == 0)
            code = FAIL(config, columns_version, err, "is the name of a column with another meaning; rename it");
        else if (strcmp(config->columns_deleted, names[j]) == 0)
            code = FAIL(config, columns_deleted, err, "is the name of a column with another meaning; rename it");
    }
    return code;
}

enum { MIN_KEY = 16 };

/* The id ends at the first colon of an hmac value. */
static enum sluice_code check_transforms(const struct sluice_config *config, struct sluice_error *err)
{
    size_t n = strlen(config->transforms_key);
    if (n == 0 && config_rules_need_key(config->details->rules))
        return FAIL(config, transforms_key, err,
                    "is missing, and tables.rules use hmac or tokenize; set it, for example ${file:/path}");
    if (n > 0 && n < MIN_KEY)
        return FAIL(config, transforms_key, err, "has %zu bytes; use a random key of %d bytes or more", n,
                    (int)MIN_KEY);
    for (const char *at = config->transforms_key_id; *at != '\0'; at++)
        if (!isalnum((unsigned char)*at) && *at != '_' && *at != '-')
            return FAIL(config, transforms_key_id, err,
                        "\"%.80s\" has other characters than letters, digits, _ and -; take them out",
                        config->transforms_key_id);
    return SLUICE_OK;
}

/* As it stands in JSON, without escapes. */
static enum sluice_code check_toast(const struct sluice_config *config, struct sluice_error *err)
{
    for (const char *at = config->toast_placeholder; *at != '\0'; at++)
        if (*at < 0x20 || *at > 0x7e || *at == '"' || *at == '\\')
            return FAIL(config, toast_placeholder, err,
                        "holds other characters than those of ASCII without quotes and backslash; give the connector "
                        "another unavailable.value.placeholder");
    return SLUICE_OK;
}

static enum sluice_code check_across(const struct sluice_config *config, struct sluice_error *err)
{
    if (config->batch_max_bytes > config->memory_limit_bytes / 2)
        return FAIL(config, batch_max_bytes, err,
                    "is more than half of memory.limit (%" PRId64 " of %" PRId64
                    " bytes); lower it or raise memory.limit",
                    config->batch_max_bytes, config->memory_limit_bytes);
    if (strcmp(config->columns_version, config->columns_deleted) == 0)
        return FAIL(config, columns_version, err, "is the same name as columns.deleted; rename one of them");
    if (config->retry_initial_us > config->retry_max_us)
        return FAIL(config, retry_initial_us, err, "is longer than retry.max; lower it or raise retry.max");
    return SLUICE_OK;
}

enum sluice_code config_check(const struct sluice_config *config, struct sluice_error *err)
{
    enum sluice_code (*const rules[])(const struct sluice_config *, struct sluice_error *) = {
        check_name,         check_topics, check_flattened_topics, check_dead_letters, check_urls,       check_registry,
        check_source_types, check_listen, check_ledger,           check_metadata,     check_transforms, check_toast,
        check_across};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(rules); i++) {
        enum sluice_code code = rules[i](config, err);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}
