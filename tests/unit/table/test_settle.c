/* What becomes of rows that depend on earlier ones: of the batch, of the target, of another partition. Rows are shown
 * as "id/place/text@version" with "-" for deleted ones and "~" for NULL. */
#include "table/settle.h"

#include "base/buf.h"
#include "settle_support.h"
#include "table/batch_detail.h"

#define GONE "\"__debezium_unavailable_value\""
enum { COMMIT = 5, TEXT_BYTES = 2048 };

struct world {
    struct sluice_plan *plan;
    struct sluice_batch *batch;
    struct sluice_buf answer;
    struct sluice_buf moved; /* answer about what was put aside */
    int64_t offset;
    const char *source; /* "" of a shared target */
    uint64_t commit;    /* of the rows, 0: their own position, as before the first COMMIT */
};

/* `order`: the sorting key. */
static void world_init(struct world *w, const char *order)
{
    struct sluice_error err;
    *w = (struct world){.plan = settle_plan(strcmp(order, "id, place") == 0), .source = "s", .commit = COMMIT};
    if (sluice_batch_new(w->plan, 1000, 1 << 20, &w->batch, &err) != SLUICE_OK)
        abort();
    sluice_buf_init(&w->answer, 1 << 20, "answer");
    sluice_buf_init(&w->moved, 1 << 20, "answer");
}

static void world_deinit(struct world *w)
{
    sluice_batch_free(w->batch);
    sluice_plan_unref(w->plan);
    sluice_buf_deinit(&w->answer);
    sluice_buf_deinit(&w->moved);
}

/* `commit` as in struct world. */
static struct sluice_version at(uint64_t commit, uint64_t change)
{
    return commit != 0 ? (struct sluice_version){commit, change}
                       : (struct sluice_version){0, (change & ~UINT64_C(7)) << 56 | change};
}

static void append(struct world *w, char op, uint64_t change, const char *id, const char *place, const char *tx,
                   struct sluice_row_ties ties)
{
    struct record row;
    struct record key;
    struct sluice_error err;
    bool full = false;
    struct sluice_change c = *CHANGE(&row, op, "id", id, "place", place, "tx", tx);
    c.source.has_sequence0 = w->commit != 0;
    const struct sluice_record_place where = {"t", 0, w->offset++};
    if (!CHECK_INT(sluice_batch_append_tied(w->batch, &c, op == 'd' ? KEY(&key, "id", id) : NULL, at(w->commit, change),
                                            &where, &ties, &full, &err),
                   SLUICE_OK))
        (void)fprintf(stderr, "%s\n", err.text);
}

/* A row of the target as an answer tells it. Columns that were not wanted are left out. */
static void held(struct world *w, const struct settle *settle, uint32_t n, int id, int place, const char *tx,
                 uint64_t change, bool deleted)
{
    struct sluice_error err;
    unsigned char bytes[300];
    unsigned char *end = convert_put_int(bytes, n, 4);
    end = convert_put_int(end, id, 4);
    if (settle_wants(settle, 1))
        end = convert_put_int(end, place, 4);
    if (settle_wants(settle, 2)) {
        *end++ = tx == NULL;
        end = tx == NULL ? end : convert_put_string(sluice_str_from(tx), end);
    }
    const struct sluice_version version = at(w->commit, change);
    convert_put_64(end, version.low);
    convert_put_64(end + 8, version.high);
    end[16] = deleted;
    if (sluice_buf_append(&w->answer, bytes, (size_t)(end + 17 - bytes), &err) != SLUICE_OK)
        abort();
}

/* A value as an answer tells it that was put aside. */
static void aside(struct world *w, uint32_t n, const char *column, const char *type, const char *value, size_t len)
{
    struct sluice_error err;
    unsigned char bytes[300];
    unsigned char *end = convert_put_int(bytes, n, 4);
    end = convert_put_string(sluice_str_from(column), end);
    end = convert_put_string(sluice_str_from(type), end);
    end = convert_put_string((struct sluice_str){value, len}, end);
    if (sluice_buf_append(&w->moved, bytes, (size_t)(end - bytes), &err) != SLUICE_OK)
        abort();
}

static struct settle *begin(struct world *w, size_t n_asks)
{
    struct settle *settle = NULL;
    struct sluice_error err;
    CHECK_INT(settle_new(w->batch, w->source, &settle, &err), SLUICE_OK);
    if (settle != NULL)
        CHECK_INT(settle_n_asks(settle), n_asks);
    return settle;
}

static int32_t read_int(const unsigned char *from)
{
    return (int32_t)((uint32_t)from[0] | (uint32_t)from[1] << 8 | (uint32_t)from[2] << 16 | (uint32_t)from[3] << 24);
}

static void show_row(struct sluice_str row, struct sluice_buf *out)
{
    struct sluice_error err;
    const unsigned char *bytes = (const unsigned char *)row.ptr;
    const char *text = bytes[8] != 0 ? "~" : row.ptr + 10;
    int length = bytes[8] != 0 ? 1 : bytes[9];
    if (sluice_buf_printf(out, &err, "%s%s%d/%d/%.*s@%d", out->len > 0 ? " " : "", bytes[row.len - 1] != 0 ? "-" : "",
                          read_int(bytes), read_int(bytes + 4), length, text,
                          read_int(bytes + row.len - 17)) != SLUICE_OK)
        abort();
}

/* "key@version column type=text", of Nullable texts that are shorter than 128 bytes. */
static void check_aside(const struct settle *settle, const char *expected)
{
    struct sluice_error err;
    size_t n_values = 0;
    size_t n_seen = 0;
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    sluice_buf_init(&text, TEXT_BYTES, "values");
    struct sluice_str rest = settle_aside(settle, &n_values);
    for (; rest.len > 0; n_seen++) {
        static const char names[] = "\13shop.orders\1s";
        const char *at = rest.ptr + sizeof names - 1;
        CHECK_BYTES(rest.ptr, sizeof names - 1, names, sizeof names - 1);
        CHECK_INT(at[0], 4);
        CHECK_INT(at[12], 0); /* without its commit position */
        CHECK_INT(at[13], 0);
        const char *column = at + 21;
        const char *type = column + 1 + column[0];
        const char *value = type + 1 + type[0];
        const bool is_null = value[1] != 0;
        if (sluice_buf_printf(&text, &err, "%s%d@%d %.*s %.*s=%.*s", text.len > 0 ? "; " : "",
                              read_int((const unsigned char *)at + 1), read_int((const unsigned char *)at + 5),
                              column[0], column + 1, type[0], type + 1, is_null ? 1 : value[2],
                              is_null ? "~" : value + 3) != SLUICE_OK)
            abort();
        const size_t n = (size_t)(value + 1 + value[0] - rest.ptr);
        rest = (struct sluice_str){rest.ptr + n, rest.len - n};
    }
    CHECK_INT(n_values, n_seen);
    CHECK_TEXT(sluice_buf_text(&text), expected);
}

/* `values`: what has to be put aside. */
static void check_moved(struct world *w, struct settle *settle, const char *expected, const char *values)
{
    struct sluice_error err = {0};
    struct sluice_batch *settled = NULL;
    struct settle_counts counts;
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    sluice_buf_init(&text, TEXT_BYTES, "rows");
    if (!CHECK(settle != NULL))
        return;
    CHECK_INT(settle_answer(settle, sluice_buf_str(&w->answer), &err), SLUICE_OK);
    CHECK_INT(settle_moved_answer(settle, sluice_buf_str(&w->moved), &err), SLUICE_OK);
    if (CHECK_INT(settle_finish(settle, true, &settled, &counts, &err), SLUICE_OK)) {
        for (uint32_t i = 0; i < settled->n_rows; i++)
            show_row(batch_bytes(settled, i), &text);
        CHECK_TEXT(sluice_buf_text(&text), expected);
    } else {
        (void)fprintf(stderr, "%s\n", err.text);
    }
    check_aside(settle, values);
    sluice_batch_free(settled);
    settle_free(settle);
}

static void check_settled(struct world *w, struct settle *settle, const char *expected)
{
    check_moved(w, settle, expected, "");
}

static void check_failure(struct world *w, struct settle *settle, bool wait_over, enum sluice_code code,
                          enum sluice_action action, const char *part)
{
    struct sluice_error err = {0};
    struct sluice_batch *settled = NULL;
    struct settle_counts counts;
    if (!CHECK(settle != NULL))
        return;
    CHECK_INT(settle_answer(settle, sluice_buf_str(&w->answer), &err), SLUICE_OK);
    CHECK_INT(settle_finish(settle, wait_over, &settled, &counts, &err), code);
    CHECK_INT(err.action, action);
    CHECK_CONTAINS(err.text, part);
}

#define NONE  ((struct sluice_row_ties){0})
#define TX(n) ((struct sluice_row_ties){.txid = (n)})

static void test_nothing_to_settle(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'c', 8, "1", "0", "\"a\"", TX(1));
    append(&w, 'u', 16, "1", "0", "\"b\"", TX(2));
    append(&w, 'd', 24, "1", "0", "null", TX(3));
    CHECK(!sluice_batch_is_tied(w.batch));
    CHECK(begin(&w, 0) == NULL);
    /* A created and a deleted row in one transaction, of different keys. */
    append(&w, 'c', 32, "2", "0", "\"a\"", TX(4));
    append(&w, 'd', 40, "3", "0", "null", TX(4));
    CHECK(sluice_batch_is_tied(w.batch));
    CHECK(begin(&w, 0) == NULL);
    world_deinit(&w);
}

static void test_values(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'c', 8, "1", "0", "\"a\"", NONE);
    append(&w, 'u', 16, "1", "1", GONE, NONE); /* from the batch */
    append(&w, 'u', 24, "2", "1", GONE, NONE); /* from the target */
    append(&w, 'u', 32, "2", "2", GONE, NONE); /* from the one before */
    append(&w, 'u', 40, "3", "1", GONE, NONE); /* the target has a newer one only */
    append(&w, 'u', 48, "4", "1", GONE, NONE); /* a NULL */
    struct settle *settle = begin(&w, 3);
    held(&w, settle, 0, 2, 0, "old", 0, false);
    held(&w, settle, 1, 3, 0, "new", 400, false);
    held(&w, settle, 2, 4, 0, NULL, 0, false);
    check_settled(&w, settle, "1/0/a@8 1/1/a@16 2/1/old@24 2/2/old@32 3/1/new@40 4/1/~@48");
    world_deinit(&w);
}

/* Read again after all of it was stored: merges may have left an older row beside the newest, so only that one is asked
 * for, and a row that is stored already keeps its values. */
static void test_values_of_rows_that_are_stored(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'u', 16, "1", "1", GONE, NONE);
    append(&w, 'u', 24, "1", "2", GONE, NONE);
    append(&w, 'u', 32, "1", "3", GONE, NONE);
    struct settle *settle = begin(&w, 1);
    if (CHECK(settle != NULL))
        CHECK(settle_ask(settle, 0).bound.high == UINT64_MAX && settle_ask(settle, 0).bound.low == UINT64_MAX);
    held(&w, settle, 0, 1, 2, "mine", 24, false);
    check_settled(&w, settle, "1/1/mine@16 1/2/mine@24 1/3/mine@32");
    /* A history keeps every row. */
    w.plan->is_log = true;
    settle = begin(&w, 1);
    if (CHECK(settle != NULL))
        CHECK_INT(settle_ask(settle, 0).bound.low, 16 | PENDING_MASK);
    settle_free(settle);
    world_deinit(&w);
}

static void test_events_sent_again(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'c', 8, "1", "0", "\"a\"", NONE);
    append(&w, 'u', 16, "1", "1", "\"b\"", NONE);
    append(&w, 'u', 24, "1", "2", GONE, NONE);
    append(&w, 'u', 16, "1", "1", "\"b\"", NONE);
    append(&w, 'u', 24, "1", "2", GONE, NONE);
    check_settled(&w, begin(&w, 0), "1/0/a@8 1/1/b@16 1/1/b@16 1/2/b@24 1/2/b@24");
    world_deinit(&w);
}

/* A batch that ends within what the connector sends again: the row before the first one is in the target, a newer one
 * than any of the batch. */
static void test_values_before_events_sent_again(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'u', 24, "1", "2", GONE, NONE);
    append(&w, 'u', 8, "1", "0", "\"a\"", NONE);
    struct settle *settle = begin(&w, 1);
    held(&w, settle, 0, 1, 1, "b", 16, false);
    check_settled(&w, settle, "1/0/a@8 1/2/b@24");
    world_deinit(&w);
}

static void test_unknown_value(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'u', 8, "1", "0", GONE, NONE);
    struct settle *settle = begin(&w, 1);
    check_failure(&w, settle, false, SLUICE_E_TOAST, SLUICE_STOP_PARTITION, "field \"tx\", offset 0");
    w.plan->toast_missing = SLUICE_TOAST_MISSING_NULL;
    check_settled(&w, settle, "1/0/~@8");
    world_deinit(&w);
}

static void test_policies(void)
{
    struct world w;
    world_init(&w, "id");
    w.plan->columns[2].toast = SLUICE_TOAST_NULL;
    append(&w, 'u', 8, "1", "0", GONE, NONE);
    CHECK(!sluice_batch_is_tied(w.batch));
    /* In a row that was created, the text is data. */
    append(&w, 'c', 16, "2", "0", GONE, NONE);
    CHECK_INT(w.batch->n_rows, 2);
    w.plan->columns[2].toast = SLUICE_TOAST_FAIL;
    struct record row;
    struct sluice_error err;
    bool full = false;
    const struct sluice_row_ties ties = {0};
    CHECK_INT(sluice_batch_append_tied(w.batch, CHANGE(&row, 'u', "id", "3", "place", "0", "tx", GONE), NULL,
                                       at(COMMIT, 24), &(struct sluice_record_place){"t", 0, 0}, &ties, &full, &err),
              SLUICE_E_TOAST);
    CHECK_INT(err.action, SLUICE_REJECT);
    world_deinit(&w);
}

/* id, place and tx, with a column among them that is left out. */
static struct sluice_plan *plan_without(const char *excluded, size_t at_field)
{
    static const struct sluice_source_column kept[] = {
        {.name = "id", .type = SLUICE_SOURCE_INT32},
        {.name = "place", .type = SLUICE_SOURCE_INT32},
        {.name = "tx", .type = SLUICE_SOURCE_STRING, .optional = true},
    };
    struct sluice_source_column fields[SLUICE_N_ELEMENTS(kept) + 1];
    const struct sluice_column_settings any = {.name = "", .rename = "", .type = "", .codec = "", .source_type = ""};
    struct sluice_column_settings column = any;
    column.name = excluded;
    column.exclude = true;
    struct sluice_table_settings settings = {.any = any, .columns = &column, .n_columns = 1};
    struct sluice_plan *plan = NULL;
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "id", "Int32", "place", "Int32", "tx", "Nullable(String)");
    for (size_t i = 0, n = 0; i < SLUICE_N_ELEMENTS(fields); i++)
        fields[i] =
            i == at_field ? (struct sluice_source_column){.name = excluded, .type = SLUICE_SOURCE_STRING} : kept[n++];
    const struct sluice_shape shape = shape_of(fields, SLUICE_N_ELEMENTS(fields), 1);
    if (sluice_plan_new(&shape, &target, &(struct sluice_plan_options){.settings = &settings}, &plan, &err) !=
        SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return plan;
}

/* A column that is left out goes and another one comes: the INSERT is the same, and holes stay where they are. */
static void test_another_plan(void)
{
    struct world w;
    struct record row;
    struct sluice_error err;
    bool full = false;
    const struct sluice_record_place where = {"t", 0, 0};
    world_init(&w, "id");
    struct sluice_plan *first = plan_without("gone", 1);
    struct sluice_plan *second = plan_without("fresh", 3);
    CHECK(sluice_batch_change_plan(w.batch, first));
    CHECK_INT(sluice_batch_append_tied(w.batch, CHANGE(&row, 'u', "id", "1", "gone", "\"x\"", "place", "0", "tx", GONE),
                                       NULL, at(COMMIT, 8), &where, &(struct sluice_row_ties){0}, &full, &err),
              SLUICE_OK);
    CHECK(sluice_batch_change_plan(w.batch, second));
    CHECK(sluice_batch_change_plan(w.batch, w.plan));
    CHECK(sluice_batch_change_plan(w.batch, second));
    CHECK_INT(sluice_batch_append_tied(w.batch,
                                       CHANGE(&row, 'u', "id", "2", "place", "0", "tx", GONE, "fresh", "\"x\""), NULL,
                                       at(COMMIT, 16), &where, &(struct sluice_row_ties){0}, &full, &err),
              SLUICE_OK);
    struct settle *settle = begin(&w, 2);
    held(&w, settle, 0, 1, 0, "one", 0, false);
    held(&w, settle, 1, 2, 0, "two", 0, false);
    check_settled(&w, settle, "1/0/one@8 2/0/two@16");
    /* What rows mean to others has to be the same, whatever rows there are. */
    w.plan->columns[2].toast = SLUICE_TOAST_NULL;
    CHECK(!sluice_batch_change_plan(w.batch, w.plan));
    world_deinit(&w);
    sluice_plan_unref(first);
    sluice_plan_unref(second);
}

static void move(struct world *w, uint64_t change, const char *from, const char *to, uint64_t txid)
{
    struct record old_key;
    append(w, 'd', change, from, "0", "null", (struct sluice_row_ties){.txid = txid, .moved_away = true});
    append(w, 'c', change + 1, to, "0", GONE,
           (struct sluice_row_ties){.txid = txid, .moved_from = KEY(&old_key, "id", from)});
}

static void test_key_change(void)
{
    struct world w;
    world_init(&w, "id");
    move(&w, 8, "1", "2", 7);
    move(&w, 16, "2", "3", 7);
    struct settle *settle = begin(&w, 3); /* 1 for its values; the others might be stored already */
    CHECK_INT(settle_n_moved(settle), 2);
    held(&w, settle, 0, 1, 0, "big", 0, false);
    /* Put aside all the same: the insert may end halfway, with only one of two parts of the table. */
    check_moved(&w, settle, "-1/0/~@8 2/0/big@9 -2/0/~@16 3/0/big@17",
                "1@8 tx Nullable(String)=big; 2@16 tx Nullable(String)=big");
    /* Again, when a newer row took the old key's place. */
    settle = begin(&w, 3);
    sluice_buf_clear(&w.answer);
    held(&w, settle, 0, 1, 0, "newer", 400, false);
    aside(&w, 0, "tx", "Nullable(String)", "\0\3big", 5);
    aside(&w, 1, "tx", "Nullable(String)", "\0\3big", 5);
    check_moved(&w, settle, "-1/0/~@8 2/0/big@9 -2/0/~@16 3/0/big@17", "2@16 tx Nullable(String)=big");
    world_deinit(&w);
}

/* Values that the created half has are not put aside for it. */
static void test_key_change_without_holes(void)
{
    struct world w;
    struct record old_key;
    world_init(&w, "id");
    append(&w, 'd', 8, "1", "0", "null", (struct sluice_row_ties){.moved_away = true});
    append(&w, 'd', 8, "1", "0", "null", (struct sluice_row_ties){.moved_away = true});
    append(&w, 'c', 9, "2", "0", "\"a\"", (struct sluice_row_ties){.moved_from = KEY(&old_key, "id", "1")});
    CHECK(sluice_batch_moves_values(w.batch));
    CHECK(begin(&w, 0) == NULL);
    world_deinit(&w);
}

/* The deleted half by itself: every value that the other one may lack. */
static void test_moved_away(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'd', 8, "1", "0", "null", (struct sluice_row_ties){.txid = 7, .moved_away = true});
    append(&w, 'd', 16, "2", "0", "null", (struct sluice_row_ties){.txid = 7, .moved_away = true});
    append(&w, 'u', 24, "3", "1", "\"new\"", NONE);
    append(&w, 'd', 32, "3", "0", "null", (struct sluice_row_ties){.txid = 8, .moved_away = true});
    append(&w, 'd', 32, "3", "0", "null", (struct sluice_row_ties){.txid = 8, .moved_away = true});
    append(&w, 'd', 40, "4", "0", "null", (struct sluice_row_ties){.txid = 8, .moved_away = true});
    struct settle *settle = begin(&w, 4);
    CHECK_INT(settle_n_moved(settle), 0);
    held(&w, settle, 0, 1, 0, "big", 0, false);
    held(&w, settle, 1, 2, 0, NULL, 0, false);
    held(&w, settle, 3, 4, 0, "gone", 0, true); /* was deleted before */
    check_moved(&w, settle, "-1/0/~@8 -2/0/~@16 3/1/new@24 -3/0/~@32 -3/0/~@32 -4/0/~@40",
                "1@8 tx Nullable(String)=big; 2@16 tx Nullable(String)=~; 3@32 tx Nullable(String)=new");
    /* Stored by an earlier attempt, and one that was merged away. */
    settle = begin(&w, 4);
    sluice_buf_clear(&w.answer);
    held(&w, settle, 0, 1, 0, NULL, 8 | 2, true);
    held(&w, settle, 1, 2, 0, "newer", 400, false);
    held(&w, settle, 2, 3, 0, NULL, 32, true);
    check_settled(&w, settle, "-1/0/~@8 -2/0/~@16 3/1/new@24 -3/0/~@32 -3/0/~@32 -4/0/~@40");
    world_deinit(&w);
}

static void test_key_change_over_partitions(void)
{
    struct world w;
    struct record old_key;
    world_init(&w, "id");
    append(&w, 'c', 9, "2", "0", GONE, (struct sluice_row_ties){.txid = 7, .moved_from = KEY(&old_key, "id", "1")});
    struct settle *settle = begin(&w, 1);
    CHECK_BYTES(settle_ask(settle, 0).key.ptr, settle_ask(settle, 0).key.len, "\2\0\0\0", 4);
    CHECK_INT(settle_n_moved(settle), 1);
    CHECK_BYTES(settle_moved(settle, 0).key.ptr, settle_moved(settle, 0).key.len, "\1\0\0\0", 4);
    CHECK_INT(settle_moved(settle, 0).version.low, 8);
    CHECK_INT(settle_moved(settle, 0).version.high, 0);
    held(&w, settle, 0, 2, 0, "another", 0, true);
    check_failure(&w, settle, false, SLUICE_E_TOAST, SLUICE_RETRY, "key change");
    check_failure(&w, settle, true, SLUICE_E_TOAST, SLUICE_STOP_PARTITION, "field \"tx\"");
    settle_free(settle);
    settle = begin(&w, 1);
    aside(&w, 0, "tx", "Nullable(String)", "\0\3big", 5);
    aside(&w, 0, "gone", "String", "\1x", 2);
    check_settled(&w, settle, "2/0/big@9");
    /* Stored by an earlier attempt; what was put aside is not needed any more. */
    settle = begin(&w, 1);
    sluice_buf_clear(&w.answer);
    sluice_buf_clear(&w.moved);
    held(&w, settle, 0, 2, 0, "mine", 9, false);
    check_settled(&w, settle, "2/0/mine@9");
    /* A TRUNCATE deletes the row: nobody asks for its values. */
    settle = begin(&w, 1);
    sluice_buf_clear(&w.answer);
    if (CHECK(settle != NULL))
        settle_set_truncated(settle, at(COMMIT, 16));
    check_settled(&w, settle, "2/0/~@9");
    world_deinit(&w);
}

/* What ended elsewhere when the created half was stored has its version too, but no values. */
static void test_key_change_to_another_place(void)
{
    struct world w;
    struct record old_key;
    world_init(&w, "id, place");
    append(&w, 'c', 9, "2", "0", GONE, (struct sluice_row_ties){.txid = 7, .moved_from = KEY(&old_key, "id", "1")});
    struct settle *settle = begin(&w, 1);
    held(&w, settle, 0, 2, 0, "mine", 9, false);
    held(&w, settle, 0, 2, 5, NULL, 9, true);
    check_settled(&w, settle, "2/0/mine@9");
    settle = begin(&w, 1);
    sluice_buf_clear(&w.answer);
    held(&w, settle, 0, 2, 5, NULL, 9, true);
    aside(&w, 0, "tx", "Nullable(String)", "\0\3big", 5);
    check_settled(&w, settle, "2/0/big@9");
    world_deinit(&w);
}

/* The column's type has changed since: only Nullable makes no difference. */
static void test_moved_values_of_another_type(void)
{
    struct world w;
    struct record old_key;
    world_init(&w, "id");
    append(&w, 'c', 9, "2", "0", GONE, (struct sluice_row_ties){.txid = 7, .moved_from = KEY(&old_key, "id", "1")});
    struct settle *settle = begin(&w, 1);
    aside(&w, 0, "tx", "String", "\3big", 4);
    check_settled(&w, settle, "2/0/big@9");
    settle = begin(&w, 1);
    sluice_buf_clear(&w.moved);
    aside(&w, 0, "tx", "Nullable(FixedString(3))", "\0big", 4);
    check_failure(&w, settle, true, SLUICE_E_TOAST, SLUICE_STOP_PARTITION, "field \"tx\"");
    settle_free(settle);
    world_deinit(&w);
}

/* A batch that waits has put aside what others may wait for: the halves of two key changes that cross. */
static void test_a_batch_that_waits(void)
{
    struct world w;
    struct record old_key;
    world_init(&w, "id");
    append(&w, 'd', 8, "1", "0", "null", (struct sluice_row_ties){.txid = 7, .moved_away = true});
    append(&w, 'c', 17, "4", "0", GONE, (struct sluice_row_ties){.txid = 7, .moved_from = KEY(&old_key, "id", "3")});
    append(&w, 'd', 24, "5", "0", "null", (struct sluice_row_ties){.txid = 7, .moved_away = true});
    struct settle *settle = begin(&w, 3);
    held(&w, settle, 0, 1, 0, "big", 0, false);
    check_failure(&w, settle, false, SLUICE_E_TOAST, SLUICE_RETRY, "key change");
    check_aside(settle, "1@8 tx Nullable(String)=big");
    settle_free(settle);
    world_deinit(&w);
}

static void test_moved_answers_that_are_not_understood(void)
{
    struct world w;
    struct record old_key;
    struct sluice_error err;
    world_init(&w, "id");
    append(&w, 'c', 9, "2", "0", GONE, (struct sluice_row_ties){.txid = 7, .moved_from = KEY(&old_key, "id", "1")});
    struct settle *settle = begin(&w, 1);
    aside(&w, 0, "tx", "Nullable(String)", "\0\3big", 5);
    const struct sluice_str whole = sluice_buf_str(&w.moved);
    for (size_t n = 1; n < whole.len; n++) {
        char *cut = malloc(n);
        if (cut == NULL)
            abort();
        memcpy(cut, whole.ptr, n);
        CHECK_INT(settle_moved_answer(settle, (struct sluice_str){cut, n}, &err), SLUICE_E_SERVER);
        free(cut);
    }
    sluice_buf_clear(&w.moved);
    aside(&w, 0, "tx", "Nullable(String)", "\0\4big", 5); /* a value of another length */
    CHECK_INT(settle_moved_answer(settle, sluice_buf_str(&w.moved), &err), SLUICE_E_SERVER);
    sluice_buf_clear(&w.moved);
    aside(&w, 1, "tx", "Nullable(String)", "\0\3big", 5); /* nothing of that number was asked */
    CHECK_INT(settle_moved_answer(settle, sluice_buf_str(&w.moved), &err), SLUICE_E_SERVER);
    settle_free(settle);
    world_deinit(&w);
}

/* In a table where a key may live in several places, the values are those of the row that lives. */
static void test_moved_away_from_a_place(void)
{
    struct world w;
    world_init(&w, "id, place");
    append(&w, 'd', 16, "1", "0", "null", (struct sluice_row_ties){.txid = 7, .moved_away = true});
    struct settle *settle = begin(&w, 1);
    held(&w, settle, 0, 1, 2, "a", 8, false);
    held(&w, settle, 0, 1, 1, NULL, 8, true);
    check_moved(&w, settle, "-1/2/~@16", "1@16 tx Nullable(String)=a");
    settle = begin(&w, 1);
    sluice_buf_clear(&w.answer);
    held(&w, settle, 0, 1, 2, "a", 8, false);
    held(&w, settle, 0, 1, 3, "newer", 24, false);
    check_settled(&w, settle, "-1/2/~@16");
    world_deinit(&w);
}

/* UPDATE t SET id = id + 1 where the key is deferrable: d(1) c(2) d(2) c(3) d(3) c(4). */
static void shift(struct world *w)
{
    static const char *const ids[] = {"1", "2", "3", "4"};
    static const char *const texts[] = {"", "\"a\"", "\"b\"", "\"c\""};
    struct record old_key;
    for (uint64_t i = 0; i < 3; i++) {
        append(w, 'd', 8 * i + 8, ids[i], "0", "null", (struct sluice_row_ties){.txid = 7, .moved_away = true});
        append(w, 'c', 8 * i + 9, ids[i + 1], "0", texts[i + 1],
               (struct sluice_row_ties){.txid = 7, .moved_from = KEY(&old_key, "id", ids[i])});
    }
}

static void test_deferrable_shift(void)
{
    struct world w;
    world_init(&w, "id");
    w.batch->keeps_values = false; /* such tables have identity FULL */
    shift(&w);
    struct settle *settle = begin(&w, 3);
    held(&w, settle, 0, 2, 0, "old 2", 0, false);
    held(&w, settle, 1, 3, 0, "old 3", 0, false);
    check_settled(&w, settle, "-1/0/~@8 2/0/a@11 2/0/a@16 3/0/b@19 3/0/b@24 4/0/c@25");
    /* Asked again after it was stored and merged. */
    settle = begin(&w, 3);
    sluice_buf_clear(&w.answer);
    held(&w, settle, 0, 2, 0, "a", 16, false);
    held(&w, settle, 1, 3, 0, "b", 24, false);
    held(&w, settle, 2, 4, 0, "c", 25, false);
    check_settled(&w, settle, "-1/0/~@8 2/0/a@9 3/0/b@17 4/0/c@25");
    /* Without an older row the same events delete what they created. */
    settle = begin(&w, 3);
    sluice_buf_clear(&w.answer);
    check_settled(&w, settle, "-1/0/~@8 2/0/a@9 -2/0/~@16 3/0/b@17 -3/0/~@24 4/0/c@25");
    world_deinit(&w);
}

/* The same where the row that is replaced lived in another place. */
static void test_shift_in_places(void)
{
    struct world w;
    world_init(&w, "id, place");
    w.batch->keeps_values = false;
    shift(&w);
    struct settle *settle = begin(&w, 4);
    held(&w, settle, 0, 1, 5, "old 1", 0, false);
    held(&w, settle, 1, 2, 6, "old 2", 0, false);
    held(&w, settle, 2, 3, 7, "old 3", 0, false);
    check_settled(&w, settle, "-1/5/~@8 2/0/a@11 -2/6/~@11 2/0/a@16 3/0/b@19 -3/7/~@19 3/0/b@24 4/0/c@25");
    /* Asked again after it was stored and merged. */
    settle = begin(&w, 4);
    sluice_buf_clear(&w.answer);
    held(&w, settle, 0, 1, 5, NULL, 8, true);
    held(&w, settle, 1, 2, 0, "a", 16, false);
    held(&w, settle, 1, 2, 6, NULL, 11, true);
    held(&w, settle, 2, 3, 0, "b", 24, false);
    held(&w, settle, 2, 3, 7, NULL, 19, true);
    held(&w, settle, 3, 4, 0, "c", 25, false);
    check_settled(&w, settle, "2/0/a@11 3/0/b@19 4/0/c@25");
    /* Of its insert only one part of the table was stored, with the ends. */
    settle = begin(&w, 4);
    sluice_buf_clear(&w.answer);
    held(&w, settle, 0, 1, 5, NULL, 8, true);
    held(&w, settle, 1, 2, 6, NULL, 11, true);
    held(&w, settle, 2, 3, 7, NULL, 19, true);
    check_settled(&w, settle, "2/0/a@11 2/0/a@16 3/0/b@19 3/0/b@24 4/0/c@25");
    world_deinit(&w);
    /* Over batches. */
    world_init(&w, "id, place");
    w.batch->keeps_values = false;
    sluice_batch_continues(w.batch);
    append(&w, 'd', 16, "2", "0", "null", TX(7));
    append(&w, 'd', 24, "3", "0", "null", TX(7));
    settle = begin(&w, 2);
    held(&w, settle, 0, 2, 0, "a", 11, false);
    held(&w, settle, 0, 2, 6, NULL, 11, true);
    held(&w, settle, 1, 3, 0, "b", 9, false);
    check_settled(&w, settle, "2/0/a@16 -3/0/~@24");
    world_deinit(&w);
}

/* The connector breaks off within a shift and sends it again, with the transaction before it. */
static void test_shift_sent_again(void)
{
    struct world w;
    struct record old_key;
    const struct sluice_row_ties moves = {.txid = 7, .moved_from = KEY(&old_key, "id", "1")};
    world_init(&w, "id");
    w.batch->keeps_values = false;
    append(&w, 'c', 17, "2", "0", "\"a\"", moves);
    append(&w, 'u', 8, "5", "0", "\"x\"", TX(6));
    struct settle *settle = begin(&w, 1);
    held(&w, settle, 0, 2, 0, "old 2", 0, false);
    check_settled(&w, settle, "5/0/x@8 2/0/a@19");
    append(&w, 'c', 17, "2", "0", "\"a\"", moves);
    append(&w, 'd', 24, "2", "0", "null", TX(7));
    append(&w, 'u', 32, "5", "0", "\"y\"", TX(8));
    append(&w, 'd', 24, "2", "0", "null", TX(7));
    settle = begin(&w, 1);
    sluice_buf_clear(&w.answer);
    held(&w, settle, 0, 2, 0, "old 2", 0, false);
    check_settled(&w, settle, "5/0/x@8 2/0/a@19 2/0/a@19 2/0/a@24 2/0/a@24 5/0/y@32");
    world_deinit(&w);
}

static void test_shift_over_batches(void)
{
    struct world w;
    world_init(&w, "id");
    w.batch->keeps_values = false;
    sluice_batch_continues(w.batch);
    append(&w, 'd', 16, "2", "0", "null", TX(7));
    append(&w, 'd', 24, "3", "0", "null", TX(7));
    struct settle *settle = begin(&w, 2);
    held(&w, settle, 0, 2, 0, "a", 11, false); /* replaced a living row in this transaction */
    held(&w, settle, 1, 3, 0, "b", 9, false);
    check_settled(&w, settle, "2/0/a@16 -3/0/~@24");
    world_deinit(&w);
}

/* The first change after a COMMIT lies where that ends, like each one before the first COMMIT. */
static void test_shift_of_the_first_transaction(void)
{
    struct world w;
    world_init(&w, "id");
    w.batch->keeps_values = false;
    w.commit = 0;
    sluice_batch_continues(w.batch);
    append(&w, 'c', 16, "2", "0", "\"a\"", TX(7));
    append(&w, 'd', 24, "3", "0", "null", TX(7));
    w.commit = 32; /* position 8192 */
    append(&w, 'd', 8192, "2", "0", "null", TX(8));
    append(&w, 'd', 8200, "3", "0", "null", TX(8));
    w.commit = 0;
    struct settle *settle = begin(&w, 2);
    held(&w, settle, 0, 2, 0, "old 2", 8, false);
    held(&w, settle, 1, 3, 0, "b", 17 | 1 << PENDING_SHIFT, false);
    check_settled(&w, settle, "2/0/a@18 3/0/b@24 -2/0/~@8192 -3/0/~@8200");
    world_deinit(&w);
    /* Also once its rows are stored. */
    world_init(&w, "id");
    w.batch->keeps_values = false;
    w.commit = 32;
    sluice_batch_continues(w.batch);
    append(&w, 'd', 8192, "2", "0", "null", TX(8));
    settle = begin(&w, 1);
    w.commit = 0;
    held(&w, settle, 0, 2, 0, "a", 18, false);
    check_settled(&w, settle, "-2/0/~@8192");
    world_deinit(&w);
}

static void world_init_full(struct world *w)
{
    world_init(w, "id");
    w->plan->identity = SLUICE_IDENTITY_FULL;
    w->batch->keeps_values = false;
}

/* With REPLICA IDENTITY FULL the values of a deleted row tell which row of its key it is. */
static void test_rows_that_share_a_key(void)
{
    struct world w;
    world_init_full(&w);
    append(&w, 'c', 16, "1", "0", "\"new\"", TX(7));
    append(&w, 'd', 24, "1", "0", "\"old\"", TX(7));
    append(&w, 'c', 32, "2", "0", "\"new\"", TX(7));
    append(&w, 'd', 40, "2", "0", "\"new\"", TX(7)); /* the older one lives again */
    append(&w, 'c', 48, "3", "0", "\"old\"", TX(7));
    append(&w, 'd', 56, "3", "0", "\"old\"", TX(7)); /* one of two equal ones */
    append(&w, 'c', 64, "4", "0", "\"new\"", TX(7));
    append(&w, 'd', 72, "4", "0", "\"new\"", TX(7)); /* nothing lived there */
    struct settle *settle = begin(&w, 4);
    held(&w, settle, 0, 1, 0, "old", 8, false);
    held(&w, settle, 1, 2, 0, "old", 8, false);
    held(&w, settle, 2, 3, 0, "old", 8, false);
    check_settled(&w, settle, "1/0/new@18 1/0/new@24 2/0/new@34 2/0/old@40 3/0/old@52 3/0/old@56 4/0/new@64 -4/0/~@72");
    world_deinit(&w);
}

static void test_rows_that_share_a_key_over_batches(void)
{
    struct world w;
    world_init_full(&w);
    append(&w, 'c', 16, "1", "0", "\"new\"", TX(7));
    CHECK(sluice_batch_is_tied(w.batch)); /* what it has created may have replaced rows */
    struct settle *settle = begin(&w, 1);
    held(&w, settle, 0, 1, 0, "old", 8, false);
    check_settled(&w, settle, "1/0/new@18");
    world_deinit(&w);

    world_init_full(&w);
    sluice_batch_continues(w.batch);
    append(&w, 'd', 24, "1", "0", "\"old\"", TX(7));
    append(&w, 'd', 32, "2", "0", "\"old\"", TX(7)); /* nobody knew that it was there */
    append(&w, 'd', 40, "3", "0", "\"old\"", TX(7));
    append(&w, 'd', 48, "4", "0", "\"new\"", TX(7));
    settle = begin(&w, 4);
    held(&w, settle, 0, 1, 0, "new", 16 | PENDING_OTHER << PENDING_SHIFT, false);
    held(&w, settle, 1, 2, 0, "new", 16, false);
    held(&w, settle, 2, 3, 0, "old", 16 | PENDING_EQUAL << PENDING_SHIFT, false);
    held(&w, settle, 3, 4, 0, "new", 16, false);
    check_settled(&w, settle, "1/0/new@24 2/0/new@32 3/0/old@40 -4/0/~@48");
    world_deinit(&w);
}

/* The partition stops by name. */
static void test_rows_that_share_a_key_and_are_lost(void)
{
    static const struct {
        char op;
        const char *text;
        const char *error;
    } cases[] = {{'d', "\"new\"", "deletes the newest of them in a later batch"},
                 {'u', "\"newer\"", "updates one of them before it deletes one"},
                 {'c', "\"third\"", "replaces more than 1 rows of one key"}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct world w;
        world_init_full(&w);
        sluice_batch_continues(w.batch);
        append(&w, cases[i].op, 24, "1", "0", cases[i].text, TX(7));
        struct settle *settle = begin(&w, 1);
        held(&w, settle, 0, 1, 0, "new", 16 | PENDING_OTHER << PENDING_SHIFT, false);
        check_failure(&w, settle, true, SLUICE_E_KEY, SLUICE_STOP_PARTITION, cases[i].error);
        settle_free(settle);
        world_deinit(&w);
    }
}

/* The connector sends a row again behind a later one of its key: what was between them is in the target. */
static void test_a_row_sent_again_behind_a_later_one(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'c', 48, "1", "0", "\"later\"", TX(8));
    append(&w, 'u', 8, "2", "0", GONE, TX(7));
    append(&w, 'c', 16, "1", "0", "\"earlier\"", TX(7));
    struct settle *settle = begin(&w, 2);
    held(&w, settle, 0, 2, 0, "two", 1, false);
    held(&w, settle, 1, 1, 0, NULL, 40, true);
    check_settled(&w, settle, "2/0/two@8 1/0/earlier@16 1/0/later@48");
    world_deinit(&w);
}

/* A row that moved between two tables of a shared target: the other topic deletes the older one. */
static void test_created_over_a_row_of_another_topic(void)
{
    struct world w;
    world_init(&w, "id");
    w.source = "";
    append(&w, 'c', 16, "2", "0", "\"a\"", TX(7));
    append(&w, 'd', 24, "2", "0", "null", TX(7));
    append(&w, 'c', 32, "3", "0", "\"b\"", TX(7));
    append(&w, 'c', 40, "3", "0", "\"c\"", TX(7)); /* over one of its own: a shift */
    append(&w, 'd', 48, "3", "0", "null", TX(7));
    struct settle *settle = begin(&w, 2);
    held(&w, settle, 0, 2, 0, "there", 8, false);
    check_settled(&w, settle, "2/0/a@16 -2/0/~@24 3/0/b@32 3/0/c@42 3/0/c@48");
    world_deinit(&w);
}

static void test_places(void)
{
    struct world w;
    world_init(&w, "id, place");
    append(&w, 'u', 8, "1", "2", "\"b\"", NONE);  /* moves from where the target has it */
    append(&w, 'u', 16, "1", "3", GONE, NONE);    /* and on */
    append(&w, 'u', 24, "2", "5", "\"x\"", NONE); /* stays */
    append(&w, 'd', 32, "3", "0", "null", NONE);
    append(&w, 'd', 40, "4", "0", "null", NONE); /* nothing there */
    struct settle *settle = begin(&w, 4);
    held(&w, settle, 0, 1, 1, "a", 0, false);
    held(&w, settle, 1, 2, 5, "w", 0, false);
    held(&w, settle, 2, 3, 7, "y", 0, false);
    held(&w, settle, 2, 3, 8, "z", 0, true);
    check_settled(&w, settle, "1/2/b@8 -1/1/~@8 1/3/b@16 -1/2/~@16 2/5/x@24 -3/7/~@32");
    world_deinit(&w);
}

/* The row that lives and the one that ended where it was have one version. */
static void test_values_of_a_row_that_moved(void)
{
    struct world w;
    world_init(&w, "id, place");
    append(&w, 'u', 16, "1", "3", GONE, NONE);
    struct settle *settle = begin(&w, 1);
    held(&w, settle, 0, 1, 2, "a", 8, false);
    held(&w, settle, 0, 1, 1, NULL, 8, true);
    check_settled(&w, settle, "1/3/a@16 -1/2/~@16");
    world_deinit(&w);
}

/* The target has what came later: our old row must not live beside it. */
static void test_places_of_an_old_event(void)
{
    struct world w;
    world_init(&w, "id, place");
    append(&w, 'u', 8, "1", "2", "\"b\"", NONE);
    struct settle *settle = begin(&w, 1);
    held(&w, settle, 0, 1, 1, "a", 8, true);
    held(&w, settle, 0, 1, 3, "c", 16, false);
    check_settled(&w, settle, "1/2/b@8 -1/2/~@16");
    world_deinit(&w);
}

static void test_answers_that_are_not_understood(void)
{
    struct world w;
    world_init(&w, "id");
    append(&w, 'u', 8, "1", "0", GONE, NONE);
    struct settle *settle = begin(&w, 1);
    held(&w, settle, 0, 1, 0, "value", 0, false);
    const struct sluice_str whole = sluice_buf_str(&w.answer);
    for (size_t n = 1; n < whole.len; n++) {
        struct sluice_error err;
        char *cut = malloc(n);
        if (cut == NULL)
            abort();
        memcpy(cut, whole.ptr, n);
        CHECK_INT(settle_answer(settle, (struct sluice_str){cut, n}, &err), SLUICE_E_SERVER);
        free(cut);
    }
    w.answer.ptr[0] = 1; /* nothing of that number was asked */
    struct sluice_error err;
    CHECK_INT(settle_answer(settle, sluice_buf_str(&w.answer), &err), SLUICE_E_SERVER);
    settle_free(settle);
    world_deinit(&w);
}

int main(void)
{
    test_nothing_to_settle();
    test_values();
    test_values_of_rows_that_are_stored();
    test_events_sent_again();
    test_values_before_events_sent_again();
    test_unknown_value();
    test_policies();
    test_another_plan();
    test_key_change();
    test_key_change_without_holes();
    test_moved_away();
    test_key_change_over_partitions();
    test_key_change_to_another_place();
    test_moved_values_of_another_type();
    test_a_batch_that_waits();
    test_moved_answers_that_are_not_understood();
    test_moved_away_from_a_place();
    test_deferrable_shift();
    test_shift_in_places();
    test_shift_sent_again();
    test_shift_over_batches();
    test_shift_of_the_first_transaction();
    test_rows_that_share_a_key();
    test_rows_that_share_a_key_over_batches();
    test_rows_that_share_a_key_and_are_lost();
    test_a_row_sent_again_behind_a_later_one();
    test_created_over_a_row_of_another_topic();
    test_places();
    test_values_of_a_row_that_moved();
    test_places_of_an_old_event();
    test_answers_that_are_not_understood();
    return check_result();
}
