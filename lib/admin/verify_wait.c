/* verify_wait.c - see verify_wait.h. */
#include "admin/verify_wait.h"

#include "base/clock.h"
#include "pipeline/reader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

enum { POLL_MS = 200, KAFKA_TIMEOUT_MS = 10000, MAX_PARTITIONS = 100000, METADATA_BYTES = 4096 };

static void pause_once(const struct verify_wait *wait, const char *what)
{
    const struct timespec time = {.tv_nsec = POLL_MS * 1000000L};
    wait->tick(wait->context, what);
    (void)nanosleep(&time, NULL);
}

static bool is_late(const struct verify_wait *wait)
{
    return sluice_mono_us() >= wait->deadline_us;
}

/* ---- from the source into Kafka ---- */

static enum sluice_code slot_is_late(const struct verify_slot *slot, uint64_t lsn, struct sluice_error *err)
{
    const char *why = !slot->is_active ? "nobody reads it: is the connector running?"
                      : !slot->has_sent
                          ? "what was sent to it can't be seen by this user: GRANT pg_monitor, or give more time with "
                            "--timeout"
                          : "the connector lags behind: give it more time with --timeout";
    return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP,
                            "replication slot \"%s\" is confirmed up to %" PRIX64 "/%" PRIX64 ", %" PRId64
                            " bytes before %" PRIX64 "/%" PRIX64 ", which has to be in Kafka first; %s",
                            slot->name, slot->flushed >> 32, slot->flushed & UINT32_MAX, slot->lag_bytes, lsn >> 32,
                            lsn & UINT32_MAX, why);
}

static enum sluice_code wait_for_slot(struct verify_wait *wait, uint64_t lsn, struct sluice_error *err)
{
    int64_t sent_us = -1;
    for (;;) {
        struct verify_slot slot;
        enum sluice_code code = verify_postgres_slot(wait->postgres, wait->slot, lsn, &slot, err);
        if (code != SLUICE_OK || (slot.is_flushed && slot.is_active))
            return code;
        if (!slot.is_active || !slot.is_sent)
            sent_us = -1;
        else if (sent_us < 0)
            sent_us = sluice_mono_us();
        else if (sluice_mono_us() - sent_us >= wait->settle_us)
            return SLUICE_OK;
        if (is_late(wait))
            return slot_is_late(&slot, lsn, err);
        pause_once(wait, "waiting for the connector");
    }
}

/* ---- from Kafka into ClickHouse ---- */

struct place {
    char *topic;
    int32_t partition;
    int64_t end;
};

struct places {
    struct place *places;
    size_t n;
    size_t max;
    bool is_full;
};

static void visit_topic(void *context, const char *topic, int n_partitions)
{
    struct places *places = context;
    for (int32_t i = 0; i < n_partitions && !places->is_full; i++) {
        if (places->n == places->max) {
            size_t max = places->max > 0 ? 2 * places->max : 64;
            struct place *larger = max <= MAX_PARTITIONS ? realloc(places->places, max * sizeof *larger) : NULL;
            places->is_full = larger == NULL;
            if (places->is_full)
                return;
            places->places = larger;
            places->max = max;
        }
        char *copy = strdup(topic);
        places->is_full = copy == NULL;
        if (copy != NULL)
            places->places[places->n++] = (struct place){copy, i, 0};
    }
}

static void free_places(struct places *places)
{
    for (size_t i = 0; i < places->n; i++)
        free(places->places[i].topic);
    free(places->places);
}
SLUICE_DEFINE_AUTO(places, struct places, free_places)

static enum sluice_code read_ends(struct verify_wait *wait, struct places *places, struct sluice_error *err)
{
    enum sluice_code code = sluice_consumer_visit_topics(wait->consumer, KAFKA_TIMEOUT_MS, visit_topic, places, err);
    if (code == SLUICE_OK && places->is_full)
        return sluice_error_set(err, SLUICE_E_LIMIT, SLUICE_STOP, "the pipeline has more than %d partitions",
                                (int)MAX_PARTITIONS);
    for (size_t i = 0; i < places->n && code == SLUICE_OK; i++) {
        struct place *place = &places->places[i];
        place->end = sluice_consumer_ask_end_offset(wait->consumer, place->topic, place->partition, KAFKA_TIMEOUT_MS);
        if (place->end < 0)
            return sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_STOP,
                                    "topic \"%s\" partition %" PRId32
                                    ": its end is not known; no broker answers for it",
                                    place->topic, place->partition);
    }
    return code;
}

static enum sluice_code wait_for_place(struct verify_wait *wait, const struct place *place, struct sluice_error *err)
{
    char metadata[METADATA_BYTES];
    int64_t offset = -1;
    for (;;) {
        enum sluice_code code = sluice_consumer_committed(wait->consumer, place->topic, place->partition,
                                                          KAFKA_TIMEOUT_MS, &offset, metadata, sizeof metadata, err);
        if (code != SLUICE_OK || offset >= place->end || place->end == 0)
            return code;
        if (is_late(wait))
            return sluice_error_set(
                err, SLUICE_E_LIMIT, SLUICE_STOP,
                "topic \"%s\" partition %" PRId32 ": group \"%s\" has committed offset %" PRId64 " of %" PRId64
                ", which have to be in ClickHouse first; is a worker running? Give it "
                "more time with --timeout",
                place->topic, place->partition, wait->config->kafka_group_id, offset < 0 ? 0 : offset, place->end);
        pause_once(wait, "waiting for the worker");
    }
}

enum sluice_code verify_wait_for_group(struct verify_wait *wait, struct sluice_error *err)
{
    SLUICE_AUTO(places) struct places places = {0};
    enum sluice_code code = SLUICE_OK;
    if (wait->consumer == NULL)
        code = reader_consumer_new(wait->config, &sluice_consumer_no_handler, &wait->consumer, err);
    if (code == SLUICE_OK)
        code = read_ends(wait, &places, err);
    for (size_t i = 0; i < places.n && code == SLUICE_OK; i++)
        code = wait_for_place(wait, &places.places[i], err);
    return code;
}

enum sluice_code verify_wait_for(struct verify_wait *wait, uint64_t lsn, struct sluice_error *err)
{
    if (lsn <= wait->reached)
        return SLUICE_OK;
    enum sluice_code code = wait_for_slot(wait, lsn, err);
    if (code == SLUICE_OK)
        code = verify_wait_for_group(wait, err);
    if (code == SLUICE_OK)
        wait->reached = lsn;
    return code;
}

void verify_wait_deinit(struct verify_wait *wait)
{
    sluice_consumer_free(wait->consumer);
    wait->consumer = NULL;
}
