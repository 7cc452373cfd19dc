/* The statements of the KeeperMap ledger, and that schemas/ledger.sql shows the table which they make. */
#include "ledger/keeper_map_sql.h"

#include <stdlib.h>

#include "support/check.h"

static const struct keeper_map_place place = {"shop", "sluice_ledger", "/sluice_shop"};
static struct sluice_buf sql;
static struct sluice_error err;

static struct sluice_ledger_row row_of(uint64_t epoch, uint64_t owner, uint64_t seq)
{
    struct sluice_ledger_row row;
    sluice_ledger_row_init(&row);
    row.epoch = epoch;
    row.owner = owner;
    row.seq = seq;
    return row;
}

static void test_schema_file(void)
{
    char text[4096];
    FILE *file = fopen(SLUICE_SOURCE_DIR "/schemas/ledger.sql", "r");
    if (!CHECK(file != NULL))
        return;
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    (void)fclose(file);
    sluice_buf_clear(&sql);
    CHECK_INT(keeper_map_sql_create(&sql, &place, &err), SLUICE_OK);
    CHECK_CONTAINS(text, sluice_buf_text(&sql));
}

static void test_insert(void)
{
    struct sluice_ledger_call call = {.wanted = row_of(1, UINT64_MAX, 1)};
    struct keeper_map_entry a = {.key = "shop/c/t/0", .call = &call};
    struct keeper_map_entry b = {.key = "sh'op\\/c/t/1", .call = &call};
    struct keeper_map_entry *entries[] = {&a, &b};
    sluice_buf_clear(&sql);
    CHECK_INT(keeper_map_sql_insert(&sql, &place, entries, 2, &err), SLUICE_OK);
#define STATE                                                                                                          \
    "'sluice2 keeper_map /sluice_shop epoch=1 owner=ffffffffffffffff seq=1 resets=0 next=-1 hi=-1 attempt=0 "          \
    "check=-1:0:0 last=-1:0:0 sluice1'"
    CHECK_TEXT(sluice_buf_text(&sql), "INSERT INTO `shop`.`sluice_ledger` (k, epoch, owner, seq, state) VALUES "
                                      "('shop/c/t/0',1,18446744073709551615,1," STATE "),"
                                      "('sh\\'op\\\\/c/t/1',1,18446744073709551615,1," STATE ")");
}

/* What moves alike is no list. */
static void test_update_of_ranges(void)
{
    struct sluice_ledger_call call = {.expected = row_of(3, 9, 17), .wanted = row_of(3, 9, 18)};
    struct keeper_map_entry a = {.key = "a", .call = &call};
    struct keeper_map_entry b = {.key = "b", .call = &call};
    struct keeper_map_entry *entries[] = {&a, &b};
    sluice_buf_clear(&sql);
    CHECK_INT(keeper_map_sql_update(&sql, &place, entries, 2, &err), SLUICE_OK);
#define STATE_18                                                                                                       \
    "'sluice2 keeper_map /sluice_shop epoch=3 owner=9 seq=18 resets=0 next=-1 hi=-1 attempt=0 check=-1:0:0 "           \
    "last=-1:0:0 sluice1'"
    CHECK_TEXT(sluice_buf_text(&sql),
               "ALTER TABLE `shop`.`sluice_ledger` UPDATE seq = if(throwIf(concat(toString(epoch), ' ', "
               "toString(owner), ' ', toString(seq)) != transform(k, ['a','b'], ['3 9 17','3 9 17'], '')), 0, seq + "
               "1), state = transform(k, ['a','b'], [" STATE_18 "," STATE_18
               "], state), written_at = now64(3) WHERE k IN ('a','b')");
}

static void test_update_of_acquisitions(void)
{
    struct sluice_ledger_call first = {.expected = row_of(3, 9, 17), .wanted = row_of(4, 1, 18)};
    struct sluice_ledger_call second = {.expected = row_of(5, 9, 17), .wanted = row_of(6, 2, 20)};
    struct keeper_map_entry a = {.key = "a", .call = &first};
    struct keeper_map_entry b = {.key = "b", .call = &second};
    struct keeper_map_entry *entries[] = {&a, &b};
    sluice_buf_clear(&sql);
    CHECK_INT(keeper_map_sql_update(&sql, &place, entries, 2, &err), SLUICE_OK);
    CHECK_CONTAINS(sluice_buf_text(&sql), "['3 9 17','5 9 17'], '')), 0, transform(k, ['a','b'], [18,20], seq))");
    CHECK_CONTAINS(sluice_buf_text(&sql), ", epoch = epoch + 1, owner = transform(k, ['a','b'], [1,2], owner), state");
}

static void test_others(void)
{
    struct keeper_map_entry a = {.key = "a"};
    struct keeper_map_entry *entries[] = {&a};
    sluice_buf_clear(&sql);
    CHECK_INT(keeper_map_sql_select(&sql, &place, entries, 1, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&sql), "SELECT k, epoch, owner, seq, state, toUnixTimestamp64Milli(written_at) FROM "
                                      "`shop`.`sluice_ledger` WHERE k IN ('a') FORMAT TabSeparated");
    sluice_buf_clear(&sql);
    CHECK_INT(keeper_map_sql_delete(&sql, &place, "x'y", &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&sql), "ALTER TABLE `shop`.`sluice_ledger` DELETE WHERE k = 'x\\'y'");
}

/* A statement beyond its ceiling is an error and never a cut one. */
static void test_ceiling(void)
{
    struct sluice_ledger_call call = {.wanted = row_of(1, 1, 1)};
    struct keeper_map_entry a = {.key = "a", .call = &call};
    struct keeper_map_entry *entries[] = {&a};
    SLUICE_AUTO(sluice_buf) struct sluice_buf small;
    sluice_buf_init(&small, 100, "test");
    CHECK_INT(keeper_map_sql_insert(&small, &place, entries, 1, &err), SLUICE_E_LIMIT);
}

int main(void)
{
    sluice_buf_init(&sql, 1 << 16, "test");
    test_schema_file();
    test_insert();
    test_update_of_ranges();
    test_update_of_acquisitions();
    test_others();
    test_ceiling();
    sluice_buf_deinit(&sql);
    return check_result();
}
