/* catalog.h - the source tables a lane has met, and how their records become rows.
 *
 * table    one source table (source, database, schema, table) and what is set for it, its target among that
 * variant  one shape of its records, with the plan made for it; made by a JOB_PLAN, shared by all partitions
 * binding  what one partition uses for records of one table with one schema. Records whose schema differs find their
 *          own binding, old and new ones in turn if they come so; at most one binding of a target has an open batch.
 *
 * Thread: lane. A variant's job may be out at a sender; then only `job`, `plan` and `found` are the sender's.
 */
#ifndef SLUICE_PIPELINE_CATALOG_H
#define SLUICE_PIPELINE_CATALOG_H

#include "pipeline/job.h"
#include "pipeline/planner.h"
#include "sluice/rules.h"

struct table {
    char *source; /* "name/db/schema.table", identifies it */
    struct sluice_table_settings *settings;
    bool is_claimed;     /* a plan was made for it: rows of no other source table may go there */
    bool was_found;      /* its target has been there */
    bool is_ours;        /* and sluice made it */
    unsigned n_refusals; /* plans that the server refused, since the last insert that it took */
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
    bool must_exist;          /* its target was there before, and sluice did not make it */
    struct planner_found found;
    enum variant_state state;
    size_t n_bindings;
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
    char *schema_text; /* embedded schema, "" without one */
    size_t schema_len;
    char *key_schema_text; /* that of the key, "" without one */
    size_t key_schema_len;
    const struct connect_type *row_type; /* of records whose schema does not stand in them, else NULL */
    const struct connect_type *key_type;
    struct flight *open;
    size_t n_flights; /* open and under way */
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
 * Errors: those of sluice_shape_new() and sluice_table_settings_new(). */
SLUICE_MUST_CHECK enum sluice_code catalog_find(struct catalog *catalog, const struct sluice_change *change,
                                                const struct sluice_key *key, struct variant **out, bool *is_new,
                                                struct sluice_error *err);
/* A plan was made for the variant's table. Plans made before a change of the target are stale from now on. Errors:
 * SLUICE_E_TABLE when another source table is written to the same target and no rule allows that. The target's comment
 * says the same across processes (planner.h), where it has one. */
SLUICE_MUST_CHECK enum sluice_code catalog_planned(struct catalog *catalog, struct variant *variant,
                                                   struct sluice_error *err);
/* What the variant's plan takes for granted was refused: every plan for its target is stale. True if planning anew may
 * help; false after several times without an insert that was taken. */
bool catalog_plan_again(struct catalog *catalog, struct variant *variant);

/* Errors: SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code binding_new(struct variant *variant, const struct sluice_change *change,
                                               const struct sluice_key *key, struct binding **out,
                                               struct sluice_error *err);
void binding_free(struct binding *binding);
/* Is this a binding of the record's table? */
bool binding_matches(const struct binding *binding, const struct sluice_source *source);
/* Has the record this binding's schema? `is_hint`: the binding's schema text was the decoder's hint. A delete tells
 * nothing but its key, so that alone has to be known. */
bool binding_knows(const struct binding *binding, const struct sluice_change *change, const struct sluice_key *key,
                   bool is_hint);

#endif
