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

/* ---- what rules say ---- */

#define LIST(...)                                                                                                      \
    {                                                                                                                  \
        (const char *[]){__VA_ARGS__}, SLUICE_N_ELEMENTS(((const char *[]){__VA_ARGS__}))                              \
    }

/* A rule's rename can make two fields one column. */
static void test_same_column(void)
{
    struct sluice_column_settings column = settings.any;
    column.name = "v";
    column.rename = "w";
    struct sluice_source_column fields[] = {{.name = "id", .type = SLUICE_SOURCE_INT64},
                                            {.name = "v", .type = SLUICE_SOURCE_STRING, .optional = true},
                                            {.name = "w", .type = SLUICE_SOURCE_STRING, .optional = true}};
    const struct sluice_shape shape = shape_of(fields, SLUICE_N_ELEMENTS(fields), 1);
    const struct sluice_table_settings before = settings;
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 1 << 16, "test");
    settings.columns = &column;
    settings.n_columns = 1;
    CHECK_INT(sluice_ddl_create(&shape, &options, &sql, &err), SLUICE_E_CONFIG);
    CHECK_CONTAINS(err.text, "fields \"v\" and \"w\" both go to column \"w\"");
    settings = before;
}

static void test_rule(void)
{
    struct sluice_column_settings columns[] = {settings.any, settings.any};
    columns[0].name = "v";
    columns[0].rename = "ti`tle";
    columns[0].codec = "ZSTD(3)";
    columns[1].name = "secret";
    columns[1].exclude = true;
    struct sluice_source_column fields[] = {{.name = "id", .type = SLUICE_SOURCE_INT64},
                                            {.name = "v", .type = SLUICE_SOURCE_STRING, .optional = true},
                                            {.name = "secret", .type = SLUICE_SOURCE_STRING},
                                            {.name = "at", .type = SLUICE_SOURCE_DATE, .optional = true}};
    const struct sluice_shape shape = shape_of(fields, SLUICE_N_ELEMENTS(fields), 1);
    const struct sluice_table_settings before = settings;
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 1 << 16, "test");
    settings.cluster = "all`of it";
    settings.engine = "ReplicatedReplacingMergeTree('/t/{shard}', '{replica}')";
    settings.partition_by = "toYYYYMM(at)";
    settings.comment = "it's ours";
    settings.order_by = (struct sluice_config_list)LIST("at", "id");
    settings.primary_key = (struct sluice_config_list)LIST("at");
    settings.settings = (struct sluice_config_list)LIST("fsync_after_insert = 0", "index_granularity = 4096");
    settings.indexes = (struct sluice_config_list)LIST("i id TYPE minmax");
    settings.projections = (struct sluice_config_list)LIST("p (SELECT id)");
    settings.columns = columns;
    settings.n_columns = SLUICE_N_ELEMENTS(columns);
    CHECK_INT(sluice_ddl_create(&shape, &options, &sql, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&sql),
               "CREATE TABLE IF NOT EXISTS `shop`.`orders` ON CLUSTER `all\\`of it` (`id` Int64, "
               "`ti\\`tle` Nullable(String) CODEC(ZSTD(3)), `at` Date32, `_version` UInt128, `is_deleted` UInt8, "
               "INDEX i id TYPE minmax, PROJECTION p (SELECT id)) "
               "ENGINE = ReplicatedReplacingMergeTree('/t/{shard}', '{replica}', `_version`, `is_deleted`) "
               "PARTITION BY toYYYYMM(at) PRIMARY KEY (`at`) ORDER BY (`at`, `id`) "
               "SETTINGS non_replicated_deduplication_window = 10000, replicated_deduplication_window = 10000, "
               "replicated_deduplication_window_seconds = 604800, fsync_part_directory = 1, fsync_after_insert = 0, "
               "index_granularity = 4096 COMMENT 'sluice: made/it\\'s/a\\\\b.orders\\x0Ait\\'s ours'");
    settings = before;
}

static void test_engines(void)
{
    static const struct {
        const char *engine;
        const char *made; /* NULL: refused */
    } cases[] = {
        {"ReplacingMergeTree", "ReplacingMergeTree(`_version`, `is_deleted`) "},
        {"ReplacingMergeTree()", "ReplacingMergeTree(`_version`, `is_deleted`) "},
        {"ReplacingMergeTree(v)", "ReplacingMergeTree(v, `is_deleted`) "},
        {"ReplacingMergeTree(v, d)", "ReplacingMergeTree(v, d) "},
        {"SharedReplacingMergeTree('/p', 'r', v)", "SharedReplacingMergeTree('/p', 'r', v, `is_deleted`) "},
        {"MergeTree", NULL},
        {"SummingMergeTree(x)", NULL},
        {"ReplacingMergeTree(", NULL},
        {"Log", NULL},
    };
    struct sluice_source_column fields[] = {{.name = "id", .type = SLUICE_SOURCE_INT64}};
    const struct sluice_shape shape = shape_of(fields, 1, 1);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_error err = {0};
        SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
        sluice_buf_init(&sql, 1 << 16, "test");
        settings.engine = cases[i].engine;
        CHECK_INT(sluice_ddl_create(&shape, &options, &sql, &err), cases[i].made != NULL ? SLUICE_OK : SLUICE_E_TABLE);
        if (cases[i].made != NULL)
            CHECK_CONTAINS(sluice_buf_text(&sql), cases[i].made);
    }
    settings.engine = "";
}

static void test_defaults(void)
{
    static const struct {
        enum sluice_source_type type;
        const char *text;
        const char *made;
    } cases[] = {
        {SLUICE_SOURCE_INT32, "-7", "Int32 DEFAULT -7"},
        {SLUICE_SOURCE_INT32, "7); DROP", "Int32"},
        {SLUICE_SOURCE_BOOLEAN, "true", "Bool DEFAULT true"},
        {SLUICE_SOURCE_FLOAT64, "1.5e3", "Float64 DEFAULT 1.5e3"},
        {SLUICE_SOURCE_FLOAT64, "nan", "Float64"},
        {SLUICE_SOURCE_STRING, "it's", "String DEFAULT 'it\\'s'"},
        {SLUICE_SOURCE_DECIMAL, "BOI=", "Decimal(10, 2) DEFAULT '12.50'"},
        {SLUICE_SOURCE_DECIMAL, "MTIz", "Decimal(10, 2) DEFAULT '32241.15'"},
        {SLUICE_SOURCE_DECIMAL, "number 12.50", "Decimal(10, 2) DEFAULT '12.50'"},
        {SLUICE_SOURCE_DECIMAL, "number 1234", "Decimal(10, 2) DEFAULT '1234.00'"}, /* also base64 of something */
        {SLUICE_SOURCE_DECIMAL, "number -1E-2", "Decimal(10, 2) DEFAULT '-0.01'"},
        {SLUICE_SOURCE_DECIMAL, "number 0.001", "Decimal(10, 2)"},
        {SLUICE_SOURCE_DATE, "-2147472692", "Date32"}, /* infinity */
        {SLUICE_SOURCE_DATE, "-25567", "Date32 DEFAULT toDate32('1970-01-01') + -25567"},
        {SLUICE_SOURCE_DATE, "-25568", "Date32"},
        {SLUICE_SOURCE_DATE, "120529", "Date32 DEFAULT toDate32('1970-01-01') + 120529"},
        {SLUICE_SOURCE_DATE, "120530", "Date32"},
        {SLUICE_SOURCE_TIMESTAMP_MS, "9223372036825200", "DateTime64(3, 'UTC')"},
        {SLUICE_SOURCE_TIMESTAMP_US, "-9223372036832400000", "DateTime64(6, 'UTC')"},
        {SLUICE_SOURCE_TIMESTAMP_NS, "9223372036854775807", "DateTime64(9, 'UTC')"},
        {SLUICE_SOURCE_ZONED_TIMESTAMP, "-0043-03-15T00:00:00Z", "DateTime64(6, 'UTC')"},
        {SLUICE_SOURCE_ISO_TIMESTAMP, "+294247-01-10T04:00:25.2Z", "DateTime64(6, 'UTC')"},
        {SLUICE_SOURCE_DATE, "19782", "Date32 DEFAULT toDate32('1970-01-01') + 19782"},
        {SLUICE_SOURCE_TIMESTAMP_US, "5", "DateTime64(6, 'UTC') DEFAULT fromUnixTimestamp64Micro(5, 'UTC')"},
        {SLUICE_SOURCE_BYTES, "AP9h", "String DEFAULT unhex('00FF61')"},
        {SLUICE_SOURCE_BYTES, "AP9", "String"},
        {SLUICE_SOURCE_TIME_US, "45296000001", "String DEFAULT '12:34:56.000001'"},
        {SLUICE_SOURCE_TIME_MS, "86400000", "String DEFAULT '24:00:00.000'"},
        {SLUICE_SOURCE_TIME_MS, "86401000", "String"},
        {SLUICE_SOURCE_ZONED_TIMESTAMP, "2024-02-29T12:00:00.5Z",
         "DateTime64(6, 'UTC') DEFAULT parseDateTime64BestEffort('2024-02-29T12:00:00.5Z', 6, 'UTC')"},
        {SLUICE_SOURCE_ZONED_TIMESTAMP, "x')", "DateTime64(6, 'UTC')"},
        {SLUICE_SOURCE_ZONED_TIME, "11:51:30Z", "String DEFAULT '11:51:30Z'"},
        {SLUICE_SOURCE_BITS, "AA==", "String"},
    };
    static const char number[] = "number ";
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        const bool is_number = strncmp(cases[i].text, number, sizeof number - 1) == 0;
        struct sluice_source_column fields[] = {{.name = "id", .type = SLUICE_SOURCE_INT64, .default_text = "1"},
                                                {.name = "v",
                                                 .type = cases[i].type,
                                                 .precision = 10,
                                                 .scale = 2,
                                                 .default_text = cases[i].text + (is_number ? sizeof number - 1 : 0),
                                                 .default_is_number = is_number}};
        const struct sluice_shape shape = shape_of(fields, 2, 1);
        struct sluice_error err = {0};
        char want[160];
        SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
        sluice_buf_init(&sql, 1 << 16, "test");
        CHECK_INT(sluice_ddl_create(&shape, &options, &sql, &err), SLUICE_OK);
        (void)snprintf(want, sizeof want, "(`id` Int64, `v` %s, `_version`", cases[i].made);
        CHECK_CONTAINS(sluice_buf_text(&sql), want);
    }
}

/* ---- what a table lacks ---- */

struct comparison {
    enum sluice_source_type type;
    unsigned precision;
    unsigned scale;
    bool optional;
    const char *have;
    const char *becomes; /* "": stays */
};

static const struct comparison comparisons[] = {
    {SLUICE_SOURCE_INT32, 0, 0, false, "Int16", "Int32"},
    {SLUICE_SOURCE_INT64, 0, 0, true, "Nullable(Int32)", "Nullable(Int64)"},
    {SLUICE_SOURCE_INT16, 0, 0, false, "Int64", ""},
    {SLUICE_SOURCE_INT32, 0, 0, true, "Int32", "Nullable(Int32)"},
    {SLUICE_SOURCE_INT64, 0, 0, false, "Nullable(Int32)", "Nullable(Int64)"},
    {SLUICE_SOURCE_INT64, 0, 0, false, "String", ""},
    {SLUICE_SOURCE_FLOAT64, 0, 0, false, "Float32", "Float64"},
    {SLUICE_SOURCE_FLOAT32, 0, 0, false, "Float64", ""},
    {SLUICE_SOURCE_DECIMAL, 14, 4, false, "Decimal(8, 2)", "Decimal(14, 4)"},
    {SLUICE_SOURCE_DECIMAL, 10, 4, false, "Decimal(10, 2)", "Decimal(12, 4)"},
    {SLUICE_SOURCE_DECIMAL, 76, 0, false, "Decimal(10, 2)", ""},
    {SLUICE_SOURCE_DECIMAL, 8, 2, false, "Decimal(10, 2)", ""},
    {SLUICE_SOURCE_TIMESTAMP_US, 0, 0, true, "Nullable(DateTime64(3, 'UTC'))", "Nullable(DateTime64(6, 'UTC'))"},
    {SLUICE_SOURCE_TIMESTAMP_MS, 0, 0, false, "DateTime64(6, 'UTC')", ""},
    {SLUICE_SOURCE_ENUM, 0, 0, true, "LowCardinality(String)", "LowCardinality(Nullable(String))"},
    {SLUICE_SOURCE_STRING, 0, 0, false, "String", ""},
    {SLUICE_SOURCE_STRING, 0, 0, false, "Int32", ""},
    {SLUICE_SOURCE_STRING, 0, 0, true, "Array(String)", ""},
    {SLUICE_SOURCE_STRING, 0, 0, true, "Map(String, String)", ""},
    {SLUICE_SOURCE_POINT, 0, 0, true, "Point", "Tuple(x Nullable(Float64), y Nullable(Float64))"},
    {SLUICE_SOURCE_POINT, 0, 0, false, "Point", ""},
};

static void compare(const struct comparison *c, const char *comment, struct sluice_ddl_changes *changes)
{
    struct sluice_source_column fields[] = {
        {.name = "id", .type = SLUICE_SOURCE_INT64},
        {.name = "v", .type = c->type, .precision = c->precision, .scale = c->scale, .optional = c->optional},
        {.name = "new", .type = SLUICE_SOURCE_BOOLEAN, .optional = true, .default_text = "true"}};
    const struct sluice_shape shape = shape_of(fields, SLUICE_N_ELEMENTS(fields), 1);
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "id", "Int32", "v", c->have);
    target.columns[0].in_sorting_key = true;
    target.comment = comment;
    if (!CHECK_INT(sluice_ddl_compare(&shape, &target, &options, changes, &err), SLUICE_OK))
        (void)fprintf(stderr, "    %s\n", err.text);
}

static void test_changes(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(comparisons); i++) {
        const struct comparison *c = &comparisons[i];
        SLUICE_AUTO(sluice_ddl_changes) struct sluice_ddl_changes changes = {0};
        char want[160] = "";
        compare(c, "sluice: x", &changes);
        if (*c->becomes != '\0')
            (void)snprintf(want, sizeof want, "ALTER TABLE `shop`.`orders` MODIFY COLUMN `v` %s", c->becomes);
        CHECK_TEXT(sluice_buf_text(&changes.modify), want);
        CHECK_INT(changes.n_modified, *c->becomes != '\0');
        CHECK_TEXT(sluice_buf_text(&changes.add),
                   "ALTER TABLE `shop`.`orders` ADD COLUMN IF NOT EXISTS `new` Nullable(Bool) DEFAULT true AFTER `v`");
        CHECK_INT(changes.n_added, 1);
    }
}

/* Columns whose values in earlier rows nobody tells. */
static void test_unfilled(void)
{
    struct sluice_source_column fields[] = {
        {.name = "id", .type = SLUICE_SOURCE_INT64},
        {.name = "told", .type = SLUICE_SOURCE_INT32, .has_default = true, .default_text = "5"},
        {.name = "null", .type = SLUICE_SOURCE_INT32, .optional = true},
        {.name = "must", .type = SLUICE_SOURCE_INT32},
        {.name = "list", .type = SLUICE_SOURCE_SPARSE_VECTOR, .optional = true, .has_default = true},
        {.name = "now", .type = SLUICE_SOURCE_TIMESTAMP_US, .has_default = true, .default_text = "0"},
        {.name = "zoned",
         .type = SLUICE_SOURCE_ZONED_TIMESTAMP,
         .has_default = true,
         .default_text = "1970-01-01T00:00:00.000000Z"},
        {.name = "then", .type = SLUICE_SOURCE_TIMESTAMP_US, .has_default = true, .default_text = "10"}};
    const struct sluice_shape shape = shape_of(fields, SLUICE_N_ELEMENTS(fields), 1);
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_ddl_changes) struct sluice_ddl_changes changes = {0};
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "id", "Int64");
    target.columns[0].in_sorting_key = true;
    CHECK_INT(sluice_ddl_compare(&shape, &target, &options, &changes, &err), SLUICE_OK);
    CHECK_INT(changes.n_added, 7);
    CHECK_TEXT(sluice_buf_text(&changes.unfilled), "must, list, now, zoned");
}

/* Arrays follow their elements. */
static void test_arrays_change(void)
{
    static const struct comparison cases[] = {
        {SLUICE_SOURCE_INT64, 0, 0, true, "Array(Nullable(Int32))", "Array(Nullable(Int64))"},
        {SLUICE_SOURCE_INT32, 0, 0, true, "Array(Int16)", "Array(Nullable(Int32))"},
        {SLUICE_SOURCE_INT32, 0, 0, true, "Array(Nullable(Int64))", ""},
        {SLUICE_SOURCE_INT32, 0, 0, true, "Array(Nullable(String))", ""},
        {SLUICE_SOURCE_DECIMAL, 12, 4, true, "Array(Nullable(Decimal(10, 2)))", "Array(Nullable(Decimal(12, 4)))"},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        const struct comparison *c = &cases[i];
        const struct sluice_source_column element = {
            .name = "", .type = c->type, .precision = c->precision, .scale = c->scale, .optional = c->optional};
        struct sluice_source_column fields[] = {{.name = "id", .type = SLUICE_SOURCE_INT64},
                                                {.name = "v", .type = SLUICE_SOURCE_ARRAY, .element = &element}};
        const struct sluice_shape shape = shape_of(fields, SLUICE_N_ELEMENTS(fields), 1);
        struct sluice_error err = {0};
        char want[160] = "";
        SLUICE_AUTO(sluice_ddl_changes) struct sluice_ddl_changes changes = {0};
        SLUICE_AUTO(sluice_target) struct sluice_target target;
        TARGET(&target, "id", "id", "Int64", "v", c->have);
        target.comment = "sluice: x";
        CHECK_INT(sluice_ddl_compare(&shape, &target, &options, &changes, &err), SLUICE_OK);
        if (*c->becomes != '\0')
            (void)snprintf(want, sizeof want, "ALTER TABLE `shop`.`orders` MODIFY COLUMN `v` %s", c->becomes);
        CHECK_TEXT(sluice_buf_text(&changes.modify), want);
    }
}

/* Types of tables that sluice did not make are their owner's; what is switched off is left alone. */
static void test_no_changes(void)
{
    SLUICE_AUTO(sluice_ddl_changes) struct sluice_ddl_changes foreign = {0};
    SLUICE_AUTO(sluice_ddl_changes) struct sluice_ddl_changes off = {0};
    compare(&comparisons[0], "orders of the shop", &foreign);
    CHECK_INT(foreign.n_modified, 0);
    CHECK_INT(foreign.n_added, 1);
    settings.create = settings.widen = false;
    compare(&comparisons[0], "sluice: x", &off);
    CHECK_INT(off.n_modified + off.n_added, 0);
    settings.create = settings.widen = true;
}

static void test_view(void)
{
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "id", "Int32");
    sluice_buf_init(&sql, 1 << 16, "test");
    CHECK_INT(sluice_ddl_view(&target, &options, &sql, &err), SLUICE_OK);
    CHECK_TEXT(sluice_buf_text(&sql), "CREATE OR REPLACE VIEW `shop`.`orders_current` AS SELECT * EXCEPT (`_version`, "
                                      "`is_deleted`) FROM `shop`.`orders` FINAL");
}

static void test_position(void)
{
    struct sluice_source_column fields[] = {{.name = "v", .type = SLUICE_SOURCE_STRING}};
    const struct sluice_shape shape = shape_of(fields, 1, 0);
    struct sluice_error err = {0};
    SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
    sluice_buf_init(&sql, 1 << 16, "test");
    settings.no_key = SLUICE_NO_KEY_POSITION;
    CHECK_INT(sluice_ddl_create(&shape, &options, &sql, &err), SLUICE_OK);
    CHECK_CONTAINS(sluice_buf_text(&sql), "`v` String, `_topic` LowCardinality(String), `_partition` Int32, `_offset` "
                                          "Int64, `_version` UInt128, `is_deleted` UInt8) ENGINE = ReplacingMergeTree("
                                          "`_version`, `is_deleted`) ORDER BY (_topic, _partition, _offset)");
    settings.no_key = SLUICE_NO_KEY_STOP;
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

/* The server reads names with dots as parts of one Nested, see test_tables.py. */
static void test_nested_names(void)
{
    struct sluice_source_column text = {.type = SLUICE_SOURCE_STRING, .optional = true};
    const struct {
        const char *names[2];
        enum sluice_source_type types[2];
        bool is_refused;
    } cases[] = {
        {{"n.a", "n.b"}, {SLUICE_SOURCE_ARRAY, SLUICE_SOURCE_ARRAY}, true},
        {{"n.a", "n.b.c"}, {SLUICE_SOURCE_ARRAY, SLUICE_SOURCE_ARRAY}, true},
        {{"n.a", "n.b"}, {SLUICE_SOURCE_MAP, SLUICE_SOURCE_ARRAY}, true},
        {{"n.a", "n"}, {SLUICE_SOURCE_ARRAY, SLUICE_SOURCE_INT64}, true},
        {{"n", "n.a"}, {SLUICE_SOURCE_MAP, SLUICE_SOURCE_MAP}, true},
        {{"n", "n.a"}, {SLUICE_SOURCE_INT64, SLUICE_SOURCE_MAP}, false},
        {{"n.a", "n.b"}, {SLUICE_SOURCE_ARRAY, SLUICE_SOURCE_INT64}, false},
        {{"n.a", "m.a"}, {SLUICE_SOURCE_ARRAY, SLUICE_SOURCE_ARRAY}, false},
        {{".a", ".b"}, {SLUICE_SOURCE_ARRAY, SLUICE_SOURCE_ARRAY}, false},
        {{"n.", "n.b"}, {SLUICE_SOURCE_ARRAY, SLUICE_SOURCE_ARRAY}, false},
    };
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_source_column columns[] = {
            {.name = "id", .type = SLUICE_SOURCE_INT64},
            {.name = cases[i].names[0], .type = cases[i].types[0], .element = &text, .map_key = &text},
            {.name = cases[i].names[1], .type = cases[i].types[1], .element = &text, .map_key = &text}};
        struct sluice_shape shape = shape_of(columns, SLUICE_N_ELEMENTS(columns), 1);
        struct sluice_error err = {0};
        SLUICE_AUTO(sluice_buf) struct sluice_buf sql;
        sluice_buf_init(&sql, 1 << 16, "test");
        CHECK_INT(sluice_ddl_create(&shape, &options, &sql, &err), cases[i].is_refused ? SLUICE_E_SHAPE : SLUICE_OK);
        if (!cases[i].is_refused)
            continue;
        CHECK_CONTAINS(err.text, "rename");
        const struct sluice_table_settings before = settings;
        settings.settings = (struct sluice_config_list)LIST("share_nested_offsets = 0");
        CHECK_INT(sluice_ddl_create(&shape, &options, &sql, &err), SLUICE_OK);
        settings = before;
    }
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
    test_nested_names();
    test_quoting();
    test_rule();
    test_engines();
    test_defaults();
    test_changes();
    test_arrays_change();
    test_no_changes();
    test_unfilled();
    test_view();
    test_same_column();
    test_position();
    return check_result();
}
