/* Any bytes as the schema that a record embeds, and as a JSON Schema: the tree of a field is that of the whole. */
#include "fuzz.h"

#include "connect/embedded.h"
#include "connect/json_schema.h"

enum { MAX_BYTES = 4 << 20 };

static void check_embedded(struct sluice_str text)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const struct connect_type *whole = NULL;
    const struct connect_type *after = NULL;
    sluice_arena_init(&arena, MAX_BYTES, "a schema");
    if (connect_embedded_read(&arena, text, NULL, &whole, &err) != SLUICE_OK ||
        connect_embedded_read(&arena, text, "after", &after, &err) != SLUICE_OK || after == NULL)
        return;
    const struct connect_field *field = whole->kind == CONNECT_STRUCT ? connect_find_field(whole, "after") : NULL;
    if (field == NULL || !connect_type_equal(field->type, after))
        SLUICE_BUG("a field's schema that is not the one in the whole");
}

static void check_json_schema(struct sluice_str text)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const struct connect_type *type = NULL;
    const struct connect_named_schema self = {"self", text};
    sluice_arena_init(&arena, MAX_BYTES, "a schema");
    if (connect_json_schema_read(text, &self, 1, &arena, &type, &err) == SLUICE_OK && !connect_type_equal(type, type))
        SLUICE_BUG("a type that is not itself");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sluice_str text = {(const char *)data, size};
    check_embedded(text);
    check_json_schema(text);
    return 0;
}
