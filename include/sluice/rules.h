/* rules.h - what is set for single tables: tables.defaults and tables.rules of the configuration.
 *
 * A source table is known as "name.schema.table" (source.name, source.schema, source.table). The first rule whose
 * `match` (POSIX extended regular expression) fits gives its settings; what it leaves out comes from tables.defaults,
 * then from the built-in default named beside each field. Texts may hold \1 to \9, the captures of `match`.
 *
 *   tables:
 *     defaults: { truncate: stop, toast: keep }
 *     rules:
 *       - match: '^shop\.inventory\.(.+)$'
 *         database: shop
 *         table: '\1'
 *         engine: ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/{table}', '{replica}')
 *         order_by: [id]
 *         partition_by: toYYYYMM(created_at)
 *         settings: { index_granularity: 4096 }
 *         indexes: ['i_name name TYPE bloom_filter GRANULARITY 1']
 *         projections: ['p_by_name (SELECT * ORDER BY name)']
 *         transforms: { email: hmac, ssn: drop }
 *         columns:
 *           name: { rename: title, type: String, codec: ZSTD(3), on_out_of_range: clamp, toast: null }
 *
 * Immutable once made. Thread: any.
 */
#ifndef SLUICE_RULES_H
#define SLUICE_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sluice/config.h"

/* X(symbol, name as written in the file); the first is the built-in default. */
#define SLUICE_TRUNCATE_NAMES(X)                                                                                       \
    X(SLUICE_TRUNCATE_IGNORE, "ignore") /* counted and skipped */                                                      \
    X(SLUICE_TRUNCATE_APPLY, "apply")   /* rows of older versions are deleted */                                       \
    X(SLUICE_TRUNCATE_STOP, "stop")
#define SLUICE_TOAST_NAMES(X)                                                                                          \
    X(SLUICE_TOAST_KEEP, "keep") /* the previous value stays */                                                        \
    X(SLUICE_TOAST_NULL, "null") /* NULL, or the type's zero where the column can't be NULL */                         \
    X(SLUICE_TOAST_FAIL, "fail") /* a bad record */
/* No previous value is found though toast is keep. */
#define SLUICE_TOAST_MISSING_NAMES(X)                                                                                  \
    X(SLUICE_TOAST_MISSING_STOP, "stop")                                                                               \
    X(SLUICE_TOAST_MISSING_NULL, "null")
#define SLUICE_RANGE_NAMES(X)                                                                                          \
    X(SLUICE_RANGE_REJECT, "reject") /* a bad record */                                                                \
    X(SLUICE_RANGE_CLAMP, "clamp")   /* the nearest value that fits */                                                 \
    X(SLUICE_RANGE_NULL, "null")     /* NULL; a bad record where the column can't be NULL */
/* NULL of an array, map or tuple, for which ClickHouse has none. */
#define SLUICE_NULL_COMPOSITE_NAMES(X)                                                                                 \
    X(SLUICE_NULL_COMPOSITE_EMPTY, "empty")                                                                            \
    X(SLUICE_NULL_COMPOSITE_COMPANION, "companion") /* empty, and a column <name>_is_null UInt8 says so */
#define SLUICE_NO_KEY_NAMES(X)                                                                                         \
    X(SLUICE_NO_KEY_STOP, "stop")                                                                                      \
    X(SLUICE_NO_KEY_POSITION, "position") /* the place in Kafka becomes the key */
#define SLUICE_BINARY_NAMES(X)                                                                                         \
    X(SLUICE_BINARY_RAW, "raw")                                                                                        \
    X(SLUICE_BINARY_HEX, "hex")                                                                                        \
    X(SLUICE_BINARY_BASE64, "base64")
/* What `before` of a delete may be trusted with: under DEFAULT only the key. */
#define SLUICE_IDENTITY_NAMES(X)                                                                                       \
    X(SLUICE_IDENTITY_AUTO, "auto")                                                                                    \
    X(SLUICE_IDENTITY_FULL, "full")
#define SLUICE_TRANSFORM_NAMES(X)                                                                                      \
    X(SLUICE_TRANSFORM_NONE, "none")                                                                                   \
    X(SLUICE_TRANSFORM_DROP, "drop")         /* the column is left out */                                              \
    X(SLUICE_TRANSFORM_MASK, "mask")         /* "****" for texts, the type's zero else; NULL stays NULL */             \
    X(SLUICE_TRANSFORM_HASH, "hash")         /* SHA-256, lower-case hex */                                             \
    X(SLUICE_TRANSFORM_HMAC, "hmac")         /* HMAC-SHA-256 under transforms.key, lower-case hex behind the key id */ \
    X(SLUICE_TRANSFORM_TOKENIZE, "tokenize") /* of an e-mail address the local part, else 128 bits in base32 */

enum sluice_truncate { SLUICE_TRUNCATE_NAMES(SLUICE_NAME_ENUM) SLUICE_N_TRUNCATE };
enum sluice_toast { SLUICE_TOAST_NAMES(SLUICE_NAME_ENUM) SLUICE_N_TOAST };
enum sluice_toast_missing { SLUICE_TOAST_MISSING_NAMES(SLUICE_NAME_ENUM) SLUICE_N_TOAST_MISSING };
enum sluice_range { SLUICE_RANGE_NAMES(SLUICE_NAME_ENUM) SLUICE_N_RANGE };
enum sluice_null_composite { SLUICE_NULL_COMPOSITE_NAMES(SLUICE_NAME_ENUM) SLUICE_N_NULL_COMPOSITE };
enum sluice_no_key { SLUICE_NO_KEY_NAMES(SLUICE_NAME_ENUM) SLUICE_N_NO_KEY };
enum sluice_binary { SLUICE_BINARY_NAMES(SLUICE_NAME_ENUM) SLUICE_N_BINARY };
enum sluice_identity { SLUICE_IDENTITY_NAMES(SLUICE_NAME_ENUM) SLUICE_N_IDENTITY };
enum sluice_transform { SLUICE_TRANSFORM_NAMES(SLUICE_NAME_ENUM) SLUICE_N_TRANSFORM };

/* Of one column of one source table, with the table's setting where the column has none of its own. */
struct sluice_column_settings {
    const char *name;        /* of the source column; "" in the settings of columns that no rule names */
    const char *rename;      /* of the target column; "" for the same name */
    bool exclude;            /* also for the transform drop */
    const char *type;        /* of the column made, e.g. "Decimal(38, 4)"; "" for the one of the source's type */
    const char *codec;       /* "ZSTD(3)", "" for none */
    const char *source_type; /* for records without schemas, as in tables.source_types; "" */
    enum sluice_range on_out_of_range;
    enum sluice_toast toast;
    enum sluice_null_composite null_composite;
    enum sluice_binary binary;
    enum sluice_transform transform;
};

#define SLUICE_NO_RULE SIZE_MAX

/* Of one source table. Texts with captures replaced; they live as long as the object. */
struct sluice_table_settings {
    size_t rule;              /* the place in tables.rules of the one that fits, SLUICE_NO_RULE if none does */
    const char *database;     /* of the target; clickhouse.database by default */
    const char *table;        /* the source table's name by default */
    bool is_shared;           /* `shared: true`: other source tables may be written to the same target */
    bool create;              /* tables.create */
    bool widen;               /* tables.widen */
    bool infer;               /* tables.infer */
    bool view;                /* make a view <table>_current of the rows that are not deleted; false */
    const char *cluster;      /* ON CLUSTER; "" for none */
    const char *engine;       /* whole engine with its parameters, version and deleted column may be left out; "" */
    const char *partition_by; /* expression, "" for none */
    const char *comment;      /* "" */
    struct sluice_config_list order_by;    /* column names (of the target) or expressions; empty: the source's key */
    struct sluice_config_list primary_key; /* empty: as order_by */
    struct sluice_config_list settings;    /* "name = value" */
    struct sluice_config_list indexes;     /* behind INDEX */
    struct sluice_config_list projections; /* behind PROJECTION */
    enum sluice_tables_mode mode;          /* tables.mode */
    enum sluice_truncate truncate;
    enum sluice_toast_missing toast_missing;
    enum sluice_no_key no_key;
    enum sluice_identity identity;
    const char *transforms_key;             /* transforms.key */
    const char *transforms_key_id;          /* transforms.key_id */
    struct sluice_column_settings any;      /* of columns that are not in `columns` */
    struct sluice_column_settings *columns; /* those that a rule names */
    size_t n_columns;
};

struct sluice_rules; /* part of struct sluice_config; compiled expressions */

/* The settings of one source table; freed with sluice_table_settings_free(). `name`, `schema` and `table` as in the
 * records' source. Errors: SLUICE_E_CONFIG (a replacement names a group that match does not have), SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_table_settings_new(const struct sluice_config *config, const char *name_z,
                                                             const char *schema_z, const char *table_z,
                                                             struct sluice_table_settings **out,
                                                             struct sluice_error *err);
void sluice_table_settings_free(struct sluice_table_settings *settings); /* NULL does nothing */

/* The rules as they are written, by their place: `tables.rules[3]` is the key of place 3. */
size_t sluice_rules_count(const struct sluice_config *config);
const char *sluice_rule_key(const struct sluice_config *config, size_t rule);
const char *sluice_rule_match(const struct sluice_config *config, size_t rule);
/* The source columns named under its `columns` and `transforms`, each once; NULL behind the last. */
const char *sluice_rule_column(const struct sluice_config *config, size_t rule, size_t i);

/* Of the source column of that name; never NULL. */
const struct sluice_column_settings *sluice_column_settings(const struct sluice_table_settings *settings,
                                                            const char *column_z);

#endif
