/* catalog.c - see catalog.h. */
#include "pipeline/catalog.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

void catalog_init(struct catalog *catalog, const struct sluice_config *config)
{
    *catalog = (struct catalog){.config = config};
}

static void variant_free(struct variant *variant)
{
    sluice_plan_unref(variant->plan);
    sluice_shape_free(variant->shape);
    free(variant);
}

void catalog_deinit(struct catalog *catalog)
{
    while (catalog->tables != NULL) {
        struct table *table = catalog->tables;
        catalog->tables = table->next;
        while (table->variants != NULL) {
            struct variant *variant = table->variants;
            table->variants = variant->next;
            variant_free(variant);
        }
        free(table->source);
        free(table->target);
        free(table);
    }
}

static char *copy_text(struct sluice_str text)
{
    char *copy = malloc(text.len + 1);
    if (copy == NULL)
        return NULL;
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return copy;
}

static enum sluice_code name_source(const struct sluice_change *change, const struct sluice_shape *shape, char **out,
                                    struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    sluice_buf_init(&text, 4096, "the name of a source table");
    enum sluice_code code = sluice_buf_printf(&text, err, "%.*s/%.*s/%s.%s", SLUICE_STR_ARG(change->source.name),
                                              SLUICE_STR_ARG(change->source.db), shape->schema, shape->table);
    if (code != SLUICE_OK)
        return code;
    *out = copy_text(sluice_buf_str(&text));
    return *out != NULL ? SLUICE_OK : sluice_error_nomem(err, "the name of a source table", text.len);
}

enum sluice_code catalog_claim(struct catalog *catalog, struct table *table, struct sluice_error *err)
{
    for (const struct table *other = catalog->tables; other != NULL; other = other->next) {
        if (other != table && other->is_claimed && strcmp(other->target, table->target) == 0)
            return sluice_error_set(
                err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
                "source tables \"%s\" and \"%s\" would both be written to table \"%s\"; run a pipeline "
                "with a database of its own for one of them",
                other->source, table->source, table->target);
    }
    table->is_claimed = true;
    return SLUICE_OK;
}

static enum sluice_code add_table(struct catalog *catalog, char *source, const char *target, struct table **out,
                                  struct sluice_error *err)
{
    struct table *table = calloc(1, sizeof *table);
    char *target_copy = copy_text(sluice_str_from(target));
    if (table == NULL || target_copy == NULL) {
        free(table);
        free(target_copy);
        return sluice_error_nomem(err, "a table", sizeof *table);
    }
    table->source = source;
    table->target = target_copy;
    table->next = catalog->tables;
    catalog->tables = table;
    catalog->n_tables++;
    *out = table;
    return SLUICE_OK;
}

static enum sluice_code find_table(struct catalog *catalog, const struct sluice_change *change,
                                   const struct sluice_shape *shape, struct table **out, struct sluice_error *err)
{
    char *source = NULL;
    enum sluice_code code = name_source(change, shape, &source, err);
    if (code != SLUICE_OK)
        return code;
    for (struct table *table = catalog->tables; table != NULL; table = table->next) {
        if (strcmp(table->source, source) == 0) {
            free(source);
            *out = table;
            return SLUICE_OK;
        }
    }
    code = add_table(catalog, source, shape->table, out, err);
    if (code != SLUICE_OK)
        free(source);
    return code;
}

enum sluice_code catalog_find(struct catalog *catalog, const struct sluice_change *change, const struct sluice_key *key,
                              struct variant **out, bool *is_new, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
    struct table *table = NULL;
    enum sluice_code code = sluice_shape_new(change, key, catalog->config->tables_source_types.items,
                                             catalog->config->tables_source_types.n_items, &shape, err);
    if (code == SLUICE_OK)
        code = find_table(catalog, change, shape, &table, err);
    if (code != SLUICE_OK)
        return code;
    *is_new = false;
    for (struct variant *variant = table->variants; variant != NULL; variant = variant->next) {
        if (variant->state != VARIANT_STALE && sluice_shape_equal(variant->shape, shape)) {
            *out = variant;
            return SLUICE_OK;
        }
    }
    struct variant *variant = calloc(1, sizeof *variant);
    if (variant == NULL)
        return sluice_error_nomem(err, "the plan of a table", sizeof *variant);
    variant->job.item.kind = LANE_JOB;
    variant->job.kind = JOB_PLAN;
    variant->table = table;
    variant->shape = SLUICE_TAKE(shape);
    variant->state = VARIANT_PLANNING;
    variant->next = table->variants;
    table->variants = variant;
    *out = variant;
    *is_new = true;
    return SLUICE_OK;
}

static enum sluice_code remember_schema(struct binding *binding, const struct sluice_change *change,
                                        const struct sluice_key *key, struct sluice_error *err)
{
    char *text = copy_text(change->value_schema);
    char *key_text = copy_text(key->key_schema);
    if (text == NULL || key_text == NULL) {
        free(text);
        free(key_text);
        return sluice_error_nomem(err, "an embedded schema", change->value_schema.len + key->key_schema.len);
    }
    free(binding->schema_text);
    free(binding->key_schema_text);
    binding->schema_text = text;
    binding->schema_len = change->value_schema.len;
    binding->key_schema_text = key_text;
    binding->key_schema_len = key->key_schema.len;
    return SLUICE_OK;
}

bool binding_knows_key(const struct binding *binding, const struct sluice_key *key)
{
    const struct sluice_shape *shape = binding->variant->shape;
    if (key->key_schema.len != binding->key_schema_len)
        return false;
    if (key->key_schema.len > 0)
        return memcmp(key->key_schema.ptr, binding->key_schema_text, key->key_schema.len) == 0;
    if (key->n_fields != shape->n_key)
        return false;
    for (size_t i = 0; i < key->n_fields; i++) {
        if (!sluice_str_equal_z(key->fields[i].name, shape->columns[shape->key[i]].name))
            return false;
    }
    return true;
}

enum sluice_code binding_new(struct variant *variant, const struct sluice_change *change, const struct sluice_key *key,
                             struct binding **out, struct sluice_error *err)
{
    struct binding *binding = calloc(1, sizeof *binding);
    if (binding == NULL)
        return sluice_error_nomem(err, "a table of a partition", sizeof *binding);
    binding->table = variant->table;
    binding->variant = variant;
    binding->plan = sluice_plan_ref(variant->plan);
    binding->source_name = copy_text(change->source.name);
    binding->source_db = copy_text(change->source.db);
    binding->source_schema = copy_text(change->source.schema);
    binding->source_table = copy_text(change->source.table);
    if (binding->source_name == NULL || binding->source_db == NULL || binding->source_schema == NULL ||
        binding->source_table == NULL || remember_schema(binding, change, key, err) != SLUICE_OK) {
        binding_free(binding);
        return sluice_error_nomem(err, "a table of a partition", sizeof *binding);
    }
    *out = binding;
    return SLUICE_OK;
}

void binding_free(struct binding *binding)
{
    if (binding == NULL)
        return;
    sluice_plan_unref(binding->plan);
    free(binding->source_name);
    free(binding->source_db);
    free(binding->source_schema);
    free(binding->source_table);
    free(binding->schema_text);
    free(binding->key_schema_text);
    free(binding);
}

bool binding_matches(const struct binding *binding, const struct sluice_source *source)
{
    return sluice_str_equal_z(source->table, binding->source_table) &&
           sluice_str_equal_z(source->schema, binding->source_schema) &&
           sluice_str_equal_z(source->name, binding->source_name) && sluice_str_equal_z(source->db, binding->source_db);
}

enum sluice_code binding_accept_schema(struct binding *binding, const struct catalog *catalog,
                                       const struct sluice_change *change, const struct sluice_key *key,
                                       struct sluice_error *err)
{
    SLUICE_AUTO(sluice_shape) struct sluice_shape *shape = NULL;
    enum sluice_code code = sluice_shape_new(change, key, catalog->config->tables_source_types.items,
                                             catalog->config->tables_source_types.n_items, &shape, err);
    if (code != SLUICE_OK)
        return code;
    if (!sluice_shape_equal(binding->variant->shape, shape))
        return sluice_error_set(
            err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
            "the columns or the key of \"%s\" changed in the records; this version does not follow schema changes: "
            "bring "
            "table \"%s\" to the new columns with ALTER TABLE, then restart the worker or send it SIGHUP",
            binding->table->source, binding->table->target);
    return remember_schema(binding, change, key, err);
}
