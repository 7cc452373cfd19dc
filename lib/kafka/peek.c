/* peek.c - see peek.h. Partitions are assigned by hand, so that no group hears of it. */
#include "kafka/peek.h"

#include "base/clock.h"
#include "kafka/client.h"
#include "kafka/errors.h"

static void rk_free(rd_kafka_t *rk)
{
    if (rk != NULL)
        rd_kafka_destroy(rk);
}
SLUICE_DEFINE_AUTO_PTR(rk, rd_kafka_t, rk_free)

static enum sluice_code set_options(const struct sluice_consumer_options *options, rd_kafka_conf_t *conf,
                                    struct sluice_error *err)
{
    const struct sluice_kafka_option own[] = {{"bootstrap.servers", options->bootstrap_servers},
                                              {"group.id", options->group_id},
                                              {"enable.auto.commit", "false"},
                                              {"enable.partition.eof", "true"},
                                              {"auto.offset.reset", "earliest"},
                                              {"allow.auto.create.topics", "false"}};
    enum sluice_code code = SLUICE_OK;
    for (size_t i = 0; i < options->n_extra && code == SLUICE_OK; i++)
        if (kafka_is_connection_option(options->extra[i].key))
            code = kafka_set_option(conf, options->extra[i].key, options->extra[i].value, err);
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(own) && code == SLUICE_OK; i++)
        code = kafka_set_option(conf, own[i].key, own[i].value, err);
    return code;
}

static enum sluice_code connect_to(const struct sluice_consumer_options *options, rd_kafka_t **out,
                                   struct sluice_error *err)
{
    char reason[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sluice_code code = set_options(options, conf, err);
    if (code == SLUICE_OK) {
        rd_kafka_conf_set_log_cb(conf, kafka_on_log);
        *out = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
        if (*out == NULL)
            code = sluice_error_set(err, SLUICE_E_CONFIG, SLUICE_STOP, "librdkafka refuses the options: %s", reason);
    }
    if (code != SLUICE_OK) {
        rd_kafka_conf_destroy(conf);
        return code;
    }
    (void)rd_kafka_poll_set_consumer(*out);
    return SLUICE_OK;
}

static int left_ms(int64_t deadline_us)
{
    int64_t left = (deadline_us - sluice_mono_us()) / 1000;
    return left > 0 ? (int)left : 0;
}

/* Assigns one partition at its last offsets; false if it is empty. */
static enum sluice_code assign(rd_kafka_t *rk, const char *topic, int32_t partition, int64_t n_last,
                               int64_t deadline_us, bool *is_empty, struct sluice_error *err)
{
    int64_t low = 0;
    int64_t high = 0;
    rd_kafka_resp_err_t failed =
        rd_kafka_query_watermark_offsets(rk, topic, partition, &low, &high, left_ms(deadline_us));
    *is_empty = failed == RD_KAFKA_RESP_ERR_NO_ERROR && high <= low;
    if (*is_empty)
        return SLUICE_OK;
    SLUICE_AUTO(kafka_list) rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    kafka_list_add(list, topic, partition, high - n_last > low ? high - n_last : low, NULL);
    if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
        failed = rd_kafka_assign(rk, list);
    return failed == RD_KAFKA_RESP_ERR_NO_ERROR ? SLUICE_OK : kafka_error_from(err, failed, "look at the last records");
}

/* Reads on to the end of the assigned partition. */
static enum sluice_code read_to_end(rd_kafka_t *rk, int64_t deadline_us, kafka_peek_fn visit, void *context,
                                    struct sluice_error *err)
{
    for (;;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(rk, left_ms(deadline_us));
        if (message == NULL)
            return kafka_error_from(err, RD_KAFKA_RESP_ERR__TIMED_OUT, "look at the last records");
        rd_kafka_resp_err_t failed = message->err;
        if (failed == RD_KAFKA_RESP_ERR_NO_ERROR)
            visit(context, message);
        rd_kafka_message_destroy(message);
        if (failed == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            return SLUICE_OK;
        if (failed != RD_KAFKA_RESP_ERR_NO_ERROR && left_ms(deadline_us) == 0)
            return kafka_error_from(err, failed, "look at the last records");
    }
}

enum sluice_code kafka_peek(const struct sluice_consumer_options *options, const char *topic, int n_partitions,
                            int64_t n_last, int timeout_ms, kafka_peek_fn visit, void *context,
                            struct sluice_error *err)
{
    int64_t deadline_us = sluice_mono_us() + (int64_t)timeout_ms * 1000;
    SLUICE_AUTO(rk) rd_kafka_t *rk = NULL;
    enum sluice_code code = connect_to(options, &rk, err);
    for (int partition = 0; partition < n_partitions && code == SLUICE_OK; partition++) {
        bool is_empty = false;
        code = assign(rk, topic, partition, n_last, deadline_us, &is_empty, err);
        if (code == SLUICE_OK && !is_empty)
            code = read_to_end(rk, deadline_us, visit, context, err);
    }
    return code;
}
