/* letters.c - see letters.h. */
#include "pipeline/letters.h"

#include "base/clock.h"
#include "base/point.h"
#include "debezium/frame.h"
#include "pipeline/ranges.h"
#include "sluice/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- which refusals are about one record ---- */

/* The halves of a key change need each other: without the one the row stands under both keys, or under none. */
static bool moves_a_key(const struct lane *lane, const rd_kafka_message_t *message)
{
    return lane->world.ops->has_header(message, "__debezium.newkey") ||
           lane->world.ops->has_header(message, "__debezium.oldkey");
}

/* What a schema of the registry makes no envelope, it makes none for every record. */
static bool has_schema(const struct partition *p)
{
    const struct partition_encoding *value = &p->lane.encoding[FRAME_VALUE];
    return value->is_known && value->schema != NULL;
}

static bool is_single(const struct lane *lane, const struct partition *p, const rd_kafka_message_t *message,
                      const struct refusal *refusal, const struct sluice_error *err)
{
    if (err->action != SLUICE_REJECT || moves_a_key(lane, message))
        return false;
    switch (err->code) {
    case SLUICE_E_JSON:
    case SLUICE_E_AVRO:
    case SLUICE_E_VALUE:
    case SLUICE_E_TOAST:
        return true;
    case SLUICE_E_LIMIT: /* of a row; before that it is about a table's fields or a source */
        return refusal->version != NULL;
    case SLUICE_E_ENVELOPE:
        return !has_schema(p);
    default: /* tables, keys, positions, histories, schemas, TRUNCATE: more than this record */
        return false;
    }
}

static bool is_within_limit(struct lane *lane)
{
    const struct sluice_config *config = lane->world.config;
    int64_t now_us = sluice_mono_us();
    if (lane->n_letters == 0 || now_us - lane->letters_since_us >= config->dead_letters_window_us) {
        lane->letters_since_us = now_us;
        lane->n_letters = 0;
    }
    return lane->n_letters < config->dead_letters_limit;
}

/* ---- what a letter says ---- */

static void add_text(rd_kafka_headers_t *headers, const char *name, const char *text_z)
{
    (void)rd_kafka_header_add(headers, name, -1, text_z, -1); /* fails only for headers that may not be changed */
}

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t number)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, number);
    add_text(headers, name, text);
}

/* As ClickHouse shows a UInt128. */
static void add_version(rd_kafka_headers_t *headers, const struct sluice_version *version)
{
    uint32_t parts[4] = {(uint32_t)(version->high >> 32), (uint32_t)version->high, (uint32_t)(version->low >> 32),
                         (uint32_t)version->low};
    char text[40];
    size_t at = sizeof text - 1;
    text[at] = '\0';
    do {
        uint64_t rest = 0;
        for (size_t i = 0; i < SLUICE_N_ELEMENTS(parts); i++) {
            uint64_t value = rest << 32 | parts[i];
            parts[i] = (uint32_t)(value / 10);
            rest = value % 10;
        }
        text[--at] = (char)('0' + rest);
    } while ((parts[0] | parts[1] | parts[2] | parts[3]) != 0);
    add_text(headers, "__sluice.version", text + at);
}

static void add_table(rd_kafka_headers_t *headers, struct sluice_str name, struct sluice_str schema,
                      struct sluice_str table)
{
    char text[400];
    (void)snprintf(text, sizeof text, "%.*s.%.*s.%.*s", SLUICE_STR_ARG(name), SLUICE_STR_ARG(schema),
                   SLUICE_STR_ARG(table));
    add_text(headers, "__sluice.table", text);
}

static void describe(const struct lane *lane, const struct partition *p, int64_t offset,
                     const struct sluice_source_state *before, const struct sluice_error *err,
                     rd_kafka_headers_t *headers)
{
    char state[SLUICE_SOURCE_STATE_TEXT];
    sluice_source_state_format(before, state);
    add_text(headers, "__sluice.pipeline", lane->world.config->name);
    add_text(headers, "__sluice.topic", p->topic);
    add_number(headers, "__sluice.partition", p->id);
    add_number(headers, "__sluice.offset", offset);
    add_number(headers, "__sluice.time", sluice_wall_us() / 1000);
    add_text(headers, "__sluice.code", sluice_code_label(err->code));
    add_text(headers, "__sluice.text", err->text);
    add_text(headers, "__sluice.state", state);
}

static bool has_transforms(const struct sluice_table_settings *settings)
{
    bool found = settings->any.transform != SLUICE_TRANSFORM_NONE;
    for (size_t i = 0; i < settings->n_columns; i++)
        found = found || settings->columns[i].transform != SLUICE_TRANSFORM_NONE;
    return found;
}

/* What a transform takes out of a table must not stand in a topic beside it. */
static bool keeps_payload(const struct sluice_config *config, const struct sluice_table_settings *settings)
{
    if (config->dead_letters_payload == SLUICE_PAYLOAD_ORIGINAL)
        return true;
    return settings != NULL ? !has_transforms(settings) : !sluice_config_has_transforms(config);
}

static void *copy_bytes(const void *bytes, size_t n_bytes)
{
    if (bytes == NULL)
        return NULL;
    void *copy = malloc(n_bytes + 1);
    if (copy == NULL)
        SLUICE_BUG("no memory for a dead letter");
    memcpy(copy, bytes, n_bytes);
    return copy;
}

static void fill(const struct lane *lane, const struct partition *p, const rd_kafka_message_t *message,
                 const struct refusal *refusal, const struct sluice_error *err, struct sluice_letter *content)
{
    bool keeps = keeps_payload(lane->world.config, refusal->settings);
    rd_kafka_headers_t *record = lane->world.ops->copy_headers(message);
    rd_kafka_headers_t *ours = rd_kafka_headers_new(0);
    *content = (struct sluice_letter){.timestamp_ms = lane->world.ops->timestamp_ms(message)};
    if (keeps) {
        content->key = copy_bytes(message->key, message->key_len);
        content->key_len = message->key_len;
        content->value = copy_bytes(message->payload, message->len);
        content->value_len = message->len;
    } else {
        add_text(ours, "__sluice.payload", "left out");
    }
    describe(lane, p, message->offset, &p->lane.state, err, ours);
    if (refusal->change != NULL)
        add_table(ours, refusal->change->source.name, refusal->change->source.schema, refusal->change->source.table);
    if (refusal->version != NULL)
        add_version(ours, refusal->version);
    content->headers = sluice_letter_headers(record, keeps, ours);
    rd_kafka_headers_destroy(record);
}

/* ---- their life ---- */

static void letter_free(struct lane *lane, struct letter *letter)
{
    sluice_budget_release(lane->world.budget, letter->n_charged);
    free(letter->content.key);
    free(letter->content.value);
    rd_kafka_headers_destroy(letter->content.headers);
    partition_unref(letter->partition);
    free(letter);
}

static struct letter *letter_new(struct partition *p, int64_t offset, const struct sluice_source_state *before,
                                 const struct sluice_error *err)
{
    struct letter *letter = calloc(1, sizeof *letter);
    if (letter == NULL)
        SLUICE_BUG("no memory for a dead letter");
    letter->job.item.kind = LANE_JOB;
    letter->job.kind = JOB_LETTER;
    letter->partition = partition_ref(p);
    letter->offset = offset;
    letter->before = *before;
    letter->reason = err->code;
    return letter;
}

static void send_letter(struct lane *lane, struct letter *letter, const struct sluice_error *err)
{
    struct partition *p = letter->partition;
    struct letter **at = &p->lane.letters;
    letter->n_charged = sizeof *letter + letter->content.key_len + letter->content.value_len;
    sluice_budget_charge(lane->world.budget, letter->n_charged);
    while (*at != NULL && (*at)->offset <= letter->offset)
        at = &(*at)->next;
    letter->next = *at;
    *at = letter;
    lane->n_letters++;
    job_send(lane, &letter->job);
    SLUICE_LOG(SLUICE_LOG_WARN, "dead_letter", SLUICE_F_TEXT("topic", p->topic), SLUICE_F_I64("partition", p->id),
               SLUICE_F_I64("offset", letter->offset), SLUICE_F_ERROR(err),
               SLUICE_F_TEXT("to", lane->world.config->dead_letters_topic));
}

static bool refuse_more(const struct lane *lane, struct sluice_error *err)
{
    const struct sluice_config *config = lane->world.config;
    err->action = SLUICE_STOP_PARTITION;
    (void)sluice_error_wrap(err,
                            "more than %" PRId64 " dead letters (dead_letters.limit) within %" PRId64
                            " s (dead_letters.window), so this is not about single records: remove the cause, or raise "
                            "the limit, and start the worker again; the record after them",
                            config->dead_letters_limit, config->dead_letters_window_us / 1000000);
    return false;
}

bool letters_take(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                  const struct refusal *refusal, struct sluice_error *err)
{
    if (lane->world.letters == NULL || !is_single(lane, p, message, refusal, err))
        return false;
    if (!is_within_limit(lane))
        return refuse_more(lane, err);
    if (p->lane.ranges != NULL && !ranges_skip(p, message->offset)) {
        err->action = SLUICE_STOP_PARTITION;
        (void)sluice_error_wrap(err,
                                "the record was good when its range was opened, so it may be stored, and is refused "
                                "now: take back what was changed in the table, the rules or the registry until "
                                "the range is stored");
        return false;
    }
    struct letter *letter = letter_new(p, message->offset, &p->lane.state, err);
    fill(lane, p, message, refusal, err, &letter->content);
    send_letter(lane, letter, err);
    return true;
}

enum sluice_code letters_write_row(struct lane *lane, struct flight *flight, int64_t offset,
                                   const struct sluice_ch_bad_row *row, struct sluice_error *err)
{
    struct partition *p = flight->partition;
    const struct binding *binding = flight->binding;
    if (!is_within_limit(lane)) {
        *err = row->error;
        (void)refuse_more(lane, err);
        return err->code;
    }
    struct letter *letter = letter_new(p, offset, &flight->before, &row->error);
    letter->wants_record = true;
    letter->keeps_record = keeps_payload(lane->world.config, binding->table->settings);
    letter->content.headers = rd_kafka_headers_new(0);
    if (!letter->keeps_record)
        add_text(letter->content.headers, "__sluice.payload", "left out");
    describe(lane, p, offset, &flight->before, &row->error, letter->content.headers);
    add_table(letter->content.headers, sluice_str_from(binding->source_name), sluice_str_from(binding->source_schema),
              sluice_str_from(binding->source_table));
    add_version(letter->content.headers, &row->version);
    send_letter(lane, letter, &row->error);
    return SLUICE_OK;
}

static void unlink_letter(struct letter *letter)
{
    struct letter **at = &letter->partition->lane.letters;
    while (*at != letter)
        at = &(*at)->next;
    *at = letter->next;
}

void letters_returned(struct lane *lane, struct letter *letter)
{
    struct partition *p = letter->partition;
    letter->is_out = false;
    if (letter->is_dropped) {
        letter_free(lane, letter);
        return;
    }
    if (letter->job.code != SLUICE_OK) {
        job_delay(lane, &letter->job);
        return;
    }
    SLUICE_POINT("after_dead_letter");
    sluice_metric_add(
        sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_DEAD_LETTERS, sluice_code_label(letter->reason)), 1);
    unlink_letter(letter);
    (void)partition_ref(p);
    letter_free(lane, letter);
    if (p->lane.ranges != NULL)
        ranges_go_on(lane, p);
    else
        partition_announce(lane, p);
    partition_maybe_leave(lane, p);
    partition_unref(p);
}

bool letters_are_due(const struct partition *p, int64_t offset)
{
    return p->lane.letters != NULL && p->lane.letters->offset <= offset;
}

static void forget_delayed(struct lane *lane, const struct letter *letter)
{
    for (struct job **at = &lane->delayed; *at != NULL; at = &(*at)->next_delayed) {
        if (*at == &letter->job) {
            *at = letter->job.next_delayed;
            return;
        }
    }
}

void letters_drop(struct lane *lane, struct partition *p)
{
    while (p->lane.letters != NULL) {
        struct letter *letter = p->lane.letters;
        p->lane.letters = letter->next;
        letter->is_dropped = true;
        if (letter->is_out)
            continue;
        forget_delayed(lane, letter);
        letter_free(lane, letter);
    }
}
