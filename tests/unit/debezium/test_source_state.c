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

static const struct sluice_version_rules defaults = {.clock_slack_us = 10000000};

static struct sluice_version version(struct sluice_source_state *state, struct sluice_source source, char op,
                                     bool moved)
{
    struct sluice_version out = {0};
    struct sluice_error err = {0};
    if (!CHECK_INT(sluice_source_state_version(state, &source, op, moved, &defaults, &out, &err), SLUICE_OK))
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
static void test_case_02_update_below_its_snapshot(void)
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
static void test_case_06_delete_above_its_insert(void)
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

static void test_case_03_incremental_read(void)
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

static enum sluice_code try_version(struct sluice_source_state *state, struct sluice_source source, char op,
                                    const struct sluice_version_rules *rules, struct sluice_version *out,
                                    struct sluice_error *err)
{
    *err = (struct sluice_error){0};
    return sluice_source_state_version(state, &source, op, false, rules, out, err);
}

/* The connector emits e2 and e3 again after a crash: the very versions they had, so the end is e3. */
static void test_case_40_crash_replay(void)
{
    struct sluice_source_state state = {0};
    struct sluice_version first[3];
    for (unsigned i = 0; i < 3; i++)
        first[i] = version(&state, streamed(1000 * (i + 1), 1000 * i + 1008, 50000000 + i * 20000000), 'u', false);
    for (unsigned i = 1; i < 3; i++) {
        struct sluice_version again =
            version(&state, streamed(1000 * (i + 1), 1000 * i + 1008, 50000000 + i * 20000000), 'u', false);
        CHECK_BYTES(&again, sizeof again, &first[i], sizeof first[i]);
    }
    CHECK_INT(state.sources[0].generation, 0);
}

static void test_case_40_new_history(void)
{
    struct sluice_source_state state = {0};
    struct sluice_error err;
    struct sluice_version out = {0};
    struct sluice_version lost = version(&state, streamed(2000, 2008, 60000000), 'u', false);
    struct sluice_source_state before = state;
    struct sluice_version_rules stops = defaults;
    stops.on_new_history = SLUICE_NEW_HISTORY_STOP;
    CHECK_INT(try_version(&state, streamed(1500, 1508, 90000000), 'u', &stops, &out, &err), SLUICE_E_HISTORY);
    CHECK_INT(err.action, SLUICE_REJECT);
    CHECK_CONTAINS(err.text, "new_history: the source was restored or failed over");
    CHECK_INT(try_version(&state, streamed(1500, 1508, 60000001), 'u', &defaults, &out, &err), SLUICE_E_HISTORY);
    CHECK_CONTAINS(err.text, "history_unclear");
    CHECK_BYTES(&state, sizeof state, &before, sizeof before);
    struct sluice_version_rules exact = defaults;
    exact.clock_slack_us = 0;
    CHECK_INT(try_version(&state, streamed(1500, 1508, 60000001), 'u', &exact, &out, &err), SLUICE_OK);
    CHECK(below(lost, out));
    CHECK_INT(out.high >> 48, 1);
    struct sluice_version later = version(&state, streamed(1600, 1608, 60000002), 'd', false);
    CHECK(below(out, later));
    /* Once more, in the new history. */
    CHECK_INT(try_version(&state, streamed(700, 708, 99000000), 'u', &defaults, &out, &err), SLUICE_OK);
    CHECK(below(later, out));
}

/* A new connector on the restored server: its first transaction has no sequence[0]; or a new snapshot comes first. */
static void test_new_history_of_a_new_connector(void)
{
    for (int with_snapshot = 0; with_snapshot < 2; with_snapshot++) {
        struct sluice_source_state state = {0};
        struct sluice_version lost = version(&state, streamed(20000, 20008, 60000000), 'u', false);
        struct sluice_version out;
        if (with_snapshot) {
            struct sluice_source read = snapshot(15000);
            read.ts_us = 95000000;
            out = version(&state, read, 'r', false);
        } else {
            out = version(&state, first_streamed(15008, 95000000), 'u', false);
        }
        CHECK(below(lost, out));
        struct sluice_version next = version(&state, first_streamed(14900, 96000000), 'u', false);
        CHECK_INT(next.high >> 48, 1);
        CHECK(below(out, next) || !with_snapshot); /* without a snapshot both are of one history, by lsn */
        CHECK(below(next, version(&state, streamed(15100, 15108, 97000000), 'u', false)));
    }
}

/* A transaction from before the second snapshot of the same history is none of it. */
static void test_no_new_history_behind_a_snapshot(void)
{
    struct sluice_source_state state = {0};
    (void)version(&state, streamed(20000, 20008, 60000000), 'u', false);
    struct sluice_source read = snapshot(30000);
    read.ts_us = 95000000;
    struct sluice_version old = version(&state, read, 'r', false);
    struct sluice_version update = version(&state, first_streamed(19000, 96000000), 'u', false);
    CHECK(below(old, update));
    CHECK_INT(update.high >> 48, 0);
}

static void test_modes(void)
{
    struct sluice_source_state state = {0};
    struct sluice_error err;
    struct sluice_version out = {0};
    struct sluice_version_rules by_lsn = {.mode = SLUICE_VERSION_LSN};
    CHECK_INT(try_version(&state, streamed(2000, 1500, 60), 'u', &by_lsn, &out, &err), SLUICE_OK);
    CHECK_INT(out.high, 0);
    CHECK_INT(out.low, 1500);
    CHECK_INT(try_version(&state, streamed(1000, 900, 70), 'u', &by_lsn, &out, &err), SLUICE_E_HISTORY);
    out = sluice_version_of_offset(3, 77);
    CHECK_INT(out.high, UINT64_C(3) << 48);
    CHECK_INT(out.low, 77 * 8);
    struct sluice_source_state begun = {0};
    struct sluice_version_rules later = {.generation = 7};
    CHECK_INT(try_version(&begun, streamed(2000, 1500, 60), 'u', &later, &out, &err), SLUICE_OK);
    CHECK_INT(out.high >> 48, 7);
    CHECK_INT(sluice_source_state_generation(&begun, &(struct sluice_source){0}), 0);
    begun.sources[0].generation = 65535;
    CHECK_INT(try_version(&begun, streamed(1000, 900, 90000000), 'u', &later, &out, &err), SLUICE_E_LIMIT);
}

static void test_refusals(void)
{
    struct sluice_source_state state = {0};
    struct sluice_version out = {0};
    struct sluice_error err = {0};
    struct sluice_source nothing = {.name = SLUICE_STR_LITERAL("shop"), .db = SLUICE_STR_LITERAL("shop")};
    CHECK_INT(sluice_source_state_version(&state, &nothing, 'u', false, &defaults, &out, &err), SLUICE_E_POSITION);
    CHECK_INT(sluice_source_state_version(&state, &nothing, 'r', false, &defaults, &out, &err), SLUICE_E_POSITION);
    struct sluice_source huge = streamed(UINT64_C(1) << 56, 8, 1);
    CHECK_INT(sluice_source_state_version(&state, &huge, 'u', false, &defaults, &out, &err), SLUICE_E_POSITION);
    CHECK_INT(state.n_sources, 0);
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (int i = 0; i < 5; i++) {
        struct sluice_source source = streamed(8, 16, 1);
        source.name = sluice_str_from(names[i]);
        CHECK_INT(sluice_source_state_version(&state, &source, 'u', false, &defaults, &out, &err),
                  i < SLUICE_MAX_SOURCES ? SLUICE_OK : SLUICE_E_LIMIT);
    }
}

static void test_text(void)
{
    struct sluice_source_state state = {.n_sources = SLUICE_MAX_SOURCES};
    memset(state.sources, 0xff, sizeof state.sources);
    for (size_t i = 0; i < SLUICE_MAX_SOURCES; i++)
        state.sources[i].generation = 65535;
    state.layout = SLUICE_SEEN_FLATTENED_MARKED;
    char text[SLUICE_SOURCE_STATE_TEXT];
    sluice_source_state_format(&state, text);
    struct sluice_source_state read;
    CHECK(sluice_source_state_parse(&read, text));
    CHECK_BYTES(&read, sizeof read, &state, sizeof state);
    static const char *const foreign[] = {"",
                                          "connect-metadata",
                                          "sluice2 1:2:3:4",
                                          "sluice1 1:2:3",
                                          "sluice1 1:2:3:4x",
                                          "sluice1 1:2:3:4:0",
                                          "sluice1 1:2:3:4:10000",
                                          "sluice1 1:2:3:4 ~1"};
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++) {
        CHECK(!sluice_source_state_parse(&read, foreign[i]));
        CHECK_INT(read.n_sources, 0);
    }
    CHECK(!sluice_source_state_parse(&read, NULL));
    CHECK(sluice_source_state_parse(&read, "sluice1"));
    CHECK(sluice_source_state_parse(&read, "sluice1 1:2:3:4 1:2:3:4:5 ~2"));
    CHECK_INT(read.sources[0].generation, 0);
    CHECK_INT(read.sources[1].generation, 5);
    CHECK_INT(read.layout, SLUICE_SEEN_FLATTENED);
}

int main(void)
{
    test_layout();
    test_case_02_update_below_its_snapshot();
    test_restart_keeps_versions();
    test_case_06_delete_above_its_insert();
    test_key_change_halves();
    test_case_03_incremental_read();
    test_case_40_crash_replay();
    test_case_40_new_history();
    test_new_history_of_a_new_connector();
    test_no_new_history_behind_a_snapshot();
    test_modes();
    test_refusals();
    test_text();
    return check_result();
}
