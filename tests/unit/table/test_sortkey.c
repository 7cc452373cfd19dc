/* Sorting and collapsing of batches against a naive model: random keys of each type, few enough to repeat.
 *
 * The model knows keys as JSON texts with a rank in the order the server sorts by; a batch of (key, payload) rows must
 * come out in order of rank, rows of one key in order of arrival, or as the one row with the highest version.
 * Argument: seed.
 */
#include "table/batch.h"

#include "table_support.h"

enum { MAX_ROWS = 400, MAX_KEYS = 24 };

/* Keys of one type in the server's order. */
struct key_kind {
    const char *type;
    const char *keys[MAX_KEYS];
};

static const struct key_kind kinds[] = {
    {"Int8", {"-128", "-1", "0", "1", "127"}},
    {"UInt8", {"0", "1", "127", "128", "255"}},
    {"Int16", {"-32768", "-256", "-1", "0", "255", "256", "32767"}},
    {"UInt32", {"0", "255", "256", "65536", "2147483648", "4294967295"}},
    {"Int64",
     {"-9223372036854775808", "-4294967296", "-1", "0", "1", "256", "4294967295", "4294967296", "9223372036854775807"}},
    {"UInt64", {"0", "1", "9223372036854775807", "9223372036854775808", "18446744073709551615"}},
    {"Int128",
     {"-170141183460469231731687303715884105728", "-18446744073709551617", "-18446744073709551616", "-1", "0", "1",
      "18446744073709551615", "18446744073709551616", "170141183460469231731687303715884105727"}},
    {"UInt256",
     {"0", "1", "18446744073709551616", "340282366920938463463374607431768211455",
      "115792089237316195423570985008687907853269984665640564039457584007913129639935"}},
    {"Float64", {"\"-Infinity\"", "-2.5", "-1.0", "0.5", "1.0", "1.5E10", "\"Infinity\"", "\"NaN\""}},
    {"Float32", {"\"-Infinity\"", "-2.5", "-1.0", "0.5", "1.0", "1.5E10", "\"Infinity\"", "\"NaN\""}},
    {"Decimal(9, 2)", {"-99.99", "-0.01", "0", "0.01", "100"}},
    {"Decimal(38, 2)", {"-999999999999999999999999999999999999.99", "-0.01", "0", "0.01", "184467440737095516.16"}},
    {"String",
     {"\"\"", "\"\\u0001\"", "\"a\"", "\"a\\u0001\"", "\"ab\"", "\"abcdefgh\"", "\"abcdefgh0\"", "\"abcdefgh1\"",
      "\"abcdefgh12345678\"", "\"abcdefghi\"", "\"b\"", "\"\xc3\xa9\""}},
    {"LowCardinality(String)", {"\"customer-000000001\"", "\"customer-000000002\"", "\"customer-00000001\""}},
    {"FixedString(4)", {"\"\"", "\"a\"", "\"ab\"", "\"abcd\"", "\"b\""}},
    {"FixedString(12)", {"\"\"", "\"abcdefgh\"", "\"abcdefgh1\"", "\"abcdefgh2\"", "\"b\""}},
    {"UUID", /* the second half first, so sorts the engine (tests/integration/test_encoding.py) */
     {"\"00000000-0000-0000-0000-000000000000\"", "\"00000000-0000-0001-0000-000000000000\"",
      "\"00ff0000-0000-0000-0000-000000000000\"", "\"ff000000-0000-0000-0000-000000000000\"",
      "\"00000000-0000-0000-0000-000000000001\"", "\"00000000-0000-0000-0100-000000000000\"",
      "\"ff000000-0000-0000-ff00-000000000000\""}},
    {"Date", {"0", "1", "255", "256", "65535"}},
    {"Date32", {"-25567", "-1", "0", "1", "120529"}},
    {"DateTime64(3)", {"-2208988800000", "-1", "0", "1", "10413791999999"}},
    {"Bool", {"false", "true"}},
    {"Enum8('z' = -5, 'a' = 0, 'm' = 7)", {"\"z\"", "\"a\"", "\"m\""}},
};

static uint64_t seed;

static size_t random_key(const struct key_kind *kind)
{
    size_t n = 1;
    while (n < MAX_KEYS && kind->keys[n] != NULL)
        n++;
    return random_next(&seed) % n;
}

/* Model of one row: ranks of its two key columns, when it came, its version. */
struct model_row {
    size_t rank[2];
    uint32_t arrival;
    struct sluice_version version;
};

static int compare_keys(const struct model_row *a, const struct model_row *b)
{
    for (size_t i = 0; i < 2; i++) {
        if (a->rank[i] != b->rank[i])
            return a->rank[i] < b->rank[i] ? -1 : 1;
    }
    return 0;
}

static int compare_model(const void *left, const void *right)
{
    const struct model_row *a = left;
    const struct model_row *b = right;
    int order = compare_keys(a, b);
    return order != 0 ? order : a->arrival < b->arrival ? -1 : 1;
}

static size_t collapse_model(struct model_row *rows, size_t n)
{
    size_t n_kept = 0;
    for (size_t i = 0; i < n; i++) {
        bool same = n_kept > 0 && compare_keys(&rows[n_kept - 1], &rows[i]) == 0;
        if (!same) {
            rows[n_kept++] = rows[i];
            continue;
        }
        struct sluice_version kept = rows[n_kept - 1].version;
        struct sluice_version next = rows[i].version;
        if (next.high > kept.high || (next.high == kept.high && next.low >= kept.low))
            rows[n_kept - 1] = rows[i];
    }
    return n_kept;
}

/* Columns of every plan here: payload UInt32, then one or two keys. */
static struct sluice_batch *make_batch(const struct key_kind *first, const struct key_kind *second)
{
    struct sluice_source_column columns[] = {{.name = "k1"}, {.name = "k2"}, {.name = "payload"}};
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    struct sluice_batch *batch = NULL;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    struct sluice_shape shape = shape_of(columns, 3, second != NULL ? 2 : 1);
    if (second != NULL) {
        TARGET(&target, "k1, k2", "k1", first->type, "k2", second->type, "payload", "UInt32");
    } else {
        TARGET(&target, "k1", "k1", first->type, "k2", "Nullable(UInt8)", "payload", "UInt32");
    }
    if (sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err) != SLUICE_OK ||
        sluice_batch_new(plan, MAX_ROWS, 1 << 20, &batch, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    sluice_plan_unref(plan);
    return batch;
}

static void append_row(struct sluice_batch *batch, const struct key_kind *first, const struct key_kind *second,
                       const struct model_row *model)
{
    struct record row;
    struct sluice_error err = {0};
    bool full;
    char payload[16];
    (void)snprintf(payload, sizeof payload, "%u", (unsigned)model->arrival);
    const char *k2 = second != NULL ? second->keys[model->rank[1]] : "null";
    const struct sluice_change *change =
        CHANGE(&row, 'u', "k1", first->keys[model->rank[0]], "k2", k2, "payload", payload);
    if (!CHECK_INT(sluice_batch_append(batch, change, NULL, model->version, &(struct sluice_record_place){"t", 0, 0},
                                       &full, &err),
                   SLUICE_OK))
        (void)fprintf(stderr, "    %s\n", err.text);
}

/* The payload of the row that ends at `end`: in front of version and deleted. */
static uint32_t payload_before(const char *end)
{
    uint32_t payload;
    memcpy(&payload, end - 17 - sizeof payload, sizeof payload);
    return payload;
}

static void check_order(const struct sluice_batch *batch, const struct model_row *want, size_t n_want,
                        const char *first, const char *second)
{
    struct sluice_batch_reader reader;
    static char row[1 << 20];
    sluice_batch_read_init(&reader, batch);
    size_t n_header = sluice_plan_insert_header(sluice_batch_plan(batch)).len;
    bool ok =
        CHECK_INT(sluice_batch_n_rows(batch), n_want) && CHECK_INT(sluice_batch_read(&reader, row, n_header), n_header);
    /* Rows are told apart by the reader's own position: read until it moves to the next one. */
    for (size_t i = 0; i < n_want && ok; i++) {
        size_t n = 0;
        while (reader.row == i && n < sizeof row)
            n += sluice_batch_read(&reader, row + n, 1);
        ok = CHECK_INT(payload_before(row + n), want[i].arrival);
    }
    if (!ok)
        (void)fprintf(stderr, "    keys %s, %s\n", first, second);
}

static void test_kinds(const struct key_kind *first, const struct key_kind *second, size_t n_rows)
{
    for (int collapse = 0; collapse < 2; collapse++) {
        static struct model_row model[MAX_ROWS];
        struct sluice_error err;
        SLUICE_AUTO(sluice_batch) struct sluice_batch *batch = make_batch(first, second);
        for (size_t i = 0; i < n_rows; i++) {
            model[i] =
                (struct model_row){.rank = {random_key(first), second != NULL ? random_key(second) : 0},
                                   .arrival = (uint32_t)i,
                                   .version = {.high = random_next(&seed) % 3, .low = random_next(&seed) % 3 << 62}};
            append_row(batch, first, second, &model[i]);
        }
        qsort(model, n_rows, sizeof *model, compare_model);
        size_t n_want = collapse != 0 ? collapse_model(model, n_rows) : n_rows;
        CHECK_INT(sluice_batch_seal(batch, collapse != 0, &err), SLUICE_OK);
        CHECK_INT(sluice_batch_n_changes(batch), n_rows);
        check_order(batch, model, n_want, first->type, second != NULL ? second->type : "none");
    }
}

int main(int argc, char **argv)
{
    seed = random_seed(argc, argv);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(kinds); i++) {
        test_kinds(&kinds[i], NULL, 0);
        test_kinds(&kinds[i], NULL, 1);
        test_kinds(&kinds[i], NULL, 2);
        test_kinds(&kinds[i], NULL, MAX_ROWS);
        for (size_t k = 0; k < SLUICE_N_ELEMENTS(kinds); k++)
            test_kinds(&kinds[i], &kinds[k], 100);
    }
    return check_result();
}
