/* avro_source.c - see avro_source.h. What is asked of each field is what source.c asks of it in JSON. */
#include "debezium/avro_source.h"

#include "debezium/refusal.h"
#include "debezium/source.h"
#include "debezium/text.h"

static const struct {
    const char *name;
    enum avro_source_member member;
} known[] = {
    {"connector", AVRO_SOURCE_CONNECTOR}, {"name", AVRO_SOURCE_NAME},     {"ts_ms", AVRO_SOURCE_TS_MS},
    {"snapshot", AVRO_SOURCE_SNAPSHOT},   {"db", AVRO_SOURCE_DB},         {"sequence", AVRO_SOURCE_SEQUENCE},
    {"ts_us", AVRO_SOURCE_TS_US},         {"schema", AVRO_SOURCE_SCHEMA}, {"table", AVRO_SOURCE_TABLE},
    {"txId", AVRO_SOURCE_TXID},           {"lsn", AVRO_SOURCE_LSN},
};

enum avro_source_member avro_source_find(struct sluice_str name)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(known); i++) {
        if (sluice_str_equal_z(name, known[i].name))
            return known[i].member;
    }
    return AVRO_SOURCE_OTHER;
}

static enum sluice_code read_name(const struct sluice_value *value, const char *field, const char *remedy,
                                  struct sluice_str *out, struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (value->kind != SLUICE_VALUE_STRING)
        return field_error(err, SLUICE_E_ENVELOPE, field, "a text is expected");
    if (memchr(value->text.ptr, '\0', value->text.len) != NULL)
        return refuse_name(field, value->text, remedy, err);
    *out = value->text;
    return SLUICE_OK;
}

static enum sluice_code read_unsigned(const struct sluice_value *value, const char *field, const char *what,
                                      uint64_t *out, bool *has, struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (value->kind != SLUICE_VALUE_INTEGER || value->integer < 0)
        return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_REJECT, "field \"%s\": %s is expected", field, what);
    *out = (uint64_t)value->integer;
    *has = true;
    return SLUICE_OK;
}

static enum sluice_code read_lsn(const struct sluice_value *value, struct sluice_source *source,
                                 struct sluice_error *err)
{
    enum sluice_code code = read_unsigned(value, "source.lsn", "a log position", &source->lsn, &source->has_lsn, err);
    return code != SLUICE_OK ? code : source_check_position(source->lsn, "source.lsn", err);
}

/* A point in time after 1970 in a unit of `scale` times what *out has. */
static enum sluice_code read_time(const struct sluice_value *value, const char *field, int64_t scale, int64_t *out,
                                  struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (value->kind != SLUICE_VALUE_INTEGER || value->integer < 0 || value->integer > INT64_MAX / scale)
        return field_error(err, SLUICE_E_ENVELOPE, field, "a time is expected");
    *out = value->integer * scale;
    return SLUICE_OK;
}

static enum sluice_code take(enum avro_source_member member, const struct sluice_value *value,
                             struct sluice_source *source, int64_t *ts_ms_us, struct sluice_error *err)
{
    switch (member) {
    case AVRO_SOURCE_OTHER:
        return SLUICE_OK;
    case AVRO_SOURCE_CONNECTOR:
        return source_take_connector(value, err);
    case AVRO_SOURCE_NAME:
        return read_name(value, "source.name", REFUSAL_OTHER_PREFIX, &source->name, err);
    case AVRO_SOURCE_DB:
        return read_name(value, "source.db", "rename the database", &source->db, err);
    case AVRO_SOURCE_SCHEMA:
        return read_name(value, "source.schema", REFUSAL_LEAVE_TABLE_OUT, &source->schema, err);
    case AVRO_SOURCE_TABLE:
        return read_name(value, "source.table", REFUSAL_LEAVE_TABLE_OUT, &source->table, err);
    case AVRO_SOURCE_SNAPSHOT:
        source->snapshot = value->kind != SLUICE_VALUE_NULL && value->kind != SLUICE_VALUE_FALSE &&
                           !(value->kind == SLUICE_VALUE_STRING && TEXT_IS(value->text, "false"));
        return SLUICE_OK;
    case AVRO_SOURCE_SEQUENCE:
        return source_take_sequence(value, source, err);
    case AVRO_SOURCE_TXID:
        return read_unsigned(value, "source.txId", "a transaction id", &source->txid, &source->has_txid, err);
    case AVRO_SOURCE_LSN:
        return read_lsn(value, source, err);
    case AVRO_SOURCE_TS_US:
        return read_time(value, "source.ts_us", 1, &source->ts_us, err);
    case AVRO_SOURCE_TS_MS:
        return read_time(value, "source.ts_ms", 1000, ts_ms_us, err);
    }
    SLUICE_BUG("a member of source that is none");
}

enum sluice_code avro_source_read(struct avro_reader *reader, const struct avro_node *node,
                                  const unsigned char *members, struct sluice_source *source, struct sluice_error *err)
{
    bool has_connector = false;
    int64_t ts_ms_us = 0;
    for (size_t i = 0; i < node->n; i++) {
        struct sluice_value value;
        enum avro_source_member member = (enum avro_source_member)members[i];
        enum sluice_code code = avro_read_value(reader, node->fields[i].node, &value, err);
        if (code == SLUICE_OK)
            code = take(member, &value, source, &ts_ms_us, err);
        if (SLUICE_UNLIKELY(code != SLUICE_OK))
            return code;
        has_connector = has_connector || member == AVRO_SOURCE_CONNECTOR;
    }
    if (!has_connector)
        return refuse_no_connector(err);
    if (source->ts_us == 0) /* ts_ms counts only where there is no ts_us */
        source->ts_us = ts_ms_us;
    return SLUICE_OK;
}
