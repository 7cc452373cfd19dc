/* table_support.h - shapes, targets and records for the tests of lib/table, made from short texts. */
#ifndef SLUICE_TESTS_TABLE_SUPPORT_H
#define SLUICE_TESTS_TABLE_SUPPORT_H

#include <stdlib.h>

#include "sluice/rules.h"
#include "support/check.h"
#include "table/batch.h"
#include "table/shape.h"
#include "table/target.h"

enum { SUPPORT_MAX_FIELDS = 32 };

/* splitmix64: the same numbers on every machine for one seed. */
static inline uint64_t random_next(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = *state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* The program's first argument, else always the same seed; printed, so that a failure can be repeated. */
static inline uint64_t random_seed(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20260821;
    (void)fprintf(stderr, "seed %" PRIu64 "\n", seed);
    return seed;
}

/* A JSON text as the cursor would hand it out. */
static inline struct sluice_value json_of(const char *text_z)
{
    struct sluice_str text = sluice_str_from(text_z);
    struct sluice_value value = {.text = text, .kind = SLUICE_VALUE_NUMBER};
    switch (*text_z) {
    case '"':
        value.text = (struct sluice_str){text.ptr + 1, text.len - 2};
        value.kind = memchr(text.ptr, '\\', text.len) != NULL ? SLUICE_VALUE_STRING_ESCAPED : SLUICE_VALUE_STRING;
        break;
    case 'n':
        value.kind = SLUICE_VALUE_NULL;
        break;
    case 't':
        value.kind = SLUICE_VALUE_TRUE;
        break;
    case 'f':
        value.kind = SLUICE_VALUE_FALSE;
        break;
    case '{':
        value.kind = SLUICE_VALUE_OBJECT;
        break;
    case '[':
        value.kind = SLUICE_VALUE_ARRAY;
        break;
    default:
        break;
    }
    return value;
}

/* One record: names and JSON texts in turn, NULL at the end. */
struct record {
    struct sluice_field fields[SUPPORT_MAX_FIELDS];
    size_t n_fields;
    struct sluice_change change;
    struct sluice_key key;
};

static inline void record_fill(struct record *record, const char *const *names_and_values)
{
    record->n_fields = 0;
    for (size_t i = 0; names_and_values[i] != NULL; i += 2)
        record->fields[record->n_fields++] =
            (struct sluice_field){sluice_str_from(names_and_values[i]), json_of(names_and_values[i + 1])};
}

static inline const struct sluice_change *record_change(struct record *record, char op,
                                                        const char *const *names_and_values)
{
    record_fill(record, names_and_values);
    record->change = (struct sluice_change){
        .kind = SLUICE_CHANGE_ROW,
        .op = op,
        .source = {.schema = SLUICE_STR_LITERAL("public"), .table = SLUICE_STR_LITERAL("orders")},
        .fields = record->fields,
        .n_fields = record->n_fields,
        .has_image = true};
    return &record->change;
}

static inline const struct sluice_key *record_key(struct record *record, const char *const *names_and_values)
{
    record_fill(record, names_and_values);
    record->key = (struct sluice_key){.fields = record->fields, .n_fields = record->n_fields};
    return &record->key;
}

#define CHANGE(record, op, ...) record_change((record), (op), (const char *const[]){__VA_ARGS__, NULL})
#define KEY(record, ...)        record_key((record), (const char *const[]){__VA_ARGS__, NULL})

/* A target of the engine ReplacingMergeTree(_version, is_deleted): names and types in turn, then NULL; the two columns
 * of the engine are added. */
static inline void target_fill(struct sluice_target *target, const char *sorting_key,
                               const char *const *names_and_types)
{
    struct sluice_error err;
    size_t n = 0;
    while (names_and_types[n] != NULL)
        n += 2;
    sluice_target_init(target);
    target->database = "shop";
    target->table = "orders";
    target->uuid = "";
    target->engine = "ReplacingMergeTree";
    target->engine_full = "ReplacingMergeTree(_version, is_deleted)";
    target->sorting_key = sorting_key;
    target->comment = "";
    target->version_column = "_version";
    target->deleted_column = "is_deleted";
    target->n_columns = n / 2 + 2;
    target->columns = sluice_arena_alloc_array(&target->arena, target->n_columns, sizeof *target->columns, &err);
    if (target->columns == NULL)
        abort();
    for (size_t i = 0; i < target->n_columns; i++) {
        struct sluice_target_column *column = &target->columns[i];
        column->name = i < n / 2 ? names_and_types[2 * i] : i == n / 2 ? "_version" : "is_deleted";
        column->type_text = i < n / 2 ? names_and_types[2 * i + 1] : i == n / 2 ? "UInt128" : "UInt8";
        if (sluice_type_parse(&target->arena, sluice_str_from(column->type_text), &column->type, &err) != SLUICE_OK)
            abort();
    }
}

#define TARGET(target, sorting_key, ...) target_fill((target), (sorting_key), (const char *const[]){__VA_ARGS__, NULL})

/* A shape over columns that the caller owns; the first `n_key` of them are the key. */
static inline struct sluice_shape shape_of(struct sluice_source_column *columns, size_t n_columns, size_t n_key)
{
    static const size_t indexes[] = {0, 1, 2, 3};
    for (size_t i = 0; i < n_key; i++)
        columns[i].is_key = true;
    return (struct sluice_shape){.schema = "public",
                                 .table = "orders",
                                 .typed = true,
                                 .columns = columns,
                                 .n_columns = n_columns,
                                 .key = indexes,
                                 .n_key = n_key};
}

/* What is set for the table where nothing is: into shop.orders, made and changed by sluice. */
static inline struct sluice_table_settings no_settings(void)
{
    return (struct sluice_table_settings){
        .database = "shop",
        .table = "orders",
        .create = true,
        .widen = true,
        .cluster = "",
        .engine = "",
        .partition_by = "",
        .comment = "",
        .any = {.name = "", .rename = "", .type = "", .codec = "", .source_type = ""},
    };
}

/* Two hexadecimal digits per byte, blanks ignored; returns the number of bytes. */
static inline size_t bytes_of_hex(const char *hex, unsigned char *out)
{
    size_t n = 0;
    for (const char *at = hex; *at != '\0'; at++) {
        if (*at == ' ')
            continue;
        char pair[3] = {at[0], at[1], '\0'};
        out[n++] = (unsigned char)strtoul(pair, NULL, 16);
        at++;
    }
    return n;
}

#endif
