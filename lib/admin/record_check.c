/* record_check.c - see record_check.h. */
#include "admin/record_check.h"

#include "kafka/message.h"
#include "ledger/check.h"

struct comparing {
    const struct sluice_ledger_check *check;
    bool differs;
};

static bool visit(void *context, const rd_kafka_message_t *message)
{
    struct comparing *comparing = context;
    const struct sluice_str key = {message->key, message->key_len};
    const struct sluice_str value = {message->payload, message->len};
    const struct sluice_ledger_check found =
        sluice_ledger_check_of(message->offset, sluice_kafka_message_ops.timestamp_ms(message), key, value);
    comparing->differs =
        found.offset == comparing->check->offset && !sluice_ledger_check_equal(&found, comparing->check);
    return false;
}

bool record_check_differs(struct sluice_samples *samples, const char *topic, int32_t partition,
                          const struct sluice_ledger_check *check, int timeout_ms)
{
    struct sluice_error ignored;
    struct comparing comparing = {check, false};
    return sluice_samples_scan(samples, topic, partition, check->offset, check->offset, timeout_ms, visit, &comparing,
                               &ignored) == SLUICE_OK &&
           comparing.differs;
}
