/* layout.c - what a topic's records look like beside the envelope: flattened rows, keys of several tables. */
#include "pipeline/lane_internal.h"

#include <regex.h>

static bool matches(const char *pattern, const char *topic)
{
    regex_t regex;
    if (pattern[0] != '^')
        return strcmp(pattern, topic) == 0;
    if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return false; /* refused when the configuration was checked */
    bool found = regexec(&regex, topic, 0, NULL, 0) == 0;
    regfree(&regex);
    return found;
}

struct sluice_layout layout_of_topic(const struct sluice_config *config, const char *topic)
{
    const struct sluice_config_list *listed = &config->records_flattened_topics;
    bool is_flattened = config->records_layout == SLUICE_RECORDS_FLATTENED;
    for (size_t i = 0; i < listed->n_items && !is_flattened; i++)
        is_flattened = matches(listed->items[i], topic);
    return (struct sluice_layout){.may_be_envelope = !is_flattened,
                                  .may_be_flattened = is_flattened || config->records_layout == SLUICE_RECORDS_AUTO,
                                  .prefix = sluice_str_from(config->records_flattened_prefix),
                                  .topic = sluice_str_from(topic)};
}

bool layout_null_deletes(const struct partition *p, enum sluice_seen_layout seen, const struct sluice_change *change)
{
    if (!p->lane.layout.may_be_flattened)
        return false;
    switch (seen) {
    case SLUICE_SEEN_FLATTENED:
        return true;
    case SLUICE_SEEN_FLATTENED_MARKED:
    case SLUICE_SEEN_ENVELOPE:
        return false;
    case SLUICE_SEEN_NO_ROW:
        break;
    }
    /* A converter writes a null in text only for what a transform emptied. */
    return !p->lane.layout.may_be_envelope || change->is_null_text;
}

static bool is_identifier(const struct sluice_config *config, struct sluice_str name)
{
    static const char lead[] = "__dbz__";
    if (name.len > sizeof lead && memcmp(name.ptr, lead, sizeof lead - 1) == 0 &&
        (sluice_str_equal_z(name, "__dbz__physicalTableIdentifier") ||
         sluice_str_equal_z(name, "__dbz__sourceIdentifier")))
        return true;
    const struct sluice_config_list *names = &config->records_table_identifier;
    for (size_t i = 0; i < names->n_items; i++) {
        if (sluice_str_equal_z(name, names->items[i]))
            return true;
    }
    return false;
}

enum sluice_code layout_clean_key(const struct sluice_config *config, struct sluice_key *key,
                                  struct sluice_field room[LANE_KEY_FIELDS], struct sluice_str *identifier,
                                  struct sluice_error *err)
{
    size_t n_kept = 0;
    size_t n_found = 0;
    *identifier = (struct sluice_str){NULL, 0};
    for (size_t i = 0; i < key->n_fields; i++)
        n_found += is_identifier(config, key->fields[i].name);
    if (SLUICE_LIKELY(n_found == 0))
        return SLUICE_OK;
    if (key->n_fields == n_found || key->n_fields - n_found > LANE_KEY_FIELDS)
        return sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT,
                                "key of the record: %zu fields beside those of records.table_identifier; between 1 and "
                                "%d are expected, give the table a primary key or the connector message.key.columns",
                                key->n_fields - n_found, LANE_KEY_FIELDS);
    for (size_t i = 0; i < key->n_fields; i++) {
        const struct sluice_field *field = &key->fields[i];
        if (!is_identifier(config, field->name))
            room[n_kept++] = *field;
        else if (field->value.kind == SLUICE_VALUE_STRING)
            *identifier = field->value.text;
    }
    key->fields = room;
    key->n_fields = n_kept;
    return SLUICE_OK;
}

static void take_names(const struct binding *binding, struct sluice_source *source)
{
    source->name = sluice_str_from(binding->source_name);
    source->db = sluice_str_from(binding->source_db);
    source->schema = sluice_str_from(binding->source_schema);
    source->table = sluice_str_from(binding->source_table);
}

static bool is_same_table(const struct binding *binding, const struct sluice_source *source)
{
    return sluice_str_equal_z(source->table, binding->source_table) &&
           sluice_str_equal_z(source->schema, binding->source_schema) &&
           sluice_str_equal_z(source->name, binding->source_name);
}

enum sluice_code layout_name_table(const struct partition *p, const char *topic, struct sluice_str identifier,
                                   struct sluice_change *change, struct sluice_error *err)
{
    const struct binding *only = NULL;
    size_t n = 0;
    sluice_source_from_topic(identifier.len > 0 ? identifier : sluice_str_from(topic), &change->source);
    for (const struct binding *binding = p->lane.bindings; binding != NULL; binding = binding->next) {
        if (is_same_table(binding, &change->source)) {
            take_names(binding, &change->source);
            return SLUICE_OK;
        }
        n += only == NULL || only->table != binding->table; /* a table has a binding for each of its schemas */
        only = binding;
    }
    if (identifier.len > 0 || n == 0)
        return SLUICE_OK;
    /* The replay topic shows tables of several topics. */
    if (n > 1 || p->is_replay)
        return sluice_error_set(
            err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
            "the record has a null value, which deletes a row, and does not say of which of the "
            "topic's tables; let the transform keep deletes (delete.tombstone.handling.mode=rewrite "
            "with add.fields=op,lsn,sequence,schema,table)");
    take_names(only, &change->source);
    return SLUICE_OK;
}
