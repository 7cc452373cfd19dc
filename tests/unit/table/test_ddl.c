/* The CREATE TABLE of a typed shape, its refusals, and quoting. */
#include "table/ddl.h"

#include "table_support.h"

static struct sluice_table_settings settings;
static const struct sluice_ddl_options options = {.settings = &settings,
                                                  .source = "made/it's/a\\b.orders",
                                                  .version_column = "_version",
                                                  .deleted_column = "is_deleted",
                                                  .dedup_window = 10000};

static void test_create(void)
{
    struct sluice_source_column columns[] = {
        {.name = "id", .type = SLUICE_SOURCE_INT64, .optional = true},
        {.name = "kind", .type = SLUICE_SOURCE_ENUM, .optional = true},
        {.name = "b", .type = SLUICE_SOURCE_BOOLEAN},
        {.name = "i2", .type = SLUICE_SOURCE_INT16, .optional = true},
        {.name = "i4", .type = SLUICE_SOURCE_INT32},
        {.name = "f4", .type = SLUICE_SOURCE_FLOAT32},
        {.name = "f8", .type = SLUICE_SOURCE_FLOAT64, .optional = true},
        {.name = "n", .type = SLUICE_SOURCE_DECIMAL, .scale = 2, .precision = 10},
        {.name = "money", .type = SLUICE_SOURCE_DECIMAL, .scale = 2, .optional = true},
        {.name = "huge", .type = SLUICE_SOURCE_DECIMAL, .scale = 2, .precision = 77, .optional = true},
        {.name = "largest", .type = SLUICE_SOURCE_DECIMAL, .scale = 76, .precision = 76},
        {.name = "small", .type = SLUICE_SOURCE_DECIMAL, .scale = 5, .precision = 2},
        {.name = "t", .type = SLUICE_SOURCE_STRING, .optional = true},
        {.name = "u", .type = SLUICE_SOURCE_UUID},
        {.name = "j", .type = SLUICE_SOURCE_JSON},
        {.name = "e", .type = SLUICE_SOURCE_ENUM, .optional = true},
        {.name = "by", .type = SLUICE_SOURCE_BYTES},
        {.name = "d", .type = SLUICE_SOURCE_DATE},
        {.name = "ms", .type = SLUICE_SOURCE_TIMESTAMP_MS, .optional = true},
        {.name = "us", .type = SLUICE_SOURCE_TIMESTAMP_US},
        {.name = "ns", .type = SLUICE_SOURCE_TIMESTAMP_NS},
        {.name = "z`\\\n", .type = SLUICE_SOURCE_ZONED_TIMESTAMP},
    };
    const struct sluice_shape shape = shape_of(columns, SLUICE_N_ELEMENTS(columns), 2);
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 1 << 16, "test");
    CHECK_INT(sluice_ddl_create(&shape, &options, &sql, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&sql),
               "CREATE TABLE IF NOT EXISTS `shop`.`orders` (`id` Int64, `kind` LowCardinality(String), `b` Bool, "
               "`i2` Nullable(Int16), `i4` Int32, `f4` Float32, `f8` Nullable(Float64), `n` Decimal(10, 2), "
               "`money` Nullable(Decimal(19, 2)), `huge` Nullable(String), `largest` Decimal(76, 76), "
               "`small` Decimal(5, 5), `t` Nullable(String), `u` UUID, `j` String, "
               "`e` LowCardinality(Nullable(String)), `by` String, `d` Date32, "
               "`ms` Nullable(DateTime64(3, 'UTC')), `us` DateTime64(6, 'UTC'), `ns` DateTime64(9, 'UTC'), "
               "`z\\`\\\\\\x0A` DateTime64(6, 'UTC'), `_version` UInt128, `is_deleted` UInt8) "
               "ENGINE = ReplacingMergeTree(`_version`, `is_deleted`) ORDER BY (`id`, `kind`) "
               "SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, "
               "replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, fsync_part_directory = 1 "
               "COMMENT 'sluice: made/it\\'s/a\\\\b.orders'");
}

static void check_made(const struct sluice_ddl_options *made, const char *want)
{
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT64},
                                             {.name = "v", .type = SLUICE_SOURCE_STRING, .optional = true}};
    const struct sluice_shape shape = shape_of(columns, SLUICE_N_ELEMENTS(columns), 1);
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 1 << 16, "test");
    CHECK_INT(sluice_ddl_create(&shape, made, &sql, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&sql), want);
}

static void test_modes(void)
{
    static const char *const metadata[] = {"_offset", "_op"};
    struct sluice_ddl_options made = options;
    made.source = "s";
    made.dedup_window = 250;
    made.metadata = metadata;
    made.n_metadata = SLUICE_N_ELEMENTS(metadata);
    check_made(&made, "CREATE TABLE IF NOT EXISTS `shop`.`orders` (`id` Int64, `v` Nullable(String), "
                      "`_op` LowCardinality(String), `_offset` Int64, `_version` UInt128, `is_deleted` UInt8) "
                      "ENGINE = ReplacingMergeTree(`_version`, `is_deleted`) ORDER BY (`id`) "
                      "SETTINGS non_replicated_deduplication_window = 250, replicated_deduplication_window = 250, "
                      "replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, "
                      "fsync_part_directory = 1 COMMENT 'sluice: s'");
    settings.mode = SLUICE_MODE_LOG;
    check_made(&made, "CREATE TABLE IF NOT EXISTS `shop`.`orders` (`id` Int64, `v` Nullable(String), "
                      "`_op` LowCardinality(String), `_topic` LowCardinality(String), `_partition` Int32, "
                      "`_offset` Int64, `_version` UInt128, `is_deleted` UInt8) "
                      "ENGINE = MergeTree ORDER BY (_topic, _partition, _offset) "
                      "SETTINGS non_replicated_deduplication_window = 250, replicated_deduplication_window = 250, "
                      "replicated_deduplication_window_seconds = 604800, fsync_after_insert = 1, "
                      "fsync_part_directory = 1 COMMENT 'sluice: s'");
    settings.mode = SLUICE_MODE_REPLACE;
}

static void check_refused(const struct sluice_shape *shape, enum sluice_code code, const char *text)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 1 << 16, "test");
    CHECK_INT(sluice_ddl_create(shape, &options, &sql, &err), code);
    CHECK_CONTAINS(err.text, text);
    CHECK_INT(err.action, SLUICE_STOP_PARTITION);
    CHECK_INT(sql.len, 0);
}

static void test_refused(void)
{
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT64},
                                             {.name = "v", .type = SLUICE_SOURCE_STRING}};
    struct sluice_shape shape = shape_of(columns, 2, 1);
    columns[1].name = "_version";
    check_refused(&shape, SLUICE_E_SHAPE, "option columns.version");
    columns[1].name = "_partition";
    check_refused(&shape, SLUICE_E_SHAPE, "\"_partition\" has the name of a column that sluice fills itself");
    columns[1].name = "is_deleted";
    check_refused(&shape, SLUICE_E_SHAPE, "option columns.deleted");
    columns[1].name = "v";
    shape.typed = false;
    check_refused(&shape, SLUICE_E_SHAPE, "carry no schema");
    shape.typed = true;
    shape.n_key = 0;
    check_refused(&shape, SLUICE_E_KEY, "have no key");
}

static void test_quoting(void)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    SLUICE_AUTO(sluice_buf) struct sluice_buf small;
    sluice_buf_init(&sql, 1 << 16, "test");
    char long_name[101] = "";
    memset(long_name, 'n', sizeof long_name - 1);
    sluice_buf_init(&small, 80, "small text");
    CHECK_INT(sluice_ddl_quote_text(&sql, (struct sluice_str){"it's `a`\\\0\t", 11}, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&sql), "'it\\'s `a`\\\\\\x00\\x09'");
    CHECK_INT(sluice_ddl_quote_name(&small, long_name, &err), SLUICE_E_LIMIT);
    CHECK_CONTAINS(err.text, "small text");
}

int main(void)
{
    settings = no_settings();
    test_create();
    test_modes();
    test_refused();
    test_quoting();
    return check_result();
}
