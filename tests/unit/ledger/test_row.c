/* Every row comes back from its text; a text that is not exactly what a worker writes is nobody's. */
#include "ledger/row.h"

#include "support/check.h"
#include "support/exact.h"
#include "support/random.h"

static const char sample[] =
    "sluice2 keeper_map /sluice_shop epoch=3 owner=9f2c41 seq=17 resets=1a2b next=100 hi=163 "
    "attempt=2 check=99:1790000000123:9af3 last=163:1790000000124:b0b sluice1 1f:16b3748:16b3700:5f5e100";

static struct sluice_ledger_row row;
static enum sluice_ledger_kind kind;
static char path[SLUICE_LEDGER_PATH];

static struct sluice_ledger_row sample_row(void)
{
    return (struct sluice_ledger_row){
        .epoch = 3,
        .owner = 0x9f2c41,
        .seq = 17,
        .resets = 0x1a2b,
        .next = 100,
        .hi = 163,
        .last = {163, 1790000000124, 0xb0b},
        .attempt = 2,
        .check = {.offset = 99, .timestamp_ms = INT64_C(1790000000123), .crc = 0x9af3},
        .source = {.sources = {{.id = 0x1f, .commit = 0x16b3748, .snapshot_lsn = 0x16b3700, .ts_us = 0x5f5e100}},
                   .n_sources = 1}};
}

static void test_sample(void)
{
    struct sluice_ledger_row want = sample_row();
    char text[SLUICE_LEDGER_TEXT];
    sluice_ledger_row_format(&want, SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", text);
    CHECK_TEXT(text, sample);
    CHECK_INT(sluice_ledger_row_parse(&row, &kind, path, sample), SLUICE_LEDGER_TEXT_ROW);
    CHECK(sluice_ledger_row_equal(&row, &want));
    CHECK_INT(kind, SLUICE_LEDGER_KEEPER_MAP);
    CHECK_TEXT(path, "/sluice_shop");
}

static void test_empty_row(void)
{
    struct sluice_ledger_row want;
    char text[SLUICE_LEDGER_TEXT];
    sluice_ledger_row_init(&want);
    sluice_ledger_row_format(&want, SLUICE_LEDGER_KAFKA, "-", text);
    CHECK_TEXT(
        text,
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1");
    CHECK_INT(sluice_ledger_row_parse(&row, &kind, path, text), SLUICE_LEDGER_TEXT_ROW);
    CHECK(sluice_ledger_row_equal(&row, &want));
    CHECK_INT(kind, SLUICE_LEDGER_KAFKA);
    CHECK_TEXT(path, "-");
}

/* The longest of everything: it fits, and nothing is cut. */
static void test_extremes(void)
{
    char long_path[SLUICE_LEDGER_PATH];
    char text[SLUICE_LEDGER_TEXT];
    struct sluice_ledger_row want = {.epoch = UINT64_MAX,
                                     .owner = UINT64_MAX,
                                     .seq = UINT64_MAX,
                                     .resets = UINT64_MAX,
                                     .next = INT64_MAX,
                                     .hi = INT64_MAX,
                                     .attempt = UINT32_MAX,
                                     .check = {INT64_MAX, INT64_MIN, UINT32_MAX},
                                     .last = {INT64_MAX, INT64_MIN, UINT32_MAX},
                                     .source = {.n_sources = SLUICE_MAX_SOURCES}};
    for (size_t i = 0; i < SLUICE_MAX_SOURCES; i++)
        want.source.sources[i] = (struct sluice_source_position){UINT64_MAX - i, UINT64_MAX, UINT64_MAX, -1, 65535};
    want.next = 0;
    want.skip.n = SLUICE_LEDGER_MAX_SKIP;
    for (uint32_t i = 0; i < SLUICE_LEDGER_MAX_SKIP; i++)
        want.skip.offsets[i] = INT64_MAX - SLUICE_LEDGER_MAX_SKIP + (int64_t)i;
    memset(long_path, 'p', sizeof long_path - 1);
    long_path[0] = '/';
    long_path[sizeof long_path - 1] = '\0';
    sluice_ledger_row_format(&want, SLUICE_LEDGER_KEEPER_MAP, long_path, text);
    CHECK(strlen(text) < SLUICE_LEDGER_TEXT - 1);
    CHECK_INT(sluice_ledger_row_parse(&row, &kind, path, text), SLUICE_LEDGER_TEXT_ROW);
    CHECK(sluice_ledger_row_equal(&row, &want));
    CHECK_TEXT(path, long_path);
}

static void check_is_nothing(const char *text_z)
{
    struct sluice_ledger_row empty;
    sluice_ledger_row_init(&empty);
    row = sample_row();
    if (!CHECK_INT(sluice_ledger_row_parse(&row, &kind, path, text_z), SLUICE_LEDGER_TEXT_NONE))
        (void)fprintf(stderr, "    \"%s\"\n", text_z != NULL ? text_z : "(null)");
    CHECK(sluice_ledger_row_equal(&row, &empty));
    CHECK_TEXT(path, "");
}

static void test_skip(void)
{
    char text[SLUICE_LEDGER_TEXT];
    char wrong[SLUICE_LEDGER_TEXT + 64];
    static const char *const wrongs[] = {" skip=",    " skip=5,3", " skip=3,3", " skip=-1",
                                         " skip=101", " skip=1,",  " skip=01",  " skip=1 skip=2"};
    struct sluice_ledger_row want = sample_row();
    want.next = 1000;
    want.hi = 1100;
    want.skip = (struct sluice_ledger_skip){3, {1000, 1017, 1100}};
    sluice_ledger_row_format(&want, SLUICE_LEDGER_KEEPER_MAP, "/p", text);
    CHECK_CONTAINS(text, " skip=0,17,100 sluice1");
    CHECK_INT(sluice_ledger_row_parse(&row, &kind, path, text), SLUICE_LEDGER_TEXT_ROW);
    CHECK(sluice_ledger_row_equal(&row, &want));
    row.skip.n--;
    CHECK(!sluice_ledger_row_equal(&row, &want));
    const char *at = strstr(text, " skip=");
    for (size_t i = 0; i < sizeof wrongs / sizeof wrongs[0]; i++) {
        (void)snprintf(wrong, sizeof wrong, "%.*s%s%s", (int)(at - text), text, wrongs[i], strstr(at, " sluice1"));
        check_is_nothing(wrong);
    }
}

static void test_not_ours(void)
{
    static const char *const texts[] = {
        "",
        "offset reset by hand",
        "sluice",
        "sluice2",
        "sluice2 ",
        "sluice3 keeper_map /p epoch=1",
        "sluice1 x",
        /* another kind, no path, a path too long */
        "sluice2 etcd /p epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka  epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka "
        "/2345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
        " epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        /* numbers out of range, empty, with a sign, with leading zeros, in capitals */
        "sluice2 kafka - epoch=18446744073709551616 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 "
        "last=-1:0:0 "
        "last=-1:0:0 "
        "sluice1",
        "sluice2 kafka - epoch=0 owner=10000000000000000 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 "
        "last=-1:0:0 "
        "last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=9223372036854775808 hi=-1 attempt=0 check=-1:0:0 "
        "last=-1:0:0 "
        "last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=0 hi=-1 attempt=4294967296 check=-1:0:0 last=-1:0:0 "
        "sluice1",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=0 hi=-1 attempt=0 check=0:0:100000000 "
        "last=-1:0:0 sluice1",
        "sluice2 kafka - epoch= owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=-1 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=+1 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=01 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=1 owner=A seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=1 owner=0 seq=0 resets=0 next=-0 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        /* positions that no worker writes */
        "sluice2 kafka - epoch=1 owner=0 seq=0 resets=0 next=-2 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=1 owner=0 seq=0 resets=0 next=10 hi=9 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=1 owner=0 seq=0 resets=0 next=-1 hi=5 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=1 owner=0 seq=0 resets=0 next=0 hi=-2 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=1 owner=0 seq=0 resets=0 next=0 hi=-1 attempt=0 check=-2:0:0 last=-1:0:0 sluice1",
        /* the source's part missing, broken, or written otherwise */
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 ",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1 1:2:3",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1 "
        "1:2:3:4 ",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1  "
        "1:2:3:4",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1 "
        "0x1:2:3:4",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1 "
        "1:2:3:-4",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1 "
        "1:2:3:4 1:2:3:4 1:2:3:4 1:2:3:4 1:2:3:4",
        /* spaces and lines around it */
        " sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
        "sluice2 kafka - epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1\n",
        "sluice2 kafka -\t epoch=0 owner=0 seq=0 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 last=-1:0:0 sluice1",
    };
    check_is_nothing(NULL);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(texts); i++)
        check_is_nothing(texts[i]);
}

static void test_of_at_least_once(void)
{
    struct sluice_ledger_row want;
    sluice_ledger_row_init(&want);
    row = sample_row();
    CHECK_INT(sluice_ledger_row_parse(&row, &kind, path, "sluice1"), SLUICE_LEDGER_TEXT_SOURCE);
    CHECK(sluice_ledger_row_equal(&row, &want));
    want.source = (struct sluice_source_state){.sources = {{.id = 1, .commit = 2, .snapshot_lsn = 3, .ts_us = 4}},
                                               .n_sources = 1};
    CHECK_INT(sluice_ledger_row_parse(&row, &kind, path, "sluice1 1:2:3:4"), SLUICE_LEDGER_TEXT_SOURCE);
    CHECK(sluice_ledger_row_equal(&row, &want));
}

/* Each field counts, and only the sources that are there. */
static void test_equal(void)
{
    struct sluice_ledger_row a = sample_row();
    a.source.sources[1].id = 5;
    row = sample_row();
    CHECK(sluice_ledger_row_equal(&a, &row));
#define CHECK_COUNTS(field)                                                                                            \
    do {                                                                                                               \
        struct sluice_ledger_row b = a;                                                                                \
        b.field++;                                                                                                     \
        CHECK(!sluice_ledger_row_equal(&a, &b));                                                                       \
    } while (false)
    CHECK_COUNTS(epoch);
    CHECK_COUNTS(owner);
    CHECK_COUNTS(seq);
    CHECK_COUNTS(resets);
    CHECK_COUNTS(next);
    CHECK_COUNTS(hi);
    CHECK_COUNTS(attempt);
    CHECK_COUNTS(check.offset);
    CHECK_COUNTS(check.timestamp_ms);
    CHECK_COUNTS(check.crc);
    CHECK_COUNTS(source.n_sources);
    CHECK_COUNTS(source.sources[0].id);
    CHECK_COUNTS(source.sources[0].commit);
    CHECK_COUNTS(source.sources[0].snapshot_lsn);
    CHECK_COUNTS(source.sources[0].ts_us);
    CHECK_COUNTS(source.sources[0].generation);
}

/* ---- property ---- */

/* Of any length, so that short numbers come up as often as long ones. */
static uint64_t some_number(void)
{
    return random_bits() >> random_below(64) >> random_below(2);
}

static int64_t some_offset(void)
{
    return random_below(8) == 0 ? -1 : (int64_t)(some_number() >> 1);
}

static struct sluice_ledger_row some_row(void)
{
    struct sluice_ledger_row r = {.epoch = some_number(),
                                  .owner = some_number(),
                                  .seq = some_number(),
                                  .resets = some_number(),
                                  .next = some_offset(),
                                  .hi = -1,
                                  .attempt = (uint32_t)some_number(),
                                  .check = {some_offset(), (int64_t)some_number(), (uint32_t)some_number()},
                                  .last = {.offset = -1}};
    if (r.next >= 0 && random_below(2) == 0) {
        int64_t length = (int64_t)(some_number() >> 1);
        r.hi = length > INT64_MAX - r.next ? INT64_MAX : r.next + length;
        r.last = (struct sluice_ledger_check){r.hi, (int64_t)some_number(), (uint32_t)some_number()};
    }
    r.source.n_sources = random_below(SLUICE_MAX_SOURCES + 1);
    for (size_t i = 0; i < r.source.n_sources; i++)
        r.source.sources[i] = (struct sluice_source_position){some_number(), some_number(), some_number(),
                                                              (int64_t)random_bits(), random_below(65536)};
    return r;
}

static void some_path(char out[SLUICE_LEDGER_PATH])
{
    size_t n = 1 + random_below(SLUICE_LEDGER_PATH - 1);
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('!' + (char)random_below('~' - '!' + 1));
    out[n] = '\0';
}

/* Written and read: the same. Damaged at some places: nobody's, or a row whose own text it is; never read too far. */
static void test_property(size_t n_cases)
{
    static struct random_text damaged;
    for (size_t i = 0; i < n_cases; i++) {
        struct sluice_ledger_row want = some_row();
        enum sluice_ledger_kind want_kind = (enum sluice_ledger_kind)random_below(SLUICE_N_LEDGER_KINDS);
        char want_path[SLUICE_LEDGER_PATH];
        char text[SLUICE_LEDGER_TEXT];
        some_path(want_path);
        sluice_ledger_row_format(&want, want_kind, want_path, text);
        bool ok = CHECK_INT(sluice_ledger_row_parse(&row, &kind, path, text), SLUICE_LEDGER_TEXT_ROW) &&
                  CHECK(sluice_ledger_row_equal(&row, &want)) && CHECK_INT(kind, want_kind) &&
                  CHECK_TEXT(path, want_path);
        damaged.len = strlen(text) + 1;
        memcpy(damaged.bytes, text, damaged.len);
        for (size_t n = 1 + random_below(3); n > 0; n--)
            random_mutate(&damaged);
        damaged.bytes[damaged.len > 0 ? damaged.len - 1 : 0] = '\0';
        struct sluice_str exact = exact_copy((struct sluice_str){damaged.bytes, strlen(damaged.bytes) + 1});
        if (sluice_ledger_row_parse(&row, &kind, path, exact.ptr) == SLUICE_LEDGER_TEXT_ROW) {
            sluice_ledger_row_format(&row, kind, path, text);
            ok = CHECK_TEXT(text, exact.ptr) && ok;
        }
        exact_free(exact);
        if (!ok)
            return;
    }
}

int main(int argc, char **argv)
{
    size_t n_cases = random_start(argc, argv, 20000);
    test_sample();
    test_empty_row();
    test_extremes();
    test_skip();
    test_not_ours();
    test_of_at_least_once();
    test_equal();
    test_property(n_cases);
    return check_result();
}
