/* error.h - what every fallible function of libsluice returns and fills in.
 *
 * A function that can fail returns `enum sluice_code` and takes `struct sluice_error *err`, never NULL. `err` is
 * written on failure only; the first cause stays, callers put context in front of it with sluice_error_wrap(). The code
 * says what happened, the action what the pipeline should do about it, decided where the facts are known.
 */
#ifndef SLUICE_ERROR_H
#define SLUICE_ERROR_H

#include <stdbool.h>

#if defined(__GNUC__)
#define SLUICE_MUST_CHECK        __attribute__((warn_unused_result))
#define SLUICE_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define SLUICE_MUST_CHECK
#define SLUICE_PRINTF(fmt, args)
#endif

/* X(symbol, label, sentence). Labels are stable: they are metric labels and documented names. */
#define SLUICE_CODES(X)                                                                                                \
    X(SLUICE_OK, "ok", "no error")                                                                                     \
    X(SLUICE_E_NOMEM, "no_memory", "an allocation failed")                                                             \
    X(SLUICE_E_LIMIT, "limit", "a bounded buffer, queue or table is full")                                             \
    X(SLUICE_E_USAGE, "usage", "wrong command line")                                                                   \
    X(SLUICE_E_CONFIG, "config", "wrong or missing option")                                                            \
    X(SLUICE_E_IO, "io", "a system call failed")                                                                       \
    X(SLUICE_E_JSON, "json", "text that is not valid JSON")                                                            \
    X(SLUICE_E_ENVELOPE, "envelope", "a record that is not a change envelope")                                         \
    X(SLUICE_E_KEY, "key", "a record without a usable key")                                                            \
    X(SLUICE_E_POSITION, "position", "a record whose log position is missing or not understood")                       \
    X(SLUICE_E_HISTORY, "history", "the source's log position went back")                                              \
    X(SLUICE_E_VALUE, "value", "a value that does not fit its column")                                                 \
    X(SLUICE_E_TOAST, "toast", "a value that was left out as unchanged TOAST")                                         \
    X(SLUICE_E_TYPE, "type", "a type or a pair of types that is not supported")                                        \
    X(SLUICE_E_SHAPE, "shape", "fields or schema differ from the planned table")                                       \
    X(SLUICE_E_TRUNCATE, "truncate", "a TRUNCATE event")                                                               \
    X(SLUICE_E_TABLE, "table", "the target table is missing or not usable")                                            \
    X(SLUICE_E_KAFKA, "kafka", "Kafka refused or did not answer")                                                      \
    X(SLUICE_E_KAFKA_OFFSET, "kafka_offset", "an offset is no longer, or not yet, in the topic")                       \
    X(SLUICE_E_LEDGER, "ledger", "the ledger of exactly-once delivery needs a person")                                 \
    X(SLUICE_E_UNSAFE, "unsafe", "exactly-once delivery can't be kept with this configuration")                        \
    X(SLUICE_E_HTTP, "http", "no complete HTTP answer, outcome unknown")                                               \
    X(SLUICE_E_SERVER, "server", "ClickHouse answered with an error")                                                  \
    X(SLUICE_E_AVRO, "avro", "bytes that are not valid Avro, or framed in an unknown way")                             \
    X(SLUICE_E_SCHEMA, "schema", "a schema of the registry that can't be used")                                        \
    X(SLUICE_E_REGISTRY, "registry", "the schema registry refused or did not answer")                                  \
    X(SLUICE_E_CANCELLED, "cancelled", "given up because the worker stops or lost the partition")                      \
    X(SLUICE_E_UNSUPPORTED, "unsupported", "not supported by this version")

enum sluice_code {
#define SLUICE_CODE_ENUM(symbol, label, sentence) symbol,
    SLUICE_CODES(SLUICE_CODE_ENUM)
#undef SLUICE_CODE_ENUM
        SLUICE_N_CODES
};

enum sluice_action {
    SLUICE_RETRY,          /* the same input later */
    SLUICE_REJECT,         /* this record never */
    SLUICE_STOP_PARTITION, /* this partition, until a person acted */
    SLUICE_STOP            /* the process */
};

struct sluice_error {
    enum sluice_code code;
    enum sluice_action action;
    long detail;    /* errno, HTTP status, server error code or rd_kafka_resp_err_t; 0 if none */
    char text[768]; /* for a person: what was attempted on which object, why it failed, what to do; never parsed */
};

/* Fills `err` and returns `code`, so that `return sluice_error_set(...)` ends a function. */
enum sluice_code sluice_error_set(struct sluice_error *err, enum sluice_code code, enum sluice_action action,
                                  const char *format, ...) SLUICE_PRINTF(4, 5);

/* Puts context in front of the text: "CONTEXT: text". Returns err->code. A text that no longer fits loses its end. */
enum sluice_code sluice_error_wrap(struct sluice_error *err, const char *format, ...) SLUICE_PRINTF(2, 3);

/* The stable label of a code ("json"), and its one-sentence meaning. Never NULL. */
const char *sluice_code_label(enum sluice_code code);
const char *sluice_code_sentence(enum sluice_code code);

#endif
