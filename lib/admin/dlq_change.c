/* dlq_change.c - `sluice dlq replay` and `sluice dlq purge`; see sluice/dlq.h.
 *
 * Both open the pipeline's exchange before they read the topic. So what they decide upon is what every earlier command
 * has committed, and a command that is still on its way can commit nothing any more. */
#include "admin/dlq_view.h"
#include "base/clock.h"
#include "base/point.h"
#include "config/output.h"
#include "kafka/exchange.h"
#include "kafka/message.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TIMEOUT_MS = 30000 };

struct changing {
    const struct dlq_view *view;
    struct sluice_exchange *exchange;
};

static void add_header(rd_kafka_headers_t *headers, const char *name, const char *text_z)
{
    (void)rd_kafka_header_add(headers, name, -1, text_z, -1);
}

/* What became of the letter, behind it: `name` is "__sluice.replayed" or "__sluice.purged". */
static enum sluice_code put_marker(const struct changing *c, const struct dlq_entry *entry, const char *name,
                                   struct sluice_error *err)
{
    char text[24];
    rd_kafka_headers_t *headers = rd_kafka_headers_new(4);
    (void)snprintf(text, sizeof text, "%" PRId64, sluice_wall_us() / 1000);
    add_header(headers, name, text);
    add_header(headers, "__sluice.topic", entry->topic);
    (void)snprintf(text, sizeof text, "%" PRId32, entry->partition);
    add_header(headers, "__sluice.partition", text);
    (void)snprintf(text, sizeof text, "%" PRId64, entry->offset);
    add_header(headers, "__sluice.offset", text);
    const struct sluice_exchange_record record = {.topic = c->view->config->dead_letters_topic,
                                                  .partition = entry->letter_partition,
                                                  .headers = headers,
                                                  .timestamp_ms = -1};
    return sluice_exchange_put(c->exchange, &record, err);
}

static enum sluice_code replay_letter(void *context, const struct dlq_entry *entry, const rd_kafka_message_t *message,
                                      struct sluice_error *err)
{
    struct changing *c = context;
    if (!entry->has_record)
        return SLUICE_OK;
    const struct sluice_exchange_record record = {.topic = c->view->config->dead_letters_replay_topic,
                                                  .partition = 0,
                                                  .key = message->key,
                                                  .key_len = message->key_len,
                                                  .value = message->payload,
                                                  .value_len = message->len,
                                                  .headers = sluice_kafka_message_ops.copy_headers(message),
                                                  .timestamp_ms = sluice_kafka_message_ops.timestamp_ms(message)};
    enum sluice_code code = sluice_exchange_put(c->exchange, &record, err);
    return code == SLUICE_OK ? put_marker(c, entry, "__sluice.replayed", err) : code;
}

static enum sluice_code replay_all(struct changing *c, struct sluice_error *err)
{
    enum sluice_code code = dlq_view_visit(c->view, replay_letter, c, err);
    SLUICE_POINT("during_replay");
    if (code == SLUICE_OK)
        code = sluice_exchange_commit(c->exchange, err);
    SLUICE_POINT("after_replay");
    return code;
}

static size_t count_records(const struct dlq_view *view)
{
    size_t n = 0;
    for (size_t i = 0; i < view->n_entries; i++)
        n += view->entries[i].is_selected && view->entries[i].has_record;
    return n;
}

/* The table of what is selected, then how many of it. JSON is the selection alone. */
static enum sluice_code print_plan(const struct dlq_view *view, const char *what, size_t n, bool execute, FILE *out,
                                   bool json, struct sluice_error *err)
{
    enum sluice_code code = dlq_view_print(view, out, json, err);
    if (code != SLUICE_OK || json)
        return code;
    (void)fprintf(out, "%sTo be %s: %zu\n", view->n_selected > 0 ? "\n" : "", what, n);
    if (n < view->n_selected)
        (void)fprintf(out, "Left out, because they don't hold their records: %zu\n", view->n_selected - n);
    if (!execute && n > 0)
        (void)fputs("Nothing was changed; --execute does it.\n", out);
    return config_output_end(out, err);
}

static enum sluice_code print_done(enum sluice_code code, FILE *out, bool json, struct sluice_error *err)
{
    if (code != SLUICE_OK || json)
        return code;
    (void)fputs("Done.\n", out);
    return config_output_end(out, err);
}

static enum sluice_code make_replay_topic(const struct sluice_config *config, struct sluice_error *err)
{
    struct sluice_letters *letters = NULL;
    enum sluice_code code = sluice_letters_new(config, &letters, err);
    if (code == SLUICE_OK)
        code = sluice_letters_make_topic(letters, config->dead_letters_replay_topic, TIMEOUT_MS, err);
    sluice_letters_free(letters);
    return code;
}

enum sluice_code sluice_dlq_replay(const struct sluice_config *config, const struct sluice_dlq_filter *filter,
                                   bool execute, FILE *out, bool json, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_exchange) struct sluice_exchange *exchange = NULL;
    SLUICE_AUTO(dlq_view) struct dlq_view view = {0};
    enum sluice_code code = SLUICE_OK;
    if (config->on_bad_record != SLUICE_ON_BAD_RECORD_DEAD_LETTER)
        return sluice_error_set(
            err, SLUICE_E_UNSAFE, SLUICE_STOP,
            "with on_bad_record: stop no worker reads the replay topic \"%s\"; set dead_letter for the "
            "workers and here",
            config->dead_letters_replay_topic);
    if (execute)
        code = make_replay_topic(config, err);
    if (execute && code == SLUICE_OK)
        code = sluice_exchange_open(config, &exchange, err);
    if (code == SLUICE_OK)
        code = dlq_view_read(&view, config, filter, err);
    if (code == SLUICE_OK)
        code = print_plan(&view, "replayed", count_records(&view), execute, out, json, err);
    if (code != SLUICE_OK || !execute)
        return code;
    struct changing changing = {&view, exchange};
    return print_done(replay_all(&changing, err), out, json, err);
}

/* Everything below the first record of a letter that is not purged may go. A marker goes with what is before it, and
 * one that is left alone says nothing. */
static int64_t first_needed(const struct dlq_view *view, int32_t partition)
{
    int64_t first = view->ends[partition];
    for (size_t i = 0; i < view->n_entries; i++) {
        const struct dlq_entry *entry = &view->entries[i];
        bool is_needed = entry->state != DLQ_PURGED && !entry->is_selected && entry->letter_partition == partition;
        if (is_needed && entry->letter_offset < first)
            first = entry->letter_offset;
    }
    return first;
}

static enum sluice_code purge_all(struct changing *c, struct sluice_error *err)
{
    const struct dlq_view *view = c->view;
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < view->n_entries && code == SLUICE_OK; i++)
        if (view->entries[i].is_selected)
            code = put_marker(c, &view->entries[i], "__sluice.purged", err);
    if (code == SLUICE_OK)
        code = sluice_exchange_commit(c->exchange, err);
    for (int32_t i = 0; i < view->n_partitions && code == SLUICE_OK; i++)
        code =
            sluice_exchange_delete_before(c->exchange, view->config->dead_letters_topic, i, first_needed(view, i), err);
    return code;
}

enum sluice_code sluice_dlq_purge(const struct sluice_config *config, const struct sluice_dlq_filter *filter,
                                  bool execute, FILE *out, bool json, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_exchange) struct sluice_exchange *exchange = NULL;
    SLUICE_AUTO(dlq_view) struct dlq_view view = {0};
    enum sluice_code code = SLUICE_OK;
    if (execute)
        code = sluice_exchange_open(config, &exchange, err);
    if (code == SLUICE_OK)
        code = dlq_view_read(&view, config, filter, err);
    if (code == SLUICE_OK)
        code = print_plan(&view, "purged", view.n_selected, execute, out, json, err);
    if (code != SLUICE_OK || !execute || view.n_selected == 0)
        return code;
    struct changing changing = {&view, exchange};
    return print_done(purge_all(&changing, err), out, json, err);
}
