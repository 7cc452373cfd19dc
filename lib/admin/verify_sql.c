/* verify_sql.c - the SELECTs of a comparison, for PostgreSQL and for ClickHouse; see verify_plan.h. */
#include "admin/verify_plan.h"

#include "table/ddl.h"
#include "json/utf8.h"

#include <math.h>

/* What both servers spell in a way of their own. */
struct dialect {
    enum sluice_code (*name)(struct sluice_buf *sql, const char *name_z, struct sluice_error *err);
    enum sluice_code (*text)(struct sluice_buf *sql, struct sluice_str text, struct sluice_error *err);
    const char *digest_before; /* the first eight hexadecimal digits of the MD5 of the key */
    const char *digest_behind;
    const char *cast_before;
    const char *cast_behind;
    const char *separator; /* of texts that are joined */
    bool is_source;
};

static enum sluice_code source_name(struct sluice_buf *sql, const char *name_z, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_char(sql, '"', err);
    for (const char *at = name_z; *at != '\0' && code == SLUICE_OK; at++) {
        if (*at == '"')
            code = sluice_buf_append_char(sql, '"', err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_char(sql, *at, err);
    }
    return code == SLUICE_OK ? sluice_buf_append_char(sql, '"', err) : code;
}

/* With standard_conforming_strings, which the session sets. */
static enum sluice_code source_text(struct sluice_buf *sql, struct sluice_str text, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_char(sql, '\'', err);
    for (size_t i = 0; i < text.len && code == SLUICE_OK; i++) {
        if (text.ptr[i] == '\'')
            code = sluice_buf_append_char(sql, '\'', err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_char(sql, text.ptr[i], err);
    }
    return code == SLUICE_OK ? sluice_buf_append_char(sql, '\'', err) : code;
}

static const struct dialect source_dialect = {
    .name = source_name,
    .text = source_text,
    .digest_before = "substr(md5(convert_to(",
    .digest_behind = ", 'UTF8')), 1, 8) COLLATE \"C\"",
    .cast_before = "CAST(",
    .cast_behind = " AS text)",
    .separator = " || '|' || ",
    .is_source = true,
};

static const struct dialect target_dialect = {
    .name = sluice_ddl_quote_name,
    .text = sluice_ddl_quote_text,
    .digest_before = "substring(lower(hex(MD5(",
    .digest_behind = "))), 1, 8)",
    .cast_before = "toString(",
    .cast_behind = ")",
    .separator = " || '|' || ",
};

static const char *column_name(const struct dialect *dialect, const struct verify_column *column)
{
    return dialect->is_source ? column->source : column->target;
}

/* A text that PostgreSQL's database can't hold is not there, and must not end the statement. */
static bool source_can_hold(const struct verify_plan *plan, const struct sluice_str *key)
{
    for (size_t i = 0; i < plan->n_key; i++)
        if (memchr(key[i].ptr, '\0', key[i].len) != NULL || utf8_find_bad(key[i]) != NULL)
            return false;
    return true;
}

static enum sluice_code append_key(const struct verify_plan *plan, const struct dialect *dialect,
                                   const struct sluice_str *key, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_char(sql, '(', err);
    for (size_t i = 0; i < plan->n_key && code == SLUICE_OK; i++) {
        if (i > 0)
            code = sluice_buf_append_char(sql, ',', err);
        if (code == SLUICE_OK)
            code = plan->columns[i].literal == VERIFY_NUMBER ? sluice_buf_append_str(sql, key[i], err)
                                                             : dialect->text(sql, key[i], err);
    }
    return code == SLUICE_OK ? sluice_buf_append_char(sql, ')', err) : code;
}

static enum sluice_code append_key_names(const struct verify_plan *plan, const struct dialect *dialect,
                                         struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_char(sql, '(', err);
    for (size_t i = 0; i < plan->n_key && code == SLUICE_OK; i++) {
        if (i > 0)
            code = sluice_buf_append_char(sql, ',', err);
        if (code == SLUICE_OK)
            code = dialect->name(sql, column_name(dialect, &plan->columns[i]), err);
    }
    return code == SLUICE_OK ? sluice_buf_append_char(sql, ')', err) : code;
}

static enum sluice_code append_keys(const struct verify_plan *plan, const struct dialect *dialect,
                                    const struct verify_where *where, struct sluice_buf *sql, struct sluice_error *err)
{
    size_t n = 0;
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < where->n_keys && code == SLUICE_OK; i++) {
        if (dialect->is_source && !source_can_hold(plan, where->keys[i]))
            continue;
        if (n == 0)
            code = append_key_names(plan, dialect, sql, err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_z(sql, n++ == 0 ? " IN (" : ", ", err);
        if (code == SLUICE_OK)
            code = append_key(plan, dialect, where->keys[i], sql, err);
    }
    return code == SLUICE_OK ? sluice_buf_append_z(sql, n > 0 ? ")" : "false", err) : code;
}

static enum sluice_code append_share(const struct verify_plan *plan, const struct dialect *dialect, double share,
                                     struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, dialect->digest_before, err);
    for (size_t i = 0; i < plan->n_key && code == SLUICE_OK; i++) {
        code = sluice_buf_append_z(sql, i > 0 ? dialect->separator : "", err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_z(sql, dialect->cast_before, err);
        if (code == SLUICE_OK)
            code = dialect->name(sql, column_name(dialect, &plan->columns[i]), err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_z(sql, dialect->cast_behind, err);
    }
    if (code == SLUICE_OK)
        code = sluice_buf_printf(sql, err, "%s < '%08lx'", dialect->digest_behind,
                                 (unsigned long)floor(share * 4294967295.0));
    return code;
}

static enum sluice_code append_where(const struct verify_plan *plan, const struct dialect *dialect,
                                     const struct verify_where *where, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, " WHERE ", err);
    bool has_deleted = !dialect->is_source && plan->deleted_column[0] != '\0';
    if (code == SLUICE_OK && has_deleted)
        code = dialect->name(sql, plan->deleted_column, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, has_deleted ? " = 0" : dialect->is_source ? "true" : "1", err);
    if (code == SLUICE_OK && where->share < 1 && plan->has_literals) {
        code = sluice_buf_append_z(sql, " AND ", err);
        if (code == SLUICE_OK)
            code = append_share(plan, dialect, where->share, sql, err);
    }
    if (code == SLUICE_OK && where->keys != NULL && plan->has_literals) {
        code = sluice_buf_append_z(sql, " AND ", err);
        if (code == SLUICE_OK)
            code = append_keys(plan, dialect, where, sql, err);
    }
    return code;
}

static enum sluice_code append_from(const struct verify_plan *plan, const struct dialect *dialect,
                                    struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, " FROM ", err);
    if (code == SLUICE_OK)
        code = dialect->name(sql, dialect->is_source ? plan->schema : plan->database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', err);
    if (code == SLUICE_OK)
        code = dialect->name(sql, dialect->is_source ? plan->table : plan->target, err);
    return code == SLUICE_OK ? sluice_buf_append_z(sql, dialect->is_source ? "" : " FINAL", err) : code;
}

static enum sluice_code append_state(const struct verify_plan *plan, const struct dialect *dialect, bool with_state,
                                     struct sluice_buf *sql, struct sluice_error *err)
{
    if (!with_state || (!dialect->is_source && plan->version_column[0] == '\0'))
        return sluice_buf_append_z(sql, "''", err);
    if (dialect->is_source)
        return sluice_buf_append_z(
            sql, "CAST(xmin AS text) || '/' || CAST(ctid AS text) || '/' || CAST(tableoid AS text)", err);
    enum sluice_code code = sluice_buf_append_z(sql, "toString(", err);
    if (code == SLUICE_OK)
        code = dialect->name(sql, plan->version_column, err);
    return code == SLUICE_OK ? sluice_buf_append_char(sql, ')', err) : code;
}

static enum sluice_code append_select(const struct verify_plan *plan, const struct dialect *dialect,
                                      const struct verify_where *where, bool with_state, struct sluice_buf *sql,
                                      struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, "SELECT ", err);
    if (code == SLUICE_OK)
        code = append_state(plan, dialect, with_state, sql, err);
    for (size_t i = 0; i < plan->n_columns && code == SLUICE_OK; i++) {
        code = sluice_buf_append_z(sql, ", ", err);
        if (code == SLUICE_OK)
            code = dialect->is_source ? dialect->name(sql, plan->columns[i].source, err)
                                      : sluice_buf_append_z(sql, plan->columns[i].expression, err);
    }
    if (code == SLUICE_OK)
        code = append_from(plan, dialect, sql, err);
    return code == SLUICE_OK ? append_where(plan, dialect, where, sql, err) : code;
}

enum sluice_code verify_plan_source_sql(const struct verify_plan *plan, const struct verify_where *where,
                                        bool with_state, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, "COPY (", err);
    if (code == SLUICE_OK)
        code = append_select(plan, &source_dialect, where, with_state, sql, err);
    return code == SLUICE_OK ? sluice_buf_append_z(sql, ") TO STDOUT", err) : code;
}

enum sluice_code verify_plan_target_sql(const struct verify_plan *plan, const struct verify_where *where,
                                        bool with_state, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = append_select(plan, &target_dialect, where, with_state, sql, err);
    return code == SLUICE_OK ? sluice_buf_append_z(sql, " FORMAT TabSeparated", err) : code;
}

static enum sluice_code append_count(const struct verify_plan *plan, const struct dialect *dialect,
                                     const struct verify_where *where, struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, dialect->is_source ? "SELECT count(*)" : "SELECT count()", err);
    if (code == SLUICE_OK)
        code = append_from(plan, dialect, sql, err);
    return code == SLUICE_OK ? append_where(plan, dialect, where, sql, err) : code;
}

enum sluice_code verify_plan_source_count_sql(const struct verify_plan *plan, const struct verify_where *where,
                                              struct sluice_buf *sql, struct sluice_error *err)
{
    return append_count(plan, &source_dialect, where, sql, err);
}

enum sluice_code verify_plan_target_count_sql(const struct verify_plan *plan, const struct verify_where *where,
                                              struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = append_count(plan, &target_dialect, where, sql, err);
    return code == SLUICE_OK ? sluice_buf_append_z(sql, " FORMAT TabSeparated", err) : code;
}
