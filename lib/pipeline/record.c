/* record.c - one Kafka record becomes one row of an open batch, is skipped and counted, or stops its partition. */
#include "pipeline/ranges.h"

#include "base/clock.h"
#include "debezium/change.h"

#include <inttypes.h>
#include <stdio.h>

static const char *kind_label(enum sluice_change_kind kind)
{
    switch (kind) {
    case SLUICE_CHANGE_TOMBSTONE:
        return "tombstone";
    case SLUICE_CHANGE_MESSAGE:
        return "message";
    case SLUICE_CHANGE_HEARTBEAT:
        return "heartbeat";
    case SLUICE_CHANGE_TRANSACTION:
        return "transaction";
    case SLUICE_CHANGE_NOTIFICATION:
        return "notification";
    case SLUICE_CHANGE_ROW:
    case SLUICE_CHANGE_TRUNCATE:
        break;
    }
    SLUICE_BUG("a record of this kind is not skipped");
}

/* What an operator can do about any record that is refused for what it holds. Errors about tables say their own. */
static void add_remedy(struct sluice_error *err, int64_t offset)
{
    size_t used = strlen(err->text);
    const char *change = err->code == SLUICE_E_VALUE ? "correct the value at the source or widen the column, or " : "";
    if (err->action != SLUICE_REJECT)
        return;
    (void)snprintf(err->text + used, sizeof err->text - used,
                   "; %sto skip the record, stop the workers and move the group's offset to %" PRId64, change,
                   offset + 1);
}

static enum taken stop(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                       struct sluice_error *err)
{
    add_remedy(err, message->offset);
    sluice_metric_add(
        sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_DECODE_ERRORS, sluice_code_label(err->code)), 1);
    partition_stop(lane, p, message->offset, err);
    return TAKEN_STOPPED;
}

/* The create half of a key change shares its log position with the delete half; this header tells them apart. */
static bool has_moved_key(const struct lane *lane, const rd_kafka_message_t *message)
{
    return lane->world.ops->has_header(message, "__debezium.oldkey");
}

static enum sluice_code bind_variant(struct lane *lane, struct partition *p, struct variant *variant,
                                     const struct sluice_change *change, const struct sluice_key *key,
                                     struct sluice_error *err)
{
    struct binding *binding = NULL;
    enum sluice_code code = binding_new(variant, change, key, &binding, err);
    if (code != SLUICE_OK)
        return code;
    const char *target = binding->table->target;
    binding->rows = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_ROWS_INSERTED, target);
    binding->bytes = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_BYTES_INSERTED, target);
    binding->inserts = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_INSERTS, target);
    binding->lsn = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_SOURCE_LSN_APPLIED, binding->source_name);
    binding->next = p->lane.bindings;
    p->lane.bindings = binding;
    p->lane.current = binding;
    return SLUICE_OK;
}

/* Leaves p->lane.current NULL and p->lane.waiting_for set while the plan is being made. */
static enum sluice_code plan_table(struct lane *lane, struct partition *p, const struct sluice_change *change,
                                   const struct sluice_key *key, struct sluice_error *err)
{
    struct variant *variant = NULL;
    bool is_new = false;
    enum sluice_code code = catalog_find(&lane->catalog, change, key, &variant, &is_new, err);
    if (code != SLUICE_OK)
        return code;
    if (variant->state == VARIANT_READY)
        return bind_variant(lane, p, variant, change, key, err);
    p->lane.current = NULL;
    p->lane.waiting_for = &variant->job;
    if (is_new)
        job_send(lane, &variant->job);
    return SLUICE_OK;
}

/* `hinted`: the binding whose schema text was the decoder's hint. Equal to the hint says nothing about another table.
 * The key is looked at as well: a primary key can change without the columns changing, and rows would replace each
 * other. */
static enum sluice_code check_schema(struct lane *lane, struct binding *binding, const struct binding *hinted,
                                     const struct sluice_change *change, const struct sluice_key *key,
                                     struct sluice_error *err)
{
    bool same = (change->value_schema_is_hint && binding == hinted) ||
                (change->value_schema.len == binding->schema_len &&
                 (binding->schema_len == 0 ||
                  memcmp(change->value_schema.ptr, binding->schema_text, binding->schema_len) == 0));
    if (SLUICE_LIKELY(same && binding_knows_key(binding, key)))
        return SLUICE_OK;
    return binding_accept_schema(binding, &lane->catalog, change, key, err);
}

static enum sluice_code find_binding(struct lane *lane, struct partition *p, const struct sluice_change *change,
                                     const struct sluice_key *key, struct sluice_error *err)
{
    const struct binding *hinted = p->lane.current;
    struct binding *binding = p->lane.current;
    if (binding == NULL || !binding_matches(binding, &change->source)) {
        for (binding = p->lane.bindings; binding != NULL; binding = binding->next) {
            if (binding_matches(binding, &change->source))
                break;
        }
        p->lane.current = binding;
    }
    if (binding == NULL)
        return plan_table(lane, p, change, key, err);
    return check_schema(lane, binding, hinted, change, key, err);
}

static void note_times(struct flight *flight, const struct sluice_change *change)
{
    if (change->source.lsn > flight->highest_lsn)
        flight->highest_lsn = change->source.lsn;
    if (change->op != 'r' && change->source.ts_us > 0 &&
        (flight->oldest_commit_us == 0 || change->source.ts_us < flight->oldest_commit_us))
        flight->oldest_commit_us = change->source.ts_us;
}

/* It took its last row. A range has to end with the record, so it is sealed once the record was taken whole. */
static void batch_is_full(struct lane *lane, struct partition *p, struct flight *flight)
{
    if (p->lane.ranges != NULL)
        ranges_full(p);
    else
        flight_send(lane, flight);
}

static bool make_room(struct lane *lane, struct partition *p, struct flight *flight)
{
    if (p->lane.ranges != NULL)
        return ranges_cut(lane, p);
    flight_send(lane, flight);
    return true;
}

/* Into the open batch, or a new one when that is full. */
static enum sluice_code append(struct lane *lane, struct partition *p, struct binding *binding,
                               const struct sluice_change *change, const struct sluice_key *key,
                               struct sluice_version version, int64_t offset, struct sluice_error *err)
{
    for (int i = 0; i < 2; i++) {
        bool full = false;
        enum sluice_code code = SLUICE_OK;
        if (binding->open == NULL)
            code = flight_open(lane, p, binding, offset, &binding->open, err);
        if (code != SLUICE_OK)
            return code;
        struct flight *flight = binding->open;
        code = sluice_batch_append(flight->batch, change, key, version,
                                   &(struct sluice_record_place){p->topic, p->id, offset}, &full, err);
        if (code == SLUICE_OK) {
            flight->last = offset;
            note_times(flight, change);
            flight_charge(lane, flight);
            if (sluice_batch_n_changes(flight->batch) >= lane->limits.max_rows)
                batch_is_full(lane, p, flight);
            return SLUICE_OK;
        }
        if (!full || !make_room(lane, p, flight))
            return code;
    }
    return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_REJECT,
                            "a row does not fit into an empty batch; raise batch.max_bytes");
}

static enum sluice_code no_position(const struct sluice_change *change, struct sluice_error *err)
{
    const char *remedy = change->has_image
                             ? "let the transform ExtractNewRecordState add it (add.fields=op,lsn,sequence)"
                             : "let the transform ExtractNewRecordState keep deletes as rows "
                               "(delete.tombstone.handling.mode=rewrite, add.fields=op,lsn,sequence)";
    return sluice_error_set(
        err, SLUICE_E_POSITION, SLUICE_REJECT,
        "the flattened record does not tell its position in the log, so its place among the changes "
        "is unknown; %s, or set version.mode: offset",
        remedy);
}

static enum sluice_code find_version(const struct lane *lane, struct sluice_source_state *state,
                                     const rd_kafka_message_t *message, const struct sluice_change *change,
                                     struct sluice_version *version, struct sluice_error *err)
{
    const struct sluice_config *config = lane->world.config;
    const struct sluice_version_rules rules = {config->version_mode, config->version_on_new_history,
                                               config->version_clock_slack_us, (uint64_t)config->version_generation};
    if (config->version_mode == SLUICE_VERSION_OFFSET) {
        *version = sluice_version_of_offset(rules.generation, message->offset);
        return SLUICE_OK;
    }
    if (change->is_flattened && !change->source.has_lsn && !change->source.has_sequence1)
        return no_position(change, err);
    return sluice_source_state_version(state, &change->source, change->op,
                                       change->op == 'c' && has_moved_key(lane, message), &rules, version, err);
}

static enum sluice_seen_layout layout_seen(const struct sluice_change *change)
{
    if (!change->is_flattened)
        return SLUICE_SEEN_ENVELOPE;
    return change->is_marked ? SLUICE_SEEN_FLATTENED_MARKED : SLUICE_SEEN_FLATTENED;
}

/* The key, without what is no column of the table. */
static enum sluice_code take_key(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                                 struct sluice_change *change, struct sluice_key *key, struct sluice_error *err)
{
    struct sluice_str identifier = {NULL, 0};
    if (message->key == NULL)
        return sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT,
                                "the record of table \"%.*s\" has no key; give the table a primary key, or the "
                                "connector message.key.columns",
                                SLUICE_STR_ARG(change->source.table));
    enum sluice_code code = schemas_decode_key(lane, p, message, key, err);
    if (code != SLUICE_OK || p->lane.waiting_for != NULL)
        return code;
    code = layout_clean_key(lane->world.config, key, lane->key_fields, &identifier, err);
    if (code != SLUICE_OK || !change->is_flattened || change->has_image)
        return code;
    change->fields = key->fields;
    change->n_fields = key->n_fields;
    return layout_name_table(p, identifier, change, err);
}

static enum taken take_row(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                           struct sluice_change *change)
{
    struct sluice_error err;
    struct sluice_key key;
    struct sluice_version version;
    enum sluice_code code = take_key(lane, p, message, change, &key, &err);

    if (code == SLUICE_OK && p->lane.waiting_for != NULL)
        return TAKEN_WAIT;
    if (code == SLUICE_OK)
        code = find_binding(lane, p, change, &key, &err);
    if (code == SLUICE_OK && p->lane.current == NULL)
        return TAKEN_WAIT;
    /* The state before this record is what a batch that begins with it has to remember, so the version comes after. */
    struct sluice_source_state state = p->lane.state;
    if (code == SLUICE_OK)
        code = find_version(lane, &state, message, change, &version, &err);
    if (code == SLUICE_OK)
        code =
            append(lane, p, p->lane.current, change, change->op == 'd' ? &key : NULL, version, message->offset, &err);
    if (code != SLUICE_OK)
        return stop(lane, p, message, &err);
    if (change->has_image)
        state.layout = layout_seen(change);
    p->lane.state = state;
    return TAKEN;
}

/* A null value whose row was not deleted by a record before it. */
static enum taken take_null(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                            struct sluice_change *change)
{
    change->kind = SLUICE_CHANGE_ROW;
    change->op = 'd';
    change->is_flattened = true;
    change->prefix = p->lane.layout.prefix;
    return take_row(lane, p, message, change);
}

static void skip(struct lane *lane, enum sluice_change_kind kind)
{
    sluice_metric_add(sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_RECORDS_SKIPPED, kind_label(kind)), 1);
}

enum taken record_take(struct lane *lane, struct partition *p, const rd_kafka_message_t *message)
{
    struct sluice_change change;
    struct sluice_error err;
    const struct binding *current = p->lane.current;
    struct sluice_str hint = {NULL, 0};
    if (current != NULL)
        hint = (struct sluice_str){current->schema_text, current->schema_len};
    /* Where a logical start (earliest, latest) led to. A partition that stops at its first record starts again there.
     */
    if (SLUICE_UNLIKELY(p->lane.position < 0))
        p->lane.position = message->offset;

    sluice_decoder_expect(lane->decoder, &p->lane.layout);
    if (SLUICE_UNLIKELY(schemas_decode_value(lane, p, message, hint, &change, &err) != SLUICE_OK))
        return stop(lane, p, message, &err);
    if (SLUICE_UNLIKELY(p->lane.waiting_for != NULL))
        return TAKEN_WAIT;
    enum taken taken = TAKEN;
    if (SLUICE_LIKELY(change.kind == SLUICE_CHANGE_ROW)) {
        taken = take_row(lane, p, message, &change);
    } else if (change.kind == SLUICE_CHANGE_TRUNCATE) {
        (void)sluice_error_set(
            &err, SLUICE_E_TRUNCATE, SLUICE_REJECT,
            "field \"op\": table \"%.*s.%.*s\" was truncated, which this version does not apply; delete "
            "its rows in ClickHouse, then move the group's offset past this record",
            SLUICE_STR_ARG(change.source.schema), SLUICE_STR_ARG(change.source.table));
        taken = stop(lane, p, message, &err);
    } else if (change.kind == SLUICE_CHANGE_TOMBSTONE && layout_null_deletes(p, &change)) {
        taken = take_null(lane, p, message, &change);
    } else {
        skip(lane, change.kind);
    }
    if (taken == TAKEN)
        p->lane.position = message->offset + 1;
    return taken;
}
