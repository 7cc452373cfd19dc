/* records_check.c - see records_check.h.
 *
 * Converters write the schema's default in the place of NULL unless they are told not to: JsonConverter by
 * replace.null.with.default=false (Kafka 3.5 and later), Confluent's of Avro by ignore.default.for.nullables=true,
 * Apicurio's by nothing. Whether one does shows in every streamed record: `snapshot` of the source block has the
 * default "false" and is null there; the connector itself never writes "false" (observed with Debezium 3.6.1).
 */
#include "admin/records_check.h"

#include "admin/record_reader.h"
#include "base/buf.h"
#include "connect/embedded.h"
#include "kafka/samples.h"

enum { N_LAST = 3, MAX_SCHEMA_BYTES = 64 << 20, MAX_NAMES = 1000 };

/* How the records are encoded that show the replacement. */
enum encoding { ENCODING_NONE, ENCODING_JSON_PLAIN, ENCODING_JSON_SCHEMA, ENCODING_REGISTRY };

struct looking {
    struct record_reader *reader;
    enum encoding encoding;
    struct sluice_buf names; /* of the fields, with commas */
};

static void look_at_fields(struct looking *looking, const struct connect_type *row)
{
    struct sluice_error ignored;
    sluice_buf_clear(&looking->names);
    for (size_t i = 0; i < row->n_fields; i++) {
        const struct connect_field *field = &row->fields[i];
        if (!field->type->optional || !field->type->has_default)
            continue;
        if (sluice_buf_printf(&looking->names, &ignored, "%s\"%.80s\"", looking->names.len > 0 ? ", " : "",
                              field->name) != SLUICE_OK)
            return; /* enough of them */
    }
}

static void look_at_embedded(struct looking *looking, struct sluice_str schema)
{
    const struct connect_type *row = NULL;
    struct sluice_error ignored;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, MAX_SCHEMA_BYTES, "the schema of a record");
    if (connect_embedded_read(&arena, schema, "after", &row, &ignored) == SLUICE_OK && row != NULL)
        look_at_fields(looking, row);
}

static bool look_at(void *context, const rd_kafka_message_t *message)
{
    struct looking *looking = context;
    struct sluice_change change;
    struct sluice_error ignored;
    if (message->payload == NULL || record_reader_value(looking->reader, message, &change, &ignored) != SLUICE_OK ||
        change.kind != SLUICE_CHANGE_ROW || !change.source.says_false)
        return true;
    looking->encoding = change.row_type != NULL       ? ENCODING_REGISTRY
                        : change.value_schema.len > 0 ? ENCODING_JSON_SCHEMA
                                                      : ENCODING_JSON_PLAIN;
    if (looking->encoding == ENCODING_REGISTRY)
        look_at_fields(looking, change.row_type);
    else if (looking->encoding == ENCODING_JSON_SCHEMA)
        look_at_embedded(looking, change.value_schema);
    return true;
}

static enum sluice_code look(const struct sluice_config *config, const char *topic, int n_partitions, int timeout_ms,
                             struct looking *looking, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_samples) struct sluice_samples *samples = NULL;
    enum sluice_code code = sluice_samples_new(config, &samples, err);
    record_reader_begin(looking->reader, topic);
    for (int p = 0; p < n_partitions && code == SLUICE_OK; p++)
        code = sluice_samples_visit(samples, topic, p, 0, N_LAST, timeout_ms, look_at, looking, err);
    return code;
}

static void tell(struct report *report, const char *subject, const struct looking *looking)
{
    const char *remedy = looking->encoding == ENCODING_REGISTRY
                             ? "set ignore.default.for.nullables=true in Confluent's converter; Apicurio's has no such "
                               "setting"
                             : "set value.converter.replace.null.with.default=false in the connector";
    if (looking->encoding == ENCODING_JSON_PLAIN)
        report_line(report, REPORT_WARN, subject,
                    "NULL in columns that have a default arrives as it, if there are any; %s", remedy);
    else if (looking->names.len > 0)
        report_line(report, REPORT_WARN, subject, "NULL in the columns %s arrives as their default; %s",
                    sluice_buf_text(&looking->names), remedy);
}

void records_check_topic(struct report *report, const struct sluice_config *config, const char *topic, int n_partitions,
                         int timeout_ms)
{
    char subject[280];
    struct sluice_error err;
    SLUICE_AUTO(record_reader) struct record_reader *reader = NULL;
    SLUICE_AUTO(sluice_buf) struct sluice_buf names = {0};
    (void)snprintf(subject, sizeof subject, "records of %s", topic);
    if (record_reader_new(config, &reader, &err) != SLUICE_OK) {
        report_error(report, subject, &err);
        return;
    }
    struct looking looking = {.reader = reader, .encoding = ENCODING_NONE};
    sluice_buf_init(&looking.names, MAX_NAMES, "the names of fields");
    enum sluice_code code = look(config, topic, n_partitions, timeout_ms, &looking, &err);
    names = looking.names;
    if (code != SLUICE_OK)
        report_line(report, REPORT_WARN, subject, "%s; what its records tell is not checked", err.text);
    else
        tell(report, subject, &looking);
}
