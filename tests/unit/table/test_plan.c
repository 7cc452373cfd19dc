/* Plans: the statement and header of the INSERT, and each reason to refuse a table. */
#include "table/plan.h"

#include "table_support.h"

static void test_insert(void)
{
    struct sluice_source_column columns[] = {
        {.name = "id", .type = SLUICE_SOURCE_INT32},
        {.name = "we`ird \\ name", .type = SLUICE_SOURCE_STRING, .optional = true},
    };
    const struct sluice_shape shape = shape_of(columns, 2, 1);
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "extra", "Nullable(Int8)", "we`ird \\ name", "LowCardinality(Nullable(String))", "id",
           "Int64");
    target.database = "sh`op";
    if (!CHECK_INT(sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err), SLUICE_OK)) {
        (void)fprintf(stderr, "    %s\n", err.text);
        return;
    }
    static const char header[] = "\x04\x02"
                                 "id\x0d"
                                 "we`ird \\ name\x08_version\x0ais_deleted"
                                 "\x05Int64\x20LowCardinality(Nullable(String))\x07UInt128\x05UInt8";
    CHECK_TEXT(sluice_plan_insert_sql(plan), "INSERT INTO `sh\\`op`.`orders` (`id`, `we\\`ird \\\\ name`, `_version`, "
                                             "`is_deleted`) FORMAT RowBinaryWithNamesAndTypes");
    CHECK_BYTES(sluice_plan_insert_header(plan).ptr, sluice_plan_insert_header(plan).len, header, sizeof header - 1);
    CHECK_TEXT(sluice_plan_database(plan), "sh`op");
    CHECK_TEXT(sluice_plan_table(plan), "orders");
    sluice_plan_unref(sluice_plan_ref(plan));
    CHECK_TEXT(sluice_plan_table(plan), "orders");
    sluice_plan_unref(plan);
    sluice_plan_unref(NULL);
}

/* A key's column can't follow a wider type of the source: its values are looked at one by one. Keys stay apart. */
static void test_keys(void)
{
    struct sluice_source_column columns[] = {
        {.name = "id", .is_key = true},
        {.name = "v", .type = SLUICE_SOURCE_INT64, .optional = true},
    };
    const struct sluice_shape shape = shape_of(columns, 2, 1);
    static const struct {
        enum sluice_source_type source;
        const char *id;
        const char *v;
        enum sluice_code code;
    } cases[] = {{SLUICE_SOURCE_INT64, "Int32", "Nullable(Int64)", SLUICE_OK},
                 {SLUICE_SOURCE_INT64, "Int64", "Nullable(Int32)", SLUICE_E_TYPE},
                 {SLUICE_SOURCE_INT64, "Float64", "Nullable(Int64)", SLUICE_E_TYPE},
                 {SLUICE_SOURCE_DECIMAL, "Float64", "Nullable(Int64)", SLUICE_E_TYPE},
                 {SLUICE_SOURCE_VARIABLE_DECIMAL, "Float64", "Nullable(Int64)", SLUICE_E_TYPE},
                 {SLUICE_SOURCE_FLOAT64, "Float64", "Nullable(Int64)", SLUICE_OK}};
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(cases); i++) {
        struct sluice_error err = {0};
        struct sluice_plan *plan = NULL;
        SLUICE_AUTO(sluice_target) struct sluice_target target;
        columns[0].type = cases[i].source;
        TARGET(&target, "id", "id", cases[i].id, "v", cases[i].v);
        CHECK_INT(sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err), cases[i].code);
        sluice_plan_unref(plan);
    }
}

/* One way to spoil a table that otherwise fits; the shape is id (key), v string. */
struct refusal {
    const char *title;
    void (*spoil)(struct sluice_shape *shape, struct sluice_target *target);
    enum sluice_code code;
    const char *text;
};

enum { ID, V, SPARE, VERSION, DELETED };

static const struct sluice_type *type_of(struct sluice_target *target, const char *text)
{
    struct sluice_error err;
    const struct sluice_type *type = NULL;
    if (sluice_type_parse(&target->arena, sluice_str_from(text), &type, &err) != SLUICE_OK)
        abort();
    return type;
}

static void set_type(struct sluice_target *target, size_t column, const char *text)
{
    target->columns[column].type_text = text;
    target->columns[column].type = type_of(target, text);
}

static void no_change(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    (void)target;
}
static void plain_engine(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->engine = "MergeTree";
}
static void no_version(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->version_column = "";
}
static void no_deleted(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->deleted_column = "";
}
static void narrow_version(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, VERSION, "UInt64");
}
static void lost_version(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->version_column = "gone";
}
static void wide_deleted(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, DELETED, "Int8");
}
static void bool_deleted(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, DELETED, "Bool");
}
static void missing_column(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->columns[V].name = "w";
}
static void own_name(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)target;
    shape->columns[1].name = "is_deleted";
}
static void materialized(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->columns[V].default_kind = SLUICE_DEFAULT_MATERIALIZED;
}
static void alias(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->columns[V].default_kind = SLUICE_DEFAULT_ALIAS;
}
static void unknown_type(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, V, "Variant(Int8, String)");
}
static void inexact_pair(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, V, "Int64");
}
static void huge_row(struct sluice_shape *shape, struct sluice_target *target)
{
    static struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT32, .is_key = true},
                                                    {.name = "v"},
                                                    {.name = "spare"},
                                                    {.name = "a"},
                                                    {.name = "b"}};
    static const char *const names[] = {"id", "v", "spare", "a", "b", "_version", "is_deleted"};
    struct sluice_error err;
    struct sluice_target_column *wide = sluice_arena_alloc_array(&target->arena, 7, sizeof *wide, &err);
    if (wide == NULL)
        abort();
    for (size_t i = 0; i < 7; i++) {
        wide[i] = target->columns[i < 3 ? i : i < 5 ? V : i - 2];
        wide[i].name = names[i];
    }
    target->columns = wide;
    target->n_columns = 7;
    for (size_t i = 1; i < 5; i++)
        set_type(target, i, "FixedString(16777216)");
    shape->columns = columns;
    shape->n_columns = 5;
}
static void unfed_plain(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, SPARE, "String");
}
static void unfed_default(struct sluice_shape *shape, struct sluice_target *target)
{
    unfed_plain(shape, target);
    target->columns[SPARE].default_kind = SLUICE_DEFAULT_EXPRESSION;
}
static void unfed_materialized(struct sluice_shape *shape, struct sluice_target *target)
{
    unfed_plain(shape, target);
    target->columns[SPARE].default_kind = SLUICE_DEFAULT_MATERIALIZED;
}
static void unfed_unknown(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, SPARE, "Array(Int8)");
}
static void unfed_unknown_nullable(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, SPARE, "Nullable(IPv4)");
}
static void no_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)target;
    shape->n_key = 0;
    shape->columns[0].is_key = false;
}
static void unfed_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "id, spare";
}
static void wider_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "id, v";
}
static void key_that_was(struct sluice_shape *shape, struct sluice_target *target)
{
    wider_sorting_key(shape, target);
    target->comment = "sluice: made/shop/public.orders";
}
static void other_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "v";
}
static void empty_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "";
}
static void narrower_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)target;
    static const size_t both[] = {0, 1};
    shape->columns[1].is_key = true;
    shape->key = both;
    shape->n_key = 2;
}
static void expression(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "intDiv(id, 10), id";
}
static void broken_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "id, (";
}
static void double_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "id, id";
}
static void quoted_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "`id`";
}
static void enclosed_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "(id)";
}
static void enclosed_list(struct sluice_shape *shape, struct sluice_target *target)
{
    narrower_sorting_key(shape, target);
    target->sorting_key = "((id), `v`)";
}
static void enclosed_expression(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->sorting_key = "(id) + (id)";
}
static void nullable_sorting_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    set_type(target, ID, "Nullable(Int32)");
}
static void partition_by_value(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->columns[V].in_partition_key = true;
}
static void partition_by_unfed(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->columns[SPARE].in_partition_key = true;
}
static void partition_by_key(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->columns[ID].in_partition_key = true;
}

static void partition_by_order(struct sluice_shape *shape, struct sluice_target *target)
{
    wider_sorting_key(shape, target);
    target->columns[V].in_partition_key = true;
}

static const struct refusal refusals[] = {
    {"as it is", no_change, SLUICE_OK, NULL},
    {"MergeTree", plain_engine, SLUICE_E_TABLE, "engine is MergeTree"},
    {"no version", no_version, SLUICE_E_TABLE, "names no version column"},
    {"no deleted", no_deleted, SLUICE_E_TABLE, "names no deleted column"},
    {"UInt64 version", narrow_version, SLUICE_E_TABLE, "\"_version\" must be UInt128"},
    {"version not there", lost_version, SLUICE_E_TABLE, "\"gone\" must be UInt128"},
    {"Int8 deleted", wide_deleted, SLUICE_E_TABLE, "\"is_deleted\" must be UInt8"},
    {"Bool deleted", bool_deleted, SLUICE_OK, NULL},
    {"no column", missing_column, SLUICE_E_SHAPE,
     "field \"v\" has no column; add the column \"v\" to the table (tables.create: true does it)"},
    {"name taken", own_name, SLUICE_E_SHAPE, "columns.deleted"},
    {"materialized", materialized, SLUICE_E_SHAPE, "\"v\" is MATERIALIZED"},
    {"alias", alias, SLUICE_E_SHAPE, "\"v\" is ALIAS"},
    {"unknown type", unknown_type, SLUICE_E_TYPE, "\"v\": type Variant(Int8, String) is not written"},
    {"inexact", inexact_pair, SLUICE_E_TYPE, "\"v\": string is not written into Int64"},
    {"huge row", huge_row, SLUICE_E_LIMIT, "one row may take"},
    {"unfed", unfed_plain, SLUICE_OK, NULL},
    {"unfed, default", unfed_default, SLUICE_OK, NULL},
    {"unfed, materialized", unfed_materialized, SLUICE_OK, NULL},
    {"unfed, unknown", unfed_unknown, SLUICE_OK, NULL},
    {"unfed, unknown, Nullable", unfed_unknown_nullable, SLUICE_OK, NULL},
    {"no key", no_key, SLUICE_E_KEY, "have no key"},
    {"sorting key unfed", unfed_sorting_key, SLUICE_E_TABLE, "sorting key column \"spare\" gets no value"},
    {"sorting key wider", wider_sorting_key, SLUICE_OK, NULL},
    {"sorting key wider, made", key_that_was, SLUICE_E_TABLE, "\"v\" is not in the source's key any more"},
    {"sorting key other", other_sorting_key, SLUICE_E_TABLE, "key column \"id\" is not in the sorting key"},
    {"sorting key empty", empty_sorting_key, SLUICE_E_TABLE, "key column \"id\" is not in the sorting key"},
    {"sorting key narrower", narrower_sorting_key, SLUICE_E_TABLE, "key column \"v\" is not in the sorting key"},
    {"sorting key expression", expression, SLUICE_E_TABLE, "the expression \"intDiv(id, 10)\""},
    {"sorting key broken", broken_sorting_key, SLUICE_E_TABLE, "is not understood"},
    {"sorting key double", double_sorting_key, SLUICE_E_TABLE, "\"id\" twice"},
    {"sorting key quoted", quoted_sorting_key, SLUICE_OK, NULL},
    {"sorting key in parentheses", enclosed_sorting_key, SLUICE_OK, NULL},
    {"sorting key list in parentheses", enclosed_list, SLUICE_OK, NULL},
    {"sorting key of parentheses", enclosed_expression, SLUICE_E_TABLE, "the expression"},
    {"sorting key nullable", nullable_sorting_key, SLUICE_E_TABLE, "\"id\" is Nullable"},
    {"partition by value", partition_by_value, SLUICE_E_TABLE, "partition key column \"v\""},
    {"partition by unfed", partition_by_unfed, SLUICE_E_TABLE, "partition key column \"spare\""},
    {"partition by key", partition_by_key, SLUICE_OK, NULL},
    {"partition by sorting key", partition_by_order, SLUICE_OK, NULL},
};

static void test_refusals(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(refusals); i++) {
        struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT32},
                                                 {.name = "v", .type = SLUICE_SOURCE_STRING}};
        struct sluice_shape shape = shape_of(columns, 2, 1);
        struct sluice_error err = {0};
        struct sluice_plan *plan = NULL;
        SLUICE_AUTO(sluice_target) struct sluice_target target;
        TARGET(&target, "id", "id", "Int32", "v", "String", "spare", "Nullable(String)");
        refusals[i].spoil(&shape, &target);
        bool ok = CHECK_INT(sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err),
                            refusals[i].code);
        if (refusals[i].text != NULL) {
            ok = CHECK_CONTAINS(err.text, refusals[i].text) && ok;
            ok = CHECK_CONTAINS(err.text, "plan \"public.orders\" into \"shop.orders\"") && ok;
            ok = CHECK_INT(err.action, SLUICE_STOP_PARTITION) && ok;
        }
        if (!ok)
            (void)fprintf(stderr, "    %s: %s\n", refusals[i].title, err.text);
        sluice_plan_unref(plan);
    }
}

/* ---- metadata columns and the mode log ---- */

static const struct sluice_plan_options log_options = {
    .is_log = true, .version_column = "_version", .deleted_column = "is_deleted"};

static void log_engine(struct sluice_shape *shape, struct sluice_target *target)
{
    (void)shape;
    target->engine = "MergeTree";
    target->engine_full = "MergeTree ORDER BY v";
    target->sorting_key = "v, intDiv(id, 3)";
    target->version_column = target->deleted_column = "";
}
static void log_replicated(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    target->engine = "ReplicatedMergeTree";
}
static void log_summing(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    target->engine = "SummingMergeTree";
}
static void log_without_offset(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    target->columns[5].name = "renamed";
    target->columns[5].default_kind = SLUICE_DEFAULT_EXPRESSION;
}
static void log_without_version(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    target->columns[6].name = "v2";
}
static void narrow_offset(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    set_type(target, 5, "Int32");
}
static void narrow_partition(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    set_type(target, 4, "Int16");
}
static void nullable_topic(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    set_type(target, 3, "LowCardinality(Nullable(String))");
}
static void long_op(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    set_type(target, 2, "FixedString(2)");
}
static void computed_op(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    target->columns[2].default_kind = SLUICE_DEFAULT_ALIAS;
}
static void field_of_that_name(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    shape->columns[1].name = "_op";
}
static void log_without_key(struct sluice_shape *shape, struct sluice_target *target)
{
    log_engine(shape, target);
    shape->n_key = 0;
}

static const struct refusal log_refusals[] = {
    {"plain", log_engine, SLUICE_OK, NULL},
    {"replicated", log_replicated, SLUICE_OK, NULL},
    {"replacing", no_change, SLUICE_E_TABLE, "engine is ReplacingMergeTree, which does not keep every change"},
    {"summing", log_summing, SLUICE_E_TABLE, "make it with ENGINE = MergeTree, or set tables.mode: replace"},
    {"no offset", log_without_offset, SLUICE_E_TABLE, "run ALTER TABLE ... ADD COLUMN _offset Int64"},
    {"no version", log_without_version, SLUICE_E_TABLE, "\"_version\" must be UInt128"},
    {"Int32 offset", narrow_offset, SLUICE_E_TYPE, "\"_offset\" Int32 is one that sluice fills and must be Int64"},
    {"Int16 partition", narrow_partition, SLUICE_E_TYPE, "\"_partition\" Int16"},
    {"Nullable topic", nullable_topic, SLUICE_E_TYPE, "\"_topic\" LowCardinality(Nullable(String))"},
    {"FixedString(2) op", long_op, SLUICE_E_TYPE, "FixedString(1)"},
    {"computed op", computed_op, SLUICE_E_TYPE, "\"_op\""},
    {"field of that name", field_of_that_name, SLUICE_E_SHAPE, "field \"_op\" has the name of a column"},
    {"no key", log_without_key, SLUICE_E_KEY, "have no key"},
};

static void test_log(void)
{
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(log_refusals); i++) {
        struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT32},
                                                 {.name = "v", .type = SLUICE_SOURCE_STRING}};
        struct sluice_shape shape = shape_of(columns, 2, 1);
        struct sluice_error err = {0};
        struct sluice_plan *plan = NULL;
        SLUICE_AUTO(sluice_target) struct sluice_target target;
        TARGET(&target, "id", "id", "Int32", "v", "String", "_op", "FixedString(1)", "_topic", "String", "_partition",
               "UInt64", "_offset", "UInt64");
        log_refusals[i].spoil(&shape, &target);
        bool ok = CHECK_INT(sluice_plan_new(&shape, &target, &log_options, &plan, &err), log_refusals[i].code);
        if (log_refusals[i].text != NULL) {
            ok = CHECK_CONTAINS(err.text, log_refusals[i].text) && ok;
            ok = CHECK_INT(err.action, SLUICE_STOP_PARTITION) && ok;
        }
        if (!ok)
            (void)fprintf(stderr, "    %s: %s\n", log_refusals[i].title, err.text);
        sluice_plan_unref(plan);
    }
}

/* Those the table has, in an order of their own, before version and deleted. */
static void test_metadata_columns(void)
{
    struct sluice_source_column columns[] = {{.name = "id", .type = SLUICE_SOURCE_INT32}};
    const struct sluice_shape shape = shape_of(columns, 1, 1);
    struct sluice_error err = {0};
    struct sluice_plan *plan = NULL;
    SLUICE_AUTO(sluice_target) struct sluice_target target;
    TARGET(&target, "id", "_offset", "Int128", "_op", "LowCardinality(String)", "id", "Int32");
    if (CHECK_INT(sluice_plan_new(&shape, &target, &(struct sluice_plan_options){0}, &plan, &err), SLUICE_OK)) {
        CHECK_TEXT(sluice_plan_insert_sql(plan),
                   "INSERT INTO `shop`.`orders` (`id`, `_op`, `_offset`, `_version`, `is_deleted`) FORMAT "
                   "RowBinaryWithNamesAndTypes");
        struct sluice_str header = sluice_plan_insert_header(plan);
        static const char want[] = "\005\002id\003_op\007_offset\010_version\012is_deleted"
                                   "\005Int32\026LowCardinality(String)\006Int128\007UInt128\005UInt8";
        CHECK_BYTES(header.ptr, header.len, want, sizeof want - 1);
    }
    sluice_plan_unref(plan);
}

int main(void)
{
    test_insert();
    test_keys();
    test_log();
    test_metadata_columns();
    test_refusals();
    return check_result();
}
