/* verify_plan.h - what of a source table is compared with what of its target: the columns of both, their pairs, and the
 * texts of the two SELECTs. Immutable once made. Thread: main. */
#ifndef SLUICE_ADMIN_VERIFY_PLAN_H
#define SLUICE_ADMIN_VERIFY_PLAN_H

#include "admin/verify_pair.h"
#include "sluice/rules.h"
#include "table/shape.h"
#include "table/target.h"

enum { VERIFY_SQL_BYTES = 8 << 20, VERIFY_MAX_COLUMNS = 2000 };

/* A source column as PostgreSQL's catalogue has it. */
struct verify_source_column {
    const char *name;
    const char *shown; /* its type for a person: "numeric(10,2)" */
    struct pair_source pair;
};

/* How a key column may stand in a condition of both servers; others are filtered here. */
enum verify_literal { VERIFY_NO_LITERAL, VERIFY_NUMBER, VERIFY_TEXT };

struct verify_column {
    const char *source;
    const char *target;
    struct canon canon;
    const char *expression; /* in ClickHouse */
    enum verify_literal literal;
};

struct verify_left_out {
    const char *column;
    const char *reason;
};

struct verify_plan {
    struct sluice_arena arena;
    const char *schema;
    const char *table;
    const char *database; /* of the target */
    const char *target;
    const char *version_column; /* "" if there is none */
    const char *deleted_column;
    enum sluice_engine_home home;
    struct verify_column *columns; /* those of the key first */
    size_t n_columns;
    size_t n_key;
    bool has_literals; /* every key column */
    struct verify_left_out *left_out;
    size_t n_left_out;
};

struct verify_facts {
    const struct sluice_config *config;
    const struct sluice_table_settings *settings;
    const struct sluice_shape *shape; /* the newest one */
    const struct verify_source_column *columns;
    size_t n_columns;
    const struct sluice_target *target;
};

/* Errors: SLUICE_E_TABLE and SLUICE_E_TYPE (the table can't be compared, with the reason), SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code verify_plan_new(const struct verify_facts *facts, struct verify_plan **out,
                                                   struct sluice_error *err);
void verify_plan_free(struct verify_plan *plan); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(verify_plan, struct verify_plan, verify_plan_free)

/* Rows of which keys are wanted, as far as the servers can tell by themselves; the rest is filtered by the reader. */
struct verify_where {
    double share;                         /* of the keys, by their MD5; 1: all. Only with has_literals */
    const struct sluice_str *const *keys; /* n_key texts each; NULL: all */
    size_t n_keys;
    bool (*takes)(const void *context, const unsigned char *key); /* by the digest of a key; NULL: all */
    const void *context;
};

/* The SELECTs. First column: the row's state (xmin and ctid; the version), "" without `with_state`; then the columns.
 * Errors: SLUICE_E_LIMIT, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code verify_plan_source_sql(const struct verify_plan *plan,
                                                          const struct verify_where *where, bool with_state,
                                                          struct sluice_buf *sql, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code verify_plan_target_sql(const struct verify_plan *plan,
                                                          const struct verify_where *where, bool with_state,
                                                          struct sluice_buf *sql, struct sluice_error *err);
/* SELECT count of the same rows. */
SLUICE_MUST_CHECK enum sluice_code verify_plan_source_count_sql(const struct verify_plan *plan,
                                                                const struct verify_where *where,
                                                                struct sluice_buf *sql, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code verify_plan_target_count_sql(const struct verify_plan *plan,
                                                                const struct verify_where *where,
                                                                struct sluice_buf *sql, struct sluice_error *err);

#endif
