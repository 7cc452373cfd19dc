/* captured.h - the records in tests/data/debezium/<case>/, as tests/bench/sluice_bench/capture.py describes them: one
 * per line, an empty line is a tombstone. */
#ifndef SLUICE_TESTS_CAPTURED_H
#define SLUICE_TESTS_CAPTURED_H

#include <stdio.h>
#include <stdlib.h>

#include "base/compiler.h"
#include "base/str.h"

enum { CAPTURED_MAX = 64 };

struct captured {
    char *bytes;
    struct sluice_str records[CAPTURED_MAX]; /* ptr NULL: tombstone */
    size_t n_records;
};

static const char *const captured_cases[] = {"customers-json", "customers-json-schema", "types-json",
                                             "types-json-schema"};

/* `file` is "keys" or "values". A file that is missing, or longer than the room for it, ends the program. */
static inline void captured_init(struct captured *captured, const char *case_z, const char *file_z)
{
    enum { CAPACITY = 1 << 20 };
    char path[512];
    (void)snprintf(path, sizeof path, "%s/debezium/%s/%s", SLUICE_TEST_DATA, case_z, file_z);
    FILE *file = fopen(path, "rb");
    char *bytes = malloc(CAPACITY);
    size_t n = file != NULL && bytes != NULL ? fread(bytes, 1, CAPACITY, file) : 0;
    if (file == NULL || fclose(file) != 0 || n == 0 || n == CAPACITY) {
        (void)fprintf(stderr, "%s: cannot be read\n", path);
        abort();
    }
    *captured = (struct captured){.bytes = bytes};
    for (const char *at = bytes; at < bytes + n;) {
        const char *stop = memchr(at, '\n', (size_t)(bytes + n - at));
        if (stop == NULL || captured->n_records == CAPTURED_MAX)
            abort();
        captured->records[captured->n_records++] =
            stop == at ? (struct sluice_str){NULL, 0} : (struct sluice_str){at, (size_t)(stop - at)};
        at = stop + 1;
    }
}

static inline void captured_deinit(struct captured *captured)
{
    free(captured->bytes);
}
SLUICE_DEFINE_AUTO(captured, struct captured, captured_deinit)

#endif
