/* Rows of each kind, their refusals, bounds, and reading back in pieces. */
#include "table/batch.h"

#include "table/rowkey.h"
#include "table_support.h"

/* id Int32 (key), name Nullable(String), amount Decimal(9, 2), blob String: typed. */
static struct sluice_plan *typed_plan(void)
{
    struct sluice_source_column columns[] = {
        {.name = "id", .type = SLUICE_SOURCE_INT32},
        {.name = "name", .type = SLUICE_SOURCE_STRING, .optional = true},
        {.name = "amount", .type = SLUICE_SOURCE_DECIMAL, .scale = 2, .precision = 9},
        {.name = "blob", .type = SLUICE_SOURCE_BYTES},
    };
    const struct sluice_shape shape = shape_of(columns, SLUICE_N_ELEMENTS(columns), 1);
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "id", "Int32", "name", "Nullable(String)", "amount", "Decimal(9, 2)", "blob", "String");
    if (sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    for (size_t i = 0; i < plan->n_columns; i++)
        plan->columns[i].toast = SLUICE_TOAST_FAIL;
    return plan;
}

static struct sluice_batch *new_batch(struct sluice_plan *plan, size_t max_rows, size_t max_bytes)
{
    struct sluice_error err;
    struct sluice_batch *batch = NULL;
    if (sluice_batch_new(plan, max_rows, max_bytes, &batch, &err) != SLUICE_OK)
        abort();
    sluice_plan_unref(plan); /* the batch holds it */
    return batch;
}

/* Everything after the header, into `out`; read `step` bytes at a time. */
static size_t read_rows(const struct sluice_batch *batch, size_t step, unsigned char *out, size_t capacity)
{
    char all[4096];
    struct sluice_batch_reader reader;
    size_t n = 0;
    sluice_batch_read_init(&reader, batch);
    for (size_t got; (got = sluice_batch_read(&reader, all + n, step < sizeof all - n ? step : sizeof all - n)) > 0;)
        n += got;
    CHECK_INT(n, sluice_batch_n_bytes(batch));
    size_t n_header = sluice_plan_insert_header(sluice_batch_plan(batch)).len;
    CHECK_BYTES(all, n_header, sluice_plan_insert_header(sluice_batch_plan(batch)).ptr, n_header);
    size_t n_rows = n - n_header;
    if (!CHECK(n_rows <= capacity))
        abort();
    memcpy(out, all + n_header, n_rows);
    return n_rows;
}

static void check_rows(struct sluice_batch *batch, const char *hex)
{
    static const size_t steps[] = {1, 2, 7, 64, 4096};
    struct sluice_error err;
    unsigned char want[1024];
    unsigned char got[1024];
    size_t n_want = bytes_of_hex(hex, want);
    CHECK_INT(sluice_batch_seal(batch, false, &err), SLUICE_OK);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(steps); i++) {
        size_t n_got = read_rows(batch, steps[i], got, sizeof got);
        CHECK_BYTES(got, n_got, want, n_want);
    }
}

static const struct sluice_version version = {.high = 0x0102030405060708, .low = 0x1112131415161718};
#define VERSION_HEX "1817161514131211 0807060504030201"

static enum sluice_code append(struct sluice_batch *batch, const struct sluice_change *change,
                               const struct sluice_key *key, struct sluice_error *err)
{
    bool full;
    *err = (struct sluice_error){0};
    return sluice_batch_append(batch, change, key, version, &(struct sluice_record_place){"t", 0, 0}, &full, err);
}

static void test_rows(void)
{
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(typed_plan(), 100, 1 << 20);
    struct record row;
    struct record key;
    struct sluice_error err;
    CHECK_INT(append(batch, CHANGE(&row, 'c', "id", "3", "name", "\"ab\"", "amount", "\"MDk=\"", "blob", "\"AP8Q\""),
                     NULL, &err),
              SLUICE_OK);
    CHECK_INT(
        append(batch, CHANGE(&row, 'r', "id", "1", "name", "null", "amount", "\"AA==\"", "blob", "\"\""), NULL, &err),
        SLUICE_OK);
    /* Another order of the fields. */
    CHECK_INT(
        append(batch, CHANGE(&row, 'u', "name", "\"c\"", "blob", "\"AA==\"", "id", "2", "amount", "1.5"), NULL, &err),
        SLUICE_OK);
    /* A delete writes its key only, whatever `before` shows. */
    CHECK_INT(append(batch, CHANGE(&row, 'd', "id", "0", "name", "\"made up\"", "amount", "\"MDk=\"", "blob", "\"\""),
                     KEY(&key, "id", "-1"), &err),
              SLUICE_OK);
    CHECK_INT(sluice_batch_n_rows(batch), 4);
    CHECK_INT(sluice_batch_n_changes(batch), 4);
    CHECK(sluice_batch_memory(batch) >= sluice_batch_n_bytes(batch));
    check_rows(batch, "ffffffff 01 00000000 00 " VERSION_HEX "01"
                      "01000000 01 00000000 00 " VERSION_HEX "00"
                      "02000000 00 0163 96000000 0100 " VERSION_HEX "00"
                      "03000000 00 026162 39300000 0300ff10 " VERSION_HEX "00");
}

struct bad_record {
    char op;
    const char *fields[12];
    enum sluice_code code;
    const char *text;
};

static const char toast_text[] = "\"__debezium_unavailable_value\"";
static const char toast_bytes[] = "\"X19kZWJleml1bV91bmF2YWlsYWJsZV92YWx1ZQ==\"";

static const struct bad_record bad_records[] = {
    {'c',
     {"id", "1", "name", "null", "amount", "null", "blob", "\"\""},
     SLUICE_E_VALUE,
     "field \"amount\": value is null"},
    {'c', {"id", "1", "name", "null", "amount", "\"MDk=\"", "blob", "\"?\""}, SLUICE_E_VALUE, "field \"blob\": "},
    {'c',
     {"id", "2147483648", "name", "null", "amount", "1", "blob", "\"\""},
     SLUICE_E_VALUE,
     "table \"public.orders\", field \"id\": integer is out of range (column type Int32)"},
    {'c', {"id", "1", "name", "\"\\x\"", "amount", "1", "blob", "\"\""}, SLUICE_E_JSON, "field \"name\": "},
    {'u', {"id", "1", "name", toast_text, "amount", "1", "blob", "\"\""}, SLUICE_E_TOAST, "field \"name\": "},
    {'u', {"id", "1", "name", toast_text, "amount", "1", "blob", "\"\""}, SLUICE_E_TOAST, "REPLICA IDENTITY FULL"},
    {'u', {"id", "1", "name", "null", "amount", "1", "blob", toast_bytes}, SLUICE_E_TOAST, "field \"blob\": "},
    {'c', {"id", "1", "name", "null", "amount", "1"}, SLUICE_E_SHAPE, "has no field \"blob\""},
    {'c',
     {"id", "1", "name", "null", "amount", "1", "blob", "\"\"", "more", "1"},
     SLUICE_E_SHAPE,
     "has a field \"more\""},
    {'c', {"id", "1", "name", "null", "amount", "1", "bulb", "\"\""}, SLUICE_E_SHAPE, "has no field \"blob\""},
    {'c', {"id", "1", "name", "null", "amount", "1", "id", "1"}, SLUICE_E_SHAPE, "has no field \"blob\""},
    {'c', {NULL}, SLUICE_E_SHAPE, "has no field \"id\""},
};

static void test_refused(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(bad_records); i++) {
        SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(typed_plan(), 100, 1 << 20);
        struct record row;
        struct sluice_error err;
        bool full = true;
        CHECK_INT(
            append(batch, CHANGE(&row, 'c', "id", "7", "name", "null", "amount", "0", "blob", "\"\""), NULL, &err),
            SLUICE_OK);
        const struct sluice_change *change = record_change(&row, bad_records[i].op, bad_records[i].fields);
        CHECK_INT(
            sluice_batch_append(batch, change, NULL, version, &(struct sluice_record_place){"t", 0, 0}, &full, &err),
            bad_records[i].code);
        CHECK_INT(err.code, bad_records[i].code);
        CHECK(!full);
        CHECK_CONTAINS(err.text, bad_records[i].text);
        CHECK_CONTAINS(err.text, "table \"public.orders\"");
        /* The batch is as it was. */
        CHECK_INT(sluice_batch_n_rows(batch), 1);
        check_rows(batch, "07000000 01 00000000 00 " VERSION_HEX "00");
    }
}

/* Placeholder texts where they are data: in snapshots, in part, in the other type's form. */
static void test_not_toast(void)
{
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(typed_plan(), 100, 1 << 20);
    struct record row;
    struct sluice_error err;
    CHECK_INT(
        append(batch, CHANGE(&row, 'r', "id", "1", "name", toast_text, "amount", "1", "blob", toast_bytes), NULL, &err),
        SLUICE_OK);
    CHECK_INT(
        append(batch,
               CHANGE(&row, 'u', "id", "1", "name", "\"__debezium_unavailable_value.\"", "amount", "1", "blob", "\"\""),
               NULL, &err),
        SLUICE_OK);
    CHECK_INT(
        append(batch, CHANGE(&row, 'u', "id", "1", "name", toast_bytes, "amount", "1", "blob", "\"\""), NULL, &err),
        SLUICE_OK);
    CHECK_INT(
        append(batch, CHANGE(&row, 'c', "id", "1", "name", toast_text, "amount", "1", "blob", toast_bytes), NULL, &err),
        SLUICE_OK);
    CHECK_INT(sluice_batch_n_rows(batch), 4);
}

static void test_bad_keys(void)
{
    static const struct {
        const char *fields[6];
        enum sluice_code code;
        const char *text;
    } cases[] = {
        {{NULL}, SLUICE_E_KEY, "must hold 1 columns"},
        {{"id", "1", "name", "\"x\""}, SLUICE_E_KEY, "must hold 1 columns"},
        {{"di", "1"}, SLUICE_E_KEY, "field \"id\": the record's key does not hold"},
        {{"id", "null"}, SLUICE_E_KEY, "field \"id\": the record's key holds null"},
        {{"id", "\"1\""}, SLUICE_E_VALUE, "field \"id\": value is not an integer"},
    };
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(typed_plan(), 100, 1 << 20);
    struct record row;
    struct record key;
    struct sluice_error err;
    const struct sluice_change *change = CHANGE(&row, 'd', "id", "1");
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        CHECK_INT(append(batch, change, record_key(&key, cases[i].fields), &err), cases[i].code);
        CHECK_CONTAINS(err.text, cases[i].text);
        CHECK_INT(err.action, SLUICE_REJECT);
    }
    CHECK_INT(append(batch, change, NULL, &err), SLUICE_E_KEY);
    CHECK_INT(sluice_batch_n_rows(batch), 0);
    check_rows(batch, "");
}

/* Names that JSON writes with escapes. */
static void test_escaped_names(void)
{
    struct sluice_source_column columns[] = {{.name = "i\"d\n", .type = SLUICE_SOURCE_INT32},
                                             {.name = "back\\slash", .type = SLUICE_SOURCE_INT32}};
    const struct sluice_shape shape = shape_of(columns, 2, 1);
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    struct record row;
    struct record key;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "`i\"d\\n`", "i\"d\n", "Int32", "back\\slash", "Int32");
    if (!CHECK_INT(sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err), SLUICE_OK)) {
        (void)fprintf(stderr, "    %s\n", err.text);
        return;
    }
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(plan, 100, 1 << 20);
    CHECK_INT(append(batch, CHANGE(&row, 'c', "i\\\"d\\n", "1", "back\\\\slash", "2"), NULL, &err), SLUICE_OK);
    CHECK_INT(append(batch, CHANGE(&row, 'd', "i\\\"d\\n", "1", "back\\\\slash", "2"),
                     KEY(&key, "i\\u0022d\\u000A", "2"), &err),
              SLUICE_OK);
    check_rows(batch, "01000000 02000000 " VERSION_HEX "00"
                      "02000000 00000000 " VERSION_HEX "01");
}

static void test_full(void)
{
    enum { ROW = 4 + 1 + 4 + 1 + 16 + 1 };
    struct record row;
    struct sluice_error err;
    bool full = false;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *few = new_batch(typed_plan(), 2, 1 << 20);
    const struct sluice_change *change = CHANGE(&row, 'c', "id", "7", "name", "null", "amount", "0", "blob", "\"\"");
    CHECK_INT(append(few, change, NULL, &err), SLUICE_OK);
    CHECK_INT(append(few, change, NULL, &err), SLUICE_OK);
    CHECK_INT(sluice_batch_append(few, change, NULL, version, &(struct sluice_record_place){"t", 0, 0}, &full, &err),
              SLUICE_E_LIMIT);
    CHECK(full);
    CHECK_INT(sluice_batch_n_rows(few), 2);

    size_t n_header = sluice_plan_insert_header(sluice_batch_plan(few)).len;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *small = new_batch(typed_plan(), 100, n_header + 2 * ROW);
    CHECK_INT(append(small, change, NULL, &err), SLUICE_OK);
    CHECK_INT(append(small, change, NULL, &err), SLUICE_OK);
    CHECK_INT(sluice_batch_append(small, change, NULL, version, &(struct sluice_record_place){"t", 0, 0}, &full, &err),
              SLUICE_E_LIMIT);
    CHECK(full);
    CHECK_INT(sluice_batch_n_bytes(small), n_header + 2 * ROW);

    SLUICE_AUTO(sluice_batch) struct sluice_batch *tiny = new_batch(typed_plan(), 100, n_header + ROW - 1);
    CHECK_INT(sluice_batch_append(tiny, change, NULL, version, &(struct sluice_record_place){"t", 0, 0}, &full, &err),
              SLUICE_E_LIMIT);
    CHECK(!full);
    CHECK_INT(err.action, SLUICE_REJECT);
    CHECK_CONTAINS(err.text, "batch.max_bytes");
    CHECK_INT(sluice_batch_n_rows(tiny), 0);
}

/* Rows enough for several growths, each with its own content. */
static void test_growth(void)
{
    enum { N_ROWS = 20000 };
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(typed_plan(), N_ROWS, 8 << 20);
    struct sluice_error err;
    struct sluice_batch_reader reader;
    char id[16];
    char name[64];
    for (int i = 0; i < N_ROWS; i++) {
        struct record row;
        (void)snprintf(id, sizeof id, "%d", N_ROWS - 1 - i);
        (void)snprintf(name, sizeof name, "\"name %d\"", N_ROWS - 1 - i);
        if (!CHECK_INT(
                append(batch, CHANGE(&row, 'c', "id", id, "name", name, "amount", "0", "blob", "\"\""), NULL, &err),
                SLUICE_OK))
            return;
    }
    CHECK_INT(sluice_batch_seal(batch, true, &err), SLUICE_OK);
    CHECK_INT(sluice_batch_n_rows(batch), N_ROWS);
    char *all = malloc(sluice_batch_n_bytes(batch));
    if (all == NULL)
        abort();
    sluice_batch_read_init(&reader, batch);
    CHECK_INT(sluice_batch_read(&reader, all, sluice_batch_n_bytes(batch)), sluice_batch_n_bytes(batch));
    CHECK_INT(sluice_batch_read(&reader, all, 1), 0);
    const char *at = all + sluice_plan_insert_header(sluice_batch_plan(batch)).len;
    bool in_order = true;
    for (int i = 0; i < N_ROWS && in_order; i++) {
        int32_t got;
        memcpy(&got, at, sizeof got);
        int n = snprintf(name, sizeof name, "name %d", i);
        in_order = got == i && at[5] == n && memcmp(at + 6, name, (size_t)n) == 0;
        at += 4 + 2 + n + 4 + 1 + 17;
    }
    CHECK(in_order);
    free(all);
}

/* ---- metadata columns, the mode log, rows left out ---- */

static struct sluice_plan *metadata_plan(bool is_log)
{
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT32},
                                             {.name = "v", .type = SLUICE_SOURCE_STRING, .optional = true}};
    const struct sluice_shape shape = shape_of(columns, SLUICE_N_ELEMENTS(columns), 1);
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "id", "Int32", "v", "Nullable(String)", "_op", "FixedString(1)", "_topic",
           "LowCardinality(String)", "_partition", "Int64", "_offset", "UInt64");
    if (is_log)
        target.engine = "MergeTree";
    const struct sluice_plan_options options = {
        .is_log = is_log, .version_column = "_version", .deleted_column = "is_deleted"};
    if (sluice_plan_new(&shape, &target, &options, &plan, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return plan;
}

/* ids 3, 1, 3, 2 at the offsets 7, 8, 9, 10; the third is a delete. */
static struct sluice_batch *metadata_batch(bool is_log)
{
    struct sluice_batch *batch = new_batch(metadata_plan(is_log), 100, 1 << 20);
    struct record row;
    struct record key;
    struct sluice_error err;
    bool full;
    static const char *const ids[] = {"3", "1", "3", "2"};
    for (int i = 0; i < 4; i++) {
        bool deleted = i == 2;
        const struct sluice_change *change = CHANGE(&row, deleted ? 'd' : 'u', "id", ids[i], "v", "\"x\"");
        const struct sluice_record_place place = {"a.b", 5, 7 + i};
        CHECK_INT(sluice_batch_append(batch, change, deleted ? KEY(&key, "id", ids[i]) : NULL,
                                      (struct sluice_version){.low = (uint64_t)(i + 1)}, &place, &full, &err),
                  SLUICE_OK);
    }
    return batch;
}

#define PLACE_HEX "03612e62 0500000000000000 "
#define LOW_HEX   "00000000000000 0000000000000000 "
#define ROW_7     "03000000 000178 75 " PLACE_HEX "0700000000000000 01" LOW_HEX "00"
#define ROW_8     "01000000 000178 75 " PLACE_HEX "0800000000000000 02" LOW_HEX "00"
#define ROW_9     "03000000 01 64 " PLACE_HEX "0900000000000000 03" LOW_HEX "01"
#define ROW_10    "02000000 000178 75 " PLACE_HEX "0a00000000000000 04" LOW_HEX "00"

static void check_sealed(const struct sluice_batch *batch, const char *hex)
{
    unsigned char want[1024];
    unsigned char got[1024];
    size_t n_want = bytes_of_hex(hex, want);
    size_t n_got = read_rows(batch, 13, got, sizeof got);
    CHECK_BYTES(got, n_got, want, n_want);
}

static void test_metadata(void)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = metadata_batch(false);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *collapsed = metadata_batch(false);
    CHECK_INT(sluice_batch_seal(batch, false, &err), SLUICE_OK);
    check_sealed(batch, ROW_8 ROW_10 ROW_7 ROW_9);
    CHECK_INT(sluice_batch_seal(collapsed, true, &err), SLUICE_OK);
    check_sealed(collapsed, ROW_8 ROW_10 ROW_9);
}

/* Every change stays, in the order of the records. */
static void test_log(void)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = metadata_batch(true);
    CHECK_INT(sluice_batch_seal(batch, true, &err), SLUICE_OK);
    CHECK_INT(sluice_batch_n_rows(batch), 4);
    check_sealed(batch, ROW_7 ROW_8 ROW_9 ROW_10);
    for (size_t i = 0; i < 4; i++)
        CHECK_INT(rowkey_offset(sluice_batch_plan(batch), sluice_batch_row(batch, i)), 7 + (int)i);
}

static void test_left_out(void)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = metadata_batch(false);
    CHECK_INT(sluice_batch_seal(batch, false, &err), SLUICE_OK);
    sluice_batch_leave_out(batch, (const bool[]){false, false, false, false});
    check_sealed(batch, ROW_8 ROW_10 ROW_7 ROW_9);
    sluice_batch_leave_out(batch, (const bool[]){false, true, false, false});
    CHECK_INT(sluice_batch_n_rows(batch), 3);
    CHECK_INT(sluice_batch_n_changes(batch), 4);
    check_sealed(batch, ROW_8 ROW_7 ROW_9);
    sluice_batch_leave_out(batch, (const bool[]){true, false, true});
    check_sealed(batch, ROW_7);
    sluice_batch_leave_out(batch, (const bool[]){true});
    CHECK_INT(sluice_batch_n_rows(batch), 0);
    check_sealed(batch, "");
    sluice_batch_leave_out(batch, NULL);
    CHECK_INT(sluice_batch_n_rows(batch), 0);
}

/* Keys behind values of every length; in the order of the sorting key, not of the columns. */
static void append_version(struct sluice_batch *batch, const char *id, uint64_t number)
{
    struct record row;
    struct sluice_error err;
    bool full = false;
    CHECK_INT(sluice_batch_append(batch, CHANGE(&row, 'u', "id", id, "name", "null", "amount", "1.5", "blob", "\"\""),
                                  NULL, (struct sluice_version){0, number}, &(struct sluice_record_place){"t", 0, 0},
                                  &full, &err),
              SLUICE_OK);
}

/* Ids and versions as sent: "1:20 2:30". */
static void check_sent(const struct sluice_batch *batch, const char *want)
{
    char text[128] = "";
    size_t used = 0;
    for (size_t i = 0; i < sluice_batch_n_rows(batch); i++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%d:%d", i > 0 ? " " : "",
                                 sluice_batch_row(batch, i).ptr[0], (int)sluice_batch_version(batch, i).low);
    CHECK_TEXT(text, want);
    struct sluice_batch_reader reader;
    char bytes[2048];
    size_t n = 0;
    sluice_batch_read_init(&reader, batch);
    n = sluice_batch_read(&reader, bytes, sizeof bytes);
    CHECK_INT(n, sluice_batch_n_bytes(batch));
}

/* What a refused row had replaced is sent in its stead, where rows were collapsed. */
static void test_refused_by_server(void)
{
    for (int collapse = 0; collapse < 2; collapse++) {
        SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(typed_plan(), 100, 1 << 20);
        struct sluice_error err;
        const bool refused[7] = {[3] = true, [5] = true};
        append_version(batch, "3", 10);
        append_version(batch, "1", 20);
        append_version(batch, "1", 30);
        append_version(batch, "1", 40);
        append_version(batch, "2", 50);
        append_version(batch, "4", 60);
        append_version(batch, "3", 70);
        CHECK_INT(sluice_batch_seal(batch, collapse, &err), SLUICE_OK);
        check_sent(batch, collapse ? "1:40 2:50 3:70 4:60" : "1:20 1:30 1:40 2:50 3:10 3:70 4:60");
        CHECK_INT(sluice_batch_arrival(batch, 0), collapse ? 3 : 1);
        CHECK_INT(sluice_batch_refuse(batch, refused, collapse, &err), SLUICE_OK);
        check_sent(batch, collapse ? "1:30 2:50 3:70" : "1:20 1:30 2:50 3:10 3:70");
        struct sluice_batch_reader reader;
        char bytes[2048];
        size_t n_header = sluice_plan_insert_header(sluice_batch_plan(batch)).len;
        sluice_batch_read_part(&reader, batch, 1, 2);
        CHECK_INT(sluice_batch_read(&reader, bytes, sizeof bytes), n_header + sluice_batch_row(batch, 1).len);
        CHECK_BYTES(bytes + n_header, sluice_batch_row(batch, 1).len, sluice_batch_row(batch, 1).ptr,
                    sluice_batch_row(batch, 1).len);
    }
}

/* A row that a look-up found stored does not come back with it. */
static void test_refused_after_a_lookup(void)
{
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(typed_plan(), 100, 1 << 20);
    struct sluice_error err;
    const bool stored[3] = {true, false, false};
    const bool refused[3] = {[1] = true};
    append_version(batch, "1", 20);
    append_version(batch, "2", 30);
    append_version(batch, "3", 40);
    CHECK_INT(sluice_batch_seal(batch, true, &err), SLUICE_OK);
    sluice_batch_leave_out(batch, stored);
    CHECK_INT(sluice_batch_refuse(batch, refused, true, &err), SLUICE_OK);
    check_sent(batch, "3:40");
}

static void test_row_keys(void)
{
    struct sluice_source_column columns[] = {{.name = "fixed", .type = SLUICE_SOURCE_BYTES},
                                             {.name = "a", .type = SLUICE_SOURCE_STRING},
                                             {.name = "b", .type = SLUICE_SOURCE_INT16},
                                             {.name = "n", .type = SLUICE_SOURCE_INT64, .optional = true}};
    static const size_t indexes[] = {1, 2};
    columns[1].is_key = columns[2].is_key = true;
    const struct sluice_shape shape = {.schema = "public",
                                       .table = "orders",
                                       .typed = true,
                                       .columns = columns,
                                       .n_columns = 4,
                                       .key = indexes,
                                       .n_key = 2};
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    struct rowkey key;
    struct record row;
    char text[202];
    unsigned char want[256];
    SLUICE_AUTO(sluice_buf) struct sluice_buf buf;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_buf_init(&buf, 4096, "test");
    TARGET(&target, "b, a", "fixed", "Nullable(FixedString(3))", "a", "LowCardinality(String)", "b", "Int32", "n",
           "Nullable(Int64)");
    if (!CHECK_INT(sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err), SLUICE_OK))
        return;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(plan, 100, 1 << 20);
    memset(text, 'x', sizeof text - 1);
    text[0] = text[200] = '"';
    text[201] = '\0';
    CHECK_INT(append(batch, CHANGE(&row, 'c', "fixed", "null", "a", text, "b", "1", "n", "5"), NULL, &err), SLUICE_OK);
    CHECK_INT(append(batch, CHANGE(&row, 'c', "fixed", "\"AAAA\"", "a", "\"y\"", "b", "2", "n", "null"), NULL, &err),
              SLUICE_OK);
    CHECK_INT(sluice_batch_seal(batch, false, &err), SLUICE_OK);
    rowkey_init(&key, plan);
    CHECK_INT(rowkey_append_names(&key, &buf, &err), SLUICE_OK);
    CHECK_INT(rowkey_append_structure(&key, &buf, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&buf), "`b`, `a``b` Int32, `a` String");
    sluice_buf_clear(&buf);
    CHECK_INT(rowkey_append_row(&key, sluice_batch_row(batch, 1), &buf, &err), SLUICE_OK);
    size_t n = bytes_of_hex("02000000 0179" VERSION_HEX, want);
    CHECK_BYTES(buf.ptr, buf.len, want, n);
    sluice_buf_clear(&buf);
    CHECK_INT(rowkey_append_row(&key, sluice_batch_row(batch, 0), &buf, &err), SLUICE_OK);
    n = bytes_of_hex("01000000 c701", want);
    memset(want + n, 'x', 199);
    n += 199;
    n += bytes_of_hex(VERSION_HEX, want + n);
    CHECK_BYTES(buf.ptr, buf.len, want, n);
}

/* The upper half of a version stays behind where the column is UInt64, however the rows are read. */
static void test_narrow_versions(void)
{
    struct sluice_plan *plan = typed_plan();
    plan->is_narrow = true;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(plan, 100, 1 << 20);
    struct record row;
    struct record key;
    struct sluice_error err;
    CHECK_INT(append(batch, CHANGE(&row, 'c', "id", "3", "name", "null", "amount", "1.5", "blob", "\"\""), NULL, &err),
              SLUICE_OK);
    CHECK_INT(append(batch, CHANGE(&row, 'd', "id", "0", "name", "null", "amount", "1", "blob", "\"\""),
                     KEY(&key, "id", "1"), &err),
              SLUICE_OK);
    check_rows(batch, "01000000 01 00000000 00 1817161514131211 01"
                      "03000000 01 96000000 00 1817161514131211 00");
}

/* Rows from before a TRUNCATE are sent as deleted; one at its very version is none of them. */
static void test_deleted_by_version(void)
{
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = new_batch(typed_plan(), 100, 1 << 20);
    struct record row;
    struct sluice_error err;
    struct sluice_version later = {version.high, version.low + 1};
    CHECK_INT(append(batch, CHANGE(&row, 'c', "id", "3", "name", "null", "amount", "1.5", "blob", "\"\""), NULL, &err),
              SLUICE_OK);
    CHECK(!sluice_batch_has_older(batch, version));
    CHECK(sluice_batch_has_older(batch, later));
    CHECK(sluice_batch_has_older(batch, (struct sluice_version){version.high + 1, 0}));
    CHECK_INT(sluice_batch_seal(batch, false, &err), SLUICE_OK);
    sluice_batch_delete_older(batch, version);
    struct sluice_str sent = sluice_batch_row(batch, 0);
    CHECK_INT(sent.ptr[sent.len - 1], 0);
    sluice_batch_delete_older(batch, later);
    CHECK_INT(sent.ptr[sent.len - 1], 1);
    CHECK(sluice_batch_has_older(batch, later));
}

int main(void)
{
    test_rows();
    test_narrow_versions();
    test_deleted_by_version();
    test_metadata();
    test_log();
    test_left_out();
    test_refused_by_server();
    test_refused_after_a_lookup();
    test_row_keys();
    test_refused();
    test_not_toast();
    test_bad_keys();
    test_escaped_names();
    test_full();
    test_growth();
    return check_result();
}
