/* Any bytes as the text of a ClickHouse type. */
#include "fuzz.h"

#include "table/type.h"

enum { MAX_BYTES = 4 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const struct sluice_type *type = NULL;
    sluice_arena_init(&arena, MAX_BYTES, "a type");
    if (sluice_type_parse(&arena, (struct sluice_str){(const char *)data, size}, &type, &err) == SLUICE_OK &&
        type != NULL && type->n_labels > size)
        SLUICE_BUG("more labels than bytes");
    return 0;
}
