/* catalog.c - see catalog.h. */
#include "pipeline/catalog.h"

#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>

/* Shapes of one table whose plans are kept though no partition uses them: tables change rarely, replays see the old
 * ones again. */
enum { MAX_VARIANTS = 32, MAX_REFUSALS = 3 };

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
        sluice_table_settings_free(table->settings);
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

static bool same_target(const struct table *a, const struct table *b)
{
    return strcmp(a->settings->table, b->settings->table) == 0 &&
           strcmp(a->settings->database, b->settings->database) == 0;
}

static void forget_plans(struct catalog *catalog, const struct table *table)
{
    for (const struct table *other = catalog->tables; other != NULL; other = other->next) {
        for (struct variant *variant = other->variants; variant != NULL && same_target(other, table);
             variant = variant->next) {
            if (variant->state == VARIANT_READY)
                variant->state = VARIANT_STALE;
        }
    }
}

enum sluice_code catalog_planned(struct catalog *catalog, struct variant *variant, struct sluice_error *err)
{
    struct table *table = variant->table;
    for (const struct table *other = catalog->tables; other != NULL; other = other->next) {
        if (other != table && other->is_claimed && same_target(other, table) &&
            !(other->settings->is_shared && table->settings->is_shared))
            return sluice_error_set(
                err, SLUICE_E_TABLE, SLUICE_STOP_PARTITION,
                "source tables \"%s\" and \"%s\" would both be written to table \"%s\"; name another target for one of "
                "them with a rule, or set shared: true in the rules of both",
                other->source, table->source, table->settings->table);
    }
    table->is_claimed = true;
    table->was_found = true;
    table->is_ours = variant->found.is_ours;
    if (variant->found.is_changed)
        forget_plans(catalog, table);
    return SLUICE_OK;
}

bool catalog_plan_again(struct catalog *catalog, struct variant *variant)
{
    /* Else it is known already, by another partition or because we changed the table ourselves. */
    if (variant->state == VARIANT_READY) {
        variant->table->n_refusals++;
        forget_plans(catalog, variant->table);
    }
    return variant->table->n_refusals <= MAX_REFUSALS;
}

static enum sluice_code add_table(struct catalog *catalog, char *source, const struct sluice_change *change,
                                  const struct sluice_shape *shape, struct table **out, struct sluice_error *err)
{
    char *name = copy_text(change->source.name);
    struct table *table = calloc(1, sizeof *table);
    enum sluice_code code =
        name != NULL && table != NULL ? SLUICE_OK : sluice_error_nomem(err, "a table", sizeof *table);
    if (code == SLUICE_OK)
        code = sluice_table_settings_new(catalog->config, name, shape->schema, shape->table, &table->settings, err);
    free(name);
    if (code != SLUICE_OK) {
        free(table);
        return code;
    }
    table->source = source;
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
    code = add_table(catalog, source, change, shape, out, err);
    if (code != SLUICE_OK)
        free(source);
    return code;
}

/* Variants that no binding uses: all that are stale, and the oldest ones beyond a number. The newest come first. */
static void drop_unused(struct table *table)
{
    size_t n_kept = 0;
    for (struct variant **at = &table->variants; *at != NULL;) {
        struct variant *variant = *at;
        bool is_unused = variant->n_bindings == 0 && variant->state != VARIANT_PLANNING;
        if (is_unused && (variant->state == VARIANT_STALE || n_kept >= MAX_VARIANTS)) {
            *at = variant->next;
            variant_free(variant);
            continue;
        }
        n_kept++;
        at = &variant->next;
    }
}

static enum sluice_code add_variant(struct table *table, struct sluice_shape **shape, struct variant **out,
                                    struct sluice_error *err)
{
    drop_unused(table);
    struct variant *variant = calloc(1, sizeof *variant);
    if (variant == NULL)
        return sluice_error_nomem(err, "the plan of a table", sizeof *variant);
    variant->job.item.kind = LANE_JOB;
    variant->job.kind = JOB_PLAN;
    variant->table = table;
    variant->must_exist = table->was_found && !table->is_ours;
    variant->shape = *shape;
    *shape = NULL;
    variant->state = VARIANT_PLANNING;
    variant->next = table->variants;
    table->variants = variant;
    *out = variant;
    return SLUICE_OK;
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
    if (code == SLUICE_OK)
        code = sluice_shape_apply_rules(shape, table->settings, err);
    if (code != SLUICE_OK)
        return code;
    for (struct variant *variant = table->variants; variant != NULL; variant = variant->next) {
        if (variant->state != VARIANT_STALE && sluice_shape_equal(variant->shape, shape)) {
            *is_new = false;
            *out = variant;
            return SLUICE_OK;
        }
    }
    code = add_variant(table, &shape, out, err);
    *is_new = code == SLUICE_OK;
    return code;
}

static enum sluice_code remember_schema(struct binding *binding, const struct sluice_change *change,
                                        const struct sluice_key *key, struct sluice_error *err)
{
    binding->schema_text = copy_text(change->value_schema);
    binding->key_schema_text = copy_text(key->key_schema);
    if (binding->schema_text == NULL || binding->key_schema_text == NULL)
        return sluice_error_nomem(err, "an embedded schema", change->value_schema.len + key->key_schema.len);
    binding->schema_len = change->value_schema.len;
    binding->key_schema_len = key->key_schema.len;
    binding->row_type = change->row_type;
    binding->key_type = key->type;
    return SLUICE_OK;
}

/* The schema text of the last one or, without schemas, the planned columns. A primary key can change without the
 * columns changing, and rows would replace each other. */
static bool knows_key(const struct binding *binding, const struct sluice_key *key)
{
    const struct sluice_shape *shape = binding->variant->shape;
    if (key->key_schema.len != binding->key_schema_len || key->type != binding->key_type)
        return false;
    if (key->key_schema.len > 0)
        return memcmp(key->key_schema.ptr, binding->key_schema_text, key->key_schema.len) == 0;
    if (key->type != NULL)
        return true;
    if (key->n_fields != shape->n_key)
        return false;
    for (size_t i = 0; i < key->n_fields; i++) {
        if (!sluice_str_equal_z(key->fields[i].name, shape->columns[shape->key[i]].name))
            return false;
    }
    return true;
}

static bool knows_row(const struct binding *binding, const struct sluice_change *change, bool is_hint)
{
    if (change->row_type != binding->row_type)
        return false;
    if (change->value_schema_is_hint && is_hint)
        return true;
    return change->value_schema.len == binding->schema_len &&
           (binding->schema_len == 0 ||
            memcmp(change->value_schema.ptr, binding->schema_text, binding->schema_len) == 0);
}

bool binding_knows(const struct binding *binding, const struct sluice_change *change, const struct sluice_key *key,
                   bool is_hint)
{
    bool row_counts = change->op != 'd' || binding->table->settings->identity == SLUICE_IDENTITY_FULL;
    return (!row_counts || knows_row(binding, change, is_hint)) && knows_key(binding, key);
}

enum sluice_code binding_new(struct variant *variant, const struct sluice_change *change, const struct sluice_key *key,
                             struct binding **out, struct sluice_error *err)
{
    struct binding *binding = calloc(1, sizeof *binding);
    if (binding == NULL)
        return sluice_error_nomem(err, "a table of a partition", sizeof *binding);
    binding->table = variant->table;
    binding->variant = variant;
    variant->n_bindings++;
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
    binding->variant->n_bindings--;
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
