/* ddl.c - see ddl.h. */
#include "table/ddl.h"

#include <inttypes.h>
#include <stdio.h>

#include "table/ddl_column.h"
#include "table/lex.h"
#include "table/metadata.h"

enum { MAX_COMMENT_BYTES = 8192, MAX_SETTING_BYTES = 96 };

static enum sluice_code quote(struct sluice_buf *sql, struct sluice_str text, char mark, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_char(sql, mark, err);
    for (size_t i = 0; i < text.len && code == SLUICE_OK; i++) {
        char c = text.ptr[i];
        if (c == mark || c == '\\')
            code = sluice_buf_printf(sql, err, "\\%c", c);
        else if ((unsigned char)c < 0x20)
            code = sluice_buf_printf(sql, err, "\\x%02X", (unsigned)(unsigned char)c);
        else
            code = sluice_buf_append_char(sql, c, err);
    }
    return code != SLUICE_OK ? code : sluice_buf_append_char(sql, mark, err);
}

enum sluice_code sluice_ddl_quote_name(struct sluice_buf *sql, const char *name_z, struct sluice_error *err)
{
    return quote(sql, sluice_str_from(name_z), '`', err);
}

enum sluice_code sluice_ddl_quote_text(struct sluice_buf *sql, struct sluice_str text, struct sluice_error *err)
{
    return quote(sql, text, '\'', err);
}

/* A statement being made. */
struct making {
    const struct sluice_shape *shape;
    const struct sluice_ddl_options *options;
    struct sluice_buf *sql;
    struct sluice_error *err;
    bool by_position; /* the place in Kafka is the key */
    const char *version_column;
    const char *deleted_column;
};

#define REFUSE(m, code, ...)                                                                                           \
    (sluice_error_set((m)->err, (code), SLUICE_STOP_PARTITION, __VA_ARGS__),                                           \
     sluice_error_wrap((m)->err, "table \"%s.%s\"", (m)->shape->schema, (m)->shape->table))

static bool is_log(const struct making *m)
{
    return m->options->settings->mode == SLUICE_MODE_LOG;
}

static enum sluice_code check(struct making *m)
{
    const struct sluice_table_settings *settings = m->options->settings;
    if (!m->shape->typed && !settings->infer)
        return REFUSE(m, SLUICE_E_SHAPE,
                      "the records carry no schema to make table \"%s.%s\" from; make the table, let the connector's "
                      "converter embed schemas (schemas.enable), or set tables.infer: true",
                      settings->database, settings->table);
    m->by_position = m->shape->n_key == 0 && settings->no_key == SLUICE_NO_KEY_POSITION;
    if (m->shape->n_key == 0 && !m->by_position)
        return REFUSE(m, SLUICE_E_KEY,
                      "the records have no key to make table \"%s.%s\" with; give the source table a primary key, name "
                      "key columns with the connector's message.key.columns, or set no_key: position in a rule",
                      settings->database, settings->table);
    for (size_t i = 0; i < m->shape->n_columns; i++) {
        enum sluice_code code = ddl_column_check(m->shape, &m->shape->columns[i], m->options, m->err);
        if (code != SLUICE_OK)
            return code;
    }
    return SLUICE_OK;
}

static enum sluice_code append_z(struct making *m, const char *text)
{
    return sluice_buf_append_z(m->sql, text, m->err);
}

static enum sluice_code append_name(struct making *m, const char *name)
{
    return sluice_ddl_quote_name(m->sql, name, m->err);
}

static enum sluice_code append_table(struct sluice_buf *sql, const char *database, const char *table,
                                     const char *suffix, const char *cluster, struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf name;
    sluice_buf_init(&name, MAX_COMMENT_BYTES, "the name of a table");
    enum sluice_code code = sluice_buf_printf(&name, err, "%s%s", table, suffix);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, sluice_buf_text(&name), err);
    if (code == SLUICE_OK && *cluster != '\0')
        code = sluice_buf_append_z(sql, " ON CLUSTER ", err);
    return code == SLUICE_OK && *cluster != '\0' ? sluice_ddl_quote_name(sql, cluster, err) : code;
}

/* ---- columns ---- */

static bool has_metadata(const struct making *m, enum metadata_kind kind)
{
    bool has = is_log(m) || (m->by_position && kind != METADATA_OP);
    for (size_t i = 0; i < m->options->n_metadata && !has; i++)
        has = strcmp(m->options->metadata[i], metadata_name(kind)) == 0;
    return has;
}

static enum sluice_code append_field(struct making *m, const struct sluice_source_column *column)
{
    const struct sluice_table_settings *settings = m->options->settings;
    enum sluice_code code = ddl_column_append(column, m->options, m->sql, m->err);
    if (code == SLUICE_OK)
        code = append_z(m, ", ");
    if (code != SLUICE_OK || !column_type_has_companion(column, sluice_column_settings(settings, column->name)))
        return code;
    code = ddl_companion_append(column, settings, m->sql, m->err);
    return code != SLUICE_OK ? code : append_z(m, ", ");
}

static enum sluice_code append_own(struct making *m, const char *name, const char *type, const char *end)
{
    enum sluice_code code = append_name(m, name);
    return code != SLUICE_OK ? code : sluice_buf_printf(m->sql, m->err, " %s%s", type, end);
}

static enum sluice_code append_columns(struct making *m)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < m->shape->n_columns && code == SLUICE_OK; i++) {
        if (!ddl_column_is_excluded(&m->shape->columns[i], m->options->settings))
            code = append_field(m, &m->shape->columns[i]);
    }
    for (enum metadata_kind kind = METADATA_OP; kind < N_METADATA && code == SLUICE_OK; kind++) {
        if (has_metadata(m, kind))
            code = append_own(m, metadata_name(kind), metadata_made_type(kind), ", ");
    }
    if (code == SLUICE_OK)
        code = append_own(m, m->version_column, "UInt128", ", ");
    return code != SLUICE_OK ? code : append_own(m, m->deleted_column, "UInt8", "");
}

static enum sluice_code append_parts(struct making *m, const char *keyword, const struct sluice_config_list *list)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < list->n_items && code == SLUICE_OK; i++)
        code = sluice_buf_printf(m->sql, m->err, ", %s %s", keyword, list->items[i]);
    return code;
}

/* ---- engine ---- */

static enum sluice_code append_parameters(struct making *m, bool comma, bool has_version)
{
    enum sluice_code code = comma ? append_z(m, ", ") : SLUICE_OK;
    if (code == SLUICE_OK && !has_version)
        code = append_name(m, m->version_column);
    if (code == SLUICE_OK && !has_version)
        code = append_z(m, ", ");
    return code != SLUICE_OK ? code : append_name(m, m->deleted_column);
}

/* The rule's engine: what it says, and the two columns where it leaves them out. */
static enum sluice_code append_given_engine(struct making *m, const struct lex_call *call,
                                            const struct sluice_target *told)
{
    enum sluice_code code = sluice_buf_printf(m->sql, m->err, "%.*s", SLUICE_STR_ARG(call->name));
    if (is_log(m) || *told->deleted_column != '\0')
        return code == SLUICE_OK && call->has_arguments
                   ? sluice_buf_printf(m->sql, m->err, "(%.*s)", SLUICE_STR_ARG(call->arguments))
                   : code;
    if (code == SLUICE_OK)
        code = sluice_buf_printf(m->sql, m->err, "(%.*s", call->has_arguments ? (int)call->arguments.len : 0,
                                 call->has_arguments ? call->arguments.ptr : "");
    if (code == SLUICE_OK)
        code = append_parameters(m, call->has_arguments && call->arguments.len > 0, *told->version_column != '\0');
    return code != SLUICE_OK ? code : append_z(m, ")");
}

/* Which columns the rule's engine names. */
static enum sluice_code read_engine(struct making *m, struct lex_call *call, struct sluice_target *told)
{
    const char *text = m->options->settings->engine;
    const char *wanted = is_log(m) ? "MergeTree" : "ReplacingMergeTree";
    if (!lex_call(sluice_str_from(text), call) || call->rest.len > 0)
        return REFUSE(m, SLUICE_E_TABLE, "engine \"%s\" of the rule is not understood; write %s(...)", text, wanted);
    told->engine = sluice_arena_copy(&told->arena, call->name, m->err);
    if (told->engine == NULL)
        return m->err->code;
    told->engine_full = text;
    if (sluice_engine_of(told->engine).kind != (is_log(m) ? SLUICE_ENGINE_MERGE_TREE : SLUICE_ENGINE_REPLACING))
        return REFUSE(m, SLUICE_E_TABLE,
                      "engine %s of the rule does not keep what tables.mode: %s needs; write %s, "
                      "Replicated%s or Shared%s",
                      told->engine, is_log(m) ? "log" : "replace", wanted, wanted, wanted);
    enum sluice_code code = sluice_target_read_engine(told, m->err);
    if (code != SLUICE_OK)
        return code;
    if (*told->version_column != '\0')
        m->version_column = told->version_column;
    if (*told->deleted_column != '\0')
        m->deleted_column = told->deleted_column;
    return SLUICE_OK;
}

static enum sluice_code append_engine(struct making *m, const struct lex_call *call, const struct sluice_target *told)
{
    enum sluice_code code = append_z(m, ") ENGINE = ");
    if (code != SLUICE_OK)
        return code;
    if (*m->options->settings->engine != '\0')
        return append_given_engine(m, call, told);
    if (is_log(m))
        return append_z(m, "MergeTree");
    code = append_z(m, "ReplacingMergeTree(");
    if (code == SLUICE_OK)
        code = append_parameters(m, false, false);
    return code != SLUICE_OK ? code : append_z(m, ")");
}

/* ---- keys and settings ---- */

static const struct sluice_source_column *find_made(const struct making *m, const char *name)
{
    for (size_t i = 0; i < m->shape->n_columns; i++) {
        const struct sluice_source_column *column = &m->shape->columns[i];
        if (!ddl_column_is_excluded(column, m->options->settings) &&
            strcmp(ddl_column_name(column, m->options->settings), name) == 0)
            return column;
    }
    return NULL;
}

/* Columns by name, in backquotes; anything else is an expression. */
static enum sluice_code append_list(struct making *m, const char *before, const struct sluice_config_list *list)
{
    enum sluice_code code = append_z(m, before);
    for (size_t i = 0; i < list->n_items && code == SLUICE_OK; i++) {
        if (i > 0)
            code = append_z(m, ", ");
        if (code != SLUICE_OK)
            return code;
        code = find_made(m, list->items[i]) != NULL ? append_name(m, list->items[i]) : append_z(m, list->items[i]);
    }
    return code != SLUICE_OK ? code : append_z(m, ")");
}

/* What the plan would refuse is refused before a table is made of it. */
static enum sluice_code check_order(struct making *m)
{
    const struct sluice_config_list *list = &m->options->settings->order_by;
    size_t n_keys = 0;
    for (size_t i = 0; i < list->n_items; i++) {
        const struct sluice_source_column *column = find_made(m, list->items[i]);
        if (column == NULL)
            return REFUSE(m, SLUICE_E_TABLE,
                          "order_by of the rule names \"%s\", which is no column of the target; rows that replace each "
                          "other are found by columns",
                          list->items[i]);
        n_keys += column->is_key;
    }
    if (n_keys < m->shape->n_key)
        return REFUSE(
            m, SLUICE_E_TABLE,
            "order_by of the rule leaves out columns of the source's key, so that different rows would replace "
            "each other; add them");
    return SLUICE_OK;
}

static enum sluice_code append_source_key(struct making *m)
{
    enum sluice_code code = append_z(m, " ORDER BY (");
    for (size_t i = 0; i < m->shape->n_key && code == SLUICE_OK; i++) {
        if (i > 0)
            code = append_z(m, ", ");
        if (code == SLUICE_OK)
            code = append_name(m, ddl_column_name(&m->shape->columns[m->shape->key[i]], m->options->settings));
    }
    return code != SLUICE_OK ? code : append_z(m, ")");
}

static enum sluice_code append_order(struct making *m)
{
    const struct sluice_table_settings *settings = m->options->settings;
    enum sluice_code code = SLUICE_OK;
    if (*settings->partition_by != '\0')
        code = sluice_buf_printf(m->sql, m->err, " PARTITION BY %s", settings->partition_by);
    if (code == SLUICE_OK && settings->primary_key.n_items > 0)
        code = append_list(m, " PRIMARY KEY (", &settings->primary_key);
    if (code != SLUICE_OK)
        return code;
    if (m->by_position || (is_log(m) && settings->order_by.n_items == 0))
        return sluice_buf_printf(m->sql, m->err, " ORDER BY (%s, %s, %s)", metadata_name(METADATA_TOPIC),
                                 metadata_name(METADATA_PARTITION), metadata_name(METADATA_OFFSET));
    if (settings->order_by.n_items == 0)
        return append_source_key(m);
    code = is_log(m) ? SLUICE_OK : check_order(m);
    return code != SLUICE_OK ? code : append_list(m, " ORDER BY (", &settings->order_by);
}

/* Does a setting of the rule, "name = value", have that name? */
static bool names_setting(const char *setting, const char *name)
{
    size_t n = strlen(name);
    return strncmp(setting, name, n) == 0 && strspn(setting + n, " =") > 0;
}

static bool is_set(const struct making *m, const char *name)
{
    const struct sluice_config_list *list = &m->options->settings->settings;
    for (size_t i = 0; i < list->n_items; i++) {
        if (names_setting(list->items[i], name))
            return true;
    }
    return false;
}

/* A retry days later must still be recognised, also by servers whose default window is an hour (25.10). An acknowledged
 * row must outlive the machine too, where no replica holds a second copy: only the table can ask for that, not a query.
 */
static enum sluice_code append_settings(struct making *m)
{
    const struct sluice_config_list *list = &m->options->settings->settings;
    const int64_t window = m->options->dedup_window;
    const struct {
        const char *name;
        int64_t value;
    } own[] = {{"non_replicated_deduplication_window", window},
               {"replicated_deduplication_window", window},
               {"replicated_deduplication_window_seconds", 604800},
               {"fsync_after_insert", 1},
               {"fsync_part_directory", 1}};
    const char *before = " SETTINGS ";
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(own) && code == SLUICE_OK; i++) {
        if (is_set(m, own[i].name))
            continue;
        code = sluice_buf_printf(m->sql, m->err, "%s%s = %" PRId64, before, own[i].name, own[i].value);
        before = ", ";
    }
    for (size_t i = 0; i < list->n_items && code == SLUICE_OK; i++) {
        code = sluice_buf_printf(m->sql, m->err, "%s%s", before, list->items[i]);
        before = ", ";
    }
    return code;
}

/* The server is the one place where every worker and every later start sees whose table it is. */
static enum sluice_code append_comment(struct making *m)
{
    const char *told = m->options->settings->comment;
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    sluice_buf_init(&text, MAX_COMMENT_BYTES, "the comment of a table");
    enum sluice_code code = sluice_buf_printf(&text, m->err, "%s%s%s%s", SLUICE_DDL_COMMENT, m->options->source,
                                              *told != '\0' ? "\n" : "", told);
    if (code == SLUICE_OK)
        code = append_z(m, " COMMENT ");
    return code != SLUICE_OK ? code : sluice_ddl_quote_text(m->sql, sluice_buf_str(&text), m->err);
}

static enum sluice_code append_create(struct making *m)
{
    const struct sluice_table_settings *settings = m->options->settings;
    struct lex_call call = {0};
    SLUICE_AUTO(sluice_target) struct sluice_target told;
    sluice_target_init(&told);
    enum sluice_code code = *settings->engine != '\0' ? read_engine(m, &call, &told) : SLUICE_OK;
    if (code == SLUICE_OK)
        code = append_z(m, "CREATE TABLE IF NOT EXISTS ");
    if (code == SLUICE_OK)
        code = append_table(m->sql, settings->database, settings->table, "", settings->cluster, m->err);
    if (code == SLUICE_OK)
        code = append_z(m, " (");
    if (code == SLUICE_OK)
        code = append_columns(m);
    if (code == SLUICE_OK)
        code = append_parts(m, "INDEX", &settings->indexes);
    if (code == SLUICE_OK)
        code = append_parts(m, "PROJECTION", &settings->projections);
    if (code == SLUICE_OK)
        code = append_engine(m, &call, &told);
    if (code == SLUICE_OK)
        code = append_order(m);
    if (code == SLUICE_OK)
        code = append_settings(m);
    return code != SLUICE_OK ? code : append_comment(m);
}

enum sluice_code sluice_ddl_create(const struct sluice_shape *shape, const struct sluice_ddl_options *options,
                                   struct sluice_buf *sql, struct sluice_error *err)
{
    struct making m = {.shape = shape,
                       .options = options,
                       .sql = sql,
                       .err = err,
                       .version_column = options->version_column,
                       .deleted_column = options->deleted_column};
    enum sluice_code code = check(&m);
    return code != SLUICE_OK ? code : append_create(&m);
}

enum sluice_code sluice_ddl_view(const struct sluice_target *target, const struct sluice_ddl_options *options,
                                 struct sluice_buf *sql, struct sluice_error *err)
{
    const struct sluice_table_settings *settings = options->settings;
    enum sluice_code code = sluice_buf_append_z(sql, "CREATE OR REPLACE VIEW ", err);
    if (code == SLUICE_OK)
        code = append_table(sql, settings->database, settings->table, SLUICE_DDL_VIEW_SUFFIX, settings->cluster, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, " AS SELECT * EXCEPT (", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, target->version_column, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, ", ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, target->deleted_column, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, ") FROM ", err);
    if (code == SLUICE_OK)
        code = append_table(sql, settings->database, settings->table, "", "", err);
    return code != SLUICE_OK ? code : sluice_buf_append_z(sql, " FINAL", err);
}

bool sluice_ddl_is_ours(const struct sluice_target *target)
{
    return strncmp(target->comment, SLUICE_DDL_COMMENT, sizeof SLUICE_DDL_COMMENT - 1) == 0;
}

bool sluice_ddl_is_of(const struct sluice_target *target, const char *source)
{
    const size_t n = strlen(source);
    const char *told = target->comment + sizeof SLUICE_DDL_COMMENT - 1;
    return sluice_ddl_is_ours(target) && strncmp(told, source, n) == 0 && (told[n] == '\0' || told[n] == '\n');
}
