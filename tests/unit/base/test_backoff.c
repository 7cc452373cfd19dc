/* The waits stay in their range, grow, differ between seeds and start again after a success. */
#include "base/backoff.h"

#include "support/check.h"

static void test_range_and_growth(void)
{
    struct sluice_backoff backoff;
    int64_t largest = 0;
    sluice_backoff_init(&backoff, 1000, 64000, 7);
    CHECK_INT(sluice_backoff_next(&backoff), 1000);
    int64_t last = 1000;
    for (int i = 0; i < 10000; i++) {
        int64_t wait = sluice_backoff_next(&backoff);
        if (wait < 1000 || wait > 64000 || wait > 3 * last)
            CHECK_INT(wait, last);
        last = wait;
        largest = wait > largest ? wait : largest;
    }
    CHECK(largest > 60000);
}

static void test_seeds(void)
{
    struct sluice_backoff a;
    struct sluice_backoff b;
    struct sluice_backoff same;
    int n_equal = 0;
    sluice_backoff_init(&a, 1000, 60000000, 1);
    sluice_backoff_init(&b, 1000, 60000000, 2);
    sluice_backoff_init(&same, 1000, 60000000, 1);
    for (int i = 0; i < 100; i++) {
        int64_t wait = sluice_backoff_next(&a);
        n_equal += wait == sluice_backoff_next(&b);
        CHECK_INT(sluice_backoff_next(&same), wait);
    }
    CHECK(n_equal < 10);
}

static void test_edges(void)
{
    struct sluice_backoff backoff;
    sluice_backoff_init(&backoff, 1000, 10, 0);
    for (int i = 0; i < 10; i++)
        CHECK_INT(sluice_backoff_next(&backoff), 1000);
    sluice_backoff_init(&backoff, 1, INT64_MAX, 0);
    for (int i = 0; i < 200; i++)
        CHECK(sluice_backoff_next(&backoff) > 0);
}

int main(void)
{
    test_range_and_growth();
    test_seeds();
    test_edges();
    return check_result();
}
