/* produce.c - see produce.h. The client's macros for this are an extension of the language. */
#include "kafka/produce.h"

#include "base/compiler.h"

rd_kafka_resp_err_t kafka_produce(rd_kafka_t *producer, const struct kafka_outgoing *record)
{
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = record->partition},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {record->key, record->key_len}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {record->value, record->value_len}},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = record->copies_value ? RD_KAFKA_MSG_F_COPY : 0},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms > 0 ? record->timestamp_ms : 0},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = record->opaque},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = record->headers},
    };
    const size_t n = SLUICE_N_ELEMENTS(parts) - (record->headers == NULL);
    rd_kafka_error_t *error = rd_kafka_produceva(producer, parts, n);
    const rd_kafka_resp_err_t failed = error != NULL ? rd_kafka_error_code(error) : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (error != NULL)
        rd_kafka_error_destroy(error);
    return failed;
}
