/* Looking up stored rows in a real engine: every type a sorting key can have, large batches, table partitions, both
 * modes. */
#include "base/clock.h"
#include "clickhouse/lookup.h"
#include "live.h"
#include "unit/table/table_support.h"

#define TOPIC     "shop.public.orders"
#define PARTITION 3

static const struct sluice_plan_options replace_options = {
    .is_log = false, .version_column = "_version", .deleted_column = "is_deleted"};
static const struct sluice_plan_options log_options = {
    .is_log = true, .version_column = "_version", .deleted_column = "is_deleted"};

/* ---- tables and batches ---- */

static struct sluice_plan *plan_of(const char *table, struct sluice_source_column *columns, size_t n_columns,
                                   size_t n_key, const struct sluice_plan_options *options)
{
    bool exists = false;
    struct sluice_plan *plan = NULL;
    const struct sluice_shape shape = shape_of(columns, n_columns, n_key);
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    if (sluice_ch_read_target(client, database, table, &target, &exists, &why) != SLUICE_OK || !CHECK(exists) ||
        sluice_plan_new(&shape, &target, options, &plan, &why) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", why.text);
        exit(1);
    }
    return plan;
}

static struct sluice_batch *batch_of(struct sluice_plan *plan)
{
    struct sluice_batch *batch = NULL;
    if (sluice_batch_new(plan, 1000000, 1 << 28, &batch, &why) != SLUICE_OK)
        exit(1);
    return batch;
}

static void append(struct sluice_batch *batch, const struct sluice_change *change, uint64_t version, int64_t offset)
{
    bool full;
    const struct sluice_record_place place = {TOPIC, PARTITION, offset};
    const struct sluice_key key = {.fields = change->fields, .n_fields = change->n_fields};
    if (!CHECK_INT(sluice_batch_append(batch, change, change->op == 'd' ? &key : NULL,
                                       (struct sluice_version){.low = version}, &place, &full, &why),
                   SLUICE_OK))
        (void)fprintf(stderr, "%s\n", why.text);
}

static void seal(struct sluice_batch *batch)
{
    CHECK_INT(sluice_batch_seal(batch, false, &why), SLUICE_OK);
}

static size_t read_batch(void *ctx, char *out, size_t capacity)
{
    return sluice_batch_read(ctx, out, capacity);
}

static void rewind_batch(void *ctx)
{
    struct sluice_batch_reader *reader = ctx;
    sluice_batch_read_init(reader, reader->batch);
}

static void insert(const struct sluice_batch *batch)
{
    struct sluice_batch_reader reader;
    struct sluice_ch_insert_result result;
    const struct sluice_plan *plan = sluice_batch_plan(batch);
    sluice_batch_read_init(&reader, batch);
    const struct sluice_ch_insert insert = {.sql = sluice_plan_insert_sql(plan),
                                            .target = sluice_plan_table(plan),
                                            .n_rows = sluice_batch_n_rows(batch),
                                            .read = read_batch,
                                            .rewind = rewind_batch,
                                            .ctx = &reader};
    if (!CHECK_INT(sluice_ch_insert(client, &insert, &result, &why), SLUICE_OK))
        (void)fprintf(stderr, "%s\n", why.text);
}

static size_t drop_stored(struct sluice_batch *batch, int64_t lo, int64_t hi)
{
    size_t n_missing = SIZE_MAX;
    const struct sluice_ch_range range = {TOPIC, PARTITION, lo, hi, false};
    if (!CHECK_INT(sluice_ch_drop_stored(client, batch, &range, &n_missing, &why), SLUICE_OK))
        (void)fprintf(stderr, "%s\n", why.text);
    CHECK_INT(sluice_batch_n_rows(batch), n_missing);
    return n_missing;
}

/* ---- every type of a key ---- */

enum { N_VALUES = 3 };

static const struct key_case {
    const char *type;
    const char *expression; /* for PARTITION BY */
    enum sluice_source_type source;
    unsigned scale;
    const char *values[N_VALUES];
} cases[] = {
    {"Int16", "k", SLUICE_SOURCE_INT16, 0, {"-32768", "0", "32767"}},
    {"Int32", "k % 7", SLUICE_SOURCE_INT32, 0, {"-2147483648", "-1", "2147483647"}},
    {"Int64", "k % 2", SLUICE_SOURCE_INT64, 0, {"-9223372036854775808", "0", "9223372036854775807"}},
    {"Int256", "k % 2", SLUICE_SOURCE_INT64, 0, {"-9223372036854775808", "0", "9223372036854775807"}},
    {"LowCardinality(Int32)", "k", SLUICE_SOURCE_INT32, 0, {"-2147483648", "-1", "2147483647"}},
    {"Bool", "k", SLUICE_SOURCE_BOOLEAN, 0, {"false", "false", "true"}},
    {"Float64", "k > 1", SLUICE_SOURCE_FLOAT64, 0, {"-1.5e300", "0.1", "7"}},
    {"String", "length(k)", SLUICE_SOURCE_STRING, 0, {"\"\"", "\"it's\"", "\"a\\u0000\\n\\t\\\\`'\\\"\\u20ac\\b\""}},
    {"String", "length(k)", SLUICE_SOURCE_BYTES, 0, {"\"\"", "\"AAH/gP7A\"", "\"/+//wIAiJ1wKDQA=\""}},
    {"LowCardinality(String)", "k", SLUICE_SOURCE_ENUM, 0, {"\"a\"", "\"it's\"", "\"\\u20ac\""}},
    {"FixedString(4)", "k", SLUICE_SOURCE_BYTES, 0, {"\"AAAAAA==\"", "\"AAH/gA==\"", "\"/////w==\""}},
    {"Enum8('a\\'b' = -1, 'c' = 2, 'd' = 100)", "k", SLUICE_SOURCE_ENUM, 0, {"\"a'b\"", "\"c\"", "\"d\""}},
    {"UUID",
     "toUInt8(substring(toString(k), 1, 1) = '6')",
     SLUICE_SOURCE_UUID,
     0,
     {"\"00000000-0000-0000-0000-000000000000\"", "\"6f1c0c4e-1234-4321-8888-00000000abcd\"",
      "\"ffffffff-ffff-ffff-ffff-ffffffffffff\""}},
    {"Date", "toYYYYMM(k)", SLUICE_SOURCE_DATE, 0, {"0", "19000", "65535"}},
    {"Date32", "toYYYYMM(k)", SLUICE_SOURCE_DATE, 0, {"-20000", "0", "100000"}},
    {"DateTime64(6, 'UTC')",
     "toYYYYMM(k)",
     SLUICE_SOURCE_TIMESTAMP_US,
     0,
     {"-1000001", "1709251199123456", "4000000000000001"}},
    {"DateTime64(9)", "toYYYYMM(k)", SLUICE_SOURCE_TIMESTAMP_NS, 0, {"-1", "1", "1709251199123456789"}},
    {"Decimal(9, 2)", "k > 0", SLUICE_SOURCE_DECIMAL, 2, {"-1234567.89", "0", "0.01"}},
    {"Decimal(38, 4)",
     "k > 0",
     SLUICE_SOURCE_DECIMAL,
     4,
     {"-1234567890123456789012345678901234.5678", "0", "9999999999999999999999999999999999.9999"}},
    {"Decimal(76, 1)",
     "k > 0",
     SLUICE_SOURCE_DECIMAL,
     1,
     {"-1.1", "0", "12345678901234567890123456789012345678901234567.8"}},
};

/* The rows `from` to `to` of a case; key column in the middle, behind one of varying length. */
static struct sluice_batch *case_batch(struct sluice_plan *plan, const struct key_case *c, size_t from, size_t to,
                                       uint64_t version)
{
    struct record row;
    struct sluice_batch *batch = batch_of(plan);
    for (size_t i = from; i <= to; i++)
        append(batch, CHANGE(&row, 'u', "before", i % 2 == 0 ? "null" : "\"some text\"", "k", c->values[i], "v", "1"),
               version, 0);
    seal(batch);
    return batch;
}

static void expect_missing(struct sluice_plan *plan, const struct key_case *c, size_t from, size_t to, uint64_t version,
                           size_t n_missing)
{
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = case_batch(plan, c, from, to, version);
    if (!CHECK_INT(drop_stored(batch, 0, 0), n_missing))
        (void)fprintf(stderr, "    %s, rows %zu to %zu, version %d\n", c->type, from, to, (int)version);
}

static struct sluice_plan *case_plan(const struct key_case *c, const char *table, bool partitioned)
{
    char sql[1024];
    struct sluice_source_column columns[] = {
        {.name = "k", .type = c->source, .scale = c->scale, .precision = 76, .is_key = true},
        {.name = "before", .type = SLUICE_SOURCE_STRING, .optional = true},
        {.name = "v", .type = SLUICE_SOURCE_INT32}};
    const struct sluice_source_column ordered[] = {columns[1], columns[0], columns[2]};
    static const size_t key[] = {1};
    bool exists = false;
    struct sluice_plan *plan = NULL;
    memcpy(columns, ordered, sizeof columns);
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE @.%s (before Nullable(String), k %s, v Int32, _version UInt128, is_deleted UInt8) "
                   "ENGINE = ReplacingMergeTree(_version, is_deleted) %s%s ORDER BY k",
                   table, c->type, partitioned ? "PARTITION BY " : "", partitioned ? c->expression : "");
    if (!CHECK_INT(run_sql(sql), SLUICE_OK))
        exit(1);
    const struct sluice_shape shape = {
        .schema = "public", .table = table, .typed = true, .columns = columns, .n_columns = 3, .key = key, .n_key = 1};
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    if (sluice_ch_read_target(client, database, table, &target, &exists, &why) != SLUICE_OK ||
        sluice_plan_new(&shape, &target, &replace_options, &plan, &why) != SLUICE_OK) {
        (void)fprintf(stderr, "%s: %s\n", c->type, why.text);
        exit(1);
    }
    return plan;
}

/* Of three rows the first and the last are stored; in a Bool's case the first two share a key. */
static void test_key_type(const struct key_case *c, const char *table, bool partitioned)
{
    struct sluice_plan *plan = case_plan(c, table, partitioned);
    size_t n_middle = strcmp(c->values[0], c->values[1]) == 0 ? 0 : 1;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *first = case_batch(plan, c, 0, 0, 16);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *last = case_batch(plan, c, 2, 2, 16);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *all = case_batch(plan, c, 0, 2, 16);
    expect_missing(plan, c, 0, 2, 16, 3);
    insert(first);
    insert(last);
    expect_missing(plan, c, 0, 2, 24, 3);
    expect_missing(plan, c, 0, 2, 8, n_middle);
    if (!CHECK_INT(drop_stored(all, 0, 0), n_middle))
        (void)fprintf(stderr, "    %s\n", c->type);
    if (n_middle == 1) {
        insert(all);
        CHECK_INT(count(table), 3);
        CHECK_INT(drop_stored(all, 0, 0), 0);
    }
    CHECK_INT(drop_stored(all, 0, 0), 0);
    expect_missing(plan, c, 0, 2, 16, 0);
    sluice_plan_unref(plan);
}

static void test_key_types(void)
{
    char table[32];
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        (void)snprintf(table, sizeof table, "key_%zu", i);
        test_key_type(&cases[i], table, false);
        (void)snprintf(table, sizeof table, "parted_%zu", i);
        test_key_type(&cases[i], table, true);
    }
}

/* ---- keys of several columns, versions, deleted rows ---- */

static struct sluice_plan *composite_plan(void)
{
    struct sluice_source_column columns[] = {{.name = "o`dd", .type = SLUICE_SOURCE_INT32},
                                             {.name = "name", .type = SLUICE_SOURCE_STRING},
                                             {.name = "u", .type = SLUICE_SOURCE_UUID},
                                             {.name = "v", .type = SLUICE_SOURCE_STRING, .optional = true}};
    CHECK_INT(run_sql("CREATE TABLE @.`com\\`posite` (`o\\`dd` Int32, name LowCardinality(String), u UUID, v "
                      "Nullable(String), _version UInt128, is_deleted UInt8) ENGINE = "
                      "ReplacingMergeTree(_version, is_deleted) ORDER BY (name, u, `o\\`dd`)"),
              SLUICE_OK);
    CHECK_INT(run_sql("SYSTEM STOP MERGES @.`com\\`posite`"), SLUICE_OK);
    return plan_of("com`posite", columns, SLUICE_N_ELEMENTS(columns), 3, &replace_options);
}

#define UUID_1 "\"6f1c0c4e-1234-4321-8888-000000000001\""
#define UUID_2 "\"6f1c0c4e-1234-4321-8888-000000000002\""

static struct sluice_batch *composite_batch(struct sluice_plan *plan, uint64_t version)
{
    struct record row;
    struct sluice_batch *batch = batch_of(plan);
    append(batch, CHANGE(&row, 'c', "o`dd", "1", "name", "\"a\"", "u", UUID_1, "v", "\"x\""), version, 0);
    append(batch, CHANGE(&row, 'u', "o`dd", "1", "name", "\"a\"", "u", UUID_1, "v", "null"), version + 8, 0);
    append(batch, CHANGE(&row, 'c', "o`dd", "1", "name", "\"b\"", "u", UUID_1, "v", "null"), version, 0);
    append(batch, CHANGE(&row, 'd', "o`dd", "2", "name", "\"a\"", "u", UUID_2), version, 0);
    seal(batch);
    return batch;
}

static void test_composite(void)
{
    struct record row;
    struct sluice_plan *plan = composite_plan();
    SLUICE_AUTO(sluice_batch) struct sluice_batch *older = composite_batch(plan, 100);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *same = composite_batch(plan, 100);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *next = composite_batch(plan, 104);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *other = batch_of(plan);
    CHECK_INT(drop_stored(older, 0, 0), 4);
    insert(older);
    CHECK_INT(drop_stored(same, 0, 0), 0);
    /* Its first version is the second one of what is stored. */
    CHECK_INT(drop_stored(next, 0, 0), 3);
    /* Each part of the key alone is there, the whole is not. */
    append(other, CHANGE(&row, 'c', "o`dd", "2", "name", "\"a\"", "u", UUID_1, "v", "null"), 1, 0);
    append(other, CHANGE(&row, 'c', "o`dd", "2", "name", "\"b\"", "u", UUID_2, "v", "null"), 1, 0);
    seal(other);
    CHECK_INT(drop_stored(other, 0, 0), 2);
    /* Nothing in the batch: nothing is asked. */
    CHECK_INT(drop_stored(same, 0, 0), 0);
    sluice_plan_unref(plan);
}

/* What else lived under the key when an attempt was made shows in two bits of the version: still the same event. */
static void test_pending_bits(void)
{
    struct record row;
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT64}};
    CHECK_INT(run_sql("CREATE TABLE @.pending (id Int64, _version UInt128, is_deleted UInt8) ENGINE = "
                      "ReplacingMergeTree(_version, is_deleted) ORDER BY id"),
              SLUICE_OK);
    struct sluice_plan *plan = plan_of("pending", columns, 1, 1, &replace_options);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *stored = batch_of(plan);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *again = batch_of(plan);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *next = batch_of(plan);
    append(stored, CHANGE(&row, 'c', "id", "1"), 16, 0);
    append(stored, CHANGE(&row, 'c', "id", "2"), 16 | 6, 1);
    append(again, CHANGE(&row, 'c', "id", "1"), 16 | 2, 0);
    append(again, CHANGE(&row, 'c', "id", "2"), 16 | 4, 1);
    append(next, CHANGE(&row, 'c', "id", "1"), 16 | 1, 0); /* the created half of a key change */
    append(next, CHANGE(&row, 'c', "id", "2"), 24, 1);
    seal(stored);
    seal(again);
    seal(next);
    insert(stored);
    CHECK_INT(drop_stored(again, 0, 1), 0);
    CHECK_INT(drop_stored(next, 0, 1), 2);
    sluice_plan_unref(plan);
}

/* A deleted row that a user's settings would hide is there all the same. */
static void test_deleted_row_counts(void)
{
    struct record row;
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT64}};
    CHECK_INT(run_sql("CREATE TABLE @.deleted (id Int64, _version UInt128, is_deleted UInt8) ENGINE = "
                      "ReplacingMergeTree(_version, is_deleted) ORDER BY id"),
              SLUICE_OK);
    struct sluice_plan *plan = plan_of("deleted", columns, 1, 1, &replace_options);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = batch_of(plan);
    append(batch, CHANGE(&row, 'd', "id", "7"), 5, 0);
    seal(batch);
    insert(batch);
    CHECK_INT(drop_stored(batch, 0, 0), 0);
    sluice_plan_unref(plan);
}

/* ---- many rows ---- */

enum { N_MANY = 65536, N_HELD = 1000000, N_TABLE_PARTITIONS = 20 };

static void fill_many(struct sluice_batch *batch, size_t step)
{
    struct record row;
    char id[24];
    char name[48];
    for (size_t i = 0; i < N_MANY; i += step) {
        (void)snprintf(id, sizeof id, "%zu", i * 7);
        (void)snprintf(name, sizeof name, "\"customer %zu\"", i * 7);
        append(batch, CHANGE(&row, 'u', "id", id, "name", name), 1000, 0);
    }
    seal(batch);
}

static void test_many(const char *table, const char *sorting_key, size_t n_key)
{
    char sql[512];
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT64},
                                             {.name = "name", .type = SLUICE_SOURCE_STRING}};
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE @.%s (id Int64, name String, _version UInt128, is_deleted UInt8) ENGINE = "
                   "ReplacingMergeTree(_version, is_deleted) PARTITION BY intDiv(id, %d) ORDER BY (%s)",
                   table, N_HELD / N_TABLE_PARTITIONS, sorting_key);
    CHECK_INT(run_sql(sql), SLUICE_OK);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO @.%s SELECT number, 'customer ' || toString(number), 1, 0 FROM numbers(%d)", table,
                   N_HELD);
    CHECK_INT(run_sql(sql), SLUICE_OK);
    struct sluice_plan *plan = plan_of(table, columns, 2, n_key, &replace_options);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *third = batch_of(plan);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *all = batch_of(plan);
    fill_many(third, 3);
    fill_many(all, 1);
    insert(third);
    size_t n_bytes = sluice_batch_n_bytes(all);
    int64_t start = sluice_mono_us();
    size_t n_missing = drop_stored(all, 0, 0);
    (void)fprintf(stderr, "look-up of %d rows by (%s) in %d: %ld ms\n", N_MANY, sorting_key, N_HELD,
                  (long)((sluice_mono_us() - start) / 1000));
    CHECK_INT(n_missing, N_MANY - (N_MANY + 2) / 3);
    CHECK(sluice_batch_n_bytes(all) < n_bytes);
    insert(all);
    CHECK_INT(drop_stored(all, 0, 0), 0);
    sluice_plan_unref(plan);
}

/* ---- mode log ---- */

static struct sluice_batch *log_batch(struct sluice_plan *plan, int64_t lo, int64_t hi)
{
    struct record row;
    char id[24];
    struct sluice_batch *batch = batch_of(plan);
    for (int64_t offset = lo; offset <= hi; offset++) {
        (void)snprintf(id, sizeof id, "%d", (int)(offset % 3));
        if (offset % 2 == 0)
            append(batch, CHANGE(&row, 'd', "id", id), (uint64_t)offset, offset);
        else
            append(batch, CHANGE(&row, 'u', "id", id, "v", "\"x\""), (uint64_t)offset, offset);
    }
    CHECK_INT(sluice_batch_seal(batch, true, &why), SLUICE_OK);
    CHECK_INT(sluice_batch_n_rows(batch), hi - lo + 1);
    return batch;
}

static void test_log(const char *table, const char *offset_type, const char *order_by)
{
    char sql[512];
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT64},
                                             {.name = "v", .type = SLUICE_SOURCE_STRING}};
    (void)snprintf(sql, sizeof sql,
                   "CREATE TABLE @.%s (id Int64, v String, _offset %s, _op FixedString(1), _partition Int64, _topic "
                   "LowCardinality(String), _version UInt128, is_deleted UInt8) ENGINE = MergeTree ORDER BY (%s)",
                   table, offset_type, order_by);
    CHECK_INT(run_sql(sql), SLUICE_OK);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO @.%s (_topic, _partition, _offset) SELECT t, p, number FROM numbers(2000) ARRAY JOIN "
                   "['" TOPIC "', 'another'] AS t, [2, 3] AS p",
                   table);
    CHECK_INT(run_sql(sql), SLUICE_OK);
    struct sluice_plan *plan = plan_of(table, columns, 2, 1, &log_options);
    const int64_t base = 5000000000;
    SLUICE_AUTO(sluice_batch) struct sluice_batch *first = log_batch(plan, base, base + 99);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *behind = log_batch(plan, base + 200, base + 219);
    SLUICE_AUTO(sluice_batch) struct sluice_batch *all = log_batch(plan, base, base + 219);
    CHECK_INT(drop_stored(first, base, base + 99), 100);
    /* Rows of an older topic of that name: same place, other versions. */
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO @.%s (_topic, _partition, _offset, _version) SELECT '" TOPIC "', %d, %lld + number, 7 "
                   "FROM numbers(100)",
                   table, PARTITION, (long long)base);
    CHECK_INT(run_sql(sql), SLUICE_OK);
    CHECK_INT(drop_stored(first, base, base + 99), 100);
    insert(first);
    insert(behind);
    CHECK_INT(drop_stored(all, base - 10, base + 250), 100);
    insert(all);
    CHECK_INT(count(table), 4000 + 100 + 220);
    CHECK_INT(drop_stored(all, base, base + 219), 0);
    sluice_plan_unref(plan);
}

int main(int argc, char **argv)
{
    int status = live_begin(argc, argv);
    if (status != 0)
        return status;
    CHECK_INT(run_sql("CREATE DATABASE @"), SLUICE_OK);
    test_key_types();
    test_composite();
    test_deleted_row_counts();
    test_pending_bits();
    test_many("by_id", "id", 1);
    test_many("by_name", "name, id", 2);
    test_log("log_made", "Int64", "_topic, _partition, _offset");
    test_log("log_other", "UInt64", "id");
    return live_end();
}
