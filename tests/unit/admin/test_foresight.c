/* What a start would do, and how a mark stands to the row: every case that `sluice ledger show` can meet. */
#include "admin/foresight.h"

#include "support/check.h"

static struct sluice_ledger_row row(int64_t next, int64_t hi, uint64_t epoch, uint64_t seq)
{
    struct sluice_ledger_row made;
    sluice_ledger_row_init(&made);
    made.next = next;
    made.hi = hi;
    made.epoch = epoch;
    made.seq = seq;
    made.owner = 7;
    made.resets = 5;
    return made;
}

/* The offset with the text of this row beside it. */
static struct sluice_ledger_commit marked(int64_t offset, const struct sluice_ledger_row *mark, const char *path)
{
    char text[SLUICE_LEDGER_TEXT];
    sluice_ledger_row_format(mark, SLUICE_LEDGER_KEEPER_MAP, path, text);
    return commit_from(SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", offset, text);
}

static void check(const struct partition_facts *facts, const char *mark, const char *start)
{
    char text[FORESIGHT_TEXT];
    const struct foresight foresight = foresee(facts);
    foresight_text(&foresight, text);
    CHECK_TEXT(commit_mark(facts), mark);
    CHECK_TEXT(text, start);
    CHECK_INT(foresight_is_stop(&foresight), strncmp(start, "stops", 5) == 0);
}

static void test_nothing(void)
{
    struct partition_facts facts = {.commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", -1, "x")};
    sluice_ledger_row_init(&facts.row);
    check(&facts, "none", "begins at auto.offset.reset");
    facts.commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", 40, "");
    check(&facts, "not ours", "begins at 40, not where it was");
    facts.commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", 40, "somebody's text");
    check(&facts, "not ours", "begins at 40, not where it was");
}

static void test_running(void)
{
    const struct sluice_ledger_row mark = row(100, -1, 3, 9);
    struct partition_facts facts = {.exists = true, .row = row(100, -1, 3, 9)};
    facts.commit = marked(100, &mark, "/sluice_shop");
    check(&facts, "ours", "goes on at 100");
    facts.row = row(100, 159, 3, 10); /* killed inside a range */
    check(&facts, "ours", "replays 100-159");
    const struct sluice_ledger_row ahead = row(160, -1, 3, 10);
    facts.commit = marked(160, &ahead, "/sluice_shop");
    check(&facts, "ours", "goes on at 160"); /* that range was acknowledged */
    facts.row = row(100, 159, 4, 11);
    check(&facts, "older", "replays 100-159"); /* somebody acquired the row since */
    facts.commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", -1, NULL);
    check(&facts, "none", "replays 100-159"); /* the group has expired */
}

static void test_reset(void)
{
    struct partition_facts facts = {.exists = true, .row = row(100, 159, 3, 9)};
    const struct sluice_ledger_row copied = row(100, -1, 3, 9);
    facts.commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", 20, "");
    check(&facts, "not ours", "begins at 20, not where it was");
    const struct foresight foresight = foresee(&facts);
    CHECK(foresight.may_be_stored);
    CHECK_INT(foresight.gave_up_hi, 159);
    facts.commit = marked(20, &copied, "/sluice_shop"); /* a tool that keeps the metadata of another offset */
    check(&facts, "not ours", "begins at 20, not where it was");
}

static void test_stops(void)
{
    const struct sluice_ledger_row mark = row(100, -1, 3, 9);
    struct partition_facts facts = {.commit = marked(100, &mark, "/sluice_shop")};
    sluice_ledger_row_init(&facts.row);
    check(&facts, "ours", "stops: ledger_lost");
    facts.exists = true;
    facts.row = row(60, -1, 2, 5);
    check(&facts, "ours", "stops: ledger_behind");
    facts.commit = marked(100, &mark, "/sluice_shop2");
    check(&facts, "other ledger", "stops: other_ledger");
}

static void test_records(void)
{
    const struct sluice_ledger_row mark = row(100, -1, 3, 9);
    struct partition_facts facts = {.exists = true, .row = row(100, -1, 3, 9), .has_ends = true, .low = 0, .high = 100};
    facts.commit = marked(100, &mark, "/sluice_shop");
    check(&facts, "ours", "goes on at 100");
    facts.low = 101;
    facts.high = 200;
    check(&facts, "ours", "stops: offset_out_of_range");
    facts.low = 0;
    facts.high = 99;
    check(&facts, "ours", "stops: offset_out_of_range");
    facts.row = row(100, 159, 3, 10);
    facts.high = 160;
    check(&facts, "ours", "replays 100-159");
    facts.high = 159;
    check(&facts, "ours", "stops: range_not_rebuildable");
    facts.low = 101;
    facts.high = 400;
    check(&facts, "ours", "stops: range_not_rebuildable");
    facts.from_earliest = true;
    check(&facts, "ours", "begins at 101, not where it was");
}

/* The offsets are there, but the record that was read last is another one. */
static void test_other_topic(void)
{
    const struct sluice_ledger_row mark = row(100, -1, 3, 9);
    struct partition_facts facts = {.exists = true, .row = row(100, -1, 3, 9), .has_ends = true, .low = 0, .high = 400};
    facts.commit = marked(100, &mark, "/sluice_shop");
    check(&facts, "ours", "goes on at 100");
    facts.is_other_topic = true;
    check(&facts, "ours", "stops: topic_made_anew");
    facts.row = row(100, 159, 3, 10);
    check(&facts, "ours", "stops: topic_made_anew");
    facts.from_earliest = true;
    check(&facts, "ours", "begins at 0, not where it was");
    facts.commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop2", 100, "");
    facts.from_earliest = facts.is_other_topic = false; /* an operator has chosen: there is nothing to compare */
    check(&facts, "not ours", "begins at 100, not where it was");
}

/* Whatever the group has committed: nothing is guessed from a row that somebody edited. */
static void test_damaged(void)
{
    const struct sluice_ledger_row mark = row(100, -1, 3, 9);
    struct partition_facts facts = {.exists = true, .is_damaged = true, .row = row(-1, -1, 3, 9)};
    facts.commit = marked(100, &mark, "/sluice_shop");
    check(&facts, "ours", "stops: row_damaged");
    facts.commit = commit_from(SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", 40, "");
    check(&facts, "not ours", "stops: row_damaged");
}

/* In the Kafka ledger the row is the text of the commit. */
static void test_kafka(void)
{
    char text[SLUICE_LEDGER_TEXT];
    const struct sluice_ledger_row open = row(100, 159, 3, 9);
    struct partition_facts facts = {.kind = SLUICE_LEDGER_KAFKA, .exists = true, .row = open};
    sluice_ledger_row_format(&open, SLUICE_LEDGER_KAFKA, "-", text);
    facts.commit = commit_from(SLUICE_LEDGER_KAFKA, "-", 100, text);
    check(&facts, "ours", "replays 100-159");
    sluice_ledger_row_format(&open, SLUICE_LEDGER_KEEPER_MAP, "/sluice_shop", text);
    facts.commit = commit_from(SLUICE_LEDGER_KAFKA, "-", 100, text);
    facts.exists = false;
    check(&facts, "other ledger", "stops: other_ledger");
}

int main(void)
{
    test_nothing();
    test_running();
    test_reset();
    test_stops();
    test_records();
    test_other_topic();
    test_damaged();
    test_kafka();
    return check_result();
}
