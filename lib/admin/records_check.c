/* records_check.c - see records_check.h.
 *
 * JsonConverter writes the schema's default in the place of NULL unless replace.null.with.default=false (Kafka 3.5 and
 * later). Whether it does shows in every streamed record: `snapshot` of the source block has the default "false" and is
 * null there; the connector itself never writes "false" (observed with Debezium 3.6.1).
 */
#include "admin/records_check.h"

#include "base/buf.h"
#include "connect/embedded.h"
#include "debezium/change.h"
#include "kafka/samples.h"

enum { N_LAST = 3, MAX_SCHEMA_BYTES = 64 << 20, MAX_NAMES = 1000 };

struct looking {
    struct sluice_decoder *decoder;
    struct sluice_buf names; /* of the fields, with commas */
};

/* Short and found in few records, so a plain search will do. */
static bool holds(struct sluice_str text, struct sluice_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++)
        if (text.ptr[i] == part.ptr[0] && memcmp(text.ptr + i, part.ptr, part.len) == 0)
            return true;
    return false;
}

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

static bool look_at(void *context, const rd_kafka_message_t *message)
{
    struct looking *looking = context;
    struct sluice_change change;
    struct sluice_error ignored;
    const struct connect_type *row = NULL;
    const struct sluice_str value = {message->payload, message->len};
    if (message->payload == NULL || !holds(value, SLUICE_STR_LITERAL("\"snapshot\":\"false\"")) ||
        sluice_change_decode(looking->decoder, value, (struct sluice_str){NULL, 0}, &change, &ignored) != SLUICE_OK ||
        change.kind != SLUICE_CHANGE_ROW || change.value_schema.len == 0)
        return true;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    sluice_arena_init(&arena, MAX_SCHEMA_BYTES, "the schema of a record");
    if (connect_embedded_read(&arena, change.value_schema, "after", &row, &ignored) == SLUICE_OK && row != NULL)
        look_at_fields(looking, row);
    return true;
}

static enum sluice_code look(const struct sluice_config *config, const char *topic, int n_partitions, int timeout_ms,
                             struct looking *looking, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_samples) struct sluice_samples *samples = NULL;
    enum sluice_code code = sluice_samples_new(config, &samples, err);
    for (int p = 0; p < n_partitions && code == SLUICE_OK; p++)
        code = sluice_samples_visit(samples, topic, p, 0, N_LAST, timeout_ms, look_at, looking, err);
    return code;
}

void records_check_topic(struct report *report, const struct sluice_config *config, const char *topic, int n_partitions,
                         int timeout_ms)
{
    char subject[280];
    struct sluice_error err;
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *decoder = NULL;
    SLUICE_AUTO(sluice_buf) struct sluice_buf names = {0};
    (void)snprintf(subject, sizeof subject, "records of %s", topic);
    if (sluice_decoder_new(&decoder, &err) != SLUICE_OK) {
        report_error(report, subject, &err);
        return;
    }
    struct looking looking = {.decoder = decoder};
    sluice_buf_init(&looking.names, MAX_NAMES, "the names of fields");
    enum sluice_code code = look(config, topic, n_partitions, timeout_ms, &looking, &err);
    names = looking.names;
    if (code != SLUICE_OK)
        report_line(report, REPORT_WARN, subject, "%s; what its records tell is not checked", err.text);
    else if (names.len > 0)
        report_line(
            report, REPORT_WARN, subject,
            "NULL in the columns %s arrives as their default; set value.converter.replace.null.with.default=false "
            "in the connector",
            sluice_buf_text(&names));
}
