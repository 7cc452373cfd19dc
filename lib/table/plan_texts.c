/* plan_texts.c - the INSERT of a plan and the header of its data; see planning.h. */
#include "table/planning.h"

#include <stdio.h>

#include "base/buf.h"
#include "table/column_type.h"
#include "table/ddl.h"

enum {
    INSERT_MAX_BYTES = 1 << 20, /* what the server takes as one URI */
    HEADER_MAX_BYTES = 64 << 20
};

/* The columns of the INSERT: those of the fields with their companions, then our own. */
static enum sluice_code insert_columns(struct planning *p, const char *const **out, size_t *n_out)
{
    struct sluice_arena *arena = &p->plan->arena;
    const char **names =
        sluice_arena_alloc_array(arena, 2 * p->plan->n_columns + N_METADATA + 2, sizeof *names, p->err);
    size_t n = 0;
    if (names == NULL)
        return p->err->code;
    for (size_t i = 0; i < p->plan->n_columns; i++) {
        const struct plan_column *column = &p->plan->columns[i];
        char companion[PLANNING_MAX_COMPANION_NAME];
        if (column->is_excluded)
            continue;
        names[n++] = column->column;
        if (!column->is_companion)
            continue;
        (void)snprintf(companion, sizeof companion, "%s" COLUMN_TYPE_COMPANION_SUFFIX, column->column);
        names[n++] = sluice_target_find(p->target, companion)->name;
    }
    for (size_t i = 0; i < p->plan->n_metadata; i++)
        names[n++] = metadata_name(p->plan->metadata[i].kind);
    names[n++] = p->version_column;
    names[n++] = p->deleted_column;
    *out = names;
    *n_out = n;
    return SLUICE_OK;
}

static enum sluice_code append_insert(struct planning *p, struct sluice_buf *sql)
{
    struct sluice_error *err = p->err;
    enum sluice_code code = sluice_buf_append_z(sql, "INSERT INTO ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, p->target->database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, p->target->table, err);
    const char *const *names = NULL;
    size_t n_names = 0;
    if (code == SLUICE_OK)
        code = insert_columns(p, &names, &n_names);
    for (size_t i = 0; i < n_names && code == SLUICE_OK; i++) {
        code = sluice_buf_append_z(sql, i == 0 ? " (" : ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, names[i], err);
    }
    /* The columns' own binary form is of paths; servers that know the type know the setting. */
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(
            sql, p->plan->has_json ? ") SETTINGS input_format_binary_read_json_as_string = 1" : ")", err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, " FORMAT RowBinaryWithNamesAndTypes", err);
    return code;
}

static enum sluice_code append_string(struct sluice_buf *buf, const char *text_z, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_leb128(buf, strlen(text_z), err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(buf, text_z, err);
}

static enum sluice_code append_header(struct planning *p, struct sluice_buf *header)
{
    const char *const *names;
    size_t n_names;
    enum sluice_code code = insert_columns(p, &names, &n_names);
    if (code == SLUICE_OK)
        code = sluice_buf_append_leb128(header, n_names, p->err);
    for (size_t i = 0; i < n_names && code == SLUICE_OK; i++)
        code = append_string(header, names[i], p->err);
    for (size_t i = 0; i < n_names && code == SLUICE_OK; i++)
        code = append_string(header, sluice_target_find(p->target, names[i])->type_text, p->err);
    return code;
}

enum sluice_code planning_texts(struct planning *p)
{
    struct sluice_plan *plan = p->plan;
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf header = {0};
    sluice_buf_init(&sql, INSERT_MAX_BYTES, "text of an INSERT");
    sluice_buf_init(&header, HEADER_MAX_BYTES, "header of an INSERT");
    enum sluice_code code = append_insert(p, &sql);
    if (code == SLUICE_OK)
        code = append_header(p, &header);
    if (code != SLUICE_OK)
        return code;
    const struct {
        const char **slot;
        struct sluice_str text;
    } copies[] = {
        {&plan->insert_sql, sluice_buf_str(&sql)},
        {&plan->insert_header.ptr, sluice_buf_str(&header)},
        {&plan->database, sluice_str_from(p->target->database)},
        {&plan->table, sluice_str_from(p->target->table)},
        {&plan->version_column, sluice_str_from(p->version_column)},
        {&plan->deleted_column, sluice_str_from(p->deleted_column)},
    };
    plan->insert_header.len = header.len;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(copies); i++) {
        *copies[i].slot = sluice_arena_copy(&plan->arena, copies[i].text, p->err);
        if (*copies[i].slot == NULL)
            return p->err->code;
    }
    return SLUICE_OK;
}
