/* connect.c - see connect.h. */
#include "table/connect.h"

#include <stdlib.h>

struct mapping {
    const char *type; /* Connect type */
    const char *name; /* schema name, NULL for a plain type */
    enum sluice_source_type source;
};

static const struct mapping mappings[] = {
    {"boolean", NULL, SLUICE_SOURCE_BOOLEAN},
    {"int8", NULL, SLUICE_SOURCE_INT16},
    {"int16", NULL, SLUICE_SOURCE_INT16},
    {"int32", NULL, SLUICE_SOURCE_INT32},
    {"int64", NULL, SLUICE_SOURCE_INT64},
    {"float", NULL, SLUICE_SOURCE_FLOAT32},
    {"double", NULL, SLUICE_SOURCE_FLOAT64},
    {"string", NULL, SLUICE_SOURCE_STRING},
    {"bytes", NULL, SLUICE_SOURCE_BYTES},
    {"bytes", "org.apache.kafka.connect.data.Decimal", SLUICE_SOURCE_DECIMAL},
    {"string", "io.debezium.data.Uuid", SLUICE_SOURCE_UUID},
    {"string", "io.debezium.data.Json", SLUICE_SOURCE_JSON},
    {"string", "io.debezium.data.Enum", SLUICE_SOURCE_ENUM},
    {"string", "io.debezium.data.Xml", SLUICE_SOURCE_STRING},
    {"string", "io.debezium.data.Ltree", SLUICE_SOURCE_STRING},
    {"string", "io.debezium.data.Tsvector", SLUICE_SOURCE_STRING},
    {"int32", "io.debezium.time.Date", SLUICE_SOURCE_DATE},
    {"int32", "org.apache.kafka.connect.data.Date", SLUICE_SOURCE_DATE},
    {"int64", "io.debezium.time.Timestamp", SLUICE_SOURCE_TIMESTAMP_MS},
    {"int64", "org.apache.kafka.connect.data.Timestamp", SLUICE_SOURCE_TIMESTAMP_MS},
    {"int64", "io.debezium.time.MicroTimestamp", SLUICE_SOURCE_TIMESTAMP_US},
    {"int64", "io.debezium.time.NanoTimestamp", SLUICE_SOURCE_TIMESTAMP_NS},
    {"string", "io.debezium.time.ZonedTimestamp", SLUICE_SOURCE_ZONED_TIMESTAMP},
};

/* PostgreSQL allows numeric scales up to 1000; the connector shows negative ones as nonsense above that. */
enum { MAX_SCALE = 1000 };

json_t *connect_member_fields(const json_t *schema, const char *field_z)
{
    size_t i;
    json_t *member;
    json_array_foreach(json_object_get(schema, "fields"), i, member)
    {
        const char *name = json_string_value(json_object_get(member, "field"));
        if (name != NULL && strcmp(name, field_z) == 0) {
            json_t *fields = json_object_get(member, "fields");
            return json_is_array(fields) ? fields : NULL;
        }
    }
    return NULL;
}

/* Schema parameters are always texts. */
static bool read_parameter(const json_t *schema, const char *name, unsigned max, unsigned *out)
{
    const char *text = json_string_value(json_object_get(json_object_get(schema, "parameters"), name));
    if (text == NULL || *text < '0' || *text > '9')
        return false;
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value > max)
        return false;
    *out = (unsigned)value;
    return true;
}

static bool find_source(const char *type, const char *name, enum sluice_source_type *out)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(mappings); i++) {
        const struct mapping *m = &mappings[i];
        bool same_name = m->name == NULL ? name == NULL : name != NULL && strcmp(m->name, name) == 0;
        if (same_name && strcmp(m->type, type) == 0) {
            *out = m->source;
            return true;
        }
    }
    return false;
}

void connect_read_field(const json_t *schema, struct sluice_source_column *column, const char **unsupported)
{
    const char *type = json_string_value(json_object_get(schema, "type"));
    const char *name = json_string_value(json_object_get(schema, "name"));
    *unsupported = name != NULL ? name : type != NULL ? type : "(no type)";
    column->optional = json_is_true(json_object_get(schema, "optional"));
    if (type == NULL || !find_source(type, name, &column->type))
        return;
    if (column->type == SLUICE_SOURCE_DECIMAL) {
        if (!read_parameter(schema, "scale", MAX_SCALE, &column->scale))
            return;
        if (!read_parameter(schema, "connect.decimal.precision", MAX_SCALE, &column->precision))
            column->precision = 0;
    }
    *unsupported = NULL;
}
