/* Records whose schema is in a registry. Input: 'a' (Avro) or 'j' (JSON Schema), then up to 0xff the schema, a schema
 * it may refer to as "Named", and the bytes of a record: as value and as key of that schema, and as a frame. */
#include "fuzz.h"

#include "avro/reader.h"
#include "debezium/frame.h"
#include "debezium/framed.h"

enum { MAX_BYTES = 8 << 20, MAX_DEPTH = 80 };

/* ---- frames ---- */

static bool find_header(const void *record, const char *name, struct sluice_str *value)
{
    (void)name;
    *value = *(const struct sluice_str *)record;
    return true;
}

static void check_frame(struct sluice_str bytes)
{
    struct sluice_error err;
    struct frame frame;
    if (frame_read(bytes, &frame, &err) == SLUICE_OK && frame.payload.len > bytes.len)
        SLUICE_BUG("a frame that is longer than its record");
    for (int side = FRAME_KEY; side <= FRAME_VALUE; side++)
        (void)frame_read_headers(find_header, &bytes, (enum frame_side)side, bytes, &frame, &err);
}

/* ---- values ---- */

/* Everything inside is read; how much there may be is bounded by the schema's weight and the bytes. */
static size_t walk(const struct sluice_value *value, int depth)
{
    struct avro_walk inside;
    struct sluice_value key;
    struct sluice_value item;
    struct sluice_error err;
    const struct avro_field *field;
    bool more = true;
    size_t n = 1;
    if (value->kind != SLUICE_VALUE_AVRO || depth > MAX_DEPTH)
        return n;
    const enum avro_kind kind = avro_node_of(value)->kind;
    avro_walk_init(&inside, value);
    for (;;) {
        enum sluice_code code = SLUICE_OK;
        if (kind == AVRO_RECORD)
            code = avro_walk_field(&inside, &more, &field, &item, &err);
        else if (kind == AVRO_MAP)
            code = avro_walk_entry(&inside, &more, &key, &item, &err);
        else
            code = avro_walk_item(&inside, &more, &item, &err);
        if (code != SLUICE_OK || !more)
            return n;
        n += walk(&item, depth + 1);
    }
}

static size_t walk_fields(const struct sluice_field *fields, size_t n_fields)
{
    size_t n = 0;
    for (size_t i = 0; i < n_fields; i++)
        n += walk(&fields[i].value, 0);
    return n;
}

static void check_record(const struct framed_schema *schema, struct sluice_str bytes)
{
    struct sluice_error err;
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *decoder = NULL;
    struct sluice_change change;
    struct sluice_key key;
    if (sluice_decoder_new(&decoder, &err) != SLUICE_OK)
        return;
    enum sluice_code code = framed_change_decode(decoder, schema, bytes, &change, &err);
    size_t n = code == SLUICE_OK ? walk_fields(change.fields, change.n_fields) : 0;
    if (framed_key_decode(decoder, schema, bytes, &key, &err) == SLUICE_OK)
        (void)walk_fields(key.fields, key.n_fields);
    enum sluice_code again = framed_change_decode(decoder, schema, bytes, &change, &err);
    if (again != code || (code == SLUICE_OK && walk_fields(change.fields, change.n_fields) != n))
        SLUICE_BUG("two readings, two changes");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sluice_str rest = {(const char *)data, size};
    struct sluice_error err;
    SLUICE_AUTO(sluice_arena) struct sluice_arena arena;
    const struct framed_schema *schema = NULL;
    sluice_arena_init(&arena, MAX_BYTES, "a schema");
    if (size == 0)
        return 0;
    struct registry_document document = {.type = data[0] == 'j' ? REGISTRY_JSON_SCHEMA : REGISTRY_AVRO, .n_named = 1};
    rest = (struct sluice_str){rest.ptr + 1, rest.len - 1};
    document.text = fuzz_part(&rest);
    const struct registry_named named = {"Named", fuzz_part(&rest)};
    document.named = &named;
    document.n_named = named.text.len > 0 ? 1 : 0;
    check_frame(rest);
    if (framed_schema_new(&document, &arena, &schema, &err) == SLUICE_OK)
        check_record(schema, rest);
    return 0;
}
