/* What engine_full tells about the version and deleted columns. */
#include "table/target.h"

#include "support/check.h"

static void test_engines(void)
{
    static const struct {
        const char *engine;
        const char *engine_full;
        const char *version;
        const char *deleted;
    } cases[] = {
        {"ReplacingMergeTree", "ReplacingMergeTree(_version, is_deleted) ORDER BY id SETTINGS index_granularity = 8192",
         "_version", "is_deleted"},
        {"ReplacingMergeTree", "ReplacingMergeTree(v) ORDER BY id", "v", ""},
        {"ReplacingMergeTree", "ReplacingMergeTree ORDER BY id", "", ""},
        {"ReplacingMergeTree", "ReplacingMergeTree() ORDER BY id", "", ""},
        {"ReplicatedReplacingMergeTree",
         "ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', _version, is_deleted) ORDER "
         "BY id",
         "_version", "is_deleted"},
        {"ReplicatedReplacingMergeTree", "ReplicatedReplacingMergeTree('/a,b(', '{replica}') ORDER BY id", "", ""},
        {"ReplicatedReplacingMergeTree", "ReplicatedReplacingMergeTree(_version, is_deleted) ORDER BY id", "_version",
         "is_deleted"},
        {"SharedReplacingMergeTree",
         "SharedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', `odd name`, `d\\`el`) ORDER BY id",
         "odd name", "d`el"},
        {"MergeTree", "MergeTree ORDER BY (a, b)", "", ""},
        {"SummingMergeTree", "SummingMergeTree(a, b) ORDER BY c", "", ""},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        SLUICE_AUTO(sluice_target) struct sluice_target target;
        struct sluice_error err = {0};
        sluice_target_init(&target);
        target.engine = cases[i].engine;
        target.engine_full = cases[i].engine_full;
        CHECK_INT(sluice_target_read_engine(&target, &err), SLUICE_OK);
        CHECK_TEXT(target.version_column, cases[i].version);
        CHECK_TEXT(target.deleted_column, cases[i].deleted);
    }
}

static void test_engine_names(void)
{
    static const struct {
        const char *name;
        struct sluice_engine engine;
    } cases[] = {
        {"MergeTree", {SLUICE_ENGINE_MERGE_TREE, SLUICE_ENGINE_LOCAL}},
        {"ReplicatedMergeTree", {SLUICE_ENGINE_MERGE_TREE, SLUICE_ENGINE_REPLICATED}},
        {"SharedMergeTree", {SLUICE_ENGINE_MERGE_TREE, SLUICE_ENGINE_SHARED}},
        {"ReplacingMergeTree", {SLUICE_ENGINE_REPLACING, SLUICE_ENGINE_LOCAL}},
        {"ReplicatedReplacingMergeTree", {SLUICE_ENGINE_REPLACING, SLUICE_ENGINE_REPLICATED}},
        {"SharedReplacingMergeTree", {SLUICE_ENGINE_REPLACING, SLUICE_ENGINE_SHARED}},
        {"SummingMergeTree", {SLUICE_ENGINE_MERGING, SLUICE_ENGINE_LOCAL}},
        {"ReplicatedVersionedCollapsingMergeTree", {SLUICE_ENGINE_MERGING, SLUICE_ENGINE_REPLICATED}},
        {"Null", {SLUICE_ENGINE_OTHER, SLUICE_ENGINE_LOCAL}},
        {"Distributed", {SLUICE_ENGINE_OTHER, SLUICE_ENGINE_LOCAL}},
        {"ReplicatedSomething", {SLUICE_ENGINE_OTHER, SLUICE_ENGINE_LOCAL}},
        {"", {SLUICE_ENGINE_OTHER, SLUICE_ENGINE_LOCAL}},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        CHECK_INT(sluice_engine_of(cases[i].name).kind, cases[i].engine.kind);
        CHECK_INT(sluice_engine_of(cases[i].name).home, cases[i].engine.home);
    }
}

int main(void)
{
    test_engine_names();
    test_engines();
    return check_result();
}
