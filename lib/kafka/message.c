/* message.c - see message.h. */
#include "kafka/message.h"

/* Headers are parsed by librdkafka on the first call for a message, so ask only where the answer matters. */
static bool find_header(const rd_kafka_message_t *message, const char *name, struct sluice_str *out)
{
    rd_kafka_headers_t *headers = NULL;
    const void *value = NULL;
    size_t size = 0;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR ||
        rd_kafka_header_get_last(headers, name, &value, &size) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return false;
    *out = (struct sluice_str){value, size};
    return true;
}

static bool has_header(const rd_kafka_message_t *message, const char *name)
{
    struct sluice_str ignored;
    return find_header(message, name, &ignored);
}

static int64_t timestamp_ms(const rd_kafka_message_t *message)
{
    return rd_kafka_message_timestamp(message, NULL);
}

static rd_kafka_headers_t *copy_headers(const rd_kafka_message_t *message)
{
    enum { OURS = 12 };
    rd_kafka_headers_t *headers = NULL;
    if (rd_kafka_message_headers(message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return rd_kafka_headers_new(OURS);
    return rd_kafka_headers_copy(headers);
}

const struct sluice_message_ops sluice_kafka_message_ops = {rd_kafka_message_destroy, has_header, timestamp_ms,
                                                            find_header, copy_headers};
