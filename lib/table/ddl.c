/* ddl.c - see ddl.h. */
#include "table/ddl.h"

#include <inttypes.h>
#include <stdio.h>

#include "table/column_type.h"
#include "table/metadata.h"

enum { MAX_COMMENT_BYTES = 8192 };

/* A retry days later must still be recognised, also by servers whose default window is an hour (25.10). An acknowledged
 * row must outlive the machine too, where no replica holds a second copy: only the table can ask for that, not a query.
 */
#define SETTINGS                                                                                                       \
    " SETTINGS non_replicated_deduplication_window = %" PRId64 ", replicated_deduplication_window = %" PRId64          \
    ", replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1"

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

static enum sluice_code check(const struct sluice_shape *shape, const struct sluice_ddl_options *options,
                              struct sluice_error *err)
{
    if (!shape->typed)
        return sluice_error_set(err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                                "table \"%s.%s\": the records carry no schema to make table \"%s.%s\" from; make the "
                                "table, or let the connector's converter embed schemas (schemas.enable)",
                                shape->schema, shape->table, options->database, options->table);
    if (shape->n_key == 0)
        return sluice_error_set(
            err, SLUICE_E_KEY, SLUICE_STOP_PARTITION,
            "table \"%s.%s\": the records have no key to make table \"%s.%s\" with; give the source "
            "table a primary key, or name key columns with the connector's message.key.columns",
            shape->schema, shape->table, options->database, options->table);
    for (size_t i = 0; i < shape->n_columns; i++) {
        const char *name = shape->columns[i].name;
        if (metadata_find(name) != N_METADATA)
            return sluice_error_set(err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                                    "table \"%s.%s\": field \"%s\" has the name of a column that sluice fills itself; "
                                    "rename the field with a transform of the connector, or leave it out with "
                                    "column.exclude.list",
                                    shape->schema, shape->table, name);
        bool is_version = strcmp(name, options->version_column) == 0;
        if (is_version || strcmp(name, options->deleted_column) == 0)
            return sluice_error_set(err, SLUICE_E_SHAPE, SLUICE_STOP_PARTITION,
                                    "table \"%s.%s\": field \"%s\" has the name of the column that sluice adds; choose "
                                    "another one with the option columns.%s",
                                    shape->schema, shape->table, name, is_version ? "version" : "deleted");
    }
    return SLUICE_OK;
}

static enum sluice_code append_column(struct sluice_buf *sql, const char *name, const char *type,
                                      struct sluice_error *err)
{
    enum sluice_code code = sluice_ddl_quote_name(sql, name, err);
    return code != SLUICE_OK ? code : sluice_buf_printf(sql, err, " %s", type);
}

static enum sluice_code append_field(struct sluice_buf *sql, const struct sluice_source_column *column,
                                     struct sluice_error *err)
{
    enum sluice_code code = sluice_ddl_quote_name(sql, column->name, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, ' ', err);
    return code != SLUICE_OK ? code : column_type_append(column, &(struct column_type_options){0}, sql, err);
}

static bool has_metadata(const struct sluice_ddl_options *options, enum metadata_kind kind)
{
    bool has = options->is_log;
    for (size_t i = 0; i < options->n_metadata && !has; i++)
        has = strcmp(options->metadata[i], metadata_name(kind)) == 0;
    return has;
}

static enum sluice_code append_metadata(const struct sluice_ddl_options *options, struct sluice_buf *sql,
                                        struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (enum metadata_kind kind = METADATA_OP; kind < N_METADATA && code == SLUICE_OK; kind++) {
        if (!has_metadata(options, kind))
            continue;
        code = append_column(sql, metadata_name(kind), metadata_made_type(kind), err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_z(sql, ", ", err);
    }
    return code;
}

static enum sluice_code append_columns(const struct sluice_shape *shape, const struct sluice_ddl_options *options,
                                       struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < shape->n_columns && code == SLUICE_OK; i++) {
        code = append_field(sql, &shape->columns[i], err);
        if (code == SLUICE_OK)
            code = sluice_buf_append_z(sql, ", ", err);
    }
    if (code == SLUICE_OK)
        code = append_metadata(options, sql, err);
    if (code == SLUICE_OK)
        code = append_column(sql, options->version_column, "UInt128", err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, ", ", err);
    return code != SLUICE_OK ? code : append_column(sql, options->deleted_column, "UInt8", err);
}

static enum sluice_code append_replacing(const struct sluice_shape *shape, const struct sluice_ddl_options *options,
                                         struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = sluice_buf_append_z(sql, ") ENGINE = ReplacingMergeTree(", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, options->version_column, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, ", ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, options->deleted_column, err);
    for (size_t i = 0; i < shape->n_key && code == SLUICE_OK; i++) {
        code = sluice_buf_append_z(sql, i == 0 ? ") ORDER BY (" : ", ", err);
        if (code == SLUICE_OK)
            code = sluice_ddl_quote_name(sql, shape->columns[shape->key[i]].name, err);
    }
    return code != SLUICE_OK ? code : sluice_buf_append_char(sql, ')', err);
}

static enum sluice_code append_engine(const struct sluice_shape *shape, const struct sluice_ddl_options *options,
                                      struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code =
        options->is_log
            ? sluice_buf_printf(sql, err, ") ENGINE = MergeTree ORDER BY (%s, %s, %s)", metadata_name(METADATA_TOPIC),
                                metadata_name(METADATA_PARTITION), metadata_name(METADATA_OFFSET))
            : append_replacing(shape, options, sql, err);
    return code != SLUICE_OK ? code
                             : sluice_buf_printf(sql, err, SETTINGS, options->dedup_window, options->dedup_window);
}

/* The server is the one place where every worker and every later start sees whose table it is. */
static enum sluice_code append_comment(const struct sluice_ddl_options *options, struct sluice_buf *sql,
                                       struct sluice_error *err)
{
    SLUICE_AUTO(sluice_buf) struct sluice_buf text;
    sluice_buf_init(&text, MAX_COMMENT_BYTES, "the comment of a table");
    enum sluice_code code = sluice_buf_printf(&text, err, "%s%s", SLUICE_DDL_COMMENT, options->source);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, " COMMENT ", err);
    return code != SLUICE_OK ? code : sluice_ddl_quote_text(sql, sluice_buf_str(&text), err);
}

enum sluice_code sluice_ddl_create(const struct sluice_shape *shape, const struct sluice_ddl_options *options,
                                   struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code = check(shape, options, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, "CREATE TABLE IF NOT EXISTS ", err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, options->database, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_char(sql, '.', err);
    if (code == SLUICE_OK)
        code = sluice_ddl_quote_name(sql, options->table, err);
    if (code == SLUICE_OK)
        code = sluice_buf_append_z(sql, " (", err);
    if (code == SLUICE_OK)
        code = append_columns(shape, options, sql, err);
    if (code == SLUICE_OK)
        code = append_engine(shape, options, sql, err);
    return code != SLUICE_OK ? code : append_comment(options, sql, err);
}
