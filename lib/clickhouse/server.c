/* server.c - see server.h. Why each setting is pinned stands beside it; the releases are those that changed a default.
 */
#include "clickhouse/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "clickhouse/tsv.h"

static const struct sluice_ch_setting pinned[] = {
    /* 26.2 turned asynchronous inserts on: an answer must mean that the rows of this request are stored. */
    {"async_insert", "0"},
    {"wait_for_async_insert", "1"},
    /* Tokens are kept; the first name is that of 26.2, the second of all before. */
    {"deduplicate_insert", "enable"},
    {"insert_deduplicate", "1"},
    {"deduplicate_blocks_in_dependent_materialized_views", "1"},
    /* A view that fails must fail the insert. */
    {"materialized_views_ignore_errors", "0"},
    /* One INSERT is one block: a batch stays below these by its own ceilings, and nothing else may cut it. */
    {"max_insert_block_size", "1048449"},
    {"min_insert_block_size_rows", "1048449"},
    {"min_insert_block_size_bytes", "268402944"},
    {"max_insert_block_size_bytes", "0"},
    {"input_format_max_block_size_bytes", "0"},
    {"input_format_max_block_wait_ms", "0"},
    {"use_strict_insert_block_limits", "0"},
    {"max_insert_threads", "1"},
    /* A refusal half way would store the table partitions before it; a plan accepts only keys of the source in
     * PARTITION BY, so how many there are is the operator's choice. */
    {"max_partitions_per_insert_block", "0"},
    /* A broken connection stores nothing (26.2 can store what has arrived). */
    {"input_format_connection_handling", "0"},
    /* Rows come sorted and collapsed. */
    {"optimize_on_insert", "0"},
    /* A header that differs from the table is an error and nothing is skipped, converted or bound by guess. */
    {"input_format_skip_unknown_fields", "0"},
    {"input_format_with_names_use_header", "1"},
    {"input_format_with_types_use_header", "1"},
    {"input_format_column_name_matching_mode", "match_case"},
    {"input_format_native_allow_types_conversion", "0"},
    {"input_format_binary_decode_types_in_binary_format", "0"},
    {"input_format_binary_read_json_as_string", "1"},
    {"input_format_null_as_default", "0"},
    {"input_format_allow_errors_num", "0"},
    {"input_format_allow_errors_ratio", "0"},
    /* A Distributed table behind a view must not queue; both names. */
    {"distributed_foreground_insert", "1"},
    {"insert_distributed_sync", "1"},
    /* The status line comes last, when all is known, and errors are plain text. */
    {"send_progress_in_http_headers", "0"},
    {"http_write_exception_in_output_format", "0"},
    {"enable_http_compression", "0"},
};

_Static_assert(SLUICE_N_ELEMENTS(pinned) <= 64, "struct sluice_ch_server.known has one bit per setting");

const struct sluice_ch_setting *sluice_ch_pinned(size_t *n_settings)
{
    *n_settings = SLUICE_N_ELEMENTS(pinned);
    return pinned;
}

static bool find(struct sluice_str name, size_t *index)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(pinned); i++) {
        if (sluice_str_equal_z(name, pinned[i].name)) {
            *index = i;
            return true;
        }
    }
    return false;
}

bool sluice_ch_server_knows(const struct sluice_ch_server *server, const char *name)
{
    size_t index;
    return find(sluice_str_from(name), &index) && (server->known >> index & 1) != 0;
}

enum sluice_code sluice_ch_server_sql(struct sluice_buf *sql, struct sluice_error *err)
{
    enum sluice_code code =
        sluice_buf_append_z(sql,
                            "SELECT 'version', version() UNION ALL SELECT 'timezone', timezone() UNION ALL "
                            "SELECT 'setting', name FROM system.settings WHERE name IN (",
                            err);
    for (size_t i = 0; code == SLUICE_OK && i < SLUICE_N_ELEMENTS(pinned); i++)
        code = sluice_buf_printf(sql, err, "%s'%s'", i > 0 ? ", " : "", pinned[i].name);
    return code == SLUICE_OK ? sluice_buf_append_z(sql, ") FORMAT TabSeparated", err) : code;
}

static void copy(char *out, size_t capacity, struct sluice_str value)
{
    (void)snprintf(out, capacity, "%.*s", SLUICE_STR_ARG(value));
}

static void read_line(struct sluice_ch_server *server, struct sluice_str line)
{
    struct sluice_str name;
    struct sluice_str value;
    size_t index;
    if (!tsv_next_field(&line, &name) || !tsv_next_field(&line, &value))
        return;
    if (sluice_str_equal_z(name, "version"))
        copy(server->version, sizeof server->version, value);
    else if (sluice_str_equal_z(name, "timezone"))
        copy(server->timezone, sizeof server->timezone, value);
    else if (sluice_str_equal_z(name, "setting") && find(value, &index))
        server->known |= UINT64_C(1) << index;
}

enum sluice_code sluice_ch_server_parse(struct sluice_ch_server *server, struct sluice_str answer,
                                        struct sluice_error *err)
{
    struct sluice_ch_server read = {0};
    struct sluice_str line;
    while (tsv_next_line(&answer, &line))
        read_line(&read, line);
    /* "26.7.2.1"; vendors put their name behind. */
    char *end;
    unsigned long major = strtoul(read.version, &end, 10);
    unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
    if (major == 0 || major > 9999 || minor > 9999 || !sluice_ch_server_knows(&read, "max_insert_block_size"))
        return sluice_error_set(err, SLUICE_E_SERVER, SLUICE_STOP_PARTITION,
                                "version \"%s\": not the answer of a ClickHouse server; check clickhouse.url",
                                read.version);
    read.major = (unsigned)major;
    read.minor = (unsigned)minor;
    *server = read;
    return SLUICE_OK;
}
