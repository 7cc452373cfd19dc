/* catalog.h - the source tables a lane has met, and how their records become rows.
 *
 * table    one source table (source, database, schema, table) and the name of its target
 * variant  one shape of its records, with the plan made for it; made by a JOB_PLAN, shared by all partitions
 * binding  what one partition uses for one table; fixed at the first record, so that a later change of shape is noticed
 *
 * Thread: lane. A variant's job may be out at a sender; then only `job` and `plan` are the sender's.
 */
#ifndef SLUICE_PIPELINE_CATALOG_H
#define SLUICE_PIPELINE_CATALOG_H

#include "pipeline/job.h"
#include "sluice/config.h"
#include "table/plan.h"
#include "table/shape.h"

struct table {
    char *source;    /* "name/db/schema.table", identifies it */
    char *target;    /* table name in clickhouse.database */
    bool is_claimed; /* a plan was made for it: rows of no other source table may go there */
    struct variant *variants;
    struct table *next;
};

enum variant_state {
    VARIANT_PLANNING,
    VARIANT_READY,
    VARIANT_STALE /* no plan could be made, or its table changed: the next record plans anew; kept for its bindings */
};

struct variant {
    struct job job;
    struct table *table;
    struct sluice_shape *shape;
    struct sluice_plan *plan; /* when READY */
    enum variant_state state;
    struct variant *next;
};

struct binding {
    struct table *table;
    struct variant *variant;
    struct sluice_plan *plan; /* referenced */
    /* Identity as it stands in the records, for a comparison without unescaping. */
    char *source_name;
    char *source_db;
    char *source_schema;
    char *source_table;
    char *schema_text; /* embedded schema last seen, "" without one */
    size_t schema_len;
    char *key_schema_text; /* that of the key, "" without one */
    size_t key_schema_len;
    struct flight *open;
    struct sluice_metric *rows;
    struct sluice_metric *bytes;
    struct sluice_metric *inserts;
    struct sluice_metric *lsn; /* of the source, shared by all its tables */
    struct binding *next;
};

struct catalog {
    const struct sluice_config *config;
    struct table *tables;
    size_t n_tables;
};

void catalog_init(struct catalog *catalog, const struct sluice_config *config);
void catalog_deinit(struct catalog *catalog);

/* The variant for a record: one that exists, or a new one in state PLANNING whose job the caller has to send (*is_new).
 * Errors: those of sluice_shape_new(). */
SLUICE_MUST_CHECK enum sluice_code catalog_find(struct catalog *catalog, const struct sluice_change *change,
                                                const struct sluice_key *key, struct variant **out, bool *is_new,
                                                struct sluice_error *err);
/* A plan was made for the table. Errors: SLUICE_E_TABLE when another source table is written to the same target. The
 * target's comment says the same across processes (planner.h), where it has one. */
SLUICE_MUST_CHECK enum sluice_code catalog_claim(struct catalog *catalog, struct table *table,
                                                 struct sluice_error *err);

/* Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code binding_new(struct variant *variant, const struct sluice_change *change,
                                               const struct sluice_key *key, struct binding **out,
                                               struct sluice_error *err);
void binding_free(struct binding *binding);
/* Is this the binding of the record's table? */
bool binding_matches(const struct binding *binding, const struct sluice_source *source);
/* Has the key the schema text of the last one or, without schemas, the planned columns? */
bool binding_knows_key(const struct binding *binding, const struct sluice_key *key);
/* Accepts a record whose embedded schema reads differently but means the same, and remembers its text.
 * Errors: SLUICE_E_SHAPE when it means something else; those of sluice_shape_new(). */
SLUICE_MUST_CHECK enum sluice_code binding_accept_schema(struct binding *binding, const struct catalog *catalog,
                                                         const struct sluice_change *change,
                                                         const struct sluice_key *key, struct sluice_error *err);

#endif
