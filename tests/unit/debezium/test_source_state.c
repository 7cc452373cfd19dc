/* Row versions follow emission order per key in the situations of docs/architecture.md, and survive a restart. */
#include "debezium/source_state.h"

#include "support/check.h"

static struct sluice_source streamed(uint64_t sequence0, uint64_t lsn, int64_t ts_us)
{
    return (struct sluice_source){.name = SLUICE_STR_LITERAL("shop"),
                                  .db = SLUICE_STR_LITERAL("shop"),
                                  .has_lsn = true,
                                  .lsn = lsn,
                                  .has_sequence0 = true,
                                  .sequence0 = sequence0,
                                  .has_sequence1 = true,
                                  .sequence1 = lsn,
                                  .ts_us = ts_us};
}

static struct sluice_source first_streamed(uint64_t lsn, int64_t ts_us)
{
    struct sluice_source source = streamed(0, lsn, ts_us);
    source.has_sequence0 = false;
    return source;
}

static struct sluice_source snapshot(uint64_t lsn)
{
    struct sluice_source source = first_streamed(lsn, 500);
    source.snapshot = true;
    return source;
}

static bool below(struct sluice_version a, struct sluice_version b)
{
    return a.high < b.high || (a.high == b.high && a.low < b.low);
}

static struct sluice_version version(struct sluice_source_state *state, struct sluice_source source, char op,
                                     bool moved)
{
    struct sluice_version out = {0};
    struct sluice_error err = {0};
    if (!CHECK_INT(sluice_source_state_version(state, &source, op, moved, 10000000, &out, &err), SLUICE_OK))
        fprintf(stderr, "    %s\n", err.text);
    return out;
}

static void test_layout(void)
{
    struct sluice_source_state state = {0};
    struct sluice_version v = version(&state, streamed(0x123456, 0xabcdef8, 1), 'u', false);
    CHECK_INT(v.high, 0x1234);
    CHECK_INT(v.low, UINT64_C(0x5600000000000000) | 0xabcdef8);
}

/* A transaction begun before the snapshot and committed after it: its changes lie below the snapshot's lsn. */
static void test_overlap_with_snapshot(void)
{
    struct sluice_source_state state = {0};
    struct sluice_version old_row = version(&state, snapshot(0x1555358), 'r', false);
    struct sluice_version update = version(&state, first_streamed(0x15552A0, 600), 'u', false);
    struct sluice_version later = version(&state, streamed(0x1555400, 0x1555500, 700), 'u', false);
    CHECK(below(old_row, update));
    CHECK(below(update, later));
}

/* The state outlives the process: a restart between snapshot and first transaction gives the same version. */
static void test_restart_keeps_versions(void)
{
    struct sluice_source_state state = {0};
    char text[SLUICE_SOURCE_STATE_TEXT];
    (void)version(&state, snapshot(0x1555358), 'r', false);
    sluice_source_state_format(&state, text);
    struct sluice_version before = version(&state, first_streamed(0x15552A0, 600), 'u', false);
    struct sluice_source_state restored;
    CHECK(sluice_source_state_parse(&restored, text));
    struct sluice_version after = version(&restored, first_streamed(0x15552A0, 600), 'u', false);
    CHECK_INT(before.high, after.high);
    CHECK_INT(before.low, after.low);
}

/* Deferred unique key: the delete has the higher lsn but commits first. */
static void test_deferred_key(void)
{
    struct sluice_source_state state = {0};
    struct sluice_version deleted = version(&state, streamed(0x1560900, 0x15609C8, 10), 'd', false);
    struct sluice_version inserted = version(&state, streamed(0x1560A00, 0x1560948, 11), 'c', false);
    CHECK(below(deleted, inserted));
}

static void test_key_change_halves(void)
{
    struct sluice_source_state state = {0};
    struct sluice_version deleted = version(&state, streamed(100, 208, 10), 'd', false);
    struct sluice_version created = version(&state, streamed(100, 208, 10), 'c', true);
    CHECK(below(deleted, created));
}

static void test_incremental_read(void)
{
    struct sluice_source_state state = {0};
    struct sluice_source read = {.name = SLUICE_STR_LITERAL("shop"),
                                 .db = SLUICE_STR_LITERAL("shop"),
                                 .snapshot = true,
                                 .has_sequence0 = true,
                                 .sequence0 = 120,
                                 .has_sequence1 = true,
                                 .sequence1 = 128};
    (void)version(&state, streamed(100, 104, 10), 'u', false);
    struct sluice_version old = version(&state, read, 'r', false);
    struct sluice_version update = version(&state, streamed(120, 96, 11), 'u', false);
    CHECK(below(old, update));
}

static void test_reemission_and_history(void)
{
    struct sluice_source_state state = {0};
    struct sluice_version first = version(&state, streamed(1000, 1008, 50000000), 'u', false);
    (void)version(&state, streamed(2000, 2008, 60000000), 'u', false);
    struct sluice_version again = version(&state, streamed(1000, 1008, 50000000), 'u', false);
    CHECK_INT(first.low, again.low);

    struct sluice_error err = {0};
    struct sluice_version out = {0};
    struct sluice_source_state before = state;
    struct sluice_source restored = streamed(1500, 1508, 90000000);
    CHECK_INT(sluice_source_state_version(&state, &restored, 'u', false, 10000000, &out, &err), SLUICE_E_HISTORY);
    CHECK_INT(err.action, SLUICE_REJECT);
    CHECK_CONTAINS(err.text, "restored or failed over");
    struct sluice_source unclear = streamed(1500, 1508, 60000001);
    CHECK_INT(sluice_source_state_version(&state, &unclear, 'u', false, 10000000, &out, &err), SLUICE_E_HISTORY);
    CHECK_CONTAINS(err.text, "unclear");
    CHECK_BYTES(&state, sizeof state, &before, sizeof before);
}

static void test_refusals(void)
{
    struct sluice_source_state state = {0};
    struct sluice_version out = {0};
    struct sluice_error err = {0};
    struct sluice_source nothing = {.name = SLUICE_STR_LITERAL("shop"), .db = SLUICE_STR_LITERAL("shop")};
    CHECK_INT(sluice_source_state_version(&state, &nothing, 'u', false, 0, &out, &err), SLUICE_E_POSITION);
    CHECK_INT(sluice_source_state_version(&state, &nothing, 'r', false, 0, &out, &err), SLUICE_E_POSITION);
    struct sluice_source huge = streamed(UINT64_C(1) << 56, 8, 1);
    CHECK_INT(sluice_source_state_version(&state, &huge, 'u', false, 0, &out, &err), SLUICE_E_POSITION);
    CHECK_INT(state.n_sources, 0);
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) {
        struct sluice_source source = streamed(8, 16, 1);
        source.name = sluice_str_from(names[i]);
        CHECK_INT(sluice_source_state_version(&state, &source, 'u', false, 0, &out, &err),
                  i < SLUICE_MAX_SOURCES ? SLUICE_OK : SLUICE_E_LIMIT);
    }
}

static void test_text(void)
{
    struct sluice_source_state state = {.n_sources = SLUICE_MAX_SOURCES};
    memset(state.sources, 0xff, sizeof state.sources);
    char text[SLUICE_SOURCE_STATE_TEXT];
    sluice_source_state_format(&state, text);
    struct sluice_source_state read;
    CHECK(sluice_source_state_parse(&read, text));
    CHECK_BYTES(&read, sizeof read, &state, sizeof state);
    static const char *const foreign[] = {"", "connect-metadata", "sluice2 1:2:3:4", "sluice1 1:2:3",
                                          "sluice1 1:2:3:4x"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        CHECK(!sluice_source_state_parse(&read, foreign[i]));
        CHECK_INT(read.n_sources, 0);
    }
    CHECK(!sluice_source_state_parse(&read, NULL));
    CHECK(sluice_source_state_parse(&read, "sluice1"));
}

int main(void)
{
    test_layout();
    test_overlap_with_snapshot();
    test_restart_keeps_versions();
    test_deferred_key();
    test_key_change_halves();
    test_incremental_read();
    test_reemission_and_history();
    test_refusals();
    test_text();
    return check_result();
}
