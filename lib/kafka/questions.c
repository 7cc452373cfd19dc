/* questions.c - what the cluster is asked: topics, offsets, members, settings; see consumer.h. */
#include "kafka/consumer_internal.h"

#include "kafka/client.h"
#include "kafka/errors.h"

#include <inttypes.h>
#include <regex.h>
#include <stdio.h>
#include <string.h>

enum sluice_code sluice_consumer_ping(struct sluice_consumer *consumer, int timeout_ms, struct sluice_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_metadata(consumer->rk, 0, NULL, &metadata, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "reach a broker of kafka.bootstrap.servers");
    rd_kafka_metadata_destroy(metadata);
    return SLUICE_OK;
}

static bool is_excluded(const struct sluice_consumer *consumer, const char *topic)
{
    for (size_t i = 0; i < consumer->n_excluded; i++) {
        if (strcmp(consumer->excluded[i], topic) == 0)
            return true;
    }
    return false;
}

/* librdkafka matches a pattern with POSIX extended regular expressions, so the same library answers here. */
static enum sluice_code visit_matching(const struct sluice_consumer *consumer, const char *pattern,
                                       const struct rd_kafka_metadata *metadata, sluice_topic_visit_fn visit,
                                       void *context, struct sluice_error *err)
{
    regex_t regex;
    bool is_regex = pattern[0] == '^';
    bool found = false;
    if (is_regex && regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB) != 0)
        return sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP,
                                "kafka.topics: \"%s\" is not a POSIX extended regular expression", pattern);
    for (int i = 0; i < metadata->topic_cnt; i++) {
        const struct rd_kafka_metadata_topic *topic = &metadata->topics[i];
        bool matches = is_regex ? regexec(&regex, topic->topic, 0, NULL, 0) == 0 : strcmp(pattern, topic->topic) == 0;
        if (!matches || is_excluded(consumer, topic->topic) || topic->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        found = true;
        visit(context, topic->topic, topic->partition_cnt);
    }
    if (is_regex)
        regfree(&regex);
    else if (!found)
        visit(context, pattern, 0);
    return SLUICE_OK;
}

enum sluice_code sluice_consumer_visit_topics(struct sluice_consumer *consumer, int timeout_ms,
                                              sluice_topic_visit_fn visit, void *context, struct sluice_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_metadata(consumer->rk, 1, NULL, &metadata, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "list the topics");
    enum sluice_code code = SLUICE_OK;
    for (int i = 0; code == SLUICE_OK && i < consumer->subscription->cnt; i++)
        code = visit_matching(consumer, consumer->subscription->elems[i].topic, metadata, visit, context, err);
    rd_kafka_metadata_destroy(metadata);
    return code;
}

int64_t sluice_consumer_end_offset(struct sluice_consumer *consumer, const char *topic, int32_t partition)
{
    int64_t low = -1;
    int64_t high = -1;
    if (rd_kafka_get_watermark_offsets(consumer->rk, topic, partition, &low, &high) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return -1;
    return high >= 0 ? high : -1;
}

int64_t sluice_consumer_ask_end_offset(struct sluice_consumer *consumer, const char *topic, int32_t partition,
                                       int timeout_ms)
{
    int64_t low = -1;
    int64_t high = -1;
    rd_kafka_resp_err_t failed =
        rd_kafka_query_watermark_offsets(consumer->rk, topic, partition, &low, &high, timeout_ms);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? high : -1;
}

enum sluice_code sluice_consumer_start_offset(struct sluice_consumer *consumer, const char *topic, int32_t partition,
                                              int timeout_ms, int64_t *low, struct sluice_error *err)
{
    int64_t high = -1;
    rd_kafka_resp_err_t failed =
        rd_kafka_query_watermark_offsets(consumer->rk, topic, partition, low, &high, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "ask for the oldest offset of a partition");
    return SLUICE_OK;
}

enum sluice_code sluice_consumer_committed(struct sluice_consumer *consumer, const char *topic, int32_t partition,
                                           int timeout_ms, int64_t *offset, char *metadata, size_t metadata_size,
                                           struct sluice_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, partition);
    /* Stable offsets are asked for because of isolation.level, which is ours. */
    rd_kafka_resp_err_t failed = rd_kafka_committed(consumer->rk, list, timeout_ms);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        failed = p->err;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        *offset = p->offset >= 0 ? p->offset : -1;
        kafka_copy_text(p, metadata, metadata_size);
    }
    rd_kafka_topic_partition_list_destroy(list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "read the group's committed offset of a partition");
    return SLUICE_OK;
}

enum sluice_code sluice_consumer_cluster_id(struct sluice_consumer *consumer, int timeout_ms,
                                            char out[SLUICE_KAFKA_CLUSTER_ID], struct sluice_error *err)
{
    char *id = rd_kafka_clusterid(consumer->rk, timeout_ms);
    size_t length = id != NULL ? strlen(id) : 0;
    bool fits = length > 0 && length < SLUICE_KAFKA_CLUSTER_ID;
    if (fits)
        memcpy(out, id, length + 1);
    rd_kafka_mem_free(consumer->rk, id);
    if (!fits)
        return sluice_error_set(err, SLUICE_E_KAFKA, SLUICE_RETRY,
                                "ask for the id of the Kafka cluster: no broker of kafka.bootstrap.servers told one");
    return SLUICE_OK;
}

enum sluice_code sluice_consumer_visit_members(struct sluice_consumer *consumer, const char *group_id, int timeout_ms,
                                               sluice_member_visit_fn visit, void *context, struct sluice_error *err)
{
    const struct rd_kafka_group_list *groups = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_list_groups(consumer->rk, group_id, &groups, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR && groups != NULL)
        rd_kafka_group_list_destroy(groups); /* a part of the answer proves nothing */
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "list the members of the group");
    enum sluice_code code = SLUICE_OK;
    for (int i = 0; i < groups->group_cnt; i++) {
        const struct rd_kafka_group_info *group = &groups->groups[i];
        if (group->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            code = kafka_error_from(err, group->err, "list the members of the group");
        for (int j = 0; j < group->member_cnt; j++)
            visit(context, group->members[j].client_id, group->members[j].client_host);
    }
    rd_kafka_group_list_destroy(groups);
    return code;
}

enum sluice_code sluice_consumer_offset_at_time(struct sluice_consumer *consumer, const char *topic, int32_t partition,
                                                int64_t time_ms, int timeout_ms, int64_t *offset,
                                                struct sluice_error *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *p = rd_kafka_topic_partition_list_add(list, topic, partition);
    p->offset = time_ms; /* the question stands where the answer will */
    rd_kafka_resp_err_t failed = rd_kafka_offsets_for_times(consumer->rk, list, timeout_ms);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        failed = p->err;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        *offset = p->offset >= 0 ? p->offset : -1;
    rd_kafka_topic_partition_list_destroy(list);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "ask for the offset at a time");
    return SLUICE_OK;
}

static void visit_group(const rd_kafka_ConsumerGroupDescription_t *group, sluice_holder_visit_fn visit, void *context)
{
    for (size_t i = 0; i < rd_kafka_ConsumerGroupDescription_member_count(group); i++) {
        const rd_kafka_MemberDescription_t *member = rd_kafka_ConsumerGroupDescription_member(group, i);
        const rd_kafka_MemberAssignment_t *assignment = rd_kafka_MemberDescription_assignment(member);
        const rd_kafka_topic_partition_list_t *list =
            assignment != NULL ? rd_kafka_MemberAssignment_partitions(assignment) : NULL;
        for (int j = 0; list != NULL && j < list->cnt; j++)
            visit(context, rd_kafka_MemberDescription_client_id(member), rd_kafka_MemberDescription_host(member),
                  list->elems[j].topic, list->elems[j].partition);
    }
}

enum sluice_code sluice_consumer_visit_holders(struct sluice_consumer *consumer, const char *group_id, int timeout_ms,
                                               sluice_holder_visit_fn visit, void *context, struct sluice_error *err)
{
    size_t n = 0;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(consumer->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS);
    char reason[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    rd_kafka_DescribeConsumerGroups(consumer->rk, &group_id, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    rd_kafka_resp_err_t failed = event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const rd_kafka_ConsumerGroupDescription_t **groups =
            rd_kafka_DescribeConsumerGroups_result_groups(rd_kafka_event_DescribeConsumerGroups_result(event), &n);
        const rd_kafka_error_t *error = n == 1 ? rd_kafka_ConsumerGroupDescription_error(groups[0]) : NULL;
        failed = n == 1 ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR__BAD_MSG;
        if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
            visit_group(groups[0], visit, context);
        /* Newer brokers say so of a group that never was. */
        failed = failed == RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND ? RD_KAFKA_RESP_ERR_NO_ERROR : failed;
    }
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "describe the group");
    return SLUICE_OK;
}

static enum sluice_code find_broker(struct sluice_consumer *consumer, int timeout_ms, char id[16],
                                    struct sluice_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t failed = rd_kafka_metadata(consumer->rk, 0, NULL, &metadata, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "reach a broker of kafka.bootstrap.servers");
    (void)snprintf(id, 16, "%" PRId32, metadata->broker_cnt > 0 ? metadata->brokers[0].id : 0);
    rd_kafka_metadata_destroy(metadata);
    return SLUICE_OK;
}

static void copy_setting(const rd_kafka_ConfigResource_t *resource, const char *name, char *value, size_t value_size)
{
    size_t n = 0;
    const rd_kafka_ConfigEntry_t **entries = rd_kafka_ConfigResource_configs(resource, &n);
    value[0] = '\0';
    for (size_t i = 0; i < n; i++) {
        const char *text = rd_kafka_ConfigEntry_value(entries[i]);
        if (strcmp(rd_kafka_ConfigEntry_name(entries[i]), name) == 0 && text != NULL)
            (void)snprintf(value, value_size, "%s", text);
    }
}

/* The answer to one resource, NULL with `err` set. Borrowed from the event. */
static const rd_kafka_ConfigResource_t *answered_resource(rd_kafka_event_t *event, struct sluice_error *err)
{
    size_t n = 0;
    rd_kafka_resp_err_t failed = event == NULL ? RD_KAFKA_RESP_ERR__TIMED_OUT : rd_kafka_event_error(event);
    const rd_kafka_ConfigResource_t *resource = NULL;
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR) {
        const rd_kafka_ConfigResource_t **resources =
            rd_kafka_DescribeConfigs_result_resources(rd_kafka_event_DescribeConfigs_result(event), &n);
        resource = n > 0 ? resources[0] : NULL;
        failed = n > 0 ? rd_kafka_ConfigResource_error(resource) : RD_KAFKA_RESP_ERR__BAD_MSG;
    }
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        return resource;
    (void)kafka_error_from(err, failed, "ask for the brokers' configuration");
    return NULL;
}

enum sluice_code sluice_consumer_broker_setting(struct sluice_consumer *consumer, const char *name, int timeout_ms,
                                                char *value, size_t value_size, struct sluice_error *err)
{
    char id[16];
    enum sluice_code code = find_broker(consumer, timeout_ms, id, err);
    if (code != SLUICE_OK)
        return code;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(consumer->rk);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(consumer->rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_BROKER, id);
    char reason[128];
    (void)rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason, sizeof reason);
    rd_kafka_DescribeConfigs(consumer->rk, &asked, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    const rd_kafka_ConfigResource_t *resource = answered_resource(event, err);
    if (resource != NULL)
        copy_setting(resource, name, value, value_size);
    else
        code = err->code;
    if (event != NULL)
        rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return code;
}
