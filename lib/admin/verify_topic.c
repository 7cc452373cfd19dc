/* verify_topic.c - see verify_topic.h. */
#include "admin/verify_topic.h"

#include "admin/verify_cells.h"
#include "kafka/samples.h"
#include "pipeline/reader.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    KAFKA_TIMEOUT_MS = 10000,
    MAX_PLACES = 60000,
    MIN_SLOTS = 1 << 10,
    MAX_SLOTS = 1 << 22,
    MAX_PARTIAL = 20000, /* rows whose last record lacks TOAST values */
    PARTIAL_BYTES = 24 << 20
};

/* One partition. */
struct place {
    char *name; /* of its topic */
    int32_t partition;
    int64_t start; /* the oldest record */
    int64_t end;   /* the bound: everything before it was read */
};

/* Where the last record of a key is. */
struct last {
    unsigned char key[VERIFY_DIGEST];
    uint64_t at; /* place << 48 | offset + 1; 0: empty */
};

/* A row whose last record left out what it did not change. */
struct partial {
    unsigned char key[VERIFY_DIGEST];
    struct sluice_str *cells; /* of the plan's columns; ptr NULL: NULL */
    bool *known;
    bool is_done; /* its last record was met */
    bool is_live;
};

struct verify_topic {
    struct verify_topic_options options;
    struct sluice_samples *samples;
    struct sluice_consumer *consumer;
    struct place *places;
    size_t n_places;
    struct last *slots;
    size_t n_slots;
    size_t n_keys;
    struct verify_reading reading; /* digests of keys */
    struct verify_cells cells;     /* of the present record */
    /* of one pass */
    size_t place;
    const struct verify_where *where;
    verify_row_fn visit;
    void *context;
    struct partial *partials;
    size_t n_partials;
    struct sluice_arena partial_cells;
    enum sluice_code code;
    struct sluice_error *err;
};

/* ---- where the last record of each key is ---- */

static struct last *slot_of(struct last *slots, size_t n_slots, const unsigned char *key)
{
    size_t at = 0;
    memcpy(&at, key, sizeof at);
    for (at &= n_slots - 1; slots[at].at != 0; at = (at + 1) & (n_slots - 1))
        if (memcmp(slots[at].key, key, VERIFY_DIGEST) == 0)
            break;
    return &slots[at];
}

static enum sluice_code grow(struct verify_topic *topic, struct sluice_error *err)
{
    size_t n_slots = topic->n_slots * 2;
    if (n_slots > MAX_SLOTS)
        return sluice_error_set(
            err, SLUICE_E_LIMIT, SLUICE_STOP,
            "the topic of table \"%s.%s\" has more than %zu keys, too many to keep in memory; compare "
            "a part of them with --sample, or with --source postgres",
            topic->options.plan->schema, topic->options.plan->table, topic->n_keys);
    struct last *slots = calloc(n_slots, sizeof *slots);
    if (slots == NULL)
        return sluice_error_nomem(err, "keys of a topic", n_slots * sizeof *slots);
    for (size_t i = 0; i < topic->n_slots; i++)
        if (topic->slots[i].at != 0)
            *slot_of(slots, n_slots, topic->slots[i].key) = topic->slots[i];
    free(topic->slots);
    topic->slots = slots;
    topic->n_slots = n_slots;
    return SLUICE_OK;
}

static uint64_t place_of(const struct verify_topic *topic, int64_t offset)
{
    return (uint64_t)topic->place << 48 | (uint64_t)(offset + 1);
}

static enum sluice_code note_last(struct verify_topic *topic, const unsigned char *key, int64_t offset,
                                  struct sluice_error *err)
{
    if (topic->n_keys >= topic->n_slots / 4 * 3) {
        enum sluice_code code = grow(topic, err);
        if (code != SLUICE_OK)
            return code;
    }
    struct last *slot = slot_of(topic->slots, topic->n_slots, key);
    topic->n_keys += slot->at == 0 ? 1 : 0;
    memcpy(slot->key, key, VERIFY_DIGEST);
    slot->at = place_of(topic, offset);
    return SLUICE_OK;
}

/* ---- rows whose last record does not hold every value ---- */

/* *taken false for a record without a key, and for a key outside the sample. */
static enum sluice_code read_key(struct verify_topic *topic, const rd_kafka_message_t *message,
                                 struct verify_digest *digest, bool *taken, struct sluice_error *err)
{
    bool has_key = false;
    *taken = false;
    enum sluice_code code = verify_cells_key(&topic->cells, message, &has_key, err);
    return code == SLUICE_OK && has_key ? verify_digest_key(&topic->reading, topic->cells.cells, digest, taken, err)
                                        : code;
}

static int compare_partials(const void *a, const void *b)
{
    const struct partial *left = a;
    const struct partial *right = b;
    return memcmp(left->key, right->key, VERIFY_DIGEST);
}

/* They are sorted by then. */
static struct partial *find_partial(const struct verify_topic *topic, const unsigned char *key)
{
    struct partial wanted;
    memcpy(wanted.key, key, VERIFY_DIGEST);
    return bsearch(&wanted, topic->partials, topic->n_partials, sizeof wanted, compare_partials);
}

static enum sluice_code too_many_partials(struct sluice_error *err)
{
    return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP,
                            "too many rows whose last record leaves unchanged TOAST values out; compare with --source "
                            "postgres");
}

static enum sluice_code add_partial(struct verify_topic *topic, const unsigned char *key, struct sluice_error *err)
{
    const size_t n = topic->options.plan->n_columns;
    if (topic->n_partials == MAX_PARTIAL)
        return too_many_partials(err);
    struct partial *partial = &topic->partials[topic->n_partials];
    *partial = (struct partial){0};
    memcpy(partial->key, key, VERIFY_DIGEST);
    partial->cells = sluice_arena_alloc_array(&topic->partial_cells, n, sizeof *partial->cells, err);
    if (partial->cells == NULL)
        return err->code;
    partial->known = sluice_arena_alloc(&topic->partial_cells, n, err);
    if (partial->known == NULL)
        return err->code;
    topic->n_partials++;
    return SLUICE_OK;
}

static enum sluice_code merge(struct verify_topic *topic, struct partial *partial, bool is_live,
                              struct sluice_error *err)
{
    for (size_t i = 0; i < topic->options.plan->n_columns; i++) {
        if (!is_live)
            partial->known[i] = false;
        if (!is_live || !topic->cells.known[i])
            continue;
        partial->known[i] = true;
        partial->cells[i] = (struct sluice_str){0};
        if (topic->cells.cells[i].ptr == NULL)
            continue;
        partial->cells[i].ptr = sluice_arena_copy(&topic->partial_cells, topic->cells.cells[i], err);
        partial->cells[i].len = topic->cells.cells[i].len;
        if (partial->cells[i].ptr == NULL)
            return err->code == SLUICE_E_LIMIT ? too_many_partials(err) : err->code;
    }
    partial->is_live = is_live;
    return SLUICE_OK;
}

/* ---- passes ---- */

static bool has_failed(struct verify_topic *topic, enum sluice_code code, const rd_kafka_message_t *message)
{
    if (code == SLUICE_OK)
        return false;
    topic->code = code;
    if (code != SLUICE_E_LIMIT)
        (void)sluice_error_wrap(topic->err, "topic \"%s\" partition %" PRId32 " offset %" PRId64,
                                rd_kafka_topic_name(message->rkt), message->partition, message->offset);
    return true;
}

/* A record without a key is no row: TRUNCATE, or a message of the source. */
static enum sluice_code check_keyless(struct verify_topic *topic, const rd_kafka_message_t *message,
                                      struct sluice_error *err)
{
    SLUICE_AUTO(verify_part) struct verify_part part = {0};
    enum sluice_code code = verify_records_value(topic->cells.records, message, &part, err);
    const char *op = json_string_value(json_object_get(part.payload, "op"));
    if (code == SLUICE_OK && op != NULL && strcmp(op, "t") == 0 &&
        topic->options.settings->truncate == SLUICE_TRUNCATE_APPLY)
        return sluice_error_set(
            err, SLUICE_E_TRUNCATE, SLUICE_STOP,
            "a TRUNCATE, which has no place in the order of other partitions; compare with --source "
            "postgres");
    return code;
}

/* Tombstones say nothing that the delete before them did not say. */
static bool note_record(void *context, const rd_kafka_message_t *message)
{
    struct verify_topic *topic = context;
    struct verify_digest digest;
    bool taken = false;
    verify_progress_add(&topic->options.run->progress, 1);
    if (message->payload == NULL)
        return true;
    enum sluice_code code = message->key == NULL ? check_keyless(topic, message, topic->err)
                                                 : read_key(topic, message, &digest, &taken, topic->err);
    if (code == SLUICE_OK && taken)
        code = note_last(topic, digest.key, message->offset, topic->err);
    return !has_failed(topic, code, message);
}

static bool is_wanted(const struct verify_topic *topic, const unsigned char *key)
{
    return topic->where->takes == NULL || topic->where->takes(topic->where->context, key);
}

static enum sluice_code visit_row(struct verify_topic *topic, uint64_t at, const struct sluice_str *cells,
                                  struct sluice_error *err)
{
    char state[24];
    int n = snprintf(state, sizeof state, "%" PRIu64, at);
    return topic->visit(topic->context, (struct sluice_str){state, (size_t)n}, cells, err);
}

/* The last record of its key is visited; one that leaves values out is kept for another pass. */
static enum sluice_code take_last(struct verify_topic *topic, const rd_kafka_message_t *message,
                                  const unsigned char *key, struct sluice_error *err)
{
    bool is_live = false;
    bool is_whole = true;
    enum sluice_code code = verify_cells_row(&topic->cells, message, &is_live, err);
    if (code != SLUICE_OK || !is_live)
        return code;
    for (size_t i = 0; i < topic->options.plan->n_columns; i++)
        is_whole = is_whole && topic->cells.known[i];
    return is_whole ? visit_row(topic, place_of(topic, message->offset), topic->cells.cells, err)
                    : add_partial(topic, key, err);
}

static bool read_record(void *context, const rd_kafka_message_t *message)
{
    struct verify_topic *topic = context;
    struct verify_digest digest;
    bool taken = false;
    verify_progress_add(&topic->options.run->progress, 1);
    if (message->payload == NULL || message->key == NULL)
        return true;
    enum sluice_code code = read_key(topic, message, &digest, &taken, topic->err);
    if (code == SLUICE_OK && taken) {
        const struct last *last = slot_of(topic->slots, topic->n_slots, digest.key);
        if (last->at == place_of(topic, message->offset) && is_wanted(topic, digest.key))
            code = take_last(topic, message, digest.key, topic->err);
    }
    return !has_failed(topic, code, message);
}

/* Every record of the keys that are not whole, in order. */
static bool read_partial(void *context, const rd_kafka_message_t *message)
{
    struct verify_topic *topic = context;
    struct verify_digest digest;
    bool taken = false;
    bool is_live = false;
    verify_progress_add(&topic->options.run->progress, 1);
    if (message->payload == NULL || message->key == NULL)
        return true;
    enum sluice_code code = read_key(topic, message, &digest, &taken, topic->err);
    struct partial *partial = code == SLUICE_OK && taken ? find_partial(topic, digest.key) : NULL;
    if (partial != NULL && !partial->is_done) {
        code = verify_cells_row(&topic->cells, message, &is_live, topic->err);
        if (code == SLUICE_OK)
            code = merge(topic, partial, is_live, topic->err);
        partial->is_done = slot_of(topic->slots, topic->n_slots, digest.key)->at == place_of(topic, message->offset);
    }
    return !has_failed(topic, code, message);
}

/* From each partition's `first` (by place) up to its bound. */
static enum sluice_code scan(struct verify_topic *topic, const int64_t *first, const int64_t *end,
                             sluice_sample_fn visit, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    topic->code = SLUICE_OK;
    topic->err = err;
    for (topic->place = 0; topic->place < topic->n_places && code == SLUICE_OK; topic->place++) {
        const struct place *place = &topic->places[topic->place];
        int64_t from = first != NULL ? first[topic->place] : place->start;
        int64_t to = end != NULL ? end[topic->place] : place->end;
        if (from < to)
            code = sluice_samples_scan(topic->samples, place->name, place->partition, from, to - 1, KAFKA_TIMEOUT_MS,
                                       visit, topic, err);
        if (code == SLUICE_OK)
            code = topic->code;
    }
    return code;
}

/* ---- reading no more than what is wanted ---- */

enum { MAX_WANTED = 100000, MAX_SEGMENTS = 200, MAX_GAP = 5000 };

static int compare_places(const void *a, const void *b)
{
    const uint64_t *left = a;
    const uint64_t *right = b;
    return (*left > *right) - (*left < *right);
}

/* Where the last records of the wanted keys are, in order; false if there are too many to look for one by one. */
static bool collect_wanted(const struct verify_topic *topic, uint64_t *wanted, size_t *n)
{
    *n = 0;
    for (size_t i = 0; i < topic->n_slots; i++) {
        if (topic->slots[i].at == 0 || !is_wanted(topic, topic->slots[i].key))
            continue;
        if (*n == MAX_WANTED)
            return false;
        wanted[(*n)++] = topic->slots[i].at;
    }
    qsort(wanted, *n, sizeof *wanted, compare_places);
    return true;
}

/* The end of the segment that begins at `first`: no gap in it is worth a request of its own. */
static size_t segment_end(const uint64_t *wanted, size_t n, size_t first)
{
    size_t end = first + 1;
    while (end < n && wanted[end] - wanted[end - 1] <= MAX_GAP)
        end++;
    return end;
}

static enum sluice_code scan_segments(struct verify_topic *topic, const uint64_t *wanted, size_t n,
                                      struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    topic->code = SLUICE_OK;
    topic->err = err;
    for (size_t first = 0, end = 0; first < n && code == SLUICE_OK; first = end) {
        const uint64_t offset_mask = (UINT64_C(1) << 48) - 1;
        end = segment_end(wanted, n, first);
        topic->place = (size_t)(wanted[first] >> 48);
        code = sluice_samples_scan(topic->samples, topic->places[topic->place].name,
                                   topic->places[topic->place].partition, (int64_t)(wanted[first] & offset_mask) - 1,
                                   (int64_t)(wanted[end - 1] & offset_mask) - 1, KAFKA_TIMEOUT_MS, read_record, topic,
                                   err);
        if (code == SLUICE_OK)
            code = topic->code;
    }
    return code;
}

static size_t count_segments(const uint64_t *wanted, size_t n)
{
    size_t n_segments = 0;
    for (size_t first = 0; first < n; first = segment_end(wanted, n, first))
        n_segments++;
    return n_segments;
}

/* A look wants few keys, most of them near the end. */
static enum sluice_code scan_wanted(struct verify_topic *topic, struct sluice_error *err)
{
    size_t n = 0;
    uint64_t *wanted = topic->where->takes != NULL ? calloc(MAX_WANTED, sizeof *wanted) : NULL;
    bool is_few = wanted != NULL && collect_wanted(topic, wanted, &n) && count_segments(wanted, n) <= MAX_SEGMENTS;
    enum sluice_code code = is_few ? scan_segments(topic, wanted, n, err) : scan(topic, NULL, NULL, read_record, err);
    free(wanted);
    return code;
}

static enum sluice_code ask_ends(struct verify_topic *topic, int64_t *ends, uint64_t *n_new, struct sluice_error *err)
{
    for (size_t i = 0; i < topic->n_places; i++) {
        const struct place *place = &topic->places[i];
        ends[i] = sluice_consumer_ask_end_offset(topic->consumer, place->name, place->partition, KAFKA_TIMEOUT_MS);
        if (ends[i] < 0)
            return sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_STOP,
                                    "topic \"%s\" partition %" PRId32
                                    ": its end is not known; no broker answers for it",
                                    place->name, place->partition);
        *n_new += (uint64_t)(ends[i] - place->end);
    }
    return SLUICE_OK;
}

enum sluice_code verify_topic_extend(struct verify_topic *topic, struct sluice_error *err)
{
    struct verify_progress *progress = &topic->options.run->progress;
    uint64_t n_new = 0;
    int64_t *ends = calloc(topic->n_places, sizeof *ends);
    int64_t *firsts = calloc(topic->n_places, sizeof *firsts);
    enum sluice_code code = ends != NULL && firsts != NULL ? ask_ends(topic, ends, &n_new, err)
                                                           : sluice_error_nomem(err, "the ends of a topic", 0);
    for (size_t i = 0; i < topic->n_places && code == SLUICE_OK; i++)
        firsts[i] = topic->places[i].end;
    verify_progress_begin(progress, progress->table, "reading the topic's keys", n_new);
    if (code == SLUICE_OK)
        code = scan(topic, firsts, ends, note_record, err);
    for (size_t i = 0; i < topic->n_places && code == SLUICE_OK; i++)
        topic->places[i].end = ends[i];
    free(ends);
    free(firsts);
    return code;
}

uint64_t verify_topic_n_keys(const struct verify_topic *topic)
{
    return topic->n_keys;
}

/* What is not in the topic came from the row under another key, or was there before the oldest record. */
static enum sluice_code visit_partials(struct verify_topic *topic, struct sluice_error *err)
{
    const struct verify_plan *plan = topic->options.plan;
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < topic->n_partials && code == SLUICE_OK; i++) {
        const struct partial *partial = &topic->partials[i];
        for (size_t column = 0; column < plan->n_columns; column++)
            if (!partial->known[column])
                return sluice_error_set(
                    err, SLUICE_E_TOAST, SLUICE_STOP,
                    "table \"%s.%s\", column \"%s\": a row has an unchanged TOAST value that its key's "
                    "records don't hold, as after a change of its key; compare with --source postgres",
                    plan->schema, plan->table, plan->columns[column].source);
        code = visit_row(topic, slot_of(topic->slots, topic->n_slots, partial->key)->at, partial->cells, err);
    }
    return code;
}

static void begin_partials(struct verify_topic *topic)
{
    topic->n_partials = 0;
    sluice_arena_deinit(&topic->partial_cells);
    sluice_arena_init(&topic->partial_cells, PARTIAL_BYTES, "rows with unchanged TOAST values");
}

static uint64_t n_records(const struct verify_topic *topic)
{
    uint64_t n = 0;
    for (size_t i = 0; i < topic->n_places; i++)
        n += (uint64_t)(topic->places[i].end - topic->places[i].start);
    return n;
}

enum sluice_code verify_topic_read(struct verify_topic *topic, const struct verify_where *where, verify_row_fn visit,
                                   void *context, struct sluice_error *err)
{
    struct verify_progress *progress = &topic->options.run->progress;
    topic->where = where;
    topic->visit = visit;
    topic->context = context;
    begin_partials(topic);
    verify_progress_begin(progress, progress->table, "reading the topic", n_records(topic));
    enum sluice_code code = scan_wanted(topic, err);
    if (code == SLUICE_OK && topic->n_partials > 0) {
        qsort(topic->partials, topic->n_partials, sizeof *topic->partials, compare_partials);
        verify_progress_begin(progress, progress->table, "reading unchanged values", n_records(topic));
        code = scan(topic, NULL, NULL, read_partial, err);
    }
    return code == SLUICE_OK ? visit_partials(topic, err) : code;
}

/* ---- life ---- */

static bool is_topic_of(const char *name, const struct verify_plan *plan)
{
    char wanted[400];
    int n = snprintf(wanted, sizeof wanted, ".%s.%s", plan->schema, plan->table);
    size_t n_name = strlen(name);
    return n > 0 && (size_t)n < sizeof wanted && n_name > (size_t)n && strcmp(name + n_name - n, wanted) == 0;
}

static void visit_topic(void *context, const char *name, int n_partitions)
{
    struct verify_topic *topic = context;
    for (int32_t i = 0; i < n_partitions && is_topic_of(name, topic->options.plan); i++) {
        if (topic->n_places == MAX_PLACES)
            return;
        char *copy = strdup(name);
        if (copy == NULL)
            SLUICE_BUG("no memory for a topic's name");
        topic->places[topic->n_places++] = (struct place){copy, i, 0, 0};
    }
}

static enum sluice_code find_places(struct verify_topic *topic, struct sluice_error *err)
{
    const struct verify_plan *plan = topic->options.plan;
    enum sluice_code code = sluice_consumer_visit_topics(topic->consumer, KAFKA_TIMEOUT_MS, visit_topic, topic, err);
    if (code == SLUICE_OK && topic->n_places == 0)
        return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP,
                                "table \"%s.%s\" can't be compared with its topic: none is named after it (ending in "
                                ".%s.%s); compare with --source postgres",
                                plan->schema, plan->table, plan->schema, plan->table);
    for (size_t i = 0; i < topic->n_places && code == SLUICE_OK; i++) {
        struct place *place = &topic->places[i];
        code = sluice_consumer_start_offset(topic->consumer, place->name, place->partition, KAFKA_TIMEOUT_MS,
                                            &place->start, err);
        place->end = place->start;
        if (code == SLUICE_OK && place->start > 0)
            return sluice_error_set(err, SLUICE_E_TABLE, SLUICE_STOP,
                                    "table \"%s.%s\" can't be compared with its topic: \"%s\" partition %" PRId32
                                    " begins at offset %" PRId64
                                    ", retention has removed what was before; compare with "
                                    "--source postgres",
                                    plan->schema, plan->table, place->name, place->partition, place->start);
    }
    return code;
}

static enum sluice_code allocate(struct verify_topic *topic, struct sluice_error *err)
{
    topic->places = calloc(MAX_PLACES, sizeof *topic->places);
    topic->n_slots = MIN_SLOTS;
    topic->slots = calloc(MIN_SLOTS, sizeof *topic->slots);
    topic->partials = calloc(MAX_PARTIAL, sizeof *topic->partials);
    bool is_good = topic->places != NULL && topic->slots != NULL && topic->partials != NULL;
    return is_good ? SLUICE_OK : sluice_error_nomem(err, "the state of a topic", MAX_PLACES * sizeof *topic->places);
}

void verify_topic_free(struct verify_topic *topic)
{
    if (topic == NULL)
        return;
    for (size_t i = 0; i < topic->n_places; i++)
        free(topic->places[i].name);
    free(topic->places);
    free(topic->slots);
    free(topic->partials);
    sluice_arena_deinit(&topic->partial_cells);
    verify_cells_deinit(&topic->cells);
    verify_reading_deinit(&topic->reading);
    sluice_consumer_free(topic->consumer);
    sluice_samples_free(topic->samples);
    free(topic);
}

enum sluice_code verify_topic_new(const struct verify_topic_options *options, struct verify_topic **out,
                                  struct sluice_error *err)
{
    const struct sluice_config *config = options->run->config;
    SLUICE_AUTO(verify_topic) struct verify_topic *topic = calloc(1, sizeof *topic);
    if (topic == NULL)
        return sluice_error_nomem(err, "the state of a topic", sizeof *topic);
    topic->options = *options;
    verify_reading_init(&topic->reading, options->run, options->plan);
    topic->reading.side = CANON_SOURCE;
    sluice_arena_init(&topic->partial_cells, PARTIAL_BYTES, "rows with unchanged TOAST values");
    enum sluice_code code = allocate(topic, err);
    if (code == SLUICE_OK)
        code = sluice_samples_new(config, &topic->samples, err);
    if (code == SLUICE_OK)
        code = verify_cells_init(&topic->cells, config, options->plan, options->shape, options->target, err);
    if (code == SLUICE_OK)
        code = reader_consumer_new(config, &sluice_consumer_no_handler, &topic->consumer, err);
    if (code == SLUICE_OK)
        code = find_places(topic, err);
    if (code == SLUICE_OK)
        *out = SLUICE_TAKE(topic);
    return code;
}
