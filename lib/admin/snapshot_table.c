/* snapshot_table.c - see snapshot_table.h. */
#include "admin/snapshot_table.h"

#include "sluice/nearest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { N_NEWEST = 50, MAX_TOPICS = 10000 };

/* ---- topics ---- */

struct topics {
    char *names[MAX_TOPICS];
    int partitions[MAX_TOPICS];
    size_t n;
    bool is_short; /* of memory */
};

static void visit_topic(void *context, const char *topic, int n_partitions)
{
    struct topics *topics = context;
    if (n_partitions == 0 || topics->n == MAX_TOPICS)
        return;
    topics->names[topics->n] = strdup(topic);
    topics->is_short = topics->is_short || topics->names[topics->n] == NULL;
    topics->partitions[topics->n] = n_partitions;
    topics->n += topics->names[topics->n] != NULL ? 1 : 0;
}

static void topics_free(struct topics *topics)
{
    for (size_t i = 0; topics != NULL && i < topics->n; i++)
        free(topics->names[i]);
    free(topics);
}

static bool ends_with(const char *topic, const char *wanted)
{
    size_t n = strlen(topic);
    size_t end = strlen(wanted);
    return n > end && topic[n - end - 1] == '.' && strcmp(topic + n - end, wanted) == 0;
}

static enum sluice_code choose(const struct topics *topics, const char *wanted, size_t *chosen,
                               struct sluice_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < topics->n; i++) {
        if (strcmp(topics->names[i], wanted) == 0) {
            *chosen = i;
            return SLUICE_OK;
        }
        if (!ends_with(topics->names[i], wanted))
            continue;
        if (n++ > 0)
            return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                    "\"%s\" is the end of several topics, \"%.200s\" and \"%.200s\" among them; give "
                                    "the whole name",
                                    wanted, topics->names[*chosen], topics->names[i]);
        *chosen = i;
    }
    if (n == 1)
        return SLUICE_OK;
    const char *nearest = sluice_nearest(wanted, (const char *const *)topics->names, topics->n);
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "no topic of kafka.topics is \"%.200s\" or ends with it behind a dot%s%.200s; a table that "
                            "the connector never wrote has no topic yet: make it first (kafka-topics --create)",
                            wanted, nearest != NULL ? ", did you mean " : "", nearest != NULL ? nearest : "");
}

static enum sluice_code find_topic(struct sluice_consumer *consumer, const char *wanted, struct snapshot_table *out,
                                   struct sluice_error *err)
{
    size_t chosen = 0;
    struct topics *topics = calloc(1, sizeof *topics);
    if (topics == NULL)
        return sluice_error_nomem(err, "the topics", sizeof *topics);
    enum sluice_code code = sluice_consumer_visit_topics(consumer, SNAPSHOT_TIMEOUT_MS, visit_topic, topics, err);
    if (code == SLUICE_OK && topics->is_short)
        code = sluice_error_nomem(err, "the topics", sizeof *topics);
    if (code == SLUICE_OK)
        code = choose(topics, wanted, &chosen, err);
    if (code == SLUICE_OK) {
        (void)snprintf(out->topic, sizeof out->topic, "%s", topics->names[chosen]); /* Kafka's have 249 bytes */
        out->n_partitions = topics->partitions[chosen];
    }
    topics_free(topics);
    return code;
}

/* ---- its records ---- */

struct looking {
    struct record_reader *records;
    struct snapshot_table *table;
    enum sluice_code code;
    struct sluice_error *err;
};

static bool fits(struct sluice_str text, char out[SNAPSHOT_NAME])
{
    if (text.len == 0 || text.len >= SNAPSHOT_NAME)
        return false;
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

static enum sluice_code take(struct looking *looking, const rd_kafka_message_t *message, struct sluice_error *err)
{
    struct sluice_change change;
    struct snapshot_table *table = looking->table;
    const struct snapshot_table before = *table;
    enum sluice_code code = record_reader_value(looking->records, message, &change, err);
    if (code != SLUICE_OK || change.kind != SLUICE_CHANGE_ROW)
        return code;
    if (!fits(change.source.name, table->prefix) || !fits(change.source.schema, table->schema) ||
        !fits(change.source.table, table->table))
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "the record does not name its connector, schema and table");
    if (before.has_record && (strcmp(before.schema, table->schema) != 0 || strcmp(before.table, table->table) != 0))
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                                "the topic holds several tables (\"%s\" and \"%s\"), so it does not say which one to "
                                "read; send the signal by hand",
                                before.table, table->table);
    table->has_record = true;
    table->has_key = message->key != NULL;
    return SLUICE_OK;
}

static bool visit(void *context, const rd_kafka_message_t *message)
{
    struct looking *looking = context;
    looking->code = take(looking, message, looking->err);
    if (looking->code != SLUICE_OK)
        looking->code = sluice_error_wrap(looking->err, "topic \"%s\" partition %" PRId32 " offset %" PRId64,
                                          looking->table->topic, message->partition, message->offset);
    return looking->code == SLUICE_OK;
}

static enum sluice_code name_by_topic(struct snapshot_table *table, struct sluice_error *err)
{
    struct sluice_source source = {0};
    sluice_source_from_topic(sluice_str_from(table->topic), &source);
    if (fits(source.name, table->prefix) && fits(source.schema, table->schema) && fits(source.table, table->table))
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP,
                            "topic \"%s\" is empty, and its name is not prefix.schema.table", table->topic);
}

enum sluice_code snapshot_table_find(struct sluice_consumer *consumer, struct sluice_samples *samples,
                                     struct record_reader *records, const char *wanted, struct snapshot_table *out,
                                     struct sluice_error *err)
{
    struct looking looking = {.records = records, .table = out, .err = err};
    *out = (struct snapshot_table){.has_key = true};
    enum sluice_code code = find_topic(consumer, wanted, out, err);
    if (code == SLUICE_OK)
        record_reader_begin(records, out->topic);
    for (int32_t i = 0; code == SLUICE_OK && i < out->n_partitions; i++) {
        code = sluice_samples_visit(samples, out->topic, i, 0, N_NEWEST, SNAPSHOT_TIMEOUT_MS, visit, &looking, err);
        code = code == SLUICE_OK ? looking.code : code;
    }
    return code == SLUICE_OK && !out->has_record ? name_by_topic(out, err) : code;
}

struct asking {
    const char *topic;
    bool is_read;
};

static void visit_asked(void *context, const char *topic, int n_partitions)
{
    struct asking *asking = context;
    (void)n_partitions;
    asking->is_read = asking->is_read || strcmp(topic, asking->topic) == 0;
}

enum sluice_code snapshot_topic_is_read(struct sluice_consumer *consumer, const char *topic, bool *is_read,
                                        struct sluice_error *err)
{
    struct asking asking = {topic, false};
    enum sluice_code code = sluice_consumer_visit_topics(consumer, SNAPSHOT_TIMEOUT_MS, visit_asked, &asking, err);
    *is_read = asking.is_read;
    return code;
}
