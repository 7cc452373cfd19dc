/* snapshot_follow.c - see snapshot_follow.h. */
#include "admin/snapshot_follow.h"

#include "base/clock.h"
#include "ledger/row.h"
#include "table/items.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { NAP_MS = 300 };

/* ---- notifications ---- */

/* Names and values here have no escapes, or are none of those that are looked for. */
static struct sluice_str text_of(const struct sluice_value *value)
{
    return value->kind == SLUICE_VALUE_STRING ? value->text : (struct sluice_str){NULL, 0};
}

static void take_member(struct snapshot_notice *notice, struct sluice_str name, struct sluice_str text)
{
    const struct {
        const char *name;
        struct sluice_str *out;
    } known[] = {{"id", &notice->id},
                 {"aggregate_type", &notice->aggregate},
                 {"type", &notice->type},
                 {"connector_name", &notice->connector},
                 {"data_collections", &notice->tables},
                 {"current_collection_in_progress", &notice->current},
                 {"scanned_collection", &notice->scanned},
                 {"status", &notice->status},
                 {"total_rows_scanned", &notice->rows},
                 {"maximum_key", &notice->max_key},
                 {"last_processed_key", &notice->last_key}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(known); i++)
        if (sluice_str_equal_z(name, known[i].name))
            *known[i].out = text;
}

static void take_additional(struct snapshot_notice *notice, const struct sluice_value *data)
{
    struct sluice_error ignored; /* a map that is broken halfway says what it says until there */
    struct sluice_value key;
    struct sluice_value value;
    struct items items;
    if (!items_open_map(&items, data))
        return;
    while (items_next_entry(&items, &key, &value, &ignored) == ITEMS_ONE)
        take_member(notice, text_of(&key), text_of(&value));
}

static bool visit_notice(void *context, const rd_kafka_message_t *message)
{
    struct snapshot_follow *follow = context;
    struct snapshot_notice notice = {0};
    struct sluice_error ignored; /* what else is in the topic is not for us */
    struct sluice_key fields;
    if (record_reader_struct(follow->records, message, &fields, &ignored) != SLUICE_OK)
        return true;
    for (size_t i = 0; i < fields.n_fields; i++) {
        take_member(&notice, fields.fields[i].name, text_of(&fields.fields[i].value));
        if (sluice_str_equal_z(fields.fields[i].name, "additional_data"))
            take_additional(&notice, &fields.fields[i].value);
    }
    if (snapshot_watch_take(&follow->watch, &notice))
        follow->news_us = sluice_mono_us();
    return true;
}

/* ---- rows ---- */

static bool visit_record(void *context, const rd_kafka_message_t *message)
{
    struct snapshot_follow *follow = context;
    struct sluice_change change;
    struct sluice_error ignored; /* a record that can't be read is the worker's business; it counts as no row here */
    if (record_reader_value(follow->records, message, &change, &ignored) != SLUICE_OK)
        return true;
    if (change.kind != SLUICE_CHANGE_ROW || change.op != 'r')
        return true;
    follow->n_rows++;
    follow->parts[message->partition].last_row = message->offset;
    follow->news_us = sluice_mono_us();
    return true;
}

/* From `*position` to the end there is now. */
static enum sluice_code scan(struct snapshot_follow *follow, const char *topic, int32_t partition, int64_t *position,
                             sluice_sample_fn visit, struct sluice_error *err)
{
    int64_t end = 0;
    enum sluice_code code = sluice_samples_end(follow->samples, topic, partition, SNAPSHOT_TIMEOUT_MS, &end, err);
    if (code == SLUICE_OK && end > *position)
        code = sluice_samples_scan(follow->samples, topic, partition, *position, end - 1, SNAPSHOT_TIMEOUT_MS, visit,
                                   follow, err);
    if (code == SLUICE_OK && end > *position)
        *position = end;
    return code;
}

/* Notifications first: what the last of them tells of is then looked for. */
static enum sluice_code read_news(struct snapshot_follow *follow, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    record_reader_begin(follow->records, follow->notices);
    for (int32_t i = 0; i < follow->n_notice_parts && code == SLUICE_OK; i++)
        code = scan(follow, follow->notices, i, &follow->notice_positions[i], visit_notice, err);
    record_reader_begin(follow->records, follow->table->topic);
    for (int32_t i = 0; i < follow->table->n_partitions && code == SLUICE_OK; i++)
        code = scan(follow, follow->table->topic, i, &follow->parts[i].position, visit_record, err);
    return code;
}

/* ---- what is visible ---- */

static void set_targets(struct snapshot_follow *follow, bool all_rows_known)
{
    for (int i = 0; i < follow->table->n_partitions; i++) {
        struct snapshot_part *part = &follow->parts[i];
        part->target = !all_rows_known ? part->position : part->last_row >= 0 ? part->last_row + 1 : -1;
    }
}

/* How many offsets are still to be committed. */
static enum sluice_code read_commits(struct snapshot_follow *follow, int64_t *n_left, struct sluice_error *err)
{
    char text[SLUICE_LEDGER_TEXT];
    *n_left = 0;
    for (int32_t i = 0; i < follow->table->n_partitions; i++) {
        struct snapshot_part *part = &follow->parts[i];
        int64_t committed = -1;
        if (part->committed >= part->target)
            continue;
        enum sluice_code code = sluice_consumer_committed(follow->consumer, follow->table->topic, i,
                                                          SNAPSHOT_TIMEOUT_MS, &committed, text, sizeof text, err);
        if (code != SLUICE_OK)
            return code;
        if (committed > part->committed)
            follow->news_us = sluice_mono_us();
        part->committed = committed > part->committed ? committed : part->committed;
        if (part->committed < part->target)
            *n_left += part->target - (part->committed > 0 ? part->committed : 0);
    }
    return SLUICE_OK;
}

/* ---- the walk ---- */

static enum sluice_code gave_up(struct snapshot_follow *follow, int64_t n_left, struct sluice_error *err)
{
    const int seconds = (int)(follow->timeout_us / 1000000);
    if (follow->watch.stage == SNAPSHOT_ASKED)
        return sluice_error_set(
            err, SLUICE_E_KAFKA, SLUICE_STOP,
            "the connector \"%s\" did not answer within %d s. It must run, and have: signal.enabled.channels with "
            "kafka "
            "(or source, for --signal table), signal.kafka.topic and signal.kafka.bootstrap.servers (or "
            "signal.data.collection), notification.enabled.channels with sink and notification.sink.topic.name = %s; "
            "for an incremental snapshot also signal.data.collection, or read.only=true. It may still begin",
            follow->watch.prefix, seconds, follow->notices);
    if (follow->watch.stage != SNAPSHOT_OVER)
        return sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_STOP,
                                "nothing was heard of the connector \"%s\" for %d s%s; %" PRId64
                                " rows were read, the snapshot is not over. See the connector's status and log; give a "
                                "longer --timeout where a piece takes long",
                                follow->watch.prefix, seconds,
                                follow->watch.stage == SNAPSHOT_PAUSED ? ", which has paused the snapshot on a signal"
                                                                       : "",
                                follow->n_rows);
    return sluice_error_set(
        err, SLUICE_E_KAFKA, SLUICE_STOP,
        "every row is in the topic, but the group \"%s\" has committed nothing for %d s and has %" PRId64
        " records to go; does a worker run? See sluice offsets list and the worker's status page",
        follow->group_id, seconds, n_left);
}

static void show(struct snapshot_follow *follow, int64_t now_us, int64_t n_left)
{
    const bool is_over = follow->watch.stage == SNAPSHOT_OVER;
    const struct progress_facts reading = {"reading", snapshot_watch_share(&follow->watch), follow->n_rows, "rows",
                                           now_us - follow->begun_us};
    const struct progress_facts storing = {"waiting for ClickHouse", -1, n_left, "records to go", 0};
    const struct progress_facts asking = {"waiting for the connector", -1, 0, NULL, 0};
    if (follow->watch.stage == SNAPSHOT_ASKED)
        progress_show(&follow->progress, now_us, &asking);
    else
        progress_show(&follow->progress, now_us, is_over ? &storing : &reading);
}

static void tell_stage(struct snapshot_follow *follow, enum snapshot_stage before)
{
    if (follow->watch.stage == before || follow->watch.stage == SNAPSHOT_REFUSED)
        return;
    if (before == SNAPSHOT_ASKED)
        progress_tell(&follow->progress, "the connector has begun");
    if (follow->watch.stage == SNAPSHOT_PAUSED)
        progress_tell(&follow->progress, "the connector has paused, on a signal");
}

/* True once it is known which rows have to be visible. */
static bool is_complete(const struct snapshot_follow *follow, int64_t now_us, bool *all_rows_known)
{
    *all_rows_known = follow->n_rows == follow->watch.n_rows;
    return follow->watch.stage == SNAPSHOT_OVER && (*all_rows_known || now_us - follow->over_us >= follow->grace_us);
}

/* One look around; `*n_left` is 0 when all is done. */
static enum sluice_code look(struct snapshot_follow *follow, bool *has_targets, int64_t *n_left,
                             struct sluice_error *err)
{
    bool all_rows_known = false;
    const enum snapshot_stage before = follow->watch.stage;
    enum sluice_code code = *has_targets ? SLUICE_OK : read_news(follow, err);
    int64_t now_us = sluice_mono_us();
    if (code != SLUICE_OK)
        return code;
    tell_stage(follow, before);
    if (follow->watch.stage == SNAPSHOT_REFUSED)
        return sluice_error_set(err, SLUICE_E_UNSUPPORTED, SLUICE_STOP, "%s", follow->watch.reason);
    if (follow->watch.stage == SNAPSHOT_OVER && follow->over_us == 0)
        follow->over_us = now_us;
    if (!*has_targets && is_complete(follow, now_us, &all_rows_known)) {
        follow->rows_us = follow->over_us - follow->begun_us;
        set_targets(follow, all_rows_known);
        *has_targets = true;
    }
    return *has_targets ? read_commits(follow, n_left, err) : SLUICE_OK;
}

enum sluice_code snapshot_follow_run(struct snapshot_follow *follow, bool *timed_out, struct sluice_error *err)
{
    const struct timespec nap = {0, NAP_MS * 1000000L};
    bool has_targets = false;
    int64_t n_left = 1;
    enum sluice_code code = SLUICE_OK;
    follow->begun_us = follow->news_us = sluice_mono_us();
    while (code == SLUICE_OK) {
        code = look(follow, &has_targets, &n_left, err);
        int64_t now_us = sluice_mono_us();
        if (code != SLUICE_OK || (has_targets && n_left == 0))
            break;
        *timed_out = now_us - follow->news_us > follow->timeout_us;
        if (*timed_out)
            code = gave_up(follow, n_left, err);
        show(follow, now_us, has_targets ? n_left : 0);
        (void)nanosleep(&nap, NULL); /* an interruption makes it shorter */
    }
    progress_end(&follow->progress);
    return code;
}

enum sluice_code snapshot_follow_begin(struct snapshot_follow *follow, struct sluice_error *err)
{
    enum sluice_code code =
        sluice_samples_partitions(follow->samples, follow->notices, SNAPSHOT_TIMEOUT_MS, &follow->n_notice_parts, err);
    if (code != SLUICE_OK)
        return code;
    follow->notice_positions = calloc((size_t)follow->n_notice_parts + 1, sizeof *follow->notice_positions);
    follow->parts = calloc((size_t)follow->table->n_partitions + 1, sizeof *follow->parts);
    if (follow->notice_positions == NULL || follow->parts == NULL)
        return sluice_error_nomem(err, "positions of partitions", 0);
    for (int32_t i = 0; i < follow->n_notice_parts && code == SLUICE_OK; i++)
        code = sluice_samples_end(follow->samples, follow->notices, i, SNAPSHOT_TIMEOUT_MS,
                                  &follow->notice_positions[i], err);
    for (int32_t i = 0; i < follow->table->n_partitions && code == SLUICE_OK; i++) {
        follow->parts[i] = (struct snapshot_part){.last_row = -1, .target = -1, .committed = -1};
        code = sluice_samples_end(follow->samples, follow->table->topic, i, SNAPSHOT_TIMEOUT_MS,
                                  &follow->parts[i].position, err);
    }
    return code;
}

void snapshot_follow_deinit(struct snapshot_follow *follow)
{
    free(follow->notice_positions);
    free(follow->parts);
}
