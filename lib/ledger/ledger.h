/* ledger.h - where rows of the ledger are kept: a KeeperMap table, or the metadata of Kafka's committed offsets.
 *
 * A call makes one attempt and waits for it. Writes of several partitions go in one statement (KeeperMap: one multi of
 * Keeper; Kafka: one transaction); afterwards all rows are read, so that the caller decides from what is there and
 * never from the answer to a write. Owner: one thread at a time (the pipeline's bookkeeper, or a command).
 */
#ifndef SLUICE_LEDGER_LEDGER_H
#define SLUICE_LEDGER_LEDGER_H

#include "clickhouse/client.h"
#include "kafka/consumer.h"
#include "ledger/row.h"

struct sluice_ledger;

/* One partition of one call. Everything but the results is the caller's. */
struct sluice_ledger_call {
    const char *topic;
    int32_t partition;
    const struct sluice_kafka_membership *membership; /* Kafka ledger: as captured when it was assigned; else NULL */
    bool is_write;
    bool expected_exists; /* what a write replaces: epoch, owner and seq are compared */
    struct sluice_ledger_row expected;
    struct sluice_ledger_row wanted;
    /* results */
    bool exists;
    bool is_damaged; /* there is a row, but not as a worker writes it: of `row` only epoch, owner and seq count, so that
                        a write can replace it */
    struct sluice_ledger_row row;
    int64_t written_ms; /* server's time of its last write; 0 if not known */
    bool conflict;      /* the write was refused because the row was another one */
};

/* Writes, then reads all. KeeperMap takes 256 rows a statement, one statement after the other, so that a call of
 * thousands keeps the first ones waiting for the last: some hundred at a time are best. On an error nothing is known
 * about the writes: read later. Errors: SLUICE_RETRY where that may help, else SLUICE_STOP: those of the ClickHouse
 * client and of librdkafka, SLUICE_E_LEDGER (an answer that is not understood). */
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_run(struct sluice_ledger *ledger, struct sluice_ledger_call *calls,
                                                     size_t n_calls, struct sluice_error *err);

/* Makes the ledger's table if it is missing and writes, reads and removes a row of its own, so that missing rights or a
 * missing Keeper are found before the first record is read. Errors: as sluice_ledger_run(); with SLUICE_STOP the text
 * says what to configure. */
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_prepare(struct sluice_ledger *ledger, struct sluice_error *err);

/* A row that was found; members as in struct sluice_ledger_call. Borrowed until the visit returns. */
struct sluice_ledger_found {
    const char *topic;
    int32_t partition;
    bool is_damaged;
    struct sluice_ledger_row row;
    int64_t written_ms;
};
/* For a program that only reads: whether the ledger is there and is this pipeline's. A table that is missing is made,
 * nothing else is written. Errors: as sluice_ledger_prepare(). */
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_look(struct sluice_ledger *ledger, struct sluice_error *err);

/* Every row of the pipeline and cluster, in no order. Errors: as sluice_ledger_run(). */
typedef void (*sluice_ledger_visit_fn)(void *context, const struct sluice_ledger_found *found);
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_visit(struct sluice_ledger *ledger, sluice_ledger_visit_fn visit,
                                                       void *context, struct sluice_error *err);

enum sluice_ledger_kind sluice_ledger_kind(const struct sluice_ledger *ledger);
const char *sluice_ledger_path(const struct sluice_ledger *ledger); /* as in the text of its rows */
/* Statements or transactions so far, and compare-and-sets that lost. */
struct sluice_ledger_counts {
    uint64_t n_statements;
    uint64_t n_writes; /* rows written */
    uint64_t n_conflicts;
};
struct sluice_ledger_counts sluice_ledger_counts(const struct sluice_ledger *ledger);
void sluice_ledger_free(struct sluice_ledger *ledger); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(sluice_ledger, struct sluice_ledger, sluice_ledger_free)

/* KeeperMap (keeper_map.c). Texts are copied. */
struct sluice_keeper_map_options {
    const struct sluice_ch_options *client;
    const char *database;
    const char *table;
    const char *path;     /* of the KeeperMap, e.g. "/sluice_shop" */
    const char *pipeline; /* these two begin the key of every row */
    const char *cluster;  /* id of the Kafka cluster */
};
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_new_keeper_map(const struct sluice_keeper_map_options *options,
                                                                struct sluice_ledger **out, struct sluice_error *err);

/* Kafka (kafka_offsets.c): rows are the metadata of the group's committed offsets, written in transactions that carry
 * the membership, read as stable offsets. */
struct sluice_kafka_ledger_options {
    const char *bootstrap_servers;
    const char *group_id;
    const char *pipeline;
    const struct sluice_config_property *extra; /* security and the like; what producers don't know is left out */
    size_t n_extra;
};
SLUICE_MUST_CHECK enum sluice_code sluice_ledger_new_kafka(const struct sluice_kafka_ledger_options *options,
                                                           struct sluice_ledger **out, struct sluice_error *err);

#endif
