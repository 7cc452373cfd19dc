/* rebalance.c - partitions that come and go; see consumer.h. */
#include "kafka/consumer_internal.h"

#include "base/point.h"
#include "kafka/client.h"
#include "kafka/errors.h"
#include "sluice/log.h"

#include <stdlib.h>

/* A worker that died within a transaction on the group's offsets holds up the answer until the broker has ended it:
 * transaction.timeout.ms (group_offsets.c) and 10 s, in which brokers look for such transactions. */
enum { COMMITTED_TIMEOUT_MS = 30000 };

static void ignore_assigned(void *context, const struct sluice_kafka_position *positions, size_t n)
{
    (void)context;
    (void)positions;
    (void)n;
}

static void ignore_revoked(void *context, const struct sluice_kafka_position *partitions, size_t n, bool lost)
{
    (void)context;
    (void)partitions;
    (void)n;
    (void)lost;
}

static void ignore_committed(void *context, const struct sluice_kafka_position *position, const char *error_text)
{
    (void)context;
    (void)position;
    (void)error_text;
}

const struct sluice_consumer_handler sluice_consumer_no_handler = {NULL, ignore_assigned, ignore_revoked,
                                                                   ignore_committed};

static void list_positions(const rd_kafka_topic_partition_list_t *list, struct sluice_kafka_position *out)
{
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        out[i] = (struct sluice_kafka_position){p->topic, p->partition, p->offset, p->metadata};
    }
}

/* Committed metadata is bytes with a length; the pipeline wants a C string. */
static void terminate_metadata(rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        rd_kafka_topic_partition_t *p = &list->elems[i];
        if (p->metadata == NULL)
            continue;
        char *text = realloc(p->metadata, p->metadata_size + 1);
        if (text == NULL)
            continue; /* the old block stays; its text is then refused as not ours */
        text[p->metadata_size] = '\0';
        p->metadata = text;
    }
}

static bool is_cooperative(rd_kafka_t *rk)
{
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    return protocol != NULL && strcmp(protocol, "COOPERATIVE") == 0;
}

static enum sluice_code find_start(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *partitions,
                                   struct sluice_error *err)
{
    SLUICE_POINT("before_committed");
    rd_kafka_resp_err_t failed = rd_kafka_committed(consumer->rk, partitions, COMMITTED_TIMEOUT_MS);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "read the group's committed offsets");
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *p = &partitions->elems[i];
        if (p->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            return kafka_error_from(err, p->err, "read the group's committed offset of a partition");
        if (p->offset < 0)
            p->offset = consumer->start_without_commit;
    }
    terminate_metadata(partitions);
    return SLUICE_OK;
}

/* In one request for all, while nothing is fetched: the broker answers a connection in order, so that behind a fetch
 * each question takes up to fetch.wait.max.ms. */
static void ask_oldest(struct sluice_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    if (consumer->oldest != NULL)
        rd_kafka_topic_partition_list_destroy(consumer->oldest);
    consumer->oldest = rd_kafka_topic_partition_list_copy(partitions);
    for (int i = 0; i < partitions->cnt; i++) /* what is asked for stands in place of a time, as in the protocol */
        consumer->oldest->elems[i].offset = RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t failed = rd_kafka_offsets_for_times(consumer->rk, consumer->oldest, COMMITTED_TIMEOUT_MS);
    for (int i = 0; i < partitions->cnt; i++) {
        rd_kafka_topic_partition_t *p = &consumer->oldest->elems[i];
        if (failed != RD_KAFKA_RESP_ERR_NO_ERROR || p->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            p->offset = -1;
    }
}

static void give_assignment(struct sluice_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_error_t *error = NULL;
    if (is_cooperative(consumer->rk))
        error = rd_kafka_incremental_assign(consumer->rk, partitions);
    else
        (void)rd_kafka_assign(consumer->rk, partitions);
    if (error != NULL) {
        SLUICE_LOG(SLUICE_LOG_ERROR, "assign_failed", SLUICE_F_TEXT("reason", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    }
}

static void take_assignment(struct sluice_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_error_t *error = NULL;
    if (is_cooperative(consumer->rk))
        error = rd_kafka_incremental_unassign(consumer->rk, partitions);
    else
        (void)rd_kafka_assign(consumer->rk, NULL);
    if (error != NULL) {
        SLUICE_LOG(SLUICE_LOG_ERROR, "unassign_failed", SLUICE_F_TEXT("reason", rd_kafka_error_string(error)));
        rd_kafka_error_destroy(error);
    }
}

/* Nobody knows yet where these partitions begin. Offset 0 is never fetched, and a later seek is sure to hold: while
 * librdkafka asks the broker what "beginning" or "end" is, a seek is accepted and then overridden by the answer (2.0.2,
 * seen as partitions that began at their end). They are paused first, as a committed offset that the topic does not
 * have would end fetching for good, though nobody may want to begin there. Asking for the position makes librdkafka
 * know partitions that it never had. */
static void assign_paused(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *partitions)
{
    (void)rd_kafka_position(consumer->rk, partitions);
    (void)rd_kafka_pause_partitions(consumer->rk, partitions);
    for (int i = 0; i < partitions->cnt; i++) {
        if (partitions->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR)
            SLUICE_BUG("a partition can't be paused before it is assigned");
        partitions->elems[i].offset = 0;
    }
    give_assignment(consumer, partitions);
}

/* Without the committed offsets there is no right place to start from. A broker that was there a moment ago, when it
 * gave these partitions, is joined again. Else the process ends, which is what a scheduler repairs: starting elsewhere
 * is what nobody would notice. */
static void refuse_assignment(struct sluice_consumer *consumer, const struct sluice_error *why)
{
    if (why->action != SLUICE_RETRY) {
        consumer->fatal = *why;
        consumer->has_fatal = true;
        return;
    }
    SLUICE_LOG(SLUICE_LOG_WARN, "assignment_refused", SLUICE_F_ERROR(why),
               SLUICE_F_TEXT("then", "joins the group again"));
    rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
    give_assignment(consumer, none);
    rd_kafka_topic_partition_list_destroy(none);
    consumer->wants_to_join = true;
    consumer->has_refused = true;
}

static void on_assigned(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *partitions)
{
    struct sluice_error err;
    struct sluice_kafka_position *positions = calloc((size_t)partitions->cnt + 1, sizeof *positions);
    struct sluice_kafka_membership *membership = sluice_kafka_membership_new(consumer->rk);
    sluice_kafka_membership_unref(consumer->membership);
    consumer->membership = membership;
    consumer->has_dead = false;
    enum sluice_code code = SLUICE_OK;
    if (positions == NULL || membership == NULL)
        code = sluice_error_nomem(&err, "an assignment", (size_t)partitions->cnt * sizeof *positions);
    else
        code = find_start(consumer, partitions, &err);
    if (code != SLUICE_OK) {
        refuse_assignment(consumer, &err);
        free(positions);
        return;
    }
    list_positions(partitions, positions);
    if (consumer->starts_paused)
        ask_oldest(consumer, partitions);
    consumer->handler.assigned(consumer->handler.context, positions, (size_t)partitions->cnt);
    if (consumer->starts_paused) {
        assign_paused(consumer, partitions);
    } else {
        give_assignment(consumer, partitions);
        /* librdkafka 2.0.2 remembers across assignments that the application paused a partition; a new one begins
         * unpaused. */
        (void)rd_kafka_resume_partitions(consumer->rk, partitions);
    }
    free(positions);
}

void consumer_keep_assigned(struct sluice_consumer *consumer, rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    if (rd_kafka_assignment(consumer->rk, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    for (int i = list->cnt - 1; i >= 0; i--) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        if (rd_kafka_topic_partition_list_find(assigned, p->topic, p->partition) == NULL)
            (void)rd_kafka_topic_partition_list_del_by_idx(list, i);
    }
    rd_kafka_topic_partition_list_destroy(assigned);
}

static void tell_revoked(struct sluice_consumer *consumer, const rd_kafka_topic_partition_list_t *partitions, bool lost)
{
    struct sluice_kafka_position *positions = calloc((size_t)partitions->cnt + 1, sizeof *positions);
    if (positions == NULL)
        SLUICE_BUG("no memory to give partitions back");
    list_positions(partitions, positions);
    consumer->handler.revoked(consumer->handler.context, positions, (size_t)partitions->cnt, lost);
    free(positions);
}

/* librdkafka 2.0.2 calls back with two assignments and no revocation between them when the group rebalances again while
 * the first one waits to be served (observed as topics appeared one after the other). The second one replaces the
 * first: without this its partitions would be there twice, and the first ones never end. */
static void revoke_replaced(struct sluice_consumer *consumer)
{
    rd_kafka_topic_partition_list_t *replaced = NULL;
    if (is_cooperative(consumer->rk) || rd_kafka_assignment(consumer->rk, &replaced) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (replaced->cnt > 0)
        tell_revoked(consumer, replaced, true);
    rd_kafka_topic_partition_list_destroy(replaced);
}

void consumer_on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t what, rd_kafka_topic_partition_list_t *partitions,
                           void *opaque)
{
    struct sluice_consumer *consumer = opaque;
    (void)rk;
    if (what == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        revoke_replaced(consumer);
        on_assigned(consumer, partitions);
    } else {
        rd_kafka_topic_partition_list_t *given = rd_kafka_topic_partition_list_copy(partitions);
        if (consumer->has_refused)
            consumer_keep_assigned(consumer, given);
        tell_revoked(consumer, given, rd_kafka_assignment_lost(consumer->rk) != 0);
        rd_kafka_topic_partition_list_destroy(given);
        take_assignment(consumer, partitions);
    }
}

int64_t sluice_consumer_take_oldest(struct sluice_consumer *consumer, const char *topic, int32_t partition)
{
    rd_kafka_topic_partition_t *p =
        consumer->oldest != NULL ? rd_kafka_topic_partition_list_find(consumer->oldest, topic, partition) : NULL;
    int64_t offset = p != NULL && p->offset >= 0 ? p->offset : -1;
    if (p != NULL)
        p->offset = -1;
    return offset;
}

struct sluice_kafka_membership *sluice_consumer_membership(struct sluice_consumer *consumer)
{
    return consumer->membership != NULL ? sluice_kafka_membership_ref(consumer->membership) : NULL;
}
