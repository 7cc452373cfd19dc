/* Sums of hashed key ranges: any order is equal, one row more, less or changed is found, and levels narrow down. */
#include "admin/verify_sums.h"

#include <stdlib.h>

#include "base/digest.h"
#include "support/check.h"

enum { N_ROWS = 20000 };

static struct verify_digest digest_of(int key, int value)
{
    char text[64];
    unsigned char whole[DIGEST_BYTES];
    struct sluice_error err;
    struct verify_digest digest;
    int n = snprintf(text, sizeof text, "key %d", key);
    CHECK_INT(sluice_sha256((struct sluice_str){text, (size_t)n}, whole, &err), SLUICE_OK);
    memcpy(digest.key, whole, VERIFY_DIGEST);
    n = snprintf(text, sizeof text, "row %d %d", key, value);
    CHECK_INT(sluice_sha256((struct sluice_str){text, (size_t)n}, whole, &err), SLUICE_OK);
    memcpy(digest.row, whole, VERIFY_DIGEST);
    return digest;
}

static void add(struct verify_sums *sums, enum canon_side side, int key, int value)
{
    const struct verify_digest digest = digest_of(key, value);
    if (verify_sums_takes(sums, digest.key))
        verify_sums_add(sums, side, &digest);
}

/* The target in the other order; `changed` has another value, `missing` is not there, `ghost` is there alone. */
static void add_all(struct verify_sums *sums, int changed, int missing, int ghost)
{
    for (int i = 0; i < N_ROWS; i++)
        add(sums, CANON_SOURCE, i, 0);
    for (int i = N_ROWS - 1; i >= 0; i--)
        if (i != missing)
            add(sums, CANON_TARGET, i, i == changed ? 1 : 0);
    if (ghost >= 0)
        add(sums, CANON_TARGET, ghost, 0);
}

static void open_level(struct verify_sums *sums)
{
    struct sluice_error err;
    CHECK_INT(verify_sums_open(sums, N_ROWS, &err), SLUICE_OK);
}

static void test_equal(void)
{
    SLUICE_AUTO(verify_sums) struct verify_sums sums = {0};
    size_t n_differ = 1;
    size_t n_buckets = 0;
    open_level(&sums);
    add_all(&sums, -1, -1, -1);
    CHECK_INT(verify_sums_close(&sums, &n_differ, &n_buckets), 0);
    CHECK_INT(n_differ, 0);
    CHECK(n_buckets >= 1024);
    CHECK(!verify_sums_pick(&sums, 100));
    CHECK(!verify_sums_has_more(&sums));
}

/* Each level sees the same three and fewer of the others. */
static void test_narrow(void)
{
    SLUICE_AUTO(verify_sums) struct verify_sums sums = {0};
    const int keys[] = {17, 4711, N_ROWS + 5};
    size_t n_differ = 0;
    size_t n_buckets = 0;
    uint64_t before = N_ROWS;
    for (size_t level = 0; level < VERIFY_MAX_LEVELS; level++) {
        open_level(&sums);
        add_all(&sums, keys[0], keys[1], keys[2]);
        uint64_t n_left = verify_sums_close(&sums, &n_differ, &n_buckets);
        CHECK_INT(n_differ, 3);
        CHECK(n_left >= 3 && n_left <= before);
        before = n_left;
    }
    CHECK(before < 12);
    CHECK(verify_sums_has_more(&sums));
    CHECK(verify_sums_pick(&sums, 1000));
    CHECK(!verify_sums_has_more(&sums));
    size_t n_wanted = 0;
    for (int i = 0; i < N_ROWS + 6; i++)
        n_wanted += verify_sums_want(&sums, digest_of(i, 0).key) ? 1 : 0;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(keys); i++)
        CHECK(verify_sums_want(&sums, digest_of(keys[i], 0).key));
    CHECK(n_wanted >= 3 && n_wanted < 30);
}

/* Two values exchanged between keys, and one row twice, leave no sum as it was. */
static void test_hidden(void)
{
    size_t n_differ = 0;
    size_t n_buckets = 0;
    SLUICE_AUTO(verify_sums) struct verify_sums sums = {0};
    open_level(&sums);
    add(&sums, CANON_SOURCE, 1, 0);
    add(&sums, CANON_SOURCE, 2, 1);
    add(&sums, CANON_TARGET, 1, 1);
    add(&sums, CANON_TARGET, 2, 0);
    add(&sums, CANON_SOURCE, 3, 0);
    add(&sums, CANON_TARGET, 3, 0);
    add(&sums, CANON_TARGET, 3, 0);
    (void)verify_sums_close(&sums, &n_differ, &n_buckets);
    CHECK_INT(n_differ, 3);
}

/* Buckets are picked in portions, each once, at least one at a time. */
static void test_portions(void)
{
    SLUICE_AUTO(verify_sums) struct verify_sums sums = {0};
    size_t n_differ = 0;
    size_t n_buckets = 0;
    size_t n_rounds = 0;
    unsigned char *n_wanted = calloc(N_ROWS, 1);
    open_level(&sums);
    for (int i = 0; i < N_ROWS; i++)
        add(&sums, CANON_SOURCE, i, 0);
    CHECK_INT(verify_sums_close(&sums, &n_differ, &n_buckets), N_ROWS);
    while (verify_sums_pick(&sums, N_ROWS / 4)) {
        size_t n = 0;
        for (int i = 0; i < N_ROWS; i++) {
            bool is_wanted = verify_sums_want(&sums, digest_of(i, 0).key);
            n_wanted[i] = (unsigned char)(n_wanted[i] + (is_wanted ? 1 : 0));
            n += is_wanted ? 1 : 0;
        }
        CHECK(n > 0 && n <= N_ROWS / 4);
        n_rounds++;
    }
    CHECK(n_rounds >= 4 && n_rounds <= 6);
    size_t n_once = 0;
    for (size_t i = 0; i < N_ROWS; i++)
        n_once += n_wanted[i] == 1 ? 1 : 0;
    CHECK_INT(n_once, N_ROWS);
    free(n_wanted);
}

int main(void)
{
    test_equal();
    test_narrow();
    test_hidden();
    test_portions();
    return check_result();
}
