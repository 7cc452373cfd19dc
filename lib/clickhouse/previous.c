/* previous.c - see previous.h. The columns come as the types of the plan, so that their bytes are those of an insert.
 * Of each key and sorting key one row is enough: the highest up to the bound or, where there is none, the next one. */
#include "clickhouse/previous.h"

#include "clickhouse/question.h"
#include "table/ddl.h"
#include "table/rowkey.h"

enum { NAMES_MAX_BYTES = 4 << 20 };

struct previous {
    struct question question;
    const struct sluice_plan *plan;
    const struct settle *settle;
    struct rowkey key;
    struct sluice_buf keys;    /* `a`, `b` */
    struct sluice_buf columns; /* names, for the inner SELECT */
    struct sluice_buf values;  /* with their types, for the outer one */
    struct sluice_buf places;  /* what tells rows of one key apart */
};

static void previous_deinit(struct previous *p)
{
    question_deinit(&p->question);
    sluice_buf_deinit(&p->keys);
    sluice_buf_deinit(&p->columns);
    sluice_buf_deinit(&p->values);
    sluice_buf_deinit(&p->places);
}
SLUICE_DEFINE_AUTO(previous, struct previous, previous_deinit)

/* One more column: , `name` and , CAST(`name`, 'type') */
static enum sluice_code add_column(struct previous *p, const char *name, const char *suffix, const char *type_text,
                                   struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf whole;
    sluice_buf_init(&whole, NAMES_MAX_BYTES, "name of a column");
    enum sluice_code code = sluice_buf_printf(&whole, err, "%s%s", name, suffix);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&p->columns, ", ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(&p->columns, sluice_buf_text(&whole), err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&p->values, ", CAST(", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(&p->values, sluice_buf_text(&whole), err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&p->values, ", ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_text(&p->values, sluice_str_from(type_text), err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(&p->values, ")", err);
}

static enum sluice_code add_columns(struct previous *p, struct sluice_error *err)
{
    const struct sluice_plan *plan = p->plan;
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++) {
        const struct plan_column *column = &plan->columns[i];
        if (!settle_wants(p->settle, i))
            continue;
        code = add_column(p, column->column, "", column->convert.type_text, err);
        if (code == SLUICE_OK && column->is_companion)
            code = add_column(p, column->column, "_is_null", "UInt8", err);
    }
    for (size_t i = 0; i < plan->n_metadata && code == SLUICE_OK; i++)
        code = add_column(p, metadata_name(plan->metadata[i].kind), "", plan->metadata[i].type_text, err);
    if (code == SLUICE_OK)
        code = add_column(p, plan->version_column, "", "UInt128", err);
    return code != SLUICE_OK ? code : add_column(p, plan->deleted_column, "", "UInt8", err);
}

static enum sluice_code previous_init(struct previous *p, struct sluice_ch_client *client,
                                      const struct sluice_plan *plan, const struct settle *settle,
                                      struct sluice_error *err)
{
    struct rowkey sorting;
    *p = (struct previous){.plan = plan, .settle = settle};
    rowkey_init_source(&p->key, plan);
    sluice_buf_init(&p->keys, NAMES_MAX_BYTES, "names of key columns");
    sluice_buf_init(&p->columns, NAMES_MAX_BYTES, "names of columns");
    sluice_buf_init(&p->values, NAMES_MAX_BYTES, "columns to look up");
    sluice_buf_init(&p->places, NAMES_MAX_BYTES, "names of sorting key columns");
    enum sluice_code code = question_init(&p->question, client, plan, "look up earlier rows", err);
    if (code == SLUICE_OK)
        code = rowkey_append_names(&p->key, &p->keys, err);
    if (code == SLUICE_OK && plan->n_extra_sort > 0) {
        rowkey_init(&sorting, plan);
        code = sluice_buf_append_z(&p->places, ", ", err);
        if (code == SLUICE_OK)
            code = rowkey_append_names(&sorting, &p->places, err);
    }
    return code != SLUICE_OK ? code : add_columns(p, err);
}

static enum sluice_code append_version(struct sluice_buf *out, struct sluice_version version, struct sluice_error *err)
{
    unsigned char bytes[PLAN_VERSION_BYTES];
    for (unsigned i = 0; i < 8; i++) {
        bytes[i] = (unsigned char)(version.low >> (8 * i));
        bytes[8 + i] = (unsigned char)(version.high >> (8 * i));
    }
    return sluice_buf_append(out, bytes, sizeof bytes, err);
}

/* Number, key and bound of the asks from `first` on, as many as a chunk takes; *end is behind the last one. */
static enum sluice_code fill_values(struct previous *p, size_t first, size_t *end, struct sluice_error *err)
{
    struct sluice_buf *values = &p->question.values;
    enum sluice_code code = SLUICE_OK;
    size_t i = first;
    sluice_buf_clear(values);
    for (; code == SLUICE_OK && i < settle_n_asks(p->settle) && values->len < QUESTION_CHUNK_BYTES; i++) {
        const struct settle_ask ask = settle_ask(p->settle, i);
        const unsigned char number[4] = {(unsigned char)i, (unsigned char)(i >> 8), (unsigned char)(i >> 16),
                                         (unsigned char)(i >> 24)};
        code = sluice_buf_append(values, number, sizeof number, err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_str(values, ask.key, err);
        if (code == SLUICE_OK)
            code = append_version(values, ask.bound, err);
    }
    *end = i;
    return code;
}

static enum sluice_code write_question(struct previous *p, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf structure;
    SLUICE_AUTO(sluice_buf) struct sluice_buf version;
    sluice_buf_init(&structure, NAMES_MAX_BYTES, "columns of a look-up");
    sluice_buf_init(&version, NAMES_MAX_BYTES, "name of the version column");
    sluice_buf_clear(&p->question.sql);
    enum sluice_code code = sluice_buf_append_z(&structure, "`sluice:n` UInt32, ", err);
    if (code == SLUICE_OK)
        code = rowkey_append_structure(&p->key, &structure, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(&structure, ", `sluice:bound` UInt128", err);
    if (code == SLUICE_OK)
        code = question_append_asked(&p->question, sluice_buf_str(&structure), err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(&version, p->plan->version_column, err);
    const char *keys = sluice_buf_text(&p->keys);
    const char *v = sluice_buf_text(&version);
    if (code == SLUICE_OK)
        code = sluice_buf_printf(
            &p->question.sql, err,
            " SELECT `sluice:n`%s FROM (SELECT %s FROM %s WHERE (%s) IN (SELECT %s FROM asked)) AS "
            "held INNER JOIN asked USING (%s) ORDER BY `sluice:n`, if(%s > `sluice:bound`, 0, %s) "
            "DESC, %s LIMIT 1 BY `sluice:n`%s%s FORMAT RowBinary",
            sluice_buf_text(&p->values), sluice_buf_text(&p->columns) + 2, sluice_buf_text(&p->question.table), keys,
            keys, keys, v, v, v, sluice_buf_text(&p->places),
            p->plan->has_json ? " SETTINGS output_format_binary_write_json_as_string = 1" : "");
    return code;
}

enum sluice_code sluice_ch_ask_previous(struct sluice_ch_client *client, const struct sluice_plan *plan,
                                        struct settle *settle, struct sluice_error *err)
{
    SLUICE_AUTO(previous) struct previous p = {0};
    if (settle_n_asks(settle) == 0)
        return SLUICE_OK;
    enum sluice_code code = previous_init(&p, client, plan, settle, err);
    if (code == SLUICE_OK)
        code = question_sync_replica(&p.question, err);
    for (size_t first = 0, end = 0; code == SLUICE_OK && first < settle_n_asks(settle); first = end) {
        code = fill_values(&p, first, &end, err);
        if (code == SLUICE_OK)
            code = write_question(&p, err);
        if (code == SLUICE_OK)
            code = question_ask(&p.question, NULL, 0, err);
        if (code == SLUICE_OK)
            code = settle_answer(settle, sluice_buf_str(&p.question.answer), err);
    }
    return code;
}
