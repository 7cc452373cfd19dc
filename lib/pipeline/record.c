/* record.c - one Kafka record becomes one row of an open batch, is skipped and counted, or stops its partition. */
#include "pipeline/letters.h"
#include "pipeline/probe.h"
#include "pipeline/ranges.h"
#include "pipeline/truncate.h"

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

/* A bad record becomes a dead letter, or stops its partition. */
static enum taken refuse(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                         const struct refusal *refusal, struct sluice_error *err)
{
    if (letters_know(p, message->offset) || letters_take(lane, p, message, refusal, err))
        return TAKEN;
    return stop(lane, p, message, err);
}

/* A key change comes in two halves: a delete with the new key in a header, and a create with the old one, which shares
 * its log position. By that the halves find each other, so only versions that have it can say so. */
static bool has_moved_away(const struct lane *lane, const rd_kafka_message_t *message)
{
    return lane->world.ops->has_header(message, "__debezium.newkey");
}

/* Text as Connect's header converters write it: SimpleHeaderConverter and JsonConverter. */
static enum sluice_code find_old_key(const struct lane *lane, const rd_kafka_message_t *message,
                                     struct sluice_key *old_key, bool *found, struct sluice_error *err)
{
    struct sluice_str text;
    *found = lane->world.ops->find_header(message, "__debezium.oldkey", &text);
    if (!*found)
        return SLUICE_OK;
    enum sluice_code code = sluice_key_decode_header(lane->old_keys, text, old_key, err);
    return code == SLUICE_OK ? code
                             : sluice_error_wrap(err, "header __debezium.oldkey is not read; set header.converter to "
                                                      "JsonConverter in the connector (SimpleHeaderConverter, the "
                                                      "default, loses the dates of time.precision.mode=connect)");
}

/* Bindings of one table that a partition keeps: records with old and new schemas may come in turn. */
enum { MAX_TABLE_BINDINGS = 16 };

static bool is_unused(const struct partition *p, const struct binding *binding)
{
    return binding->n_flights == 0 && binding != p->lane.current;
}

/* Bindings of the table whose plan is stale, and the oldest ones beyond a number. The newest come first. */
static void drop_bindings(struct partition *p, const struct table *table)
{
    size_t n_kept = 0;
    for (struct binding **at = &p->lane.bindings; *at != NULL;) {
        struct binding *binding = *at;
        bool is_surplus = binding->variant->state != VARIANT_READY || n_kept >= MAX_TABLE_BINDINGS;
        if (binding->table == table && is_surplus && is_unused(p, binding)) {
            *at = binding->next;
            binding_free(binding);
            continue;
        }
        n_kept += binding->table == table;
        at = &binding->next;
    }
}

static enum sluice_code bind_variant(struct lane *lane, struct partition *p, struct variant *variant,
                                     const struct sluice_change *change, const struct sluice_key *key,
                                     struct binding **out, struct sluice_error *err)
{
    struct binding *binding = NULL;
    drop_bindings(p, variant->table);
    enum sluice_code code = binding_new(variant, change, key, &binding, err);
    if (code != SLUICE_OK)
        return code;
    const char *target = binding->table->settings->table;
    binding->rows = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_ROWS_INSERTED, target);
    binding->bytes = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_BYTES_INSERTED, target);
    binding->inserts = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_INSERTS, target);
    binding->lsn = sluice_metrics_get1(lane->world.metrics, SLUICE_METRIC_SOURCE_LSN_APPLIED, binding->source_name);
    binding->next = p->lane.bindings;
    p->lane.bindings = binding;
    *out = binding;
    return SLUICE_OK;
}

static struct binding *find_bound(const struct partition *p, const struct variant *variant,
                                  const struct sluice_change *change, const struct sluice_key *key)
{
    for (struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        if (binding->variant == variant && binding_knows(binding, change, key, false))
            return binding;
    }
    return NULL;
}

static bool make_room(struct lane *lane, struct partition *p, struct flight *flight)
{
    if (p->lane.ranges != NULL)
        return ranges_cut(lane, p);
    flight_send(lane, flight);
    return true;
}

/* What is open goes out before its table is changed: it was encoded for the table as it is. Where a range can't be cut,
 * it stays, and is planned anew if the change concerns it. */
static void close_table(struct lane *lane, struct partition *p, const struct table *table)
{
    for (struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        if (binding->table == table && binding->open != NULL && sluice_batch_n_changes(binding->open->batch) > 0) {
            (void)make_room(lane, p, binding->open);
            return;
        }
    }
}

/* *out stays NULL, and p->lane.waiting_for is set, while the plan is being made. */
static enum sluice_code plan_table(struct lane *lane, struct partition *p, const struct sluice_change *change,
                                   const struct sluice_key *key, struct binding **out, struct sluice_error *err)
{
    struct variant *variant = NULL;
    bool is_new = false;
    enum sluice_code code = catalog_find(&lane->catalog, change, key, &variant, &is_new, err);
    if (code != SLUICE_OK)
        return code;
    if (variant->state == VARIANT_READY) {
        *out = find_bound(p, variant, change, key);
        return *out != NULL ? SLUICE_OK : bind_variant(lane, p, variant, change, key, out, err);
    }
    close_table(lane, p, variant->table);
    p->lane.waiting_for = &variant->job;
    if (is_new)
        job_send(lane, &variant->job);
    return SLUICE_OK;
}

static struct binding *find_known(const struct partition *p, const struct sluice_change *change,
                                  const struct sluice_key *key)
{
    for (struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        if (binding->variant->state == VARIANT_READY && binding_matches(binding, &change->source) &&
            binding_knows(binding, change, key, binding == p->lane.current))
            return binding;
    }
    return NULL;
}

static bool same_target(const struct sluice_plan *a, const struct sluice_plan *b)
{
    return strcmp(sluice_plan_table(a), sluice_plan_table(b)) == 0 &&
           strcmp(sluice_plan_database(a), sluice_plan_database(b)) == 0;
}

/* A range has one block for each target, so what another binding has open for it ends here, unless its INSERT reads the
 * same: then the batch goes on. A range that is read again was one block before; only a change of the target in the
 * middle of that can make two plans of it, and reading it once more ends that. */
static enum sluice_code take_over(struct lane *lane, struct partition *p, struct binding *binding,
                                  struct sluice_error *err)
{
    for (struct binding *other = p->lane.bindings; other != NULL; other = other->next) {
        struct flight *flight = other->open;
        if (other == binding || flight == NULL || !same_target(other->plan, binding->plan))
            continue;
        if (sluice_batch_n_changes(flight->batch) == 0)
            flight_free(lane, flight);
        else if (sluice_batch_change_plan(flight->batch, binding->plan))
            flight_move(flight, binding);
        else if (!make_room(lane, p, flight))
            return sluice_error_set(
                err, SLUICE_E_SHAPE,
                catalog_plan_again(&lane->catalog, binding->variant) ? SLUICE_RETRY : SLUICE_STOP_PARTITION,
                "records of one range need two different INSERTs into table \"%s.%s\"; it was "
                "one when the range was opened, so a rule or the table changed since: change it back "
                "until the range is stored",
                sluice_plan_database(binding->plan), sluice_plan_table(binding->plan));
    }
    return SLUICE_OK;
}

static enum sluice_code switch_binding(struct lane *lane, struct partition *p, struct binding *found,
                                       const struct sluice_change *change, const struct sluice_key *key,
                                       struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    if (found == NULL)
        code = plan_table(lane, p, change, key, &found, err);
    if (code == SLUICE_OK && found != NULL)
        code = take_over(lane, p, found, err);
    if (code == SLUICE_OK)
        p->lane.current = found;
    return code;
}

/* Leaves p->lane.current NULL and p->lane.waiting_for set while the plan is being made. */
static enum sluice_code find_binding(struct lane *lane, struct partition *p, const struct sluice_change *change,
                                     const struct sluice_key *key, struct sluice_error *err)
{
    struct binding *binding = p->lane.current;
    if (SLUICE_LIKELY(binding != NULL && binding->variant->state == VARIANT_READY &&
                      binding_matches(binding, &change->source) && binding_knows(binding, change, key, true)))
        return SLUICE_OK;
    return switch_binding(lane, p, find_known(p, change, key), change, key, err);
}

/* Records without schemas show only by their fields that the table changed. */
static bool has_other_fields(const struct partition *p, const struct sluice_error *err)
{
    const struct binding *binding = p->lane.current;
    return err->code == SLUICE_E_SHAPE && binding != NULL && !binding->variant->shape->typed;
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

/* A batch that begins here may go on with a transaction of which an earlier one has rows. */
static bool continues(const struct last_transaction *last, const struct sluice_plan *plan,
                      const struct sluice_change *change, const struct sluice_row_ties *ties)
{
    if (ties->txid == 0 || change->op == 'r' || sluice_plan_is_by_offset(plan))
        return false;
    if (!last->is_known)
        return true;
    return last->id == ties->txid && last->has_created && (last->has_moved || sluice_plan_is_full(plan));
}

static void note_transaction(struct last_transaction *last, const struct sluice_change *change,
                             const struct sluice_row_ties *ties)
{
    if (ties->txid == 0)
        return;
    /* Where reading starts amid a transaction, its rows before that may be of another table than this one. */
    if (!last->is_known || last->id != ties->txid)
        *last = (struct last_transaction){true, ties->txid, !last->is_known, !last->is_known};
    last->has_created = last->has_created || change->op == 'c';
    last->has_moved = last->has_moved || ties->moved_from != NULL || ties->moved_away;
}

/* Where the row says that it comes from. */
static struct sluice_record_place place_of(const struct lane *lane, const struct partition *p, int64_t offset)
{
    if (SLUICE_UNLIKELY(p->is_replay))
        return (struct sluice_record_place){lane->origin.topic, lane->origin.partition, lane->origin.offset};
    return (struct sluice_record_place){p->topic, p->id, offset};
}

/* Into the open batch, or a new one when that is full. */
static enum sluice_code append(struct lane *lane, struct partition *p, struct binding *binding,
                               const struct sluice_change *change, const struct sluice_key *key,
                               struct sluice_version version, int64_t offset, const struct sluice_row_ties *ties,
                               struct sluice_error *err)
{
    const struct sluice_record_place place = place_of(lane, p, offset);
    for (int i = 0; i < 2; i++) {
        bool full = false;
        enum sluice_code code = SLUICE_OK;
        if (binding->open == NULL)
            code = flight_open(lane, p, binding, offset, &binding->open, err);
        if (code != SLUICE_OK)
            return code;
        struct flight *flight = binding->open;
        if (sluice_batch_n_changes(flight->batch) == 0 && continues(&p->lane.transaction, binding->plan, change, ties))
            sluice_batch_continues(flight->batch);
        code = sluice_batch_append_tied(flight->batch, change, key, version, &place, ties, &full, err);
        if (code == SLUICE_OK) {
            flight->last = offset;
            if (SLUICE_UNLIKELY(lane->world.letters != NULL))
                probe_note(flight, offset);
            note_transaction(&p->lane.transaction, change, ties);
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

static enum sluice_code find_version(const struct lane *lane, const struct partition *p,
                                     struct sluice_source_state *state, const rd_kafka_message_t *message,
                                     const struct sluice_change *change, bool moved, struct sluice_version *version,
                                     struct sluice_error *err)
{
    const struct sluice_config *config = lane->world.config;
    const struct sluice_version_rules rules = {config->version_mode, config->version_on_new_history,
                                               config->version_clock_slack_us, (uint64_t)config->version_generation};
    if (SLUICE_UNLIKELY(p->is_replay && lane->origin.has_version)) {
        *version = lane->origin.version;
        return SLUICE_OK;
    }
    if (config->version_mode == SLUICE_VERSION_OFFSET) {
        *version = sluice_version_of_offset(rules.generation, p->is_replay ? lane->origin.offset : message->offset);
        return SLUICE_OK;
    }
    if (change->is_flattened && !change->source.has_lsn && !change->source.has_sequence1)
        return no_position(change, err);
    return sluice_source_state_version(state, &change->source, change->op, moved, &rules, version, err);
}

static enum sluice_seen_layout layout_seen(const struct sluice_change *change)
{
    if (!change->is_flattened)
        return SLUICE_SEEN_ENVELOPE;
    return change->is_marked ? SLUICE_SEEN_FLATTENED_MARKED : SLUICE_SEEN_FLATTENED;
}

/* A delete that has nothing but its key to plan its table from, and needs no more for a row. */
static bool shows_only_key(const struct sluice_change *change)
{
    return !change->has_image && change->row_type == NULL && change->value_schema.len == 0;
}

/* The key, without what is no column of the table. */
static enum sluice_code take_key(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                                 struct sluice_change *change, struct sluice_key *key, struct sluice_error *err)
{
    struct sluice_str identifier = {NULL, 0};
    bool is_told_by_key = change->is_flattened && !change->has_image;
    if (message->key == NULL && is_told_by_key)
        return sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT,
                                "the record of table \"%.*s\" has no key; give the table a primary key, or the "
                                "connector message.key.columns",
                                SLUICE_STR_ARG(change->source.table));
    if (message->key == NULL) { /* whether its table may have none is seen when it is planned */
        *key = (struct sluice_key){.fields = lane->key_fields};
        return SLUICE_OK;
    }
    enum sluice_code code = schemas_decode_key(lane, p, message, key, err);
    if (code != SLUICE_OK || p->lane.waiting_for != NULL)
        return code;
    code = layout_clean_key(lane->world.config, key, lane->key_fields, &identifier, err);
    if (code == SLUICE_OK && shows_only_key(change)) {
        change->fields = key->fields;
        change->n_fields = key->n_fields;
    }
    return code == SLUICE_OK && is_told_by_key
               ? layout_name_table(p, p->is_replay ? lane->origin.topic : p->topic, identifier, change, err)
               : code;
}

/* 0: none that matters. What a transaction does to a key is told by the bits of a version that log positions leave. */
static uint64_t transaction_of(const struct lane *lane, const struct sluice_change *change)
{
    bool counts =
        change->op != 'r' && change->source.has_txid && lane->world.config->version_mode == SLUICE_VERSION_LOG_POSITION;
    return counts ? change->source.txid : 0;
}

/* p->lane.current is NULL afterwards if the record has to wait for a plan. */
static enum sluice_code append_row(struct lane *lane, struct partition *p, const struct sluice_change *change,
                                   const struct sluice_key *key, struct sluice_version version, int64_t offset,
                                   const struct sluice_row_ties *ties, struct sluice_error *err)
{
    const struct sluice_key *deleted = change->op == 'd' ? key : NULL;
    enum sluice_code code = append(lane, p, p->lane.current, change, deleted, version, offset, ties, err);
    if (SLUICE_LIKELY(code == SLUICE_OK || !has_other_fields(p, err)))
        return code;
    code = switch_binding(lane, p, NULL, change, key, err);
    if (code == SLUICE_OK && p->lane.current != NULL)
        code = append(lane, p, p->lane.current, change, deleted, version, offset, ties, err);
    return code;
}

static enum taken refuse_row(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                             const struct sluice_change *change, const struct sluice_version *version,
                             struct sluice_error *err)
{
    const struct binding *binding = p->lane.current;
    bool is_its_own = binding != NULL && binding_matches(binding, &change->source);
    return refuse(lane, p, message, &(struct refusal){change, version, is_its_own ? binding->table->settings : NULL},
                  err);
}

static enum taken take_row(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                           struct sluice_change *change)
{
    struct sluice_error err;
    struct sluice_key key;
    struct sluice_key old_key;
    struct sluice_version version;
    /* What else its transaction did is in the target by now, under its version. */
    struct sluice_row_ties ties = {.txid = p->is_replay ? 0 : transaction_of(lane, change)};
    bool moved = false;
    enum sluice_code code = take_key(lane, p, message, change, &key, &err);

    if (code == SLUICE_OK && p->lane.waiting_for != NULL)
        return TAKEN_WAIT;
    if (SLUICE_UNLIKELY(code != SLUICE_OK))
        return refuse(lane, p, message, &(struct refusal){change, NULL, NULL}, &err);
    if (code == SLUICE_OK)
        code = find_binding(lane, p, change, &key, &err);
    if (code == SLUICE_OK && p->lane.current == NULL)
        return TAKEN_WAIT;
    if (code == SLUICE_OK && change->op == 'c')
        code = find_old_key(lane, message, &old_key, &moved, &err);
    if (moved)
        ties.moved_from = &old_key;
    ties.moved_away = change->op == 'd' && has_moved_away(lane, message) &&
                      lane->world.config->version_mode == SLUICE_VERSION_LOG_POSITION;
    /* The state before this record is what a batch that begins with it has to remember, so the version comes after. */
    struct sluice_source_state state = p->is_replay ? lane->origin.state : p->lane.state;
    if (code == SLUICE_OK)
        code = find_version(lane, p, &state, message, change, moved, &version, &err);
    const bool has_version = code == SLUICE_OK;
    if (has_version && SLUICE_LIKELY(!letters_know(p, message->offset)))
        code = append_row(lane, p, change, &key, version, message->offset, &ties, &err);
    if (code == SLUICE_OK && p->lane.current == NULL)
        return TAKEN_WAIT;
    if (code != SLUICE_OK && err.action == SLUICE_RETRY) {
        partition_again(lane, p, &err);
        return TAKEN_STOPPED;
    }
    if (SLUICE_UNLIKELY(code != SLUICE_OK && !has_version))
        return stop(lane, p, message, &err);
    if (SLUICE_UNLIKELY(code != SLUICE_OK) && refuse_row(lane, p, message, change, &version, &err) != TAKEN)
        return TAKEN_STOPPED;
    /* Also behind a dead letter: the records after it have the versions that they would have with it. */
    if (SLUICE_UNLIKELY(p->is_replay))
        return TAKEN;
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

static enum taken take_truncate(struct lane *lane, struct partition *p, const rd_kafka_message_t *message,
                                const struct sluice_change *change)
{
    struct sluice_error err;
    struct truncation *running = NULL;
    if (truncate_take(lane, p, change, &running, &err) != SLUICE_OK)
        return stop(lane, p, message, &err);
    if (running == NULL)
        return TAKEN;
    p->lane.waiting_for = &running->job;
    return TAKEN_WAIT;
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

    if (SLUICE_UNLIKELY(p->is_replay)) {
        if (origin_read(lane->world.ops, message, &lane->origin, &err) != SLUICE_OK)
            return stop(lane, p, message, &err);
        p->lane.layout = layout_of_topic(lane->world.config, lane->origin.topic);
    }
    sluice_decoder_expect(lane->decoder, &p->lane.layout);
    enum sluice_code code = schemas_decode_value(lane, p, message, hint, &change, &err);
    if (SLUICE_UNLIKELY(p->lane.waiting_for != NULL))
        return TAKEN_WAIT;
    enum taken taken = TAKEN;
    if (SLUICE_UNLIKELY(code != SLUICE_OK)) {
        taken = refuse(lane, p, message, &(struct refusal){NULL, NULL, NULL}, &err);
    } else if (SLUICE_LIKELY(change.kind == SLUICE_CHANGE_ROW)) {
        taken = take_row(lane, p, message, &change);
    } else if (change.kind == SLUICE_CHANGE_TRUNCATE) {
        taken = take_truncate(lane, p, message, &change);
    } else if (change.kind == SLUICE_CHANGE_TOMBSTONE &&
               layout_null_deletes(p, p->is_replay ? lane->origin.state.layout : p->lane.state.layout, &change)) {
        taken = take_null(lane, p, message, &change);
    } else {
        skip(lane, change.kind);
    }
    if (taken == TAKEN)
        p->lane.position = message->offset + 1;
    return taken;
}
