/* captured_avro.h - the records in tests/data/debezium/avro/<case>/, as tests/bench/sluice_bench/capture.py describes
 * them: in hexadecimal, one per line, an empty line is a tombstone; with the schemas of keys and values. */
#ifndef SLUICE_TESTS_CAPTURED_AVRO_H
#define SLUICE_TESTS_CAPTURED_AVRO_H

#include "debezium/framed.h"
#include "support/captured.h"

static const char *const captured_avro_cases[] = {"customers", "types", "shapes"};

/* The bytes of a line in place of its digits. */
static inline void captured_unhex(struct sluice_str *record)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char *out = NULL;
    const char *in = record->ptr;
    if (in == NULL)
        return;
    memcpy(&out, &in, sizeof out); /* it lies in memory that captured_init() allocated */
    for (size_t i = 0; i < record->len / 2; i++) {
        const char *high = strchr(digits, in[2 * i]);
        const char *low = strchr(digits, in[2 * i + 1]);
        if (high == NULL || low == NULL)
            abort();
        out[i] = (unsigned char)((high - digits) << 4 | (low - digits));
    }
    record->len /= 2;
}

/* `file` is "keys" or "values"; frames included. */
static inline void captured_avro_init(struct captured *captured, const char *case_z, const char *file_z)
{
    char path[128];
    (void)snprintf(path, sizeof path, "avro/%s", case_z);
    captured_init(captured, path, file_z);
    for (size_t i = 0; i < captured->n_records; i++)
        captured_unhex(&captured->records[i]);
}

/* A schema's text as one "record"; `file` is "key.avsc" or "value.avsc". */
static inline const struct framed_schema *captured_avro_schema(const char *case_z, const char *file_z,
                                                               struct sluice_arena *arena)
{
    char path[128];
    struct sluice_error err;
    const struct framed_schema *schema = NULL;
    SLUICE_AUTO(captured) struct captured text;
    (void)snprintf(path, sizeof path, "avro/%s", case_z);
    captured_init(&text, path, file_z);
    const struct registry_document document = {.type = REGISTRY_AVRO, .text = text.records[0]};
    if (framed_schema_new(&document, arena, &schema, &err) != SLUICE_OK) {
        (void)fprintf(stderr, "%s/%s: %s\n", path, file_z, err.text);
        abort();
    }
    return schema;
}

/* Behind the frame. */
static inline struct sluice_str captured_avro_payload(struct sluice_str record)
{
    return (struct sluice_str){record.ptr + 5, record.len - 5};
}

#endif
