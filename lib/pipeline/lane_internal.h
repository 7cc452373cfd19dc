/* lane_internal.h - the lane's state, shared by lane.c (loop, control), lane_partitions.c, record.c (one record),
 * flights.c (batches and jobs). Thread: lane, everywhere. */
#ifndef SLUICE_PIPELINE_LANE_INTERNAL_H
#define SLUICE_PIPELINE_LANE_INTERNAL_H

#include "pipeline/lane.h"
#include "pipeline/origin.h"
#include "pipeline/schemas.h"

#include <pthread.h>

/* PostgreSQL allows 32 columns in an index; a transform may add some. */
enum { LANE_KEY_FIELDS = 64 };

struct lane {
    struct lane_world world;
    struct lane_limits limits;
    struct sluice_queue inbox;
    struct catalog catalog;
    struct schemas schemas;
    struct sluice_decoder *decoder;
    struct sluice_decoder *old_keys; /* of the header __debezium.oldkey, while a record's key is in use */
    struct sluice_field key_fields[LANE_KEY_FIELDS]; /* of the present record's key, without a table identifier */
    struct truncation *truncations;                  /* under way, or done and not taken */
    struct partition *partitions;
    struct job *delayed; /* jobs that wait for their time, in no order */
    size_t n_jobs_out;
    struct origin origin;     /* of the present record, in the replay topic */
    int64_t letters_since_us; /* monotonic; the window in which dead letters are counted */
    int64_t n_letters;        /* in it */
    bool stopping;
    uint64_t run_id; /* makes query ids of this process its own */
    uint64_t n_flights;
    pthread_t thread;
};

/* What became of a record. */
enum taken {
    TAKEN,
    TAKEN_WAIT,   /* its table has to be planned first; offer it again */
    TAKEN_STOPPED /* the partition stopped at it */
};

/* record.c */
enum taken record_take(struct lane *lane, struct partition *p, const rd_kafka_message_t *message);

/* layout.c */
/* What the records of the topic look like; the texts are those of config and topic. */
struct sluice_layout layout_of_topic(const struct sluice_config *config, const char *topic);
/* Does a null value delete its row? Behind an envelope's delete or a marked one it only lets compaction forget it. */
bool layout_null_deletes(const struct partition *p, enum sluice_seen_layout seen, const struct sluice_change *change);
/* Takes the fields by which a router keeps the tables of a topic apart out of a key. `identifier` is the value of the
 * last one, empty if there is none. `room` takes the fields that stay. Errors: SLUICE_E_KEY. */
SLUICE_MUST_CHECK enum sluice_code layout_clean_key(const struct sluice_config *config, struct sluice_key *key,
                                                    struct sluice_field room[LANE_KEY_FIELDS],
                                                    struct sluice_str *identifier, struct sluice_error *err);
/* A delete that is nothing but a key: its table is the one of that topic, or the only one that the partition has shown.
 * Errors: SLUICE_E_ENVELOPE. */
SLUICE_MUST_CHECK enum sluice_code layout_name_table(const struct partition *p, const char *topic,
                                                     struct sluice_str identifier, struct sluice_change *change,
                                                     struct sluice_error *err);

/* flights.c */
SLUICE_MUST_CHECK enum sluice_code flight_open(struct lane *lane, struct partition *p, struct binding *binding,
                                               int64_t offset, struct flight **out, struct sluice_error *err);
/* Charges the budget for what the open batch has grown to. */
void flight_charge(struct lane *lane, struct flight *flight);
/* Ends appending and sends the batch. */
void flight_send(struct lane *lane, struct flight *flight);
/* Sends every open batch of the partition. */
void flights_send_all(struct lane *lane, struct partition *p);
/* Goes on as the open batch of another binding. */
void flight_move(struct flight *flight, struct binding *binding);
/* Gives up those that wait for earlier ones. */
void flights_drop_held_back(struct lane *lane, struct partition *p);
/* Its rows will not be stored, nor those that wait for it. It keeps its place in the list, so that nothing after it
 * counts as durable, until the partition leaves or is started again. */
void flight_drop(struct lane *lane, struct flight *flight);
/* Gives a flight up that is not at a sender. */
void flight_free(struct lane *lane, struct flight *flight);
/* Ends appending. False: it had no rows and is gone. */
bool flight_close(struct lane *lane, struct flight *flight);
/* Counts its rows as stored. */
void flight_count(struct lane *lane, struct flight *flight);
/* The same bytes again? */
bool flight_may_retry(const struct job *job);
/* Its target is not what the plan took for granted: the same records again, planned anew? */
bool flight_may_plan_again(struct lane *lane, struct flight *flight);
/* Hands a job to the senders or the bookkeeper. */
void job_send(struct lane *lane, struct job *job);
/* Puts a job aside until its back-off is over. */
void job_delay(struct lane *lane, struct job *job);
/* An insert came back. */
void flight_returned(struct lane *lane, struct flight *flight);
/* What is durable of the partition (negative: nothing known), and the mark that goes with it. */
int64_t partition_durable(const struct partition *p, struct sluice_ledger_row *mark);

/* lane_partitions.c */
void partition_attach(struct lane *lane, struct partition *p); /* takes the reference */
/* Takes the messages of the chunk, or puts it aside until what the partition waits for is there. Takes the chunk. */
void partition_take(struct lane *lane, struct chunk *chunk);
/* The partition was read up to `offset`. */
void partition_end(struct lane *lane, struct partition *p, int64_t offset);
/* What is open is still sent; then it leaves. */
void partition_detach(struct lane *lane, struct partition *p);
/* It leaves at once, except for what is at a sender. */
void partition_abandon(struct lane *lane, struct partition *p);
/* /status tells why the job, which is to be tried again, failed. */
void partitions_tell_waiting(struct lane *lane, const struct job *job);
/* The same of a partition that came to wait for such a job later. */
void partition_tell_waiting(struct lane *lane, struct partition *p);
/* The partitions that wait for this job go on, or stop with its error at the record they wait with. */
void partitions_go_on(struct lane *lane, const struct job *job, bool is_ready);
void lane_drop_message(struct lane *lane, rd_kafka_message_t *message);
/* Forgets everything of a partition that is not at a sender or the bookkeeper. */
void lane_drop_partition(struct lane *lane, struct partition *p);
/* Tells the reader something about the partition, with what is durable. */
void partition_notify(struct lane *lane, struct partition *p, enum notice_kind kind, const struct sluice_error *error);
/* Ends decoding of the partition at `offset`: what came before is still sent, the reader is told why. */
void partition_stop(struct lane *lane, struct partition *p, int64_t offset, struct sluice_error *err);
/* Ends the partition and has it start anew at its durable offset: what was read is to be planned again. */
void partition_again(struct lane *lane, struct partition *p, const struct sluice_error *why);
/* Tells the reader about a new durable offset, if there is one. */
void partition_announce(struct lane *lane, struct partition *p);
/* Ends a partition that leaves and has nothing under way. */
void partition_maybe_leave(struct lane *lane, struct partition *p);

#endif
