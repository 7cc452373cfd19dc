/* schemas.h - the schemas of a registry that records name, and how a record of any encoding is taken apart.
 *
 * A schema is fetched and compiled by a sender (JOB_SCHEMA), once for all partitions; until it is there the partition
 * waits, as it does for a plan. It is kept for good: an id never means another schema, and rows in batches and plans
 * point into it. A failure is not kept: the next record that names the schema asks anew.
 * Thread: lane; a schema whose job is out belongs to its sender, apart from `ref`.
 */
#ifndef SLUICE_PIPELINE_SCHEMAS_H
#define SLUICE_PIPELINE_SCHEMAS_H

#include "base/arena.h"
#include "debezium/framed.h"
#include "pipeline/job.h"
#include "sluice/config.h"

/* Of all partitions together. A table has two, and two more with each change of its columns. */
enum { SCHEMAS_MAX = 20000, SCHEMAS_MAX_BYTES = 256 << 20, SCHEMAS_BUCKETS = 1024 };

struct lane;
struct partition;

enum schema_state {
    SCHEMA_FETCHING,
    SCHEMA_READY,
    SCHEMA_FAILED /* the next record that names it asks anew */
};

struct schema {
    struct job job;
    struct registry_ref ref;
    struct sluice_arena arena;
    const struct framed_schema *compiled; /* when READY */
    enum schema_state state;
    int64_t asked_us; /* monotonic; of the first attempt */
    struct schema *next;
};

struct schemas {
    struct schema *buckets[SCHEMAS_BUCKETS];
    size_t n_schemas;
    size_t n_bytes; /* of those that are READY */
};

void schemas_deinit(struct schemas *schemas);

/* Takes a record's value or key apart, whatever its encoding. If its schema is not there yet, p->lane.waiting_for is
 * set and nothing else: offer the record again. Errors: those of sluice_change_decode(), sluice_key_decode() and
 * framed.h; SLUICE_E_REGISTRY without registry.url; SLUICE_E_LIMIT too many schemas. */
SLUICE_MUST_CHECK enum sluice_code schemas_decode_value(struct lane *lane, struct partition *p,
                                                        const rd_kafka_message_t *message, struct sluice_str hint,
                                                        struct sluice_change *out, struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code schemas_decode_key(struct lane *lane, struct partition *p,
                                                      const rd_kafka_message_t *message, struct sluice_key *out,
                                                      struct sluice_error *err);

/* A job came back. False: it is worth another attempt; else the schema's state says what became of it. */
bool schemas_returned(struct schemas *schemas, struct schema *schema, bool stopping);

/* One attempt. Thread: sender. Errors: those of sluice_registry_fetch() and framed_schema_new(). */
SLUICE_MUST_CHECK enum sluice_code schema_fetch(struct schema *schema, struct sluice_registry *registry,
                                                struct sluice_error *err);

#endif
