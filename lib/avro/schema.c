/* schema.c - see schema.h. The schema's JSON is read with jansson, which bounds its depth; nothing of it is kept. */
#include "avro/schema.h"

#include <stdio.h>

#include "avro/attributes.h"

enum { MAX_FULL_NAME = 1024, MAX_SYMBOLS = 100000 };

static void decref_auto(json_t **json)
{
    json_decref(*json);
}

/* One schema while it is compiled. */
struct compiler {
    struct sluice_arena *arena;
    json_t *names;                  /* full name to its place in `named` */
    const struct avro_node **named; /* NULL: not finished */
    size_t n_named;
    size_t capacity;
};

static enum sluice_code compile(struct compiler *c, const json_t *json, const char *space, unsigned depth,
                                struct avro_node **out, struct sluice_error *err);

static const struct {
    const char *name;
    enum avro_kind kind;
    size_t min_bytes;
} primitives[] = {
    {"null", AVRO_NULL, 0},   {"boolean", AVRO_BOOLEAN, 1}, {"int", AVRO_INT, 1},     {"long", AVRO_LONG, 1},
    {"float", AVRO_FLOAT, 4}, {"double", AVRO_DOUBLE, 8},   {"bytes", AVRO_BYTES, 1}, {"string", AVRO_STRING, 1},
};

#define refuse(err, ...) sluice_error_set(err, SLUICE_E_SCHEMA, SLUICE_REJECT, __VA_ARGS__)

static size_t add_capped(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

static enum sluice_code check_weight(const struct avro_node *node, struct sluice_error *err)
{
    if (node->weight <= AVRO_MAX_WEIGHT)
        return SLUICE_OK;
    return refuse(err,
                  "the Avro schema describes more than %d values in one record; its types use each other too often",
                  AVRO_MAX_WEIGHT);
}

/* --- names ---------------------------------------------------------------------------------------------------------
 */

static bool is_name(const char *name, bool dots)
{
    bool start = true;
    for (; *name != '\0'; name++) {
        bool letter = (*name >= 'a' && *name <= 'z') || (*name >= 'A' && *name <= 'Z') || *name == '_';
        bool digit = *name >= '0' && *name <= '9';
        if (dots && *name == '.' && !start) {
            start = true;
            continue;
        }
        if (!letter && (!digit || start))
            return false;
        start = false;
    }
    return !start;
}

static enum sluice_code join_name(const char *space, const char *name, char *out, struct sluice_error *err)
{
    bool is_full = strchr(name, '.') != NULL || space[0] == '\0';
    int n = snprintf(out, MAX_FULL_NAME, "%s%s%s", is_full ? "" : space, is_full ? "" : ".", name);
    if (n < 0 || n >= MAX_FULL_NAME)
        return refuse(err, "the Avro schema: a name of more than %d bytes", MAX_FULL_NAME - 1);
    return SLUICE_OK;
}

/* `space` becomes the namespace that names inside of `full` are looked up in. */
static void space_of(const char *full, char *space)
{
    const char *dot = strrchr(full, '.');
    size_t n = dot != NULL ? (size_t)(dot - full) : 0;
    memcpy(space, full, n);
    space[n] = '\0';
}

static const struct avro_node *find_named(struct compiler *c, const char *space, const char *name,
                                          struct sluice_error *err)
{
    char full[MAX_FULL_NAME];
    if (join_name(space, name, full, err) != SLUICE_OK)
        return NULL;
    const json_t *place = json_object_get(c->names, full);
    if (place == NULL) /* what is in no namespace may be named from within one */
        place = json_object_get(c->names, name);
    if (place == NULL) {
        (void)refuse(err, "the Avro schema uses type \"%.200s\", which it does not define", name);
        return NULL;
    }
    const struct avro_node *node = c->named[json_integer_value(place)];
    if (node == NULL)
        (void)refuse(err, "the Avro schema: type \"%.200s\" contains itself, which no table can hold", name);
    return node;
}

static enum sluice_code grow_named(struct compiler *c, struct sluice_error *err)
{
    size_t capacity = c->capacity == 0 ? 32 : c->capacity * 2;
    const struct avro_node **named = sluice_arena_alloc_array(c->arena, capacity, sizeof(struct avro_node *), err);
    if (named == NULL)
        return err->code;
    if (c->n_named > 0)
        memcpy(named, c->named, c->n_named * sizeof(struct avro_node *));
    c->named = named;
    c->capacity = capacity;
    return SLUICE_OK;
}

/* Makes the node of a named type known, not finished yet. */
static enum sluice_code declare(struct compiler *c, const json_t *json, const char *space, struct avro_node *node,
                                size_t *place, struct sluice_error *err)
{
    char full[MAX_FULL_NAME];
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *own_space = json_string_value(json_object_get(json, "namespace"));
    if (name == NULL || !is_name(name, true))
        return refuse(err, "the Avro schema: \"%.200s\" is no name of a type", name != NULL ? name : "");
    enum sluice_code code = join_name(own_space != NULL ? own_space : space, name, full, err);
    if (code != SLUICE_OK)
        return code;
    if (json_object_get(c->names, full) != NULL)
        return refuse(err, "the Avro schema defines type \"%.200s\" twice", full);
    if (c->n_named == c->capacity && (code = grow_named(c, err)) != SLUICE_OK)
        return code;
    node->name = sluice_arena_copy(c->arena, sluice_str_from(full), err);
    if (node->name == NULL)
        return err->code;
    if (json_object_set_new(c->names, full, json_integer((json_int_t)c->n_named)) != 0)
        return sluice_error_nomem(err, "the names of an Avro schema", strlen(full));
    *place = c->n_named;
    c->named[c->n_named++] = NULL;
    return SLUICE_OK;
}

/* --- types ---------------------------------------------------------------------------------------------------------
 */

static struct avro_node *new_node(struct compiler *c, enum avro_kind kind, size_t min_bytes, struct sluice_error *err)
{
    struct avro_node *node = sluice_arena_alloc(c->arena, sizeof *node, err);
    if (node == NULL)
        return NULL;
    node->kind = kind;
    node->min_bytes = min_bytes;
    node->weight = 1;
    return node;
}

/* A field's own node, so that its default can stand beside its type. */
static enum sluice_code add_default(struct compiler *c, const json_t *json, struct avro_node **node,
                                    struct sluice_error *err)
{
    const json_t *value = json_object_get(json, "default");
    if (value == NULL || json_is_null(value))
        return SLUICE_OK;
    struct avro_node *own = sluice_arena_alloc(c->arena, sizeof *own, err);
    if (own == NULL)
        return err->code;
    *own = **node;
    *node = own;
    return attributes_add_default(own, value, c->arena, err);
}

static enum sluice_code compile_field(struct compiler *c, const json_t *json, const char *space, unsigned depth,
                                      struct avro_field *field, struct sluice_error *err)
{
    struct avro_node *node = NULL;
    const char *name = json_string_value(json_object_get(json, "name"));
    if (name == NULL || !is_name(name, false))
        return refuse(err, "the Avro schema: \"%.200s\" is no name of a field", name != NULL ? name : "");
    enum sluice_code code = compile(c, json_object_get(json, "type"), space, depth, &node, err);
    if (code == SLUICE_OK)
        code = add_default(c, json, &node, err);
    if (code != SLUICE_OK)
        return code;
    field->name = sluice_arena_copy(c->arena, sluice_str_from(name), err);
    if (field->name == NULL)
        return err->code;
    field->name_str = sluice_str_from(field->name);
    field->node = node;
    return SLUICE_OK;
}

static enum sluice_code check_unique(const struct avro_node *record, const json_t *fields, struct sluice_error *err)
{
    json_t *seen = json_object();
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < record->n && code == SLUICE_OK; i++) {
        const char *name = json_string_value(json_object_get(json_array_get(fields, i), "name"));
        if (json_object_get(seen, name) != NULL)
            code = refuse(err, "the Avro schema: record \"%.200s\" has field \"%.200s\" twice", record->name, name);
        else if (json_object_set_new(seen, name, json_true()) != 0)
            code = sluice_error_nomem(err, "the fields of an Avro schema", strlen(name));
    }
    json_decref(seen);
    return code;
}

static enum sluice_code compile_record(struct compiler *c, const json_t *json, const char *space, unsigned depth,
                                       struct avro_node **out, struct sluice_error *err)
{
    char inner[MAX_FULL_NAME];
    size_t place = 0;
    const json_t *list = json_object_get(json, "fields");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n > AVRO_MAX_FIELDS)
        return refuse(err, "the Avro schema: a record has no list of at most %d fields", AVRO_MAX_FIELDS);
    struct avro_node *node = new_node(c, AVRO_RECORD, 0, err);
    struct avro_field *fields = sluice_arena_alloc_array(c->arena, n > 0 ? n : 1, sizeof *fields, err);
    if (node == NULL || fields == NULL)
        return err->code;
    enum sluice_code code = declare(c, json, space, node, &place, err);
    if (code != SLUICE_OK)
        return code;
    space_of(node->name, inner);
    for (size_t i = 0; i < n; i++) {
        code = compile_field(c, json_array_get(list, i), inner, depth, &fields[i], err);
        if (code != SLUICE_OK)
            return code;
        node->min_bytes = add_capped(node->min_bytes, fields[i].node->min_bytes);
        node->weight = add_capped(node->weight, fields[i].node->weight);
    }
    node->fields = fields;
    node->n = n;
    code = check_unique(node, list, err);
    if (code == SLUICE_OK)
        code = attributes_apply(node, json, c->arena, err);
    if (code != SLUICE_OK)
        return code;
    node->is_entries = attributes_is_entry(node, json);
    c->named[place] = node;
    *out = node;
    return check_weight(node, err);
}

/* A named type that names no other: known once it is whole. */
static enum sluice_code finish_named(struct compiler *c, const json_t *json, const char *space, struct avro_node *node,
                                     struct avro_node **out, struct sluice_error *err)
{
    size_t place = 0;
    enum sluice_code code = declare(c, json, space, node, &place, err);
    if (code == SLUICE_OK)
        code = attributes_apply(node, json, c->arena, err);
    if (code != SLUICE_OK)
        return code;
    c->named[place] = node;
    *out = node;
    return SLUICE_OK;
}

static enum sluice_code compile_enum(struct compiler *c, const json_t *json, const char *space, struct avro_node **out,
                                     struct sluice_error *err)
{
    const json_t *list = json_object_get(json, "symbols");
    size_t n = json_array_size(list);
    if (n == 0 || n > MAX_SYMBOLS)
        return refuse(err, "the Avro schema: an enum has no list of 1 to %d symbols", MAX_SYMBOLS);
    struct avro_node *node = new_node(c, AVRO_ENUM, 1, err);
    struct sluice_str *symbols = sluice_arena_alloc_array(c->arena, n, sizeof *symbols, err);
    if (node == NULL || symbols == NULL)
        return err->code;
    for (size_t i = 0; i < n; i++) {
        const char *symbol = json_string_value(json_array_get(list, i));
        if (symbol == NULL)
            return refuse(err, "the Avro schema: a symbol of an enum is no text");
        const char *copy = sluice_arena_copy(c->arena, sluice_str_from(symbol), err);
        if (copy == NULL)
            return err->code;
        symbols[i] = sluice_str_from(copy);
    }
    node->symbols = symbols;
    node->n = n;
    return finish_named(c, json, space, node, out, err);
}

static enum sluice_code compile_fixed(struct compiler *c, const json_t *json, const char *space, struct avro_node **out,
                                      struct sluice_error *err)
{
    const json_t *size = json_object_get(json, "size");
    if (!json_is_integer(size) || json_integer_value(size) < 0 || json_integer_value(size) > INT32_MAX)
        return refuse(err, "the Avro schema: a fixed type has no size");
    struct avro_node *node = new_node(c, AVRO_FIXED, (size_t)json_integer_value(size), err);
    if (node == NULL)
        return err->code;
    node->size = node->min_bytes;
    return finish_named(c, json, space, node, out, err);
}

static enum sluice_code compile_items(struct compiler *c, const json_t *json, enum avro_kind kind, const char *space,
                                      unsigned depth, struct avro_node **out, struct sluice_error *err)
{
    struct avro_node *items = NULL;
    struct avro_node *node = new_node(c, kind, 1, err);
    if (node == NULL)
        return err->code;
    enum sluice_code code =
        compile(c, json_object_get(json, kind == AVRO_MAP ? "values" : "items"), space, depth, &items, err);
    if (code != SLUICE_OK)
        return code;
    if (kind == AVRO_ARRAY && items->min_bytes == 0)
        return refuse(err, "the Avro schema: an array whose elements take no bytes; any number of them could be told");
    node->items = items;
    node->weight = add_capped(1, items->weight);
    node->is_entries = kind == AVRO_ARRAY && items->is_entries;
    code = attributes_apply(node, json, c->arena, err);
    *out = node;
    return code != SLUICE_OK ? code : check_weight(node, err);
}

static enum sluice_code compile_union(struct compiler *c, const json_t *json, const char *space, unsigned depth,
                                      struct avro_node **out, struct sluice_error *err)
{
    size_t n = json_array_size(json);
    size_t least = SIZE_MAX;
    if (n == 0 || n > AVRO_MAX_FIELDS)
        return refuse(err, "the Avro schema: a union does not have 1 to %d branches", AVRO_MAX_FIELDS);
    struct avro_node *node = new_node(c, AVRO_UNION, 1, err);
    const struct avro_node **branches = sluice_arena_alloc_array(c->arena, n, sizeof(struct avro_node *), err);
    if (node == NULL || branches == NULL)
        return err->code;
    for (size_t i = 0; i < n; i++) {
        struct avro_node *branch = NULL;
        enum sluice_code code = compile(c, json_array_get(json, i), space, depth, &branch, err);
        if (code != SLUICE_OK)
            return code;
        if (branch->kind == AVRO_UNION)
            return refuse(err, "the Avro schema: a union stands in a union");
        branches[i] = branch;
        least = branch->min_bytes < least ? branch->min_bytes : least;
        node->weight = branch->weight >= node->weight ? add_capped(1, branch->weight) : node->weight;
    }
    node->branches = branches;
    node->n = n;
    node->min_bytes = add_capped(1, least);
    *out = node;
    enum sluice_code code = attributes_apply_union(node, c->arena, err);
    return code != SLUICE_OK ? code : check_weight(node, err);
}

/* A name: of a primitive type, or of one defined before. `attributes` as in attributes_apply(). */
static enum sluice_code compile_name(struct compiler *c, const char *name, const json_t *attributes, const char *space,
                                     struct avro_node **out, struct sluice_error *err)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(primitives); i++) {
        if (strcmp(primitives[i].name, name) != 0)
            continue;
        *out = new_node(c, primitives[i].kind, primitives[i].min_bytes, err);
        return *out == NULL ? err->code : attributes_apply(*out, attributes, c->arena, err);
    }
    const struct avro_node *named = find_named(c, space, name, err);
    if (named == NULL)
        return err->code;
    /* A copy, for each place may give it a default of its own. */
    struct avro_node *node = new_node(c, named->kind, 0, err);
    if (node == NULL)
        return err->code;
    *node = *named;
    *out = node;
    return SLUICE_OK;
}

static enum sluice_code compile_object(struct compiler *c, const json_t *json, const char *space, unsigned depth,
                                       struct avro_node **out, struct sluice_error *err)
{
    const json_t *type = json_object_get(json, "type");
    const char *name = json_string_value(type);
    if (name == NULL) /* {"type": {..}}: nothing is said beside it */
        return compile(c, type, space, depth, out, err);
    if (strcmp(name, "record") == 0)
        return compile_record(c, json, space, depth, out, err);
    if (strcmp(name, "enum") == 0)
        return compile_enum(c, json, space, out, err);
    if (strcmp(name, "fixed") == 0)
        return compile_fixed(c, json, space, out, err);
    if (strcmp(name, "array") == 0)
        return compile_items(c, json, AVRO_ARRAY, space, depth, out, err);
    if (strcmp(name, "map") == 0)
        return compile_items(c, json, AVRO_MAP, space, depth, out, err);
    return compile_name(c, name, json, space, out, err);
}

static enum sluice_code compile(struct compiler *c, const json_t *json, const char *space, unsigned depth,
                                struct avro_node **out, struct sluice_error *err)
{
    if (depth == AVRO_MAX_DEPTH)
        return refuse(err, "the Avro schema is nested more than %d levels deep", AVRO_MAX_DEPTH);
    if (json_is_string(json))
        return compile_name(c, json_string_value(json), NULL, space, out, err);
    if (json_is_array(json))
        return compile_union(c, json, space, depth + 1, out, err);
    if (json_is_object(json))
        return compile_object(c, json, space, depth + 1, out, err);
    return refuse(err, "the Avro schema: a type is neither a name, an object nor a list");
}

static enum sluice_code compile_text(struct compiler *c, struct sluice_str text, struct avro_node **out,
                                     struct sluice_error *err)
{
    json_error_t why;
    SLUICE_CLEANUP(decref_auto)
    json_t *json = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    if (json == NULL)
        return sluice_error_set(err, SLUICE_E_JSON, SLUICE_REJECT, "the Avro schema is no JSON: %s at byte %d",
                                why.text, why.position);
    return compile(c, json, "", 0, out, err);
}

enum sluice_code avro_schema_compile(struct sluice_str text, const struct sluice_str *named, size_t n_named,
                                     struct sluice_arena *arena, const struct avro_node **out, struct sluice_error *err)
{
    struct avro_node *node = NULL;
    enum sluice_code code = SLUICE_OK;
    SLUICE_CLEANUP(decref_auto) json_t *names = json_object();
    struct compiler compiler = {.arena = arena, .names = names};
    if (names == NULL)
        return sluice_error_nomem(err, "the names of an Avro schema", 1);
    for (size_t i = 0; i < n_named && code == SLUICE_OK; i++)
        code = compile_text(&compiler, named[i], &node, err);
    if (code == SLUICE_OK)
        code = compile_text(&compiler, text, &node, err);
    if (code == SLUICE_OK)
        *out = node;
    return code;
}

const struct avro_node *avro_without_null(const struct avro_node *node)
{
    const struct avro_node *only = NULL;
    if (node->kind != AVRO_UNION)
        return node;
    for (size_t i = 0; i < node->n; i++) {
        if (node->branches[i]->kind == AVRO_NULL)
            continue;
        if (only != NULL)
            return node;
        only = node->branches[i];
    }
    return only != NULL && node->n <= 2 ? only : node;
}
