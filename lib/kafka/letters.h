/* letters.h - the producer of dead letters: records on their way into a topic of the pipeline's own.
 *
 * A letter counts as sent when every in-sync replica has it (acks=all). The producer is idempotent, so that its own
 * repetitions don't store one twice; a letter whose acknowledgement was lost may be sent again and then stands there
 * twice.
 *
 * Thread: one at a time.
 */
#ifndef SLUICE_KAFKA_LETTERS_H
#define SLUICE_KAFKA_LETTERS_H

#include "base/error.h"
#include "sluice/config.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

struct sluice_letter {
    void *key; /* NULL: none */
    size_t key_len;
    void *value; /* NULL: none */
    size_t value_len;
    rd_kafka_headers_t *headers;
    int64_t timestamp_ms; /* negative: the time of sending */
    bool is_sent;         /* acknowledged; set by sluice_letters_send() */
    rd_kafka_resp_err_t failed;
};

/* The headers of a letter: those of the record, if `keep`, then `ours`, which are taken. A record that was replayed
 * names its first place, state and version itself; they stay, and its attempt is one more. `record` may be NULL. */
rd_kafka_headers_t *sluice_letter_headers(const rd_kafka_headers_t *record, bool keep, rd_kafka_headers_t *ours);
/* Room for the longest text of a header of ours that is read back, NUL included. */
enum { SLUICE_LETTER_TEXT = 1024 };
/* The value of a header as text of at most `size` - 1 bytes; false without it, or if it does not fit. */
bool sluice_letter_header(const rd_kafka_headers_t *headers, const char *name, char *text, size_t size);

struct sluice_letters;

/* For dead_letters.topic of the configuration. Connects nothing yet. Errors: SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code sluice_letters_new(const struct sluice_config *config, struct sluice_letters **out,
                                                      struct sluice_error *err);
/* What is not acknowledged may still arrive. NULL does nothing. */
void sluice_letters_free(struct sluice_letters *letters);

/* Makes the topic if it is not there: one partition, the broker's replication, no end of retention. Errors:
 * SLUICE_E_KAFKA; SLUICE_STOP where it is missing and may not be made. */
SLUICE_MUST_CHECK enum sluice_code sluice_letters_make_topic(struct sluice_letters *letters, const char *topic,
                                                             int timeout_ms, struct sluice_error *err);

/* Sends those that are not sent yet and waits until all are acknowledged. Errors: SLUICE_E_KAFKA, always SLUICE_RETRY,
 * with the reason of one that is not; SLUICE_E_CANCELLED once *abort. */
SLUICE_MUST_CHECK enum sluice_code sluice_letters_send(struct sluice_letters *letters,
                                                       struct sluice_letter *const *list, size_t n_list,
                                                       const atomic_bool *abort, struct sluice_error *err);

#endif
