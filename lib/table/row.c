/* row.c - see row.h. */
#include "table/row.h"

#include "table/toast.h"

/* Longest field name that is looked at with its escapes resolved. */
enum { MAX_ESCAPED_NAME = 1024 };

static inline uint64_t load_8(const char *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

static inline uint32_t load_4(const char *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return v;
}

/* memcmp() for equality without the call, which costs more than comparing names does. The last load overlaps the one
 * before it instead of going past the end. */
static inline bool same_bytes(const char *a, const char *b, size_t n)
{
    if (n >= 8) {
        for (size_t i = 0; i + 8 < n; i += 8) {
            if (load_8(a + i) != load_8(b + i))
                return false;
        }
        return load_8(a + n - 8) == load_8(b + n - 8);
    }
    if (n >= 4)
        return ((load_4(a) ^ load_4(b)) | (load_4(a + n - 4) ^ load_4(b + n - 4))) == 0;
    for (size_t i = 0; i < n; i++) {
        if (a[i] != b[i])
            return false;
    }
    return true;
}

static bool escaped_name_matches(struct sluice_str written, struct sluice_str name)
{
    char unescaped[MAX_ESCAPED_NAME];
    struct sluice_error ignored;
    size_t length;
    if (written.len <= name.len || written.len > sizeof unescaped || memchr(written.ptr, '\\', written.len) == NULL)
        return false;
    struct sluice_value value = {.text = written, .kind = SLUICE_VALUE_STRING_ESCAPED};
    return sluice_json_unescape(value, unescaped, &length, &ignored) == SLUICE_OK &&
           sluice_str_equal((struct sluice_str){unescaped, length}, name);
}

static inline bool name_matches(struct sluice_str written, struct sluice_str name)
{
    return SLUICE_LIKELY(written.len == name.len && same_bytes(written.ptr, name.ptr, name.len)) ||
           escaped_name_matches(written, name);
}

static const struct sluice_field *find_field(const struct sluice_field *fields, size_t n, struct sluice_str name)
{
    for (size_t i = 0; i < n; i++) {
        if (name_matches(fields[i].name, name))
            return &fields[i];
    }
    return NULL;
}

static bool is_known(const struct sluice_plan *plan, struct sluice_str written)
{
    for (size_t i = 0; i < plan->n_columns; i++) {
        if (name_matches(written, plan->columns[i].name))
            return true;
    }
    return false;
}

#define FOLLOW "the record is not what its schema says, or was not written by the connector"

static unsigned char *shape_error(const struct sluice_plan *plan, const struct sluice_change *change,
                                  struct sluice_error *err)
{
    (void)sluice_error_set(err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                           "table \"%s.%s\": the record's fields differ from its schema, or one stands twice; " FOLLOW,
                           plan->source_schema, plan->source_table);
    for (size_t i = 0; i < plan->n_columns; i++) {
        struct sluice_str name = plan->columns[i].name;
        if (find_field(change->fields, change->n_fields, name) == NULL) {
            (void)sluice_error_set(err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                                   "table \"%s.%s\": the record has no field \"%.*s\", which its schema has; " FOLLOW,
                                   plan->source_schema, plan->source_table, SLUICE_STR_ARG(name));
            return NULL;
        }
    }
    for (size_t i = 0; i < change->n_fields; i++) {
        if (!is_known(plan, change->fields[i].name)) {
            (void)sluice_error_set(
                err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                "table \"%s.%s\": the record has a field \"%.*s\", which its schema has not; " FOLLOW,
                plan->source_schema, plan->source_table, SLUICE_STR_ARG(change->fields[i].name));
            return NULL;
        }
    }
    return NULL;
}

static unsigned char *at_field(const struct sluice_plan *plan, const struct plan_column *column,
                               struct sluice_error *err)
{
    (void)sluice_error_wrap(err, "table \"%s.%s\", field \"%.*s\"", plan->source_schema, plan->source_table,
                            SLUICE_STR_ARG(column->name));
    return NULL;
}

static unsigned char *toast_error(struct sluice_error *err)
{
    (void)sluice_error_set(
        err, SLUICE_E_TOAST, SLUICE_REJECT,
        "the value is the connector's placeholder for an unchanged TOAST value, which the record does "
        "not hold, and toast is fail for this column; set REPLICA IDENTITY FULL for the table, or toast: keep");
    return NULL;
}

unsigned char *row_put_nothing(const struct plan_column *column, unsigned char *at)
{
    at = convert_zero(&column->convert, at);
    if (column->is_companion)
        *at++ = 1;
    return at;
}

/* The value that the record does not hold: nothing for now. */
static unsigned char *put_unknown(const struct plan_column *column, unsigned char *at, struct row_holes *holes,
                                  struct sluice_error *err)
{
    if (column->toast == SLUICE_TOAST_FAIL)
        return toast_error(err);
    if (column->toast == SLUICE_TOAST_KEEP)
        holes->places[holes->n++] = column->place;
    return row_put_nothing(column, at);
}

static inline unsigned char *put_value(const struct plan_column *column, const struct sluice_value *value,
                                       unsigned char *at, struct sluice_error *err)
{
    if (SLUICE_LIKELY(!column->is_companion))
        return convert_put(&column->convert, value, at, err);
    bool is_null = value->kind == SLUICE_VALUE_NULL;
    at = is_null ? convert_zero(&column->convert, at) : convert_put(&column->convert, value, at, err);
    if (at != NULL)
        *at++ = is_null;
    return at;
}

/* The row image of op c, u or r. Fields come in the plan's order, as the connector writes them; if not, each is
 * searched. */
static unsigned char *put_image(const struct sluice_plan *plan, const struct sluice_change *change, unsigned char *at,
                                uint32_t *key_at, struct row_holes *holes, struct sluice_error *err)
{
    const unsigned char *start = at;
    if (SLUICE_UNLIKELY(change->n_fields != plan->n_columns))
        return shape_error(plan, change, err);
    for (size_t i = 0; i < plan->n_columns; i++) {
        const struct plan_column *column = &plan->columns[i];
        const struct sluice_field *field = &change->fields[i];
        if (SLUICE_UNLIKELY(!name_matches(field->name, column->name))) {
            field = find_field(change->fields, change->n_fields, column->name);
            if (field == NULL)
                return shape_error(plan, change, err);
        }
        if (SLUICE_UNLIKELY(column->is_excluded))
            continue;
        if (column->key_position != PLAN_NO_KEY)
            key_at[column->key_position] = (uint32_t)(at - start);
        if (SLUICE_UNLIKELY(holes != NULL && toast_may_match(plan->toast_forms, &field->value) &&
                            toast_matches(plan->toast_forms, column, &field->value)))
            at = put_unknown(column, at, holes, err);
        else
            at = put_value(column, &field->value, at, err);
        if (SLUICE_UNLIKELY(at == NULL))
            return at_field(plan, column, err);
    }
    return at;
}

static unsigned char *key_error(const struct sluice_plan *plan, const struct plan_column *column, const char *reason,
                                struct sluice_error *err)
{
    (void)sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT, "%s", reason);
    return at_field(plan, column, err);
}

/* A deleted row: only the record's key is sure, everything else of `before` may be made up by the connector. */
static unsigned char *put_deleted(const struct sluice_plan *plan, const struct sluice_key *key, unsigned char *at,
                                  uint32_t *key_at, struct sluice_error *err)
{
    const unsigned char *start = at;
    for (size_t i = 0; i < plan->n_columns; i++) {
        const struct plan_column *column = &plan->columns[i];
        if (column->is_excluded)
            continue;
        if (!column->is_key) {
            if (column->key_position != PLAN_NO_KEY)
                key_at[column->key_position] = (uint32_t)(at - start);
            at = row_put_nothing(column, at);
            continue;
        }
        const struct sluice_field *field = find_field(key->fields, key->n_fields, column->name);
        if (field == NULL)
            return key_error(plan, column, "the record's key does not hold this key column", err);
        if (field->value.kind == SLUICE_VALUE_NULL)
            return key_error(plan, column, "the record's key holds null", err);
        if (column->key_position != PLAN_NO_KEY)
            key_at[column->key_position] = (uint32_t)(at - start);
        at = put_value(column, &field->value, at, err);
        if (at == NULL)
            return at_field(plan, column, err);
    }
    return at;
}

/* Of rows with values that may grow: a column at a time. */
static size_t grown_room(const struct sluice_plan *plan, const struct sluice_field *fields, size_t n_fields)
{
    size_t room = plan->room;
    for (size_t i = 0; i < plan->n_columns; i++) {
        const struct plan_column *column = &plan->columns[i];
        const struct sluice_field *field = i < n_fields && name_matches(fields[i].name, column->name)
                                               ? &fields[i]
                                               : find_field(fields, n_fields, column->name);
        if (field != NULL && !column->is_excluded)
            room += convert_room(&column->convert, &field->value) - column->convert.room;
    }
    return room;
}

static size_t fields_room(const struct sluice_plan *plan, const struct sluice_field *fields, size_t n_fields)
{
    size_t room = plan->room;
    unsigned kinds = 0;
    for (size_t i = 0; i < n_fields; i++) {
        room += fields[i].value.text.len;
        kinds |= 1U << fields[i].value.kind;
    }
    return SLUICE_UNLIKELY(plan->grows || (kinds & CONVERT_COMPOSITES) != 0) ? grown_room(plan, fields, n_fields)
                                                                             : room;
}

size_t row_key_room(const struct sluice_plan *plan, const struct sluice_key *key)
{
    return fields_room(plan, key->fields, key->n_fields);
}

unsigned char *row_put_key(const struct sluice_plan *plan, const struct sluice_key *key, unsigned char *at,
                           struct sluice_error *err)
{
    for (size_t i = 0; i < plan->n_columns && at != NULL; i++) {
        const struct plan_column *column = &plan->columns[i];
        if (!column->is_key)
            continue;
        const struct sluice_field *field = find_field(key->fields, key->n_fields, column->name);
        if (field == NULL)
            return key_error(plan, column, "the header __debezium.oldkey does not hold this key column", err);
        at = put_value(column, &field->value, at, err);
        if (at == NULL)
            return at_field(plan, column, err);
    }
    return at;
}

static bool is_image(const struct sluice_change *change)
{
    return change->op == 'c' || change->op == 'u' || change->op == 'r';
}

size_t row_room(const struct sluice_plan *plan, const struct sluice_change *change, const struct sluice_key *key,
                const struct sluice_record_place *place)
{
    bool image = is_image(change);
    const struct sluice_field *fields = image || key == NULL ? change->fields : key->fields;
    size_t n_fields = image || key == NULL ? change->n_fields : key->n_fields;
    size_t room = fields_room(plan, fields, n_fields);
    for (size_t i = 0; i < plan->n_metadata; i++)
        room += metadata_room(&plan->metadata[i], place);
    return room;
}

unsigned char *row_encode(const struct sluice_plan *plan, const struct sluice_change *change,
                          const struct sluice_key *key, struct sluice_version version,
                          const struct sluice_record_place *place, unsigned char *at, uint32_t *key_at,
                          struct row_holes *holes, struct sluice_error *err)
{
    bool deleted = change->op == 'd';
    if (change->kind != SLUICE_CHANGE_ROW || (!deleted && !is_image(change)))
        SLUICE_BUG("only changes of rows become rows");
    if (deleted && (key == NULL || key->n_fields != plan->n_key)) {
        (void)sluice_error_set(err, SLUICE_E_KEY, SLUICE_REJECT,
                               "table \"%s.%s\": the key of a deleted row must hold %zu columns", plan->source_schema,
                               plan->source_table, plan->n_key);
        return NULL;
    }
    at = deleted ? put_deleted(plan, key, at, key_at, err) : put_image(plan, change, at, key_at, holes, err);
    if (SLUICE_UNLIKELY(at == NULL))
        return NULL;
    for (size_t i = 0; i < plan->n_metadata; i++)
        at = metadata_put(&plan->metadata[i], place, change->op, at);
    convert_put_64(at, version.low);
    convert_put_64(at + 8, version.high);
    at[PLAN_VERSION_BYTES] = deleted;
    return at + PLAN_VERSION_BYTES + PLAN_DELETED_BYTES;
}
