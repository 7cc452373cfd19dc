/* avro_source.c - see avro_source.h. What is asked of each field is what source.c asks of it in JSON. */
#include "debezium/avro_source.h"

#include "base/digits.h"
#include "debezium/refusal.h"
#include "debezium/source_memory.h"
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
        source->says_false = value->kind == SLUICE_VALUE_STRING && TEXT_IS(value->text, "false");
        source->snapshot = value->kind != SLUICE_VALUE_NULL && value->kind != SLUICE_VALUE_FALSE && !source->says_false;
        return SLUICE_OK;
    case AVRO_SOURCE_SEQUENCE:
        return source_take_sequence(value, source, err);
    case AVRO_SOURCE_TXID:
        return source_take_txid(value, source, err);
    case AVRO_SOURCE_LSN:
        return source_take_lsn(value, source, err);
    case AVRO_SOURCE_TS_US:
        return read_time(value, "source.ts_us", 1, &source->ts_us, err);
    case AVRO_SOURCE_TS_MS:
        return read_time(value, "source.ts_ms", 1000, ts_ms_us, err);
    }
    SLUICE_BUG("a member of source that is none");
}

/* --- the memory ----------------------------------------------------------------------------------------------------
 */

/* A varint, or a number in a sequence, which is as long as its text says it is. */
static bool quick_number(const char **at, const char *end, const struct source_run *run, uint64_t *number)
{
    struct avro_reader reader = avro_reader_of((struct sluice_str){*at, (size_t)(end - *at)});
    struct sluice_error ignored;
    int64_t value = 0;
    if (run->n_digits > 0) {
        size_t n = sluice_digits_scan(*at, end, number);
        *at += n;
        return n == run->n_digits && n <= DIGITS_MAX;
    }
    if (avro_read_long(&reader, &value, &ignored) != SLUICE_OK)
        return false;
    *at = (const char *)reader.at;
    *number = (uint64_t)value; /* below zero it is above every bound */
    return true;
}

static enum source_number number_of(enum avro_source_member member)
{
    switch (member) {
    case AVRO_SOURCE_TS_MS:
        return SOURCE_NUMBER_TS_MS;
    case AVRO_SOURCE_TS_US:
        return SOURCE_NUMBER_TS_US;
    case AVRO_SOURCE_TXID:
        return SOURCE_NUMBER_TXID;
    case AVRO_SOURCE_LSN:
        return SOURCE_NUMBER_LSN;
    default:
        return SOURCE_NUMBER_IGNORED;
    }
}

/* A field that was read from `start` to `end`. Of a long the varint is left out, not the index in front of it. */
static void learn(struct source_learning *learning, const struct avro_node *node, enum avro_source_member member,
                  const struct sluice_value *value, const unsigned char *start, const unsigned char *end,
                  const struct sluice_source *source)
{
    const enum avro_kind kind = avro_without_null(node)->kind;
    if (kind == AVRO_STRING && member == AVRO_SOURCE_SEQUENCE && value->kind == SLUICE_VALUE_STRING)
        source_learn_sequence(learning, value->text.ptr, value->text.ptr + value->text.len, true, source);
    if (kind != AVRO_LONG || value->kind != SLUICE_VALUE_INTEGER)
        return;
    const unsigned char *number = end - 1;
    while (number > start && number[-1] >= 0x80)
        number--;
    source_learn_number(learning, (const char *)number, (const char *)end, number_of(member), source);
}

/* ------------------------------------------------------------------------------------------------------------------ */

static enum sluice_code read_members(struct avro_reader *reader, const struct avro_node *node,
                                     const unsigned char *members, struct source_learning *learning,
                                     struct sluice_source *source, struct sluice_error *err)
{
    bool has_connector = false;
    int64_t ts_ms_us = 0;
    for (size_t i = 0; i < node->n; i++) {
        struct sluice_value value;
        const unsigned char *start = reader->at;
        enum avro_source_member member = (enum avro_source_member)members[i];
        enum sluice_code code = avro_read_value(reader, node->fields[i].node, &value, err);
        if (code == SLUICE_OK)
            code = take(member, &value, source, &ts_ms_us, err);
        if (SLUICE_UNLIKELY(code != SLUICE_OK))
            return code;
        if (source_is_learning(learning))
            learn(learning, node->fields[i].node, member, &value, start, reader->at, source);
        has_connector = has_connector || member == AVRO_SOURCE_CONNECTOR;
    }
    if (!has_connector)
        return refuse_no_connector(err);
    if (source->ts_us == 0) /* ts_ms counts only where there is no ts_us */
        source->ts_us = ts_ms_us;
    return SLUICE_OK;
}

enum sluice_code avro_source_read(struct avro_reader *reader, const struct avro_node *node,
                                  const unsigned char *members, struct source_memory *memory,
                                  struct sluice_source *source, struct sluice_error *err)
{
    struct source_learning learning;
    const char *at = (const char *)reader->at;
    if (SLUICE_LIKELY(source_recall(memory, node, &at, (const char *)reader->end, quick_number, source))) {
        reader->at = (const unsigned char *)at;
        return SLUICE_OK;
    }
    *source = (struct sluice_source){0};
    source_learn(&learning, memory, node, at);
    enum sluice_code code = read_members(reader, node, members, &learning, source, err);
    if (code == SLUICE_OK)
        source_learn_finish(&learning, (const char *)reader->at, source);
    return code;
}
