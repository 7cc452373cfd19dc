/* source_search.c - see source_search.h. */
#include "admin/source_search.h"

static bool reaches(const struct source_place *place, const struct source_record *record)
{
    return place->is_lsn ? record->position >= place->lsn : record->time_us >= place->time_us;
}

/* ---- one by one ---- */

struct walk {
    const struct source_place *place;
    int64_t last;    /* first record of the last transaction that may be committed before the place; -1: none yet */
    uint64_t commit; /* of that one */
    int64_t found;   /* -1: not yet */
};

static bool step(void *context, const struct source_record *record)
{
    struct walk *walk = context;
    const struct source_place *place = walk->place;
    if (record->commit < place->lsn && (walk->last < 0 || record->commit > walk->commit)) {
        walk->last = record->offset;
        walk->commit = record->commit;
    }
    if (!reaches(place, record))
        return true;
    /* Either it belongs to that transaction, or it tells where that one was committed only as "not behind here". */
    walk->found = place->is_lsn && walk->last >= 0 ? walk->last : record->offset;
    return false;
}

static enum sluice_code walk_from(const struct source_partition *partition, const struct source_place *place,
                                  int64_t first, int64_t last, int64_t *offset, struct sluice_error *err)
{
    struct walk walk = {.place = place, .last = -1, .found = -1};
    enum sluice_code code = partition->scan(partition->context, first, last, step, &walk, err);
    if (code == SLUICE_OK)
        *offset = walk.found;
    return code;
}

/* Of the records at that time of the source or later all are behind *first; partition->high if there are none. */
static enum sluice_code find_time(const struct source_partition *partition, int64_t time_us, int64_t *first,
                                  struct sluice_error *err)
{
    int64_t time_ms = time_us / 1000 > SOURCE_CLOCKS_MS ? time_us / 1000 - SOURCE_CLOCKS_MS : 0;
    int64_t found = -1;
    enum sluice_code code = partition->at_time(partition->context, time_ms, &found, err);
    if (code == SLUICE_OK)
        *first = found >= 0 ? found : partition->high;
    return code;
}

/* ---- bisection ---- */

struct probe {
    bool has_record;
    struct source_record record;
};

static bool take_first(void *context, const struct source_record *record)
{
    struct probe *probe = context;
    *probe = (struct probe){true, *record};
    return false;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Where it turns from records before the place to one at or after it: *at is that one's offset (-1: there is none),
 * *time_us the earlier one of the two's times. With `is_first` no record is before the place. */
static enum sluice_code bisect(const struct source_partition *partition, const struct source_place *place, int64_t *at,
                               int64_t *time_us, bool *is_first, struct sluice_error *err)
{
    int64_t low = partition->low;
    int64_t high = partition->high;
    int64_t before_us = INT64_MAX;
    int64_t at_us = INT64_MAX;
    int64_t middle = low; /* the first record first: a history that began anew may reach the place from there on */
    *at = -1;
    while (low < high) {
        struct probe probe = {false};
        enum sluice_code code = partition->scan(partition->context, middle, high - 1, take_first, &probe, err);
        if (code != SLUICE_OK)
            return code;
        if (!probe.has_record) {
            high = middle;
        } else if (reaches(place, &probe.record)) {
            *at = probe.record.offset;
            at_us = probe.record.time_us;
            high = middle;
        } else {
            low = probe.record.offset + 1;
            before_us = probe.record.time_us;
        }
        middle = low + (high - low) / 2;
    }
    *is_first = before_us == INT64_MAX;
    *time_us = earlier(before_us, at_us);
    return SLUICE_OK;
}

static enum sluice_code search_lsn(const struct source_partition *partition, const struct source_place *place,
                                   int64_t *offset, struct sluice_error *err)
{
    int64_t at = -1;
    int64_t time_us = 0;
    int64_t first = 0;
    bool is_first = false;
    enum sluice_code code = bisect(partition, place, &at, &time_us, &is_first, err);
    if (code == SLUICE_OK && is_first)
        *offset = at;
    if (code != SLUICE_OK || is_first)
        return code;
    code = find_time(partition, time_us, &first, err);
    /* Without a turn the partition may still end in the middle of records that are written once more. */
    int64_t last = at >= 0 ? at : partition->high - 1;
    return code == SLUICE_OK ? walk_from(partition, place, earlier(first, last), last, offset, err) : code;
}

static enum sluice_code search_time(const struct source_partition *partition, const struct source_place *place,
                                    int64_t *offset, struct sluice_error *err)
{
    int64_t first = 0;
    enum sluice_code code = find_time(partition, place->time_us, &first, err);
    return code == SLUICE_OK ? walk_from(partition, place, first, partition->high - 1, offset, err) : code;
}

enum sluice_code source_search(const struct source_partition *partition, const struct source_place *place,
                               int64_t *offset, struct sluice_error *err)
{
    return place->is_lsn ? search_lsn(partition, place, offset, err) : search_time(partition, place, offset, err);
}
