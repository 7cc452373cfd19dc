/* Where a place of the source is in a partition: in order, with records written twice, with gaps, beside a plain
 * search. */
#include "admin/source_search.h"

#include <stdlib.h>

#include "support/check.h"
#include "support/random.h"

enum { MAX_RECORDS = 400, SECOND = 1000000 };

/* A partition; Kafka has a record's time a second after its source, but copies of it when they were written. */
struct world {
    struct source_record records[MAX_RECORDS];
    int64_t written_ms[MAX_RECORDS];
    uint64_t committed[MAX_RECORDS]; /* where the record's transaction was committed */
    size_t n;
    int64_t high;
    size_t n_read;
};

static void add(struct world *world, int64_t offset, uint64_t commit, uint64_t position, uint64_t committed,
                int64_t time_us, int64_t written_ms)
{
    uint64_t highest = position > commit ? position : commit;
    world->records[world->n] = (struct source_record){offset, highest, commit, time_us};
    world->committed[world->n] = committed;
    world->written_ms[world->n++] = written_ms;
    world->high = offset + 1;
}

static enum sluice_code scan(void *context, int64_t first, int64_t last, source_record_fn visit, void *visitor,
                             struct sluice_error *err)
{
    struct world *world = context;
    (void)err;
    for (size_t i = 0; i < world->n; i++) {
        if (world->records[i].offset < first || world->records[i].offset > last)
            continue;
        world->n_read++;
        if (!visit(visitor, &world->records[i]))
            break;
    }
    return SLUICE_OK;
}

static enum sluice_code at_time(void *context, int64_t time_ms, int64_t *offset, struct sluice_error *err)
{
    const struct world *world = context;
    (void)err;
    *offset = -1;
    for (size_t i = 0; i < world->n && *offset < 0; i++)
        if (world->written_ms[i] >= time_ms)
            *offset = world->records[i].offset;
    return SLUICE_OK;
}

static int64_t search(struct world *world, const struct source_place *place)
{
    const struct source_partition partition = {world, world->n > 0 ? world->records[0].offset : 0, world->high, scan,
                                               at_time};
    struct sluice_error err;
    int64_t offset = -2;
    world->n_read = 0;
    CHECK_INT(source_search(&partition, place, &offset, &err), SLUICE_OK);
    return offset;
}

static int64_t search_lsn(struct world *world, uint64_t lsn)
{
    return search(world, &(struct source_place){.is_lsn = true, .lsn = lsn});
}

static int64_t search_time(struct world *world, int64_t time_us)
{
    return search(world, &(struct source_place){.time_us = time_us});
}

/* Ten transactions of three records: number i is committed at i * 100 + 90, i hours after 1970. */
static void write_plain(struct world *world, size_t first, size_t last, int64_t written_ms)
{
    for (size_t i = first; i <= last; i++) {
        int64_t time_us = (int64_t)i * 3600 * SECOND;
        for (size_t j = 0; j < 3; j++)
            add(world, world->high, (i - 1) * 100 + 90, i * 100 + j, i * 100 + 90, time_us,
                written_ms > 0 ? written_ms : time_us / 1000 + 1000);
    }
}

static void test_in_order(void)
{
    struct world world = {.n = 0};
    write_plain(&world, 1, 10, 0);
    CHECK_INT(search_lsn(&world, 0), 0);
    CHECK_INT(search_lsn(&world, 501), 12); /* within the fifth: from its first record on */
    CHECK_INT(search_lsn(&world, 500), 12);
    CHECK_INT(search_lsn(&world, 490), 9); /* the fourth one's COMMIT */
    CHECK_INT(search_lsn(&world, 491), 12);
    CHECK_INT(search_lsn(&world, 450), 9); /* between the fourth one's records and its COMMIT */
    CHECK_INT(search_lsn(&world, 1002), 27);
    CHECK_INT(search_lsn(&world, 1003), -1);
    CHECK_INT(search_time(&world, 0), 0);
    CHECK_INT(search_time(&world, INT64_C(5) * 3600 * SECOND), 12);
    CHECK_INT(search_time(&world, INT64_C(5) * 3600 * SECOND + 1), 15);
    CHECK_INT(search_time(&world, INT64_C(10) * 3600 * SECOND + 1), -1);
    CHECK_INT(search_time(&world, INT64_MAX), -1);
}

static void test_written_twice(void)
{
    struct world world = {.n = 0};
    write_plain(&world, 1, 6, 0);
    write_plain(&world, 3, 10, INT64_C(20) * 3600 * 1000); /* offsets 18 to 41 */
    for (uint64_t i = 4; i <= 6; i++) {
        CHECK_INT(search_lsn(&world, i * 100), (int64_t)(i - 1) * 3);
        CHECK_INT(search_time(&world, (int64_t)i * 3600 * SECOND), (int64_t)(i - 1) * 3);
    }
    CHECK_INT(search_lsn(&world, 800), 33);
}

/* The connector started again and has not come far: the last records are old ones. */
static void test_end_within_copies(void)
{
    struct world world = {.n = 0};
    write_plain(&world, 1, 10, 0);
    write_plain(&world, 2, 4, INT64_C(20) * 3600 * 1000);
    for (uint64_t i = 3; i <= 10; i++)
        CHECK_INT(search_lsn(&world, i * 100), (int64_t)(i - 1) * 3);
    CHECK_INT(search_lsn(&world, 1100), -1);
}

/* It is no walk over the whole partition. */
static void test_reads_little(void)
{
    struct world world = {.n = 0};
    write_plain(&world, 1, 120, 0);
    CHECK_INT(search_lsn(&world, 7000), 207);
    CHECK(world.n_read < 20);
    CHECK_INT(search_time(&world, INT64_C(70) * 3600 * SECOND), 207);
    CHECK(world.n_read < 5);
}

static void test_empty(void)
{
    struct world world = {.high = 7};
    CHECK_INT(search_lsn(&world, 1), -1);
    CHECK_INT(search_time(&world, 1), -1);
}

/* Long transactions beside short ones, connectors that start again, gaps. From the offset found on every record of a
 * transaction that was committed at the place or later is included, and it is not the start of the partition for
 * nothing. */
static void write_random(struct world *world)
{
    uint64_t commit = 1000;
    int64_t time_us = 3600 * (int64_t)SECOND;
    int64_t written_ms = 0;
    while (world->n < MAX_RECORDS - 40) {
        uint64_t next = commit + 1 + random_below(1000);
        uint64_t begin = commit > 3000 ? commit - random_below(3000) : commit;
        size_t n = 1 + random_below(6);
        time_us += (int64_t)random_below(600) * SECOND;
        written_ms = time_us / 1000 > written_ms ? time_us / 1000 : written_ms;
        for (size_t i = 0; i < n; i++)
            add(world, world->high + (int64_t)random_below(3), commit, begin + (next - begin) * i / n, next, time_us,
                written_ms);
        commit = next;
        if (random_below(20) != 0)
            continue;
        /* the last ones once more, some minutes later */
        size_t again = 1 + random_below(30);
        size_t end = world->n;
        written_ms += 300000;
        for (size_t i = end > again ? end - again : 0; i < end && world->n < MAX_RECORDS; i++) {
            add(world, world->high, world->records[i].commit, 0, world->committed[i], world->records[i].time_us,
                written_ms);
            world->records[world->n - 1].position = world->records[i].position;
        }
    }
}

static void check_random(struct world *world, uint64_t lsn)
{
    int64_t found = search_lsn(world, lsn);
    int64_t first = -1; /* of a transaction that was committed there or later */
    for (size_t i = 0; i < world->n && first < 0; i++)
        if (world->committed[i] >= lsn)
            first = world->records[i].offset;
    /* Whether the last transaction of the partition was committed behind its records is not known from it. */
    bool is_known = world->records[world->n - 1].position >= lsn;
    if (is_known)
        CHECK(found >= 0 && found <= first);
    CHECK(found <= first || first < 0);
    int64_t time_us = first < 0 ? INT64_MAX : 0;
    for (size_t i = 0; i < world->n && first >= 0; i++)
        if (world->records[i].offset == first)
            time_us = world->records[i].time_us;
    if (first >= 0)
        CHECK(search_time(world, time_us) <= first && search_time(world, time_us) >= 0);
}

static void test_random_worlds(size_t n_worlds)
{
    for (size_t round = 0; round < n_worlds; round++) {
        struct world world = {.n = 0};
        write_random(&world);
        uint64_t end = world.records[world.n - 1].position;
        for (int i = 0; i < 20; i++)
            check_random(&world, random_below(end + 100));
    }
}

int main(int argc, char **argv)
{
    test_in_order();
    test_written_twice();
    test_end_within_copies();
    test_reads_little();
    test_empty();
    test_random_worlds(random_start(argc, argv, 200));
    return check_result();
}
