/* source_place.c - see source_place.h. */
#include "admin/source_place.h"

#include "admin/record_reader.h"
#include "base/buf.h"
#include "kafka/samples.h"

#include <inttypes.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 10000, MAX_NAME = 4096 };

struct source_places {
    struct sluice_consumer *consumer;
    struct sluice_samples *samples;
    struct record_reader *records;
    struct sluice_buf source; /* "name/db" of the present topic's records; empty: none was seen */
    const char *topic;
    int32_t partition;
    const struct source_place *place;
    /* of the present scan */
    source_record_fn visit;
    void *visitor;
    enum sluice_code code; /* what ended it */
    struct sluice_error *err;
};

static uint64_t highest_position(const struct sluice_source *source)
{
    const uint64_t told[] = {source->has_lsn ? source->lsn : 0, source->has_sequence0 ? source->sequence0 : 0,
                             source->has_sequence1 ? source->sequence1 : 0};
    uint64_t highest = 0;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(told); i++)
        highest = told[i] > highest ? told[i] : highest;
    return highest;
}

/* Positions of two sources can't be compared. */
static enum sluice_code check_source(struct source_places *places, const struct sluice_source *source,
                                     struct sluice_error *err)
{
    struct sluice_buf *seen = &places->source;
    bool is_first = seen->len == 0;
    bool is_same = !is_first && seen->len == source->name.len + 1 + source->db.len &&
                   sluice_str_equal((struct sluice_str){seen->ptr, source->name.len}, source->name) &&
                   sluice_str_equal((struct sluice_str){seen->ptr + source->name.len + 1, source->db.len}, source->db);
    if (is_first) {
        enum sluice_code code = sluice_buf_append_str(seen, source->name, err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_char(seen, '/', err);
        return code == SLUICE_OK ? sluice_buf_append_str(seen, source->db, err) : code;
    }
    if (is_same)
        return SLUICE_OK;
    return sluice_error_set(
        err, SLUICE_E_POSITION, SLUICE_STOP,
        "records of the sources \"%.80s\" and \"%.*s/%.*s\" are mixed, whose log positions can't be "
        "compared; take --to-source-time or --to-datetime",
        sluice_buf_text(seen), SLUICE_STR_ARG(source->name), SLUICE_STR_ARG(source->db));
}

static enum sluice_code check_record(struct source_places *places, const struct sluice_source *source,
                                     const struct source_record *record, struct sluice_error *err)
{
    if (places->place->is_lsn && record->position == 0)
        return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_STOP,
                                "the record tells no log position; take --to-datetime (of a flattened topic: lsn and "
                                "source.ts_ms must be among add.fields)");
    if (record->time_us == 0)
        return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_STOP,
                                "the record tells no time of the source; take --to-datetime (of a flattened topic: "
                                "source.ts_ms must be among add.fields)");
    return places->place->is_lsn ? check_source(places, source, err) : SLUICE_OK;
}

static enum sluice_code take(struct source_places *places, const rd_kafka_message_t *message, bool *goes_on,
                             struct sluice_error *err)
{
    struct sluice_change change;
    enum sluice_code code = record_reader_value(places->records, message, &change, err);
    if (code != SLUICE_OK || change.kind != SLUICE_CHANGE_ROW)
        return code;
    const struct source_record record = {message->offset, highest_position(&change.source),
                                         change.source.has_sequence0 ? change.source.sequence0 : 0,
                                         change.source.ts_us};
    code = check_record(places, &change.source, &record, err);
    *goes_on = code == SLUICE_OK && places->visit(places->visitor, &record);
    return code;
}

static bool visit_message(void *context, const rd_kafka_message_t *message)
{
    struct source_places *places = context;
    bool goes_on = true;
    places->code = take(places, message, &goes_on, places->err);
    if (places->code != SLUICE_OK)
        places->code = sluice_error_wrap(places->err, "topic \"%s\" partition %" PRId32 " offset %" PRId64,
                                         places->topic, places->partition, message->offset);
    return goes_on && places->code == SLUICE_OK;
}

static enum sluice_code scan(void *context, int64_t first, int64_t last, source_record_fn visit, void *visitor,
                             struct sluice_error *err)
{
    struct source_places *places = context;
    places->visit = visit;
    places->visitor = visitor;
    places->code = SLUICE_OK;
    places->err = err;
    enum sluice_code code = sluice_samples_scan(places->samples, places->topic, places->partition, first, last,
                                                TIMEOUT_MS, visit_message, places, err);
    return code == SLUICE_OK ? places->code : code;
}

static enum sluice_code at_time(void *context, int64_t time_ms, int64_t *offset, struct sluice_error *err)
{
    const struct source_places *places = context;
    return sluice_consumer_offset_at_time(places->consumer, places->topic, places->partition, time_ms, TIMEOUT_MS,
                                          offset, err);
}

enum sluice_code source_places_new(const struct sluice_config *config, struct sluice_consumer *consumer,
                                   struct source_places **out, struct sluice_error *err)
{
    struct source_places *places = calloc(1, sizeof *places);
    if (places == NULL)
        return sluice_error_nomem(err, "a reader of positions", sizeof *places);
    places->consumer = consumer;
    sluice_buf_init(&places->source, MAX_NAME, "the name of a source");
    enum sluice_code code = sluice_samples_new(config, &places->samples, err);
    if (code == SLUICE_OK)
        code = record_reader_new(config, &places->records, err);
    if (code == SLUICE_OK)
        *out = places;
    else
        source_places_free(places);
    return code;
}

void source_places_free(struct source_places *places)
{
    if (places == NULL)
        return;
    record_reader_free(places->records);
    sluice_samples_free(places->samples);
    sluice_buf_deinit(&places->source);
    free(places);
}

enum sluice_code source_places_find(struct source_places *places, const char *topic, int32_t partition, int64_t low,
                                    int64_t high, const struct source_place *place, int64_t *offset,
                                    struct sluice_error *err)
{
    const struct source_partition asked = {places, low, high, scan, at_time};
    places->topic = topic;
    places->partition = partition;
    places->place = place;
    sluice_buf_clear(&places->source);
    record_reader_begin(places->records, topic);
    return source_search(&asked, place, offset, err);
}
