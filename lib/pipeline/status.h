/* status.h - what a running worker shows of itself: partitions, counters of the whole, readiness.
 *
 * Written by reader and lane through atomics and, for texts, under the lock; read by the HTTP thread. No lock is held
 * while anything is sent.
 */
#ifndef SLUICE_PIPELINE_STATUS_H
#define SLUICE_PIPELINE_STATUS_H

#include "base/budget.h"
#include "base/buf.h"

#include <pthread.h>
#include <stdatomic.h>

/* Who a partition waits in. */
enum status_waits { STATUS_LANE, STATUS_READER, STATUS_N_WAITS };

struct partition_status {
    char *topic;
    int32_t id;
    atomic_int n_refs;
    _Atomic int64_t position;       /* next offset to decode */
    _Atomic int64_t committed;      /* last offset committed to Kafka, -1 if none by this worker */
    _Atomic int64_t durable;        /* everything below is in ClickHouse */
    _Atomic int64_t end;            /* end of the partition as of the last fetch, -1 unknown */
    _Atomic int64_t record_wall_us; /* Kafka timestamp of the last record decoded, 0 if none */
    _Atomic uint64_t lsn;           /* highest source position that is durable */
    _Atomic int ledger_state;       /* enum sluice_ledger_state; -1 in at-least-once delivery */
    atomic_bool rebuilding;         /* reads a range of the ledger again, which ends only with its last record */
    atomic_bool paused;
    atomic_bool held; /* something of it is being tried again at ClickHouse */
    atomic_bool stopped;
    atomic_bool waits[STATUS_N_WAITS]; /* and why says for what */
    /* Guarded by the status lock. Why it stopped, "" while it runs; why what is being tried again failed. */
    char error[sizeof(((struct sluice_error *)0)->text)];
    char why[STATUS_N_WAITS][sizeof(((struct sluice_error *)0)->text)];
    struct partition_status *next;
};

struct sluice_status {
    pthread_mutex_t lock; /* guards the list, its links and the error texts */
    struct partition_status *partitions;
    const char *name;
    const char *version;
    const struct sluice_budget *budget;
    int64_t started_mono_us;
    atomic_bool joined;    /* has an assignment, or the group gave none to us */
    atomic_bool server_ok; /* the last exchange with ClickHouse worked, or failed for good */
    char server_error[sizeof(((struct sluice_error *)0)->text)]; /* guarded by the lock; why server_ok became false */
    atomic_bool draining;
    _Atomic int64_t polled_mono_us; /* last turn of the reader, for /livez */
    _Atomic uint64_t n_records;
    _Atomic uint64_t n_rows;
    _Atomic uint64_t n_stopped_ever; /* partitions that stopped on an error, whether or not they went on */
};

void status_init(struct sluice_status *status, const char *name, const struct sluice_budget *budget);
void status_deinit(struct sluice_status *status);

/* Adds an entry and returns it with one reference for the caller; NULL without memory. */
struct partition_status *status_add(struct sluice_status *status, const char *topic, int32_t id);
/* Takes the entry off the list; whoever still holds a reference may go on using it. */
void status_remove(struct sluice_status *status, struct partition_status *entry);
void status_unref(struct partition_status *entry);
void status_set_error(struct sluice_status *status, struct partition_status *entry, const char *text);
/* What the partition waits for failed so, and is being tried again. An empty text: it waits no more; costs nothing if
 * it did not wait. */
void status_set_waiting(struct sluice_status *status, struct partition_status *entry, enum status_waits who,
                        const char *text);

/* The last exchange with ClickHouse worked, or failed in a way that is tried again; `why` is the error's text. */
void status_set_server(struct sluice_status *status, bool ok, const char *why);
/* Records between what is durable and the end of the partition; 0 while the end is not known. */
int64_t status_lag(const struct partition_status *entry);

/* The answer of /status. Errors: SLUICE_E_LIMIT, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code status_json(struct sluice_status *status, struct sluice_buf *json,
                                               struct sluice_error *err);
/* The answers of /livez and /readyz: *ok when well, and lines of text that say why not. Errors: as status_json(). */
SLUICE_MUST_CHECK enum sluice_code status_live(struct sluice_status *status, bool *ok, struct sluice_buf *text,
                                               struct sluice_error *err);
SLUICE_MUST_CHECK enum sluice_code status_ready(struct sluice_status *status, bool *ok, struct sluice_buf *text,
                                                struct sluice_error *err);

#endif
