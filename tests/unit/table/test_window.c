/* The reckoning of a deduplication window against the time in which an insert may be repeated. */
#include "table/window.h"

#include "support/check.h"

static struct window_facts facts(int64_t n_blocks, int64_t n_kafka, int64_t n_table)
{
    return (struct window_facts){
        .n_blocks = n_blocks,
        .n_kafka_partitions = n_kafka,
        .n_table_partitions = n_table,
        .batch_max_age_us = 1000000,
        .batch_max_rows = 50000,
        .session_timeout_us = 45000000,
        .request_timeout_us = 60000000,
        .send_limit_us = 10000000,
    };
}

static void test_ends(void)
{
    /* 12 + 20 inserts a second, 115 s needed: 3680 blocks are just enough. */
    struct window_facts f = facts(3680, 12, 1);
    struct window_reckoning r = window_reckon(&f);
    CHECK(r.is_enough);
    CHECK_INT(r.inserts_per_s, 32);
    CHECK_INT(r.needed_s, 115);
    CHECK_INT(r.lasts_s, 115);
    CHECK_INT(r.enough_blocks, 3680);
    f.n_blocks = 3679;
    r = window_reckon(&f);
    CHECK(!r.is_enough);
    CHECK_INT(r.enough_blocks, 3680);
}

static void test_partitions(void)
{
    struct window_facts f = facts(10000, 12, 3);
    CHECK_INT(window_reckon(&f).enough_blocks, 11040);
    CHECK(!window_reckon(&f).is_enough);
    f = facts(10000, 512, 1);
    CHECK_INT(window_reckon(&f).enough_blocks, 61180);
    CHECK(!window_reckon(&f).is_enough);
    f.batch_max_age_us = 10000000;
    CHECK(window_reckon(&f).is_enough);
}

static void test_age(void)
{
    struct window_facts f = facts(10000, 12, 1);
    f.keeps_us = INT64_C(3600) * 1000000;
    CHECK(window_reckon(&f).is_enough);
    f.keeps_us = 100000000;
    struct window_reckoning r = window_reckon(&f);
    CHECK(!r.is_enough);
    CHECK_INT(r.lasts_s, 100);
}

/* The option is named whose share of the inserts is the trouble. */
static void test_to_raise(void)
{
    struct window_facts f = facts(10000, 12, 1);
    CHECK_TEXT(window_reckon(&f).to_raise, "");
    f.n_blocks = 2500; /* 12 inserts/s by age, 20 full ones: 1380 and 2300 in 115 s */
    CHECK_TEXT(window_reckon(&f).to_raise, "batch.max_rows");
    f.n_kafka_partitions = 21;
    CHECK_TEXT(window_reckon(&f).to_raise, "batch.max_age");
    f.n_kafka_partitions = 1000;
    CHECK_TEXT(window_reckon(&f).to_raise, "batch.max_age");
    f.n_blocks = 2000;
    CHECK_TEXT(window_reckon(&f).to_raise, "batch.max_age and batch.max_rows");
    f.n_kafka_partitions = 1;
    CHECK_TEXT(window_reckon(&f).to_raise, "batch.max_rows");
    f.n_blocks = 10000;
    f.keeps_us = 1; /* nothing that makes inserts rarer helps */
    CHECK(!window_reckon(&f).is_enough);
    CHECK_TEXT(window_reckon(&f).to_raise, "");
}

static void test_text(void)
{
    char text[400];
    const struct window_facts f = facts(10000, 12, 1);
    const struct window_reckoning r = window_reckon(&f);
    window_text(&f, &r, text, sizeof text);
    CHECK_TEXT(text,
               "window of 10000 blocks / (32.0 inserts/s x 1 table partition) = 312 s; needed: session.timeout.ms "
               "45 s + send_limit 10 s + request_timeout 60 s = 115 s. Inserts: 12 Kafka partitions every 1 s, and "
               "full ones at 1000000 rows/s");
}

int main(void)
{
    test_ends();
    test_partitions();
    test_age();
    test_to_raise();
    test_text();
    return check_result();
}
