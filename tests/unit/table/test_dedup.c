/* What makes a target fit for exactly-once delivery: windows, views, engines. */
#include "table/dedup.h"

#include "support/check.h"

static void test_settings(void)
{
    static const struct {
        const char *engine;
        const char *engine_full;
        struct sluice_dedup want;
    } cases[] = {
        {"MergeTree", "MergeTree ORDER BY k SETTINGS index_granularity = 8192", {1, 2}},
        {"MergeTree", "MergeTree ORDER BY k", {1, 2}},
        {"MergeTree", "", {1, 2}},
        {"MergeTree", "MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = 100", {100, 2}},
        {"ReplacingMergeTree",
         "ReplacingMergeTree(v, d) ORDER BY k SETTINGS index_granularity = 8192, "
         "non_replicated_deduplication_window = 0, replicated_deduplication_window = 5",
         {0, 2}},
        {"ReplicatedMergeTree",
         "ReplicatedMergeTree('/p', 'r') ORDER BY k SETTINGS replicated_deduplication_window = 7, "
         "replicated_deduplication_window_seconds = 60, non_replicated_deduplication_window = 100",
         {7, 60}},
        {"SharedMergeTree",
         "SharedMergeTree ORDER BY k SETTINGS replicated_deduplication_window_seconds = 60",
         {1, 60}},
        /* Texts in the table's expressions are not settings, and a similar name is another one. */
        {"MergeTree",
         "MergeTree PARTITION BY k = ' SETTINGS non_replicated_deduplication_window = 9' ORDER BY k SETTINGS "
         "old_parts = 'a, non_replicated_deduplication_window = 8', xnon_replicated_deduplication_window = 3",
         {1, 2}},
        {"MergeTree", "MergeTree ORDER BY k SETTINGS non_replicated_deduplication_window = x", {1, 2}},
        {"MergeTree", "MergeTree ORDER BY 'k SETTINGS non_replicated_deduplication_window = 5", {1, 2}},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_dedup dedup = {1, 2};
        dedup_read_settings(cases[i].engine, cases[i].engine_full, &dedup);
        CHECK_INT(dedup.window, cases[i].want.window);
        CHECK_INT(dedup.window_seconds, cases[i].want.window_seconds);
    }
}

static void test_view_targets(void)
{
    static const struct {
        const char *sql;
        const char *database;
        const char *table;
    } cases[] = {
        {"CREATE MATERIALIZED VIEW d.v TO d2.t (`k` Int64) AS SELECT k FROM d.src", "d2", "t"},
        {"CREATE MATERIALIZED VIEW `a b`.`v\\`1` TO `x.y`.`t(1)` AS SELECT 1", "x.y", "t(1)"},
        {"CREATE MATERIALIZED VIEW d.v (`k` Int64) ENGINE = MergeTree ORDER BY k AS SELECT k", "d", ".inner_id.UUID"},
        {"CREATE WINDOW VIEW d.v TO d.t AS SELECT 1", "", ""},
        {"CREATE MATERIALIZED VIEW d", "", ""},
        {"CREATE MATERIALIZED VIEW `d", "", ""},
        {"CREATE MATERIALIZED VIEW d.v TO d", "", ""},
        {"CREATE MATERIALIZED VIEW ", "", ""},
        {"", "", ""},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_error err;
        struct sluice_target_view view = {.create_sql = cases[i].sql};
        SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
        sluice_arena_init(&arena, 4096, "test");
        CHECK_INT(dedup_read_view(&arena, &view, "UUID", &err), SLUICE_OK);
        CHECK_TEXT(view.target_database, cases[i].database);
        CHECK_TEXT(view.target_table, cases[i].table);
    }
}

struct verdict {
    const char *engine;
    int64_t window;
    struct sluice_target_view view; /* none if it has no name */
    const char *reason;             /* NULL: fit */
    const char *remedy;
};

static const struct verdict verdicts[] = {
    {"MergeTree", 1000, {0}, NULL, NULL},
    {"ReplacingMergeTree", 100000, {0}, NULL, NULL},
    {"ReplicatedReplacingMergeTree", 1000, {0}, NULL, NULL},
    {"MergeTree",
     0,
     {0},
     "remembers the tokens of the last 0 blocks, which is less than tables.dedup_window (1000)",
     "run ALTER TABLE `shop`.`orders` MODIFY SETTING non_replicated_deduplication_window = 1000"},
    {"ReplacingMergeTree", 999, {0}, "last 999 blocks", "SETTING non_replicated_deduplication_window = 1000"},
    {"ReplicatedMergeTree",
     999,
     {0},
     "last 999 blocks",
     "run ALTER TABLE `shop`.`orders` MODIFY SETTING replicated_deduplication_window = 1000"},
    {"SharedMergeTree", 999, {0}, "last 999 blocks", "SETTING replicated_deduplication_window = 1000"},
    {"Distributed", 0, {0}, "is Distributed", "write to the local tables"},
    {"Null", 0, {0}, "the engine Null does not remember", "make the table with a MergeTree engine"},
    {"Buffer", 0, {0}, "the engine Buffer does not remember", "at_least_once"},
    {"MaterializedView", 0, {0}, "the engine MaterializedView", "at_least_once"},
    {"MergeTree",
     1000,
     {"a", "v", "", "a", "t", "ReplicatedMergeTree", {1000, 0}},
     "feeds the materialized view \"a.v\"",
     "run DROP VIEW `a`.`v`, make it a refreshable view"},
    {"ReplicatedMergeTree", 1000, {"a", "v", "", "a", "t", "ReplicatedMergeTree", {1000, 0}}, NULL, NULL},
    {"SharedMergeTree", 1000, {"a", "v", "", "a", "t", "SharedSummingMergeTree", {1000, 0}}, NULL, NULL},
    {"ReplicatedMergeTree",
     1000,
     {"a", "v", "", "a", "t", "ReplicatedMergeTree", {10, 0}},
     "whose target remembers the last 10 blocks only",
     "run ALTER TABLE `a`.`t` MODIFY SETTING replicated_deduplication_window = 1000"},
    {"ReplicatedMergeTree",
     1000,
     {"a", "v", "", "a", "t", "SummingMergeTree", {1000, 0}},
     "whose target \"a.t\" is SummingMergeTree and would count rows twice",
     "let the view write into a Replicated table"},
    {"ReplicatedMergeTree",
     1000,
     {"a", "v", "", "a", "t", "Null", {0, 0}},
     "\"a.t\" is Null",
     "let the view write into a Replicated table"},
    {"ReplicatedMergeTree",
     1000,
     {"a", "v", "", "", "", "", {0, 0}},
     "whose target cannot be seen",
     "grant SHOW TABLES on it"},
};

static void test_verdicts(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(verdicts); i++) {
        const struct verdict *v = &verdicts[i];
        struct sluice_error err = {0};
        struct sluice_target_view views[2] = {v->view, {"a", "good", "", "a", "g", "ReplicatedMergeTree", {1000, 0}}};
        const struct sluice_target target = {.database = "shop",
                                             .table = "orders",
                                             .engine = v->engine,
                                             .engine_full = v->engine,
                                             .dedup = {v->window, 0},
                                             .views = views,
                                             .n_views = v->view.name != NULL ? 2 : 0};
        if (!CHECK_INT(sluice_target_check_exactly_once(&target, 1000, &err),
                       v->reason != NULL ? SLUICE_E_UNSAFE : SLUICE_OK))
            (void)fprintf(stderr, "    %zu: %s\n", i, err.text);
        if (v->reason == NULL)
            continue;
        CHECK_INT(err.action, SLUICE_STOP_PARTITION);
        CHECK_CONTAINS(err.text, "table \"shop.orders\"");
        CHECK_CONTAINS(err.text, v->reason);
        CHECK_CONTAINS(err.text, v->remedy);
    }
}

static void test_servers(void)
{
    static const struct {
        const char *engine;
        size_t n_servers;
        bool fit;
    } cases[] = {
        {"ReplacingMergeTree", 1, true}, {"ReplacingMergeTree", 2, false},
        {"MergeTree", 3, false},         {"ReplicatedReplacingMergeTree", 2, true},
        {"SharedMergeTree", 2, true},    {"Memory", 2, true}, /* refused by its engine, whatever the servers */
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_error err = {.text = ""};
        const struct sluice_target target = {.database = "d", .table = "t", .engine = cases[i].engine};
        CHECK_INT(sluice_target_check_servers(&target, cases[i].n_servers, &err),
                  cases[i].fit ? SLUICE_OK : SLUICE_E_UNSAFE);
        CHECK_CONTAINS(err.text, cases[i].fit ? "" : "or make the table Replicated");
    }
}

int main(void)
{
    test_settings();
    test_view_targets();
    test_verdicts();
    test_servers();
    return check_result();
}
