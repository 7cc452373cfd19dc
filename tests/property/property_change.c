/* Captured records, written another way or damaged, mean the same to the decoder and to jansson.
 *
 * - Written with other spaces, or with the members of every object in another order: the same change.
 * - After a few random changes, where both still read it and no name stands twice: equal in everything that counts.
 *   Where jansson reads a text, the decoder does not call it broken JSON. The opposite is no error: inside values that
 *   are taken whole the decoder looks at strings and brackets only. But each name, text, number and word of a row that
 *   it accepts is JSON for jansson too.
 * - A decoder that has seen thousands of other records says the same as a new one: what it learns from a record is a
 *   matter of speed alone. The same with and without the hint.
 */
#include "support/captured.h"
#include "support/check.h"
#include "support/exact.h"
#include "support/json_oracle.h"
#include "support/random.h"

enum { N_CASES = 6000 };

static const struct sluice_str no_hint = {NULL, 0};

static struct sluice_decoder *new_decoder(void)
{
    struct sluice_decoder *decoder = NULL;
    struct sluice_error err;
    if (sluice_decoder_new(&decoder, &err) != SLUICE_OK)
        abort();
    return decoder;
}

static void show(const char *what, struct sluice_str text)
{
    (void)fprintf(stderr, "    %s: %.*s\n", what, (int)text.len, text.ptr);
}

static bool str_equal(struct sluice_str a, struct sluice_str b)
{
    return sluice_str_equal(a, b) && (a.len == 0 || a.ptr == b.ptr);
}

/* Two readings of the same bytes. A name of the source whose escapes are gone lies in the decoder. */
static bool changes_equal(const struct sluice_change *a, const struct sluice_change *b)
{
    const struct sluice_source *s = &a->source;
    const struct sluice_source *t = &b->source;
    bool equal = a->kind == b->kind && a->op == b->op && a->ts_ms == b->ts_ms && a->n_fields == b->n_fields &&
                 a->has_image == b->has_image && str_equal(a->before, b->before) &&
                 str_equal(a->value_schema, b->value_schema) && sluice_str_equal(s->name, t->name) &&
                 sluice_str_equal(s->db, t->db) && sluice_str_equal(s->schema, t->schema) &&
                 sluice_str_equal(s->table, t->table) && s->snapshot == t->snapshot && s->has_lsn == t->has_lsn &&
                 s->has_txid == t->has_txid && s->has_sequence0 == t->has_sequence0 &&
                 s->has_sequence1 == t->has_sequence1 && s->lsn == t->lsn && s->txid == t->txid &&
                 s->sequence0 == t->sequence0 && s->sequence1 == t->sequence1 && s->ts_us == t->ts_us;
    for (size_t i = 0; equal && i < a->n_fields; i++)
        equal = str_equal(a->fields[i].name, b->fields[i].name) && a->fields[i].value.kind == b->fields[i].value.kind &&
                str_equal(a->fields[i].value.text, b->fields[i].value.text);
    return equal;
}

struct readers {
    struct sluice_decoder *used;
    struct sluice_decoder *hinted;
    struct sluice_str hint;
};

/* What all readers agree on. */
static enum sluice_code read_text(struct readers *readers, struct sluice_str text, struct sluice_change *change)
{
    struct sluice_change other;
    struct sluice_error err = {0};
    struct sluice_error other_err = {0};
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *fresh = new_decoder();
    enum sluice_code code = sluice_change_decode(readers->used, text, no_hint, change, &err);
    enum sluice_code other_code = sluice_change_decode(fresh, text, no_hint, &other, &other_err);
    if (!CHECK(code == other_code &&
               (code == SLUICE_OK ? changes_equal(change, &other) : strcmp(err.text, other_err.text) == 0)))
        show("a new decoder reads it otherwise", text);
    other_code = sluice_change_decode(readers->hinted, text, readers->hint, &other, &other_err);
    if (!CHECK(code == other_code &&
               (code == SLUICE_OK ? changes_equal(change, &other) : strcmp(err.text, other_err.text) == 0)))
        show("it is read otherwise with a hint", text);
    return code;
}

/* --- written another way ------------------------------------------------------------------------------------------ */

/* The same object with its members in another order, all the way down; rows keep theirs, which is compared. */
static json_t *shuffled(json_t *value)
{
    const char *name_z = NULL;
    json_t *member = NULL;
    const char *names[64];
    size_t n = 0;
    if (!json_is_object(value) || json_object_size(value) > SLUICE_N_ELEMENTS(names))
        return json_incref(value);
    json_t *out = json_object();
    json_object_foreach(value, name_z, member)
    {
        names[n++] = name_z;
    }
    for (; n > 0; n--) {
        size_t i = random_below(n);
        bool is_row = strcmp(names[i], "before") == 0 || strcmp(names[i], "after") == 0;
        member = json_object_get(value, names[i]);
        (void)json_object_set_new(out, names[i], is_row ? json_incref(member) : shuffled(member));
        names[i] = names[n - 1];
    }
    return out;
}

static void check_written(struct readers *readers, const json_t *want, char *written_z)
{
    struct sluice_change change;
    struct sluice_str text = exact_copy(sluice_str_from(written_z));
    free(written_z);
    if (CHECK_INT(read_text(readers, text, &change), SLUICE_OK)) {
        const char *difference = oracle_row_difference(&change, want);
        if (!CHECK_TEXT(difference != NULL ? difference : "none", "none"))
            show("differs", text);
    }
    exact_free(text);
}

static void check_ways_of_writing(struct readers *readers, struct sluice_str record)
{
    SLUICE_AUTO(json) json_t *want = oracle_load(record, JSON_REJECT_DUPLICATES, NULL);
    SLUICE_AUTO(json) json_t *other = shuffled(want);
    check_written(readers, want, json_dumps(want, JSON_COMPACT));
    check_written(readers, want, json_dumps(want, 0));
    check_written(readers, want, json_dumps(want, JSON_INDENT(3)));
    check_written(readers, want, json_dumps(want, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_ESCAPE_SLASH));
    check_written(readers, want, json_dumps(other, JSON_COMPACT));
    check_written(readers, want, json_dumps(other, random_below(2) == 0 ? 0 : JSON_INDENT(1)));
}

/* --- damaged ------------------------------------------------------------------------------------------------------ */

/* Half of a surrogate pair, and numbers beyond jansson's range, are left to whoever uses the value. */
static bool is_json_for_both(struct sluice_str raw)
{
    json_error_t error;
    size_t n = 0;
    char *plain = oracle_unescape(raw, &n);
    SLUICE_AUTO(json) json_t *want = oracle_load(raw, 0, &error);
    free(plain);
    return want != NULL || plain == NULL || json_error_code(&error) == json_error_numeric_overflow;
}

/* The text with its quotes. */
static struct sluice_str quoted(struct sluice_str text)
{
    return (struct sluice_str){text.ptr - 1, text.len + 2};
}

static void check_scalars(const struct sluice_change *change)
{
    for (size_t i = 0; i < change->n_fields; i++) {
        const struct sluice_field *field = &change->fields[i];
        bool is_string = field->value.kind == SLUICE_VALUE_STRING || field->value.kind == SLUICE_VALUE_STRING_ESCAPED;
        bool is_container = field->value.kind == SLUICE_VALUE_OBJECT || field->value.kind == SLUICE_VALUE_ARRAY;
        if (!CHECK(is_json_for_both(quoted(field->name))))
            show("no name", quoted(field->name));
        if (!is_container && !CHECK(is_json_for_both(is_string ? quoted(field->value.text) : field->value.text)))
            show("no value", field->value.text);
    }
}

/* True if both read it as a row. */
static bool check_damaged(struct readers *readers, struct sluice_str damaged)
{
    struct sluice_change change;
    struct sluice_str text = exact_copy(damaged);
    bool has_nul = text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
    json_t *want = has_nul ? NULL : oracle_load(text, JSON_REJECT_DUPLICATES, NULL);
    enum sluice_code code = read_text(readers, text, &change);
    bool both = want != NULL && code == SLUICE_OK && change.kind == SLUICE_CHANGE_ROW;
    if (want != NULL && !CHECK(code != SLUICE_E_JSON))
        show("called broken", text);
    if (both) {
        const char *difference = oracle_row_difference(&change, want);
        if (!CHECK_TEXT(difference != NULL ? difference : "none", "none"))
            show("differs", text);
    }
    if (code == SLUICE_OK)
        check_scalars(&change);
    json_decref(want);
    exact_free(text);
    return both;
}

static void check_damaged_key(struct sluice_decoder *decoder, struct sluice_str damaged)
{
    struct sluice_key key;
    struct sluice_error err;
    struct sluice_str text = exact_copy(damaged);
    bool has_nul = text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL;
    json_t *want = has_nul ? NULL : oracle_load(text, JSON_REJECT_DUPLICATES, NULL);
    enum sluice_code code = sluice_key_decode(decoder, text, &key, &err);
    if (want != NULL && !CHECK(code != SLUICE_E_JSON))
        show("key called broken", text);
    if (want != NULL && code == SLUICE_OK) {
        json_t *payload = json_object_get(want, "payload");
        bool wrapped =
            json_is_object(payload) && json_object_size(want) == 2 &&
            (json_is_object(json_object_get(want, "schema")) || json_is_null(json_object_get(want, "schema")));
        if (!CHECK(oracle_fields_equal(key.fields, key.n_fields, wrapped ? payload : want)))
            show("key differs", text);
    }
    json_decref(want);
    exact_free(text);
}

static struct sluice_str damaged(struct random_text *text, struct sluice_str record)
{
    memcpy(text->bytes, record.ptr, record.len);
    text->len = record.len;
    for (size_t n = 1 + random_below(3); n > 0; n--)
        random_mutate(text);
    return (struct sluice_str){text->bytes, text->len};
}

/* The schema of the first record, in memory of its own. */
static struct sluice_str schema_of(struct sluice_decoder *decoder, struct sluice_str record)
{
    struct sluice_change change;
    struct sluice_error err;
    if (sluice_change_decode(decoder, record, no_hint, &change, &err) != SLUICE_OK)
        abort();
    return exact_copy(change.value_schema);
}

static size_t check_case(const char *case_z, size_t n_cases)
{
    static struct random_text text;
    size_t n_rows = 0;
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *used = new_decoder();
    SLUICE_AUTO(sluice_decoder) struct sluice_decoder *hinted = new_decoder();
    SLUICE_AUTO(captured) struct captured values;
    SLUICE_AUTO(captured) struct captured keys;
    captured_init(&values, case_z, "values");
    captured_init(&keys, case_z, "keys");
    struct readers readers = {used, hinted, schema_of(used, values.records[0])};
    for (size_t i = 0; i < values.n_records; i++) {
        if (values.records[i].ptr != NULL)
            check_ways_of_writing(&readers, values.records[i]);
    }
    for (size_t i = 0; i < n_cases && check_n_failed < 10; i++) {
        struct sluice_str record = values.records[random_below(values.n_records)];
        check_damaged_key(used, damaged(&text, keys.records[random_below(keys.n_records)]));
        if (record.ptr != NULL)
            n_rows += check_damaged(&readers, damaged(&text, record)) ? 1 : 0;
    }
    exact_free(readers.hint);
    return n_rows;
}

int main(int argc, char **argv)
{
    size_t n_cases = random_start(argc, argv, N_CASES);
    size_t n_rows = 0;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(captured_cases); i++)
        n_rows += check_case(captured_cases[i], n_cases / SLUICE_N_ELEMENTS(captured_cases));
    (void)fprintf(stderr, "%zu damaged records, %zu of them rows for both\n", n_cases, n_rows);
    CHECK(n_rows > n_cases / 20); /* often enough to mean something */
    return check_result();
}
