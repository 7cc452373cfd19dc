/* ranges.h - exactly-once delivery of one partition: from open batches to ranges of offsets, and from the ledger's
 * machine to jobs, notices and back.
 *
 * What is read is collected in the open batches of the bindings. Sealing makes of them one range: all offsets since the
 * last one, with one batch for each target. Sealed ranges wait in order; the first is the one that the machine has
 * under way. While it is, the next one goes on growing up to the batch limits, so a slow server gets larger batches.
 * Thread: lane, everywhere. Private to lib/pipeline.
 */
#ifndef SLUICE_PIPELINE_RANGES_H
#define SLUICE_PIPELINE_RANGES_H

#include "pipeline/lane_internal.h"

/* A partition was attached: asks the ledger for its row. */
void ranges_attach(struct lane *lane, struct partition *p);
void ranges_free(struct lane *lane, struct partition *p);

/* A record is about to be taken. False: it is below the position; or the partition stopped, since it shows that the
 * topic was made anew. Ends a replay that it lies behind. */
bool ranges_admit(struct lane *lane, struct partition *p, const rd_kafka_message_t *message);
/* The record was taken; the message is now ours: the last one is kept, to describe it in the ledger. */
void ranges_took(struct lane *lane, struct partition *p, rd_kafka_message_t *message);
/* The record at `offset`, which is being taken, is dead-lettered: its range leaves it out. False while a range is read
 * again, which may have been stored with it. */
bool ranges_skip(struct partition *p, int64_t offset);
/* A letter was acknowledged: what waited for it goes on. */
void ranges_go_on(struct lane *lane, struct partition *p);
/* The batch that the record went into has all the rows that it may have. */
void ranges_full(struct partition *p);
/* The next record does not fit into the batch of its table: the range ends before it. False while a range is rebuilt,
 * which can't be cut. */
bool ranges_cut(struct lane *lane, struct partition *p);
/* The position moved to the end of the partition. */
void ranges_reached(struct lane *lane, struct partition *p, int64_t end);
/* Once per tick. */
void ranges_tick(struct lane *lane, struct partition *p, int64_t now_us);

/* Results. */
void ranges_flight_returned(struct lane *lane, struct flight *flight);
void ranges_ledger_returned(struct lane *lane, struct ledger_job *job);
void ranges_committed(struct lane *lane, struct partition *p);
void ranges_offset_read(struct lane *lane, struct partition *p, const struct sluice_ledger_commit *commit);
void ranges_seeked(struct partition *p); /* what arrives from now on was read from where ranges asked to start */
void ranges_gone(struct lane *lane, struct partition *p, int64_t restart_at);
void ranges_woke(struct lane *lane, struct job *wake);

/* The partition stopped at a record: what came before it is still delivered. */
void ranges_stop(struct lane *lane, struct partition *p);
/* No more records: delivers what was read, as far as the machine is already running. */
void ranges_detach(struct lane *lane, struct partition *p);
/* Nobody waits any more. */
void ranges_abandon(struct lane *lane, struct partition *p);
/* Nothing is under way and nothing more will be. */
bool ranges_finished(const struct partition *p);
/* All that is left is a range that waits for a row of another partition. */
bool ranges_only_waits(const struct partition *p);
/* The partition of a JOB_WAKE or JOB_LEDGER, and forgetting one that waits for its next try. */
struct partition *ranges_partition(const struct job *job);
void ranges_drop_job(struct job *job);
/* A call or a range of the partition is being tried again. */
bool ranges_in_trouble(const struct partition *p);

/* What is durable, and the mark that belongs to it; -1 before the ledger's row is known. */
int64_t ranges_durable(const struct partition *p, struct sluice_ledger_row *mark);
/* The limits of a batch: a range that is read again may be larger than today's. Also in at-least-once delivery. */
struct lane_limits ranges_limits(const struct lane *lane, const struct partition *p);

#endif
