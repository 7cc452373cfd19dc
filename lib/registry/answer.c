/* answer.c - see answer.h. */
#include "registry/answer.h"

#include <stdio.h>

void answer_schema_deinit(struct answer_schema *schema)
{
    json_decref(schema->root);
    *schema = (struct answer_schema){.root = NULL};
}

static enum sluice_code type_from(const char *name, const char *where, enum registry_type *out,
                                  struct sluice_error *err)
{
    if (name == NULL || name[0] == '\0' || strcmp(name, "AVRO") == 0) {
        *out = REGISTRY_AVRO;
        return SLUICE_OK;
    }
    if (strcmp(name, "JSON") == 0) {
        *out = REGISTRY_JSON_SCHEMA;
        return SLUICE_OK;
    }
    return sluice_error_set(err, SLUICE_E_SCHEMA, SLUICE_REJECT,
                            "%s is of type %.40s, which is not supported; let the connector's converter write Avro or "
                            "JSON",
                            where, name);
}

static enum sluice_code keep(struct sluice_arena *arena, struct sluice_str text, struct sluice_str *out,
                             struct sluice_error *err)
{
    const char *copy = sluice_arena_copy(arena, text, err);
    if (copy == NULL)
        return err->code;
    *out = (struct sluice_str){copy, text.len};
    return SLUICE_OK;
}

enum sluice_code answer_read_schema(struct sluice_str body, const char *where, struct sluice_arena *arena,
                                    struct answer_schema *out, struct sluice_error *err)
{
    json_error_t why;
    SLUICE_AUTO(answer_schema) struct answer_schema answer = {.root = NULL};
    answer.root = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    const json_t *text = json_object_get(answer.root, "schema");
    if (!json_is_string(text))
        return sluice_error_set(
            err, SLUICE_E_SCHEMA, SLUICE_REJECT,
            "%s: the answer is no {\"schema\":\"..\"}; does registry.url lead to a schema registry?", where);
    enum sluice_code code =
        type_from(json_string_value(json_object_get(answer.root, "schemaType")), where, &answer.type, err);
    if (code == SLUICE_OK)
        code = keep(arena, (struct sluice_str){json_string_value(text), json_string_length(text)}, &answer.text, err);
    if (code != SLUICE_OK)
        return code;
    answer.references = json_object_get(answer.root, "references");
    *out = answer;
    answer.root = NULL;
    return SLUICE_OK;
}

enum sluice_code answer_take_bare(struct sluice_str body, const char *artifact_type, const char *where,
                                  struct sluice_arena *arena, struct answer_schema *out, struct sluice_error *err)
{
    *out = (struct answer_schema){.root = NULL};
    enum sluice_code code = type_from(artifact_type, where, &out->type, err);
    return code != SLUICE_OK ? code : keep(arena, body, &out->text, err);
}

void answer_message(struct sluice_str body, char *out, size_t capacity)
{
    json_error_t why;
    json_t *root = json_loadb(body.ptr, body.len, 0, &why);
    const char *message = json_string_value(json_object_get(root, "message"));
    (void)snprintf(out, capacity, "%s", message != NULL ? message : "");
    for (char *at = out; *at != '\0'; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            *at = ' ';
    }
    json_decref(root);
}
