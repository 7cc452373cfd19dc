/* consumer.h - the Kafka consumer of the worker: librdkafka behind the few calls the pipeline needs.
 *
 * Offsets start where the group committed them, with the metadata we wrote beside them; a partition without a committed
 * offset starts at `auto.offset.reset` (earliest unless set). librdkafka itself is told `auto.offset.reset=error`, so
 * that an offset which retention removed is an error of that partition and never a silent jump.
 *
 * Messages are taken one by one: the batch calls of librdkafka 2.0.2 can skip messages around pause, seek and rebalance
 * (release notes of 2.1.0). Assignment: cooperative-sticky from librdkafka 2.10 on, else roundrobin: older versions can
 * lose the assignment when a commit meets an incremental rebalance, and range would give partition 0 of every topic to
 * the same worker. With `starts_paused` it is always roundrobin: a partition that stays across a cooperative rebalance
 * would keep a membership of the generation before, in whose name the broker takes nothing any more.
 *
 * Thread: consumer, for every function and for the handler's calls. librdkafka's log lines may come from any thread.
 */
#ifndef SLUICE_KAFKA_CONSUMER_H
#define SLUICE_KAFKA_CONSUMER_H

#include "base/error.h"
#include "base/str.h"
#include "kafka/membership.h"
#include "sluice/config.h"

#include <librdkafka/rdkafka.h>

enum { SLUICE_MAX_EXCLUDED = 2 };

struct sluice_consumer_options {
    const char *bootstrap_servers;
    const char *group_id;
    const char *const *topics; /* names, or regular expressions that begin with ^ */
    size_t n_topics;
    const char *own_topic;                      /* one more, of the pipeline itself; NULL: none */
    const struct sluice_config_property *extra; /* later ones win */
    size_t n_extra;
    const char
        *excluded[SLUICE_MAX_EXCLUDED]; /* names of topics that are never read; borrowed until the consumer is freed */
    size_t n_excluded;
    /* Nothing comes of an assigned partition, neither message nor error, before sluice_consumer_resume(), which then
     * makes sure that it begins exactly at the offset it is given (negative, always: at `auto.offset.reset`). */
    bool starts_paused;
};

/* A place in a partition; `metadata` is our text beside a committed offset, NULL if none. */
struct sluice_kafka_position {
    const char *topic;
    int32_t partition;
    int64_t offset; /* RD_KAFKA_OFFSET_BEGINNING or _END when nothing was committed */
    const char *metadata;
};

/* Called from within sluice_consumer_poll() and sluice_consumer_close(). Everything passed is borrowed for the call. */
struct sluice_consumer_handler {
    void *context;
    /* The partitions are ours now, with the positions consumption starts from. None of them is paused, unless
     * `starts_paused`. */
    void (*assigned)(void *context, const struct sluice_kafka_position *positions, size_t n);
    /* The partitions go back. `lost`: another member may own them already, nothing may be committed. Finish or abandon
     * what is in flight; commit with sluice_consumer_commit_now(). */
    void (*revoked)(void *context, const struct sluice_kafka_position *partitions, size_t n, bool lost);
    /* Result of sluice_consumer_commit() for one partition; error_text NULL on success. */
    void (*committed)(void *context, const struct sluice_kafka_position *position, const char *error_text);
};
/* For a consumer that joins no group, so that nobody calls. */
extern const struct sluice_consumer_handler sluice_consumer_no_handler;

enum sluice_polled {
    SLUICE_POLLED_MESSAGE,         /* *message is the caller's: rd_kafka_message_destroy(), on any thread */
    SLUICE_POLLED_IDLE,            /* nothing within the time */
    SLUICE_POLLED_END,             /* the partition in *at was read up to at->offset, its end for now */
    SLUICE_POLLED_PARTITION_ERROR, /* topic and partition in *at, reason in *err: that partition can't go on */
    SLUICE_POLLED_WARNING,         /* reason in *err; librdkafka goes on by itself */
    SLUICE_POLLED_FATAL            /* reason in *err: the consumer can't go on */
};

struct sluice_consumer;

/* Connects nothing yet. Errors: SLUICE_E_CONFIG (an option librdkafka refuses), SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_new(const struct sluice_consumer_options *options,
                                                       const struct sluice_consumer_handler *handler,
                                                       struct sluice_consumer **out, struct sluice_error *err);
/* After close, or without ever having subscribed. */
void sluice_consumer_free(struct sluice_consumer *consumer);

/* Asks any broker for its metadata. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_ping(struct sluice_consumer *consumer, int timeout_ms,
                                                        struct sluice_error *err);
/* Called for each topic that the subscription matches now, and for each plain name that no topic has (n_partitions 0).
 */
typedef void (*sluice_topic_visit_fn)(void *context, const char *topic, int n_partitions);
/* Asks a broker for all topics. Errors: SLUICE_E_KAFKA, SLUICE_E_CONFIG (a regular expression that does not compile).
 */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_visit_topics(struct sluice_consumer *consumer, int timeout_ms,
                                                                sluice_topic_visit_fn visit, void *context,
                                                                struct sluice_error *err);
/* Joins the group. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_subscribe(struct sluice_consumer *consumer,
                                                             struct sluice_error *err);

SLUICE_MUST_CHECK enum sluice_polled sluice_consumer_poll(struct sluice_consumer *consumer, int timeout_ms,
                                                          rd_kafka_message_t **message,
                                                          struct sluice_kafka_position *at, struct sluice_error *err);

/* Stops or restarts fetching; unknown partitions are ignored. What librdkafka had prefetched is fetched again. To
 * resume, `offset` is the one of the next message (negative: not known), so that fetching starts at once; see also
 * `starts_paused`. With it, resuming a partition that ended with SLUICE_POLLED_PARTITION_ERROR makes this member leave
 * the group and join it again: everything is revoked and assigned anew. */
void sluice_consumer_pause(struct sluice_consumer *consumer, const struct sluice_kafka_position *partitions, size_t n);
void sluice_consumer_resume(struct sluice_consumer *consumer, const struct sluice_kafka_position *partitions, size_t n);
/* The next message of this partition is the one at `position->offset`. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_seek(struct sluice_consumer *consumer,
                                                        const struct sluice_kafka_position *position,
                                                        struct sluice_error *err);

/* Commits offsets with metadata, without waiting; the results come through the handler. */
void sluice_consumer_commit(struct sluice_consumer *consumer, const struct sluice_kafka_position *positions, size_t n);
/* The same, waiting for the answer. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_commit_now(struct sluice_consumer *consumer,
                                                              const struct sluice_kafka_position *positions, size_t n,
                                                              struct sluice_error *err);

/* End of the partition as of the last fetch; -1 if not known. No network call. */
int64_t sluice_consumer_end_offset(struct sluice_consumer *consumer, const char *topic, int32_t partition);

/* The same from the broker, for a partition that is not being fetched; waits for the answer. -1 without one. */
int64_t sluice_consumer_ask_end_offset(struct sluice_consumer *consumer, const char *topic, int32_t partition,
                                       int timeout_ms);

/* The same for the oldest record there is; *low is what a consumer from the beginning would read first. Waits for the
 * answer. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_start_offset(struct sluice_consumer *consumer, const char *topic,
                                                                int32_t partition, int timeout_ms, int64_t *low,
                                                                struct sluice_error *err);

/* The same as of the assignment, with `starts_paused`; no network call. -1 if it is not known, and when it was taken.
 */
int64_t sluice_consumer_take_oldest(struct sluice_consumer *consumer, const char *topic, int32_t partition);

/* What the group has committed for one partition, as a stable offset: while a transaction on it is open the broker does
 * not answer, and this waits. *offset is -1 when nothing was committed; `metadata` gets the text beside it, "" if there
 * is none or if it does not fit (then it is not ours). Errors: SLUICE_E_KAFKA, also after `timeout_ms`. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_committed(struct sluice_consumer *consumer, const char *topic,
                                                             int32_t partition, int timeout_ms, int64_t *offset,
                                                             char *metadata, size_t metadata_size,
                                                             struct sluice_error *err);

/* A new reference to what was captured before the newest call of `assigned`, also within that call; NULL before the
 * first one. With `starts_paused` every rebalance assigns every partition anew, so a partition's is the newest one. */
struct sluice_kafka_membership *sluice_consumer_membership(struct sluice_consumer *consumer);

/* The id of the Kafka cluster. Waits for a broker. Errors: SLUICE_E_KAFKA (also of a cluster without an id). */
enum { SLUICE_KAFKA_CLUSTER_ID = 64 };
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_cluster_id(struct sluice_consumer *consumer, int timeout_ms,
                                                              char out[SLUICE_KAFKA_CLUSTER_ID],
                                                              struct sluice_error *err);

/* Called for each member of a consumer group. Errors: SLUICE_E_KAFKA. */
typedef void (*sluice_member_visit_fn)(void *context, const char *client_id, const char *host);
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_visit_members(struct sluice_consumer *consumer, const char *group_id,
                                                                 int timeout_ms, sluice_member_visit_fn visit,
                                                                 void *context, struct sluice_error *err);

/* Called for each partition that a member of the group has, as the members were told last. Errors: SLUICE_E_KAFKA. */
typedef void (*sluice_holder_visit_fn)(void *context, const char *client_id, const char *host, const char *topic,
                                       int32_t partition);
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_visit_holders(struct sluice_consumer *consumer, const char *group_id,
                                                                 int timeout_ms, sluice_holder_visit_fn visit,
                                                                 void *context, struct sluice_error *err);

/* The first record of a partition whose time is not before `time_ms`; *offset is -1 when there is none. Waits for the
 * answer. Errors: SLUICE_E_KAFKA. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_offset_at_time(struct sluice_consumer *consumer, const char *topic,
                                                                  int32_t partition, int64_t time_ms, int timeout_ms,
                                                                  int64_t *offset, struct sluice_error *err);

/* A setting of the brokers, asked from one of them; "" where the broker does not know it. Errors: SLUICE_E_KAFKA, also
 * where describing configurations is not allowed. */
SLUICE_MUST_CHECK enum sluice_code sluice_consumer_broker_setting(struct sluice_consumer *consumer, const char *name,
                                                                  int timeout_ms, char *value, size_t value_size,
                                                                  struct sluice_error *err);

/* Leaves the group: the handler gets its revocation, then nothing more. */
void sluice_consumer_close(struct sluice_consumer *consumer);

#endif
