/* bench_row.c - what one record costs from its bytes to its row in a batch: its key, its value, its row.
 *
 * Updates of the table that tests/data/debezium/customers-json/ORIGIN shows, as Debezium wrote them in JSON, in JSON
 * with the schema in each record, and in Avro; into nine columns and two of the engine. Prints what it did and how long
 * that took; made for counting instructions, which come out the same however busy the machine is: each stage is a
 * function of its own for tests/bench/instructions to count. Usage: bench_row json|json_schema|avro [records]
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "support/captured_avro.h"
#include "table/batch.h"
#include "table/shape.h"
#include "table/target.h"

struct bench {
    struct sluice_decoder *decoder;
    struct sluice_arena arena;
    struct captured keys;
    struct captured values;
    size_t updates[CAPTURED_MAX]; /* records with op u */
    size_t n_updates;
    const struct framed_schema *key_schema; /* NULL: JSON */
    const struct framed_schema *value_schema;
    struct sluice_str hint;
    struct sluice_plan *plan;
};

void die(const char *what, const struct sluice_error *err);
void stage_key(struct bench *b, size_t i, struct sluice_key *key);
void stage_value(struct bench *b, size_t i, struct sluice_change *change);
void stage_row(struct sluice_batch *batch, const struct sluice_change *change, size_t i);

void die(const char *what, const struct sluice_error *err)
{
    (void)fprintf(stderr, "%s: %s\n", what, err->text);
    exit(1);
}

SLUICE_NOINLINE void stage_key(struct bench *b, size_t i, struct sluice_key *key)
{
    struct sluice_error err;
    struct sluice_str bytes = b->keys.records[i];
    enum sluice_code code = b->key_schema != NULL
                                ? framed_key_decode(b->decoder, b->key_schema, captured_avro_payload(bytes), key, &err)
                                : sluice_key_decode(b->decoder, bytes, key, &err);
    if (code != SLUICE_OK)
        die("key", &err);
}

SLUICE_NOINLINE void stage_value(struct bench *b, size_t i, struct sluice_change *change)
{
    struct sluice_error err;
    struct sluice_str bytes = b->values.records[i];
    enum sluice_code code = b->value_schema != NULL ? framed_change_decode(b->decoder, b->value_schema,
                                                                           captured_avro_payload(bytes), change, &err)
                                                    : sluice_change_decode(b->decoder, bytes, b->hint, change, &err);
    if (code != SLUICE_OK)
        die("value", &err);
}

SLUICE_NOINLINE void stage_row(struct sluice_batch *batch, const struct sluice_change *change, size_t i)
{
    struct sluice_error err;
    bool full = false;
    const struct sluice_row_ties ties = {.txid = change->source.txid};
    if (sluice_batch_append_tied(batch, change, NULL, (struct sluice_version){1, i},
                                 &(struct sluice_record_place){"shop.public.customers", 0, (int64_t)i}, &ties, &full,
                                 &err) != SLUICE_OK)
        die("row", &err);
}

static void make_target(struct sluice_target *target)
{
    static const char *const columns[][2] = {
        {"id", "Int64"},
        {"email", "Nullable(String)"},
        {"name", "Nullable(String)"},
        {"profile", "Nullable(String)"},
        {"note", "Nullable(String)"},
        {"created_at", "Nullable(DateTime64(6, 'UTC'))"},
        {"balance", "Nullable(Decimal(12, 2))"},
        {"tags", "Nullable(String)"},
        {"active", "Nullable(Bool)"},
        {"_version", "UInt128"},
        {"is_deleted", "UInt8"},
    };
    struct sluice_error err;
    sluice_target_init(target);
    target->database = "bench";
    target->table = "customers";
    target->engine = "ReplacingMergeTree";
    target->sorting_key = "id";
    target->version_column = "_version";
    target->deleted_column = "is_deleted";
    target->n_columns = SLUICE_N_ELEMENTS(columns);
    target->columns = sluice_arena_alloc_array(&target->arena, target->n_columns, sizeof *target->columns, &err);
    if (target->columns == NULL)
        die("target", &err);
    for (size_t i = 0; i < target->n_columns; i++) {
        struct sluice_target_column *column = &target->columns[i];
        column->name = columns[i][0];
        column->type_text = columns[i][1];
        if (sluice_type_parse(&target->arena, sluice_str_from(column->type_text), &column->type, &err) != SLUICE_OK)
            die("target", &err);
    }
}

static void make_plan(struct bench *b, const struct sluice_change *change, const struct sluice_key *key)
{
    static const char *const hints[] = {"public.customers.created_at=timestamp_us",
                                        "public.customers.balance=decimal(2)"};
    struct sluice_error err;
    SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    make_target(&target);
    bool is_typed = change->row_type != NULL || change->value_schema.len > 0;
    if (sluice_shape_new(change, key, hints, is_typed ? 0 : SLUICE_N_ELEMENTS(hints), &shape, &err) != SLUICE_OK ||
        sluice_plan_new(shape, &target, &(struct sluice_plan_options){0}, &b->plan, &err) != SLUICE_OK)
        die("plan", &err);
}

static void open_case(struct bench *b, const char *case_z)
{
    struct sluice_error err;
    *b = (struct bench){0};
    sluice_arena_init(&b->arena, 16 << 20, "schemas");
    if (sluice_decoder_new(&b->decoder, &err) != SLUICE_OK)
        die("decoder", &err);
    if (strcmp(case_z, "avro") == 0) {
        captured_avro_init(&b->keys, "customers", "keys");
        captured_avro_init(&b->values, "customers", "values");
        b->key_schema = captured_avro_schema("customers", "key.avsc", &b->arena);
        b->value_schema = captured_avro_schema("customers", "value.avsc", &b->arena);
    } else {
        const char *folder = strcmp(case_z, "json") == 0 ? "customers-json" : "customers-json-schema";
        captured_init(&b->keys, folder, "keys");
        captured_init(&b->values, folder, "values");
    }
    for (size_t i = 0; i < b->values.n_records; i++) {
        struct sluice_change change;
        struct sluice_key key;
        if (b->values.records[i].ptr == NULL)
            continue;
        stage_value(b, i, &change);
        if (change.op != 'u')
            continue;
        b->updates[b->n_updates++] = i;
        b->hint = change.value_schema;
        stage_key(b, i, &key);
        if (b->plan == NULL)
            make_plan(b, &change, &key);
    }
}

static void close_case(struct bench *b)
{
    captured_deinit(&b->keys);
    captured_deinit(&b->values);
    sluice_plan_unref(b->plan);
    sluice_decoder_free(b->decoder);
    sluice_arena_deinit(&b->arena);
}

/* The rows of all records, in one batch. */
static void run(struct bench *b, struct sluice_batch *batch, size_t n_records)
{
    for (size_t i = 0; i < n_records; i++) {
        struct sluice_change change;
        struct sluice_key key;
        size_t record = b->updates[i % b->n_updates];
        stage_value(b, record, &change);
        stage_key(b, record, &key);
        stage_row(batch, &change, i);
    }
}

int main(int argc, char **argv)
{
    struct bench b;
    struct sluice_error err;
    struct sluice_batch *batch;
    size_t n_records = argc > 2 ? strtoul(argv[2], NULL, 10) : 65536;
    if (argc < 2)
        return 2;
    open_case(&b, argv[1]);
    if (sluice_batch_new(b.plan, n_records, 1 << 30, &batch, &err) != SLUICE_OK)
        die("batch", &err);
    int64_t start = sluice_mono_us();
    run(&b, batch, n_records);
    double ns = (double)(sluice_mono_us() - start) * 1000.0 / (double)n_records;
    (void)printf("%s records=%zu bytes_per_row=%.1f ns_per_record=%.1f\n", argv[1], n_records,
                 (double)sluice_batch_n_bytes(batch) / (double)n_records, ns);
    sluice_batch_free(batch);
    close_case(&b);
    return 0;
}
