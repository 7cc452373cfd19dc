/* produce.h - hands one record to a producer. Private to lib/kafka. */
#ifndef SLUICE_KAFKA_PRODUCE_H
#define SLUICE_KAFKA_PRODUCE_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

/* librdkafka takes no const, and changes nothing. The key is copied. */
struct kafka_outgoing {
    const char *topic;
    int32_t partition; /* RD_KAFKA_PARTITION_UA: the client's choice */
    void *key;         /* NULL: none, as the value */
    size_t key_len;
    void *value; /* has to stay until the record's delivery is reported, unless `copies_value` */
    size_t value_len;
    bool copies_value;
    rd_kafka_headers_t *headers; /* NULL: none; taken unless an error is returned */
    int64_t timestamp_ms;        /* 0 and below: now */
    void *opaque;                /* of the delivery report */
};

rd_kafka_resp_err_t kafka_produce(rd_kafka_t *producer, const struct kafka_outgoing *record);

#endif
