/* dlq_show.c - `sluice dlq show`; see sluice/dlq.h. */
#include "admin/dlq_view.h"
#include "base/buf.h"
#include "config/output.h"
#include "kafka/message.h"
#include "json/utf8.h"

#include <inttypes.h>
#include <string.h>

enum { MAX_SHOWN = 64 * 1024, LINE_WIDTH = 110 };

struct showing {
    FILE *out;
    json_t *json; /* NULL: for a person */
    size_t n_shown;
};

/* By the refusal's code. The letter's own text names the field and says more. */
static const char *remedy_of(const struct dlq_entry *entry)
{
    static const struct {
        const char *code;
        const char *remedy;
    } remedies[] = {
        {"value",
         "widen the target column, or set on_out_of_range for it, start the workers again, then replay. Where the "
         "value itself is wrong, correct it at the source, which writes a new record, then purge this one."},
        {"toast",
         "set toast: keep for the column, or REPLICA IDENTITY FULL for the source table, start the workers again, "
         "then replay."},
        {"server", "remove what the server refuses: the constraint or the column's type. Then replay."},
        {"limit", "raise batch.max_bytes, start the workers again, then replay."},
        {"json",
         "the record is damaged, or not of the connector: find out who wrote it. If it stands for a row, let the "
         "connector read that row again (an incremental snapshot), then purge this one."},
        {"avro",
         "the record is damaged, or not of the connector: find out who wrote it. If it stands for a row, let the "
         "connector read that row again (an incremental snapshot), then purge this one."},
        {"envelope",
         "if the connector wrote it, correct its options (or records.layout) and replay; if somebody else did, "
         "take the topic out of kafka.topics, or stop them, and purge this one."},
    };
    if (!entry->has_record)
        return "the letter does not hold the record (dead_letters.payload, or compaction took it): let the connector "
               "read "
               "the row again (an incremental snapshot), then purge this one.";
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(remedies); i++)
        if (strcmp(remedies[i].code, entry->code) == 0)
            return remedies[i].remedy;
    return "remove the cause, then replay.";
}

static bool is_text(struct sluice_str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        if ((unsigned char)bytes.ptr[i] < ' ' && bytes.ptr[i] != '\n' && bytes.ptr[i] != '\t' && bytes.ptr[i] != '\r')
            return false;
    return utf8_find_bad(bytes) == NULL;
}

/* Indented JSON, else the text, else hexadecimal digits. */
static void print_bytes(FILE *out, const char *name, const void *bytes, size_t n_bytes)
{
    const struct sluice_str shown = {bytes, n_bytes < MAX_SHOWN ? n_bytes : MAX_SHOWN};
    if (bytes == NULL) {
        (void)fprintf(out, "%s: null\n", name);
        return;
    }
    (void)fprintf(out, "%s: %zu bytes\n", name, n_bytes);
    SLUICE_AUTO(json)
    json_t *document = n_bytes <= MAX_SHOWN ? json_loadb(bytes, n_bytes, JSON_DECODE_ANY, NULL) : NULL;
    if (document != NULL) {
        (void)json_dumpf(document, out, JSON_INDENT(2) | JSON_ENCODE_ANY);
        (void)fputc('\n', out);
        return;
    }
    if (is_text(shown)) {
        (void)fprintf(out, "%.*s\n", SLUICE_STR_ARG(shown));
    } else {
        for (size_t i = 0; i < shown.len; i++)
            (void)fprintf(out, "%02x%s", (unsigned char)shown.ptr[i], i % 32 == 31 || i + 1 == shown.len ? "\n" : " ");
    }
    if (shown.len < n_bytes)
        (void)fprintf(out, "... (%zu bytes more)\n", n_bytes - shown.len);
}

static void print_headers(FILE *out, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers = sluice_kafka_message_ops.copy_headers(message);
    const char *name = NULL;
    const void *value = NULL;
    size_t size = 0;
    for (size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        const struct sluice_str text = {value, value != NULL ? size : 0};
        if (strncmp(name, "__sluice.", 9) != 0)
            (void)fprintf(out, "header %s: %.*s\n", name, is_text(text) ? (int)text.len : 8,
                          is_text(text) ? text.ptr : "(binary)");
    }
    rd_kafka_headers_destroy(headers);
}

static void print_entry(FILE *out, const struct dlq_entry *entry)
{
    char time[DLQ_TIME_SIZE];
    dlq_time_text(entry->time_ms, time);
    (void)fprintf(out, "record:  topic %s, partition %" PRId32 ", offset %" PRId64 "\n", entry->topic, entry->partition,
                  entry->offset);
    (void)fprintf(out, "table:   %s\n", entry->table[0] != '\0' ? entry->table : "not known");
    if (entry->version[0] != '\0')
        (void)fprintf(out, "version: %s\n", entry->version);
    (void)fprintf(out, "refused: %s, try %" PRId64 ", now %s\n", time, entry->attempt, dlq_state_label(entry->state));
    (void)fprintf(out, "reason:  %s\n", entry->code);
    config_output_wrapped(out, entry->text, "         ", LINE_WIDTH);
    (void)fprintf(out, "remedy:\n");
    config_output_wrapped(out, remedy_of(entry), "         ", LINE_WIDTH);
}

static json_t *bytes_json(const void *bytes, size_t n_bytes)
{
    char hex[3];
    if (bytes == NULL)
        return json_null();
    json_t *text = is_text((struct sluice_str){bytes, n_bytes}) ? json_stringn(bytes, n_bytes) : NULL;
    if (text != NULL)
        return text;
    SLUICE_AUTO(sluice_buf) struct sluice_buf digits;
    struct sluice_error ignored;
    sluice_buf_init(&digits, 2 * MAX_SHOWN + 1, "hexadecimal digits");
    for (size_t i = 0; i < n_bytes && i < MAX_SHOWN; i++) {
        (void)snprintf(hex, sizeof hex, "%02x", ((const unsigned char *)bytes)[i]);
        if (sluice_buf_append_z(&digits, hex, &ignored) != SLUICE_OK)
            return json_null();
    }
    return json_pack("{s:s}", "hex", sluice_buf_text(&digits));
}

static json_t *letter_json(const struct dlq_entry *entry, const rd_kafka_message_t *message)
{
    char time[DLQ_TIME_SIZE];
    dlq_time_text(entry->time_ms, time);
    return json_pack("{s:s, s:i, s:I, s:s, s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:o, s:o}", "topic", entry->topic,
                     "partition", (int)entry->partition, "offset", (json_int_t)entry->offset, "table", entry->table,
                     "reason", entry->code, "error", entry->text, "version", entry->version, "refused_at", time,
                     "attempt", (json_int_t)entry->attempt, "state", dlq_state_label(entry->state), "remedy",
                     remedy_of(entry), "key", bytes_json(message->key, message->key_len), "value",
                     bytes_json(message->payload, message->len));
}

static enum sluice_code show_letter(void *context, const struct dlq_entry *entry, const rd_kafka_message_t *message,
                                    struct sluice_error *err)
{
    struct showing *showing = context;
    if (showing->json != NULL)
        return json_array_append_new(showing->json, letter_json(entry, message)) == 0
                   ? SLUICE_OK
                   : sluice_error_nomem(err, "the dead letters as JSON", 0);
    if (showing->n_shown++ > 0)
        (void)fputs("\n----\n\n", showing->out);
    print_entry(showing->out, entry);
    if (entry->has_record) {
        print_headers(showing->out, message);
        print_bytes(showing->out, "key", message->key, message->key_len);
        print_bytes(showing->out, "value", message->payload, message->len);
    }
    return SLUICE_OK;
}

enum sluice_code sluice_dlq_show(const struct sluice_config *config, const struct sluice_dlq_filter *filter, FILE *out,
                                 bool json, struct sluice_error *err)
{
    SLUICE_AUTO(dlq_view) struct dlq_view view = {0};
    SLUICE_AUTO(json) json_t *lines = json ? json_array() : NULL;
    struct showing showing = {.out = out, .json = lines};
    enum sluice_code code = dlq_view_read(&view, config, filter, err);
    if (code == SLUICE_OK && view.n_selected == 0)
        return sluice_error_set(err, SLUICE_E_USAGE, SLUICE_STOP, "there is no such dead letter; see sluice dlq list");
    if (code == SLUICE_OK)
        code = dlq_view_visit(&view, show_letter, &showing, err);
    if (code != SLUICE_OK)
        return code;
    return json ? config_output_json(lines, out, err) : config_output_end(out, err);
}
