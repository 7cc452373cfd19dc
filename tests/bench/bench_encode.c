/* bench_encode.c - what it costs to encode, sort and read out a batch of ready-made records.
 *
 * Prints microseconds per row, the best of several rounds: 12 columns (integers, texts, decimal, timestamps, boolean),
 * as the cursor hands them out, without the cost of reading JSON; then sorting by random Int64 keys alone. Usage:
 * bench_encode [rows per batch] [rounds]
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "table/batch.h"
#include "table/shape.h"
#include "table/target.h"

enum { N_COLUMNS = 12, N_IDS = 65536 };

struct column {
    const char *name;
    enum sluice_source_type source;
    unsigned scale;
    const char *type;
};

static const struct column columns[N_COLUMNS] = {
    {"id", SLUICE_SOURCE_INT64, 0, "Int64"},
    {"customer_id", SLUICE_SOURCE_INT32, 0, "Int32"},
    {"status", SLUICE_SOURCE_ENUM, 0, "LowCardinality(String)"},
    {"amount", SLUICE_SOURCE_DECIMAL, 2, "Decimal(12, 2)"},
    {"currency", SLUICE_SOURCE_STRING, 0, "String"},
    {"note", SLUICE_SOURCE_STRING, 0, "Nullable(String)"},
    {"email", SLUICE_SOURCE_STRING, 0, "String"},
    {"paid", SLUICE_SOURCE_BOOLEAN, 0, "Bool"},
    {"quantity", SLUICE_SOURCE_INT16, 0, "Int16"},
    {"created_at", SLUICE_SOURCE_TIMESTAMP_US, 0, "DateTime64(6, 'UTC')"},
    {"updated_at", SLUICE_SOURCE_ZONED_TIMESTAMP, 0, "DateTime64(6, 'UTC')"},
    {"token", SLUICE_SOURCE_UUID, 0, "UUID"},
};

/* One record in the cache, as if just read, with another key each time. */
struct records {
    struct sluice_field fields[N_COLUMNS];
    char ids[N_IDS][24];
};

static struct sluice_plan *make_plan(void)
{
    struct sluice_source_column source[N_COLUMNS] = {{0}};
    static const size_t key[] = {0};
    struct sluice_error err;
    struct sluice_plan *plan;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    sluice_target_init(&target);
    target.database = target.table = "bench";
    target.engine = "ReplacingMergeTree";
    target.sorting_key = "id";
    target.version_column = "_version";
    target.deleted_column = "is_deleted";
    target.n_columns = N_COLUMNS + 2;
    target.columns = sluice_arena_alloc_array(&target.arena, target.n_columns, sizeof *target.columns, &err);
    if (target.columns == NULL)
        abort();
    for (size_t i = 0; i < target.n_columns; i++) {
        struct sluice_target_column *column = &target.columns[i];
        column->name = i < N_COLUMNS ? columns[i].name : i == N_COLUMNS ? "_version" : "is_deleted";
        column->type_text = i < N_COLUMNS ? columns[i].type : i == N_COLUMNS ? "UInt128" : "UInt8";
        if (sluice_type_parse(&target.arena, sluice_str_from(column->type_text), &column->type, &err) != SLUICE_OK)
            abort();
    }
    for (size_t i = 0; i < N_COLUMNS; i++)
        source[i] = (struct sluice_source_column){
            .name = columns[i].name, .type = columns[i].source, .scale = columns[i].scale, .is_key = i == 0};
    const struct sluice_shape shape = {.schema = "public",
                                       .table = "bench",
                                       .typed = true,
                                       .columns = source,
                                       .n_columns = N_COLUMNS,
                                       .key = key,
                                       .n_key = 1};
    if (sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s\n", err.text);
        abort();
    }
    return plan;
}

static struct sluice_value string(const char *text_z)
{
    return (struct sluice_value){.text = sluice_str_from(text_z), .kind = SLUICE_VALUE_STRING};
}

static struct sluice_value number(const char *text_z)
{
    return (struct sluice_value){.text = sluice_str_from(text_z), .kind = SLUICE_VALUE_NUMBER};
}

static void fill(struct records *records)
{
    const struct sluice_value values[N_COLUMNS] = {
        number(""), /* id, set for each row */
        number("481516"),
        string("delivered"),
        string("MDk="),
        string("EUR"),
        string("please leave it with the neighbour on the left"),
        string("someone@example.org"),
        {.text = SLUICE_STR_LITERAL("true"), .kind = SLUICE_VALUE_TRUE},
        number("42"),
        number("1709251199123456"),
        string("2024-02-29T21:59:59.123456Z"),
        string("6f1d2a30-1111-4222-8333-444455556666"),
    };
    for (size_t i = 0; i < N_COLUMNS; i++)
        records->fields[i] = (struct sluice_field){sluice_str_from(columns[i].name), values[i]};
    /* Keys all over the range; multiplying by an odd number scatters the counter. */
    for (size_t i = 0; i < N_IDS; i++)
        (void)snprintf(records->ids[i], sizeof records->ids[i], "%" PRIu64, (uint64_t)i * 0x9e3779b97f4a7c15 >> 1);
}

struct timing {
    double append;
    double seal;
    double read;
    size_t n_bytes;
};

static struct timing round_of(struct sluice_plan *plan, struct records *records, size_t n_rows)
{
    static char piece[1 << 16];
    struct sluice_error err;
    struct sluice_batch *batch;
    struct sluice_batch_reader reader;
    bool full;
    int64_t start = sluice_mono_us();
    if (sluice_batch_new(plan, n_rows, 1 << 30, &batch, &err) != SLUICE_OK)
        abort();
    for (size_t i = 0; i < n_rows; i++) {
        const struct sluice_change change = {
            .kind = SLUICE_CHANGE_ROW, .op = 'u', .fields = records->fields, .n_fields = N_COLUMNS};
        records->fields[0].value = number(records->ids[i % N_IDS]);
        if (sluice_batch_append(batch, &change, NULL, (struct sluice_version){1, i},
                                &(struct sluice_record_place){"t", 0, 0}, &full, &err) != SLUICE_OK) {
            (void)fprintf(stderr, "%s\n", err.text);
            abort();
        }
    }
    int64_t appended = sluice_mono_us();
    if (sluice_batch_seal(batch, false, &err) != SLUICE_OK)
        abort();
    int64_t sealed = sluice_mono_us();
    sluice_batch_read_init(&reader, batch);
    size_t n_bytes = 0;
    for (size_t n; (n = sluice_batch_read(&reader, piece, sizeof piece)) > 0;)
        n_bytes += n;
    int64_t read = sluice_mono_us();
    sluice_batch_free(batch);
    double rows = (double)n_rows;
    return (struct timing){(double)(appended - start) / rows, (double)(sealed - appended) / rows,
                           (double)(read - sealed) / rows, n_bytes};
}

static size_t argument(int argc, char **argv, int i, size_t otherwise)
{
    return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
    static struct records records;
    size_t n_rows = argument(argc, argv, 1, 65536);
    size_t n_rounds = argument(argc, argv, 2, 20);
    struct sluice_plan *plan = make_plan();
    struct timing best = {1e9, 1e9, 1e9, 0};
    fill(&records);
    for (size_t i = 0; i < n_rounds; i++) {
        struct timing t = round_of(plan, &records, n_rows);
        best.append = t.append < best.append ? t.append : best.append;
        best.seal = t.seal < best.seal ? t.seal : best.seal;
        best.read = t.read < best.read ? t.read : best.read;
        best.n_bytes = t.n_bytes;
    }
    (void)printf("rows=%zu bytes_per_row=%.1f append_us=%.3f seal_us=%.3f read_us=%.3f\n", n_rows,
                 (double)best.n_bytes / (double)n_rows, best.append, best.seal, best.read);
    sluice_plan_unref(plan);
    return 0;
}
