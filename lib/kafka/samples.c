/* samples.c - see samples.h. */
#include "kafka/samples.h"

#include "kafka/client.h"
#include "kafka/errors.h"

#include <stdlib.h>
#include <string.h>

struct sluice_samples {
    rd_kafka_t *rk;
};

static enum sluice_code set_options(rd_kafka_conf_t *conf, const struct sluice_config *config, struct sluice_error *err)
{
    const struct kafka_option own[] = {{"bootstrap.servers", config->kafka_bootstrap_servers},
                                       {"enable.partition.eof", "true"},
                                       {"fetch.wait.max.ms", "20"}, /* what is there is there */
                                       {"isolation.level", "read_committed"}};
    enum sluice_code code = kafka_set_options(conf, own, SLUICE_N_ELEMENTS(own), err);
    for (size_t i = 0; i < config->n_kafka_properties && code == SLUICE_OK; i++) {
        const struct sluice_config_property *property = &config->kafka_properties[i];
        if (kafka_is_connection_option(property->key))
            code = kafka_set_option(conf, property->key, property->value, err);
    }
    return code;
}

enum sluice_code sluice_samples_new(const struct sluice_config *config, struct sluice_samples **out,
                                    struct sluice_error *err)
{
    struct sluice_samples *samples = calloc(1, sizeof *samples);
    if (samples == NULL)
        return sluice_error_nomem(err, "a reader of samples", sizeof *samples);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code =
        kafka_client_new(RD_KAFKA_CONSUMER, conf, set_options(conf, config, err), &samples->rk, err);
    if (code != SLUICE_OK) {
        free(samples);
        return code;
    }
    *out = samples;
    return SLUICE_OK;
}

void sluice_samples_free(struct sluice_samples *samples)
{
    if (samples == NULL)
        return;
    rd_kafka_destroy(samples->rk);
    free(samples);
}

/* Offsets from `first` to `last`; some of them may be of no record. */
static enum sluice_code visit_offsets(rd_kafka_topic_t *topic, int32_t partition, int64_t first, int64_t last,
                                      int timeout_ms, sluice_sample_fn visit, void *context, struct sluice_error *err)
{
    bool more = first <= last;
    enum sluice_code code = SLUICE_OK;
    if (!more)
        return SLUICE_OK;
    if (rd_kafka_consume_start(topic, partition, first) != 0)
        return kafka_error_from(err, rd_kafka_last_error(), "read some records");
    while (more && code == SLUICE_OK) {
        rd_kafka_message_t *message = rd_kafka_consume(topic, partition, timeout_ms);
        if (message == NULL) {
            code = kafka_error_from(err, RD_KAFKA_RESP_ERR__TIMED_OUT, "read some records");
            break;
        }
        bool goes_on = true;
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset <= last)
            goes_on = visit(context, message);
        else if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            code = kafka_error_from(err, message->err, "read some records");
        more = goes_on && message->err == RD_KAFKA_RESP_ERR_NO_ERROR && message->offset < last;
        rd_kafka_message_destroy(message);
    }
    (void)rd_kafka_consume_stop(topic, partition); /* fails only where nothing was started */
    return code;
}

enum sluice_code sluice_samples_visit(struct sluice_samples *samples, const char *topic, int32_t partition,
                                      int64_t n_first, int64_t n_last, int timeout_ms, sluice_sample_fn visit,
                                      void *context, struct sluice_error *err)
{
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_resp_err_t failed =
        rd_kafka_query_watermark_offsets(samples->rk, topic, partition, &low, &high, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "ask for the ends of a partition");
    rd_kafka_topic_t *handle = rd_kafka_topic_new(samples->rk, topic, NULL);
    if (handle == NULL)
        return kafka_error_from(err, rd_kafka_last_error(), "open a topic");
    int64_t oldest_end = low + n_first < high ? low + n_first : high;
    int64_t newest = high - n_last > oldest_end ? high - n_last : oldest_end;
    enum sluice_code code = visit_offsets(handle, partition, low, oldest_end - 1, timeout_ms, visit, context, err);
    if (code == SLUICE_OK)
        code = visit_offsets(handle, partition, newest, high - 1, timeout_ms, visit, context, err);
    rd_kafka_topic_destroy(handle);
    return code;
}

enum sluice_code sluice_samples_scan(struct sluice_samples *samples, const char *topic, int32_t partition,
                                     int64_t first, int64_t last, int timeout_ms, sluice_sample_fn visit, void *context,
                                     struct sluice_error *err)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(samples->rk, topic, NULL);
    if (handle == NULL)
        return kafka_error_from(err, rd_kafka_last_error(), "open a topic");
    enum sluice_code code = visit_offsets(handle, partition, first, last, timeout_ms, visit, context, err);
    rd_kafka_topic_destroy(handle);
    return code;
}

enum sluice_code sluice_samples_partitions(struct sluice_samples *samples, const char *topic, int timeout_ms, int *n,
                                           struct sluice_error *err)
{
    const struct rd_kafka_metadata *metadata = NULL;
    /* Asked for all of them: being asked for one, a broker may make it. */
    rd_kafka_resp_err_t failed = rd_kafka_metadata(samples->rk, 1, NULL, &metadata, timeout_ms);
    if (failed != RD_KAFKA_RESP_ERR_NO_ERROR)
        return kafka_error_from(err, failed, "list the topics");
    *n = 0;
    for (int i = 0; i < metadata->topic_cnt; i++) {
        if (strcmp(metadata->topics[i].topic, topic) == 0)
            *n = metadata->topics[i].partition_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return SLUICE_OK;
}

enum sluice_code sluice_samples_end(struct sluice_samples *samples, const char *topic, int32_t partition,
                                    int timeout_ms, int64_t *end, struct sluice_error *err)
{
    int64_t low = 0;
    rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(samples->rk, topic, partition, &low, end, timeout_ms);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        return SLUICE_OK;
    (void)kafka_error_from(err, failed, "ask for the end of a partition");
    return sluice_error_wrap(err, "topic \"%s\" partition %d", topic, (int)partition);
}

enum sluice_code sluice_samples_ends(struct sluice_samples *samples, const char *topic, int32_t partition,
                                     int timeout_ms, int64_t *low, int64_t *high, struct sluice_error *err)
{
    rd_kafka_resp_err_t failed = rd_kafka_query_watermark_offsets(samples->rk, topic, partition, low, high, timeout_ms);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? SLUICE_OK
                                                : kafka_error_from(err, failed, "ask for the ends of a partition");
}
