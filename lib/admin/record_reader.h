/* record_reader.h - takes records apart outside of a worker, of any encoding, one after the other. Thread: one at a
 * time. */
#ifndef SLUICE_ADMIN_RECORD_READER_H
#define SLUICE_ADMIN_RECORD_READER_H

#include "pipeline/lane_internal.h"

struct record_reader;

/* The configuration is borrowed. Connects nothing yet. Errors: SLUICE_E_CONFIG, SLUICE_E_NOMEM. */
SLUICE_MUST_CHECK enum sluice_code record_reader_new(const struct sluice_config *config, struct record_reader **out,
                                                     struct sluice_error *err);
void record_reader_free(struct record_reader *reader); /* NULL does nothing */
SLUICE_DEFINE_AUTO_PTR(record_reader, struct record_reader, record_reader_free)

/* The next records are those of this topic; its name is borrowed until the next call. */
void record_reader_begin(struct record_reader *reader, const char *topic);
/* Errors: those of sluice_change_decode() and of the registry. */
SLUICE_MUST_CHECK enum sluice_code record_reader_value(struct record_reader *reader, const rd_kafka_message_t *message,
                                                       struct sluice_change *change, struct sluice_error *err);
/* Nothing in `key` of a record without one. Errors: those of sluice_key_decode() and of the registry. */
SLUICE_MUST_CHECK enum sluice_code record_reader_key(struct record_reader *reader, const rd_kafka_message_t *message,
                                                     struct sluice_key *key, struct sluice_error *err);
/* The fields of a value that is no change: a struct of any kind. Nothing in `fields` of a null. Errors: as those of a
 * key. */
SLUICE_MUST_CHECK enum sluice_code record_reader_struct(struct record_reader *reader, const rd_kafka_message_t *message,
                                                        struct sluice_key *fields, struct sluice_error *err);

#endif
