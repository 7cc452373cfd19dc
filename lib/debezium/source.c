/* source.c - see source.h. */
#include "debezium/source.h"

#include <inttypes.h>

#include "base/digits.h"
#include "debezium/refusal.h"
#include "debezium/source_memory.h"
#include "debezium/text.h"
#include "json/scan.h"

/* A bit per member that is used; a second one of the same name is refused. */
enum source_member {
    SOURCE_CONNECTOR = 1 << 0,
    SOURCE_NAME = 1 << 1,
    SOURCE_TS_MS = 1 << 2,
    SOURCE_SNAPSHOT = 1 << 3,
    SOURCE_DB = 1 << 4,
    SOURCE_SEQUENCE = 1 << 5,
    SOURCE_TS_US = 1 << 6,
    SOURCE_SCHEMA = 1 << 7,
    SOURCE_TABLE = 1 << 8,
    SOURCE_TXID = 1 << 9,
    SOURCE_LSN = 1 << 10
};

/* The order of Debezium 3.6. Any other is read as well, only not as fast. */
static const struct known_member {
    struct json_expected name;
    unsigned bit;
    enum source_number number; /* if it is one */
    bool varies;               /* from record to record */
} known[] = {
    {JSON_EXPECTED("version"), 0, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("connector"), SOURCE_CONNECTOR, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("name"), SOURCE_NAME, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("ts_ms"), SOURCE_TS_MS, SOURCE_NUMBER_TS_MS, true},
    {JSON_EXPECTED("snapshot"), SOURCE_SNAPSHOT, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("db"), SOURCE_DB, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("sequence"), SOURCE_SEQUENCE, SOURCE_NUMBER_IGNORED, true},
    {JSON_EXPECTED("ts_us"), SOURCE_TS_US, SOURCE_NUMBER_TS_US, true},
    {JSON_EXPECTED("ts_ns"), 0, SOURCE_NUMBER_IGNORED, true},
    {JSON_EXPECTED("schema"), SOURCE_SCHEMA, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("table"), SOURCE_TABLE, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("txId"), SOURCE_TXID, SOURCE_NUMBER_TXID, true},
    {JSON_EXPECTED("lsn"), SOURCE_LSN, SOURCE_NUMBER_LSN, true},
    {JSON_EXPECTED("xmin"), 0, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("origin"), 0, SOURCE_NUMBER_IGNORED, false},
    {JSON_EXPECTED("origin_lsn"), 0, SOURCE_NUMBER_IGNORED, false},
};
enum { N_KNOWN = SLUICE_N_ELEMENTS(known) };

/* The place of a member in `known`, N_KNOWN if it is not there. */
static size_t find_known(struct sluice_str name)
{
    size_t i = 0;
    while (i < N_KNOWN && !json_is_expected(&known[i].name, name))
        i++;
    return i;
}

/* The rare name with escapes, so that one name has one spelling, whatever the encoding. */
static enum sluice_code unescape_name(const struct sluice_value *value, const char *field, const char *remedy,
                                      struct source_names *names, struct sluice_str *out, struct sluice_error *err)
{
    char *at = names->bytes + names->n;
    size_t n = 0;
    if (value->text.len > sizeof names->bytes - names->n)
        return refuse_name(field, value->text, remedy, err);
    enum sluice_code code = sluice_json_unescape(*value, at, &n, err);
    if (code != SLUICE_OK)
        return code;
    if (memchr(at, '\0', n) != NULL)
        return refuse_name(field, value->text, remedy, err);
    names->n += n;
    *out = (struct sluice_str){at, n};
    return SLUICE_OK;
}

static enum sluice_code read_name(const struct sluice_value *value, const char *field, const char *remedy,
                                  struct source_names *names, struct sluice_str *out, struct sluice_error *err)
{
    if (value->kind == SLUICE_VALUE_STRING) {
        *out = value->text;
        return SLUICE_OK;
    }
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (value->kind != SLUICE_VALUE_STRING_ESCAPED)
        return field_error(err, SLUICE_E_ENVELOPE, field, "a text is expected");
    return unescape_name(value, field, remedy, names, out, err);
}

enum sluice_code source_take_connector(const struct sluice_value *value, struct sluice_error *err)
{
    if (value->kind != SLUICE_VALUE_STRING)
        return field_error(err, SLUICE_E_ENVELOPE, "source.connector", "the text \"postgresql\" is expected");
    if (TEXT_IS(value->text, "postgresql"))
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT,
                            "field \"source.connector\": records of connector \"%.*s\" are not supported, only those "
                            "of \"postgresql\"; leave the topic out of kafka.topics",
                            SLUICE_STR_ARG(value->text));
}

static enum sluice_code check_position(uint64_t position, const char *field, struct sluice_error *err)
{
    if (SLUICE_LIKELY(position <= SOURCE_MAX_POSITION))
        return SLUICE_OK;
    return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_REJECT,
                            "field \"%s\": log position %" PRIu64 " is above 2^56-1, the highest that a row version "
                            "can hold; it was not written by a PostgreSQL server of this version",
                            field, position);
}

enum sluice_code source_check_identity(const struct sluice_source *source, struct sluice_error *err)
{
    if (source->name.len == 0)
        return field_error(err, SLUICE_E_ENVELOPE, "source.name", "the record does not name its connector");
    if (source->schema.len == 0)
        return field_error(err, SLUICE_E_ENVELOPE, "source.schema", "the record does not name its schema");
    if (source->table.len == 0)
        return field_error(err, SLUICE_E_ENVELOPE, "source.table", "the record does not name its table");
    return SLUICE_OK;
}

static enum sluice_code take_unsigned(const struct sluice_value *value, const char *field, const char *what,
                                      uint64_t *out, bool *has, struct sluice_error *err)
{
    int64_t number = value->integer;
    enum sluice_code code = SLUICE_OK;
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    if (value->kind != SLUICE_VALUE_INTEGER)
        code = sluice_json_int64(*value, &number, err);
    if (code != SLUICE_OK || number < 0)
        return sluice_error_set(err, SLUICE_E_POSITION, SLUICE_REJECT, "field \"%s\": %s is expected", field, what);
    *out = (uint64_t)number;
    *has = true;
    return SLUICE_OK;
}

enum sluice_code source_take_lsn(const struct sluice_value *value, struct sluice_source *source,
                                 struct sluice_error *err)
{
    enum sluice_code code = take_unsigned(value, "source.lsn", "a log position", &source->lsn, &source->has_lsn, err);
    return code != SLUICE_OK ? code : check_position(source->lsn, "source.lsn", err);
}

enum sluice_code source_take_txid(const struct sluice_value *value, struct sluice_source *source,
                                  struct sluice_error *err)
{
    return take_unsigned(value, "source.txId", "a transaction id", &source->txid, &source->has_txid, err);
}

/* "24023119" or null; in the text of a JSON string the quotes are escaped. False if it is neither. */
static bool read_sequence_part(const char **at, const char *end, bool escaped, uint64_t *number, bool *has)
{
    const char *p = *at;
    const size_t n_quote = escaped ? 2 : 1;
    const char *quote = escaped ? "\\\"" : "\"";
    if (end - p >= 4 && memcmp(p, "null", 4) == 0) {
        *at = p + 4;
        return true;
    }
    if ((size_t)(end - p) < 2 * n_quote + 1 || memcmp(p, quote, n_quote) != 0)
        return false;
    p += n_quote;
    size_t n_digits = sluice_digits_scan(p, end, number);
    p += n_digits;
    if (n_digits == 0 || n_digits > DIGITS_MAX || (size_t)(end - p) < n_quote || memcmp(p, quote, n_quote) != 0)
        return false;
    *has = true;
    *at = p + n_quote;
    return true;
}

static void skip_space(const char **at, const char *end)
{
    while (*at < end && **at == ' ')
        (*at)++;
}

/* The content of `sequence` from its '['. *at is behind the ']' afterwards. */
static bool read_sequence_parts(const char **at, const char *end, bool escaped, struct sluice_source *source)
{
    if (*at == end || *(*at)++ != '[' ||
        !read_sequence_part(at, end, escaped, &source->sequence0, &source->has_sequence0) || *at == end ||
        *(*at)++ != ',')
        return false;
    skip_space(at, end);
    return read_sequence_part(at, end, escaped, &source->sequence1, &source->has_sequence1) && *at < end &&
           *(*at)++ == ']';
}

/* A JSON array inside a string: "[\"24023119\",\"24023128\"]", either part may be null. */
enum sluice_code source_take_sequence(const struct sluice_value *value, struct sluice_source *source,
                                      struct sluice_error *err)
{
    const bool is_escaped = value->kind == SLUICE_VALUE_STRING_ESCAPED;
    if (value->kind == SLUICE_VALUE_NULL)
        return SLUICE_OK;
    /* Of other kinds the text may be NULL. */
    const bool is_text = (value->kind == SLUICE_VALUE_STRING || is_escaped) && value->text.len > 0;
    const char *at = is_text ? value->text.ptr : "";
    const char *end = at + (is_text ? value->text.len : 0);
    if (!read_sequence_parts(&at, end, is_escaped, source) || at != end)
        return field_error(err, SLUICE_E_POSITION, "source.sequence",
                           "an array of two log positions inside a text is expected, such as "
                           "\"[\\\"24023119\\\",\\\"24023128\\\"]\"");
    enum sluice_code code = check_position(source->sequence0, "source.sequence", err);
    return code != SLUICE_OK ? code : check_position(source->sequence1, "source.sequence", err);
}

static enum sluice_code read_sequence(struct sluice_json_cursor *cursor, struct sluice_source *source,
                                      struct sluice_error *err)
{
    struct sluice_value value;
    enum sluice_code code = sluice_json_value(cursor, &value, err);
    return code != SLUICE_OK ? code : source_take_sequence(&value, source, err);
}

/* The same in one go, without looking for the end of the string first. False: nothing is consumed or set. */
static bool quick_sequence(struct sluice_json_cursor *cursor, struct sluice_source *source)
{
    struct sluice_source parts = {0};
    const char *at = cursor->at;
    if (at == cursor->end || *at++ != '"' || !read_sequence_parts(&at, cursor->end, true, &parts) ||
        at == cursor->end || *at != '"' || parts.sequence0 > SOURCE_MAX_POSITION ||
        parts.sequence1 > SOURCE_MAX_POSITION)
        return false;
    source->sequence0 = parts.sequence0;
    source->sequence1 = parts.sequence1;
    source->has_sequence0 = parts.has_sequence0;
    source->has_sequence1 = parts.has_sequence1;
    cursor->at = at + 1;
    return true;
}

static enum sluice_code read_snapshot(const struct sluice_value *value, struct sluice_source *source,
                                      struct sluice_error *err)
{
    switch (value->kind) {
    case SLUICE_VALUE_NULL:
    case SLUICE_VALUE_FALSE:
        source->snapshot = false;
        return SLUICE_OK;
    case SLUICE_VALUE_TRUE:
        source->snapshot = true;
        return SLUICE_OK;
    case SLUICE_VALUE_STRING:
        source->says_false = TEXT_IS(value->text, "false");
        source->snapshot = !source->says_false;
        return SLUICE_OK;
    default:
        return field_error(err, SLUICE_E_ENVELOPE, "source.snapshot",
                           "a text such as \"true\" or \"false\" is expected");
    }
}

static enum sluice_code take_member(unsigned member, const struct sluice_value *value, struct source_names *names,
                                    struct sluice_source *source, struct sluice_value *ts_ms, struct sluice_error *err)
{
    switch (member) {
    case SOURCE_CONNECTOR:
        return source_take_connector(value, err);
    case SOURCE_NAME:
        return read_name(value, "source.name", REFUSAL_OTHER_PREFIX, names, &source->name, err);
    case SOURCE_DB:
        return read_name(value, "source.db", "rename the database", names, &source->db, err);
    case SOURCE_SCHEMA:
        return read_name(value, "source.schema", REFUSAL_LEAVE_TABLE_OUT, names, &source->schema, err);
    case SOURCE_TABLE:
        return read_name(value, "source.table", REFUSAL_LEAVE_TABLE_OUT, names, &source->table, err);
    case SOURCE_LSN:
        return source_take_lsn(value, source, err);
    case SOURCE_TXID:
        return source_take_txid(value, source, err);
    case SOURCE_SNAPSHOT:
        return read_snapshot(value, source, err);
    case SOURCE_TS_US:
        return time_read(value, "source.ts_us", 1, &source->ts_us, err);
    case SOURCE_TS_MS:
        *ts_ms = *value; /* counts only where there is no ts_us */
        return SLUICE_OK;
    default:
        return SLUICE_OK;
    }
}

static enum sluice_code read_member(struct sluice_json_cursor *cursor, unsigned member, struct source_names *names,
                                    struct sluice_source *source, struct sluice_value *ts_ms, struct sluice_error *err)
{
    struct sluice_value value;
    if (member == SOURCE_SEQUENCE)
        return quick_sequence(cursor, source) ? SLUICE_OK : read_sequence(cursor, source, err);
    if (!json_quick_value(cursor, &value)) {
        enum sluice_code code = sluice_json_value(cursor, &value, err);
        if (code != SLUICE_OK)
            return code;
    }
    return take_member(member, &value, names, source, ts_ms, err);
}

static enum sluice_code finish(unsigned seen, struct sluice_source *source, const struct sluice_value *ts_ms,
                               struct sluice_error *err)
{
    if ((seen & SOURCE_CONNECTOR) == 0)
        return refuse_no_connector(err);
    return source->ts_us != 0 ? SLUICE_OK : time_read(ts_ms, "source.ts_ms", 1000, &source->ts_us, err);
}

/* A number without a sign that can't overflow, unless nobody wants it. */
static bool quick_number(const char **at, const char *end, const struct source_run *run, uint64_t *number)
{
    const char *digits = *at;
    size_t n = sluice_digits_scan(digits, end, number);
    *at = digits + n;
    return n > 0 && (n < DIGITS_MAX || run->number == SOURCE_NUMBER_IGNORED) && (*digits != '0' || n == 1);
}

/* Null is as good as any text. */
static void learn(struct source_learning *learning, const struct known_member *member, const char *value,
                  const char *end, const struct sluice_source *source)
{
    if (member->bit == SOURCE_SEQUENCE)
        source_learn_sequence(learning, value, end, false, source);
    else if (json_is_digit(*value))
        source_learn_number(learning, value, json_find_no_digit(value, end), member->number, source);
}

static enum sluice_code read_members(struct sluice_json_cursor *cursor, struct source_learning *learning,
                                     struct source_names *names, struct sluice_source *source, struct sluice_error *err)
{
    static const struct known_member unknown = {.bit = 0};
    struct sluice_value ts_ms = {.kind = SLUICE_VALUE_NULL};
    bool first = true;
    unsigned seen = 0;
    size_t i = 0;
    enum sluice_code code = sluice_json_enter_object(cursor, err);
    while (code == SLUICE_OK) {
        const struct known_member *member;
        struct sluice_str name;
        if (i < N_KNOWN && json_quick_member(cursor, &first, &known[i].name, &name)) {
            member = &known[i++];
        } else {
            bool more = false;
            code = sluice_json_next_member(cursor, &first, &more, &name, err);
            if (code != SLUICE_OK)
                break;
            if (!more)
                return finish(seen, source, &ts_ms, err);
            size_t found = find_known(name);
            member = found < N_KNOWN ? &known[found] : &unknown;
            i = found < N_KNOWN ? found + 1 : i;
        }
        if ((seen & member->bit) != 0)
            return sluice_error_set(err, SLUICE_E_ENVELOPE, SLUICE_REJECT, "field \"source.%.*s\" stands twice",
                                    SLUICE_STR_ARG(name));
        seen |= member->bit;
        const char *value = cursor->at;
        code = read_member(cursor, member->bit, names, source, &ts_ms, err);
        if (code == SLUICE_OK && member->varies && source_is_learning(learning))
            learn(learning, member, value, cursor->at, source);
    }
    return code;
}

enum sluice_code source_read(struct sluice_json_cursor *cursor, struct source_memory *memory,
                             struct source_names *names, struct sluice_source *source, struct sluice_error *err)
{
    struct source_learning learning;
    if (SLUICE_LIKELY(source_recall(memory, NULL, &cursor->at, cursor->end, quick_number, source)))
        return SLUICE_OK;
    *source = (struct sluice_source){0};
    names->n = 0;
    source_learn(&learning, memory, NULL, cursor->at);
    enum sluice_code code = read_members(cursor, &learning, names, source, err);
    if (code == SLUICE_OK)
        source_learn_finish(&learning, cursor->at, source);
    return code;
}
