/* What the connector's notifications mean for the snapshot of one table. */
#include "admin/snapshot_watch.h"

#include "base/compiler.h"
#include "support/check.h"

#define INC  "Incremental Snapshot"
#define INIT "Initial Snapshot"

static struct snapshot_watch watch;

static void begin(enum sluice_snapshot_type type)
{
    watch = (struct snapshot_watch){.type = type, .id = "ours", .prefix = "shop", .table = "public.a", .n_rows = -1};
}

/* Fields that a case does not tell are empty. */
struct told {
    const char *aggregate, *id, *type, *tables, *current, *scanned, *status, *rows, *max_key, *last_key, *connector;
};

static struct sluice_str text(const char *text_z)
{
    return text_z == NULL ? (struct sluice_str){NULL, 0} : sluice_str_from(text_z);
}

static bool tell(struct told told)
{
    const struct snapshot_notice notice = {
        .id = text(told.id),
        .aggregate = text(told.aggregate),
        .type = text(told.type),
        .connector = text(told.connector != NULL ? told.connector : "shop"),
        .tables = text(told.tables),
        .current = text(told.current),
        .scanned = text(told.scanned),
        .status = text(told.status),
        .rows = text(told.rows),
        .max_key = text(told.max_key),
        .last_key = text(told.last_key),
    };
    return snapshot_watch_take(&watch, &notice);
}

static void test_incremental(void)
{
    begin(SLUICE_SNAPSHOT_INCREMENTAL);
    CHECK(!tell((struct told){INC, .id = "another", .type = "STARTED"}));
    CHECK(!tell((struct told){INC, .id = "ours", .type = "STARTED", .connector = "other"}));
    CHECK(!tell((struct told){INIT, .id = "ours", .type = "STARTED"}));
    CHECK_INT(watch.stage, SNAPSHOT_ASKED);
    CHECK(tell((struct told){INC, .id = "ours", .type = "STARTED", .tables = "public.a"}));
    CHECK_INT(watch.stage, SNAPSHOT_RUNNING);
    CHECK(snapshot_watch_share(&watch) < 0);
    CHECK(tell((struct told){INC, .id = "ours", .type = "IN_PROGRESS", .current = "public.a", .max_key = "1100",
                             .last_key = "100"}));
    CHECK(snapshot_watch_share(&watch) == 0);
    CHECK(tell((struct told){INC, .id = "ours", .type = "PAUSED"}));
    CHECK_INT(watch.stage, SNAPSHOT_PAUSED);
    CHECK(tell((struct told){INC, .id = "ours", .type = "RESUMED"}));
    CHECK_INT(watch.stage, SNAPSHOT_RUNNING);
    CHECK(tell((struct told){INC, .id = "ours", .type = "IN_PROGRESS", .current = "public.a", .max_key = "1100",
                             .last_key = "600"}));
    CHECK(snapshot_watch_share(&watch) == 0.5);
    CHECK(tell((struct told){INC, .id = "ours", .type = "TABLE_SCAN_COMPLETED", .tables = "public.a",
                             .scanned = "public.a", .status = "SUCCEEDED", .rows = "1100"}));
    CHECK_INT(watch.stage, SNAPSHOT_OVER);
    CHECK_INT(watch.n_rows, 1100);
    CHECK(!tell((struct told){INC, .id = "ours", .type = "COMPLETED"}));
    CHECK_INT(watch.stage, SNAPSHOT_OVER);
}

/* Ours joined a snapshot that was running, of other tables and of our own; then somebody joined ours. */
static void test_incremental_joined(void)
{
    begin(SLUICE_SNAPSHOT_INCREMENTAL);
    CHECK(tell((struct told){INC, .id = "ours", .type = "IN_PROGRESS", .tables = "public.b,public.a,public.a",
                             .current = "public.b", .max_key = "9", .last_key = "5"}));
    CHECK(!watch.has_keys);
    CHECK(tell((struct told){INC, .id = "ours", .type = "TABLE_SCAN_COMPLETED", .tables = "public.b,public.a,public.a",
                             .scanned = "public.b", .status = "NO_PRIMARY_KEY"}));
    CHECK_INT(watch.stage, SNAPSHOT_RUNNING);
    CHECK(tell((struct told){INC, .id = "ours", .type = "TABLE_SCAN_COMPLETED", .tables = "public.a,public.a",
                             .scanned = "public.a", .status = "SUCCEEDED", .rows = "7"}));
    CHECK_INT(watch.stage, SNAPSHOT_RUNNING);
    CHECK(tell((struct told){INC, .id = "another", .type = "IN_PROGRESS", .tables = "public.a,public.c",
                             .current = "public.a", .max_key = "a", .last_key = "b"}));
    CHECK(tell((struct told){INC, .id = "another", .type = "TABLE_SCAN_COMPLETED", .tables = "db.public.a,db.public.c",
                             .scanned = "db.public.a", .status = "EMPTY"}));
    CHECK_INT(watch.stage, SNAPSHOT_OVER);
    CHECK_INT(watch.n_rows, 0);
}

static void test_incremental_refused(void)
{
    static const struct {
        const char *type, *status, *reason;
    } cases[] = {{"TABLE_SCAN_COMPLETED", "NO_PRIMARY_KEY", "--type blocking"},
                 {"TABLE_SCAN_COMPLETED", "UNKNOWN_SCHEMA", "table.include.list"},
                 {"TABLE_SCAN_COMPLETED", "SQL_EXCEPTION", "is --where right"},
                 {"TABLE_SCAN_COMPLETED", "SKIPPED", "the connector says SKIPPED"},
                 {"ABORTED", NULL, "stop-snapshot"},
                 {"COMPLETED", NULL, "without a word on the table"}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        begin(SLUICE_SNAPSHOT_INCREMENTAL);
        CHECK(tell((struct told){INC, .id = "ours", .type = "STARTED"}));
        CHECK(tell((struct told){INC, .id = "ours", .type = cases[i].type, .tables = "public.a",
                                 .scanned = cases[i].status != NULL ? "public.a" : NULL, .status = cases[i].status,
                                 .rows = "0"}));
        CHECK_INT(watch.stage, SNAPSHOT_REFUSED);
        CHECK_CONTAINS(watch.reason, cases[i].reason);
    }
}

static void test_blocking(void)
{
    begin(SLUICE_SNAPSHOT_BLOCKING);
    /* The end of one that was under way, then one of another table. */
    CHECK(!tell((struct told){INIT, .type = "IN_PROGRESS", .current = "public.a"}));
    CHECK(!tell((struct told){INIT, .type = "COMPLETED"}));
    CHECK(tell((struct told){INIT, .type = "STARTED"}));
    CHECK(!tell((struct told){INIT, .type = "IN_PROGRESS", .current = "public.b"}));
    CHECK(!tell((struct told){INIT, .type = "COMPLETED"}));
    CHECK(!tell((struct told){INC, .type = "STARTED"}));
    CHECK_INT(watch.stage, SNAPSHOT_ASKED);
    CHECK(tell((struct told){INIT, .type = "STARTED"}));
    CHECK_INT(watch.stage, SNAPSHOT_ASKED);
    CHECK(tell((struct told){INIT, .type = "IN_PROGRESS", .current = "public.a", .tables = "public.a"}));
    CHECK_INT(watch.stage, SNAPSHOT_RUNNING);
    CHECK(tell((struct told){INIT, .type = "TABLE_SCAN_COMPLETED", .scanned = "public.a", .status = "SUCCEEDED",
                             .rows = "12"}));
    CHECK_INT(watch.stage, SNAPSHOT_RUNNING);
    CHECK(tell((struct told){INIT, .type = "COMPLETED"}));
    CHECK_INT(watch.stage, SNAPSHOT_OVER);
    CHECK_INT(watch.n_rows, 12);
}

static void test_blocking_refused(void)
{
    begin(SLUICE_SNAPSHOT_BLOCKING);
    CHECK(tell((struct told){INIT, .type = "STARTED"}));
    CHECK(tell((struct told){INIT, .type = "COMPLETED"}));
    CHECK_INT(watch.stage, SNAPSHOT_REFUSED);
    CHECK_CONTAINS(watch.reason, "found nothing to read");
    begin(SLUICE_SNAPSHOT_BLOCKING);
    CHECK(tell((struct told){INIT, .type = "STARTED"}));
    CHECK(tell((struct told){INIT, .type = "IN_PROGRESS", .current = "public.a"}));
    CHECK(tell((struct told){INIT, .type = "ABORTED"}));
    CHECK_INT(watch.stage, SNAPSHOT_REFUSED);
    CHECK_CONTAINS(watch.reason, "ABORTED");
    begin(SLUICE_SNAPSHOT_BLOCKING);
    CHECK(tell((struct told){INIT, .type = "STARTED"}));
    CHECK(tell((struct told){INIT, .type = "TABLE_SCAN_COMPLETED", .scanned = "public.a", .status = "SQL_EXCEPTION"}));
    CHECK_INT(watch.stage, SNAPSHOT_REFUSED);
    CHECK_CONTAINS(watch.reason, "is --where right");
}

/* Keys that are no single whole number, or do not grow, tell nothing. */
static void test_share(void)
{
    static const struct {
        const char *first, *last, *max;
        double share;
    } cases[] = {{"1,2", "1,3", "9,9", -1}, {"a", "b", "z", -1},     {"10", "10", "10", -1}, {"10", "5", "20", -1},
                 {"10", "30", "20", 1},     {"-10", "0", "10", 0.5}, {NULL, NULL, NULL, -1}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        begin(SLUICE_SNAPSHOT_INCREMENTAL);
        (void)tell((struct told){INC, .id = "ours", .type = "IN_PROGRESS", .current = "public.a",
                                 .max_key = cases[i].max, .last_key = cases[i].first});
        (void)tell((struct told){INC, .id = "ours", .type = "IN_PROGRESS", .current = "public.a",
                                 .max_key = cases[i].max, .last_key = cases[i].last});
        CHECK(snapshot_watch_share(&watch) == cases[i].share);
    }
}

int main(void)
{
    test_incremental();
    test_incremental_joined();
    test_incremental_refused();
    test_blocking();
    test_blocking_refused();
    test_share();
    return check_result();
}
