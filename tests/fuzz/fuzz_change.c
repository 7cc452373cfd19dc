/* Any bytes as a record's value and as its key. A second reading by the same decoder, which by then expects the names
 * of the first, and a third one with the record's own schema as hint come to the same end. */
#include <stdlib.h>

#include "debezium/change.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The fields of a change are gone with the next reading, so their sum is kept. */
struct reading {
    enum sluice_code code;
    struct sluice_change change;
    uint64_t sum;
};

static uint64_t sum_of(const struct sluice_field *fields, size_t n_fields)
{
    uint64_t sum = n_fields;
    for (size_t i = 0; i < n_fields; i++) {
        sum = sum * 31 + sluice_str_hash(fields[i].name);
        sum = sum * 31 + sluice_str_hash(fields[i].value.text);
        sum = sum * 31 + (uint64_t)fields[i].value.kind;
    }
    return sum;
}

static struct reading read_value(struct sluice_decoder *decoder, struct sluice_str text, struct sluice_str hint)
{
    struct reading reading = {.code = SLUICE_OK};
    struct sluice_error err;
    reading.code = sluice_change_decode(decoder, text, hint, &reading.change, &err);
    if (reading.code == SLUICE_OK)
        reading.sum = sum_of(reading.change.fields, reading.change.n_fields);
    return reading;
}

static void check_same(const struct reading *a, const struct reading *b)
{
    if (a->code != b->code)
        SLUICE_BUG("two readings, two verdicts");
    if (a->code == SLUICE_OK &&
        (a->change.kind != b->change.kind || a->change.op != b->change.op || a->sum != b->sum ||
         a->change.ts_ms != b->change.ts_ms || a->change.has_image != b->change.has_image ||
         a->change.source.lsn != b->change.source.lsn || a->change.source.sequence0 != b->change.source.sequence0))
        SLUICE_BUG("two readings, two changes");
}

static void check_value(struct sluice_decoder *decoder, struct sluice_str text)
{
    struct sluice_str no_hint = {NULL, 0};
    struct reading first = read_value(decoder, text, no_hint);
    struct reading second = read_value(decoder, text, no_hint);
    check_same(&first, &second);
    if (first.code == SLUICE_OK && first.change.value_schema.len > 0) {
        struct reading third = read_value(decoder, text, first.change.value_schema);
        check_same(&first, &third);
        if (!sluice_str_equal(first.change.value_schema, third.change.value_schema))
            SLUICE_BUG("a schema that the hint changed");
    }
}

static void check_key(struct sluice_decoder *decoder, struct sluice_str text)
{
    struct sluice_key key;
    struct sluice_error err;
    enum sluice_code code = sluice_key_decode(decoder, text, &key, &err);
    uint64_t sum = code == SLUICE_OK ? sum_of(key.fields, key.n_fields) : 0;
    enum sluice_code again = sluice_key_decode(decoder, text, &key, &err);
    if (again != code || (again == SLUICE_OK && sum_of(key.fields, key.n_fields) != sum))
        SLUICE_BUG("two readings, two keys");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sluice_str text = {(const char *)data, size};
    struct sluice_error err;
    struct sluice_decoder *decoder = NULL;
    /* A new one each time: what is found happens again with these bytes alone. */
    if (sluice_decoder_new(&decoder, &err) != SLUICE_OK)
        return 0;
    check_value(decoder, text);
    check_key(decoder, text);
    sluice_decoder_free(decoder);
    return 0;
}
