/* framed.c - see framed.h. */
#include "debezium/framed.h"

#include "connect/json_schema.h"
#include "debezium/avro_record.h"

struct framed_schema {
    enum registry_type type;
    const struct avro_record *avro;  /* AVRO */
    const struct connect_type *json; /* JSON_SCHEMA: of the whole record */
    const struct connect_type *row;  /* of its `after`, NULL if it has none */
};

static enum sluice_code compile_avro(const struct registry_document *document, struct sluice_arena *arena,
                                     struct framed_schema *schema, struct sluice_error *err)
{
    const struct avro_node *root = NULL;
    struct sluice_str named[REGISTRY_MAX_REFERENCES];
    if (document->n_named > REGISTRY_MAX_REFERENCES)
        SLUICE_BUG("a document with more references than a registry client collects");
    for (size_t i = 0; i < document->n_named; i++)
        named[i] = document->named[i].text;
    enum sluice_code code = avro_schema_compile(document->text, named, document->n_named, arena, &root, err);
    return code != SLUICE_OK ? code : avro_record_new(root, arena, &schema->avro, err);
}

static enum sluice_code compile_json(const struct registry_document *document, struct sluice_arena *arena,
                                     struct framed_schema *schema, struct sluice_error *err)
{
    struct connect_named_schema *named =
        sluice_arena_alloc_array(arena, document->n_named > 0 ? document->n_named : 1, sizeof *named, err);
    if (named == NULL)
        return err->code;
    for (size_t i = 0; i < document->n_named; i++)
        named[i] = (struct connect_named_schema){document->named[i].name, document->named[i].text};
    enum sluice_code code =
        connect_json_schema_read(document->text, named, document->n_named, arena, &schema->json, err);
    if (code != SLUICE_OK)
        return code;
    const struct connect_field *after = connect_find_field(schema->json, "after");
    if (after != NULL && after->type->kind == CONNECT_STRUCT)
        schema->row = after->type;
    return SLUICE_OK;
}

enum sluice_code framed_schema_new(const struct registry_document *document, struct sluice_arena *arena,
                                   const struct framed_schema **out, struct sluice_error *err)
{
    struct framed_schema *schema = sluice_arena_alloc(arena, sizeof *schema, err);
    if (schema == NULL)
        return err->code;
    schema->type = document->type;
    enum sluice_code code = document->type == REGISTRY_AVRO ? compile_avro(document, arena, schema, err)
                                                            : compile_json(document, arena, schema, err);
    if (code == SLUICE_OK)
        *out = schema;
    return code;
}

enum sluice_code framed_change_decode(struct sluice_decoder *decoder, const struct framed_schema *schema,
                                      struct sluice_str payload, struct sluice_change *out, struct sluice_error *err)
{
    static const struct sluice_str no_hint = {NULL, 0};
    if (SLUICE_LIKELY(schema->type == REGISTRY_AVRO))
        return avro_record_change(schema->avro, decoder, payload, out, err);
    enum sluice_code code = sluice_change_decode(decoder, payload, no_hint, out, err);
    if (code != SLUICE_OK || out->kind != SLUICE_CHANGE_ROW)
        return code;
    out->row_type = out->is_flattened ? schema->json : schema->row;
    if (out->row_type == NULL)
        return sluice_error_set(err, SLUICE_E_SCHEMA, SLUICE_REJECT,
                                "the record's JSON Schema has no object \"after\"; is it the schema of its topic?");
    return SLUICE_OK;
}

enum sluice_code framed_key_decode(struct sluice_decoder *decoder, const struct framed_schema *schema,
                                   struct sluice_str payload, struct sluice_key *out, struct sluice_error *err)
{
    if (SLUICE_LIKELY(schema->type == REGISTRY_AVRO))
        return avro_record_key(schema->avro, decoder, payload, out, err);
    enum sluice_code code = sluice_key_decode(decoder, payload, out, err);
    if (code == SLUICE_OK)
        out->type = schema->json;
    return code;
}
