/* errors.c - see errors.h. */
#include "kafka/errors.h"

struct known_error {
    rd_kafka_resp_err_t code;
    enum sluice_action action;
    const char *remedy;
};

static const struct known_error known[] = {
    {RD_KAFKA_RESP_ERR__TRANSPORT, SLUICE_RETRY, "is the broker up and kafka.bootstrap.servers right?"},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, SLUICE_RETRY, "is the broker up and kafka.bootstrap.servers right?"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, SLUICE_RETRY, "is the broker up and kafka.bootstrap.servers right?"},
    {RD_KAFKA_RESP_ERR__RESOLVE, SLUICE_RETRY, "the host name in kafka.bootstrap.servers does not resolve"},
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, SLUICE_STOP, "check kafka.sasl.username and kafka.sasl.password"},
    {RD_KAFKA_RESP_ERR__SSL, SLUICE_STOP, "check kafka.security.protocol and kafka.ssl.ca.location"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, SLUICE_STOP, "grant Read and Describe on the topic to this user"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, SLUICE_STOP, "grant Read on the consumer group to this user"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, SLUICE_STOP,
     "grant Write and Describe on the transactional ids that begin with sluice- to this user"},
    {RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT, SLUICE_STOP,
     "the broker's transaction.max.timeout.ms is below 5000; raise it"},
    {RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE, SLUICE_STOP, "set the broker's offset.metadata.max.bytes to 4096"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, SLUICE_RETRY, "the group has gone on without this member"},
    {RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION, SLUICE_RETRY, "the group has gone on without this member"},
    {RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, SLUICE_RETRY, "another worker runs with the same kafka.group.instance.id"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, SLUICE_RETRY, "create the topic, or correct kafka.topics"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, SLUICE_RETRY, "create the topic, or correct kafka.topics"},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, SLUICE_STOP, "check kafka.topics for a regular expression that does not compile"},
    {RD_KAFKA_RESP_ERR__FATAL, SLUICE_STOP, "the reason stands in the log line before"},
};

enum sluice_code kafka_error_from(struct sluice_error *err, rd_kafka_resp_err_t what, const char *attempt)
{
    enum sluice_action action = SLUICE_RETRY;
    const char *remedy = NULL;
    for (size_t i = 0; i < SLUICE_N_ELEMENTS(known); i++) {
        if (known[i].code == what) {
            action = known[i].action;
            remedy = known[i].remedy;
        }
    }
    (void)sluice_error_set(err, SLUICE_E_KAFKA, action, "%s: %s (%s)%s%s", attempt, rd_kafka_err2str(what),
                           rd_kafka_err2name(what), remedy != NULL ? "; " : "", remedy != NULL ? remedy : "");
    err->detail = what;
    return SLUICE_E_KAFKA;
}
